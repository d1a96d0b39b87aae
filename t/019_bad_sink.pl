# A Kafka that is not there, records that it does not take, topics that vanish.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->new;
my %quick = (
	'retriable.restart.connector.wait.ms' => 50,
	'walferry.retry.backoff.max.ms' => 200);
$pg->safe_psql('postgres', q{
	CREATE TABLE t (id int PRIMARY KEY, s text);
	ALTER TABLE t ALTER s SET STORAGE EXTERNAL});

sub forwarder
{
	my ($name, %config) = @_;
	return Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => "t019_$name",
		config => { %quick, %config });
}

# Nobody there: one line, attempts without end, and on when it comes.
$kafka->stop;
my $fw = forwarder('away', 'walferry.position.store' => 'slot');
$fw->started($pg);
my $reads = forwarder('unread');
$reads->start;
$fw->wait_for_log(
	qr/ warn kafka: unreachable[^\n]*brokers=\S+ error="[^"\n]*Connection refused/);
$pg->safe_psql('postgres', "INSERT INTO t VALUES (1, 'while it was away')");
my ($code, $log) =
  forwarder('bounded', 'errors.max.retries' => 2)->run_to_end(60);
is($code, 1, 'errors.max.retries: exit code 1');
like($log, qr/Kafka \([0-9.:]+\) was not reached in 3 attempts/,
	'errors.max.retries: says so');
is(complaints($fw->log_text), 1, 'away: one line')
  or diag($fw->log_text);
$kafka->restart;
my @events = $kafka->wait_for_events($fw->topic('public.t'), 1);
is($events[0]{value}{after}{s}, 'while it was away', 'away: then it arrives');
like($fw->log_text, qr/ info kafka: reachable again/, 'away: says so');
is($fw->stop, 0, 'stops');

# Whose position is in Kafka cannot begin before it has read it.
$reads->wait_for_log(qr/ info forward: streaming /);
$reads->wait_for_log(qr/ info kafka: connected|reachable again/);
is(complaints($reads->log_text), 1, 'position not readable: one line')
  or diag($reads->log_text);
$pg->safe_psql('postgres', "INSERT INTO t VALUES (10, 'once it was there')");
@events = $kafka->wait_for_events($reads->topic('public.t'), 1);
is($events[0]{value}{after}{s},
	'once it was there', 'position not readable: begins when it is');
is($reads->stop, 0, 'stops');

# Too large for the producer, then for the topic.
my $large = forwarder('large');
my $topic = $large->topic('public.t');
$large->started($pg);
$pg->safe_psql('postgres', "INSERT INTO t VALUES (2, 'small')");
Walferry::wait_confirmed($pg, $large->slot);
$pg->safe_psql('postgres',
	q{INSERT INTO t VALUES (3, repeat('x', 1500000))});
my $committed = lsn_number(
	$pg->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()'));
$pg->safe_psql('postgres', q{INSERT INTO t VALUES (4, 'after it')});

sub too_large
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($large->wait_exit, 4, "$name: exit code 4");
	like(
		$large->log_since_start,
		qr/ error forward: [^\n]*topic \Q$topic\E: a record of 15\d{5} bytes is larger/,
		"$name: topic and size");
	like($large->log_since_start, qr/max\.request\.size.*max\.message\.bytes/,
		"$name: the settings to change");
	is(complaints($large->log_since_start),
		1, "$name: one line");
	cmp_ok(confirmed_lsn($pg, $large->slot),
		'<', $committed, "$name: not confirmed");
	is(scalar(my @r = quick_records($kafka, $topic)),
		1, "$name: nothing after it was sent");
}
too_large('larger than max.request.size');
$large->set('producer.override.max.request.size' => 2000000);
$large->start;
too_large("larger than the topic's max.message.bytes");
$kafka->configs_tool('--alter', '--entity-type', 'topics', '--entity-name',
	$topic, '--add-config', 'max.message.bytes=2000000');
$large->start;
Walferry::wait_confirmed($pg, $large->slot);
@events = $kafka->events($topic);
is_deeply([ map { $_->{value}{after}{id} } @events ],
	[ 2, 3, 4 ], 'with larger limits: all of it, in order');
is(length $events[1]{value}{after}{s}, 1500000, 'with larger limits: whole');
is($large->stop, 0, 'stops');

# A topic is deleted under the producer.  What comes next must not be lost.
my $gone = forwarder('gone');
$topic = $gone->topic('public.t');
$gone->started($pg);
$pg->safe_psql('postgres', "INSERT INTO t VALUES (5, 'before')");
Walferry::wait_confirmed($pg, $gone->slot);
$kafka->topics_tool('--delete', '--topic', $topic);
$pg->safe_psql('postgres', "INSERT INTO t VALUES (6, 'after')");
poll_until(
	'the record after the deletion',
	sub {
		# Whether it repairs that itself or wants to be started again.
		$gone->start unless $gone->running;
		return scalar grep { $_->{text_key} eq '{"id":6}' }
		  $kafka->events($topic);
	});
pass('topic deleted: what comes next is not lost');
is($gone->running ? $gone->stop : 0, 0, 'topic deleted: stops');
done_testing();
