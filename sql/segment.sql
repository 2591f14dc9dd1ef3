-- Segments: rfm_segment, rfm_grid, rfm_segment_label, rfm_grid_check
SET client_encoding = 'UTF8';

SELECT rfm_segment('555'), rfm_segment('155'), rfm_segment('111'), rfm_segment('511'), rfm_segment('541'), rfm_segment('541', 'rf'), rfm_segment('99' || 9, bins => 9);
SELECT * FROM rfm_grid() LIMIT 4;
SELECT * FROM rfm_grid('rf', 2);
SELECT segment, count(*), min(cell), max(cell) FROM rfm_grid() GROUP BY segment ORDER BY max(r * 100 + f * 10 + m) DESC, segment;

-- ---------------------------------------------------------------------------
-- oracles: the grids as the documentation writes them down
-- ---------------------------------------------------------------------------
CREATE TEMP TABLE standard (r int, fm1 text, fm2 text, fm3 text, fm4 text, fm5 text);
INSERT INTO standard VALUES
    (5, 'new_customers',  'potential_loyalist', 'potential_loyalist', 'champions', 'champions'),
    (4, 'promising',      'potential_loyalist', 'potential_loyalist', 'champions', 'champions'),
    (3, 'about_to_sleep', 'about_to_sleep',     'need_attention',     'loyal',     'loyal'),
    (2, 'hibernating',    'hibernating',        'at_risk',            'at_risk',   'at_risk'),
    (1, 'lost',           'hibernating',        'at_risk',            'cant_lose', 'cant_lose');

-- round() of a numeric that is not negative rounds half up, as do FM's halves
CREATE TEMP VIEW oracle AS
SELECT bins, g.r, f, m, concat(g.r, f, m) AS cell,
       (ARRAY[fm1, fm2, fm3, fm4, fm5])[round((f5 + m5) / 2)] AS standard,
       CASE WHEN concat(r5, f5) ~ '^[12][12]' THEN 'hibernating'
            WHEN concat(r5, f5) ~ '^[12][34]' THEN 'at_risk'
            WHEN concat(r5, f5) ~ '^[12]5' THEN 'cant_lose'
            WHEN concat(r5, f5) ~ '^3[12]' THEN 'about_to_sleep'
            WHEN concat(r5, f5) ~ '^33' THEN 'need_attention'
            WHEN concat(r5, f5) ~ '^[34][45]' THEN 'loyal'
            WHEN concat(r5, f5) ~ '^41' THEN 'promising'
            WHEN concat(r5, f5) ~ '^51' THEN 'new_customers'
            WHEN concat(r5, f5) ~ '^[45][23]' THEN 'potential_loyalist'
            WHEN concat(r5, f5) ~ '^5[45]' THEN 'champions'
       END AS rf
FROM generate_series(2, 9) bins,
     generate_series(1, bins) g(r), generate_series(1, bins) f, generate_series(1, bins) m,
     LATERAL (SELECT 1 + round((g.r - 1) * 4.0 / (bins - 1)), 1 + round((f - 1) * 4.0 / (bins - 1)), 1 + round((m - 1) * 4.0 / (bins - 1))) five(r5, f5, m5)
     JOIN standard ON standard.r = r5;

SELECT o.*, rfm_segment(cell, 'standard', bins), rfm_segment(cell, 'rf', bins) FROM oracle o
WHERE rfm_segment(cell, 'standard', bins) IS DISTINCT FROM standard OR rfm_segment(cell, 'rf', bins) IS DISTINCT FROM rf;

-- rfm_grid has every cell once, with the same names
CREATE TEMP VIEW grids AS
SELECT grid, bins, g.* FROM unnest(ARRAY['standard', 'rf']) grid, generate_series(2, 9) bins, rfm_grid(grid, bins) g;
SELECT * FROM
    (SELECT grid, bins, r, f, m, cell, segment FROM grids) ours
    FULL JOIN (SELECT 'standard' AS grid, bins, r, f, m, cell, standard AS segment FROM oracle
               UNION ALL SELECT 'rf', bins, r, f, m, cell, rf FROM oracle) theirs
    USING (grid, bins, r, f, m, cell, segment)
