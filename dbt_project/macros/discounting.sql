{# Present values. Rates are per year and decimal. #}

{# numeric in (0, 1]: worth of 1 due after `years`, compounded yearly. #}
{% macro discount_factor(rate, years) -%}
    power(1 + cast({{ rate }} as numeric), -cast({{ years }} as numeric))
{%- endmacro %}

{# numeric: share of present value lost, 1 - after / before; NULL when before is 0 or NULL. #}
{% macro npv_loss(before, after) -%}
    (1 - {{ ratio(after, before) }})
{%- endmacro %}

{# numeric: share lost when a payment comes `years` later and the delay earns nothing. #}
{% macro deferral_npv_loss(rate, years) -%}
    {{ npv_loss('1', discount_factor(rate, years)) }}
{%- endmacro %}
