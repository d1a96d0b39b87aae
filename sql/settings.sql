-- No setting of a role, a database or a session shows in the stream, and the
-- stream leaves none behind.
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_settings', 'walferry');
-- What goes as text through output functions.
CREATE SCHEMA regress_hostile;
CREATE TYPE texts AS (ts timestamptz, t timestamp, d date, i interval, f8 float8, f4 float4, b bytea, n numeric, x xml, m money, o bool);
CREATE TYPE tstzs AS RANGE (subtype = timestamptz);
CREATE TYPE floats AS RANGE (subtype = float8);
CREATE TABLE hostile (id int PRIMARY KEY, c texts, r tstzs, f floats, rc regclass, rt regtype[],
    dd timestamptz DEFAULT '2026-01-02 03:04:05+00', df float8 DEFAULT 0.1 + 0.2, di interval DEFAULT '1 year 2 days', db bytea DEFAULT '\xdeadbeef', dr regclass DEFAULT 'hostile');
INSERT INTO hostile (id, c, r, f, rc, rt) VALUES (1,
    ROW('2026-01-02 03:04:05.678+00', '2026-01-02 03:04:05', '2026-01-02', '1 year 2 mons 3 days -04:05:06', 0.1::float8 + 0.2, 0.1, '\x00ff5c', 1.50, '<a/>', 12345.67, true),
    '[2026-01-02 03:04:05+00,)', '[0.30000000000000004,1e20)', 'hostile', '{texts,int4}');
CREATE TABLE seen (who text, message text, detail text);
ALTER TABLE seen REPLICA IDENTITY NOTHING;
\set look 'SELECT :''who'', message, detail FROM walferry_slot_peek_changes(''regress_settings'', NULL, NULL, ''include_tables'', ''public.hostile'') WHERE relation IS NOT NULL'
\set who plain
INSERT INTO seen :look;
SELECT message, detail FROM seen;

DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET datestyle = ''German''', current_database());
    EXECUTE format('ALTER DATABASE %I SET intervalstyle = ''iso_8601''', current_database());
    EXECUTE format('ALTER DATABASE %I SET extra_float_digits = -15', current_database());
    EXECUTE format('ALTER DATABASE %I SET bytea_output = ''escape''', current_database());
    EXECUTE format('ALTER DATABASE %I SET timezone = ''Asia/Tokyo''', current_database());
    EXECUTE format('ALTER DATABASE %I SET quote_all_identifiers = on', current_database());
    EXECUTE format('ALTER DATABASE %I SET xmlbinary = ''hex''', current_database());
    EXECUTE format('ALTER DATABASE %I SET search_path = regress_hostile, public', current_database());
    EXECUTE format('ALTER DATABASE %I SET standard_conforming_strings = off', current_database());
END $$;
-- a search_path in which something lies in wait
CREATE FUNCTION regress_hostile.trap(text, text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE OPERATOR regress_hostile.= (LEFTARG = text, RIGHTARG = text, PROCEDURE = regress_hostile.trap);
\c -
SET client_min_messages = warning;
\set settings 'SELECT name, setting, source FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) ANY (''{DateStyle,IntervalStyle,extra_float_digits,bytea_output,TimeZone,quote_all_identifiers,xmlbinary,search_path,lc_monetary,standard_conforming_strings}'') ORDER BY name COLLATE "C"'
:settings;
\set who hostile
INSERT INTO public.seen :look;
-- all as it was, and where it came from too
:settings;

-- the client's own settings win over the database's: set these as well
SET datestyle = 'German';
SET intervalstyle = 'iso_8601';
SET timezone = 'Asia/Tokyo';
\set who session
INSERT INTO public.seen :look;

-- in a transaction, with the session's own settings, and after its end
BEGIN;
SET LOCAL datestyle = 'SQL, DMY';
SET extra_float_digits = 0;
\set who transaction
INSERT INTO public.seen :look;
SHOW datestyle;
SHOW extra_float_digits;
COMMIT;
SHOW datestyle;
SHOW extra_float_digits;
RESET extra_float_digits;
SHOW extra_float_digits;

-- after an error once the stream had started, caught and not
SELECT count(*) FROM pg_logical_slot_peek_changes('regress_settings', NULL, NULL);
:settings;
DO $$ BEGIN
    PERFORM count(*) FROM pg_logical_slot_peek_changes('regress_settings', NULL, NULL);
EXCEPTION WHEN others THEN
    RAISE WARNING 'caught: datestyle %, search_path %', current_setting('datestyle'), current_setting('search_path');
END $$;
:settings;
\set who after
INSERT INTO public.seen :look;

-- The encoder of rows of a query gives the same, and leaves nothing either.
INSERT INTO public.seen
SELECT 'query', message, detail FROM walferry_render((SELECT ARRAY[walferry_relation('public.hostile'), walferry_encode(h)] FROM public.hostile h));
SHOW datestyle;
SHOW search_path;
SELECT who, count(*) FROM public.seen GROUP BY who ORDER BY who COLLATE "C";
SELECT count(*) FROM (SELECT message, detail FROM public.seen EXCEPT SELECT message, detail FROM public.seen WHERE who OPERATOR(pg_catalog.=) 'plain') d;

DO $$ DECLARE s text; BEGIN
    FOREACH s IN ARRAY '{datestyle,intervalstyle,extra_float_digits,bytea_output,timezone,quote_all_identifiers,xmlbinary,search_path,standard_conforming_strings}'::text[] LOOP
        EXECUTE format('ALTER DATABASE %I RESET %s', current_database(), s);
    END LOOP;
END $$;
\c -
SELECT pg_drop_replication_slot('regress_settings');
DROP TABLE hostile, seen;
DROP TYPE texts, tstzs, floats;
SET client_min_messages = warning;
DROP SCHEMA regress_hostile CASCADE;
