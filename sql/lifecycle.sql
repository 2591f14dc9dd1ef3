-- New, returning, resurrected, dormant, silent: lifecycle
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET extra_float_digits = 1;
\set SHOW_CONTEXT never
CREATE SCHEMA lives;

-- small enough to check by hand: A stays and leaves, B comes back twice, C comes in April
CREATE TABLE lives.few (customer text, ordered_at timestamptz);
INSERT INTO lives.few VALUES
    ('A', '2024-01-10'), ('A', '2024-01-20'), ('A', '2024-02-10'),
    ('B', '2024-01-31 23:59:59.999999'), ('B', '2024-03-01'), ('B', '2024-06-15'),
    ('C', '2024-04-01'), ('C', '2024-07-01'), ('D', '2024-07-01 00:00:00.000001'), (NULL, '2023-01-01'), ('E', NULL);
SELECT * FROM unnest((SELECT lifecycle(customer, ordered_at, 'month', '2024-07-01', 'UTC') FROM lives.few));
-- a microsecond earlier June is open
SELECT * FROM unnest((SELECT lifecycle(customer, ordered_at, 'month', '2024-06-30 23:59:59.999999', 'UTC') FROM lives.few)) WHERE period_start > '2024-05-01';
SELECT lifecycle(customer, ordered_at, 'month', '2024-01-09', 'UTC') FROM lives.few;

-- ---------------------------------------------------------------------------
-- oracle, over rows of c (customer) and t (time): the state of each customer in each period
-- ---------------------------------------------------------------------------

-- a day that clocks repeat (St John's, at 00:01) belongs to the one after; times are whole hours
CREATE FUNCTION lives.period(t timestamptz, grain text, tz text) RETURNS timestamp LANGUAGE sql IMMUTABLE
RETURN grain_trunc(grain, greatest(t AT TIME ZONE tz, date_trunc('day', (t - interval '29.5 minutes') AT TIME ZONE tz)));

CREATE FUNCTION lives.oracle(source text, grain text, as_of timestamptz, tz text) RETURNS SETOF lifecycle_row LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'WITH active AS MATERIALIZED (
             SELECT c, lives.period(t, $1, $3) AS p FROM (%s) s WHERE c IS NOT NULL AND t < $2 GROUP BY 1, 2),
         customers AS (SELECT c, min(p) AS first FROM active GROUP BY c),
         periods AS (
             SELECT p, lag(p) OVER (ORDER BY p) AS before, p < lives.period($2, $1, $3) AS ended
             FROM (SELECT min(first) AS first FROM customers) f,
                  generate_series(first, lives.period($2 - interval ''1 microsecond'', $1, $3), grain_step($1)) p),
         states AS (
             SELECT p.p, ended, CASE WHEN p.p = first THEN ''new'' WHEN now.p IS NOT NULL AND was.p IS NOT NULL THEN ''returning'' WHEN now.p IS NOT NULL THEN ''resurrected''
                                     WHEN was.p IS NOT NULL THEN ''dormant'' ELSE ''silent'' END AS state, was.p IS NOT NULL AS was
             FROM periods p JOIN customers ON first <= p.p LEFT JOIN active now ON now.c = customers.c AND now.p = p.p LEFT JOIN active was ON was.c = customers.c AND was.p = p.before),
         counts AS (
             SELECT p, ended, count(*) FILTER (WHERE state = ''new'') AS new, count(*) FILTER (WHERE state = ''returning'') AS back, count(*) FILTER (WHERE state = ''resurrected'') AS resurrected,
                    count(*) FILTER (WHERE state = ''dormant'') AS dormant, count(*) FILTER (WHERE state = ''silent'') AS silent, count(*) FILTER (WHERE was) AS was
             FROM states GROUP BY 1, 2)
         SELECT p::date, new + back + resurrected, new, back, resurrected, dormant, silent, CASE WHEN ended THEN dormant::float8 / nullif(was, 0) END,
                CASE WHEN ended THEN (new + resurrected)::float8 / nullif(dormant, 0) END, ended FROM counts', source) USING grain, as_of, tz;
END $$;

