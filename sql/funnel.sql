-- funnel: who takes one step after the other in time; each answer beside what plain SQL says
SET TimeZone = 'UTC';
SET extra_float_digits = 0;
\set VERBOSITY terse
\set steps 'ARRAY[event = ''view'', event = ''cart'', event = ''checkout'', event = ''purchase'']'

-- ---------------------------------------------------------------------------
-- shop_events, counted by hand
-- ---------------------------------------------------------------------------
SELECT * FROM unnest((SELECT funnel(customer_id, at, :steps, '1 hour', '2026-03-10 12:00+00') FROM shop_events));
SELECT * FROM unnest((SELECT funnel(customer_id, at, :steps, '3 days', '2026-03-10 12:00+00') FROM shop_events));
-- a microsecond: customer 10 entered exactly an hour before as_of, 14 put into the cart exactly an hour after the view
SELECT step, customers, eligible, reached FROM unnest((SELECT funnel(customer_id, at, :steps, '1 hour', '2026-03-10 11:59:59.999999+00') FROM shop_events));
SELECT step, customers, eligible, reached FROM unnest((SELECT funnel(customer_id, at, :steps, '1 hour 0.000001 seconds', '2026-03-10 12:00+00') FROM shop_events));
SELECT customer_id, funnel_step(at, :steps, '1 hour', '2026-03-10 12:00+00') AS "1 hour", funnel_step(at, :steps, '3 days', '2026-03-10 12:00+00') AS "3 days"
FROM shop_events GROUP BY customer_id ORDER BY customer_id;

-- one row is one step of an attempt: three purchases of one customer within 2 days, and within 4; two at one instant are two steps
CREATE TEMP TABLE buys AS SELECT 1::bigint AS customer_id, at FROM unnest('{2026-01-01 UTC,2026-01-02 UTC,2026-01-04 UTC,2026-01-05 UTC}'::timestamptz[]) at;
SELECT step, reached, median_seconds FROM unnest((SELECT funnel(customer_id, at, '{t,t,t}', '2 days', '2026-02-01') FROM buys));
SELECT step, reached, median_seconds FROM unnest((SELECT funnel(customer_id, at, '{t,t,t}', '4 days', '2026-02-01') FROM buys));
SELECT funnel_step(timestamptz '2026-01-01', '{t,t,t}', '1 second', '2026-02-01') FROM generate_series(1, 2);

-- ---------------------------------------------------------------------------
-- random customers beside every way through their rows, in plain SQL
-- ---------------------------------------------------------------------------
\set as_of '''2026-01-02 10:00+00'''
CREATE TEMP TABLE clicks AS
SELECT (noise(i, 31) * 400)::bigint AS customer_id, timestamptz '2026-01-01 UTC' + floor(noise(i, 32) * 40) * interval '1 hour' AS at,
       ARRAY[noise(i, 33) < 0.4, noise(i, 34) < 0.4, CASE WHEN noise(i, 35) < 0.9 THEN noise(i, 36) < 0.3 END] AS steps
FROM generate_series(1, 3000) i;
CREATE TEMP VIEW click AS
SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY at, steps[1]::int + 2 * steps[2]::int + 4 * coalesce(steps[3], false)::int) AS n
FROM clicks WHERE true = ANY (steps) AND at < :as_of;
CREATE TEMP VIEW all_ways AS
WITH RECURSIVE way AS (
    SELECT customer_id, n AS last, at AS started_at, 1 AS depth, ARRAY[at] AS taken FROM click WHERE steps[1]
    UNION ALL
    SELECT w.customer_id, c.n, w.started_at, w.depth + 1, w.taken || c.at
    FROM way w JOIN click c ON c.customer_id = w.customer_id AND c.n > w.last AND c.at < w.started_at + interval '7 hours' AND c.steps[w.depth + 1])
