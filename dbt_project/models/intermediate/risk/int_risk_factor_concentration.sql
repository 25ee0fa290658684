-- Gross exposure to the client's group against the lender's tier 1 capital.
with lending as (
    select * from {{ ref('int_client_lending') }}
),

groups as (
    select * from {{ ref('int_client_groups') }}
),

rates as (
    select * from {{ ref('int_currency_rates') }} where rate_date = {{ as_of_date() }}
),

capital as (
    select tier1_amount, currency
    from {{ ref('stg_canonical__lender_capital') }}
    where effective_date <= {{ as_of_date() }}
    order by effective_date desc
    limit 1
),

tier1 as (
    select
        capital.tier1_amount * case
            when capital.currency = {{ reporting_currency() }} or capital.currency is null then 1
            else rates.rate
        end as base_amount
    from capital
    left join rates on capital.currency = rates.currency
),

group_exposures as (
    select groups.group_id, sum(lending.ead_base_amount) as ead_base_amount
    from lending
    inner join groups on lending.client_id = groups.client_id
    group by groups.group_id
),

factor_values as (
    select
        lending.client_id,
        'GROUP_TO_CAPITAL' as factor,
        {{ ratio('group_exposures.ead_base_amount', 'tier1.base_amount') }} as value,
        case when tier1.base_amount is null then 'NO_CAPITAL' end as reason
    from lending
    inner join groups on lending.client_id = groups.client_id
    inner join group_exposures on groups.group_id = group_exposures.group_id
    left join tier1 on true
),

int_risk_factor_concentration as (
    {{ scored_factors('factor_values') }}
)

select * from int_risk_factor_concentration
