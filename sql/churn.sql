-- Churn: churn_rate, inactive_rate, revenue retention, churn_convert
SET TimeZone = 'UTC';
SET extra_float_digits = 1;

-- a table small enough to check by hand: A stays, B leaves, C returns, D is new
CREATE TEMP TABLE few (customer text, ordered_at timestamptz, amount numeric);
INSERT INTO few VALUES
    ('A', '2024-01-10', 100), ('A', '2024-02-10', 60), ('A', '2024-02-20', 20),
    ('B', '2024-01-20', 50),
    ('C', '2023-10-01', 10), ('C', '2024-02-15', 30),
    ('D', '2024-02-28', 40),
    ('E', '2024-01-05', 80), ('E', '2024-02-05', 200),
    ('F', '2024-01-15', 20), ('F', '2024-02-16', -5);
SELECT churn_rate(customer, ordered_at, '31 days', '2024-01-31 12:00', '2024-03-01') AS churned_1_of_4,
       inactive_rate(customer, ordered_at, '31 days', '2024-03-01') AS lost_1_of_6,
       gross_revenue_retention(customer, ordered_at, amount, '1 month', '2024-03-01') AS gross_160_of_250,
       net_revenue_retention(customer, ordered_at, amount, '1 month', '2024-03-01') AS net_275_of_250
FROM few;

-- ---------------------------------------------------------------------------
-- orders that have dates and no times: windows begin with their first day and leave
-- their last out, so that months are months
-- ---------------------------------------------------------------------------
SELECT net_revenue_retention(c, d, m, '1 month', '2024-05-01') AS net_50_of_200, gross_revenue_retention(c, d, m, '1 month', '2024-05-01') AS gross_50_of_200,
       churn_rate(c, d, '1 month', '2024-04-01', '2024-05-01') AS churned_1_of_2
FROM (VALUES (1, date '2024-03-01', 100), (1, '2024-04-01', 50), (2, '2024-03-31', 100), (2, '2024-05-01', 100)) v(c, d, m);
-- subscriptions that are booked on the last day of a month; 0 is no order
SELECT as_of, churn_rate(c, d, '1 month', as_of - interval '1 month', as_of) FILTER (WHERE m > 0) AS churn,
       round(gross_revenue_retention(c, d, m, '1 month', as_of)::numeric, 7) AS gross, round(net_revenue_retention(c, d, m, '1 month', as_of)::numeric, 7) AS net
FROM (VALUES ('u1', date '2025-07-31', 20), ('u1', '2025-08-31', 0), ('u2', '2025-07-31', 50), ('u2', '2025-08-31', 50), ('u2', '2025-09-30', 50),
             ('u3', '2025-07-31', 30), ('u3', '2025-08-31', 20), ('u3', '2025-09-30', 0), ('u4', '2025-07-31', 0), ('u4', '2025-08-31', 15), ('u4', '2025-09-30', 0),
             ('u5', '2025-07-31', 15), ('u5', '2025-08-31', 0), ('u6', '2025-07-31', 25), ('u6', '2025-08-31', 35), ('u6', '2025-09-30', 35), ('u7', '2025-07-31', 40), ('u7', '2025-08-31', 0)) v(c, d, m),
     unnest(ARRAY[timestamptz '2025-09-01', '2025-10-01']) as_of GROUP BY as_of ORDER BY as_of;
-- four years of dates, the first and the last of months often among them: each month, as of the
-- first of the next, is what its calendar says
CREATE TEMP TABLE dated AS
SELECT i % 211 AS customer, CASE i % 5 WHEN 0 THEN month::date WHEN 1 THEN (month + interval '1 month - 1 day')::date ELSE (month + (noise(i, 82) * 27)::int * interval '1 day')::date END AS day,
       CASE WHEN i % 17 = 0 THEN -3.5 ELSE round(noise(i, 83)::numeric * 90, 2) END AS amount
