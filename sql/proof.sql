-- proof: rates and means of two groups, the split, how many customers it takes
SET extra_float_digits = 1;
\set VERBOSITY terse

-- equal to a billionth, or both NULL
CREATE FUNCTION pg_temp.near(a double precision, b double precision) RETURNS boolean LANGUAGE sql AS
$$SELECT coalesce(abs(a - b) <= 1e-9 * abs(b), a IS NULL AND b IS NULL)$$;

-- Wilson's interval: figures of R's prop.test(correct = FALSE)
CREATE TEMP TABLE known_rates (k bigint, n bigint, confidence float8, rate float8, low float8, high float8);
INSERT INTO known_rates VALUES
    (57, 1000, 0.95, 0.057, 0.0442534403587, 0.0731370676595),
    (0, 20, 0.95, 0, 0, 0.161125158053),
    (20, 20, 0.95, 1, 0.838874841947, 1),
    (1, 3, 0.8, 1.0 / 3, 0.105775636122, 0.678817352170),
    (0, 0, 0.95, NULL, NULL, NULL);
SELECT k.*, r.* FROM known_rates k, rate_ci(k, n, confidence) r
WHERE NOT pg_temp.near(r.rate, k.rate) OR NOT pg_temp.near(ci_low, low) OR NOT pg_temp.near(ci_high, high);
SELECT ci_low = 0 AS exactly_0 FROM rate_ci(0, 20);
SELECT ci_high = 1 AS exactly_1 FROM rate_ci(20, 20);
-- that of a cohort's curve is the same
SELECT count(*) AS cells FROM cohort_curve((SELECT cohort_retention(c, timestamptz '2025-01-10 UTC' + i * interval '31 days', 10, 'month', '2025-06-01', 'UTC')
                                            FROM generate_series(1, 40) c, generate_series(0, 1) i WHERE i = 0 OR c <= 13)) t, rate_ci(t.retained, t.eligible) r
WHERE t.ci_low = r.ci_low AND t.ci_high = r.ci_high;
SELECT rate_ci(NULL, 3);
SELECT rate_ci(3, 2);
SELECT rate_ci(-1, 2);
SELECT rate_ci(0, -1);
SELECT rate_ci(1, 2, 1);
SELECT rate_ci(1, 2, 0);
SELECT rate_ci(1, 2, 'NaN');

-- the oracle in numeric, over a grid
WITH wilson AS (
    SELECT k, n, (k + z * z / 2 - z * sqrt(k * (n - k) / n + z * z / 4)) / (n + z * z) AS low,
           (k + z * z / 2 + z * sqrt(k * (n - k) / n + z * z / 4)) / (n + z * z) AS high
    FROM (SELECT i::numeric AS k, n::numeric AS n, 1.959963984540054::numeric AS z
          FROM generate_series(1, 40) n, generate_series(1, n - 1) i) x
)
SELECT k, n FROM wilson, rate_ci(k::bigint, n::bigint) r WHERE NOT pg_temp.near(r.ci_low, low::float8) OR NOT pg_temp.near(r.ci_high, high::float8);

-- Newcombe's interval (his table II, and R), and the z-test of R's prop.test
CREATE TEMP TABLE known_differences (a bigint, b bigint, c bigint, d bigint, r1 float8, r2 float8, difference float8, low float8, high float8, relative float8, p float8);
INSERT INTO known_differences VALUES
    (56, 70, 48, 80, 0.8, 0.6, 0.2, 0.0524314724024, 0.3338726540369, 1.0 / 3, 0.0080450813682),
    (9, 10, 3, 10, 0.9, 0.3, 0.6, 0.17052272393450, 0.80901797353549, 2, 0.00616989932054),
    (10, 10, 0, 20, 1, 0, 1, 0.679086037142, 1, NULL, 4.32046305783e-08),
    (0, 10, 0, 10, 0, 0, 0, -0.277532799863, 0.277532799863, NULL, NULL),
    (420, 10000, 50, 1000, 0.042, 0.05, -0.008, -0.02376837105812, 0.00456133254031, -0.16, 0.23299549776311),
    (3, 10, 0, 0, 0.3, NULL, NULL, NULL, NULL, NULL, NULL),
    (0, 0, 3, 10, NULL, 0.3, NULL, NULL, NULL, NULL, NULL);
SELECT k.*, r.* FROM known_differences k, rate_difference(a, b, c, d) r
WHERE NOT (pg_temp.near(r.treated_rate, r1) AND pg_temp.near(r.control_rate, r2) AND pg_temp.near(r.difference, k.difference) AND pg_temp.near(ci_low, low)
           AND pg_temp.near(ci_high, high) AND pg_temp.near(r.relative, k.relative) AND pg_temp.near(r.p_value, p));
