-- products: what is bought together, and what is bought next
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET extra_float_digits = 0;
\set VERBOSITY terse
CREATE FUNCTION pg_temp.near(a double precision, b double precision) RETURNS boolean LANGUAGE sql AS
$$SELECT coalesce(abs(a - b) <= 1e-9 * abs(b), a IS NULL AND b IS NULL)$$;

-- ---------------------------------------------------------------------------
-- product_pairs
-- ---------------------------------------------------------------------------
-- ten baskets, of which 9 has two products, 4 and 7 one each; a product twice; rows without a basket or a product
CREATE TEMP TABLE baskets (basket bigint, product text);
INSERT INTO baskets VALUES (1, 'bread'), (1, 'butter'), (1, 'jam'), (2, 'bread'), (2, 'butter'), (2, 'butter'), (3, 'bread'), (3, 'milk'), (4, 'milk'), (5, 'bread'), (5, 'butter'), (5, 'milk'),
    (6, 'jam'), (6, 'butter'), (7, 'beer'), (8, 'bread'), (8, 'jam'), (9, 'milk'), (9, 'beer'), (10, 'bread'), (10, 'butter'), (10, NULL), (NULL, 'bread');
SELECT * FROM unnest((SELECT product_pairs(basket, product, 2) FROM baskets));
SELECT product_a, product_b, baskets_both, lift, p_value FROM unnest((SELECT product_pairs(basket, product, 1) FROM baskets)) WHERE baskets_both = 1;
-- two thousand lines of 60 products in 311 baskets, names of one byte to hundreds; prices and notes are not looked at
CREATE TEMP TABLE lines AS
SELECT (n * 7919 % 311)::bigint AS basket, CASE WHEN ((hashint8extended(n, 7) & 1048575) % 61)::int = 0 THEN '' ELSE chr(65 + ((hashint8extended(n, 7) & 1048575) % 61)::int) || repeat('é', ((((hashint8extended(n, 7) & 1048575) % 61)::int) ^ 2 / 40)::int) END AS product,
       timestamptz '2026-01-01' + (n * 7919 % 311 + n * 104729::bigint % 7 * 20) * interval '8 hours' AS ordered_at, (n * 7919 % 47)::bigint AS customer_id
FROM generate_series(1, 2000) n;
-- by hand: the self-join, and the tail of the hypergeometric distribution as it is written
CREATE TEMP TABLE ours AS SELECT * FROM unnest((SELECT product_pairs(basket, product, 2) FROM lines));
CREATE TEMP TABLE hand AS
WITH l AS (SELECT DISTINCT basket, product FROM lines), n AS (SELECT count(DISTINCT basket) AS baskets FROM l), p AS (SELECT product, count(*) AS c FROM l GROUP BY 1)
SELECT a.product AS product_a, b.product AS product_b, baskets, pa.c AS baskets_a, pb.c AS baskets_b, count(*) AS baskets_both
FROM l a JOIN l b ON a.basket = b.basket AND a.product COLLATE "C" < b.product COLLATE "C" JOIN p pa ON pa.product = a.product JOIN p pb ON pb.product = b.product, n GROUP BY 1, 2, 3, 4, 5 HAVING count(*) >= 2;
SELECT count(*) > 500 AS pairs, max(baskets_both) > 8 AS often FROM hand;
(SELECT product_a, product_b, baskets, baskets_a, baskets_b, baskets_both FROM ours EXCEPT ALL TABLE hand) UNION ALL (TABLE hand EXCEPT ALL SELECT product_a, product_b, baskets, baskets_a, baskets_b, baskets_both FROM ours);
CREATE FUNCTION pg_temp.chosen(n bigint, k bigint) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$SELECT CASE WHEN k < 0 OR k > n THEN 0 ELSE factorial(n) / factorial(k) / factorial(n - k) END$$;
SELECT product_a, product_b, p_value FROM (SELECT * FROM ours ORDER BY md5(product_a || '+' || product_b) LIMIT 40) o
WHERE NOT pg_temp.near(p_value, (SELECT sum(pg_temp.chosen(baskets_a, i) * pg_temp.chosen(baskets - baskets_a, baskets_b - i)) / pg_temp.chosen(baskets, baskets_b) FROM generate_series(baskets_both, least(baskets_a, baskets_b)) i)::float8);
-- most baskets first, then the products' bytes; what the columns say of each other
SELECT * FROM (SELECT *, lag((-baskets_both, product_a COLLATE "C", product_b COLLATE "C")) OVER (ORDER BY n) > (-baskets_both, product_a COLLATE "C", product_b COLLATE "C") AS wrong FROM (SELECT * FROM unnest((SELECT product_pairs(basket, product, 2) FROM lines)) WITH ORDINALITY u(product_a, product_b, baskets, a, b, baskets_both, s, c, d, l, p, n)) o) x WHERE wrong;
SELECT * FROM ours WHERE NOT (product_a COLLATE "C" < product_b COLLATE "C" AND baskets_both <= least(baskets_a, baskets_b) AND greatest(baskets_a, baskets_b) <= baskets AND pg_temp.near(support, baskets_both / baskets::float8)
    AND pg_temp.near(lift, confidence_a_to_b / (baskets_b / baskets::float8)) AND pg_temp.near(lift, confidence_b_to_a / (baskets_a / baskets::float8)) AND p_value BETWEEN 0 AND 1);
