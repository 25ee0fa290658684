-- Loans with a modification by the date: until when they count as forborne, and how late they were
-- under the schedule of the day before the newest modification. A rescheduling resets nothing.
with loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

modifications as (
    select * from {{ ref('stg_canonical__modifications') }}
    where approved_date <= {{ as_of_date() }}
),

instalments as (
    select * from {{ ref('stg_canonical__instalments') }}
),

transactions as (
    select * from {{ ref('int_transactions_effective') }}
),

payments as (
    select * from {{ ref('int_loan_payments') }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', ['forborne_months', 'dpd_tolerance_amount']) }}
),

modified as (
    select
        loans.loan_id,
        max(modifications.approved_date) as modified_date,
        max(modifications.approved_date) filter (
            where modifications.is_financial_difficulty and modifications.is_concession
        ) as forborne_date
    from modifications
    inner join loans on modifications.loan_id = loans.loan_id
    group by loans.loan_id
),

versions as (
    select distinct on (modified.loan_id)
        modified.loan_id, modified.modified_date, instalments.schedule_version
    from modified
    inner join instalments
        on modified.loan_id = instalments.loan_id
            and modified.modified_date > instalments.schedule_valid_from
    order by
        modified.loan_id,
        instalments.schedule_valid_from desc,
        instalments.schedule_version desc
),

cash as (
    select versions.loan_id, sum(transactions.sign * transactions.amount) as cash_amount
    from versions
    inner join transactions
        on versions.loan_id = transactions.loan_id
            and versions.modified_date > greatest(transactions.booked_date, transactions.value_date)
    where transactions.kind in ('repayment', 'recovery')
    group by versions.loan_id
),

dues as (
    select
        versions.loan_id,
        versions.modified_date,
        instalments.due_date,
        coalesce(instalments.principal_due_amount, 0)
        + coalesce(instalments.interest_due_amount, 0)
        + coalesce(instalments.fee_due_amount, 0) as due_amount,
        sum(
            coalesce(instalments.principal_due_amount, 0)
            + coalesce(instalments.interest_due_amount, 0)
            + coalesce(instalments.fee_due_amount, 0)
        ) over (
            partition by versions.loan_id order by instalments.due_date, instalments.instalment_no
        ) as due_to_date_amount
    from versions
    inner join instalments
        on versions.loan_id = instalments.loan_id
            and versions.schedule_version = instalments.schedule_version
),

days as (
    select
        dues.loan_id,
        max(dues.modified_date) - 1 - min(dues.due_date) filter (
            where dues.due_date < dues.modified_date - 1
            and dues.due_amount > parameters.dpd_tolerance_amount
            and dues.due_to_date_amount - coalesce(cash.cash_amount, 0)
            > parameters.dpd_tolerance_amount
        ) as overdue_days
    from dues
    inner join payments on dues.loan_id = payments.loan_id and payments.is_covered
    left join cash on dues.loan_id = cash.loan_id
    cross join parameters
    group by dues.loan_id
),

int_loan_forbearances as (
    select
        modified.loan_id,
        modified.modified_date,
        modified.forborne_date,
        cast(
            modified.forborne_date + parameters.forborne_months * interval '1 month' as date
        ) as forborne_until_date,
        coalesce(
            modified.forborne_date + parameters.forborne_months * interval '1 month'
            > {{ as_of_date() }},
            false
        ) as is_forborne,
        case when days.loan_id is not null then coalesce(days.overdue_days, 0) end
            as dpd_before_modification
    from modified
    left join days on modified.loan_id = days.loan_id
    cross join parameters
)

select * from int_loan_forbearances
