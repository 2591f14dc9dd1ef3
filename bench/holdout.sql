-- holdout.sql: how well the families foretell what customers did next, as tables of
-- Markdown's columns. Every data set is cut at a day, the models are fitted to what came
-- before it, and compared with what came after.
--
-- orders_of (data, customer, day) is filled by holdout.sh; cut says where and for how long.

SET timezone = 'UTC';

CREATE TABLE cut (data text, cut_at timestamptz, weeks int, quarters int);
INSERT INTO cut VALUES
    ('CDNOW, a tenth', '1997-10-01', 39, 3), ('CDNOW, all', '1997-10-01', 39, 3),
    ('grocery', '2007-01-01', 52, 4), ('Online Retail', '2011-09-01', 13, 1),
    ('demo shop', '2025-01-01', 52, 4), ('made: BG/NBD', '2024-01-01', 52, 3),
    ('made: one-timers', '2024-01-01', 52, 3), ('made: MBG/NBD', '2024-01-01', 52, 3), ('made: Pareto/NBD', '2024-01-01', 52, 3);

-- The customers of a data set at a moment, with what a model of the family says of the
-- weeks after it, and what came
CREATE FUNCTION foretold(which text, cut_at timestamptz, weeks int)
RETURNS TABLE (family text, customer bigint, x bigint, since double precision, expected double precision, p_order double precision, p_alive double precision, actual bigint)
LANGUAGE sql AS $$
    WITH known AS MATERIALIZED (
        SELECT customer, (s).*, (SELECT count(DISTINCT (day AT TIME ZONE 'UTC')::date) FROM orders_of o WHERE o.data = which AND o.customer = k.customer
                                 AND day >= cut_at AND day < cut_at + weeks * interval '7 days') AS actual
        FROM (SELECT customer, purchase_summary(day, 1, '7 days', cut_at, 'UTC') AS s FROM orders_of WHERE data = which AND day < cut_at GROUP BY customer) k
    ), fitted AS MATERIALIZED (
        SELECT m FROM (SELECT fit_bgnbd(x, t_x, age) AS a, fit_mbgnbd(x, t_x, age) AS b, fit_hbgnbd(x, t_x, age) AS c, fit_pareto_nbd(x, t_x, age) AS d FROM known) f, unnest(ARRAY[a, b, c, d]) AS m
    )
    SELECT (m).family, customer, x, age - t_x, expected_orders(m, x, t_x, age, weeks), p_order(m, x, t_x, age, weeks), p_alive(m, x, t_x, age), actual
    FROM known, fitted WHERE (m).params IS NOT NULL
$$;

-- The probability that of two customers, one who ordered and one who did not, the first
-- has the larger score; equal ones count a half
CREATE FUNCTION auc(scores double precision[], ordered boolean[]) RETURNS double precision LANGUAGE sql AS $$
    SELECT (sum(rank) FILTER (WHERE o) - count(*) FILTER (WHERE o) * (count(*) FILTER (WHERE o) + 1) / 2.0)
           / nullif(count(*) FILTER (WHERE o) * count(*) FILTER (WHERE NOT o), 0)
    FROM (SELECT o, (rank() OVER w + (count(*) OVER (PARTITION BY s) - 1) / 2.0) AS rank FROM unnest(scores, ordered) AS u (s, o) WINDOW w AS (ORDER BY s)) AS r
$$;

CREATE TABLE told AS SELECT data, f.* FROM cut, foretold(data, cut_at, weeks) AS f WHERE EXISTS (SELECT FROM orders_of o WHERE o.data = cut.data);
CREATE TABLE quarter_told AS
SELECT data, origin, f.family, sum(expected) AS expected, sum(actual) AS actual
FROM cut, generate_series(0, quarters - 1) AS q, LATERAL (SELECT cut_at + q * 91 * interval '24 hours') AS c (origin), foretold(data, origin, 13) AS f
WHERE EXISTS (SELECT FROM orders_of o WHERE o.data = cut.data) GROUP BY 1, 2, 3;

-- The same on the clock of seasons, where there are two full years to tell them by
CREATE TABLE history_of AS SELECT data, order_history(customer, day, 1) AS history FROM orders_of GROUP BY data;
CREATE TABLE season_told AS
SELECT data, span, family, predicted AS expected, actual, model_status LIKE '%no season%' AS has_none
FROM cut JOIN history_of USING (data), unnest('{bgnbd,mbgnbd,hbgnbd,pareto_nbd}'::text[]) AS family,
    LATERAL (SELECT 'whole' AS span, cut_at AS origin, weeks AS span_weeks UNION ALL
             SELECT 'quarter', cut_at + q * 91 * interval '24 hours', 13 FROM generate_series(0, quarters - 1) AS q) AS s,
    LATERAL (SELECT * FROM backtest(history, origin, origin + span_weeks * 7 * interval '24 hours', family) WHERE x IS NULL) AS b;

CREATE VIEW report AS
SELECT data, family, count(*) AS customers,
       to_char(100 * (sum(expected) / nullif(sum(actual), 0) - 1), 'FMSG990.0') || ' %' AS "total",
       (SELECT string_agg(to_char(100 * (e / nullif(a, 0) - 1), 'FMSG9990'), ' ' ORDER BY g)
        FROM (SELECT least(x, 5) AS g, sum(expected) AS e, sum(actual) AS a FROM told i WHERE i.data = t.data AND i.family = t.family GROUP BY 1) AS by_x) AS "x = 0 1 2 3 4 5+, %",
       to_char(sqrt(avg((expected - actual) ^ 2)), 'FM990.000') AS "RMSE",
       to_char(auc(array_agg(p_order), array_agg(actual > 0)), 'FM0.000') AS "AUC of p_order",
       to_char(auc(array_agg(p_alive), array_agg(actual > 0)), 'FM0.000') AS "of p_alive",
       to_char(auc(array_agg(-since), array_agg(actual > 0)), 'FM0.000') AS "of recency",
       (SELECT to_char(100 * avg(abs(q.expected / nullif(q.actual, 0) - 1)), 'FM990.0') || ' %' FROM quarter_told q WHERE q.data = t.data AND q.family = t.family) AS "quarters, mean error",
       (SELECT CASE WHEN bool_and(has_none) THEN 'no season' ELSE to_char(100 * (sum(expected) / nullif(sum(actual), 0) - 1), 'FMSG990.0') || ' %' END
        FROM season_told s WHERE s.data = t.data AND s.family = t.family AND span = 'whole') AS "total with seasons",
       (SELECT CASE WHEN bool_and(has_none) THEN 'no season' ELSE to_char(100 * avg(abs(s.expected / nullif(s.actual, 0) - 1)), 'FM990.0') || ' %' END
        FROM season_told s WHERE s.data = t.data AND s.family = t.family AND span = 'quarter') AS "quarters with seasons"
FROM told t GROUP BY data, family
ORDER BY array_position((SELECT array_agg(data) FROM cut), data), array_position('{bgnbd,mbgnbd,hbgnbd,pareto_nbd}', family);
