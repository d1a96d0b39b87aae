# Values of every built-in type, and of types that nobody knows, through the
# whole line: each field of the event is the JSON that it should be.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use JSON::PP;

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->shared;

# The text of each member of a JSON object: numbers as they were written.
my $value_re = qr/(?<v>
	"(?:[^"\\]|\\.)*"
	| \[ (?: (?&v) (?: , (?&v) )* )? \]
	| \{ (?: "(?:[^"\\]|\\.)*" : (?&v) (?: , "(?:[^"\\]|\\.)*" : (?&v) )* )? \}
	| [^,\[\]{}"]+ )/x;

sub members
{
	my ($object) = @_;
	my %members;
	$object =~ s/^\{// or return {};
	$members{$1} = $2 while $object =~ /\G"((?:[^"\\]|\\.)*)":($value_re)[,}]/g;
	return \%members;
}

# The fields of "after" in each event of a table.
sub rows
{
	my ($fw, $table, $n) = @_;
	my @events = $kafka->wait_for_events($fw->topic("public.$table"), $n);
	is(scalar @events, $n, "$table: number of records");
	return map {
		$_->{text_value} =~ /"after":($value_re),"source"/ or die;
		members($1);
	} @events;
}

my $json = JSON::PP->new->allow_nonref->canonical;

# Every type that a column can have, with a value.  What follows is the JSON of
# it; a string with PostgreSQL's own text where nothing follows.
my %values = (
	bool => [ 'true', 'true' ],
	bytea => [ '\x00ff5c', '"AP9c"' ],
	char => ['a'],
	name => ['a name'],
	int8 => [ '-9223372036854775808', '-9223372036854775808' ],
	int2 => [ '-32768', '-32768' ],
	int2vector => [ '1 2 -3', '[1,2,-3]' ],
	int4 => [ '2147483647', '2147483647' ],
	regproc => ['now'],
	text => ["na\x{ef}ve \x{2603} \"quoted\" \\ \x01\t\n"],
	oid => [ '4000000000', '4000000000' ],
	tid => ['(7,8)'],
	xid => ['4294967295'],
	cid => ['5'],
	oidvector => [ '4 4000000000', '[4,4000000000]' ],
	json => ['{"a" :  1.0}'],
	xml => ['<a b="c">x</a>'],
	point => [
		'(1,2.5)',
		'{"x":1.0,"y":2.5,"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAARA","srid":null}'
	],
	lseg => ['[(1,2),(3,4)]'],
	path => ['[(0,0),(1,1.5)]'],
	box => ['(3,4),(1,2)'],
	polygon => ['((0,0),(1,0),(1,1))'],
	line => ['{1,2,3}'],
	circle => ['<(1,2),3>'],
	cidr => ['10.0.0.0/8'],
	inet => ['192.168.2.0/12'],
	macaddr => ['08:00:2b:01:02:03'],
	macaddr8 => ['08:00:2b:01:02:03:04:05'],
	float4 => [ '0.1', '0.1' ],
	float8 => [ '1e-300', '1.0E-300' ],
	money => [ '1234.11', '"AeIT"' ],
	aclitem => [ '=r/' . Walferry::superuser() ],
	bpchar => ['ab  '],
	varchar => ['abc'],
	date => [ '2016-11-04', '17109' ],
	time => [ '13:51:30', '49890000000' ],
	timetz => [ '13:51:30.123789+02:00', '"11:51:30.123789Z"' ],
	timestamp => [ '2016-11-04T13:51:30.123456', '1478267490123456' ],
	timestamptz =>
	  [ '2016-11-04T13:51:30.123456+02', '"2016-11-04T11:51:30.123456Z"' ],
	interval => [ '1 year 2 mons 3 days 04:05:06.78', '37091106780000' ],
	# Without a length, which only this spelling of the type has.
	bit => [ '1', '"AQ=="' ],
	varbit => [ '101', '"BQ=="' ],
	numeric => [ '10.1111', '{"scale":4,"value":"AYr3"}' ],
	refcursor => ['cursor'],
	regprocedure => ['now()'],
	regoper => ['||/'],
	regoperator => ['*(integer,integer)'],
	regclass => ['pg_class'],
	regcollation => ['"C"'],
	regtype => ['integer'],
	regrole => [ Walferry::superuser() ],
	regnamespace => ['pg_catalog'],
	regconfig => ['english'],
	regdictionary => ['simple'],
	regdatabase => ['postgres'],
	uuid => ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
	pg_lsn => ['16/B374D848'],
	tsvector => ["'cat':1A 'fat':2"],
	tsquery => ["'fat' & ( 'rat' | !'cat':AB )"],
	jsonb => ['{"a": [1, 2.50, null], "b": "x\ty"}'],
	jsonpath => ['$."a"[*]?(@ > 1)'],
	txid_snapshot => ['10:20:10,14'],
	pg_snapshot => ['10:20:10,14'],
	int4range => ['[1,5)'],
	int8range => ['[1,10)'],
	numrange => ['(1.5,2]'],
	tsrange => ['["2020-01-01 00:00:00",)'],
	tstzrange => ['["2020-01-01 00:00:00+00","2020-01-02 00:00:00+00")'],
	daterange => ['[2020-01-01,infinity)'],
	int4multirange => ['{[1,3),[7,9)}'],
	int8multirange => ['{[1,3)}'],
	nummultirange => ['{(1.5,2]}'],
	tsmultirange => ['{["2020-01-01 00:00:00",)}'],
	tstzmultirange => ['{["2020-01-01 00:00:00+00",)}'],
	datemultirange => ['{}'],
	xid8 => ['18446744073709551615']);

