-- Indicators of the statements, on the date and at each month-end before it. A statement older than its
-- greatest age tells only that the next one is overdue; EBITDA of zero or less is red by itself.
with statements as (
    select * from {{ ref('int_client_statements') }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', ['statement_max_age_days']) }}
),

int_warning_values_financial as (
    select
        statements.client_id,
        statements.on_date,
        figure.indicator,
        cast(figure.value as numeric(24, 6)) as value,
        false as is_amber_anyway,
        figure.is_red_anyway
    from statements
    cross join parameters
    cross join
        lateral (
            values
            ('REVENUE_CHANGE', statements.revenue_change_ratio, false, true),
            ('EBITDA_MARGIN_CHANGE', statements.ebitda_margin_change, false, true),
            (
                'NET_DEBT_TO_EBITDA',
                statements.net_debt_to_ebitda_ratio,
                coalesce(statements.has_no_ebitda, false),
                true
            ),
            ('STATEMENT_OVERDUE', greatest(statements.overdue_days, 0), false, false)
        ) as figure (indicator, value, is_red_anyway, needs_fresh_statement)
    where not figure.needs_fresh_statement
        or statements.statement_age_days <= parameters.statement_max_age_days
)

select * from int_warning_values_financial
