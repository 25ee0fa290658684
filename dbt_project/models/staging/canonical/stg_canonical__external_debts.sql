{{ canonical_entity(
    entity='external_debts',
    side='crm',
    ids=['client_id'],
    columns={
        'client_id': 'text',
        'as_of': 'date',
        'total_debt_amount': 'numeric(20,2)',
        'overdue_90_amount': 'numeric(20,2)',
        'currency': 'text',
        'worst_class': 'text',
    },
) }}
