# Heartbeats as Debezium's, with their query; and what they are not needed for:
# while nothing of ours is written, the slot follows all the same, and never
# passes the position that is stored.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use Walferry::Position;

my $interval = 400;
my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->shared;

$pg->safe_psql('postgres', q{
	CREATE TABLE t (id int PRIMARY KEY);
	CREATE TABLE unwanted (id int, pad text);
	CREATE TABLE beat (slot text PRIMARY KEY, n int)});
$pg->safe_psql('postgres', 'CREATE DATABASE other');
$pg->safe_psql('other', 'CREATE TABLE noise (id int, pad text)');

sub slot_is_at
{
	my ($fw, $column) = @_;
	return lsn_number($pg->safe_psql('postgres',
			"SELECT $column FROM pg_replication_slots "
		  . "WHERE slot_name = '" . $fw->slot . "'"));
}

# How often the query has run.
sub acted
{
	my ($fw) = @_;
	return $pg->safe_psql('postgres',
		"SELECT coalesce(max(n), 0) FROM beat WHERE slot = '" . $fw->slot . "'");
}

sub heartbeats_arrive
{
	my ($name, $once, %config) = @_;
	my $slot = "t029_$name";
	my $topic = "__debezium-heartbeat.$slot";
	my $fw = Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => $slot,
		config => {
			%config,
			'table.include.list' => 'public\.t',
			'heartbeat.interval.ms' => $interval,
			'heartbeat.action.query' =>
			  "INSERT INTO beat VALUES ('$slot', 1) "
			  . 'ON CONFLICT (slot) DO UPDATE SET n = beat.n + 1',
		});

	# More than one partition, and they keep to the first.
	$kafka->create_topic($topic, partitions => 3);
	my $begun = time * 1000;
	$fw->started($pg);
	my @beats = $kafka->wait_for_events($topic, 5);
	@beats = $kafka->events($topic, committed => 1) if $once;
	cmp_ok(scalar @beats, '>=', 4, "$name: heartbeats arrive");
	is_deeply(
		[ grep { $_->{partition} != 0 || @{ $_->{headers} } } @beats ],
		[], "$name: in partition 0, without headers");
	is_deeply(
		[ grep { $_->{text_key} ne qq({"serverName":"$slot"}) } @beats ],
		[], "$name: key");
	is_deeply(
		[ grep { $_->{text_value} !~ /^\{"ts_ms":\d{13}\}$/ } @beats ],
		[], "$name: value");
	my @times = map { $_->{value}{ts_ms} } @beats;
	cmp_ok($times[0], '>=', $begun, "$name: the time is that of sending");
	# Late they may be, on a busy machine; the clocks are read one by one.
	is( scalar(grep { $times[$_] - $times[ $_ - 1 ] < $interval - 20 }
			1 .. $#times),
		0, "$name: no sooner than after the interval");

	# What the query writes is none of ours.
	poll_until('the query to have run', sub { return acted($fw) >= 3 });
	pass("$name: the query runs");

	# Among records, and with the query failing.
	$pg->safe_psql('postgres', 'ALTER TABLE beat RENAME TO beat_gone');
	my $at = $fw->log_size;
	$fw->wait_for_log(qr/ warn heartbeat: .* failed sqlstate=42P01 /);
	$pg->safe_psql('postgres', "INSERT INTO t SELECT generate_series(1, 100)");
	$kafka->wait_for_events($fw->topic('public.t'), 100);
	my $n = scalar $kafka->read_topic($topic);
	$kafka->wait_for_events($topic, $n + 3);
	is(scalar(() = $fw->log_since_start =~ / warn heartbeat: /g),
		1, "$name: a query that fails is told once, and the rest goes on");
	$pg->safe_psql('postgres', 'ALTER TABLE beat_gone RENAME TO beat');
	$fw->wait_for_log(qr/ info heartbeat: .* runs again/, $at);

	# Its connection is another, and is made again.
	my $killed = poll_until(
		'the connection of the query to end',
		sub {
			return $pg->safe_psql('postgres',
				    'SELECT count(pg_terminate_backend(pid)) '
				  . 'FROM pg_stat_activity '
				  . "WHERE application_name = 'walferry_heartbeat'");
		});
	my $before = acted($fw);
	poll_until('it to run again', sub { return acted($fw) > $before + 1 });
	pass("$name: with a new connection");
	if ($once)
	{
		my @chain = Walferry::Position::all($kafka, $fw);
		my $records = 0;
		$records += $_->{records} for @chain;
		is($records, 100, "$name: positions count events, not heartbeats");
	}
	is($fw->stop, 0, "$name: stops");
	$pg->safe_psql('postgres', 'DELETE FROM t');
	$pg->safe_psql('postgres',
		"SELECT pg_drop_replication_slot('" . $fw->slot . "')");
}

heartbeats_arrive('alo', 0);
heartbeats_arrive('once', 1, 'exactly.once' => 'true');

# Without heartbeats.
my %lines = map {
	my ($name, %config) = @$_;
	$name => Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => "t029_idle_$name",
		config => {
			%config,
			'walferry.position.interval.ms' => 1000,
			'table.include.list' => 'public\.t',
		})
  } (
	[ 'alo', 'walferry.position.store' => 'topic' ],
	[ 'once', 'exactly.once' => 'true' ]);
$_->start for values %lines;
$_->wait_for_log(qr/ streaming slot=/) for values %lines;

# In this order: what is stored may have moved on since.
my %passed = map { $_ => 0 } keys %lines;
my %back = map { $_ => 0 } keys %lines;
my %last;
sub sample
{
	for my $name (sort keys %lines)
	{
		my $fw = $lines{$name};
		my $slot = slot_is_at($fw, 'confirmed_flush_lsn');
		my $stored =
		  lsn_number(Walferry::Position::last($kafka, $fw)->{end_lsn});
		$passed{$name}++ if $slot > $stored;
		$back{$name}++
		  if $last{$name} && ($slot < $last{$name}[0]
			|| $stored < $last{$name}[1]);
		$last{$name} = [ $slot, $stored ];
	}
}

for my $writer (
	[ 'another database', 'other', 'noise' ],
	[ 'tables that are not wanted', 'postgres', 'unwanted' ])
{
	my ($what, $database, $table) = @$writer;
	my %restart =
	  map { $_ => slot_is_at($lines{$_}, 'restart_lsn') } keys %lines;
	my $until;
	for (1 .. 5)
	{
		$pg->safe_psql($database,
			"INSERT INTO $table SELECT i, repeat('x', 200) "
			  . 'FROM generate_series(1, 10000) i');
		sample();
		$until = $pg->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');
	}
	for my $name (sort keys %lines)
	{
		my $fw = $lines{$name};
		poll_until(
			"$name to confirm $until",
			sub {
				sample();
				return slot_is_at($fw, 'confirmed_flush_lsn') >=
				  lsn_number($until);
			});
		pass("$what, $name: the slot follows");
		# As soon as a snapshot of the running transactions is in the WAL.
		poll_until(
			"WAL to be given up",
			sub {
				$pg->safe_psql($database,
					"INSERT INTO $table VALUES (0); CHECKPOINT");
				sample();
				return slot_is_at($fw, 'restart_lsn') > $restart{$name};
			});
		pass("$what, $name: WAL is given up");
	}
}
for my $name (sort keys %lines)
{
	my $fw = $lines{$name};

	is($passed{$name}, 0, "$name: the slot is never beyond what is stored");
	is($back{$name}, 0, "$name: neither goes back");
	is($fw->stop, 0, "$name: stops");
	is(complaints($fw->log_text), 0, "$name: no warnings");
}
done_testing();
