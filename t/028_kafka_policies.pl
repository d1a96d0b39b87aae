# What may happen to Kafka while walferry delivers exactly once: topics that
# are deleted and made again, rights that are taken away, limits, transactional
# ids that expire, restarts, quotas.  Each ends as docs/operations.md says, and
# in the end a reader of what is committed has each row once.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Load;
use Walferry::Check;
use Walferry::Position;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->new('--sasl', '--acl', '--user',
	'carrier:secret', '--set', 'transaction.max.timeout.ms=120000');
my %eos = (
	'exactly.once' => 'true',
	'retriable.restart.connector.wait.ms' => 50,
	'walferry.retry.backoff.max.ms' => 500,
	'topic.creation.default.partitions' => 2,
	'topic.creation.default.replication.factor' => 1);
my $next = 1;

$pg->safe_psql('postgres', q{
	CREATE TABLE t (id int PRIMARY KEY, s text);
	ALTER TABLE t ALTER s SET STORAGE EXTERNAL});

sub forwarder
{
	my ($name, %config) = @_;
	return Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => "t028_$name",
		config => { %eos, 'table.include.list' => 'public\\.t', %config });
}

# So many rows, each in a transaction of its own; their ids.
sub insert
{
	my ($n, $s) = @_;
	my @ids = map { $next++ } 1 .. $n;
	$s //= "'x'";
	$pg->safe_psql('postgres',
		join '', map { "INSERT INTO t VALUES ($_, $s);" } @ids);
	return @ids;
}

# What a reader of committed records has: exactly these, each once.
sub has
{
	my ($fw, $name, @ids) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	Walferry::wait_confirmed($pg, $fw->slot);
	my @got = map { JSON::PP::decode_json($_->{key})->{id} }
	  $kafka->read_topic($fw->topic('public.t'), committed => 1);
	is_deeply([ sort { $a <=> $b } @got ], \@ids, $name);
}

