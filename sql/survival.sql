-- Survival: the type, its aggregates, Kaplan-Meier, log-rank
SET TimeZone = 'UTC';
SET extra_float_digits = 0;

-- weeks of remission, 6-MP against placebo: Freireich et al. 1963, in Gehan 1965; negative: censored
CREATE TEMP TABLE remission AS
SELECT 'placebo' AS arm, x AS weeks FROM unnest('{1,1,2,2,3,4,4,5,5,8,8,8,8,11,11,12,12,15,17,22,23}'::int[]) x
UNION ALL
SELECT '6-mp', x FROM unnest('{6,6,6,-6,7,-9,10,-10,-11,13,16,-17,-19,-20,22,23,-25,-32,-32,-34,-35}'::int[]) x;
CREATE TEMP TABLE arms AS SELECT arm, survival(abs(weeks), weeks > 0) AS s FROM remission GROUP BY arm;

-- as printed in the textbooks
SELECT day, at_risk, events, censored, round(survival::numeric, 3) AS survival, round(std_error::numeric, 4) AS std_error
FROM arms, survival_curve(s) WHERE arm = '6-mp' AND events > 0;
SELECT arm, survival_quantile(s, 0.5) AS median, round(survival_at(s, 10)::numeric, 4) AS at_10, round(survival_mean(s, 35)::numeric, 3) AS mean_35,
       inactivity_threshold(s) AS threshold
FROM arms ORDER BY arm;
SELECT round(chi_square::numeric, 2) AS chi_square, df, round(p_value::numeric, 7) AS p_value FROM logrank(ARRAY(SELECT s FROM arms));
-- acute myelogenous leukaemia (Miller 1981; aml in R): intervals, medians 31 and 23, chi-square 3.4
CREATE TEMP TABLE aml AS
SELECT 'maintained' AS arm, survival(abs(x), x > 0) AS s FROM unnest('{9,13,-13,18,23,-28,31,34,-45,48,-161}'::int[]) x
UNION ALL
SELECT 'nonmaintained', survival(abs(x), x > 0) FROM unnest('{5,5,8,8,12,-16,23,27,30,33,43,45}'::int[]) x;
SELECT day, round(survival::numeric, 3) AS survival, round(std_error::numeric, 4) AS std_error, round(ci_low::numeric, 4) AS ci_low, round(ci_high::numeric, 4) AS ci_high
FROM aml, survival_curve(s) WHERE arm = 'maintained' AND events > 0;
SELECT arm, survival_quantile(s, 0.5) FROM aml ORDER BY arm;
SELECT round(chi_square::numeric, 1) AS chi_square, df, round(p_value::numeric, 4) AS p_value FROM logrank(ARRAY(SELECT s FROM aml));

-- ---------------------------------------------------------------------------
-- oracles
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE waits AS
SELECT i, country, d AS days, o AS observed
FROM (SELECT i, (ARRAY['FR', 'DE', 'IT', 'ES'])[1 + i % 4] AS country,
             floor(noise(i, 41) * 60 + (i % 4) * noise(i, 42) * 20) / (1 + i % 3) AS d, noise(i, 43) < 0.6 AS o
      FROM generate_series(1, 4000) i) x;
-- a row is a person; here per country and time, with all four countries as 'all'
CREATE TEMP VIEW counted AS
SELECT coalesce(country, 'all') AS country, days, count(*) FILTER (WHERE observed) AS d, count(*) FILTER (WHERE NOT observed) AS c
FROM waits GROUP BY GROUPING SETS ((country, days), (days));
-- Kaplan-Meier in numeric, Greenwood's sum, and the interval
CREATE TEMP TABLE expected AS
SELECT country, days, n::bigint, d, c, CASE WHEN last THEN 0 ELSE exp(sum(CASE WHEN last THEN 0 ELSE ln(1 - d / n) END) OVER w) END AS s,
       sum(CASE WHEN last THEN 0 ELSE d / (n * (n - d)) END) OVER w AS greenwood
