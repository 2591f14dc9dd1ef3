-- ---------------------------------------------------------------------------
-- churn
-- ---------------------------------------------------------------------------

CREATE FUNCTION churn_rate_transfn_{key}(retention_state, {key}, timestamptz, interval, timestamptz, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION churn_rate_transfn_{key}(retention_state, {key}, timestamptz, interval, timestamptz, timestamptz) IS 'transition function; for aggregates only';

CREATE FUNCTION inactive_rate_transfn_{key}(retention_state, {key}, timestamptz, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION inactive_rate_transfn_{key}(retention_state, {key}, timestamptz, interval, timestamptz) IS 'transition function; for aggregates only';

CREATE FUNCTION revenue_retention_transfn_{key}(retention_state, {key}, timestamptz, numeric, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION revenue_retention_transfn_{key}(retention_state, {key}, timestamptz, numeric, interval, timestamptz) IS 'transition function; for aggregates only';

CREATE FUNCTION churn_rate(state retention_state) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION churn_rate(retention_state) IS
'share of customers (0 to 1) lost in the period, from a state of churn_rate_state';

CREATE FUNCTION inactive_rate(state retention_state) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION inactive_rate(retention_state) IS
'share of customers (0 to 1) lost so far, from a state of inactive_rate_state';

CREATE FUNCTION gross_revenue_retention(state retention_state) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION gross_revenue_retention(retention_state) IS
'gross revenue retention (0 to 1), from a state of revenue_retention_state';

CREATE FUNCTION net_revenue_retention(state retention_state) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION net_revenue_retention(retention_state) IS
'net revenue retention (may exceed 1), from a state of revenue_retention_state';

CREATE AGGREGATE churn_rate(customer {key}, ordered_at timestamptz, inactive_after interval, period_start timestamptz, period_end timestamptz) (
    SFUNC = churn_rate_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = churn_rate,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE churn_rate({key}, timestamptz, interval, timestamptz, timestamptz) IS
'share (0 to 1) of the customers active at period_start that are not active at period_end; active at t: an order in [t - inactive_after, t); every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE churn_rate_state(customer {key}, ordered_at timestamptz, inactive_after interval, period_start timestamptz, period_end timestamptz) (
    SFUNC = churn_rate_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE churn_rate_state({key}, timestamptz, interval, timestamptz, timestamptz) IS
'state of churn_rate, to store, merge with rollup() and read with churn_rate()';

CREATE AGGREGATE inactive_rate(customer {key}, ordered_at timestamptz, inactive_after interval, as_of timestamptz) (
    SFUNC = inactive_rate_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = inactive_rate,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE inactive_rate({key}, timestamptz, interval, timestamptz) IS
'share (0 to 1) of all customers with an order before as_of that have none in [as_of - inactive_after, as_of); every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE inactive_rate_state(customer {key}, ordered_at timestamptz, inactive_after interval, as_of timestamptz) (
    SFUNC = inactive_rate_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE inactive_rate_state({key}, timestamptz, interval, timestamptz) IS
'state of inactive_rate, to store, merge with rollup() and read with inactive_rate()';

CREATE AGGREGATE gross_revenue_retention(customer {key}, ordered_at timestamptz, amount numeric, period interval, as_of timestamptz) (
    SFUNC = revenue_retention_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = gross_revenue_retention,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE gross_revenue_retention({key}, timestamptz, numeric, interval, timestamptz) IS
'share (0 to 1) of the money of [as_of - 2 * period, as_of - period) that the same customers spent again in [as_of - period, as_of), at most what each spent then';

CREATE AGGREGATE net_revenue_retention(customer {key}, ordered_at timestamptz, amount numeric, period interval, as_of timestamptz) (
    SFUNC = revenue_retention_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = net_revenue_retention,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE net_revenue_retention({key}, timestamptz, numeric, interval, timestamptz) IS
'money of [as_of - period, as_of) divided by that of [as_of - 2 * period, as_of - period), over customers with money in the latter (may exceed 1)';

CREATE AGGREGATE revenue_retention_state(customer {key}, ordered_at timestamptz, amount numeric, period interval, as_of timestamptz) (
    SFUNC = revenue_retention_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE revenue_retention_state({key}, timestamptz, numeric, interval, timestamptz) IS
'state of gross and net revenue retention, to store, merge with rollup() and read with gross_revenue_retention() and net_revenue_retention()';

--@ since 0.3
CREATE TYPE churn_by_period_row AS (
    period_start date,
    active_at_start bigint,
    churned bigint,
    reactivated bigint,
    new_customers bigint,
    active_at_end bigint,
    churn_rate double precision,
    is_complete boolean
);
COMMENT ON TYPE churn_by_period_row IS
'a row of churn_by_period: who was active at the start of a calendar period and at its end; active_at_end = active_at_start - churned + reactivated + new_customers; churn_rate is churned / active_at_start (0 to 1)';

--@ since 0.3
CREATE FUNCTION churn_by_period(state retention_state) RETURNS churn_by_period_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION churn_by_period(retention_state) IS
'reads churn_by_period from a stored state: SELECT * FROM unnest((SELECT churn_by_period(rollup(state)) FROM states))';

--@ since 0.3
CREATE FUNCTION churn_by_period_transfn_{key}(retention_state, {key}, timestamptz, interval, text, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION churn_by_period_transfn_{key}(retention_state, {key}, timestamptz, interval, text, timestamptz, text) IS 'transition function; for aggregates only';

--@ since 0.3
CREATE AGGREGATE churn_by_period(customer {key}, ordered_at timestamptz, inactive_after interval, grain text, as_of timestamptz, tz text) (
    SFUNC = churn_by_period_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = churn_by_period,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE churn_by_period({key}, timestamptz, interval, text, timestamptz, text) IS
'customers per calendar period (''day'', ''week'', ''month'', ''quarter'', ''year'' in tz) who were active at its start and its end, left, came back, came anew; active at t: an order in [t - inactive_after, t): SELECT * FROM unnest((SELECT churn_by_period(customer_id, ordered_at, ''180 days'', ''month'', now(), ''UTC'') FROM orders WHERE amount > 0))';

--@ since 0.3
CREATE AGGREGATE churn_by_period_state(customer {key}, ordered_at timestamptz, inactive_after interval, grain text, as_of timestamptz, tz text) (
    SFUNC = churn_by_period_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE churn_by_period_state({key}, timestamptz, interval, text, timestamptz, text) IS
'state of churn_by_period, to store, merge with rollup() and read with churn_by_period()';

CREATE FUNCTION churn_convert(rate double precision, periods double precision) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION churn_convert(double precision, double precision) IS
'share (0 to 1) lost over so many periods at a rate per period: churn_convert(0.05, 12) from month to year, churn_convert(0.46, 1/12.0) back';
