with loans as (
    select * from {{ ref('int_loans_disbursed') }}
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

loan_risk as (
    select
        {{ as_of_date() }} as as_of_date,
        loans.loan_id,
        loans.client_id,
        clients.group_id,
        clients.client_type,
        clients.industry_code,
        clients.region,
        clients.relationship_manager_id,
        loans.facility_id,
        loans.product,
        loans.loan_status,
        loans.disbursed_date,
        loans.maturity_date,
        loans.closed_date,
        loans.written_off_date,
        loans.currency,
        {{ round_half_even('loans.principal_amount', 2) }} as principal_amount,
        {{ round_half_even('figures.outstanding_amount', 2) }} as outstanding_amount,
        {{ round_half_even('figures.outstanding_amount * rates.rate', 2) }}
            as outstanding_base_amount,
        figures.outstanding_basis,
        figures.was_disbursement_defaulted,
        {{ round_half_even('figures.arrears_amount', 2) }} as arrears_amount,
        figures.oldest_unpaid_due_date,
        figures.dpd_contractual,
        figures.dpd_after_grace,
        figures.dpd_basis,
        dpd_buckets.dpd_bucket,
        stages.ifrs9_stage,
        stages.stage_reason,
        {{ reasons({
            'FX_RATE_MISSING': 'figures.outstanding_amount is not null and rates.rate is null',
            'LOAN_CLOSED': "loans.loan_status = 'CLOSED'",
            'LOAN_WRITTEN_OFF': "loans.loan_status = 'WRITTEN_OFF'",
            'NO_CRM_MATCH': 'not loans.has_crm_record',
            'NO_SCHEDULE': 'figures.lacks_schedule',
            'PAYMENTS_NOT_COVERED': 'figures.lacks_payments',
            'PRINCIPAL_PART_MISSING': 'figures.lacks_principal_part',
        }) }} as insufficient_reason
    from loans
    inner join clients on loans.client_id = clients.client_id
    inner join figures on loans.loan_id = figures.loan_id
    inner join stages on loans.loan_id = stages.loan_id
    left join rates on loans.currency = rates.currency
    left join dpd_buckets
        on figures.dpd_contractual >= dpd_buckets.from_days
            and (
                figures.dpd_contractual < dpd_buckets.next_from_days
                or dpd_buckets.next_from_days is null
            )
)

select * from loan_risk
