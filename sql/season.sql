-- Seasons: fit_season, season_factors and season_time against plain SQL, planted seasons, and data that have none
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET extra_float_digits = 1;
\set SHOW_CONTEXT never
\set VERBOSITY terse
CREATE SCHEMA season;
CREATE FUNCTION season.near(a float8, b float8, digits int DEFAULT 9) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN a IS NOT DISTINCT FROM b OR coalesce(abs(a - b) <= power(10::float8, -digits) * greatest(abs(b), 1e-3), false);

-- ---------------------------------------------------------------------------
-- season_time
-- ---------------------------------------------------------------------------
-- the days from one to another, each worth its month: by a series of days
CREATE FUNCTION season.by_days(a timestamptz, b timestamptz, factors float8[], days int, tz text) RETURNS float8 LANGUAGE sql STABLE
RETURN (SELECT coalesce(sum(factors[extract(month FROM d)::int]), 0) / days FROM generate_series((a AT TIME ZONE tz)::date, (b AT TIME ZONE tz)::date - 1, '1 day') d);
CREATE TABLE season.made AS SELECT '{0.8,0.7,0.9,1,1.1,0.9,0.8,0.8,1,1.1,1.4,1.5}'::float8[] AS factors;
SELECT count(*) AS spans, count(*) FILTER (WHERE NOT season.near(season_time(a, b, factors, '7 days', tz), season.by_days(a, b, factors, 7, tz), 11)) AS differ,
       count(*) FILTER (WHERE NOT season.near(season_time(b, a, factors, '1 day', tz), -season.by_days(a, b, factors, 1, tz), 11)) AS backwards_differ
FROM season.made, unnest('{UTC,America/New_York,Pacific/Apia}'::text[]) tz, generate_series(1, 60) i,
    LATERAL (SELECT '1999-12-29 23:30+00'::timestamptz + i * interval '137 hours' AS a, '2000-01-01 00:30+00'::timestamptz + i * i * interval '61 hours' AS b) s WHERE b > a;
-- all factors one: days ÷ unit; the whole calendar; a day is one of the zone
SELECT season_time('2024-02-01', '2024-03-01', array_fill(1::float8, '{12}'), '1 day', 'UTC') AS leap_february, season_time('1900-02-01', '1900-03-01', array_fill(1::float8, '{12}'), '1 day', 'UTC') AS none_in_1900,
       season_time('4713-01-01 BC', '294276-12-31', array_fill(1::float8, '{12}'), '1 day', 'UTC') = '294276-12-31'::timestamp::date - '4713-01-01 BC'::date AS all_days,
       season_time('2024-03-10 03:00+00', '2024-03-10 12:00+00', array_fill(1::float8, '{12}'), '1 day', 'America/New_York') AS new_york, season_time('2024-03-10 03:00+00', '2024-03-10 12:00+00', array_fill(1::float8, '{12}'), '1 day', 'UTC') AS utc;
SELECT season_time('2024-01-01', '2024-02-01', '{1,2}', '1 day', 'UTC');
SELECT season_time('2024-01-01', '2024-02-01', array_fill(0::float8, '{12}'), '1 day', 'UTC');
SELECT season_time('2024-01-01', '2024-02-01', array_fill('NaN'::float8, '{12}'), '1 day', 'UTC');
SELECT season_time('2024-01-01', '2024-02-01', array_fill(NULL::float8, '{12}'), '1 day', 'UTC');
SELECT season_time('2024-01-01', 'infinity', array_fill(1::float8, '{12}'), '1 day', 'UTC');
SELECT season_time('2024-01-01', '2024-02-01', array_fill(1::float8, '{12}'), '1 month', 'UTC');
SELECT season_time('2024-01-01', '2024-02-01', array_fill(1::float8, '{12}'), '1 day', 'UTC+8');
SELECT season_time('2024-01-01', '2024-02-01', array_fill(1::float8, '{12}'), '1 day', repeat('x', 100));
SELECT season_time(NULL, '2024-02-01', array_fill(1::float8, '{12}'), '1 day', 'UTC');

