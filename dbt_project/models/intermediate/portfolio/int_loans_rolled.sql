-- Where each loan stood at the preceding month-end and where it stands now. What has ended stays ended;
-- what began in between comes from NEW; days past due that are not known are a state of their own.
with loan_risk as (
    select * from {{ ref('loan_risk') }} where loan_status <> 'UNDRAWN'
),

before as (
    select * from {{ ref('int_loan_month_ends') }}
    where month_end = {{ preceding_month_end() }}
),

rates as (
    select * from {{ ref('int_currency_rates') }}
    where rate_date = {{ as_of_date() }}
),

int_loans_rolled as (
    select
        loan_risk.loan_id,
        case
            when loan_risk.disbursed_date > {{ preceding_month_end() }} then 'NEW'
            when loan_risk.written_off_date <= {{ preceding_month_end() }} then 'WRITTEN_OFF'
            when loan_risk.closed_date <= {{ preceding_month_end() }} then 'PAID_OFF'
            else coalesce(before.dpd_bucket, 'UNKNOWN')
        end as from_bucket,
        case loan_risk.loan_status
            when 'WRITTEN_OFF' then 'WRITTEN_OFF'
            when 'CLOSED' then 'PAID_OFF'
            else coalesce(loan_risk.dpd_bucket, 'UNKNOWN')
        end as to_bucket,
        cast(
            case
                when loan_risk.disbursed_date > {{ preceding_month_end() }}
                    then loan_risk.outstanding_base_amount
                else before.outstanding_amount * rates.rate
            end
            as numeric(28, 8)
        ) as from_base_amount
    from loan_risk
    left join before on loan_risk.loan_id = before.loan_id
    left join rates on loan_risk.currency = rates.currency
)

select * from int_loans_rolled
