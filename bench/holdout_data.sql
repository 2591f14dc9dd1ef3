-- holdout_data.sql: four made-up shops of 10,000 customers, each as one of the models
-- has it, with the parameters that the model is right with: rates are of a gamma
-- distribution of shape 1 and a mean of an order in eight weeks. Chance is the server's
-- hash, so the shops are the same everywhere but for the last digits of ln().

CREATE FUNCTION chance(number bigint, stream bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (((hashint8extended(number, stream) >> 11) & 9007199254740991) + 0.5) / 9007199254740992::double precision;

INSERT INTO orders_of
SELECT shop, n, timestamptz '2023-01-01' + (first_day + coalesce(floor(7 * week), 0)) * interval '24 hours'
FROM unnest(ARRAY['made: BG/NBD', 'made: MBG/NBD', 'made: one-timers', 'made: Pareto/NBD']) WITH ORDINALITY AS s (shop, stream),
    generate_series(1, 10000) AS n,
    LATERAL (SELECT floor(180 * chance(n, 100 * stream)) AS first_day, -ln(chance(n, 100 * stream + 1)) / 8 AS rate,
                    -- a 1, b 3; chances to leave that are let pass; and a lifetime of mean rate 1 / 30
                    1 - cbrt(chance(n, 100 * stream + 2)) AS leaves, -ln(chance(n, 100 * stream + 3)) / (-ln(chance(n, 100 * stream + 4)) / 30) AS lifetime) AS c,
    LATERAL (SELECT floor(ln(chance(n, 100 * stream + 5)) / ln(1 - leaves)) AS stays) AS d,
    LATERAL (SELECT 0::double precision AS week
             UNION ALL
             SELECT week FROM (SELECT k, sum(-ln(chance(n, 1000 * stream + k)) / rate) OVER (ORDER BY k) AS week FROM generate_series(1, 120) AS k) AS w
             WHERE week < 110 AND CASE shop
                 WHEN 'made: BG/NBD' THEN k <= 1 + stays
                 WHEN 'made: MBG/NBD' THEN k <= stays
                 WHEN 'made: one-timers' THEN k <= 1 + stays AND chance(n, 399) > 0.3
                 ELSE week < lifetime END) AS o;
