-- data.sql: a shop's orders, :size of them (nearly) by :size / 10 customers over the
-- three years to 2025-01-01. The same rows every time, on every machine: chance
-- comes from the server's hash of the row's numbers.
--
-- * Orders per customer fall off as a power: a fifth of the customers order once, a
--   few order thousands of times, the mean is ten.
-- * A customer arrives at some moment of the three years, stays for some part of
--   what is left of them and orders at random moments meanwhile. So there is churn.
-- * Rows lie in the order of time, as in a table that orders are inserted into:
--   customers are scattered, which is what makes grouping by customer expensive.
-- * Two percent of the rows are refunds, a half percent are zero, a half NULL.

CREATE FUNCTION chance(number bigint, stream int) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(number, stream) & ((1::bigint << 53) - 1)) / (1::bigint << 53)::double precision;

CREATE TEMPORARY TABLE customers AS
SELECT customer_id,
       1 + floor(9.48 * (chance(customer_id, 1) ^ -0.5 - 1))::int AS orders,
       floor(chance(customer_id, 2) * span)::int AS first_second,
       floor((1 - chance(customer_id, 2)) * span * chance(customer_id, 3))::int AS stay_seconds,
       countries[1 + floor(20 * chance(customer_id, 4) ^ 2)::int] AS country
FROM generate_series(1::bigint, :size / 10) AS customer_id,
     (VALUES (3 * 365 * 86400 + 86400,
              '{DE,FR,GB,US,NL,ES,IT,PL,SE,AT,BE,DK,CH,PT,IE,FI,CZ,NO,GR,HU}'::text[])) AS shop (span, countries);

CREATE TABLE orders AS
SELECT row_number() OVER (ORDER BY second, customer_id, number) AS order_id,
       customer_id,
       timestamptz '2022-01-01 00:00:00+00' + second * interval '1 second' AS ordered_at,
       (CASE WHEN kind < 0.005 THEN NULL WHEN kind < 0.01 THEN 0 WHEN kind < 0.03 THEN -price ELSE price END
       )::numeric(12,2) AS amount,
       country
FROM (SELECT customer_id, country, number,
             first_second + CASE WHEN number = 1 THEN 0 ELSE floor(stay_seconds * chance(row_key, 5))::int END AS second,
             5 + 195 * chance(row_key, 6) ^ 3 AS price,
             chance(row_key, 7) AS kind
      FROM customers,
           generate_series(1, orders) AS number,
           LATERAL (SELECT customer_id * 100000 + number AS row_key OFFSET 0) AS k) AS o;

-- The same table for shops with other keys. One table for each, so that no scan has
-- to step over keys that no real table holds side by side.
CREATE TABLE orders_text AS
SELECT order_id, 'C' || lpad(customer_id::text, 8, '0') AS customer_id, ordered_at, amount, country
FROM orders;

CREATE TABLE orders_email AS
SELECT order_id, 'customer' || customer_id || '@mail' || customer_id % 97 || '.example' AS customer_id,
       ordered_at, amount, country
FROM orders;

CREATE TABLE orders_uuid AS
SELECT order_id, md5(customer_id::text)::uuid AS customer_id, ordered_at, amount, country
FROM orders;

-- The customers, one row each: what scores are given to.
CREATE TABLE customer_purchases AS
SELECT customer_id, max(ordered_at) AS last_order_at, count(*) AS orders, sum(amount) AS monetary
FROM orders WHERE amount > 0 GROUP BY customer_id;

-- frozen: no scan has to look after a row's visibility or to write hint bits
VACUUM (FREEZE, ANALYZE) orders, orders_text, orders_email, orders_uuid, customer_purchases;
CHECKPOINT;