-- ---------------------------------------------------------------------------
-- planted seasons
-- ---------------------------------------------------------------------------
-- 1,500 customers of a BG/NBD process over three years, first orders in the first two; on the clock of the factors made above. A customer's days are found by walking the clock
CREATE FUNCTION season.noise(i int, k int) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN (('x' || left(md5(i || '/' || k), 8))::bit(32)::bigint + 0.5) / 4294967296;
CREATE TABLE season.day AS
SELECT day, week - factor / 7 AS from_week, week AS until_week
FROM (SELECT d::date AS day, factors[extract(month FROM d)::int] AS factor, sum(factors[extract(month FROM d)::int]) OVER (ORDER BY d) / 7 AS week
      FROM season.made, generate_series('2021-01-01'::timestamp, '2023-12-31', '1 day') d) c;
CREATE INDEX ON season.day (from_week);
CREATE TABLE season.orders AS
SELECT i AS customer_id, t.day + '10:00'::time AT TIME ZONE 'UTC' AS ordered_at, 10 + i % 7 AS amount
FROM (SELECT i, -(ln(season.noise(i, 1)) + ln(season.noise(i, 2))) / 16 AS rate, 1 - cbrt(season.noise(i, 3)) AS p, floor(728 * season.noise(i, 4))::int AS first_day FROM generate_series(1, 1500) i) c
JOIN season.day f ON f.day = '2021-01-01'::date + first_day,
    LATERAL (SELECT f.from_week AS week UNION ALL
             SELECT at FROM (SELECT k, f.until_week + sum(-ln(season.noise(i, 10 + k)) / rate) OVER (ORDER BY k) AS at FROM generate_series(1, 40) k) o WHERE k <= 1 + ln(season.noise(i, 5)) / ln(1 - p)) w
JOIN LATERAL (SELECT d.day FROM season.day d WHERE d.from_week <= w.week + 1e-9 ORDER BY d.from_week DESC LIMIT 1) t ON w.week < (SELECT max(until_week) FROM season.day);
CREATE TABLE season.fitted AS
SELECT s AS state, fit_season(s, 'mbgnbd', false) AS raw, fit_season(s) AS shrunk, fit_season(s, 'bgnbd') AS bgnbd FROM (SELECT btyd_state(customer_id, ordered_at, amount, '7 days', '2024-01-01', 'UTC') AS s FROM season.orders) b;

-- the estimation equations in SQL: with the model fitted on the clock, orders of each month ÷ those expected of it are the factors, of a day-weighted mean of one
WITH customers AS (
    SELECT customer_id, min(ordered_at::date) AS first, max(ordered_at::date) AS last, count(DISTINCT ordered_at::date) - 1 AS x FROM season.orders GROUP BY customer_id
), on_clock AS (
    SELECT c.*, season_time(first, last, (raw).factors, '7 days', 'UTC') AS t_x, season_time(first, '2024-01-01', (raw).factors, '7 days', 'UTC') AS age FROM customers c, season.fitted
), model AS (
    SELECT fit_mbgnbd(x, t_x, age) AS m FROM on_clock
), rates AS (
    SELECT o.*, p * (r + x) / (alpha + age) AS there, CASE WHEN x > 0 THEN (1 - p) * (r + x) / (alpha + t_x) ELSE 0 END AS gone
    FROM on_clock o, LATERAL (SELECT (m).params[1] AS r, (m).params[2] AS alpha, p_alive(m, x, t_x, age) AS p FROM model) q
), expected AS (
    SELECT extract(month FROM day)::int AS month, count(*) AS days, sum(rate) AS expected
    FROM (SELECT day, sum(coalesce(change, 0)) OVER (ORDER BY day) / 7 AS rate
          FROM season.day LEFT JOIN (SELECT day, sum(change) AS change FROM (SELECT first AS day, there + gone AS change FROM rates UNION ALL SELECT last, -gone FROM rates) u GROUP BY day) c USING (day)
          WHERE day >= (SELECT min(first) FROM customers)) d GROUP BY 1
), counted AS (
    SELECT extract(month FROM day)::int AS month, count(*) AS orders FROM (SELECT DISTINCT customer_id, ordered_at::date AS day FROM season.orders) d JOIN customers c USING (customer_id) WHERE day > first GROUP BY 1
), factors AS (
    SELECT month, orders, orders / expected / (sum(orders / expected * days) OVER () / sum(days) OVER ()) AS factor FROM expected JOIN counted USING (month)
)
SELECT count(*) AS months, count(*) FILTER (WHERE NOT season.near((raw).factors[month], factor, 8)) AS factors_differ, count(*) FILTER (WHERE (raw).orders[month] <> orders) AS orders_differ,
       bool_and(season.near((raw).std_errors[month], factor / sqrt(orders), 7)) AS std_errors,
       season.near(min((raw).log_likelihood_gain), min((m).log_likelihood) + sum(orders * ln(factor)) - min((fit_mbgnbd(state)).log_likelihood), 8) AS gain
