-- The instalment periods that lie ahead of each exposure, with what is owed when they open and the
-- cumulative hazard at their end. Without one, a single period up to the end of the contract, else of
-- a fixed length.
with exposures as (
    select * from {{ ref('int_exposures') }}
),

instalments as (
    select * from {{ ref('int_instalments_in_force') }}
    where due_date > {{ as_of_date() }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', ['fallback_horizon_days']) }}
),

hazard_pieces as (
    {{ hazard_pieces() }}
),

scheduled as (
    select
        exposures.exposure_id,
        instalments.due_date as period_end,
        sum(instalments.principal_due_amount) as principal_due_amount
    from exposures
    inner join instalments on exposures.exposure_id = instalments.loan_id
    where not exposures.is_undrawn_only
    group by exposures.exposure_id, instalments.due_date
),

with_fallback as (
    select exposure_id, period_end, principal_due_amount, false as was_schedule_defaulted
    from scheduled
    union all
    select
        exposures.exposure_id,
        case
            when exposures.end_date > {{ as_of_date() }} then exposures.end_date
            else {{ as_of_date() }} + cast(parameters.fallback_horizon_days as integer)
        end,
        0,
        not exposures.is_undrawn_only
    from exposures
    cross join parameters
    where exposures.exposure_id not in (select scheduled.exposure_id from scheduled)
),

timed as (
    select
        exposures.exposure_id,
        exposures.hazard_bend,
        exposures.curve_scale,
        exposures.curve_grade,
        with_fallback.period_end,
        with_fallback.was_schedule_defaulted,
        {{ years_between(as_of_date(), 'with_fallback.period_end') }} as end_years,
        exposures.outstanding_amount - coalesce(
            sum(with_fallback.principal_due_amount) over (
                partition by exposures.exposure_id order by with_fallback.period_end
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as opening_amount
    from with_fallback
    inner join exposures on with_fallback.exposure_id = exposures.exposure_id
),

hazarded as (
    select
        timed.*,
        {{ hazard_at('timed.end_years', 'hazard_pieces') }} * timed.hazard_bend as end_hazard
    from timed
    inner join hazard_pieces
        on timed.curve_scale = hazard_pieces.scale
            and timed.curve_grade = hazard_pieces.grade
            and {{ is_within('timed.end_years', 'hazard_pieces') }}
),

int_exposure_periods as (
    select
        exposure_id,
        period_end,
        was_schedule_defaulted,
        cast(coalesce(lag(end_years) over periods, 0) as numeric(12, 8)) as start_years,
        cast(end_years as numeric(12, 8)) as end_years,
        cast(greatest(opening_amount, 0) as numeric(20, 2)) as opening_amount,
        cast(end_hazard as numeric(20, 12)) as end_hazard
    from hazarded
    window periods as (partition by exposure_id order by period_end)
)

select * from int_exposure_periods
