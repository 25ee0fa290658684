-- Indicators of the loans, on the date and at each month-end before it: days past due, cover of the
-- secured loans, use of the limits, other members of the group in stage 3. Rates are those of the date.
with loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

contracts as (
    select * from {{ ref('stg_canonical__loans') }}
),

figures as (
    select * from {{ ref('int_loan_figures') }}
),

stages as (
    select * from {{ ref('int_loan_stages') }}
),

month_ends as (
    select * from {{ ref('int_loan_month_ends') }}
),

groups as (
    select * from {{ ref('int_client_groups') }}
),

facilities as (
    select * from {{ ref('stg_canonical__facilities') }} where start_date <= {{ as_of_date() }}
),

matched as (
    select * from {{ ref('int_clients_matched') }}
),

rates as (
    select * from {{ ref('int_currency_rates') }} where rate_date = {{ as_of_date() }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', [
        'stage_3_after_days', 'utilisation_change_months', 'utilisation_amber_increase',
    ]) }}
),

dates as (
    {{ warning_dates() }}
),

points as (
    select
        loans.loan_id,
        {{ as_of_date() }} as on_date,
        figures.outstanding_amount,
        figures.dpd_contractual,
        stages.ifrs9_stage = 3 as is_stage_3
    from loans
    inner join figures on loans.loan_id = figures.loan_id
    inner join stages on loans.loan_id = stages.loan_id
    where loans.loan_status = 'ACTIVE'
    union all
    select
        month_ends.loan_id,
        month_ends.month_end,
        month_ends.outstanding_amount,
        month_ends.dpd_contractual,
        month_ends.dpd_contractual > parameters.stage_3_after_days
    from month_ends
    inner join dates on month_ends.month_end = dates.on_date
    cross join parameters
    where month_ends.month_end < {{ as_of_date() }}
),

by_client as (
    select
        loans.client_id,
        points.on_date,
        max(points.dpd_contractual) as max_dpd,
        coalesce(bool_or(points.is_stage_3), false) as has_stage_3,
        sum(contracts.collateral_amount * rates.rate) as collateral_amount,
        sum(points.outstanding_amount * rates.rate) filter (where contracts.collateral_amount is not null)
            as secured_amount
    from points
    inner join loans on points.loan_id = loans.loan_id
    inner join contracts on points.loan_id = contracts.loan_id
    left join rates on loans.currency = rates.currency
    group by loans.client_id, points.on_date
),

by_group as (
    select groups.group_id, by_client.on_date, count(*) filter (where by_client.has_stage_3) as bad_count
    from by_client
    inner join groups on by_client.client_id = groups.client_id
    group by groups.group_id, by_client.on_date
),

limits as (
    select matched.client_id, dates.on_date, sum(facilities.limit_amount * rates.rate) as limit_amount
    from facilities
    inner join matched on facilities.client_id = matched.loan_client_id
    inner join dates
        on facilities.start_date <= dates.on_date
            and coalesce(facilities.expiry_date, 'infinity') > dates.on_date
    left join rates on facilities.currency = rates.currency
    group by matched.client_id, dates.on_date
),

used as (
    select loans.client_id, points.on_date, sum(points.outstanding_amount * rates.rate) as used_amount
    from points
    inner join loans on points.loan_id = loans.loan_id
    inner join facilities
        on loans.facility_id = facilities.facility_id
            and points.on_date < coalesce(facilities.expiry_date, 'infinity')
    left join rates on loans.currency = rates.currency
    group by loans.client_id, points.on_date
),

utilisations as (
    select
        limits.client_id,
        limits.on_date,
        {{ months_ago('limits.on_date') }} as months_ago,
        {{ ratio('coalesce(used.used_amount, 0)', 'limits.limit_amount') }} as value
    from limits
    left join used on limits.client_id = used.client_id and limits.on_date = used.on_date
),

utilisations_changed as (
    select
        utilisations.client_id,
        utilisations.on_date,
        utilisations.value,
        coalesce(
            utilisations.value - earlier.value >= parameters.utilisation_amber_increase, false
        ) as is_amber_anyway
    from utilisations
    cross join parameters
    left join utilisations as earlier
        on utilisations.client_id = earlier.client_id
            and utilisations.months_ago + parameters.utilisation_change_months = earlier.months_ago
),

every_value as (
    select client_id, on_date, 'DAYS_PAST_DUE' as indicator, max_dpd as value, false as is_amber_anyway
    from by_client
    union all
    select client_id, on_date, 'COLLATERAL_COVER', {{ ratio('collateral_amount', 'secured_amount') }}, false
    from by_client
    where secured_amount > 0
    union all
    select client_id, on_date, 'UTILISATION', value, is_amber_anyway
    from utilisations_changed
    union all
    select
        groups.client_id,
        by_group.on_date,
        'GROUP_STAGE_3',
        by_group.bad_count - case when by_client.has_stage_3 then 1 else 0 end,
        false
    from by_group
    inner join groups on by_group.group_id = groups.group_id
    left join by_client
        on groups.client_id = by_client.client_id and by_group.on_date = by_client.on_date
),

int_warning_values_lending as (
    select
        client_id,
        on_date,
        indicator,
        cast(value as numeric(24, 6)) as value,
        is_amber_anyway,
        false as is_red_anyway
    from every_value
)

select * from int_warning_values_lending
