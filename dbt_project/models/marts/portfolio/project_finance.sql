with projects as (
    select * from {{ ref('stg_canonical__projects') }}
    where coalesce(start_date, '-infinity') <= {{ as_of_date() }}
),

covered as (
    select * from {{ ref('int_projects_covered') }}
),

covenants as (
    select * from {{ ref('int_covenants_tested') }}
),

facilities as (
    select * from {{ ref('stg_canonical__facilities') }}
),

ratings as (
    select * from {{ ref('stg_canonical__ratings') }}
),

matched as (
    select * from {{ ref('int_clients_matched') }}
),

clients as (
    select * from {{ ref('clients') }}
),

loan_risk as (
    select * from {{ ref('loan_risk') }}
),

covenants_by_project as (
    select
        facilities.project_id,
        count(*) as covenant_count,
        count(*) filter (where covenants.has_failed and not covenants.is_waived)
            as covenant_breach_count,
        min(covenants.headroom_ratio) as covenant_headroom_ratio
    from covenants
    inner join facilities on covenants.facility_id = facilities.facility_id
    where facilities.project_id is not null
    group by facilities.project_id
),

loans_by_project as (
    select
        facilities.project_id,
        sum(loan_risk.outstanding_base_amount) as outstanding_base_amount,
        max(loan_risk.ifrs9_stage) as ifrs9_stage
    from loan_risk
    inner join facilities on loan_risk.facility_id = facilities.facility_id
    where facilities.project_id is not null
    group by facilities.project_id
),

slots as (
    select distinct on (client_id) client_id, grade, effective_date
    from ratings
    where scale = 'SLOTTING' and effective_date <= {{ as_of_date() }}
    order by client_id, effective_date desc
),

project_finance as (
    select
        {{ as_of_date() }} as as_of_date,
        projects.project_id,
        coalesce(covered.scenario, 'NONE') as scenario,
        coalesce(matched.client_id, projects.client_id) as client_id,
        clients.group_id,
        clients.client_type,
        clients.industry_code,
        clients.region,
        clients.relationship_manager_id,
        case
            when projects.completion_date is null then upper(projects.phase)
            when projects.completion_date > {{ as_of_date() }} then 'CONSTRUCTION'
            else 'OPERATION'
        end as phase,
        projects.completion_date,
        projects.end_date,
        covered.forecast_date,
        covered.period_end,
        covered.last_service_date,
        covered.currency,
        {{ round_half_even('covered.cash_available_amount', 2) }} as dscr_num,
        {{ round_half_even('covered.debt_service_amount', 2) }} as dscr_den,
        {{ round_half_even(ratio('covered.cash_available_amount', 'covered.debt_service_amount'), 6) }}
            as dscr_ratio,
        {{ round_half_even('covered.min_dscr_ratio', 6) }} as min_dscr_ratio,
        {{ round_half_even('covered.average_dscr_num', 2) }} as average_dscr_num,
        {{ round_half_even('covered.average_dscr_den', 2) }} as average_dscr_den,
        {{ round_half_even(ratio('covered.average_dscr_num', 'covered.average_dscr_den'), 6) }}
            as average_dscr_ratio,
        {{ round_half_even('covered.llcr_num', 2) }} as llcr_num,
        {{ round_half_even('covered.plcr_num', 2) }} as plcr_num,
        {{ round_half_even('covered.debt_outstanding_amount', 2) }} as debt_outstanding_amount,
        covered.debt_rate,
        {{ round_half_even(ratio('covered.llcr_num', 'covered.debt_outstanding_amount'), 6) }}
            as llcr_ratio,
        {{ round_half_even(ratio('covered.plcr_num', 'covered.debt_outstanding_amount'), 6) }}
            as plcr_ratio,
        cast(coalesce(covenants_by_project.covenant_count, 0) as integer) as covenant_count,
        cast(coalesce(covenants_by_project.covenant_breach_count, 0) as integer)
            as covenant_breach_count,
        {{ round_half_even('covenants_by_project.covenant_headroom_ratio', 6) }}
            as covenant_headroom_ratio,
        slots.grade as slotting_class,
        slots.effective_date as slotting_date,
        loans_by_project.outstanding_base_amount,
        loans_by_project.ifrs9_stage,
        {{ reasons({
            'DEBT_RATE_MISSING': 'covered.lacks_rate',
            'FORECAST_INCOMPLETE': 'covered.lacks_cash',
            'NO_COVENANT_TEST': 'covenants_by_project.project_id is null',
            'NO_DEBT_SERVICE':
                'covered.project_id is not null and coalesce(covered.debt_service_amount, 0) = 0',
            'NO_FORECAST': 'covered.project_id is null',
            'NO_RATING': 'slots.grade is null',
        }) }} as insufficient_reason
    from projects
    left join covered on projects.project_id = covered.project_id
    left join covenants_by_project on projects.project_id = covenants_by_project.project_id
    left join loans_by_project on projects.project_id = loans_by_project.project_id
    left join slots on projects.client_id = slots.client_id
    left join matched on projects.client_id = matched.loan_client_id
    left join clients on matched.client_id = clients.client_id
)

select * from project_finance
