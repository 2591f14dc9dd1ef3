-- ---------------------------------------------------------------------------
-- history: every order row of the customers as one value
-- ---------------------------------------------------------------------------

--@ since 0.3

CREATE TYPE order_history;

CREATE FUNCTION order_history_in(cstring) RETURNS order_history
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION order_history_in(cstring) IS
'text (base64) to order_history';

CREATE FUNCTION order_history_out(order_history) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION order_history_out(order_history) IS
'order_history to text (base64)';

CREATE FUNCTION order_history_recv(internal) RETURNS order_history
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION order_history_recv(internal) IS
'binary form to order_history';

CREATE FUNCTION order_history_send(order_history) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION order_history_send(order_history) IS
'order_history to its binary form';

CREATE TYPE order_history (
    INPUT = order_history_in,
    OUTPUT = order_history_out,
    RECEIVE = order_history_recv,
    SEND = order_history_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = external
);
COMMENT ON TYPE order_history IS
'all order rows of one or many customers (time and amount, refunds and zero rows too), some 8 bytes an order: built by order_history(customer, ordered_at, amount), merged by rollup() and merge(), read by every measure as of any time';

CREATE FUNCTION order_history_combine(order_history, order_history) RETURNS order_history
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION order_history_combine(order_history, order_history) IS
'merges two histories; for aggregates only';

CREATE FUNCTION order_history_finalfn(order_history) RETURNS order_history
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION order_history_finalfn(order_history) IS
'final function; for aggregates only';

CREATE FUNCTION order_history_transfn_{key}(order_history, {key}, timestamptz, numeric) RETURNS order_history
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION order_history_transfn_{key}(order_history, {key}, timestamptz, numeric) IS 'transition function; for aggregates only';

CREATE AGGREGATE order_history(customer {key}, ordered_at timestamptz, amount numeric) (
    SFUNC = order_history_transfn_{key},
    STYPE = order_history,
    SSPACE = 256,
    FINALFUNC = order_history_finalfn,
    COMBINEFUNC = order_history_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE order_history({key}, timestamptz, numeric) IS
'all rows of the customers as one value, to store and to read any measure from, as of any time; rows without a customer or a time are left out; NULL of no rows: SELECT customer_id, order_history(customer_id, ordered_at, amount) AS history FROM orders GROUP BY customer_id';

CREATE AGGREGATE rollup(history order_history) (
    SFUNC = order_history_combine,
    STYPE = order_history,
    SSPACE = 1024,
    FINALFUNC = order_history_finalfn,
    COMBINEFUNC = order_history_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE rollup(order_history) IS
'merges histories, exactly and in any order; a row that is in two of them counts twice';

CREATE FUNCTION merge(a order_history, b order_history) RETURNS order_history
AS 'MODULE_PATHNAME', 'order_history_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION merge(order_history, order_history) IS
'both histories as one; a row that is in both counts twice';

CREATE FUNCTION history_info(history order_history,
    OUT customer_type text, OUT customers bigint, OUT orders bigint, OUT rows bigint, OUT bytes bigint,
    OUT first_order_at timestamptz, OUT last_order_at timestamptz)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION history_info(order_history) IS
'what a history holds: the type and number of its customers, orders (rows but for refunds and zero), all rows, the bytes it takes, and when the first and the last order were';

CREATE FUNCTION order_rows(customer_type anyelement, history order_history)
RETURNS TABLE (customer anyelement, ordered_at timestamptz, amount numeric)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 1000;
COMMENT ON FUNCTION order_rows(anyelement, order_history) IS
'the rows that went into a history: SELECT * FROM order_rows(NULL::bigint, (SELECT order_history(customer_id, ordered_at, amount) FROM orders))';

CREATE FUNCTION order_histories(customer_type anyelement, orders_table regclass, customer_column name, ordered_at_column name, amount_column name,
    order_id_column name DEFAULT NULL, tz text DEFAULT 'UTC')
RETURNS TABLE (customer anyelement, history order_history)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 100000;
COMMENT ON FUNCTION order_histories(anyelement, regclass, name, name, name, name, text) IS
'a row per customer with the history of all order rows, quicker than order_history() by GROUP BY: order_histories(NULL::bigint, ''orders'', ''customer_id'', ''ordered_at'', ''amount'')';
