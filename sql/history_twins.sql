-- Every aggregate over order rows against its twin over histories: the same text of the
-- result, or of the state, for three types of customers, however the rows were split
\set VERBOSITY terse
SET timezone = 'America/New_York';	-- nothing depends on it
SET datestyle = 'ISO';
SET extra_float_digits = 3;

CREATE TEMP TABLE t_rows AS
SELECT (i * 7919 % 211)::bigint AS bigint,
       'x' || (i * 7919 % 211) || repeat(' of a long name', (i * 7919 % 211 % 3)::int) AS text,
       md5((i * 7919 % 211)::text)::uuid AS uuid,
       timestamptz '2021-01-01 00:00+00' + (i * 7717 % 1000) * interval '1 day' + CASE WHEN i % 5 > 0 THEN (i % 86400) * interval '1 second' ELSE '0' END AS at,
       CASE WHEN i % 11 = 0 THEN NULL WHEN i % 13 = 0 THEN -((i % 50)::numeric(10,2)) WHEN i % 17 = 0 THEN 0
            WHEN i % 101 = 0 THEN 12345678901234567890123456789012345678901234567890.5 * i
            WHEN i % 19 = 0 THEN i::numeric ELSE (i % 3000 / 7.0)::numeric(12,2) END AS amount
FROM generate_series(1, 4000) AS i
UNION ALL	-- a customer of refunds alone, and one of a zero
SELECT v.* FROM (VALUES (-1::bigint, 'refunds', md5('refunds')::uuid, timestamptz '2021-06-01 00:00+00', -5.00), (-1, 'refunds', md5('refunds')::uuid, '2021-07-01 00:00+00', -5.00),
                      (-2, 'zero', md5('zero')::uuid, '2021-06-01 00:00+00', 0)) AS v;

CREATE TEMP TABLE t_options (name text PRIMARY KEY, value text);
INSERT INTO t_options VALUES
	('period', '1 year'), ('within', '60 days'), ('inactive_after', '90 days'), ('lifetime', '2 years'), ('unit', '30 days'),
	('period_start', '2022-01-01 00:00+00'), ('period_end', '2022-06-01 00:00+00'), ('as_of', '2023-02-11 12:00+00'),
	('grain', 'month'), ('tz', 'Europe/Berlin'), ('max_number', '5'), ('max_index', '6');

-- the twins, with their options as literals
CREATE TEMP VIEW t_twins AS
SELECT p.oid::regprocedure AS twin, p.proname, p.pronargs,
       (SELECT coalesce(string_agg(', ' || coalesce(quote_literal(o.value), 'no value for ' || a.name) || '::' || format_type(a.type, NULL), '' ORDER BY a.n), '')
        FROM unnest(p.proargnames, p.proargtypes::oid[]) WITH ORDINALITY AS a (name, type, n) LEFT JOIN t_options AS o USING (name) WHERE a.n > 1) AS options
FROM pg_proc AS p JOIN pg_aggregate AS g ON g.aggfnoid = p.oid
WHERE p.proargnames[1] = 'history' AND g.aggtranstype = 'retention_state'::regtype;

-- the arguments of the aggregate over rows that has the same name and options
CREATE TEMP VIEW t_pairs AS
SELECT t.*, p.proargnames[1] = 'customer' AS has_customers,
       array_to_string(array_remove(ARRAY['%1$I', CASE WHEN 'ordered_at' = ANY (p.proargnames) THEN 'at' END, CASE WHEN 'amount' = ANY (p.proargnames) THEN 'amount' END], NULL), ', ') AS arguments,
       CASE WHEN 'amount' = ANY (p.proargnames) THEN 'true' ELSE 'amount > 0 IS NOT FALSE' END AS filter
