# The documentation does what it prints, and there is a place for everything:
#
#	- each ```sql block of README.md and of docs/*.md is run on the shop of `make demo`,
#	  and its output compared with the ```text block behind it; a block without one
#	  prints nothing. Blocks of a page follow each other in a database of its own.
#	- each public function heads a row of a table, `| `name(…)` …`, of exactly one page,
#	  and the README's index leads to that page.
#	- each link leads to a page and a heading that there is.
#
# UPDATE_DOCS=1 writes the outputs into the pages instead (of the copy that test/run.sh makes,
# which brings them back).
use strict;
use warnings FATAL => 'all';

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $project = "$FindBin::RealBin/../..";
my @pages = ('README.md', map { s{^\Q$project\E/}{}r } sort glob "$project/docs/*.md");
my %text = map { $_ => slurp_file("$project/$_") } @pages;

my $node = PostgreSQL::Test::Cluster->new('docs');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', 'CREATE EXTENSION retention');
$node->safe_psql('shop', slurp_file("$project/demo/$_.sql")) foreach qw(shop events);

# ------------------------------------------------------------------------
# Examples
# ------------------------------------------------------------------------

# What psql prints, without the empty lines behind each table; of an error what it says and
# what to do, not where in the statement
sub output_of
{
	my ($database, $sql) = @_;
	my $output = '';

	run_log(
		[
			'psql', '-X', '-q', '-P', 'footer=off',
			'-d', $node->connstr($database), '-f', '-'
		],
		'<', \$sql, '>', \$output, '2>&1');
	$output =~ s/^psql:<stdin>:\d+: //mg;
	$output =~ s/^LINE \d+: .*\n *\^\n//mg;
	$output =~ s/[ \t]+$//mg;
	$output =~ s/\n+\z/\n/;
	return $output;
}

my $examples = 0;

# One block: what stands there becomes what is printed.
sub run_example
{
	my ($page, $database, $sql, $printed) = @_;
	my $output = output_of($database, $sql);
	my ($title) = $sql =~ /(\w+)\(/;

	$examples++;
	is($printed // '', $output, "$page, " . ($title // 'an example') . ' prints what stands there')
	  unless $ENV{UPDATE_DOCS};
	# no error slips in that the example is not about
	is($output =~ /^ERROR: /m, $sql =~ /^--.*\berror\b/m, "$page, " . ($title // 'an example') . ' fails where it says so')
	  if $output =~ /^ERROR: /m || $sql =~ /^--.*\berror\b/m;
	return "```sql\n$sql```\n" . ($output eq '' ? '' : "```text\n$output```\n");
}

for my $page (@pages)
{
	next unless $text{$page} =~ /^```sql\n/m;

	(my $database = $page) =~ s/\W/_/g;
	$node->safe_psql('postgres', qq{CREATE DATABASE "$database" TEMPLATE shop});
	$text{$page} =~
	  s/^```sql\n(.*?)^```\n(?:```text\n(.*?)^```\n)?/run_example($page, $database, $1, $2)/gmse;
	$node->safe_psql('postgres', qq{DROP DATABASE "$database"});

	next unless $ENV{UPDATE_DOCS};
	open(my $file, '>', "$project/$page") or die $!;
	print $file $text{$page};
	close($file);
}
cmp_ok($examples, '>=', 40, 'there are examples');

# ------------------------------------------------------------------------
# Functions
# ------------------------------------------------------------------------

# Who may be called by hand: not what only an aggregate, a type, a cast or an operator calls
my @functions = split /\n/, $node->safe_psql('shop', <<'END');
WITH member AS (
	SELECT p.oid, p.proname FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
	WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
		AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'retention')
), support AS (
	SELECT unnest(ARRAY[aggtransfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn, aggminvtransfn]::oid[]) FROM pg_aggregate
	-- a final function that has an aggregate's name reads stored states, too
	UNION ALL (
		SELECT unnest(ARRAY[aggfinalfn, aggmfinalfn]::oid[]) FROM pg_aggregate
		EXCEPT SELECT oid FROM pg_proc WHERE proname IN (SELECT proname FROM pg_aggregate JOIN pg_proc p ON p.oid = aggfnoid))
	UNION ALL SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze]::oid[]) FROM pg_type
	UNION ALL SELECT castfunc FROM pg_cast
	UNION ALL SELECT oprcode FROM pg_operator
)
SELECT DISTINCT proname FROM member WHERE oid NOT IN (TABLE support) ORDER BY 1
END
cmp_ok(scalar @functions, '>', 70, 'there are functions');

# The README's index links each function to its page; _state twins are on the page too.
my %page_in_index;
for my $row ($text{'README.md'} =~ /^\| (\[`.*)$/mg)
{
	$page_in_index{$1} .= $2 while $row =~ /\[`(\w+)`\]\((docs\/\w+\.md)\)/g;
}

my %pages_of;
for my $page (grep { $_ ne 'README.md' && $_ ne 'docs/reference.md' } @pages)
{
	for my $cell ($text{$page} =~ /^\|((?: *`\w+\([^`]*`[^|`]*)+)\|/mg)
	{
		$pages_of{$1}{$page} = 1 while $cell =~ /`(\w+)\(/g;
	}
}
for my $function (@functions)
{
	my @documented = sort keys %{ $pages_of{$function} // {} };

	is(scalar @documented, 1, "$function is documented in one page: @documented");
	is($page_in_index{$function} // '', $documented[0] // '', "the README's index leads to $function")
	  unless $function =~ /_state$/;
}
my %known = map { $_ => 1 } @functions;
is(join(' ', grep { !$known{$_} } sort keys %{ { %pages_of, %page_in_index } }),
	'', 'no function is documented that there is not');

# ------------------------------------------------------------------------
# Links
# ------------------------------------------------------------------------

# As code hosts make them: lower case, without punctuation, blanks as hyphens
sub anchors_of
{
	my ($page_text) = @_;
	my %anchor;

	(my $prose = $page_text) =~ s/^```.*?^```\n//gms;
	for my $heading ($prose =~ /^#+ (.*)$/mg)
	{
		$heading = lc $heading;
		$heading =~ s/[^\w\s-]//g;
		$heading =~ s/ /-/g;
		$anchor{$heading} = 1;
	}
	return \%anchor;
}

my @broken;
for my $page (@pages)
{
	my ($folder) = $page =~ m{^(.*/)?};

	(my $prose = $text{$page}) =~ s/^```.*?^```\n//gms;
	while ($prose =~ /\]\(([^)#\s]*)(?:#([^)\s]*))?\)/g)
	{
		my ($target, $anchor) = ($1, $2);

		next if $target =~ /^\w+:/;
		$target = $target eq '' ? $page : ($folder // '') . $target;
		1 while $target =~ s{[^/]+/\.\./}{};
		push @broken, "$page: $target is not there" and next unless -e "$project/$target";
		push @broken, "$page: $target has no #$anchor"
		  if defined $anchor && !anchors_of(slurp_file("$project/$target"))->{$anchor};
	}
}
is(join("\n", @broken), '', 'every link leads somewhere');

done_testing();
