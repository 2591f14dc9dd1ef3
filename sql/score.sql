-- Scores: quantile_score, rfm_score, threshold_score; and purchases_state
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET extra_float_digits = 1;
SET jit = off;

SELECT x, quantile_score(x) OVER () AS of_5, quantile_score(x, 3) OVER () AS of_3, quantile_score(x, bins => 2) OVER () AS of_2
FROM (VALUES (1), (1), (1), (2), (3), (NULL), (9)) v(x);

-- ---------------------------------------------------------------------------
-- the oracle: rank() among the values that are not NULL, whole numbers only
-- ---------------------------------------------------------------------------
-- parts of few and many rows (from 65 on they are no longer sorted), of values
-- tied, skewed, spread over all bits, alike, ordered, missing
CREATE TEMP TABLE samples AS
SELECT kind, size, size || ' ' || kind AS part, i,
       CASE WHEN kind = 'none' OR kind <> 'equal' AND noise(i, size) < 0.1 THEN NULL
            WHEN kind = 'ties' THEN floor(u * 7)::bigint - 3
            WHEN kind = 'power' THEN least(power(u + 1e-9, -1.5), 1e18)::bigint
            WHEN kind = 'bits' THEN (1::bigint << floor(u * 63)::int) * (CASE WHEN i % 3 = 0 THEN -1 ELSE 1 END) + i % 2
            WHEN kind = 'equal' THEN 42
            WHEN kind = 'two' THEN (u < 0.1)::int
            WHEN kind = 'outliers' AND u < 0.02 THEN 9223372036854775807
            WHEN kind = 'outliers' AND u < 0.04 THEN -9223372036854775808
            WHEN kind = 'outliers' THEN floor(u * 50)::bigint
            WHEN kind = 'rising' THEN i
            WHEN kind = 'falling' THEN -i END AS v
FROM unnest(ARRAY['ties', 'power', 'bits', 'equal', 'two', 'outliers', 'rising', 'falling', 'none']) kind,
     unnest(ARRAY[1, 2, 3, 4, 10, 63, 64, 65, 66, 80, 300, 1500]) size,
     generate_series(1, size) i,
     LATERAL (SELECT noise(i, size + length(kind))) noise(u);
CREATE TEMP TABLE few AS SELECT * FROM samples WHERE size IN (3, 66, 300) AND kind IN ('ties', 'power', 'bits', 'outliers');

-- bins differ between partitions, not within one
CREATE FUNCTION breaches(expression text, source text DEFAULT 'few', many_bins int[] DEFAULT '{2,5,9,17,100}')
RETURNS TABLE (bins int, part text, x text, ours int, theirs int) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT bins, part, x::text, ours, theirs
         FROM (SELECT bins, part, x, quantile_score(x, bins) OVER (PARTITION BY part, bins) AS ours,
                      CASE WHEN x IS NULL THEN NULL
                           WHEN count(x) OVER w = 1 THEN 1
                           ELSE least(bins, 1 + bins * (rank() OVER (w ORDER BY x) - 1) / (count(x) OVER w - 1)) END::int AS theirs
               FROM (SELECT part, %1$s AS x FROM %2$s) s, unnest($1) bins
               WINDOW w AS (PARTITION BY part, bins)) both_scores
         WHERE ours IS DISTINCT FROM theirs ORDER BY 1, 2, 3 LIMIT 5', expression, source) USING many_bins;
END $$;

SELECT * FROM breaches('v', 'samples', '{2,3,4,5,6,7,8,9,10,16,17,33,99,100}');
SELECT * FROM breaches('v', '(SELECT ''all'' AS part, noise(i, 77) ^ 4 * 1e15 + i % 3 AS v FROM generate_series(1, 20000) i) s', '{5,9,17,100}');
SELECT * FROM breaches('v', '(SELECT ''all'' AS part, (2 ^ (noise(i, 78) * 62))::bigint AS v FROM generate_series(1, 20000) i) s', '{2,5,10,100}');
SELECT * FROM breaches('v', '(SELECT customer_id::text AS part, amount AS v FROM shop_orders) s');
SELECT * FROM breaches('v', '(SELECT customer_id::text AS part, ordered_at AS v FROM shop_orders) s');
SELECT * FROM breaches('v', '(SELECT country AS part, amount AS v FROM shop_orders) s');

