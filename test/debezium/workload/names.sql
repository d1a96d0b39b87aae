-- Names that Avro does not allow.
CREATE SCHEMA names;
CREATE TABLE names.columns ("1a" int PRIMARY KEY, a_b int, "€" int, "😀" int, "$x" int, "A-b" int, "x.1" int, "select" text);
CREATE TABLE names."Odd Näme.x""y" ("I d" int PRIMARY KEY, t text NOT NULL, "ä/b.c" int);
CREATE SCHEMA "1 Schema";
CREATE TABLE "1 Schema"."2 Tab.le" (id int PRIMARY KEY);
-- wait
INSERT INTO names.columns VALUES (1, 2, 3, 4, 5, 6, NULL, 'a');
UPDATE names.columns SET "1a" = 2;
DELETE FROM names.columns;
INSERT INTO names."Odd Näme.x""y" VALUES (1, 'a', 1);
INSERT INTO "1 Schema"."2 Tab.le" VALUES (1);
SELECT pg_logical_emit_message(true, 'a b', 'c');