FROM (SELECT *, d = n AS last FROM (SELECT country, days, d, c, sum(d + c) OVER (PARTITION BY country ORDER BY days DESC)::numeric(30, 25) AS n FROM counted) x) y
WINDOW w AS (PARTITION BY country ORDER BY days);
SELECT count(*) > 500 AS many, count(DISTINCT country) FROM expected;
CREATE TEMP TABLE countries AS
SELECT coalesce(country, 'all') AS country, survival(days, observed) AS s FROM waits GROUP BY ROLLUP (country);
SELECT coalesce(ours.country, e.country) AS country, day, days, at_risk, n, events, d, censored, c, survival, s, std_error, sqrt(greenwood) * s
FROM (SELECT country, c.* FROM countries, survival_curve(s, 0.9) c) ours
     FULL JOIN expected e ON e.country = ours.country AND e.days = ours.day
WHERE (at_risk, events, censored) IS DISTINCT FROM (n, d, c)
   OR abs(survival - s::float8) > 1e-13 OR abs(std_error - (sqrt(greenwood) * s)::float8) > 1e-13
   OR s > 0 AND s < 1 AND (abs(ci_low - power(s, exp(1.6448536269514722 * sqrt(greenwood) / -ln(s)))::float8) < 1e-12) IS NOT TRUE
   OR s > 0 AND s < 1 AND (abs(ci_high - power(s, exp(-1.6448536269514722 * sqrt(greenwood) / -ln(s)))::float8) < 1e-12) IS NOT TRUE
   OR (s = 0) <> (std_error IS NULL) OR (s IN (0, 1)) <> (ci_low IS NULL) OR (s IN (0, 1)) <> (ci_high IS NULL);
-- S of any day, also before the first and after the last
SELECT * FROM
    (SELECT country, day, survival_at(s, day) AS ours,
            coalesce((SELECT e.s FROM expected e WHERE e.country = c.country AND e.days <= day ORDER BY e.days DESC LIMIT 1), 1)::float8 AS theirs
     FROM countries c, LATERAL (SELECT x::float8 / 4 FROM generate_series(0, 500) x) y(day)) z
WHERE (abs(ours - theirs) < 1e-13) IS NOT TRUE;
-- the smallest time with S at or below 1 - p
SELECT * FROM
    (SELECT country, p, survival_quantile(s, p) AS ours,
            (SELECT min(e.days) FROM expected e WHERE e.country = c.country AND e.s <= 1 - p) AS theirs
     FROM countries c, LATERAL (SELECT x / 100.0 + 0.000123 FROM generate_series(0, 99) x) y(p)) z
WHERE ours IS DISTINCT FROM theirs;
SELECT * FROM
    (SELECT country, share, inactivity_threshold(s, share) AS ours,
            (SELECT min(e.days) FROM expected e WHERE e.country = c.country AND 1 - e.s >= share * (SELECT max(1 - l.s) FROM expected l WHERE l.country = c.country)) AS theirs
     FROM countries c, LATERAL (SELECT x / 100.0 + 0.000123 FROM generate_series(0, 99) x) y(share)) z
WHERE ours IS DISTINCT FROM theirs;
-- the area under S
SELECT * FROM
    (SELECT country, horizon, survival_mean(s, horizon) AS ours,
            (SELECT sum((least(until, horizon) - since) * level) FROM
                 (SELECT 0 AS since, coalesce(min(days), 1e9) AS until, 1 AS level FROM expected e WHERE e.country = c.country
                  UNION ALL SELECT days, coalesce(lead(days) OVER (ORDER BY days), 1e9), e.s FROM expected e WHERE e.country = c.country) steps
             WHERE since < horizon) AS theirs
     FROM countries c, (VALUES (0.5::float8), (1), (7.25), (30), (59), (200)) h(horizon)) z
WHERE (abs(ours - theirs) < 1e-10) IS NOT TRUE;
-- log-rank of two groups, written down: (O - E)^2 / V
CREATE FUNCTION pg_temp.logrank_of_two(a text, b text) RETURNS float8 LANGUAGE sql AS $$
    SELECT (power(sum(d1) - sum(d * n1 / n), 2) / sum(CASE WHEN n > 1 THEN d * (n - d) / (n - 1) * (n1 / n) * (1 - n1 / n) ELSE 0 END))::float8
    FROM (SELECT days, sum(events) FILTER (WHERE country = a)::numeric(30, 15) d1, sum(events)::numeric(30, 15) d,
                 (SELECT count(*) FROM waits w WHERE w.days >= x.days AND country = a)::numeric(30, 15) n1,
                 (SELECT count(*) FROM waits w WHERE w.days >= x.days AND country IN (a, b))::numeric(30, 15) n
          FROM (SELECT country, days, d AS events FROM counted WHERE country IN (a, b)) x GROUP BY days HAVING sum(events) > 0) y
