# The queries that table functions run: what a distributed planner (Citus) cannot take is
# in none of them. A query without a column has nothing to ship from a shard, and a list
# of parameters that is there but empty ends its coordinator.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use RetentionTest;
use Test::More;

my $node = start_server('query_texts');

answer(q{CREATE TABLE orders AS
	SELECT i % 40 AS customer, timestamp '2024-01-01' + (i % 300) * interval '1 day' AS at, (i % 7)::numeric AS amount, i / 2 AS id,
	       'EUR' AS currency
	FROM generate_series(1, 2000) i});

# Every function that reads a relation (live tracking writes its own: 017_live.pl), with the arguments that it must have and with all.
my %values = (
	orders_table => q{'orders'}, customer_column => q{'customer'}, ordered_at_column => q{'at'},
	amount_column => q{'amount'}, order_id_column => q{'id'}, currency_column => q{'currency'},
	calibration_end => q{'2024-06-01'}, holdout_end => q{'2024-10-01'},
	from_as_of => q{'2024-06-01'}, to_as_of => q{'2024-10-01'}, as_of => q{'2024-10-01'});
my %calls;
foreach (rows(q{
	SELECT p.proname, p.pronargs - p.pronargdefaults, array_to_string(p.proargnames[1:p.pronargs], ','), p.proargtypes[0]::regtype
	FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	WHERE 'orders_table' = ANY (p.proargnames) AND p.proname NOT IN ('retention_track', 'retention_live_status')}))
{
	my ($name, $least, $names, $first) = @$_;
	my @names = split /,/, $names;

	foreach my $all (0, 1)
	{
		my @arguments = map {
			my $value = $values{ $names[$_] } // ($_ == 0 && $first eq 'anyelement' ? 'NULL::int' : undef);
			defined $value && ($all || $_ < $least) ? "$names[$_] => $value" : ()
		} 0 .. $#names;
		push @{ $calls{$name} }, "SELECT count(*) FROM $name(" . join(', ', @arguments) . ')';
	}
}
cmp_ok(scalar keys %calls, '>=', 8, 'there are table functions');

# The server logs the statements inside a statement, to us.
foreach my $name (sort keys %calls)
{
	my $stderr;

	$node->psql('postgres', join(";\n", q{LOAD 'auto_explain'}, 'SET auto_explain.log_min_duration = 0',
		'SET auto_explain.log_nested_statements = on', 'SET client_min_messages = log', @{ $calls{$name} }),
		on_error_stop => 1, stderr => \$stderr);
	my @texts = grep { !/FROM $name\(/ } $stderr =~ /Query Text: (.*)/g;

	cmp_ok(scalar @texts, '>=', 2, "$name runs queries");
	is_deeply([ grep { /\bSELECT\s+FROM\b/i } @texts ], [], "$name: each has a column");
	unlike($stderr, qr/ERROR/, "$name works");
}

# An empty list shows nowhere but in the planner's memory: so in the source.
my $lists = 0;
foreach my $file (glob "$FindBin::RealBin/../../src/*/*.c")
{
	open(my $source, '<', $file) or die "$file: $!";
	while (<$source>)
	{
		next unless /makeParamList\((\w+)\)/;
		$lists++;
		like($_, qr/\b$1 > 0 \? makeParamList\($1\) : NULL/, "$file: no parameters, no list");
	}
	close $source;
}
is($lists, 1, 'one place makes lists of parameters');

done_testing();
