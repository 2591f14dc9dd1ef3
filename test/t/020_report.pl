# The page of `make report`, in a browser: it complains of nothing and asks the network for
# nothing; every picture is drawn, of as many marks as there are rows; each table has what the
# SQL under it gives; it can be read in French, on three widths, and on paper; and a customer
# is named only when asked. Without a browser, what the page holds is looked at and not what it
# looks like. It is Debian's chromium; a snap cannot read our files.
use strict;
use utf8;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../lib";
use Encode qw(decode encode);
use IPC::Run;
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Utils;
use RetentionTest;
use Test::More;

my $project = $ENV{RETENTION_SOURCE} // "$FindBin::RealBin/../..";
my ($browser) = grep { -x } map { ("$_/chromium") } split /:/, $ENV{PATH};

# why no browser looks at the pages
my $blind = !defined $browser ? 'no chromium here'
  : (readlink($browser) // '') =~ /snap/ || slurp_file($browser) =~ /\A#!.*\bsnap\b/s ? 'chromium is a snap, which sees no file of ours'
  : '';

my $folder = PostgreSQL::Test::Utils::tempdir();
my $node = start_server('report');

# Three years of 500 customers, with a season; a name of a table that would end a script, names
# of columns that need quotes, times without a zone
answer(q{
	CREATE FUNCTION chance(n bigint, question int) RETURNS float8 IMMUTABLE
	RETURN (hashint8extended(n, question) & 1048575) / 1048576.0;
	CREATE TABLE orders AS
	SELECT n AS order_id,
	       CASE WHEN chance(n, 1) > 0.02 THEN 'customer-' || floor(500 * chance(n, 2) ^ 2) || '@example.com' END AS customer_id,
	       timestamptz '2023-01-01' + chance(n, 3) ^ 0.8 * interval '1095 days' AS ordered_at,
	       round((20 + 80 * chance(n, 4))::numeric, 2) * CASE WHEN chance(n, 5) < 0.05 THEN -1 ELSE 1 END AS amount
	FROM generate_series(1, 6000) AS n;
	CREATE SCHEMA "my shop";
	CREATE TABLE "my shop"."a</script>b" AS
	SELECT customer_id AS "order", ordered_at AT TIME ZONE 'Europe/Berlin' AS "When", amount::float8 AS "Betrag €" FROM orders;
	CREATE VIEW campaign AS
	SELECT customer_id, CASE WHEN hash_share(customer_id, 'test') < 0.5 THEN 'control' ELSE 'mail' END AS arm, timestamptz '2025-10-01' AS assigned_at
	FROM orders WHERE customer_id IS NOT NULL GROUP BY customer_id;
	CREATE VIEW no_campaign AS SELECT 1 AS one});

# Runs make report; its page, and what it said
sub report
{
	my ($name, %given) = @_;
	my %all = (
		DATABASE_URL => $node->connstr('postgres') . ' user=' . (getpwuid($<))[0], TABLE => 'orders', CUSTOMER => 'customer_id', ORDERED_AT => 'ordered_at', AMOUNT => 'amount',
		OUT => "$folder/$name.html", %given);

	local %ENV = (%ENV, map { $_ => encode('UTF-8', $all{$_}) } keys %all);
	IPC::Run::run([ 'sh', "$project/report/run.sh" ], '>', \my $out, '2>', \my $errors);
	return (-e $all{OUT} ? decode('UTF-8', slurp_file($all{OUT})) : undef, $errors, $? >> 8);
}

# What the page is and did, looked at from inside
my $probe = <<'END';
<script>
const complaints = [];
for (const kind of ["error", "unhandledrejection", "securitypolicyviolation"])
  addEventListener(kind, (event) => complaints.push(`${kind}: ${event.message ?? event.reason ?? event.violatedDirective}`), true);
for (const kind of ["error", "warn"]) console[kind] = (...words) => complaints.push(words.join(" "));
addEventListener("load", () => {
  const texts = (node, what) => [...node.querySelectorAll(what)].map((one) => one.textContent);
  const luminance = (color) => color.match(/\d+/g).slice(0, 3).map((v) => v / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (one, other) => { const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b); return (high + 0.05) / (low + 0.05); };
  const groundOf = (node) => { for (; node; node = node.parentElement) { const color = getComputedStyle(node).backgroundColor; if (!/, 0\)$/.test(color)) return color; } return "rgb(255, 255, 255)"; };
  const inks = { "#000": "rgb(0,0,0)", "#fff": "rgb(255,255,255)" };
  const keysOf = (value, at = "") => (typeof value === "string" ? [at + (value.match(/\{\w+\}/g) ?? []).sort()] : Object.keys(value).flatMap((key) => keysOf(value[key], `${at}.${key}`)));
  const found = {
    language: document.documentElement.lang,
    words: Object.values(WORDS).map((all) => keysOf(all).sort()),
    requests: performance.getEntriesByType("resource").map((entry) => entry.name),
    links: [...document.querySelectorAll("[src], [href]")].map((node) => node.getAttribute("src") ?? node.getAttribute("href")),
    shades: Math.min(...[...Array(101).keys()].map((i) => contrast(shade(i / 100), inks[inkOn(shade(i / 100))]))),
    faint: [...document.querySelectorAll("main *")].filter((node) => !node.closest("svg") && [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim() !== ""))
      .filter((node) => contrast(getComputedStyle(node).color, groundOf(node)) < 4.5).map((node) => node.outerHTML.slice(0, 80)),
    unnamed: Object.values(answers).flatMap((answer) => Object.keys(answer.rows?.[0] ?? {})).filter((column) => !(column in words.columns)),
    sections: {},
    outside: [],
  };
  for (const section of document.querySelectorAll("section")) {
    const marks = {};
    for (const group of section.querySelectorAll(".picture g[aria-label]")) marks[group.getAttribute("aria-label")] = (marks[group.getAttribute("aria-label")] ?? 0) + group.childElementCount;
    found.sections[section.id] = {
      marks, title: texts(section, "h2")[0], lead: texts(section, ".lead")[0], tiles: texts(section, ".tile").length, lines: texts(section, "dt").length,
      text: section.querySelector(".picture").textContent, sql: texts(section, ".sql code")[0],
      rows: [...section.querySelectorAll("tbody tr")].map((row) => [...row.cells].map((cell) => cell.dataset.value)),
      empty: texts(section, "td").filter((text) => /undefined|NaN|^$/.test(text)),
    };
  }
  for (const width of [335, 720, 920]) {
    document.getElementById("report").style.maxWidth = `${width + 40}px`;
    draw(width);
    for (const node of document.querySelectorAll(".picture svg, .picture svg text, .tile, .summary dd")) {
      const [box, place] = [node, node.closest(".picture")].map((one) => one.getBoundingClientRect());
      if (box.left < place.left - 12 || box.right > place.left + width + 12) found.outside.push(`${width}: ${node.closest("section").id} ${node.textContent.slice(0, 40)}`);
    }
  }
  found.complaints = complaints;
  const pre = document.createElement("pre");
  pre.id = "probe";
  pre.textContent = btoa(unescape(encodeURIComponent(JSON.stringify(found))));
  document.body.append(pre);
});
</script>
END

