# Columns that are hashed: the hash in events, the salt nowhere, neither in logs
# nor in what the server shows of its sessions.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use Digest::SHA qw(sha256_hex);

my $salt = 'xqCanary7';
my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->shared;
$pg->append_conf('postgresql.conf', 'log_replication_commands = on');
$pg->reload;

$pg->safe_psql('postgres', q{
	CREATE TABLE t (id text PRIMARY KEY, v varchar(10), n int, e text)});
my $fw = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	name => 't044',
	config => {
		'walferry.log.level' => 'debug',
		"column.mask.hash.v2.SHA-256.with.salt.$salt" => 'public\.t\..*'
	});
$fw->started($pg);
$pg->safe_psql('postgres', q{
	INSERT INTO t VALUES ('key', 'secret', 7, NULL)});
my ($event) = $kafka->wait_for_events($fw->topic('public.t'), 1);
is_deeply(
	$event->{value}{after},
	{
		id => sha256_hex("${salt}key"),
		v => substr(sha256_hex("${salt}secret"), 0, 10),
		n => 7,
		e => undef
	},
	'hashes of text');
is($event->{key}{id}, 'key', 'not of the key');
like(
	$fw->log_text,
	qr/ warn publish: a column is named by a property [^\n]*column=n type=int4/,
	'a number is not hashed, and that is told');

my $shown = $pg->safe_psql('postgres',
	q{SELECT query FROM pg_stat_activity WHERE backend_type = 'walsender'});
like($shown, qr/hash_columns/, 'the server shows which columns');
unlike($shown, qr/$salt/, 'and not the salt');
is($fw->stop, 0, 'stops');
my $log = Walferry::slurp_text($pg->logfile);
like($log, qr/START_REPLICATION SLOT/, 'it is in the log of the server');
unlike($log, qr/$salt/, 'without the salt');
unlike($fw->log_text, qr/$salt/, 'which is not in ours either');

done_testing();
