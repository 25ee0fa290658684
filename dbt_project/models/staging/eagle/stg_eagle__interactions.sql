-- Calls that name their client; a call counts as two-way when an agent spoke.
with calls as (
    {{ landed('eagle', 'calls') }}
),

stg_eagle__interactions as (
    select
        call_ref as interaction_id,
        client_id,
        'call' as channel,
        'inbound' as direction,
        coalesce(outcome = 'AGENT', false) as is_two_way,
        false as is_bulk,
        cast(null as text) as topic,
        {{ instant_of('(received_date + service_started_at)') }} as occurred_at,
        cast(null as numeric) as cost_amount,
        cast(null as text) as currency
    from calls
    where client_id is not null
)

select * from stg_eagle__interactions
