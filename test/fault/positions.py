"""The position records of exactly once, and whether the slot ever is ahead.

They are in the topic PREFIX.SLOT.offsets; forwarder/position.h has the format.
"""
import json

import oracle
from kafka_log import READ_COMMITTED, UNKNOWN_TOPIC, KafkaError

_TABLE = []
for _byte in range(256):
    for _ in range(8):
        _byte = _byte >> 1 ^ (0x82f63b78 if _byte & 1 else 0)
    _TABLE.append(_byte)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def parse(key, value):
    """The fields of a position record; None for what else the topic holds.
    ValueError if its checksum is wrong."""
    who = json.loads(key)
    if "topic" in who or value is None:
        return None
    body, mark, crc = value.rpartition(b',"crc32c":"')
    if not mark or crc != b'%08x"}' % crc32c(body + key):
        raise ValueError(f"checksum of {value!r}")
    return json.loads(value)


class Tail:
    """Reads the topic as it grows, as any read_committed consumer would."""

    def __init__(self, client, topic):
        self.client, self.topic = client, topic
        self.offset = 0
        self.end_lsn = 0

    def poll(self):
        """The end LSN of the last position that is committed.  KafkaError if
        the broker cannot tell."""
        try:
            end = self.client.end_offset(self.topic, 0, READ_COMMITTED)
        except KafkaError as error:
            if error.code == UNKNOWN_TOPIC:
                return 0
            raise
        if end > self.offset:
            for record in self.client.records(
                    self.topic, 0, READ_COMMITTED, self.offset, end):
                value = parse(record.key, record.value)
                if value:
                    self.end_lsn = oracle.lsn_number(value["end_lsn"])
            self.offset = end
        return self.end_lsn
