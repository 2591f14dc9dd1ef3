-- carts, pending_intent: what became of carts, and what a customer is about to do
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
\set VERBOSITY terse
\set as_of '''2026-03-10 12:00+00'''

-- ---------------------------------------------------------------------------
-- shop_events, by hand
-- ---------------------------------------------------------------------------
CREATE TEMP VIEW cart AS
SELECT e.customer_id, c.* FROM (SELECT customer_id, carts(at, event, product, value, '1 hour', '7 days', :as_of) FROM shop_events GROUP BY customer_id) e, unnest(carts) c;
SELECT customer_id AS c, cart_number AS n, to_char(started_at, 'MM-DD HH24:MI:SS') AS started, to_char(last_touch_at, 'MM-DD HH24:MI:SS') AS last_touch, to_char(checkout_at, 'MM-DD HH24:MI') AS checkout,
       items, value, to_char(abandoned_at, 'MM-DD HH24:MI:SS') AS abandoned, to_char(purchased_at, 'MM-DD HH24:MI') AS purchased, order_value, status
FROM cart ORDER BY customer_id, started_at;
SELECT customer_id AS c, stage, to_char(stage_at, 'MM-DD HH24:MI:SS') AS stage_at, to_char(last_event_at, 'YY-MM-DD HH24:MI:SS') AS last_event, items, value, round(idle_days::numeric, 11) AS idle_days, is_abandoned, is_definitive
FROM (SELECT customer_id, (pending_intent(at, event, product, value, '30 days', '1 hour', '7 days', :as_of)).* FROM shop_events GROUP BY customer_id) p ORDER BY customer_id;
-- a microsecond earlier: 11 is not abandoned yet, 12 not lost, 4 and 13 are a little more in the window; later: 11 has bought
SELECT customer_id, (SELECT status FROM unnest(carts(at, event, product, value, '1 hour', '7 days', '2026-03-10 11:59:59.999999+00'))) AS earlier,
       (SELECT status FROM unnest(carts(at, event, product, value, '1 hour', '7 days', '2026-03-10 12:00:00.000001+00'))) AS later,
       (pending_intent(at, event, product, value, '30 days', '1 hour', '7 days', '2026-03-10 11:59:59.999999+00')).is_abandoned AS a, (pending_intent(at, event, product, value, '30 days', '1 hour', '7 days', '2026-03-10 11:59:59.999999+00')).is_definitive AS d,
       (pending_intent(at, event, product, value, '30 days', '1 hour', '7 days', '2026-03-10 12:00:00.000001+00')).stage,
       (pending_intent(at, event, product, value, '30 days 0.000001 seconds', '1 hour', '7 days', :as_of)).stage AS longer, (pending_intent(at, event, product, value, '30 days 1 second', '1 hour', '7 days', :as_of)).stage AS longest
FROM shop_events WHERE customer_id IN (11, 12, 13) GROUP BY customer_id ORDER BY customer_id;

-- ---------------------------------------------------------------------------
-- random customers, many rows at one instant, beside the rules row by row
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE visits AS
SELECT (noise(i, 41) * 260)::bigint AS customer_id, timestamptz '2026-01-01 UTC' + floor(noise(i, 42) * 90) * interval '1 hour' AS at,
       (ARRAY['view', 'view', 'cart', 'cart', 'cart', 'remove', 'remove', 'checkout', 'purchase', 'search', 'CART', NULL])[1 + floor(noise(i, 43) * 12)::int] AS event,
       (ARRAY['A', 'B', 'é', '', NULL])[1 + floor(noise(i, 44) * 5)::int] AS product,
       CASE WHEN noise(i, 45) < 0.15 THEN NULL WHEN noise(i, 45) < 0.2 THEN 1e40 WHEN noise(i, 45) < 0.3 THEN 5.000 ELSE round((noise(i, 46) * 10)::numeric, floor(noise(i, 47) * 3)::int) END AS value, i
FROM generate_series(1, 3200) i;
CREATE FUNCTION pg_temp.carts_of(c bigint, grace interval, expire interval, as_of timestamptz, after timestamptz) RETURNS SETOF cart_row LANGUAGE plpgsql AS $$
DECLARE
    e record;
    r cart_row;
    lines jsonb;
    is_open boolean := false;
