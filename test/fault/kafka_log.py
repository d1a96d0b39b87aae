"""What a Kafka partition holds, read from its log as the broker keeps it.

A consumer library shows records; the checker needs to know more: which
producer session wrote each of them, and what was aborted.  So this speaks the
few requests of Kafka's protocol that it takes, in their oldest versions that
Kafka 4 still has.  It shares no code with the program under test; kcat,
which is librdkafka's, is used beside it as a second reader.

Record batches of version 2, uncompressed or gzip.  Checksums of batches are
not verified here: Python has no CRC-32C, and kcat does it.
"""
import collections
import gzip
import socket
import struct
import time
import zlib

READ_UNCOMMITTED, READ_COMMITTED = 0, 1

# Error codes of the protocol that callers look at.
UNKNOWN_TOPIC = 3
NO_LEADER = 5

# Kinds of resources and operations of access control lists.
ACL_TOPIC, ACL_TRANSACTIONAL_ID = 2, 5
ACL_ALL, ACL_WRITE = 2, 4
_ACL_ANY, _ACL_CLUSTER, _DENY, _ALLOW, _LITERAL = 1, 4, 2, 3, 3

Record = collections.namedtuple(
    "Record", "offset timestamp key value headers pid epoch transactional")

# How a transaction ended, as a partition's log has it.
End = collections.namedtuple("End", "offset pid committed")


class KafkaError(Exception):
    """The broker refused, or cannot be reached."""

    def __init__(self, text, code=None):
        super().__init__(text)
        self.code = code


class _Out:
    """A request's body."""

    def __init__(self):
        self.data = bytearray()

    def num(self, form, *values):
        self.data += struct.pack(">" + form, *values)
        return self

    def string(self, text):
        raw = text.encode()
        return self.num("h", len(raw)).raw(raw)

    def raw(self, data):
        self.data += data
        return self

    def compact(self, text):
        """A string of a newer ("flexible") request, shorter than 127."""
        raw = text.encode()
        return self.num("b", len(raw) + 1).raw(raw)


