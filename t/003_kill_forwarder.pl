# kill -9 of the forwarder at any moment under load: nothing is lost, and what
# comes twice is a replay from the last confirmed position.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Load;
use Time::HiRes qw(usleep);

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->shared;
my $load = Walferry::Load->new(pg => $pg);
my $fw = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	config => {
		'topic.creation.default.partitions' => 3,
		'topic.creation.default.replication.factor' => 1,
		'status.update.interval.ms' => 100,
		# Much is under way at any moment: confirming it early would show.
		'producer.override.linger.ms' => 300,
	});

$fw->started($pg);
$load->start(4);
my $rounds = 8;
for my $round (1 .. $rounds)
{
	# Some work, then a moment that nobody chose.
	$load->wait_committed(50);
	usleep(int rand 1_000_000);
	$fw->kill9;
	is($fw->signal, 9, "killed for the time no. $round");

	# The one after it begins while the load goes on, and at once: the slot
	# may still be held by the connection of the dead one.
	$fw->start;
	$fw->wait_for_log(qr/ streaming slot=/);
}
$load->wait_committed(50);
$load->stop;
my $repeats = $load->is_complete($kafka, $fw, "after $rounds kills");
note("$repeats repeats");
is($fw->stop, 0, 'stops in the end');
unlike($fw->log_text, qr/^\S+ error /m, 'no error line');

# After a clean stop and start there is nothing to repeat.
$fw->started($pg);
is($load->is_complete($kafka, $fw, 'after a clean stop'),
	$repeats, 'no more repeats');
is($fw->stop, 0, 'stops');
done_testing();
