# Topics: made as configured, taken as they are, or missed; and where records
# without a key go, so that a repeat goes there too.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->shared;

$pg->safe_psql('postgres', q{
	CREATE SCHEMA audit;
	CREATE TABLE plain (id int PRIMARY KEY);
	CREATE TABLE audit.entry (id int PRIMARY KEY);
	CREATE TABLE there (id int PRIMARY KEY);
	CREATE TABLE keyless (n int);
	CREATE TABLE spread (n int);
	CREATE TABLE "Größe $1" (id int PRIMARY KEY);
});

my $fw = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	config => {
		'table.exclude.list' => 'public.spread',
		'topic.creation.groups' => 'logs, rest',
		'topic.creation.default.partitions' => 2,
		'topic.creation.default.replication.factor' => 1,
		'topic.creation.default.retention.ms' => 123456789,
		'topic.creation.logs.include' => '.*\.audit\..*',
		'topic.creation.logs.partitions' => 5,
		'topic.creation.logs.replication.factor' => 1,
		'topic.creation.logs.cleanup.policy' => 'compact',
		'topic.creation.rest.include' => '.*\.keyless',
		'topic.creation.rest.partitions' => 7,
		'topic.creation.rest.replication.factor' => 1,
	});

sub topic_config
{
	my ($topic) = @_;
	my $out = $kafka->configs_tool('--describe', '--entity-type', 'topics',
		'--entity-name', $topic);
	return { $out =~ /^\s+(\S+?)=(\S*) sensitive/mg };
}

$kafka->create_topic($fw->topic('public.there'), partitions => 4);
$fw->started($pg);
$pg->safe_psql('postgres', q{
	INSERT INTO plain SELECT generate_series(1, 20);
	INSERT INTO audit.entry SELECT generate_series(1, 20);
	INSERT INTO there SELECT generate_series(1, 20);
	INSERT INTO keyless SELECT generate_series(1, 20);
	INSERT INTO "Größe $1" VALUES (1);
});
my %name = (
	plain => $fw->topic('public.plain'),
	entry => $fw->topic('audit.entry'),
	there => $fw->topic('public.there'),
	keyless => $fw->topic('public.keyless'),
	odd => $fw->topic('public.Gr__e__1'));
my %records = map {
	$_ => [ $kafka->wait_for_events($name{$_}, $_ eq 'odd' ? 1 : 20) ]
} keys %name;
my $topics = $kafka->topics;
is($topics->{ $name{plain} }, 2, 'default group: partitions');
is($topics->{ $name{entry} }, 5, 'named group: partitions');
is($topics->{ $name{there} }, 4, 'a topic that is there is left alone');
is($topics->{ $name{keyless} }, 7, 'second group: partitions');
is($topics->{ $name{odd} }, 2, 'characters that Kafka does not allow');
is(topic_config($name{plain})->{'retention.ms'},
	123456789, 'default group: a setting');
my $config = topic_config($name{entry});
is($config->{'cleanup.policy'}, 'compact', 'named group: a setting');
is($config->{'retention.ms'}, undef,
	"named group: the default group's settings are not its own, as in Connect");
is(topic_config($name{there})->{'retention.ms'},
	undef, 'a topic that is there keeps its settings');

for my $which (qw(plain entry there))
{
	my $n = $topics->{ $name{$which} };
	is_deeply(
		[ sort map { "$_->{partition} $_->{text_key}" } @{ $records{$which} } ],
		[
			sort map {
				my $key = "{\"id\":$_}";
				murmur2_partition($key, $n) . " $key"
			} 1 .. 20
		],
		"$which: each record in its key's partition");
}
my %used = map { $_->{partition} => 1 } @{ $records{keyless} };
is(scalar keys %used, 1, 'records without key: one partition');
is_deeply([ map { $_->{value}{after}{n} } @{ $records{keyless} } ],
	[ 1 .. 20 ], 'records without key: in order');
is($records{keyless}[0]{key}, undef, 'records without key have none');

