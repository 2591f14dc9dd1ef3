-- Customers who come back, each on a clock of their own: rolling_retention
SET TimeZone = 'UTC';
SET extra_float_digits = 1;
\set SHOW_CONTEXT never
CREATE SCHEMA rolling;

-- small enough to check by hand: three windows of 10 days; A's third has not ended, C's second ends with as_of, D comes with it
CREATE TABLE rolling.few (customer text, ordered_at timestamptz);
INSERT INTO rolling.few VALUES
    ('A', '2024-01-05'), ('A', '2024-01-15'), ('A', '2024-01-26'), ('B', '2024-01-02'), ('B', '2024-01-11 23:59:59.999999'), ('B', '2024-01-02'), ('B', '2024-01-25'),
    ('C', '2024-01-08'), ('C', '2024-01-28'), ('D', '2024-01-28'), ('D', '2024-01-28'), ('E', '2024-01-28 00:00:00.000001'), (NULL, '2023-01-01'), ('F', NULL);
SELECT * FROM unnest((SELECT rolling_retention(customer, ordered_at, '10 days', 12, '2024-01-28') FROM rolling.few));
SELECT * FROM unnest((SELECT rolling_retention(customer, ordered_at, '10 days', 12, '2024-01-27 23:59:59.999999') FROM rolling.few));
SELECT * FROM unnest((SELECT rolling_retention(customer, ordered_at, '10 days', 0, '2024-01-28') FROM rolling.few));
-- months are added to the first order: 31 January, 29 February, 31 March
SELECT period_index, eligible, retained, retained_or_later FROM unnest((SELECT rolling_retention(1, t, '1 month', 5, '2024-04-30') FROM
    (VALUES (timestamptz '2024-01-31'), ('2024-02-28 23:59'), ('2024-03-30'), ('2024-04-30')) v(t)));
SELECT period_index, eligible, retained, retained_or_later FROM unnest((SELECT rolling_retention(1, t, '1 month', 5, '2024-04-29 23:59:59.999999') FROM
    (VALUES (timestamptz '2024-01-31'), ('2024-02-29'), ('2024-03-31')) v(t)));
-- a leap day's birthday
SELECT period_index, customers, eligible, retained FROM unnest((SELECT rolling_retention(1, t, '1 year', 9, '2028-02-29') FROM (VALUES (timestamptz '2024-02-29'), ('2025-02-28'), ('2028-02-28'), ('2028-02-29')) v(t)));

-- ---------------------------------------------------------------------------
-- oracle, over rows of c (customer) and t (time): every window of every customer
-- ---------------------------------------------------------------------------
CREATE FUNCTION rolling.oracle(source text, unit interval, max_index int, as_of timestamptz) RETURNS SETOF rolling_retention_row LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'WITH rows AS MATERIALIZED (SELECT c, t AT TIME ZONE ''UTC'' AS t FROM (%s) s WHERE c IS NOT NULL AND t < $3),
         customers AS (SELECT c, min(t) AS first, array_agg(t) AS orders, max(t) AS last FROM rows GROUP BY c),
         windows AS (
             SELECT n, count(*) OVER () AS everybody, first + (n + 1) * $1 <= $3 AT TIME ZONE ''UTC'' AS ended, last >= first + n * $1 AS later,
                    EXISTS (SELECT FROM unnest(orders) t WHERE t >= first + n * $1 AND t < first + (n + 1) * $1) AS active
             FROM customers, generate_series(0, $2) n WHERE first + n * $1 < $3 AT TIME ZONE ''UTC'')
         SELECT n, count(*), count(*) FILTER (WHERE ended), count(*) FILTER (WHERE ended AND active), count(*) FILTER (WHERE ended AND active)::float8 / nullif(count(*) FILTER (WHERE ended), 0),
                count(*) FILTER (WHERE ended AND later), count(*) FILTER (WHERE ended AND later)::float8 / nullif(count(*) FILTER (WHERE ended), 0),
                count(*) FILTER (WHERE ended) = (SELECT count(*) FROM customers)
         FROM windows GROUP BY n', source) USING unit, max_index, as_of;
END $$;

