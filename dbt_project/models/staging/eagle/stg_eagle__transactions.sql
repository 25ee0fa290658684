-- Loan payments of the accounts whose history was delivered; all principal, as no interest is due.
with transactions as (
    {{ landed('eagle', 'transactions') }}
),

loans as (
    {{ landed('eagle', 'loans') }}
),

currencies as (
    select value_text as currency
    from {{ ref('source_parameters') }}
    where source_name = 'eagle' and parameter = 'currency'
        and {{ in_force('valid_from', 'valid_to') }}
),

stg_eagle__transactions as (
    select
        transactions.transaction_id,
        loans.loan_id,
        'repayment' as kind,
        {{ business_date('transactions.booked_at') }} as booked_date,
        {{ business_date('transactions.booked_at') }} as value_date,
        transactions.amount,
        currencies.currency,
        transactions.amount as principal_part,
        cast(0 as numeric) as interest_part,
        cast(null as text) as reverses_transaction_id
    from transactions
    inner join loans on transactions.account_id = loans.account_id
    cross join currencies
    where transactions.purpose = 'Loan Payment'
)

select * from stg_eagle__transactions
