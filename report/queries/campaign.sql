SELECT arm, metric, customers, eligible, value, control_value, difference, ci_low, ci_high, incremental, p_value
FROM unnest((
    SELECT uplift(assigned.customer_id, assigned.arm, assigned.assigned_at, orders.ordered_at, orders.amount,
                  'control', '30 days', '365 days', {as_of})
    FROM {campaign} AS assigned
         LEFT JOIN (
             SELECT {customer} AS customer_id, {ordered_at} AS ordered_at, {amount} AS amount
             FROM {campaign_orders}
         ) AS orders USING (customer_id)
)) AS effect
WHERE arm <> 'control'
ORDER BY arm, metric
