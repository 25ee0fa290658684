{# Dates of facts and states. A day counts from its own date on: what ends on a day has ended. #}

{# boolean: valid on the release's date; an open start or end is unlimited. #}
{% macro in_force(from_date, to_date) -%}
    (
        coalesce({{ from_date }}, '-infinity') <= {{ as_of_date() }}
        and coalesce({{ to_date }}, 'infinity') > {{ as_of_date() }}
    )
{%- endmacro %}

{# the date if it has come by the release's date, else NULL ("not yet"). #}
{% macro by_as_of(date) -%}
    case when {{ date }} <= {{ as_of_date() }} then {{ date }} end
{%- endmacro %}

{# last day of the month of a date. #}
{% macro month_end(date) -%}
    cast(date_trunc('month', cast({{ date }} as timestamp)) + interval '1 month - 1 day' as date)
{%- endmacro %}

{# first day of the month of a date. #}
{% macro month_start(date) -%}
    cast(date_trunc('month', cast({{ date }} as timestamp)) as date)
{%- endmacro %}

{# `months` earlier; a month-end stays a month-end (30 April -> 31 March). #}
{% macro months_before(date, months) -%}
    case
        when {{ date }} = {{ month_end(date) }}
            then {{ month_end("cast(" ~ date ~ " as timestamp) - " ~ months ~ " * interval '1 month'") }}
        else cast(cast({{ date }} as timestamp) - {{ months }} * interval '1 month' as date)
    end
{%- endmacro %}

{# boolean: in the window (month-end `months` earlier, release's date]. #}
{% macro within_months(date, months) -%}
    (
        {{ date }} > {{ months_before(as_of_date(), months) }}
        and {{ date }} <= {{ as_of_date() }}
    )
{%- endmacro %}

{# integer: whole months from one date to another; a month-end completes any month. #}
{% macro whole_months(from_date, to_date) -%}
    cast(
        (extract(year from {{ to_date }}) - extract(year from {{ from_date }})) * 12
        + extract(month from {{ to_date }}) - extract(month from {{ from_date }})
        - case
            when extract(day from {{ to_date }}) < extract(day from {{ from_date }})
                and {{ to_date }} <> {{ month_end(to_date) }}
                then 1
            else 0
        end
        as integer
    )
{%- endmacro %}
