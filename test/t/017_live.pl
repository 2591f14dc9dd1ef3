# Live tracking with several sessions: the three traps of its exactness, writers beside
# refreshes, and what outlives the server: crash, dump, upgrade, replication's roles.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RetentionTest;
use Test::More;

my $node = start_server('live', 'max_prepared_transactions = 2');
my $folder = PostgreSQL::Test::Utils::tempdir;

# Sessions that stay: what is said to one is answered before the next is spoken to,
# unless it has to wait for another.
my %session;

sub begin_session
{
	my ($name) = @_;
	my $session = { in => '', out => '', err => '', timer => IPC::Run::timeout(60) };

	$session->{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=0', '-d', $node->connstr('postgres') ],
		'<', \$session->{in}, '>', \$session->{out}, '2>', \$session->{err}, $session->{timer});
	$session{$name} = $session;
	return;
}

my $said = 0;

# Sends SQL, without looking for an answer
sub say_to
{
	my ($name, $sql) = @_;
	my $session = $session{$name};
	my $end = 'said-' . ++$said;

	$session->{end} = $end;
	$session->{in} .= "$sql;\n\\echo $end\n";
	$session->{timer}->start(60);
	IPC::Run::pump_nb($session->{run});
	return;
}

# The answer to what was told
sub hear
{
	my ($name) = @_;
	my $session = $session{$name};

	$session->{timer}->start(60);
	IPC::Run::pump($session->{run}) until $session->{out} =~ /^\Q$session->{end}\E$/m;
	$session->{out} =~ s/\A(.*?)\n?\Q$session->{end}\E\n//s;
	my $answer = $1;
	if ($session->{err} =~ /ERROR: +(.*)/) { $answer .= "ERROR $1" }
	$session->{err} = '';
	return $answer;
}

sub ask
{
	my ($name, $sql) = @_;
	say_to($name, $sql);
	return hear($name);
}

# Until so many sessions wait for a lock
sub wait_for_waiting
{
	my ($count) = @_;

	$node->poll_query_until('postgres', qq{SELECT count(*) = $count FROM pg_stat_activity WHERE wait_event_type = 'Lock'})
	  or die "not $count sessions wait";
	return;
}

sub make_orders
{
	answer(q{
		DROP TABLE IF EXISTS orders CASCADE;
		DROP TABLE IF EXISTS orders_live_customers, orders_live_changes, orders_live_settings;
		CREATE TABLE orders (id bigserial PRIMARY KEY, customer_id int, ordered_at timestamptz, amount numeric);
		CREATE INDEX ON orders (customer_id);
		INSERT INTO orders (customer_id, ordered_at, amount)
		SELECT i % 200, timestamptz '2023-01-01' + i * interval '1 hour', i % 90 - 3 FROM generate_series(1, 4000) i;
		SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount');
		ANALYZE});
	return;
}

# Customers of whom the live view and the orders say otherwise: a number, in one snapshot
my $differ = q{SELECT count(*) FROM (
	SELECT customer_id AS customer, order_history(customer_id, ordered_at, amount)::text AS history, sum(amount) AS monetary
	FROM orders WHERE customer_id IS NOT NULL GROUP BY 1) o
	FULL JOIN (SELECT customer, history::text, monetary FROM orders_live) l USING (customer)
	WHERE (o.history, o.monetary) IS DISTINCT FROM (l.history, l.monetary)};
my $refresh = q{SELECT mode FROM retention_refresh('orders_live')};

begin_session($_) foreach qw(writer other refresher reader);

# ---------------------------------------------------------------------------
# The traps
# ---------------------------------------------------------------------------
make_orders();

# A mark that is there must not be relied on: a refresh that runs removes it, and does
# not see what has changed since.
answer('INSERT INTO orders (customer_id, ordered_at, amount) VALUES (1, now(), 10)');
ask('refresher', 'BEGIN');
is(ask('refresher', $refresh), 'changed', 'a refresh removes the mark, and has not committed');
ask('writer', 'INSERT INTO orders (customer_id, ordered_at, amount) VALUES (1, now(), 20)');
is(answer('SELECT count(*) FROM orders_live_changes'), 2, 'a customer who is marked is marked again');
ask('refresher', 'COMMIT');
is(answer('SELECT count(*) FROM orders_live_changes'), 1, 'the second mark stays');
is(answer($differ), 0, 'and the view is right');
is(answer($refresh), 'changed', 'the next refresh');
is(answer("SELECT count(*) FROM retention_verify('orders_live', 1)"), 0, 'stores it');

