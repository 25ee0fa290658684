{{ canonical_entity(
    entity='product_usage',
    side='crm',
    ids=['holding_id'],
    columns={
        'holding_id': 'text',
        'month': 'date',
        'revenue_amount': 'numeric(20,2)',
        'currency': 'text',
        'last_used_date': 'date',
    },
) }}
