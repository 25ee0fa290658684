-- Rates into the reporting currency for the days on which an amount needs one: the newest rate of at
-- most the allowed age, as quoted, else the inverse of the opposite quote.
with loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

transactions as (
    select * from {{ ref('int_transactions_effective') }}
),

product_usage as (
    select * from {{ ref('stg_canonical__product_usage') }}
),

facilities as (
    select * from {{ ref('stg_canonical__facilities') }}
),

fx_rates as (
    select * from {{ ref('stg_canonical__fx_rates') }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', ['fx_max_age_days']) }}
),

needed as (
    select currency, {{ as_of_date() }} as rate_date from loans
    union
    select currency, {{ as_of_date() }} from facilities where {{ in_force('start_date', 'expiry_date') }}
    union
    select currency, booked_date from transactions where {{ within_months('booked_date', 12) }}
    union
    select currency, {{ month_end('month') }} from product_usage
    where {{ within_months(month_end('month'), 12) }}
),

quotes as (
    select from_currency as currency, rate_date, rate, 1 as preference
    from fx_rates
    where to_currency = {{ reporting_currency() }}
    union all
    select to_currency, rate_date, 1 / rate, 2
    from fx_rates
    where from_currency = {{ reporting_currency() }}
),

quoted as (
    select distinct on (needed.currency, needed.rate_date)
        needed.currency,
        needed.rate_date,
        quotes.rate
    from needed
    inner join quotes
        on needed.currency = quotes.currency
            and quotes.rate_date <= needed.rate_date
    cross join parameters
    where needed.rate_date - quotes.rate_date <= parameters.fx_max_age_days
    order by needed.currency, needed.rate_date, quotes.rate_date desc, quotes.preference, quotes.rate
),

int_currency_rates as (
    select
        needed.currency,
        needed.rate_date,
        cast(
            case
                when needed.currency = {{ reporting_currency() }} then 1
                else quoted.rate
            end
            as numeric(20, 10)
        ) as rate
    from needed
    left join quoted
        on needed.currency = quoted.currency and needed.rate_date = quoted.rate_date
    where needed.currency is not null
)

select * from int_currency_rates
