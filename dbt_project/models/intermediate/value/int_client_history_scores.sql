-- Points of the history; a figure that is missing leaves its points out and the rest is re-scaled.
with histories as (
    select * from {{ ref('int_client_histories') }}
),

parameters as (
    {{ parameters_in_force('value_parameters', [
        'on_time_points', 'tenure_points', 'deal_points', 'revenue_points',
        'full_tenure_months', 'full_deal_count', 'hurdle_revenue_amount',
    ]) }}
),

shares as (
    select
        client_id,
        {{ ratio('on_time_num', 'on_time_den') }} as on_time_share,
        {{ clamp('tenure_months / parameters.full_tenure_months', 0, 1) }} as tenure_share,
        {{ clamp('deal_count_36m / parameters.full_deal_count', 0, 1) }} as deal_share,
        {{ clamp('revenue_12m_base_amount / parameters.hurdle_revenue_amount', 0, 1) }}
            as revenue_share
    from histories
    cross join parameters
),

points as (
    select
        shares.client_id,
        cast({{ round_half_even('parameters.on_time_points * shares.on_time_share', 2) }} as numeric(5, 2))
            as on_time_points,
        cast({{ round_half_even('parameters.tenure_points * shares.tenure_share', 2) }} as numeric(5, 2))
            as tenure_points,
        cast({{ round_half_even('parameters.deal_points * shares.deal_share', 2) }} as numeric(5, 2))
            as deal_points,
        cast({{ round_half_even('parameters.revenue_points * shares.revenue_share', 2) }} as numeric(5, 2))
            as revenue_points,
        case when shares.on_time_share is null then 0 else parameters.on_time_points end
        + case when shares.tenure_share is null then 0 else parameters.tenure_points end
        + case when shares.deal_share is null then 0 else parameters.deal_points end
        + case when shares.revenue_share is null then 0 else parameters.revenue_points end
            as reachable_points
    from shares
    cross join parameters
),

totals as (
    select
        *,
        100 * (
            coalesce(on_time_points, 0)
            + coalesce(tenure_points, 0)
            + coalesce(deal_points, 0)
            + coalesce(revenue_points, 0)
        ) / nullif(reachable_points, 0) as raw_score
    from points
),

int_client_history_scores as (
    select
        client_id,
        on_time_points,
        tenure_points,
        deal_points,
        revenue_points,
        cast({{ round_half_even('raw_score', 2) }} as numeric(5, 2)) as history_score
    from totals
)

select * from int_client_history_scores
