-- queries.sql: table fuzz_queries (type, query, heavy) of everything that functions read
-- off a state or a history, and that aggregates read off histories; made from the
-- catalogue: $1 is the state. A function with an argument whose name is not known here is
-- an error.
CREATE TABLE fuzz_given (name text PRIMARY KEY, expression text);
INSERT INTO fuzz_given VALUES
    ('day', '3.5'), ('p', '0.5'), ('horizon', '100'), ('state', '$1'), ('s', '$1'), ('from_state', '$1'),
    ('to_state', '$1'), ('calibration', '$1'), ('holdout', '$1'), ('groups', 'ARRAY[$1, NULL, $1]'),
    ('a', '$1'), ('b', '$1'), ('history', '$1'), ('customer_type', 'NULL::%s'), ('family', '''bgnbd'''),
    ('cuts', 'ROW(5, ''standard'', ARRAY[timestamptz ''2024-03-01 00:00+00''], ARRAY[2], ARRAY[50])::rfm_cuts'),
    ('from_as_of', '''2024-04-01 00:00+00'''), ('to_as_of', '''2024-07-01 00:00+00'''),
    ('calibration_end', '''2024-04-01 00:00+00'''), ('holdout_end', '''2024-07-01 00:00+00'''),
    ('period', '''90 days'''), ('lifetime', '''2 years'''), ('within', '''1 month'''), ('inactive_after', '''60 days'''),
    ('unit', '''7 days'''), ('max_index', '12'), ('max_number', '6'), ('grain', '''month'''), ('tz', '''Europe/Paris'''),
    ('period_start', '''2024-02-01 00:00+00'''), ('period_end', '''2024-05-01 00:00+00'''),
    ('as_of', '''2024-07-01 00:00+00'''), ('min_count', '2'), ('threshold', '500'), ('control', '''control'''),
    ('before', '''90 days'''), ('grace', '''2 days'''), ('expire', '''20 days''');

CREATE TABLE fuzz_queries AS
WITH functions AS (
    SELECT p.oid, p.proname, p.prorettype, p.proretset, p.prokind = 'a' AS aggregates,
           'anyelement'::regtype = ANY (p.proargtypes) AS anchored,
           (SELECT t FROM unnest('{retention_state,order_history,survival}'::text[]) t
            WHERE t::regtype = ANY (p.proargtypes) OR (t || '[]')::regtype = ANY (p.proargtypes)) AS type,
           (SELECT string_agg(coalesce(g.expression, '!' || coalesce(a.name, 'nameless')), ', ' ORDER BY a.n)
            FROM unnest(p.proargtypes[0:p.pronargs - p.pronargdefaults - 1], p.proargnames[1:p.pronargs - p.pronargdefaults])
                 WITH ORDINALITY a(t, name, n)
            LEFT JOIN fuzz_given g USING (name)) AS arguments
    FROM pg_proc p
    JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'retention'
    WHERE ARRAY['retention_state', 'survival', 'survival[]', 'order_history']::regtype[] && p.proargtypes::regtype[]
      AND (p.prokind = 'f' AND p.proname !~ '_(transfn|invfn|combine|finalfn|in|out|send|recv)(_|$)'
           OR p.prokind = 'a' AND p.proname <> 'rollup' AND 'order_history'::regtype = ANY (p.proargtypes))
)
SELECT type,
       CASE
           WHEN proretset THEN format('SELECT md5(string_agg(x::text, '','')) FROM %s(%s) x', proname, arguments)
           WHEN aggregates THEN format('SELECT md5(%s(%s)::text) FROM (VALUES ($1)) v(h)', proname, replace(arguments, '$1', 'h'))
           WHEN format_type(prorettype, NULL) ~ '\[\]$' THEN format('SELECT md5(string_agg(x::text, '','')) FROM unnest(%s(%s)) x', proname, arguments)
           ELSE format('SELECT (%s(%s))::text', proname, arguments)
       END AS query,
       proname ~ '^(fit|predict|backtest|forecast)' AS heavy
FROM (SELECT type, proname, prorettype, proretset, aggregates, format(arguments, kind) AS arguments
      FROM functions, LATERAL unnest(CASE WHEN anchored THEN '{bigint,text,uuid}' ELSE '{bigint}' END::text[]) kind) f;

DO $$
DECLARE bad text;
BEGIN
    SELECT string_agg(query, '; ') INTO bad FROM fuzz_queries WHERE query ~ '!';
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'queries.sql knows no value for an argument: %', bad;
    END IF;
END $$;
