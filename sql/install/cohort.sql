-- ---------------------------------------------------------------------------
-- cohort
-- ---------------------------------------------------------------------------

CREATE TYPE cohort_retention_row AS (
    cohort date,
    period_index integer,
    cohort_size bigint,
    eligible bigint,
    retained bigint,
    rate double precision,
    retained_so_far bigint,
    orders bigint,
    revenue numeric,
    cumulative_revenue numeric,
    repeat_customers bigint,
    repeat_rate double precision,
    ltv numeric,
    is_complete boolean
);
COMMENT ON TYPE cohort_retention_row IS
'a row of cohort_retention and signup_retention: a cohort (first day of the period of the first order, or of the sign-up) and a period since; rate is retained / eligible (0 to 1), NULL until the period has ended; repeat_customers have a second order by the end of that period, repeat_rate is repeat_customers / eligible; ltv is cumulative revenue / cohort_size';

CREATE FUNCTION cohort_retention(state retention_state) RETURNS cohort_retention_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cohort_retention(retention_state) IS
'reads cohort_retention from a stored state: SELECT * FROM unnest((SELECT cohort_retention(rollup(state)) FROM states))';

CREATE FUNCTION cohort_retention_transfn_{key}(retention_state, {key}, timestamptz, numeric, text, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cohort_retention_transfn_{key}(retention_state, {key}, timestamptz, numeric, text, timestamptz, text) IS 'transition function; for aggregates only';

CREATE AGGREGATE cohort_retention(customer {key}, ordered_at timestamptz, amount numeric, grain text, as_of timestamptz, tz text) (
    SFUNC = cohort_retention_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = cohort_retention,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cohort_retention({key}, timestamptz, numeric, text, timestamptz, text) IS
'customers who come back, by the calendar period (''day'', ''week'', ''month'', ''quarter'', ''year'', or ''week_sunday'', ''fiscal_year_04''; in tz) of their first order: SELECT * FROM unnest((SELECT cohort_retention(customer_id, ordered_at, amount, ''month'', now(), ''UTC'') FROM orders))';

CREATE AGGREGATE cohort_retention_state(customer {key}, ordered_at timestamptz, amount numeric, grain text, as_of timestamptz, tz text) (
    SFUNC = cohort_retention_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cohort_retention_state({key}, timestamptz, numeric, text, timestamptz, text) IS
'state of cohort_retention, to store, merge with rollup() and read with cohort_retention()';

CREATE FUNCTION cohort_curve(rows cohort_retention_row[], confidence double precision DEFAULT 0.95)
RETURNS TABLE (period_index integer, cohorts bigint, eligible bigint, retained bigint, rate double precision, ci_low double precision, ci_high double precision)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 40;
COMMENT ON FUNCTION cohort_curve(cohort_retention_row[], double precision) IS
'average retention by period_index over the complete cells of cohort_retention, each cohort with its size: rate is retained / eligible (0 to 1), between ci_low and ci_high (Wilson) with that confidence: SELECT * FROM cohort_curve((SELECT cohort_retention(customer_id, ordered_at, amount, ''month'', now(), ''UTC'') FROM orders))';
