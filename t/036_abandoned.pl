# exactly.once=true: the forwarder dies in the middle of a Kafka transaction,
# and nobody starts it again.  Its topics have other writers and readers: those
# that read what is committed stand still behind its records, and go on when
# Kafka has given the transaction up, after transaction.timeout.ms.  What was in
# it they never see, until a later start carries it anew.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use Time::HiRes qw(time);

my $timeout = 10;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->new('--set',
	'transaction.abort.timed.out.transaction.cleanup.interval.ms=500');
$pg->safe_psql('postgres', 'CREATE TABLE t (id int PRIMARY KEY)');
my $fw = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	name => 't036',
	fault => 1,
	config => {
		'exactly.once' => 'true',
		'producer.override.transaction.timeout.ms' => $timeout * 1000,
		# The server writes WAL of its own, which is waited for as well.
		'walferry.position.interval.ms' => 500,
		'topic.creation.default.partitions' => 1,
		'topic.creation.default.replication.factor' => 1,
	});
my $topic = $fw->topic('public.t');

sub ids
{
	return join ' ', map { $_->{key} =~ /"id":(\d+)/ ? $1 : 'strange' }
	  $kafka->read_topic($topic, @_);
}

$fw->started($pg);
$pg->safe_psql('postgres', 'INSERT INTO t VALUES (1)');
Walferry::wait_confirmed($pg, $fw->slot);
is($fw->stop, 0, 'stops');
my $before = confirmed_lsn($pg, $fw->slot);

# It dies when all of it is in Kafka but the end; until then it hesitates.
$fw->set('walferry.position.interval.ms' => undef);
$fw->failpoint('position_submitted=sleep:60000');
$fw->started($pg);
my $begun = time();
$pg->safe_psql('postgres', 'INSERT INTO t VALUES (2)');
poll_until('the record to be in Kafka', sub { return ids() eq '1 2' });
$fw->kill9;
my $dead = time();
is(ids(committed => 1), '1', 'and not committed');

# Somebody else's record is behind it.
IPC::Run::run([ 'kcat', '-P', '-b', $kafka->bootstrap, '-t', $topic, '-K', '|' ],
	'<', \qq({"id":3}|{}\n)) or die 'kcat failed';
is(ids(), '1 2 3', 'another writer goes on');
my $now = ids(committed => 1);
SKIP:
{
	skip 'this machine is too slow to look in time', 1
	  if time() - $begun > $timeout;
	is($now, '1', 'a reader of what is committed waits');
}
poll_until('the reader to go on', sub { return ids(committed => 1) ne '1' },
	$timeout + 30);
cmp_ok(time() - $begun, '>=', $timeout - 1, 'for transaction.timeout.ms');
cmp_ok(time() - $dead, '<', $timeout + 15, 'and not for much longer');
is(ids(committed => 1), '1 3', 'it never sees what was given up');
is(confirmed_lsn($pg, $fw->slot), $before, 'which PostgreSQL keeps');

$fw->failpoint(undef);
$fw->set('walferry.position.interval.ms' => 500);
$fw->started($pg);
Walferry::wait_confirmed($pg, $fw->slot);
is(ids(committed => 1), '1 3 2', 'a start carries it, once');
is($fw->stop, 0, 'stops');
done_testing();
