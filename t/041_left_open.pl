# exactly.once=true: in a topic of ours a transaction is open that Kafka should
# have ended by now.  Kafka 4.3.0 and 4.3.1 forget that at times (KAFKA-20734);
# here a record is written past the coordinator, which comes to the same.  As it
# has the producer id that we still have, our next commit would make it visible:
# a start ends it first, or whoever writes to the topic for the first time.  One
# that is another producer's, it waits for.  What the stored position covers is
# to become visible, so that is left alone.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->new('--set',
	'transaction.partition.verification.enable=false');
$pg->safe_psql('postgres', "CREATE TABLE $_ (id int PRIMARY KEY)") for qw(t u);

# Two of one topic, that have their own slots and positions.
sub forwarder
{
	my ($name) = @_;
	return Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => $name,
		fault => 1,
		config => {
			'topic.prefix' => 't041',
			'slot.name' => $name,
			'exactly.once' => 'true',
			'producer.override.transaction.timeout.ms' => 600_000,
			# The server writes WAL of its own, which is waited for as well.
			'walferry.position.interval.ms' => 500,
			'topic.creation.default.partitions' => 1,
			'topic.creation.default.replication.factor' => 1,
		});
}

my $topic = 't041.public.t';
my $ended = qr/ warn forward: [^\n]*Kafka has left a transaction open in our topics: aborted/;
my $waits =
  qr/ warn kafka: [^\n]*open in a topic of ours[^\n]* start_offset=(\d+)/;
my $covered =
  qr/ warn kafka: [^\n]*not ended one of our transactions that is committed/;

# A record of ours, in a transaction that nobody will end.
sub leave_open
{
	my ($fw, $id, $position, $where) = @_;
	ok( IPC::Run::run([ 'python3', "$ENV{WALFERRY_HOME}/t/lib/left_open.py",
				$kafka->bootstrap, 't041.' . $fw->slot, $where // $topic, 0,
				qq({"id":$id}), $position ], '>', \my $offset),
		"a record $id is left in a transaction without an end");
}

sub ids_in
{
	return join ' ', map { $_->{key} =~ /"id":(\d+)/ ? $1 : 'strange' }
	  $kafka->read_topic(@_);
}

sub ids { return ids_in($topic, @_); }

my ($fw, $other) = (forwarder('t041'), forwarder('t041_other'));
$_->started($pg) for $fw, $other;
$pg->safe_psql('postgres', 'INSERT INTO t VALUES (1)');
for my $each ($fw, $other)
{
	Walferry::wait_confirmed($pg, $each->slot);
	is($each->stop, 0, $each->name . ' stops');
}

# What was aborted.
leave_open($fw, 666, '00000001-7FFFFFFFFFFFFFFF-000000000000-0000');
is(ids(), '1 1 666', 'it is there');
is(ids(committed => 1), '1 1', 'and not committed');
$fw->start;
$fw->wait_for_log($ended);
$fw->wait_for_log(qr/ streaming slot=/);
$pg->safe_psql('postgres', 'INSERT INTO t VALUES (2)');
Walferry::wait_confirmed($pg, $fw->slot);
is(ids(committed => 1), '1 1 2', 'ended: it never becomes visible');
is(scalar(() = $fw->log_since_start =~ /$ended/g), 1, 'ended: said once');
is($fw->stop, 0, 'ended: stops');

# What was aborted, and the forwarder dies over it.
for my $point ('settle_written', 'settle_ended')
{
	leave_open($fw, 667, '00000001-7FFFFFFFFFFFFFFF-000000000000-0000');
	$fw->failpoint("$point=kill");
	$fw->start;
	isnt($fw->wait_exit, 0, "$point: dies");
	$fw->failpoint(undef);
	$fw->started($pg);
	Walferry::wait_confirmed($pg, $fw->slot);
	is($fw->stop, 0, "$point: stops");
	is(ids(committed => 1), '1 1 2', "$point: it never becomes visible");
}

# What was committed.
my $last = (split /-/, (map { $_->{header}{'walferry.position'} }
	  grep { $_->{key} =~ /:2}/ } $kafka->read_topic($topic))[0])[1];
leave_open($fw, 3, "00000001-$last-000000000000-0000");
is(ids(committed => 1), '1 1 2', 'covered: it is not to be seen yet');
$fw->started($pg);
like($fw->log_since_start, $covered, 'covered: told of');
$pg->safe_psql('postgres', 'INSERT INTO t VALUES (4)');
Walferry::wait_confirmed($pg, $fw->slot);
is(ids(committed => 1), '1 1 2 3 4', 'covered: our next commit shows it');
unlike($fw->log_since_start, $ended, 'covered: not ended otherwise');
is($fw->stop, 0, 'covered: stops');

# In a topic that no stored position knows of.
my $new = 't041.public.u';
$kafka->create_topic($new);
leave_open($fw, 666, '00000001-7FFFFFFFFFFFFFFF-000000000000-0000', $new);
$fw->started($pg);
$pg->safe_psql('postgres', "INSERT INTO $_ VALUES (7)") for qw(t u);
$fw->wait_for_log($ended);
Walferry::wait_confirmed($pg, $fw->slot);
is(ids_in($new), '666 666 7', 'new topic: written to after it was ended');
is(ids_in($new, committed => 1), '7', 'new topic: what was left is not seen');
is(ids(committed => 1), '1 1 2 3 4 7', 'new topic: others miss nothing');
is(scalar(() = $fw->log_since_start =~ /$ended/g), 1, 'new topic: said once');
is($fw->stop, 0, 'new topic: stops');

# What is another one's: it has died in the middle of a transaction.
$other->started($pg);
Walferry::wait_confirmed($pg, $other->slot);
is($other->stop, 0, 'the other one stops');
my $seen = ids(committed => 1);
$other->set('walferry.position.interval.ms' => undef);
$other->failpoint('position_submitted=sleep:600000');
$other->started($pg);
$pg->safe_psql('postgres', 'INSERT INTO t VALUES (5)');
poll_until('its record to be in Kafka', sub { return ids() =~ / 5$/ });
$other->kill9;
$fw->start;
my $offset = $fw->wait_for_log($waits);
is(scalar(() = $fw->log_since_start =~ /$ended/g), 1,
	'another one: to end it was tried once');
is(ids(committed => 1), $seen, 'another one: nothing is written behind it');
$kafka->_broker('tool', 'org.apache.kafka.tools.TransactionsCommand',
	'--bootstrap-server', $kafka->bootstrap, 'abort', '--topic', $topic,
	'--partition', 0, '--start-offset', $offset);
$fw->wait_for_log(qr/ streaming slot=/);
Walferry::wait_confirmed($pg, $fw->slot);
is(ids(committed => 1), "$seen 5", 'another one: once it is ended it goes on');
is(scalar(() = $fw->log_since_start =~ /$waits/g), 1,
	'another one: one warning');
is($fw->stop, 0, 'another one: stops');
unlike($fw->log_text, qr/^\S+ error /m, 'no error line');
done_testing();