CREATE FUNCTION lives.differ(one text, other text) RETURNS TABLE (side text, "row" text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('WITH one AS MATERIALIZED (SELECT x::text FROM (%s) x), other AS MATERIALIZED (SELECT x::text FROM (%s) x)
        (SELECT ''ours'', * FROM (TABLE one EXCEPT ALL TABLE other) d LIMIT 3) UNION ALL (SELECT ''theirs'', * FROM (TABLE other EXCEPT ALL TABLE one) d LIMIT 3)
        UNION ALL SELECT ''none'', NULL WHERE NOT EXISTS (TABLE one)', one, other);
END $$;

-- The aggregate against the oracle, for some keys of a source
CREATE TABLE lives.theirs (r lifecycle_row);
CREATE FUNCTION lives.breaches(source text, keys text[], grain text, as_of timestamptz, tz text) RETURNS TABLE (key text, side text, "row" text) LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE lives.theirs;
    INSERT INTO lives.theirs SELECT o FROM lives.oracle(source, grain, as_of, tz) o;
    FOREACH key IN ARRAY keys LOOP
        FOR side, "row" IN SELECT * FROM lives.differ(format('SELECT (r).* FROM unnest((SELECT lifecycle(%s, t, %L, %L, %L) FROM (%s) s)) r', key, grain, as_of, tz, source), 'SELECT (r).* FROM lives.theirs') LOOP
            RETURN NEXT;
        END LOOP;
    END LOOP;
END $$;

CREATE VIEW lives.shop AS SELECT customer_id AS c, customer_code AS code, customer_email AS email, customer_uuid AS uid, ordered_at AS t, country FROM shop_orders WHERE amount > 0 AND customer_id % 3 = 0;

SELECT as_of, tz, grain, b.* FROM
    (VALUES (timestamptz '2024-10-31 23:00', 'Europe/Paris', '{week,month,quarter,year}'::text[]), ('2024-03-31 00:59:59', 'Europe/Paris', '{month}'), ('2025-01-01', 'UTC', '{month,year}'),
            ('2024-12-31 23:59:59.999999', 'UTC', '{month}'), ('2024-07-01 02:30', 'America/St_Johns', '{month}'), ('2024-07-07 18:30', 'Asia/Kolkata', '{week,month}'),
            ('2031-01-01', 'Pacific/Apia', '{quarter}'), ('2024-03-01 02:59', 'Etc/GMT+3', '{month}'), ('2024-03-01 03:00', 'Etc/GMT+3', '{month}'), ('2023-02-01', 'UTC', '{day}'), ('2023-01-02', 'UTC', '{day}'),
            ('2024-11-03', 'UTC', '{week_sunday,week_saturday}'), ('2024-04-01', 'UTC', '{fiscal_year_04,fiscal_quarter_02}'), ('2024-10-31 23:00', 'Europe/Paris', '{fiscal_quarter_12}')) m(as_of, tz, grains),
    unnest(grains) grain, lives.breaches('SELECT * FROM lives.shop', CASE grain WHEN 'month' THEN '{c,code,email,uid}'::text[] ELSE '{c}' END, grain, as_of, tz) b;
-- both sides of 1970 and of 2100, clocks that go back over midnight, a day that is skipped, BC
CREATE TABLE lives.eras AS
SELECT era, c, date_trunc('hour', era + (t - '2023-01-01') / 8) AS t
FROM (VALUES (timestamptz '1969-11-20'), ('2099-11-20'), ('2009-09-01'), ('2011-11-20'), ('1883-09-01'), ('0044-12-20 BC')) e(era), (SELECT c % 60 AS c, t FROM lives.shop WHERE c % 7 = 0) few;
SELECT era, tz, grain, b.* FROM (SELECT DISTINCT era FROM lives.eras) e, unnest(ARRAY['UTC', 'America/St_Johns', 'Pacific/Apia']) tz, unnest(ARRAY['day', 'month']) grain,
    lives.breaches(format('SELECT c, t FROM lives.eras WHERE era = %L', era), '{c}', grain, era + '100 days', tz) b;
-- clocks that went back by a day
SELECT count(DISTINCT lifecycle(state::text::retention_state)), count(DISTINCT state::text) FROM
    (SELECT tz, lifecycle_state(n, t, 'day', era + '20 days 7 hours', tz) AS state
     FROM (VALUES ('Pacific/Kwajalein', timestamptz '1969-09-20'), ('America/Juneau', '1867-10-10'), ('Asia/Manila', '1844-12-20')) z(tz, era), generate_series(era, era + '20 days 6 hours', '3 hours') t, generate_series(1, 12) n GROUP BY tz, era) s;

-- the identities
SELECT grain, count(*) AS periods, count(*) FILTER (WHERE active_customers <> new_customers + returning_customers + resurrected_customers) AS active,
       count(*) FILTER (WHERE active_before <> returning_customers + dormant_customers) AS before,
       count(*) FILTER (WHERE known <> active_customers + dormant_customers + silent_customers) AS known,
       count(*) FILTER (WHERE is_complete <> (period_start < max_start)) AS complete, count(*) FILTER (WHERE NOT is_complete AND (dormant_rate, quick_ratio) IS DISTINCT FROM (NULL::float8, NULL::float8)) AS open
FROM (SELECT grain, l.*, lag(active_customers) OVER w AS active_before, sum(new_customers) OVER w AS known, max(period_start) OVER (PARTITION BY grain) AS max_start
      FROM (SELECT grain, lifecycle(c, t, grain, '2024-06-11', 'Europe/Paris') AS l FROM lives.shop, unnest(ARRAY['day', 'week', 'month', 'quarter', 'year']) grain GROUP BY grain) a, unnest(l) l WINDOW w AS (PARTITION BY grain ORDER BY period_start)) x
GROUP BY grain ORDER BY 2;
-- ten years without anybody are there
SELECT count(*), count(*) FILTER (WHERE active_customers = 0), count(*) FILTER (WHERE dormant_rate IS NULL), sum(dormant_customers), max(silent_customers), sum(resurrected_customers)
FROM unnest((SELECT lifecycle(i % 5, CASE WHEN i < 10 THEN '2010-05-05' ELSE timestamptz '2020-06-06' END, 'month', '2020-07-01', 'UTC') FROM generate_series(1, 20) i));

-- ---------------------------------------------------------------------------
-- the grid
-- ---------------------------------------------------------------------------
SELECT * FROM lives.differ(
    $$SELECT country, (r).* FROM (SELECT country, unnest(lifecycle(uid, t, 'quarter', '2025-02-01', 'Europe/Paris')) r FROM lives.shop GROUP BY country) g$$,
    $$SELECT country, r.* FROM (SELECT DISTINCT country FROM lives.shop) g, lives.oracle(format('SELECT * FROM lives.shop WHERE country = %L', country), 'quarter', '2025-02-01', 'Europe/Paris') r$$);
SELECT lifecycle(customer, ordered_at, 'month', '2024-04-01', 'UTC') FROM lives.few WHERE false;
SELECT lifecycle(NULL::bigint, ordered_at, 'month', '2024-04-01', 'UTC'), lifecycle(customer, NULL, 'month', '2024-04-01', 'UTC'), lifecycle(customer, ordered_at, 'month', '2024-04-01', 'UTC') FILTER (WHERE customer = 'none') FROM lives.few;
SELECT lifecycle(1, '2024-01-15', 'month', '2024-01-15', 'UTC'), lifecycle(''::text, '2024-01-15', 'year', '2025-01-01', 'UTC'), lifecycle('00000000-0000-0000-0000-000000000000'::uuid, '2024-01-15', 'week', '2024-01-15', 'UTC');
SELECT a = b AS ordered, a = c AS doubled, a = d AS distinct_of_doubled, cardinality(a), cardinality(e) FROM
    (SELECT lifecycle(customer, ordered_at, 'month', '2024-04-01', 'UTC') FILTER (WHERE n = 1) a, lifecycle(customer, ordered_at, 'month', '2024-04-01', 'UTC' ORDER BY ordered_at DESC) FILTER (WHERE n = 2) b,
            lifecycle(customer, ordered_at, 'month', '2024-04-01', 'UTC') c, lifecycle(DISTINCT customer, ordered_at, 'month', '2024-04-01', 'UTC') d, lifecycle(customer, ordered_at, 'week', '2024-04-01', 'UTC') e
     FROM lives.few, generate_series(1, 2) n) x;
SELECT count(*), count(*) FILTER (WHERE running IS DISTINCT FROM (SELECT lifecycle(customer, ordered_at, 'month', '2024-07-01', 'UTC') FROM lives.few f WHERE f.ordered_at <= w.ordered_at)) AS running,
       count(*) FILTER (WHERE sliding IS DISTINCT FROM (SELECT lifecycle(customer, ordered_at, 'month', '2024-07-01', 'UTC') FROM lives.few f WHERE f.ordered_at <= w.ordered_at AND f.ordered_at >= w.ordered_at - interval '1 month')) AS sliding
FROM (SELECT ordered_at, lifecycle(customer, ordered_at, 'month', '2024-07-01', 'UTC') OVER (ORDER BY ordered_at) running,
             lifecycle(customer, ordered_at, 'month', '2024-07-01', 'UTC') OVER (ORDER BY ordered_at RANGE interval '1 month' PRECEDING) sliding FROM lives.few WHERE ordered_at IS NOT NULL) w;

-- states: parts in any order are the whole
SELECT o, rollup(c ORDER BY x)::text = (SELECT lifecycle_state(c, t, 'week', '2025-03-15', 'Asia/Kolkata')::text FROM lives.shop) AS c, rollup(email ORDER BY x)::text = (SELECT lifecycle_state(email, t, 'week', '2025-03-15', 'Asia/Kolkata')::text FROM lives.shop) AS email,
       lifecycle(rollup(c ORDER BY x)::text::retention_state) = (SELECT lifecycle(uid, t, 'week', '2025-03-15', 'Asia/Kolkata') FROM lives.shop) AS reads
FROM (SELECT part, lifecycle_state(c, t, 'week', '2025-03-15', 'Asia/Kolkata') AS c, lifecycle_state(email, t, 'week', '2025-03-15', 'Asia/Kolkata') AS email
      FROM (SELECT *, (noise(row_number() OVER (), 42) * 30)::int AS part FROM lives.shop) s GROUP BY part) p, unnest(ARRAY['up', 'down', 'shuffled']) o, LATERAL (SELECT CASE o WHEN 'up' THEN to_char(part, '000') WHEN 'down' THEN to_char(100 - part, '000') ELSE md5(part::text) END) y(x) GROUP BY o ORDER BY o;
SELECT rollup(s) FROM (SELECT lifecycle_state(1, '2024-01-01', 'month', '2024-02-01', 'UTC') s UNION ALL SELECT lifecycle_state(1, '2024-01-01', 'day', '2024-02-01', 'UTC')) x;
SELECT rollup(s) FROM (SELECT lifecycle_state(1, '2024-01-01', 'month', '2024-02-01', 'UTC') s UNION ALL SELECT lifecycle_state(1, '2024-01-01', 'month', '2024-02-01', 'GMT')) x;
SELECT rollup(s) FROM (SELECT lifecycle_state(1, '2024-01-01', 'month', '2024-02-01', 'UTC') s UNION ALL SELECT lifecycle_state('1', '2024-01-01', 'month', '2024-02-01', 'UTC')) x;

-- bad arguments
SELECT lifecycle(1, '2024-01-01', 'hour', '2024-02-01', 'UTC');
SELECT lifecycle(1, '2024-01-01', NULL, '2024-02-01', 'UTC');
SELECT lifecycle(1, '2024-01-01', 'month', '-infinity', 'UTC');
SELECT lifecycle(1, '-infinity', 'month', '2024-02-01', 'UTC');
SELECT lifecycle(1, '2024-01-01', 'month', '2024-02-01', 'Nowhere');
SELECT lifecycle(1, '2024-01-01', 'month', '2024-02-01', repeat('é', 40));
SELECT lifecycle(customer, ordered_at, 'month', ordered_at, 'UTC') FROM lives.few;
SELECT lifecycle(1, '2024-01-01', 'day', '294276-12-31', 'UTC');
SELECT lifecycle(1, '2024-01-01', 'month', '2024-02-01', 'UTC+8');
-- the first days there are belong to periods whose own first day no date can hold
SELECT lifecycle(1, '4714-11-24 BC', 'year', '4712-01-01 BC', 'UTC');
SELECT lifecycle(1, '4714-11-24 BC', 'week', '4714-12-30 BC', 'Pacific/Kiritimati');
SELECT count(*), min(period_start)::text::date = min(period_start) AS readable FROM unnest((SELECT lifecycle(1, '4713-01-01 BC', 'year', '4710-01-01 BC', 'UTC')));

SET client_min_messages = warning;
DROP SCHEMA lives CASCADE;
