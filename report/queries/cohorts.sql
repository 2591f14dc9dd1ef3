SELECT cohort, cohort_size, period_index, retained, rate
FROM unnest((
    SELECT cohort_retention({customer}, {ordered_at}, {amount}, 'month', {as_of}, {zone})
    FROM {orders}
    WHERE {ordered_at} < {as_of}
)) AS cell
WHERE period_index BETWEEN 1 AND 12 AND is_complete
  AND cohort >= date_trunc('month', timestamptz {as_of} AT TIME ZONE {zone} - interval '14 months')
ORDER BY cohort, period_index
