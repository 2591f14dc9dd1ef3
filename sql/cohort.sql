-- Cohorts by calendar period: cohort_retention
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET extra_float_digits = 1;
\set SHOW_CONTEXT never
CREATE SCHEMA cohorts;

-- small enough to check by hand: A and B come in January, C in February; B brings back
-- something before anything was bought, D never buys, E's price is not known, F is later
CREATE TABLE cohorts.few (customer text, ordered_at timestamptz, amount numeric);
INSERT INTO cohorts.few VALUES
    ('A', '2024-01-10', 100), ('A', '2024-03-05', 40), ('A', '2024-03-06', -15.50), ('A', '2024-02-01', 0),
    ('B', '2024-01-20', -7), ('B', '2024-01-25', 50), ('B', '2024-01-24', 0), ('B', '2024-03-31 23:59:59.999999', 30), ('B', '2024-03-31', NULL),
    ('C', '2024-02-29', 10), ('C', '2024-04-01', 20),
    ('D', '2024-01-01', -20), ('D', '2024-01-02', 0),
    ('E', '2024-03-10', NULL), ('E', '2024-04-01', 5),
    ('F', '2024-04-01 00:00:00.000001', 1000), ('A', '2024-04-02', 1000),
    (NULL, '2024-01-01', 5), ('G', NULL, 5);
SELECT * FROM unnest((SELECT cohort_retention(customer, ordered_at, amount, 'month', '2024-04-01', 'UTC') FROM cohorts.few));
-- a microsecond earlier March has not ended
SELECT * FROM unnest((SELECT cohort_retention(customer, ordered_at, amount, 'month', '2024-03-31 23:59:59.999999', 'UTC') FROM cohorts.few)) WHERE period_index > 0;
SELECT cohort_retention(customer, ordered_at, amount, 'month', '2024-01-09', 'UTC') FROM cohorts.few;
-- 14 months later is 14, not 2
SELECT cohort, max(period_index), max(period_index) FILTER (WHERE orders > 0) FROM unnest((SELECT cohort_retention(1, t, 5, 'month', '2025-06-01', 'UTC') FROM (VALUES (timestamptz '2024-01-31'), ('2025-03-01')) v(t))) GROUP BY 1;

-- ---------------------------------------------------------------------------
-- oracle, over rows of c (customer), t (time), a (amount)
-- ---------------------------------------------------------------------------

-- A day that clocks repeat (St John's, at 00:01) belongs to the one after: it was
-- there before, and times here are whole hours.
CREATE FUNCTION cohorts.period(t timestamptz, grain text, tz text) RETURNS timestamp LANGUAGE sql IMMUTABLE
RETURN grain_trunc(grain, greatest(t AT TIME ZONE tz, date_trunc('day', (t - interval '29.5 minutes') AT TIME ZONE tz)));

CREATE FUNCTION cohorts.oracle(source text, grain text, as_of timestamptz, tz text) RETURNS SETOF cohort_retention_row LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'WITH rows AS MATERIALIZED (
             SELECT c, t, a, a > 0 IS NOT FALSE AS is_order, cohorts.period(t, $1, $3) AS period
             FROM (%s) s WHERE c IS NOT NULL AND t < $2),
         customers AS (SELECT c, min(t) AS first, cohorts.period(min(t), $1, $3) AS cohort FROM rows WHERE is_order GROUP BY c),
         seconds AS (
             SELECT cohort, period, count(*) AS again FROM (SELECT c, period, row_number() OVER (PARTITION BY c ORDER BY t) AS n FROM rows WHERE is_order) o JOIN customers USING (c) WHERE n = 2 GROUP BY 1, 2),
         cells AS (
             SELECT cohort, period, count(DISTINCT c) FILTER (WHERE is_order) AS active, count(*) FILTER (WHERE is_order) AS orders, sum(a) AS revenue
             FROM rows JOIN customers USING (c) WHERE t >= first GROUP BY 1, 2),
         triangle AS (
             SELECT cohort, n, period, period < cohorts.period($2, $1, $3) AS ended
             FROM (SELECT cohort, count(*) AS n FROM customers GROUP BY 1) sizes,
                  generate_series(cohort, cohorts.period($2 - interval ''1 microsecond'', $1, $3), grain_step($1)) period)
         SELECT cohort::date, (row_number() OVER w - 1)::int, n, CASE WHEN ended THEN n ELSE 0 END, CASE WHEN ended THEN coalesce(active, 0) ELSE 0 END,
                CASE WHEN ended THEN coalesce(active, 0)::float8 / n END, coalesce(active, 0), coalesce(orders, 0),
                CASE WHEN orders IS NULL THEN 0 ELSE revenue END, sum(revenue) OVER w,
                coalesce(sum(again) OVER w, 0)::bigint, CASE WHEN ended THEN coalesce(sum(again) OVER w, 0)::float8 / n END, sum(revenue) OVER w / n, ended
         FROM triangle LEFT JOIN cells USING (cohort, period) LEFT JOIN seconds USING (cohort, period) WINDOW w AS (PARTITION BY cohort ORDER BY period)', source) USING grain, as_of, tz;
