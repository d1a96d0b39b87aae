"""A reader beside a run, as an application is one.

It reads the topics of tables as read_committed while they grow.  What it was
shown must not be taken back, and nothing may come before it later: in the end
it is how each partition begins (I6).

It remembers batches, by their offsets and a checksum, and looks at no record;
so it costs next to nothing.  Brokers may go away under it at any time, then it
tries again.
"""
import threading
import traceback

from kafka_log import READ_COMMITTED, KafkaError, Reading

# Seconds between two looks, and until it asks for new topics and leaders.
PAUSE = 0.2
REFRESH = 1


class Seen:
    """What was read of one partition."""

    def __init__(self):
        self.reading = Reading()
        self.batches = []           # identities, as they came
        self.records = 0

    def take(self, aborted, data):
        for batch in self.reading.take(aborted, data):
            self.batches.append(batch.identity())
            self.records += batch.count


class Reader(threading.Thread):
    """connect() gives a kafka_log.Kafka; prefix: of the topics' names."""

    def __init__(self, connect, prefix):
        super().__init__(daemon=True, name="reader")
        self.connect, self.prefix = connect, prefix
        self.client = None
        self.leaders = {}           # (topic, partition) -> broker
        self.seen = {}              # (topic, partition) -> Seen
        self.turn = self.refresh = 0
        self.stopping = threading.Event()
        self.error = None

    def run(self):
        try:
            while not self.stopping.wait(PAUSE):
                self.look()
        except Exception:
            self.error = traceback.format_exc()
        finally:
            self.hang_up()

    def look(self):
        """Once, if there is somebody who answers."""
        try:
            if self.client is None:
                self.client = self.connect()
            self.poll()
        except KafkaError:
            self.hang_up()

    def hang_up(self):
        if self.client:
            self.client.close()
        self.client = None
        self.refresh = 0

    def poll(self):
        self.refresh -= 1
        if self.refresh <= 0:
            self.leaders = {
                (topic, number): leader
                for topic, partitions in self.client.topics().items()
                if topic.startswith(self.prefix)
                for number, leader in partitions.items() if leader >= 0}
            self.refresh = REFRESH / PAUSE
        # Each comes first some time: of that one, large batches come as well.
        self.turn += 1
        places = sorted(self.leaders)
        first = self.turn % len(places) if places else 0
        for leader in sorted(set(self.leaders.values())):
            self.fetch(leader, [p for p in places[first:] + places[:first]
                                if self.leaders[p] == leader])

    def fetch(self, leader, places):
        for place in places:
            self.seen.setdefault(place, Seen())
        for topic, number, error, _, aborted, data in self.client.fetch_all(
                leader, {p: self.seen[p].reading.offset for p in places},
                READ_COMMITTED):
            if error:
                # It has another leader, or is gone.
                self.refresh = 0
            else:
                self.seen[topic, number].take(aborted, data)

    @property
    def records(self):
        return sum(seen.records for seen in self.seen.values())

    def stop(self):
        self.stopping.set()
        if self.is_alive():
            self.join(30)

    def forget(self, topics):
        """What was in these may be gone."""
        topics = set(topics)
        self.seen = {(topic, number): seen for (topic, number), seen in
                     self.seen.items() if topic not in topics}

    def again(self, topic, number, faults):
        """To compare with what the partition holds in the end."""
        return Again(f"{topic}/{number}", self.seen.pop((topic, number), None),
                     faults)

    def finish(self, faults):
        """All partitions were compared that are there."""
        for topic, number in sorted(self.seen):
            self.again(topic, number, faults).finish()


class Again:
    """The batches of a partition, read once more, against what was seen."""

    def __init__(self, where, seen, faults):
        self.where, self.faults = where, faults
        self.batches = seen.batches if seen else []
        self.until = seen.reading.offset if seen else 0
        self.at = 0

    def _add(self, batch, what):
        self.faults.add("prefix", self.where,
                        f"what is at {batch[0]} to {batch[1]} {what}")

    def batch(self, batch):
        """batch: the identity of the next one that is there."""
        while self.at < len(self.batches):
            seen = self.batches[self.at]
            if batch[0] < seen[0]:
                break
            self.at += 1
            if batch == seen:
                return
            if batch[0] == seen[0]:
                self._add(seen, "was something else when it was read during "
                          "the run")
                return
            self._add(seen, "was read during the run, and is gone")
        if batch[0] < self.until:
            self._add(batch, "was not there when what comes after it was read")

    def finish(self):
        """There is no more."""
        for seen in self.batches[self.at:]:
            self._add(seen, "was read during the run, and is gone")
        self.at = len(self.batches)
