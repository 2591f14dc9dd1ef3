-- The average line over cohorts: cohort_curve
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET extra_float_digits = 1;
\set SHOW_CONTEXT never
\pset null '(null)'
CREATE SCHEMA curve;

-- Cells as cohort_retention has them, of which the line takes five columns
CREATE FUNCTION curve.cell(i int, eligible bigint, retained bigint, complete bool DEFAULT true) RETURNS cohort_retention_row LANGUAGE sql IMMUTABLE
RETURN ROW('2024-01-01', i, eligible, eligible, retained, NULL, retained, retained, 0, 0, 0, NULL, 0, complete)::cohort_retention_row;

-- small enough to check by hand: cohorts of 4, 2 and 3 customers. The youngest has no
-- complete cell of index 1, the one between none of index 2.
CREATE TABLE curve.few (customer text, ordered_at timestamptz);
INSERT INTO curve.few VALUES
    ('A', '2024-01-01'), ('B', '2024-01-01'), ('C', '2024-01-02'), ('D', '2024-01-31'), ('A', '2024-02-10'), ('A', '2024-03-10'), ('B', '2024-03-01'),
    ('E', '2024-02-01'), ('F', '2024-02-01'), ('E', '2024-03-05'), ('F', '2024-04-01'),
    ('G', '2024-03-01'), ('H', '2024-03-01'), ('I', '2024-03-02'), ('G', '2024-04-02');
SELECT period_index, cohorts, eligible, retained, rate, round(ci_low::numeric, 4) AS ci_low, round(ci_high::numeric, 4) AS ci_high
FROM cohort_curve((SELECT cohort_retention(customer, ordered_at, 5, 'month', '2024-04-10', 'UTC') FROM curve.few));

-- Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3, to the four
-- decimals printed there
SELECT retained, eligible, round(ci_low::numeric, 4) AS ci_low, round(ci_high::numeric, 4) AS ci_high
FROM (VALUES (81, 263), (15, 148), (0, 20), (1, 29)) v(x, n), cohort_curve(ARRAY[curve.cell(1, n, x)]);

-- ---------------------------------------------------------------------------
-- oracle: complete cells, summed; the interval by solving its definition, that the
-- distance from k / n to a share p is z standard errors of p, for p
-- ---------------------------------------------------------------------------
CREATE FUNCTION curve.oracle(rows cohort_retention_row[], z numeric) RETURNS TABLE (period_index int, cohorts bigint, eligible bigint, retained bigint, rate float8, ci_low numeric, ci_high numeric) LANGUAGE sql AS $$
    SELECT i, cohorts, n, k, k::float8 / nullif(n, 0), (-b - sqrt(b * b - 4 * a * c)) / (2 * a), (-b + sqrt(b * b - 4 * a * c)) / (2 * a)
    FROM (SELECT period_index AS i, count(*) AS cohorts, sum(eligible)::bigint AS n, sum(retained)::bigint AS k FROM unnest(rows) WHERE is_complete GROUP BY 1) s,
         LATERAL (SELECT nullif(n, 0)::numeric(60, 30) AS size) m,
         LATERAL (SELECT 1 + z * z / size AS a, -(2 * k / size + z * z / size) AS b, (k / size) * (k / size) AS c) q
$$;
CREATE VIEW curve.shop AS SELECT customer_id AS c, customer_email AS email, ordered_at AS t, amount AS a FROM shop_orders;
CREATE TABLE curve.rows AS
    SELECT grain, cohort_retention(c, t, a, grain, as_of, 'Europe/Paris') AS rows
    FROM curve.shop, (VALUES ('week', timestamptz '2024-10-31 23:00'), ('month', '2024-11-15'), ('quarter', '2025-01-01'), ('year', '2025-06-01')) g(grain, as_of) GROUP BY grain;
-- what differs, of all rows; z of each level from tables
SELECT grain, level, count(*) AS points, count(*) FILTER (WHERE (o.period_index, o.cohorts, o.eligible, o.retained, o.rate) IS DISTINCT FROM (u.period_index, u.cohorts, u.eligible, u.retained, u.rate)) AS differ,
       max(greatest(abs(o.ci_low - u.ci_low::numeric), abs(o.ci_high - u.ci_high::numeric))) < 1e-12 AS close
