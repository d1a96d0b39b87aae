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

=item topic(forwarder)

The name of the topic.

=cut

use strict;
use warnings;
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

sub last
{
	my @positions = all(@_);
	return @positions ? $positions[-1] : undef;
}

1;
