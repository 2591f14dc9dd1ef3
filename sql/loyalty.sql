-- loyalty: lots of points, balances, when a tier was reached, anniversaries
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
\set VERBOSITY terse

-- ---------------------------------------------------------------------------
-- points
-- ---------------------------------------------------------------------------
-- made up for the edges: 2 spends at the very end of a lot, 3 and 2 have debts, 4 earns and spends at one instant, and earns at as_of; 5 a lot
-- that is dead on arrival; 6 no points
CREATE TEMP TABLE points (customer_id bigint, at timestamptz, points numeric, expires_at timestamptz);
INSERT INTO points VALUES
    (1, '2026-01-01', 100, '2026-07-01'), (1, '2026-02-01', 50, '2026-03-01'), (1, '2026-02-15', -70, NULL), (1, '2026-03-10', 30, NULL), (1, '2026-03-20', -40, NULL),
    (2, '2026-01-01', 40, '2026-02-01'), (2, '2026-02-01', -10, NULL), (2, '2026-03-01', 25, '2026-04-01'), (3, '2026-01-10', -15, NULL), (3, '2026-01-20', 10, '2026-12-31'),
    (4, '2026-01-05', 20, '2026-06-30'), (4, '2026-01-05', 20, '2026-06-30'), (4, '2026-01-05', -5, NULL), (4, '2026-05-01', 99, NULL), (4, '2026-03-25', 1000, NULL),
    (5, '2026-01-01', 12.5, '2026-01-01'), (5, '2026-01-02', 7.25, '2026-03-31'), (6, '2026-02-01', 0, NULL);
SELECT customer_id, l.* FROM (SELECT customer_id, points_lots(at, points, expires_at, '2026-03-25') AS lots FROM points GROUP BY customer_id) p, unnest(lots) WITH ORDINALITY l ORDER BY customer_id, ordinality;
SELECT as_of, array_agg(balance ORDER BY customer_id) AS balances
FROM unnest('{2026-02-28 23:59:59, 2026-03-01 00:00:00, 2026-03-01 00:00:01, 2026-03-25, 2026-03-31, 2026-07-01}'::timestamptz[]) as_of,
    LATERAL (SELECT customer_id, points_balance(at, points, expires_at, as_of) AS balance FROM points GROUP BY customer_id) b GROUP BY as_of ORDER BY as_of;
-- soon to expire
SELECT customer_id, sum(remaining) FILTER (WHERE expires_at <= '2026-04-24') AS soon
FROM (SELECT customer_id, points_lots(at, points, expires_at, '2026-03-25') AS lots FROM points GROUP BY customer_id) p, unnest(lots) GROUP BY customer_id HAVING sum(remaining) FILTER (WHERE expires_at <= '2026-04-24') > 0 ORDER BY 1;

-- a hundred customers: many rows at one instant, equal lots, lots that never expire, debts
CREATE TEMP TABLE many AS
SELECT (n * 7919 % 101)::bigint AS customer_id, timestamptz '2026-01-01' + (n * 104729::bigint % 1000) * interval '6 hours' AS at,
       CASE WHEN n % 7 IN (2, 5) THEN -1.5 ELSE 1 END * ((n * 31 % 97) / 4.0) AS points,
       CASE WHEN n % 5 > 0 THEN timestamptz '2026-01-01' + (n * 104729::bigint % 1000) * interval '6 hours' + (n % 13 - 1) * interval '12 days' END AS expires_at
