-- One client per borrower and country; the statement holds no borrower number.
with statements as (
    {{ landed('ibrd', 'statements') }}
),

stg_ibrd__clients as (
    select
        md5(concat_ws('|', country_code, coalesce(borrower, country))) as client_id,
        min(coalesce(borrower, country)) as name,
        cast(null as text) as legal_id,
        'corporate' as client_type,
        cast(null as text) as industry_code,
        min(region) as region,
        cast(null as text) as parent_client_id,
        cast(null as text) as relationship_manager_id,
        min(approved_date) as onboarded_date,
        cast(null as date) as closed_date,
        cast(null as numeric) as annual_revenue_amount,
        cast(null as text) as currency,
        cast(null as date) as kyc_review_due_date
    from statements
    group by 1
)

select * from stg_ibrd__clients
