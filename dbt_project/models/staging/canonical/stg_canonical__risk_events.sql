{{ canonical_entity(
    entity='risk_events',
    side='loans',
    ids=['risk_event_id', 'client_id', 'loan_id'],
    columns={
        'risk_event_id': 'text',
        'client_id': 'text',
        'loan_id': 'text',
        'kind': 'text',
        'from_date': 'date',
        'to_date': 'date',
    },
) }}
