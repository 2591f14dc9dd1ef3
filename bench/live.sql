-- live.sql: a shop's orders, :size of them, ten of each customer, and the same again for
-- the twin that is not tracked. Rows lie in the order of time, so a customer's orders
-- are on ten pages.
CREATE TABLE orders (
    order_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id bigint NOT NULL, ordered_at timestamptz NOT NULL,
    amount numeric(12,2), country text);
CREATE INDEX ON orders (customer_id);
CREATE TABLE untracked (LIKE orders INCLUDING ALL);

INSERT INTO orders (customer_id, ordered_at, amount, country)
SELECT 1 + (i * 7919 + i / (:size / 10)) % (:size / 10), timestamptz '2022-01-01 00:00:00+00' + (i * 94608000 / :size) * interval '1 second',
       5 + (i * 31 % 19500) / 100.0, (ARRAY['DE', 'FR', 'GB', 'US'])[1 + i % 4]
FROM generate_series(1, :size::bigint) AS i;
INSERT INTO untracked (customer_id, ordered_at, amount, country) SELECT customer_id, ordered_at, amount, country FROM orders ORDER BY order_id;
VACUUM (FREEZE, ANALYZE) orders, untracked;
CHECKPOINT;
