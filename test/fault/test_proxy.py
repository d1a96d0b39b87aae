#!/usr/bin/env python3
"""Each fault of the proxy, against servers that are a few lines of Python.

    test/fault/tools.sh             as make test-fault-tools runs it
    FAULT_PROXY=build/san/fault/proxy python3 test/fault/test_proxy.py -v TEST

A test is named by the fact that it shows.  Every proxy must end with exit code
0, which under the sanitizers says that nothing of it has leaked.
"""
import contextlib
import os
import queue
import random
import resource
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

from proxy import END_TXN, METADATA, PRODUCE, Listener, Proxy, ProxyError

TIMEOUT = 10
QUEUE_MAX = 1 << 20         # QUEUE_MAX of proxy_conn.c
READ_MAX = 1 << 16


def eventually(condition, what):
    deadline = time.monotonic() + TIMEOUT
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"timed out waiting for {what}")
        time.sleep(0.005)
    return value


def connect(port):
    s = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def kill(s):
    """Close as a process that is killed with unread data: by a reset."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def read(s, n):
    """Exactly n bytes, fewer if it ends before."""
    data = b""
    while len(data) < n and (more := s.recv(n - len(data))):
        data += more
    return data


def readable(s, timeout=0.0):
    """Is there something to read, an end perhaps?"""
    before = s.gettimeout()
    s.settimeout(timeout)
    try:
        s.recv(1, socket.MSG_PEEK)
        return True
    except (BlockingIOError, TimeoutError):
        return False
    except ConnectionResetError:
        return True
    finally:
        s.settimeout(before)


class Server:
    """Listens; accept() gives what the proxy opens, in its order."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(TIMEOUT)
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]

    def accept(self):
        s, _ = self.socket.accept()
        s.settimeout(TIMEOUT)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def close(self):
        self.socket.close()


def request(key, correlation, body=b"", version=1):
    frame = struct.pack(">hhi", key, version, correlation) + body
    return struct.pack(">i", len(frame)) + frame


def read_frame(s):
    size = read(s, 4)
    if len(size) < 4:
        return None
    size = struct.unpack(">i", size)[0]
    frame = read(s, size)
    return frame if len(frame) == size else None


class Broker(Server):
    """Answers every frame, and keeps (connection, key, correlation, body).

    The answer repeats the body.  A produce request of version 99 is one with
    acks=0: it gets none.
    """

    def __init__(self):
        super().__init__()
        self.requests = queue.Queue()
        self.ends = queue.Queue()       # of connections, by number
        self.threads = []
        self.accepting = threading.Thread(target=self.run)
        self.accepting.start()

    def run(self):
        for number in range(1_000_000):
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            s.settimeout(TIMEOUT)
            t = threading.Thread(target=self.serve, args=(s, number))
            t.start()
            self.threads.append(t)

    def serve(self, s, number):
        with s:
            try:
                while (frame := read_frame(s)) is not None:
                    key, version, correlation = struct.unpack(">hhi",
                                                              frame[:8])
                    self.requests.put((number, key, correlation, frame[8:]))
                    if key == PRODUCE and version == 99:
                        continue
                    s.sendall(struct.pack(">ii", len(frame) - 4, correlation)
                              + frame[8:])
                self.ends.put((number, "end"))
            except OSError:
                self.ends.put((number, "reset"))

    def next(self):
        return self.requests.get(timeout=TIMEOUT)

    def end(self):
        return self.ends.get(timeout=TIMEOUT)

    def close(self):
        # Closing alone does not wake the thread in accept().
        self.socket.shutdown(socket.SHUT_RDWR)
        self.accepting.join()
        super().close()
        for t in self.threads:
            t.join()


class Case(unittest.TestCase):
    """One proxy between self.client() and self.server."""
    protocol = ""
    make_server = Server

    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.server = self.make_server()
        self.stack.callback(self.server.close)
        self.proxy = Proxy([Listener("s", self.server.address,
                                     self.protocol)], seed=1).start()
        self.stack.callback(self.stop)

    def stop(self):
        if self.proxy.process is not None:
            self.assertEqual(self.proxy.stop(), 0)

    def keep(self, s):
        self.stack.callback(s.close)
        return s

    def client(self):
        return self.keep(connect(self.proxy.port["s"]))

    def pair(self):
        """A connection: its client's end, its server's end."""
        return self.client(), self.keep(self.server.accept())

    def assert_reset(self, s):
        with self.assertRaises(ConnectionResetError):
            while s.recv(READ_MAX):
                pass

    def assert_no_connection(self):
        with self.assertRaises(ConnectionResetError):
            self.client().recv(1)

    def assert_end(self, s):
        self.assertEqual(s.recv(1), b"")

    def assert_silent(self, s):
        """Nothing comes, while another connection works both ways."""
        self.assertFalse(readable(s, 0.05))


