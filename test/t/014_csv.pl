# The orders of `make demo CSV=`: what an independent writer puts into a CSV file comes out
# of it; a damaged file is read or refused, but never becomes SQL; one small shop is written
# as shops and their programs write it, and it is read rightly, or a question is asked
# whose answer, pasted into a shell, makes it right. CSV_FILES= so many random files (40).
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

	is("$made $lines", 'bad_row csv.csv_column csv.csv_file csv.csv_line csv.csv_name csv.csv_other csv.csv_watched csv.mapping ' . ($lines eq '' ? '' : 't'), "damaged file $n of seed $seed: read, and nothing else is done") or diag $bytes;
	forget();
}

# ---------------------------------------------------------------------------
# Loading a file: the orders, or what is asked
# ---------------------------------------------------------------------------
my @variables = qw(CUSTOMER TIME AMOUNT ORDER_ID COUNTRY WHERE DISTINCT);

# What is said, and whether there are orders
sub load
{
	my ($file, %given) = @_;

	forget();
	local @ENV{@variables} = map { $given{$_} // '' } @variables;
	IPC::Run::run([ $^X, "$project/demo/csv.pl", '--check', $file ], '>', \my $nothing, '2>', \my $words);
	return ($words, 0) if $?;
	IPC::Run::run([ $^X, "$project/demo/csv.pl", $file ], '>', \my $script, '2>', \$words);
	my $errors = run_script($script);
	return ($errors, 0) if $errors;
	IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', "$project/demo/load.sql",
			'-v', "where=$ENV{WHERE}", '-v', "distinct=$ENV{DISTINCT}" ], '>', \my $said, '2>', \$errors);
	return ($errors =~ s/^.*?ERROR:  /demo: /r, 0) if $errors;
	return ($said, 1);
}

# orders, refunds, customers, repeat rate, average, first time
sub numbers
{
	return answer(q{SET timezone = 'UTC'; SELECT concat_ws(' ', count(*) FILTER (WHERE amount > 0 IS NOT FALSE), count(*) FILTER (WHERE amount < 0),
		count(DISTINCT customer_id), round(100 * repeat_rate(customer_id) FILTER (WHERE amount > 0 IS NOT FALSE)::numeric, 1),
		coalesce(round(aov(amount), 2)::text, '-'), to_char(min(ordered_at), 'YYYY-MM-DD HH24:MI:SS')) FROM orders});
}

# A loaded file's numbers and what was said; or the question
sub told
{
	my ($csv, %given) = @_;

	open(my $file, '>:raw', "$folder/orders.csv") or die $!;
	print $file $csv;
	close($file);
	my ($said, $is_loaded) = load("$folder/orders.csv", %given);
	return ($is_loaded ? numbers() : $said, $said);
}

# What stands in an answer after the shell and make have had it
sub pasted
{
	my ($assignment) = @_;
	my ($variable) = $assignment =~ /^(\w+)/;

	open(my $makefile, '>', "$folder/Makefile") or die $!;
	print $makefile "show:\n\t\@printenv $variable\n";
	close($makefile);
	IPC::Run::run([ 'sh', '-c', "make -s -C '$folder' show $assignment" ], '>', \my $out, '2>', \my $errors);
	chomp $out;
	return ($variable, $out);
}

