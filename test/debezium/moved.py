"""Is each change there that a writer has committed, in its order?"""
import collections
import json


def judge(found, changes, lines):
    """Of all events: (what is wrong, how many changes each version has
    written, how many of these had been there).

    changes: of each key of accounts, the (op, n) that were committed.  lines:
    of log, each of which was inserted once.
    """
    wrong = []
    by_key = collections.defaultdict(list)
    for e in found:
        by_key[e.topic, e.key].append(e)
    written, repeated = collections.Counter(), collections.Counter()
    for (topic, key), of_key in by_key.items():
        if len({e.partition for e in of_key}) > 1:
            wrong.append(f"{topic} {key} is in several partitions")
        once, highest, after_delete = [], -1, False
        for e in sorted(of_key, key=lambda e: e.offset):
            if e.value is None:
                if not after_delete:
                    wrong.append(f"{topic} {key}: a tombstone alone")
                after_delete = False
                continue
            if after_delete:
                wrong.append(f"{topic} {key}: no tombstone")
            value = json.loads(e.value)
            who, lsn = value["source"]["version"], value["source"]["lsn"]
            after_delete = value["op"] == "d"
            written[who] += 1
            # As a reader drops what it has had.
            if lsn <= highest:
                repeated[who] += 1
                continue
            highest = lsn
            once.append((value["op"], (value["after"] or {}).get("n")))
        if after_delete:
            wrong.append(f"{topic} {key}: no tombstone at the end")
        if topic.endswith("accounts"):
            wanted = changes[json.loads(key)["id"]]
            if once != wanted:
                at = next((n for n, (a, b) in enumerate(zip(once, wanted))
                           if a != b), min(len(once), len(wanted)))
                wrong.append(f"{key}: {len(once)} changes of {len(wanted)}, "
                             f"different from number {at + 1} on")
        elif len(once) != 1:
            wrong.append(f"{topic} {key} came {len(once)} times")
    keys = {json.loads(k)["id"] for t, k in by_key if t.endswith("accounts")}
    if keys != {k for k, c in changes.items() if c}:
        wrong.append("keys are missing")
    there = {json.loads(k)["line"] for t, k in by_key if t.endswith("log")}
    if there != set(lines):
        wrong.append("lines are missing")
    return wrong, written, repeated
