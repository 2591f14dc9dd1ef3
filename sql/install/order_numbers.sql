-- ---------------------------------------------------------------------------
-- order numbers
-- ---------------------------------------------------------------------------

CREATE TYPE order_number_row AS (
    order_number integer,
    customers bigint,
    repurchased bigint,
    rate double precision,
    median_days_to_next double precision,
    eligible bigint,
    repurchased_within bigint,
    rate_within double precision
);
COMMENT ON TYPE order_number_row IS
'a row of repeat_by_order_number: who made this order, and the next; the last three columns look only at customers who have had the time for it';

CREATE FUNCTION repeat_by_order_number(state retention_state) RETURNS order_number_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION repeat_by_order_number(retention_state) IS
'reads repeat_by_order_number from a stored state: SELECT * FROM unnest((SELECT repeat_by_order_number(rollup(state)) FROM states))';

CREATE FUNCTION repeat_by_order_number_transfn_{key}(retention_state, {key}, timestamptz, integer, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION repeat_by_order_number_transfn_{key}(retention_state, {key}, timestamptz, integer, timestamptz) IS 'transition function; for aggregates only';

CREATE AGGREGATE repeat_by_order_number(customer {key}, ordered_at timestamptz, max_number integer, as_of timestamptz) (
    SFUNC = repeat_by_order_number_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = repeat_by_order_number,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_by_order_number({key}, timestamptz, integer, timestamptz) IS
'of those who made order n, how many made the next, for n up to max_number (1 to 10000), and how soon; of those who had 90 days for it, how many did within 90 days: SELECT * FROM unnest((SELECT repeat_by_order_number(customer_id, ordered_at, 10, now()) FROM orders WHERE amount > 0))';

CREATE AGGREGATE repeat_by_order_number_state(customer {key}, ordered_at timestamptz, max_number integer, as_of timestamptz) (
    SFUNC = repeat_by_order_number_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_by_order_number_state({key}, timestamptz, integer, timestamptz) IS
'state of repeat_by_order_number, to store, merge with rollup() and read with repeat_by_order_number()';

CREATE FUNCTION repeat_by_order_number_within_transfn_{key}(retention_state, {key}, timestamptz, integer, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION repeat_by_order_number_within_transfn_{key}(retention_state, {key}, timestamptz, integer, interval, timestamptz) IS 'transition function; for aggregates only';

CREATE AGGREGATE repeat_by_order_number(customer {key}, ordered_at timestamptz, max_number integer, within interval, as_of timestamptz) (
    SFUNC = repeat_by_order_number_within_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = repeat_by_order_number,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_by_order_number({key}, timestamptz, integer, interval, timestamptz) IS
'repeat_by_order_number with the time that customers are given for the next order; every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE repeat_by_order_number_state(customer {key}, ordered_at timestamptz, max_number integer, within interval, as_of timestamptz) (
    SFUNC = repeat_by_order_number_within_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_by_order_number_state({key}, timestamptz, integer, interval, timestamptz) IS
'state of repeat_by_order_number, to store, merge with rollup() and read with repeat_by_order_number()';
