-- Who was active, has left, came back, came anew, period by period: churn_by_period
SET TimeZone = 'America/New_York';	-- nothing depends on it
SET DateStyle = 'ISO';
SET extra_float_digits = 0;
\set SHOW_CONTEXT never
CREATE SCHEMA series;

-- small enough to check by hand: 3 ordered 60 days before 1 April, 5 is gone in March and back in April, 6 and 7 come at a midnight
CREATE TABLE series.few (customer bigint, ordered_at timestamptz);
INSERT INTO series.few VALUES
    (1, '2026-01-01 00:00+00'), (1, '2026-02-01 00:00+00'), (1, '2026-03-01 00:00+00'), (1, '2026-04-01 00:00+00'), (2, '2026-01-01 00:00+00'),
    (3, '2026-01-31 00:00+00'), (3, '2026-04-01 00:00+00'), (4, '2026-02-10 00:00+00'), (4, '2026-04-30 00:00+00'), (5, '2026-01-15 00:00+00'), (5, '2026-04-20 00:00+00'),
    (6, '2026-03-01 00:00+00'), (7, '2026-05-01 00:00+00'), (8, '2026-02-28 23:30+00'), (NULL, '2026-01-01 00:00+00'), (9, NULL);
SELECT * FROM unnest((SELECT churn_by_period(customer, ordered_at, '60 days', 'month', '2026-05-15 00:00+00', 'UTC') FROM series.few));
-- on the first May has not begun; in Berlin it has
SELECT * FROM unnest((SELECT churn_by_period(customer, ordered_at, '60 days', 'month', '2026-05-01 00:00+00', 'UTC') FROM series.few));
SELECT * FROM unnest((SELECT churn_by_period(customer, ordered_at, '60 days', 'month', '2026-05-01 00:00+00', 'Europe/Berlin') FROM series.few));
-- shorter than the month: 6 comes and goes in March, and is in no column
SELECT * FROM unnest((SELECT churn_by_period(customer, ordered_at, '20 days', 'month', '2026-05-01 00:00+00', 'UTC') FROM series.few));
SELECT * FROM unnest((SELECT churn_by_period(customer, ordered_at, '1 month', 'month', '2026-05-01 00:00+00', 'UTC') FROM series.few));
SELECT * FROM unnest((SELECT churn_by_period(c, d::timestamp AT TIME ZONE 'UTC', '1 month', 'month', '2024-05-01 00:00+00', 'UTC') FROM (VALUES (1, date '2024-03-01'), (1, '2024-04-01'), (2, '2024-03-31'), (2, '2024-05-01')) v(c, d)));

-- edges: an order at the boundary, at the boundary less inactive_after, at as_of, each moved by a microsecond
SELECT name, moved, r.* FROM
    (VALUES ('at the end', timestamptz '2024-03-01 00:00+00'), ('as long before the end', '2024-02-20 00:00+00'), ('at as_of', '2024-03-15 00:00+00')) e(name, at), unnest(ARRAY[-1, 0, 1]) moved,
    LATERAL unnest((SELECT churn_by_period(1, t, '10 days', 'month', '2024-03-15 00:00+00', 'UTC') FROM (VALUES (timestamptz '2024-02-02 00:00+00'), (at + moved * interval '1 microsecond')) o(t))) r
WHERE period_start >= '2024-02-01' ORDER BY e.at, moved, period_start;

