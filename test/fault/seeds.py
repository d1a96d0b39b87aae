#!/usr/bin/env python3
"""Is each seeded bug found, and nothing else?

    seeds.py [--seed N] [--tries 5] [--bugs NAME,NAME ...] [--no-control]
    seeds.py --report LINES RESULTS.md

Runs each scenario (scenarios.py) with its bug until the checker finds
something, with one seed after the other, at most --tries of them; and with
the same seeds without it, where nothing may be found.  A line for each goes to
the descriptor that FAULT_RESULTS_FD names; --report makes a table of them
between the marks of RESULTS.md.

Exit code: 0 all found and no control failed, 1 not so, 2 the harness broke.
Environment: as run.py; WALFERRY_BIN is a build with FAULT=1, FAULT_EXTENSION
the directory of the extension's test build.
"""
import argparse
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import run
from scenarios import SCENARIOS

BEGIN, END = "<!-- seeds: begin -->", "<!-- seeds: end -->"


def work(scenario):
    """The scenario's script, and at least so long."""
    def script(current):
        begun = time.monotonic()
        if scenario.script:
            scenario.script(current)
        current.executor.stopping.wait(
            scenario.seconds - (time.monotonic() - begun))
    return script


def settings(scenario, bug):
    """The database's, for a bug of the extension (decoder/seeded.h)."""
    if not scenario.extension:
        return {}
    directory = os.environ["FAULT_EXTENSION"]
    return {"dynamic_library_path": f"{directory}:$libdir",
            **({"walferry.seeded_bug": scenario.bug} if bug else {})}


def once(servers, scenario, seed, bug, keep):
    """One run: its result."""
    args = argparse.Namespace(
        mode=scenario.mode, faults=list(scenario.faults),
        workloads=list(scenario.workloads), count=scenario.count,
        env=[f"WALFERRY_SEEDED_BUG={scenario.bug}"]
        if bug and not scenario.extension else [],
        database_settings=settings(scenario, bug),
        set=[f"{k}={v}" for k, v in scenario.config.items()],
        script=work(scenario), failpoints=True)
    _, result = run.one(servers, seed, args, keep)
    text = run.summary(result)
    if bug and result["verdict"] == "fail":
        # It is what was wanted: not in full.
        text = text.splitlines()[0] + ": " + found(result)
    print(("  " if bug else "  control, ") + text, flush=True)
    return result


def found(result):
    return " ".join(sorted(result["violations"]))


def known_bugs(cluster):
    """The tables of forwarder/fault.c and decoder/seeded.c: (bug, is it the
    extension's)."""
    forwarder = subprocess.run(
        [os.environ["WALFERRY_BIN"], "faults"], text=True,
        stdout=subprocess.PIPE, check=True).stdout
    library = f"{os.environ['FAULT_EXTENSION']}/walferry"
    extension = cluster.sql("postgres", (
        "CREATE FUNCTION pg_temp.bugs() RETURNS text LANGUAGE c AS "
        f"'{library}', 'walferry_seeded_bugs'; SELECT pg_temp.bugs()"))
    return {(line.split()[1], lines is extension)
            for lines in (forwarder, extension)
            for line in lines.splitlines() if line.startswith("bug ")}


def try_scenario(servers, scenario, seed, tries, control, keep):
    """The line about it, as a dictionary."""
    print(f"{scenario.bug}, {scenario.mode}", flush=True)
    row = {"bug": scenario.bug, "mode": scenario.mode, "runs": 0,
           "caught": "", "control": ""}
    for number in range(seed, seed + tries):
        result = once(servers, scenario, number, True, None)
        row["runs"] += 1
        if result["verdict"] == "fail":
            row["caught"] = found(result)
            break
    if control:
        passed = failed = 0
        for number in range(seed, seed + row["runs"]):
            result = once(servers, scenario, number, False, keep)
            passed += result["verdict"] == "pass"
            failed += result["verdict"] != "pass"
        row["control"] = f"{passed} passed" + (
            f", {failed} FAILED" if failed else "")
    return row


def report(rows):
    """The table of RESULTS.md."""
    lines = ["| seeded bug | mode | found as | in run no. | without the bug "
             "| commit | date |", "|---|---|---|--:|---|---|---|"]
    for r in rows:
        lines.append(f"| {r['bug']} | {r['mode']} | "
                     f"{r['caught'] or '**not found**'} | {r['runs']} | "
                     f"{r['control'] or '-'} | {r['about']['commit']} | "
                     f"{r['about']['date']} |")
    caught = sum(bool(r["caught"]) for r in rows)
    about_ = rows[-1]["about"]
    bugs = len({r["bug"] for r in rows})
    lines += ["", f"{caught} of {len(rows)} found, {bugs} bugs. PostgreSQL "
              f"{about_['postgres']}, Kafka {about_['kafka']}."]
    return "\n".join(lines)


def write_report(lines_file, results_file, make, begin, end):
    rows = [json.loads(line) for line in
            pathlib.Path(lines_file).read_text().splitlines()]
    if not rows:
        return
    path = pathlib.Path(results_file)
    before, rest = path.read_text().split(begin)
    after = rest.split(end)[1]
    path.write_text(f"{before}{begin}\n\n{make(rows)}\n\n{end}{after}")


def about():
    """What was tested, for the report."""
    versions = run.versions()
    return {"commit": versions["commit"], "postgres": versions["postgres"],
            "kafka": versions["kafka"],
            "date": datetime.date.today().isoformat()}


def main():
    if sys.argv[1:2] == ["--report"]:
        write_report(*sys.argv[2:4], report, BEGIN, END)
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tries", type=int, default=5)
    parser.add_argument("--bugs", default="")
    parser.add_argument("--no-control", action="store_true")
    args = parser.parse_args()
    wanted = args.bugs.replace(",", " ").split()
    out = os.environ.get("FAULT_RESULTS_FD")
    out = os.fdopen(int(out), "a") if out else None
    keep = os.environ.get("FAULT_KEEP")
    rows = []
    servers = run.Servers(tempfile.mkdtemp(prefix="seeds."))
    try:
        missing = known_bugs(servers.cluster) - {
            (s.bug, s.extension) for s in SCENARIOS}
        if missing:
            sys.exit("no scenario for " +
                     " ".join(sorted(bug for bug, _ in missing)))
        for scenario in SCENARIOS:
            if wanted and scenario.bug not in wanted:
                continue
            row = try_scenario(servers, scenario, args.seed, args.tries,
                               not args.no_control, keep)
            row["about"] = about()
            rows.append(row)
            if out:
                print(json.dumps(row), file=out, flush=True)
    finally:
        servers.destroy()
        shutil.rmtree(servers.directory, ignore_errors=True)
    caught = sum(bool(r["caught"]) for r in rows)
    bad = sum("FAILED" in r["control"] for r in rows)
    print(f"seeds: {caught} of {len(rows)} found, {bad} controls failed")
    sys.exit(caught < len(rows) or bad > 0)


if __name__ == "__main__":
    main()
