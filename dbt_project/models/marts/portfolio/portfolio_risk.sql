with at_risk as (
    select
        *,
        class_substandard_base_amount + class_doubtful_base_amount + class_loss_base_amount
            as npl_cn5_base_amount
    from {{ ref('int_segments_at_risk') }}
),

portfolio_risk as (
    select
        {{ as_of_date() }} as as_of_date,
        segment_type,
        segment,
        cast(loan_count as integer) as loan_count,
        cast(client_count as integer) as client_count,
        exposure_base_amount,
        {%- for days in (30, 60, 90) %}
            par_{{ days }}_base_amount as par_{{ days }}_num,
            exposure_base_amount as par_{{ days }}_den,
            {{ round_half_even(ratio('par_' ~ days ~ '_base_amount', 'exposure_base_amount'), 6) }}
                as par_{{ days }}_ratio,
        {%- endfor %}
        dpd_unknown_base_amount,
        stage_1_base_amount,
        stage_2_base_amount,
        stage_3_base_amount,
        stage_unknown_base_amount,
        stage_3_base_amount as npl_stage3_num,
        exposure_base_amount as npl_stage3_den,
        {{ round_half_even(ratio('stage_3_base_amount', 'exposure_base_amount'), 6) }}
            as npl_stage3_ratio,
        {{ round_half_even('loss_base_amount', 2) }} as cost_of_risk_num,
        {{ round_half_even('mean_base_amount', 2) }} as cost_of_risk_den,
        {{ round_half_even(ratio('loss_base_amount', 'mean_base_amount'), 6) }} as cost_of_risk_ratio,
        class_normal_base_amount,
        class_special_mention_base_amount,
        class_substandard_base_amount,
        class_doubtful_base_amount,
        class_loss_base_amount,
        class_unknown_base_amount,
        npl_cn5_base_amount as npl_cn5_num,
        exposure_base_amount as npl_cn5_den,
        {{ round_half_even(ratio('npl_cn5_base_amount', 'exposure_base_amount'), 6) }} as npl_cn5_ratio,
        npe_eu_base_amount as npl_eu_num,
        exposure_base_amount as npl_eu_den,
        {{ round_half_even(ratio('npe_eu_base_amount', 'exposure_base_amount'), 6) }} as npl_eu_ratio,
        ead_base_amount,
        ecl_base_amount as coverage_num,
        npl_cn5_base_amount as coverage_den,
        {{ round_half_even(ratio('ecl_base_amount', 'npl_cn5_base_amount'), 6) }} as coverage_ratio,
        ecl_base_amount as provision_num,
        exposure_base_amount as provision_den,
        {{ round_half_even(ratio('ecl_base_amount', 'exposure_base_amount'), 6) }} as provision_ratio,
        {{ reasons({
            'CLASS_UNKNOWN': 'class_unknown_base_amount > 0',
            'ECL_UNKNOWN': 'without_ecl_count > 0',
            'DPD_UNKNOWN': 'dpd_unknown_base_amount > 0',
            'FX_RATE_MISSING': 'without_rate_count > 0',
            'NO_EXPOSURE': 'exposure_base_amount = 0',
            'STAGE_UNKNOWN': 'stage_unknown_base_amount > 0',
        }) }} as insufficient_reason
    from at_risk
)

select * from portfolio_risk
