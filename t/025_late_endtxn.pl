# exactly.once=true: a request to end a transaction (EndTxn) gets lost on its
# way, is sent again, and arrives when the next transaction is in its middle
# (KAFKA-17754).  With a new producer epoch the broker refuses it.  Without, as
# the seeded bug no_epoch_renewal has it, the broker ends the wrong transaction,
# and readers see part of a source transaction and then that part again: if this
# no longer harms, the test of the defence shows nothing, and fails.
#
# Brokers of 3.9.2 and of 4.3.1 take the late request alike, though 4.3.1 runs
# with transaction.version=2 (KIP-890), which gives each transaction an epoch of
# its own: it does so for clients that send EndTxn version 5, and librdkafka (up
# to 2.15.0) sends version 1.
#
# walferry never asks for an abort, so a late one cannot be.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::FaultProxy;
use Walferry::Check;
use Walferry::Position;

# EndTxn's errors that say: not under this epoch.
use constant {
	NONE => 0,
	INVALID_PRODUCER_EPOCH => 47,
	PRODUCER_FENCED => 90,
};
my $end_txn = Walferry::FaultProxy::END_TXN;
my $rows = 20_000;				# of the large transaction: 10 MB

my $pg = Walferry::postgres('main', conf => "listen_addresses = '127.0.0.1'\n");
my $proxy = Walferry::FaultProxy->new(kafka => 'kafka', pg => 'postgres');
my $kafka =
  Walferry::Kafka->new('--advertise', 'PROXY=' . $proxy->port('kafka'));
$proxy->target(kafka => $kafka->bootstrap('PROXY'));
$proxy->target(pg => '127.0.0.1:' . $pg->port);

# A forwarder of a table of its own, whose first row has been carried.
sub forwarder
{
	my ($table, %env) = @_;
	my $fw = Walferry::Forwarder->new(
		name => $table,
		pg => $pg,
		fault => 1,
		env => \%env,
		config => {
			'database.hostname' => '127.0.0.1',
			'database.port' => $proxy->port('pg'),
			'bootstrap.servers' => $proxy->address('kafka'),
			'table.include.list' => "public.$table",
			'exactly.once' => 'true',
			# The server writes WAL of its own, which is waited for as well.
			'walferry.position.interval.ms' => 500,
			'retriable.restart.connector.wait.ms' => 50,
			'topic.creation.default.partitions' => 1,
			'topic.creation.default.replication.factor' => 1,
		});
	$pg->safe_psql('postgres',
		"CREATE TABLE $table (id int PRIMARY KEY, pad text)");
	$fw->started($pg);
	$pg->safe_psql('postgres', "INSERT INTO $table VALUES (-1)");
	Walferry::wait_confirmed($pg, $fw->slot);
	return $fw;
}

# How many records each id has that this reader sees.
sub ids
{
	my ($fw, %opt) = @_;
	my %count;
	for my $r (quick_records($kafka, $fw->topic('public.' . $fw->name), %opt))
	{
		my ($id) = $r->[2] =~ /"id":(-?\d+)/ or die "strange key $r->[2]";
		$count{$id}++;
	}
	return \%count;
}

sub large
{
	my ($count) = @_;
	return scalar grep { $_ > 0 } keys %$count;
}

