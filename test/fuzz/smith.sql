-- smith.sql: what make smith asks about: orders, odd ones, none, a view of them, rules,
-- and states of every aggregate. seeds.sql has run before.
CREATE TABLE orders AS
SELECT i.id, c::bigint AS c_bigint, c::int AS c_int,
       CASE WHEN c % 3 = 0 THEN 'a customer with a long name ' || c ELSE 'c' || c END AS c_text, md5(c::text)::uuid AS c_uuid,
       timestamptz '2023-06-01 00:00+00' + (i.id * 7919 % 9000) * interval '1 hour' AS ordered_at,
       (date '2023-06-01' + i.id::int % 400) AS ordered_on, (i.id * 7919 % 20000)::bigint AS cents,
       round((i.id * 7919 % 20000) / 100.0, 2) AS amount
FROM (SELECT id, id * id % 53 AS c FROM generate_series(1, 300::bigint) id) i;

CREATE TABLE odd_orders AS SELECT * FROM orders WHERE id < 30;
UPDATE odd_orders SET c_bigint = NULL, c_text = '', c_uuid = NULL WHERE id % 7 = 0;
UPDATE odd_orders SET ordered_at = NULL WHERE id % 5 = 0;
UPDATE odd_orders SET amount = CASE id % 4 WHEN 0 THEN NULL WHEN 1 THEN -amount WHEN 2 THEN amount * 1e40 ELSE amount * 1e-40 END;
UPDATE odd_orders SET ordered_at = '4714-11-24 00:00:00+00 BC' WHERE id = 3;
UPDATE odd_orders SET ordered_at = '294276-12-31 23:59:59+00' WHERE id = 4;
UPDATE odd_orders SET c_bigint = 9223372036854775807, ordered_at = '2024-02-29' WHERE id = 6;

CREATE TABLE empty_orders AS SELECT * FROM orders WHERE false;
CREATE VIEW order_view AS SELECT * FROM orders WHERE id % 2 = 0;
CREATE TABLE rules (segment text, r_min int, r_max int, f_min int, f_max int);
INSERT INTO rules VALUES ('good', 3, NULL, 3, NULL), ('bad', NULL, 2, NULL, NULL), ('odd', 5, 1, NULL, 9);
ANALYZE;

CREATE TABLE states (name text, s retention_state);
CREATE TABLE survivals (name text, s survival);
INSERT INTO states SELECT name, seed::retention_state FROM fuzz_seeds WHERE type = 'retention_state'::regtype AND name !~ ' two ';
INSERT INTO survivals SELECT name, seed::survival FROM fuzz_seeds WHERE type = 'survival'::regtype AND name !~ ' two ';

-- Support functions can only be called by their aggregates; test/t/005_hostile.pl tries.
CREATE VIEW catalogue AS
SELECT concat_ws(E'\t', 'function', proname, prokind, proretset::text::char, format_type(prorettype, NULL),
                 coalesce((SELECT string_agg(coalesce(a.name, '') || ':' || format_type(a.t, NULL), ',' ORDER BY n)
                           FROM unnest(proargtypes, proargnames[1:pronargs]) WITH ORDINALITY a(t, name, n)), ''),
                 pronargdefaults) AS line
FROM pg_extension e
JOIN pg_depend d ON d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
JOIN pg_proc p ON p.oid = d.objid
WHERE e.extname = 'retention' AND proname !~ '_(transfn|invfn|combine)(_|$)'
  AND NOT p.proargtypes::regtype[] && '{internal,cstring}'::regtype[]
UNION ALL
(SELECT concat_ws(E'\t', 'column', format_type(c.reltype, NULL), format_type(a.atttypid, a.atttypmod))
 FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
 WHERE c.relkind = 'c' AND c.relnamespace = 'public'::regnamespace
 ORDER BY c.oid, a.attnum);
