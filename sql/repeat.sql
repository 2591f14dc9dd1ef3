-- Repeat purchase: repeat_rate, its moving form, second_order_rate
SET TimeZone = 'UTC';
SET extra_float_digits = 1;

-- ---------------------------------------------------------------------------
-- repeat_rate(customer)
-- ---------------------------------------------------------------------------
SELECT repeat_rate(c) FROM (VALUES (1), (1), (2), (3), (3), (3), (NULL), (NULL)) v(c);
SELECT repeat_rate(c) FROM (VALUES ('a'), ('a'), ('b')) v(c);
SELECT repeat_rate(c::varchar) FROM (VALUES ('a'), ('a'), ('b')) v(c);
SELECT repeat_rate(c::uuid)
FROM (VALUES ('00000000-0000-0000-0000-000000000000'), ('00000000-0000-0000-0000-000000000000'),
             ('ffffffff-ffff-ffff-ffff-ffffffffffff')) v(c);

-- the oracle, for every type of key and by country: no difference
SELECT * FROM
    (SELECT country, repeat_rate(customer_id) a, repeat_rate(customer_code) b,
            repeat_rate(customer_email) c, repeat_rate(customer_uuid) d
     FROM shop_orders GROUP BY ROLLUP (country)) ours
    FULL JOIN
    (SELECT country, sum((n >= 2)::int)::float8 / count(*) r
     FROM (SELECT country, customer_id, count(*) n FROM shop_orders
           WHERE customer_id IS NOT NULL GROUP BY GROUPING SETS ((country, customer_id), (customer_id))) x
     GROUP BY country) theirs
    ON coalesce(ours.country, 'all') = coalesce(theirs.country, 'all')
WHERE (a, b, c, d) IS DISTINCT FROM (r, r, r, r);

-- orders only
SELECT repeat_rate(customer_id) FILTER (WHERE amount > 0) =
       (SELECT sum((n >= 2)::int)::float8 / count(*)
        FROM (SELECT count(*) n FROM shop_orders WHERE customer_id IS NOT NULL AND amount > 0
              GROUP BY customer_id) x) AS equal
FROM shop_orders;

-- ---------------------------------------------------------------------------
-- the grid: nothing, only NULLs, one row, no match, DISTINCT, ORDER BY, twice
-- ---------------------------------------------------------------------------
SELECT repeat_rate(customer_id) FROM shop_orders WHERE false;
SELECT repeat_rate(NULL::bigint), repeat_rate(NULL::text), repeat_rate(NULL::uuid) FROM generate_series(1, 3);
SELECT repeat_rate(7);
SELECT repeat_rate(customer_id) FILTER (WHERE country = 'nowhere') FROM shop_orders;
SELECT repeat_rate(DISTINCT customer_id) FROM shop_orders;
SELECT repeat_rate(customer_id ORDER BY ordered_at DESC NULLS LAST) = repeat_rate(customer_id) AS equal FROM shop_orders;
SELECT repeat_rate(customer_id) AS all_rows, repeat_rate(customer_id) AS again,
       repeat_rate(customer_id) FILTER (WHERE country = 'FR') AS france,
       repeat_rate(customer_id - 1) AS shifted
FROM shop_orders;
-- every customer a group of its own
SELECT r, count(*) FROM (SELECT repeat_rate(customer_id) r FROM shop_orders GROUP BY customer_id) x GROUP BY r ORDER BY r;
-- keys at the ends of their range, and the one whose hashed form is all ones
SELECT repeat_rate(c), count(DISTINCT c) FROM
    (VALUES (-9223372036854775808), (9223372036854775807), (0), (-1), (0),
            (-8528264022506211158), (-8528264022506211158)) v(c);
SELECT repeat_rate(c) FROM (VALUES (''), (''), ('a'), ('abcdefgh'), ('abcdefghi'), ('abcdefghijklmno'),
    ('abcdefghijklmno'), ('abcdefghijklmnop'), ('abcdefghijklmnop'), ('abcdefghijklmnoq'), (repeat('x', 100000)),
    (repeat('x', 100000)), (repeat('x', 100001))) v(c);
