{{ canonical_entity(
    entity='contacts',
    side='crm',
    ids=['contact_ref', 'client_id'],
    columns={
        'contact_ref': 'text',
        'client_id': 'text',
        'role': 'text',
        'is_decision_maker': 'boolean',
        'survey_consent': 'boolean',
        'valid_from': 'date',
        'valid_to': 'date',
    },
) }}
