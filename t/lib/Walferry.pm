package Walferry;

=pod

=head1 NAME

Walferry - what every end-to-end test needs

=head1 SYNOPSIS

  use Walferry;                       # strict, warnings, Test::More as well
  use Walferry::Kafka;
  use Walferry::Forwarder;

  my $pg    = Walferry::postgres('main');
  my $kafka = Walferry::Kafka->shared;
  my $fw    = Walferry::Forwarder->new(pg => $pg, kafka => $kafka,
      config => { 'table.include.list' => 'public.t' });

  $pg->safe_psql('postgres', 'CREATE TABLE t (id int primary key)');
  $fw->start;
  $pg->safe_psql('postgres', 'INSERT INTO t VALUES (1)');
  my @events = $kafka->wait_for_events($fw->topic('public.t'), 1);
  is($events[0]{value}{op}, 'c', 'insert');
  is($fw->stop, 0, 'stops cleanly');
  done_testing();

Run by "make test-tap", which prepares the environment: a private PostgreSQL
with the extension in PATH, WALFERRY_BIN, WALFERRY_HOME (a copy of what the
tests need of the checkout) and WALFERRY_TEST_BROKER (a broker that all files
share).  Everything waits by polling for a condition, with a timeout.

=cut

use strict;
use warnings;
use Carp;
use Exporter ();
use File::Basename;
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

our @ISA = ('Exporter');
our @EXPORT = qw(poll_until slurp_text);

# A test that is told to end does so through its END blocks, which stop what
# it started.
$SIG{INT} = $SIG{TERM} = $SIG{HUP} = sub { die "ended by a signal\n" };

sub import
{
	strict->import;
	warnings->import;
	Walferry->export_to_level(1, @_);
	# What nearly every file wants.
	my $caller = caller;
	eval "package $caller; use Test::More; use PostgreSQL::Test::Utils; 1"
	  or die $@;
}

=pod

=item timeout()

Seconds after which waiting is given up: PG_TEST_TIMEOUT_DEFAULT, or 180.

=cut

sub timeout
{
	return $PostgreSQL::Test::Utils::timeout_default || 180;
}

=pod

=item poll_until(what, sub [, seconds])

Call sub until it returns something true, and return that.  Dies, naming
'what', when the time is over.

=cut

