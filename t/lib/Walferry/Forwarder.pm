package Walferry::Forwarder;

=pod

=head1 NAME

Walferry::Forwarder - a forwarder as a child process

=head1 METHODS

=over

=cut

use strict;
use warnings;
use Carp;
use JSON::PP ();
use POSIX ':sys_wait_h';
use PostgreSQL::Test::Utils ();
use Walferry;

my $count = 0;
my %running;				# pid => object

=pod

=item Walferry::Forwarder->new(key => value ...)

Writes the configuration file; starts nothing.

  pg        PostgreSQL::Test::Cluster it reads from
  kafka     Walferry::Kafka it writes to
  name      names the files, the slot and the topics; by default the test
            file's name with a number
  config    { property => value }, over the defaults; undef removes one
  format    'properties' (default) or 'json', a Kafka Connect configuration
  args      [ ... ] more arguments for "walferry run"
  env       { NAME => value } of its environment
  fault     1: the test build, which obeys WALFERRY_FAILPOINT and
            WALFERRY_SEEDED_BUG of env

Defaults: database.* from pg, bootstrap.servers from kafka, slot.name,
topic.prefix, and a slot that is created when it is missing.

=cut

sub new
{
	my ($class, %opt) = @_;
	my $name = $opt{name};
	if (!defined $name)
	{
		($name = File::Basename::basename($0)) =~ s/\.[^.]*$//;
		$name =~ s/[^a-z0-9]+/_/g;
		$name = "t$name" . ($count++ ? "_$count" : '');
	}
	my $dir = PostgreSQL::Test::Utils::tempdir("forwarder_$name");
	my %config = (
		'name' => $name,
		'slot.name' => $name,
		'topic.prefix' => $name);

	if (my $pg = $opt{pg})
	{
		$config{'database.hostname'} = $pg->host;
		$config{'database.port'} = $pg->port;
		$config{'database.user'} = Walferry::superuser();
		$config{'database.dbname'} = 'postgres';
	}
	$config{'bootstrap.servers'} = $opt{kafka}->bootstrap if $opt{kafka};

	my $self = bless {
		name => $name,
		dir => $dir,
		log => "$PostgreSQL::Test::Utils::log_path/forwarder_$name.log",
		args => $opt{args} // [],
		env => { %{ $opt{env} // {} } },
		fault => $opt{fault},
		config => { %config, %{ $opt{config} // {} } },
		format => $opt{format} // 'properties',
		exit_code => undef,
		signal => undef,
		starts => 0,
	}, $class;
	unlink $self->{log};
	$self->write_config;
	return $self;
}

=pod

=item set(property => value ...)

Changes the configuration file; a running forwarder does not see it.

=item set_env(NAME => value ...)

Changes the environment of the next start; undef removes one.

=item config_file, log_file, name, slot, topic(table)

topic('public.t') is that table's topic with the configured prefix.

=cut

sub set
{
	my ($self, %more) = @_;
	$self->{config}{$_} = $more{$_} for keys %more;
	$self->write_config;
}

sub set_env
{
	my ($self, %more) = @_;
	for my $name (keys %more)
	{
		delete $self->{env}{$name};
		$self->{env}{$name} = $more{$name} if defined $more{$name};
	}
}

=pod

=item failpoint('name@occurrence=action;...')

For the next starts of a forwarder with 'fault'; undef: none.

=cut

sub failpoint
{
	my ($self, $what) = @_;
	croak 'this forwarder has no failpoints: give it fault => 1'
	  unless $self->{fault};
	delete $self->{env}{WALFERRY_FAILPOINT};
	$self->{env}{WALFERRY_FAILPOINT} = $what if defined $what;
}

sub write_config
{
	my ($self) = @_;
	my %config = map { $_ => $self->{config}{$_} }
	  grep { defined $self->{config}{$_} } keys %{ $self->{config} };
	my $text;

	if ($self->{format} eq 'json')
	{
		$text = JSON::PP->new->canonical->pretty->encode(
			{
				name => $self->{name},
				# Kafka Connect has all values as strings.
				config => { map { $_ => "$config{$_}" } keys %config }
			});
	}
	else
	{
		for my $key (sort keys %config)
		{
			# The escapes of java.util.Properties.
			(my $value = $config{$key}) =~ s/\\/\\\\/g;
			$value =~ s/\n/\\n/g;
			$value =~ s/^ /\\ /;
			$text .= "$key=$value\n";
		}
	}
	open my $fh, '>', $self->config_file or croak $!;
	print $fh $text;
	close $fh or croak $!;
}

sub config_file
{
	my ($self) = @_;
	return "$self->{dir}/walferry."
	  . ($self->{format} eq 'json' ? 'json' : 'properties');
}

sub log_file { return $_[0]{log}; }
sub name { return $_[0]{name}; }
sub slot { return $_[0]{config}{'slot.name'}; }

sub topic
{
	my ($self, $table) = @_;
	return "$self->{config}{'topic.prefix'}.$table";
}

sub _binary
{
	my ($fault) = @_;
	my $name = $fault ? 'WALFERRY_FAULT_BIN' : 'WALFERRY_BIN';
	return $ENV{$name} // croak "$name is not set: run make test-tap";
}

# WALFERRY_X_Y is the forwarder's property x.y: it would refuse the variables of
# the tests.  What a test gives it stays.
sub _environment
{
	my ($more) = @_;
	my %kept = map { $_ => $ENV{$_} } grep { !/^WALFERRY_/ } keys %ENV;
	return (%kept, %{ $more // {} });
}

=pod

=item start

Starts "walferry run --config FILE" in the background.  Its output is appended
to the log.  Does not wait for anything.

=item started

start, then wait until the slot streams.

=cut

sub start
{
	my ($self, @args) = @_;
	croak 'the forwarder runs already' if $self->running;
	my $binary = _binary($self->{fault});
	my @cmd = ($binary, 'run', '--config', $self->config_file,
		@{ $self->{args} }, @args);

	print "# starting @cmd, log $self->{log}\n";
	$self->{exit_code} = $self->{signal} = undef;
	$self->{start_offset} = -s $self->{log} // 0;
	my $pid = fork() // croak "fork: $!";
	if ($pid == 0)
	{
		# Not POSIX::_exit() only in the good case: the parent's END blocks
		# must not run here.
		$SIG{INT} = $SIG{TERM} = $SIG{HUP} = $SIG{PIPE} = 'DEFAULT';
		%ENV = _environment($self->{env});
		if (open(STDIN, '<', '/dev/null')
			&& open(STDERR, '>>', $self->{log})
			&& open(STDOUT, '>&', \*STDERR))
		{
			exec { $binary } @cmd;
		}
		POSIX::_exit(127);
	}
	$self->{pid} = $pid;
	$self->{starts}++;
	$running{$pid} = $self;
	return $self;
}

sub started
{
	my ($self, $pg) = @_;
	$self->start;
	Walferry::poll_until(
		"$self->{name} to stream",
		sub {
			$self->_die_if_ended('streamed');
			return $pg->safe_psql('postgres',
				    'SELECT count(*) FROM pg_replication_slots s '
				  . 'JOIN pg_stat_replication r ON r.pid = s.active_pid '
				  . "WHERE slot_name = '" . $self->slot
				  . "' AND state = 'streaming'") eq '1';
		});
	return $self;
}

=pod

=item pid, running, exit_code, signal

exit_code is undef while it runs and if a signal ended it; then signal is set.

=cut

sub pid { return $_[0]{pid}; }
sub exit_code { return $_[0]{exit_code}; }
sub signal { return $_[0]{signal}; }

sub running
{
	my ($self) = @_;
	return 0 unless $self->{pid};
	my $got = waitpid($self->{pid}, WNOHANG);
	return 1 if $got == 0;
	$self->_ended($?) if $got == $self->{pid};
	return 0;
}

sub _ended
{
	my ($self, $status) = @_;
	delete $running{ $self->{pid} };
	$self->{pid} = undef;
	if (my $signal = $status & 127)
	{
		$self->{signal} = $signal;
	}
	else
	{
		$self->{exit_code} = $status >> 8;
	}
}

sub _die_if_ended
{
	my ($self, $before) = @_;
	return if $self->running;
	my $how =
	  defined $self->{exit_code}
	  ? "exit code $self->{exit_code}"
	  : 'signal ' . ($self->{signal} // 'unknown');
	croak "the forwarder ended ($how) before it $before:\n"
	  . $self->log_since_start;
}

=pod

=item wait_exit([seconds])

Waits for the end; returns the exit code, or the negative signal number.

=item stop([seconds]), kill9, signal_with(name)

SIGTERM and wait_exit; SIGKILL and wait; send a signal, wait for nothing.

=cut

sub wait_exit
{
	my ($self, $seconds) = @_;
	Walferry::poll_until("$self->{name} to end",
		sub { return !$self->running }, $seconds);
	return $self->{exit_code} // -($self->{signal} // 0);
}

sub signal_with
{
	my ($self, $name) = @_;
	croak 'the forwarder does not run' unless $self->running;
	kill $name, $self->{pid};
}

sub stop
{
	my ($self, $seconds) = @_;
	$self->signal_with('TERM');
	return $self->wait_exit($seconds);
}

sub kill9
{
	my ($self) = @_;
	$self->signal_with('KILL');
	$self->wait_exit;
}

=pod

=item log_text, log_since_start, log_size

The whole log; the part of the last start; where it ends now, for
wait_for_log().

=item wait_for_log(qr/.../ [, offset [, seconds]])

Waits until the log, from offset on (by default from the last start), matches.
Returns what the first group of the expression caught, or 1.  Dies at once if
the forwarder ends without having said it.

=cut

sub log_text { return Walferry::slurp_text($_[0]{log}); }
sub log_size { return -s $_[0]{log} // 0; }

sub log_since_start
{
	my ($self) = @_;
	return substr($self->log_text, $self->{start_offset} // 0);
}

sub wait_for_log
{
	my ($self, $re, $offset, $seconds) = @_;
	$offset //= $self->{start_offset} // 0;
	my $caught;
	Walferry::poll_until(
		"$re in $self->{log}",
		sub {
			# In this order: the last words may come just before the end.
			my $alive = $self->running;
			my $text = substr($self->log_text, $offset);
			if ($text =~ $re)
			{
				$caught = $1 // 1;
				return 1;
			}
			$self->_die_if_ended("said $re") unless $alive;
			return 0;
		},
		$seconds);
	return $caught;
}

=pod

=item run_to_end(seconds, args ...)

Starts it, waits until it ends by itself, returns (exit code, log).

=item Walferry::Forwarder::command([arg ...] [, env => {...}])

Any walferry command to its end: (exit code, stdout, stderr).

=cut

sub run_to_end
{
	my ($self, $seconds, @args) = @_;
	$self->start(@args);
	my $code = $self->wait_exit($seconds);
	return ($code, $self->log_since_start);
}

sub command
{
	my ($args, %opt) = @_;
	my ($stdout, $stderr) = ('', '');
	my $binary = _binary();
	local %ENV = _environment($opt{env});
	my $timer = IPC::Run::timeout($opt{seconds} // Walferry::timeout());
	IPC::Run::run([ $binary, @$args ],
		'<', \'', '>', \$stdout, '2>', \$stderr, $timer);
	my $code = $? & 127 ? -($? & 127) : $? >> 8;
	return ($code, $stdout, $stderr);
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
