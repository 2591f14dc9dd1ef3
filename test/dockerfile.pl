#!/usr/bin/perl
# dockerfile.pl: is the Dockerfile one that an engine can build, as far as can be told without
# one? Its instructions and their order; that stages, variables and files which it names are
# there, and not kept away by .dockerignore; that its shell commands are clean; and that
# nothing that compiles is in the last stage. hadolint looks at it, too, where it is installed.
# That it builds is not shown here.
#
#	test/dockerfile.pl
#
# Prints each fault and ends with status 1 if there is one.
use strict;
use warnings;
use File::Temp ();
use FindBin;

my $project = "$FindBin::RealBin/..";
my @faults;
my @steps = steps(slurp("$project/Dockerfile"));
my @kept = grep { /\S/ && !/^#/ } split /\n/, slurp("$project/.dockerignore");

my (%stage, %variable, $stages, $last_base);
foreach my $step (@steps)
{
	my ($line, $word, $rest) = @$step;

	fault($line, "$word is no instruction") unless $word =~ /^(?:ARG|FROM|RUN|COPY|WORKDIR|ENV|LABEL|USER|EXPOSE|VOLUME|CMD|ENTRYPOINT|HEALTHCHECK|STOPSIGNAL|SHELL)$/;
	fault($line, "$word stands before the first FROM") unless $stages || $word =~ /^(?:ARG|FROM)$/;
	if ($word ne 'RUN')
	{
		# what is known before FROM is unknown after it, unless named again
		fault($line, "\${$_} is no variable here") foreach grep { !$variable{$_} && !($word eq 'FROM' && $variable{"global $_"}) } $rest =~ /\$\{?(\w+)/g;
	}
	if ($word eq 'ARG')
	{
		my ($name) = $rest =~ /^(\w+)(?:=\S+)?$/ or fault($line, "ARG $rest is not understood");
		$variable{ $stages ? $name : "global $name" } = 1;
	}
	elsif ($word eq 'FROM')
	{
		my ($base, $as) = $rest =~ /^(\S+)(?: AS (\w+))?$/ or fault($line, "FROM $rest is not understood");
		fault($line, "$base has no version") unless $stage{$base} || $base =~ /:./ && $base !~ /:latest$/;
		%variable = map { $_ => 1 } grep { /^global / } keys %variable;
		$stage{$as} = 1 if $as;
		$last_base = $line;
		$stages++;
	}
	elsif ($word eq 'COPY')
	{
		my ($from) = $rest =~ s/^--from=(\S+)\s+// ? $1 : undef;
		my @files = split ' ', $rest;
		my $to = pop @files;

		fault($line, "there is no stage $from") if defined $from && !$stage{$from};
		fault($line, "COPY of several files needs a folder, not $to") if @files > 1 && $to !~ m{/$};
		foreach my $file (defined $from ? () : @files)
		{
			fault($line, "there is no $file") unless -e "$project/$file";
			fault($line, "$file is not let through by .dockerignore") unless grep { $_ eq "!$file" } @kept;
		}
	}
	elsif ($word eq 'WORKDIR')
	{
		fault($line, "WORKDIR $rest is not absolute") unless $rest =~ m{^/};
	}
	elsif ($word eq 'RUN')
	{
		check_shell($line, $rest);
		fault($line, 'apt-get install without -y waits for an answer') if $rest =~ /apt-get install(?![^&]*-y)/;
		fault($line, 'apt lists stay in the image') if $rest =~ /apt-get update/ && $rest !~ m{rm -rf /var/lib/apt/lists};
	}
}
fault(0, 'there is no FROM') unless $stages;
foreach my $step (grep { $_->[0] > ($last_base // 0) } @steps)
{
	fault($step->[0], 'a compiler is in what runs') if $step->[2] =~ /\b(?:gcc|make|clang|server-dev)\b/;
}
fault(0, 'hadolint: ' . $_) foreach hadolint();

print "Dockerfile: $_\n" foreach @faults;
exit(@faults ? 1 : 0);

# [line, instruction, arguments], with lines that go on in the next as one
sub steps
{
	my ($text) = @_;
	my (@steps, $open);
	my $number = 0;

	foreach my $line (split /\n/, $text)
	{
		$number++;
		next if $line =~ /^\s*(?:#|$)/;
		if (defined $open)
		{
			$open->[2] .= $line =~ s/^\s*/ /r;
		}
		else
		{
			$line =~ /^(\S+)\s+(.*)$/ or fault($number, "not understood: $line");
			push @steps, $open = [ $number, $1 // $line, $2 // '' ];
		}
		undef $open unless $open->[2] =~ s/\\$//;
	}
	return @steps;
}

# By the shell that will run it, and shellcheck where it is installed
sub check_shell
{
	my ($line, $script) = @_;
	my $file = File::Temp->new(SUFFIX => '.sh');

	print $file "#!/bin/sh\n: \"\${PG_MAJOR:=}\"\n$script\n";
	close($file);
	fault($line, "the shell does not take it: $script") if system('sh', '-n', $file) != 0;
	return unless grep { -x "$_/shellcheck" } split /:/, $ENV{PATH};
	my $found = `shellcheck --format=gcc "$file"`;
	fault($line, $_) foreach split /\n/, $found;
}

sub hadolint
{
	return () unless grep { -x "$_/hadolint" } split /:/, $ENV{PATH};
	# versions of packages are the distribution's business
	return split /\n/, `hadolint --ignore DL3008 "$project/Dockerfile"`;
}

sub slurp
{
	my ($file) = @_;

	open(my $in, '<', $file) or do { fault(0, "there is no $file"); return '' };
	local $/;
	return scalar readline $in;
}

sub fault
{
	my ($line, $words) = @_;
	push @faults, $line ? "line $line: $words" : $words;
	return;
}