SELECT * FROM way;
CREATE TEMP TABLE ways AS SELECT * FROM all_ways;
-- of those that are over the deepest, the earliest of equals, each step as early as can be
CREATE TEMP VIEW chosen AS
SELECT DISTINCT ON (customer_id) * FROM ways WHERE started_at + interval '7 hours' <= :as_of ORDER BY customer_id, depth DESC, started_at, taken;
CREATE TEMP TABLE counted AS SELECT * FROM unnest((SELECT funnel(customer_id, at, steps, '7 hours', :as_of) FROM clicks));
SELECT step, customers, eligible, reached, median_seconds, (SELECT count(*) - count(DISTINCT (customer_id, at)) FROM click) AS ties FROM counted;
SELECT c.*, e.* FROM counted c FULL JOIN (
    SELECT s AS step, (SELECT count(DISTINCT customer_id) FROM ways WHERE depth >= s) AS customers, count(*) AS eligible, count(*) FILTER (WHERE depth >= s) AS reached,
           extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY taken[s] - taken[s - 1]) FILTER (WHERE depth >= s AND s > 1))::float8 AS median_seconds
    FROM generate_series(1, 3) s, chosen
    GROUP BY s) e USING (step)
WHERE (c.customers = e.customers AND c.eligible = e.eligible AND c.reached = e.reached AND c.median_seconds IS NOT DISTINCT FROM e.median_seconds
       AND c.rate = e.reached::float8 / e.eligible) IS NOT TRUE;
SELECT * FROM (SELECT customer_id, funnel_step(at, steps, '7 hours', :as_of) AS step FROM clicks GROUP BY customer_id) f
LEFT JOIN (SELECT customer_id, max(depth) AS depth FROM ways GROUP BY customer_id) w USING (customer_id)
WHERE step IS DISTINCT FROM CASE WHEN EXISTS (SELECT FROM click c WHERE c.customer_id = f.customer_id) THEN coalesce(depth, 0) END;

-- 17 steps take three bytes of a row, 32 four; a customer who takes all, backwards and forwards
SELECT n, funnel_step(timestamptz '2026-01-01' + i * interval '1 minute', array_fill(false, ARRAY[i - 1]) || true || array_fill(false, ARRAY[n - i]), '1 day', '2026-02-01') AS forwards,
       funnel_step(timestamptz '2026-01-01' - i * interval '1 minute', array_fill(false, ARRAY[i - 1]) || true || array_fill(false, ARRAY[n - i]), '1 day', '2026-02-01') AS backwards,
       funnel_step(timestamptz '2026-01-01', array_fill(false, ARRAY[i - 1]) || true || array_fill(false, ARRAY[n - i]), '1 day', '2026-02-01') AS at_once
FROM unnest('{2,8,9,17,32}'::int[]) n, generate_series(1, n) i GROUP BY n ORDER BY n;

-- ---------------------------------------------------------------------------
-- what always holds
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE walks AS SELECT customer_id, customer_email, customer_uuid, ordered_at AS at, ARRAY[amount < 30, country = 'DE', amount > 50, country = 'FR'] AS steps FROM shop_orders;
CREATE TEMP TABLE moments AS
SELECT as_of, row_number() OVER (ORDER BY as_of) AS n,
       (SELECT funnel_state(customer_id, at, steps, '60 days', as_of) FROM walks) AS state
FROM generate_series(timestamptz '2023-03-01 UTC', '2025-09-01', '3 months') as_of;
CREATE TEMP VIEW series AS SELECT n, f.* FROM moments, unnest(funnel(state)) f;
-- reached(1) = eligible; neither count rises with the step, nor falls as time goes on
SELECT count(*), count(*) FILTER (WHERE step = 1 AND reached <> eligible) AS first, count(*) FILTER (WHERE customers > before_customers OR reached > before_reached) AS rising,
       count(*) FILTER (WHERE customers < earlier_customers OR eligible < earlier_eligible OR reached < earlier_reached) AS falling
FROM (SELECT *, lag(customers) OVER a AS before_customers, lag(reached) OVER a AS before_reached, lag(customers) OVER b AS earlier_customers, lag(eligible) OVER b AS earlier_eligible,
             lag(reached) OVER b AS earlier_reached
      FROM series WINDOW a AS (PARTITION BY n ORDER BY step), b AS (PARTITION BY step ORDER BY n)) s;
