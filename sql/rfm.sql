-- RFM as rows: rfm_segments, segment_summary, rfm_transitions, rfm_breaks, hero_buyers
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET extra_float_digits = 1;
SET jit = off;
SET client_encoding = 'UTF8';
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE SCHEMA rfm;

CREATE TABLE rfm.few (id serial, customer text, ordered_at timestamptz, amount numeric, order_no int, note json);
INSERT INTO rfm.few (customer, ordered_at, amount, order_no) VALUES
    ('A', '2024-01-10', 100.00, 1), ('A', '2024-06-10', 60.00, 2), ('A', '2024-06-10', 20.00, 2), ('A', '2024-06-12', -10.00, 2),
    ('B', '2024-02-01', NULL, 3), ('B', '2024-02-02', 0.00, 4),
    ('C', '2024-03-01', -30.00, 5),
    ('D', '2024-03-02', 50, 6), ('D', '2024-03-05', -50, 6),
    ('E', '2024-04-01', NULL, 7), ('F', '2024-05-01', 40.5, NULL), ('F', '2024-05-01', 1.25, NULL),
    ('G', NULL, 5, 8), (NULL, '2024-05-02', 1000, 9), ('H', '2025-05-01', 5, 10), ('I', '2024-12-30', 30.25, 11);
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31') ORDER BY customer;
SELECT * FROM segment_summary(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31');
SELECT * FROM rfm_transitions(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-03-31', '2024-12-31');
SELECT * FROM rfm_breaks(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31');
SELECT * FROM hero_buyers(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', 0.8, '2024-12-31');
-- lines of an order are netted: A has two orders, D returned all
SELECT customer, orders, monetary, cell, segment FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31', order_id_column => 'order_no') ORDER BY customer;
-- what happened later did not happen: D's return
SELECT customer, orders, monetary FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-03-04', order_id_column => 'order_no') ORDER BY customer;

-- ---------------------------------------------------------------------------
-- oracles, over rows of c (customer, as text), t (time), a (amount)
-- ---------------------------------------------------------------------------
CREATE FUNCTION rfm.segments(source text, as_of timestamptz, bins int, grid text)
RETURNS TABLE (customer text, first_order_at timestamptz, last_order_at timestamptz, recency_days float8, orders bigint, monetary numeric, aov numeric, r int, f int, m int, cell text, segment text)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'WITH customers AS (
             SELECT c, min(t) FILTER (WHERE a > 0 IS NOT FALSE) AS first, max(t) FILTER (WHERE a > 0 IS NOT FALSE) AS last, count(*) FILTER (WHERE a > 0 IS NOT FALSE) AS n, sum(a) AS money
             FROM (%s) s WHERE c IS NOT NULL AND t < $1 GROUP BY c HAVING count(*) FILTER (WHERE a > 0 IS NOT FALSE) > 0),
         ranks AS (
             SELECT *, count(*) OVER () AS rows, count(money) OVER () AS with_money,
                    rank() OVER (ORDER BY last DESC) - 1 AS r_above, rank() OVER (ORDER BY n) - 1 AS f_below, rank() OVER (ORDER BY money NULLS LAST) - 1 AS m_below
             FROM customers),
         scores AS (
             SELECT *, greatest(1, $2 - CASE WHEN rows > 1 THEN $2 * r_above / (rows - 1) ELSE 0 END)::int AS r, least($2, 1 + CASE WHEN rows > 1 THEN $2 * f_below / (rows - 1) ELSE 0 END)::int AS f,
                    CASE WHEN money IS NOT NULL THEN least($2, 1 + CASE WHEN with_money > 1 THEN $2 * m_below / (with_money - 1) ELSE 0 END)::int END AS m
             FROM ranks)
         SELECT c, first, last, (extract(epoch FROM $1 - last) * 1000000)::float8 / 86400000000, n, money, money / n, s.r, s.f, s.m, g.cell, g.segment
         FROM scores s LEFT JOIN rfm_grid($3, $2) g ON (g.r, g.f, g.m) = (s.r, s.f, s.m)', source) USING as_of, bins, grid;
END $$;
CREATE FUNCTION rfm.summary(source text, as_of timestamptz, bins int, grid text)
RETURNS TABLE (segment text, customers bigint, share float8, revenue numeric, revenue_share float8, orders bigint, aov numeric, median_recency_days float8) LANGUAGE sql AS $$
    SELECT coalesce(segment, 'unscored'), count(*), count(*)::float8 / sum(count(*)) OVER ()::float8, sum(monetary),
           CASE WHEN sum(sum(monetary)) OVER () > 0 THEN (sum(monetary) / sum(sum(monetary)) OVER ())::float8 END,
           sum(orders)::bigint, sum(monetary) / sum(orders), percentile_cont(0.5) WITHIN GROUP (ORDER BY recency_days)
    FROM rfm.segments(source, as_of, bins, grid) GROUP BY 1
$$;
CREATE FUNCTION rfm.transitions(source text, from_as_of timestamptz, to_as_of timestamptz, bins int, grid text)
RETURNS TABLE (from_segment text, to_segment text, customers bigint, share float8, monetary numeric) LANGUAGE sql AS $$
    SELECT CASE WHEN b.customer IS NULL THEN 'none' ELSE coalesce(b.segment, 'unscored') END, coalesce(a.segment, 'unscored'), count(*),
           count(*)::float8 / sum(count(*)) OVER (PARTITION BY CASE WHEN b.customer IS NULL THEN 'none' ELSE coalesce(b.segment, 'unscored') END)::float8, sum(a.monetary)
    FROM rfm.segments(source, to_as_of, bins, grid) a LEFT JOIN rfm.segments(source, from_as_of, bins, grid) b ON a.customer = b.customer
    GROUP BY 1, 2
$$;
CREATE FUNCTION rfm.breaks(source text, as_of timestamptz, bins int)
RETURNS TABLE (metric text, score int, customers bigint, lowest numeric, highest numeric) LANGUAGE sql AS $$
    SELECT metric, score, count(*), min(value), max(value)
    FROM rfm.segments(source, as_of, bins, 'rf'), LATERAL (VALUES ('recency', r, recency_days::text::numeric), ('frequency', f, orders), ('monetary', m, monetary)) v(metric, score, value)
    WHERE score IS NOT NULL GROUP BY 1, 2
$$;
CREATE FUNCTION rfm.heroes(source text, as_of timestamptz, share float8)
RETURNS TABLE (customer text, rank bigint, orders bigint, monetary numeric, revenue_share float8, cumulative_share float8) LANGUAGE sql AS $$
    SELECT customer, row_number, orders, monetary, (monetary / revenue)::float8, (so_far / revenue)::float8
    FROM (SELECT *, row_number() OVER w, sum(monetary) OVER (w ROWS UNBOUNDED PRECEDING) AS so_far, sum(monetary) OVER () AS revenue
          FROM rfm.segments(source, as_of, 5, 'rf') WHERE monetary IS NOT NULL
          WINDOW w AS (ORDER BY monetary DESC, CASE WHEN customer ~ '^-?[0-9]+$' THEN customer::numeric END, customer COLLATE "C")) x
    WHERE so_far - monetary < revenue * share::numeric AND revenue > 0
$$;
-- rows of one query that are not of the other
CREATE FUNCTION rfm.differ(ours text, theirs text) RETURNS TABLE (side text, "row" text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'WITH ours AS (SELECT q::text AS r FROM (%s) q), theirs AS (SELECT q::text AS r FROM (%s) q)
         SELECT ''ours'', r FROM (SELECT * FROM ours EXCEPT ALL SELECT * FROM theirs) x UNION ALL SELECT ''theirs'', r FROM (SELECT * FROM theirs EXCEPT ALL SELECT * FROM ours) x
         ORDER BY 2, 1 LIMIT 6', ours, theirs);
END $$;
-- all five functions against their oracles: the arguments up to the amount, and the same rows as c, t, a; "more" are further arguments
CREATE FUNCTION rfm.breaches(arguments text, source text, as_of timestamptz, bins int DEFAULT 5, grid text DEFAULT 'standard', more text DEFAULT '')
RETURNS TABLE (function text, side text, "row" text) LANGUAGE sql AS $$
    SELECT 'rfm_segments', d.* FROM rfm.differ(
        format('SELECT customer::text, first_order_at, last_order_at, recency_days, orders, monetary, aov, r, f, m, cell, segment FROM rfm_segments(%s, as_of => %L, bins => %s, grid => %L%s)', arguments, as_of, bins, grid, more),
        format('SELECT * FROM rfm.segments(%L, %L, %s, %L)', source, as_of, bins, grid)) d
    UNION ALL SELECT 'segment_summary', d.* FROM rfm.differ(
        format('SELECT * FROM segment_summary(%s, as_of => %L, bins => %s, grid => %L%s)', arguments, as_of, bins, grid, more),
        format('SELECT * FROM rfm.summary(%L, %L, %s, %L)', source, as_of, bins, grid)) d
    UNION ALL SELECT 'rfm_transitions', d.* FROM rfm.differ(
        format('SELECT * FROM rfm_transitions(%s, from_as_of => %L, to_as_of => %L, bins => %s, grid => %L%s)', arguments, as_of - interval '100 days', as_of, bins, grid, more),
        format('SELECT * FROM rfm.transitions(%L, %L, %L, %s, %L)', source, as_of - interval '100 days', as_of, bins, grid)) d
    UNION ALL SELECT 'rfm_breaks', d.* FROM rfm.differ(
        -- one of several equal values may be 0, another 0.00
        format('SELECT metric, score, customers, trim_scale(lowest), trim_scale(highest) FROM rfm_breaks(%s, as_of => %L, bins => %s%s)', arguments, as_of, bins, more),
        format('SELECT metric, score, customers, trim_scale(lowest), trim_scale(highest) FROM rfm.breaks(%L, %L, %s)', source, as_of, bins)) d
    UNION ALL SELECT 'hero_buyers', d.* FROM rfm.differ(
        format('SELECT customer::text, rank, orders, monetary, revenue_share, cumulative_share FROM hero_buyers(%s, share => 1 - 1.0 / %s, as_of => %L%s)', arguments, bins, as_of, more),
        format('SELECT * FROM rfm.heroes(%L, %L, 1 - 1.0 / %s)', source, as_of, bins)) d
$$;

-- every number of bins, both grids, several times
CREATE VIEW rfm.some AS SELECT * FROM shop_orders WHERE customer_id % 4 = 1;
SELECT bins, grid, b.* FROM generate_series(2, 9) bins, unnest(ARRAY['standard', 'rf']) grid,
    rfm.breaches($$NULL::bigint, 'rfm.some', 'customer_id', 'ordered_at', 'amount'$$, 'SELECT customer_id::text c, ordered_at t, amount a FROM rfm.some', '2024-07-15 12:34:56.789012', bins, grid) b;
SELECT as_of, b.* FROM unnest(ARRAY['2022-12-31', '2023-01-01 00:00', '2023-01-02', '2024-02-29', '2025-06-19 04:00', '2100-01-01']::timestamptz[]) as_of,
    rfm.breaches($$NULL::text, 'shop_orders', 'customer_code', 'ordered_at', 'amount'$$, 'SELECT customer_code c, ordered_at t, amount a FROM shop_orders', as_of) b;
SELECT * FROM rfm.breaches($$NULL::text, 'shop_orders', 'customer_email', 'ordered_at', 'amount'$$, 'SELECT customer_email c, ordered_at t, amount a FROM shop_orders', '2024-07-15', 4, 'rf');
SELECT * FROM rfm.breaches($$NULL::uuid, 'shop_orders', 'customer_uuid', 'ordered_at', 'amount'$$, 'SELECT customer_uuid::text c, ordered_at t, amount a FROM shop_orders', '2024-07-15', 3);
SELECT * FROM rfm.breaches($$NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount'$$, 'SELECT customer c, ordered_at t, amount a FROM rfm.few', '2024-12-31', 3);
-- every customer is within the breaks of the scores
CREATE VIEW rfm.some_segments AS SELECT * FROM rfm_segments(NULL::bigint, 'rfm.some', 'customer_id', 'ordered_at', 'amount', '2024-07-15 12:34:56.789012');
CREATE VIEW rfm.some_breaks AS SELECT * FROM rfm_breaks(NULL::bigint, 'rfm.some', 'customer_id', 'ordered_at', 'amount', '2024-07-15 12:34:56.789012');
SELECT s.*, b.* FROM rfm.some_segments s JOIN rfm.some_breaks b ON score = CASE metric WHEN 'recency' THEN r WHEN 'frequency' THEN f ELSE m END
WHERE NOT CASE metric WHEN 'recency' THEN recency_days BETWEEN lowest AND highest WHEN 'frequency' THEN orders BETWEEN lowest AND highest ELSE monetary BETWEEN lowest AND highest END;
-- both ends belong to a score: as thresholds of one's own they give the same scores, where no score is skipped
SELECT count(*), count(*) FILTER (WHERE threshold_score(s.recency_days::text::numeric, r.days, higher_is_better => false) <> s.r) AS recency, count(*) FILTER (WHERE threshold_score(s.monetary, m.money) <> s.m) AS monetary
FROM rfm.some_segments s, (SELECT array_agg(highest ORDER BY highest) AS days, count(*) FROM rfm.some_breaks WHERE metric = 'recency' AND score > 1) r,
     (SELECT array_agg(lowest ORDER BY lowest) AS money, count(*) FROM rfm.some_breaks WHERE metric = 'monetary' AND score > 1) m
WHERE r.count = 4 AND m.count = 4;
-- there is something to compare
SELECT count(*), count(DISTINCT cell) AS cells, count(DISTINCT segment) AS segments FROM rfm_segments(NULL::bigint, 'shop_orders', 'customer_id', 'ordered_at', 'amount', '2024-07-15');
SELECT count(*), sum(customers), round(sum(share)::numeric, 9), round(sum(revenue_share)::numeric, 9) FROM segment_summary(NULL::bigint, 'shop_orders', 'customer_id', 'ordered_at', 'amount', '2024-07-15');
SELECT count(*), count(DISTINCT from_segment), round(sum(share)::numeric, 9) FROM rfm_transitions(NULL::bigint, 'shop_orders', 'customer_id', 'ordered_at', 'amount', '2024-04-15', '2024-07-15');

-- the other face: over states, of every type of customer
CREATE TABLE rfm.states AS SELECT country, at, purchases_state(customer_id, ordered_at, amount, at) AS id, purchases_state(customer_code, ordered_at, amount, at) AS code, purchases_state(customer_uuid, ordered_at, amount, at) AS uid
FROM shop_orders, unnest(ARRAY['2024-04-06', '2024-07-15']::timestamptz[]) at GROUP BY country, at;
CREATE TABLE rfm.wholes AS SELECT at, rollup(id) AS id, rollup(code) AS code, rollup(uid) AS uid FROM rfm.states GROUP BY at;
SELECT bins, d.* FROM generate_series(2, 9) bins, rfm.differ(format($$SELECT s.* FROM rfm.wholes, rfm_segments(NULL::bigint, id, %s, 'rf') s WHERE at = '2024-07-15'$$, bins), format($$SELECT * FROM rfm_segments(NULL::bigint, 'shop_orders', 'customer_id', 'ordered_at', 'amount', '2024-07-15', %s, 'rf')$$, bins)) d;
SELECT * FROM rfm.differ($$SELECT s.* FROM rfm.wholes, rfm_segments(NULL::text, code) s WHERE at = '2024-07-15'$$, $$SELECT * FROM rfm_segments(NULL::text, 'shop_orders', 'customer_code', 'ordered_at', 'amount', '2024-07-15')$$);
SELECT * FROM rfm.differ($$SELECT s.* FROM rfm.wholes, rfm_segments(NULL::uuid, uid) s WHERE at = '2024-07-15'$$, $$SELECT * FROM rfm_segments(NULL::uuid, 'shop_orders', 'customer_uuid', 'ordered_at', 'amount', '2024-07-15')$$);
SELECT * FROM rfm.differ($$SELECT s.* FROM rfm.wholes, segment_summary(code, 7, 'rf') s WHERE at = '2024-07-15'$$, $$SELECT * FROM segment_summary(NULL::text, 'shop_orders', 'customer_code', 'ordered_at', 'amount', '2024-07-15', 7, 'rf')$$);
SELECT * FROM rfm.differ($$SELECT s.* FROM rfm.wholes, rfm_breaks(uid) s WHERE at = '2024-07-15'$$, $$SELECT * FROM rfm_breaks(NULL::uuid, 'shop_orders', 'customer_uuid', 'ordered_at', 'amount', '2024-07-15')$$);
SELECT * FROM rfm.differ($$SELECT s.* FROM rfm.wholes, hero_buyers(NULL::text, code, 0.5) s WHERE at = '2024-07-15'$$, $$SELECT * FROM hero_buyers(NULL::text, 'shop_orders', 'customer_code', 'ordered_at', 'amount', 0.5, '2024-07-15')$$);
SELECT k, d.* FROM unnest(ARRAY['id', 'code', 'uid']) k, rfm.differ(format($$SELECT s.* FROM rfm.wholes f, rfm.wholes t, rfm_transitions(f.%s, t.%1$s) s WHERE f.at < t.at$$, k),
    format($$SELECT * FROM rfm_transitions(NULL::%s, 'shop_orders', 'customer_%s', 'ordered_at', 'amount', '2024-04-06', '2024-07-15')$$, CASE k WHEN 'id' THEN 'bigint' WHEN 'code' THEN 'text' ELSE 'uuid' END, CASE k WHEN 'uid' THEN 'uuid' ELSE k END)) d;
-- built in the query, per group, in a lateral join
SELECT country, count(*), sum(orders) FROM rfm.states, rfm_segments(NULL::bigint, id) WHERE at = '2024-07-15' GROUP BY country ORDER BY country;
SELECT count(*) FROM rfm_segments(NULL::text, (SELECT purchases_state(customer, ordered_at, amount, '2024-12-31') FROM rfm.few));
SELECT count(*) FROM segment_summary(NULL), rfm_breaks(NULL);
SELECT count(*) FROM hero_buyers(NULL::int, NULL::retention_state);
SELECT count(*) FROM rfm_transitions(NULL, NULL::retention_state);
SELECT t.* FROM rfm.wholes w, rfm_transitions(NULL, w.id, 2) t WHERE at = '2024-04-06';
SELECT count(*) FROM rfm.wholes w, rfm_transitions(w.id, NULL) t;
SELECT count(*) FROM rfm.wholes a, rfm.wholes b, rfm_transitions(a.id, b.id) WHERE a.at > b.at;
SELECT count(*) FROM rfm.wholes a, rfm_transitions(a.id, a.id);
SELECT count(*) FROM rfm.wholes a, rfm.wholes b, rfm_transitions(a.id, b.uid) WHERE a.at < b.at;
SELECT count(*) FROM rfm.wholes, rfm_segments(NULL::int, id);
SELECT count(*) FROM rfm.wholes, rfm_segments(NULL::bpchar, code);
SELECT count(*) FROM rfm.wholes, hero_buyers(NULL::uuid, id);
SELECT * FROM rfm_segments(NULL::bigint, (SELECT aov_state(1)));
SELECT * FROM rfm_segments(NULL::bigint, (SELECT repeat_rate_state(1)));
SELECT * FROM segment_summary((SELECT aov_state(1)));
SELECT * FROM rfm_transitions((SELECT aov_state(1)), NULL);
SELECT * FROM rfm_breaks((SELECT repeat_rate_state('a'::text)));
SELECT * FROM hero_buyers(NULL::text, (SELECT repeat_rate_state(1)));
SELECT count(*) FROM rfm.wholes, rfm_segments(NULL::bigint, id, NULL);
SELECT count(*) FROM rfm.wholes, rfm_segments(NULL::bigint, id, 10);
SELECT count(*) FROM rfm.wholes, segment_summary(id, 5, NULL);
SELECT count(*) FROM rfm.wholes, segment_summary(id, 5, 'Standard');
SELECT count(*) FROM rfm.wholes, rfm_breaks(id, 1);
SELECT count(*) FROM rfm.wholes, hero_buyers(NULL::bigint, id, NULL);

-- ---------------------------------------------------------------------------
-- types of columns
-- ---------------------------------------------------------------------------
CREATE DOMAIN rfm.number AS integer CHECK (VALUE > 0);
CREATE DOMAIN rfm.handle AS text CHECK (VALUE <> 'anonymous');
CREATE DOMAIN rfm.euros AS numeric(12, 2);
CREATE DOMAIN rfm.instant AS timestamp;
CREATE TABLE rfm.typed AS
SELECT (customer_id % 100 + 101)::smallint AS c_smallint, (customer_id % 100 + 101)::integer AS c_integer, customer_id AS c_bigint, customer_code AS c_text, customer_code::varchar(20) AS c_varchar,
       customer_code::char(8) AS c_char, customer_uuid AS c_uuid, (customer_id % 100 + 101)::int::rfm.number AS c_number, customer_code::rfm.handle AS c_handle, ordered_at > '2024-01-01' AS c_boolean, customer_id::numeric AS c_numeric,
       ordered_at AS t_timestamptz, ordered_at::timestamp AS t_timestamp, ordered_at::date AS t_date, ordered_at::timestamp::rfm.instant AS t_instant, ordered_at::time AS t_time, ordered_at::text AS t_text,
       amount AS a_numeric, amount::int AS a_integer, (amount::int % 1000)::smallint AS a_smallint, amount::bigint AS a_bigint, amount::real AS a_real, amount::float8 AS a_double, amount::money AS a_money, amount::rfm.euros AS a_euros, amount::text AS a_text
FROM (SELECT * FROM shop_orders WHERE ordered_at < '2023-06-01' ORDER BY customer_email COLLATE "C", ordered_at, amount LIMIT 1500) s;
CREATE FUNCTION rfm.type_breaches(anchor text, c text, t text DEFAULT 't_timestamptz', a text DEFAULT 'a_numeric', tz text DEFAULT 'UTC') RETURNS TABLE (function text, side text, "row" text) LANGUAGE sql AS $$
    SELECT rfm.breaches(format('NULL::%s, ''rfm.typed'', %L, %L, %L', anchor, c, t, a),
                        format('SELECT %s::text c, %s t, %s::numeric a FROM rfm.typed', c, CASE WHEN t LIKE '%tz' THEN t ELSE format('%s::timestamp AT TIME ZONE %L', t, tz) END, a), '2023-05-20', 5, 'standard', format(', tz => %L', tz))
$$;
SELECT c, anchor, b.* FROM (VALUES ('c_smallint', '{smallint,integer,bigint}'::text[]), ('c_integer', '{integer,bigint}'), ('c_bigint', '{bigint}'), ('c_text', '{text,varchar}'), ('c_varchar', '{varchar,text}'), ('c_char', '{bpchar,varchar,text,char(8)}'),
    ('c_uuid', '{uuid}'), ('c_number', '{rfm.number,integer,bigint}'), ('c_handle', '{rfm.handle,text}')) v(c, anchors), unnest(anchors) anchor, rfm.type_breaches(anchor, c) b;
SELECT pg_typeof(a.customer), pg_typeof(b.customer), pg_typeof(c.customer), pg_typeof(d.customer) FROM
    rfm_segments(NULL::smallint, 'rfm.typed', 'c_smallint', 't_date', 'a_money', '2024-01-01') a, hero_buyers(NULL::rfm.number, 'rfm.typed', 'c_number', 't_date', 'a_money', 0.1) b,
    rfm_segments(NULL::char(8), 'rfm.typed', 'c_char', 't_date', 'a_money', '2024-01-01') c, rfm_segments(NULL::rfm.handle, 'rfm.typed', 'c_handle', 't_date', 'a_money', '2024-01-01') d LIMIT 1;
-- the anchor's value does not matter
SELECT count(*) FROM rfm_segments(7::smallint, 'rfm.typed', 'c_smallint', 't_date', 'a_money');
SELECT t, tz, b.* FROM unnest(ARRAY['t_timestamptz', 't_timestamp', 't_date', 't_instant']) t, unnest(ARRAY['UTC', 'Europe/Paris', 'Etc/GMT-5', 'America/New_York']) tz, rfm.type_breaches('bigint', 'c_bigint', t, 'a_numeric', tz) b;
SELECT a, b.* FROM unnest(ARRAY['a_integer', 'a_smallint', 'a_bigint', 'a_real', 'a_double', 'a_money', 'a_euros']) a, rfm.type_breaches('text', 'c_text', 't_date', a) b;
-- the zone of a time without one is tz's, never the session's; the hour that does not exist, and the one that exists twice
CREATE TABLE rfm.clocks (c int, t timestamp, a int);
INSERT INTO rfm.clocks VALUES (1, '2024-03-31 02:30', 1), (2, '2024-10-27 02:30', 1), (3, '2024-07-01', 1), (4, NULL, 1);
SET TimeZone = 'America/New_York';
SELECT customer, last_order_at AT TIME ZONE 'UTC' AS utc, recency_days FROM rfm_segments(NULL::int, 'rfm.clocks', 'c', 't', 'a', '2025-01-01 00:00+00', tz => 'Europe/Paris') ORDER BY 1;
SELECT customer, last_order_at AT TIME ZONE 'UTC' AS utc, recency_days FROM rfm_segments(NULL::int, 'rfm.clocks', 'c', 't', 'a', '2025-01-01 00:00+00') ORDER BY 1;
SET TimeZone = 'UTC';
SELECT * FROM rfm_segments(NULL::int, 'rfm.typed', 'c_bigint', 't_date', 'a_money');
SELECT * FROM rfm_segments(NULL::smallint, 'rfm.typed', 'c_integer', 't_date', 'a_money');
SELECT * FROM segment_summary(NULL::text, 'rfm.typed', 'c_bigint', 't_date', 'a_money');
SELECT * FROM rfm_breaks(NULL::bigint, 'rfm.typed', 'c_text', 't_date', 'a_money');
SELECT * FROM hero_buyers(NULL::bpchar, 'rfm.typed', 'c_text', 't_date', 'a_money');
SELECT * FROM rfm_segments(NULL::rfm.number, 'rfm.typed', 'c_integer', 't_date', 'a_money');
SELECT * FROM rfm_transitions(NULL::rfm.handle, 'rfm.typed', 'c_text', 't_date', 'a_money', '2024-01-01');
SELECT * FROM rfm_segments(NULL::rfm.handle, 'rfm.typed', 'c_number', 't_date', 'a_money');
SELECT * FROM rfm_segments(NULL::uuid, 'rfm.typed', 'c_text', 't_date', 'a_money');
SELECT * FROM rfm_segments(NULL, 'rfm.typed', 'c_text', 't_date', 'a_money');
SELECT * FROM rfm_segments(NULL::boolean, 'rfm.typed', 'c_boolean', 't_date', 'a_money');
SELECT * FROM rfm_segments(NULL::numeric, 'rfm.typed', 'c_numeric', 't_date', 'a_money');
SELECT * FROM rfm_segments(NULL::bigint, 'rfm.typed', 'c_bigint', 't_time', 'a_money');
SELECT * FROM rfm_segments(NULL::bigint, 'rfm.typed', 'c_bigint', 't_text', 'a_money');
SELECT * FROM rfm_segments(NULL::bigint, 'rfm.typed', 'c_bigint', 't_date', 'a_text');

-- ---------------------------------------------------------------------------
-- order ids
-- ---------------------------------------------------------------------------
CREATE TABLE rfm.lines AS
SELECT customer_id, CASE WHEN noise(i, 41) > 0.05 THEN floor(noise(customer_id, 42) * 10)::int + floor(noise(i, 43) * 6)::int END AS order_id, ordered_at, amount
FROM (SELECT *, row_number() OVER (ORDER BY customer_email COLLATE "C", ordered_at, amount) i FROM shop_orders) s WHERE customer_id % 5 = 0 OR customer_id IS NULL;
CREATE TABLE rfm.lines_not_null AS SELECT * FROM rfm.lines WHERE order_id IS NOT NULL;
ALTER TABLE rfm.lines_not_null ALTER order_id SET NOT NULL;
INSERT INTO rfm.lines SELECT customer_id, order_id, max(ordered_at) + interval '40 days', -sum(amount) FROM rfm.lines WHERE order_id % 3 = 0 GROUP BY 1, 2;
CREATE FUNCTION rfm.netted(lines text, as_of timestamptz) RETURNS TABLE (c text, t timestamptz, a numeric) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT customer_id::text, min(ordered_at), sum(amount) FROM (SELECT *, CASE WHEN order_id IS NULL THEN row_number() OVER () END AS own FROM %s WHERE ordered_at < $1) l GROUP BY customer_id, order_id, own', lines) USING as_of;
END $$;
SELECT lines, as_of, d.* FROM unnest(ARRAY['rfm.lines', 'rfm.lines_not_null']) lines, unnest(ARRAY['2022-01-01', '2023-03-05', '2024-07-15', '2030-01-01']::timestamptz[]) as_of, rfm.differ(
    format($$SELECT customer::text, first_order_at, last_order_at, recency_days, orders, monetary, aov, r, f, m, cell, segment FROM rfm_segments(NULL::bigint, %L, 'customer_id', 'ordered_at', 'amount', %L, order_id_column => 'order_id')$$, lines, as_of),
    format('SELECT * FROM rfm.segments(%L, %L, 5, ''standard'')', format('SELECT * FROM rfm.netted(%L, %L)', lines, as_of), as_of)) d;
SELECT count(*), sum(orders), sum(monetary) FROM rfm_segments(NULL::bigint, 'rfm.lines', 'customer_id', 'ordered_at', 'amount', '2024-07-15', order_id_column => 'order_id');
SELECT count(*), sum(orders), sum(monetary) FROM rfm_segments(NULL::bigint, 'rfm.lines', 'customer_id', 'ordered_at', 'amount', '2024-07-15');
-- the other functions net in the same way: a table of the netted orders gives their answers
CREATE TABLE rfm.orders_now AS SELECT c::bigint, t, a FROM rfm.netted('rfm.lines', '2024-07-15');
SELECT * FROM rfm.differ($$SELECT * FROM segment_summary(NULL::bigint, 'rfm.lines', 'customer_id', 'ordered_at', 'amount', '2024-07-15', order_id_column => 'order_id')$$, $$SELECT * FROM segment_summary(NULL::bigint, 'rfm.orders_now', 'c', 't', 'a', '2024-07-15')$$);
SELECT * FROM rfm.differ($$SELECT * FROM rfm_breaks(NULL::bigint, 'rfm.lines', 'customer_id', 'ordered_at', 'amount', '2024-07-15', order_id_column => 'order_id')$$, $$SELECT * FROM rfm_breaks(NULL::bigint, 'rfm.orders_now', 'c', 't', 'a', '2024-07-15')$$);
SELECT * FROM rfm.differ($$SELECT * FROM hero_buyers(NULL::bigint, 'rfm.lines', 'customer_id', 'ordered_at', 'amount', 0.8, '2024-07-15', order_id_column => 'order_id')$$, $$SELECT * FROM hero_buyers(NULL::bigint, 'rfm.orders_now', 'c', 't', 'a', 0.8, '2024-07-15')$$);
SELECT * FROM rfm.differ($$SELECT * FROM rfm_transitions(NULL::bigint, 'rfm.lines', 'customer_id', 'ordered_at', 'amount', '2024-01-15', '2024-07-15', order_id_column => 'order_id')$$,
    $$SELECT t.* FROM (SELECT purchases_state(c::bigint, t, a, '2024-01-15') s FROM rfm.netted('rfm.lines', '2024-01-15')) f, (SELECT purchases_state(c::bigint, t, a, '2024-07-15') s FROM rfm.netted('rfm.lines', '2024-07-15')) l, rfm_transitions(f.s, l.s) t$$);
-- an id of two parts
CREATE TYPE rfm.in_shop AS (shop int, order_no int);
CREATE VIEW rfm.in_shops AS SELECT customer, ordered_at, amount, CASE WHEN order_no <> 1 THEN ROW(nullif(1, order_no - 1), nullif(order_no, 3))::rfm.in_shop END AS id_in_shop FROM rfm.few;
SELECT * FROM rfm.differ($$SELECT * FROM rfm_segments(NULL::text, 'rfm.in_shops', 'customer', 'ordered_at', 'amount', '2024-12-31', order_id_column => 'id_in_shop')$$, $$SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31', order_id_column => 'order_no')$$);
-- an id that is NOT NULL but in a child that dropped that, where the server lets it
CREATE TABLE rfm.numbered (c int, t date, a int, o int NOT NULL);
CREATE TABLE rfm.numbered_child () INHERITS (rfm.numbered);
INSERT INTO rfm.numbered_child VALUES (1, '2024-01-01', 5, 1);
DO $$
BEGIN
    ALTER TABLE rfm.numbered_child ALTER o DROP NOT NULL;
    INSERT INTO rfm.numbered_child VALUES (2, '2024-01-01', 5, NULL);
EXCEPTION WHEN OTHERS THEN
END $$;
SELECT count(*) = (SELECT count(DISTINCT c) FROM rfm.numbered) AS all_there FROM rfm_segments(NULL::int, 'rfm.numbered', 'c', 't', 'a', order_id_column => 'o');
-- an id of any type that can be compared
SELECT count(*) FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31', order_id_column => 'ordered_at');
SELECT count(*) FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31', order_id_column => NULL);
SELECT count(*) FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31', order_id_column => 'missing');
SELECT count(*) FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31', order_id_column => 'note');

-- ---------------------------------------------------------------------------
-- little data
-- ---------------------------------------------------------------------------
CREATE TABLE rfm.orders (c int, t timestamptz, a numeric);
CREATE VIEW rfm.calls AS
SELECT (SELECT count(*) FROM rfm_segments(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-12-31')) AS segments, (SELECT count(*) FROM segment_summary(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-12-31')) AS summary,
       (SELECT count(*) FROM rfm_transitions(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-06-30', '2024-12-31')) AS transitions, (SELECT count(*) FROM rfm_breaks(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-12-31')) AS breaks,
       (SELECT count(*) FROM hero_buyers(NULL::int, 'rfm.orders', 'c', 't', 'a', as_of => '2024-12-31')) AS heroes, (SELECT count(*) FROM rfm_segments(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-12-31', order_id_column => 'a')) AS netted;
SELECT * FROM rfm.calls;
INSERT INTO rfm.orders VALUES (NULL, '2024-01-01', 1), (1, NULL, 1), (1, '2024-01-01', 0), (1, '2024-01-01', -1), (2, '2025-01-01', 5);
SELECT * FROM rfm.calls;
-- one customer, of unknown money
INSERT INTO rfm.orders VALUES (3, '2024-05-01', NULL);
SELECT * FROM rfm_segments(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-12-31');
SELECT * FROM segment_summary(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-12-31');
SELECT * FROM rfm_transitions(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-04-30', '2024-12-31');
SELECT * FROM rfm_transitions(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-05-01', '2024-12-31');
SELECT * FROM rfm_breaks(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-12-31');
SELECT * FROM hero_buyers(NULL::int, 'rfm.orders', 'c', 't', 'a', as_of => '2024-12-31');
-- more refunds than revenue
INSERT INTO rfm.orders VALUES (1, '2024-05-01', 0.5), (2, '2024-05-01', 100), (4, '2024-02-01', 10), (4, '2024-02-02', -1000);
SELECT customer, orders, monetary, aov, cell, segment FROM rfm_segments(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-12-31') ORDER BY 1;
SELECT segment, customers, revenue, revenue_share, aov FROM segment_summary(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-12-31');
SELECT * FROM hero_buyers(NULL::int, 'rfm.orders', 'c', 't', 'a', as_of => '2024-12-31');
UPDATE rfm.orders SET a = -109.5 WHERE a = -1000;
SELECT sum(monetary), count(*) FROM rfm_segments(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-12-31');
SELECT count(*) FROM hero_buyers(NULL::int, 'rfm.orders', 'c', 't', 'a', as_of => '2024-12-31');
SELECT * FROM rfm.breaches($$NULL::int, 'rfm.orders', 'c', 't', 'a'$$, 'SELECT c::text, t, a FROM rfm.orders', '2024-12-31', 4);
-- recency is counted from above: who shares the last day of a sale shares the best score
TRUNCATE rfm.orders;
INSERT INTO rfm.orders SELECT i, date '2024-11-29' - greatest(i - 60, 0), 10 FROM generate_series(1, 100) i;
SELECT r, count(*), min(recency_days), max(recency_days) FROM rfm_segments(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-11-30') GROUP BY r ORDER BY r DESC;
SELECT metric, score, customers, lowest, highest FROM rfm_breaks(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-11-30') WHERE metric = 'recency';
SELECT segment, customers FROM segment_summary(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-11-30');
SELECT * FROM rfm.breaches($$NULL::int, 'rfm.orders', 'c', 't', 'a'$$, 'SELECT c::text, t, a FROM rfm.orders', '2024-11-30');
-- on the day after the launch nobody is lost, nor is the only customer
TRUNCATE rfm.orders;
INSERT INTO rfm.orders SELECT i, '2024-11-29', 10 FROM generate_series(1, 1000) i;
SELECT cell, segment, count(*) FROM rfm_segments(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-11-30') GROUP BY 1, 2;
SELECT cell, segment FROM rfm_segments(NULL::bigint, (SELECT purchases_state(c, t, a, '2024-11-30') FROM rfm.orders WHERE c = 1));
SELECT bins, cell, segment FROM generate_series(2, 9) bins, rfm_segments(NULL::bigint, (SELECT purchases_state(c, t, a, '2024-11-30') FROM rfm.orders WHERE c = 1), bins, 'rf');
SELECT bins, rfm_score(t, 1, a, bins) OVER (PARTITION BY bins) FROM rfm.orders, unnest('{2,5,9}'::int[]) bins WHERE c = 1 ORDER BY bins;
-- as_of far from the data is told; not of states, which have theirs
SET client_min_messages = notice;
SELECT count(*) FROM rfm_segments(NULL::int, 'rfm.orders', 'c', 't', 'a', '2025-11-29');
SELECT count(*) FROM rfm_segments(NULL::int, 'rfm.orders', 'c', 't', 'a', '2025-12-01');
SELECT count(*) FROM segment_summary(NULL::int, 'rfm.orders', 'c', 't', 'a', '2026-11-29');
SELECT count(*) FROM rfm_transitions(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-12-01', '2052-11-27');
SELECT count(*) FROM rfm_breaks(NULL::int, 'rfm.orders', 'c', 't', 'a', '2052-11-27');
SELECT count(*) FROM hero_buyers(NULL::int, 'rfm.orders', 'c', 't', 'a', as_of => '2052-11-27');
SELECT count(*) FROM rfm_segments(NULL::int, 'rfm.orders', 'c', 't', 'a', '2020-01-01');
SELECT count(*) FROM segment_summary((SELECT purchases_state(c, t, a, '2052-11-27') FROM rfm.orders));
SET client_min_messages = warning;
-- an order of this very transaction counts, by the clock; one at as_of does not
BEGIN;
SELECT count(*) FROM pg_sleep(0.01);
INSERT INTO rfm.orders VALUES (-1, clock_timestamp(), 5);
SELECT count(*) FROM rfm_segments(NULL::int, 'rfm.orders', 'c', 't', 'a') WHERE customer = -1;
SELECT count(*) FROM hero_buyers(NULL::int, 'rfm.orders', 'c', 't', 'a', 1) WHERE customer = -1;
ROLLBACK;
TRUNCATE rfm.orders;
INSERT INTO rfm.orders VALUES (1, '2024-01-01', 1), (2, '2024-01-15', 1), (3, '2024-01-31', 1), (4, '2024-02-01', 1);
SELECT array_agg(customer ORDER BY customer) FROM rfm_segments(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-02-01');
SELECT array_agg(customer ORDER BY customer) FROM rfm_segments(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-02-01', order_id_column => 'c');
SELECT sum(customers) FILTER (WHERE from_segment = 'none') AS new, sum(customers) AS all FROM rfm_transitions(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-01-15', '2024-02-01');
-- functions beside the extension's own, of the same arguments and a default more, leave no call by name unique; these are by OID
CREATE FUNCTION purchases_state(bigint, timestamptz, numeric, timestamptz, int DEFAULT 1) RETURNS retention_state LANGUAGE sql RETURN NULL::retention_state;
CREATE FUNCTION purchases_state(bigint, timestamptz, numeric, VARIADIC timestamptz[]) RETURNS retention_state LANGUAGE sql RETURN NULL::retention_state;
CREATE FUNCTION purchase_days_state(bigint, timestamptz, numeric, timestamptz, text, int DEFAULT 1) RETURNS retention_state LANGUAGE sql RETURN NULL::retention_state;
CREATE FUNCTION purchase_days_state(bigint, timestamptz, numeric, timestamptz, varchar) RETURNS retention_state LANGUAGE sql RETURN NULL::retention_state;
SELECT purchases_state(1::bigint, now(), 1::numeric, now());
SELECT count(*) FROM rfm_segments(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-02-01');
SELECT sum(customers) FROM rfm_transitions(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-01-15', '2024-02-01', order_id_column => 'c');
SELECT count(*) FROM predict_customers(NULL::int, 'rfm.orders', 'c', 't', 'a', as_of => '2024-02-01');
SELECT sum(customers) FROM backtest(NULL::int, 'rfm.orders', 'c', 't', 'a', '2024-01-20', '2024-02-01', order_id_column => 'c');
DROP FUNCTION purchases_state(bigint, timestamptz, numeric, timestamptz, int), purchases_state(bigint, timestamptz, numeric, timestamptz[]),
    purchase_days_state(bigint, timestamptz, numeric, timestamptz, text, int), purchase_days_state(bigint, timestamptz, numeric, timestamptz, varchar);
-- heroes: ties by customer, exact at the boundary, the share itself included
TRUNCATE rfm.orders;
INSERT INTO rfm.orders SELECT c, '2024-01-01', a FROM (VALUES (30, 10), (5, 10), (200, 10), (-7, 10), (1, 40), (2, 0.1), (3, 0.2), (4, 19.7)) v(c, a);
SELECT * FROM hero_buyers(NULL::int, 'rfm.orders', 'c', 't', 'a', 0.8);
SELECT share, count(*), array_agg(customer ORDER BY rank) FROM unnest(ARRAY[0.4, 0.4000000001, 0.597, 0.5970001, 0.697, 0.997, 0.999, 0.9999, 1, 1e-300]::float8[]) share, hero_buyers(NULL::int, 'rfm.orders', 'c', 't', 'a', share) GROUP BY share ORDER BY share;
SELECT array_agg(customer ORDER BY rank) FROM hero_buyers(NULL::text, (SELECT purchases_state(c::text, t, a, now()) FROM rfm.orders), 1);
INSERT INTO rfm.orders VALUES (50, '2024-01-01', 1), (50, '2024-01-01', -21), (51, '2024-01-01', 3), (51, '2024-01-01', -3);
SELECT customer, rank, cumulative_share FROM hero_buyers(NULL::int, 'rfm.orders', 'c', 't', 'a', 1);
SELECT share, d.* FROM unnest(ARRAY[0.01, 0.2, 0.5, 0.8, 0.95, 0.999, 1]) share, rfm.differ(format($$SELECT customer::text, rank, orders, monetary, revenue_share, cumulative_share FROM hero_buyers(NULL::bigint, 'shop_orders', 'customer_id', 'ordered_at', 'amount', %s, '2025-01-01')$$, share),
    format($$SELECT * FROM rfm.heroes('SELECT customer_id::text c, ordered_at t, amount a FROM shop_orders', '2025-01-01', %s)$$, share)) d;
SELECT * FROM hero_buyers(NULL::int, 'rfm.orders', 'c', 't', 'a', 0);
SELECT * FROM hero_buyers(NULL::int, 'rfm.orders', 'c', 't', 'a', -1);
SELECT * FROM hero_buyers(NULL::int, 'rfm.orders', 'c', 't', 'a', 1.5);
SELECT * FROM hero_buyers(NULL::int, 'rfm.orders', 'c', 't', 'a', 'NaN');
SELECT * FROM hero_buyers(NULL::int, 'rfm.orders', 'c', 't', 'a', NULL);
-- money of any size
UPDATE rfm.orders SET a = a * 1e60 + 1e-30 WHERE c > 3;
SELECT * FROM rfm.breaches($$NULL::int, 'rfm.orders', 'c', 't', 'a'$$, 'SELECT c::text, t, a FROM rfm.orders', '2024-12-31', 4);
TRUNCATE rfm.orders;
INSERT INTO rfm.orders VALUES (1, '2024-01-01', 1e-400), (2, '2024-01-01', 1);
SELECT customer, rank, revenue_share, cumulative_share FROM hero_buyers(NULL::int, 'rfm.orders', 'c', 't', 'a', 1);
SELECT segment, customers, revenue_share FROM segment_summary(NULL::int, 'rfm.orders', 'c', 't', 'a');
INSERT INTO rfm.orders VALUES (2, '2024-01-01', 1e400), (3, '2024-01-01', 1), (3, '2024-01-01', -1e400);
SELECT segment, customers, revenue_share FROM segment_summary(NULL::int, 'rfm.orders', 'c', 't', 'a');
SELECT customer, rank, revenue_share, cumulative_share FROM hero_buyers(NULL::int, 'rfm.orders', 'c', 't', 'a');
-- all of time
TRUNCATE rfm.orders;
INSERT INTO rfm.orders VALUES (1, '4714-11-24 00:00 BC', 1), (2, '294276-12-31 23:59:59', 1);
SELECT customer, recency_days FROM rfm_segments(NULL::int, 'rfm.orders', 'c', 't', 'a', '294276-12-31 23:59:59.999999') ORDER BY 1;
SELECT median_recency_days FROM segment_summary(NULL::int, 'rfm.orders', 'c', 't', 'a', '294276-12-31 23:59:59.999999') ORDER BY 1;
SELECT score, customers, lowest, highest FROM rfm_breaks(NULL::int, 'rfm.orders', 'c', 't', 'a', '294276-12-31 23:59:59.999999') WHERE metric = 'recency';
-- what is not finite
INSERT INTO rfm.orders VALUES (1, '2024-01-01', 'NaN');
SELECT * FROM rfm_segments(NULL::int, 'rfm.orders', 'c', 't', 'a');
UPDATE rfm.orders SET a = 'Infinity' WHERE a = 'NaN';
SELECT * FROM segment_summary(NULL::int, 'rfm.orders', 'c', 't', 'a', order_id_column => 'a');
UPDATE rfm.orders SET a = 1, t = '-infinity' WHERE a = 'Infinity';
SELECT * FROM rfm_breaks(NULL::int, 'rfm.orders', 'c', 't', 'a');
SELECT * FROM rfm_breaks(NULL::int, 'rfm.orders', 'c', 't', 'a', order_id_column => 'c');
UPDATE rfm.orders SET t = 'infinity' WHERE t = '-infinity';
SELECT * FROM hero_buyers(NULL::int, 'rfm.orders', 'c', 't', 'a');

-- ---------------------------------------------------------------------------
-- bad arguments
-- ---------------------------------------------------------------------------
SELECT * FROM rfm_segments(NULL::text, NULL, 'customer', 'ordered_at', 'amount');
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', NULL, 'ordered_at', 'amount');
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer', NULL, 'amount');
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', NULL);
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', NULL);
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', bins => NULL);
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', grid => NULL);
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', tz => NULL);
SELECT * FROM segment_summary(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', NULL);
SELECT * FROM rfm_transitions(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', NULL);
SELECT * FROM rfm_transitions(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-01-01', NULL);
SELECT * FROM rfm_breaks(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', bins => NULL);
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', 'infinity');
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', bins => 1);
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', bins => 10);
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', grid => 'own');
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', tz => 'Mars/Olympus');
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', tz => '');
SELECT * FROM rfm_transitions(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-01-01', '2024-01-01');
SELECT * FROM rfm_transitions(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-01-02', '2024-01-01');
SELECT * FROM rfm_segments(NULL::text, 'rfm.none', 'customer', 'ordered_at', 'amount');
SELECT * FROM rfm_segments(NULL::text, 1, 'customer', 'ordered_at', 'amount');
SELECT * FROM rfm_segments(NULL::text, 0, 'customer', 'ordered_at', 'amount');
SELECT * FROM rfm_segments(NULL::text, 'rfm.few_id_seq', 'customer', 'ordered_at', 'amount');
CREATE INDEX few_customer ON rfm.few (customer);
SELECT * FROM rfm_segments(NULL::text, 'rfm.few_customer', 'customer', 'ordered_at', 'amount');
CREATE TYPE rfm.composite AS (customer text, ordered_at timestamptz, amount numeric);
SELECT * FROM rfm_segments(NULL::text, 'rfm.composite', 'customer', 'ordered_at', 'amount');
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer_id', 'ordered_at', 'amount');
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'Ordered_At', 'amount');
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', '');
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'customer', '"ordered_at"', 'amount');
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'ctid', 'ordered_at', 'amount');
SELECT * FROM rfm_segments(NULL::bigint, 'rfm.few', 'customer', 'ordered_at', 'amount''; DROP TABLE rfm.few; --');
ALTER TABLE rfm.few DROP COLUMN note;
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', 'note', 'ordered_at', 'amount');
SELECT * FROM rfm_segments(NULL::text, 'rfm.few', '........pg.dropped.6........', 'ordered_at', 'amount');
SELECT rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at');

-- ---------------------------------------------------------------------------
-- relations and names
-- ---------------------------------------------------------------------------
CREATE SCHEMA "S ""a""; DROP TABLE rfm.few; --";
CREATE TABLE "S ""a""; DROP TABLE rfm.few; --"."Ta'ble $1 "" %s ü" ("a""b; drop table x" int, "SELECT" timestamptz, "$1" numeric, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" numeric, "ordër'" int);
INSERT INTO "S ""a""; DROP TABLE rfm.few; --"."Ta'ble $1 "" %s ü" VALUES (1, '2024-01-01', 5, 6, 1), (2, '2024-01-02', 7, 8, 1);
SELECT customer, monetary FROM rfm_segments(NULL::int, '"S ""a""; DROP TABLE rfm.few; --"."Ta''ble $1 "" %s ü"', 'a"b; drop table x', 'SELECT', '$1') ORDER BY 1;
SELECT customer, monetary FROM rfm_segments(NULL::int, '"S ""a""; DROP TABLE rfm.few; --"."Ta''ble $1 "" %s ü"', 'a"b; drop table x', 'SELECT', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', order_id_column => 'ordër''') ORDER BY 1;
SELECT customer, monetary FROM rfm_segments(NULL::text, '"S ""a""; DROP TABLE rfm.few; --"."Ta''ble $1 "" %s ü"', 'a"b; drop table x', 'SELECT', '$1');
SELECT customer, monetary FROM rfm_segments(NULL::int, '"S ""a""; DROP TABLE rfm.few; --"."Ta''ble $1 "" %s ü"', 'a"b', 'SELECT', '$1');
DROP SCHEMA "S ""a""; DROP TABLE rfm.few; --" CASCADE;
-- columns named as those of our query, and as types
CREATE TABLE rfm.odd (customer int, o int, r1 int, s1 int, ordered_at timestamptz, amount numeric, "timestamp" timestamp, "numeric" numeric, int8 int);
INSERT INTO rfm.odd VALUES (1, 2, 3, 4, '2024-01-01', 5, '2024-01-02', 6, 7);
SELECT customer, first_order_at, monetary FROM rfm_segments(NULL::int, 'rfm.odd', 'int8', 'timestamp', 'numeric', order_id_column => 'o') UNION ALL
SELECT customer, first_order_at, monetary FROM rfm_segments(NULL::int, 'rfm.odd', 'o', 'ordered_at', 'numeric', order_id_column => 'customer') UNION ALL
SELECT customer, first_order_at, monetary FROM rfm_segments(NULL::int, 'rfm.odd', 'r1', 'ordered_at', 'customer') UNION ALL
SELECT customer, first_order_at, monetary FROM rfm_segments(NULL::int, 'rfm.odd', 's1', 'ordered_at', 's1');

CREATE VIEW rfm.a_view AS SELECT * FROM shop_orders WHERE country = 'DE';
CREATE MATERIALIZED VIEW rfm.a_matview AS SELECT * FROM rfm.a_view;
CREATE TEMP TABLE a_temp AS SELECT * FROM rfm.a_view;
CREATE TABLE rfm.partitioned (LIKE shop_orders) PARTITION BY RANGE (ordered_at);
CREATE TABLE rfm.p_2023 PARTITION OF rfm.partitioned FOR VALUES FROM ('-infinity') TO ('2024-01-01');
CREATE TABLE rfm.p_2024 (amount numeric, country text, gone int, ordered_at timestamptz, customer_id bigint, customer_code text, customer_uuid uuid, customer_email text);
ALTER TABLE rfm.p_2024 DROP gone;
ALTER TABLE rfm.partitioned ATTACH PARTITION rfm.p_2024 DEFAULT;
INSERT INTO rfm.partitioned SELECT * FROM rfm.a_view;
CREATE TABLE rfm.parent (LIKE shop_orders);
CREATE TABLE rfm.child (more int) INHERITS (rfm.parent);
INSERT INTO rfm.parent SELECT * FROM rfm.a_view WHERE customer_id % 2 = 0;
INSERT INTO rfm.child SELECT *, 1 FROM rfm.a_view WHERE customer_id % 2 <> 0;
SELECT source, b.* FROM unnest(ARRAY['rfm.a_view', 'rfm.a_matview', 'a_temp', 'rfm.partitioned', 'rfm.parent']) source,
    rfm.breaches(format($$NULL::bigint, %L, 'customer_id', 'ordered_at', 'amount'$$, source), 'SELECT customer_id::text c, ordered_at t, amount a FROM rfm.a_view', '2024-07-15') b;
SELECT count(*) > 0 AS some, bool_and(last_order_at < '2024-01-01') AS of_2023 FROM rfm_segments(NULL::bigint, 'rfm.p_2023', 'customer_id', 'ordered_at', 'amount');
CREATE MATERIALIZED VIEW rfm.empty AS SELECT * FROM shop_orders WITH NO DATA;
SELECT * FROM rfm_segments(NULL::bigint, 'rfm.empty', 'customer_id', 'ordered_at', 'amount');

-- ---------------------------------------------------------------------------
-- search_path: nothing is looked up in it
-- ---------------------------------------------------------------------------
CREATE TEMP VIEW answers AS
SELECT (SELECT string_agg(s::text, '|' ORDER BY customer) FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31') s) AS a,
       (SELECT string_agg(s::text, '|' ORDER BY customer) FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31', order_id_column => 'order_no') s) AS b,
       (SELECT string_agg(s::text, '|' ORDER BY s::text) FROM rfm_transitions(NULL::int, 'rfm.clocks', 'c', 't', 'a', '2024-05-01', '2024-12-31', tz => 'Europe/Paris', order_id_column => 'a') s) AS c,
       (SELECT string_agg(s::text, '|' ORDER BY rank) FROM hero_buyers(NULL::bigint, 'rfm.typed', 'c_bigint', 't_date', 'a_money', as_of => '2024-12-31') s) AS d;
CREATE TEMP TABLE expected AS SELECT * FROM answers;
SELECT length(a) > 100 AS a, length(b) > 100 AS b, length(c) > 30 AS c, length(d) > 100 AS d FROM expected;
CREATE SCHEMA evil;
CREATE FUNCTION evil.called() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'evil was called'; END $$;
CREATE FUNCTION evil.compare(timestamptz, timestamptz) RETURNS boolean LANGUAGE sql AS 'SELECT evil.called() IS NULL';
CREATE FUNCTION evil.compare(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT evil.called() IS NULL';
CREATE FUNCTION evil.compare(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT evil.called() IS NULL';
CREATE OPERATOR evil.<= (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = evil.compare);
CREATE OPERATOR evil.< (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = evil.compare);
CREATE OPERATOR evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.compare);
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.compare);
CREATE OPERATOR evil.< (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.compare);
CREATE FUNCTION evil.timezone(text, timestamp) RETURNS timestamptz LANGUAGE sql AS 'SELECT evil.called()::timestamptz';
CREATE FUNCTION evil.min(timestamptz) RETURNS timestamptz LANGUAGE sql AS 'SELECT evil.called()::timestamptz';
CREATE FUNCTION evil.sum(numeric) RETURNS numeric LANGUAGE sql AS 'SELECT evil.called()::numeric';
CREATE FUNCTION evil.purchases_state(text, timestamptz, numeric, timestamptz) RETURNS retention_state LANGUAGE sql AS 'SELECT evil.called()::retention_state';
CREATE FUNCTION evil.purchases_state(bigint, timestamptz, numeric, timestamptz) RETURNS retention_state LANGUAGE sql AS 'SELECT evil.called()::retention_state';
CREATE TABLE evil.few (customer int, ordered_at int, amount int);
CREATE DOMAIN evil.int8 AS pg_catalog.int8 CHECK (evil.called() IS NULL);
CREATE DOMAIN evil.text AS pg_catalog.text CHECK (evil.called() IS NULL);
CREATE DOMAIN evil."numeric" AS pg_catalog.numeric CHECK (evil.called() IS NULL);
CREATE DOMAIN evil."timestamp" AS pg_catalog.timestamp CHECK (evil.called() IS NULL);
CREATE DOMAIN evil."timestamptz" AS pg_catalog.timestamptz CHECK (evil.called() IS NULL);
SET search_path = evil, pg_catalog, public, pg_temp;
SELECT '2024-01-01'::pg_catalog.timestamptz <= '2024-01-01'::pg_catalog.timestamptz;
TABLE pg_temp.answers EXCEPT TABLE pg_temp.expected;
SET search_path = '';
TABLE pg_temp.answers EXCEPT TABLE pg_temp.expected;
SELECT customer, public.quantile_score(orders) OVER () FROM public.rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31') ORDER BY customer;
SELECT count(*) FROM public.rfm_segments(NULL::bigint, 'rfm.few', 'customer', 'ordered_at', 'amount');
RESET search_path;
DROP SCHEMA evil CASCADE;
-- the extension moved, with all that looks at it
BEGIN;
CREATE SCHEMA "Moved ""here""";
ALTER EXTENSION retention SET SCHEMA "Moved ""here""";
TABLE pg_temp.answers EXCEPT TABLE pg_temp.expected;
SELECT count(*) FROM "Moved ""here""".segment_summary(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31');
SELECT count(*) FROM segment_summary(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31');
ROLLBACK;

-- ---------------------------------------------------------------------------
-- every way to call
-- ---------------------------------------------------------------------------
PREPARE typed(regclass, name, timestamptz, int, text) AS SELECT count(*), sum(orders) FROM rfm_segments(NULL::bigint, $1, $2, 'ordered_at', 'amount', $3, $4, $5);
EXECUTE typed('shop_orders', 'customer_id', '2024-07-15', 5, 'standard');
EXECUTE typed('rfm.a_view', 'customer_id', '2024-07-15', 3, 'rf');
EXECUTE typed('rfm.a_view', 'customer_id', '2024-07-15', 30, 'rf');
PREPARE untyped AS SELECT count(*), sum(monetary) FROM hero_buyers(NULL::bigint, $1, $2, $3, $4, share => $5, as_of => $6, tz => $7);
EXECUTE untyped('shop_orders', 'customer_id', 'ordered_at', 'amount', 0.5, '2024-07-15', 'UTC');
EXECUTE untyped('shop_orders', 'customer_id', 'ordered_at', 'amount', 0.25, '2024-07-15', 'UTC');
PREPARE of_state AS SELECT count(*) FROM rfm.wholes, rfm_segments(NULL::bigint, id, $1, $2), segment_summary(id, $3) WHERE at = $4;
EXECUTE of_state(5, 'rf', 2, '2024-07-15');
SELECT customer FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31') LIMIT 0;
SELECT count(*) FROM (SELECT * FROM rfm_segments(NULL::bigint, 'shop_orders', 'customer_id', 'ordered_at', 'amount', '2024-12-31') LIMIT 7) x;
SELECT customer FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31') WHERE false;
SELECT customer FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31') WHERE customer < 'C' ORDER BY 1;
-- named, in any order; in the target list
SELECT customer FROM rfm_segments(customer_type => NULL::text, amount_column => 'amount', ordered_at_column => 'ordered_at', customer_column => 'customer', orders_table => 'rfm.few', as_of => '2024-03-01') ORDER BY 1;
SELECT customer FROM hero_buyers(customer_type => NULL::bigint, state => (SELECT id FROM rfm.wholes ORDER BY at LIMIT 1), share => 0.01);
SELECT hero_buyers(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', as_of => '2024-12-31'), generate_series(1, 3);
SELECT (rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31')).customer ORDER BY 1;
-- for each of some rows
SELECT n, customers, segment FROM generate_series(2, 4) n, LATERAL segment_summary(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31', n) ORDER BY n, segment;
SELECT source, at, (SELECT count(*) FROM rfm_segments(NULL::text, source::regclass, 'customer', 'ordered_at', 'amount', at)) FROM (VALUES ('rfm.few', '2024-02-15'::timestamptz), ('rfm.few', '2024-06-01'), ('rfm.few', '2020-06-01')) v(source, at);
-- joined with itself, ordered, counted, in a view
CREATE VIEW rfm.customers AS SELECT * FROM rfm_segments(NULL::bigint, 'shop_orders', 'customer_id', 'ordered_at', 'amount', '2024-07-15');
SELECT count(*) FROM rfm.customers a JOIN rfm.customers b USING (customer, first_order_at, last_order_at, recency_days, orders, monetary, r, f, m, cell, segment);
SELECT count(*) FROM rfm.customers WHERE monetary IS NOT NULL AND (cell, segment, aov) IS DISTINCT FROM (concat(r, f, m), rfm_segment(cell), monetary / orders)
    OR monetary IS NULL AND (m, cell, segment, aov) IS DISTINCT FROM (NULL::int, NULL::text, NULL::text, NULL::numeric);
SELECT cell, scored FROM (SELECT cell, rfm_score(last_order_at, orders, monetary) OVER () AS scored FROM rfm.customers) x WHERE cell IS DISTINCT FROM scored;
-- over a view that is itself made of customers
SELECT count(*), sum(orders) FROM rfm_segments(NULL::bigint, 'rfm.customers', 'customer', 'last_order_at', 'monetary', '2024-07-15');
-- with the caller's privileges, and row security
CREATE ROLE regress_rfm_analyst;
CREATE TABLE rfm.secured AS SELECT * FROM shop_orders;
GRANT USAGE ON SCHEMA rfm TO regress_rfm_analyst;
SET ROLE regress_rfm_analyst;
SELECT count(*) FROM rfm_segments(NULL::bigint, 'rfm.secured', 'customer_id', 'ordered_at', 'amount', '2024-07-15');
SELECT count(*) FROM rfm_segments(NULL::bigint, 'rfm.secured', 'no_such_column', 'ordered_at', 'amount', '2024-07-15');
RESET ROLE;
GRANT SELECT (customer_id, ordered_at) ON rfm.secured TO regress_rfm_analyst;
SET ROLE regress_rfm_analyst;
SELECT count(*) FROM rfm_segments(NULL::bigint, 'rfm.secured', 'customer_id', 'ordered_at', 'amount', '2024-07-15');
RESET ROLE;
GRANT SELECT (amount, country) ON rfm.secured TO regress_rfm_analyst;
ALTER TABLE rfm.secured ENABLE ROW LEVEL SECURITY;
SET ROLE regress_rfm_analyst;
SELECT count(*) FROM rfm_segments(NULL::bigint, 'rfm.secured', 'customer_id', 'ordered_at', 'amount', '2024-07-15');
SELECT count(*) FROM rfm_segments(NULL::bigint, 'rfm.secured', 'customer_id', 'ordered_at', 'amount', '2024-07-15', order_id_column => 'customer_code');
RESET ROLE;
CREATE POLICY germans ON rfm.secured USING (country = 'DE');
SET ROLE regress_rfm_analyst;
SELECT count(*) FROM rfm_segments(NULL::bigint, 'rfm.secured', 'customer_id', 'ordered_at', 'amount', '2024-07-15');
RESET ROLE;
SELECT count(*) FROM rfm_segments(NULL::bigint, 'rfm.a_view', 'customer_id', 'ordered_at', 'amount', '2024-07-15');
-- cursors, forwards and back
BEGIN;
DECLARE back SCROLL CURSOR FOR SELECT customer FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31') ORDER BY 1;
FETCH 2 FROM back;
FETCH LAST FROM back;
FETCH BACKWARD 1 FROM back;
DECLARE direct SCROLL CURSOR WITH HOLD FOR SELECT rank FROM hero_buyers(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', as_of => '2024-12-31');
FETCH ALL FROM direct;
COMMIT;
FETCH PRIOR FROM direct;
CLOSE direct;
-- in functions; what a function wrote is seen
CREATE FUNCTION rfm.report(source regclass) RETURNS TABLE (segment text, customers bigint) LANGUAGE plpgsql AS $$
DECLARE s record;
BEGIN
    INSERT INTO rfm.few (customer, ordered_at, amount) VALUES ('Z', '2024-12-01', 500);
    FOR s IN SELECT * FROM segment_summary(NULL::text, source, 'customer', 'ordered_at', 'amount', '2024-12-31') t ORDER BY t.segment LOOP
        segment := s.segment; customers := s.customers; RETURN NEXT;
    END LOOP;
END $$;
SELECT * FROM rfm.report('rfm.few');
WITH gone AS (DELETE FROM rfm.few WHERE customer = 'Z' RETURNING *) SELECT (SELECT count(*) FROM gone) AS deleted, count(*) FILTER (WHERE customer = 'Z') AS "still in the snapshot" FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31');
CREATE FUNCTION rfm.stable_report() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT count(*) FROM rfm_segments(NULL::text, 'rfm.few', 'customer', 'ordered_at', 'amount', '2024-12-31') $$;
SELECT rfm.stable_report();
DO $$
BEGIN
    PERFORM * FROM rfm_segments(NULL::int, 'rfm.few', 'customer', 'ordered_at', 'amount');
EXCEPTION WHEN datatype_mismatch THEN RAISE WARNING 'caught: %', SQLERRM;
END $$;
-- spilled
SET work_mem = '64kB';
SELECT * FROM rfm.breaches($$NULL::bigint, 'shop_orders', 'customer_id', 'ordered_at', 'amount'$$, 'SELECT customer_id::text c, ordered_at t, amount a FROM shop_orders', '2024-07-15');
SELECT count(*), sum(orders), sum(monetary) FROM rfm_segments(NULL::bigint, 'rfm.lines', 'customer_id', 'ordered_at', 'amount', '2024-07-15', order_id_column => 'order_id');
RESET work_mem;
-- in parallel, with none of the rows in the leader
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SELECT * FROM rfm.breaches($$NULL::text, 'shop_orders', 'customer_email', 'ordered_at', 'amount'$$, 'SELECT customer_email c, ordered_at t, amount a FROM shop_orders', '2024-07-15');
SELECT count(*), sum(orders), sum(monetary) FROM rfm_segments(NULL::bigint, 'rfm.lines', 'customer_id', 'ordered_at', 'amount', '2024-07-15', order_id_column => 'order_id');
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET parallel_leader_participation;

DROP VIEW answers;
DROP SCHEMA rfm CASCADE;
DROP ROLE regress_rfm_analyst;

-- who sent back the only order is a customer no more; a time of infinity is an error in any line
CREATE TEMP TABLE returned (customer int, at timestamptz, amount numeric, id int);
INSERT INTO returned VALUES (1, '2024-01-01', 10, 1), (2, '2024-01-02', 20, 2), (2, '2024-02-02', -20, 2);
SELECT * FROM rfm_transitions(NULL::int, 'returned', 'customer', 'at', 'amount', '2024-02-01', '2024-03-01', order_id_column => 'id');
INSERT INTO returned VALUES (1, 'infinity', 10, 1);
SELECT * FROM rfm_segments(NULL::int, 'returned', 'customer', 'at', 'amount', '2024-02-01', order_id_column => 'id');

-- rfm_cell: scores by cut points found elsewhere are those of rfm_segments. Cut b of k is the ceil(b (n - 1) / k)-th value, found from how many have each:
-- which shards can count
CREATE TEMP TABLE scored (last_order_at timestamptz, orders bigint, monetary numeric, cell text, segment text);
CREATE FUNCTION pg_temp.cuts(k int, OUT cuts rfm_cuts) LANGUAGE sql AS $$
WITH r AS (SELECT last_order_at AS value, count(*) FROM scored GROUP BY 1), f AS (SELECT orders AS value, count(*) FROM scored GROUP BY 1), m AS (SELECT monetary AS value, count(*) FROM scored WHERE monetary IS NOT NULL GROUP BY 1)
SELECT ROW(k, 'standard',
    (SELECT array_agg(cut ORDER BY b) FROM (SELECT b, max(value) AS cut FROM (SELECT value, sum(count) OVER (ORDER BY value DESC) AS through, sum(count) OVER () AS n FROM r) c, generate_series(1, k - 1) b WHERE through >= ceil(b * (n - 1) / k) GROUP BY b) x),
    (SELECT array_agg(cut ORDER BY b) FROM (SELECT b, min(value) AS cut FROM (SELECT value, sum(count) OVER (ORDER BY value) AS through, sum(count) OVER () AS n FROM f) c, generate_series(1, k - 1) b WHERE through >= ceil(b * (n - 1) / k) GROUP BY b) x),
    (SELECT array_agg(cut ORDER BY b) FROM (SELECT b, min(value) AS cut FROM (SELECT value, sum(count) OVER (ORDER BY value) AS through, sum(count) OVER () AS n FROM m) c, generate_series(1, k - 1) b WHERE through >= ceil(b * (n - 1) / k) GROUP BY b) x))::rfm_cuts
$$;
CREATE FUNCTION pg_temp.compared(OUT customers bigint, OUT unlike bigint) LANGUAGE plpgsql AS $$
DECLARE k int; condition text; here bigint;
BEGIN
    customers := 0; unlike := 0;
    FOREACH k IN ARRAY '{2,3,5,7,9}'::int[] LOOP
        FOREACH condition IN ARRAY ARRAY['true', 'customer_id < 100', 'customer_id = 0', 'customer_id BETWEEN 0 AND 1', 'amount IS NULL OR customer_id < 20'] LOOP
            EXECUTE format($f$TRUNCATE scored; INSERT INTO scored SELECT last_order_at, orders, monetary, cell, segment
                FROM rfm_segments(NULL::bigint, (SELECT purchases_state(customer_id, ordered_at, amount, '2025-06-01') FROM shop_orders WHERE %s), %s)$f$, condition, k);
            SELECT count(*) INTO here FROM scored, (SELECT pg_temp.cuts(k) AS cuts) c
            WHERE rfm_cell(last_order_at, orders, monetary, cuts) IS DISTINCT FROM cell OR monetary IS NOT NULL AND rfm_segment(rfm_cell(last_order_at, orders, monetary, cuts), 'standard', k) <> segment;
            unlike := unlike + here; customers := customers + (SELECT count(*) FROM scored);
        END LOOP;
    END LOOP;
END $$;
SELECT * FROM pg_temp.compared();
-- what it is given
SELECT rfm_cell(t, o, m, c) FROM (VALUES (ROW(5, 'standard', '{2024-04-01,2024-03-01,2024-02-01,2024-01-01}', '{1,2,3,4}', '{10,20,30,40}')::rfm_cuts)) v(c),
    (VALUES ('2024-05-01'::timestamptz, 9, 99), ('2024-04-01', 4, 40), ('2024-03-31', 1, 10), ('2023-01-01', 0, -5), ('2024-02-15', 2, 10.01), (NULL, 2, 5), ('2024-02-15', NULL, 5), ('2024-02-15', 2, NULL)) o(t, o, m);
SELECT rfm_cell('2024-05-01', 9, 99, NULL) IS NULL AS "null", rfm_cell('2024-05-01', 9, 99, ROW(9, 'rf', '{}', '{}', '{}')::rfm_cuts) AS no_cuts;
SELECT rfm_cell('infinity', 9, 99, ROW(5, 'standard', '{}', '{}', '{}')::rfm_cuts);
SELECT rfm_cell('2024-05-01', 9, 'NaN', ROW(5, 'standard', '{}', '{}', '{}')::rfm_cuts);
SELECT rfm_cell('2024-05-01', 9, 99, ROW(3, 'standard', '{}', '{1,2,3}', '{}')::rfm_cuts);
SELECT rfm_cell('2024-05-01', 9, 99, ROW(10, 'standard', '{}', '{}', '{}')::rfm_cuts);
SELECT rfm_cell('2024-05-01', 9, 99, ROW(5, 'standard', '{NULL}', '{}', '{}')::rfm_cuts);
SELECT rfm_cell('2024-05-01', 9, 99, ROW(2, 'standard', '{NULL}', '{}', '{}')::rfm_cuts);
SELECT rfm_cell('2024-05-01', 9, 99, ROW(2, 'standard', '{}', '{}', '{NaN}')::rfm_cuts);
SELECT rfm_cell('2024-05-01', 9, 99, ROW(5, 'standard', '{}', '{}', '{1,2,3}')::rfm_cuts);
-- cut points that change from row to row are read for each, and no memory is kept of those before
SELECT k, count(*), min(cell), max(cell) FROM (SELECT n % 2 AS k, rfm_cell('2024-05-01', 3, 15, ROW(3, 'rf', '{2024-04-01,2024-03-01}', ARRAY[1, 2 + 2 * (n % 2)], '{10,20}')::rfm_cuts) AS cell
    FROM generate_series(1, 1000) AS n OFFSET 0) AS cells GROUP BY k ORDER BY k;
SELECT count(rfm_cell('2024-05-01', 9, 99, ROW(5, 'standard', '{2024-04-01,2024-03-01,2024-02-01,2024-01-01}', ARRAY[1, 2, 3, 4 + n % 2], '{10,20,30,40}')::rfm_cuts)),
    (SELECT sum(total_bytes) < 8000000 FROM pg_backend_memory_contexts WHERE name = 'ExecutorState') AS small
FROM generate_series(1, 30000) AS n;
