-- Values that are compressed, or out of line, and updates that leave them.
CREATE TABLE plain (id integer PRIMARY KEY, small text, big text, doc jsonb);
CREATE TABLE whole (id integer PRIMARY KEY, v integer, big text);
ALTER TABLE whole REPLICA IDENTITY FULL;
CREATE TABLE keyed (k text PRIMARY KEY, v integer);
ALTER TABLE plain ALTER big SET STORAGE EXTERNAL;
ALTER TABLE whole ALTER big SET STORAGE EXTERNAL;
ALTER TABLE keyed ALTER k SET STORAGE EXTERNAL;
INSERT INTO plain VALUES
    (1, 'a', repeat('0123456789', 300),
     jsonb_build_object('k', repeat('compressed ', 300))),
    (2, repeat('inline compressed ', 300), NULL, '{}');
UPDATE plain SET small = 'b' WHERE id = 1;
UPDATE plain SET id = 3 WHERE id = 1;
UPDATE plain SET big = repeat('9876543210', 300) WHERE id = 3;
DELETE FROM plain;
INSERT INTO whole VALUES (1, 1, repeat('abc', 1000));
UPDATE whole SET v = 2;
UPDATE whole SET big = repeat('abd', 1000);
DELETE FROM whole;
INSERT INTO keyed VALUES (repeat('k', 2500), 1);
UPDATE keyed SET v = 2;
DELETE FROM keyed;
