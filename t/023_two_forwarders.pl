# Two forwarders for one slot, exactly once: one works and the other waits and
# takes over, whether the first is killed, is stopped, or only sleeps for so
# long that it is taken for dead and then goes on.  What is published is whole,
# each change once, and whoever was replaced publishes no more.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Load;
use Walferry::Check;
use Walferry::Position;

my $pg = Walferry::postgres('main', conf => "wal_sender_timeout = 2s\n");
my $kafka = Walferry::Kafka->shared;
my $load = Walferry::Load->new(pg => $pg, committed => 1);
my ($first, $second) = map {
	Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => "t023_$_",
		config => {
			'slot.name' => 't023',
			'topic.prefix' => 't023',
			'exactly.once' => 'true',
			'retriable.restart.connector.wait.ms' => 50,
			'walferry.retry.backoff.max.ms' => 300,
			'topic.creation.default.partitions' => 3,
			'topic.creation.default.replication.factor' => 1,
		})
} qw(first second);
my $waiting = qr/ warn forward: [^\n]*another walferry has slot/;
my $streaming = qr/ streaming slot=/;

$first->started($pg);
$load->start(4, 200);
$load->wait_committed(50);
$second->start;
$second->wait_for_log($waiting);
pass('the second waits');
$load->wait_committed(50);
unlike($second->log_since_start, $streaming, 'as long as the first is there');

my $at = $second->log_size;
$first->kill9;
$second->wait_for_log($streaming, $at);
pass('it takes over when the first is killed');
$load->wait_committed(50);
$first->start;
$first->wait_for_log($waiting);
pass('who comes back waits in turn');

# Asleep in the middle of its work; the server gives up the connection.
$at = $first->log_size;
$load->wait_committed(20);
$second->signal_with('STOP');
$first->wait_for_log($streaming, $at);
pass('the first takes over from one that does not answer');
$load->wait_committed(50);
my $from = $second->log_size;
$second->signal_with('CONT');
$second->wait_for_log($waiting, $from);
pass('who wakes up notices and waits in turn');
like(
	substr($second->log_text, $from),
	qr/ warn forward: [^\n]*(?:connection lost|producer failed)/,
	'and says what it has met');
$load->wait_committed(50);

# Stopped in order.
$at = $second->log_size;
is($first->stop, 0, 'the first stops');
$second->wait_for_log($streaming, $at);
pass('the second takes over');
$load->wait_committed(50);
$load->stop;
is($load->is_complete($kafka, $second, 'after all of that'),
	0, 'a reader of what is committed sees no repeats');
is($second->stop, 0, 'the second stops');

# Who wrote positions: one after the other, never in turns.
my @chain = Walferry::Position::all($kafka, $second);
my @writers;
for my $p (@chain)
{
	push @writers, $p->{run_id}
	  unless @writers && $writers[-1] eq $p->{run_id};
}
is(scalar @writers, 4, 'nobody wrote after having been replaced')
  or diag("@writers");
my $broken = grep { $chain[$_]{prev_end_lsn} ne $chain[ $_ - 1 ]{end_lsn} }
  1 .. $#chain;
is($broken, 0, 'each position names the one before it');
unlike($_->log_text, qr/^\S+ error /m, $_->name . ': no error line')
  for $first, $second;
done_testing();
