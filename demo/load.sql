-- load.sql: from the cells of a CSV file, as csv.pl left them, to a table of orders.
--
--   csv_line -> csv_cell (five texts a line) -> csv_row (typed) -> orders
--                                                   \-> bad_row
--
-- psql -v where= -v distinct=
--
-- Which column is what stands in mapping, as far as their names tell. What only the cells
-- can tell is told here; where they cannot, the reader is asked. Every error is for
-- somebody who knows the file and not this script, and its advice can be pasted into a
-- shell and passes make: no dollar, no double quotes, and columns by their safe names.

\set VERBOSITY terse
SET timezone = 'UTC';
SET datestyle = 'ISO,MDY';
SET client_min_messages = warning;
SET search_path = csv, public;

CREATE FUNCTION in_thousands(number bigint) RETURNS text
IMMUTABLE PARALLEL SAFE LANGUAGE SQL
RETURN btrim(to_char(number, 'FM999,999,999,999'));

-- 1. Cells ------------------------------------------------------------------------

\ir cells.sql

-- 2. Columns: which hold numbers ----------------------------------------------------

-- Two thousand lines, evenly over the file
CREATE TABLE csv_sample AS
SELECT * FROM csv_line
WHERE "#" % (SELECT 1 + count(*) / 2000 FROM csv_line) = 0;

-- Of a query's cells: are most of them numbers, and what marks the decimals? NULL as the
-- mark: that could be either.
CREATE FUNCTION numbers_of(cells text, delimiter text, OUT are_numbers boolean, OUT mark text, OUT example text)
STABLE LANGUAGE plpgsql AS $$
DECLARE
	n record;
BEGIN
	EXECUTE format('SELECT count(cell) AS filled, count(evidence) AS numbers,
			count(*) FILTER (WHERE evidence = ''.'') AS points,
			count(*) FILTER (WHERE evidence = '','') AS commas,
			count(*) FILTER (WHERE evidence = ''?.'') AS perhaps_points,
			count(*) FILTER (WHERE evidence = ''?,'') AS perhaps_commas,
			min(cell) FILTER (WHERE evidence LIKE ''?%%'') AS example
		FROM (SELECT cell, CASE WHEN cell IS NOT NULL THEN mark_evidence(cell) END AS evidence
			FROM (%s) AS cells (cell) OFFSET 0) AS told', cells) INTO n;
	are_numbers := 2 * n.numbers > n.filled;
	mark := CASE
		WHEN n.points + n.commas > 0 THEN CASE WHEN n.commas > n.points THEN ',' ELSE '.' END
		WHEN n.perhaps_points > 0 THEN NULL
		-- where commas part the columns, a comma in a cell is an English one
		WHEN n.perhaps_commas > 0 AND delimiter <> ',' THEN NULL
		ELSE '.'
	END;
	example := n.example;
END $$;

SELECT delimiter FROM csv_file \gset
ALTER TABLE csv_column ADD is_number boolean, ADD mark text, ADD example text;
UPDATE csv_column SET (is_number, mark, example) = (
	SELECT are_numbers, told.mark, told.example
	FROM numbers_of(format('SELECT filled(%I) FROM csv_sample', name), :'delimiter') AS told
);

-- The select list from which an expression takes its columns, some of them as numbers
CREATE FUNCTION csv_columns(numbers int[]) RETURNS text
STABLE LANGUAGE SQL
RETURN (
	SELECT string_agg(
		CASE WHEN position = ANY (numbers) THEN format('number(line.%I, %L) AS %I', name, coalesce(mark, '.'), spelling)
		ELSE format('filled(line.%I) AS %I', name, spelling) END, ', ')
	FROM csv_name JOIN csv_column USING (position)
);

CREATE FUNCTION csv_header() RETURNS text
STABLE LANGUAGE SQL
RETURN (SELECT string_agg(name, ', ' ORDER BY position) FROM csv_column);

-- Questions and complaints, all of one stage at once
CREATE TABLE problem (position serial, says text);

CREATE PROCEDURE ask()
LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM problem) THEN
		RAISE EXCEPTION '%', (SELECT string_agg(says, E'\n' ORDER BY position) FROM problem);
	END IF;
END $$;

-- 3. Mapping: which expression is the customer, the time, the amount, … ---------------

-- numbers: the columns that are numbers in the expression, as AMOUNT wants them. Elsewhere
-- they are text: customer 007 is not customer 7.
INSERT INTO mapping (role, variable, required, given) VALUES ('where', 'WHERE', false, nullif(btrim(:'where'), ''));
ALTER TABLE mapping ADD expression text, ADD numbers int[];

-- A column's name alone needs none of SQL's quotes.
CREATE FUNCTION named_column(given text) RETURNS text
STABLE LANGUAGE SQL
RETURN (
	SELECT safe FROM csv_name JOIN csv_column USING (position)
	WHERE spelling IN (given, lower(given))
	ORDER BY spelling = given DESC LIMIT 1
);

