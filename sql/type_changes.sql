-- What is said of a type changes with it, in every table that has it somehow,
-- and nothing is said again of the others.
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_type_changes', 'walferry');
CREATE TYPE tc_mood AS ENUM ('sad', 'happy');
CREATE TYPE tc_other AS ENUM ('one');
CREATE TYPE tc_pair AS (a int, b text);
CREATE TYPE tc_range AS RANGE (subtype = float8);
CREATE DOMAIN tc_inner AS tc_mood;
CREATE DOMAIN tc_outer AS tc_inner;
CREATE DOMAIN tc_list AS tc_mood[];
CREATE DOMAIN tc_text AS text;
CREATE TABLE tc_plain (t text, n int[]);
CREATE TABLE tc_enum (e tc_mood);
CREATE TABLE tc_array (e tc_mood[]);
CREATE TABLE tc_domain (e tc_outer);
CREATE TABLE tc_domain_array (e tc_list);
CREATE TABLE tc_array_domain (e tc_text[]);
CREATE TABLE tc_another (e tc_other);
CREATE TABLE tc_composite (p tc_pair, r tc_range);
CREATE TABLE tc_root (e tc_mood) PARTITION BY LIST (e);
CREATE TABLE tc_leaf PARTITION OF tc_root DEFAULT;
CREATE PROCEDURE rows() LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO tc_plain DEFAULT VALUES;
    INSERT INTO tc_enum DEFAULT VALUES;
    INSERT INTO tc_array DEFAULT VALUES;
    INSERT INTO tc_domain DEFAULT VALUES;
    INSERT INTO tc_domain_array DEFAULT VALUES;
    INSERT INTO tc_array_domain DEFAULT VALUES;
    INSERT INTO tc_another DEFAULT VALUES;
    INSERT INTO tc_composite DEFAULT VALUES;
    INSERT INTO tc_root DEFAULT VALUES;
END $$;
CREATE TABLE step (what text);
\set step 'INSERT INTO step VALUES'

CALL rows();
:step ('rename the enum');
ALTER TYPE tc_mood RENAME TO tc_feeling;
CALL rows();
:step ('add a label');
ALTER TYPE tc_feeling ADD VALUE 'new';
CALL rows();
:step ('rename a label');
ALTER TYPE tc_feeling RENAME VALUE 'new' TO 'newer';
CALL rows();
:step ('rename the inner domain, of which nothing is said');
ALTER DOMAIN tc_inner RENAME TO tc_middle;
CALL rows();
:step ('rename the outer domain');
ALTER DOMAIN tc_outer RENAME TO tc_outermost;
CALL rows();
:step ('rename the domain of an array');
ALTER DOMAIN tc_list RENAME TO tc_feelings;
CALL rows();
:step ('rename the domain in an array');
ALTER DOMAIN tc_text RENAME TO tc_string;
CALL rows();
:step ('rename composite and range');
ALTER TYPE tc_pair RENAME TO tc_couple;
ALTER TYPE tc_range RENAME TO tc_interval;
CALL rows();
:step ('move a type to another schema');
CREATE SCHEMA tc_schema;
ALTER TYPE tc_other SET SCHEMA tc_schema;
CALL rows();
:step ('create and drop others');
CREATE TYPE tc_more AS ENUM ('x');
CREATE TABLE tc_unrelated (e tc_more);
DROP TABLE tc_unrelated;
DROP TYPE tc_more;
CALL rows();

-- Each step, and the tables of which something was said again after it.
SELECT substr(max(detail) FILTER (WHERE message = 'insert' AND relation = 'public.step'), 1, 70) AS step,
       string_agg(relation, ' ' ORDER BY lsn_order) FILTER (WHERE message = 'relation' AND relation <> 'public.step') AS said_again
  FROM (SELECT *, row_number() OVER () AS lsn_order,
               count(*) FILTER (WHERE message = 'insert' AND relation = 'public.step') OVER (ROWS UNBOUNDED PRECEDING) AS step_no
          FROM walferry_slot_peek_changes('regress_type_changes', NULL, NULL)) c
 GROUP BY step_no ORDER BY step_no;
SELECT relation, detail FROM walferry_slot_get_changes('regress_type_changes', NULL, NULL) WHERE message = 'relation' AND relation LIKE '%tc_domain%';

SELECT pg_drop_replication_slot('regress_type_changes');
DROP TABLE tc_plain, tc_enum, tc_array, tc_domain, tc_domain_array, tc_array_domain, tc_another, tc_composite, tc_root, step;
DROP PROCEDURE rows;
DROP DOMAIN tc_outermost, tc_middle, tc_feelings, tc_string;
DROP TYPE tc_feeling, tc_schema.tc_other, tc_couple, tc_interval;
DROP SCHEMA tc_schema;