$$;
SELECT a.country, b.country, l.*, pg_temp.logrank_of_two(a.country, b.country)
FROM countries a JOIN countries b ON a.country < b.country AND 'all' NOT IN (a.country, b.country), logrank(ARRAY[a.s, b.s]) l
WHERE (abs(chi_square / pg_temp.logrank_of_two(a.country, b.country) - 1) < 1e-11 AND df = 1) IS NOT TRUE;
-- the order of the groups does not matter, nor groups that say nothing
SELECT count(DISTINCT round(chi_square::numeric, 9)), count(DISTINCT round(p_value::numeric, 12)), min(df), max(df)
FROM (SELECT array_agg(s ORDER BY country) a FROM countries WHERE country <> 'all' UNION ALL
      SELECT array_agg(s ORDER BY country DESC) FROM countries WHERE country <> 'all' UNION ALL
      SELECT NULL::survival || array_agg(s ORDER BY s::text) || NULL::survival FROM countries WHERE country <> 'all') x, logrank(a);
-- random halves of one group do not differ
SELECT p_value > 0.1 AS alike FROM logrank(ARRAY(SELECT survival(days, observed) FROM waits WHERE country = 'FR' GROUP BY i / 4 % 2));

-- ---------------------------------------------------------------------------
-- ties, flats, ends
-- ---------------------------------------------------------------------------
-- the event comes before the censoring at the same time: at risk 3, not 2
SELECT c.* FROM (SELECT survival(d, o) s FROM (VALUES (5, true), (5, false), (9, false)) v(d, o)) x, survival_curve(s) c;
-- one row
SELECT c.* FROM (SELECT survival(5, true) s) x, survival_curve(s) c;
SELECT c.* FROM (SELECT survival(5, false) s) x, survival_curve(s) c;
SELECT survival_at(s, 4.99), survival_at(s, 5), survival_at(s, 6), survival_quantile(s, 0), survival_quantile(s, 1), survival_mean(s, 0), survival_mean(s, 4), survival_mean(s, 10), inactivity_threshold(s) FROM (SELECT survival(5, true) s) x;
-- all censored: nothing is ever reached
SELECT survival_at(s, 4), survival_at(s, 99), survival_quantile(s, 0), survival_quantile(s, 1e-300), survival_quantile(s, 0.01), survival_quantile(s, 1), survival_mean(s, 30), inactivity_threshold(s) FROM (SELECT survival(d, false) s FROM generate_series(1, 3) d) x;
SELECT l.* FROM (SELECT survival(d, false) s FROM generate_series(1, 3) d) x, logrank(ARRAY[s, s]) l;
-- a flat step at just the level: its midpoint; after the last event, the midpoint to the last time
SELECT survival_quantile(s, 0.25), survival_quantile(s, 0.5), survival_quantile(s, 0.5000001), survival_quantile(s, 1) FROM (SELECT survival(d, true) s FROM (VALUES (1), (2), (4), (8)) v(d)) x;
SELECT survival_quantile(s, 0.5), survival_quantile(s, 0.51) FROM (SELECT survival(d, o) s FROM (VALUES (1, true), (2, true), (10, false), (12, false)) v(d, o)) x;
-- where products of quotients are not quite the level: ten steps of 0.1
SELECT array_agg(survival_quantile(s, p / 10.0) ORDER BY p) FROM (SELECT survival(d, true) s FROM generate_series(1, 10) d) x, generate_series(1, 10) p;
SELECT array_agg(inactivity_threshold(s, p / 10.0) ORDER BY p) FROM (SELECT survival(d, d <= 10) s FROM generate_series(1, 40) d) x, generate_series(1, 10) p;
-- heavy censoring: the last event of one at risk takes the curve to 0
SELECT c.* FROM (SELECT survival(d, d = 100) s FROM generate_series(1, 100) d) x, survival_curve(s) c WHERE day > 98;
-- fractions of days, the smallest and the largest, and zeros of both signs
SELECT day, at_risk, events, censored, survival FROM (SELECT survival(d, true) s FROM unnest('{-0.0, 0, 5e-324, 0.1, 0.1, 1.7976931348623157e308}'::float8[]) d) x, survival_curve(s) c;
-- all at once: nothing to compare with
SELECT l.* FROM (SELECT survival(3, true) s FROM generate_series(1, 3)) x, logrank(ARRAY[s, s]) l;
SELECT l.* FROM arms, logrank(ARRAY[s]) l WHERE arm = '6-mp';
SELECT l.* FROM logrank('{}') l;
SELECT l.* FROM logrank(NULL) l;
-- a group whose members all left before the first event is not compared
SELECT df FROM (SELECT array_agg(s) || ARRAY[(SELECT survival(0.5, false))] a FROM arms) x, logrank(a);
-- several dimensions are groups all the same
SELECT df FROM (SELECT ARRAY[array_agg(s), array_agg(s)] a FROM arms) x, logrank(a);
SELECT df FROM (SELECT array_agg(s) a FROM (SELECT survival(i % 7, true) s FROM generate_series(1, 10010) i GROUP BY i % 1001) y) x, logrank(a);
SELECT df, p_value > 0.99 AS alike FROM (SELECT array_agg(s) a FROM (SELECT survival(i % 7, true) s FROM generate_series(1, 7000) i GROUP BY i / 7 % 1000) y) x, logrank(a);

