# TLS and passwords on both sides, with the names that Java and librdkafka have
# for them; what is not trusted or not allowed is refused; no secret in a log.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use Time::HiRes qw(time);

# Kafka 3.9: librdkafka before 2.6.1 cannot do SCRAM with a newer one.
my $kafka = Walferry::Kafka->new('--version', '3.9.2', '--sasl', '--mtls',
	'--acl', '--user', 'carrier:canary-kafka');
my $certs = Walferry::certs();
my $others = Walferry::certs();
my $pg = Walferry::postgres('main', tls => $certs);
my $tls = $kafka->dir . '/tls';
my $superuser = Walferry::superuser();
my %quick = (
	'retriable.restart.connector.wait.ms' => 50,
	'walferry.retry.backoff.max.ms' => 200);

$pg->safe_psql('postgres', q{
	CREATE TABLE t (id int PRIMARY KEY);
	CREATE ROLE carrier LOGIN REPLICATION PASSWORD 'canary-pg'});
$kafka->acls_tool(
	'--add', '--allow-principal', 'User:carrier', '--operation', 'Create',
	'--operation', 'Write', '--operation', 'Describe', '--operation', 'Read',
	'--topic', 't008_', '--resource-pattern-type', 'prefixed');

# Both sides secured; what is given wins.
my %pg = (
	'database.hostname' => 'localhost',
	'database.user' => 'carrier',
	'database.password' => 'canary-pg',
	'database.sslmode' => 'verify-full',
	'database.sslrootcert' => "$certs/ca.crt");
my %java = (
	'bootstrap.servers' => $kafka->bootstrap('sasl'),
	'security.protocol' => 'SASL_SSL',
	'sasl.mechanism' => 'SCRAM-SHA-512',
	'sasl.jaas.config' =>
	  'org.apache.kafka.common.security.scram.ScramLoginModule required '
	  . 'username="carrier" password="canary-kafka";',
	'ssl.truststore.type' => 'PEM',
	'ssl.truststore.location' => "$tls/ca.crt");
my %native = (
	'bootstrap.servers' => $kafka->bootstrap('sasl'),
	'producer.override.security.protocol' => 'sasl_ssl',
	'producer.override.sasl.mechanisms' => 'SCRAM-SHA-512',
	'producer.override.sasl.username' => 'carrier',
	'producer.override.sasl.password' => 'canary-kafka',
	'producer.override.ssl.ca.location' => "$tls/ca.crt");

my @all;

sub forwarder
{
	my ($name, %config) = @_;
	my $fw = Walferry::Forwarder->new(
		pg => $pg,
		name => "t008_$name",
		config => { %quick, %pg, %config });
	push @all, $fw;
	return $fw;
}

my $n = 0;

sub works
{
	my ($name, %config) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $fw = forwarder($name, %config)->started($pg);
	$n++;
	$pg->safe_psql('postgres', "INSERT INTO t VALUES ($n)");
	my @events = $kafka->wait_for_events("t008_$name.public.t", 1);
	is($events[0]{value}{after}{id}, $n, "$name: arrives");
	is($fw->stop, 0, "$name: stops");
	is(complaints($fw->log_text), 0, "$name: no complaints");
	return $fw->log_text;
}

sub refused
{
	my ($name, $code, $re, %config) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $fw = forwarder($name, %config);
	my ($got, $log) = $fw->run_to_end(60);
	is($got, $code, "$name: exit code $code") or diag($log);
	like($log, qr/ error forward: [^\n]*$re/, "$name: says why");
	is(complaints($log), 1, "$name: one line")
	  or diag($log);
}

# Which encryption the walsender has, seen from the server.
works('java', %java);
works('native', %native);
{
	my $fw = forwarder('seen', %java)->started($pg);
	is( $pg->safe_psql(
			'postgres',
			'SELECT s.ssl, r.usename FROM pg_stat_ssl s '
			  . 'JOIN pg_stat_replication r USING (pid)'),
		't|carrier',
		'the replication connection is encrypted');
	is($fw->stop, 0, 'stops');
	tells_flaw_ok($fw->log_text, 'login by SCRAM', '2.6.1', 'SCRAM');
	unlike($fw->log_text, qr/ flaw="?[^"]*certificate/,
		'SCRAM: nothing of certificates');
}

