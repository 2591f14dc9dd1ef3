-- live tracking: marks, refresh, the live view, cut points, one customer, status, verify
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET extra_float_digits = 1;
SET jit = off;
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE SCHEMA live;
SET search_path = live, public;

CREATE TABLE orders (id serial PRIMARY KEY, customer_id int, ordered_at timestamptz, amount numeric(10,2), status text);
INSERT INTO orders (customer_id, ordered_at, amount)
SELECT nullif((i * 37 + i * i / 50) % 97, 5), timestamptz '2023-01-01' + (i * 7919 % 15000) * interval '37 minutes', round((i * 31 % 500) / 3.0, 2) - 8
FROM generate_series(1, 1500) i;
INSERT INTO orders (customer_id, ordered_at, amount) VALUES (200, '2023-03-01', NULL), (201, '2023-03-02', -5), (202, '2023-03-03', 0), (203, NULL, 10);

-- what is computed from the orders, whatever the live view says of it
CREATE VIEW recomputed AS
SELECT customer_id AS customer, min(ordered_at) FILTER (WHERE amount > 0 IS NOT FALSE) AS first_order_at, max(ordered_at) FILTER (WHERE amount > 0 IS NOT FALSE) AS last_order_at,
       count(*) FILTER (WHERE amount > 0 IS NOT FALSE) AS orders, sum(amount) AS monetary, order_history(customer_id, ordered_at, amount)::text AS history
FROM orders WHERE customer_id IS NOT NULL AND ordered_at IS NOT NULL GROUP BY 1;
-- refused, with the command that helps
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount');
CREATE INDEX partial ON orders (customer_id) WHERE amount > 0;
CREATE INDEX other ON orders (ordered_at, customer_id);
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount');
DROP INDEX partial, other;
CREATE INDEX ON orders (customer_id);
CREATE TEMP TABLE temporary (LIKE orders);
SELECT retention_track('temporary', 'customer_id', 'ordered_at', 'amount');
CREATE UNLOGGED TABLE unlogged (LIKE orders INCLUDING INDEXES);
SELECT retention_track('unlogged', 'customer_id', 'ordered_at', 'amount');
CREATE VIEW a_view AS TABLE orders;
SELECT retention_track('a_view', 'customer_id', 'ordered_at', 'amount');
CREATE MATERIALIZED VIEW a_copy AS TABLE orders WITH NO DATA;
SELECT retention_track('a_copy', 'customer_id', 'ordered_at', 'amount');
CREATE TABLE parted (LIKE orders) PARTITION BY RANGE (id);
SELECT retention_track('parted', 'customer_id', 'ordered_at', 'amount');
SELECT retention_track('parted', 'customer_id', 'ordered_at', 'amount', triggers => 'statement');
CREATE TABLE child () INHERITS (orders);
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount');
DROP TABLE child;
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount', tz => 'Europe/Nowhere');
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount', bins => 1);
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount', unit => '90');
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount', grid => 'x');
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount', family => 'x');
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount', triggers => 'x');
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount', replicated => NULL);
SELECT retention_track('orders', 'nobody', 'ordered_at', 'amount');
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount', live => repeat('x', 54)::name);
SELECT retention_track(NULL, 'customer_id', 'ordered_at', 'amount');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount');
ROLLBACK;
SELECT retention_refresh('orders');
SELECT retention_refresh('a_view');
SELECT retention_refresh(NULL);
SELECT * FROM retention_customer('a_view', 1);

-- ---------------------------------------------------------------------------
-- made and filled
-- ---------------------------------------------------------------------------
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount');
CREATE FUNCTION wrong() RETURNS TABLE (customer int, which text) LANGUAGE sql AS $$
    (SELECT customer, 'live' FROM (SELECT customer, first_order_at, last_order_at, orders, monetary, history::text FROM live.orders_live EXCEPT ALL TABLE live.recomputed) l
     UNION ALL
     SELECT customer, 'orders' FROM (TABLE live.recomputed EXCEPT ALL SELECT customer, first_order_at, last_order_at, orders, monetary, history::text FROM live.orders_live) r) $$;
SELECT relname, relkind FROM pg_class WHERE relnamespace = 'live'::regnamespace AND relname LIKE 'orders\_live%' ORDER BY 1;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'orders'::regclass ORDER BY 1;
SELECT count(*) > 90 AS customers, count(*) = count(*) FILTER (WHERE computed = 'stored') AS all_stored, count(segment) > 90 AS with_segment, count(segment_changed_at) = count(segment) AS dated FROM orders_live;
SELECT * FROM wrong();
SELECT * FROM retention_verify('orders_live', 1);
-- segments are those of rfm_segments at the time of the cut points
SELECT retention_fit('orders_live', '2024-03-01');
SELECT (cuts).bins, cardinality((cuts).recency) AS recency, cardinality((cuts).frequency) AS frequency, cardinality((cuts).monetary) AS monetary, cuts_at FROM orders_live_settings;
SELECT count(*) FROM (SELECT customer, segment FROM rfm_segments(NULL::int, 'orders', 'customer_id', 'ordered_at', 'amount', '2024-03-01') EXCEPT ALL SELECT customer, segment FROM orders_live) x;
SELECT * FROM wrong();
-- KPIs
SELECT churn_rate(history, '60 days', '2023-06-01', '2023-09-01') = (SELECT churn_rate(customer_id, ordered_at, '60 days', '2023-06-01', '2023-09-01') FILTER (WHERE amount > 0 IS NOT FALSE) FROM orders) AS churn,
       repeat_rate(history) = (SELECT repeat_rate(customer_id) FILTER (WHERE amount > 0 IS NOT FALSE AND ordered_at IS NOT NULL) FROM orders) AS repeat_rate,
       clv(history, '90 days', '1 year', '2023-12-01') = (SELECT clv(customer_id, ordered_at, amount, '90 days', '1 year', '2023-12-01') FROM orders) AS clv
FROM orders_live;

