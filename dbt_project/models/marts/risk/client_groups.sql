with clients as (
    select * from {{ ref('clients') }}
),

client_risk as (
    select * from {{ ref('client_risk') }}
),

client_groups as (
    select
        {{ as_of_date() }} as as_of_date,
        clients.group_id,
        max(clients.name) filter (where clients.client_id = clients.group_id) as name,
        cast(count(*) as integer) as member_count,
        cast(count(*) filter (where client_risk.running_loan_count > 0) as integer) as borrower_count,
        cast(sum(client_risk.running_loan_count) as integer) as running_loan_count,
        cast(sum(client_risk.outstanding_base_amount) as numeric(20, 2)) as outstanding_base_amount,
        cast(sum(client_risk.ead_base_amount) as numeric(20, 2)) as ead_base_amount,
        cast(sum(client_risk.ecl_base_amount) as numeric(20, 2)) as ecl_base_amount,
        max(client_risk.max_dpd) as max_dpd,
        max(client_risk.ifrs9_stage) as worst_stage,
        cast(count(*) filter (where client_risk.risk_level = 'DEFAULT') as integer) as defaulted_member_count
    from clients
    inner join client_risk on clients.client_id = client_risk.client_id
    group by clients.group_id
)

select * from client_groups
