-- ---------------------------------------------------------------------------
-- carts
-- ---------------------------------------------------------------------------

--@ since 0.3

CREATE TYPE cart_row AS (
    cart_number integer,
    started_at timestamptz,
    last_touch_at timestamptz,
    checkout_at timestamptz,
    items bigint,
    value numeric,
    abandoned_at timestamptz,
    purchased_at timestamptz,
    order_value numeric,
    status text
);
COMMENT ON TYPE cart_row IS
'a row of carts: what the cart held at its end (items: products, value: of those known), when it was first left for "grace" (abandoned_at), and its status: converted (bought, never abandoned), recovered (bought after all), lost (nobody touched it for "expire"), emptied, abandoned, open';

CREATE FUNCTION carts(state retention_state) RETURNS cart_row[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION carts(retention_state) IS
'reads carts from a stored state: SELECT c.* FROM states, unnest(carts(state)) c';

CREATE FUNCTION carts_transfn(retention_state, timestamptz, text, text, numeric, interval, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION carts_transfn(retention_state, timestamptz, text, text, numeric, interval, interval, timestamptz) IS 'transition function; for aggregates only';

CREATE AGGREGATE carts(at timestamptz, event text, product text, value numeric, grace interval, expire interval, as_of timestamptz) (
    SFUNC = carts_transfn,
    STYPE = retention_state,
    SSPACE = 250,
    FINALFUNC = carts,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE carts(timestamptz, text, text, numeric, interval, interval, timestamptz) IS
'the carts of the customer of a group, from events cart (put in or changed), remove, checkout, purchase; abandoned after "grace" without a touch, lost after "expire": SELECT customer_id, c.* FROM (SELECT customer_id, carts(at, event, product, value, ''1 hour'', ''30 days'', now()) AS carts FROM events GROUP BY customer_id) e, unnest(carts) c';

CREATE AGGREGATE carts_state(at timestamptz, event text, product text, value numeric, grace interval, expire interval, as_of timestamptz) (
    SFUNC = carts_transfn,
    STYPE = retention_state,
    SSPACE = 250,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE carts_state(timestamptz, text, text, numeric, interval, interval, timestamptz) IS
'state of carts, to store, merge with rollup() and read with carts()';

CREATE TYPE pending_intent_row AS (
    stage text,
    stage_at timestamptz,
    last_event_at timestamptz,
    items bigint,
    value numeric,
    idle_days double precision,
    is_abandoned boolean,
    is_definitive boolean
);
COMMENT ON TYPE pending_intent_row IS
'result of pending_intent: the most advanced of what the customer has begun and not bought: checkout, cart, view, browse, purchased (nothing since), idle (nothing at all); since when, days of 24 hours since then, what lies in the cart, whether it was left for "grace" and for "expire"';

CREATE FUNCTION pending_intent(state retention_state) RETURNS pending_intent_row
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pending_intent(retention_state) IS
'reads pending_intent from a stored state: SELECT (pending_intent(rollup(state))).* FROM states';

CREATE FUNCTION pending_intent_finalfn(state retention_state) RETURNS pending_intent_row
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pending_intent_finalfn(retention_state) IS 'final function; for aggregates only';

CREATE FUNCTION pending_intent_transfn(retention_state, timestamptz, text, text, numeric, interval, interval, interval, timestamptz) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pending_intent_transfn(retention_state, timestamptz, text, text, numeric, interval, interval, interval, timestamptz) IS 'transition function; for aggregates only';

CREATE AGGREGATE pending_intent(at timestamptz, event text, product text, value numeric, within interval, grace interval, expire interval, as_of timestamptz) (
    SFUNC = pending_intent_transfn,
    STYPE = retention_state,
    SSPACE = 280,
    FINALFUNC = pending_intent_finalfn,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE pending_intent(timestamptz, text, text, numeric, interval, interval, interval, timestamptz) IS
'what the customer of a group is about to do, from their events in a time before as_of: SELECT (p).* FROM (SELECT pending_intent(at, event, product, value, ''60 days'', ''1 hour'', ''30 days'', (SELECT clock_timestamp())) AS p FROM events WHERE customer_id = 42) c; one row whatever there is';

CREATE AGGREGATE pending_intent_state(at timestamptz, event text, product text, value numeric, within interval, grace interval, expire interval, as_of timestamptz) (
    SFUNC = pending_intent_transfn,
    STYPE = retention_state,
    SSPACE = 280,
    COMBINEFUNC = retention_state_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE pending_intent_state(timestamptz, text, text, numeric, interval, interval, interval, timestamptz) IS
'state of pending_intent, to store, merge with rollup() and read with pending_intent()';

CREATE FUNCTION pending_customers(customer_type anyelement, events_table regclass, customer_column name, at_column name, event_column name,
    product_column name DEFAULT NULL, value_column name DEFAULT NULL, as_of timestamptz DEFAULT clock_timestamp(),
    within interval DEFAULT '60 days', grace interval DEFAULT '1 hour', expire interval DEFAULT '30 days', tz text DEFAULT 'UTC')
RETURNS TABLE (customer anyelement, stage text, stage_at timestamptz, last_event_at timestamptz, items bigint, value numeric, idle_days double precision, is_abandoned boolean, is_definitive boolean)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 100000;
COMMENT ON FUNCTION pending_customers(anyelement, regclass, name, name, name, name, name, timestamptz, interval, interval, interval, text) IS
'a row per customer with an event before as_of: what they are about to do, as pending_intent() has it: pending_customers(NULL::bigint, ''events'', ''customer_id'', ''at'', ''event'', ''product'', ''value'')';
