#!/usr/bin/env python3
"""Leaves a transaction open as Kafka 4.3.0 and 4.3.1 do (KAFKA-20734): its
coordinator knows nothing of it, and its producer id is that of the next one.

    left_open.py BOOTSTRAP TRANSACTIONAL-ID TOPIC PARTITION KEY POSITION

Prints the record's offset.  Wants brokers that do not verify a transaction's
partitions.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] /
                       "test" / "fault"))

import kafka_log    # noqa: E402, after the path

bootstrap, transactional_id, topic, partition, key, position = sys.argv[1:]
client = kafka_log.Kafka(bootstrap)
client.topics()
print(client.leave_open(transactional_id, topic, int(partition), key.encode(),
                        {"walferry.position": position.encode()}))
