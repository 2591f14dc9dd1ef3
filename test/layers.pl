#!/usr/bin/perl
# layers.pl: does every file in src/ include only what its layer may? The rule is that of
# docs/architecture.md, where its reasons are. Prints each line that breaks it and ends
# with status 1 if there is one.
#
#	test/layers.pl [FOLDER]		the project (default: where this lies)
use strict;
use warnings;
use FindBin;

# What a layer may include beside itself
my %uses = (
	base => [],
	math => [qw(base/compat.h)],
	engine => [qw(base math)],
	measures => [qw(base math engine)],
	rfm => [qw(base math engine)],
	models => [qw(base math engine)],
	proof => [qw(base math engine)],
	intent => [qw(base math engine)],
	loyalty => [qw(base math engine)],
	products => [qw(base math engine)],
	satisfaction => [qw(base math engine)],
	tables => [qw(base math engine measures rfm models proof intent)],
	check => [qw(base math engine tables)],
	live => [qw(base math engine measures rfm models proof intent tables)],
);

my $source = (shift // "$FindBin::RealBin/..") . '/src';
my @files = map { substr $_, length "$source/" } glob "$source/*/*.[ch]";
my %is_ours = map { $_ => 1 } @files;
my %folder_of = map { m{(.*)/(.*)} ? ($2 => $1) : () } @files;
my $faults = 0;

die "$source has no layers\n" if !@files;
foreach my $file (@files)
{
	my ($layer) = $file =~ m{^(\w+)/};
	fault($file, 1, "$layer is no layer: " . join(' ', sort keys %uses)) if !$uses{$layer};
	open my $handle, '<', "$source/$file" or die "$file: $!\n";
	while (my $line = <$handle>)
	{
		next if $line !~ /^\s*#\s*include\s+"([^"]+)"/;
		my $header = $1;
		my ($of) = $header =~ m{^(\w+)/};
		my $name = $header =~ s{.*/}{}r;

		if ($is_ours{$header})
		{
			fault($file, $., "\"$header\": " . rule($layer)) if !may_include($layer, $of, $header);
		}
		elsif ($folder_of{$name} && ($header eq $name || $header =~ /^\.{1,2}\// || $uses{$of}))
		{
			fault($file, $., "\"$header\" is written from src/: \"$folder_of{$name}/$name\"");
		}
	}
	close $handle;
}
exit($faults ? 1 : 0);

sub may_include
{
	my ($layer, $of, $header) = @_;
	return $of eq $layer || grep { $_ eq $of || $_ eq $header } @{ $uses{$layer} // [] };
}

sub rule
{
	my ($layer) = @_;
	my @uses = @{ $uses{$layer} // [] };
	return "$layer includes " . (@uses ? 'itself and ' . join(', ', @uses) . ' alone' : 'itself alone') . ' (docs/architecture.md)';
}

sub fault
{
	my ($file, $line, $words) = @_;
	print "src/$file:$line: $words\n";
	$faults++;
	return;
}
