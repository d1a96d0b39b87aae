# A stream that is of another version, damaged, cut or incomplete: the
# forwarder stops or starts again, and confirms nothing that it has not wholly
# understood and delivered.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use Walferry::Proxy;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->shared;
my $at = Walferry::Proxy::HEADER;
$pg->safe_psql('postgres', 'CREATE TABLE t (id int PRIMARY KEY, s text)');

my $next_id = 0;

sub insert
{
	my ($n) = @_;
	my $from = $next_id + 1;
	$next_id += $n;
	$pg->safe_psql('postgres',
		"INSERT INTO t SELECT i, repeat('value', 100) "
		  . "FROM generate_series($from, $next_id) i");
	return lsn_number(
		$pg->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()'));
}

# A forwarder with a slot that stands before one small transaction.
sub forwarder
{
	my ($name, $change, %config) = @_;
	my $proxy = Walferry::Proxy->new(pg => $pg, change => $change);
	$pg->safe_psql('postgres',
		"SELECT pg_create_logical_replication_slot('t018_$name', 'walferry')");
	my $first_id = $next_id + 1;
	insert(3);
	my $fw = Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => "t018_$name",
		config => {
			$proxy->config,
			'retriable.restart.connector.wait.ms' => 50,
			'walferry.retry.backoff.max.ms' => 200,
			'walferry.position.interval.ms' => 200,
			%config
		});
	$fw->{first_id} = $first_id;
	return $fw;
}

# It ends so, without confirming anything; and without the man in the middle
# everything arrives.
sub ends
{
	my ($fw, $code, $re, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $before = confirmed_lsn($pg, $fw->slot);
	my ($got, $log) = $fw->run_to_end(30);
	is($got, $code, "$name: exit code $code") or diag($log);
	like($log, qr/ error forward: [^\n]*$re/, "$name: says what is wrong");
	is(complaints($log), 1, "$name: one line");
	is(confirmed_lsn($pg, $fw->slot), $before, "$name: nothing is confirmed");
	arrives($fw, $name);
}

sub arrives
{
	my ($fw, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$fw->set(
		'database.hostname' => $pg->host,
		'database.port' => $pg->port);
	$fw->start;
	Walferry::wait_confirmed($pg, $fw->slot);
	my %ids =
	  map { $_->[2] => 1 } quick_records($kafka, $fw->topic('public.t'));
	my @missing = grep { !$ids{"{\"id\":$_}"} } $fw->{first_id} .. $next_id;
	is(scalar @missing, 0, "$name: then all arrives");
	is($fw->stop, 0, "$name: then stops cleanly");
	$pg->safe_psql('postgres',
		"SELECT pg_drop_replication_slot('" . $fw->slot . "')");
}

# Does nothing but count: the proxy itself is harmless.
my $through = forwarder('through', sub { return 1; });
$through->started($pg);
Walferry::wait_confirmed($pg, $through->slot);
is($through->stop, 0, 'through the proxy: stops');
arrives($through, 'through the proxy');

# Versions.
ends(
	forwarder(
		'newer',
		sub {
			my ($type, $body, $n) = @_;
			$$body =~ s/(WFRY)\x01\x00/$1\x02\x00/ if $n == 1;
			return 1;
		}),
	3,
	qr/version.*2.*1.*same version/,
	'extension newer than the forwarder');

# In the place of the stream, an error with these fields.
sub start_refused
{
	my @fields = @_;
	return sub {
		my ($type, $body) = @_;
		return 0 if $type eq 'd';
		return 1 if $type ne 'W';
		my $error = join "\0", 'SERROR', 'VERROR', @fields, "\0";
		return \(pack('aN', 'E', 4 + length $error)
			  . $error
			  . pack('aNa', 'Z', 5, 'I'));
	};
}

# An extension that no longer writes version 1 refuses to start, in words of
# its own.
ends(
	forwarder(
		'older',
		start_refused(
			'C0A000',
			'Mprotocol version 1 is no longer supported, '
			  . 'this library writes version 2')),
	3,
	qr/protocol version 1 is no longer supported.*same version/,
	'forwarder older than the extension');

# An extension that does not know an option which the forwarder sends of itself.
ends(
	forwarder(
		'no_option',
		start_refused(
			'C42P02',
			'Munrecognized walferry option "operations"',
			'HSELECT * FROM walferry_options() lists the options.')),
	3,
	qr/unrecognized walferry option \\"operations\\".*older or newer than this forwarder: install the same version of both/,
	'extension older than the forwarder');

# One byte wrong in a message, here the number of changes that the commit says.
ends(
	forwarder(
		'count',
		sub {
			my ($type, $body, $n) = @_;
			# C, varint changes, varint bytes, to the end of the frame.
			$$body =~ s/C\x03([\x80-\xff]*[\x00-\x7f])\z/C\x04$1/s
			  if $type eq 'd' && $n > 0;
			return 1;
		}),
	5,
	qr/commit/,
	'wrong count in a commit');

# The end of a frame is missing.
ends(
	forwarder(
		'short',
		sub {
			my ($type, $body, $n) = @_;
			substr($$body, -20) = ''
			  if $type eq 'd' && $n > 0 && $$body =~ /^w.*value/s;
			return 1;
		}),
	5,
	qr/byte \d+|offset \d+/,
	'a frame cut short');

# A frame that never was.
ends(
	forwarder(
		'tag',
		sub {
			my ($type, $body, $n) = @_;
			substr($$body, $at, 1) = 'X'
			  if $type eq 'd' && $n > 0 && $$body =~ /^w.*value/s;
			return 1;
		}),
	5,
	qr/frame/,
	'an unknown frame');

# A frame is lost in the middle of a large transaction.
my $large = forwarder(
	'lost',
	sub {
		my ($type, $body, $n) = @_;
		return 0 if $type eq 'd' && $n == 10 && $$body =~ /^w/;
		return 1;
	});
insert(3000);
ends($large, 5, qr/commit|count|offset|byte/, 'a lost frame');

# The same frame twice.
$large = forwarder(
	'twice',
	sub {
		my ($type, $body, $n) = @_;
		return 1 if $type ne 'd' || $n != 10 || $$body !~ /^w/;
		my $message = pack('aN', 'd', 4 + length $$body) . $$body;
		return \($message x 2);
	});
insert(3000);
ends($large, 5, qr/commit|count|offset|byte/, 'a frame that comes twice');

# The connection is cut in the middle of a transaction, at several places: what
# was half handed over comes again, complete.
my $dir = PostgreSQL::Test::Utils::tempdir('cut');
my $cut = forwarder(
	'cut',
	sub {
		my ($type, $body, $n) = @_;
		return 1 unless $type eq 'd' && $$body =~ /^w/;
		my $cuts = -s "$dir/cuts" // 0;
		if ($cuts < 5 && $n == 10 + 7 * $cuts)
		{
			open my $fh, '>>', "$dir/cuts" or return 1;
			print $fh 'x';
			close $fh;
			return 'cut';
		}
		return 1;
	});
insert(3000);
my $end = insert(1);
$cut->start;
Walferry::wait_confirmed($pg, $cut->slot);
is(-s "$dir/cuts", 5, 'cut: five times');
my ($kept, $repeats) =
  without_repeats(quick_records($kafka, $cut->topic('public.t')));
is(scalar @$kept, 3004, 'cut: all is there');
cmp_ok($repeats, '>', 0, 'cut: some of it twice');
is($cut->stop, 0, 'cut: stops');
unlike($cut->log_text, qr/^\S+ error /m, 'cut: no error');
done_testing();