-- ---------------------------------------------------------------------------
-- in the same transaction
-- ---------------------------------------------------------------------------
BEGIN;
SELECT segment, orders FROM orders_live WHERE customer = 202;
INSERT INTO orders (customer_id, ordered_at, amount) VALUES (202, now(), 900);
SELECT segment, previous_segment, orders, monetary, computed FROM orders_live WHERE customer = 202;
TABLE orders_live_changes;
SELECT * FROM wrong();
SAVEPOINT s;
DELETE FROM orders WHERE customer_id = 202;
SELECT count(*) FROM orders_live WHERE customer = 202;
SELECT * FROM wrong();
ROLLBACK TO s;
SELECT segment, orders, monetary, computed FROM orders_live WHERE customer = 202;
COMMIT;
SELECT customers, inserted, updated, deleted, mode, milliseconds > 0 AS took FROM retention_refresh('orders_live');
SELECT segment, previous_segment, segment_changed_at > now() - interval '1 minute' AS just_now, orders, computed FROM orders_live WHERE customer = 202;
SELECT customers, inserted, updated, deleted, mode FROM retention_refresh('orders_live');
SELECT * FROM retention_verify('orders_live', 1);

-- who is marked: nobody by what histories are not made of, each by the rest, guests never
UPDATE orders SET status = 'paid', amount = amount, customer_id = customer_id;
TABLE orders_live_changes;
UPDATE orders SET amount = amount + 1 WHERE customer_id = 7;
UPDATE orders SET customer_id = 8 WHERE customer_id = 9;
INSERT INTO orders (customer_id, ordered_at, amount) VALUES (NULL, now(), 5);
UPDATE orders SET customer_id = NULL WHERE customer_id = 11;
UPDATE orders SET ordered_at = NULL WHERE customer_id = 16;
SELECT customer, count(*) FROM orders_live_changes GROUP BY 1 ORDER BY 1;
SELECT * FROM wrong();
SELECT customers, inserted, updated, deleted FROM retention_refresh('orders_live');
SELECT * FROM wrong();
SELECT * FROM retention_verify('orders_live', 1);
-- a key twice costs nothing, and a mark is never skipped because there is one
INSERT INTO orders (customer_id, ordered_at, amount) SELECT 7, '2024-01-01', 1 FROM generate_series(1, 5);
INSERT INTO orders (customer_id, ordered_at, amount) VALUES (7, '2024-01-01', 1);
TABLE orders_live_changes;
-- other ways to write
INSERT INTO orders (id, customer_id, ordered_at, amount) VALUES (1, 7, '2024-01-01', 1), (90001, 13, '2024-01-01', 1) ON CONFLICT (id) DO UPDATE SET customer_id = 14, amount = excluded.amount;
MERGE INTO orders o USING (VALUES (2, 500.0), (3, NULL), (90002, 7.5)) v(id, amount) ON o.id = v.id
WHEN MATCHED AND v.amount IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET amount = v.amount WHEN NOT MATCHED THEN INSERT (id, customer_id, ordered_at, amount) VALUES (v.id, 300, '2023-12-01', v.amount);
WITH a AS (INSERT INTO orders (customer_id, ordered_at, amount) VALUES (301, '2023-12-01', 1) RETURNING 1), b AS (DELETE FROM orders WHERE customer_id = 17 RETURNING 1)
UPDATE orders SET amount = 3 WHERE customer_id = 18 AND EXISTS (TABLE a) AND EXISTS (TABLE b);
COPY orders (customer_id, ordered_at, amount) FROM stdin;
302	2023-12-01	4.5
302	2023-12-02	5.5
\.
SELECT count(DISTINCT customer) FROM orders_live_changes;
SELECT * FROM wrong();
SELECT customers, inserted, updated, deleted, mode FROM retention_refresh('orders_live', max_customers => 3);
SELECT * FROM wrong();
SELECT mode FROM retention_refresh('orders_live', max_customers => 1000);
SELECT count(*) FROM orders_live_changes;
SELECT * FROM wrong();
SELECT * FROM retention_verify('orders_live', 1);
SELECT retention_refresh('orders_live', max_customers => 0);
-- foreign keys that cascade
CREATE TABLE customers (id int PRIMARY KEY);
INSERT INTO customers SELECT DISTINCT customer_id FROM orders WHERE customer_id IS NOT NULL;
ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers ON DELETE CASCADE ON UPDATE CASCADE;
DELETE FROM customers WHERE id IN (20, 21);
UPDATE customers SET id = 400 WHERE id = 22;
SELECT * FROM wrong();
SELECT mode FROM retention_refresh('orders_live');
SELECT * FROM wrong();
ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey;
-- truncated, and filled again
BEGIN;
TRUNCATE orders;
SELECT count(*) FROM orders_live;
INSERT INTO orders (customer_id, ordered_at, amount) SELECT i % 50, timestamptz '2023-01-01' + i * interval '9 hours', i % 40 FROM generate_series(1, 1000) i;
SELECT * FROM wrong();
COMMIT;
SELECT mode, customers, deleted > 0 AS some_deleted FROM retention_refresh('orders_live');
SELECT * FROM wrong();
SELECT * FROM retention_verify('orders_live', 1);

-- orders dated ahead become real without a write
BEGIN;
INSERT INTO orders (customer_id, ordered_at, amount) VALUES (1, clock_timestamp() + interval '0.4 s', 1000), (500, clock_timestamp() + interval '0.4 s', 10);
SELECT orders, monetary < 1000 AS before FROM orders_live WHERE customer = 1;
SELECT orders, segment FROM orders_live WHERE customer = 500;
COMMIT;
SELECT mode FROM retention_refresh('orders_live', max_customers => 10);
SELECT customer, orders, monetary < 1000 AS before, computed FROM orders_live WHERE customer IN (1, 500) ORDER BY 1;
SELECT count(*) FROM retention_customer('orders_live', 500);
SELECT pg_sleep(0.5);
SELECT customer, orders, monetary < 1000 AS before, computed FROM orders_live WHERE customer IN (1, 500) ORDER BY 1;
SELECT orders FROM retention_customer('orders_live', 500);
SELECT * FROM wrong();

