-- The borrower is the owner of the account (each account has one). A finished, paid loan closed at
-- the end of its duration. The property loans name no client, so they stay in landing.
with loans as (
    {{ landed('eagle', 'loans') }}
),

dispositions as (
    {{ landed('eagle', 'dispositions') }}
),

owners as (
    select account_id, min(client_id collate "C") as client_id
    from dispositions
    where disposition_type = 'Owner'
    group by account_id
),

currencies as (
    select value_text as currency
    from {{ ref('source_parameters') }}
    where source_name = 'eagle' and parameter = 'currency'
        and {{ in_force('valid_from', 'valid_to') }}
),

matured as (
    select
        loans.*,
        cast(loans.disbursed_date + loans.duration_months * interval '1 month' as date)
            as maturity_date
    from loans
),

stg_eagle__loans as (
    select
        matured.loan_id,
        owners.client_id,
        cast(null as text) as facility_id,
        cast(null as text) as application_id,
        cast(null as text) as replaces_loan_id,
        matured.purpose as product,
        matured.principal_amount,
        currencies.currency,
        cast(null as text) as day_count,
        matured.disbursed_date,
        matured.maturity_date,
        case when matured.status = 'A' then matured.maturity_date end as closed_date,
        cast(null as date) as written_off_date,
        cast(null as numeric) as effective_interest_rate,
        cast(null as numeric) as collateral_amount,
        cast(null as date) as collateral_valuation_date
    from matured
    left join owners on matured.account_id = owners.account_id
    cross join currencies
)

select * from stg_eagle__loans
