-- forecast: what is planted found again, every part against plain SQL, and shops that tell little
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET extra_float_digits = 1;
SET client_min_messages = warning;
\set SHOW_CONTEXT never
\set VERBOSITY terse
CREATE SCHEMA forecast;
CREATE FUNCTION forecast.near(a float8, b float8, digits int DEFAULT 9) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN a IS NOT DISTINCT FROM b OR coalesce(abs(a - b) <= power(10::float8, -digits) * greatest(abs(b), 1e-3), false);
CREATE FUNCTION forecast.noise(i int, k int) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN (('x' || left(md5(i || '/' || k), 8))::bit(32)::bigint + 0.5) / 4294967296;
-- Two shops of three years. New customers come at a known rate: in the flat one 2 a day; in the other 1.5 a day at the end of 2023, growing by a quarter a year, and twice as many in November and December as in other months. What they then do is BG/NBD
CREATE TABLE forecast.rate AS
SELECT shop, day, CASE shop WHEN 'flat' THEN 2 ELSE 1.5 * exp(0.25 * (day - '2024-01-01') / 365.25) * CASE WHEN extract(month FROM day) >= 11 THEN 12 / 7.0 ELSE 6 / 7.0 END END AS rate
FROM unnest('{flat,seasonal}'::text[]) shop, generate_series('2021-01-01'::timestamp, '2024-12-31', '1 day') d, LATERAL (SELECT d::date AS day) x;
CREATE TABLE forecast.orders AS
WITH customers AS (SELECT shop, day, row_number() OVER (ORDER BY shop, day, n)::int AS i
    FROM (SELECT shop, day, sum(rate) OVER (PARTITION BY shop ORDER BY day) AS cumulated, rate FROM forecast.rate WHERE day < '2024-01-01') r, LATERAL generate_series(1, floor(cumulated + CASE shop WHEN 'flat' THEN 0 ELSE 0.5 END)::int - floor(cumulated - rate + CASE shop WHEN 'flat' THEN 0 ELSE 0.5 END)::int) n),
who AS MATERIALIZED (SELECT shop, day, i, -(ln(forecast.noise(i, 1)) + ln(forecast.noise(i, 2))) / 150 AS rate, 1 - cbrt(forecast.noise(i, 3)) AS p FROM customers)
SELECT shop, i AS customer_id, day + gone + '10:00'::time AT TIME ZONE 'UTC' AS ordered_at, (20 + i % 11 + floor(10 * forecast.noise(i, gone)))::numeric(10,2) AS amount
FROM who, LATERAL (SELECT 0 AS gone UNION ALL SELECT floor(sum(-ln(forecast.noise(i, 10 + n)) / rate) OVER (ORDER BY n))::int FROM generate_series(1, 30) n WHERE n <= 1 + ln(forecast.noise(i, 5)) / ln(1 - p)) o
WHERE day + gone < '2024-01-01';
SELECT shop, count(*) > 4000 AS orders, count(DISTINCT customer_id) AS customers FROM forecast.orders GROUP BY shop ORDER BY shop;
CREATE VIEW forecast.flat AS SELECT * FROM forecast.orders WHERE shop = 'flat';
CREATE VIEW forecast.seasonal AS SELECT * FROM forecast.orders WHERE shop = 'seasonal';
\set flat 'NULL::int, ''forecast.flat'', ''customer_id'', ''ordered_at'', ''amount'''
\set seasonal 'NULL::int, ''forecast.seasonal'', ''customer_id'', ''ordered_at'', ''amount'''

