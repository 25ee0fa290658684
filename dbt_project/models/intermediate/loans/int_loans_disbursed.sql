-- States follow from dates: what closes or is written off after the release's date has not yet done so.
with loans as (
    select * from {{ ref('stg_canonical__loans') }}
),

matched as (
    select * from {{ ref('int_clients_matched') }}
),

int_loans_disbursed as (
    select
        loans.source,
        loans.loan_id,
        matched.client_id,
        matched.has_crm_record,
        loans.facility_id,
        loans.application_id,
        loans.replaces_loan_id,
        loans.product,
        loans.principal_amount,
        loans.currency,
        loans.disbursed_date,
        loans.maturity_date,
        {{ by_as_of('loans.closed_date') }} as closed_date,
        {{ by_as_of('loans.written_off_date') }} as written_off_date,
        case
            when loans.written_off_date <= {{ as_of_date() }} then 'WRITTEN_OFF'
            when loans.closed_date <= {{ as_of_date() }} then 'CLOSED'
            else 'ACTIVE'
        end as loan_status
    from loans
    inner join matched on loans.client_id = matched.loan_client_id
    where loans.disbursed_date <= {{ as_of_date() }}
)

select * from int_loans_disbursed