BEGIN
    r.cart_number := 0;
    FOR e IN
        SELECT * FROM (
            SELECT v.at, v.event, 'p' || v.product AS product, v.value FROM visits v
            WHERE v.customer_id = c AND v.at < as_of AND v.at > after AND v.event IN ('remove', 'cart', 'checkout', 'purchase')
            UNION ALL SELECT as_of, 'end', NULL, NULL) v
        -- what is equal but for its decimals: the most decimals count
        ORDER BY v.at, array_position('{remove,cart,checkout,purchase,end}', v.event), CASE WHEN v.event IN ('remove', 'cart') THEN v.product COLLATE "C" END NULLS FIRST,
                 CASE WHEN v.event = 'cart' THEN v.value END NULLS FIRST, CASE WHEN v.event = 'cart' THEN scale(v.value) END NULLS FIRST,
                 CASE WHEN v.event = 'purchase' THEN v.value END DESC NULLS LAST, scale(v.value) DESC NULLS LAST
    LOOP
        IF is_open AND e.at >= r.last_touch_at + grace THEN
            r.abandoned_at := coalesce(r.abandoned_at, r.last_touch_at + grace);
        END IF;
        r.status := CASE WHEN e.at >= r.last_touch_at + expire THEN 'lost'
                         WHEN e.event = 'purchase' THEN CASE WHEN r.abandoned_at IS NULL THEN 'converted' ELSE 'recovered' END
                         WHEN e.event = 'end' THEN CASE WHEN e.at >= r.last_touch_at + grace THEN 'abandoned' ELSE 'open' END
                         WHEN e.event = 'remove' AND lines - coalesce(e.product, '') = '{}' AND lines ? coalesce(e.product, '') THEN 'emptied' END;
        IF is_open AND r.status = 'emptied' THEN
            lines := '{}';
            r.last_touch_at := e.at;
        END IF;
        IF is_open AND r.status IS NOT NULL THEN
            IF e.event = 'purchase' AND r.status <> 'lost' THEN
                r.purchased_at := e.at;
                r.order_value := e.value;
            END IF;
            SELECT count(*), sum(value::numeric) INTO r.items, r.value FROM jsonb_each_text(lines);
            RETURN NEXT r;
            is_open := false;
            CONTINUE WHEN r.status <> 'lost';
        END IF;
        IF NOT is_open AND e.event IN ('cart', 'checkout') THEN
            r := row(r.cart_number + 1, e.at);
            lines := '{}';
            is_open := true;
        END IF;
        CONTINUE WHEN NOT is_open OR e.event IN ('purchase', 'end');
        r.last_touch_at := e.at;
        CASE e.event
            WHEN 'cart' THEN lines := lines || jsonb_build_object(coalesce(e.product, ''), e.value);
            WHEN 'remove' THEN lines := lines - coalesce(e.product, '');
            ELSE r.checkout_at := coalesce(r.checkout_at, e.at);
        END CASE;
    END LOOP;
END $$;
CREATE TEMP TABLE moment AS SELECT timestamptz '2026-01-01 UTC' + hours * interval '1 hour' AS as_of FROM unnest('{20,61,90,200}'::int[]) hours;
CREATE TEMP TABLE found AS
SELECT as_of, customer_id, c.* FROM moment, LATERAL (SELECT customer_id, carts(at, event, product, value, '3 hours', '20 hours', as_of) FROM visits GROUP BY customer_id) v, unnest(carts) c;
SELECT as_of, status, count(*), count(*) FILTER (WHERE value IS NULL) AS no_value, count(checkout_at) AS with_checkout, count(abandoned_at) AS once_abandoned, max(cart_number) FROM found GROUP BY as_of, status ORDER BY as_of, status;
CREATE TEMP VIEW expected AS
SELECT as_of, customer_id, c.* FROM moment, (SELECT DISTINCT customer_id FROM visits) v, pg_temp.carts_of(customer_id, '3 hours', '20 hours', as_of, '-infinity') c;
SELECT 'found' AS only, f.* FROM (SELECT f::text FROM found f EXCEPT ALL SELECT e::text FROM expected e) f
UNION ALL SELECT 'expected', e.* FROM (SELECT e::text FROM expected e EXCEPT ALL SELECT f::text FROM found f) e LIMIT 5;

