# The files that people have already, the environment, the command line: which
# of them wins, and that each carries a row to Kafka.  And what is printed: the
# configuration, help, versions.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->shared;
my $dir = PostgreSQL::Test::Utils::tempdir('forms');
my $brokers = $kafka->bootstrap;
my ($host, $port, $user) = ($pg->host, $pg->port, Walferry::superuser());
$pg->safe_psql('postgres',
	'CREATE TABLE t (id int PRIMARY KEY, n numeric(4,1))');

sub file
{
	my ($name, $text) = @_;
	open my $fh, '>', "$dir/$name" or die $!;
	print $fh $text;
	close $fh or die $!;
	return "$dir/$name";
}

# Any command, on files, with arguments and environment.
sub walferry
{
	my ($verb, $files, $args, $env) = @_;
	return Walferry::Forwarder::command(
		[ $verb, (map { ('--config', $_) } @$files), @{ $args // [] } ],
		env => $env);
}

# The same files carry a row; the log, and the event.
my $id = 0;

sub carries
{
	my ($name, $files, $env) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $fw = Walferry::Forwarder->new(
		name => "t009_$name",
		args => [ map { ('--config', $_) } @$files ],
		env => $env // {},
		# A file comes first in any case, and says nothing.
		config => { map { $_ => undef } qw(name slot.name topic.prefix) });
	$fw->start;
	$fw->wait_for_log(qr/ streaming slot=/);
	$id++;
	$pg->safe_psql('postgres', "INSERT INTO t VALUES ($id, 1.5)");
	my @events = $kafka->wait_for_events("t009_$name.public.t", 1);
	is($events[0]{value}{after}{id}, $id, "$name: a row arrives");
	is($fw->stop, 0, "$name: stops");
	unlike($fw->log_text, qr/^\S+ error /m, "$name: no errors");
	unlike($fw->log_text, qr/canary/, "$name: no password in the log");
	return ($fw->log_text, $events[0]{value});
}

# Kafka Connect: the worker's file and the connector's.
my $worker = file('worker.properties', <<EOF);
# connect-distributed.properties
bootstrap.servers=$brokers
group.id=connect-cluster
key.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=false
value.converter=org.apache.kafka.connect.json.JsonConverter
value.converter.schemas.enable=false
config.storage.topic=connect-configs
plugin.path=/usr/share/java
producer.compression.type=lz4
producer.linger.ms=7
EOF
my $connector = file('connector.json', <<EOF);
{
	"name": "inventory",
	"config": {
		"connector.class": "io.debezium.connector.postgresql.PostgresConnector",
		"plugin.name": "pgoutput",
		"publication.name": "dbz_publication",
		"database.hostname": "$host",
		"database.port": "$port",
		"database.user": "\${file:$dir/secrets.properties:user}",
		"database.password": "\${file:$dir/secrets.properties:password}",
		"database.dbname": "postgres",
		"slot.name": "t009_connect",
		"topic.prefix": "t009_connect",
		"decimal.handling.mode": "string",
		"snapshot.mode": "no_data",
		"producer.override.linger.ms": "9"
	}
}
EOF
file('secrets.properties', "user=$user\npassword=canary-connect\n");
my ($log, $event) = carries('connect', [ $worker, $connector ]);
is($event->{after}{n}, '1.5', 'connect: as configured');
is(scalar(() = $log =~ / warn config: [^\n]*plugin\.name: pgoutput is not used/g),
	1, 'connect: one warning that pgoutput is not used');
is($pg->safe_psql('postgres',
		"SELECT plugin FROM pg_replication_slots WHERE slot_name = 't009_connect'"),
	'walferry', "connect: the slot is walferry's");

# What was read from where.
my ($code, $out, $err) =
  walferry('run', [ $worker, $connector ], ['--print-config']);
is($code, 0, '--print-config: exit code');
is($err, '', '--print-config: nothing on standard error');
for my $line (
	qr/^topic\.prefix = t009_connect +# \S*connector\.json:\d+$/m,
	qr/^database\.port = $port +# \S*connector\.json:\d+$/m,
	qr/^database\.password = \*+ +# \S*connector\.json:\d+$/m,
	qr/^tombstones\.on\.delete = true +# default$/m,
	qr/^plugin\.path = .*no effect$/m,
	qr/^bootstrap\.servers = \Q$brokers\E +# \S*worker\.properties:2$/m,
	qr/^compression\.type = lz4 +# \S*worker\.properties:10$/m,
	qr/^linger\.ms = 9 +# \S*connector\.json:\d+$/m)
{
	like($out, $line, '--print-config: a line with its origin');
}
unlike($out, qr/canary/, '--print-config: no secret');
($code, $out, $err) = walferry('validate', [ $worker, $connector ]);
is($code, 0, 'validate: exit code');
like($out,
	qr/^warning: \S*connector\.json:\d+: plugin\.name: pgoutput is not used/m,
	'validate: warning with its place');
like($out, qr/^configuration is valid$/m, 'validate: verdict');

# Debezium Server.
my $server = file('application.properties', <<EOF);
debezium.sink.type=kafka
debezium.sink.kafka.producer.bootstrap.servers=$brokers
debezium.sink.kafka.producer.linger.ms=3
debezium.sink.kafka.producer.key.serializer=org.apache.kafka.common.serialization.StringSerializer
debezium.sink.kafka.producer.value.serializer=org.apache.kafka.common.serialization.StringSerializer
debezium.source.connector.class=io.debezium.connector.postgresql.PostgresConnector
debezium.source.offset.storage.file.filename=data/offsets.dat
debezium.source.plugin.name=decoderbufs
debezium.source.database.hostname=$host
debezium.source.database.port=$port
debezium.source.database.user=$user
debezium.source.database.password=\${env:SHOP_PASSWORD}
debezium.source.database.dbname=postgres
debezium.source.slot.name=t009_server
debezium.source.topic.prefix=t009_server
debezium.source.decimal.handling.mode=double
debezium.source.snapshot.mode=never
debezium.format.value=json
debezium.format.value.schemas.enable=false
quarkus.log.level=INFO
EOF
($log, $event) =
  carries('server', [$server], { SHOP_PASSWORD => 'canary-server' });
is($event->{after}{n}, 1.5, 'server: as configured');
like($log, qr/ warn config: [^\n]*plugin\.name: decoderbufs is not used/,
	'server: a warning that decoderbufs is not used');

# The environment alone, in walferry's, Debezium Server's and libpq's names; the
# password from a file.
file('password', "canary-env\n");
my %env = (
	PGHOST => $host,
	PGPORT => $port,
	PGUSER => 'nobody',
	WALFERRY_DATABASE_USER => $user,
	WALFERRY_DATABASE_PASSWORD_FILE => "$dir/password",
	DEBEZIUM_SOURCE_DATABASE_DBNAME => 'postgres',
	DEBEZIUM_SINK_KAFKA_PRODUCER_BOOTSTRAP_SERVERS => $brokers,
	WALFERRY_TOPIC_PREFIX => 't009_env',
	WALFERRY_SLOT_NAME => 't009_env',
	WALFERRY_LOG_LEVEL => 'debug');
($log) = carries('env', [], \%env);
like($log, qr/ debug /, 'env: as configured');
($code, $out) = walferry('run', [], ['--print-config'], \%env);
like($out, qr/^database\.user = $user +# env WALFERRY_DATABASE_USER$/m,
	"env: WALFERRY_ wins over libpq's");
like($out, qr/^database\.hostname = \Q$host\E +# env PGHOST$/m, 'env: PGHOST');
like($out, qr/^database\.password = \*+ +# /m, 'env: the password is masked');
unlike($out, qr/canary/, 'env: and nowhere else');

# Who wins: flag, environment, later file, earlier file, libpq's variables.
my $first = file('first.properties', <<EOF);
database.hostname=first
database.user=first
database.dbname=first
topic.prefix=first
slot.name=first
bootstrap.servers=first:9092
EOF
my $second = file('second.properties', <<EOF);
database.user=second
database.dbname=second
topic.prefix=second
EOF
($code, $out) = walferry(
	'run',
	[ $first, $second ],
	[ '--print-config', '--set', 'topic.prefix=flag' ],
	{
		PGHOST => 'libpq',
		WALFERRY_DATABASE_DBNAME => 'env',
		WALFERRY_TOPIC_PREFIX => 'env'
	});
is($code, 0, 'who wins: exit code');
is_deeply(
	{
		$out =~
		  /^(database\.(?:hostname|user|dbname)|topic\.prefix|slot\.name) = (\S+)/mg
	},
	{
		'database.hostname' => 'first',
		'slot.name' => 'first',
		'database.user' => 'second',
		'database.dbname' => 'env',
		'topic.prefix' => 'flag'
	},
	'who wins');
($code, $out) = walferry('run', [ $second, $first ], ['--print-config']);
like($out, qr/^database\.user = first /m, 'who wins: the later file');

# A connector alone knows no brokers; that is said.
($code, $out, $err) = walferry('validate', [$connector]);
is($code, 2, 'no brokers: exit code 2');
like($err, qr/^walferry: bootstrap\.servers: is missing/m, 'no brokers: said');

# Help and versions.
for my $args (['help'], ['--help'], [ 'run', '--help' ], ['-h'])
{
	($code, $out, $err) = Walferry::Forwarder::command($args);
	is($code, 0, "@$args: exit code");
	is($err, '', "@$args: nothing on standard error");
	like($out, qr/^Usage:.*--print-config.*^Exit codes:/ms,
		"@$args: what it is");
}
($code, $out, $err) = Walferry::Forwarder::command([ 'help', 'all' ]);
is($code, 0, 'help all: exit code');
my @names = slurp_text(Walferry::home('docs/configuration.md')) =~
  /^\| `([^`]+)` \| [^|]+\|[^|]*\| works \|/mg;
cmp_ok(scalar @names, '>', 50, 'help all: more than 50 properties work');

# Debezium Server's own names say nothing new.
is_deeply([ grep { !/^debezium\./ && $out !~ /^  \Q$_\E(?: |$)/m } @names ],
	[], 'help all: has every property that works');
for my $args (['version'], ['--version'], ['-V'])
{
	($code, $out, $err) = Walferry::Forwarder::command($args);
	is($code, 0, "@$args: exit code");
	like(
		$out,
		qr/\Awalferry \d+\.\d+\.\d+ \(commit \S+\), protocol \d+, librdkafka \d\S+, libpq \d+\.\d+\n\z/,
		"@$args: one line");
}
($code, $out, $err) = Walferry::Forwarder::command([]);
is($code, 2, 'no command: exit code 2');
like($err, qr/^Usage:/m, 'no command: usage');
done_testing();
