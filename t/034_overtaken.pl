# Two forwarders for one slot, at least once.  One loses its connection and the
# other takes over; when the first gets the slot back, it stands beyond what
# the first remembers.  Where positions are stored, the first begins as if it
# had just been started.  Where they are not, anybody may have moved the slot,
# and it stops.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Load;
use Walferry::Check;

my $kafka = Walferry::Kafka->shared;
my ($pg, $load);
my $anew =
  qr/ warn forward: the slot stands beyond this process, starting anew /;
my $streaming = qr/ streaming slot=/;
my $waiting =
  qr/ warn forward: [^\n]*(?:another walferry has slot|is in use by process)/;

sub two
{
	my ($slot, %config) = @_;

	$pg = Walferry::postgres($slot, conf => "wal_sender_timeout = 2s\n");

	# What the first had queued arrives after the second's.
	$load = Walferry::Load->new(pg => $pg, interleaved => 1);
	return map {
		Walferry::Forwarder->new(
			pg => $pg,
			kafka => $kafka,
			name => "${slot}_$_",
			config => {
				'slot.name' => $slot,
				'topic.prefix' => $slot,
				'retriable.restart.connector.wait.ms' => 50,
				'walferry.retry.backoff.max.ms' => 300,
				'topic.creation.default.partitions' => 3,
				'topic.creation.default.replication.factor' => 1,
				%config,
			})
	} qw(first second);
}

# The first sleeps; the second has its slot.
sub take_over
{
	my ($first, $second) = @_;
	$first->signal_with('STOP');
	$pg->safe_psql('postgres',
		    'SELECT pg_terminate_backend(active_pid) '
		  . "FROM pg_replication_slots WHERE slot_name = '"
		  . $first->slot . "'");
	$second->start;
	$second->wait_for_log($streaming);
	$load->wait_committed(50);
	Walferry::wait_confirmed($pg, $first->slot);
}

for my $store (qw(topic slot))
{
	for my $sees (1, 0)
	{
		my $name = "position in the $store, " . ($sees ? 'seen' : 'asleep');
		my ($first, $second) =
		  two("t034_${store}_$sees", 'walferry.position.store' => $store);

		$first->started($pg);
		$load->start(2, 100);
		$load->wait_committed(50);
		take_over($first, $second);
		my $at = $first->log_size;
		if ($sees)
		{
			$first->signal_with('CONT');
			$first->wait_for_log($waiting, $at);
		}
		is($second->stop, 0, "$name: the second stops");
		$first->signal_with('CONT') unless $sees;
		if ($store eq 'topic')
		{
			$first->wait_for_log($anew, $at);
			$first->wait_for_log($streaming, $at);
			pass("$name: the first begins anew");
		}
		else
		{
			is($first->wait_exit, 5, "$name: the first stops");
			like($first->log_text, qr/somebody else has moved the slot on/,
				"$name: and says why");
			$first->started($pg);
		}
		$load->wait_committed(50);
		$load->stop;
		$load->is_complete($kafka, $first, $name);
		is($first->stop, 0, "$name: the first stops when it is asked to");
		$pg->stop;
	}
}
done_testing();
