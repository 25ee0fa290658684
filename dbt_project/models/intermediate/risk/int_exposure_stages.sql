-- The stage of each exposure and the loss it makes. In stage 3 default is certain: 12 months and
-- lifetime are LGD times exposure. An undrawn facility shares the worst stage of its client's loans.
with exposures as (
    select * from {{ ref('int_exposures') }}
),

losses as (
    select * from {{ ref('int_exposure_losses') }}
),

stages as (
    select * from {{ ref('int_loan_stages') }}
),

loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

client_stages as (
    select loans.client_id, max(stages.ifrs9_stage) as ifrs9_stage
    from stages
    inner join loans on stages.loan_id = loans.loan_id
    group by loans.client_id
),

staged as (
    select
        exposures.*,
        case
            when exposures.is_undrawn_only then coalesce(client_stages.ifrs9_stage, 1)
            else stages.ifrs9_stage
        end as ifrs9_stage,
        case
            when not exposures.is_undrawn_only then stages.stage_reason
            when client_stages.ifrs9_stage > 1 then 'WORST_LOAN_OF_CLIENT'
            else 'PERFORMING'
        end as stage_reason,
        losses.was_schedule_defaulted,
        losses.lifetime_pd,
        losses.ecl_12m_amount,
        losses.ecl_lifetime_amount,
        exposures.lgd_ratio * exposures.ead_amount as impaired_amount
    from exposures
    inner join losses on exposures.exposure_id = losses.exposure_id
    left join stages on exposures.exposure_id = stages.loan_id
    left join client_stages on exposures.client_id = client_stages.client_id
),

int_exposure_stages as (
    select
        exposure_id,
        is_undrawn_only,
        facility_id,
        client_id,
        currency,
        end_date,
        outstanding_amount,
        undrawn_amount,
        ead_amount,
        lgd_ratio,
        internal_grade,
        pd_12m,
        was_pd_defaulted,
        effective_interest_rate,
        was_effective_rate_defaulted,
        was_schedule_defaulted,
        ifrs9_stage,
        stage_reason,
        cast({{ round_half_even(
            'case when ifrs9_stage = 3 then impaired_amount else ecl_12m_amount end', 2
        ) }} as numeric(20, 2)) as ecl_12m_amount,
        cast({{ round_half_even(
            'case when ifrs9_stage = 3 then impaired_amount else ecl_lifetime_amount end', 2
        ) }} as numeric(20, 2)) as ecl_lifetime_amount,
        cast({{ round_half_even(
            'case ifrs9_stage when 3 then impaired_amount when 2 then ecl_lifetime_amount '
            ~ 'when 1 then ecl_12m_amount end', 2
        ) }} as numeric(20, 2)) as ecl_amount
    from staged
)

select * from int_exposure_stages
