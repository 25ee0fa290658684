-- What the rating says of a loan today and at the month-ends that still matter, against the rating at
-- disbursement (else the first one after it): probability of default over the remaining life, from
-- the grade's curve bent to the rating's own 12-month figure.
with loans as (
    select * from {{ ref('int_loans_disbursed') }} where loan_status = 'ACTIVE'
),

month_ends as (
    select * from {{ ref('int_loan_month_ends') }}
),

rating_periods as (
    select * from {{ ref('int_client_rating_periods') }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', [
        'sicr_pd_multiple', 'sicr_pd_increase', 'sicr_notches', 'cure_stage_2_months',
        'fallback_horizon_days', 'ecl_pd_floor', 'ecl_pd_ceiling',
    ]) }}
),

hazard_pieces as (
    {{ hazard_pieces() }}
),

points as (
    select loan_id, {{ as_of_date() }} as on_date, 0 as months_ago
    from loans
    union all
    select month_ends.loan_id, month_ends.month_end, {{ months_ago('month_ends.month_end') }}
    from month_ends
    cross join parameters
    where month_ends.month_end < {{ as_of_date() }}
        and {{ months_ago('month_ends.month_end') }} <= parameters.cure_stage_2_months
),

first_ratings as (
    select distinct on (loans.loan_id)
        loans.loan_id,
        rating_periods.scale,
        rating_periods.grade,
        rating_periods.notch,
        rating_periods.pd_12m,
        rating_periods.from_date > loans.disbursed_date as was_disbursement_grade_defaulted
    from loans
    inner join rating_periods
        on loans.client_id = rating_periods.client_id
            and loans.disbursed_date < rating_periods.to_date
    order by loans.loan_id, rating_periods.from_date
),

compared as (
    select
        points.loan_id,
        points.months_ago,
        now_rating.scale,
        now_rating.grade,
        now_rating.pd_12m,
        first_ratings.grade as first_grade,
        first_ratings.pd_12m as first_pd_12m,
        first_ratings.was_disbursement_grade_defaulted,
        now_rating.notch - first_ratings.notch as notches_down,
        {{ years_between(
            'points.on_date',
            'greatest(loans.maturity_date, points.on_date + cast(parameters.fallback_horizon_days as integer))'
        ) }} as fallback_years,
        case
            when loans.maturity_date > points.on_date
                then {{ years_between('points.on_date', 'loans.maturity_date') }}
        end as remaining_years
    from points
    inner join loans on points.loan_id = loans.loan_id
    inner join first_ratings on points.loan_id = first_ratings.loan_id
    inner join rating_periods as now_rating
        on loans.client_id = now_rating.client_id
            and first_ratings.scale = now_rating.scale
            and points.on_date >= now_rating.from_date
            and points.on_date < now_rating.to_date
    cross join parameters
    where points.months_ago = 0 or now_rating.pd_12m > first_ratings.pd_12m
),

-- S(t) = exp(-H(t) * bend), the bend bringing the first year to the rating's own figure.
remaining as (
    select
        compared.*,
        cast(1 - exp(-cast(
            {{ hazard_at('coalesce(compared.remaining_years, compared.fallback_years)', 'now_piece') }}
            * -ln(1 - {{ clamp('compared.pd_12m', 'parameters.ecl_pd_floor', 'parameters.ecl_pd_ceiling') }})
            / now_piece.first_year_hazard as numeric(20, 12)
        )) as numeric(12, 8)) as remaining_life_pd,
        cast(1 - exp(-cast(
            {{ hazard_at('coalesce(compared.remaining_years, compared.fallback_years)', 'first_piece') }}
            * -ln(1 - {{ clamp('compared.first_pd_12m', 'parameters.ecl_pd_floor', 'parameters.ecl_pd_ceiling') }})
            / first_piece.first_year_hazard as numeric(20, 12)
        )) as numeric(12, 8)) as disbursement_remaining_life_pd
    from compared
    left join hazard_pieces as now_piece
        on compared.scale = now_piece.scale
            and compared.grade = now_piece.grade
            and {{ is_within('coalesce(compared.remaining_years, compared.fallback_years)', 'now_piece') }}
    left join hazard_pieces as first_piece
        on compared.scale = first_piece.scale
            and compared.first_grade = first_piece.grade
            and {{ is_within('coalesce(compared.remaining_years, compared.fallback_years)', 'first_piece') }}
    cross join parameters
),

judged as (
    select
        remaining.*,
        remaining.remaining_life_pd
        >= parameters.sicr_pd_multiple * remaining.disbursement_remaining_life_pd
        and remaining.remaining_life_pd
        >= remaining.disbursement_remaining_life_pd + parameters.sicr_pd_increase as is_pd_increased,
        remaining.notches_down >= parameters.sicr_notches as is_far_down
    from remaining
    cross join parameters
),

int_loan_pd_changes as (
    select
        loan_id,
        max(first_grade) filter (where months_ago = 0) as disbursement_grade,
        bool_or(was_disbursement_grade_defaulted) as was_disbursement_grade_defaulted,
        max(notches_down) filter (where months_ago = 0) as notches_down,
        max(remaining_life_pd) filter (where months_ago = 0) as remaining_life_pd,
        max(disbursement_remaining_life_pd) filter (where months_ago = 0)
            as disbursement_remaining_life_pd,
        min(months_ago) filter (where is_pd_increased) as pd_increased_months_ago,
        min(months_ago) filter (where is_far_down) as far_down_months_ago
    from judged
    group by loan_id
)

select * from int_loan_pd_changes