-- every type
CREATE TYPE size AS ENUM ('xs', 's', 'm', 'l', 'xl');
ALTER TYPE size ADD VALUE 'xxs' BEFORE 'xs';
CREATE DOMAIN points AS integer CHECK (VALUE BETWEEN -1000000 AND 1000000);
CREATE DOMAIN price AS numeric(12, 2);
CREATE DOMAIN code AS varchar(20);
SELECT * FROM breaches('(v % 30000)::smallint');
SELECT * FROM breaches('(v % 2000000000)::integer');
SELECT * FROM breaches('(v % 1000000)::points');
SELECT * FROM breaches('(v % 1000000)::price');
SELECT * FROM breaches('(v % 300)::text::code');
SELECT * FROM breaches('CASE i % 11 WHEN 0 THEN ''NaN'' WHEN 1 THEN ''-0''::real WHEN 2 THEN 0::real WHEN 3 THEN ''Infinity'' WHEN 4 THEN ''-Infinity'' WHEN 5 THEN 1e-45::real ELSE (v / 3.0)::real END');
SELECT * FROM breaches('CASE i % 11 WHEN 0 THEN ''NaN'' WHEN 1 THEN ''-0''::float8 WHEN 2 THEN 0::float8 WHEN 3 THEN ''Infinity'' WHEN 4 THEN ''-Infinity'' WHEN 5 THEN 5e-324::float8 WHEN 6 THEN ''-5e-324'' ELSE (v / 3.0)::float8 END');
SELECT * FROM breaches('CASE i % 3 WHEN 0 THEN (v % 5)::text WHEN 1 THEN (v % 5) || ''.0'' ELSE (v % 5) || ''.00'' END::numeric');
SELECT * FROM breaches('CASE i % 9 WHEN 0 THEN ''NaN''::numeric WHEN 1 THEN ''Infinity'' WHEN 2 THEN ''-Infinity'' ELSE v / 7.0 END');
SELECT * FROM breaches('v * 12345678901234567890123456789012345678901.5');
SELECT * FROM breaches('v * 1e-40 + CASE WHEN i % 20 = 0 THEN 1e60 ELSE 0 END');
SELECT * FROM breaches('v % 100 * 92233720368547758.07');     -- where 64 bits end
SELECT * FROM breaches('CASE i % 4 WHEN 0 THEN 9223372036854775807 WHEN 1 THEN 9223372036854775808 WHEN 2 THEN -9223372036854775808 ELSE -9223372036854775809 END');
SELECT * FROM breaches('(i % 5)::numeric * 1e16000');
SELECT * FROM breaches('(i % 5)::numeric * 1e-16000');
SELECT * FROM breaches('CASE i % 9 WHEN 0 THEN ''infinity''::date WHEN 1 THEN ''-infinity'' ELSE date ''1970-01-01'' + (v % 1000)::int END');
SELECT * FROM breaches('CASE i % 9 WHEN 0 THEN ''infinity''::timestamp WHEN 1 THEN ''-infinity'' ELSE timestamp ''1970-01-01'' + (v % 100000) * interval ''1 hour'' END');
SELECT * FROM breaches('CASE i % 9 WHEN 0 THEN ''infinity''::timestamptz WHEN 1 THEN ''-infinity'' ELSE timestamptz ''1970-01-01'' + (v % 100000) * interval ''1 hour'' END');
SELECT * FROM breaches('time ''12:00'' + (v % 43199) * interval ''1 s''');
SELECT * FROM breaches('((time ''12:00'' + (v % 4000) * interval ''1 s'')::text || CASE i % 3 WHEN 0 THEN ''+02'' ELSE ''-03:30'' END)::timetz');
SELECT * FROM breaches('make_interval(months => (v % 3)::int, days => (i % 60))');
SELECT * FROM breaches('((v % 100000)::int)::money');
SELECT * FROM breaches('v::text COLLATE "C"');
SELECT * FROM breaches('v::text COLLATE "POSIX"');
SELECT * FROM breaches('lpad(v::text, 30, ''x'')');
SELECT * FROM breaches('v::text::varchar');
SELECT * FROM breaches('(v % 100)::text::char(8)');
SELECT * FROM breaches('v::text::name');
SELECT * FROM breaches('chr(65 + abs(v % 20)::int)::"char"');
SELECT * FROM breaches('decode(lpad(to_hex(v), 16, ''0''), ''hex'')');
SELECT * FROM breaches('md5((v % 9)::text)::uuid');
SELECT * FROM breaches('v > 0');
SELECT * FROM breaches('(enum_range(NULL::size))[abs(v % 6) + 1]');
SELECT * FROM breaches('(v::bit(64))');
SELECT * FROM breaches('(''10.0.0.'' || abs(v % 250))::inet');
SELECT * FROM breaches('abs(v % 1000)::oid');
SELECT * FROM breaches('ARRAY[v % 3, NULL, i]');
SELECT * FROM breaches('ARRAY[(v % 7)::text]');
SELECT * FROM breaches('int8range(v / 2 - 1, NULL)');
SELECT * FROM breaches('ROW(v % 3, i % 7)', '(SELECT part, v, i FROM few) s');
SELECT * FROM breaches('jsonb_build_object(''v'', v % 20)');
-- text that is stored elsewhere, compressed or not
CREATE TEMP TABLE long AS SELECT 'p' || i % 2 AS part, repeat(md5((i % 11)::text), CASE i % 3 WHEN 0 THEN 1 ELSE 300 END) || CASE i % 4 WHEN 0 THEN 'a' ELSE 'b' END AS v FROM generate_series(1, 150) i;
ALTER TABLE long ALTER v SET STORAGE EXTERNAL;
INSERT INTO long SELECT part, v || 'c' FROM long;
SELECT * FROM breaches('v', 'long');
SELECT * FROM breaches('v::bytea', 'long');
SELECT * FROM breaches('ARRAY[v]', 'long');
SELECT quantile_score(row_to_json(s)) OVER () FROM few s;
SELECT quantile_score(point(v, i)) OVER () FROM few;
SELECT quantile_score(v::text COLLATE "C" || v::text COLLATE "POSIX") OVER () FROM few;
SELECT quantile_score('a') OVER ();
SELECT quantile_score(NULL::text) OVER (), quantile_score(7) OVER (), quantile_score('a'::text, 100) OVER ();

