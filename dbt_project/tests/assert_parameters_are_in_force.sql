-- Every parameter of the seeds has exactly one value on the release's date.
with all_parameters as (
    select 'value_parameters' as seed, parameter, valid_from, valid_to
    from {{ ref('value_parameters') }}
    union all
    select 'risk_parameters', parameter, valid_from, valid_to
    from {{ ref('risk_parameters') }}
    union all
    select 'satisfaction_parameters', parameter, valid_from, valid_to
    from {{ ref('satisfaction_parameters') }}
    union all
    select 'portfolio_parameters', parameter, valid_from, valid_to
    from {{ ref('portfolio_parameters') }}
)

select seed, parameter, count(*) filter (where {{ in_force('valid_from', 'valid_to') }}) as values_in_force
from all_parameters
group by seed, parameter
having count(*) filter (where {{ in_force('valid_from', 'valid_to') }}) <> 1
