-- ---------------------------------------------------------------------------
-- retention_state: the state of every aggregate that looks at customers
-- ---------------------------------------------------------------------------

CREATE TYPE retention_state;

CREATE FUNCTION retention_state_in(cstring) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION retention_state_in(cstring) IS
'text (base64) to retention_state';

CREATE FUNCTION retention_state_out(retention_state) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION retention_state_out(retention_state) IS
'retention_state to text (base64)';

CREATE FUNCTION retention_state_recv(internal) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION retention_state_recv(internal) IS
'binary form to retention_state';

CREATE FUNCTION retention_state_send(retention_state) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION retention_state_send(retention_state) IS
'retention_state to its binary form';

CREATE TYPE retention_state (
    INPUT = retention_state_in,
    OUTPUT = retention_state_out,
    RECEIVE = retention_state_recv,
    SEND = retention_state_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = double,
    STORAGE = extended
);
COMMENT ON TYPE retention_state IS
'stored state of a retention aggregate: built by ..._state(...), merged by rollup(), read by the function that has the name of the measure';

CREATE FUNCTION retention_state_combine(retention_state, retention_state) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION retention_state_combine(retention_state, retention_state) IS
'merges two states; for aggregates only';

--@ since 0.3
CREATE FUNCTION retention_state_finalfn(retention_state) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION retention_state_finalfn(retention_state) IS
'the same state; for aggregates only';

CREATE AGGREGATE rollup(state retention_state) (
    SFUNC = retention_state_combine,
    STYPE = retention_state,
    SSPACE = 1024,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE rollup(retention_state) IS
'merges stored states, exactly and in any order: SELECT repeat_rate(rollup(state)) FROM daily_states';

--@ since 0.3
CREATE FUNCTION merge(a retention_state, b retention_state) RETURNS retention_state
AS 'MODULE_PATHNAME', 'retention_state_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION merge(retention_state, retention_state) IS
'two states as one, as rollup() makes it of many rows: for upserts and incremental models; NULL if either is NULL';

--@ since 0.3
CREATE FUNCTION seal(state retention_state) RETURNS retention_state
AS 'MODULE_PATHNAME', 'retention_state_seal' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION seal(retention_state) IS
'what the results of a state need (counts, sums, cells), without its customers: a few kilobytes however many they were, merged by rollup() with other sealed states that have none of its customers in them';

CREATE FUNCTION state_info(state retention_state,
    OUT measure text, OUT customer_type text, OUT customers bigint, OUT bytes bigint)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION state_info(retention_state) IS
'what a state measures, the type and number of its customers, and the bytes it takes where it is now';
