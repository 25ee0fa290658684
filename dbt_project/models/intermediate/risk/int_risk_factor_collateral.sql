with lending as (
    select * from {{ ref('int_client_lending') }}
),

factor_values as (
    select
        client_id,
        'COLLATERAL_COVER' as factor,
        {{ ratio('coalesce(collateral_base_amount, 0)', 'outstanding_base_amount') }} as value,
        case when coalesce(outstanding_base_amount, 0) = 0 then 'NOTHING_OUTSTANDING' end as reason
    from lending
    where coalesce(outstanding_base_amount, 0) >= 0
),

int_risk_factor_collateral as (
    {{ scored_factors('factor_values') }}
)

select * from int_risk_factor_collateral
