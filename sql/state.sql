-- retention_state: stored, merged, read back; what it refuses
SET TimeZone = 'UTC';
SET extra_float_digits = 1;

-- Every family and type of key as one table of states, built from the rows that
-- a condition selects. (EXECUTE, so that each is written once.)
CREATE TABLE families (family text, arguments text, readers text[]);
INSERT INTO families VALUES
    ('repeat_rate_state', '%s', '{repeat_rate}'),
    ('repeat_rate_state', $$%s, ordered_at, '200 days', '2025-01-01'$$, '{repeat_rate}'),
    ('second_order_rate_state', $$%s, ordered_at, '2 months', '2025-01-01'$$, '{second_order_rate}'),
    ('churn_rate_state', $$%s, ordered_at, '90 days', '2024-06-30', '2024-12-31'$$, '{churn_rate}'),
    ('inactive_rate_state', $$%s, ordered_at, '90 days', '2025-01-01'$$, '{inactive_rate}'),
    ('revenue_retention_state', $$%s, ordered_at, amount, '1 year', '2025-01-01'$$, '{gross_revenue_retention,net_revenue_retention}'),
    ('customer_value_state', '%s, amount', '{customer_value,purchase_frequency,aov}'),
    ('clv_state', $$%s, ordered_at, amount, '1 year', '3 years', '2025-01-01'$$, '{clv,customer_value,purchase_frequency,aov}');

CREATE FUNCTION states(condition text, OUT family text, OUT key text, OUT state retention_state, OUT readers text[])
RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE f record;
BEGIN
    FOR f IN SELECT * FROM families, (VALUES ('customer_id'), ('customer_code'), ('customer_email'), ('customer_uuid')) k(key) LOOP
        family := f.family || '(' || f.arguments || ')'; key := f.key; readers := f.readers;
        EXECUTE format('SELECT %s(%s) FROM shop_orders WHERE %s', f.family, format(f.arguments, f.key), condition) INTO state;
        RETURN NEXT;
    END LOOP;
    family := 'aov_state(amount)'; key := NULL; readers := '{aov}';
    EXECUTE format('SELECT aov_state(amount) FROM shop_orders WHERE %s', condition) INTO state;
    RETURN NEXT;
END $$;

-- What the readers of a state say
CREATE FUNCTION readings(readers text[], state retention_state) RETURNS text LANGUAGE plpgsql AS $$
DECLARE reader text; one text; result text := '';
BEGIN
    FOREACH reader IN ARRAY readers LOOP
        EXECUTE format('SELECT %I($1)::text', reader) INTO one USING state;
        result := result || reader || '=' || coalesce(one, 'NULL') || ' ';
    END LOOP;
    RETURN result;
END $$;

-- The bigint whose hashed form is a given word: the finaliser of MurmurHash3 undone
CREATE FUNCTION pg_temp.unmixed(word numeric) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE x numeric := word + CASE WHEN word < 0 THEN 18446744073709551616 ELSE 0 END; two64 numeric := 18446744073709551616;
    multiplier numeric;
