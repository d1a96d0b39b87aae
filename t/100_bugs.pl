# Faults that were found and repaired; each with what went wrong.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->new;

$pg->safe_psql('postgres', q{
	CREATE TABLE t (id int PRIMARY KEY);
	CREATE TABLE other (id int PRIMARY KEY, pad text)});

# The server says once how far it has sent when it has no more to send.  When
# that came while records were still under way to Kafka, it was forgotten, and
# a database that then fell idle held its WAL until something else was
# written: the slot stood at the last carried transaction, behind all that had
# been filtered out.
{
	my $fw = Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => 't100_keepalive',
		config => {
			'table.include.list' => 'public.t',
			'walferry.position.interval.ms' => 200
		});

	$fw->started($pg);
	$pg->safe_psql('postgres', 'INSERT INTO t VALUES (1)');
	$kafka->wait_for_events('t100_keepalive.public.t', 1);
	Walferry::wait_confirmed($pg, $fw->slot);
	$kafka->pause;
	$pg->safe_psql('postgres', 'INSERT INTO t VALUES (2)');
	# What follows is not carried.
	$pg->safe_psql('postgres',
		q{INSERT INTO other SELECT i, repeat('x', 100) FROM generate_series(1, 1000) i}
	);
	my $lsn =
	  $pg->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');
	poll_until(
		'everything to be sent',
		sub {
			return $pg->safe_psql('postgres',
				"SELECT sent_lsn >= '$lsn' AND write_lsn >= '$lsn' "
				  . 'FROM pg_stat_replication') eq 't';
		});
	isnt(confirmed_lsn($pg, $fw->slot), lsn_number($lsn),
		'keepalive: not adopted while a record is under way');
	$kafka->resume;
	# Sooner than the server writes something of its own accord (15 s).
	poll_until(
		'the position to be confirmed',
		sub { return confirmed_lsn($pg, $fw->slot) >= lsn_number($lsn) }, 10);
	pass('keepalive: adopted once the record is delivered');
	is($fw->stop, 0, 'stops');
}
done_testing();
