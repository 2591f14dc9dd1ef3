-- ---------------------------------------------------------------------------
-- check: is the orders table what the functions take it for?
-- ---------------------------------------------------------------------------

--@ since 0.3
CREATE FUNCTION retention_check(orders_table regclass, customer_column name, ordered_at_column name, amount_column name,
    order_id_column name DEFAULT NULL, as_of timestamptz DEFAULT clock_timestamp(), tz text DEFAULT 'UTC',
    currency_column name DEFAULT NULL)
RETURNS TABLE (check_name text, affected_rows bigint, severity text, example text, advice text)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000000 ROWS 23;
COMMENT ON FUNCTION retention_check(regclass, name, name, name, name, timestamptz, text, name) IS
'looks for what makes numbers wrong, a row per check, the worst first: affected_rows (customers for refund_exceeds_purchases), severity error, warning, info, ok or not_checked, an example, and what to do: retention_check(''orders'', ''customer_id'', ''ordered_at'', ''amount'')';
