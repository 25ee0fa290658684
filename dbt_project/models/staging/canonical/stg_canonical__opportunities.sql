{{ canonical_entity(
    entity='opportunities',
    side='crm',
    ids=['opportunity_id', 'client_id'],
    columns={
        'opportunity_id': 'text',
        'client_id': 'text',
        'product_family': 'text',
        'stage': 'text',
        'amount': 'numeric(20,2)',
        'currency': 'text',
        'win_probability': 'numeric(5,4)',
        'opened_at': 'timestamptz',
        'expected_close_date': 'date',
        'closed_at': 'timestamptz',
        'is_won': 'boolean',
    },
) }}
