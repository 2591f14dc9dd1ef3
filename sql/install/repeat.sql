-- ---------------------------------------------------------------------------
-- repeat
-- ---------------------------------------------------------------------------

CREATE FUNCTION repeat_rate_transfn_{key}(retention_state, {key}) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION repeat_rate_transfn_{key}(retention_state, {key}) IS 'transition function; for aggregates only';

CREATE FUNCTION repeat_rate_invfn_{key}(retention_state, {key}) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION repeat_rate_invfn_{key}(retention_state, {key}) IS 'inverse transition function; for aggregates only';

CREATE FUNCTION repeat_rate_window_transfn_{key}(retention_state, {key}, timestamptz, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION repeat_rate_window_transfn_{key}(retention_state, {key}, timestamptz, interval, timestamptz) IS 'transition function; for aggregates only';

CREATE FUNCTION second_order_rate_transfn_{key}(retention_state, {key}, timestamptz, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION second_order_rate_transfn_{key}(retention_state, {key}, timestamptz, interval, timestamptz) IS 'transition function; for aggregates only';

CREATE FUNCTION repeat_rate(state retention_state) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION repeat_rate(retention_state) IS
'share of customers (0 to 1) that came back, from a state of repeat_rate_state';

CREATE FUNCTION second_order_rate(state retention_state) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION second_order_rate(retention_state) IS
'share of customers (0 to 1) with a timely second order, from a state of second_order_rate_state';

CREATE AGGREGATE repeat_rate(customer {key}) (
    SFUNC = repeat_rate_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = repeat_rate,
    COMBINEFUNC = retention_state_combine,
    MSFUNC = repeat_rate_transfn_{key},
    MINVFUNC = repeat_rate_invfn_{key},
    MSTYPE = retention_state,
    MSSPACE = 256,
    MFINALFUNC = repeat_rate,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_rate({key}) IS
'share of customers (0 to 1) with at least two rows; count orders only with FILTER (WHERE amount > 0); fast in sliding windows';

CREATE AGGREGATE repeat_rate_state(customer {key}) (
    SFUNC = repeat_rate_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_rate_state({key}) IS
'state of repeat_rate(customer), to store, merge with rollup() and read with repeat_rate()';

CREATE AGGREGATE repeat_rate(customer {key}, ordered_at timestamptz, period interval, as_of timestamptz) (
    SFUNC = repeat_rate_window_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = repeat_rate,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_rate({key}, timestamptz, interval, timestamptz) IS
'share (0 to 1) of all customers with an order before as_of that ordered at least twice in [as_of - period, as_of); every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE repeat_rate_state(customer {key}, ordered_at timestamptz, period interval, as_of timestamptz) (
    SFUNC = repeat_rate_window_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_rate_state({key}, timestamptz, interval, timestamptz) IS
'state of repeat_rate(customer, ordered_at, period, as_of), to store, merge with rollup() and read with repeat_rate()';

CREATE AGGREGATE second_order_rate(customer {key}, ordered_at timestamptz, within interval, as_of timestamptz) (
    SFUNC = second_order_rate_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = second_order_rate,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE second_order_rate({key}, timestamptz, interval, timestamptz) IS
'share (0 to 1) of customers with first order + within <= as_of that ordered again before first order + within; every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE second_order_rate_state(customer {key}, ordered_at timestamptz, within interval, as_of timestamptz) (
    SFUNC = second_order_rate_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE second_order_rate_state({key}, timestamptz, interval, timestamptz) IS
'state of second_order_rate, to store, merge with rollup() and read with second_order_rate()';
