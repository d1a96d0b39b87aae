-- Run once, when compose.yaml's PostgreSQL makes its cluster.
\getenv password WALFERRY_PASSWORD

-- Reading the WAL needs REPLICATION and no rights on any table.
CREATE ROLE walferry LOGIN REPLICATION PASSWORD :'password';

-- The plugin works without; this adds functions for looking at the stream.
CREATE EXTENSION walferry;

-- Something to change.
CREATE TABLE greeting (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	body text NOT NULL,
	said_at timestamptz NOT NULL DEFAULT now()
);
