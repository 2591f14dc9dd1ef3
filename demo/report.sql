-- report.sql: what a shop's owner asks: a summary of ten lines or so, and then page by page, each
-- answer under the SQL that gave it (psql echoes the queries exactly as it sends them).

SET timezone = 'UTC';
SET datestyle = 'ISO';
-- what a NOTICE would say, the page says
SET client_min_messages = warning;
\pset footer off
\pset null '-'

-- Everything is seen from the midnight (UTC) after the last row; load.sql has left out what
-- is in the future.
SELECT (max(ordered_at) + interval '1 day')::date AS as_of,
	greatest(date_trunc('month', min(ordered_at)),
		date_trunc('month', max(ordered_at) + interval '1 day' - interval '1 year'))::date AS first_month,
	count(country) > 0 AS has_country,
	min(ordered_at) > max(ordered_at) - interval '2 years' AS is_short,
	min(ordered_at) < max(ordered_at) + interval '1 day' - interval '1 year' AS has_a_year,
	min(ordered_at) < max(ordered_at) + interval '1 day' - interval '180 days' AS has_180_days,
	-- the last third is what the models of the first two are held against
	max(ordered_at)::date + 1 - greatest(1, (max(ordered_at)::date + 1 - min(ordered_at)::date) / 3) AS calibration_end,
	-- cohorts of more months than that may not fit into a value
	min(ordered_at) < max(ordered_at) - interval '50 years' AS is_absurdly_long,
	(SELECT pg_typeof(customer_id) FROM orders LIMIT 1) AS customer_type,
	-- load.sql numbers the lines of a file without order numbers
	CASE WHEN bool_and(order_id::text LIKE 'line %') THEN 'NULL' ELSE '''order_id''' END AS order_id_column
FROM orders \gset
SELECT count(*) > 0 AS has_bad_rows FROM bad_row \gset

CREATE FUNCTION pg_temp.percent(share float8) RETURNS text
LANGUAGE SQL
RETURN coalesce(round(100 * share::numeric, 1)::text, '-');
CREATE FUNCTION pg_temp.in_words(number bigint) RETURNS text
LANGUAGE SQL
RETURN to_char(number, 'FM999,999,999,999,999,999');
CREATE FUNCTION pg_temp.counted(number bigint, thing text) RETURNS text
LANGUAGE SQL
RETURN pg_temp.in_words(number) || ' ' || thing || CASE WHEN number <> 1 THEN 's' ELSE '' END;

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

-- In short
\pset tuples_only on
\pset format unaligned
\echo
\echo 'In short, as of' :as_of
SELECT format('  the data    %s of %s, %s to %s',
		pg_temp.counted(count(*) FILTER (WHERE amount > 0 IS NOT FALSE), 'order'), pg_temp.counted(count(DISTINCT customer_id), 'customer'),
		min(ordered_at)::date, max(ordered_at)::date)
	|| coalesce('; ' || pg_temp.counted(nullif(count(*) FILTER (WHERE amount < 0), 0), 'refund'), '')
	|| coalesce('; ' || pg_temp.counted(nullif(count(*) FILTER (WHERE customer_id IS NULL), 0), 'row') || ' of guests', '')
FROM orders;
SELECT format('  coming back %s %% of the customers have ordered twice or more', pg_temp.percent(repeat_rate(customer_id)))
	|| coalesce(', and ' || round(100 * second_order_rate(customer_id, ordered_at, '90 days', :'as_of')::numeric, 1) || ' % within 90 days of their first order', '')
FROM orders WHERE amount > 0 IS NOT FALSE;
-- of less time nobody can have been silent for so long
\if :has_180_days
SELECT format('  leaving     %s %% of all customers there ever were have not ordered for 180 days', pg_temp.percent(inactive_rate(customer_id, ordered_at, '180 days', :'as_of')))
FROM orders WHERE amount > 0 IS NOT FALSE;
\endif
SELECT format('  an order    is worth %s on average, guests'' orders included', round(aov(amount), 2))
FROM orders HAVING aov(amount) IS NOT NULL;
-- three years like the last want a whole year
SELECT format('  a customer  has ordered %s times on average', round(purchase_frequency(customer_id, amount)::numeric, 2))
	|| coalesce(' and brought ' || round(customer_value(customer_id, amount), 2) || ' so far, net of refunds', '')
	|| coalesce('; ' || CASE WHEN :'has_a_year' THEN round(clv(customer_id, ordered_at, amount, '1 year', '3 years', :'as_of'), 2) END || ' in three years like the last', '')
