{# What the portfolio marts share: month-ends behind a release, buckets of days past due. #}

{# rows (month_end): the last month-end by the release's date and `months` before it. #}
{% macro month_ends_back(months) -%}
    select
        cast(
            date_trunc('month', cast({{ as_of_date() }} + 1 as timestamp))
            - back.number * interval '1 month' - interval '1 day'
            as date
        ) as month_end
    from generate_series(0, {{ months }}) as back (number)
{%- endmacro %}

{# date: the last month-end before the release's date. #}
{% macro preceding_month_end() -%}
    cast(date_trunc('month', cast({{ as_of_date() }} as timestamp)) - interval '1 day' as date)
{%- endmacro %}

{# rows (dpd_bucket, bucket_order, from_days, next_from_days) of the buckets in force. #}
{% macro dpd_buckets_in_force() -%}
    select
        dpd_bucket,
        bucket_order,
        from_days,
        lead(from_days) over (order by from_days) as next_from_days
    from {{ ref('dpd_buckets') }}
    where {{ in_force('valid_from', 'valid_to') }}
{%- endmacro %}

{# numeric(20,2): sum of money over the rows of a group that meet the condition; 0 when none does. #}
{% macro total_where(amount, condition) -%}
    cast(coalesce(sum({{ amount }}) filter (where {{ condition }}), 0) as numeric(20, 2))
{%- endmacro %}