# Types of statistics, indexes and expressions that nobody can write.
my @closed = qw(pg_node_tree pg_ndistinct pg_dependencies pg_mcv_list gtsvector
  pg_brin_bloom_summary pg_brin_minmax_multi_summary);
my @types = split /\n/, $pg->safe_psql('postgres', q{
	SELECT typname FROM pg_type
	WHERE typnamespace = 'pg_catalog'::regnamespace
	  AND typtype IN ('b', 'r', 'm')
	  AND typsubscript <> 'array_subscript_handler'::regproc
	   OR typname IN ('int2vector', 'oidvector')
	ORDER BY typname});
my %closed = map { $_ => 1 } @closed;
@types = grep { !$closed{$_} } @types;
is_deeply([ grep { !$values{$_} } @types ],
	[], 'there is a value of each type that the server has');
@types = grep { $values{$_} } @types;
cmp_ok(scalar @types, '>', 70, 'that is more than 70 types');

sub quote
{
	my ($s) = @_;
	utf8::encode($s);
	$s =~ s/'/''/g;
	return "'$s'";
}
my (@columns, @literals, %expected);
for my $type (@types)
{
	my ($text, $want) = @{ $values{$type} };
	my $literal = quote($text) . "::pg_catalog.\"$type\"";
	$want //= $json->encode($text);
	push @columns, "v_$type pg_catalog.\"$type\"",
	  "a_$type pg_catalog.\"$type\"[]";
	push @literals, $literal, "ARRAY[$literal, NULL]";
	$expected{"v_$type"} = $want;
	$expected{"a_$type"} = "[$want,null]";

	# Inside an array these two are text.
	$expected{"a_$type"} = '["' . $text . '",null]' if $type =~ /vector$/
	  && $type ne 'tsvector';
}
local $" = ",\n\t";
$pg->safe_psql('postgres', qq{
	SELECT pg_create_logical_replication_slot(name, 'walferry')
	FROM unnest('{t012_types,t012_modes}'::text[]) name;
	SET TimeZone = 'UTC';
	CREATE TABLE builtin (id int PRIMARY KEY, @columns);
	INSERT INTO builtin VALUES (1, @literals);
	INSERT INTO builtin (id) VALUES (2);
});