-- an attempt that is over stays as it is, as time goes on: of those who begin no more, whatever else they do
SELECT count(*), count(DISTINCT f::text) AS funnels, min((f[1]).eligible) > 100 AND min((f[3]).reached) > 10 AS many
FROM unnest('{2024-04-30 UTC,2024-05-20 UTC,2024-11-01 UTC,2026-01-01 UTC}'::timestamptz[]) as_of,
     LATERAL (SELECT funnel(customer_id, at, steps, '60 days', as_of) AS f FROM walks WHERE at < '2024-03-01 UTC' OR steps[1] IS NOT TRUE) f;
-- max(funnel_step) of customers counts to customers
SELECT n, step FROM series JOIN moments USING (n) WHERE n IN (3, 7) AND customers <> (
    SELECT count(*) FROM (SELECT funnel_step(at, steps, '60 days', as_of) AS taken FROM walks GROUP BY customer_id HAVING customer_id IS NOT NULL) w WHERE taken >= step);
-- three types of customers, rows in other orders, parts rolled up, states stored and read: the same; and two of one query
SELECT count(DISTINCT f::text), min(length(f::text)) > 100 AS long FROM (
    SELECT funnel(customer_id, at, steps, '60 days', '2025-01-01') AS f FROM walks
    UNION ALL SELECT funnel(customer_email, at, steps, '60 days', '2025-01-01') FROM walks WHERE customer_id IS NOT NULL
    UNION ALL SELECT funnel(customer_uuid, at, steps, '60 days', '2025-01-01') FROM walks WHERE customer_id IS NOT NULL
    UNION ALL SELECT funnel(customer_id, at, steps, '60 days', '2025-01-01' ORDER BY at DESC) FROM walks
    UNION ALL SELECT funnel(rollup(s)) FROM (SELECT funnel_state(customer_id, at, steps, '60 days', '2025-01-01') AS s FROM walks GROUP BY extract(hour FROM at)) p
    UNION ALL SELECT funnel(funnel_state(customer_id, at, steps, '60 days', '2025-01-01')::text::retention_state) FROM walks) r;
SELECT count(DISTINCT s::text), count(*) FROM (
    SELECT funnel_state(customer_id, at, steps, '60 days', '2025-01-01') AS s FROM walks
    UNION ALL SELECT funnel_state(customer_id, at, steps, '60 days', '2025-01-01' ORDER BY noise(customer_id, 5), at DESC) FROM walks
    UNION ALL SELECT rollup(s) FROM (SELECT funnel_state(customer_id, at, steps, '60 days', '2025-01-01') AS s FROM walks GROUP BY extract(hour FROM at)) p) r;
SELECT count(*), count(*) FILTER (WHERE a IS DISTINCT FROM b), count(*) FILTER (WHERE b IS DISTINCT FROM c) FROM (
    SELECT customer_id, funnel_step(at, steps, '60 days', '2025-01-01') AS a, funnel_step(rollup(s)) AS b, funnel_step(rollup(s)::text::retention_state) AS c
    FROM (SELECT w.*, funnel_step_state(at, steps, '60 days', '2025-01-01') OVER (PARTITION BY ctid) AS s FROM walks w WHERE customer_id < 60) r GROUP BY customer_id) g;
-- as a moving total of what was done so far, the last row is the whole
SELECT last = (SELECT funnel(customer_id, at, steps, '60 days', '2025-01-01') FROM walks WHERE customer_id BETWEEN 1 AND 3) AS same
FROM (SELECT funnel(customer_id, at, steps, '60 days', '2025-01-01') OVER (ORDER BY at, customer_id) AS last, row_number() OVER (ORDER BY at DESC NULLS FIRST, customer_id DESC) AS n
      FROM walks WHERE customer_id BETWEEN 1 AND 3) w WHERE n = 1;

-- ---------------------------------------------------------------------------
-- edges
-- ---------------------------------------------------------------------------
SELECT funnel(1::bigint, now(), '{t,t}', '1 day', '2026-01-01') FILTER (WHERE false) AS no_rows, funnel(NULL::bigint, '2025-01-01', '{t,t}', '1 day', '2026-01-01') AS no_customer,
       funnel(1::bigint, NULL, '{t,t}', '1 day', '2026-01-01') AS no_time, funnel('a'::text, '2025-01-01', '{f,NULL}', '1 day', '2026-01-01') AS no_step,
       funnel(1::bigint, '2026-01-01', '{t,t}', '1 day', '2026-01-01') AS at_as_of, funnel_step(NULL, '{t,t}', '1 day', '2026-01-01') AS step;
