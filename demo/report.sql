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
	min(ordered_at) > max(ordered_at) - interval '2 years' AS is_short,
	(SELECT pg_typeof(customer_id) FROM orders LIMIT 1) AS customer_type,
	-- load.sql numbers the lines of a file without order numbers
	CASE WHEN bool_and(order_id::text LIKE 'line %') THEN 'NULL' ELSE '''order_id''' END AS order_id_column
FROM orders \gset
SELECT count(*) > 0 AS has_bad_rows FROM bad_row \gset

-- A list that would be empty is a sentence instead.
SELECT count(DISTINCT customer_id) FILTER (WHERE amount > 0 IS NOT FALSE) > 0 AS has_customers,
	count(DISTINCT customer_id) < 30 AS has_few_customers,
	EXISTS (
		SELECT FROM hero_buyers(NULL:::customer_type, 'orders', 'customer_id', 'ordered_at', 'amount',
			as_of => :'as_of')
	) AS has_heroes,
	EXISTS (
		SELECT FROM rfm_segments(NULL:::customer_type, 'orders', 'customer_id', 'ordered_at', 'amount',
			as_of => :'as_of')
		WHERE segment IN ('at_risk', 'cant_lose')
	) AS has_risks,
	EXISTS (
		SELECT FROM rfm_transitions(NULL:::customer_type, 'orders', 'customer_id', 'ordered_at', 'amount',
			from_as_of => timestamptz :'as_of' - interval '90 days', to_as_of => :'as_of')
		WHERE from_segment NOT IN ('none', to_segment)
	) AS has_moves
FROM orders \gset

\set ECHO queries

\echo
\echo '==== 1. Is the data what it seems? ============================================='
\echo 'retention_check looks for what would make the numbers below wrong: in how many rows (or'
\echo 'customers, where they are the trouble), and what to do about it'
\echo
CREATE TEMP TABLE finding AS
SELECT *
FROM retention_check('orders', 'customer_id', 'ordered_at', 'amount',
                     order_id_column => :order_id_column, as_of => :'as_of');
\echo

\set ECHO none
SELECT count(*) FILTER (WHERE severity = 'ok') || ' of ' || count(*) || ' checks found nothing'
		|| coalesce('; not made, without order ids: '
			|| string_agg(check_name, ', ') FILTER (WHERE severity = 'not_checked'), '') AS nothing,
	count(*) FILTER (WHERE affected_rows > 0) > 0 AS has_findings
FROM finding \gset
\set ECHO queries
\if :has_findings
\pset linestyle old-ascii
SELECT severity, check_name AS "check", affected_rows AS affected,
       rtrim(regexp_replace(advice || coalesce(' For example: ' || left(example, 99), ''),
                            '(.{1,50})( |$)', E'\\1\n', 'g'), E'\n') AS "what to do"
FROM finding
WHERE affected_rows > 0
ORDER BY array_position(ARRAY['error', 'warning', 'info'], severity), check_name;
\pset linestyle ascii
\endif
\echo :nothing

\echo
\echo '==== 2. The data ==============================================================='
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
\echo '==== 3. Do customers come back, and what are they worth? ======================='
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
\echo '==== 4. Month by month ========================================================='
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

\echo
\echo '==== 5. Who are the customers? ================================================='
\if :has_customers
\echo 'Every customer is scored from 1 to 5 against all the others, 5 is best: how recently they'
\echo 'bought (R), how often (F) and for how much money (M). Segments are names for these scores:'
\echo
\echo '  Champions            a lot, and lately         Loyal customers  a lot, some time ago'
\echo '  Potential loyalists  some, and lately          Need attention   some, some time ago'
\echo '  New customers        little, just now          Promising        little, not long ago'
\echo '  About to sleep       little, some time ago     Hibernating      little, long ago'
\echo '  At risk              a lot or some, long ago   Can''t lose them  a lot, very long ago'
\echo '  Not scored           no amount is known        Lost             little, very long ago'
\if :has_few_customers
\echo
\echo 'These customers are few: the best of a handful may not be good, nor the last of it lost'
\endif
\echo
\echo 'segment_summary: the segments, those with most revenue (net of refunds) first. aov is the'
\echo 'average order value. silent: half of the segment has not ordered for so many days, or more'
\echo
SELECT rfm_segment_label(segment) AS segment,
       customers,
       round(100 * share::numeric, 1) AS "share %",
       round(revenue, 0) AS revenue,
       round(100 * revenue_share::numeric, 1) AS "revenue %",
       repeat('█', round(16 * greatest(revenue_share, 0) / max(revenue_share) OVER ())::int)
           AS "revenue drawn",
       round(aov, 2) AS aov,
       round(median_recency_days) AS "silent"
