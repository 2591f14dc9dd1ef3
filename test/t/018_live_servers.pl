# Live tracking beyond one server that is well: a physical standby, a logical subscriber,
# sessions that are killed and a server that is stopped under load, an old version.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RetentionTest;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir;

# started first: the functions of RetentionTest ask the server started last
my $subscriber = start_server('subscriber', 'wal_level = logical');
my $node = start_server('primary', 'wal_level = logical', 'max_wal_senders = 5', 'max_replication_slots = 5', 'hot_standby = on', 'restart_after_crash = on');

my $make_orders = q{
	CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int, ordered_at timestamptz, amount numeric);
	CREATE INDEX ON orders (customer_id);};
my $fill = q{
	INSERT INTO orders SELECT i, i % 200, timestamptz '2023-01-01' + i * interval '1 hour', i % 90 - 3 FROM generate_series(1, 4000) i;};
my $track = q{SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount')};
# Customers of whom the live view and the orders say otherwise
my $differ = q{SELECT count(*) FROM (
	SELECT customer_id AS customer, order_history(customer_id, ordered_at, amount)::text AS history, sum(amount) AS monetary
	FROM orders WHERE customer_id IS NOT NULL GROUP BY 1) o
	FULL JOIN (SELECT customer, history::text, monetary FROM orders_live) l USING (customer)
	WHERE (o.history, o.monetary) IS DISTINCT FROM (l.history, l.monetary)};
my $wrong = q{SELECT count(*) FROM retention_verify('orders_live', 1)};
my $marks = q{SELECT string_agg(DISTINCT customer::text, ',' ORDER BY customer::text) FROM orders_live_changes};

sub error_of
{
	my ($server, $sql) = @_;
	my $stderr;

	$server->psql('postgres', $sql, stderr => \$stderr);
	return $stderr;
}

answer($make_orders . $fill);
answer($track);

# ---------------------------------------------------------------------------
# A physical standby reads all, exactly, and writes nothing
# ---------------------------------------------------------------------------
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
answer(q{INSERT INTO orders VALUES (9001, 5, now(), 50), (9002, 900, now(), 60)});
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', $differ), 0, 'a standby: the view is right');
is($standby->safe_psql('postgres', q{SELECT string_agg(computed, ',' ORDER BY customer) FROM orders_live WHERE customer IN (5, 6, 900)}), 'now,stored,now', 'with marks as they are there');
is($standby->safe_psql('postgres', q{SELECT orders, computed FROM retention_customer('orders_live', 6) UNION ALL SELECT orders, computed FROM retention_customer('orders_live', 900)}),
	"20|stored\n1|now", 'and customers are found');
is($standby->safe_psql('postgres', $wrong), 0, 'what is stored can be verified there');
is($standby->safe_psql('postgres', q{SELECT marked_customers, triggers_ok, problem IS NULL FROM retention_live_status()}), '2|t|t', 'and status is told');
like(error_of($standby, qq{SELECT $_}), qr/ERROR: +cannot execute \w+\(\) (during recovery|in a read-only transaction)/, "refused: $_")
  foreach q{retention_refresh('orders_live')}, q{retention_fit('orders_live')}, q{retention_mark('orders_live', 5)},
  q{retention_track('orders', 'customer_id', 'ordered_at', 'amount')}, q{retention_untrack('orders_live')};
answer(q{SELECT retention_refresh('orders_live')});
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', q{SELECT orders, computed FROM retention_customer('orders_live', 900)}), '1|stored', 'a refresh of the primary arrives');
is($standby->safe_psql('postgres', $differ), 0, 'and the view stays right');
$standby->stop('immediate');

# ---------------------------------------------------------------------------
# A logical subscriber tracks what is applied
# ---------------------------------------------------------------------------
answer('CREATE PUBLICATION shop FOR TABLE orders');
$subscriber->safe_psql('postgres', $make_orders);
$subscriber->safe_psql('postgres', q{SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount', replicated => true)});
$subscriber->safe_psql('postgres', q{CREATE SUBSCRIPTION shop CONNECTION '} . $node->connstr . q{ dbname=postgres' PUBLICATION shop});
$subscriber->wait_for_subscription_sync($node, 'shop');

sub applied
{
	my ($sql) = @_;
	answer($sql);
	$node->wait_for_catchup('shop');
	return;
}

my $sum = 'SELECT count(*), sum(amount) FROM orders';
is($subscriber->safe_psql('postgres', $sum), answer($sum), 'the rows are copied');
is($subscriber->safe_psql('postgres', $differ), 0, 'a subscriber: the view is right after the copy');
is($subscriber->safe_psql('postgres', q{SELECT mode FROM retention_refresh('orders_live')}), 'rebuilt', 'and is stored');
applied(q{INSERT INTO orders VALUES (9101, 5, now(), 50), (9102, 901, now(), 60); UPDATE orders SET amount = amount + 1 WHERE id = 7; UPDATE orders SET customer_id = 9 WHERE id = 8;
	UPDATE orders SET id = id WHERE id = 10; DELETE FROM orders WHERE id = 11; BEGIN; DELETE FROM orders; ROLLBACK});
is($subscriber->safe_psql('postgres', $marks), '11,5,7,8,9,901', 'whoever is applied is marked, and nobody else');
is($subscriber->safe_psql('postgres', $differ), 0, 'the view is right');
is($subscriber->safe_psql('postgres', q{SELECT mode FROM retention_refresh('orders_live')}), 'changed', 'they are stored');
is($subscriber->safe_psql('postgres', $wrong), 0, 'rightly');
$subscriber->safe_psql('postgres', 'INSERT INTO orders VALUES (-1, 17, now(), 5)');
is($subscriber->safe_psql('postgres', $marks), 17, "the subscriber's own rows are marked, too");
applied('TRUNCATE orders; INSERT INTO orders VALUES (1, 1, now(), 5), (2, 2, now(), 6)');
is($subscriber->safe_psql('postgres', q{SELECT count(*) FROM orders_live_changes WHERE customer IS NULL}), 1, 'TRUNCATE that is applied marks everybody');
is($subscriber->safe_psql('postgres', $differ), 0, 'and the view is right');
is($subscriber->safe_psql('postgres', q{SELECT mode FROM retention_refresh('orders_live')}), 'rebuilt', 'and all is stored');
is($subscriber->safe_psql('postgres', $wrong), 0, 'rightly');

# Without the trigger for applied rows nothing is seen; called again with it, all is right
$subscriber->safe_psql('postgres', q{SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount'); SELECT retention_refresh('orders_live')});
applied('INSERT INTO orders VALUES (3, 3, now(), 7)');
is($subscriber->safe_psql('postgres', $wrong) > 0, 1, 'tracked without replicated => true, applied rows are missed, and verify tells');
$subscriber->safe_psql('postgres', q{SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount', replicated => true)});
is($subscriber->safe_psql('postgres', $differ), 0, 'called again with it, the view is right');
applied('INSERT INTO orders VALUES (4, 4, now(), 7)');
is($subscriber->safe_psql('postgres', $differ), 0, 'and stays so');
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION shop');
$subscriber->stop;

# ---------------------------------------------------------------------------
# session_replication_role: written past the triggers
# ---------------------------------------------------------------------------
answer($fill =~ s/generate_series\(1,/generate_series(5,/r);
answer(q{SELECT retention_refresh('orders_live')});
is(answer(q{SET session_replication_role = replica; DELETE FROM orders WHERE customer_id = 12; SELECT triggers_ok, problem FROM retention_live_status('orders_live')}),
	'f|session_replication_role is replica: what this session writes is not marked', 'a session that writes past the triggers is told by its status');
is(answer(q{SELECT string_agg(DISTINCT customer, ',') FROM retention_verify('orders_live', 1)}), 12, 'verify finds whom it missed');
is(answer(q{SELECT retention_mark('orders_live', 12); SELECT mode FROM retention_refresh('orders_live')}), "\nchanged", 'a mark by hand');
is(answer($wrong), 0, 'repairs it');

# ---------------------------------------------------------------------------
# kill -9, and an immediate stop, under load
# ---------------------------------------------------------------------------
write_file("$folder/write.sql", q{
\set a random(1, 250)
\set b random(1, 250)
BEGIN;
INSERT INTO orders VALUES ((random() * 1e15)::bigint + 100000, :a, now(), :b);
UPDATE orders SET customer_id = :b WHERE id = (SELECT id FROM orders WHERE customer_id = :a LIMIT 1);
DELETE FROM orders WHERE id = (SELECT id FROM orders WHERE customer_id = :b LIMIT 1);
COMMIT;
});
write_file("$folder/refresh.sql", q{SELECT retention_refresh('orders_live', max_customers => 30);});

sub load_until
{
	my ($end) = @_;
	my $load = IPC::Run::start(
		[ 'pgbench', '-n', '-c', 4, '-T', 60, '-f', "$folder/write.sql\@20", '-f', "$folder/refresh.sql", '-h', $node->host, '-p', $node->port, 'postgres' ],
		'>', '/dev/null', '2>', '/dev/null');
	my $before = answer('SELECT max(xmin::text::bigint) FROM orders');
	$node->poll_query_until('postgres', "SELECT max(xmin::text::bigint) > $before + 200 FROM orders");
	$end->();
	eval { IPC::Run::finish($load) };
	return;
}

sub all_is_right
{
	my ($after) = @_;

	is(answer($differ), 0, "$after: the view is right");
	is(answer($wrong), 0, "$after: what is stored is right");
	answer(q{SELECT retention_refresh('orders_live')});
	is(answer($wrong), 0, "$after: and after a refresh");
	is(answer('SELECT count(*) FROM orders_live_changes'), 0, "$after: which leaves no mark");
	return;
}

foreach my $round (1 .. ($ENV{LOAD_FACTOR} || 1))
{
	load_until(
		sub {
			my $victim = answer(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1});
			kill 'KILL', $victim;
		});
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server does not come back';
	all_is_right("kill -9 of a writer, round $round");
	load_until(sub { $node->stop('immediate') });
	$node->start;
	all_is_right("an immediate stop, round $round");
}

# ---------------------------------------------------------------------------
# An older version of the extension
# ---------------------------------------------------------------------------
answer('CREATE DATABASE old');
answer("CREATE EXTENSION retention VERSION '0.2'; $make_orders $fill; CREATE TABLE stored AS SELECT repeat_rate_state(customer_id) AS state FROM orders", 'old');
answer('ALTER EXTENSION retention UPDATE', 'old');
is(answer($track, 'old'), 'orders_live', 'after an update from 0.2 the orders can be tracked');
answer('INSERT INTO orders VALUES (9001, 5, now(), 50)', 'old');
is(answer($differ, 'old'), 0, 'and the view is right');
my $stderr;
$node->psql('old', "ALTER EXTENSION retention UPDATE TO '0.2'", stderr => \$stderr);
like($stderr, qr/ERROR: +extension "retention" has no update path from version "[\d.]+" to version "0\.2"/, 'there is no way back to a version without tracking');
answer('ALTER EXTENSION retention UPDATE', 'old');
answer('INSERT INTO orders VALUES (9002, 6, now(), 50)', 'old');
is(answer($differ, 'old'), 0, 'and the tracking goes on');
is(answer($wrong, 'old'), 0, 'rightly');

$node->stop;
done_testing();
