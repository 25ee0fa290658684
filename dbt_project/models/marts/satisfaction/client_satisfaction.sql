with clients as (
    select * from {{ ref('clients') }}
),

nps as (
    select * from {{ ref('int_client_nps') }}
),

csat as (
    select * from {{ ref('int_client_csat') }}
),

parameters as (
    {{ parameters_in_force('satisfaction_parameters', ['publishable_count']) }}
),

client_satisfaction as (
    select
        clients.as_of_date,
        clients.client_id,
        clients.group_id,
        clients.client_type,
        clients.industry_code,
        clients.region,
        clients.relationship_manager_id,
        cast(coalesce(nps.answer_count, 0) as integer) as nps_answer_count,
        cast(coalesce(nps.promoter_count, 0) as integer) as nps_promoter_count,
        cast(coalesce(nps.passive_count, 0) as integer) as nps_passive_count,
        cast(coalesce(nps.detractor_count, 0) as integer) as nps_detractor_count,
        {{ round_half_even('nps.nps', 2) }} as nps,
        {{ round_half_even('nps.standard_error', 4) }} as nps_standard_error,
        {{ round_half_even('nps.nps_low', 2) }} as nps_low,
        {{ round_half_even('nps.nps_high', 2) }} as nps_high,
        coalesce(nps.answer_count >= parameters.publishable_count, false) as is_nps_publishable,
        cast(coalesce(csat.csat_num, 0) as integer) as csat_num,
        cast(coalesce(csat.csat_den, 0) as integer) as csat_den,
        {{ round_half_even('csat.csat_ratio', 6) }} as csat_ratio,
        {{ round_half_even('csat.csat_low_ratio', 6) }} as csat_low_ratio,
        {{ round_half_even('csat.csat_high_ratio', 6) }} as csat_high_ratio,
        {{ round_half_even('csat.csat_mean', 4) }} as csat_mean,
        coalesce(csat.csat_den >= parameters.publishable_count, false) as is_csat_publishable,
        {{ reasons({
            'NO_ANSWERS': 'nps.client_id is null and csat.client_id is null',
            'NO_CRM_MATCH': 'not clients.has_crm_record',
        }) }} as insufficient_reason
    from clients
    left join nps on clients.client_id = nps.client_id
    left join csat on clients.client_id = csat.client_id
    cross join parameters
)

select * from client_satisfaction
