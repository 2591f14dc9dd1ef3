-- states.sql: a few orders, over them a state of every family of version 0.1 and type of
-- customer, and what is read off each. make.sh runs it with an old version, to write
-- its states down, and test/t/012_lifecycle.pl with the present one. Needs a superuser.

SET timezone = 'UTC';
SET datestyle = 'ISO';

-- The bytes of a stored state as they lie in a table, in hexadecimal: a type of the
-- same layout that nobody looks into.
SET client_min_messages = warning;
CREATE TYPE raw;
CREATE FUNCTION raw_in(cstring) RETURNS raw LANGUAGE internal IMMUTABLE STRICT AS 'byteain';
CREATE FUNCTION raw_out(raw) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'byteaout';
CREATE TYPE raw (INPUT = raw_in, OUTPUT = raw_out, INTERNALLENGTH = variable, ALIGNMENT = double, STORAGE = extended);
CREATE CAST (raw AS retention_state) WITHOUT FUNCTION;
CREATE CAST (retention_state AS raw) WITHOUT FUNCTION;
CREATE CAST (raw AS survival) WITHOUT FUNCTION;
CREATE CAST (survival AS raw) WITHOUT FUNCTION;

-- Equal times, an order in the future, refunds, no amount, no time, no customer, sums of
-- 41 digits and of 30 decimals; texts of up to 15 bytes and longer ones.
CREATE TABLE state_orders (c_bigint bigint, c_text text, c_uuid uuid, ordered_at timestamptz, amount numeric);
INSERT INTO state_orders
SELECT c, CASE WHEN c % 2 = 0 THEN 'c' || c ELSE 'customer ' || c || '@example.com' END, md5(c::text)::uuid, ordered_at, amount
FROM (VALUES
    (1::bigint, '2023-11-05 09:30+00'::timestamptz, 20.00),
    (1, '2024-01-10 12:00+00', 35.50),
    (1, '2024-01-10 12:00+00', 4.25),
    (1, '2024-02-28 23:30+00', 12),
    (1, '2024-06-03 08:00+00', 19.99),
    (2, '2024-01-02 00:00+00', 80),
    (2, '2024-01-20 00:00+00', -30.5),
    (2, '2024-03-31 00:30+00', 41.1),
    (3, '2024-02-29 10:00+00', 15),
    (3, '2024-05-05 05:05:05.123456+00', 40),
    (4, '2024-03-15 10:00+00', NULL),
    (4, '2024-04-02 10:00+00', 0),
    (4, '2024-05-20 10:00+00', 9.000000000000000000000000000001),
    (5, '2023-12-31 23:00+00', 1e40),
    (5, '2024-04-30 22:00+00', 7),
    (6, '2024-04-11 18:45+00', 55.55),
    (6, '2024-05-11 18:45+00', 44.45),
    (6, '2024-06-11 18:45+00', 33.35),
    (7, NULL, 5),
    (8, '2024-08-01 00:00+00', 60),
    (-9223372036854775808, '2024-06-25 06:00+00', 99999999999999999999999999999999.99),
    (NULL, '2024-05-01 00:00+00', 3.5)) o(c, ordered_at, amount);

CREATE VIEW families AS
SELECT replace(call, '{customer}', 'c_' || kind) AS call, replace(reader, '{type}', kind) AS reader
FROM (VALUES
    ('repeat_rate_state({customer})', 'repeat_rate($1)'),
    ($$repeat_rate_state({customer}, ordered_at, '90 days', '2024-07-01')$$, 'repeat_rate($1)'),
    ($$second_order_rate_state({customer}, ordered_at, '60 days', '2024-07-01')$$, 'second_order_rate($1)'),
    ($$repeat_survival_state({customer}, ordered_at, '2024-07-01')$$, 'survival_mean(repeat_survival($1), 200)'),
    ($$churn_rate_state({customer}, ordered_at, '60 days', '2024-03-01', '2024-05-15')$$, 'churn_rate($1)'),
    ($$inactive_rate_state({customer}, ordered_at, '60 days', '2024-07-01')$$, 'inactive_rate($1)'),
    ($$revenue_retention_state({customer}, ordered_at, amount, '90 days', '2024-07-01')$$, 'concat_ws('' '', gross_revenue_retention($1), net_revenue_retention($1))'),
    ('customer_value_state({customer}, amount)', 'concat_ws('' '', customer_value($1), purchase_frequency($1), aov($1))'),
    ($$clv_state({customer}, ordered_at, amount, '1 year', '3 years', '2024-07-01')$$, 'clv($1)'),
    ($$cohort_retention_state({customer}, ordered_at, amount, 'month', '2024-07-01', 'Europe/Paris')$$, 'cohort_retention($1)'),
    ($$lifecycle_state({customer}, ordered_at, 'month', '2024-07-01', 'Europe/Paris')$$, 'lifecycle($1)'),
    ($$rolling_retention_state({customer}, ordered_at, '30 days', 4, '2024-07-01')$$, 'rolling_retention($1)'),
    ($$repeat_by_order_number_state({customer}, ordered_at, 3, '2024-07-01')$$, 'repeat_by_order_number($1)'),
    ($$repeat_by_order_number_state({customer}, ordered_at, 3, '60 days', '2024-07-01')$$, 'repeat_by_order_number($1)'),
    ($$purchases_state({customer}, ordered_at, amount, '2024-07-01')$$,
     '(SELECT string_agg(s::text, '' '' ORDER BY s::text COLLATE "C") FROM rfm_segments(NULL::{type}, $1, 3) s)')) f(call, reader),
    unnest('{bigint,text,uuid}'::text[]) kind
UNION ALL VALUES
    ('aov_state(amount)', 'aov($1)'),
    ('survival(abs(c_bigint % 100) * 1.5, amount > 10)', 'concat_ws('' '', survival_mean($1, 10), survival_quantile($1, 0.5), survival_at($1, 3))');

CREATE TABLE states (call text PRIMARY KEY, state retention_state);
CREATE TABLE survivals (call text PRIMARY KEY, state survival);

-- What is read off a state, of either type
CREATE FUNCTION answer(call text, state anyelement) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE (SELECT format('SELECT (%s)::text', reader) FROM families f WHERE f.call = $1) INTO answer USING state;
    RETURN answer;
END $$;

-- Every state, built here and stored
DO $$
DECLARE
    call text;
BEGIN
    FOR call IN SELECT f.call FROM families f LOOP
        EXECUTE format('INSERT INTO %s SELECT %L, %s FROM state_orders',
                       CASE WHEN call LIKE 'survival(%' THEN 'survivals' ELSE 'states' END, call, call);
    END LOOP;
END $$;

-- in both forms, in base64, and what is read off them
CREATE FUNCTION base64(raw) RETURNS text RETURN translate(encode($1::text::bytea, 'base64'), E'\n', '');
CREATE FUNCTION base64_raw(text) RETURNS raw RETURN decode($1, 'base64')::text::raw;
CREATE VIEW written AS
SELECT call, state::text AS text_form, base64(state::raw) AS stored_form, answer(call, state) FROM states
UNION ALL
SELECT call, state::text, base64(state::raw), answer(call, state) FROM survivals;
