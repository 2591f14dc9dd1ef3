-- ---------------------------------------------------------------------------
-- uplift
-- ---------------------------------------------------------------------------

--@ since 0.3

CREATE TYPE uplift_row AS (
    arm text,
    metric text,
    customers bigint,
    eligible bigint,
    value double precision,
    control_value double precision,
    difference double precision,
    std_error double precision,
    ci_low double precision,
    ci_high double precision,
    relative double precision,
    incremental double precision,
    p_value double precision,
    in_several_arms bigint
);
COMMENT ON TYPE uplift_row IS
'a row of uplift: an arm of an experiment and a metric (conversion: a share; orders and revenue: for each customer; revenue_adjusted: by what customers spent before); value is of the eligible, whose window is over, difference is value - control_value with its interval, incremental is difference for all eligible';

CREATE FUNCTION uplift(state retention_state, confidence double precision DEFAULT 0.95) RETURNS uplift_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION uplift(retention_state, double precision) IS
'reads uplift from a stored state, with another confidence (0 to 1) if wanted: SELECT * FROM unnest((SELECT uplift(rollup(state), 0.9) FROM states))';

CREATE FUNCTION uplift_finalfn(state retention_state) RETURNS uplift_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION uplift_finalfn(retention_state) IS 'final function; for aggregates only';

CREATE FUNCTION uplift_transfn_{key}(retention_state, {key}, text, timestamptz, timestamptz, numeric, text, interval, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION uplift_transfn_{key}(retention_state, {key}, text, timestamptz, timestamptz, numeric, text, interval, interval, timestamptz) IS 'transition function; for aggregates only';

CREATE AGGREGATE uplift(customer {key}, arm text, assigned_at timestamptz, ordered_at timestamptz, amount numeric, control text, within interval, before interval, as_of timestamptz) (
    SFUNC = uplift_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = uplift_finalfn,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE uplift({key}, text, timestamptz, timestamptz, numeric, text, interval, interval, timestamptz) IS
'what the arms of an experiment brought within a time after the assignment, beside the control: conversion, orders, revenue, and revenue adjusted by the money before; rows of assignments LEFT JOIN orders: SELECT * FROM unnest((SELECT uplift(customer_id, arm, assigned_at, ordered_at, amount, ''control'', ''14 days'', ''90 days'', now()) FROM assignments LEFT JOIN orders USING (customer_id)))';

CREATE AGGREGATE uplift_state(customer {key}, arm text, assigned_at timestamptz, ordered_at timestamptz, amount numeric, control text, within interval, before interval, as_of timestamptz) (
    SFUNC = uplift_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE uplift_state({key}, text, timestamptz, timestamptz, numeric, text, interval, interval, timestamptz) IS
'state of uplift, to store, merge with rollup() and read with uplift()';
