-- signup_retention: customers by the period of their sign-up
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET extra_float_digits = 1;
\set VERBOSITY terse
-- Made up for the edges: an order at the very instant of the sign-up (in), one before it in the same month (in no cell), a refund, an unknown amount; signed up twice,
-- on the first instant of a month, in its last half hour, at as_of, never; an order at as_of (not seen), at the first instant of a month.
CREATE TEMP TABLE signups (customer_id bigint, signed_up_at timestamptz);
INSERT INTO signups VALUES
    (1, '2026-01-05 10:00:00+00'), (2, '2026-01-20 12:00:00+00'), (3, '2026-01-25 12:00:00+00'), (4, '2026-01-10 12:00:00+00'),
    (4, '2026-02-15 12:00:00+00'), (5, '2026-02-01 00:00:00+00'), (6, '2026-01-31 23:30:00+00'), (7, '2026-03-10 12:00:00+00'),
    (8, '2026-03-15 00:00:00+00'), (9, NULL), (10, '2026-03-02 12:00:00+00');
CREATE TEMP TABLE orders_of_people (customer_id bigint, ordered_at timestamptz, amount numeric);
INSERT INTO orders_of_people VALUES
    (1, '2026-01-05 10:00:00+00', 20.00), (1, '2026-02-10 12:00:00+00', 30.00), (1, '2026-02-12 12:00:00+00', -5.00), (3, '2026-01-20 12:00:00+00', 15.00),
    (3, '2026-03-03 12:00:00+00', 40.00), (4, '2026-02-20 12:00:00+00', 25.00), (5, '2026-03-01 00:00:00+00', 10.00), (6, '2026-02-01 00:30:00+00', NULL),
    (9, '2026-02-03 12:00:00+00', 33.00), (10, '2026-03-15 00:00:00+00', 60.00);
CREATE TEMP VIEW joined AS SELECT * FROM signups LEFT JOIN orders_of_people USING (customer_id);

SELECT * FROM unnest((SELECT signup_retention(customer_id, signed_up_at, ordered_at, amount, 'month', '2026-03-15', 'UTC') FROM joined));
-- as_of at the first instant of a month opens none; the end of January is February in Berlin
SELECT cohort, period_index, cohort_size, eligible, retained, rate, retained_so_far, orders, revenue, cumulative_revenue, ltv, is_complete FROM unnest((SELECT signup_retention(customer_id, signed_up_at, ordered_at, amount, 'month', '2026-03-01', 'UTC') FROM joined));
SELECT cohort, period_index, cohort_size, eligible, retained, rate, retained_so_far, orders, revenue, cumulative_revenue, ltv, is_complete FROM unnest((SELECT signup_retention(customer_id, signed_up_at, ordered_at, amount, 'month', '2026-03-15', 'Europe/Berlin') FROM joined));
-- a microsecond: of the order, of the sign-up, of as_of
SELECT at, period_index, orders FROM unnest(ARRAY['2026-01-09 23:59:59.999999', '2026-01-10 00:00', '2026-02-14 23:59:59.999999', '2026-02-15']::timestamptz[]) at,
    LATERAL (SELECT signup_retention(c, timestamptz '2026-01-10', at, 5, 'month', '2026-02-15', 'UTC') AS rows FROM (VALUES (1)) v (c)) x, unnest(rows) WHERE period_index = 0 OR orders > 0;
SELECT up, cohort FROM unnest(ARRAY['2026-01-31 23:59:59.999999', '2026-02-01', '2026-02-09 23:59:59.999999', '2026-02-10']::timestamptz[]) up,
    LATERAL (SELECT signup_retention(c, up, NULL, NULL, 'month', '2026-02-10', 'UTC') AS rows FROM (VALUES (1)) v (c)) x LEFT JOIN LATERAL unnest(rows) r ON true WHERE period_index IS NOT DISTINCT FROM 0 OR cohort IS NULL;
