-- ---------------------------------------------------------------------------
-- live: customers and their segments as of now, in the same transaction
-- ---------------------------------------------------------------------------

--@ since 0.3

CREATE TYPE live_row AS (
    first_order_at timestamptz,
    last_order_at timestamptz,
    orders bigint,
    monetary numeric,
    segment text,
    through timestamptz
);
COMMENT ON TYPE live_row IS
'what a live view shows of a customer; through is the time of the latest row of any kind';

CREATE FUNCTION live_row(history order_history, cuts rfm_cuts, as_of timestamptz) RETURNS live_row
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION live_row(order_history, rfm_cuts, timestamptz) IS
'a customer''s first and last order, orders, money and segment from the history of that customer, as of any time; the segment by given cut points, NULL without them';

CREATE FUNCTION live_row_now(history order_history, cuts rfm_cuts) RETURNS live_row
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION live_row_now(order_history, rfm_cuts) IS
'live_row as of now, by the clock: for live views';

CREATE FUNCTION same_history(a order_history, b order_history) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION same_history(order_history, order_history) IS
'whether two histories hold the same rows';

CREATE FUNCTION retention_mark_changes() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION retention_mark_changes() IS
'trigger function of tracked orders; its argument is the name of the live view';

CREATE FUNCTION retention_track(orders_table regclass, customer_column name, ordered_at_column name, amount_column name,
    live name DEFAULT NULL, order_id_column name DEFAULT NULL, tz text DEFAULT 'UTC', unit interval DEFAULT '7 days', bins integer DEFAULT 5,
    grid text DEFAULT 'standard', family text DEFAULT 'hbgnbd', triggers text DEFAULT 'auto', replicated boolean DEFAULT false)
RETURNS regclass
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION retention_track(regclass, name, name, name, name, name, text, interval, integer, text, text, text, boolean) IS
'tracks the customers of an orders table: makes and returns a live view (live, by default the table''s name with _live), exact in every transaction; called again, repairs the triggers: retention_track(''orders'', ''customer_id'', ''ordered_at'', ''amount'')';

CREATE FUNCTION retention_untrack(live regclass) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION retention_untrack(regclass) IS
'ends a tracking: drops the triggers, the live view and its tables';

CREATE FUNCTION retention_refresh(live regclass, wait boolean DEFAULT true, max_customers bigint DEFAULT NULL,
    OUT customers bigint, OUT inserted bigint, OUT updated bigint, OUT deleted bigint, OUT mode text, OUT milliseconds double precision)
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION retention_refresh(regclass, boolean, bigint) IS
'stores the customers whose orders changed since the last time, and notifies listeners on the live view''s name of how many changed segment; mode is changed, rebuilt (all, in one pass) or nothing; all NULL with wait => false while another runs';

CREATE FUNCTION retention_fit(live regclass, as_of timestamptz DEFAULT clock_timestamp()) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION retention_fit(regclass, timestamptz) IS
'finds the cut points of RFM and fits the models anew, from all orders before as_of; segments change by it: once a month';

CREATE FUNCTION retention_mark(live regclass) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10;
COMMENT ON FUNCTION retention_mark(regclass) IS
'marks all customers of a live view as changed';

CREATE FUNCTION retention_mark(live regclass, customer {key}) RETURNS void
AS 'MODULE_PATHNAME', 'retention_mark_{key}' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10;
COMMENT ON FUNCTION retention_mark(regclass, {key}) IS
'marks a customer of a live view as changed, from triggers of your own; NULL: nobody';

CREATE FUNCTION retention_customer(live regclass, customer_id {key}, as_of timestamptz DEFAULT clock_timestamp())
RETURNS TABLE (customer {key}, first_order_at timestamptz, last_order_at timestamptz, recency_days double precision, orders bigint, monetary numeric, aov numeric,
    r integer, f integer, m integer, cell text, segment text, x bigint, t_x double precision, age double precision, p_alive double precision,
    expected_orders double precision, p_order double precision, orders_low bigint, orders_high bigint, predicted_clv numeric, churn_risk text, cuts_at timestamptz, fitted_at timestamptz, computed text)
AS 'MODULE_PATHNAME', 'retention_customer_{key}' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 1;
COMMENT ON FUNCTION retention_customer(regclass, {key}, timestamptz) IS
'one customer of a live view as of now, for a page of the shop: recency in days, orders and money, RFM scores and segment by the stored cut points, and what the stored models expect of the next 365 days (x, t_x and age in units); computed is stored, or now if orders changed since the last refresh; no row without an order';

CREATE FUNCTION retention_live_status(live regclass DEFAULT NULL)
RETURNS TABLE (live_view regclass, orders_table regclass, marked_customers bigint, oldest_mark_at timestamptz, refreshed_at timestamptz, customers bigint,
    triggers_ok boolean, partitions_ok boolean, index_ok boolean, cuts_at timestamptz, fitted_at timestamptz, problem text)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 2;
COMMENT ON FUNCTION retention_live_status(regclass) IS
'how trackings are, all that you may read or one: customers marked and stored, when it was refreshed and fitted, whether the triggers fire and the index is there, and what to do if not (problem)';

CREATE FUNCTION retention_verify(live regclass, share double precision DEFAULT 0.01)
RETURNS TABLE (customer text, column_name text, stored text, actual text)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000000 ROWS 1;
COMMENT ON FUNCTION retention_verify(regclass, double precision) IS
'compares stored customers with their orders, a share of them (0 to 1) drawn at random: a row per column that differs, none if all is right';
