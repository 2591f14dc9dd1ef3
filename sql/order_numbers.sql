-- Who makes order n makes order n + 1? repeat_by_order_number
SET TimeZone = 'UTC';
SET extra_float_digits = 1;
\set SHOW_CONTEXT never
CREATE SCHEMA numbers;

-- small enough to check by hand: A orders four times, two of them at once; B comes again in the last
-- microsecond of 90 days, C in the next, D has not had the time, F comes with as_of
CREATE TABLE numbers.few (customer text, ordered_at timestamptz);
INSERT INTO numbers.few VALUES
    ('A', '2024-01-01'), ('A', '2024-01-11'), ('A', '2024-01-11'), ('A', '2024-02-10'), ('B', '2024-01-01'), ('B', '2024-03-30 23:59:59.999999'), ('C', '2024-01-02'), ('C', '2024-04-01'),
    ('D', '2024-04-03 00:00:00.000001'), ('D', '2024-04-23'), ('E', '2024-04-03'), ('F', '2024-07-02'), (NULL, '2024-01-01'), ('G', NULL);
SELECT * FROM unnest((SELECT repeat_by_order_number(customer, ordered_at, 10, '2024-07-02') FROM numbers.few));
SELECT * FROM unnest((SELECT repeat_by_order_number(customer, ordered_at, 10, '30 days', '2024-07-02') FROM numbers.few));
SELECT * FROM unnest((SELECT repeat_by_order_number(customer, ordered_at, 1, '1 month', '2024-07-02') FROM numbers.few));
-- orders of one instant are orders
SELECT order_number, customers, repurchased, median_days_to_next, repurchased_within FROM unnest((SELECT repeat_by_order_number(1, '2024-01-01', 10, '1 hour', '2024-07-02') FROM generate_series(1, 3)));

-- every room that looks at the time after an order counts it alike: 30 days are the days 0 to 29
CREATE TABLE numbers.dated AS SELECT c, day FROM generate_series(1, 100) c, unnest(ARRAY[date '2024-01-01', '2024-01-31']) day;
SELECT within, second_order_rate(c, day, within, '2025-01-01') AS second_order, (SELECT rate_within FROM unnest(repeat_by_order_number(c, day, 1, within, '2025-01-01'))) AS by_number,
       1 - survival_at(repeat_survival(c, day, '2025-01-01'), extract(day FROM within)::int - 1) AS survival,
       (SELECT count(*) FROM (SELECT c FROM numbers.dated d WHERE day < date '2024-01-01' + within GROUP BY c HAVING count(*) > 1) s) / 100.0 AS by_hand
FROM numbers.dated, unnest(ARRAY[interval '30 days', '31 days']) within GROUP BY within ORDER BY within;
SELECT unit, (SELECT retained FROM unnest(rolling) WHERE period_index = 1) AS in_the_second_window
FROM (SELECT unit, rolling_retention(c, day, unit, 5, '2025-01-01') AS rolling FROM numbers.dated, unnest(ARRAY[interval '30 days', '31 days']) unit GROUP BY unit) r ORDER BY unit;
-- and they say alike who has had the time: a month from 31 January ends with 29 February
SELECT as_of, second_order_rate(1, day, '1 month', as_of) AS second_order, (SELECT eligible FROM unnest(repeat_by_order_number(1, day, 1, '1 month', as_of))) AS by_number,
       (SELECT eligible FROM unnest(rolling_retention(1, day, '1 month', 0, as_of))) AS rolling
FROM (VALUES (date '2024-01-31'), ('2024-02-15')) v(day), unnest(ARRAY[timestamptz '2024-02-28', '2024-02-29', '2024-03-01']) as_of GROUP BY as_of ORDER BY as_of;

