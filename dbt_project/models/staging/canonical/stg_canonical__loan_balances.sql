{{ canonical_entity(
    entity='loan_balances',
    side='loans',
    ids=['loan_id'],
    columns={
        'loan_id': 'text',
        'balance_date': 'date',
        'outstanding_amount': 'numeric(20,2)',
        'arrears_amount': 'numeric(20,2)',
        'currency': 'text',
        'dpd_days': 'integer',
        'allowance_amount': 'numeric(20,2)',
    },
) }}
