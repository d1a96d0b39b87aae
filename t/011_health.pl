# "walferry health": 0 only if the process is connected both ways and positions
# move or nothing is pending; and the socket it asks on.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use JSON::PP;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->new;
# A Unix socket's path must be short.
my $socket = PostgreSQL::Test::Utils::tempdir_short() . '/health';
my %quick = (
	'retriable.restart.connector.wait.ms' => 50,
	'walferry.retry.backoff.max.ms' => 200,
	'producer.override.reconnect.backoff.max.ms' => 200);
my $fw = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	config => { %quick, 'walferry.health.socket' => $socket });
$pg->safe_psql('postgres', 'CREATE TABLE t (id int PRIMARY KEY)');

sub health
{
	my ($of) = @_;
	my ($code, $out, $err) = Walferry::Forwarder::command(
		[ 'health', '--config', ($of // $fw)->config_file ], seconds => 10);
	my $said = $out ne '' ? decode_json($out) : {};
	return ($code, $said, $err);
}

# Waits until it says so; the object it says.
sub health_becomes
{
	my ($want, $what) = @_;
	my ($code, $said, $err);
	poll_until(
		"health to be $want: $what",
		sub {
			($code, $said, $err) = health();
			return ($said->{status} // 'none') eq $want;
		});
	is($code, $want eq 'ok' ? 0 : 1, "$what: exit code");
	is($err, '', "$what: nothing on standard error");
	return $said;
}

# Nobody there.
my ($code, $said, $err) = health();
is($code, 1, 'not running: exit code 1');
like($err, qr/^walferry: no forwarder answers on \Q$socket\E: No such file/,
	'not running: one line');
my $silent = Walferry::Forwarder->new(pg => $pg, kafka => $kafka);
($code, $said, $err) = health($silent);
is($code, 2, 'no socket configured: exit code 2');
like($err, qr/walferry\.health\.socket is not set/,
	'no socket configured: says so');

# All is well, idle and after work.
$fw->started($pg);
$said = health_becomes('ok', 'idle');
is($said->{pid}, $fw->pid, 'idle: the process');
is($said->{state}, 'streaming', 'idle: state');
is(sprintf('%o', (stat $socket)[2] & 0777), '600', 'for this user only');
$pg->safe_psql('postgres', 'INSERT INTO t SELECT generate_series(1, 3)');
my $lsn = Walferry::wait_confirmed($pg, $fw->slot);
$said = health_becomes('ok', 'after work');
is($said->{events}, 3, 'after work: events');
is($said->{transactions}, 1, 'after work: transactions');
is($said->{in_flight}, 0, 'after work: nothing in flight');
is($said->{topics}{ $fw->topic('public.t') }, 3, 'after work: by topic');
cmp_ok($said->{latency_ms_p50}, '>', 0, 'after work: latency');
cmp_ok($said->{latency_ms_p99},
	'>=', $said->{latency_ms_p50}, 'after work: the worst are not faster');
is($pg->safe_psql('postgres',
		"SELECT '$said->{confirmed_lsn}'::pg_lsn >= '$lsn'"),
	't', 'after work: confirmed');

# A second process on the same socket: refused, and the first is not disturbed.
my $second = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	config => { 'walferry.health.socket' => $socket });
my ($end, $log) = $second->run_to_end(30);
is($end, 2, 'second process: exit code 2');
like(
	$log,
	qr/ error health: another process answers on walferry\.health\.socket[^\n]*\Q$socket\E/,
	'second process: says why');
$said = health_becomes('ok', 'beside a second process');
is($said->{pid}, $fw->pid, 'beside a second process: the first answers');

# Kafka goes away, with something to be sent.
$kafka->kill;
$pg->safe_psql('postgres', 'INSERT INTO t VALUES (4)');
$said = health_becomes('failing', 'Kafka down');
is_deeply(
	[ map { $_ ? 1 : 0 } @$said{qw(source_connected sink_connected)} ],
	[ 1, 0 ],
	'Kafka down: which of the two');
poll_until('the record', sub { return (health())[1]{in_flight} });
$kafka->restart;
$said = health_becomes('ok', 'Kafka back');
poll_until('its delivery', sub { return (health())[1]{events} == 4 });
pass('Kafka back: delivered');

# PostgreSQL goes away.
$pg->stop;
$said = health_becomes('failing', 'PostgreSQL down');
is_deeply(
	[ map { $_ ? 1 : 0 } @$said{qw(source_connected sink_connected)} ],
	[ 0, 1 ],
	'PostgreSQL down: which of the two');
like($said->{state}, qr/^(?:waiting|connecting)$/, 'PostgreSQL down: state');
$pg->start;
$said = health_becomes('ok', 'PostgreSQL back');
cmp_ok($said->{reconnects}, '>', 0, 'PostgreSQL back: counted');

# Killed: the socket is left behind, and taken over.
$fw->kill9;
ok(-S $socket, 'killed: the socket is left');
($code, $said, $err) = health();
is($code, 1, 'killed: exit code 1');
like($err, qr/no forwarder answers on \Q$socket\E: Connection refused/,
	'killed: says so');
$fw->started($pg);
$said = health_becomes('ok', 'started again');
is($said->{pid}, $fw->pid, 'started again: the process');
is($fw->stop, 0, 'stops');
ok(!-e $socket, 'stopped: no socket is left');

# A file that is no socket is not removed.
open my $fh, '>', $socket or die $!;
print $fh 'precious';
close $fh;
($end, $log) = $fw->run_to_end(30);
is($end, 2, 'a file in its place: exit code 2');
like($log, qr/ error health: cannot listen on walferry\.health\.socket[^\n]*\Q$socket\E[^\n]*File exists/,
	'a file in its place: named');
is(slurp_text($socket), 'precious', 'a file in its place: left as it was');
done_testing();
