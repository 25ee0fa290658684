-- Accounts as deposits and loans as lending, both held by the owner of the account.
with accounts as (
    {{ landed('eagle', 'accounts') }}
),

dispositions as (
    {{ landed('eagle', 'dispositions') }}
),

loans as (
    select * from {{ ref('stg_eagle__loans') }}
),

stg_eagle__product_holdings as (
    select
        accounts.account_id as holding_id,
        dispositions.client_id,
        'deposit' as product_family,
        accounts.opened_date,
        cast(null as date) as closed_date
    from accounts
    inner join dispositions
        on accounts.account_id = dispositions.account_id
            and dispositions.disposition_type = 'Owner'
    union all
    select loan_id, client_id, 'lending', disbursed_date, closed_date
    from loans
)

select * from stg_eagle__product_holdings
