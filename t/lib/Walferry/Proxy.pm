package Walferry::Proxy;

=pod

=head1 NAME

Walferry::Proxy - a man in the middle between forwarder and PostgreSQL

=head1 METHODS

=over

=item Walferry::Proxy->new(pg => node, change => sub)

Listens at host() and port() and hands each connection on to the node.  'change'
is called, in a process of its own for each connection, for every message of
the server: with its type, a reference to its body, and the number of data
messages (XLogData) so far in this connection, itself included.  What it
does to the body is what arrives, with a length that is right again.
It returns true, or 0 to leave the message out, or 'cut' to close the
connection after it, or a reference to bytes that go out in its place.

=item port(), host()

=item config()

Properties that send a forwarder through it.

=cut

use strict;
use warnings;
use Carp;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Walferry;

my %running;

# Where a data message's contents begin in the body: 'w', three 8-byte fields.
use constant HEADER => 25;

sub new
{
	my ($class, %opt) = @_;
	my $listener = IO::Socket::INET->new(
		Listen => 5,
		LocalAddr => '127.0.0.1',
		ReuseAddr => 1) or croak "listen: $!";
	my $self = bless { port => $listener->sockport }, $class;
	my $pid = fork() // croak "fork: $!";

	if ($pid == 0)
	{
		$SIG{INT} = $SIG{TERM} = $SIG{HUP} = 'DEFAULT';
		$SIG{CHLD} = 'IGNORE';
		while (my $client = $listener->accept)
		{
			my $child = fork();
			next if !defined $child || $child;
			eval { _serve($client, $opt{pg}, $opt{change}) };
			print STDERR "# proxy: $@" if $@;
			POSIX::_exit(0);
		}
		POSIX::_exit(0);
	}
	$running{$pid} = 1;
	return $self;
}

sub host { return '127.0.0.1'; }
sub port { return $_[0]{port}; }

sub config
{
	my ($self) = @_;
	return (
		'database.hostname' => $self->host,
		'database.port' => $self->port,
		'database.sslmode' => 'disable');
}

sub _write
{
	my ($socket, $data) = @_;
	my $at = 0;
	while ($at < length $data)
	{
		my $n = syswrite $socket, $data, length($data) - $at, $at;
		POSIX::_exit(0) unless $n;
		$at += $n;
	}
}

sub _serve
{
	my ($client, $pg, $change) = @_;
	my $server = IO::Socket::UNIX->new(
		Peer => $pg->host . '/.s.PGSQL.' . $pg->port);
	my $select = IO::Select->new($client, $server // ());
	my $pending = '';
	my $count = 0;

	return unless $server;
	while (1)
	{
		for my $from ($select->can_read)
		{
			my $data;
			sysread($from, $data, 65536) or return;
			if ($from == $client)
			{
				_write($server, $data);
				next;
			}
			$pending .= $data;
			my $out = '';
			while (length $pending >= 5)
			{
				my ($type, $len) = unpack 'aN', $pending;
				last if length $pending < $len + 1;
				my $body = substr $pending, 5, $len - 4;
				substr($pending, 0, $len + 1) = '';
				$count++ if $type eq 'd' && $body =~ /^w/;
				my $what = $change->($type, \$body, $count);
				$out .=
				  ref $what ? $$what : pack('aN', $type, 4 + length $body) . $body
				  if $what;
				if ($what && $what eq 'cut')
				{
					_write($client, $out);
					return;
				}
			}
			_write($client, $out);
		}
	}
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
