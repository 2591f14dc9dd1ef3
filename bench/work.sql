-- work.sql: what is measured, one row for each. How the columns are meant is in
-- race.sql, and why these are the rivals in README.md.
--
-- The customers' present is 2025-01-01, the end of the data. Every sql and tuned
-- answers what `ours` is defined to answer: refunds, zero rows and NULL amounts count
-- as the documentation says, rows outside the period do not count.

INSERT INTO bench.work (section, name, scan, ours, sql, tuned, most_scans, least_speedup) VALUES

('serial', 'repeat_rate, bigint',
'SELECT count(customer_id) FROM orders',
'SELECT repeat_rate(customer_id) FROM orders',
'SELECT avg((n >= 2)::int)::float8
 FROM (SELECT count(*) AS n FROM orders GROUP BY customer_id) AS c',
'SELECT avg((n >= 2)::int)::float8
 FROM (SELECT count(*) AS n FROM (SELECT customer_id FROM orders ORDER BY customer_id) AS o
       GROUP BY customer_id) AS c',
1.6, 5),

('serial', 'funnel of three steps',
$$SELECT count(customer_id), max(ordered_at), max(amount) FROM orders$$,
$$SELECT step, customers::float8, eligible::float8, reached::float8, median_seconds
 FROM unnest((SELECT funnel(customer_id, ordered_at, ARRAY[amount > 50, amount > 0 AND amount <= 50, amount < 0], '60 days', '2025-01-01') FROM orders))$$,
-- the first later row of the next step, read off backwards
$$WITH kinds AS (
   SELECT customer_id, ordered_at AS at, CASE WHEN amount > 50 THEN 1 WHEN amount > 0 THEN 2 ELSE 3 END AS kind
   FROM orders WHERE amount <> 0 AND ordered_at < '2025-01-01' AND customer_id IS NOT NULL),
 third AS (
   SELECT *, min(at) FILTER (WHERE kind = 3) OVER w AS at3 FROM kinds
   WINDOW w AS (PARTITION BY customer_id ORDER BY at DESC, kind DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)),
 second AS (
   SELECT customer_id, at, kind, min(at) FILTER (WHERE kind = 2) OVER w AS at2, min(at3) FILTER (WHERE kind = 2) OVER w AS at3 FROM third
   WINDOW w AS (PARTITION BY customer_id ORDER BY at DESC, kind DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)),
 attempt AS (
   SELECT customer_id, at, CASE WHEN at2 < at + interval '60 days' THEN at2 END AS at2, CASE WHEN at3 < at + interval '60 days' THEN at3 END AS at3,
          at + interval '60 days' <= '2025-01-01' AS is_over FROM second WHERE kind = 1),
 customer AS (
   SELECT customer_id, max(1 + (at2 IS NOT NULL)::int + (at3 IS NOT NULL)::int) AS depth FROM attempt GROUP BY customer_id),
 best AS (
   SELECT DISTINCT ON (customer_id) * FROM attempt WHERE is_over
   ORDER BY customer_id, (at3 IS NOT NULL) DESC, (at2 IS NOT NULL) DESC, at)
 SELECT step, (SELECT count(*) FROM customer WHERE depth >= step)::float8, (SELECT count(*) FROM best)::float8, reached::float8, median
 FROM (SELECT 1, count(*), NULL FROM best
       UNION ALL SELECT 2, count(at2), percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM at2 - at)::float8) FROM best
       UNION ALL SELECT 3, count(at3), percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM at3 - at2)::float8) FROM best) AS f (step, reached, median)$$,
NULL,
NULL, 3),

('serial', 'repeat_rate, text of 9 bytes',
'SELECT count(customer_id) FROM orders_text',
'SELECT repeat_rate(customer_id) FROM orders_text',
'SELECT avg((n >= 2)::int)::float8
 FROM (SELECT count(*) AS n FROM orders_text GROUP BY customer_id) AS c',
NULL,
NULL, 2.5),

('serial', 'repeat_rate, text of 29 bytes',
'SELECT count(customer_id) FROM orders_email',
'SELECT repeat_rate(customer_id) FROM orders_email',
'SELECT avg((n >= 2)::int)::float8
 FROM (SELECT count(*) AS n FROM orders_email GROUP BY customer_id) AS c',
NULL,
NULL, 2.5),

('serial', 'repeat_rate, uuid',
'SELECT count(customer_id) FROM orders_uuid',
'SELECT repeat_rate(customer_id) FROM orders_uuid',
'SELECT avg((n >= 2)::int)::float8
 FROM (SELECT count(*) AS n FROM orders_uuid GROUP BY customer_id) AS c',
NULL,
NULL, 2.5),

('serial', 'repeat_rate, of a year',
'SELECT max(customer_id), max(ordered_at) FROM orders',
$$SELECT repeat_rate(customer_id, ordered_at, '1 year', '2025-01-01') FROM orders$$,
$$SELECT avg((n >= 2)::int)::float8
  FROM (SELECT count(*) FILTER (WHERE ordered_at >= timestamptz '2025-01-01' - interval '1 year') AS n
        FROM orders WHERE ordered_at < '2025-01-01' GROUP BY customer_id) AS c$$,
$$SELECT (SELECT count(*)
          FROM (SELECT
                FROM (SELECT customer_id FROM orders
                      WHERE ordered_at >= timestamptz '2025-01-01' - interval '1 year' AND ordered_at < '2025-01-01'
                      ORDER BY customer_id) AS o
                GROUP BY customer_id HAVING count(*) >= 2) AS c)::float8
       / (SELECT count(DISTINCT customer_id) FROM orders WHERE ordered_at < '2025-01-01')$$,
NULL, NULL),

('serial', 'second_order_rate',
'SELECT max(customer_id), max(ordered_at) FROM orders',
$$SELECT second_order_rate(customer_id, ordered_at, '90 days', '2025-01-01') FROM orders$$,
$$SELECT avg((second IS NOT NULL AND second < first + interval '90 days')::int)::float8
  FROM (SELECT times[1] AS first, times[2] AS second
        FROM (SELECT array_agg(ordered_at ORDER BY ordered_at) AS times
              FROM orders WHERE ordered_at < '2025-01-01' GROUP BY customer_id) AS c) AS c
  WHERE first + interval '90 days' <= '2025-01-01'$$,
NULL,
NULL, NULL),

