# The walsender is ended again and again, and the server is stopped as if the
# power had failed, under load: the forwarder comes back by itself and nothing
# is lost.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Load;
use Time::HiRes qw(usleep);

# What a crash forgets is what was not yet flushed; so fsync, as in life.
my $pg = Walferry::postgres('main', conf => "fsync = on\n");
my $kafka = Walferry::Kafka->shared;
my $load = Walferry::Load->new(pg => $pg);
my $fw = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	config => {
		'topic.creation.default.partitions' => 3,
		'topic.creation.default.replication.factor' => 1,
		'retriable.restart.connector.wait.ms' => 50,
		'walferry.retry.backoff.max.ms' => 500,
	});

$fw->started($pg);
$load->start(4);
my $rounds = 8;
for my $round (1 .. $rounds)
{
	$load->wait_committed(40);
	usleep(int rand 200_000);
	my $at = $fw->log_size;
	my $pid = Walferry::walsender_pid($pg);
	if ($round % 2)
	{
		$pg->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	}
	else
	{
		# The hard way: then the postmaster restarts all of them.
		$pg->append_conf('postgresql.conf', "# round $round");
		kill 'KILL', $pid;
	}
	$fw->wait_for_log(qr/ warn forward: PostgreSQL connection lost/, $at);
	$fw->wait_for_log(qr/ streaming slot=/, $at);
	$load->again if $round % 2 == 0;
	pass("back after the loss no. $round");
}

# The slot's position is written at checkpoints only: after a crash the server
# stands where the last one found it, and sends again what we have confirmed.
for my $round (1 .. 2)
{
	$load->wait_committed(40);
	my $at = $fw->log_size;
	$pg->stop('immediate');
	$fw->wait_for_log(qr/ warn forward: PostgreSQL connection lost/, $at);
	$pg->start;
	$fw->wait_for_log(qr/ streaming slot=/, $at);
	pass("back after the crash no. $round");
	$load->again;
}
$load->wait_committed(40);
$load->stop;
my $repeats = $load->is_complete($kafka, $fw, 'in the end');
note("$repeats repeats");
is($fw->stop, 0, 'stops');
unlike($fw->log_text, qr/^\S+ error /m, 'no error line');
done_testing();
