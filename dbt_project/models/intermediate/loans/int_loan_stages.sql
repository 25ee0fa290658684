-- IFRS 9 stage by days past due and open events; an event without a loan holds for all of the client's.
with loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

figures as (
    select * from {{ ref('int_loan_figures') }}
),

risk_events as (
    select * from {{ ref('stg_canonical__risk_events') }}
),

matched as (
    select * from {{ ref('int_clients_matched') }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', ['stage_2_after_days', 'stage_3_after_days']) }}
),

open_events as (
    select matched.client_id, risk_events.loan_id, risk_events.kind
    from risk_events
    inner join matched on risk_events.client_id = matched.loan_client_id
    where {{ in_force('risk_events.from_date', 'risk_events.to_date') }}
),

events_by_loan as (
    select loan_id, kind from open_events where loan_id is not null
    union all
    select loans.loan_id, open_events.kind
    from open_events
    inner join loans on open_events.client_id = loans.client_id
    where open_events.loan_id is null
),

flags as (
    select
        loan_id,
        bool_or(kind = 'default') as has_default,
        bool_or(kind = 'unlikely_to_pay') as has_unlikely_to_pay,
        bool_or(kind = 'watch_list') as has_watch_list
    from events_by_loan
    group by loan_id
),

reasoned as (
    select
        loans.loan_id,
        case
            when loans.loan_status <> 'ACTIVE' then null
            when figures.dpd_contractual > parameters.stage_3_after_days then 'DPD_STAGE_3'
            when flags.has_default then 'OPEN_DEFAULT_EVENT'
            when flags.has_unlikely_to_pay then 'OPEN_UNLIKELY_TO_PAY_EVENT'
            when figures.dpd_contractual > parameters.stage_2_after_days then 'DPD_STAGE_2'
            when flags.has_watch_list then 'OPEN_WATCH_LIST_EVENT'
            when figures.dpd_contractual is not null then 'PERFORMING'
        end as stage_reason
    from loans
    inner join figures on loans.loan_id = figures.loan_id
    left join flags on loans.loan_id = flags.loan_id
    cross join parameters
),

int_loan_stages as (
    select
        loan_id,
        stage_reason,
        case
            when stage_reason in (
                    'DPD_STAGE_3', 'OPEN_DEFAULT_EVENT', 'OPEN_UNLIKELY_TO_PAY_EVENT'
                ) then 3
            when stage_reason in ('DPD_STAGE_2', 'OPEN_WATCH_LIST_EVENT') then 2
            when stage_reason = 'PERFORMING' then 1
        end as ifrs9_stage
    from reasoned
)

select * from int_loan_stages
