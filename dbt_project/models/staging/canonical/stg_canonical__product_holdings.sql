{{ canonical_entity(
    entity='product_holdings',
    side='crm',
    ids=['holding_id', 'client_id'],
    columns={
        'holding_id': 'text',
        'client_id': 'text',
        'product_family': 'text',
        'opened_date': 'date',
        'closed_date': 'date',
    },
) }}
