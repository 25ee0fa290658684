-- Loans of the cohorts inside the history, at each month-end on book: late for the first time by then,
-- and late on that day. Ended loans stay in their cohort.
with loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

month_ends as (
    select * from {{ ref('int_loan_month_ends') }}
),

rates as (
    select * from {{ ref('int_currency_rates') }}
    where rate_date = {{ as_of_date() }}
),

parameters as (
    {{ parameters_in_force('portfolio_parameters', ['history_months', 'vintage_bad_after_days']) }}
),

history as (
    {{ month_ends_back('(select cast(parameters.history_months as integer) from parameters)') }}
),

booked as (
    select
        loans.loan_id,
        {{ month_end('loans.disbursed_date') }} as cohort_date,
        {{ round_half_even('loans.principal_amount * rates.rate', 2) }} as principal_base_amount
    from loans
    left join rates on loans.currency = rates.currency
),

cohorts as (
    select
        booked.cohort_date,
        count(*) as loan_count,
        sum(booked.principal_base_amount) as principal_base_amount
    from booked
    inner join history on booked.cohort_date = history.month_end
    group by booked.cohort_date
),

bad as (
    select
        booked.loan_id,
        booked.cohort_date,
        booked.principal_base_amount,
        month_ends.month_end,
        row_number() over (partition by booked.loan_id order by month_ends.month_end) as bad_no
    from month_ends
    inner join booked on month_ends.loan_id = booked.loan_id
    cross join parameters
    where month_ends.dpd_contractual > parameters.vintage_bad_after_days
),

bad_by_month as (
    select
        cohort_date,
        month_end,
        count(*) filter (where bad_no = 1) as first_bad_count,
        sum(principal_base_amount) filter (where bad_no = 1) as first_bad_base_amount,
        count(*) as bad_count,
        sum(principal_base_amount) as bad_base_amount
    from bad
    group by cohort_date, month_end
),

int_loans_aged as (
    select
        cohorts.cohort_date,
        history.month_end,
        {{ whole_months('cohorts.cohort_date', 'history.month_end') }} as months_on_book,
        cohorts.loan_count,
        cohorts.principal_base_amount,
        cast(
            coalesce(sum(bad_by_month.first_bad_count) over by_cohort, 0) as integer
        ) as ever_bad_count,
        cast(
            coalesce(sum(bad_by_month.first_bad_base_amount) over by_cohort, 0) as numeric(20, 2)
        ) as ever_bad_base_amount,
        coalesce(bad_by_month.bad_count, 0) as current_bad_count,
        coalesce(bad_by_month.bad_base_amount, 0) as current_bad_base_amount
    from cohorts
    inner join history on cohorts.cohort_date <= history.month_end
    left join bad_by_month
        on cohorts.cohort_date = bad_by_month.cohort_date
            and history.month_end = bad_by_month.month_end
    window by_cohort as (partition by cohorts.cohort_date order by history.month_end)
)

select * from int_loans_aged