FROM factors, season.fitted, model;
-- planted factors are found again; shrunk ones lie between them and the mean, and are of a day-weighted mean of one as well
SELECT (raw).status, (shrunk).status, (bgnbd).status, bool_and(abs(r.factor - made.factor / mean) < 3.5 * r.std_error) AS found_again, bool_and(abs(ln(s.factor)) <= abs(ln(r.factor)) + 0.01) AS shrunk,
       season.near(season_time('2021-01-01', '2024-01-01', (shrunk).factors, '1 day', 'UTC') / 1095, 1, 3) AS mean_of_one, bool_and(abs(b.factor - s.factor) < 0.02) AS families_agree
FROM season.fitted, season.made m, LATERAL season_factors(raw) WITH ORDINALITY r (label, factor, std_error, orders, month) JOIN LATERAL season_factors(shrunk) s USING (label) JOIN LATERAL season_factors(bgnbd) b USING (label),
    LATERAL (SELECT factors[month] AS factor, (SELECT avg(factors[extract(month FROM day)::int]) FROM season.day) AS mean FROM season.made) made GROUP BY 1, 2, 3, 6;
SELECT label, round(factor::numeric, 2) AS factor, orders FROM season.fitted, season_factors(shrunk);
-- the shrinkage in SQL
WITH f AS (SELECT r.* FROM season.fitted, season_factors(raw) WITH ORDINALITY r (label, factor, std_error, orders, month)),
m AS (SELECT sum(orders * ln(factor)) / sum(orders) AS mu, sum(orders) AS n FROM f),
v AS (SELECT greatest(0, sum(orders * (ln(factor) - mu) ^ 2) / min(n) - 12 / min(n)) AS v FROM f, m),
s AS (SELECT f.month, exp(mu + v / (v + 1.0 / orders) * (ln(factor) - mu)) AS factor FROM f, m, v),
days AS (SELECT extract(month FROM day)::int AS month, count(*) AS n FROM season.day WHERE day >= (SELECT min(ordered_at)::date FROM season.orders) GROUP BY 1)
SELECT count(*) FILTER (WHERE NOT season.near((shrunk).factors[s.month], s.factor / (SELECT sum(s.factor * n) / sum(n) FROM s JOIN days USING (month)), 11)) AS differ FROM s, season.fitted;

-- over rows, of three types of keys, of a history, of parts merged: the same to the last bit
SELECT fit_season(customer_id, ordered_at, amount, '7 days', '2024-01-01', 'UTC')::text = min(shrunk::text) AS rows, fit_season(customer_id::text, ordered_at, amount, '7 days', '2024-01-01', 'UTC')::text = min(shrunk::text) AS text,
       fit_season(lpad(customer_id::text, 32, '0')::uuid, ordered_at, amount, '7 days', '2024-01-01', 'UTC')::text = min(shrunk::text) AS uuid FROM season.orders, season.fitted;
SELECT fit_season(history, '7 days', '2024-01-01', 'UTC')::text = min(shrunk::text) AS history FROM (SELECT order_history(customer_id, ordered_at, amount) AS history FROM season.orders) h, season.fitted;
SELECT fit_season(rollup(part))::text = min(shrunk::text) AS merged FROM (SELECT btyd_state(customer_id, ordered_at, amount, '7 days', '2024-01-01', 'UTC') AS part FROM season.orders GROUP BY (extract(day FROM ordered_at)::int)) p, season.fitted;
SELECT fit_season(customer_id, ordered_at, amount, '30 days', '2024-01-01', 'UTC') IS NOT NULL AS in_another_unit, max(abs(a.factor - b.factor)) < 1e-8 AS is_the_same
FROM (SELECT fit_season(customer_id, ordered_at, amount, '30 days', '2024-01-01', 'UTC') AS m FROM season.orders) q, season_factors(m) a JOIN LATERAL (SELECT f.* FROM season.fitted, season_factors(shrunk) f) b USING (label), season.orders GROUP BY a.label LIMIT 1;

