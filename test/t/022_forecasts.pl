# The interval of the next total, which backtest_summary tells, holds what comes about as
# often as it says: over many origins of made-up shops and, where they are, of real ones.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use RealData;
use RetentionTest;
use Test::More;

my $node = start_server('forecasts');

# Four shops of 1,500 customers each, over four years, who come and go as in BG/NBD; the
# second has twice as many orders in the last quarter of a year, the third grows, and in the
# fourth all order ever less often.
answer(q{
	CREATE TABLE shop_orders (shop text, customer bigint, day timestamptz);
	CREATE FUNCTION chance(number bigint, stream bigint) RETURNS double precision LANGUAGE sql IMMUTABLE
	RETURN (((hashint8extended(number, stream) >> 11) & 9007199254740991) + 0.5) / 9007199254740992::double precision;
	INSERT INTO shop_orders
	SELECT shop, n, timestamptz '2020-01-01' + floor(at) * interval '24 hours'
	FROM unnest('{steady,seasonal,growing,fading}'::text[]) WITH ORDINALITY AS s (shop, stream), generate_series(1, 1500) AS n,
	    LATERAL (SELECT 1460 * power(chance(n, 100 * stream), CASE shop WHEN 'growing' THEN 0.6 ELSE 1 END) AS first_day,
	             -(ln(chance(n, 100 * stream + 1)) + ln(chance(n, 100 * stream + 2))) / 120 AS rate, 1 - cbrt(chance(n, 100 * stream + 3)) AS leaves) AS c,
	    LATERAL (SELECT first_day AS at
	             UNION ALL
	             SELECT first_day + CASE shop WHEN 'fading' THEN 1.5 * since * (1 + since / 1460) ELSE since END
	             FROM (SELECT k, sum(-ln(chance(n, 1000 * stream + k)) / rate) OVER (ORDER BY k) AS since FROM generate_series(1, 40) AS k) AS w
	             WHERE k <= 1 + ln(chance(n, 100 * stream + 4)) / ln(1 - leaves)) AS o
	WHERE at < 1461 AND (shop <> 'seasonal' OR extract(month FROM timestamptz '2020-01-01' + floor(at) * interval '24 hours') >= 10 OR chance(n, 7000 + floor(at)::int) > 0.5)});

# How many of the intervals that were told, at an origin every some weeks, held what came
sub covered
{
	my ($shops, $step) = @_;

	return rows(qq{
		SET client_min_messages = error;
		WITH shops AS (SELECT shop, order_history(customer, day, 1) AS history, min(day)::date AS first_day, max(day)::date AS last_day FROM $shops GROUP BY shop)
		SELECT shop, count(*), count(*) FILTER (WHERE actual BETWEEN predicted * (1 + error_low) AND predicted * (1 + error_high))
		FROM shops, unnest('{28,91}'::int[]) AS days, generate_series(first_day + 4 * days, last_day - days + 1, interval '$step') AS at,
		    LATERAL (SELECT error_low, error_high FROM backtest_summary(history, at, days * interval '1 day') WHERE origin IS NULL) AS s,
		    LATERAL (SELECT predicted, actual FROM backtest(history, at, at + days * interval '24 hours') WHERE x IS NULL) AS b
		WHERE error_low IS NOT NULL GROUP BY shop ORDER BY shop});
}

# "nominal 80 %": not less than 75 % of them, and not all by being endless
sub holds
{
	my ($shops, $what, $step) = @_;
	my ($all, $inside) = (0, 0);

	foreach my $row (covered($shops, $step))
	{
		note("$row->[0]: $row->[2] of $row->[1] totals lie in their intervals");
		$all += $row->[1];
		$inside += $row->[2];
	}
	cmp_ok($all, '>', 30, "$what: many intervals were told");
	cmp_ok($inside, '>=', 0.75 * $all, "$what: three of four and more held what came");
	return;
}

holds('shop_orders', 'made-up shops', '91 days');

SKIP:
{
	my $missing = missing_data(qw(uci cdnow));
	skip $missing, 2 if $missing;

	load_lines(qw(uci cdnow));
	answer(q{
		CREATE TABLE real_orders AS
		SELECT 'UCI Online Retail' AS shop, customer_id::bigint AS customer, invoice_date AT TIME ZONE 'UTC' AS day
		FROM uci_lines WHERE customer_id IS NOT NULL AND quantity > 0 AND unit_price > 0 AND invoice_no !~ '^C'
		UNION ALL
		SELECT 'CDNOW', customer_id, ordered_at::timestamp AT TIME ZONE 'UTC' FROM cdnow_lines});
	holds('real_orders', 'real shops', '14 days');
}

done_testing();
