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
    or (dpd_contractual is null and insufficient_reason is null and not is_undrawn_only)
    or (dpd_contractual is not null and loan_status <> 'ACTIVE')
    or (dpd_contractual > 0 and arrears_amount = 0 and dpd_basis = 'PAYMENTS')
    or (loan_status = 'WRITTEN_OFF' and outstanding_amount <> 0)
    or not (ecl_12m_amount between 0 and ecl_lifetime_amount)
    or not (ecl_amount between 0 and ead_amount)
    or (ifrs9_stage = 1 and ecl_amount <> ecl_12m_amount)
    or (ifrs9_stage >= 2 and ecl_amount <> ecl_lifetime_amount)
    or (ifrs9_stage is null) <> (stage_reason is null)
    or (cn5_class is null) <> (cn5_driver is null)
    or (loan_status = 'ACTIVE' and ead_amount is null)
    or is_undrawn_only <> (loan_status = 'UNDRAWN')
