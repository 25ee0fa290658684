{{ canonical_entity(
    entity='loan_clients',
    side='loans',
    ids=['client_id', 'crm_reference'],
    columns={
        'client_id': 'text',
        'crm_reference': 'text',
        'name': 'text',
        'legal_id': 'text',
        'client_type': 'text',
        'industry_code': 'text',
        'region': 'text',
        'onboarded_date': 'date',
    },
    undated=[
        'name',
        'client_type',
        'industry_code',
        'region',
    ],
) }}