SELECT until, period_index, eligible, retained_so_far FROM unnest(ARRAY['2026-01-31 23:59:59.999999', '2026-02-01', '2026-02-01 00:00:00.000001']::timestamptz[]) until,
    LATERAL (SELECT signup_retention(c, timestamptz '2026-01-31', timestamptz '2026-02-01', 5, 'month', until, 'UTC') AS rows FROM (VALUES (1)) v (c)) x, unnest(rows);

-- ---------------------------------------------------------------------------
-- an oracle in plain SQL, on more people
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE people AS
SELECT n % 700 AS c, timestamptz '2024-01-01 UTC' + (n * 104729::bigint % 900) * interval '13 hours 7 minutes' AS up FROM generate_series(1, 900) n;
CREATE TEMP TABLE purchases AS
SELECT n * 7919 % 720 AS c, timestamptz '2024-01-01 UTC' + (n * 15485863::bigint % 50000) * interval '17 minutes' AS at,
       CASE WHEN n % 31 = 0 THEN NULL WHEN n % 17 = 0 THEN 0.000 WHEN n % 13 = 0 THEN -n % 90 WHEN n % 101 = 0 THEN 12345678901234567890123456789012345678901234567890.5 ELSE (n * 7 % 20000) / 100.0 END AS a
FROM generate_series(1, 8000) n;
INSERT INTO purchases SELECT c, up, 3.25 FROM people WHERE c % 9 = 0;
CREATE TEMP VIEW many AS SELECT c, up, at, a FROM people LEFT JOIN purchases USING (c);

CREATE FUNCTION pg_temp.by_hand(grain text, step interval, until timestamptz, tz text) RETURNS SETOF cohort_retention_row LANGUAGE sql AS $$
WITH member AS (SELECT c, min(up) AS up FROM people WHERE up < until GROUP BY c),
seen AS (
    SELECT m.c, date_trunc(grain, m.up AT TIME ZONE tz)::date AS cohort, date_trunc(grain, p.at AT TIME ZONE tz)::date AS period, a, a > 0 IS NOT FALSE AS is_order,
           CASE WHEN a > 0 IS NOT FALSE THEN row_number() OVER (PARTITION BY m.c, a > 0 IS NOT FALSE ORDER BY p.at, a) END AS number
    FROM member m JOIN purchases p ON p.c = m.c AND p.at >= m.up AND p.at < until),
size AS (SELECT date_trunc(grain, up AT TIME ZONE tz)::date AS cohort, count(*) AS size FROM member GROUP BY 1),
grid AS (SELECT cohort, size, (row_number() OVER (PARTITION BY cohort ORDER BY p) - 1)::int AS i, p::date AS period, (p + step) AT TIME ZONE tz <= until AS ended
         FROM size, generate_series(cohort::timestamp, date_trunc(grain, (until - interval '1 microsecond') AT TIME ZONE tz), step) p),
cell AS (
    SELECT g.*, count(DISTINCT c) FILTER (WHERE is_order) AS active, count(*) FILTER (WHERE is_order) AS orders, count(c) AS rows, sum(a) AS money, count(*) FILTER (WHERE number = 2) AS again
    FROM grid g LEFT JOIN seen s USING (cohort, period) GROUP BY g.cohort, g.size, g.i, g.period, g.ended),
so_far AS (SELECT *, sum(again) OVER w AS agains, CASE WHEN sum(rows) OVER w = 0 THEN 0 ELSE sum(money) OVER w END AS moneys FROM cell WINDOW w AS (PARTITION BY cohort ORDER BY i))
SELECT cohort, i, size, CASE WHEN ended THEN size ELSE 0 END, CASE WHEN ended THEN active ELSE 0 END, CASE WHEN ended THEN active::float8 / size END, active, orders,
       CASE WHEN rows = 0 THEN 0 ELSE money END, moneys, agains::bigint, CASE WHEN ended THEN agains::float8 / size END, moneys / size, ended