FROM (SELECT i, date_trunc('month', timestamp '2021-01-15' + noise(i, 81) * interval '1430 days') AS month FROM generate_series(1, 6000) i) m;
SELECT count(*) AS months, count(*) FILTER (WHERE (net, gross, churn) IS DISTINCT FROM (their_net, their_gross, their_churn)) AS differ, count(*) FILTER (WHERE churn > 0) AS with_churn
FROM (SELECT next, net_revenue_retention(customer, day, amount, '1 month', next) AS net, gross_revenue_retention(customer, day, amount, '1 month', next) AS gross,
             churn_rate(customer, day, '1 month', next - interval '1 month', next) FILTER (WHERE amount > 0) AS churn
      FROM dated, generate_series(timestamptz '2021-03-01', '2025-01-01', '1 month') next GROUP BY next) ours
     JOIN (SELECT next, (sum(now) FILTER (WHERE before > 0) / sum(before) FILTER (WHERE before > 0))::float8 AS their_net,
                  (sum(least(before, greatest(now, 0))) FILTER (WHERE before > 0) / sum(before) FILTER (WHERE before > 0))::float8 AS their_gross,
                  count(*) FILTER (WHERE ordered_before AND NOT ordered_now)::float8 / nullif(count(*) FILTER (WHERE ordered_before), 0) AS their_churn
           FROM (SELECT next, customer, coalesce(sum(amount) FILTER (WHERE month = next - interval '1 month'), 0) AS now, coalesce(sum(amount) FILTER (WHERE month = next - interval '2 months'), 0) AS before,
                        coalesce(bool_or(amount > 0) FILTER (WHERE month = next - interval '1 month'), false) AS ordered_now, coalesce(bool_or(amount > 0) FILTER (WHERE month = next - interval '2 months'), false) AS ordered_before
                 FROM generate_series(timestamp '2021-03-01', '2025-01-01', '1 month') next, (SELECT *, date_trunc('month', day) AS month FROM dated) d GROUP BY 1, 2) c GROUP BY next) theirs
     ON ours.next AT TIME ZONE 'UTC' = theirs.next;

-- ---------------------------------------------------------------------------
-- oracles: every moment and window, all types of key, and by country
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE moments AS
SELECT * FROM
    (VALUES (timestamptz '2022-12-31'), ('2023-01-01 12:00'), ('2024-02-29 00:00'), ('2024-03-31 23:00'),
            ('2024-10-27 01:00'), ('2025-01-01'), ('2025-06-19'), ('2031-01-01')) a(as_of),
    (VALUES (interval '1 hour'), ('30 days'), ('1 month'), ('3 months 5 days'), ('1 year'), ('100 years')) p(period);

CREATE FUNCTION before(at timestamptz, span interval) RETURNS timestamptz
LANGUAGE sql IMMUTABLE RETURN (at AT TIME ZONE 'UTC' - span) AT TIME ZONE 'UTC';

-- lost of all customers
SELECT m.*, ours.*, theirs.*
FROM moments m,
     LATERAL (SELECT inactive_rate(customer_id, ordered_at, period, as_of), inactive_rate(customer_code, ordered_at, period, as_of),
                     inactive_rate(customer_email, ordered_at, period, as_of), inactive_rate(customer_uuid, ordered_at, period, as_of)
              FROM shop_orders) ours(a, b, c, d),
     LATERAL (SELECT sum((last_order_at < before(m.as_of, m.period))::int)::float8 / nullif(count(*), 0)
              FROM (SELECT max(ordered_at) last_order_at FROM shop_orders
                    WHERE customer_id IS NOT NULL AND ordered_at < m.as_of GROUP BY customer_id) x) theirs(r)
WHERE (a, b, c, d) IS DISTINCT FROM (r, r, r, r);

-- active at the start and not at the end, by the last order before each
SELECT m.as_of, m.period, n.length, ours.*, theirs.*
FROM moments m, (VALUES (interval '1 day'), ('3 months'), ('2 years')) n(length),
     LATERAL (SELECT churn_rate(customer_id, ordered_at, period, as_of, as_of + n.length),
                     churn_rate(customer_email, ordered_at, period, as_of, as_of + n.length)
              FROM shop_orders) ours(a, b),
     LATERAL (SELECT sum((last_by_end < before(m.as_of + n.length, m.period))::int)::float8 / nullif(count(*), 0)
              FROM (SELECT max(ordered_at) FILTER (WHERE ordered_at < m.as_of) last_by_start,
                           max(ordered_at) FILTER (WHERE ordered_at < m.as_of + n.length) last_by_end
                    FROM shop_orders WHERE customer_id IS NOT NULL GROUP BY customer_id) x
              WHERE last_by_start >= before(m.as_of, m.period)) theirs(r)
WHERE (a, b) IS DISTINCT FROM (r, r);

