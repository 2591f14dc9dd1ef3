-- holdout_forecasts.sql: how near forecast comes to all that a shop sells, and how often the
-- intervals of backtest_summary and forecast hold what then came. Every few weeks each is
-- asked for the weeks after, and compared with them.
--
-- orders_of (data, customer, day, amount) is filled by holdout.sh; the shops that are made of
-- customers of half a year alone are left out, since nobody new comes to them.

SET timezone = 'UTC';
SET client_min_messages = error;

CREATE TABLE shop_of AS
SELECT data, order_history(customer, day, amount) AS history, min(day)::date AS first_day, max(day)::date AS last_day
FROM orders_of WHERE data NOT LIKE 'made:%' AND data <> 'CDNOW, a tenth' GROUP BY data;

-- From half a year of orders on, or as many days as are asked for
CREATE TABLE forecast_told AS
SELECT data, days, f.*, came, money
FROM shop_of AS s, unnest('{91,365}'::int[]) AS days, generate_series(first_day + greatest(182, days), last_day - days + 1, interval '28 days') AS origin,
    LATERAL (SELECT * FROM forecast(history, origin, days * interval '1 day', 'year') WHERE period_start IS NULL) AS f,
    LATERAL (SELECT count(DISTINCT (customer, day::date)) AS came, sum(amount) AS money FROM orders_of AS o
             WHERE o.data = s.data AND day >= origin AND day < origin + days * interval '24 hours') AS c;

CREATE VIEW report_forecasts AS
SELECT data, days AS "days ahead", count(orders) AS forecasts,
       to_char(100 * avg(abs(orders / came - 1)), 'FM990.0') || ' %' AS "orders, mean error",
       to_char(100 * avg(orders / came - 1), 'FMSG990.0') || ' %' AS "mean",
       to_char(100 * avg(abs(revenue / money - 1)), 'FM990.0') || ' %' AS "revenue, mean error",
       count(*) FILTER (WHERE came BETWEEN low AND high) || ' of ' || count(low) AS "in the interval",
       to_char(100 * (percentile_cont(0.5) WITHIN GROUP (ORDER BY high / orders) - 1), 'FMSG99990') || ' %' AS "which reaches to"
FROM forecast_told GROUP BY data, days HAVING count(orders) > 0 ORDER BY data, days;

-- From two horizons of orders on; a day's forecasts overlap those of the next, and are no
-- independent trials
CREATE TABLE interval_told AS
SELECT data, days, error_high, actual BETWEEN predicted * (1 + error_low) AND predicted * (1 + error_high) AS is_inside
FROM shop_of, unnest('{28,91}'::int[]) AS days, generate_series(first_day + 2 * days, last_day - days + 1, interval '14 days') AS origin,
    LATERAL (SELECT error_low, error_high FROM backtest_summary(history, origin, days * interval '1 day') WHERE origin IS NULL) AS s,
    LATERAL (SELECT predicted, actual FROM backtest(history, origin, origin + days * interval '24 hours') WHERE x IS NULL) AS b
WHERE error_low IS NOT NULL;

CREATE VIEW report_intervals AS
SELECT coalesce(data, 'all') AS data, days AS "days ahead", count(*) AS forecasts,
       to_char(100.0 * count(*) FILTER (WHERE is_inside) / count(*), 'FM990') || ' %' AS "in the interval",
       to_char(100 * percentile_cont(0.5) WITHIN GROUP (ORDER BY error_high), 'FMSG99990') || ' %' AS "which reaches to"
FROM interval_told GROUP BY ROLLUP (days, data) HAVING days IS NOT NULL ORDER BY days, interval_told.data;