FROM generate_series(1, 4000) n;
-- by hand: a table of lots, and rows one after the other
CREATE FUNCTION pg_temp.lots_by_hand(customer bigint, until timestamptz) RETURNS TABLE (earned_at timestamptz, expires_at timestamptz, earned numeric, spent numeric, expired numeric, remaining numeric) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE r record; l record; owed numeric := 0; paid numeric;
BEGIN
    CREATE TEMP TABLE hand (id int GENERATED ALWAYS AS IDENTITY, earned_at timestamptz, expires_at timestamptz, earned numeric, spent numeric DEFAULT 0);
    FOR r IN SELECT at, -coalesce(sum(points) FILTER (WHERE points < 0), 0) AS taken FROM many WHERE customer_id = customer AND at < until GROUP BY at ORDER BY at LOOP
        INSERT INTO hand (earned_at, expires_at, earned) SELECT at, m.expires_at, points FROM many m WHERE customer_id = customer AND at = r.at AND points > 0;
        owed := owed + r.taken;
        FOR l IN SELECT * FROM hand h WHERE (h.expires_at > r.at OR h.expires_at IS NULL) AND h.spent < h.earned ORDER BY h.expires_at NULLS LAST, h.earned_at, h.earned LOOP
            paid := least(owed, l.earned - l.spent);
            UPDATE hand SET spent = spent + paid WHERE id = l.id;
            owed := owed - paid;
        END LOOP;
    END LOOP;
    RETURN QUERY SELECT h.earned_at, h.expires_at, h.earned, h.spent, CASE WHEN h.expires_at <= until THEN h.earned - h.spent ELSE 0 END, CASE WHEN h.expires_at <= until THEN 0 ELSE h.earned - h.spent END FROM hand h;
    IF owed > 0 THEN RETURN QUERY SELECT NULL::timestamptz, NULL::timestamptz, 0.0, 0.0, 0.0, -owed; END IF;
    DROP TABLE hand;
END $$;
CREATE TEMP TABLE ours AS
SELECT as_of, customer_id, l.* FROM unnest('{2026-03-01, 2026-05-05 06:00, 2026-10-01}'::timestamptz[]) as_of,
    LATERAL (SELECT customer_id, points_lots(at, points, expires_at, as_of) AS lots FROM many GROUP BY customer_id) p, unnest(lots) WITH ORDINALITY l(earned_at, expires_at, earned, spent, expired, remaining, n);
