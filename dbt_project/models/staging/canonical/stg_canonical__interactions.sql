{{ canonical_entity(
    entity='interactions',
    side='crm',
    ids=['interaction_id', 'client_id'],
    columns={
        'interaction_id': 'text',
        'client_id': 'text',
        'channel': 'text',
        'direction': 'text',
        'is_two_way': 'boolean',
        'is_bulk': 'boolean',
        'topic': 'text',
        'occurred_at': 'timestamptz',
        'cost_amount': 'numeric(20,2)',
        'currency': 'text',
    },
) }}
