{{ canonical_entity(
    entity='loan_terms',
    side='loans',
    ids=['loan_id'],
    columns={
        'loan_id': 'text',
        'effective_date': 'date',
        'interest_rate': 'numeric(12,8)',
        'transfer_price_rate': 'numeric(12,8)',
    },
) }}
