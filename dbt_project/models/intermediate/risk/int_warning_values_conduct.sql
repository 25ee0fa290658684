-- Indicators of conduct, on the date and at each month-end before it: covenants broken and tests late,
-- legal actions open, notches lost in 12 months.
with covenant_tests as (
    select * from {{ ref('stg_canonical__covenant_tests') }}
),

facilities as (
    select * from {{ ref('stg_canonical__facilities') }}
),

matched as (
    select * from {{ ref('int_clients_matched') }}
),

clients as (
    select * from {{ ref('int_clients_known') }} where has_crm_record
),

cases as (
    select
        client_id,
        {{ business_date('opened_at') }} as opened_date,
        {{ business_date('resolved_at') }} as resolved_date
    from {{ ref('stg_canonical__cases') }}
    where kind = 'legal_action'
),

coverage as (
    select * from {{ ref('int_coverage_declared') }} where entity = 'cases' and coverage <> 'none'
),

rating_periods as (
    select * from {{ ref('int_client_rating_periods') }}
),

dates as (
    {{ warning_dates() }}
),

tests as (
    select
        matched.client_id,
        covenant_tests.facility_id,
        covenant_tests.metric,
        covenant_tests.period_end,
        covenant_tests.due_date,
        covenant_tests.received_date,
        covenant_tests.waived_until,
        not case covenant_tests.operator
            when '>=' then covenant_tests.actual >= covenant_tests.threshold
            when '>' then covenant_tests.actual > covenant_tests.threshold
            when '<=' then covenant_tests.actual <= covenant_tests.threshold
            when '<' then covenant_tests.actual < covenant_tests.threshold
        end as has_failed
    from covenant_tests
    inner join facilities on covenant_tests.facility_id = facilities.facility_id
    inner join matched on facilities.client_id = matched.loan_client_id
),

received as (
    select distinct on (tests.facility_id, tests.metric, dates.on_date) tests.*, dates.on_date
    from tests
    inner join dates on tests.received_date <= dates.on_date
    order by tests.facility_id, tests.metric, dates.on_date, tests.period_end desc
),

breaches as (
    select
        client_id,
        on_date,
        'COVENANT_BREACH' as indicator,
        count(*) filter (where has_failed and coalesce(waived_until, '-infinity') <= on_date) as value
    from received
    group by client_id, on_date
),

lateness as (
    select
        tests.client_id,
        dates.on_date,
        'COVENANT_LATE' as indicator,
        coalesce(max(dates.on_date - tests.due_date) filter (
            where coalesce(tests.received_date, 'infinity') > dates.on_date
        ), 0) as value
    from tests
    inner join dates on tests.due_date <= dates.on_date
    group by tests.client_id, dates.on_date
),

legal_actions as (
    select
        clients.client_id,
        dates.on_date,
        'LEGAL_ACTION' as indicator,
        count(cases.client_id) as value
    from clients
    inner join coverage on clients.source = coverage.source
    cross join dates
    left join cases
        on clients.client_id = cases.client_id
            and dates.on_date >= cases.opened_date
            and dates.on_date < coalesce(cases.resolved_date, 'infinity')
    group by clients.client_id, dates.on_date
),

downgrades as (
    select
        now_rating.client_id,
        dates.on_date,
        'DOWNGRADE' as indicator,
        max(now_rating.notch - earlier.notch) as value
    from dates
    inner join rating_periods as now_rating
        on dates.on_date >= now_rating.from_date and dates.on_date < now_rating.to_date
    inner join lateral (
        select rating_periods.notch
        from rating_periods
        where rating_periods.client_id = now_rating.client_id
            and rating_periods.scale = now_rating.scale
            and rating_periods.from_date <= now_rating.from_date
            and rating_periods.to_date > cast(dates.on_date - interval '12 months' as date)
        order by rating_periods.from_date
        limit 1
    ) as earlier on true
    group by now_rating.client_id, dates.on_date
),

every_value as (
    select client_id, on_date, indicator, value from breaches
    union all
    select client_id, on_date, indicator, value from lateness
    union all
    select client_id, on_date, indicator, value from legal_actions
    union all
    select client_id, on_date, indicator, value from downgrades
),

int_warning_values_conduct as (
    select
        client_id,
        on_date,
        indicator,
        cast(value as numeric(24, 6)) as value,
        false as is_amber_anyway,
        false as is_red_anyway
    from every_value
)

select * from int_warning_values_conduct
