-- ---------------------------------------------------------------------------
-- purchases: one pass over the orders, for every function that needs one row per customer
-- ---------------------------------------------------------------------------

CREATE FUNCTION purchases_state_transfn_{key}(retention_state, {key}, timestamptz, numeric, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION purchases_state_transfn_{key}(retention_state, {key}, timestamptz, numeric, timestamptz) IS 'transition function; for aggregates only';

CREATE AGGREGATE purchases_state(customer {key}, ordered_at timestamptz, amount numeric, as_of timestamptz) (
    SFUNC = purchases_state_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = retention_state_finalfn,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchases_state({key}, timestamptz, numeric, timestamptz) IS
'first and last order, number of orders and money of every customer before as_of, to store, merge with rollup() and read with rfm_segments(), segment_summary(), rfm_transitions(), rfm_breaks() and hero_buyers()';
