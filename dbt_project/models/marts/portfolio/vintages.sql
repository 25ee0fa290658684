with aged as (
    select * from {{ ref('int_loans_aged') }}
),

parameters as (
    {{ parameters_in_force('portfolio_parameters', ['history_months']) }}
),

cohorts as (
    select cohort_date, loan_count, principal_base_amount
    from aged
    group by cohort_date, loan_count, principal_base_amount
),

grid as (
    select cohorts.*, books.months_on_book
    from cohorts
    cross join parameters
    cross join lateral generate_series(0, cast(parameters.history_months as integer)) as books (months_on_book)
),

vintages as (
    select
        {{ as_of_date() }} as as_of_date,
        {{ month_start('grid.cohort_date') }} as cohort_month,
        grid.months_on_book,
        aged.month_end as observed_date,
        cast(grid.loan_count as integer) as cohort_loan_count,
        grid.principal_base_amount as cohort_principal_base_amount,
        cast(aged.ever_bad_count as integer) as ever_90_num,
        cast(aged.loan_count as integer) as ever_90_den,
        {{ round_half_even(ratio('aged.ever_bad_count', 'aged.loan_count'), 6) }} as ever_90_ratio,
        aged.ever_bad_base_amount as ever_90_base_num,
        aged.principal_base_amount as ever_90_base_den,
        {{ round_half_even(ratio('aged.ever_bad_base_amount', 'aged.principal_base_amount'), 6) }}
            as ever_90_base_ratio,
        cast(aged.current_bad_count as integer) as current_90_num,
        cast(aged.loan_count as integer) as current_90_den,
        {{ round_half_even(ratio('aged.current_bad_count', 'aged.loan_count'), 6) }}
            as current_90_ratio,
        aged.current_bad_base_amount as current_90_base_num,
        {{ round_half_even(ratio('aged.current_bad_base_amount', 'aged.principal_base_amount'), 6) }}
            as current_90_base_ratio
    from grid
    left join aged
        on grid.cohort_date = aged.cohort_date and grid.months_on_book = aged.months_on_book
)

select * from vintages
