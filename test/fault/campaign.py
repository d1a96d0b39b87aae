#!/usr/bin/env python3
"""Runs, one after the other, until told to stop; and what they came to.

    campaign.py [--modes alo,eos] [--profiles default,three,expiry,acl,standby]
                [--runs N | --minutes N] [run.py's options]
    campaign.py --collect LINES
    campaign.py --report RUNS.tsv RESULTS.md

Each run is one line of runs.tsv, in the repository; a campaign goes on after
the greatest seed that is there.  SIGTERM or SIGINT ends it after the run in
hand.  --report counts them, and writes that between the marks of RESULTS.md.

The lines go to the file descriptor that FAULT_RESULTS_FD names: the user who
runs this may not write to the checkout.  --collect moves them from there to
runs.tsv and brings RESULTS.md up to date.
"""
import collections
import datetime
import itertools
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import time

import profiles
import run

COLUMNS = ("date commit mode profile postgres kafka librdkafka seed verdict seconds "
           "faults transactions records repeats replays largest_replay "
           "largest_window catch_up peak_kb workloads schedule "
           "violations settings replayed bounded recovery "
           "seen").split()
RUNS = pathlib.Path(__file__).parent / "runs.tsv"
# Faults that are as many different ones as they have variants.
APART = {"F9", "F9-away", "F9-ahead", "F9-gone", "F10", "F14",
         "F14-coordinator", "F17-acl"}
BEGIN, END = "<!-- campaign: begin -->", "<!-- campaign: end -->"


def read(path):
    """The lines of a runs.tsv as dictionaries; what an older line lacks is
    '-'."""
    try:
        lines = pathlib.Path(path).read_text().splitlines()
    except FileNotFoundError:
        return []
    return [dict(itertools.zip_longest(COLUMNS, line.split("\t"),
                                       fillvalue="-")) for line in lines
            if line and not line.startswith("date\t")]


def row(result, about):
    """A result as the fields of a line."""
    schedule = collections.Counter(
        name + (f":{variant}" if variant else "")
        for name, variant, *_ in result.get("faults", []))
    violations = dict(result.get("violations", {}))
    if "error" in result:
        violations["harness"] = 1
    kafka = re.search(r"librdkafka (\S+?),", about["walferry"])
    values = {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime(
            "%Y-%m-%dT%H:%MZ"),
        "commit": about["commit"], "postgres": about["postgres"],
        "kafka": about["kafka"], "librdkafka": kafka[1] if kafka else "?",
        "faults": result.get("events", 0),
        "workloads": ",".join(result.get("workloads", [])),
        "schedule": ",".join(name if n == 1 else f"{name}*{n}"
                             for name, n in sorted(schedule.items())),
        "violations": ",".join(f"{k}={n}" for k, n in violations.items()),
        "settings": ",".join(f"{k}={v}" for k, v in sorted(
            result.get("settings", {}).items()))}
    return [str(values.get(c, result.get(c, ""))) or "-" for c in COLUMNS]


def number(text):
    return float(text) if re.fullmatch(r"[0-9.]+", text) else 0


