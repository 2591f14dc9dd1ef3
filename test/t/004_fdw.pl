# A remote server does the work: postgres_fdw ships every aggregate, since its
# state, its arguments and its result are plain values, and nothing comes back but
# the answer. The remote server here is this one, through a loopback.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::Bin/../lib";
use RetentionTest;
use Test::More;

my $node = start_server('fdw');

if (!$node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'}))
{
	$node->stop;
	plan skip_all => 'postgres_fdw is not installed here';
}

my ($host, $port) = ($node->host, $node->port);
create_orders($node, 20_000, 3_000);
$node->safe_psql('postgres', qq{
	CREATE TABLE east AS SELECT * FROM orders WHERE id % 3 = 0;
	CREATE TABLE west AS SELECT * FROM orders WHERE id % 3 > 0;
	CREATE EXTENSION postgres_fdw;
	CREATE SCHEMA remote;
	CREATE SERVER branch FOREIGN DATA WRAPPER postgres_fdw
		OPTIONS (host '$host', port '$port', dbname 'postgres', extensions 'retention');
	CREATE USER MAPPING FOR CURRENT_USER SERVER branch;
	IMPORT FOREIGN SCHEMA public LIMIT TO (orders, east, west) FROM SERVER branch INTO remote;
	ANALYZE remote.orders, remote.east, remote.west});

sub plan_of
{
	my ($query) = @_;
	return join "\n", map { $_->[0] } rows($node, "EXPLAIN (VERBOSE, COSTS OFF) $query");
}

my @aggregates = aggregates($node);
foreach my $aggregate (@aggregates)
{
	my $plan = plan_of("SELECT $aggregate->{call} FROM remote.orders");

	like($plan, qr/^Foreign Scan.*Relations: Aggregate on \(remote\.orders\).*Remote SQL: SELECT public\.$aggregate->{name}\(/s, "$aggregate->{call} runs over there");
}
my @calls = map { $_->{call} } @aggregates;
is_deeply(one_row($node, 'SET search_path = public', 'remote.orders', @calls), one_row($node, 'SET search_path = public', 'orders', @calls), 'and gives the answers it gives here');

# With conditions and groups
my $filtered = q{SELECT month, churn_rate(c_long, ordered_at, '60 days', '2023-12-01 00:00+00', '2024-03-01 00:00+00') FILTER (WHERE amount > 0), clv(c_uuid, ordered_at, amount, '1 year', '3 years', '2024-07-01 00:00+00') FROM %s.orders WHERE amount < 1e30 GROUP BY month HAVING repeat_rate(c_bigint) > 0};
like(plan_of(sprintf $filtered, 'remote'), qr/Relations: Aggregate on \(remote\.orders\).*FILTER.*GROUP BY 1 HAVING/s, 'FILTER, GROUP BY and HAVING run over there');
is($node->safe_psql('postgres', sprintf("SELECT * FROM ($filtered) r ORDER BY month", 'remote')), $node->safe_psql('postgres', sprintf("SELECT * FROM ($filtered) r ORDER BY month", 'public')),
	'FILTER, GROUP BY and HAVING: the same answers');

# Two branches with some customers in common: each builds a state of its orders,
# and the states are merged here.
foreach my $state (grep { $_->{is_state} } @aggregates)
{
	my $both = "SELECT $state->{call} AS state FROM remote.east UNION ALL SELECT $state->{call} FROM remote.west";

	is($node->safe_psql('postgres', "SELECT rollup(state)::text = (SELECT $state->{call} FROM orders)::text FROM ($both) s"), 't', "$state->{call}: two remote states are the state of all");
}
my $both = q{SELECT repeat_rate_state(c_short) AS state FROM remote.east UNION ALL SELECT repeat_rate_state(c_short) FROM remote.west};
is(() = plan_of("SELECT repeat_rate(rollup(state)) FROM ($both) s") =~ /Relations: Aggregate on/g, 2, 'both states are built over there');
is($node->safe_psql('postgres', "SELECT repeat_rate(rollup(state)) FROM ($both) s"), $node->safe_psql('postgres', 'SELECT repeat_rate(c_short) FROM orders'), 'and their rollup is read here');

$node->stop;
done_testing();
