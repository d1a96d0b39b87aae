# A database that has nothing to say must not hold its WAL, and a transaction
# of which nothing is wanted must not cost the connection.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;

# Much shorter than what follows takes to decode.
my $pg = Walferry::postgres('main', conf => "wal_sender_timeout = 1s\n");
my $kafka = Walferry::Kafka->shared;
$pg->safe_psql('postgres', q{
	CREATE TABLE wanted (id int PRIMARY KEY);
	CREATE TABLE unwanted (id int, pad text);
	CREATE UNLOGGED TABLE unlogged (id int)});
$pg->safe_psql('postgres', 'CREATE DATABASE other');
$pg->safe_psql('other', 'CREATE TABLE t (id int, pad text)');
my $fw = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	config => {
		'table.include.list' => 'public\.wanted',
		# Confirming must not wait for this, but it does for the position.
		'status.update.interval.ms' => 600000,
		'walferry.position.interval.ms' => 500
	})->started($pg);
my $topic = $fw->topic('public.wanted');
my $walsender = Walferry::walsender_pid($pg);

sub restart_lsn
{
	return lsn_number($pg->safe_psql('postgres',
			'SELECT restart_lsn FROM pg_replication_slots '
		  . "WHERE slot_name = '" . $fw->slot . "'"));
}

# Whatever writes WAL, the slot follows.
my @writers = (
	[ 'another database', 'other',
		q{INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 20000) i}
	],
	[ 'tables that are not wanted', 'postgres',
		q{INSERT INTO unwanted SELECT i, repeat('x', 100) FROM generate_series(1, 20000) i}
	],
	[ 'tables without WAL, and DDL', 'postgres',
		q{INSERT INTO unlogged SELECT generate_series(1, 1000);
		CREATE TABLE more (id int); DROP TABLE more} ],
	[ 'a rollback', 'postgres',
		q{BEGIN; INSERT INTO wanted SELECT generate_series(1, 1000); ROLLBACK}
	]);
for my $writer (@writers)
{
	my ($name, $database, $sql) = @$writer;
	my $before = confirmed_lsn($pg, $fw->slot);
	$pg->safe_psql($database, $sql);
	my $lsn = lsn_number(Walferry::wait_confirmed($pg, $fw->slot));
	cmp_ok($lsn, '>', $before, "$name: the slot follows");
}

# What the slot needs of the WAL follows as well, as soon as a snapshot of the
# running transactions is in it (every 15 seconds by itself).
my $needed = restart_lsn();
poll_until(
	'restart_lsn to move on',
	sub {
		$pg->safe_psql('other',
			'INSERT INTO t VALUES (0); SELECT pg_log_standby_snapshot()')
		  if $pg->pg_version >= 16;
		$pg->safe_psql('other', 'INSERT INTO t VALUES (0); CHECKPOINT');
		return restart_lsn() > $needed;
	});
pass('WAL is given up');
is(scalar(() = $kafka->read_topic($topic)), 0, 'all that without a record');

# Long transactions of which nothing is wanted: a million rows of a table.  All
# of them are gone through at the commit record.  Replies must be read
# meanwhile: the server counts the time since it has read one.
$pg->safe_psql('postgres',
	"INSERT INTO unwanted SELECT i, '' FROM generate_series(1, 1000000) i");
my $committed = $pg->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');
my %replies;
poll_until(
	'the long transaction to be over',
	sub {
		my ($sent, $replied, $over) = split /\|/, $pg->safe_psql('postgres',
			    'SELECT sent_lsn, reply_time, '
			  . "confirmed_flush_lsn >= '$committed' "
			  . 'FROM pg_stat_replication JOIN pg_replication_slots '
			  . "ON active_pid = pid WHERE slot_name = '"
			  . $fw->slot . "'");
		$replies{$sent}{$replied} = 1 if $sent;
		return ($over // '') eq 't';
	});
my ($most) = sort { $b <=> $a } map { scalar keys %$_ } values %replies;
cmp_ok($most, '>=', 2, 'long transaction: replies are read in the midst of it');

# A thousand subtransactions.
$pg->safe_psql('postgres', q{
	DO $$ BEGIN
		FOR i IN 1 .. 1000 LOOP
			BEGIN
				INSERT INTO unwanted SELECT g, '' FROM generate_series(1, 100) g;
			EXCEPTION WHEN others THEN NULL;
			END;
		END LOOP;
	END $$});
# One of which some is.
$pg->safe_psql('postgres', q{
	BEGIN;
	INSERT INTO wanted VALUES (1);
	INSERT INTO unwanted SELECT i, '' FROM generate_series(1, 300000) i;
	INSERT INTO wanted VALUES (2);
	COMMIT;
	INSERT INTO wanted VALUES (3)});
my @events = $kafka->wait_for_events($topic, 3);
is_deeply([ map { $_->{value}{after}{id} } @events ],
	[ 1, 2, 3 ], 'long transactions: what is wanted arrives, once');
Walferry::wait_confirmed($pg, $fw->slot);
is(Walferry::walsender_pid($pg), $walsender,
	'long transactions: the connection has lasted');
unlike(
	slurp_text($pg->logfile),
	qr/terminating walsender process/,
	'long transactions: the server has not given up');
is($fw->stop, 0, 'stops');
is(complaints($fw->log_text), 0, 'no warnings');
done_testing();
