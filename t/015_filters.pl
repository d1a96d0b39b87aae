# What is filtered out does not leave the database: it is neither in a topic nor
# in what PostgreSQL sends.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use Walferry::Proxy;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->shared;
my $dir = PostgreSQL::Test::Utils::tempdir('streams');
$pg->safe_psql('postgres', q{
	CREATE SCHEMA audit;
	CREATE SCHEMA private;
	CREATE TABLE keep (id int PRIMARY KEY, name text, secret text, n int);
	CREATE TABLE dropped (id int PRIMARY KEY, pad text);
	CREATE TABLE audit.log (id int PRIMARY KEY, what text);
	CREATE TABLE private.note (id int PRIMARY KEY, what text);
	CREATE TABLE "Mixed, case" (id int PRIMARY KEY, what text);
	CREATE TABLE part (id int, region text, what text, PRIMARY KEY (region, id))
		PARTITION BY LIST (region);
	CREATE TABLE part_eu PARTITION OF part FOR VALUES IN ('eu');
	CREATE TABLE part_us (what text, unused int, region text NOT NULL, id int NOT NULL);
	ALTER TABLE part_us DROP unused;
	ALTER TABLE part ATTACH PARTITION part_us FOR VALUES IN ('us');
});

my %cases = (
	everything => { 'skipped.operations' => 'none' },
	excluding => {
		'table.exclude.list' => 'public\.drop.*, public\.Mixed\, case,audit\.log',
		'column.exclude.list' => 'public\.keep\.secret,.*\.note\.(what|id)',
		'message.prefix.exclude.list' => 'no.*',
	},
	including => {
		'table.include.list' => 'public\.keep,public\.part_us',
		'column.include.list' => 'public\.keep\.n,public\.part_us\.region',
		'message.prefix.include.list' => 'yes',
	},
	# An expression matches a whole name.
	partial => { 'table.include.list' => 'keep,public\.kee,ublic\.keep' },
	schemas_in => { 'schema.include.list' => 'audit,priv.*' },
	schemas_out => { 'schema.exclude.list' => 'public' },
	skip => { 'skipped.operations' => 'u,d' },
	rows => { 'skipped.operations' => 'c,u,d,t' },
	root => { 'publish.via.partition.root' => 'true' },
	root_filter => {
		'publish.via.partition.root' => 'true',
		'table.include.list' => 'public\.part',
	});
$pg->safe_psql('postgres', join '',
	map { "SELECT pg_create_logical_replication_slot('t015_$_', 'walferry');" }
	  sort keys %cases);

# Each place has a word of its own to look for.
$pg->safe_psql('postgres', q{
	INSERT INTO keep VALUES (1, 'w-name', 'w-secret', 1);
	UPDATE keep SET name = 'w-update', n = 2;
	DELETE FROM keep;
	INSERT INTO keep VALUES (2, 'w-name', 'w-secret', 3);
	INSERT INTO dropped SELECT i, 'w-dropped' || i FROM generate_series(1, 500) i;
	INSERT INTO audit.log VALUES (1, 'w-log');
	INSERT INTO private.note VALUES (1, 'w-note');
	INSERT INTO "Mixed, case" VALUES (1, 'w-mixed');
	INSERT INTO part VALUES (1, 'eu', 'w-eu'), (2, 'us', 'w-us');
	UPDATE part SET what = 'w-us2' WHERE id = 2;
	TRUNCATE keep;
	SELECT pg_logical_emit_message(true, 'yes', 'w-yes');
	SELECT pg_logical_emit_message(false, 'no-1', 'w-no1');
	SELECT pg_logical_emit_message(true, 'no-2', 'w-no2');
});
my @words = qw(w-name w-secret w-update w-dropped w-log w-note w-mixed w-eu w-us
  w-us2 w-yes w-no1 w-no2);

# Runs a case, which gives so many warnings; its topics => records, and what
# PostgreSQL sent.
sub outcome
{
	my ($name, $warnings) = @_;
	my $proxy = Walferry::Proxy->new(
		pg => $pg,
		change => sub {
			my ($type, $body) = @_;
			if ($type eq 'd' && $$body =~ /^w/)
			{
				open my $fh, '>>', "$dir/$name" or die $!;
				print $fh substr $$body, Walferry::Proxy::HEADER;
				close $fh;
			}
			return 1;
		});
	my $fw = Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => "t015_$name",
		config => { $proxy->config, %{ $cases{$name} } });
	$fw->start;
	Walferry::wait_confirmed($pg, $fw->slot);
	is($fw->stop, 0, "$name: stops");
	is(complaints($fw->log_text), $warnings // 0, "$name: warnings");
	my %topics = map {
		my $topic = $_;
		/^t015_$name\.(?!t015_$name\.offsets)(.*)/ ? ($1 => [ $kafka->events($topic) ]) : ()
	} $kafka->topics;
	my $stream = slurp_text("$dir/$name");
	return {
		topics => \%topics,
		counts => { map { $_ => scalar @{ $topics{$_} } } keys %topics },
		bytes => length $stream,
		words => join(' ', grep { $stream =~ /\Q$_\E(?![0-9])/
			|| $_ eq 'w-dropped' && $stream =~ /w-dropped/ } @words),
	};
}

