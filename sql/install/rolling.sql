-- ---------------------------------------------------------------------------
-- rolling retention
-- ---------------------------------------------------------------------------

CREATE TYPE rolling_retention_row AS (
    period_index integer,
    customers bigint,
    eligible bigint,
    retained bigint,
    rate double precision,
    retained_or_later bigint,
    rate_or_later double precision,
    is_complete boolean
);
COMMENT ON TYPE rolling_retention_row IS
'a row of rolling_retention: a window of the customers'' own clocks; rates (0 to 1) are of the eligible, whose window has ended; or_later counts who came in this window or any later one';

CREATE FUNCTION rolling_retention(state retention_state) RETURNS rolling_retention_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rolling_retention(retention_state) IS
'reads rolling_retention from a stored state: SELECT * FROM unnest((SELECT rolling_retention(rollup(state)) FROM states))';

CREATE FUNCTION rolling_retention_transfn_{key}(retention_state, {key}, timestamptz, interval, integer, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rolling_retention_transfn_{key}(retention_state, {key}, timestamptz, interval, integer, timestamptz) IS 'transition function; for aggregates only';

CREATE AGGREGATE rolling_retention(customer {key}, ordered_at timestamptz, unit interval, max_index integer, as_of timestamptz) (
    SFUNC = rolling_retention_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = rolling_retention,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE rolling_retention({key}, timestamptz, interval, integer, timestamptz) IS
'customers who come back in the n-th unit after their first order, for n up to max_index (0 to 10000), each on a clock of their own: SELECT * FROM unnest((SELECT rolling_retention(customer_id, ordered_at, ''30 days'', 12, now()) FROM orders WHERE amount > 0))';

CREATE AGGREGATE rolling_retention_state(customer {key}, ordered_at timestamptz, unit interval, max_index integer, as_of timestamptz) (
    SFUNC = rolling_retention_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE rolling_retention_state({key}, timestamptz, interval, integer, timestamptz) IS
'state of rolling_retention, to store, merge with rollup() and read with rolling_retention()';