-- ---------------------------------------------------------------------------
-- oracle, over rows of c (customer) and t (time)
-- ---------------------------------------------------------------------------
CREATE FUNCTION numbers.oracle(source text, max_number int, within interval, as_of timestamptz) RETURNS SETOF order_number_row LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'WITH orders AS (
             SELECT row_number() OVER w AS n, t, lead(t) OVER w AS next FROM (SELECT c, t AT TIME ZONE ''UTC'' AS t FROM (%s) s WHERE t < $3) s WHERE c IS NOT NULL WINDOW w AS (PARTITION BY c ORDER BY t)),
         numbered AS (SELECT *, t + $2 <= $3 AT TIME ZONE ''UTC'' AS eligible, next < t + $2 AS in_time FROM orders WHERE n <= $1)
         SELECT n::int, count(*), count(next), count(next)::float8 / count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY ((extract(epoch FROM next) - extract(epoch FROM t)) * 1000000)::float8 / 86400000000),
                count(*) FILTER (WHERE eligible), count(*) FILTER (WHERE eligible AND in_time), count(*) FILTER (WHERE eligible AND in_time)::float8 / nullif(count(*) FILTER (WHERE eligible), 0)
         FROM numbered GROUP BY n', source) USING max_number, within, as_of;
END $$;

