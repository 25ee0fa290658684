{{ canonical_entity(
    entity='client_matches',
    side='crm',
    ids=['crm_client_id', 'loan_client_id'],
    columns={
        'crm_client_id': 'text',
        'loan_client_id': 'text',
        'matched_by': 'text',
        'confidence': 'numeric(5,4)',
        'valid_from': 'date',
        'valid_to': 'date',
    },
) }}
