-- The relationship starts with the client's first account: the client file has no date.
with clients as (
    {{ landed('eagle', 'clients') }}
),

districts as (
    {{ landed('eagle', 'districts') }}
),

dispositions as (
    {{ landed('eagle', 'dispositions') }}
),

accounts as (
    {{ landed('eagle', 'accounts') }}
),

first_accounts as (
    select dispositions.client_id, min(accounts.opened_date) as onboarded_date
    from dispositions
    inner join accounts on dispositions.account_id = accounts.account_id
    group by dispositions.client_id
),

stg_eagle__clients as (
    select
        clients.client_id,
        cast(null as text) as name,
        cast(null as text) as legal_id,
        'individual' as client_type,
        cast(null as text) as industry_code,
        districts.region,
        cast(null as text) as parent_client_id,
        cast(null as text) as relationship_manager_id,
        first_accounts.onboarded_date,
        cast(null as date) as closed_date,
        cast(null as numeric) as annual_revenue_amount,
        cast(null as text) as currency,
        cast(null as date) as kyc_review_due_date
    from clients
    left join districts on clients.district_id = districts.district_id
    left join first_accounts on clients.client_id = first_accounts.client_id
)

select * from stg_eagle__clients
