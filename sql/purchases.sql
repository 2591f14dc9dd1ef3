-- Purchases of a customer, as the models want them: purchase_summary, purchase_days_state
SET TimeZone = 'America/New_York';
SET DateStyle = 'ISO';
SET extra_float_digits = 1;
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE SCHEMA purchases;

-- by hand: A orders on four days (two orders on the first, three on the third of which one is
-- of unknown value), has a refund on another day and a row of zero on yet another; B once, of
-- unknown value; C has only a refund, D only a row of zero; E orders after as_of, F at as_of;
-- G twice, both of unknown value; H has an order, then a refund of more
CREATE TABLE purchases.few (customer text, ordered_at timestamptz, amount numeric);
INSERT INTO purchases.few VALUES
    ('A', '2024-01-01 09:00Z', 10.00), ('A', '2024-01-01 23:59:59.999999Z', 5.5), ('A', '2024-01-08 00:00Z', 20), ('A', '2024-01-22 12:00Z', 3), ('A', '2024-01-22 13:00Z', NULL),
    ('A', '2024-01-22 14:00Z', 4.250), ('A', '2024-01-25 08:00Z', -7), ('A', '2024-01-26 08:00Z', 0), ('A', '2024-01-29 08:00Z', 30), ('A', NULL, 1000),
    ('B', '2024-01-15 08:00Z', NULL), ('C', '2024-01-15 08:00Z', -30), ('D', '2024-01-15 08:00Z', 0.00), ('E', '2024-02-05 00:00:00.000001Z', 8), ('F', '2024-02-05 00:00Z', 8),
    ('G', '2024-01-02 08:00Z', NULL), ('G', '2024-01-04 08:00Z', NULL), ('H', '2024-01-02 08:00Z', 5), ('H', '2024-01-03 08:00Z', -9.99);
SELECT customer, (purchase_summary(ordered_at, amount, '7 days', '2024-02-05 00:00Z', 'UTC')).* FROM purchases.few GROUP BY customer ORDER BY customer;
-- as of an earlier time; the end of as_of's day does not matter, but its day does
SELECT (purchase_summary(ordered_at, amount, '7 days', '2024-01-22 12:30Z', 'UTC')).* FROM purchases.few WHERE customer = 'A';
SELECT (purchase_summary(ordered_at, amount, '1 day', '2024-02-05 23:59:59Z', 'UTC')).age AS "35", (purchase_summary(ordered_at, amount, '1 day', '2024-02-06 00:00Z', 'UTC')).age AS "36" FROM purchases.few WHERE customer = 'A';
-- the unit divides times and nothing else
SELECT unit, (purchase_summary(ordered_at, amount, unit::interval, '2024-02-05 00:00Z', 'UTC')).* FROM purchases.few, unnest('{1 day,24 hours,7 days,6 days 24 hours,30 days}'::text[]) unit WHERE customer = 'A' GROUP BY unit ORDER BY unit::interval, unit;

SET TimeZone = 'UTC';

-- ---------------------------------------------------------------------------
-- the oracle, over rows of g (group), t (time), a (amount)
-- ---------------------------------------------------------------------------
CREATE FUNCTION purchases.oracle(source text, days float8, as_of timestamptz, tz text)
RETURNS TABLE (g text, orders bigint, first_order_at timestamptz, last_order_at timestamptz, revenue numeric, x bigint, t_x float8, age float8, mean_repeat_value numeric)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'WITH rows AS (SELECT g::text, t, a, (a > 0) IS NOT FALSE AS is_order, (t AT TIME ZONE $3)::date AS day FROM (%s) s WHERE t < $2),
         known AS (SELECT *, min(day) FILTER (WHERE is_order) OVER (PARTITION BY g) AS first_day FROM rows)
         SELECT g, count(*) FILTER (WHERE is_order), min(t) FILTER (WHERE is_order), max(t) FILTER (WHERE is_order), sum(a),
                count(DISTINCT day) FILTER (WHERE is_order) - 1, (max(day) FILTER (WHERE is_order) - min(first_day)) / $1, (($2 AT TIME ZONE $3)::date - min(first_day)) / $1,
                sum(a) FILTER (WHERE is_order AND day > first_day) / nullif(count(DISTINCT day) FILTER (WHERE is_order) - 1, 0)
         FROM known GROUP BY g HAVING bool_or(is_order)', source) USING days, as_of, tz;