-- ---------------------------------------------------------------------------
-- what is planted
-- ---------------------------------------------------------------------------
-- each quarter's first orders within three standard deviations of chance; of the growing shop the trend is damped, so a little below
SELECT shop, count(*) AS quarters, bool_and(abs(f - r) < CASE shop WHEN 'flat' THEN 0.02 ELSE 0.08 END * r) AS near, round((sum(f) / sum(r))::numeric, 1) AS year
FROM (SELECT 'flat' AS shop, period_start, orders_new_first AS f FROM forecast(:flat, grain => 'quarter', as_of => '2024-01-01', horizon => '1 year') UNION ALL SELECT 'seasonal', period_start, orders_new_first FROM forecast(:seasonal, grain => 'quarter', as_of => '2024-01-01', horizon => '1 year')) f
JOIN (SELECT shop, date_trunc('quarter', day)::date AS period_start, sum(rate) AS r FROM forecast.rate GROUP BY 1, 2) r USING (shop, period_start) GROUP BY shop ORDER BY shop;
-- the year that is known, foretold before it: near what came, and within its own interval
SELECT shop, abs(ln(orders / came)) < 0.08 AS near, abs(ln(revenue / money)) < 0.08 AS money_near, came BETWEEN low AND high AS inside
FROM (SELECT 'flat' AS shop, f.* FROM forecast(:flat, as_of => '2023-07-01', horizon => '6 months') f WHERE period_start IS NULL UNION ALL SELECT 'seasonal', f.* FROM forecast(:seasonal, as_of => '2023-07-01', horizon => '6 months') f WHERE period_start IS NULL) f
JOIN (SELECT shop, count(DISTINCT (customer_id, ordered_at::date)) AS came, sum(amount) AS money FROM forecast.orders WHERE ordered_at >= '2023-07-01' GROUP BY shop) o USING (shop) ORDER BY shop;

-- ---------------------------------------------------------------------------
-- the parts
-- ---------------------------------------------------------------------------
-- they add up; by day, week, month, quarter and year to the same
CREATE TABLE forecast.told AS SELECT grain, f.* FROM unnest('{day,week,month,quarter,year,week_sunday,fiscal_year_04}'::text[]) grain, forecast(:seasonal, '200 days', grain, '2023-05-10') f;
SELECT grain, count(*) AS rows, count(*) FILTER (WHERE is_complete) AS complete, min(period_start) AS first, max(period_start) AS last, bool_and(forecast.near(orders, orders_existing + orders_new_first + orders_new_repeat)) AS parts, bool_and(low < orders AND orders < high) AS inside,
       forecast.near(sum(orders) FILTER (WHERE period_start IS NOT NULL), sum(orders) FILTER (WHERE period_start IS NULL)) AND forecast.near(sum(orders_existing) FILTER (WHERE period_start IS NOT NULL), sum(orders_existing) FILTER (WHERE period_start IS NULL)) AS orders,
       abs(sum(revenue) FILTER (WHERE period_start IS NOT NULL) - sum(revenue) FILTER (WHERE period_start IS NULL)) < 0.001 AS revenue
FROM forecast.told GROUP BY grain ORDER BY rows DESC, grain;
SELECT count(*) AS months, count(*) FILTER (WHERE NOT forecast.near(d.orders, m.orders)) AS differ FROM (SELECT date_trunc('month', period_start)::date AS period_start, sum(orders) AS orders FROM forecast.told WHERE grain = 'day' AND period_start IS NOT NULL GROUP BY 1) d FULL JOIN (SELECT * FROM forecast.told WHERE grain = 'month' AND period_start IS NOT NULL) m USING (period_start);
-- those of customers there are: predict_customers, at the end of each period; money, its predicted_clv
SELECT count(*) AS days, count(*) FILTER (WHERE NOT forecast.near(until, p.orders, 8)) AS differ, count(*) FILTER (WHERE NOT forecast.near(p.clv::float8, p.by_hand::float8, 6)) AS money_differs
FROM (SELECT period_start, sum(orders_existing) OVER (ORDER BY period_start) AS until FROM forecast.told WHERE grain = 'day' AND period_start IS NOT NULL) f,
    LATERAL (SELECT sum(expected_orders) AS orders, sum(predicted_clv) AS clv, sum(expected_value::float8 * expected_orders) AS by_hand FROM predict_customers(:seasonal, (period_start + 1 - '2023-05-10'::date) * interval '1 day', '2023-05-10')) p
