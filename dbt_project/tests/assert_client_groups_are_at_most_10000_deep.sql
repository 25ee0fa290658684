-- Groups deeper than 10,000 steps are an error of the source. Only groups with more members than that
-- can be so deep: from the client farthest from the smallest one, the walk to the other end is measured.
with groups as (
    select * from {{ ref('int_client_groups') }}
),

connected as (
    select * from {{ ref('int_clients_connected') }}
),

large as (
    select group_id, group_id as client_id
    from groups
    group by group_id
    having count(*) > 10000
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

outward as (
    {{ levels_from('large', 'edges', 10000) }}
),

farthest as (
    select distinct on (group_id) group_id, level_ids[1] as client_id
    from outward
    order by group_id, depth desc
),

across as (
    {{ levels_from('farthest', 'edges', 10000) }}
)

select group_id, max(depth) as depth
from across
group by group_id
having max(depth) > 10000