# Vectors: type, value, JSON.
my @golden = (
	[ 'timestamp', '1936-10-25T22:10:12.608', '-1047174587392000' ],
	[ 'timestamp(3)', '2016-11-04T13:51:30.123456', '1478267490123' ],
	[ 'timestamp', '4713-12-31T23:59:59.999999 BC', '-210831897600000001' ],
	[ 'timestamp', '294247-01-01T23:59:59.999999', '9223371331199999999' ],
	[ 'timestamp', 'infinity', '9223372036825200000' ],
	[ 'timestamp', '-infinity', '-9223372036832400000' ],
	[ 'timestamp(3)', 'infinity', '9223372036825200' ],
	[ 'timestamptz', 'infinity', '"infinity"' ],
	[ 'timestamptz', '-infinity', '"-infinity"' ],
	[ 'timestamptz', '21016-11-04T13:51:30.000000+07',
		'"+21016-11-04T06:51:30.000000Z"' ],
	[ 'timestamptz', '4714-12-31T23:59:59.999999Z BC',
		'"-4713-12-31T23:59:59.999999Z"' ],
	[ 'timestamptz(0)', '2016-11-04T13:51:30+02', '"2016-11-04T11:51:30Z"' ],
	[ 'date', 'infinity', '-2147472692' ],
	[ 'date', '-infinity', '-2147472691' ],
	[ 'date[]', '{2016-11-04,infinity}', '[17109,-2147472692]' ],
	[ 'time(3)', '13:51:30.123', '49890123' ],
	[ 'time', '24:00:00', '86400000000' ],
	[ 'timetz(3)', '13:51:30.123+02:00', '"11:51:30.123Z"' ],
	[ 'interval', '1 year', '31557600000000' ],
	[ 'bit(1)', '0', 'false' ],
	[ 'bit(2)', '11', '"Aw=="' ],
	[ 'bit(2)', '00', '""' ],
	[ 'bit(24)', '000000110000001000000001', '"AQID"' ],
	[ 'bit(64)', '1' . '0' x 63, '"AAAAAAAAAIA="' ],
	[ 'varbit(64)', '111011010001000110000001000000001', '"AQIj2gE="' ],
	[ 'numeric(3,2)', '1.1', '"bg=="' ],
	[ 'numeric(14,2)', '-1234567.89', '"+KQy6w=="' ],
	[ 'numeric(4,2)[]', '{1.1,NULL}', '["bg==",null]' ],
	[ 'numeric', 'NaN', 'null' ],
	[ 'money', '($1234.11)', '"/h3t"' ],
	[ 'bytea', '\x010203', '"AQID"' ],
	[ 'float4', '-Infinity', '"-Infinity"' ],
	[ 'float8', 'NaN', '"NaN"' ],
	[ 'char(6)', 'pad', '"pad   "' ],
	[ 'int4[]', '{{1,2},{3,4}}', '[[1,2],[3,4]]' ],
	[ 'int4[]', '[7:8]={5,6}', '[5,6]' ],
	[ 'int4[]', '{}', '[]' ],
	[ 'text[]', '{a,"b c",NULL,"","q\"\\\\"}',
		'["a","b c",null,"","q\"\\\\"]' ],

	# Domains are what they are made of; enums, composites, ranges and whatever
	# else comes from an extension or a user is text.
	[ 'mood', 'ok', '"ok"' ],
	[ 'mood[]', '{happy,NULL,sad}', '["happy",null,"sad"]' ],
	[ 'cents', '12.34', '"BNI="' ],
	[ 'fee', '12.34', '"BNI="' ],
	[ 'mood_d', 'sad', '"sad"' ],
	[ 'ints', '{1,2}', '[1,2]' ],
	[ 'pair', '(1,"x y")', '"(1,\"x y\")"' ],
	[ 'pair[]', '{"(1,\"x y\")",NULL}', '["(1,\"x y\")",null]' ],
	[ 'floatrange', '[1.5,2.5)', '"[1.5,2.5)"' ],
	[ 'fancy', 'anything', '"anything"' ]);

$pg->safe_psql('postgres', q{
	CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
	CREATE TYPE pair AS (a integer, b text);
	CREATE TYPE floatrange AS RANGE (subtype = float8);
	CREATE DOMAIN cents AS numeric(10,2) CHECK (value > 0);
	CREATE DOMAIN fee AS cents;
	CREATE DOMAIN mood_d AS mood;
	CREATE DOMAIN ints AS int[];
	CREATE TYPE fancy;
	CREATE FUNCTION fancy_in(cstring) RETURNS fancy
		LANGUAGE internal IMMUTABLE STRICT AS 'textin';
	CREATE FUNCTION fancy_out(fancy) RETURNS cstring
		LANGUAGE internal IMMUTABLE STRICT AS 'textout';
	CREATE TYPE fancy (INPUT = fancy_in, OUTPUT = fancy_out, LIKE = text);
});
# Of extensions, where they are installed.
my %extensions = (
	hstore => [ 'a=>"1 2",n=>NULL', '"{\"a\":\"1 2\",\"n\":null}"' ],
	citext => [ 'Case', '"Case"' ],
	ltree => [ 'Top.Science', '"Top.Science"' ],
	cube => [ '(1, 2)', '"(1, 2)"' ]);
for my $name (sort keys %extensions)
{
	next if $pg->safe_psql('postgres', "SELECT count(*) FROM "
		  . "pg_available_extensions WHERE name = '$name'") eq '0';
	$pg->safe_psql('postgres', "CREATE EXTENSION $name");
	push @golden, [ $name, @{ $extensions{$name} } ];
}
my $n = 0;
@columns = map { 'c' . $n++ . " $_->[0]" } @golden;
@literals = map { quote($_->[1]) } @golden;
$pg->safe_psql('postgres', qq{
	CREATE TABLE golden (id int PRIMARY KEY, @columns);
	INSERT INTO golden VALUES (1, @literals);
	INSERT INTO golden (id) VALUES (2);
});