WHERE period_start IN ('2023-05-10', '2023-05-11', '2023-06-15', '2023-11-01', '2023-11-25');
-- of those who come: the repeats of each day's, by expected_orders_new on the clock of the season
SELECT count(*) AS days, count(*) FILTER (WHERE NOT forecast.near(u.until, h.repeats, 6)) AS differ
FROM (SELECT period_start, sum(orders_new_repeat) OVER (ORDER BY period_start) AS until FROM forecast.told WHERE grain = 'day' AND period_start IS NOT NULL) u,
    (SELECT m, factors FROM (SELECT (fit_season(btyd_state(customer_id, ordered_at, amount, '7 days', '2023-05-10', 'UTC'), 'hbgnbd')).factors FROM forecast.seasonal) s,
        LATERAL (SELECT fit_hbgnbd(x, t_x, age) AS m FROM (SELECT count(DISTINCT ordered_at::date) - 1 AS x, season_time(min(ordered_at), max(ordered_at), factors, '7 days', 'UTC') AS t_x, season_time(min(ordered_at), '2023-05-10', factors, '7 days', 'UTC') AS age FROM forecast.seasonal WHERE ordered_at < '2023-05-10' GROUP BY customer_id) c) f) fitted,
    LATERAL (SELECT sum(orders_new_first * expected_orders_new(m, season_time(d.period_start, u.period_start + 1, factors, '7 days', 'UTC'))) AS repeats FROM forecast.told d WHERE grain = 'day' AND d.period_start <= u.period_start) h
WHERE u.period_start IN ('2023-05-10', '2023-05-20', '2023-08-01', '2023-11-25');
-- money: that of customers, and of new ones the mean first order, then the spend model's
SELECT forecast.near(f.revenue::float8, p.clv + f.orders_new_first * first + f.orders_new_repeat * later, 6) AS revenue
FROM forecast.told f, (SELECT sum(expected_value::float8 * expected_orders) AS clv FROM predict_customers(:seasonal, '200 days', '2023-05-10')) p,
    (SELECT avg(money)::float8 AS first FROM (SELECT DISTINCT ON (customer_id) sum(amount) AS money FROM forecast.seasonal WHERE ordered_at < '2023-05-10' GROUP BY customer_id, ordered_at::date ORDER BY customer_id, ordered_at::date) o) o,
    (SELECT expected_value(fit_gamma_gamma((s).x, (s).mean_repeat_value), 0, NULL) AS later FROM (SELECT purchase_summary(ordered_at, amount, '7 days', '2023-05-10', 'UTC') AS s FROM forecast.seasonal WHERE ordered_at < '2023-05-10' GROUP BY customer_id) s) v
WHERE grain = 'month' AND period_start IS NULL;
-- less than two years: no trend and no season, the rate of the last months
SELECT count(*) AS days, bool_and(forecast.near(orders_new_first, rate)) AS rate FROM forecast(:seasonal, '30 days', 'day', '2022-12-01') f,
    (SELECT sum(n * power(2::float8, ago / 90.0)) / sum(power(2::float8, ago / 90.0)) AS rate FROM (SELECT d::date - '2022-12-01'::date + 0.5 AS ago, count(customer_id) AS n
        FROM generate_series('2021-01-01'::timestamp, '2022-11-30', '1 day') d LEFT JOIN (SELECT customer_id, min(ordered_at)::date AS day FROM forecast.seasonal GROUP BY customer_id) c ON c.day = d WHERE d >= (SELECT min(ordered_at)::date FROM forecast.seasonal) GROUP BY d) c) r WHERE period_start IS NOT NULL;
