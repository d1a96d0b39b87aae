-- options: 'messages', 'true'
-- Values and messages that no frame holds; large enough to be cut, all alike
-- so that they pack well.
CREATE TABLE t (id integer PRIMARY KEY, v text, n integer);
ALTER TABLE t REPLICA IDENTITY FULL;
ALTER TABLE t ALTER v SET STORAGE EXTERNAL;
INSERT INTO t VALUES (1, repeat('walferry ', 110000), 1);
BEGIN;
INSERT INTO t VALUES (2, 'small', 2);
INSERT INTO t VALUES (3, 'small', 3);
UPDATE t SET n = 4 WHERE id = 3;
COMMIT;
