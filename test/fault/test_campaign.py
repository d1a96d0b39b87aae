#!/usr/bin/env python3
"""Schedules, what becomes of results, and a stop that hangs.

    python3 test/fault/test_campaign.py
"""
import pathlib
import random
import subprocess
import tempfile
import types
import unittest

import campaign
import checker
import faults
import faults_forwarder
import run                  # with all faults  # noqa: F401
import sweep


class Schedule(unittest.TestCase):
    PARTS = ["pg-leg", "kafka-leg", "disks", "pinned", "clock"]

    def schedule(self, seed, mode, own):
        return faults.schedule(random.Random(seed), 8, None, mode,
                               [*self.PARTS, *own], own=own)[0]

    def test_what_a_profile_is_for_comes(self):
        for mode, own in (("eos", ["three"]), ("alo", ["three"]),
                          ("eos", ["expiry"]), ("alo", ["acl"]),
                          ("eos", ["standby", "failover-slots"])):
            for seed in range(60):
                events = self.schedule(seed, mode, own)
                self.assertEqual(len(events), 8)
                self.assertTrue(any(set(e.what.needs) & set(own)
                                    for e in events), (mode, own, seed))

    def test_long_is_longer_than_a_transaction_may_be_open(self):
        found = {"short": 0, "long": 0}
        for seed in range(150):
            for e in self.schedule(seed, "eos", []):
                if e.fault == "F2":
                    found[e.variant] += 1
                    # transaction.timeout.ms of 5 s, and the broker's pause
                    # before it looks, 1 s.
                    self.assertEqual(e.variant == "long", e.seconds > 6)
        self.assertTrue(all(found.values()), found)


class Stop(unittest.TestCase):
    def stop(self, program, config, others=()):
        """F20 against a program that is asked to stop; what was found."""
        process = subprocess.Popen(["python3", "-c", program],
                                   stdout=subprocess.PIPE)
        process.stdout.readline()
        forwarder = types.SimpleNamespace(
            process=process, config=config, log_file=pathlib.Path("log"),
            wait_running=lambda: None, kill=process.kill,
            signal=lambda n: [process.send_signal(n)])
        events = [faults.Event(0, 0, name, "") for name in ("F20", *others)]
        current = types.SimpleNamespace(
            forwarder=forwarder, faults=checker.Faults(),
            executor=faults.Executor(None, events))
        try:
            for other in others:
                for subject in faults.REGISTRY[other].subjects:
                    current.executor.locks[subject].acquire()
            faults_forwarder.restart_forwarder(current, "")
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        return dict(current.faults.counts)

    HANGS = ("import signal, time\nsignal.signal(signal.SIGTERM, "
             "signal.SIG_IGN)\nprint(flush=True)\ntime.sleep(60)\n")
    ENDS = "import time\nprint(flush=True)\ntime.sleep(60)\n"

    def setUp(self):
        for name, seconds in (("FIRST", 0.2), ("MORE_TIME", 0.3)):
            self.addCleanup(setattr, faults_forwarder, name,
                            getattr(faults_forwarder, name))
            setattr(faults_forwarder, name, seconds)

    def test_one_that_ends_is_right(self):
        self.assertEqual(self.stop(self.ENDS, {}), {})

    def test_one_that_hangs_while_nothing_is_broken_is_found(self):
        self.assertEqual(self.stop(self.HANGS, {}), {"exit": 1})

    def test_one_that_hangs_beyond_its_limit_is_found(self):
        limit = {"walferry.shutdown.timeout.ms": 100}
        self.assertEqual(self.stop(self.HANGS, limit, ["F6"]), {"exit": 1})

    def test_one_may_hang_while_something_else_is_broken(self):
        calm = faults.Executor.calm
        self.addCleanup(setattr, faults.Executor, "calm", calm)
        faults.Executor.calm = lambda self, subject: calm(self, subject, 0.1)
        self.assertEqual(self.stop(self.HANGS, {}, ["F6"]), {})