-- two years, and no season wanted: level and trend, read off two days, are where the likelihood has its maximum
WITH told AS (SELECT ln(orders_new_first) AS l, 1 - exp(-(period_start - '2024-01-01' + 0.5) / 365.25) AS damped FROM forecast(:seasonal, '365 days', 'day', '2024-01-01', season => 'none') WHERE period_start IN ('2024-01-01', '2024-12-01')),
fitted AS (SELECT (max(l) - min(l)) / (max(damped) - min(damped)) AS trend, max(l) - (max(l) - min(l)) / (max(damped) - min(damped)) * max(damped) AS level FROM told),
days AS (SELECT (d::date - '2024-01-01'::date + 0.5) / 365.25 AS t, count(customer_id) AS n FROM generate_series('2022-01-01'::timestamp, '2023-12-31', '1 day') d LEFT JOIN (SELECT customer_id, min(ordered_at)::date AS day FROM forecast.seasonal GROUP BY customer_id) c ON c.day = d GROUP BY d)
SELECT abs(sum(n - exp(level + trend * t))) < 1e-6 AS level, abs(sum((n - exp(level + trend * t)) * t) - min(trend)) < 1e-4 AS trend FROM fitted, days;
-- the interval: of the same one to four horizons before, half an order added to each
WITH o AS (SELECT k, ('2024-01-01'::date - k * interval '4 months')::date AS origin, ('2024-01-01'::date - (k - 1) * interval '4 months')::date AS until FROM generate_series(1, 4) k),
r AS (SELECT f.period_start IS NULL AS is_total, ln((came + 0.5) / (f.orders + 0.5)) AS ratio FROM o, LATERAL forecast(:flat, '4 months', 'month', o.origin) f,
    LATERAL (SELECT count(DISTINCT (customer_id, ordered_at::date)) AS came FROM forecast.flat s WHERE s.ordered_at >= coalesce(f.period_start, o.origin) AND s.ordered_at < coalesce(f.period_start + interval '1 month', o.until)) s)
SELECT count(*) AS rows, bool_and(forecast.near(high / orders, exp(1.5332062740589438 * rms), 8) AND forecast.near(low / orders, exp(-1.5332062740589438 * rms), 8)) AS interval, min(model_status)
FROM forecast(:flat, '4 months', 'month', '2024-01-01') f JOIN (SELECT is_total, sqrt(avg(ratio ^ 2)) AS rms FROM r GROUP BY 1) r ON r.is_total = (f.period_start IS NULL);

-- ---------------------------------------------------------------------------
-- three forms; days
-- ---------------------------------------------------------------------------
CREATE TABLE forecast.rows AS SELECT * FROM forecast(:seasonal, '5 months', 'week', '2023-06-01', 'mbgnbd', '30 days');
SELECT count(*) AS differ FROM ((TABLE forecast.rows EXCEPT SELECT f.* FROM (SELECT purchase_days_state(customer_id, ordered_at, amount, '2023-06-01', 'UTC') AS s FROM forecast.seasonal) q, forecast(s, '5 months', 'week', 'mbgnbd', '30 days') f) UNION ALL
    (TABLE forecast.rows EXCEPT SELECT f.* FROM (SELECT order_history(customer_id, ordered_at, amount) AS h FROM forecast.seasonal) q, forecast(h, '2023-06-01', '5 months', 'week', 'mbgnbd', '30 days') f) UNION ALL
    (TABLE forecast.rows EXCEPT SELECT * FROM forecast(:seasonal, '5 months', 'week', '2023-06-01 23:00', 'mbgnbd', '30 days'))) d;
-- a day is one of the zone; of one that is not over, what has come is left out
SELECT (SELECT array_agg(f::text) FROM forecast(:seasonal, '30 days', 'day', '2023-06-01 23:30+09', tz => 'Asia/Tokyo') f) = (SELECT array_agg(f::text) FROM forecast(:seasonal, '30 days', 'day', '2023-06-01 00:00+09', tz => 'Asia/Tokyo') f) AS same,
       (SELECT min(period_start) FROM forecast(:seasonal, '30 days', 'day', '2023-06-01 23:30Z', tz => 'Asia/Tokyo')) AS first_day;
