# A transaction is open when the slot is to be created: that waits, and says so.
# Stopped meanwhile, the forwarder leaves no slot behind, which nobody would
# read and which would keep WAL for ever; left alone, it goes on by itself.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->shared;
my $fw = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	config => { 'topic.creation.default.replication.factor' => 1 });
my $waits = qr/ info repl: creating the slot waits for transactions that are running/;

sub slots
{
	return $pg->safe_psql('postgres',
		'SELECT count(*) FROM pg_replication_slots');
}

$pg->safe_psql('postgres', 'CREATE TABLE t (id int PRIMARY KEY)');
my $open = $pg->background_psql('postgres');
$open->query_safe('BEGIN; INSERT INTO t VALUES (1)');

$fw->start;
$fw->wait_for_log($waits);
is(slots(), 1, 'the server is about to make a slot');
is($fw->stop, 0, 'stopped meanwhile: exit code 0');
poll_until('the slot to be gone', sub { slots() eq '0' });
poll_until(
	'the walsender to be gone',
	sub {
		return $pg->safe_psql('postgres',
			    'SELECT count(*) FROM pg_stat_activity '
			  . "WHERE backend_type = 'walsender'") eq '0';
	});
pass('stopped meanwhile: no slot is left');
unlike($fw->log_text, qr/^\S+ error /m, 'stopped meanwhile: no error line');

$fw->start;
poll_until('the server to begin again', sub { slots() eq '1' });
$open->query_safe('COMMIT');
$open->quit;
$fw->wait_for_log(qr/ streaming slot=/);
$pg->safe_psql('postgres', 'INSERT INTO t VALUES (2)');
Walferry::wait_confirmed($pg, $fw->slot);
my @ids = map { $_->{key}{id} } $kafka->events($fw->topic('public.t'));
is("@ids", '2', 'the transaction has ended: what comes after it is carried');
is($fw->stop, 0, 'stops');
done_testing();
