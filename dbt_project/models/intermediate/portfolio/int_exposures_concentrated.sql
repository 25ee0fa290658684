-- Exposure by name of each dimension with a limit. Names without exposure do not count; exposure without
-- a name (no industry stated) is a name of its own for none of the shares.
with loan_risk as (
    select * from {{ ref('loan_risk') }}
),

names as (
    select
        dimension.name as dimension,
        dimension.value as name,
        loan_risk.outstanding_base_amount
    from loan_risk
    cross join
        lateral (
            values
            ('CLIENT', loan_risk.client_id),
            ('GROUP', loan_risk.group_id),
            ('INDUSTRY', loan_risk.industry_code),
            ('REGION', loan_risk.region),
            ('PRODUCT', loan_risk.product)
        ) as dimension (name, value)
    where loan_risk.outstanding_base_amount > 0
),

exposures as (
    select dimension, name, sum(outstanding_base_amount) as exposure_base_amount
    from names
    group by dimension, name
),

ranked as (
    select
        exposures.*,
        row_number() over (
            partition by dimension
            order by exposure_base_amount desc, name collate "C"
        ) as name_rank
    from exposures
    where name is not null
),

totals as (
    select dimension, sum(exposure_base_amount) as gross_base_amount
    from exposures
    group by dimension
),

int_exposures_concentrated as (
    select
        totals.dimension,
        totals.gross_base_amount,
        count(ranked.name) as name_count,
        min(ranked.name) filter (where ranked.name_rank = 1) as largest_name,
        cast(max(ranked.exposure_base_amount) as numeric(20, 2)) as largest_base_amount,
        cast(
            sum(ranked.exposure_base_amount) filter (where ranked.name_rank <= 10) as numeric(20, 2)
        ) as top_10_base_amount,
        cast(
            sum(ranked.exposure_base_amount) filter (where ranked.name_rank <= 20) as numeric(20, 2)
        ) as top_20_base_amount,
        cast(
            sum({{ ratio('ranked.exposure_base_amount', 'totals.gross_base_amount') }} ^ 2)
            as numeric(24, 12)
        ) as hhi
    from totals
    left join ranked on totals.dimension = ranked.dimension
    group by totals.dimension, totals.gross_base_amount
)

select * from int_exposures_concentrated
