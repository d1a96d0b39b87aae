package Walferry::Check;

=pod

=head1 NAME

Walferry::Check - what must be true of the records in a topic

=head1 FUNCTIONS

=over

=cut

use strict;
use warnings;
use Carp;
use Exporter 'import';
use Test::More ();
use PostgreSQL::Test::Utils ();
use Walferry;

our @EXPORT = qw(murmur2_partition lsn_number without_repeats by_position
  quick_records rebuild_rows confirmed_lsn fields_ok complaints tells_flaw_ok);

=pod

=item murmur2_partition(key, n)

The partition of n that the Java client's default partitioner gives a key.

=cut

sub murmur2_partition
{
	use integer;
	my ($key, $n) = @_;
	my $len = length $key;
	my $mask = 0xffffffff;
	my $mul = sub { return ($_[0] * 0x5bd1e995) & $mask; };
	my $h = (0x9747b28c ^ $len) & $mask;
	my $words = $len / 4;

	for my $k (unpack "V$words", $key)
	{
		$k = $mul->($k);
		$k ^= ($k >> 24) & 0xff;
		$h = $mul->($h) ^ $mul->($k);
	}
	my @tail = unpack 'C*', substr($key, $words * 4);
	if (@tail)
	{
		$h ^= $tail[$_] << (8 * $_) for 0 .. $#tail;
		$h = $mul->($h);
	}
	$h ^= ($h >> 13) & 0x7ffff;
	$h = $mul->($h);
	$h ^= ($h >> 15) & 0x1ffff;
	return ($h & 0x7fffffff) % $n;
}

=pod

=item lsn_number('16/B374D848')

=item confirmed_lsn(node, slot)

An LSN, and a slot's confirmed_flush_lsn, as a number.

=cut

sub lsn_number
{
	my ($text) = @_;
	my ($high, $low) = $text =~ m{^([0-9A-F]+)/([0-9A-F]+)$}
	  or croak "not an LSN: $text";
	return hex($high) * 2**32 + hex($low);
}

sub confirmed_lsn
{
	my ($node, $slot) = @_;
	return lsn_number(
		$node->safe_psql(
			'postgres',
			'SELECT confirmed_flush_lsn FROM pg_replication_slots '
			  . "WHERE slot_name = '$slot'"));
}

=pod

=item complaints(log)

How many lines of a log are warnings or errors, but for the one about a slot
that was created or is read for the first time, and those about the age of this
machine's librdkafka.

=cut

sub complaints
{
	my ($log) = @_;
	return scalar
	  grep { !/the slot did not exist and was created|no position is stored: going on|this librdkafka has a flaw/ }
	  $log =~ /^\S+ (?:warn|error) .*$/mg;
}

=pod

=item tells_flaw_ok(log, flaw, repaired_in, name)

One test: the log of one start has a warning, and one only, of what an old
librdkafka breaks, where the one in use is older than that; and has none, where
it is not.  The flaw is some of the warning's words.

=cut

my $librdkafka;

