-- cells.sql: what stands in a cell of a CSV file: a number, a time, or nothing, as people
-- and their programs write them. Included by load.sql.

-- Databases write NULL and \N for "nothing here"; blanks have many forms.
CREATE FUNCTION filled(cell text) RETURNS text
IMMUTABLE PARALLEL SAFE LANGUAGE SQL
RETURN nullif(nullif(nullif(btrim(cell, E' \t\u00A0\u2007\u2009\u202F\u3000\uFEFF'), ''), 'NULL'), '\N');

-- A number as people write it: 1 230,50 €, $-5, (50.00), 20.00-, 100,-; NULL if it is
-- none. Blanks and apostrophes may part the digits in threes.
CREATE FUNCTION number_parts(cell text, OUT sign text, OUT currency text, OUT digits text)
IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
	currencies CONSTANT text[] := string_to_array('$ us$ ca$ au$ nz$ hk$ sg$ nt$ mx$ a$ c$ r$ s$ aed ars aud bdt bgn bhd brl cad chf clp cny cop czk '
		'dkk egp eur euro euros gbp ghs hkd huf idr ils inr jod jpy kes krw kwd lkr mad mxn myr ngn nok nzd omr pen php pkr pln qar ron '
		'rsd rub sar sek sgd thb tnd try twd uah usd vnd xaf xof zar kr kr. zł kč ft lei rs rs. fr fr. sfr sfr. rm rp rp. tl руб руб.', ' ');
	part text[];
	edges text;
BEGIN
	IF cell ~ '^-?\d[\d.,]*(e[-+]?\d{1,3})?$' THEN	-- as in most files
		sign := CASE WHEN cell LIKE '-%' THEN '-' ELSE '' END;
		digits := ltrim(cell, '-');
		RETURN;
	ELSIF length(cell) > 100 OR cell !~ '\d' THEN
		RETURN;
	END IF;
	cell := translate(cell, E'\u2212\u2013\u2014\uFE63\uFF0D\u00A0\u2007\u2009\u202F\t\u2019\u00B4`', '-----     ''''''');
	cell := regexp_replace(cell, '(\d)[.,]--?(?!\d)', '\1');
	cell := regexp_replace(cell, '(\d)[ ''](?=\d{3}(?:\D|$))', '\1', 'g');
	part := regexp_match(cell, '^((?:[^\d.,]*[[:alpha:]]\.)?[^\d.,]*)([\d.,]*\d[\d.,]*(?:[eE][-+]?\d{1,3})?)((?:[^\d.,]*[[:alpha:]]\.)?[^\d.,]*)$');
	sign := translate(part[1] || part[3], translate(part[1] || part[3], '-+()', ''), '');
	edges := lower(translate(part[1] || part[3], '-+() ', ''));
	IF sign IN ('', '-', '+', '()') AND (edges = '' OR edges = ANY (currencies) OR edges ~ '^[\u00A2-\u00A5\u20A0-\u20C0]$') THEN
		currency := nullif(edges, '');
		digits := lower(part[2]);
	END IF;
END $$;

-- The number in a cell whose decimals stand behind the mark. What is no number becomes
-- NaN, which every calculation passes on: so the row is found at the end, whatever
-- expression the cell went through.
CREATE FUNCTION written_number(cell text, mark text) RETURNS numeric
IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
DECLARE
	part record := number_parts(cell);
	digits text := CASE WHEN mark = ',' THEN translate(part.digits, '.,', ',.') ELSE part.digits END;
BEGIN
	IF digits ~ '^(\d+|[1-9]\d{0,2}(,\d{2,3})*,\d{3})?(\.\d*)?(e[-+]?\d+)?$' THEN
		RETURN CASE WHEN part.sign IN ('-', '()') THEN -1 ELSE 1 END * replace(digits, ',', '')::numeric;
	END IF;
	RETURN 'NaN';
END $$;

