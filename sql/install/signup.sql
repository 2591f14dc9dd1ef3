-- ---------------------------------------------------------------------------
-- sign-ups
-- ---------------------------------------------------------------------------

--@ since 0.3

CREATE FUNCTION signup_retention(state retention_state) RETURNS cohort_retention_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION signup_retention(retention_state) IS
'reads signup_retention from a stored state: SELECT * FROM unnest((SELECT signup_retention(rollup(state)) FROM states))';

CREATE FUNCTION signup_retention_transfn_{key}(retention_state, {key}, timestamptz, timestamptz, numeric, text, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION signup_retention_transfn_{key}(retention_state, {key}, timestamptz, timestamptz, numeric, text, timestamptz, text) IS 'transition function; for aggregates only';

CREATE AGGREGATE signup_retention(customer {key}, signed_up_at timestamptz, ordered_at timestamptz, amount numeric, grain text, as_of timestamptz, tz text) (
    SFUNC = signup_retention_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = signup_retention,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE signup_retention({key}, timestamptz, timestamptz, numeric, text, timestamptz, text) IS
'customers who order, by the calendar period of their sign-up; rows are people LEFT JOIN their orders, and cohort is the first day of the period of the earliest sign-up: SELECT * FROM unnest((SELECT signup_retention(customer_id, signed_up_at, ordered_at, amount, ''month'', now(), ''UTC'') FROM people LEFT JOIN orders USING (customer_id)))';

CREATE AGGREGATE signup_retention_state(customer {key}, signed_up_at timestamptz, ordered_at timestamptz, amount numeric, grain text, as_of timestamptz, tz text) (
    SFUNC = signup_retention_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE signup_retention_state({key}, timestamptz, timestamptz, numeric, text, timestamptz, text) IS
'state of signup_retention, to store, merge with rollup() and read with signup_retention()';