-- ---------------------------------------------------------------------------
-- the grid
-- ---------------------------------------------------------------------------
SELECT survival(days, observed) FROM waits WHERE false;
SELECT survival(NULL, true), survival(5, NULL), survival(NULL, NULL) FROM generate_series(1, 3);
-- a row with a NULL is no row
SELECT survival(d, o)::text = survival(d, o) FILTER (WHERE d + 0 IS NOT NULL AND o IS NOT NULL)::text AS equal FROM (VALUES (NULL, true), (3, true), (4, NULL), (5, false)) v(d, o);
SELECT survival(days, observed) FILTER (WHERE country = 'nowhere') FROM waits;
SELECT survival_mean(survival(DISTINCT days, observed), 1000) <> survival_mean(survival(days, observed), 1000) AS distinct,
       survival(days, observed ORDER BY i DESC)::text = survival(days, observed)::text AS ordered,
       survival(days, observed ORDER BY i DESC)::text = survival(days, observed ORDER BY days)::text AS again FROM waits;
SELECT survival_quantile(survival(days, observed), 0.5), survival_quantile(survival(days, true), 0.5), survival_quantile(survival(days, false), 0.5) FROM waits;
SELECT count(*), sum(events) + sum(censored) AS rows FROM (SELECT survival(days, observed) s FROM waits GROUP BY i) x, survival_curve(s);
SELECT i, survival_quantile(survival(days, observed) OVER w, 0.5), survival_mean(survival(days, observed) OVER (ORDER BY i ROWS 2 PRECEDING), 20) FROM waits WHERE i <= 5 WINDOW w AS (ORDER BY i);
-- a running aggregate is read many times, and not changed by that
SELECT * FROM (SELECT i, survival_at(survival(days, true) OVER (ORDER BY i), 10) a, avg((days > 10)::int) OVER (ORDER BY i) b FROM waits) x WHERE abs(a - b) > 1e-12;
-- NULL options and arguments
SELECT * FROM survival_curve(NULL);
SELECT * FROM survival_curve(NULL, NULL);
SELECT survival_at(NULL, 1), survival_quantile(NULL, 0.5), survival_mean(NULL, 5), inactivity_threshold(NULL), logrank(NULL);
SELECT survival_at(s, NULL), survival_quantile(s, NULL), survival_mean(s, NULL), inactivity_threshold(s, NULL) FROM arms;
-- bad arguments
SELECT survival(-1, true);
SELECT survival('NaN', true);
SELECT survival('Infinity', true);
SELECT survival('-Infinity', true);
SELECT count(*) FROM arms, survival_curve(s, 0);
SELECT count(*) FROM arms, survival_curve(s, 1);
SELECT count(*) FROM arms, survival_curve(s, 95);
SELECT count(*) FROM arms, survival_curve(s, 'NaN');
SELECT survival_at(s, -1) FROM arms;
SELECT survival_at(s, 'Infinity') FROM arms;
SELECT survival_quantile(s, -0.1) FROM arms;
SELECT survival_quantile(s, 50) FROM arms;
SELECT survival_quantile(s, 'NaN') FROM arms;
SELECT survival_mean(s, -1) FROM arms;
SELECT survival_mean(s, 'Infinity') FROM arms;
SELECT inactivity_threshold(s, 80) FROM arms;
SELECT survival_transfn(NULL, 1, true);
SELECT survival_transfn(NULL, 1, NULL);
SELECT survival_combine(s, NULL) FROM (SELECT survival(1, true) AS s) q;
-- merge: what rollup makes of two
SELECT merge(a, b)::text = (SELECT rollup(s)::text FROM (VALUES (a), (b)) v(s)) AS same, merge(a, b)::text = merge(b, a)::text AS either_way, merge(a, NULL) IS NULL AS none
FROM (SELECT survival(days, days % 3 = 0) FILTER (WHERE days < 2500) AS a, survival(days / 2.0, days % 2 = 0) AS b FROM generate_series(1, 5000) days) q;
SELECT survival_transfn(NULL, NULL, NULL);
SELECT survival_combine(s, s) FROM arms;

