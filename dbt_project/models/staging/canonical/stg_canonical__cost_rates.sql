{{ canonical_entity(
    entity='cost_rates',
    side='crm',
    ids=[],
    columns={
        'channel': 'text',
        'effective_date': 'date',
        'cost_amount': 'numeric(20,2)',
        'currency': 'text',
    },
) }}
