-- The BG/NBD model with one-timers apart (hbgnbd), against the BG/NBD model and its definition in plain SQL
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET extra_float_digits = 1;
\set SHOW_CONTEXT never
\set VERBOSITY terse
CREATE SCHEMA one_timers;
CREATE FUNCTION one_timers.model(family text, params float8[]) RETURNS btyd_model LANGUAGE sql IMMUTABLE RETURN ROW(family, params, NULL, NULL, NULL, NULL, NULL, NULL)::btyd_model;
CREATE FUNCTION one_timers.near(a float8, b float8, digits int DEFAULT 9) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN a IS NOT DISTINCT FROM b OR coalesce(abs(a - b) <= power(10::float8, -digits) * abs(b), false);

-- 2,000 customers of a BG/NBD process, r 2, alpha 10, a 1, b 3, drawn by a hash; of those with "never" three in ten never meant to come back
CREATE FUNCTION one_timers.noise(i int, k int) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN (('x' || left(md5(i || '/' || k), 8))::bit(32)::bigint + 0.5) / 4294967296;
CREATE TABLE one_timers.drawn AS
SELECT i, age, one_timers.noise(i, 4) < 0.3 AS never, count(at) AS x, coalesce(max(at), 0) AS t_x
FROM (SELECT i, 20 + i % 33 AS age, -(ln(one_timers.noise(i, 1)) + ln(one_timers.noise(i, 2))) / 10 AS rate, 1 - cbrt(one_timers.noise(i, 3)) AS p FROM generate_series(1, 2000) i) c
LEFT JOIN LATERAL (
    SELECT at FROM (SELECT k, sum(-ln(one_timers.noise(i, 10 + k)) / rate) OVER (ORDER BY k) AS at FROM generate_series(1, 60) k) o
    WHERE at <= age AND k <= 1 + ln(one_timers.noise(i, 5)) / ln(1 - p)) o ON true
GROUP BY i, age;
CREATE TABLE one_timers.customers AS SELECT i, CASE WHEN never THEN 0 ELSE x END AS x, CASE WHEN never THEN 0 ELSE t_x END AS t_x, age FROM one_timers.drawn;
CREATE TABLE one_timers.fitted AS SELECT fit_hbgnbd(x, t_x, age) AS h, fit_bgnbd(x, t_x, age) AS bg, btyd_state(x, t_x, age) AS state FROM one_timers.customers;

-- what the model is: a mixture, of which the likelihood is the definition's, for each customer and for all
WITH c AS (
    SELECT x, t_x, age, h, (h).params[5] AS share, one_timers.model('bgnbd', (h).params[1:4]) AS others FROM one_timers.customers, one_timers.fitted
), likelihoods AS (
    SELECT *, (1 - share) * exp(log_likelihood(others, x, t_x, age)) AS back, CASE WHEN x = 0 THEN share ELSE 0 END AS never FROM c
)
SELECT bool_and(one_timers.near(log_likelihood(h, x, t_x, age), ln(back + never), 11)) AS of_each,
       bool_and(one_timers.near(p_alive(h, x, t_x, age), back / (back + never) * p_alive(others, x, t_x, age), 11)) AS p_alive,
       bool_and(one_timers.near(expected_orders(h, x, t_x, age, 52), back / (back + never) * expected_orders(others, x, t_x, age, 52), 11)) AS orders,
       bool_and(one_timers.near(p_order(h, x, t_x, age, 52), back / (back + never) * p_order(others, x, t_x, age, 52), 11)) AS p_order,
       one_timers.near(sum(log_likelihood(h, x, t_x, age)), min((h).log_likelihood), 12) AS of_all
FROM likelihoods;
-- it is the maximum: the slope is zero with respect to the logarithm of every parameter (of the share: its logit); and above that of the BG/NBD model
SELECT k, slope FROM one_timers.fitted, generate_series(1, 5) k,
    LATERAL (SELECT CASE WHEN k = 5 THEN (h).params[5] * (1 - (h).params[5]) ELSE (h).params[k] END * 1e-4) s(step),
    LATERAL (SELECT sum(log_likelihood(one_timers.model('hbgnbd', (h).params[:k - 1] || ((h).params[k] + step) || (h).params[k + 1:]), x, t_x, age)
                        - log_likelihood(one_timers.model('hbgnbd', (h).params[:k - 1] || ((h).params[k] - step) || (h).params[k + 1:]), x, t_x, age)) / 2e-4 FROM one_timers.customers) d(slope) WHERE abs(slope) > 1e-4;