FROM t_twins AS t JOIN pg_proc AS h ON h.oid = t.twin
JOIN LATERAL (SELECT * FROM pg_proc AS p WHERE p.proname = t.proname AND p.prokind = 'a' AND p.proargnames[1] <> 'history'
              AND 'history'::text || array_remove(array_remove(array_remove(p.proargnames::text[], 'customer'), 'ordered_at'), 'amount') = h.proargnames::text[]
              ORDER BY p.oid LIMIT 1) AS p ON true;
SELECT count(*) = (SELECT count(*) FROM t_twins) AS every_twin, count(*) > 30 AS many FROM t_pairs;

CREATE FUNCTION pg_temp.differs(pair t_pairs, customer text, part text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	rows text := format(CASE WHEN pair.has_customers THEN pair.arguments ELSE replace(pair.arguments, '%1$I, ', '') END, customer);
	same boolean;
BEGIN
	EXECUTE format('SELECT (SELECT %I(%s%s) FILTER (WHERE %s) FROM t_rows)::text IS NOT DISTINCT FROM (SELECT %I(h%s)::text FROM (SELECT order_history(%I, at, amount) AS h FROM t_rows GROUP BY %s) AS parts)',
		pair.proname, rows, pair.options, pair.filter, pair.proname, pair.options, customer, part) INTO same;
	RETURN NOT same;
END $$;

SELECT twin, customer, part FROM t_pairs AS pair, unnest('{bigint,text,uuid}'::text[]) AS customer,
	unnest(ARRAY['1 = 1', customer, 'at::date', 'amount']) AS part
WHERE pg_temp.differs(pair, customer, replace(part, customer, quote_ident(customer))) ORDER BY 1, 2, 3;

-- in parallel, the workers having all, some and no rows
CREATE TABLE t_histories AS SELECT bigint AS customer, order_history(bigint, at, amount) AS history FROM t_rows GROUP BY 1;
ALTER TABLE t_histories SET (parallel_workers = 2);
ANALYZE t_histories;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SELECT cohort_retention(history, 'month', '2023-01-01', 'UTC')::text = (SELECT cohort_retention(bigint, at, amount, 'month', '2023-01-01', 'UTC')::text FROM t_rows) AS cohorts,
       clv(history, '1 year', '3 years', '2023-01-01') = (SELECT clv(bigint, at, amount, '1 year', '3 years', '2023-01-01') FROM t_rows) AS clv
FROM t_histories;
SELECT churn_rate(history, '90 days', '2022-01-01', '2022-06-01') IS NULL AS nobody FROM t_histories WHERE customer = -2;
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size;
DROP TABLE t_histories;

-- the grid: nothing, NULL, OVER, twice and beside its twin, other options, another type, by hand
CREATE TEMP TABLE t_h AS SELECT bigint % 5 AS part, order_history(bigint, at, amount) AS h, order_history(text, at, amount) AS th FROM t_rows GROUP BY 1;
SELECT repeat_rate(h) IS NULL AS none FROM t_h WHERE false;
SELECT repeat_rate(NULL::order_history) IS NULL AS nulls FROM t_h;
SELECT bool_and(running = (SELECT repeat_rate(h) FROM t_h AS before WHERE before.part <= t.part)) AS running
FROM (SELECT part, repeat_rate(h) OVER (ORDER BY part) AS running FROM t_h) AS t;
SELECT repeat_rate(h) = repeat_rate(repeat_rate_state(h)) AS both, clv(h, '1 year', '3 years', '2023-01-01') > clv(h, '1 year', '1 year', '2023-01-01') AS longer FROM t_h;
SELECT clv(h, '1 year', part * interval '1 year', '2023-01-01') FROM t_h WHERE part > 0;
SELECT repeat_rate(x) FROM (SELECT h FROM t_h UNION ALL SELECT th FROM t_h) AS s (x);
SELECT churn_rate(h, '90', '2022-01-01', '2022-06-01') FROM t_h;
SELECT repeat_rate_transfn_history(NULL, h) IS NULL FROM t_h LIMIT 1;
