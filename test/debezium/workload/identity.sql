CREATE SCHEMA identity;
CREATE TABLE identity.plain (id int PRIMARY KEY, t text, n int NOT NULL, d numeric(10,2) NOT NULL DEFAULT 5);
-- wait
INSERT INTO identity.plain VALUES (1, 'a', 1), (2, 'b', 2), (3, NULL, 3);
UPDATE identity.plain SET t = 'c' WHERE id = 1;
UPDATE identity.plain SET id = 10 WHERE id = 1;
DELETE FROM identity.plain WHERE id = 2;
