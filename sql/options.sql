-- Every option's value is checked when a stream starts, and nothing before:
-- creating a slot takes no options.
SELECT 'init' FROM pg_create_logical_replication_slot('regress_options', 'walferry');
CREATE TABLE opt (id int PRIMARY KEY);
INSERT INTO opt VALUES (1);
\set peek 'SELECT count(*) FROM walferry_slot_peek_changes(''regress_options'', NULL, NULL, '

:peek 'no_such_option', 'x');
:peek 'Streaming', 'true');
:peek 'messages', 'true', 'messages', 'false');
:peek 'messages');

-- numbers
:peek 'protocol_version', '0');
:peek 'protocol_version', '1x');
:peek 'protocol_version', '');
:peek 'frame_bytes', '0');
:peek 'frame_bytes', '983041');
:peek 'frame_bytes', '99999999999999999999');
:peek 'max_row_bytes', '-1');

-- a receiver that could read more than we write is welcome
:peek 'protocol_version', '7');

-- booleans
:peek 'messages', 'maybe');
:peek 'streaming', '');
:peek 'partition_root', '1', 'streaming', 'no', 'messages', 'on');

-- lists
:peek 'operations', 'insert,upsert');
:peek 'operations', 'insert,,delete');
:peek 'operations', 'none,insert');
:peek 'operations', 'Insert, DELETE');
:peek 'operations', 'none');
:peek 'operations', '');
:peek 'operations', ' ');
:peek 'origin', 'all');

-- regular expressions
:peek 'include_tables', '');
:peek 'include_tables', ' , ');
:peek 'exclude_message_prefixes', ' ');
:peek 'include_tables', '(');
:peek 'exclude_schemas', 'public,[');
:peek 'include_message_prefixes', 'a{2,1}');
:peek 'include_tables', 'a)|(b');
:peek 'include_schemas', 'a', 'exclude_schemas', 'b');
:peek 'include_tables', 'a', 'exclude_tables', 'b');
:peek 'include_columns', 'a', 'exclude_columns', 'b');
:peek 'include_message_prefixes', 'a', 'exclude_message_prefixes', 'b');

-- many, and long, but not without end
:peek 'include_tables', (SELECT string_agg('public.t' || i, ',') FROM generate_series(1, 2000) i));
:peek 'include_tables', 'public.opt|' || repeat('x', 8181));
:peek 'include_tables', 'public.opt|' || repeat('x', 8182));
:peek 'include_tables', repeat('x,', 250000));

-- An error at the start leaves the slot as it was.
SELECT message, relation, regexp_replace(detail, ' database.*?encoding', ' encoding') AS detail
  FROM walferry_slot_get_changes('regress_options', NULL, NULL,
                                 'protocol_version', '1', 'origin', 'any');
SELECT pg_drop_replication_slot('regress_options');
DROP TABLE opt;
