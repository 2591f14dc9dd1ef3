-- models.sql: what is measured of the models, one row for each, and the report

-- What the models are told of the customers, as of the end of their 78 weeks
CREATE TABLE bench.customers AS
SELECT customer_id, x, t_x, age, mean_repeat_value::double precision
FROM (SELECT customer_id, (purchase_summary(ordered_at, amount, '7 days', '2024-12-30', 'UTC')).*
      FROM orders GROUP BY customer_id) AS c;
VACUUM (FREEZE, ANALYZE) bench.customers;

-- Twice as long, so that there are two years for a season to be told from; and in a weak
-- month so many of the later orders are left out
CREATE TABLE bench.three_years AS
SELECT customer_id, ordered_at, amount
FROM (SELECT customer_id, timestamptz '2021-01-04 00:00+00' + 2 * (ordered_at - timestamptz '2023-07-03 00:00+00') AS ordered_at, amount,
             order_id, row_number() OVER (PARTITION BY customer_id ORDER BY ordered_at) AS number
      FROM orders) AS o
WHERE number = 1
      OR chance(order_id, 7) < ('{0.6,0.55,0.65,0.7,0.75,0.7,0.6,0.6,0.7,0.75,0.95,1}'::double precision[])[extract(month FROM ordered_at)::int];
VACUUM (FREEZE, ANALYZE) bench.three_years;

CREATE TABLE bench.state AS
SELECT btyd_state(customer_id, ordered_at, amount, '7 days', '2023-12-31', 'UTC') AS state FROM bench.three_years;

