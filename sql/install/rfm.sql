-- ---------------------------------------------------------------------------
-- rfm: a relation's (or a stored state's) customers as rows
-- ---------------------------------------------------------------------------

CREATE FUNCTION rfm_segments(customer_type anyelement, orders_table regclass, customer_column name, ordered_at_column name, amount_column name,
    as_of timestamptz DEFAULT clock_timestamp(), bins integer DEFAULT 5, grid text DEFAULT 'standard', tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL)
RETURNS TABLE (customer anyelement, first_order_at timestamptz, last_order_at timestamptz, recency_days double precision, orders bigint, monetary numeric, aov numeric, r integer, f integer, m integer, cell text, segment text)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 100000;
COMMENT ON FUNCTION rfm_segments(anyelement, regclass, name, name, name, timestamptz, integer, text, text, name) IS
'a row per customer with an order before as_of: recency (days since the last order), orders, money, average order, the scores r, f, m (1 to bins, best), their cell and its segment: rfm_segments(NULL::bigint, ''orders'', ''customer_id'', ''ordered_at'', ''amount'')';

CREATE FUNCTION rfm_segments(customer_type anyelement, state retention_state, bins integer DEFAULT 5, grid text DEFAULT 'standard')
RETURNS TABLE (customer anyelement, first_order_at timestamptz, last_order_at timestamptz, recency_days double precision, orders bigint, monetary numeric, aov numeric, r integer, f integer, m integer, cell text, segment text)
AS 'MODULE_PATHNAME', 'rfm_segments_of_state' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 100000;
COMMENT ON FUNCTION rfm_segments(anyelement, retention_state, integer, text) IS
'the customers of a state built by purchases_state, scored: rfm_segments(NULL::bigint, rollup(state))';

CREATE FUNCTION segment_summary(customer_type anyelement, orders_table regclass, customer_column name, ordered_at_column name, amount_column name,
    as_of timestamptz DEFAULT clock_timestamp(), bins integer DEFAULT 5, grid text DEFAULT 'standard', tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL)
RETURNS TABLE (segment text, customers bigint, share double precision, revenue numeric, revenue_share double precision, orders bigint, aov numeric, median_recency_days double precision)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 11;
COMMENT ON FUNCTION segment_summary(anyelement, regclass, name, name, name, timestamptz, integer, text, text, name) IS
'a row per RFM segment: customers and their share (0 to 1), revenue (money before as_of) and its share, orders, average order, median recency in days';

CREATE FUNCTION segment_summary(state retention_state, bins integer DEFAULT 5, grid text DEFAULT 'standard')
RETURNS TABLE (segment text, customers bigint, share double precision, revenue numeric, revenue_share double precision, orders bigint, aov numeric, median_recency_days double precision)
AS 'MODULE_PATHNAME', 'segment_summary_of_state' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 11;
COMMENT ON FUNCTION segment_summary(retention_state, integer, text) IS
'a row per RFM segment of a state built by purchases_state';

CREATE FUNCTION rfm_transitions(customer_type anyelement, orders_table regclass, customer_column name, ordered_at_column name, amount_column name,
    from_as_of timestamptz, to_as_of timestamptz DEFAULT clock_timestamp(), bins integer DEFAULT 5, grid text DEFAULT 'standard', tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL)
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
    as_of timestamptz DEFAULT clock_timestamp(), bins integer DEFAULT 5, tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL)
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
    share double precision DEFAULT 0.8, as_of timestamptz DEFAULT clock_timestamp(), tz text DEFAULT 'UTC', order_id_column name DEFAULT NULL)
RETURNS TABLE (customer anyelement, rank bigint, orders bigint, monetary numeric, revenue_share double precision, cumulative_share double precision)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 20000;
COMMENT ON FUNCTION hero_buyers(anyelement, regclass, name, name, name, double precision, timestamptz, text, name) IS
'the smallest set of customers who bring a share (0 to 1) of all revenue, most money first, with rank and cumulative share (0 to 1)';