FROM orders;
\if :is_short
\else
SELECT format('  revenue     of the customers of the year before: %s %% of it was kept, %s %% with what they spent more',
	pg_temp.percent(gross_revenue_retention(customer_id, ordered_at, amount, '1 year', :'as_of')),
	pg_temp.percent(net_revenue_retention(customer_id, ordered_at, amount, '1 year', :'as_of')))
FROM orders
HAVING gross_revenue_retention(customer_id, ordered_at, amount, '1 year', :'as_of') IS NOT NULL;
\endif
\if :has_heroes
SELECT format('  the best    %s (%s %%) %s half of the revenue', pg_temp.counted(count(*), 'customer'),
	pg_temp.percent(count(*)::float8 / (SELECT count(DISTINCT customer_id) FROM orders WHERE amount > 0 IS NOT FALSE)),
	CASE WHEN count(*) = 1 THEN 'brings' ELSE 'bring' END)
FROM hero_buyers(NULL:::customer_type, 'orders', 'customer_id', 'ordered_at', 'amount', share => 0.5, as_of => :'as_of');
\endif
\if :has_customers
SELECT CASE
	-- of a few customers a model may lie at its bounds, and its sum says nothing
	WHEN count(*) < 30 AND min(model_status) ~ 'no interior maximum|no fit' THEN '  next year   too few customers have come back for a forecast'
	ELSE format('  next year   %s', pg_temp.counted(sum(expected_orders)::bigint, 'order'))
		|| coalesce(', ' || pg_temp.in_words(sum(predicted_clv)::bigint) || ' of money', '') || ' are expected of the customers there are'
	END
