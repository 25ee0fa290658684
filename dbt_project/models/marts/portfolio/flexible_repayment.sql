with judged as (
    select * from {{ ref('int_modifications_judged') }}
),

loan_risk as (
    select * from {{ ref('loan_risk') }}
),

flexible_repayment as (
    select
        {{ as_of_date() }} as as_of_date,
        judged.modification_id,
        judged.loan_id,
        loan_risk.client_id,
        loan_risk.group_id,
        loan_risk.client_type,
        loan_risk.industry_code,
        loan_risk.region,
        loan_risk.relationship_manager_id,
        loan_risk.product,
        judged.kind as modification_kind,
        judged.approved_date,
        judged.is_financial_difficulty,
        judged.is_concession,
        judged.flexibility_kind,
        judged.currency,
        {{ round_half_even('judged.npv_before_amount', 2) }} as npv_before_amount,
        {{ round_half_even('judged.npv_after_amount', 2) }} as npv_after_amount,
        {{ round_half_even('judged.npv_before_amount - judged.npv_after_amount', 2) }}
            as npv_loss_num,
        {{ round_half_even('judged.npv_before_amount', 2) }} as npv_loss_den,
        {{ round_half_even('judged.npv_loss_ratio', 6) }} as npv_loss_ratio,
        judged.is_diminished_obligation,
        judged.dpd_before_modification,
        loan_risk.dpd_contractual,
        loan_risk.ifrs9_stage,
        judged.watched_to_date,
        judged.redefault_date,
        judged.has_redefaulted_12m,
        {{ reasons({
            'LOAN_NOT_DELIVERED': 'loan_risk.loan_id is null',
            'MODIFICATION_FLAGS_MISSING': 'judged.flexibility_kind is null',
            'NPV_MISSING': 'judged.npv_loss_ratio is null',
            'OBSERVATION_RUNNING': 'judged.has_redefaulted_12m is null',
        }) }} as insufficient_reason
    from judged
    left join loan_risk on judged.loan_id = loan_risk.loan_id
)

select * from flexible_repayment
