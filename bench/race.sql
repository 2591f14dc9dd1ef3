-- race.sql: the machinery. A benchmark is a row of bench.work; bench.race() times its
-- contenders in turn (scan, ours, sql, scan, ours, sql ...) inside one session, so
-- that a slow minute of the machine is a slow minute for all of them. Times are taken
-- in the server: neither the client nor the way to it is part of them.

SET client_min_messages = warning;
DROP SCHEMA IF EXISTS bench CASCADE;
DROP EXTENSION IF EXISTS retention CASCADE;
CREATE EXTENSION retention;
CREATE SCHEMA bench;

-- Every query answers with numbers as double precision, after the group's key if
-- there are groups: that is how the answers are compared.
CREATE TABLE bench.work (
    position int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    section text NOT NULL,       -- which table of the report: serial, parallel, growth, histories
    name text NOT NULL,
    size bigint,                 -- growth: how many rows or groups
    scan text,                   -- the least that any answer must do
    ours text NOT NULL,
    indexed text,                -- the columns of an index on orders that is there meanwhile
    sql text,                    -- histories: ours over the orders; else the fastest SQL written straight from the definition
    tuned text,                  -- SQL rewritten with an eye on its plan, where that is faster
    most_scans numeric,          -- target: ours takes at most so many times the scan
    least_speedup numeric,       -- target: sql takes at least so many times ours
    least_gain numeric           -- parallel: ours alone takes at least so many times ours with two workers
);

CREATE TABLE bench.lap (
    position int NOT NULL REFERENCES bench.work,
    contender text NOT NULL,
    workers int NOT NULL,
    seconds double precision NOT NULL,
    processor double precision NOT NULL     -- of it, seconds that the query itself ran
);

CREATE VIEW bench.contender AS
SELECT position, contender, workers, query
FROM bench.work AS w
CROSS JOIN LATERAL (
    VALUES ('scan', 0, w.scan), ('ours', 0, w.ours), ('sql', 0, w.sql), ('tuned', 0, w.tuned)) AS serial (contender, workers, query)
WHERE w.section <> 'parallel' AND query IS NOT NULL
UNION ALL
SELECT position, 'ours', 2, ours
FROM bench.work
WHERE section = 'histories' AND ours LIKE '%customer_history%'
UNION ALL
SELECT position, contender, workers, query
FROM bench.work AS w
CROSS JOIN LATERAL (
    VALUES ('ours', 0, w.ours), ('ours', 2, w.ours), ('sql', 2, w.sql), ('tuned', 2, w.tuned)) AS paired (contender, workers, query)
WHERE w.section = 'parallel' AND query IS NOT NULL;

-- An answer in twelve digits: enough to tell two definitions apart, and not to tell
-- numeric division from the division of double precision.
CREATE FUNCTION bench.answer(query text) RETURNS text
LANGUAGE plpgsql SET extra_float_digits = -3 AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format('SELECT string_agg(a::text, E''\n'' ORDER BY a) FROM (%s) AS a', query) INTO answer;
    RETURN answer;
END $$;

CREATE FUNCTION bench.plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    plan text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        plan := plan || line || E'\n';
    END LOOP;
    RETURN plan;
END $$;

CREATE PROCEDURE bench.use_workers(workers int) LANGUAGE sql AS $$
    SELECT set_config('max_parallel_workers_per_gather', workers::text, true);
$$;

-- This is the warm-up too: every contender runs once.
CREATE PROCEDURE bench.check_answers(work bench.work) LANGUAGE plpgsql AS $$
DECLARE
    c record;
    answer text;
    first_answer text;
BEGIN
    FOR c IN SELECT * FROM bench.contender WHERE position = work.position LOOP
        CALL bench.use_workers(c.workers);
        -- what a table function runs inside, its plan does not show
        IF c.workers > 0 AND bench.plan(c.query) NOT SIMILAR TO '%(Gather|Function Scan)%' THEN
            IF c.contender = 'ours' THEN
                RAISE EXCEPTION '%: ours does not run in parallel', work.name
                    USING DETAIL = bench.plan(c.query);
            END IF;
            RAISE NOTICE '%: the server prefers to run % in one process', work.name, c.contender;
        END IF;
        answer := bench.answer(c.query);
        CONTINUE WHEN c.contender = 'scan';
        first_answer := coalesce(first_answer, answer);
        IF answer IS DISTINCT FROM first_answer THEN
            RAISE EXCEPTION '%: the answers of ours and % differ', work.name, c.contender
                USING DETAIL = format(E'%s\n%s', left(first_answer, 200), left(answer, 200));
        END IF;
    END LOOP;
END $$;

-- As the system counts it, in hundredths: it does not grow with what else the machine
-- does, or little.
CREATE FUNCTION bench.processor_seconds() RETURNS double precision LANGUAGE sql AS $$
    SELECT (stat[14]::int + stat[15]::int) / 100.0
    FROM string_to_array(regexp_replace(pg_read_file('/proc/self/stat'), '\(.*\)', 'name'), ' ') AS stat
$$;

CREATE PROCEDURE bench.race(work_position int, runs int) LANGUAGE plpgsql AS $$
DECLARE
    work bench.work;
    c record;
    start timestamptz;
    start_processor double precision;
BEGIN
    SELECT * INTO STRICT work FROM bench.work WHERE position = work_position;
    IF work.indexed IS NOT NULL THEN
        EXECUTE format('CREATE INDEX orders_indexed ON orders (%s)', work.indexed);
    END IF;
    CALL bench.check_answers(work);
    FOR run IN 1..runs LOOP
        FOR c IN SELECT * FROM bench.contender WHERE position = work_position LOOP
            CALL bench.use_workers(c.workers);
            start_processor := bench.processor_seconds();
            start := clock_timestamp();
            EXECUTE c.query;
            INSERT INTO bench.lap VALUES (work_position, c.contender, c.workers,
                extract(epoch FROM clock_timestamp() - start), bench.processor_seconds() - start_processor);
        END LOOP;
    END LOOP;
    IF work.indexed IS NOT NULL THEN
        DROP INDEX orders_indexed;
    END IF;
END $$;

CREATE TABLE bench.memory (
    position int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    bytes numeric NOT NULL,      -- of one customer or group
    at_most int                  -- target
);

CREATE FUNCTION bench.resident_peak() RETURNS bigint LANGUAGE sql AS $$
    SELECT 1024 * substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s*(\d+) kB')::bigint
$$;

-- By how many bytes a query raises the process's peak of resident memory, as the
-- system counts it: a check from outside, to be called once in a fresh session. What
-- it reads of the shared buffers, and the catalogs it needs, are touched before.
CREATE FUNCTION bench.peak_bytes(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    before bigint;
BEGIN
    PERFORM count(*) FROM orders;
    PERFORM bench.plan(query);
    before := bench.resident_peak();
    EXECUTE query;
    RETURN bench.resident_peak() - before;
END $$;