FROM so_far
$$;
CREATE FUNCTION pg_temp.differs(grain text, step interval, until timestamptz, tz text) RETURNS TABLE (ours cohort_retention_row, theirs cohort_retention_row) LANGUAGE sql AS $$
SELECT o, t FROM unnest((SELECT signup_retention(c, up, at, a, grain, until, tz) FROM many)) o FULL JOIN pg_temp.by_hand(grain, step, until, tz) t USING (cohort, period_index)
WHERE ((o).cohort_size, (o).eligible, (o).retained, (o).retained_so_far, (o).orders, (o).repeat_customers, (o).is_complete) IS DISTINCT FROM ((t).cohort_size, (t).eligible, (t).retained, (t).retained_so_far, (t).orders, (t).repeat_customers, (t).is_complete)
   OR ((o).rate, (o).repeat_rate, (o).revenue, (o).cumulative_revenue) IS DISTINCT FROM ((t).rate, (t).repeat_rate, (t).revenue, (t).cumulative_revenue) OR (abs((o).ltv - (t).ltv) <= 1e-4 OR ((o).ltv IS NULL AND (t).ltv IS NULL)) IS NOT TRUE
$$;
SELECT * FROM pg_temp.differs('month', '1 month', '2025-06-15', 'UTC');
SELECT * FROM pg_temp.differs('month', '1 month', '2024-12-01', 'UTC');
SELECT * FROM pg_temp.differs('week', '7 days', '2024-07-01', 'Europe/Berlin');
SELECT * FROM pg_temp.differs('day', '1 day', '2024-03-12 18:00', 'America/New_York');
SELECT * FROM pg_temp.differs('quarter', '3 months', '2025-07-01', 'Asia/Tokyo');
SELECT * FROM pg_temp.differs('year', '1 year', '2026-01-01', 'UTC');
SELECT count(*) AS rows_compared FROM pg_temp.by_hand('week', '7 days', '2024-07-01', 'Europe/Berlin');

-- ---------------------------------------------------------------------------
-- properties
-- ---------------------------------------------------------------------------
-- with the first order as sign-up it is cohort_retention, all columns, every grain
CREATE TEMP VIEW since_first AS SELECT c, min(at) FILTER (WHERE a > 0 IS NOT FALSE) OVER (PARTITION BY c) AS up, at, a FROM purchases;
SELECT grain, (SELECT signup_retention(c, up, at, a, grain, '2025-06-15', 'Europe/Berlin') FROM since_first)::text = (SELECT cohort_retention(c, at, a, grain, '2025-06-15', 'Europe/Berlin') FROM purchases)::text AS same
FROM unnest('{day,week,month,quarter,year,week_sunday,fiscal_quarter_02,fiscal_year_04}'::text[]) grain;
-- everybody with a sign-up is in a cohort, whatever they ordered
SELECT grain, sum(cohort_size) = (SELECT count(DISTINCT c) FROM people WHERE up < '2025-02-01') AS everybody
FROM unnest('{day,week,month,quarter,year}'::text[]) grain, LATERAL (SELECT signup_retention(c, up, at, a, grain, '2025-02-01', 'UTC') AS rows FROM many) x, unnest(rows) WHERE period_index = 0 GROUP BY grain ORDER BY grain;
-- a second sign-up changes nothing, in whatever order it comes; rows of an order before the sign-up neither
SELECT bool_and(signup_retention(s)::text = (SELECT signup_retention(c, up, at, a, 'month', '2025-06-15', 'UTC') FROM many)::text) AS same
FROM (SELECT signup_retention_state(c, up + more, at, a, 'month', '2025-06-15', 'UTC' ORDER BY CASE o WHEN 1 THEN more WHEN 2 THEN -more END, md5(at::text)) AS s
      FROM many, (VALUES (interval '0'), ('1 microsecond'), ('400 days')) m (more), generate_series(1, 3) o GROUP BY o) x;
