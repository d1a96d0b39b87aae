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

# Runs a case; its topics => records, and what PostgreSQL sent.
sub outcome
{
	my ($name) = @_;
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
	is(complaints($fw->log_text), 0, "$name: no warnings");
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
cmp_ok($o->{bytes}, '<', $all->{bytes} / 3,
	'exclude lists: bytes that PostgreSQL sent');

$o = outcome('including');
is($o->{words}, 'w-yes', 'include lists: what is in the stream');
is_deeply(
	$o->{counts},
	{ 'public.keep' => 5, 'public.part_us' => 2, 'message' => 1 },
	'include lists: topics and records');
is_deeply(after($o, 'public.keep', 0), { id => 1, n => 1 },
	'include lists: the column and the key');
is_deeply(after($o, 'public.part_us', 0), { region => 'us', id => 2 },
	'include lists: the key has two columns');

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
done_testing();
