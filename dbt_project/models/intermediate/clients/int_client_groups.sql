-- Connected components by labels that only fall. Each round a client takes the smallest label within
-- reach of its neighbours' labels; following labels of labels halves the way each time, so that a
-- chain of 1,000 needs about ten rounds. All labels of a round are one array: no row is visited twice.
with known as (
    select * from {{ ref('int_clients_known') }}
),

connected as (
    select * from {{ ref('int_clients_connected') }}
),

members as (
    select low_client_id as client_id from connected
    union
    select high_client_id from connected
),

numbered as (
    select client_id, cast(row_number() over (order by client_id collate "C") as integer) as number
    from members
),

edges as (
    select low_side.number as one_number, high_side.number as other_number
    from connected
    inner join numbered as low_side on connected.low_client_id = low_side.client_id
    inner join numbered as high_side on connected.high_client_id = high_side.client_id
    union all
    select high_side.number as one_number, low_side.number as other_number
    from connected
    inner join numbered as low_side on connected.low_client_id = low_side.client_id
    inner join numbered as high_side on connected.high_client_id = high_side.client_id
),

labelled as (
    with recursive rounds as (
        select array(select number from numbered order by number) as labels, true as has_changed
        union all
        select following.labels, following.labels <> rounds.labels
        from rounds
        cross join
            lateral (
                select array_agg(lowest.label order by lowest.number) as labels
                from (
                    select reached.number, min(reached.label) as label
                    from (
                        select one_number as number, rounds.labels[rounds.labels[other_number]] as label
                        from edges
                        union all
                        select rounds.labels[one_number], rounds.labels[rounds.labels[other_number]]
                        from edges
                        union all
                        select number, rounds.labels[rounds.labels[number]]
                        from numbered
                    ) as reached
                    group by reached.number
                ) as lowest
            ) as following
        where rounds.has_changed
    )

    select label.number, label.label
    from rounds
    cross join lateral unnest(rounds.labels) with ordinality as label (label, number)
    where not rounds.has_changed
),

grouped as (
    select member.client_id, smallest.client_id as group_id
    from labelled
    inner join numbered as member on labelled.number = member.number
    inner join numbered as smallest on labelled.label = smallest.number
),

int_client_groups as (
    select known.client_id, coalesce(grouped.group_id, known.client_id) as group_id
    from known
    left join grouped on known.client_id = grouped.client_id
)

select * from int_client_groups