CREATE TEMP TABLE pending AS
SELECT as_of, customer_id, (p).* FROM moment, LATERAL (SELECT customer_id, pending_intent(at, event, product, value, '30 hours', '3 hours', '20 hours', as_of) AS p FROM visits GROUP BY customer_id) v;
SELECT as_of, stage, count(*), sum(items) AS items, count(value) AS with_value, count(*) FILTER (WHERE is_abandoned) AS abandoned, count(*) FILTER (WHERE is_definitive) AS definitive FROM pending GROUP BY as_of, stage ORDER BY as_of, stage;
CREATE TEMP VIEW seen AS
SELECT as_of, customer_id, max(at) AS last_event_at, max(at) FILTER (WHERE is_in AND event = 'purchase') AS purchase_at, max(at) FILTER (WHERE is_in AND event = 'view') AS view_at,
       max(at) FILTER (WHERE is_in AND event NOT IN ('purchase', 'view', 'cart', 'checkout')) AS browse_at, max(at) FILTER (WHERE is_in AND event IN ('cart', 'checkout', 'remove')) AS touch_at
FROM moment, LATERAL (SELECT *, at >= as_of - interval '30 hours' AS is_in FROM visits WHERE at < as_of AND event IS NOT NULL) v GROUP BY as_of, customer_id;
CREATE TEMP VIEW expected_pending AS
SELECT as_of, customer_id, stage, stage_at, last_event_at, CASE WHEN is_cart THEN items ELSE 0 END AS items, CASE WHEN is_cart THEN value END AS value,
       extract(epoch FROM as_of - stage_at)::float8 / 86400 AS idle_days, is_cart AND stage_at + interval '3 hours' <= as_of AS is_abandoned, is_cart AND stage_at + interval '20 hours' <= as_of AS is_definitive
FROM (SELECT s.*, c.items, c.value, coalesce(is_cart, false) AS is_cart, stage, CASE stage WHEN 'checkout' THEN c.last_touch_at WHEN 'cart' THEN c.last_touch_at WHEN 'view' THEN view WHEN 'browse' THEN browse_at WHEN 'purchased' THEN purchase_at END AS stage_at
      FROM seen s CROSS JOIN LATERAL (SELECT coalesce(purchase_at, '-infinity') AS purchased, greatest(purchase_at, as_of - interval '30 hours 0.000001 seconds') AS after) p
      LEFT JOIN LATERAL (SELECT * FROM pg_temp.carts_of(s.customer_id, '3 hours', '20 hours', as_of, after) ORDER BY cart_number DESC LIMIT 1) c ON true
      CROSS JOIN LATERAL (SELECT greatest(view_at, (SELECT max(last_touch_at) FROM pg_temp.carts_of(s.customer_id, '3 hours', '20 hours', as_of, after) WHERE status = 'emptied')) AS view, status <> 'emptied' AND touch_at = last_touch_at AS is_cart) l
      CROSS JOIN LATERAL (SELECT CASE WHEN is_cart AND checkout_at IS NOT NULL THEN 'checkout' WHEN is_cart THEN 'cart' WHEN view > purchased THEN 'view' WHEN browse_at > purchased THEN 'browse' WHEN purchase_at IS NOT NULL THEN 'purchased' ELSE 'idle' END AS stage) g) s;
SELECT (SELECT count(*) FROM expected_pending) AS expected, count(*) AS without_a_row FROM pending WHERE last_event_at IS NULL AND stage = 'idle';
SELECT * FROM (SELECT * FROM pending WHERE last_event_at IS NOT NULL OR stage <> 'idle') p FULL JOIN expected_pending e USING (as_of, customer_id)
WHERE (p.stage, p.stage_at, p.last_event_at, p.items, p.value::text, p.is_abandoned, p.is_definitive) IS DISTINCT FROM (e.stage, e.stage_at, e.last_event_at, e.items, e.value::text, e.is_abandoned, e.is_definitive)
   OR abs(p.idle_days - e.idle_days) > 1e-9;