-- text keys are told apart by their bytes, whatever the collation
SELECT repeat_rate(c COLLATE "C") FROM (VALUES ('é'), (U&'e\0301'), ('E'), ('e')) v(c);

-- ---------------------------------------------------------------------------
-- windows
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE numbered AS
SELECT row_number() OVER (ORDER BY ordered_at, customer_id, amount, country) AS i, customer_id, customer_code, customer_email, customer_uuid, ordered_at
FROM shop_orders LIMIT 3000;
CREATE INDEX ON numbered (i);
ANALYZE numbered;

CREATE FUNCTION repeat_rate_between(low bigint, high bigint) RETURNS double precision
LANGUAGE sql
RETURN (SELECT sum((n >= 2)::int)::float8 / count(*)
        FROM (SELECT count(*) n FROM numbered
              WHERE i BETWEEN low AND high AND customer_id IS NOT NULL GROUP BY customer_id) x);

-- running: every 37th row checked
SELECT * FROM
    (SELECT i, repeat_rate(customer_id) OVER w a, repeat_rate(customer_email) OVER w b
     FROM numbered WINDOW w AS (ORDER BY i)) x
WHERE i % 37 = 0 AND (a, b) IS DISTINCT FROM (repeat_rate_between(1, i), repeat_rate_between(1, i));

-- sliding, with the inverse transition: frames of 1, 50 and 1500 rows
SELECT * FROM
    (SELECT i, repeat_rate(customer_id) OVER (ORDER BY i ROWS CURRENT ROW) a
     FROM numbered) x
WHERE i % 5 = 0 AND a IS DISTINCT FROM repeat_rate_between(i, i);
SELECT * FROM
    (SELECT i, repeat_rate(customer_id) OVER w a, repeat_rate(customer_code) OVER w b,
            repeat_rate(customer_email) OVER w c, repeat_rate(customer_uuid) OVER w d
     FROM numbered WINDOW w AS (ORDER BY i ROWS BETWEEN 49 PRECEDING AND CURRENT ROW)) x
WHERE i % 7 = 0 AND ROW(a, b, c, d) IS DISTINCT FROM
      (SELECT ROW(r, r, r, r) FROM (SELECT repeat_rate_between(i - 49, i)) o(r));
SELECT * FROM
    (SELECT i, repeat_rate(customer_id) OVER w a, repeat_rate(customer_email) OVER w b
     FROM numbered WINDOW w AS (ORDER BY i ROWS BETWEEN 1499 PRECEDING AND CURRENT ROW)) x
WHERE i % 101 = 0 AND (a, b) IS DISTINCT FROM (repeat_rate_between(i - 1499, i), repeat_rate_between(i - 1499, i));
-- a year back, by time, as a dashboard asks; and an empty frame
SELECT count(*), count(DISTINCT round(r::numeric, 6)) > 100 AS moves
FROM (SELECT repeat_rate(customer_id) OVER (ORDER BY ordered_at RANGE BETWEEN '30 days' PRECEDING AND CURRENT ROW) r
      FROM numbered) x;
SELECT repeat_rate(c) OVER (ORDER BY c ROWS BETWEEN 5 PRECEDING AND 4 PRECEDING) FROM generate_series(1, 3) c;
-- a whole partition as the frame
SELECT * FROM
    (SELECT DISTINCT country, repeat_rate(customer_id) OVER (PARTITION BY country) a FROM shop_orders) x
    JOIN (SELECT country, repeat_rate(customer_id) b FROM shop_orders GROUP BY country) y USING (country)
WHERE a IS DISTINCT FROM b;

-- ---------------------------------------------------------------------------
-- repeat_rate(customer, ordered_at, period, as_of) and second_order_rate
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE moments AS
SELECT * FROM
    (VALUES (timestamptz '2022-12-31'), ('2023-01-01 12:00'), ('2024-02-29 00:00'), ('2024-03-31 23:00'),
            ('2024-10-27 01:00'), ('2025-01-01'), ('2025-06-19'), ('2031-01-01')) a(as_of),
    (VALUES (interval '1 hour'), ('30 days'), ('1 month'), ('3 months 5 days'), ('1 year'), ('100 years')) p(period);

