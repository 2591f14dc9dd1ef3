# Data sets of real shops, which are not ours to give away: where they lie, whether they
# are there, and the lines of those that more than one test reads.
package RealData;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use FindBin;
use RetentionTest;

our @EXPORT = qw(data_file missing_data load_lines);

my $data = ($ENV{RETENTION_SHARED} // "$FindBin::RealBin/../../../shared") . '/data';

# Of each: its file, and its columns
my %lines = (
	uci => [
		'uci_online_retail.csv.gz',
		'invoice_no text, stock_code text, description text, quantity int, invoice_date timestamp,'
		  . ' unit_price numeric, customer_id int, country text'
	],
	cdnow => [ 'cdnow_orders.csv', 'customer_id int, ordered_at date, amount numeric, cds int, master_id int' ],
	adventureworks => [
		'adventureworks_sales_lines.csv.gz',
		'order_date date, stock_date date, order_number text, product_key int, customer_key int,'
		  . ' territory_key int, line_item int, quantity int, unit_price numeric'
	]);

# The path of a data set of this name, or of a file
sub data_file
{
	my ($name) = @_;
	return "$data/" . ($lines{$name} ? $lines{$name}[0] : $name);
}

# Why a test that needs these is skipped; undef if all are there.
sub missing_data
{
	return (grep { !-r data_file($_) } @_) ? "no data sets in $data (RETENTION_SHARED is the folder above it)" : undef;
}

# Makes the table NAME_lines of each.
sub load_lines
{
	foreach my $name (@_)
	{
		my $file = data_file($name);
		my $from = $file =~ /\.gz$/ ? qq{PROGRAM 'gzip -dc "$file"'} : "'$file'";

		answer("CREATE TABLE ${name}_lines ($lines{$name}[1]); COPY ${name}_lines FROM $from (FORMAT csv, HEADER)");
	}
	return;
}

1;