-- a larger min_count leaves rows out and changes none
SELECT min_count, (SELECT count(*) FROM unnest(pairs)) AS rows, (SELECT count(*) FROM (SELECT * FROM unnest(pairs) EXCEPT SELECT * FROM ours) e) AS others, (SELECT count(*) FROM ours WHERE baskets_both >= min_count) AS expected
FROM unnest('{2,5,9,20,1000}'::int[]) min_count, LATERAL (SELECT product_pairs(basket, product, min_count) AS pairs FROM lines) p ORDER BY 1;
-- baskets of any type, rows in any order, from parts, stored: the same rows and the same bytes
SELECT (SELECT product_pairs(basket, product, 2)::text FROM lines) AS b \gset
SELECT product_pairs(basket::text, product, 2)::text = :'b' AS text, product_pairs('basket number ' || basket, product, 2)::text = :'b' AS long_text, product_pairs(md5(basket::text)::uuid, product, 2)::text = :'b' AS uuid,
       product_pairs(basket, product, 2 ORDER BY md5(product))::text = :'b' AS shuffled FROM lines;
SELECT (SELECT product_pairs_state(basket, product, 2)::text FROM lines) AS s \gset
SELECT product_pairs_state(basket, product, 2 ORDER BY product DESC)::text = :'s' AS backwards, product_pairs_state(basket, product, 2 ORDER BY md5(basket || product))::text = :'s' AS shuffled FROM lines;
SELECT rollup(s)::text = :'s' AS by_product, product_pairs(rollup(s))::text = :'b' AS rows FROM (SELECT product_pairs_state(basket, product, 2)::text::retention_state AS s FROM lines GROUP BY product) p;
SELECT rollup(s)::text = :'s' AS by_basket FROM (SELECT product_pairs_state(basket, product, 2) AS s FROM lines GROUP BY basket) p;
SELECT rollup(s ORDER BY c DESC)::text = :'s' AS halves FROM (SELECT count(*) AS c, product_pairs_state(basket, product, 2) AS s FROM lines GROUP BY basket > 200) p;
SELECT :'s'::retention_state::text = :'s' AS there_and_back, merge(:'s', s)::text = merge(s, :'s')::text AS either_way FROM (SELECT product_pairs_state(basket, product || 'x', 2) AS s FROM lines WHERE basket > 250) x;
SELECT * FROM (SELECT basket / 40 AS part, product_pairs(basket, product, 2)::text AS a, product_pairs(product_pairs_state(basket, product, 2))::text AS b FROM lines GROUP BY 1) x WHERE a <> b;
-- no basket, no pair, one basket; a basket of the same product again and again
SELECT product_pairs(basket, product, 2) IS NULL AS none, product_pairs_state(basket, product, 2) IS NULL AS no_state FROM baskets WHERE false;
SELECT product_pairs(basket, product, 2) IS NULL AS none FROM baskets WHERE product IS NULL;
SELECT product_pairs(basket, product, 1) AS none_together FROM baskets WHERE basket IN (4, 7);
SELECT * FROM unnest((SELECT product_pairs(1::bigint, product, 1) FROM unnest('{b,a,b,a,a}'::text[]) product));
SELECT * FROM unnest((SELECT product_pairs(basket, product, 2) FILTER (WHERE product <> 'milk') FROM baskets)) LIMIT 1;
SELECT DISTINCT cardinality(p) AS pairs FROM (SELECT product_pairs(basket, product, 2) OVER (ORDER BY basket ROWS BETWEEN 5 PRECEDING AND CURRENT ROW) AS p FROM baskets) w ORDER BY 1;
SELECT max(pg_column_size(s)) <= 200 AS small FROM (SELECT product_pairs_state(basket, product, 2) AS s FROM baskets GROUP BY ctid) x;
SELECT product_pairs(1::bigint, 'a', 0);
SELECT product_pairs(1::bigint, 'a', NULL);
SELECT product_pairs(basket, product, basket::int) FROM baskets;
SELECT product_pairs(rollup(s)) FROM (SELECT product_pairs_state(basket, product, 1 + basket::int % 2) AS s FROM baskets WHERE basket > 0 GROUP BY basket) x;
SELECT product_pairs(nps_state(1));

