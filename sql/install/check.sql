-- ---------------------------------------------------------------------------
-- check: is the orders table what the functions take it for?
-- ---------------------------------------------------------------------------

CREATE FUNCTION retention_check(orders_table regclass, customer_column name, ordered_at_column name, amount_column name,
    order_id_column name DEFAULT NULL, as_of timestamptz DEFAULT now(), tz text DEFAULT 'UTC')
RETURNS TABLE (check_name text, affected_rows bigint, severity text, example text, advice text)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000000 ROWS 12;
COMMENT ON FUNCTION retention_check(regclass, name, name, name, name, timestamptz, text) IS
'looks for what makes numbers wrong, a row per check: affected_rows (customers for refund_exceeds_purchases), severity ok, info, warning, error or not_checked, an example, and what to do: retention_check(''orders'', ''customer_id'', ''ordered_at'', ''amount'')';
