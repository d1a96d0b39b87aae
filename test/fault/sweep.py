#!/usr/bin/env python3
"""The forwarder dies at every point that has a name, and nothing is lost.

    sweep.py [--seed N] [--minutes 30] [--points NAME,NAME ...]
             [--modes alo,eos] [--occurrences 1,2,5,10,50] [--quick]
    sweep.py --report LINES RESULTS.md

For each failpoint of forwarder/fault.c and each occurrence: start with kill
armed there, a short workload, wait for the death, start again without,
everything must arrive as in every other run.  Points that are passed only when
something else happens get that (PROVOKE).  First all points at their first
occurrence, then at the next, until the time is over; of one that is not
reached, later occurrences are left out.  --quick takes a few that are known to
be reached.

Exit code: 0 all passed, 1 a run failed or a point was never reached, 2 the
harness broke.  Environment: as run.py; WALFERRY_BIN is a build with FAULT=1.
"""
import argparse
import collections
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import faults_network
import faults_postgres
import proxy
import run
import seeds

BEGIN, END = "<!-- sweep: begin -->", "<!-- sweep: end -->"

# How long a point may keep us waiting.
PATIENCE = 3


def lose_source(current):
    faults_postgres.terminate_walsender(current, None)
    time.sleep(0.4)


def ask_to_stop(current):
    """Once: who asks twice wants it to end at once."""
    ends = len(current.forwarder.exits)
    current.forwarder.signal(signal.SIGTERM)
    until = time.monotonic() + 10
    while len(current.forwarder.exits) == ends and time.monotonic() < until:
        time.sleep(0.05)


def fence(current):
    faults_network.fence(current, None)
    time.sleep(0.4)


def slow_commit(current):
    """Longer than one call of the commit waits."""
    with current.proxy_lock:
        current.proxy.hold("kafka", proxy.END_TXN, 1, "stall")
    current.executor.stopping.wait(1.3)
    with current.proxy_lock:
        current.proxy.release("kafka")


def fall_idle(current):
    """Only WAL that is none of ours goes on."""
    for w in current.workloads:
        if w.keys:
            w.stop()
    time.sleep(0.4)


# What has to happen, again and again, so that a point is passed.
PROVOKE = {
    "source_lost": lose_source, "reconnect": lose_source,
    "sink_freed": lose_source, "sink_failed": fence,
    "drain_begin": ask_to_stop, "drain_done": ask_to_stop,
    "finish_sent": ask_to_stop, "commit_retry": slow_commit,
    "idle_position": fall_idle,
}
# Of a start: from the second on, lost connections make more of them.
START = ("repl_ready", "slot_created", "before_init", "after_init",
         "before_position_read", "position_read", "before_start",
         "stream_started")
# Points of exactly once, and those that stored positions have as well.
TRANSACTIONS = {
    "before_init", "after_init", "txn_begun", "record_staged",
    "before_commit", "commit_told", "position_submitted", "commit_called", "commit_retry",
    "commit_answered", "commit_done", "partial_cut", "idle_position",
    "sink_failed", "sink_freed"}
STORED = {"slot_created", "before_position_read", "position_read",
          "before_ack", "after_ack", "pin_submitted"}
CONFIG = {
    "partial_cut": {"walferry.transaction.split.ms": 5},
    "idle_position": {"walferry.position.interval.ms": 100},
}
WORKLOADS = {"partial_cut": ["W3"], "idle_position": ["W1", "W8"]}
# Passed only where brokers have forgotten to end a transaction: t/041 does that.
# And where transactions have metadata: t/042.
ELSEWHERE = {"settle_written", "settle_ended",
             "transaction_begun", "transaction_ended"}
QUICK = (("position_submitted", "eos", 5), ("commit_answered", "eos", 2),
         ("after_ack", "eos", 5), ("position_read", "eos", 1),
         ("record_counted", "alo", 50), ("feedback_sent", "alo", 3))


def known_points():
    lines = subprocess.run([os.environ["WALFERRY_BIN"], "faults"], text=True,
                           stdout=subprocess.PIPE, check=True).stdout
    return [line.split()[1] for line in lines.splitlines()
            if line.startswith("point ") and
            line.split()[1] not in ELSEWHERE]


def applies(point, mode):
    return mode == "eos" or point not in TRANSACTIONS


def settings(point, mode):
    config = dict(CONFIG.get(point, {}))
    if mode == "alo" and point in STORED:
        config["walferry.position.store"] = "topic"
    return config


def died(forwarder):
    return any(code == -signal.SIGKILL for code, _ in forwarder.exits)


def script(point, occurrence):
    """Until the point has ended the forwarder, or it is not reached."""
    def wait(current):
        until = time.monotonic() + PATIENCE + (
            2 * occurrence if point in PROVOKE else 0)
        provoke = PROVOKE.get(point)
        if point in START and occurrence > 1:
            provoke = lose_source
        while not died(current.forwarder) and time.monotonic() < until:
            if provoke:
                provoke(current)
            else:
                time.sleep(0.05)
        current.reached = died(current.forwarder)
        current.result["reached"] = current.reached
        # What comes after it is part of the matter.
        current.executor.stopping.wait(0.5 if current.reached else 0)
    return wait


