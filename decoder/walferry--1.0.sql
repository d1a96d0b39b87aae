/* walferry--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION walferry" to load this file. \quit

CREATE FUNCTION walferry_version() RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION walferry_version() IS
'version of the library that this server has loaded';

CREATE FUNCTION walferry_options(
    OUT name text, OUT type text, OUT default_value text, OUT help text)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION walferry_options() IS
'options of the output plugin';

CREATE FUNCTION walferry_relation(relation regclass) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C STRICT STABLE;
COMMENT ON FUNCTION walferry_relation(regclass) IS
'schema message of a table, as a frame with schema id 1';

CREATE FUNCTION walferry_encode(row_value record) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C STRICT STABLE;
COMMENT ON FUNCTION walferry_encode(record) IS
'row of a table as an insert message, as a frame with schema id 1';

CREATE FUNCTION walferry_render(
    frames bytea[],
    OUT lsn pg_lsn, OUT xid xid8, OUT message text, OUT relation text,
    OUT detail text)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STRICT STABLE;
COMMENT ON FUNCTION walferry_render(bytea[]) IS
'frames of a stream as readable rows; superusers only';
REVOKE ALL ON FUNCTION walferry_render(bytea[]) FROM PUBLIC;

CREATE FUNCTION walferry_slot_get_changes(
    slot_name name, upto_lsn pg_lsn, upto_nchanges integer,
    VARIADIC options text[] DEFAULT '{}',
    OUT lsn pg_lsn, OUT xid xid8, OUT message text, OUT relation text,
    OUT detail text)
RETURNS SETOF record LANGUAGE sql
BEGIN ATOMIC
    SELECT r.lsn, r.xid, r.message, r.relation, r.detail
      FROM walferry_render(ARRAY(
        SELECT c.data FROM pg_catalog.pg_logical_slot_get_binary_changes(
            $1, $2, $3, VARIADIC $4) c)) r;
END;
COMMENT ON FUNCTION walferry_slot_get_changes(name, pg_lsn, integer, text[]) IS
'pg_logical_slot_get_binary_changes(), rendered; superusers only';
REVOKE ALL ON FUNCTION walferry_slot_get_changes(name, pg_lsn, integer, text[])
    FROM PUBLIC;

CREATE FUNCTION walferry_slot_peek_changes(
    slot_name name, upto_lsn pg_lsn, upto_nchanges integer,
    VARIADIC options text[] DEFAULT '{}',
    OUT lsn pg_lsn, OUT xid xid8, OUT message text, OUT relation text,
    OUT detail text)
RETURNS SETOF record LANGUAGE sql
BEGIN ATOMIC
    SELECT r.lsn, r.xid, r.message, r.relation, r.detail
      FROM walferry_render(ARRAY(
        SELECT c.data FROM pg_catalog.pg_logical_slot_peek_binary_changes(
            $1, $2, $3, VARIADIC $4) c)) r;
END;
COMMENT ON FUNCTION walferry_slot_peek_changes(name, pg_lsn, integer, text[]) IS
'pg_logical_slot_peek_binary_changes(), rendered; superusers only';
REVOKE ALL ON FUNCTION walferry_slot_peek_changes(name, pg_lsn, integer, text[])
    FROM PUBLIC;
