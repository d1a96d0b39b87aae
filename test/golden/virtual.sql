-- from: 18
-- Generated columns that are not stored.
CREATE TABLE t (id integer PRIMARY KEY, a integer,
    twice integer GENERATED ALWAYS AS (a * 2) VIRTUAL,
    stored integer GENERATED ALWAYS AS (a * 3) STORED);
INSERT INTO t VALUES (1, 10);
UPDATE t SET a = 11;
ALTER TABLE t REPLICA IDENTITY FULL;
UPDATE t SET a = 12;
DELETE FROM t;
