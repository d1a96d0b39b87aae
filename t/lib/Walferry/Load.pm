package Walferry::Load;

=pod

=head1 NAME

Walferry::Load - a workload, and whether its topic holds all of it

=head1 METHODS

=over

=cut

use strict;
use warnings;
use Carp;
use POSIX ':sys_wait_h';
use PostgreSQL::Test::Utils ();
use Test::More ();
use Walferry;
use Walferry::Check;

my %running;				# pid => object

=pod

=item Walferry::Load->new(pg => node [, committed => 1] [, interleaved => 1])

Makes the tables load (id, version, payload; key id) and load_log (n; key n).
With 'committed', is_complete() looks at what Kafka has committed; with
'interleaved', replays of several producers may be mixed, so that only positions
tell what repeats.

=item start(clients [, rate])

Starts pgbench with so many clients.  Each transaction inserts, updates and
deletes rows of load, sometimes changes a key, and enters itself in load_log;
some are rolled back in part or as a whole.  Without a rate, as fast as it
can.  pgbench ends when its connections do; again() starts it again then.

=item stop()

Ends it.

=item move(node)

Starts it at another server, which has taken over from the one before.

=cut

sub new
{
	my ($class, %opt) = @_;
	my $self = bless { pg => $opt{pg}, committed => $opt{committed},
		interleaved => $opt{interleaved},
		dir => PostgreSQL::Test::Utils::tempdir('load') }, $class;

	$self->{pg}->safe_psql('postgres', q{
		CREATE TABLE load (id int PRIMARY KEY, version int, payload text);
		CREATE TABLE load_log (n bigint PRIMARY KEY);
		CREATE SEQUENCE load_n});
	my $script = q{
\set a random(1, 2000)
\set b random(1, 2000)
\set size random(1, 600)
\set what random(1, 10)
BEGIN;
INSERT INTO load_log VALUES (nextval('load_n'));
INSERT INTO load VALUES (:a, 1, repeat('x', :size)) ON CONFLICT (id) DO UPDATE SET version = load.version + 1, payload = repeat('y', :size);
UPDATE load SET version = version + 1 WHERE id BETWEEN :b AND :b + 5;
SAVEPOINT s;
DELETE FROM load WHERE id = :b;
\if :what = 1
ROLLBACK TO s;
\elif :what = 2
UPDATE load SET id = (SELECT max(id) FROM load) + 1 WHERE id = :a;
\endif
\if :what = 3
ROLLBACK;
\else
COMMIT;
\endif
};
	open my $fh, '>', "$self->{dir}/script.sql" or croak $!;
	print $fh $script;
	close $fh;
	return $self;
}

sub start
{
	my ($self, $clients, $rate) = @_;
	my $pg = $self->{pg};
	croak 'the load runs already' if $self->{pid};
	$self->{arguments} = [ $clients, $rate ];
	my @cmd = (
		'pgbench', '-n', '-h', $pg->host, '-p', $pg->port, '-c', $clients,
		'-T', 3600, '-f', "$self->{dir}/script.sql",
		$rate ? ('-R', $rate) : (), 'postgres');
	my $pid = fork() // croak "fork: $!";
	if ($pid == 0)
	{
		$SIG{INT} = $SIG{TERM} = 'DEFAULT';
		if (open(STDIN, '<', '/dev/null')
			&& open(STDOUT, '>>', "$self->{dir}/log")
			&& open(STDERR, '>&', \*STDOUT))
		{
			exec { $cmd[0] } @cmd;
		}
		POSIX::_exit(127);
	}
	$self->{pid} = $pid;
	$running{$pid} = 1;
	return $self;
}

sub again
{
	my ($self) = @_;
	$self->stop;
	return $self->start(@{ $self->{arguments} });
}

sub _end
{
	my ($self) = @_;
	my $pid = delete $self->{pid} or return 0;
	kill 'TERM', $pid;
	waitpid $pid, 0;
	delete $running{$pid};
	return 1;
}

