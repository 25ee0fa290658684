with clients as (
    select * from {{ ref('clients') }}
),

lending as (
    select * from {{ ref('int_client_lending') }}
),

ratings as (
    select * from {{ ref('int_client_rating_periods') }} where to_date = 'infinity'
),

statements as (
    select * from {{ ref('int_client_statements') }} where on_date = {{ as_of_date() }}
),

weighed as (
    select * from {{ ref('int_risk_factors_weighed') }}
),

warnings as (
    select * from {{ ref('int_warnings_judged') }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', [
        'risk_high_score', 'risk_medium_score', 'warning_count_for_red', 'statement_max_age_days',
    ]) }}
),

scores as (
    select
        client_id,
        sum(contribution_points) as risk_score,
        string_agg(distinct factor, '; ' order by factor) filter (where missing_reason is not null)
            as missing_factors
    from weighed
    group by client_id
),

warned as (
    select
        warnings.client_id,
        count(*) filter (where warnings.status = 'RED') as red_count,
        count(*) filter (where warnings.status = 'AMBER') as amber_count,
        case
            when bool_or(warnings.status = 'RED' and warnings.is_hard)
                or count(*) filter (where warnings.status in ('RED', 'AMBER'))
                >= parameters.warning_count_for_red then 'RED'
            when bool_or(warnings.status in ('RED', 'AMBER')) then 'AMBER'
            when count(warnings.status) > 0 then 'GREEN'
        end as warning_status
    from warnings
    inner join scores on warnings.client_id = scores.client_id
    cross join parameters
    group by warnings.client_id, parameters.warning_count_for_red
),

client_risk as (
    select
        {{ as_of_date() }} as as_of_date,
        clients.client_id,
        clients.group_id,
        clients.client_type,
        clients.industry_code,
        clients.region,
        clients.relationship_manager_id,
        cast(coalesce(lending.running_loan_count, 0) as integer) as running_loan_count,
        {{ round_half_even('coalesce(lending.outstanding_base_amount, case when lending.client_id is null then 0 end)', 2) }}
            as outstanding_base_amount,
        {{ round_half_even('lending.arrears_base_amount', 2) }} as arrears_base_amount,
        {{ round_half_even('lending.ead_base_amount', 2) }} as ead_base_amount,
        {{ round_half_even('lending.ecl_base_amount', 2) }} as ecl_base_amount,
        lending.max_dpd,
        lending.worst_stage as ifrs9_stage,
        case lending.worst_class_rank
            when 1 then 'NORMAL'
            when 2 then 'SPECIAL_MENTION'
            when 3 then 'SUBSTANDARD'
            when 4 then 'DOUBTFUL'
            when 5 then 'LOSS'
        end as cn5_class,
        lending.is_npe_eu,
        coalesce(lending.has_forborne_loan, false) as has_forborne_loan,
        ratings.grade as internal_grade,
        ratings.pd_12m,
        scores.risk_score,
        case
            when lending.worst_stage = 3 or lending.worst_class_rank >= 3 then 'DEFAULT'
            when lending.worst_stage = 2
                or warned.warning_status = 'RED'
                or scores.risk_score >= parameters.risk_high_score then 'HIGH'
            when warned.warning_status = 'AMBER'
                or scores.risk_score >= parameters.risk_medium_score then 'MEDIUM'
            when scores.client_id is not null then 'LOW'
            else 'NONE'
        end as risk_level,
        warned.warning_status,
        cast(coalesce(warned.red_count, 0) as integer) as red_warning_count,
        cast(coalesce(warned.amber_count, 0) as integer) as amber_warning_count,
        statements.period_end as statement_date,
        statements.statement_age_days,
        statements.altman_z_score,
        statements.net_debt_to_ebitda_ratio,
        statements.has_no_ebitda,
        statements.interest_cover_ratio,
        statements.current_ratio,
        scores.missing_factors,
        {{ reasons({
            'NO_LOAN_AND_NO_RATING': 'scores.client_id is null',
            'NO_RATING': 'scores.client_id is not null and ratings.client_id is null',
            'NO_STATEMENT': 'scores.client_id is not null and statements.client_id is null',
            'STATEMENT_TOO_OLD': 'statements.statement_age_days > parameters.statement_max_age_days',
        }) }} as insufficient_reason
    from clients
    cross join parameters
    left join lending on clients.client_id = lending.client_id
    left join ratings on clients.client_id = ratings.client_id
    left join statements on clients.client_id = statements.client_id
    left join scores on clients.client_id = scores.client_id
    left join warned on clients.client_id = warned.client_id
)

select * from client_risk
