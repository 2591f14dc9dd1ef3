-- satisfaction: the net promoter score, surveys that not everybody answered, reviews
SET extra_float_digits = 0;
\set VERBOSITY terse
CREATE FUNCTION pg_temp.near(a double precision, b double precision) RETURNS boolean LANGUAGE sql AS
$$SELECT coalesce(abs(a - b) <= 1e-9 * abs(b), a IS NULL AND b IS NULL)$$;

-- ---------------------------------------------------------------------------
-- nps
-- ---------------------------------------------------------------------------
-- so many promoters, passives, detractors
CREATE TEMP TABLE groups AS
SELECT * FROM (VALUES (1, 60, 25, 15, 0.95::float8), (2, 5, 0, 0, 0.95), (3, 3, 2, 5, 0.9), (4, 4, 2, 3, 0.95)) g(id, p, n, d, confidence);
CREATE TEMP TABLE scores AS
SELECT id, confidence, CASE WHEN i <= p THEN 9 + i % 2 WHEN i <= p + n THEN 7 + i % 2 ELSE i % 7 END AS score
FROM groups, generate_series(1, p + n + d) i;
SELECT id, (nps_ci(nps_state(score), max(confidence))).* FROM scores GROUP BY id ORDER BY id;
-- scores outside 0..10 and NULL are no answers
SELECT nps(score), (nps_ci(nps_state(score))).* FROM unnest('{10,9,9,8,6,0,11,-1,NULL}'::int[]) score;
SELECT nps(score) AS none, (nps_ci(nps_state(score))).* FROM unnest('{11,-1,NULL}'::int[]) score;
SELECT nps(score) IS NULL AS none, nps_ci(nps_state(score)) IS NULL AS no_state FROM scores WHERE false;
SELECT score, nps(score) FROM generate_series(0, 10) score GROUP BY score ORDER BY score;
-- by hand, and from parts in any order
SELECT * FROM (SELECT id, nps(score) AS ours, 100.0 * (count(*) FILTER (WHERE score >= 9) - count(*) FILTER (WHERE score <= 6)) / count(*) AS hand FROM scores GROUP BY id) x WHERE NOT pg_temp.near(ours, hand::float8);
SELECT (nps_ci(rollup(s)))::text = (SELECT nps_ci(nps_state(score))::text FROM scores) AS merged FROM (SELECT nps_state(score)::text::retention_state AS s FROM scores GROUP BY id, score) parts;
SELECT (SELECT nps_state(score ORDER BY id DESC)::text FROM scores) = (SELECT nps_state(score)::text FROM scores) AS same_bytes;
SELECT id, round(nps(score) FILTER (WHERE score <> 9)::numeric, 6) AS filtered, round((nps(score) OVER (PARTITION BY id ORDER BY score DESC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW))::numeric, 6) AS sliding
FROM scores WHERE id = 4 GROUP BY id, score ORDER BY score;
SELECT max(pg_column_size(s)) <= 200 AS small FROM (SELECT nps_state(score) AS s FROM scores GROUP BY score) x;
SELECT (nps_ci(nps_state(9), 1)).nps;
SELECT nps(aov_state(1));

-- ---------------------------------------------------------------------------
-- stratified_mean
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE survey (segment text, asked bigint, answers bigint, satisfied bigint, mean_score float8, score_variance float8);
INSERT INTO survey VALUES ('champions', 400, 120, 108, 9.1, 1.2), ('loyal', 600, 90, 72, 8.4, 2.0), ('new_customers', 3000, 150, 90, 7.2, 4.5), ('at_risk', 1000, 40, 12, 5.5, 7.9), ('lost', 500, 0, 0, NULL, NULL);
CREATE TEMP VIEW csat AS SELECT *, satisfied / nullif(answers, 0)::float8 AS m FROM survey;
\x on
SELECT (stratified_mean(asked, answers, m, m * (1 - m))).* FROM csat;
SELECT (stratified_mean(asked, answers, mean_score, score_variance)).* FROM survey;
SELECT (stratified_mean(100, 20, 0.6, 0.24)).*;
-- a variance that is not known; nobody who answered, or nothing that is known of it
SELECT (stratified_mean(asked, answers, m, nullif(m * (1 - m), 0.6 * 0.4))).* FROM csat;
SELECT (stratified_mean(asked, NULL, m, 0)).* FROM csat;
SELECT (stratified_mean(asked, answers, NULL, 0)).* FROM csat;
\x off
-- by hand
SELECT 'differs' AS breach, r.* FROM (SELECT (stratified_mean(asked, answers, m, m * (1 - m))).* FROM csat) r,
    (SELECT sum(asked * m) / sum(asked) AS mean, sum(answers * m) / sum(answers) AS raw, sqrt(sum(asked::numeric ^ 2 * m::numeric * (1 - m::numeric) / answers)::float8) / sum(asked)::float8 AS std_error FROM csat WHERE answers > 0) hand
