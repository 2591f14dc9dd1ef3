-- ---------------------------------------------------------------------------
-- new against returning
-- ---------------------------------------------------------------------------

--@ since 0.3

CREATE TYPE new_vs_returning_row AS (
    period_start date,
    orders bigint,
    new_orders bigint,
    returning_orders bigint,
    new_customers bigint,
    returning_customers bigint,
    new_revenue numeric,
    returning_revenue numeric,
    refunds numeric,
    revenue numeric,
    returning_share double precision,
    is_complete boolean
);
COMMENT ON TYPE new_vs_returning_row IS
'a row of new_vs_returning: a period; new orders are those at the instant of their customer''s first; revenues are money, refunds below zero, revenue the sum of the three; returning_share is returning_revenue / (new_revenue + returning_revenue) (0 to 1)';

CREATE FUNCTION new_vs_returning(state retention_state) RETURNS new_vs_returning_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION new_vs_returning(retention_state) IS
'reads new_vs_returning from a stored state: SELECT * FROM unnest((SELECT new_vs_returning(rollup(state)) FROM states))';

CREATE FUNCTION new_vs_returning_transfn_{key}(retention_state, {key}, timestamptz, numeric, text, timestamptz, text) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION new_vs_returning_transfn_{key}(retention_state, {key}, timestamptz, numeric, text, timestamptz, text) IS 'transition function; for aggregates only';

CREATE AGGREGATE new_vs_returning(customer {key}, ordered_at timestamptz, amount numeric, grain text, as_of timestamptz, tz text) (
    SFUNC = new_vs_returning_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    FINALFUNC = new_vs_returning,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE new_vs_returning({key}, timestamptz, numeric, text, timestamptz, text) IS
'orders, customers and money of new and of returning customers, by calendar period in tz: SELECT * FROM unnest((SELECT new_vs_returning(customer_id, ordered_at, amount, ''month'', now(), ''UTC'') FROM orders))';

CREATE AGGREGATE new_vs_returning_state(customer {key}, ordered_at timestamptz, amount numeric, grain text, as_of timestamptz, tz text) (
    SFUNC = new_vs_returning_transfn_{key},
    STYPE = retention_state,
    SSPACE = 512,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE new_vs_returning_state({key}, timestamptz, numeric, text, timestamptz, text) IS
'state of new_vs_returning, to store, merge with rollup() and read with new_vs_returning()';