# Many rows, in many TLS records, come without a pause.
{
	my $fw = forwarder('many', %java)->started($pg);
	my $from = time();
	$pg->safe_psql('postgres',
		'INSERT INTO t SELECT i FROM generate_series(100001, 110000) i');
	Walferry::wait_confirmed($pg, $fw->slot);
	my $took = time() - $from;
	note("10,000 rows under TLS took $took s");
	cmp_ok($took, '<', 20, 'many: without waiting');
	my %ids =
	  map { $_->{text_key} => 1 } $kafka->events('t008_many.public.t');
	is(scalar keys %ids, 10000, 'many: all is there');
	is($fw->stop, 0, 'many: stops');
	is(complaints($fw->log_text), 0, 'many: no complaints');
}
my $log = works(
	'plain', %native,
	'producer.override.sasl.mechanisms' => 'PLAIN');
unlike($log, qr/ flaw="?[^"]*SCRAM/, 'plain: nothing of SCRAM');

# A client certificate alone, both forms.
$kafka->acls_tool(
	'--add', '--allow-principal', 'User:*', '--operation', 'Create',
	'--operation', 'Write', '--operation', 'Describe', '--operation', 'Read',
	'--topic', 't008_mtls', '--resource-pattern-type', 'prefixed');
$log = works(
	'mtls',
	'bootstrap.servers' => $kafka->bootstrap('mtls'),
	'security.protocol' => 'SSL',
	'ssl.truststore.type' => 'PEM',
	'ssl.truststore.location' => "$tls/ca.crt",
	'producer.override.ssl.certificate.location' => "$tls/client.crt",
	'producer.override.ssl.key.location' => "$tls/client.key");
tells_flaw_ok($log, 'client certificate', '2.8.0', 'mtls');
unlike($log, qr/ flaw="?[^"]*SCRAM/, 'mtls: nothing of SCRAM');

# PostgreSQL: another authority, another name, a wrong password, no TLS.
refused('pg_ca', 3, qr/certificate verify failed.*database\.sslrootcert/,
	%java, 'database.sslrootcert' => "$others/ca.crt");
refused('pg_password', 3, qr/password authentication failed for user \\"carrier\\"/,
	%java, 'database.password' => 'canary-wrong');
refused('pg_plain', 3, qr/no encryption|pg_hba/, %java, 'database.sslmode' => 'disable');

# The right authority signed the server's certificate, for another host.  Only
# verify-full asks for whom.
sub certified_as
{
	my ($name) = @_;
	for my $file ('crt', 'key')
	{
		system('install', '-m', '600', "$certs/$name.$file",
			$pg->data_dir . "/server.$file") == 0
		  or die "cannot install $name.$file";
	}
	$pg->restart;
}

certified_as('elsewhere');
refused('pg_name', 3,
	qr/certificate for \\"elsewhere\.example\\" does not match host name \\"localhost\\".*verify-ca/,
	%java);
works('pg_any_name', %java, 'database.sslmode' => 'verify-ca');
certified_as('server');

# Kafka: another authority, a wrong password, a topic that is not ours.
refused('kafka_ca', 4, qr/certificate/, %java,
	'ssl.truststore.location' => "$others/ca.crt");
refused('kafka_password', 4, qr/Kafka does not let us in.*(?:password|credentials)/i,
	%native, 'producer.override.sasl.password' => 'canary-wrong');

