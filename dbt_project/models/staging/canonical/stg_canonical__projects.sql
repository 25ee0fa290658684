{{ canonical_entity(
    entity='projects',
    side='loans',
    ids=['project_id', 'client_id'],
    columns={
        'project_id': 'text',
        'client_id': 'text',
        'sponsor': 'text',
        'phase': 'text',
        'start_date': 'date',
        'completion_date': 'date',
        'end_date': 'date',
    },
) }}
