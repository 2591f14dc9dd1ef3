WITH cell AS (
    SELECT *
    FROM unnest((
        SELECT cohort_retention({customer}, {ordered_at}, {amount}, 'month', {as_of}, {zone})
        FROM {orders}
        WHERE {ordered_at} < {as_of}
    ))
    WHERE period_index BETWEEN 1 AND 12 AND is_complete
)
SELECT cohort, cohort_size, period_index, retained, rate
FROM cell
WHERE cohort IN (SELECT cohort FROM cell GROUP BY cohort ORDER BY cohort DESC LIMIT 13)
ORDER BY cohort, period_index
