-- campaign.sql: a page more for report.sql, of an experiment that is made up as the shop is; not of a
-- file of orders.
\set ECHO none
SELECT to_regclass('public.events') IS NOT NULL AS is_made_up \gset
\if :is_made_up
\set ECHO queries
\echo
\echo '==== 14. Did the campaign work? ================================================'
\echo 'An example: on 1 November all customers get a mail, but for a tenth that is left out to compare.'
\echo 'hash_share draws the lot, the same one wherever it is asked. So that there is something to'
\echo 'find, one in thirty of those who get the mail then orders once more than they would, for 40'
\echo
CREATE TEMP TABLE campaign AS
SELECT customer_id, CASE WHEN hash_share(customer_id, 'november') < 0.1 THEN 'control' ELSE 'mail' END AS arm
FROM orders
WHERE customer_id IS NOT NULL AND ordered_at < '2025-11-01'
GROUP BY customer_id;
CREATE TEMP TABLE outcome AS
SELECT customer_id, ordered_at, amount FROM orders
UNION ALL
SELECT customer_id, timestamptz '2025-11-01' + hash_share(customer_id, 'when') * interval '30 days', 40
FROM campaign
WHERE arm = 'mail' AND hash_share(customer_id, 'who') < 1 / 30.0;
\echo
\echo 'srm_check: have the groups the sizes that were planned? A p below 0.001 says that something'
\echo 'went wrong, and the rest need not be read'
\echo
SELECT customers AS "control, mail", round(p_value::numeric, 3) AS p
FROM (SELECT ARRAY[count(*) FILTER (WHERE arm = 'control'), count(*) FILTER (WHERE arm = 'mail')] AS customers FROM campaign) AS c,
     srm_check(customers, '{0.1,0.9}');
\echo
\echo 'uplift: in the 30 days after, what did the mail bring that would not have come without it? The'
\echo 'true difference is probably (95 %) between from and to. adjusted: by what they spent in the'
\echo 'year before, which makes the range narrower; planted: what was put there to be found'
\echo
SELECT metric, round(value::numeric, 4) AS mail, round(control_value::numeric, 4) AS control, round(difference::numeric, 4) AS difference,
       round(ci_low::numeric, 4) AS "from", round(ci_high::numeric, 4) AS "to", round(incremental) AS "in all",
       CASE WHEN metric LIKE 'revenue%' THEN 40 * planted WHEN metric = 'orders' THEN planted END AS planted
FROM unnest((SELECT uplift(customer_id, arm, '2025-11-01', ordered_at, amount, 'control', '30 days', '365 days', '2026-01-01')
             FROM campaign LEFT JOIN outcome USING (customer_id))),
     (SELECT count(*) AS planted FROM campaign WHERE arm = 'mail' AND hash_share(customer_id, 'who') < 1 / 30.0) AS p
WHERE arm = 'mail';
\endif