INSERT INTO bench.work (section, name, scan, ours)
SELECT 'models', name, scan, ours
FROM (VALUES
(1, 'grouping alone (btyd_state)',
'SELECT max(x), max(t_x), max(age) FROM bench.customers',
'SELECT (state_info(btyd_state(x, t_x, age))).bytes::float8 FROM bench.customers'),

(2, 'fit_bgnbd',
'SELECT max(x), max(t_x), max(age) FROM bench.customers',
'SELECT (fit_bgnbd(x, t_x, age)).log_likelihood FROM bench.customers'),

(3, 'fit_mbgnbd',
'SELECT max(x), max(t_x), max(age) FROM bench.customers',
'SELECT (fit_mbgnbd(x, t_x, age)).log_likelihood FROM bench.customers'),

(4, 'fit_pareto_nbd',
'SELECT max(x), max(t_x), max(age) FROM bench.customers',
'SELECT (fit_pareto_nbd(x, t_x, age)).log_likelihood FROM bench.customers'),

(5, 'fit_gamma_gamma',
'SELECT max(x), max(mean_repeat_value) FROM bench.customers',
'SELECT (fit_gamma_gamma(x, mean_repeat_value)).log_likelihood FROM bench.customers'),

(6, 'p_alive, expected_orders and expected_value of each',
'SELECT max(x), max(t_x), max(age), max(mean_repeat_value) FROM bench.customers',
'SELECT max(p_alive(buying, x, t_x, age)), max(expected_orders(buying, x, t_x, age, 39)),
        max(expected_value(spending, x, mean_repeat_value))
 FROM bench.customers, bench.model'),

(7, 'predict_customers over the orders',
'SELECT max(customer_id), max(ordered_at), max(amount) FROM orders',
$$SELECT sum(expected_orders), sum(predicted_clv)::float8
  FROM predict_customers(NULL::bigint, 'orders', 'customer_id', 'ordered_at', 'amount', as_of => '2024-12-30')$$),

(8, 'backtest over the orders',
'SELECT max(customer_id), max(ordered_at), max(amount) FROM orders',
$$SELECT sum(predicted), sum(actual)::float8
  FROM backtest(NULL::bigint, 'orders', 'customer_id', 'ordered_at', 'amount', '2024-07-01', '2024-12-30')$$),

(9, 'p_order of each',
'SELECT max(x), max(t_x), max(age) FROM bench.customers',
'SELECT max(p_order(buying, x, t_x, age, 39)) FROM bench.customers, bench.model'),

-- beside the same without a season, not beside a scan
(10, 'fit_season, ÷ fit_hbgnbd',
'SELECT (fit_hbgnbd(state)).log_likelihood FROM bench.state',
$$SELECT (fit_season(state, 'hbgnbd')).log_likelihood_gain FROM bench.state$$),

(11, 'predict_customers with a season, ÷ without',
$$SELECT sum(expected_orders), sum(predicted_clv)::float8
  FROM predict_customers(NULL::bigint, 'bench.three_years', 'customer_id', 'ordered_at', 'amount', as_of => '2023-12-31', season => 'none')$$,
$$SELECT sum(expected_orders), sum(predicted_clv)::float8
  FROM predict_customers(NULL::bigint, 'bench.three_years', 'customer_id', 'ordered_at', 'amount', as_of => '2023-12-31', season => 'month')$$),

(12, 'backtest_summary of four quarters',
'SELECT max(customer_id), max(ordered_at), max(amount) FROM bench.three_years',
$$SELECT sum(predicted), sum(actual)::float8
  FROM backtest_summary(NULL::bigint, 'bench.three_years', 'customer_id', 'ordered_at', 'amount', '91 days', as_of => '2023-12-31')$$),

(13, 'forecast of a quarter',
'SELECT max(customer_id), max(ordered_at), max(amount) FROM bench.three_years',
$$SELECT sum(orders), sum(revenue)::float8
  FROM forecast(NULL::bigint, 'bench.three_years', 'customer_id', 'ordered_at', 'amount', '91 days', as_of => '2023-12-31')$$)
) AS w (line, name, scan, ours)
ORDER BY line;

-- In seconds of the processor, those of the readers from the scan on; or in times the scan.
CREATE TABLE bench.target AS
SELECT name, seconds, beyond_scan, scans
FROM (VALUES ('fit_bgnbd', 1, false, NULL), ('fit_mbgnbd', 1, false, NULL), ('fit_pareto_nbd', 8, false, NULL),
             ('p_alive, expected_orders and expected_value of each', 1, true, NULL),
             ('predict_customers over the orders', NULL, false, 6), ('backtest over the orders', NULL, false, 6),
             ('p_order of each', 0.1, true, NULL), ('fit_season, ÷ fit_hbgnbd', NULL, false, 3),
             ('predict_customers with a season, ÷ without', NULL, false, 1.5)
     ) AS t (name, seconds, beyond_scan, scans);

CREATE TABLE bench.model AS
SELECT fit_bgnbd(x, t_x, age) AS buying, fit_gamma_gamma(x, mean_repeat_value) AS spending
FROM bench.customers;
ANALYZE bench.model;

CREATE VIEW bench.report_models AS
SELECT w.name AS "one process", ours.shown AS "by the clock, s",
       to_char(busy.ours, 'FM990.00') || CASE WHEN NOT beyond_scan AND target.seconds IS NOT NULL THEN ' (≤ ' || target.seconds || ')' ELSE '' END
           AS "of the processor, s",
       to_char(busy.scan, 'FM990.00') AS "the bare scan, s",
       to_char(busy.ours - busy.scan, 'FM990.00') || CASE WHEN beyond_scan THEN ' (≤ ' || target.seconds || ')' ELSE '' END
           AS "beyond the scan, s",
       to_char(busy.ours / nullif(busy.scan, 0), 'FM990.0') || coalesce(' (≤ ' || target.scans || ')', '') AS "÷ scan",
       CASE WHEN target.scans IS NOT NULL THEN bench.verdict(busy.ours / nullif(busy.scan, 0), target.scans)
            ELSE bench.verdict(busy.ours - CASE WHEN beyond_scan THEN busy.scan ELSE 0 END, target.seconds) END AS "verdict"
FROM bench.work AS w
JOIN bench.median AS ours ON ours.position = w.position AND ours.contender = 'ours'
JOIN (SELECT position,
             percentile_cont(0.5) WITHIN GROUP (ORDER BY processor) FILTER (WHERE contender = 'ours') AS ours,
             percentile_cont(0.5) WITHIN GROUP (ORDER BY processor) FILTER (WHERE contender = 'scan') AS scan
      FROM bench.lap GROUP BY position) AS busy ON busy.position = w.position
LEFT JOIN bench.target ON target.name = w.name
ORDER BY w.position;

-- That the fits came out where the customers came from: 0.243, 4.414, 0.793, 2.426 and
-- 6.25, 3.74, 15.44. Days instead of moments, and two orders of a day taken for one, make
-- a small difference.
CREATE VIEW bench.report_fits AS
SELECT family AS "fit", string_agg(round(param::numeric, 3)::text, ', ' ORDER BY n) AS "parameters",
       round(log_likelihood::numeric, 2) AS "log-likelihood", customers AS "customers", iterations AS "iterations", status AS "status"
FROM (SELECT 1 AS line, m.family, m.params, m.log_likelihood, m.customers, m.iterations, m.status
      FROM (SELECT btyd_state(x, t_x, age) AS s FROM bench.customers) AS c,
           unnest(ARRAY[fit_bgnbd(s), fit_mbgnbd(s), fit_pareto_nbd(s)]) AS m
      UNION ALL
      SELECT 2, (spending).family, (spending).params, (spending).log_likelihood, (spending).customers,
             (spending).iterations, (spending).status
      FROM bench.model) AS f,
     unnest(params) WITH ORDINALITY AS p (param, n)
GROUP BY line, family, log_likelihood, customers, iterations, status
ORDER BY line, family;
