-- Loans that were never paid out are applications, not loans. A charged-off loan is written off on
-- its charge-off date; "paid in full" is known without its date, so the loan stays open until its term.
with loans as (
    {{ landed('sba', 'loans') }}
),

dated as (
    select
        loans.*,
        md5(concat_ws('|', coalesce(borrower_ref, loan_no), city, state)) as client_id,
        cast(disbursed_date + term_months * interval '1 month' as date) as maturity_date
    from loans
    where disbursed_date is not null
),

stg_sba__loans as (
    select
        loan_no as loan_id,
        client_id,
        cast(null as text) as facility_id,
        cast(null as text) as application_id,
        cast(null as text) as replaces_loan_id,
        case when term_months >= 240 then 'real_estate' else 'term_loan' end as product,
        disbursed_amount as principal_amount,
        'USD' as currency,
        cast(null as text) as day_count,
        disbursed_date,
        maturity_date,
        case when status = 'PIF' then maturity_date end as closed_date,
        charged_off_date as written_off_date,
        cast(null as numeric) as effective_interest_rate,
        cast(null as numeric) as collateral_amount,
        cast(null as date) as collateral_valuation_date
    from dated
)

select * from stg_sba__loans