-- ---------------------------------------------------------------------------
-- order, frames, plans change nothing
-- ---------------------------------------------------------------------------
SELECT * FROM
    (SELECT part, i, v, quantile_score(v) OVER (PARTITION BY part) AS plain,
            quantile_score(v) OVER (PARTITION BY part ORDER BY v DESC NULLS LAST) AS a,
            quantile_score(v) OVER (PARTITION BY part ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS b,
            quantile_score(v) OVER (PARTITION BY part ORDER BY noise(i, 5) ROWS BETWEEN 3 FOLLOWING AND 5 FOLLOWING) AS c,
            quantile_score(v) OVER (PARTITION BY part ORDER BY i RANGE BETWEEN 2 PRECEDING AND 1 PRECEDING) AS d,
            quantile_score(v) OVER (PARTITION BY part ORDER BY i % 7 GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES) AS e,
            quantile_score(v) OVER (PARTITION BY part ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) AS f,
            quantile_score(v) OVER (PARTITION BY part ORDER BY i ROWS BETWEEN CURRENT ROW AND CURRENT ROW EXCLUDE GROUP) AS g,
            avg(v) OVER (PARTITION BY part ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS beside,
            lag(v) OVER (PARTITION BY part ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS another
     FROM samples WHERE size <= 66) x
WHERE (a, b, c, d, e, f, g) IS DISTINCT FROM (plain, plain, plain, plain, plain, plain, plain);
-- two windows, two bins, two columns in one query; and the same call twice
SELECT count(*) FROM
    (SELECT quantile_score(v) OVER (PARTITION BY part) AS a, quantile_score(v) OVER (PARTITION BY part) AS b,
            quantile_score(v, 7) OVER (PARTITION BY part) AS c, quantile_score(i, 3) OVER (PARTITION BY part) AS d,
            quantile_score(v) OVER (PARTITION BY kind) AS e, quantile_score(v, 100) OVER () AS f FROM samples) x
WHERE a IS DISTINCT FROM b OR c IS NULL <> (a IS NULL) OR d IS NULL OR e IS NULL <> (a IS NULL) OR f IS NULL <> (a IS NULL);
-- an expression over a score, a filter on it, a limit before the end
SELECT x, s FROM (SELECT x, 6 - quantile_score(x) OVER () AS s FROM generate_series(1, 10) x) v WHERE s = 1;
SELECT x, quantile_score(x) OVER (), quantile_score(-x, 2) OVER (ORDER BY x) FROM generate_series(1, 1000) x ORDER BY x LIMIT 3;
SELECT * FROM (SELECT quantile_score(x) OVER (ORDER BY x DESC) FROM generate_series(1, 1000) x LIMIT 2) s;
SELECT quantile_score(x) OVER () FROM generate_series(1, 10) x LIMIT 0;
-- no rows; partitions of one
SELECT quantile_score(v) OVER (PARTITION BY part) FROM samples WHERE false;
SELECT count(*), min(s), max(s) FROM (SELECT quantile_score(i) OVER (PARTITION BY part, i) AS s FROM few) x;
-- over aggregates
SELECT country, count(*), quantile_score(count(*), 3) OVER () AS by_rows, quantile_score(avg(amount), 3) OVER (ORDER BY country) AS by_mean FROM shop_orders GROUP BY country ORDER BY country;
-- plans run again, for every row of another table
SELECT n, (SELECT string_agg(s::text, '' ORDER BY x) FROM (SELECT x, quantile_score(x, 3) OVER () AS s FROM generate_series(1, n) x OFFSET 0) q) FROM generate_series(0, 7) n;
SELECT * FROM generate_series(2, 5) b, LATERAL (SELECT string_agg(s::text, '') FROM (SELECT quantile_score(x::text || b, b) OVER (ORDER BY x) AS s FROM generate_series(10, 20) x) q) s;
SELECT n FROM generate_series(1, 30) n WHERE n % 10 = (SELECT s FROM (SELECT x, quantile_score(x % n) OVER () AS s FROM generate_series(1, 30) x) q WHERE q.x = n);
-- on disk
SET work_mem = '64kB';
SELECT * FROM breaches('v', '(SELECT part, v FROM samples WHERE size = 1500) s', '{5,17}');
SELECT * FROM breaches('v', '(SELECT ''all'' AS part, repeat(''x'', i % 100) || i % 300 AS v FROM generate_series(1, 8000) i) s', '{5}');
RESET work_mem;
-- in a prepared statement, a view, a function
PREPARE scores(int) AS SELECT string_agg(s::text, '') FROM (SELECT quantile_score(x, $1) OVER (ORDER BY x) s FROM generate_series(1, 12) x) q;
EXECUTE scores(2);
EXECUTE scores(9);
EXECUTE scores(1);
EXECUTE scores(NULL);
CREATE TEMP VIEW scored AS SELECT part, v, quantile_score(v, 4) OVER (PARTITION BY part) AS s FROM few;
SELECT s, count(*) FROM scored WHERE part = '300 ties' GROUP BY s ORDER BY s;

-- bins
SELECT quantile_score(x, 1) OVER () FROM generate_series(1, 3) x;
SELECT quantile_score(x, 0) OVER () FROM generate_series(1, 3) x;
SELECT quantile_score(x, -5) OVER () FROM generate_series(1, 3) x;
SELECT quantile_score(x, 101) OVER () FROM generate_series(1, 3) x;
SELECT quantile_score(x, NULL) OVER () FROM generate_series(1, 3) x;
SELECT quantile_score(x, 1 + x) OVER (ORDER BY x) FROM generate_series(1, 3) x;
SELECT quantile_score(x, CASE WHEN x < 3 THEN 5 END) OVER (ORDER BY x) FROM generate_series(1, 3) x;
SELECT quantile_score(x, 1 + x) OVER (PARTITION BY x) FROM generate_series(1, 3) x;
SELECT quantile_score(x) FROM generate_series(1, 3) x;
SELECT quantile_score(x) FILTER (WHERE x > 1) OVER () FROM generate_series(1, 3) x;
SELECT quantile_score(DISTINCT x) OVER () FROM generate_series(1, 3) x;

-- ---------------------------------------------------------------------------
-- rfm_score
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE customers AS
SELECT country, customer_id, max(ordered_at) AS last_order_at, nullif(count(*), 3) AS orders, sum(amount) AS monetary
FROM shop_orders GROUP BY country, customer_id;
SELECT count(*), count(last_order_at) AS times, count(orders) AS orders, count(monetary) AS monetary FROM customers;
SELECT * FROM
    (SELECT bins, c.*, rfm_score(last_order_at, orders, monetary, bins) OVER w AS ours,
            rfm_score(last_order_at, orders, monetary, bins) OVER (PARTITION BY country, bins ORDER BY orders ROWS CURRENT ROW) AS again,
            -- recency from above: how many are more recent
            CASE WHEN last_order_at IS NULL THEN NULL WHEN count(last_order_at) OVER w = 1 THEN bins ELSE greatest(1, bins - bins * (rank() OVER (w ORDER BY last_order_at DESC NULLS LAST) - 1) / (count(last_order_at) OVER w - 1)) END
            || (quantile_score(orders, bins) OVER w)::text || quantile_score(monetary, bins) OVER w AS theirs
     FROM customers c, generate_series(2, 9) bins WINDOW w AS (PARTITION BY country, bins)) x
WHERE ours IS DISTINCT FROM theirs OR ours IS DISTINCT FROM again;
-- one column NULL: no cell, but the others count
SELECT t, n, m, rfm_score(t, n, m) OVER (), rfm_score(t, n, m, 2) OVER ()
FROM (VALUES ('2024-01-01'::timestamptz, 1, 10.0), ('2024-01-02', 2, NULL), ('2024-01-03', NULL, 30), (NULL, 4, 40), ('2024-01-05', 5, -50), (NULL, NULL, NULL)) v(t, n, m);
SELECT rfm_score(NULL, NULL, NULL) OVER (), rfm_score('2024-01-01', 1, 1) OVER (), rfm_segment(rfm_score('2024-01-01', 1, 1) OVER ());
SELECT rfm_score(last_order_at, orders, monetary) OVER () FROM customers WHERE false;
SELECT rfm_score(t, n, m) OVER (ORDER BY n) FROM (VALUES (date '2024-01-01', 1::smallint, 5), ('2024-02-01', 2, 6)) v(t, n, m);
SELECT rfm_score('infinity', 1, 1) OVER ();
SELECT rfm_score(t, 1, 1) OVER () FROM (VALUES ('2024-01-01'::timestamptz), ('-infinity')) v(t);
SELECT rfm_score('2024-01-01', 1, 'NaN') OVER ();
SELECT rfm_score('2024-01-01', 1, m) OVER () FROM (VALUES (1.5), ('Infinity'), (2)) v(m);
SELECT rfm_score('2024-01-01', 1, '-Infinity') OVER ();
SELECT rfm_score('2024-01-01', 1, 1, 10) OVER ();
SELECT rfm_score('2024-01-01', 1, 1, 1) OVER ();
SELECT rfm_score('2024-01-01', 1, 1, NULL) OVER ();
SELECT rfm_score('2024-01-01', x, x, 1 + x) OVER () FROM generate_series(1, 3) x;
SELECT rfm_score('2024-01-01', 1.5, 1) OVER ();

-- ---------------------------------------------------------------------------
-- threshold_score
-- ---------------------------------------------------------------------------
SELECT x, threshold_score(x, '{10,20,50,100}') AS up, threshold_score(x, ARRAY[10, 20, 50, 100], false) AS down,
       threshold_score(x, ARRAY[10, 20, 50, 100], higher_is_better => true) AS named
FROM unnest(ARRAY[-1, 9, 10, 11, 20, 50, 99, 100, 101, NULL]) x;
-- 1 + how many of them x reaches
SELECT x, t FROM generate_series(-5, 25) x, (VALUES ('{}'::int[]), ('{0}'), ('{-3,0,7}'), ('{1,2,3,4,5,6,7,8,9,10,11,12,13}')) v(t)
WHERE threshold_score(x, t) <> 1 + (SELECT count(*) FROM unnest(t) e WHERE x >= e)
   OR threshold_score(x, t, false) <> 1 + (SELECT count(*) FROM unnest(t) e WHERE x <= e);
-- types meet in a common one
SELECT threshold_score(5::bigint, ARRAY[1, 5]), threshold_score(5, ARRAY[1, 5]::bigint[]), threshold_score(5, ARRAY[1.5, 5.0]), threshold_score(4.99, ARRAY[1, 5]),
       threshold_score(5::smallint, '{1,5,6}'), threshold_score(0.1::float8, ARRAY[0.1, 0.2]), threshold_score('NaN'::float8, '{1,Infinity}'), threshold_score('NaN'::numeric, ARRAY[1, 'Infinity', 'NaN'::numeric]);
SELECT threshold_score('2024-05-01'::timestamptz, '{2024-01-01,2024-05-01,infinity}'), threshold_score('2024-05-01', '{2024-01-01}'::timestamptz[]), threshold_score(date '2024-05-01', ARRAY[timestamptz '2024-05-01 00:00:01+00']),
       threshold_score(interval '30 days', ARRAY[interval '1 week', '1 month']), threshold_score_any('l'::size, '{xxs,s,l}'), threshold_score(7::points, '{1,7}'), threshold_score(1.00::price, ARRAY[1, 1.001]),
       threshold_score_any(md5('1')::uuid, ARRAY[md5('1')::uuid]), threshold_score_any(true, '{f,t}'), threshold_score_any(ROW(1, 2), ARRAY[ROW(1, 1), ROW(1, 3)]);
-- beyond what double precision tells apart
SELECT threshold_score(9007199254740993, ARRAY[9007199254740992, 9007199254740993]), threshold_score(9007199254740992::bigint, '{9007199254740993}'),
       threshold_score(0.1000000000000000000001, ARRAY[0.1, 0.1000000000000000000002]), threshold_score(x, '{9007199254740993}') FROM (VALUES (9007199254740992::numeric)) v(x);
SELECT threshold_score(timestamp '2024-05-01', '{2024-01-01,2024-05-01}'), threshold_score(date '2024-05-01', '{2024-01-01,2024-05-02}'), threshold_score(time '01:00', '{00:30,02:00}'::time[]),
       threshold_score(x, '{30,90}', higher_is_better => false), threshold_score(x, '{2,8}') FROM (VALUES (7::smallint)) v(x);
-- what has no type is a number: 9 is not above 100
SELECT threshold_score('9', '{100,200}'), threshold_score('150', '{100,200}'), threshold_score('1e2', '{20.5,1e2}', false), threshold_score('9', ARRAY['100', '200']), threshold_score('9', ARRAY[100, 200]), threshold_score(9, '{100,200}'), threshold_score(' 9 ', '{}');
PREPARE unknown_types AS SELECT threshold_score($1, $2) AS both, threshold_score($1, '{100,200}') AS x, threshold_score(9, $3) AS thresholds, threshold_score($4, ARRAY[100, 200.5]) AS x_of_numeric;
EXECUTE unknown_types('9', '{100,200}', '{8,100}', '150.25');
PREPARE typed(float8, float8[], numeric, numeric[], int, bigint[], timestamptz, timestamptz[], interval, interval[]) AS
SELECT threshold_score($1, $2), threshold_score($3, $4), threshold_score($5, $6), threshold_score($7, $8), threshold_score($9, $10), threshold_score($5, $2), threshold_score($3, $2), threshold_score($5, $4);
EXECUTE typed(9, '{8,100}', 9, '{8,100}', 9, '{8,100}', '2024-05-01', '{2024-01-01,2024-06-01}', '9 days', '{8 days,100 days}');
DEALLOCATE unknown_types;
DEALLOCATE typed;
-- text is read as numbers, and its own order refused
SELECT threshold_score('9'::text, '{100,200}'), threshold_score('9'::varchar, '{8,100}'), threshold_score('9', '{100,200}'::text[]), threshold_score('9'::varchar, '{100,200}'::varchar[]), threshold_score('9'::code, '{100,200}'), threshold_score('9', '{}'::text[]);
SELECT threshold_score('m'::text, '{a,m,z}');
SELECT threshold_score('9', '{1,z}');
SELECT threshold_score('2024-05-01', '{2024-01-01}');
SELECT threshold_score('9', ARRAY['1', NULL]);
SELECT threshold_score(x, ARRAY[x]) FROM (VALUES ('m'::name)) v(x);
-- any lower bound of the array
SELECT threshold_score(5, '[7:8]={1,5}'), threshold_score(5, '[-1:0]={1,5}', false), threshold_score(5, '{}'), threshold_score(5, '{}'::numeric[], false);
SELECT threshold_score(NULL, ARRAY[1]), threshold_score(1, NULL::int[]), threshold_score(1, ARRAY[1], NULL);
SELECT x, threshold_score(x, t) FROM (VALUES (5, ARRAY[1, 5]), (5, ARRAY[6])) v(x, t);
SELECT threshold_score(5, ARRAY[1, NULL, 7]);
SELECT threshold_score(5, ARRAY[1, 1]);
SELECT threshold_score(5, ARRAY[5, 1], false);
SELECT threshold_score(5, ARRAY[1, 5, 4.999]);
SELECT threshold_score(5, '{{1,2},{3,4}}'::int[]);
SELECT threshold_score_any(5, ARRAY[1, 5]), threshold_score_any('9', ARRAY[10.5]), threshold_score_any(date '2024-05-01', '{2024-01-01,2024-06-01}', false);
SELECT threshold_score_any('9', '{100,200}');
SELECT threshold_score_any('9'::code, '{100,200}');
SELECT threshold_score_any('9'::name, '{100,200}');
SELECT threshold_score_any(point(1, 1), ARRAY[point(1, 1)]);
SELECT threshold_score_any('{}'::json, ARRAY['{}'::json]);
SELECT threshold_score(true, '{f,t}');
SELECT threshold_score(5, ARRAY['a']::text[]);
SELECT threshold_score(5, '{a}');

-- ---------------------------------------------------------------------------
-- purchases_state
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE buys (customer text, ordered_at timestamptz, amount numeric);
INSERT INTO buys VALUES
    ('A', '2024-01-10', 100.00), ('A', '2024-06-10', 60.0), ('A', '2024-06-12', -10.000), ('A', '2025-01-01', 7),
    ('B', '2024-02-01', NULL), ('B', '2024-02-02', 0.00),
    ('C', '2024-03-01', -30.00), ('D', '2024-03-01', NULL), ('E', NULL, 5), ('F', '2024-12-30 23:59:59.999999', 1), ('G', '2024-12-31', 1),
    (NULL, '2024-03-02', 1000.00);
SELECT * FROM rfm_segments(NULL::text, (SELECT purchases_state(customer, ordered_at, amount, '2024-12-31') FROM buys)) ORDER BY customer;
-- the grid
SELECT purchases_state(customer, ordered_at, amount, '2024-12-31') IS NULL AS nothing FROM buys WHERE false;
SELECT purchases_state(customer, ordered_at, amount, '2024-12-31') FILTER (WHERE amount > 1e6) IS NULL AS none FROM buys;
SELECT count(*) FROM rfm_segments(NULL::text, NULL::retention_state);
SELECT count(*) FROM rfm_segments(NULL::text, (SELECT purchases_state(customer, ordered_at, amount, '2024-12-31') FROM buys WHERE false));
SELECT count(*) FROM rfm_segments(NULL::text, (SELECT purchases_state(NULL::text, NULL, NULL, '2024-12-31') FROM buys));
SELECT count(*) FROM rfm_segments(NULL::bigint, (SELECT purchases_state(NULL::bigint, now(), 5, '2024-12-31') FROM buys));
SELECT count(*) FROM rfm_segments(NULL::text, (SELECT purchases_state(customer, NULL, amount, '2024-12-31') FROM buys));
SELECT count(*) FROM rfm_segments(NULL::text, (SELECT purchases_state(customer, ordered_at, amount, '2020-01-01') FROM buys));
SELECT count(*) FROM rfm_segments(NULL::text, (SELECT purchases_state(customer, ordered_at, -1, '2030-01-01') FROM buys));
SELECT customer, orders, monetary, cell FROM rfm_segments(NULL::uuid, (SELECT purchases_state('00000000-0000-0000-0000-000000000001'::uuid, '2024-01-01', 5, '2024-12-31')));
SELECT a = b AS "distinct", a = c AS ordered, a = d AS again, state_info(a::retention_state)::text = state_info(c::retention_state)::text AS info
FROM (SELECT purchases_state(customer, ordered_at, amount, '2024-12-31')::text AS a, purchases_state(DISTINCT customer, ordered_at, amount, '2024-12-31')::text AS b,
             purchases_state(customer, ordered_at, amount, '2024-12-31' ORDER BY amount DESC)::text AS c, purchases_state(customer, ordered_at, amount, '2024-12-31')::text AS d FROM buys) x;
-- running and sliding, twice, beside another aggregate of the same rows
SELECT customer, n, (SELECT sum(orders) FROM rfm_segments(NULL::text, r)) AS orders, (SELECT sum(monetary) FROM rfm_segments(NULL::text, r)) AS money, (SELECT sum(orders) FROM rfm_segments(NULL::text, s)) AS lately
FROM (SELECT customer, ordered_at, amount, count(*) OVER w AS n, purchases_state(customer, ordered_at, amount, '2025-01-01') OVER w AS r,
             purchases_state(customer, ordered_at, amount, '2025-01-01') OVER (w ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s
      FROM buys WINDOW w AS (ORDER BY customer, ordered_at)) x ORDER BY customer, ordered_at;
-- the states of parts, in any order, make the state of all: the same bytes
CREATE TEMP TABLE parts AS
SELECT country, purchases_state(customer_id, ordered_at, amount, '2025-01-01') AS by_id, purchases_state(customer_code, ordered_at, amount, '2025-01-01') AS by_code,
       purchases_state(customer_email, ordered_at, amount, '2025-01-01') AS by_email, purchases_state(customer_uuid, ordered_at, amount, '2025-01-01') AS by_uuid
FROM shop_orders GROUP BY country;
SELECT by_id = all_id AS id, by_code = all_code AS code, by_email = all_email AS email, by_uuid = all_uuid AS uuid, by_id = again AS reversed
FROM (SELECT rollup(by_id)::text AS by_id, rollup(by_code)::text AS by_code, rollup(by_email)::text AS by_email, rollup(by_uuid)::text AS by_uuid, rollup(by_id ORDER BY country DESC)::text AS again FROM parts) p,
     (SELECT purchases_state(customer_id, ordered_at, amount, '2025-01-01')::text AS all_id, purchases_state(customer_code, ordered_at, amount, '2025-01-01' ORDER BY noise(customer_id, 3))::text AS all_code,
             purchases_state(customer_email, ordered_at, amount, '2025-01-01')::text AS all_email, purchases_state(customer_uuid, ordered_at, amount, '2025-01-01' ORDER BY amount)::text AS all_uuid FROM shop_orders) a;
SELECT country, (SELECT count(*) FROM rfm_segments(NULL::bigint, by_id)) = (SELECT count(DISTINCT customer_id) FROM shop_orders o WHERE o.country IS NOT DISTINCT FROM p.country AND ordered_at < '2025-01-01' AND amount > 0 IS NOT FALSE) AS all_there
FROM parts p ORDER BY country;
-- customers of one text are one customer, whatever its length
SELECT length(customer), orders, monetary FROM rfm_segments(NULL::text, (SELECT purchases_state(repeat('x', n), '2024-01-01', 1.50, '2025-01-01') FROM unnest(ARRAY[0, 1, 15, 16, 17, 3000, 3000, 16, 15, 0]) n)) ORDER BY 1;
SELECT customer, orders, monetary FROM rfm_segments(NULL::bigint, (SELECT purchases_state(n, '2024-01-01', 1, '2025-01-01') FROM unnest(ARRAY[0, -1, 9223372036854775807, -9223372036854775808, 0]) n)) ORDER BY 1;
-- money: scales, sizes, sums that come back to zero
SELECT * FROM rfm_segments(NULL::text, (SELECT purchases_state(c, t, a, '2024-12-31') FROM (VALUES ('A', timestamptz '2024-12-30', 1e60), ('A', '2024-12-30', 1e-60), ('A', '2024-12-30', -1e60), ('B', '2024-12-29', 0.10), ('B', '2024-12-30', -0.1000)) v(c, t, a))) ORDER BY customer;
-- bad arguments
SELECT purchases_state(customer, ordered_at, amount, NULL) FROM buys;
SELECT purchases_state(customer, ordered_at, amount, 'infinity') FROM buys;
SELECT purchases_state(customer, ordered_at, amount, '-infinity') FROM buys;
SELECT purchases_state(customer, ordered_at, amount, ordered_at) FROM buys;
SELECT purchases_state(1, 'infinity', 1, '2024-12-31');
SELECT purchases_state(1, '2024-01-01', 'NaN', '2024-12-31');
SELECT purchases_state(1, '2024-01-01', '-Infinity', '2024-12-31');
SELECT purchases_state(1, '2024-01-01', 1.5::float8, '2024-12-31');
SELECT purchases_state(true, '2024-01-01', 1, '2024-12-31');
SELECT rollup(s) FROM (SELECT purchases_state(1, '2024-01-01', 1, '2024-12-31') s UNION ALL SELECT purchases_state(1, '2024-01-01', 1, '2024-12-30')) v;
SELECT rollup(s) FROM (SELECT purchases_state(1, '2024-01-01', 1, '2024-12-31') s UNION ALL SELECT purchases_state('1'::text, '2024-01-01', 1, '2024-12-31')) v;
SELECT rollup(s) FROM (SELECT purchases_state(1, '2024-01-01', 1, '2024-12-31') s UNION ALL SELECT repeat_rate_state(1)) v;
SELECT purchases_state_transfn_bigint(NULL, 1, '2024-01-01', 1, '2024-12-31');
SELECT repeat_rate(rollup(by_id)) FROM parts;

DROP FUNCTION breaches;
DROP DOMAIN points;
DROP DOMAIN price;
DROP DOMAIN code;
DROP TYPE size;