-- ---------------------------------------------------------------------------
-- one customer
-- ---------------------------------------------------------------------------
SELECT retention_fit('orders_live', '2024-03-01');
SELECT (retention_refresh('orders_live')).mode;
-- as of the time of the fit: what rfm_segments and predict_customers say
CREATE TEMP TABLE told AS SELECT l.customer AS of, t.* FROM orders_live l, retention_customer('orders_live', l.customer, '2024-03-01') t;
SELECT count(*) > 40 AS some FROM told;
SELECT count(*) FROM (SELECT customer::bigint, first_order_at, last_order_at, recency_days, orders, monetary, aov, r, f, m, cell, segment FROM rfm_segments(NULL::int, 'orders', 'customer_id', 'ordered_at', 'amount', '2024-03-01')
    EXCEPT ALL SELECT customer, first_order_at, last_order_at, recency_days, orders, monetary, aov, r, f, m, cell, segment FROM told) x;
SELECT count(*) AS differ FROM predict_customers(NULL::int, 'orders', 'customer_id', 'ordered_at', 'amount', as_of => '2024-03-01') p FULL JOIN told t ON t.customer = p.customer
WHERE (p.x, p.t_x, p.age, p.churn_risk, p.orders_low, p.orders_high) IS DISTINCT FROM (t.x, t.t_x, t.age, t.churn_risk, t.orders_low, t.orders_high) OR abs(p.p_order - t.p_order) > 1e-12 OR abs(p.p_alive - t.p_alive) > 1e-12 OR abs(p.expected_orders - t.expected_orders) > 1e-9 OR p.predicted_clv IS DISTINCT FROM t.predicted_clv;
-- the probability of an order is that of not none: by the likelihoods of the history now and in a year
SELECT count(*) AS differ FROM told t, LATERAL (SELECT ROW('hbgnbd', buying_params, NULL, NULL, NULL, NULL, NULL, NULL)::btyd_model AS model FROM orders_live_settings) s
WHERE abs(1 - exp(log_likelihood(model, x, t_x, age + 365 / 7.0) - log_likelihood(model, x, t_x, age)) - p_order) > 1e-9 OR p_order IS NULL OR p_order > expected_orders OR p_order < 0;
SELECT computed, orders FROM retention_customer('orders_live', 3);
BEGIN;
INSERT INTO orders (customer_id, ordered_at, amount) VALUES (3, now(), 77);
SELECT computed, orders, recency_days < 0.01 AS today FROM retention_customer('orders_live', 3);
ROLLBACK;
SELECT computed, orders FROM retention_customer('orders_live', 3);
SELECT count(*) FROM retention_customer('orders_live', 999999);
SELECT count(*) FROM retention_customer('orders_live', 9999999999);
SELECT count(*) FROM retention_customer('orders_live', NULL::bigint);
SELECT count(*) FROM retention_customer('orders_live', 3, '2020-01-01');
SELECT * FROM retention_customer('orders_live', 'x'::text);
-- the owner may do anything to these tables: it is an error then, and never another customer's number
BEGIN;
SELECT count(*) FROM (SELECT retention_refresh('orders_live')) AS r;
SAVEPOINT whole;
UPDATE orders_live_settings SET buying_params = '{1,2}', fitted_at = now();
SELECT p_alive FROM retention_customer('orders_live', 3);
ROLLBACK TO whole;
UPDATE orders_live_settings SET family = 'bgnbd', buying_params = '{-1,1,1,1}', fitted_at = now();
SELECT p_alive FROM retention_customer('orders_live', 3);
ROLLBACK TO whole;
ALTER TABLE orders_live_settings ALTER unit DROP NOT NULL;
UPDATE orders_live_settings SET unit = NULL;
SELECT p_alive FROM retention_customer('orders_live', 3);
ROLLBACK TO whole;
ALTER TABLE orders_live_settings ALTER unit DROP NOT NULL;
UPDATE orders_live_settings SET unit = NULL;
SELECT problem FROM retention_live_status('orders_live');
SELECT retention_fit('orders_live');
ROLLBACK TO whole;
ALTER TABLE orders_live_settings ALTER triggers DROP NOT NULL;
UPDATE orders_live_settings SET triggers = NULL;
SELECT triggers_ok, problem FROM retention_live_status('orders_live');
ROLLBACK TO whole;
INSERT INTO orders_live_settings TABLE orders_live_settings;
SELECT problem, customers > 0 AS some FROM retention_live_status('orders_live');
ROLLBACK TO whole;
-- two rows are no settings, whoever asks
INSERT INTO orders_live_settings TABLE orders_live_settings;
SAVEPOINT doubled;
SELECT mode FROM retention_refresh('orders_live');
ROLLBACK TO doubled;
SELECT retention_mark('orders_live', 3);
SELECT mode FROM retention_refresh('orders_live');
ROLLBACK TO doubled;
SELECT count(*) FROM retention_customer('orders_live', 3);
ROLLBACK TO doubled;
SELECT * FROM retention_verify('orders_live', 1);
ROLLBACK TO doubled;
SELECT retention_fit('orders_live');
ROLLBACK TO whole;
UPDATE orders_live_settings SET decimals = 2000000000;
SELECT predicted_clv FROM retention_customer('orders_live', 3);
ROLLBACK TO whole;
UPDATE orders_live_settings SET decimals = -3;
SELECT predicted_clv FROM retention_customer('orders_live', 3);
ROLLBACK TO whole;
UPDATE orders_live_settings SET decimals = 16;
SELECT scale(predicted_clv) FROM retention_customer('orders_live', 3);
ROLLBACK TO whole;
UPDATE orders_live_settings SET family = 'bg/nbd';
SELECT p_alive FROM retention_customer('orders_live', 3);
ROLLBACK TO whole;
UPDATE orders_live_settings SET family = 'bg/nbd';
SELECT retention_fit('orders_live');
ROLLBACK TO whole;
UPDATE orders_live_settings SET bins = 0;
SELECT retention_fit('orders_live');
ROLLBACK TO whole;
UPDATE orders_live_settings SET unit = '-7 days';
SELECT t_x FROM retention_customer('orders_live', 3);
ROLLBACK TO whole;
UPDATE orders_live_settings SET tz = 'Nowhere/At_all';
SELECT age FROM retention_customer('orders_live', 3);
ROLLBACK TO whole;
ALTER TABLE orders_live_settings ALTER unit TYPE text;
SELECT p_alive FROM retention_customer('orders_live', 3);
ROLLBACK TO whole;
ALTER TABLE orders_live_settings RENAME family TO kin;
SELECT p_alive FROM retention_customer('orders_live', 3);
ROLLBACK TO whole;
ALTER TABLE orders_live_customers ALTER history DROP NOT NULL;
UPDATE orders_live_customers SET history = NULL;
SELECT count(*) FROM retention_customer('orders_live', 3);
ROLLBACK TO whole;
DELETE FROM orders_live_settings;
SELECT count(*) FROM retention_customer('orders_live', 3);
ROLLBACK TO whole;
DELETE FROM orders_live_settings;
SELECT problem FROM retention_live_status('orders_live');
ROLLBACK TO whole;
DELETE FROM orders_live_settings;
SELECT retention_mark('orders_live', 3);
SELECT mode FROM retention_refresh('orders_live');
ROLLBACK TO whole;
SELECT orders, computed FROM retention_customer('orders_live', 3);
ROLLBACK;
SELECT * FROM retention_customer('orders_live', md5('x')::uuid);
SELECT * FROM retention_customer('orders_live', 3, NULL);
SELECT * FROM retention_customer('orders_live', 3, 'infinity');
SELECT * FROM retention_customer(NULL, 3);
PREPARE page AS SELECT segment IS NOT NULL AS named FROM retention_customer('orders_live', $1);
EXECUTE page(3);
EXECUTE page('4');

