with clients as (
    select * from {{ ref('clients') }}
),

weighed as (
    select * from {{ ref('int_risk_factors_weighed') }}
),

risk_contributions as (
    select
        {{ as_of_date() }} as as_of_date,
        weighed.client_id,
        weighed.factor,
        weighed.family,
        clients.group_id,
        clients.client_type,
        clients.industry_code,
        clients.region,
        clients.relationship_manager_id,
        weighed.value,
        weighed.points,
        weighed.max_points,
        weighed.contribution_points,
        weighed.missing_reason
    from weighed
    inner join clients on weighed.client_id = clients.client_id
)

select * from risk_contributions
