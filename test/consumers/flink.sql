-- Flink as docs/consumers.md has it; names in capitals are filled in.
-- A column of TIME would be without its fraction: Flink's JSON has seconds.
CREATE TABLE orders (
    id INT, customer BIGINT, priority SMALLINT, done BOOLEAN, weight FLOAT, volume DOUBLE,
    total DECIMAL(12, 2), note STRING, code STRING, name STRING, reference STRING, document STRING, `raw` BYTES,
    `day` DATE, clock STRING, placed TIMESTAMP(6), changed TIMESTAMP_LTZ(6), tags ARRAY<STRING>, state STRING, pause BIGINT,
    committed TIMESTAMP_LTZ(3) METADATA FROM 'value.source.timestamp' VIRTUAL,
    source_table STRING METADATA FROM 'value.source.table' VIRTUAL
) WITH (
    'connector' = 'kafka', 'topic' = 'PREFIX.shop.orders', 'properties.bootstrap.servers' = 'BOOTSTRAP',
    'properties.isolation.level' = 'read_committed',
    'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset',
    'format' = 'debezium-json', 'debezium-json.schema-include' = 'SCHEMAS',
    'debezium-json.timestamp-format.standard' = 'ISO-8601'
);
CREATE TABLE items (
    amount INT, item STRING, order_id INT, price DECIMAL(10, 3)
) WITH (
    'connector' = 'kafka', 'topic' = 'PREFIX.shop.items', 'properties.bootstrap.servers' = 'BOOTSTRAP',
    'properties.isolation.level' = 'read_committed',
    'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset',
    'format' = 'debezium-json', 'debezium-json.schema-include' = 'SCHEMAS'
);
SELECT id, customer, priority, done, weight, volume, total, note, code, name, reference, document, `raw`,
    `day`, clock, placed, changed, tags, state, pause FROM orders;
SELECT amount, item, order_id, price FROM items;
-- Joined and summed, as changes arrive.
SELECT o.code, COUNT(*), SUM(i.amount), SUM(i.price) FROM orders o JOIN items i ON i.order_id = o.id GROUP BY o.code;
SELECT source_table, COUNT(*), COUNT(committed) FROM orders GROUP BY source_table;