-- ---------------------------------------------------------------------------
-- oracle, over rows of c (customer) and t (time): the last order before each boundary
-- ---------------------------------------------------------------------------
CREATE FUNCTION series.oracle(source text, inactive_after interval, grain text, as_of timestamptz, tz text) RETURNS SETOF churn_by_period_row LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'WITH orders AS MATERIALIZED (SELECT c, t FROM (%s) s WHERE c IS NOT NULL AND t < $3),
         customers AS MATERIALIZED (SELECT c, min(t) AS first FROM orders GROUP BY c),
         periods AS MATERIALIZED (
             SELECT p, p AT TIME ZONE $4 AS starts, least((p + step) AT TIME ZONE $4, $3) AS ends, (p + step) AT TIME ZONE $4 <= $3 AS ended
             FROM (SELECT CASE $2 WHEN ''quarter'' THEN ''3 months'' ELSE ''1 '' || $2 END::interval) x(step),
                  generate_series((SELECT date_trunc($2, min(first) AT TIME ZONE $4) FROM customers), ($3 - interval ''1 microsecond'') AT TIME ZONE $4, step) p),
         boundaries AS MATERIALIZED (SELECT b, (b AT TIME ZONE ''UTC'' - $1) AT TIME ZONE ''UTC'' AS from_then FROM (SELECT starts FROM periods UNION SELECT ends FROM periods) x(b)),
         active AS MATERIALIZED (SELECT DISTINCT c, b FROM boundaries JOIN orders ON t >= from_then AND t < b),
         counts AS (
             SELECT p, ended, count(*) FILTER (WHERE s.c IS NOT NULL) AS at_start, count(*) FILTER (WHERE s.c IS NOT NULL AND e.c IS NULL) AS churned,
                    count(*) FILTER (WHERE s.c IS NULL AND e.c IS NOT NULL AND first < starts) AS back, count(*) FILTER (WHERE e.c IS NOT NULL AND first >= starts AND first < ends) AS new, count(*) FILTER (WHERE e.c IS NOT NULL) AS at_end
             FROM periods CROSS JOIN customers LEFT JOIN active s ON s.c = customers.c AND s.b = starts LEFT JOIN active e ON e.c = customers.c AND e.b = ends GROUP BY 1, 2)
         SELECT p::date, at_start, churned, back, new, at_end, CASE WHEN ended THEN churned::float8 / nullif(at_start, 0) END, ended FROM counts', source) USING inactive_after, grain, as_of, tz;
END $$;

