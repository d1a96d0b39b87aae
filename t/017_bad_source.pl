# What PostgreSQL may refuse, and a PostgreSQL that is not there: one clear line
# that names the thing and the fix, the documented exit code, and the fix works.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;

my $pg = Walferry::postgres('main', allow => 0);
my $kafka = Walferry::Kafka->shared;
my $superuser = Walferry::superuser();
my $guarded = Walferry::knows_setting($pg, 'output_plugin_libraries');
my %quick = (
	'retriable.restart.connector.wait.ms' => 50,
	'walferry.retry.backoff.max.ms' => 200);

sub forwarder
{
	my ($name, %config) = @_;
	return Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => "t017_$name",
		config => { %quick, %config });
}

# It ends with this code and this one error line.
sub refused
{
	my ($fw, $code, $re, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($got, $log) = $fw->run_to_end(30);
	is($got, $code, "$name: exit code $code");
	like($log, qr/ error forward: [^\n]*$re/, "$name: says what to do");
	is(complaints($log),
		1, "$name: one line and no more")
	  or diag($log);
	return $log;
}

sub slots
{
	return $pg->safe_psql('postgres',
		'SELECT slot_name FROM pg_replication_slots ORDER BY 1');
}

# The plugin is not allowed.  Both SQL commands of the line repair it.
SKIP:
{
	skip 'this server loads any output plugin', 8 unless $guarded;
	my $log = refused(
		forwarder('plugin'),
		3,
		qr/output_plugin_libraries/,
		'plugin not allowed');
	is(slots(), '', 'plugin not allowed: no slot is left');
	$log =~ /(ALTER ROLE \\"\w+\\" IN DATABASE \\"\w+\\" SET output_plugin_libraries = [^;]*;)/
	  or die "no ALTER ROLE in $log";
	(my $alter_role = $1) =~ s/\\"/"/g;
	my ($alter_system) =
	  $log =~ /(ALTER SYSTEM SET output_plugin_libraries = [^;]*;)/;

	$pg->safe_psql('postgres', $alter_role);
	my $fw = forwarder('plugin')->started($pg);
	pass("works after: $alter_role");
	is($fw->stop, 0, 'stops');
	$pg->safe_psql('postgres',
		qq{ALTER ROLE "$superuser" IN DATABASE postgres RESET output_plugin_libraries}
	);
	refused($fw, 3, qr/output_plugin_libraries/,
		'plugin no longer allowed, slot there');
	$pg->safe_psql('postgres', $alter_system);
	$pg->reload;
	is($pg->safe_psql('postgres', 'SHOW output_plugin_libraries'),
		'pgoutput, test_decoding, walferry',
		'ALTER SYSTEM keeps what was allowed');
	$fw->started($pg);
	pass("works after: $alter_system");
	is($fw->stop, 0, 'stops');
}

# The slot.
refused(
	forwarder('none', 'walferry.slot.create' => 'false'),
	3,
	qr/slot \\"t017_none\\" does not exist.*(?:walferry\.slot\.create|pg_create_logical_replication_slot)/,
	'missing slot');
$pg->safe_psql('postgres', q{
	SELECT pg_create_logical_replication_slot('t017_other', 'test_decoding');
	SELECT pg_create_physical_replication_slot('t017_physical')});
my $log = refused(
	forwarder('other'),
	3,
	qr/slot \\"t017_other\\".*test_decoding.*pg_copy_logical_replication_slot/,
	'slot of another plugin');
{
	# The SQL it prints is run as it is.
	my ($sql) = $log =~ /(SELECT pg_copy_logical_replication_slot\([^;]*?\))/;
	ok(defined $sql, 'slot of another plugin: there is SQL in it')
	  or diag($log);
	$pg->safe_psql('postgres', $sql);
	my $new = $pg->safe_psql('postgres',
		q{SELECT slot_name FROM pg_replication_slots
		   WHERE plugin = 'walferry' AND slot_name LIKE 't017_other%'});
	isnt($new, '', "slot of another plugin: made by $sql");
	my $fw = forwarder('copied', 'slot.name' => $new)->started($pg);
	pass('slot of another plugin: the copy works');
	is($fw->stop, 0, 'stops');
}

# A slot that tells of what is only prepared.  Its copy has what came meanwhile,
# and a prepared transaction when, and if, it commits.
$pg->safe_psql('postgres', q{
	CREATE TABLE prepared (id int PRIMARY KEY);
	SELECT pg_create_logical_replication_slot('t017_two', 'walferry', false, true)});
$pg->safe_psql('postgres', q{
	BEGIN; INSERT INTO prepared VALUES (1); PREPARE TRANSACTION 'before'});
$log = refused(
	forwarder('two'),
	3,
	qr/slot \\"t017_two\\" was made with two_phase.*pg_copy_logical_replication_slot/,
	'slot with two_phase');
{
	my ($copy, $new, $drop) = $log =~
	  /(SELECT pg_copy_logical_replication_slot\([^;]*;).*slot\.name=(\w+).*(SELECT pg_drop_replication_slot\([^;]*;)/
	  or die "no SQL in $log";
	$pg->safe_psql('postgres', $copy);
	$pg->safe_psql('postgres', $drop);
	my $fw = forwarder('whole', 'slot.name' => $new)->started($pg);
	for my $sql (
		q{BEGIN; INSERT INTO prepared VALUES (2); PREPARE TRANSACTION 'undone'},
		q{ROLLBACK PREPARED 'undone'},
		q{INSERT INTO prepared VALUES (3)},
		q{COMMIT PREPARED 'before'},
		q{BEGIN; INSERT INTO prepared VALUES (4); PREPARE TRANSACTION 'after'},
		q{COMMIT PREPARED 'after'})
	{
		$pg->safe_psql('postgres', $sql);
	}
	my @events = $kafka->wait_for_events('t017_whole.public.prepared', 3);
	is_deeply(
		[ map { "$_->{value}{op} $_->{value}{after}{id}" } @events ],
		[ 'c 3', 'c 1', 'c 4' ],
		'prepared transactions: an event at COMMIT PREPARED, none before');
	Walferry::wait_confirmed($pg, $new);
	is($fw->stop, 0, 'stops');
}
refused(forwarder('physical'), 3, qr/slot \\"t017_physical\\" is a physical one/,
	'physical slot');
$pg->safe_psql('postgres', 'CREATE DATABASE elsewhere');
my $elsewhere = forwarder('elsewhere', 'database.dbname' => 'elsewhere');
$elsewhere->started($pg)->stop;
refused(
	forwarder('elsewhere'), 3,
	qr/slot \\"t017_elsewhere\\" belongs to database \\"elsewhere\\"/,
	'slot of another database');

# In use: it waits, says so once, and goes on when the slot is free.
my %in_slot = ('walferry.position.store' => 'slot');
my $first = forwarder('busy', %in_slot)->started($pg);
my $second = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	name => 't017_second',
	config => { %quick, %in_slot, 'slot.name' => 't017_busy' });
$second->start;
my $pid = $pg->safe_psql('postgres',
	q{SELECT active_pid FROM pg_replication_slots WHERE slot_name = 't017_busy'});
$second->wait_for_log(
	qr/ warn forward: [^\n]*slot \\"t017_busy\\" is in use by process $pid/);
$second->set('walferry.log.level' => 'debug');
my $attempts = sub {
	return $pg->safe_psql('postgres',
		q{SELECT sessions FROM pg_stat_database WHERE datname = 'postgres'});
};
my $before = $attempts->();
poll_until('some more attempts', sub { return $attempts->() > $before + 8 });
is(complaints($second->log_text), 1,
	'slot in use: said once, whatever the number of attempts');
is($first->stop, 0, 'slot in use: the first stops');
$second->wait_for_log(qr/ streaming slot=t017_busy/);
pass('slot in use: the second goes on when it is free');

# Dropped under it while it is away: never made anew in silence.
is($second->stop, 0, 'stops');
$second->started($pg);
$pg->safe_psql('postgres',
	'SELECT pg_terminate_backend(pid) FROM pg_stat_replication');
my $dropped = sub {
	my ($rc) = $pg->psql('postgres',
		q{SELECT pg_drop_replication_slot('t017_busy')
		    WHERE NOT EXISTS (SELECT FROM pg_replication_slots
				WHERE slot_name = 't017_busy' AND active)});
	return slots() !~ /t017_busy/;
};
my $gone = poll_until(
	'the slot to be dropped or the forwarder to be back',
	sub {
		return 1 if $dropped->();
		$pg->safe_psql('postgres',
			'SELECT pg_terminate_backend(pid) FROM pg_stat_replication');
		return 0;
	});
is($second->wait_exit, 5, 'slot dropped meanwhile: exit code 5');
like($second->log_since_start, qr/ error forward: [^\n]*t017_busy/,
	'slot dropped meanwhile: named');
unlike(slots(), qr/t017_busy/, 'slot dropped meanwhile: not made anew');

# Encodings.  The slot was there before the row was, and keeps it.
for my $encoding (qw(LATIN1 SQL_ASCII))
{
	my $db = 'in_' . lc $encoding;
	$pg->safe_psql('postgres',
		    "CREATE DATABASE $db ENCODING '$encoding' "
		  . "LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
	$pg->safe_psql($db, qq{
		CREATE TABLE t (id int PRIMARY KEY, s text);
		SELECT pg_create_logical_replication_slot('t017_$db', 'walferry')});
	$pg->safe_psql($db, q{INSERT INTO t VALUES (1, E'a\xe4b')});
}
my $latin1 = forwarder('in_latin1', 'database.dbname' => 'in_latin1');
my $stood = confirmed_lsn($pg, $latin1->slot);
refused(
	$latin1,
	3,
	qr/database \\"in_latin1\\" is encoded in LATIN1; only UTF8 and SQL_ASCII/,
	'LATIN1');
is(confirmed_lsn($pg, $latin1->slot), $stood, 'LATIN1: nothing is confirmed');
my $ascii = forwarder('in_sql_ascii', 'database.dbname' => 'in_sql_ascii');
$ascii->start;
my @odd = $kafka->wait_for_events('t017_in_sql_ascii.public.t', 1);
is($odd[0]{value}{after}{s}, "a\x{fffd}b",
	'SQL_ASCII: what is not UTF-8 becomes U+FFFD');
like(
	$ascii->log_text,
	qr/ warn forward: the database states no encoding \(SQL_ASCII\)/,
	'SQL_ASCII: is warned of');
is($ascii->stop, 0, 'stops');

# Users and databases.
refused(forwarder('nodb', 'database.dbname' => 'nowhere'),
	3, qr/database \\"nowhere\\" does not exist.*database\.dbname/,
	'no such database');
$pg->safe_psql('postgres', q{
	CREATE ROLE plain LOGIN;
	CREATE ROLE carrier LOGIN REPLICATION PASSWORD 'right'});
refused(forwarder('plain', 'database.user' => 'plain'),
	3, qr/REPLICATION/, 'a role without REPLICATION');
refused(forwarder('norole', 'database.user' => 'nobody'),
	3, qr/role \\"nobody\\"/, 'no such role');
my $hba = slurp_text($pg->data_dir . '/pg_hba.conf');
{
	open my $fh, '>', $pg->data_dir . '/pg_hba.conf' or die $!;
	print $fh "local all carrier scram-sha-256\n$hba";
	close $fh;
	$pg->reload;
}
$log = refused(
	forwarder(
		'password',
		'database.user' => 'carrier',
		'database.password' => 'canary-wrong'),
	3,
	qr/password authentication failed for user \\"carrier\\".*database\.password/,
	'wrong password');
unlike($log, qr/canary-wrong/, 'wrong password: not in the log');
refused(forwarder('nopassword', 'database.user' => 'carrier'),
	3, qr/password/, 'no password');

# Options that PostgreSQL's plugin refuses.
refused(
	forwarder('option', 'slot.stream.params' => 'no_such_option=1'),
	3,
	qr/unrecognized walferry option \\"no_such_option\\".*slot\.stream\.params/,
	'unknown option of the plugin');

# The library is not there.
$pg->append_conf('postgresql.conf', "dynamic_library_path = '/nowhere'");
$pg->reload;
refused(forwarder('library'), 3, qr/walferry.*(?:install|make install)/,
	'library missing');
$pg->append_conf('postgresql.conf', "dynamic_library_path = '\$libdir'");
$pg->reload;

# wal_level, and limits.
$pg->safe_psql('postgres', q{
	SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots});
$pg->append_conf('postgresql.conf', "wal_level = replica");
$pg->restart;
refused(forwarder('level'), 3,
	qr/wal_level is replica.*ALTER SYSTEM SET wal_level = logical/,
	'wal_level');
$pg->append_conf('postgresql.conf',
	"wal_level = logical\nmax_replication_slots = 1");
$pg->restart;
$pg->safe_psql('postgres', q{SELECT pg_create_physical_replication_slot('p')});
refused(forwarder('slots'), 3, qr/max_replication_slots/, 'no slot free');

# What was about to be created and was not is nobody's: a slot of that name that
# is made by hand later is not taken for ours.
my $intent = forwarder(
	'intent',
	'exactly.once' => 'true',
	'topic.creation.default.replication.factor' => 1);
refused($intent, 3, qr/max_replication_slots/, 'no slot free, exactly once');
$pg->safe_psql('postgres', q{SELECT pg_drop_replication_slot('p')});
$pg->safe_psql('postgres',
	q{SELECT pg_create_logical_replication_slot('t017_intent', 'walferry')});
refused($intent, 5, qr/holds no position of slot \\"t017_intent\\", which exists/,
	'slot made by hand after that');
$pg->safe_psql('postgres', q{SELECT pg_drop_replication_slot('t017_intent')});

# PostgreSQL is not there: one line, then attempts until it is.
$pg->stop;
my $waiting = forwarder('waiting');
$waiting->start;
$waiting->wait_for_log(qr/ warn forward: PostgreSQL connection lost or refused/);
my $bounded = forwarder('bounded', 'errors.max.retries' => 3);
my ($code, $text) = $bounded->run_to_end(30);
is($code, 1, 'errors.max.retries: exit code 1');
like($text, qr/ error forward: gave up after errors\.max\.retries/,
	'errors.max.retries: says so');
is(complaints($waiting->log_text), 1, 'PostgreSQL down: one line');
like($waiting->log_text, qr/connection to server on socket [^\n]*failed/,
	'PostgreSQL down: where it was looked for');
$pg->start;
$waiting->wait_for_log(qr/ streaming slot=/);
pass('PostgreSQL down: goes on when it is there');
is($waiting->stop, 0, 'stops');
done_testing();