sub browse
{
	my (@arguments) = @_;

	local $ENV{HOME} = $folder;
	IPC::Run::run([ $browser, qw(--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
		  --disable-component-update --disable-sync --disable-dev-shm-usage --lang=en-GB), '--user-data-dir=' . PostgreSQL::Test::Utils::tempdir(), @arguments ],
		'<', \undef, '>', \my $out, '2>', \my $errors, IPC::Run::timeout(120));
	return $out;
}

sub look_at
{
	my ($html) = @_;

	open(my $file, '>:encoding(UTF-8)', "$folder/probed.html") or die $!;
	print $file $html =~ s/(?=<script type="application\/json")/$probe/r;
	close($file);
	my ($seen) = browse('--virtual-time-budget=5000', '--dump-dom', "file://$folder/probed.html") =~ m{<pre id="probe">([^<]+)</pre>};
	return defined $seen ? decode_json(decode_base64($seen)) : {};
}

sub is_same
{
	my ($one, $other) = @_;

	return $one eq $other if $one !~ /^-?[\d.]+(?:e[-+]?\d+)?$/i || $other !~ /^-?[\d.]+(?:e[-+]?\d+)?$/i;
	return abs($one - $other) <= 1e-12 * (abs($one) + abs($other));
}

# A value as JavaScript writes it; '' for NULL
sub plain { return !defined $_[0] ? '' : JSON::PP::is_bool($_[0]) ? ($_[0] ? 'true' : 'false') : "$_[0]" }

# What a page holds, whoever looks at it
sub data_of
{
	my ($html) = @_;
	my ($json) = $html =~ m{<script type="application/json" id="data">(.*?)</script>}s;

	return decode_json(encode('UTF-8', $json))->{pictures};
}

