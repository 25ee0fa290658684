-- Two sources never deliver the same qualified key.
with keys as (
    select 'clients' as entity, client_id as entity_key from {{ ref('stg_canonical__clients') }}
    union all
    select 'loan_clients', client_id from {{ ref('stg_canonical__loan_clients') }}
    union all
    select 'loans', loan_id from {{ ref('stg_canonical__loans') }}
    union all
    select 'facilities', facility_id from {{ ref('stg_canonical__facilities') }}
    union all
    select 'transactions', transaction_id from {{ ref('stg_canonical__transactions') }}
    union all
    select 'survey_answers', answer_id from {{ ref('stg_canonical__survey_answers') }}
)

select entity, entity_key, count(*) as row_count
from keys
group by entity, entity_key
having count(*) > 1
