# Failover slots (PostgreSQL 17 and newer): the primary dies under load while a
# standby is behind, and the forwarder goes on at that standby by itself.  With
# synchronized_standby_slots, Kafka never has what the standby lacks, and nothing
# is lost or repeated.  Without it Kafka is ahead, which is refused.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Load;
use Walferry::Position;

my $primary = Walferry::postgres('primary', start => 0);
plan skip_all => 'this server has no failover slots'
  unless Walferry::knows_setting($primary, 'synchronized_standby_slots');
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION walferry');

my $kafka = Walferry::Kafka->shared;
my $load = Walferry::Load->new(pg => $primary, committed => 1);

sub forwarder
{
	my ($name, $nodes, %config) = @_;
	return Walferry::Forwarder->new(
		pg => $nodes->[0],
		kafka => $kafka,
		name => "t030_$name",
		config => {
			'database.hostname' => join(',', map { $_->host } @$nodes),
			'database.port' => join(',', map { $_->port } @$nodes),
			'exactly.once' => 'true',
			'slot.failover' => 'true',
			'topic.creation.default.partitions' => 3,
			'topic.creation.default.replication.factor' => 1,
			'retriable.restart.connector.wait.ms' => 50,
			'walferry.retry.backoff.max.ms' => 200,
			%config
		});
}

# A standby that keeps failover slots.
sub standby_of
{
	my ($node, $name) = @_;
	my $standby = PostgreSQL::Test::Cluster->new($name);
	my $conninfo = $node->connstr;

	$node->safe_psql('postgres',
		"SELECT pg_create_physical_replication_slot('$name')");
	$node->backup($name);
	$standby->init_from_backup($node, $name, has_streaming => 1);
	$standby->append_conf('postgresql.conf', <<EOF);
primary_conninfo = '$conninfo dbname=postgres'
primary_slot_name = '$name'
hot_standby_feedback = on
sync_replication_slots = on
EOF
	$standby->start;
	return $standby;
}

sub wait_synced
{
	my ($node, $standby, $fw) = @_;
	poll_until(
		'the slot to be kept by the standby',
		sub {
			$node->safe_psql('postgres', 'SELECT pg_log_standby_snapshot()');
			return $standby->safe_psql('postgres',
				'SELECT synced AND NOT temporary '
				  . 'AND invalidation_reason IS NULL '
				  . "FROM pg_replication_slots WHERE slot_name = '"
				  . $fw->slot
				  . "'") eq 't';
		});
}

# It was stopped, and takes over.
sub start_promoted
{
	my ($standby) = @_;
	$standby->start;
	$standby->promote;
	$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()')
	  or die 'not promoted';
}

# ---- with synchronized_standby_slots ----

my $second = standby_of($primary, 'second');

# Not in the backup: a primary waits for ever for a slot that it has not.
$primary->append_conf('postgresql.conf',
	"synchronized_standby_slots = 'second'");
$primary->reload;
my $fw = forwarder('slot', [ $primary, $second ])->started($primary);
my $alone = forwarder(
	'alone', [ $primary, $second ],
	'exactly.once' => 'false',
	'status.update.interval.ms' => 100,
	'walferry.log.level' => 'debug')->started($primary);
is($primary->safe_psql('postgres',
		"SELECT failover FROM pg_replication_slots WHERE slot_name = 't030_slot'"),
	't', 'slot.failover makes a failover slot');
my $waits = forwarder('waits', [$primary])->started($primary);
$load->start(4, 100);
wait_synced($primary, $second, $_) for $fw, $alone, $waits;
$load->wait_committed(50);
unlike($fw->log_text, qr/ warn repl: /, 'nothing to warn about');

# At the standby alone: the copy of a slot is waited for, and what is no copy is
# no source for who stores positions.
is($waits->stop, 0, 'stops');
$waits->set(
	'database.hostname' => $second->host,
	'database.port' => $second->port);
$waits->set_env(PGTARGETSESSIONATTRS => 'any');
$waits->start;
$waits->wait_for_log(
	qr/ warn forward: [^\n]*the copy that a standby keeps[^\n]*waiting for the standby's promotion/
);
my ($refused, $why) = forwarder('own', [$second])->run_to_end(30);
is($refused, 3, 'a slot of the standby: exit code 3');
like(
	$why,
	qr/ error forward: [^\n]*the server is a standby[^\n]*connect to the primary/,
	'a slot of the standby: says what to do');