-- What the server says of an expression, tried where it can see one line alone
CREATE FUNCTION compile_error(role text, expression text, numbers int[]) RETURNS text
STABLE LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format(E'SELECT FROM (SELECT %s FROM csv_line AS line) AS csv WHERE (%s\n) %s LIMIT 0',
		csv_columns(numbers), expression, CASE WHEN role <> 'where' THEN 'IS NULL' END);
	RETURN NULL;
EXCEPTION
	WHEN grouping_error OR windowing_error OR feature_not_supported THEN
		RETURN 'an expression sees one line at a time, and this takes several (' || SQLERRM || ')';
	WHEN OTHERS THEN
		RETURN SQLERRM;
END $$;

CREATE FUNCTION uses(expression text, place int) RETURNS boolean
STABLE LANGUAGE SQL
RETURN EXISTS (
	SELECT FROM csv_name
	WHERE csv_name.position = place
		AND expression ~* ('(?<!\w)' || regexp_replace(spelling, '(\W)', '\\\1', 'g') || '(?!\w)')
);

-- Numbers first, text first, and then any one column otherwise: left(invoice, 1) <> 'C'
-- AND quantity > 0 wants the one column as text and the other as a number.
CREATE FUNCTION ways(m mapping) RETURNS SETOF int[]
STABLE LANGUAGE plpgsql AS $$
DECLARE
	used int[] := ARRAY(SELECT position FROM csv_column WHERE is_number AND uses(m.expression, position));
	odd int;
BEGIN
	IF m.role IN ('amount', 'where') THEN
		RETURN NEXT used;
	END IF;
	RETURN NEXT '{}';
	IF m.role NOT IN ('amount', 'where') THEN
		RETURN NEXT used;
	END IF;
	FOREACH odd IN ARRAY used LOOP
		RETURN NEXT array_remove(used, odd);
		RETURN NEXT ARRAY[odd];
	END LOOP;
END $$;

CREATE PROCEDURE complete_mapping()
LANGUAGE plpgsql AS $$
DECLARE
	m mapping;
	way int[];
	problem text;
	first_problem text;
BEGIN
	FOR m IN SELECT * FROM mapping ORDER BY position LOOP
		m.expression := coalesce(named_column(m.given), m.given, m.guess, CASE m.role WHEN 'where' THEN 'true' ELSE 'NULL' END);
		first_problem := NULL;
		FOR way IN SELECT * FROM ways(m) LOOP
			problem := compile_error(m.role, m.expression, way);
			first_problem := coalesce(first_problem, problem);
			EXIT WHEN problem IS NULL;
		END LOOP;
		IF problem IS NOT NULL THEN
			INSERT INTO problem (says) VALUES (format('%s=%s does not work: %s (the columns: %s)',
				m.variable, m.given, first_problem, csv_header()));
		ELSIF m.required AND m.given IS NULL AND m.guess IS NULL THEN
			INSERT INTO problem (says) VALUES (format('no column looks like the %s: write %s= with one of them, or an expression (%s)',
				m.role, m.variable, csv_header()));
		END IF;
		UPDATE mapping SET expression = m.expression, numbers = way WHERE position = m.position;
	END LOOP;
END $$;

CREATE FUNCTION expression_of(wanted text) RETURNS text
STABLE LANGUAGE SQL
RETURN (SELECT expression FROM mapping WHERE role = wanted);

CALL complete_mapping();
CALL ask();

-- An answer to be pasted, unless some character of it means something to a shell or make
CREATE FUNCTION assignment(variable text, expression text) RETURNS text
IMMUTABLE LANGUAGE SQL
RETURN CASE
	WHEN expression ~ '^\w+$' THEN format('%s=%s', variable, expression)
	WHEN expression ~ '["$`\\!]' THEN format('%s= with %s', variable, expression)
	ELSE format('%s="%s"', variable, expression)
END;

CREATE PROCEDURE ask_for_mark(role text, part text, example text)
LANGUAGE SQL AS $$
	INSERT INTO problem (says)
	SELECT format('%s (%s): are these thousands, or three decimals? write %s, or %s',
		example, part, assignment(variable, way[1]), assignment(variable, way[2]))
	FROM mapping, LATERAL (
		SELECT array_agg(regexp_replace(expression, '(?<!\w)' || regexp_replace(part, '(\W)', '\\\1', 'g') || '(?!\w)',
			format('number(%s, ''%s'')', part, mark)) ORDER BY mark = substring(example FROM '[.,]')) AS way
		FROM unnest(ARRAY['.', ',']) AS mark
	) AS ways
	WHERE mapping.role = ask_for_mark.role
$$;

-- A sample could not tell: perhaps the whole file can.
CREATE PROCEDURE tell_marks(delimiter text)
LANGUAGE plpgsql AS $$
DECLARE
	c record;
	told record;
BEGIN
	FOR c IN
		SELECT m.role, csv_column.*
		FROM mapping AS m JOIN csv_column ON csv_column.position = ANY (m.numbers)
		WHERE mark IS NULL AND uses(m.expression, csv_column.position)
	LOOP
		told := numbers_of(format('SELECT filled(%I) FROM csv_line', c.name), delimiter);
		IF told.mark IS NULL THEN
			CALL ask_for_mark(c.role, c.safe, told.example);
		END IF;
		UPDATE csv_column SET mark = told.mark WHERE position = c.position;
	END LOOP;
