-- Figures of a loan agree with each other.
with loan_risk as (
    select * from {{ ref('loan_risk') }}
)

select loan_id
from loan_risk
where dpd_contractual < 0
    or dpd_after_grace > dpd_contractual
    or (dpd_contractual is null) <> (dpd_bucket is null)
    or (dpd_contractual is null) <> (dpd_basis is null)
    or (dpd_contractual is null and insufficient_reason is null)
    or (dpd_contractual is not null and loan_status <> 'ACTIVE')
    or (dpd_contractual > 0 and arrears_amount = 0 and dpd_basis = 'PAYMENTS')
    or (loan_status = 'WRITTEN_OFF' and outstanding_amount <> 0)