-- nobody begins; an attempt that has no end in the calendar; a window of months
SELECT * FROM unnest((SELECT funnel(1::bigint, '2025-01-01', '{f,t}', '1 day', '2026-01-01')));
SELECT * FROM unnest((SELECT funnel(i, '294276-12-01', '{t,t}', '3 months', '294276-12-31') FROM generate_series(1, 2) i));
SELECT eligible FROM unnest((SELECT funnel(1::bigint, '2025-01-31', '{t,t}', '1 month', '2025-02-28'))) WHERE step = 1;
SELECT funnel(1::bigint, 'infinity', '{t,t}', '1 day', '2026-01-01');
SELECT funnel_step('-infinity', '{t,t}', '1 day', '2026-01-01');
SELECT funnel(1::bigint, '2025-01-01', '{t}', '1 day', '2026-01-01');
SELECT funnel(1::bigint, '2025-01-01', '{}', '1 day', '2026-01-01');
SELECT funnel_step('2025-01-01', array_fill(true, '{33}'), '1 day', '2026-01-01');
SELECT funnel(1::bigint, '2025-01-01', '{{t,t},{t,t}}', '1 day', '2026-01-01');
SELECT funnel(1::bigint, '2025-01-01', NULL, '1 day', '2026-01-01');
SELECT funnel(1::bigint, '2025-01-01', array_fill(true, ARRAY[i]), '1 day', '2026-01-01') FROM generate_series(2, 3) i;
SELECT funnel(1::bigint, '2025-01-01', '{t,t}', '0', '2026-01-01');
SELECT funnel(1::bigint, '2025-01-01', '{t,t}', '1 day', 'infinity');
SELECT funnel(1::bigint, '2025-01-01', '{t,t}', i * interval '1 day', '2026-01-01') FROM generate_series(1, 2) i;
SELECT funnel(rollup(s)) FROM (SELECT funnel_state(1::bigint, '2025-01-01', array_fill(true, ARRAY[i]), '1 day', '2026-01-01') AS s FROM generate_series(2, 3) i GROUP BY i) p;
SELECT funnel(funnel_step_state('2025-01-01', '{t,t}', '1 day', '2026-01-01'));
SELECT funnel_step(repeat_rate_state(1::bigint));

-- ---------------------------------------------------------------------------
-- sealed: counts of steps and of whole seconds, without customers
-- ---------------------------------------------------------------------------
UPDATE clicks SET at = at + noise(extract(epoch FROM at)::bigint % 1000003 * 500 + customer_id, 37) * interval '10 seconds';
TRUNCATE ways;
INSERT INTO ways SELECT * FROM all_ways;
CREATE TEMP TABLE whole AS SELECT funnel_state(customer_id, at, steps, '7 hours', :as_of) AS state FROM clicks;
CREATE TEMP TABLE each AS SELECT customer_id, funnel_state(customer_id, at, steps, '7 hours', :as_of) AS state FROM clicks GROUP BY customer_id;
SELECT n AS parts, (SELECT rollup(seal(s))::text FROM (SELECT rollup(state) AS s FROM each GROUP BY hashint8(customer_id) % n) p) = seal(state)::text AS equal,
       (SELECT rollup(s ORDER BY hashint8(place))::text FROM (SELECT seal(rollup(state)) AS s, customer_id % n AS place FROM each GROUP BY 2) p) = seal(state)::text AS in_any_order,
       funnel(seal(state)::text::retention_state) = funnel(seal(state)) AS as_text
FROM whole, unnest('{1,2,7,600}'::int[]) n;
SELECT (state_info(seal(state))).measure, (state_info(seal(state))).customers = (state_info(state)).customers AS customers,
       length(retention_state_send(seal(state))) < 5000 AS small, length(retention_state_send(state)) > 20000 AS large FROM whole;
-- medians of whole seconds, all else the same; and beside plain SQL
SELECT count(*) AS steps, bool_and(to_jsonb(a) - 'median_seconds' = to_jsonb(b) - 'median_seconds') AS equal, count(*) FILTER (WHERE a.median_seconds <> b.median_seconds) AS medians,
       bool_and(b.median_seconds BETWEEN a.median_seconds - 1 AND a.median_seconds) AS rounded_down
