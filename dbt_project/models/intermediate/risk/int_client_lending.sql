-- What a client owes, in the reporting currency, with the worst of its loans. Clients without a running
-- loan or undrawn facility have no row.
with loan_risk as (
    select * from {{ ref('loan_risk') }} where ead_amount is not null
),

contracts as (
    select * from {{ ref('stg_canonical__loans') }}
),

rates as (
    select * from {{ ref('int_currency_rates') }} where rate_date = {{ as_of_date() }}
),

class_ranks (cn5_class, class_rank) as (
    values ('NORMAL', 1), ('SPECIAL_MENTION', 2), ('SUBSTANDARD', 3), ('DOUBTFUL', 4), ('LOSS', 5)
),

int_client_lending as (
    select
        loan_risk.client_id,
        count(*) filter (where not loan_risk.is_undrawn_only) as running_loan_count,
        sum(loan_risk.outstanding_base_amount) as outstanding_base_amount,
        sum(loan_risk.arrears_amount * rates.rate) as arrears_base_amount,
        sum(loan_risk.ead_base_amount) as ead_base_amount,
        sum(loan_risk.ecl_base_amount) as ecl_base_amount,
        max(loan_risk.dpd_contractual) as max_dpd,
        max(loan_risk.ifrs9_stage) as worst_stage,
        max(class_ranks.class_rank) as worst_class_rank,
        bool_or(loan_risk.is_npe_eu) as is_npe_eu,
        bool_or(loan_risk.is_forborne) as has_forborne_loan,
        sum(contracts.collateral_amount * rates.rate) as collateral_base_amount,
        sum(loan_risk.outstanding_base_amount) filter (where contracts.collateral_amount is not null)
            as secured_base_amount
    from loan_risk
    left join contracts on loan_risk.loan_id = contracts.loan_id
    left join rates on loan_risk.currency = rates.currency
    left join class_ranks on loan_risk.cn5_class = class_ranks.cn5_class
    group by loan_risk.client_id
)

select * from int_client_lending