def once(servers, seed, point, mode, occurrence, keep):
    args = argparse.Namespace(
        mode=mode, faults=None, workloads=WORKLOADS.get(point, ["W1", "W4"]),
        count=0, env=[], set=[f"{k}={v}"
                              for k, v in settings(point, mode).items()],
        script=script(point, occurrence),
        failpoints=f"{point}@{occurrence}=kill")
    passed, result = run.one(servers, seed, args, keep)
    # A kill before there is a stream shows as one that streams nevertheless.
    line = {"point": point, "mode": mode, "occurrence": occurrence,
            "verdict": result["verdict"],
            "reached": result.get("reached", False),
            "violations": result.get("violations", {})}
    print(f"{point}@{occurrence} {mode}: {line['verdict']}"
          f"{'' if line['reached'] else ', not reached'}, "
          f"{result.get('records', 0)} records, "
          f"{result.get('seconds', '-')} s", flush=True)
    if not passed:
        print(run.summary(result), flush=True)
    return line


def plan(points, modes, occurrences):
    for occurrence in occurrences:
        for point in points:
            for mode in modes:
                if applies(point, mode):
                    yield point, mode, occurrence


def left_out(lines):
    """What of the plan did not come, in words."""
    planned, minutes = list(plan(*lines[-1]["plan"])), lines[-1]["minutes"]
    tried = {(r["point"], r["mode"], r["occurrence"]) for r in lines}
    never = {(r["point"], r["mode"]) for r in lines if not r["reached"]}
    missing = [words for words in planned if words not in tried]
    late = collections.Counter(occurrence for point, mode, occurrence
                               in missing if (point, mode) not in never)
    whole = collections.Counter(words[2] for words in planned)
    text = (f"Planned: {len(planned)} deaths, at the occurrences "
            f"{', '.join(map(str, sorted(whole)))} of each point. Tried: "
            f"{len(tried)}, of which {len(never)} were not reached. Left out "
            "because an earlier occurrence was not reached: "
            f"{len(missing) - late.total()}.")
    if late:
        text += (f" Left out because {minutes:g} minutes were over: " +
                 ", ".join(f"{n} of {whole[occurrence]} at occurrence "
                           f"{occurrence}"
                           for occurrence, n in sorted(late.items())) + ".")
    return text


def report(lines):
    """The table of RESULTS.md."""
    about = lines[-1]["about"]
    out = ["| point | at least once: killed at | exactly once: killed at |",
           "|---|---|---|"]
    by_point = {}
    for line in lines:
        by_point.setdefault(line["point"], []).append(line)
    for point, rows in by_point.items():
        cells = []
        for mode in "alo", "eos":
            mine = [r for r in rows if r["mode"] == mode]
            words = [f"{r['occurrence']}" + (
                "" if r["verdict"] == "pass" else " **FAILED**")
                for r in mine if r["reached"]]
            cells.append(", ".join(words) or (
                "-" if not applies(point, mode) else
                "not reached" if mine else "not tried"))
        out.append(f"| {point} | {cells[0]} | {cells[1]} |")
    reached = [r for r in lines if r["reached"]]
    failed = [r for r in lines if r["verdict"] != "pass"]
    out += ["", left_out(lines)] if "plan" in lines[-1] else []
    out += ["", f"{len(reached)} deaths at {len(by_point)} points, "
            f"{len(failed)} failures. Commit {about['commit']}, "
            f"{about['date']}, PostgreSQL {about['postgres']}, Kafka "
            f"{about['kafka']}."]
    return "\n".join(out)


def arguments():
    words = lambda text: [w for w in text.replace(",", " ").split() if w]
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--points", type=words, default=[])
    parser.add_argument("--modes", type=words, default=["alo", "eos"])
    parser.add_argument("--occurrences", type=words,
                        default=["1", "2", "5", "10", "50"])
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args()


def main():
    if sys.argv[1:2] == ["--report"]:
        seeds.write_report(*sys.argv[2:4], report, BEGIN, END)
        return
    args = arguments()
    until = time.monotonic() + args.minutes * 60
    planned = (args.points or known_points(), args.modes,
               [int(n) for n in args.occurrences])
    todo = QUICK if args.quick else plan(*planned)
    out = os.environ.get("FAULT_RESULTS_FD")
    out = os.fdopen(int(out), "a") if out else None
    lines, out_of_reach = [], set()
    about = seeds.about()
    servers = run.Servers(tempfile.mkdtemp(prefix="sweep."))
    try:
        for number, (point, mode, occurrence) in enumerate(todo):
            if time.monotonic() > until:
                break
            if (point, mode) in out_of_reach:
                continue
            line = once(servers, args.seed + number, point, mode, occurrence,
                        os.environ.get("FAULT_KEEP"))
            line.update(about=about, plan=planned, minutes=args.minutes)
            lines.append(line)
            if not line["reached"]:
                out_of_reach.add((point, mode))
            if out:
                print(json.dumps(line), file=out, flush=True)
    finally:
        servers.destroy()
        shutil.rmtree(servers.directory, ignore_errors=True)
    failed = sum(line["verdict"] != "pass" for line in lines)
    never = {line["point"] for line in lines} - {
        line["point"] for line in lines if line["reached"]}
    print(f"sweep: {len(lines) - failed} passed, {failed} failed" + (
        f"; never reached: {' '.join(sorted(never))}" if never else ""))
    sys.exit(failed > 0 or bool(never))


if __name__ == "__main__":
    main()