CREATE TEMP TABLE hand_lots AS SELECT as_of, customer_id, h.* FROM (SELECT DISTINCT as_of, customer_id FROM ours) c, pg_temp.lots_by_hand(customer_id, as_of) h;
(SELECT as_of, customer_id, earned_at, expires_at, earned, spent, expired, remaining FROM ours EXCEPT ALL SELECT as_of, customer_id, earned_at, expires_at, earned, spent, expired, remaining FROM hand_lots)
UNION ALL (SELECT as_of, customer_id, earned_at, expires_at, earned, spent, expired, remaining FROM hand_lots EXCEPT ALL SELECT as_of, customer_id, earned_at, expires_at, earned, spent, expired, remaining FROM ours);
SELECT count(*) > 3000 AS lots, count(*) FILTER (WHERE earned_at IS NULL) > 20 AS debts, count(*) FILTER (WHERE expired > 0) > 500 AS expired, count(*) FILTER (WHERE spent > 0 AND remaining > 0) > 20 AS parts FROM ours;
-- what was earned is somewhere; the rows are in order, and no lot but a debt is below zero
SELECT * FROM ours WHERE earned <> spent + expired + remaining AND earned_at IS NOT NULL OR remaining < 0 AND earned_at IS NOT NULL OR least(spent, expired) < 0;
SELECT * FROM (SELECT *, lag((earned_at, coalesce(expires_at, 'infinity'), earned)) OVER (PARTITION BY as_of, customer_id ORDER BY n) > (earned_at, coalesce(expires_at, 'infinity'), earned) AS wrong FROM ours) o WHERE wrong;
-- balance + expired = all points; the balance later, without new rows, is less by what expires
SELECT * FROM (SELECT as_of, customer_id, sum(remaining) AS balance, sum(expired) AS expired FROM ours GROUP BY 1, 2) o
WHERE balance + expired <> (SELECT sum(points) FROM many m WHERE m.customer_id = o.customer_id AND at < as_of) OR balance <> (SELECT points_balance(at, points, expires_at, as_of) FROM many m WHERE m.customer_id = o.customer_id);
SELECT customer_id FROM (SELECT customer_id, points_balance(at, points, expires_at, '2026-05-01') AS now, points_balance(at, points, expires_at, '2026-05-20') AS later, points_lots(at, points, expires_at, '2026-05-01') AS lots FROM many WHERE at < '2026-05-01' GROUP BY 1) b
WHERE later <> now - coalesce((SELECT sum(remaining) FROM unnest(lots) WHERE expires_at <= '2026-05-20'), 0);
-- expired lots never change as as_of moves on
SELECT a.customer_id FROM (SELECT as_of, customer_id, earned_at, expires_at, array_agg((earned, spent, expired) ORDER BY earned, spent) AS lots FROM ours GROUP BY 1, 2, 3, 4) a
JOIN (SELECT as_of, customer_id, earned_at, expires_at, array_agg((earned, spent, expired) ORDER BY earned, spent) AS lots FROM ours GROUP BY 1, 2, 3, 4) b USING (customer_id, earned_at, expires_at)
WHERE a.as_of < b.as_of AND a.expires_at <= a.as_of AND a.lots <> b.lots;
-- in any order, from parts, stored: the same
SELECT customer_id FROM (SELECT customer_id, points_lots(at, points, expires_at, '2026-05-01') AS a, points_lots(at, points, expires_at, '2026-05-01' ORDER BY md5(points::text || at)) AS b FROM many GROUP BY 1) x
JOIN (SELECT customer_id, points_lots(rollup(s)) AS c, rollup(s)::text AS t FROM (SELECT customer_id, points_lots_state(at, points, expires_at, '2026-05-01')::text::retention_state AS s FROM many GROUP BY customer_id, at) p GROUP BY 1) y USING (customer_id)
JOIN (SELECT customer_id, points_balance_state(at, points, expires_at, '2026-05-01')::text AS u, points_balance(points_lots_state(at, points, expires_at, '2026-05-01')) AS d, points_balance(at, points, expires_at, '2026-05-01') AS e FROM many GROUP BY 1) z USING (customer_id)
WHERE a::text <> b::text OR a::text <> c::text OR t <> u OR d <> e;
-- sums of any size; running; none
SELECT points_balance(timestamptz '2026-01-01' + n * interval '1 day', p, NULL, '2027-01-01') FROM unnest('{1e40, 0.000000000000000000000000000000000001, -1e39, -0.5}'::numeric[]) WITH ORDINALITY u(p, n);
SELECT at, points, points_balance(at, points, expires_at, '2026-06-30') OVER (ORDER BY at) AS running FROM points WHERE customer_id = 1 ORDER BY at;
SELECT points_lots(at, points, expires_at, '2026-07-01') IS NULL AS none, points_balance(at, points, expires_at, '2026-07-01') IS NULL AS none FROM points WHERE customer_id = 6;
SELECT points_lots(at, points, expires_at, '2026-07-01') IS NULL AS none, points_balance_state(at, points, expires_at, '2026-07-01') IS NULL AS no_state FROM points WHERE false;
SELECT points_balance(NULL, 5, NULL, '2026-07-01') IS NULL AS none, points_balance('2026-01-01', NULL, NULL, '2026-07-01') IS NULL AS none;
SELECT points_balance('2026-01-01', 5, NULL, as_of) AS at_as_of FROM unnest('{2026-01-01 00:00:00, 2026-01-01 00:00:00.000001}'::timestamptz[]) as_of GROUP BY as_of ORDER BY as_of;
SELECT points_balance('2026-01-01', 0, NULL, '2026-07-01') IS NULL AS no_points, points_balance(at, p, NULL, '2026-07-01') AS all_spent FROM (VALUES (timestamptz '2026-01-01', 5), ('2026-01-02', -5)) v(at, p);
SELECT max(pg_column_size(s)) <= 200 AS small FROM (SELECT points_lots_state(at, points, expires_at, '2026-05-01') AS s FROM many GROUP BY ctid) x;
-- an expiry counts for what was earned alone
SELECT points_balance('2026-01-01', -5, 'infinity', '2026-07-01');
SELECT points_balance('2026-01-01', 5, 'infinity', '2026-07-01');
SELECT points_balance('infinity', 5, NULL, '2026-07-01');
SELECT points_balance('2026-01-01', 'NaN', NULL, '2026-07-01');
SELECT points_balance('2026-01-01', 5, NULL, NULL);
SELECT points_balance(at, points, expires_at, at) FROM points;
SELECT points_lots(nps_state(1));

