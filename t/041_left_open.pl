# exactly.once=true: in a topic of ours a transaction is open that Kafka should
# have ended by now.  Where brokers forget that (KAFKA-20734), it is one of our
# predecessor's, whose records our next commit would make visible; here it is
# another forwarder's that has died, which looks the same.  A start waits while
# there are records in it that the stored position does not cover, and goes on
# when somebody has ended it; what is covered, it need not wait for.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->new;
$pg->safe_psql('postgres', 'CREATE TABLE t (id int PRIMARY KEY)');

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
my $waits =
  qr/ warn kafka: [^\n]*not ended an aborted transaction[^\n]* start_offset=(\d+) position=\S+ stored=/;
my $covered =
  qr/ warn kafka: [^\n]*not ended one of our transactions that is committed/;

sub ids
{
	return join ' ', map { $_->{key} =~ /"id":(\d+)/ ? $1 : 'strange' }
	  $kafka->read_topic($topic, @_);
}

my ($fw, $other) = (forwarder('t041'), forwarder('t041_other'));
$_->started($pg) for $fw, $other;
$pg->safe_psql('postgres', 'INSERT INTO t VALUES (1)');
for my $each ($fw, $other)
{
	Walferry::wait_confirmed($pg, $each->slot);
	is($each->stop, 0, $each->name . ' stops');
}

# The other one leaves a record behind, in a transaction without an end.
$other->set('walferry.position.interval.ms' => undef);
$other->failpoint('position_submitted=sleep:600000');
$other->started($pg);
$pg->safe_psql('postgres', 'INSERT INTO t VALUES (2)');
poll_until('its record to be in Kafka', sub { return ids() eq '1 1 2' });
$other->kill9;

$fw->start;
my $offset = $fw->wait_for_log($waits);
is(ids(), '1 1 2', 'nothing is written behind what our position does not cover');
$kafka->_broker('tool', 'org.apache.kafka.tools.TransactionsCommand',
	'--bootstrap-server', $kafka->bootstrap, 'abort', '--topic', $topic,
	'--partition', 0, '--start-offset', $offset);
$fw->wait_for_log(qr/ streaming slot=/);
Walferry::wait_confirmed($pg, $fw->slot);
is(ids(committed => 1), '1 1 2', 'ended by hand: it goes on');
is(scalar(() = $fw->log_since_start =~ /$waits/g), 1, 'one warning');
is($fw->stop, 0, 'stops');

# The other one carries that row again, and this one has it by now.
$other->start;
poll_until('both to have written it', sub { return ids() eq '1 1 2 2 2' });
$other->kill9;
$fw->started($pg);
like($fw->log_since_start, $covered, 'what is covered is told of');
unlike($fw->log_since_start, $waits, 'and not waited for');
is($fw->stop, 0, 'stops');
unlike($fw->log_text, qr/^\S+ error /m, 'no error line');
done_testing();
