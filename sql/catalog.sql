-- Rules that every object of the extension keeps. Each query lists the breaches.

CREATE TEMP VIEW members AS
SELECT p.* FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'retention');

-- there is something to look at
SELECT count(*) FILTER (WHERE prokind = 'a') > 40 AS aggregates, count(*) FILTER (WHERE prokind = 'f') > 40 AS functions FROM members;

-- every aggregate can be split between workers and pushed to shards: a combine
-- function, a state that is a real type with a binary form, no polymorphism, a
-- final function that needs the state alone
SELECT a.aggfnoid::regprocedure AS breach
FROM pg_aggregate a JOIN members p ON p.oid = a.aggfnoid JOIN pg_type t ON t.oid = a.aggtranstype
WHERE a.aggcombinefn = 0
   OR t.typtype = 'p' OR t.typsend = 0 OR t.typreceive = 0
   OR a.aggfinalextra OR a.aggmfinalextra
   OR a.aggfinalmodify <> 'r' OR a.aggmfinalmodify <> 'r'
   OR a.aggkind <> 'n'
   OR EXISTS (SELECT FROM unnest(p.proargtypes) x JOIN pg_type y ON y.oid = x WHERE y.typtype = 'p');

-- every function says what it is
SELECT oid::regprocedure AS breach FROM members WHERE obj_description(oid, 'pg_proc') IS NULL;
-- what reads its arguments alone is parallel safe and immutable; what reads a
-- table of the caller's, named by an argument, is a table function of the leader. Live
-- tracking is apart: what changes its tables is volatile and unsafe, and live_row_now
-- reads the clock
SELECT oid::regprocedure AS breach, proparallel, provolatile FROM members
WHERE CASE WHEN proname IN ('retention_track', 'retention_untrack', 'retention_refresh', 'retention_fit', 'retention_mark', 'retention_mark_changes') THEN proparallel <> 'u' OR provolatile <> 'v'
           WHEN proname = 'live_row_now' THEN proparallel <> 's' OR provolatile <> 's'
           WHEN 'regclass'::regtype = ANY (proargtypes) THEN proparallel <> 'r' OR provolatile <> 's' OR NOT proretset
           ELSE proparallel <> 's' OR provolatile <> 'i' END;
-- what is called by hand has named arguments
SELECT oid::regprocedure AS breach FROM members
WHERE pronargs > 0 AND proargnames IS NULL AND proname !~ '_(transfn|invfn)(_bigint|_text|_uuid|_history)?$' AND proname !~ '^(retention_state|survival|order_history)_(in|out|recv|send|combine|finalfn)$';
-- and no argument has the name of a result column
SELECT oid::regprocedure AS breach FROM members
WHERE (SELECT count(DISTINCT n) < count(*) FROM unnest(proargnames) n WHERE n <> '');
-- functions are strict, but for those of aggregates, where a NULL is a row, table
-- functions, where a NULL option is an error, and what is told a customer's mean
-- value, which is NULL of a customer without a repeat order; those of live tracking; and
-- what has a row to say of a visitor without any
SELECT oid::regprocedure AS breach FROM members
WHERE prokind = 'f' AND proisstrict <> (NOT proretset AND proname NOT IN ('expected_value', 'predicted_clv', 'live_row', 'live_row_now', 'retention_mark_changes', 'retention_track', 'retention_refresh', 'retention_fit', 'retention_mark', 'pending_intent_finalfn') AND proname !~ '_(transfn|invfn)(_bigint|_text|_uuid|_history)?$' AND proname !~ '_combine$');
-- nothing shadows a function of the server's own
SELECT m.oid::regprocedure AS breach FROM members m JOIN pg_proc p ON p.proname = m.proname AND p.pronamespace = 'pg_catalog'::regnamespace;
-- an aggregate of customers has an overload for each type of customer, with the same
-- arguments after it; others have none
SELECT proname AS breach, pronargs FROM members
WHERE prokind = 'a' AND proname <> 'rollup' AND proargnames[1] <> 'history'
GROUP BY proname, pronargs HAVING count(*) <> CASE WHEN bool_or(proargnames[1] IN ('customer', 'basket')) THEN 3 ELSE 1 END OR count(DISTINCT proargnames) <> 1;

-- every aggregate over order rows has its twin over histories: the same options, the same
-- state and result
SELECT oid::regprocedure AS breach FROM members a JOIN pg_aggregate ag ON aggfnoid = a.oid
WHERE aggtranstype = 'retention_state'::regtype AND proname <> 'rollup' AND proargnames[1] IN ('customer', 'ordered_at', 'amount')
  -- rows with another time than the order's, or one beside it, are none of a history, nor are lines
  AND NOT EXISTS (SELECT FROM unnest(proargnames) AS n WHERE n ~ '(^|_)at$' AND n <> 'ordered_at' OR n = 'product')
  AND NOT EXISTS (SELECT FROM members t JOIN pg_aggregate tag ON tag.aggfnoid = t.oid
                  WHERE t.proname = a.proname AND t.prorettype = a.prorettype AND tag.aggtranstype = ag.aggtranstype AND tag.aggfinalfn = ag.aggfinalfn
                    AND t.proargnames = 'history'::text || array_remove(array_remove(array_remove(a.proargnames, 'customer'), 'ordered_at'), 'amount'));

-- every table function over orders that shows customers or models has its twin over a
-- history: the same rows; the history first, then the type of its customers, if rows name them
SELECT oid::regprocedure AS breach FROM members f
WHERE prokind = 'f' AND 'orders_table' = ANY (proargnames) AND proname NOT IN ('retention_check', 'order_histories', 'retention_track', 'retention_live_status')
  AND NOT EXISTS (SELECT FROM members t WHERE t.proname = f.proname AND t.proargnames[1] = 'history'
                  AND (t.proargnames[2] = 'customer_type') = ('customer' = ANY (t.proargnames)) AND t.proallargtypes[t.pronargs + 1:] = f.proallargtypes[f.pronargs + 1:]);

-- the extension can be moved
SELECT extrelocatable FROM pg_extension WHERE extname = 'retention';