('serial', 'churn_rate',
'SELECT max(customer_id), max(ordered_at) FROM orders',
$$SELECT churn_rate(customer_id, ordered_at, '180 days', '2024-07-01', '2025-01-01') FROM orders$$,
$$SELECT avg((last < timestamptz '2025-01-01' - interval '180 days')::int)::float8
  FROM (SELECT min(ordered_at) AS first, max(ordered_at) AS last FROM orders
        WHERE ordered_at >= timestamptz '2024-07-01' - interval '180 days' AND ordered_at < '2025-01-01'
        GROUP BY customer_id) AS c
  WHERE first < '2024-07-01'$$,
NULL,
1.8, 3),

-- what shards do with their own customers (docs/distributed.md)
('serial', 'churn_rate, sealed for each customer',
'SELECT max(customer_id), max(ordered_at) FROM orders',
$$SELECT churn_rate(rollup(seal(s)))
  FROM (SELECT customer_id, churn_rate_state(customer_id, ordered_at, '180 days', '2024-07-01', '2025-01-01') AS s
        FROM orders GROUP BY customer_id) AS q$$,
$$SELECT avg((last < timestamptz '2025-01-01' - interval '180 days')::int)::float8
  FROM (SELECT min(ordered_at) AS first, max(ordered_at) AS last FROM orders
        WHERE ordered_at >= timestamptz '2024-07-01' - interval '180 days' AND ordered_at < '2025-01-01'
        GROUP BY customer_id) AS c
  WHERE first < '2024-07-01'$$,
NULL,
NULL, NULL),

('serial', 'inactive_rate',
'SELECT max(customer_id), max(ordered_at) FROM orders',
$$SELECT inactive_rate(customer_id, ordered_at, '180 days', '2025-01-01') FROM orders$$,
$$SELECT avg((last < timestamptz '2025-01-01' - interval '180 days')::int)::float8
  FROM (SELECT max(ordered_at) AS last FROM orders
        WHERE ordered_at < '2025-01-01' GROUP BY customer_id) AS c$$,
$$SELECT 1 - count(DISTINCT customer_id) FILTER (WHERE ordered_at >= timestamptz '2025-01-01' - interval '180 days')::float8
           / count(DISTINCT customer_id)
  FROM orders WHERE ordered_at < '2025-01-01'$$,
1.8, 3),

('serial', 'gross_ and net_revenue_retention',
'SELECT max(customer_id), max(ordered_at), max(amount) FROM orders',
$$SELECT gross_revenue_retention(customer_id, ordered_at, amount, '1 year', '2025-01-01'),
         net_revenue_retention(customer_id, ordered_at, amount, '1 year', '2025-01-01') FROM orders$$,
$$SELECT (sum(least(before, greatest(now, 0))) / sum(before))::float8, (sum(now) / sum(before))::float8
  FROM (SELECT sum(amount) FILTER (WHERE ordered_at < timestamptz '2025-01-01' - interval '1 year') AS before,
               coalesce(sum(amount) FILTER (WHERE ordered_at >= timestamptz '2025-01-01' - interval '1 year'), 0) AS now
        FROM orders
        WHERE ordered_at >= timestamptz '2025-01-01' - interval '2 years' AND ordered_at < '2025-01-01'
        GROUP BY customer_id) AS c
  WHERE before > 0$$,
NULL,
2, 2),

('serial', 'aov',
'SELECT max(amount) FROM orders',
'SELECT aov(amount)::float8 FROM orders',
'SELECT (sum(amount) / count(*) FILTER (WHERE amount > 0 OR amount IS NULL))::float8 FROM orders',
NULL,
NULL, NULL),

('serial', 'purchase_frequency',
'SELECT max(customer_id), max(amount) FROM orders',
'SELECT purchase_frequency(customer_id, amount) FROM orders',
'SELECT count(*)::float8 / count(DISTINCT customer_id) FROM orders WHERE amount > 0 OR amount IS NULL',
NULL,
NULL, NULL),

('serial', 'customer_value',
'SELECT max(customer_id), max(amount) FROM orders',
'SELECT customer_value(customer_id, amount)::float8 FROM orders',
'SELECT (sum(amount) / count(DISTINCT customer_id) FILTER (WHERE amount > 0 OR amount IS NULL))::float8 FROM orders',
NULL,
NULL, NULL),

('serial', 'clv',
'SELECT max(customer_id), max(ordered_at), max(amount) FROM orders',
$$SELECT clv(customer_id, ordered_at, amount, '1 year', '3 years', '2025-01-01')::float8 FROM orders$$,
$$SELECT (sum(amount) / count(DISTINCT customer_id) FILTER (WHERE amount > 0 OR amount IS NULL) * 3)::float8
  FROM orders WHERE ordered_at >= timestamptz '2025-01-01' - interval '1 year' AND ordered_at < '2025-01-01'$$,
NULL,
2, 2),

('serial', 'repeat_rate by country',
'SELECT country, count(customer_id) FROM orders GROUP BY country',
'SELECT country, repeat_rate(customer_id) FROM orders GROUP BY country',
'SELECT country, avg((n >= 2)::int)::float8
 FROM (SELECT country, count(*) AS n FROM orders GROUP BY country, customer_id) AS c GROUP BY country',
NULL,
NULL, NULL),

('serial', 'clv by country',
'SELECT country, max(customer_id), max(ordered_at), max(amount) FROM orders GROUP BY country',
$$SELECT country, clv(customer_id, ordered_at, amount, '1 year', '3 years', '2025-01-01')::float8
  FROM orders GROUP BY country$$,
$$SELECT country, (sum(amount) / count(DISTINCT customer_id) FILTER (WHERE amount > 0 OR amount IS NULL) * 3)::float8
  FROM orders WHERE ordered_at >= timestamptz '2025-01-01' - interval '1 year' AND ordered_at < '2025-01-01'
  GROUP BY country$$,
NULL,
NULL, NULL),

('serial', 'repeat_rate by month',
$$SELECT date_trunc('month', ordered_at, 'UTC') AS month, count(customer_id) FROM orders GROUP BY month$$,
$$SELECT date_trunc('month', ordered_at, 'UTC') AS month, repeat_rate(customer_id) FROM orders GROUP BY month$$,
$$SELECT month, avg((n >= 2)::int)::float8
  FROM (SELECT date_trunc('month', ordered_at, 'UTC') AS month, count(*) AS n
        FROM orders GROUP BY month, customer_id) AS c GROUP BY month$$,
NULL,
NULL, NULL),