-- in any order, from parts, of other keys, as text and back
SELECT (SELECT signup_retention(c, up, at, a, 'month', '2025-06-15', 'UTC' ORDER BY md5(at::text || up)) FROM many)::text = a AS shuffled,
       (SELECT signup_retention(c, up, at, a, 'month', '2025-06-15', 'UTC' ORDER BY up DESC, at DESC) FROM many)::text = a AS backwards,
       (SELECT signup_retention(rollup(s)) FROM (SELECT signup_retention_state(c, up, at, a, 'month', '2025-06-15', 'UTC')::text::retention_state AS s FROM many GROUP BY at::date) p)::text = a AS from_parts,
       (SELECT signup_retention(c::text, up, at, a, 'month', '2025-06-15', 'UTC') FROM many)::text = a AS texts,
       (SELECT signup_retention('a name of more than fifteen bytes ' || c, up, at, a, 'month', '2025-06-15', 'UTC') FROM many)::text = a AS long_texts,
       (SELECT signup_retention(md5(c::text)::uuid, up, at, a, 'month', '2025-06-15', 'UTC') FROM many)::text = a AS uuids
FROM (SELECT signup_retention(c, up, at, a, 'month', '2025-06-15', 'UTC')::text AS a FROM many) x;
-- equal rows make equal bytes, in whatever order
SELECT count(DISTINCT s::text) AS states FROM (SELECT signup_retention_state(c, up, at, a, 'month', '2025-06-15', 'UTC' ORDER BY CASE o WHEN 1 THEN at WHEN 2 THEN up END, CASE o WHEN 3 THEN md5(up::text || at) END) AS s FROM many, generate_series(1, 3) o GROUP BY o) x;
-- the average line of it
SELECT period_index, cohorts, eligible, retained, round(rate::numeric, 4) AS rate FROM cohort_curve((SELECT signup_retention(c, up, at, a, 'quarter', '2025-06-15', 'UTC') FROM many));
-- beside its state and a filtered one in one query, in groups, in a window
SELECT count(*), bool_and(one = two) AS same, bool_and(small IS DISTINCT FROM one) AS other FROM (
    SELECT signup_retention(c, up, at, a, 'month', '2025-06-15', 'UTC')::text AS one, signup_retention(signup_retention_state(c, up, at, a, 'month', '2025-06-15', 'UTC'))::text AS two,
           signup_retention(c, up, at, a, 'month', '2025-06-15', 'UTC') FILTER (WHERE a > 5)::text AS small FROM many GROUP BY c % 5) x;
