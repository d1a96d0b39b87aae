# The connection to PostgreSQL breaks while a start stores what it is about to
# do, and Kafka is slow to take it: what was under way belongs to no start any
# more, and must not drive the next one on, which then stands still for ever.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::FaultProxy;
use Walferry::Check;

my $produce = 0;				# the ApiKey
my $pg = Walferry::postgres('main', conf => "listen_addresses = '127.0.0.1'\n");
my $proxy = Walferry::FaultProxy->new(kafka => 'kafka', pg => 'postgres');
my $kafka =
  Walferry::Kafka->new('--advertise', 'PROXY=' . $proxy->port('kafka'));
$proxy->target(kafka => $kafka->bootstrap('PROXY'));
$proxy->target(pg => '127.0.0.1:' . $pg->port);

for my $kind ([ alo => 'false' ], [ eos => 'true' ])
{
	my ($name, $once) = @$kind;
	$pg->safe_psql('postgres', "CREATE TABLE $name (id int PRIMARY KEY)");
	my $fw = Walferry::Forwarder->new(
		name => $name,
		pg => $pg,
		kafka => $kafka,
		config => {
			'database.hostname' => '127.0.0.1',
			'database.port' => $proxy->port('pg'),
			'bootstrap.servers' => $proxy->address('kafka'),
			'table.include.list' => "public\\.$name",
			'exactly.once' => $once,
			'retriable.restart.connector.wait.ms' => 50,
			'topic.creation.default.partitions' => 1,
			'topic.creation.default.replication.factor' => 1,
		});

	# The slot is not created before this has ended.
	my $open = $pg->background_psql('postgres');
	$open->query_safe("BEGIN; INSERT INTO $name VALUES (1)");
	my $held = $proxy->stats('kafka')->{held};
	$proxy->command("hold kafka $produce 1 stall");
	$fw->start;
	$proxy->wait_for('kafka', "$name: the first record to be held",
		sub { return $_[0]{held} > $held });
	$proxy->command('cut pg');
	$fw->wait_for_log(qr/ warn forward: PostgreSQL connection lost/);
	my $at = $fw->log_size;
	$proxy->command('release kafka');
	$fw->wait_for_log(
		qr/ info repl: creating the slot waits for transactions that are running/,
		$at);

	# Long enough for whatever else is on its way to Kafka.
	$pg->safe_psql('postgres', "INSERT INTO $name VALUES (2)");
	$open->query_safe('COMMIT');
	$open->quit;
	$fw->wait_for_log(qr/ streaming slot=/);
	$pg->safe_psql('postgres', "INSERT INTO $name VALUES (3)");
	Walferry::wait_confirmed($pg, $fw->slot);
	my @ids = map { $_->{key}{id} } $kafka->events($fw->topic("public.$name"));
	is("@ids", '3', "$name: the stream began");
	is($fw->stop, 0, "$name: stops");
	unlike($fw->log_text, qr/^\S+ error /m, "$name: no error line");
}
done_testing();