-- each month's own forecast; the month is (start, end], as every period of ours
('serial', 'clv by month',
$$SELECT date_trunc('month', ordered_at, 'UTC') AS month, max(customer_id), max(ordered_at), max(amount)
  FROM orders GROUP BY month$$,
$$SELECT month, clv(customer_id, ordered_at, amount, '1 month', '1 year', month + interval '1 month')::float8
  FROM (SELECT date_trunc('month', ordered_at, 'UTC') AS month, * FROM orders) AS o GROUP BY month$$,
$$SELECT month, (sum(amount) / count(DISTINCT customer_id) FILTER (WHERE amount > 0 OR amount IS NULL) * 12)::float8
  FROM (SELECT date_trunc('month', ordered_at, 'UTC') AS month, * FROM orders) AS o
  WHERE ordered_at > month GROUP BY month$$,
NULL,
NULL, NULL);

-- An index on the customer serves SQL that reads it in order, if the table is well
-- vacuumed. The server does not find that plan by itself.
INSERT INTO bench.work (section, name, indexed, scan, ours, sql, tuned)
SELECT section, name || ', indexed', 'customer_id', scan, ours, sql, tuned
FROM bench.work WHERE name = 'repeat_rate, bigint';

-- the customers of the orders, as rfm_score meets them
INSERT INTO bench.work (section, name, scan, ours, sql, tuned, least_speedup) VALUES
('serial', 'rfm_score of all customers',
'SELECT max(last_order_at), max(orders), max(monetary) FROM customer_purchases',
'SELECT sum(cell::int)::float8 FROM (SELECT rfm_score(last_order_at, orders, monetary) OVER () AS cell FROM customer_purchases) AS c',
'SELECT sum((r || f || m)::int)::float8
 FROM (SELECT greatest(1, 5 - floor(5 * percent_rank() OVER (ORDER BY last_order_at DESC)))::text AS r,
              least(5, 1 + floor(5 * percent_rank() OVER (ORDER BY orders)))::text AS f,
              least(5, 1 + floor(5 * percent_rank() OVER (ORDER BY monetary)))::text AS m
       FROM customer_purchases) AS c',
NULL,
4),

('serial', 'quantile_score of all customers',
'SELECT max(monetary) FROM customer_purchases',
'SELECT sum(s)::float8 FROM (SELECT quantile_score(monetary) OVER () AS s FROM customer_purchases) AS c',
'SELECT sum(s)::float8 FROM (SELECT least(5, 1 + floor(5 * percent_rank() OVER (ORDER BY monetary))) AS s FROM customer_purchases) AS c',
NULL,
NULL);

-- All checks, each of which SQL would have to scan and group for. Four of them, and with
-- ids of orders five, are what ours is compared in.
INSERT INTO bench.work (section, name, scan, ours, sql, most_scans) VALUES
('serial', 'retention_check',
'SELECT max(customer_id), max(ordered_at), max(amount) FROM orders',
$$SELECT check_name::text, affected_rows::float8 FROM retention_check('orders', 'customer_id', 'ordered_at', 'amount', as_of => '2025-01-01')
  WHERE check_name IN ('null_amount', 'refund_exceeds_purchases', 'same_instant_rows', 'zero_amount')$$,
$$SELECT 'null_amount', count(*)::float8 FROM orders WHERE amount IS NULL
  UNION ALL SELECT 'zero_amount', count(*) FROM orders WHERE amount = 0
  UNION ALL SELECT 'refund_exceeds_purchases', count(*) FROM (SELECT FROM orders WHERE ordered_at < '2025-01-01' GROUP BY customer_id HAVING sum(amount) < 0) AS c
  UNION ALL SELECT 'same_instant_rows', coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM orders GROUP BY customer_id, ordered_at HAVING count(*) > 1) AS c$$,
5),

('serial', 'retention_check with ids of orders',
'SELECT max(customer_id), max(ordered_at), max(amount), max(order_id) FROM orders',
$$SELECT check_name::text, affected_rows::float8 FROM retention_check('orders', 'customer_id', 'ordered_at', 'amount', 'order_id', as_of => '2025-01-01')
  WHERE check_name IN ('null_amount', 'refund_exceeds_purchases', 'same_instant_rows', 'zero_amount', 'duplicate_order_id')$$,
$$SELECT 'null_amount', count(*)::float8 FROM orders WHERE amount IS NULL
  UNION ALL SELECT 'zero_amount', count(*) FROM orders WHERE amount = 0
  UNION ALL SELECT 'refund_exceeds_purchases', count(*) FROM (SELECT FROM orders WHERE ordered_at < '2025-01-01' GROUP BY customer_id HAVING sum(amount) < 0) AS c
  UNION ALL SELECT 'same_instant_rows', coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM orders GROUP BY customer_id, ordered_at HAVING count(*) > 1) AS c
  UNION ALL SELECT 'duplicate_order_id', coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM orders GROUP BY order_id HAVING count(*) > 1) AS c$$,
5);

