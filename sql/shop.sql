-- The orders that the other tests look at: generated, the same on every server.
-- Skewed frequencies, ties, refunds, zeros, NULLs, amounts of many scales.
SET TimeZone = 'UTC';
CREATE TABLE shop_orders (
    customer_id bigint,
    customer_code text,         -- at most 15 bytes
    customer_email text,        -- more than 15 bytes
    customer_uuid uuid,
    ordered_at timestamptz,
    amount numeric,
    country text
);

-- numbers in [0, 1) that depend on the row and the column alone
CREATE FUNCTION noise(i bigint, seed bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(i, seed) & x'7fffffff'::bigint) / 2147483648.0;

-- the start of a calendar period, of the server's grains and of ours, and how long it is
CREATE FUNCTION grain_trunc(grain text, t timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE
RETURN CASE WHEN grain = 'week_sunday' THEN date_trunc('week', t + interval '1 day') - interval '1 day'
            WHEN grain = 'week_saturday' THEN date_trunc('week', t + interval '2 days') - interval '2 days'
            WHEN grain LIKE 'fiscal%' THEN date_trunc(split_part(grain, '_', 2), t - (right(grain, 2)::int - 1) * interval '1 month') + (right(grain, 2)::int - 1) * interval '1 month'
            ELSE date_trunc(grain, t) END;
CREATE FUNCTION grain_step(grain text) RETURNS interval LANGUAGE sql IMMUTABLE
RETURN CASE WHEN grain LIKE '%quarter%' THEN '3 months' ELSE '1 ' || split_part(replace(grain, 'fiscal_', ''), '_', 1) END::interval;

INSERT INTO shop_orders
SELECT c,
       'C' || c,
       'customer.' || c || '@example.com',
       md5(c::text)::uuid,
       CASE WHEN noise(i, 1) > 0.01 THEN
           -- whole hours, so that instants repeat and meet the edges of windows
           date_trunc('hour', timestamptz '2023-01-01 00:00 UTC' + noise(i, 2) * interval '900 days')
       END,
       CASE
           WHEN noise(i, 3) < 0.02 THEN NULL
           WHEN noise(i, 3) < 0.04 THEN 0.00
           WHEN noise(i, 3) < 0.10 THEN -round((noise(i, 4) * 50)::numeric, 2)
           WHEN noise(i, 3) < 0.12 THEN round((noise(i, 4) * 1e5)::numeric, 0)
           WHEN noise(i, 3) < 0.14 THEN round((noise(i, 4))::numeric, 9) / 3
           ELSE round((noise(i, 4) * 120)::numeric, 2)
       END,
       (ARRAY['FR', 'DE', 'BE', 'PT', 'IE'])[1 + floor(noise(i, 5) ^ 2 * 5)::int]
FROM generate_series(1, 20000) i,
     LATERAL (SELECT CASE WHEN noise(i, 6) > 0.02
                          THEN floor(noise(i, 7) ^ 3 * 4000)::bigint - 50 END) customer(c);

-- What fourteen customers did in the shop before 2026-03-10 12:00, made up for the edges of windows: rows at that very instant and exactly an hour, 7 and 30 days
-- before it; a purchase stored twice, a cart stored before the view of the same instant; lines changed, removed, of unknown value.
CREATE TABLE shop_events (customer_id bigint, at timestamptz, event text, product text, value numeric);
INSERT INTO shop_events VALUES
    (1, '2026-03-01 10:00:00+00', 'view', 'P1', NULL), (1, '2026-03-01 10:05:00+00', 'cart', 'P1', 20.00),
    (1, '2026-03-01 10:06:00+00', 'checkout', NULL, NULL), (1, '2026-03-01 10:08:00+00', 'purchase', NULL, 20.00),
    (1, '2026-03-01 10:08:00+00', 'purchase', NULL, 20.00), (2, '2026-03-01 09:00:00+00', 'view', 'P1', NULL),
    (2, '2026-03-01 09:10:00+00', 'cart', 'P1', 20.00), (2, '2026-03-01 09:12:00+00', 'cart', 'P2', 35.50),
    (2, '2026-03-01 09:15:00+00', 'checkout', NULL, NULL), (2, '2026-03-03 18:00:00+00', 'checkout', NULL, NULL),
    (2, '2026-03-03 18:05:00+00', 'purchase', NULL, 55.50), (3, '2026-03-02 08:00:00+00', 'view', 'P3', NULL),
    (3, '2026-03-02 08:01:00+00', 'cart', 'P3', 12.00), (3, '2026-03-02 08:02:00+00', 'cart', 'P4', 7.00),
    (3, '2026-03-02 08:03:00+00', 'remove', 'P3', NULL), (4, '2026-02-01 12:00:00+00', 'view', 'P2', NULL),
    (4, '2026-02-01 12:01:00+00', 'cart', 'P2', 35.50), (4, '2026-03-09 20:00:00+00', 'view', 'P5', NULL),
    (5, '2026-03-05 07:00:00+00', 'cart', 'P5', 99.90), (5, '2026-03-05 07:00:00+00', 'view', 'P5', NULL),
    (5, '2026-03-05 07:01:00+00', 'remove', 'P5', NULL), (6, '2026-03-10 11:30:00+00', 'browse', NULL, NULL),
    (6, '2026-03-10 11:40:00+00', 'cart', 'P1', 20.00), (6, '2026-03-10 11:41:00+00', 'cart', 'P1', 40.00),
    (7, '2026-03-04 15:00:00+00', 'checkout', NULL, NULL), (7, '2026-03-10 11:45:00+00', 'checkout', NULL, NULL),
    (8, '2026-03-01 10:00:00+00', 'purchase', NULL, 15.00), (8, '2026-03-08 10:00:00+00', 'view', 'P9', NULL),
    (8, '2026-03-08 10:00:30+00', 'cart', 'P9', NULL), (9, '2025-12-24 10:00:00+00', 'browse', NULL, NULL),
    (10, '2026-03-10 11:00:00+00', 'view', 'P1', NULL), (10, '2026-03-10 12:30:00+00', 'cart', 'P1', 20.00),
    (11, '2026-03-10 11:00:00+00', 'cart', 'P1', 10.00), (11, '2026-03-10 12:00:00+00', 'purchase', NULL, 10.00),
    (12, '2026-03-03 12:00:00+00', 'cart', 'P2', 35.50), (13, '2026-02-08 11:59:59+00', 'cart', 'P6', 8.00),
    (13, '2026-02-08 12:00:00+00', 'view', 'P7', NULL), (14, '2026-03-06 09:00:00+00', 'view', 'P8', NULL),
    (14, '2026-03-06 10:00:00+00', 'cart', 'P8', 15.00);

SELECT count(*), count(customer_id) AS with_customer, count(ordered_at) AS with_time,
       count(amount) AS with_amount, count(DISTINCT customer_id) AS customers,
       count(*) FILTER (WHERE amount < 0) AS refunds,
       min(scale(amount)), max(scale(amount))
FROM shop_orders;
VACUUM ANALYZE shop_orders;
