#
# prove.pl - run TAP tests as prove does, and write the counts to a file.
#
#   perl test/prove.pl COUNTS FAILURES JOBS FILE ...
#
# COUNTS gets "passed failed skipped".  A file that breaks off, or whose plan
# is not kept, counts as one more failure than its tests show.  FAILURES gets a
# line for each test that failed, and for each such file.
#
use strict;
use warnings;
use TAP::Harness;

my $log_lines = 40;
my ($counts, $failures, $jobs, @files) = @ARGV;
my $harness = TAP::Harness->new(
	{
		jobs => $jobs,
		timer => 1,
		failures => 1,
		lib => [ split /:/, $ENV{PERL5LIB} // '' ],
	});
my $aggregate = $harness->runtests(@files);
my $failed = $aggregate->failed;

open my $named, '>', $failures or die "$failures: $!";
for my $file (@files)
{
	my ($parser) = $aggregate->parsers($file);
	next unless $parser && $parser->has_problems;
	$failed++ unless $parser->failed;
	print $named map { "$file: $_\n" } what_failed($file, $parser);
	print_end_of_log($file);
}
close $named or die $!;
open my $fh, '>', $counts or die "$counts: $!";
print $fh join(' ', scalar $aggregate->passed, $failed,
	scalar $aggregate->skipped), "\n";
close $fh or die $!;
exit($aggregate->all_passed ? 0 : 1);

sub log_of
{
	my ($file) = @_;
	my ($name) = $file =~ m{([^/]+)\.pl$};
	return "$ENV{TESTLOGDIR}/regress_log_$name";
}

sub what_failed
{
	my ($file, $parser) = @_;
	my @failed;
	my $reason = 'no word of why';

	if (open my $log, '<', log_of($file))
	{
		while (<$log>)
		{
			chomp;
			push @failed, $1 if /^(?:\S+ )?(not ok \d.*)/;
			$reason = $_ if / at \S+ line \d+\.$/;
		}
	}
	push @failed, "broke off: $reason"
	  if $parser->parse_errors || !@failed;
	return @failed;
}

# What the file, and the forwarder that it started last, said in the end: for
# those who see nothing but this output.
sub print_end_of_log
{
	my ($file) = @_;
	my @lines = end_of(log_of($file));
	print "\n=== the end of the log of $file\n", @lines, "\n";
	my ($log) = map { /^# starting .*, log (\S+)$/ ? $1 : () } reverse @lines;
	print "=== the end of $log\n", end_of($log), "\n" if $log;
}

sub end_of
{
	my ($file) = @_;
	open my $log, '<', $file or return;
	my @lines = <$log>;
	splice @lines, 0, -$log_lines if @lines > $log_lines;
	return @lines;
}
