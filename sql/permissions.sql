-- Who may do what.
SET client_min_messages = warning;
\set VERBOSITY sqlstate
SELECT 'init' FROM pg_create_logical_replication_slot('regress_permissions', 'walferry');
CREATE ROLE regress_walferry_nobody LOGIN;
CREATE ROLE regress_walferry_repl LOGIN REPLICATION;
CREATE TABLE p (id int PRIMARY KEY, secret text DEFAULT 'the default');
CREATE TABLE open (id int PRIMARY KEY);
GRANT SELECT ON open TO regress_walferry_nobody;
INSERT INTO p VALUES (1, 'x');
INSERT INTO open VALUES (1);

-- An ordinary role reads no stream, whatever it is granted.
SET ROLE regress_walferry_nobody;
SELECT walferry_version() IS NOT NULL AS version, (SELECT count(*) > 0 FROM walferry_options()) AS options;
SELECT * FROM walferry_slot_get_changes('regress_permissions', NULL, NULL);
SELECT * FROM walferry_slot_peek_changes('regress_permissions', NULL, NULL);
SELECT * FROM walferry_render('{}');
SELECT * FROM pg_logical_slot_peek_binary_changes('regress_permissions', NULL, NULL);
SELECT pg_create_logical_replication_slot('regress_permissions_2', 'walferry');
RESET ROLE;
GRANT EXECUTE ON FUNCTION walferry_render, walferry_slot_get_changes, walferry_slot_peek_changes TO regress_walferry_nobody;
SET ROLE regress_walferry_nobody;
SELECT * FROM walferry_slot_peek_changes('regress_permissions', NULL, NULL);
SELECT * FROM walferry_render('{}');

-- Rows and schemas: those of tables that it can read.
SELECT walferry_encode(p) FROM p;
SELECT walferry_relation('p');
SELECT length(walferry_encode(o)) > 0 AS ok FROM open o;
SELECT length(walferry_relation('open')) > 0 AS ok;
RESET ROLE;
GRANT SELECT (id) ON p TO regress_walferry_nobody;
SET ROLE regress_walferry_nobody;
SELECT walferry_encode(p) FROM p;
SELECT length(walferry_relation('p')) > 0 AS ok;
RESET ROLE;
-- row security holds as in any query
ALTER TABLE open ENABLE ROW LEVEL SECURITY;
SET ROLE regress_walferry_nobody;
SELECT count(walferry_encode(o)) FROM open o;
RESET ROLE;

-- REPLICATION is what reading a slot needs, and all that it needs.
SET ROLE regress_walferry_repl;
SELECT count(*) > 0 AS ok FROM pg_logical_slot_peek_binary_changes('regress_permissions', NULL, NULL);
SELECT * FROM walferry_slot_peek_changes('regress_permissions', NULL, NULL);
SELECT 'init' FROM pg_create_logical_replication_slot('regress_permissions_2', 'walferry');
SELECT pg_drop_replication_slot('regress_permissions_2');
RESET ROLE;

-- A superuser may read the frames that another role got.
SELECT message, relation FROM walferry_slot_get_changes('regress_permissions', NULL, NULL) WHERE message = 'insert';

SELECT pg_drop_replication_slot('regress_permissions');
DROP TABLE p, open;
REVOKE EXECUTE ON FUNCTION walferry_render, walferry_slot_get_changes, walferry_slot_peek_changes FROM regress_walferry_nobody;
DROP ROLE regress_walferry_nobody, regress_walferry_repl;