-- ---------------------------------------------------------------------------
-- reached_at
-- ---------------------------------------------------------------------------
-- made up for the edges: refunds, a zero, an unknown amount, two rows of one instant, an order at as_of
CREATE TEMP TABLE small (order_id bigint, customer_id bigint, ordered_at timestamptz, amount numeric);
INSERT INTO small VALUES
    (1, 1, '2025-12-30 10:00:00+00', 50.00), (2, 1, '2026-01-29 10:00:00+00', 60.00), (3, 1, '2026-02-28 10:00:00+00', 40.00),
    (4, 1, '2026-03-30 10:00:00+00', NULL), (5, 1, '2026-01-31 10:00:00+00', -10.00), (6, 2, '2026-01-05 00:00:00+00', 20.00),
    (7, 2, '2026-01-05 00:00:00+00', 30.00), (8, 2, '2026-01-06 12:00:00+00', -20.00), (9, 3, '2026-01-31 23:30:00+00', 80.00),
    (10, 3, '2026-03-02 11:30:00+00', 90.00), (11, 4, '2026-02-10 09:00:00+00', 0.00), (12, 4, '2026-02-15 09:00:00+00', 25.00),
    (13, 5, '2026-03-15 09:00:00+00', -15.00), (16, 7, '2026-01-10 00:00:00+00', 10.00), (17, 7, '2026-01-20 00:00:00+00', 10.00),
    (18, 7, '2026-02-03 00:00:00+00', 10.00), (19, 7, '2026-02-09 00:00:00+00', 10.00), (20, 1, '2026-04-15 00:00:00+00', 70.00);
SELECT customer_id, reached_at(ordered_at, amount, 100, '2026-04-15') AS hundred, reached_at(ordered_at, amount, 50, '2026-04-15') AS fifty, reached_at(ordered_at, amount, 20, '2026-04-15') AS twenty,
       reached_at(ordered_at, 1, 3, '2026-04-15') FILTER (WHERE amount > 0 IS NOT FALSE) AS third_order FROM small GROUP BY customer_id ORDER BY customer_id;
-- by hand, for a thousand rows of forty customers
CREATE TEMP TABLE spends AS
SELECT (n * 7919 % 41)::bigint AS customer_id, timestamptz '2026-01-01' + (n * 104729::bigint % 300) * interval '1 day' AS at, round(CASE WHEN n % 9 = 4 THEN -12 ELSE 1 END * (n * 31 % 97) / 3.0, n % 4) AS amount FROM generate_series(1, 1200) n;
SELECT customer_id, threshold, ours, hand FROM unnest('{0.01, 50, 100.5, 400, 1000000}'::numeric[]) threshold,
    LATERAL (SELECT customer_id, reached_at(at, amount, threshold, '2026-08-01') AS ours, (reached_at(rollup(s))) AS parts
             FROM (SELECT *, reached_at_state(at, amount, threshold, '2026-08-01') OVER (PARTITION BY ctid) AS s FROM spends) x GROUP BY customer_id) o
    JOIN LATERAL (SELECT c.customer_id, min(at) FILTER (WHERE sum >= threshold) AS hand
                  FROM (SELECT DISTINCT customer_id FROM spends) c LEFT JOIN (SELECT customer_id, at, sum(sum(amount)) OVER (PARTITION BY customer_id ORDER BY at) AS sum FROM spends WHERE at < '2026-08-01' GROUP BY customer_id, at) r USING (customer_id) GROUP BY 1) h USING (customer_id)