-- money kept
SELECT m.*, ours.*, theirs.*
FROM moments m,
     LATERAL (SELECT gross_revenue_retention(customer_id, ordered_at, amount, period, as_of),
                     gross_revenue_retention(customer_email, ordered_at, amount, period, as_of),
                     net_revenue_retention(customer_id, ordered_at, amount, period, as_of),
                     net_revenue_retention(customer_uuid, ordered_at, amount, period, as_of)
              FROM shop_orders) ours(a, b, c, d),
     LATERAL (SELECT (sum(least(prev, greatest(coalesce(cur, 0), 0))) / sum(prev))::float8, (coalesce(sum(cur), 0) / sum(prev))::float8
              FROM (SELECT sum(amount) FILTER (WHERE ordered_at < before(m.as_of, m.period)) prev,
                           sum(amount) FILTER (WHERE ordered_at >= before(m.as_of, m.period)) cur
                    FROM shop_orders
                    WHERE customer_id IS NOT NULL AND ordered_at >= before(m.as_of, 2 * m.period) AND ordered_at < m.as_of
                    GROUP BY customer_id) x
              WHERE prev > 0) theirs(gross, net)
WHERE (a, b, c, d) IS DISTINCT FROM (gross, gross, net, net);

-- groups: by country, by month of the order
SELECT * FROM
    (SELECT country, churn_rate(customer_id, ordered_at, '90 days', '2024-06-30', '2024-09-30') a,
            gross_revenue_retention(customer_code, ordered_at, amount, '6 months', '2025-01-01') b
     FROM shop_orders GROUP BY country) ours
    JOIN (SELECT country, count(*) FILTER (WHERE at_start AND NOT at_end)::float8 / nullif(count(*) FILTER (WHERE at_start), 0) c,
                 (sum(least(prev, greatest(cur, 0))) FILTER (WHERE prev > 0) / sum(prev) FILTER (WHERE prev > 0))::float8 d
          FROM (SELECT country, customer_id,
                       bool_or(ordered_at >= timestamptz '2024-06-30' - interval '90 days' AND ordered_at < '2024-06-30') at_start,
                       bool_or(ordered_at >= timestamptz '2024-09-30' - interval '90 days' AND ordered_at < '2024-09-30') at_end,
                       coalesce(sum(amount) FILTER (WHERE ordered_at >= '2024-01-01' AND ordered_at < '2024-07-01'), 0) prev,
                       coalesce(sum(amount) FILTER (WHERE ordered_at >= '2024-07-01' AND ordered_at < '2025-01-01'), 0) cur
                FROM shop_orders WHERE customer_id IS NOT NULL GROUP BY country, customer_id) x
          GROUP BY country) theirs USING (country)
WHERE (a, b) IS DISTINCT FROM (c, d);

-- ---------------------------------------------------------------------------
-- the grid
-- ---------------------------------------------------------------------------
SELECT churn_rate(customer, ordered_at, '1 month', '2024-01-01', '2024-02-01'), inactive_rate(customer, ordered_at, '1 month', '2024-02-01'),
       gross_revenue_retention(customer, ordered_at, amount, '1 month', '2024-02-01'), net_revenue_retention(customer, ordered_at, amount, '1 month', '2024-02-01')
FROM few WHERE false;
SELECT churn_rate(NULL::text, ordered_at, '1 month', '2024-01-01', '2024-02-01'), inactive_rate(customer, NULL, '1 month', '2024-02-01'),
       gross_revenue_retention(customer, ordered_at, NULL, '1 month', '2024-02-01'), net_revenue_retention(NULL::text, NULL, NULL, '1 month', '2024-02-01')
FROM few;
SELECT churn_rate(1, '2024-01-01', '1 month', '2024-01-02', '2024-02-02'), inactive_rate(1, '2024-01-01', '1 month', '2024-02-02'),
       gross_revenue_retention(1, '2024-01-01', 5, '1 month', '2024-03-01'), net_revenue_retention(1, '2024-02-01', 5, '1 month', '2024-02-01');
SELECT churn_rate(customer, ordered_at, '1 month', '2024-01-01', '2024-02-01') FILTER (WHERE amount > 1000) AS none_matches FROM few;
-- a previous period whose money is not above zero counts for nothing
SELECT net_revenue_retention(c, t, m, '1 month', '2024-03-01')
FROM (VALUES ('a', timestamptz '2024-01-15', 10), ('a', '2024-01-16', -10), ('a', '2024-02-10', 100)) v(c, t, m);
-- no money in the current period is 0, not NULL
SELECT net_revenue_retention(customer, ordered_at, amount, '1 month', '2024-02-01'), gross_revenue_retention(customer, ordered_at, amount, '1 month', '2024-02-01')
FROM (VALUES ('a', timestamptz '2023-12-15', 10)) v(customer, ordered_at, amount);
-- twice, beside its twin that shares the state, distinct, ordered, over windows
SELECT gross_revenue_retention(customer, ordered_at, amount, '1 month', '2024-03-01') AS gross,
       net_revenue_retention(customer, ordered_at, amount, '1 month', '2024-03-01') AS net,
       gross_revenue_retention(DISTINCT customer, ordered_at, amount, '1 month', '2024-03-01') AS gross_distinct,
       net_revenue_retention(customer, ordered_at, amount, '1 month', '2024-03-01' ORDER BY amount) AS net_ordered,
       net_revenue_retention(customer, ordered_at, amount, '1 month', '2024-03-01') FILTER (WHERE customer <> 'E') AS net_without_e
