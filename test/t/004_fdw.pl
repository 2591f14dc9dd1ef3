# A remote server does the work: postgres_fdw ships every aggregate, since its state, its
# arguments and its result are plain values, and only the answer comes back. The remote
# server is this one, by way of a loopback.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use RetentionTest;
use Test::More;

my $node = start_server('fdw');

if (!answer(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'}))
{
	$node->stop;
	plan skip_all => 'postgres_fdw is not installed here';
}

create_orders(20_000, 3_000);
answer(qq{
	CREATE TABLE east AS SELECT * FROM orders WHERE id % 3 = 0;
	CREATE TABLE west AS SELECT * FROM orders WHERE id % 3 > 0;
	CREATE EXTENSION postgres_fdw;
	CREATE SERVER branch FOREIGN DATA WRAPPER postgres_fdw
		OPTIONS (host '${\ $node->host}', port '${\ $node->port}', dbname 'postgres', extensions 'retention');
	CREATE USER MAPPING FOR CURRENT_USER SERVER branch;
	CREATE SCHEMA remote;
	IMPORT FOREIGN SCHEMA public LIMIT TO (orders, east, west) FROM SERVER branch INTO remote;
	ANALYZE remote.orders, remote.east, remote.west});

my $here = 'SET search_path = public';
my @aggregates = aggregates();
my @calls = map { $_->{call} } @aggregates;

# ---------------------------------------------------------------------------
# One remote table
# ---------------------------------------------------------------------------

# What postgres_fdw keeps here: arrays of rows, whose type it does not count to the
# extension, and text options without a text column, whose collation it cannot trace. The
# states of the former are shipped, and so are the latter for customers that are texts.
sub stays
{
	my ($aggregate) = @_;
	my ($customer, @options) = @{ $aggregate->{types} };
	return $aggregate->{is_rows} || $customer ne 'text' && grep { $_ eq 'text' } @options;
}

foreach (grep { !stays($_) } @aggregates)
{
	like(plan_of($here, "SELECT $_->{call} FROM remote.orders", 'VERBOSE'),
		qr/^Foreign Scan.*Relations: Aggregate on \(remote\.orders\).*Remote SQL: SELECT public\.$_->{name}\(/s,
		"$_->{call} runs over there");
}
is_deeply(one_row($here, 'remote.orders', @calls), one_row($here, 'orders', @calls), 'and all give the answers they give here');

my $grouped = q{
	SELECT month,
	       churn_rate(c_long, ordered_at, '60 days', '2023-12-01 00:00+00', '2024-03-01 00:00+00') FILTER (WHERE amount > 0),
	       clv(c_uuid, ordered_at, amount, '1 year', '3 years', '2024-07-01 00:00+00')
	FROM %s.orders WHERE amount < 1e30 GROUP BY month HAVING repeat_rate(c_bigint) > 0};
like(plan_of($here, sprintf($grouped, 'remote'), 'VERBOSE'),
	qr/Relations: Aggregate on \(remote\.orders\).*FILTER.*GROUP BY 1 HAVING/s, 'FILTER, GROUP BY and HAVING run over there');
my ($theirs, $ours) = map { answer(sprintf "SELECT * FROM ($grouped) r ORDER BY month", $_) } 'remote', 'public';
is($theirs, $ours, 'and give the same answers');

# ---------------------------------------------------------------------------
# Two branches with customers in common: states come from both and are merged here
# ---------------------------------------------------------------------------
foreach (grep { $_->{is_state} } @aggregates)
{
	is(answer(qq{
		SELECT rollup(state)::text = (SELECT $_->{call} FROM orders)::text
		FROM (SELECT $_->{call} AS state FROM remote.east UNION ALL SELECT $_->{call} FROM remote.west) branches}),
		't', "$_->{call}: the states of two branches are the state of all");
}

my $both = q{
	SELECT repeat_rate(rollup(state))
	FROM (SELECT repeat_rate_state(c_short) AS state FROM remote.east
	      UNION ALL SELECT repeat_rate_state(c_short) FROM remote.west) branches};
is(() = plan_of($here, $both, 'VERBOSE') =~ /Relations: Aggregate on/g, 2, 'both states are built over there');
is(answer($both), answer('SELECT repeat_rate(c_short) FROM orders'), 'and read here');

$node->stop;
done_testing();
