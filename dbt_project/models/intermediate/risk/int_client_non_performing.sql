-- EU non-performing debtors (house reading of the EBA definition of default): arrears material in
-- amount and share at every month-end of more than 90 days up to the date, or unlikely to pay. Where
-- month-ends leave the first weeks open, an instalment unpaid for more than 90 days tells.
with loans as (
    select * from {{ ref('int_loans_disbursed') }} where loan_status = 'ACTIVE'
),

figures as (
    select * from {{ ref('int_loan_figures') }}
),

month_ends as (
    select * from {{ ref('int_loan_month_ends') }}
),

rates as (
    select * from {{ ref('int_currency_rates') }} where rate_date = {{ as_of_date() }}
),

risk_events as (
    select * from {{ ref('stg_canonical__risk_events') }}
    where kind in ('default', 'unlikely_to_pay', 'bankruptcy')
        and {{ in_force('from_date', 'to_date') }}
),

matched as (
    select * from {{ ref('int_clients_matched') }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', [
        'npe_days', 'npe_material_ratio', 'npe_material_base_amount',
    ]) }}
),

points as (
    select
        loans.loan_id,
        {{ as_of_date() }} as on_date,
        figures.outstanding_amount,
        figures.arrears_amount,
        figures.dpd_contractual
    from loans
    inner join figures on loans.loan_id = figures.loan_id
    union all
    select
        month_ends.loan_id,
        month_ends.month_end,
        month_ends.outstanding_amount,
        month_ends.arrears_amount,
        cast(null as integer)
    from month_ends
    cross join parameters
    where month_ends.month_end < {{ as_of_date() }}
        and {{ as_of_date() }} - month_ends.month_end <= parameters.npe_days + 31
),

debtors as (
    select
        loans.client_id,
        points.on_date,
        sum(points.outstanding_amount * rates.rate) as exposure_amount,
        sum(points.arrears_amount * rates.rate) as arrears_amount,
        max(points.dpd_contractual) as max_dpd
    from points
    inner join loans on points.loan_id = loans.loan_id
    left join rates on loans.currency = rates.currency
    group by loans.client_id, points.on_date
),

material as (
    select
        debtors.client_id,
        debtors.on_date,
        debtors.max_dpd,
        coalesce(
            debtors.arrears_amount > parameters.npe_material_base_amount
            and debtors.arrears_amount > parameters.npe_material_ratio * debtors.exposure_amount,
            false
        ) as is_material
    from debtors
    cross join parameters
),

last_immaterial as (
    select client_id, max(on_date) filter (where not is_material) as on_date
    from material
    group by client_id
),

runs as (
    select
        material.client_id,
        min(material.on_date) as from_date,
        max(material.max_dpd) as max_dpd
    from material
    inner join last_immaterial on material.client_id = last_immaterial.client_id
    where material.on_date > coalesce(last_immaterial.on_date, '-infinity')
    group by material.client_id
),

overdue as (
    select runs.client_id
    from runs
    cross join parameters
    where {{ as_of_date() }} - runs.from_date > parameters.npe_days
        or (
            runs.max_dpd > parameters.npe_days
            and {{ as_of_date() }} - {{ last_month_end_before('runs.from_date') }} > parameters.npe_days
        )
),

unlikely as (
    select distinct matched.client_id
    from risk_events
    inner join matched on risk_events.client_id = matched.loan_client_id
),

int_client_non_performing as (
    select
        coalesce(overdue.client_id, unlikely.client_id) as client_id,
        case when overdue.client_id is not null then 'MATERIAL_ARREARS' else 'UNLIKELY_TO_PAY' end
            as npe_reason
    from overdue
    full join unlikely on overdue.client_id = unlikely.client_id
)

select * from int_client_non_performing
