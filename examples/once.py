#!/usr/bin/env python3
"""Read a topic's records as kcat -J prints them and leave out the repeats.

    kcat -C -b localhost:9092 -t shop.public.customer -u -J | examples/once.py

Within a partition positions grow, except where walferry sends again what it
could not confirm: what is not beyond the greatest position seen was there
before.  A reader that is to survive a restart keeps 'seen' with its results.
"""
import json
import sys

seen = {}  # greatest position of each partition

for line in sys.stdin:
    record = json.loads(line)
    headers = record.get("headers", [])
    position = dict(zip(headers[::2], headers[1::2])).get("walferry.position")
    partition = record["topic"], record["partition"]
    if position is not None:  # None: a heartbeat, or not walferry's
        if position <= seen.get(partition, ""):
            continue
        seen[partition] = position
    print(record["key"], record["payload"], sep="\t", flush=True)