class _In:
    """A response's body, read from front to back."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def num(self, form):
        value = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return value[0] if len(value) == 1 else value

    def string(self):
        size = self.num("h")
        if size < 0:
            return None
        self.at += size
        return bytes(self.data[self.at - size:self.at]).decode()

    def compact(self):
        """A string of a newer response."""
        size = self.varint() - 1
        self.at += size
        return bytes(self.data[self.at - size:self.at]).decode()

    def varint(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7f) << shift
            if byte < 0x80:
                return value
            shift += 7

    def array(self, read):
        return [read(self) for _ in range(max(0, self.num("i")))]

    def bytes(self):
        size = self.num("i")
        if size < 0:
            return b""
        self.at += size
        return memoryview(self.data)[self.at - size:self.at]


class _Connection:
    """One broker, one request at a time."""

    def __init__(self, host, port, timeout):
        try:
            self.socket = socket.create_connection((host, port), timeout)
        except OSError as error:
            raise KafkaError(f"{host}:{port}: {error}") from None
        self.correlation = 0

    def call(self, api, version, body, flexible=False):
        self.correlation += 1
        head = struct.pack(">hhih", api, version, self.correlation, 5)
        tags = b"\0" if flexible else b""
        message = head + b"check" + tags + bytes(body.data)
        try:
            self.socket.sendall(struct.pack(">i", len(message)) + message)
            size, = struct.unpack(">i", self._exactly(4))
            answer = self._exactly(size)
        except OSError as error:
            self.socket.close()
            raise KafkaError(f"request {api}: {error}") from None
        if struct.unpack_from(">i", answer)[0] != self.correlation:
            raise KafkaError(f"request {api}: an answer to something else")
        return _In(answer[4 + len(tags):])

    def _exactly(self, size):
        data = bytearray(size)
        view = memoryview(data)
        while view:
            got = self.socket.recv_into(view)
            if got == 0:
                raise OSError("the broker closed the connection")
            view = view[got:]
        return data

    def close(self):
        self.socket.close()


class Kafka:
    """A cluster, as seen by a reader with administrative needs."""

    def __init__(self, bootstrap, timeout=10):
        self.bootstrap = bootstrap
        self.timeout = timeout
        self.connections = {}
        self.brokers = {}

    def close(self):
        for connection in self.connections.values():
            connection.close()
        self.connections.clear()

    def _call(self, node, api, version, body, **more):
        """node: a broker's id, or None for the one of the bootstrap."""
        connection = self.connections.get(node)
        if connection is None:
            if node is None:
                host, port = self.bootstrap.rsplit(":", 1)
            elif node in self.brokers:
                host, port = self.brokers[node]
            else:
                # -1: for a moment, nobody leads the partition.
                raise KafkaError(f"no broker {node}", NO_LEADER)
            connection = _Connection(host, int(port), self.timeout)
            self.connections[node] = connection
        try:
            return connection.call(api, version, body, **more)
        except KafkaError:
            del self.connections[node]
            raise

    def topics(self):
        """{topic: {partition: leader}} of the topics that are not Kafka's."""
        r = self._call(None, 3, 4, _Out().num("i?", -1, False))
        r.num("i")
        self.brokers = {}
        for _ in range(r.num("i")):
            node, host, port, _ = (r.num("i"), r.string(), r.num("i"),
                                   r.string())
            self.brokers[node] = host, port
        r.string()
        self.controller = r.num("i")

        def partition(r):
            _, index, leader = r.num("hii")
            r.array(lambda r: r.num("i"))
            r.array(lambda r: r.num("i"))
            return index, leader

        def topic(r):
            r.num("h")
            name, internal = r.string(), r.num("?")
            return name, internal, dict(r.array(partition))

        return {name: partitions
                for name, internal, partitions in r.array(topic)
                if not internal}

    def leader(self, topic, partition):
        try:
            return self.topics()[topic][partition]
        except KeyError:
            raise KafkaError(f"no partition {topic}/{partition}",
                             UNKNOWN_TOPIC) from None

    def end_offset(self, topic, partition, isolation=READ_UNCOMMITTED,
                   leader=None):
        """The next offset to be written; with READ_COMMITTED, that before
        which no transaction is open."""
        if leader is None:
            leader = self.leader(topic, partition)
        out = _Out().num("ibi", -1, isolation, 1).string(topic)
        r = self._call(leader, 2, 2, out.num("iiq", 1, partition, -1))
        r.num("ii")
        r.string()
        _, _, error, _, offset = r.num("iihqq")
        if error:
            raise KafkaError(f"end of {topic}/{partition}: error {error}",
                             error)
        return offset

    def fetch(self, topic, partition, offset, isolation, leader,
              wait_ms=100, max_bytes=4 << 20):
        """(end, aborted transactions, bytes of batches)."""
        (_, _, error, *rest), = self.fetch_all(
            leader, {(topic, partition): offset}, isolation, wait_ms,
            max_bytes, max_bytes)
        if error:
            raise KafkaError(f"{topic}/{partition}: error {error}", error)
        return rest

    def fetch_all(self, leader, offsets, isolation, wait_ms=0,
                  max_bytes=4 << 20, of_each=1 << 20):
        """From several partitions, offsets: {(topic, partition): offset}; in
        the order of offsets, as far as max_bytes reaches.  A list of (topic,
        partition, error code, end, aborted transactions, bytes)."""
        topics = {}
        for (topic, partition), offset in offsets.items():
            topics.setdefault(topic, []).append((partition, offset))
        out = _Out().num("iiiibi", -1, wait_ms, 1, max_bytes, isolation,
                         len(topics))
        for topic, partitions in topics.items():
            out.string(topic).num("i", len(partitions))
            for partition, offset in partitions:
                out.num("iqi", partition, offset, of_each)
        r = self._call(leader, 1, 4, out)
        r.num("i")

        def partition(r):
            number, error, high, stable = r.num("ihqq")
            aborted = r.array(lambda r: r.num("qq"))
            end = stable if isolation == READ_COMMITTED else high
            return number, error, end, aborted, r.bytes()

        return [(name, *one) for name, partitions in r.array(
            lambda r: (r.string(), r.array(partition))) for one in partitions]

    def entries(self, topic, partition, start=0):
        """What the log has from offset start on: a Record, also of a
        transaction that is open or aborted, or the End of one."""
        leader = self.leader(topic, partition)
        end = self.end_offset(topic, partition, leader=leader)
        offset = start
        while offset < end:
            _, _, data = self.fetch(topic, partition, offset,
                                    READ_UNCOMMITTED, leader)
            if not data:
                raise KafkaError(f"{topic}/{partition}: nothing at {offset}, "
                                 f"although the end is {end}")
            for batch in _batches(data):
                if batch.last < offset:
                    continue
                if batch.control is not None:
                    yield End(batch.last, batch.pid, batch.control == 1)
                else:
                    yield from (record for record in batch.records()
                                if record.offset >= offset)
                offset = batch.last + 1

    def records(self, topic, partition, isolation=READ_UNCOMMITTED,
                start=0, end=None, headers=dict):
        """The records from offset start up to end, by default as far as the
        log reaches at this moment; those of aborted transactions are left
        out with READ_COMMITTED, as every consumer does."""
        for batch in self.batches(topic, partition, isolation, start, end):
            for record in batch.records(headers):
                if start <= record.offset and (end is None or
                                               record.offset < end):
                    yield record

    def batches(self, topic, partition, isolation=READ_UNCOMMITTED, start=0,
                end=None):
        """The same as whole batches, the first and the last of which may
        reach beyond."""
        leader = self.leader(topic, partition)
        if end is None:
            end = self.end_offset(topic, partition, isolation, leader)
        reading = Reading(start)
        while reading.offset < end:
            _, aborted, data = self.fetch(topic, partition, reading.offset,
                                          isolation, leader)
            for batch in reading.take(aborted, data):
                if batch.base < end:
                    yield batch
            if not data:
                raise KafkaError(f"{topic}/{partition}: nothing at "
                                 f"{reading.offset}, although the end is "
                                 f"{end}")

    def delete_topics(self, names):
        self.topics()
        out = _Out().num("i", len(names))
        for name in names:
            out.string(name)
        r = self._call(self._any(), 20, 1, out.num("i", 10000))
        r.num("i")
        return dict(r.array(lambda r: (r.string(), r.num("h"))))

    def create_topic(self, name, partitions, replication=1, config=None):
        self.topics()
        out = _Out().num("i", 1).string(name).num("ihi", partitions,
                                                  replication, 0)
        out.num("i", len(config or {}))
        for key, value in (config or {}).items():
            out.string(key).string(value)
        r = self._call(self._any(), 19, 2, out.num("i?", 10000, False))
        r.num("i")
        (_, error, text), = r.array(
            lambda r: (r.string(), r.num("h"), r.string()))
        if error:
            raise KafkaError(f"create {name}: {error} {text}", error)

    def add_partitions(self, name, count):
        self.topics()
        out = _Out().num("i", 1).string(name).num("ii", count, -1)
        r = self._call(self._any(), 37, 0, out.num("i?", 10000, False))
        r.num("i")
        (_, error, text), = r.array(
            lambda r: (r.string(), r.num("h"), r.string()))
        if error:
            raise KafkaError(f"partitions of {name}: {error} {text}", error)

    def set_config(self, topic, name, value):
        """A setting of a topic; None takes it back."""
        out = _Out().num("ib", 1, 2).string(topic).num("i", 1).string(name)
        out.num("b", 1 if value is None else 0)
        if value is None:
            out.num("h", -1)
        else:
            out.string(value)
        r = self._call(None, 44, 0, out.num("?", False))
        r.num("i")
        (error, text), = r.array(lambda r: (
            r.num("h"), r.string(), r.num("b"), r.string())[:2])
        if error:
            raise KafkaError(f"{name} of {topic}: error {error} {text}", error)

    # Transactions.  One broker: it is the coordinator.

    def transaction_state(self, transactional_id):
        """What the coordinator says of it: "Ongoing", "PrepareCommit" ..."""
        out = _Out().num("b", 2).compact(transactional_id).num("b", 0)
        r = self._call(None, 65, 0, out, flexible=True)
        r.num("i")
        if r.varint() != 2:
            raise KafkaError("DescribeTransactions: not one answer")
        error = r.num("h")
        if error:
            raise KafkaError(f"transaction of {transactional_id}: error "
                             f"{error}", error)
        r.compact()
        return r.compact()

    def take_over(self, transactional_id):
        """Shut out whoever has this id, as another producer would.  Its
        producer id and epoch."""
        out = _Out().string(transactional_id).num("i", 60000)
        r = self._call(None, 22, 0, out)
        _, error = r.num("ih")
        if error:
            raise KafkaError(f"take over {transactional_id}: error {error}",
                             error)
        return r.num("qh")

    def leave_open(self, transactional_id, topic, partition, key, headers):
        """Write a record in a transaction that the coordinator knows nothing
        of, under the producer id of this transactional id.  The brokers must
        not verify a transaction's partitions."""
        pid, epoch = self.take_over(transactional_id)
        batch = _batch(pid, epoch, key, headers)
        out = _Out().string(transactional_id).num("hi", -1, 10000)
        out.num("i", 1).string(topic).num("ii", 1, partition)
        out.num("i", len(batch)).raw(batch)
        r = self._call(self.leader(topic, partition), 0, 3, out)
        r.num("i")
        r.string()
        _, _, error, offset = r.num("iihq")
        if error:
            raise KafkaError(f"produce to {topic}/{partition}: error {error}",
                             error)
        return offset

    def coordinator(self, transactional_id):
        """The broker that coordinates its transactions."""
        out = _Out().string(transactional_id).num("b", 1)
        r = self._call(None, 10, 1, out)
        r.num("i")
        error = r.num("h")
        r.string()
        if error:
            raise KafkaError(f"coordinator of {transactional_id}: {error}",
                             error)
        return r.num("i")

    def elect_leaders(self):
        """The first replica of each partition leads it again."""
        self.topics()
        r = self._call(self._any(), 43, 0, _Out().num("ii", -1, 10000))
        r.num("i")

    def add_acl(self, kind, name, operation, principal, deny=False):
        self.topics()
        out = _Out().num("ib", 1, kind).string(name).num("b", _LITERAL)
        out.string(principal).string("*")
        out.num("bb", operation, _DENY if deny else _ALLOW)
        r = self._call(self._any(), 30, 1, out)
        r.num("i")
        for error, text in r.array(lambda r: (r.num("h"), r.string())):
            if error:
                raise KafkaError(f"ACL for {name}: {error} {text}", error)

    def allow_all(self, principal):
        """What an application wants."""
        for kind, name in ((ACL_TOPIC, "*"), (ACL_TRANSACTIONAL_ID, "*"),
                           (_ACL_CLUSTER, "kafka-cluster")):
            self.add_acl(kind, name, ACL_ALL, principal)

    def delete_acls(self, deny=True):
        """All of one sort."""
        self.topics()
        out = _Out().num("ibhbhhbb", 1, _ACL_ANY, -1, _ACL_ANY, -1, -1,
                         _ACL_ANY, _DENY if deny else _ALLOW)
        self._call(self._any(), 31, 1, out).num("i")

    def _any(self):
        """A broker hands on what is for the controller."""
        return None


