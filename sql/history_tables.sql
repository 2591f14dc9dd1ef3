-- Histories as rows and read by table functions and fits: the same rows, to the last bit, as
-- from the orders
\set VERBOSITY terse
SET timezone = 'America/New_York';	-- nothing depends on it
SET datestyle = 'ISO';
SET extra_float_digits = 3;
SET client_min_messages = warning;	-- what is stale is told, and the same
CREATE SCHEMA tables_of;
SET search_path = tables_of, public;

CREATE TABLE shop AS
SELECT i AS id, (i * 7919 % 211)::bigint AS b,
       'x' || (i * 7919 % 211) || repeat(' of a long name', (i * 7919 % 211 % 3)::int) AS t,
       md5((i * 7919 % 211)::text)::uuid AS u,
       timestamptz '2021-01-01 00:00+00' + (i * 7717 % 1000) * interval '1 day' + CASE WHEN i % 5 > 0 THEN (i % 86400) * interval '1 second' ELSE '0' END AS at,
       CASE WHEN i % 11 = 0 THEN NULL WHEN i % 13 = 0 THEN -((i % 50)::numeric(10,2)) WHEN i % 17 = 0 THEN 0
            WHEN i % 19 = 0 THEN i::numeric ELSE (i % 3000 / 7.0)::numeric(12,2) END AS amount
FROM generate_series(1, 4000) AS i
UNION ALL	-- a customer of refunds alone, one of a zero, one of unknown amounts, a guest, one of no time
SELECT * FROM (VALUES (5001, -1::bigint, 'refunds', md5('refunds')::uuid, timestamptz '2021-06-01 00:00+00', -5.00), (5002, -1, 'refunds', md5('refunds')::uuid, '2021-07-01 00:00+00', -5.00),
                      (5003, -2, 'zero', md5('zero')::uuid, '2021-06-01 00:00+00', 0),
                      (5004, -3, 'unknown', md5('unknown')::uuid, '2021-06-01 00:00+00', NULL), (5005, -3, 'unknown', md5('unknown')::uuid, '2021-08-01 00:00+00', NULL),
                      (5006, NULL, NULL, NULL, '2021-06-01 00:00+00', 9.99), (5007, -4, 'timeless', md5('timeless')::uuid, NULL, 9.99)) AS v;

