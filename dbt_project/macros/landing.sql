{# Rows of a landed table that are visible at the release's ceiling. #}
{% macro landed(source_name, table_name) -%}
    select *
    from {{ source(source_name, table_name) }}
    where _from_batch <= {{ ceiling(source_name) }}
        and _to_batch > {{ ceiling(source_name) }}
        and not _is_deleted
{%- endmacro %}

{#
  Which sources deliver an entity: {"layout": [...], "models": [...]}.
  The deployment says so in RAPPORT_CANONICAL_SOURCES; without it, the sources that are shipped.
#}
{% macro canonical_sources(entity, side) -%}
    {%- set deployed = env_var("RAPPORT_CANONICAL_SOURCES", "") -%}
    {%- if deployed -%}
        {{ return(fromjson(deployed).get(entity, {})) }}
    {%- endif -%}
    {{ return({
        "layout": [side, "files"],
        "models": ["eagle"] if entity in var("eagle_entities") else [],
    }) }}
{%- endmacro %}

{# Names of all sources: what may stand before the colon of a qualified key. #}
{% macro source_names() -%}
    {%- set names = ["crm", "loans", "files", "eagle"] -%}
    {%- set deployed = env_var("RAPPORT_CANONICAL_SOURCES", "") -%}
    {%- for delivery in (fromjson(deployed) if deployed else {}).values() -%}
        {%- for name in delivery.get("layout", []) + delivery.get("models", []) if name not in names -%}
            {%- do names.append(name) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(names | sort) }}
{%- endmacro %}

{# `<source>:<native key>`; a key that already names a source stays as it is. #}
{% macro qualified(column, source_name) -%}
    case
        when {{ column }} ~ '^({{ source_names() | join("|") }}):' then {{ column }}
        else '{{ source_name }}:' || {{ column }}
    end
{%- endmacro %}

{# Rows at the ceiling, their undated columns from the version of the release's date or the first after. #}
{% macro as_stated_by_date(name, entity, key, columns, undated) -%}
        select
            {%- for column in columns %}
            {{ "dated" if column in undated else "latest" }}.{{ column }},
            {%- endfor %}
            dated.was_backcast
        from {{ source(name, entity) }} as latest
        inner join (
            select distinct on ({{ key }})
                {{ key }},
                {%- for column in undated %}
                {{ column }},
                {%- endfor %}
                _from_batch > {{ as_of_batch(name) }} as was_backcast
            from {{ source(name, entity) }}
            where _from_batch <= {{ ceiling(name) }} and not _is_deleted
            order by
                {{ key }}, was_backcast,
                case when _from_batch > {{ as_of_batch(name) }} then _from_batch else -_from_batch end
        ) as dated on latest.{{ key }} = dated.{{ key }}
        where latest._from_batch <= {{ ceiling(name) }}
            and latest._to_batch > {{ ceiling(name) }}
            and not latest._is_deleted
{%- endmacro %}

{#
  One canonical entity from every source that delivers it, at the release's ceilings.
  columns: {name: type}; ids: the columns that hold keys; side: the shipped system that owns the entity.
  A source of the canonical layout is read from landing, any other through its staging model.
  undated: columns whose values carry no date of their own; they are taken as landed when the release's
  date ended, else as first landed (`was_backcast`), so that what changed since moves no earlier date.
  The first of the ids is the key of such an entity.
#}
{% macro canonical_entity(entity, side, ids, columns, undated=[]) -%}
    {%- set delivery = canonical_sources(entity, side) -%}
    {%- set parts = [] -%}
    {%- for name in delivery.get("layout", []) -%}
        {%- do parts.append((name, none)) -%}
    {%- endfor -%}
    {%- for name in delivery.get("models", []) -%}
        {%- do parts.append((name, ref("stg_" ~ name ~ "__" ~ entity))) -%}
    {%- endfor -%}
with
{%- for name, model in parts %}
{{ name }} as (
    select
        '{{ name }}' as source
        {%- for column, type in columns.items() %},
        cast({{ qualified(column, name) if column in ids else column }} as {{ type }}) as {{ column }}
        {%- endfor %}
    {%- if model is not none %}
        {%- if undated %},
        {{ ceiling(name) }} > {{ as_of_batch(name) }} as was_backcast
        {%- endif %}
    from {{ model }}
    {%- elif undated %},
        was_backcast
    from ({{ as_stated_by_date(name, entity, ids[0], columns, undated) }}) as stated
    {%- else %}
    from {{ source(name, entity) }}
    where _from_batch <= {{ ceiling(name) }}
        and _to_batch > {{ ceiling(name) }}
        and not _is_deleted
    {%- endif %}
),
{% endfor %}
no_source as (
    select
        cast(null as text) as source
        {%- for column, type in columns.items() %},
        cast(null as {{ type }}) as {{ column }}
        {%- endfor %}
        {%- if undated %},
        cast(null as boolean) as was_backcast
        {%- endif %}
    where false
),

stg_canonical__{{ entity }} as (
    {%- for name, model in parts %}
    select * from {{ name }}
    union all
    {%- endfor %}
    select * from no_source
)

select * from stg_canonical__{{ entity }}
{%- endmacro %}
