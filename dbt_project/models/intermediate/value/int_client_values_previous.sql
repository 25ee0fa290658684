with int_client_values_previous as (
    {{ previous_release('client_value', {
        'client_id': 'text', 'value_score': 'numeric(5,2)', 'value_tier': 'text',
    }) }}
)

select * from int_client_values_previous
