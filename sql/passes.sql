-- Most rows are copied in one pass.  With max_row_bytes none below it is, and
-- values of up to 8 kB are sent all the same: the stream must say the same.
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_passes', 'walferry');

-- A value of a type, from a number between 0 and 1: some NULL, some empty,
-- some compressed, some out of line.
CREATE FUNCTION value_of(type text, r float8) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN r < 0.2 THEN NULL
        WHEN type IN ('int', 'int8', 'smallint', 'oid') THEN (r * 30000)::int::text
        WHEN type = 'bool' THEN (r < 0.6)::text
        WHEN type IN ('float8', 'float4', 'numeric') THEN (r * 1e9)::text
        WHEN type = 'uuid' THEN md5(r::text)
        WHEN type = 'timestamptz' THEN (timestamptz '2026-01-02' + r * interval '1 day')::text
        WHEN type = 'date' THEN (date '2026-01-02' + (r * 10)::int)::text
        WHEN type = 'timetz' THEN '12:34:56.789+02'
        WHEN type = 'interval' THEN '1 mon 3 days 00:00:01'
        WHEN type = 'name' THEN left(md5(r::text), (r * 32)::int)
        WHEN type = 'macaddr' THEN '08:00:2b:01:02:03'
        WHEN type = 'point' THEN '(1,2)'
        WHEN type = 'line' THEN '{1,2,3}'
        WHEN type = 'tid' THEN '(1,2)'
        WHEN type = '"char"' THEN 'x'
        WHEN type = 'inet' THEN '10.0.0.1/8'
        WHEN type = 'jsonb' THEN jsonb_build_object('a', r)::text
        WHEN type = 'int[]' THEN '{1,2,NULL,' || (r * 1000)::int || '}'
        WHEN type = 'bytea' THEN '\x' || md5(r::text)
        WHEN type = 'passes_mood' THEN 'happy'
        WHEN r < 0.3 THEN ''
        WHEN r < 0.6 THEN left(repeat(md5(r::text), 10), (r * 300)::int)
        WHEN r < 0.7 THEN repeat('ab', (r * 4000)::int)
        WHEN r < 0.8 THEN (SELECT string_agg(md5(r::text || i), '') FROM generate_series(1, 200) i)
        ELSE 'short' END $$;
CREATE TYPE passes_mood AS ENUM ('sad', 'happy');

-- Tables of any shape: keys, identities, columns dropped and added.
DO $$
DECLARE
    types text[] := '{int,int8,smallint,oid,bool,float8,float4,numeric,uuid,timestamptz,date,timetz,interval,name,macaddr,point,line,tid,"\"char\"",inet,jsonb,int[],bytea,text,varchar,text,text,int,int8}';
    shape text[];
    list text;
    n int;
    c int;
    t text;
BEGIN
    PERFORM setseed(0.42);
    FOR k IN 1 .. 60 LOOP
        n := 1 + (random() * random() * 25)::int;
        shape := '{}';
        list := 'id int NOT NULL';
        FOR i IN 1 .. n LOOP
            t := types[1 + floor(random() * array_length(types, 1))::int];
            IF random() < 0.02 THEN t := 'passes_mood'; END IF;
            shape := shape || t;
            list := list || format(', c%s %s', i, t);
        END LOOP;
        EXECUTE format('CREATE TABLE passes_%s (%s)', k, list);
        IF random() < 0.7 THEN
            EXECUTE format('ALTER TABLE passes_%s ADD PRIMARY KEY (id)', k);
        ELSE
            EXECUTE format('CREATE UNIQUE INDEX ON passes_%s (id)', k);
            IF random() < 0.5 THEN
                EXECUTE format('ALTER TABLE passes_%s REPLICA IDENTITY USING INDEX passes_%s_id_idx', k, k);
            END IF;
        END IF;
        IF random() < 0.4 THEN EXECUTE format('ALTER TABLE passes_%s REPLICA IDENTITY FULL', k); END IF;
        FOR r IN 1 .. 5 LOOP
            list := r::text;
            FOR i IN 1 .. n LOOP list := list || ', ' || quote_nullable(value_of(shape[i], random())); END LOOP;
            EXECUTE format('INSERT INTO passes_%s VALUES (%s)', k, list);
        END LOOP;
        c := 1 + floor(random() * n)::int;
        IF random() < 0.3 THEN
            EXECUTE format('ALTER TABLE passes_%s DROP COLUMN c%s', k, c);
            EXECUTE format('INSERT INTO passes_%s (id) VALUES (100)', k);
            shape[c] := NULL;
        END IF;
        IF random() < 0.3 THEN EXECUTE format('ALTER TABLE passes_%s ADD extra text DEFAULT ''extra''', k); END IF;
        FOR r IN 1 .. 5 LOOP
            c := 1 + floor(random() * n)::int;
            CONTINUE WHEN shape[c] IS NULL;
            EXECUTE format('UPDATE passes_%s SET c%s = %L WHERE id = %s', k, c, value_of(shape[c], random()), r);
            EXECUTE format('UPDATE passes_%s SET c%s = c%s WHERE id = %s', k, c, c, r);
        END LOOP;
        EXECUTE format('UPDATE passes_%s SET id = id + 1000 WHERE id < 4', k);
        EXECUTE format('DELETE FROM passes_%s WHERE id > 3', k);
    END LOOP;
END $$;

CREATE TEMP TABLE one AS SELECT row_number() OVER () AS n, * FROM walferry_slot_peek_changes('regress_passes', NULL, NULL) WHERE message <> 'header';
CREATE TEMP TABLE two AS SELECT row_number() OVER () AS n, * FROM walferry_slot_peek_changes('regress_passes', NULL, NULL, 'max_row_bytes', '1') WHERE message <> 'header';
SELECT message, count(*) > 100 AS many FROM one WHERE message IN ('insert', 'update', 'delete') GROUP BY message ORDER BY message;
SELECT bool_or(detail LIKE '%<same>%') AS same, bool_or(detail LIKE '%<unchanged>%') AS unchanged, bool_or(detail LIKE '%<null>%') AS "null",
       bool_or(detail LIKE '%old(%') AS old, bool_or(detail LIKE '%<oversize%') AS oversize FROM one;
SELECT count(*) FROM (SELECT * FROM one EXCEPT SELECT * FROM two) d;
SELECT count(*) FROM (SELECT * FROM two EXCEPT SELECT * FROM one) d;
-- columns left out, and between those that are sent
CREATE TEMP TABLE one_less AS SELECT row_number() OVER () AS n, * FROM walferry_slot_peek_changes('regress_passes', NULL, NULL, 'exclude_columns', '.*\.c[1357]') WHERE message <> 'header';
CREATE TEMP TABLE two_less AS SELECT row_number() OVER () AS n, * FROM walferry_slot_peek_changes('regress_passes', NULL, NULL, 'exclude_columns', '.*\.c[1357]', 'max_row_bytes', '1') WHERE message <> 'header';
SELECT count(*) FROM (SELECT * FROM one_less EXCEPT SELECT * FROM two_less) d;
SELECT (SELECT sum(length(detail)) FROM one_less) < (SELECT sum(length(detail)) FROM one) AS less;

SELECT pg_drop_replication_slot('regress_passes');
DO $$ BEGIN
    FOR k IN 1 .. 60 LOOP EXECUTE format('DROP TABLE passes_%s', k); END LOOP;
END $$;
DROP FUNCTION value_of;
DROP TYPE passes_mood;
