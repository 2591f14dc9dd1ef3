-- live_report.sql: the tracking that is measured, and the table of the report

SET client_min_messages = warning;
DROP VIEW IF EXISTS orders_live_source;
DROP TABLE IF EXISTS orders_live_customers, orders_live_changes, orders_live_settings;
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount') \g /dev/null
CREATE TABLE bench.histories AS SELECT customer, history FROM orders_live_customers;
VACUUM (FREEZE, ANALYZE) orders_live_customers, orders_live_changes, orders_live_settings, bench.histories;

-- Seconds that this process has had the processor for, exactly
CREATE FUNCTION bench.processor_now() RETURNS double precision LANGUAGE sql AS $$
    SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::bigint / 1e9
$$;

CREATE TABLE bench.live_lap (name text, contender text, number double precision);

-- What is promised of a number: at most or at least so many times another one, above
-- another one by so much, or so much
CREATE TABLE bench.live_work (
    position int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    contender text NOT NULL,
    beside text,                 -- the contender it is measured by
    most_times numeric,
    least_times numeric,
    most_above numeric,
    at_most numeric
);
INSERT INTO bench.live_work (name, contender, beside, most_times, least_times, most_above, at_most) VALUES
    ('INSERT of one row, processor time, µs', 'orders', 'untracked', 1.25, NULL, NULL, NULL),
    ('INSERT, 8 clients, a second', 'orders', 'untracked', NULL, 0.95, NULL, NULL),
    ('INSERT for one customer, 8 clients, a second', 'orders', 'untracked', NULL, 0.95, NULL, NULL),
    ('COPY, processor time, s', 'orders', 'untracked', 1.15, NULL, NULL, NULL),
    ('lookup of one customer, processor time, µs', 'stored', 'SELECT 1', NULL, NULL, 25, NULL),
    ('lookup of one customer, processor time, µs', 'marked', 'SELECT 1', NULL, NULL, 150, NULL),
    ('lookup of a marked customer, µs', '99 of 100 take at most', NULL, NULL, NULL, NULL, 1000),
    ('refresh, processor time, µs a customer', 'one in 100 changed', NULL, NULL, NULL, NULL, 25),
    ('refresh, processor time, µs a customer', 'one in 5 changed', NULL, NULL, NULL, NULL, 25),
    ('refresh, processor time, ms', 'one in 5 changed', 'one in 1 changed', 1.3, NULL, NULL, NULL),
    ('churn_rate, 1 % marked, processor time, ms', 'orders_live', 'bench.histories', 1.3, NULL, NULL, NULL),
    ('storage, MB', 'tracking', 'orders', 0.35, NULL, NULL, NULL);

CREATE VIEW bench.live_median AS
SELECT name, contender, percentile_cont(0.5) WITHIN GROUP (ORDER BY number) AS number, min(number) AS least
FROM bench.live_lap GROUP BY name, contender;

CREATE VIEW bench.report_live AS
SELECT w.name AS "live", w.contender || coalesce(', ' || w.beside, '') AS "what, beside what",
       concat_ws(', ', to_char(m.number, 'FM999999990.0'), to_char(b.number, 'FM999999990.0')) AS "median",
       CASE WHEN w.most_times IS NOT NULL THEN bench.times(m.number, b.number, '≤', w.most_times)
            WHEN w.least_times IS NOT NULL THEN bench.times(m.number, b.number, '≥', w.least_times)
            WHEN w.most_above IS NOT NULL THEN to_char(m.number - b.number, 'FM+9990.0') || ' (≤ ' || w.most_above || ')'
            ELSE '(≤ ' || w.at_most || ')' END AS "ratio or difference",
       CASE WHEN m.number IS NULL THEN NULL
            WHEN w.most_times IS NOT NULL OR w.least_times IS NOT NULL THEN bench.verdict(m.number / b.number, w.most_times, m.number / b.number, w.least_times)
            WHEN w.most_above IS NOT NULL THEN bench.verdict(m.number - b.number, w.most_above)
            ELSE bench.verdict(m.number, w.at_most) END AS "verdict"
FROM bench.live_work AS w
LEFT JOIN bench.live_median AS m ON m.name = w.name AND m.contender = w.contender
LEFT JOIN bench.live_median AS b ON b.name = w.name AND b.contender = w.beside
ORDER BY w.position;
