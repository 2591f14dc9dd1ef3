-- ---------------------------------------------------------------------------
-- rhythm
-- ---------------------------------------------------------------------------

--@ since 0.3

CREATE TYPE purchase_rhythm_row AS (
    orders bigint,
    first_order_at timestamptz,
    last_order_at timestamptz,
    mean_gap_days double precision,
    median_gap_days double precision,
    gap_cv double precision,
    days_since_last double precision,
    overdue_ratio double precision,
    expected_next_at timestamptz
);
COMMENT ON TYPE purchase_rhythm_row IS
'result of purchase_rhythm: gaps between orders in days of 24 hours, gap_cv their standard deviation / mean, overdue_ratio days_since_last / median_gap_days, expected_next_at the last order and a median gap; the last two of three orders or more';

CREATE FUNCTION purchase_rhythm(state retention_state) RETURNS purchase_rhythm_row
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION purchase_rhythm(retention_state) IS
'reads purchase_rhythm from a stored state: SELECT (purchase_rhythm(rollup(state))).* FROM states';

CREATE FUNCTION purchase_rhythm_transfn(retention_state, timestamptz, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION purchase_rhythm_transfn(retention_state, timestamptz, timestamptz) IS 'transition function; for aggregates only';

CREATE AGGREGATE purchase_rhythm(ordered_at timestamptz, as_of timestamptz) (
    SFUNC = purchase_rhythm_transfn,
    STYPE = retention_state,
    SSPACE = 200,
    FINALFUNC = purchase_rhythm,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchase_rhythm(timestamptz, timestamptz) IS
'how often the customer of a group orders and how late they are: SELECT customer_id, (purchase_rhythm(ordered_at, now())).* FROM orders WHERE amount > 0 GROUP BY customer_id';

CREATE AGGREGATE purchase_rhythm_state(ordered_at timestamptz, as_of timestamptz) (
    SFUNC = purchase_rhythm_transfn,
    STYPE = retention_state,
    SSPACE = 200,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchase_rhythm_state(timestamptz, timestamptz) IS
'state of purchase_rhythm, to store, merge with rollup() and read with purchase_rhythm()';

CREATE FUNCTION gap_survival(state retention_state) RETURNS survival
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION gap_survival(retention_state) IS
'days from each order to the next as a survival, from a state of gap_survival_state';

CREATE FUNCTION gap_survival_transfn_{key}(retention_state, {key}, timestamptz, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION gap_survival_transfn_{key}(retention_state, {key}, timestamptz, timestamptz) IS 'transition function; for aggregates only';

CREATE AGGREGATE gap_survival(customer {key}, ordered_at timestamptz, as_of timestamptz) (
    SFUNC = gap_survival_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = gap_survival,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE gap_survival({key}, timestamptz, timestamptz) IS
'whole days (24 hours) from each order to the customer''s next one, and from the last to as_of (censored); every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE gap_survival_state(customer {key}, ordered_at timestamptz, as_of timestamptz) (
    SFUNC = gap_survival_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE gap_survival_state({key}, timestamptz, timestamptz) IS
'state of gap_survival, to store, merge with rollup() and read with gap_survival()';

CREATE FUNCTION decay(at timestamptz, half_life interval, as_of timestamptz) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION decay(timestamptz, interval, timestamptz) IS
'how much what happened then still counts at as_of: half (0.5) after half_life, a quarter after two; 0 for what is not before as_of: sum(weight * decay(at, ''30 days'', now()))';
