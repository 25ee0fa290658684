-- The seed of the same codes has the name already, so this model takes it as an alias.
{{ config(alias='code_labels') }}

with codes as (
    select * from {{ ref('code_labels') }}
),

labels as (
    select
        {{ as_of_date() }} as as_of_date,
        code_list,
        code,
        label_en,
        label_zh
    from codes
)

select * from labels
