-- options: 'max_row_bytes', '20000'
-- Rows with markers: too long, and an output function that fails.
CREATE TYPE bad;
CREATE FUNCTION bad_in(cstring) RETURNS bad LANGUAGE internal STRICT IMMUTABLE
    AS 'textin';
CREATE FUNCTION bad_out(bad) RETURNS cstring LANGUAGE internal STRICT IMMUTABLE
    AS 'any_out';
CREATE TYPE bad (INPUT = bad_in, OUTPUT = bad_out, INTERNALLENGTH = VARIABLE);
CREATE TABLE t (id integer PRIMARY KEY, v text, b bad);
CREATE TABLE whole (id integer, v text, w text);
ALTER TABLE whole REPLICA IDENTITY FULL;
INSERT INTO t VALUES (1, 'ok', NULL), (2, 'marked', 'x');
INSERT INTO t VALUES (3, repeat('o', 30000), 'y');
UPDATE t SET id = 4 WHERE id = 3;
INSERT INTO whole VALUES (1, repeat('o', 30000), 'w');
UPDATE whole SET id = 2;
DELETE FROM whole;