-- ---------------------------------------------------------------------------
-- rollup, text and binary form
-- ---------------------------------------------------------------------------
SELECT rollup(p)::text = (SELECT s::text FROM countries WHERE country = 'all') AS equal FROM (SELECT survival(days, observed) p FROM waits GROUP BY i % 17) x;
SELECT rollup(p)::text = (SELECT s::text FROM countries WHERE country = 'all') AS equal FROM (SELECT survival(days, observed) p FROM waits GROUP BY i) x;
SELECT rollup(s)::text = (SELECT s::text FROM countries WHERE country = 'all') AS equal FROM countries WHERE country <> 'all';
SELECT rollup(NULL::survival), rollup(s) FILTER (WHERE false) IS NULL AS none FROM arms;
SELECT bool_and(s::text::survival::text = s::text) AS equal FROM countries;
CREATE FUNCTION pg_temp.survival_from_hex(hex text) RETURNS survival LANGUAGE sql
RETURN replace(encode(decode(replace(hex, ' ', ''), 'hex'), 'base64'), E'\n', '')::survival;
SELECT bool_and(pg_temp.survival_from_hex(encode(survival_send(s), 'hex'))::text = s::text) AS equal FROM countries;
-- small: 24 bytes a time
SELECT country, pg_column_size(s::text::survival) - 24 * (SELECT count(*) FROM survival_curve(s)) FROM countries WHERE country = 'all';
-- two times, intact; no time at all
SELECT c.* FROM survival_curve(pg_temp.survival_from_hex('5253 02 0e 01  0000000000000002  3ff0000000000000 0000000000000001 0000000000000000  4000000000000000 0000000000000000 0000000000000002')) c;
SELECT c.* FROM pg_temp.survival_from_hex('5253 02 0e 01  0000000000000000') s, survival_curve(s) c;
SELECT survival_at(s, 1), survival_quantile(s, 0), survival_mean(s, 1), inactivity_threshold(s) FROM pg_temp.survival_from_hex('5253 02 0e 01  0000000000000000') s;
SELECT survival_mean(rollup(s), 35) = (SELECT survival_mean(s, 35) FROM arms WHERE arm = '6-mp') AS equal FROM (SELECT s FROM arms WHERE arm = '6-mp' UNION ALL SELECT pg_temp.survival_from_hex('5253 02 0e 01  0000000000000000')) x;
-- the time is -1, -0, NaN, infinity; twice the same; no count, a negative one
SELECT pg_temp.survival_from_hex('5253 02 0e 01  0000000000000001  bff0000000000000 0000000000000001 0000000000000000');
SELECT pg_temp.survival_from_hex('5253 02 0e 01  0000000000000001  8000000000000000 0000000000000001 0000000000000000');
SELECT pg_temp.survival_from_hex('5253 02 0e 01  0000000000000001  7ff8000000000000 0000000000000001 0000000000000000');
SELECT pg_temp.survival_from_hex('5253 02 0e 01  0000000000000001  7ff0000000000000 0000000000000001 0000000000000000');
SELECT pg_temp.survival_from_hex('5253 02 0e 01  0000000000000002  3ff0000000000000 0000000000000001 0000000000000000  3ff0000000000000 0000000000000000 0000000000000002');
SELECT pg_temp.survival_from_hex('5253 02 0e 01  0000000000000001  3ff0000000000000 0000000000000000 0000000000000000');
SELECT pg_temp.survival_from_hex('5253 02 0e 01  0000000000000001  3ff0000000000000 ffffffffffffffff 0000000000000002');
-- cut short, too long, customers of type text, another format, not one at all
SELECT pg_temp.survival_from_hex('5253 02 0e 01  0000000000000001  3ff0000000000000 0000000000000001 00000000');
SELECT pg_temp.survival_from_hex('5253 02 0e 01  0000000000000000  00');
SELECT pg_temp.survival_from_hex('5253 02 0e 02  0000000000000000');
SELECT pg_temp.survival_from_hex('5253 02 0e 01  0000000000000000');
SELECT 'hello'::survival;
SELECT ''::survival;
-- neither type takes the other's values
SELECT repeat_rate_state(i)::text::survival FROM generate_series(1, 3) i;
SELECT survival(i, true)::text::retention_state FROM generate_series(1, 3) i;
-- counts beyond all numbers
CREATE TEMP TABLE huge AS SELECT pg_temp.survival_from_hex('5253 02 0e 01  0000000000000002  3ff0000000000000 3fffffffffffffff 0000000000000000  4000000000000000 0000000000000000 4000000000000000') s;
SELECT day, at_risk, events, censored, survival FROM huge, survival_curve(s);
SELECT chi_square IS NOT NULL AS possible FROM huge, logrank(ARRAY[s, s, (SELECT survival(1, true))]);
SELECT survival_at(rollup(s), 1) FROM huge, generate_series(1, 2);
SELECT rollup(s) FROM huge, generate_series(1, 3);