# The mark of a TRUNCATE counts if it is among those removed. The refresh stands in the
# queue for the table of marks when it is committed: what asked before would have seen none.
ask('writer', 'BEGIN');
ask('writer', 'TRUNCATE orders');
ask('writer', q{INSERT INTO orders (customer_id, ordered_at, amount) VALUES (1, '2023-05-05', 5), (900, '2023-05-06', 6)});
say_to('other', 'BEGIN; LOCK TABLE orders_live_changes IN SHARE MODE; COMMIT');
wait_for_waiting(1);
say_to('refresher', $refresh);
wait_for_waiting(2);
ask('writer', 'COMMIT');
hear('other');
is(hear('refresher'), 'rebuilt', 'the mark of a TRUNCATE that was committed while the refresh waited');
is(answer('SELECT count(*) FROM orders_live_changes'), 0, 'is removed');
is(answer($differ), 0, 'and the view is right after it');
is(answer("SELECT count(*) FROM retention_verify('orders_live', 1)"), 0, 'and what is stored');
is(answer('SELECT count(*) FROM orders_live_customers'), 2, 'of the new orders alone');

# A refresh that waited for another must look after it has waited.
make_orders();
ask('other', 'BEGIN');
answer('INSERT INTO orders (customer_id, ordered_at, amount) VALUES (1, now(), 10)');
is(ask('other', $refresh), 'changed', 'the first refresh');
answer('INSERT INTO orders (customer_id, ordered_at, amount) VALUES (1, now(), 20), (2, now(), 20)');
say_to('refresher', $refresh);
wait_for_waiting(1);
answer('INSERT INTO orders (customer_id, ordered_at, amount) VALUES (3, now(), 30)');
is(ask('writer', q{SELECT coalesce(mode, 'busy') FROM retention_refresh('orders_live', wait => false)}), 'busy', 'who does not wait is told so');
ask('other', 'COMMIT');
is(hear('refresher'), 'changed', 'the second refresh waited');
is(answer('SELECT count(*) FROM orders_live_changes'), 0, 'and saw all that was committed meanwhile');
is(answer("SELECT count(*) FROM retention_verify('orders_live', 1)"), 0, 'what it stored is right');

# ---------------------------------------------------------------------------
# Snapshots
# ---------------------------------------------------------------------------
ask('reader', 'BEGIN ISOLATION LEVEL REPEATABLE READ');
is(ask('reader', $differ), 0, 'a snapshot before');
my $before = ask('reader', 'SELECT orders FROM orders_live WHERE customer = 5');
answer('INSERT INTO orders (customer_id, ordered_at, amount) VALUES (5, now(), 10)');
answer($refresh);
is(ask('reader', 'SELECT orders FROM orders_live WHERE customer = 5'), $before, 'sees neither order nor refresh');
is(ask('reader', $differ), 0, 'and is right');
like(ask('reader', $refresh), qr/ERROR .*READ COMMITTED/, 'a refresh in it is refused');
ask('reader', 'ROLLBACK');
is(answer('SELECT orders FROM orders_live WHERE customer = 5'), $before + 1, 'the next snapshot sees both');

