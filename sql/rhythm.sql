-- rhythm: how often a customer orders, how long the waits are, what still counts
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET extra_float_digits = 1;
\set VERBOSITY terse
CREATE FUNCTION pg_temp.near(a double precision, b double precision) RETURNS boolean LANGUAGE sql AS
$$SELECT coalesce(abs(a - b) <= 1e-9 * abs(b), a IS NULL AND b IS NULL)$$;
-- made up for the edges: refunds, a zero, an unknown amount, two rows of one instant, a customer without orders, one without a number, an order at as_of
CREATE TEMP TABLE small (order_id bigint, customer_id bigint, ordered_at timestamptz, amount numeric);
INSERT INTO small VALUES
    (1, 1, '2025-12-30 10:00:00+00', 50.00), (2, 1, '2026-01-29 10:00:00+00', 60.00), (3, 1, '2026-02-28 10:00:00+00', 40.00),
    (4, 1, '2026-03-30 10:00:00+00', NULL), (5, 1, '2026-01-31 10:00:00+00', -10.00), (6, 2, '2026-01-05 00:00:00+00', 20.00),
    (7, 2, '2026-01-05 00:00:00+00', 30.00), (8, 2, '2026-01-06 12:00:00+00', -20.00), (9, 3, '2026-01-31 23:30:00+00', 80.00),
    (10, 3, '2026-03-02 11:30:00+00', 90.00), (11, 4, '2026-02-10 09:00:00+00', 0.00), (12, 4, '2026-02-15 09:00:00+00', 25.00),
    (13, 5, '2026-03-15 09:00:00+00', -15.00), (14, NULL, '2026-03-10 09:00:00+00', 99.00), (15, 6, '2026-04-20 09:00:00+00', 10.00),
    (16, 7, '2026-01-10 00:00:00+00', 10.00), (17, 7, '2026-01-20 00:00:00+00', 10.00), (18, 7, '2026-02-03 00:00:00+00', 10.00),
    (19, 7, '2026-02-09 00:00:00+00', 10.00), (20, 1, '2026-04-15 00:00:00+00', 70.00);

-- ---------------------------------------------------------------------------
-- purchase_rhythm
-- ---------------------------------------------------------------------------
CREATE TEMP VIEW few AS SELECT * FROM small WHERE amount > 0 IS NOT FALSE;
SELECT customer_id, orders, round(mean_gap_days::numeric, 6) AS mean, round(median_gap_days::numeric, 6) AS median, round(gap_cv::numeric, 6) AS cv,
       round(days_since_last::numeric, 6) AS since, round(overdue_ratio::numeric, 9) AS overdue, expected_next_at
FROM (SELECT customer_id, (purchase_rhythm(ordered_at, '2026-04-15')).* FROM few WHERE customer_id IS NOT NULL GROUP BY customer_id) r ORDER BY customer_id;

CREATE TEMP TABLE many AS
SELECT (n * 7919 % 97)::bigint AS customer_id, timestamptz '2024-01-01 UTC' + (n * 104729::bigint % 63072000) * interval '1 second' AS ordered_at FROM generate_series(1, 2500) n
UNION ALL SELECT 1000, timestamptz '2024-01-01 UTC' FROM generate_series(1, 5) UNION ALL SELECT 1001, '2024-01-01 UTC' UNION ALL SELECT NULL, '2024-01-01 UTC';
-- by hand
WITH gaps AS (
    SELECT customer_id, ordered_at, extract(epoch FROM ordered_at - lag(ordered_at) OVER (PARTITION BY customer_id ORDER BY ordered_at)) / 86400 AS gap
    FROM many WHERE ordered_at < '2025-06-01'
), hand AS (
    SELECT customer_id, count(*) AS n, min(ordered_at) AS first, max(ordered_at) AS last, avg(gap) AS mean, percentile_cont(0.5) WITHIN GROUP (ORDER BY gap::float8) AS median,
           stddev_samp(gap) AS deviation, extract(epoch FROM '2025-06-01' - max(ordered_at)) / 86400 AS since
    FROM gaps GROUP BY customer_id
)
SELECT h.*, r.* FROM hand h
JOIN (SELECT customer_id, (purchase_rhythm(ordered_at, '2025-06-01')).* FROM many GROUP BY customer_id) r ON r.customer_id IS NOT DISTINCT FROM h.customer_id
WHERE NOT (orders = n AND first_order_at = first AND last_order_at = last AND pg_temp.near(mean_gap_days, mean::float8) AND pg_temp.near(median_gap_days, median)
           AND pg_temp.near(gap_cv, (CASE WHEN n >= 3 THEN deviation / nullif(mean, 0) END)::float8) AND pg_temp.near(days_since_last, since::float8)
           AND pg_temp.near(overdue_ratio, CASE WHEN n >= 3 THEN since::float8 / nullif(median, 0) END)
           AND expected_next_at IS NOT DISTINCT FROM CASE WHEN n >= 3 THEN last + make_interval(secs => median * 86400) END);
