{{ canonical_entity(
    entity='transactions',
    side='loans',
    ids=['transaction_id', 'loan_id', 'reverses_transaction_id'],
    columns={
        'transaction_id': 'text',
        'loan_id': 'text',
        'kind': 'text',
        'booked_date': 'date',
        'value_date': 'date',
        'amount': 'numeric(20,2)',
        'currency': 'text',
        'principal_part': 'numeric(20,2)',
        'interest_part': 'numeric(20,2)',
        'reverses_transaction_id': 'text',
    },
) }}