-- by hand
SELECT retention_mark('orders_live', 3), retention_mark('orders_live', 9999999999), retention_mark('orders_live', NULL::bigint);
TABLE orders_live_changes;
SELECT retention_mark('orders_live', 'x'::text);
SELECT retention_mark('orders_live');
SELECT count(*) FROM orders_live_changes;
SELECT live_view, orders_table, marked_customers = customers AS all_marked, triggers_ok, index_ok, problem FROM retention_live_status();
SELECT mode FROM retention_refresh('orders_live');
SELECT live_view, orders_table, marked_customers, oldest_mark_at, refreshed_at IS NOT NULL AS refreshed, customers, triggers_ok, partitions_ok, index_ok, cuts_at, fitted_at, problem FROM retention_live_status('orders_live');

-- what a status finds, and what repairs it
ALTER TABLE orders DISABLE TRIGGER orders_live_insert;
SELECT triggers_ok, problem FROM retention_live_status('orders_live');
INSERT INTO orders (customer_id, ordered_at, amount) VALUES (3, '2024-01-05', 77);
SELECT customer, column_name, stored IS NOT NULL AS stored, actual IS NOT NULL AS actual FROM retention_verify('orders_live', 1) ORDER BY 2;
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount');
SELECT triggers_ok, problem FROM retention_live_status('orders_live');
SELECT mode FROM retention_refresh('orders_live');
SELECT * FROM retention_verify('orders_live', 1);
DROP TRIGGER orders_live_truncate ON orders;
SELECT triggers_ok, problem FROM retention_live_status('orders_live');
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount');
SELECT * FROM retention_verify('orders_live', 2);
SELECT * FROM retention_verify('orders_live', NULL);
SET session_replication_role = replica;
DELETE FROM orders WHERE customer_id = 4;
RESET session_replication_role;
SELECT mode FROM retention_refresh('orders_live');
INSERT INTO orders (customer_id, ordered_at, amount) VALUES (4, '2024-01-05', 77);
SELECT mode FROM retention_refresh('orders_live', max_customers => 10);
SELECT * FROM wrong();
-- a table of marks that has more than marks
CREATE UNIQUE INDEX harmful ON orders_live_changes (customer);
INSERT INTO orders (customer_id, ordered_at, amount) VALUES (4, '2024-01-05', 77);
DROP INDEX harmful;
CREATE RULE harmful AS ON INSERT TO orders_live_changes DO INSTEAD NOTHING;
INSERT INTO orders (customer_id, ordered_at, amount) VALUES (4, '2024-01-05', 77);
DROP RULE harmful ON orders_live_changes;

-- ---------------------------------------------------------------------------
-- other names
-- ---------------------------------------------------------------------------
ALTER TABLE orders RENAME TO "Sales ""2026""";
ALTER TABLE "Sales ""2026""" RENAME customer_id TO "Who";
ALTER TABLE "Sales ""2026""" RENAME amount TO total;
INSERT INTO "Sales ""2026""" ("Who", ordered_at, total) VALUES (6, '2024-01-06', 66);
TABLE orders_live_changes;
SELECT mode FROM retention_refresh('orders_live', max_customers => 10);
SELECT * FROM retention_verify('orders_live', 1);
\set VERBOSITY terse
ALTER TABLE "Sales ""2026""" ALTER total TYPE numeric(12,2);
ALTER TABLE "Sales ""2026""" DROP COLUMN total;
DROP TABLE "Sales ""2026""";
\set VERBOSITY default
ALTER TABLE "Sales ""2026""" RENAME TO orders;
ALTER TABLE orders RENAME "Who" TO customer_id;
ALTER TABLE orders RENAME total TO amount;
ALTER SCHEMA live RENAME TO "Live ""1""";
SET search_path = "Live ""1""", public;
INSERT INTO orders (customer_id, ordered_at, amount) VALUES (6, '2024-01-07', 67);
SELECT mode FROM retention_refresh('orders_live', max_customers => 10);
SELECT * FROM retention_verify('orders_live', 1);
ALTER SCHEMA "Live ""1""" RENAME TO live;
CREATE SCHEMA elsewhere;
ALTER TABLE live.orders SET SCHEMA elsewhere;
SET search_path = live, elsewhere, public;
INSERT INTO orders (customer_id, ordered_at, amount) VALUES (6, '2024-01-08', 68);
SELECT mode FROM retention_refresh('orders_live', max_customers => 10);
SELECT * FROM retention_verify('orders_live', 1);
ALTER TABLE elsewhere.orders SET SCHEMA live;

