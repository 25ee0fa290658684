-- The latest received test of each covenant: headroom is positive when the test passes.
with covenant_tests as (
    select * from {{ ref('stg_canonical__covenant_tests') }}
),

latest as (
    select distinct on (facility_id, metric) *
    from covenant_tests
    where received_date <= {{ as_of_date() }}
    order by facility_id, metric, period_end desc, received_date desc, operator
),

int_covenants_tested as (
    select
        facility_id,
        metric,
        operator,
        threshold,
        actual,
        period_end,
        received_date,
        cast(
            case when operator in ('>=', '>') then 1 else -1 end
            * {{ ratio('actual - threshold', 'abs(threshold)') }}
            as numeric(24, 12)
        ) as headroom_ratio,
        not case operator
            when '>=' then actual >= threshold
            when '>' then actual > threshold
            when '<=' then actual <= threshold
            when '<' then actual < threshold
        end as has_failed,
        coalesce(waived_until > {{ as_of_date() }}, false) as is_waived
    from latest
)

select * from int_covenants_tested
