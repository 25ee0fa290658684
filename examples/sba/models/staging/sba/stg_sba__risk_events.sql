-- A charge-off is a default from its date on. Where the date is missing the status alone tells nothing
-- about when, so no event is made.
with loans as (
    {{ landed('sba', 'loans') }}
),

stg_sba__risk_events as (
    select
        loan_no || '-chargeoff' as risk_event_id,
        md5(concat_ws('|', coalesce(borrower_ref, loan_no), city, state)) as client_id,
        loan_no as loan_id,
        'default' as kind,
        charged_off_date as from_date,
        cast(null as date) as to_date
    from loans
    where charged_off_date is not null and disbursed_date is not null
)

select * from stg_sba__risk_events
