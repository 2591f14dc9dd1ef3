-- ---------------------------------------------------------------------------
-- purchase summary: what the predictive models are told of a customer
-- ---------------------------------------------------------------------------

--@ since 0.2

CREATE TYPE purchase_summary_row AS (
    orders bigint,
    first_order_at timestamptz,
    last_order_at timestamptz,
    revenue numeric,
    x bigint,
    t_x double precision,
    age double precision,
    mean_repeat_value numeric
);
COMMENT ON TYPE purchase_summary_row IS
'a customer as the predictive models see one: x days with an order after the first, t_x and age in units of "unit", mean money of those x days';

CREATE FUNCTION purchase_summary(state retention_state)
RETURNS purchase_summary_row
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION purchase_summary(retention_state) IS
'reads purchase_summary from a stored state of one customer';

CREATE FUNCTION purchase_summary_transfn(retention_state, timestamptz, numeric, interval, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION purchase_summary_transfn(retention_state, timestamptz, numeric, interval, timestamptz, text) IS 'transition function; for aggregates only';

CREATE AGGREGATE purchase_summary(ordered_at timestamptz, amount numeric, unit interval, as_of timestamptz, tz text) (
    SFUNC = purchase_summary_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    FINALFUNC = purchase_summary,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchase_summary(timestamptz, numeric, interval, timestamptz, text) IS
'one customer''s history as the predictive models need it, for GROUP BY customer: orders, first and last, revenue (money, refunds included); x: days with an order, less the first; t_x and age: time from the first day to the last, and to the day of as_of, in units (whole days, such as 7 days); mean_repeat_value: money of the orders after the first day, per day with one: SELECT customer_id, (purchase_summary(ordered_at, amount, ''7 days'', now(), ''UTC'')).* FROM orders WHERE customer_id IS NOT NULL GROUP BY customer_id';

CREATE AGGREGATE purchase_summary_state(ordered_at timestamptz, amount numeric, unit interval, as_of timestamptz, tz text) (
    SFUNC = purchase_summary_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchase_summary_state(timestamptz, numeric, interval, timestamptz, text) IS
'state of purchase_summary, to store, merge with rollup() and read with purchase_summary()';

CREATE FUNCTION purchase_days_state_transfn_{key}(retention_state, {key}, timestamptz, numeric, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION purchase_days_state_transfn_{key}(retention_state, {key}, timestamptz, numeric, timestamptz, text) IS 'transition function; for aggregates only';

CREATE AGGREGATE purchase_days_state(customer {key}, ordered_at timestamptz, amount numeric, as_of timestamptz, tz text) (
    SFUNC = purchase_days_state_transfn_{key},
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = retention_state_finalfn,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchase_days_state({key}, timestamptz, numeric, timestamptz, text) IS
'the days that every customer ordered on before as_of, with their money, to store, merge with rollup() and read with predict_customers() and backtest()';
