-- uplift: the arms of an experiment beside its control group
SET TimeZone = 'UTC';
SET extra_float_digits = 1;
\set VERBOSITY terse

CREATE FUNCTION pg_temp.near(a double precision, b double precision) RETURNS boolean LANGUAGE sql AS
$$SELECT coalesce(abs(a - b) <= 1e-9 * abs(b), a IS NULL AND b IS NULL)$$;

-- Made up for the edges: an order at the very instant of assignment (in), one at exactly 14 days (out), at exactly 60 days before (in); a refund, an unknown
-- amount; assigned twice, in two arms, not mature, after as_of, at as_of, without arm, without time; a window that ends exactly at as_of (eligible).
CREATE TEMP TABLE assignments (customer_id bigint, arm text, assigned_at timestamptz);
INSERT INTO assignments VALUES
    (1, 'control', '2026-01-10 00:00:00+00'), (2, 'control', '2026-01-10 00:00:00+00'), (3, 'control', '2026-01-10 00:00:00+00'),
    (4, 'control', '2026-01-10 00:00:00+00'), (5, 'control', '2026-01-10 00:00:00+00'), (6, 'coupon', '2026-01-10 00:00:00+00'),
    (7, 'coupon', '2026-01-10 00:00:00+00'), (8, 'coupon', '2026-01-10 00:00:00+00'), (9, 'coupon', '2026-01-10 00:00:00+00'),
    (10, 'coupon', '2026-01-10 00:00:00+00'), (10, 'coupon', '2026-01-20 00:00:00+00'), (11, 'control', '2026-01-10 00:00:00+00'),
    (11, 'coupon', '2026-01-10 00:00:00+00'), (12, 'coupon', '2026-02-25 00:00:00+00'), (13, 'control', '2026-03-05 00:00:00+00'),
    (14, NULL, '2026-01-10 00:00:00+00'), (15, 'coupon', NULL), (16, 'coupon', '2026-02-15 00:00:00+00'), (17, 'control', '2026-03-01 00:00:00+00');
CREATE TEMP TABLE exp_orders (customer_id bigint, ordered_at timestamptz, amount numeric);
INSERT INTO exp_orders VALUES
    (1, '2025-12-01 12:00:00+00', 40.00), (1, '2026-01-12 12:00:00+00', 50.00), (2, '2025-12-20 12:00:00+00', 10.00),
    (3, '2026-01-01 12:00:00+00', 25.00), (3, '2026-01-10 00:00:00+00', 5.00), (4, '2026-01-23 23:59:59+00', 12.00),
    (4, '2026-01-24 00:00:00+00', 30.00), (4, '2026-01-24 00:00:01+00', 99.00), (5, '2025-11-15 12:00:00+00', 60.00),
    (5, '2026-01-15 12:00:00+00', 70.00), (5, '2026-01-16 12:00:00+00', -20.00), (6, '2025-12-05 12:00:00+00', 45.00),
    (6, '2026-01-11 12:00:00+00', 80.00), (7, '2025-12-31 12:00:00+00', 15.00), (7, '2026-01-13 12:00:00+00', 35.00),
    (8, '2026-01-14 12:00:00+00', NULL), (9, '2025-10-01 12:00:00+00', 500.00), (9, '2025-11-10 23:59:59+00', 3.00),
    (9, '2025-11-11 00:00:00+00', 7.00), (9, '2025-12-24 12:00:00+00', 20.00), (10, '2025-12-12 12:00:00+00', 55.00),
    (10, '2026-01-20 12:00:00+00', 60.00), (10, '2026-01-22 12:00:00+00', 25.00), (10, '2026-01-30 12:00:00+00', 40.00),
    (11, '2026-01-12 12:00:00+00', 100.00), (12, '2026-02-26 12:00:00+00', 75.00), (16, '2026-02-28 23:59:59+00', 20.00),
    (16, '2026-03-01 00:00:00+00', 9.00);
CREATE TEMP VIEW joined AS SELECT * FROM assignments LEFT JOIN exp_orders USING (customer_id);

-- figures of R: t.test, prop.test, lm
CREATE TEMP TABLE known (arm text, metric text, customers bigint, eligible bigint, value float8, control_value float8, difference float8, std_error float8,
                         ci_low float8, ci_high float8, relative float8, incremental float8, p_value float8);