-- ---------------------------------------------------------------------------
-- next_products
-- ---------------------------------------------------------------------------
-- two lines of a product in an order; 5 orders again after as_of, 6 at it
CREATE TEMP TABLE bought (customer_id bigint, ordered_at timestamptz, product text);
INSERT INTO bought VALUES (1, '2026-01-01 10:00', 'razor'), (1, '2026-01-01 10:00', 'foam'), (1, '2026-02-01 10:00', 'blades'), (1, '2026-03-01 10:00', 'blades'), (1, '2026-03-01 10:00', 'foam'),
    (2, '2026-01-05 10:00', 'razor'), (2, '2026-01-25 10:00', 'blades'), (2, '2026-01-25 10:00', 'blades'), (3, '2026-01-07 10:00', 'razor'), (4, '2026-01-09 10:00', 'foam'), (4, '2026-02-09 10:00', 'razor'),
    (4, '2026-03-09 10:00', 'foam'), (5, '2026-01-11 10:00', 'razor'), (5, '2026-05-11 10:00', 'blades'), (NULL, '2026-01-12 10:00', 'razor'), (5, NULL, 'foam'), (5, '2026-01-11 10:00', NULL),
    (6, '2026-03-15 10:00', 'razor'), (6, '2026-04-01 00:00', 'blades');
SELECT * FROM unnest((SELECT next_products(customer_id, ordered_at, product, 1, '2026-04-01') FROM bought));
-- a microsecond later the order of customer 6 is seen
SELECT * FROM unnest((SELECT next_products(customer_id, ordered_at, product, 2, '2026-04-01 00:00:00.000001') FROM bought));
-- by hand
CREATE TEMP TABLE hand_next AS
WITH orders AS (SELECT customer_id, ordered_at, array_agg(DISTINCT product) AS held FROM lines WHERE ordered_at < '2026-03-20' GROUP BY 1, 2),
followed AS (SELECT held, lead(held) OVER (PARTITION BY customer_id ORDER BY ordered_at) AS next FROM orders),
base AS (SELECT n AS next_product, count(*) AS c FROM followed, unnest(next) n GROUP BY 1),
of AS (SELECT p AS product, count(*) AS orders, count(next) AS followed FROM followed, unnest(held) p GROUP BY 1)
SELECT p AS product, n AS next_product, orders, followed, count(*) AS transitions, count(*) / followed::float8 AS rate, c / (SELECT count(next) FROM followed)::float8 AS base_rate
FROM followed f, unnest(held) p, unnest(next) n, base, of WHERE base.next_product = n AND of.product = p GROUP BY p, n, orders, followed, c HAVING count(*) >= 2;
CREATE TEMP TABLE ours_next AS SELECT * FROM unnest((SELECT next_products(customer_id, ordered_at, product, 2, '2026-03-20') FROM lines));
SELECT count(*) > 50 AS rows FROM hand_next;
SELECT * FROM ours_next o FULL JOIN hand_next h USING (product, next_product)
WHERE (o.orders, o.followed, o.transitions) IS DISTINCT FROM (h.orders, h.followed, h.transitions) OR NOT (pg_temp.near(o.rate, h.rate) AND pg_temp.near(o.base_rate, h.base_rate) AND pg_temp.near(o.lift, h.rate / h.base_rate));
-- every followed order goes on to one product at least
SELECT product FROM unnest((SELECT next_products(customer_id, ordered_at, product, 1, '2026-03-20') FROM lines)) GROUP BY product HAVING sum(transitions) < max(followed);
SELECT * FROM (SELECT *, lag((-transitions, product COLLATE "C", next_product COLLATE "C")) OVER (ORDER BY n) > (-transitions, product COLLATE "C", next_product COLLATE "C") AS wrong FROM (SELECT * FROM unnest((SELECT next_products(customer_id, ordered_at, product, 2, '2026-03-20') FROM lines)) WITH ORDINALITY u(product, next_product, orders, followed, transitions, r, b, l, n)) o) x WHERE wrong;
SELECT (SELECT next_products(customer_id, ordered_at, product, 2, '2026-03-20')::text FROM lines) AS b, (SELECT next_products_state(customer_id, ordered_at, product, 2, '2026-03-20')::text FROM lines) AS s \gset
SELECT next_products(customer_id::text, ordered_at, product, 2, '2026-03-20')::text = :'b' AS text, next_products(md5(customer_id::text)::uuid, ordered_at, product, 2, '2026-03-20')::text = :'b' AS uuid,
       next_products(customer_id, ordered_at, product, 2, '2026-03-20' ORDER BY md5(product))::text = :'b' AS shuffled, next_products_state(customer_id, ordered_at, product, 2, '2026-03-20' ORDER BY ordered_at DESC)::text = :'s' AS backwards FROM lines;
