# Kafka takes less than PostgreSQL has, for longer than a Kafka transaction may be
# open: then the forwarder always waits for room, and has to end transactions in
# between all the same.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::FaultProxy;
use Walferry::Check;
use Walferry::Position;

my $rows = 12_000;       # some 7 MB of events
my $bandwidth = 800_000; # bytes per second
my $timeout_ms = 4000;   # of a transaction; half of it, and one is split

my $pg = Walferry::postgres('main');
my $proxy = Walferry::FaultProxy->new(kafka => 'kafka');
my $kafka =
  Walferry::Kafka->new('--advertise', 'PROXY=' . $proxy->port('kafka'),
	'--set', 'transaction.abort.timed.out.transaction.cleanup.interval.ms=500');
$proxy->target(kafka => $kafka->bootstrap('PROXY'));

$pg->safe_psql('postgres', q{
	CREATE TABLE small (id int PRIMARY KEY, t text);
	CREATE TABLE large (id int PRIMARY KEY, t text);
	CREATE PROCEDURE fill_small(n int) LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 0 .. n / 10 - 1 LOOP
			INSERT INTO small SELECT i * 10 + g, 'some text'
			FROM generate_series(1, 10) g;
			COMMIT;
		END LOOP;
	END $$});

sub forwarder
{
	my ($table, %config) = @_;
	my $fw = Walferry::Forwarder->new(
		pg => $pg,
		name => "t037_$table",
		config => {
			'bootstrap.servers' => $proxy->address('kafka'),
			'table.include.list' => "public.$table",
			'retriable.restart.connector.wait.ms' => 50,
			'topic.creation.default.partitions' => 3,
			'topic.creation.default.replication.factor' => 1,
			%config
		});
	$fw->started($pg);
	is($fw->stop, 0, "$table: stops");
	return $fw;
}

# All of it arrives through the narrow pipe, at the first attempt.
sub arrives
{
	my ($fw, $table, %read) = @_;
	my $before = () = Walferry::Position::all($kafka, $fw);
	$proxy->command("bandwidth kafka c2s $bandwidth");

	# (A walsender whose reader is slow may stay in state "catchup" when it is
	# through, until more is written.)
	$fw->start;
	$fw->wait_for_log(qr/ streaming slot=/);
	Walferry::wait_confirmed($pg, $fw->slot);
	$proxy->command("bandwidth kafka c2s 0");
	is($fw->stop, 0, "$table: stops again");
	unlike($fw->log_text, qr/producer failed/, "$table: no transaction failed");
	my %keys = map { $_->[2] => 1 }
	  quick_records($kafka, $fw->topic("public.$table"), %read);
	is(scalar keys %keys, $rows, "$table: all of it is there");
	my @positions = Walferry::Position::all($kafka, $fw);
	return @positions[ $before .. $#positions ];
}

my %exactly_once = (
	'exactly.once' => 'true',
	'max.queue.size.in.bytes' => 500_000,
	'producer.override.transaction.timeout.ms' => $timeout_ms);

# ---- a backlog of small transactions ----

my $fw = forwarder('small', %exactly_once);
$pg->safe_psql('postgres', "SET synchronous_commit = off; CALL fill_small($rows)");
my @positions = arrives($fw, 'small', committed => 1);
cmp_ok(scalar @positions, '>', 5, 'small: Kafka transactions end in between');
# (One that happens to be open when two seconds are over may be split.)
cmp_ok(4 * grep({ $_->{partial} } @positions),
	'<', scalar @positions, 'small: with whole source transactions');

# ---- one that is larger than a Kafka transaction can be ----

$fw = forwarder('large', %exactly_once);
$pg->safe_psql('postgres',
	"INSERT INTO large SELECT g, 'some text' FROM generate_series(1, $rows) g");
@positions = arrives($fw, 'large', committed => 1);
cmp_ok(scalar(grep { $_->{partial} } @positions),
	'>', 1, 'large: goes in pieces, and says so');

# ---- at least once, positions are stored in between as well ----

$pg->safe_psql('postgres', 'TRUNCATE small');
$fw = forwarder('small',
	'slot.name' => 't037_alone',
	'topic.prefix' => 't037_alone',
	'walferry.position.store' => 'topic',
	'max.queue.size.in.bytes' => 50_000);
$pg->safe_psql('postgres', "SET synchronous_commit = off; CALL fill_small($rows)");
@positions = arrives($fw, 'small');
cmp_ok(scalar @positions, '>', 4, 'at least once: positions are stored');

done_testing();