CREATE FUNCTION rolling.differ(one text, other text) RETURNS TABLE (side text, "row" text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('WITH one AS MATERIALIZED (SELECT x::text FROM (%s) x), other AS MATERIALIZED (SELECT x::text FROM (%s) x)
        (SELECT ''ours'', * FROM (TABLE one EXCEPT ALL TABLE other) d LIMIT 3) UNION ALL (SELECT ''theirs'', * FROM (TABLE other EXCEPT ALL TABLE one) d LIMIT 3)
        UNION ALL SELECT ''none'', NULL WHERE NOT EXISTS (TABLE one)', one, other);
END $$;

CREATE TABLE rolling.theirs (r rolling_retention_row);
CREATE FUNCTION rolling.breaches(source text, keys text[], unit interval, max_index int, as_of timestamptz) RETURNS TABLE (key text, side text, "row" text) LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE rolling.theirs;
    INSERT INTO rolling.theirs SELECT o FROM rolling.oracle(source, unit, max_index, as_of) o;
    FOREACH key IN ARRAY keys LOOP
        FOR side, "row" IN SELECT * FROM rolling.differ(format('SELECT (r).* FROM unnest((SELECT rolling_retention(%s, t, %L, %s, %L) FROM (%s) s)) r', key, unit, max_index, as_of, source), 'SELECT (r).* FROM rolling.theirs') LOOP
            RETURN NEXT;
        END LOOP;
    END LOOP;
END $$;

CREATE VIEW rolling.shop AS SELECT customer_id AS c, customer_code AS code, customer_email AS email, customer_uuid AS uid, ordered_at AS t, country FROM shop_orders WHERE amount > 0 AND customer_id % 4 = 0;

SELECT unit, as_of, max_index, b.* FROM
    (VALUES (interval '1 day', 40), ('7 days', 150), ('30 days', 100), ('1 month', 40), ('1 month 3 days', 12), ('36 hours', 30), ('1 year', 5), ('1000 years', 3), ('01:00:00.000001', 20)) u(unit, max_index),
    (VALUES (timestamptz '2024-12-31'), ('2023-03-01 05:00')) a(as_of),
    rolling.breaches('SELECT * FROM rolling.shop', CASE unit WHEN '1 month' THEN '{c,code,email,uid}'::text[] ELSE '{c}' END, unit, max_index, as_of) b;
-- first orders at ends of months, times on the edges of windows, BC
SELECT era, unit, b.* FROM unnest(ARRAY[timestamptz '2023-11-30', '1969-12-31 23:00', '0005-02-29 BC', '2099-12-31']) era, unnest(ARRAY[interval '1 month', '2 months', '30 days', '1 year', '1 month 1 day', '1 year 1 month 10 days 01:00']) unit,
    rolling.breaches(format('SELECT n %% 40 AS c, date_trunc(''day'', timestamptz %L + (n %% 40) * interval ''1 day'' + CASE WHEN n < 40 THEN 0 ELSE noise(n, 51) END * interval ''700 days'') AS t FROM generate_series(0, 800) n', era), '{c}', unit, 25, era + '2 years') b;

-- ---------------------------------------------------------------------------
-- the grid
-- ---------------------------------------------------------------------------
SELECT * FROM rolling.differ(
    $$SELECT country, (r).* FROM (SELECT country, unnest(rolling_retention(uid, t, '30 days', 10, '2025-02-01')) r FROM rolling.shop GROUP BY country) g$$,
    $$SELECT country, r.* FROM (SELECT DISTINCT country FROM rolling.shop) g, rolling.oracle(format('SELECT * FROM rolling.shop WHERE country = %L', country), '30 days', 10, '2025-02-01') r$$);
SELECT rolling_retention(customer, ordered_at, '1 month', 12, '2024-04-01') FROM rolling.few WHERE false;
SELECT rolling_retention(NULL::bigint, ordered_at, '1 month', 12, '2024-04-01'), rolling_retention(customer, NULL, '1 month', 12, '2024-04-01'), rolling_retention(customer, ordered_at, '1 month', 12, '2024-04-01') FILTER (WHERE customer = 'none'), rolling_retention(customer, ordered_at, '1 month', 12, '2023-12-31') FROM rolling.few;
SELECT rolling_retention(1, '2024-01-15', '1 month', 12, '2024-01-15'), rolling_retention(''::text, '2024-01-15', '1 month', 12, '2024-02-15'), rolling_retention('00000000-0000-0000-0000-000000000000'::uuid, '2024-01-15', '1 month', 0, '2025-02-15');
SELECT a = b AS ordered, a = c AS doubled, a = d AS distinct_of_doubled, cardinality(a), cardinality(e) FROM
    (SELECT rolling_retention(customer, ordered_at, '1 week', 12, '2024-04-01') FILTER (WHERE n = 1) a, rolling_retention(customer, ordered_at, '1 week', 12, '2024-04-01' ORDER BY ordered_at DESC) FILTER (WHERE n = 2) b,
            rolling_retention(customer, ordered_at, '1 week', 12, '2024-04-01') c, rolling_retention(DISTINCT customer, ordered_at, '1 week', 12, '2024-04-01') d, rolling_retention(customer, ordered_at, '1 month', 12, '2024-04-01') e
     FROM rolling.few, generate_series(1, 2) n) x;
SELECT count(*), count(*) FILTER (WHERE running IS DISTINCT FROM (SELECT rolling_retention(customer, ordered_at, '5 days', 10, '2024-02-01') FROM rolling.few f WHERE f.ordered_at <= w.ordered_at)) AS running,
       count(*) FILTER (WHERE sliding IS DISTINCT FROM (SELECT rolling_retention(customer, ordered_at, '5 days', 10, '2024-02-01') FROM rolling.few f WHERE f.ordered_at <= w.ordered_at AND f.ordered_at >= w.ordered_at - interval '9 days')) AS sliding
FROM (SELECT ordered_at, rolling_retention(customer, ordered_at, '5 days', 10, '2024-02-01') OVER (ORDER BY ordered_at) running,
             rolling_retention(customer, ordered_at, '5 days', 10, '2024-02-01') OVER (ORDER BY ordered_at RANGE interval '9 days' PRECEDING) sliding FROM rolling.few WHERE ordered_at IS NOT NULL) w;

-- states: parts in any order are the whole
SELECT o, rollup(c ORDER BY x)::text = (SELECT rolling_retention_state(c, t, '1 month', 12, '2025-03-15')::text FROM rolling.shop) AS c, rollup(email ORDER BY x)::text = (SELECT rolling_retention_state(email, t, '1 month', 12, '2025-03-15')::text FROM rolling.shop) AS email,
       rolling_retention(rollup(c ORDER BY x)::text::retention_state) = (SELECT rolling_retention(uid, t, '1 month', 12, '2025-03-15') FROM rolling.shop) AS reads
FROM (SELECT part, rolling_retention_state(c, t, '1 month', 12, '2025-03-15') AS c, rolling_retention_state(email, t, '1 month', 12, '2025-03-15') AS email
      FROM (SELECT *, (noise(row_number() OVER (), 42) * 30)::int AS part FROM rolling.shop) s GROUP BY part) p, unnest(ARRAY['up', 'down', 'shuffled']) o, LATERAL (SELECT CASE o WHEN 'up' THEN to_char(part, '000') WHEN 'down' THEN to_char(100 - part, '000') ELSE md5(part::text) END) y(x) GROUP BY o ORDER BY o;
SELECT rollup(s) FROM (SELECT rolling_retention_state(1, '2024-01-01', '1 month', 12, '2024-02-01') s UNION ALL SELECT rolling_retention_state(1, '2024-01-01', '30 days', 12, '2024-02-01')) x;
SELECT rollup(s) FROM (SELECT rolling_retention_state(1, '2024-01-01', '1 month', 12, '2024-02-01') s UNION ALL SELECT rolling_retention_state(1, '2024-01-01', '1 month', 13, '2024-02-01')) x;
SELECT rollup(s) FROM (SELECT rolling_retention_state(1, '2024-01-01', '1 month', 12, '2024-02-01') s UNION ALL SELECT rolling_retention_state(1, '2024-01-01', '1 month', 12, '2024-02-02')) x;

-- the last windows: the most there are, and none beyond the calendar
SELECT cardinality(rolling_retention(1, '2024-01-01', '1 hour', 10000, '2026-02-01')), cardinality(rolling_retention(1, '2024-01-01', '1 month', 10000, '294276-12-31')),
       cardinality(rolling_retention(1, '2024-01-01', '1 month 1 second', 10000, '2024-02-01')), cardinality(rolling_retention(1, '294276-12-31', '1 day', 10000, '294276-12-31 23:59:59.999999')),
       cardinality(rolling_retention(1, '4714-11-24 BC', '178000000 years', 10, '294276-12-31')), cardinality(rolling_retention(1, '4714-11-24 BC', '2147483647 days', 10, '294276-12-31')), cardinality(rolling_retention(1, '4714-11-24 BC', '2500000000 hours', 10000, '294276-12-31'));
-- bad arguments
SELECT rolling_retention(1, '2024-01-01', '1 month', -1, '2024-02-01');
SELECT rolling_retention(1, '2024-01-01', '1 month', 10001, '2024-02-01');
SELECT rolling_retention(1, '2024-01-01', '1 month', NULL, '2024-02-01');
SELECT rolling_retention(1, '2024-01-01', '0', 12, '2024-02-01');
SELECT rolling_retention(1, '2024-01-01', '30', 12, '2024-02-01');
SELECT rolling_retention(1, '2024-01-01', '-1 day', 12, '2024-02-01');
SELECT rolling_retention(1, '2024-01-01', NULL, 12, '2024-02-01');
SELECT rolling_retention(1, '2024-01-01', '1 month', 12, 'infinity');
SELECT rolling_retention(1, '2024-01-01', '1 month', 12, NULL);
SELECT rolling_retention(1, 'infinity', '1 month', 12, '2024-02-01');
SELECT rolling_retention(customer, ordered_at, '1 month', length(customer || ordered_at), '2024-02-01') FROM rolling.few;
SELECT rolling_retention(customer, ordered_at, CASE customer WHEN 'C' THEN interval '30 days' ELSE '1 month' END, 5, '2024-02-01') FROM rolling.few;

SET client_min_messages = warning;
DROP SCHEMA rolling CASCADE;
