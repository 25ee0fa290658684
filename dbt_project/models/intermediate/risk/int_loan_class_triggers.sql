-- Each trigger of a China class below NORMAL that an exposure meets, with the rank of the class (2
-- SPECIAL_MENTION … 5 LOSS). House reading of Order 2023 No. 1; what the debtor's other claims do to it
-- comes after.
with exposures as (
    select * from {{ ref('int_exposure_stages') }}
),

loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

replaced as (
    select loan_id, closed_date from {{ ref('int_loans_disbursed') }}
),

figures as (
    select * from {{ ref('int_loan_figures') }}
),

stage_triggers as (
    select * from {{ ref('int_loan_stage_triggers') }} where stage = 3
),

forbearances as (
    select * from {{ ref('int_loan_forbearances') }}
),

instalments as (
    select * from {{ ref('int_instalments_in_force') }} where due_date <= {{ as_of_date() }}
),

risk_events as (
    select * from {{ ref('stg_canonical__risk_events') }}
    where kind in ('bankruptcy', 'use_of_funds_changed', 'debt_evasion')
        and {{ in_force('from_date', 'to_date') }}
),

matched as (
    select * from {{ ref('int_clients_matched') }}
),

external_debts as (
    select distinct on (client_id) * from {{ ref('stg_canonical__external_debts') }}
    where as_of <= {{ as_of_date() }}
    order by client_id, as_of desc
),

parameters as (
    {{ parameters_in_force('risk_parameters', [
        'class_technical_days', 'class_substandard_days', 'class_doubtful_days', 'class_loss_days',
        'class_doubtful_ecl_ratio', 'class_loss_ecl_ratio', 'class_external_ratio',
        'class_upgrade_months', 'class_upgrade_periods', 'class_restructured_months',
        'class_refinancing_days',
    ]) }}
),

overdue as (
    select
        exposures.exposure_id,
        'DAYS_OVERDUE' as driver,
        case
            when figures.dpd_contractual > parameters.class_loss_days then 5
            when figures.dpd_contractual > parameters.class_doubtful_days then 4
            when figures.dpd_contractual > parameters.class_substandard_days then 3
            else 2
        end as class_rank
    from exposures
    inner join figures on exposures.exposure_id = figures.loan_id
    cross join parameters
    where figures.dpd_contractual > parameters.class_technical_days
),

impaired as (
    select
        exposures.exposure_id,
        case
            when exposures.ecl_amount >= parameters.class_doubtful_ecl_ratio * exposures.outstanding_amount
                and exposures.outstanding_amount > 0 then 'EXPECTED_LOSS'
            else 'CREDIT_IMPAIRED'
        end as driver,
        case
            when exposures.outstanding_amount > 0
                then
                    case
                        when exposures.ecl_amount
                            >= parameters.class_loss_ecl_ratio * exposures.outstanding_amount then 5
                        when exposures.ecl_amount
                            >= parameters.class_doubtful_ecl_ratio * exposures.outstanding_amount then 4
                        else 3
                    end
            else 3
        end as class_rank
    from exposures
    cross join parameters
    where exposures.ifrs9_stage = 3
),

eventful as (
    select
        exposures.exposure_id,
        upper(risk_events.kind) as driver,
        case when risk_events.kind = 'bankruptcy' then 5 else 2 end as class_rank
    from risk_events
    inner join matched on risk_events.client_id = matched.loan_client_id
    inner join exposures on matched.client_id = exposures.client_id
    where risk_events.loan_id is null
        or risk_events.kind = 'bankruptcy'
        or risk_events.loan_id = exposures.exposure_id
),

-- Paid again, but not for long enough: months, and due dates since the last month-end in stage 3.
last_bad as (
    select
        loan_id,
        min(months_ago) as months_ago,
        cast(
            date_trunc('month', cast({{ as_of_date() }} as timestamp))
            - (min(months_ago) - 1) * interval '1 month' - interval '1 day'
            as date
        ) as on_date
    from stage_triggers
    group by loan_id
    having min(months_ago) > 0
),

dues_since as (
    select last_bad.loan_id, count(instalments.due_date) as due_count
    from last_bad
    left join instalments
        on last_bad.loan_id = instalments.loan_id and last_bad.on_date < instalments.due_date
    group by last_bad.loan_id
),

held as (
    select last_bad.loan_id as exposure_id, 'UPGRADE_NOT_EARNED' as driver, 3 as class_rank
    from last_bad
    inner join dues_since on last_bad.loan_id = dues_since.loan_id
    cross join parameters
    where last_bad.months_ago <= parameters.class_upgrade_months
        or dues_since.due_count < parameters.class_upgrade_periods
),

restructured as (
    select forbearances.loan_id as exposure_id, 'RESTRUCTURED' as driver, 2 as class_rank
    from forbearances
    cross join parameters
    where forbearances.forborne_date
        + parameters.class_restructured_months * interval '1 month' > {{ as_of_date() }}
),

refinanced as (
    select loans.loan_id as exposure_id, 'NEW_DEBT_REPAYS_OLD' as driver, 2 as class_rank
    from loans
    inner join replaced on loans.replaces_loan_id = replaced.loan_id
    cross join parameters
    where loans.disbursed_date - replaced.closed_date <= parameters.class_refinancing_days
),

overdue_elsewhere as (
    select exposures.exposure_id, 'OVERDUE_AT_OTHER_BANKS' as driver, 3 as class_rank
    from exposures
    inner join external_debts on exposures.client_id = external_debts.client_id
    cross join parameters
    where external_debts.overdue_90_amount
        > parameters.class_external_ratio * external_debts.total_debt_amount
),

every_trigger as (
    select * from overdue
    union all
    select * from impaired
    union all
    select * from eventful
    union all
    select * from held
    union all
    select * from restructured
    union all
    select * from refinanced
    union all
    select * from overdue_elsewhere
),

int_loan_class_triggers as (
    select every_trigger.exposure_id, every_trigger.driver, max(every_trigger.class_rank) as class_rank
    from every_trigger
    inner join exposures on every_trigger.exposure_id = exposures.exposure_id
    group by every_trigger.exposure_id, every_trigger.driver
)

select * from int_loan_class_triggers
