# Rooms.pm: reads what lies beside it, for generate.pl and reference.pl.
#
# A room, ROOM.sql, begins with a banner of three lines. Then come paragraphs with an empty
# line between them:
#
#	{key}		such a paragraph is written three times, for the types of a customer:
#			bigint, text and uuid
#	--@ type a, b	in front of a paragraph with {type}: for these types
#	--@ since 0.3	in front of a paragraph: its objects came with that version; in a
#			paragraph of its own: so did all that follow in the room. 0.1
#			if nothing is said. Compared with the releases.
#
# Every aggregate over order rows gets a twin over histories: the same name, with customer,
# ordered_at and amount replaced by history (order_history). Its transition function is
# that of the rows with _history in place of the type of the customer.
package Rooms;

use strict;
use warnings;

use Exporter 'import';
use FindBin;

our @EXPORT = qw($project @rooms room statements types slurp write_or_compare);

our $project = "$FindBin::RealBin/../..";

# The rooms in the order of the script. What is used comes before what uses it.
our @rooms = qw(
  state history repeat churn value purchases score segment rfm check cohort lifecycle rolling
  order_numbers survival purchase_summary models predictions proof assignment uplift new_vs_returning signup rhythm live subscription
  funnel carts loyalty satisfaction products
);

my @keys = qw(bigint text uuid);
my $histories_since = '0.3';
my %has_history;				# transition functions whose twin is written

# title, banner, and paragraphs: since, text (as in the room), placeholder (or ''), types (to put
# in its place), copies (the statements, once for each type)
sub room
{
	my ($room) = @_;
	my ($banner, $title, $text) = slurp("$FindBin::RealBin/$room.sql") =~ /\A(-- -+\n-- (.+)\n-- -+\n)\n(.*)\z/s
	  or die "$room.sql does not begin with a banner\n";
	my $since_here = '0.1';
	my @paragraphs;

	foreach my $paragraph (split /\n{2,}/, $text)
	{
		my ($since, @types) = ($since_here);
		while ($paragraph =~ s/\A--\@ (\w+) (.*)\n?//)
		{
			if ($1 eq 'since') { $since = $2 }
			elsif ($1 eq 'type') { @types = split /, */, $2 }
			else { die "$room.sql: what is \"$1\"?\n" }
		}
		if ($paragraph !~ /\S/) { $since_here = $since; next }
		my ($placeholder) = $paragraph =~ /\{(\w+)\}/;
		@types = @keys if ($placeholder // '') eq 'key';
		die "$room.sql: $placeholder of which types?\n" if $placeholder && !@types;
		push @paragraphs, {
			since => $since, text => $paragraph, placeholder => $placeholder // '', types => \@types,
			copies => [ map { [ statements($paragraph =~ s/\{\w+\}/$_/gr) ] } $placeholder ? @types : '' ],
		};
		push @paragraphs, map {
			{ since => $histories_since, text => $_, placeholder => '', types => [], copies => [ [ statements($_) ] ] }
		} twins($paragraph);
	}
	return { title => $title, banner => $banner, paragraphs => \@paragraphs };
}

# What stands for an aggregate over order rows, and for its transition function if that has
# not been given yet, where they read histories
sub twins
{
	my ($paragraph) = @_;
	my ($name, $arguments, $parts) = $paragraph =~ /^CREATE AGGREGATE (\w+)\((.*?)\) \(\n(.*?)^\);/ms
	  or return;
	my ($rows, $options) = $arguments =~ /\A((?:customer \{key\}(?:, |\z))?(?:ordered_at timestamptz(?:, |\z))?(?:amount numeric(?:, |\z))?)(.*)\z/;
	return if $rows eq '' || $parts !~ /STYPE = retention_state,/;
	# rows with another time than the order's, or one beside it, are none of a history, nor
	# are lines of orders
	return if $options =~ /\b(?:\w+_)?at timestamptz|\bproduct text/;

	my ($comment) = $paragraph =~ /^COMMENT ON AGGREGATE [^;]* IS\n'((?:[^']|'')*)';/m;
	my ($function) = $parts =~ /^ *SFUNC = (\w+?)(?:_\{key\})?,/m;
	my $history = join ', ', 'history order_history', $options || ();
	my $types = types("($history)");
	$parts =~ s/^ *M\w+ = .*\n//mg;
	$parts =~ s/SFUNC = [\w{}]+/SFUNC = ${function}_history/;
	$comment =~ s/[;:] .*//s;
	return ($has_history{"${function}($types)"}++ ? () : <<"FUNCTION", <<"AGGREGATE");