# Spread by position, and a replay: each copy lies in the partition of the
# first.  What replays is a second slot that stood still.
is($fw->stop, 0, 'stopped');
$pg->safe_psql('postgres', q{
	SELECT pg_create_logical_replication_slot('first', 'walferry');
	SELECT pg_copy_logical_replication_slot('first', 'second');
	INSERT INTO spread SELECT generate_series(1, 1);
	INSERT INTO keyless VALUES (21);
} . join '', map { "INSERT INTO spread VALUES ($_);" } 2 .. 40);
for my $which (qw(first second))
{
	my $again = Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => "t002_$which",
		config => {
			'topic.prefix' => 't002_spread',
			'slot.name' => $which,
			'walferry.slot.create' => 'false',
			'walferry.keyless.partition' => 'position',
			'topic.creation.default.partitions' => 4,
			'topic.creation.default.replication.factor' => 1,
		});
	$again->started($pg);
	$kafka->wait_for_events('t002_spread.public.spread',
		$which eq 'first' ? 40 : 80);
	is($again->stop, 0, "$which copy: stopped");
}
my (%places, %copies);
for my $r (quick_records($kafka, 't002_spread.public.spread'))
{
	my ($n) = $r->[4] =~ /"after":\{"n":(\d+)\}/;
	$places{$n}{ $r->[0] } = 1;
	$copies{$n}++;
}
is(scalar(grep { $copies{$_} == 2 } 1 .. 40), 40, 'by position: all, twice');
is(scalar(grep { keys %{ $places{$_} } == 1 } 1 .. 40),
	40, 'by position: a repeat is where the first copy was');
my %all = map { %$_ } values %places;
cmp_ok(scalar keys %all, '>', 1, 'by position: over partitions');

# topic.creation.enable=false: a missing topic is named, and nothing confirmed;
# that of positions at once, with the way to do without it.
my $none = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	name => 't002_none',
	config => { 'topic.creation.enable' => 'false' });
is(($none->run_to_end(30))[0], 4, 'no topic of positions: exit code 4');
like(
	$none->log_since_start,
	qr/ error forward: Kafka refused .*topic t002_none\.t002_none\.offsets does not exist, and topic\.creation\.enable is false: create it; or .*walferry\.position\.store=slot/m,
	'no topic of positions: says what to do');
$kafka->create_topic(
	't002_none.t002_none.offsets',
	partitions => 1,
	config => { 'cleanup.policy' => 'compact' });
$none->started($pg);
my $before = confirmed_lsn($pg, $none->slot);
$pg->safe_psql('postgres', 'INSERT INTO plain VALUES (100)');
is($none->wait_exit, 4, 'missing topic: exit code 4');
like(
	$none->log_since_start,
	qr/ error forward: Kafka refused .*topic t002_none\.public\.plain does not exist, and topic\.creation\.enable is false/m,
	'missing topic: named with the reason');
is(scalar(() = $none->log_since_start =~ /^\S+ error /mg), 1, 'one error line');
my $now = lsn_number(
	$pg->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()'));
cmp_ok(confirmed_lsn($pg, $none->slot), '<', $now,
	'missing topic: not confirmed');
$kafka->create_topic('t002_none.public.plain');
$none->started($pg);
my @late = $kafka->wait_for_events('t002_none.public.plain', 1);
is($late[0]{text_key}, '{"id":100}', 'it comes when the topic is there');
is($none->stop, 0, 'stopped');

# A setting that Kafka does not know, and more replicas than there are brokers.
for my $case (
	[ 'topic.creation.default.cleanup.policy', 'sometimes' ],
	[ 'topic.creation.default.replication.factor', 3 ])
{
	my ($name, $value) = @$case;
	my $bad = Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		config => { 'walferry.position.store' => 'slot', $name => $value });
	$bad->started($pg);
	$pg->safe_psql('postgres',
		'INSERT INTO plain SELECT max(id) + 1 FROM plain');
	is($bad->wait_exit, 4, "$name=$value: exit code 4");
	like(
		$bad->log_since_start,
		qr/ error forward: Kafka refused .*topic \S+\.public\.plain does not exist and cannot be created: .*topic\.creation/m,
		"$name=$value: one line that says why");
}
done_testing();
