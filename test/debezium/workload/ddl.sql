-- Tables that change in mid-stream.  Debezium asks the catalog for what it
-- does not find in the stream, so nothing may change while it is behind: every
-- change of a table stands between two waits.
CREATE SCHEMA ddl;
CREATE TYPE ddl.size AS ENUM ('s', 'm');
CREATE TABLE ddl.t (id int PRIMARY KEY, v text, size ddl.size);
-- wait
INSERT INTO ddl.t VALUES (1, 'a', 's');
-- wait
ALTER TABLE ddl.t ADD more int NOT NULL DEFAULT 7;
-- wait
INSERT INTO ddl.t VALUES (2, 'b', 'm', 8);
UPDATE ddl.t SET v = 'c' WHERE id = 1;
-- wait
ALTER TABLE ddl.t DROP v;
-- wait
INSERT INTO ddl.t VALUES (3, 's', 9);
DELETE FROM ddl.t WHERE id = 1;
-- wait
ALTER TABLE ddl.t RENAME more TO renamed;
ALTER TABLE ddl.t ALTER renamed TYPE numeric(8,1);
-- wait
INSERT INTO ddl.t VALUES (4, NULL, 1.5);
-- wait
ALTER TYPE ddl.size ADD VALUE 'l' AFTER 's';
-- wait
INSERT INTO ddl.t VALUES (5, 'l', 2);
-- wait
ALTER TABLE ddl.t DROP CONSTRAINT t_pkey;
ALTER TABLE ddl.t ADD PRIMARY KEY (renamed, id);
-- wait
INSERT INTO ddl.t VALUES (6, 's', 3);
UPDATE ddl.t SET size = 'm' WHERE id = 6;
UPDATE ddl.t SET id = 7 WHERE id = 6;
-- wait
ALTER TABLE ddl.t RENAME TO u;
-- wait
INSERT INTO ddl.u VALUES (8, 's', 4);
-- wait
ALTER TABLE ddl.u REPLICA IDENTITY FULL;
-- wait
UPDATE ddl.u SET size = 'l' WHERE id = 8;
DELETE FROM ddl.u WHERE id = 8;
-- wait
DROP TABLE ddl.u;
-- wait
CREATE TABLE ddl.u (other text PRIMARY KEY, n int);
-- wait
INSERT INTO ddl.u VALUES ('new', 1);
-- wait
ALTER TABLE ddl.u SET SCHEMA public;
-- wait
INSERT INTO public.u VALUES ('moved', 2);
