# Rows that are larger than Kafka may be given: recognised without being held,
# then the end, or a placeholder, as walferry.too.large says; in both modes of
# delivery, and in memory of 64 MB and twice the largest event.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use Walferry::Position;
use MIME::Base64;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->shared;
$pg->safe_psql('postgres', q{
	CREATE TABLE big (id int PRIMARY KEY, n int, t text, j jsonb, tail text);
	ALTER TABLE big ALTER t SET STORAGE EXTERNAL;
	ALTER TABLE big REPLICA IDENTITY FULL});

# Sanitizers want memory of their own.
my $sanitized =
  slurp_text(Walferry::Forwarder::_binary()) =~ /__asan_init|__ubsan_handle/;

# The most memory it ever had, in MB; while it runs.
sub peak
{
	my ($fw) = @_;
	my $status = eval { slurp_text('/proc/' . $fw->pid . '/status') } // '';
	return $status =~ /^VmHWM:\s+(\d+) kB$/m ? $1 / 1024 : undef;
}

sub peak_within
{
	my ($fw, $largest, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $peak = peak($fw);
	my $limit = 64 + 2 * $largest / 1024 / 1024;
	note(sprintf '%s: VmHWM %.1f MB of %.1f', $name, $peak, $limit);
  SKIP:
	{
		skip 'built with sanitizers', 1 if $sanitized;
		cmp_ok($peak, '<', $limit, "$name: memory");
	}
}

sub forwarder
{
	my ($name, %config) = @_;
	return Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => "t027_$name",
		config => {
			'topic.creation.default.partitions' => 1,
			'topic.creation.default.replication.factor' => 1,
			%config
		});
}

my %eos = ('exactly.once' => 'true');