sub poll_until
{
	my ($what, $condition, $seconds) = @_;
	my $deadline = time() + ($seconds // timeout());
	my $pause = 10_000;

	while (1)
	{
		my $result = $condition->();
		return $result if $result;
		croak "timed out waiting for $what" if time() > $deadline;
		usleep($pause);
		$pause *= 1.5 if $pause < 200_000;
	}
}

=pod

=item slurp_text(path)

A file's content, '' if there is no such file.

=cut

sub slurp_text
{
	my ($path) = @_;
	open my $fh, '<', $path or return '';
	local $/;
	return scalar <$fh> // '';
}

=pod

=item home(path)

A path below the copy of the checkout that tests may read.

=cut

sub home
{
	my ($path) = @_;
	my $home = $ENV{WALFERRY_HOME}
	  or croak 'WALFERRY_HOME is not set: run make test-tap';
	return "$home/$path";
}

=pod

=item postgres(name [, key => value ...])

A started PostgreSQL::Test::Cluster with wal_level = logical, allowed to load
our output plugin, with the extension in the database postgres.

  conf        lines for postgresql.conf
  allow       0: output_plugin_libraries stays as the server has it
  extension   0: no CREATE EXTENSION
  tls         directory made by certs(): TLS is on and TCP connections
              from localhost must use it, with scram-sha-256
  start       0: initialised only

=cut

sub postgres
{
	my ($name, %opt) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name,
		$opt{tls} ? (own_host => 0) : ());

	# Whatever the locale of who runs the tests: without one, initdb would make
	# databases of no encoding.
	$node->init(
		allows_streaming => 'logical',
		extra => [ '--locale=C', '--encoding=UTF8' ]);
	$node->append_conf('postgresql.conf',
		slurp_text(home('test/logical.conf')));
	# Killing a backend is a test here, not an accident.
	$node->append_conf('postgresql.conf', <<EOF);
restart_after_crash = on
log_statement = none
EOF
	if (($opt{allow} // 1) && knows_setting($node, 'output_plugin_libraries'))
	{
		$node->append_conf('postgresql.conf',
			"output_plugin_libraries = 'pgoutput, test_decoding, walferry'");
	}
	if ($opt{tls})
	{
		# The keys must be the server's own and closed to others.
		my $data = $node->data_dir;
		for my $file (qw(server.key server.crt ca.crt))
		{
			system('install', '-m', '600', "$opt{tls}/$file", "$data/$file")
			  == 0
			  or croak "cannot install $file";
		}
		$node->append_conf('postgresql.conf', <<EOF);
listen_addresses = '127.0.0.1'
password_encryption = scram-sha-256
ssl = on
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
ssl_ca_file = 'ca.crt'
EOF
		open my $hba, '>', "$data/pg_hba.conf" or croak $!;
		print $hba "local all all trust\n",
		  "local replication all trust\n",
		  "hostssl all all 127.0.0.1/32 scram-sha-256\n";
		close $hba;
	}
	$node->append_conf('postgresql.conf', $opt{conf}) if defined $opt{conf};
	return $node unless $opt{start} // 1;

	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION walferry')
	  if $opt{extension} // 1;
	return $node;
}

=pod

=item knows_setting(node, name)

Does this server have a setting of that name?  Looked up, never derived from
the version: minor releases bring settings.

=cut

sub knows_setting
{
	my ($node, $name) = @_;
	my $ok = PostgreSQL::Test::Utils::run_log(
		[ 'postgres', '-C', $name, '-D', $node->data_dir ],
		'>', \my $stdout, '2>', \my $stderr);
	return $ok;
}

=pod

=item superuser()

The role that initdb made: the name of the user that runs the test.

=cut

sub superuser
{
	return scalar getpwuid($<);
}

=pod

=item certs()

A directory with a new certificate authority: see test/certs.sh.

=cut

sub certs
{
	my $dir = PostgreSQL::Test::Utils::tempdir('certs');
	system(home('test/certs.sh'), $dir) == 0 or croak 'certs.sh failed';
	return $dir;
}

=pod

=item closed_port()

A port of 127.0.0.1 at which nobody listened a moment ago.

=cut

sub closed_port
{
	for (1 .. 100)
	{
		my $s = IO::Socket::INET->new(
			Listen => 1,
			LocalAddr => '127.0.0.1',
			LocalPort => 16384 + int rand 16000);
		return $s->sockport if $s;
	}
	croak 'no free port';
}

=pod

=item wait_confirmed(node, slot [, lsn])

Wait until the slot's confirmed position has reached lsn, by default the
server's insert position of this moment.

=cut

sub wait_confirmed
{
	my ($node, $slot, $lsn) = @_;
	$lsn //= $node->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');
	poll_until(
		"slot $slot to confirm $lsn",
		sub {
			return $node->safe_psql('postgres',
				    "SELECT confirmed_flush_lsn >= '$lsn' "
				  . "FROM pg_replication_slots WHERE slot_name = '$slot'") eq
			  't';
		});
	return $lsn;
}

=pod

=item walsender_pid(node)

Wait for exactly one walsender and return its process id.

=cut

sub walsender_pid
{
	my ($node) = @_;
	return poll_until(
		'a walsender',
		sub {
			my $pid = $node->safe_psql('postgres',
				    'SELECT pid FROM pg_stat_replication '
				  . "WHERE state = 'streaming'");
			return $pid =~ /^\d+$/ ? $pid : undef;
		});
}

1;
