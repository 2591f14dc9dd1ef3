-- Recurring revenue: against plain SQL, and what adds up
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE SCHEMA contracts;

-- by hand: 1 pays 50, and from 1 March 20 more; 2 leaves on 1 March at midnight, is back in April; 3 has a gap inside February, and pays less; 4 comes and goes inside February;
-- 5 is free, then pays; 6 of an unknown amount; 7 begins at as_of; 8 ends when it begins; 9 has a discount for a while
CREATE TABLE contracts.few (c bigint, starts timestamptz, ends timestamptz, a numeric);
INSERT INTO contracts.few VALUES
    (1, '2024-01-01', NULL, 50), (1, '2024-03-01', NULL, 20), (2, '2024-01-10', '2024-03-01', 30), (2, '2024-04-02', NULL, 40), (3, '2024-01-15', '2024-02-10', 100), (3, '2024-02-20', NULL, 80),
    (4, '2024-02-05', '2024-02-25', 60), (5, '2024-01-05', '2024-03-15', 0), (5, '2024-03-15', NULL, 25), (6, '2024-02-10', NULL, NULL), (7, '2024-04-20', NULL, 500), (8, '2024-03-03', '2024-03-03', 99),
    (9, '2024-01-01', NULL, 40), (9, '2024-02-10', '2024-03-10', -10), (NULL, '2024-02-01', NULL, 77), (12, NULL, NULL, 77);
SELECT r.* FROM unnest((SELECT mrr_movements(c, starts, ends, a, 'month', '2024-04-20', 'UTC') FROM contracts.few)) r;
-- as_of on the first opens no new month; a microsecond later it does; so does a contract at that microsecond
SELECT as_of, r.period_start, r.closing_mrr, r.closing_customers, r.is_complete FROM unnest(ARRAY['2024-02-29 23:59:59.999999', '2024-03-01', '2024-03-01 00:00:00.000001', '2024-03-01 00:00:00.000002']::timestamptz[]) as_of,
    LATERAL unnest((SELECT mrr_movements(c, starts, ends, a, 'month', as_of, 'UTC') FROM contracts.few)) r WHERE period_start >= '2024-02-01';
-- an end at a boundary belongs to the period that begins there; a microsecond earlier to the one before
SELECT ends, array_agg(r.closing_customers ORDER BY period_start) AS closing, array_agg(r.churned_customers ORDER BY period_start) AS churned
FROM (SELECT ends, mrr_movements(1, '2024-01-31', ends, 5, 'month', '2024-05-01', 'UTC') AS rows FROM unnest(ARRAY['2024-02-29 23:59:59.999999', '2024-03-01', '2024-03-01 00:00:00.000001']::timestamptz[]) ends GROUP BY ends) x, unnest(rows) r GROUP BY 1 ORDER BY 1;
-- nothing known: NULL where customers are, 0 where none are; known and not
SELECT r.period_start, opening_mrr, new_mrr, churned_mrr, closing_mrr, opening_customers AS opening, closing_customers AS closing, churn_rate, gross_revenue_retention AS gross
FROM unnest((SELECT mrr_movements(c, s, e, a, 'month', '2024-05-01', 'UTC') FROM (VALUES (1, timestamptz '2024-01-05', timestamptz '2024-03-05', NULL::numeric), (2, '2024-04-07', NULL, 9)) v(c, s, e, a))) r;
SELECT r.period_start, opening_mrr, expansion_mrr, contraction_mrr, closing_mrr, closing_customers AS closing
FROM unnest((SELECT mrr_movements(1, s, e, a, 'month', '2024-05-01', 'UTC') FROM (VALUES (timestamptz '2024-01-05', NULL::timestamptz, NULL::numeric), ('2024-02-07', '2024-03-09', 9)) v(s, e, a))) r;
-- below zero is zero: a discount larger than the price; nobody is there
SELECT r.period_start, opening_mrr, new_mrr, churned_mrr, closing_mrr, closing_customers AS closing
FROM unnest((SELECT mrr_movements(1, s, e, a, 'month', '2024-05-01', 'UTC') FROM (VALUES (timestamptz '2024-01-05', NULL::timestamptz, 10), ('2024-02-07', '2024-03-09', -15)) v(s, e, a))) r;

