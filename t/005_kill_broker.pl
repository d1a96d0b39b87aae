# The broker is killed and comes back, under load, and once it stays away for
# long: nothing is lost, the connection to PostgreSQL lives on, memory is
# bounded.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Load;
use Walferry::Check;
use Time::HiRes qw(usleep);

my $pg = Walferry::postgres('main', conf => "wal_sender_timeout = 3s\n");
my $kafka = Walferry::Kafka->new;
my $load = Walferry::Load->new(pg => $pg);
my $fw = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	config => {
		'topic.creation.default.partitions' => 3,
		'topic.creation.default.replication.factor' => 1,
	});

# Highest resident memory so far, in MB.
sub peak_memory
{
	my $status = slurp_text('/proc/' . $fw->pid . '/status');
	my ($kb) = $status =~ /^VmHWM:\s+(\d+) kB/m or die 'no VmHWM';
	return $kb / 1024;
}

$fw->started($pg);
$load->start(4, 150);
{
	$load->wait_committed(50);
	usleep(int rand 200_000);
	my $at = $fw->log_size;
	$kafka->kill;
	$fw->wait_for_log(qr/ warn kafka: unreachable/, $at);
	$load->wait_committed(50);
	$kafka->restart;
	$fw->wait_for_log(qr/ info kafka: reachable again/, $at);
	pass("back after a kill");
}
Walferry::wait_confirmed($pg, $fw->slot);
my $walsender = Walferry::walsender_pid($pg);

# Away for several times wal_sender_timeout, with more to carry than may be
# under way: 40 MB.
my $at = $fw->log_size;
my $before = peak_memory();
$kafka->kill;
$pg->safe_psql('postgres', q{
	CREATE TABLE bulk (id int PRIMARY KEY, pad text);
	INSERT INTO bulk SELECT i, repeat(md5(i::text), 62)
	  FROM generate_series(1, 20000) i});
$fw->wait_for_log(qr/ warn kafka: unreachable/, $at);
my $until = time() + 8;
my $stuck;
poll_until(
	'8 seconds of outage',
	sub {
		$stuck = $pg->safe_psql('postgres',
			'SELECT pid FROM pg_stat_replication');
		return time() > $until || $stuck ne $walsender;
	});
is($stuck, $walsender, 'outage: the connection to PostgreSQL lives on');
my $confirmed = $pg->safe_psql('postgres',
	'SELECT confirmed_flush_lsn FROM pg_replication_slots');
$load->wait_committed(50);
is( $pg->safe_psql('postgres',
		'SELECT confirmed_flush_lsn FROM pg_replication_slots'),
	$confirmed,
	'outage: the slot stands still');
$load->stop;
$kafka->restart;
$fw->wait_for_log(qr/ info kafka: reachable again/, $at);
my $repeats = $load->is_complete($kafka, $fw, 'after the outage');
is($repeats, 0, 'the broker came back to a producer that had waited: no repeats');
my @bulk = quick_records($kafka, $fw->topic('public.bulk'));
my %ids = map { $_->[2] => 1 } @bulk;
is(scalar keys %ids, 20000, 'after the outage: all of the large transaction');
is($pg->safe_psql('postgres', 'SELECT pid FROM pg_stat_replication'),
	$walsender, 'the same walsender from beginning to end');
my $peak = peak_memory();
my $sanitized = slurp_text('/proc/' . $fw->pid . '/maps') =~ /libasan/;
note("peak memory: $before MB before, $peak MB after");
# A sanitizer's own memory is not what is measured here.
SKIP:
{
	skip 'sanitizers have memory of their own', 1 if $sanitized;
	cmp_ok($peak, '<', 40, 'memory is bounded');
}
is($fw->stop, 0, 'stops');
unlike($fw->log_text, qr/^\S+ error /m, 'no error line');
done_testing();
