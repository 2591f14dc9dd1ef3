-- by the end of which day what share had ordered again; who has not yet counts as long as we know
SELECT floor(day) AS day, at_risk, events AS second_orders,
       1 - survival AS share, 1 - ci_high AS share_low, 1 - ci_low AS share_high
FROM survival_curve((
    SELECT repeat_survival({customer}, {ordered_at}, {as_of}) FILTER (WHERE {amount} > 0 IS NOT FALSE)
    FROM {orders}
))
WHERE day <= 365
ORDER BY day
