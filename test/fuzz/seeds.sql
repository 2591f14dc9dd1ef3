-- seeds.sql: a state of every aggregate that returns one, of few orders and of more, by
-- every type of customer; made by calls from the catalogue, so that an aggregate that
-- comes later is there without a word. The result is table fuzz_seeds (name, type, seed), in
-- base64, as test/fuzz/seeds has it, but for those of so many customers that merging
-- takes other ways.
SET timezone = 'UTC';
SET extra_float_digits = 1;

CREATE TABLE fuzz_orders AS
SELECT id,
       c AS c_bigint,
       CASE WHEN c % 3 = 0 THEN 'a customer with a long name ' || c ELSE 'c' || c END AS c_text,
       md5(c::text)::uuid AS c_uuid,
       timestamptz '2024-01-01 00:00+00' + (id % 4) * interval '1 day' +
           CASE WHEN id <= 90 THEN id % 5 * (id * interval '31 hours') ELSE id % 150 * interval '1 day' END AS ordered_at,
       CASE id % 11
           WHEN 3 THEN -5.5
           WHEN 5 THEN NULL
           WHEN 7 THEN 1e40 + id
           WHEN 9 THEN 0.000000000000000000000000000000000000000000001
           ELSE round((id * 7919 % 20000) / 100.0, 2)
       END::numeric AS amount
FROM (SELECT id, CASE WHEN id = 7 THEN 0 WHEN id = 12 THEN -1 WHEN id <= 90 THEN id * id % 37 ELSE id % 400 END::bigint AS c
      FROM generate_series(1, 900) id) i;

-- What to give an argument of this name: a column, or what queries.sql has
CREATE TABLE fuzz_arguments AS TABLE fuzz_given;
ALTER TABLE fuzz_arguments ADD PRIMARY KEY (name);
INSERT INTO fuzz_arguments VALUES
    ('ordered_at', 'ordered_at'), ('amount', 'amount'), ('x', 'id % 7'),
    ('t_x', '(id % 7) * (1 + id % 5) / 7.0'), ('age', '(id % 7) * (1 + id % 5) / 7.0 + 1 + id % 11'),
    ('mean_repeat_value', 'nullif(id % 100, 0) + id % 7'), ('days', '(id % 61) / 4.0'), ('observed', 'id % 3 > 0'),
    ('at', 'ordered_at'), ('value', 'amount'), ('points', 'amount'), ('score', '(id % 12)::int'),
    ('arm', 'CASE WHEN c_bigint % 3 = 0 THEN ''control'' ELSE ''another arm'' END'),
    ('assigned_at', '''2024-03-01 00:00+00'''), ('signed_up_at', '''2024-01-01 00:00+00'''),
    ('starts_at', 'ordered_at'), ('ends_at', 'CASE WHEN id % 3 = 0 THEN ordered_at + interval ''40 days'' END'),
    ('expires_at', 'CASE WHEN id % 3 = 0 THEN ordered_at + interval ''40 days'' END'),
    ('steps', 'ARRAY[amount > 20, id % 3 > 0, amount < 60]'),
    ('event', '(''{view,checkout,remove,purchase,cart}''::text[])[1 + id % 5]'), ('product', '''P'' || id % 9'),
    ('population', '100 + id % 30'), ('answers', 'id % 50'), ('mean', 'id % 7'), ('variance', '1 + id % 97');

CREATE TABLE fuzz_seeds (name text, type regtype, seed text);

DO $$
DECLARE
    call record;
    part record;
    a text;
    b text;
BEGIN
    FOR call IN
        SELECT p.oid::regprocedure::text AS name, p.proname, p.prorettype::regtype AS type,
               string_agg(coalesce(v.expression, 'c_' || format_type(t, NULL)), ', ' ORDER BY n) AS arguments,
               bool_or(t = 'bigint'::regtype AND a.name IN ('customer', 'basket')) OR bool_and(a.name NOT IN ('customer', 'basket')) AS first_kind,
               bool_or(t = 'text'::regtype AND a.name IN ('customer', 'basket')) AS text_kind
        FROM pg_proc p
        JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'retention'
        CROSS JOIN unnest(p.proargtypes, p.proargnames) WITH ORDINALITY a(t, name, n)
        LEFT JOIN fuzz_arguments v USING (name)
        WHERE p.prokind = 'a' AND p.prorettype IN ('retention_state'::regtype, 'survival'::regtype, 'order_history'::regtype) AND p.proname <> 'rollup'
          AND 'order_history'::regtype <> ALL (p.proargtypes::regtype[])
        GROUP BY p.oid
    LOOP
        FOR part IN VALUES ('one', 'id = 1', NULL), ('few', 'id < 12', 'id BETWEEN 8 AND 20'), ('more', 'id <= 90', NULL),
                           ('many', 'id % 2 = 0', 'id % 3 = 0') LOOP
            CONTINUE WHEN part.column1 = 'more' AND NOT call.first_kind OR part.column1 = 'many' AND NOT call.text_kind;
            EXECUTE format('SELECT %s(%s)::text FROM fuzz_orders WHERE %s', call.proname, call.arguments, part.column2) INTO a;
            INSERT INTO fuzz_seeds VALUES (call.name || ' ' || part.column1, call.type, a);
            CONTINUE WHEN part.column3 IS NULL;
            -- and two to be merged: '2', the length of the first, both
            EXECUTE format('SELECT %s(%s)::text FROM fuzz_orders WHERE %s', call.proname, call.arguments, part.column3) INTO b;
            INSERT INTO fuzz_seeds
            SELECT call.name || ' two ' || part.column1, call.type,
                   translate(encode('2'::bytea || decode(lpad(to_hex(length(first)), 4, '0'), 'hex') || first || decode(b, 'base64'), 'base64'), E'\n', '')
            FROM decode(a, 'base64') first;
        END LOOP;
    END LOOP;
END $$;

-- and what is left of them when they are sealed, of whatever type the customers were
DO $$
DECLARE
    whole record;
    sealed text;
BEGIN
    FOR whole IN SELECT * FROM fuzz_seeds WHERE type = 'retention_state'::regtype AND name ~ ' (one|few|more)$' AND name !~ ' two ' ORDER BY name COLLATE "C" LOOP
        BEGIN
            sealed := seal(whole.seed::retention_state)::text;
        EXCEPTION WHEN datatype_mismatch THEN
            CONTINUE;
        END;
        INSERT INTO fuzz_seeds SELECT whole.name || ' sealed', whole.type, sealed WHERE NOT EXISTS (SELECT FROM fuzz_seeds WHERE seed = sealed);
    END LOOP;
END $$;
