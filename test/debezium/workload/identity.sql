-- All replica identities, keys of all sorts, and what becomes of them.
CREATE SCHEMA identity;
CREATE TYPE identity.colour AS ENUM ('red', 'green');
CREATE TABLE identity.plain (id int PRIMARY KEY, t text, n int NOT NULL, d numeric(10,2) NOT NULL DEFAULT 5);
-- A key that is neither first nor in the order of the columns.
CREATE TABLE identity.composite (v text, b text NOT NULL, a int NOT NULL, n int, PRIMARY KEY (a, b));
CREATE TABLE identity.whole (id int PRIMARY KEY, t text, n int NOT NULL);
ALTER TABLE identity.whole REPLICA IDENTITY FULL;
CREATE TABLE identity.whole_keyless (id int, t text);
ALTER TABLE identity.whole_keyless REPLICA IDENTITY FULL;
-- What is written alike though it is stored in another way.
CREATE TABLE identity.whole_alike (id int PRIMARY KEY, n numeric, f float8, i interval, s numeric(5,2));
ALTER TABLE identity.whole_alike REPLICA IDENTITY FULL;
CREATE TABLE identity.keyless (id int, t text);
CREATE TABLE identity.nothing (id int PRIMARY KEY, t text);
ALTER TABLE identity.nothing REPLICA IDENTITY NOTHING;
CREATE TABLE identity.by_index (id int NOT NULL, t text);
CREATE UNIQUE INDEX by_index_id ON identity.by_index (id);
ALTER TABLE identity.by_index REPLICA IDENTITY USING INDEX by_index_id;
-- An index that is not the primary key.
CREATE TABLE identity.other_index (id int PRIMARY KEY, other text NOT NULL, t text);
CREATE UNIQUE INDEX other_index_other ON identity.other_index (other);
ALTER TABLE identity.other_index REPLICA IDENTITY USING INDEX other_index_other;
CREATE TABLE identity.unique_only (a int UNIQUE, t text);
CREATE TABLE identity.unique_not_null (t text, a int NOT NULL UNIQUE);
-- Several of them, of which the first by name is taken, and what is odd in it.
CREATE TABLE identity.unique_several (b int, a int, t text);
CREATE UNIQUE INDEX several_z ON identity.unique_several (t);
CREATE UNIQUE INDEX several_a ON identity.unique_several (a, b);
CREATE TABLE identity.unique_clustered (b int, a int, t text);
CREATE UNIQUE INDEX clustered_a ON identity.unique_clustered (a);
CREATE UNIQUE INDEX clustered_b ON identity.unique_clustered (b);
ALTER TABLE identity.unique_clustered CLUSTER ON clustered_b;
CREATE TABLE identity.unique_expression (a int, t text);
CREATE UNIQUE INDEX expression_a ON identity.unique_expression (lower(t));
CREATE UNIQUE INDEX expression_b ON identity.unique_expression (a);
CREATE TABLE identity.unique_mixed (a int, b int, t text);
CREATE UNIQUE INDEX mixed ON identity.unique_mixed (a, lower(t));
CREATE TABLE identity.unique_partial (a int, t text);
CREATE UNIQUE INDEX partial ON identity.unique_partial (a) WHERE t IS NOT NULL;
CREATE TABLE identity.unique_include (a int, t text);
CREATE UNIQUE INDEX including ON identity.unique_include (a) INCLUDE (t);
CREATE TABLE identity.unique_whole (a int UNIQUE, t text);
ALTER TABLE identity.unique_whole REPLICA IDENTITY FULL;
CREATE TABLE identity.unique_by_index (other int UNIQUE NOT NULL, id int NOT NULL, t text);
CREATE UNIQUE INDEX zz_by_index ON identity.unique_by_index (id);
ALTER TABLE identity.unique_by_index REPLICA IDENTITY USING INDEX zz_by_index;
-- Keys beside the replica identity that are stored elsewhere: an update that
-- does not touch them does not have them in the WAL.
CREATE TABLE identity.unique_toasted (k text UNIQUE, id int NOT NULL, n int);
CREATE UNIQUE INDEX zz_toasted ON identity.unique_toasted (id);
ALTER TABLE identity.unique_toasted ALTER k SET STORAGE EXTERNAL;
ALTER TABLE identity.unique_toasted REPLICA IDENTITY USING INDEX zz_toasted;
CREATE TABLE identity.unique_primary_toasted (k text, b bytea, id int NOT NULL, n int, PRIMARY KEY (id, k, b));
CREATE UNIQUE INDEX zz_primary_toasted ON identity.unique_primary_toasted (id);
ALTER TABLE identity.unique_primary_toasted ALTER k SET STORAGE EXTERNAL, ALTER b SET STORAGE EXTERNAL;
ALTER TABLE identity.unique_primary_toasted REPLICA IDENTITY USING INDEX zz_primary_toasted;
CREATE TABLE identity.generated (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED, s serial, i int GENERATED ALWAYS AS IDENTITY);
CREATE TABLE identity.zero (id int PRIMARY KEY, i2 int2 NOT NULL, i8 int8 NOT NULL, f8 float8 NOT NULL, n numeric NOT NULL, t text NOT NULL, tn text NOT NULL DEFAULT 'n',
    b bool NOT NULL, u uuid NOT NULL, j jsonb NOT NULL, by bytea NOT NULL, ts timestamp NOT NULL, tz timestamptz NOT NULL, da date NOT NULL, c identity.colour NOT NULL, a int[] NOT NULL);
