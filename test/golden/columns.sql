-- options: 'exclude_columns', 'public\..*\.[ab]'
-- Keys that were not asked for, in the four replica identities.
CREATE TABLE def (c text, b text, a integer, PRIMARY KEY (a, b));
CREATE TABLE ful (a integer PRIMARY KEY, b text, c text);
ALTER TABLE ful REPLICA IDENTITY FULL;
CREATE TABLE idx (a integer PRIMARY KEY, b text NOT NULL UNIQUE, c text);
ALTER TABLE idx REPLICA IDENTITY USING INDEX idx_b_key;
CREATE TABLE non (a integer PRIMARY KEY, b text, c text);
ALTER TABLE non REPLICA IDENTITY NOTHING;
CREATE TABLE only_key (a integer PRIMARY KEY, b text);
INSERT INTO def VALUES ('c', 'b', 1), (NULL, 'b', 2);
INSERT INTO ful VALUES (1, 'b', 'c'), (2, 'b', NULL);
INSERT INTO idx VALUES (1, 'b', 'c'), (2, 'd', 'c');
INSERT INTO non VALUES (1, 'b', 'c');
INSERT INTO only_key VALUES (1, 'b');
UPDATE def SET c = 'd' WHERE a = 1;
UPDATE def SET b = 'e' WHERE a = 1;
UPDATE ful SET b = 'd' WHERE a = 1;
UPDATE ful SET a = 3 WHERE a = 1;
UPDATE idx SET a = 3 WHERE a = 1;
UPDATE idx SET b = 'e' WHERE a = 2;
UPDATE non SET a = 2;
UPDATE only_key SET a = 2;
DELETE FROM def;
DELETE FROM ful;
DELETE FROM idx;
DELETE FROM only_key;
