-- retention_check: every check against the rows counted in plain SQL.

\set VERBOSITY terse
SET datestyle = 'ISO, MDY';
SET timezone = 'Asia/Tokyo';

CREATE FUNCTION pg_temp.outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN EXECUTE query; RETURN 'done';
EXCEPTION WHEN OTHERS THEN RETURN sqlstate || ' ' || sqlerrm; END $$;

-- the view that advice ends in; the number of the session's schema is not for this file
CREATE FUNCTION pg_temp.to_paste(advice text) RETURNS text LANGUAGE sql AS $$
  SELECT replace(substring(advice FROM 'CREATE VIEW .*'), pg_my_temp_schema()::regnamespace || '.', '') $$;

-- an empty table has no problem; nor has one without a single value
CREATE TEMP TABLE nothing (customer bigint, at timestamptz, amount numeric, id int, currency text);
SELECT check_name, affected_rows, severity, example FROM retention_check('nothing', 'customer', 'at', 'amount', 'id', currency_column => 'currency');
INSERT INTO nothing SELECT FROM generate_series(1, 3);
SELECT check_name, affected_rows, severity, example FROM retention_check('nothing', 'customer', 'at', 'amount', 'id', currency_column => 'currency') WHERE severity <> 'ok';
-- a clean one neither; a check that cannot be made says so
CREATE TEMP TABLE clean AS
SELECT 1 + i % 20 AS customer, timestamp '2024-01-01 09:00' + i * interval '1 hour' AS at, 10 + i % 7 AS amount, i AS id, 'EUR' AS currency FROM generate_series(1, 200) i;
SELECT count(*) AS checks, count(*) FILTER (WHERE severity = 'ok' AND affected_rows = 0 AND example IS NULL AND advice = 'Nothing to do.') AS clean
FROM retention_check('clean', 'customer', 'at', 'amount', 'id', as_of => '2024-01-20', currency_column => 'currency');
SELECT * FROM retention_check('clean', 'customer', 'at', 'amount', as_of => '2024-01-20') WHERE severity <> 'ok';

-- one of everything
CREATE TEMP TABLE mess (id int, customer text, at timestamptz, amount numeric, currency text DEFAULT 'EUR');
INSERT INTO mess
SELECT i, 'c' || i % 20, timestamptz '2024-01-01 00:00:01+00' + i * interval '25 hours', 10 + i % 7 FROM generate_series(1, 100) i;
INSERT INTO mess VALUES
  (101, NULL, '2024-02-01 10:00+00', 12.50), (102, NULL, '2024-02-02 10:00+00', NULL),
  (103, 'c1', NULL, 5), (104, 'c2', '2024-02-03 10:00+00', NULL),
  (105, 'c3', 'infinity', 7), (106, 'c3', '-infinity', 7),
  (107, 'c4', '2026-01-01 00:00:00.000001+00', 8), (108, 'c4', '2026-01-01 00:00+00', 9),
  (109, 'c5', '2024-02-04 10:00+00', 0), (110, 'c5', '2024-02-04 10:00+00', 3), (111, 'c5', '2024-02-04 10:00+00', 4),
  (112, 'c6', '2024-02-05 10:00+00', 'NaN'), (113, 'c6', '2024-02-06 10:00+00', 'Infinity'), (114, 'c6', '2024-02-07 10:00+00', '-Infinity'),
  (115, 'refunded', '2024-02-08 10:00+00', 20), (115, 'refunded', '2024-02-09 10:00+00', -30.5),
  (116, 'only refund', '2024-02-10 10:00+00', -1), (116, 'only refund', '2024-02-10 11:00+00', -1), (116, 'later', '2026-02-10 11:00+00', -100),
  (NULL, 'c7', '2024-02-11 10:00+00', 2000), (NULL, 'c8', '2024-02-12 10:00+00', -40000), (NULL, 'c8', '2024-02-12 11:00+00', 30000);
INSERT INTO mess VALUES
  (120, 'Guest', '2024-02-13 10:00+00', 8, 'USD'), (121, ' guest ', '2024-02-13 11:00+00', 8, ' eur'), (122, '5.07E+12', '2024-02-13 12:00+00', 8, NULL),
  (123, 'c9', '2024-02-14 10:00+00', 8, 'EUR'), (123, 'c9', '2024-02-14 10:00+00', 8.0, 'EUR'), (124, 'C9', '2024-02-14 11:00+00', 8.00, 'EUR'), (124, 'C9', '2024-02-14 11:00+00', 9, 'EUR');
SELECT check_name, affected_rows, severity, example FROM retention_check('mess', 'customer', 'at', 'amount', 'id', '2026-01-01 00:00+00', currency_column => 'currency');
-- what to do about each
SELECT check_name, replace(advice, pg_my_temp_schema()::regnamespace || '.', '') AS advice
FROM retention_check('mess', 'customer', 'at', 'amount', 'id', '2026-01-01 00:00+00', currency_column => 'currency') WHERE affected_rows > 0;
-- the example's times are of tz, not of the session
SELECT example FROM retention_check('mess', 'customer', 'at', 'amount', 'id', as_of => '2026-01-01 00:00+00', tz => 'America/New_York') WHERE check_name IN ('null_amount', 'same_instant_rows');