for my $mode ([ alo => () ], [ eos => %eos ])
{
	my ($name, @mode) = @$mode;

	# stop: nothing of the transaction is confirmed, and what was before is.
	$pg->safe_psql('postgres', 'TRUNCATE big');
	my $fw = forwarder("stop_$name", @mode)->started($pg);
	my $topic = $fw->topic('public.big');
	$pg->safe_psql('postgres',
		q{INSERT INTO big VALUES (1, 1, 'small', '1', 'x')});
	Walferry::wait_confirmed($pg, $fw->slot);
	my $before = scalar(my @r = quick_records($kafka, $topic));
	my $peak;
	my $end = lsn_number($pg->safe_psql('postgres', q{
		BEGIN;
		INSERT INTO big VALUES (2, 2, 'small', '2', 'x');
		INSERT INTO big VALUES (3, 3, repeat('x', 100000000), '3', 'last');
		INSERT INTO big VALUES (4, 4, 'small', '4', 'x');
		SELECT pg_current_wal_insert_lsn();
		COMMIT}));
	poll_until(
		'the end',
		sub {
			$peak = peak($fw) // $peak;
			return !$fw->running;
		});
	is($fw->wait_exit, 4, "stop, $name: exit code 4");
	like(
		$fw->log_since_start,
		qr/ error forward: [^\n]*topic \Q$topic\E: a row of 1000000\d\d bytes [^\n]*table public\.big, LSN [0-9A-F]+\/[0-9A-F]+[^\n]*max\.request\.size[^\n]*max\.message\.bytes[^\n]*walferry\.too\.large=placeholder/,
		"stop, $name: topic, size, table, LSN and what to change");
	is(complaints($fw->log_since_start), 1, "stop, $name: one line");
	cmp_ok(confirmed_lsn($pg, $fw->slot),
		'<=', $end, "stop, $name: the transaction is not confirmed");
	my @after = $kafka->read_topic($topic, committed => 1);
	@after = () if $name eq 'alo';
	is(scalar @after, $name eq 'eos' ? $before : 0,
		"stop, $name: nothing of it is committed");
	note(sprintf 'stop, %s: VmHWM %.1f MB', $name, $peak);
  SKIP:
	{
		skip 'built with sanitizers', 1 if $sanitized;
		cmp_ok($peak, '<', 64 + 2, "stop, $name: memory");
	}

	# placeholder: the same slot goes on, and each key has its event.
	$fw->set('walferry.too.large' => 'placeholder');
	$fw->started($pg);
	$pg->safe_psql('postgres', q{
		UPDATE big SET n = n + 10 WHERE id = 3;
		UPDATE big SET id = 5 WHERE id = 3;
		DELETE FROM big WHERE id = 5;
		SELECT pg_logical_emit_message(true, 'big', repeat('y', 30000000));
		INSERT INTO big VALUES (6, 6, 'small', '6', 'x')});
	Walferry::wait_confirmed($pg, $fw->slot);
	my @events = $kafka->events($topic, committed => 1);
	splice @events, 0, $before;
	my %seen;
	@events = grep { !$seen{ $_->{header}{'walferry.position'} }++ } @events;
	is_deeply(
		[ map { ($_->{value} ? $_->{value}{op} : '-') . $_->{text_key} } @events ],
		[
			map { s/(\d+)/{"id":$1}/r }
			  qw(c2 c3 c4 u3 d3 -3 c5 d5 -5 c6)
		],
		"placeholder, $name: each change with its key, in order, once");
	my %large = map { $_ => 1 } 1, 3, 4, 6, 7;
	for my $i (0 .. $#events)
	{
		my $e = $events[$i];
		my $says = $e->{header}{'walferry.too_large'};
		if (!$large{$i})
		{
			is($says, undef, "placeholder, $name: no. $i is as ever");
			next;
		}
		like($says, qr/^\{"bytes":1000000\d\d,"lsn":"[0-9A-F]+\/[0-9A-F]+"\}$/,
			"placeholder, $name: no. $i says so");
		my ($lsn) = $says =~ /"lsn":"([^"]+)"/;
		is(lsn_number($lsn), $e->{value}{source}{lsn},
			"placeholder, $name: no. $i points to the row in the WAL");
		for my $row (grep { defined } $e->{value}{before}, $e->{value}{after})
		{
			is($row->{t}, '__debezium_unavailable_value',
				"placeholder, $name: no. $i, the long value");
			is($row->{tail}, 'last',
				"placeholder, $name: no. $i, the short value behind it");
		}
	}
	is($events[3]{value}{after}{n}, 13, "placeholder, $name: what was changed");
	my @messages = $kafka->events($fw->topic('message'));
	my ($message) = grep { $_->{text_key} eq '{"prefix":"big"}' } @messages;
	is(decode_base64($message->{value}{message}{content}),
		'__debezium_unavailable_value', "placeholder, $name: of a message");
	like($message->{header}{'walferry.too_large'},
		qr/^\{"bytes":300000\d\d,/, "placeholder, $name: a message says so");
	peak_within($fw, 1048576, "placeholder, $name");
	is($fw->stop, 0, "placeholder, $name: stops");
	like($fw->log_since_start, qr/ warn publish: an event is larger than max\.request\.size[^\n]*topic=\Q$topic\E/,
		"placeholder, $name: a warning");

	# Within the limit, but near it: whole, and no more memory than promised.
	my $largest = 80000000;
	$pg->safe_psql('postgres', 'TRUNCATE big');
	$fw = forwarder(
		"whole_$name", @mode,
		'producer.override.max.request.size' => $largest,
		'topic.creation.default.max.message.bytes' => $largest)->started($pg);
	$pg->safe_psql('postgres', q{
		BEGIN;
		INSERT INTO big VALUES (1, 1, repeat('x', 60000000), '1', 'a');
		INSERT INTO big VALUES (2, 2, repeat('y', 60000000), '1', 'b');
		COMMIT;
		INSERT INTO big VALUES (3, 3, 'z',
			to_jsonb((SELECT string_agg(i::text, '"') FROM generate_series(1, 5000000) i)), 'c');
		});
	Walferry::wait_confirmed($pg, $fw->slot);
	peak_within($fw, $largest, "whole, $name");
	my @whole = quick_records($kafka, $fw->topic('public.big'));
	is_deeply([ map { $_->[2] } @whole ],
		[ map { "{\"id\":$_}" } 1 .. 3 ], "whole, $name: each once");
	cmp_ok(length $_->[4], '>', 50000000, "whole, $name: whole") for @whole;
	$pg->safe_psql('postgres', q{
		INSERT INTO big VALUES (4, 4, repeat(E'\x01', 60000000), '1', 'd')});
	poll_until(
		'the end',
		sub {
			$peak = peak($fw) // $peak;
			return !$fw->running;
		});
	note(sprintf 'whole, %s: VmHWM %.1f MB', $name, $peak);
  SKIP:
	{
		skip 'built with sanitizers', 1 if $sanitized;
		cmp_ok($peak, '<', 64 + 2 * $largest / 1024 / 1024,
			"whole, $name: memory, of what was too much as well");
	}
	is($fw->wait_exit, 4, "whole, $name: stops at what escapes beyond the limit");
	like($fw->log_since_start, qr/a record of 36000\d{4} bytes is larger/,
		"whole, $name: says how large it would be");
}
done_testing();
