# What ends a connection or would end it: a forwarder that was frozen, settings
# of the role, a server that is stopped while Kafka does not answer.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use Time::HiRes qw(time usleep);

my $pg = Walferry::postgres('main', conf => "wal_sender_timeout = 2s\n");
my $kafka = Walferry::Kafka->new;
my $fw;
my $topic;

$pg->safe_psql('postgres', q{
	CREATE TABLE t (id int PRIMARY KEY, pad text);
	CREATE ROLE hurried LOGIN REPLICATION;
	ALTER ROLE hurried SET statement_timeout = '300ms';
	ALTER ROLE hurried SET lock_timeout = '100ms';
	ALTER ROLE hurried SET idle_in_transaction_session_timeout = '300ms';
	ALTER ROLE hurried SET idle_session_timeout = '300ms';
	ALTER ROLE hurried SET search_path = nowhere;
	ALTER ROLE hurried SET DateStyle = 'German';
	ALTER ROLE hurried SET client_encoding = 'LATIN1'});
$pg->safe_psql('postgres',
	"ALTER ROLE hurried SET transaction_timeout = '300ms'")
  if Walferry::knows_setting($pg, 'transaction_timeout');
$fw = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	config => {
		'database.user' => 'hurried',
		'retriable.restart.connector.wait.ms' => 50,
		'walferry.retry.backoff.max.ms' => 500,
	});
$topic = $fw->topic('public.t');

sub insert
{
	my ($from, $to) = @_;
	$pg->safe_psql('postgres',
		"INSERT INTO t SELECT i, repeat('\x{c3}\x{a4}', 200) FROM generate_series($from, $to) i");
	return lsn_number(
		$pg->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()'));
}

sub ids_in_topic
{
	my %ids = map { $_->[2] => 1 } quick_records($kafka, $topic);
	return scalar keys %ids;
}

# A role's settings are for people's sessions, not for a stream.
$fw->started($pg);
my $walsender = Walferry::walsender_pid($pg);
my $until = time() + 3;
my $n = 0;
poll_until('3 seconds', sub { insert($n + 1, $n + 1); $n++; time() > $until });
Walferry::wait_confirmed($pg, $fw->slot);
is($pg->safe_psql('postgres', 'SELECT pid FROM pg_stat_replication'),
	$walsender, "role's settings: the connection lives on");
is(ids_in_topic(), $n, "role's settings: all is there");
my ($first) = $kafka->events($topic);
is($first->{value}{after}{pad}, "\x{e4}" x 200,
	"role's settings: text is UTF-8");

# Frozen for longer than wal_sender_timeout, in the middle of something large.
insert(10001, 20000);
$fw->signal_with('STOP');
poll_until('the server to give up on it',
	sub {
		return $pg->safe_psql('postgres',
			'SELECT count(*) FROM pg_stat_replication') eq '0';
	});
my $at = $fw->log_size;
$fw->signal_with('CONT');
$fw->wait_for_log(qr/ streaming slot=/, $at);
Walferry::wait_confirmed($pg, $fw->slot);
is(ids_in_topic(), $n + 10000, 'frozen: all is there');

# PostgreSQL is stopped while Kafka does not answer.  It waits for what it has
# sent to be confirmed, and asks for that without pause; it must not be
# answered without pause.
$kafka->pause;
insert(30001, 30100);
poll_until(
	'the rows to be sent',
	sub {
		return $pg->safe_psql('postgres',
			'SELECT sent_lsn = pg_current_wal_lsn() FROM pg_stat_replication'
		) eq 't';
	});

# Of the thread that answers.  One of librdkafka 2.0's own may spin while a
# broker is silent.
sub cpu_ticks
{
	my $pid = $fw->pid;
	my @stat = split ' ', slurp_text("/proc/$pid/task/$pid/stat");
	return $stat[13] + $stat[14];
}

$at = $fw->log_size;
my $stopping = fork() // die "fork: $!";
if ($stopping == 0)
{
	open STDOUT, '>', '/dev/null';
	exec 'pg_ctl', '-D', $pg->data_dir, '-m', 'fast', '-t', 60, 'stop';
}
poll_until('the server to begin to stop',
	sub { $pg->log_contains('received fast shutdown request') });
usleep(500_000);
my $before = cpu_ticks();
usleep(2_000_000);
my $used = cpu_ticks() - $before;
cmp_ok($used, '<', 60, "server stops: no storm of answers ($used ticks in 2 s)");
$kafka->resume;
waitpid $stopping, 0;
is($?, 0, 'server stops: once Kafka has all');
$pg->_update_pid(0);
$fw->wait_for_log(qr/ warn forward: PostgreSQL connection lost/, $at);
is(ids_in_topic(), $n + 10100, 'server stops: all had been delivered');
$pg->start;
$fw->wait_for_log(qr/ streaming slot=/, $at);
insert(40001, 40001);
Walferry::wait_confirmed($pg, $fw->slot);
is(ids_in_topic(), $n + 10101, 'server is back: it goes on');
my ($kept, $repeats) = without_repeats(quick_records($kafka, $topic));
note("$repeats repeats");
is($fw->stop, 0, 'stops');
unlike($fw->log_text, qr/^\S+ error /m, 'no error');
done_testing();
