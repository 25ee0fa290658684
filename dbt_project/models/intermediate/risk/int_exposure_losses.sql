-- Expected credit loss before the stage decides: sum over the periods ahead of marginal probability of
-- default, LGD, exposure at the opening of the period and end-of-period discounting, all scenarios
-- weighted. Marginal means unconditional: S(t-1) - S(t). A period that straddles the twelfth month
-- counts for 12 months only up to it.
with exposures as (
    select * from {{ ref('int_exposures') }}
),

periods as (
    select * from {{ ref('int_exposure_periods') }}
),

scenarios as (
    select scenario, weight_ratio, hazard_multiple from {{ ref('ecl_scenarios') }}
    where {{ in_force('valid_from', 'valid_to') }}
),

survivals as (
    select
        periods.*,
        cast(survival.weighted as numeric(16, 12)) as end_survival
    from periods
    cross join lateral (
        select sum(scenarios.weight_ratio * exp(-scenarios.hazard_multiple * periods.end_hazard)) as weighted
        from scenarios
    ) as survival
),

first_years as (
    select
        exposures.exposure_id,
        cast(
            sum(scenarios.weight_ratio * exp(scenarios.hazard_multiple * ln(1 - exposures.pd_12m)))
            as numeric(16, 12)
        ) as survival
    from exposures
    cross join scenarios
    group by exposures.exposure_id
),

marginals as (
    select
        survivals.*,
        coalesce(
            lag(survivals.end_survival) over (
                partition by survivals.exposure_id order by survivals.period_end
            ),
            1
        ) as start_survival
    from survivals
),

losses as (
    select
        marginals.exposure_id,
        marginals.was_schedule_defaulted,
        (marginals.start_survival - marginals.end_survival) as lifetime_pd,
        case
            when marginals.start_years >= 1 then 0
            when marginals.end_years <= 1 then marginals.start_survival - marginals.end_survival
            else greatest(
                    marginals.start_survival - greatest(first_years.survival, marginals.end_survival), 0
                )
        end as first_year_pd,
        exposures.lgd_ratio
        * (marginals.opening_amount + exposures.ead_amount - exposures.outstanding_amount)
        * exp(-marginals.end_years * ln(1 + exposures.effective_interest_rate)) as loss_amount
    from marginals
    inner join exposures on marginals.exposure_id = exposures.exposure_id
    inner join first_years on marginals.exposure_id = first_years.exposure_id
),

int_exposure_losses as (
    select
        exposure_id,
        bool_or(was_schedule_defaulted) as was_schedule_defaulted,
        cast(sum(lifetime_pd) as numeric(12, 8)) as lifetime_pd,
        cast(sum(first_year_pd * loss_amount) as numeric(24, 6)) as ecl_12m_amount,
        cast(sum(lifetime_pd * loss_amount) as numeric(24, 6)) as ecl_lifetime_amount
    from losses
    group by exposure_id
)

select * from int_exposure_losses
