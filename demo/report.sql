-- report.sql: what a shop's owner asks, page by page, each answer under the SQL that
-- gave it (psql echoes the queries exactly as it sends them).

SET timezone = 'UTC';
SET datestyle = 'ISO';
\pset footer off
\pset null '-'

-- Everything is seen from the midnight (UTC) after the last row.
SELECT (max(ordered_at) + interval '1 day')::date AS as_of,
	greatest(date_trunc('month', min(ordered_at)),
		date_trunc('month', max(ordered_at) + interval '1 day' - interval '1 year'))::date AS first_month,
	count(country) > 0 AS has_country,
	min(ordered_at) > max(ordered_at) - interval '2 years' AS is_short
FROM orders \gset
SELECT count(*) > 0 AS has_bad_rows FROM bad_row \gset

\set ECHO queries

\echo
\echo '==== 1. The data =============================================================='
\echo
\x on
SELECT count(*) AS "rows",
       count(*) FILTER (WHERE amount > 0) AS "orders",
       count(*) FILTER (WHERE amount < 0) AS "refunds",
       count(*) FILTER (WHERE amount = 0) AS "rows of nothing",
       count(*) FILTER (WHERE amount IS NULL) AS "orders of unknown value",
       count(DISTINCT customer_id) AS "customers",
       count(*) FILTER (WHERE customer_id IS NULL) AS "rows without a customer",
       min(ordered_at) AS "first",
       max(ordered_at) AS "last",
       (SELECT count(*) FROM bad_row) AS "lines left out"
FROM orders;
\x off
\if :has_bad_rows
\echo
SELECT reason, count(*) AS lines, min(line) AS "first line",
       (array_agg(left(content, 40) ORDER BY line))[1:3] AS examples
FROM bad_row GROUP BY reason ORDER BY lines DESC;
\endif

\echo
\echo '==== 2. Do customers come back, and what are they worth? ======================='
\echo 'as of' :as_of '00:00 UTC, the midnight after the last row'
\echo
\x on
-- Refunds are no orders; an order of unknown value is one.
SELECT round(100 * repeat_rate(customer_id)::numeric, 1)
           AS "% with two orders or more, ever",
       round(100 * repeat_rate(customer_id, ordered_at, '365 days', :'as_of')::numeric, 1)
           AS "% with two orders or more in the last 365 days",
       round(100 * second_order_rate(customer_id, ordered_at, '90 days', :'as_of')::numeric, 1)
           AS "% with a second order within 90 days",
       round(100 * churn_rate(customer_id, ordered_at, '180 days',
                              timestamptz :'as_of' - interval '3 months', :'as_of')::numeric, 1)
           AS "% lost in the last three months: 180 days silent",
       round(100 * inactive_rate(customer_id, ordered_at, '180 days', :'as_of')::numeric, 1)
           AS "% of all customers ever that are silent for 180 days"
FROM orders
WHERE amount > 0 IS NOT FALSE;

\if :is_short
\echo 'Revenue retention compares the last two years, and these orders do not fill them.'
\echo
\endif
-- Money is net of refunds.
SELECT round(100 * gross_revenue_retention(customer_id, ordered_at, amount,
                                           '1 year', :'as_of')::numeric, 1)
           AS "% of the previous year's revenue kept (gross)",
       round(100 * net_revenue_retention(customer_id, ordered_at, amount,
                                         '1 year', :'as_of')::numeric, 1)
           AS "% with what the same customers spent more (net)",
       round(aov(amount), 2)
           AS "average order value",
       round(purchase_frequency(customer_id, amount)::numeric, 2)
           AS "orders per customer",
       round(customer_value(customer_id, amount), 2)
           AS "value of a customer so far",
       round(clv(customer_id, ordered_at, amount, '1 year', '3 years', :'as_of'), 2)
           AS "lifetime value, three years like the last"
FROM orders;
\x off

