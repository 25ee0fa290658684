with lending as (
    select * from {{ ref('int_client_lending') }}
),

factor_values as (
    select
        client_id,
        'DAYS_PAST_DUE' as factor,
        max_dpd as value,
        case when max_dpd is null then 'DAYS_UNKNOWN' end as reason
    from lending
),

int_risk_factor_arrears as (
    {{ scored_factors('factor_values') }}
)

select * from int_risk_factor_arrears
