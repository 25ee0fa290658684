{#
  Distances by levels from one client of each group, as rows (group_id, depth, level_ids); the walk
  gives up one step beyond `limit`. starts: CTE (group_id, client_id); edges: CTE (one_client_id,
  other_client_id), both directions. Neighbours of a level are in it, before it or after it, so only
  two levels have to be remembered.
#}
{% macro levels_from(starts, edges, limit) -%}
    with recursive levels as (
        select
            group_id,
            0 as depth,
            cast(array[] as text[]) collate "C" as before_ids,
            cast(array[client_id] as text[]) collate "C" as level_ids
        from {{ starts }}
        union all
        select levels.group_id, levels.depth + 1, levels.level_ids, following.level_ids
        from levels
        cross join lateral (
            select array_agg(distinct edge.other_client_id collate "C") as level_ids
            from {{ edges }} as edge
            inner join unnest(levels.level_ids) as here (client_id)
                on edge.one_client_id = here.client_id
            where edge.other_client_id <> all(levels.level_ids)
                and edge.other_client_id <> all(levels.before_ids)
        ) as following
        where following.level_ids is not null and levels.depth <= {{ limit }}
    )

    select group_id, depth, level_ids from levels
{%- endmacro %}
