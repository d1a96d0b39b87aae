-- Subtransactions: what is undone is not in the stream, and their levels
-- leave no trace in it.
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_subxact', 'walferry');
\set changes 'SELECT message, detail FROM walferry_slot_get_changes(''regress_subxact'', NULL, NULL) WHERE message NOT IN (''header'', ''relation'')'
CREATE TABLE t (id int PRIMARY KEY, v text);

-- Released, undone, one in the other.
BEGIN;
INSERT INTO t VALUES (1, 'top');
SAVEPOINT a;
INSERT INTO t VALUES (2, 'a');
SAVEPOINT b;
INSERT INTO t VALUES (3, 'b, undone');
ROLLBACK TO b;
INSERT INTO t VALUES (4, 'b again');
RELEASE b;
INSERT INTO t VALUES (5, 'a still');
RELEASE a;
SAVEPOINT a;
INSERT INTO t VALUES (6, 'another a');
UPDATE t SET v = 'a, updated' WHERE id = 2;
COMMIT;
:changes;

-- A release does not outlive what is around it.
BEGIN;
SAVEPOINT a;
INSERT INTO t VALUES (10, 'undone with a');
SAVEPOINT b;
INSERT INTO t VALUES (11, 'released, then undone with a');
RELEASE b;
ROLLBACK TO a;
INSERT INTO t VALUES (12, 'a, second try');
COMMIT;
:changes;

-- The top has nothing of its own.
BEGIN;
SAVEPOINT a;
SAVEPOINT b;
INSERT INTO t VALUES (20, 'deep');
COMMIT;
:changes;

-- Nothing is left: nothing is sent, not even a header.
BEGIN;
SAVEPOINT a;
INSERT INTO t VALUES (30, 'undone');
ROLLBACK TO a;
COMMIT;
BEGIN;
INSERT INTO t VALUES (31, 'undone at the top');
SAVEPOINT a;
INSERT INTO t VALUES (32, 'undone below');
RELEASE a;
ROLLBACK;
BEGIN;
SAVEPOINT a;
INSERT INTO t VALUES (1, 'a duplicate');
ROLLBACK TO a;
COMMIT;
SELECT count(*) FROM walferry_slot_get_changes('regress_subxact', NULL, NULL);

-- Undone by what fails only at the end.
CREATE TABLE later (id int PRIMARY KEY, t int REFERENCES t DEFERRABLE INITIALLY DEFERRED);
BEGIN;
INSERT INTO later VALUES (1, 12345);
COMMIT;
INSERT INTO later VALUES (2, 1);
:changes;

-- Exceptions of PL/pgSQL.
DO $$
BEGIN
    INSERT INTO t VALUES (40, 'outer');
    BEGIN
        INSERT INTO t VALUES (41, 'undone');
        BEGIN
            INSERT INTO t VALUES (42, 'undone too');
            PERFORM 1 / 0;
        EXCEPTION WHEN no_data_found THEN
            INSERT INTO t VALUES (43, 'another exception');
        END;
    EXCEPTION WHEN division_by_zero THEN
        INSERT INTO t VALUES (44, 'handler');
    END;
    BEGIN
        INSERT INTO t VALUES (45, 'no exception');
    EXCEPTION WHEN others THEN
        NULL;
    END;
    BEGIN
        INSERT INTO t VALUES (40, 'a duplicate');
    EXCEPTION WHEN unique_violation THEN
        UPDATE t SET v = 'upserted' WHERE id = 40;
    END;
END $$;
:changes;

-- More than a backend advertises (64), and more than one WAL record names,
-- beside each other and in each other.
DO $$
BEGIN
    FOR i IN 1001 .. 1300 LOOP
        BEGIN
            INSERT INTO t VALUES (i, 'beside');
            IF i % 3 = 0 THEN
                RAISE EXCEPTION 'undo';
            END IF;
        EXCEPTION WHEN raise_exception THEN
            NULL;
        END;
    END LOOP;
