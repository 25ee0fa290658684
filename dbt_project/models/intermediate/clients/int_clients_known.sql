-- CRM clients onboarded by the release's date, and loan-side clients that no CRM client matches.
with clients as (
    select * from {{ ref('stg_canonical__clients') }}
),

loan_clients as (
    select * from {{ ref('stg_canonical__loan_clients') }}
),

matched as (
    select * from {{ ref('int_clients_matched') }}
),

crm_side as (
    select
        source,
        client_id,
        true as has_crm_record,
        name,
        client_type,
        industry_code,
        region,
        parent_client_id,
        relationship_manager_id,
        onboarded_date,
        {{ by_as_of('closed_date') }} as closed_date,
        annual_revenue_amount,
        currency,
        kyc_review_due_date,
        was_backcast
    from clients
    where coalesce(onboarded_date, '-infinity') <= {{ as_of_date() }}
),

loan_side as (
    select
        split_part(matched.client_id, ':', 1) as source,
        matched.client_id,
        false as has_crm_record,
        loan_clients.name,
        loan_clients.client_type,
        loan_clients.industry_code,
        loan_clients.region,
        cast(null as text) as parent_client_id,
        cast(null as text) as relationship_manager_id,
        loan_clients.onboarded_date,
        cast(null as date) as closed_date,
        cast(null as numeric(20, 2)) as annual_revenue_amount,
        cast(null as text) as currency,
        cast(null as date) as kyc_review_due_date,
        loan_clients.was_backcast
    from matched
    left join loan_clients on matched.loan_client_id = loan_clients.client_id
    where not matched.has_crm_record
),

int_clients_known as (
    select * from crm_side
    union all
    select * from loan_side
)

select * from int_clients_known
