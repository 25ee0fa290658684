-- A statement older than its greatest age tells nothing. Without positive EBITDA leverage is at its worst.
with statements as (
    select * from {{ ref('int_client_statements') }} where on_date = {{ as_of_date() }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', ['statement_max_age_days']) }}
),

worst_leverage as (
    select max(from_value) as from_value
    from {{ ref('risk_factor_bands') }}
    where factor = 'NET_DEBT_TO_EBITDA' and {{ in_force('valid_from', 'valid_to') }}
),

stated as (
    select
        statements.client_id,
        figure.factor,
        case when statements.statement_age_days <= parameters.statement_max_age_days then figure.value end
            as value,
        statements.statement_age_days > parameters.statement_max_age_days as is_too_old
    from statements
    cross join parameters
    cross join worst_leverage
    cross join lateral (
        values
        ('ALTMAN_Z', statements.altman_z_score),
        ('INTEREST_COVER', statements.interest_cover_ratio),
        (
            'NET_DEBT_TO_EBITDA',
            case
                when statements.has_no_ebitda then worst_leverage.from_value
                else statements.net_debt_to_ebitda_ratio
            end
        )
    ) as figure (factor, value)
),

factor_values as (
    select
        client_id,
        factor,
        value,
        case
            when is_too_old then 'STATEMENT_TOO_OLD'
            when value is null then 'FIGURE_MISSING'
        end as reason
    from stated
),

int_risk_factor_financials as (
    {{ scored_factors('factor_values') }}
)

select * from int_risk_factor_financials
