{{ canonical_entity(
    entity='facilities',
    side='loans',
    ids=['facility_id', 'client_id', 'project_id'],
    columns={
        'facility_id': 'text',
        'client_id': 'text',
        'project_id': 'text',
        'limit_amount': 'numeric(20,2)',
        'currency': 'text',
        'is_committed': 'boolean',
        'start_date': 'date',
        'expiry_date': 'date',
    },
) }}
