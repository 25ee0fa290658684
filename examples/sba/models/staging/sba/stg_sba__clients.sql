-- The files hold no borrower number: a borrower is a name (a pseudonym here) in a city and state.
with loans as (
    {{ landed('sba', 'loans') }}
),

borrowers as (
    select
        md5(concat_ws('|', coalesce(borrower_ref, loan_no), city, state)) as client_id,
        min(industry_code) as industry_code,
        min(state) as region,
        min(approved_date) as onboarded_date
    from loans
    group by 1
),

stg_sba__clients as (
    select
        client_id,
        cast(null as text) as name,
        cast(null as text) as legal_id,
        'sme' as client_type,
        industry_code,
        region,
        cast(null as text) as parent_client_id,
        cast(null as text) as relationship_manager_id,
        onboarded_date,
        cast(null as date) as closed_date,
        cast(null as numeric) as annual_revenue_amount,
        cast(null as text) as currency,
        cast(null as date) as kyc_review_due_date
    from borrowers
)

select * from stg_sba__clients
