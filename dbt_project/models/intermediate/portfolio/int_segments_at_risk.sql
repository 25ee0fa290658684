-- Sums over the running loans of each segment. Balances, not loans, are at risk: all that is owed by a
-- loan that is late, not its arrears. Every mart figure of a segment is a ratio of two of these sums.
with loan_risk as (
    select * from {{ ref('loan_risk') }}
),

credits as (
    select * from {{ ref('int_client_credits') }}
),

lost as (
    select * from {{ ref('int_loans_lost') }}
),

parameters as (
    {{ parameters_in_force(
        'portfolio_parameters', ['par_30_after_days', 'par_60_after_days', 'par_90_after_days']
    ) }}
),

segmented as (
    select
        loan_risk.*,
        lost.loss_base_amount,
        lost.mean_base_amount,
        segment.type as segment_type,
        coalesce(segment.value, 'UNKNOWN') as segment
    from loan_risk
    left join lost on loan_risk.loan_id = lost.loan_id
    left join credits on loan_risk.client_id = credits.client_id
    cross join
        lateral (
            values
            ('TOTAL', 'TOTAL'),
            ('CLIENT_TYPE', loan_risk.client_type),
            ('INDUSTRY', loan_risk.industry_code),
            ('REGION', loan_risk.region),
            ('PRODUCT', loan_risk.product),
            ('CURRENCY', loan_risk.currency),
            ('GRADE', credits.internal_grade)
        ) as segment (type, value)
),

int_segments_at_risk as (
    select
        segmented.segment_type,
        segmented.segment,
        count(*) filter (where segmented.loan_status = 'ACTIVE') as loan_count,
        count(distinct segmented.client_id) filter (where segmented.loan_status = 'ACTIVE')
            as client_count,
        {{ total_where('segmented.outstanding_base_amount', 'true') }} as exposure_base_amount,
        {%- for days in (30, 60, 90) %}
        {{ total_where(
            'segmented.outstanding_base_amount',
            'segmented.dpd_contractual > parameters.par_' ~ days ~ '_after_days'
        ) }} as par_{{ days }}_base_amount,
        {%- endfor %}
        {{ total_where(
            'segmented.outstanding_base_amount',
            "segmented.loan_status = 'ACTIVE' and segmented.dpd_contractual is null"
        ) }} as dpd_unknown_base_amount,
        {%- for stage in (1, 2, 3) %}
            {{ total_where('segmented.outstanding_base_amount', 'segmented.ifrs9_stage = ' ~ stage) }}
                as stage_{{ stage }}_base_amount,
        {%- endfor %}
        {{ total_where(
            'segmented.outstanding_base_amount',
            "segmented.loan_status = 'ACTIVE' and segmented.ifrs9_stage is null"
        ) }} as stage_unknown_base_amount,
        {%- for class in ('normal', 'special_mention', 'substandard', 'doubtful', 'loss') %}
            {{ total_where('segmented.outstanding_base_amount', "segmented.cn5_class = '" ~ class | upper ~ "'") }}
                as class_{{ class }}_base_amount,
        {%- endfor %}
        {{ total_where(
            'segmented.outstanding_base_amount',
            "segmented.loan_status = 'ACTIVE' and segmented.cn5_class is null"
        ) }} as class_unknown_base_amount,
        {{ total_where('segmented.outstanding_base_amount', 'segmented.is_npe_eu') }} as npe_eu_base_amount,
        {{ total_where('segmented.ead_base_amount', 'true') }} as ead_base_amount,
        {{ total_where('segmented.ecl_base_amount', 'true') }} as ecl_base_amount,
        count(*) filter (
            where segmented.ead_base_amount is not null and segmented.ecl_base_amount is null
        ) as without_ecl_count,
        {{ total_where('segmented.loss_base_amount', 'true') }} as loss_base_amount,
        {{ total_where('segmented.mean_base_amount', 'true') }} as mean_base_amount,
        count(*) filter (
            where segmented.outstanding_amount <> 0 and segmented.outstanding_base_amount is null
        ) as without_rate_count
    from segmented
    cross join parameters
    group by segmented.segment_type, segmented.segment
)

select * from int_segments_at_risk
