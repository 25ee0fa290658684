-- One answer per contact, month and question: the latest complete one. Answers without a contact have
-- nothing that tells them apart, so each counts. An answer without a client stays anonymous: its
-- invitation is not asked who gave it.
with answers as (
    select * from {{ ref('stg_canonical__survey_answers') }}
),

csat_scales as (
    select * from {{ ref('csat_scales') }}
    where {{ in_force('valid_from', 'valid_to') }}
),

complete as (
    select
        answers.answer_id,
        answers.client_id,
        answers.contact_ref,
        coalesce(answers.wave_month, {{ month_start(business_date('answers.answered_at')) }})
            as wave_month,
        answers.touchpoint,
        answers.dimension,
        answers.metric,
        answers.score,
        answers.scale_max,
        answers.answered_at,
        {{ business_date('answers.answered_at') }} as answered_date
    from answers
    where coalesce(answers.is_complete, true)
        and answers.score is not null
        and {{ business_date('answers.answered_at') }} <= {{ as_of_date() }}
),

latest as (
    select distinct on (
        coalesce(contact_ref, answer_id), client_id, wave_month, touchpoint, dimension, metric
    ) *
    from complete
    order by
        coalesce(contact_ref, answer_id),
        client_id,
        wave_month,
        touchpoint,
        dimension,
        metric,
        answered_at desc,
        answer_id collate "C" desc
),

int_survey_answers_counted as (
    select
        latest.answer_id,
        latest.client_id,
        latest.contact_ref,
        latest.wave_month,
        latest.touchpoint,
        latest.dimension,
        latest.metric,
        latest.score,
        latest.scale_max,
        latest.answered_date,
        latest.score >= csat_scales.hit_from as is_csat_hit
    from latest
    left join csat_scales
        on latest.metric = 'csat' and latest.scale_max = csat_scales.scale_max
)

select * from int_survey_answers_counted
