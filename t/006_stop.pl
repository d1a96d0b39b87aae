# SIGTERM: while Kafka is down, a second time, in the middle of a large
# transaction, with a slot that is to go.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use Time::HiRes qw(time);

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->new;
$pg->safe_psql('postgres', 'CREATE TABLE t (id int PRIMARY KEY, pad text)');

sub forwarder
{
	my ($name, %config) = @_;
	return Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => $name,
		config => { 'topic.prefix' => $name, %config })->started($pg);
}

sub current_lsn
{
	return lsn_number(
		$pg->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()'));
}

# In the middle of a large transaction: it is finished, confirmed and not
# begun again.
my $large = forwarder('t006_large');
$pg->safe_psql('postgres',
	q{INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(1, 40000) i}
);
my $lsn = current_lsn();
poll_until('the topic',
	sub { return exists ${ \scalar $kafka->topics }->{'t006_large.public.t'} });
is($large->stop, 0, 'large transaction: exit code 0');
cmp_ok(confirmed_lsn($pg, $large->slot), '>=', $lsn,
	'large transaction: confirmed');
my @records = quick_records($kafka, 't006_large.public.t');
is(scalar @records, 40000, 'large transaction: all of it, once');
$large->started($pg);
$pg->safe_psql('postgres', "INSERT INTO t VALUES (0, 'after')");
Walferry::wait_confirmed($pg, $large->slot);
@records = quick_records($kafka, 't006_large.public.t');
is(scalar @records, 40001, 'large transaction: not repeated');
is($large->stop, 0, 'stops');

# slot.drop.on.stop: the slot goes at a clean stop, and not with a forwarder
# that was killed: what it holds is carried by the next.
sub has_slot
{
	my ($fw) = @_;
	return $pg->safe_psql('postgres',
		    'SELECT count(*) FROM pg_replication_slots '
		  . "WHERE slot_name = '" . $fw->slot . "'");
}

my %drops = (
	'slot.drop.on.stop' => 'true',
	'walferry.position.store' => 'slot');
my $drops = forwarder('t006_drops', %drops);
$drops->kill9;
is(has_slot($drops), 1, 'slot.drop.on.stop: killed, the slot stays');
$pg->safe_psql('postgres',
	q{INSERT INTO t SELECT i, '' FROM generate_series(60001, 61000) i});
$drops->started($pg);
Walferry::wait_confirmed($pg, $drops->slot);
is($drops->stop, 0, 'slot.drop.on.stop: exit code 0');
is(has_slot($drops), 0, 'slot.drop.on.stop: stopped, the slot is gone');
like($drops->log_since_start, qr/ info repl: dropped the slot/,
	'slot.drop.on.stop: which is said');
@records = quick_records($kafka, 't006_drops.public.t');
is(scalar @records, 1000, 'slot.drop.on.stop: what it held has arrived');

# Kafka is down: it waits as long as it was told to, and says what is left.  A
# slot that has something left is not dropped.
my $down = forwarder(
	't006_down',
	'walferry.shutdown.timeout.ms' => 2000,
	%drops);
my $twice = forwarder('t006_twice', 'walferry.shutdown.timeout.ms' => 60000);
$pg->safe_psql('postgres', "INSERT INTO t VALUES (50001, '')");
Walferry::wait_confirmed($pg, $_->slot) for $down, $twice;
my %before = map { $_->name => confirmed_lsn($pg, $_->slot) } $down, $twice;
$kafka->kill;
$pg->safe_psql('postgres', "INSERT INTO t VALUES (50002, '')");
$_->wait_for_log(qr/ warn kafka: unreachable/) for $down, $twice;

my $started = time;
is($down->stop, 0, 'Kafka down: exit code 0');
my $took = time - $started;
cmp_ok($took, '>', 1.9, 'Kafka down: waits for the time that is set');
cmp_ok($took, '<', 5, 'Kafka down: and not for longer');
like(
	$down->log_since_start,
	qr/ warn forward: stopped before Kafka acknowledged everything.* unconfirmed=1 confirmed_lsn=/,
	'Kafka down: says what is not confirmed');
my ($said) = $down->log_since_start =~ /confirmed_lsn=(\S+)/;
is(lsn_number($said), $before{t006_down}, 'Kafka down: says where it stands');
is(confirmed_lsn($pg, $down->slot), $before{t006_down},
	'Kafka down: confirmed no more than before');

# A second signal ends it at once.
$twice->signal_with('TERM');
$twice->wait_for_log(qr/ info forward: stopping/);
$started = time;
$twice->signal_with('TERM');
is($twice->wait_exit, 0, 'second signal: exit code 0');
cmp_ok(time - $started, '<', 5, 'second signal: at once');
like($twice->log_since_start,
	qr/ warn forward: stopped before Kafka acknowledged everything/,
	'second signal: says that something is not confirmed');
is(confirmed_lsn($pg, $twice->slot),
	$before{t006_twice}, 'second signal: confirmed no more than before');

# What was left comes after the next start.
$kafka->restart;
for my $fw ($down, $twice)
{
	$fw->started($pg);
	my $topic = $fw->name . '.public.t';
	my %ids = map { $_->{text_key} => 1 } $kafka->wait_for_events($topic, 2);
	is_deeply(
		\%ids,
		{ '{"id":50001}' => 1, '{"id":50002}' => 1 },
		$fw->name . ': the next start brings what was left');
	is($fw->stop, 0, 'stops');
}

# While PostgreSQL is away there is nothing to wait for.
my $lonely = forwarder('t006_lonely', 'walferry.shutdown.timeout.ms' => 60000);
$pg->stop;
$lonely->wait_for_log(qr/ warn forward: PostgreSQL connection lost/);
$started = time;
is($lonely->stop, 0, 'PostgreSQL down: exit code 0');
cmp_ok(time - $started, '<', 5, 'PostgreSQL down: at once');
done_testing();
