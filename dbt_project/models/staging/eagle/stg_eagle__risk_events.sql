-- Loan statuses as events: B (finished, not paid) is a default from the end of the loan, D (running,
-- in debt) is on the watch list from the day on which the statuses were true.
with loans as (
    select * from {{ ref('stg_eagle__loans') }}
),

statuses as (
    {{ landed('eagle', 'loans') }}
),

observed as (
    select cast(value_text as date) as observed_date
    from {{ ref('source_parameters') }}
    where source_name = 'eagle' and parameter = 'observed_date'
        and {{ in_force('valid_from', 'valid_to') }}
),

stg_eagle__risk_events as (
    select
        loans.loan_id || '-' || statuses.status as risk_event_id,
        loans.client_id,
        loans.loan_id,
        case statuses.status when 'B' then 'default' else 'watch_list' end as kind,
        case statuses.status when 'B' then loans.maturity_date else observed.observed_date end
            as from_date,
        cast(null as date) as to_date
    from loans
    inner join statuses on loans.loan_id = statuses.loan_id
    cross join observed
    where statuses.status in ('B', 'D')
)

select * from stg_eagle__risk_events
