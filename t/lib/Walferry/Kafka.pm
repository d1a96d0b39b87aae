package Walferry::Kafka;

=pod

=head1 NAME

Walferry::Kafka - a real Apache Kafka broker, through test/kafka/broker.sh

=head1 METHODS

=over

=cut

use strict;
use warnings;
use Carp;
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Utils ();
use Walferry;

my @own;					# brokers to stop at the end of the file

=pod

=item Walferry::Kafka->shared

The broker that all test files use (WALFERRY_TEST_BROKER), or where there is
none, one for this file.  It cannot be killed: take new() for that.  Files
share its topics: choose names (or a topic.prefix) of your own.

=item Walferry::Kafka->new(option ...)

A broker of your own, with options of broker.sh, for example '--acl'.  It ends
with the test file.

=item Walferry::Kafka->cluster(n, option ...)

So many brokers that know each other, three at least; any of them stands for
all, but for kill() and the like.

=cut

my $shared;

sub shared
{
	my ($class) = @_;
	return $shared //=
	  $ENV{WALFERRY_TEST_BROKER}
	  ? bless({ dir => $ENV{WALFERRY_TEST_BROKER}, shared => 1 }, $class)
	  : $class->new;
}

sub new
{
	my ($class, @options) = @_;
	my $self =
	  bless { dir => PostgreSQL::Test::Utils::tempdir('kafka') }, $class;
	push @own, $self;
	$self->_broker('start', @options);
	return $self;
}

sub cluster
{
	my ($class, $n, @options) = @_;
	my %port;
	for my $id (1 .. $n)
	{
		do { $port{$id} = Walferry::closed_port() }
		  while grep { $_ != $id && $port{$_} == $port{$id} } keys %port;
	}
	my $quorum = join ',', map { "$_\@127.0.0.1:$port{$_}" } 1 .. $n;
	my $name = join('', map { chr(ord('A') + int rand 26) } 1 .. 21) . 'A';
	my (@nodes, @starting);
	for my $id (1 .. $n)
	{
		my $self =
		  bless { dir => PostgreSQL::Test::Utils::tempdir("kafka$id") }, $class;
		push @own, $self;
		push @nodes, $self;
		# None of them answers before most are there.
		my $out = '';
		push @starting,
		  [
			\$out,
			IPC::Run::start(
				[
					Walferry::home('test/kafka/broker.sh'), 'start',
					$self->{dir}, '--node', $id, '--quorum', $quorum,
					'--cluster-id', $name, @options
				],
				'<', \'', '>&', \$out)
		  ];
	}
	for my $node (@starting)
	{
		my ($out, $process) = @$node;
		$process->finish or croak "broker.sh start failed: $$out";
	}
	return @nodes;
}

# Run broker.sh; returns what it printed, dies if it failed.
sub _broker
{
	my ($self, $command, @args) = @_;
	my @cmd =
	  (Walferry::home('test/kafka/broker.sh'), $command, $self->{dir}, @args);
	my ($stdout, $stderr);
	PostgreSQL::Test::Utils::run_log(\@cmd, '>', \$stdout, '2>', \$stderr)
	  or croak "broker.sh $command failed: $stdout$stderr";
	chomp $stdout;
	return $stdout;
}

sub _not_shared
{
	my ($self, $what) = @_;
	croak "$what of the shared broker: take Walferry::Kafka->new"
	  if $self->{shared};
}

=pod

=item dir, bootstrap([listener])

The broker's directory; HOST:PORT of a listener: plaintext, sasl or mtls.

=cut

sub dir { return $_[0]{dir}; }

sub bootstrap
{
	my ($self, $listener) = @_;
	$listener //= 'plaintext';
	return $self->{address}{$listener} //=
	  $self->_broker('address', $listener);
}

=pod

=item kill, stop, pause, resume, restart

SIGKILL; SIGTERM; SIGSTOP; SIGCONT; start again with the same address and data.
All wait until it is so.

=cut

sub kill
{
	my ($self) = @_;
	$self->_not_shared('kill');
	$self->_broker('kill');
}

sub stop
{
	my ($self) = @_;
	$self->_not_shared('stop');
	$self->_broker('stop');
}

sub pause
{
	my ($self) = @_;
	$self->_not_shared('pause');
	$self->_broker('pause');
}

sub resume
{
	my ($self) = @_;
	$self->_broker('resume');
}

sub restart
{
	my ($self) = @_;
	$self->_not_shared('restart');
	$self->_broker('restart');
}

=pod

=item create_topic(name [, partitions => n] [, config => { name => value }])

=item topics_tool(args), acls_tool(args), configs_tool(args)