-- ---------------------------------------------------------------------------
-- data that have no season
-- ---------------------------------------------------------------------------
-- less than two full years, to the day on which the second customer had come; one of long ago, who is a slip of the pen; none at all; a date that is a slip of the pen; nobody who came back
SELECT (fit_season(customer_id, ordered_at, amount, '7 days', d, 'UTC')).status AS status FROM season.orders, (SELECT min(day) FILTER (WHERE n > 1) + interval '730 days' AS second FROM (SELECT day, row_number() OVER (ORDER BY day) AS n FROM (SELECT min(ordered_at)::date AS day FROM season.orders GROUP BY customer_id) c) c) s, LATERAL unnest(ARRAY['2022-12-31', second - interval '1 day', second]) d WHERE ordered_at < d GROUP BY d ORDER BY d;
SELECT (fit_season(customer_id, ordered_at, amount, '7 days', '2022-12-01', 'UTC')).status FROM (SELECT customer_id, ordered_at, amount FROM season.orders UNION ALL SELECT 0, '2015-04-05', 1) o;
SELECT (fit_season(customer_id, ordered_at, amount, '7 days', '2022-06-01', 'UTC')).* FROM season.orders WHERE ordered_at < '2022-06-01';
SELECT fit_season(customer_id, ordered_at, amount, '7 days', '2024-01-01', 'UTC') FROM season.orders WHERE false;
SELECT (fit_season(customer_id, ordered_at, amount, '7 days', '2024-01-01', 'UTC')).status FROM (SELECT customer_id, ordered_at, amount FROM season.orders UNION ALL SELECT 0, '0203-04-05', 1) o;
SELECT (fit_season(customer_id, ordered_at, amount, '7 days', '2024-01-01', 'UTC')).status FROM (SELECT DISTINCT ON (customer_id) customer_id, ordered_at, amount FROM season.orders ORDER BY customer_id, ordered_at) o;
-- a month without an order; all orders on one day of the year; customers who all do the same; two orders each
SELECT (m).status, (m).factors[2] < 0.3 AS february, (m).std_errors[2] IS NULL AS unknown, (m).orders[2] FROM (SELECT fit_season(customer_id, ordered_at, amount, '7 days', '2024-01-01', 'UTC') AS m FROM season.orders WHERE extract(month FROM ordered_at) <> 2) f;
SELECT (m).status, (m).factors[12] BETWEEN 9 AND 12 AS december, (SELECT bool_and(f > 0 AND f < 0.3) FROM unnest((m).factors[:11]) f) AS others FROM (SELECT fit_season(i, d, 1, '7 days', '2024-01-01', 'UTC') AS m FROM generate_series(1, 50) i, unnest('{2020-12-24,2021-12-24,2022-12-24}'::timestamptz[]) d) f;
SELECT (m).status, (SELECT bool_and(f > 0 AND f < 1e6) FROM unnest((m).factors) f) AS factors FROM (SELECT fit_season(i, d, 1, '7 days', '2024-01-01', 'UTC') AS m FROM generate_series(1, 50) i, generate_series('2021-01-01'::timestamptz, '2023-12-31', '10 days') d) f;
SELECT (m).status FROM (SELECT fit_season(i, '2021-01-01'::timestamptz + (i * j * 37 % 1000) * interval '24 hours', 1, '7 days', '2024-01-01', 'UTC') AS m FROM generate_series(1, 400) i, generate_series(1, 2) j) f;
-- months that differ by chance only are drawn together
SELECT (m).status, max(abs(f.factor - 1)) < 0.1 AS near_one FROM (SELECT fit_season(i, '2021-01-01'::timestamptz + (hashint4(i * 7 + j) & 1048575) * 1094 / 1048576 * interval '24 hours', 1, '7 days', '2024-01-01', 'UTC') AS m FROM generate_series(1, 300) i, generate_series(1, 4) j) q, season_factors(m) f GROUP BY 1;
-- families
SELECT fit_season(state, 'pareto_nbd')::text = shrunk::text AS as_mbgnbd, (fit_season(state, 'hbgnbd')).status FROM season.fitted;
SELECT fit_season(state, 'seasonal') FROM season.fitted;
SELECT fit_season(repeat_rate_state(1::bigint));
SELECT fit_season(btyd_state(1::bigint, 1, 2));
SELECT count(*) FROM season_factors(NULL) a, season_factors(ROW(NULL, NULL, NULL, NULL, NULL)::season_model) b;
SELECT * FROM season_factors(ROW('{1,2}', '{}', '{{1,2},{3,4}}', 1, 'by hand')::season_model) LIMIT 3;

