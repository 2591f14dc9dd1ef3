-- backtest_summary against plain SQL, over data that tell little or nothing, and how often its interval holds
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET extra_float_digits = 1;
\set SHOW_CONTEXT never
\set VERBOSITY terse
CREATE SCHEMA backtests;
CREATE FUNCTION backtests.near(a float8, b float8) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN a IS NOT DISTINCT FROM b OR coalesce(abs(a - b) <= 1e-9 * greatest(abs(b), 1e-3), false);
CREATE FUNCTION backtests.noise(i int, k int) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN (('x' || left(md5(i || '/' || k), 8))::bit(32)::bigint + 0.5) / 4294967296;
-- 1,000 customers of a BG/NBD process over four years, most first orders in the first three; some rows are refunds, of no money, of unknown money, or come twice a day
CREATE TABLE backtests.orders AS
SELECT i AS customer_id, lpad(i::text, 32, '0')::uuid AS customer_uuid, '2020-01-01 06:00Z'::timestamptz + least(first + coalesce(gone, 0), 1460) * interval '24 hours' AS ordered_at,
       CASE WHEN n % 23 = 22 THEN -5 WHEN n % 29 = 28 THEN 0 WHEN n % 31 <> 30 THEN 10 + i % 7 END AS amount, i * 1000 + n AS order_id
FROM (SELECT i, -(ln(backtests.noise(i, 1)) + ln(backtests.noise(i, 2))) / 120 AS rate, 1 - cbrt(backtests.noise(i, 3)) AS p, 1300 * backtests.noise(i, 4) ^ 1.2 AS first FROM generate_series(1, 1000) i) c,
    LATERAL (SELECT n, sum(-ln(backtests.noise(i, 10 + n)) / rate) OVER (ORDER BY n) AS gone FROM generate_series(1, 40) n WHERE n <= 1 + ln(backtests.noise(i, 5)) / ln(1 - p) UNION ALL SELECT 0, 0 UNION ALL SELECT 41, 0.3 WHERE i % 5 = 0) o
WHERE first + coalesce(gone, 0) < 1460;
SELECT count(*) > 2500 AS orders, count(DISTINCT customer_id) AS customers, min(ordered_at)::date < '2020-01-10' AS begins, max(ordered_at)::date > '2023-12-20' AS ends FROM backtests.orders;
\set shop 'NULL::int, ''backtests.orders'', ''customer_id'', ''ordered_at'', ''amount'''