sub each_once
{
	my ($fw, $n, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $count = ids($fw, committed => 1);
	is(scalar keys %$count, $n, "$name: nothing is missing");
	is((scalar grep { $_ != 1 } values %$count), 0,
		"$name: nothing is there twice");
}

# The EndTxn of a small transaction comes late, into a large one.  Returns what
# the broker answered to it, and what a reader of committed records sees of the
# large one then, which is still in its middle.
sub late_end
{
	my ($fw, $renewal) = @_;
	my $table = $fw->name;
	my $before = $proxy->stats('kafka')->{late_answered};
	my $at = $fw->log_size;

	$proxy->command("hold kafka $end_txn 1 take");
	$pg->safe_psql('postgres', "INSERT INTO $table VALUES (0)");
	$proxy->wait_for('kafka', 'an EndTxn to be held',
		sub { return $_[0]{held} == 1 });
	$proxy->command('cut kafka');
	Walferry::wait_confirmed($pg, $fw->slot);
	pass("$table: EndTxn was sent again, and the transaction is committed");
	if ($renewal)
	{
		$fw->wait_for_log(qr/so a new producer epoch is taken/, $at);
		$fw->wait_for_log(qr/ streaming slot=/, $at);
	}

	# Slowly, then not at all: there is much time to stop within it.
	$proxy->command('bandwidth pg s2c 200000');
	$pg->safe_psql('postgres',
		"INSERT INTO $table SELECT g, repeat(md5(g::text), 16) "
		  . "FROM generate_series(1, $rows) g");
	poll_until('the large transaction to be on its way',
		sub { return large(ids($fw)) > 100 });
	$proxy->command('hold-data pg on w');
	cmp_ok(large(ids($fw)), '<', $rows, "$table: it is in its middle");
	is(large(ids($fw, committed => 1)), 0, "$table: nothing is to be seen yet");

	is($proxy->command('release kafka fresh'),
		'sent=1 left=0', "$table: the late EndTxn arrives");
	my $stats = $proxy->wait_for('kafka', 'its answer',
		sub { return $_[0]{late_answered} > $before && $_[0] });

	# Length, correlation id, throttle time, error.
	my ($error) = unpack 'x12 n', pack('H*', $stats->{late_answer});

	# The broker answers before it has marked the end in the partitions.
	poll_until('the end of the transaction',
		sub { return large(ids($fw, committed => 1)) })
	  if $error == NONE;
	return ($error, large(ids($fw, committed => 1)));
}

sub let_go_on
{
	$proxy->command('bandwidth pg s2c 0');
	$proxy->command('hold-data pg off');
}

my $fw = forwarder('defended');
my ($error, $seen) = late_end($fw, 1);
ok($error == INVALID_PRODUCER_EPOCH || $error == PRODUCER_FENCED,
	'defended: the broker refuses it')
  or diag("the error code is $error");
is($seen, 0, 'defended: still nothing is to be seen');
let_go_on();
Walferry::wait_confirmed($pg, $fw->slot);
each_once($fw, $rows + 2, 'defended');
my @chain = Walferry::Position::all($kafka, $fw);
is((scalar grep { $chain[$_]{prev_end_lsn} ne $chain[ $_ - 1 ]{end_lsn} }
	  1 .. $#chain), 0, 'defended: each position names the one before it');
is($fw->stop, 0, 'defended: stops');
unlike($fw->log_text, qr/^\S+ error /m, 'defended: no error line');

$fw = forwarder('open', WALFERRY_SEEDED_BUG => 'no_epoch_renewal');
($error, $seen) = late_end($fw, 0);
is($error, NONE, 'open: the broker takes it');
cmp_ok($seen, '>', 0, 'open: readers see part of a transaction');
cmp_ok($seen, '<', $rows, 'open: and not the rest');
$fw->kill9;
$fw->set_env(WALFERRY_SEEDED_BUG => undef);
let_go_on();
$fw->started($pg);
Walferry::wait_confirmed($pg, $fw->slot);
my $count = ids($fw, committed => 1);
is(scalar keys %$count, $rows + 2, 'open: after a crash all is there');
is((scalar grep { $_ > 1 } values %$count), $seen,
	'open: and what was seen too early is there twice');
is($fw->stop, 0, 'open: stops');

# The broker commits, and nobody hears of it.
$fw = forwarder('unheard');
my $at = $fw->log_size;
$proxy->command("drop-response kafka $end_txn 1");
$pg->safe_psql('postgres', 'INSERT INTO unheard VALUES (0)');
Walferry::wait_confirmed($pg, $fw->slot);
$fw->wait_for_log(qr/so a new producer epoch is taken/, $at);
is($proxy->stats('kafka')->{dropped}, 1, 'unheard: an answer was lost');
$pg->safe_psql('postgres', 'INSERT INTO unheard VALUES (1)');
Walferry::wait_confirmed($pg, $fw->slot);
each_once($fw, 3, 'unheard');
is(Walferry::Position::last($kafka, $fw)->{transactions}, 3,
	'unheard: each transaction counted once');
is($fw->stop, 0, 'unheard: stops');
unlike($fw->log_text, qr/^\S+ error /m, 'unheard: no error line');
done_testing();
