#!/usr/bin/perl
# report.pl PSQL ARGUMENT...: ask a database the questions of queries/, all in one read-only
# transaction, and write the answers with page/ as one HTML file. What to ask of stands in
# the environment, as run.sh tells.
#
# A question is a file of SQL with {names} for what differs from shop to shop. What is sent is
# what the page shows, and can be pasted into psql.
use strict;
use warnings;
use utf8;
use Encode ();
use File::Temp ();
use FindBin;
use JSON::PP ();

# In the order of the page; those in brackets are asked only where there is something to ask of
my @pictures = qw(summary check kpis forecast earlier season lifecycle cohorts ltv second_order grid segments moves risk names campaign);

my @psql = @ARGV or fail('usage: report.pl PSQL ARGUMENT...');
my $folder = File::Temp->newdir('retention-report.XXXXXX', TMPDIR => 1);
my %wanted = (
	LANG_REPORT => qr/^(?:en|fr)$/,
	CURRENCY => qr/^(?:[A-Z]{3})?$/,
	NAMES => qr/^\d{0,6}$/);

my $shop = look_at_shop();
my @asked = grep { is_asked($_) } @pictures;
my %sql = map { $_ => question($_) } @asked;
my $answers = ask();
write_page();

sub fail
{
	my ($text) = @_;
	print STDERR "report: $_\n" foreach split /\n/, $text;
	exit 1;
}

