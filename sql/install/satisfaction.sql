-- ---------------------------------------------------------------------------
-- satisfaction
-- ---------------------------------------------------------------------------

--@ since 0.3

CREATE FUNCTION nps(state retention_state) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION nps(retention_state) IS
'net promoter score (-100 to 100), from a state of nps_state; NULL without an answer';

CREATE FUNCTION nps_ci(state retention_state, confidence double precision DEFAULT 0.95, OUT responses bigint, OUT promoters bigint, OUT passives bigint, OUT detractors bigint, OUT out_of_range bigint, OUT nps double precision, OUT ci_low double precision, OUT ci_high double precision)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION nps_ci(retention_state, double precision) IS
'net promoter score (-100 to 100) with its numbers of answers and the interval it lies in with that confidence: SELECT (nps_ci(nps_state(score))).* FROM answers';

CREATE FUNCTION nps_transfn(retention_state, integer) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION nps_transfn(retention_state, integer) IS 'transition function; for aggregates only';

CREATE AGGREGATE nps(score integer) (
    SFUNC = nps_transfn,
    STYPE = retention_state,
    SSPACE = 128,
    FINALFUNC = nps,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE nps(integer) IS
'net promoter score: 100 * (share of scores 9 and 10 - share of scores 0 to 6), so -100 to 100; scores outside 0..10 are no answers';

CREATE AGGREGATE nps_state(score integer) (
    SFUNC = nps_transfn,
    STYPE = retention_state,
    SSPACE = 128,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE nps_state(integer) IS
'state of nps, to store, merge with rollup() and read with nps() and nps_ci()';

CREATE TYPE stratified_mean_row AS (
    strata bigint,
    population bigint,
    answers bigint,
    response_rate double precision,
    coverage double precision,
    raw_mean double precision,
    mean double precision,
    std_error double precision,
    ci_low double precision,
    ci_high double precision
);
COMMENT ON TYPE stratified_mean_row IS
'result of stratified_mean: response_rate answers / population, coverage the share of the population in strata with answers, raw_mean that of all answers, mean that of all customers with its standard error and 95 % interval, in the unit of the answers';

CREATE FUNCTION stratified_mean(state retention_state) RETURNS stratified_mean_row
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION stratified_mean(retention_state) IS
'reads stratified_mean from a stored state: SELECT (stratified_mean(rollup(state))).* FROM states';

CREATE FUNCTION stratified_mean_transfn(retention_state, bigint, bigint, double precision, double precision) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION stratified_mean_transfn(retention_state, bigint, bigint, double precision, double precision) IS 'transition function; for aggregates only';

CREATE AGGREGATE stratified_mean(population bigint, answers bigint, mean double precision, variance double precision) (
    SFUNC = stratified_mean_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = stratified_mean,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE stratified_mean(bigint, bigint, double precision, double precision) IS
'the mean of a survey as if all had answered: a row is a segment with its customers, how many answered, their mean and variance, and weighs as many as it has customers; in the unit of the answers';

CREATE AGGREGATE stratified_mean_state(population bigint, answers bigint, mean double precision, variance double precision) (
    SFUNC = stratified_mean_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE stratified_mean_state(bigint, bigint, double precision, double precision) IS
'state of stratified_mean, to store, merge with rollup() and read with stratified_mean()';

CREATE FUNCTION reviews_needed(positive bigint, negative bigint, weight numeric DEFAULT 12) RETURNS bigint
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION reviews_needed(bigint, bigint, numeric) IS
'good reviews still missing until there are weight (12) for each bad one; 0 if there are enough';