CREATE FUNCTION hero_buyers(customer_type anyelement, state retention_state, share double precision DEFAULT 0.8)
RETURNS TABLE (customer anyelement, rank bigint, orders bigint, monetary numeric, revenue_share double precision, cumulative_share double precision)
AS 'MODULE_PATHNAME', 'hero_buyers_of_state' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 20000;
COMMENT ON FUNCTION hero_buyers(anyelement, retention_state, double precision) IS
'the smallest set of customers in a state built by purchases_state who bring a share (0 to 1) of its revenue';

--@ since 0.3
CREATE FUNCTION rfm_segments(history order_history, customer_type anyelement, as_of timestamptz, bins integer DEFAULT 5, grid text DEFAULT 'standard')
RETURNS TABLE (customer anyelement, first_order_at timestamptz, last_order_at timestamptz, recency_days double precision, orders bigint, monetary numeric, aov numeric, r integer, f integer, m integer, cell text, segment text)
AS 'MODULE_PATHNAME', 'rfm_segments_of_history' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 100000;
COMMENT ON FUNCTION rfm_segments(order_history, anyelement, timestamptz, integer, text) IS
'the customers of a history with an order before as_of, scored: rfm_segments((SELECT rollup(history) FROM customer_history), NULL::bigint, now())';

--@ since 0.3
CREATE FUNCTION segment_summary(history order_history, as_of timestamptz, bins integer DEFAULT 5, grid text DEFAULT 'standard')
RETURNS TABLE (segment text, customers bigint, share double precision, revenue numeric, revenue_share double precision, orders bigint, aov numeric, median_recency_days double precision)
AS 'MODULE_PATHNAME', 'segment_summary_of_history' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 11;
COMMENT ON FUNCTION segment_summary(order_history, timestamptz, integer, text) IS
'a row per RFM segment of the customers of a history, as of any time';

--@ since 0.3
CREATE FUNCTION rfm_transitions(history order_history, from_as_of timestamptz, to_as_of timestamptz, bins integer DEFAULT 5, grid text DEFAULT 'standard')
RETURNS TABLE (from_segment text, to_segment text, customers bigint, share double precision, monetary numeric)
AS 'MODULE_PATHNAME', 'rfm_transitions_of_history' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 60;
COMMENT ON FUNCTION rfm_transitions(order_history, timestamptz, timestamptz, integer, text) IS
'the customers of a history who moved from one RFM segment to another between two times';

--@ since 0.3
CREATE FUNCTION rfm_breaks(history order_history, as_of timestamptz, bins integer DEFAULT 5)
RETURNS TABLE (metric text, score integer, customers bigint, lowest numeric, highest numeric)
AS 'MODULE_PATHNAME', 'rfm_breaks_of_history' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 15;
COMMENT ON FUNCTION rfm_breaks(order_history, timestamptz, integer) IS
'the cut points of the scores of the customers of a history, as of any time';

--@ since 0.3
CREATE FUNCTION hero_buyers(history order_history, customer_type anyelement, as_of timestamptz, share double precision DEFAULT 0.8)
RETURNS TABLE (customer anyelement, rank bigint, orders bigint, monetary numeric, revenue_share double precision, cumulative_share double precision)
AS 'MODULE_PATHNAME', 'hero_buyers_of_history' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 20000;
COMMENT ON FUNCTION hero_buyers(order_history, anyelement, timestamptz, double precision) IS
'the smallest set of customers of a history who bring a share (0 to 1) of its revenue before as_of';

--@ since 0.3
CREATE TYPE rfm_cuts AS (
    bins integer,
    grid text,
    recency timestamptz[],
    frequency bigint[],
    monetary numeric[]
);
COMMENT ON TYPE rfm_cuts IS
'cut points between RFM scores, as retention_fit finds them: of recency instants (a score less for each that is after the last order), of frequency orders and of monetary money (a score more for each that is below)';

--@ since 0.3
CREATE FUNCTION rfm_cell(last_order_at timestamptz, orders bigint, monetary numeric, cuts rfm_cuts) RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rfm_cell(timestamptz, bigint, numeric, rfm_cuts) IS
'the RFM scores of one customer as a cell such as ''543'', by cut points that were found before: the cell that rfm_segments gives, if they are those of the same customers; NULL of unknown money';
