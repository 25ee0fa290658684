with rating_periods as (
    select * from {{ ref('int_client_rating_periods') }} where to_date = 'infinity'
),

factor_values as (
    select
        client_id,
        'DEFAULT_PROBABILITY' as factor,
        pd_12m as value,
        case when pd_12m is null then 'NO_RATING' end as reason
    from rating_periods
),

int_risk_factor_rating as (
    {{ scored_factors('factor_values') }}
)

select * from int_risk_factor_rating
