-- ---------------------------------------------------------------------------
-- lifecycle
-- ---------------------------------------------------------------------------

CREATE TYPE lifecycle_row AS (
    period_start date,
    active_customers bigint,
    new_customers bigint,
    returning_customers bigint,
    resurrected_customers bigint,
    dormant_customers bigint,
    silent_customers bigint,
    dormant_rate double precision,
    quick_ratio double precision,
    is_complete boolean
);
COMMENT ON TYPE lifecycle_row IS
'a row of lifecycle: the customers of a calendar period; active = new + returning + resurrected; dormant_rate is dormant / active in the period before (0 to 1), quick_ratio (new + resurrected) / dormant';

CREATE FUNCTION lifecycle(state retention_state) RETURNS lifecycle_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lifecycle(retention_state) IS
'reads lifecycle from a stored state: SELECT * FROM unnest((SELECT lifecycle(rollup(state)) FROM states))';

CREATE FUNCTION lifecycle_transfn_{key}(retention_state, {key}, timestamptz, text, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION lifecycle_transfn_{key}(retention_state, {key}, timestamptz, text, timestamptz, text) IS 'transition function; for aggregates only';

CREATE AGGREGATE lifecycle(customer {key}, ordered_at timestamptz, grain text, as_of timestamptz, tz text) (
    SFUNC = lifecycle_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = lifecycle,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE lifecycle({key}, timestamptz, text, timestamptz, text) IS
'customers per calendar period (''day'', ''week'', ''month'', ''quarter'', ''year'', or ''week_sunday'', ''fiscal_year_04''; in tz): new, returning, resurrected, dormant, silent: SELECT * FROM unnest((SELECT lifecycle(customer_id, ordered_at, ''month'', now(), ''UTC'') FROM orders WHERE amount > 0))';

CREATE AGGREGATE lifecycle_state(customer {key}, ordered_at timestamptz, grain text, as_of timestamptz, tz text) (
    SFUNC = lifecycle_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE lifecycle_state({key}, timestamptz, text, timestamptz, text) IS
'state of lifecycle, to store, merge with rollup() and read with lifecycle()';
