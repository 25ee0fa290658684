-- Each indicator against its triggers, and since when without a gap: dates and month-ends in a row at
-- which it was amber or red, counted back from the date.
with every_value as (
    select * from {{ ref('int_warning_values_lending') }}
    union all
    select * from {{ ref('int_warning_values_conduct') }}
    union all
    select * from {{ ref('int_warning_values_financial') }}
),

triggers as (
    select * from {{ ref('early_warning_triggers') }} where {{ in_force('valid_from', 'valid_to') }}
),

judged as (
    select
        every_value.client_id,
        every_value.indicator,
        every_value.on_date,
        {{ months_ago('every_value.on_date') }} as months_ago,
        every_value.value,
        triggers.comparison,
        triggers.amber_value,
        triggers.red_value,
        triggers.is_hard,
        triggers.suggested_action,
        case
            when every_value.is_red_anyway
                or case triggers.comparison
                    when 'from' then every_value.value >= triggers.red_value
                    when 'above' then every_value.value > triggers.red_value
                    when 'to' then every_value.value <= triggers.red_value
                    when 'below' then every_value.value < triggers.red_value
                end then 'RED'
            when every_value.is_amber_anyway
                or case triggers.comparison
                    when 'from' then every_value.value >= triggers.amber_value
                    when 'above' then every_value.value > triggers.amber_value
                    when 'to' then every_value.value <= triggers.amber_value
                    when 'below' then every_value.value < triggers.amber_value
                end then 'AMBER'
            when every_value.value is not null then 'GREEN'
        end as status
    from every_value
    inner join triggers on every_value.indicator = triggers.indicator
),

runs as (
    select
        client_id,
        indicator,
        on_date,
        months_ago,
        row_number() over (partition by client_id, indicator order by on_date desc) - 1 as place
    from judged
    where status in ('RED', 'AMBER')
),

starts as (
    select client_id, indicator, min(on_date) as first_triggered_date
    from runs
    where months_ago = place
    group by client_id, indicator
),

int_warnings_judged as (
    select
        judged.client_id,
        judged.indicator,
        judged.value,
        judged.comparison,
        judged.amber_value,
        judged.red_value,
        judged.is_hard,
        judged.status,
        judged.suggested_action,
        case when judged.status in ('RED', 'AMBER') then starts.first_triggered_date end
            as first_triggered_date
    from judged
    left join starts on judged.client_id = starts.client_id and judged.indicator = starts.indicator
    where judged.on_date = {{ as_of_date() }}
)

select * from int_warnings_judged
