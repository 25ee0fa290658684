-- The newest schedule version valid by the release's date; a version lists the whole life of the loan.
with instalments as (
    select * from {{ ref('stg_canonical__instalments') }}
),

loans as (
    select * from {{ ref('int_loans_disbursed') }}
),

versions as (
    select distinct loan_id, schedule_version, schedule_valid_from
    from instalments
    where schedule_valid_from <= {{ as_of_date() }}
),

newest as (
    select distinct on (loan_id) loan_id, schedule_version
    from versions
    order by loan_id, schedule_valid_from desc, schedule_version desc
),

in_force as (
    select
        instalments.loan_id,
        instalments.instalment_no,
        instalments.due_date,
        coalesce(instalments.principal_due_amount, 0) as principal_due_amount,
        cast(
            coalesce(instalments.principal_due_amount, 0)
            + coalesce(instalments.interest_due_amount, 0)
            + coalesce(instalments.fee_due_amount, 0)
            as numeric(20, 2)
        ) as due_amount
    from instalments
    inner join newest
        on instalments.loan_id = newest.loan_id
            and instalments.schedule_version = newest.schedule_version
    inner join loans on instalments.loan_id = loans.loan_id
    where instalments.due_date <= coalesce(loans.closed_date, 'infinity')
),

int_instalments_in_force as (
    select
        *,
        cast(
            sum(due_amount) over (partition by loan_id order by due_date, instalment_no)
            as numeric(20, 2)
        ) as due_to_date_amount
    from in_force
)

select * from int_instalments_in_force
