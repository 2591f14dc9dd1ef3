-- queries.sql: table fuzz_queries (type, query, heavy) of everything that functions read
-- off a state, made from the catalogue: $1 is the state. A function with an argument
-- whose name is not known here is an error.
CREATE TABLE fuzz_given (name text PRIMARY KEY, expression text);
INSERT INTO fuzz_given VALUES
    ('day', '3.5'), ('p', '0.5'), ('horizon', '100'), ('state', '$1'), ('s', '$1'), ('from_state', '$1'),
    ('to_state', '$1'), ('calibration', '$1'), ('holdout', '$1'), ('groups', 'ARRAY[$1, NULL, $1]'),
    ('customer_type', 'NULL::%s');

CREATE TABLE fuzz_queries AS
WITH functions AS (
    SELECT p.oid, p.proname, p.prorettype, p.proretset,
           p.proargtypes[0] = 'anyelement'::regtype AS anchored,
           CASE WHEN 'retention_state'::regtype = ANY (p.proargtypes) THEN 'retention_state' ELSE 'survival' END AS type,
           (SELECT string_agg(coalesce(g.expression, '!' || coalesce(a.name, 'nameless')), ', ' ORDER BY a.n)
            FROM unnest(p.proargtypes[0:p.pronargs - p.pronargdefaults - 1], p.proargnames[1:p.pronargs - p.pronargdefaults])
                 WITH ORDINALITY a(t, name, n)
            LEFT JOIN fuzz_given g USING (name)) AS arguments
    FROM pg_proc p
    JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'retention'
    WHERE p.prokind = 'f' AND p.proname !~ '_(transfn|invfn|combine|in|out|send|recv)(_|$)'
      AND ARRAY['retention_state', 'survival', 'survival[]']::regtype[] && p.proargtypes::regtype[]
)
SELECT type,
       CASE
           WHEN proretset THEN format('SELECT md5(string_agg(x::text, '','')) FROM %s(%s) x', proname, arguments)
           WHEN format_type(prorettype, NULL) ~ '\[\]$' THEN format('SELECT md5(string_agg(x::text, '','')) FROM unnest(%s(%s)) x', proname, arguments)
           ELSE format('SELECT (%s(%s))::text', proname, arguments)
       END AS query,
       proname ~ '^(fit|predict|backtest)' AS heavy
FROM (SELECT type, proname, prorettype, proretset, format(arguments, kind) AS arguments
      FROM functions, LATERAL unnest(CASE WHEN anchored THEN '{bigint,text,uuid}' ELSE '{bigint}' END::text[]) kind) f;

DO $$
DECLARE bad text;
BEGIN
    SELECT string_agg(query, '; ') INTO bad FROM fuzz_queries WHERE query ~ '!';
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'queries.sql knows no value for an argument: %', bad;
    END IF;
END $$;
