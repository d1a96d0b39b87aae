# A source transaction that takes too long for one Kafka transaction is split.
# Killed in the middle, the forwarder goes on where it was: each row is there
# once.  With other options, which could make another stream, it does not.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use Walferry::Position;

my $n = 100_000;
my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->shared;
my $fw = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	fault => 1,
	config => {
		'exactly.once' => 'true',
		'retriable.restart.connector.wait.ms' => 50,
		'walferry.transaction.split.ms' => 50,
		'topic.creation.default.partitions' => 3,
		'topic.creation.default.replication.factor' => 1,
	});

$pg->safe_psql('postgres', 'CREATE TABLE big (id int PRIMARY KEY, t text)');

sub insert
{
	my ($from, $table) = @_;
	$table //= 'big';
	$pg->safe_psql('postgres', "INSERT INTO $table SELECT i, i "
		  . "FROM generate_series($from, $from + $n - 1) i");
}

sub ids_are_complete
{
	my ($want, $name, $table) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $topic = $fw->topic('public.' . ($table // 'big'));
	my %seen;
	$seen{ $_->[2] }++ for quick_records($kafka, $topic, committed => 1);
	is(scalar keys %seen, $want, "$name: each row is there");
	is(scalar(grep { $_ != 1 } values %seen), 0, "$name: once");
}

$fw->failpoint('partial_cut@3=kill');
$fw->started($pg);
insert(1);
is($fw->wait_exit, -9, 'killed in the middle of a transaction');
my $stored = Walferry::Position::last($kafka, $fw);
ok($stored->{partial}, 'what is stored says so');
my $published = $stored->{partial}{changes};
cmp_ok($published, '>', 0, "$published changes are published");
cmp_ok($published, '<', $n, 'and not all');
my $slot = confirmed_lsn($pg, $fw->slot);
cmp_ok($slot, '<=', lsn_number($stored->{end_lsn}),
	'the slot has none of it');

$fw->failpoint(undef);
$fw->started($pg);
is($fw->wait_for_log(
		qr/ info forward: going on within a transaction [^\n]*published_changes=(\d+)/),
	$published, 'it goes on behind them');
Walferry::wait_confirmed($pg, $fw->slot);
ids_are_complete($n, 'gone on');
is($fw->stop, 0, 'stops');

# With other columns the changes could not be told from those that are there.
$fw->failpoint('partial_cut@2=kill');
$fw->started($pg);
insert($n + 1);
is($fw->wait_exit, -9, 'killed in the middle of another one');
$fw->failpoint(undef);
$fw->set('column.exclude.list' => 'public.big.t');
my ($code, $log) = $fw->run_to_end(30);
is($code, 5, 'other options: exit code 5');
like($log,
	qr/ error forward: [^\n]*published in part, and the options [^\n]*set them as they were/,
	'other options: says what to do');
$fw->set('column.exclude.list' => undef);
$fw->started($pg);
Walferry::wait_confirmed($pg, $fw->slot);
ids_are_complete(2 * $n, 'with the old options');
is($fw->stop, 0, 'stops');

my @chain = Walferry::Position::all($kafka, $fw);
my $broken = grep { $chain[$_]{prev_end_lsn} ne $chain[ $_ - 1 ]{end_lsn} }
  1 .. $#chain;
is($broken, 0, 'each position names the one before it');
cmp_ok(scalar(grep { $_->{partial} } @chain), '>=', 3, 'many were partial');
my $records = 0;
$records += $_->{records} for @chain;
is($records, 2 * $n, 'together they count each record');

# What comes again is not what is published in part, or another extension has
# read it: so says a position that is put in the place of the right one.
$pg->safe_psql('postgres', 'CREATE TABLE more (id int PRIMARY KEY, t text)');
$fw->failpoint('partial_cut@2=kill');
$fw->started($pg);
insert(1, 'more');
is($fw->wait_exit, -9, 'killed in the middle of a third one');
$fw->failpoint(undef);
my ($hash, $plugin) =
  Walferry::Position::raw($kafka, $fw)->{value} =~
  /"hash":"([0-9a-f]{8})".*"plugin":"([^"]+)"/
  or die 'no partial position';

sub refused_with
{
	my ($from, $to, $re, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	Walferry::Position::alter($kafka, $fw, $from, $to);
	my ($got, $said) = $fw->run_to_end(60);
	is($got, 5, "$name: exit code 5");
	like(
		$said,
		qr/ error forward: [^\n]*comes again otherwise: $re[^\n]*compare the tables/,
		"$name: says what is wrong, and what to do");
	Walferry::Position::alter($kafka, $fw, $to, $from);
}
refused_with(qq("hash":"$hash"), '"hash":"0badcafe"',
	'its changes are others', 'other changes');
refused_with(qq("plugin":"$plugin"), '"plugin":"0.0.1"',
	'the plugin has another version now', 'another extension');
$fw->set('walferry.transaction.split.ms' => undef);
$fw->started($pg);
Walferry::wait_confirmed($pg, $fw->slot);
ids_are_complete($n, 'with the right position again', 'more');
is($fw->stop, 0, 'stops');
done_testing();
