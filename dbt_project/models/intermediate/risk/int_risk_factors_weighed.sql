-- Every factor of every client with a loan or a rating. A missing one leaves its points to the others:
-- what is there is scaled up to 100, each contribution rounded, and their sum is the score.
with every_factor as (
    select * from {{ ref('int_risk_factor_arrears') }}
    union all
    select * from {{ ref('int_risk_factor_rating') }}
    union all
    select * from {{ ref('int_risk_factor_financials') }}
    union all
    select * from {{ ref('int_risk_factor_covenants') }}
    union all
    select * from {{ ref('int_risk_factor_collateral') }}
    union all
    select * from {{ ref('int_risk_factor_concentration') }}
),

clients as (
    select client_id from {{ ref('int_client_lending') }}
    union
    select client_id from {{ ref('int_client_rating_periods') }} where to_date = 'infinity'
),

maxima as (
    select
        factor,
        case
            when factor = 'DAYS_PAST_DUE' then 'ARREARS'
            when factor = 'DEFAULT_PROBABILITY' then 'RATING'
            when factor in ('ALTMAN_Z', 'NET_DEBT_TO_EBITDA', 'INTEREST_COVER') then 'FINANCIALS'
            when factor = 'COVENANT_BREACHES' then 'COVENANTS'
            when factor = 'COLLATERAL_COVER' then 'COLLATERAL'
            else 'CONCENTRATION'
        end as family,
        max(points) as max_points
    from {{ ref('risk_factor_bands') }}
    where {{ in_force('valid_from', 'valid_to') }}
    group by factor
),

complete as (
    select
        clients.client_id,
        maxima.family,
        maxima.factor,
        maxima.max_points,
        every_factor.value,
        every_factor.points,
        case
            when every_factor.points is null then coalesce(every_factor.reason, 'NO_DATA')
        end as missing_reason,
        sum(maxima.max_points) filter (where every_factor.points is not null)
            over (partition by clients.client_id) as known_points
    from clients
    cross join maxima
    left join every_factor
        on clients.client_id = every_factor.client_id and maxima.factor = every_factor.factor
),

int_risk_factors_weighed as (
    select
        client_id,
        family,
        factor,
        value,
        cast(points as numeric(6, 2)) as points,
        cast(max_points as numeric(6, 2)) as max_points,
        cast(
            {{ round_half_even(ratio('100 * points', 'known_points'), 2) }} as numeric(6, 2)
        ) as contribution_points,
        missing_reason
    from complete
)

select * from int_risk_factors_weighed
