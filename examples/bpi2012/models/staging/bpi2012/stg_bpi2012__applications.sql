-- End states decide: A_APPROVED, A_DECLINED, A_CANCELLED; otherwise the application is open. The log
-- names no client.
with applications as (
    {{ landed('bpi2012', 'applications') }}
),

events as (
    {{ landed('bpi2012', 'events') }}
),

ends as (
    select
        case_id,
        min(happened_at) filter (where activity = 'A_APPROVED') as approved_at,
        min(happened_at) filter (where activity = 'A_DECLINED') as declined_at,
        min(happened_at) filter (where activity = 'A_CANCELLED') as cancelled_at,
        min(happened_at) filter (where activity = 'A_ACTIVATED') as activated_at
    from events
    group by case_id
),

stg_bpi2012__applications as (
    select
        applications.case_id as application_id,
        cast(null as text) as client_id,
        cast(null as text) as root_application_id,
        'consumer_loan' as product,
        applications.requested_amount,
        'EUR' as currency,
        applications.registered_at as submitted_at,
        coalesce(ends.approved_at, ends.declined_at, ends.cancelled_at) as decided_at,
        case
            when ends.approved_at is not null then 'approved'
            when ends.declined_at is not null then 'declined'
            when ends.cancelled_at is not null then 'cancelled'
        end as decision,
        ends.activated_at as disbursed_at,
        cast(null as boolean) as is_policy_exception
    from applications
    left join ends on applications.case_id = ends.case_id
)

select * from stg_bpi2012__applications
