# Histories of real shops and of a made one, split at random by row, by customer and by time,
# stored, merged and spilled: every twin, fit and table function gives what the orders give, to
# the last bit. The data sets of the real shops are not ours to give away: without them, only
# the made one is tested.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use RealData;
use RetentionTest;
use Test::More;

my $node = start_server('histories', 'work_mem = 256MB');

# ---------------------------------------------------------------------------
# Shops: a table (customer, ordered_at, amount) of each, and the options to ask with
# ---------------------------------------------------------------------------
my %common = (
	period => '90 days', within => '60 days', inactive_after => '90 days', lifetime => '2 years', unit => '7 days',
	grain => 'month', tz => 'Europe/Paris', max_number => '6', max_index => '12', step => '1 month');
my @shops = (
	{
		name => 'made', type => 'text',
		options => { as_of => '2024-07-01 00:00+00', period_start => '2023-12-01 00:00+00', period_end => '2024-03-01 00:00+00' }
	},
	{
		name => 'uci', type => 'bigint',
		options => { as_of => '2011-10-15 09:30+00', period_start => '2011-06-01 00:00+00', period_end => '2011-09-01 00:00+00' },
		load => q(
			CREATE TABLE uci AS
			SELECT customer_id::bigint AS customer, min(invoice_date) AT TIME ZONE 'UTC' AS ordered_at, sum(quantity * unit_price) AS amount
			FROM uci_lines GROUP BY invoice_no, customer_id)
	},
	{
		name => 'cdnow', type => 'text',
		options => { as_of => '1998-03-01 00:00+00', period_start => '1997-07-01 00:00+00', period_end => '1998-01-01 00:00+00' },
		load => q(
			CREATE TABLE cdnow AS
			SELECT 'cdnow customer ' || customer_id AS customer, ordered_at::timestamp AT TIME ZONE 'UTC' AS ordered_at, amount
			FROM cdnow_lines)
	},
	{
		name => 'adventureworks', type => 'uuid',
		options => { as_of => '2017-04-10 00:00+00', period_start => '2016-06-01 00:00+00', period_end => '2017-01-01 00:00+00' },
		load => q(
			CREATE TABLE adventureworks AS
			SELECT md5(customer_key::text)::uuid AS customer, min(order_date)::timestamp AT TIME ZONE 'UTC' AS ordered_at,
			       sum(quantity * unit_price) AS amount
			FROM adventureworks_lines GROUP BY order_number, customer_key)
	});

# ---------------------------------------------------------------------------
# Every twin, from the catalogue
# ---------------------------------------------------------------------------
my @aggregates = members('a');

