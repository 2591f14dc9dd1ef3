-- SELECT * shows examples, with customers' keys, and advice
SELECT severity, check_name, affected_rows
FROM retention_check({source_columns}, as_of => {as_of}{options})
ORDER BY array_position(ARRAY['error', 'warning', 'info', 'ok', 'not_checked'], severity), check_name