-- Every column of rfm_segments, by hand: one row per customer, scored by its rank
-- (percent_rank() would do, if its rounding did) and named by the standard grid. What
-- the outer query sums up keeps the server from leaving a column out.
INSERT INTO bench.work (section, name, scan, ours, sql, least_speedup, least_gain)
SELECT section, 'rfm_segments of all orders',
'SELECT max(customer_id), max(ordered_at), max(amount) FROM orders',
format(result, $$rfm_segments(NULL::bigint, 'orders', 'customer_id', 'ordered_at', 'amount', '2025-01-01')$$),
format(result, $$(
  SELECT customer, first_order_at, last_order_at,
         extract(epoch FROM timestamptz '2025-01-01' - last_order_at)::float8 / 86400 AS recency_days,
         orders, monetary, monetary / orders AS aov, r, f, m, concat(r, f, m) AS cell,
         CASE r WHEN 5 THEN CASE (f + m + 1) / 2 WHEN 1 THEN 'new_customers' WHEN 2 THEN 'potential_loyalist' WHEN 3 THEN 'potential_loyalist' ELSE 'champions' END
                WHEN 4 THEN CASE (f + m + 1) / 2 WHEN 1 THEN 'promising' WHEN 2 THEN 'potential_loyalist' WHEN 3 THEN 'potential_loyalist' ELSE 'champions' END
                WHEN 3 THEN CASE (f + m + 1) / 2 WHEN 1 THEN 'about_to_sleep' WHEN 2 THEN 'about_to_sleep' WHEN 3 THEN 'need_attention' ELSE 'loyal' END
                WHEN 2 THEN CASE (f + m + 1) / 2 WHEN 1 THEN 'hibernating' WHEN 2 THEN 'hibernating' ELSE 'at_risk' END
                ELSE CASE (f + m + 1) / 2 WHEN 1 THEN 'lost' WHEN 2 THEN 'hibernating' WHEN 3 THEN 'at_risk' ELSE 'cant_lose' END
         END AS segment
  FROM (SELECT *, greatest(1, 5 - 5 * (rank() OVER (ORDER BY last_order_at DESC) - 1) / nullif(count(*) OVER () - 1, 0))::int AS r,
               least(5, 1 + 5 * (rank() OVER (ORDER BY orders) - 1) / nullif(count(*) OVER () - 1, 0))::int AS f,
               least(5, 1 + 5 * (rank() OVER (ORDER BY monetary) - 1) / nullif(count(monetary) OVER () - 1, 0))::int AS m
        FROM (SELECT customer_id AS customer,
                     min(ordered_at) FILTER (WHERE amount > 0 OR amount IS NULL) AS first_order_at,
                     max(ordered_at) FILTER (WHERE amount > 0 OR amount IS NULL) AS last_order_at,
                     count(*) FILTER (WHERE amount > 0 OR amount IS NULL) AS orders,
                     sum(amount) AS monetary
              FROM orders WHERE ordered_at < '2025-01-01' GROUP BY customer_id) AS c
        WHERE orders > 0) AS c) AS s$$),
4, NULL
FROM unnest(ARRAY['serial', 'parallel']) AS section,
     (VALUES ($$SELECT sum(customer)::float8, count(first_order_at), count(last_order_at), sum(recency_days), sum(orders)::float8,
       sum(monetary)::float8, sum(aov)::float8, sum(r), sum(f), sum(m), sum(cell::int), count(segment) FILTER (WHERE segment <> 'lost')
FROM %s WHERE monetary IS NOT NULL$$)) AS q (result);

-- Rows: every number of the triangle that is not zero. The SQL joins each order with
-- its customer's first; grouping by customer and month first is slower.
INSERT INTO bench.work (section, name, scan, ours, sql, least_speedup) VALUES
('serial', 'cohort_retention by month',
'SELECT max(customer_id), max(ordered_at), max(amount) FROM orders',
$$SELECT cohort::text, period_index, retained_so_far, orders, revenue::float8
  FROM unnest((SELECT cohort_retention(customer_id, ordered_at, amount, 'month', '2025-01-01', 'UTC') FROM orders))
  WHERE orders > 0$$,
$$SELECT cohort::date::text, (extract(year FROM month) * 12 + extract(month FROM month) - extract(year FROM cohort) * 12 - extract(month FROM cohort))::int,
         active, orders, revenue::float8
  FROM (SELECT date_trunc('month', first AT TIME ZONE 'UTC') AS cohort, date_trunc('month', ordered_at AT TIME ZONE 'UTC') AS month,
               count(DISTINCT customer_id) FILTER (WHERE amount > 0 OR amount IS NULL) AS active,
               count(*) FILTER (WHERE amount > 0 OR amount IS NULL) AS orders, sum(amount) AS revenue
        FROM orders
        JOIN (SELECT customer_id, min(ordered_at) FILTER (WHERE amount > 0 OR amount IS NULL) AS first
              FROM orders WHERE ordered_at < '2025-01-01' GROUP BY customer_id) AS c USING (customer_id)
        WHERE ordered_at >= first AND ordered_at < '2025-01-01'
        GROUP BY 1, 2) AS t
  WHERE orders > 0$$,
5),

('serial', 'lifecycle by month',
'SELECT max(customer_id), max(ordered_at) FROM orders',
$$SELECT period_start::text, active_customers, new_customers, returning_customers
  FROM unnest((SELECT lifecycle(customer_id, ordered_at, 'month', '2025-01-01', 'UTC') FROM orders)) WHERE active_customers > 0$$,
$$SELECT month::date::text, count(*), count(*) FILTER (WHERE before IS NULL), count(*) FILTER (WHERE before = month - interval '1 month')
  FROM (SELECT customer_id, month, lag(month) OVER (PARTITION BY customer_id ORDER BY month) AS before
        FROM (SELECT DISTINCT customer_id, date_trunc('month', ordered_at AT TIME ZONE 'UTC') AS month
              FROM orders WHERE ordered_at < '2025-01-01') AS m) AS m
  GROUP BY month$$,
NULL),

('serial', 'rolling_retention, 12 times 30 days',
'SELECT max(customer_id), max(ordered_at) FROM orders',
$$SELECT period_index, eligible, retained
  FROM unnest((SELECT rolling_retention(customer_id, ordered_at, '30 days', 12, '2025-01-01') FROM orders)) WHERE retained > 0$$,
$$SELECT i, (SELECT count(*) FROM (SELECT min(ordered_at) AS first FROM orders WHERE ordered_at < '2025-01-01' GROUP BY customer_id) AS c
             WHERE first + (i + 1) * interval '30 days' <= '2025-01-01'),
         count(DISTINCT customer_id)
  FROM (SELECT customer_id, first, floor(extract(epoch FROM ordered_at - first) / 2592000)::int AS i
        FROM (SELECT customer_id, ordered_at, min(ordered_at) OVER (PARTITION BY customer_id) AS first
              FROM orders WHERE ordered_at < '2025-01-01') AS o) AS o
  WHERE i <= 12 AND first + (i + 1) * interval '30 days' <= '2025-01-01'
  GROUP BY i$$,
NULL),

('serial', 'repeat_by_order_number, 10 numbers',
'SELECT max(customer_id), max(ordered_at) FROM orders',
$$SELECT order_number, customers, repurchased, median_days_to_next
  FROM unnest((SELECT repeat_by_order_number(customer_id, ordered_at, 10, '2025-01-01') FROM orders))$$,
$$SELECT n, count(*), count(next), percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM next - ordered_at)::float8 / 86400)
  FROM (SELECT ordered_at, row_number() OVER w AS n, lead(ordered_at) OVER w AS next
        FROM orders WHERE ordered_at < '2025-01-01' WINDOW w AS (PARTITION BY customer_id ORDER BY ordered_at)) AS o
  WHERE n <= 10 GROUP BY n$$,
