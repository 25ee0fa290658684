{#- Every effective-dated seed: (seed, columns that name a row, columns with figures or texts). -#}
{%- set parameter_sets = [
    ('ccfs', ['commitment'], ['ccf_ratio']),
    ('csat_scales', ['scale_max'], ['hit_from']),
    ('dpd_buckets', ['dpd_bucket'], ['from_days']),
    ('early_warning_triggers', ['indicator'], ['amber_value', 'red_value']),
    ('ecl_scenarios', ['scenario'], ['weight_ratio', 'hazard_multiple']),
    ('lgds', ['collateral', 'from_days'], ['lgd_ratio', 'haircut_ratio']),
    ('limits', ['dimension', 'basis'], ['limit_ratio']),
    ('pd_curves', ['scale', 'grade', 'horizon_years'], ['cumulative_pd']),
    ('portfolio_parameters', ['parameter'], ['value']),
    ('rating_scales', ['scale', 'grade'], ['notch', 'pd_12m']),
    ('risk_factor_bands', ['factor', 'from_value'], ['points']),
    ('risk_parameters', ['parameter'], ['value']),
    ('satisfaction_parameters', ['parameter'], ['value']),
    ('source_parameters', ['source_name', 'parameter'], ['value_text']),
    ('value_parameters', ['parameter'], ['value']),
] -%}
with in_force as (
    {%- for seed, keys, figures in parameter_sets %}
        {%- for figure in figures %}
            select
                '{{ seed }}' as parameter_set,
                concat_ws(' / ', {{ keys | join(', ') }}) as parameter,
                '{{ figure }}' as figure,
                {{ figure }}::text as value_text,
                valid_from,
                valid_to,
                source
            from {{ ref(seed) }}
            where {{ in_force('valid_from', 'valid_to') }}
            {%- if not loop.last %}
                union all
            {%- endif %}
        {%- endfor %}
    {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
),

parameters as (
    select
        {{ as_of_date() }} as as_of_date,
        parameter_set,
        parameter,
        figure,
        case when pg_input_is_valid(value_text, 'numeric') then cast(value_text as numeric) end
            as value_number,
        value_text,
        valid_from,
        valid_to,
        source,
        source like '%[house]%' as is_house_choice
    from in_force
    where value_text is not null
)

select * from parameters
