# exactly.once=true: kill -9 at any moment under load, of the forwarder, its
# walsender and the broker, and a reader of what is committed sees each change
# once; the slot never stands beyond the position that is stored in Kafka.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Load;
use Walferry::Check;
use Walferry::Position;
use Time::HiRes qw(usleep);

my $pg = Walferry::postgres('main', conf => "wal_sender_timeout = 5s\n");
my $kafka = Walferry::Kafka->new;
my $load = Walferry::Load->new(pg => $pg, committed => 1);
my $fw = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	config => {
		'exactly.once' => 'true',
		'retriable.restart.connector.wait.ms' => 100,
		'topic.creation.default.partitions' => 3,
		'topic.creation.default.replication.factor' => 1,
	});

# The slot's position against the stored one, whatever happens meanwhile.
sub slot_is_not_ahead
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $slot = confirmed_lsn($pg, $fw->slot);
	my $stored = Walferry::Position::last($kafka, $fw);
	cmp_ok($slot, '<=', lsn_number($stored->{end_lsn}), $name);
}

$fw->started($pg);
$load->start(4, 300);
for my $round (1 .. 4)
{
	$load->wait_committed(50);
	usleep(int rand 500_000);
	$fw->kill9;
	is($fw->signal, 9, "forwarder killed for the time no. $round");
	slot_is_not_ahead('the slot is not ahead of the stored position');
	$fw->start;
	$fw->wait_for_log(qr/ streaming slot=/);
}
for my $round (1 .. 3)
{
	my $at = $fw->log_size;

	$load->wait_committed(50);
	my $pid = Walferry::walsender_pid($pg);
	$pg->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	$fw->wait_for_log(qr/ streaming slot=/, $at);
	pass("walsender ended for the time no. $round");
}
for my $round (1 .. 2)
{
	my $at = $fw->log_size;

	$load->wait_committed(50);
	$kafka->kill;
	$fw->wait_for_log(qr/ warn kafka: unreachable/, $at);
	$kafka->restart;
	$load->wait_committed(50);
	Walferry::wait_confirmed($pg, $fw->slot);
	pass("broker killed for the time no. $round");
}
$load->stop;
my $repeats = $load->is_complete($kafka, $fw, 'after all of that');
is($repeats, 0, 'a reader of what is committed sees no repeats');
slot_is_not_ahead('in the end the slot is not ahead either');
is($fw->stop, 0, 'stops');
unlike($fw->log_text, qr/^\S+ error /m, 'no error line');

my @chain = Walferry::Position::all($kafka, $fw);
my $broken = grep { $chain[$_]{prev_end_lsn} ne $chain[ $_ - 1 ]{end_lsn} }
  1 .. $#chain;
cmp_ok(scalar @chain, '>', 10, 'positions were stored');
is($broken, 0, 'each names the one before it');

# After a clean stop and start there is nothing to repeat.
$fw->started($pg);
is($load->is_complete($kafka, $fw, 'after a clean stop'), 0, 'no repeats');
is($fw->stop, 0, 'stops');
done_testing();
