-- load.sql: from the cells of a CSV file, as csv.pl left them, to a table of orders.
--
--   csv_line -> csv_cell (five texts a line) -> csv_row (typed) -> orders
--                                                   \-> bad_row
--
-- psql -v customer= -v time= -v amount= -v order_id= -v country=
-- Each is a column or an expression of columns; empty means: guess by the names.
-- Errors are one line each, for a reader who knows the file and not this script.

SET timezone = 'UTC';
SET datestyle = 'ISO,MDY';
SET client_min_messages = warning;
SET search_path = csv, public;
\echo '  telling times, amounts and customers'

-- 1. Cells ------------------------------------------------------------------------

-- Databases write NULL and \N for "nothing here".
CREATE FUNCTION filled(cell text) RETURNS text
IMMUTABLE PARALLEL SAFE LANGUAGE SQL
RETURN nullif(nullif(nullif(btrim(cell), ''), 'NULL'), '\N');

-- What is no number becomes NaN, which every calculation passes on: so the row is
-- found at the end, whatever expression the cell went through.
CREATE FUNCTION number(cell text) RETURNS numeric
IMMUTABLE PARALLEL SAFE LANGUAGE SQL
RETURN CASE
	WHEN cell ~ '^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?\s*$' AND length(cell) <= 1000
		THEN cell::numeric
	WHEN filled(cell) IS NOT NULL THEN 'NaN'
END;

-- What is no time becomes NULL. The server knows many formats, so it is asked and
-- its error caught: less than a second for a million good times, but half a minute
-- for a million words. Hence the look at the digits first, which also keeps out
-- 'infinity', 'now', and numbers other than 20251231.
CREATE FUNCTION time_of(cell text) RETURNS timestamptz
STABLE LANGUAGE plpgsql AS $$
BEGIN
	IF cell ~ '\d\D+\d|^\d{8}$' THEN
		RETURN cell::timestamptz;
	END IF;
	RETURN NULL;
EXCEPTION WHEN data_exception THEN
	RETURN NULL;
END $$;

-- 2. Columns: which hold numbers, and by which names an expression can call them ------

-- Ten thousand lines, evenly over the file
CREATE TABLE csv_sample AS
SELECT * FROM csv_line
WHERE "#" % (SELECT 1 + count(*) / 10000 FROM csv_line) = 0;

CREATE FUNCTION has_numbers(column_name text) RETURNS boolean
STABLE LANGUAGE plpgsql AS $$
DECLARE
	answer boolean;
