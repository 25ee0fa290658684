-- What int_loan_figures tells of the date, for each month-end behind it: the same facts cut off there.
-- Payments and dues are summed by month and cumulated once; only loans short of cash look for the
-- instalment that is. Loans that had ended by a month-end have no row for it.
with loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

transactions as (
    select * from {{ ref('int_transactions_effective') }}
),

instalments as (
    select * from {{ ref('stg_canonical__instalments') }}
),

balances as (
    select * from {{ ref('stg_canonical__loan_balances') }}
),

coverage as (
    select * from {{ ref('int_coverage_declared') }} where entity = 'transactions'
),

parameters as (
    select risk.*, portfolio.history_months
    from (
        {{ parameters_in_force(
            'risk_parameters', ['dpd_tolerance_amount', 'partial_gap_days', 'snapshot_max_age_days']
        ) }}
    ) as risk
    cross join (
        {{ parameters_in_force('portfolio_parameters', ['history_months']) }}
    ) as portfolio
),

month_ends as (
    {{ month_ends_back('(select cast(parameters.history_months as integer) from parameters)') }}
),

first_month_end as (
    select min(month_end) as month_end from month_ends
),

dpd_buckets as (
    {{ dpd_buckets_in_force() }}
),

-- A schedule version holds from its first day to the day before the next one's.
versions as (
    select
        loan_id,
        schedule_version,
        schedule_valid_from as from_date,
        lead(schedule_valid_from, 1, 'infinity') over (
            partition by loan_id order by schedule_valid_from, schedule_version
        ) as to_date
    from instalments
    group by loan_id, schedule_version, schedule_valid_from
),

loan_months as (
    select
        loans.loan_id,
        loans.source,
        loans.principal_amount,
        month_ends.month_end,
        versions.schedule_version
    from loans
    inner join month_ends
        on loans.disbursed_date <= month_ends.month_end
            and coalesce(loans.closed_date, 'infinity') > month_ends.month_end
            and coalesce(loans.written_off_date, 'infinity') > month_ends.month_end
    left join versions
        on loans.loan_id = versions.loan_id
            and versions.from_date <= month_ends.month_end
            and versions.to_date > month_ends.month_end
),

-- What was given or received counts from the first month-end on by which it was booked; cash must
-- have been valued as well.
movements as (
    select
        loan_id,
        booked_date as counts_from,
        case when kind = 'disbursement' then sign * coalesce(principal_part, amount) end as lent_amount,
        case
            when kind in ('disbursement', 'fee') then null
            when kind = 'write_off' then sign * coalesce(principal_part, amount)
            when kind = 'waiver' then sign * coalesce(principal_part, 0)
            else sign * coalesce(principal_part, amount - interest_part)
        end as returned_amount,
        cast(null as numeric) as cash_amount,
        case when kind in ('repayment', 'recovery', 'write_off') then 1 end as payment_count,
        case
            when kind in ('repayment', 'recovery') and principal_part is null and interest_part is null
                then 1
        end as undivided_count
    from transactions
    union all
    select loan_id, greatest(booked_date, value_date), null, null, sign * amount, null, null
    from transactions
    where kind in ('repayment', 'recovery')
),

movements_by_month as (
    select
        movements.*,
        greatest(
            {{ month_end('movements.counts_from') }},
            {{ month_end('loans.disbursed_date') }},
            first_month_end.month_end
        ) as month_end
    from movements
    inner join loans on movements.loan_id = loans.loan_id
    cross join first_month_end
),

moved as (
    select
        loan_id,
        month_end,
        sum(lent_amount) as lent_amount,
        sum(returned_amount) as returned_amount,
        sum(cash_amount) as cash_amount,
        sum(payment_count) as payment_count,
        sum(undivided_count) as undivided_count
    from movements_by_month
    group by loan_id, month_end
),

-- An instalment is overdue from the first month-end after its due date on, in its version's time.
dues_by_month as (
    select
        instalments.loan_id,
        instalments.schedule_version,
        greatest(
            {{ month_end('instalments.due_date + 1') }},
            {{ month_end('versions.from_date') }},
            {{ month_end('loans.disbursed_date') }},
            first_month_end.month_end
        ) as month_end,
        coalesce(instalments.principal_due_amount, 0)
        + coalesce(instalments.interest_due_amount, 0)
        + coalesce(instalments.fee_due_amount, 0) as due_amount
    from instalments
    inner join versions
        on instalments.loan_id = versions.loan_id
            and instalments.schedule_version = versions.schedule_version
    inner join loans on instalments.loan_id = loans.loan_id
    cross join first_month_end
),

fallen_due as (
    select loan_id, schedule_version, month_end, sum(due_amount) as due_amount
    from dues_by_month
    group by loan_id, schedule_version, month_end
),

cumulated as (
    select
        loan_months.*,
        coalesce(
            sum(moved.lent_amount) over by_loan, loan_months.principal_amount
        ) - coalesce(sum(moved.returned_amount) over by_loan, 0) as ledger_amount,
        coalesce(sum(moved.cash_amount) over by_loan, 0) as cash_amount,
        coalesce(sum(moved.payment_count) over by_loan, 0) as payment_count,
        coalesce(sum(moved.undivided_count) over by_loan, 0) as undivided_count,
        coalesce(
            sum(fallen_due.due_amount) over (
                partition by loan_months.loan_id, loan_months.schedule_version
                order by loan_months.month_end
            ),
            0
        ) as due_amount
    from loan_months
    left join moved
        on loan_months.loan_id = moved.loan_id and loan_months.month_end = moved.month_end
    left join fallen_due
        on loan_months.loan_id = fallen_due.loan_id
            and loan_months.schedule_version = fallen_due.schedule_version
            and loan_months.month_end = fallen_due.month_end
    window by_loan as (partition by loan_months.loan_id order by loan_months.month_end)
),