WHERE NOT (pg_temp.near(r.mean, hand.mean) AND pg_temp.near(r.raw_mean, hand.raw) AND pg_temp.near(r.std_error, hand.std_error)
           AND pg_temp.near(r.ci_low, hand.mean - 1.959963984540054 * hand.std_error) AND pg_temp.near(r.ci_high, hand.mean + 1.959963984540054 * hand.std_error));
-- answers as many as customers: the weighted mean is the plain one
SELECT pg_temp.near(mean, raw_mean) AS same, coverage, response_rate FROM (SELECT (stratified_mean(i * 50, i * 5, i / 7.0, i)).* FROM generate_series(1, 12) i) r;
-- strata in any order, from parts, stored: the same bytes
SELECT (SELECT stratified_mean_state(n, n / 3, 1 / n::float8, n ORDER BY n)::text FROM generate_series(1, 400) n)
     = (SELECT rollup(s)::text FROM (SELECT stratified_mean_state(n, n / 3, 1 / n::float8, n)::text::retention_state AS s FROM generate_series(1, 400) n GROUP BY n % 7) parts) AS same_bytes;
SELECT (SELECT stratified_mean(n, n / 3, 1 / n::float8, n ORDER BY n)::text FROM generate_series(1, 400) n) = (SELECT stratified_mean(n, n / 3, 1 / n::float8, n ORDER BY md5(n::text))::text FROM generate_series(1, 400) n) AS same_digits;
SELECT stratified_mean(population, 1, 1, 1) IS NULL AS none FROM (SELECT NULL::bigint AS population WHERE false) x;
SELECT stratified_mean(NULL, 1, 1, 1) IS NULL AS none;
SELECT (stratified_mean(0, 0, 1, 1)).*;
SELECT max(pg_column_size(s)) <= 200 AS small FROM (SELECT stratified_mean_state(n, n / 3, 1, n) AS s FROM generate_series(1, 40) n GROUP BY n) x;
SELECT (stratified_mean(10, 11, 1, 1)).mean;
SELECT (stratified_mean(-1, 0, 1, 1)).mean;
SELECT (stratified_mean(10, -1, 1, 1)).mean;
SELECT (stratified_mean(10, 1, 'NaN', 1)).mean;
SELECT (stratified_mean(10, 1, 'Infinity', 1)).mean;
SELECT (stratified_mean(10, 1, 1, -1)).mean;
SELECT (stratified_mean(10, 1, 1, 'NaN')).mean;
SELECT (stratified_mean(9223372036854775807, 0, 1, 1)).population FROM generate_series(1, 2);
SELECT (stratified_mean(9223372036854775807, 1, 1, 1)).population FROM generate_series(1, 2);
SELECT r.mean, r.std_error, r.ci_low FROM (SELECT (stratified_mean(9223372036854775807, 1, 1.7e308, 1.7e308)).*) r;
SELECT stratified_mean(nps_state(1));

-- ---------------------------------------------------------------------------
-- reviews_needed
-- ---------------------------------------------------------------------------
SELECT reviews_needed(100, 9), reviews_needed(108, 9), reviews_needed(0, 0), reviews_needed(5, 1, 2.5), reviews_needed(5, 3, 2.5), reviews_needed(0, 3, 0), reviews_needed(NULL, 3);
-- each of them helps, and with so many the balance is there
SELECT p, n FROM generate_series(0, 30) p, generate_series(0, 30) n, LATERAL (SELECT reviews_needed(p, n, 2.7) AS more) r
WHERE NOT (p + more >= 2.7 * n AND (more = 0 OR p + more - 1 < 2.7 * n));
SELECT reviews_needed(-1, 3);
SELECT reviews_needed(1, -3);
SELECT reviews_needed(1, 3, -0.5);
SELECT reviews_needed(1, 3, 'NaN');
SELECT reviews_needed(1, 9223372036854775807);
