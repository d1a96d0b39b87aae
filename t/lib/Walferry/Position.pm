package Walferry::Position;

=pod

=head1 NAME

Walferry::Position - the position records that a forwarder stores

=head1 FUNCTIONS

=over

=item all(kafka, forwarder)

What its topic holds and has committed, oldest first, each as a hash; pins of
partition counts are left out.

=item last(kafka, forwarder)

The last of them; undef if there is none.

=item raw(kafka, forwarder)

The last of them as it is in the topic, with key and value.

=item alter(kafka, forwarder, from, to)

Writes the last of them once more, with the text 'from' in it replaced by 'to'
and the checksum that belongs to that.  No forwarder may run.

=item topic(forwarder)

The name of the topic.

=cut

use strict;
use warnings;
use Carp;
use JSON::PP ();
use Walferry;

sub topic
{
	my ($fw) = @_;
	return $fw->{config}{'offsets.storage.topic'}
	  // $fw->topic($fw->slot . '.offsets');
}

sub all
{
	my ($kafka, $fw) = @_;
	my @positions;

	for my $r ($kafka->read_topic(topic($fw), committed => 1))
	{
		my $key = JSON::PP::decode_json($r->{key});
		next if exists $key->{topic} || !defined $r->{value};
		push @positions, JSON::PP::decode_json($r->{value});
	}
	return @positions;
}

sub raw
{
	my ($kafka, $fw) = @_;
	my @records =
	  grep { defined $_->{value} && $_->{key} !~ /"topic":/ }
	  $kafka->read_topic(topic($fw), committed => 1);
	return $records[-1];
}

sub crc32c
{
	my ($bytes) = @_;
	my $crc = 0xffffffff;

	for my $byte (unpack 'C*', $bytes)
	{
		$crc ^= $byte;
		$crc = ($crc >> 1) ^ ($crc & 1 ? 0x82f63b78 : 0) for 1 .. 8;
	}
	return sprintf '%08x', $crc ^ 0xffffffff;
}

sub alter
{
	my ($kafka, $fw, $from, $to) = @_;
	my $record = raw($kafka, $fw);
	my $value = $record->{value};

	$value =~ s/,"crc32c":"[0-9a-f]{8}"\}$// or croak 'no position';
	$value =~ s/\Q$from\E/$to/ or croak "no $from in $value";
	my $crc = crc32c($value . $record->{key});
	my $line = "$record->{key}|$value,\"crc32c\":\"$crc\"}\n";
	IPC::Run::run(
		[
			'kcat', '-P', '-b', $kafka->bootstrap, '-t', topic($fw), '-K', '|'
		],
		'<', \$line) or croak 'kcat failed';
}

sub last
{
	my @positions = all(@_);
	return @positions ? $positions[-1] : undef;
}

1;