FROM few;
SELECT customer, ordered_at, amount, net_revenue_retention(customer, ordered_at, amount, '1 month', '2024-03-01') OVER w AS net,
       inactive_rate(customer, ordered_at, '31 days', '2024-03-01') OVER w AS inactive,
       churn_rate(customer, ordered_at, '31 days', '2024-01-31 12:00', '2024-03-01') OVER w AS churn
FROM few WINDOW w AS (ORDER BY customer, ordered_at ROWS BETWEEN 3 PRECEDING AND CURRENT ROW);
SELECT DISTINCT gross_revenue_retention(customer_id, ordered_at, amount, '1 year', '2025-01-01') OVER ()
       = (SELECT gross_revenue_retention(customer_id, ordered_at, amount, '1 year', '2025-01-01') FROM shop_orders) AS equal
FROM shop_orders;
-- money of any size and scale
SELECT gross_revenue_retention(c, t, m, '1 month', '2024-03-01') FROM
    (VALUES (1, timestamptz '2024-01-15', 3e40), (1, '2024-02-15', 1e40), (1, '2024-02-16', 2e40 / 3), (2, '2024-01-15', 1e-25), (2, '2024-02-15', 5)) v(c, t, m);

-- bad arguments
SELECT churn_rate(1, '2024-01-01', '1 month', '2024-02-01', '2024-01-01');
SELECT churn_rate(1, '2024-01-01', '1 month', '2024-02-01', '2024-02-01');
SELECT churn_rate(1, '2024-01-01', '-1 month', '2024-01-01', '2024-02-01');
SELECT churn_rate(1, '2024-01-01', '1 month', 'infinity', '2024-02-01');
SELECT churn_rate(1, '2024-01-01', '1 month', '2024-01-01', NULL);
SELECT inactive_rate(1, '-infinity', '1 month', '2024-01-01');
SELECT inactive_rate(1, '2024-01-01', '0 days', '2024-01-01');
SELECT inactive_rate(1, '2024-01-01', '90', '2024-01-01');
SELECT churn_rate(1, '2024-01-01', '30', '2024-01-01', '2024-02-01');
SELECT net_revenue_retention(1, '2024-01-01', 1, '365', '2024-01-02');
SELECT inactive_rate(1, '2024-01-01', NULL, '2024-01-01');
SELECT inactive_rate(customer, ordered_at, '1 month', ordered_at) FROM few;
SELECT net_revenue_retention(1, '2024-01-01', 'NaN', '1 month', '2024-01-02');
SELECT net_revenue_retention(1, '2024-01-01', 'Infinity', '1 month', '2024-01-02');
SELECT net_revenue_retention(1, '2024-01-01', 1, '-1 month', '2024-01-02');
SELECT net_revenue_retention(1, '2024-01-01', 1, '170000000 years', '2024-01-02');
SELECT net_revenue_retention(1, '2024-01-01', 1, '4000 years', '2024-01-02');

-- ---------------------------------------------------------------------------
-- churn_convert
-- ---------------------------------------------------------------------------
SELECT rate, periods, round(churn_convert(rate, periods)::numeric, 12) AS converted,
       abs(churn_convert(churn_convert(rate, periods), 1 / periods) - rate) < 1e-12 AS and_back,
       abs(churn_convert(rate, periods) - (1 - (1 - rate) ^ periods)) < 1e-15 AS as_defined
FROM (VALUES (0.05, 12.0), (0.05, 4), (0.5, 1 / 12.0), (1e-9, 12), (0, 3), (1, 2)) v(rate, periods);
SELECT churn_convert(0.05, 0), churn_convert(1, 0), churn_convert(NULL, 12), churn_convert(0.05, NULL);
SELECT churn_convert(1e-18, 12);
SELECT churn_convert(1.5, 12);
SELECT churn_convert(-0.1, 12);
SELECT churn_convert('NaN', 12);
SELECT churn_convert(0.1, -1);
SELECT churn_convert(0.1, 'Infinity');

DROP FUNCTION before(timestamptz, interval);
