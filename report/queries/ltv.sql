SELECT cohort, cohort_size, period_index, cumulative_revenue, ltv
FROM unnest((
    SELECT cohort_retention({customer}, {ordered_at}, {amount}, 'quarter', {as_of}, {zone})
    FROM {orders}
    WHERE {ordered_at} < {as_of}
)) AS cell
WHERE is_complete AND cohort >= date_trunc('quarter', timestamptz {as_of} AT TIME ZONE {zone} - interval '24 months')
ORDER BY cohort, period_index
