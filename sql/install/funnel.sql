-- ---------------------------------------------------------------------------
-- funnel
-- ---------------------------------------------------------------------------

--@ since 0.3

CREATE TYPE funnel_row AS (
    step integer,
    customers bigint,
    eligible bigint,
    reached bigint,
    rate double precision,
    step_rate double precision,
    median_seconds double precision
);
COMMENT ON TYPE funnel_row IS
'a row of funnel: customers who have taken the step so far; of the eligible, who began at least "within" before as_of, those who took it in time, as a share of all of them (rate) and of those who took the step before (step_rate), and the median seconds from that one';

CREATE FUNCTION funnel(state retention_state) RETURNS funnel_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION funnel(retention_state) IS
'reads funnel from a stored state: SELECT * FROM unnest((SELECT funnel(rollup(state)) FROM states))';

CREATE FUNCTION funnel_transfn_{key}(retention_state, {key}, timestamptz, boolean[], interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION funnel_transfn_{key}(retention_state, {key}, timestamptz, boolean[], interval, timestamptz) IS 'transition function; for aggregates only';

CREATE AGGREGATE funnel(customer {key}, at timestamptz, steps boolean[], within interval, as_of timestamptz) (
    SFUNC = funnel_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = funnel,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE funnel({key}, timestamptz, boolean[], interval, timestamptz) IS
'how many customers take each of 2 to 32 steps one after the other, all within a time from the first: SELECT * FROM unnest((SELECT funnel(visitor_id, hit_at, ARRAY[action = ''view'', action = ''cart'', action = ''purchase''], ''1 hour'', now()) FROM hits))';

CREATE AGGREGATE funnel_state(customer {key}, at timestamptz, steps boolean[], within interval, as_of timestamptz) (
    SFUNC = funnel_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE funnel_state({key}, timestamptz, boolean[], interval, timestamptz) IS
'state of funnel, to store, merge with rollup() and read with funnel()';

CREATE FUNCTION funnel_step(state retention_state) RETURNS integer
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION funnel_step(retention_state) IS
'reads funnel_step from a stored state: SELECT funnel_step(rollup(state)) FROM states';

CREATE FUNCTION funnel_step_transfn(retention_state, timestamptz, boolean[], interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION funnel_step_transfn(retention_state, timestamptz, boolean[], interval, timestamptz) IS 'transition function; for aggregates only';

CREATE AGGREGATE funnel_step(at timestamptz, steps boolean[], within interval, as_of timestamptz) (
    SFUNC = funnel_step_transfn,
    STYPE = retention_state,
    SSPACE = 200,
    FINALFUNC = funnel_step,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE funnel_step(timestamptz, boolean[], interval, timestamptz) IS
'how many steps of a funnel the customer of a group has taken, in an attempt that may go on: SELECT customer_id, funnel_step(at, ARRAY[event = ''view'', event = ''cart''], ''1 hour'', now()) FROM events GROUP BY customer_id; 0: none began, NULL: no row is a step';

CREATE AGGREGATE funnel_step_state(at timestamptz, steps boolean[], within interval, as_of timestamptz) (
    SFUNC = funnel_step_transfn,
    STYPE = retention_state,
    SSPACE = 200,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE funnel_step_state(timestamptz, boolean[], interval, timestamptz) IS
'state of funnel_step, to store, merge with rollup() and read with funnel_step()';
