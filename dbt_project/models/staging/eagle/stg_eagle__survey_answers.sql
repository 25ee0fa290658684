-- Star reviews: anonymous, so they count in segments weighted by respondents, never for a client.
with reviews as (
    {{ landed('eagle', 'reviews') }}
),

stg_eagle__survey_answers as (
    select
        review_ref as answer_id,
        cast(null as text) as invitation_id,
        cast(null as text) as client_id,
        cast(null as text) as contact_ref,
        {{ month_start('reviewed_date') }} as wave_month,
        product as touchpoint,
        'OVERALL' as dimension,
        'csat' as metric,
        stars as score,
        1 as scale_min,
        5 as scale_max,
        {{ instant_of('reviewed_date') }} as answered_at,
        true as is_complete
    from reviews
)

select * from stg_eagle__survey_answers
