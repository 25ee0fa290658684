{{ canonical_entity(
    entity='client_links',
    side='crm',
    ids=['from_client_id', 'to_client_id'],
    columns={
        'from_client_id': 'text',
        'to_client_id': 'text',
        'link_type': 'text',
        'share_ratio': 'numeric(9,6)',
        'valid_from': 'date',
        'valid_to': 'date',
    },
) }}