BEGIN
    FOREACH multiplier IN ARRAY ARRAY[11291846944257947611, 5725274745694666757, 1] LOOP
        -- x ^= x >> 33, through bigints
        x := ((CASE WHEN x >= two64 / 2 THEN x - two64 ELSE x END)::bigint # div(x, 8589934592)::bigint)::numeric;
        x := mod((CASE WHEN x < 0 THEN x + two64 ELSE x END) * multiplier, two64);
    END LOOP;
    RETURN (CASE WHEN x >= two64 / 2 THEN x - two64 ELSE x END)::bigint;
END $$;
SELECT pg_temp.unmixed(-1) AS "all ones", pg_temp.unmixed(0) AS zero;

CREATE TABLE whole AS SELECT * FROM states('true');
CREATE TABLE parts AS
SELECT part, s.* FROM generate_series(0, 12) part, LATERAL states(format(
    $$coalesce((extract(year FROM ordered_at) - 2023) * 4 + extract(quarter FROM ordered_at), 0) = %s$$, part)) s;

-- what they are; the same for every type of key
SELECT DISTINCT family, (state_info(state)).measure, (state_info(state)).customers,
       readings(readers, state)
FROM whole ORDER BY family;
SELECT DISTINCT (state_info(state)).customer_type, key FROM whole ORDER BY key;

-- 13 quarterly states merged in several orders: the same bytes as the whole
SELECT o.name, w.family, w.key
FROM whole w,
     (VALUES ('forwards'), ('backwards'), ('shuffled')) o(name),
     LATERAL (SELECT rollup(p.state ORDER BY CASE name WHEN 'forwards' THEN part WHEN 'backwards' THEN -part ELSE hashint4(part) END)
              FROM parts p WHERE (p.family, p.key) IS NOT DISTINCT FROM (w.family, w.key)) r(state)
WHERE r.state::text IS DISTINCT FROM w.state::text OR readings(w.readers, r.state) <> readings(w.readers, w.state);
-- in two levels, with empty and NULL states between
SELECT w.family, w.key
FROM whole w,
     LATERAL (SELECT rollup(few) FROM (SELECT rollup(p.state) few FROM parts p
              WHERE (p.family, p.key) IS NOT DISTINCT FROM (w.family, w.key) GROUP BY part / 3 UNION ALL SELECT NULL) q) r(state)
WHERE r.state::text IS DISTINCT FROM w.state::text;
-- rows in another order: the same bytes
SELECT a.state::text = b.state::text AS equal
FROM (SELECT revenue_retention_state(customer_email, ordered_at, amount, '1 year', '2025-01-01' ORDER BY amount, ordered_at) state FROM shop_orders) a,
     (SELECT revenue_retention_state(customer_email, ordered_at, amount, '1 year', '2025-01-01' ORDER BY ordered_at DESC, amount DESC) state FROM shop_orders) b;

-- merge: what rollup makes of two, of any size, in a query as of stored ones
SELECT count(*) AS merged,
       count(*) FILTER (WHERE merge(a.state, b.state)::text IS DISTINCT FROM (SELECT rollup(s)::text FROM (VALUES (a.state), (b.state)) v(s))) AS unlike,
       count(*) FILTER (WHERE merge(a.state, w.state)::text IS DISTINCT FROM (SELECT rollup(s)::text FROM (VALUES (w.state), (a.state)) v(s))) AS unlike_large,
       count(*) FILTER (WHERE merge(w.state, a.state)::text IS DISTINCT FROM (SELECT rollup(s)::text FROM (VALUES (w.state), (a.state)) v(s))) AS unlike_into_large
FROM parts a JOIN parts b ON b.part = (a.part + 5) % 13 AND (b.family, b.key) IS NOT DISTINCT FROM (a.family, a.key)
     JOIN whole w ON (w.family, w.key) IS NOT DISTINCT FROM (a.family, a.key)
WHERE a.state IS NOT NULL AND b.state IS NOT NULL;
-- neither argument changes, in a table or in the query
SELECT count(*) FROM parts p, LATERAL (SELECT p.state::text AS before, merge(p.state, p.state) AS twice, p.state::text AS after) m WHERE before <> after;
SELECT (state_info(merge(s, t))).customers, (state_info(s)).customers AS s, (state_info(t)).customers AS t, repeat_rate(merge(s, t)), repeat_rate(s)
FROM (SELECT repeat_rate_state(c) AS s, repeat_rate_state(c + 4000) AS t FROM generate_series(1, 5000) c) q;
SELECT merge(NULL, state) IS NULL AS "left", merge(state, NULL) IS NULL AS "right" FROM parts LIMIT 1;
SELECT merge(repeat_rate_state(c), aov_state(c)) FROM generate_series(1, 3) c;
SELECT merge(repeat_rate_state(c), repeat_rate_state(c::text)) FROM generate_series(1, 3) c;
SELECT merge(inactive_rate_state(c, '2024-01-01', '1 day', '2024-02-01'), inactive_rate_state(c, '2024-01-01', '2 days', '2024-02-01')) FROM generate_series(1, 3) c;

-- out and in again, text and binary; toasted, compressed or plain
SELECT count(*) FROM whole WHERE state::text::retention_state::text <> state::text OR readings(readers, state::text::retention_state) <> readings(readers, state);
CREATE TABLE stored (LIKE whole);
ALTER TABLE stored ALTER state SET STORAGE external;
INSERT INTO stored SELECT * FROM whole;
SELECT count(*) FROM whole JOIN stored USING (family, key) WHERE whole.state::text <> stored.state::text OR readings(stored.readers, stored.state) <> readings(whole.readers, whole.state);
SELECT sum(length(retention_state_send(state))) > 100000 AS sent FROM whole;
-- a state may go on being merged after it was stored
SELECT repeat_rate(rollup(state)) = (SELECT repeat_rate(customer_id) FROM shop_orders) AS equal
FROM (SELECT state FROM stored WHERE family = 'repeat_rate_state(%s)' AND key = 'customer_id'
      UNION ALL SELECT repeat_rate_state(customer_id) FROM shop_orders WHERE false) x;

-- the customer whose hashed form is all ones, alone and among others
SELECT repeat_rate(rollup(s)), max((state_info(s)).customers)
FROM (SELECT repeat_rate_state(c) s FROM (VALUES (-8528264022506211158), (1), (-8528264022506211158)) v(c)
      UNION ALL SELECT repeat_rate_state(-8528264022506211158)
      UNION ALL SELECT repeat_rate_state(c) FROM generate_series(1, 5000) c) x;
SELECT repeat_rate(repeat_rate_state(c)::text::retention_state), (state_info(repeat_rate_state(c)::text::retention_state)).customers
FROM (VALUES ('ed10f705-2847-a78b-ffff-ffffffffffff'::uuid), ('ed10f705-2847-a78b-ffff-ffffffffffff'), (gen_random_uuid())) v(c);

-- ---------------------------------------------------------------------------
-- memory
-- ---------------------------------------------------------------------------
-- a customer alone
SELECT (state_info(repeat_rate_state(7))).bytes AS repeat_rate, (state_info(second_order_rate_state(7, now(), '1 day', now()))).bytes AS second_order,
       (state_info(churn_rate_state(7, now(), '1 day', now() - interval '1 hour', now()))).bytes AS churn, (state_info(clv_state(7, now(), 5, '1 day', '1 day', now()))).bytes AS clv,
       (state_info(revenue_retention_state(7, now(), 5, '1 day', now()))).bytes AS revenue, (state_info(customer_value_state('a customer with a long name', 5))).bytes AS long_key;
-- at most 24 bytes each in the memory of the query that counts them (a final
-- function sees the state there), however many they are
CREATE AGGREGATE repeat_rate_info(bigint) (SFUNC = repeat_rate_transfn_bigint, STYPE = retention_state, FINALFUNC = state_info);
SELECT customers, repeat_rate_info(c)::text FROM (VALUES (10), (100)) v(customers), generate_series(1, customers) c GROUP BY customers;
CREATE TYPE info AS (measure text, customer_type text, customers bigint, bytes bigint);
SELECT n, (i::text::info).customers, (i::text::info).bytes <= 24 * n AS small
FROM (SELECT n, repeat_rate_info(c) i FROM (VALUES (20000), (50000), (100000), (130000)) v(n), generate_series(1, n) c GROUP BY n) x ORDER BY n;
DROP AGGREGATE repeat_rate_info(bigint);
DROP TYPE info;
-- customers chosen so that their hashed forms are the last there are: no gap lies behind them
SELECT customers, repeat_rate FROM (
    SELECT (state_info(repeat_rate_state(k ORDER BY hashint8(k)))).customers, repeat_rate(k ORDER BY hashint8(k)) FROM
        (SELECT pg_temp.unmixed(-w) k FROM generate_series(1, 3000) w UNION ALL SELECT generate_series(1, 1000)) x) y;

-- ---------------------------------------------------------------------------
-- refusals
-- ---------------------------------------------------------------------------
CREATE TABLE two (a retention_state, b retention_state);
INSERT INTO two SELECT repeat_rate_state(1), inactive_rate_state(1, now(), '1 day', '2100-01-01');
SELECT rollup(s) FROM (SELECT a FROM two UNION ALL SELECT b FROM two) x(s);
SELECT rollup(s) FROM (SELECT repeat_rate_state(1) UNION ALL SELECT repeat_rate_state('1'::text)) x(s);
SELECT rollup(s) FROM (SELECT clv_state(1, now(), 5, '1 day', '1 day', '2100-01-01') UNION ALL SELECT clv_state(1, now(), 5, '1 day', '1 day', '2100-01-02')) x(s);
SELECT rollup(s) FROM (SELECT clv_state(1, now(), 5, '1 day', '1 day', '2100-01-01') UNION ALL SELECT clv_state(1, now(), 5, '24 hours', '1 day', '2100-01-01')) x(s);
SELECT churn_rate(a) FROM two;
SELECT repeat_rate(b) FROM two;
SELECT second_order_rate(a) FROM two;
SELECT inactive_rate(a) FROM two;
SELECT gross_revenue_retention(a) FROM two;
SELECT net_revenue_retention(a) FROM two;
SELECT aov(a) FROM two;
SELECT purchase_frequency(aov_state(5));
SELECT customer_value(aov_state(5));
SELECT clv(b) FROM two;
SELECT rollup(NULL::retention_state), repeat_rate(NULL::retention_state) FROM generate_series(1, 2);
SELECT rollup(s) IS NULL AS none FROM two, LATERAL (SELECT a) x(s) WHERE false;
-- support functions outside an aggregate
SELECT repeat_rate_transfn_bigint(NULL, 1);
SELECT repeat_rate_transfn_text(a, 'x') FROM two;
SELECT retention_state_combine(a, a) FROM two;
SELECT repeat_rate_invfn_bigint(a, 1) FROM two;
SELECT aov_transfn(NULL, 1);
-- an aggregate of the user's own, with the wrong state to begin with
CREATE FUNCTION pg_temp.broken() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE AGGREGATE broken(bigint, timestamptz, interval, timestamptz) (SFUNC = inactive_rate_transfn_bigint, STYPE = retention_state, FINALFUNC = inactive_rate, INITCOND = %L)', (SELECT a FROM two));
END $$;
SELECT pg_temp.broken();
SELECT broken(1, now(), '1 day', now());
DROP AGGREGATE broken(bigint, timestamptz, interval, timestamptz);
-- not states at all
SELECT 'hello'::retention_state;
SELECT ''::retention_state;
SELECT '====!'::retention_state;
SELECT encode('RS', 'base64')::retention_state;
SELECT encode('\x5253070101', 'base64')::retention_state;
SELECT encode('\x525302630100', 'base64')::retention_state;
SELECT encode('\x525302010900', 'base64')::retention_state;
-- one customer of repeat_rate: intact, twice the same, with no rows, cut short, too long, too many
CREATE FUNCTION pg_temp.from_hex(hex text) RETURNS retention_state LANGUAGE sql
RETURN encode(decode(replace(hex, ' ', ''), 'hex'), 'base64')::retention_state;
SELECT repeat_rate(pg_temp.from_hex('5253 02 01 01  0000000000000001  0000000000000007 00000002'));
SELECT pg_temp.from_hex('5253 02 01 01  0000000000000002  0000000000000007 00000002  0000000000000007 00000002');
SELECT pg_temp.from_hex('5253 02 01 01  0000000000000001  0000000000000007 00000000');
SELECT pg_temp.from_hex('5253 02 01 01  0000000000000001  0000000000000007 0000');
SELECT pg_temp.from_hex('5253 02 01 01  0000000000000001  0000000000000007 00000002 00');
SELECT pg_temp.from_hex('5253 02 01 01  7fffffffffffffff  0000000000000007 00000002');
SELECT pg_temp.from_hex('5253 02 01 01  ffffffffffffffff  0000000000000007 00000002');
-- text keys: wrong length, not text
SELECT repeat_rate(pg_temp.from_hex('5253 02 01 02  0000000000000001  00000002 6162 00000002'));
SELECT pg_temp.from_hex('5253 02 01 02  0000000000000001  7fffffff 6162 00000002');
SELECT pg_temp.from_hex('5253 02 01 02  0000000000000001  00000002 ff00 00000002');
-- options: an infinite time, an interval below zero; money: a scale there is not, NaN
SELECT pg_temp.from_hex('5253 02 05 01  0000000000000000 00000001 00000000  7fffffffffffffff  0000000000000000');
SELECT pg_temp.from_hex('5253 02 05 01  0000000000000000 ffffffff 00000000  0000000000000000  0000000000000000');
SELECT pg_temp.from_hex('5253 02 07 00  28 0000000000000000 0000000000000028  0000000000000001  0000000000000000');
SELECT pg_temp.from_hex('5253 02 07 00  3f 00000008 0000 0000 c000 0000  0000000000000001  0000000000000000');
SELECT pg_temp.from_hex('5253 02 07 00  01 0000000000000000 0000000000000141  ffffffffffffffff  0000000000000000');
SELECT aov(pg_temp.from_hex('5253 02 07 00  01 0000000000000000 0000000000000141  0000000000000001  0000000000000000'));

-- states that wait in a sort are packed there, in memory of which from PostgreSQL 17 on nothing can be freed
SELECT bool_and(cohort_retention(c) IS NOT NULL) AS cohorts, bool_and(lifecycle(l) IS NOT NULL) AS lifecycles, bool_and(repeat_by_order_number(n) IS NOT NULL) AS numbers, bool_and(clv(v) IS NOT NULL) AS values
FROM (SELECT country, cohort_retention_state(customer_id, ordered_at, amount, 'month', '2025-03-15', 'UTC') AS c, lifecycle_state(customer_id, ordered_at, 'month', '2025-03-15', 'UTC') AS l,
             repeat_by_order_number_state(customer_id, ordered_at, 12, '2025-03-15') AS n, clv_state(customer_id, ordered_at, amount, '1 year', '3 years', '2025-03-15') AS v
      FROM shop_orders GROUP BY country ORDER BY count(*)) s;

DROP TABLE whole, parts, stored, two, families;
DROP FUNCTION states(text), readings(text[], retention_state);