# A variable of the caller's, as text; '' if there is none
sub given
{
	my ($name, $default) = @_;
	my $value = Encode::decode('UTF-8', $ENV{$name} // '');

	$value = $default // '' if $value eq '';
	fail("$name=$value is not understood: see report/run.sh") if $wanted{$name} && $value !~ $wanted{$name};
	return $value;
}

sub slurp
{
	my ($file) = @_;

	open(my $in, '<:encoding(UTF-8)', $file) or fail("$file: $!");
	local $/;
	return scalar readline $in;
}

sub literal { return "'" . $_[0] =~ s/'/''/gr . "'" }

# What psql prints for a script. Errors end it, unless the script says otherwise.
sub run_psql
{
	my ($script) = @_;
	my ($in, $out, $errors) = map { "$folder/psql.$_" } qw(sql out err);

	open(my $file, '>:encoding(UTF-8)', $in) or fail("$in: $!");
	print $file $script;
	close($file) or fail("$in: $!");
	local $ENV{PGCLIENTENCODING} = 'UTF8';
	local $ENV{PGOPTIONS} = ($ENV{PGOPTIONS} // '') . ' -c default_transaction_read_only=on -c client_min_messages=warning';
	my $pid = fork() // fail("no process: $!");
	if ($pid == 0)
	{
		open(STDOUT, '>', $out) && open(STDERR, '>', $errors) or exit 1;
		exec(@psql, qw(-X -q -A -t -v ON_ERROR_STOP=1 -f), $in) or exit 1;
	}
	waitpid($pid, 0);
	fail((slurp($errors) =~ s/^psql:[^\n]*?: ERROR: +//mgr) || 'psql did not run') if $? != 0;
	return slurp($out);
}

# ---------------------------------------------------------------------------
# The table: its names as SQL wants them, the types, and the time that it is seen from
# ---------------------------------------------------------------------------
sub look_at_shop
{
	my %name = map { $_ => given($_) } qw(TABLE CUSTOMER ORDERED_AT AMOUNT ORDER_ID ZONE CAMPAIGN CAMPAIGN_ORDERS);

	foreach my $variable (qw(TABLE CUSTOMER ORDERED_AT AMOUNT))
	{
		fail("$variable= is missing: TABLE=orders CUSTOMER=customer_id ORDERED_AT=ordered_at AMOUNT=amount") if $name{$variable} eq '';
	}
	my %shop = (zone => $name{ZONE} || 'UTC', version => extension(), columns => {});
	my $schema = $shop{version}{schema};
	$shop{search_path} = "SET LOCAL search_path = $schema, " . ($schema eq 'public' ? 'pg_temp' : 'public, pg_temp') . ';';
	$shop{table} = relation(\%shop, $name{TABLE});
	$shop{column}{$_} = column(\%shop, $_, $name{$_}) foreach grep { $name{$_} ne '' } qw(CUSTOMER ORDERED_AT AMOUNT ORDER_ID);
	$shop{campaign} = relation(\%shop, $name{CAMPAIGN}) if $name{CAMPAIGN} ne '';
	$shop{campaign_orders} = $name{CAMPAIGN_ORDERS} ne '' ? relation(\%shop, $name{CAMPAIGN_ORDERS}) : $shop{table};
	$shop{as_of} = as_of(\%shop);
	return \%shop;
}

sub json_of { return JSON::PP->new->allow_nonref->decode($_[0]) }

sub extension
{
	my $found = run_psql("SELECT json_build_object('version', extversion, 'schema', quote_ident(nspname))
		FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace WHERE extname = 'retention'");

	fail('the database has no extension retention: CREATE EXTENSION retention') if $found eq '';
	return json_of($found);
}

# Its name with a schema, as regclass writes it when it is in no search path
sub relation
{
	my ($shop, $name) = @_;

	return json_of(run_psql('SELECT to_json(format(\'%I.%I\', nspname, relname))
		FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace WHERE pg_class.oid = ' . literal($name) . '::regclass'));
}

sub column
{
	my ($shop, $variable, $name) = @_;
	my $found = run_psql("SELECT json_build_object('name', attname, 'ident', quote_ident(attname), 'type', format_type(atttypid, NULL))
		FROM pg_attribute WHERE attrelid = " . literal($shop->{table}) . '::regclass AND attnum > 0 AND NOT attisdropped
			AND attname IN (' . literal($name) . ', lower(' . literal($name) . ')) ORDER BY attname <> ' . literal($name) . ' LIMIT 1');

	fail("$variable=$name: $shop->{table} has no such column (an expression can stand in a view)") if $found eq '';
	return json_of($found);
}

# Without zone a time is one of ZONE; binary fractions become decimal ones.
sub ordered_at
{
	my ($shop) = @_;
	my ($ident, $type) = @{ $shop->{column}{ORDERED_AT} }{qw(ident type)};

	return $ident if $type eq 'timestamp with time zone';
	$ident .= '::timestamp' if $type eq 'date';
	return "($ident AT TIME ZONE " . literal($shop->{zone}) . ')';
}

sub amount
{
	my ($shop) = @_;
	my ($ident, $type) = @{ $shop->{column}{AMOUNT} }{qw(ident type)};

	return $type =~ /^(?:real|double precision|money)$/ ? "$ident\::numeric" : $ident;
}

# An instant, as a literal that means the same in every session
sub as_of
{
	my ($shop) = @_;
	my $zone = literal($shop->{zone});
	my $moment = given('AS_OF') ne ''
	  ? 'timestamp ' . literal(given('AS_OF'))
	  : "(SELECT date_trunc('day', max(at AT TIME ZONE $zone)) + interval '1 day'
		FROM (SELECT " . ordered_at($shop) . " AS at FROM $shop->{table}) AS orders
		WHERE at <= now() + interval '1 day' AND isfinite(at))";
	my $text = run_psql("SELECT to_json(replace(to_char($moment, 'YYYY-MM-DD HH24:MI:SS'), ' 00:00:00', '') || ' ' || $zone)") =~ s/\s+\z//r;

	fail("$shop->{table} has no row with a time") if $text eq '';
	return json_of($text);
}

# ---------------------------------------------------------------------------
# Questions
# ---------------------------------------------------------------------------
sub is_asked
{
	my ($picture) = @_;

	return given('NAMES', 0) > 0 if $picture eq 'names';
	return defined $shop->{campaign} if $picture eq 'campaign';
	return 1;
}

sub question
{
	my ($picture) = @_;
	my $column = $shop->{column};
	my $columns = join ', ', map { literal($_) } $shop->{table}, map { $column->{$_}{name} } qw(CUSTOMER ORDERED_AT AMOUNT);
	my %value = (
		orders => $shop->{table},
		customer => $column->{CUSTOMER}{ident},
		ordered_at => ordered_at($shop),
		amount => amount($shop),
		source_columns => $columns,
		source => "NULL::$column->{CUSTOMER}{type}, $columns",
		options => ($shop->{zone} eq 'UTC' ? '' : ', tz => ' . literal($shop->{zone}))
		  . ($column->{ORDER_ID} ? ', order_id_column => ' . literal($column->{ORDER_ID}{name}) : ''),
		as_of => literal($shop->{as_of}),
		zone => literal($shop->{zone}),
		names => given('NAMES', 0),
		campaign => $shop->{campaign},
		campaign_orders => $shop->{campaign_orders});
	my $names = join '|', keys %value;

	return slurp("$FindBin::RealBin/queries/$picture.sql") =~ s/\{($names)\}/$value{$1}/gr =~ s/\s+\z//r;
}

# Each answer as JSON in a file. A question that fails leaves its error, and the others are
# answered all the same.
sub ask
{
	my $script = "\\set ON_ERROR_STOP off\n\\set ON_ERROR_ROLLBACK on\n"
	  . "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;\n$shop->{search_path}\n"
	  . 'SET LOCAL timezone = ' . literal($shop->{zone}) . ";\nSET LOCAL datestyle = 'ISO';\n";

	$script .= "\\o '$folder/segments.json'\nSELECT json_object_agg(segment, rfm_segment_label(segment, "
	  . literal(given('LANG_REPORT', 'en')) . ")) FROM (SELECT segment FROM rfm_grid() UNION VALUES ('none'), ('unscored')) AS s;\n";
	foreach my $picture (@asked)
	{
		$script .= "\\o '$folder/$picture.answer'\nSELECT coalesce(json_agg(row_to_json(answer)), '[]') FROM (\n$sql{$picture}\n) AS answer;\n"
		  . "\\if :ERROR\n\\o '$folder/$picture.error'\n\\qecho :LAST_ERROR_MESSAGE\n\\endif\n";
	}
	run_psql("$script\\o\nCOMMIT;\n");

	my %answer;
	foreach my $picture (@asked)
	{
		my $error = "$folder/$picture.error";

		$answer{$picture} = -e $error ? { error => slurp($error) =~ s/\s+\z//r } : { rows => slurp("$folder/$picture.answer") };
		print STDERR "report: $picture: $answer{$picture}{error}\n" if -e $error;
	}
	return \%answer;
}

# ---------------------------------------------------------------------------
# The page
# ---------------------------------------------------------------------------
sub write_page
{
	my $json = JSON::PP->new->canonical->allow_nonref;
	my $language = given('LANG_REPORT', 'en');
	my $text = $json->encode({
		language => $language,
		currency => given('CURRENCY'),
		as_of => $shop->{as_of} =~ s/ \S+\z//r,
		zone => $shop->{zone},
		table => $shop->{table},
		search_path => $shop->{search_path},
		version => $shop->{version}{version},
		segments => json_of(slurp("$folder/segments.json")) });
	my @parts = map {
		my $answer = $answers->{$_};
		$json->encode($_) . ':{"sql":' . $json->encode($sql{$_}) . ','
		  . (exists $answer->{error} ? '"error":' . $json->encode($answer->{error}) : "\"rows\":$answer->{rows}") . '}'
	} @asked;

	# numbers stay the server's own digits
	$text = "{\"shop\":$text,\"pictures\":{" . join(",\n", @parts) . '}}';
	$text =~ s/</\\u003c/g;

	my $page = "$FindBin::RealBin/page";
	my %part = (language => $language, data => $text, style => slurp("$page/style.css"),
		vendor => slurp("$page/vendor.js"), script => join('', map { slurp("$page/$_.js") } qw(words format pictures page)));
	my $html = slurp("$page/page.html") =~ s/\{\{(\w+)\}\}/$part{$1}/gr;
	my $out = $ENV{OUT} // 'report.html';

	open(my $file, '>:encoding(UTF-8)', $out) or fail("$out: $!");
	print $file $html;
	close($file) or fail("$out: $!");
	print Encode::encode('UTF-8', sprintf "%s: %d pictures, %d kB\n", $out, scalar @asked, (-s $out) / 1000);
}
