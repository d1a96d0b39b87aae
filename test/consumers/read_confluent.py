"""confluent-kafka reads topics, as a program of a user would.

    read_confluent.py BOOTSTRAP FILE TOPIC ...

What it read goes to FILE, as events.py has files of events.
"""
import json
import sys

import confluent_kafka
import events


def read(bootstrap, topics):
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": bootstrap, "group.id": "test",
        "auto.offset.reset": "earliest", "enable.auto.commit": False,
        "isolation.level": "read_committed", "enable.partition.eof": True,
        "enable.metrics.push": False})
    known = consumer.list_topics(timeout=30).topics
    wanted = [confluent_kafka.TopicPartition(topic, partition, 0)
              for topic in topics for partition in known[topic].partitions]
    consumer.assign(wanted)
    ended = set()
    while len(ended) < len(wanted):
        message = consumer.poll(30)
        if message is None:
            raise TimeoutError("nothing came for 30 seconds")
        place = message.topic(), message.partition()
        if message.error():
            if message.error().code() != \
                    confluent_kafka.KafkaError._PARTITION_EOF:
                raise confluent_kafka.KafkaException(message.error())
            ended.add(place)
            continue
        # What everybody does with it.
        for data in (message.key(), message.value()):
            if data is not None:
                json.loads(data)
        yield events.Event(*place, message.offset(), message.key(),
                           message.value(), message.headers() or [])
    consumer.close()


def main(bootstrap, path, *topics):
    events.save(path, {
        "confluent-kafka": confluent_kafka.__version__,
        "librdkafka": confluent_kafka.libversion()[0]},
        read(bootstrap, topics))


if __name__ == "__main__":
    main(*sys.argv[1:])