SELECT (h).family, (h).converged, (h).status, (h).log_likelihood > (bg).log_likelihood + 10 AS better,
       abs((h).params[5] - 0.3) < 3 * (h).std_errors[5] AS found_again, (h).customers FROM one_timers.fitted;
-- intervals: that of the share is its logit's
SELECT name, CASE name WHEN 'one_time' THEN one_timers.near(ln(ci_high / (1 - ci_high)) - ln(estimate / (1 - estimate)), 1.959963984540054 * std_error / (estimate * (1 - estimate)), 9) AND ci_low > 0 AND ci_high < 1
                       ELSE one_timers.near(ln(ci_high / estimate), 1.959963984540054 * std_error / estimate, 9) END AS interval FROM one_timers.fitted, btyd_params(h);

-- parts merged are the whole, to the bit; so are customers in any order, and order rows and histories
SELECT parts, fit_hbgnbd(rollup(state))::text = min(h::text) AS merged FROM (SELECT parts, i % parts AS part, btyd_state(x, t_x, age) AS state FROM one_timers.customers, unnest('{2,17,400}'::int[]) parts GROUP BY 1, i % parts) p, (SELECT h FROM one_timers.fitted) f GROUP BY parts ORDER BY 1;
SELECT fit_hbgnbd(x, t_x, age ORDER BY hashint8(i))::text = min(h::text) AS shuffled FROM one_timers.customers, one_timers.fitted;
CREATE TABLE one_timers.orders AS
SELECT i AS customer_id, '2024-01-01 10:00+00'::timestamptz + ((i % 60) + day * 10) * interval '24 hours' AS ordered_at, (5 + i % 7)::numeric AS amount
FROM generate_series(1, 300) i, generate_series(0, CASE WHEN i % 3 = 0 THEN 0 ELSE i % 11 END) day;
SELECT fit_hbgnbd(customer_id, ordered_at, amount, '7 days', '2024-09-01 00:00+00', 'UTC')::text = min(s.fit) AS by_summary, fit_hbgnbd(customer_id, ordered_at, amount, '7 days', '2024-09-01 00:00+00', 'UTC')::text = min(h.fit) AS by_history
FROM one_timers.orders,
    (SELECT fit_hbgnbd((p).x, (p).t_x, (p).age)::text AS fit FROM (SELECT purchase_summary(ordered_at, amount, '7 days', '2024-09-01 00:00+00', 'UTC') AS p FROM one_timers.orders GROUP BY customer_id) q) s,
    (SELECT fit_hbgnbd(history, '7 days', '2024-09-01 00:00+00', 'UTC')::text AS fit FROM (SELECT order_history(customer_id, ordered_at, amount) AS history FROM one_timers.orders) q) h;
-- predict_customers and backtest take the family; what they say is that of the model
SELECT count(*) AS customers, count(*) FILTER (WHERE NOT one_timers.near(c.p_alive, p_alive(m, c.x, c.t_x, c.age), 11) OR NOT one_timers.near(c.expected_orders, expected_orders(m, c.x, c.t_x, c.age, 26), 11)) AS differ
FROM (SELECT fit_hbgnbd(customer_id, ordered_at, amount, '7 days', '2024-09-01 00:00+00', 'UTC') AS m FROM one_timers.orders) f,
    predict_customers(NULL::integer, 'one_timers.orders', 'customer_id', 'ordered_at', 'amount', '182 days', '2024-09-01 00:00+00', '7 days', 'hbgnbd') c;
SELECT sum(customers) FILTER (WHERE x IS NOT NULL) AS by_x, sum(customers) FILTER (WHERE x IS NULL) AS all_of_them FROM backtest(NULL::integer, 'one_timers.orders', 'customer_id', 'ordered_at', 'amount', '2024-06-01 00:00+00', '2024-09-01 00:00+00', 'hbgnbd');

