-- seal: sums without customers, merged by addition; every family against the whole state
SET TimeZone = 'UTC';
SET extra_float_digits = 3;

CREATE TEMP TABLE seal_families (family text, arguments text, readers text[]);
INSERT INTO seal_families VALUES
    ('repeat_rate_state', '%s', '{repeat_rate}'),
    ('repeat_rate_state', $$%s, ordered_at, '200 days', '2025-01-01'$$, '{repeat_rate}'),
    ('second_order_rate_state', $$%s, ordered_at, '2 months', '2025-01-01'$$, '{second_order_rate}'),
    ('churn_rate_state', $$%s, ordered_at, '90 days', '2024-06-30', '2024-12-31'$$, '{churn_rate}'),
    ('inactive_rate_state', $$%s, ordered_at, '90 days', '2025-01-01'$$, '{inactive_rate}'),
    ('revenue_retention_state', $$%s, ordered_at, amount, '1 year', '2025-01-01'$$, '{gross_revenue_retention,net_revenue_retention}'),
    ('customer_value_state', '%s, amount', '{customer_value,purchase_frequency,aov}'),
    ('clv_state', $$%s, ordered_at, amount, '1 year', '3 years', '2025-01-01'$$, '{clv,customer_value,purchase_frequency,aov}'),
    ('cohort_retention_state', $$%s, ordered_at, amount, 'month', '2025-02-11 12:00', 'Europe/Berlin'$$, '{cohort_retention}'),
    ('cohort_retention_state', $$%s, ordered_at, amount, 'fiscal_quarter_02', '2025-05-01', 'UTC'$$, '{cohort_retention}'),
    ('signup_retention_state', $$%s, ordered_at, ordered_at + interval '30 days', amount, 'month', '2025-02-11 12:00', 'UTC'$$, '{signup_retention}'),
    ('lifecycle_state', $$%s, ordered_at, 'week', '2025-02-11 12:00', 'America/New_York'$$, '{lifecycle}'),
    ('lifecycle_state', $$%s, ordered_at, 'month', '2025-02-01', 'UTC'$$, '{lifecycle}'),
    ('rolling_retention_state', $$%s, ordered_at, '1 month', 12, '2024-10-31'$$, '{rolling_retention}'),
    ('rolling_retention_state', $$%s, ordered_at, '45 days', 40, '2026-01-01'$$, '{rolling_retention}'),
    ('repeat_by_order_number_state', $$%s, date_trunc('day', ordered_at), 7, '2024-10-31'$$, '{repeat_by_order_number}'),
    ('repeat_by_order_number_state', $$%s, date_trunc('day', ordered_at), 10000, '30 days', '2025-06-01'$$, '{repeat_by_order_number}'),
    ('repeat_survival_state', $$%s, ordered_at, '2024-10-31'$$, '{repeat_survival}'),
    ('gap_survival_state', $$%s, ordered_at, '2024-10-31'$$, '{gap_survival}'),
    ('churn_by_period_state', $$%s, ordered_at, '5 days', 'week', '2025-02-11 12:00', 'UTC'$$, '{churn_by_period}'),
    ('churn_by_period_state', $$%s, ordered_at, '3 months', 'month', '2025-03-01', 'Europe/Berlin'$$, '{churn_by_period}'),
    ('new_vs_returning_state', $$%s, ordered_at, amount, 'month', '2025-02-11 12:00', 'UTC'$$, '{new_vs_returning}'),
    ('new_vs_returning_state', $$%s, ordered_at, amount, 'day', '2025-02-11 12:00', 'Asia/Tokyo'$$, '{new_vs_returning}'),
    ('uplift_state', $$%s, 'arm number ' || mod(customer_id + (amount > 95)::int, 3), '2024-06-01'::timestamptz + mod(abs(customer_id), 40) * interval '1 day', ordered_at, amount, 'arm number 0', '60 days', '90 days', '2024-09-01'$$, '{uplift}'),
    ('funnel_state', $$%s, date_trunc('day', ordered_at), ARRAY[amount < 30, amount > 50, country = 'DE', country = 'FR'], '60 days', '2024-09-01'$$, '{funnel}'),
    ('funnel_state', $$%s, date_trunc('day', ordered_at), ARRAY[country = 'DE', false, true], '3 years', '2024-09-01'$$, '{funnel}');

