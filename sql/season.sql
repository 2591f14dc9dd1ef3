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
-- less than two full years, to the day; none at all; a date that is a slip of the pen; nobody who came back
SELECT (fit_season(customer_id, ordered_at, amount, '7 days', d, 'UTC')).status AS status FROM season.orders, unnest('{2022-12-31,2023-01-01}'::timestamptz[]) d WHERE ordered_at < d GROUP BY d ORDER BY d;
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
DROP SCHEMA season CASCADE;
