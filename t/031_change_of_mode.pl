# From at least once to exactly once and back; and at least once with its
# position stored, whose slot falls back in a crash of the server.
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

my $fw = forwarder('mode');
$fw->started($pg);
insert(10);
Walferry::wait_confirmed($pg, $fw->slot);
is($fw->stop, 0, 'at least once, stopped in order');

$fw->set('exactly.once' => 'true');
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
$fw->set('exactly.once' => 'false');
insert(10);
carries_all($fw, 'back to at least once');

refused(forwarder('mode', 'exactly.once' => 'true'),
	qr/somebody else has moved the slot on/,
	'to exactly once again');
$fw->set(
	'exactly.once' => 'true',
	'offset.mismatch.strategy' => 'trust_slot');
insert(10);
carries_all($fw, 'to exactly once again, trust_slot');
$fw->set('offset.mismatch.strategy' => undef);
insert(10);
carries_all($fw, 'exactly once again from then on');

# The slot is as old as the last checkpoint, the stored position is not.
my $alone = forwarder('stored', 'walferry.position.store' => 'topic');
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
done_testing();
