-- Nothing that is in the data stops the slot: a value that has no text becomes
-- a marker with the error's code.
SET client_min_messages = error;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_errors', 'walferry');
\set changes 'SELECT message, relation, detail FROM walferry_slot_get_changes(''regress_errors'', NULL, NULL) WHERE message NOT IN (''header'', ''begin'', ''commit'')'

-- A type whose output function fails for some values: a number that is shown
-- as the enum label with that OID, if there is one.
CREATE TYPE labels AS ENUM ('good');
CREATE TYPE fragile;
CREATE FUNCTION fragile_in(cstring) RETURNS fragile LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION fragile_out(fragile) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'enum_out';
CREATE TYPE fragile (INPUT = fragile_in, OUTPUT = fragile_out, LIKE = int4);
CREATE FUNCTION good() RETURNS fragile LANGUAGE sql AS $$
    SELECT e.oid::int8::text::fragile FROM pg_enum e WHERE enumtypid = 'labels'::regtype $$;
CREATE TABLE f (id int PRIMARY KEY, v fragile, t text);
INSERT INTO f VALUES (1, good(), 'good'), (2, '1', 'bad'), (3, NULL, 'null'), (4, good(), 'good again');
UPDATE f SET v = '1' WHERE id = 1;
UPDATE f SET v = good() WHERE id = 2;
ALTER TABLE f REPLICA IDENTITY FULL;
UPDATE f SET t = 'other', id = 11 WHERE id = 1;
UPDATE f SET v = good() WHERE id = 11;
DELETE FROM f WHERE id = 4;
INSERT INTO f VALUES (5, '1', 'again');
DELETE FROM f WHERE id = 5;
:changes;
-- within other types
CREATE TYPE holder AS (a int, f fragile);
CREATE DOMAIN fragile_domain AS fragile;
CREATE TABLE h (id int PRIMARY KEY, c holder, a fragile[], ca holder[], d fragile_domain);
INSERT INTO h VALUES (1, ROW(1, '1'), ARRAY[good(), '1'], ARRAY[ROW(1, '1')]::holder[], '1'),
    (2, ROW(1, good()), ARRAY[good()], ARRAY[ROW(1, good())]::holder[], good());
:changes;
-- thousands of them
INSERT INTO f SELECT i, '1', NULL FROM generate_series(1000, 5999) i;
SELECT count(*), count(*) FILTER (WHERE detail LIKE '%v=<error 22P03>%') AS marked FROM walferry_slot_get_changes('regress_errors', NULL, NULL) WHERE message = 'insert';

-- A type whose library was there when its function was made, and is no more.
CREATE TYPE lost;
CREATE FUNCTION lost_in(cstring) RETURNS lost LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION lost_out(lost) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE lost (INPUT = lost_in, OUTPUT = lost_out, LIKE = text);
CREATE TABLE l (id int PRIMARY KEY, v lost, va lost[], t text);
INSERT INTO l VALUES (1, 'x', '{x}', 'rest of the row');
:changes;
UPDATE pg_proc SET probin = '$libdir/walferry_no_such_library', prosrc = 'f',
    prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') WHERE proname = 'lost_out';
INSERT INTO l VALUES (2, 'x', '{x}', 'rest of the row');
UPDATE l SET id = 3 WHERE id = 2;
:changes;

-- A default that cannot be shown is left out.
CREATE TABLE dflt (id int, f fragile DEFAULT '1', t text DEFAULT 'fine');
INSERT INTO dflt DEFAULT VALUES;
:changes;

-- A query sees the same markers, and goes on.
SELECT detail FROM walferry_render((SELECT array_agg(walferry_relation('f')) || array_agg(walferry_encode(f) ORDER BY id) FROM f WHERE id < 100)) WHERE message = 'insert';
SELECT detail FROM walferry_render((SELECT ARRAY[walferry_relation('l'), walferry_encode(l)] FROM l WHERE id = 3)) WHERE message = 'insert';
BEGIN;
SELECT count(walferry_encode(f)) FROM f WHERE id >= 1000;
CREATE TABLE still_works (id int);
COMMIT;
DROP TABLE still_works;

-- What is not the value's fault is no marker: it ends the call, and what was to
-- be sent comes again.  Here an output function that waits, and a time limit.
CREATE TYPE slow;
CREATE FUNCTION slow_in(cstring) RETURNS slow LANGUAGE internal IMMUTABLE STRICT AS 'float8in';
CREATE FUNCTION slow_out(slow) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'pg_sleep';
CREATE TYPE slow (INPUT = slow_in, OUTPUT = slow_out, LIKE = float8);
CREATE TABLE s (id int PRIMARY KEY, v slow);
BEGIN;
INSERT INTO f VALUES (80, '1', 'before it');
INSERT INTO s VALUES (1, '3600');
COMMIT;
\set VERBOSITY sqlstate
SET statement_timeout = '500ms';
:changes;
SELECT walferry_encode(s) FROM s;
RESET statement_timeout;
\set VERBOSITY default
SELECT message, relation, detail FROM walferry_slot_get_changes('regress_errors', NULL, NULL, 'exclude_tables', 'public\.s') WHERE message NOT IN ('header', 'begin', 'commit');

-- All gone, and the slot goes on: rows decoded without their table and types.
INSERT INTO f VALUES (90, '1', 'x'), (91, good(), 'y');
INSERT INTO l VALUES (4, 'y');
DROP TABLE f, h, l, s, dflt;
DROP FUNCTION good;
DROP TYPE fragile, lost, slow, labels CASCADE;
:changes;

SELECT pg_drop_replication_slot('regress_errors');
DROP TYPE holder;
