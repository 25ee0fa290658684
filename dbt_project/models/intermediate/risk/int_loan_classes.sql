-- China five classes: the worst trigger wins. When more than a share of what a non-retail debtor owes
-- here is non-performing, all of it is.
with exposures as (
    select * from {{ ref('int_exposure_stages') }}
),

triggers as (
    select * from {{ ref('int_loan_class_triggers') }}
),

clients as (
    select * from {{ ref('int_clients_known') }}
),

rates as (
    select * from {{ ref('int_currency_rates') }} where rate_date = {{ as_of_date() }}
),

parameters as (
    {{ parameters_in_force('risk_parameters', ['class_contagion_ratio']) }}
),

own as (
    select
        exposures.exposure_id,
        exposures.client_id,
        exposures.ifrs9_stage,
        exposures.outstanding_amount * rates.rate as base_amount,
        worst.driver,
        coalesce(worst.class_rank, 1) as class_rank
    from exposures
    left join (
        select distinct on (exposure_id) exposure_id, driver, class_rank
        from triggers
        order by exposure_id, class_rank desc, driver collate "C"
    ) as worst
        on exposures.exposure_id = worst.exposure_id
    left join rates on exposures.currency = rates.currency
),

infected as (
    select own.client_id
    from own
    inner join clients on own.client_id = clients.client_id
    cross join parameters
    where coalesce(clients.client_type, '') <> 'individual'
    group by own.client_id, parameters.class_contagion_ratio
    having sum(own.base_amount) filter (where own.class_rank >= 3)
        > parameters.class_contagion_ratio * sum(own.base_amount)
),

judged as (
    select
        own.exposure_id,
        case
            when infected.client_id is not null and own.class_rank < 3 then 3
            when own.driver is not null or own.ifrs9_stage is not null then own.class_rank
        end as class_rank,
        case
            when infected.client_id is not null and own.class_rank < 3 then 'DEBTOR_NON_PERFORMING'
            else own.driver
        end as driver
    from own
    left join infected on own.client_id = infected.client_id
),

int_loan_classes as (
    select
        exposure_id,
        case class_rank
            when 1 then 'NORMAL'
            when 2 then 'SPECIAL_MENTION'
            when 3 then 'SUBSTANDARD'
            when 4 then 'DOUBTFUL'
            when 5 then 'LOSS'
        end as cn5_class,
        class_rank as cn5_rank,
        coalesce(driver, case when class_rank = 1 then 'NO_TRIGGER' end) as cn5_driver
    from judged
)

select * from int_loan_classes
