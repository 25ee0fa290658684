-- Revenue of 12 months in the reporting currency: interest and fees received, less reversals, and
-- what products outside lending earned. Flows are converted at the rate of their day.
with known as (
    select * from {{ ref('int_clients_known') }}
),

loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

payments as (
    select * from {{ ref('int_loan_payments') }}
),

transactions as (
    select * from {{ ref('int_transactions_effective') }}
),

holdings as (
    select * from {{ ref('stg_canonical__product_holdings') }}
),

product_usage as (
    select * from {{ ref('stg_canonical__product_usage') }}
),

rates as (
    select * from {{ ref('int_currency_rates') }}
),

coverage as (
    select * from {{ ref('int_coverage_declared') }} where entity = 'product_usage'
),

flows as (
    select
        loans.client_id,
        transactions.currency,
        transactions.booked_date as flow_date,
        case
            when transactions.kind = 'fee' then transactions.sign * transactions.amount
            else transactions.sign * coalesce(transactions.interest_part, 0)
        end as flow_amount
    from transactions
    inner join loans on transactions.loan_id = loans.loan_id
    where transactions.kind in ('fee', 'repayment', 'recovery')
        and {{ within_months('transactions.booked_date', 12) }}
    union all
    select
        holdings.client_id,
        product_usage.currency,
        {{ month_end('product_usage.month') }},
        product_usage.revenue_amount
    from product_usage
    inner join holdings on product_usage.holding_id = holdings.holding_id
    where holdings.product_family not in ('lending', 'project_finance')
        and {{ within_months(month_end('product_usage.month'), 12) }}
),

converted as (
    select
        flows.client_id,
        sum(flows.flow_amount * rates.rate) as revenue_amount,
        count(*) filter (where flows.flow_amount <> 0 and rates.rate is null) as missing_rate_count
    from flows
    left join rates on flows.currency = rates.currency and flows.flow_date = rates.rate_date
    group by flows.client_id
),

lending as (
    select loans.client_id, bool_and(payments.is_covered) as is_covered
    from loans
    inner join payments on loans.loan_id = payments.loan_id
    where coalesce(loans.closed_date, 'infinity') > {{ months_before(as_of_date(), 12) }}
    group by loans.client_id
),

int_client_revenues as (
    select
        known.client_id,
        coalesce(lending.is_covered, coverage.coverage in ('complete', 'partial'), false)
            as is_covered,
        coalesce(converted.missing_rate_count, 0) > 0 as lacks_rate,
        cast(
            case
                when coalesce(lending.is_covered, coverage.coverage in ('complete', 'partial'), false)
                    and coalesce(converted.missing_rate_count, 0) = 0
                    then coalesce(converted.revenue_amount, 0)
            end
            as numeric(30, 12)
        ) as revenue_12m_base_amount
    from known
    left join lending on known.client_id = lending.client_id
    left join coverage on known.source = coverage.source
    left join converted on known.client_id = converted.client_id
)

select * from int_client_revenues
