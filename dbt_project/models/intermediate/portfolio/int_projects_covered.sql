-- Cover ratios of the newest forecast known by the date, over the periods that end after it. A period's
-- debt is the one at its opening; cash at its end is discounted by the debt rates of the periods up to
-- it, a period counting whole months. So a constant DSCR of c gives an LLCR of c.
with cashflows as (
    select * from {{ ref('stg_canonical__project_cashflows') }}
),

projects as (
    select * from {{ ref('stg_canonical__projects') }}
),

parameters as (
    {{ parameters_in_force('portfolio_parameters', ['forecast_period_months']) }}
),

newest as (
    select project_id, scenario, max(forecast_date) as forecast_date
    from cashflows
    where forecast_date <= {{ as_of_date() }}
    group by project_id, scenario
),

ahead as (
    select
        cashflows.*,
        row_number() over by_end as period_no,
        count(cashflows.debt_rate) over by_end as rate_no,
        lag(cashflows.period_end) over by_end as previous_end,
        lead(cashflows.period_end) over by_end as next_end,
        max(cashflows.period_end) filter (where cashflows.debt_service_amount > 0) over (
            partition by cashflows.project_id, cashflows.scenario
        ) as last_service_date
    from cashflows
    inner join newest
        on cashflows.project_id = newest.project_id
            and cashflows.scenario = newest.scenario
            and cashflows.forecast_date = newest.forecast_date
    where cashflows.period_end > {{ as_of_date() }}
    window by_end as (
        partition by cashflows.project_id, cashflows.scenario order by cashflows.period_end
    )
),

-- Where no rate is stated (after the debt is repaid) the last one holds.
periods as (
    select
        ahead.*,
        max(ahead.debt_rate) over (
            partition by ahead.project_id, ahead.scenario, ahead.rate_no
        ) as period_rate,
        cast(
            coalesce(
                {{ whole_months('ahead.previous_end', 'ahead.period_end') }},
                {{ whole_months('ahead.period_end', 'ahead.next_end') }},
                parameters.forecast_period_months
            )
            as numeric
        ) / 12 as period_years
    from ahead
    cross join parameters
),

discounted as (
    select
        periods.*,
        case
            when periods.period_rate is not null
                then exp(
                        -sum(ln(1 + periods.period_rate * periods.period_years)) over (
                            partition by periods.project_id, periods.scenario order by periods.period_end
                        )
                    )
        end as discount_factor,
        periods.period_end <= periods.last_service_date as is_loan_life,
        periods.period_end <= coalesce(projects.end_date, 'infinity') as is_project_life
    from periods
    inner join projects on periods.project_id = projects.project_id
),

int_projects_covered as (
    select
        project_id,
        scenario,
        min(forecast_date) as forecast_date,
        min(currency) as currency,
        min(period_end) filter (where period_no = 1) as period_end,
        max(last_service_date) as last_service_date,
        cast(sum(cash_available_amount) filter (where period_no = 1) as numeric(20, 2))
            as cash_available_amount,
        cast(sum(debt_service_amount) filter (where period_no = 1) as numeric(20, 2))
            as debt_service_amount,
        cast(sum(debt_outstanding_amount) filter (where period_no = 1) as numeric(20, 2))
            as debt_outstanding_amount,
        sum(debt_rate) filter (where period_no = 1) as debt_rate,
        cast(
            min({{ ratio('cash_available_amount', 'debt_service_amount') }}) filter (
                where is_loan_life
            )
            as numeric(24, 12)
        ) as min_dscr_ratio,
        sum(cash_available_amount) filter (where debt_service_amount > 0) as average_dscr_num,
        sum(debt_service_amount) filter (
            where debt_service_amount > 0 and cash_available_amount is not null
        ) as average_dscr_den,
        cast(
            case
                when
                    bool_and(cash_available_amount is not null and discount_factor is not null)
                    filter (where is_loan_life)
                    then sum(cash_available_amount * discount_factor) filter (where is_loan_life)
            end
            as numeric(28, 6)
        ) as llcr_num,
        cast(
            case
                when
                    bool_and(cash_available_amount is not null and discount_factor is not null)
                    filter (where is_project_life)
                    then sum(cash_available_amount * discount_factor) filter (where is_project_life)
            end
            as numeric(28, 6)
        ) as plcr_num,
        coalesce(bool_or(cash_available_amount is null), false) as lacks_cash,
        coalesce(bool_or(period_rate is null) filter (where is_loan_life), false) as lacks_rate
    from discounted
    group by project_id, scenario
)

select * from int_projects_covered
