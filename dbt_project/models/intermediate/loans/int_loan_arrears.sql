-- Cash goes to the oldest instalment first; the oldest one still short by more than the tolerance
-- starts the days past due. Set-based: what is short follows from two running sums.
with instalments as (
    select * from {{ ref('int_instalments_in_force') }}
),

payments as (
    select * from {{ ref('int_loan_payments') }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', ['dpd_tolerance_amount', 'grace_days']) }}
),

schedules as (
    select loan_id from instalments group by loan_id
),

shortfalls as (
    select
        instalments.loan_id,
        instalments.due_date,
        least(
            instalments.due_amount,
            greatest(instalments.due_to_date_amount - payments.cash_amount, 0)
        ) as short_amount
    from instalments
    inner join payments on instalments.loan_id = payments.loan_id
    where instalments.due_date < {{ as_of_date() }}
),

overdue as (
    select
        shortfalls.loan_id,
        sum(shortfalls.short_amount) as arrears_amount,
        min(shortfalls.due_date) filter (
            where shortfalls.short_amount > parameters.dpd_tolerance_amount
        ) as oldest_unpaid_due_date
    from shortfalls
    cross join parameters
    group by shortfalls.loan_id
),

int_loan_arrears as (
    select
        schedules.loan_id,
        cast(coalesce(overdue.arrears_amount, 0) as numeric(20, 2)) as arrears_amount,
        overdue.oldest_unpaid_due_date,
        coalesce({{ as_of_date() }} - overdue.oldest_unpaid_due_date, 0) as dpd_contractual,
        greatest(
            coalesce({{ as_of_date() }} - overdue.oldest_unpaid_due_date, 0)
            - cast(parameters.grace_days as integer),
            0
        ) as dpd_after_grace
    from schedules
    left join overdue on schedules.loan_id = overdue.loan_id
    cross join parameters
)

select * from int_loan_arrears