sub tells_flaw_ok
{
	my ($log, $flaw, $repaired_in, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @told = grep { /\Q$flaw\E/ }
	  $log =~ /^\S+ warn kafka: this librdkafka has a flaw: .*$/mg;
	my $as_number = sub { sprintf '%03d%03d%03d', split /\./, $_[0] };

	if (!$librdkafka)
	{
		my (undef, $out) = Walferry::Forwarder::command(['version']);
		($librdkafka) = $out =~ /librdkafka (\d+\.\d+\.\d+)/
		  or croak "no version in $out";
	}
	if ($as_number->($librdkafka) ge $as_number->($repaired_in))
	{
		return Test::More::is_deeply(\@told, [],
			"$name: not told by $librdkafka");
	}
	return Test::More::is_deeply(
		[ map { /repaired_in=(\S+)/ ? $1 : $_ } @told ],
		[$repaired_in], "$name: told by $librdkafka");
}

=pod

=item fields_ok(hash, { field => value }, name)

One test: the hash has these fields with these values; others do not count.

=cut

sub fields_ok
{
	my ($got, $want, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return Test::More::is_deeply(
		{
			map { $_ => exists $got->{$_} ? $got->{$_} : '(missing)' }
			  keys %$want
		},
		$want, $name);
}

=pod

=item quick_records(kafka, topic [, committed => 1])

All records of a topic, sorted by partition and offset, each as an array:
[partition, offset, key, position, value].  Undecoded, so that there may be
many; for keys and values without a tab or line break, as JSON has them.  A
tombstone's value is ''.  With 'committed', those that a reader with
read_committed sees, otherwise all.

=cut

sub quick_records
{
	my ($kafka, $topic, %opt) = @_;
	my ($stdout, $stderr);
	my @records;

	PostgreSQL::Test::Utils::run_log(
		[
			'kcat', '-b', $kafka->bootstrap, '-C', '-q', '-e', '-m', '60',
			'-o', 'beginning', '-t', $topic, '-X', 'check.crcs=true',
			'-X', 'fetch.wait.max.ms=50',
			'-X', 'isolation.level='
			  . ($opt{committed} ? 'read_committed' : 'read_uncommitted'),
			'-f', '%p\t%o\t%k\t%h\t%s\n'
		],
		'<', \'', '>', \$stdout, '2>', \$stderr)
	  or croak "kcat cannot read $topic: $stderr";
	while ($stdout =~ /\G(\d+)\t(\d+)\t([^\t\n]*)\t([^\t\n]*)\t([^\n]*)\n/gc)
	{
		my ($partition, $offset, $key, $headers, $value) =
		  ($1, $2, $3, $4, $5);
		my ($position) = $headers =~ /walferry\.position=([0-9A-F-]{43})/
		  or croak "a record without position: $headers";
		push @records, [ $partition, $offset, $key, $position, $value ];
	}
	croak 'not understood: ' . substr($stdout, pos($stdout) // 0, 200)
	  if (pos($stdout) // 0) < length $stdout;
	return sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } @records;
}

=pod

=item without_repeats(records)

Of what quick_records() gave, the first copy of each record; in list context
followed by the number of repeats.  Dies unless every repeat is
part of a replay: from some earlier record on, all that came after it, in the
same order and with the same content (but for the time of processing), up to
where the stream had been.

=cut

sub without_repeats
{
	my @records = @_;
	my %first;				# partition => records in order
	my %index;				# partition/position => place in it
	my %next;				# partition => place that must come next
	my @kept;
	my $repeats = 0;

	for my $r (@records)
	{
		my ($partition, $offset, $key, $position, $value) = @$r;
		my $known = $first{$partition} //= [];
		my $at = $index{"$partition/$position"};
		my $where = "partition $partition, offset $offset";

		if (!defined $at)
		{
			croak "$where: $position comes inside a replay, and is new"
			  if ($next{$partition} // @$known) != @$known;
			croak "$where: $position is not after $known->[-1][3]"
			  if @$known && $position le $known->[-1][3];
			$index{"$partition/$position"} = @$known;
			push @$known, $r;
			$next{$partition} = @$known;
			push @kept, $r;
			next;
		}
		# A replay goes on, or begins (anew).
		croak "$where: a replay begins inside a transaction: $position"
		  if $at != $next{$partition}
		  && $at > 0
		  && substr($position, 0, 25) eq substr($known->[ $at - 1 ][3], 0, 25);
		my $old = $known->[$at];
		croak "$where: the repeat of $position differs:\n"
		  . "$old->[2] $old->[4]\n$key $value"
		  if $old->[2] ne $key || _timeless($old->[4]) ne _timeless($value);
		$next{$partition} = $at + 1;
		$repeats++;
	}
	return (\@kept, $repeats);
}

# An event without what differs between two copies of it: the time at which it
# was made, which is outside of source, and in "sequence" the commit before it,
# which a new stream cannot know.
=pod

=item by_position(records)

The same, as a reader does it that compares positions: what is not greater than
all before it in its partition is a repeat.  Dies if it differs from the first
copy in more than the time of processing, or if there is none.

=cut

sub by_position
{
	my @records = @_;
	my (%first, %last, @kept);

	for my $r (@records)
	{
		my ($partition, $offset, $key, $position, $value) = @$r;
		my $where = "partition $partition, offset $offset";
		my $same = _timeless("$key $value");
		if (!exists $last{$partition} || $position gt $last{$partition})
		{
			$last{$partition} = $position;
			$first{"$partition/$position"} = $same;
			push @kept, $r;
			next;
		}
		my $known = $first{"$partition/$position"}
		  // croak "$where: $position is new, and comes too late";
		croak "$where: $position has other contents" if $known ne $same;
	}
	return wantarray ? (\@kept, @records - @kept) : \@kept;
}

sub _timeless
{
	my ($value) = @_;
	$value =~ s/("sequence":"\[)(?:null|\\"\d+\\")/$1/;
	$value =~ s/("op":"."[^{}]*)"ts_ms":.*$/$1/;
	return $value;
}

=pod

=item rebuild_rows(records [, column])

Plays records (of quick_records or without_repeats) of a table whose key is one
integer 'id' into { id => "after" as text }.

=cut

sub rebuild_rows
{
	my @records = @_;
	my %rows;

	for my $r (@records)
	{
		my ($key, $value) = @$r[ 2, 4 ];
		my ($id) = $key =~ /^\{"id":(-?\d+)\}$/ or croak "strange key $key";
		if ($value eq '')
		{
			delete $rows{$id};
			next;
		}
		my ($op) = $value =~ /"op":"(.)"/ or croak "strange value $value";
		if ($op eq 'd')
		{
			delete $rows{$id};
			next;
		}
		$value =~ /"after":(\{[^{}]*\})/ or croak "strange value $value";
		$rows{$id} = $1;
	}
	return \%rows;
}

1;
