-- What is there before anybody reads: Debezium does not always notice that an
-- extension's type is new.
SET client_min_messages = warning;
CREATE EXTENSION hstore SCHEMA public;
CREATE EXTENSION citext SCHEMA public;
CREATE EXTENSION ltree SCHEMA public;
CREATE EXTENSION isn SCHEMA public;
CREATE EXTENSION cube SCHEMA public;
CREATE EXTENSION seg SCHEMA public;

-- What stands for the types of PostGIS and pgvector, of which readers see the
-- names and the texts: these take any.
CREATE FUNCTION public.like_an_extension(name text, delimiter text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TYPE public.%I', name);
    EXECUTE format('CREATE FUNCTION public.%I(cstring) RETURNS public.%I LANGUAGE internal IMMUTABLE STRICT AS ''textin''',
        name || '_in', name);
    EXECUTE format('CREATE FUNCTION public.%I(public.%I) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS ''textout''',
        name || '_out', name);
    EXECUTE format('CREATE TYPE public.%I (INPUT = public.%I, OUTPUT = public.%I, DELIMITER = %L, STORAGE = extended)',
        name, name || '_in', name || '_out', delimiter);
END $$;
SELECT public.like_an_extension('geometry', ':');
SELECT public.like_an_extension('geography', ':');
SELECT public.like_an_extension('vector', ',');
SELECT public.like_an_extension('halfvec', ',');
SELECT public.like_an_extension('sparsevec', ',');
