#!/usr/bin/env python3
"""A little of everything, for make test-fault.

    short.py [--seed N] [--runs 2]

Seeded runs in both modes with the program as it is installed, and one with
three brokers where the coordinator of the transactions goes; then, with the
build that has failpoints and seeded bugs, a handful of deaths and of bugs that
must be found.  The last line counts what passed and what did not; it also goes
to the descriptor that FAULT_RESULTS_FD names, as {"passed": N, "failed": N}.

Environment: as run.py; WALFERRY_FAULT_BIN is the build with FAULT=1.
"""
import argparse
import json
import os
import shutil
import sys
import tempfile

import run
import scenarios
import seeds
import sweep

BUGS = (("ack_before_commit", "eos"), ("drop_last_change", "alo"),
        ("position_read_uncommitted", "eos"))


# With three brokers.
COORDINATOR = ("--mode", "eos", "--profile", "three", "--faults",
               "F14-coordinator", "--count", "1")


def one_with_three(seed, keep):
    """A run of its own servers, which are gone when the others start."""
    servers = run.Servers(tempfile.mkdtemp(prefix="short."), "three")
    try:
        passed, result = run.one(servers, seed, run.arguments(COORDINATOR),
                                 keep)
        print(run.summary(result), flush=True)
        return passed
    finally:
        destroy(servers)


def outcomes(servers, seed, runs, keep):
    """True or False for each thing that was tried."""
    for number in range(seed, seed + runs):
        for mode in "alo", "eos":
            args = run.arguments(["--mode", mode])
            passed, result = run.one(servers, number, args, keep)
            print(run.summary(result), flush=True)
            yield passed
    os.environ["WALFERRY_BIN"] = os.environ["WALFERRY_FAULT_BIN"]
    for point, mode, occurrence in sweep.QUICK:
        line = sweep.once(servers, seed, point, mode, occurrence, keep)
        yield line["verdict"] == "pass" and line["reached"]
    for scenario in scenarios.SCENARIOS:
        if (scenario.bug, scenario.mode) in BUGS:
            row = seeds.try_scenario(servers, scenario, seed, 3, False, keep)
            yield bool(row["caught"])


def destroy(servers):
    servers.destroy()
    shutil.rmtree(servers.directory, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=2)
    args = parser.parse_args()
    keep = os.environ.get("FAULT_KEEP")
    results = [one_with_three(args.seed, keep)]
    servers = run.Servers(tempfile.mkdtemp(prefix="short."))
    try:
        for passed in outcomes(servers, args.seed, args.runs, keep):
            results.append(passed)
    finally:
        destroy(servers)
    counts = {"passed": sum(results), "failed": len(results) - sum(results)}
    out = os.environ.get("FAULT_RESULTS_FD")
    if out:
        with os.fdopen(int(out), "a") as f:
            print(json.dumps(counts), file=f)
    print("short: {passed} passed, {failed} failed".format(**counts))
    sys.exit(counts["failed"] > 0)


if __name__ == "__main__":
    main()
