-- The rows that check_patterns wrote, through the decoder.  Every name is the
-- prefix of a message; names of tables and columns, and the first plain ones of
-- schemas, are that of a table, too.  Each has its number for content.  Then each list
-- is an option of one look at the slot: what arrives must be what Java matches.
\set QUIET on
SET client_min_messages = error;
CREATE EXTENSION walferry;

CREATE TEMP TABLE case_rows (n int PRIMARY KEY, kind text, list text, name text,
	parts text, expected text, error text);
\copy case_rows FROM pstdin

-- Which option a list is given as, and what names it is asked for.
CREATE TEMP TABLE asked AS
	SELECT n, 'include_message_prefixes' AS option, list, name AS thing,
		expected, error
	FROM case_rows WHERE octet_length(name) < 1000
	UNION ALL
	SELECT n, 'include_' || kind || 's', list, kind || '/' || parts, expected,
		error
	FROM case_rows WHERE kind IN ('table', 'column') OR
		(kind = 'schema' AND n < 100 AND name ~ '^[A-Za-z][A-Za-z0-9_]*$');
CREATE TEMP TABLE things AS
	SELECT row_number() OVER (ORDER BY thing) AS id, thing,
		string_to_array(thing, '/') AS part, via
	FROM (SELECT DISTINCT thing, option = 'include_message_prefixes' AS via
		FROM asked) s;
CREATE TEMP TABLE lists AS
	SELECT row_number() OVER (ORDER BY option, list) AS id, option, list
	FROM (SELECT DISTINCT option, list FROM asked) s;
CREATE TEMP TABLE got (list int8, thing int8);
CREATE TEMP TABLE errors (list int8, message text);

\o create.psql
\t on
\a
SELECT DISTINCT format('CREATE SCHEMA IF NOT EXISTS %I;', part[2])
FROM things WHERE NOT via;
SELECT format('CREATE TABLE %I.%I (%s);', part[2], coalesce(part[3], 't'),
	string_agg(format('%I int', coalesce(part[4], 'of a ' || part[1])), ', '))
FROM things WHERE NOT via
GROUP BY part[2], coalesce(part[3], 't');
SELECT 'SELECT pg_create_logical_replication_slot(''patterns'', ''walferry'')'
	' \g (tuples_only) /dev/null';
SELECT format('INSERT INTO %I.%I (%s) VALUES (%s);', part[2], coalesce(part[3], 't'),
	string_agg(format('%I', coalesce(part[4], 'of a ' || part[1])), ', '),
	string_agg(id::text, ', '))
FROM things WHERE NOT via
GROUP BY part[2], coalesce(part[3], 't');
\o
\set ON_ERROR_STOP on
\i create.psql
SELECT count(pg_logical_emit_message(true, thing, id::text)) FROM things
WHERE via \g /dev/null
CHECKPOINT;

\o look.psql
SELECT format(E'INSERT INTO got SELECT DISTINCT %s, m[1]::int8'
	' FROM walferry_slot_peek_changes(''patterns'', NULL, NULL, %L, %L) c,'
	' regexp_matches(detail, %L, ''g'') m WHERE message = %L;\n'
	'\\if :ERROR\n'
	'INSERT INTO errors VALUES (%1$s, :''LAST_ERROR_MESSAGE'');\n'
	'\\endif',
	id, option, list,
	CASE WHEN option = 'include_message_prefixes' THEN 'content=''(\d+)'''
		ELSE '=(\d+)' END,
	CASE WHEN option = 'include_message_prefixes' THEN 'message'
		ELSE 'insert' END)
FROM lists ORDER BY id;
\o
\set ON_ERROR_STOP off
\i look.psql
\set ON_ERROR_STOP on

CREATE TEMP TABLE verdicts AS
	SELECT a.n, a.option, a.list, a.thing, a.expected, a.error AS wanted,
		CASE WHEN e.list IS NOT NULL THEN 'bad'
			WHEN g.list IS NOT NULL THEN 'yes' ELSE 'no' END AS found,
		e.message
	FROM asked a JOIN lists l USING (option, list)
	JOIN things t ON t.thing = a.thing AND
		t.via = (a.option = 'include_message_prefixes')
	LEFT JOIN got g ON g.list = l.id AND g.thing = t.id
	LEFT JOIN errors e ON e.list = l.id;
\o
SELECT format('decoder: %s, %s, %s: Java says %s, not %s (%s)', option, list,
	thing, expected, found, message)
FROM verdicts
WHERE CASE WHEN wanted <> '' THEN found <> 'bad' OR
		message NOT LIKE 'invalid regular expression%' OR
		right(message, length(wanted) + 2) <> ': ' || wanted
	ELSE found <> expected END
ORDER BY n;
SELECT format('patterns: %s looks, %s lists, %s of them refused', count(*),
	count(DISTINCT list), count(DISTINCT list) FILTER (WHERE found = 'bad'))
FROM verdicts;
