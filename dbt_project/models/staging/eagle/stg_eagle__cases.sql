-- Complaints. The files tell when one was passed on to the bank, not when the client was answered.
with complaints as (
    {{ landed('eagle', 'complaints') }}
),

stg_eagle__cases as (
    select
        complaint_id as case_id,
        client_id,
        'complaint' as kind,
        'client' as initiator,
        cast(null as integer) as severity,
        lower(submitted_via) as channel,
        case product
            when 'Bank account or service' then 'deposit'
            when 'Credit card' then 'lending'
        end as product_family,
        cast(null as boolean) as is_fair_treatment,
        {{ instant_of('received_date') }} as opened_at,
        cast(null as timestamptz) as first_response_at,
        cast(null as timestamptz) as resolved_at,
        cast(null as timestamptz) as client_informed_at,
        cast(null as timestamptz) as reopened_at,
        issue as root_cause
    from complaints
)

select * from stg_eagle__cases