# What is not committed is seen by its own transaction alone
ask('writer', 'BEGIN');
ask('writer', 'UPDATE orders SET customer_id = 6 WHERE customer_id = 5');
is(ask('writer', $differ), 0, 'a transaction sees its own');
is(ask('writer', 'SELECT count(*) FROM orders_live WHERE customer = 5'), 0, 'customer 5 is gone there');
is(answer('SELECT count(*) FROM orders_live WHERE customer = 5'), 1, 'and elsewhere not');
is(answer($refresh), 'nothing', 'a refresh does not wait for writers');
ask('writer', 'ROLLBACK');
is(answer($differ), 0, 'rolled back');
# a refresh inside the transaction that wrote
ask('writer', 'BEGIN');
ask('writer', 'DELETE FROM orders WHERE customer_id = 7');
is(ask('writer', $refresh), 'changed', 'it refreshes what it wrote');
is(ask('writer', $differ), 0, 'and sees it');
is(answer($differ), 0, 'others see the old');
ask('writer', 'ROLLBACK');
is(answer($differ), 0, 'and go on to');
is(answer("SELECT count(*) FROM retention_verify('orders_live', 1)"), 0, 'nothing of it is stored');
# two-phase commit
answer(q{BEGIN; INSERT INTO orders (customer_id, ordered_at, amount) VALUES (8, now(), 10); PREPARE TRANSACTION 'p'});
is(answer($refresh), 'nothing', 'of a prepared transaction nothing is seen');
answer(q{COMMIT PREPARED 'p'});
is(answer($differ), 0, 'and all after it');
# writers do not wait for each other, nor for a refresh
ask('writer', 'BEGIN');
ask('other', 'BEGIN');
ask('refresher', 'BEGIN');
ask('writer', 'INSERT INTO orders (customer_id, ordered_at, amount) VALUES (9, now(), 1)');
ask('refresher', $refresh);
ask('other', 'INSERT INTO orders (customer_id, ordered_at, amount) VALUES (9, now(), 2)');
ask('writer', 'INSERT INTO orders (customer_id, ordered_at, amount) VALUES (9, now(), 3)');
ask($_, 'COMMIT') foreach qw(other writer refresher);
is(answer($differ), 0, 'three at once of one customer');

# Listeners hear of segments
answer($refresh);
ask('reader', 'LISTEN orders_live');
answer('DELETE FROM orders WHERE customer_id = 10; INSERT INTO orders (customer_id, ordered_at, amount) VALUES (10, now(), 1e6)');
answer($refresh);
like(ask('reader', 'SELECT 1'), qr/Asynchronous notification "orders_live" with payload "1"/, 'a listener is told how many changed segment');
is(answer("SELECT previous_segment IS DISTINCT FROM segment FROM orders_live_customers WHERE customer = 10"), 't', 'and finds whose');

# ---------------------------------------------------------------------------
# Random writers beside refreshes and readers
# ---------------------------------------------------------------------------
make_orders();
write_file("$folder/write.sql", q{
\set kind random(1, 100)
\set a random(1, 220)
\set b random(1, 220)
\if :kind < 40
INSERT INTO orders (customer_id, ordered_at, amount) VALUES (:a, now() - random() * interval '100 days', :b - 10);
\elif :kind < 55
UPDATE orders SET amount = amount + 1 WHERE id = (SELECT id FROM orders WHERE customer_id = :a LIMIT 1);
\elif :kind < 65
UPDATE orders SET customer_id = :b WHERE id = (SELECT id FROM orders WHERE customer_id = :a LIMIT 1);
\elif :kind < 72
DELETE FROM orders WHERE id = (SELECT id FROM orders WHERE customer_id = :a ORDER BY id LIMIT 1);
\elif :kind < 80
BEGIN;
INSERT INTO orders (customer_id, ordered_at, amount) VALUES (:a, now(), 5);
SAVEPOINT s;
DELETE FROM orders WHERE id = (SELECT max(id) FROM orders WHERE customer_id = :b);
ROLLBACK TO s;
INSERT INTO orders (customer_id, ordered_at, amount) VALUES (:b, now(), 5);
COMMIT;
\elif :kind < 85
BEGIN;
INSERT INTO orders (customer_id, ordered_at, amount) VALUES (:a, now(), 7);
ROLLBACK;
\elif :kind < 92
MERGE INTO orders o USING (SELECT (SELECT max(id) FROM orders WHERE customer_id = :a) AS id) v ON o.id = v.id
WHEN MATCHED THEN UPDATE SET ordered_at = o.ordered_at - interval '1 hour' WHEN NOT MATCHED THEN INSERT (customer_id, ordered_at, amount) VALUES (:a, now(), 1);
\elif :kind < 100
SELECT mode FROM retention_refresh('orders_live', wait => :kind > 95, max_customers => nullif(:kind % 3, 0) * 20);
\else
BEGIN;
TRUNCATE orders;
INSERT INTO orders (customer_id, ordered_at, amount) SELECT i % 210, timestamptz '2023-01-01' + i * interval '1 hour', i % 90 - 3 FROM generate_series(1, 1500) i;
COMMIT;
\endif
});
# One snapshot, and both sides of it; a difference is an error that ends the client. The
# lock comes before the snapshot: one that is older than a TRUNCATE sees an empty table.
write_file("$folder/check.sql", qq{
BEGIN ISOLATION LEVEL REPEATABLE READ;
LOCK TABLE orders IN ACCESS SHARE MODE;
SELECT 1 / (1 - count(*)) FROM (SELECT FROM generate_series(1, ($differ)) LIMIT 1) d;
COMMIT;
});
# `make test-load` sets LOAD_FACTOR: thousands of checks
my ($clients, $each, $checks) = $ENV{LOAD_FACTOR} ? (8, 300 * $ENV{LOAD_FACTOR}, 9) : (6, 150, 1);
my $all = $clients * $each;
my ($stdout, $stderr);
$node->run_log(
	[
		'pgbench', '-n', '-c', $clients, '-j', 2, '-t', $each, '-f', "$folder/write.sql\@9", '-f', "$folder/check.sql\@$checks",
		'-h', $node->host, '-p', $node->port, 'postgres'
	],
	'>', \$stdout, '2>', \$stderr);
