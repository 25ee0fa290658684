with int_coverage_declared as (
    {{ declared_coverage() }}
)

select * from int_coverage_declared
