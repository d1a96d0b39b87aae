# The straight line: each kind of change becomes exactly the records it should,
# the slot is told, and a restart goes on without a repeat.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->shared;
my $fw = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	config => {
		'skipped.operations' => 'none',
		'topic.creation.default.partitions' => 3,
		'topic.creation.default.replication.factor' => 1,
	});
my $topic = $fw->topic('public.item');
my $slot = $fw->slot;

$pg->safe_psql('postgres',
	'CREATE TABLE item (id int PRIMARY KEY, name text, price numeric(8,2))');
$fw->started($pg);

# What this librdkafka breaks of what is used; and nothing of what is not.
tells_flaw_ok($fw->log_text, 'desynchronization', '2.3.0',
	'what breaks any producer');
unlike(
	$fw->log_text,
	qr/ flaw="?[^"]*(?:SCRAM|certificate|coordinator)/,
	'what breaks SCRAM, certificates, transactions: not told');

# Run it as one transaction; returns its xid and the WAL it lies between.
sub transaction
{
	my ($sql) = @_;
	my $out = $pg->safe_psql('postgres',
		"SELECT pg_current_wal_insert_lsn();\nBEGIN;\n$sql;\n"
		  . "SELECT txid_current();\nCOMMIT;\nSELECT pg_current_wal_insert_lsn();");
	my ($from, $xid, $to) = split /\n/, $out;
	return { xid => $xid, from => lsn_number($from), to => lsn_number($to) };
}

my $before_ms = time() * 1000;
my $insert = transaction("INSERT INTO item VALUES (1, 'Ä\"x', 12.30)");
my $update = transaction("UPDATE item SET name = NULL WHERE id = 1");
my $rekey = transaction("UPDATE item SET id = 2 WHERE id = 1");
my $delete = transaction("DELETE FROM item WHERE id = 2");
my @events = $kafka->wait_for_events($topic, 7);
is(scalar @events, 7, 'seven records of four changes');
is(${ \scalar $kafka->topics }->{$topic}, 3, 'the topic has three partitions');

# In order of position they are in order of commit, over all partitions.
@events = sort {
	$a->{header}{'walferry.position'} cmp $b->{header}{'walferry.position'}
} @events;
is_deeply([ map { $_->{value} ? $_->{value}{op} : '-' } @events ],
	[qw(c u d - c d -)], 'operations in order of position');
is_deeply([ map { $_->{text_key} } @events ],
	[ map { "{\"id\":$_}" } 1, 1, 1, 1, 2, 2, 2 ], 'keys');

is_deeply(
	$events[0]{value}{after},
	{ id => 1, name => "\x{c4}\"x", price => 'BM4=' },
	'insert: the row');
is($events[0]{value}{before}, undef, 'insert: nothing before');
is_deeply($events[1]{value}{after},
	{ id => 1, name => undef, price => 'BM4=' }, 'update: the new row');
is($events[1]{value}{before}, undef, 'update: nothing before');
fields_ok($events[2]{value}{before}, { id => 1 }, 'key change: old key');
is($events[2]{value}{after}, undef, 'key change: the delete has no after');
is($events[3]{value}, undef, 'key change: a tombstone');
is_deeply($events[4]{value}{after},
	{ id => 2, name => undef, price => 'BM4=' }, 'key change: the new row');
is($events[4]{value}{before}, undef, 'key change: the create has no before');
fields_ok($events[5]{value}{before}, { id => 2 }, 'delete: the key');
is($events[6]{value}, undef, 'delete: a tombstone');

# The source block.
my @by_event = ($insert, $update, $rekey, undef, $rekey, $delete);
for my $i (0, 1, 2, 4, 5)
{
	my $e = $events[$i]{value};
	my $txn = $by_event[$i];
	fields_ok(
		$e->{source},
		{
			connector => 'postgresql',
			name => $fw->name,
			db => 'postgres',
			schema => 'public',
			table => 'item',
			snapshot => 'false',
			txId => $txn->{xid},
			xmin => undef,
			origin => undef
		},
		"record $i: source");
	my $lsn = $e->{source}{lsn};
	ok($lsn >= $txn->{from} && $lsn < $txn->{to},
		"record $i: lsn is that of the change");
	like($e->{source}{sequence}, qr/^\[(?:null|"\d+"),"$lsn"\]$/,
		"record $i: sequence ends with it");
	cmp_ok($e->{source}{ts_ms}, '>=', $before_ms - 1000, "record $i: ts_ms");
	is($e->{source}{ts_ns}, $e->{source}{ts_us} * 1000, "record $i: ts_ns");
	cmp_ok($e->{ts_ms}, '>=', $e->{source}{ts_ms},
		"record $i: processed after it was committed");
	is($e->{transaction}, undef, "record $i: no transaction block");
}

