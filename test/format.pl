#!/usr/bin/perl
# format.pl: for format.sh, lays out C files by pg_bsd_indent with the options of PostgreSQL's
# pgindent, its repairs, and ours: compound literals, which the program does not know, and
# strings with other letters than ASCII's, which it spoils, stay as they are written.
#
#	test/format.pl [--check] INDENT INCLUDES FILE...
#
# INDENT is the program, INCLUDES the server's headers, where names of types come from.
# Prints the files that it wrote; with --check what differs, and ends with status 1.
use strict;
use warnings;
use File::Find;
use File::Temp;

my @options = qw(-bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1 -i4 -l79 -lp -lpl -nip -npro -sac -tpg -ts4);

my $is_check = @ARGV && $ARGV[0] eq '--check' ? shift : 0;
my ($indent, $includes, @files) = @ARGV;
my $folder = File::Temp->newdir;
my $lines = 0;
my $failed = 0;

spew("$folder/types", join '', map { "$_\n" } type_names());
foreach my $file (@files)
{
	my $source = slurp($file);
	my $text = formatted($file, $source);
	next if !defined $text || $text eq $source;
	if ($is_check)
	{
		spew("$folder/formatted", $text);
		my $diff = qx(diff -u --label "$file" --label "$file, as make format writes it" "$file" "$folder/formatted");
		print $diff;
		$lines += () = $diff =~ /^-(?!--)/mg;
	}
	else
	{
		spew($file, $text);
		print "$file\n";
	}
}
print "$lines lines are not as make format writes them\n" if $lines;
exit($lines || $failed ? 1 : 0);

sub formatted
{
	my ($file, $text) = @_;
	my @kept;
	my $keep = sub { push @kept, shift; return sprintf 'X_X%d_%s', $#kept, 'x' x (length($kept[-1]) > 5 ? length($kept[-1]) - 5 : 0) };

	# comments whose layout is their content, as in pgindent
	$text =~ s{^([ \t]*)/\* ?---}{$1/*---X_X}gm;
	$text =~ s{("[^"\n]*[^\x00-\x7f\n][^"\n]*")}{$keep->($1)}ge;
	# (Type) {...}
	$text =~ s{(\(\w+(?:\[\])?\)) (\{(?:[^{}]|(?2))*\})}{"$1 " . $keep->($2)}ge;

	spew("$folder/in.c", $text);
	my $said = qx("$indent" "$folder/in.c" "$folder/out.c" @options "-U$folder/types" 2>&1);
	if ($? || $said)
	{
		print "$file: $said\n";
		$failed = 1;
		return;
	}
	$text = slurp("$folder/out.c");

	$text =~ s{/\*---X_X}{/* ---}g;
	$text =~ s{\*/(/\*.*\*/)$}{*/\t$1}gm;
	$text =~ s{^([A-Za-z_]\S*)[ \t]+\*$}{$1 *}gm;
	# a variable that has the name of a type is no declaration; items of a list
	$text =~ s{^(\s+\w+\[)\t+}{$1}gm;
	$text =~ s{,\.(?=[a-z]\w* = )}{, .}g;
	1 while $text =~ s{X_X(\d+)_x*}{$kept[$1]}g;
	return $text;
}

# Without them a pointer's star looks like a product.
sub type_names
{
	my %names = map { $_ => 1 } qw(FILE bool va_list size_t ssize_t int128 uint128 time_t jmp_buf uint8_t uint32_t uint64_t);
	my $take = sub {
		return if !/\.[ch]\z/;
		my $text = slurp($_) =~ s{/\*.*?\*/}{}gsr;
		$names{$_} = 1 foreach $text =~ /^typedef (?:struct|enum|union)\b[^;{]*\{.*?^\}\s*(\w+);/msg, $text =~ /^typedef\b[^;{}()]*?\b(\w+)(?:\[\w*\])*;/mg,
		  $text =~ /^typedef\b[^;{}()]*\(\*?\s*(\w+)\)\s*\(/mg, $text =~ /^typedef (?:struct|enum|union) (\w+)/mg;
	};
	find({ wanted => $take, no_chdir => 1 }, $includes, grep { -d } 'src', 'test');
	return sort keys %names;
}

sub slurp
{
	my ($file) = @_;
	open my $handle, '<', $file or die "$file: $!\n";
	local $/;
	return scalar <$handle> // '';
}

sub spew
{
	my ($file, $text) = @_;
	open my $handle, '>', $file or die "$file: $!\n";
	print $handle $text;
	close $handle or die "$file: $!\n";
	return;
}
