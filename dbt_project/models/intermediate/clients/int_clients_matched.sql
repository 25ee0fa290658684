-- First rule that finds exactly one CRM client wins; nothing is matched by likeness.
with loan_client_ids as (
    select * from {{ ref('int_loan_client_ids') }}
),

loan_clients as (
    select * from {{ ref('stg_canonical__loan_clients') }}
),

client_matches as (
    select * from {{ ref('stg_canonical__client_matches') }}
),

crm_clients as (
    select
        client_id,
        legal_id,
        substr(client_id, strpos(client_id, ':') + 1) as native_id
    from {{ ref('stg_canonical__clients') }}
    where coalesce(onboarded_date, '-infinity') <= {{ as_of_date() }}
),

same_key as (
    select
        loan_client_ids.loan_client_id,
        crm_clients.client_id,
        1 as rule_no,
        'same_key' as matched_by
    from loan_client_ids
    inner join crm_clients on loan_client_ids.loan_client_id = crm_clients.client_id
),

explicit as (
    select distinct on (client_matches.loan_client_id)
        client_matches.loan_client_id,
        client_matches.crm_client_id as client_id,
        2 as rule_no,
        client_matches.matched_by
    from client_matches
    inner join crm_clients on client_matches.crm_client_id = crm_clients.client_id
    where {{ in_force('client_matches.valid_from', 'client_matches.valid_to') }}
    order by
        client_matches.loan_client_id,
        client_matches.confidence desc nulls last,
        client_matches.crm_client_id collate "C"
),

-- A reference holds the native key of the CRM, in whatever source's name staging qualified it.
by_reference as (
    select
        loan_clients.client_id as loan_client_id,
        min(crm_clients.client_id collate "C") as client_id,
        3 as rule_no,
        'reference' as matched_by
    from loan_clients
    inner join crm_clients
        on crm_clients.native_id
            = substr(loan_clients.crm_reference, strpos(loan_clients.crm_reference, ':') + 1)
            and (
                loan_clients.crm_reference like loan_clients.source || ':%'
                or loan_clients.crm_reference = crm_clients.client_id
            )
    group by loan_clients.client_id
    having count(*) = 1
),

by_legal_id as (
    select
        loan_clients.client_id as loan_client_id,
        min(crm_clients.client_id collate "C") as client_id,
        4 as rule_no,
        'legal_id' as matched_by
    from loan_clients
    inner join crm_clients on loan_clients.legal_id = crm_clients.legal_id
    group by loan_clients.client_id
    having count(*) = 1
),

candidates as (
    select * from same_key
    union all
    select * from explicit
    union all
    select * from by_reference
    union all
    select * from by_legal_id
),

best as (
    select distinct on (loan_client_id) *
    from candidates
    order by loan_client_id, rule_no
),

int_clients_matched as (
    select
        loan_client_ids.loan_client_id,
        coalesce(best.client_id, loan_client_ids.loan_client_id) as client_id,
        best.matched_by,
        best.client_id is not null as has_crm_record
    from loan_client_ids
    left join best on loan_client_ids.loan_client_id = best.loan_client_id
)

select * from int_clients_matched