class Reading:
    """A partition from an offset on, as fetches bring it: what a consumer
    shows.  Without a list of aborted transactions that is everything."""

    def __init__(self, offset=0):
        self.offset = offset
        self.pending = []       # (first offset, pid) of aborted transactions
        self.aborting = set()
        self.known = set()

    def take(self, aborted, data):
        """The batches of what a fetch from this offset returned."""
        for pid, first in aborted:
            if (pid, first) not in self.known:
                self.known.add((pid, first))
                self.pending.append((first, pid))
        self.pending.sort(reverse=True)
        for batch in _batches(data):
            if batch.last < self.offset:
                continue
            while self.pending and self.pending[-1][0] <= batch.last:
                self.aborting.add(self.pending.pop()[1])
            self.offset = batch.last + 1
            if batch.control is not None:
                if batch.control == 0:
                    self.aborting.discard(batch.pid)
            elif not (batch.transactional and batch.pid in self.aborting):
                yield batch


class _Batch:
    __slots__ = ("base", "last", "first_timestamp", "pid", "epoch",
                 "transactional", "control", "count", "compression", "body")

    def identity(self):
        """It is the same batch if this is the same."""
        return self.base, self.last, zlib.crc32(self.body)

    def records(self, headers=dict):
        """headers: what makes a record's of its (name, value) pairs; a dict
        forgets repeated names."""
        data, at = self.body, 0
        if self.compression == 1:
            data = gzip.decompress(data)
        elif self.compression:
            raise KafkaError(f"compression {self.compression} is not read "
                             "here")

        def varint():
            nonlocal at
            byte = data[at]
            at += 1
            if byte < 0x80:
                return (byte >> 1) ^ -(byte & 1)
            value, shift = byte & 0x7f, 7
            while True:
                byte = data[at]
                at += 1
                value |= (byte & 0x7f) << shift
                if byte < 0x80:
                    return (value >> 1) ^ -(value & 1)
                shift += 7

        def blob():
            nonlocal at
            size = varint()
            if size < 0:
                return None
            at += size
            return data[at - size:at]

        for _ in range(self.count):
            size = varint()
            end = at + size
            at += 1
            timestamp = self.first_timestamp + varint()
            offset = self.base + varint()
            key, value = blob(), blob()
            pairs = []
            for _ in range(varint()):
                name = blob().decode()
                pairs.append((name, blob()))
            if at != end:
                raise KafkaError(f"record at {offset}: {at} is not {end}")
            yield Record(offset, timestamp, key, value, headers(pairs),
                         self.pid, self.epoch, self.transactional)