INSERT INTO known VALUES
    ('control', 'conversion', 5, 5, 0.8, 0.8, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('control', 'orders', 5, 5, 0.8, 0.8, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('control', 'revenue', 5, 5, 23.4, 23.4, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('control', 'revenue_adjusted', 5, 5, 21.3469440512, 21.3469440512, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('coupon', 'conversion', 7, 6, 0.833333333333, 0.8, 0.0333333333333, 0.234836428495, -0.395970145480, 0.479241444300, 0.0416666666667, 0.2, 0.886507524585),
    ('coupon', 'orders', 7, 6, 1, 0.8, 0.2, 0.326598632371, -0.541022945999, 0.941022945999, 0.25, 1.2, 0.555734723691),
    ('coupon', 'revenue', 7, 6, 36.6666666667, 23.4, 13.2666666667, 19.0001169587, -30.0244501938, 56.5577835271, 0.566951566952, 79.6, 0.503475092505),
    ('coupon', 'revenue_adjusted', 7, 6, 38.377546624, 21.3469440512, 17.0306025728, 11.2342152038, -8.50646737809, 42.5676725237, 0.797800496967, 102.183615437, 0.164895628064);
CREATE TEMP TABLE found AS
SELECT * FROM unnest((SELECT uplift(customer_id, arm, assigned_at, ordered_at, amount, 'control', '14 days', '60 days', '2026-03-01') FROM joined)) WITH ORDINALITY;
SELECT arm, metric, customers, eligible, in_several_arms FROM found ORDER BY ordinality;
SELECT k.*, f.* FROM known k FULL JOIN found f USING (arm, metric)
WHERE (k.customers = f.customers AND k.eligible = f.eligible AND pg_temp.near(f.value, k.value) AND pg_temp.near(f.control_value, k.control_value)
       AND pg_temp.near(f.difference, k.difference) AND pg_temp.near(f.std_error, k.std_error) AND pg_temp.near(f.ci_low, k.ci_low) AND pg_temp.near(f.ci_high, k.ci_high)
       AND pg_temp.near(f.relative, k.relative) AND pg_temp.near(f.incremental, k.incremental) AND pg_temp.near(f.p_value, k.p_value)) IS NOT TRUE;

-- ---------------------------------------------------------------------------
-- an oracle in plain SQL, on more customers
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE people AS
SELECT c AS customer_id, (ARRAY['control', 'a much longer name of an arm', 'b'])[1 + c % 3] AS arm, timestamptz '2026-01-01 UTC' + (c * 7919 % 40) * interval '1 day 3 hours' AS assigned_at
FROM generate_series(1, 600) c
UNION ALL SELECT c, 'b', timestamptz '2026-01-05 UTC' FROM generate_series(1, 600, 97) c
UNION ALL SELECT c, (ARRAY['control', 'a much longer name of an arm', 'b'])[1 + c % 3], timestamptz '2025-12-20 UTC' FROM generate_series(1, 600, 41) c;
CREATE TEMP TABLE purchases AS
SELECT 1 + (n * 104729::bigint) % 640 AS customer_id, timestamptz '2025-10-01 UTC' + (n * 7907 % 170) * interval '1 day' + (n % 5) * interval '7 hours' AS ordered_at,
       CASE WHEN n % 31 = 0 THEN NULL WHEN n % 17 = 0 THEN 0 WHEN n % 13 = 0 THEN -n % 90 ELSE (n * 7 % 20000) / 100.0 END AS amount
FROM generate_series(1, 5000) n;
CREATE TEMP VIEW many AS SELECT * FROM people LEFT JOIN purchases USING (customer_id);

-- each customer by hand
CREATE FUNCTION pg_temp.by_hand(within interval, before interval, until timestamptz)
RETURNS TABLE (arm text, customers bigint, eligible bigint, converted numeric, orders numeric, var_orders numeric, revenue numeric, var_revenue numeric, adjusted numeric, var_adjusted numeric)
LANGUAGE sql AS $$
WITH counted AS (
    SELECT customer_id, min(p.arm) AS arm, min(assigned_at) AS at FROM people p WHERE assigned_at < until GROUP BY customer_id HAVING count(DISTINCT p.arm) = 1
), sums AS (
    SELECT c.arm, c.customer_id, bool_and(at + within <= until) AS mature,
           count(*) FILTER (WHERE ordered_at >= at AND ordered_at < at + within AND ordered_at < until AND (amount > 0 OR amount IS NULL))::numeric AS o,
           coalesce(sum(amount) FILTER (WHERE ordered_at >= at AND ordered_at < at + within AND ordered_at < until), 0) AS y,
           coalesce(sum(amount) FILTER (WHERE ordered_at >= at - before AND ordered_at < at), 0) AS x
    FROM counted c LEFT JOIN purchases USING (customer_id) GROUP BY c.arm, c.customer_id
), means AS (
    SELECT s.*, avg(x) OVER () AS mean_x, x - avg(x) OVER arms AS dx, y - avg(y) OVER arms AS dy FROM sums s WHERE mature WINDOW arms AS (PARTITION BY s.arm)
), theta AS (SELECT coalesce(sum(dx * dy) / nullif(sum(dx * dx), 0), 0) AS t FROM means)
SELECT a.arm, a.n, count(customer_id), avg((o > 0)::int), avg(o), var_samp(o), avg(y), var_samp(y), avg(y - t * (x - mean_x)), var_samp(y - t * (x - mean_x))
FROM (SELECT s.arm, count(*) AS n FROM sums s GROUP BY s.arm) a LEFT JOIN means USING (arm) CROSS JOIN theta GROUP BY a.arm, a.n
$$;
CREATE FUNCTION pg_temp.compared(within interval, before interval, until timestamptz) RETURNS TABLE (ours uplift_row, theirs record) LANGUAGE sql AS $$
WITH hand AS (SELECT * FROM pg_temp.by_hand(within, before, until)),
lines AS (
    SELECT h.arm, h.customers, h.eligible, m.metric, m.mean, m.variance, c.mean AS control_mean, c.variance AS control_variance, c.n AS control_n, h.converted
    FROM hand h, LATERAL (VALUES ('conversion', converted, NULL), ('orders', orders, var_orders), ('revenue', revenue, var_revenue), ('revenue_adjusted', adjusted, var_adjusted)) m (metric, mean, variance),
         LATERAL (SELECT x.mean, x.variance, eligible AS n FROM hand, LATERAL (VALUES ('conversion', converted, NULL), ('orders', orders, var_orders), ('revenue', revenue, var_revenue), ('revenue_adjusted', adjusted, var_adjusted)) x (metric, mean, variance)
                  WHERE arm = 'control' AND x.metric = m.metric) c
), answers AS (
    SELECT l.*, coalesce(r.difference, d.difference) AS difference, coalesce(r.ci_low, d.ci_low) AS low, coalesce(r.ci_high, d.ci_high) AS high, coalesce(r.p_value, d.p_value) AS p
    FROM lines l
    LEFT JOIN LATERAL (SELECT * FROM rate_difference(CASE metric WHEN 'conversion' THEN round(mean * eligible)::bigint ELSE 0 END, eligible, CASE metric WHEN 'conversion' THEN round(control_mean * control_n)::bigint ELSE 0 END, control_n)) r
        ON metric = 'conversion' AND arm <> 'control'
    LEFT JOIN LATERAL (SELECT * FROM mean_difference(mean::float8, variance::float8, eligible, control_mean::float8, control_variance::float8, control_n)) d ON metric <> 'conversion' AND arm <> 'control'
)
SELECT u, a FROM unnest((SELECT uplift(customer_id, arm, assigned_at, ordered_at, amount, 'control', within, before, until) FROM many)) u
FULL JOIN answers a ON a.arm = u.arm AND a.metric = u.metric
WHERE (u.customers = a.customers AND u.eligible = a.eligible AND pg_temp.near(u.value, a.mean::float8) AND pg_temp.near(u.control_value, a.control_mean::float8)
       AND pg_temp.near(u.difference, a.difference) AND pg_temp.near(u.ci_low, a.low) AND pg_temp.near(u.ci_high, a.high) AND pg_temp.near(u.p_value, a.p)) IS NOT TRUE
$$;
SELECT * FROM pg_temp.compared('14 days', '60 days', '2026-03-15');
SELECT * FROM pg_temp.compared('30 days', '90 days', '2026-02-10');
SELECT * FROM pg_temp.compared('1 month', '2 months', '2026-02-20');
SELECT * FROM pg_temp.compared('1 day', '1 hour', '2026-02-01');

-- ---------------------------------------------------------------------------
-- properties
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE whole AS SELECT uplift_state(customer_id, arm, assigned_at, ordered_at, amount, 'control', '14 days', '60 days', '2026-03-15') AS state FROM many;
SELECT state_info(state) IS NOT NULL AS stored, (state_info(state)).measure, (state_info(state)).customers FROM whole;
-- in any order, from parts, as text and back, with workers: the same answer
SELECT (SELECT uplift(customer_id, arm, assigned_at, ordered_at, amount, 'control', '14 days', '60 days', '2026-03-15' ORDER BY hashtext(ordered_at::text || arm)) FROM many)::text = uplift(state)::text AS shuffled,
       (SELECT uplift(rollup(part)) FROM (SELECT uplift_state(customer_id, arm, assigned_at, ordered_at, amount, 'control', '14 days', '60 days', '2026-03-15') AS part FROM many GROUP BY extract(day FROM ordered_at)) p)::text = uplift(state)::text AS from_parts,
       uplift(state::text::retention_state)::text = uplift(state)::text AS as_text
FROM whole;
SELECT (SELECT uplift(customer_id::text, arm, assigned_at, ordered_at, amount, 'control', '14 days', '60 days', '2026-03-15') FROM many) IS NOT NULL AS texts;
SELECT max(abs(a.difference - b.difference)) < 1e-9 AS same, count(*)
FROM unnest((SELECT uplift(state) FROM whole)) a
JOIN unnest((SELECT uplift(md5(customer_id::text)::uuid, arm, assigned_at, ordered_at, amount, 'control', '14 days', '60 days', '2026-03-15') FROM many)) b USING (arm, metric);
-- arms swapped: the difference mirrored
SELECT a.metric FROM unnest((SELECT uplift(state) FROM whole)) a
JOIN unnest((SELECT uplift(customer_id, arm, assigned_at, ordered_at, amount, 'b', '14 days', '60 days', '2026-03-15') FROM many)) b ON a.metric = b.metric AND a.arm = 'b' AND b.arm = 'control'
WHERE NOT (pg_temp.near(a.difference, -b.difference) AND pg_temp.near(a.ci_low, -b.ci_high) AND pg_temp.near(a.ci_high, -b.ci_low) AND pg_temp.near(a.p_value, b.p_value));
-- amounts times ten: revenue times ten, p as it is
SELECT a.arm, a.metric FROM unnest((SELECT uplift(state) FROM whole)) a
JOIN unnest((SELECT uplift(customer_id, arm, assigned_at, ordered_at, amount * 10, 'control', '14 days', '60 days', '2026-03-15') FROM many)) b USING (arm, metric)
WHERE NOT (pg_temp.near(b.difference, a.difference * CASE WHEN metric LIKE 'revenue%' THEN 10 ELSE 1 END) AND pg_temp.near(a.p_value, b.p_value));
-- another confidence: a narrower interval, the same p
SELECT bool_and(a.ci_low < b.ci_low AND a.ci_high > b.ci_high AND a.p_value = b.p_value) AS narrower
FROM whole, unnest(uplift(state)) a JOIN unnest((SELECT uplift(state, 0.8) FROM whole)) b USING (arm, metric) WHERE arm <> 'control';
-- no earlier money: adjusted is not adjusted; a control that is not there
SELECT bool_and(a.value = b.value AND a.difference IS NOT DISTINCT FROM b.difference AND a.ci_low IS NOT DISTINCT FROM b.ci_low) AS same
FROM (SELECT * FROM unnest((SELECT uplift(customer_id, arm, assigned_at, ordered_at, amount, 'control', '14 days', '60 days', '2026-03-15') FROM many WHERE ordered_at >= '2026-01-01'
                            AND ordered_at >= assigned_at)) WHERE metric = 'revenue') a
JOIN (SELECT * FROM unnest((SELECT uplift(customer_id, arm, assigned_at, ordered_at, amount, 'control', '14 days', '60 days', '2026-03-15') FROM many WHERE ordered_at >= '2026-01-01'
                            AND ordered_at >= assigned_at)) WHERE metric = 'revenue_adjusted') b USING (arm);
SELECT arm, metric, customers, control_value, difference, p_value FROM unnest((SELECT uplift(customer_id, arm, assigned_at, ordered_at, amount, 'nobody', '14 days', '60 days', '2026-03-01') FROM joined WHERE customer_id < 7)) WHERE metric = 'orders';

-- ---------------------------------------------------------------------------
-- sealed: sums of arms without customers, exact, in any division and order
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE each AS
SELECT customer_id, uplift_state(customer_id, arm, assigned_at, ordered_at, amount, 'control', '14 days', '60 days', '2026-03-15') AS state FROM many GROUP BY customer_id;
SELECT n AS parts, (SELECT uplift(rollup(seal(s))) FROM (SELECT rollup(state) AS s FROM each GROUP BY hashint8(customer_id) % n) p)::text = uplift(state)::text AS equal,
       (SELECT rollup(s ORDER BY hashint8(place))::text FROM (SELECT seal(rollup(state)) AS s, customer_id % n AS place FROM each GROUP BY 2) p) = seal(state)::text AS same_bytes,
       uplift(seal(state)::text::retention_state, 0.8)::text = uplift(state, 0.8)::text AS as_text
FROM whole, unnest('{1,2,7,600}'::int[]) n;
SELECT (state_info(seal(state))).measure, (state_info(seal(state))).customers, length(retention_state_send(seal(state))) < 1000 AS small FROM whole;
-- variances are of exact sums: large amounts that differ by cents, and amounts with more digits than a double has
SELECT name, r.arm, pg_temp.near(r.std_error, sqrt(v.variance / v.n * 2)) AS as_numeric
FROM (VALUES ('cents', 1e12, 0.01), ('digits', 123456789012345678.123456789, 1e-20), ('wide', 1e40, 1e-7)) m (name, much, little),
     LATERAL (SELECT uplift(rollup(seal(s))) AS rows FROM (SELECT uplift_state(c, CASE c % 2 WHEN 0 THEN 'control' ELSE 'b' END, '2026-01-01', '2026-01-02', much + c / 2 * little, 'control', '14 days', '60 days', '2026-03-01') AS s
                                                         FROM generate_series(0, 199) c GROUP BY c) q) u, unnest(rows) r,
     LATERAL (SELECT var_samp(much + c * little) AS variance, count(*) AS n FROM generate_series(0, 99) c) v
WHERE r.metric = 'revenue' AND r.arm = 'b';
-- a sum of squares beyond all doubles is no number
SELECT r.metric, r.value, r.std_error FROM unnest((SELECT uplift(c, CASE c % 2 WHEN 0 THEN 'control' ELSE 'b' END, timestamptz '2026-01-01', '2026-01-02', c * 1e200, 'control', '14 days', '60 days', '2026-03-01') FROM generate_series(1, 4) c)) r
WHERE arm = 'b' AND metric LIKE 'revenue%';
-- the same arm in two parts, nobody in one, customers of two arms in another
SELECT metric, customers, in_several_arms FROM unnest((SELECT uplift(rollup(seal(s))) FROM (
    SELECT uplift_state(c, 'a', timestamptz '2026-01-01', NULL, NULL, 'a', '14 days', '60 days', '2026-03-01') AS s FROM generate_series(1, 3) c GROUP BY c
    UNION ALL SELECT uplift_state(4, a, timestamptz '2026-01-01', NULL, NULL, 'a', '14 days', '60 days', '2026-03-01') FROM unnest('{a,b}'::text[]) a
    UNION ALL SELECT uplift_state(NULL::bigint, 'a', timestamptz '2026-01-01', NULL, NULL, 'a', '14 days', '60 days', '2026-03-01')) q)) WHERE metric = 'orders';
SELECT uplift(seal(uplift_state(4, a, timestamptz '2026-01-01', NULL, NULL, 'a', '14 days', '60 days', '2026-03-01'))) IS NULL AS nobody FROM unnest('{a,b}'::text[]) a;
SELECT merge(seal(state), state) FROM whole;

-- ---------------------------------------------------------------------------
-- edges: a microsecond
-- ---------------------------------------------------------------------------
CREATE FUNCTION pg_temp.one(ordered timestamptz, until timestamptz) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(metric || ' ' || eligible || ' ' || coalesce(value::text, '-'), ', ') FROM unnest((
    SELECT uplift(1::bigint, 'control', timestamptz '2026-01-10 UTC', ordered, 10, 'control', '14 days', '60 days', until))) WHERE metric IN ('orders', 'revenue')$$;
SELECT at, pg_temp.one(at, '2026-03-01') FROM unnest(ARRAY['2026-01-09 23:59:59.999999', '2026-01-10 00:00', '2026-01-23 23:59:59.999999', '2026-01-24 00:00']::timestamptz[]) at;
SELECT until, pg_temp.one('2026-01-12', until) FROM unnest(ARRAY['2026-01-10 00:00', '2026-01-10 00:00:00.000001', '2026-01-23 23:59:59.999999', '2026-01-24 00:00']::timestamptz[]) until;
SELECT at, round(value::numeric, 6) AS revenue_adjusted
FROM unnest(ARRAY['2025-11-10 23:59:59.999999', '2025-11-11 00:00']::timestamptz[]) at,
     LATERAL (SELECT uplift(c, CASE WHEN c < 3 THEN 'control' ELSE 'b' END, timestamptz '2026-01-10 UTC', o, a, 'control', '14 days', '60 days', '2026-03-01') AS rows
              FROM (VALUES (1, at, 5), (1, '2026-01-11', 8), (2, '2026-01-11', 6), (3, '2026-01-12', 7), (3, '2025-12-30', 3), (4, '2026-01-12', 9)) v (c, o, a)) x,
     unnest(rows) r WHERE r.arm = 'control' AND metric = 'revenue_adjusted';

-- an order for ever, an order of nothing, far ends of the calendar
SELECT uplift(1::bigint, 'control', timestamptz '2026-01-10', 'infinity', 1, 'control', '14 days', '60 days', '2026-03-01');
SELECT uplift(1::bigint, 'control', timestamptz '-infinity', now(), 1, 'control', '14 days', '60 days', '2026-03-01');
SELECT uplift(1::bigint, 'control', timestamptz '2026-01-10', '2026-01-11', 'NaN', 'control', '14 days', '60 days', '2026-03-01');
SELECT metric, eligible, value FROM unnest((SELECT uplift(1::bigint, 'control', timestamptz '4713-01-01 BC', '4713-01-02 BC', 1, 'control', '14 days', '9000 years', '294276-01-01')));
SELECT metric, eligible, value FROM unnest((SELECT uplift(1::bigint, 'control', timestamptz '2026-01-10', '2026-01-11', 1, 'control', '294000 years', '1 day', '294276-12-31')));

-- no rows, only NULLs, nobody in one arm alone
SELECT uplift(customer_id, arm, assigned_at, ordered_at, amount, 'control', '14 days', '60 days', '2026-03-01') IS NULL AS none FROM joined WHERE false;
SELECT uplift(NULL::bigint, arm, assigned_at, ordered_at, amount, 'control', '14 days', '60 days', '2026-03-01') IS NULL AS none FROM joined;
SELECT uplift(customer_id, NULL, assigned_at, ordered_at, amount, 'control', '14 days', '60 days', '2026-03-01') IS NULL AS none FROM joined;
SELECT uplift(customer_id, arm, assigned_at, ordered_at, amount, 'control', '14 days', '60 days', '2026-03-01') FILTER (WHERE customer_id = 11) IS NULL AS none FROM joined;
SELECT count(*) AS rows, min(eligible) AS eligible FROM unnest((SELECT uplift(customer_id, arm, assigned_at, NULL, NULL, 'control', '14 days', '60 days', '2026-03-01') FROM assignments));
SELECT g.arm, u.metric, u.customers, u.value FROM (SELECT arm, uplift(customer_id, arm, assigned_at, ordered_at, amount, 'control', '14 days', '60 days', '2026-03-01') AS rows FROM joined WHERE customer_id < 10 GROUP BY arm) g, unnest(rows) u
WHERE u.metric = 'revenue' ORDER BY g.arm;
SELECT count(DISTINCT rows::text) AS answers FROM (SELECT uplift(customer_id, arm, assigned_at, ordered_at, amount, 'control', '14 days', '60 days', '2026-03-01') OVER (ORDER BY assigned_at, customer_id, ordered_at) AS rows FROM joined) w;

-- bad arguments
SELECT uplift(1::bigint, 'a', now(), now(), 1, NULL, '14 days', '60 days', '2026-03-01');
SELECT uplift(1::bigint, 'a', now(), now(), 1, 'control', '14', '60 days', '2026-03-01');
SELECT uplift(1::bigint, 'a', now(), now(), 1, 'control', '14 days', '-1 day', '2026-03-01');
SELECT uplift(1::bigint, 'a', now(), now(), 1, 'control', '14 days', '60 days', 'infinity');
SELECT uplift(c::bigint, 'a', now(), now(), 1, CASE c WHEN 1 THEN 'a' ELSE 'b' END, '14 days', '60 days', '2026-03-01') FROM generate_series(1, 2) c;
SELECT uplift(1::bigint, repeat('a', 64), timestamptz '2026-01-01', now(), 1, 'control', '14 days', '60 days', '2026-03-01');
SELECT uplift(1::bigint, 'a', timestamptz '2026-01-01', now(), 1, repeat('a', 64), '14 days', '60 days', '2026-03-01');
SELECT count(*) FROM unnest((SELECT uplift(1::bigint, repeat('a', 63), timestamptz '2026-01-01', now(), 1, repeat('a', 63), '14 days', '60 days', '2026-03-01'))) WHERE control_value IS NOT NULL;
SELECT uplift(c::bigint, 'arm ' || c, timestamptz '2026-01-01', now(), 1, 'control', '14 days', '60 days', '2026-03-01') FROM generate_series(1, 1001) c;
SELECT uplift(state, 1) FROM whole;
SELECT uplift(state, NULL) IS NULL AS none FROM whole;
SELECT uplift(repeat_rate_state(1::bigint));
SELECT rollup(s) FROM (SELECT uplift_state(1::bigint, 'a', timestamptz '2026-01-01', now(), 1, c, '14 days', '60 days', '2026-03-01') AS s FROM unnest('{a,b}'::text[]) c GROUP BY c) x;

-- ---------------------------------------------------------------------------
-- simulated experiments: what was planted is covered; without an effect nothing is found too often
-- ---------------------------------------------------------------------------
SELECT setseed(0.16);
CREATE TEMP TABLE simulated AS
SELECT e, c AS customer_id, CASE WHEN c % 2 = 0 THEN 'control' ELSE 'b' END AS arm, base, (base * 0.6 + random() * 40 + CASE WHEN c % 2 = 1 THEN 5 ELSE 0 END)::numeric(12,2) AS after,
       (base * 0.6 + random() * 40)::numeric(12,2) AS same
FROM (SELECT e, c, (random() * 100)::numeric(12,2) AS base FROM generate_series(1, 400) e, generate_series(1, 100) c) s;
SELECT round(avg((r.ci_low <= 5 AND r.ci_high >= 5)::int) FILTER (WHERE metric = 'revenue'), 2) BETWEEN 0.92 AND 0.98 AS covered,
       round(avg((r.ci_low <= 5 AND r.ci_high >= 5)::int) FILTER (WHERE metric = 'revenue_adjusted'), 2) BETWEEN 0.92 AND 0.98 AS covered_adjusted,
       avg(std_error) FILTER (WHERE metric = 'revenue_adjusted') < 0.8 * avg(std_error) FILTER (WHERE metric = 'revenue') AS narrower
FROM (SELECT e, uplift(customer_id, arm, timestamptz '2026-01-10', at, amount, 'control', '14 days', '60 days', '2026-03-01') AS rows
      FROM simulated, LATERAL (VALUES (timestamptz '2026-01-01', base), ('2026-01-11', after)) o (at, amount) GROUP BY e) x, unnest(rows) r WHERE arm = 'b';
SELECT metric, max(abs(share - (i + 1) / 10.0)) < 0.08 AS uniform
FROM (SELECT metric, i, avg((p_value < (i + 1) / 10.0)::int) AS share
      FROM (SELECT e, uplift(customer_id, arm, timestamptz '2026-01-10', at, amount, 'control', '14 days', '60 days', '2026-03-01') AS rows
            FROM simulated, LATERAL (VALUES (timestamptz '2026-01-01', base), ('2026-01-11', same)) o (at, amount) GROUP BY e) x, unnest(rows) r, generate_series(0, 9) i
      WHERE arm = 'b' AND metric LIKE 'revenue%' GROUP BY metric, i) s GROUP BY metric ORDER BY metric;