# How many arguments of an aggregate stand for rows
sub row_arguments
{
	my ($aggregate) = @_;
	my $n = 0;

	foreach my $name ('customer', 'ordered_at', 'amount')
	{
		$n++ if ($aggregate->{names}[$n] // '') eq $name;
	}
	return $n;
}

# The call of each twin, and of the aggregate over order rows that it is the twin of
sub pairs
{
	my ($shop) = @_;
	my %value = (%common, %{ $shop->{options} });
	my @pairs;

	foreach my $twin (grep { $_->{names}[0] eq 'history' && $_->{name} ne 'rollup' } @aggregates)
	{
		my @names = @{ $twin->{names} }[ 1 .. $#{ $twin->{names} } ];
		my @types = @{ $twin->{types} }[ 1 .. $#{ $twin->{types} } ];
		my ($original) = grep {
			my $n = row_arguments($_);
			$n > 0 && $_->{name} eq $twin->{name}
			  && ($_->{names}[0] ne 'customer' || $_->{types}[0] eq $shop->{type})
			  && join(',', @{ $_->{names} }[ $n .. $#{ $_->{names} } ]) eq join(',', @names)
		} @aggregates;
		die "of what is $twin->{name}(@{$twin->{names}}) the twin?\n" if !$original;

		my @options = map { "'" . ($value{ $names[$_] } // die "no value for $names[$_] of $twin->{name}\n") . "'::$types[$_]" } 0 .. $#names;
		my @rows = @{ $original->{names} }[ 0 .. row_arguments($original) - 1 ];
		# guests, and rows without a time, are in no history; who takes no amount counts orders
		my $filter = 'customer IS NOT NULL AND ordered_at IS NOT NULL' . ((grep { $_ eq 'amount' } @rows) ? '' : ' AND amount > 0 IS NOT FALSE');
		push @pairs,
		  {
			original => "md5($twin->{name}(" . join(', ', @rows, @options) . ") FILTER (WHERE $filter)::text)",
			twin => "md5($twin->{name}(" . join(', ', 'history', @options) . ')::text)'
		  };
	}
	return @pairs;
}

# A call of each table function over the orders, and over a history
sub table_functions
{
	my ($shop) = @_;
	my ($from, $as_of) = ($shop->{options}{period_end}, $shop->{options}{as_of});
	my $orders = "NULL::$shop->{type}, '$shop->{name}', 'customer', 'ordered_at', 'amount'";
	my ($history, $typed) = ('(SELECT history FROM whole)', "(SELECT history FROM whole), NULL::$shop->{type}");

	return (
		[ "rfm_segments($orders, '$as_of', 4, 'rf')", "rfm_segments($typed, '$as_of', 4, 'rf')" ],
		[ "segment_summary($orders, '$as_of')", "segment_summary($history, '$as_of')" ],
		[ "rfm_transitions($orders, '$from', '$as_of')", "rfm_transitions($history, '$from', '$as_of')" ],
		[ "rfm_breaks($orders, '$as_of', 9)", "rfm_breaks($history, '$as_of', 9)" ],
		[ "hero_buyers($orders, 0.6, '$as_of')", "hero_buyers($typed, '$as_of', 0.6)" ],
		[ "predict_customers($orders, '200 days', '$as_of', '30 days', 'bgnbd', 0.1, 'Asia/Tokyo')", "predict_customers($typed, '$as_of', '200 days', '30 days', 'bgnbd', 0.1, 'Asia/Tokyo')" ],
		[ "backtest($orders, '$from', '$as_of', 'pareto_nbd', tz => 'Asia/Tokyo')", "backtest($history, '$from', '$as_of', 'pareto_nbd', tz => 'Asia/Tokyo')" ],
		[ "backtest_summary($orders, '60 days', 2, '$as_of', 'bgnbd', tz => 'Asia/Tokyo')", "backtest_summary($history, '$as_of', '60 days', 2, 'bgnbd', tz => 'Asia/Tokyo')" ],
		[ "forecast($orders, '60 days', 'week', '$as_of', 'bgnbd', tz => 'Asia/Tokyo')", "forecast($history, '$as_of', '60 days', 'week', 'bgnbd', tz => 'Asia/Tokyo')" ]);
}

sub rows_of
{
	my ($call) = @_;
	return answer("SELECT count(*) || ' rows: ' || coalesce(md5(string_agg(r::text, E'\\n')), '') FROM $call AS r");
}

# Parts at random, though the same on every run: of a seed, one random number for each row, customer or day
my %split = (
	'by row' => q(abs(hashtextextended(ordered_at::text || coalesce(amount::text, '') || ctid::text, SEED)) % 37),
	'by customer' => q(abs(hashtextextended(customer::text, SEED)) % 101),
	'by time' => q(abs(hashtextextended(ordered_at::date::text, SEED)) % 29),
	'in 1,000 parts' => q(abs(hashtextextended(ctid::text, SEED)) % 1000));

create_orders(120_000, 40_000);
answer('CREATE TABLE made AS SELECT c_long AS customer, ordered_at, amount FROM orders');
foreach my $shop (@shops)
{
	my $name = $shop->{name};

	SKIP:
	{
		if ($shop->{load})
		{
			my $missing = missing_data($name);
			skip "$name: $missing", 1 if $missing;
			load_lines($name);
			answer($shop->{load});
		}
		cmp_ok(answer("SELECT count(*) FROM $name"), '>', 6000, "$name: its orders");

		my @pairs = pairs($shop);
		my $expected = one_row('SET jit = off', $name, map { $_->{original} } @pairs);
		my @expected = map { $expected->{ $_->{original} } } @pairs;
		cmp_ok(scalar @pairs, '>', 35, "$name: there are twins");

		answer("DROP TABLE IF EXISTS whole; CREATE TABLE whole AS SELECT order_history(customer, ordered_at, amount) AS history FROM $name");
		foreach my $way (sort keys %split)
		{
			my $part = $split{$way} =~ s/SEED/length($name . $way)/er;

			answer("DROP TABLE IF EXISTS part; CREATE TABLE part AS SELECT order_history(customer, ordered_at, amount) AS history FROM $name GROUP BY $part");
			my $twins = one_row('SET jit = off', 'part', map { $_->{twin} } @pairs);
			is_deeply([ map { $twins->{ $_->{twin} } } @pairs ], \@expected, "$name, $way: the answers of the orders");
			is(answer('SELECT md5(rollup(history)::text) = (SELECT md5(history::text) FROM whole) FROM part'), 't', "$name, $way: rollup is the whole");
		}
		# of the last of them, as restored, with little memory
		my $small = q(SET work_mem = '64kB');
		my $restored = one_row($small, '(SELECT history::text::order_history FROM part) AS restored', map { $_->{twin} } @pairs);
		is_deeply([ map { $restored->{ $_->{twin} } } @pairs ], \@expected, "$name: restored, with little memory: the same");
		like(plan_of($small, 'SELECT purchase_days_state(history, $$2024-07-01$$, $$UTC$$) FROM part', 'ANALYZE', 'BUFFERS'), qr/temp .*written=/, 'that writes files')
		  if $name eq 'made';

		is(answer("SELECT count(*) FROM order_histories(NULL::$shop->{type}, '$name', 'customer', 'ordered_at', 'amount') AS o
			FULL JOIN (SELECT customer, order_history(customer, ordered_at, amount) AS history FROM $name WHERE customer IS NOT NULL GROUP BY 1) AS g USING (customer)
			WHERE o.history::text IS DISTINCT FROM g.history::text"), '0', "$name: a row for each customer, as by GROUP BY");
		foreach (table_functions($shop))
		{
			my ($of_orders, $of_history) = @$_;
			is(rows_of($of_history), rows_of($of_orders), "$of_orders: the same of a history");
		}
	}
}

done_testing();
