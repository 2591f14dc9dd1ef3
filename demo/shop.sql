-- shop.sql: three years of a shop, 2023 to 2025, the same on every machine.
--
-- Neither random() nor the clock: chance is hashint8extended(number, question), the
-- server's own hash of integers, and what follows from it uses only + - * /, which
-- every machine rounds alike.

SET timezone = 'UTC';
SET client_min_messages = warning;
CREATE SCHEMA shop;
SET search_path = shop, public;

-- From 0 up to 1: the answer to one question about one thing
CREATE FUNCTION chance(number bigint, question bigint) RETURNS float8
IMMUTABLE LANGUAGE SQL
RETURN ((hashint8extended(number, question) >> 11) & 9007199254740991) / 9007199254740992::float8;

-- How new customers spread over the months: growth, quiet summers, busy Decembers
CREATE TABLE month AS
SELECT starts_at, ends_at, season,
	(sum(weight) OVER sofar - weight) / sum(weight) OVER () AS share_before,
	sum(weight) OVER sofar / sum(weight) OVER () AS share_until
FROM (
	SELECT timestamptz '2023-01-01' + n * interval '1 month' AS starts_at,
		timestamptz '2023-02-01' + n * interval '1 month' AS ends_at,
		season[1 + n % 12] AS season,
		season[1 + n % 12] * (100 + 2 * n) AS weight
	FROM generate_series(0, 35) AS n,
		(SELECT ARRAY[0.90, 0.85, 0.95, 0.95, 1.00, 0.90,
			0.80, 0.80, 0.95, 1.05, 1.60, 1.75] AS season) AS year
) AS months
WINDOW sofar AS (ORDER BY starts_at);

-- Where customers live (percent), how readily they come back, what they spend
CREATE TABLE country AS
SELECT name, loyalty, spend,
	(sum(share) OVER sofar - share) / 100.0 AS share_before,
	sum(share) OVER sofar / 100.0 AS share_until
FROM (VALUES
	('Germany', 31, 1.10, 1.00), ('France', 18, 0.90, 1.02), ('Netherlands', 12, 1.15, 0.95),
	('Austria', 9, 1.25, 1.05), ('Belgium', 8, 1.00, 1.00), ('Italy', 7, 0.75, 1.10),
	('Spain', 6, 0.70, 0.92), ('Poland', 4, 0.85, 0.80), ('Denmark', 3, 1.05, 1.25),
	('Switzerland', 2, 1.10, 1.60)
) AS country (name, share, loyalty, spend)
WINDOW sofar AS (ORDER BY share DESC);

-- Most customers never come back; of those who do, half come back at least twice, a
-- third three times, and so on up to 45. One in fifteen of the others is a guest.
CREATE TABLE customer AS
SELECT n,
	starts_at + chance(n, 3) * (ends_at - starts_at) AS first_at,
	country.name AS country,
	spend,
	repeats,
	CASE WHEN repeats > 0 OR chance(n, 5) > 1 / 15.0 THEN 10000 + n END AS customer_id
FROM generate_series(1, 110000) AS n
JOIN month ON chance(n, 1) >= month.share_before AND chance(n, 1) < month.share_until
JOIN country ON chance(n, 2) >= country.share_before AND chance(n, 2) < country.share_until,
	LATERAL (SELECT chance(n, 4) / (0.45 * loyalty)) AS l (luck),
	LATERAL (SELECT CASE WHEN luck < 1 THEN least(45, floor(1 / luck)) ELSE 0 END) AS r (repeats);

-- Visit 0 is the first order. Who comes often comes soon; many a customer who would
-- come in a quiet month does not.
CREATE TABLE visit AS
SELECT number, customer_id, country, spend,
	date_trunc('day', visited_at)
		+ floor(3600 * (6 + 9 * (chance(number, 7) + chance(number, 8)))) * interval '1 second' AS visited_at
FROM (
	SELECT *, first_at + sum(gap) OVER (PARTITION BY n ORDER BY visit) * interval '1 day' AS visited_at
	FROM customer, generate_series(0, repeats::int) AS visit,
		LATERAL (SELECT n * 100 + visit) AS i (number),
		LATERAL (SELECT chance(number, 6)) AS c (luck),
		LATERAL (SELECT CASE WHEN visit = 0 THEN 0
			ELSE (15 + 400 / (4 + repeats)) * luck / (1.06 - luck) END) AS g (gap)
) AS planned
JOIN month ON visited_at >= starts_at AND visited_at < ends_at
WHERE visit = 0 OR chance(number, 9) < 0.4 + 0.4 * season;

-- Many small baskets, few large ones; one order in sixteen comes back within weeks,
-- a third of these only in part. A refund is a row of its own.
CREATE TABLE sale AS
SELECT *, round((spend * (14 + 22 * (chance(number, 10) + chance(number, 11))
	+ 9 * basket / (1.04 - basket)))::numeric, 2) AS amount
FROM visit, LATERAL (SELECT chance(number, 12)) AS b (basket);

CREATE TABLE public.orders AS
SELECT 1000000 + row_number() OVER (ORDER BY ordered_at, number, amount DESC) AS order_id,
	customer_id::bigint,
	ordered_at,
	amount::numeric(12,2),
	country
FROM (
	SELECT number, customer_id, visited_at AS ordered_at, amount, country FROM sale
	UNION ALL
	SELECT number, customer_id, visited_at + floor(86400 * (2 + 20 * chance(number, 14))) * interval '1 second',
		CASE WHEN chance(number, 15) < 0.35
			THEN -round(amount * (0.2 + 0.6 * chance(number, 16))::numeric, 2)
			ELSE -amount END,
		country
	FROM sale
	WHERE chance(number, 13) < 1 / 16.0
) AS booked
WHERE ordered_at < '2026-01-01';

CREATE TABLE public.bad_row (line bigint, reason text, content text);
DROP SCHEMA shop CASCADE;
ANALYZE orders;
