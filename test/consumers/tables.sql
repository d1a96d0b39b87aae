-- Tables of which a consumer can make a copy from events alone, and what
-- becomes of them.  The same in each run.
CREATE SCHEMA shop;
CREATE TYPE shop.state AS ENUM ('new', 'paid', 'sent');
CREATE TABLE shop.orders (
    id int PRIMARY KEY, customer bigint, priority smallint, done boolean, weight real, volume double precision,
    total numeric(12,2), note text, code char(3), name varchar(40), reference uuid, document jsonb, raw bytea,
    day date, clock time(3), placed timestamp, changed timestamptz, tags text[], state shop.state, pause interval);
ALTER TABLE shop.orders REPLICA IDENTITY FULL;
-- A key of several columns, in another order than the columns.
CREATE TABLE shop.items (amount int NOT NULL, item text NOT NULL, order_id int NOT NULL, price numeric(10,3), PRIMARY KEY (order_id, item));
ALTER TABLE shop.items REPLICA IDENTITY FULL;
-- wait
INSERT INTO shop.orders
SELECT i, i * 5000000000, i % 300 - 150, i % 3 = 0, i / 8.0, 1.0 / i, (i * 7919 - 100000) / 100.0,
    CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN E'line\nand "quote" \\ \t' WHEN 3 THEN 'žluťoučký kůň 🐎' ELSE repeat('x', i) END,
    'c' || i % 10, md5(i::text), md5('u' || i)::uuid, jsonb_build_object('n', i, 'of', jsonb_build_array(i, NULL, 'ü')), decode(md5(i::text), 'hex'),
    date '1900-01-01' + i * 200, time '00:00' + i * interval '123.456 s', timestamp '1999-12-31 23:59:59.999999' + i * interval '1 day 1.000001 s',
    timestamptz '2000-02-29 12:00:00.000001+00' + i * interval '33 hours 1.1 s', ARRAY['a' || i, NULL, ''],
    (ARRAY['new', 'paid', 'sent'])[1 + i % 3]::shop.state, i * interval '1 hour'
FROM generate_series(1, 400) i;
INSERT INTO shop.orders (id) VALUES (0), (-1), (2147483647);
INSERT INTO shop.items SELECT j, 'item ' || j, i, i / 3.0 FROM generate_series(1, 400) i, generate_series(1, 1 + i % 3) j;
-- Each row by itself, some in one transaction, some undone.
DO $$
BEGIN
    FOR i IN 1..400 LOOP
        IF i % 4 = 0 THEN
            UPDATE shop.orders SET state = 'sent', total = total + 0.01, placed = NULL WHERE id = i;
        ELSIF i % 7 = 0 THEN
            DELETE FROM shop.items WHERE order_id = i;
            DELETE FROM shop.orders WHERE id = i;
        ELSIF i % 11 = 0 THEN
            UPDATE shop.orders SET id = 10000 + i WHERE id = i;
            UPDATE shop.items SET order_id = 10000 + i WHERE order_id = i;
        ELSIF i % 13 = 0 THEN
            UPDATE shop.items SET amount = amount + 1, price = NULL WHERE order_id = i;
        END IF;
        IF i % 3 = 0 THEN
            COMMIT;
        ELSIF i % 17 = 0 THEN
            ROLLBACK;
        END IF;
    END LOOP;
END $$;
UPDATE shop.orders SET tags = NULL, raw = raw || '\x00ff' WHERE id BETWEEN 100 AND 150;
UPDATE shop.orders SET note = note;
BEGIN;
DELETE FROM shop.orders WHERE id > 380 AND id < 10000;
INSERT INTO shop.orders (id, note) VALUES (390, 'again');
UPDATE shop.orders SET note = 'and again' WHERE id = 390;
DELETE FROM shop.orders WHERE id = -1;
COMMIT;
