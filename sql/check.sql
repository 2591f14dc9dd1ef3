-- retention_check: every check against the rows counted in plain SQL.

\set VERBOSITY terse
SET datestyle = 'ISO, MDY';
SET timezone = 'Asia/Tokyo';

CREATE FUNCTION pg_temp.outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN EXECUTE query; RETURN 'done';
EXCEPTION WHEN OTHERS THEN RETURN sqlstate || ' ' || sqlerrm; END $$;

-- an empty table has no problem
CREATE TEMP TABLE nothing (customer bigint, at timestamptz, amount numeric, id int);
SELECT check_name, affected_rows, severity, example FROM retention_check('nothing', 'customer', 'at', 'amount', 'id');
-- nor has a clean one; a check that cannot be made says so
CREATE TEMP TABLE clean AS
SELECT i % 20 AS customer, timestamp '2024-01-01 09:00' + i * interval '1 hour' AS at, 10 + i % 7 AS amount, i AS id FROM generate_series(1, 200) i;
SELECT count(*) AS checks, count(*) FILTER (WHERE severity = 'ok' AND affected_rows = 0 AND example IS NULL AND advice = 'Nothing to do.') AS clean FROM retention_check('clean', 'customer', 'at', 'amount', 'id');
SELECT * FROM retention_check('clean', 'customer', 'at', 'amount') WHERE severity <> 'ok';

-- one of everything
CREATE TEMP TABLE mess (id int, customer text, at timestamptz, amount numeric);
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
SELECT * FROM retention_check('mess', 'customer', 'at', 'amount', 'id', as_of => '2026-01-01 00:00+00');
-- the example's times are of tz, not of the session
SELECT example FROM retention_check('mess', 'customer', 'at', 'amount', 'id', as_of => '2026-01-01 00:00+00', tz => 'America/New_York') WHERE check_name IN ('null_amount', 'same_instant_rows');

-- the same counted in plain SQL
CREATE FUNCTION pg_temp.counted(as_of timestamptz) RETURNS TABLE (check_name text, affected_rows bigint) LANGUAGE sql AS $$
  WITH finite AS (SELECT *, amount BETWEEN -1e30 AND 1e30 AS counts FROM mess),
       usual AS (SELECT sum(amount) AS s, count(*) AS n FROM finite WHERE counts AND amount > 0)
  SELECT 'null_customer', count(*) FROM mess WHERE customer IS NULL
  UNION ALL SELECT 'null_time', count(*) FROM mess WHERE at IS NULL
  UNION ALL SELECT 'null_amount', count(*) FROM mess WHERE amount IS NULL
  UNION ALL SELECT 'infinite_time', count(*) FROM mess WHERE at IN ('infinity', '-infinity')
  UNION ALL SELECT 'future_order', count(*) FROM mess WHERE at > as_of AND at < 'infinity'
  UNION ALL SELECT 'duplicate_order_id', count(*) FROM mess WHERE id IN (SELECT id FROM mess GROUP BY id HAVING count(*) > 1)
  UNION ALL SELECT 'refund_exceeds_purchases', count(*) FROM (SELECT FROM finite WHERE counts AND at <= as_of AND at > '-infinity' AND customer IS NOT NULL GROUP BY customer HAVING sum(amount) < 0) c
  UNION ALL SELECT 'all_midnight', 0
  UNION ALL SELECT 'same_instant_rows', coalesce(sum(n), 0) FROM (SELECT count(*) n FROM mess WHERE at < 'infinity' AND at > '-infinity' AND customer IS NOT NULL GROUP BY customer, at HAVING count(*) > 1) c
  UNION ALL SELECT 'zero_amount', count(*) FROM mess WHERE amount = 0
  UNION ALL SELECT 'extreme_amount', count(*) FROM finite, usual WHERE counts AND CASE WHEN amount > 0 THEN amount > 100 * (s - amount) / (n - 1) ELSE -amount > 100 * s / n END
  UNION ALL SELECT 'not_finite_amount', count(*) FROM mess WHERE amount IN ('NaN', 'Infinity', '-Infinity')
$$;
SELECT check_name, c.affected_rows, o.affected_rows AS counted
FROM retention_check('mess', 'customer', 'at', 'amount', 'id', as_of => '2026-01-01 00:00+00') c FULL JOIN pg_temp.counted('2026-01-01 00:00+00') o USING (check_name)
WHERE c.affected_rows IS DISTINCT FROM o.affected_rows;
SELECT check_name, c.affected_rows, o.affected_rows AS counted
FROM retention_check('mess', 'customer', 'at', 'amount', 'id', as_of => '2024-02-06 00:00+00') c FULL JOIN pg_temp.counted('2024-02-06 00:00+00') o USING (check_name)
WHERE c.affected_rows IS DISTINCT FROM o.affected_rows;

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
