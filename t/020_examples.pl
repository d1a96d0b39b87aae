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

# Positions in the order of arrival, by partition, and which are new.
my @arrivals = (
	[ 0, 1, 'new' ], [ 0, 2, 'new' ], [ 1, 1, 'new' ], [ 0, 1, 'repeat' ],
	[ 0, 2, 'repeat' ], [ 0, 3, 'new' ], [ 1, 1, 'repeat' ], [ 1, 4, 'new' ]);
my $n = 0;
my $input = join '', map {
	JSON::PP->new->canonical->encode({
		topic => 't',
		partition => $_->[0],
		headers => [
			'__debezium.context.taskId', '0', 'walferry.position',
			sprintf('00000001-%016X-000000000000-0000', $_->[1])
		],
		key => 'k' . $n++,
		payload => undef
	}) . "\n"
} @arrivals;
my $output = '';
IPC::Run::run([ 'python3', "$dir/once.py" ], '<', \$input, '>', \$output);
is($?, 0, 'once.py: exit code');
is_deeply(
	[ $output =~ /^(k\d+)/mg ],
	[ map { "k$_" } grep { $arrivals[$_][2] eq 'new' } 0 .. $#arrivals ],
	'once.py: each record once');

done_testing();