FROM predict_customers(NULL:::customer_type, 'orders', 'customer_id', 'ordered_at', 'amount', horizon => '365 days', as_of => :'as_of')
HAVING sum(expected_orders) IS NOT NULL;
\endif
-- Orders as customers, and guests as one, make the lines above wrong; other findings may.
WITH finding AS (
	SELECT check_name, example
	FROM retention_check('orders', 'customer_id', 'ordered_at', 'amount', order_id_column => :order_id_column, as_of => :'as_of')
	-- guests without a key are counted above, and days are right for dates
	WHERE severity IN ('error', 'warning') AND check_name NOT IN ('null_customer', 'all_midnight')
)
SELECT '  careful     every customer has ordered exactly once: does the column tell orders apart, and not people?'
FROM orders WHERE amount > 0 IS NOT FALSE
HAVING count(DISTINCT customer_id) >= 30 AND repeat_rate(customer_id) = 0
UNION ALL
SELECT format('  careful     %s: guests under one key count as one, who comes back all the time', example)
FROM finding WHERE check_name = 'placeholder_customer'
UNION ALL
SELECT '  careful     page 1 says what else may make this wrong: ' || string_agg(check_name, ', ' ORDER BY check_name)
FROM finding WHERE check_name NOT IN ('one_order_each', 'placeholder_customer') HAVING count(*) > 0;
\echo 'On the pages that follow, each answer stands under the SQL that gave it.'
\pset tuples_only off
\pset format aligned

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
		|| coalesce('; not made, without a column for it: '
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
           AS "% lost in three months: of those active before, 180 days silent",
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
           AS "average order value, guests included",
       round(purchase_frequency(customer_id, amount)::numeric, 2)
           AS "orders per customer",
       round(customer_value(customer_id, amount), 2)
           AS "value of a (known) customer so far",
       round(clv(customer_id, ordered_at, amount, '1 year', '3 years', :'as_of'), 2)
           AS "lifetime value, three years like the last"
FROM orders;
\x off

\echo
\echo '==== 4. Month by month ========================================================='
\echo 'order_history: all orders of all customers as one value, from one pass over the table. Every'
\echo 'measure reads it, as of any time, and knows that a refund is no order'
\echo
CREATE TEMP TABLE shop_history AS
SELECT order_history(customer_id, ordered_at, amount) AS history
FROM orders;
\echo

\echo 'Each line as its month ended, the last perhaps unfinished; orders, revenue and the'
\echo 'average order value (aov) are those of the month, guests included'
\echo
SELECT to_char(month_start, 'YYYY-MM') AS month, coalesce(orders, 0) AS orders, revenue, aov, kpi.*
FROM generate_series(timestamptz :'first_month',
                     timestamptz :'as_of' - interval '1 day', '1 month') AS month_start
     LEFT JOIN (
         SELECT date_trunc('month', ordered_at) AS month_start,
                count(*) FILTER (WHERE amount > 0 IS NOT FALSE) AS orders,
                round(sum(amount), 0) AS revenue, round(aov(amount), 2) AS aov
         FROM orders
         GROUP BY 1
     ) AS of_month USING (month_start),
     -- as_of is not seen itself: an order at 00:00 on the first is the new month's
     LATERAL (SELECT least(month_start + interval '1 month', :'as_of') AS month_end) AS month,
     LATERAL (
         SELECT round(100 * repeat_rate(history, '365 days', month_end)::numeric, 1) AS "repeat %",
                round(100 * second_order_rate(history, '90 days', month_end)::numeric, 1) AS "second %",
                round(100 * churn_rate(history, '180 days', month_start, month_end)::numeric, 1) AS "churn %",
                round(100 * net_revenue_retention(history, '1 year', month_end)::numeric, 1) AS "net %",
                round(clv(history, '1 year', '3 years', month_end), 2) AS clv
         FROM shop_history
     ) AS kpi
ORDER BY month;

\echo
\echo '==== 5. Month after month: how many of the new customers come back? ============'
\if :is_absurdly_long
\echo 'There are more than fifty years between the first order and the last: some time must be wrong.'
\elif :has_customers
\echo 'cohort_retention: the customers of one first month are a cohort. Of the whole cohort, how many'
\echo '% ordered in the month after (1), the next (2) and so on? Blank: that month is not over yet'
\echo
CREATE TEMP TABLE triangle AS
SELECT cohort_retention(history, 'month', :'as_of', 'UTC') AS cells
FROM shop_history;
\echo

\set ECHO none
-- What is shown, and where from least to most the shades change
CREATE TEMP TABLE cell_shown AS
SELECT cell.*
FROM triangle, unnest(cells) AS cell
WHERE period_index <= 12
	AND cohort IN (
		SELECT cohort FROM triangle, unnest(cells)
		WHERE period_index = 0 AND cohort < :'as_of'
		ORDER BY cohort DESC LIMIT 13);
SELECT min(cohort) AS first_cohort,
	length(max(cohort_size)::text) AS size_width,
	count(rate) FILTER (WHERE period_index > 0) > 0 AS has_later_months,
	(SELECT count(*) > 1 FROM cell_shown WHERE period_index > 0 AND rate > 0) AS has_shades
FROM cell_shown \gset
SELECT 0.01 || string_agg(', ' || shade_from, '' ORDER BY quarter) AS shades_from,
	'░ below ' || max(shade_from) FILTER (WHERE quarter = 1)
		|| ' %   ▒ below ' || max(shade_from) FILTER (WHERE quarter = 2)
		|| ' %   ▓ below ' || max(shade_from) FILTER (WHERE quarter = 3) || ' %   █ more' AS legend
FROM generate_series(1, 3) AS quarter,
	LATERAL (
		SELECT greatest(0.1, round((100 * (min(rate) + (max(rate) - min(rate)) * quarter / 4))::numeric, 1)) AS shade_from
		FROM cell_shown
		WHERE period_index > 0
	) AS shade \gset
\set ECHO queries
\if :has_later_months
\pset border 0
SELECT to_char(cohort, 'YYYY-MM') || ' of ' || lpad(cohort_size::text, :size_width) AS "first order",
       period_index,
       CASE WHEN NOT is_complete THEN ''
            WHEN period_index = 0 THEN '100'
            ELSE lpad(rtrim(left(round(100 * rate::numeric, 1)::text, 4), '.'), 4)
                 || repeat(substr(' ░▒▓█', 1 + width_bucket(100 * rate, ARRAY[:shades_from]), 1), 2)
       END AS "% back"
FROM triangle, unnest(cells)
WHERE cohort >= :'first_cohort' AND period_index <= 12
ORDER BY cohort, period_index -- as a grid: psql's \crosstabview
\crosstabview "first order" period_index "% back" period_index
\pset border 1
\if :has_shades
\echo :legend
\endif
\echo
\echo 'cohort_curve: all cohorts as one, in each line those old enough, so the last may rest on few;'
\echo 'the true % is probably (95 %) in the range. worth: what a customer of these cohorts had brought'
\echo 'by the end of that month, net of refunds'
\echo
SELECT period_index AS month, cohorts, eligible AS customers, retained AS "came back",
       round(100 * rate::numeric, 1) AS "% back",
       round(100 * ci_low::numeric, 1) || ' to ' || round(100 * ci_high::numeric, 1) AS range,
       CASE WHEN period_index > 0 THEN repeat('█', round(20 * rate / most)::int) ELSE '' END AS "% drawn",
       round(worth, 2) AS worth
FROM triangle, cohort_curve(cells) AS curve,
     LATERAL (
         SELECT sum(cumulative_revenue) / sum(cohort_size) AS worth
         FROM unnest(cells) AS cell
         WHERE cell.is_complete AND cell.period_index = curve.period_index
     ) AS money,
     LATERAL (SELECT greatest(max(rate), 1e-9) AS most
              FROM cohort_curve(cells) WHERE period_index > 0) AS later
WHERE period_index <= 12
ORDER BY period_index;
\else
\echo 'No month after a first order is over yet.'
\endif
\else
\echo 'Nobody has ordered anything.'
\endif

\echo
\echo '==== 6. Who came and who left, month by month =================================='
\if :is_absurdly_long
\echo 'There are more than fifty years between the first order and the last: some time must be wrong.'
\elif :has_customers
\echo 'lifecycle: the customers with an order in that month (active) are'
\echo
\echo '  █ new           their first order ever'
\echo '  ▓ returning     they ordered in the month before, too'
\echo '  ▒ resurrected   back after a pause'
\echo
\echo 'and those without one are'
\echo
\echo '    dormant       active in the month before'
\echo '    silent        without an order then, too'
\echo
\echo 'dormant %: dormant, of those active the month before. gain: how many new or resurrected there'
\echo 'are for each dormant; below 1, fewer are active than the month before. * the month is not over:'
\echo 'these are counts so far, and who is dormant may still come'
\echo
SELECT to_char(period_start, 'YYYY-MM') || CASE WHEN is_complete THEN '' ELSE '*' END AS month,
       active_customers AS active,
       new_customers AS new,
       returning_customers AS returning,
       resurrected_customers AS resurrected,
       rpad(repeat('█', round(16.0 * new_customers / most)::int)
            || repeat('▓', round(16.0 * returning_customers / most)::int)
            || repeat('▒', round(16.0 * resurrected_customers / most)::int), 17) AS "active drawn",
       dormant_customers AS dormant,
       silent_customers AS silent,
       round(100 * dormant_rate::numeric, 1) AS "dormant %",
       round(quick_ratio::numeric, 2) AS gain
FROM (
    SELECT *, nullif(max(active_customers) OVER (), 0) AS most
    FROM unnest((SELECT lifecycle(history, 'month', :'as_of', 'UTC')
                 FROM shop_history))
    -- at midnight of the first, nothing is known of the new month
    WHERE period_start >= timestamptz :'as_of' - interval '13 months' AND period_start < :'as_of'
) AS lifecycle
ORDER BY period_start;
\else
\echo 'Nobody has ordered anything.'
\endif

\echo
\echo '==== 7. How soon do they order again? =========================================='
\if :has_customers
\echo 'repeat_survival: days from the first order to the second. Who has none yet counts for as long'
\echo 'as we know that (Kaplan-Meier), so new customers do not make it look worse than it is'
\echo
\echo '% that had a second order within 30 days █, 90 ▓, 180 ▒ and 365 ░; the true % within 90 days'
\echo 'is probably (95 %) in the range; median: the day by which half of them had one, if ever'
\echo
CREATE TEMP TABLE second_order AS
SELECT country, grouping(country) = 1 AS is_all,
       count(DISTINCT customer_id) AS customers,
       repeat_survival(customer_id, ordered_at, :'as_of') AS times
FROM (
    -- whoever orders from several countries belongs to the first
    SELECT customer_id, ordered_at,
           first_value(country) OVER (PARTITION BY customer_id
                                      ORDER BY ordered_at, order_id, country) AS country
    FROM orders
    WHERE amount > 0 IS NOT FALSE AND customer_id IS NOT NULL
) AS orders
GROUP BY GROUPING SETS ((), (country))
HAVING grouping(country) = 1 OR country IS NOT NULL
ORDER BY is_all DESC, customers DESC, country
LIMIT 9;
\echo

SELECT CASE WHEN is_all THEN '(all)' ELSE left(country, 20) END AS country,
       customers,
       by_day[1] AS "30 d",
       by_day[2] AS "90 d",
       round(100 * (1 - ci_high)::numeric, 1) || ' to ' || round(100 * (1 - ci_low)::numeric, 1) AS range,
       by_day[3] AS "180 d",
       by_day[4] AS "365 d",
       concat(repeat('█', round(by_day[1] * scale)::int),
              repeat('▓', (round(by_day[2] * scale) - round(by_day[1] * scale))::int),
              repeat('▒', (round(by_day[3] * scale) - round(by_day[2] * scale))::int),
              repeat('░', (round(by_day[4] * scale) - round(by_day[3] * scale))::int)) AS drawn,
       survival_quantile(times, 0.5) AS median
FROM (SELECT *, (0.18 / nullif(max(1 - survival_at(times, 364)) OVER (), 0))::numeric AS scale
      FROM second_order) AS second_order,
     -- Days are whole ones, from 0: within 30 days is by the end of day 29. Of more days
     -- than there have been nothing is known, unless all have come back before.
     LATERAL (SELECT array_agg(CASE WHEN days <= last_day + 1 OR survival_at(times, last_day) = 0
                                    THEN round(100 * (1 - survival_at(times, days - 1))::numeric, 1) END
                               ORDER BY days) AS by_day
              FROM unnest(ARRAY[30, 90, 180, 365]) AS days,
                   (SELECT max(day) AS last_day FROM survival_curve(times)) AS known) AS share
     LEFT JOIN LATERAL (SELECT ci_low, ci_high FROM survival_curve(times)
                        WHERE day < 90 AND by_day[2] IS NOT NULL
                        ORDER BY day DESC LIMIT 1) AS interval_90 ON true
ORDER BY is_all DESC, customers DESC, country;

\set ECHO none
SELECT count(*) > 1 AS has_groups,
	(SELECT p_value FROM logrank(array_agg(times))) IS NOT NULL AS can_compare
FROM second_order WHERE NOT is_all \gset
SELECT survival_at(times, 1e6) < 1 AS has_second_orders FROM second_order WHERE is_all \gset
\set ECHO queries
\if :has_groups
\if :can_compare
\echo 'logrank: are these countries different, or could such differences be chance? p is how often'
\echo 'chance alone makes differences as large as these among customers who are all alike'
\echo
SELECT CASE WHEN p_value < 0.0001 THEN 'below 0.0001' ELSE round(p_value::numeric, 4)::text END AS p,
       CASE WHEN p_value < 0.01 THEN 'hardly: they are different'
            WHEN p_value < 0.05 THEN 'it could, but that is not likely'
            ELSE 'yes: they may well be alike' END AS "could it be chance?",
       round(chi_square::numeric, 1) AS chi_square, df
FROM logrank(ARRAY(SELECT times FROM second_order WHERE NOT is_all));
\endif
\endif

\echo
\if :has_second_orders
\echo 'inactivity_threshold: by what day have so many of those who order again done so? Who has been'
\echo 'silent for longer is probably gone: a number of days for churn_rate and inactive_rate'
\echo
SELECT round(100 * share) AS "% of those who do",
       inactivity_threshold(times, share) AS "by day"
FROM second_order, unnest(ARRAY[0.5, 0.8, 0.9, 0.95]) AS share
WHERE is_all
ORDER BY share;
\else
\echo 'Nobody has ordered a second time.'
\endif

\echo
\echo 'repeat_by_order_number: of those with so many orders, who made one more, and after how many'
\echo 'days? within 90 days: only of those who have had the 90 days'
\echo
SELECT order_number AS "order", customers, repurchased AS "one more",
       round(100 * rate::numeric, 1) AS "%",
       repeat('█', round(20 * rate)::int) AS "% drawn",
       round(median_days_to_next::numeric, 1) AS "median days",
       round(100 * rate_within::numeric, 1) AS "% within 90 days"
FROM unnest((SELECT repeat_by_order_number(history, 6, :'as_of')
             FROM shop_history))
ORDER BY order_number;
\else
\echo 'Nobody has ordered anything.'
\endif

\echo
\echo '==== 8. Who are the customers? ================================================='
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
\echo '==== 9. What will they do next? ================================================'
\if :has_customers
\echo 'Two models are fitted to all customers: of when they order and when they leave for good'
\echo '(BG/NBD, with one-timers apart), and of what they spend (Gamma-Gamma). Time is in weeks'
\echo
CREATE TEMP TABLE model AS
SELECT fit_hbgnbd(history, '7 days', :'as_of', 'UTC') AS buying,
       fit_gamma_gamma(history, :'as_of', 'UTC') AS spending
FROM shop_history;
\echo

\set ECHO none
-- A model's status in lines, and nothing where there is nothing to say
CREATE FUNCTION pg_temp.said(about text, status text) RETURNS text
LANGUAGE SQL
RETURN regexp_replace(CASE WHEN status <> 'ok' THEN about || ': ' || status ELSE '' END,
	'(.{1,95})( |$)', E'\\1\n', 'g');
CREATE TEMP TABLE meaning AS
SELECT position, name, says
FROM model,
	LATERAL (SELECT (buying).params[1] AS r, (buying).params[2] AS alpha, (buying).params[3] AS a, (buying).params[4] AS b) AS p,
	LATERAL (VALUES
		(1, 'r', 'how alike customers are in how often they order'),
		(2, 'alpha', 'r / alpha: ' || round((r / alpha)::numeric, 3) || ' times a week while they stay, on average'),
		(3, 'a', 'a / (a + b): ' || round((100 * a / (a + b))::numeric, 1) || ' % leave for good after an order, on average'),
		(4, 'b', 'a + b: how alike customers are in that'),
		(5, 'one_time', round((100 * (buying).params[5])::numeric, 1) || ' % never meant to come back'),
		(6, 'p', 'how alike the orders of one customer are'),
		(7, 'q', 'how alike customers are in what they spend'),
		(8, 'v', 'p v / (q - 1): '
			|| coalesce(round(expected_value(spending, 0, NULL)::numeric, 2) || ' an order, on average', 'no finite mean'))
	) AS words (position, name, says);
SELECT (buying).params IS NOT NULL OR (spending).params IS NOT NULL AS has_parameters,
	(buying).params IS NOT NULL AS has_model,
	pg_temp.said('The model of orders', (buying).status) AS buying_said,
	(buying).status <> 'ok' AS has_buying_said,
	pg_temp.said('The model of spend', coalesce((spending).status, 'too little data')) AS spending_said,
	(spending).status IS DISTINCT FROM 'ok' AS has_spending_said,
	(spending).correlation IS NOT NULL AS has_correlation,
	round((spending).correlation::numeric, 2) AS correlation
FROM model \gset
\set ECHO queries
\if :has_buying_said
\echo :buying_said
\endif
\if :has_spending_said
\echo :spending_said
\endif
\if :has_parameters
SELECT name, round(estimate::numeric, 3) AS estimate,
       round(ci_low::numeric, 3) || ' to ' || round(ci_high::numeric, 3) AS "95 % range",
       says AS "what it says"
FROM model,
     LATERAL (SELECT * FROM btyd_params(buying) UNION ALL SELECT * FROM btyd_params(spending)) AS parameter
JOIN meaning USING (name)
ORDER BY meaning.position;
\endif
\if :has_correlation
\echo 'Correlation of how often and how much customers spend, which the model takes for 0:' :correlation
\endif

\echo
\echo 'backtest: would they have been right? Fitted to the orders until' :calibration_end 'only: the days with'
\echo 'an order (▒) expected until' :as_of 'of the customers of that time, beside those that came (█).'
\echo 'x: on how many days a customer had ordered again by then'
\echo
CREATE TEMP TABLE tested AS
SELECT *
FROM backtest(NULL:::customer_type, 'orders', 'customer_id', 'ordered_at', 'amount',
              calibration_end => :'calibration_end', holdout_end => :'as_of');
\echo

\set ECHO none
SELECT pg_temp.said('The model of ' || :'calibration_end',
		coalesce((fit_hbgnbd(x, t_x, age)).status, 'nobody had ordered yet')) AS test_said,
	(SELECT count(predicted) > 0 FROM tested) AS has_test
FROM (
	SELECT (purchase_summary(ordered_at, amount, '7 days', :'calibration_end', 'UTC')).*
	FROM orders
	WHERE customer_id IS NOT NULL
	GROUP BY customer_id
) AS customer \gset
SELECT :'test_said' <> '' AS has_test_said \gset
\set ECHO queries
\if :has_test_said
\echo :test_said
\endif
\if :has_test
SELECT CASE bin WHEN 8 THEN 'all' WHEN 7 THEN '7 and more' ELSE bin::text END AS x,
       sum(customers) AS customers,
       round(sum(predicted)) AS predicted,
       sum(actual) AS actual,
       round((100 * (sum(predicted) / nullif(sum(actual), 0) - 1))::numeric, 1) AS "off by %",
       CASE WHEN bin < 8 THEN repeat('▒', round(18 * sum(predicted) / most)::int) ELSE '' END AS "predicted drawn",
       CASE WHEN bin < 8 THEN repeat('█', round(18 * sum(actual) / most)::int) ELSE '' END AS "actual drawn"
FROM (SELECT *, CASE WHEN x < 7 THEN x WHEN x >= 7 THEN 7 ELSE 8 END AS bin FROM tested) AS binned,
     (SELECT greatest(max(predicted), max(actual), 1) AS most
      FROM (SELECT sum(predicted) AS predicted, sum(actual) AS actual
            FROM tested WHERE x IS NOT NULL GROUP BY least(x, 7)) AS bars) AS scale
GROUP BY bin, most
ORDER BY bin;
\endif

\echo
\echo 'predict_customers: the five of whom most is expected in the next 365 days. orders: the probability'
\echo '(%) that a customer orders at all in them; next: when they will have ordered once, on average'
\echo
CREATE TEMP TABLE prediction AS
SELECT *
FROM predict_customers(NULL:::customer_type, 'orders', 'customer_id', 'ordered_at', 'amount',
                       horizon => '365 days', as_of => :'as_of');
\echo

\if :has_model
SELECT left(customer::text, 36) AS customer, x + 1 AS "order days", historic_clv AS "money so far",
       round(100 * p_order::numeric, 1) AS orders,
       round(expected_orders::numeric, 1) AS "expected",
       round(expected_value, 2) AS "at each",
       round(predicted_clv, 2) AS "money expected",
       expected_next_order_at::date AS next
FROM prediction
ORDER BY predicted_clv DESC NULLS LAST, expected_orders DESC, customer
LIMIT 5;

\echo
\echo 'churn_risk: medium if that probability is below 70 %, high below 30 %. The five of these who have'
\echo 'brought most: whom to write to'
\echo
\set ECHO none
SELECT count(*) > 0 AS has_churn_risks FROM prediction WHERE churn_risk <> 'low' \gset
\set ECHO queries
\if :has_churn_risks
SELECT left(customer::text, 36) AS customer, x + 1 AS "order days", historic_clv AS "money so far",
       round(7 * (age - t_x)) AS "days silent",
       round(100 * p_order::numeric, 1) AS orders,
       churn_risk AS risk,
       round(predicted_clv, 2) AS "money expected"
FROM prediction
WHERE churn_risk IN ('medium', 'high')
ORDER BY historic_clv DESC NULLS LAST, p_order, customer
LIMIT 5;
\else
\echo 'No customer''s is.'
\endif

\echo
\echo 'Customer equity: what the customers of today will still bring in three years, in today''s money'
\echo 'at 10 % a year, before refunds and costs'
\echo
SELECT count(*) AS customers,
       round(sum(predicted_clv)) AS "customer equity",
       round(avg(predicted_clv), 2) AS "each",
       round(100 * sum(predicted_clv) FILTER (WHERE churn_risk <> 'low') / nullif(sum(predicted_clv), 0), 1)
           AS "% of it from customers at risk"
FROM predict_customers(NULL:::customer_type, 'orders', 'customer_id', 'ordered_at', 'amount',
                       horizon => '3 years', as_of => :'as_of', discount_rate => 0.10);
\else
\echo 'Nothing can be said of anybody: that takes two customers who came back.'
\endif
\else
\echo 'Nobody has ordered anything.'
\endif

\echo
\echo '==== 10. What may a new customer cost? ========================================='
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
\echo '==== 11. By country: the eight with most customers ============================='
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