def report(runs):
    """The table of RESULTS.md."""
    groups = collections.defaultdict(list)
    for r in runs:
        groups[r["mode"], r["postgres"].partition(".")[0],
               r["librdkafka"]].append(r)
    lines = ["| mode | PostgreSQL | librdkafka | runs | faults | passed | "
             "failed | transactions | records | repeats | largest replay, "
             "records · WAL | catch-up, median · worst | peak memory |",
             "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]

    def total(rs, column):
        return f"{int(sum(number(r[column]) for r in rs)):,}"

    def line(names, rs):
        passed = [r for r in rs if r["verdict"] == "pass"]
        failed = [r for r in rs if r["verdict"] == "fail"]
        done = passed + failed
        # A run that ends for good has none.
        catch_up = sorted(number(r["catch_up"]) for r in done
                          if r["catch_up"] != "-") or [0]
        worst = {c: max((number(r[c]) for r in done), default=0)
                 for c in ("largest_replay", "largest_window", "peak_kb")}
        lines.append(
            f"| {' | '.join(names)} | {len(done):,} | "
            f"{total(done, 'faults')} | {len(passed):,} | {len(failed):,} | "
            f"{total(done, 'transactions')} | {total(done, 'records')} | "
            f"{total(done, 'repeats')} | {int(worst['largest_replay']):,} · "
            f"{worst['largest_window'] / 2 ** 20:.1f} MB | "
            f"{catch_up[len(catch_up) // 2]:.1f} · {catch_up[-1]:.1f} s | "
            f"{worst['peak_kb'] / 1024:.0f} MB |")

    for names, rs in sorted(groups.items()):
        line(names, rs)
    if len(groups) > 1:
        line(("all", "", ""), runs)
    kinds, variants = collections.Counter(), collections.Counter()
    for r in runs:
        if r["verdict"] == "broken":
            continue
        for word in r["schedule"].split(","):
            name, _, times = word.partition("*")
            name, _, variant = name.partition(":")
            kinds[name] += int(times or 1)
            variants[name, variant] += int(times or 1)
    kinds.pop("-", None)

    def counted(name):
        text = f"{name} {kinds[name]:,}"
        if name in APART:
            text += " (" + ", ".join(
                f"{variant} {n:,}" for (kind, variant), n in
                sorted(variants.items()) if kind == name) + ")"
        return text

    lines += ["", "Faults by kind: " + ", ".join(
        counted(name) for name in sorted(kinds)) + "."]
    lines += checked(runs)
    broken = [r for r in runs if r["verdict"] == "broken"]
    if broken:
        lines += ["", f"{len(broken)} runs broke off in the harness itself; "
                  "they count nowhere."]
    failed = [r for r in runs if r["verdict"] == "fail"]
    if failed:
        lines += ["", "Runs that failed:", ""]
        lines += [f"- seed {r['seed']}, {r['mode']}, PostgreSQL "
                  f"{r['postgres']}, commit {r['commit']}: {r['violations']}"
                  for r in failed]
    return "\n".join(lines)


def checked(runs):
    """How much there was to check, in runs that have noted it."""
    runs = [r for r in runs if r["verdict"] != "broken"]
    alo = [r for r in runs if r["mode"] == "alo" and
           number(r.get("replayed", "")) > 0]
    text = []
    if alo:
        some = [r for r in alo if number(r["bounded"]) > 0]
        n, of = (int(sum(number(r[c]) for r in alo))
                 for c in ("bounded", "replayed"))
        text.append(f"At least once, {n:,} of {of:,} replays were held to "
                    "what was confirmed before their start, in "
                    f"{len(some):,} of {len(alo):,} runs that had any.")
    recovery = sorted(number(r["recovery"]) for r in runs
                      if r.get("recovery", "-") != "-")
    if recovery:
        text.append("After a heal, what was written by then was confirmed in "
                    f"{recovery[len(recovery) // 2]:.1f} s, at worst in "
                    f"{recovery[-1]:.1f} s ({len(recovery):,} runs).")
    seen = [r for r in runs if number(r.get("seen", "")) > 0]
    if seen:
        n, of = (int(sum(number(r[c]) for r in seen))
                 for c in ("seen", "records"))
        text.append(f"A reader beside the runs was shown {n:,} records while "
                    f"they lasted, of {of:,} and their repeats "
                    f"({len(seen):,} runs).")
    return ["", " ".join(text)] if text else []


def write_report(runs_file, results_file):
    path = pathlib.Path(results_file)
    text = path.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    path.write_text(f"{before}{BEGIN}\n\n{report(read(runs_file))}\n\n{END}"
                    f"{after}")


def whole_lines(path):
    """A line that was being written when the machine went down is none."""
    try:
        text = pathlib.Path(path).read_text()
    except FileNotFoundError:
        return []
    return [line for line in text[:text.rfind("\n") + 1].split("\n") if line]


def collect(lines_file):
    """Moves the lines of a campaign to runs.tsv.  It is replaced as a whole,
    and only then the lines are let go."""
    lines = whole_lines(lines_file)
    if not lines:
        return
    known = [line for line in whole_lines(RUNS)
             if not line.startswith("date\t")]
    # After an end between the two steps below they are there already.
    there = set(known)
    text = "\n".join(["\t".join(COLUMNS), *known, *(
        line for line in lines if line not in there)]) + "\n"
    fresh = RUNS.with_suffix(".tmp")
    with open(fresh, "w") as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())
    os.replace(fresh, RUNS)
    os.truncate(lines_file, 0)
    write_report(RUNS, RUNS.with_name("RESULTS.md"))


def close(servers):
    if servers:
        servers.destroy()
        shutil.rmtree(servers.directory, ignore_errors=True)


def main():
    if sys.argv[1:2] == ["--report"]:
        write_report(*sys.argv[2:4])
        return
    if sys.argv[1:2] == ["--collect"]:
        collect(sys.argv[2])
        return
    more = {"--modes": "alo,eos", "--minutes": "0",
            "--profiles": ",".join(profiles.PROFILES)}
    words = []
    rest = iter(sys.argv[1:])
    for word in rest:
        if word in more:
            more[word] = next(rest)
        else:
            words.append(word)
    args = run.arguments(words)
    modes = more["--modes"].split(",")
    # As many runs of each profile as it says, in turn.
    turns = [profiles.PROFILES[name]
             for name in more["--profiles"].split(",")
             for _ in range(profiles.PROFILES[name].runs)
             if set(profiles.PROFILES[name].modes) & set(modes)]
    if not turns:
        sys.exit("campaign: none of these profiles is for these modes")
    minutes = float(more["--minutes"])
    until = time.monotonic() + minutes * 60 if minutes else None
    limit = args.runs if "--runs" in words else None
    told = []
    for number_ in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number_, lambda *_: told.append(1))

    known = read(RUNS)
    seed = args.seed if "--seed" in words else 1 + max(
        (int(r["seed"]) for r in known), default=0)
    out = os.fdopen(int(os.environ.get("FAULT_RESULTS_FD", "1")), "a")
    servers = None
    failures = done = 0
    try:
        about = run.versions()
        while not told and (until is None or time.monotonic() < until) and \
                (limit is None or done < limit):
            profile = turns[seed % len(turns)]
            useful = [m for m in modes if m in profile.modes]
            args.mode = useful[(seed + seed // len(turns)) % len(useful)]
            if servers and servers.profile != profile:
                servers = close(servers)
            servers = servers or run.Servers(
                tempfile.mkdtemp(prefix="fault."), profile.name)
            passed, result = run.one(servers, seed, args,
                                     os.environ.get("FAULT_KEEP"))
            print(run.summary(result), flush=True)
            out.write("\t".join(row(result, about)) + "\n")
            out.flush()
            failures += not passed
            done += 1
            seed += 1
            if result["verdict"] == "broken":
                # Servers in an unknown state prove nothing.
                servers = close(servers)
    finally:
        close(servers)
    print(f"campaign: {done - failures} passed, {failures} failed")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
