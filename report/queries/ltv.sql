WITH cell AS (
    SELECT *
    FROM unnest((
        SELECT cohort_retention({customer}, {ordered_at}, {amount}, 'quarter', {as_of}, {zone})
        FROM {orders}
        WHERE {ordered_at} < {as_of}
    ))
    WHERE is_complete AND period_index <= 12
)
SELECT cohort, cohort_size, period_index, cumulative_revenue, ltv
FROM cell
WHERE cohort IN (SELECT cohort FROM cell GROUP BY cohort ORDER BY cohort DESC LIMIT 8)
ORDER BY cohort, period_index
