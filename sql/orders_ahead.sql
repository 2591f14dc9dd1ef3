-- Orders ahead: p_order, orders_pmf, orders_quantile, orders_variance
SET client_min_messages = warning;
SET extra_float_digits = 1;
\set SHOW_CONTEXT never
CREATE SCHEMA ahead;
-- the published models of CDNOW, others, and one in which nobody leaves
CREATE TABLE ahead.models AS
    SELECT ROW(family, params, NULL, NULL, NULL, NULL, NULL, 'ok')::btyd_model AS m
    FROM (VALUES ('bgnbd', '{0.243,4.414,0.793,2.426}'::float8[]), ('mbgnbd', '{0.525,6.183,0.891,1.614}'), ('pareto_nbd', '{0.553,10.578,0.606,11.669}'), ('pareto_nbd', '{1.5,10,2.5,30}'),
                 ('bgnbd', '{0.5,8,0,1}'), ('mbgnbd', '{3,20,0.001,50}'), ('pareto_nbd', '{0.7,3,0,5}')) v(family, params);
CREATE TABLE ahead.customers(x bigint, t_x float8, age float8);
INSERT INTO ahead.customers VALUES (0, 0, 0), (0, 0, 38.86), (1, 1.71, 38.86), (2, 30.43, 38.86), (7, 29.43, 38.86), (29, 38, 38.86);
CREATE FUNCTION ahead.near(a float8, b float8, digits int DEFAULT 10) RETURNS boolean LANGUAGE sql RETURN abs(a - b) <= power(10::float8, -digits) * greatest(1, abs(b));

-- what is published of customer 1 of CDNOW (Fader, Hardie, Lee 2005), and what else is known of him
SELECT round(expected_orders(m, 2, 30.43, 38.86, 39)::numeric, 3) AS "1.226", round(p_order(m, 2, 30.43, 38.86, 39)::numeric, 6) AS p_order, round(orders_pmf(m, 0, 2, 30.43, 38.86, 39)::numeric, 6) AS "0.445373",
       round(orders_pmf(m, 1, 2, 30.43, 38.86, 39)::numeric, 6) AS "0.239319", round(orders_variance(m, 2, 30.43, 38.86, 39)::numeric, 6) AS "2.528939",
       orders_quantile(m, 0.1, 2, 30.43, 38.86, 39) AS low, orders_quantile(m, 0.5, 2, 30.43, 38.86, 39) AS median, orders_quantile(m, 0.9, 2, 30.43, 38.86, 39) AS high
FROM ahead.models m LIMIT 1;
-- the probabilities of all numbers are 1; their mean is the number expected, their variance the variance; none is not one or more
CREATE VIEW ahead.numbers AS
    SELECT m, x, t_x, age, horizon, sum(p) AS total, sum(n * p) AS mean, sum(n * n * p) AS squares, min(p) FILTER (WHERE n = 0) AS none
    FROM ahead.models, ahead.customers, unnest('{0,0.5,13,52}'::float8[]) horizon, generate_series(0, 1500) n, LATERAL (SELECT orders_pmf(m, n, x, t_x, age, horizon) AS p) o GROUP BY m, x, t_x, age, horizon;
SELECT count(*) AS compared, count(*) FILTER (WHERE NOT ahead.near(total, 1)) AS total, count(*) FILTER (WHERE NOT ahead.near(mean, expected_orders(m, x, t_x, age, horizon), 8)) AS mean,
       count(*) FILTER (WHERE NOT ahead.near(squares - mean * mean, orders_variance(m, x, t_x, age, horizon), 6)) AS variance, count(*) FILTER (WHERE NOT ahead.near(1 - none, p_order(m, x, t_x, age, horizon), 12)) AS none
FROM ahead.numbers;
-- the quantile is the first number at which the sum of the probabilities comes to p
SELECT count(*) AS compared, count(*) FILTER (WHERE orders_quantile(m, p, x, t_x, age, 52) IS DISTINCT FROM first) AS differ
FROM ahead.models, ahead.customers, unnest('{0,0.1,0.5,0.8,0.9,0.99}'::float8[]) p,
    LATERAL (SELECT min(n) FILTER (WHERE up_to >= p) AS first FROM (SELECT n, sum(orders_pmf(m, n, x, t_x, age, 52)) OVER (ORDER BY n) AS up_to FROM generate_series(0, 400) n) s) f;