sub move
{
	my ($self, $node) = @_;
	$self->_end;
	$self->{pg} = $node;
	return $self->start(@{ $self->{arguments} });
}

sub stop
{
	my ($self) = @_;
	$self->_end or return;
	# What it had begun ends at the server before anybody counts.
	$self->{pg}->poll_query_until('postgres',
		q{SELECT count(*) = 0 FROM pg_stat_activity
		   WHERE application_name = 'pgbench'})
	  or croak 'sessions of pgbench do not end';
}

=pod

=item committed()

How many transactions have committed.

=item wait_committed(n)

Until n more have.

=cut

sub committed
{
	my ($self) = @_;
	return $self->{pg}
	  ->safe_psql('postgres', 'SELECT count(*) FROM load_log');
}

sub wait_committed
{
	my ($self, $n) = @_;
	my $until = $self->committed + $n;
	Walferry::poll_until("$n transactions of the load",
		sub { return $self->committed >= $until });
}

=pod

=item is_complete(kafka, forwarder [, name])

Waits until the slot has confirmed all, then tests: each committed transaction
is in the topic of load_log, no other is, the content of load is what its
topic builds up to, and repeats are replays.  Returns how many repeats there
were in both topics.

=cut

sub is_complete
{
	my ($self, $kafka, $fw, $name) = @_;
	my $pg = $self->{pg};
	my $total = 0;
	my %first;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$name //= 'complete';

	Walferry::wait_confirmed($pg, $fw->slot);
	for my $table (qw(load load_log))
	{
		my ($records, $repeats) = eval {
			my @all = quick_records($kafka, $fw->topic("public.$table"),
				committed => $self->{committed});
			$self->{interleaved} ? by_position(@all) : without_repeats(@all);
		};
		Test::More::ok(defined $records,
			"$name: records of $table in order, repeats are replays")
		  or Test::More::diag($@);
		return unless defined $records;
		$first{$table} = $records;
		$total += $repeats;
	}

	my %seen;
	for my $r (@{ $first{load_log} })
	{
		my ($n) = $r->[2] =~ /^\{"n":(\d+)\}$/ or croak "strange key $r->[2]";
		$seen{$n}++;
	}
	my @want =
	  split /\n/, $pg->safe_psql('postgres', 'SELECT n FROM load_log');
	my %want = map { $_ => 1 } @want;
	my @missing = grep { !$seen{$_} } @want;
	my @more = grep { !$want{$_} || $seen{$_} > 1 } keys %seen;
	Test::More::is(scalar @missing, 0,
		"$name: of " . @want . ' transactions none is missing')
	  or Test::More::diag("missing: @missing[0 .. ($#missing < 9 ? $#missing : 9)]");
	Test::More::is(scalar @more, 0, "$name: none that was rolled back");

	my $source = {};
	for my $line (
		split /\n/,
		$pg->safe_psql(
			'postgres',
			q{SELECT id, format('{"id":%s,"version":%s,"payload":"%s"}',
			  id, version, payload) FROM load}))
	{
		my ($id, $row) = split /\|/, $line, 2;
		$source->{$id} = $row;
	}
	my $rebuilt = rebuild_rows(
		sort { $a->[3] cmp $b->[3] } @{ $first{load} });
	my @differ = grep { ($source->{$_} // '') ne ($rebuilt->{$_} // '') }
	  keys %{ { %$source, %$rebuilt } };
	Test::More::is(scalar @differ, 0,
		"$name: " . keys(%$source) . ' rows equal what the topic builds up to')
	  or Test::More::diag("id $differ[0]: "
		  . ($source->{ $differ[0] } // 'none') . ' in the table, '
		  . ($rebuilt->{ $differ[0] } // 'none') . ' from the topic');
	return $total;
}

END
{
	local $?;
	for my $pid (keys %running)
	{
		kill 'KILL', $pid;
		waitpid $pid, 0;
	}
}

1;
