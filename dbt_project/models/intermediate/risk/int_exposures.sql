-- What can be lost: running loans, and committed facilities without one. The committed undrawn limit of
-- a facility is spread over its loans by what they owe, evenly when they owe nothing.
with loans as (
    select * from {{ ref('int_loans_disbursed') }} where loan_status = 'ACTIVE'
),

contracts as (
    select * from {{ ref('stg_canonical__loans') }}
),

figures as (
    select * from {{ ref('int_loan_figures') }}
),

facilities as (
    select * from {{ ref('stg_canonical__facilities') }}
    where is_committed and {{ in_force('start_date', 'expiry_date') }}
),

matched as (
    select * from {{ ref('int_clients_matched') }}
),

rates as (
    select * from {{ ref('int_currency_rates') }} where rate_date = {{ as_of_date() }}
),

rating_periods as (
    select * from {{ ref('int_client_rating_periods') }} where to_date = 'infinity'
),

parameters as (
    {{ parameters_in_force('risk_parameters', [
        'fallback_effective_rate', 'ecl_pd_floor', 'ecl_pd_ceiling',
    ]) }}
),

lgds as (
    select
        collateral,
        lgd_ratio,
        haircut_ratio,
        from_days,
        lead(from_days) over (partition by collateral order by from_days) as next_from_days
    from {{ ref('lgds') }}
    where {{ in_force('valid_from', 'valid_to') }}
),

ccfs as (
    select max(ccf_ratio) filter (where commitment = 'COMMITTED') as committed_ccf_ratio
    from {{ ref('ccfs') }}
    where {{ in_force('valid_from', 'valid_to') }}
),

curves as (
    select scale, grade, first_year_hazard from ({{ hazard_pieces() }}) as pieces
    group by scale, grade, first_year_hazard
),

drawn as (
    select
        loans.loan_id,
        loans.facility_id,
        loans.client_id,
        loans.currency,
        figures.dpd_contractual,
        loans.maturity_date as end_date,
        coalesce(figures.outstanding_amount, 0) as outstanding_amount,
        coalesce(contracts.collateral_amount, 0) as collateral_amount,
        contracts.effective_interest_rate,
        case when loans.currency = facilities.currency then 1 else rates.rate / limit_rates.rate end
            as rate_to_limit,
        facilities.limit_amount
    from loans
    inner join contracts on loans.loan_id = contracts.loan_id
    inner join figures on loans.loan_id = figures.loan_id
    left join facilities on loans.facility_id = facilities.facility_id
    left join rates on loans.currency = rates.currency
    left join rates as limit_rates on facilities.currency = limit_rates.currency
),

-- In the currency of the limit; without a rate the undrawn part of a facility is unknown.
used as (
    select
        facility_id,
        sum(greatest(outstanding_amount, 0) * rate_to_limit) as used_amount,
        count(*) as loan_count,
        bool_or(rate_to_limit is null) as lacks_rate
    from drawn
    where limit_amount is not null
    group by facility_id
),

loan_exposures as (
    select
        drawn.loan_id as exposure_id,
        false as is_undrawn_only,
        drawn.facility_id,
        drawn.client_id,
        drawn.currency,
        drawn.dpd_contractual,
        drawn.end_date,
        greatest(drawn.outstanding_amount, 0) as outstanding_amount,
        drawn.collateral_amount,
        drawn.effective_interest_rate,
        case
            when used.facility_id is null then 0
            when used.lacks_rate then null
            when used.used_amount > 0
                then greatest(drawn.limit_amount - used.used_amount, 0)
                    * greatest(drawn.outstanding_amount, 0) / used.used_amount
            else drawn.limit_amount / used.loan_count / drawn.rate_to_limit
        end as undrawn_amount
    from drawn
    left join used on drawn.facility_id = used.facility_id
),