SELECT count(DISTINCT rows::text) AS answers FROM (SELECT signup_retention(customer_id, signed_up_at, ordered_at, amount, 'month', '2026-03-15', 'UTC') OVER (ORDER BY signed_up_at, ordered_at) AS rows FROM joined) w;
SELECT count(DISTINCT rows::text) AS answers FROM (SELECT signup_retention(customer_id, signed_up_at, ordered_at, amount, 'month', '2026-03-15', 'UTC') OVER (ORDER BY signed_up_at, ordered_at ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS rows FROM joined) w;

-- ---------------------------------------------------------------------------
-- edges
-- ---------------------------------------------------------------------------
-- no rows; nobody; nobody who signed up; nobody yet; people without orders
SELECT signup_retention(customer_id, signed_up_at, ordered_at, amount, 'month', '2026-03-15', 'UTC') IS NULL AS none FROM joined WHERE false;
SELECT signup_retention(NULL::bigint, signed_up_at, ordered_at, amount, 'month', '2026-03-15', 'UTC') IS NULL AS none FROM joined;
SELECT signup_retention(customer_id, NULL, ordered_at, amount, 'month', '2026-03-15', 'UTC') IS NULL AS none FROM joined;
SELECT signup_retention(customer_id, signed_up_at, ordered_at, amount, 'month', '2025-03-15', 'UTC') IS NULL AS none FROM joined;
SELECT cohort, period_index, cohort_size, retained_so_far, orders, revenue, cumulative_revenue, ltv FROM unnest((SELECT signup_retention(customer_id, signed_up_at, NULL, 7, 'month', '2026-02-15', 'UTC') FROM signups));
-- a refund alone is money and no order; an unknown amount alone is an order and no money; a zero alone is neither
SELECT a, orders, revenue, cumulative_revenue, ltv FROM unnest('{-4.50,NULL,0.00}'::numeric[]) a, LATERAL (SELECT signup_retention(c, timestamptz '2026-01-10', timestamptz '2026-01-11', a, 'month', '2026-02-01', 'UTC') AS rows FROM (VALUES (1)) v (c)) x, unnest(rows);
-- when the clocks of St John's went back to October, nobody ordered before signing up; dates before 1970
SELECT cohort, period_index, cohort_size, orders FROM unnest((SELECT signup_retention(1::bigint, timestamptz '2009-11-01 02:30', at, 1, 'month', '2009-11-15', 'America/St_Johns') FROM unnest('{2009-11-01 02:30,2009-11-01 02:31,2009-11-01 03:29:59,2009-11-01 03:30}'::timestamptz[]) at));
SELECT cohort, period_index, orders FROM unnest((SELECT signup_retention(1::bigint, timestamptz '1969-11-30', '1970-01-02', 1, 'month', '1970-02-01', 'UTC')));
-- money that is wide, and goes away again
SELECT revenue, cumulative_revenue FROM unnest((SELECT signup_retention(1::bigint, timestamptz '2026-01-10', timestamptz '2026-01-11', a, 'month', '2026-02-01', 'UTC') FROM unnest('{1e400,-1e400,2.50}'::numeric[]) a));
-- what is dropped with an earlier sign-up does not pile up: every row is an earlier one
SELECT (i).bytes < 2000 AS small, (i).customers FROM (SELECT state_info(signup_retention_state(1::bigint, timestamptz '2026-01-01' - n * interval '1 minute', timestamptz '2026-02-01', 1e40 + n, 'day', '2026-03-01', 'UTC')) AS i FROM generate_series(1, 20000) n) x;

-- bad arguments
SELECT signup_retention(1::bigint, timestamptz '2026-01-10', 'infinity', 1, 'month', '2026-03-01', 'UTC');
SELECT signup_retention(1::bigint, timestamptz '-infinity', now(), 1, 'month', '2026-03-01', 'UTC');
SELECT signup_retention(1::bigint, timestamptz '2026-01-10', '2026-01-11', 'NaN', 'month', '2026-03-01', 'UTC');
SELECT signup_retention(1::bigint, timestamptz '2026-01-10', '2026-01-09', 'NaN', 'month', '2026-03-01', 'UTC') IS NOT NULL AS not_looked_at;
SELECT signup_retention(1::bigint, now(), now(), 1, 'fortnight', '2126-01-01', 'UTC');
SELECT signup_retention(1::bigint, now(), now(), 1, 'month', NULL, 'UTC');
SELECT signup_retention(1::bigint, now(), now(), 1, 'month', '2126-01-01', 'UTC+2');
SELECT signup_retention(1::bigint, timestamptz '2026-01-10', '2026-01-11', 1, 'month', 'infinity', 'UTC');
SELECT signup_retention(c, timestamptz '2026-01-10', '2026-01-11', 1, CASE c WHEN 1 THEN 'day' ELSE 'month' END, '2026-03-01', 'UTC') FROM generate_series(1::bigint, 2) c;
SELECT signup_retention(1::bigint, '4000-01-01 BC'::timestamptz, NULL, NULL, 'day', '200000-01-01', 'UTC');
SELECT signup_retention(cohort_retention_state(1::bigint, now(), 1, 'month', '2126-01-01', 'UTC'));
SELECT cohort_retention(signup_retention_state(1::bigint, now(), now(), 1, 'month', '2126-01-01', 'UTC'));
SELECT signup_retention_transfn_bigint(NULL, 1::bigint, now(), now(), 1, 'month', now(), 'UTC');