-- ---------------------------------------------------------------------------
-- the same in plain SQL, of backtest and predict_customers at each origin
-- ---------------------------------------------------------------------------
CREATE FUNCTION backtests.auc(scores float8[], ordered boolean[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT (sum(rank) FILTER (WHERE o) - count(*) FILTER (WHERE o) * (count(*) FILTER (WHERE o) + 1) / 2.0)::float8 / nullif(count(*) FILTER (WHERE o) * count(*) FILTER (WHERE NOT o), 0)
    FROM (SELECT o, (rank() OVER w + (count(*) OVER (PARTITION BY s) - 1) / 2.0) AS rank FROM unnest(scores, ordered) AS u (s, o) WINDOW w AS (ORDER BY s)) AS r $$;
-- what is known of the customers at a day, and what they did in the days after it
CREATE FUNCTION backtests.known(origin date, until date, tz text) RETURNS TABLE (customer int, x int, t_x int, age int, recent int, actual int, cell int) LANGUAGE sql STABLE AS $$
    SELECT customer_id, x, t_x, age, recent, actual,
           least(x, 4) * 10 + CASE WHEN 4 * (age - t_x) < until - origin THEN 0 WHEN 2 * (age - t_x) < until - origin THEN 1 WHEN age - t_x < until - origin THEN 2 WHEN age - t_x < 2 * (until - origin) THEN 3 ELSE 4 END
    FROM (SELECT customer_id, (count(*) FILTER (WHERE day < origin) - 1)::int AS x, max(day) FILTER (WHERE day < origin) - min(day) AS t_x, origin - min(day) AS age,
                 (count(*) FILTER (WHERE day < origin AND day >= origin - (until - origin) AND day > first))::int AS recent, (count(*) FILTER (WHERE day >= origin AND day < until))::int AS actual
          FROM (SELECT DISTINCT customer_id, (ordered_at AT TIME ZONE tz)::date AS day, min((ordered_at AT TIME ZONE tz)::date) OVER (PARTITION BY customer_id) AS first FROM backtests.orders WHERE amount IS NULL OR amount > 0) d
          GROUP BY customer_id HAVING min(day) < origin) c $$;
CREATE FUNCTION backtests.by_hand(origin date, until date, fam text, tz text) RETURNS TABLE (customers bigint, predicted float8, actual bigint, mae float8, rmse float8, brier float8, brier_base float8, auc float8, auc_recency float8, maes float8[], rmses float8[]) LANGUAGE sql STABLE AS $$
    WITH known AS MATERIALIZED (SELECT * FROM backtests.known(origin, until, tz)),
    before AS MATERIALIZED (SELECT cell, avg(actual) AS mean FROM backtests.known(origin - (until - origin), origin, tz) GROUP BY ROLLUP (cell)),
    told AS MATERIALIZED (SELECT k.*, p.expected_orders AS e, p.p_order AS p, k.x / k.age::float8 * (until - origin) AS own_rate, coalesce(b.mean, (SELECT mean FROM before WHERE cell IS NULL))::float8 AS cell_means
        FROM known k JOIN predict_customers(NULL::int, 'backtests.orders', 'customer_id', 'ordered_at', 'amount', (until - origin) * interval '1 day', origin::timestamp AT TIME ZONE tz, family => fam, tz => tz) p USING (customer) LEFT JOIN before b USING (cell))
    SELECT count(*), sum(e), sum(actual), avg(abs(e - actual)), sqrt(avg((e - actual) ^ 2)), avg((p - (actual > 0)::int) ^ 2), avg((actual > 0)::int) * (1 - avg((actual > 0)::int)), backtests.auc(array_agg(p), array_agg(actual > 0)), backtests.auc(array_agg(t_x - age), array_agg(actual > 0)),
           ARRAY[avg(abs(own_rate - actual)), avg(abs(cell_means - actual)), avg(abs(recent - actual))], ARRAY[sqrt(avg((own_rate - actual) ^ 2)), sqrt(avg((cell_means - actual) ^ 2)), sqrt(avg((recent - actual) ^ 2))] FROM told $$;
CREATE FUNCTION backtests.least_of(a float8[]) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN (SELECT min(v) FROM unnest(a) v);
CREATE FUNCTION backtests.rule_of(a float8[]) RETURNS text LANGUAGE sql IMMUTABLE RETURN (SELECT n FROM unnest(a, '{own_rate,cell_means,last_period}'::text[]) AS u (v, n) ORDER BY v LIMIT 1);
CREATE FUNCTION backtests.differs(horizon interval, n int, as_of timestamptz, family text, tz text) RETURNS TABLE (origins bigint, customers bigint, predicted bigint, of_backtest bigint, actual bigint, error bigint, mae bigint, rmse bigint, brier bigint, auc bigint, naive bigint, status bigint, means bigint, intervals bigint) LANGUAGE sql STABLE AS $$
    WITH s AS MATERIALIZED (SELECT * FROM backtest_summary(NULL::int, 'backtests.orders', 'customer_id', 'ordered_at', 'amount', horizon, n, as_of, family, tz => tz)),
    o AS MATERIALIZED (SELECT o.until, s.* FROM (SELECT ((as_of AT TIME ZONE tz)::date - k * horizon)::date AS origin, ((as_of AT TIME ZONE tz)::date - (k - 1) * horizon)::date AS until FROM generate_series(1, n) k) o FULL JOIN s USING (origin)),
    b AS MATERIALIZED (SELECT o.*, h.customers AS h_customers, h.predicted AS h_predicted, h.actual AS h_actual, h.mae AS h_mae, h.rmse AS h_rmse, h.brier AS h_brier, h.brier_base AS h_base, h.auc AS h_auc, h.auc_recency AS h_recency, maes, rmses, t.model_status AS h_status, t.predicted AS t_predicted, t.customers AS t_customers, t.actual AS t_actual
        FROM o, LATERAL backtests.by_hand(o.origin, o.until, family, tz) h,
            LATERAL (SELECT * FROM backtest(NULL::int, 'backtests.orders', 'customer_id', 'ordered_at', 'amount', o.origin::timestamp AT TIME ZONE tz, o.until::timestamp AT TIME ZONE tz, family, tz => tz) WHERE x IS NULL) t WHERE o.origin IS NOT NULL),
    m AS (SELECT avg(customers) AS customers, avg(predicted) AS predicted, avg(actual) AS actual, avg(error) AS error, avg(mae) AS mae, avg(mae_naive) AS mae_naive, avg(rmse) AS rmse, avg(rmse_naive) AS rmse_naive, avg(brier) AS brier, avg(brier_base) AS brier_base, avg(auc) AS auc, avg(auc_recency) AS auc_recency, count(*),
                 '{3.077683537,1.885618083,1.637744354,1.533206274,1.475884049}'::float8[] AS t, sqrt(avg(ln(actual / predicted) ^ 2)) AS rms, (SELECT backtests.rule_of(ARRAY[avg(maes[1]), avg(maes[2]), avg(maes[3])]) FROM b) AS rule FROM b)
    SELECT count(*), count(*) FILTER (WHERE customers <> h_customers OR customers <> t_customers), count(*) FILTER (WHERE NOT backtests.near(predicted, h_predicted)), count(*) FILTER (WHERE NOT backtests.near(predicted, t_predicted)), count(*) FILTER (WHERE actual <> h_actual OR actual <> t_actual),
           count(*) FILTER (WHERE NOT backtests.near(error, predicted / actual - 1)), count(*) FILTER (WHERE NOT backtests.near(mae, h_mae)), count(*) FILTER (WHERE NOT backtests.near(rmse, h_rmse)), count(*) FILTER (WHERE NOT backtests.near(brier, h_brier) OR NOT backtests.near(brier_base, h_base)),
           count(*) FILTER (WHERE NOT backtests.near(auc, h_auc) OR NOT backtests.near(auc_recency, h_recency)), count(*) FILTER (WHERE NOT backtests.near(mae_naive, backtests.least_of(maes)) OR NOT backtests.near(rmse_naive, backtests.least_of(rmses)) OR naive_rule <> backtests.rule_of(maes)), count(*) FILTER (WHERE model_status <> h_status),
           (SELECT count(*) FROM s, m WHERE s.origin IS NULL AND (s.customers <> round(m.customers) OR NOT backtests.near(s.predicted, m.predicted) OR s.actual <> round(m.actual) OR NOT backtests.near(s.error, m.error) OR NOT backtests.near(s.mae, m.mae) OR NOT backtests.near(s.mae_naive, m.mae_naive) OR NOT backtests.near(s.rmse, m.rmse)
               OR NOT backtests.near(s.rmse_naive, m.rmse_naive) OR NOT backtests.near(s.brier, m.brier) OR NOT backtests.near(s.brier_base, m.brier_base) OR NOT backtests.near(s.auc, m.auc) OR NOT backtests.near(s.auc_recency, m.auc_recency) OR s.naive_rule <> m.rule OR s.model_status <> 'ok')),
           (SELECT count(*) FROM s, m WHERE s.origin IS NULL AND abs(s.error_low - (exp(-t[count] * rms) - 1)) < 1e-8 AND abs(s.error_high - (exp(t[count] * rms) - 1)) < 1e-8)
    FROM b $$;
SET client_min_messages = warning;
-- all zero but origins, and the interval, which is right in one row
SELECT d.* FROM (VALUES ('365 days'::interval, 2, '2024-01-01Z'::timestamptz, 'hbgnbd', 'UTC'), ('3 months', 5, '2023-12-31 10:30Z', 'mbgnbd', 'Asia/Tokyo'), ('6 months', 4, '2023-12-31 23:30Z', 'pareto_nbd', 'UTC'), ('30 hours', 1, '2023-08-31Z', 'bgnbd', 'UTC')) v (horizon, n, as_of, family, tz),
    LATERAL backtests.differs(horizon, n, as_of, family, tz) d;
SELECT origin FROM backtest_summary(:shop, '1 month', 3, '2023-05-31');
RESET client_min_messages;

-- over rows, of other types of keys, over a state, merged ones, a history, with order ids: the same to the last bit
CREATE TABLE backtests.told AS SELECT * FROM backtest_summary(:shop, '182 days', 3, '2024-01-01');
SELECT count(*) AS rows, count(error_low) AS intervals, count(auc) AS areas FROM backtests.told;
SELECT count(*) AS differ FROM ((TABLE backtests.told EXCEPT SELECT * FROM backtest_summary(NULL::uuid, 'backtests.orders', 'customer_uuid', 'ordered_at', 'amount', '182 days', 3, '2024-01-01')) UNION ALL
    (TABLE backtests.told EXCEPT SELECT b.* FROM (SELECT purchase_days_state(customer_id::text, ordered_at, amount, '2024-01-01', 'UTC') AS s FROM backtests.orders) q, backtest_summary(s, '182 days', 3) b) UNION ALL
    (TABLE backtests.told EXCEPT SELECT b.* FROM (SELECT rollup(s) AS s FROM (SELECT purchase_days_state(customer_id, ordered_at, amount, '2024-01-01', 'UTC') AS s FROM backtests.orders GROUP BY extract(hour FROM ordered_at)) p) q, backtest_summary(s, '182 days', 3) b) UNION ALL
    (TABLE backtests.told EXCEPT SELECT b.* FROM (SELECT order_history(customer_id, ordered_at, amount) AS h FROM backtests.orders) q, backtest_summary(h, '2024-01-01', '182 days', 3) b) UNION ALL
    (TABLE backtests.told EXCEPT SELECT * FROM backtest_summary(:shop, '182 days', 3, '2024-01-01', order_id_column => 'order_id'))) e;
-- seasons and campaigns are those of backtest
SELECT origin, s.model_status = b.model_status AS status, abs(s.predicted - b.predicted) < 1e-6 AS predicted FROM backtest_summary(:shop, '182 days', 2, '2024-01-01', season => 'month', campaigns => '{"[2022-11-20,2022-12-01)","[2023-11-20,2023-12-01)"}') s,
    LATERAL backtest(:shop, coalesce(s.origin, '2023-01-01'), coalesce(s.origin, '2023-01-01') + 182, season => 'month', campaigns => '{"[2022-11-20,2022-12-01)","[2023-11-20,2023-12-01)"}') b WHERE b.x IS NULL AND s.origin IS NOT NULL;

-- ---------------------------------------------------------------------------
-- data that tell little or nothing
-- ---------------------------------------------------------------------------
CREATE FUNCTION backtests.of(days text, horizon interval, origins int, as_of timestamptz) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT concat_ws(' ', origin, customers, round(predicted::numeric, 3), actual, round(error::numeric, 3), round(mae::numeric, 3), round(mae_naive::numeric, 3), round(brier::numeric, 3), round(brier_base::numeric, 3), round(auc::numeric, 3), round(auc_recency::numeric, 3), round(error_low::numeric, 3), round(error_high::numeric, 3), naive_rule, model_status)
    FROM (SELECT order_history(customer, day, 1) AS h FROM (SELECT (string_to_array(o, ' '))[1]::bigint AS customer, (string_to_array(o, ' '))[2]::timestamptz AS day FROM unnest(string_to_array(days, ',')) o) d) q, backtest_summary(h, as_of, horizon, origins) $$;
-- one customer; two; no origin with an order before it; nothing after an origin; everybody orders always; nobody ever again
SELECT backtests.of('1 2023-01-05', '30 days', 2, '2023-03-01');
SELECT backtests.of('1 2023-01-05,1 2023-01-20,2 2023-01-06,2 2023-02-20', '14 days', 3, '2023-03-01');
SELECT backtests.of('1 2023-02-20,1 2023-02-21,2 2023-02-21,2 2023-02-24', '14 days', 3, '2023-03-01');
SELECT backtests.of('1 2023-01-01,1 2023-01-03,2 2023-01-01,2 2023-01-05,3 2023-01-02', '14 days', 2, '2023-02-14');
SELECT backtests.of(string_agg(i || ' ' || '2023-01-01'::date + d, ','), '14 days', 2, '2023-03-01') FROM generate_series(1, 9) i, generate_series(0, 70) d;
SELECT backtests.of(string_agg(i || ' ' || '2023-01-01'::date + i, ','), '14 days', 2, '2023-03-01') FROM generate_series(1, 40) i;
-- nothing at all, refunds alone, and none before as_of: no rows
SELECT (SELECT count(*) FROM backtest_summary(NULL::order_history, now())) AS null_history, (SELECT count(*) FROM backtest_summary(NULL::retention_state)) AS null_state, (SELECT count(*) FROM backtest_summary((SELECT purchase_days_state(1::bigint, '2024-01-01', -1, '2025-01-01', 'UTC')))) AS refunds,
       (SELECT count(*) FROM backtest_summary(:shop, as_of => '2019-01-01')) AS before;
-- no value that clients choke on
SELECT bool_and(error BETWEEN -1 AND 1e300) AS finite FROM backtest_summary((SELECT order_history(i, '2023-01-01'::timestamptz + (i * j * j % 97) * interval '24 hours', 1e300) FROM generate_series(1, 50) i, generate_series(0, 3) j), '2023-05-01', '20 days', 5);
-- an old extract is told of, and rules that win
SELECT count(*) FROM backtest_summary(:shop, '91 days', 2, '2024-12-01');
-- arguments
SELECT count(*) FROM backtest_summary(:shop, NULL);
SELECT count(*) FROM backtest_summary(:shop, '23 hours');
SELECT count(*) FROM backtest_summary(:shop, '-1 month');
SELECT count(*) FROM backtest_summary(:shop, '100000 years');
SELECT count(*) FROM backtest_summary(:shop, '170000000 years', 30);
SELECT count(*) FROM backtest_summary(:shop, origins => 0);
SELECT count(*) FROM backtest_summary(:shop, origins => 61);
SELECT count(*) FROM backtest_summary(:shop, origins => NULL);
SELECT count(*) FROM backtest_summary(:shop, as_of => NULL);
SELECT count(*) FROM backtest_summary(:shop, as_of => 'infinity');
SELECT count(*) FROM backtest_summary(:shop, family => 'nbd');
SELECT count(*) FROM backtest_summary(:shop, season => 'none', campaigns => '{"[2022-11-20,2022-12-01)"}');
SELECT count(*) FROM backtest_summary(NULL::text, 'backtests.orders', 'customer_id', 'ordered_at', 'amount');
SELECT count(*) FROM backtest_summary((SELECT aov_state(5)));
SELECT count(*) FROM backtest_summary(NULL::order_history, now(), tz => NULL);
