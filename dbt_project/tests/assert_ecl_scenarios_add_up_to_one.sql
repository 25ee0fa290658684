-- Weights of the economic scenarios in force.
select sum(weight_ratio) as weights
from {{ ref('ecl_scenarios') }}
where {{ in_force('valid_from', 'valid_to') }}
having sum(weight_ratio) is distinct from 1
