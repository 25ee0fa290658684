{{ canonical_entity(
    entity='application_events',
    side='loans',
    ids=['application_id'],
    columns={
        'application_id': 'text',
        'event_no': 'integer',
        'stage': 'text',
        'actor_ref': 'text',
        'authority_level': 'text',
        'is_automatic': 'boolean',
        'is_waiting_for_client': 'boolean',
        'entered_at': 'timestamptz',
        'exited_at': 'timestamptz',
    },
) }}
