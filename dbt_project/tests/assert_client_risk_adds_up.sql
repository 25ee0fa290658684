-- Contributions make the score, loans make the exposure of the client, clients that of the group.
with client_risk as (
    select * from {{ ref('client_risk') }}
),

contributions as (
    select client_id, sum(contribution_points) as risk_score
    from {{ ref('risk_contributions') }}
    group by client_id
),

loans as (
    select client_id, sum(outstanding_base_amount) as outstanding_base_amount
    from {{ ref('loan_risk') }}
    where ead_amount is not null
    group by client_id
),

groups as (
    select sum(outstanding_base_amount) as amount, sum(member_count) as members
    from {{ ref('client_groups') }}
),

totals as (
    select sum(outstanding_base_amount) as amount, count(*) as members from client_risk
)

select client_risk.client_id
from client_risk
left join contributions on client_risk.client_id = contributions.client_id
left join loans on client_risk.client_id = loans.client_id
where client_risk.risk_score is distinct from contributions.risk_score
    or client_risk.outstanding_base_amount
    <> coalesce(loans.outstanding_base_amount, case when loans.client_id is null then 0 end)
union all
select 'groups'
from groups
cross join totals
where groups.amount is distinct from totals.amount or coalesce(groups.members, 0) <> totals.members
