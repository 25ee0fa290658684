-- CSAT of 12 months per client on the dimension OVERALL: share of answers in the top two boxes.
with answers as (
    select * from {{ ref('int_survey_answers_counted') }}
),

parameters as (
    {{ parameters_in_force('satisfaction_parameters', ['window_months', 'interval_z']) }}
),

counts as (
    select
        answers.client_id,
        count(*) filter (where answers.is_csat_hit) as csat_num,
        count(*) as csat_den,
        case when min(answers.scale_max) = max(answers.scale_max) then avg(answers.score) end
            as csat_mean
    from answers
    cross join parameters
    where answers.metric = 'csat'
        and answers.dimension = 'OVERALL'
        and answers.client_id is not null
        and answers.is_csat_hit is not null
        and {{ within_months('answers.answered_date', 'parameters.window_months') }}
    group by answers.client_id
),

int_client_csat as (
    select
        counts.client_id,
        counts.csat_num,
        counts.csat_den,
        cast({{ ratio('counts.csat_num', 'counts.csat_den') }} as numeric(16, 12)) as csat_ratio,
        cast(counts.csat_mean as numeric(16, 8)) as csat_mean,
        cast(
            {{ wilson_low('counts.csat_num', 'counts.csat_den', 'parameters.interval_z') }}
            as numeric(16, 12)
        ) as csat_low_ratio,
        cast(
            {{ wilson_high('counts.csat_num', 'counts.csat_den', 'parameters.interval_z') }}
            as numeric(16, 12)
        ) as csat_high_ratio
    from counts
    cross join parameters
)

select * from int_client_csat