class Transport(Case):
    def test_bytes_arrive_unchanged_both_ways(self):
        data = random.Random(1).randbytes(5_000_000)
        a, b = self.pair()
        for source, sink in (a, b), (b, a):
            t = threading.Thread(target=source.sendall, args=(data,))
            t.start()
            self.assertEqual(read(sink, len(data)), data)
            t.join()
        stats = self.proxy.stats("s")
        self.assertEqual(stats["bytes_c2s"], len(data))
        self.assertEqual(stats["bytes_s2c"], len(data))

    def test_an_end_is_passed_on_and_the_other_direction_goes_on(self):
        a, b = self.pair()
        a.sendall(b"question")
        a.shutdown(socket.SHUT_WR)
        self.assertEqual(read(b, 100), b"question")
        b.sendall(b"answer")
        b.close()
        self.assertEqual(read(a, 100), b"answer")
        eventually(lambda: self.proxy.stats("s")["open"] == 0, "the end")

    def test_a_reset_is_passed_on(self):
        a, b = self.pair()
        kill(a)
        self.assert_reset(b)
        a, b = self.pair()
        kill(b)
        self.assert_reset(a)

    def test_a_reset_behind_an_end_is_passed_on(self):
        a, b = self.pair()
        a.shutdown(socket.SHUT_WR)
        self.assert_end(b)
        kill(a)
        with self.assertRaises(ConnectionError):
            # Only bytes for the client find out that it is gone.
            eventually(lambda: b.send(b"x") == 0, "the reset")

    def test_without_a_server_the_client_is_reset(self):
        self.server.close()
        self.assert_no_connection()
        self.assertEqual(self.proxy.stats("s")["failed"], 1)

    def test_a_sink_that_does_not_read_is_felt_by_the_source(self):
        a, b = self.pair()
        a.settimeout(0.3)
        sent = 0
        with self.assertRaises(TimeoutError):
            while sent < 200_000_000:
                sent += a.send(bytes(READ_MAX))
        self.assertLessEqual(self.proxy.stats("s")["queued"],
                             QUEUE_MAX + READ_MAX)
        a.settimeout(TIMEOUT)
        a.shutdown(socket.SHUT_WR)
        self.assertEqual(len(read(b, sent + 1)), sent)

    def test_connections_leave_no_descriptors_behind(self):
        fds = f"/proc/{self.proxy.process.pid}/fd"
        self.proxy.stats("s")       # the control connection is there
        before = len(os.listdir(fds))
        for i in range(600):
            a = connect(self.proxy.port["s"])
            b = self.server.accept()
            for s in (a, b) if i % 2 else (b, a):
                (kill if i % 3 == 0 else socket.socket.close)(s)
        eventually(lambda: self.proxy.stats("s")["open"] == 0, "the last end")
        self.assertEqual(self.proxy.stats("s")["connections"], 600)
        self.assertEqual(len(os.listdir(fds)), before)

    def test_it_accepts_again_after_descriptors_ran_out(self):
        pid = self.proxy.process.pid
        self.proxy.stats("s")
        used = len(os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 4, used + 4))
        pairs = [self.pair(), self.pair()]
        waiting = self.client()
        self.assert_silent(waiting)
        for s in pairs[0]:
            s.close()
        b = self.keep(self.server.accept())
        waiting.sendall(b"x")
        self.assertEqual(b.recv(1), b"x")


