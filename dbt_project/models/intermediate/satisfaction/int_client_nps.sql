-- NPS of 12 months per client on the dimension OVERALL. With few answers the interval rests on adjusted counts, because the
-- plain one has no width when all answers agree; the published NPS stays the plain one.
with answers as (
    select * from {{ ref('int_survey_answers_counted') }}
),

parameters as (
    {{ parameters_in_force('satisfaction_parameters', [
        'window_months', 'nps_promoter_from', 'nps_detractor_to', 'interval_z',
        'nps_adjust_below_count', 'nps_adjust_promoters', 'nps_adjust_passives',
        'nps_adjust_detractors',
    ]) }}
),

counts as (
    select
        answers.client_id,
        count(*) as answer_count,
        count(*) filter (where answers.score >= parameters.nps_promoter_from) as promoter_count,
        count(*) filter (where answers.score <= parameters.nps_detractor_to) as detractor_count
    from answers
    cross join parameters
    where answers.metric = 'nps'
        and answers.dimension = 'OVERALL'
        and answers.client_id is not null
        and {{ within_months('answers.answered_date', 'parameters.window_months') }}
    group by answers.client_id
),

adjusted as (
    select
        counts.*,
        parameters.interval_z,
        counts.promoter_count
        + case when is_few then parameters.nps_adjust_promoters else 0 end as promoters,
        counts.detractor_count
        + case when is_few then parameters.nps_adjust_detractors else 0 end as detractors,
        counts.answer_count + case
            when is_few
                then parameters.nps_adjust_promoters
                    + parameters.nps_adjust_passives
                    + parameters.nps_adjust_detractors
            else 0
        end as respondents
    from counts
    cross join parameters
    cross join lateral (select counts.answer_count < parameters.nps_adjust_below_count as is_few)
        as size
),

measured as (
    select
        *,
        {{ nps_points('promoter_count', 'detractor_count', 'answer_count') }} as nps,
        {{ nps_points('promoters', 'detractors', 'respondents') }} as centre,
        {{ nps_standard_error('promoters', 'detractors', 'respondents') }} as standard_error
    from adjusted
),

int_client_nps as (
    select
        client_id,
        answer_count,
        promoter_count,
        answer_count - promoter_count - detractor_count as passive_count,
        detractor_count,
        cast(nps as numeric(20, 10)) as nps,
        cast(standard_error as numeric(20, 10)) as standard_error,
        cast(greatest(centre - interval_z * standard_error, -100) as numeric(20, 10)) as nps_low,
        cast(least(centre + interval_z * standard_error, 100) as numeric(20, 10)) as nps_high
    from measured
)

select * from int_client_nps
