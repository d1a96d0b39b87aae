"""Recorded events, told as if they had been made in the run beside them.

What Debezium has once made of a workload can be compared with what walferry
makes of it today, in another database: LSNs, transaction ids and clocks are
other ones then, and nothing else.  These are translated here, and nowhere
else, before events are paired.

Events of both sides that hold the same say which number stands for which.
Only what keeps the order is believed, and no number stands for two: so the
rows of a transaction that have one LSN in common, or two transactions that
have changed places, remain a difference.  What no event of the other side
stands for becomes a number that no event of the other side can have.

What cannot be found in this way is an error that all events of a run share,
an LSN of another record, say; that is found beside a running Debezium.
"""
import bisect
import json
import re
import statistics

from compare import number, pair_by

# The clock, in what it counts and how many of it are in a microsecond.
_CLOCKS = {"ts_ms": (1, 1000), "ts_us": (1, 1), "ts_ns": (1000, 1)}


class Order:
    """Which number of theirs stands for which of ours: the longest series of
    points that rises on both sides."""

    def __init__(self, points):
        self.map = dict(_rising(points))
        self.known = sorted(self.map)

    def of(self, a):
        """Its counterpart, or None."""
        return self.map.get(a)

    def after(self, a):
        """Its counterpart, or what comes right after that of the last one
        before it."""
        if a in self.map:
            return self.map[a]
        at = bisect.bisect(self.known, a)
        return self.map[self.known[at - 1]] + 1 if at else 0


def _rising(points):
    ends, chosen, before = [], [], {}
    # Of equal numbers at most one gets in.
    for a, b in sorted(set(points), key=lambda p: (p[0], -p[1])):
        at = bisect.bisect_left(ends, b)
        if at < len(ends) and ends[at] == b:
            continue        # what stood for it first does
        before[a, b] = chosen[at - 1] if at else None
        ends[at:at + 1] = [b]
        chosen[at:at + 1] = [(a, b)]
    point = chosen[-1] if chosen else None
    found = []
    while point:
        found.append(point)
        point = before[point]
    return reversed(found)


def _holds(p):
    """What an event holds, without the numbers of the run."""
    return json.dumps([_field(p, n) for n in (
        "op", "before", "after", "message", "status", "event_count",
        "data_collections")])


def _field(p, name):
    return p.value.get(name) if isinstance(p.value, dict) else None


def _what(p):
    """Of which kind it is."""
    return p.event.topic, p.kind, _field(p, "op"), _field(p, "status")


# Keys and rows may differ, as differences.toml says.
_ALIKE = (lambda p: (*_what(p), p.event.key, _holds(p)),
          lambda p: (*_what(p), _holds(p)),
          lambda p: (*_what(p), p.event.key),
          _what)


def _blocks(p):
    """source, transaction, and the value where that has an id."""
    value = p.value if isinstance(p.value, dict) else {}
    return tuple(block if isinstance(block, dict) else {} for block in (
        value.get("source"), value.get("transaction"),
        value if "status" in value else None))


def _lsns(p):
    """{place: number} of an event's LSNs, but for the last commit's."""
    source, *named = _blocks(p)
    found = {"lsn": source.get("lsn")}
    if source.get("sequence"):
        found["own"] = json.loads(source["sequence"])[1]
    for n, block in enumerate(named):
        if block.get("id"):
            found[f"id {n}"] = block["id"].partition(":")[2]
    return {place: int(v) for place, v in found.items() if v}


def _commits(p):
    """Of the last commit.  It may be the LSN with which the next transaction
    begins in one database, and not in the other."""
    sequence = _blocks(p)[0].get("sequence")
    last = sequence and json.loads(sequence)[0]
    return {"last": int(last)} if last else {}


def _transactions(p):
    source, *named = _blocks(p)
    found = {"txId": source.get("txId")}
    for n, block in enumerate(named):
        if block.get("id"):
            found[f"id {n}"] = block["id"].partition(":")[0]
    return {place: int(v) for place, v in found.items() if v}


def _times(p):
    """Of the commit, in microseconds."""
    source, _, event = _blocks(p)
    found = {"source": source.get("ts_us")}
    if event.get("ts_ms"):
        found["event"] = int(event["ts_ms"]) * 1000
    return {place: int(v) for place, v in found.items() if v}


def _in_order(side):
    """Of their LSNs, without copies: a truncate may be in each partition."""
    found = {}
    for p in side:
        found.setdefault((_what(p), p.event.key, _holds(p),
                          *_lsns(p).values()), p)
    return sorted(found.values(), key=lambda p: _lsns(p).get("lsn", 0))


def _points(pairs, numbers):
    found = []
    for theirs, ours in pairs:
        a, b = numbers(theirs), numbers(ours)
        found += [(a[place], b[place]) for place in a if place in b]
    return found


def keep(events, prefix, tables):
    """Those of a case that are recorded: of topics whose names, without
    topic.prefix and delimiter, match."""
    return [e for e in events
            if re.fullmatch(tables, e.topic.removeprefix(prefix))]


def translate(recorded, here):
    """Rewrites the numbers in the parsed events of the first side."""
    pairs, rest, rest_here = [], _in_order(recorded), _in_order(here)
    for alike in _ALIKE:
        more, rest, rest_here = pair_by(rest, rest_here, alike)
        pairs += more
    lsns = Order(_points(pairs, _lsns))
    commits = Order(_points(pairs, _commits))
    transactions = Order(_points(pairs, _transactions))
    times = _points(pairs, _times)
    shift = round(statistics.median(b - a for a, b in times)) if times else 0
    times = Order(times)
    for p in recorded:
        _rewrite(p, lsns, commits, transactions)
        _rewrite_times(p.value, _blocks(p)[0], times, shift)


def _rewrite(p, lsns, commits, transactions):
    source, *named = _blocks(p)
    if source.get("lsn"):
        source["lsn"] = number(lsns.after(int(source["lsn"])))
    if source.get("sequence"):
        _rewrite_sequence(source, commits, lsns)
    if source.get("txId"):
        source["txId"] = number(_transaction(source["txId"], transactions))
    for block in named:
        if block.get("id"):
            id, colon, lsn = block["id"].partition(":")
            block["id"] = type(block["id"]).written(
                f"{_transaction(id, transactions)}{colon}"
                f"{lsn and lsns.after(int(lsn))}")


def _transaction(id, transactions):
    found = transactions.of(int(id))
    return -int(id) if found is None else found


def _rewrite_sequence(source, commits, lsns):
    """It is spelled as it was, with other numbers in it."""
    last, own = json.loads(source["sequence"])
    head, middle, tail = re.fullmatch(
        r'(.*?)(?:"\d+"|null)(.*)"\d+"(.*)', source["sequence"]).groups()
    last = "null" if last is None else f'"{commits.after(int(last))}"'
    source["sequence"] = type(source["sequence"]).written(
        f'{head}{last}{middle}"{lsns.after(int(own))}"{tail}')


def _rewrite_times(value, source, times, shift):
    """A commit has its counterpart's time; what one's own clock told is as
    late as it was."""
    us = source.get("ts_us")
    here = us and times.of(int(us))
    for name, (many, few) in _CLOCKS.items():
        if source.get(name):
            # They must be one time, in three units.
            one = us and int(source[name]) == int(us) * many // few
            source[name] = number(
                here * many // few if here is not None and one
                else int(source[name]) + shift * many // few)
        if isinstance(value, dict) and value.get(name):
            ms = times.of(int(value[name]) * 1000) \
                if "status" in value else None
            value[name] = number(
                ms // 1000 if ms is not None
                else int(value[name]) + shift * many // few)