-- two trackings of one table, one of lines that make up orders
ALTER TABLE orders ADD order_no int;
UPDATE orders SET order_no = id / 3 WHERE id % 10 > 0;
DELETE FROM orders WHERE ordered_at >= '2024-03-01';
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount', live => 'Carts "x"', order_id_column => 'order_no', bins => 3, grid => 'rf');
CREATE VIEW netted AS SELECT customer, count(*) FILTER (WHERE amount > 0 IS NOT FALSE) AS orders, sum(amount) AS monetary, order_history(customer, ordered_at, amount)::text AS history
FROM (SELECT customer_id AS customer, min(ordered_at) AS ordered_at, sum(amount) AS amount FROM orders WHERE order_no IS NOT NULL AND ordered_at IS NOT NULL GROUP BY customer_id, order_no
      UNION ALL SELECT customer_id, ordered_at, amount FROM orders WHERE order_no IS NULL AND ordered_at IS NOT NULL) l WHERE customer IS NOT NULL GROUP BY 1;
SELECT customer FROM (SELECT customer, orders, monetary, history::text FROM "Carts ""x""" EXCEPT ALL TABLE netted) x;
SELECT retention_fit('"Carts ""x"""', '2024-03-01');
SELECT count(*) FROM (SELECT customer, segment FROM rfm_segments(NULL::int, 'orders', 'customer_id', 'ordered_at', 'amount', '2024-03-01', 3, 'rf', order_id_column => 'order_no') EXCEPT ALL SELECT customer, segment FROM "Carts ""x""") x;
BEGIN;
SAVEPOINT whole;
INSERT INTO orders (customer_id, ordered_at, amount, order_no) VALUES (7, '2024-02-01', 50, 90001), (7, '2024-02-01', 'NaN', 90001);
SELECT count(*) FROM "Carts ""x""";
ROLLBACK TO whole;
INSERT INTO orders (customer_id, ordered_at, amount, order_no) VALUES (7, '2024-02-01', 50, 90001), (7, '-infinity', 5, 90001);
SELECT problem FROM retention_live_status('"Carts ""x"""');
SELECT mode FROM retention_refresh('"Carts ""x"""', max_customers => 10);
ROLLBACK TO whole;
INSERT INTO orders (customer_id, ordered_at, amount, order_no) VALUES (7, '2024-02-01', 50, 90001), (7, '2024-02-02', -50, 90001), (7, '2024-02-03', 5, NULL), (7, clock_timestamp() + interval '1 hour', 7, 90002), (8, '2024-02-01', 50, 90003), (8, clock_timestamp() + interval '1 hour', -50, 90003);
SELECT (SELECT count(*) FROM orders_live_changes) AS marks, (SELECT count(*) FROM "Carts ""x""_changes") AS other_marks;
-- the line that comes in an hour is not there
CREATE TEMP TABLE now_told AS SELECT customer, orders, monetary FROM rfm_segments(NULL::int, 'orders', 'customer_id', 'ordered_at', 'amount', order_id_column => 'order_no');
SELECT customer FROM (TABLE now_told EXCEPT ALL SELECT customer, orders, monetary FROM "Carts ""x""") x;
SELECT mode FROM retention_refresh('"Carts ""x"""', max_customers => 10);
SELECT customer FROM (TABLE now_told EXCEPT ALL SELECT customer, orders, monetary FROM "Carts ""x""") x;
SELECT orders = (SELECT orders FROM now_told WHERE customer = 8) AS right, computed FROM retention_customer('"Carts ""x"""', 8);
SELECT * FROM retention_verify('"Carts ""x"""', 1);
ROLLBACK;
SELECT retention_untrack('"Carts ""x"""');
SELECT * FROM wrong();
UPDATE orders SET amount = 1 WHERE customer_id = 3;
SELECT * FROM wrong();

-- other types of customers and of times
CREATE DOMAIN email AS varchar(40);
CREATE TABLE texts (who email COLLATE "C", day date, cents int, id uuid DEFAULT gen_random_uuid());
CREATE INDEX ON texts (who);
INSERT INTO texts (who, day, cents) SELECT 'customer ' || i % 30 || CASE WHEN i % 2 = 0 THEN ' of a long name' ELSE '' END, date '2023-01-01' + i % 300, i % 90 FROM generate_series(1, 600) i;
SELECT retention_track('texts', 'who', 'day', 'cents', tz => 'Europe/Paris');
INSERT INTO texts VALUES ('new', '2023-02-02', 7), ('customer 1', '2023-03-03', 8);
SELECT customer, orders, monetary, first_order_at, computed FROM texts_live WHERE customer IN ('new', 'customer 1', 'customer 2 of a long name') ORDER BY customer COLLATE "C";
SELECT mode FROM retention_refresh('texts_live', max_customers => 10);
SELECT * FROM retention_verify('texts_live', 1);
SELECT customer, orders, computed FROM retention_customer('texts_live', 'new'::text);
SELECT count(*) FROM (SELECT customer::text, orders, monetary, first_order_at, last_order_at FROM rfm_segments(NULL::text, 'texts', 'who', 'day', 'cents', tz => 'Europe/Paris') EXCEPT ALL SELECT customer::text, orders, monetary, first_order_at, last_order_at FROM texts_live) x;
CREATE TABLE uuids (who uuid, at timestamp, amount float8);
CREATE INDEX ON uuids USING hash (who);
INSERT INTO uuids SELECT md5((i % 20)::text)::uuid, timestamp '2023-01-01' + i * interval '1 hour', i % 7 FROM generate_series(1, 200) i;
SELECT retention_track('uuids', 'who', 'at', 'amount');
DELETE FROM uuids WHERE who = md5('1')::uuid;
SELECT count(*) FROM uuids_live;
SELECT mode FROM retention_refresh('uuids_live', max_customers => 10);
SELECT * FROM retention_verify('uuids_live', 1);
SELECT orders FROM retention_customer('uuids_live', md5('2')::uuid);
CREATE TABLE chars (who char(8), at timestamptz, amount numeric);
CREATE INDEX ON chars (who);
SELECT retention_track('chars', 'who', 'at', 'amount');
INSERT INTO chars VALUES ('a', '2023-01-01', 1), ('b', '2023-01-01', 1);
SELECT customer, orders, segment FROM chars_live ORDER BY 1;
SELECT mode FROM retention_refresh('chars_live');
SELECT retention_fit('chars_live');
SELECT customer, orders, segment FROM chars_live ORDER BY 1;
SELECT orders FROM retention_customer('chars_live', 'a'::text);
SELECT * FROM retention_verify('chars_live', 1);
-- what no customer can be computed from stops no checkout, but who computes says so
INSERT INTO chars VALUES ('c', 'infinity', 1);
SELECT count(*) FROM chars_live;
SELECT retention_refresh('chars_live');
SELECT orders FROM retention_customer('chars_live', 'a'::text);
SELECT orders FROM retention_customer('chars_live', 'c'::text);
DELETE FROM chars WHERE who = 'c';
INSERT INTO chars VALUES ('d', '2023-01-01', 'NaN');
SELECT retention_refresh('chars_live');
SELECT count(*) FROM chars_live;
SELECT orders FROM retention_customer('chars_live', 'd'::text);
SELECT triggers_ok, problem FROM retention_live_status('chars_live');
-- who is marked as everybody is; the messages name the live view and its table
SELECT retention_mark('chars_live');
SELECT problem FROM retention_live_status('chars_live');
DO $$
DECLARE
    call text;
    customer text;
    context text;