END $$;
CREATE FUNCTION purchases.ours(source text, unit interval, as_of timestamptz, tz text)
RETURNS TABLE (g text, s purchase_summary_row) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT g::text, purchase_summary(t, a, $1, $2, $3) FROM (%s) s GROUP BY g', source) USING unit, as_of, tz;
END $$;
-- rows of one and not of the other
CREATE FUNCTION purchases.breaches(source text, unit interval, as_of timestamptz, tz text) RETURNS TABLE (side text, "row" text) LANGUAGE sql AS $$
    WITH ours AS (SELECT (g, (s).*)::text AS r FROM purchases.ours(source, unit, as_of, tz) o WHERE (s).orders IS NOT NULL),
         theirs AS (SELECT o::text AS r FROM purchases.oracle(source, extract(epoch FROM unit)::float8 / 86400, as_of, tz) o)
    SELECT 'ours', r FROM (TABLE ours EXCEPT ALL TABLE theirs) x UNION ALL SELECT 'theirs', r FROM (TABLE theirs EXCEPT ALL TABLE ours) x ORDER BY 2, 1 LIMIT 6
$$;
SELECT * FROM purchases.breaches('SELECT customer g, ordered_at t, amount a FROM purchases.few', '7 days', '2024-02-05 00:00Z', 'UTC');
-- who has no order has no summary
SELECT (SELECT count(*) FROM purchases.ours(source, '7 days', as_of, 'UTC') WHERE s IS NOT NULL OR (s).x IS NOT NULL) = (SELECT count(*) FROM purchases.oracle(source, 7, as_of, 'UTC')) AS same,
       (SELECT count(*) FROM purchases.ours(source, '7 days', as_of, 'UTC') WHERE (s).x IS NULL) AS without
FROM (VALUES ('SELECT customer_id g, ordered_at t, amount a FROM shop_orders', timestamptz '2024-07-15 12:34Z')) v(source, as_of);
-- the shop: units, times, zones; by customer, and groups of thousands of orders
SELECT unit, as_of, b.* FROM unnest('{1 day,7 days,168 hours,30 days,365 days,2147483647 days}'::interval[]) unit, unnest('{2022-12-31,2023-01-01 04:00Z,2024-02-29 23:59:59.999999Z,2025-06-19 00:00Z,2100-01-01}'::timestamptz[]) as_of,
    purchases.breaches('SELECT customer_id g, ordered_at t, amount a FROM shop_orders', unit, as_of, 'UTC') b;
