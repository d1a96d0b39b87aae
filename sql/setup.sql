-- What the extension brings, and that a slot of its plugin can be made.
CREATE EXTENSION walferry;
\dx+ walferry

SELECT walferry_version() ~ '^\d+\.\d+\.\d+' AS version;

SELECT name, type, default_value, help FROM walferry_options();

SELECT slot_name
  FROM pg_create_logical_replication_slot('regress_setup', 'walferry');
SELECT plugin, slot_type, temporary
  FROM pg_replication_slots WHERE slot_name = 'regress_setup';

CREATE TABLE hello (id int PRIMARY KEY, word text);
INSERT INTO hello VALUES (1, 'hello'), (2, 'it''s me');

-- Looking does not consume.
SELECT message, relation,
       replace(detail, current_database(), 'DATABASE') AS detail
  FROM walferry_slot_peek_changes('regress_setup', NULL, NULL);
SELECT message, relation, detail
  FROM walferry_slot_get_changes('regress_setup', NULL, NULL)
 WHERE message <> 'header';
SELECT count(*) FROM walferry_slot_get_changes('regress_setup', NULL, NULL);

-- The position: the transaction's is its end, and rows are before it.
INSERT INTO hello VALUES (3, 'here');
SELECT bool_and(lsn IS NOT NULL) FILTER (WHERE message IN ('begin', 'insert'))
         AS have_lsn,
       count(DISTINCT xid) FILTER (WHERE message <> 'header') AS transactions,
       max(lsn) FILTER (WHERE message = 'insert') <
       max(lsn) FILTER (WHERE message = 'begin') AS row_before_end,
       max(lsn) FILTER (WHERE message = 'begin') <= pg_current_wal_insert_lsn()
         AS end_is_past
  FROM walferry_slot_get_changes('regress_setup', NULL, NULL);

-- A part that stops at a position goes on from there.
INSERT INTO hello VALUES (4, 'one');
INSERT INTO hello VALUES (5, 'two');
SELECT message, detail
  FROM walferry_slot_get_changes('regress_setup', NULL, 1)
 WHERE message = 'insert';
SELECT message, detail
  FROM walferry_slot_get_changes('regress_setup', NULL, 1)
 WHERE message = 'insert';

-- It is a binary plugin.
INSERT INTO hello VALUES (6, 'three');
SELECT count(*) FROM pg_logical_slot_peek_changes('regress_setup', NULL, NULL);
SELECT count(*) > 0 AS there
  FROM pg_logical_slot_get_binary_changes('regress_setup', NULL, NULL);

-- The renderer reads anything, and says where it stops understanding it.
SELECT * FROM walferry_render('{}');
SELECT * FROM walferry_render(ARRAY[NULL]::bytea[]);
SELECT * FROM walferry_render(ARRAY[''::bytea]);
SELECT * FROM walferry_render(ARRAY['\x58'::bytea]);
SELECT * FROM walferry_render(ARRAY['\x5758'::bytea]);
SELECT * FROM walferry_render(ARRAY['\x5749000100'::bytea]);

SELECT pg_drop_replication_slot('regress_setup');
DROP TABLE hello;
