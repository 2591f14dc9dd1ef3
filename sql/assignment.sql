-- hash_share: which group of an experiment a customer is in
SET extra_float_digits = 1;
\set VERBOSITY terse

-- the same 52 bits in plain SQL
CREATE FUNCTION pg_temp.share(customer text, salt text) RETURNS double precision LANGUAGE sql AS
$$SELECT ('x' || left(encode(sha256(convert_to(salt || ':' || customer, 'UTF8')), 'hex'), 13))::bit(52)::bigint / 2 ^ 52::float8$$;

CREATE TEMP TABLE known (customer text, spring float8, empty float8);
INSERT INTO known VALUES
    ('42', 0.810989314430379, 0.3259358342054066),
    ('1', 0.1422795354723001, 0.5319527191469264),
    ('00042', 0.07183411522783212, 0.8743578237019225),
    (U&'\00e9', 0.3132154932390423, 0.13013020449225543),
    ('550e8400-e29b-41d4-a716-446655440000', 0.09170926989230788, 0.9067858635970834),
    ('-7', 0.997284811215055, 0.824805788594833),
    ('', 0.37177088531589075, 0.9049687102438426);
SELECT * FROM known WHERE hash_share(customer, 'spring-2026') <> spring OR hash_share(customer, '') <> empty OR pg_temp.share(customer, '') <> empty;
SELECT hash_share(42, 's') = hash_share('42'::text, 's') AS number, hash_share(42::bigint, 's') = hash_share('42'::varchar, 's') AS varchar,
       hash_share('550E8400-E29B-41D4-A716-446655440000'::uuid, 's') = hash_share('550e8400-e29b-41d4-a716-446655440000'::text, 's') AS uuid;
SELECT id FROM (SELECT generate_series(-200, 2000) AS id UNION ALL VALUES ((-9223372036854775808)::bigint), (9223372036854775807)) ids
WHERE hash_share(id, 'x') <> pg_temp.share(id::text, 'x') OR hash_share(id, repeat('long', 100)) <> pg_temp.share(id::text, repeat('long', 100));
SELECT hash_share(NULL::bigint, 'x') IS NULL AS no_customer, hash_share(1, NULL) IS NULL AS no_salt;

-- spread evenly, and under another salt anew
SELECT count(*) FILTER (WHERE a < 0.1) AS tenth, count(*) FILTER (WHERE a < 0.5) AS half, count(*) FILTER (WHERE a < 0.5 AND b < 0.5) AS half_of_both
FROM (SELECT hash_share(i, 'spring-2026') AS a, hash_share(i, 'summer-2026') AS b FROM generate_series(1, 10000) i) shares;
SELECT (ARRAY['control', 'a', 'b'])[threshold_score(hash_share(i, 'spring-2026'), '{0.1,0.55}')] AS arm, count(*) FROM generate_series(1, 10000) i GROUP BY 1 ORDER BY 1;
SELECT p_value > 0.001 AS as_planned FROM srm_check('{986,4463,4551}', '{0.1,0.45,0.45}');
SELECT round(max(abs(share - i / 100.0))::numeric, 2) <= 0.01 AS uniform
FROM (SELECT i, avg((hash_share(n, 'u') < i / 100.0)::int) AS share FROM generate_series(1, 20000) n, generate_series(5, 95, 10) i GROUP BY i) shares;