SELECT tz, b.* FROM unnest(ARRAY['UTC', 'Europe/Paris', 'America/St_Johns', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Etc/GMT-5']) tz,
    purchases.breaches('SELECT customer_email g, ordered_at t, amount a FROM shop_orders', '7 days', '2024-10-27 00:30Z', tz) b;
SELECT b.* FROM purchases.breaches('SELECT country g, ordered_at t, amount a FROM shop_orders', '7 days', '2025-01-01', 'Europe/Paris') b;
-- days of 23 and 25 hours, a day that begins at 1 o'clock, one that never was, zones that changed sides
CREATE TABLE purchases.hours AS
SELECT g, start::timestamptz + n * interval '30 minutes' AS t, (1 + n % 7)::numeric AS a, tz
FROM (VALUES (1, '2024-03-30 12:00Z', 'Europe/Paris'), (2, '2024-10-26 12:00Z', 'Europe/Paris'), (3, '2018-11-03 12:00Z', 'America/Sao_Paulo'), (4, '2011-12-29 00:00Z', 'Pacific/Apia'),
             (5, '1994-12-30 00:00Z', 'Pacific/Kiritimati'), (6, '2024-04-06 00:00Z', 'Australia/Lord_Howe'), (7, '2016-02-28 00:00Z', 'UTC')) v(g, start, tz), generate_series(0, 143) n;
SELECT tz, g, (purchase_summary(t, a, '1 day', '2025-01-01 00:00Z', tz)).x FROM purchases.hours GROUP BY tz, g ORDER BY g;
SELECT tz, b.* FROM (SELECT DISTINCT tz FROM purchases.hours) z, purchases.breaches('SELECT g, t, a FROM purchases.hours', '1 day', '2025-01-01 00:00Z', tz) b;
-- one second apart, on either side of midnight, in one zone and not in another
SELECT tz, (purchase_summary(t::timestamptz, 5, '1 day', '2024-06-03 00:00Z', tz)).* FROM unnest(ARRAY['UTC', 'Europe/Paris']) tz, unnest('{2024-06-01 21:59:59Z,2024-06-01 22:00Z,2024-06-02 00:00Z}'::text[]) t GROUP BY tz ORDER BY tz DESC;
-- the ends of all times, and of all amounts
SELECT (purchase_summary(t, 1, '7 days', '294276-12-31 23:59:59.999999Z', 'UTC')).* FROM (VALUES (timestamptz '4714-11-24 00:00Z BC'), ('294276-12-31 23:59:59.999998Z')) v(t);
SELECT (s).x, (s).t_x, length((s).revenue::text), (s).mean_repeat_value = 1.5e-20 AS exact FROM (SELECT purchase_summary('2024-01-01'::timestamptz + i * interval '1 day', CASE i WHEN 0 THEN 1e1000 ELSE 1e-20 * i END, '1 day', '2025-01-01', 'UTC') s FROM generate_series(0, 2) i) x;
SELECT (purchase_summary('2024-01-01'::timestamptz + i * interval '1 day', (i % 2) * 1e40 + 9007199254740993, '1 day', '2025-01-01', 'UTC')).* FROM generate_series(0, 4) i;
-- integers, of all widths, are exact
SELECT (purchase_summary('2024-01-01'::timestamptz + i * interval '1 day', 9007199254740993::bigint, '1 day', '2025-01-01', 'UTC')).revenue, (purchase_summary('2024-01-01'::timestamptz, i::smallint, '1 day', '2025-01-01', 'UTC')).revenue AS small FROM generate_series(1, 3) i;
-- the session's zone has no say
SELECT md5(string_agg(o::text, ',' ORDER BY o::text)) AS here FROM (SELECT g, extract(epoch FROM (s).first_order_at), (s).x, (s).t_x, (s).age FROM purchases.ours('SELECT customer_id g, ordered_at t, amount a FROM shop_orders', '7 days', '2025-01-01 00:00Z', 'Europe/Paris')) o \gset
SET TimeZone = 'Asia/Tokyo';
SELECT md5(string_agg(o::text, ',' ORDER BY o::text)) = :'here' AS same FROM (SELECT g, extract(epoch FROM (s).first_order_at), (s).x, (s).t_x, (s).age FROM purchases.ours('SELECT customer_id g, ordered_at t, amount a FROM shop_orders', '7 days', '2025-01-01 00:00Z', 'Europe/Paris')) o;
SET TimeZone = 'UTC';

-- ---------------------------------------------------------------------------
-- the grid
-- ---------------------------------------------------------------------------
SELECT purchase_summary(ordered_at, amount, '7 days', '2024-02-05', 'UTC') IS NULL AS none, purchase_summary_state(ordered_at, amount, '7 days', '2024-02-05', 'UTC') IS NULL AS no_state, purchase_days_state(customer, ordered_at, amount, '2024-02-05', 'UTC') IS NULL AS no_days FROM purchases.few WHERE false;
SELECT customer, purchase_summary(ordered_at, amount, '7 days', '2024-02-05', 'UTC') FROM purchases.few WHERE false GROUP BY customer;
SELECT purchase_summary(NULL, amount, '7 days', '2024-02-05', 'UTC') AS no_time, purchase_summary(NULL, NULL, '7 days', '2024-02-05', 'UTC') AS nothing, purchase_summary(ordered_at, NULL, '7 days', '2024-02-05', 'UTC') AS no_amount FROM purchases.few;
SELECT (state_info(purchase_days_state(NULL::bigint, ordered_at, amount, '2024-02-05', 'UTC'))).customers, (state_info(purchase_days_state(7, NULL, amount, '2024-02-05', 'UTC'))).customers AS no_time, (state_info(purchase_days_state(customer, ordered_at, NULL, '2024-02-05', 'UTC'))).customers AS no_amount FROM purchases.few;
SELECT (purchase_summary('2024-01-15', 12.5, '7 days', '2024-02-05', 'UTC')).*;
SELECT (purchase_summary('2024-02-05', 12.5, '7 days', '2024-02-05', 'UTC')).*;
SELECT (purchase_summary('2024-02-05', 12.5, '7 days', '2024-02-05 00:00:00.000001', 'UTC')).*;
SELECT purchase_summary('2024-02-06', 12.5, '7 days', '2024-02-05', 'UTC') AS later, purchase_summary('2024-01-15', 0, '7 days', '2024-02-05', 'UTC') AS zero, purchase_summary('2024-01-15', -1, '7 days', '2024-02-05', 'UTC') AS refund;
SELECT purchase_summary(ordered_at, amount, '7 days', '2024-02-05', 'UTC') FILTER (WHERE customer = 'nobody') AS nobody, purchase_summary(ordered_at, amount, '7 days', '2024-02-05', 'UTC') FILTER (WHERE customer = 'A') AS a,
       purchase_summary(ordered_at, amount, '7 days', '2024-02-05', 'UTC') FILTER (WHERE customer = 'C') AS c FROM purchases.few;
SELECT purchase_summary(ordered_at, amount, '7 days', '2024-02-05', 'UTC') AS plain, purchase_summary(DISTINCT ordered_at, amount, '7 days', '2024-02-05', 'UTC') = purchase_summary(ordered_at, amount, '7 days', '2024-02-05', 'UTC') AS "distinct of distinct rows",
       purchase_summary(ordered_at, amount, '7 days', '2024-02-05', 'UTC' ORDER BY amount, ordered_at DESC)::text = purchase_summary(ordered_at, amount, '7 days', '2024-02-05', 'UTC')::text AS ordered FROM purchases.few WHERE customer = 'A';
SELECT (purchase_summary(DISTINCT ordered_at, amount, '7 days', '2024-02-05', 'UTC')).orders, (purchase_summary(ordered_at, amount, '7 days', '2024-02-05', 'UTC')).orders AS twice FROM purchases.few, generate_series(1, 2) WHERE customer = 'A';
-- twice in one query, with options that differ, beside others
SELECT (purchase_summary(ordered_at, amount, '7 days', '2024-02-05', 'UTC')).x, (purchase_summary(ordered_at, amount, '7 days', '2024-02-05', 'UTC')).t_x, (purchase_summary(ordered_at, amount, '1 day', '2024-02-05', 'UTC')).t_x AS days, (purchase_summary(ordered_at, amount, '7 days', '2024-01-20', 'UTC')).x AS earlier,
       aov(amount), md5(purchase_summary_state(ordered_at, amount, '7 days', '2024-02-05', 'UTC')::text) = md5(purchase_summary_state(ordered_at, amount, '7 days', '2024-02-05', 'UTC')::text) AS same FROM purchases.few WHERE customer = 'A';
-- a running frame, a sliding one, and one that loses rows at both ends: as the same rows alone
SELECT ordered_at, amount, purchase_summary(ordered_at, amount, '7 days', '2024-02-05', 'UTC') OVER w AS running, purchase_summary(ordered_at, amount, '7 days', '2024-02-05', 'UTC') OVER (w ROWS 1 PRECEDING) AS sliding
FROM purchases.few WHERE customer = 'A' AND ordered_at IS NOT NULL WINDOW w AS (ORDER BY ordered_at);
SELECT count(*), count(*) FILTER (WHERE running::text <> (SELECT purchase_summary(ordered_at, amount, '7 days', '2025-01-01', 'UTC')::text FROM shop_orders o WHERE customer_id = 3 AND o.ordered_at <= w.ordered_at)) AS running,
       count(*) FILTER (WHERE sliding::text IS DISTINCT FROM (SELECT purchase_summary(ordered_at, amount, '7 days', '2025-01-01', 'UTC')::text FROM shop_orders o WHERE customer_id = 3 AND o.ordered_at BETWEEN w.ordered_at - interval '30 days' AND w.ordered_at + interval '10 days')) AS sliding
FROM (SELECT ordered_at, purchase_summary(ordered_at, amount, '7 days', '2025-01-01', 'UTC') OVER (ORDER BY ordered_at) AS running,
             purchase_summary(ordered_at, amount, '7 days', '2025-01-01', 'UTC') OVER (ORDER BY ordered_at RANGE BETWEEN '30 days' PRECEDING AND '10 days' FOLLOWING) AS sliding
      FROM shop_orders WHERE customer_id = 3 AND ordered_at IS NOT NULL) w;
-- how PostgreSQL would run it is looked for by node
CREATE FUNCTION purchases.plan_has(query text, node text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text; found boolean := false;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP found := found OR line ~ node; END LOOP;
    RETURN found;
END $$;
CREATE TABLE purchases.serial AS SELECT customer_id AS customer, purchase_summary(ordered_at, amount, '7 days', '2025-01-01', 'Europe/Paris')::text AS s, purchase_summary_state(ordered_at, amount, '7 days', '2025-01-01', 'Europe/Paris')::text AS state FROM shop_orders GROUP BY 1;
CREATE TABLE purchases.serial_countries AS SELECT country, purchase_summary(ordered_at, amount, '7 days', '2025-01-01', 'Europe/Paris')::text AS s, purchase_summary_state(ordered_at, amount, '7 days', '2025-01-01', 'Europe/Paris')::text AS state FROM shop_orders GROUP BY 1;
CREATE TABLE purchases.serial_days AS SELECT purchase_days_state(customer_id, ordered_at, amount, '2025-01-01', 'Europe/Paris') AS id, purchase_days_state(customer_code, ordered_at, amount, '2025-01-01', 'Europe/Paris') AS code,
    purchase_days_state(customer_email, ordered_at, amount, '2025-01-01', 'Europe/Paris') AS email, purchase_days_state(customer_uuid, ordered_at, amount, '2025-01-01', 'Europe/Paris') AS uid FROM shop_orders;
SET max_parallel_workers_per_gather = 3; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;
ALTER TABLE shop_orders SET (parallel_workers = 3);
SELECT purchases.plan_has($$SELECT country, purchase_summary(ordered_at, amount, '7 days', '2025-01-01', 'Europe/Paris') FROM shop_orders GROUP BY 1$$, 'Partial (Hash|Group)?Aggregate') AS partial,
       purchases.plan_has($$SELECT purchase_days_state(customer_id, ordered_at, amount, '2025-01-01', 'Europe/Paris') FROM shop_orders$$, 'Partial Aggregate') AS partial_state;
SELECT country, s FROM (SELECT country, purchase_summary(ordered_at, amount, '7 days', '2025-01-01', 'Europe/Paris')::text AS s, purchase_summary_state(ordered_at, amount, '7 days', '2025-01-01', 'Europe/Paris')::text AS state FROM shop_orders GROUP BY 1 EXCEPT TABLE purchases.serial_countries) x;
SELECT purchase_days_state(customer_id, ordered_at, amount, '2025-01-01', 'Europe/Paris')::text = (SELECT id::text FROM purchases.serial_days) AS id,
       purchase_days_state(customer_code, ordered_at, amount, '2025-01-01', 'Europe/Paris')::text = (SELECT code::text FROM purchases.serial_days) AS code,
       purchase_days_state(customer_email, ordered_at, amount, '2025-01-01', 'Europe/Paris')::text = (SELECT email::text FROM purchases.serial_days) AS email,
       purchase_days_state(customer_uuid, ordered_at, amount, '2025-01-01', 'Europe/Paris')::text = (SELECT uid::text FROM purchases.serial_days) AS uid
FROM shop_orders;
-- in some workers there are rows, in others none; in all none
SELECT purchase_summary(ordered_at, amount, '7 days', '2025-01-01', 'Europe/Paris') FILTER (WHERE customer_id = 3)::text = (SELECT s FROM purchases.serial WHERE customer = 3) AS some, purchase_summary(ordered_at, amount, '7 days', '2025-01-01', 'UTC') FILTER (WHERE customer_id = -100) AS none FROM shop_orders;
ALTER TABLE shop_orders RESET (parallel_workers);
RESET max_parallel_workers_per_gather; RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET parallel_leader_participation;

-- ---------------------------------------------------------------------------
-- states
-- ---------------------------------------------------------------------------
-- parts of a customer's orders, merged in any order, and one row each
CREATE TABLE purchases.parts AS
SELECT customer_id AS customer, part, purchase_summary_state(ordered_at, amount, '7 days', '2025-01-01', 'Europe/Paris') AS state
FROM (SELECT *, (noise(row_number() OVER (ORDER BY customer_id, ordered_at, amount), 71) * 9)::int AS part FROM shop_orders) o GROUP BY 1, 2;
SELECT o, count(*) FILTER (WHERE (m.state::text, purchase_summary(m.state)::text) IS DISTINCT FROM (s.state, s.s)) AS differ, count(*) > 3000 AS many
FROM purchases.serial s FULL JOIN (SELECT o, customer, rollup(state ORDER BY x) AS state FROM purchases.parts, unnest(ARRAY['up', 'down', 'shuffled']) o, LATERAL (SELECT CASE o WHEN 'up' THEN part::text WHEN 'down' THEN (9 - part)::text ELSE md5((part, customer)::text) END) y(x) GROUP BY o, customer) m
    ON coalesce(s.customer, -1000) = coalesce(m.customer, -1000) GROUP BY o ORDER BY o;
SELECT count(*), rollup(state ORDER BY md5(n::text))::text = (SELECT state FROM purchases.serial WHERE customer = 3) AS of_rows
FROM (SELECT n, purchase_summary_state(ordered_at, amount, '7 days', '2025-01-01', 'Europe/Paris') AS state FROM (SELECT *, row_number() OVER () n FROM shop_orders WHERE customer_id = 3) r GROUP BY n) p;
-- in text, in binary, read twice, and with NULLs beside
SELECT count(*) FILTER (WHERE state::text::retention_state::text <> state::text OR replace(encode(retention_state_send(state), 'base64'), E'\n', '') <> state::text) AS differ FROM purchases.parts;
SELECT purchase_summary(state)::text = purchase_summary(state)::text AS twice, purchase_summary(rollup)::text = purchase_summary(state)::text AS beside_null
FROM (SELECT state FROM purchases.parts WHERE customer = 3 AND part = 4) p, LATERAL (SELECT rollup(s) FROM (VALUES (NULL::retention_state), (state), (NULL)) v(s)) r;
SELECT purchase_summary(NULL::retention_state), rollup(state) IS NULL AS none FROM purchases.parts WHERE false;
SELECT measure, customer_type, customers FROM purchases.parts, state_info(state) WHERE customer = 3 AND part = 4;
SELECT measure, customer_type, customers FROM purchases.serial_days, unnest(ARRAY[id, email, uid]) s, state_info(s);
-- purchase_days_state: months, merged in any order, are the whole; predict_customers reads them (see models)
SELECT o, rollup(p.id ORDER BY x)::text = min(w.id::text) AS id, rollup(p.code ORDER BY x)::text = min(w.code::text) AS code, rollup(p.email ORDER BY x)::text = min(w.email::text) AS email, rollup(p.uid ORDER BY x)::text = min(w.uid::text) AS uid
FROM (SELECT date_trunc('month', ordered_at) AS month, purchase_days_state(customer_id, ordered_at, amount, '2025-01-01', 'Europe/Paris') AS id, purchase_days_state(customer_code, ordered_at, amount, '2025-01-01', 'Europe/Paris') AS code,
             purchase_days_state(customer_email, ordered_at, amount, '2025-01-01', 'Europe/Paris') AS email, purchase_days_state(customer_uuid, ordered_at, amount, '2025-01-01', 'Europe/Paris') AS uid FROM shop_orders GROUP BY 1) p,
     purchases.serial_days w, unnest(ARRAY['up', 'down', 'shuffled']) o,
     LATERAL (SELECT CASE o WHEN 'up' THEN extract(epoch FROM month) WHEN 'down' THEN -extract(epoch FROM month) ELSE ('x' || left(md5(month::text), 7))::bit(28)::int END) y(x) GROUP BY o ORDER BY o;
SELECT count(DISTINCT rollup::text) AS one FROM (SELECT r, rollup(s ORDER BY md5(n::text || r)) FROM generate_series(1, 3) r, (SELECT n, purchase_days_state(customer, ordered_at, amount, '2024-02-05', 'UTC') s FROM (SELECT *, row_number() OVER () n FROM purchases.few) f GROUP BY n) p GROUP BY r) x;
-- what differs in an option does not merge
CREATE TABLE purchases.others (o int, state retention_state);
INSERT INTO purchases.others SELECT 1, purchase_summary_state('2024-01-01', 5, '7 days', '2024-02-01', 'UTC');
INSERT INTO purchases.others SELECT 2, purchase_summary_state('2024-01-01', 5, '1 day', '2024-02-01', 'UTC');
INSERT INTO purchases.others SELECT 3, purchase_summary_state('2024-01-01', 5, '7 days', '2024-02-02', 'UTC');
INSERT INTO purchases.others SELECT 4, purchase_summary_state('2024-01-01', 5, '7 days', '2024-02-01', 'Europe/Paris');
INSERT INTO purchases.others SELECT 5, purchase_days_state(1, '2024-01-01', 5, '2024-02-01', 'UTC');
INSERT INTO purchases.others SELECT 6, purchase_days_state('1'::text, '2024-01-01', 5, '2024-02-01', 'UTC');
INSERT INTO purchases.others SELECT 7, aov_state(5);
-- 168 hours are 7 days, but are not written so
INSERT INTO purchases.others SELECT 8, purchase_summary_state('2024-01-01', 5, '168 hours', '2024-02-01', 'UTC');
SELECT rollup(state) FROM purchases.others WHERE o IN (1, 2);
SELECT rollup(state) FROM purchases.others WHERE o IN (1, 3);
SELECT rollup(state) FROM purchases.others WHERE o IN (1, 4);
SELECT rollup(state) FROM purchases.others WHERE o IN (1, 5);
SELECT rollup(state) FROM purchases.others WHERE o IN (5, 6);
SELECT rollup(state) FROM purchases.others WHERE o IN (1, 8);
SELECT purchase_summary(state) FROM purchases.others WHERE o = 5;
SELECT purchase_summary(state) FROM purchases.others WHERE o = 7;
SELECT repeat_rate(state) FROM purchases.others WHERE o = 1;
SELECT * FROM purchases.others, predict_customers(state, NULL::bigint) WHERE o = 1;

-- ---------------------------------------------------------------------------
-- bad arguments
-- ---------------------------------------------------------------------------
SELECT purchase_summary('2024-01-01', 5, '1 month', '2024-02-01', 'UTC');
SELECT purchase_summary('2024-01-01', 5, '1 year', '2024-02-01', 'UTC');
SELECT purchase_summary('2024-01-01', 5, '36 hours', '2024-02-01', 'UTC');
SELECT purchase_summary('2024-01-01', 5, '7 days 1 second', '2024-02-01', 'UTC');
SELECT purchase_summary('2024-01-01', 5, '0', '2024-02-01', 'UTC');
SELECT purchase_summary('2024-01-01', 5, '-7 days', '2024-02-01', 'UTC');
SELECT purchase_summary('2024-01-01', 5, '8 days -24 hours', '2024-02-01', 'UTC');
SELECT purchase_summary('2024-01-01', 5, NULL, '2024-02-01', 'UTC');
SELECT purchase_summary('2024-01-01', 5, '7 days', NULL, 'UTC');
SELECT purchase_summary('2024-01-01', 5, '7 days', '2024-02-01', NULL);
SELECT purchase_summary('2024-01-01', 5, '7 days', 'infinity', 'UTC');
SELECT purchase_summary('2024-01-01', 5, '7 days', '-infinity', 'UTC');
SELECT purchase_summary('2024-01-01', 5, '7 days', '2024-02-01', 'Mars/Olympus');
SELECT purchase_summary('2024-01-01', 5, '7 days', '2024-02-01', '');
SELECT purchase_summary('infinity', 5, '7 days', '2024-02-01', 'UTC');
SELECT purchase_summary('-infinity', 5, '7 days', '2024-02-01', 'UTC');
SELECT purchase_summary('2024-01-01', 'NaN', '7 days', '2024-02-01', 'UTC');
SELECT purchase_summary('2024-01-01', 'Infinity', '7 days', '2024-02-01', 'UTC');
SELECT purchase_summary('2024-01-01', '-Infinity', '7 days', '2024-02-01', 'UTC');
-- a row of no time is no row, whatever else is in it; a row that is too late likewise
SELECT purchase_summary(NULL, 'NaN', '7 days', '2024-02-01', 'UTC'), purchase_summary('2024-02-02', 'NaN', '7 days', '2024-02-01', 'UTC') AS late;
SELECT purchase_summary(ordered_at, amount, CASE amount WHEN 20 THEN '1 day' ELSE '7 days' END::interval, '2024-02-01', 'UTC') FROM purchases.few WHERE customer = 'A';
SELECT purchase_summary(ordered_at, amount, '7 days', ordered_at, 'UTC') FROM purchases.few WHERE customer = 'A' AND ordered_at IS NOT NULL;
SELECT purchase_summary(ordered_at, amount, '7 days', '2024-02-01', CASE amount WHEN 20 THEN 'Europe/Paris' ELSE 'UTC' END) FROM purchases.few WHERE customer = 'A';
SELECT purchase_summary(ordered_at, amount, '7 days', '2024-02-01', CASE amount WHEN 20 THEN NULL ELSE 'UTC' END) FROM purchases.few WHERE customer = 'A';
SELECT purchase_days_state(1, '2024-01-01', 5, NULL, 'UTC');
SELECT purchase_days_state(1, '2024-01-01', 5, 'infinity', 'UTC');
SELECT purchase_days_state(1, '2024-01-01', 5, '2024-02-01', NULL);
SELECT purchase_days_state(1, '2024-01-01', 5, '2024-02-01', 'nowhere');
SELECT purchase_days_state(1, '-infinity', 5, '2024-02-01', 'UTC');
SELECT purchase_days_state(1, '2024-01-01', 'NaN', '2024-02-01', 'UTC');
SELECT purchase_summary('2024-01-01', 5, '7 days', '2024-02-01');
SELECT purchase_summary('2024-01-01', 5::float8, '7 days', '2024-02-01', 'UTC');
SELECT purchase_summary_transfn(NULL, now(), 5, '7 days', now(), 'UTC');
SELECT purchase_days_state_transfn_bigint(NULL, 1, now(), 5, now(), 'UTC');

DROP SCHEMA purchases CASCADE;
