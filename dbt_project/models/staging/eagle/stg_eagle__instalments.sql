-- Equal monthly payments from one month after disbursement; they add up to the principal exactly
-- (the contract checks it), so no interest is due.
with loans as (
    {{ landed('eagle', 'loans') }}
),

currencies as (
    select value_text as currency
    from {{ ref('source_parameters') }}
    where source_name = 'eagle' and parameter = 'currency'
        and {{ in_force('valid_from', 'valid_to') }}
),

stg_eagle__instalments as (
    select
        loans.loan_id,
        1 as schedule_version,
        month.number as instalment_no,
        loans.disbursed_date as schedule_valid_from,
        cast(loans.disbursed_date + month.number * interval '1 month' as date) as due_date,
        loans.monthly_payment_amount as principal_due_amount,
        cast(0 as numeric) as interest_due_amount,
        cast(0 as numeric) as fee_due_amount,
        currencies.currency
    from loans
    cross join lateral generate_series(1, loans.duration_months) as month (number)
    cross join currencies
)

select * from stg_eagle__instalments