class Faults(Case):
    def test_cut_resets_both_sides_of_all_connections(self):
        pairs = [self.pair(), self.pair()]
        self.assertEqual(self.proxy.cut("s"), 2)
        for a, b in pairs:
            self.assert_reset(a)
            self.assert_reset(b)
        self.assertEqual(self.proxy.stats("s")["cut"], 2)
        a, b = self.pair()
        a.sendall(b"x")
        self.assertEqual(b.recv(1), b"x")

    def test_refuse_resets_new_connections_only(self):
        a, b = self.pair()
        self.proxy.refuse("s")
        self.assert_no_connection()
        self.assertEqual(self.proxy.stats("s")["refused"], 1)
        a.sendall(b"x")
        self.assertEqual(b.recv(1), b"x")
        self.proxy.refuse("s", False)
        self.pair()

    def test_half_close_ends_one_direction(self):
        a, b = self.pair()
        self.proxy.half_close("s", "c2s")
        self.assert_end(b)
        b.sendall(b"x")
        self.assertEqual(a.recv(1), b"x")
        self.proxy.half_close("s", "s2c")
        self.assert_end(a)
        eventually(lambda: self.proxy.stats("s")["open"] == 0, "its close")

    def test_a_black_hole_holds_one_direction_and_loses_nothing(self):
        for direction, other in ("c2s", "s2c"), ("s2c", "c2s"):
            with self.subTest(direction):
                ends = dict(zip(("c2s", "s2c"), self.pair()))
                source, sink = ends[direction], ends[other]
                self.proxy.blackhole("s", direction)
                source.sendall(b"held")
                sink.sendall(b"free")
                self.assertEqual(read(source, 4), b"free")
                self.assert_silent(sink)
                self.proxy.blackhole("s", direction, False)
                self.assertEqual(read(sink, 4), b"held")

    def test_a_black_hole_fills_the_window_of_the_sender(self):
        self.proxy.blackhole("s")
        a, b = self.pair()
        a.settimeout(0.2)
        sent = 0
        with self.assertRaises(TimeoutError):
            while sent < 200_000_000:
                sent += a.send(bytes(READ_MAX))
        self.assertEqual(self.proxy.stats("s")["bytes_c2s"], 0)
        self.assertEqual(self.proxy.stats("s")["queued"], 0)
        self.proxy.reset("s")
        self.assertEqual(len(read(b, sent)), sent)

    def test_a_black_hole_hides_the_end_and_the_reset_of_a_side(self):
        a, b = self.pair()
        c, d = self.pair()
        self.proxy.blackhole("s")
        a.close()
        kill(c)
        self.assert_silent(b)
        self.assert_silent(d)
        self.proxy.blackhole("s", on=False)
        self.assert_end(b)
        self.assert_reset(d)

    def test_a_black_hole_hides_a_reset_that_the_other_direction_meets(self):
        a, b = self.pair()
        self.proxy.blackhole("s", "s2c")
        kill(b)
        a.sendall(b"x")
        self.assert_silent(a)
        self.proxy.blackhole("s", "s2c", False)
        self.assert_reset(a)

    def test_a_black_hole_hides_an_end_that_was_read_before(self):
        a, b = self.pair()
        self.proxy.blackhole("s", "c2s")
        self.proxy.half_close("s", "c2s")
        self.assert_silent(b)
        self.proxy.blackhole("s", "c2s", False)
        self.assert_end(b)

    def test_latency_delays_and_keeps_the_order(self):
        self.proxy.latency("s", "c2s", 60, jitter=30)
        a, b = self.pair()
        began = time.monotonic()
        for i in range(20):
            a.sendall(b"%02d" % i)
            self.proxy.stats("s")   # so that it is read by itself
        self.assertEqual(read(b, 40), b"".join(b"%02d" % i for i in range(20)))
        self.assertGreater(time.monotonic() - began, 0.055)
        began = time.monotonic()
        b.sendall(b"x")
        self.assertEqual(a.recv(1), b"x")
        self.assertLess(time.monotonic() - began, 0.055)

    def test_latency_that_ends_lets_go_what_waits(self):
        self.proxy.latency("s", "both", 3_000_000)
        a, b = self.pair()
        a.sendall(b"x")
        eventually(lambda: self.proxy.stats("s")["queued"] == 1, "the byte")
        self.proxy.latency("s", "both", 0)
        self.assertEqual(b.recv(1), b"x")

    def test_bandwidth_is_what_was_said(self):
        self.proxy.bandwidth("s", "s2c", 200_000)
        a, b = self.pair()
        began = time.monotonic()
        b.sendall(bytes(100_000))
        self.assertEqual(len(read(a, 100_000)), 100_000)
        took = time.monotonic() - began
        self.assertGreater(took, 0.4)
        self.assertLess(took, 5)

    def test_a_bandwidth_of_a_few_bytes_makes_progress(self):
        self.proxy.bandwidth("s", "c2s", 20)
        a, b = self.pair()
        a.sendall(b"abc")
        self.assertEqual(read(b, 3), b"abc")

    def test_slices_are_segments_of_one_byte(self):
        def segments(s):            # tcpi_data_segs_in
            info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
            return struct.unpack_from("I", info, 152)[0]

        a, b = self.pair()
        a.sendall(bytes(100))
        self.assertEqual(len(read(b, 100)), 100)
        self.assertLess(segments(b), 10)
        self.proxy.slice("s", "c2s")
        data = bytes(range(250))
        a.sendall(data)
        self.assertEqual(read(b, 250), data)
        # What is behind the window is put together again.
        self.assertGreater(segments(b), 15)

    def test_many_slices_arrive_unchanged(self):
        self.proxy.slice("s")
        data = random.Random(2).randbytes(100_000)
        a, b = self.pair()
        t = threading.Thread(target=a.sendall, args=(data,))
        t.start()
        self.assertEqual(read(b, len(data)), data)
        t.join()

    def test_target_moves_new_connections(self):
        a, b = self.pair()
        other = Server()
        self.stack.callback(other.close)
        self.proxy.target("s", other.address)
        c = self.client()
        d = self.keep(other.accept())
        for source, sink in (a, b), (c, d):
            source.sendall(b"x")
            self.assertEqual(sink.recv(1), b"x")

    def test_reset_ends_every_fault(self):
        self.proxy.refuse("s")
        self.proxy.blackhole("s")
        self.proxy.latency("s", "both", 60_000)
        self.proxy.bandwidth("s", "both", 1)
        self.proxy.slice("s")
        self.proxy.reset()
        a, b = self.pair()
        a.sendall(bytes(1000))
        self.assertEqual(len(read(b, 1000)), 1000)


