-- Application and offer states are points in time. Of a work item the START is the event; it ends with
-- the next COMPLETE of the same item. SCHEDULE only says that work waits.
with events as (
    {{ landed('bpi2012', 'events') }}
),

paired as (
    select
        events.*,
        min(case when lifecycle = 'COMPLETE' then happened_at end) over (
            partition by case_id, activity
            order by event_no
            rows between 1 following and unbounded following
        ) as completed_at
    from events
),

stg_bpi2012__application_events as (
    select
        case_id as application_id,
        event_no,
        case
            when activity in ('A_SUBMITTED', 'A_PARTLYSUBMITTED') then 'SUBMITTED'
            when activity like 'O\_%' or activity = 'W_Nabellen offertes' then 'OFFER'
            when activity = 'W_Nabellen incomplete dossiers' then 'DOCUMENT_REQUEST'
            when activity in ('A_APPROVED', 'A_REGISTERED') then 'APPROVAL'
            when activity in ('A_DECLINED', 'A_CANCELLED') then 'DECISION'
            when activity = 'A_ACTIVATED' then 'DISBURSEMENT'
            else 'REVIEW'
        end as stage,
        resource as actor_ref,
        cast(null as text) as authority_level,
        resource is null as is_automatic,
        activity in ('W_Nabellen offertes', 'W_Nabellen incomplete dossiers')
            as is_waiting_for_client,
        happened_at as entered_at,
        case when activity like 'W\_%' then completed_at else happened_at end as exited_at
    from paired
    where activity not like 'W\_%' or lifecycle = 'START'
)

select * from stg_bpi2012__application_events