-- Defaults, of columns that may be null and of the same that may not.
CREATE DOMAIN identity.amount AS int;
CREATE TABLE identity.defaults (id int PRIMARY KEY, i int DEFAULT 7, ineg int DEFAULT -3, isum int DEFAULT 1 + 2, i2 int2 DEFAULT 9, i8 int8 DEFAULT 5000000000, o oid DEFAULT 5,
    t text DEFAULT 'n', tq text DEFAULT 'it''s', te text DEFAULT '', tu text DEFAULT CURRENT_USER, tf text DEFAULT lower('A'), tl text DEFAULT E'a\nb', tn text DEFAULT NULL, v varchar(5) DEFAULT 'v', ch char(3) DEFAULT 'c', ci citext DEFAULT 'Ci',
    f8 float8 DEFAULT 1.5, f4 float4 DEFAULT 0.1, n numeric DEFAULT 1.50, nd numeric(10,2) DEFAULT 1.5, ni numeric(10,2) DEFAULT 4, m money DEFAULT 1, b bool DEFAULT true, bf bool DEFAULT false,
    u uuid DEFAULT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', ug uuid DEFAULT gen_random_uuid(), j jsonb DEFAULT '{"a": 1}', js json DEFAULT '{}', x xml DEFAULT '<a/>', by bytea DEFAULT '\x01', e identity.colour DEFAULT 'red',
    da date DEFAULT '2000-01-02', dc date DEFAULT CURRENT_DATE, ti time DEFAULT '12:34:56.789', ts timestamp DEFAULT '2000-01-02 03:04:05.678', ts0 timestamp(0) DEFAULT '2000-01-02 03:04:05', tsn timestamp DEFAULT now(), tz timestamptz DEFAULT '2000-01-02 03:04:05+00', tzn timestamptz DEFAULT now(), tt timetz DEFAULT '12:00:00+00', iv interval DEFAULT '1 day',
    bi bit DEFAULT B'1', b5 bit(5) DEFAULT B'10101', vb varbit DEFAULT B'101', ip inet DEFAULT '1.2.3.4', ma macaddr DEFAULT '08:00:2b:01:02:03', p point DEFAULT '(1,2)', r int4range DEFAULT '[1,5)', h hstore DEFAULT 'a=>1', l ltree DEFAULT 'Top.A', a int[] DEFAULT '{1}', d identity.amount DEFAULT 4, nm name DEFAULT 'nm', c char DEFAULT 'q');
