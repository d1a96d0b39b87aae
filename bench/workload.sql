-- The tables and the writers of the benchmarks.
--
-- Rows are taken from a pool of prepared ones, so that the content is the
-- same in every run and generating it is cheap.  Text is plain ASCII without
-- quotes or backslashes (counter.c relies on it).

CREATE UNLOGGED TABLE bench_pool (
	n		int PRIMARY KEY,
	qty		int NOT NULL,
	note	text NOT NULL,			-- 40 to 200 bytes
	price	numeric(14,2) NOT NULL,
	seen	timestamptz NOT NULL,
	ref		uuid NOT NULL,
	doc		jsonb NOT NULL,			-- about 70 bytes as text
	ok		bool NOT NULL,
	ratio	float8 NOT NULL
);

INSERT INTO bench_pool
SELECT n,
	   n * 7,
	   left(repeat(md5(n::text) || ' ', 7), 40 + n * 37 % 161),
	   (n * 7919 % 10000000) / 100.0,
	   timestamptz '2026-01-01 00:00:00+00' + n * interval '17.000321 s',
	   md5('ref' || n)::uuid,
	   jsonb_build_object('kind', 'part', 'weight', n % 500 / 4.0,
						  'tags', jsonb_build_array('a' || n % 10, 'b'),
						  'checked', n % 2 = 0),
	   n % 3 = 0,
	   n / 8.0::float8
FROM generate_series(0, 999) n;

CREATE TABLE bench_default (
	id		bigint PRIMARY KEY,
	qty		int,
	note	text,
	price	numeric(14,2),
	seen	timestamptz,
	ref		uuid,
	doc		jsonb,
	ok		bool,
	ratio	float8
);

CREATE TABLE bench_full (LIKE bench_default INCLUDING ALL);
ALTER TABLE bench_full REPLICA IDENTITY FULL;

-- pgoutput wants one; it must be older than the slots
CREATE PUBLICATION bench FOR TABLE bench_default, bench_full;

-- The rows that bench_mixed(txns) updates and deletes.
CREATE PROCEDURE bench_fill(txns int)
LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO bench_default
	SELECT i, p.qty, p.note, p.price, p.seen, p.ref, p.doc, p.ok, p.ratio
	FROM generate_series(1, txns * 4) i JOIN bench_pool p ON p.n = i % 1000
	ORDER BY i;
	INSERT INTO bench_full
	SELECT i, p.qty, p.note, p.price, p.seen, p.ref, p.doc, p.ok, p.ratio
	FROM generate_series(1, txns) i JOIN bench_pool p ON p.n = i % 1000
	ORDER BY i;
END
$$;

-- Transactions of ten changes: five inserts (four and one), three updates of
-- the table with the default identity, one of the table with the full one,
-- one delete.  Of every four rows of bench_fill three are updated and the
-- fourth is deleted, each once, in an order spread over the whole table.
CREATE PROCEDURE bench_mixed(txns int)
LANGUAGE plpgsql AS $$
DECLARE
	first	bigint := txns * 4;
	u		bigint;
	victim	bigint;
BEGIN
	FOR t IN 0 .. txns - 1 LOOP
		INSERT INTO bench_default
		SELECT first + t * 4 + i, p.qty, p.note, p.price, p.seen, p.ref,
			   p.doc, p.ok, p.ratio
		FROM generate_series(1, 2) i
			 JOIN bench_pool p ON p.n = (t * 4 + i) % 1000;

		FOR k IN 0 .. 2 LOOP
			u := (t * 3 + k) * 7919::bigint % (txns * 3);
			UPDATE bench_default d
			SET qty = d.qty + 1, note = p.note, price = p.price,
				seen = p.seen, doc = p.doc, ratio = p.ratio
			FROM bench_pool p
			WHERE d.id = u / 3 * 4 + u % 3 + 1
				  AND p.n = (t * 3 + k) % 1000;
			IF k = 1 THEN
				victim := t * 7919::bigint % txns * 4 + 4;
				DELETE FROM bench_default WHERE id = victim;
			END IF;
		END LOOP;

		INSERT INTO bench_full
		SELECT txns + t + 1, p.qty, p.note, p.price, p.seen, p.ref, p.doc,
			   p.ok, p.ratio
		FROM bench_pool p WHERE p.n = t % 1000;

		UPDATE bench_full d
		SET qty = d.qty + 1, note = p.note, price = p.price, ok = NOT d.ok
		FROM bench_pool p
		WHERE d.id = t * 7919::bigint % txns + 1 AND p.n = (t + 500) % 1000;

		INSERT INTO bench_default
		SELECT first + t * 4 + i, p.qty, p.note, p.price, p.seen, p.ref,
			   p.doc, p.ok, p.ratio
		FROM generate_series(3, 4) i
			 JOIN bench_pool p ON p.n = (t * 4 + i) % 1000;
		COMMIT;
	END LOOP;
END
$$;

-- Transactions of 'size' inserts, ids from first_id on.
CREATE PROCEDURE bench_insert(first_id bigint, txns int, size int)
LANGUAGE plpgsql AS $$
DECLARE
	base	bigint;
BEGIN
	FOR t IN 0 .. txns - 1 LOOP
		base := first_id + t::bigint * size;
		INSERT INTO bench_default
		SELECT base + i, p.qty, p.note, p.price, p.seen, p.ref, p.doc, p.ok,
			   p.ratio
		FROM generate_series(0, size - 1) i
			 JOIN bench_pool p ON p.n = (base + i) % 1000;
		COMMIT;
	END LOOP;
END
$$;

ANALYZE bench_pool;