-- ---------------------------------------------------------------------------
-- against plain SQL
-- ---------------------------------------------------------------------------
CREATE TABLE contracts.many AS
    SELECT n, (noise(n, 71) * 300)::int AS c, s, CASE WHEN noise(n, 72) < 0.3 THEN NULL WHEN noise(n, 72) < 0.5 THEN date_trunc('month', s + interval '70 days' * noise(n, 73)) ELSE s + (noise(n, 73) - 0.02) * interval '300 days' END AS e,
           CASE WHEN noise(n, 74) < 0.05 THEN NULL WHEN noise(n, 74) < 0.1 THEN 0 WHEN noise(n, 74) < 0.2 THEN -round((noise(n, 75) * 20)::numeric, 2) WHEN noise(n, 74) < 0.21 THEN 1e30::numeric + n ELSE round((noise(n, 75) * 90)::numeric, 2) END AS a
    FROM generate_series(1, 2000) n, LATERAL (SELECT CASE WHEN noise(n, 76) < 0.2 THEN date_trunc('month', t) ELSE t END AS s FROM (SELECT timestamptz '2022-11-01' + noise(n, 77) * interval '600 days' AS t) x) y;
UPDATE contracts.many SET c = NULL WHERE n % 97 = 0;
-- The customers' sums at each boundary, one by one
CREATE FUNCTION contracts.oracle(source text, grain text, as_of timestamptz, tz text) RETURNS SETOF mrr_movements_row LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'WITH valid AS MATERIALIZED (SELECT c, s, e, a FROM (%s) q WHERE c IS NOT NULL AND s < $2 AND (e > s OR e IS NULL) AND a IS DISTINCT FROM 0),
         periods AS MATERIALIZED (
             SELECT p, (p AT TIME ZONE $3) AS begin, least(((p + step) AT TIME ZONE $3), $2) AS until, ((p + step) AT TIME ZONE $3) <= $2 AS ended
             FROM (SELECT CASE $1 WHEN ''quarter'' THEN ''3 months'' ELSE ''1 '' || $1 END::interval AS step, (SELECT date_trunc($1, min(s) AT TIME ZONE $3) FROM valid) AS first) f,
                  generate_series(first, date_trunc($1, ($2 - interval ''1 microsecond'') AT TIME ZONE $3), step) p),
         boundaries AS (SELECT p, until AS b, ended FROM periods),
         standings AS MATERIALIZED (
             SELECT p, ended, c.c, greatest(coalesce(sum(a), 0), 0) AS money, coalesce(sum(a), 0) > 0 OR count(*) FILTER (WHERE v.c IS NOT NULL AND a IS NULL) > 0 AS is_there, count(a) > 0 AS known
             FROM boundaries CROSS JOIN (SELECT DISTINCT c FROM valid) c LEFT JOIN valid v ON v.c = c.c AND s < b AND (e IS NULL OR e >= b OR e >= $2) GROUP BY 1, 2, 3),
         moves AS (
             SELECT *, CASE WHEN is_there THEN money ELSE 0 END AS pays, coalesce(lag(is_there) OVER w, false) AS was, coalesce(lag(known) OVER w, false) AS was_known, coalesce(lag(CASE WHEN is_there THEN money ELSE 0 END) OVER w, 0) AS paid,
                    coalesce(bool_or(is_there) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AS ever
             FROM standings WINDOW w AS (PARTITION BY c ORDER BY p)),
         sums AS (
             SELECT p, ended, count(*) FILTER (WHERE was) AS oc, count(*) FILTER (WHERE was AND was_known) AS ok, sum(paid) FILTER (WHERE was) AS om,
                    count(*) FILTER (WHERE is_there AND NOT was AND NOT ever) AS nc, count(*) FILTER (WHERE is_there AND known AND NOT was AND NOT ever) AS nk, sum(pays) FILTER (WHERE is_there AND NOT was AND NOT ever) AS nm,
                    sum(pays - paid) FILTER (WHERE is_there AND was AND pays > paid) AS em, sum(paid - pays) FILTER (WHERE is_there AND was AND pays < paid) AS cm,
                    count(*) FILTER (WHERE was AND NOT is_there) AS xc, count(*) FILTER (WHERE was AND was_known AND NOT is_there) AS xk, sum(paid) FILTER (WHERE was AND NOT is_there) AS xm,
                    count(*) FILTER (WHERE is_there AND NOT was AND ever) AS rc, count(*) FILTER (WHERE is_there AND known AND NOT was AND ever) AS rk, sum(pays) FILTER (WHERE is_there AND NOT was AND ever) AS rm,
                    count(*) FILTER (WHERE is_there) AS cc, count(*) FILTER (WHERE is_there AND known) AS ck, sum(pays) FILTER (WHERE is_there) AS clm
             FROM moves GROUP BY 1, 2)
         SELECT p::date, CASE WHEN oc = 0 THEN 0 WHEN ok > 0 THEN om END, CASE WHEN nc = 0 THEN 0 WHEN nk > 0 THEN nm END, coalesce(em, 0), coalesce(cm, 0), CASE WHEN xc = 0 THEN 0 WHEN xk > 0 THEN xm END,
                CASE WHEN rc = 0 THEN 0 WHEN rk > 0 THEN rm END, CASE WHEN cc = 0 THEN 0 WHEN ck > 0 THEN clm END, oc, nc, xc, rc, cc, CASE WHEN ended THEN xc::float8 / nullif(oc, 0) END,
                CASE WHEN ended AND om > 0 THEN ((om - coalesce(cm, 0) - coalesce(xm, 0)) / om)::float8 END, CASE WHEN ended AND om > 0 THEN ((om - coalesce(cm, 0) - coalesce(xm, 0) + coalesce(em, 0)) / om)::float8 END, ended
         FROM sums ORDER BY p', source) USING grain, as_of, tz;
END $$;
CREATE FUNCTION contracts.breaches(key text, source text, grain text, as_of timestamptz, tz text) RETURNS TABLE (rows bigint, differ bigint) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT count(*), count(*) FILTER (WHERE NOT coalesce(o.period_start = r.period_start AND (o.opening_mrr, o.new_mrr, o.expansion_mrr, o.contraction_mrr, o.churned_mrr, o.reactivated_mrr, o.closing_mrr, o.opening_customers, o.new_customers, o.churned_customers,
                      o.reactivated_customers, o.closing_customers, o.churn_rate, o.is_complete) IS NOT DISTINCT FROM (r.opening_mrr, r.new_mrr, r.expansion_mrr, r.contraction_mrr, r.churned_mrr, r.reactivated_mrr, r.closing_mrr, r.opening_customers, r.new_customers,
                      r.churned_customers, r.reactivated_customers, r.closing_customers, r.churn_rate, r.is_complete) AND (o.gross_revenue_retention IS NULL) = (r.gross_revenue_retention IS NULL) AND coalesce(abs(o.gross_revenue_retention - r.gross_revenue_retention), 0) < 1e-12
                      AND coalesce(abs(o.net_revenue_retention / r.net_revenue_retention - 1), 0) < 1e-12, false))
         FROM contracts.oracle(%L, %L, %L, %L) o FULL JOIN unnest((SELECT mrr_movements(%s, s, e, a, %L, %L, %L) FROM (%s) q)) r USING (period_start)', source, grain, as_of, tz, key, grain, as_of, tz, source);
END $$;
SELECT grain, as_of, tz, b.* FROM (VALUES ('month', timestamptz '2024-04-20', 'UTC'), ('month', '2024-05-01', 'UTC'), ('quarter', '2024-03-31 22:00', 'Europe/Berlin'), ('month', '2023-11-30 23:00', 'Europe/Berlin'), ('year', '2024-07-05', 'UTC'), ('week', '2023-06-05', 'UTC'), ('month', '2099-01-01', 'UTC')) v(grain, as_of, tz),
    contracts.breaches('c', 'SELECT c, s, e, a FROM contracts.many', grain, as_of, tz) b;
SELECT key, b.* FROM unnest(ARRAY['c', '''customer number '' || c', 'md5(c::text)::uuid']) key, contracts.breaches(key, 'SELECT c, s, e, a FROM contracts.many', 'month', '2024-03-15', 'UTC') b;
-- without amounts of 1e30
SELECT b.* FROM contracts.breaches('c', 'SELECT c, s, e, a FROM contracts.many WHERE a < 1e6', 'month', '2024-03-15', 'UTC') b;
-- what opens is what closed; all adds up
SELECT count(*) AS periods, count(*) FILTER (WHERE opening_mrr IS DISTINCT FROM before) AS opening, count(*) FILTER (WHERE closing_mrr <> opening_mrr + new_mrr + expansion_mrr + reactivated_mrr - contraction_mrr - churned_mrr) AS closing,
       count(*) FILTER (WHERE closing_customers <> opening_customers + new_customers + reactivated_customers - churned_customers) AS customers, count(*) FILTER (WHERE least(new_mrr, expansion_mrr, contraction_mrr, churned_mrr, reactivated_mrr) < 0) AS negative
FROM (SELECT *, coalesce(lag(closing_mrr) OVER (ORDER BY period_start), 0) AS before FROM unnest((SELECT mrr_movements(c, s, e, a, 'month', '2024-09-09', 'UTC') FROM contracts.many)) r) r;

-- ---------------------------------------------------------------------------
-- states: any order, any parts, stored, sent
-- ---------------------------------------------------------------------------
CREATE TABLE contracts.wholes AS SELECT mrr_movements_state(c, s, e, a, 'month', '2024-03-15', 'UTC') AS c, mrr_movements_state('customer number ' || c, s, e, a, 'month', '2024-03-15', 'UTC') AS email, mrr_movements_state(md5(c::text)::uuid, s, e, a, 'month', '2024-03-15', 'UTC') AS uid FROM contracts.many;
SELECT o, mrr_movements_state(c, s, e, a, 'month', '2024-03-15', 'UTC')::text = (SELECT c::text FROM contracts.wholes) AS same FROM (SELECT o, m.* FROM contracts.many m, unnest(ARRAY['n', '-n', 'random']) o ORDER BY CASE o WHEN 'n' THEN n WHEN '-n' THEN -n ELSE noise(n, 78) * 1e6 END) x GROUP BY o ORDER BY 1;
SELECT rollup(p.c)::text = min(w.c::text) AS c, rollup(p.email)::text = min(w.email::text) AS email, rollup(p.uid)::text = min(w.uid::text) AS uid
FROM (SELECT mrr_movements_state(c, s, e, a, 'month', '2024-03-15', 'UTC') AS c, mrr_movements_state('customer number ' || c, s, e, a, 'month', '2024-03-15', 'UTC') AS email, mrr_movements_state(md5(c::text)::uuid, s, e, a, 'month', '2024-03-15', 'UTC') AS uid FROM contracts.many GROUP BY (noise(n, 79) * 30)::int) p, contracts.wholes w;
SELECT mrr_movements(c::text::retention_state) = mrr_movements(email) AS text, mrr_movements(replace(encode(retention_state_send(uid), 'base64'), E'\n', '')::retention_state) = mrr_movements(c) AS sent FROM contracts.wholes;
SELECT measure, customer_type, customers FROM contracts.wholes, state_info(email);
-- under OVER, and twice in one query
SELECT count(*) AS rows, count(*) FILTER (WHERE sliding IS DISTINCT FROM (SELECT mrr_movements(c, starts, ends, a, 'month', '2024-04-20', 'UTC') FROM contracts.few f WHERE f.starts <= w.starts AND f.starts >= w.starts - interval '1 month')) AS differ, count(*) FILTER (WHERE growing IS DISTINCT FROM again) AS twice
FROM (SELECT starts, mrr_movements(c, starts, ends, a, 'month', '2024-04-20', 'UTC') OVER (ORDER BY starts RANGE interval '1 month' PRECEDING) AS sliding, mrr_movements(c, starts, ends, a, 'month', '2024-04-20', 'UTC') OVER w AS growing, mrr_movements(c, starts, ends, a, 'month', '2024-04-20', 'UTC') OVER w AS again
      FROM contracts.few WHERE starts IS NOT NULL WINDOW w AS (ORDER BY starts)) w;
-- with little memory
SET work_mem = '64kB';
SELECT mrr_movements_state(c, s, e, a, 'month', '2024-03-15', 'UTC')::text = (SELECT c::text FROM contracts.wholes) AS spilled FROM contracts.many;
RESET work_mem;

-- ---------------------------------------------------------------------------
-- nothing, and errors
-- ---------------------------------------------------------------------------
SELECT mrr_movements(c, starts, ends, a, 'month', '2024-04-20', 'UTC') AS none FROM contracts.few WHERE false;
SELECT mrr_movements(NULL::bigint, '2024-01-01', NULL, 5, 'month', '2024-04-20', 'UTC') AS nobody, mrr_movements(1, NULL, NULL, 5, 'month', '2024-04-20', 'UTC') AS no_start, mrr_movements(1, '2024-01-01', NULL, 0, 'month', '2024-04-20', 'UTC') AS free, mrr_movements(1, '2024-04-20', NULL, 5, 'month', '2024-04-20', 'UTC') AS later;
SELECT customers FROM state_info((SELECT mrr_movements_state(1, NULL, NULL, 5, 'month', '2024-04-20', 'UTC')));
SELECT mrr_movements(1, '2024-01-01', 'infinity', 5, 'month', '2024-04-20', 'UTC');
SELECT mrr_movements(1, '-infinity', NULL, 5, 'month', '2024-04-20', 'UTC');
SELECT mrr_movements(1, '2024-01-01', NULL, 'NaN', 'month', '2024-04-20', 'UTC');
SELECT mrr_movements(1, '2024-01-01', NULL, 5, 'months', '2024-04-20', 'UTC');
SELECT mrr_movements(1, '2024-01-01', NULL, 5, 'month', NULL, 'UTC');
SELECT mrr_movements(1, '2024-01-01', NULL, 5, 'month', '2024-04-20', 'Nowhere');
SELECT mrr_movements(1, '4714-12-20 BC', NULL, 5, 'day', '294276-01-01', 'UTC');
SELECT mrr_movements(c, starts, ends, a, 'month', starts, 'UTC') FROM contracts.few;
SELECT lifecycle(mrr_movements_state(1, '2024-01-01', NULL, 5, 'month', '2024-04-20', 'UTC'));
SELECT mrr_movements(lifecycle_state(1, '2024-01-01', 'month', '2024-04-20', 'UTC'));
DROP SCHEMA contracts CASCADE;
