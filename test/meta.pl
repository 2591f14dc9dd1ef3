#!/usr/bin/perl
# meta.pl: does META.json say what version 1.0.0 of the PGXN Meta Spec asks for, and is it
# true of this tree? Needs no module that perl has not.
#
#	test/meta.pl [FOLDER]		the project (default: where this lies)
#
# Prints each fault and ends with status 1 if there is one.
use strict;
use warnings;
use FindBin;
use JSON::PP;

my $project = shift // "$FindBin::RealBin/..";
my @faults;

my $meta = eval { JSON::PP->new->utf8->decode(slurp("$project/META.json")) };
die "META.json: not JSON: $@" unless ref $meta eq 'HASH';

# ------------------------------------------------------------------------
# The spec: what a key's value has to be. '!' must be there.
# ------------------------------------------------------------------------
my $semver = qr/(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)(?:-[0-9A-Za-z.-]+)?/;

my %licences = map { $_ => 1 } qw(agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd freebsd
  gfdl_1_2 gfdl_1_3 gpl_1 gpl_2 gpl_3 lgpl_2_1 lgpl_3_0 mit mozilla_1_0 mozilla_1_1 openssl perl_5
  postgresql qpl_1_0 ssleay sun zlib open_source restricted unrestricted unknown);

my $string = sub { !ref $_[0] && defined $_[0] && length $_[0] };
my $term = sub { $string->($_[0]) && $_[0] =~ m{\A[^\s[:cntrl:]/\\]{2,}\z} };
my $tag = sub { $string->($_[0]) && $_[0] =~ m{\A[^[:cntrl:]/\\]{1,256}\z} };
my $version = sub { $string->($_[0]) && $_[0] =~ /\A$semver\z/ };
my $range = sub {
	$string->($_[0]) && !grep { !/\A(?:0|(?:(?:<=|>=|==|!=|<|>)\s*)?$semver)\z/ } split /,\s*/, $_[0], -1;
};
my $url = sub { $string->($_[0]) && $_[0] =~ m{\A[a-z][a-z0-9+.-]*://[^/?\#\s]+\S*\z}i };
my $mail = sub { $string->($_[0]) && $_[0] =~ /\A[^\s@]+@[^\s@]+\z/ };
my $lower = sub { $string->($_[0]) && $_[0] !~ /\p{Upper}/ };
my $licence = sub { $string->($_[0]) && $licences{ $_[0] } };
my $status = sub { $string->($_[0]) && $_[0] =~ /\A(?:stable|testing|unstable)\z/ };

my %extension = ('!file' => $string, '!version' => $version, abstract => $string, docfile => $string);
my %relations = map { $_ => any_key($term, $range) } qw(requires recommends suggests conflicts);

check('META.json', $meta, {
	'!name' => $term,
	'!version' => $version,
	'!abstract' => $string,
	'!maintainer' => list($string),
	'!license' => sub {
		ref $_[0] eq 'HASH' ? !grep { !$url->($_) } values %{ $_[0] } : list($licence)->($_[0]);
	},
	'!provides' => any_key($term, \%extension),
	'!meta-spec' => { '!version' => sub { $_[0] eq '1.0.0' }, url => $url },
	description => $string,
	generated_by => $string,
	tags => list($tag),
	no_index => { file => list($string), directory => list($string) },
	prereqs => { map { $_ => \%relations } qw(configure build test runtime develop) },
	release_status => $status,
	resources => {
		license => list($url),
		homepage => $url,
		bugtracker => { web => $url, mailto => $mail },
		repository => { web => $url, url => $url, type => $lower },
	},
});

# ------------------------------------------------------------------------
# This tree
# ------------------------------------------------------------------------
my ($default) = slurp("$project/retention.control") =~ /^default_version\s*=\s*'([^']*)'/m;
my $release = $meta->{version} // '';
fault("version $release is not the control file's $default") unless $release =~ /\A\Q$default\E(?:\.\d+)?\z/;

my $provided = ref $meta->{provides} eq 'HASH' ? $meta->{provides} : {};
for my $name (sort keys %$provided) {
	my $extension = $provided->{$name};
	fault("provides/$name: there is no $name.control") unless -f "$project/$name.control";
	for my $key (grep { defined $extension->{$_} } qw(file docfile)) {
		fault("provides/$name/$key: there is no $extension->{$key}") unless -f "$project/$extension->{$key}";
	}
	fault("provides/$name/version is not $release") unless ($extension->{version} // '') eq $release;
	fault("provides/$name/file is not of version $default")
	  unless ($extension->{file} // '') eq "sql/$name--$default.sql";
}

print "META.json: $_\n" for @faults;
exit(@faults ? 1 : 0);

# ------------------------------------------------------------------------
# check(PATH, VALUE, RULE): a rule is a function, the keys of an object, or any_key
# ------------------------------------------------------------------------
sub check {
	my ($path, $value, $rule) = @_;

	if (ref $rule eq 'CODE') {
		fault("$path is not valid") unless $rule->($value);
		return;
	}
	return fault("$path is not an object") unless ref $value eq 'HASH';

	if (ref $rule eq 'ARRAY') {
		my ($key_rule, $value_rule) = @$rule;
		fault("$path is empty") unless %$value;
		for my $key (sort keys %$value) {
			fault("$path: $key is not a name") unless $key_rule->($key);
			check("$path/$key", $value->{$key}, $value_rule);
		}
		return;
	}
	for my $key (map { /^!(.*)/ } sort keys %$rule) {
		fault("$path has no $key") unless defined $value->{$key};
	}
	for my $key (sort keys %$value) {
		my $of_key = $rule->{$key} // $rule->{"!$key"};
		if ($of_key) { check("$path/$key", $value->{$key}, $of_key) }
		elsif ($key !~ /\Ax_/i) { fault("$path/$key is unknown: a key of one's own begins with x_") }
	}
}

# One value, or an array of them
sub list {
	my ($rule) = @_;
	return sub {
		my @values = ref $_[0] eq 'ARRAY' ? @{ $_[0] } : $_[0];
		@values && !grep { !$rule->($_) } @values;
	};
}

# An object with keys of one's own
sub any_key { return [@_] }

sub fault { push @faults, map { s{^META.json/}{}r } @_; return }

sub slurp {
	my ($file) = @_;
	open my $handle, '<:raw', $file or die "$file: $!\n";
	local $/;
	return scalar <$handle>;
}
