"""Events as a broker holds them, and as a file of them.

A file is gzip or xz of JSON lines: a head, which says what made it and what
the tables' columns are (columns.py), then one line for each event.
"""
import collections
import gzip
import json
import lzma

# headers: a list of (name, bytes or None), in their order.
Event = collections.namedtuple(
    "Event", "topic partition offset key value headers")


def read(client, wanted):
    """All that a reader of committed records finds in the topics that
    wanted(name) chooses."""
    from kafka_log import READ_COMMITTED
    return [Event(topic, number, r.offset, r.key, r.value, r.headers)
            for topic, partitions in sorted(client.topics().items())
            if wanted(topic)
            for number in sorted(partitions)
            for r in client.records(topic, number, READ_COMMITTED,
                                    headers=list)]


# Bytes that are not UTF-8 come back as they were.
def _text(data):
    return None if data is None else data.decode("utf-8", "surrogateescape")


def _bytes(text):
    return None if text is None else text.encode("utf-8", "surrogateescape")


def _open(path, mode):
    if str(path).endswith(".xz"):
        return lzma.open(path, mode, encoding="ascii", preset=9
                         if "w" in mode else None)
    return gzip.open(path, mode, encoding="ascii")


def save(path, head, events):
    with _open(path, "wt") as f:
        for line in [head, *(
                [e.topic, e.partition, e.offset, _text(e.key), _text(e.value),
                 [[name, _text(value)] for name, value in e.headers]]
                for e in events)]:
            f.write(json.dumps(line) + "\n")


def load(path):
    """(head, events)"""
    with _open(path, "rt") as f:
        head = json.loads(next(f))
        return head, [
            Event(topic, partition, offset, _bytes(key), _bytes(value),
                  [(name, _bytes(data)) for name, data in headers])
            for topic, partition, offset, key, value, headers in
            map(json.loads, f)]
