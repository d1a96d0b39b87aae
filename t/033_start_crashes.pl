# Killed at each step of the very first start, and with a transaction open: the
# next start goes on by itself, and every row committed since the slot was
# there is carried once.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use Walferry::Position;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->shared;

sub slot_is_there
{
	my ($fw) = @_;
	return $pg->safe_psql('postgres',
		    'SELECT count(*) FROM pg_replication_slots '
		  . "WHERE slot_name = '"
		  . $fw->slot
		  . "'");
}

# What happens in turn: a position that says that the slot is about to be
# created; the slot; its position; the stream.
my @cases = (
	{ at => 'position_submitted@1', slot => 0, stored => '' },
	{ at => 'after_ack@1', slot => 0, stored => '0/0' },
	{ at => 'slot_created', slot => 1, stored => '0/0' },
	{ at => 'position_submitted@2', slot => 1, stored => '0/0' },
	{ at => 'before_start', slot => 1, stored => 'slot' },
);
for my $i (0 .. $#cases)
{
	my $case = $cases[$i];
	my $table = "t$i";
	my $fw = Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => "t027_$i",
		fault => 1,
		config => {
			'exactly.once' => 'true',
			'table.include.list' => "public.$table",
			'retriable.restart.connector.wait.ms' => 50,
			'topic.creation.default.partitions' => 1,
			'topic.creation.default.replication.factor' => 1,
		});
	my $name = "killed at $case->{at}";

	$pg->safe_psql('postgres', "CREATE TABLE $table (id int PRIMARY KEY)");
	$fw->failpoint("$case->{at}=kill");
	$fw->start;
	is($fw->wait_exit, -9, $name);
	is(slot_is_there($fw), $case->{slot}, "$name: is there a slot");
	my $stored = Walferry::Position::last($kafka, $fw);
	my $want = $case->{stored} ne 'slot' ? $case->{stored}
	  : $pg->safe_psql('postgres',
		    'SELECT confirmed_flush_lsn FROM pg_replication_slots '
		  . "WHERE slot_name = '"
		  . $fw->slot
		  . "'");
	is($stored ? $stored->{end_lsn} : '', $want, "$name: what is stored");
	$pg->safe_psql('postgres', "INSERT INTO $table VALUES (1)");
	$fw->failpoint(undef);
	$fw->started($pg);

	# With a position that is not committed, which must not be believed.
	is($fw->stop, 0, "$name: the next start works");
	$fw->failpoint('position_submitted@1=kill');
	$fw->started($pg);
	$pg->safe_psql('postgres', "INSERT INTO $table VALUES (2)");
	is($fw->wait_exit, -9, "$name: killed again, with a transaction open");
	$fw->failpoint(undef);
	$fw->started($pg);
	Walferry::wait_confirmed($pg, $fw->slot);
	is($fw->stop, 0, "$name: stops");
	my @ids = map { $_->{key}{id} }
	  $kafka->events($fw->topic("public.$table"), committed => 1);
	is("@ids", $case->{slot} ? '1 2' : '2', "$name: rows once");
	unlike($fw->log_text, qr/^\S+ error /m, "$name: no error line");
}
done_testing();
