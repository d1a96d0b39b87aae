-- options: 'partition_root', 'true', 'exclude_columns', 'public.parted.secret'
-- Partitions as their root, of other column order; a column left out.
CREATE TABLE parted (id integer, k text, secret text, PRIMARY KEY (k, id))
    PARTITION BY LIST (k);
CREATE TABLE leaf_a PARTITION OF parted FOR VALUES IN ('a');
CREATE TABLE leaf_b (secret text, k text NOT NULL, gone integer,
    id integer NOT NULL);
ALTER TABLE leaf_b DROP gone;
ALTER TABLE parted ATTACH PARTITION leaf_b FOR VALUES IN ('b');
INSERT INTO parted VALUES (1, 'a', 's'), (2, 'b', 's');
UPDATE parted SET id = 3 WHERE id = 2;
UPDATE parted SET k = 'b' WHERE id = 1;
DELETE FROM parted;
TRUNCATE parted;