SELECT m.*, ours.*, theirs.*
FROM moments m,
     LATERAL (SELECT repeat_rate(customer_id, ordered_at, period, as_of), repeat_rate(customer_email, ordered_at, period, as_of),
                     second_order_rate(customer_id, ordered_at, period, as_of), second_order_rate(customer_code, ordered_at, period, as_of)
              FROM shop_orders) ours(a, b, c, d),
     LATERAL (SELECT sum((n >= 2)::int)::float8 / nullif(count(*), 0)
              FROM (SELECT count(*) FILTER (WHERE ordered_at >= (m.as_of AT TIME ZONE 'UTC' - m.period) AT TIME ZONE 'UTC') n
                    FROM shop_orders WHERE customer_id IS NOT NULL AND ordered_at < m.as_of GROUP BY customer_id) x) theirs(r),
     LATERAL (SELECT sum((again < (first AT TIME ZONE 'UTC' + m.period) AT TIME ZONE 'UTC')::int)::float8 / nullif(count(*), 0)
              FROM (SELECT min(ordered_at) first, coalesce((array_agg(ordered_at ORDER BY ordered_at))[2], 'infinity') again
                    FROM shop_orders WHERE customer_id IS NOT NULL AND ordered_at < m.as_of GROUP BY customer_id) x
              WHERE (first AT TIME ZONE 'UTC' + m.period) AT TIME ZONE 'UTC' <= m.as_of) b(s)
WHERE (a, b, c, d) IS DISTINCT FROM (r, r, s, s);

-- the window is closed on the left, open on the right
SELECT repeat_rate(1, t, '1 day', '2024-05-02') FROM (VALUES (timestamptz '2024-05-01'), ('2024-05-01 23:59:59.999999')) v(t);
SELECT repeat_rate(1, t, '1 day', '2024-05-02') FROM (VALUES (timestamptz '2024-04-30 23:59:59.999999'), ('2024-05-01')) v(t);
SELECT repeat_rate(1, t, '1 day', '2024-05-02') FROM (VALUES (timestamptz '2024-05-01'), ('2024-05-02')) v(t);
SELECT repeat_rate(1, '2024-05-02', '1 day', '2024-05-02');
-- so is the time after a first order, and whoever had all of it before as_of has had the time
SELECT second_order_rate(1, t, '1 day', '2024-05-02') FROM (VALUES (timestamptz '2024-05-01'), ('2024-05-01 23:59:59.999999')) v(t);
SELECT second_order_rate(1, t, '1 day', '2024-05-03') FROM (VALUES (timestamptz '2024-05-01'), ('2024-05-02')) v(t);
SELECT second_order_rate(1, '2024-05-01 00:00:00.000001', '1 day', '2024-05-02');
-- a second order at the same instant is a second order
SELECT second_order_rate(1, t, '1 day', '2024-05-09') FROM (VALUES (timestamptz '2024-05-01'), ('2024-05-01')) v(t);
-- months are the server's own: a month before 31 March 2024 is 29 February
SELECT repeat_rate(1, t, '1 month', '2024-03-31') FROM (VALUES (timestamptz '2024-02-28 23:59:59'), ('2024-03-30')) v(t);
SELECT repeat_rate(1, t, '1 month', '2024-03-31') FROM (VALUES (timestamptz '2024-02-29'), ('2024-03-30')) v(t);
-- a month after 31 January is 29 February, though a month before 29 February is not 31 January
SELECT as_of, second_order_rate(1, t, '1 month', as_of) FROM (VALUES (timestamptz '2024-01-31'), ('2024-02-15')) v(t), unnest(ARRAY[timestamptz '2024-02-28', '2024-02-29', '2024-03-01']) as_of GROUP BY as_of ORDER BY as_of;
-- and in UTC, whatever the session's zone: the answer is the same on a day with 23 hours
SET TimeZone = 'Europe/Paris';
SELECT repeat_rate(1, t, '1 day', '2024-03-31 22:00+00') FROM (VALUES (timestamptz '2024-03-30 22:30+00'), ('2024-03-31 21:00+00')) v(t);
SET TimeZone = 'UTC';