# It ends with that code, one line that says why, and nothing confirmed.
sub ends
{
	my ($fw, $code, $re, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($fw->wait_exit, $code, "$name: exit code $code");
	like($fw->log_since_start, qr/ error forward: [^\n]*$re/, "$name: says why");
	is(scalar(() = $fw->log_since_start =~ /^\S+ error /mg), 1, "$name: one line")
	  or diag($fw->log_since_start);
	my $stored = Walferry::Position::last($kafka, $fw);
	cmp_ok(confirmed_lsn($pg, $fw->slot),
		'<=', lsn_number($stored->{end_lsn}),
		"$name: the slot is not ahead of the stored position")
	  if $stored;
}

sub drop
{
	my ($fw) = @_;
	is($fw->stop, 0, 'stops') if $fw->running;
	$pg->safe_psql('postgres',
		"SELECT pg_drop_replication_slot('" . $fw->slot . "')");
}

# ---- topics

{
	my $fw = forwarder('topics');
	my $topic = $fw->topic('public.t');
	$kafka->create_topic($topic, partitions => 3);
	$fw->started($pg);
	has($fw, 'to begin with', insert(10));

	# Deleted, and made again by us with fewer than it had.
	$kafka->topics_tool('--delete', '--topic', $topic);
	my @since = insert(10);
	ends($fw, 5,
		qr/topic \Q$topic\E has 2 partitions, and had 3[^\n]*walferry\.partition\.count=current/,
		'fewer partitions');
	my ($code) = $fw->run_to_end(60);
	is($code, 5, 'fewer partitions: a restart does not change that');
	$fw->set('walferry.partition.count' => 'current');
	$fw->started($pg);
	has($fw, 'fewer partitions, accepted: what came since', @since);
	is($fw->stop, 0, 'stops');

	# More partitions: keys stay where they are until it is accepted.
	$fw->set('walferry.partition.count' => 'pinned');
	$kafka->topics_tool('--alter', '--topic', $topic, '--partitions', 5);
	$fw->started($pg);
	push @since, insert(30);
	has($fw, 'more partitions: all of it', @since);
	like($fw->log_since_start,
		qr/ warn publish: the topic has more partitions than before[^\n]*pinned=2 now=5/,
		'more partitions: a warning');
	my %used = map { $_->{partition} => 1 } $kafka->read_topic($topic);
	is_deeply([ sort keys %used ], [ 0, 1 ], 'more partitions: the first are used');
	is($fw->stop, 0, 'stops');
	$fw->set('walferry.partition.count' => 'current');
	$fw->started($pg);
	push @since, insert(30);
	has($fw, 'more partitions, accepted: all of it', @since);
	%used = map { $_->{partition} => 1 } $kafka->read_topic($topic);
	cmp_ok(scalar keys %used, '>', 2, 'more partitions, accepted: they are used');

	# Deleted, with as many again: goes on by itself.
	$fw->set('walferry.partition.count' => 'pinned',
		'topic.creation.default.partitions' => 5);
	is($fw->stop, 0, 'stops');
	$fw->started($pg);
	has($fw, 'as many partitions: before', @since, insert(1));
	$kafka->topics_tool('--delete', '--topic', $topic);
	has($fw, 'as many partitions: what came since', insert(10));
	drop($fw);
}

# ---- sizes and limits

{
	my $fw = forwarder('limits');
	my $topic = $fw->topic('public.t');
	$fw->started($pg);
	my @ids = insert(3);
	has($fw, 'limits: to begin with', @ids);
	$kafka->configs_tool('--alter', '--entity-type', 'topics',
		'--entity-name', $topic, '--add-config', 'max.message.bytes=100000');
	$pg->safe_psql('postgres',
		"BEGIN; INSERT INTO t VALUES ($next, 'small'); INSERT INTO t VALUES ("
		  . ($next + 1)
		  . ", repeat('x', 500000)); INSERT INTO t VALUES ("
		  . ($next + 2)
		  . ", 'small'); COMMIT");
	ends($fw, 4,
		qr/topic \Q$topic\E: a record of 50\d{4} bytes is larger[^\n]*max\.message\.bytes/,
		"the topic's max.message.bytes");
	is(scalar(my @r = $kafka->read_topic($topic, committed => 1)),
		3, "the topic's max.message.bytes: nothing of it is committed");
	$kafka->configs_tool('--alter', '--entity-type', 'topics',
		'--entity-name', $topic, '--add-config', 'max.message.bytes=1000000');
	$fw->started($pg);
	push @ids, $next .. $next + 2;
	$next += 3;
	has($fw, 'with a larger one: all of it, once', @ids);
	is($fw->stop, 0, 'stops');

	$fw->set('producer.override.transaction.timeout.ms' => 300000);
	$fw->start;
	ends($fw, 4,
		qr/transaction\.timeout\.ms is more than the brokers allow[^\n]*transaction\.max\.timeout\.ms/,
		'transaction.timeout.ms');
	$fw->set('producer.override.transaction.timeout.ms' => 100000);
	$fw->started($pg);
	push @ids, insert(3);
	has($fw, 'with a smaller one: all of it, once', @ids);
	drop($fw);
}

# ---- rights

{
	my $fw = forwarder(
		'rights',
		'bootstrap.servers' => $kafka->bootstrap('sasl'),
		'producer.override.security.protocol' => 'sasl_ssl',
		'producer.override.sasl.mechanisms' => 'PLAIN',
		'producer.override.sasl.username' => 'carrier',
		'producer.override.sasl.password' => 'secret',
		'producer.override.ssl.ca.location' => $kafka->dir . '/tls/ca.crt');
	my $topic = $fw->topic('public.t');
	my $offsets = Walferry::Position::topic($fw);
	my %acl = (
		create => [ '--operation', 'Create', '--operation', 'Describe',
			'--topic', 't028_rights', '--resource-pattern-type', 'prefixed' ],
		topic => [ '--operation', 'Write', '--topic', $topic ],
		position => [ '--operation', 'Write', '--topic', $offsets ],
		read => [ '--operation', 'Read', '--topic', $offsets ],
		id => [ '--operation', 'Write', '--operation', 'Describe',
			'--transactional-id', 't028_rights', '--resource-pattern-type',
			'prefixed' ]);
	my $acl = sub {
		my ($how, $which) = @_;
		$kafka->acls_tool("--$how", ($how eq 'remove' ? '--force' : ()),
			'--allow-principal', 'User:carrier', @{ $acl{$which} });
	};
	$acl->('add', $_) for sort keys %acl;
	$fw->started($pg);
	my @ids = insert(3);
	has($fw, 'rights: with all that are documented', @ids);

	# Rights that are needed while it runs.
	for my $case (
		[ topic => qr/not allowed to write[^\n]*kafka-acls\.sh[^\n]*User:carrier/ ],
		[ id => qr/not allowed to use transactional\.id[^\n]*kafka-acls\.sh[^\n]*User:carrier/ ],
		[ position => qr/not allowed to write[^\n]*kafka-acls\.sh[^\n]*User:carrier/ ])
	{
		my ($which, $re) = @$case;
		$acl->('remove', $which);
		poll_until(
			"a refusal without the right to $which",
			sub {
				return 1 unless $fw->running;
				push @ids, insert(1);
				return 0;
			});
		ends($fw, 4, $re, "no right to $which, while it runs");
		if ($which eq 'id')
		{
			$fw->start;
			ends($fw, 4, $re, "no right to $which, at the start");
		}
		$acl->('add', $which);
		$fw->started($pg);
		has($fw, "no right to $which, granted again: all of it, once", @ids);
	}

	# One that is needed at the start.
	is($fw->stop, 0, 'stops');
	$acl->('remove', 'read');
	$fw->start;
	ends($fw, 4,
		qr/topic \Q$offsets\E: not allowed to read the position[^\n]*--operation Read/,
		'no right to read positions');
	$acl->('add', 'read');
	$fw->started($pg);
	push @ids, insert(1);
	has($fw, 'no right to read positions, granted: all of it, once', @ids);
	drop($fw);
}

# ---- a quota, a clean restart under load, an id that expires

my $load = Walferry::Load->new(pg => $pg, committed => 1);
# Idle positions come sooner than an id expires here.
my $fw = forwarder(
	'load',
	'table.include.list' => 'public\\..*',
	'walferry.position.interval.ms' => 500);
$fw->started($pg);
{
	my @quota = ('--alter', '--entity-type', 'clients', '--entity-name',
		'walferry');
	my $began = time();

	$kafka->configs_tool(@quota, '--add-config', 'producer_byte_rate=100000');
	my @ids = insert(8, "repeat('x', 100000)");
	has($fw, 'quota: all of it, once', @ids);
	cmp_ok(time() - $began, '>=', 2, 'quota: it is slow');
	$kafka->configs_tool(@quota, '--delete-config', 'producer_byte_rate');
	is(complaints($fw->log_since_start), 0, 'quota: no complaints')
	  or diag($fw->log_since_start);
}

$load->start(2, 100);
$load->wait_committed(50);
$kafka->stop;
{
	# What the next part needs.
	open my $fh, '>>', $kafka->dir . '/server.properties' or die $!;
	print $fh "transactional.id.expiration.ms=2000\n",
	  "transaction.remove.expired.transaction.cleanup.interval.ms=500\n",
	  "producer.id.expiration.ms=2000\n",
	  "producer.id.expiration.check.interval.ms=500\n";
	close $fh or die $!;
}
$kafka->restart;
$load->wait_committed(50);
$load->stop;
is($load->is_complete($kafka, $fw, 'after a clean restart of the broker'),
	0, 'clean restart: no repeats');

{
	my ($id) = Walferry::Position::last($kafka, $fw)->{transactional_id};
	poll_until(
		'the transactional id to expire',
		sub {
			return index(
				$kafka->_broker(
					'tool',
					'org.apache.kafka.tools.TransactionsCommand',
					'--bootstrap-server',
					$kafka->bootstrap,
					'list'),
				$id) < 0;
		});
	pass('expired: the broker does not know the id any more');
	my $before = () = $kafka->read_topic($fw->topic('public.t'), committed => 1);
	my @more = insert(5);
	Walferry::wait_confirmed($pg, $fw->slot);
	my @got = map { JSON::PP::decode_json($_->{key})->{id} }
	  $kafka->read_topic($fw->topic('public.t'), committed => 1);
	my %n;
	$n{$_}++ for @got;
	is(scalar(grep { $n{$_} == 1 } @more), 5, 'expired: all that came, once');
	is(scalar @got, $before + 5, 'expired: and nothing else');
}
is($fw->stop, 0, 'stops');
unlike($fw->log_text, qr/^\S+ error /m, 'no error line');
done_testing();
