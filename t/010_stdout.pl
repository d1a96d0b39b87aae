# For looking: records on standard output, from a temporary slot, or from a
# named one of which nothing is confirmed.
use Walferry;
use Walferry::Forwarder;
use Walferry::Check;
use IPC::Run;
use JSON::PP;

my $pg = Walferry::postgres('main');
$pg->safe_psql('postgres', 'CREATE TABLE t (id int PRIMARY KEY, s text)');

# Standard output apart from the log, which Forwarder->start would mix.
sub started
{
	my ($fw, @output) = @_;
	my @cmd = (
		Walferry::Forwarder::_binary(), 'run', '--config', $fw->config_file,
		'--sink', 'stdout');
	local %ENV = Walferry::Forwarder::_environment();
	return IPC::Run::start(\@cmd, '<', \undef, @output);
}

sub look
{
	my ($name, %config) = @_;
	my $fw = Walferry::Forwarder->new(
		pg => $pg,
		name => "t010_$name",
		config => { 'slot.name' => undef, %config });
	my %l = (out => '', err => '', fw => $fw);
	$l{harness} =
	  started($fw, '>', \$l{out}, '2>', \$l{err});
	return \%l;
}

sub wait_for
{
	my ($l, $what, $re) = @_;
	poll_until(
		"$what, having seen $l->{out}$l->{err}",
		sub {
			$l->{harness}->pump_nb;
			return "$l->{out}\n$l->{err}" =~ $re;
		});
}

# SIGTERM, unless told otherwise; its exit code, or the signal, negative.
sub ended
{
	my ($l, $signal) = @_;
	$l->{harness}->signal($signal // 'TERM') unless ($signal // '') eq 'none';
	$l->{harness}->finish;
	my $status = $l->{harness}->full_result(0);
	return $status & 127 ? -($status & 127) : $status >> 8;
}

sub slots
{
	return $pg->safe_psql('postgres',
		    'SELECT string_agg(plugin || temporary::text, $$,$$) '
		  . 'FROM pg_replication_slots');
}

# Without slot.name: a slot of its own.
my $l = look('own');
wait_for($l, 'the stream', qr/ streaming slot=/);
is(slots(), 'walferrytrue', 'own slot: temporary');
$pg->safe_psql('postgres', q{
	INSERT INTO t VALUES (1, E'a\tb\nc');
	DELETE FROM t WHERE id = 1});
wait_for($l, 'three records', qr/(?:^t010_own\.public\.t\t.*\n){3}/m);
my @lines = map { [ split /\t/ ] } split /\n/, $l->{out};
is(scalar @lines, 3, 'nothing else on standard output') or diag($l->{out});
is_deeply(
	[ map { "@$_[0 .. 2]" } @lines ],
	[ ('t010_own.public.t 0 {"id":1}') x 3 ],
	'topic, partition, key');
like($lines[0][3], qr/(?:^|,)walferry\.position=[0-9A-F-]{43}(?:,|$)/,
	'headers');
my $value = decode_json($lines[0][4]);
is($value->{op}, 'c', 'value: op');
is_deeply($value->{after}, { id => 1, s => "a\tb\nc" }, 'value: row');
is(decode_json($lines[1][4])->{op}, 'd', 'delete');
is($lines[2][4], 'null', 'tombstone');
unlike($l->{err}, qr/this librdkafka has a flaw/,
	'no Kafka: nothing of what librdkafka breaks');
is(ended($l), 0, 'SIGTERM: exit code 0');
is(slots(), '', 'own slot: gone after a stop');

$l = look('killed');
wait_for($l, 'the stream', qr/ streaming slot=/);
is(ended($l, 'KILL'), -9, 'killed');
poll_until('the temporary slot to go', sub { return slots() eq '' });
pass('own slot: gone after kill -9');

# With slot.name: nothing is confirmed, so it can be looked at again.
$pg->safe_psql('postgres', q{
	SELECT pg_create_logical_replication_slot('watched', 'walferry');
	INSERT INTO t VALUES (2, 'two');
	INSERT INTO t VALUES (3, 'three')});
my $state = q{
	SELECT confirmed_flush_lsn, restart_lsn FROM pg_replication_slots
	WHERE slot_name = 'watched'};
my $before = $pg->safe_psql('postgres', $state);
for my $time ('once', 'again')
{
	$l = look($time, 'slot.name' => 'watched',
		'status.update.interval.ms' => 100);
	wait_for($l, 'two records', qr/(?:^t010_$time\.public\.t\t.*\n){2}/m);
	is_deeply(
		[ map { (split /\t/)[2] } split /\n/, $l->{out} ],
		[ '{"id":2}', '{"id":3}' ],
		"named slot, $time: the records");

	# Replies have come in which it could have confirmed.
	poll_until(
		'replies',
		sub {
			return $pg->safe_psql('postgres',
				    'SELECT write_lsn >= pg_current_wal_insert_lsn() '
				  . 'FROM pg_stat_replication') eq 't';
		});
	is($pg->safe_psql('postgres', $state),
		$before, "named slot, $time: not confirmed while it runs");
	is(ended($l), 0, "named slot, $time: exit code 0");
	is($pg->safe_psql('postgres', $state),
		$before, "named slot, $time: not confirmed at the end");
}
is(slots(), 'walferryfalse', 'named slot: still there');

# A named slot that does not exist is not made: nobody would ever confirm it.
$l = look('missing', 'slot.name' => 'nowhere');
is(ended($l, 'none'), 3, 'missing slot: exit code 3');
like($l->{err}, qr/ error forward: [^\n]*nowhere/, 'missing slot: named');
is($l->{out}, '', 'missing slot: nothing on standard output');
is(slots(), 'walferryfalse', 'missing slot: not made');

# The reader goes away.
my $fw = Walferry::Forwarder->new(pg => $pg, name => 't010_head',
	config => { 'slot.name' => 'watched' });
my ($out, $err) = ('', '');
my $harness =
  started($fw, '2>', \$err, '|', [ 'head', '-n', '1' ], '>', \$out);
poll_until('a line', sub { $harness->pump_nb; return $out =~ /\n/ });
$pg->safe_psql('postgres',
	"INSERT INTO t SELECT i, 'more' FROM generate_series(4, 2000) i");
$harness->finish;
is($harness->full_result(0) >> 8, 4, 'broken pipe: exit code 4');
like($err, qr/ error forward: standard output failed[^\n]*Broken pipe/,
	'broken pipe: said');
is(scalar(() = $err =~ / (?:warn|error) /g), 1, 'broken pipe: one line')
  or diag($err);
done_testing();
