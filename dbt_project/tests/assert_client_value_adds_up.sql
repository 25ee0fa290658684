-- Ratio, points and score of a client agree with each other.
with client_value as (
    select * from {{ ref('client_value') }}
)

select client_id
from client_value
where on_time_num > on_time_den
    or (on_time_den > 0 and abs(on_time_ratio - cast(on_time_num as numeric) / on_time_den) > 0.0000005)
    or (coalesce(on_time_den, 0) = 0) <> (on_time_ratio is null)
    or deal_count_36m > deal_count
    or value_score not between 0 and 100
    or (value_score is null) <> (value_tier = 'NONE')
    or value_score not between least(credit_quality_score, history_score)
    and greatest(credit_quality_score, history_score)
