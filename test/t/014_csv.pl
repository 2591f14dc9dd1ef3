# The orders of `make demo CSV=`: what an independent writer puts into a CSV file comes out
# of it; a damaged file is read or refused, but never becomes SQL; and the columns of usual
# exports are told by their names. CSV_FILES= so many random files of each kind (40).
use strict;
use utf8;
use warnings FATAL => 'all';

use Encode qw(decode encode);
use FindBin;
use lib "$FindBin::RealBin/../lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use RetentionTest;
use Test::More;

my $project = $ENV{RETENTION_SOURCE} // "$FindBin::RealBin/../..";
my $node = start_server('csv');
my $folder = PostgreSQL::Test::Utils::tempdir();
my $files = $ENV{CSV_FILES} || 40;

# The same files every time
my $seed = $ENV{CSV_SEED} || 20250701;
srand($seed);

sub any { return $_[ rand @_ ] }

# What csv.pl says of a file: its status, its script, its words
sub read_csv
{
	my ($bytes) = @_;

	open(my $file, '>:raw', "$folder/orders.csv") or die $!;
	print $file $bytes;
	close($file);
	run_log([ $^X, "$project/demo/csv.pl", "$folder/orders.csv" ], '>', \my $script, '2>', \my $words);
	return ($? >> 8, $script, $words);
}

# What psql says of a script; '' is nothing
sub run_script
{
	my ($script, @options) = @_;

	IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), @options ],
		'<', \$script, '>', \my $out, '2>', \my $errors);
	return $errors;
}

sub forget
{
	answer('SET client_min_messages = warning; DROP SCHEMA IF EXISTS csv CASCADE; DROP TABLE IF EXISTS bad_row, orders');
}

# ---------------------------------------------------------------------------
# What is written is read
# ---------------------------------------------------------------------------
my @pieces = (
	'a', 'Ωμ', 'é', '5', '-1.5', ' ', '  ', "'", '"', '""', ',', ';', '|', "\t", '\\', '\\.', '\\N', 'NULL', '$$', "\n", "\r\n", '--', '/*', "'); DROP TABLE orders; --", '%I', '€', '日本');
my @written;

