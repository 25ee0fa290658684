{# numeric, half to even, exact, for negatives too; PostgreSQL's round() takes halves away from zero. #}
{% macro round_half_even(value, places) -%}
    {%- set unit = "1" if places == 0 else "0." ~ "0" * (places - 1) ~ "1" -%}
    {%- set scale = "1" ~ "0" * places -%}
    case
        when abs(({{ value }}) * {{ scale }} - trunc(({{ value }}) * {{ scale }})) = 0.5
            then 2 * round(({{ value }}) * {{ scale }} * 0.5) * {{ unit }}
        else round(({{ value }}), {{ places }})
    end
{%- endmacro %}

{# numeric: a / b, NULL when b is 0 or NULL. #}
{% macro ratio(numerator, denominator) -%}
    (cast({{ numerator }} as numeric) / nullif(cast({{ denominator }} as numeric), 0))
{%- endmacro %}

{# numeric: value limited to [low, high]; NULL stays NULL. #}
{% macro clamp(value, low, high) -%}
    case when {{ value }} is not null then least(greatest({{ value }}, {{ low }}), {{ high }}) end
{%- endmacro %}
