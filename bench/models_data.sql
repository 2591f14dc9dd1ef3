-- models_data.sql: :size customers as the BG/NBD and the Gamma-Gamma model have them, at
-- the parameters of the CDNOW data set (P. S. Fader, B. G. S. Hardie and K. L. Lee
-- (2005), Counting your customers the easy way; Fader and Hardie (2013), The Gamma-Gamma
-- model of monetary value), over 78 weeks, with their first orders in the first 12.
--
-- The same customers every time: chance is as in data.sql. What goes through ln(), cos()
-- and power() may differ in its last digit from one machine to another, and so may an
-- order's day, rarely.

CREATE FUNCTION chance(number bigint, stream bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(number, stream) & ((1::bigint << 53) - 1)) / (1::bigint << 53)::double precision;

-- A draw from a gamma distribution of scale 1: G. Marsaglia and W. W. Tsang (2000), A
-- simple method for generating gamma variables, ACM Transactions on Mathematical
-- Software 26, 363-372; below a shape of 1 that of one more, made smaller.
CREATE FUNCTION gamma_draw(shape double precision, number bigint, stream bigint) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    d CONSTANT double precision := shape + CASE WHEN shape < 1 THEN 1 ELSE 0 END - 1 / 3.0;
    normal double precision;
    v double precision;
BEGIN
    FOR try IN 0..999 LOOP
        normal := sqrt(-2 * ln(1 - chance(number, 10 * try + stream + 1))) * cos(2 * pi() * chance(number, 10 * try + stream + 2));
        v := (1 + normal / sqrt(9 * d)) ^ 3;
        CONTINUE WHEN v <= 0;
        EXIT WHEN ln(1 - chance(number, 10 * try + stream + 3)) < normal * normal / 2 + d * (1 - v + ln(v));
    END LOOP;
    RETURN d * v * CASE WHEN shape < 1 THEN (1 - chance(number, stream)) ^ (1 / shape) ELSE 1 END;
END $$;

-- The weeks after the first order at which a customer orders again, until leaving for
-- good or the end.
CREATE FUNCTION repeats(number bigint, rate double precision, leaves double precision, until double precision)
RETURNS SETOF double precision
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    week double precision := 0;
BEGIN
    FOR i IN 1..100000 LOOP
        week := week - ln(1 - chance(number, 100000 + 2 * i)) / rate;
        EXIT WHEN week > until;
        RETURN NEXT week;
        EXIT WHEN chance(number, 100001 + 2 * i) < leaves;
    END LOOP;
END $$;

CREATE TEMPORARY TABLE shopper AS
SELECT customer_id, 12 * chance(customer_id, 1) AS first_week,
       gamma_draw(0.243, customer_id, 11000) / 4.414 AS rate,
       a / (a + gamma_draw(2.426, customer_id, 33000)) AS leaves,
       gamma_draw(3.74, customer_id, 44000) / 15.44 AS thrift
FROM generate_series(1::bigint, :size) AS customer_id,
     LATERAL (SELECT gamma_draw(0.793, customer_id, 22000) AS a OFFSET 0) AS draw;

CREATE TABLE orders AS
SELECT row_number() OVER (ORDER BY week, customer_id) AS order_id, customer_id,
       timestamptz '2023-07-03 00:00:00+00' + floor(week * 604800) * interval '1 second' AS ordered_at,
       greatest(0.01, gamma_draw(6.25, customer_id * 100000 + number, 55000) / thrift)::numeric(12,2) AS amount
FROM (SELECT customer_id, thrift, 0 AS number, first_week AS week FROM shopper
      UNION ALL
      SELECT customer_id, thrift, number, first_week + again
      FROM shopper, repeats(customer_id, rate, leaves, 78 - first_week) WITH ORDINALITY AS r (again, number)) AS o;

VACUUM (FREEZE, ANALYZE) orders;
CHECKPOINT;