# Partitions, positions, headers.
is_deeply(
	[ map { $_->{partition} } @events ],
	[ map { murmur2_partition($_->{text_key}, 3) } @events ],
	"partitions as the Java client chooses them");
my @positions = map { $_->{header}{'walferry.position'} } @events;
like($_, qr/^00000001-[0-9A-F]{16}-[0-9A-F]{12}-[0-9A-F]{4}$/,
	'form of a position')
  for @positions;
is_deeply(
	[ map { hex((split /-/)[3]) } @positions ],
	[ 0, 0, 0, 1, 2, 0, 1 ],
	'parts: delete 0, tombstone 1, create 2');
is(scalar(grep { hex((split /-/, $_)[1]) <= $update->{to} } @positions),
	2, 'positions are ends of commits');
is($events[2]{header}{'__debezium.newkey'}, '{"id":2}', 'header newkey');
is($events[3]{header}{'__debezium.newkey'}, '{"id":2}',
	'header newkey of the tombstone');
is($events[4]{header}{'__debezium.oldkey'}, '{"id":1}', 'header oldkey');
my %run;
for my $e (@events)
{
	my $h = $e->{header};
	is($h->{'__debezium.context.connectorLogicalName'},
		$fw->name, 'header connectorLogicalName');
	is($h->{'__debezium.context.taskId'}, '0', 'header taskId');
	is($h->{'__debezium.context.connectorName'},
		'postgresql', 'header connectorName');
	$run{ $h->{'__debezium.context.runId'} } = 1;
}
is(scalar keys %run, 1, 'header runId is the same throughout a run');

# Truncate: in every partition.  Messages, in a transaction and outside.
my $truncate = transaction('TRUNCATE item');
$pg->safe_psql('postgres', q{
	SELECT pg_logical_emit_message(true, 'in', 'transactional');
	SELECT pg_logical_emit_message(false, 'out', 'at once')});
@events = grep { $_->{value} && $_->{value}{op} eq 't' }
  $kafka->wait_for_events($topic, 10);
is_deeply([ map { $_->{partition} } @events ],
	[ 0, 1, 2 ], 'truncate: one in each partition');
is($_->{key}, undef, 'truncate: no key') for @events;
is_deeply(
	[ map { hex((split /-/, $_->{header}{'walferry.position'})[3]) } @events ],
	[ 0, 1, 2 ],
	'truncate: the copies are parts of one change');
is($events[0]{value}{source}{txId}, $truncate->{xid}, 'truncate: txId');

my @messages = $kafka->wait_for_events($fw->topic('message'), 2);
my %message = map { $_->{value}{message}{prefix} => $_ } @messages;
is_deeply([ sort keys %message ], [qw(in out)], 'messages: two');
is($message{in}{text_key}, '{"prefix":"in"}', 'message: key');
is($message{in}{value}{op}, 'm', 'message: op');
is($message{in}{value}{message}{content}, 'dHJhbnNhY3Rpb25hbA==',
	'message: content');
ok(defined $message{in}{value}{source}{txId}, 'message: txId');
is($message{out}{value}{message}{content}, 'YXQgb25jZQ==',
	'message outside of transactions: content');
is($message{out}{value}{source}{txId}, undef,
	'message outside of transactions: no txId');

# The slot is told.
Walferry::wait_confirmed($pg, $slot);
cmp_ok(confirmed_lsn($pg, $slot), '>=', $truncate->{to},
	'the slot is confirmed beyond the last commit');

# A stop confirms what was delivered, also what has just been.
my $last = transaction("INSERT INTO item VALUES (9, 'last', 0)");
$kafka->wait_for_events($topic, 11);
is($fw->stop, 0, 'SIGTERM: exit code 0');
my $stopped = confirmed_lsn($pg, $slot);
cmp_ok($stopped, '>=', $last->{to}, 'SIGTERM: all is confirmed');
like($fw->log_since_start, qr/ info forward: stopped lsn=/, 'SIGTERM: says so');

# The second run goes on after it, with nothing twice.
$fw->started($pg);
my ($from) = $fw->wait_for_log(qr/streaming slot=\S+ lsn=(\S+)/);
is(lsn_number($from), $stopped, 'restart: where the slot stands');
transaction("INSERT INTO item VALUES (10, 'after', 0)");
@events = $kafka->wait_for_events($topic, 12);
is(scalar @events, 12, 'restart: no repeats');
my %last;
for my $e (@events)
{
	my $p = $e->{header}{'walferry.position'};
	ok(!defined $last{ $e->{partition} } || $p gt $last{ $e->{partition} },
		"partition $e->{partition}: position $p is greater than the one before");
	$last{ $e->{partition} } = $p;
}
is($fw->stop, 0, 'second SIGTERM: exit code 0');
is(complaints($fw->log_text), 0, 'no warnings but that the slot was created');

done_testing();