CREATE TABLE identity.defaults_required (LIKE identity.defaults INCLUDING DEFAULTS, PRIMARY KEY (id));
DO $$
DECLARE
    col text;
BEGIN
    FOR col IN SELECT attname FROM pg_attribute WHERE attrelid = 'identity.defaults_required'::regclass AND attnum > 1 AND attname <> 'tn' LOOP
        EXECUTE format('ALTER TABLE identity.defaults_required ALTER %I SET NOT NULL', col);
    END LOOP;
END $$;
-- Keys of types that are written in their own way.
CREATE TABLE identity.key_numeric (k numeric PRIMARY KEY, t text);
CREATE TABLE identity.key_decimal (k numeric(10,2) PRIMARY KEY, t text);
CREATE TABLE identity.key_small (k numeric(20,11), m money, PRIMARY KEY (k, m));
CREATE TABLE identity.key_text (k text PRIMARY KEY, t text);
CREATE TABLE identity.key_uuid (k uuid PRIMARY KEY, t text);
CREATE TABLE identity.key_time (d date, z timestamptz, PRIMARY KEY (z, d));
CREATE TABLE identity.key_clock (t time, s timestamp, PRIMARY KEY (s, t));
CREATE TABLE identity.key_bytes (k bytea PRIMARY KEY, e identity.colour NOT NULL);
CREATE TABLE identity.key_float (k float8 PRIMARY KEY);
CREATE TABLE identity.key_mixed (b bool, c char(3), p interval, m identity.colour, PRIMARY KEY (m, b, c, p));
CREATE TABLE identity.only_key (id int PRIMARY KEY);
CREATE TABLE identity."Odd Näme.x""y" ("I d" int PRIMARY KEY, "select" text, "ä/b.c" int);
CREATE SCHEMA "Odd Schema";
CREATE TABLE "Odd Schema"."Tab.le" (id int PRIMARY KEY);
-- wait
INSERT INTO identity.plain VALUES (1, 'a', 1), (2, 'b', 2), (3, NULL, 3);
UPDATE identity.plain SET t = 'c' WHERE id = 1;
UPDATE identity.plain SET id = 10 WHERE id = 1;
UPDATE identity.plain SET id = 10, t = 'same key' WHERE id = 10;
UPDATE identity.plain SET id = id + 100;
DELETE FROM identity.plain WHERE id = 102;
INSERT INTO identity.composite VALUES ('v', 'b1', 1, 1), ('w', 'b2', 2, NULL), (NULL, '', -1, 0);
UPDATE identity.composite SET v = 'x' WHERE a = 1;
UPDATE identity.composite SET b = 'b3' WHERE a = 1;
UPDATE identity.composite SET a = 3, b = 'b4' WHERE a = 2;
DELETE FROM identity.composite;
INSERT INTO identity.whole VALUES (1, 'a', 1), (2, NULL, 2);
UPDATE identity.whole SET t = 'b' WHERE id = 1;
UPDATE identity.whole SET id = 3 WHERE id = 1;
UPDATE identity.whole SET t = t;
UPDATE identity.whole SET n = n + 1;
DELETE FROM identity.whole;
INSERT INTO identity.whole_keyless VALUES (1, 'a'), (NULL, NULL);
UPDATE identity.whole_keyless SET t = 'b' WHERE id = 1;
DELETE FROM identity.whole_keyless;
INSERT INTO identity.whole_alike VALUES (1, 1.1, 0, '1 day', 1), (2, NULL, 'NaN', NULL, NULL);
UPDATE identity.whole_alike SET n = 1.10 WHERE id = 1;
UPDATE identity.whole_alike SET f = '-0' WHERE id = 1;
UPDATE identity.whole_alike SET i = '24:00' WHERE id = 1;
UPDATE identity.whole_alike SET s = 1.001 WHERE id = 1;
UPDATE identity.whole_alike SET f = 'NaN' WHERE id = 2;
UPDATE identity.whole_alike SET n = 0, id = -2 WHERE id = 2;
INSERT INTO identity.keyless VALUES (1, 'a'), (2, NULL), (3, 'c');
INSERT INTO identity.nothing VALUES (1, 'a');
INSERT INTO identity.by_index VALUES (1, 'a'), (2, 'b');
UPDATE identity.by_index SET t = 'c' WHERE id = 1;
UPDATE identity.by_index SET id = 3 WHERE id = 1;
DELETE FROM identity.by_index WHERE id = 2;
INSERT INTO identity.other_index VALUES (1, 'o1', 'a'), (2, 'o2', 'b'), (3, 'o3', 'c');
UPDATE identity.other_index SET t = 'd' WHERE id = 1;
UPDATE identity.other_index SET other = 'o4' WHERE id = 1;
UPDATE identity.other_index SET id = 5 WHERE id = 2;
DELETE FROM identity.other_index WHERE id = 3;
INSERT INTO identity.unique_only VALUES (1, 'a'), (NULL, 'b');
INSERT INTO identity.unique_not_null VALUES ('a', 1);
INSERT INTO identity.unique_several VALUES (1, 2, 'a'), (NULL, NULL, NULL);
INSERT INTO identity.unique_clustered VALUES (1, 2, 'a');
INSERT INTO identity.unique_expression VALUES (1, 'a');
INSERT INTO identity.unique_mixed VALUES (1, 2, 'a');
INSERT INTO identity.unique_partial VALUES (1, 'a'), (2, NULL);
INSERT INTO identity.unique_include VALUES (1, 'a');
INSERT INTO identity.unique_whole VALUES (1, 'a');
UPDATE identity.unique_whole SET t = 'b';
INSERT INTO identity.unique_by_index VALUES (1, 2, 'a'), (3, 4, 'b');
UPDATE identity.unique_by_index SET t = 'c' WHERE id = 2;
DELETE FROM identity.unique_by_index WHERE id = 2;
INSERT INTO identity.unique_toasted VALUES ((SELECT string_agg(md5(i::text), '') FROM generate_series(1, 75) i), 1, 1), ('short', 2, 1), (NULL, 3, 1);
UPDATE identity.unique_toasted SET n = 2;
UPDATE identity.unique_toasted SET id = id + 10 WHERE k IS NOT NULL;
UPDATE identity.unique_toasted SET k = (SELECT string_agg(md5(i::text), '') FROM generate_series(101, 175) i) WHERE id = 11;
DELETE FROM identity.unique_toasted;
INSERT INTO identity.unique_primary_toasted VALUES ((SELECT string_agg(md5(i::text), '') FROM generate_series(1, 65) i), 'b', 1, 1), ('k', decode((SELECT string_agg(md5(i::text), '') FROM generate_series(1, 140) i), 'hex'), 2, 1);
UPDATE identity.unique_primary_toasted SET n = 2;
UPDATE identity.unique_primary_toasted SET id = id + 10;
UPDATE identity.unique_primary_toasted SET k = 'other' || id;
DELETE FROM identity.unique_primary_toasted;
INSERT INTO identity.generated (id, a) VALUES (1, 1), (2, NULL);
UPDATE identity.generated SET a = 3 WHERE id = 1;
DELETE FROM identity.generated WHERE id = 1;
INSERT INTO identity.zero VALUES (1, 1, 1, 1, 1, 'x', 'y', true, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a":1}', '\x01', '2000-01-01', '2000-01-01 00:00+00', '2000-01-01', 'green', '{1}');
DELETE FROM identity.zero;
-- Without what is another value in each run.
INSERT INTO identity.defaults (id, ug, dc, tsn, tzn) VALUES (1, '1b4e28ba-2fa1-41d2-883f-0016d3cca427', '2001-02-03', '2001-02-03 04:05:06.789012', '2001-02-03 04:05:06.789012+00');
DO $$
BEGIN
    EXECUTE (SELECT 'INSERT INTO identity.defaults VALUES (2' || repeat(', NULL', count(*)::int - 1) || ')'
        FROM pg_attribute WHERE attrelid = 'identity.defaults'::regclass AND attnum > 0);
END $$;
DELETE FROM identity.defaults;
INSERT INTO identity.defaults_required (id, ug, dc, tsn, tzn) VALUES (1, '1b4e28ba-2fa1-41d2-883f-0016d3cca427', '2001-02-03', '2001-02-03 04:05:06.789012', '2001-02-03 04:05:06.789012+00');
DELETE FROM identity.defaults_required;
INSERT INTO identity.key_numeric VALUES (1.50, 'a'), (0, 'b'), (1e20, 'c');
UPDATE identity.key_numeric SET k = 1.500, t = 'same number' WHERE k = 1.5;
UPDATE identity.key_numeric SET k = 2 WHERE k = 1.5;
DELETE FROM identity.key_numeric;
INSERT INTO identity.key_decimal VALUES (1.5, 'a'), (-0.01, 'b');
UPDATE identity.key_decimal SET k = 2 WHERE k = 1.5;
UPDATE identity.key_decimal SET k = 0 WHERE k = -0.01;
DELETE FROM identity.key_decimal;
INSERT INTO identity.key_small VALUES (0, 1.5), (0.000001, 0), (0.0000001, -1), (-0.00000000142, -2);
UPDATE identity.key_small SET k = k + 1, m = m + '1'::money;
INSERT INTO identity.key_text VALUES ('', 'a'), (E'ä\n"', 'b'), ('c/d', 'c');
UPDATE identity.key_text SET k = 'e' WHERE k = '';
UPDATE identity.key_text SET k = E'\u20ac \\ "q" \t' WHERE k = 'e';
UPDATE identity.key_text SET k = 'f' WHERE k LIKE '%q%';
DELETE FROM identity.key_text;
INSERT INTO identity.key_uuid VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a');
UPDATE identity.key_uuid SET k = 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';
DELETE FROM identity.key_uuid;
INSERT INTO identity.key_time VALUES ('2000-01-01', '2000-01-01 00:00+00'), ('infinity', '-infinity');
UPDATE identity.key_time SET d = d - 1 WHERE d < 'infinity';
DELETE FROM identity.key_time;
INSERT INTO identity.key_clock VALUES ('13:51:30.123456', '2016-11-04 13:51:30.123456'), ('00:00:00', '2016-11-04');
UPDATE identity.key_clock SET t = t + interval '1 minute', s = s + interval '1 day';
DELETE FROM identity.key_clock;
INSERT INTO identity.key_bytes VALUES ('\x00ff', 'red');
UPDATE identity.key_bytes SET e = 'green';
UPDATE identity.key_bytes SET k = '\x01fe';
DELETE FROM identity.key_bytes;
INSERT INTO identity.key_float VALUES (1e7), (0.1), (-0.0);
UPDATE identity.key_float SET k = 'Infinity' WHERE k = 1e7;
UPDATE identity.key_float SET k = 1e22 WHERE k = 0.1;
UPDATE identity.key_float SET k = 5 WHERE k = 'Infinity';
DELETE FROM identity.key_float;
INSERT INTO identity.key_mixed VALUES (true, 'a', '1 day', 'red');
UPDATE identity.key_mixed SET b = false, c = 'b', p = '2 hours', m = 'green';
INSERT INTO identity.only_key SELECT generate_series(1, 40);
UPDATE identity.only_key SET id = id WHERE id = 1;
UPDATE identity.only_key SET id = -id WHERE id % 3 = 0;
DELETE FROM identity.only_key WHERE id > 35;
INSERT INTO identity."Odd Näme.x""y" VALUES (1, 'a', 2);
UPDATE identity."Odd Näme.x""y" SET "I d" = 2;
DELETE FROM identity."Odd Näme.x""y";
INSERT INTO "Odd Schema"."Tab.le" VALUES (1);