-- ---------------------------------------------------------------------------
-- what always holds
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE strolls AS
SELECT customer_id, date_trunc('day', ordered_at) + i * interval '1 millisecond' AS at, CASE WHEN amount < 20 THEN 'cart' WHEN amount < 50 THEN 'purchase' WHEN amount < 60 THEN 'remove' WHEN amount < 80 THEN 'checkout' ELSE 'view' END AS event, country AS product, amount AS value
FROM (SELECT *, row_number() OVER () AS i FROM shop_orders) o;
CREATE TEMP TABLE series AS
SELECT as_of, customer_id, c.* FROM unnest('{2023-06-01 UTC,2024-02-01 UTC,2024-03-01 UTC,2025-01-01 UTC}'::timestamptz[]) as_of,
     LATERAL (SELECT customer_id, carts(at, event, product, value, '2 days', '1 month', as_of) FROM strolls GROUP BY customer_id) s, unnest(carts) c;
-- every cart and checkout row lies in exactly one cart; numbers run from 1; who was abandoned says when
SELECT count(*), count(*) FILTER (WHERE n <> 1) AS wrong FROM (
    SELECT count(s.customer_id) AS n FROM strolls v LEFT JOIN series s ON s.customer_id = v.customer_id AND v.at BETWEEN started_at AND last_touch_at AND as_of = '2025-01-01 UTC'
    WHERE v.event IN ('cart', 'checkout') AND v.at < '2025-01-01 UTC' AND v.customer_id IS NOT NULL GROUP BY v.ctid) n;
SELECT count(*) FILTER (WHERE cart_number <> n) AS numbers, count(*) FILTER (WHERE abandoned_at IS NULL AND status IN ('recovered', 'lost', 'abandoned')) AS abandoned,
       count(*) FILTER (WHERE abandoned_at IS NOT NULL AND status = 'converted') AS converted, count(*) FILTER (WHERE (purchased_at IS NOT NULL) <> (status IN ('converted', 'recovered'))) AS purchased
FROM (SELECT *, row_number() OVER (PARTITION BY as_of, customer_id ORDER BY started_at) AS n FROM series) s;
-- what has ended stays as it is, as time goes on
SELECT count(*), count(*) FILTER (WHERE later IS DISTINCT FROM earlier) AS changed FROM (
    SELECT to_jsonb(a) - 'as_of' AS earlier, to_jsonb(b) - 'as_of' AS later FROM series a
    JOIN (SELECT DISTINCT as_of FROM series) t ON t.as_of > a.as_of LEFT JOIN series b ON b.as_of = t.as_of AND b.customer_id IS NOT DISTINCT FROM a.customer_id AND b.cart_number = a.cart_number
    WHERE a.status IN ('converted', 'recovered', 'lost', 'emptied')) s;
-- rows in other orders, parts rolled up, states stored and read: the same, byte for byte
SELECT count(*), count(*) FILTER (WHERE a <> b OR a <> c OR a <> d) AS other FROM (
    SELECT carts_state(at, event, product, value, '3 hours', '20 hours', '2026-01-05')::text AS a, carts_state(at, event, product, value, '3 hours', '20 hours', '2026-01-05' ORDER BY i DESC)::text AS b,
           rollup(s)::text AS c, rollup(s ORDER BY i DESC)::text::retention_state::text AS d
    FROM (SELECT *, carts_state(at, event, product, value, '3 hours', '20 hours', '2026-01-05') OVER (PARTITION BY i) AS s FROM visits) v GROUP BY customer_id) g;
SELECT count(*), count(*) FILTER (WHERE a <> b OR a <> c OR a <> d) AS other FROM (
    SELECT pending_intent_state(at, event, product, value, '30 hours', '3 hours', '20 hours', '2026-01-04')::text AS a, pending_intent_state(at, event, product, value, '30 hours', '3 hours', '20 hours', '2026-01-04' ORDER BY i DESC)::text AS b,
           rollup(s)::text AS c, rollup(s ORDER BY i DESC)::text::retention_state::text AS d
    FROM (SELECT *, pending_intent_state(at, event, product, value, '30 hours', '3 hours', '20 hours', '2026-01-04') OVER (PARTITION BY i) AS s FROM visits) v GROUP BY customer_id) g;
