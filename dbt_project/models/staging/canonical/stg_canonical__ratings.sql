{{ canonical_entity(
    entity='ratings',
    side='loans',
    ids=['client_id'],
    columns={
        'client_id': 'text',
        'scale': 'text',
        'effective_date': 'date',
        'grade': 'text',
        'pd_12m': 'numeric(12,8)',
        'model_id': 'text',
        'is_override': 'boolean',
    },
) }}