BEGIN
	EXECUTE format('SELECT 2 * count(*) FILTER (WHERE number(%1$I) <> ''NaN'')
		> count(filled(%1$I)) FROM csv_sample', column_name) INTO answer;
	RETURN answer;
END $$;

ALTER TABLE csv_column ADD is_number boolean;
UPDATE csv_column SET is_number = has_numbers(name);

-- "Unit Price" is also unit_price, unless another column is just as near to that.
CREATE TABLE csv_name AS
SELECT spelling, min(position) AS position
FROM (
	SELECT spelling, position, distance = min(distance) OVER (PARTITION BY spelling) AS is_nearest
	FROM csv_column, LATERAL (VALUES
		(0, name),
		(1, lower(name)),
		(2, btrim(regexp_replace(lower(name), '\W+', '_', 'g'), '_'))
	) AS called (distance, spelling)
	WHERE spelling <> ''
) AS spelled
WHERE is_nearest
GROUP BY spelling
HAVING count(DISTINCT position) = 1;

-- The select list from which an expression takes its columns
CREATE FUNCTION csv_columns(as_numbers boolean) RETURNS text
STABLE LANGUAGE SQL
RETURN (
	SELECT string_agg(format(
		CASE WHEN is_number AND as_numbers THEN 'number(line.%I) AS %I'
		ELSE 'filled(line.%I) AS %I' END, name, spelling), ', ')
	FROM csv_name JOIN csv_column USING (position)
);

CREATE FUNCTION csv_header() RETURNS text
STABLE LANGUAGE SQL
RETURN (SELECT string_agg(name, ', ' ORDER BY position) FROM csv_column);

-- 3. Mapping: which expression is the customer, the time, the amount, … ---------------

-- as_numbers: columns of numbers are numbers in the expression, as AMOUNT wants it.
-- Elsewhere they are text: customer 007 is not customer 7.
CREATE TABLE mapping (
	position int,
	role text,
	variable text,
	required boolean,
	as_numbers boolean,
	given text,
	expression text
);
INSERT INTO mapping VALUES
	(1, 'customer', 'CUSTOMER', true, false, nullif(btrim(:'customer'), '')),
	(2, 'time', 'TIME', true, false, nullif(btrim(:'time'), '')),
	(3, 'amount', 'AMOUNT', true, true, nullif(btrim(:'amount'), '')),
	(4, 'order', 'ORDER_ID', false, false, nullif(btrim(:'order_id'), '')),
	(5, 'country', 'COUNTRY', false, false, nullif(btrim(:'country'), ''));

-- Names without their underscores and spaces. A name of a lower tier wins; two
-- columns in the best tier are for the user to decide.
CREATE TABLE known_name AS
SELECT role, tier, name
FROM (VALUES
	('customer', 1, 'customerid customerkey customerno customernumber customer'),
	('customer', 2, 'clientid client userid buyerid memberid accountid visitorid'),
	('customer', 3, 'email customeremail emailaddress buyer user'),
	('time', 1, 'orderedat orderdate ordertime orderdatetime ordertimestamp purchasedat purchasedate'),
	('time', 2, 'invoicedate transactiondate saledate soldat paidat'),
	('time', 3, 'createdat created date datetime timestamp time day'),
	('amount', 1, 'amount orderamount ordertotal ordertotalamount totalamount totalprice ordervalue'),
	('amount', 2, 'total revenue sales netsales'),
	('amount', 3, 'subtotal value monetary'),
	('amount', 5, 'price'),
	('quantity', 1, 'quantity qty units'),
	('unit price', 1, 'unitprice price itemprice'),
	('order', 1, 'orderid ordernumber orderno orderkey'),
	('order', 2, 'invoiceno invoiceid invoicenumber'),
	('order', 3, 'transactionid receiptid receiptno order invoice'),
	('country', 1, 'country countrycode countryname'),
	('country', 2, 'shipcountry shippingcountry'),
	('country', 3, 'billingcountry region market')
) AS known (role, tier, names), string_to_table(names, ' ') AS name;

CREATE VIEW recognized AS
SELECT role, tier, csv_column.name
FROM csv_column
JOIN known_name ON known_name.name = regexp_replace(lower(csv_column.name), '\W|_', '', 'g');

CREATE VIEW candidate AS
SELECT role, tier, format('%I', name) AS expression FROM recognized
UNION ALL
SELECT 'amount', 4, format('%I * %I', quantity.name, price.name)
FROM recognized AS quantity, recognized AS price
WHERE quantity.role = 'quantity' AND price.role = 'unit price';

CREATE FUNCTION guess(m mapping) RETURNS text
STABLE LANGUAGE plpgsql AS $$
DECLARE
	found text[] := ARRAY(
		SELECT expression FROM candidate
		WHERE role = m.role
			AND tier = (SELECT min(tier) FROM candidate WHERE role = m.role)
		ORDER BY expression);
BEGIN
	IF cardinality(found) > 1 THEN
		RAISE EXCEPTION '% could each be the %: write %= with one of them, or an expression',
			array_to_string(found, ' and '), m.role, m.variable;
	ELSIF found = '{}' AND m.required THEN
		RAISE EXCEPTION 'no column looks like the %: write %= with one of them, or an expression (%)',
			m.role, m.variable, csv_header();
	END IF;
	RETURN found[1];
END $$;

-- A name exactly as in the header needs none of SQL's quotes.
CREATE FUNCTION quoted_if_column(given text) RETURNS text
STABLE LANGUAGE SQL
RETURN coalesce((SELECT format('%I', name) FROM csv_column WHERE name = given), given);

CREATE FUNCTION compile_error(expression text, as_numbers boolean) RETURNS text
STABLE LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT (%s)::text FROM (SELECT %s FROM csv_line AS line) AS csv LIMIT 0',
		expression, csv_columns(as_numbers));
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END $$;

-- What does not compile with numbers may with text (replace(amount, ',', '')), and
-- the other way round (to_timestamp(epoch)).
CREATE PROCEDURE complete_mapping()
LANGUAGE plpgsql AS $$
DECLARE
	m mapping;
	problem text;
