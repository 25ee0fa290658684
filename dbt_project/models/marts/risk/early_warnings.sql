with clients as (
    select * from {{ ref('clients') }}
),

universe as (
    select distinct client_id from {{ ref('int_risk_factors_weighed') }}
),

triggers as (
    select * from {{ ref('early_warning_triggers') }} where {{ in_force('valid_from', 'valid_to') }}
),

judged as (
    select * from {{ ref('int_warnings_judged') }}
),

early_warnings as (
    select
        {{ as_of_date() }} as as_of_date,
        universe.client_id,
        triggers.indicator,
        clients.group_id,
        clients.client_type,
        clients.industry_code,
        clients.region,
        clients.relationship_manager_id,
        {{ round_half_even('judged.value', 6) }} as value,
        triggers.comparison,
        triggers.amber_value,
        triggers.red_value,
        triggers.is_hard,
        judged.status,
        judged.first_triggered_date,
        {{ as_of_date() }} - judged.first_triggered_date as days_open,
        case when judged.status in ('RED', 'AMBER') then triggers.suggested_action end as suggested_action,
        case when judged.status is null then 'NO_DATA' end as insufficient_reason
    from universe
    inner join clients on universe.client_id = clients.client_id
    cross join triggers
    left join judged
        on universe.client_id = judged.client_id and triggers.indicator = judged.indicator
)

select * from early_warnings