BEGIN
    FOREACH call IN ARRAY ARRAY['retention_refresh(''chars_live'')', 'retention_fit(''chars_live'')', 'retention_customer(''chars_live'', ''d''::text)'] LOOP
        BEGIN
            EXECUTE 'SELECT ' || call;
        EXCEPTION WHEN numeric_value_out_of_range THEN
            GET STACKED DIAGNOSTICS customer = PG_EXCEPTION_DETAIL, context = PG_EXCEPTION_CONTEXT;
            RAISE WARNING '% % %', call, customer, substring(context FROM 'live view "chars_live" of "chars"');
        END;
    END LOOP;
END $$;
-- a time that is not known makes no order, whatever its amount
UPDATE chars SET at = NULL WHERE who = 'd';
SELECT problem FROM retention_live_status('chars_live');
DELETE FROM chars WHERE who = 'd';
SELECT mode FROM retention_refresh('chars_live');
-- triggers for each row, and for rows that are applied from elsewhere
SELECT retention_track('chars', 'who', 'at', 'amount', triggers => 'row', replicated => true);
SELECT tgname, tgenabled, (tgtype & 1) = 1 AS for_each_row FROM pg_trigger WHERE tgrelid = 'chars'::regclass ORDER BY 1;
SELECT triggers_ok, problem FROM retention_live_status('chars_live');
SELECT mode FROM retention_refresh('chars_live');
INSERT INTO chars VALUES ('r', '2023-01-03', 3), ('s', '2023-01-03', 3), (NULL, '2023-01-03', 3);
UPDATE chars SET amount = 4 WHERE who = 'r';
UPDATE chars SET amount = amount WHERE who = 'b';
UPDATE chars SET who = 't' WHERE who = 's';
SELECT customer, count(*) FROM chars_live_changes GROUP BY 1 ORDER BY 1;
SELECT customer, orders, monetary FROM chars_live ORDER BY 1;
SELECT mode FROM retention_refresh('chars_live');
-- a command marks a customer once, and whoever removes marks is followed by new ones
CREATE VIEW of_chars AS SELECT customer, orders, monetary FROM chars_live EXCEPT ALL
SELECT who, count(*) FILTER (WHERE amount > 0 IS NOT FALSE), sum(amount) FROM chars WHERE at IS NOT NULL AND who IS NOT NULL GROUP BY 1;
BEGIN;
INSERT INTO chars SELECT chr(97 + i % 3), '2023-01-04', i FROM generate_series(1, 300) i;
SELECT count(*) BETWEEN 3 AND 6 AS few, count(DISTINCT customer) FROM chars_live_changes;
SELECT customer FROM of_chars;
SELECT mode FROM retention_refresh('chars_live', max_customers => 100);
INSERT INTO chars SELECT chr(97 + i % 3), '2023-01-05', i FROM generate_series(1, 300) i;
SELECT count(DISTINCT customer) FROM chars_live_changes;
SELECT customer FROM of_chars;
SAVEPOINT marked;
SELECT mode FROM retention_refresh('chars_live', max_customers => 100);
UPDATE chars SET amount = amount + 1 WHERE at = '2023-01-05';
SELECT count(DISTINCT customer) FROM chars_live_changes;
SELECT customer FROM of_chars;
ROLLBACK TO marked;
UPDATE chars SET who = 'k' WHERE at = '2023-01-05';
SELECT count(DISTINCT customer) FROM chars_live_changes;
SELECT customer FROM of_chars;
ROLLBACK;
-- a trigger that refreshes and writes within the command
CREATE FUNCTION refresh_and_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM retention_refresh('chars_live', max_customers => 100);
    INSERT INTO chars VALUES (NEW.who, NEW.at, NEW.amount - 100);
    BEGIN
        INSERT INTO chars VALUES (NEW.who, NEW.at, 1), (NEW.who, NEW.at, 1);
        RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN
        NULL;
    END;
    INSERT INTO chars VALUES (NEW.who, NEW.at, 2), (NEW.who, NEW.at, 2);
    RETURN NULL;