-- The same counted in plain SQL, on rows (id, customer, at, amount, currency) of any key.
CREATE FUNCTION pg_temp.counted(relation regclass, as_of timestamptz) RETURNS TABLE (check_name text, affected_rows bigint) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format($q$CREATE TEMP TABLE counted_rows AS SELECT id::text, customer::text, at, amount::numeric, coalesce(upper(regexp_replace(currency, '\s', '', 'g')), '') AS currency FROM %s$q$, relation);
  RETURN QUERY
  WITH r AS (SELECT *, amount BETWEEN -1e30 AND 1e30 AS counts, at > '-infinity' AND at < 'infinity' AS finite, coalesce(amount > 0 AND amount < 'infinity', true) AS is_order,
                    lower(btrim(regexp_replace(customer, '\s+', ' ', 'g'))) AS spelled FROM counted_rows),
       usual AS (SELECT sum(amount) AS s, count(*) AS n FROM r WHERE counts AND amount > 0),
       c AS (SELECT customer, min(spelled) AS spelled, count(*) AS n, count(*) FILTER (WHERE is_order) AS orders, count(DISTINCT id) FILTER (WHERE is_order) + count(*) FILTER (WHERE is_order AND id IS NULL) AS ids
             FROM r WHERE customer IS NOT NULL GROUP BY customer),
       o AS (SELECT id, count(*) AS n, bool_or(is_order) AS is_order, count(*) FILTER (WHERE counts AND amount > 0) AS priced, count(DISTINCT amount) FILTER (WHERE counts AND amount > 0) AS prices
             FROM r WHERE id IS NOT NULL GROUP BY id)
  SELECT 'null_customer', count(*) FROM r WHERE customer IS NULL
  UNION ALL SELECT 'placeholder_customer', count(*) FROM r WHERE spelled IN ('0', '-1', '', 'guest', 'n/a', '#ref!', 'guest@shop.example', '00000000-0000-0000-0000-000000000000')
  UNION ALL SELECT 'dominant_customer', coalesce(sum(n), 0)::bigint FROM c WHERE n > 0.01 * (SELECT sum(n) FROM c) AND n > 100 * (SELECT avg(n) FROM c)
  UNION ALL SELECT 'one_order_each', CASE WHEN count(*) FILTER (WHERE orders > 0) > 1000 AND max(ids) <= 1 THEN sum(n)::bigint ELSE 0 END FROM c
  UNION ALL SELECT 'customer_spelling', coalesce(sum(n), 0)::bigint FROM c WHERE spelled IN (SELECT spelled FROM c GROUP BY spelled HAVING count(*) > 1)
  UNION ALL SELECT 'exponent_customer', count(*) FROM r WHERE spelled ~ '^-?\d([.,]\d+)?e[+-]\d+$'
  UNION ALL SELECT 'null_time', count(*) FROM r WHERE at IS NULL
  UNION ALL SELECT 'infinite_time', count(*) FROM r WHERE NOT finite
  UNION ALL SELECT 'future_order', count(*) FROM r WHERE at >= as_of AND finite
  UNION ALL SELECT 'all_midnight', CASE WHEN bool_and(at = date_trunc('day', at, 'UTC')) FILTER (WHERE finite) THEN count(*) FILTER (WHERE finite) ELSE 0 END FROM r
  UNION ALL SELECT 'null_amount', count(*) FROM r WHERE amount IS NULL
  UNION ALL SELECT 'not_finite_amount', count(*) FROM r WHERE amount IN ('NaN', 'Infinity', '-Infinity')
  UNION ALL SELECT 'zero_amount', count(*) FROM r WHERE amount = 0
  UNION ALL SELECT 'extreme_amount', count(*) FROM r, usual WHERE counts AND CASE WHEN amount > 0 THEN amount * (n + 99) > 100 * s ELSE -amount * n > 100 * s END
  UNION ALL SELECT 'mixed_currency', count(*) - coalesce(max(n), 0) FROM (SELECT count(*) OVER (PARTITION BY currency) AS n FROM r) q
  UNION ALL SELECT 'refund_exceeds_purchases', count(*) FROM (SELECT 1 FROM r WHERE counts AND at < as_of AND finite AND customer IS NOT NULL GROUP BY customer HAVING sum(amount) < 0) q
  UNION ALL SELECT 'duplicate_order_id', coalesce(sum(n), 0)::bigint FROM o WHERE n > 1
  UNION ALL SELECT 'line_rows', (SELECT count(*) FROM r WHERE is_order AND id IS NOT NULL) - (SELECT count(*) FROM o WHERE is_order)
  UNION ALL SELECT 'repeated_total', coalesce(sum(priced), 0)::bigint FROM o WHERE priced > 1 AND prices = 1
  UNION ALL SELECT 'same_instant_rows', coalesce(sum(n), 0)::bigint FROM (SELECT count(*) n FROM r WHERE finite AND customer IS NOT NULL GROUP BY customer, at HAVING count(*) > 1) q
  UNION ALL SELECT 'duplicate_row', coalesce(sum(n), 0)::bigint FROM (SELECT count(*) n FROM r WHERE finite AND customer IS NOT NULL GROUP BY customer, at, amount, id HAVING count(*) > 1) q;
  DROP TABLE counted_rows;
