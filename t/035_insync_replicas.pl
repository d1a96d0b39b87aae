# A topic has fewer replicas in sync than it asks for: the brokers answer, and
# confirm nothing.  Nothing is lost or given up; after half a minute a warning
# says where to look; and once the missing broker is back, all of it is there,
# exactly once where that is asked for.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;

my $pg = Walferry::postgres('main');

# (One broker asks itself for no more than it has, whatever the topic says.)
my @brokers = Walferry::Kafka->cluster(3);
my $kafka = $brokers[0];
my $warning =
  qr/ warn kafka: brokers answer but confirm no record: [^\n]*in-sync replicas waiting_s=(\d+) records=\d+/;

# In both modes, so that the half minute is waited for once.
my @all;
for my $kind ([ t035_alo => 'false' ], [ t035_eos => 'true' ])
{
	my ($table, $once) = @$kind;
	$pg->safe_psql('postgres', "CREATE TABLE $table (id int PRIMARY KEY)");
	my $fw = Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => $table,
		config => {
			'bootstrap.servers' => join(',', map { $_->bootstrap } @brokers),
			'exactly.once' => $once,
			'table.include.list' => "public\\.$table",
			'topic.creation.default.partitions' => 1,
			'topic.creation.default.replication.factor' => 3,
			'topic.creation.default.min.insync.replicas' => 3,

			# The position may find its partition's leader away as well, and
			# then the half minute begins with its report.
			'producer.override.transaction.timeout.ms' => 300_000,
		});
	$fw->started($pg);
	$pg->safe_psql('postgres', "INSERT INTO $table VALUES (1)");
	push @all, $fw;
}
Walferry::wait_confirmed($pg, $_->slot) for @all;
$brokers[2]->kill;

my %first;						# where the first one that waits has ended
for my $fw (@all)
{
	my $name = $fw->name;
	$first{$name} = lsn_number($pg->safe_psql('postgres',
		"INSERT INTO $name VALUES (2); SELECT pg_current_wal_insert_lsn()"));
	$pg->safe_psql('postgres',
		join '', map { "INSERT INTO $name VALUES ($_);" } 3 .. 20);
}
for my $fw (@all)
{
	my $name = $fw->name;
	my $waited = $fw->wait_for_log($warning);
	cmp_ok($waited, '>=', 30, "$name: a warning, after 30 s");
	cmp_ok($waited, '<', 60, "$name: and not much later");
	is(scalar(my @seen = $kafka->read_topic($fw->topic("public.$name"))),
		1, "$name: the brokers take nothing");
	cmp_ok(confirmed_lsn($pg, $fw->slot), '<', $first{$name},
		"$name: nothing of it is confirmed");
	ok($fw->running, "$name: it waits");
}
$brokers[2]->restart;
for my $fw (@all)
{
	my $name = $fw->name;
	Walferry::wait_confirmed($pg, $fw->slot);
	# At least once, what was under way when the broker went may be replayed.
	my ($kept, $repeats) = without_repeats(
		quick_records($kafka, $fw->topic("public.$name"), committed => 1));
	my @ids = map { $_->[2] =~ /"id":(\d+)/ ? $1 : 'strange' } @$kept;
	is("@ids", join(' ', 1 .. 20), "$name: then all of it is there");
	is($repeats, 0, "$name: once") if $name !~ /alo/;
	is(scalar(() = $fw->log_since_start =~ /$warning/g), 1,
		"$name: one warning");
	is($fw->stop, 0, "$name: stops");
	unlike($fw->log_text, qr/^\S+ error /m, "$name: no error line");
}

# Topics that say themselves that they are not safe: a warning for each, once.
{
	my $table = 't035_weak';
	$pg->safe_psql('postgres', "CREATE TABLE $table (id int PRIMARY KEY)");
	my $fw = Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => $table,
		config => {
			'exactly.once' => 'true',
			'table.include.list' => "public\\.$table",
			'topic.creation.default.partitions' => 2,
			'topic.creation.default.replication.factor' => 1,
		});
	$fw->started($pg);
	$pg->safe_psql('postgres', "INSERT INTO $table VALUES (1), (2), (3)");
	Walferry::wait_confirmed($pg, $fw->slot);
	is($fw->stop, 0, 'one replica: stops');
	my $log = $fw->log_text;
	for my $topic ($fw->topic("public.$table"), $fw->topic("$table.offsets"))
	{
		is( scalar(
				() = $log =~
				  / warn kafka: a topic has partitions of one replica only[^\n]* topic=\Q$topic\E partition=\d brokers=3$/mg
			),
			1,
			"one replica: a warning for $topic");
	}
	is( scalar(
			() = $log =~
			  / warn kafka: the topic of positions has min\.insync\.replicas=1[^\n]* brokers=3$/mg
		),
		1,
		'min.insync.replicas=1: a warning');
}
for my $fw (@all)
{
	unlike(
		$fw->log_text =~ s/^.*topic=\S*offsets .*$//mgr,
		qr/one replica only/,
		$fw->name . ': no such warning for a topic of three');
}
done_testing();
