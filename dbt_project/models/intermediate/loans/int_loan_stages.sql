-- IFRS 9 stage: the worst trigger met now, or one met so short a time ago that its cure is not over.
-- Whole months without a trigger are counted at month-ends, from facts, never from an earlier release.
with loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

figures as (
    select * from {{ ref('int_loan_figures') }}
),

triggers as (
    select * from {{ ref('int_loan_stage_triggers') }}
),

forbearances as (
    select * from {{ ref('int_loan_forbearances') }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', [
        'cure_stage_3_months', 'cure_stage_3_forborne_months', 'cure_stage_2_months',
    ]) }}
),

last_met as (
    select
        loan_id,
        min(months_ago) filter (where stage = 3) as stage_3_months_ago,
        min(months_ago) filter (where stage = 2) as stage_2_months_ago,
        bool_or(stage_trigger = 'DPD_STAGE_3' and months_ago = 0) as is_dpd_3,
        bool_or(stage_trigger = 'OPEN_DEFAULT_EVENT' and months_ago = 0) as is_default,
        bool_or(stage_trigger = 'OPEN_UNLIKELY_TO_PAY_EVENT' and months_ago = 0) as is_unlikely_to_pay,
        bool_or(stage_trigger = 'DPD_STAGE_2' and months_ago = 0) as is_dpd_2,
        bool_or(stage_trigger = 'OPEN_WATCH_LIST_EVENT' and months_ago = 0) as is_watched,
        bool_or(stage_trigger = 'PD_INCREASE' and months_ago = 0) as is_pd_increased,
        bool_or(stage_trigger = 'NOTCHES_DOWN' and months_ago = 0) as is_far_down,
        bool_or(stage_trigger = 'FORBORNE_PERFORMING' and months_ago = 0) as is_forborne
    from triggers
    group by loan_id
),

cures as (
    select
        loans.loan_id,
        case
            when forbearances.is_forborne then parameters.cure_stage_3_forborne_months
            else parameters.cure_stage_3_months
        end as cure_3_months,
        parameters.cure_stage_2_months as cure_2_months
    from loans
    left join forbearances on loans.loan_id = forbearances.loan_id
    cross join parameters
),

reasoned as (
    select
        loans.loan_id,
        case
            when loans.loan_status <> 'ACTIVE' then null
            when last_met.is_dpd_3 then 'DPD_STAGE_3'
            when last_met.is_default then 'OPEN_DEFAULT_EVENT'
            when last_met.is_unlikely_to_pay then 'OPEN_UNLIKELY_TO_PAY_EVENT'
            when last_met.stage_3_months_ago <= cures.cure_3_months then 'CURE_OF_STAGE_3'
            when last_met.is_dpd_2 then 'DPD_STAGE_2'
            when last_met.is_watched then 'OPEN_WATCH_LIST_EVENT'
            when last_met.is_pd_increased then 'PD_INCREASE'
            when last_met.is_far_down then 'NOTCHES_DOWN'
            when last_met.is_forborne then 'FORBORNE_PERFORMING'
            when last_met.stage_2_months_ago <= cures.cure_2_months
                or last_met.stage_3_months_ago <= cures.cure_3_months + cures.cure_2_months
                then 'CURE_OF_STAGE_2'
            when figures.dpd_contractual is not null then 'PERFORMING'
        end as stage_reason,
        greatest(
            cures.cure_2_months - last_met.stage_2_months_ago,
            cures.cure_3_months + cures.cure_2_months - last_met.stage_3_months_ago
        ) as cure_2_months_left,
        cures.cure_3_months - last_met.stage_3_months_ago as cure_3_months_left,
        forbearances.forborne_until_date
    from loans
    inner join figures on loans.loan_id = figures.loan_id
    inner join cures on loans.loan_id = cures.loan_id
    left join last_met on loans.loan_id = last_met.loan_id
    left join forbearances on loans.loan_id = forbearances.loan_id
),

int_loan_stages as (
    select
        loan_id,
        stage_reason,
        case
            when stage_reason in (
                    'DPD_STAGE_3', 'OPEN_DEFAULT_EVENT', 'OPEN_UNLIKELY_TO_PAY_EVENT', 'CURE_OF_STAGE_3'
                ) then 3
            when stage_reason = 'PERFORMING' then 1
            when stage_reason is not null then 2
        end as ifrs9_stage,
        coalesce(
            stage_reason in ('CURE_OF_STAGE_3', 'CURE_OF_STAGE_2', 'FORBORNE_PERFORMING'), false
        ) as is_in_probation,
        case stage_reason
            when 'CURE_OF_STAGE_3' then {{ month_end_ahead('cure_3_months_left + 1') }}
            when 'CURE_OF_STAGE_2' then {{ month_end_ahead('cure_2_months_left + 1') }}
            when 'FORBORNE_PERFORMING' then forborne_until_date
        end as probation_end_date
    from reasoned
)

select * from int_loan_stages