FROM curve.rows, (VALUES (0.95, 1.959963984540054), (0.5, 0.674489750196082), (0.999, 3.290526731491895)) l(level, z),
     LATERAL (SELECT * FROM curve.oracle(rows, z)) o FULL JOIN LATERAL (SELECT * FROM cohort_curve(rows, level)) u USING (period_index) GROUP BY grain, level ORDER BY grain, level;
-- the interval holds the rate, from 0 to 1; the last period, which has only begun, is not in it
SELECT grain, bool_and(0 <= ci_low AND ci_low <= rate AND rate <= ci_high AND ci_high <= 1) AS holds, max(u.period_index) = (SELECT max(r.period_index) - 1 FROM unnest(rows) r) AS ends
FROM curve.rows, cohort_curve(rows) u GROUP BY grain, rows ORDER BY grain;
-- a line for each country, and two in one query
SELECT bool_and(one = other) AS same, count(*) AS countries FROM
    (SELECT country, array(SELECT c FROM cohort_curve(cohort_retention(customer_id, ordered_at, amount, 'quarter', '2025-01-01', 'UTC')) c) AS one,
            array(SELECT c FROM cohort_curve(cohort_retention(customer_email, ordered_at, amount, 'quarter', '2025-01-01', 'UTC')) c) AS other FROM shop_orders GROUP BY country) s;

-- ---------------------------------------------------------------------------
-- edges
-- ---------------------------------------------------------------------------
SELECT * FROM cohort_curve(NULL);
SELECT * FROM cohort_curve('{}');
SELECT * FROM cohort_curve('{NULL,NULL}');
-- nothing is complete; indexes that nobody has; none of none; the order of the rows; two dimensions
SELECT * FROM cohort_curve(ARRAY[curve.cell(1, 0, 0, false), curve.cell(2, NULL, NULL, false), curve.cell(NULL, NULL, NULL, NULL)]);
SELECT period_index, cohorts, eligible, retained, rate FROM cohort_curve(ARRAY[NULL, curve.cell(200, 5, 5), curve.cell(3, 7, 0), curve.cell(0, 0, 0), curve.cell(200, 5, 0)]);
SELECT period_index, eligible, retained FROM cohort_curve(ARRAY[[curve.cell(1, 5, 1), curve.cell(2, 5, 2)], [curve.cell(2, 3, 1), curve.cell(1, 5, 4)]]);
-- as many as there can be
SELECT period_index, eligible, retained, rate, ci_low > 0.99999 AS close, ci_high FROM cohort_curve(ARRAY[curve.cell(1, 9223372036854775807, 9223372036854775807)]);
SELECT period_index, cohorts FROM cohort_curve(ARRAY[curve.cell(4000000, 1, 0)]);
-- called for each row, in a target list too
SELECT n, (cohort_curve(ARRAY[curve.cell(n, 2, 1)])).period_index FROM generate_series(1, 3) n;
SELECT count(*), sum(rate) FROM generate_series(1, 1000) n, cohort_curve(ARRAY[curve.cell(n, 2, 1)]);

-- rows may come from anywhere
SELECT * FROM cohort_curve(ARRAY[curve.cell(NULL, 1, 1)]);
SELECT * FROM cohort_curve(ARRAY[curve.cell(1, NULL, 1)]);
SELECT * FROM cohort_curve(ARRAY[curve.cell(1, 1, NULL)]);
SELECT * FROM cohort_curve(ARRAY[curve.cell(-1, 1, 1)]);
SELECT * FROM cohort_curve(ARRAY[curve.cell(4000001, 1, 1)]);
SELECT * FROM cohort_curve(ARRAY[curve.cell(2147483647, 1, 1)]);
SELECT * FROM cohort_curve(ARRAY[curve.cell(1, 1, 2)]);
SELECT * FROM cohort_curve(ARRAY[curve.cell(1, -1, -1)]);
SELECT * FROM cohort_curve(ARRAY[curve.cell(1, 5, -1)]);
SELECT * FROM cohort_curve(ARRAY[curve.cell(1, 9223372036854775807, 1), curve.cell(1, 1, 1)]);
SELECT * FROM cohort_curve('{}', NULL);
SELECT * FROM cohort_curve('{}', 0);
SELECT * FROM cohort_curve('{}', 1);
SELECT * FROM cohort_curve('{}', 95);
SELECT * FROM cohort_curve('{}', 'NaN');

SET client_min_messages = warning;
DROP SCHEMA curve CASCADE;
