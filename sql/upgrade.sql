-- Every version that can be installed, updated to the newest, equals a fresh one.
SET client_min_messages = warning;
CREATE FUNCTION contents() RETURNS TABLE (object text, definition text) LANGUAGE sql AS $$
    SELECT pg_describe_object(d.classid, d.objid, 0),
           CASE WHEN d.classid = 'pg_proc'::regclass
                THEN pg_get_functiondef(d.objid) || coalesce((SELECT proacl::text FROM pg_proc WHERE oid = d.objid), '')
                     || coalesce(obj_description(d.objid, 'pg_proc'), '') END
      FROM pg_depend d
     WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
       AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'walferry')
$$;
DROP EXTENSION IF EXISTS walferry;
CREATE EXTENSION walferry;
CREATE TEMP TABLE fresh AS SELECT * FROM contents();
SELECT count(*) > 0 AS some, bool_and(definition IS NOT NULL) AS functions FROM fresh;

CREATE TEMP TABLE differences (version text, object text, definition text);
DO $$
DECLARE
    v text;
BEGIN
    FOR v IN SELECT version FROM pg_available_extension_versions WHERE name = 'walferry' LOOP
        DROP EXTENSION walferry;
        EXECUTE format('CREATE EXTENSION walferry VERSION %L', v);
        ALTER EXTENSION walferry UPDATE;
        INSERT INTO differences
            SELECT v, q.* FROM ((TABLE fresh EXCEPT SELECT * FROM contents())
                          UNION ALL (SELECT * FROM contents() EXCEPT TABLE fresh)) q;
    END LOOP;
END $$;
TABLE differences;

-- Into a schema of one's own, and moved.
DROP EXTENSION walferry;
CREATE SCHEMA regress_upgrade;
CREATE EXTENSION walferry SCHEMA regress_upgrade;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_upgrade', 'walferry');
CREATE TABLE regress_upgrade.t (id int PRIMARY KEY);
INSERT INTO regress_upgrade.t VALUES (1);
SELECT message, relation FROM regress_upgrade.walferry_slot_peek_changes('regress_upgrade', NULL, NULL) WHERE relation IS NOT NULL;
ALTER EXTENSION walferry SET SCHEMA public;
SELECT message, relation FROM walferry_slot_peek_changes('regress_upgrade', NULL, NULL) WHERE relation IS NOT NULL;
-- The plugin needs no extension.
DROP EXTENSION walferry;
SELECT count(*) > 0 AS there FROM pg_logical_slot_peek_binary_changes('regress_upgrade', NULL, NULL);
CREATE EXTENSION walferry;
SELECT message, relation FROM walferry_slot_get_changes('regress_upgrade', NULL, NULL) WHERE relation IS NOT NULL;

SELECT pg_drop_replication_slot('regress_upgrade');
DROP SCHEMA regress_upgrade CASCADE;
DROP FUNCTION contents;
