-- intent.sql: a page more for report.sql, of events of the made-up shop; a file of orders has none.
\set ECHO none
SELECT to_regclass('public.events') IS NOT NULL AS has_events \gset
\if :has_events
\echo
\echo '==== 13. What are they about to do? ============================================'
\echo 'From what customers did on the site in the last quarter, within an hour of the first look'
\echo
\set ECHO queries
SELECT (ARRAY['looked', 'put into the cart', 'went to the checkout', 'bought'])[step] AS "step by step",
       reached AS customers,
       round(100 * rate::numeric, 1) AS "% of all",
       round(100 * step_rate::numeric, 1) AS "% of the step before",
       round(median_seconds) AS "seconds after it"
FROM unnest((SELECT funnel(customer_id, at, ARRAY[event = 'view', event = 'cart', event = 'checkout', event = 'purchase'],
                           '1 hour', :'as_of')
             FROM events));

SELECT status AS "carts",
       count(*) AS "how many",
       round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS "%",
       sum(value) AS value
FROM (SELECT carts(at, event, product, value, '1 hour', '7 days', :'as_of')
      FROM events GROUP BY customer_id) AS customer, unnest(carts)
GROUP BY status
ORDER BY 2 DESC;

SELECT stage AS "pending",
       count(*) AS customers,
       count(*) FILTER (WHERE is_abandoned) AS "left for an hour",
       count(*) FILTER (WHERE is_definitive) AS "for a week",
       sum(value) AS "value in carts"
FROM pending_customers(NULL::bigint, 'events', 'customer_id', 'at', 'event', 'product', 'value',
                       as_of => :'as_of', expire => '7 days')
GROUP BY stage
ORDER BY 2 DESC;
\set ECHO none
\endif