END $$;

CALL tell_marks(:'delimiter');

-- 4. Rows: every line's five cells, then their types ---------------------------------

-- Each expression is a subquery of its own, since each has its own kind of columns.
CREATE FUNCTION cell_sources() RETURNS text
STABLE LANGUAGE SQL
RETURN (
	SELECT string_agg(format(
		E'LATERAL (SELECT filled((%s\n)::text) FROM (SELECT %s) AS csv) AS %I (cell)',
		expression, csv_columns(numbers), role), ', ')
	FROM mapping
);

-- Work on a part of the lines: so many at a time, so that it can be said how far it is
CREATE TABLE part AS
SELECT first, least(first + 99999, last) AS last, last AS end_of_all
FROM (SELECT max("#") AS last FROM csv_line) AS lines, generate_series(1, last, 100000) AS first;
CREATE INDEX ON csv_line USING brin ("#");

CREATE UNLOGGED TABLE csv_cell (line bigint, customer text, at text, amount text, order_id text, country text, is_wanted boolean);

CREATE FUNCTION progress(p part, what text) RETURNS SETOF text
IMMUTABLE LANGUAGE SQL AS $$
	SELECT format('  %s: %s of %s lines', what, in_thousands(p.last), in_thousands(p.end_of_all))
	WHERE p.end_of_all > 100000
$$;

CREATE FUNCTION take_cells(p part) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'INSERT INTO csv_cell
		SELECT "#" AS line, customer.cell, "time".cell, amount.cell, "order".cell, country.cell, "where".cell::boolean IS TRUE
		FROM csv_line AS line, ' || cell_sources() || ' WHERE "#" BETWEEN $1 AND $2' USING p.first, p.last;
	RETURN QUERY SELECT * FROM progress(p, 'taking the columns');
EXCEPTION WHEN OTHERS THEN
	RAISE EXCEPTION 'an expression fails in some row: %', SQLERRM;
END $$;

\pset tuples_only on
\pset format unaligned
SELECT format('SELECT take_cells(ROW(%s, %s, %s))', first, last, end_of_all) FROM part ORDER BY first \gexec
CREATE INDEX ON csv_cell USING brin (line);
ANALYZE csv_cell;

-- Is the amount a number already? Text has to be read as one.
CREATE FUNCTION is_text(expression text, numbers int[]) RETURNS boolean
STABLE LANGUAGE plpgsql AS $$
DECLARE
	type text;
BEGIN
	EXECUTE format(E'SELECT pg_typeof((%s\n)) FROM (SELECT %s FROM (SELECT 1) AS one LEFT JOIN csv_line AS line ON false) AS csv',
		expression, csv_columns(numbers)) INTO type;
	RETURN type IN ('text', 'character varying', 'character');
END $$;

