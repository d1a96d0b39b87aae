-- Logical messages, in transactions and outside.
CREATE SCHEMA message;
CREATE TABLE message.t (id int PRIMARY KEY);
-- wait
SELECT pg_logical_emit_message(true, 'prefix', 'text');
SELECT pg_logical_emit_message(false, 'prefix', 'outside');
SELECT pg_logical_emit_message(true, '', '');
SELECT pg_logical_emit_message(false, 'ü "q"', '');
SELECT pg_logical_emit_message(true, 'binary', '\x00ff80'::bytea);
SELECT pg_logical_emit_message(true, 'long', repeat('x', 100000));
BEGIN;
INSERT INTO message.t VALUES (1);
SELECT pg_logical_emit_message(true, 'in', 'one');
SELECT pg_logical_emit_message(false, 'out', 'of it');
INSERT INTO message.t VALUES (2);
SELECT pg_logical_emit_message(true, 'in', 'two');
COMMIT;
BEGIN;
SELECT pg_logical_emit_message(true, 'gone', 'rolled back');
SELECT pg_logical_emit_message(false, 'stays', 'although rolled back');
ROLLBACK;
INSERT INTO message.t VALUES (3);
