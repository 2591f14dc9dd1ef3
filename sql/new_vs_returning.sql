-- new against returning: who brings the money
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

SELECT * FROM unnest((SELECT new_vs_returning(customer_id, ordered_at, amount, 'month', '2026-04-15', 'UTC') FROM small));
-- an order of the last half hour of January is February's in Berlin
SELECT period_start, orders, new_orders, returning_orders, new_customers, returning_customers, new_revenue, returning_revenue, refunds, revenue, round(returning_share::numeric, 12) AS share
FROM unnest((SELECT new_vs_returning(customer_id, ordered_at, amount, 'month', '2026-04-15', 'Europe/Berlin') FROM small)) WHERE period_start BETWEEN '2026-01-01' AND '2026-02-28';
-- as_of at the first instant of a month, days later, and beside an order
SELECT period_start, orders, is_complete FROM unnest((SELECT new_vs_returning(customer_id, ordered_at, amount, 'month', '2026-02-01', 'UTC') FROM small));
SELECT period_start, orders, new_revenue, returning_revenue, refunds, revenue, returning_share, is_complete FROM unnest((SELECT new_vs_returning(customer_id, ordered_at, amount, 'month', '2026-02-03', 'UTC') FROM small)) WHERE NOT is_complete;
SELECT period_start, orders, new_orders, returning_orders, new_customers, returning_customers, new_revenue, returning_revenue, revenue, returning_share, is_complete
FROM unnest((SELECT new_vs_returning(customer_id, ordered_at, amount, 'month', '2026-02-03 00:00:00.000001', 'UTC') FROM small)) WHERE NOT is_complete;

-- ---------------------------------------------------------------------------
-- an oracle in plain SQL
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE many AS
SELECT nullif(n * 7919 % 397, 0)::bigint AS customer_id, timestamptz '2024-01-01 UTC' + (n * 104729::bigint % 604800 * 100) * interval '1 second' AS ordered_at,
       CASE WHEN n % 31 = 0 THEN NULL WHEN n % 17 = 0 THEN 0 WHEN n % 13 = 0 THEN -n % 90 WHEN n % 101 = 0 THEN 12345678901234567890123456789012345678901234567890.5 ELSE (n * 7 % 20000) / 100.0 END AS amount
FROM generate_series(1, 6000) n
UNION ALL SELECT c, at, a FROM (VALUES (9001, '2023-11-05 UTC'::timestamptz, -3::numeric), (9002, '2024-02-01 UTC', 5), (9002, '2024-02-01 UTC', NULL), (9003, '2024-02-02 UTC', 0), (9004, '2025-12-01 UTC', NULL), (9004, '2025-12-09 UTC', NULL)) v (c, at, a);
CREATE FUNCTION pg_temp.differs(grain text, step interval, until timestamptz, tz text) RETURNS TABLE (ours new_vs_returning_row, theirs record) LANGUAGE sql AS $$
WITH seen AS (SELECT *, date_trunc(grain, ordered_at AT TIME ZONE tz)::date AS p, amount > 0 IS NOT FALSE AS is_order FROM many WHERE ordered_at < until AND customer_id IS NOT NULL),
first AS (SELECT customer_id, min(ordered_at) FILTER (WHERE is_order) AS first_at FROM seen GROUP BY customer_id),
flagged AS (SELECT s.*, is_order AND ordered_at = first_at AS is_new, is_order AND ordered_at > first_at AS is_returning FROM seen s JOIN first USING (customer_id)),
sums AS (
    SELECT p, count(*) FILTER (WHERE is_order) AS orders, count(*) FILTER (WHERE is_new) AS new_orders, count(*) FILTER (WHERE is_returning) AS returning_orders,
           count(DISTINCT customer_id) FILTER (WHERE is_new) AS new_customers, count(DISTINCT customer_id) FILTER (WHERE is_returning) AS returning_customers,
           sum(amount) FILTER (WHERE is_new) AS new_money, sum(amount) FILTER (WHERE is_returning) AS returning_money, sum(amount) FILTER (WHERE amount < 0) AS refunds,
           sum(amount) FILTER (WHERE amount <> 0) AS money
    FROM flagged GROUP BY p),
hand AS (
    SELECT d::date AS p, coalesce(orders, 0) AS orders, coalesce(new_orders, 0) AS new_orders, coalesce(returning_orders, 0) AS returning_orders, coalesce(new_customers, 0) AS new_customers,
           coalesce(returning_customers, 0) AS returning_customers, CASE WHEN coalesce(new_orders, 0) = 0 THEN 0 ELSE new_money END AS new_money,
           CASE WHEN coalesce(returning_orders, 0) = 0 THEN 0 ELSE returning_money END AS returning_money, coalesce(refunds, 0) AS refunds,
           CASE WHEN coalesce(orders, 0) = 0 THEN coalesce(refunds, 0) ELSE money END AS money, (d + step) AT TIME ZONE tz <= until AS complete
    FROM generate_series((SELECT min(p) FROM seen WHERE amount <> 0 IS NOT FALSE)::timestamp, date_trunc(grain, (until - interval '1 microsecond') AT TIME ZONE tz), step) d LEFT JOIN sums ON p = d::date)
