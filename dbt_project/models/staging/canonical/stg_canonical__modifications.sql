{{ canonical_entity(
    entity='modifications',
    side='loans',
    ids=['modification_id', 'loan_id'],
    columns={
        'modification_id': 'text',
        'loan_id': 'text',
        'kind': 'text',
        'approved_date': 'date',
        'is_financial_difficulty': 'boolean',
        'is_concession': 'boolean',
        'npv_before_amount': 'numeric(20,2)',
        'npv_after_amount': 'numeric(20,2)',
        'currency': 'text',
    },
) }}
