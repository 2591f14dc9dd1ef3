#!/usr/bin/perl
# csv.pl [--check] FILE: write a psql script that loads a CSV file, plain or gzip'd;
# with --check only complain about a file that is useless from its first line on, and
# about columns that nobody could tell (CUSTOMER= and so on, from the environment).
#
# The server parses CSV, but its COPY gives up at the first row with a column too
# many. So this reads the file once, passes on every whole record as one line with
# its line number in front, and sets the others aside. The script it writes
# creates and fills
#
#	csv.csv_file	what parts the columns
#	csv.csv_column	position, name, and a safe name of the header's columns
#	csv.csv_name	every name by which an expression can call a column
#	csv.mapping	customer, time, amount, ...: what is given, and a guess
#	csv.csv_watched	columns like status and currency
#	csv.csv_other	columns that could be the customer as well
#	csv.csv_line	line number, and every column as text
#	bad_row		line number, reason and content of what was set aside
#
# Accepted: comma, semicolon, tab or | between the columns; CR LF; a byte order
# mark; quotes in the middle of a cell (5" nail); line breaks inside quotes, which
# become spaces; Windows-1252 in lines that are not UTF-8; empty lines and rows.
use strict;
use warnings;
use Encode ();
use FindBin;

require "$FindBin::RealBin/columns.pl";

# A quote still open after so many lines was not meant to open anything.
use constant MAX_LINES => 100;
use constant PROGRESS  => 100_000;

# So many rows are looked at before it is said what the columns are.
use constant SAMPLE => 1000;

my $line_number = 0;
my $foreign     = 0;    # lines that were not UTF-8
my @waiting;    # lines to be read again: [number, text], oldest first
my $taken;      # where next_line notes what it gives, while the sample is read

my $check_only = $ARGV[0] eq '--check' && shift @ARGV;
my ($file) = @ARGV;
my $in = open_file($file);
my ($header, $delimiter) = read_header($in);