WHERE ours IS NULL OR theirs IS NULL;
SELECT grid, bins, count(*), count(DISTINCT cell) FROM grids GROUP BY grid, bins
HAVING count(*) <> bins ^ 3 OR count(DISTINCT cell) <> bins ^ 3 OR count(segment) <> bins ^ 3;
-- best scores first
SELECT * FROM (SELECT cell, lag(cell) OVER (ORDER BY ordinality) AS above FROM rfm_grid('standard', 9) WITH ORDINALITY) x WHERE cell >= above;
-- names alive; with few bins some cannot be
SELECT grid, bins, count(DISTINCT segment) AS names FROM grids GROUP BY grid, bins ORDER BY grid DESC, bins;
SELECT DISTINCT segment FROM grids WHERE rfm_segment_label(segment) IS NULL;
SELECT segment FROM rfm_grid('standard') EXCEPT SELECT segment FROM rfm_grid('rf');
-- five bins are the scores themselves; the ends of any bins are the ends of five
SELECT bins, string_agg(DISTINCT segment, ' ') FILTER (WHERE r = bins AND f = bins AND m = bins) AS best,
       string_agg(DISTINCT segment, ' ') FILTER (WHERE cell = '111') AS worst
FROM grids WHERE grid = 'standard' GROUP BY bins HAVING bool_or(r = bins AND f = bins AND m = bins AND segment <> 'champions') OR bool_or(cell = '111' AND segment <> 'lost');

-- in the target list, in a join, rescanned
SELECT rfm_grid('standard', 2);
SELECT x, (SELECT count(*) FROM rfm_grid('rf', x)) FROM generate_series(2, 4) x;

-- ---------------------------------------------------------------------------
-- bad arguments
-- ---------------------------------------------------------------------------
SELECT rfm_segment(NULL), rfm_segment('555', NULL), rfm_segment('555', 'rf', NULL);
SELECT rfm_segment('');
SELECT rfm_segment('55');
SELECT rfm_segment('5555');
SELECT rfm_segment(' 55');
SELECT rfm_segment('505');
SELECT rfm_segment('556');
SELECT rfm_segment('999', bins => 8);
SELECT rfm_segment('5a5');
SELECT rfm_segment('5-5');
SELECT rfm_segment('é5');
SELECT rfm_segment('555', 'Standard');
SELECT rfm_segment('555', '');
SELECT rfm_segment('555', 'rf', 1);
SELECT rfm_segment('555', 'rf', 10);
SELECT rfm_segment('555', 'rf', -2147483648);
SELECT * FROM rfm_grid('custom');
SELECT * FROM rfm_grid(NULL);
SELECT * FROM rfm_grid('rf', NULL);
SELECT * FROM rfm_grid('rf', 1);
SELECT * FROM rfm_grid('rf', 10);
\set VERBOSITY sqlstate
SELECT rfm_segment('556');
SELECT rfm_segment('555', 'custom');
SELECT rfm_segment('555', 'rf', 10);
SELECT rfm_segment_label('lost', 'de');
\set VERBOSITY default

-- ---------------------------------------------------------------------------
-- labels
-- ---------------------------------------------------------------------------
SELECT segment, rfm_segment_label(segment), rfm_segment_label(segment, 'fr')
FROM unnest(ARRAY['champions', 'loyal', 'potential_loyalist', 'new_customers', 'promising', 'need_attention', 'about_to_sleep',
                  'at_risk', 'cant_lose', 'hibernating', 'lost', 'unscored', 'none', 'vip', 'Lost', '']) segment;
