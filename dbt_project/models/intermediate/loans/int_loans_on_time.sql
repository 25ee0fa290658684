-- Instalments due in 12 months, and those whose cash was there by the due date plus grace. One pass:
-- payments and deadlines in one line of time, cash summed up to each deadline.
with loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

payments as (
    select * from {{ ref('int_loan_payments') }}
),

instalments as (
    select * from {{ ref('int_instalments_in_force') }}
),

transactions as (
    select * from {{ ref('int_transactions_effective') }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', ['dpd_tolerance_amount', 'grace_days']) }}
),

deadlines as (
    select
        instalments.loan_id,
        instalments.due_date + cast(parameters.grace_days as integer) as event_date,
        1 as event_order,
        cast(null as numeric) as cash_amount,
        instalments.due_to_date_amount - parameters.dpd_tolerance_amount as needed_amount
    from instalments
    inner join loans on instalments.loan_id = loans.loan_id
    inner join payments on instalments.loan_id = payments.loan_id and payments.is_covered
    cross join parameters
    where
        {{ within_months('instalments.due_date', 12) }}
        and instalments.due_date <= coalesce(loans.written_off_date, 'infinity')
),

events as (
    select * from deadlines
    union all
    select loan_id, value_date, 0, sign * amount, null
    from transactions
    where kind in ('repayment', 'recovery')
        and loan_id in (select deadlines.loan_id from deadlines)
),

running as (
    select
        loan_id,
        event_order,
        needed_amount,
        coalesce(
            sum(cash_amount) over (
                partition by loan_id order by event_date, event_order
            ),
            0
        ) as received_amount
    from events
),

int_loans_on_time as (
    select
        loan_id,
        count(*) filter (where received_amount >= needed_amount) as on_time_num,
        count(*) as on_time_den
    from running
    where event_order = 1
    group by loan_id
)

select * from int_loans_on_time
