{{ canonical_entity(
    entity='concessions',
    side='crm',
    ids=['concession_id', 'client_id', 'loan_id'],
    columns={
        'concession_id': 'text',
        'client_id': 'text',
        'loan_id': 'text',
        'kind': 'text',
        'cost_amount': 'numeric(20,2)',
        'currency': 'text',
        'approved_by': 'text',
        'granted_date': 'date',
        'valid_to': 'date',
        'is_financial_difficulty': 'boolean',
    },
) }}
