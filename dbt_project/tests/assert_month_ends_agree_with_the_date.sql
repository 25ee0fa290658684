-- Figures of a month-end, computed behind the date, are those of the date when it is that month-end.
with month_ends as (
    select * from {{ ref('int_loan_month_ends') }} where month_end = {{ as_of_date() }}
),

loans as (
    select * from {{ ref('int_loans_disbursed') }}
    where loan_status = 'ACTIVE' and {{ as_of_date() }} = {{ month_end(as_of_date()) }}
),

figures as (
    select * from {{ ref('int_loan_figures') }}
)

select coalesce(month_ends.loan_id, loans.loan_id) as loan_id
from loans
inner join figures on loans.loan_id = figures.loan_id
full join month_ends on loans.loan_id = month_ends.loan_id
where loans.loan_id is null
    or month_ends.loan_id is null
    or figures.outstanding_amount is distinct from month_ends.outstanding_amount
    or figures.arrears_amount is distinct from month_ends.arrears_amount
    or figures.dpd_contractual is distinct from month_ends.dpd_contractual
    or figures.oldest_unpaid_due_date is distinct from month_ends.oldest_unpaid_due_date
