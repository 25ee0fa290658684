with known as (
    select * from {{ ref('int_clients_known') }}
),

groups as (
    select * from {{ ref('int_client_groups') }}
),

loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

lending as (
    select
        client_id,
        count(*) as loan_count,
        count(*) filter (where loan_status = 'ACTIVE') as active_loan_count
    from loans
    group by client_id
),

clients as (
    select
        {{ as_of_date() }} as as_of_date,
        known.client_id,
        groups.group_id,
        known.client_type,
        known.industry_code,
        known.region,
        known.relationship_manager_id,
        known.name,
        known.parent_client_id,
        known.has_crm_record,
        known.onboarded_date,
        known.closed_date,
        known.closed_date is null as is_active,
        {{ whole_months('known.onboarded_date', as_of_date()) }} as tenure_months,
        {{ round_half_even('known.annual_revenue_amount', 2) }} as annual_revenue_amount,
        known.currency,
        known.kyc_review_due_date,
        known.was_backcast,
        cast(coalesce(lending.loan_count, 0) as integer) as loan_count,
        cast(coalesce(lending.active_loan_count, 0) as integer) as active_loan_count,
        {{ reasons({
            'NO_CRM_MATCH': 'not known.has_crm_record',
            'NO_ONBOARDED_DATE': 'known.onboarded_date is null',
        }) }} as insufficient_reason
    from known
    inner join groups on known.client_id = groups.client_id
    left join lending on known.client_id = lending.client_id
)

select * from clients