SELECT coalesce(rfm_segment_label('vip', 'fr'), 'vip'), rfm_segment_label(NULL), rfm_segment_label('lost', NULL);
-- one label a segment, in both languages
SELECT lang, count(DISTINCT segment), count(DISTINCT rfm_segment_label(segment, lang)) FROM rfm_grid(), unnest(ARRAY['en', 'fr']) lang GROUP BY lang ORDER BY lang;
SELECT rfm_segment_label('lost', 'de');
SELECT rfm_segment_label('vip', 'FR');

-- ---------------------------------------------------------------------------
-- rfm_grid_check
-- ---------------------------------------------------------------------------
-- the grids themselves, as rules: a rule a cell of the table above, and of rf
CREATE TEMP TABLE own_rules (segment text, r_min int, r_max int, fm_min int, fm_max int);
INSERT INTO own_rules SELECT name, r, r, fm, fm FROM standard, unnest(ARRAY[fm1, fm2, fm3, fm4, fm5]) WITH ORDINALITY u(name, fm);
SELECT * FROM rfm_grid_check('own_rules');
CREATE TEMP TABLE rf_rules (segment varchar(30), r_min smallint, r_max bigint, f_min int, f_max int);
INSERT INTO rf_rules VALUES
    ('hibernating', NULL, 2, NULL, 2), ('at_risk', NULL, 2, 3, 4), ('cant_lose', NULL, 2, 5, NULL), ('about_to_sleep', 3, 3, 1, 2), ('need_attention', 3, 3, 3, 3),
    ('loyal', 3, 4, 4, 5), ('promising', 4, 4, 1, 1), ('new_customers', 5, 9223372036854775807, -3, 1), ('potential_loyalist', 4, 5, 2, 3), ('champions', 5, 5, 4, 5);
SELECT * FROM rfm_grid_check('rf_rules');
-- the join of the documentation: every cell once, named as the grid names it
SELECT count(*), count(DISTINCT g.cell), count(*) FILTER (WHERE t.segment = g.segment) AS agree
FROM rfm_grid() g LEFT JOIN own_rules t ON g.r BETWEEN t.r_min AND t.r_max AND (g.f + g.m + 1) / 2 BETWEEN t.fm_min AND t.fm_max;
SELECT count(*), count(DISTINCT g.cell), count(*) FILTER (WHERE t.segment = g.segment) AS agree
FROM rfm_grid('rf') g LEFT JOIN rf_rules t ON g.r BETWEEN coalesce(t.r_min, g.r) AND coalesce(t.r_max, g.r)
                                          AND g.f BETWEEN coalesce(t.f_min, g.f) AND coalesce(t.f_max, g.f);

-- holes, overlaps (of rules of one segment too), rules without a name, without a cell
CREATE TEMP TABLE small_rules (segment text, note text, m_min int, r_max int, r_min int);
INSERT INTO small_rules VALUES
    ('old', NULL, NULL, 1, NULL), ('new', NULL, 3, NULL, 3), ('rich', NULL, 3, NULL, NULL), (NULL, NULL, NULL, 2, 2), ('new', 'again', 3, 3, 3),
    ('never', 'r_min above r_max', NULL, 1, 2), ('far', NULL, 4, NULL, NULL), ('far', NULL, NULL, NULL, 4), (NULL, NULL, NULL, 0, NULL);
SELECT * FROM rfm_grid_check('small_rules', 3);
-- no rules: all holes
CREATE TEMP TABLE no_rules (segment text, m_max int);
SELECT problem, count(*), count(DISTINCT cell), count(segments) FROM rfm_grid_check('no_rules', 9) GROUP BY problem;
-- one rule without a bound: total
INSERT INTO no_rules VALUES ('all', NULL);
SELECT * FROM rfm_grid_check('no_rules', 9);

