{{ canonical_entity(
    entity='instalments',
    side='loans',
    ids=['loan_id'],
    columns={
        'loan_id': 'text',
        'schedule_version': 'integer',
        'instalment_no': 'integer',
        'schedule_valid_from': 'date',
        'due_date': 'date',
        'principal_due_amount': 'numeric(20,2)',
        'interest_due_amount': 'numeric(20,2)',
        'fee_due_amount': 'numeric(20,2)',
        'currency': 'text',
    },
) }}