-- ---------------------------------------------------------------------------
-- predict_customers and backtest on the clock
-- ---------------------------------------------------------------------------
\set shop 'NULL::bigint, ''season.orders'', ''customer_id'', ''ordered_at'', ''amount'''
\set campaigns '''{"[2022-03-01,2022-03-15)","[2023-03-01,2023-03-15)","[2024-03-01,2024-03-15)"}'''
-- as composed by hand of fit_season, season_time, a fit and its readers; the day that a customer is told to come again on is the one on which the orders expected reach one
CREATE FUNCTION season.by_hand(family text, as_of timestamptz, until timestamptz) RETURNS TABLE (customer bigint, x bigint, t_x float8, age float8, horizon float8, m btyd_model, factors float8[]) LANGUAGE sql AS $$
    WITH s AS MATERIALIZED (SELECT (fit_season(btyd_state(customer_id, ordered_at, amount, '7 days', as_of, 'UTC'), family)).factors FROM season.orders),
    c AS MATERIALIZED (SELECT customer_id, x, season_time(first, last, factors, '7 days', 'UTC') AS t_x, season_time(first, as_of, factors, '7 days', 'UTC') AS age, factors
        FROM s, (SELECT customer_id, min(ordered_at) AS first, max(ordered_at) AS last, count(DISTINCT ordered_at::date) - 1 AS x FROM season.orders WHERE ordered_at < as_of GROUP BY customer_id) o),
    f AS MATERIALIZED (SELECT CASE family WHEN 'mbgnbd' THEN fit_mbgnbd(x, t_x, age) WHEN 'bgnbd' THEN fit_bgnbd(x, t_x, age) WHEN 'hbgnbd' THEN fit_hbgnbd(x, t_x, age) ELSE fit_pareto_nbd(x, t_x, age) END AS m FROM c)
    SELECT customer_id, x, t_x, age, season_time(as_of, until, factors, '7 days', 'UTC'), m, factors FROM c, f $$;
CREATE FUNCTION season.compare(family text) RETURNS TABLE (customers bigint, alive bigint, orders bigint, p_order bigint, low bigint, high bigint, ages bigint, risk bigint, next bigint, dated bigint) LANGUAGE sql AS $$
    SELECT count(*), count(*) FILTER (WHERE NOT season.near(p.p_alive, p_alive(m, h.x, h.t_x, h.age), 6)), count(*) FILTER (WHERE NOT season.near(expected_orders, expected_orders(m, h.x, h.t_x, h.age, horizon), 6)),
           count(*) FILTER (WHERE NOT season.near(p.p_order, p_order(m, h.x, h.t_x, h.age, horizon), 6)), count(*) FILTER (WHERE orders_low <> orders_quantile(m, 0.1, h.x, h.t_x, h.age, horizon)),
           count(*) FILTER (WHERE orders_high <> orders_quantile(m, 0.9, h.x, h.t_x, h.age, horizon)), count(*) FILTER (WHERE NOT season.near(p.age, (SELECT '2024-01-01'::date - min(ordered_at)::date FROM season.orders o WHERE o.customer_id = p.customer) / 7.0, 12)),
           count(*) FILTER (WHERE churn_risk <> churn_risk(p.p_order)),
           count(*) FILTER (WHERE expected_next_order_at IS NOT NULL AND NOT 1 BETWEEN expected_orders(m, h.x, h.t_x, h.age, season_time('2024-01-01', expected_next_order_at, factors, '7 days', 'UTC'))
                                  AND expected_orders(m, h.x, h.t_x, h.age, season_time('2024-01-01', expected_next_order_at + interval '24 hours', factors, '7 days', 'UTC'))
                            OR (expected_orders >= 1) <> (expected_next_order_at IS NOT NULL)), count(expected_next_order_at)
    FROM predict_customers(NULL::bigint, 'season.orders', 'customer_id', 'ordered_at', 'amount', '182 days', '2024-01-01', family => family) p JOIN season.by_hand(family, '2024-01-01', '2024-07-01') h ON h.customer = p.customer $$;
