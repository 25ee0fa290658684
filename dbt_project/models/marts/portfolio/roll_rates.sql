with rolled as (
    select * from {{ ref('int_loans_rolled') }}
),

dpd_buckets as (
    {{ dpd_buckets_in_force() }}
),

states as (
    select dpd_bucket as bucket, bucket_order from dpd_buckets
    union all
    select * from (values ('UNKNOWN', 90), ('PAID_OFF', 91), ('WRITTEN_OFF', 92)) as ending (bucket, bucket_order)
),

origins as (
    select * from states
    union all
    select 'NEW', 99
),

moves as (
    select
        from_bucket,
        to_bucket,
        count(*) as move_count,
        sum({{ round_half_even('from_base_amount', 2) }}) as move_amount
    from rolled
    group by from_bucket, to_bucket
),

matrix as (
    select
        origins.bucket as from_bucket,
        states.bucket as to_bucket,
        origins.bucket_order as from_order,
        states.bucket_order as to_order,
        coalesce(moves.move_count, 0) as move_count,
        coalesce(moves.move_amount, 0) as move_amount
    from origins
    cross join states
    left join moves on origins.bucket = moves.from_bucket and states.bucket = moves.to_bucket
),

summed as (
    select
        *,
        sum(move_count) over (partition by from_bucket) as from_count,
        sum(move_amount) over (partition by from_bucket) as from_amount
    from matrix
),

roll_rates as (
    select
        {{ as_of_date() }} as as_of_date,
        {{ preceding_month_end() }} as from_date,
        from_bucket,
        to_bucket,
        from_order,
        to_order,
        cast(move_count as integer) as roll_num,
        cast(from_count as integer) as roll_den,
        {{ round_half_even(ratio('move_count', 'from_count'), 6) }} as roll_ratio,
        move_amount as roll_base_num,
        from_amount as roll_base_den,
        {{ round_half_even(ratio('move_amount', 'from_amount'), 6) }} as roll_base_ratio
    from summed
)

select * from roll_rates
