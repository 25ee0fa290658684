-- Ratings by client as periods, each until the next. Slotting classes rate projects: they count for a
-- client until its first rating on another scale.
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

graded as (
    select
        matched.client_id,
        ratings.scale,
        ratings.grade,
        rating_scales.notch,
        coalesce(ratings.pd_12m, rating_scales.pd_12m) as pd_12m,
        ratings.effective_date
    from ratings
    inner join matched on ratings.client_id = matched.loan_client_id
    left join rating_scales
        on ratings.scale = rating_scales.scale and ratings.grade = rating_scales.grade
    where ratings.effective_date <= {{ as_of_date() }}
),

first_internal as (
    select client_id, min(effective_date) as from_date
    from graded
    where scale <> 'SLOTTING'
    group by client_id
),

counting as (
    select distinct on (graded.client_id, graded.effective_date) graded.*
    from graded
    left join first_internal on graded.client_id = first_internal.client_id
    where graded.scale <> 'SLOTTING'
        or graded.effective_date < coalesce(first_internal.from_date, 'infinity')
    order by
        graded.client_id,
        graded.effective_date,
        graded.pd_12m desc nulls last,
        graded.scale collate "C",
        graded.grade collate "C"
),

int_client_rating_periods as (
    select
        client_id,
        scale,
        grade,
        notch,
        pd_12m,
        effective_date as from_date,
        lead(effective_date, 1, 'infinity') over (
            partition by client_id order by effective_date
        ) as to_date
    from counting
)

select * from int_client_rating_periods