BEGIN
	FOR m IN SELECT * FROM mapping ORDER BY position LOOP
		m.expression := coalesce(quoted_if_column(m.given), guess(m), 'NULL');
		problem := compile_error(m.expression, m.as_numbers);
		IF problem IS NOT NULL THEN
			m.as_numbers := NOT m.as_numbers;
			IF compile_error(m.expression, m.as_numbers) IS NOT NULL THEN
				RAISE EXCEPTION '%=% does not work: % (the columns: %)',
					m.variable, m.given, problem, csv_header();
			END IF;
		END IF;
		UPDATE mapping SET expression = m.expression, as_numbers = m.as_numbers
		WHERE position = m.position;
	END LOOP;
END $$;

CALL complete_mapping();

-- 4. Rows: every line's five cells, then their types ---------------------------------

-- Each expression is a subquery of its own, since each has its own kind of columns.
CREATE FUNCTION cell_sources() RETURNS text
STABLE LANGUAGE SQL
RETURN (
	SELECT string_agg(format(
		'LATERAL (SELECT filled((%s)::text) FROM (SELECT %s) AS csv) AS %I (cell)',
		expression, csv_columns(as_numbers), role), ', ')
	FROM mapping
);

CREATE PROCEDURE take_cells()
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'CREATE TABLE csv_cell AS
		SELECT "#" AS line, customer.cell AS customer, "time".cell AS at,
			amount.cell AS amount, "order".cell AS order_id, country.cell AS country
		FROM csv_line AS line, ' || cell_sources();
EXCEPTION WHEN OTHERS THEN
	RAISE EXCEPTION 'an expression fails in some row: %', SQLERRM;
END $$;

-- 3/4/2025: only the other dates of the file can tell which is the month.
CREATE FUNCTION date_order() RETURNS text
STABLE LANGUAGE plpgsql AS $$
DECLARE
	example text;
	day_first bigint;
	month_first bigint;
BEGIN
	SELECT min(at),
		count(*) FILTER (WHERE part[1]::int > 12 AND part[2]::int <= 12),
		count(*) FILTER (WHERE part[2]::int > 12 AND part[1]::int <= 12)
	INTO example, day_first, month_first
	FROM csv_cell, regexp_match(at, '^(\d\d?)[-/.](\d\d?)[-/.]\d\d') AS part
	WHERE part IS NOT NULL;

	IF example IS NULL THEN
		RETURN 'no such dates';
	ELSIF day_first = 0 AND month_first = 0 THEN
		RAISE EXCEPTION 'is % day/month or month/day? write TIME="to_timestamp(%, ''DD/MM/YYYY'')" or the like',
			example, (SELECT expression FROM mapping WHERE role = 'time');
	END IF;
	RETURN CASE WHEN day_first > month_first THEN 'day/month' ELSE 'month/day' END;
END $$;

CALL take_cells();
SELECT date_order() \gset
SELECT set_config('datestyle', 'ISO,DMY', false) WHERE :'date_order' = 'day/month' \g /dev/null

-- A missing customer is a guest, and a missing amount an order of unknown value:
-- neither is bad.
CREATE TABLE csv_row AS
SELECT *,
	CASE
		WHEN at IS NULL THEN 'no time'
		WHEN ordered_at IS NULL THEN 'time not understood'
		WHEN amount = 'NaN' THEN 'amount is not a number'
	END AS reason
FROM (
	SELECT line,
		CASE WHEN lower(customer) NOT IN ('na', 'n/a', 'nan', 'none') THEN customer END AS customer,
		at,
		time_of(at) AS ordered_at,
		amount AS amount_text,
		number(amount) AS amount,
		order_id,
		country
	FROM csv_cell
	OFFSET 0	-- computed once, used twice
) AS typed;

-- Cells that are no numbers, in columns of numbers; NULL if there are none
CREATE FUNCTION odd_cells(line csv_line) RETURNS text
STABLE LANGUAGE SQL
RETURN (
	SELECT string_agg(format('%s = %s', name, value), ', ' ORDER BY position)
	FROM jsonb_each_text(to_jsonb(line)) JOIN csv_column ON name = key
	WHERE is_number AND number(value) = 'NaN'
);