# The standby falls behind: the server holds back what it lacks.
$second->stop;
$load->wait_committed(50);
$primary->poll_query_until('postgres',
	q{SELECT count(*) > 0 FROM pg_stat_activity
	   WHERE backend_type = 'walsender'
		 AND wait_event = 'WaitForStandbyConfirmation'})
  or die 'nobody waits for the standby';
my $says = qr/ repl: the server says [^\n]*\\"second\\"/;
$alone->wait_for_log(qr/ debug$says/);
my @told = $alone->log_text =~ / warn$says/g;
is(scalar @told, 1, 'what the server says again and again is logged once');
my $committed = $load->committed;
my $at = $fw->log_size;
$primary->stop('immediate');
$fw->wait_for_log(qr/ warn forward: PostgreSQL connection lost/, $at);
start_promoted($second);
$fw->wait_for_log(qr/ streaming slot=t030_slot [^\n]*timeline=2 /, $at);
$alone->wait_for_log(qr/ streaming slot=t030_alone [^\n]*timeline=2 /);
pass('goes on at the promoted standby');
$waits->wait_for_log(qr/ streaming slot=t030_waits [^\n]*timeline=2 /);
pass('what has waited at the standby goes on there, too');
$load->move($second);
cmp_ok($load->committed, '<', $committed,
	'the standby lacks what the primary had committed');
$load->wait_committed(50);
$load->stop;
is($load->is_complete($kafka, $fw, 'after the failover'),
	0, 'no repeats, and nothing that the standby lacks');
is(Walferry::Position::last($kafka, $fw)->{timeline},
	2, 'timeline of the record');
is($load->is_complete($kafka, $waits, 'waited for the failover'),
	0, 'no repeats, of what has waited');
$load->is_complete($kafka, $alone, 'at least once, after the failover');
is($_->stop, 0, 'stops') for $alone, $waits;
unlike($_->log_text, qr/^\S+ error /m, 'no error line')
  for $fw, $alone, $waits;

# ---- without it ----

my $last = standby_of($second, 'last');
is($fw->stop, 0, 'stops');
$fw->set(
	'database.hostname' => join(',', map { $_->host } $second, $last),
	'database.port' => join(',', map { $_->port } $second, $last));
$fw->started($second);
$fw->wait_for_log(qr/ warn repl: synchronized_standby_slots is empty/);
pass('warns that synchronized_standby_slots is empty');
$load->start(4, 100);
wait_synced($second, $last, $fw);
$second->wait_for_catchup($last);
$last->stop;
$load->wait_committed(50);
$load->stop;
Walferry::wait_confirmed($second, $fw->slot);
$second->stop('immediate');
start_promoted($last);
is($fw->wait_exit(60), 5, 'Kafka ahead of the promoted standby: exit code 5');
like(
	$fw->log_since_start,
	qr/ error forward: [^\n]*the server left its timeline before it/,
	'Kafka ahead of the promoted standby: says so');
my ($code, $log) = $fw->run_to_end(60);
is($code, 5, 'a new start: exit code 5 again');
like($log, qr/ error forward: [^\n]*the server left its timeline before it/,
	'a new start: says so');
$fw->set('offset.mismatch.strategy' => 'trust_slot');
$fw->started($last);
$last->safe_psql('postgres', 'INSERT INTO load_log VALUES (-1)');
Walferry::wait_confirmed($last, $fw->slot);
my ($event) = grep { $_->{key} eq '{"n":-1}' }
  $kafka->read_topic($fw->topic('public.load_log'), committed => 1);
like($event->{header}{'walferry.position'},
	qr/^00000003-/, 'trust_slot goes on, on the new timeline');
is($fw->stop, 0, 'stops');

# ---- what is worth a warning ----

sub warned
{
	my ($name, $failover, $wanted, $re) = @_;
	my $f = forwarder(
		$name, [$last],
		'slot.failover' => $wanted,
		'offset.mismatch.strategy' => 'trust_slot');
	$last->safe_psql('postgres',
		"SELECT pg_create_logical_replication_slot('t030_$name', 'walferry', "
		  . "failover => $failover)");
	$f->start;
	$f->wait_for_log(qr/ warn repl: $re/);
	$f->wait_for_log(qr/ streaming slot=/);
	pass("warns: $name");
	is($f->stop, 0, 'stops');
}

warned('wanted', 'false', 'true', 'the slot is not a failover slot');
warned('made', 'true', 'false', 'synchronized_standby_slots is empty');
$last->append_conf('postgresql.conf',
	"synchronized_standby_slots = 'last, nowhere, \"else\"'");
$last->reload;
warned('missing', 'true', 'true',
	'synchronized_standby_slots names slots that do not exist: '
	  . '.* missing="last, nowhere, else"');
done_testing();
