-- live.sql: the shop tracked: what one order changes, in its own transaction. After
-- report.sql, in its session.
\if :has_customers
\set ECHO none
\o /dev/null
CREATE INDEX ON orders (customer_id);
ANALYZE orders;
\o
\echo
\echo '==== 12. Live: a segment that is right since the order ========================='
\echo 'Triggers mark whose orders change; the view computes those anew as you look'
\echo
\set ECHO queries
SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount',
                       order_id_column => :order_id_column);
\o /dev/null
SELECT retention_fit('orders_live', :'as_of');
\o
\echo
\set ECHO none
-- one who was good and has been away, and comes back with an order like the others; of a
-- file without amounts, with one of unknown value
SELECT customer, coalesce(round(monetary / orders, 2)::text, 'NULL') AS usual
FROM orders_live
WHERE orders > 0
ORDER BY segment = 'at_risk' DESC NULLS LAST, segment IN ('hibernating', 'about_to_sleep') DESC NULLS LAST, monetary DESC NULLS LAST, customer LIMIT 1 \gset
\set ECHO queries
BEGIN;
SELECT customer, orders, monetary, segment, last_order_at::date AS last_order, computed
FROM orders_live WHERE customer = :'customer';
INSERT INTO orders (customer_id, ordered_at, amount)
VALUES (:'customer', :'as_of', :usual);
SELECT customer, orders, monetary, segment, last_order_at::date AS last_order, computed
FROM orders_live WHERE customer = :'customer';
COMMIT;
SELECT segment, round(p_order::numeric, 2) AS p_order, churn_risk
FROM retention_customer('orders_live', :'customer', timestamptz :'as_of' + interval '1 minute');
SELECT customers, updated, mode FROM retention_refresh('orders_live');
\set ECHO none
\echo
\endif
