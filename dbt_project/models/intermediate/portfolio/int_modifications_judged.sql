-- Forbearance is a concession to a debtor in difficulty, anything else is commercial. A modification
-- has failed when its loan defaults in the months after it; until they are over, that is open.
with modifications as (
    select * from {{ ref('stg_canonical__modifications') }}
),

month_ends as (
    select * from {{ ref('int_loan_month_ends') }}
),

risk_events as (
    select * from {{ ref('stg_canonical__risk_events') }}
),

parameters as (
    {{ parameters_in_force(
        'portfolio_parameters', ['npv_loss_limit_ratio', 'redefault_months', 'redefault_after_days']
    ) }}
),

watched as (
    select
        modifications.*,
        parameters.npv_loss_limit_ratio,
        parameters.redefault_after_days,
        cast(
            modifications.approved_date + parameters.redefault_months * interval '1 month' as date
        ) as watched_to_date
    from modifications
    cross join parameters
    where modifications.approved_date <= {{ as_of_date() }}
),

defaults as (
    select watched.modification_id, risk_events.from_date as default_date
    from watched
    inner join risk_events on watched.loan_id = risk_events.loan_id
    where risk_events.kind = 'default' and risk_events.from_date <= {{ as_of_date() }}
        and risk_events.from_date > watched.approved_date
        and risk_events.from_date <= watched.watched_to_date
    union all
    select watched.modification_id, month_ends.month_end
    from watched
    inner join month_ends on watched.loan_id = month_ends.loan_id
    where month_ends.dpd_contractual > watched.redefault_after_days
        and month_ends.month_end > watched.approved_date
        and month_ends.month_end <= watched.watched_to_date
),

failed as (
    select modification_id, min(default_date) as redefault_date
    from defaults
    group by modification_id
),

before as (
    select distinct on (watched.modification_id)
        watched.modification_id,
        month_ends.dpd_contractual
    from watched
    inner join month_ends
        on watched.loan_id = month_ends.loan_id
            and watched.approved_date >= month_ends.month_end
    order by watched.modification_id, month_ends.month_end desc
),

int_modifications_judged as (
    select
        watched.modification_id,
        watched.loan_id,
        watched.kind,
        watched.approved_date,
        watched.currency,
        watched.is_financial_difficulty,
        watched.is_concession,
        case watched.is_financial_difficulty and watched.is_concession
            when true then 'FORBEARANCE'
            when false then 'COMMERCIAL'
        end as flexibility_kind,
        watched.npv_before_amount,
        watched.npv_after_amount,
        cast(
            {{ npv_loss('watched.npv_before_amount', 'watched.npv_after_amount') }} as numeric(24, 12)
        ) as npv_loss_ratio,
        {{ npv_loss('watched.npv_before_amount', 'watched.npv_after_amount') }}
        > watched.npv_loss_limit_ratio as is_diminished_obligation,
        before.dpd_contractual as dpd_before_modification,
        watched.watched_to_date,
        failed.redefault_date,
        case
            when failed.redefault_date is not null then true
            when watched.watched_to_date <= {{ as_of_date() }} then false
        end as has_redefaulted_12m
    from watched
    left join failed on watched.modification_id = failed.modification_id
    left join before on watched.modification_id = before.modification_id
)

select * from int_modifications_judged
