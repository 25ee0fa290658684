{#
  The parameters in force on the release's date, one row, one column per name.
  seed: a seed of (parameter, value, valid_from, valid_to, source).
#}
{% macro parameters_in_force(seed, names) -%}
    select
        {%- for name in names %}
        max(value) filter (where parameter = '{{ name }}') as {{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ ref(seed) }}
    where {{ in_force("valid_from", "valid_to") }}
{%- endmacro %}

{# text: the reasons that hold, sorted, '; ' between; NULL when none does. reasons: {code: condition}. #}
{% macro reasons(conditions) -%}
    nullif(
        concat_ws(
            '; ',
            {%- for code in conditions | sort %}
            case when {{ conditions[code] }} then '{{ code }}' end{{ "," if not loop.last }}
            {%- endfor %}
        ),
        ''
    )
{%- endmacro %}

{#
  What each source says of its completeness, as rows (source, entity, coverage).
  Frozen with the inputs of the release; a source without a batch counts as none.
#}
{% macro declared_coverage() -%}
    {%- set coverage = fromjson(env_var("RAPPORT_COVERAGE", "{}")) if execute else {} -%}
    select
        cast(null as text) as source,
        cast(null as text) as entity,
        cast(null as text) as coverage
    where false
    {%- for source_name, entities in coverage | dictsort %}
    {%- for entity, level in entities | dictsort %}
    union all
    select '{{ source_name }}', '{{ entity }}', '{{ level }}'
    {%- endfor %}
    {%- endfor %}
{%- endmacro %}
