# A database that states no encoding may hold any bytes, in values and names
# alike: every event is valid UTF-8 all the same, with U+FFFD for each byte that
# is not, and nothing stops the slot.
use Walferry;
use Walferry::Kafka;
use Walferry::Forwarder;
use Walferry::Check;
use Digest::MD5 qw(md5_hex);
use Encode qw(encode_utf8);

my $pg = Walferry::postgres('main');
my $kafka = Walferry::Kafka->shared;

$pg->safe_psql('postgres',
	    q{CREATE DATABASE raw ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' }
	  . 'TEMPLATE template0');
$pg->safe_psql('raw', q{
	CREATE TYPE mood AS ENUM (E'la\xff', 'fine');
	CREATE TYPE pair AS (a text, b int);
	CREATE TABLE t (id int PRIMARY KEY, t text, v varchar(4), c char(4), q "char", n name,
		j json, jb jsonb, x xml, m mood, a text[], ma mood[], p pair,
		masked text, cut text, cut_varchar varchar(9), hashed text, whole text);
	ALTER TABLE t REPLICA IDENTITY FULL;
	CREATE TABLE k (k text PRIMARY KEY, v text);
	DO $$ BEGIN EXECUTE E'CREATE TABLE "tab\xffle" (id int PRIMARY KEY, "col\xe4" text)'; END $$});

my $fw = Walferry::Forwarder->new(
	pg => $pg,
	kafka => $kafka,
	name => 't043',
	config => {
		'database.dbname' => 'raw',
		'skipped.operations' => 'none',
		'column.mask.with.3.chars' => 'public.t.masked',
		'column.truncate.to.2.chars' => 'public.t.cut.*',
		'column.mask.hash.v2.MD5.with.salt.x' => 'public.t.hashed'
	});
$fw->started($pg);

# Bytes of no character, of half a one, and of whole ones.
$pg->safe_psql('raw', q{
	INSERT INTO t SELECT 1, b, left(b, 4), left(b, 4), E'\xe4', b, to_json(b), jsonb_build_object(b, b),
		xmlelement(name x, b), E'la\xff'::mood, ARRAY[b, 'x'], ARRAY[E'la\xff']::mood[], ROW(b, 1)::pair,
		b, b, b, b, b
	FROM (VALUES (E'\xff\xe2\x82 \xe2\x82\xac \xc3')) AS v (b);
	UPDATE t SET id = 2, t = E'\xf0\x9f\x98\x80\xf0\x9f';
	DELETE FROM t;
	INSERT INTO k VALUES (E'\xff', 'one'), (E'\xfe', 'two');
	DO $$ BEGIN EXECUTE E'INSERT INTO "tab\xffle" VALUES (1, \'\xe4\')'; END $$;
	SELECT pg_logical_emit_message(true, E'pre\xff', E'con\xff');
	TRUNCATE t});

my $broken = "\x{fffd}\x{fffd}\x{fffd} \x{20ac} \x{fffd}";
my @t = $kafka->wait_for_events($fw->topic('public.t'), 7);
my %row = (
	id => 1,
	t => $broken,
	v => "\x{fffd}\x{fffd}\x{fffd} ",
	c => "\x{fffd}\x{fffd}\x{fffd} ",
	q => '\344',
	n => $broken,
	j => qq{"$broken"},
	jb => qq{{"$broken": "$broken"}},
	x => "<x>$broken</x>",
	m => "la\x{fffd}",
	a => [ $broken, 'x' ],
	ma => ["la\x{fffd}"],
	p => "($broken,1)",
	masked => '***',
	cut => "\x{fffd}\x{fffd}",
	cut_varchar => "\x{fffd}\x{fffd}",
	hashed => md5_hex('x' . encode_utf8($broken)),
	whole => $broken);
my $after = $t[0]{value}{after};
delete $row{p}, delete $after->{p}
  if is($after->{p}, qq{("$broken",1)}, 'composite');
is_deeply($after, \%row, 'every type: valid UTF-8');
is($t[1]{value}{op}, 'd', 'a change of the key: the old row');
is($t[1]{value}{before}{t}, $broken, 'old row');
is($t[3]{value}{after}{t}, "\x{1f600}\x{fffd}\x{fffd}",
	'half a character beyond U+FFFF');
is((grep { $_->{value} && $_->{value}{op} eq 't' } @t), 1, 'truncate');

my @k = $kafka->wait_for_events($fw->topic('public.k'), 2);
is_deeply([ map { $_->{key}{k} } @k ],
	[ "\x{fffd}", "\x{fffd}" ], 'keys read alike, as their bytes cannot');

# A topic has no name but in ASCII, so each other byte is an underscore.
my ($odd) = $kafka->wait_for_events($fw->topic('public.tab_le'), 1);
is($odd->{value}{source}{table}, "tab\x{fffd}le", 'name of a table');
is($odd->{value}{after}{"col\x{fffd}"}, "\x{fffd}", 'name of a column');

my ($message) = $kafka->wait_for_events($fw->topic('message'), 1);
is($message->{key}{prefix}, "pre\x{fffd}", 'message: prefix');
is($message->{value}{message}{content}, 'Y29u/w==', 'message: its bytes');

like(
	$fw->log_text,
	qr/ warn forward: the database states no encoding \(SQL_ASCII\)/,
	'is warned of');
is($fw->stop, 0, 'stops');

# Of another encoding nothing is taken, and nothing is lost.
for my $encoding (qw(LATIN1 EUC_JP))
{
	my $db = 'in_' . lc $encoding;
	$pg->safe_psql('postgres',
		    "CREATE DATABASE $db ENCODING '$encoding' "
		  . "LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
	my $other = Walferry::Forwarder->new(
		pg => $pg,
		kafka => $kafka,
		name => "t043_$db",
		config => { 'database.dbname' => $db });
	$pg->safe_psql($db,
		"SELECT pg_create_logical_replication_slot('"
		  . $other->slot
		  . "', 'walferry'); CREATE TABLE t (id int PRIMARY KEY, s text); "
		  . 'INSERT INTO t VALUES (1, chr(97))');
	my $stood = confirmed_lsn($pg, $other->slot);
	my ($code, $log) = $other->run_to_end(30);
	is($code, 3, "$encoding: exit code 3");
	like($log, qr/ error forward: [^\n]* is encoded in $encoding; only UTF8/,
		"$encoding: says so");
	is(confirmed_lsn($pg, $other->slot), $stood,
		"$encoding: nothing is confirmed");
}

done_testing();
