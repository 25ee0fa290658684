-- What a loan cost in 12 months: principal written off less what came back after the write-off, and its
-- mean balance at the month-ends of the window, both in the reporting currency.
with loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

transactions as (
    select * from {{ ref('int_transactions_effective') }}
),

month_ends as (
    select * from {{ ref('int_loan_month_ends') }}
    where {{ within_months('month_end', 12) }}
),

rates as (
    select * from {{ ref('int_currency_rates') }}
),

observed as (
    select count(distinct month_end) as month_count from month_ends
),

losses as (
    select
        transactions.loan_id,
        sum(
            transactions.sign
            * case transactions.kind
                when 'write_off' then coalesce(transactions.principal_part, transactions.amount)
                else -coalesce(
                        transactions.principal_part,
                        transactions.amount - transactions.interest_part,
                        transactions.amount
                    )
            end
            * rates.rate
        ) as loss_base_amount
    from transactions
    inner join loans on transactions.loan_id = loans.loan_id
    left join rates
        on transactions.currency = rates.currency and transactions.booked_date = rates.rate_date
    where
        {{ within_months('transactions.booked_date', 12) }}
        and (
            transactions.kind = 'write_off'
            or (
                transactions.kind = 'recovery'
                and transactions.booked_date >= loans.written_off_date
            )
        )
    group by transactions.loan_id
),

means as (
    select
        month_ends.loan_id,
        sum(month_ends.outstanding_amount) / min(observed.month_count) as mean_amount
    from month_ends
    cross join observed
    group by month_ends.loan_id
),

int_loans_lost as (
    select
        loans.loan_id,
        cast(coalesce(losses.loss_base_amount, 0) as numeric(24, 6)) as loss_base_amount,
        cast(coalesce(means.mean_amount, 0) * rates.rate as numeric(24, 6)) as mean_base_amount
    from loans
    left join losses on loans.loan_id = losses.loan_id
    left join means on loans.loan_id = means.loan_id
    left join rates on loans.currency = rates.currency and rates.rate_date = {{ as_of_date() }}
    where losses.loan_id is not null or means.loan_id is not null
)

select * from int_loans_lost