SELECT rollup(s)::text = :'s' AS by_day, next_products(rollup(s))::text = :'b' AS rows FROM (SELECT next_products_state(customer_id, ordered_at, product, 2, '2026-03-20')::text::retention_state AS s FROM lines GROUP BY ordered_at::date) p;
SELECT rollup(s)::text = :'s' AS by_product FROM (SELECT next_products_state(customer_id, ordered_at, product, 2, '2026-03-20') AS s FROM lines GROUP BY product) p;
SELECT next_products(customer_id, ordered_at, product, 1, '2026-04-01') IS NULL AS none FROM bought WHERE false;
SELECT next_products(customer_id, ordered_at, product, 1, '2020-04-01') IS NULL AS none FROM bought;
SELECT next_products(customer_id, ordered_at, product, 1, '2026-01-20') AS none_followed FROM bought;
SELECT max(pg_column_size(s)) <= 200 AS small FROM (SELECT next_products_state(customer_id, ordered_at, product, 2, '2026-04-01') AS s FROM bought GROUP BY ctid) x;
SELECT next_products(1::bigint, 'infinity', 'a', 1, '2026-04-01');
SELECT next_products(1::bigint, '2026-01-01', 'a', -1, '2026-04-01');
SELECT next_products(1::bigint, '2026-01-01', 'a', 1, 'infinity');
SELECT next_products(product_pairs_state(1::bigint, 'a', 1));

-- ---------------------------------------------------------------------------
-- States of any size
-- ---------------------------------------------------------------------------
-- a flat one, one that was flat, one that was not; all from the same rows
CREATE TEMP TABLE sizes AS SELECT size, (i * 7919::bigint % (size / 3))::bigint AS basket, 'product number ' || i * 31 % (1 + size / 7) AS product FROM unnest('{40,700,9000}'::int[]) size, generate_series(1, size) i;
SELECT size FROM (SELECT size, product_pairs_state(basket, product, 1) AS a, product_pairs_state(basket, product, 1 ORDER BY md5(product)) AS b FROM sizes GROUP BY size) x
JOIN (SELECT size, rollup(s) AS c FROM (SELECT size, product_pairs_state(basket, product, 1) AS s FROM sizes GROUP BY size, basket % 11) p GROUP BY size) y USING (size)
WHERE a::text <> b::text OR a::text <> c::text OR product_pairs(a)::text <> product_pairs(c)::text OR product_pairs(a::text::retention_state)::text <> product_pairs(a)::text;
-- states by hand: a text that nothing uses, texts out of order, a number of none
SELECT encode(retention_state_send(product_pairs_state(1::bigint, p, 1)), 'hex') AS hex FROM unnest('{a,b}'::text[]) p \gset
CREATE FUNCTION pg_temp.of_hex(h text) RETURNS retention_state LANGUAGE sql AS $$SELECT replace(encode(decode(h, 'hex'), 'base64'), E'\n', '')::retention_state$$;
SELECT product_pairs(pg_temp.of_hex(:'hex')) AS whole;
SELECT product_pairs(pg_temp.of_hex(overlay(:'hex' placing '00000002' from length(:'hex') - 7)));
SELECT product_pairs(pg_temp.of_hex(overlay(:'hex' placing '00000000' from length(:'hex') - 7)));
SELECT product_pairs(pg_temp.of_hex(replace(:'hex', '0000000161' || '0000000162', '0000000162' || '0000000161')));
SELECT product_pairs(pg_temp.of_hex(replace(:'hex', '0000000161', '7fffffff61')));