\echo
\echo '==== 3. Month by month ========================================================='
\echo 'Each line as its month ended, the last perhaps unfinished; orders, revenue and the'
\echo 'average order value (aov) are those of the month'
\echo
SELECT to_char(month_start, 'YYYY-MM') AS month, kpi.*
FROM generate_series(timestamptz :'first_month',
                     timestamptz :'as_of' - interval '1 day', '1 month') AS month_start,
     -- the microsecond before midnight: an order at 00:00 on the first is the new month's
     LATERAL (SELECT month_start - interval '1 microsecond',
                     least(month_start + interval '1 month', :'as_of') - interval '1 microsecond'
             ) AS month (opening, closing),
     LATERAL (
         SELECT count(*) FILTER (WHERE ordered_at >= month_start AND amount > 0 IS NOT FALSE) AS orders,
                round(sum(amount) FILTER (WHERE ordered_at >= month_start), 0) AS revenue,
                round(aov(amount) FILTER (WHERE ordered_at >= month_start), 2) AS aov,
                round(100 * repeat_rate(customer_id, ordered_at, '365 days', closing)
                      FILTER (WHERE amount > 0 IS NOT FALSE)::numeric, 1) AS "repeat %",
                round(100 * second_order_rate(customer_id, ordered_at, '90 days', closing)
                      FILTER (WHERE amount > 0 IS NOT FALSE)::numeric, 1) AS "second %",
                round(100 * churn_rate(customer_id, ordered_at, '180 days', opening, closing)
                      FILTER (WHERE amount > 0 IS NOT FALSE)::numeric, 1) AS "churn %",
                round(100 * net_revenue_retention(customer_id, ordered_at, amount,
                                                  '1 year', closing)::numeric, 1) AS "net %",
                round(clv(customer_id, ordered_at, amount, '1 year', '3 years', closing), 2) AS clv
         FROM orders
         WHERE ordered_at <= closing
     ) AS kpi
ORDER BY month;

\if :has_country
\echo
\echo '==== 4. By country: the eight with most customers =============================='
\echo
SELECT coalesce(country, '(unknown)') AS country,
       count(DISTINCT customer_id) AS customers,
       round(100 * repeat_rate(customer_id)
             FILTER (WHERE amount > 0 IS NOT FALSE)::numeric, 1) AS "repeat %",
       round(100 * second_order_rate(customer_id, ordered_at, '90 days', :'as_of')
             FILTER (WHERE amount > 0 IS NOT FALSE)::numeric, 1) AS "second %",
       round(100 * inactive_rate(customer_id, ordered_at, '180 days', :'as_of')
             FILTER (WHERE amount > 0 IS NOT FALSE)::numeric, 1) AS "silent %",
       round(aov(amount), 2) AS aov,
       round(purchase_frequency(customer_id, amount)::numeric, 2) AS "orders each",
       round(clv(customer_id, ordered_at, amount, '1 year', '3 years', :'as_of'), 2) AS clv
FROM orders
GROUP BY country
ORDER BY customers DESC
LIMIT 8;
\endif

\echo
\echo '==== 5. What may a new customer cost? =========================================='
\echo 'An example: 25,000 spent on 1,000 new customers, 40 % margin, money at 10 % a year,'
\echo '2.5 % of visitors buy, and a discount of 15 % is planned'
\echo
\x on
WITH shop AS (
    SELECT aov(amount) AS aov,
           clv(customer_id, ordered_at, amount, '1 year', '1 year', :'as_of') AS value_per_year
    FROM orders
)
SELECT round(cac(25000, 1000), 2)
           AS "cost of a new customer",
       round(clv_net(value_per_year, 3, 0.40, 0.10), 2)
           AS "profit from one in three years, in today's money",
       payback_orders(cac(25000, 1000), aov, 0.40)
           AS "orders until the cost is earned back",
       round(100 * breakeven_conversion(0.025, 0.40, 0.15)::numeric, 2)
           AS "% of visitors that must buy with the discount"
FROM shop;
\x off
