-- Pairs of clients that form one group: control above the threshold (a parent counts as control,
-- an unknown share counts), or economic dependence from its threshold on, in force on the date.
with known as (
    select * from {{ ref('int_clients_known') }}
),

client_links as (
    select * from {{ ref('stg_canonical__client_links') }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', ['control_share', 'dependence_share']) }}
),

pairs as (
    select client_id as one_client_id, parent_client_id as other_client_id
    from known
    where parent_client_id is not null
    union
    select client_links.from_client_id, client_links.to_client_id
    from client_links
    cross join parameters
    where
        {{ in_force('client_links.valid_from', 'client_links.valid_to') }}
        and case client_links.link_type
            when 'control'
                then coalesce(client_links.share_ratio > parameters.control_share, true)
            when 'economic_dependence'
                then client_links.share_ratio >= parameters.dependence_share
            else false
        end
),

int_clients_connected as (
    select distinct
        least(pairs.one_client_id collate "C", pairs.other_client_id collate "C") as low_client_id,
        greatest(pairs.one_client_id collate "C", pairs.other_client_id collate "C")
            as high_client_id
    from pairs
    inner join known as one_side on pairs.one_client_id = one_side.client_id
    inner join known as other_side on pairs.other_client_id = other_side.client_id
    where pairs.one_client_id <> pairs.other_client_id
)

select * from int_clients_connected
