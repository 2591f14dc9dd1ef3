# The README's examples do what it prints: each ```sql block is run on the shop of
# `make demo`, and its output compared with the ```text block behind it.
# UPDATE_README=1 writes the outputs into the README instead.
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $project = $ENV{RETENTION_SOURCE} // "$FindBin::RealBin/../..";
my $readme = slurp_file("$project/README.md");

my $node = PostgreSQL::Test::Cluster->new('readme');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION retention');
$node->safe_psql('postgres', slurp_file("$project/demo/shop.sql"));

# What psql prints, without the empty lines behind each table
sub output_of
{
	my ($sql) = @_;
	my ($stdout, $stderr) = ('', '');

	run_log(
		[
			'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-P', 'footer=off',
			'-d', $node->connstr('postgres'), '-f', '-'
		],
		'<', \$sql, '>', \$stdout, '2>', \$stderr);
	$stdout =~ s/[ \t]+$//mg;
	$stdout =~ s/\n\n(?=\S)/\n\n/g;
	$stdout =~ s/\n+\z/\n/;
	return $stdout . $stderr;
}

my $examples = 0;
my $answer = sub {
	my ($sql, $printed) = @_;
	my $output = output_of($sql);
	my ($title) = $sql =~ /(\w+)\(/;

	$examples++;
	is($printed, $output, "example $examples, $title, prints what the README says")
	  unless $ENV{UPDATE_README};
	return "```sql\n$sql```\n```text\n$output```\n";
};
(my $updated = $readme) =~
  s/^```sql\n(.*?)^```\n```text\n(.*?)^```\n/$answer->($1, $2)/gmse;

if ($ENV{UPDATE_README})
{
	open(my $file, '>', "$project/README.md") or die $!;
	print $file $updated;
	close($file);
	plan skip_all => "wrote the outputs of $examples examples";
}
cmp_ok($examples, '>=', 6, 'the README has examples');
unlike($readme =~ s/^```sql\n.*?^```\n```text\n//gmsr, qr/^```sql/m,
	'every SQL example shows its output');

done_testing();
