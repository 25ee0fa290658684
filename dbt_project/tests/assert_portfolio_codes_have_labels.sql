-- Every code that a portfolio mart shows can be read in both languages.
with labels as (
    select * from {{ ref('labels') }}
),

shown as (
    select 'insufficient_reason' as code_list, reason.code
    from (
        select insufficient_reason from {{ ref('portfolio_risk') }}
        union
        select insufficient_reason from {{ ref('concentration') }}
        union
        select insufficient_reason from {{ ref('project_finance') }}
        union
        select insufficient_reason from {{ ref('flexible_repayment') }}
    ) as marts
    cross join lateral unnest(string_to_array(marts.insufficient_reason, '; ')) as reason (code)
    union
    select 'dpd_bucket', from_bucket from {{ ref('roll_rates') }}
    union
    select 'segment_type', segment_type from {{ ref('portfolio_risk') }}
    union
    select 'concentration_dimension', dimension from {{ ref('concentration') }}
    union
    select 'flexibility_kind', flexibility_kind from {{ ref('flexible_repayment') }}
)

select shown.code_list, shown.code
from shown
left join labels on shown.code_list = labels.code_list and shown.code = labels.code
where shown.code is not null and labels.code is null