FROM segment_summary(NULL:::customer_type, 'orders', 'customer_id', 'ordered_at', 'amount',
                     as_of => :'as_of')
ORDER BY revenue_share DESC NULLS LAST, customers DESC, segment;

\echo
\echo 'hero_buyers: how few customers bring half of the revenue, and 80 % of it; and the first five'
\echo
\if :has_heroes
SELECT round(100 * wanted.share) AS "% of revenue",
       count(*) AS "from customers",
       round(100.0 * count(*) / (SELECT count(DISTINCT customer_id) FROM orders
                                 WHERE amount > 0 IS NOT FALSE), 1) AS "% of all customers"
FROM (VALUES (0.5), (0.8)) AS wanted (share),
     LATERAL hero_buyers(NULL:::customer_type, 'orders', 'customer_id', 'ordered_at', 'amount',
                         share => wanted.share, as_of => :'as_of')
GROUP BY wanted.share
ORDER BY wanted.share;

SELECT rank, left(customer::text, 36) AS customer, orders, round(monetary, 2) AS money,
       round(100 * revenue_share::numeric, 2) AS "% of revenue",
       round(100 * cumulative_share::numeric, 2) AS "% so far"
FROM hero_buyers(NULL:::customer_type, 'orders', 'customer_id', 'ordered_at', 'amount',
                 share => 1, as_of => :'as_of')
ORDER BY rank
LIMIT 5;
\else
\echo 'Nobody: there is no revenue to speak of.'
\endif

\echo
\echo 'rfm_segments: good customers who are about to be lost, the five with most money'
\echo
\if :has_risks
SELECT left(customer::text, 36) AS customer, rfm_segment_label(segment) AS segment, cell AS "R F M",
       orders, round(monetary, 2) AS money, round(aov, 2) AS aov,
       last_order_at::date AS "last order", round(recency_days) AS "days ago"
FROM rfm_segments(NULL:::customer_type, 'orders', 'customer_id', 'ordered_at', 'amount',
                  as_of => :'as_of')
WHERE segment IN ('at_risk', 'cant_lose')
ORDER BY monetary DESC, last_order_at, customer
LIMIT 5;
\else
\echo 'Nobody is in these segments.'
\endif

\echo
\echo 'rfm_transitions: who moved most in the last 90 days, new customers aside'
\echo
\if :has_moves
SELECT rfm_segment_label(from_segment) AS "from", rfm_segment_label(to_segment) AS "to",
       customers, round(100 * share::numeric, 1) AS "% of those there",
       round(monetary, 0) AS "their money so far"
FROM rfm_transitions(NULL:::customer_type, 'orders', 'customer_id', 'ordered_at', 'amount',
                     from_as_of => timestamptz :'as_of' - interval '90 days',
                     to_as_of => :'as_of')
WHERE from_segment NOT IN ('none', to_segment)
ORDER BY customers DESC, from_segment, to_segment
LIMIT 8;
\else
\echo 'Nobody moved, or there were no customers 90 days ago.'
\endif

\echo
\echo 'rfm_breaks: what it takes to have a score. Equal customers have equal scores, so some'
\echo 'scores (-) are nobody''s'
\echo
SELECT score,
       max(round(lowest) || ' to ' || round(highest)) FILTER (WHERE metric = 'recency')
           AS "R: days since last order",
       max(lowest || coalesce(' to ' || nullif(highest, lowest), '')) FILTER (WHERE metric = 'frequency')
           AS "F: orders",
       max(round(lowest, 2) || ' to ' || round(highest, 2)) FILTER (WHERE metric = 'monetary')
           AS "M: money"
FROM rfm_breaks(NULL:::customer_type, 'orders', 'customer_id', 'ordered_at', 'amount',
                as_of => :'as_of')
GROUP BY score
ORDER BY score DESC;
\else
\echo 'Nobody has ordered anything.'
\echo
\endif

\echo
\echo '==== 6. What may a new customer cost? =========================================='
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

\if :has_country
\echo
\echo '==== 7. By country: the eight with most customers =============================='
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
ORDER BY customers DESC, country
LIMIT 8;
\endif
