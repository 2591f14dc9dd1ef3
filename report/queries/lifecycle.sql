SELECT period_start, active_customers, new_customers, returning_customers, resurrected_customers,
       dormant_customers, dormant_rate, quick_ratio, is_complete
FROM unnest((
    SELECT lifecycle({customer}, {ordered_at}, 'month', {as_of}, {zone}) FILTER (WHERE {amount} > 0 IS NOT FALSE)
    FROM {orders}
)) AS month
WHERE period_start >= date_trunc('month', timestamptz {as_of} AT TIME ZONE {zone} - interval '13 months')
  AND period_start < timestamptz {as_of} AT TIME ZONE {zone}
ORDER BY period_start
