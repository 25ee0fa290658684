{{ canonical_entity(
    entity='covenant_tests',
    side='loans',
    ids=['facility_id'],
    columns={
        'facility_id': 'text',
        'metric': 'text',
        'operator': 'text',
        'threshold': 'numeric(20,6)',
        'actual': 'numeric(20,6)',
        'period_end': 'date',
        'due_date': 'date',
        'received_date': 'date',
        'waived_until': 'date',
    },
) }}
