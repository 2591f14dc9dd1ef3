-- events.sql: what customers of the shop of shop.sql did on its site in the last quarter of 2025,
-- and what it sent them: views, carts, checkouts and purchases, complaints, mails. The same on
-- every machine, for the reasons that shop.sql gives.
SET timezone = 'UTC';
SET client_min_messages = warning;

CREATE FUNCTION pg_temp.chance(number bigint, question bigint) RETURNS float8
IMMUTABLE LANGUAGE SQL
RETURN ((hashint8extended(number, question) >> 11) & 9007199254740991) / 9007199254740992::float8;

-- A session is one of an order, or of nobody who buys: they look, some put something into the
-- cart, some of these begin to pay. One order in six was in the cart for days before.
CREATE TEMP TABLE session AS
SELECT order_id AS number, customer_id, ordered_at AS ends_at, amount, 4 AS steps,
	CASE WHEN pg_temp.chance(order_id, 40) < 1 / 6.0
		THEN ordered_at - floor(3600 * (6 + 160 * pg_temp.chance(order_id, 41) * pg_temp.chance(order_id, 42))) * interval '1 second'
	END AS left_at
FROM orders WHERE amount > 0 AND customer_id IS NOT NULL AND ordered_at >= '2025-10-01';

INSERT INTO session
SELECT 5000000 + n, customer_id, timestamptz '2025-10-01' + floor(86400 * 92 * pg_temp.chance(n, 43)) * interval '1 second',
	round((12 + 90 * pg_temp.chance(n, 44) * pg_temp.chance(n, 45))::numeric, 2),
	CASE WHEN pg_temp.chance(n, 46) < 0.62 THEN 1 WHEN pg_temp.chance(n, 46) < 0.9 THEN 2 ELSE 3 END
FROM generate_series(1, 30000) AS n,
	LATERAL (SELECT 1000000 + floor(160000 * pg_temp.chance(n, 47))::bigint AS order_id) AS o
JOIN orders USING (order_id)
WHERE customer_id IS NOT NULL;

CREATE TABLE public.events AS
SELECT customer_id, at, event, product, value
FROM (
	SELECT number, customer_id, coalesce(left_at, ends_at) - floor(120 + 1500 * pg_temp.chance(number, 48)) * interval '1 second' AS at,
		'view' AS event, product, NULL::numeric AS value, 1 AS step
	FROM session, LATERAL (SELECT 'P' || 1 + floor(60 * pg_temp.chance(number, 49) * pg_temp.chance(number, 50))) AS p (product)
	UNION ALL
	SELECT number, customer_id, coalesce(left_at, ends_at) - floor(70 + 40 * pg_temp.chance(number, 51)) * interval '1 second',
		'cart', product, amount, 2
	FROM session, LATERAL (SELECT 'P' || 1 + floor(60 * pg_temp.chance(number, 49) * pg_temp.chance(number, 50))) AS p (product)
	WHERE steps >= 2
	UNION ALL
	-- one in eight takes it out again
	SELECT number, customer_id, ends_at - floor(60 * pg_temp.chance(number, 56)) * interval '1 second', 'remove', product, NULL, 3
	FROM session, LATERAL (SELECT 'P' || 1 + floor(60 * pg_temp.chance(number, 49) * pg_temp.chance(number, 50))) AS p (product)
	WHERE steps = 2 AND pg_temp.chance(number, 57) < 1 / 8.0
	UNION ALL
	SELECT number, customer_id, ends_at - floor(20 + 40 * pg_temp.chance(number, 52)) * interval '1 second', 'checkout', NULL, NULL, 3
	FROM session WHERE steps >= 3
	UNION ALL
	SELECT number, customer_id, ends_at, 'purchase', product, amount, 4
	FROM session, LATERAL (SELECT 'P' || 1 + floor(60 * pg_temp.chance(number, 49) * pg_temp.chance(number, 50))) AS p (product)
	WHERE steps = 4
	UNION ALL
	-- who sends back complains before, two of three
	SELECT order_id, customer_id, ordered_at - floor(86400 * (1 + 2 * pg_temp.chance(order_id, 53))) * interval '1 second', 'complaint', NULL, NULL, 5
	FROM orders WHERE amount < 0 AND customer_id IS NOT NULL AND ordered_at >= '2025-10-04' AND pg_temp.chance(order_id, 54) < 2 / 3.0
	UNION ALL
	-- a mail on Tuesdays, to who subscribed; and one to who left a cart
	SELECT customer_id, customer_id, mailed_at, 'mail', NULL, NULL, 6
	FROM (SELECT DISTINCT customer_id FROM session WHERE pg_temp.chance(customer_id, 55) < 0.1) AS reader,
		generate_series(timestamptz '2025-10-07 08:00', '2025-12-30', '7 days') AS mailed_at
	UNION ALL
	SELECT number, customer_id, left_at + interval '5 hours', 'mail', NULL, NULL, 7
	FROM session WHERE left_at IS NOT NULL
) AS happened
WHERE at >= '2025-10-01' AND at < '2026-01-01'
ORDER BY at, number, step;

CREATE INDEX ON public.events (customer_id, at);
ANALYZE events;
