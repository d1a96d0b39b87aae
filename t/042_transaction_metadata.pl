# provide.transaction.metadata=true: each event says where it stands in its
# transaction, which has a BEGIN and an END with its counts; exactly once, each
# of them once and with the right numbers, wherever the forwarder dies and also
# where the transaction is split; at least once, repeats can be told by their
# position.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use Walferry::Position;
use JSON::PP ();

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->shared;
my $json = JSON::PP->new->utf8;

$pg->safe_psql(
	'postgres', q{
	CREATE TABLE a (id int PRIMARY KEY, t text);
	CREATE TABLE b (id int PRIMARY KEY, t text);
	CREATE TABLE unwanted (id int PRIMARY KEY)});

sub forwarder
{
	my ($name, %config) = @_;
	return Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => "t042_$name",
		fault => 1,
		config => {
			'provide.transaction.metadata' => 'true',
			'table.include.list' => 'public\.(a|b)',
			'skip.messages.without.change' => 'true',
			'retriable.restart.connector.wait.ms' => 50,
			'topic.creation.default.partitions' => 3,
			'topic.creation.default.replication.factor' => 1,
			%config
		});
}

# Records of a topic, tombstones excepted, in the order of their positions; each
# as [position, value as text].  Where repeats are allowed, those that their
# position tells are left out.
sub records
{
	my ($topic, %opt) = @_;
	my @records = quick_records($kafka, $topic, committed => 1);

	@records = @{ by_position(@records) } if $opt{repeats};
	return sort { $a->[0] cmp $b->[0] }
	  map { [ @$_[ 3, 4 ] ] } grep { $_->[4] ne '' } @records;
}

# Every transaction that a forwarder has published, by its id; dies where
# numbers are missing or come twice.
sub transactions
{
	my ($fw, $topic, %opt) = @_;
	my (%found, %seen);

	for my $r (records($fw->topic($topic), %opt))
	{
		my $record = $json->decode($r->[1]);
		my $t = $found{ $record->{id} } //= { events => 0 };
		die "$record->{status} of $record->{id} comes twice"
		  if $t->{ $record->{status} };
		$t->{ $record->{status} } = $record;
		$t->{"$record->{status} at"} = $r->[0];
	}
	for my $table (qw(a b))
	{
		my %next;
		for my $r (records($fw->topic("public.$table"), %opt))
		{
			my ($id, $total, $within) = $r->[1] =~
			  /"transaction":\{"id":"([0-9:]+)","total_order":(\d+),"data_collection_order":(\d+)\}/
			  or die "no place: $r->[1]";
			my $t = $found{$id} or die "no transaction $id";
			die "$id has number $total twice" if $seen{$id}{$total}++;
			$next{$id}++;
			die "$id: $table has $within for $next{$id}"
			  if $within != $next{$id};
			$t->{events}++;
			$t->{tables}{$table}++;
			die "BEGIN of $id is behind $r->[0]"
			  if substr($t->{'BEGIN at'}, 0, 38) gt substr($r->[0], 0, 38);
			die "END of $id is before $r->[0]"
			  if defined $t->{'END at'} && $t->{'END at'} le $r->[0];
		}
	}
	for my $id (keys %seen)
	{
		die "$id: not all of 1 to $found{$id}{events}"
		  if grep { !$seen{$id}{$_} } 1 .. $found{$id}{events};
	}
	return \%found;
}