class Commands(Case):
    def test_a_bad_command_is_an_error_and_changes_nothing(self):
        for line in ("", "nonsense", "cut", "cut nobody", "refuse s maybe",
                     "refuse s on on", "latency s c2s", "latency s up 5",
                     "latency s c2s -5", "latency s both 5 x",
                     "latency s both 99999999999999999999",
                     "blackhole s both", "slice s x on", "bandwidth s c2s 1k",
                     "half-close s x", "target s nowhere", "target s 1.2.3.4:",
                     "target s 1.2.3.4:99999", "hold s 26", "release s",
                     "hold-data s on", "quit now",
                     "cut s a b c d e f g h i j k l m n o p"):
            with self.subTest(line), self.assertRaises(ProxyError):
                self.proxy.cmd(line)
        a, b = self.pair()
        a.sendall(b"x")
        self.assertEqual(b.recv(1), b"x")

    def test_commands_may_come_together_or_in_pieces(self):
        s = self.proxy.socket
        s.sendall(b"refuse s on\nrefuse s off\r\nsta")
        self.assertEqual(self.proxy.answers.readline(), "ok\n")
        self.assertEqual(self.proxy.answers.readline(), "ok\n")
        s.sendall(b"ts all\n")
        self.assertTrue(self.proxy.answers.readline().startswith("ok {\"s\":"))

    def test_several_may_be_connected_to_the_control_socket(self):
        other = self.proxy.control()
        other.refuse("s")
        self.assert_no_connection()
        self.assertEqual(self.proxy.stats("s")["refused"], 1)
        other.close()

    def test_a_line_without_an_end_is_cut_off(self):
        other = self.proxy.control()
        other.socket.sendall(b"x" * 5000)
        with self.assertRaises((ProxyError, ConnectionError)):
            other.cmd("stats", "s")
        other.close()
        self.proxy.stats("s")

    def test_all_means_the_listeners_that_it_fits(self):
        with Proxy([Listener("plain", self.server.address),
                    Listener("kafka", self.server.address, "kafka")]) as p:
            p.hold("all", END_TXN)
            p.refuse("all")
            self.assertEqual(set(p.stats()), {"plain", "kafka"})
            with self.assertRaises(ProxyError):
                p.hold("plain", END_TXN)

    def test_it_ends_with_a_signal_quit_or_its_input(self):
        def by_signal(p):
            p.process.send_signal(signal.SIGTERM)

        def by_quit(p):
            p.cmd("quit")

        def by_input(p):
            p.process.stdin.close()

        for way in by_signal, by_quit, by_input:
            with self.subTest(way.__name__):
                p = Proxy([Listener("s", self.server.address)]).start()
                a = connect(p.port["s"])
                with self.server.accept():
                    way(p)
                    self.assertEqual(p.process.wait(TIMEOUT), 0)
                    self.assertFalse(os.path.exists(p.path))
                a.close()
                p.stop()

    def test_bad_arguments_are_refused(self):
        for args in ([], ["s=0:127.0.0.1:1"], ["--control", "/nonexistent/c",
                                               "s=0:127.0.0.1:1"],
                     *(["--control", self.proxy.path + "2", spec]
                       for spec in ("s", "s=0", "s=0:127.0.0.1", "=0:localhost:1",
                                    "s=0:127.0.0.1:1:http", "all=0:localhost:1",
                                    "s=x:localhost:1", "s=0:localhost:",
                                    "two words=0:localhost:1"))):
            with self.subTest(args):
                run = subprocess.run([self.proxy.program, *args],
                                     stdin=subprocess.DEVNULL, timeout=TIMEOUT,
                                     capture_output=True, check=False)
                self.assertIn(run.returncode, (1, 2))
                self.assertIn(b"proxy: ", run.stderr)

    def test_help_names_every_command(self):
        text = subprocess.run([self.proxy.program, "--help"], check=True,
                              capture_output=True, text=True).stdout
        for name in ("cut", "refuse", "half-close", "blackhole", "latency",
                     "bandwidth", "slice", "target", "stats", "reset", "quit",
                     "hold", "release", "discard", "drop-response",
                     "hold-data"):
            self.assertIn(f"\n  {name} ", text)


