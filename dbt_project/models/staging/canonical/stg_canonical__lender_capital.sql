{{ canonical_entity(
    entity='lender_capital',
    side='loans',
    ids=[],
    columns={
        'effective_date': 'date',
        'tier1_amount': 'numeric(20,2)',
        'total_capital_amount': 'numeric(20,2)',
        'currency': 'text',
    },
) }}
