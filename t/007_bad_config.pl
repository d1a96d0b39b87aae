# What is wrong with a configuration is said in one line for each thing, with
# the file and line, before anything is connected to; exit code 2.
use Walferry;
use Walferry::Forwarder;

my $dir = PostgreSQL::Test::Utils::tempdir('config');
my %good = (
	'database.hostname' => '/nowhere',
	'database.user' => 'nobody',
	'database.dbname' => 'postgres',
	'topic.prefix' => 'x',
	'bootstrap.servers' => '127.0.0.1:1');

sub validate
{
	my ($verb, %config) = @_;
	my $file = "$dir/bad.properties";
	open my $fh, '>', $file or die $!;
	my %all = (%good, %config);
	print $fh map { "$_=$all{$_}\n" } grep { defined $all{$_} } sort keys %all;
	close $fh;
	return Walferry::Forwarder::command([ $verb, '--config', $file ]);
}

my ($code, $out, $err) = validate('validate');
is($code, 0, 'a good configuration is valid') or diag($err);
like($out, qr/configuration is valid/, 'and is said to be');

my @cases = (
	[
		{ 'table.includ.list' => 'public.t' },
		qr/^walferry: \S+bad\.properties:\d+: table\.includ\.list: unknown property; did you mean table\.include\.list\?$/m,
		'unknown name'
	],
	[
		{ 'table.include.list' => 'public.(a' },
		qr/bad\.properties:\d+: table\.include\.list: bad regular expression "public\.\(a": .*not closed/,
		'bad regular expression'
	],
	[
		{ 'column.exclude.list' => 'a.b.c, [z' },
		qr/column\.exclude\.list: bad regular expression "\[z"/,
		'bad regular expression in a list'
	],
	[
		{
			'topic.creation.groups' => 'g',
			'topic.creation.g.include' => 'x',
			'topic.creation.g.exclude' => '*'
		},
		qr/topic\.creation\.g\.exclude: bad regular expression "\*"/,
		'bad regular expression of a group'
	],
	[
		{ 'database.port' => '70000' },
		qr/database\.port: .*65535/,
		'number out of range'
	],
	[
		{ 'tombstones.on.delete' => 'maybe' },
		qr/tombstones\.on\.delete: must be one of true, false/,
		'neither true nor false'
	],
	[
		{ 'slot.name' => 'My-Slot' },
		qr/slot\.name: .*a-z/,
		'a name that no slot can have'
	],
	[
		{ 'snapshot.mode' => 'initial' },
		qr/snapshot\.mode: .*not built yet/,
		'a value that is not built yet'
	],
	[
		{ 'snapshot.mode' => 'intial' },
		qr/snapshot\.mode: must be one of .*no_data/,
		'a value that nobody knows'
	],
	[
		{ 'signal.enabled.channels' => 'file' },
		qr/signal\.enabled\.channels: .*not built yet/,
		'a property that is not built yet'
	],
	[
		{ 'transforms' => 'unwrap' },
		qr/transforms: .*not built yet/,
		'transforms'
	],
	[
		{ 'producer.override.acks' => '1' },
		qr/producer\.override\.acks: /,
		'less than all acknowledgements'
	],
	[
		{ 'producer.override.sasl.login.callback.handler.class' => 'x.Y' },
		qr/sasl\.login\.callback\.handler\.class: /,
		'a Java class for Kafka'
	],
	[
		{ 'sasl.mechanism' => 'OAUTHBEARER' },
		qr/sasl\.mechanism: /,
		'a mechanism that is not there'
	],
	[
		{ 'slot.stream.params' => 'streaming=true' },
		qr/bad\.properties:\d+: slot\.stream\.params: cannot have streaming: .*whole transactions/,
		'an option of the plugin that the forwarder does not read'
	],
	[
		{ 'slot.stream.params' => 'protocol_version=7' },
		qr/slot\.stream\.params: cannot have protocol_version: /,
		'an option of the plugin that is the forwarder\'s own'
	],
	[
		{ 'slot.stream.params' => 'origin=none;origin=any' },
		qr/slot\.stream\.params: cannot have origin: .*twice/,
		'an option of the plugin twice'
	],
	[
		{ 'table.include.list' => 'a.b', 'table.exclude.list' => 'c.d' },
		qr/table\.(?:in|ex)clude\.list/,
		'include and exclude together'
	],
	[ { 'topic.prefix' => undef }, qr/^walferry: topic\.prefix: is missing/m, 'missing' ],
	[
		{ 'database.password' => '${file:/does/not/exist}' },
		qr{database\.password: .*/does/not/exist},
		'a secret that is not there'
	]);
for my $case (@cases)
{
	my ($config, $re, $name) = @$case;
	for my $verb ('validate', 'run')
	{
		($code, $out, $err) = validate($verb, %$config);
		is($code, 2, "$verb, $name: exit code 2");
		like($err, $re, "$verb, $name: says what and where");
		is(scalar(() = $err =~ /\n/g), 1, "$verb, $name: one line");
	}
}

# All at once.
($code, $out, $err) =
  validate('validate', 'database.port' => 'x', 'nonsense' => 1);
is(scalar(() = $err =~ /\n/g), 2, 'two mistakes are two lines');

# Files and the command line.
($code, $out, $err) =
  Walferry::Forwarder::command([ 'run', '--config', "$dir/none" ]);
is($code, 2, 'no such file: exit code 2');
like($err, qr{\Q$dir\E/none: .*No such file}, 'no such file: named');
open my $fh, '>', "$dir/bad.json" or die $!;
print $fh qq({"name": "x",\n "config": {"topic.prefix": "x",}}\n);
close $fh;
($code, $out, $err) =
  Walferry::Forwarder::command([ 'run', '--config', "$dir/bad.json" ]);
is($code, 2, 'broken JSON: exit code 2');
like($err, qr{bad\.json:2: }, 'broken JSON: file and line');
($code, $out, $err) = Walferry::Forwarder::command(['rum']);
is($code, 2, 'unknown command: exit code 2');
like($err, qr/unknown command "rum"/, 'unknown command: named');
($code, $out, $err) = Walferry::Forwarder::command([ 'run', '--colour' ]);
is($code, 2, 'unknown option: exit code 2');
like($err, qr/colour/, 'unknown option: named');

# What only librdkafka finds, before anything is connected to.  Before 2.13.0 it
# frees the settings of a producer with transactions itself, and they must not
# be freed again.
for my $exactly ('false', 'true')
{
	($code, $out, $err) = validate(
		'run',
		'exactly.once' => $exactly,
		'security.protocol' => 'SSL',
		'ssl.truststore.type' => 'PEM',
		'ssl.truststore.location' => "$dir/missing.crt");
	is($code, 2, "no such file, exactly.once=$exactly: exit code 2");
	like($err, qr/ error kafka: cannot make a producer error=.*ssl\.ca\.location/,
		"no such file, exactly.once=$exactly: says so");
}
done_testing();
