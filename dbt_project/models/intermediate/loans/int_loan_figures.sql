-- Outstanding, arrears and days past due from payments where they are covered, else from a balance of
-- the source: its amount while fresh, its days only on the very date.
with loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

payments as (
    select * from {{ ref('int_loan_payments') }}
),

arrears as (
    select * from {{ ref('int_loan_arrears') }}
),

balances as (
    select * from {{ ref('stg_canonical__loan_balances') }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', ['snapshot_max_age_days', 'grace_days']) }}
),

snapshots as (
    select distinct on (balances.loan_id)
        balances.loan_id,
        balances.outstanding_amount,
        case when balances.balance_date = {{ as_of_date() }} then balances.arrears_amount end
            as arrears_amount,
        case when balances.balance_date = {{ as_of_date() }} then balances.dpd_days end as dpd_days
    from balances
    cross join parameters
    where balances.balance_date <= {{ as_of_date() }}
        and {{ as_of_date() }} - balances.balance_date < parameters.snapshot_max_age_days
    order by balances.loan_id, balances.balance_date desc
),

judged as (
    select
        loans.loan_id,
        loans.loan_status = 'ACTIVE' as is_active,
        loans.loan_status = 'WRITTEN_OFF' as is_written_off,
        loans.loan_status = 'CLOSED' as is_closed,
        payments.is_covered,
        payments.undivided_count > 0 as has_undivided,
        payments.was_disbursement_defaulted,
        payments.disbursed_amount
        - payments.repaid_principal_amount
        - payments.written_off_amount as ledger_amount,
        arrears.loan_id is not null as has_schedule,
        arrears.arrears_amount,
        arrears.oldest_unpaid_due_date,
        arrears.dpd_contractual,
        arrears.dpd_after_grace,
        snapshots.outstanding_amount as snapshot_outstanding_amount,
        snapshots.arrears_amount as snapshot_arrears_amount,
        snapshots.dpd_days as snapshot_dpd,
        greatest(snapshots.dpd_days - cast(parameters.grace_days as integer), 0)
            as snapshot_dpd_after_grace
    from loans
    inner join payments on loans.loan_id = payments.loan_id
    left join arrears on loans.loan_id = arrears.loan_id
    left join snapshots on loans.loan_id = snapshots.loan_id
    cross join parameters
),

int_loan_figures as (
    select
        loan_id,
        cast(
            case
                when is_written_off then 0
                when is_covered and not has_undivided then ledger_amount
                when is_closed then 0
                else snapshot_outstanding_amount
            end
            as numeric(20, 2)
        ) as outstanding_amount,
        case
            when not is_active then null
            when is_covered and not has_undivided then 'PAYMENTS'
            when snapshot_outstanding_amount is not null then 'SNAPSHOT'
        end as outstanding_basis,
        is_covered and was_disbursement_defaulted as was_disbursement_defaulted,
        case
            when not is_active then null
            when is_covered and has_schedule then arrears_amount
            else snapshot_arrears_amount
        end as arrears_amount,
        case when is_active and is_covered then oldest_unpaid_due_date end
            as oldest_unpaid_due_date,
        case
            when not is_active then null
            when is_covered and has_schedule then dpd_contractual
            else snapshot_dpd
        end as dpd_contractual,
        case
            when not is_active then null
            when is_covered and has_schedule then dpd_after_grace
            else snapshot_dpd_after_grace
        end as dpd_after_grace,
        case
            when not is_active then null
            when is_covered and has_schedule then 'PAYMENTS'
            when snapshot_dpd is not null then 'SNAPSHOT'
        end as dpd_basis,
        is_active and not is_covered and snapshot_dpd is null as lacks_payments,
        is_active and is_covered and not has_schedule and snapshot_dpd is null as lacks_schedule,
        is_active and is_covered and has_undivided and snapshot_outstanding_amount is null
            as lacks_principal_part
    from judged
)

select * from int_loan_figures
