-- Each trigger of stage 2 or 3 that a loan met on the date or at an earlier month-end, and how many
-- months ago it last did (0 = now). Events without a loan hold for all loans of the client.
with loans as (
    select * from {{ ref('int_loans_disbursed') }} where loan_status = 'ACTIVE'
),

figures as (
    select * from {{ ref('int_loan_figures') }}
),

month_ends as (
    select * from {{ ref('int_loan_month_ends') }}
),

pd_changes as (
    select * from {{ ref('int_loan_pd_changes') }}
),

forbearances as (
    select * from {{ ref('int_loan_forbearances') }}
),

risk_events as (
    select * from {{ ref('stg_canonical__risk_events') }}
    where from_date <= {{ as_of_date() }}
        and kind in ('default', 'unlikely_to_pay', 'watch_list')
),

matched as (
    select * from {{ ref('int_clients_matched') }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', ['stage_2_after_days', 'stage_3_after_days']) }}
),

days as (
    select loans.loan_id, figures.dpd_contractual, 0 as months_ago
    from loans
    inner join figures on loans.loan_id = figures.loan_id
    union all
    select month_ends.loan_id, month_ends.dpd_contractual, {{ months_ago('month_ends.month_end') }}
    from month_ends
    inner join loans on month_ends.loan_id = loans.loan_id
    where month_ends.month_end < {{ as_of_date() }}
),

overdue as (
    select days.loan_id, 'DPD_STAGE_3' as stage_trigger, 3 as stage, days.months_ago
    from days
    cross join parameters
    where days.dpd_contractual > parameters.stage_3_after_days
    union all
    select days.loan_id, 'DPD_STAGE_2', 2, days.months_ago
    from days
    cross join parameters
    where days.dpd_contractual > parameters.stage_2_after_days
),

events_by_loan as (
    select loans.loan_id, risk_events.kind, risk_events.from_date, risk_events.to_date, loans.disbursed_date
    from risk_events
    inner join loans on risk_events.loan_id = loans.loan_id
    union all
    select loans.loan_id, risk_events.kind, risk_events.from_date, risk_events.to_date, loans.disbursed_date
    from risk_events
    inner join matched on risk_events.client_id = matched.loan_client_id
    inner join loans on matched.client_id = loans.client_id
    where risk_events.loan_id is null
),

-- An ended event was last met at the last month-end before its end, if the loan ran and it was open.
last_met as (
    select
        loan_id,
        kind,
        greatest(from_date, disbursed_date) as from_date,
        case
            when coalesce(to_date, 'infinity') > {{ as_of_date() }} then {{ as_of_date() }}
            else {{ last_month_end_before('to_date') }}
        end as on_date
    from events_by_loan
),

eventful as (
    select
        loan_id,
        case kind
            when 'default' then 'OPEN_DEFAULT_EVENT'
            when 'unlikely_to_pay' then 'OPEN_UNLIKELY_TO_PAY_EVENT'
            else 'OPEN_WATCH_LIST_EVENT'
        end as stage_trigger,
        case when kind = 'watch_list' then 2 else 3 end as stage,
        {{ months_ago('on_date') }} as months_ago
    from last_met
    where on_date >= from_date
),

downgraded as (
    select loan_id, 'PD_INCREASE' as stage_trigger, 2 as stage, pd_increased_months_ago as months_ago
    from pd_changes
    where pd_increased_months_ago is not null
    union all
    select loan_id, 'NOTCHES_DOWN', 2, far_down_months_ago
    from pd_changes
    where far_down_months_ago is not null
),

forborne as (
    select loans.loan_id, 'FORBORNE_PERFORMING' as stage_trigger, 2 as stage, 0 as months_ago
    from forbearances
    inner join loans on forbearances.loan_id = loans.loan_id
    where forbearances.is_forborne
),

every_trigger as (
    select * from overdue
    union all
    select * from eventful
    union all
    select * from downgraded
    union all
    select * from forborne
),

int_loan_stage_triggers as (
    select loan_id, stage_trigger, stage, min(months_ago) as months_ago
    from every_trigger
    group by loan_id, stage_trigger, stage
)

select * from int_loan_stage_triggers