CREATE FUNCTION numbers.differ(one text, other text) RETURNS TABLE (side text, "row" text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('WITH one AS MATERIALIZED (SELECT x::text FROM (%s) x), other AS MATERIALIZED (SELECT x::text FROM (%s) x)
        (SELECT ''ours'', * FROM (TABLE one EXCEPT ALL TABLE other) d LIMIT 3) UNION ALL (SELECT ''theirs'', * FROM (TABLE other EXCEPT ALL TABLE one) d LIMIT 3)
        UNION ALL SELECT ''none'', NULL WHERE NOT EXISTS (TABLE one)', one, other);
END $$;

-- The aggregate against the oracle, for some keys of a source; "within" NULL: the usual 90 days
CREATE TABLE numbers.theirs (r order_number_row);
CREATE FUNCTION numbers.breaches(source text, keys text[], max_number int, within interval, as_of timestamptz) RETURNS TABLE (key text, side text, "row" text) LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE numbers.theirs;
    INSERT INTO numbers.theirs SELECT o FROM numbers.oracle(source, max_number, coalesce(within, '90 days'), as_of) o;
    FOREACH key IN ARRAY keys LOOP
        FOR side, "row" IN SELECT * FROM numbers.differ(format('SELECT (r).* FROM unnest((SELECT repeat_by_order_number(%s, t, %s, %s%L) FROM (%s) s)) r', key, max_number, quote_literal(within) || ', ', as_of, source), 'SELECT (r).* FROM numbers.theirs') LOOP
            RETURN NEXT;
        END LOOP;
    END LOOP;
END $$;

CREATE VIEW numbers.shop AS SELECT customer_id AS c, customer_code AS code, customer_email AS email, customer_uuid AS uid, ordered_at AS t, country FROM shop_orders WHERE amount > 0;

SELECT within, as_of, max_number, b.* FROM
    (VALUES (NULL::interval, 12), ('90 days', 10000), ('1 day', 3), ('1 month', 20), ('1 hour', 300), ('1 year 1 month 1 day 01:01:01.000001', 5), ('7 days', 1)) u(within, max_number),
    (VALUES (timestamptz '2024-12-31'), ('2024-03-31 05:00'), ('2023-02-01'), ('2100-01-01')) a(as_of),
    numbers.breaches('SELECT * FROM numbers.shop', CASE max_number WHEN 20 THEN '{c,code,email,uid}'::text[] ELSE '{c}' END, max_number, within, as_of) b;
-- few customers: medians of two; gaps of centuries, and of a microsecond
SELECT n, b.* FROM generate_series(1, 6) n, numbers.breaches(format('SELECT i %% %s AS c, timestamptz ''2024-05-05'' - noise(i, 60 + %1$s) * interval ''3 years'' AS t FROM generate_series(1, 17) i', n), '{c}', 10, '1 year', '2024-05-05') b;
SELECT b.* FROM numbers.breaches('SELECT * FROM (VALUES (1, timestamptz ''4713-01-01 BC''), (1, ''2024-01-01''), (1, ''2024-01-01 00:00:00.000001''), (2, ''1500-01-01''), (2, ''9999-12-31'')) v(c, t)', '{c}', 10, '2000 years', '12345-01-01') b;
SELECT b.* FROM numbers.breaches('SELECT * FROM (VALUES (1, timestamptz ''4714-11-24 BC''), (1, ''294276-12-31 23:59:59.999999'')) v(c, t)', '{c}', 10, '1 year', '294276-12-31 23:59:59.999999') b;

-- ---------------------------------------------------------------------------
-- the grid
-- ---------------------------------------------------------------------------
SELECT * FROM numbers.differ(
    $$SELECT country, (r).* FROM (SELECT country, unnest(repeat_by_order_number(uid, t, 10, '2025-02-01')) r FROM numbers.shop GROUP BY country) g$$,
    $$SELECT country, r.* FROM (SELECT DISTINCT country FROM numbers.shop) g, numbers.oracle(format('SELECT * FROM numbers.shop WHERE country = %L', country), 10, '90 days', '2025-02-01') r$$);
SELECT repeat_by_order_number(customer, ordered_at, 12, '2024-04-01'), repeat_by_order_number(customer, ordered_at, 12, '1 day', '2024-04-01') FROM numbers.few WHERE false;
SELECT repeat_by_order_number(NULL::bigint, ordered_at, 12, '2024-04-01'), repeat_by_order_number(customer, NULL, 12, '1 day', '2024-04-01'), repeat_by_order_number(customer, ordered_at, 12, '2024-04-01') FILTER (WHERE customer = 'none'), repeat_by_order_number(customer, ordered_at, 12, '2023-12-31') FROM numbers.few;
SELECT repeat_by_order_number(1, '2024-01-15', 12, '2024-01-15'), repeat_by_order_number(''::text, '2024-01-15', 12, '1 month', '2024-02-15'), repeat_by_order_number('00000000-0000-0000-0000-000000000000'::uuid, '2024-01-15', 1, '2025-02-15');
SELECT a = b AS ordered, a = c AS doubled, cardinality(a), cardinality(c), cardinality(d) AS "distinct", cardinality(e), a = f AS both FROM
    (SELECT repeat_by_order_number(customer, ordered_at, 12, '2024-07-02') FILTER (WHERE n = 1) a, repeat_by_order_number(customer, ordered_at, 12, '2024-07-02' ORDER BY ordered_at DESC) FILTER (WHERE n = 2) b,
            repeat_by_order_number(customer, ordered_at, 12, '2024-07-02') c, repeat_by_order_number(DISTINCT customer, ordered_at, 12, '2024-07-02') d, repeat_by_order_number(customer, ordered_at, 2, '2024-07-02') e,
            repeat_by_order_number(customer, ordered_at, 12, '90 days', '2024-07-02') FILTER (WHERE n = 1) f
     FROM numbers.few, generate_series(1, 2) n) x;
SELECT count(*), count(*) FILTER (WHERE running IS DISTINCT FROM (SELECT repeat_by_order_number(customer, ordered_at, 10, '2024-07-02') FROM numbers.few f WHERE f.ordered_at <= w.ordered_at)) AS running,
       count(*) FILTER (WHERE sliding IS DISTINCT FROM (SELECT repeat_by_order_number(customer, ordered_at, 10, '1 week', '2024-07-02') FROM numbers.few f WHERE f.ordered_at <= w.ordered_at AND f.ordered_at >= w.ordered_at - interval '30 days')) AS sliding
FROM (SELECT ordered_at, repeat_by_order_number(customer, ordered_at, 10, '2024-07-02') OVER (ORDER BY ordered_at) running,
             repeat_by_order_number(customer, ordered_at, 10, '1 week', '2024-07-02') OVER (ORDER BY ordered_at RANGE interval '30 days' PRECEDING) sliding FROM numbers.few WHERE ordered_at IS NOT NULL) w;

-- states: parts in any order are the whole
SELECT o, rollup(c ORDER BY x)::text = (SELECT repeat_by_order_number_state(c, t, 12, '2025-03-15')::text FROM numbers.shop) AS c, rollup(email ORDER BY x)::text = (SELECT repeat_by_order_number_state(email, t, 12, '30 days', '2025-03-15')::text FROM numbers.shop) AS email,
       repeat_by_order_number(rollup(c ORDER BY x)::text::retention_state) = (SELECT repeat_by_order_number(uid, t, 12, '2025-03-15') FROM numbers.shop) AS reads, repeat_by_order_number(rollup(email ORDER BY x)::text::retention_state) = (SELECT repeat_by_order_number(c, t, 12, '30 days', '2025-03-15') FROM numbers.shop) AS reads_within
FROM (SELECT part, repeat_by_order_number_state(c, t, 12, '2025-03-15') AS c, repeat_by_order_number_state(email, t, 12, '30 days', '2025-03-15') AS email
      FROM (SELECT *, (noise(row_number() OVER (), 42) * 30)::int AS part FROM numbers.shop) s GROUP BY part) p, unnest(ARRAY['up', 'down', 'shuffled']) o, LATERAL (SELECT CASE o WHEN 'up' THEN to_char(part, '000') WHEN 'down' THEN to_char(100 - part, '000') ELSE md5(part::text) END) y(x) GROUP BY o ORDER BY o;
SELECT rollup(s) FROM (SELECT repeat_by_order_number_state(1, '2024-01-01', 5, '2024-02-01') s UNION ALL SELECT repeat_by_order_number_state(1, '2024-01-01', 6, '2024-02-01')) x;
SELECT rollup(s) FROM (SELECT repeat_by_order_number_state(1, '2024-01-01', 5, '1 day', '2024-02-01') s UNION ALL SELECT repeat_by_order_number_state(1, '2024-01-01', 5, '24 hours', '2024-02-01')) x;
SELECT rollup(s) FROM (SELECT repeat_by_order_number_state(1, '2024-01-01', 5, '90 days', '2024-02-01') s UNION ALL SELECT repeat_by_order_number_state(1, '2024-01-01', 5, '2024-02-01')) x;
SELECT rollup(s) FROM (SELECT repeat_by_order_number_state(1, '2024-01-01', 5, '2024-02-01') s UNION ALL SELECT rolling_retention_state(1, '2024-01-01', '30 days', 5, '2024-02-01')) x;
SELECT repeat_by_order_number(s) FROM (SELECT rolling_retention_state(1, '2024-01-01', '30 days', 5, '2024-02-01')) x(s);
SELECT rolling_retention(s) FROM (SELECT repeat_by_order_number_state(1, '2024-01-01', 5, '2024-02-01')) x(s);

-- bad arguments
SELECT repeat_by_order_number(1, '2024-01-01', 0, '2024-02-01');
SELECT repeat_by_order_number(1, '2024-01-01', 10001, '2024-02-01');
SELECT repeat_by_order_number(1, '2024-01-01', -2147483648, '1 day', '2024-02-01');
SELECT repeat_by_order_number(1, '2024-01-01', NULL, '2024-02-01');
SELECT repeat_by_order_number(1, '2024-01-01', 5, NULL, '2024-02-01');
SELECT repeat_by_order_number(1, '2024-01-01', 5, '-1 day', '2024-02-01');
SELECT repeat_by_order_number(1, '2024-01-01', 5, '0 days', '2024-02-01');
SELECT repeat_by_order_number(1, '2024-01-01', 5, '90', '2024-02-01');
SELECT repeat_by_order_number(1, '2024-01-01', 5, '10000 years', '2024-02-01');
SELECT repeat_by_order_number(1, '2024-01-01', 5, NULL);
SELECT repeat_by_order_number(1, '2024-01-01', 5, 'infinity');
SELECT repeat_by_order_number(1, '2024-01-01', 5, '4714-11-24 BC');
SELECT repeat_by_order_number(1, 'infinity', 5, '2024-02-01');
SELECT repeat_by_order_number(customer, ordered_at, 5, ordered_at) FROM numbers.few;
SELECT repeat_by_order_number(customer, ordered_at, 5 + (customer = 'C')::int, '2024-02-01') FROM numbers.few;

SET client_min_messages = warning;
DROP SCHEMA numbers CASCADE;