SELECT family, c.* FROM unnest('{bgnbd,mbgnbd,hbgnbd,pareto_nbd}'::text[]) family, season.compare(family) c;
-- discount: the orders of each day, each at its own time of the calendar
SELECT count(*) AS customers, count(*) FILTER (WHERE NOT season.near(predicted_clv::float8 / expected_value::float8, by_day, 4)) AS differ, min(predicted_clv / expected_value / expected_orders::numeric) < 0.9 AS discounted
FROM (SELECT * FROM predict_customers(:shop, '365 days', '2024-01-01', family => 'mbgnbd', discount_rate => 0.3) WHERE customer <= 60 AND predicted_clv > 5 OFFSET 0) p JOIN season.by_hand('mbgnbd', '2024-01-01', '2024-12-31') h USING (customer),
    LATERAL (SELECT sum((until - before) * exp(-ln(1.3) / 365.25 * (d + 0.5))) AS by_day FROM (
        SELECT d, until, coalesce(lag(until) OVER (ORDER BY d), 0) AS before FROM generate_series(0, 364) d,
            LATERAL (SELECT expected_orders(m, h.x, h.t_x, h.age, season_time('2024-01-01', '2024-01-01'::timestamptz + (d + 1) * interval '24 hours', factors, '7 days', 'UTC')) AS until) u) w) e;
-- backtest: the totals, and of each x
SELECT family, count(*) AS rows, count(*) FILTER (WHERE NOT season.near(b.predicted, h.predicted, 6) OR b.customers <> h.customers) AS differ
FROM unnest('{mbgnbd,hbgnbd}'::text[]) family, backtest(:shop, '2023-07-01', '2024-01-01', family) b
JOIN LATERAL (SELECT x, count(*) AS customers, sum(expected_orders(m, x, t_x, age, horizon)) AS predicted FROM season.by_hand(family, '2023-07-01', '2024-01-01') GROUP BY GROUPING SETS ((x), ())) h ON h.x IS NOT DISTINCT FROM b.x GROUP BY 1 ORDER BY 1;
-- it is what foretells a quarter of its own: the fourth, which sells a third more than the mean
SELECT season, abs(predicted / actual - 1) < 0.08 AS near, model_status FROM unnest('{none,month,auto}'::text[]) season, backtest(:shop, '2023-10-01', '2024-01-01', season => season) WHERE x IS NULL ORDER BY 1;
-- over a state and a history, and in another unit, the same
CREATE TABLE season.told AS SELECT p.* FROM predict_customers(:shop, '182 days', '2024-01-01', campaigns => :campaigns, discount_rate => 0.1) p;
SELECT count(*) AS differ FROM ((TABLE season.told EXCEPT SELECT p.* FROM (SELECT purchase_days_state(customer_id, ordered_at, amount, '2024-01-01', 'UTC') AS s FROM season.orders) o, predict_customers(s, NULL::bigint, '182 days', campaigns => :campaigns, discount_rate => 0.1) p)
   UNION ALL (TABLE season.told EXCEPT SELECT p.* FROM (SELECT order_history(customer_id, ordered_at, amount) AS h FROM season.orders) o, predict_customers(h, NULL::bigint, '2024-01-01', '182 days', campaigns => :campaigns, discount_rate => 0.1) p)) d;
SELECT count(*) AS differ FROM (SELECT * FROM backtest(:shop, '2023-07-01', '2024-01-01') EXCEPT SELECT b.* FROM (SELECT order_history(customer_id, ordered_at, amount) AS h FROM season.orders) o, backtest(h, '2023-07-01', '2024-01-01') b) d;
SELECT count(*) AS differ FROM (SELECT * FROM backtest(:shop, '2023-07-01', '2024-01-01')
    EXCEPT SELECT b.* FROM (SELECT purchase_days_state(customer_id, ordered_at, amount, '2023-07-01', 'UTC') AS c, purchase_days_state(customer_id, ordered_at, amount, '2024-01-01', 'UTC') AS h FROM season.orders) o, backtest(c, h) b) d;
