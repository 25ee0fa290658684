{# Months, survival and discounting: what the models of credit risk share. #}

{# integer: calendar months from the month of an earlier date to that of the release's date. #}
{% macro months_ago(date) -%}
    cast(
        (extract(year from {{ as_of_date() }}) - extract(year from {{ date }})) * 12
        + extract(month from {{ as_of_date() }}) - extract(month from {{ date }})
        as integer
    )
{%- endmacro %}

{# date: last day of the month that many months after that of the release's date. #}
{% macro month_end_ahead(months) -%}
    cast(
        date_trunc('month', cast({{ as_of_date() }} as timestamp))
        + ({{ months }} + 1) * interval '1 month' - interval '1 day'
        as date
    )
{%- endmacro %}

{# date: the last month-end on which a state was still open that ends with a day of its own. #}
{% macro last_month_end_before(to_date) -%}
    cast(date_trunc('month', cast({{ to_date }} as timestamp)) - interval '1 day' as date)
{%- endmacro %}

{# numeric: years from one date to another, act/365. #}
{% macro years_between(from_date, to_date) -%}
    (cast({{ to_date }} - {{ from_date }} as numeric) / 365)
{%- endmacro %}

{#
  rows (scale, grade, from_years, to_years, start_hazard, yearly_hazard, first_year_hazard): the curves
  of cumulative default probability in force as pieces of constant hazard; the last piece never ends.
#}
{% macro hazard_pieces() -%}
    select
        scale,
        grade,
        from_years,
        case when is_last then null else horizon_years end as to_years,
        start_hazard,
        yearly_hazard,
        sum(
            yearly_hazard * greatest(least(case when is_last then 1 else horizon_years end, 1) - from_years, 0)
        ) over (partition by scale, grade) as first_year_hazard
    from (
        select
            *,
            (end_hazard - start_hazard) / (horizon_years - from_years) as yearly_hazard
        from (
            select
                scale,
                grade,
                horizon_years,
                -ln(1 - cumulative_pd) as end_hazard,
                lag(horizon_years, 1, cast(0 as numeric)) over curve as from_years,
                lag(-ln(1 - cumulative_pd), 1, cast(0 as numeric)) over curve as start_hazard,
                lead(horizon_years) over curve is null as is_last
            from {{ ref('pd_curves') }}
            where {{ in_force('valid_from', 'valid_to') }}
            window curve as (partition by scale, grade order by horizon_years)
        ) as points
    ) as pieces
{%- endmacro %}

{# numeric: cumulative hazard at a horizon within a piece of a curve. #}
{% macro hazard_at(years, piece) -%}
    ({{ piece }}.start_hazard + {{ piece }}.yearly_hazard * ({{ years }} - {{ piece }}.from_years))
{%- endmacro %}

{# condition: the horizon lies within the piece. #}
{% macro is_within(years, piece) -%}
    (
        {{ years }} > {{ piece }}.from_years
        and ({{ piece }}.to_years is null or {{ years }} <= {{ piece }}.to_years)
    )
{%- endmacro %}

{# numeric: loss of an ageing matrix: balance times lost share of what was once sold, at most all of it. #}
{% macro provision_matrix_loss(balance, lost_amount, flow_amount) -%}
    ({{ balance }} * least({{ ratio(lost_amount, flow_amount) }}, 1))
{%- endmacro %}

{# rows (client_id, factor, value, points, reason): factor values of a CTE with the points of their band. #}
{% macro scored_factors(factor_values) -%}
    select
        {{ factor_values }}.client_id,
        {{ factor_values }}.factor,
        cast({{ factor_values }}.value as numeric(24, 6)) as value,
        bands.points,
        {{ factor_values }}.reason
    from {{ factor_values }}
    left join (
        select
            factor,
            from_value,
            points,
            lead(from_value) over (partition by factor order by from_value) as next_from_value
        from {{ ref('risk_factor_bands') }}
        where {{ in_force('valid_from', 'valid_to') }}
    ) as bands
        on {{ factor_values }}.factor = bands.factor
            and {{ factor_values }}.value >= bands.from_value
            and (bands.next_from_value is null or {{ factor_values }}.value < bands.next_from_value)
{%- endmacro %}

{# rows (on_date): the release's date and the month-ends before it at which warnings are judged again. #}
{% macro warning_dates() -%}
    select {{ as_of_date() }} as on_date
    union
    select month_end
    from (
        {{ month_ends_back(
            "(select cast(max(value) as integer) from " ~ ref('risk_parameters')
            ~ " where parameter = 'warning_history_months' and " ~ in_force('valid_from', 'valid_to') ~ ")"
        ) }}
    ) as back
    where month_end < {{ as_of_date() }}
{%- endmacro %}
