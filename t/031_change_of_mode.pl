# From at least once to exactly once and back, with the position stored all the
# time and without; and at least once, a slot that falls back in a crash of the
# server, and one that is dropped.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use Walferry::Position;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->shared;

$pg->safe_psql('postgres', 'CREATE TABLE t (id int PRIMARY KEY)');

sub forwarder
{
	my ($name, %config) = @_;
	return Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => "t025_$name",
		config => {
			'retriable.restart.connector.wait.ms' => 50,
			'walferry.position.interval.ms' => 100,
			'topic.creation.default.partitions' => 1,
			'topic.creation.default.replication.factor' => 1,
			%config
		});
}

my $rows = 0;

sub insert
{
	my ($n) = @_;
	my $from = $rows + 1;
	$rows += $n;
	$pg->safe_psql('postgres',
		"INSERT INTO t SELECT generate_series($from, $rows)");
}

# Records of what is committed, and how many of them are repeats.
sub carried
{
	my ($fw) = @_;
	my ($records, $repeats) = without_repeats(
		quick_records($kafka, $fw->topic('public.t'), committed => 1));
	return (scalar @$records, $repeats);
}

sub carries_all
{
	my ($fw, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$fw->started($pg);
	Walferry::wait_confirmed($pg, $fw->slot);
	is($fw->stop, 0, "$name: stops");
	my ($n, $repeats) = carried($fw);
	is("$n $repeats", "$rows 0", "$name: all rows, no repeats");
}

sub refused
{
	my ($fw, $re, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($code, $log) = $fw->run_to_end(30);
	is($code, 5, "$name: exit code 5");
	like($log, qr/ error forward: [^\n]*$re/, "$name: says why");
	my ($n, $repeats) = carried($fw);
	is("$n $repeats", "$rows 0", "$name: nothing was published");
}

# Where a position is stored, that is all that there is to it.
my $stored = forwarder('both');
for my $once (qw(false true false true))
{
	$stored->set('exactly.once' => $once);
	insert(10) if $rows > 0;
	$stored->started($pg);
	insert(10);
	Walferry::wait_confirmed($pg, $stored->slot);
	is($stored->stop, 0, "exactly.once=$once, stored: stops");
	my ($n, $repeats) = carried($stored);
	is("$n $repeats", "$rows 0",
		"exactly.once=$once, stored: all rows, no repeats");
	is(complaints($stored->log_since_start),
		0, "exactly.once=$once, stored: no complaints");
}

# Where it is not, the operator has to say that the slot is right.
my $in_slot = 'walferry.position.store';
$pg->safe_psql('postgres', 'TRUNCATE t');
$rows = 0;
my $fw = forwarder('mode', $in_slot => 'slot');
$fw->started($pg);
insert(10);
Walferry::wait_confirmed($pg, $fw->slot);
is($fw->stop, 0, 'at least once, stopped in order');

$fw->set('exactly.once' => 'true', $in_slot => undef);
refused($fw, qr/holds no position of slot/, 'to exactly once');
$fw->set('offset.mismatch.strategy' => 'trust_slot');
insert(10);
carries_all($fw, 'to exactly once, trust_slot');
$fw->set('offset.mismatch.strategy' => undef);
insert(10);
carries_all($fw, 'exactly once from then on');

# Back, after a crash: what the slot was not told of is all that is repeated.
$fw->started($pg);
insert(10);
Walferry::wait_confirmed($pg, $fw->slot);
$fw->kill9;
$fw->set('exactly.once' => 'false', $in_slot => 'slot');
insert(10);
carries_all($fw, 'back to at least once');

refused(forwarder('mode', 'exactly.once' => 'true'),
	qr/somebody else has moved the slot on/,
	'to exactly once again');
$fw->set(
	'exactly.once' => 'true',
	$in_slot => undef,
	'offset.mismatch.strategy' => 'trust_slot');
insert(10);
carries_all($fw, 'to exactly once again, trust_slot');
$fw->set('offset.mismatch.strategy' => undef);
insert(10);
carries_all($fw, 'exactly once again from then on');

# The slot is as old as the last checkpoint, the stored position is not.
my $alone = forwarder('stored');
$pg->safe_psql('postgres', 'TRUNCATE t');
$rows = 0;
$alone->started($pg);
my $fell_back = 0;
for my $round (1 .. 3)
{
	$pg->safe_psql('postgres', 'CHECKPOINT');
	Walferry::wait_confirmed($pg, $alone->slot);
	insert(50);
	my $lsn = Walferry::wait_confirmed($pg, $alone->slot);
	my $stored = Walferry::Position::last($kafka, $alone);
	cmp_ok(lsn_number($stored->{end_lsn}),
		'>=', lsn_number($lsn),
		"crash no. $round: what the slot confirmed is stored");
	$alone->kill9;
	$pg->stop('immediate');
	$pg->start;
	$fell_back++
	  if confirmed_lsn($pg, $alone->slot) < lsn_number($stored->{end_lsn});
	$alone->started($pg);
	insert(50);
	Walferry::wait_confirmed($pg, $alone->slot);
	my ($n, $repeats) = carried($alone);
	is("$n $repeats", "$rows 0", "crash no. $round: all rows, no repeats");
}
cmp_ok($fell_back, '>', 0, "the slot fell back ($fell_back of 3 times)");
is($alone->stop, 0, 'stops');

# The slot is dropped while it is read, which ends the process; and whoever
# starts another is told the same, until the way out is taken.
sub slots
{
	return $pg->safe_psql('postgres', 'SELECT count(*) FROM pg_replication_slots '
		  . "WHERE slot_name = '$_[0]'");
}

my $dropped = forwarder('dropped');
my $name = $dropped->slot;
$pg->safe_psql('postgres', 'TRUNCATE t');
$rows = 0;
$dropped->started($pg);
insert(10);
Walferry::wait_confirmed($pg, $name);
poll_until(
	'the slot to be dropped',
	sub {
		# The forwarder is quick to take it again.
		$pg->psql('postgres', qq{
			SELECT pg_terminate_backend(active_pid, 10000)
			FROM pg_replication_slots WHERE slot_name = '$name';
			SELECT pg_drop_replication_slot('$name')});
		return slots($name) eq '0';
	});
is($dropped->wait_exit, 5, 'slot dropped while running: exit code 5');
for my $time (1, 2)
{
	refused($dropped, qr/replication slot \\"$name\\" is gone/,
		"slot dropped, start no. $time");
	is(slots($name), '0', "slot dropped, start no. $time: no slot is made");
}
$dropped->set('offset.mismatch.strategy' => 'trust_slot');
refused($dropped, qr/replication slot \\"$name\\" is gone/,
	'slot dropped, trust_slot');
$dropped->set('offset.mismatch.strategy' => undef);

my $missing = $rows;
insert(5);
$pg->safe_psql('postgres',
	"SELECT pg_create_logical_replication_slot('$name', 'walferry')");
$rows = $missing;				# in the topic
refused($dropped, qr/or has made it anew/, 'slot made anew');
$dropped->set('offset.mismatch.strategy' => 'trust_slot');
$dropped->started($pg);
$rows += 5;						# in the table
insert(10);
Walferry::wait_confirmed($pg, $name);
is($dropped->stop, 0, 'slot made anew, trust_slot: stops');
like($dropped->log_since_start,
	qr/ warn forward: the stored position does not fit the slot/,
	'slot made anew, trust_slot: says what is not carried');
$dropped->set('offset.mismatch.strategy' => undef);
$dropped->started($pg);
insert(10);
Walferry::wait_confirmed($pg, $name);
is($dropped->stop, 0, 'from then on: stops');
my ($n, $repeats) = carried($dropped);
is("$n $repeats", ($rows - 5) . ' 0',
	'from then on: all but what was written without a slot, no repeats');
done_testing();
