-- The newest statement of a loan tells its terms. A loan starts when it is effective (signed, else
-- approved, where that is not given); never disbursed, cancelled loans carry no principal and stay out.
with statements as (
    {{ landed('ibrd', 'statements') }}
),

ranked as (
    select
        statements.*,
        row_number() over (partition by loan_no order by period_end desc) as place
    from statements
),

newest as (
    select
        ranked.*,
        coalesce(effective_date, signed_date, approved_date) as start_date
    from ranked
    where place = 1 and disbursed_amount > 0 and principal_amount > 0
),

stg_ibrd__loans as (
    select
        loan_no as loan_id,
        md5(concat_ws('|', country_code, coalesce(borrower, country))) as client_id,
        cast(null as text) as facility_id,
        cast(null as text) as application_id,
        cast(null as text) as replaces_loan_id,
        loan_type as product,
        principal_amount,
        'USD' as currency,
        cast(null as text) as day_count,
        start_date as disbursed_date,
        greatest(last_repayment_date, start_date) as maturity_date,
        case
            when loan_status = 'Fully Repaid' then greatest(last_repayment_date, start_date)
        end as closed_date,
        cast(null as date) as written_off_date,
        interest_rate / 100 as effective_interest_rate,
        cast(null as numeric) as collateral_amount,
        cast(null as date) as collateral_valuation_date
    from newest
    where start_date is not null
)

select * from stg_ibrd__loans
