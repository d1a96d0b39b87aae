#
# prove.pl - run TAP tests as prove does, and write the counts to a file.
#
#   perl test/prove.pl COUNTS JOBS FILE ...
#
# COUNTS gets "passed failed skipped".  A file that breaks off, or whose plan
# is not kept, counts as one more failure than its tests show.
#
use strict;
use warnings;
use TAP::Harness;

my ($counts, $jobs, @files) = @ARGV;
my $harness = TAP::Harness->new(
	{
		jobs => $jobs,
		timer => 1,
		failures => 1,
		lib => [ split /:/, $ENV{PERL5LIB} // '' ],
	});
my $aggregate = $harness->runtests(@files);
my $failed = $aggregate->failed;

for my $file (@files)
{
	my ($parser) = $aggregate->parsers($file);
	$failed++ if $parser && $parser->has_problems && !$parser->failed;
}
open my $fh, '>', $counts or die "$counts: $!";
print $fh join(' ', scalar $aggregate->passed, $failed,
	scalar $aggregate->skipped), "\n";
close $fh or die $!;
exit($aggregate->all_passed ? 0 : 1);