def _crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def _batch(pid, epoch, key, headers):
    """A batch of one record of a transaction, without a value."""
    def varint(value):
        value = value << 1 ^ value >> 63
        raw = bytearray()
        while value > 0x7f:
            raw.append(value & 0x7f | 0x80)
            value >>= 7
        raw.append(value)
        return bytes(raw)

    def blob(data):
        return varint(len(data)) + data

    record = b"\0\0\0" + blob(key) + varint(-1) + varint(len(headers))
    for name, value in headers.items():
        record += blob(name.encode()) + blob(value)
    now = int(time.time() * 1000)
    body = struct.pack(">hiqqqhii", 16, 0, now, now, pid, epoch, 0, 1) + \
        blob(record)
    return struct.pack(">qiibI", 0, 9 + len(body), -1, 2, _crc32c(body)) + body


def _batches(data):
    """Whole batches of what a fetch returned; the last may be cut."""
    at = 0
    while len(data) - at >= 61:
        base, size, _, magic = struct.unpack_from(">qiib", data, at)
        if len(data) - at < size + 12:
            return
        if magic != 2:
            raise KafkaError(f"batch of version {magic}")
        batch = _Batch()
        attributes, last, batch.first_timestamp, _, batch.pid, batch.epoch, \
            _, batch.count = struct.unpack_from(">hiqqqhii", data, at + 21)
        batch.base = base
        batch.last = base + last
        batch.transactional = bool(attributes & 16)
        batch.compression = attributes & 7
        batch.body = bytes(data[at + 61:at + 12 + size])
        batch.control = None
        if attributes & 32:
            record, = batch.records()
            batch.control = struct.unpack_from(">hh", record.key)[1]
        at += size + 12
        yield batch