SELECT count(*) AS customers, count(*) FILTER (WHERE NOT season.near(a.expected_orders, b.expected_orders, 6) OR NOT season.near(a.predicted_clv::float8, b.predicted_clv::float8, 4) OR abs(extract(epoch FROM a.expected_next_order_at - b.expected_next_order_at)) > 60) AS differ
FROM season.told b JOIN predict_customers(:shop, '182 days', '2024-01-01', '1 day', campaigns => :campaigns, discount_rate => 0.1) a USING (customer);
-- campaigns that are the Novembers are the Novembers; they may overlap; their order and ranges without a day are nothing
CREATE FUNCTION season.with_campaigns(campaigns daterange[]) RETURNS TABLE (sum float8, next timestamptz, model_status text) LANGUAGE sql AS
$$ SELECT sum(expected_orders), max(expected_next_order_at), min(model_status) FROM predict_customers(NULL::bigint, 'season.orders', 'customer_id', 'ordered_at', 'amount', '365 days', '2024-01-01', campaigns => campaigns) $$;
SET client_min_messages = warning;
SELECT season.near(c.sum, n.sum, 6) AS as_november, c.model_status FROM season.with_campaigns('{}') n, (VALUES ('{"[2021-11-01,2021-12-01)","[2022-11-01,2022-12-01)","[2023-11-01,2023-12-01)","[2024-11-01,2024-12-01)"}'::daterange[]),
    ('{"[2024-11-01,2024-12-01)","[2021-11-01,2021-11-20)",empty,"[2021-11-10,2021-11-30]","[2022-11-01,2022-12-01)","[2023-11-01,2023-12-01)","[2023-11-01,2023-12-01)"}')) t (spans), season.with_campaigns(spans) c;
