-- One project with the first borrower named for it; a project may have many loans.
with statements as (
    {{ landed('ibrd', 'statements') }}
),

stg_ibrd__projects as (
    select
        project_id,
        min(md5(concat_ws('|', country_code, coalesce(borrower, country)))) as client_id,
        min(coalesce(guarantor, borrower)) as sponsor,
        cast(null as text) as phase,
        min(approved_date) as start_date,
        max(closed_date) as completion_date,
        max(last_repayment_date) as end_date
    from statements
    where project_id is not null
    group by project_id
)

select * from stg_ibrd__projects
