-- Large values that an update does not change are not in the WAL.
CREATE SCHEMA toast;
CREATE TABLE toast.plain (id int PRIMARY KEY, n int, t text, b bytea, j json, jb jsonb, x xml, c varchar, h hstore, ci citext,
    ia int[], la int8[], ta text[], ba bytea[], ua uuid[], da date[], nu numeric, tv tsvector, bi varbit);
CREATE TABLE toast.required (id int PRIMARY KEY, n int, t text NOT NULL, b bytea NOT NULL, jb jsonb NOT NULL, ta text[] NOT NULL);
CREATE TABLE toast.whole (LIKE toast.plain INCLUDING ALL);
ALTER TABLE toast.whole REPLICA IDENTITY FULL;
DO $$
DECLARE
    tab text;
    col text;
BEGIN
    FOREACH tab IN ARRAY ARRAY['plain', 'required', 'whole'] LOOP
        FOR col IN SELECT attname FROM pg_attribute WHERE attrelid = ('toast.' || tab)::regclass AND attnum > 2 AND attstorage = 'x' LOOP
            EXECUTE format('ALTER TABLE toast.%I ALTER %I SET STORAGE EXTERNAL', tab, col);
        END LOOP;
    END LOOP;
END $$;
CREATE FUNCTION toast.digits(n int) RETURNS text LANGUAGE sql AS
    'SELECT string_agg(md5(i::text), '''') FROM generate_series(1, n) i';
-- wait
INSERT INTO toast.plain SELECT 1, 1, s, convert_to(s, 'UTF8'), to_json(s), to_jsonb(s), xmlelement(name a, s), s, hstore('k', s), s,
    (SELECT array_agg(i) FROM generate_series(1, 1000) i), (SELECT array_agg(i::int8) FROM generate_series(1, 1000) i), ARRAY[s, NULL], ARRAY[convert_to(s, 'UTF8')],
    (SELECT array_agg(md5(i::text)::uuid) FROM generate_series(1, 300) i), (SELECT array_agg('2000-01-01'::date + i) FROM generate_series(1, 1000) i),
    translate(s, 'abcdef', '123456')::numeric, ('''' || left(s, 1900) || ''':1 ''x' || left(s, 1900) || ''':2')::tsvector, repeat('10', 20000)::varbit
    FROM toast.digits(150) s;
INSERT INTO toast.required SELECT 1, 1, s, convert_to(s, 'UTF8'), to_jsonb(s), ARRAY[s] FROM toast.digits(150) s;
INSERT INTO toast.whole SELECT * FROM toast.plain;
UPDATE toast.plain SET n = 2;
UPDATE toast.required SET n = 2;
UPDATE toast.whole SET n = 2;
UPDATE toast.plain SET t = 'short';
UPDATE toast.whole SET t = 'short';
UPDATE toast.plain SET id = 2;
UPDATE toast.required SET id = 2;
UPDATE toast.whole SET id = 2;
DELETE FROM toast.plain;
DELETE FROM toast.required;
DELETE FROM toast.whole;