SELECT period_start, is_complete FROM forecast(:flat, '2 months', 'month', '2023-01-31') WHERE period_start IS NOT NULL;

-- ---------------------------------------------------------------------------
-- campaigns; shops that tell little
-- ---------------------------------------------------------------------------
-- a campaign on which three times as many came, each year: those to come use it, those that are the first of their kind are left out
CREATE TABLE forecast.sale AS SELECT i AS customer_id, d AS ordered_at, 10 AS amount FROM generate_series('2021-01-01'::timestamp, '2023-12-31', '1 day') WITH ORDINALITY d (d, n), LATERAL generate_series(n * 9 + 1, n * 9 + CASE WHEN to_char(d, 'MM-DD') BETWEEN '05-01' AND '05-10' THEN 9 ELSE 3 END) i
    UNION ALL SELECT i, '2021-02-01'::timestamp + (i * 7 % 1000) * interval '1 day', 10 FROM generate_series(1, 9000, 10) i;
\set sale 'NULL::bigint, ''forecast.sale'', ''customer_id'', ''ordered_at'', ''amount'''
SELECT name, CASE WHEN campaign / planted BETWEEN 0.85 AND 1.05 THEN 'as planted' ELSE round(campaign, 1)::text END AS campaign
FROM (SELECT name, (avg(orders_new_first) FILTER (WHERE period_start BETWEEN '2024-05-01' AND '2024-05-10') / avg(orders_new_first) FILTER (WHERE period_start >= '2024-05-11'))::numeric AS campaign
      FROM (SELECT 'known' AS name, f.* FROM forecast(:sale, '152 days', 'day', '2024-01-01', campaigns => '{"[2022-05-01,2022-05-11)","[2023-05-01,2023-05-11)","[2024-05-01,2024-05-11)"}') f UNION ALL
            SELECT 'new', f.* FROM forecast(:sale, '152 days', 'day', '2024-01-01', campaigns => '{"[2024-05-01,2024-05-11)"}') f UNION ALL SELECT 'none', f.* FROM forecast(:sale, '152 days', 'day', '2024-01-01') f) f WHERE period_start IS NOT NULL GROUP BY name) f,
     (SELECT avg(n) FILTER (WHERE is_sale) / avg(n) FILTER (WHERE NOT is_sale) AS planted FROM (SELECT to_char(day, 'MM-DD') BETWEEN '05-01' AND '05-10' AS is_sale, count(*) AS n FROM (SELECT min(ordered_at) AS day FROM forecast.sale GROUP BY customer_id) c WHERE day >= '2022-01-01' GROUP BY day) d) p ORDER BY name;
CREATE FUNCTION forecast.of(days text, horizon interval, as_of timestamptz) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT concat_ws(' ', coalesce(period_start::text, 'all'), round(orders_existing::numeric, 3), round(orders_new_first::numeric, 3), round(orders_new_repeat::numeric, 3), round(orders::numeric, 3), coalesce(round(revenue, 2)::text, '-'), coalesce(round(low::numeric, 3)::text, '-'), round(high::numeric, 3), model_status)
    FROM (SELECT order_history(customer, day, nullif(amount, 0)) AS h FROM (SELECT (string_to_array(o, ' '))[1]::bigint AS customer, (string_to_array(o, ' '))[2]::timestamptz AS day, (string_to_array(o, ' '))[3]::numeric AS amount FROM unnest(string_to_array(days, ',')) o) d) q, forecast(h, as_of, horizon) $$;
