"""The position records, and whether the slot ever is ahead of them.

They are in the topic PREFIX.SLOT.offsets; forwarder/position.h has the format.
"""
import json

import oracle
from kafka_log import UNKNOWN_TOPIC, End, KafkaError

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
    """Follows the topic as it grows, open transactions included.

    What has to hold is that PostgreSQL is never told a position that Kafka has
    not committed.  A transaction is committed when its coordinator has said so
    in its own log; the markers, which readers of the topic wait for, come a
    moment later.  So where the marker is missing the coordinator is asked.

    At least once there are no transactions: what is there is committed.  What
    a dead session wrote may come late, and takes nothing back.
    """

    def __init__(self, client, topic, transactional_id):
        self.client, self.topic = client, topic
        self.transactional_id = transactional_id
        self.offset = 0
        self.end_lsn = 0        # of the last that is committed
        self.open = {}          # pid -> end LSN of an open transaction

    def poll(self):
        """Read on.  KafkaError if the broker cannot tell."""
        try:
            for entry in self.client.entries(self.topic, 0, self.offset):
                self._take(entry)
                self.offset = entry.offset + 1
        except KafkaError as error:
            if error.code != UNKNOWN_TOPIC:
                raise

    def _take(self, entry):
        if isinstance(entry, End):
            lsn = self.open.pop(entry.pid, 0)
            if entry.committed and lsn:
                self.end_lsn = lsn
            return
        value = parse(entry.key, entry.value)
        if value and entry.transactional:
            self.open[entry.pid] = oracle.lsn_number(value["end_lsn"])
        elif value:
            self.end_lsn = max(self.end_lsn,
                               oracle.lsn_number(value["end_lsn"]))

    def ahead(self, confirmed):
        """None, or why this position must not have been confirmed when it
        was read, which was before this call."""
        self.poll()
        if confirmed <= self.end_lsn:
            return None
        if confirmed > max(self.open.values(), default=0):
            return f"Kafka has {oracle.lsn_text(self.end_lsn)}, and nothing " \
                "of what comes after it"
        state = self.client.transaction_state(self.transactional_id)
        if state in ("PrepareCommit", "CompleteCommit"):
            return None
        # Another transaction would not be there before this one's marker.
        self.poll()
        if confirmed <= self.end_lsn:
            return None
        return f"Kafka has {oracle.lsn_text(self.end_lsn)}, and the state " \
            f"of the transaction after it is {state}"