class Kafka(Case):
    protocol = "kafka"
    make_server = Broker

    def ask(self, s, key, correlation, body=b"", version=1):
        """A request and its answer, which is the body again."""
        s.sendall(request(key, correlation, body, version))
        self.assert_answer(s, correlation, body)

    def assert_answer(self, s, correlation, body=b""):
        self.assertEqual(read_frame(s), struct.pack(">i", correlation) + body)

    def held(self, n):
        self.proxy.wait("s", lambda s: s["held"] == n, f"{n} held requests",
                        TIMEOUT)

    def test_requests_are_counted_and_answers_matched(self):
        a = self.client()
        for i in range(10):
            self.ask(a, METADATA, i, b"x" * i)
            a.sendall(request(PRODUCE, 100 + i, b"acks=0", version=99))
            self.ask(a, PRODUCE, 200 + i, b"acks=1")
        stats = self.proxy.stats("s")
        self.assertEqual(stats["requests"], {"0": 20, "3": 10})
        self.assertEqual(stats["inflight"], 0)
        self.assertEqual(stats["unmatched"], 0)

    def test_frames_are_found_however_they_are_cut(self):
        self.proxy.slice("s")
        a = self.client()
        for i in range(5):
            for byte in request(METADATA, i, b"abc"):
                a.sendall(bytes([byte]))
            self.assert_answer(a, i, b"abc")
        body = random.Random(3).randbytes(300_000)
        self.proxy.slice("s", on=False)
        self.ask(a, PRODUCE, 9, body)
        self.assertEqual(self.proxy.stats("s")["requests"], {"0": 1, "3": 5})

    def test_take_lets_other_requests_pass(self):
        self.proxy.hold("s", END_TXN, 1)
        a = self.client()
        a.sendall(request(END_TXN, 1, b"late") + request(METADATA, 2))
        self.assert_answer(a, 2)
        self.held(1)
        self.ask(a, END_TXN, 3, b"only the next one is held")
        self.assertEqual(self.proxy.release("s"), (1, 0))
        self.assert_answer(a, 1, b"late")
        self.assertEqual([self.server.next()[:3] for _ in range(3)],
                         [(0, METADATA, 2), (0, END_TXN, 3), (0, END_TXN, 1)])
        stats = self.proxy.stats("s")
        self.assertEqual((stats["held"], stats["held_bytes"]), (0, 0))
        self.assertEqual((stats["taken"], stats["late_answered"]), (1, 1))
        self.ask(a, END_TXN, 4)

    def test_take_without_a_number_holds_all_until_the_release(self):
        self.proxy.hold("s", END_TXN)
        a, b = self.client(), self.client()
        for i in range(3):
            a.sendall(request(END_TXN, i))
            self.held(2 * i + 1)
            b.sendall(request(END_TXN, 10 + i))
            self.held(2 * i + 2)
        self.assertEqual(self.proxy.release("s"), (6, 0))
        for i in range(3):
            self.assert_answer(a, i)
            self.assert_answer(b, 10 + i)
        self.ask(a, END_TXN, 20)

    def test_hold_with_0_holds_none_any_more(self):
        self.proxy.hold("s", END_TXN)
        self.proxy.hold("s", END_TXN, 0)
        self.ask(self.client(), END_TXN, 1)

    def test_stall_has_everything_behind_it_wait(self):
        self.proxy.hold("s", END_TXN, 1, "stall")
        a, b = self.client(), self.client()
        a.sendall(request(METADATA, 1) + request(END_TXN, 2, b"x") +
                  request(END_TXN, 3) + request(METADATA, 4))
        self.assert_answer(a, 1)
        self.held(1)
        self.ask(b, METADATA, 5)
        self.assert_silent(a)
        self.assertEqual(self.proxy.stats("s")["stalled"], 1)
        self.assertEqual(self.proxy.release("s"), (1, 0))
        self.assert_answer(a, 2, b"x")
        self.assert_answer(a, 3)
        self.assert_answer(a, 4)
        self.assertEqual(self.proxy.stats("s")["requests"], {"3": 3, "26": 2})
        self.assertEqual(self.proxy.stats("s")["late_answered"], 1)

    def test_a_stall_is_felt_by_the_client(self):
        self.proxy.hold("s", END_TXN, 1, "stall")
        a = self.client()
        a.sendall(request(END_TXN, 1))
        self.held(1)
        a.settimeout(0.2)
        body = bytes(1_000_000)
        sent = request(PRODUCE, 2, body) * 200
        at = 0
        with self.assertRaises(TimeoutError):
            while at < len(sent):
                at += a.send(sent[at:at + READ_MAX])
        self.assertLessEqual(self.proxy.stats("s")["queued"], READ_MAX)

    def test_a_held_request_outlives_its_client(self):
        for mode in "take", "stall":
            for leave in socket.socket.close, kill:
                with self.subTest(mode=mode, leave=leave.__name__):
                    self.proxy.hold("s", END_TXN, 1, mode)
                    a = connect(self.proxy.port["s"])
                    self.ask(a, METADATA, 1)
                    a.sendall(request(END_TXN, 2))
                    self.held(1)
                    leave(a)
                    number, key, _, _ = self.server.next()
                    self.assertEqual(key, METADATA)
                    # Another connection works, this one has not ended.
                    with connect(self.proxy.port["s"]) as b:
                        self.ask(b, METADATA, 3)
                        self.assertEqual(self.server.next()[2], 3)
                    self.assertNotEqual(self.server.end()[0], number)
                    self.assertEqual(self.proxy.release("s"), (1, 0))
                    self.assertEqual(self.server.next()[:3],
                                     (number, END_TXN, 2))
                    # An end, not a reset that could overtake the request.
                    self.assertEqual(self.server.end(), (number, "end"))
        eventually(lambda: self.proxy.stats("s")["open"] == 0, "the last end")

    def test_of_a_cut_connection_it_goes_by_a_fresh_one(self):
        self.proxy.hold("s", END_TXN, 2)
        a = self.client()
        a.sendall(request(END_TXN, 1, b"abc") + request(END_TXN, 2, b"def"))
        self.held(2)
        self.proxy.cut("s")
        self.assert_reset(a)
        self.server.end()
        self.assertEqual(self.proxy.release("s"), (0, 2))
        self.held(2)
        self.assertEqual(self.proxy.release("s", fresh=True), (2, 0))
        self.assertEqual(self.server.next(), (1, END_TXN, 1, b"abc"))
        self.assertEqual(self.server.next(), (1, END_TXN, 2, b"def"))
        stats = self.proxy.wait(
            "s", lambda s: s["late_answered"] == 2 and s, "both answers")
        self.assertEqual(bytes.fromhex(stats["late_answer"]),
                         struct.pack(">ii", 7, 2) + b"def")
        self.assertEqual(self.server.end(), (1, "end"))

    def test_fresh_leaves_the_living_connection_alone(self):
        self.proxy.hold("s", END_TXN, 1)
        a = self.client()
        a.sendall(request(END_TXN, 1))
        self.held(1)
        self.assertEqual(self.proxy.release("s", fresh=True), (1, 0))
        self.assertEqual(self.server.next()[:3], (1, END_TXN, 1))
        self.ask(a, METADATA, 2)

    def test_fresh_without_a_server_keeps_the_program_going(self):
        self.proxy.hold("s", END_TXN, 1)
        a = self.client()
        a.sendall(request(END_TXN, 1))
        self.held(1)
        gone = Server()
        gone.close()
        self.proxy.target("s", gone.address)
        self.proxy.release("s", fresh=True)
        self.proxy.wait("s", lambda s: s["failed"] == 1, "the failure")
        self.ask(a, METADATA, 2)

    def test_a_fresh_connection_ends_with_the_server(self):
        self.proxy.hold("s", END_TXN, 1)
        a = self.client()
        a.sendall(request(END_TXN, 1))
        self.held(1)
        self.proxy.target("s", self.plain().address)
        self.proxy.release("s", fresh=True)
        b = self.other.accept()
        self.assertEqual(self.proxy.stats("s")["open"], 2)
        self.assertEqual(read(b, 12), request(END_TXN, 1))
        b.close()
        eventually(lambda: self.proxy.stats("s")["open"] == 1, "its end")

    def test_of_a_connection_that_the_server_ended_it_goes_by_a_fresh_one(self):
        self.proxy.hold("s", END_TXN, 1)
        a = self.client()
        a.sendall(request(END_TXN, 1))
        self.held(1)
        self.proxy.half_close("s", "s2c")
        self.assert_end(a)
        self.assertEqual(self.proxy.release("s"), (0, 1))
        self.assertEqual(self.proxy.release("s", fresh=True), (1, 0))
        self.assertEqual(self.server.next()[:3], (1, END_TXN, 1))

    def test_a_request_that_comes_after_its_servers_end_holds_nothing_open(self):
        self.proxy.hold("s", END_TXN, 1)
        a = connect(self.proxy.port["s"])
        a.sendall(request(END_TXN, 1, b"abc")[:-1])
        self.proxy.wait("s", lambda s: s["held_bytes"], "the beginning")
        self.proxy.half_close("s", "s2c")
        self.assert_end(a)
        a.sendall(b"c")
        a.close()
        self.assertEqual(self.server.end(), (0, "end"))
        self.held(1)
        self.assertEqual(self.proxy.release("s", fresh=True), (1, 0))
        self.assertEqual(self.server.next(), (1, END_TXN, 1, b"abc"))

    def test_a_release_never_splits_a_request(self):
        self.proxy.hold("s", END_TXN, 1)
        a = self.client()
        body = random.Random(4).randbytes(500_000)
        big = request(PRODUCE, 2, body)
        a.sendall(request(END_TXN, 1, b"late") + big[:200_000])
        self.proxy.wait("s", lambda s: s["bytes_c2s"] == 200_000, "the half")
        self.assertEqual(self.proxy.release("s"), (1, 0))
        a.sendall(big[200_000:])
        self.assertEqual(self.server.next(), (0, PRODUCE, 2, body))
        self.assertEqual(self.server.next(), (0, END_TXN, 1, b"late"))

    def test_a_client_that_ended_within_a_request_leaves_a_fresh_way(self):
        for release_first in True, False:
            with self.subTest(release_first):
                before = self.proxy.stats("s")["bytes_c2s"]
                self.proxy.hold("s", END_TXN, 1)
                a = connect(self.proxy.port["s"])
                a.sendall(request(END_TXN, 1) + request(PRODUCE, 2, b"abc")[:-1])
                self.held(1)
                self.proxy.wait("s", lambda s: s["bytes_c2s"] == before + 14,
                                "the rest")
                if release_first:
                    self.proxy.release("s")
                a.close()
                if not release_first:
                    self.proxy.release("s")
                self.assertEqual(self.server.next()[1:], (END_TXN, 1, b""))
        eventually(lambda: self.proxy.stats("s")["open"] == 0, "the last end")

    def test_half_a_request_is_not_held(self):
        self.proxy.hold("s", END_TXN)
        a = connect(self.proxy.port["s"])
        self.ask(a, METADATA, 1)
        a.sendall(request(END_TXN, 2, bytes(1000))[:500])
        self.proxy.wait("s", lambda s: s["requests"].get("26"), "the request")
        self.assertEqual(self.proxy.stats("s")["held"], 0)
        a.close()
        self.assertEqual(self.server.end(), (0, "end"))
        self.assertEqual(self.proxy.stats("s")["held_bytes"], 0)

    def test_discard_throws_held_requests_away(self):
        self.proxy.hold("s", END_TXN)
        a = connect(self.proxy.port["s"])
        a.sendall(request(END_TXN, 1) + request(END_TXN, 2))
        self.held(2)
        a.close()
        self.assertEqual(self.proxy.discard("s"), 2)
        self.assertEqual(self.server.end(), (0, "end"))
        self.assertTrue(self.server.requests.empty())

    def test_reset_sends_what_is_held_where_it_still_can(self):
        self.proxy.hold("s", END_TXN, 1)
        a = self.client()
        a.sendall(request(END_TXN, 1))
        self.held(1)
        self.proxy.cut("s")
        self.proxy.hold("s", END_TXN, 1)
        b = self.client()
        b.sendall(request(END_TXN, 2))
        self.held(2)
        self.proxy.reset("s")
        self.assert_answer(b, 2)
        self.held(0)

    def test_drop_response_loses_the_answer_and_not_the_request(self):
        self.proxy.drop_response("s", END_TXN, 1)
        a = self.client()
        self.ask(a, METADATA, 1)
        a.sendall(request(PRODUCE, 2, version=99) + request(END_TXN, 3))
        self.assert_reset(a)
        self.assertEqual([self.server.next()[1] for _ in range(3)],
                         [METADATA, PRODUCE, END_TXN])
        self.assertEqual(self.proxy.stats("s")["dropped"], 1)
        self.ask(self.client(), END_TXN, 4)

    def test_what_is_not_kafka_passes(self):
        with Proxy([Listener("s", self.plain().address, "kafka")]) as p:
            a = self.keep(connect(p.port["s"]))
            b = self.keep(self.other.accept())
            for source, sink in (a, b), (b, a):
                source.sendall(bytes(4) + b"garbage")
                self.assertEqual(read(sink, 11), bytes(4) + b"garbage")
            self.assertEqual(p.stats("s")["unparsed"], 2)
            a.sendall(b"\0")
            self.assertEqual(b.recv(1), b"\0")

    def test_a_beginning_that_stays_one_passes_with_the_end(self):
        with Proxy([Listener("s", self.plain().address, "kafka")]) as p:
            a = self.keep(connect(p.port["s"]))
            b = self.keep(self.other.accept())
            a.sendall(b"\0\0")
            a.shutdown(socket.SHUT_WR)
            self.assertEqual(read(b, 10), b"\0\0")

    def plain(self):
        self.other = Server()
        self.stack.callback(self.other.close)
        return self.other

    def test_more_than_it_may_hold_waits(self):
        self.proxy.hold("s", PRODUCE)
        a = self.client()
        body = bytes(30_000_000)
        for i in range(3):      # 64 MiB are the limit
            t = threading.Thread(target=self.send_quietly,
                                 args=(a, request(PRODUCE, i, body)))
            t.start()
            self.stack.callback(t.join)
            if i < 2:
                t.join()
            self.held(i + 1)
        stats = self.proxy.stats("s")
        self.assertEqual((stats["taken"], stats["stalled"]), (2, 1))
        self.assertLess(stats["held_bytes"] + stats["queued"], 64 << 20)
        self.proxy.discard("s")
        self.assertEqual(self.server.next()[1:3], (PRODUCE, 2))

    @staticmethod
    def send_quietly(s, data):
        with contextlib.suppress(OSError):
            s.sendall(data)


