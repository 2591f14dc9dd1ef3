# Stored states on a logical subscriber: what is copied first, and what comes after as text
# and as bytes, reads there as it does here; it can be merged, and written back.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RetentionTest;
use Test::More;

# started first: the functions of RetentionTest ask the server started last
my $subscriber = start_server('subscriber', 'wal_level = logical');
my $node = start_server('publisher', 'wal_level = logical', 'max_wal_senders = 5', 'max_replication_slots = 5');
my @states = states();

create_orders(3_000, 600);
create_sealed();

my $tables = q{
	CREATE TABLE states (call text, part int, state retention_state NOT NULL, PRIMARY KEY (call, part));
	CREATE TABLE histories (customer bigint PRIMARY KEY, history order_history NOT NULL, past order_history[] NOT NULL);
	CREATE TABLE others (id int PRIMARY KEY, curve survival, cuts rfm_cuts, cohorts cohort_retention_row[], model btyd_model);
};
my %texts = (
	states => q{SELECT count(*), md5(string_agg(call || part || state::text, E'\n' ORDER BY call COLLATE "C", part)) FROM states},
	histories => q{SELECT count(*), md5(string_agg(concat_ws('|', customer, history, past), E'\n' ORDER BY customer)) FROM histories},
	others => q{SELECT count(*), md5(string_agg(concat_ws('|', id, curve, cuts, cohorts, model), E'\n' ORDER BY id)) FROM others},
);
my %readings = (
	'rates of the sum of states' => q{SELECT repeat_rate(rollup(state)) FROM states WHERE call = 'repeat_rate_state(c_bigint)' AND part < 10},
	'churn of the histories' => q{SELECT churn_rate(history, '60 days', '2024-01-01', '2024-06-01'), clv(history, '1 year', '3 years', '2024-06-01') FROM histories},
	'a curve' => q{SELECT string_agg(survival_at(curve, 90)::text, ',' ORDER BY id), string_agg(survival_at(curve, 30)::text, ',' ORDER BY id) FROM others},
	'scores' => q{SELECT string_agg(rfm_cell('2024-03-01', 3, 100, cuts), ',' ORDER BY id) FROM others},
);

# Some rows of each, of the orders with this remainder of three
sub store
{
	my ($part) = @_;
	answer(join ";\n", map { "INSERT INTO states SELECT \$\$$_->{call}\$\$, $part, $_->{call} FROM orders WHERE id % 3 = $part" } @states);
	answer(qq{
		INSERT INTO states SELECT call, $part + 10, sealed(state) FROM states WHERE part = $part AND sealed(state) IS NOT NULL;
		INSERT INTO histories SELECT c_bigint, order_history(c_bigint, ordered_at, amount), ARRAY[order_history(c_bigint, ordered_at, amount), NULL]
		FROM orders WHERE id % 3 = $part AND c_bigint IS NOT NULL AND ordered_at IS NOT NULL GROUP BY 1
		ON CONFLICT (customer) DO UPDATE SET history = EXCLUDED.history;
		INSERT INTO others
		SELECT $part, repeat_survival(c_bigint, ordered_at, '2024-06-01'), ROW(3, 'rf', '{2024-03-01,2024-02-01}', ARRAY[1, 2 + $part], '{10.50,99}')::rfm_cuts,
		       cohort_retention(c_bigint, ordered_at, amount, 'month', '2024-06-01', 'UTC'), fit_bgnbd(c_bigint, ordered_at, amount, '7 days', '2024-06-01', 'UTC')
		FROM orders WHERE id % 3 = $part});
	return;
}

sub same_there
{
	my ($what) = @_;
	$node->wait_for_catchup('kept');
	is($subscriber->safe_psql('postgres', $texts{$_}), answer($texts{$_}), "$what: the $_ are those of here") foreach sort keys %texts;
	is($subscriber->safe_psql('postgres', $readings{$_}), answer($readings{$_}), "$what: $_") foreach sort keys %readings;
	return;
}

# No type of ours has the number that it has on the publisher.
$subscriber->safe_psql('postgres', 'DROP EXTENSION retention CASCADE; CREATE EXTENSION retention');
isnt($subscriber->safe_psql('postgres', q{SELECT 'order_history'::regtype::oid}), answer(q{SELECT 'order_history'::regtype::oid}), 'types have other numbers there');
$_->safe_psql('postgres', $tables) foreach $node, $subscriber;

store(0);
cmp_ok(answer('SELECT count(*) FROM states'), '>', 100, 'states of every family, also sealed');
answer('CREATE PUBLICATION kept FOR TABLE states, histories, others');
$subscriber->safe_psql('postgres', q{CREATE SUBSCRIPTION kept CONNECTION '} . $node->connstr . q{ dbname=postgres' PUBLICATION kept});
$subscriber->wait_for_subscription_sync($node, 'kept');
same_there('copied');

store(1);
same_there('as text');

$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION kept DISABLE; ALTER SUBSCRIPTION kept SET (binary = true); ALTER SUBSCRIPTION kept ENABLE');
store(2);
answer('UPDATE histories SET past = past || history WHERE customer % 7 = 0; DELETE FROM histories WHERE customer % 11 = 0');
same_there('as bytes');
unlike(slurp_file($subscriber->logfile), qr/terminated by signal/, 'nothing ended there');

# What is there is no copy to look at, but a state
my $sum = $readings{'rates of the sum of states'};
like(answer($sum), qr/^0\.\d+$/, 'a rate of all customers');
is($subscriber->safe_psql('postgres', "UPDATE states SET state = state::text::retention_state; $sum"), answer($sum), 'written anew, it says the same');
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION kept');

done_testing;
