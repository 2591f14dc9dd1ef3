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

SELECT count(*), count(customer_id) AS with_customer, count(ordered_at) AS with_time,
       count(amount) AS with_amount, count(DISTINCT customer_id) AS customers,
       count(*) FILTER (WHERE amount < 0) AS refunds,
       min(scale(amount)), max(scale(amount))
FROM shop_orders;
VACUUM ANALYZE shop_orders;