CREATE FUNCTION number(cell text, mark text DEFAULT '.') RETURNS numeric
IMMUTABLE PARALLEL SAFE LANGUAGE SQL
RETURN CASE
	WHEN mark = '.' AND cell ~ '^-?\d{1,30}(\.\d{1,30})?$' THEN cell::numeric
	WHEN filled(cell) IS NOT NULL THEN written_number(cell, mark)
END;

-- What a number tells of the mark before the decimals: '.' or ',', '?.' or '?,' if that
-- in it could as well part the thousands, '' if there is none; NULL: no number
CREATE FUNCTION mark_evidence(cell text) RETURNS text
IMMUTABLE PARALLEL SAFE LANGUAGE SQL
RETURN (
	SELECT CASE
		WHEN digits ~ '^\d+$' THEN ''
		WHEN digits ~ '\..*,' AND digits !~ ',.*[.,]' THEN ','
		WHEN digits ~ ',.*\.' AND digits !~ '\..*[.,]' THEN '.'
		WHEN digits ~ '^[1-9]\d{0,2}(\.\d{3}){2,}$' THEN ','
		WHEN digits ~ '^[1-9]\d{0,2}(,\d{2,3})+,\d{3}$' THEN '.'
		WHEN digits ~ '^[1-9]\d{0,2}[.,]\d{3}$' THEN '?' || substring(digits FROM '[.,]')
		WHEN digits ~ '^\d*[.,]\d*(e[-+]?\d+)?$' THEN substring(digits FROM '[.,]')
	END
	FROM number_parts(cell)
);

-- What the caller can say of an amount: its total stands on every line of the order, or
-- it is the line's own
CREATE FUNCTION per_order(amount numeric) RETURNS numeric IMMUTABLE PARALLEL SAFE LANGUAGE SQL RETURN amount;
CREATE FUNCTION per_order(amount text) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE SQL RETURN amount;
CREATE FUNCTION per_line(amount numeric) RETURNS numeric IMMUTABLE PARALLEL SAFE LANGUAGE SQL RETURN amount;
CREATE FUNCTION per_line(amount text) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE SQL RETURN amount;

-- and of dates like 3/4/2025 or 25-03-06, which become 2025-04-03: years of two digits
-- are 1970 to 2069.
CREATE FUNCTION date_parts(cell text) RETURNS text[]
IMMUTABLE PARALLEL SAFE LANGUAGE SQL
RETURN regexp_match(cell, '(?<![\d:.])(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})(?![\d:])');

CREATE FUNCTION full_year(year text) RETURNS text
IMMUTABLE PARALLEL SAFE LANGUAGE SQL
RETURN CASE WHEN length(year) > 2 THEN year WHEN lpad(year, 2, '0') < '70' THEN '20' || lpad(year, 2, '0') ELSE '19' || year END;

CREATE FUNCTION dated(cell text, year int, month int, day int) RETURNS text
IMMUTABLE PARALLEL SAFE LANGUAGE SQL
RETURN (
	SELECT coalesce(regexp_replace(cell, '(?<![\d:.])\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?![\d:])',
		full_year(part[year]) || '-' || part[month] || '-' || part[day]), cell)
	FROM date_parts(cell) AS part
);
CREATE FUNCTION day_first(cell text) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE SQL RETURN dated(cell, 3, 2, 1);
CREATE FUNCTION month_first(cell text) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE SQL RETURN dated(cell, 3, 1, 2);
CREATE FUNCTION year_first(cell text) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE SQL RETURN dated(cell, 1, 2, 3);

-- A time that is only digits, by their number
CREATE FUNCTION digit_time_kind(cell text) RETURNS text
IMMUTABLE PARALLEL SAFE LANGUAGE SQL
RETURN CASE
	WHEN cell ~ '^[2-7]\d{4}([.,]\d+)?$' THEN 'days as Excel counts them'
	WHEN cell ~ '^(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(([01]\d|2[0-3])([0-5]\d){1,2})?$' THEN 'digits of date and time'
	WHEN cell ~ '^\d{9,10}(\.\d+)?$' THEN 'seconds since 1970'
	WHEN cell ~ '^\d{12,13}(\.\d+)?$' THEN 'milliseconds since 1970'
	WHEN cell ~ '^\d{15,16}$' THEN 'microseconds since 1970'
	WHEN cell ~ '^\d{18,19}$' THEN 'nanoseconds since 1970'
