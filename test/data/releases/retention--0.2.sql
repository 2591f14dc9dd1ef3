/* sql/retention--0.2.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION retention" to load this file. \quit

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

CREATE AGGREGATE rollup(state retention_state) (
    SFUNC = retention_state_combine,
    STYPE = retention_state,
    SSPACE = 1024,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE rollup(retention_state) IS
'merges stored states, exactly and in any order: SELECT repeat_rate(rollup(state)) FROM daily_states';

CREATE FUNCTION state_info(state retention_state,
    OUT measure text, OUT customer_type text, OUT customers bigint, OUT bytes bigint)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION state_info(retention_state) IS
'what a state measures, the type and number of its customers, and the bytes it takes where it is now';

-- ---------------------------------------------------------------------------
-- repeat
-- ---------------------------------------------------------------------------

CREATE FUNCTION repeat_rate_transfn_bigint(retention_state, bigint) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION repeat_rate_transfn_text(retention_state, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION repeat_rate_transfn_uuid(retention_state, uuid) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION repeat_rate_invfn_bigint(retention_state, bigint) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION repeat_rate_invfn_text(retention_state, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION repeat_rate_invfn_uuid(retention_state, uuid) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION repeat_rate_window_transfn_bigint(retention_state, bigint, timestamptz, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION repeat_rate_window_transfn_text(retention_state, text, timestamptz, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION repeat_rate_window_transfn_uuid(retention_state, uuid, timestamptz, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION second_order_rate_transfn_bigint(retention_state, bigint, timestamptz, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION second_order_rate_transfn_text(retention_state, text, timestamptz, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION second_order_rate_transfn_uuid(retention_state, uuid, timestamptz, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION repeat_rate(state retention_state) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION repeat_rate(retention_state) IS
'share of customers (0 to 1) that came back, from a state of repeat_rate_state';

CREATE FUNCTION second_order_rate(state retention_state) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION second_order_rate(retention_state) IS
'share of customers (0 to 1) with a timely second order, from a state of second_order_rate_state';

CREATE AGGREGATE repeat_rate(customer bigint) (
    SFUNC = repeat_rate_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = repeat_rate,
    COMBINEFUNC = retention_state_combine,
    MSFUNC = repeat_rate_transfn_bigint,
    MINVFUNC = repeat_rate_invfn_bigint,
    MSTYPE = retention_state,
    MSSPACE = 256,
    MFINALFUNC = repeat_rate,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_rate(bigint) IS
'share of customers (0 to 1) with at least two rows; count orders only with FILTER (WHERE amount > 0); fast in sliding windows';

CREATE AGGREGATE repeat_rate(customer text) (
    SFUNC = repeat_rate_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = repeat_rate,
    COMBINEFUNC = retention_state_combine,
    MSFUNC = repeat_rate_transfn_text,
    MINVFUNC = repeat_rate_invfn_text,
    MSTYPE = retention_state,
    MSSPACE = 256,
    MFINALFUNC = repeat_rate,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_rate(text) IS
'share of customers (0 to 1) with at least two rows; count orders only with FILTER (WHERE amount > 0); fast in sliding windows';

CREATE AGGREGATE repeat_rate(customer uuid) (
    SFUNC = repeat_rate_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = repeat_rate,
    COMBINEFUNC = retention_state_combine,
    MSFUNC = repeat_rate_transfn_uuid,
    MINVFUNC = repeat_rate_invfn_uuid,
    MSTYPE = retention_state,
    MSSPACE = 256,
    MFINALFUNC = repeat_rate,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_rate(uuid) IS
'share of customers (0 to 1) with at least two rows; count orders only with FILTER (WHERE amount > 0); fast in sliding windows';

CREATE AGGREGATE repeat_rate_state(customer bigint) (
    SFUNC = repeat_rate_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_rate_state(bigint) IS
'state of repeat_rate(customer), to store, merge with rollup() and read with repeat_rate()';

CREATE AGGREGATE repeat_rate_state(customer text) (
    SFUNC = repeat_rate_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_rate_state(text) IS
'state of repeat_rate(customer), to store, merge with rollup() and read with repeat_rate()';

CREATE AGGREGATE repeat_rate_state(customer uuid) (
    SFUNC = repeat_rate_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_rate_state(uuid) IS
'state of repeat_rate(customer), to store, merge with rollup() and read with repeat_rate()';

CREATE AGGREGATE repeat_rate(customer bigint, ordered_at timestamptz, period interval, as_of timestamptz) (
    SFUNC = repeat_rate_window_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = repeat_rate,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_rate(bigint, timestamptz, interval, timestamptz) IS
'share (0 to 1) of all customers with an order up to as_of that ordered at least twice in (as_of - period, as_of]; every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE repeat_rate(customer text, ordered_at timestamptz, period interval, as_of timestamptz) (
    SFUNC = repeat_rate_window_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = repeat_rate,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_rate(text, timestamptz, interval, timestamptz) IS
'share (0 to 1) of all customers with an order up to as_of that ordered at least twice in (as_of - period, as_of]; every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE repeat_rate(customer uuid, ordered_at timestamptz, period interval, as_of timestamptz) (
    SFUNC = repeat_rate_window_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = repeat_rate,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_rate(uuid, timestamptz, interval, timestamptz) IS
'share (0 to 1) of all customers with an order up to as_of that ordered at least twice in (as_of - period, as_of]; every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE repeat_rate_state(customer bigint, ordered_at timestamptz, period interval, as_of timestamptz) (
    SFUNC = repeat_rate_window_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_rate_state(bigint, timestamptz, interval, timestamptz) IS
'state of repeat_rate(customer, ordered_at, period, as_of), to store, merge with rollup() and read with repeat_rate()';

CREATE AGGREGATE repeat_rate_state(customer text, ordered_at timestamptz, period interval, as_of timestamptz) (
    SFUNC = repeat_rate_window_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_rate_state(text, timestamptz, interval, timestamptz) IS
'state of repeat_rate(customer, ordered_at, period, as_of), to store, merge with rollup() and read with repeat_rate()';

CREATE AGGREGATE repeat_rate_state(customer uuid, ordered_at timestamptz, period interval, as_of timestamptz) (
    SFUNC = repeat_rate_window_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_rate_state(uuid, timestamptz, interval, timestamptz) IS
'state of repeat_rate(customer, ordered_at, period, as_of), to store, merge with rollup() and read with repeat_rate()';

CREATE AGGREGATE second_order_rate(customer bigint, ordered_at timestamptz, within interval, as_of timestamptz) (
    SFUNC = second_order_rate_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = second_order_rate,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE second_order_rate(bigint, timestamptz, interval, timestamptz) IS
'share (0 to 1) of customers whose first order is at least "within" old that ordered again within that time; every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE second_order_rate(customer text, ordered_at timestamptz, within interval, as_of timestamptz) (
    SFUNC = second_order_rate_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = second_order_rate,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE second_order_rate(text, timestamptz, interval, timestamptz) IS
'share (0 to 1) of customers whose first order is at least "within" old that ordered again within that time; every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE second_order_rate(customer uuid, ordered_at timestamptz, within interval, as_of timestamptz) (
    SFUNC = second_order_rate_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = second_order_rate,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE second_order_rate(uuid, timestamptz, interval, timestamptz) IS
'share (0 to 1) of customers whose first order is at least "within" old that ordered again within that time; every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE second_order_rate_state(customer bigint, ordered_at timestamptz, within interval, as_of timestamptz) (
    SFUNC = second_order_rate_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE second_order_rate_state(bigint, timestamptz, interval, timestamptz) IS
'state of second_order_rate, to store, merge with rollup() and read with second_order_rate()';

CREATE AGGREGATE second_order_rate_state(customer text, ordered_at timestamptz, within interval, as_of timestamptz) (
    SFUNC = second_order_rate_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE second_order_rate_state(text, timestamptz, interval, timestamptz) IS
'state of second_order_rate, to store, merge with rollup() and read with second_order_rate()';

CREATE AGGREGATE second_order_rate_state(customer uuid, ordered_at timestamptz, within interval, as_of timestamptz) (
    SFUNC = second_order_rate_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE second_order_rate_state(uuid, timestamptz, interval, timestamptz) IS
'state of second_order_rate, to store, merge with rollup() and read with second_order_rate()';

-- ---------------------------------------------------------------------------
-- churn
-- ---------------------------------------------------------------------------

CREATE FUNCTION churn_rate_transfn_bigint(retention_state, bigint, timestamptz, interval, timestamptz, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION churn_rate_transfn_text(retention_state, text, timestamptz, interval, timestamptz, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION churn_rate_transfn_uuid(retention_state, uuid, timestamptz, interval, timestamptz, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION inactive_rate_transfn_bigint(retention_state, bigint, timestamptz, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION inactive_rate_transfn_text(retention_state, text, timestamptz, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION inactive_rate_transfn_uuid(retention_state, uuid, timestamptz, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION revenue_retention_transfn_bigint(retention_state, bigint, timestamptz, numeric, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION revenue_retention_transfn_text(retention_state, text, timestamptz, numeric, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION revenue_retention_transfn_uuid(retention_state, uuid, timestamptz, numeric, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

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

CREATE AGGREGATE churn_rate(customer bigint, ordered_at timestamptz, inactive_after interval, period_start timestamptz, period_end timestamptz) (
    SFUNC = churn_rate_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = churn_rate,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE churn_rate(bigint, timestamptz, interval, timestamptz, timestamptz) IS
'share (0 to 1) of the customers active at period_start that are not active at period_end; active: an order in the inactive_after before; every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE churn_rate(customer text, ordered_at timestamptz, inactive_after interval, period_start timestamptz, period_end timestamptz) (
    SFUNC = churn_rate_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = churn_rate,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE churn_rate(text, timestamptz, interval, timestamptz, timestamptz) IS
'share (0 to 1) of the customers active at period_start that are not active at period_end; active: an order in the inactive_after before; every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE churn_rate(customer uuid, ordered_at timestamptz, inactive_after interval, period_start timestamptz, period_end timestamptz) (
    SFUNC = churn_rate_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = churn_rate,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE churn_rate(uuid, timestamptz, interval, timestamptz, timestamptz) IS
'share (0 to 1) of the customers active at period_start that are not active at period_end; active: an order in the inactive_after before; every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE churn_rate_state(customer bigint, ordered_at timestamptz, inactive_after interval, period_start timestamptz, period_end timestamptz) (
    SFUNC = churn_rate_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE churn_rate_state(bigint, timestamptz, interval, timestamptz, timestamptz) IS
'state of churn_rate, to store, merge with rollup() and read with churn_rate()';

CREATE AGGREGATE churn_rate_state(customer text, ordered_at timestamptz, inactive_after interval, period_start timestamptz, period_end timestamptz) (
    SFUNC = churn_rate_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE churn_rate_state(text, timestamptz, interval, timestamptz, timestamptz) IS
'state of churn_rate, to store, merge with rollup() and read with churn_rate()';

CREATE AGGREGATE churn_rate_state(customer uuid, ordered_at timestamptz, inactive_after interval, period_start timestamptz, period_end timestamptz) (
    SFUNC = churn_rate_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE churn_rate_state(uuid, timestamptz, interval, timestamptz, timestamptz) IS
'state of churn_rate, to store, merge with rollup() and read with churn_rate()';

CREATE AGGREGATE inactive_rate(customer bigint, ordered_at timestamptz, inactive_after interval, as_of timestamptz) (
    SFUNC = inactive_rate_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = inactive_rate,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE inactive_rate(bigint, timestamptz, interval, timestamptz) IS
'share (0 to 1) of all customers with an order up to as_of that have none in (as_of - inactive_after, as_of]; every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE inactive_rate(customer text, ordered_at timestamptz, inactive_after interval, as_of timestamptz) (
    SFUNC = inactive_rate_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = inactive_rate,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE inactive_rate(text, timestamptz, interval, timestamptz) IS
'share (0 to 1) of all customers with an order up to as_of that have none in (as_of - inactive_after, as_of]; every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE inactive_rate(customer uuid, ordered_at timestamptz, inactive_after interval, as_of timestamptz) (
    SFUNC = inactive_rate_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = inactive_rate,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE inactive_rate(uuid, timestamptz, interval, timestamptz) IS
'share (0 to 1) of all customers with an order up to as_of that have none in (as_of - inactive_after, as_of]; every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE inactive_rate_state(customer bigint, ordered_at timestamptz, inactive_after interval, as_of timestamptz) (
    SFUNC = inactive_rate_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE inactive_rate_state(bigint, timestamptz, interval, timestamptz) IS
'state of inactive_rate, to store, merge with rollup() and read with inactive_rate()';

CREATE AGGREGATE inactive_rate_state(customer text, ordered_at timestamptz, inactive_after interval, as_of timestamptz) (
    SFUNC = inactive_rate_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE inactive_rate_state(text, timestamptz, interval, timestamptz) IS
'state of inactive_rate, to store, merge with rollup() and read with inactive_rate()';

CREATE AGGREGATE inactive_rate_state(customer uuid, ordered_at timestamptz, inactive_after interval, as_of timestamptz) (
    SFUNC = inactive_rate_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE inactive_rate_state(uuid, timestamptz, interval, timestamptz) IS
'state of inactive_rate, to store, merge with rollup() and read with inactive_rate()';

CREATE AGGREGATE gross_revenue_retention(customer bigint, ordered_at timestamptz, amount numeric, period interval, as_of timestamptz) (
    SFUNC = revenue_retention_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = gross_revenue_retention,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE gross_revenue_retention(bigint, timestamptz, numeric, interval, timestamptz) IS
'share (0 to 1) of the previous period''s money that the same customers spent again, at most what each spent then';

CREATE AGGREGATE gross_revenue_retention(customer text, ordered_at timestamptz, amount numeric, period interval, as_of timestamptz) (
    SFUNC = revenue_retention_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = gross_revenue_retention,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE gross_revenue_retention(text, timestamptz, numeric, interval, timestamptz) IS
'share (0 to 1) of the previous period''s money that the same customers spent again, at most what each spent then';

CREATE AGGREGATE gross_revenue_retention(customer uuid, ordered_at timestamptz, amount numeric, period interval, as_of timestamptz) (
    SFUNC = revenue_retention_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = gross_revenue_retention,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE gross_revenue_retention(uuid, timestamptz, numeric, interval, timestamptz) IS
'share (0 to 1) of the previous period''s money that the same customers spent again, at most what each spent then';

CREATE AGGREGATE net_revenue_retention(customer bigint, ordered_at timestamptz, amount numeric, period interval, as_of timestamptz) (
    SFUNC = revenue_retention_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = net_revenue_retention,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE net_revenue_retention(bigint, timestamptz, numeric, interval, timestamptz) IS
'money of the period divided by that of the previous one, over customers with money in the previous one (may exceed 1)';

CREATE AGGREGATE net_revenue_retention(customer text, ordered_at timestamptz, amount numeric, period interval, as_of timestamptz) (
    SFUNC = revenue_retention_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = net_revenue_retention,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE net_revenue_retention(text, timestamptz, numeric, interval, timestamptz) IS
'money of the period divided by that of the previous one, over customers with money in the previous one (may exceed 1)';

CREATE AGGREGATE net_revenue_retention(customer uuid, ordered_at timestamptz, amount numeric, period interval, as_of timestamptz) (
    SFUNC = revenue_retention_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = net_revenue_retention,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE net_revenue_retention(uuid, timestamptz, numeric, interval, timestamptz) IS
'money of the period divided by that of the previous one, over customers with money in the previous one (may exceed 1)';

CREATE AGGREGATE revenue_retention_state(customer bigint, ordered_at timestamptz, amount numeric, period interval, as_of timestamptz) (
    SFUNC = revenue_retention_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE revenue_retention_state(bigint, timestamptz, numeric, interval, timestamptz) IS
'state of gross and net revenue retention, to store, merge with rollup() and read with gross_revenue_retention() and net_revenue_retention()';

CREATE AGGREGATE revenue_retention_state(customer text, ordered_at timestamptz, amount numeric, period interval, as_of timestamptz) (
    SFUNC = revenue_retention_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE revenue_retention_state(text, timestamptz, numeric, interval, timestamptz) IS
'state of gross and net revenue retention, to store, merge with rollup() and read with gross_revenue_retention() and net_revenue_retention()';

CREATE AGGREGATE revenue_retention_state(customer uuid, ordered_at timestamptz, amount numeric, period interval, as_of timestamptz) (
    SFUNC = revenue_retention_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE revenue_retention_state(uuid, timestamptz, numeric, interval, timestamptz) IS
'state of gross and net revenue retention, to store, merge with rollup() and read with gross_revenue_retention() and net_revenue_retention()';

CREATE FUNCTION churn_convert(rate double precision, periods double precision) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION churn_convert(double precision, double precision) IS
'share (0 to 1) lost over so many periods at a rate per period: churn_convert(0.05, 12) from month to year, churn_convert(0.46, 1/12.0) back';

-- ---------------------------------------------------------------------------
-- value
-- ---------------------------------------------------------------------------

CREATE FUNCTION aov_transfn(retention_state, numeric) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION customer_value_transfn_bigint(retention_state, bigint, numeric) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION customer_value_transfn_text(retention_state, text, numeric) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION customer_value_transfn_uuid(retention_state, uuid, numeric) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION clv_transfn_bigint(retention_state, bigint, timestamptz, numeric, interval, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION clv_transfn_text(retention_state, text, timestamptz, numeric, interval, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION clv_transfn_uuid(retention_state, uuid, timestamptz, numeric, interval, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION aov(state retention_state) RETURNS numeric
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION aov(retention_state) IS
'average order value (money), from a state of aov_state, customer_value_state or clv_state';

CREATE FUNCTION purchase_frequency(state retention_state) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION purchase_frequency(retention_state) IS
'orders per customer, from a state of customer_value_state or clv_state';

CREATE FUNCTION customer_value(state retention_state) RETURNS numeric
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION customer_value(retention_state) IS
'money per customer, from a state of customer_value_state or clv_state';

CREATE FUNCTION clv(state retention_state) RETURNS numeric
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clv(retention_state) IS
'customer lifetime value (money), from a state of clv_state';

CREATE AGGREGATE aov(amount numeric) (
    SFUNC = aov_transfn,
    STYPE = retention_state,
    SSPACE = 128,
    FINALFUNC = aov,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE aov(numeric) IS
'average order value (money): all amounts, refunds included, divided by the number of orders (amounts above zero or unknown)';

CREATE AGGREGATE aov_state(amount numeric) (
    SFUNC = aov_transfn,
    STYPE = retention_state,
    SSPACE = 128,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE aov_state(numeric) IS
'state of aov, to store, merge with rollup() and read with aov()';

CREATE AGGREGATE purchase_frequency(customer bigint, amount numeric) (
    SFUNC = customer_value_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = purchase_frequency,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchase_frequency(bigint, numeric) IS
'orders per customer with an order';

CREATE AGGREGATE purchase_frequency(customer text, amount numeric) (
    SFUNC = customer_value_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = purchase_frequency,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchase_frequency(text, numeric) IS
'orders per customer with an order';

CREATE AGGREGATE purchase_frequency(customer uuid, amount numeric) (
    SFUNC = customer_value_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = purchase_frequency,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchase_frequency(uuid, numeric) IS
'orders per customer with an order';

CREATE AGGREGATE customer_value(customer bigint, amount numeric) (
    SFUNC = customer_value_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = customer_value,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE customer_value(bigint, numeric) IS
'money per customer with an order, refunds included: aov times purchase_frequency';

CREATE AGGREGATE customer_value(customer text, amount numeric) (
    SFUNC = customer_value_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = customer_value,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE customer_value(text, numeric) IS
'money per customer with an order, refunds included: aov times purchase_frequency';

CREATE AGGREGATE customer_value(customer uuid, amount numeric) (
    SFUNC = customer_value_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = customer_value,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE customer_value(uuid, numeric) IS
'money per customer with an order, refunds included: aov times purchase_frequency';

CREATE AGGREGATE customer_value_state(customer bigint, amount numeric) (
    SFUNC = customer_value_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE customer_value_state(bigint, numeric) IS
'state of customer_value and purchase_frequency, to store, merge with rollup() and read with customer_value(), purchase_frequency() and aov()';

CREATE AGGREGATE customer_value_state(customer text, amount numeric) (
    SFUNC = customer_value_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE customer_value_state(text, numeric) IS
'state of customer_value and purchase_frequency, to store, merge with rollup() and read with customer_value(), purchase_frequency() and aov()';

CREATE AGGREGATE customer_value_state(customer uuid, amount numeric) (
    SFUNC = customer_value_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE customer_value_state(uuid, numeric) IS
'state of customer_value and purchase_frequency, to store, merge with rollup() and read with customer_value(), purchase_frequency() and aov()';

CREATE AGGREGATE clv(customer bigint, ordered_at timestamptz, amount numeric, period interval, lifetime interval, as_of timestamptz) (
    SFUNC = clv_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = clv,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clv(bigint, timestamptz, numeric, interval, interval, timestamptz) IS
'customer lifetime value (money): money per customer in (as_of - period, as_of], times lifetime / period';

CREATE AGGREGATE clv(customer text, ordered_at timestamptz, amount numeric, period interval, lifetime interval, as_of timestamptz) (
    SFUNC = clv_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = clv,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clv(text, timestamptz, numeric, interval, interval, timestamptz) IS
'customer lifetime value (money): money per customer in (as_of - period, as_of], times lifetime / period';

CREATE AGGREGATE clv(customer uuid, ordered_at timestamptz, amount numeric, period interval, lifetime interval, as_of timestamptz) (
    SFUNC = clv_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = clv,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clv(uuid, timestamptz, numeric, interval, interval, timestamptz) IS
'customer lifetime value (money): money per customer in (as_of - period, as_of], times lifetime / period';

CREATE AGGREGATE clv_state(customer bigint, ordered_at timestamptz, amount numeric, period interval, lifetime interval, as_of timestamptz) (
    SFUNC = clv_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clv_state(bigint, timestamptz, numeric, interval, interval, timestamptz) IS
'state of clv, to store, merge with rollup() and read with clv(), customer_value(), purchase_frequency() and aov()';

CREATE AGGREGATE clv_state(customer text, ordered_at timestamptz, amount numeric, period interval, lifetime interval, as_of timestamptz) (
    SFUNC = clv_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clv_state(text, timestamptz, numeric, interval, interval, timestamptz) IS
'state of clv, to store, merge with rollup() and read with clv(), customer_value(), purchase_frequency() and aov()';

CREATE AGGREGATE clv_state(customer uuid, ordered_at timestamptz, amount numeric, period interval, lifetime interval, as_of timestamptz) (
    SFUNC = clv_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clv_state(uuid, timestamptz, numeric, interval, interval, timestamptz) IS
'state of clv, to store, merge with rollup() and read with clv(), customer_value(), purchase_frequency() and aov()';

CREATE FUNCTION clv_net(customer_value numeric, periods numeric, margin numeric, discount_rate numeric) RETURNS numeric
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clv_net(numeric, numeric, numeric, numeric) IS
'discounted profit of a customer (money): customer_value per period, over so many periods, times margin (share), at a discount rate per period';

CREATE FUNCTION cac(spend numeric, new_customers bigint) RETURNS numeric
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cac(numeric, bigint) IS
'customer acquisition cost (money per new customer); NULL without new customers';

CREATE FUNCTION payback_orders(cac numeric, aov numeric, margin numeric) RETURNS bigint
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION payback_orders(numeric, numeric, numeric) IS
'number of orders until their margin (share of aov) has paid the acquisition cost, rounded up; NULL if it never does';

CREATE FUNCTION breakeven_conversion(base_rate double precision, margin double precision, discount double precision) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION breakeven_conversion(double precision, double precision, double precision) IS
'conversion rate (0 to 1) at which a discount (share of the price) earns as much as base_rate without it; NULL if impossible';

-- ---------------------------------------------------------------------------
-- purchases: one pass over the orders, for every function that needs one row per customer
-- ---------------------------------------------------------------------------

CREATE FUNCTION purchases_state_transfn_bigint(retention_state, bigint, timestamptz, numeric, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE purchases_state(customer bigint, ordered_at timestamptz, amount numeric, as_of timestamptz) (
    SFUNC = purchases_state_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchases_state(bigint, timestamptz, numeric, timestamptz) IS
'first and last order, number of orders and money of every customer until as_of, to store, merge with rollup() and read with rfm_segments(), segment_summary(), rfm_transitions(), rfm_breaks() and hero_buyers()';

CREATE FUNCTION purchases_state_transfn_text(retention_state, text, timestamptz, numeric, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE purchases_state(customer text, ordered_at timestamptz, amount numeric, as_of timestamptz) (
    SFUNC = purchases_state_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchases_state(text, timestamptz, numeric, timestamptz) IS
'first and last order, number of orders and money of every customer until as_of, to store, merge with rollup() and read with rfm_segments(), segment_summary(), rfm_transitions(), rfm_breaks() and hero_buyers()';

CREATE FUNCTION purchases_state_transfn_uuid(retention_state, uuid, timestamptz, numeric, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE purchases_state(customer uuid, ordered_at timestamptz, amount numeric, as_of timestamptz) (
    SFUNC = purchases_state_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchases_state(uuid, timestamptz, numeric, timestamptz) IS
'first and last order, number of orders and money of every customer until as_of, to store, merge with rollup() and read with rfm_segments(), segment_summary(), rfm_transitions(), rfm_breaks() and hero_buyers()';

-- ---------------------------------------------------------------------------
-- scores
-- ---------------------------------------------------------------------------

CREATE FUNCTION quantile_score(x anyelement, bins integer DEFAULT 5) RETURNS integer
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE WINDOW COST 10;
COMMENT ON FUNCTION quantile_score(anyelement, integer) IS
'score of x, 1 (lowest) to bins (2 to 100), in its partition; equal values always share a score, NULL has none: quantile_score(amount) OVER ()';

CREATE FUNCTION rfm_score(last_order_at timestamptz, orders bigint, monetary numeric, bins integer DEFAULT 5) RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE WINDOW COST 10;
COMMENT ON FUNCTION rfm_score(timestamptz, bigint, numeric, integer) IS
'RFM cell of a customer, such as 543: quantile scores of recency, frequency and money, 1 to bins (2 to 9, which is best); one row per customer: rfm_score(last_order_at, orders, monetary) OVER ()';

CREATE FUNCTION threshold_score(x anycompatible, thresholds anycompatiblearray, higher_is_better boolean DEFAULT true) RETURNS integer
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION threshold_score(anycompatible, anycompatiblearray, boolean) IS
'score of x by your own ascending cut points: 1 + the number of them that x reaches (x >= threshold, or x <= threshold where less is better)';

-- ---------------------------------------------------------------------------
-- segments
-- ---------------------------------------------------------------------------

CREATE FUNCTION rfm_segment(cell text, grid text DEFAULT 'standard', bins integer DEFAULT 5) RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rfm_segment(text, text, integer) IS
'name of the segment of an RFM cell such as ''543'' (R, F, M scores of 1 to bins, bins best), on grid ''standard'' (11 segments, R and (F + M) / 2) or ''rf'' (10 segments, R and F)';

CREATE FUNCTION rfm_grid(grid text DEFAULT 'standard', bins integer DEFAULT 5)
RETURNS TABLE (r integer, f integer, m integer, cell text, segment text)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 125;
COMMENT ON FUNCTION rfm_grid(text, integer) IS
'every RFM cell of a grid with its segment, best scores first: the rule that rfm_segment applies, to look at, to join or to copy into a table of one''s own';

CREATE FUNCTION rfm_segment_label(segment text, lang text DEFAULT 'en') RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rfm_segment_label(text, text) IS
'display name of a segment in English (''en'') or French (''fr''), also of ''none'' and ''unscored''; NULL for any other name: coalesce(rfm_segment_label(segment, ''fr''), segment)';

CREATE FUNCTION rfm_grid_check(rules_table regclass, bins integer DEFAULT 5)
RETURNS TABLE (problem text, r integer, f integer, m integer, cell text, segments text)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION rfm_grid_check(regclass, integer) IS
'what is wrong with your own table of rules (segment, and any of r_min, r_max, f_min, f_max, m_min, m_max, fm_min, fm_max; inclusive, NULL is no limit, fm is (f + m + 1) / 2): cells that are a ''hole'', an ''overlap'' or ''unnamed'', and rules ''unused''; no rows: SELECT s.*, g.segment FROM rfm_segments(...) s LEFT JOIN my_rules g ON s.r BETWEEN g.r_min AND g.r_max AND ... names every scored customer once (where a bound may be NULL, write coalesce(g.r_min, s.r))';

-- ---------------------------------------------------------------------------
-- rfm: a relation's (or a stored state's) customers as rows
-- ---------------------------------------------------------------------------

CREATE FUNCTION rfm_segments(customer_type anyelement, orders_table regclass, customer_column name, ordered_at_column name, amount_column name,
    as_of timestamptz DEFAULT now(), bins integer DEFAULT 5, grid text DEFAULT 'standard', tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL)
RETURNS TABLE (customer anyelement, first_order_at timestamptz, last_order_at timestamptz, recency_days double precision, orders bigint, monetary numeric, aov numeric, r integer, f integer, m integer, cell text, segment text)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 100000;
COMMENT ON FUNCTION rfm_segments(anyelement, regclass, name, name, name, timestamptz, integer, text, text, name) IS
'a row per customer with an order until as_of: recency (days since the last order), orders, money, average order, the scores r, f, m (1 to bins, best), their cell and its segment: rfm_segments(NULL::bigint, ''orders'', ''customer_id'', ''ordered_at'', ''amount'')';

CREATE FUNCTION rfm_segments(customer_type anyelement, state retention_state, bins integer DEFAULT 5, grid text DEFAULT 'standard')
RETURNS TABLE (customer anyelement, first_order_at timestamptz, last_order_at timestamptz, recency_days double precision, orders bigint, monetary numeric, aov numeric, r integer, f integer, m integer, cell text, segment text)
AS 'MODULE_PATHNAME', 'rfm_segments_of_state' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 100000;
COMMENT ON FUNCTION rfm_segments(anyelement, retention_state, integer, text) IS
'the customers of a state built by purchases_state, scored: rfm_segments(NULL::bigint, rollup(state))';

CREATE FUNCTION segment_summary(customer_type anyelement, orders_table regclass, customer_column name, ordered_at_column name, amount_column name,
    as_of timestamptz DEFAULT now(), bins integer DEFAULT 5, grid text DEFAULT 'standard', tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL)
RETURNS TABLE (segment text, customers bigint, share double precision, revenue numeric, revenue_share double precision, orders bigint, aov numeric, median_recency_days double precision)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 11;
COMMENT ON FUNCTION segment_summary(anyelement, regclass, name, name, name, timestamptz, integer, text, text, name) IS
'a row per RFM segment: customers and their share (0 to 1), revenue (money until as_of) and its share, orders, average order, median recency in days';

CREATE FUNCTION segment_summary(state retention_state, bins integer DEFAULT 5, grid text DEFAULT 'standard')
RETURNS TABLE (segment text, customers bigint, share double precision, revenue numeric, revenue_share double precision, orders bigint, aov numeric, median_recency_days double precision)
AS 'MODULE_PATHNAME', 'segment_summary_of_state' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 11;
COMMENT ON FUNCTION segment_summary(retention_state, integer, text) IS
'a row per RFM segment of a state built by purchases_state';

CREATE FUNCTION rfm_transitions(customer_type anyelement, orders_table regclass, customer_column name, ordered_at_column name, amount_column name,
    from_as_of timestamptz, to_as_of timestamptz DEFAULT now(), bins integer DEFAULT 5, grid text DEFAULT 'standard', tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL)
RETURNS TABLE (from_segment text, to_segment text, customers bigint, share double precision, monetary numeric)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 60;
COMMENT ON FUNCTION rfm_transitions(anyelement, regclass, name, name, name, timestamptz, timestamptz, integer, text, text, name) IS
'customers who moved from one RFM segment to another between two times, their share (0 to 1) of from_segment and their money at to_as_of; from_segment ''none'': not yet a customer; to_segment ''none'': all orders were sent back';

CREATE FUNCTION rfm_transitions(from_state retention_state, to_state retention_state, bins integer DEFAULT 5, grid text DEFAULT 'standard')
RETURNS TABLE (from_segment text, to_segment text, customers bigint, share double precision, monetary numeric)
AS 'MODULE_PATHNAME', 'rfm_transitions_of_states' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 60;
COMMENT ON FUNCTION rfm_transitions(retention_state, retention_state, integer, text) IS
'customers who moved from one RFM segment to another between the times of two states built by purchases_state';

CREATE FUNCTION rfm_breaks(customer_type anyelement, orders_table regclass, customer_column name, ordered_at_column name, amount_column name,
    as_of timestamptz DEFAULT now(), bins integer DEFAULT 5, tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL)
RETURNS TABLE (metric text, score integer, customers bigint, lowest numeric, highest numeric)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 15;
COMMENT ON FUNCTION rfm_breaks(anyelement, regclass, name, name, name, timestamptz, integer, text, name) IS
'the cut points of the scores: for each metric (recency in days, frequency in orders, monetary) and score the customers who have it and their lowest and highest value';

CREATE FUNCTION rfm_breaks(state retention_state, bins integer DEFAULT 5)
RETURNS TABLE (metric text, score integer, customers bigint, lowest numeric, highest numeric)
AS 'MODULE_PATHNAME', 'rfm_breaks_of_state' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 15;
COMMENT ON FUNCTION rfm_breaks(retention_state, integer) IS
'the cut points of the scores in a state built by purchases_state';

CREATE FUNCTION hero_buyers(customer_type anyelement, orders_table regclass, customer_column name, ordered_at_column name, amount_column name,
    share double precision DEFAULT 0.8, as_of timestamptz DEFAULT now(), tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL)
RETURNS TABLE (customer anyelement, rank bigint, orders bigint, monetary numeric, revenue_share double precision, cumulative_share double precision)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 20000;
COMMENT ON FUNCTION hero_buyers(anyelement, regclass, name, name, name, double precision, timestamptz, text, name) IS
'the smallest set of customers who bring a share (0 to 1) of all revenue, most money first, with rank and cumulative share (0 to 1)';

CREATE FUNCTION hero_buyers(customer_type anyelement, state retention_state, share double precision DEFAULT 0.8)
RETURNS TABLE (customer anyelement, rank bigint, orders bigint, monetary numeric, revenue_share double precision, cumulative_share double precision)
AS 'MODULE_PATHNAME', 'hero_buyers_of_state' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 20000;
COMMENT ON FUNCTION hero_buyers(anyelement, retention_state, double precision) IS
'the smallest set of customers in a state built by purchases_state who bring a share (0 to 1) of its revenue';

-- ---------------------------------------------------------------------------
-- doctor: is the orders table what the functions take it for?
-- ---------------------------------------------------------------------------

CREATE FUNCTION retention_check(orders_table regclass, customer_column name, ordered_at_column name, amount_column name,
    order_id_column name DEFAULT NULL, as_of timestamptz DEFAULT now(), tz text DEFAULT 'UTC')
RETURNS TABLE (check_name text, affected_rows bigint, severity text, example text, advice text)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000000 ROWS 12;
COMMENT ON FUNCTION retention_check(regclass, name, name, name, name, timestamptz, text) IS
'looks for what makes numbers wrong, a row per check: affected_rows (customers for refund_exceeds_purchases), severity ok, info, warning, error or not_checked, an example, and what to do: retention_check(''orders'', ''customer_id'', ''ordered_at'', ''amount'')';

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
    ltv numeric,
    is_complete boolean
);
COMMENT ON TYPE cohort_retention_row IS
'a row of cohort_retention: a cohort (first day of the period of the first order) and a period since; rate is retained / eligible (0 to 1), NULL until the period has ended; ltv is cumulative revenue / cohort_size';

CREATE FUNCTION cohort_retention(state retention_state) RETURNS cohort_retention_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cohort_retention(retention_state) IS
'reads cohort_retention from a stored state: SELECT * FROM unnest((SELECT cohort_retention(rollup(state)) FROM states))';

CREATE FUNCTION cohort_retention_transfn_bigint(retention_state, bigint, timestamptz, numeric, text, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE cohort_retention(customer bigint, ordered_at timestamptz, amount numeric, grain text, as_of timestamptz, tz text) (
    SFUNC = cohort_retention_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = cohort_retention,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cohort_retention(bigint, timestamptz, numeric, text, timestamptz, text) IS
'customers who come back, by the calendar period (''day'', ''week'', ''month'', ''quarter'', ''year'' in tz) of their first order: SELECT * FROM unnest((SELECT cohort_retention(customer_id, ordered_at, amount, ''month'', now(), ''UTC'') FROM orders))';

CREATE AGGREGATE cohort_retention_state(customer bigint, ordered_at timestamptz, amount numeric, grain text, as_of timestamptz, tz text) (
    SFUNC = cohort_retention_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cohort_retention_state(bigint, timestamptz, numeric, text, timestamptz, text) IS
'state of cohort_retention, to store, merge with rollup() and read with cohort_retention()';

CREATE FUNCTION cohort_retention_transfn_text(retention_state, text, timestamptz, numeric, text, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE cohort_retention(customer text, ordered_at timestamptz, amount numeric, grain text, as_of timestamptz, tz text) (
    SFUNC = cohort_retention_transfn_text,
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = cohort_retention,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cohort_retention(text, timestamptz, numeric, text, timestamptz, text) IS
'customers who come back, by the calendar period (''day'', ''week'', ''month'', ''quarter'', ''year'' in tz) of their first order: SELECT * FROM unnest((SELECT cohort_retention(customer_id, ordered_at, amount, ''month'', now(), ''UTC'') FROM orders))';

CREATE AGGREGATE cohort_retention_state(customer text, ordered_at timestamptz, amount numeric, grain text, as_of timestamptz, tz text) (
    SFUNC = cohort_retention_transfn_text,
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cohort_retention_state(text, timestamptz, numeric, text, timestamptz, text) IS
'state of cohort_retention, to store, merge with rollup() and read with cohort_retention()';

CREATE FUNCTION cohort_retention_transfn_uuid(retention_state, uuid, timestamptz, numeric, text, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE cohort_retention(customer uuid, ordered_at timestamptz, amount numeric, grain text, as_of timestamptz, tz text) (
    SFUNC = cohort_retention_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = cohort_retention,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cohort_retention(uuid, timestamptz, numeric, text, timestamptz, text) IS
'customers who come back, by the calendar period (''day'', ''week'', ''month'', ''quarter'', ''year'' in tz) of their first order: SELECT * FROM unnest((SELECT cohort_retention(customer_id, ordered_at, amount, ''month'', now(), ''UTC'') FROM orders))';

CREATE AGGREGATE cohort_retention_state(customer uuid, ordered_at timestamptz, amount numeric, grain text, as_of timestamptz, tz text) (
    SFUNC = cohort_retention_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cohort_retention_state(uuid, timestamptz, numeric, text, timestamptz, text) IS
'state of cohort_retention, to store, merge with rollup() and read with cohort_retention()';

CREATE FUNCTION cohort_curve(rows cohort_retention_row[], confidence double precision DEFAULT 0.95)
RETURNS TABLE (period_index integer, cohorts bigint, eligible bigint, retained bigint, rate double precision, ci_low double precision, ci_high double precision)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 40;
COMMENT ON FUNCTION cohort_curve(cohort_retention_row[], double precision) IS
'average retention by period_index over the complete cells of cohort_retention, each cohort with its size: rate is retained / eligible (0 to 1), between ci_low and ci_high (Wilson) with that confidence: SELECT * FROM cohort_curve((SELECT cohort_retention(customer_id, ordered_at, amount, ''month'', now(), ''UTC'') FROM orders))';

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
    churn_rate double precision,
    quick_ratio double precision,
    is_complete boolean
);
COMMENT ON TYPE lifecycle_row IS
'a row of lifecycle: the customers of a calendar period; active = new + returning + resurrected; churn_rate is dormant / active in the period before, quick_ratio (new + resurrected) / dormant';

CREATE FUNCTION lifecycle(state retention_state) RETURNS lifecycle_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lifecycle(retention_state) IS
'reads lifecycle from a stored state: SELECT * FROM unnest((SELECT lifecycle(rollup(state)) FROM states))';

CREATE FUNCTION lifecycle_transfn_bigint(retention_state, bigint, timestamptz, text, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE lifecycle(customer bigint, ordered_at timestamptz, grain text, as_of timestamptz, tz text) (
    SFUNC = lifecycle_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = lifecycle,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE lifecycle(bigint, timestamptz, text, timestamptz, text) IS
'customers per calendar period (''day'', ''week'', ''month'', ''quarter'', ''year'' in tz): new, returning, resurrected, dormant, silent: SELECT * FROM unnest((SELECT lifecycle(customer_id, ordered_at, ''month'', now(), ''UTC'') FROM orders WHERE amount > 0))';

CREATE AGGREGATE lifecycle_state(customer bigint, ordered_at timestamptz, grain text, as_of timestamptz, tz text) (
    SFUNC = lifecycle_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE lifecycle_state(bigint, timestamptz, text, timestamptz, text) IS
'state of lifecycle, to store, merge with rollup() and read with lifecycle()';

CREATE FUNCTION lifecycle_transfn_text(retention_state, text, timestamptz, text, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE lifecycle(customer text, ordered_at timestamptz, grain text, as_of timestamptz, tz text) (
    SFUNC = lifecycle_transfn_text,
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = lifecycle,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE lifecycle(text, timestamptz, text, timestamptz, text) IS
'customers per calendar period (''day'', ''week'', ''month'', ''quarter'', ''year'' in tz): new, returning, resurrected, dormant, silent: SELECT * FROM unnest((SELECT lifecycle(customer_id, ordered_at, ''month'', now(), ''UTC'') FROM orders WHERE amount > 0))';

CREATE AGGREGATE lifecycle_state(customer text, ordered_at timestamptz, grain text, as_of timestamptz, tz text) (
    SFUNC = lifecycle_transfn_text,
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE lifecycle_state(text, timestamptz, text, timestamptz, text) IS
'state of lifecycle, to store, merge with rollup() and read with lifecycle()';

CREATE FUNCTION lifecycle_transfn_uuid(retention_state, uuid, timestamptz, text, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE lifecycle(customer uuid, ordered_at timestamptz, grain text, as_of timestamptz, tz text) (
    SFUNC = lifecycle_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = lifecycle,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE lifecycle(uuid, timestamptz, text, timestamptz, text) IS
'customers per calendar period (''day'', ''week'', ''month'', ''quarter'', ''year'' in tz): new, returning, resurrected, dormant, silent: SELECT * FROM unnest((SELECT lifecycle(customer_id, ordered_at, ''month'', now(), ''UTC'') FROM orders WHERE amount > 0))';

CREATE AGGREGATE lifecycle_state(customer uuid, ordered_at timestamptz, grain text, as_of timestamptz, tz text) (
    SFUNC = lifecycle_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE lifecycle_state(uuid, timestamptz, text, timestamptz, text) IS
'state of lifecycle, to store, merge with rollup() and read with lifecycle()';

-- ---------------------------------------------------------------------------
-- rolling retention
-- ---------------------------------------------------------------------------

CREATE TYPE rolling_retention_row AS (
    period_index integer,
    customers bigint,
    eligible bigint,
    retained bigint,
    rate double precision,
    retained_or_later bigint,
    rate_or_later double precision,
    is_complete boolean
);
COMMENT ON TYPE rolling_retention_row IS
'a row of rolling_retention: a window of the customers'' own clocks; rates (0 to 1) are of the eligible, whose window has ended; or_later counts who came in this window or any later one';

CREATE FUNCTION rolling_retention(state retention_state) RETURNS rolling_retention_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rolling_retention(retention_state) IS
'reads rolling_retention from a stored state: SELECT * FROM unnest((SELECT rolling_retention(rollup(state)) FROM states))';

CREATE FUNCTION rolling_retention_transfn_bigint(retention_state, bigint, timestamptz, interval, integer, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE rolling_retention(customer bigint, ordered_at timestamptz, unit interval, max_index integer, as_of timestamptz) (
    SFUNC = rolling_retention_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = rolling_retention,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE rolling_retention(bigint, timestamptz, interval, integer, timestamptz) IS
'customers who come back in the n-th unit after their first order, for n up to max_index (0 to 10000), each on a clock of their own: SELECT * FROM unnest((SELECT rolling_retention(customer_id, ordered_at, ''30 days'', 12, now()) FROM orders WHERE amount > 0))';

CREATE AGGREGATE rolling_retention_state(customer bigint, ordered_at timestamptz, unit interval, max_index integer, as_of timestamptz) (
    SFUNC = rolling_retention_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE rolling_retention_state(bigint, timestamptz, interval, integer, timestamptz) IS
'state of rolling_retention, to store, merge with rollup() and read with rolling_retention()';

CREATE FUNCTION rolling_retention_transfn_text(retention_state, text, timestamptz, interval, integer, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE rolling_retention(customer text, ordered_at timestamptz, unit interval, max_index integer, as_of timestamptz) (
    SFUNC = rolling_retention_transfn_text,
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = rolling_retention,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE rolling_retention(text, timestamptz, interval, integer, timestamptz) IS
'customers who come back in the n-th unit after their first order, for n up to max_index (0 to 10000), each on a clock of their own: SELECT * FROM unnest((SELECT rolling_retention(customer_id, ordered_at, ''30 days'', 12, now()) FROM orders WHERE amount > 0))';

CREATE AGGREGATE rolling_retention_state(customer text, ordered_at timestamptz, unit interval, max_index integer, as_of timestamptz) (
    SFUNC = rolling_retention_transfn_text,
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE rolling_retention_state(text, timestamptz, interval, integer, timestamptz) IS
'state of rolling_retention, to store, merge with rollup() and read with rolling_retention()';

CREATE FUNCTION rolling_retention_transfn_uuid(retention_state, uuid, timestamptz, interval, integer, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE rolling_retention(customer uuid, ordered_at timestamptz, unit interval, max_index integer, as_of timestamptz) (
    SFUNC = rolling_retention_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = rolling_retention,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE rolling_retention(uuid, timestamptz, interval, integer, timestamptz) IS
'customers who come back in the n-th unit after their first order, for n up to max_index (0 to 10000), each on a clock of their own: SELECT * FROM unnest((SELECT rolling_retention(customer_id, ordered_at, ''30 days'', 12, now()) FROM orders WHERE amount > 0))';

CREATE AGGREGATE rolling_retention_state(customer uuid, ordered_at timestamptz, unit interval, max_index integer, as_of timestamptz) (
    SFUNC = rolling_retention_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE rolling_retention_state(uuid, timestamptz, interval, integer, timestamptz) IS
'state of rolling_retention, to store, merge with rollup() and read with rolling_retention()';

-- ---------------------------------------------------------------------------
-- order numbers
-- ---------------------------------------------------------------------------

CREATE TYPE order_number_row AS (
    order_number integer,
    customers bigint,
    repurchased bigint,
    rate double precision,
    median_days_to_next double precision,
    eligible bigint,
    repurchased_within bigint,
    rate_within double precision
);
COMMENT ON TYPE order_number_row IS
'a row of repeat_by_order_number: who made this order, and the next; the last three columns look only at customers who have had the time for it';

CREATE FUNCTION repeat_by_order_number(state retention_state) RETURNS order_number_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION repeat_by_order_number(retention_state) IS
'reads repeat_by_order_number from a stored state: SELECT * FROM unnest((SELECT repeat_by_order_number(rollup(state)) FROM states))';

CREATE FUNCTION repeat_by_order_number_transfn_bigint(retention_state, bigint, timestamptz, integer, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE repeat_by_order_number(customer bigint, ordered_at timestamptz, max_number integer, as_of timestamptz) (
    SFUNC = repeat_by_order_number_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = repeat_by_order_number,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_by_order_number(bigint, timestamptz, integer, timestamptz) IS
'of those who made order n, how many made the next, for n up to max_number (1 to 10000), and how soon; of those who had 90 days for it, how many did within 90 days: SELECT * FROM unnest((SELECT repeat_by_order_number(customer_id, ordered_at, 10, now()) FROM orders WHERE amount > 0))';

CREATE AGGREGATE repeat_by_order_number_state(customer bigint, ordered_at timestamptz, max_number integer, as_of timestamptz) (
    SFUNC = repeat_by_order_number_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_by_order_number_state(bigint, timestamptz, integer, timestamptz) IS
'state of repeat_by_order_number, to store, merge with rollup() and read with repeat_by_order_number()';

CREATE FUNCTION repeat_by_order_number_transfn_text(retention_state, text, timestamptz, integer, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE repeat_by_order_number(customer text, ordered_at timestamptz, max_number integer, as_of timestamptz) (
    SFUNC = repeat_by_order_number_transfn_text,
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = repeat_by_order_number,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_by_order_number(text, timestamptz, integer, timestamptz) IS
'of those who made order n, how many made the next, for n up to max_number (1 to 10000), and how soon; of those who had 90 days for it, how many did within 90 days: SELECT * FROM unnest((SELECT repeat_by_order_number(customer_id, ordered_at, 10, now()) FROM orders WHERE amount > 0))';

CREATE AGGREGATE repeat_by_order_number_state(customer text, ordered_at timestamptz, max_number integer, as_of timestamptz) (
    SFUNC = repeat_by_order_number_transfn_text,
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_by_order_number_state(text, timestamptz, integer, timestamptz) IS
'state of repeat_by_order_number, to store, merge with rollup() and read with repeat_by_order_number()';

CREATE FUNCTION repeat_by_order_number_transfn_uuid(retention_state, uuid, timestamptz, integer, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE repeat_by_order_number(customer uuid, ordered_at timestamptz, max_number integer, as_of timestamptz) (
    SFUNC = repeat_by_order_number_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = repeat_by_order_number,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_by_order_number(uuid, timestamptz, integer, timestamptz) IS
'of those who made order n, how many made the next, for n up to max_number (1 to 10000), and how soon; of those who had 90 days for it, how many did within 90 days: SELECT * FROM unnest((SELECT repeat_by_order_number(customer_id, ordered_at, 10, now()) FROM orders WHERE amount > 0))';

CREATE AGGREGATE repeat_by_order_number_state(customer uuid, ordered_at timestamptz, max_number integer, as_of timestamptz) (
    SFUNC = repeat_by_order_number_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_by_order_number_state(uuid, timestamptz, integer, timestamptz) IS
'state of repeat_by_order_number, to store, merge with rollup() and read with repeat_by_order_number()';

CREATE FUNCTION repeat_by_order_number_within_transfn_bigint(retention_state, bigint, timestamptz, integer, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE repeat_by_order_number(customer bigint, ordered_at timestamptz, max_number integer, within interval, as_of timestamptz) (
    SFUNC = repeat_by_order_number_within_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = repeat_by_order_number,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_by_order_number(bigint, timestamptz, integer, interval, timestamptz) IS
'repeat_by_order_number with the time that customers are given for the next order; every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE repeat_by_order_number_state(customer bigint, ordered_at timestamptz, max_number integer, within interval, as_of timestamptz) (
    SFUNC = repeat_by_order_number_within_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_by_order_number_state(bigint, timestamptz, integer, interval, timestamptz) IS
'state of repeat_by_order_number, to store, merge with rollup() and read with repeat_by_order_number()';

CREATE FUNCTION repeat_by_order_number_within_transfn_text(retention_state, text, timestamptz, integer, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE repeat_by_order_number(customer text, ordered_at timestamptz, max_number integer, within interval, as_of timestamptz) (
    SFUNC = repeat_by_order_number_within_transfn_text,
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = repeat_by_order_number,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_by_order_number(text, timestamptz, integer, interval, timestamptz) IS
'repeat_by_order_number with the time that customers are given for the next order; every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE repeat_by_order_number_state(customer text, ordered_at timestamptz, max_number integer, within interval, as_of timestamptz) (
    SFUNC = repeat_by_order_number_within_transfn_text,
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_by_order_number_state(text, timestamptz, integer, interval, timestamptz) IS
'state of repeat_by_order_number, to store, merge with rollup() and read with repeat_by_order_number()';

CREATE FUNCTION repeat_by_order_number_within_transfn_uuid(retention_state, uuid, timestamptz, integer, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE repeat_by_order_number(customer uuid, ordered_at timestamptz, max_number integer, within interval, as_of timestamptz) (
    SFUNC = repeat_by_order_number_within_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = repeat_by_order_number,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_by_order_number(uuid, timestamptz, integer, interval, timestamptz) IS
'repeat_by_order_number with the time that customers are given for the next order; every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE repeat_by_order_number_state(customer uuid, ordered_at timestamptz, max_number integer, within interval, as_of timestamptz) (
    SFUNC = repeat_by_order_number_within_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_by_order_number_state(uuid, timestamptz, integer, interval, timestamptz) IS
'state of repeat_by_order_number, to store, merge with rollup() and read with repeat_by_order_number()';

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

CREATE FUNCTION repeat_survival_transfn_bigint(retention_state, bigint, timestamptz, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION repeat_survival_transfn_text(retention_state, text, timestamptz, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION repeat_survival_transfn_uuid(retention_state, uuid, timestamptz, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION repeat_survival(state retention_state) RETURNS survival
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION repeat_survival(retention_state) IS
'days from first to second order as a survival, from a state of repeat_survival_state';

CREATE AGGREGATE repeat_survival(customer bigint, ordered_at timestamptz, as_of timestamptz) (
    SFUNC = repeat_survival_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = repeat_survival,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_survival(bigint, timestamptz, timestamptz) IS
'whole days (24 hours) from each customer''s first to second order, or, without one, to as_of (censored); every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE repeat_survival(customer text, ordered_at timestamptz, as_of timestamptz) (
    SFUNC = repeat_survival_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = repeat_survival,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_survival(text, timestamptz, timestamptz) IS
'whole days (24 hours) from each customer''s first to second order, or, without one, to as_of (censored); every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE repeat_survival(customer uuid, ordered_at timestamptz, as_of timestamptz) (
    SFUNC = repeat_survival_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    FINALFUNC = repeat_survival,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_survival(uuid, timestamptz, timestamptz) IS
'whole days (24 hours) from each customer''s first to second order, or, without one, to as_of (censored); every row counts as an order: FILTER (WHERE amount > 0)';

CREATE AGGREGATE repeat_survival_state(customer bigint, ordered_at timestamptz, as_of timestamptz) (
    SFUNC = repeat_survival_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_survival_state(bigint, timestamptz, timestamptz) IS
'state of repeat_survival, to store, merge with rollup() and read with repeat_survival()';

CREATE AGGREGATE repeat_survival_state(customer text, ordered_at timestamptz, as_of timestamptz) (
    SFUNC = repeat_survival_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_survival_state(text, timestamptz, timestamptz) IS
'state of repeat_survival, to store, merge with rollup() and read with repeat_survival()';

CREATE AGGREGATE repeat_survival_state(customer uuid, ordered_at timestamptz, as_of timestamptz) (
    SFUNC = repeat_survival_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE repeat_survival_state(uuid, timestamptz, timestamptz) IS
'state of repeat_survival, to store, merge with rollup() and read with repeat_survival()';

COMMENT ON FUNCTION survival_transfn(survival, double precision, boolean) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION repeat_survival_transfn_bigint(retention_state, bigint, timestamptz, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION repeat_survival_transfn_text(retention_state, text, timestamptz, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION repeat_survival_transfn_uuid(retention_state, uuid, timestamptz, timestamptz) IS 'transition function; for aggregates only';

-- ---------------------------------------------------------------------------
-- purchase summary: what the predictive models are told of a customer
-- ---------------------------------------------------------------------------

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

CREATE FUNCTION purchase_days_state_transfn_bigint(retention_state, bigint, timestamptz, numeric, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE purchase_days_state(customer bigint, ordered_at timestamptz, amount numeric, as_of timestamptz, tz text) (
    SFUNC = purchase_days_state_transfn_bigint,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchase_days_state(bigint, timestamptz, numeric, timestamptz, text) IS
'the days that every customer ordered on until as_of, with their money, to store, merge with rollup() and read with predict_customers() and backtest()';

CREATE FUNCTION purchase_days_state_transfn_text(retention_state, text, timestamptz, numeric, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE purchase_days_state(customer text, ordered_at timestamptz, amount numeric, as_of timestamptz, tz text) (
    SFUNC = purchase_days_state_transfn_text,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchase_days_state(text, timestamptz, numeric, timestamptz, text) IS
'the days that every customer ordered on until as_of, with their money, to store, merge with rollup() and read with predict_customers() and backtest()';

CREATE FUNCTION purchase_days_state_transfn_uuid(retention_state, uuid, timestamptz, numeric, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE purchase_days_state(customer uuid, ordered_at timestamptz, amount numeric, as_of timestamptz, tz text) (
    SFUNC = purchase_days_state_transfn_uuid,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE purchase_days_state(uuid, timestamptz, numeric, timestamptz, text) IS
'the days that every customer ordered on until as_of, with their money, to store, merge with rollup() and read with predict_customers() and backtest()';

-- ---------------------------------------------------------------------------
-- models: of when customers buy and leave, and of what they spend
-- ---------------------------------------------------------------------------

CREATE TYPE btyd_model AS (
    family text,
    params double precision[],
    std_errors double precision[],
    log_likelihood double precision,
    customers bigint,
    iterations integer,
    converged boolean,
    status text
);
COMMENT ON TYPE btyd_model IS
'a fitted model of purchases: family bgnbd or mbgnbd (params r, alpha, a, b) or pareto_nbd (r, alpha, s, beta), in the unit of time of the data; status is ok, or what is the matter; by hand: ROW(''bgnbd'', ARRAY[0.243, 4.414, 0.793, 2.426], NULL, NULL, NULL, NULL, NULL, NULL)::btyd_model';

CREATE TYPE spend_model AS (
    family text,
    params double precision[],
    std_errors double precision[],
    log_likelihood double precision,
    customers bigint,
    iterations integer,
    converged boolean,
    status text,
    correlation double precision
);
COMMENT ON TYPE spend_model IS
'a fitted model of spend: family gamma_gamma, params p, q, v; correlation of x and mean_repeat_value, which the model takes for zero; status is ok, or what is the matter';

CREATE FUNCTION btyd_transfn(retention_state, bigint, double precision, double precision) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE btyd_state(x bigint, t_x double precision, age double precision) (
    SFUNC = btyd_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE btyd_state(bigint, double precision, double precision) IS
'state of fit_bgnbd, fit_mbgnbd and fit_pareto_nbd (how many customers have the same x, t_x and age), to store, merge with rollup() and read with any of them';

CREATE FUNCTION fit_bgnbd(state retention_state)
RETURNS btyd_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fit_bgnbd(retention_state) IS
'fits the BG/NBD model to a stored state of btyd_state: params r, alpha, a, b';

CREATE AGGREGATE fit_bgnbd(x bigint, t_x double precision, age double precision) (
    SFUNC = btyd_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    FINALFUNC = fit_bgnbd,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE fit_bgnbd(bigint, double precision, double precision) IS
'fits the BG/NBD model to customers (x repeat purchase days, t_x and age in one unit of time) by maximum likelihood: params r, alpha, a, b; NULL of no customers: SELECT fit_bgnbd(x, t_x, age) FROM summaries';

CREATE FUNCTION fit_mbgnbd(state retention_state)
RETURNS btyd_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fit_mbgnbd(retention_state) IS
'fits the MBG/NBD model to a stored state of btyd_state: params r, alpha, a, b';

CREATE AGGREGATE fit_mbgnbd(x bigint, t_x double precision, age double precision) (
    SFUNC = btyd_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    FINALFUNC = fit_mbgnbd,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE fit_mbgnbd(bigint, double precision, double precision) IS
'fits the MBG/NBD model to customers (x repeat purchase days, t_x and age in one unit of time) by maximum likelihood: params r, alpha, a, b; NULL of no customers: SELECT fit_mbgnbd(x, t_x, age) FROM summaries';

CREATE FUNCTION fit_pareto_nbd(state retention_state)
RETURNS btyd_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fit_pareto_nbd(retention_state) IS
'fits the Pareto/NBD model to a stored state of btyd_state: params r, alpha, s, beta';

CREATE AGGREGATE fit_pareto_nbd(x bigint, t_x double precision, age double precision) (
    SFUNC = btyd_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    FINALFUNC = fit_pareto_nbd,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE fit_pareto_nbd(bigint, double precision, double precision) IS
'fits the Pareto/NBD model to customers (x repeat purchase days, t_x and age in one unit of time) by maximum likelihood: params r, alpha, s, beta; NULL of no customers: SELECT fit_pareto_nbd(x, t_x, age) FROM summaries';

CREATE FUNCTION gamma_gamma_transfn(retention_state, bigint, double precision) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE gamma_gamma_state(x bigint, mean_repeat_value double precision) (
    SFUNC = gamma_gamma_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE gamma_gamma_state(bigint, double precision) IS
'state of fit_gamma_gamma, to store, merge with rollup() and read with it';

CREATE FUNCTION fit_gamma_gamma(state retention_state)
RETURNS spend_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fit_gamma_gamma(retention_state) IS
'fits the Gamma-Gamma model of spend to a stored state of gamma_gamma_state: params p, q, v';

CREATE AGGREGATE fit_gamma_gamma(x bigint, mean_repeat_value double precision) (
    SFUNC = gamma_gamma_transfn,
    STYPE = retention_state,
    SSPACE = 256,
    COMBINEFUNC = retention_state_combine,
    FINALFUNC = fit_gamma_gamma,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE fit_gamma_gamma(bigint, double precision) IS
'fits the Gamma-Gamma model of what a purchase is worth to customers with repeat purchases (x > 0) whose mean value is above zero: params p, q, v';

CREATE FUNCTION btyd_params(model btyd_model, confidence double precision DEFAULT 0.95)
RETURNS TABLE (name text, estimate double precision, std_error double precision, ci_low double precision, ci_high double precision)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 4;
COMMENT ON FUNCTION btyd_params(btyd_model, double precision) IS
'the parameters of a model as rows, with standard errors and confidence intervals (of the logarithm, so never below 0)';

CREATE FUNCTION btyd_params(model spend_model, confidence double precision DEFAULT 0.95)
RETURNS TABLE (name text, estimate double precision, std_error double precision, ci_low double precision, ci_high double precision)
AS 'MODULE_PATHNAME', 'spend_params' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 3;
COMMENT ON FUNCTION btyd_params(spend_model, double precision) IS
'the parameters of a spend model as rows, with standard errors and confidence intervals (of the logarithm, so never below 0)';

-- ---------------------------------------------------------------------------
-- predictions: what a fitted model says of a customer
-- ---------------------------------------------------------------------------

CREATE FUNCTION p_alive(model btyd_model, x bigint, t_x double precision, age double precision)
RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION p_alive(btyd_model, bigint, double precision, double precision) IS
'probability (0 to 1) that a customer has not left for good by the end of the data; 1 under bgnbd for everybody with x = 0, by construction';

CREATE FUNCTION expected_orders(model btyd_model, x bigint, t_x double precision, age double precision, horizon double precision)
RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION expected_orders(btyd_model, bigint, double precision, double precision, double precision) IS
'purchase days to be expected of a customer in the next horizon (in the unit of time of the model)';

CREATE FUNCTION expected_orders_new(model btyd_model, horizon double precision)
RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION expected_orders_new(btyd_model, double precision) IS
'repeat purchase days to be expected of a new customer in the first horizon (in the unit of time of the model)';

CREATE FUNCTION orders_pmf_new(model btyd_model, n bigint, horizon double precision)
RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION orders_pmf_new(btyd_model, bigint, double precision) IS
'probability (0 to 1) that a new customer makes exactly n repeat purchases in the first horizon (in the unit of time of the model)';

CREATE FUNCTION log_likelihood(model btyd_model, x bigint, t_x double precision, age double precision)
RETURNS double precision
AS 'MODULE_PATHNAME', 'btyd_log_likelihood' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION log_likelihood(btyd_model, bigint, double precision, double precision) IS
'logarithm of the likelihood of one customer under a model: sum it over customers to compare models';

CREATE FUNCTION log_likelihood(model spend_model, x bigint, mean_repeat_value double precision)
RETURNS double precision
AS 'MODULE_PATHNAME', 'spend_log_likelihood' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION log_likelihood(spend_model, bigint, double precision) IS
'logarithm of the likelihood of one customer under a spend model; NULL without a repeat purchase, or of a mean not above zero';

CREATE FUNCTION expected_value(model spend_model, x bigint, mean_repeat_value double precision)
RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 50;
COMMENT ON FUNCTION expected_value(spend_model, bigint, double precision) IS
'money to be expected of a purchase of a customer; the mean over all customers for one without a repeat purchase, NULL where that is infinite (q not above 1)';

CREATE FUNCTION predicted_clv(model btyd_model, spend_model spend_model, x bigint, t_x double precision, age double precision, mean_repeat_value double precision, horizon double precision, discount_rate double precision DEFAULT 0, step double precision DEFAULT 1)
RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION predicted_clv(btyd_model, spend_model, bigint, double precision, double precision, double precision, double precision, double precision, double precision) IS
'money to be expected of a customer in the next horizon: the value of a purchase, times the purchases expected, those of the k-th step divided by (1 + discount_rate)^k; horizon and step in the unit of time of the model';

CREATE FUNCTION churn_risk(p_alive double precision)
RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION churn_risk(double precision) IS
'low, medium or high: from a probability of being alive of 0.7, of 0.3, or below';

CREATE FUNCTION predict_customers(customer_type anyelement, orders_table regclass, customer_column name, ordered_at_column name, amount_column name, horizon interval DEFAULT '365 days', as_of timestamptz DEFAULT now(), unit interval DEFAULT '7 days', family text DEFAULT 'mbgnbd', discount_rate double precision DEFAULT 0, tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL)
RETURNS TABLE (customer anyelement, x bigint, t_x double precision, age double precision, p_alive double precision, expected_orders double precision, expected_value numeric, predicted_clv numeric, historic_clv numeric, total_clv numeric, expected_next_order_at timestamptz, churn_risk text)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 100000;
COMMENT ON FUNCTION predict_customers(anyelement, regclass, name, name, name, interval, timestamptz, interval, text, double precision, text, name) IS
'a row per customer with an order until as_of, by models fitted to them all: what they were told (x, t_x, age, in units), the probability of being alive, purchase days and money (discount_rate effective per year) expected in the next horizon, money so far, both together, when the next order is expected (NULL: not within the horizon), churn_risk: predict_customers(NULL::bigint, ''orders'', ''customer_id'', ''ordered_at'', ''amount'')';

CREATE FUNCTION predict_customers(state retention_state, customer_type anyelement, horizon interval DEFAULT '365 days', unit interval DEFAULT '7 days', family text DEFAULT 'mbgnbd', discount_rate double precision DEFAULT 0)
RETURNS TABLE (customer anyelement, x bigint, t_x double precision, age double precision, p_alive double precision, expected_orders double precision, expected_value numeric, predicted_clv numeric, historic_clv numeric, total_clv numeric, expected_next_order_at timestamptz, churn_risk text)
AS 'MODULE_PATHNAME', 'predict_customers_of_state' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 100000;
COMMENT ON FUNCTION predict_customers(retention_state, anyelement, interval, interval, text, double precision) IS
'the customers of a state built by purchase_days_state, predicted: predict_customers(rollup(state), NULL::bigint)';

CREATE FUNCTION backtest(customer_type anyelement, orders_table regclass, customer_column name, ordered_at_column name, amount_column name, calibration_end timestamptz, holdout_end timestamptz, family text DEFAULT 'mbgnbd', unit interval DEFAULT '7 days', tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL)
RETURNS TABLE (x bigint, customers bigint, predicted double precision, actual bigint)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 50;
COMMENT ON FUNCTION backtest(anyelement, regclass, name, name, name, timestamptz, timestamptz, text, interval, text, name) IS
'how far to trust a model: fitted to the orders until calibration_end, the purchase days it expected until holdout_end beside those that came, summed over the customers of each x; the last row, x NULL, is the total';

CREATE FUNCTION backtest(calibration retention_state, holdout retention_state, family text DEFAULT 'mbgnbd', unit interval DEFAULT '7 days')
RETURNS TABLE (x bigint, customers bigint, predicted double precision, actual bigint)
AS 'MODULE_PATHNAME', 'backtest_of_states' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 50;
COMMENT ON FUNCTION backtest(retention_state, retention_state, text, interval) IS
'backtest of two states built by purchase_days_state, until the end of the calibration and until the end of the holdout';

-- ---------------------------------------------------------------------------
-- support functions of the aggregates
-- ---------------------------------------------------------------------------

COMMENT ON FUNCTION repeat_rate_transfn_bigint(retention_state, bigint) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION repeat_rate_transfn_text(retention_state, text) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION repeat_rate_transfn_uuid(retention_state, uuid) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION repeat_rate_invfn_bigint(retention_state, bigint) IS 'inverse transition function; for aggregates only';
COMMENT ON FUNCTION repeat_rate_invfn_text(retention_state, text) IS 'inverse transition function; for aggregates only';
COMMENT ON FUNCTION repeat_rate_invfn_uuid(retention_state, uuid) IS 'inverse transition function; for aggregates only';
COMMENT ON FUNCTION repeat_rate_window_transfn_bigint(retention_state, bigint, timestamptz, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION repeat_rate_window_transfn_text(retention_state, text, timestamptz, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION repeat_rate_window_transfn_uuid(retention_state, uuid, timestamptz, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION second_order_rate_transfn_bigint(retention_state, bigint, timestamptz, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION second_order_rate_transfn_text(retention_state, text, timestamptz, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION second_order_rate_transfn_uuid(retention_state, uuid, timestamptz, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION churn_rate_transfn_bigint(retention_state, bigint, timestamptz, interval, timestamptz, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION churn_rate_transfn_text(retention_state, text, timestamptz, interval, timestamptz, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION churn_rate_transfn_uuid(retention_state, uuid, timestamptz, interval, timestamptz, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION inactive_rate_transfn_bigint(retention_state, bigint, timestamptz, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION inactive_rate_transfn_text(retention_state, text, timestamptz, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION inactive_rate_transfn_uuid(retention_state, uuid, timestamptz, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION revenue_retention_transfn_bigint(retention_state, bigint, timestamptz, numeric, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION revenue_retention_transfn_text(retention_state, text, timestamptz, numeric, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION revenue_retention_transfn_uuid(retention_state, uuid, timestamptz, numeric, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION customer_value_transfn_bigint(retention_state, bigint, numeric) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION customer_value_transfn_text(retention_state, text, numeric) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION customer_value_transfn_uuid(retention_state, uuid, numeric) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION clv_transfn_bigint(retention_state, bigint, timestamptz, numeric, interval, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION clv_transfn_text(retention_state, text, timestamptz, numeric, interval, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION clv_transfn_uuid(retention_state, uuid, timestamptz, numeric, interval, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION aov_transfn(retention_state, numeric) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION purchases_state_transfn_bigint(retention_state, bigint, timestamptz, numeric, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION purchases_state_transfn_text(retention_state, text, timestamptz, numeric, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION purchases_state_transfn_uuid(retention_state, uuid, timestamptz, numeric, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION cohort_retention_transfn_bigint(retention_state, bigint, timestamptz, numeric, text, timestamptz, text) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION cohort_retention_transfn_text(retention_state, text, timestamptz, numeric, text, timestamptz, text) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION cohort_retention_transfn_uuid(retention_state, uuid, timestamptz, numeric, text, timestamptz, text) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION lifecycle_transfn_bigint(retention_state, bigint, timestamptz, text, timestamptz, text) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION lifecycle_transfn_text(retention_state, text, timestamptz, text, timestamptz, text) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION lifecycle_transfn_uuid(retention_state, uuid, timestamptz, text, timestamptz, text) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION rolling_retention_transfn_bigint(retention_state, bigint, timestamptz, interval, integer, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION rolling_retention_transfn_text(retention_state, text, timestamptz, interval, integer, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION rolling_retention_transfn_uuid(retention_state, uuid, timestamptz, interval, integer, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION repeat_by_order_number_transfn_bigint(retention_state, bigint, timestamptz, integer, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION repeat_by_order_number_transfn_text(retention_state, text, timestamptz, integer, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION repeat_by_order_number_transfn_uuid(retention_state, uuid, timestamptz, integer, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION repeat_by_order_number_within_transfn_bigint(retention_state, bigint, timestamptz, integer, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION repeat_by_order_number_within_transfn_text(retention_state, text, timestamptz, integer, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION repeat_by_order_number_within_transfn_uuid(retention_state, uuid, timestamptz, integer, interval, timestamptz) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION purchase_summary_transfn(retention_state, timestamptz, numeric, interval, timestamptz, text) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION purchase_days_state_transfn_bigint(retention_state, bigint, timestamptz, numeric, timestamptz, text) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION purchase_days_state_transfn_text(retention_state, text, timestamptz, numeric, timestamptz, text) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION purchase_days_state_transfn_uuid(retention_state, uuid, timestamptz, numeric, timestamptz, text) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION btyd_transfn(retention_state, bigint, double precision, double precision) IS 'transition function; for aggregates only';
COMMENT ON FUNCTION gamma_gamma_transfn(retention_state, bigint, double precision) IS 'transition function; for aggregates only';
