-- order_history: what goes in comes out, in one sequence of bytes however it went in
\set VERBOSITY terse
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET extra_float_digits = 0;

-- made rows of all kinds, the same on every run: keys few and many, refunds, zero,
-- unknown amounts, other decimals, amounts too wide for 122 bits, days, seconds and
-- microseconds
CREATE TEMP TABLE h_orders AS
SELECT (i * 7919 % 611)::bigint AS c,
       CASE i % 3 WHEN 0 THEN timestamptz '2021-03-01' + (i % 900) * interval '1 day'
                  WHEN 1 THEN timestamptz '2021-03-01' + i * interval '977 seconds'
                  ELSE timestamptz '1999-12-31 23:59:59.999999' + i * interval '1234567 microseconds' END AS t,
       CASE WHEN i % 11 = 0 THEN NULL WHEN i % 13 = 0 THEN -((i % 50)::numeric(10,2)) WHEN i % 17 = 0 THEN 0
            WHEN i % 101 = 0 THEN 12345678901234567890123456789012345678901234567890.5 * i
            WHEN i % 19 = 0 THEN i::numeric WHEN i % 23 = 0 THEN i + 0.125000
            ELSE (i % 3000 / 7.0)::numeric(12,2) END AS a
FROM generate_series(1, 20000) AS i;
CREATE TEMP TABLE h_keys AS
SELECT c, 'customer ' || c || repeat(' of a long name', (c % 3)::int) AS tc,
       md5(c::text)::uuid AS uc
FROM (SELECT DISTINCT c FROM h_orders) AS d;
CREATE TEMP VIEW h_rows AS SELECT * FROM h_orders JOIN h_keys USING (c);
CREATE TEMP TABLE h AS
SELECT order_history(c, t, a) AS b, order_history(tc, t, a) AS tx, order_history(uc, t, a) AS u FROM h_rows;

-- the same rows, decimals included, for the three types of customers
SELECT count(*) AS differ FROM (
	(SELECT c, t, a::text FROM h_rows EXCEPT ALL SELECT customer, ordered_at, amount::text FROM h, order_rows(NULL::bigint, b))
	UNION ALL
	(SELECT customer, ordered_at, amount::text FROM h, order_rows(NULL::bigint, b) EXCEPT ALL SELECT c, t, a::text FROM h_rows)) AS d;
SELECT count(*) AS differ FROM (
	(SELECT tc, t, a::text FROM h_rows EXCEPT ALL SELECT customer, ordered_at, amount::text FROM h, order_rows(NULL::text, tx))
	UNION ALL
	(SELECT customer, ordered_at, amount::text FROM h, order_rows(NULL::text, tx) EXCEPT ALL SELECT tc, t, a::text FROM h_rows)) AS d;
SELECT count(*) AS differ FROM (
	(SELECT uc, t, a::text FROM h_rows EXCEPT ALL SELECT customer, ordered_at, amount::text FROM h, order_rows(NULL::uuid, u))
	UNION ALL
	(SELECT customer, ordered_at, amount::text FROM h, order_rows(NULL::uuid, u) EXCEPT ALL SELECT uc, t, a::text FROM h_rows)) AS d;

-- what it says of itself
SELECT customer_type, customers = (SELECT count(DISTINCT c) FROM h_orders) AS customers,
       orders = (SELECT count(*) FROM h_orders WHERE a > 0 IS NOT FALSE) AS orders,
       rows, first_order_at = (SELECT min(t) FROM h_orders WHERE a > 0 IS NOT FALSE) AS first,
       last_order_at = (SELECT max(t) FROM h_orders WHERE a > 0 IS NOT FALSE) AS last
FROM h, LATERAL history_info(b);

-- equal contents have equal bytes: shuffled, split by row, customer and time, merged
SELECT b::text = (SELECT order_history(c, t, a ORDER BY md5(t::text || c))::text FROM h_rows) AS shuffled,
       b::text = (SELECT rollup(p)::text FROM (SELECT order_history(c, t, a) AS p FROM h_rows GROUP BY c) AS s) AS by_customer,
       b::text = (SELECT rollup(p)::text FROM (SELECT order_history(c, t, a) AS p FROM h_rows GROUP BY t::date) AS s) AS by_day,
       b::text = (SELECT rollup(p)::text FROM (SELECT order_history(c, t, a) AS p FROM h_rows GROUP BY hashtext(t::text || a::text)) AS s) AS by_row,
       b::text = (SELECT merge(x, y)::text FROM (SELECT order_history(c, t, a) FILTER (WHERE c < 300) AS x, order_history(c, t, a) FILTER (WHERE c >= 300) AS y FROM h_rows) AS s) AS merged
FROM h;
SELECT tx::text = (SELECT rollup(p)::text FROM (SELECT order_history(tc, t, a) AS p FROM h_rows GROUP BY t::date) AS s) AS text_by_day,
       u::text = (SELECT rollup(p)::text FROM (SELECT order_history(uc, t, a) AS p FROM h_rows GROUP BY t::date) AS s) AS uuid_by_day
FROM h;

-- text and binary form
SELECT b::text::order_history::text = b::text AS bigint, tx::text::order_history::text = tx::text AS text,
       u::text::order_history::text = u::text AS uuid,
       order_history_send(b) = order_history_send(b::text::order_history) AS binary
