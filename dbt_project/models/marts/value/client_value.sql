-- Parts that are missing leave their weight to the others. Potential and profitability are assessed
-- by later models; until then the potential is named as missing for every client.
with clients as (
    select * from {{ ref('clients') }}
),

histories as (
    select * from {{ ref('int_client_histories') }}
),

history_scores as (
    select * from {{ ref('int_client_history_scores') }}
),

credits as (
    select * from {{ ref('int_client_credits') }}
),

previous as (
    select * from {{ ref('int_client_values_previous') }}
),

parameters as (
    {{ parameters_in_force('value_parameters', [
        'credit_weight', 'history_weight', 'repeat_deal_count', 'key_client_score',
        'tier_a_score', 'tier_b_score', 'tier_c_score',
    ]) }}
),

weighted as (
    select
        clients.client_id,
        case when credits.credit_quality_score is null then 0 else parameters.credit_weight end
            as credit_weight,
        case when history_scores.history_score is null then 0 else parameters.history_weight end
            as history_weight,
        coalesce(credits.credit_quality_score, 0) as credit_score,
        coalesce(history_scores.history_score, 0) as history_score
    from clients
    inner join history_scores on clients.client_id = history_scores.client_id
    left join credits on clients.client_id = credits.client_id
    cross join parameters
),

raw_scores as (
    select
        client_id,
        (credit_weight * credit_score + history_weight * history_score)
        / nullif(credit_weight + history_weight, 0) as raw_score
    from weighted
),

scores as (
    select client_id, {{ round_half_even('raw_score', 2) }} as value_score
    from raw_scores
),

client_value as (
    select
        clients.as_of_date,
        clients.client_id,
        clients.group_id,
        clients.client_type,
        clients.industry_code,
        clients.region,
        clients.relationship_manager_id,
        credits.internal_grade,
        credits.pd_12m,
        credits.credit_quality_score,
        histories.tenure_months,
        cast(histories.deal_count as integer) as deal_count,
        cast(histories.deal_count_36m as integer) as deal_count_36m,
        histories.deal_count >= parameters.repeat_deal_count as is_repeat_client,
        cast(histories.on_time_num as integer) as on_time_num,
        cast(histories.on_time_den as integer) as on_time_den,
        {{ round_half_even(ratio('histories.on_time_num', 'histories.on_time_den'), 6) }}
            as on_time_ratio,
        {{ round_half_even('histories.revenue_12m_base_amount', 2) }} as revenue_12m_base_amount,
        history_scores.on_time_points,
        history_scores.tenure_points,
        history_scores.deal_points,
        history_scores.revenue_points,
        history_scores.history_score,
        scores.value_score,
        case
            when scores.value_score >= parameters.tier_a_score then 'A'
            when scores.value_score >= parameters.tier_b_score then 'B'
            when scores.value_score >= parameters.tier_c_score then 'C'
            when scores.value_score is not null then 'D'
            else 'NONE'
        end as value_tier,
        previous.value_tier as previous_value_tier,
        coalesce(scores.value_score >= parameters.key_client_score, false) as is_key_client,
        case
            when credits.credit_quality_score is null then 'CREDIT; POTENTIAL'
            else 'POTENTIAL'
        end as missing_parts,
        {{ reasons({
            'FX_RATE_MISSING': 'histories.lacks_rate',
            'NO_CRM_MATCH': 'not clients.has_crm_record',
            'NO_INSTALMENTS_DUE': 'histories.on_time_den = 0',
            'NO_ONBOARDED_DATE': 'histories.tenure_months is null',
            'NO_RATING': 'credits.credit_quality_score is null',
            'PAYMENTS_NOT_COVERED': 'histories.has_uncovered_loan',
            'POTENTIAL_NOT_ASSESSED': 'true',
            'REVENUE_NOT_COVERED': 'not histories.is_revenue_covered',
        }) }} as insufficient_reason
    from clients
    inner join histories on clients.client_id = histories.client_id
    inner join history_scores on clients.client_id = history_scores.client_id
    inner join scores on clients.client_id = scores.client_id
    left join credits on clients.client_id = credits.client_id
    left join previous on clients.client_id = previous.client_id
    cross join parameters
)

select * from client_value
