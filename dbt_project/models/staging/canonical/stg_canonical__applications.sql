{{ canonical_entity(
    entity='applications',
    side='loans',
    ids=['application_id', 'client_id', 'root_application_id'],
    columns={
        'application_id': 'text',
        'client_id': 'text',
        'root_application_id': 'text',
        'product': 'text',
        'requested_amount': 'numeric(20,2)',
        'currency': 'text',
        'submitted_at': 'timestamptz',
        'decided_at': 'timestamptz',
        'decision': 'text',
        'disbursed_at': 'timestamptz',
        'is_policy_exception': 'boolean',
    },
) }}
