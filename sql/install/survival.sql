-- ---------------------------------------------------------------------------
-- survival
-- ---------------------------------------------------------------------------

CREATE TYPE survival;

CREATE FUNCTION survival_in(cstring) RETURNS survival
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION survival_in(cstring) IS
'text (base64) to survival';

CREATE FUNCTION survival_out(survival) RETURNS cstring
AS 'MODULE_PATHNAME', 'retention_state_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION survival_out(survival) IS
'survival to text (base64)';

CREATE FUNCTION survival_recv(internal) RETURNS survival
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION survival_recv(internal) IS
'binary form to survival';

CREATE FUNCTION survival_send(survival) RETURNS bytea
AS 'MODULE_PATHNAME', 'retention_state_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION survival_send(survival) IS
'survival to its binary form';

CREATE TYPE survival (
    INPUT = survival_in,
    OUTPUT = survival_out,
    RECEIVE = survival_recv,
    SEND = survival_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = double,
    STORAGE = extended
);
COMMENT ON TYPE survival IS
'times until an event, of some not seen to the end: the numbers of events and of censored at each time; built by survival() or repeat_survival(), merged by rollup(), read by survival_curve() and others';

CREATE FUNCTION survival_combine(survival, survival) RETURNS survival
AS 'MODULE_PATHNAME', 'retention_state_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION survival_combine(survival, survival) IS
'merges two survivals; for aggregates only';

CREATE FUNCTION survival_transfn(survival, double precision, boolean) RETURNS survival
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE survival(days double precision, observed boolean) (
    SFUNC = survival_transfn,
    STYPE = survival,
    SSPACE = 1024,
    COMBINEFUNC = survival_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE survival(double precision, boolean) IS
'times until an event in days (0 or more, with a fraction): observed true where the event came then, false where nothing is known after that time (censored); a row with a NULL is ignored';

CREATE AGGREGATE rollup(s survival) (
    SFUNC = survival_combine,
    STYPE = survival,
    SSPACE = 1024,
    COMBINEFUNC = survival_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE rollup(survival) IS
'merges survivals, exactly and in any order: SELECT survival_quantile(rollup(s), 0.5) FROM daily_survivals';

--@ since 0.3
CREATE FUNCTION merge(a survival, b survival) RETURNS survival
AS 'MODULE_PATHNAME', 'retention_state_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION merge(survival, survival) IS
'two survivals as one, as rollup() makes it of many rows; NULL if either is NULL';

--@ since 0.3
CREATE FUNCTION seal(s survival) RETURNS survival
AS 'MODULE_PATHNAME', 'survival_seal' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION seal(survival) IS
'the same survival, which has times and no customers: so that it may stand wherever a state is sealed';

CREATE FUNCTION survival_curve(s survival, confidence double precision DEFAULT 0.95)
RETURNS TABLE (day double precision, at_risk bigint, events bigint, censored bigint, survival double precision, std_error double precision, ci_low double precision, ci_high double precision)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 400;
COMMENT ON FUNCTION survival_curve(survival, double precision) IS
'the Kaplan-Meier curve, a row for every day (24 hours, with a fraction) with an event or a censored time: survival is the share (0 to 1) without the event after that day, with its standard error (Greenwood) and log(-log) confidence interval; NULL where it has none';

CREATE FUNCTION survival_at(s survival, day double precision) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION survival_at(survival, double precision) IS
'share (0 to 1) without the event after so many days; after the last day known its last value holds';

CREATE FUNCTION survival_quantile(s survival, p double precision) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION survival_quantile(survival, double precision) IS
'days until the share p (0 to 1) has had the event, 0.5 for the median; NULL if so many never have';

CREATE FUNCTION survival_mean(s survival, horizon double precision) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION survival_mean(survival, double precision) IS
'mean days until the event, up to a horizon (days): whoever has none by then counts with the horizon';

CREATE FUNCTION inactivity_threshold(s survival, share double precision DEFAULT 0.8) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION inactivity_threshold(survival, double precision) IS
'days of inactivity after which a customer is probably gone: by then a share (0 to 1) of all who ever come back have done so; NULL without events';

CREATE FUNCTION logrank(groups survival[], OUT chi_square double precision, OUT df integer, OUT p_value double precision)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION logrank(survival[]) IS
'do groups differ? the log-rank test: chi-square, its degrees of freedom, and how likely (0 to 1) so large a difference is if there is none; NULLs if fewer than two groups can be compared: logrank(array_agg(s))';

CREATE FUNCTION repeat_survival_transfn_{key}(retention_state, {key}, timestamptz, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION repeat_survival(state retention_state) RETURNS survival
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION repeat_survival(retention_state) IS
'days from first to second order as a survival, from a state of repeat_survival_state';

CREATE AGGREGATE repeat_survival(customer {key}, ordered_at timestamptz, as_of timestamptz) (
    SFUNC = repeat_survival_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = repeat_survival,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_survival({key}, timestamptz, timestamptz) IS
'whole days (24 hours) from each customer''s first to second order, or, without one, to the last instant before as_of (censored); every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE repeat_survival_state(customer {key}, ordered_at timestamptz, as_of timestamptz) (
    SFUNC = repeat_survival_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_survival_state({key}, timestamptz, timestamptz) IS
'state of repeat_survival, to store, merge with rollup() and read with repeat_survival()';

COMMENT ON FUNCTION survival_transfn(survival, double precision, boolean) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION repeat_survival_transfn_bigint(retention_state, bigint, timestamptz, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION repeat_survival_transfn_text(retention_state, text, timestamptz, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION repeat_survival_transfn_uuid(retention_state, uuid, timestamptz, timestamptz) IS 'transition function; for aggregates only';