END;

CREATE FUNCTION digit_time(cell text) RETURNS timestamptz
STABLE LANGUAGE SQL
RETURN CASE digit_time_kind(cell)
	-- to the second: Excel's binary fractions are a little beside it
	WHEN 'days as Excel counts them' THEN timestamptz '1899-12-30 UTC' + round(replace(cell, ',', '.')::numeric * 86400) * interval '1 second'
	WHEN 'digits of date and time' THEN (substr(cell, 1, 8)
		|| coalesce(' ' || nullif(regexp_replace(substr(cell, 9), '(..)(..)(..)?', '\1:\2:\3'), ''), ''))::timestamptz
	WHEN 'seconds since 1970' THEN to_timestamp(cell::float8)
	WHEN 'milliseconds since 1970' THEN to_timestamp(cell::float8 / 1e3)
	WHEN 'microseconds since 1970' THEN to_timestamp(cell::float8 / 1e6)
	WHEN 'nanoseconds since 1970' THEN to_timestamp(round(cell::numeric / 1e3)::float8 / 1e6)
END;

-- The short name of a zone behind the time of day, in capitals, or NULL
CREATE FUNCTION zone_letters(cell text) RETURNS text
IMMUTABLE PARALLEL SAFE LANGUAGE SQL
RETURN upper(substring(cell FROM '(?i)\d:\d\d(?::\d\d(?:[.,]\d+)?)?\s*(?:[ap]\.?m\.?)?\s*\m(?![ap]m\M)([a-z]{2,5})(?![\w/])'));

-- Zones as the server knows them. It takes UTC+4 for what POSIX means by that, the west.
CREATE FUNCTION with_known_zone(cell text) RETURNS text
IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
	cell := regexp_replace(cell, 'Eastern Time \(US & Canada\)', 'America/New_York');
	cell := regexp_replace(cell, 'Central Time \(US & Canada\)', 'America/Chicago');
	cell := regexp_replace(cell, 'Mountain Time \(US & Canada\)', 'America/Denver');
	cell := regexp_replace(cell, 'Pacific Time \(US & Canada\)', 'America/Los_Angeles');
	cell := regexp_replace(cell, '\mUhr\M', '', 'i');
	-- "GMT+0400 (Gulf Standard Time)", "(UTC+04:00) 8:00"
	cell := regexp_replace(cell, '\(([^)]*[a-z][^)]*)\)', ' ');
	RETURN regexp_replace(cell, '(?<![\w/])\(?(?:gmt|utc)\s*([-+]\s?\d{1,2}(?::?\d\d)?)\)?', '\1', 'i');
END $$;

-- What is no time becomes NULL. The server knows many formats, so it is asked and its
-- error caught: less than a second for a million good times, but half a minute for a
-- million words. Hence the look at the digits first, which also keeps out 'infinity'
-- and 'now'.
CREATE FUNCTION time_of(cell text) RETURNS timestamptz
STABLE LANGUAGE plpgsql AS $$
BEGIN
	IF cell ~ '^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?$' THEN
		RETURN cell::timestamptz;
	ELSIF digit_time_kind(cell) IS NOT NULL THEN
		RETURN digit_time(cell);
	ELSIF cell ~ '\d\D+\d' THEN
		IF cell ~* '\(|gmt|utc|uhr' THEN
			cell := with_known_zone(cell);
		END IF;
		-- POSIX again: Foo+5 would be a zone
		RETURN CASE WHEN cell !~ ':\d\d[^/]*[a-zA-Z][-+]\d' THEN cell::timestamptz END;
	END IF;
	RETURN NULL;
EXCEPTION WHEN data_exception THEN
	RETURN NULL;
END $$;
