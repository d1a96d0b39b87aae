# What is in examples/ works: each configuration is valid, and the
# reader that leaves out repeats does so.
use Walferry;
use Walferry::Forwarder;
use IPC::Run;
use JSON::PP;

my $dir = Walferry::home('examples');
for my $file (qw(minimal.properties connect.json debezium-server.properties))
{
	my ($code, $out, $err) = Walferry::Forwarder::command(
		[ 'validate', '--config', "$dir/$file" ],
		env => { SHOP_PASSWORD => 'secret' });
	is($code, 0, "$file is valid") or diag($err);
	like($out, qr/^configuration is valid$/m, "$file: and is said to be");
	is($err, '', "$file: nothing on standard error");
}

# Topic, partition and position in the order of arrival, and whether it is
# new.  Each partition of each topic counts for itself; a record without a
# position is none of walferry's rows and passes.
my @arrivals = (
	[ 't', 0, 1, 'new' ],
	[ 't', 0, 2, 'new' ],
	[ 't', 1, 1, 'new' ],
	[ 'u', 0, 1, 'new' ],
	[ 't', 0, 1, 'repeat' ],
	[ 't', 0, 2, 'repeat' ],
	[ 't', 0, undef, 'new' ],
	[ 't', 0, 3, 'new' ],
	[ 't', 1, 1, 'repeat' ],
	[ 't', 1, 4, 'new' ],
	[ 't', 1, 0x10, 'new' ],
	[ 't', 1, 4, 'repeat' ]);
my $n = 0;
my $input = join '', map {
	JSON::PP->new->canonical->encode({
		topic => $_->[0],
		partition => $_->[1],
		defined $_->[2]
		? (headers => [
				'__debezium.context.taskId',
				'0',
				'walferry.position',
				sprintf('00000001-%016X-000000000000-0000', $_->[2])
			])
		: (),
		key => 'k' . $n++,
		payload => undef
	}) . "\n"
} @arrivals;
my $output = '';
IPC::Run::run([ 'python3', "$dir/once.py" ], '<', \$input, '>', \$output);
is($?, 0, 'once.py: exit code');
is_deeply(
	[ $output =~ /^(k\d+)/mg ],
	[ map { "k$_" } grep { $arrivals[$_][3] eq 'new' } 0 .. $#arrivals ],
	'once.py: each record once');

done_testing();