facility_exposures as (
    select
        facilities.facility_id as exposure_id,
        true as is_undrawn_only,
        facilities.facility_id,
        matched.client_id,
        facilities.currency,
        cast(null as integer) as dpd_contractual,
        facilities.expiry_date as end_date,
        cast(0 as numeric(20, 2)) as outstanding_amount,
        cast(0 as numeric(20, 2)) as collateral_amount,
        cast(null as numeric(12, 8)) as effective_interest_rate,
        facilities.limit_amount as undrawn_amount
    from facilities
    inner join matched on facilities.client_id = matched.loan_client_id
    where facilities.limit_amount > 0
        and facilities.facility_id not in (
            select loans.facility_id from loans where loans.facility_id is not null
        )
),

every_exposure as (
    select * from loan_exposures
    union all
    select * from facility_exposures
),

sized as (
    select
        every_exposure.*,
        {{ round_half_even('every_exposure.undrawn_amount', 2) }} as undrawn_cents,
        every_exposure.outstanding_amount + coalesce(
            ccfs.committed_ccf_ratio * {{ round_half_even('every_exposure.undrawn_amount', 2) }}, 0
        ) as ead_amount
    from every_exposure
    cross join ccfs
),

-- Collateral counts after its haircut; what it does not cover is lost at the unsecured rate.
covered as (
    select
        sized.*,
        secured.lgd_ratio as secured_lgd_ratio,
        unsecured.lgd_ratio as unsecured_lgd_ratio,
        least(sized.ead_amount, sized.collateral_amount * (1 - secured.haircut_ratio)) as covered_amount
    from sized
    inner join lgds as secured
        on secured.collateral = 'SECURED'
            and coalesce(sized.dpd_contractual, 0) >= secured.from_days
            and coalesce(sized.dpd_contractual, 0) < coalesce(secured.next_from_days, 1000000)
    inner join lgds as unsecured
        on unsecured.collateral = 'UNSECURED'
            and coalesce(sized.dpd_contractual, 0) >= unsecured.from_days
            and coalesce(sized.dpd_contractual, 0) < coalesce(unsecured.next_from_days, 1000000)
),

rated as (
    select
        covered.*,
        rating_periods.grade as internal_grade,
        rating_periods.pd_12m is null as was_pd_defaulted,
        coalesce(own_curve.scale, spare_curve.scale) as curve_scale,
        coalesce(own_curve.grade, spare_curve.grade) as curve_grade,
        case
            when rating_periods.pd_12m is null then 1 - exp(-spare_curve.first_year_hazard)
            else {{ clamp('rating_periods.pd_12m', 'parameters.ecl_pd_floor', 'parameters.ecl_pd_ceiling') }}
        end as pd_12m,
        coalesce(own_curve.first_year_hazard, spare_curve.first_year_hazard) as first_year_hazard,
        coalesce(covered.effective_interest_rate < 0, true) as was_effective_rate_defaulted,
        parameters.fallback_effective_rate
    from covered
    left join rating_periods on covered.client_id = rating_periods.client_id
    left join curves as own_curve
        on rating_periods.scale = own_curve.scale
            and rating_periods.grade = own_curve.grade
            and rating_periods.pd_12m is not null
    left join curves as spare_curve on spare_curve.scale = 'FALLBACK' and spare_curve.grade = 'UNRATED'
    cross join parameters
),

int_exposures as (
    select
        exposure_id,
        is_undrawn_only,
        facility_id,
        client_id,
        currency,
        end_date,
        outstanding_amount,
        cast(undrawn_cents as numeric(20, 2)) as undrawn_amount,
        cast({{ round_half_even('ead_amount', 2) }} as numeric(20, 2)) as ead_amount,
        cast(
            case
                when ead_amount > 0
                    then (
                        covered_amount * secured_lgd_ratio
                        + (ead_amount - covered_amount) * unsecured_lgd_ratio
                    ) / ead_amount
                else unsecured_lgd_ratio
            end
            as numeric(9, 6)
        ) as lgd_ratio,
        internal_grade,
        cast(pd_12m as numeric(12, 8)) as pd_12m,
        was_pd_defaulted,
        curve_scale,
        curve_grade,
        cast(-ln(1 - pd_12m) / first_year_hazard as numeric(20, 12)) as hazard_bend,
        case
            when was_effective_rate_defaulted then fallback_effective_rate
            else effective_interest_rate
        end as effective_interest_rate,
        was_effective_rate_defaulted
    from rated
)

select * from int_exposures