CREATE FUNCTION series.differ(one text, other text) RETURNS TABLE (side text, "row" text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('WITH one AS MATERIALIZED (SELECT x::text FROM (%s) x), other AS MATERIALIZED (SELECT x::text FROM (%s) x)
        (SELECT ''ours'', * FROM (TABLE one EXCEPT ALL TABLE other) d LIMIT 3) UNION ALL (SELECT ''theirs'', * FROM (TABLE other EXCEPT ALL TABLE one) d LIMIT 3)
        UNION ALL SELECT ''none'', NULL WHERE NOT EXISTS (TABLE one)', one, other);
END $$;
CREATE FUNCTION series.breaches(source text, keys text[], inactive_after interval, grain text, as_of timestamptz, tz text) RETURNS TABLE (key text, side text, "row" text) LANGUAGE plpgsql AS $$
BEGIN
    CREATE TEMP TABLE theirs ON COMMIT DROP AS SELECT o FROM series.oracle(source, inactive_after, grain, as_of, tz) o;
    FOREACH key IN ARRAY keys LOOP
        FOR side, "row" IN SELECT * FROM series.differ(format('SELECT (r).* FROM unnest((SELECT churn_by_period(%s, t, %L, %L, %L, %L) FROM (%s) s)) r', key, inactive_after, grain, as_of, tz, source), 'SELECT (o).* FROM theirs') LOOP
            RETURN NEXT;
        END LOOP;
    END LOOP;
    DROP TABLE theirs;
END $$;

CREATE VIEW series.shop AS SELECT customer_id AS c, customer_code AS code, customer_email AS email, customer_uuid AS uid, ordered_at AS t, country FROM shop_orders WHERE amount > 0 AND customer_id % 7 = 0;
-- months, more boundaries than a customer has bits, intervals of months where clocks change
SELECT inactive_after, as_of, tz, grain, b.* FROM
    (VALUES (interval '90 days', timestamptz '2024-10-31 23:00+00', 'Europe/Paris', 'month'), ('180 days', '2025-01-01 00:00+00', 'UTC', 'month'), ('1 month', '2024-12-31 23:59:59.999999+00', 'UTC', 'month'),
            ('1 year', '2031-01-01 00:00+00', 'Pacific/Apia', 'quarter'), ('2 years', '2031-05-01 00:00+00', 'UTC', 'year'), ('1 hour', '2024-07-07 18:30+00', 'Asia/Kolkata', 'week'), ('30 days', '2024-10-01 02:30+00', 'America/St_Johns', 'week'),
            ('1 month', '2023-06-15 00:00+00', 'Europe/Berlin', 'day'), ('1 month 36 hours', '2024-06-15 09:00+00', 'Europe/Berlin', 'day'), ('7 days', '2024-04-01 00:00+00', 'America/New_York', 'day')) m(inactive_after, as_of, tz, grain),
    series.breaches('SELECT * FROM series.shop', CASE grain WHEN 'month' THEN '{c,code,email,uid}'::text[] ELSE '{c}' END, inactive_after, grain, as_of, tz) b;
-- random orders around the ends of February and March, at hours that a month back come in another order
SELECT seed, b.* FROM generate_series(1, 6) seed,
    series.breaches(format('SELECT (noise(i, %1$s) * 40)::int AS c, timestamptz ''2023-01-20 00:00+00'' + (noise(i, %1$s + 100) * 100 * 24)::int * interval ''30 minutes'' AS t FROM generate_series(1, 300) i', seed),
                    '{c}', CASE seed % 3 WHEN 0 THEN '1 month' WHEN 1 THEN '2 months' ELSE '1 month 1 day' END::interval, 'day', CASE WHEN seed > 3 THEN '2023-04-15 07:00+00' ELSE timestamptz '2023-06-15 00:00+00' END, 'Europe/Berlin') b;

-- clocks that go forward at midnight
SELECT b.* FROM series.breaches('SELECT n AS c, timestamptz ''2018-10-25 00:00+00'' + n * interval ''1 hour'' AS t FROM generate_series(1, 300, 7) n', '{c}', '36 hours', 'day', '2018-11-10 00:00+00', 'America/Sao_Paulo') b;

-- the identities, and each period is its churn_rate
SELECT grain, inactive_after, count(*) > 1 AS some, count(*) FILTER (WHERE active_at_end <> active_at_start - churned + reactivated + new_customers) AS within,
       count(*) FILTER (WHERE active_at_start <> coalesce(before, 0)) AS between,
       count(*) FILTER (WHERE is_complete AND churn_rate IS DISTINCT FROM (SELECT churn_rate(c, t, inactive_after, period_start::timestamp AT TIME ZONE 'Europe/Paris',
           (period_start + CASE grain WHEN 'quarter' THEN '3 months' ELSE '1 ' || grain END::interval)::timestamp AT TIME ZONE 'Europe/Paris') FROM series.shop)) AS not_its_rate,
       count(*) FILTER (WHERE NOT is_complete) AS open, count(*) FILTER (WHERE NOT is_complete AND churn_rate IS NOT NULL) AS open_rates
FROM (SELECT grain, inactive_after, r.*, lag(active_at_end) OVER (PARTITION BY grain, inactive_after ORDER BY period_start) AS before
      FROM (SELECT grain, inactive_after, churn_by_period(c, t, inactive_after, grain, '2024-06-11 00:00+00', 'Europe/Paris') AS rows
            FROM series.shop, (VALUES ('week', interval '30 days'), ('month', '90 days'), ('month', '1 month'), ('quarter', '1 year'), ('year', '6 months')) g(grain, inactive_after) GROUP BY grain, inactive_after) a, unnest(rows) r) x
GROUP BY grain, inactive_after ORDER BY grain, inactive_after;
-- who orders beyond as_of is not seen, and as_of a microsecond later sees only the rows at it
SELECT (SELECT churn_by_period(c, t, '30 days', 'month', '2024-02-01 00:00+00', 'UTC') FROM series.shop) = (SELECT churn_by_period(c, t, '30 days', 'month', '2024-02-01 00:00+00', 'UTC') FROM series.shop WHERE t < '2024-02-01 00:00+00') AS unseen;
-- ten years without anybody are there, at one grain without a bit, at the other with
SELECT grain, count(*), count(*) FILTER (WHERE active_at_start = 0), sum(churned) AS churned, sum(new_customers) AS new, sum(reactivated) AS reactivated
FROM unnest(ARRAY['month', 'quarter']) grain, LATERAL unnest((SELECT churn_by_period(i % 5, CASE WHEN i < 10 THEN '2010-05-05' ELSE timestamptz '2020-06-06' END, '100 days', grain, '2020-07-01 00:00+00', 'UTC') FROM generate_series(1, 20) i)) GROUP BY grain ORDER BY grain;

-- a day that does not exist, one that comes twice, both sides of 1970, the first days there are
SELECT tz, count(*) AS days, sum(new_customers) AS new, sum(churned) AS churned, max(active_at_end) AS most FROM
    (VALUES ('Pacific/Apia', timestamptz '2011-12-20 00:00+00'), ('Pacific/Kwajalein', '1969-09-20 00:00+00'), ('America/St_Johns', '2009-10-20 00:00+00'), ('America/Sao_Paulo', '2018-10-25 00:00+00')) z(tz, era),
    LATERAL unnest((SELECT churn_by_period(n, era + n * interval '30 hours', '36 hours', 'day', era + '20 days 7 hours', tz) FROM generate_series(1, 12) n)) GROUP BY tz ORDER BY tz;
SELECT * FROM unnest((SELECT churn_by_period(1, '4713-01-01 BC', '1 year', 'year', '4710-01-01 00:00+00 BC', 'UTC')));
SELECT churn_by_period(1, '4714-11-24 BC', '1 hour', 'year', '4712-01-01 BC', 'UTC');

-- ---------------------------------------------------------------------------
-- the grid
-- ---------------------------------------------------------------------------
SELECT * FROM series.differ(
    $$SELECT country, (r).* FROM (SELECT country, unnest(churn_by_period(uid, t, '1 year', 'quarter', '2025-02-01 00:00+00', 'Europe/Paris')) r FROM series.shop GROUP BY country) g$$,
    $$SELECT country, r.* FROM (SELECT DISTINCT country FROM series.shop) g, series.oracle(format('SELECT * FROM series.shop WHERE country = %L', country), '1 year', 'quarter', '2025-02-01 00:00+00', 'Europe/Paris') r$$);
SELECT churn_by_period(customer, ordered_at, '60 days', 'month', '2026-04-01', 'UTC') FROM series.few WHERE false;
SELECT churn_by_period(customer, ordered_at, '60 days', 'month', '2025-12-31', 'UTC') FROM series.few;
SELECT churn_by_period(NULL::bigint, ordered_at, '60 days', 'month', '2026-04-01', 'UTC'), churn_by_period(customer, NULL, '60 days', 'month', '2026-04-01', 'UTC'), churn_by_period(customer, ordered_at, '60 days', 'month', '2026-04-01', 'UTC') FILTER (WHERE customer = 0) FROM series.few;
SELECT churn_by_period(1, '2024-01-15 00:00+00', '1 hour', 'month', '2024-01-15 00:00+00', 'UTC'), churn_by_period(''::text, '2024-01-15 00:00+00', '1 year', 'year', '2025-01-01 00:00+00', 'UTC'), churn_by_period('00000000-0000-0000-0000-000000000000'::uuid, '2024-01-15 00:00+00', '1 day', 'week', '2024-01-15 00:00:01+00', 'UTC');
SELECT a = b AS ordered, a = c AS doubled, a = d AS distinct_of_doubled, cardinality(a), cardinality(e) FROM
    (SELECT churn_by_period(customer, ordered_at, '60 days', 'month', '2026-04-01 00:00+00', 'UTC') FILTER (WHERE n = 1) a, churn_by_period(customer, ordered_at, '60 days', 'month', '2026-04-01 00:00+00', 'UTC' ORDER BY ordered_at DESC) FILTER (WHERE n = 2) b,
            churn_by_period(customer, ordered_at, '60 days', 'month', '2026-04-01 00:00+00', 'UTC') c, churn_by_period(DISTINCT customer, ordered_at, '60 days', 'month', '2026-04-01 00:00+00', 'UTC') d, churn_by_period(customer, ordered_at, '60 days', 'week', '2026-04-01 00:00+00', 'UTC') e
     FROM series.few, generate_series(1, 2) n) x;
SELECT count(*), count(*) FILTER (WHERE running IS DISTINCT FROM (SELECT churn_by_period(customer, ordered_at, '60 days', 'month', '2026-07-01 00:00+00', 'UTC') FROM series.few f WHERE f.ordered_at <= w.ordered_at)) AS running,
       count(*) FILTER (WHERE sliding IS DISTINCT FROM (SELECT churn_by_period(customer, ordered_at, '60 days', 'month', '2026-07-01 00:00+00', 'UTC') FROM series.few f WHERE f.ordered_at <= w.ordered_at AND f.ordered_at >= w.ordered_at - interval '1 month')) AS sliding
FROM (SELECT ordered_at, churn_by_period(customer, ordered_at, '60 days', 'month', '2026-07-01 00:00+00', 'UTC') OVER (ORDER BY ordered_at) running,
             churn_by_period(customer, ordered_at, '60 days', 'month', '2026-07-01 00:00+00', 'UTC') OVER (ORDER BY ordered_at RANGE interval '1 month' PRECEDING) sliding FROM series.few WHERE ordered_at IS NOT NULL) w;
-- more sets of options than are kept beside each other
SELECT count(DISTINCT rows) AS answers, count(*) FILTER (WHERE rows IS DISTINCT FROM (SELECT churn_by_period(c, t, n * interval '9 days', 'month', '2024-01-01 00:00+00', 'UTC') FROM series.shop)) AS others
FROM (SELECT n, churn_by_period(c, t, n * interval '9 days', 'month', '2024-01-01 00:00+00', 'UTC') AS rows FROM generate_series(1, 12) n, series.shop GROUP BY n) s;

-- states: parts in any order are the whole
SELECT o, grain, rollup(c ORDER BY x)::text = (SELECT churn_by_period_state(c, t, '45 days', grain, '2025-03-15 00:00+00', 'Asia/Kolkata')::text FROM series.shop) AS c, rollup(email ORDER BY x)::text = (SELECT churn_by_period_state(email, t, '45 days', grain, '2025-03-15 00:00+00', 'Asia/Kolkata')::text FROM series.shop) AS email,
       churn_by_period(rollup(c ORDER BY x)::text::retention_state) = (SELECT churn_by_period(uid, t, '45 days', grain, '2025-03-15 00:00+00', 'Asia/Kolkata') FROM series.shop) AS reads
FROM (SELECT part, grain, churn_by_period_state(c, t, '45 days', grain, '2025-03-15 00:00+00', 'Asia/Kolkata') AS c, churn_by_period_state(email, t, '45 days', grain, '2025-03-15 00:00+00', 'Asia/Kolkata') AS email
      FROM (SELECT *, (noise(row_number() OVER (), 42) * 30)::int AS part FROM series.shop) s, unnest(ARRAY['week', 'month']) grain GROUP BY part, grain) p, unnest(ARRAY['up', 'down', 'shuffled']) o, LATERAL (SELECT CASE o WHEN 'up' THEN to_char(part, '000') WHEN 'down' THEN to_char(100 - part, '000') ELSE md5(part::text) END) y(x) GROUP BY o, grain ORDER BY o, grain;
SELECT rollup(s) FROM (SELECT churn_by_period_state(1, '2024-01-01', '60 days', 'month', '2024-02-01', 'UTC') s UNION ALL SELECT churn_by_period_state(1, '2024-01-01', '61 days', 'month', '2024-02-01', 'UTC')) x;
SELECT churn_by_period(lifecycle_state(1, '2024-01-01', 'month', '2024-02-01', 'UTC'));

-- bad arguments
SELECT churn_by_period(1, '2024-01-01', '60', 'month', '2024-02-01', 'UTC');
SELECT churn_by_period(1, '2024-01-01', '-1 day', 'month', '2024-02-01', 'UTC');
SELECT churn_by_period(1, '2024-01-01', NULL, 'month', '2024-02-01', 'UTC');
SELECT churn_by_period(1, '2024-01-01', '7000 years', 'month', '2024-02-01', 'UTC');
SELECT churn_by_period(1, '2024-01-01', '60 days', 'hour', '2024-02-01', 'UTC');
SELECT churn_by_period(1, '2024-01-01', '60 days', 'month', 'infinity', 'UTC');
SELECT churn_by_period(1, '-infinity', '60 days', 'month', '2024-02-01', 'UTC');
SELECT churn_by_period(1, '2024-01-01', '60 days', 'month', '2024-02-01', 'UTC+8');
SELECT churn_by_period(customer, ordered_at, '60 days', 'month', ordered_at, 'UTC') FROM series.few;
SELECT churn_by_period(1, '2024-01-01', '60 days', 'day', '294276-12-31', 'UTC');

SET client_min_messages = warning;
DROP SCHEMA series CASCADE;