FROM h;

-- the grid: nothing, NULLs, one row, FILTER, DISTINCT, ORDER BY, tiny groups, OVER, twice
SELECT order_history(c, t, a) IS NULL AS none FROM h_rows WHERE false;
SELECT order_history(NULL::bigint, t, a) IS NULL AS nobody, order_history(c, NULL, a) IS NULL AS never FROM h_rows;
SELECT order_history(c, t, a) FILTER (WHERE false) IS NULL AS filtered FROM h_rows;
SELECT r.* FROM order_rows(NULL::bigint, (SELECT order_history(7::bigint, '2024-02-29 12:00', 9.90))) AS r;
SELECT r.* FROM order_rows(NULL::text, (SELECT order_history('Zoë', '2024-02-29', NULL))) AS r;
SELECT r.* FROM order_rows(NULL::bigint, NULL) AS r;
SELECT history_info(NULL);
SELECT (history_info(order_history(DISTINCT x, timestamptz '2024-01-01', 1.0))).rows FROM unnest('{1,2,2,3}'::bigint[]) AS x;
SELECT count(*) AS groups, sum((history_info(h)).rows) AS rows, max(pg_column_size(h)) < 2000 AS small
FROM (SELECT order_history(c, t, a) AS h FROM h_rows GROUP BY c) AS g;
SELECT pg_column_size(order_history(7::bigint, '2024-02-29 12:00:01', 9.90)) <= 64 AS one_order_at_most_64_bytes;
SELECT i, (history_info(order_history(x, t, 1) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW))).rows AS sliding,
       (history_info(order_history(x, t, 1) OVER (ORDER BY i))).customers AS running
FROM (VALUES (1, 5::bigint, timestamptz '2024-01-01'), (2, 5, '2024-01-02'), (3, 6, '2024-01-03'), (4, NULL, '2024-01-04')) AS v (i, x, t);
SELECT bool_and(history_is) AS running_is_whole FROM (
	SELECT (history_info(order_history(c, t, a) OVER (ORDER BY t, c, a))).rows = count(*) OVER (ORDER BY t, c, a) AS history_is
	FROM (SELECT * FROM h_rows ORDER BY t LIMIT 1500) AS s) AS q;

-- the edges of time; instants further apart than int64 microseconds reach; a leap day
SELECT r.ordered_at FROM order_rows(NULL::bigint, (
	SELECT order_history(1::bigint, x, 1) FROM unnest('{4713-01-01 00:00:00+00 BC,294276-12-31 23:59:59.999999+00,2024-02-29}'::timestamptz[]) AS x)) AS r;
SELECT order_history(1::bigint, 'infinity', 1);
SELECT order_history(1::bigint, '2024-01-01', 'NaN');
SELECT order_history(1::bigint, '2024-01-01', 'Infinity');

-- the wrong type, the wrong place, other customers
SELECT * FROM order_rows(NULL::text, (SELECT b FROM h));
SELECT merge(b, tx) IS NULL FROM h;
SELECT rollup(x) FROM (SELECT b FROM h UNION ALL SELECT u FROM h) AS s (x);
SELECT order_history_transfn_bigint(NULL, 1, '2024-01-01', 1);
SELECT order_history_combine(b, b) FROM h;

-- stored: nothing of it changes
CREATE TEMP TABLE h_stored (id int PRIMARY KEY, h order_history);
INSERT INTO h_stored SELECT 1, b FROM h UNION ALL SELECT 2, order_history(c, t, a) FROM h_rows WHERE c = 3;
SELECT s.h::text = h.b::text AS kept FROM h_stored AS s, h WHERE id = 1;
UPDATE h_stored SET h = merge(h, (SELECT order_history(1000000::bigint, '2024-01-01', 5))) WHERE id = 1;
SELECT (history_info(s.h)).customers - (history_info(h.b)).customers AS more FROM h_stored AS s, h WHERE id = 1;
SELECT (history_info(merge(h, h))).rows / (history_info(h)).rows AS twice FROM h_stored WHERE id = 2;

-- what is damaged is refused, at every length, and never with a lost connection's code
CREATE FUNCTION pg_temp.outcome(value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM value::order_history;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT DISTINCT pg_temp.outcome(replace(encode(substr(order_history_send(h), 1, n), 'base64'), E'\n', '')) AS prefixes
FROM (SELECT order_history(x, '2024-01-01', 12345678901234567890123456789012345678901234567890.5) AS h FROM unnest('{a,a customer with a long name}'::text[]) AS x) AS s,
     generate_series(0, octet_length(order_history_send(h)) - 1) AS n;
SELECT pg_temp.outcome(''), pg_temp.outcome('?'), pg_temp.outcome('UkgB');
-- any one byte changed: another history, or an error about the value
SELECT count(*) FILTER (WHERE o NOT IN ('accepted', '22P03', '0A000', '22021', '22P02')) AS surprises
FROM (SELECT pg_temp.outcome(replace(encode(set_byte(m, n, v), 'base64'), E'\n', '')) AS o
      FROM (SELECT order_history_send(order_history(tc, t, a)) AS m FROM h_rows WHERE c = 3) AS s,
           generate_series(0, octet_length(m) - 1) AS n, unnest('{0,1,127,128,255}'::int[]) AS v) AS d;
