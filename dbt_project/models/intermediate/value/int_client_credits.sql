-- The newest internal rating in force; its own PD, else that of its grade. Slotting classes rate projects.
with ratings as (
    select * from {{ ref('stg_canonical__ratings') }}
),

matched as (
    select * from {{ ref('int_clients_matched') }}
),

rating_scales as (
    select * from {{ ref('rating_scales') }}
    where {{ in_force('valid_from', 'valid_to') }}
),

parameters as (
    {{ parameters_in_force('value_parameters', ['pd_floor']) }}
),

graded as (
    select
        matched.client_id,
        ratings.scale,
        ratings.grade,
        ratings.effective_date,
        ratings.client_id as loan_client_id,
        coalesce(ratings.pd_12m, rating_scales.pd_12m) as pd_12m
    from ratings
    inner join matched on ratings.client_id = matched.loan_client_id
    left join rating_scales
        on ratings.scale = rating_scales.scale and ratings.grade = rating_scales.grade
    where ratings.effective_date <= {{ as_of_date() }}
),

newest as (
    select distinct on (client_id) *
    from graded
    order by
        client_id,
        (scale = 'SLOTTING'),
        effective_date desc,
        pd_12m desc nulls last,
        loan_client_id collate "C",
        scale collate "C"
),

raw_scores as (
    select
        newest.client_id,
        newest.grade as internal_grade,
        newest.pd_12m,
        100 * (
            1 - ln(
                {{ clamp('newest.pd_12m', 'parameters.pd_floor', 1) }} / parameters.pd_floor
            ) / ln(1 / parameters.pd_floor)
        ) as raw_score
    from newest
    cross join parameters
),

int_client_credits as (
    select
        client_id,
        internal_grade,
        pd_12m,
        cast({{ round_half_even('raw_score', 2) }} as numeric(5, 2)) as credit_quality_score
    from raw_scores
)

select * from int_client_credits
