-- Sums per loan. Principal moves by principal_part; cash counts once booked and valued.
-- Payments are covered where the loan's source delivers all of them, or a sample with this loan in it.
-- A source that delivers balances but not one transaction reports by balances, whatever it declares.
with loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

transactions as (
    select * from {{ ref('int_transactions_effective') }}
),

coverage as (
    select * from {{ ref('int_coverage_declared') }} where entity = 'transactions'
),

parameters as (
    {{ parameters_in_force('risk_parameters', ['partial_gap_days']) }}
),

-- A sample that ends before the date says nothing about it.
samples as (
    select source, {{ as_of_date() }} - max(booked_date) as gap_days
    from transactions
    group by source
),

balances as (
    select distinct source from {{ ref('stg_canonical__loan_balances') }}
),

sums as (
    select
        loan_id,
        sum(sign * coalesce(principal_part, amount)) filter (where kind = 'disbursement')
            as disbursed_amount,
        sum(sign * coalesce(principal_part, amount)) filter (where kind = 'write_off')
            as written_off_amount,
        sum(
            sign * case
                when kind = 'waiver' then coalesce(principal_part, 0)
                else coalesce(principal_part, amount - interest_part)
            end
        ) filter (where kind in ('repayment', 'recovery', 'waiver')) as repaid_principal_amount,
        count(*) filter (
            where kind in ('repayment', 'recovery')
            and principal_part is null and interest_part is null
        ) as undivided_count,
        sum(sign * amount) filter (
            where kind in ('repayment', 'recovery') and value_date <= {{ as_of_date() }}
        ) as cash_amount,
        count(*) filter (where kind in ('repayment', 'recovery', 'write_off')) as payment_count
    from transactions
    group by loan_id
),

int_loan_payments as (
    select
        loans.loan_id,
        coalesce(coverage.coverage = 'complete', false)
        and (samples.source is not null or balances.source is null)
        or coalesce(
            coverage.coverage = 'partial'
            and sums.payment_count > 0
            and samples.gap_days <= parameters.partial_gap_days,
            false
        ) as is_covered,
        cast(coalesce(sums.disbursed_amount, loans.principal_amount) as numeric(20, 2))
            as disbursed_amount,
        sums.disbursed_amount is null as was_disbursement_defaulted,
        cast(coalesce(sums.repaid_principal_amount, 0) as numeric(20, 2)) as repaid_principal_amount,
        cast(coalesce(sums.written_off_amount, 0) as numeric(20, 2)) as written_off_amount,
        coalesce(sums.undivided_count, 0) as undivided_count,
        cast(coalesce(sums.cash_amount, 0) as numeric(20, 2)) as cash_amount
    from loans
    left join sums on loans.loan_id = sums.loan_id
    left join coverage on loans.source = coverage.source
    left join samples on loans.source = samples.source
    left join balances on loans.source = balances.source
    cross join parameters
)

select * from int_loan_payments