END $$;

-- Rows, as text with all their digits, that only one of two queries has
CREATE FUNCTION cohorts.differ(one text, other text) RETURNS TABLE (side text, "row" text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('WITH one AS MATERIALIZED (SELECT x::text FROM (%s) x), other AS MATERIALIZED (SELECT x::text FROM (%s) x)
        (SELECT ''ours'', * FROM (TABLE one EXCEPT ALL TABLE other) d LIMIT 3) UNION ALL (SELECT ''theirs'', * FROM (TABLE other EXCEPT ALL TABLE one) d LIMIT 3)
        UNION ALL SELECT ''none'', NULL WHERE NOT EXISTS (TABLE one)', one, other);
END $$;

-- The aggregate against the oracle, for some keys of a source
CREATE TABLE cohorts.theirs (r cohort_retention_row);
CREATE FUNCTION cohorts.breaches(source text, keys text[], grain text, as_of timestamptz, tz text) RETURNS TABLE (key text, side text, "row" text) LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE cohorts.theirs;
    INSERT INTO cohorts.theirs SELECT o FROM cohorts.oracle(source, grain, as_of, tz) o;
    FOREACH key IN ARRAY keys LOOP
        FOR side, "row" IN SELECT * FROM cohorts.differ(format('SELECT (r).* FROM unnest((SELECT cohort_retention(%s, t, a, %L, %L, %L) FROM (%s) s)) r', key, grain, as_of, tz, source), 'SELECT (r).* FROM cohorts.theirs') LOOP
            RETURN NEXT;
        END LOOP;
    END LOOP;
END $$;

CREATE VIEW cohorts.shop AS SELECT customer_id AS c, customer_code AS code, customer_email AS email, customer_uuid AS uid, ordered_at AS t, amount AS a, country FROM shop_orders;

-- every grain, every zone; as_of on the edge of a period, and inside
SELECT as_of, tz, grain, b.* FROM
    (VALUES (timestamptz '2024-10-31 23:00', 'Europe/Paris', '{week,month,quarter,year}'::text[]), ('2024-03-31 00:59:59', 'Europe/Paris', '{week,month}'), ('2025-01-01', 'UTC', '{week,month,quarter,year}'),
            ('2024-12-31 23:59:59.999999', 'UTC', '{month,year}'), ('2024-07-01 02:30', 'America/St_Johns', '{month,quarter}'), ('2024-07-07 18:30', 'Asia/Kolkata', '{week,month}'),
            ('2031-01-01', 'Pacific/Apia', '{quarter,year}'), ('2024-03-01 02:59', 'Etc/GMT+3', '{month}'), ('2024-03-01 03:00', 'Etc/GMT+3', '{month}'), ('2024-02-29 10:00', 'Etc/GMT-14', '{month}'), ('2023-01-01 05:00', 'UTC', '{day,month}'),
            ('2024-11-03', 'UTC', '{week_sunday,week_saturday}'), ('2024-11-02 03:59', 'America/New_York', '{week_saturday,week_sunday}'), ('2024-11-02 04:00', 'America/New_York', '{week_saturday}'),
            ('2024-04-01', 'UTC', '{fiscal_year_04,fiscal_quarter_04,fiscal_quarter_02,fiscal_year_01,fiscal_quarter_01}'), ('2024-10-31 23:00', 'Europe/Paris', '{fiscal_year_11,fiscal_quarter_12,fiscal_year_12,fiscal_quarter_03}')) m(as_of, tz, grains),
    unnest(grains) grain, cohorts.breaches('SELECT * FROM cohorts.shop', CASE grain WHEN 'month' THEN '{c,code,email,uid}'::text[] ELSE '{c}' END, grain, as_of, tz) b;
SELECT as_of, tz, b.* FROM
    (VALUES (timestamptz '2023-04-01', 'UTC'), ('2023-03-26 22:00', 'Europe/Paris'), ('2023-04-03 12:30', 'Pacific/Apia'), ('2023-03-31 18:29', 'Asia/Kolkata')) m(as_of, tz),
    cohorts.breaches('SELECT * FROM cohorts.shop WHERE t < ''2023-04-10''', '{c,uid}', 'day', as_of, tz) b;

-- other times: both sides of 1970 and of 2100, which is where offsets are looked up in
-- another way, when St John's changed its clocks at 00:01, when Apia skipped a day, BC
CREATE TABLE cohorts.eras AS
SELECT era, lasts, c, a, era + (t - '2023-01-01') * share AS t
FROM (VALUES (timestamptz '1969-01-01', interval '3 years'), ('2099-01-01', '3 years'), ('2008-10-01', '3 years 3 months'), ('2011-10-01', '1 year'), ('1883-01-01', '1 year'), ('0044-12-01 BC', '5 months'), ('2400-01-01', '2 years')) e(era, lasts),
     LATERAL (SELECT round((extract(epoch FROM lasts) / 86400 / 900)::numeric, 2)::float8 AS share) s,
     (SELECT c % 300 AS c, a, t FROM cohorts.shop WHERE c % 7 = 0) few;
UPDATE cohorts.eras SET t = date_trunc('hour', t);
SELECT era, tz, grain, b.* FROM (SELECT DISTINCT era, lasts FROM cohorts.eras) e, unnest(ARRAY['UTC', 'America/St_Johns', 'Pacific/Apia', 'Europe/Paris', 'America/New_York']) tz, unnest(ARRAY['day', 'month']) grain,
    cohorts.breaches(format('SELECT c, t, a FROM cohorts.eras WHERE era = %L AND (%L <> ''day'' OR c %% 5 = 0 AND t < era + interval ''95 days'')', era, grain), '{c}', grain, era + CASE grain WHEN 'day' THEN '95 days' ELSE lasts END, tz) b;
-- customers of thousands of rows, money before their first order among them: in the order of
-- time, against it, and in none
CREATE TABLE cohorts.hot AS
SELECT n, n % 3 AS c, timestamptz '2024-01-01' + n * interval '47 minutes' AS t, CASE WHEN n < 900 OR n % 7 = 0 THEN -0.5 * (n % 11) WHEN n % 7 = 1 THEN NULL ELSE n % 13 + 0.25 END AS a FROM generate_series(1, 6000) n;
SELECT sorted, grain, b.* FROM unnest(ARRAY['t', 't DESC', 'md5(n::text)', 'n % 2, t', 'n / 100 % 5, t DESC']) sorted, unnest(ARRAY['day', 'month']) grain,
    cohorts.breaches('SELECT * FROM cohorts.hot ORDER BY ' || sorted, '{c}', grain, '2024-07-20 10:00', 'Europe/Paris') b;
-- and of a hundred thousand (that the time grows no faster than they do: test/t/002_limits.pl)
SELECT count(*), max(period_index) FROM (SELECT unnest(cohort_retention(1, timestamptz '2024-01-01' + i * interval '1 min', CASE WHEN i < 100000 THEN -1.5 ELSE 2 END, 'day', '2025-06-01', 'UTC')) r FROM generate_series(1, 120000) i) s, LATERAL (SELECT (r).period_index) p;
SELECT count(*), max(period_index) FROM (SELECT unnest(cohort_retention(1, timestamptz '2024-01-01' + CASE WHEN o = 'up' THEN i WHEN o = 'down' THEN 120000 - i ELSE i * 7919 % 120000 END * interval '1 min', CASE WHEN i = 119999 THEN 5 WHEN i % m = 0 THEN 0 WHEN i % m = 1 THEN -1 ELSE -i END, 'month', '2024-06-01', 'UTC')) r
    FROM generate_series(1, 120000) i, unnest(ARRAY['up', 'down', 'mixed']) o, generate_series(1, 3) m GROUP BY o, m) s, LATERAL (SELECT (r).period_index) p;
-- a first order that comes earlier and earlier beside them
SELECT count(*), max(revenue) FROM (SELECT unnest(cohort_retention(1, timestamptz '2024-01-01' + CASE WHEN i % 2 = 0 THEN 120000 - i ELSE i * 7919 % 120000 END * interval '1 min', CASE i % 2 WHEN 0 THEN 0.01 ELSE 0 END, 'year', '2025-01-01', 'UTC')) r FROM generate_series(1, 120000) i) s, LATERAL (SELECT (r).revenue) p;
-- at 00:01 on 1 November the clocks of St John's went back to October
SELECT cohort, period_index, cohort_size, orders, revenue, is_complete FROM unnest((SELECT cohort_retention(c, t, 5, 'month', '2009-11-15', 'America/St_Johns') FROM
    (VALUES (1, timestamptz '2009-11-01 02:29:59'), (2, '2009-11-01 02:30'), (2, '2009-11-01 03:00'), (3, '2009-11-01 03:30:59')) v(c, t)));
SELECT cohort, is_complete FROM unnest((SELECT cohort_retention(1, '2009-11-01 02:30', 5, 'month', '2009-11-01 03:00', 'America/St_Johns')));
SELECT cohort_retention_state(1, t, 5, 'day', '2009-11-01 03:00', 'America/St_Johns')::text::retention_state IS NOT NULL AS readable FROM (VALUES (timestamptz '2009-11-01 02:30'), ('2009-11-01 03:00')) v(t);
-- clocks that went back by a day: a state is readable, no period comes before the first or after the last
SELECT count(DISTINCT cohort_retention(state::text::retention_state)), count(DISTINCT state::text) FROM
    (SELECT tz, cohort_retention_state(n, t, CASE WHEN n % 3 > 0 THEN n - 5 END, 'day', era + '30 days', tz) AS state
     FROM (VALUES ('Pacific/Kwajalein', timestamptz '1969-09-20'), ('America/Juneau', '1867-10-10'), ('Asia/Manila', '1844-12-20')) z(tz, era), generate_series(era, era + '30 days', '3 hours') t, generate_series(1, 12) n GROUP BY tz, era) s;
-- the day that Apia did not have is a period without orders
SELECT period_index, orders FROM unnest((SELECT cohort_retention(1, t, 5, 'day', '2012-01-01', 'Pacific/Apia') FROM generate_series(timestamptz '2011-12-30 00:00', '2012-01-01', '1 hour') t));

-- ---------------------------------------------------------------------------
-- money
-- ---------------------------------------------------------------------------

-- of any size and scale, with refunds before the first order, in any order of the rows
CREATE TABLE cohorts.money AS
SELECT n % 40 AS c, timestamptz '2024-01-01' + noise(n, 31) * interval '300 days' AS t,
       CASE (noise(n, 32) * 12)::int WHEN 0 THEN NULL WHEN 1 THEN 0.000 WHEN 2 THEN 1e40 + n WHEN 3 THEN -1e40 WHEN 4 THEN 1e-30 * n WHEN 5 THEN 99999999999999999999999999999999.99
            WHEN 6 THEN -n / 7.0 WHEN 7 THEN -5 WHEN 8 THEN n WHEN 9 THEN -0.5 ELSE round(n / 3.0, n % 9) END AS a, n
FROM generate_series(1, 1500) n;
UPDATE cohorts.money SET t = date_trunc('hour', t);
SELECT grain, o, b.* FROM unnest(ARRAY['week', 'month']) grain, unnest(ARRAY['n', 't', 't DESC', 'a', 'a DESC', 'md5(n::text)']) o,
    cohorts.breaches('SELECT c, t, a FROM cohorts.money ORDER BY ' || o, '{c}', grain, '2024-11-15', 'Europe/Paris') b;
-- and the state has the same bytes
SELECT count(*), count(DISTINCT s) FROM (SELECT cohort_retention_state(c, t, a, 'month', '2024-11-15', 'UTC' ORDER BY CASE o WHEN 1 THEN n::text WHEN 2 THEN md5(n::text) WHEN 3 THEN (-n)::text WHEN 4 THEN t::text END, n)::text AS s
    FROM cohorts.money, generate_series(1, 4) o GROUP BY o) x;
-- money at the instant of the first order belongs to it; a microsecond earlier to nothing
SELECT period_index, orders, revenue FROM unnest((SELECT cohort_retention(1, t, a, 'month', '2024-01-31', 'UTC') FROM
    (VALUES (timestamptz '2024-01-10', -1), ('2024-01-10 00:00:00.000001', -10), ('2024-01-09 23:59:59.999999', -100), ('2024-01-10', 5), ('2024-01-09', 0)) v(t, a)));
-- many refunds first, the order last
SELECT period_index, orders, revenue, cumulative_revenue, ltv FROM unnest((SELECT cohort_retention(1, timestamptz '2024-01-31' - n * interval '1 hour', CASE WHEN n = 300 THEN 1000.5 ELSE -1 END, 'month', '2024-02-10', 'UTC') FROM generate_series(1, 400) n));
-- nothing is known: NULL, not 0; no row: 0
SELECT period_index, orders, revenue, cumulative_revenue, ltv FROM unnest((SELECT cohort_retention(1, t, a, 'month', '2024-05-10', 'UTC') FROM
    (VALUES (timestamptz '2024-01-10', NULL), ('2024-03-01', -3), ('2024-05-01', NULL::numeric)) v(t, a)));
-- a refund can make the whole negative
SELECT orders, revenue, ltv FROM unnest((SELECT cohort_retention(i % 3, timestamptz '2024-01-10' + i * interval '1 day', 7 - i, 'year', '2024-12-31', 'UTC') FROM generate_series(1, 20) i));

-- ---------------------------------------------------------------------------
-- the grid
-- ---------------------------------------------------------------------------
SELECT * FROM cohorts.differ(
    $$SELECT country, (r).* FROM (SELECT country, unnest(cohort_retention(c, t, a, 'quarter', '2025-02-01', 'Europe/Paris')) r FROM cohorts.shop GROUP BY country) g$$,
    $$SELECT country, r.* FROM (SELECT DISTINCT country FROM cohorts.shop) g, cohorts.oracle(format('SELECT * FROM cohorts.shop WHERE country = %L', country), 'quarter', '2025-02-01', 'Europe/Paris') r$$);
SELECT cohort_retention(customer, ordered_at, amount, 'month', '2024-04-01', 'UTC') FROM cohorts.few WHERE false;
SELECT cohort_retention(NULL::bigint, ordered_at, amount, 'month', '2024-04-01', 'UTC'), cohort_retention(customer, NULL, amount, 'month', '2024-04-01', 'UTC'),
       cohort_retention(customer, ordered_at, -1, 'month', '2024-04-01', 'UTC'), cohort_retention(customer, ordered_at, 0, 'month', '2024-04-01', 'UTC') FROM cohorts.few;
SELECT cohort_retention(customer, ordered_at, amount, 'month', '2024-04-01', 'UTC') FILTER (WHERE amount > 1e6) FROM cohorts.few;
SELECT cohort_retention(1, '2024-01-15', 5, 'month', '2024-01-15', 'UTC'), cohort_retention(''::text, '2024-01-15', NULL, 'year', '2024-01-15', 'UTC'), cohort_retention('00000000-0000-0000-0000-000000000000'::uuid, '2024-01-15', 1, 'week', '2024-01-15', 'UTC');
-- distinct, ordered, twice, beside another
SELECT a = b AS ordered, a = c AS doubled, a = d AS distinct_of_doubled, cardinality(a), cardinality(e), f FROM
    (SELECT cohort_retention(customer, ordered_at, amount, 'month', '2024-04-01', 'UTC') FILTER (WHERE n = 1) a, cohort_retention(customer, ordered_at, amount, 'month', '2024-04-01', 'UTC' ORDER BY amount, ordered_at DESC) FILTER (WHERE n = 2) b,
            cohort_retention(customer, ordered_at, amount, 'month', '2024-04-01', 'UTC') c, cohort_retention(DISTINCT customer, ordered_at, amount, 'month', '2024-04-01', 'UTC') d, cohort_retention(customer, ordered_at, amount, 'week', '2024-04-01', 'UTC') e, repeat_rate(customer) f
     FROM cohorts.few, generate_series(1, 2) n) x;
-- over windows: running and sliding frames as the same rows alone
SELECT count(*), count(*) FILTER (WHERE running IS DISTINCT FROM (SELECT cohort_retention(customer, ordered_at, amount, 'month', '2024-04-01', 'UTC') FROM cohorts.few f WHERE f.ordered_at <= w.ordered_at)) AS running,
       count(*) FILTER (WHERE sliding IS DISTINCT FROM (SELECT cohort_retention(customer, ordered_at, amount, 'month', '2024-04-01', 'UTC') FROM cohorts.few f WHERE f.ordered_at <= w.ordered_at AND f.ordered_at >= w.ordered_at - interval '1 month')) AS sliding
FROM (SELECT ordered_at, cohort_retention(customer, ordered_at, amount, 'month', '2024-04-01', 'UTC') OVER (ORDER BY ordered_at) running,
             cohort_retention(customer, ordered_at, amount, 'month', '2024-04-01', 'UTC') OVER (ORDER BY ordered_at RANGE interval '1 month' PRECEDING) sliding FROM cohorts.few WHERE ordered_at IS NOT NULL) w;

-- ---------------------------------------------------------------------------
-- states
-- ---------------------------------------------------------------------------
CREATE TABLE cohorts.parts AS
SELECT part, cohort_retention_state(c, t, a, 'month', '2025-03-15', 'Europe/Paris') AS c, cohort_retention_state(code, t, a, 'month', '2025-03-15', 'Europe/Paris') AS code,
       cohort_retention_state(email, t, a, 'month', '2025-03-15', 'Europe/Paris') AS email, cohort_retention_state(uid, t, a, 'month', '2025-03-15', 'Europe/Paris') AS uid
FROM (SELECT *, (noise(row_number() OVER (), 41) * 30)::int AS part FROM cohorts.shop) s GROUP BY part;
CREATE TABLE cohorts.wholes AS
SELECT cohort_retention_state(c, t, a, 'month', '2025-03-15', 'Europe/Paris') AS c, cohort_retention_state(code, t, a, 'month', '2025-03-15', 'Europe/Paris') AS code,
       cohort_retention_state(email, t, a, 'month', '2025-03-15', 'Europe/Paris') AS email, cohort_retention_state(uid, t, a, 'month', '2025-03-15', 'Europe/Paris') AS uid FROM cohorts.shop;
SELECT o, w.c::text = p.c::text, w.code::text = p.code::text, w.email::text = p.email::text, w.uid::text = p.uid::text FROM cohorts.wholes w,
    LATERAL (SELECT o, rollup(c ORDER BY x) c, rollup(code ORDER BY x) code, rollup(email ORDER BY x) email, rollup(uid ORDER BY x) uid FROM cohorts.parts, unnest(ARRAY['up', 'down', 'shuffled']) o, LATERAL (SELECT CASE o WHEN 'up' THEN to_char(part, '000') WHEN 'down' THEN to_char(100 - part, '000') ELSE md5(part::text) END) y(x) GROUP BY o) p ORDER BY o;
SELECT * FROM cohorts.differ('SELECT r.* FROM cohorts.wholes, unnest(cohort_retention(email::text::retention_state)) r', $$SELECT * FROM cohorts.oracle('SELECT * FROM cohorts.shop', 'month', '2025-03-15', 'Europe/Paris')$$);
SELECT * FROM cohorts.differ('SELECT r.* FROM unnest((SELECT cohort_retention(rollup(uid)) FROM cohorts.parts)) r', $$SELECT * FROM cohorts.oracle('SELECT * FROM cohorts.shop', 'month', '2025-03-15', 'Europe/Paris')$$);
-- parts of one row each, refunds among them
SELECT count(*), rollup(s ORDER BY md5(n::text))::text = (SELECT cohort_retention_state(c, t, a, 'month', '2024-11-15', 'UTC')::text FROM cohorts.money) FROM (SELECT n, cohort_retention_state(c, t, a, 'month', '2024-11-15', 'UTC') s FROM cohorts.money GROUP BY n) p;
SELECT measure, customers FROM cohorts.wholes, state_info(email);
-- what differs in an option does not merge
CREATE TABLE cohorts.others (o int, state retention_state);
INSERT INTO cohorts.others SELECT 1, cohort_retention_state(1, '2024-01-01', 5, 'month', '2024-02-01', 'UTC');
INSERT INTO cohorts.others SELECT 2, cohort_retention_state(1, '2024-01-01', 5, 'week', '2024-02-01', 'UTC');
INSERT INTO cohorts.others SELECT 3, cohort_retention_state(1, '2024-01-01', 5, 'month', '2024-02-02', 'UTC');
INSERT INTO cohorts.others SELECT 4, cohort_retention_state(1, '2024-01-01', 5, 'month', '2024-02-01', 'Europe/Paris');
INSERT INTO cohorts.others SELECT 5, lifecycle_state(1, '2024-01-01', 'month', '2024-02-01', 'UTC');
SELECT rollup(state) FROM cohorts.others WHERE o IN (1, 2);
SELECT rollup(state) FROM cohorts.others WHERE o IN (1, 3);
SELECT rollup(state) FROM cohorts.others WHERE o IN (1, 4);
SELECT rollup(state) FROM cohorts.others WHERE o IN (1, 5);
SELECT lifecycle(state) FROM cohorts.others WHERE o = 1;
SELECT cohort_retention(state) FROM cohorts.others WHERE o = 5;
SELECT cohort_retention(NULL::retention_state);
-- through the binary protocol
CREATE TEMP TABLE sent AS SELECT retention_state_send(c) AS bytes FROM cohorts.wholes;
SELECT encode(bytes, 'base64') IS NOT NULL, replace(encode(bytes, 'base64'), E'\n', '')::retention_state::text = c::text FROM sent, cohorts.wholes;

-- ---------------------------------------------------------------------------
-- bad arguments
-- ---------------------------------------------------------------------------
SELECT cohort_retention(1, '2024-01-01', 5, 'months', '2024-02-01', 'UTC');
SELECT cohort_retention(1, '2024-01-01', 5, 'Month', '2024-02-01', 'UTC');
SELECT cohort_retention(1, '2024-01-01', 5, '', '2024-02-01', 'UTC');
SELECT cohort_retention(1, '2024-01-01', 5, 'fiscal_year_4', '2024-02-01', 'UTC');
SELECT cohort_retention(1, '2024-01-01', 5, 'fiscal_year_13', '2024-02-01', 'UTC');
SELECT cohort_retention(1, '2024-01-01', 5, 'week_monday', '2024-02-01', 'UTC');
SELECT cohort_retention(1, '2024-01-01', 5, NULL, '2024-02-01', 'UTC');
SELECT cohort_retention(1, '2024-01-01', 5, 'month', NULL, 'UTC');
SELECT cohort_retention(1, '2024-01-01', 5, 'month', '2024-02-01', NULL);
SELECT cohort_retention(1, '2024-01-01', 5, 'month', 'infinity', 'UTC');
SELECT cohort_retention(1, '2024-01-01', 5, 'month', '2024-02-01', 'Mars/Olympus');
SELECT cohort_retention(1, '2024-01-01', 5, 'month', '2024-02-01', '');
SELECT cohort_retention(1, '2024-01-01', 5, 'month', '2024-02-01', repeat('x', 47));
SELECT cohort_retention(1, '2024-01-01', 5, 'month', '2024-02-01', repeat('x', 48));
SELECT cohort_retention(1, 'infinity', 5, 'month', '2024-02-01', 'UTC');
SELECT cohort_retention(1, '2024-01-01', 'NaN', 'month', '2024-02-01', 'UTC');
SELECT cohort_retention(1, '2024-01-01', '-Infinity', 'month', '2024-02-01', 'UTC');
SELECT cohort_retention(customer, ordered_at, amount, 'month', ordered_at, 'UTC') FROM cohorts.few;
SELECT cohort_retention(customer, ordered_at, amount, CASE amount WHEN 50 THEN 'year' ELSE 'month' END, '2024-04-01', 'UTC') FROM cohorts.few;
SELECT cohort_retention(customer, ordered_at, amount, 'month', '2024-04-01', CASE amount WHEN 50 THEN 'UTC' ELSE 'Asia/Kolkata' END) FROM cohorts.few;
SELECT cohort_retention(customer, ordered_at, amount, 'month', '2024-04-01', CASE amount WHEN 50 THEN NULL ELSE 'Asia/Kolkata' END) FROM cohorts.few;
SELECT cohort_retention(1, '2023-09-11 17:00+00', 5, 'day', '2024-02-01', 'UTC+8');
SELECT cohort_retention(1, '2023-09-11 17:00+00', 5, 'day', '2024-02-01', 'GMT+8');
SELECT cohort_retention(1, '2023-09-11 17:00+00', 5, 'day', '2024-02-01', '+08');
SELECT cohort_retention(1, '2023-09-11 17:00+00', 5, 'day', '2024-02-01', '+08:00');
SELECT cohort_retention(1, '2023-09-11 17:00+00', 5, 'day', '2024-02-01', 'Foo+5');
SELECT cohort_retention(1, '2023-09-11 17:00+00', 5, 'day', '2024-02-01', 'FOO+5');
SELECT cohort_retention(1, '2023-09-11 17:00+00', 5, 'day', '2024-02-01', 'europe/paris');
SELECT cohort_retention(1, '2023-09-11 17:00+00', 5, 'day', '2024-02-01', 'utc');
SELECT cohort_retention(1, '2023-09-11 17:00+00', 5, 'day', '2024-02-01', '<+08>-8');
SELECT length(cohort_retention(1, '2023-09-11 17:00+00', 5, 'day', '2024-02-01', repeat('x', 10000))::text);
SELECT length(cohort_retention(1, '2023-09-11 17:00+00', 5, repeat('day', 10000), '2024-02-01', 'UTC')::text);
-- what was meant
SELECT tz, cohort FROM (SELECT tz, cohort_retention(1, '2023-09-11 17:00+00', 5, 'day', '2023-09-13', tz) AS rows FROM unnest(ARRAY['Asia/Shanghai', 'Etc/GMT-8', 'UTC', 'Etc/GMT+5', 'America/New_York']) tz GROUP BY tz) c, unnest(rows) WHERE period_index = 0 ORDER BY 1;
-- every name that the server lists is one
SELECT count(*) > 400 AS many FROM (SELECT lifecycle_state(1, '2024-01-01', 'month', '2024-02-01', name) AS state FROM pg_timezone_names WHERE length(name) < 48 GROUP BY name) z WHERE state IS NOT NULL;
-- a typing error in a year costs a row for each of its periods, but not all memory
SELECT count(*), count(DISTINCT cohort), sum(revenue) FROM unnest((SELECT cohort_retention(c, t, 5, 'week', '2024-02-01', 'UTC') FROM (VALUES (1, timestamptz '0024-01-01'), (2, '2024-01-09'), (1, '2024-01-10')) v(c, t)));
SELECT cohort_retention(i, '0024-01-01'::timestamptz + i * interval '30 days', 5, 'day', '2024-02-01', 'UTC') FROM generate_series(1, 10) i;
SELECT cohort_retention(1, '2024-01-01', 5, 'day', '294276-12-31', 'UTC');
-- the first days there are belong to periods whose own first day no date can hold
SELECT cohort_retention(1, '4714-11-24 BC', 5, 'year', '2024-02-01', 'UTC');
SELECT cohort_retention(1, '4714-11-24 BC', 5, 'month', '4714-12-30 BC', 'UTC');
SELECT cohort_retention(1, '4714-11-24 BC', 5, 'day', '4714-12-30 BC', 'America/Los_Angeles');
SELECT cohort FROM unnest((SELECT cohort_retention(1, '4714-11-24 BC', 5, 'day', '4714-11-25 BC', 'UTC')));
SELECT cohort::text::date = cohort AS readable FROM unnest((SELECT cohort_retention(1, '4714-12-01 BC', 5, 'month', '4714-12-30 BC', 'UTC')));

SET client_min_messages = warning;
DROP SCHEMA cohorts CASCADE;