-- alive for sure and nobody leaves: a negative binomial distribution, whose moments are known
SELECT count(*) FILTER (WHERE NOT ahead.near(p_order(m, x, t_x, age, 26), 1 - power(1 + 26 / (alpha + age), -(r + x)), 12)) AS p_order,
       count(*) FILTER (WHERE NOT ahead.near(orders_variance(m, x, t_x, age, 26), (r + x) * 26 / (alpha + age) * (1 + 26 / (alpha + age)), 12)) AS variance, count(*) AS compared
FROM ahead.models, ahead.customers, LATERAL (SELECT (m).params[1] AS r, (m).params[2] AS alpha) p WHERE (m).params[3] = 0;
-- at least one is never less likely in more time, never likelier than alive, and never above the number expected
SELECT count(*) FILTER (WHERE p_order(m, x, t_x, age, 10) > p_order(m, x, t_x, age, 11)) AS falls, count(*) FILTER (WHERE p_order(m, x, t_x, age, 10) > p_alive(m, x, t_x, age) + 1e-12) AS above_alive,
       count(*) FILTER (WHERE p_order(m, x, t_x, age, 10) > expected_orders(m, x, t_x, age, 10) + 1e-12) AS above_mean FROM ahead.models, ahead.customers;
-- no time; so much of it that nobody counts
SELECT p_order(m, 2, 5, 10, 0) AS p, orders_pmf(m, 0, 2, 5, 10, 0) AS none, orders_pmf(m, 1, 2, 5, 10, 0) AS one, orders_quantile(m, 0.99, 2, 5, 10, 0) AS quantile, orders_variance(m, 2, 5, 10, 0) AS variance FROM ahead.models;
SELECT (m).family, round(p_order(m, 2, 5, 10, 1e50)::numeric, 3) AS p, orders_quantile(m, 0.999, 2, 5, 10, 1e50) AS quantile, orders_variance(m, 2, 5, 10, 1e50) BETWEEN 0 AND 1e200 AS variance FROM ahead.models;
-- NULL in, NULL out; a model without parameters knows nothing
SELECT p_order(NULL, 1, 1, 2, 9), p_order(m, NULL, 1, 2, 9), p_order(m, 1, NULL, 2, 9), p_order(m, 1, 1, NULL, 9), p_order(m, 1, 1, 2, NULL), orders_pmf(m, NULL, 1, 1, 2, 9), orders_quantile(m, NULL, 1, 1, 2, 9), orders_variance(m, 1, 1, 2, NULL) FROM ahead.models m LIMIT 1;
SELECT p_order(m, 1, 1, 2, 9), orders_pmf(m, 0, 1, 1, 2, 9), orders_quantile(m, 0.5, 1, 1, 2, 9), orders_variance(m, 1, 1, 2, 9) FROM (SELECT ROW('bgnbd', NULL, NULL, NULL, 0, 0, false, 'too little data')::btyd_model) v(m);
-- errors
\set one 'FROM ahead.models m LIMIT 1'
SELECT p_order(m, -1, 0, 2, 9) :one;
SELECT p_order(m, 1, 3, 2, 9) :one;
SELECT p_order(m, 0, 1, 2, 9) :one;
SELECT p_order(m, 1, 1, 2, -9) :one;
SELECT p_order(m, 1, 1, 2, 'NaN') :one;
SELECT orders_pmf(m, -1, 1, 1, 2, 9) :one;
SELECT orders_pmf(m, 100001, 1, 1, 2, 9) :one;
SELECT orders_quantile(m, 1, 1, 1, 2, 9) :one;
SELECT orders_quantile(m, -0.1, 1, 1, 2, 9) :one;
SELECT orders_quantile(m, 'NaN', 1, 1, 2, 9) :one;
SELECT orders_variance(m, 1, 1, 2, 'Infinity') :one;
DROP SCHEMA ahead CASCADE;
