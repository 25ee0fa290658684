{{ canonical_entity(
    entity='fx_rates',
    side='loans',
    ids=[],
    columns={
        'from_currency': 'text',
        'to_currency': 'text',
        'rate_date': 'date',
        'rate': 'numeric(20,10)',
    },
) }}
