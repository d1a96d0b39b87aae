# Kafka is down and PostgreSQL is told to stop fast, which waits until all of
# its WAL is confirmed: it ends soon after walferry.shutdown.grace.ms, whether
# the forwarder has everything that was sent or cannot take more, and nothing is
# lost.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Load;
use Walferry::Check;
use Time::HiRes qw(time);

my $grace = 2;					# seconds
my $pg = Walferry::postgres('main', conf => "fsync = on\n");
my $kafka = Walferry::Kafka->new;
my $load = Walferry::Load->new(pg => $pg);
my $fw = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	config => {
		'topic.creation.default.partitions' => 3,
		'topic.creation.default.replication.factor' => 1,
		'retriable.restart.connector.wait.ms' => 50,
		'walferry.retry.backoff.max.ms' => 500,
		'max.queue.size.in.bytes' => 4_000_000,
		'walferry.shutdown.grace.ms' => $grace * 1000,
	});
my $let_go = qr/PostgreSQL is let go/;
my $hung_up = qr/waits for us, while Kafka takes nothing: hung up/;

# What is in the forwarder's memory cannot make up for a slot that was moved:
# it is killed.
sub stop_and_start_everything
{
	my ($name) = @_;
	my $from = time();
	ok($pg->stop('fast', fail_ok => 1), "$name: PostgreSQL stops");
	my $took = time() - $from;
	note("$name: it took $took s");
	$fw->kill9;
	$pg->start;
	$load->stop;
	$kafka->restart;
	$fw->started($pg);
	return $took;
}

$fw->started($pg);
$load->start(4, 100);
$load->wait_committed(50);

# With Kafka there, nobody waits for the grace period.
my $at = $fw->log_size;
$pg->stop('fast');
$fw->wait_for_log(qr/ warn forward: PostgreSQL connection lost/, $at);
unlike(substr($fw->log_text, $at), $let_go, 'with Kafka: all is confirmed');
$pg->start;
$load->stop;
$fw->wait_for_log(qr/ streaming slot=/, $at);

# All that was sent is in the forwarder, and stays unconfirmed.
$load->start(4, 100);
$load->wait_committed(50);
$at = $fw->log_size;
$kafka->kill;
$fw->wait_for_log(qr/ warn kafka: unreachable/, $at);
$load->wait_committed(50);
my $took = stop_and_start_everything('all sent');
cmp_ok($took, '>=', $grace, 'all sent: not before the grace period is over');
cmp_ok($took, '<', $grace + 20, 'all sent: soon after it');
like(substr($fw->log_text, $at), $let_go, 'all sent: the log says so');
$load->start(4, 100);
$load->wait_committed(50);
$load->stop;
$load->is_complete($kafka, $fw, 'all sent');

# More than the forwarder may have under way: PostgreSQL cannot even send it.
$at = $fw->log_size;
$kafka->kill;
$pg->safe_psql('postgres', q{
	CREATE TABLE bulk (id int PRIMARY KEY, pad text);
	INSERT INTO bulk SELECT i, repeat(md5(i::text), 62)
	  FROM generate_series(1, 20000) i});
$fw->wait_for_log(qr/ warn kafka: unreachable/, $at);
$load->start(4, 100);
$load->wait_committed(50);
$took = stop_and_start_everything('too much');
cmp_ok($took, '>=', $grace, 'too much: not before the grace period is over');
cmp_ok($took, '<', $grace + 30, 'too much: soon after it');
like(substr($fw->log_text, $at), $hung_up, 'too much: the log says so');
$load->start(4, 100);
$load->wait_committed(50);
$load->stop;
$load->is_complete($kafka, $fw, 'too much');
my %ids = map { $_->[2] => 1 } quick_records($kafka, $fw->topic('public.bulk'));
is(scalar keys %ids, 20000, 'too much: all of the large transaction');

is($fw->stop, 0, 'stops');
unlike($fw->log_text, qr/^\S+ error /m, 'no error line');
done_testing();
