{{ canonical_entity(
    entity='calendar',
    side='loans',
    ids=[],
    columns={
        'calendar_date': 'date',
        'is_business_day': 'boolean',
        'holiday_name': 'text',
    },
) }}
