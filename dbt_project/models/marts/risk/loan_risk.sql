with loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

exposures as (
    select * from {{ ref('int_exposure_stages') }}
),

clients as (
    select * from {{ ref('clients') }}
),

figures as (
    select * from {{ ref('int_loan_figures') }}
),

stages as (
    select * from {{ ref('int_loan_stages') }}
),

pd_changes as (
    select * from {{ ref('int_loan_pd_changes') }}
),

forbearances as (
    select * from {{ ref('int_loan_forbearances') }}
),

classes as (
    select * from {{ ref('int_loan_classes') }}
),

non_performing as (
    select * from {{ ref('int_client_non_performing') }}
),

rates as (
    select * from {{ ref('int_currency_rates') }}
    where rate_date = {{ as_of_date() }}
),

dpd_buckets as (
    select
        dpd_bucket,
        from_days,
        lead(from_days) over (order by from_days) as next_from_days
    from {{ ref('dpd_buckets') }}
    where {{ in_force('valid_from', 'valid_to') }}
),

-- A facility without a running loan has a key that no loan can have.
entries as (
    select
        loan_id,
        loan_id as exposure_id,
        false as is_undrawn_only,
        client_id,
        has_crm_record,
        facility_id,
        product,
        loan_status,
        disbursed_date,
        maturity_date,
        closed_date,
        written_off_date,
        currency,
        principal_amount,
        cast(null as numeric(20, 2)) as outstanding_amount
    from loans
    union all
    select
        exposures.exposure_id || '#undrawn',
        exposures.exposure_id,
        true,
        exposures.client_id,
        clients.has_crm_record,
        exposures.facility_id,
        null,
        'UNDRAWN',
        null,
        exposures.end_date,
        null,
        null,
        exposures.currency,
        null,
        0
    from exposures
    inner join clients on exposures.client_id = clients.client_id
    where exposures.is_undrawn_only
),

loan_risk as (
    select
        {{ as_of_date() }} as as_of_date,
        entries.loan_id,
        entries.client_id,
        clients.group_id,
        clients.client_type,
        clients.industry_code,
        clients.region,
        clients.relationship_manager_id,
        entries.facility_id,
        entries.product,
        entries.loan_status,
        entries.disbursed_date,
        entries.maturity_date,
        entries.closed_date,
        entries.written_off_date,
        entries.currency,
        {{ round_half_even('entries.principal_amount', 2) }} as principal_amount,
        {{ round_half_even('coalesce(figures.outstanding_amount, entries.outstanding_amount)', 2) }}
            as outstanding_amount,
        {{ round_half_even(
            'coalesce(figures.outstanding_amount, entries.outstanding_amount) * rates.rate', 2
        ) }}
            as outstanding_base_amount,
        figures.outstanding_basis,
        coalesce(figures.was_disbursement_defaulted, false) as was_disbursement_defaulted,
        {{ round_half_even('figures.arrears_amount', 2) }} as arrears_amount,
        figures.oldest_unpaid_due_date,
        figures.dpd_contractual,
        figures.dpd_after_grace,
        figures.dpd_basis,
        dpd_buckets.dpd_bucket,
        coalesce(stages.ifrs9_stage, exposures.ifrs9_stage) as ifrs9_stage,
        coalesce(stages.stage_reason, exposures.stage_reason) as stage_reason,
        {{ reasons({
            'FX_RATE_MISSING': 'coalesce(figures.outstanding_amount, exposures.ead_amount) is not null and rates.rate is null',
            'LOAN_CLOSED': "entries.loan_status = 'CLOSED'",
            'LOAN_WRITTEN_OFF': "entries.loan_status = 'WRITTEN_OFF'",
            'NO_CRM_MATCH': 'not entries.has_crm_record',
            'NO_SCHEDULE': 'figures.lacks_schedule',
            'PAYMENTS_NOT_COVERED': 'figures.lacks_payments',
            'PRINCIPAL_PART_MISSING': 'figures.lacks_principal_part',
            'UNDRAWN_UNKNOWN': 'exposures.exposure_id is not null and exposures.undrawn_amount is null',
        }) }} as insufficient_reason,
        entries.is_undrawn_only,
        coalesce(stages.is_in_probation, false) as is_in_probation,
        stages.probation_end_date,
        forbearances.modified_date,
        coalesce(forbearances.is_forborne, false) as is_forborne,
        forbearances.dpd_before_modification,
        exposures.internal_grade,
        exposures.pd_12m,
        coalesce(exposures.was_pd_defaulted, false) as was_pd_defaulted,
        pd_changes.disbursement_grade,
        coalesce(pd_changes.was_disbursement_grade_defaulted, false) as was_disbursement_grade_defaulted,
        pd_changes.notches_down,
        pd_changes.remaining_life_pd,
        pd_changes.disbursement_remaining_life_pd,
        exposures.undrawn_amount,
        exposures.ead_amount,
        {{ round_half_even('exposures.ead_amount * rates.rate', 2) }} as ead_base_amount,
        exposures.lgd_ratio,
        exposures.effective_interest_rate,
        coalesce(exposures.was_effective_rate_defaulted, false) as was_effective_rate_defaulted,
        coalesce(exposures.was_schedule_defaulted, false) as was_schedule_defaulted,
        exposures.ecl_12m_amount,
        exposures.ecl_lifetime_amount,
        exposures.ecl_amount,
        {{ round_half_even('exposures.ecl_amount * rates.rate', 2) }} as ecl_base_amount,
        classes.cn5_class,
        classes.cn5_driver,
        case
            when exposures.exposure_id is not null then non_performing.client_id is not null
        end as is_npe_eu,
        case when exposures.exposure_id is not null then non_performing.npe_reason end as npe_reason
    from entries
    inner join clients on entries.client_id = clients.client_id
    left join figures on entries.loan_id = figures.loan_id
    left join stages on entries.loan_id = stages.loan_id
    left join exposures on entries.exposure_id = exposures.exposure_id
    left join classes on entries.exposure_id = classes.exposure_id
    left join pd_changes on entries.loan_id = pd_changes.loan_id
    left join forbearances on entries.loan_id = forbearances.loan_id
    left join non_performing on entries.client_id = non_performing.client_id
    left join rates on entries.currency = rates.currency
    left join dpd_buckets
        on figures.dpd_contractual >= dpd_buckets.from_days
            and (
                figures.dpd_contractual < dpd_buckets.next_from_days
                or dpd_buckets.next_from_days is null
            )
)

select * from loan_risk