-- a row per customer, with the bytes that GROUP BY gives
CREATE FUNCTION differ(query text, other text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((SELECT one::text FROM (%1$s) AS one EXCEPT ALL SELECT two::text FROM (%2$s) AS two) UNION ALL (SELECT two::text FROM (%2$s) AS two EXCEPT ALL SELECT one::text FROM (%1$s) AS one)) AS d', query, other) INTO n;
	RETURN n;
END $$;
SELECT type, differ(format('SELECT * FROM order_histories(NULL::%s, ''shop'', %L, ''at'', ''amount'')', type, customer),
                    format('SELECT %1$I, order_history(%1$I, at, amount) FROM shop WHERE %1$I IS NOT NULL AND at IS NOT NULL GROUP BY 1', customer)) AS differ
FROM (VALUES ('bigint', 'b'), ('text', 't'), ('uuid', 'u')) AS v (type, customer);
SELECT count(*) AS customers, sum((history_info(history)).rows) AS rows FROM order_histories(NULL::bigint, 'shop', 'b', 'at', 'amount');
-- one of many rows, and many of a few
CREATE TABLE busy AS SELECT 1::bigint AS b, timestamptz '2021-01-01' + i * interval '1 hour' AS at, i::numeric AS amount FROM generate_series(1, 40000) AS i;
SELECT history::text = (SELECT order_history(b, at, amount)::text FROM busy) AS same FROM order_histories(NULL::bigint, 'busy', 'b', 'at', 'amount');

-- lines of orders, with and without a number of an order
CREATE VIEW lines AS SELECT id / 3 AS number, b, at, amount FROM shop WHERE id < 5000 UNION ALL SELECT NULL, b, at, amount FROM shop WHERE id BETWEEN 5001 AND 5005;
SELECT differ($$SELECT * FROM order_histories(NULL::bigint, 'lines', 'b', 'at', 'amount', order_id_column => 'number')$$,
              $$SELECT b, order_history(b, at, amount) FROM (SELECT b, min(at) AS at, sum(amount) AS amount FROM lines WHERE number IS NOT NULL GROUP BY b, number
                                                             UNION ALL SELECT b, at, amount FROM lines WHERE number IS NULL) AS o GROUP BY b$$) AS differ;
-- columns of other types: an integer, a time without a zone, a double precision
CREATE VIEW plain AS SELECT b::int AS customer, at AT TIME ZONE 'UTC' AS at, amount::double precision AS amount, at::date AS day FROM shop;
SELECT differ($$SELECT * FROM order_histories(NULL::int, 'plain', 'customer', 'at', 'amount')$$,
              $$SELECT customer, order_history(customer, timezone('UTC', at), amount::numeric) FROM plain WHERE customer IS NOT NULL AND at IS NOT NULL GROUP BY 1$$) AS by_time,
       differ($$SELECT * FROM order_histories(NULL::int, 'plain', 'customer', 'day', 'amount', tz => 'Asia/Tokyo')$$,
              $$SELECT customer, order_history(customer, timezone('Asia/Tokyo', day::timestamp), amount::numeric) FROM plain WHERE customer IS NOT NULL AND day IS NOT NULL GROUP BY 1$$) AS by_day;

-- nothing, wrong types and names, what may not be read
SELECT * FROM order_histories(NULL::bigint, 'empty', 'b', 'at', 'amount');
CREATE TABLE empty (b bigint, at timestamptz, amount numeric);
SELECT * FROM order_histories(NULL::bigint, 'empty', 'b', 'at', 'amount');
SELECT * FROM order_histories(NULL::text, 'shop', 'b', 'at', 'amount');
SELECT * FROM order_histories(NULL::bigint, 'shop', 'nobody', 'at', 'amount');
SELECT * FROM order_histories(NULL::bigint, 'shop', 'b', 'at', 'amount', tz => 'Nowhere');
SELECT * FROM order_histories(NULL::bigint, NULL, 'b', 'at', 'amount');
INSERT INTO empty VALUES (1, 'infinity', 1);
SELECT * FROM order_histories(NULL::bigint, 'empty', 'b', 'at', 'amount');
SELECT * FROM order_histories(NULL::bigint, 'empty', 'b', 'at', 'amount', 'amount');
CREATE ROLE tables_of_reader;
GRANT USAGE ON SCHEMA tables_of TO tables_of_reader;
SET ROLE tables_of_reader;
SELECT * FROM order_histories(NULL::bigint, 'shop', 'b', 'at', 'amount');
RESET ROLE;
CREATE TABLE guarded AS SELECT * FROM shop WHERE b < 20;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON guarded USING (b < 5);
GRANT SELECT ON guarded TO tables_of_reader;
SET ROLE tables_of_reader;
SELECT customer FROM order_histories(NULL::bigint, 'guarded', 'b', 'at', 'amount') ORDER BY 1;
RESET ROLE;

-- the table functions, of three types of customers, over one history of all
CREATE TABLE h AS SELECT order_history(b, at, amount) AS b, order_history(t, at, amount) AS t, order_history(u, at, amount) AS u FROM shop;
CREATE VIEW calls AS
SELECT type, customer, call, format(call_of_orders, orders) AS of_orders, format(call_of_history, history) AS of_history, replace(format(call_of_history, history), 'NULL::' || type || ', ', '') AS of_history_alone
FROM (VALUES ('bigint', 'b'), ('text', 't'), ('uuid', 'u')) AS v (type, customer),
     LATERAL (SELECT format('NULL::%s, ''shop'', %L, ''at'', ''amount''', type, customer) AS orders, format('(SELECT %I FROM h), NULL::%s', customer, type) AS history) AS a,
     (VALUES ('rfm_segments', 'rfm_segments(%s, ''2023-02-11 12:00+00'')', 'rfm_segments(%s, ''2023-02-11 12:00+00'')'),
             ('rfm_segments of other bins', 'rfm_segments(%s, ''2023-02-11 12:00+00'', 4, ''rf'')', 'rfm_segments(%s, ''2023-02-11 12:00+00'', 4, ''rf'')'),
             ('rfm_segments long ago', 'rfm_segments(%s, ''2021-01-03 12:00+00'')', 'rfm_segments(%s, ''2021-01-03 12:00+00'')'),
             ('rfm_segments before all', 'rfm_segments(%s, ''2020-01-01'')', 'rfm_segments(%s, ''2020-01-01'')'),
             ('segment_summary', 'segment_summary(%s, ''2023-02-11 12:00+00'', 3)', 'segment_summary(%s, ''2023-02-11 12:00+00'', 3)'),
             ('rfm_transitions', 'rfm_transitions(%s, ''2022-02-01'', ''2023-02-11 12:00+00'')', 'rfm_transitions(%s, ''2022-02-01'', ''2023-02-11 12:00+00'')'),
             ('rfm_breaks', 'rfm_breaks(%s, ''2023-02-11 12:00+00'', 7)', 'rfm_breaks(%s, ''2023-02-11 12:00+00'', 7)'),
             ('hero_buyers', 'hero_buyers(%s, 0.5, ''2023-02-11 12:00+00'')', 'hero_buyers(%s, ''2023-02-11 12:00+00'', 0.5)'),
             ('predict_customers', 'predict_customers(%s, ''180 days'', ''2023-02-11 12:00+00'', ''30 days'', ''bgnbd'', 0.1, ''Europe/Berlin'')', 'predict_customers(%s, ''2023-02-11 12:00+00'', ''180 days'', ''30 days'', ''bgnbd'', 0.1, ''Europe/Berlin'')'),
             ('predict_customers by default', 'predict_customers(%s, as_of => ''2023-02-11'')', 'predict_customers(%s, ''2023-02-11'')'),
             ('backtest', 'backtest(%s, ''2022-06-01'', ''2023-02-11 12:00+00'', ''pareto_nbd'', ''30 days'', ''Asia/Tokyo'')', 'backtest(%s, ''2022-06-01'', ''2023-02-11 12:00+00'', ''pareto_nbd'', ''30 days'', ''Asia/Tokyo'')')) AS f (call, call_of_orders, call_of_history);
CREATE FUNCTION rows_of(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE 'SELECT count(*) || '' rows '' || coalesce(string_agg(r::text, chr(10)), '''') FROM ' || call || ' AS r' INTO result;
	RETURN result;
END $$;
SELECT call, type FROM calls
WHERE rows_of(of_orders) IS DISTINCT FROM
      rows_of(CASE WHEN call ~ 'rfm_segments|hero|predict' THEN of_history ELSE replace(of_history, ', NULL::' || type, '') END)
ORDER BY 1, 2;
SELECT call, split_part(rows_of(of_orders), ' ', 1)::int AS rows FROM calls WHERE type = 'bigint' ORDER BY 1;

-- no history, no rows; the wrong anchor; times; NULLs; histories of others
SELECT (SELECT count(*) FROM rfm_segments(NULL::order_history, NULL::bigint, '2023-01-01')) AS segments, (SELECT count(*) FROM segment_summary(NULL::order_history, '2023-01-01')) AS summary,
       (SELECT count(*) FROM rfm_transitions(NULL::order_history, '2022-01-01', '2023-01-01')) AS transitions, (SELECT count(*) FROM rfm_breaks(NULL::order_history, '2023-01-01')) AS breaks,
       (SELECT count(*) FROM hero_buyers(NULL::order_history, NULL::bigint, '2023-01-01')) AS heroes, (SELECT count(*) FROM predict_customers(NULL::order_history, NULL::bigint, '2023-01-01')) AS predictions,
       (SELECT count(*) FROM backtest(NULL::order_history, '2022-01-01', '2023-01-01')) AS backtest;
SELECT * FROM rfm_segments((SELECT b FROM h), NULL::text, '2023-01-01');
SELECT * FROM hero_buyers((SELECT t FROM h), NULL::uuid, '2023-01-01');
SELECT * FROM predict_customers((SELECT u FROM h), NULL::bigint, '2023-01-01');
SELECT count(*) FROM rfm_segments((SELECT b FROM h), NULL::int, '2023-01-01');
SELECT * FROM rfm_segments((SELECT b FROM h), NULL::bigint, NULL);
SELECT * FROM rfm_segments((SELECT b FROM h), NULL::bigint, 'infinity');
SELECT * FROM rfm_transitions((SELECT b FROM h), '2023-01-01', '2022-01-01');
SELECT * FROM backtest((SELECT b FROM h), '2023-01-01', '2023-01-01');
SELECT * FROM backtest((SELECT b FROM h), '2022-01-01', '2023-01-01', tz => NULL);
SELECT * FROM backtest(NULL::order_history, '2022-01-01', '2023-01-01', tz => NULL);
SELECT * FROM backtest((SELECT b FROM h), '2022-01-01', '2023-01-01', tz => 'Nowhere');
SELECT * FROM predict_customers((SELECT b FROM h), NULL::bigint, '2023-01-01', discount_rate => -1);
SELECT * FROM segment_summary((SELECT b FROM h), '2023-01-01', 1);
SET client_min_messages = notice;
SELECT count(*) FROM rfm_breaks((SELECT b FROM h), '2033-01-01');
SET client_min_messages = warning;
-- in a lateral join, a history of each: the state of a call is its own
SELECT count(*), sum(orders) = (SELECT count(*) FROM shop WHERE b IS NOT NULL AND at < '2023-02-11 12:00+00' AND amount > 0 IS NOT FALSE) AS all_orders
FROM order_histories(NULL::bigint, 'shop', 'b', 'at', 'amount') AS o, rfm_segments(o.history, NULL::bigint, '2023-02-11 12:00+00') AS s WHERE s.customer = o.customer;

-- the fits, by each way; of parts of customers, too
CREATE TABLE fits AS
SELECT fit_bgnbd(x, t_x, age) AS bg, fit_mbgnbd(x, t_x, age) AS mbg, fit_pareto_nbd(x, t_x, age) AS pareto, fit_gamma_gamma(x, mean_repeat_value) AS spend
FROM (SELECT (purchase_summary(at, amount, '30 days', '2023-02-11 12:00+00', 'Europe/Berlin')).* FROM shop WHERE b IS NOT NULL GROUP BY b) AS s;
SELECT (bg).status, (mbg).status, (pareto).status, (spend).customers FROM fits;
SELECT (o.bg)::text = fits.bg::text AS bg, (o.mbg)::text = fits.mbg::text AS mbg, (o.pareto)::text = fits.pareto::text AS pareto, (o.spend)::text = fits.spend::text AS spend
FROM fits, (SELECT fit_bgnbd(t, at, amount, '30 days', '2023-02-11 12:00+00', 'Europe/Berlin') AS bg, fit_mbgnbd(t, at, amount, '30 days', '2023-02-11 12:00+00', 'Europe/Berlin') AS mbg,
                   fit_pareto_nbd(t, at, amount, '30 days', '2023-02-11 12:00+00', 'Europe/Berlin') AS pareto, fit_gamma_gamma(t, at, amount, '2023-02-11 12:00+00', 'Europe/Berlin') AS spend FROM shop) AS o;
SELECT part, (o.bg)::text = fits.bg::text AS bg, (o.mbg)::text = fits.mbg::text AS mbg, (o.pareto)::text = fits.pareto::text AS pareto, (o.spend)::text = fits.spend::text AS spend, o.stored::text = fits.mbg::text AS stored
FROM fits, (VALUES ('whole'), ('by customer'), ('by year'), ('by row')) AS v (part),
     LATERAL (SELECT fit_bgnbd(p, '30 days', '2023-02-11 12:00+00', 'Europe/Berlin') AS bg, fit_mbgnbd(p, '30 days', '2023-02-11 12:00+00', 'Europe/Berlin') AS mbg,
                     fit_pareto_nbd(p, '30 days', '2023-02-11 12:00+00', 'Europe/Berlin') AS pareto, fit_gamma_gamma(p, '2023-02-11 12:00+00', 'Europe/Berlin') AS spend,
                     fit_mbgnbd(btyd_state(p, '30 days', '2023-02-11 12:00+00', 'Europe/Berlin')::text::retention_state) AS stored
              FROM (SELECT order_history(u, at, amount) AS p FROM shop GROUP BY CASE part WHEN 'whole' THEN '' WHEN 'by customer' THEN u::text WHEN 'by year' THEN extract(year FROM at)::text ELSE (id % 9)::text END) AS s) AS o;
-- of the spend, the state of predictions will do; of nobody, and of nobody who came back
SELECT fit_gamma_gamma(purchase_days_state(b, at, amount, '2023-02-11 12:00+00', 'Europe/Berlin'))::text = (SELECT spend::text FROM fits) AS spend FROM shop;
SELECT fit_mbgnbd(b, at, amount, '7 days', '2023-01-01', 'UTC') IS NULL AS no_model, fit_gamma_gamma(b, at, amount, '2023-01-01', 'UTC') IS NULL AS no_spend FROM shop WHERE b < 0 AND b <> -3;
SELECT (fit_mbgnbd(b, at, amount, '7 days', '2023-01-01', 'UTC')).status, fit_gamma_gamma(b, at, amount, '2023-01-01', 'UTC') IS NULL AS no_spend FROM shop WHERE b < 0;
-- other options; a state of something else; an amount beyond all shops
SELECT fit_mbgnbd(b, at, amount, '90', '2023-01-01', 'UTC') FROM shop;
SELECT fit_mbgnbd(b, at, amount, '1 month', '2023-01-01', 'UTC') FROM shop;
SELECT fit_mbgnbd(b, at, amount, id * interval '1 day', '2023-01-01', 'UTC') FROM shop;
SELECT fit_gamma_gamma(btyd_state(b, at, amount, '7 days', '2023-01-01', 'UTC')) FROM shop;
SELECT fit_mbgnbd(purchase_days_state(b, at, amount, '2023-01-01', 'UTC')) FROM shop;
SELECT fit_gamma_gamma(1::bigint, timestamptz '2021-01-01' + i * interval '1 day', 1e101, '2023-01-01', 'UTC') FROM generate_series(1, 3) AS i;
-- twice, beside its twin that shares the state, distinct, filtered, over a window
SELECT fit_bgnbd(h, '30 days', '2023-02-11', 'UTC')::text = fit_bgnbd(h, '30 days', '2023-02-11', 'UTC')::text AS twice, (fit_mbgnbd(h, '30 days', '2023-02-11', 'UTC')).family AS beside,
       fit_mbgnbd(h, '30 days', '2023-02-11', 'UTC') FILTER (WHERE false) IS NULL AS filtered FROM (SELECT b FROM h) AS s (h);
SELECT id, (fit_mbgnbd(b, at, amount, '30 days', '2023-02-11', 'UTC') OVER (ORDER BY id)).customers FROM shop WHERE id <= 4 ORDER BY id;

DROP SCHEMA tables_of CASCADE;
DROP ROLE tables_of_reader;