-- no share: the BG/NBD model to the last bit, by hand and by a fit that finds none
SELECT count(*) FILTER (WHERE log_likelihood(h0, x, t_x, age) <> log_likelihood(bg, x, t_x, age) OR p_alive(h0, x, t_x, age) <> p_alive(bg, x, t_x, age) OR expected_orders(h0, x, t_x, age, 9) <> expected_orders(bg, x, t_x, age, 9)
                          OR orders_pmf(h0, 2, x, t_x, age, 9) <> orders_pmf(bg, 2, x, t_x, age, 9)) AS differ
FROM one_timers.customers, (SELECT bg, one_timers.model('hbgnbd', (bg).params || 0::float8) AS h0 FROM one_timers.fitted) m;
SELECT (h).params = (bg).params || 0::float8 AS bgnbd, (h).log_likelihood >= (bg).log_likelihood AS likelihood, (h).params[5] < 0.05 AS share, (h).status
FROM (SELECT fit_hbgnbd(x, t_x, age) AS h, fit_bgnbd(x, t_x, age) AS bg FROM one_timers.drawn) f;

-- data that say little: a status, never NaN
CREATE TABLE one_timers.little (data text, x bigint, t_x float8, age float8);
INSERT INTO one_timers.little VALUES ('nobody came back', 0, 0, 10), ('nobody came back', 0, 0, 30), ('one came back', 2, 5, 30), ('one came back', 0, 0, 30), ('one day', 0, 0, 0), ('one day', 0, 0, 0);
INSERT INTO one_timers.little SELECT 'all equal', 3, 20, 30 FROM generate_series(1, 40);
INSERT INTO one_timers.little SELECT 'nobody leaves', i % 12, CASE WHEN i % 12 > 0 THEN 30 - (i % 5) / 2.0 ELSE 0 END, 30 FROM generate_series(1, 240) i;
INSERT INTO one_timers.little SELECT 'nobody leaves but half never begin', i % 12, CASE WHEN i % 12 > 0 THEN 30 - (i % 5) / 2.0 ELSE 0 END, 30 FROM generate_series(1, 240) i;
INSERT INTO one_timers.little SELECT 'nobody leaves but half never begin', 0, 0, 30 FROM generate_series(1, 240);
SELECT data, (m).converged, (m).status, (m).params[5] BETWEEN 0 AND 0.6 AS share,
       (SELECT bool_and(expected_orders(m, x, t_x, age, 52) BETWEEN 0 AND 1000 AND p_alive(m, x, t_x, age) BETWEEN 0 AND 1) FROM one_timers.little l WHERE l.data = f.data AND (m).params IS NOT NULL) AS usable
FROM (SELECT data, fit_hbgnbd(x, t_x, age) AS m FROM one_timers.little GROUP BY data) f ORDER BY data;
SELECT fit_hbgnbd(x, t_x, age) FROM one_timers.customers WHERE false;
SELECT count(*) FILTER (WHERE m::text = 'NaN' OR (m).params::text ~ 'NaN|Inf') FROM (SELECT fit_hbgnbd(x, t_x, age) OVER (ORDER BY i) AS m FROM one_timers.customers WHERE i < 120) w;
-- a window that grows ends with the whole
SELECT bool_or(m::text = whole::text) AS last_is_whole FROM (SELECT fit_hbgnbd(x, t_x, age) OVER (ORDER BY i) AS m FROM one_timers.customers WHERE i < 120) w, (SELECT fit_hbgnbd(x, t_x, age) AS whole FROM one_timers.customers WHERE i < 120) q;

-- models by hand that are none
SELECT p_alive(one_timers.model('hbgnbd', '{1,2,3,4,1}'), 0, 0, 1);
SELECT p_alive(one_timers.model('hbgnbd', '{1,2,3,4,-0.1}'), 0, 0, 1);
SELECT p_alive(one_timers.model('hbgnbd', '{1,2,3,4,NaN}'), 0, 0, 1);
SELECT p_alive(one_timers.model('hbgnbd', '{1,2,3,4,NULL}'), 0, 0, 1);
SELECT p_alive(one_timers.model('hbgnbd', '{1,2,3,4}'), 0, 0, 1);
SELECT p_alive(one_timers.model('bgnbd', '{1,2,3,4,0.5}'), 0, 0, 1);
SELECT p_alive(one_timers.model('hbg_nbd', '{1,2,3,4,0.5}'), 0, 0, 1);
DROP SCHEMA one_timers CASCADE;