# Are two lists of rows the same? A row is a hash, or a list of values in the columns' order.
sub same_answers
{
	my ($here, $there, @columns) = @_;
	my $value = sub { my ($row, $i) = @_; plain(ref $row eq 'HASH' ? $row->{ $columns[$i] } : $row->[$i]) };

	return 0 if @$here != @$there || @$here == 0;
	foreach my $i (0 .. $#$here)
	{
		return 0 if grep { !is_same($value->($here->[$i], $_), $value->($there->[$i], $_)) } 0 .. $#columns;
	}
	return 1;
}

sub columns_of { return map { $_->[0] } rows("$_[0] \\gdesc") }

sub data_are_the_sql_s
{
	my ($html, $zone, $name) = @_;
	my $data = data_of($html);

	foreach my $picture (sort keys %$data)
	{
		my $sql = $data->{$picture}{sql};
		my $there = decode_json(encode('UTF-8', decode('UTF-8', answer("SET timezone = '$zone';\nSELECT json_agg(row_to_json(answer)) FROM (\n$sql\n) AS answer"))));

		ok(same_answers($data->{$picture}{rows}, $there, columns_of($sql)), "$name, $picture: the page holds what the SQL shown gives, in " . @$there . ' rows');
	}
	return;
}

# ---------------------------------------------------------------------------
# What a page holds: in English, with everything; in French, of a table with odd names and
# types, and without names of customers; with a question that cannot be answered
# ---------------------------------------------------------------------------
my $relations = answer('SELECT count(*) FROM pg_class');
my ($english, $errors, $status) = report('english', ORDER_ID => 'order_id', CAMPAIGN => 'campaign', NAMES => 7, CURRENCY => 'GBP');
is("$status$errors", '0', 'the report is made without a word');
is(answer('SELECT count(*) FROM pg_class'), $relations, 'and leaves nothing in the database');
my $host = $node->host;
unlike($english, qr/\Q$host\E/, 'nor the address of the database in the page');
data_are_the_sql_s($english, 'UTC', 'English');

my $french;
($french, $errors, $status) = report('french', LANG_REPORT => 'fr', TABLE => '"my shop"."a</script>b"', CUSTOMER => 'order', ORDERED_AT => 'When', AMOUNT => 'Betrag €', ZONE => 'Europe/Berlin');
is("$status$errors", '0', 'the French report is made without a word');
unlike($french, qr/\@example\.com/, 'it names no customer');
data_are_the_sql_s($french, 'Europe/Berlin', 'French');

answer(q{CREATE TABLE few AS SELECT i % 2 AS customer_id, timestamptz '2025-01-01' + i * interval '40 days' AS ordered_at, 10 AS amount FROM generate_series(1, 5) AS i});
my ($few) = report('few', TABLE => 'few', AS_OF => '2026-01-01');
my $young = data_of($few)->{summary}{rows}[0];
is($young->{next_year_orders}, undef, 'of two customers no year is foretold');
is_deeply([ grep { defined $young->{$_} } qw(inactive_rate clv gross_retention net_retention) ], [], 'nor is anything said of more time than there is');
is($young->{repeat_rate}, 1, 'all else is');

my $broken;
($broken, $errors, $status) = report('broken', CAMPAIGN => 'no_campaign');
is($status, 0, 'a question that cannot be answered');
like($errors, qr/^report: campaign: column .*customer_id.*does not exist/, 'is told');

answer('CREATE TABLE nothing (LIKE orders)');
my %mistakes = (
	'AMOUNT=price: public.orders has no such column' => { AMOUNT => 'price' },
	'CUSTOMER= is missing' => { CUSTOMER => '' },
	'LANG_REPORT=de is not understood' => { LANG_REPORT => 'de' },
	'relation "ordres" does not exist' => { TABLE => 'ordres' },
	'public.nothing has no row with a time' => { TABLE => 'nothing' });
foreach my $words (sort keys %mistakes)
{
	(my $html, $errors, $status) = report('mistake', %{ $mistakes{$words} });
	ok($status == 1 && !defined $html && $errors =~ /^report: \Q$words\E/, "it says: $words") or diag($errors);
}

# ---------------------------------------------------------------------------
# What a page looks like
# ---------------------------------------------------------------------------
SKIP:
{
	skip $blind, 1 if $blind;
	my $page = look_at($english);
	my %section = %{ $page->{sections} };
	my $rows = sub { scalar @{ $section{ $_[0] }{rows} } };

	is_deeply($page->{complaints}, [], 'the browser has nothing to complain of');
	is_deeply($page->{requests}, [], 'and asked the network for nothing');
	is_deeply([ grep { !/^#|^data:,/ } @{ $page->{links} } ], [], 'nor could a link');
	is_deeply($page->{unnamed}, [], 'every column has a name');
	is_deeply($page->{words}[0], $page->{words}[1], 'what is said in English is said in French, of the same values');
	cmp_ok($page->{shades}, '>=', 4.5, 'what stands in a cell can be read on its colour');
	is_deeply($page->{faint}, [], 'and all other text on its ground');
	is_deeply($page->{outside}, [], 'nothing leaves its picture, as wide as a telephone, a tablet, a screen');
	is_deeply([ map { @{ $_->{empty} } } values %section ], [], 'no cell is without a value or a word for none');
	tables_are_the_data($page, $english, 'English');

	is($section{summary}{lines}, 10, 'a summary of ten lines');
	is($section{kpis}{tiles}, $rows->('kpis'), 'a tile for each number');
	is($rows->('check'), 23, 'all checks are told');
	is($section{cohorts}{marks}{cell}, $rows->('cohorts'), 'cohorts: a cell for each');
	is($section{ltv}{marks}{dot}, $rows->('ltv'), 'value: a dot for each quarter');
	is($section{lifecycle}{marks}{bar}, 4 * $rows->('lifecycle'), 'lifecycle: four bars a month');
	my $last_day = $section{second_order}{rows}[-1][0] + 1;
	is(join(' ', map { $section{second_order}{marks}{$_} } qw(line area dot)), '1 1 ' . grep({ $_ <= $last_day } 30, 90, 180, 365), 'second order: a line, its band, a number at each of four days');
	my @to_come = grep { $_->[1] eq '' && $_->[0] ne '' } @{ $section{forecast}{rows} };
	is($section{forecast}{marks}{bar}, $rows->('forecast') - @to_come - 1 + 3 * @to_come, 'forecast: a bar for each month that came, three for each to come');
	like($section{forecast}{text}, qr/In the year to come: [\d,]+ days/, 'and the total');
	is("$section{earlier}{marks}{bar} $section{earlier}{marks}{dot}", join(' ', ($rows->('earlier') - 1) x 2), 'earlier forecasts: a bar and a dot for each');
	like($section{earlier}{text}, qr/^On average [+-][\d.]+%\. .* off by -[\d.]+% to \+[\d.]+%/, 'and how far off the next may be');
	is($section{season}{marks}{dot}, 12, 'season: twelve months');
	is($section{grid}{marks}{cell}, $rows->('grid'), 'grid: a cell for each');
	is($section{segments}{marks}{bar}, $rows->('segments'), 'segments: a bar for each');
	is($section{moves}{marks}{ribbon}, $rows->('moves'), 'moves: a ribbon for each');
	is($section{risk}{marks}{bar}, $rows->('risk'), 'risk: a bar for each');
	is($section{campaign}{marks}{dot}, $rows->('campaign'), 'campaign: a dot for each measure');
	is($rows->('names'), 7, 'as many names as asked');
	like($section{summary}{text}, qr/£\d/, 'money has its currency');

	browse('--no-pdf-header-footer', "--print-to-pdf=$folder/page.pdf", '--virtual-time-budget=5000', "file://$folder/english.html");
	my $pdf = -e "$folder/page.pdf" ? slurp_file("$folder/page.pdf") : '';
	my $pages = () = $pdf =~ m{/Type ?/Page\b}g;
	ok($pdf =~ /^%PDF/ && $pages >= 4 && $pages <= 16, "it prints, on $pages pages");

	my $titles = $page->{sections};
	$page = look_at($french);
	is_deeply($page->{complaints}, [], 'of the French page, too, the browser has nothing to complain of');
	is($page->{language}, 'fr', 'its language is French');
	is_deeply([ grep { $page->{sections}{$_}{title} eq $titles->{$_}{title} } sort keys %{ $page->{sections} } ], [], 'no title is English');
	is_deeply(
		[ map { $_->{text} =~ /\b(the|of|customers|orders|and|days|high|low|warning)\b/ ? $1 : () } values %{ $page->{sections} } ],
		[], 'and no word in a picture');
	like($page->{sections}{summary}{text}, qr/\d,\d\x{a0}?\s?%/, 'numbers are written as in France');
	like($page->{sections}{segments}{text}, qr/À risque/, 'and segments named');
	tables_are_the_data($page, $french, 'French');

	$page = look_at($few);
	like($page->{sections}{summary}{text}, qr/brought £?[\d.]+ so far(?!;).*Revenue ?cannot be told/s, 'what is not known of a young shop is left out, or said to be');

	$page = look_at($broken);
	like($page->{sections}{campaign}{text}, qr/could not answer this: column/, 'what could not be answered is said in its place');
	is($page->{sections}{cohorts}{marks}{cell}, $section{cohorts}{marks}{cell}, 'and the others are drawn');
}

sub tables_are_the_data
{
	my ($page, $html, $name) = @_;
	my $data = data_of($html);
	my @wrong = grep { !same_answers($page->{sections}{$_}{rows}, $data->{$_}{rows}, columns_of($data->{$_}{sql})) } sort keys %$data;

	is_deeply(\@wrong, [], "$name: the tables are what the page holds, all of it");
	return;
}

done_testing();
