{{ canonical_entity(
    entity='project_cashflows',
    side='loans',
    ids=['project_id'],
    columns={
        'project_id': 'text',
        'scenario': 'text',
        'forecast_date': 'date',
        'period_end': 'date',
        'cash_available_amount': 'numeric(20,2)',
        'debt_service_amount': 'numeric(20,2)',
        'debt_outstanding_amount': 'numeric(20,2)',
        'debt_rate': 'numeric(12,8)',
        'currency': 'text',
    },
) }}