-- Both for every family and type of key: the whole state, and the sealed one of parts without a customer in common
CREATE FUNCTION pg_temp.sealed(part text, OUT family text, OUT key text, OUT readers text[], OUT whole retention_state, OUT parts bigint, OUT sealed retention_state)
RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE f record;
BEGIN
    FOR f IN SELECT * FROM seal_families, (VALUES ('customer_id'), ('customer_code'), ('customer_email'), ('customer_uuid')) k(key) LOOP
        family := f.family || '(' || f.arguments || ')'; key := f.key; readers := f.readers;
        EXECUTE format('SELECT %s(%s) FROM shop_orders', f.family, format(f.arguments, f.key)) INTO whole;
        EXECUTE format('SELECT count(s), rollup(seal(s)) FROM (SELECT %s(%s) AS s FROM shop_orders GROUP BY %s) q', f.family, format(f.arguments, f.key), format(part, f.key)) INTO parts, sealed;
        RETURN NEXT;
    END LOOP;
END $$;
CREATE FUNCTION pg_temp.readings(readers text[], state retention_state) RETURNS text LANGUAGE plpgsql AS $$
DECLARE reader text; one text; result text := '';
BEGIN
    FOREACH reader IN ARRAY readers LOOP
        EXECUTE format('SELECT %I($1)::text', reader) INTO one USING state;
        result := result || reader || '=' || coalesce(one, 'NULL') || ' ';
    END LOOP;
    RETURN result;
END $$;

CREATE TEMP TABLE sealed AS
SELECT p.name AS split, s.* FROM (VALUES ('each', '%s'), ('eight', 'hashtext(%s::text) & 7'), ('one', '%s IS NULL')) p(name, part), LATERAL pg_temp.sealed(p.part) s;
SELECT split, count(*), min(parts), max(parts) FROM sealed GROUP BY split ORDER BY split;
SELECT split, family, key FROM sealed WHERE pg_temp.readings(readers, sealed) IS DISTINCT FROM pg_temp.readings(readers, whole);
-- the same bytes, however they were split, and of whatever type the customers were
SELECT family FROM sealed GROUP BY family HAVING count(DISTINCT sealed::text) <> 1;
-- sealed and merged is merged and sealed
SELECT split, family, key FROM sealed WHERE seal(whole)::text <> sealed::text OR seal(sealed)::text <> sealed::text;
-- merge, too, and through text and the binary form
SELECT a.family, a.key FROM sealed a JOIN sealed b USING (family, key)
WHERE a.split = 'eight' AND b.split = 'one' AND (state_info(merge(a.sealed, b.sealed))).customers <> 2 * (state_info(a.whole)).customers;
SELECT count(*) AS unlike FROM sealed WHERE sealed::text::retention_state::text <> sealed::text OR pg_temp.readings(readers, sealed::text::retention_state) <> pg_temp.readings(readers, whole);

-- what they are: nobody is in them, so many were counted, and they are small
SELECT DISTINCT family, (state_info(sealed)).measure, (state_info(sealed)).customer_type, (state_info(sealed)).customers, (state_info(whole)).customers AS of_whole,
       length(retention_state_send(sealed)) <= CASE WHEN family ~ 'retention_state|order_number|new_vs_returning' THEN 1024 * 1024 ELSE 64 * 1024 END AS small
FROM sealed WHERE split = 'each' ORDER BY family;
-- as large of one customer as of many
SELECT family, arguments FROM seal_families f, LATERAL (SELECT max(length(retention_state_send(s.sealed))) AS bytes FROM sealed s WHERE s.family = f.family || '(' || f.arguments || ')') s
WHERE f.family ~ '^(repeat_rate|second|churn_rate|inactive)' AND bytes > 150 OR f.family ~ '^(customer_value|clv|revenue)' AND bytes > 250;