like($stdout, qr{transactions actually processed: $all/$all}, "all of $all transactions of $clients clients, checks among them");
my ($checked) = $stdout =~ /check\.sql.*?(\d+) transactions/s;
note "$checked checks";
cmp_ok($checked, '>', $all * $checks / (9 + $checks) / 2, 'there were many checks');
unlike($stderr, qr/error|aborted|deadlock/i, 'without a difference or a deadlock');
is(answer($differ), 0, 'right at the end');
answer($refresh);
is(answer("SELECT count(*) FROM retention_verify('orders_live', 1)"), 0, 'and as stored');
is(answer('SELECT count(*) FROM orders_live_changes'), 0, 'no mark is left');

# ---------------------------------------------------------------------------
# Crash, dump and restore, versions
# ---------------------------------------------------------------------------
ask('writer', 'BEGIN; INSERT INTO orders (customer_id, ordered_at, amount) VALUES (11, now(), 5)');
answer('INSERT INTO orders (customer_id, ordered_at, amount) VALUES (12, now(), 5)');
$node->stop('immediate');
$node->start;
is(answer($differ), 0, 'after a crash');
is(answer('SELECT string_agg(customer::text, $$,$$) FROM orders_live_changes'), 12, 'marks are those of what was committed');

$node->command_ok([ 'pg_dump', '-f', "$folder/all.sql", $node->connstr('postgres') ], 'dump');
answer('CREATE DATABASE copy');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', "$folder/all.sql", $node->connstr('copy') ], 'restore');
is(answer($differ, 'copy'), 0, 'the copy is right');
is(answer('SELECT string_agg(customer::text, $$,$$) FROM orders_live_changes', 'copy'), 12, 'with the same marks');
is(answer($refresh, 'copy'), 'changed', 'refreshes');
answer('INSERT INTO orders (customer_id, ordered_at, amount) VALUES (13, now(), 5)', 'copy');
is(answer($differ, 'copy'), 0, 'and tracks');
is(answer("SELECT count(*) FROM retention_verify('orders_live', 1)", 'copy'), 0, 'what is stored is right');