# All of them are whole, and their END says what there is.
sub are_whole
{
	my ($found, $transactions, $events, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @wrong;
	my $sum = 0;

	for my $id (sort keys %$found)
	{
		my $t = $found->{$id};
		my %told = map { $_->{data_collection} => $_->{event_count} }
		  @{ $t->{END} ? $t->{END}{data_collections} : [] };
		my %is = map { ("public.$_" => $t->{tables}{$_}) }
		  keys %{ $t->{tables} };
		push @wrong, $id
		  unless $t->{BEGIN} && $t->{END}
		  && $t->{END}{event_count} == $t->{events}
		  && $json->canonical->encode(\%told) eq
		  $json->canonical->encode(\%is);
		$sum += $t->{events};
	}
	is_deeply(\@wrong, [], "$name: each transaction is whole, and said to be");
	is(scalar keys %$found, $transactions, "$name: $transactions transactions");
	is($sum, $events, "$name: $events events");
}

# What is written, and where.
my $fw = forwarder('first', 'topic.transaction' => 'tx');
$fw->started($pg);
$pg->safe_psql(
	'postgres', q{
	BEGIN;
	INSERT INTO a VALUES (1, 'x'), (2, 'x');
	INSERT INTO unwanted VALUES (1);
	INSERT INTO b VALUES (1, 'x');
	UPDATE a SET id = 3 WHERE id = 2;
	ALTER TABLE a REPLICA IDENTITY FULL;
	UPDATE a SET t = t;
	DELETE FROM b;
	TRUNCATE a;
	COMMIT;
	INSERT INTO unwanted VALUES (2);
	SELECT pg_logical_emit_message(false, 'p', 'outside');
	BEGIN;
	SELECT pg_logical_emit_message(true, 'p', 'one');
	SELECT pg_logical_emit_message(true, 'p', 'two');
	COMMIT;
	ALTER TABLE a REPLICA IDENTITY DEFAULT});
Walferry::wait_confirmed($pg, $fw->slot);
my $found = transactions($fw, 'tx');
my @ids = sort { (split /:/, $a)[1] <=> (split /:/, $b)[1] } keys %$found;
is(scalar @ids, 2, 'two transactions: what is not published is none');
my ($rows, $messages) = @$found{@ids};
is($rows->{END}{event_count}, 6,
	'counted: two records of a changed key, but neither a tombstone nor what '
	  . 'changes nothing, or is filtered or skipped');
is_deeply($rows->{END}{data_collections},
	[ { data_collection => 'public.a', event_count => 4 },
		{ data_collection => 'public.b', event_count => 2 } ],
	'by table');
is_deeply(
	$rows->{BEGIN},
	{
		status => 'BEGIN',
		id => $ids[0],
		event_count => undef,
		data_collections => undef,
		ts_ms => $rows->{END}{ts_ms},
	},
	'BEGIN');
my @b = $kafka->events($fw->topic('public.b'));
like($ids[0], qr/^$b[0]{value}{source}{txId}:\d+$/, "the id has the event's xid");
is($rows->{END}{ts_ms}, $b[0]{value}{source}{ts_ms}, 'and the time the commit');
is_deeply(
	[ map { $_->{value}{transaction}{total_order} }
		  grep { defined $_->{value} }
		  sort { $a->{header}{'walferry.position'} cmp
			  $b->{header}{'walferry.position'} }
		  @b, $kafka->events($fw->topic('public.a')) ],
	[ 1 .. 6 ],
	'positions are in the order of the numbers');
is_deeply($messages->{END}{data_collections},
	[ { data_collection => 'LOGICAL_DECODING_MESSAGE', event_count => 2 } ],
	'messages are counted');
my ($outside, @inside) = sort { $a->{header}{'walferry.position'} cmp
	  $b->{header}{'walferry.position'} } $kafka->events($fw->topic('message'));
is($outside->{value}{transaction}, undef, 'one outside is of no transaction');
is_deeply(
	[ map { $_->{value}{transaction} } @inside ],
	[ map { { id => $ids[1], total_order => $_, data_collection_order => $_ } }
		  1, 2 ],
	'those inside are');
my ($begin, $end) = grep { $_->{key}{id} eq $ids[0] } $kafka->events($fw->topic('tx'));
is($begin->{text_key}, qq({"id":"$ids[0]"}), 'keyed by the id');
is($begin->{partition}, murmur2_partition($begin->{text_key}, 3),
	'which says the partition');
is($end->{partition}, $begin->{partition}, 'of both');
like($begin->{header}{'walferry.position'}, qr/-000000000000-FFFF$/,
	"BEGIN has the first change's position");
like($end->{header}{'walferry.position'}, qr/-000000000005-0000$/,
	'END has one behind the last');
is($fw->stop, 0, 'stops');

# Killed again and again, in a transaction that is split and in others.
my $n = 5000;
my $written = 0;

sub write_rows
{
	my ($from) = @_;
	$pg->safe_psql(
		'postgres', qq{
		BEGIN;
		INSERT INTO a SELECT i, i FROM generate_series($from, $from + $n - 1) i;
		INSERT INTO b SELECT i, i FROM generate_series($from, $from + $n - 1) i;
		UPDATE a SET id = -id WHERE id BETWEEN $from AND $from + 9;
		COMMIT;
		INSERT INTO b VALUES (-$from, 'x')});
	$written++;
}

$fw = forwarder(
	'once',
	'exactly.once' => 'true',
	'walferry.transaction.split.ms' => 5);
$fw->started($pg);
is($fw->stop, 0, 'stops');
for my $point ('partial_cut@2=kill', 'partial_cut@3=kill',
	'transaction_begun@1=kill', 'transaction_ended@1=kill',
	'transaction_begun@2=kill', 'transaction_ended@2=kill')
{
	write_rows($written * $n + 1);
	$fw->failpoint($point);
	$fw->start;
	is($fw->wait_exit, -9, "exactly once: killed at $point");
}
$fw->failpoint(undef);
$fw->started($pg);
Walferry::wait_confirmed($pg, $fw->slot);
are_whole(
	transactions($fw, 'transaction'),
	2 * $written,
	$written * (2 * $n + 21),
	'exactly once');
is($fw->stop, 0, 'stops');
my @chain = Walferry::Position::all($kafka, $fw);
cmp_ok(scalar(grep { $_->{partial} } @chain), '>=', 2, 'some were split');
my $records = 0;
$records += $_->{records} for @chain;
is($records, $written * (2 * $n + 31 + 4),
	'positions together count each record, tombstones, BEGIN and END');

# What decides on the numbers must not change within a transaction.
write_rows($written * $n + 1);
$fw->failpoint('partial_cut@2=kill');
$fw->start;
is($fw->wait_exit, -9, 'killed in the middle of another one');
$fw->failpoint(undef);
$fw->set('provide.transaction.metadata' => 'false');
my ($code, $log) = $fw->run_to_end(30);
is($code, 5, 'without metadata: exit code 5');
like($log, qr/published in part, and the options [^\n]*set them as they were/,
	'without metadata: says what to do');
$fw->set('provide.transaction.metadata' => 'true');
$fw->started($pg);
Walferry::wait_confirmed($pg, $fw->slot);
are_whole(
	transactions($fw, 'transaction'),
	2 * $written,
	$written * (2 * $n + 21),
	'with it again');
is($fw->stop, 0, 'stops');

# At least once.
$pg->safe_psql('postgres', 'DELETE FROM a; DELETE FROM b');
$n = 1000;
$written = 0;
$fw = forwarder('least');
$fw->started($pg);
is($fw->stop, 0, 'stops');
for my $point ('record_delivered@500=kill', 'transaction_begun@1=kill',
	'transaction_ended@1=kill', 'transaction_ended@2=kill')
{
	write_rows($written * $n + 1);
	$fw->failpoint($point);
	$fw->start;
	is($fw->wait_exit, -9, "at least once: killed at $point");
}
$fw->failpoint(undef);
$fw->started($pg);
Walferry::wait_confirmed($pg, $fw->slot);
are_whole(
	transactions($fw, 'transaction', repeats => 1),
	2 * $written,
	$written * (2 * $n + 21),
	'at least once');
my $repeats = 0;
for my $topic (qw(transaction public.a public.b))
{
	my (undef, $some) =
	  without_repeats(quick_records($kafka, $fw->topic($topic)));
	$repeats += $some;
}
cmp_ok($repeats, '>', 0, "$repeats repeats, each of them a replay");
is($fw->stop, 0, 'stops');
done_testing();