-- one customer; nobody ever again; money unknown; a cohort that came on one day, a year and three years ago
SELECT forecast.of('1 2023-01-05 5', '30 days', '2023-03-01');
SELECT forecast.of(string_agg(i || ' ' || '2023-01-01'::date + i || ' 10', ','), '30 days', '2023-03-01') FROM generate_series(1, 40) i;
SELECT forecast.of(string_agg(i || ' ' || '2023-01-01'::date + i * j || ' 0', ','), '1 month', '2023-03-01') FROM generate_series(1, 40) i, generate_series(0, 1) j;
SELECT forecast.of(string_agg(i || ' ' || '2023-01-01'::date + i * j * 3 || ' 10', ','), '1 month', d) FROM generate_series(1, 40) i, generate_series(0, 2) j, unnest('{2024-03-01,2026-03-01}'::timestamptz[]) d GROUP BY d ORDER BY d;
-- all on one day and no other; everybody every day; a slip of the pen is no age of the shop, and a step is no trend for ever
SELECT forecast.of(string_agg(i || ' 2023-02-28 10', ','), '1 month', '2023-03-01') FROM generate_series(1, 40) i;
SELECT forecast.of(string_agg(i || ' ' || '2023-01-01'::date + j || ' 10', ','), '1 month', '2023-03-01') FROM generate_series(1, 5) i, generate_series(0, 58) j;
SELECT count(*) AS months, max(orders_new_first) BETWEEN 2500 AND 3200 AS as_lately FROM forecast((SELECT order_history(i, CASE WHEN i = 0 THEN '1970-01-01' ELSE '2023-12-01'::timestamptz + (i % 30) * interval '1 day' END, 1) FROM generate_series(0, 3000) i), '2024-01-01') WHERE period_start IS NOT NULL;
SELECT count(*) AS months, max(orders_new_first) < 1e5 AS bounded FROM forecast((SELECT order_history(i, CASE WHEN i < 30 THEN '2020-01-01' ELSE '2023-12-01'::timestamptz + (i % 30) * interval '1 day' END, 1) FROM generate_series(0, 3000) i), '2024-01-01') WHERE period_start IS NOT NULL;
-- nothing at all, refunds alone, none before as_of: no rows; no value that clients choke on
SELECT (SELECT count(*) FROM forecast(NULL::order_history, now())) AS null_history, (SELECT count(*) FROM forecast(NULL::retention_state)) AS null_state, (SELECT count(*) FROM forecast((SELECT purchase_days_state(1::bigint, '2024-01-01', -1, '2025-01-01', 'UTC')))) AS refunds, (SELECT count(*) FROM forecast(:flat, as_of => '2019-01-01')) AS before;
SELECT bool_and(orders < 1e9) AS finite, count(revenue) AS revenues FROM forecast((SELECT order_history(i, '2023-01-01'::timestamptz + (i * j * j % 97) * interval '24 hours', 1e300 * (j + 1)) FROM generate_series(1, 50) i, generate_series(0, 3) j), '2023-05-01');
-- arguments
SELECT count(*) FROM forecast(:flat, NULL);
SELECT count(*) FROM forecast(:flat, '23 hours');
SELECT count(*) FROM forecast(:flat, '10 years 1 day', as_of => '2024-01-01');
SELECT count(*) FROM predict_customers(:flat, '90 days', '294276-12-31');
SELECT count(*) FROM forecast(:flat, '11 years', as_of => '2024-01-01');
SELECT count(*) FROM forecast(:flat, '170000000 years', as_of => '2024-01-01');
SELECT count(*) FROM forecast(:flat, grain => 'fortnight');
SELECT count(*) FROM forecast(:flat, grain => NULL);
SELECT count(*) FROM forecast(:flat, as_of => NULL);
SELECT count(*) FROM forecast(:flat, as_of => '-infinity');
SELECT count(*) FROM forecast(:flat, tz => NULL);
SELECT count(*) FROM forecast(:flat, tz => 'Nowhere');
SELECT count(*) FROM forecast(NULL::text, 'forecast.flat', 'customer_id', 'ordered_at', 'amount');
SELECT count(*) FROM forecast((SELECT aov_state(5)));