# The orders alone: the trigger says what to do
answer('CREATE DATABASE alone');
answer('CREATE EXTENSION retention', 'alone');
$node->command_ok([ 'pg_dump', '-t', 'orders', '-f', "$folder/orders.sql", $node->connstr('postgres') ], 'dump of the orders alone');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', "$folder/orders.sql", $node->connstr('alone') ], 'restore of them');
$node->psql('alone', 'INSERT INTO orders (customer_id, ordered_at, amount) VALUES (13, now(), 5)', stderr => \$stderr);
like($stderr, qr/ERROR:  "orders" is tracked, but there is no "orders_live_source" of its owner.*HINT: .*DROP TRIGGER orders_live_insert ON public\.orders/s, 'a writer is told what to do');
answer('DROP TRIGGER orders_live_insert ON orders; DROP TRIGGER orders_live_update ON orders; DROP TRIGGER orders_live_delete ON orders; DROP TRIGGER orders_live_truncate ON orders', 'alone');
is(answer(q{INSERT INTO orders (customer_id, ordered_at, amount) VALUES (13, now(), 5) RETURNING 'done'}, 'alone'), 'done', 'and done so, may write');
is(answer(q{SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount')}, 'alone'), 'orders_live', 'or track anew');
is(answer($differ, 'alone'), 0, 'which is right');

# The extension: dropped only with what uses it, moved, and its tables stay
like(ask_once('DROP EXTENSION retention', 'alone'), qr/cannot drop extension retention because other objects depend on it/, 'the extension is not dropped from under a tracking');
answer('CREATE SCHEMA tools; ALTER EXTENSION retention SET SCHEMA tools', 'alone');
answer('INSERT INTO orders (customer_id, ordered_at, amount) VALUES (14, now(), 5)', 'alone');
is(answer(q{SELECT mode FROM tools.retention_refresh('orders_live')}, 'alone'), 'changed', 'the extension may move');
is(answer(q{SELECT orders > 0 FROM tools.retention_customer('orders_live', 14)}, 'alone'), 't', 'and finds customers');
is(answer(q{SELECT count(*) FROM tools.retention_verify('orders_live', 1)}, 'alone'), 0, 'still right');
is(answer(q{SELECT triggers_ok AND index_ok AND problem IS NULL FROM tools.retention_live_status()}, 'alone'), 't', 'in order');
answer('DROP EXTENSION retention CASCADE', 'alone');
is(answer(q{SELECT count(*) FROM pg_trigger WHERE tgrelid = 'orders'::regclass}, 'alone'), 0, 'with CASCADE the triggers go');
is(answer(q{INSERT INTO orders (customer_id, ordered_at, amount) VALUES (13, now(), 5) RETURNING 'done'}, 'alone'), 'done', 'and writers go on');
answer('CREATE EXTENSION retention', 'alone');
like(ask_once(q{SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount')}, 'alone'), qr/HINT: .*DROP VIEW public\.orders_live_source; DROP TABLE public\.orders_live_customers;/, 'what is left is named');
answer('DROP VIEW orders_live_source; DROP TABLE orders_live_customers, orders_live_changes, orders_live_settings', 'alone');
is(answer(q{SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount')}, 'alone'), 'orders_live', 'and without it the orders are tracked again');
is(answer($differ, 'alone'), 0, 'rightly');

# A session that has asked once is not misled by what changes after
ask_new_session();

sub ask_new_session
{
	begin_session('page');
	ask('page', 'PREPARE page AS SELECT orders FROM retention_customer($$orders_live$$, $1)');
	my $orders = ask('page', 'EXECUTE page(15)');
	cmp_ok($orders, '>', 0, 'a page asks');
	answer('ALTER TABLE orders RENAME customer_id TO who; INSERT INTO orders (who, ordered_at, amount) VALUES (15, now(), 5)');
	is(ask('page', 'EXECUTE page(15)'), $orders + 1, 'and again, under other names');
	answer('ALTER TABLE orders RENAME who TO customer_id');
	answer(q{SELECT retention_untrack('orders_live')});
	like(ask('page', 'EXECUTE page(15)'), qr/ERROR/, 'of a live view that is gone it is an error');
	answer(q{SELECT retention_track('orders', 'customer_id', 'ordered_at', 'amount')});
	is(ask('page', 'EXECUTE page(15)'), $orders + 1, 'and of the next of that name an answer');
	ask('page', 'INSERT INTO orders (customer_id, ordered_at, amount) VALUES (15, now(), 5)');
	is(ask('page', 'EXECUTE page(15)'), $orders + 2, 'with its own orders');
	return;
}

# What one statement says, error or not
sub ask_once
{
	my ($sql, $database) = @_;
	my ($out, $err);

	$node->psql($database, $sql, stdout => \$out, stderr => \$err);
	return "$out$err";
}

foreach my $session (values %session)
{
	$session->{in} .= "\\q\n";
	eval { IPC::Run::finish($session->{run}) };
}
$node->stop;
done_testing();
