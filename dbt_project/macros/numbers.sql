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

{#
  Annuity instalment: numeric payment per period that repays `principal` in `periods` at `rate`
  per period (not rounded); principal / periods when the rate is 0.
#}
{% macro annuity_payment(principal, rate, periods) -%}
    case
        when {{ rate }} = 0 then cast({{ principal }} as numeric) / {{ periods }}
        else cast({{ principal }} as numeric) * {{ rate }}
            / (1 - power(1 + cast({{ rate }} as numeric), -cast({{ periods }} as numeric)))
    end
{%- endmacro %}

{# Annuity balance: numeric principal still owed after `paid` of the periods (not rounded). #}
{% macro annuity_balance(principal, rate, periods, paid) -%}
    case
        when {{ rate }} = 0
            then cast({{ principal }} as numeric) * ({{ periods }} - {{ paid }}) / {{ periods }}
        else cast({{ principal }} as numeric)
            * (
                1 - power(1 + cast({{ rate }} as numeric), cast({{ paid }} - {{ periods }} as numeric))
            )
            / (1 - power(1 + cast({{ rate }} as numeric), -cast({{ periods }} as numeric)))
    end
{%- endmacro %}
