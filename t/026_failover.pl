# Slot and server that are not what they were: a promoted standby, a restored
# backup, another timeline, a slot that is lost, made anew or taken by another
# plugin.  Each is refused with its exit code and what to do, and the way out
# works.  Failover slots are in 030.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use Walferry::Position;

my $kafka = Walferry::Kafka->shared;
my $pg = Walferry::postgres('main', conf => "max_wal_size = 128MB\n");

sub forwarder
{
	my ($name, $node, %config) = @_;
	return Walferry::Forwarder->new(
		pg => $node,
		kafka => $kafka,
		name => "t026_$name",
		config => {
			'exactly.once' => 'true',
			'topic.creation.default.replication.factor' => 1,
			'retriable.restart.connector.wait.ms' => 50,
			'walferry.retry.backoff.max.ms' => 200,
			%config
		});
}

# Point it at other servers, in this order.
sub point
{
	my ($fw, @nodes) = @_;
	$fw->set(
		'database.hostname' => join(',', map { $_->host } @nodes),
		'database.port' => join(',', map { $_->port } @nodes));
}

# It ended with this code and this one error line.
sub ended
{
	my ($fw, $code, $re, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($fw->wait_exit(60), $code, "$name: exit code $code");
	like($fw->log_since_start, qr/ error forward: [^\n]*$re/,
		"$name: says what and what to do");
}

sub refused
{
	my ($fw, $code, $re, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$fw->start;
	ended($fw, $code, $re, $name);
}

# One start with the operator's word.
sub trusted
{
	my ($fw, $node, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$fw->set('offset.mismatch.strategy' => 'trust_slot');
	$fw->started($node);
	pass("$name: trust_slot goes on");
	$fw->set('offset.mismatch.strategy' => undef);
}

sub insert
{
	my ($node, $fw, @ids) = @_;
	for my $id (@ids)
	{
		$node->safe_psql('postgres', "INSERT INTO t VALUES ($id)");
	}
	Walferry::wait_confirmed($node, $fw->slot) if $fw && $fw->running;
}

# What readers see: timeline:id, in order.
sub seen
{
	my ($fw) = @_;
	my @seen;
	for my $r ($kafka->read_topic($fw->topic('public.t'), committed => 1))
	{
		my ($id) = $r->{key} =~ /^\{"id":(\d+)\}$/ or die $r->{key};
		my ($timeline) = $r->{header}{'walferry.position'} =~ /^([0-9a-f]{8})-/
		  or die $r->{header}{'walferry.position'};
		push @seen, hex($timeline) . ":$id";
	}
	return "@seen";
}

sub timeline
{
	my ($fw) = @_;
	return Walferry::Position::last($kafka, $fw)->{timeline};
}

# A server from a cold copy of another's files, its slots included.
sub copied
{
	my ($from, $backup, $name, %opt) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init_from_backup($from, $backup);
	$node->set_standby_mode if $opt{promote};
	$node->start;
	if ($opt{promote})
	{
		$node->promote;
		$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()')
		  or die 'not promoted';
	}
	return $node;
}

sub drop_slot
{
	my ($node, $slot) = @_;
	$node->safe_psql('postgres', "SELECT pg_drop_replication_slot('$slot')");
}

sub create_slot
{
	my ($node, $slot, $plugin) = @_;
	$plugin //= 'walferry';
	$node->safe_psql('postgres',
		"SELECT pg_create_logical_replication_slot('$slot', '$plugin')");
}

$pg->safe_psql('postgres', 'CREATE TABLE t (id int PRIMARY KEY)');

# ---- a slot that is not what it was ----

my $fw = forwarder('slot', $pg)->started($pg);
insert($pg, $fw, 1);
is($fw->stop, 0, 'stops');

drop_slot($pg, $fw->slot);
refused($fw, 5, qr/slot \\"t026_slot\\" is gone.*exit code 5/,
	'slot dropped while stopped');
create_slot($pg, $fw->slot, 'test_decoding');
refused(
	$fw, 3,
	qr/slot \\"t026_slot\\" belongs to output plugin test_decoding/,
	'slot of another plugin, with a position');
drop_slot($pg, $fw->slot);
insert($pg, undef, 2);
create_slot($pg, $fw->slot);
refused($fw, 5, qr/moved the slot on, to [^ ]*, or has made it anew/,
	'slot made anew');
trusted($fw, $pg, 'slot made anew');
insert($pg, $fw, 3);
is(seen($fw), '1:1 1:3', 'slot made anew: goes on from the slot');
is($fw->stop, 0, 'stops');
$fw->started($pg);
is($fw->stop, 0, 'slot made anew: the next start needs no word');

insert($pg, undef, 4);
$pg->safe_psql('postgres',
	"SELECT pg_replication_slot_advance('t026_slot', pg_current_wal_lsn())");
refused($fw, 5, qr/somebody else has moved the slot on/, 'slot moved on');
trusted($fw, $pg, 'slot moved on');

# Invalidated while it streams: it is held up, so that the slot stays behind.
# PostgreSQL ends its walsender; then it is refused.
$pg->append_conf('postgresql.conf',
	"max_slot_wal_keep_size = 1MB\nmin_wal_size = 32MB\nmax_wal_size = 32MB");
$pg->reload;
my $lose_slot = sub {
	poll_until(
		'the slot to be lost',
		sub {
			$pg->safe_psql('postgres', q{
				SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1000));
				SELECT pg_switch_wal();
				CHECKPOINT});
			return $pg->safe_psql('postgres',
				q{SELECT wal_status FROM pg_replication_slots
				   WHERE slot_name = 't026_slot'}) eq 'lost';
		});
};
$fw->signal_with('STOP');
$lose_slot->();
$fw->signal_with('CONT');
ended($fw, 5, qr/slot \\"t026_slot\\" was invalidated.*max_slot_wal_keep_size/,
	'slot lost while streaming');
drop_slot($pg, $fw->slot);
create_slot($pg, $fw->slot);
trusted($fw, $pg, 'slot lost');
is($fw->stop, 0, 'stops');
$lose_slot->();
refused($fw, 5, qr/slot \\"t026_slot\\" was invalidated.*max_slot_wal_keep_size/,
	'slot lost while stopped');
drop_slot($pg, $fw->slot);
$pg->append_conf('postgresql.conf', "max_slot_wal_keep_size = -1");
$pg->reload;

# ---- restored from a backup ----

my $back = forwarder('backup', $pg)->started($pg);
insert($pg, $back, 10);
is($back->stop, 0, 'stops');
$pg->stop;
$pg->backup_fs_cold('old');
$pg->start;
$back->started($pg);
insert($pg, $back, 11);
is($back->stop, 0, 'stops');
insert($pg, undef, 12);
$pg->stop;
$pg->backup_fs_cold('new');

# The old one as it is, and the old one by recovery, which makes a timeline.
my $old = copied($pg, 'old', 'old');
point($back, $old);
refused($back, 5, qr/the server's WAL ends before it/, 'older backup');
$old->stop;
my $left = copied($pg, 'old', 'left', promote => 1);
$left->safe_psql('postgres', 'INSERT INTO t VALUES (13)');
point($back, $left);
refused($back, 5, qr/the server left its timeline before it/,
	'recovered to before the position');

# One that has all of it, and more.
my $new = copied($pg, 'new', 'new', promote => 1);
$new->safe_psql('postgres', 'INSERT INTO t VALUES (14)');
point($back, $new);
$back->started($new);
Walferry::wait_confirmed($new, $back->slot);
is(seen($back), '1:10 1:11 1:12 2:14',
	'recovered after the position: goes on, each event with its timeline');
is(timeline($back), 2, 'recovered after the position: so has the record');
is($back->stop, 0, 'stops');
$new->stop;

# Back at the server that nobody recovered.
$pg->start;
point($back, $pg);
refused(
	$back, 5,
	qr/the server is on timeline 1, whose history does not hold timeline 2.*former primary/,
	'former primary');
$pg->stop;

# The operator chose: the one that lacks what consumers have.
point($back, $left);
refused($back, 5, qr/cannot go on at/, 'the one that lacks something');
trusted($back, $left, 'the one that lacks something');
insert($left, $back, 15);
# A slot in a backup may have fallen back, and what comes again has the position
# that it had.
like(seen($back), qr/^1:10 1:11 1:12 2:14 (?:1:10 )?2:13 2:15$/,
	'the one that lacks something: goes on from its slot');
is($back->stop, 0, 'stops');
$back->started($left);
is($back->stop, 0, 'the next start needs no word');
$left->stop;

# ---- another cluster under the same names ----

my $primary = Walferry::postgres('primary');
$primary->safe_psql('postgres', 'CREATE TABLE t (id int PRIMARY KEY)');
point($back, $primary);
refused($back, 5, qr/in a cluster with system identifier \d+; this one has/,
	'another cluster, without the slot');
is($primary->safe_psql('postgres',
		'SELECT count(*) FROM pg_replication_slots'),
	0, 'another cluster: no slot is made');
create_slot($primary, $back->slot);
refused($back, 5, qr/in a cluster with system identifier \d+; this one has/,
	'another cluster, with such a slot');

# Also in a database of another name: both have one transactional.id, and would
# fence each other for ever.
drop_slot($primary, $back->slot);
$primary->safe_psql('postgres', 'CREATE DATABASE store');
$primary->safe_psql('store', 'CREATE EXTENSION walferry');
$back->set('database.dbname' => 'store');
refused(
	$back, 5,
	qr/of database \\"postgres\\" in a cluster with system identifier \d+; this/,
	'another cluster, another database');
$back->set('database.dbname' => 'postgres');
$primary->safe_psql('postgres', 'DROP DATABASE store');
create_slot($primary, $back->slot);
trusted($back, $primary, 'another cluster');
is($back->stop, 0, 'stops');
drop_slot($primary, $back->slot);

# ---- a standby is promoted, and has no slot ----

$primary->safe_psql('postgres',
	q{SELECT pg_create_physical_replication_slot('standby')});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "primary_slot_name = 'standby'");
$standby->start;

# The standby comes first in the list, and is passed over.
my $live = forwarder('live', $primary);
my $fresh = forwarder('fresh', $primary);
for my $f ($live, $fresh)
{
	point($f, $standby, $primary);
	$f->started($primary);
}
insert($primary, $live, 20);
Walferry::wait_confirmed($primary, $fresh->slot);
is($fresh->stop, 0, 'stops');
$primary->wait_for_catchup($standby);

my $at = $live->log_size;
$primary->stop('immediate');
$live->wait_for_log(qr/ warn forward: [^\n]*hot standby mode/, $at);
ok($live->running, 'primary gone: waits, also for the standby');
$standby->promote;
ended($live, 5, qr/slot \\"t026_live\\" is gone.*failover slots/,
	'standby promoted, forwarder at work');
refused($fresh, 5, qr/slot \\"t026_fresh\\" is gone.*exit code 5/,
	'standby promoted, forwarder started anew');
is($standby->safe_psql('postgres',
		'SELECT count(*) FROM pg_replication_slots'),
	0, 'standby promoted: no slot is made');

$standby->safe_psql('postgres', 'INSERT INTO t VALUES (21)');
create_slot($standby, $live->slot);
refused($live, 5, qr/or has made it anew/, 'slot made at the new primary');
trusted($live, $standby, 'slot made at the new primary');
insert($standby, $live, 22);
is(seen($live), '1:20 2:22', 'slot made at the new primary: goes on');
is(timeline($live), 2, 'slot made at the new primary: timeline of the record');
is($live->stop, 0, 'stops');
$live->started($standby);
is($live->stop, 0, 'and the next start needs no word');

# As if the extension had been installed on the old primary only.
sub library_path
{
	my ($path) = @_;
	$standby->append_conf('postgresql.conf', "dynamic_library_path = '$path'");
	$standby->reload;
	poll_until(
		"the library to be looked for in $path",
		sub {
			return $standby->safe_psql('postgres',
				'SHOW dynamic_library_path') eq $path;
		});
}
library_path('/nowhere');
refused(
	$live, 3,
	qr/could not access file \\?"walferry\\?".*install the extension's library on the database server.*standbys/,
	'no library on the new primary');
library_path('$libdir');
$live->started($standby);
is($live->stop, 0, 'no library on the new primary: it goes on once it is there');

# ---- a position that is forgotten, as docs/operations.md says ----

my ($last) = reverse $kafka->read_topic(Walferry::Position::topic($live),
	committed => 1);
run_log(
	[
		'kcat', '-P', '-b', $kafka->bootstrap, '-t',
		Walferry::Position::topic($live), '-K', '\t', '-Z'
	],
	'<', \"$last->{key}\t\n");
refused(
	$live, 5,
	qr/holds no position of slot \\"t026_live\\", which exists and stands at/,
	'position forgotten');
trusted($live, $standby, 'position forgotten');
insert($standby, $live, 23);
is(seen($live), '1:20 2:22 2:23', 'position forgotten: goes on');
is($live->stop, 0, 'stops');
done_testing();