sub after
{
	my ($outcome, $topic, $i) = @_;
	return $outcome->{topics}{$topic}[$i]{value}{after};
}

# Everything, so that what is looked for is there to be found.
my $all = outcome('everything');
is($all->{words}, "@words", 'everything: all in the stream');
is_deeply(
	$all->{counts},
	{
		'public.keep' => 6,
		'public.dropped' => 500,
		'audit.log' => 1,
		'private.note' => 1,
		'public.Mixed__case' => 1,
		'public.part_eu' => 1,
		'public.part_us' => 2,
		'message' => 3,
	},
	'everything: topics and records');

my $o = outcome('excluding');
is($o->{words}, 'w-name w-update w-eu w-us w-us2 w-yes',
	'exclude lists: what is in the stream');
is_deeply(
	$o->{counts},
	{
		'public.keep' => 5,
		'private.note' => 1,
		'public.part_eu' => 1,
		'public.part_us' => 2,
		'message' => 1,
	},
	'exclude lists: topics and records');
is_deeply(after($o, 'public.keep', 0), { id => 1, name => 'w-name', n => 1 },
	'exclude lists: a row without the column');
is($o->{topics}{'private.note'}[0]{text_key}, '{"id":1}',
	'exclude lists: the key stays whole');
is_deeply(after($o, 'private.note', 0), {}, 'exclude lists: and is in no row');
cmp_ok($o->{bytes}, '<', $all->{bytes} / 3,
	'exclude lists: bytes that PostgreSQL sent');

$o = outcome('including');
is($o->{words}, 'w-yes', 'include lists: what is in the stream');
is_deeply(
	$o->{counts},
	{ 'public.keep' => 5, 'public.part_us' => 2, 'message' => 1 },
	'include lists: topics and records');
is_deeply(after($o, 'public.keep', 0), { n => 1 },
	'include lists: the column alone');
is($o->{topics}{'public.keep'}[0]{text_key}, '{"id":1}',
	'include lists: the key');
is_deeply(after($o, 'public.part_us', 0), { region => 'us' },
	'include lists: the part of the key that is listed');
is($o->{topics}{'public.part_us'}[0]{text_key}, '{"region":"us","id":2}',
	'include lists: the key stays whole');

$o = outcome('partial');
is($o->{words}, 'w-yes w-no1 w-no2', 'part of a name: nothing but messages');

for my $which ('schemas_in', 'schemas_out')
{
	$o = outcome($which);
	is($o->{words}, 'w-log w-note w-yes w-no1 w-no2',
		"$which: what is in the stream");
	is_deeply(
		$o->{counts},
		{ 'audit.log' => 1, 'private.note' => 1, 'message' => 3 },
		"$which: topics and records");
}

# Operations; truncates are skipped unless it is told otherwise.
$o = outcome('skip');
is_deeply(
	[
		map { $_->{value} ? $_->{value}{op} : '-' }
		  @{ $o->{topics}{'public.keep'} }
	],
	[qw(c c t)],
	'skipped.operations: what is left');
unlike($o->{words}, qr/w-update|w-us2/, 'skipped.operations: not in the stream');
is($o->{counts}{'public.part_us'}, 1, 'skipped.operations: of each table');
$o = outcome('rows');
is_deeply($o->{counts}, { message => 3 }, 'all operations: messages are none');
is($o->{words}, 'w-yes w-no1 w-no2', 'all operations: none in the stream');

# Partitions by their root.
$o = outcome('root');
is($o->{counts}{'public.part'}, 3, 'partition root: one topic');
ok(!exists $o->{counts}{'public.part_us'}, 'partition root: none else');
is_deeply(
	[ map { $_->{value}{after} } @{ $o->{topics}{'public.part'} } ],
	[
		{ id => 1, region => 'eu', what => 'w-eu' },
		{ id => 2, region => 'us', what => 'w-us' },
		{ id => 2, region => 'us', what => 'w-us2' }
	],
	'partition root: rows, whatever the order of their columns');
is_deeply(
	[ map { "$_->{text_key} $_->{value}{source}{table}" }
		  @{ $o->{topics}{'public.part'} } ],
	[
		'{"region":"eu","id":1} part',
		('{"region":"us","id":2} part') x 2
	],
	"partition root: the root's key and name");
$o = outcome('root_filter');
is($o->{words}, 'w-eu w-us w-us2 w-yes w-no1 w-no2',
	"partition root: a filter looks at the root's name");
is($o->{counts}{'public.part'}, 3, 'partition root, filtered: records');

