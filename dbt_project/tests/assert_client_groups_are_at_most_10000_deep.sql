-- A group deeper than 10,000 steps from its smallest client is an error of the source, not a group.
-- Only groups with more members than that can be so deep; they are walked level by level.
with groups as (
    select * from {{ ref('int_client_groups') }}
),

connected as (
    select * from {{ ref('int_clients_connected') }}
),

large as (
    select group_id from groups group by group_id having count(*) > 10000
),

pairs as (
    select connected.low_client_id as one_client_id, connected.high_client_id as other_client_id
    from connected
    inner join groups on connected.low_client_id = groups.client_id
    inner join large on groups.group_id = large.group_id
),

edges as (
    select one_client_id, other_client_id from pairs
    union all
    select other_client_id, one_client_id from pairs
),

walked as (
    with recursive levels as (
        select
            group_id,
            0 as depth,
            cast(array[] as text[]) collate "C" as before_ids,
            cast(array[group_id] as text[]) collate "C" as level_ids
        from large
        union all
        select levels.group_id, levels.depth + 1, levels.level_ids, following.level_ids
        from levels
        cross join lateral (
            select array_agg(distinct edges.other_client_id collate "C") as level_ids
            from edges
            inner join unnest(levels.level_ids) as here (client_id)
                on edges.one_client_id = here.client_id
            where edges.other_client_id <> all(levels.level_ids)
                and edges.other_client_id <> all(levels.before_ids)
        ) as following
        where following.level_ids is not null and levels.depth <= 10000
    )

    select group_id, max(depth) as depth from levels group by group_id
)

select group_id, depth
from walked
where depth > 10000
