-- What the lender still holds of each loan at each month-end. Arrears are not in the statement.
with statements as (
    {{ landed('ibrd', 'statements') }}
),

stg_ibrd__loan_balances as (
    select
        loan_no as loan_id,
        period_end as balance_date,
        held_amount as outstanding_amount,
        cast(null as numeric) as arrears_amount,
        'USD' as currency,
        cast(null as integer) as dpd_days,
        cast(null as numeric) as allowance_amount
    from statements
    where held_amount is not null
        and disbursed_amount > 0
        and principal_amount > 0
        and coalesce(effective_date, signed_date, approved_date) is not null
)

select * from stg_ibrd__loan_balances
