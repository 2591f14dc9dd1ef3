-- days with an order: those that came, and those to come; the last row is the total of the year to come
SELECT date_trunc('month', day)::date AS period_start, count(*) AS came,
       NULL::float8 AS orders_existing, NULL::float8 AS orders_new_first, NULL::float8 AS orders_new_repeat,
       NULL::float8 AS expected_orders, NULL::float8 AS low, NULL::float8 AS high, sum(revenue) AS revenue
FROM (
    SELECT {customer}, ({ordered_at} AT TIME ZONE {zone})::date AS day, sum({amount}) AS revenue
    FROM {orders}
    WHERE {customer} IS NOT NULL AND {amount} > 0 IS NOT FALSE AND {ordered_at} < {as_of}
      AND {ordered_at} >= date_trunc('month', timestamptz {as_of} AT TIME ZONE {zone} - interval '13 months') AT TIME ZONE {zone}
    GROUP BY 1, 2
) AS order_day
GROUP BY 1
UNION ALL
SELECT period_start, NULL, orders_existing, orders_new_first, orders_new_repeat, orders, low, high, revenue
FROM forecast({source}, horizon => '365 days', as_of => {as_of}{options})
WHERE orders IS NOT NULL
ORDER BY period_start NULLS LAST, came NULLS LAST
