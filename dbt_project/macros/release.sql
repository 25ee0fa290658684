{#
  What a release fixes, as literals at execution: its date, its inputs, the release it compares with.
  Read inside `execute` only: another date or ceiling never makes dbt parse anew.
#}

{# date: the day whose truth the release tells. #}
{% macro as_of_date() -%}
    {%- if execute -%}
        cast('{{ env_var("RAPPORT_AS_OF") }}' as date)
    {%- else -%}
        cast(null as date)
    {%- endif -%}
{%- endmacro %}

{# bigint: newest batch of a source that the release may see; 0 (nothing) when the source is not frozen. #}
{% macro ceiling(source_name) -%}
    {%- if execute -%}
        {{ fromjson(env_var("RAPPORT_CEILINGS")).get(source_name, 0) | int }}
    {%- else -%}
        0
    {%- endif -%}
{%- endmacro %}

{# bigint: newest batch of a source that had landed when the release's date ended; 0 when none had. #}
{% macro as_of_batch(source_name) -%}
    {%- if execute -%}
        {{ fromjson(env_var("RAPPORT_AS_OF_BATCHES", "{}")).get(source_name, 0) | int }}
    {%- else -%}
        0
    {%- endif -%}
{%- endmacro %}

{# text: ISO code of the currency that reports are in. #}
{% macro reporting_currency() -%}
    {%- if execute -%}
        '{{ env_var("RAPPORT_CURRENCY") }}'
    {%- else -%}
        cast(null as text)
    {%- endif -%}
{%- endmacro %}

{# date of a UTC instant in the lender's zone. #}
{% macro business_date(instant) -%}
    {%- if execute -%}
        cast({{ instant }} at time zone '{{ env_var("RAPPORT_TIME_ZONE") }}' as date)
    {%- else -%}
        cast({{ instant }} as date)
    {%- endif -%}
{%- endmacro %}

{# instant at which a local day begins or a local wall-clock time happens. #}
{% macro instant_of(local_time) -%}
    {%- if execute -%}
        (cast({{ local_time }} as timestamp) at time zone '{{ env_var("RAPPORT_TIME_ZONE") }}')
    {%- else -%}
        cast({{ local_time }} as timestamptz)
    {%- endif -%}
{%- endmacro %}

{#
  Rows of a stored mart as the preceding month-end's release published them; none without such a release.
  columns: {name: type} of the columns wanted.
#}
{% macro previous_release(mart, columns) -%}
    {%- set release = env_var("RAPPORT_PREVIOUS_RELEASE") | int if execute else 0 -%}
    select
    {%- for name, type in columns.items() %}
        {% if release %}{{ name }}{% else %}cast(null as {{ type }}) as {{ name }}{% endif %}{{ "," if not loop.last }}
    {%- endfor %}
    {% if release -%}
    from store.{{ mart }}
    where release_id = {{ release }}
    {%- else -%}
    where false
    {%- endif -%}
{%- endmacro %}
