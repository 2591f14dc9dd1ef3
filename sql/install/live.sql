-- ---------------------------------------------------------------------------
-- live: customers and their segments as of now, in the same transaction
-- ---------------------------------------------------------------------------

--@ since 0.3

CREATE TYPE rfm_cuts AS (
    bins integer,
    grid text,
    recency timestamptz[],
    frequency bigint[],
    monetary numeric[]
);
COMMENT ON TYPE rfm_cuts IS
'cut points between RFM scores, found by retention_fit: of recency instants (a score less for each that is after the last order), of frequency orders and of monetary money (a score more for each that is below)';

CREATE TYPE live_row AS (
    first_order_at timestamptz,
    last_order_at timestamptz,
    orders bigint,
    monetary numeric,
    through timestamptz,
    segment text
);
COMMENT ON TYPE live_row IS
'what a live view shows of a customer; through is the latest row of any kind';

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
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION retention_mark_changes() IS
'trigger function of tracked orders; its argument is the name of the live view';

CREATE FUNCTION retention_track(orders_table regclass, customer_column name, ordered_at_column name, amount_column name,
    live name DEFAULT NULL, order_id_column name DEFAULT NULL, tz text DEFAULT 'UTC', unit interval DEFAULT '7 days', bins integer DEFAULT 5,
    grid text DEFAULT 'standard', family text DEFAULT 'mbgnbd', triggers text DEFAULT 'auto', replicated boolean DEFAULT false)
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
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10;
COMMENT ON FUNCTION retention_mark(regclass) IS
'marks all customers of a live view as changed';

CREATE FUNCTION retention_mark(live regclass, customer {key}) RETURNS void
AS 'MODULE_PATHNAME', 'retention_mark_{key}' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10;
COMMENT ON FUNCTION retention_mark(regclass, {key}) IS
'marks a customer of a live view as changed, from triggers of your own; NULL: nobody';