CREATE FUNCTION amount_mark(delimiter text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	m mapping := (SELECT mapping FROM mapping WHERE role = 'amount');
	told record;
BEGIN
	IF NOT is_text(m.expression, m.numbers) THEN
		RETURN '.';
	END IF;
	told := numbers_of('SELECT amount FROM csv_cell WHERE is_wanted', delimiter);
	IF told.mark IS NULL THEN
		CALL ask_for_mark('amount', m.expression, told.example);
	END IF;
	RETURN coalesce(told.mark, '.');
END $$;

-- 3/4/2025, 25-03-06: only the other dates of the file can tell what is the month, and
-- what the year.
CREATE TABLE date_text AS
SELECT part, count(*) AS rows, min(at) AS example
FROM csv_cell, date_parts(at) AS part
WHERE is_wanted AND at !~ '^\d{4}' AND length(part[1]) <= 2
GROUP BY part;

CREATE TABLE date_reading AS
SELECT style, way, sum(rows) AS rows, max(day) - min(day) AS days,
	coalesce(sum(rows) FILTER (WHERE day > current_date + 1), 0) AS rows_to_come
FROM (
	SELECT *, CASE WHEN month BETWEEN 1 AND 12 AND day_of_month BETWEEN 1 AND 31 AND length(year) IN (2, 4)
		THEN make_date(full_year(year)::int, month, least(day_of_month, 28)) END AS day
	FROM date_text, LATERAL (VALUES
		('DMY', 'day_first', part[3], part[2]::int, part[1]::int),
		('MDY', 'month_first', part[3], part[1]::int, part[2]::int),
		('YMD', 'year_first', part[1], part[2]::int, part[3]::int)
	) AS reading (style, way, year, month, day_of_month)
	WHERE full_year(year) <> '0000'
) AS days
WHERE day IS NOT NULL
GROUP BY style, way;

-- Thirty-one years of sixty orders, or half of them still to come, are no plausible
-- reading where another one gives a year.
CREATE VIEW plausible_reading AS
SELECT style, way, rows, max(rows) OVER () AS most_rows
FROM (
	SELECT *, min(days) OVER () AS fewest_days, min(rows_to_come) OVER () AS fewest_to_come
	FROM (SELECT *, max(rows) OVER () AS most FROM date_reading) AS readings
	WHERE rows > 0.9 * most
) AS readings
WHERE NOT (days > 3650 AND days > 10 * fewest_days)
	AND NOT (rows_to_come > 0.01 * rows AND fewest_to_come <= 0.01 * rows);

CREATE FUNCTION date_style() RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	styles text[] := ARRAY(SELECT style FROM plausible_reading WHERE rows = most_rows);
	example text := (SELECT example FROM date_text ORDER BY rows DESC, example LIMIT 1);
BEGIN
	IF cardinality(styles) > 1 THEN
		INSERT INTO problem (says)
		SELECT format('%s: which is the day, the month, the year? write %s', example,
			string_agg(assignment('TIME', format('%s(%s)', way, expression_of('time'))), ' or ' ORDER BY style))
		FROM plausible_reading
		WHERE rows = most_rows;
	END IF;
	RETURN coalesce(styles[1], '');
END $$;

-- Short names of zones that mean one thing, or whose other meaning is not likely in a
-- list of orders; and what is no zone
CREATE FUNCTION is_known_zone(letters text) RETURNS boolean
STABLE LANGUAGE SQL
RETURN letters = ANY (string_to_array('UT UTC GMT WET WEST CET CEST MEZ MESZ EET EEST MSK JST KST HKT SGT '
		'AEST AEDT ACST ACDT AWST NZST NZDT EST EDT CDT MST MDT PST PDT AKST AKDT HST UHR AD BC ON AT '
		'JAN FEB MAR APR MAY JUN JUL AUG SEP SEPT OCT NOV DEC MON TUE WED THU FRI SAT SUN', ' '))
	OR letters = 'CST' AND EXISTS (SELECT FROM csv_cell WHERE is_wanted AND zone_letters(at) = 'CDT');

CREATE PROCEDURE ask_for_zones()
LANGUAGE SQL AS $$
	INSERT INTO problem (says)
	SELECT format('%s (%s) %s: write %s', letters, example,
		coalesce('is the time in ' || places, 'is no zone that has one meaning'),
		assignment('TIME', format('replace(%s, ''%s'', ''%s'')', expression_of('time'), letters, coalesce(zones[1], 'Europe/Berlin')))
			|| CASE WHEN zones IS NULL THEN ', or whatever city has that time'
				ELSE ', or with ' || array_to_string(zones[2:], ' or ') END)
	FROM (
		SELECT zone_letters(at) AS letters, min(at) AS example, count(*) AS rows
		FROM csv_cell
		WHERE is_wanted AND at ~* ':\d\d.*[a-z]{2}'
		GROUP BY zone_letters(at)
		ORDER BY rows DESC
		LIMIT 3
	) AS found
	LEFT JOIN (VALUES
		('IST', 'India, Israel and Ireland', ARRAY['Asia/Kolkata', 'Asia/Jerusalem', 'Europe/Dublin']),
		('CST', 'America, China and Cuba', ARRAY['America/Chicago', 'Asia/Shanghai', 'America/Havana']),
		('BST', 'Britain and Bangladesh', ARRAY['Europe/London', 'Asia/Dhaka']),
		('AST', 'Arabia and the Atlantic provinces', ARRAY['Asia/Riyadh', 'America/Halifax']),
		('GST', 'the Gulf and Guam', ARRAY['Asia/Dubai', 'Pacific/Guam'])
	) AS several (name, places, zones) ON name = letters
	WHERE NOT is_known_zone(letters)
$$;

SELECT amount_mark(:'delimiter'), date_style() \gset
CALL ask_for_zones();
CALL ask();
SELECT set_config('datestyle', 'ISO,' || :'date_style', false) WHERE :'date_style' <> '' \g /dev/null

-- 5. Which lines are copies of others ------------------------------------------------

CREATE FUNCTION all_columns() RETURNS text
STABLE LANGUAGE SQL
RETURN (SELECT string_agg(format('%I', name), ', ' ORDER BY position) FROM csv_column);

SELECT all_columns() \gset
CREATE TABLE csv_copy AS
SELECT line, first, times
FROM (
	SELECT csv_cell.line,
		min(csv_cell.line) OVER same AS first,
		count(*) OVER same AS times
	FROM csv_cell
	JOIN (SELECT "#" AS line, hashtextextended(ROW(:all_columns)::text, 0) AS hash FROM csv_line) AS hashed USING (line)
	WHERE is_wanted
	WINDOW same AS (PARTITION BY hash)
) AS counted
WHERE times > 1;

-- An amount by its name: of one item, or of the whole order
CREATE FUNCTION amount_is_of_item() RETURNS boolean
STABLE LANGUAGE SQL
RETURN expression_of('amount') ~* '\*|item|line|unit|price|quantity|qty' AND expression_of('amount') !~* 'total|order';
CREATE FUNCTION amount_is_of_order() RETURNS boolean
STABLE LANGUAGE SQL
RETURN expression_of('amount') ~* 'total|order|paid|payment|gesamt|summe|ttc' AND expression_of('amount') !~* '\*|item|line|unit|quantity|qty';

-- Are they the same order once more? If every line of the file is there several times, it
-- was written into it several times; if order numbers repeat in nothing but copies, and
-- the amount is not that of an item, of which an order can have two. Otherwise who knows.
CREATE FUNCTION copies_are_wrong(wish text) RETURNS boolean
STABLE LANGUAGE SQL
RETURN CASE
	WHEN wish ~* '^(1|y|yes|t|true|on)$' THEN true
	WHEN wish <> '' THEN false
	WHEN NOT EXISTS (SELECT FROM csv_copy) THEN false
	WHEN (SELECT count(*) = (SELECT count(*) FROM csv_cell WHERE is_wanted)
			AND (count(DISTINCT first) >= 10 OR expression_of('order') <> 'NULL') FROM csv_copy) THEN true
	WHEN expression_of('order') = 'NULL' OR amount_is_of_item() THEN false
	ELSE (
		SELECT count(*) = count(DISTINCT order_id)
		FROM csv_cell
		WHERE is_wanted AND order_id IS NOT NULL
			AND line NOT IN (SELECT line FROM csv_copy WHERE line <> first)
	)
END;

SELECT copies_are_wrong(:'distinct') \gset
CREATE TABLE csv_once AS
SELECT line FROM csv_copy WHERE line <> first AND :'copies_are_wrong';

-- 6. Rows: times, amounts and customers ----------------------------------------------

-- A missing customer is a guest, and a missing amount an order of unknown value: neither
-- is bad.
CREATE UNLOGGED TABLE csv_row (line bigint, customer text, at text, ordered_at timestamptz, amount_text text,
	amount numeric, order_id text, country text, reason text);

CREATE FUNCTION tell_rows(p part, mark text) RETURNS SETOF text
LANGUAGE SQL AS $$
	INSERT INTO csv_row
	SELECT *,
		CASE
			WHEN at IS NULL THEN 'no time'
			WHEN ordered_at IS NULL THEN 'time not understood'
			WHEN amount = 'NaN' THEN 'amount is not a number'
		END
	FROM (
		SELECT line, customer, at, time_of(at) AS ordered_at, amount AS amount_text,
			number(amount, mark) AS amount, order_id, country
		FROM csv_cell
		WHERE line BETWEEN p.first AND p.last
			AND is_wanted
			AND line NOT IN (SELECT line FROM csv_once)
		OFFSET 0	-- computed once, used twice
	) AS typed;
	SELECT * FROM progress(p, 'telling times, amounts and customers');
$$;

SELECT format('SELECT tell_rows(ROW(%s, %s, %s), %L)', first, last, end_of_all, :'amount_mark') FROM part ORDER BY first \gexec
\pset tuples_only off
\pset format aligned

-- Some exports fill in an order's first line alone.
UPDATE csv_row AS one
SET customer = coalesce(one.customer, all_lines.customer),
	ordered_at = coalesce(one.ordered_at, all_lines.ordered_at),
	reason = CASE WHEN one.reason = 'no time' THEN CASE WHEN one.amount = 'NaN' THEN 'amount is not a number' END ELSE one.reason END
FROM (
	SELECT order_id, min(customer) AS customer, min(ordered_at) AS ordered_at
	FROM csv_row
	WHERE order_id IS NOT NULL
	GROUP BY order_id
	HAVING count(*) > 1 AND count(ordered_at) > 0
		AND (min(customer) = max(customer) AND count(customer) < count(*) OR count(at) < count(*))
		AND (min(customer) = max(customer)) IS NOT FALSE
) AS all_lines
WHERE one.order_id = all_lines.order_id AND (one.customer IS NULL OR one.at IS NULL);

-- What a shop writes where it knows nobody. A customer 0 can be one: not if 0 has far more
-- orders than anybody else.
CREATE FUNCTION is_nobody(customer text) RETURNS boolean
IMMUTABLE PARALLEL SAFE LANGUAGE SQL
RETURN lower(customer) IN ('na', 'n/a', '#n/a', 'nan', 'none', '(none)', 'null', '(null)', 'nil', 'undefined', 'unknown', 'anonymous',
		'guest', 'guests', 'gast', 'invité', 'invite', 'invitado', 'ospite', 'not set', '(not set)',
		'#ref!', '#value!', '#name?', '-', '--', '?', '-1', '00000000-0000-0000-0000-000000000000')
	OR lower(customer) LIKE 'guest@%';

CREATE TABLE nobody AS
SELECT customer, count(*) AS rows, 0 AS mean, 'no customer' AS is
FROM csv_row
WHERE is_nobody(customer)
GROUP BY customer
UNION ALL
SELECT zero.customer, zero.rows, others.mean, CASE WHEN zero.rows > 4 * others.mean AND zero.rows > others.most THEN 'guests' ELSE 'a customer' END
FROM (SELECT customer, count(*) AS rows FROM csv_row WHERE customer ~ '^0+$' GROUP BY customer) AS zero,
	(SELECT avg(rows) AS mean, max(rows) AS most
		FROM (SELECT count(*) AS rows FROM csv_row WHERE customer !~ '^0+$' GROUP BY customer) AS customers) AS others;

UPDATE csv_row SET customer = NULL
WHERE customer IN (SELECT customer FROM nobody WHERE "is" <> 'a customer');

-- Nobody ordered tomorrow, in 1970, or in the year 1: these stand for something else.
UPDATE csv_row SET reason = 'time in the future'
WHERE reason IS NULL AND ordered_at > now() + interval '14 hours';

WITH most AS MATERIALIZED (
	SELECT early, late, greatest(interval '10 years', 3 * (late - early)) AS far
	FROM (SELECT 1 + count(*) / 100 AS few FROM csv_row WHERE reason IS NULL HAVING count(*) >= 20) AS counted,
		LATERAL (SELECT ordered_at FROM csv_row WHERE reason IS NULL ORDER BY ordered_at OFFSET few LIMIT 1) AS from_below (early),
		LATERAL (SELECT ordered_at FROM csv_row WHERE reason IS NULL ORDER BY ordered_at DESC OFFSET few LIMIT 1) AS from_above (late)
)
UPDATE csv_row SET reason = 'time far from all others'
FROM most
WHERE reason IS NULL AND (ordered_at < early - far OR ordered_at > late + far);

-- Cells that are no numbers, in columns of numbers; NULL if there are none
CREATE FUNCTION odd_cells(line csv_line) RETURNS text
STABLE LANGUAGE SQL
RETURN (
	SELECT string_agg(format('%s = %s', name, value), ', ' ORDER BY csv_column.position)
	FROM jsonb_each_text(to_jsonb(line)) JOIN csv_column ON name = key, mapping
	WHERE role = 'amount' AND csv_column.position = ANY (numbers) AND number(value, mark) = 'NaN'
);

INSERT INTO bad_row
SELECT csv_row.line, csv_row.reason,
	CASE WHEN csv_row.reason LIKE 'amount%' THEN coalesce(odd_cells(csv_line.*), csv_row.amount_text)
	ELSE csv_row.at END
FROM csv_row JOIN csv_line ON csv_line."#" = csv_row.line
WHERE csv_row.reason IS NOT NULL;

-- What to write instead of what served so badly
CREATE FUNCTION advice(reason text) RETURNS text
STABLE LANGUAGE SQL
RETURN CASE
	WHEN reason LIKE '%understood' THEN 'write TIME= with another column, or '
		|| assignment('TIME', format('to_timestamp(%s, ''DD.MM.YYYY HH24:MI'')', expression_of('time'))) || ' with its own format'
	WHEN reason LIKE '%time%' THEN 'write TIME= with another column, or an expression'
	WHEN reason LIKE 'amount%' THEN 'write AMOUNT= with another column, or an expression'
	ELSE 'the header line must name every column'
END;

CREATE PROCEDURE refuse_useless_file()
LANGUAGE plpgsql AS $$
DECLARE
	bad bigint := (SELECT count(*) FROM bad_row);
	good bigint := (SELECT count(*) FROM csv_row WHERE reason IS NULL);
	worst record;
BEGIN
	IF bad + good = 0 THEN
		IF EXISTS (SELECT FROM csv_line) THEN
			RAISE EXCEPTION '% keeps none of % rows', (SELECT assignment(variable, expression) FROM mapping WHERE role = 'where'),
				(SELECT in_thousands(count(*)) FROM csv_line);
		END IF;
		RAISE EXCEPTION 'the file has a header line and no rows';
	ELSIF bad > good THEN
		SELECT reason, min(line) AS line, (array_agg(content ORDER BY line))[1] AS content
		INTO worst
		FROM bad_row
		GROUP BY reason
		ORDER BY count(*) DESC, reason
		LIMIT 1;
		RAISE EXCEPTION '% of % rows are of no use, most because: % (line %); %',
			bad, bad + good, worst.reason, worst.line || coalesce(format(': "%s"', left(worst.content, 60)), ''),
			advice(worst.reason);
	ELSIF NOT EXISTS (SELECT FROM csv_row WHERE reason IS NULL AND customer IS NOT NULL) THEN
		RAISE EXCEPTION 'no row has a customer: write CUSTOMER= with another column, or an expression';
	END IF;
END $$;

CALL refuse_useless_file();

-- 7. Orders ------------------------------------------------------------------------

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

-- The lines of one order are summed; a line without an order number is an order. But where
-- one amount stands on all lines of an order, and that in all orders of several lines, it
-- is the order's.
CREATE TABLE order_of_lines AS
SELECT count(*) AS orders,
	count(*) FILTER (WHERE is_same) AS same
FROM (
	SELECT min(amount) = max(amount) AND count(amount) = count(*) AND min(amount) <> 0 AS is_same
	FROM csv_row
	WHERE reason IS NULL AND order_id IS NOT NULL
	GROUP BY order_id, customer
	HAVING count(*) > 1
) AS several;

CREATE FUNCTION amount_repeats() RETURNS boolean
STABLE LANGUAGE SQL
RETURN (
	SELECT CASE
		WHEN expression_of('amount') ~* '\mper_order\s*\(' THEN true
		WHEN expression_of('amount') ~* '\mper_line\s*\(' THEN false
		WHEN expression_of('amount') ~* '\*' OR orders = 0 THEN false
		WHEN amount_is_of_order() THEN same >= 0.95 * orders
		ELSE same = orders AND orders >= 10 AND NOT amount_is_of_item()
	END
	FROM order_of_lines
);

SELECT customer_type(), amount_repeats(),
	CASE
		WHEN NOT amount_repeats() THEN 'sum(amount)'
		WHEN expression_of('amount') ~* '\mper_order\s*\(' THEN '(array_agg(amount ORDER BY amount IS NULL, line))[1]'
		ELSE 'CASE WHEN min(amount) = max(amount) THEN min(amount) ELSE sum(amount) END'
	END AS amount_of_order \gset

CREATE TABLE public.orders AS
SELECT coalesce(order_id, 'line ' || line) AS order_id,
	CAST(customer AS :customer_type) AS customer_id,
	min(ordered_at) AS ordered_at,
	:amount_of_order AS amount,
	min(country) AS country
FROM csv_row
WHERE reason IS NULL
GROUP BY coalesce(order_id, 'line ' || line), customer
ORDER BY ordered_at;
ANALYZE orders;

-- 8. What has been done, and what the reader may want otherwise ------------------------

CREATE TABLE note (position serial, says text);

CREATE FUNCTION counted(number bigint, thing text) RETURNS text
IMMUTABLE LANGUAGE SQL
RETURN in_thousands(number) || ' ' || thing || CASE WHEN number <> 1 THEN 's' ELSE '' END;

-- All rows that were read are accounted for.
INSERT INTO note (says)
SELECT format('%s read, %s kept: %s',
	counted((SELECT count(*) FROM csv_line) + (SELECT count(*) FROM bad_row WHERE line NOT IN (SELECT "#" FROM csv_line)), 'row'),
	in_thousands(count(*)), counted((SELECT count(*) FROM orders), 'order'))
FROM csv_row WHERE reason IS NULL;

INSERT INTO note (says)
SELECT format('left out: %s that WHERE= does not want', counted(count(*), 'row'))
FROM csv_cell WHERE NOT is_wanted HAVING count(*) > 0;

INSERT INTO note (says)
SELECT format('left out: %s, each a copy of another one, cell by cell (the first is line %s). DISTINCT=0 keeps them',
	counted(count(*), 'row'), min(line))
FROM csv_once HAVING count(*) > 0;

INSERT INTO note (says)
SELECT format('left out: %s, %s (line %s%s)', counted(count(*), 'row'), reason, min(line),
	coalesce(': ' || left((array_agg(content ORDER BY line))[1], 40), ''))
FROM bad_row GROUP BY reason ORDER BY count(*) DESC, reason;

INSERT INTO note (says)
SELECT format('%s copied from another row, cell by cell: kept, since two lines of an order can be equal, and two orders, too. DISTINCT=1 leaves them out',
	counted(count(*), 'row'))
FROM csv_copy JOIN csv_row USING (line)
WHERE line <> first AND amount <> 0 AND NOT :'amount_repeats' HAVING count(*) > 0;

INSERT INTO note (says)
SELECT format('one amount stands on all lines of an order (%s of %s with several lines): it is taken for the order''s, and counted once. '
		'If it is the line''s, write %s',
	in_thousands(same), counted(orders, 'order'), assignment('AMOUNT', format('per_line(%s)', expression_of('amount'))))
FROM order_of_lines WHERE :'amount_repeats' AND expression_of('amount') !~* '\mper_order\s*\(';

INSERT INTO note (says)
SELECT format('one amount stands on all lines of an order (%s of %s with several lines), and is summed. If it is the order''s, write %s',
	in_thousands(same), counted(orders, 'order'), assignment('AMOUNT', format('per_order(%s)', expression_of('amount'))))
FROM order_of_lines
WHERE NOT :'amount_repeats' AND same > 0.5 * orders AND expression_of('amount') !~* '\mper_line\s*\(|\*';

INSERT INTO note (says)
SELECT format('%s without an order number: each counts as an order. To leave them out, write %s', counted(count(*), 'row'),
	assignment('WHERE', format('%s IS NOT NULL', expression_of('order'))))
FROM csv_row
WHERE reason IS NULL AND order_id IS NULL AND expression_of('order') <> 'NULL'
HAVING count(*) > 0;

INSERT INTO note (says)
SELECT CASE "is"
		WHEN 'guests' THEN format('%s of customer %s: guests, of whom it is not known who they are, so they are no customer', counted(rows, 'row'), customer)
			|| coalesce((SELECT '. To tell them apart, write ' || assignment('CUSTOMER',
					format('coalesce(nullif(%s, ''%s''), %s)', expression_of('customer'), customer, safe))
				FROM csv_other WHERE NOT uses(expression_of('customer'), csv_other.position) LIMIT 1), '')
		WHEN 'a customer' THEN format('%s of customer %s: kept as a customer. If these are guests, write ', counted(rows, 'row'), customer)
			|| assignment('CUSTOMER', format('nullif(%s, ''%s'')', expression_of('customer'), customer))
		ELSE format('%s of customer %s: no customer', counted(rows, 'row'), customer)
	END
FROM nobody
WHERE "is" <> 'a customer' OR rows > 2 * mean
ORDER BY rows DESC LIMIT 3;

-- Columns that nobody looked at, and that say which rows to look at
CREATE PROCEDURE note_watched()
LANGUAGE plpgsql AS $$
DECLARE
	w record;
	found record;
BEGIN
	FOR w IN
		SELECT kind, name, safe FROM csv_watched JOIN csv_column USING (position)
		WHERE NOT EXISTS (SELECT FROM mapping WHERE uses(expression, csv_watched.position))
		ORDER BY position
	LOOP
		EXECUTE format('SELECT count(*) AS n, string_agg(value || '' '' || rows, '', '' ORDER BY rows DESC, value) AS list,
				array_agg(value ORDER BY rows DESC, value) AS all_values
			FROM (SELECT left(filled(line.%I), 30) AS value, count(*) AS rows
				FROM csv_line AS line JOIN csv_row ON csv_row.line = "#"
				WHERE reason IS NULL AND filled(line.%1$I) IS NOT NULL
				GROUP BY 1) AS counted', w.name) INTO found;
		CONTINUE WHEN found.n NOT BETWEEN 2 AND 40;
		INSERT INTO note (says) VALUES (
			CASE w.kind
				WHEN 'currency' THEN format('%s is %s: amounts are added up as if it were one. To keep one, write ', w.safe, left(found.list, 100))
				ELSE format('%s is %s: all of them are kept. To keep some, write ', w.safe, left(found.list, 100))
			END || assignment('WHERE', wanted_values(w.safe, found.all_values)));
	END LOOP;
END $$;

-- Those that are orders, or not those that are none, as far as one can guess
CREATE FUNCTION wanted_values(safe text, found text[]) RETURNS text
IMMUTABLE LANGUAGE SQL
RETURN (
	SELECT CASE
		WHEN count(*) FILTER (WHERE is_none) > 0 THEN format('coalesce(%s, '''') NOT IN (%s)', safe, string_agg(quote_literal(value), ', ') FILTER (WHERE is_none))
		ELSE format('%s = %L', safe, coalesce(min(value) FILTER (WHERE is_good), found[1]))
	END
	FROM (
		SELECT value, value ~* 'cancel|void|fail|declin|storn|annul|reject|expired|abandon' AS is_none,
			value ~* '^(paid|complete|completed|succeeded|success|shipped|delivered|bezahlt|abgeschlossen|pagado|payé|payée)$' AS is_good
		FROM unnest(found) AS value
	) AS judged
);

CALL note_watched();

-- Signs of several currencies in one column
CREATE PROCEDURE note_currencies()
LANGUAGE plpgsql AS $$
DECLARE
	c record;
	found record;
BEGIN
	FOR c IN
		SELECT name, safe FROM csv_column, mapping
		WHERE role = 'amount' AND csv_column.position = ANY (numbers) AND uses(expression, csv_column.position)
	LOOP
		EXECUTE format('SELECT count(DISTINCT part.currency) AS n FROM csv_sample AS line, number_parts(line.%I) AS part', c.name) INTO found;
		CONTINUE WHEN found.n < 1;
		EXECUTE format('SELECT count(*) AS n, string_agg(currency || '' '' || rows, '', '' ORDER BY rows DESC, currency) AS list
			FROM (SELECT coalesce(part.currency, ''none'') AS currency, count(*) AS rows
				FROM csv_line AS line, number_parts(line.%I) AS part
				WHERE part.digits IS NOT NULL GROUP BY 1) AS counted', c.name) INTO found;
		CONTINUE WHEN found.n < 2;
		INSERT INTO note (says) VALUES (format('%s has several currencies (%s): amounts are added up as if it were one. WHERE= can keep one',
			c.safe, found.list));
	END LOOP;
END $$;

CALL note_currencies();

\pset footer off
\echo
SELECT variable,
	nullif(expression, 'NULL') AS "column",
	CASE WHEN given IS NOT NULL THEN 'given' WHEN expression <> 'NULL' THEN 'guessed' END AS "by",
	CASE role
		WHEN 'customer' THEN 'kept as ' || :'customer_type'
		WHEN 'time' THEN 'UTC where no zone is written'
			|| coalesce(', ' || (SELECT replace(way, '_', ' ') FROM date_reading WHERE style = :'date_style'), '')
			|| coalesce(', ' || (SELECT digit_time_kind(at) FROM csv_cell WHERE is_wanted AND digit_time_kind(at) IS NOT NULL
				GROUP BY digit_time_kind(at) ORDER BY count(*) DESC LIMIT 1), '')
		WHEN 'order' THEN CASE expression WHEN 'NULL' THEN 'every line is an order'
			ELSE 'lines with one number are one order' END
	END AS "note"
FROM mapping
WHERE role <> 'where' OR given IS NOT NULL
ORDER BY position;

\pset tuples_only on
\pset format unaligned
SELECT says FROM note ORDER BY position;
\pset tuples_only off
\pset format aligned

DROP SCHEMA csv CASCADE;