sub write_csv
{
	my ($delimiter, $end, $names, $rows) = @_;

	return join '', map {
		join($delimiter, map {
			my $quoted = s/"/""/gr;
			/[",;|\t\r\n]|^\s|\s$/ || rand() < 0.2 ? qq("$quoted") : $_
		} @$_) . $end
	} $names, @$rows;
}

# The text as Windows-1252, if it has all of it, and no line that could be UTF-8 as well
sub windows_1252
{
	my ($text) = @_;
	my $bytes = eval { encode('cp1252', my $copy = $text, Encode::FB_CROAK) } // return;

	return if grep { /[\x80-\xff]/ && eval { decode('UTF-8', $_, Encode::FB_CROAK); 1 } } split /\n/, $bytes;
	return $bytes;
}

my $foreign = 0;
foreach my $n (1 .. $files)
{
	my $delimiter = any(',', ',', ';', "\t", '|');
	my $end = any("\n", "\r\n");
	my @names = map { any('Order', 'Kunde', 'Größe', 'Unit Price', 'a b', "it's", 'select', 'x' x 63, '5" nail', '%', '\\') . any('', $_) } 1 .. 2 + rand 5;
	$names[ rand @names ] = any('', '#', 'column_1', 'Kunde') if rand() < 0.3;
	my @rows = map {
		my $line = $_;
		[ $line, map { join '', map { any(@pieces) } 1 .. rand 5 } 2 .. @names ]
	} 1 .. 1 + rand 12;
	my $text = write_csv($delimiter, $end, \@names, \@rows);
	my $bytes = rand() < 0.4 && windows_1252($text) || any('', "\xef\xbb\xbf") . encode('UTF-8', $text);

	push @written, $bytes;
	my ($status, $script, $words) = read_csv($bytes);
	$foreign++ if $words =~ /Windows-1252/;
	my $errors = run_script($script);
	my $read = $errors ? '' : answer(q{SELECT coalesce(json_agg(array(SELECT value FROM json_each_text(row_to_json(l)) WITH ORDINALITY e(key, value, i) WHERE i > 1 ORDER BY i) ORDER BY "#"), '[]')::jsonb FROM csv.csv_line l});
	my $expected = answer(q{SELECT $json$} . encode('UTF-8', json([ map { [ map { s/\r?\n/ /gr } @$_ ] } @rows ])) . q{$json$::jsonb});
	my $bad = $errors ? '' : answer('SELECT count(*) FROM bad_row');

	is("$status $errors $bad $read", "0  0 $expected", "file $n of seed $seed: what is written is read") or diag $bytes;
	forget();
}

cmp_ok($foreign, '>', 0, 'some were Windows-1252');

# Text as JSON: an empty cell is null
sub json
{
	my ($rows) = @_;

	return '[' . join(',', map {
		'[' . join(',', map {
			$_ eq '' ? 'null' : '"' . s/(["\\])/\\$1/gr =~ s/\t/\\t/gr . '"'
		} @$_) . ']'
	} @$rows) . ']';
}

# ---------------------------------------------------------------------------
# Damaged files
# ---------------------------------------------------------------------------
my @damage = ('"', '""', ',', "\n", "\r", "\0", "\xff", "\xc3", "\\.", "\n\\.\n", "\n\\.\nCREATE TABLE injected ();\n", "\\N", ';', "\t", ' ', "\xe2\x82", "\n\n", 'x' x 3000, '",' x 200);

foreach my $n (1 .. 2 * $files)
{
	my $bytes = any(@written);

	foreach (1 .. 1 + rand 8)
	{
		my ($at, $length) = (int rand(1 + length $bytes), any(0, 0, 1, 5, 100));
		substr($bytes, $at, $length) = any('', chr rand 256, any(@damage), substr($bytes, rand length $bytes, rand 50));
	}
	my ($status, $script, $words) = read_csv($bytes);

	if ($status)
	{
		like($words, qr/\Ademo: [^\n]*\n\z/, "damaged file $n of seed $seed: refused in a line");
		next;
	}
	my $errors = run_script($script);
	# every line is a row, or bad, or part of one, or empty
	my $made = $errors || answer(q{SELECT string_agg(c.oid::regclass::text, ' ' ORDER BY c.oid::regclass::text) FROM pg_class c WHERE relkind = 'r' AND oid >= 16384});
	my $lines = $errors || answer('SELECT bool_and(n BETWEEN 1 AND ' . (1 + ($bytes =~ tr/\n//)) . ') AND count(*) = count(DISTINCT n) FROM (SELECT "#" FROM csv.csv_line UNION ALL SELECT line FROM bad_row UNION ALL SELECT -1 WHERE false) l(n)');

	is("$made $lines", 'bad_row csv.csv_column csv.csv_line ' . ($lines eq '' ? '' : 't'), "damaged file $n of seed $seed: read, and nothing else is done") or diag $bytes;
	forget();
}

# ---------------------------------------------------------------------------
# Which column is what
# ---------------------------------------------------------------------------
sub orders_of
{
	my ($csv, %given) = @_;
	my ($status, $script, $words) = read_csv($csv);
	my $errors = $status ? $words : run_script($script)
	  || run_script('', '-f', "$project/demo/load.sql", map { ('-v', "$_=" . ($given{$_} // '')) } qw(customer time amount order_id country));
	my $answer = $errors =~ /ERROR:  ([^\n]*)/ ? $1 : $errors
	  || answer(q{SELECT concat_ws(' ', count(*), 'orders of', count(DISTINCT customer_id), min(ordered_at AT TIME ZONE 'UTC')::date, sum(amount), string_agg(DISTINCT country, '+'), (SELECT count(*) FROM bad_row)) FROM orders});
	forget();
	return $answer;
}

foreach (
	[ 'order_id,customer_id,ordered_at,amount,country', '1,7,2025-01-02 10:00,5.50,DE' . "\n" . '2,8,2025-01-03,4,FR', '2 orders of 2 2025-01-02 9.50 DE+FR 0' ],
	[ 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country', "536365,85123A,HEART,6,12/1/2010 8:26,2.55,17850,United Kingdom\n536365,71053,LANTERN,2,12/13/2010 8:26,3.00,17850,United Kingdom", '1 orders of 1 2010-12-01 21.30 United Kingdom 0' ],
	[ 'Name;Email;Created at;Total', qq(#1;"a\@b.c";2025-03-04 10:00:00 +0200;"12.00"\n#2;;2025-03-04;1), '2 orders of 1 2025-03-04 13.00 0' ],
	[ "user\tday\tvalue", "u1\t13.04.2025\t1\nu2\t14.04.2025\t2\nu2\tyesterday\t2", '2 orders of 2 2025-04-13 3 1' ],
	[ 'customer,date,amount', '1,3/4/2025,5', 'is 3/4/2025 day/month or month/day? write TIME="to_timestamp(date, \'DD/MM/YYYY\')" or the like' ],
	[ 'customer,date,amount', '1,3/4/2025,5', '1 orders of 1 2025-04-03 5 0', time => "to_timestamp(date, 'DD/MM/YYYY')" ],
	[ 'customer,date,total price,order total', '1,2025-01-01,5,6', '"order total" and "total price" could each be the amount: write AMOUNT= with one of them, or an expression' ],
	[ 'customer,date,total price,order total', '1,2025-01-01,5,6', '1 orders of 1 2025-01-01 11 0', amount => 'total_price + order_total' ],
	[ 'who,date,amount', '1,2025-01-01,5', 'no column looks like the customer: write CUSTOMER= with one of them, or an expression (who, date, amount)' ],
	[ 'customer,date,amount', "1,2025-01-01,\"1,000.50\"\n2,2025-01-01,\"2,000.50\"", '2 of 2 rows are of no use, most because: amount is not a number (line 2: "1,000.50"); write AMOUNT="replace(amount, \',\', \'\')"' ],
	[ 'customer,date,amount', "1,2025-01-01,5", q(AMOUNT=amount; DROP TABLE orders does not work: syntax error at or near ";" (the columns: customer, date, amount)), amount => 'amount; DROP TABLE orders' ],
	[ 'customer,date,amount', '', 'the file has a header line and no rows' ],
	[ 'customer', "1\n2", "demo: $folder/orders.csv: no comma, semicolon, tab or | in the header line, so only one column\n" ],
	[ 'customer,date,amount', "1,2025-01-01,5\n1,2025-01-01,5,5", '1 orders of 1 2025-01-01 5 1' ])
{
	my ($header, $rows, $expected, %given) = @$_;

	is(orders_of("$header\n$rows\n", %given), $expected, "columns $header" . join('', map { ", $_ given" } keys %given));
}

$node->stop;
done_testing();