INSERT INTO bad_row
SELECT csv_row.line, csv_row.reason,
	CASE WHEN csv_row.reason LIKE 'amount%' THEN coalesce(odd_cells(csv_line.*), csv_row.amount_text)
	ELSE csv_row.at END
FROM csv_row JOIN csv_line ON csv_line."#" = csv_row.line
WHERE csv_row.reason IS NOT NULL;

-- What to write instead of what served so badly
CREATE FUNCTION advice(reason text, example text) RETURNS text
STABLE LANGUAGE SQL AS $$
	SELECT CASE
		WHEN reason LIKE '%time%' THEN
			format('write TIME= with another column, or TIME="to_timestamp(%s, ''DD.MM.YYYY HH24:MI'')"', times)
		WHEN reason NOT LIKE 'amount%' THEN 'the header line must name every column'
		WHEN example ~ ',\d\d\d' THEN format('write AMOUNT="replace(%s, '','', '''')"', amounts)
		WHEN example ~ ',\d' THEN format('write AMOUNT="replace(%s, '','', ''.'')"', amounts)
		ELSE 'write AMOUNT= with another column, or an expression'
	END
	FROM (
		SELECT max(expression) FILTER (WHERE role = 'time') AS times,
			max(expression) FILTER (WHERE role = 'amount') AS amounts
		FROM mapping
	) AS expressions
$$;

CREATE PROCEDURE refuse_useless_file()
LANGUAGE plpgsql AS $$
DECLARE
	bad bigint := (SELECT count(*) FROM bad_row);
	good bigint := (SELECT count(*) FROM csv_row WHERE reason IS NULL);
	worst record;
BEGIN
	IF bad + good = 0 THEN
		RAISE EXCEPTION 'the file has a header line and no rows';
	ELSIF bad > good THEN
		SELECT reason, min(line) AS line, (array_agg(content ORDER BY line))[1] AS content
		INTO worst
		FROM bad_row
		GROUP BY reason
		ORDER BY count(*) DESC, reason
		LIMIT 1;
		RAISE EXCEPTION '% of % rows are of no use, most because: % (line %: "%"); %',
			bad, bad + good, worst.reason, worst.line, left(worst.content, 60),
			advice(worst.reason, worst.content);
	ELSIF NOT EXISTS (SELECT FROM csv_row WHERE reason IS NULL AND customer IS NOT NULL) THEN
		RAISE EXCEPTION 'no row has a customer: write CUSTOMER= with another column, or an expression';
	END IF;
END $$;

CALL refuse_useless_file();

-- 5. Orders ------------------------------------------------------------------------

CREATE FUNCTION customer_type() RETURNS text
STABLE LANGUAGE SQL
RETURN (
	SELECT CASE
		WHEN bool_and(CASE WHEN customer ~ '^(0|-?[1-9]\d{0,18})$'
			THEN customer::numeric BETWEEN -9223372036854775808 AND 9223372036854775807
			ELSE false END) THEN 'bigint'
		WHEN bool_and(customer ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') THEN 'uuid'
		ELSE 'text'
	END
	FROM csv_row
	WHERE reason IS NULL AND customer IS NOT NULL
);

SELECT customer_type() \gset

-- The lines of one order are summed; a line without an order number is an order.
CREATE TABLE public.orders AS
SELECT coalesce(order_id, 'line ' || line) AS order_id,
	CAST(customer AS :customer_type) AS customer_id,
	min(ordered_at) AS ordered_at,
	sum(amount) AS amount,
	min(country) AS country
FROM csv_row
WHERE reason IS NULL
GROUP BY coalesce(order_id, 'line ' || line), customer
ORDER BY ordered_at;
ANALYZE orders;

\pset footer off
\echo
SELECT variable,
	nullif(expression, 'NULL') AS "column",
	CASE WHEN given IS NOT NULL THEN 'given' WHEN expression <> 'NULL' THEN 'guessed' END AS "by",
	CASE role
		WHEN 'customer' THEN 'kept as ' || :'customer_type'
		WHEN 'time' THEN 'UTC where no zone is written'
			|| CASE :'date_order' WHEN 'no such dates' THEN '' ELSE ', ' || :'date_order' END
		WHEN 'order' THEN CASE expression WHEN 'NULL' THEN 'every line is an order'
			ELSE 'lines with one number are one order' END
	END AS "note"
FROM mapping
ORDER BY position;

DROP SCHEMA csv CASCADE;