# Key columns that were not asked for: they are in the key and where that is
# told of, and in no row.  All else is as if they had been.
$pg->safe_psql('postgres', q{
	CREATE SCHEMA keys;
	CREATE TABLE keys.plain (c text, b text, a int, PRIMARY KEY (a, b));
	CREATE TABLE keys.whole (a int PRIMARY KEY, b text, c text);
	ALTER TABLE keys.whole REPLICA IDENTITY FULL;
	CREATE TABLE keys.by_index (a int NOT NULL UNIQUE, c text);
	ALTER TABLE keys.by_index REPLICA IDENTITY USING INDEX by_index_a_key;
	CREATE TABLE keys.other_index (a int PRIMARY KEY, b text NOT NULL UNIQUE, c text);
	ALTER TABLE keys.other_index REPLICA IDENTITY USING INDEX other_index_b_key;
	CREATE TABLE keys.nothing (a int PRIMARY KEY, c text);
	ALTER TABLE keys.nothing REPLICA IDENTITY NOTHING;
	CREATE TABLE keys.long (a text PRIMARY KEY, c text);
	ALTER TABLE keys.long ALTER a SET STORAGE EXTERNAL, ALTER c SET STORAGE EXTERNAL;
});
my %keys = (
	keys => {},
	keys_out => { 'column.exclude.list' => 'keys\..*\.[ab]' },
	keys_not_in => { 'column.include.list' => 'keys\..*\.c' });
for my $case (sort keys %keys)
{
	$cases{$case} = {
		%{ $keys{$case} },
		'table.include.list' => 'keys\..*',
		'skipped.operations' => 'none',
		'topic.creation.default.partitions' => 3,
		'topic.creation.default.replication.factor' => 1,
		'walferry.too.large' => 'placeholder',
		'producer.override.max.request.size' => 200_000 };
	$pg->safe_psql('postgres',
		"SELECT pg_create_logical_replication_slot('t015_$case', 'walferry')");
}
$pg->safe_psql('postgres', q{
	INSERT INTO keys.plain VALUES ('c', 'b', 1), ('c', 'b', 2), ('c', 'b', 3);
	UPDATE keys.plain SET c = 'd' WHERE a = 1;
	UPDATE keys.plain SET b = 'e' WHERE a = 2;
	DELETE FROM keys.plain WHERE a = 3;
	TRUNCATE keys.plain;
	INSERT INTO keys.whole VALUES (1, 'b', 'c'), (2, 'b', 'c');
	UPDATE keys.whole SET b = 'd' WHERE a = 1;
	UPDATE keys.whole SET a = 3 WHERE a = 1;
	DELETE FROM keys.whole;
	INSERT INTO keys.by_index VALUES (1, 'c'), (2, 'c');
	UPDATE keys.by_index SET c = 'd' WHERE a = 1;
	UPDATE keys.by_index SET a = 3 WHERE a = 1;
	DELETE FROM keys.by_index;
	INSERT INTO keys.other_index VALUES (1, 'b', 'c'), (2, 'd', 'c');
	UPDATE keys.other_index SET b = 'e' WHERE a = 1;
	UPDATE keys.other_index SET a = 3 WHERE a = 1;
	DELETE FROM keys.other_index;
	INSERT INTO keys.nothing VALUES (1, 'c');
	UPDATE keys.nothing SET c = 'd';
	UPDATE keys.nothing SET a = 2;
	INSERT INTO keys.long SELECT string_agg(i::text, ' '), repeat('c', 10000)
		FROM generate_series(1, 500) i;
	UPDATE keys.long SET c = repeat('c', 300000);
	UPDATE keys.long SET a = 'a';
	DELETE FROM keys.long;
});
my $asked = outcome('keys', 1);
is_deeply(
	$asked->{counts},
	{
		'keys.plain' => 12,
		'keys.whole' => 10,
		'keys.by_index' => 10,
		'keys.other_index' => 10,
		'keys.nothing' => 3,
		'keys.long' => 7,
	},
	'key columns: topics and records');
for my $case ('keys_out', 'keys_not_in')
{
	my $got = outcome($case, 1);
	is_deeply($got->{counts}, $asked->{counts}, "$case: topics and records");
	for my $topic (sort keys %{ $asked->{topics} })
	{
		is_deeply(
			[ map { [ @$_{qw(partition text_key)}, about_keys($_) ] }
				  @{ $got->{topics}{$topic} } ],
			[ map { [ @$_{qw(partition text_key)}, about_keys($_) ] }
				  @{ $asked->{topics}{$topic} } ],
			"$case: $topic: partitions, keys and headers");
		is_deeply(
			[ map { rows($_) } @{ $got->{topics}{$topic} } ],
			[ map { rows($_, 'a', 'b') } @{ $asked->{topics}{$topic} } ],
			"$case: $topic: rows");
	}
}

# Of one record: the headers that are about keys, or that it is a placeholder.
sub about_keys
{
	my ($record) = @_;
	return map { /^__debezium\.(?:old|new)key$|^walferry\.too/
		? "$_=$record->{header}{$_}" : () } sort keys %{ $record->{header} };
}

# Its operation, before and after, without these columns.
sub rows
{
	my ($record, @without) = @_;
	my $value = $record->{value} or return 'tombstone';
	my @rows = map { $_ && {%$_} } @$value{qw(before after)};
	delete @$_{@without} for grep { $_ } @rows;
	return [ $value->{op}, @rows ];
}
done_testing();
