with concentrated as (
    select * from {{ ref('int_exposures_concentrated') }}
),

loan_risk as (
    select * from {{ ref('loan_risk') }}
),

lender_capital as (
    select * from {{ ref('stg_canonical__lender_capital') }}
),

rates as (
    select * from {{ ref('int_currency_rates') }}
    where rate_date = {{ as_of_date() }}
),

limits as (
    select * from {{ ref('limits') }}
    where {{ in_force('valid_from', 'valid_to') }}
),

capital as (
    select
        lender_capital.effective_date,
        lender_capital.tier1_amount
        * case when lender_capital.currency = {{ reporting_currency() }} then 1 else rates.rate end
            as tier1_base_amount
    from lender_capital
    left join rates on lender_capital.currency = rates.currency
    where lender_capital.effective_date <= {{ as_of_date() }}
    order by lender_capital.effective_date desc
    limit 1
),

without_rate as (
    select count(*) as loan_count
    from loan_risk
    where outstanding_amount > 0 and outstanding_base_amount is null
),

based as (
    select
        limits.dimension,
        limits.basis,
        limits.limit_ratio,
        concentrated.gross_base_amount,
        concentrated.name_count,
        concentrated.hhi,
        concentrated.largest_name,
        concentrated.largest_base_amount,
        concentrated.top_10_base_amount,
        concentrated.top_20_base_amount,
        capital.effective_date as capital_date,
        case limits.basis
            when 'TIER_1' then capital.tier1_base_amount
            when 'GROSS_EXPOSURE' then concentrated.gross_base_amount
        end as basis_base_amount,
        without_rate.loan_count as without_rate_count
    from limits
    left join concentrated on limits.dimension = concentrated.dimension
    left join capital on true
    cross join without_rate
),

concentration as (
    select
        {{ as_of_date() }} as as_of_date,
        dimension,
        cast(coalesce(name_count, 0) as integer) as name_count,
        {{ round_half_even('gross_base_amount', 2) }} as gross_base_amount,
        {{ round_half_even('hhi', 6) }} as hhi,
        {{ round_half_even('hhi * 10000', 2) }} as hhi_points,
        {{ round_half_even('top_10_base_amount', 2) }} as top_10_num,
        {{ round_half_even('top_20_base_amount', 2) }} as top_20_num,
        {{ round_half_even('gross_base_amount', 2) }} as top_den,
        {{ round_half_even(ratio('top_10_base_amount', 'gross_base_amount'), 6) }} as top_10_ratio,
        {{ round_half_even(ratio('top_20_base_amount', 'gross_base_amount'), 6) }} as top_20_ratio,
        largest_name,
        basis as limit_basis,
        capital_date,
        {{ round_half_even('largest_base_amount', 2) }} as largest_num,
        {{ round_half_even('basis_base_amount', 2) }} as largest_den,
        {{ round_half_even(ratio('largest_base_amount', 'basis_base_amount'), 6) }} as largest_ratio,
        limit_ratio,
        {{ ratio('largest_base_amount', 'basis_base_amount') }} > limit_ratio as is_limit_exceeded,
        {{ reasons({
            'FX_RATE_MISSING': 'without_rate_count > 0',
            'NO_CAPITAL': "basis = 'TIER_1' and basis_base_amount is null",
            'NO_EXPOSURE': 'coalesce(gross_base_amount, 0) = 0',
        }) }} as insufficient_reason
    from based
)

select * from concentration