SELECT count(*) FILTER (WHERE carts(s) IS DISTINCT FROM c) AS carts, count(*) FILTER (WHERE pending_intent(t) IS DISTINCT FROM p) AS pending FROM (
    SELECT carts(at, event, product, value, '3 hours', '20 hours', '2026-01-05') AS c, carts_state(at, event, product, value, '3 hours', '20 hours', '2026-01-05')::text::retention_state AS s,
           pending_intent(at, event, product, value, '30 hours', '3 hours', '20 hours', '2026-01-04') AS p, pending_intent_state(at, event, product, value, '30 hours', '3 hours', '20 hours', '2026-01-04')::text::retention_state AS t
    FROM visits GROUP BY customer_id) g;
-- as rows come: a final function leaves the state as it was
SELECT count(*), count(*) FILTER (WHERE a IS DISTINCT FROM b) AS other FROM (
    SELECT customer_id, carts(at, event, product, value, '3 hours', '20 hours', '2026-01-05') OVER (PARTITION BY customer_id ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS a,
           (SELECT carts(v.at, v.event, v.product, v.value, '3 hours', '20 hours', '2026-01-05') FROM visits v WHERE v.customer_id = w.customer_id AND v.i <= w.i) AS b
    FROM visits w WHERE customer_id < 20) r;

-- ---------------------------------------------------------------------------
-- pending_customers: the same as the aggregate of each customer, whatever the columns are
-- ---------------------------------------------------------------------------
CREATE TABLE "Odd events" AS
SELECT customer_id, customer_id::int AS "Customer", 'a customer with a long name ' || customer_id AS "named ""so", ('x' || customer_id)::varchar(9) AS short, md5(customer_id::text)::uuid AS id,
       at, at AT TIME ZONE 'Europe/Berlin' AS local_at, event, product, value, value::float8 AS price FROM visits WHERE value < 1e30 IS NOT FALSE;
CREATE TEMP TABLE wanted AS
SELECT customer_id, (p).* FROM (SELECT customer_id, pending_intent(at, event, product, value, '30 hours', '3 hours', '20 hours', '2026-01-03') AS p, count(*) FILTER (WHERE at < '2026-01-03' AND event IS NOT NULL) AS n
                                FROM "Odd events" GROUP BY customer_id) e WHERE n > 0;
SELECT count(*), count(DISTINCT stage) AS stages FROM wanted;
SELECT (SELECT count(*) FROM (TABLE wanted EXCEPT ALL SELECT * FROM pending_customers(NULL::bigint, '"Odd events"', 'customer_id', 'at', 'event', 'product', 'value', '2026-01-03', '30 hours', '3 hours', '20 hours')) e) AS bigint,
       (SELECT count(*) FROM (SELECT customer_id::int, stage, stage_at, items FROM wanted EXCEPT ALL SELECT customer, stage, stage_at, items FROM pending_customers(NULL::int, '"Odd events"', 'Customer', 'local_at', 'event', 'product', 'price', '2026-01-03', '30 hours', '3 hours', '20 hours', 'Europe/Berlin')) e) AS int,
       (SELECT count(*) FROM (SELECT 'a customer with a long name ' || customer_id, stage, stage_at, value FROM wanted EXCEPT ALL SELECT customer, stage, stage_at, value FROM pending_customers(NULL::text, '"Odd events"', 'named "so', 'at', 'event', 'product', 'value', '2026-01-03', '30 hours', '3 hours', '20 hours')) e) AS text,
       (SELECT count(*) FROM (SELECT 'x' || customer_id, stage FROM wanted EXCEPT ALL SELECT customer, stage FROM pending_customers(NULL::varchar, '"Odd events"', 'short', 'at', 'event', 'product', NULL, '2026-01-03', '30 hours', '3 hours', '20 hours')) e) AS varchar,
       (SELECT count(*) FROM (SELECT md5(customer_id::text)::uuid, idle_days, is_abandoned, is_definitive FROM wanted EXCEPT ALL SELECT customer, idle_days, is_abandoned, is_definitive FROM pending_customers(NULL::uuid, '"Odd events"', 'id', 'at', 'event', 'product', 'value', '2026-01-03', '30 hours', '3 hours', '20 hours')) e) AS uuid,
       (SELECT count(*) FROM pending_customers(NULL::bigint, '"Odd events"', 'customer_id', 'at', 'event', 'product', 'value', '2026-01-03', '30 hours', '3 hours', '20 hours')) - (SELECT count(*) FROM wanted) AS more;
-- of one product without a name, and of no known value; a year later everybody is idle
SELECT max(items), count(value) FROM pending_customers(NULL::bigint, '"Odd events"', 'customer_id', 'at', 'event', as_of => '2026-01-03');
SELECT stage, count(*) FROM pending_customers(NULL::bigint, '"Odd events"', 'customer_id', 'at', 'event', as_of => '2027-01-01') GROUP BY stage;
SELECT count(*) FROM pending_customers(NULL::bigint, '"Odd events"', 'customer_id', 'at', 'event', as_of => '2025-01-01');
-- what cannot be
SELECT * FROM pending_customers(NULL::text, '"Odd events"', 'customer_id', 'at', 'event');
SELECT * FROM pending_customers(NULL::bigint, '"Odd events"', 'customer_id', 'event', 'event');
SELECT * FROM pending_customers(NULL::bigint, '"Odd events"', 'customer_id', 'at', 'event', 'product', 'product');
SELECT * FROM pending_customers(NULL::bigint, '"Odd events"', 'customer_id', 'at', 'happened');
SELECT * FROM pending_customers(NULL::bigint, '"Odd events"', 'customer_id', 'at', NULL);
SELECT * FROM pending_customers(NULL::bigint, NULL, 'customer_id', 'at', 'event');
SELECT * FROM pending_customers(NULL::bigint, '"Odd events"', 'customer_id', 'at', 'event', as_of => NULL);
SELECT * FROM pending_customers(NULL::bigint, '"Odd events"', 'customer_id', 'at', 'event', grace => NULL);
SELECT * FROM pending_customers(NULL::bigint, '"Odd events"', 'customer_id', 'at', 'event', expire => '61 days');
SELECT * FROM pending_customers(NULL::bigint, '"Odd events"', 'customer_id', 'at', 'event', tz => 'Mars');
-- rights and row security are the caller's
CREATE ROLE shop_stranger;
SET ROLE shop_stranger;
SELECT * FROM pending_customers(NULL::bigint, 'public."Odd events"', 'customer_id', 'at', 'event', as_of => '2027-01-01');
RESET ROLE;
GRANT SELECT (customer_id, at, event) ON "Odd events" TO shop_stranger;
SET ROLE shop_stranger;
SELECT * FROM pending_customers(NULL::bigint, 'public."Odd events"', 'customer_id', 'at', 'event', 'product');
SELECT count(*) > 0 AS some FROM pending_customers(NULL::bigint, 'public."Odd events"', 'customer_id', 'at', 'event', as_of => '2027-01-01');
RESET ROLE;
ALTER TABLE "Odd events" ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON "Odd events" TO shop_stranger USING (customer_id = 7);
SET ROLE shop_stranger;
SELECT customer FROM pending_customers(NULL::bigint, 'public."Odd events"', 'customer_id', 'at', 'event', as_of => '2027-01-01');
RESET ROLE;
-- a time of infinity is an error, a row without a customer, time or event is none
UPDATE "Odd events" SET customer_id = NULL WHERE customer_id < 200;
UPDATE "Odd events" SET event = NULL WHERE customer_id = 201;
SELECT min(customer), count(*) FILTER (WHERE customer = 201) AS without FROM pending_customers(NULL::bigint, '"Odd events"', 'customer_id', 'at', 'event', as_of => '2027-01-01');
UPDATE "Odd events" SET at = '-infinity' WHERE customer_id = 202;
SELECT count(*) FROM pending_customers(NULL::bigint, '"Odd events"', 'customer_id', 'at', 'event');
DROP TABLE "Odd events";
DROP ROLE shop_stranger;

-- ---------------------------------------------------------------------------
-- edges
-- ---------------------------------------------------------------------------
SELECT carts(at, event, product, value, '1 hour', '2 hours', now()) AS no_rows, carts(at, 'view', product, value, '1 hour', '2 hours', now()) FILTER (WHERE customer_id = 1) AS no_cart,
       pending_intent(at, event, product, value, '1 day', '1 hour', '2 hours', now()) FILTER (WHERE false) AS idle, pending_intent(NULL, event, product, value, '1 day', '1 hour', '2 hours', '2026-01-01') AS no_time,
       (pending_intent(at, NULL, product, value, '1 day', '1 hour', '2 hours', '2026-01-01')).stage FROM visits WHERE false OR event IS NULL;
-- of purchases at one instant the largest counts; the last cart row of an instant is the largest; of months, "expire" may be over before "grace"; the end of the calendar
SELECT value, order_value FROM unnest((SELECT carts('2026-01-01', e, 'A', v, '1 hour', '1 day', '2026-02-01') FROM (VALUES ('purchase', 5), ('cart', 3), ('cart', 4.0), ('cart', NULL), ('purchase', 7.50), ('purchase', NULL)) x (e, v)));
SELECT status, abandoned_at FROM unnest((SELECT carts('2026-02-10', 'cart', NULL, NULL, '30 days', '1 month', '2026-04-01')));
SELECT status, abandoned_at FROM unnest((SELECT carts('294276-12-30', 'cart', NULL, NULL, '1 month', '2 months', '294276-12-31')));
-- nobody's cart can be taken from: other activity; a checkout without a cart stays when something is taken out of it
SELECT (pending_intent('2026-01-01', 'remove', 'A', NULL, '1 day', '1 hour', '2 hours', '2026-01-01 00:30')).stage,
       (SELECT status FROM unnest(carts('2026-01-01', CASE i WHEN 1 THEN 'checkout' ELSE 'remove' END, 'A', NULL, '1 hour', '2 hours', '2026-01-01 00:30'))) FROM generate_series(1, 2) i;
-- 20,000 products in one cart, put in twice and taken out
SELECT items, value, status FROM unnest((SELECT carts('2026-01-01'::timestamptz + j * interval '1 minute', 'cart', 'p' || i, 0.01 * j, '1 hour', '1 day', '2026-01-01 00:10') FROM generate_series(1, 20000) i, generate_series(1, 2) j));
SELECT items, value, status FROM unnest((SELECT carts('2026-01-01'::timestamptz + j * interval '1 minute', CASE j WHEN 1 THEN 'cart' ELSE 'remove' END, 'p' || i, 1, '1 hour', '1 day', '2026-01-01 00:10') FROM generate_series(1, 20000) i, generate_series(1, 2) j));
-- a product of a name longer than an event usually is
SELECT items, status FROM unnest((SELECT carts('2026-01-01', e, repeat('x', 100000), 1, '1 hour', '1 day', '2026-02-01') FROM unnest('{cart,cart}'::text[]) e));
SELECT carts('infinity', 'cart', NULL, NULL, '1 hour', '1 day', '2026-01-01');
SELECT carts('2025-12-31', 'cart', NULL, 'NaN', '1 hour', '1 day', '2026-01-01');
SELECT carts('2025-12-31', 'cart', NULL, 'Infinity', '1 hour', '1 day', '2026-01-01');
SELECT carts('2025-12-31', 'cart', NULL, NULL, '2 hours', '1 hour', '2026-01-01');
SELECT carts('2025-12-31', 'cart', NULL, NULL, '0', '1 hour', '2026-01-01');
SELECT carts('2025-12-31', 'cart', NULL, NULL, NULL, '1 hour', '2026-01-01');
SELECT carts('2025-12-31', 'cart', NULL, NULL, '1 hour', '1 day', now() + i * interval '1 day') FROM generate_series(1, 2) i;
SELECT pending_intent('2025-12-31', 'cart', NULL, NULL, '1 day', '1 hour', '2 days', '2026-01-01');
SELECT pending_intent('2025-12-31', 'cart', NULL, NULL, '300000 years', '1 hour', '2 days', '2026-01-01');
SELECT pending_intent('-infinity', 'view', NULL, NULL, '1 day', '1 hour', '2 hours', '2026-01-01');
SELECT pending_intent(carts_state('2025-12-31', 'cart', NULL, NULL, '1 hour', '1 day', '2026-01-01'));
SELECT carts(repeat_rate_state(1::bigint));