CREATE FUNCTION ${function}_history(retention_state, $types) RETURNS retention_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ${function}_history(retention_state, $types) IS 'transition function; for aggregates only';
FUNCTION
CREATE AGGREGATE $name($history) (
$parts);
COMMENT ON AGGREGATE $name($types) IS
'$comment; the twin that reads order histories, of which refunds and rows of zero are no orders';
AGGREGATE
}

# Of a script: text; code, without comments; name of the object, of a statement that
# makes or describes none the code itself; creates; is_shell, a type that is only announced
sub statements
{
	my ($script) = @_;
	my @statements;

	foreach (split /(?<=;)\n+(?=[A-Z]|--)/, $script =~ s/\s+\z//r)
	{
		my $code = s{^(?:--|/\*|\\).*\n*}{}gmr;
		next if $code !~ /\S/;
		my ($verb, $kind, $rest) = $code =~ /\A\s*(CREATE|COMMENT ON)\s+(\w+)\s+(.*)\z/s;
		my $name = $code;
		if ($verb)
		{
			my ($object, $arguments) = $rest =~ /\A([\w.{}]+)\s*(\(.*)?/s or die "whose name is in \"$code\"?\n";
			$name = $kind =~ /^(?:FUNCTION|AGGREGATE)$/ ? "function $object(" . types($arguments) . ')' : lc($kind) . " $object";
		}
		push @statements, {
			text => $_, code => $code, name => $name, creates => $verb && $verb eq 'CREATE',
			is_shell => scalar($code =~ /\ACREATE TYPE \w+;\s*\z/),
		};
	}
	return @statements;
}

# The input types of a list of arguments, which begins with its parenthesis
sub types
{
	my ($text) = @_;
	return join ', ', map { $_->{type} } grep { $_->{mode} ne 'OUT' } arguments($text);
}

# mode, name, type and default of the arguments of such a list
sub arguments
{
	my ($text) = @_;
	my ($depth, @arguments) = (0, '');

	while ($text =~ /\G('(?:[^']|'')*'|[(\[\])]|,|[^'(\[\]),]+)/g)
	{
		my $token = $1;
		$depth-- if $token =~ /^[)\]]/;
		last if $depth == 0 && $token eq ')';
		if ($depth == 1 && $token eq ',') { push @arguments, '' }
		elsif ($depth > 0) { $arguments[-1] .= $token }
		$depth++ if $token =~ /^[(\[]/;
	}
	return map {
		my ($text, $default) = split /\s+(?:DEFAULT|=)\s+/, s/^\s+|\s+$//gr =~ s/\s+/ /gr, 2;
		my $mode = $text =~ s/^(IN|OUT|INOUT|VARIADIC) // ? $1 : 'IN';
		my $name = $text !~ /^double precision/ && $text =~ s/^("\w+"|\w+) (?=\S)// ? $1 : '';
		{ mode => $mode, name => $name, type => $text, default => $default };
	} grep { /\S/ } @arguments;
}

# Writes a file of the project; with is_check, says that it is other and returns 1
sub write_or_compare
{
	my ($file, $text, $is_check) = @_;

	if ($is_check)
	{
		return 0 if -e "$project/$file" && slurp("$project/$file") eq $text;
		print "$file is not what the rooms in sql/install say: make sql\n";
		return 1;
	}
	open my $handle, '>', "$project/$file" or die "$file: $!\n";
	print $handle $text;
	close $handle or die "$file: $!\n";
	return 0;
}

sub slurp
{
	my ($file) = @_;
	open my $handle, '<', $file or die "$file: $!\n";
	local $/;
	return scalar <$handle> // '';
}

1;