-- against the same question in plain SQL, on rules at random
CREATE TEMP TABLE random_rules AS
SELECT i AS rule, CASE WHEN i % 4 <> 1 THEN 's' || i % 5 END AS segment,
       CASE WHEN noise(i, 20) < 0.8 THEN floor(noise(i, 21) * 8)::int END AS r_min, CASE WHEN noise(i, 22) < 0.8 THEN floor(noise(i, 23) * 8)::int END AS r_max,
       CASE WHEN noise(i, 24) < 0.6 THEN floor(noise(i, 25) * 8)::int END AS f_min, CASE WHEN noise(i, 26) < 0.6 THEN floor(noise(i, 27) * 8)::int END AS f_max,
       CASE WHEN noise(i, 28) < 0.6 THEN floor(noise(i, 29) * 8)::int END AS m_min, CASE WHEN noise(i, 30) < 0.6 THEN floor(noise(i, 31) * 8)::int END AS m_max,
       CASE WHEN noise(i, 32) < 0.6 THEN floor(noise(i, 33) * 8)::int END AS fm_min, CASE WHEN noise(i, 34) < 0.6 THEN floor(noise(i, 35) * 8)::int END AS fm_max
FROM generate_series(1, 14) i;
CREATE TEMP VIEW covers AS
SELECT g.cell, t.rule, t.segment FROM rfm_grid('standard', 7) g JOIN random_rules t
    ON (r < r_min OR r > r_max OR f < f_min OR f > f_max OR m < m_min OR m > m_max
        OR ceil((f + m) / 2.0) < fm_min OR ceil((f + m) / 2.0) > fm_max) IS NOT TRUE;
CREATE TEMP VIEW expected AS
SELECT CASE WHEN count(rule) = 0 THEN 'hole' WHEN count(rule) > 1 THEN 'overlap' ELSE 'unnamed' END AS problem, g.cell,
       CASE WHEN count(rule) > 1 THEN string_agg(coalesce(segment, '(null)'), ', ' ORDER BY segment COLLATE "C") END AS segments
FROM (SELECT cell FROM rfm_grid('standard', 7)) g LEFT JOIN covers USING (cell) GROUP BY g.cell HAVING count(rule) <> 1 OR count(segment) = 0
UNION ALL
SELECT 'unused', NULL, segment FROM random_rules WHERE rule NOT IN (SELECT rule FROM covers);
SELECT problem, count(*) FROM expected GROUP BY problem ORDER BY problem;
(SELECT problem, cell, segments FROM rfm_grid_check('random_rules', 7) EXCEPT ALL TABLE expected)
UNION ALL (TABLE expected EXCEPT ALL SELECT problem, cell, segments FROM rfm_grid_check('random_rules', 7));
SELECT * FROM rfm_grid_check('random_rules', 7) WHERE cell IS DISTINCT FROM concat(r, f, m) AND problem <> 'unused';

-- a view, a partitioned table, names of an enum, bounds of a domain, a column dropped
CREATE VIEW "Rules; DROP TABLE ""x""" AS SELECT 'all'::text AS segment, 1 AS r_min;
SELECT * FROM rfm_grid_check('"Rules; DROP TABLE ""x"""');
CREATE SCHEMA "My ""Shop"".";
SET search_path = "My ""Shop"".", public;
CREATE TYPE names AS ENUM ('few', 'many');
CREATE DOMAIN score AS smallint CHECK (VALUE > 0);
CREATE TABLE "select" (gone int, segment names, f_min score, f_max int, "F_MAX" text, "m_min" numeric) PARTITION BY LIST (segment);
CREATE TABLE part PARTITION OF "select" DEFAULT;
ALTER TABLE "select" DROP COLUMN gone, DROP COLUMN m_min;
INSERT INTO "select" VALUES ('many', 2, NULL), ('few', NULL, 1);
-- and operators, functions and types in the way of those of the server
CREATE FUNCTION wrong(score, integer) RETURNS boolean LANGUAGE sql RETURN false;
CREATE OPERATOR <= (LEFTARG = score, RIGHTARG = integer, FUNCTION = wrong);
CREATE DOMAIN text AS pg_catalog.varchar(1);
CREATE DOMAIN int8 AS pg_catalog.int4 CHECK (VALUE > 5);
SET search_path = "My ""Shop"".", public, pg_catalog;
SELECT * FROM rfm_grid_check('"select"', 3);
SET search_path = '';
SELECT problem, count(*), min(segments) FROM public.rfm_grid_check('"My ""Shop""."."part"', 3) GROUP BY problem;
RESET search_path;
SELECT count(*) FROM rfm_grid_check('"My ""Shop""."."select"', 3);
SET client_min_messages = warning;
DROP SCHEMA "My ""Shop""." CASCADE;
RESET client_min_messages;
DROP VIEW "Rules; DROP TABLE ""x""";