# What other modes make of the same.
my @modes = (
	[ 'numeric', '120.500', '"120.500"' ],
	[ 'numeric(14,2)', '-1234567.89', '"-1234567.89"' ],
	[ 'numeric', 'NaN', '"NAN"' ],
	[ 'numeric', '-Infinity', '"NEGATIVE_INFINITY"' ],
	[ 'money', '-1234.11', '"-1234.11"' ],
	[ 'interval', '1 year 2 mons 3 days 04:05:06.78', '"P1Y2M3DT4H5M6.78S"' ],
	[ 'date', '2017-09-15', '"2017-09-15"' ],
	[ 'date', '0044-03-15 BC', '"-0043-03-15"' ],
	[ 'date[]', '{2017-09-15,infinity}', '["2017-09-15","infinity"]' ],
	[ 'time(3)', '04:05:11.789', '"04:05:11.789"' ],
	[ 'time', '24:00:00', '"24:00:00"' ],
	[ 'timestamp', '2019-07-09 02:28:57.123456',
		'"2019-07-09T02:28:57.123456"' ],
	[ 'timestamp(1)', '12019-07-09 02:28:57', '"+12019-07-09T02:28:57"' ],
	[ 'timestamp', '-infinity', '"-infinity"' ],
	[ 'timestamptz', '2019-07-09 02:28:57+02',
		'"2019-07-09T00:28:57.000000Z"' ],
	[ 'bytea', '\x0102ff', '"0102ff"' ],
	[ 'bytea[]', '{"\\\\x0102",NULL}', '["0102",null]' ]);
$n = 0;
@columns = map { 'c' . $n++ . " $_->[0]" } @modes;
@literals = map { quote($_->[1]) } @modes;

# And a value that an update leaves where it is, out of line.
$pg->safe_psql('postgres', qq{
	CREATE TABLE modes (id int PRIMARY KEY, @columns);
	INSERT INTO modes VALUES (1, @literals);
	CREATE TABLE toast (id int PRIMARY KEY, big text, n int);
	ALTER TABLE toast ALTER big SET STORAGE EXTERNAL;
	INSERT INTO toast VALUES (1, repeat('x', 5000), 0);
	UPDATE toast SET n = 1;
	ALTER TABLE toast REPLICA IDENTITY FULL;
	UPDATE toast SET n = 2;
});

my $fw = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	name => 't012_types');
my $modes = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	name => 't012_modes',
	config => {
		'table.include.list' => 'public\.(modes|toast)',
		'decimal.handling.mode' => 'string',
		'interval.handling.mode' => 'string',
		'time.precision.mode' => 'iso_local',
		'binary.handling.mode' => 'hex',
		'unavailable.value.placeholder' => 'not here',
	});
$_->start for $fw, $modes;

my ($row, $nulls) = rows($fw, 'builtin', 2);
for my $type (@types)
{
	is($row->{"v_$type"}, $expected{"v_$type"}, $type);
	is($row->{"a_$type"}, $expected{"a_$type"}, "$type\[]");
}
is(scalar keys %$row, 1 + 2 * @types, 'no column is missing');
is_deeply(
	$nulls,
	{ id => '2', map { ("v_$_" => 'null', "a_$_" => 'null') } @types },
	'NULL of every type is null');

for my $case ([ $fw, 'golden', \@golden, 2 ], [ $modes, 'modes', \@modes, 1 ])
{
	my ($from, $table, $vectors, $rows) = @$case;
	my ($got, $null) = rows($from, $table, $rows);
	for my $i (0 .. $#$vectors)
	{
		is($got->{"c$i"}, $vectors->[$i][2],
			"$table: $vectors->[$i][0] $vectors->[$i][1]");
	}
	next unless $null;
	is_deeply(
		$null,
		{ id => '2', map { ("c$_" => 'null') } 0 .. $#$vectors },
		"$table: NULL of every type is null");
}

my $x = '"' . 'x' x 5000 . '"';
is_deeply(
	[ map { $_->{big} } rows($fw, 'toast', 3) ],
	[ $x, '"__debezium_unavailable_value"', $x ],
	'unchanged out of line: placeholder, or the old value if it is there');
is_deeply(
	[ map { $_->{big} } rows($modes, 'toast', 3) ],
	[ $x, '"not here"', $x ],
	'unchanged out of line: a placeholder of our own');

for my $which ($fw, $modes)
{
	is($which->stop, 0, 'stops');
	is(complaints($which->log_text), 0, 'no warnings');
}
done_testing();