source_days as (
    select distinct source, booked_date from transactions
),

source_months as (
    select source_days.source, month_ends.month_end, max(source_days.booked_date) as newest_date
    from month_ends
    inner join source_days on month_ends.month_end >= source_days.booked_date
    group by source_days.source, month_ends.month_end
),

balance_sources as (
    select distinct source from balances
),

judged as (
    select
        cumulated.*,
        coalesce(coverage.coverage = 'complete', false)
        and (source_months.source is not null or balance_sources.source is null)
        or coalesce(
            coverage.coverage = 'partial'
            and cumulated.payment_count > 0
            and cumulated.month_end - source_months.newest_date <= parameters.partial_gap_days,
            false
        ) as is_covered
    from cumulated
    left join coverage on cumulated.source = coverage.source
    left join source_months
        on cumulated.source = source_months.source and cumulated.month_end = source_months.month_end
    left join balance_sources on cumulated.source = balance_sources.source
    cross join parameters
),

-- The oldest instalment that the cash of the month-end leaves short by more than the tolerance.
short_of_cash as (
    select judged.loan_id, judged.schedule_version, judged.month_end, judged.cash_amount
    from judged
    cross join parameters
    where judged.is_covered
        and judged.due_amount - judged.cash_amount > parameters.dpd_tolerance_amount
),

schedules as (
    select
        loan_id,
        schedule_version,
        due_date,
        due_amount,
        sum(due_amount) over (
            partition by loan_id, schedule_version order by due_date, instalment_no
        ) as due_to_date_amount
    from (
        select
            instalments.loan_id,
            instalments.schedule_version,
            instalments.instalment_no,
            instalments.due_date,
            coalesce(instalments.principal_due_amount, 0)
            + coalesce(instalments.interest_due_amount, 0)
            + coalesce(instalments.fee_due_amount, 0) as due_amount
        from instalments
        where instalments.loan_id in (select short_of_cash.loan_id from short_of_cash)
    ) as dues
),

oldest_unpaid as (
    select
        short_of_cash.loan_id,
        short_of_cash.month_end,
        min(schedules.due_date) as due_date
    from short_of_cash
    inner join schedules
        on short_of_cash.loan_id = schedules.loan_id
            and short_of_cash.schedule_version = schedules.schedule_version
            and short_of_cash.month_end > schedules.due_date
    cross join parameters
    where schedules.due_amount > parameters.dpd_tolerance_amount
        and schedules.due_to_date_amount - short_of_cash.cash_amount > parameters.dpd_tolerance_amount
    group by short_of_cash.loan_id, short_of_cash.month_end
),

snapshots as (
    select distinct on (judged.loan_id, judged.month_end)
        judged.loan_id,
        judged.month_end,
        balances.outstanding_amount,
        case when balances.balance_date = judged.month_end then balances.arrears_amount end
            as arrears_amount,
        case when balances.balance_date = judged.month_end then balances.dpd_days end as dpd_days
    from judged
    inner join balances
        on judged.loan_id = balances.loan_id and judged.month_end >= balances.balance_date
    cross join parameters
    where judged.month_end - balances.balance_date < parameters.snapshot_max_age_days
        and (
            not judged.is_covered
            or judged.undivided_count > 0
            or judged.schedule_version is null
        )
    order by judged.loan_id, judged.month_end, balances.balance_date desc
),

figures as (
    select
        judged.loan_id,
        judged.month_end,
        cast(
            case
                when judged.is_covered and judged.undivided_count = 0 then judged.ledger_amount
                else snapshots.outstanding_amount
            end
            as numeric(20, 2)
        ) as outstanding_amount,
        cast(
            case
                when judged.is_covered and judged.schedule_version is not null
                    then least(judged.due_amount, greatest(judged.due_amount - judged.cash_amount, 0))
                else snapshots.arrears_amount
            end
            as numeric(20, 2)
        ) as arrears_amount,
        oldest_unpaid.due_date as oldest_unpaid_due_date,
        case
            when judged.is_covered and judged.schedule_version is not null
                then coalesce(judged.month_end - oldest_unpaid.due_date, 0)
            else snapshots.dpd_days
        end as dpd_contractual
    from judged
    left join oldest_unpaid
        on judged.loan_id = oldest_unpaid.loan_id and judged.month_end = oldest_unpaid.month_end
    left join snapshots
        on judged.loan_id = snapshots.loan_id and judged.month_end = snapshots.month_end
),

int_loan_month_ends as (
    select figures.*, dpd_buckets.dpd_bucket
    from figures
    left join dpd_buckets
        on figures.dpd_contractual >= dpd_buckets.from_days
            and (
                figures.dpd_contractual < dpd_buckets.next_from_days
                or dpd_buckets.next_from_days is null
            )
)

select * from int_loan_month_ends