WHERE ours IS DISTINCT FROM hand OR parts IS DISTINCT FROM hand;
-- in any order, from parts, stored: the same bytes; 100 and 100.00 are one threshold
SELECT reached_at(at, amount, 100, '2026-08-01') IS NULL AS none, reached_at_state(at, amount, 100, '2026-08-01') IS NULL AS no_state FROM spends WHERE false;
SELECT (SELECT reached_at_state(at, amount, 100, '2026-08-01' ORDER BY md5(at || '#' || amount))::text FROM spends)
     = (SELECT rollup(s)::text FROM (SELECT reached_at_state(at, amount, 100.00, '2026-08-01')::text::retention_state AS s FROM spends GROUP BY customer_id) p) AS same_bytes;
SELECT reached_at(at, amount, CASE WHEN customer_id < 20 THEN 100 ELSE 100.000 END, '2026-08-01') IS NOT NULL AS same FROM spends;
-- the last rows before as_of, and at it
SELECT as_of, reached_at('2026-01-01', 10, 10, as_of) FROM unnest('{2026-01-01 00:00:00, 2026-01-01 00:00:00.000001}'::timestamptz[]) as_of GROUP BY as_of ORDER BY as_of;
SELECT reached_at(timestamptz '2026-01-01' + n * interval '1 day', a, 1e30, '2027-01-01') FROM unnest('{1e40, -1e40, 999999999999999999999999999999.999999999, 0.000000001}'::numeric[]) WITH ORDINALITY u(a, n);
SELECT reached_at(timestamptz '2026-01-01' + n * interval '1 day', a, 1e30, '2027-01-01') FROM unnest('{1e29, -1e40, 999999999999999999999999999999.999999999, 1e40}'::numeric[]) WITH ORDINALITY u(a, n);
SELECT reached_at(NULL, 10, 10, '2026-08-01') IS NULL AS none, reached_at('2026-01-01', NULL, 10, '2026-08-01') IS NULL AS none;
SELECT max(pg_column_size(s)) <= 200 AS small FROM (SELECT reached_at_state(at, amount, 100, '2026-08-01') AS s FROM spends GROUP BY ctid) x;
SELECT reached_at('2026-01-01', 10, 0, '2026-08-01');
SELECT reached_at('2026-01-01', 10, -5.50, '2026-08-01');
SELECT reached_at('2026-01-01', 10, 'NaN', '2026-08-01');
SELECT reached_at('2026-01-01', 10, 1e40, '2026-08-01');
SELECT reached_at('2026-01-01', 10, NULL, '2026-08-01');
SELECT reached_at(at, amount, amount, '2026-08-01') FROM spends WHERE amount > 1;
SELECT reached_at('-infinity', 10, 10, '2026-08-01');
SELECT reached_at('2026-01-01', 'Infinity', 10, '2026-08-01');
SELECT reached_at(rollup(s)) FROM (SELECT reached_at_state(at, amount, 1 + customer_id % 2, '2026-08-01') AS s FROM spends GROUP BY customer_id) p;
SELECT reached_at(nps_state(1));

-- ---------------------------------------------------------------------------
-- next_anniversary
-- ---------------------------------------------------------------------------
SELECT day, as_of, next_anniversary(day, as_of) FROM (VALUES (date '1990-03-10', date '2026-03-10'), ('1990-03-10', '2026-03-11'), ('2000-02-29', '2026-01-15'), ('2000-02-29', '2026-03-01'),
    ('2000-02-29', '2027-12-31'), ('2030-05-01', '2026-03-10'), ('2026-03-10', '2026-03-10'), (NULL, '2026-03-10'), ('0044-03-15 BC', '2026-01-01'), ('1896-02-29', '1900-02-28')) v(day, as_of);
-- by hand: the first of day + n years
SELECT day, as_of FROM generate_series(date '2019-12-25', date '2021-03-05', '1 day') d, generate_series(date '2019-11-01', date '2029-03-05', '37 days') a,
    LATERAL (SELECT d::date AS day, a::date AS as_of) x
WHERE next_anniversary(day, as_of) <> (SELECT min(y)::date FROM (SELECT day + n * interval '1 year' AS y FROM generate_series(1, 12) n) s WHERE y >= as_of);
SELECT next_anniversary('infinity', '2026-01-01');
SELECT next_anniversary('2026-01-01', '-infinity');
SELECT next_anniversary('5874897-12-31', '2026-01-01');