FROM whole, unnest(funnel(state)) a JOIN unnest(funnel(seal(state))) b USING (step);
SELECT f.*, e.* FROM unnest((SELECT funnel(rollup(seal(state))) FROM each)) f FULL JOIN (
    SELECT s AS step, (SELECT count(DISTINCT customer_id) FROM ways WHERE depth >= s) AS customers, count(*) AS eligible, count(*) FILTER (WHERE depth >= s) AS reached,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY floor(extract(epoch FROM taken[s] - taken[s - 1]))) FILTER (WHERE depth >= s AND s > 1) AS median_seconds
    FROM generate_series(1, 3) s, chosen GROUP BY s) e USING (step)
WHERE (f.customers = e.customers AND f.eligible = e.eligible AND f.reached = e.reached AND f.median_seconds IS NOT DISTINCT FROM e.median_seconds
       AND f.rate = e.reached::float8 / e.eligible) IS NOT TRUE;
-- nobody began, no time is over, all at one instant, a wait as long as the calendar
SELECT funnel(s) = funnel(seal(s)) AS same, (funnel(seal(s)))[2] AS second
FROM (SELECT funnel_state(1::bigint, '2025-01-01', '{f,t}', '1 day', '2026-01-01') AS s
      UNION ALL SELECT funnel_state(i, '2025-01-01', '{t,t}', '2 years', '2026-01-01') FROM generate_series(1, 3) i
      UNION ALL SELECT funnel_state(i % 2, '2025-01-01', '{t,t}', '1 day', '2026-01-01') FROM generate_series(1, 4) i
      UNION ALL SELECT funnel_state(1::bigint, at, '{t,t}', '298000 years', '294276-12-31 UTC') FROM unnest('{4714-11-24 00:00:00+00 BC,290000-01-01 00:00:00+00}'::timestamptz[]) at) q;
SELECT merge(seal(state), state) FROM whole;
SELECT merge(seal(state), (SELECT seal(funnel_state(1::bigint, '2025-01-01', '{t,t,t}', '8 hours', :as_of)))) FROM whole;
SELECT funnel_step(seal(state)) FROM whole;
-- received sums that cannot be: more than there were, more in time than at all, later steps that more take; keys that are none
CREATE FUNCTION pg_temp.received(customers bigint, eligible bigint, reached bigint, second bigint, first bigint, wait text DEFAULT '000200000000003d', step text DEFAULT '0002000000000000') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN funnel(replace(encode(decode('5253029d0100000002000000000000000000000001000000000002ea470ae86000' || lpad(to_hex(customers), 16, '0') || lpad(to_hex(eligible), 16, '0') || lpad('3', 16, '0')
        || wait || lpad(to_hex(reached), 16, '0') || step || lpad(to_hex(second), 16, '0') || '0001000000000000' || lpad(to_hex(first), 16, '0'), 'hex'), 'base64'), E'\n', '')::retention_state);
EXCEPTION WHEN invalid_binary_representation OR data_corrupted OR program_limit_exceeded OR invalid_text_representation THEN RETURN SQLERRM;
END $$;
SELECT v.*, pg_temp.received(v.customers, v.eligible, v.reached, v.second, v.first)
FROM (VALUES (5, 3, 2, 3, 4), (4, 3, 3, 3, 4), (3, 3, 2, 3, 4), (5, 5, 2, 3, 4), (5, 3, 4, 5, 5), (5, 3, 2, 5, 4), (5, 3, 3, 2, 4), (5, 3, 0, 3, 4), (5, 3, 2, -1, 4), (0, 0, 1, 1, 1)) v(customers, eligible, reached, second, first);
SELECT v.*, pg_temp.received(5, 3, 2, 3, 4, wait, step)
FROM (VALUES ('0002000000000001', '0002000000000000'), ('0003000000000001', '0002000000000000'), ('0021000000000001', '0002000000000000'), ('000000000000003d', '0002000000000000'),
             ('8002000000000001', '0002000000000000'), ('000100000000003d', '0002000000000000'), ('00020fffffffffff', '0002000000000000')) v(wait, step);
