-- Ids of clients that the loan side speaks of by the release's date, whether or not it has a record.
with loans as (
    select * from {{ ref('stg_canonical__loans') }}
),

facilities as (
    select * from {{ ref('stg_canonical__facilities') }}
),

risk_events as (
    select * from {{ ref('stg_canonical__risk_events') }}
),

ratings as (
    select * from {{ ref('stg_canonical__ratings') }}
),

loan_clients as (
    select * from {{ ref('stg_canonical__loan_clients') }}
),

int_loan_client_ids as (
    select client_id as loan_client_id from loans where disbursed_date <= {{ as_of_date() }}
    union
    select client_id from facilities where start_date <= {{ as_of_date() }}
    union
    select client_id from risk_events where from_date <= {{ as_of_date() }}
    union
    select client_id from ratings where effective_date <= {{ as_of_date() }}
    union
    select client_id
    from loan_clients
    where coalesce(onboarded_date, '-infinity') <= {{ as_of_date() }}
)

select * from int_loan_client_ids