END $$;
CREATE TRIGGER zz AFTER INSERT ON chars FOR EACH ROW WHEN (NEW.amount > 200) EXECUTE FUNCTION refresh_and_write();
INSERT INTO chars SELECT 'a', '2023-01-06', 200 + i FROM generate_series(-3, 3) i;
SELECT customer FROM of_chars;
DROP TRIGGER zz ON chars;
SELECT mode FROM retention_refresh('chars_live', max_customers => 100);
SELECT * FROM retention_verify('chars_live', 1);
-- so many that a refresh computes all are marked by one mark more
BEGIN;
INSERT INTO chars SELECT i, '2023-01-06', 1 FROM generate_series(1, 30000) i;
SELECT count(*), count(*) FILTER (WHERE customer IS NULL) AS everybody FROM chars_live_changes;
SELECT count(*) FROM of_chars;
SELECT count(*) > 30000 AS all_of_them FROM chars_live;
ROLLBACK;
DELETE FROM chars WHERE at = '2023-01-06';
SELECT mode FROM retention_refresh('chars_live');
SET session_replication_role = replica;
DELETE FROM chars WHERE who = 'r';
INSERT INTO chars VALUES ('u', '2023-01-03', 3);
RESET session_replication_role;
SELECT customer, count(*) FROM chars_live_changes GROUP BY 1 ORDER BY 1;
SELECT customer, orders, monetary FROM chars_live ORDER BY 1;
SELECT mode FROM retention_refresh('chars_live');
SET session_replication_role = replica;
BEGIN;
TRUNCATE chars;
SELECT count(*) FROM chars_live;
ROLLBACK;
RESET session_replication_role;
SELECT * FROM retention_verify('chars_live', 1);
ALTER TABLE chars ENABLE TRIGGER chars_live_replica;
SELECT triggers_ok, problem FROM retention_live_status('chars_live');
SELECT retention_track('chars', 'who', 'at', 'amount');
SELECT tgname, tgenabled, (tgtype & 1) = 1 AS for_each_row FROM pg_trigger WHERE tgrelid = 'chars'::regclass ORDER BY 1;
SELECT mode FROM retention_refresh('chars_live');
-- a view as the source, with marks of one's own
CREATE VIEW paid AS SELECT who, at, amount FROM chars WHERE amount < 100;
SELECT retention_track('paid', 'who', 'at', 'amount', triggers => 'none');
INSERT INTO chars VALUES ('e', '2023-01-02', 5);
SELECT retention_mark('paid_live', 'e'::text);
SELECT customer, orders, computed FROM paid_live ORDER BY 1;
SELECT mode FROM retention_refresh('paid_live');
SELECT * FROM retention_verify('paid_live', 1);
-- partitions: of any depth, with columns in another order, written by the root or by themselves
CREATE TABLE parts (id int, who int, at timestamptz, amount numeric) PARTITION BY RANGE (at);
CREATE TABLE parts_22 PARTITION OF parts FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');
CREATE TABLE parts_23 (gone text, amount numeric, at timestamptz, who int, id int);
ALTER TABLE parts_23 DROP COLUMN gone;
ALTER TABLE parts ATTACH PARTITION parts_23 FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE parts_24 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (who);
CREATE TABLE parts_24_few PARTITION OF parts_24 FOR VALUES IN (1, 2, 3);
CREATE TABLE parts_24_others PARTITION OF parts_24 DEFAULT;
CREATE INDEX ON parts (who);
INSERT INTO parts SELECT i, i % 40, timestamptz '2022-01-01' + i * interval '1 day', i % 90 FROM generate_series(1, 1000) i;
SELECT retention_track('parts', 'who', 'at', 'amount');
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'parts%' AND tgname LIKE '%truncate' ORDER BY 1;
SELECT triggers_ok, partitions_ok, index_ok, problem FROM retention_live_status('parts_live');
CREATE VIEW parts_wrong AS (SELECT who, order_history(who, at, amount)::text FROM parts WHERE who IS NOT NULL GROUP BY 1 EXCEPT SELECT customer, history::text FROM parts_live)
UNION ALL (SELECT customer, history::text FROM parts_live EXCEPT SELECT who, order_history(who, at, amount)::text FROM parts WHERE who IS NOT NULL GROUP BY 1);
INSERT INTO parts VALUES (2001, 1, '2022-05-05', 5), (2002, 2, '2023-05-05', 5), (2003, 3, '2024-05-05', 5), (2004, 104, '2024-05-05', 5);
INSERT INTO parts_23 (id, who, at, amount) VALUES (2005, 5, '2023-06-06', 6);
UPDATE parts SET at = at + interval '1 year' WHERE id = 6;
UPDATE parts_23 SET amount = 7 WHERE who = 7;
UPDATE parts_23 SET id = -id WHERE who = 8;
DELETE FROM parts_24_others WHERE who = 9;
UPDATE parts_24 SET who = 110 WHERE who = 10;
COPY parts (who, at, amount) FROM stdin;
11	2022-02-02	2
11	2024-02-02	3
\.
SELECT array_agg(DISTINCT customer) FROM parts_live_changes;
SELECT * FROM parts_wrong;
SELECT mode FROM retention_refresh('parts_live', max_customers => 100);
SELECT * FROM retention_verify('parts_live', 1);
TRUNCATE parts_24_few;
SELECT * FROM parts_wrong;
SELECT mode FROM retention_refresh('parts_live');
TRUNCATE parts_24;
SELECT * FROM parts_wrong;
SELECT mode FROM retention_refresh('parts_live');
SELECT * FROM retention_verify('parts_live', 1);
-- partitions that come and go are seen by status and refresh
CREATE TABLE parts_21 PARTITION OF parts FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
INSERT INTO parts VALUES (3001, 12, '2021-05-05', 5);
SELECT * FROM parts_wrong;
SELECT triggers_ok, partitions_ok, problem FROM retention_live_status('parts_live');
SELECT mode FROM retention_refresh('parts_live');
SELECT retention_track('parts', 'who', 'at', 'amount');
SELECT triggers_ok, partitions_ok, problem FROM retention_live_status('parts_live');
ALTER TABLE parts DETACH PARTITION parts_22;
SELECT triggers_ok, partitions_ok, problem FROM retention_live_status('parts_live');
SELECT mode FROM retention_refresh('parts_live');
SELECT mode FROM retention_refresh('parts_live');
SELECT * FROM parts_wrong;
SELECT * FROM retention_verify('parts_live', 1);
INSERT INTO parts_22 VALUES (1, 1, '2022-01-01', 1);
TRUNCATE parts_22;
SELECT triggers_ok, partitions_ok, problem FROM retention_live_status('parts_live');
CREATE UNLOGGED TABLE parts_20 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
SELECT retention_track('parts', 'who', 'at', 'amount');
DROP TABLE parts_20;
DROP VIEW parts_wrong;
SELECT retention_untrack('parts_live');
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'parts%' ORDER BY 1;
-- one customer, whatever else a history holds
SELECT live_row((SELECT rollup(history) FROM chars_live), NULL, 'infinity');
SELECT live_row(NULL, NULL, 'infinity');
SELECT live_row((SELECT history FROM chars_live WHERE customer = 'a'), ROW(5, 'standard', '{2023-01-01}', '{1,2,3,4,5}', '{}'), 'infinity');
SELECT live_row((SELECT history FROM chars_live WHERE customer = 'a'), ROW(5, 'standard', NULL, '{1}', '{}'), 'infinity');
SELECT (live_row((SELECT history FROM chars_live WHERE customer = 'a'), ROW(5, 'standard', '{2023-01-02,2000-01-03,2000-01-02,2000-01-01}', '{1,10,11,12}', '{0.5,1,2,3}'), 'infinity')).segment = rfm_segment('412') AS right;
SELECT retention_mark_changes();