{
	my $fw = forwarder(
		'acl', %java,
		'topic.prefix' => 'forbidden',
		'offsets.storage.topic' => 't008_positions')->started($pg);
	my $before = confirmed_lsn($pg, $fw->slot);
	$pg->safe_psql('postgres', 'INSERT INTO t VALUES (1000)');
	is($fw->wait_exit, 4, 'topic not ours: exit code 4');
	like(
		$fw->log_text,
		qr/ error forward: [^\n]*topic forbidden\.public\.t[^\n]*kafka-acls\.sh[^\n]*User:carrier[^\n]*--topic forbidden\.public\.t/,
		'topic not ours: the topic and the ACL that is needed');
	is(scalar(() = $fw->log_text =~ /^\S+ error /mg), 1, 'topic not ours: one line');
	cmp_ok(confirmed_lsn($pg, $fw->slot), '<=', $before,
		'topic not ours: not confirmed');

	# The ACL that it asks for is enough.
	my ($acl) = $fw->log_text =~ /kafka-acls\.sh (--add [^"\n]*)"/;
	$kafka->acls_tool(split ' ', $acl);
	$fw->started($pg);
	my @events = $kafka->wait_for_events('forbidden.public.t', 1);
	is($events[0]{value}{after}{id}, 1000, "topic not ours: works after $acl");

	# Taken away while running.
	$kafka->acls_tool('--remove', '--force', split ' ',
		$acl =~ s/^--add //r);
	my $at = $fw->log_size;
	my $next = 1001;
	poll_until(
		'a refusal after the ACL was removed',
		sub {
			return 1 unless $fw->running;
			$pg->safe_psql('postgres', 'INSERT INTO t VALUES (' . $next++ . ')');
			return 0;
		});
	is($fw->wait_exit, 4, 'ACL removed: exit code 4');
	like(substr($fw->log_text, $at), qr/ error forward: [^\n]*topic forbidden\.public\.t[^\n]*not allowed/,
		'ACL removed: named');
	$kafka->acls_tool(split ' ', $acl);
	$fw->started($pg);
	Walferry::wait_confirmed($pg, $fw->slot);
	my %ids = map { $_->{text_key} => 1 } $kafka->events('forbidden.public.t');
	is(scalar keys %ids, $next - 1000, 'ACL removed and granted: all is there');
	is($fw->stop, 0, 'stops');
}

# Positions: what is missing is named, and the setting that does without them.
{
	my $store = 'positions_not_ours';
	my $slot = qr/[^\n]*walferry\.position\.store=slot/;
	my %config = (%java, 'offsets.storage.topic' => $store);
	my @grant = (
		'--add', '--allow-principal', 'User:carrier',
		'--topic', $store, '--operation');

	refused('no_positions', 4,
		qr/topic $store: not allowed to see it[^\n]*--operation Write --operation Describe --operation Create --topic $store$slot/,
		%config);
	$kafka->acls_tool(@grant, 'Create', '--operation', 'Describe',
		'--operation', 'Write');
	refused('no_positions', 4,
		qr/topic $store: not allowed to read the position[^\n]*--operation Read [^\n]*--topic $store$slot/,
		%config);
	is( $pg->safe_psql(
			'postgres',
			q{SELECT count(*) FROM pg_replication_slots
			  WHERE slot_name = 't008_no_positions'}),
		'0',
		'no_positions: no slot was made');
	works('no_positions', %java, 'walferry.position.store' => 'slot');

	my $fw = forwarder('with_positions', %config);
	$kafka->acls_tool(@grant, 'Read');
	$fw->started($pg);
	$kafka->acls_tool('--remove', '--force', '--allow-principal',
		'User:carrier', '--topic', $store, '--operation', 'Write');
	my $id = 2000;
	poll_until(
		'a refusal after the right was taken away',
		sub {
			return 1 unless $fw->running;
			$pg->safe_psql('postgres', 'INSERT INTO t VALUES (' . $id++ . ')');
			return 0;
		});
	is($fw->wait_exit, 4, 'positions, right taken away: exit code 4');
	like($fw->log_text,
		qr/ error forward: [^\n]*topic $store: not allowed to write[^\n]*--operation Write [^\n]*--topic $store$slot/,
		'positions, right taken away: says what to do');
}

# The broker's certificate is another host's, too.  Not every librdkafka says
# that it was the name; that it is trusted without is what shows it.
{
	rename "$tls/elsewhere.pem", "$tls/server.pem" or die $!;
	$kafka->restart;
	refused('kafka_name', 4, qr/certificate verify failed.*the broker's certificate/,
		%java);
	my $fw = forwarder('any_name', %java,
		'ssl.endpoint.identification.algorithm' => '')->started($pg);
	$n++;
	$pg->safe_psql('postgres', "INSERT INTO t VALUES ($n)");
	my @events = $kafka->wait_for_events('t008_any_name.public.t', 1);
	is($events[0]{value}{after}{id}, $n,
		'any_name: arrives where the name is not to be checked');
	like($fw->log_text, qr/ssl\.endpoint\.identification\.algorithm[^\n]*not checked/,
		'any_name: which is warned of');
	is($fw->stop, 0, 'any_name: stops');
}

# Secrets.
for my $fw (@all)
{
	unlike($fw->log_text, qr/canary/, $fw->name . ': no secret in the log');
}
my ($code, $out) = Walferry::Forwarder::command(
	[ 'run', '--config', $all[0]->config_file, '--print-config' ]);
is($code, 0, '--print-config');
unlike($out, qr/canary/, '--print-config: no secret');
like($out, qr/database\.password/, '--print-config: but that there is one');
done_testing();
