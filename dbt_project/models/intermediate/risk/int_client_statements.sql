-- What the newest statement received tells, on the date and at each month-end before it, beside the
-- statement of the year before. EBITDA of zero or less gives no leverage, and says so.
with statements as (
    select * from {{ ref('stg_canonical__financial_statements') }}
    where received_date <= {{ as_of_date() }}
),

matched as (
    select * from {{ ref('int_clients_matched') }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', [
        'altman_working_capital', 'altman_retained_earnings', 'altman_ebit', 'altman_equity',
        'statement_due_days',
    ]) }}
),

dates as (
    {{ warning_dates() }}
),

by_client as (
    select distinct on (matched.client_id, statements.period_end)
        matched.client_id,
        statements.period_end,
        statements.received_date,
        statements.total_assets,
        statements.total_liabilities,
        statements.current_assets,
        statements.current_liabilities,
        statements.retained_earnings,
        statements.equity,
        statements.ebit,
        statements.ebitda,
        statements.interest_expense,
        statements.revenue,
        statements.debt,
        statements.cash
    from statements
    inner join matched on statements.client_id = matched.loan_client_id
    order by
        matched.client_id,
        statements.period_end,
        statements.is_audited desc nulls last,
        statements.received_date desc,
        statements.basis collate "C"
),

newest as (
    select distinct on (by_client.client_id, dates.on_date) by_client.*, dates.on_date
    from by_client
    inner join dates on by_client.received_date <= dates.on_date
    order by by_client.client_id, dates.on_date, by_client.period_end desc
),

int_client_statements as (
    select
        newest.client_id,
        newest.on_date,
        newest.period_end,
        newest.on_date - newest.period_end as statement_age_days,
        newest.on_date
        - cast(newest.period_end + interval '1 year' as date)
        - cast(parameters.statement_due_days as integer) as overdue_days,
        cast(
            parameters.altman_working_capital
            * {{ ratio('newest.current_assets - newest.current_liabilities', 'newest.total_assets') }}
            + parameters.altman_retained_earnings
            * {{ ratio('newest.retained_earnings', 'newest.total_assets') }}
            + parameters.altman_ebit * {{ ratio('newest.ebit', 'newest.total_assets') }}
            + parameters.altman_equity * {{ ratio('newest.equity', 'newest.total_liabilities') }}
            as numeric(20, 6)
        ) as altman_z_score,
        cast(
            case
                when newest.ebitda > 0 then {{ ratio('newest.debt - newest.cash', 'newest.ebitda') }}
            end
            as numeric(20, 6)
        ) as net_debt_to_ebitda_ratio,
        newest.ebitda <= 0 as has_no_ebitda,
        cast({{ ratio('newest.ebit', 'newest.interest_expense') }} as numeric(20, 6))
            as interest_cover_ratio,
        cast({{ ratio('newest.current_assets', 'newest.current_liabilities') }} as numeric(20, 6))
            as current_ratio,
        cast(
            {{ ratio('newest.revenue - before.revenue', 'before.revenue') }} as numeric(20, 6)
        ) as revenue_change_ratio,
        cast(
            {{ ratio('newest.ebitda', 'newest.revenue') }} - {{ ratio('before.ebitda', 'before.revenue') }}
            as numeric(20, 6)
        ) as ebitda_margin_change
    from newest
    left join by_client as before
        on newest.client_id = before.client_id
            and before.period_end = cast(newest.period_end - interval '1 year' as date)
            and newest.on_date >= before.received_date
    cross join parameters
)

select * from int_client_statements
