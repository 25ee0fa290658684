-- What the client and the lender have done together: tenure, deals, payments on time, revenue.
with known as (
    select * from {{ ref('int_clients_known') }}
),

loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

facilities as (
    select * from {{ ref('stg_canonical__facilities') }}
),

matched as (
    select * from {{ ref('int_clients_matched') }}
),

payments as (
    select * from {{ ref('int_loan_payments') }}
),

on_time as (
    select * from {{ ref('int_loans_on_time') }}
),

revenues as (
    select * from {{ ref('int_client_revenues') }}
),

deals as (
    select client_id, disbursed_date as deal_date from loans
    union all
    select matched.client_id, facilities.start_date
    from facilities
    inner join matched on facilities.client_id = matched.loan_client_id
    where facilities.start_date <= {{ as_of_date() }}
),

deals_by_client as (
    select
        client_id,
        count(*) as deal_count,
        count(*) filter (where {{ within_months('deal_date', 36) }}) as deal_count_36m
    from deals
    group by client_id
),

payments_by_client as (
    select
        loans.client_id,
        sum(on_time.on_time_num) as on_time_num,
        sum(on_time.on_time_den) as on_time_den,
        bool_or(not payments.is_covered) as has_uncovered_loan
    from loans
    inner join payments on loans.loan_id = payments.loan_id
    left join on_time on loans.loan_id = on_time.loan_id
    where coalesce(loans.closed_date, 'infinity') > {{ months_before(as_of_date(), 12) }}
    group by loans.client_id
),

int_client_histories as (
    select
        known.client_id,
        {{ whole_months('known.onboarded_date', as_of_date()) }} as tenure_months,
        coalesce(deals_by_client.deal_count, 0) as deal_count,
        coalesce(deals_by_client.deal_count_36m, 0) as deal_count_36m,
        coalesce(payments_by_client.has_uncovered_loan, false) as has_uncovered_loan,
        case
            when not coalesce(payments_by_client.has_uncovered_loan, false)
                then coalesce(payments_by_client.on_time_num, 0)
        end as on_time_num,
        case
            when not coalesce(payments_by_client.has_uncovered_loan, false)
                then coalesce(payments_by_client.on_time_den, 0)
        end as on_time_den,
        revenues.revenue_12m_base_amount,
        revenues.is_covered as is_revenue_covered,
        revenues.lacks_rate
    from known
    inner join revenues on known.client_id = revenues.client_id
    left join deals_by_client on known.client_id = deals_by_client.client_id
    left join payments_by_client on known.client_id = payments_by_client.client_id
)

select * from int_client_histories
