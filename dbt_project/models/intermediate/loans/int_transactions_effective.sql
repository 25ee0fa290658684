-- What each booking by the release's date does: a reversal takes back what it reverses, with the
-- original's kind and sign -1; a reversal of something not delivered takes back a repayment.
with transactions as (
    select * from {{ ref('stg_canonical__transactions') }}
),

booked as (
    select * from transactions where booked_date <= {{ as_of_date() }}
),

int_transactions_effective as (
    select
        booked.source,
        booked.transaction_id,
        booked.loan_id,
        case
            when booked.kind <> 'reversal' then booked.kind
            else coalesce(original.kind, 'repayment')
        end as kind,
        case when booked.kind = 'reversal' then -1 else 1 end as sign,
        booked.booked_date,
        booked.value_date,
        booked.currency,
        booked.amount,
        coalesce(booked.principal_part, original.principal_part) as principal_part,
        coalesce(booked.interest_part, original.interest_part) as interest_part
    from booked
    left join transactions as original
        on booked.kind = 'reversal' and booked.reverses_transaction_id = original.transaction_id
)

select * from int_transactions_effective
