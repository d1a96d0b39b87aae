# exactly.once=true: where slot, server and stored position do not fit each
# other, a start is refused, says why, and leaves everything as it was.  The
# way out that is documented works.
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
	my $node = delete $config{pg} // $pg;
	return Walferry::Forwarder->new(
		pg => $node,
		kafka => $kafka,
		name => "t022_$name",
		config => {
			'exactly.once' => 'true',
			'retriable.restart.connector.wait.ms' => 50,
			'topic.creation.default.partitions' => 1,
			'topic.creation.default.replication.factor' => 1,
			%config
		});
}

# Everything that a start could have changed.
sub state_of
{
	my ($fw, $node) = @_;
	my $slot = $fw->slot;
	return join "\n",
	  $node->safe_psql('postgres',
		    'SELECT slot_name, confirmed_flush_lsn, restart_lsn '
		  . "FROM pg_replication_slots WHERE slot_name = '$slot'"),
	  (map { ($_->{key} // '') . ($_->{value} // '') }
		$kafka->read_topic(Walferry::Position::topic($fw))),
	  map { $_->{offset} } $kafka->read_topic($fw->topic('public.t'));
}

sub refused
{
	my ($fw, $code, $re, $hint, $name, $node) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node //= $pg;
	my $before = state_of($fw, $node);
	my ($got, $log) = $fw->run_to_end(30);
	is($got, $code, "$name: exit code $code");
	like($log, qr/ error forward: [^\n]*$re[^\n]*$hint/,
		"$name: says what is wrong, and what to do");
	is(complaints($log), 1, "$name: one line and no more") or diag($log);
	is(state_of($fw, $node), $before, "$name: nothing was changed");
}

sub insert
{
	my ($id, $node) = @_;
	($node // $pg)->safe_psql('postgres', "INSERT INTO t VALUES ($id)");
}

# It starts, and carries what there is; the keys that its topic has then.
sub carries
{
	my ($fw, $want, $name, $node) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node //= $pg;
	$fw->started($node);
	Walferry::wait_confirmed($node, $fw->slot);
	is($fw->stop, 0, "$name: stops");
	my @ids = map { $_->{key}{id} }
	  $kafka->events($fw->topic('public.t'), committed => 1);
	is("@ids", $want, "$name: in the topic");
}

# The same, having been allowed to trust the slot once.
sub carries_by_trust
{
	my ($fw, $want, $warning, $name, $node) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$fw->set('offset.mismatch.strategy' => 'trust_slot');
	carries($fw, $want, "$name, trust_slot", $node);
	like($fw->log_since_start, qr/ warn forward: [^\n]*$warning/,
		"$name, trust_slot: says so");
	$fw->set('offset.mismatch.strategy' => undef);
}

# A slot, and no record of what was read from it.
$pg->safe_psql('postgres',
	q{SELECT pg_create_logical_replication_slot('t022_slot', 'walferry')});
insert(1);
my $fw = forwarder('slot');
refused($fw, 5,
	qr/holds no position of slot \\"t022_slot\\", which exists/,
	qr/trust_slot/, 'no record');
carries_by_trust($fw, '1', qr/no position is stored/, 'no record');
tells_flaw_ok($fw->log_since_start, 'coordinator of transactions',
	'2.10.0', 'what breaks transactions');
insert(2);
carries($fw, '1 2', 'no record, from then on');

# Somebody else has read from the slot, or moved it.
insert(3);
$pg->safe_psql('postgres',
	q{SELECT pg_replication_slot_advance('t022_slot', pg_current_wal_lsn())});
refused($fw, 5, qr/somebody else has moved the slot on/,
	qr/compare the tables/, 'slot moved');
carries_by_trust($fw, '1 2', qr/the stored position does not fit the slot/,
	'slot moved');
insert(4);
carries($fw, '1 2 4', 'slot moved, from then on');

# The slot is dropped; made anew, it is beyond what is stored.
$pg->safe_psql('postgres', q{SELECT pg_drop_replication_slot('t022_slot')});
refused($fw, 5, qr/slot \\"t022_slot\\" is gone; topic \S+ says/,
	qr/exit code 5/, 'slot dropped');
$pg->safe_psql('postgres',
	q{SELECT pg_create_logical_replication_slot('t022_slot', 'walferry')});
refused($fw, 5, qr/somebody else has moved the slot on/,
	qr/compare the tables/, 'slot made anew');
carries_by_trust($fw, '1 2 4', qr/the stored position does not fit the slot/,
	'slot made anew');

# Records that must not be believed, or are none.
sub append
{
	my ($fw, $key, $value) = @_;
	my $cmd = [
		'kcat', '-P', '-b', $kafka->bootstrap,
		'-t', Walferry::Position::topic($fw), '-K', '|'
	];
	IPC::Run::run($cmd, '<', \"$key|$value\n") or die 'kcat failed';
}
my $damaged = forwarder('damaged');
carries($damaged, '', 'before the damage');
my ($record) = reverse grep { $_->{key} !~ /"topic"/ }
  $kafka->read_topic(Walferry::Position::topic($damaged), committed => 1);
(my $value = $record->{value}) =~ s/"timeline":1/"timeline":2/ or die;
append($damaged, $record->{key}, $value);
refused($damaged, 5, qr/crc32c/, qr/exit code 5/, 'damaged record');
insert(44);
$damaged->set('offsets.storage.topic' => 't022_damaged_again');
refused($damaged, 5, qr/topic t022_damaged_again holds no position of slot/,
	qr/trust_slot/, 'damaged record, another topic');
carries_by_trust($damaged, '44', qr/no position is stored/,
	'damaged record, another topic');
insert(45);
carries($damaged, '44 45', 'damaged record, from then on');

my $foreign = forwarder('foreign');
carries($foreign, '', 'before the foreign record');
append($foreign, 'something', 'else');
refused($foreign, 5, qr/none that walferry writes/,
	qr/offsets\.storage\.topic/, 'foreign record');

my $wide = forwarder('wide');
$kafka->create_topic(Walferry::Position::topic($wide), partitions => 3);
refused($wide, 4, qr/has 3 partitions/, qr/offsets\.storage\.topic/,
	'three partitions');

# Positions that the broker would delete some day.
my $short = forwarder('short');
my $store = Walferry::Position::topic($short);
$kafka->create_topic($store, config => { 'cleanup.policy' => 'delete' });
refused($short, 4, qr/\Q$store\E has cleanup\.policy=delete,/,
	qr/cleanup\.policy=compact/, 'positions with cleanup.policy=delete');
sub policy
{
	$kafka->configs_tool('--alter', '--entity-type', 'topics', '--entity-name',
		$store, '--add-config', "cleanup.policy=$_[0]");
}
policy('[compact,delete]');
refused($short, 4, qr/\Q$store\E has cleanup\.policy=compact,delete,/,
	qr/cleanup\.policy=compact/, 'positions with both policies');
policy('compact');
carries($short, '', 'positions with cleanup.policy=compact');
insert(5);
carries($short, '5', 'positions with cleanup.policy=compact, from then on');

# Whoever wrote as another transactional.id could not be shut out.
my $renamed = forwarder('renamed', 'offsets.storage.topic' => 't022_store');
carries($renamed, '', 'before the other name');
$renamed->set('topic.prefix' => 't022_other_name');
refused($renamed, 5,
	qr/written with transactional\.id t022_renamed\.t022_renamed, this is t022_other_name\.t022_renamed/,
	qr/topic\.prefix and slot\.name/, 'another transactional.id');
$renamed->set('topic.prefix' => 't022_renamed');
carries($renamed, '', 'the old name again');

# Brokers that would take a late record of a transaction that has ended.
sub verification
{
	$kafka->configs_tool('--alter', '--entity-type', 'brokers',
		'--entity-default', @_);
}
my $setting = 'transaction.partition.verification.enable';
my $unverified = qr/ warn kafka: brokers do not verify a transaction's/;
unlike($renamed->log_text, $unverified, 'verification on: no warning');
verification('--add-config', "$setting=false");
carries($renamed, '', 'verification off');
like($renamed->log_since_start,
	qr/$unverified [^\n]*why="$setting=false: [^\n]*kafka-configs\.sh/,
	'verification off: warned of, with what to do');
is(scalar(() = $renamed->log_since_start =~ /$unverified/g),
	1, 'verification off: once');
verification('--delete-config', $setting);

# If the other name is meant, its positions need another topic.
insert(46);
$renamed->set(
	'topic.prefix' => 't022_other_name',
	'offsets.storage.topic' => 't022_other_store');
carries_by_trust($renamed, '46', qr/no position is stored/,
	'another transactional.id, another topic');
insert(47);
carries($renamed, '46 47', 'another transactional.id, from then on');
is(Walferry::Position::last($kafka, $renamed)->{transactional_id},
	't022_other_name.t022_renamed', 'another transactional.id: is stored');

# At least once, a slot without a position is enough, and is warned of.
my %alone = (
	'exactly.once' => 'false',
	'walferry.position.store' => 'topic');
my $alone = forwarder('alone', %alone);
$pg->safe_psql('postgres',
	q{SELECT pg_create_logical_replication_slot('t022_alone', 'walferry')});
insert(6);
carries($alone, '6', 'no record, at least once');
like($alone->log_since_start,
	qr/ warn forward: [^\n]*no position is stored: going on from where the slot/,
	'no record, at least once: says so');
carries($alone, '6', 'no record, at least once, from then on');
unlike($alone->log_since_start, qr/no position is stored/,
	'no record, at least once, from then on: none is missing');

# Another server answers at that address, without the slot and with it.
my $other = Walferry::postgres('other');
$other->safe_psql('postgres', 'CREATE TABLE t (id int PRIMARY KEY)');
my $astray = forwarder('astray');
carries($astray, '', 'before the other server');
my $there = forwarder('astray', pg => $other);
refused($there, 5, qr/in a cluster with system identifier \d+; this one/,
	qr/trust_slot/, 'another server', $other);
$other->safe_psql('postgres',
	q{SELECT pg_create_logical_replication_slot('t022_astray', 'walferry')});
refused($there, 5, qr/in a cluster with system identifier \d+; this one/,
	qr/trust_slot/, 'another server with such a slot', $other);
refused(forwarder('astray', pg => $other, %alone), 5,
	qr/in a cluster with system identifier \d+; this one/,
	qr/trust_slot/, 'another server with such a slot, at least once', $other);
insert(7, $other);
carries_by_trust($there, '7', qr/no position is stored/,
	'another server with such a slot', $other);
like($there->log_since_start, qr/ warn forward: positions begin lower than/,
	'another server with such a slot: its LSNs are lower');

# The server has lost what Kafka holds.
my $old = forwarder('old', pg => $other);
insert(8, $other);
carries($old, '', 'before the copy', $other);
$other->stop;
my $copy = PostgreSQL::Test::Utils::tempdir('copy');
system('cp', '-a', $other->data_dir, "$copy/data") == 0 or die;
$other->start;
$other->safe_psql('postgres',
	q{SELECT pg_logical_emit_message(false, '', repeat('x', 100000))});
insert(9, $other);
carries($old, '9', 'before the server is restored', $other);
$other->stop;
system('rm', '-r', $other->data_dir) == 0 or die;
system('mv', "$copy/data", $other->data_dir) == 0 or die;
$other->start;
refused($old, 5, qr/the server's WAL ends before it/,
	qr/compare the tables/, 'a server restored from older data', $other);
done_testing();
