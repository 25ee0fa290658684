{{ canonical_entity(
    entity='survey_invitations',
    side='crm',
    ids=['invitation_id', 'client_id', 'contact_ref'],
    columns={
        'invitation_id': 'text',
        'client_id': 'text',
        'contact_ref': 'text',
        'wave_month': 'date',
        'sent_at': 'timestamptz',
        'is_bounced': 'boolean',
        'exclusion_reason': 'text',
    },
) }}