SELECT u, h FROM unnest((SELECT new_vs_returning(customer_id, ordered_at, amount, grain, until, tz) FROM many)) u FULL JOIN hand h ON h.p = u.period_start
WHERE (u.orders = h.orders AND u.new_orders = h.new_orders AND u.returning_orders = h.returning_orders AND u.new_customers = h.new_customers AND u.returning_customers = h.returning_customers
       AND u.new_revenue IS NOT DISTINCT FROM h.new_money AND u.returning_revenue IS NOT DISTINCT FROM h.returning_money AND u.refunds = h.refunds AND u.revenue IS NOT DISTINCT FROM h.money
       AND pg_temp.near(u.returning_share, (h.returning_money / nullif(h.new_money + h.returning_money, 0))::float8) AND u.is_complete = h.complete) IS NOT TRUE
$$;
SELECT * FROM pg_temp.differs('month', '1 month', '2026-01-15', 'UTC');
SELECT * FROM pg_temp.differs('month', '1 month', '2025-05-01', 'UTC');
SELECT * FROM pg_temp.differs('week', '7 days', '2025-05-01', 'Europe/Berlin');
SELECT * FROM pg_temp.differs('day', '1 day', '2024-12-24 18:00', 'America/New_York');
SELECT * FROM pg_temp.differs('quarter', '3 months', '2025-07-01', 'Asia/Tokyo');
SELECT * FROM pg_temp.differs('year', '1 year', '2026-01-01', 'UTC');

-- all of them, whatever the grain
SELECT grain, sum(new_customers) = (SELECT count(DISTINCT customer_id) FROM many WHERE amount > 0 IS NOT FALSE) AS customers, bool_and(orders = new_orders + returning_orders) AS orders,
       sum(revenue) = (SELECT sum(amount) FROM many WHERE customer_id IS NOT NULL) AS money
FROM unnest('{day,week,month,quarter,year,week_sunday,fiscal_year_04}'::text[]) grain, LATERAL (SELECT new_vs_returning(customer_id, ordered_at, amount, grain, '2026-01-15', 'UTC') AS rows FROM many) x, unnest(rows) GROUP BY grain ORDER BY grain;
-- in any order, from parts, of other keys
SELECT (SELECT new_vs_returning(customer_id, ordered_at, amount, 'month', '2026-01-15', 'UTC' ORDER BY md5(ordered_at::text)) FROM many)::text = a AS shuffled,
       (SELECT new_vs_returning(rollup(s)) FROM (SELECT new_vs_returning_state(customer_id, ordered_at, amount, 'month', '2026-01-15', 'UTC')::text::retention_state AS s FROM many GROUP BY ordered_at::date) p)::text = a AS from_parts,
       (SELECT new_vs_returning(customer_id::text, ordered_at, amount, 'month', '2026-01-15', 'UTC') FROM many)::text = a AS texts,
       (SELECT new_vs_returning(md5(customer_id::text)::uuid, ordered_at, amount, 'month', '2026-01-15', 'UTC') FROM many)::text = a AS uuids
FROM (SELECT new_vs_returning(customer_id, ordered_at, amount, 'month', '2026-01-15', 'UTC')::text AS a FROM many) x;
-- no rows; nobody; zeroes; a refund alone; unknown amounts alone
SELECT new_vs_returning(customer_id, ordered_at, amount, 'month', '2026-01-15', 'UTC') IS NULL AS none FROM many WHERE false;
SELECT new_vs_returning(NULL::bigint, ordered_at, amount, 'month', '2026-01-15', 'UTC') IS NULL AS none FROM many;
SELECT new_vs_returning(1::bigint, '2025-12-05', 0, 'month', '2026-01-15', 'UTC') IS NULL AS none;
SELECT period_start, orders, new_revenue, refunds, revenue, returning_share FROM unnest((SELECT new_vs_returning(1::bigint, '2025-12-05', -4.50, 'month', '2026-01-01', 'UTC')));
SELECT period_start, orders, new_revenue, returning_revenue, revenue, returning_share FROM unnest((SELECT new_vs_returning(1::bigint, at, NULL, 'month', '2026-01-01', 'UTC') FROM unnest('{2025-12-05,2025-12-06}'::timestamptz[]) at));
SELECT new_orders, returning_orders, new_revenue, returning_revenue, revenue, returning_share FROM unnest((SELECT new_vs_returning(1::bigint, at, a, 'month', '2026-01-01', 'UTC') FROM (VALUES (timestamptz '2025-12-05', 5), ('2025-12-06', NULL)) v (at, a)));
SELECT new_vs_returning(1::bigint, now(), 'NaN', 'month', '2126-01-01', 'UTC');
SELECT new_vs_returning(1::bigint, 'infinity', 1, 'month', '2126-01-01', 'UTC');
SELECT new_vs_returning(1::bigint, now(), 1, 'fortnight', '2126-01-01', 'UTC') IS NULL;
SELECT new_vs_returning(1::bigint, now(), 1, 'month', '2126-01-01', NULL);
SELECT new_vs_returning(1::bigint, '4000-01-01 BC', 1, 'day', '200000-01-01', 'UTC');
SELECT new_vs_returning(cohort_retention_state(1::bigint, now(), 1, 'month', '2126-01-01', 'UTC'));