-- ---------------------------------------------------------------------------
-- rights
-- ---------------------------------------------------------------------------
CREATE ROLE live_reader;
CREATE ROLE live_writer;
GRANT USAGE ON SCHEMA live TO live_reader, live_writer;
GRANT SELECT ON orders_live TO live_reader;
GRANT INSERT ON orders TO live_writer;
GRANT USAGE ON SEQUENCE orders_id_seq TO live_writer;
SET ROLE live_reader;
SELECT count(*) > 0 AS some FROM orders_live;
SELECT orders > 0 AS some FROM retention_customer('orders_live', 6);
SELECT live_view FROM retention_live_status();
SELECT count(*) FROM orders_live_customers;
SELECT retention_refresh('orders_live');
SELECT retention_fit('orders_live');
SELECT retention_mark('orders_live', 3);
SELECT * FROM retention_verify('orders_live');
SELECT retention_untrack('orders_live');
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount', live => 'mine');
SET ROLE live_writer;
INSERT INTO orders (customer_id, ordered_at, amount) VALUES (6, '2024-01-09', 69);
SELECT count(*) FROM retention_customer('orders_live', 6);
SELECT retention_live_status('orders_live');
RESET ROLE;
SELECT computed FROM orders_live WHERE customer = 6;
-- row security of the orders: the owner must see all
CREATE TABLE secured (who int, at timestamptz, amount numeric);
CREATE INDEX ON secured (who);
ALTER TABLE secured OWNER TO live_writer;
GRANT CREATE ON SCHEMA live TO live_writer;
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
ALTER TABLE secured FORCE ROW LEVEL SECURITY;
SET ROLE live_writer;
SELECT retention_track('secured', 'who', 'at', 'amount');
ALTER TABLE secured NO FORCE ROW LEVEL SECURITY;
SELECT retention_track('secured', 'who', 'at', 'amount');
SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname LIKE 'secured\_live%' GROUP BY 1;
-- and of the stored customers: the lookup asks as the view does
INSERT INTO secured SELECT who, '2024-01-01'::timestamptz + who * interval '1 day', who FROM generate_series(1, 3) who;
SELECT customers FROM retention_refresh('secured_live');
ALTER TABLE secured_live_customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE secured_live_customers FORCE ROW LEVEL SECURITY;
CREATE POLICY not_two ON secured_live_customers USING (customer <> 2);
GRANT SELECT ON secured_live TO live_reader;
SET ROLE live_reader;
SELECT who, (SELECT count(*) FROM secured_live WHERE customer = who) AS in_view,
       (SELECT count(*) FROM retention_customer('secured_live', who)) AS found
FROM generate_series(1, 3) who ORDER BY who;
RESET ROLE;
SELECT retention_untrack('secured_live');

-- ---------------------------------------------------------------------------
-- so many marks that everybody is marked
-- ---------------------------------------------------------------------------
CREATE TABLE crowd (who bigint, at timestamptz, amount numeric);
CREATE INDEX ON crowd (who);
INSERT INTO crowd SELECT i, '2024-01-01', i FROM generate_series(1, 12000) i;
SELECT retention_track('crowd', 'who', 'at', 'amount');
ANALYZE crowd_live_customers;
UPDATE crowd SET amount = amount + 1 WHERE who < 10000;
SELECT count(*), count(*) FILTER (WHERE customer IS NULL) AS everybody FROM crowd_live_changes;
SELECT count(*), sum(monetary), count(*) FILTER (WHERE computed = 'now') AS now FROM crowd_live;
SELECT customers, updated, mode FROM retention_refresh('crowd_live');
UPDATE crowd SET amount = amount + 1 WHERE who <= 10001;
SELECT count(*) FILTER (WHERE customer IS NULL) AS everybody, count(*) < 10001 AS the_rest_is_left_out FROM crowd_live_changes;
SELECT count(*), sum(monetary), count(*) FILTER (WHERE computed = 'now') AS now FROM crowd_live;
SELECT monetary, computed FROM retention_customer('crowd_live', 11999);
SELECT customers, updated, mode FROM retention_refresh('crowd_live');
SELECT count(*) FROM crowd_live_changes;
SELECT count(*) FROM retention_verify('crowd_live', 1);
-- fewer, after those of one statement: each statement counts its own
DELETE FROM crowd WHERE who > 11990;
INSERT INTO crowd SELECT i, '2024-02-01', i FROM generate_series(1, 12000) i;
SELECT count(*) FILTER (WHERE customer IS NULL) AS everybody FROM crowd_live_changes;
SELECT customers, inserted, updated, deleted, mode FROM retention_refresh('crowd_live');
SELECT count(*) FROM retention_verify('crowd_live', 1);
SELECT retention_untrack('crowd_live');
DROP TABLE crowd;

-- ---------------------------------------------------------------------------
-- the end
-- ---------------------------------------------------------------------------
SELECT retention_untrack('orders_live');
SELECT relname FROM pg_class WHERE relnamespace = 'live'::regnamespace AND relname LIKE 'orders\_live%';
SELECT tgname FROM pg_trigger WHERE tgrelid = 'orders'::regclass;
-- what is left when the source is dropped is only tables
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount');
DROP TABLE orders CASCADE;
SELECT relname FROM pg_class WHERE relnamespace = 'live'::regnamespace AND relname LIKE 'orders\_live%' AND relkind IN ('r', 'v') ORDER BY 1;
RESET search_path;
DROP SCHEMA live CASCADE;
DROP SCHEMA elsewhere;
DROP ROLE live_reader, live_writer;