-- over histories
CREATE TEMP TABLE seal_histories AS SELECT customer_id, order_history(customer_id, ordered_at, amount) AS h FROM shop_orders GROUP BY customer_id;
CREATE FUNCTION pg_temp.of_histories(family text, arguments text, readers text[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE whole retention_state; parts retention_state; args text := 'h' || regexp_replace(arguments, '^%s(, (ordered_at|date_trunc\(.day., ordered_at\)))?(, amount)?', '');
BEGIN
    EXECUTE format('SELECT %s(%s) FROM seal_histories', family, args) INTO whole;
    EXECUTE format('SELECT rollup(seal(s)) FROM (SELECT %s(%s) AS s FROM seal_histories GROUP BY customer_id) q', family, args) INTO parts;
    RETURN seal(whole)::text = parts::text AND (family ~ 'order_number' OR pg_temp.readings(readers, parts) = pg_temp.readings(readers, whole));
END $$;
SELECT family, arguments, pg_temp.of_histories(family, arguments, readers) AS equal FROM seal_families WHERE family NOT IN ('signup_retention_state', 'uplift_state', 'funnel_state') ORDER BY 1, 2;

-- order numbers: medians of whole days, all else the same
WITH s AS (SELECT repeat_by_order_number_state(customer_id, ordered_at, 20, '2025-01-01') AS state FROM shop_orders)
SELECT count(*) AS numbers, bool_and(to_jsonb(a) - 'median_days_to_next' = to_jsonb(b) - 'median_days_to_next') AS equal,
       bool_and(b.median_days_to_next BETWEEN a.median_days_to_next - 1 AND a.median_days_to_next AND 2 * b.median_days_to_next = floor(2 * b.median_days_to_next) OR a.median_days_to_next IS NULL AND b.median_days_to_next IS NULL) AS days
FROM s, unnest(repeat_by_order_number(state)) a FULL JOIN unnest(repeat_by_order_number(seal(state))) b USING (order_number);
-- against plain SQL
WITH gaps AS (SELECT n, lead(at) OVER (PARTITION BY customer_id ORDER BY at, n) - at AS gap
              FROM (SELECT customer_id, ordered_at AS at, row_number() OVER (PARTITION BY customer_id ORDER BY ordered_at) AS n FROM shop_orders
                    WHERE customer_id IS NOT NULL AND ordered_at < '2025-01-01') o),
     expected AS (SELECT n, percentile_cont(0.5) WITHIN GROUP (ORDER BY floor(extract(epoch FROM gap) / 86400)) AS median FROM gaps WHERE n <= 20 GROUP BY n)
SELECT count(*) AS numbers, count(*) FILTER (WHERE r.median_days_to_next IS DISTINCT FROM e.median) AS unlike
FROM unnest((SELECT repeat_by_order_number(rollup(seal(s))) FROM (SELECT repeat_by_order_number_state(customer_id, ordered_at, 20, '2025-01-01') AS s FROM shop_orders GROUP BY customer_id) q)) r
JOIN expected e ON e.n = r.order_number;

-- money of any size
WITH orders(customer, at, amount) AS (
        SELECT i % 7, timestamptz '2024-01-01' + i * interval '9 days',
               CASE i % 4 WHEN 0 THEN 12345678901234567890123456789012345678901234567890.5 * i WHEN 1 THEN -1e-30 WHEN 2 THEN 7 ELSE 1e20 END
        FROM generate_series(1, 60) i),
     states AS (
        SELECT customer_value_state(customer, amount) v, clv_state(customer, at, amount, '1 year', '2 years', '2025-06-01') l, revenue_retention_state(customer, at, amount, '8 months', '2025-05-01') r,
               cohort_retention_state(customer, at, amount, 'month', '2025-06-01', 'UTC') c, new_vs_returning_state(customer, at, amount, 'month', '2025-06-01', 'UTC') n,
               uplift_state(customer, 'arm ' || customer % 2, '2024-12-01', at, amount, 'arm 0', '4 months', '8 months', '2025-06-01') u
        FROM orders GROUP BY customer),
     whole AS (SELECT rollup(v) v, rollup(l) l, rollup(r) r, rollup(c) c, rollup(n) n, rollup(u) u FROM states),
     parts AS (SELECT rollup(seal(v)) v, rollup(seal(l)) l, rollup(seal(r)) r, rollup(seal(c)) c, rollup(seal(n)) n, rollup(seal(u)) u FROM states)
SELECT customer_value(w.v) = customer_value(p.v) AS value, aov(w.v) = aov(p.v) AS aov, clv(w.l) = clv(p.l) AS clv,
       (gross_revenue_retention(w.r), net_revenue_retention(w.r)) = (gross_revenue_retention(p.r), net_revenue_retention(p.r)) AS revenue,
       cohort_retention(w.c)::text = cohort_retention(p.c)::text AS cohort, new_vs_returning(w.n)::text = new_vs_returning(p.n)::text AS new, uplift(w.u)::text = uplift(p.u)::text AS uplift,
       (SELECT bool_and(s::text::retention_state::text = s::text) FROM unnest(ARRAY[p.v, p.l, p.r, p.c, p.n, p.u]) s) AS out_and_in
FROM whole w, parts p;

-- nobody and nothing
SELECT seal(NULL::retention_state) IS NULL AS "null", rollup(seal(s)) IS NULL AS none FROM (SELECT repeat_rate_state(c) AS s FROM generate_series(1, 0) c HAVING false) q;
SELECT churn_rate(seal(s)) AS churn, (state_info(seal(s))).customers FROM (SELECT churn_rate_state(c, NULL, '90 days', '2024-06-30', '2024-12-31') AS s FROM generate_series(1, 3) c) q;
CREATE FUNCTION pg_temp.state_of(family text, arguments text, condition text) RETURNS retention_state LANGUAGE plpgsql AS $$
DECLARE state retention_state;
BEGIN
    EXECUTE format('SELECT %s(%s) FROM shop_orders WHERE %s', family, format(arguments, 'customer_id'), condition) INTO state;
    RETURN state;
END $$;
SELECT count(*) AS families, count(*) FILTER (WHERE pg_temp.readings(readers, seal(s)) = pg_temp.readings(readers, s)) AS alike,
       count(*) FILTER (WHERE (state_info(seal(s))).customers = 0) AS empty, count(*) FILTER (WHERE seal(s)::text::retention_state::text = seal(s)::text) AS out_and_in
FROM (SELECT readers, pg_temp.state_of(family, arguments, 'customer_id IS NULL') AS s FROM seal_families) q;
-- and one customer
SELECT count(*) AS families, count(*) FILTER (WHERE pg_temp.readings(readers, seal(s)) = pg_temp.readings(readers, s)) AS alike, max((state_info(seal(s))).customers) AS most
FROM (SELECT readers, pg_temp.state_of(family, arguments, format('customer_id = %s', c)) AS s FROM seal_families, unnest('{-50,0,7,600,3300}'::int[]) c) q;
-- states without customers are sealed as they are
SELECT seal(s)::text = s::text AS aov, aov(seal(s)) = 5 AS read FROM (SELECT aov_state(a) AS s FROM (VALUES (4), (6)) v(a)) q;
SELECT seal(c)::text = c::text AS carts, seal(n)::text = n::text AS nps, seal(f)::text = f::text AS funnel_step, seal(a)::text = a::text AS stratified_mean
FROM (SELECT carts_state('2024-01-01', 'cart', 'a', 5, '1 hour', '7 days', '2025-01-01') AS c, nps_state(i) AS n, funnel_step_state('2024-01-01', '{t,t}', '1 hour', '2025-01-01') AS f,
             stratified_mean_state(10, 5, i, 2) AS a FROM generate_series(9, 10) i) q;
SELECT seal(s)::text = s::text AS survival FROM (SELECT survival(d, d > 3) AS s FROM generate_series(1, 9) d) q;

-- a sealed state merges with sealed states of its kind alone
CREATE TEMP TABLE unlike AS
SELECT churn_rate_state(c, '2024-01-01', '90 days', '2024-06-30', '2024-12-31') AS churn, churn_rate_state(c, '2024-01-01', '91 days', '2024-06-30', '2024-12-31') AS other, repeat_rate_state(c) AS repeat
FROM generate_series(1, 3) c;
SELECT merge(seal(churn), churn) FROM unlike;
SELECT merge(churn, seal(churn)) FROM unlike;
SELECT rollup(s) FROM (SELECT repeat AS s FROM unlike UNION ALL SELECT seal(repeat) FROM unlike) q;
SELECT merge(seal(churn), seal(other)) FROM unlike;
SELECT merge(seal(churn), seal(repeat)) FROM unlike;
SELECT merge(seal(churn), repeat) FROM unlike;
SELECT clv(seal(churn)) FROM unlike;
SELECT customer_value(seal(churn)) FROM unlike;
SELECT lifecycle(seal(churn)) FROM unlike;
-- types of customers are forgotten, and so do not matter
SELECT repeat_rate(rollup(seal(s))) FROM (SELECT repeat_rate_state(c) AS s FROM unnest('{1,1,2}'::bigint[]) c UNION ALL SELECT repeat_rate_state(c) FROM unnest('{1,2}'::text[]) c) q;
-- what cannot be sealed says so
SELECT seal(purchases_state(c, now(), 5, now())) FROM generate_series(1, 3) c;
CREATE FUNCTION pg_temp.refusal(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
    EXECUTE format('SELECT seal(%s) FROM generate_series(1, 3) c', call);
    RETURN 'sealed';
EXCEPTION WHEN datatype_mismatch THEN GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL; RETURN SQLERRM || ': ' || detail;
END $$;
SELECT pg_temp.refusal(call) FROM unnest(ARRAY['mrr_movements_state(c, now(), NULL, 5, ''month'', now(), ''UTC'')', 'purchase_days_state(c, now(), 5, now(), ''UTC'')', 'btyd_state(c, now(), 5, ''90 days'', now(), ''UTC'')',
    'product_pairs_state(c, ''a'', 1)', 'next_products_state(c, now(), ''a'', 1, now())', 'purchases_state(c, now(), 5, now())', 'funnel_state(c, now(), ''{t,t}'', ''1 day'', now())']) call;
SELECT seal(btyd_state(x, x, 9)) IS NOT NULL AS patterns FROM generate_series(1, 3) x;

-- for planners: parallel safe, immutable, strict; no polymorphic argument
SELECT oid::regprocedure AS function, provolatile, proparallel, proisstrict, proretset FROM pg_proc WHERE proname = 'seal' ORDER BY 1;