-- the grid
SELECT repeat_rate(customer_id, ordered_at, '1 year', '2025-01-01'), second_order_rate(customer_id, ordered_at, '1 year', '2025-01-01') FROM shop_orders WHERE false;
SELECT repeat_rate(customer_id, NULL, '1 year', '2025-01-01'), second_order_rate(NULL::text, ordered_at, '1 year', '2025-01-01') FROM shop_orders;
SELECT repeat_rate(1, '2024-01-01', '1 year', '2025-01-01'), second_order_rate(1, '2024-01-01', '1 year', '2025-01-01');
SELECT repeat_rate(DISTINCT customer_id, ordered_at, '1 year', '2025-01-01') = repeat_rate(customer_id, ordered_at, '1 year', '2025-01-01') AS equal
FROM (SELECT DISTINCT customer_id, ordered_at FROM shop_orders) x;
SELECT count(DISTINCT r) FROM (SELECT second_order_rate(customer_id, ordered_at, '60 days', '2025-01-01') OVER (ORDER BY customer_id) r FROM numbered) x WHERE r > 0;
SELECT DISTINCT repeat_rate(customer_id, ordered_at, '60 days', '2025-01-01') OVER (ORDER BY i ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM numbered ORDER BY 1;

-- bad arguments
SELECT repeat_rate(1, 'infinity', '1 year', '2025-01-01');
SELECT repeat_rate(1, '2024-01-01', '1 year', '-infinity');
SELECT repeat_rate(1, '2024-01-01', '0', '2025-01-01');
SELECT repeat_rate(1, '2024-01-01', '-1 day', '2025-01-01');
SELECT repeat_rate(1, '2024-01-01', '1 month -3 days', '2025-01-01');
SELECT repeat_rate(1, '2024-01-01', NULL, '2025-01-01');
SELECT repeat_rate(1, '2024-01-01', '1 year', NULL);
SELECT repeat_rate(NULL::bigint, '2024-01-01', '-1 year', '2025-01-01');
SELECT second_order_rate(1, '2024-01-01', '1 year', NULL);
SELECT second_order_rate(1, '2024-01-01', '-1 year', '2025-01-01');
SELECT second_order_rate(1, '2024-01-01', '300000 years', '2025-01-01');
SELECT repeat_rate(customer_id, ordered_at, '1 year', ordered_at) FROM shop_orders;
SELECT repeat_rate(customer_id, ordered_at, i * interval '1 day', '2025-01-01') FROM numbered;
-- a number without a unit is seconds
SELECT second_order_rate(1, '2024-01-01', '90', '2025-01-01');
SELECT repeat_rate(1, '2024-01-01', '1.5', '2025-01-01');
SELECT repeat_rate(1, '2024-01-01', '59 minutes 59.999999 seconds', '2025-01-01');
SELECT repeat_rate(1, '2024-01-01', '1 microsecond', '2025-01-01');
SELECT second_order_rate(1, '2024-01-01', '1 hour', '2025-01-01'), repeat_rate(1, '2024-01-01', '60 minutes', '2025-01-01');
SELECT repeat_rate(1.5);
-- to the end of time
SELECT repeat_rate(c, t, p, '294276-12-31') AS rate, extract(year FROM p) AS years FROM (VALUES (1, timestamptz '294276-12-01'), (1, '294276-12-02'), (2, '4713-01-01 BC'), (2, '4713-01-02 BC')) v(c, t), (VALUES (interval '1 year'), ('298900 years')) w(p) GROUP BY p ORDER BY p;
SELECT repeat_rate(1, '2024-01-01', '300000 years', '294276-12-31');
-- nobody has had a time that does not end before the calendar does
SELECT within, second_order_rate(c, t, within, '294276-12-31 23:59:59.999999') FROM (VALUES (1, timestamptz '294276-12-30'), (1, '294276-12-30 23:59:59'), (2, '294276-11-30'), (3, '4714-11-24 BC')) v(c, t),
    unnest(ARRAY[interval '1 hour', '1 day', '1 month', '1 month 1 day', '298989 years', '298990 years', '178000000 years', '2147483647 days', '2500000000 hours']) within GROUP BY within ORDER BY within;

DROP FUNCTION repeat_rate_between(bigint, bigint);
