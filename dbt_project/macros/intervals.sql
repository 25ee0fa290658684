{#
  Survey statistics. Counts are numerics or integers >= 0; every result is NULL when n is 0.
  z: standard normal quantile of the interval.
#}

{# Wilson score interval of a share, one end; end = -1 lower, 1 upper; a share in [0, 1]. #}
{% macro wilson_end(hits, n, z, end) -%}
    least(1, greatest(0,
        (
            cast({{ hits }} as numeric) / nullif({{ n }}, 0)
            + {{ z }} * {{ z }} / (2 * nullif(cast({{ n }} as numeric), 0))
            {{ "-" if end < 0 else "+" }} {{ z }} * sqrt(
                (
                    cast({{ hits }} as numeric) / nullif({{ n }}, 0)
                    * (1 - cast({{ hits }} as numeric) / nullif({{ n }}, 0))
                    + {{ z }} * {{ z }} / (4 * nullif(cast({{ n }} as numeric), 0))
                ) / nullif({{ n }}, 0)
            )
        ) / (1 + {{ z }} * {{ z }} / nullif(cast({{ n }} as numeric), 0))
    ))
{%- endmacro %}

{% macro wilson_low(hits, n, z) -%}
    case when {{ n }} > 0 then {{ wilson_end(hits, n, z, -1) }} end
{%- endmacro %}

{% macro wilson_high(hits, n, z) -%}
    case when {{ n }} > 0 then {{ wilson_end(hits, n, z, 1) }} end
{%- endmacro %}

{# NPS in points, -100 to 100. #}
{% macro nps_points(promoters, detractors, n) -%}
    (100 * (cast({{ promoters }} as numeric) - {{ detractors }}) / nullif({{ n }}, 0))
{%- endmacro %}

{# Standard error of the NPS in points: 100 * sqrt((p + d - (p - d)^2) / n), p and d as shares. #}
{% macro nps_standard_error(promoters, detractors, n) -%}
    (
        100 * sqrt(
            (
                (cast({{ promoters }} as numeric) + {{ detractors }}) / nullif({{ n }}, 0)
                - power((cast({{ promoters }} as numeric) - {{ detractors }}) / nullif({{ n }}, 0), 2)
            ) / nullif({{ n }}, 0)
        )
    )
{%- endmacro %}
