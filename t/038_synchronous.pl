# The forwarder's name in synchronous_standby_names, which docs/operations.md
# advises against, and which happens.  A commit then waits for Kafka, one of
# which nothing is sent returns all the same, and with Kafka away a fast
# shutdown ends after walferry.shutdown.grace.ms.  Nothing is lost.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use IPC::Run ();
use Time::HiRes qw(time);

my $grace = 2;					# seconds
my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->new;

$pg->safe_psql('postgres', q{
	CREATE TABLE t (id int PRIMARY KEY);
	CREATE TABLE other (id int PRIMARY KEY)});
my $fw = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,

	# The tests' own name would be taken from the environment.
	env => { PGAPPNAME => 'walferry' },
	config => {
		'table.include.list' => 'public\.t',
		'retriable.restart.connector.wait.ms' => 50,
		'walferry.retry.backoff.max.ms' => 500,
		'walferry.shutdown.grace.ms' => $grace * 1000,
	});
my $topic = $fw->topic('public.t');
my $session = 0;

# A session that may wait; ended() says whether it has come to its end.
sub session
{
	my ($sql) = @_;
	my $name = 'session' . ++$session;
	my $out = '';
	my $run = IPC::Run::start(
		[
			'psql', '-XAtq', '-d',
			$pg->connstr('postgres') . " application_name=$name",
			'-c', $sql
		],
		'<', \'', '>&', \$out);
	return { run => $run, name => $name, out => \$out };
}

sub ended
{
	my ($s) = @_;
	$s->{run}->pump_nb;
	return !$s->{run}->pumpable;
}

sub waits
{
	my ($s) = @_;
	return $pg->safe_psql('postgres',
		    'SELECT count(*) FROM pg_stat_activity '
		  . "WHERE application_name = '$s->{name}' AND wait_event = 'SyncRep'")
	  eq '1';
}

sub returns
{
	my ($sql, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $s = session($sql);
	poll_until("$name to return", sub { ended($s) }, 60);
	ok($s->{run}->finish, $name) or diag(${ $s->{out} });
}

$fw->started($pg);
$pg->append_conf('postgresql.conf', "synchronous_standby_names = 'walferry'");
$pg->reload;
poll_until(
	'the forwarder to count as a synchronous standby',
	sub {
		return $pg->safe_psql('postgres',
			'SELECT sync_state FROM pg_stat_replication') eq 'sync';
	});

returns('INSERT INTO t VALUES (1)', 'with Kafka: a commit returns');
is(scalar(my @there = quick_records($kafka, $topic)),
	1, 'with Kafka: once its row is there');
returns('INSERT INTO other VALUES (1)',
	'a transaction of which nothing is sent returns');
returns('CREATE TABLE third (id int)', 'so does DDL');
returns('BEGIN; INSERT INTO t VALUES (2); ROLLBACK', 'so does a rollback');

$kafka->pause;
my $waiting = session('INSERT INTO t VALUES (3)');
poll_until('the commit to wait', sub { waits($waiting) });

# Behind it: what is confirmed is a prefix.
my $behind = session('INSERT INTO other VALUES (2)');
poll_until('the next one to wait', sub { waits($behind) });
ok(!ended($waiting) && waits($waiting), 'Kafka away: commits wait');

my $at = $fw->log_size;
my $from = time();
ok($pg->stop('fast', fail_ok => 1), 'Kafka away: PostgreSQL stops');
my $took = time() - $from;
note("it took $took s");
cmp_ok($took, '<', $grace + 20, 'Kafka away: soon after the grace period');
$_->{run}->finish for $waiting, $behind;
like(
	${ $waiting->{out} },
	qr/canceling the wait for synchronous replication/,
	'Kafka away: who waited is told that it is committed here');

$pg->start;
$kafka->resume;
$fw->wait_for_log(qr/ streaming slot=/, $at);
returns('INSERT INTO t VALUES (4)', 'all is back: a commit returns');
my %ids = map { $_->{key}{id} => 1 } $kafka->events($topic);
is(join(' ', sort { $a <=> $b } keys %ids), '1 3 4', 'nothing is lost');
is($fw->stop, 0, 'stops');
unlike($fw->log_text, qr/^\S+ error /m, 'no error line');
$pg->append_conf('postgresql.conf', "synchronous_standby_names = ''");
$pg->reload;
done_testing();