SELECT rate_difference(11, 10, 3, 10);
SELECT rate_difference(1, 10, 13, 10);
SELECT rate_difference(1, 10, 3, -10);
SELECT rate_difference(1, 10, 3, 10, 95);

-- the groups swapped: the difference mirrored
SELECT a, b, c, d FROM generate_series(0, 9, 3) a, generate_series(9, 12) b, generate_series(0, 12, 4) c, generate_series(12, 14) d,
     rate_difference(a, b, c, d) x, rate_difference(c, d, a, b) y
WHERE x.difference <> -y.difference OR x.ci_low <> -y.ci_high OR x.ci_high <> -y.ci_low OR x.p_value IS DISTINCT FROM y.p_value;

-- means: figures of R's t.test
CREATE TEMP TABLE known_means (m1 float8, v1 float8, n1 bigint, m2 float8, v2 float8, n2 bigint, confidence float8,
                               difference float8, se float8, low float8, high float8, relative float8, df float8, p float8);
INSERT INTO known_means VALUES
    (105.5 / 7, 308.035714285714, 7, 6.3, 93.95, 5, 0.95, 8.771428571429, 7.924336063092, -8.986887175965, 26.529744318822, 1.39229024943, 9.594045343393, 0.295318437375),
    (105.5 / 7, 308.035714285714, 7, 6.3, 93.95, 5, 0.9, 8.771428571429, 7.924336063092, -5.65303779373, 23.19589493659, 1.39229024943, 9.594045343393, 0.295318437375),
    (5, 0, 10, 4, 0, 10, 0.95, 1, NULL, NULL, NULL, 0.25, NULL, NULL),
    (5, 1, 1, 4, 1, 10, 0.95, 1, NULL, NULL, NULL, 0.25, NULL, NULL),
    (5, 1, 10, 0, 1, 1, 0.95, 5, NULL, NULL, NULL, NULL, NULL, NULL),
    (5, 1, 0, 4, 1, 10, 0.95, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT k.*, r.* FROM known_means k, mean_difference(m1, v1, n1, m2, v2, n2, confidence) r
WHERE NOT (pg_temp.near(r.difference, k.difference) AND pg_temp.near(std_error, se) AND pg_temp.near(ci_low, low) AND pg_temp.near(ci_high, high)
           AND pg_temp.near(r.relative, k.relative) AND pg_temp.near(r.df, k.df) AND pg_temp.near(p_value, p));
SELECT mean_difference(1, -1, 10, 1, 1, 10);
SELECT mean_difference(1, 1, 10, 1, 'Infinity', 10);
SELECT mean_difference('NaN', 1, 10, 1, 1, 10);
SELECT mean_difference(1, 1, -10, 1, 1, 10);
SELECT mean_difference(1, 1, 10, 1, 1, 10, 0);
-- never NaN or infinite
SELECT mean_difference(1.7e308, 1, 10, -1.7e308, 1, 10);
SELECT mean_difference(1, 1.7e308, 10, 2, 1.7e308, 10) IS NOT NULL AS answers;

-- the split: R's chisq.test
CREATE TEMP TABLE known_splits (observed bigint[], shares float8[], chi_square float8, df integer, p float8);
INSERT INTO known_splits VALUES
    ('{5020,4980}', '{0.5,0.5}', 0.16, 1, 0.689156516779),
    ('{821,9500}', '{0.1,0.9}', 47.9746902217, 1, 4.31756720192e-12),
    ('{821,9500}', '{1,9}', 47.9746902217, 1, 4.31756720192e-12),
    ('{1010,2040,6950}', '{0.1,0.2,0.7}', 1.25714285714, 2, 0.533353190157),
    ('{0,0}', '{0.5,0.5}', NULL, NULL, NULL);
SELECT k.*, r.* FROM known_splits k, srm_check(observed, shares) r
WHERE NOT (pg_temp.near(r.chi_square, k.chi_square) AND r.df IS NOT DISTINCT FROM k.df AND pg_temp.near(p_value, p));
SELECT srm_check('{1,2}', '{0.5,0.3,0.2}');
SELECT srm_check('{1}', '{1}');
SELECT srm_check('{}', '{}');
SELECT srm_check(array_fill(1, ARRAY[101]), array_fill(0.01, ARRAY[101]));
SELECT srm_check('{1,2}', '{0.5,0}');
SELECT srm_check('{1,2}', '{0.5,NaN}');
SELECT srm_check('{1,-2}', '{0.5,0.5}');
SELECT srm_check('{1,NULL}', '{0.5,0.5}');
SELECT srm_check('{1,2}', '{0.5,NULL}');
SELECT srm_check('{{1,2},{3,4}}', '{{0.25,0.25},{0.25,0.25}}');

-- how many customers: R's power.prop.test at a share of 0.5
CREATE TEMP TABLE known_sizes (base_rate float8, lift float8, power float8, alpha float8, share float8, control bigint, treated bigint);
INSERT INTO known_sizes VALUES
    (0.025, 0.10, 0.8, 0.05, 0.5, 64199, 64199),
    (0.025, 0.10, 0.8, 0.05, 0.1, 36183, 325642),
    (0.2, 0.1, 0.9, 0.05, 0.5, 8714, 8714),
    (0.05, -0.2, 0.8, 0.1, 0.5, 5313, 5313),
    (0.3, 0.5, 0.8, 0.05, 0.25, 110, 329),
    (0.5, 1.0, 0.8, 0.05, 0.5, NULL, NULL),
    (0.5, -1.0, 0.8, 0.05, 0.5, NULL, NULL),
    (0.1, 0, 0.8, 0.05, 0.5, NULL, NULL);
SELECT k.*, r.* FROM known_sizes k, sample_size(base_rate, lift, power, alpha, share) r
WHERE r.control IS DISTINCT FROM k.control OR r.treated IS DISTINCT FROM k.treated;
SELECT pg_temp.near(detectable_lift(0.025, 8000), 0.429974463805) AS a,
       pg_temp.near(detectable_lift(0.2, 2000, control_share => 0.1), 0.455970584917) AS b,
       pg_temp.near(detectable_lift(0.05, 200000, 0.9), 0.0641391287692) AS c;
-- one is the inverse of the other
SELECT base_rate, lift, share FROM unnest('{0.001,0.02,0.3}'::float8[]) base_rate, unnest('{0.01,0.2,1.5}'::float8[]) lift, unnest('{0.05,0.5,0.9}'::float8[]) share,
     sample_size(base_rate, lift, 0.8, 0.05, share) s, detectable_lift(base_rate, s.control + s.treated, 0.8, 0.05, share) found
WHERE NOT (found <= lift * (1 + 1e-9) AND found > lift * 0.95);
SELECT detectable_lift(0.5, 4) AS too_few, detectable_lift(0.5, 0) AS none;
SELECT detectable_lift(0.5, -1);
SELECT detectable_lift(0, 100);
SELECT sample_size(1, 0.1);
SELECT sample_size(0.1, 'Infinity');
SELECT sample_size(0.1, 0.1, 80);
SELECT sample_size(0.1, 0.1, 0.8, 0);
SELECT sample_size(0.1, 0.1, control_share => 1);
SELECT sample_size(0.1, 1e-12);

-- intervals cover the truth in about 95 of 100 experiments, and without an effect p-values are uniform
SELECT setseed(0.42);
CREATE TEMP TABLE experiments AS
SELECT e, count(*) FILTER (WHERE x < 0.10) AS control_k, count(*) FILTER (WHERE y < 0.13) AS treated_k, count(*) FILTER (WHERE y < 0.10) AS same_k,
       avg(x * 100) AS m1, var_samp(x * 100) AS v1, avg(y * 100 + 5) AS m2, var_samp(y * 100 + 5) AS v2
FROM (SELECT e, random() AS x, random() AS y FROM generate_series(1, 1000) e, generate_series(1, 300) i) members GROUP BY e;
SELECT round(avg((r.ci_low <= 0.03 AND r.ci_high >= 0.03)::int), 2) BETWEEN 0.93 AND 0.97 AS rates,
       round(avg((m.ci_low <= 5 AND m.ci_high >= 5)::int), 2) BETWEEN 0.93 AND 0.97 AS means
FROM experiments, rate_difference(treated_k, 300, control_k, 300) r, mean_difference(m2, v2, 300, m1, v1, 300) m;
SELECT max(abs(share - (i + 1) / 10.0)) < 0.05 AS uniform
FROM (SELECT i, avg((p_value < (i + 1) / 10.0)::int) AS share FROM experiments, mean_difference(m2 - 5, v2, 300, m1, v1, 300), generate_series(0, 9) i GROUP BY i) shares;
SELECT avg((p_value < 0.05)::int) BETWEEN 0.03 AND 0.07 AS rates FROM experiments, rate_difference(same_k, 300, control_k, 300);