# Every answer that a text offers, as [variable, value]
sub offers
{
	my ($text) = @_;
	return map { [ pasted($_) ] } $text =~ /\b((?:[A-Z_]+)=(?:"[^"]*"|\w+))/g;
}

# ---------------------------------------------------------------------------
# One shop in many hands
# ---------------------------------------------------------------------------
# Twelve orders of eight customers, three of whom come back
my @customers = qw(ann bob cid dee eve fay gil hal ann bob ann cid);
my @amounts = (1230.50, 26, 6, 14, 14.50, 1050, 7.25, 99.90, 12, 3000, 45, 60.10);
my @shop = map {
	my $day = $_ * 17;
	my ($month, $day_of_month) = (1 + int($day / 28), 1 + $day % 28);
	{
		id => 1001 + $_, who => $customers[$_], number => 11 + ord($customers[$_]) - ord('a'), amount => $amounts[$_],
		y => 2024, m => $month, d => $day_of_month, h => 8 + $_ % 12, min => 5 * $_
	}
} 0 .. 11;
my $shop = '12 0 8 37.5 463.77 2024-01-01 08:00:00';
my $shop_by_day = $shop =~ s/08:00:00/00:00:00/r;

sub iso { return sprintf '%04d-%02d-%02d %02d:%02d:00', @{ $_[0] }{qw(y m d h min)} }
sub day { my ($order, $format, @parts) = @_; return sprintf $format, map { $_ eq 'yy' ? $order->{y} % 100 : $order->{$_} } @parts }
sub epoch { return answer("SELECT extract(epoch FROM timestamptz '" . iso($_[0]) . " UTC')::bigint") }

# 1234.5 as 1.234,50
sub money
{
	my ($amount, $mark, $group) = @_;
	my $text = sprintf '%.2f', $amount;

	1 while $text =~ s/^(-?\d+)(\d{3})\b/$1_$2/;
	return $text =~ s/\./$mark/r =~ s/_/$group/gr;
}

# The shop with one line of these cells for each order
sub csv
{
	my ($delimiter, $header, $cells) = @_;
	return encode('UTF-8', join '', map { "$_\n" } $header, map { join $delimiter, $cells->() } @shop);
}

# [what, file, given, numbers]: right without a question
my $nbsp = "\x{a0}";
foreach (
	[ 'plain', csv(',', 'order_id,customer_id,ordered_at,amount', sub { $_->{id}, $_->{who}, iso($_), $_->{amount} }) ],
	[ 'Shopify', csv(',', 'Name,Email,Financial Status,Paid at,Currency,Subtotal,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Id',
			sub { my $at = iso($_) . ' +0000'; ("#$_->{id}", "$_->{who}\@b.c", 'paid', '', 'EUR', 1, $_->{amount}, $at, 2, 'x', 5, "9\n#$_->{id},$_->{who}\@b.c,,,,,,$at,1,y,7,") }) ],
	[ 'WooCommerce', csv(',', 'order_id,order_number,date_created,status,customer_id,billing_email,order_total,order_currency',
			sub { $_->{id}, $_->{id}, iso($_), 'completed', $_->{number}, 'x', $_->{amount}, 'EUR' }) ],
	[ 'Etsy', csv(',', 'Sale Date,Order ID,Buyer User ID,Full Name,Date Shipped,Ship Country,Currency,Order Value,Order Total,Order Net,Status,Buyer',
			sub { day($_, '%02d/%02d/%02d', qw(m d yy)), $_->{id}, $_->{who}, 'x', '', 'US', 'USD', 1, $_->{amount}, 1, 'ok', 'x' }), {}, $shop_by_day ],
	[ 'Amazon', csv("\t", "amazon-order-id\tpurchase-date\torder-status\tquantity\tcurrency\titem-price\titem-tax\tship-country\tbuyer-email",
			sub { $_->{id}, iso($_) =~ s/ /T/r . '+00:00', 'Shipped', 3, 'USD', $_->{amount}, 1, 'US', "$_->{who}\@x" }) ],
	[ 'Olist', csv(',', 'order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,payment_value,customer_unique_id',
			sub { $_->{id}, "c$_->{id}", 'delivered', iso($_), '', $_->{amount}, $_->{who} }) ],
	[ 'Superstore', csv(',', 'Row ID,Order ID,Order Date,Ship Date,Customer ID,Customer Name,Country,Region,Product ID,Sales,Quantity,Discount,Profit',
			sub { 1, $_->{id}, day($_, '%d/%d/%04d', qw(m d y)), '', $_->{who}, 'x', 'US', 'West', 'p', $_->{amount}, 2, 0, 1 }), {}, $shop_by_day ],
	[ 'Online Retail II', csv(',', 'Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country',
			sub { $_->{id}, 'a', '"x, y"', 2, iso($_), $_->{amount} / 2, "$_->{number}.0", 'UK' }) ],
	[ 'Square: date, time and zone apart', csv(',', 'Date,Time,Time Zone,Net Sales,Total Collected,Event Type,Transaction ID,Customer ID',
			sub { day($_, '%d/%d/%04d', qw(m d y)), day($_, '%d:%02d:00 AM', qw(h min)) =~ s/^1[2-9]:(\S+) AM/($_->{h} - 12 || 12) . ":$1 PM"/er, 'Pacific Time (US & Canada)', 1,
				'"$' . money($_->{amount}, '.', ',') . '"', 'Payment', $_->{id}, $_->{who} }), {}, $shop =~ s/08:00:00/16:00:00/r ],
	[ 'PayPal in German', "\xef\xbb\xbf" . csv(',', '"Datum","Uhrzeit","Zeitzone","Name","Status","Währung","Brutto","Netto","Absender E-Mail-Adresse","Transaktionscode"',
			sub { map { qq("$_") } day($_, '%02d.%02d.%04d', qw(d m y)), day($_, '%02d:%02d:00', qw(h min)), 'Europe/Berlin', 'A', 'Abgeschlossen', 'EUR',
				money($_->{amount}, ',', '.'), '1,00', "$_->{who}\@x", $_->{id} }), {}, $shop =~ s/08:00:00/07:00:00/r ],
	[ 'French, with no-break spaces', csv(';', 'N° client;Date de commande;Montant TTC', sub { $_->{who}, day($_, '%02d/%02d/%04d %02d:%02d', qw(d m y h min)), money($_->{amount}, ',', $nbsp) . "$nbsp€" }) ],
	[ 'Swiss', csv(';', 'Kundennummer;Bestelldatum;Betrag', sub { $_->{who}, day($_, '%d.%d.%04d', qw(d m y)), 'CHF ' . money($_->{amount}, '.', "'") }), {}, $shop_by_day ],
	[ 'Spanish', csv(';', 'ID Cliente;Fecha de pedido;Importe total', sub { $_->{who}, day($_, '%d-%d-%04d', qw(d m y)), money($_->{amount}, ',', '.') . ' EUR' }), {}, $shop_by_day ],
	[ 'the total of the order on each line', csv(',', 'order_id,order_date,customer_email,order_total,item_subtotal',
			sub { my $line = "$_->{id}," . iso($_) . ",$_->{who},$_->{amount},"; ("${line}5\n${line}6") }) ],
	[ 'an order filled in on its first line', csv(',', 'order_id,order_date,customer,total,item', sub { $_->{id}, iso($_), $_->{who}, $_->{amount}, "a\n$_->{id},,,,b" }) ],
	[ 'seconds since 1970', csv(',', 'user_id,timestamp,amount', sub { $_->{who}, epoch($_), $_->{amount} }) ],
	[ 'milliseconds since 1970', csv(',', 'user_id,timestamp,amount', sub { $_->{who}, epoch($_) . '000', $_->{amount} }) ],
	[ 'days of Excel', csv(',', 'user_id,date,amount', sub { $_->{who}, sprintf('%.6f', 25569 + epoch($_) / 86400), $_->{amount} }) ],
	[ 'days of Excel with a comma', csv(';', 'user_id;date;amount', sub { $_->{who}, sprintf('%.6f', 25569 + epoch($_) / 86400) =~ s/\./,/r, $_->{amount} }) ],
	[ 'date and time in digits', csv(',', 'user_id,date,amount', sub { $_->{who}, iso($_) =~ s/\D//gr, $_->{amount} }) ],
	[ 'date in digits', csv(',', 'user_id,date,amount', sub { $_->{who}, day($_, '%04d%02d%02d', qw(y m d)), $_->{amount} }), {}, $shop_by_day ],
	[ 'two digits of the year first', csv(',', 'user_id,date,amount', sub { $_->{who}, day($_, '%02d-%02d-%02d', qw(yy m d)), $_->{amount} }), {}, $shop_by_day ],
	[ 'two digits of the year last', csv(',', 'user_id,date,amount', sub { $_->{who}, day($_, '%02d.%02d.%02d', qw(d m yy)), $_->{amount} }), {}, $shop_by_day ],
	[ 'GMT+4', csv(',', 'user_id,date,amount', sub { $_->{who}, iso($_) . ' GMT+4', $_->{amount} }), {}, $shop =~ s/08:00:00/04:00:00/r ],
	[ '(UTC-03:30)', csv(',', 'user_id,date,amount', sub { $_->{who}, iso($_) . ' (UTC-03:30)', $_->{amount} }), {}, $shop =~ s/08:00:00/11:30:00/r ],
	[ 'dates of JavaScript', csv(',', 'user_id,date,amount', sub { $_->{who}, day($_, '%04d-%02d-%02d %02d:%02d:00 GMT+0400 (Gulf Standard Time)', qw(y m d h min)), $_->{amount} }), {}, $shop =~ s/08:00:00/04:00:00/r ],
	[ 'Uhr', csv(';', 'kunde;datum;betrag', sub { $_->{who}, day($_, '%02d.%02d.%04d %02d:%02d Uhr', qw(d m y h min)), money($_->{amount}, ',', '') }) ],
	[ 'CET', csv(',', 'user_id,date,amount', sub { $_->{who}, iso($_) . ' CET', $_->{amount} }), {}, $shop =~ s/08:00:00/07:00:00/r ],
	[ 'blanks and words of SQL in the header', csv(',', 'Order,User,"Order Date ",Total Price,2024', sub { $_->{id}, $_->{who}, iso($_), $_->{amount}, 1 }) ],
	[ 'an expression of odd names', csv(',', 'Order,User,"Order Date ",Net Price,2024', sub { $_->{id}, $_->{who}, iso($_), $_->{amount} - 1, 1 }), { AMOUNT => 'net_price + _2024', CUSTOMER => "lower(user_)" } ],
	[ 'a column as text and one as a number', csv(',', 'invoice,customer,date,quantity,price', sub { $_->{id}, $_->{who}, iso($_), 1, "$_->{amount}\nC$_->{id},$_->{who}," . iso($_) . ',1,5' }), { WHERE => q(left(invoice, 1) <> 'C' AND quantity > 0) } ],
	[ 'no amount', csv(',', 'order_id,customer_id,date', sub { $_->{id}, $_->{who}, iso($_) }), { AMOUNT => 'NULL' }, $shop =~ s/463.77/-/r ],
	[ 'refunds', encode('UTF-8', "customer_id,order_date,order_id,amount\n1,2024-01-01,a,100.00\n1,2024-02-01,b,50.00\n1,2024-02-02,b,(50.00)\n2,2024-01-01,c,20.00-\n2,2024-01-02,d,20.00\n3,2024-01-02,e,−5.00\n3,2024-01-02,f,\$5\n"),
		{}, '3 2 3 0.0 33.33 2024-01-01 00:00:00' ])
{
	my ($what, $csv, $given, $expected) = @$_;
	my ($numbers, $said) = told($csv, %{ $given // {} });

	is($numbers, $expected // $shop, $what);
}

# [what, file, given, question, numbers for each answer that it offers]
foreach (
	[ 'day or month', csv(',', 'customer,date,amount', sub { $_->{who}, '3/4/2025', 5 }), {},
		qr{^demo: 3/4/2025: which is the day, the month, the year\? write TIME="day_first\(date\)" or TIME="month_first\(date\)"$},
		'12 0 8 37.5 5.00 2025-04-03 00:00:00', '12 0 8 37.5 5.00 2025-03-04 00:00:00' ],
	[ 'three decimals', csv(';', 'customer;Order Date;Net Amount (EUR)', sub { $_->{who}, iso($_), money($_->{id} * 1.0, '', '.') =~ s/00$//r }), { AMOUNT => 'net_amount_eur' },
		qr/^demo: 1\.\d{3} \(net_amount_eur\): are these thousands, or three decimals\? write AMOUNT="number\(net_amount_eur, ','\)", or AMOUNT="number\(net_amount_eur, '\.'\)"$/,
		'12 0 8 37.5 1006.50 2024-01-01 08:00:00', '12 0 8 37.5 1.01 2024-01-01 08:00:00' ],
	[ 'IST', csv(',', 'user_id,Order Date,amount', sub { $_->{who}, iso($_) . ' IST', $_->{amount} }), {},
		qr/^demo: IST \(2024-01-01 08:00:00 IST\) is the time in India, Israel and Ireland: write TIME="replace\(order_date, 'IST', 'Asia\/Kolkata'\)", or with Asia\/Jerusalem or Europe\/Dublin$/,
		$shop =~ s/08:00:00/02:30:00/r ],
	[ 'no amount', csv(',', 'order_id,customer_id,date,what', sub { $_->{id}, $_->{who}, iso($_), 'x' }), {},
		qr/^demo: no column looks like the amount: write AMOUNT= with one of them, or an expression, or AMOUNT=NULL where there is none\ndemo: the columns: order_id, customer_id, date, what$/,
		$shop =~ s/463.77/-/r ],
	[ 'an amount in hundredths', csv(',', 'order_id,customer_id,date,Total Cents', sub { $_->{id}, $_->{who}, iso($_), $_->{amount} * 100 }), {},
		qr/^demo: "Total Cents" looks like the amount, in hundredths: write AMOUNT="total_cents \/ 100"\ndemo: the columns: order_id, customer_id, date, Total Cents \(total_cents\)$/,
		$shop ],
	[ 'two amounts', csv(',', 'customer,date,total price,order total', sub { $_->{who}, iso($_), $_->{amount}, $_->{amount} - 1 }), {},
		qr/^demo: "total price" and "order total" could each be the amount: write AMOUNT=total_price or AMOUNT=order_total, or an expression\n/,
		$shop, $shop =~ s/463.77/462.77/r ],
	[ 'three things missing, in one message', "who,when,what\n1,2,3\n", {},
		qr/^demo: no column looks like the customer: .*\ndemo: no column looks like the time: .*\ndemo: no column looks like the amount: .*\ndemo: the columns: who, when, what$/ ],
	[ 'no such column', "customer,date,amount\n1,2025-01-01,5\n", { AMOUNT => 'total' }, qr/^demo: AMOUNT=total: there is no such column\ndemo: the columns: customer, date, amount$/ ],
	[ 'an aggregate', "customer,date,amount\n1,2025-01-01,5\n", { AMOUNT => 'sum(amount)' }, qr/^demo: AMOUNT=sum\(amount\) does not work: an expression sees one line at a time, and this takes several \(aggregate functions are not allowed in WHERE\)/ ],
	[ 'a window', "customer,date,amount\n1,2025-01-01,5\n", { CUSTOMER => 'first_value(customer) OVER (ORDER BY date)' }, qr/an expression sees one line at a time, and this takes several \(window functions are not allowed in WHERE\)/ ],
	[ 'not SQL', "customer,date,amount\n1,2025-01-01,5\n", { AMOUNT => 'amount; DROP TABLE orders' }, qr/^demo: AMOUNT=amount; DROP TABLE orders does not work: syntax error at or near ";" \(the columns: customer, date, amount\)$/ ],
	[ 'WHERE= of nothing', "customer,date,amount\n1,2025-01-01,5\n", { WHERE => 'amount > 5' }, qr/^demo: WHERE="amount > 5" keeps none of 1 rows$/ ],
	[ 'no rows', "customer,date,amount\n", {}, qr/^demo: the file has a header line and no rows$/ ],
	[ 'one column', "customer\n1\n2\n", {}, qr/^demo: .*orders.csv: no comma, semicolon, tab or \| in the header line, so only one column$/ ],
	[ 'times of no kind', "customer,date,amount\n1,soon,5\n2,later,5\n", {}, qr/^demo: 2 of 2 rows are of no use, most because: time not understood \(line 2: "soon"\); write TIME= with another column, or TIME="to_timestamp/ ],
	[ 'a log of visits', csv(',', 'timestamp,visitorid,event,transactionid', sub { iso($_), $_->{who}, 'view', "\n" . join ',', iso($_), $_->{who}, 'transaction', $_->{id} }), {},
		qr/no column looks like the amount.*\ndemo: event says what happened \(transaction, view\), and not all of it is an order: write WHERE="event = 'transaction'"\n/ ])
{
	my ($what, $csv, $given, $question, @numbers) = @$_;
	my ($asked) = told($csv, %$given);

	like($asked, $question, "asked: $what");
	my @offers = offers($asked);
	foreach my $i (0 .. $#numbers)
	{
		is((told($csv, %$given, $offers[$i][0] => $offers[$i][1]))[0], $numbers[$i], "$what: $offers[$i][0]=$offers[$i][1]");
	}
}

my $visits = csv(',', 'timestamp,visitorid,event,transactionid', sub { iso($_), $_->{who}, 'view', "\n" . join ',', iso($_), $_->{who}, 'transaction', $_->{id} });
is((told($visits, map { @$_ } offers((told($visits))[0])))[0], $shop =~ s/463.77/-/r, 'a log of visits: both answers at once');

# [what, file, given, numbers, what is said beside them, numbers for each answer that it offers]
my $header = 'order_id,customer_id,date,amount';
my $lines = join '', map { join(',', $_->{id}, $_->{number}, iso($_), $_->{amount}) . "\n" } @shop;
my $many = join '', map { sprintf "x%d,%d,2024-%02d-%02d,5\n", $_, $_ % 900, 1 + $_ % 12, 1 + $_ % 28 } 1 .. 1200;
foreach (
	[ 'every line twice', "$header\n$lines$lines", {}, $shop, qr/^24 rows read, 12 kept: 12 orders\nleft out: 12 rows, each a copy of another one, cell by cell \(the first is line 14\)\. DISTINCT=0 keeps them$/m ],
	[ 'every line twice, without order numbers', "customer_id,date,amount\n" . ($lines =~ s/^\d+,//gmr) x 2, {}, $shop, qr/left out: 12 rows, each a copy/ ],
	[ 'some lines twice', "order_id,customer_id,date,price\n1,1,2024-01-01,5\n1,1,2024-01-01,5\n2,2,2024-01-01,5\n2,2,2024-01-01,6\n", {}, '2 0 2 0.0 10.50 2024-01-01 00:00:00',
		qr/^1 row copied from another row, cell by cell: kept, since two lines of an order can be equal, and two orders, too\. DISTINCT=1 leaves them out$/m, '2 0 2 0.0 8.00 2024-01-01 00:00:00' ],
	[ 'the total on each line', "order_id,customer_id,date,order_total,item\n1,1,2024-01-01,5,a\n1,1,2024-01-01,5,b\n2,2,2024-01-01,5,a\n", {}, '2 0 2 0.0 5.00 2024-01-01 00:00:00',
		qr/^one amount stands on all lines of an order \(1 of 1 order with several lines\): it is taken for the order's, and counted once\. If it is the line's, write AMOUNT="per_line\(order_total\)"$/m, '2 0 2 0.0 7.50 2024-01-01 00:00:00' ],
	[ 'perhaps the total', "order_id,customer_id,date,value,item\n1,1,2024-01-01,5,a\n1,1,2024-01-01,5,b\n2,2,2024-01-01,5,a\n", {}, '2 0 2 0.0 7.50 2024-01-01 00:00:00',
		qr/, and is summed\. If it is the order's, write AMOUNT="per_order\(value\)"$/m, '2 0 2 0.0 5.00 2024-01-01 00:00:00' ],
	[ 'a time to come, and one of nobody', "$header\n${many}y,1,2099-01-01,5\nz,1,1970-01-01,5\n", {}, '1200 0 900 33.3 5.00 2024-01-01 00:00:00',
		qr/^1,202 rows read, 1,200 kept: 1,200 orders\nleft out: 1 row, time far from all others \(line 1203: 1970-01-01\)\nleft out: 1 row, time in the future \(line 1202: 2099-01-01\)$/m ],
	[ 'cancelled orders', "$header,Order Status\n" . $lines =~ s/\n/,Shipped\n/gr . "1,5,2024-01-02,5,Cancelled\n", {}, '13 0 9 33.3 428.48 2024-01-01 08:00:00',
		qr/^order_status is Shipped 12, Cancelled 1: all of them are kept\. To keep some, write WHERE="coalesce\(order_status, ''\) NOT IN \('Cancelled'\)"$/m, $shop ],
	[ 'two currencies', "$header,currency\n" . $lines =~ s/\n/,EUR\n/gr . "1,5,2024-01-02,5,US\$\n", {}, '13 0 9 33.3 428.48 2024-01-01 08:00:00',
		qr/^currency is EUR 12, US\$ 1: amounts are added up as if it were one\. To keep one, write WHERE="currency = 'EUR'"$/m, $shop ],
	[ 'two signs of currencies', "$header\n1,1,2024-01-01,\$5\n2,2,2024-01-01,\x{e2}\x{82}\x{ac}6\n3,2,2024-01-01,\$6\n", {}, '3 0 2 50.0 5.67 2024-01-01 00:00:00', qr/^amount has several currencies \(\$ 2, € 1\)/m ],
	[ 'guests', "$header,email\n" . $lines =~ s/\n/,x\n/gr . join('', map { "g$_,0,2024-03-0$_,5,mail$_\n" } 1 .. 9), {}, '21 0 8 37.5 267.15 2024-01-01 08:00:00',
		qr/^9 rows of customer 0: guests, .* To tell them apart, write CUSTOMER="coalesce\(nullif\(customer_id, '0'\), email\)"$/m, '21 0 17 17.6 267.15 2024-01-01 08:00:00' ],
	[ 'a customer 0', "$header\n$lines" . "9,0,2024-03-01,5\n", {}, '13 0 9 33.3 428.48 2024-01-01 08:00:00', qr/^(?!.*customer 0)/s ],
	[ 'nobodies', "$header\n$lines" . "8,guest,2024-03-01,5\n9,#REF!,2024-03-01,5\n", {}, '14 0 8 37.5 398.23 2024-01-01 08:00:00', qr/^1 row of customer #REF!: no customer\n1 row of customer guest: no customer$/m ],
	[ 'no order number', "$header\n$lines" . ",7,2024-03-01,5\n", {}, '13 0 9 33.3 428.48 2024-01-01 08:00:00', qr/^1 row without an order number: each counts as an order\. To leave them out, write WHERE="order_id IS NOT NULL"$/m, $shop ],
	[ 'bad rows', "$header\n$lines" . "1,1,never,5\n2,1,2024-01-01,much\n3,1,2024-01-01,5,5\n", {}, $shop,
		qr/^15 rows read, 12 kept: 12 orders\nleft out: 1 row, amount is not a number \(line 15: amount = much\)\nleft out: 1 row, column count 5, the header has 4 \(line 16: 3,1,2024-01-01,5,5\)\nleft out: 1 row, time not understood \(line 14: never\)$/m ])
{
	my ($what, $csv, $given, $expected, $note, @numbers) = @$_;
	my ($numbers, $said) = told($csv, %$given);

	is($numbers, $expected, $what);
	like(decode('UTF-8', my $copy = $said), $note, "$what: said");
	my @offers = offers($said);
	foreach my $i (0 .. $#numbers)
	{
		is((told($csv, %$given, $offers[$i][0] => $offers[$i][1]))[0], $numbers[$i], "$what: $offers[$i][0]=$offers[$i][1]");
	}
}

# ---------------------------------------------------------------------------
# What is said in short: of a shop of a day, of guests under one key, of a column that numbers
# orders, of a file without amounts; and the live page takes an order of any of them
# ---------------------------------------------------------------------------
sub in_short
{
	my ($csv, %given) = @_;
	my ($numbers, $said) = told($csv, %given);

	IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), map { ('-f', "$project/demo/$_") } 'report.sql', 'live.sql' ],
		'>', \my $out, '2>', \my $errors);
	answer(q{SELECT retention_untrack('orders_live')}) if !$errors;
	return $errors || join '', $out =~ /^(  (?:the data|coming back|leaving|a customer|revenue|the best|careful) .*\n)/mg;
}

# Sixty orders on two days of each of five months
sub orders_of
{
	my ($customer, $columns) = @_;

	return "customer,date,$columns\n" . join '', map { sprintf "%s,2024-%02d-%02d 10:%02d,%d\n", $customer->($_), 1 + $_ / 12, 1 + 5 * ($_ % 2), $_, 20 + $_ % 3 } 0 .. 59;
}

is(in_short("customer,date,amount\n1,2025-01-01 10:00,20\n"), <<'END', 'in short: one order');
  the data    1 order of 1 customer, 2025-01-01 to 2025-01-01
  coming back 0.0 % of the customers have ordered twice or more
  a customer  has ordered 1.00 times on average and brought 20.00 so far, net of refunds
  the best    1 customer (100.0 %) brings half of the revenue
END
like(in_short(orders_of(sub { "p$_[0]" }, 'amount')), qr/^  careful     every customer has ordered exactly once: /m, 'in short: a column that numbers orders');
like(in_short(orders_of(sub { $_[0] % 2 ? "p$_[0]\@mail.com" : 'gast@shop.de' }, 'amount')),
	qr/^  careful     customer 'gast\@shop.de', 30 rows: guests under one key count as one, /m, 'in short: guests under one key');
like(in_short(orders_of(sub { $_[0] % 20 }, 'visits'), AMOUNT => 'NULL'),
	qr/^  the data    60 orders of 20 customers, .*\n  coming back 100.0 % of the customers have ordered twice or more, and 100.0 % within 90 days of their first order\n  a customer  has ordered 3.00 times on average\n$/,
	'in short: a file without amounts, and an order of unknown value on its live page');

# ---------------------------------------------------------------------------
# The whole command asks before it builds anything, and csv= is CSV=
# ---------------------------------------------------------------------------
told("who,date,amount\n1,2025-01-01,5\n");
{
	local $ENV{csv} = "$folder/orders.csv";
	IPC::Run::run([ "$project/demo/run.sh" ], '>', \my $out, '2>', \my $errors);
	is($out . $errors, "demo: no column looks like the customer: write CUSTOMER= with one of them, or an expression\ndemo: the columns: who, date, amount\n", 'csv= is CSV=, and the header is looked at first');
}

# ---------------------------------------------------------------------------
# Files that others made
# ---------------------------------------------------------------------------
my $cases = ($ENV{RETENTION_SHARED} // "$FindBin::RealBin/../../../shared") . '/cases/csv';

SKIP:
{
	skip "no files in $cases (RETENTION_SHARED is the folder above it)", 1 unless -d $cases;

	# [file, numbers, by these answers of the questions, or these given]
	foreach (
		[ 'c01-shopify.csv', '60 0 40 27.5 1330.83 2025-03-01 04:00:00' ],
		[ 'c03-square.csv', '60 1 40 27.5 252.21 2025-03-01 13:00:00' ],
		[ 'c04-paypal-de.csv', '60 0 40 27.5 252.31 2025-03-01 07:00:00' ],
		[ 'c05-retailrocket.csv', '60 0 40 27.5 - 2025-03-01 08:00:00', 0, 1 ],
		[ 'c07-olist.csv', '60 0 40 27.5 22.31 2025-03-01 08:00:00' ],
		[ 'c12-french.csv', '60 0 40 27.5 252.31 2025-03-01 08:00:00' ],
		[ 'c13-order-total-on-each-line.csv', '60 0 40 27.5 1330.83 2025-03-01 08:00:00' ],
		[ 'c14-yymmdd.csv', '60 0 40 27.5 12.31 2025-03-01 00:00:00' ],
		[ 'c15-woo-guests.csv', '60 0 22 27.3 1330.83 2025-03-01 08:00:00' ],
		[ 'c17-thousands-dot.csv', '60 0 40 27.5 1730.83 2025-03-01 00:00:00', 0 ],
		[ 'c19-gmt-plus.csv', '3 0 2 50.0 10.00 2025-02-28 21:30:00' ],
		[ 'c20-ist.csv', '3 0 2 50.0 10.00 2025-02-28 23:00:00', 0 ],
		[ 'c21-excel-serial.csv', '3 0 2 50.0 10.00 2025-02-28 02:24:00' ],
		[ 'c22-compact.csv', '3 0 2 50.0 10.00 2025-03-01 10:12:30' ],
		[ 'c23-minus-and-parens.csv', '3 2 3 0.0 33.33 2025-03-01 00:00:00' ],
		[ 'c25-amazon.txt', '3 0 2 50.0 21.67 2025-03-01 10:12:33', 0 ])
	{
		my ($name, $expected, @answers) = @$_;
		my ($said, $is_loaded) = load("$cases/$name");
		my @offers = offers($said);

		if (@answers)
		{
			($said, $is_loaded) = load("$cases/$name", map { @{ $offers[$_] } } @answers);
		}
		is($is_loaded ? numbers() : $said, $expected, "$name" . join '', map { " $offers[$_][0]=$offers[$_][1]" } @answers);
		like($said, qr/^30 rows of customer 0: guests/m, 'its guests are named') if $name =~ /guests/;
	}
}

$node->stop;
done_testing();
