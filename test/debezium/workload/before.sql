-- What is there before anybody reads: Debezium does not always notice that an
-- extension's type is new.
SET client_min_messages = warning;
CREATE EXTENSION hstore SCHEMA public;
CREATE EXTENSION citext SCHEMA public;
CREATE EXTENSION ltree SCHEMA public;
CREATE EXTENSION isn SCHEMA public;
CREATE EXTENSION cube SCHEMA public;
CREATE EXTENSION seg SCHEMA public;