SELECT (purchase_rhythm(ordered_at, '2025-06-01')).* FROM many WHERE customer_id = 1000;
-- the same in any order, from parts, in a window; of no rows, of NULLs, of rows at as_of and a microsecond before
SELECT customer_id FROM (SELECT customer_id, purchase_rhythm(ordered_at, '2025-06-01' ORDER BY md5(ordered_at::text))::text AS a, purchase_rhythm(ordered_at, '2025-06-01')::text AS b,
    purchase_rhythm_state(ordered_at, '2025-06-01')::text::retention_state AS s FROM many GROUP BY customer_id) x WHERE a <> b OR purchase_rhythm(s)::text <> b;
SELECT customer_id FROM (SELECT customer_id, purchase_rhythm(rollup(s))::text AS a FROM (SELECT customer_id, ordered_at::date AS day, purchase_rhythm_state(ordered_at, '2025-06-01') AS s FROM many GROUP BY 1, 2) parts GROUP BY 1) x
JOIN (SELECT customer_id, purchase_rhythm(ordered_at, '2025-06-01')::text AS b FROM many GROUP BY 1) y USING (customer_id) WHERE a <> b;
SELECT purchase_rhythm(ordered_at, '2025-06-01') IS NULL AS none FROM many WHERE false;
SELECT purchase_rhythm(NULL::timestamptz, '2025-06-01') IS NULL AS none FROM many;
SELECT at, (purchase_rhythm(at, '2025-06-01')).orders FROM unnest(ARRAY['2025-06-01', '2025-05-31 23:59:59.999999']::timestamptz[]) at GROUP BY at ORDER BY at;
SELECT expected_next_at IS NULL AS beyond_the_calendar FROM (SELECT (purchase_rhythm(at, '294276-12-31')).* FROM unnest('{2000-01-01 UTC, 150000-01-01 UTC, 294276-12-30 UTC}'::timestamptz[]) at) r;
SELECT max(pg_column_size(s)) <= 200 AS small FROM (SELECT purchase_rhythm_state(ordered_at, '2025-06-01') AS s FROM many GROUP BY ctid) x;
SELECT purchase_rhythm(timestamptz 'infinity', '2025-06-01');
SELECT purchase_rhythm(now(), NULL);
SELECT purchase_rhythm(gap_survival_state(1::bigint, now(), '2025-06-01'));
SELECT DISTINCT (r).orders FROM (SELECT purchase_rhythm(ordered_at, '2025-06-01') OVER (ORDER BY ordered_at ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS r FROM many WHERE customer_id = 5) w ORDER BY 1;

-- ---------------------------------------------------------------------------
-- gap_survival
-- ---------------------------------------------------------------------------
SELECT day, events, censored FROM survival_curve((SELECT gap_survival(customer_id, ordered_at, '2026-04-15') FROM few)) ORDER BY day;
SELECT round(survival_at(s, 20)::numeric, 12) AS s20, round(survival_at(s, 29)::numeric, 12) AS s29, round(survival_at(s, 30)::numeric, 12) AS s30 FROM (SELECT gap_survival(customer_id, ordered_at, '2026-04-15') AS s FROM few) x;
-- by hand, with lead()
SELECT gap_survival(customer_id, ordered_at, '2025-06-01')::text = (
    SELECT survival(floor(extract(epoch FROM coalesce(next_at, '2025-06-01') - ordered_at) / 86400)::float8, next_at IS NOT NULL)::text
    FROM (SELECT ordered_at, lead(ordered_at) OVER (PARTITION BY customer_id ORDER BY ordered_at) AS next_at FROM many WHERE ordered_at < '2025-06-01' AND customer_id IS NOT NULL) w) AS same
FROM many;
SELECT gap_survival(customer_id::text, ordered_at, '2025-06-01')::text = gap_survival(md5(customer_id::text)::uuid, ordered_at, '2025-06-01')::text AS same FROM many;
SELECT gap_survival(rollup(s))::text = (SELECT gap_survival(customer_id, ordered_at, '2025-06-01')::text FROM many) AS from_parts
FROM (SELECT gap_survival_state(customer_id, ordered_at, '2025-06-01')::text::retention_state AS s FROM many GROUP BY ordered_at::date) x;
-- a century of waiting, in days and as doubles
SELECT day, events, censored FROM survival_curve((SELECT gap_survival(1::bigint, at, '2090-01-01 UTC') FROM unnest('{1900-01-01 UTC, 1944-11-09 UTC, 1944-11-10 UTC, 1990-01-01 UTC}'::timestamptz[]) at)) ORDER BY day;
SELECT gap_survival(customer_id, ordered_at, '2025-06-01') IS NULL AS none FROM many WHERE false;
SELECT gap_survival(customer_id, ordered_at, '2020-06-01') IS NULL AS none FROM many;
SELECT gap_survival(NULL::bigint, ordered_at, '2025-06-01') IS NULL AS none FROM many;
SELECT gap_survival(1::bigint, now(), 'infinity');
SELECT gap_survival(repeat_survival_state(1::bigint, now(), '2025-06-01'));
SELECT rollup(s) FROM (SELECT gap_survival_state(1::bigint, '2024-01-01', at) AS s FROM unnest('{2025-06-01,2025-07-01}'::timestamptz[]) at GROUP BY at) x;
-- moved by a microsecond: a wait of exactly 30 days is of day 30
SELECT day, events FROM survival_curve((SELECT gap_survival(1::bigint, at, '2026-06-01') FROM unnest('{2026-01-01, 2026-01-31}'::timestamptz[]) at)) WHERE events > 0;
SELECT day, events FROM survival_curve((SELECT gap_survival(1::bigint, at, '2026-06-01') FROM unnest('{2026-01-01, 2026-01-30 23:59:59.999999}'::timestamptz[]) at)) WHERE events > 0;

-- ---------------------------------------------------------------------------
-- decay
-- ---------------------------------------------------------------------------
SELECT age, round(decay(timestamptz '2026-03-01' - age * interval '1 day', '30 days', '2026-03-01')::numeric, 12) AS decay FROM unnest('{0.5,30,45,60}'::float8[]) age;
SELECT pg_temp.near(decay('2026-02-28', '7 days', '2026-03-01'), 0.5 ^ (1 / 7.0)::float8) AS week, decay('2026-03-01', '7 days', '2026-03-01') AS at_as_of, decay('2026-03-02', '7 days', '2026-03-01') AS later,
       1 - decay('2026-02-28 23:59:59.999999', '30 days', '2026-03-01') BETWEEN 2.6e-13 AND 2.8e-13 AS a_moment_ago, decay('4713-01-01 BC', '1 microsecond', '294276-01-01') AS long_ago;
SELECT decay(NULL, '7 days', now()) IS NULL AS a, decay(now(), NULL, now()) IS NULL AS b, decay(now(), '7 days', NULL) IS NULL AS c;
SELECT decay(now(), '1 month', now());
SELECT decay(now(), '0 days', now());
SELECT decay(now(), '-1 day', now());
SELECT decay('infinity', '1 day', now());
SELECT decay(now(), '1 day', '-infinity');