class Results(unittest.TestCase):
    OLD = campaign.COLUMNS[:campaign.COLUMNS.index("violations") + 1]

    def line(self, seed, columns=None, **fields):
        values = {"mode": "alo", "postgres": "15.1", "librdkafka": "2.0.2",
                  "kafka": "4", "seed": seed, "verdict": "pass",
                  "catch_up": "-", "schedule": "F1", "violations": "-",
                  **fields}
        return "\t".join(str(values.get(c, 0))
                         for c in columns or campaign.COLUMNS)

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.runs = pathlib.Path(directory.name) / "runs.tsv"
        self.out = pathlib.Path(directory.name) / "campaign.tsv"
        self.results = self.runs.with_name("RESULTS.md")
        self.results.write_text(f"a {campaign.BEGIN} b {campaign.END} c")
        self.addCleanup(setattr, campaign, "RUNS", campaign.RUNS)
        campaign.RUNS = self.runs

    def test_a_run_without_a_catch_up_counts_not_as_0(self):
        self.runs.write_text("\n".join(
            [self.line(1), self.line(2), self.line(3, catch_up="4.5"),
             self.line(4, catch_up="2.5"), self.line(5, catch_up="3.5")]))
        self.assertIn("| 3.5 · 4.5 s |",
                      campaign.report(campaign.read(self.runs)))

    def test_lines_with_fewer_columns_are_read(self):
        self.runs.write_text("\t".join(self.OLD) + "\n" +
                             self.line(7, self.OLD) + "\n")
        row, = campaign.read(self.runs)
        self.assertEqual(row["seed"], "7")
        self.assertEqual(row["settings"], "-")
        campaign.report([row])

    def test_variants_are_told(self):
        self.runs.write_text(self.line(
            1, schedule="F14:kill*2,F14:pause,F2:long"))
        self.assertIn("F14 3 (kill 2, pause 1), F2 1.",
                      campaign.report(campaign.read(self.runs)))

    def test_what_a_campaign_left_is_collected_once(self):
        self.runs.write_text("\t".join(self.OLD) + "\n" +
                             self.line(7, self.OLD) + "\n")
        # The last was being written when the machine went down.
        lines = f"{self.line(8)}\n{self.line(9)}\n2026-"
        self.out.write_text(lines)
        campaign.collect(self.out)
        self.assertEqual(self.out.read_text(), "")
        rows = campaign.read(self.runs)
        self.assertEqual([r["seed"] for r in rows], ["7", "8", "9"])
        self.assertEqual(self.runs.read_text().split("\n")[0].split("\t"),
                         campaign.COLUMNS)
        self.assertIn("| 3 |", self.results.read_text())
        # Ended before the lines were let go.
        self.out.write_text(lines)
        campaign.collect(self.out)
        self.assertEqual(campaign.read(self.runs), rows)

    def test_a_sweep_tells_what_did_not_come(self):
        planned = ["txn_begun", "after_ack"], ["alo", "eos"], [1, 2, 5]
        about = {"commit": "x", "date": "d", "postgres": "15", "kafka": "4"}
        lines = [{"point": point, "mode": mode, "occurrence": n,
                  "verdict": "pass", "reached": (mode, n) != ("alo", 2),
                  "about": about, "plan": planned, "minutes": 30.0}
                 for point, mode, n in sweep.plan(*planned)]
        text = sweep.report(lines[:6])
        self.assertIn("Planned: 9 deaths, at the occurrences 1, 2, 5", text)
        self.assertIn("Tried: 6, of which 1 were not reached", text)
        self.assertIn("earlier occurrence was not reached: 1.", text)
        self.assertIn("30 minutes were over: 2 of 3 at occurrence 5.", text)
        self.assertIn("not tried", sweep.report(lines[:2]))


if __name__ == "__main__":
    unittest.main()