-- what is no table of rules
CREATE TEMP TABLE wrong_rules (name text, r_min int);
CREATE TEMP SEQUENCE counter;
SELECT * FROM rfm_grid_check('wrong_rules');
ALTER TABLE wrong_rules RENAME name TO segment;
ALTER TABLE wrong_rules RENAME r_min TO "R_MIN";
SELECT * FROM rfm_grid_check('wrong_rules');
ALTER TABLE wrong_rules ADD fm_max numeric;
SELECT * FROM rfm_grid_check('wrong_rules');
ALTER TABLE wrong_rules ALTER fm_max TYPE int, ALTER segment TYPE int USING 1;
SELECT * FROM rfm_grid_check('wrong_rules');
SELECT * FROM rfm_grid_check('counter');
SELECT * FROM rfm_grid_check('pg_class_oid_index');
SELECT * FROM rfm_grid_check(0);
SELECT * FROM rfm_grid_check('no_such_table');
SELECT * FROM rfm_grid_check(NULL);
SELECT * FROM rfm_grid_check('no_rules', NULL);
SELECT * FROM rfm_grid_check('no_rules', 1);
SELECT * FROM rfm_grid_check('no_rules', 10);
\set VERBOSITY sqlstate
SELECT * FROM rfm_grid_check('wrong_rules');
SELECT * FROM rfm_grid_check('counter');
SELECT * FROM rfm_grid_check(0);
SELECT * FROM rfm_grid_check(NULL);
\set VERBOSITY default

-- the caller's rights count
CREATE ROLE retention_regress_nobody;
CREATE TABLE secret_rules (segment text, r_min int);
SET ROLE retention_regress_nobody;
SELECT * FROM rfm_grid_check('secret_rules');
RESET ROLE;
-- nor does a message tell what a column is like
ALTER TABLE secret_rules ALTER r_min TYPE numeric, ALTER segment TYPE int USING 1;
SET ROLE retention_regress_nobody;
SELECT * FROM rfm_grid_check('secret_rules');
RESET ROLE;
GRANT SELECT (r_min) ON secret_rules TO retention_regress_nobody;
SET ROLE retention_regress_nobody;
SELECT * FROM rfm_grid_check('secret_rules');
RESET ROLE;
ALTER TABLE secret_rules ALTER segment TYPE text;
GRANT SELECT (segment) ON secret_rules TO retention_regress_nobody;
SET ROLE retention_regress_nobody;
SELECT * FROM rfm_grid_check('secret_rules');
RESET ROLE;
ALTER TABLE secret_rules ALTER r_min TYPE int;
SET ROLE retention_regress_nobody;
SELECT count(*) FROM rfm_grid_check('secret_rules', 2);
RESET ROLE;
DROP TABLE secret_rules;
DROP ROLE retention_regress_nobody;

-- in the target list, for several tables, next to a change of the rules
SELECT rfm_grid_check('small_rules', 2);
SELECT t, (SELECT count(*) FROM rfm_grid_check(t)) FROM unnest(ARRAY['own_rules', 'rf_rules', 'no_rules', 'small_rules']::regclass[]) t;
BEGIN;
DELETE FROM own_rules WHERE segment = 'loyal' AND fm_min = 5;
SELECT * FROM rfm_grid_check('own_rules');
ROLLBACK;