NULL),

('serial', 'repeat_survival',
'SELECT max(customer_id), max(ordered_at) FROM orders',
$$SELECT day::int, events, censored FROM survival_curve((SELECT repeat_survival(customer_id, ordered_at, '2025-01-01') FROM orders))$$,
$$SELECT floor(extract(epoch FROM coalesce(second, timestamptz '2025-01-01' - interval '1 microsecond') - first) / 86400)::int AS day, count(second), count(*) - count(second)
  FROM (SELECT times[1] AS first, times[2] AS second
        FROM (SELECT array_agg(ordered_at ORDER BY ordered_at) AS times
              FROM orders WHERE ordered_at < '2025-01-01' GROUP BY customer_id) AS c) AS c
  GROUP BY day$$,
NULL);

-- Proof and money. An experiment on everybody who has ordered, by a rule: no join, so that
-- the aggregate is measured and not what brings its rows. The SQL counts each customer and
-- then each arm; it has means, variances and the adjustment, and no intervals.
INSERT INTO bench.work (section, name, scan, ours, sql, tuned, most_scans, least_speedup) VALUES
('serial', 'uplift of two arms',
'SELECT max(customer_id), max(ordered_at), max(amount) FROM orders',
$$SELECT arm, metric, eligible, round(value::numeric, 6)::float8, round(std_error::numeric, 6)::float8
  FROM unnest((SELECT uplift(customer_id, CASE WHEN customer_id % 10 = 0 THEN 'control' ELSE 'mail' END, timestamptz '2024-06-01', ordered_at, amount,
                             'control', '90 days', '180 days', '2025-01-01') FROM orders))
  WHERE arm = 'mail'$$,
$$WITH customer AS (
      SELECT customer_id % 10 = 0 AS is_control,
             count(*) FILTER (WHERE ordered_at >= '2024-06-01' AND ordered_at < timestamptz '2024-06-01' + interval '90 days' AND (amount > 0 OR amount IS NULL)) AS o,
             coalesce(sum(amount) FILTER (WHERE ordered_at >= '2024-06-01' AND ordered_at < timestamptz '2024-06-01' + interval '90 days'), 0)::float8 AS y,
             coalesce(sum(amount) FILTER (WHERE ordered_at < '2024-06-01' AND ordered_at >= timestamptz '2024-06-01' - interval '180 days'), 0)::float8 AS x
      FROM orders GROUP BY customer_id
  ), arm AS (
      SELECT is_control, count(*) AS n, avg((o > 0)::int)::float8 AS p, avg(o)::float8 AS o, var_samp(o)::float8 AS vo, avg(y) AS y, var_samp(y) AS vy, avg(x) AS x,
             regr_sxy(y, x) AS sxy, regr_sxx(y, x) AS sxx
      FROM customer GROUP BY is_control
  ), adjusted AS (
      SELECT *, y - theta * (x - mean_x) AS z, vy + (theta * theta * sxx - 2 * theta * sxy) / (n - 1) AS vz
      FROM (SELECT *, sum(sxy) OVER () / sum(sxx) OVER () AS theta, sum(n * x) OVER () / sum(n) OVER () AS mean_x FROM arm) AS a)
  SELECT 'mail', metric, t.n, round(value::numeric, 6)::float8, round(sqrt(vt / t.n + vc / c.n)::numeric, 6)::float8
  FROM adjusted AS t, adjusted AS c,
       LATERAL (VALUES ('conversion', t.p, t.p * (1 - t.p), c.p * (1 - c.p)), ('orders', t.o, t.vo, c.vo), ('revenue', t.y, t.vy, c.vy), ('revenue_adjusted', t.z, t.vz, c.vz)) AS m (metric, value, vt, vc)
  WHERE NOT t.is_control AND c.is_control$$,
NULL,
NULL, 3),

('serial', 'gap_survival',
'SELECT max(customer_id), max(ordered_at) FROM orders',
$$SELECT day::int, events, censored FROM survival_curve((SELECT gap_survival(customer_id, ordered_at, '2025-01-01') FROM orders))$$,
$$SELECT floor(extract(epoch FROM coalesce(next, timestamptz '2025-01-01') - ordered_at) / 86400)::int AS day, count(next), count(*) - count(next)
  FROM (SELECT ordered_at, lead(ordered_at) OVER (PARTITION BY customer_id ORDER BY ordered_at) AS next
        FROM orders WHERE ordered_at < '2025-01-01') AS o
  GROUP BY day$$,
NULL,
NULL, 3),

('serial', 'new_vs_returning by month',
'SELECT max(customer_id), max(ordered_at), max(amount) FROM orders',
$$SELECT period_start::text, orders, new_orders, new_customers, returning_customers, new_revenue::float8, returning_revenue::float8, refunds::float8
  FROM unnest((SELECT new_vs_returning(customer_id, ordered_at, amount, 'month', '2025-01-01', 'UTC') FROM orders))$$,
$$SELECT date_trunc('month', ordered_at AT TIME ZONE 'UTC')::date::text, count(*) FILTER (WHERE is_order), count(*) FILTER (WHERE is_order AND ordered_at = first),
         count(DISTINCT customer_id) FILTER (WHERE is_order AND ordered_at = first), count(DISTINCT customer_id) FILTER (WHERE is_order AND ordered_at > first),
         coalesce(sum(amount) FILTER (WHERE amount > 0 AND ordered_at = first), 0)::float8, coalesce(sum(amount) FILTER (WHERE amount > 0 AND ordered_at > first), 0)::float8,
         coalesce(sum(amount) FILTER (WHERE amount < 0), 0)::float8
  FROM (SELECT *, amount > 0 OR amount IS NULL AS is_order FROM orders) AS o
  JOIN (SELECT customer_id, min(ordered_at) FILTER (WHERE amount > 0 OR amount IS NULL) AS first
        FROM orders WHERE ordered_at < '2025-01-01' GROUP BY customer_id) AS c USING (customer_id)
  WHERE ordered_at < '2025-01-01'
  GROUP BY 1$$,
NULL,
2, 3),