END $$;
CREATE FUNCTION nest(level int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO t VALUES (2000 + level, 'nested');
    IF level < 150 THEN
        PERFORM nest(level + 1);
    ELSE
        RAISE EXCEPTION 'undo';
    END IF;
    INSERT INTO t VALUES (3000 + level, 'way back');
EXCEPTION WHEN raise_exception THEN
    IF level > 100 THEN
        RAISE;
    END IF;
    INSERT INTO t VALUES (4000 + level, 'handler');
END $$;
SELECT nest(1);
CREATE TEMP TABLE got AS
    SELECT row_number() OVER () AS n, message, xid, detail,
           substring(detail FROM '^new\(id=(\d+) ')::int AS id
      FROM walferry_slot_get_changes('regress_subxact', NULL, NULL)
     WHERE message NOT IN ('header', 'relation');
SELECT min(message) AS message, min(detail) AS detail, count(*), min(id), max(id)
  FROM got GROUP BY xid, coalesce(id / 1000, n) ORDER BY min(n);
SELECT count(DISTINCT xid) AS transactions,
       bool_and(id % 3 <> 0) FILTER (WHERE id < 2000) AS none_undone
  FROM got;
-- in order: each is as far along as the table itself says
SELECT array_agg(id ORDER BY n) = (SELECT array_agg(id ORDER BY ctid) FROM t WHERE id > 1000) AS same
  FROM got WHERE message = 'insert';
DROP TABLE got;

-- INSERT ... ON CONFLICT: rows that are there only by trial until they are
-- confirmed.
CREATE TABLE up (k int PRIMARY KEY, v text, n int NOT NULL DEFAULT 1);
INSERT INTO up VALUES (1, 'first') ON CONFLICT DO NOTHING;
INSERT INTO up VALUES (1, 'again') ON CONFLICT DO NOTHING;
INSERT INTO up VALUES (1, 'again'), (2, 'second'), (2, 'second again') ON CONFLICT DO NOTHING;
INSERT INTO up VALUES (1, 'updated'), (3, 'third') ON CONFLICT (k) DO UPDATE SET v = excluded.v, n = up.n + 1;
INSERT INTO up VALUES (1, 'not updated') ON CONFLICT (k) DO UPDATE SET v = excluded.v WHERE up.n > 5;
BEGIN;
INSERT INTO up VALUES (4, 'undone') ON CONFLICT DO NOTHING;
ROLLBACK;
BEGIN;
SAVEPOINT a;
INSERT INTO up VALUES (5, 'undone') ON CONFLICT DO NOTHING;
ROLLBACK TO a;
INSERT INTO up VALUES (5, 'kept') ON CONFLICT (k) DO UPDATE SET k = 6;
INSERT INTO up VALUES (5, 'key changes') ON CONFLICT (k) DO UPDATE SET k = 6;
COMMIT;
:changes;

-- Its large value is stored before the row is confirmed.
ALTER TABLE up ALTER v SET STORAGE EXTERNAL;
INSERT INTO up VALUES (7, repeat('large ', 5000)), (1, repeat('LARGE ', 5000))
    ON CONFLICT (k) DO UPDATE SET v = excluded.v;
INSERT INTO up VALUES (7) ON CONFLICT (k) DO UPDATE SET n = 7;
SELECT message, regexp_replace(detail, '(large |LARGE )+', '...') AS detail, length(detail)
  FROM walferry_slot_get_changes('regress_subxact', NULL, NULL)
 WHERE message NOT IN ('header', 'relation');

-- A trial that fails: the key is taken between the look and the entry into the
-- index, here by what the index itself computes.
CREATE TABLE race (id int PRIMARY KEY, k text);
CREATE FUNCTION rival() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('regress.calls', (current_setting('regress.calls')::int + 1)::text, false);
    IF current_setting('regress.calls') = '2' THEN
        INSERT INTO race VALUES (2, 'k');
    END IF;
END $$;
CREATE FUNCTION as_key(k text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM rival();
    RETURN k;
END $$;
SET regress.calls = 9;
CREATE UNIQUE INDEX ON race (as_key(k));
SET regress.calls = 0;
INSERT INTO race VALUES (1, 'k') ON CONFLICT DO NOTHING;
:changes;

SELECT pg_drop_replication_slot('regress_subxact');
DROP TABLE t, later, up, race;
DROP FUNCTION nest, as_key, rival;