-- those of the past tell what those to come bring: where they sold more, more; where less, less
SELECT month, sign((SELECT sum FROM season.with_campaigns(past || '{"[2024-05-01,2024-05-15)"}')) - (SELECT sum FROM season.with_campaigns(past))) AS difference
FROM unnest('{2,11,12}'::int[]) month, LATERAL (SELECT array_agg(daterange(d, d + 14)) AS past FROM generate_series(2021, 2023) y, make_date(y, month, 5) d) n;
-- of the future alone, or of a time before all orders, they are left out and it is said; of all of the time they are no season; without an end they go on
SELECT c.sum = n.sum AS as_without, c.model_status FROM season.with_campaigns('{}') n, (VALUES ('{"[2024-11-01,2024-12-01)"}'::daterange[]), ('{"(,2019-01-01)"}'), ('{empty}')) t (spans), season.with_campaigns(spans) c;
SELECT c.sum > 0 AS sum, c.model_status FROM (VALUES ('{"(,)"}'::daterange[]), ('{"[2022-06-01,)"}'), ('{"(,2022-06-01)","[2022-06-01,infinity)"}')) t (spans), season.with_campaigns(spans) c;
SET client_min_messages = notice;
-- the gate of two years; who asks for months is told, who asks for nothing finds it in the status
SELECT model_status, count(*) FROM predict_customers(:shop, '182 days', '2022-12-31') GROUP BY 1;
SELECT model_status, count(*) FROM predict_customers(:shop, '182 days', '2022-12-31', season => 'month') GROUP BY 1;
SELECT model_status, count(*) FROM predict_customers(:shop, '182 days', '2022-12-31', season => 'none') GROUP BY 1;
SELECT model_status, customers FROM backtest(:shop, '2022-12-31', '2023-03-01', campaigns => '{"[2022-03-01,2022-04-01)"}') WHERE x IS NULL;
SELECT model_status, customers FROM backtest(:shop, '2023-07-01', '2023-10-01', campaigns => '{"[2023-08-01,2023-08-08)"}') WHERE x IS NULL;
SELECT count(*) AS differ FROM (SELECT customer, p_alive, expected_orders, predicted_clv FROM predict_customers(:shop, '182 days', '2022-12-31') EXCEPT SELECT customer, p_alive, expected_orders, predicted_clv FROM predict_customers(:shop, '182 days', '2022-12-31', season => 'none')) d;
-- horizons of a day, of a part of one, of a century and more
SET client_min_messages = warning;
SELECT horizon, bool_and(expected_orders >= 0 AND expected_orders < 1e9) AS orders, bool_and(predicted_clv >= 0) AS clv, min(expected_next_order_at) > '2024-01-01' AS next
FROM unnest('{1 day,31 hours,40 years,101 years,200000 years}'::interval[]) horizon, predict_customers(:shop, horizon, '2024-01-01', discount_rate => 0.1) GROUP BY 1 ORDER BY 1;
SELECT count(*) FILTER (WHERE expected_orders < before) AS falls FROM (SELECT customer, expected_orders, lag(expected_orders) OVER (PARTITION BY customer ORDER BY days) AS before FROM unnest('{1,30,31,60,366,36525,36526}'::int[]) days, predict_customers(:shop, days * interval '24 hours', '2024-01-01')) p;
-- data that have no season, or hardly any data: an answer, no NaN
CREATE TABLE season.odd (kind text, customer int, at timestamptz);
INSERT INTO season.odd
SELECT 'one customer', 1, '2021-01-01'::timestamptz + i * interval '50 days' FROM generate_series(0, 21) i
UNION ALL SELECT 'one day', i, '2021-06-01' FROM generate_series(1, 50) i
UNION ALL SELECT 'all alike', i, d FROM generate_series(1, 50) i, generate_series('2021-01-01'::timestamptz, '2023-12-31', '10 days') d
UNION ALL SELECT 'nobody leaves', i, '2021-01-01'::timestamptz + (k * (20 + i % 30) + i % 20) * interval '24 hours' FROM generate_series(1, 200) i, generate_series(0, 60) k WHERE k * (20 + i % 30) + i % 20 < 1095
UNION ALL SELECT 'closed in two months', i, d FROM (SELECT i, '2021-01-01'::timestamptz + (hashint4(i * 11 + j) & 1048575)::bigint * 1094 / 1048576 * interval '24 hours' AS d FROM generate_series(1, 300) i, generate_series(1, 4) j) o WHERE extract(month FROM d) NOT IN (7, 8)
UNION ALL SELECT 'a slip of the pen', i, d FROM (SELECT i, '2021-01-01'::timestamptz + (hashint4(i * 7 + j) & 1048575)::bigint * 1094 / 1048576 * interval '24 hours' AS d FROM generate_series(1, 300) i, generate_series(1, 4) j UNION ALL SELECT 7, '0203-04-05') o
UNION ALL SELECT 'a new one each day', i, '2022-01-01'::timestamptz + i * interval '24 hours' FROM generate_series(-500, 729) i;
SELECT kind, family, count(*) AS customers, bool_and(p_alive BETWEEN 0 AND 1 AND p_order BETWEEN 0 AND 1 AND expected_orders BETWEEN 0 AND 1e6 AND orders_low <= orders_high) AS sane, min(model_status) AS model_status
FROM (SELECT DISTINCT kind FROM season.odd) k, unnest('{hbgnbd,mbgnbd}'::text[]) family, LATERAL (SELECT purchase_days_state(customer, at, 1, '2024-01-01', 'UTC') AS s FROM season.odd o WHERE o.kind = k.kind) o, predict_customers(s, NULL::bigint, family => family) GROUP BY 1, 2 ORDER BY 1, 2;
-- arguments
SELECT count(*) FROM predict_customers(:shop, season => 'week');
SELECT count(*) FROM predict_customers(:shop, season => NULL);
SELECT count(*) FROM predict_customers(:shop, campaigns => NULL);
SELECT count(*) FROM predict_customers(:shop, campaigns => '{NULL}');
SELECT count(*) FROM predict_customers(:shop, season => 'none', campaigns => '{"[2023-01-01,2023-02-01)"}');
SELECT count(*) FROM backtest(:shop, '2023-07-01', '2024-01-01', season => 'AUTO');
DROP SCHEMA season CASCADE;
