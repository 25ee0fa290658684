-- Distinct covenants (facility and metric) whose latest received test fails and is not waived.
with covenants as (
    select * from {{ ref('int_covenants_tested') }}
),

facilities as (
    select * from {{ ref('stg_canonical__facilities') }} where {{ in_force('start_date', 'expiry_date') }}
),

matched as (
    select * from {{ ref('int_clients_matched') }}
),

factor_values as (
    select
        matched.client_id,
        'COVENANT_BREACHES' as factor,
        count(*) filter (where covenants.has_failed and not covenants.is_waived) as value,
        cast(null as text) as reason
    from covenants
    inner join facilities on covenants.facility_id = facilities.facility_id
    inner join matched on facilities.client_id = matched.loan_client_id
    group by matched.client_id
),

int_risk_factor_covenants as (
    {{ scored_factors('factor_values') }}
)

select * from int_risk_factor_covenants