def message(kind, body=b""):
    return kind + struct.pack(">i", len(body) + 4) + body


class Postgres(Case):
    protocol = "postgres"
    STARTUP = struct.pack(">ii", 12, 3 << 16) + b"abcd"
    SSL = struct.pack(">ii", 8, 80877103)
    GSS = struct.pack(">ii", 8, 80877104)

    def session(self):
        a, b = self.pair()
        self.through(a, b, self.STARTUP)
        return a, b

    def through(self, source, sink, data):
        source.sendall(data)
        self.assertEqual(read(sink, len(data)), data)

    def test_hold_data_stops_before_the_next_copy_data(self):
        a, b = self.session()
        self.proxy.hold_data("s")
        # A row that looks like one is none.
        row = message(b"D", message(b"d", b"w") * 3)
        self.through(b, a, row + message(b"Z", b"I"))
        data = message(b"d", b"w" + bytes(1000)) * 50 + message(b"c")
        b.sendall(data)
        self.proxy.wait("s", lambda s: s["stalled"] == 1, "the stall")
        self.assert_silent(a)
        self.through(a, b, b"the other direction")
        self.proxy.hold_data("s", False)
        self.assertEqual(read(a, len(data)), data)
        self.assertEqual(self.proxy.stats("s")["copy_data"], 50)

    def test_hold_data_ends_the_message_that_is_under_way(self):
        a, b = self.session()
        data = message(b"d", b"w" + bytes(1000))
        self.through(b, a, data[:500])
        self.proxy.hold_data("s")
        b.sendall(data[500:] + data)
        self.assertEqual(len(read(a, len(data) - 500)), len(data) - 500)
        self.assert_silent(a)

    def test_hold_data_can_tell_data_from_keepalives(self):
        a, b = self.session()
        for kind, other in (b"w", b"k"), (b"k", b"w"):
            with self.subTest(kind):
                self.proxy.hold_data("s", kind=kind.decode())
                self.through(b, a, message(b"d", other + bytes(17)))
                self.through(b, a, message(b"d"))
                held = message(b"d", kind + bytes(17))
                b.sendall(held)
                self.proxy.wait("s", lambda s: s["stalled"] == 1, "the stall")
                self.assert_silent(a)
                self.proxy.hold_data("s", False)
                self.assertEqual(read(a, len(held)), held)

    def test_lose_data_leaves_out_large_messages_behind_large_ones(self):
        a, b = self.session()
        small, large = (message(b"d", b"w" + bytes(n)) for n in (10, 5000))
        self.proxy.lose_data("s", 2, 1000)
        b.sendall(small + large + small + large + large[:100])
        self.assertEqual(read(a, 2 * len(small + large)),
                         (small + large) * 2)
        b.sendall(large[100:] + large + large + small)
        self.assertEqual(read(a, len(large + small)), large + small)
        self.assertEqual(self.proxy.stats("s")["lost"], 2)

    def test_refused_encryption_is_followed(self):
        a, b = self.pair()
        for ask in self.GSS, self.SSL:
            self.through(a, b, ask)
            self.through(b, a, b"N")
        self.through(a, b, self.STARTUP)
        self.proxy.hold_data("s")
        b.sendall(message(b"d", b"w"))
        self.proxy.wait("s", lambda s: s["stalled"] == 1, "the stall")

    def test_encryption_passes_unread(self):
        a, b = self.pair()
        self.through(a, b, self.SSL)
        self.through(b, a, b"S")
        self.proxy.hold_data("s")
        self.through(a, b, b"\x16\x03\x01\x02")
        self.through(a, b, bytes(range(100)))
        self.through(b, a, message(b"d", b"w"))
        self.assertEqual(self.proxy.stats("s")["unparsed"], 1)

    def test_a_server_that_knows_no_encryption_is_followed(self):
        a, b = self.pair()
        self.through(a, b, self.SSL)
        self.proxy.hold_data("s")
        self.through(b, a, message(b"E", b"what?"))
        b.sendall(message(b"d", b"w"))
        self.proxy.wait("s", lambda s: s["stalled"] == 1, "the stall")


if __name__ == "__main__":
    unittest.main()
