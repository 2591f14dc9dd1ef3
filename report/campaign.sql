-- campaign.sql: an experiment in the made-up shop, that of demo/campaign.sql: on 1 November
-- 2025 all customers get a mail, but for a tenth that is left out to compare. One in thirty
-- of those who get it then orders once more than they would, for 40. The other pictures are
-- of the shop without that.
SET timezone = 'UTC';
CREATE TABLE campaign AS
SELECT customer_id, CASE WHEN hash_share(customer_id, 'november') < 0.1 THEN 'control' ELSE 'mail' END AS arm,
	timestamptz '2025-11-01' AS assigned_at
FROM orders
WHERE customer_id IS NOT NULL AND ordered_at < '2025-11-01'
GROUP BY customer_id;
CREATE VIEW orders_with_campaign AS
SELECT customer_id, ordered_at, amount FROM orders
UNION ALL
SELECT customer_id, assigned_at + hash_share(customer_id, 'when') * interval '30 days', 40
FROM campaign
WHERE arm = 'mail' AND hash_share(customer_id, 'who') < 1 / 30.0;