-- ---------------------------------------------------------------------------
-- repeat_survival
-- ---------------------------------------------------------------------------
-- by hand: A after 2 whole days, B on the same instant, C not yet in 31.5 days, D after as_of,
-- F, of a day 32 days ago, was seen on the days 0 to 31
CREATE TEMP TABLE few (customer text, ordered_at timestamptz);
INSERT INTO few VALUES ('A', '2024-01-01 00:00'), ('A', '2024-01-03 23:59:59.999999'), ('A', '2024-02-09'), ('B', '2024-01-05'), ('B', '2024-01-05'),
    ('C', '2024-01-01 12:00'), ('C', '2024-02-02 00:00:00.000001'), ('D', '2024-03-01'), (NULL, '2024-01-01'), ('E', NULL), ('F', '2024-01-01');
SELECT day, at_risk, events, censored, survival FROM (SELECT repeat_survival(customer, ordered_at, '2024-02-02') s FROM few) x, survival_curve(s);
-- the oracle, for every type of key, by country, at several days
SELECT m.as_of, ours.*, theirs.*
FROM (VALUES (timestamptz '2022-12-31'), ('2023-01-01 12:00'), ('2024-02-29'), ('2024-10-27 01:00'), ('2025-06-19'), ('2031-01-01')) m(as_of),
     LATERAL (SELECT coalesce(country, 'all') AS country, repeat_survival(customer_id, ordered_at, as_of)::text a, repeat_survival(customer_code, ordered_at, as_of)::text b,
                     repeat_survival(customer_email, ordered_at, as_of)::text c, repeat_survival(customer_uuid, ordered_at, as_of)::text d
              FROM shop_orders GROUP BY ROLLUP (country)) ours
     FULL JOIN LATERAL
     (SELECT coalesce(country, 'all') AS country, survival(days, again)::text s
      FROM (SELECT country, floor(extract(epoch FROM coalesce((array_agg(ordered_at ORDER BY ordered_at))[2], m.as_of - interval '1 microsecond') - min(ordered_at)) / 86400)::float8 AS days, count(*) >= 2 AS again
            FROM shop_orders WHERE customer_id IS NOT NULL AND ordered_at < m.as_of
            GROUP BY GROUPING SETS ((country, customer_id), (customer_id))) x
      GROUP BY country) theirs ON theirs.country = ours.country
