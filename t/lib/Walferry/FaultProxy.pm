package Walferry::FaultProxy;

=pod

=head1 NAME

Walferry::FaultProxy - the proxy of the fault harness

=head1 SYNOPSIS

  my $proxy = Walferry::FaultProxy->new(kafka => 'kafka', pg => 'postgres');
  my $kafka = Walferry::Kafka->new('--advertise',
      'PROXY=' . $proxy->port('kafka'));
  $proxy->target(kafka => $kafka->bootstrap('PROXY'));
  $proxy->command('hold kafka 26 1 take');
  $proxy->wait_for('kafka', 'an EndTxn to be held', sub { $_[0]{held} == 1 });

=head1 METHODS

=over

=cut

use strict;
use warnings;
use Carp;
use IO::Handle;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX ();
use PostgreSQL::Test::Utils ();
use Walferry;

my %running;

# Kafka's API keys that tests want to name.
use constant {
	PRODUCE => 0,
	INIT_PRODUCER_ID => 22,
	END_TXN => 26,
};

=pod

=item Walferry::FaultProxy->new(name => protocol ...)

Starts one, with a listener on a free port of 127.0.0.1 for each name.  The
protocol is '', 'kafka' or 'postgres'.  It ends with the test file.

=item port(name), address(name)

=item target(name => 'HOST:PORT')

Where its new connections go: nowhere, until this says it.

=cut

sub new
{
	my ($class, %listeners) = @_;
	my $program = $ENV{WALFERRY_PROXY_BIN}
	  // croak 'WALFERRY_PROXY_BIN is not set: run make test-tap';
	my $path = PostgreSQL::Test::Utils::tempdir_short() . '/proxy';
	my $nowhere = Walferry::closed_port();
	my @cmd = ($program, '--control', $path, '--stdin');

	for my $name (sort keys %listeners)
	{
		my $protocol = $listeners{$name};
		push @cmd,
		  "$name=0:127.0.0.1:$nowhere" . ($protocol ? ":$protocol" : '');
	}

	# It ends with its standard input, so that it cannot outlive the test.
	pipe(my $their_in, my $our_out) or croak "pipe: $!";
	pipe(my $our_in, my $their_out) or croak "pipe: $!";
	my $pid = fork() // croak "fork: $!";
	if ($pid == 0)
	{
		$SIG{INT} = $SIG{TERM} = $SIG{HUP} = $SIG{PIPE} = 'DEFAULT';
		close $our_out;
		if (open(STDIN, '<&', $their_in) && open(STDOUT, '>&', $their_out))
		{
			exec { $program } @cmd;
		}
		POSIX::_exit(127);
	}
	$running{$pid} = 1;
	close $their_in;
	close $their_out;

	my $self = bless { pid => $pid, stdin => $our_out, port => {} }, $class;
	while (1)
	{
		my $line = <$our_in> // croak 'the proxy does not start';
		last if $line eq "ready\n";
		my ($name, $port) = split ' ', $line;
		$self->{port}{$name} = $port;
	}
	$self->{control} = IO::Socket::UNIX->new(Peer => $path)
	  or croak "no proxy at $path: $!";
	return $self;
}

sub port { return $_[0]{port}{ $_[1] }; }

sub address
{
	my ($self, $name) = @_;
	return '127.0.0.1:' . $self->port($name);
}

sub target
{
	my ($self, $name, $address) = @_;
	$self->command("target $name $address");
}

=pod

=item command(line)

One command of those at the top of test/fault/proxy.c; what follows "ok" in the
answer.  The fault is in force when this returns.

=item stats(name)

=item wait_for(name, what, sub)

A listener's counts; until the sub, which is given them, returns true.

=cut

sub command
{
	my ($self, $line) = @_;
	my $control = $self->{control};

	print "# proxy: $line\n" unless $line =~ /^stats /;
	$control->print("$line\n");
	$control->flush;
	my $answer = $control->getline // croak "$line: the proxy has ended";
	chomp $answer;
	$answer =~ s/^ok ?// or croak "$line: $answer";
	return $answer;
}

sub stats
{
	my ($self, $name) = @_;
	return JSON::PP::decode_json($self->command("stats $name"));
}

sub wait_for
{
	my ($self, $name, $what, $condition) = @_;
	return Walferry::poll_until($what,
		sub { return $condition->($self->stats($name)) });
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