Kafka's own tools, for example acls_tool('--add', '--allow-principal',
'User:walferry', '--operation', 'Write', '--topic', 't').

=cut

sub create_topic
{
	my ($self, $name, %opt) = @_;
	my $config = $opt{config} // {};
	$self->topics_tool('--create', '--topic', $name,
		'--partitions', $opt{partitions} // 1,
		map { ('--config', "$_=$config->{$_}") } sort keys %$config);
}

sub topics_tool { my ($self, @args) = @_; $self->_broker('topics', @args); }
sub acls_tool { my ($self, @args) = @_; $self->_broker('acls', @args); }
sub configs_tool { my ($self, @args) = @_; $self->_broker('configs', @args); }

=pod

=item topics()

Names of the topics there are, sorted, Kafka's own left out.  A hash reference
name => number of partitions in scalar context.

=cut

sub topics
{
	my ($self) = @_;
	my ($stdout, $stderr);
	PostgreSQL::Test::Utils::run_log(
		[ 'kcat', '-b', $self->bootstrap, '-L', '-J', '-m', '60' ],
		'>', \$stdout, '2>', \$stderr)
	  or croak "kcat -L failed: $stderr";
	my %found = map { $_->{topic} => scalar @{ $_->{partitions} } }
	  grep { $_->{topic} !~ /^__/ }
	  @{ JSON::PP->new->utf8->decode($stdout)->{topics} };
	return wantarray ? sort keys %found : \%found;
}

=pod

=item read_topic(topic [, committed => 1])

All records of a topic, as far as it reaches at this moment, sorted by
partition and offset; none if there is no such topic.  Each is a hash:

  topic, partition, offset, ts (ms)
  key, value          bytes as UTF-8 text decoded, or undef for null
  headers             [ [ name, value ], ... ]
  header              { name => value }, the last of each name

=cut

sub read_topic
{
	my ($self, $topic, %opt) = @_;
	my ($stdout, $stderr);
	my $isolation = $opt{committed} ? 'read_committed' : 'read_uncommitted';
	my $ok = PostgreSQL::Test::Utils::run_log(
		[
			'kcat', '-b', $self->bootstrap, '-C', '-q', '-e', '-J', '-m', '60',
			'-o', 'beginning', '-t', $topic,
			'-X', "isolation.level=$isolation",
			'-X', 'check.crcs=true', '-X', 'fetch.wait.max.ms=50'
		],
		'<', \'', '>', \$stdout, '2>', \$stderr);
	if (!$ok)
	{
		return () if $stderr =~ /[Uu]nknown topic/;
		croak "kcat cannot read $topic: $stderr";
	}
	my $json = JSON::PP->new->utf8;
	my @records;
	for my $line (split /\n/, $stdout)
	{
		my $r = $json->decode($line);
		my @pairs = @{ $r->{headers} // [] };
		my @headers;
		push @headers, [ splice @pairs, 0, 2 ] while @pairs;
		push @records,
		  {
			topic => $r->{topic},
			partition => $r->{partition},
			offset => $r->{offset},
			ts => $r->{ts},
			key => $r->{key},
			value => $r->{payload},
			headers => \@headers,
			header => { map { @$_ } @headers },
		  };
	}
	return sort {
		$a->{partition} <=> $b->{partition} || $a->{offset} <=> $b->{offset}
	} @records;
}

=pod

=item events(topic), wait_for_events(topic, n [, seconds])

The records with key and value decoded from JSON; text_key and text_value keep
the text.  Numbers that a double cannot hold stay exact (they are big-number
objects).  wait_for_events() waits until there are at least n.

=cut

sub events
{
	my ($self, $topic, %opt) = @_;
	my $json = JSON::PP->new->allow_nonref->allow_bignum;
	return map {
		my $r = $_;
		$r->{text_key} = $r->{key};
		$r->{text_value} = $r->{value};
		for my $part (qw(key value))
		{
			$r->{$part} = $json->decode($r->{$part}) if defined $r->{$part};
		}
		$r;
	} $self->read_topic($topic, %opt);
}

sub wait_for_events
{
	my ($self, $topic, $n, $seconds) = @_;
	my @events;
	my $got = 0;
	eval {
		Walferry::poll_until(
			"$n records in $topic",
			sub {
				@events = $self->events($topic);
				$got = @events;
				return $got >= $n;
			},
			$seconds);
	};
	croak "$@(there are $got)" if $@;
	return @events;
}

# Leave nothing behind, and do not let the exit codes of what runs here become
# the test's.
END
{
	local $?;
	for my $broker (@own)
	{
		eval { $broker->_broker('kill') };
	}
}

1;
