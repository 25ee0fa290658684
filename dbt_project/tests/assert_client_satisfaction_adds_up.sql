-- Counts, shares and intervals of a client agree with each other.
with client_satisfaction as (
    select * from {{ ref('client_satisfaction') }}
)

select client_id
from client_satisfaction
where nps_promoter_count + nps_passive_count + nps_detractor_count <> nps_answer_count
    or (nps_answer_count = 0) <> (nps is null)
    or nps_low > nps_high
    or csat_num > csat_den
    or (csat_den = 0) <> (csat_ratio is null)
    or csat_ratio < csat_low_ratio
    or csat_ratio > csat_high_ratio