# Records as they should be, those that go on in the next line, and those of nothing
my $d      = quotemeta $delimiter;
my $inside = qr/[^"]*+(?:""[^"]*+)*+/;
my $cell   = qr/"$inside"|[^"$d]*+/;
my $whole  = qr/\A$cell(?:$d$cell){$#$header}\z/;
my $open   = qr/\A(?:$cell$d)*+"$inside\z/;
my $empty  = qr/\A(?:\s|$d)*\z/;

my $columns = choose_columns($header, sample($in), { map { $_ => $ENV{$_} } qw(CUSTOMER TIME AMOUNT ORDER_ID COUNTRY WHERE) });
if ($check_only)
{
	fail(join("\ndemo: ", @{ $columns->{problems} })) if @{ $columns->{problems} };
	exit 0;
}

open(my $bad, '+>:raw', undef) or fail("no temporary file: $!");
binmode(STDOUT, ':raw');
write_tables();
copy_records($in);
copy_bad_rows();

sub fail
{
	print STDERR "demo: @_\n";
	exit 1;
}

sub open_file
{
	my ($file) = @_;

	fail("there is no file $file")  if !-e $file;
	fail("$file is a folder")       if -d _;
	fail("$file is not a file")     if !-f _;
	fail("$file is empty")          if -z _;
	open(my $in, '<:raw', $file) or fail("cannot read $file: $!");

	read($in, my $start, 4096);
	if ($start =~ /\A\x1f\x8b/)
	{
		# Tested first: half a file must not pass for a whole one.
		my $status = system(unpack_command('-t', $file));
		exit 130 if $status & 127;    # interrupted
		fail("$file is broken: gzip cannot unpack all of it") if $status;
		open($in, '-|:raw', unpack_command('-dc', $file)) or fail("cannot run gzip: $!");
		return $in;
	}
	fail("$file is a zip or Excel file: save the table as CSV") if $start =~ /\APK/;
	fail("$file is UTF-16: convert it with iconv -f UTF-16 -t UTF-8")
	  if $start =~ /\A(\xff\xfe|\xfe\xff)/;
	fail("$file is not text") if $start =~ /\0/;
	seek($in, 0, 0);
	return $in;
}

# gzip without a word of its own: what it would say is said here
sub unpack_command
{
	my ($option, $file) = @_;
	return ('sh', '-c', 'exec gzip "$1" <"$2" 2>/dev/null', 'gzip', $option, $file);
}

# The next line as [number, text], or nothing
sub next_line
{
	my ($in) = @_;

	my $line = shift @waiting || line_of_file($in);
	push @$taken, $line if $taken && $line;
	return $line;
}

sub give_back
{
	unshift @waiting, @_;
	splice(@$taken, -@_) if $taken && @_;
}

sub line_of_file
{
	my ($in) = @_;

	my $text = <$in>;
	return if !defined $text;
	$text =~ s/\r?\n\z//;
	$line_number++;
	printf STDERR "  %s lines read\n", thousands($line_number) if $line_number % PROGRESS == 0;
	return [ $line_number, utf8($text) ];
}

# The first rows, which are read again afterwards
sub sample
{
	my ($in) = @_;
	my @rows;

	$taken = [];
	while (@rows < SAMPLE && (my $line = next_line($in)))
	{
		next if $line->[1] =~ $empty;
		my @cells = cells_from($in, $line->[1]);
		push @rows, \@cells if @cells == @$header;
	}
	unshift @waiting, @$taken;
	undef $taken;
	return \@rows;
}

# The cells of a record, without their quotes. A quote out of place is a character.
sub cells
{
	my ($record, $delimiter) = @_;
	my $d = quotemeta $delimiter;
	my @cells;

	do
	{
		if ($record =~ /\G"([^"]*+(?:""[^"]*+)*+)"(?=$d|\z)/gc)
		{
			push @cells, $1 =~ s/""/"/gr;
		}
		else
		{
			$record =~ /\G([^$d]*)/gc;
			push @cells, $1;
		}
	} while ($record =~ /\G$d/gc);
	return @cells;
}

# The cells of the record that begins with this line, reading on where a line break
# is inside quotes. Where that leads nowhere, the lines after the first wait to be
# read again, and there are no cells.
sub cells_from
{
	my ($in, $text) = @_;
	my @more;

	while ($text =~ $open and @more < MAX_LINES)
	{
		my $next = next_line($in) or last;
		push @more, $next;
		$text .= " $next->[1]";
	}
	if ($text !~ $open)
	{
		my @cells = cells($text, $delimiter);
		return @cells if @cells == @$header or !@more;
	}
	give_back(@more);
	return;
}

sub read_header
{
	my ($in) = @_;
	my $line;

	do
	{
		$line = next_line($in) or fail("$file has no header line");
		$line->[1] =~ s/\A\xef\xbb\xbf//;
	} while ($line->[1] eq '');

	my ($bare, $delimiter, $most) = ($line->[1] =~ s/"[^"]*"//gr, undef, 0);
	for my $candidate (',', ';', "\t", '|')
	{
		my $count = () = $bare =~ /\Q$candidate/g;
		($delimiter, $most) = ($candidate, $count) if $count > $most;
	}
	fail("$file: no comma, semicolon, tab or | in the header line, so only one column")
	  if !$most;

	my @names = map { s/\A\s+|\s+\z//gr } cells($line->[1], $delimiter);
	my %taken = ('#' => 1);    # the line number's
	for my $i (0 .. $#names)
	{
		my $name = shortened($names[$i] ne '' ? $names[$i] : 'column_' . ($i + 1), 63);
		for (my $n = $i + 1; $taken{$name}; $n++)
		{
			$name = shortened($names[$i], 50) . "_$n";
		}
		$taken{$name} = 1;
		$names[$i] = $name;
	}
	return (\@names, $delimiter);
}

# No more bytes of UTF-8 than a name of SQL can have
sub shortened
{
	my ($name, $bytes) = @_;

	$name = substr($name, 0, $bytes) =~ s/[\xc0-\xff][\x80-\xbf]*\z//r if length($name) > $bytes;
	return $name;
}

# UTF-8 as it is; anything else is taken for Windows-1252.
sub utf8
{
	my ($text) = @_;

	return $text if $text !~ /[\x80-\xff]/;
	my $copy = $text;
	return $text if eval { Encode::decode('UTF-8', $copy, Encode::FB_CROAK); 1 };
	$foreign++;
	return Encode::encode('UTF-8', Encode::decode('cp1252', $text));
}

# A cell of CSV, and just as well a name in SQL
sub quoted
{
	my ($text) = @_;
	return '"' . ($text =~ s/"/""/gr) . '"';
}

sub thousands
{
	my ($number) = @_;
	1 while $number =~ s/^(\d+)(\d{3})/$1,$2/;
	return $number;
}

# Tables made in the transaction that fills them need no write-ahead log.
sub write_tables
{
	my @columns = map { quoted($_) } @$header;

	print "\\set VERBOSITY terse\n",
	  "BEGIN;\n",
	  "CREATE SCHEMA csv;\n",
	  "CREATE TABLE bad_row (line bigint, reason text, content text);\n",
	  "SET search_path = csv, public;\n";
	write_table('csv_file', 'delimiter text', [$delimiter]);
	write_table('csv_column', 'position int, name text, safe text',
		map { [ $_ + 1, $header->[$_], $columns->{safe}[$_] ] } 0 .. $#$header);
	write_table('csv_name', 'spelling text, position int', @{ $columns->{spellings} });
	write_table('csv_watched', 'position int, kind text', @{ $columns->{watched} });
	write_table('csv_other', 'position int, safe text', map { [ $_ + 1, $columns->{safe}[$_] ] } @{ $columns->{others} });
	write_table('mapping', 'position serial, role text, variable text, required boolean, given text, guess text',
		map { [ @$_{qw(role variable required given guess)} ] } @{ $columns->{roles} });
	print "CREATE TABLE csv_line (\"#\" bigint, ", join(', ', map { "$_ text" } @columns), ");\n",
	  "COPY csv_line FROM STDIN (FORMAT csv, DELIMITER E'",
	  $delimiter eq "\t" ? '\t' : $delimiter,
	  "', FORCE_NULL (", join(', ', @columns), "));\n";
}

sub write_table
{
	my ($table, $columns, @rows) = @_;
	my $names = join(', ', map { /(\S+)/ } grep { !/ serial/ } split /, */, $columns);

	print "CREATE TABLE $table ($columns);\n",
	  "COPY $table ($names) FROM STDIN (FORMAT csv);\n",
	  (map { join(',', map { defined && $_ ne '' ? quoted($_ =~ tr/\n/ /r) : '' } @$_) . "\n" } @rows),
	  "\\.\n";
}

sub copy_records
{
	my ($in) = @_;
	while (my $line = next_line($in))
	{
		my ($number, $text) = @$line;
		next if $text =~ $empty;
		if ($text !~ $whole)
		{
			my @cells = cells_from($in, $text);
			if (@cells != @$header)
			{
				set_aside($number, $text, scalar @cells);
				next;
			}
			$text = join($delimiter, map { quoted($_) } @cells);
		}
		$text =~ tr/\0\r/ /;
		print $number, $delimiter, $text, "\n";
	}
	close($in) or fail("reading $file failed");
	print "\\.\n";
	print STDERR '  ', thousands($line_number), " lines read\n";
	print STDERR '  ', thousands($foreign), " of them as Windows-1252: not UTF-8\n" if $foreign;
}

sub set_aside
{
	my ($number, $text, $cells) = @_;
	my $reason = $cells
	  ? "column count $cells, the header has " . @$header
	  : 'a quote is left open';

	$text =~ tr/\0\r/ /;
	print $bad "$number,", quoted($reason), ',', quoted($text), "\n";
}

sub copy_bad_rows
{
	print "COPY bad_row FROM STDIN (FORMAT csv);\n";
	seek($bad, 0, 0);
	print while <$bad>;
	print "\\.\nCOMMIT;\n";
}