END $$;
CREATE FUNCTION pg_temp.differences(relation regclass, as_of timestamptz) RETURNS TABLE (check_name text, affected_rows bigint, counted bigint) LANGUAGE sql AS $$
  SELECT check_name, c.affected_rows, o.affected_rows
  FROM retention_check(relation, 'customer', 'at', 'amount', 'id', as_of, currency_column => 'currency') c FULL JOIN pg_temp.counted(relation, as_of) o USING (check_name)
  WHERE c.affected_rows IS DISTINCT FROM o.affected_rows AND check_name NOT IN ('outlier_time', 'stale_data')
$$;
SELECT * FROM pg_temp.differences('mess', '2026-01-01 00:00+00');
SELECT * FROM pg_temp.differences('mess', '2024-02-06 00:00+00');

-- thousands of rows at random, of keys of three types, of much and little that repeats
CREATE FUNCTION pg_temp.chance(i int, stream int, sides int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT (hashint8extended(i, stream) & 1073741823)::int % sides $$;
CREATE TEMP TABLE random_rows AS
SELECT i, CASE pg_temp.chance(i, 1, 40) WHEN 0 THEN NULL ELSE pg_temp.chance(i, 2, people) - 1 END AS who,
  CASE pg_temp.chance(i, 3, 60) WHEN 0 THEN NULL WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' ELSE timestamptz '2024-01-01 00:00+00' + pg_temp.chance(i, 4, hours) * interval '1 hour' END AS at,
  CASE pg_temp.chance(i, 5, 30) WHEN 0 THEN NULL WHEN 1 THEN 0 WHEN 2 THEN -5 WHEN 3 THEN 5.0 WHEN 4 THEN 5.000 WHEN 5 THEN CASE variant WHEN 3 THEN 1e20 + pg_temp.chance(i, 6, 2) ELSE CASE pg_temp.chance(i, 6, 10) WHEN 0 THEN 1e5 ELSE 1 END END
    WHEN 6 THEN 'NaN' WHEN 7 THEN 5 + 1e-30 WHEN 8 THEN -4e19 ELSE pg_temp.chance(i, 7, prices) END::numeric AS amount,
  CASE pg_temp.chance(i, 8, 50) WHEN 0 THEN NULL ELSE pg_temp.chance(i, 9, orders) END AS id,
  (ARRAY['EUR', 'EUR', 'eur ', 'USD', NULL])[1 + pg_temp.chance(i, 10, 5)] AS currency, variant
FROM (VALUES (1, 30, 2000, 9, 3000), (2, 4000, 100000, 1000, 1000000), (3, 3, 20, 2, 40)) v(variant, people, hours, prices, orders), generate_series(1, 3000) i;
CREATE TEMP VIEW random_bigint AS SELECT who::bigint AS customer, at, amount, id, currency, variant FROM random_rows;
CREATE TEMP VIEW random_uuid AS SELECT CASE who WHEN -1 THEN '00000000-0000-0000-0000-000000000000' ELSE md5(who::text)::uuid END AS customer, at, amount, md5(id::text)::uuid AS id, currency, variant FROM random_rows;
CREATE TEMP VIEW random_text AS SELECT CASE who WHEN -1 THEN (ARRAY['guest', 'N/A', '', '#REF!', 'Guest@shop.example', '1E+10', '5,07e+12'])[1 + pg_temp.chance(i, 11, 7)]
    ELSE (ARRAY['Buyer ', 'buyer ', E' buyer\t', E'\u00c4nne of the long name ', E'\u00e4nne of the long name '])[1 + pg_temp.chance(i, 12, 5)] || who END AS customer,
  at, amount, 'order ' || id AS id, currency, variant FROM random_rows;
SELECT format('CREATE TEMP TABLE random_%s_%s AS SELECT * FROM random_%s WHERE variant = %s', k, v, k, v) FROM unnest(ARRAY['bigint', 'text', 'uuid']) k, generate_series(1, 3) v \gexec
SELECT k, v, d.* FROM unnest(ARRAY['bigint', 'text', 'uuid']) k, generate_series(1, 3) v, pg_temp.differences(format('random_%s_%s', k, v)::regclass, '2024-02-01 00:00+00') d;
-- and there is something to find, in so many of the nine tables
SELECT check_name, count(*) FILTER (WHERE c.affected_rows > 0) AS tables FROM unnest(ARRAY['bigint', 'text', 'uuid']) k, generate_series(1, 3) v,
  retention_check(format('random_%s_%s', k, v)::regclass, 'customer', 'at', 'amount', 'id', '2024-02-01 00:00+00', currency_column => 'currency') c GROUP BY 1 ORDER BY 2, 1;
-- in any order of rows the same, in few bytes of memory too
CREATE TEMP TABLE shuffled AS SELECT * FROM random_text_1 ORDER BY md5(customer), id DESC;
SELECT count(*) FROM (SELECT check_name, affected_rows, severity, example FROM retention_check('shuffled', 'customer', 'at', 'amount', 'id', '2024-02-01 00:00+00')
  EXCEPT SELECT check_name, affected_rows, severity, example FROM retention_check('random_text_1', 'customer', 'at', 'amount', 'id', '2024-02-01 00:00+00')) d;
-- ids of orders that ascend with the rows, with rows that have moved to the end or to the front, ascend until the table was loaded anew, descend
CREATE TEMP TABLE in_order AS
SELECT 1 + i % 1009 AS customer, timestamptz '2024-01-01 00:00:07+00' + i * interval '7 minutes' AS at, (i % 50)::numeric - 2 AS amount, i - i % 97 % 3 - 20000 AS id, 'EUR' AS currency
FROM generate_series(1, 40000) i;
SELECT format('CREATE TEMP TABLE in_order_%s AS SELECT * FROM in_order ORDER BY %s', name, by)
FROM (VALUES ('whole', 'id'), ('updated', 'hashint8(id) & 31 = 0, id'), ('some', 'hashint8(id) & 4095 <> 0, id'), ('halved', 'CASE WHEN id > 0 THEN md5(id::text) END NULLS FIRST, id'), ('reloaded', 'CASE WHEN id > 0 THEN md5(id::text) ELSE $$$$ END, id'), ('back', 'id DESC')) v(name, by) \gexec
SELECT name, d.* FROM unnest(ARRAY['whole', 'updated', 'some', 'halved', 'reloaded', 'back']) name, pg_temp.differences(format('in_order_%s', name)::regclass, '2024-06-01 00:00+00') d;
SELECT name, c.affected_rows, c.example FROM unnest(ARRAY['whole', 'updated', 'some', 'halved', 'reloaded', 'back']) name, retention_check(format('in_order_%s', name)::regclass, 'customer', 'at', 'amount', 'id', '2024-06-01 00:00+00') c WHERE check_name = 'duplicate_order_id';

-- ids of orders of any type: what the type takes for equal is one order
CREATE TEMP TABLE ids AS SELECT i AS n, 1 + i % 7 AS customer, timestamp '2024-01-01' + i * interval '1 hour' AS at, i AS amount,
  (i / 2)::smallint AS small, CASE i % 2 WHEN 0 THEN i / 2 ELSE i / 2 + 0.00 END::numeric AS decimal, (i / 2)::text::money AS price, ARRAY[i / 2] AS list, ('O' || i / 2)::varchar AS name,
  CASE i % 2 WHEN 0 THEN '-0' ELSE '0' END::float8 AS zero, int4range(i / 2, i / 2 + 1) AS range, ('O' || i / 2)::char(9) AS padded FROM generate_series(1, 100) i;
SELECT k, c.affected_rows, c.example FROM unnest(ARRAY['small', 'decimal', 'price', 'list', 'name', 'zero', 'range', 'padded']) k, retention_check('ids', 'customer', 'at', 'amount', k, '2024-02-01') c WHERE check_name = 'duplicate_order_id';

-- guests as customer 0: named, and the view that makes them nobody
CREATE TEMP TABLE guests AS SELECT i AS id, CASE WHEN i <= 100 THEN 0 ELSE i END AS customer, timestamptz '2024-01-01 09:00+00' + i * interval '1 hour' AS at, 10 AS amount FROM generate_series(1, 111) i;
INSERT INTO guests VALUES (112, 111, '2024-01-08', 10);
SELECT affected_rows, severity, example FROM retention_check('guests', 'customer', 'at', 'amount', as_of => '2024-01-20') WHERE check_name = 'placeholder_customer';
SELECT repeat_rate(nullif(customer, 0)) AS right, repeat_rate(customer) AS wrong FROM guests;
SELECT pg_temp.to_paste(advice) FROM retention_check('guests', 'customer', 'at', 'amount', as_of => '2024-01-20') WHERE check_name = 'placeholder_customer' \gexec
SELECT repeat_rate(customer) AS right FROM guests_checked;
-- a customer 0 of no more rows than others may be one
CREATE TEMP VIEW clean_from_0 AS SELECT customer - 1 AS customer, at, amount FROM clean;
SELECT affected_rows, severity FROM retention_check('clean_from_0', 'customer', 'at', 'amount', as_of => '2024-01-20') WHERE check_name = 'placeholder_customer';
-- what stands for nobody, and what does not
CREATE TEMP TABLE names (customer text, at timestamptz DEFAULT '2024-01-01', amount numeric DEFAULT 1);
INSERT INTO names SELECT unnest(ARRAY['', ' ', '0', '-1', '000', '0-0', '-', '--', '.', 'N/A', 'na', 'NULL', '(null)', 'None', 'nil', 'NaN', 'Guest', 'guest user', 'GUEST@shop.example', 'noreply@x.y', 'undefined', 'unknown', '#REF!', '#N/A', 'test', 'Anonymous', 'walk-in', '00000000-0000-0000-0000-000000000000']);
SELECT count(*), (SELECT affected_rows FROM retention_check('names', 'customer', 'at', 'amount') WHERE check_name = 'placeholder_customer') AS found FROM names;
SELECT example, substring(advice FROM 'These are the .*? of \d+\.') AS those FROM retention_check('names', 'customer', 'at', 'amount') WHERE check_name = 'placeholder_customer';
TRUNCATE names;
INSERT INTO names SELECT unnest(ARRAY['1', '10', '0a', 'anna', 'guestroom', 'guest1@x.y', 'nancy', 'nullmann@x.y', 'test1', 'testa@x.y', '1e10', '12e5', '5e10', 'e+1', '5.E+3', '5.07E12', '5E+']);
SELECT check_name, affected_rows, example FROM retention_check('names', 'customer', 'at', 'amount') WHERE check_name IN ('placeholder_customer', 'exponent_customer');
TRUNCATE names;
INSERT INTO names SELECT unnest(ARRAY['5.07E+12', '5,07E+12', '5E+12', '1.2e-05', '-5.1E+10']);
SELECT check_name, affected_rows, example FROM retention_check('names', 'customer', 'at', 'amount') WHERE check_name = 'exponent_customer';

-- one customer with most of the orders; advice leaves it out
CREATE TEMP TABLE tills AS SELECT CASE WHEN i <= 300 THEN 'till 1' ELSE 'p' || i END AS customer, timestamptz '2024-01-01 09:00+00' + i * interval '1 hour' AS at, 10 AS amount FROM generate_series(1, 1300) i;
SELECT affected_rows, severity, example FROM retention_check('tills', 'customer', 'at', 'amount') WHERE check_name = 'dominant_customer';
SELECT pg_temp.to_paste(advice) FROM retention_check('tills', 'customer', 'at', 'amount') WHERE check_name = 'dominant_customer' \gexec
SELECT count(*) FROM tills_checked;
SELECT affected_rows FROM retention_check('tills_checked', 'customer', 'at', 'amount') WHERE check_name = 'dominant_customer';

-- a customer id made for each order
CREATE TEMP TABLE made AS SELECT 'o' || i AS id, 'c' || i AS customer, 'p' || i % 1200 AS person, timestamptz '2024-01-01 09:00+00' + i * interval '1 hour' AS at, 10 AS amount FROM generate_series(1, 2000) i;
SELECT k, affected_rows, severity, example FROM unnest(ARRAY['customer', 'person']) k, retention_check('made', k, 'at', 'amount', 'id') WHERE check_name = 'one_order_each';
-- lines of one order do not make a customer come back; two orders do
INSERT INTO made SELECT * FROM made WHERE id = 'o7';
SELECT affected_rows, severity FROM retention_check('made', 'customer', 'at', 'amount', 'id') WHERE check_name = 'one_order_each';
SELECT affected_rows, severity FROM retention_check('made', 'customer', 'at', 'amount') WHERE check_name = 'one_order_each';
-- a thousand may be chance
CREATE TEMP VIEW few_made AS SELECT * FROM made ORDER BY at LIMIT 1000;
SELECT severity FROM retention_check('few_made', 'customer', 'at', 'amount', 'id') WHERE check_name = 'one_order_each';

-- lone times at both ends
CREATE TEMP TABLE spread AS SELECT i % 300 AS customer, timestamp '2024-01-01' + i * interval '11 hours' AS at, 5 AS amount FROM generate_series(1, 1000) i;
SELECT affected_rows, severity FROM retention_check('spread', 'customer', 'at', 'amount', as_of => '2026-01-01') WHERE check_name = 'outlier_time';
INSERT INTO spread VALUES (1, '1970-01-01', 5), (2, '9999-12-31', 5), (3, '0001-01-01', 5);
SELECT affected_rows, severity, example FROM retention_check('spread', 'customer', 'at', 'amount', as_of => '2026-01-01') WHERE check_name = 'outlier_time';
SELECT pg_temp.to_paste(advice) FROM retention_check('spread', 'customer', 'at', 'amount', as_of => '2026-01-01') WHERE check_name = 'outlier_time' \gexec
SELECT count(*) FROM spread_checked;
INSERT INTO spread VALUES (1, '4714-11-24 BC', 5);
SELECT example FROM retention_check('spread', 'customer', 'at', 'amount', as_of => '2026-01-01') WHERE check_name = 'outlier_time';
-- a shop's first years, seldom orders and a few rows are none
CREATE TEMP VIEW sparse AS SELECT 1 AS customer, timestamp '1990-01-01' + i * interval '1 year' AS at, 5 AS amount FROM generate_series(1, 30) i;
SELECT affected_rows FROM retention_check('sparse', 'customer', 'at', 'amount') WHERE check_name = 'outlier_time';
CREATE TEMP VIEW growing AS SELECT 1 AS customer, timestamp '1990-01-01' + sqrt(i) * interval '100 days' AS at, 5 AS amount FROM generate_series(1, 10000) i;
SELECT affected_rows FROM retention_check('growing', 'customer', 'at', 'amount') WHERE check_name = 'outlier_time';
CREATE TEMP VIEW two_rows AS SELECT 1 AS customer, timestamp '1990-01-01' + i * interval '20 years' AS at, 5 AS amount FROM generate_series(0, 1) i;
SELECT affected_rows FROM retention_check('two_rows', 'customer', 'at', 'amount') WHERE check_name = 'outlier_time';
-- times all over the calendar need wider buckets, and no row is lost
CREATE TEMP VIEW calendar AS SELECT 1 AS customer, timestamp '4713-01-01 BC' + i * interval '1 day' AS at, 5 AS amount FROM generate_series(0, 108000000, 20000) i;
SELECT check_name, affected_rows FROM retention_check('calendar', 'customer', 'at', 'amount', as_of => '2024-01-01') WHERE check_name IN ('outlier_time', 'future_order');

-- data far from as_of
CREATE TEMP VIEW old AS SELECT 1 AS customer, timestamp '1997-01-01 12:00' + i * interval '1 day' AS at, 5 AS amount FROM generate_series(0, 545) i;
SELECT as_of AT TIME ZONE 'UTC' AS as_of, affected_rows, severity, example, substring(advice FROM 'as_of => .*') AS advice
FROM unnest(ARRAY['1998-07-01 00:00+00', '1998-07-30 11:59:59+00', '1998-07-30 12:00+00', '1999-07-01 00:00+00', '2026-07-01 00:00+00', '1990-01-01 00:00+00']::timestamptz[]) as_of,
  retention_check('old', 'customer', 'at', 'amount', as_of => as_of) WHERE check_name = 'stale_data';

-- the order's total on every line: one row for each order, 220 and not 490
CREATE TEMP TABLE totals (id int, customer int, at date, amount numeric, line numeric);
INSERT INTO totals VALUES (1, 1, '2024-01-01', 100, 20), (1, 1, '2024-01-01', 100, 30), (1, 1, '2024-01-01', 100, 50), (2, 2, '2024-01-02', 50, 50), (3, 1, '2024-01-03', 70, 40), (3, 1, '2024-01-03', 70, 30);
SELECT check_name, affected_rows, severity, example FROM retention_check('totals', 'customer', 'at', 'amount', 'id', as_of => '2024-01-20') WHERE severity IN ('warning', 'info');
SELECT pg_temp.to_paste(advice) FROM retention_check('totals', 'customer', 'at', 'amount', 'id', as_of => '2024-01-20') WHERE check_name = 'repeated_total' \gexec
SELECT sum(amount), count(*), repeat_rate(customer) FROM totals_checked;
SELECT check_name, advice LIKE '%max(amount)%' AS takes_one, advice LIKE '%sum(amount)%' AS adds_up FROM retention_check('totals', 'customer', 'at', 'amount', 'id', as_of => '2024-01-20') WHERE check_name IN ('duplicate_order_id', 'line_rows');
DROP VIEW totals_checked;
-- lines: add them up
SELECT check_name, affected_rows, severity, example FROM retention_check('totals', 'customer', 'at', 'line', 'id', as_of => '2024-01-20') WHERE severity IN ('warning', 'info');
INSERT INTO totals VALUES (NULL, 2, '2024-01-04', 7, 7), (NULL, 2, '2024-01-04', 8, 8);
SELECT example FROM retention_check('totals', 'customer', 'at', 'line', 'id', as_of => '2024-01-20') WHERE check_name = 'line_rows';
SELECT pg_temp.to_paste(advice) FROM retention_check('totals', 'customer', 'at', 'line', 'id', as_of => '2024-01-20') WHERE check_name = 'line_rows' \gexec
SELECT sum(line), count(*), round(aov(line), 2) AS aov, round(repeat_rate(customer)::numeric, 3) AS repeat_rate FROM totals_checked;
SELECT round(aov(line), 2) AS aov, round(repeat_rate(customer)::numeric, 3) AS repeat_rate FROM totals;
-- of lines with different amounts, two that are equal
INSERT INTO totals VALUES (4, 3, '2024-01-05', 0, 9), (4, 3, '2024-01-05', 0, 9);
SELECT affected_rows, severity, example FROM retention_check('totals', 'customer', 'at', 'line', 'id', as_of => '2024-01-20') WHERE check_name = 'repeated_total';

-- keys that differ by case or blanks
CREATE TEMP TABLE mails (customer text, at timestamptz DEFAULT '2024-01-01', amount numeric DEFAULT 1);
INSERT INTO mails VALUES ('Anna@x.com'), ('anna@x.com'), (' anna@x.com'), ('anna@x.com'), ('bea@x.com'), (E'\u00c4nne  M\u00fcller-L\u00fcdenscheidt'), (E'\u00e4nne m\u00fcller-l\u00fcdenscheidt\u00a0');
SELECT affected_rows, severity, example FROM retention_check('mails', 'customer', 'at', 'amount') WHERE check_name = 'customer_spelling';
SELECT pg_temp.to_paste(advice) FROM retention_check('mails', 'customer', 'at', 'amount') WHERE check_name = 'customer_spelling' \gexec
SELECT count(DISTINCT customer) FROM mails_checked;
SELECT affected_rows FROM retention_check('mails_checked', 'customer', 'at', 'amount') WHERE check_name = 'customer_spelling';

-- a file imported twice
CREATE TEMP TABLE twice AS SELECT clean.* FROM clean, generate_series(1, 2);
SELECT check_name, affected_rows, severity, example FROM retention_check('twice', 'customer', 'at', 'amount', 'id', as_of => '2024-01-20') WHERE severity <> 'ok';
SELECT pg_temp.to_paste(advice) FROM retention_check('twice', 'customer', 'at', 'amount', as_of => '2024-01-20') WHERE check_name = 'duplicate_row' \gexec
SELECT count(*) FROM twice_checked;
-- the same price twice at one time need not be
CREATE TEMP TABLE once_twice AS TABLE clean;
INSERT INTO once_twice SELECT customer, at, amount, 1000 FROM clean WHERE id = 7;
SELECT affected_rows, severity FROM retention_check('once_twice', 'customer', 'at', 'amount', as_of => '2024-01-20') WHERE check_name = 'duplicate_row';
SELECT affected_rows, severity FROM retention_check('once_twice', 'customer', 'at', 'amount', 'id', as_of => '2024-01-20') WHERE check_name = 'duplicate_row';

-- two currencies; a column that is none
UPDATE twice SET currency = CASE id % 4 WHEN 0 THEN 'usd' WHEN 1 THEN ' EUR ' ELSE currency END;
SELECT affected_rows, severity, example FROM retention_check('twice', 'customer', 'at', 'amount', as_of => '2024-01-20', currency_column => 'currency') WHERE check_name = 'mixed_currency';
DROP VIEW twice_checked;
SELECT pg_temp.to_paste(advice) FROM retention_check('twice', 'customer', 'at', 'amount', as_of => '2024-01-20', currency_column => 'currency') WHERE check_name = 'mixed_currency' \gexec
SELECT count(*), min(trim(currency)) FROM twice_checked;
SELECT affected_rows, example, advice FROM retention_check('twice', 'customer', 'at', 'amount', as_of => '2024-01-20', currency_column => 'id') WHERE check_name = 'mixed_currency';

-- an amount is extreme if it is more than 100 times the average of the others
CREATE TEMP TABLE prices (customer int, at date, amount numeric);
INSERT INTO prices SELECT i, '2024-01-01', 20 FROM generate_series(1, 10) i;
INSERT INTO prices VALUES (11, '2024-01-02', 2000);
SELECT affected_rows, severity FROM retention_check('prices', 'customer', 'at', 'amount') WHERE check_name = 'extreme_amount';
UPDATE prices SET amount = 2000.01 WHERE customer = 11;
SELECT affected_rows, severity, example FROM retention_check('prices', 'customer', 'at', 'amount') WHERE check_name = 'extreme_amount';
-- a refund is measured too; a single order is not
UPDATE prices SET amount = -2000.01 WHERE customer = 11;
SELECT affected_rows, example FROM retention_check('prices', 'customer', 'at', 'amount') WHERE check_name = 'extreme_amount';
DELETE FROM prices WHERE customer < 10;
SELECT affected_rows FROM retention_check('prices', 'customer', 'at', 'amount') WHERE check_name = 'extreme_amount';

-- midnights, where all of them are
CREATE TEMP TABLE midnights AS SELECT i AS customer, timestamp '2024-03-30 00:00' + i * interval '1 day' AS at, 5 AS amount FROM generate_series(1, 3) i;
SELECT affected_rows, severity, example FROM retention_check('midnights', 'customer', 'at', 'amount', tz => 'Europe/Paris') WHERE check_name = 'all_midnight';
CREATE TEMP VIEW paris_midnights AS SELECT customer, at AT TIME ZONE 'Europe/Paris' AS at, amount FROM midnights;
SELECT affected_rows FROM retention_check('paris_midnights', 'customer', 'at', 'amount', tz => 'Europe/Paris') WHERE check_name = 'all_midnight';
SELECT affected_rows FROM retention_check('paris_midnights', 'customer', 'at', 'amount') WHERE check_name = 'all_midnight';
INSERT INTO midnights VALUES (9, 'infinity', 5), (9, NULL, 5);
SELECT affected_rows FROM retention_check('midnights', 'customer', 'at', 'amount') WHERE check_name = 'all_midnight';
INSERT INTO midnights VALUES (9, '2024-01-01 00:00:01', 5);
SELECT affected_rows FROM retention_check('midnights', 'customer', 'at', 'amount') WHERE check_name = 'all_midnight';
-- of a date column they are no surprise
SELECT severity FROM retention_check('prices', 'customer', 'at', 'amount') WHERE check_name = 'all_midnight';

-- other types of columns
CREATE TEMP TABLE typed (customer uuid, at date, amount double precision, paid money, id text);
INSERT INTO typed VALUES ('00000000-0000-0000-0000-000000000001', '2024-01-01', 'NaN', '$12.00', 'A'), ('00000000-0000-0000-0000-000000000001', 'infinity', -3, '-$12.50', 'A');
SELECT check_name, affected_rows, example FROM retention_check('typed', 'customer', 'at', 'amount', 'id') WHERE severity <> 'ok';
SELECT check_name, affected_rows, example FROM retention_check('typed', 'customer', 'at', 'paid', 'id') WHERE severity <> 'ok';

-- the shop of the other tests
SELECT check_name, affected_rows, severity FROM retention_check('shop_orders', 'customer_id', 'ordered_at', 'amount', as_of => '2026-01-01') WHERE severity <> 'ok';

-- wrong arguments
SELECT pg_temp.outcome($$SELECT * FROM retention_check('clean', 'who', 'at', 'amount')$$);
SELECT pg_temp.outcome($$SELECT * FROM retention_check('clean', 'customer', 'amount', 'amount')$$);
SELECT pg_temp.outcome($$SELECT * FROM retention_check('clean', 'customer', 'at', 'at')$$);
SELECT pg_temp.outcome($$SELECT * FROM retention_check('clean', 'at', 'at', 'amount')$$);
SELECT pg_temp.outcome($$SELECT * FROM retention_check('clean', 'customer', 'at', 'amount', 'nope')$$);
SELECT pg_temp.outcome($$SELECT * FROM retention_check('clean', 'customer', 'at', 'amount', currency_column => 'nope')$$);
SELECT pg_temp.outcome($$SELECT * FROM retention_check(NULL, 'customer', 'at', 'amount')$$);
SELECT pg_temp.outcome($$SELECT * FROM retention_check('clean', NULL, 'at', 'amount')$$);
SELECT pg_temp.outcome($$SELECT * FROM retention_check('clean', 'customer', 'at', 'amount', as_of => NULL)$$);
SELECT pg_temp.outcome($$SELECT * FROM retention_check('clean', 'customer', 'at', 'amount', as_of => 'infinity')$$);
SELECT pg_temp.outcome($$SELECT * FROM retention_check('clean', 'customer', 'at', 'amount', tz => NULL)$$);
SELECT pg_temp.outcome($$SELECT * FROM retention_check('clean', 'customer', 'at', 'amount', tz => 'Mars/Olympus')$$);
-- names are only names
CREATE SCHEMA "%s$1""';";
CREATE TABLE "%s$1""';"."%s; drop" ("c%d$2" int, "t'%" timestamp, "a""%s" real, "$1" text);
INSERT INTO "%s$1""';"."%s; drop" VALUES (1, '2024-01-01', 2, '%s'), (1, '2024-01-01', 3, '%s');
SELECT check_name, affected_rows, example FROM retention_check('"%s$1""'';"."%s; drop"', 'c%d$2', 't''%', 'a"%s', '$1') WHERE severity <> 'ok';
DROP SCHEMA "%s$1""';" CASCADE;

-- not what the caller may not read: a view with a barrier, row security, a partition, columns
CREATE TABLE check_orders (customer text, at timestamptz, amount numeric, id int, secret text) PARTITION BY RANGE (id);
CREATE TABLE check_orders_1 PARTITION OF check_orders FOR VALUES FROM (0) TO (100);
CREATE TABLE check_orders_2 PARTITION OF check_orders FOR VALUES FROM (100) TO (1000);
INSERT INTO check_orders SELECT 'c' || i % 9, timestamptz '2024-01-01 09:00+00' + i * interval '1 hour', 5, i, 'x' FROM generate_series(1, 200) i;
INSERT INTO check_orders VALUES ('guest', '1970-01-01 10:00+00', 'NaN', 900, 'x'), (NULL, '2024-01-01 10:00+00', 99999, 900, 'x');
CREATE VIEW check_barrier WITH (security_barrier) AS SELECT * FROM check_orders WHERE id < 900;
ALTER TABLE check_orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON check_orders USING (id < 900);
CREATE ROLE regress_check_reader;
GRANT SELECT (customer, at, amount, id) ON check_orders TO regress_check_reader;
GRANT SELECT ON check_barrier TO regress_check_reader;
CREATE FUNCTION pg_temp.found(relation regclass) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(check_name || ' ' || affected_rows, ', ') FROM retention_check(relation, 'customer', 'at', 'amount', 'id', as_of => '2024-02-01 00:00+00') WHERE affected_rows > 0 $$;
SELECT pg_temp.found('check_orders');
SET ROLE regress_check_reader;
SELECT pg_temp.found('check_orders') AS policy, pg_temp.found('check_barrier') AS barrier;
SELECT pg_temp.outcome($$SELECT * FROM retention_check('check_orders', 'customer', 'at', 'amount', 'secret')$$);
SELECT pg_temp.outcome($$SELECT * FROM retention_check('check_orders', 'customer', 'at', 'amount', currency_column => 'secret')$$);
SELECT pg_temp.outcome($$SELECT * FROM retention_check('check_orders_1', 'customer', 'at', 'amount')$$);
SELECT pg_temp.outcome($$SELECT * FROM rfm_segments(NULL::text, 'check_orders_1', 'customer', 'at', 'amount')$$);
RESET ROLE;
DROP VIEW check_barrier;
DROP TABLE check_orders;
DROP ROLE regress_check_reader;

-- an error in the caller's own view: told in a line, without our query
\set VERBOSITY default
CREATE TEMP VIEW broken AS SELECT 1 AS customer, now() AS at, 1 / (random() * 0)::int AS amount;
SELECT * FROM retention_check('broken', 'customer', 'at', 'amount');
\set VERBOSITY terse