-- each order is a contract of 90 days; a customer changes in few months, so only those are
-- looked at
('serial', 'mrr_movements by month',
'SELECT max(customer_id), max(ordered_at), max(amount) FROM orders',
$$SELECT period_start::text, new_mrr::float8, expansion_mrr::float8, contraction_mrr::float8, churned_mrr::float8, reactivated_mrr::float8, new_customers, churned_customers, reactivated_customers
  FROM unnest((SELECT mrr_movements(customer_id, ordered_at, ordered_at + interval '90 days', amount, 'month', '2025-01-01', 'UTC') FROM orders WHERE amount > 0))$$,
$$WITH change AS (
      SELECT customer_id, month, sum(change) AS change
      FROM (SELECT customer_id, date_trunc('month', ordered_at AT TIME ZONE 'UTC') AS month, amount AS change FROM orders WHERE amount > 0 AND ordered_at < '2025-01-01'
            UNION ALL
            SELECT customer_id, date_trunc('month', (ordered_at + interval '90 days') AT TIME ZONE 'UTC'), -amount
            FROM orders WHERE amount > 0 AND ordered_at + interval '90 days' < '2025-01-01') AS c
      GROUP BY customer_id, month
  ), standing AS (
      SELECT *, now - change AS before, coalesce(max(now) OVER (PARTITION BY customer_id ORDER BY month ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) > 0 AS was_there
      FROM (SELECT *, sum(change) OVER (PARTITION BY customer_id ORDER BY month) AS now FROM change) AS c)
  SELECT month::date::text, coalesce(sum(now) FILTER (WHERE before = 0 AND NOT was_there), 0)::float8, coalesce(sum(change) FILTER (WHERE before > 0 AND now > 0 AND change > 0), 0)::float8,
         coalesce(-sum(change) FILTER (WHERE before > 0 AND now > 0 AND change < 0), 0)::float8, coalesce(sum(before) FILTER (WHERE before > 0 AND now = 0), 0)::float8,
         coalesce(sum(now) FILTER (WHERE before = 0 AND was_there), 0)::float8, count(*) FILTER (WHERE before = 0 AND now > 0 AND NOT was_there),
         count(*) FILTER (WHERE before > 0 AND now = 0), count(*) FILTER (WHERE before = 0 AND now > 0 AND was_there)
  FROM standing GROUP BY month$$,
NULL,
NULL, 3),

-- The SQL takes for granted that a person signs up once; ours looks for the earliest.
('serial', 'signup_retention by month',
'SELECT max(customer_id), max(ordered_at), max(amount) FROM orders',
$$SELECT cohort::text, period_index, retained_so_far, orders, revenue::float8
  FROM unnest((SELECT signup_retention(customer_id, timestamptz '2022-01-01' + customer_id % 1000 * interval '1 day', ordered_at, amount, 'month', '2025-01-01', 'UTC') FROM orders))
  WHERE orders > 0$$,
$$SELECT cohort::date::text, (extract(year FROM month) * 12 + extract(month FROM month) - extract(year FROM cohort) * 12 - extract(month FROM cohort))::int, active, orders, revenue::float8
  FROM (SELECT date_trunc('month', signed_up_at AT TIME ZONE 'UTC') AS cohort, date_trunc('month', ordered_at AT TIME ZONE 'UTC') AS month,
               count(DISTINCT customer_id) FILTER (WHERE amount > 0 OR amount IS NULL) AS active,
               count(*) FILTER (WHERE amount > 0 OR amount IS NULL) AS orders, sum(amount) AS revenue
        FROM (SELECT *, timestamptz '2022-01-01' + customer_id % 1000 * interval '1 day' AS signed_up_at FROM orders) AS o
        WHERE ordered_at >= signed_up_at AND ordered_at < '2025-01-01'
        GROUP BY 1, 2) AS t
  WHERE orders > 0$$,
NULL,
NULL, 3),

('serial', 'hash_share',
'SELECT max(customer_id) FROM orders',
$$SELECT round(sum(hash_share(customer_id, 'spring'))::numeric, 3)::float8 FROM orders$$,
$$SELECT round(sum(('x' || left(encode(sha256(convert_to('spring:' || customer_id, 'UTF8')), 'hex'), 13))::bit(52)::bigint / 4503599627370496.0::float8)::numeric, 3)::float8 FROM orders$$,
NULL,
NULL, NULL);

-- Products. The SQL leaves rare products out first and counts pairs of numbers, not of texts; p_values
-- it has not. Beside each order stands the next of its customer, as an array.
INSERT INTO bench.work (section, name, scan, ours, sql, least_speedup) VALUES
('serial', 'product_pairs of 20 baskets or more',
'SELECT max(basket), max(product) FROM bench.lines',
$$SELECT product_a, product_b, baskets::float8, baskets_a::float8, baskets_b::float8, baskets_both::float8, lift
  FROM unnest((SELECT product_pairs(basket, product, 20) FROM bench.lines))$$,
$$WITH line AS MATERIALIZED (SELECT DISTINCT basket, product FROM bench.lines),
  product AS MATERIALIZED (
    SELECT product, count(*) AS baskets, row_number() OVER (ORDER BY product COLLATE "C") AS n FROM line GROUP BY product HAVING count(*) >= 20),
  basket AS MATERIALIZED (SELECT array_agg(n ORDER BY n) AS held FROM line JOIN product USING (product) GROUP BY basket),
  pair AS MATERIALIZED (
    SELECT a * 1000003 + b AS ab, count(*) AS n
    FROM basket, unnest(held) WITH ORDINALITY AS a (a, i), unnest(held[i + 1:]) AS b GROUP BY 1 HAVING count(*) >= 20),
  everything AS (SELECT count(DISTINCT basket) AS n FROM line)
  SELECT a.product, b.product, everything.n::float8, a.baskets::float8, b.baskets::float8, pair.n::float8, everything.n::float8 * pair.n / (a.baskets::float8 * b.baskets)
  FROM everything, pair JOIN product AS a ON a.n = ab / 1000003 JOIN product AS b ON b.n = ab % 1000003$$,
20),

('serial', 'next_products of 20 orders or more',
'SELECT max(customer_id), max(ordered_at), max(product) FROM bench.lines',
$$SELECT product, next_product, orders::float8, followed::float8, transitions::float8, base_rate
  FROM unnest((SELECT next_products(customer_id, ordered_at, product, 20, '2025-01-01') FROM bench.lines))$$,
$$WITH line AS MATERIALIZED (SELECT DISTINCT customer_id, ordered_at, product FROM bench.lines WHERE ordered_at < '2025-01-01'),
  number AS MATERIALIZED (SELECT product, row_number() OVER (ORDER BY product COLLATE "C") AS n FROM (SELECT DISTINCT product FROM line) AS p),
  followed AS MATERIALIZED (
    SELECT held, lead(held) OVER (PARTITION BY customer_id ORDER BY ordered_at) AS next
    FROM (SELECT customer_id, ordered_at, array_agg(n) AS held FROM line JOIN number USING (product) GROUP BY 1, 2) AS o),
  product AS (
    SELECT product, n, orders, followed, into_it
    FROM number JOIN (SELECT n, count(*) AS orders, count(next) AS followed FROM followed, unnest(held) AS n GROUP BY n) AS o USING (n)
    LEFT JOIN (SELECT n, count(*) AS into_it FROM followed, unnest(next) AS n GROUP BY n) AS i USING (n)),
  step AS MATERIALIZED (SELECT a * 1000003 + b AS ab, count(*) AS n FROM followed, unnest(held) AS a, unnest(next) AS b GROUP BY 1 HAVING count(*) >= 20)
  SELECT a.product, b.product, a.orders::float8, a.followed::float8, step.n::float8, b.into_it / (SELECT count(next) FROM followed)::float8
  FROM step JOIN product AS a ON a.n = ab / 1000003 JOIN product AS b ON b.n = ab % 1000003$$,
20);

-- What a page of the shop asks for, a thousand times: seconds are milliseconds of one. The
-- scan reads the same rows by the same index.
INSERT INTO bench.work (section, name, scan, ours) VALUES
('serial', 'pending_intent of 1000 customers, 200 events each',
$$SELECT count(last) FROM generate_series(0, 999) AS c, LATERAL (
    SELECT max(at) AS last, max(event), max(product), max(value) FROM bench.events WHERE customer_id = c AND at >= timestamptz '2025-01-01' - interval '60 days') AS p$$,
$$SELECT stage, count(*)::float8, sum(items)::float8, sum(value)::float8, sum(idle_days) FROM generate_series(0, 999) AS c, LATERAL (
    SELECT (pending_intent(at, event, product, value, '60 days', '1 hour', '30 days', '2025-01-01')).*
    FROM bench.events WHERE customer_id = c AND at >= timestamptz '2025-01-01' - interval '60 days') AS p GROUP BY stage$$);

-- the same work with two workers
INSERT INTO bench.work (section, name, ours, sql, tuned, least_gain)
SELECT 'parallel', name, ours, sql, tuned, 1.5
FROM bench.work
WHERE name IN ('repeat_rate, bigint', 'repeat_rate, uuid', 'churn_rate', 'gross_ and net_revenue_retention', 'clv', 'cohort_retention by month')
ORDER BY position;

-- Time must grow with the rows and no faster. Here `scan` is the server's own count()
-- over the same groups and frames.
INSERT INTO bench.work (section, name, size, scan, ours)
SELECT 'growth', 'groups of one customer, ten rows each', groups,
       format('SELECT sum(r) FROM (SELECT count(i) AS r FROM generate_series(1, 10 * %s::bigint) AS i GROUP BY i %% %1$s) AS g', groups),
       format('SELECT sum(r) FROM (SELECT repeat_rate(i %% %s) AS r FROM generate_series(1, 10 * %1$s::bigint) AS i GROUP BY i %% %1$s) AS g', groups)
FROM unnest('{40000,160000,640000}'::int[]) AS groups
UNION ALL
SELECT 'growth', 'sliding frame of 30 days', n,
       format('SELECT sum(r) FROM (SELECT count(customer_id) OVER (ORDER BY ordered_at RANGE BETWEEN interval ''30 days'' PRECEDING AND CURRENT ROW) AS r FROM (SELECT * FROM orders LIMIT %s) AS o) AS w', n),
       format('SELECT sum(r) FROM (SELECT repeat_rate(customer_id) OVER (ORDER BY ordered_at RANGE BETWEEN interval ''30 days'' PRECEDING AND CURRENT ROW) AS r FROM (SELECT * FROM orders LIMIT %s) AS o) AS w', n)
FROM unnest(ARRAY[:size / 40, :size / 20, :size / 10]) AS n
UNION ALL
SELECT 'growth', 'running frame', n,
       format('SELECT sum(r) FROM (SELECT count(customer_id) OVER (ORDER BY order_id) AS r FROM (SELECT * FROM orders LIMIT %s) AS o) AS w', n),
       format('SELECT sum(r) FROM (SELECT repeat_rate(customer_id) OVER (ORDER BY order_id) AS r FROM (SELECT * FROM orders LIMIT %s) AS o) AS w', n)
FROM unnest(ARRAY[:size / 40, :size / 20, :size / 10]) AS n;

-- groups of about a hundred customers, every one with a row or two
INSERT INTO bench.work (section, name, scan, ours, sql, tuned)
SELECT 'serial', format('repeat_rate in %s groups', groups),
       format('SELECT avg(r) FROM (SELECT count(customer_id) AS r FROM orders GROUP BY order_id %% %s) AS g', groups),
       format('SELECT avg(r) FROM (SELECT repeat_rate(customer_id) AS r FROM orders GROUP BY order_id %% %s) AS g', groups),
       format('SELECT avg(r)
               FROM (SELECT avg((n >= 2)::int)::float8 AS r
                     FROM (SELECT order_id %% %s AS g, count(*) AS n FROM orders GROUP BY g, customer_id) AS c
                     GROUP BY g) AS g', groups),
       format('SELECT avg(r)
               FROM (SELECT avg((n >= 2)::int)::float8 AS r
                     FROM (SELECT g, count(*) AS n
                           FROM (SELECT order_id %% %s AS g, customer_id FROM orders
                                 ORDER BY g, customer_id) AS o
                           GROUP BY g, customer_id) AS c
                     GROUP BY g) AS g', groups)
FROM (VALUES (:size / 100)) AS s (groups);

-- The least is here not the scan, but the rate of one of its periods. SQL for all of them
-- takes seventy times as long, which is too long for this place.
INSERT INTO bench.work (section, name, scan, ours, most_scans) VALUES
('serial', 'churn_by_period, 36 months (scan: one churn_rate)',
$$SELECT churn_rate(customer_id, ordered_at, '180 days', '2024-07-01', '2025-01-01') FROM orders$$,
$$SELECT period_start::text, active_at_start, churned, reactivated, new_customers
  FROM unnest((SELECT churn_by_period(customer_id, ordered_at, '180 days', 'month', '2025-01-01', 'UTC') FROM orders)) WHERE active_at_end > 0$$,
3);

-- Keys that somebody chose: all of them belong to one place of a table as large as they. The
-- least is the same rate of as many ordinary keys.
CREATE FUNCTION bench.product64(a bigint, b numeric) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN (SELECT CASE WHEN p >= 9223372036854775808 THEN p - 18446744073709551616 ELSE p END
        FROM (SELECT mod(mod(a * b, 18446744073709551616) + 18446744073709551616, 18446744073709551616)) AS m (p))::bigint;
CREATE FUNCTION bench.unshift33(x bigint) RETURNS bigint LANGUAGE sql IMMUTABLE RETURN x # ((x >> 33) & 2147483647);
-- the way back of the mixing in customer_key.h
CREATE TABLE bench.keys AS
SELECT i * 7919 AS ordinary,
       bench.unshift33(bench.product64(bench.unshift33(bench.product64(bench.unshift33((1::bigint << 62) + i),
           11291846944257947611)), 5725274745694666757)) AS chosen
FROM generate_series(1::bigint, 200000) AS i;
ANALYZE bench.keys;
INSERT INTO bench.work (section, name, scan, ours, sql, most_scans) VALUES
('serial', '200,000 keys chosen to collide (scan: repeat_rate of ordinary ones)',
'SELECT repeat_rate(ordinary) FROM bench.keys',
'SELECT repeat_rate(chosen) FROM bench.keys',
'SELECT avg((n >= 2)::int)::float8 FROM (SELECT count(*) AS n FROM bench.keys GROUP BY chosen) AS c',
3),
('serial', 'the same, in no order',
'SELECT repeat_rate(ordinary) FROM (SELECT ordinary FROM bench.keys ORDER BY md5(ordinary::text) OFFSET 0) AS k',
'SELECT repeat_rate(chosen) FROM (SELECT chosen FROM bench.keys ORDER BY md5(ordinary::text) OFFSET 0) AS k',
'SELECT avg((n >= 2)::int)::float8 FROM (SELECT count(*) AS n FROM bench.keys GROUP BY chosen) AS c',
3);

-- Histories: read beside the bare scan of the orders they are made from, and beside the same
-- measure over the orders, which must have the same answer.
INSERT INTO bench.work (section, name, scan, ours, sql, most_scans, least_gain)
SELECT 'histories', name || form, 'SELECT max(customer_id), max(ordered_at), max(amount) FROM orders',
       format(query, format(measure, 'history'), history), format(query, format(measure, rows) || filter, 'orders'), most_scans, least_gain
FROM (VALUES
    (1, 'repeat_rate', 'repeat_rate(%s)', 'customer_id', ' FILTER (WHERE amount > 0 IS NOT FALSE)', 'SELECT %s FROM %s', 0.5),
    (2, 'churn_rate', $$churn_rate(%s, '180 days', '2024-07-01', '2025-01-01')$$, 'customer_id, ordered_at', ' FILTER (WHERE amount > 0 IS NOT FALSE)', 'SELECT %s FROM %s', 0.5),
    (3, 'clv', $$clv(%s, '1 year', '3 years', '2025-01-01')$$, 'customer_id, ordered_at, amount', '', 'SELECT %s::float8 FROM %s', 0.5),
    (4, 'cohort_retention by month', $$cohort_retention(%s, 'month', '2025-01-01', 'UTC')$$, 'customer_id, ordered_at, amount', '',
     'SELECT cohort::text, period_index, retained, orders, revenue::float8 FROM unnest((SELECT %s FROM %s))', 1),
    (5, 'lifecycle by month', $$lifecycle(%s, 'month', '2025-01-01', 'UTC')$$, 'customer_id, ordered_at', ' FILTER (WHERE amount > 0 IS NOT FALSE)',
     'SELECT period_start::text, new_customers, returning_customers, dormant_customers FROM unnest((SELECT %s FROM %s))', 1),
    (6, 'churn_by_period, 36 months', $$churn_by_period(%s, '180 days', 'month', '2025-01-01', 'UTC')$$, 'customer_id, ordered_at', ' FILTER (WHERE amount > 0 IS NOT FALSE)',
     'SELECT period_start::text, active_at_start, churned, reactivated, new_customers FROM unnest((SELECT %s FROM %s))', NULL),
    (7, 'repeat_by_order_number', $$repeat_by_order_number(%s, 5, '2025-01-01')$$, 'customer_id, ordered_at', ' FILTER (WHERE amount > 0 IS NOT FALSE)',
     'SELECT order_number, customers, repurchased FROM unnest((SELECT %s FROM %s))', 1),
    (8, 'rolling_retention, 12 times 30 days', $$rolling_retention(%s, '30 days', 12, '2025-01-01')$$, 'customer_id, ordered_at', ' FILTER (WHERE amount > 0 IS NOT FALSE)',
     'SELECT period_index, eligible, retained FROM unnest((SELECT %s FROM %s))', NULL)) AS m (number, name, measure, rows, filter, query, most_scans),
    (VALUES (1, ', one history', 'bench.all_history', NULL), (2, ', one of each customer', 'bench.customer_history', 1.8)) AS f (n, form, history, least_gain)
ORDER BY n, number;
INSERT INTO bench.work (section, name, scan, ours, most_scans) VALUES
('histories', 'building one history',
'SELECT max(customer_id), max(ordered_at), max(amount) FROM orders',
'SELECT rows FROM history_info((SELECT order_history(customer_id, ordered_at, amount) FROM orders))', 2.5),
('histories', 'building one of each customer, GROUP BY',
'SELECT max(customer_id), max(ordered_at), max(amount) FROM orders',
'SELECT count(history) FROM (SELECT order_history(customer_id, ordered_at, amount) AS history FROM orders GROUP BY customer_id) AS h', NULL),
('histories', 'building one of each customer, order_histories',
'SELECT max(customer_id), max(ordered_at), max(amount) FROM orders',
$$SELECT count(history) FROM order_histories(NULL::bigint, 'orders', 'customer_id', 'ordered_at', 'amount')$$, 5);