WHERE (a, b, c, d) IS DISTINCT FROM (s, s, s, s);
-- of a stored state, of states merged, and beside others; the state stays as it was
SELECT repeat_survival(state)::text = whole::text AS stored, repeat_survival(state)::text = whole::text AS again
FROM (SELECT repeat_survival_state(customer_id, ordered_at, '2025-01-01') state, repeat_survival(customer_id, ordered_at, '2025-01-01') whole FROM shop_orders) x;
SELECT repeat_survival(rollup(state))::text = (SELECT repeat_survival(customer_email, ordered_at, '2025-01-01')::text FROM shop_orders) AS merged
FROM (SELECT repeat_survival_state(customer_email, ordered_at, '2025-01-01') state FROM shop_orders GROUP BY country, date_trunc('month', ordered_at)) x;
-- merging survivals of parts of a customer's orders would be another thing: parts must be of customers
SELECT rollup(s)::text = (SELECT repeat_survival(customer_id, ordered_at, '2025-01-01')::text FROM shop_orders) AS by_customer
FROM (SELECT repeat_survival(customer_id, ordered_at, '2025-01-01') s FROM shop_orders GROUP BY customer_id % 10) x;
-- beside second_order_rate: the share within 30 days of those with 30 days is not far from the curve
SELECT abs(1 - survival_at(repeat_survival(customer_id, ordered_at, '2025-01-01'), 29) - second_order_rate(customer_id, ordered_at, '30 days', '2025-01-01')) < 0.03 AS near FROM shop_orders;
SELECT customer, ordered_at, survival_mean(repeat_survival(customer, ordered_at, '2024-02-02') OVER (ORDER BY ordered_at, customer ROWS 2 PRECEDING), 31) FROM few;
SELECT repeat_survival(customer, ordered_at, '2024-02-02') FROM few WHERE false;
SELECT repeat_survival(customer, ordered_at, '2023-02-02') FROM few;
SELECT repeat_survival(customer, NULL, '2024-02-02'), repeat_survival(NULL::bigint, ordered_at, '2024-02-02') FROM few;
SELECT repeat_survival(customer, ordered_at, '2024-02-02') FILTER (WHERE customer = 'nobody') FROM few;
-- on dates: a day that nobody was seen on has nobody at risk
SELECT day, at_risk, events, censored, survival FROM (SELECT repeat_survival(c, t, '2024-03-01') s FROM (VALUES (1, date '2024-01-01'), (1, '2024-01-31'), (2, '2024-01-15'), (2, '2024-02-14'), (3, '2024-01-31')) v(c, t)) x, survival_curve(s);
-- the ends of all times
SELECT day, events, censored FROM (SELECT repeat_survival(1, t, '294276-12-31 23:59:59.999999+00') s FROM (VALUES (timestamptz '4714-11-24 00:00+00 BC'), ('294276-12-31 23:59:59.999998+00')) v(t)) x, survival_curve(s);
-- bad arguments
SELECT repeat_survival(customer, ordered_at, 'infinity') FROM few;
SELECT repeat_survival(customer, ordered_at, NULL) FROM few;
SELECT repeat_survival(customer, ordered_at, ordered_at) FROM few WHERE ordered_at IS NOT NULL;
SELECT repeat_survival(customer, 'infinity', '2024-02-02') FROM few;
SELECT repeat_survival(repeat_rate_state(1));
SELECT second_order_rate(repeat_survival_state(1, '2024-01-01', '2024-02-02'));
SELECT rollup(s) FROM (SELECT repeat_survival_state(1, '2024-01-01', '2024-02-02') UNION ALL SELECT repeat_survival_state(1, '2024-01-01', '2024-02-03')) x(s);
SELECT repeat_survival_transfn_bigint(NULL, 1, now(), now());
-- one customer, second order after as_of; before the first; first after as_of
SELECT repeat_survival(replace(encode(decode(replace(hex, ' ', ''), 'hex'), 'base64'), E'\n', '')::retention_state) FROM (VALUES ('5253 02 0f 01  0000000000000064  0000000000000001  0000000000000007 0000000000000001 0000000000000065')) v(hex);
SELECT repeat_survival(replace(encode(decode(replace(hex, ' ', ''), 'hex'), 'base64'), E'\n', '')::retention_state) FROM (VALUES ('5253 02 0f 01  0000000000000064  0000000000000001  0000000000000007 0000000000000011 0000000000000010')) v(hex);
SELECT repeat_survival(replace(encode(decode(replace(hex, ' ', ''), 'hex'), 'base64'), E'\n', '')::retention_state) FROM (VALUES ('5253 02 0f 01  0000000000000064  0000000000000001  0000000000000007 0000000000000065 7fffffffffffffff')) v(hex);
