# Large values and large transactions: whole, in order, once, and in a
# forwarder that does not grow with them.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use Digest::MD5 qw(md5_hex);
use MIME::Base64;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->shared;
$pg->safe_psql('postgres', q{
	CREATE TABLE many (id int PRIMARY KEY, pad text);
	CREATE TABLE big (id int PRIMARY KEY, t text, b bytea, j jsonb, n int);
	ALTER TABLE big ALTER t SET STORAGE EXTERNAL;
	CREATE TABLE limited (id int PRIMARY KEY, t text);
	ALTER TABLE limited ALTER t SET STORAGE EXTERNAL});

sub forwarder
{
	my ($name, %config) = @_;
	return Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => "t013_$name",
		config => { 'table.include.list' => "public\\.$name", %config }
	)->started($pg);
}

# The most memory it ever had, in MB.
sub peak
{
	my ($fw) = @_;
	slurp_text('/proc/' . $fw->pid . '/status') =~ /^VmHWM:\s+(\d+) kB$/m
	  or die 'no VmHWM';
	return $1 / 1024;
}

# Sanitizers want memory of their own.
my $sanitized =
  slurp_text(Walferry::Forwarder::_binary()) =~ /__asan_init|__ubsan_handle/;

sub peak_below
{
	my ($fw, $limit, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
  SKIP:
	{
		skip 'built with sanitizers', 1 if $sanitized;
		my $peak = peak($fw);
		cmp_ok($peak, '<', $limit, sprintf('%s: %.1f MB', $name, $peak));
	}
}

# One transaction of 100,000 rows, 35 MB of values.
my $fw = forwarder('many');
$pg->safe_psql('postgres', q{
	BEGIN;
	INSERT INTO many SELECT i, repeat(i::text, 60) FROM generate_series(1, 100000) i;
	COMMIT;
	INSERT INTO many VALUES (100001, 'after it')});
Walferry::wait_confirmed($pg, $fw->slot);
my @records = quick_records($kafka, $fw->topic('public.many'));
is(scalar @records, 100001, 'large transaction: each row once');
my ($wrong, $ordinal) = (0, 0);
for my $r (@records[ 0 .. 99999 ])
{
	my $id = $ordinal + 1;
	$wrong++
	  unless $r->[2] eq "{\"id\":$id}"
	  && hex((split /-/, $r->[3])[2]) == $ordinal
	  && $r->[4] =~ /"after":\{"id":$id,"pad":"(?:$id){60}"\}/;
	$ordinal++;
}
is($wrong, 0, 'large transaction: each whole, in order, numbered');
is(scalar keys %{ { map { (split /-/, $_->[3])[1] => 1 } @records } },
	2, 'large transaction: one position but for the number');
# The bound is that of the queue (4 MB) and of what librdkafka needs for it.
peak_below($fw, 32, 'large transaction: memory');
is($fw->stop, 0, 'stops');

# Values that are larger than a message of the stream, which is 1 MB at most,
# and than the queue.
$fw = forwarder(
	'big',
	'producer.override.max.request.size' => 30000000,
	'topic.creation.default.partitions' => 1,
	'topic.creation.default.replication.factor' => 1,
	'topic.creation.default.max.message.bytes' => 30000000);
my $text = q{(SELECT string_agg(md5(i::text), 'é' ORDER BY i)
	FROM generate_series(1, %d) i)};
my $t5 = sprintf $text, 160000;
my $t1 = sprintf $text, 40000;
$pg->safe_psql('postgres', qq{
	BEGIN;
	INSERT INTO big VALUES (1, 'small', 'small', '"small"', 0);
	INSERT INTO big VALUES (2, $t5, decode($t1, 'escape'),
		jsonb_build_object('k', $t1, 'l', 1), 0);
	INSERT INTO big VALUES (3, 'small again', 'small', '"small"', 0);
	COMMIT;
	UPDATE big SET n = 1 WHERE id = 2;
	ALTER TABLE big REPLICA IDENTITY FULL;
	UPDATE big SET n = 2 WHERE id = 2;
	DELETE FROM big WHERE id = 2});
my ($md5t, $md5b, $md5j) = split /\|/, $pg->safe_psql('postgres',
	"SELECT md5($t5), md5(decode($t1, 'escape')), md5($t1)");
Walferry::wait_confirmed($pg, $fw->slot);
@records = quick_records($kafka, $fw->topic('public.big'));
is_deeply([ map { $_->[2] } @records ],
	[ map { "{\"id\":$_}" } 1, 2, 3, 2, 2, 2, 2 ],
	'large values: each record once, in order');

# One image of the row as it should be.
sub image_ok
{
	my ($record, $image, $name) = @_;
	my ($t, $b, $j) =
	  $record->[4] =~
	  /"$image":\{"id":2,"t":"([^"]*)","b":"([^"]*)","j":"\{\\"k\\": \\"([^"]*)\\", \\"l\\": 1\}"/
	  or return fail("$name: the row is there");
	is(md5_hex($t), $md5t, "$name: text");
	is(md5_hex(decode_base64($b)), $md5b, "$name: bytea");
	is(md5_hex($j), $md5j, "$name: jsonb");
}
cmp_ok(length $records[1][4], '>', 8e6, 'large values: a record of 8 MB');
image_ok($records[1], 'after', 'insert');
like(
	$records[3][4],
	qr/"after":\{"id":2,"t":"__debezium_unavailable_value","b":"[^"]{40}","j":"__debezium_unavailable_value","n":1\}/,
	'update: what it left alone is not sent');
image_ok($records[4], 'before', 'full update, before');
image_ok($records[4], 'after', 'full update, after');
image_ok($records[5], 'before', 'full delete, before');
is($records[6][4], '', 'full delete: tombstone');
peak_below($fw, 120, 'large values: memory');
is($fw->stop, 0, 'stops');
is(complaints($fw->log_text), 0, 'no warnings');

# A row that Kafka does not take, amid a transaction: nothing of the
# transaction is confirmed, and all of it comes when there is room.
$fw = forwarder('limited');
$pg->safe_psql('postgres', "INSERT INTO limited VALUES (1, 'before')");
Walferry::wait_confirmed($pg, $fw->slot);
my $end = lsn_number($pg->safe_psql('postgres', q{
	BEGIN;
	INSERT INTO limited VALUES (2, 'small');
	INSERT INTO limited VALUES (3, repeat('x', 2000000));
	INSERT INTO limited VALUES (4, 'small');
	SELECT pg_current_wal_insert_lsn();
	COMMIT}));
is($fw->wait_exit, 4, 'above the limit: exit code 4');
my $topic = $fw->topic('public.limited');
like($fw->log_since_start,
	qr/ error forward: [^\n]*\Q$topic\E: a record of 200\d{4} bytes/,
	'above the limit: topic and size');
# Short of the commit record, which comes last.
cmp_ok(confirmed_lsn($pg, $fw->slot), '<=', $end,
	'above the limit: the transaction is not confirmed');
$fw->set('producer.override.max.request.size' => 3000000);
$kafka->configs_tool('--alter', '--entity-type', 'topics', '--entity-name',
	$topic, '--add-config', 'max.message.bytes=3000000');
$fw->started($pg);
Walferry::wait_confirmed($pg, $fw->slot);
my ($kept) = without_repeats(quick_records($kafka, $topic));
is_deeply(
	[ map { $_->[2] } @$kept ],
	[ map { "{\"id\":$_}" } 1 .. 4 ],
	'with a larger limit: all of it, in order');
is($fw->stop, 0, 'stops');
done_testing();
