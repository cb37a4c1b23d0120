#!/usr/bin/env python3
"""The fault proxy does to a connection what it is told, and nothing else: bytes arrive whole and in order, or the connection is broken."""

import hashlib
import pathlib
import random
import socket
import socketserver
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import fault_proxy  # noqa: E402
from fault_proxy import FaultProxy  # noqa: E402

SEED = 20_261_121
PATIENCE_SECONDS = 20  # what must come
SILENCE_SECONDS = 0.4  # what must not come


class Echo(socketserver.BaseRequestHandler):
    """Sends back what it gets, and counts connections that were reset."""

    def handle(self):
        try:
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except ConnectionResetError:
            self.server.resets.release()


class FaultProxyTest(unittest.TestCase):
    def setUp(self):
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo)
        self.server.daemon_threads = True
        self.server.resets = threading.Semaphore(0)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.proxy = FaultProxy(self.server.server_address)
        self.addCleanup(self.proxy.__exit__)

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.proxy.port), timeout=PATIENCE_SECONDS)
        self.addCleanup(client.close)
        return client

    def read(self, client, count):
        data = b""
        while len(data) < count:
            piece = client.recv(count - len(data))
            if not piece:
                break
            data += piece
        return data

    def silent(self, client):
        client.settimeout(SILENCE_SECONDS)
        try:
            return client.recv(1) is None
        except TimeoutError:
            return True
        finally:
            client.settimeout(PATIENCE_SECONDS)

    def echoed(self, client, text):
        client.sendall(text)
        return self.read(client, len(text))

    def test_without_a_fault_megabytes_come_back_as_they_were(self):
        sent = random.Random(SEED).randbytes(4 << 20)
        client = self.connect()
        sender = threading.Thread(target=client.sendall, args=(sent,))
        sender.start()
        got = self.read(client, len(sent))
        sender.join()
        self.assertEqual(hashlib.sha256(sent).digest(), hashlib.sha256(got).digest())
        self.assertEqual(f"open=1 accepted=1 broken=0 up={len(sent)} down={len(sent)}", self.proxy.tell("status"))

    def test_the_end_of_a_stream_passes_in_each_direction(self):
        client = self.connect()
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(b"last words", self.read(client, 100))

    def test_delay_holds_bytes_back_and_keeps_their_order(self):
        client = self.connect()
        self.echoed(client, b"warm")
        self.proxy.tell("delay 200 up")
        begun = time.monotonic()
        self.assertEqual(b"one two three", self.echoed(client, b"one two three"))
        self.assertGreaterEqual(time.monotonic() - begun, 0.2)
        self.proxy.tell("delay 60000")
        client.sendall(b"late")
        self.assertTrue(self.silent(client))
        self.proxy.tell("heal")
        self.assertEqual(b"late", self.read(client, 4))

    def test_throttle_lets_so_many_bytes_pass_in_a_second(self):
        client = self.connect()
        self.proxy.tell("throttle 20000 down")
        begun = time.monotonic()
        self.assertEqual(10000, len(self.echoed(client, b"x" * 10000)))
        self.assertGreaterEqual(time.monotonic() - begun, 0.45)

    def test_stall_loses_nothing_and_heal_lets_it_go_on(self):
        client = self.connect()
        for way in ("up", "down", "both"):
            self.proxy.tell(f"stall {way}")
            client.sendall(b"waiting")
            self.assertTrue(self.silent(client), way)
            self.proxy.tell("heal")
            self.assertEqual(b"waiting", self.read(client, 7), way)

    def test_cut_ends_the_connection_behind_exactly_that_byte(self):
        for count in (1, 7, 4096):
            client = self.connect()
            self.proxy.tell(f"cut {count} down")
            client.sendall(b"z" * 5000)
            self.assertEqual(count, len(self.read(client, 5000)))
            self.assertEqual(b"ok", self.echoed(self.connect(), b"ok"))  # once

    def test_cut_upwards_leaves_the_server_with_a_part(self):
        client = self.connect()
        self.proxy.tell("cut 3 up")
        client.sendall(b"abcdef")
        self.assertIn(self.read(client, 6), (b"", b"a", b"ab", b"abc"))
        self.assertIn("up=3 ", self.proxy.tell("status"))

    def test_reset_ends_every_connection_on_both_sides(self):
        clients = [self.connect() for _ in range(3)]
        for client in clients:
            self.echoed(client, b"there")
        self.proxy.tell("reset")
        for client in clients:
            with self.assertRaises(ConnectionResetError):
                client.recv(1)
            self.assertTrue(self.server.resets.acquire(timeout=PATIENCE_SECONDS))
        self.assertEqual(b"new", self.echoed(self.connect(), b"new"))

    def test_half_open_takes_what_is_sent_and_never_answers(self):
        client = self.connect()
        self.echoed(client, b"there")
        self.proxy.tell("half-open")
        self.assertTrue(self.server.resets.acquire(timeout=PATIENCE_SECONDS))
        client.sendall(b"anybody?")
        self.assertTrue(self.silent(client))
        self.assertEqual(b"new", self.echoed(self.connect(), b"new"))

    def test_refuse_turns_new_connections_away_until_heal(self):
        client = self.connect()
        self.echoed(client, b"there")
        self.proxy.tell("refuse")
        with self.assertRaises(ConnectionRefusedError):
            self.connect()
        self.assertEqual(b"goes on", self.echoed(client, b"goes on"))
        self.proxy.tell("heal")
        self.assertEqual(b"new", self.echoed(self.connect(), b"new"))

    def test_a_server_that_is_gone_looks_gone(self):
        # Whether the reset arrives while the client still connects or when it reads is a matter of microseconds.
        with FaultProxy(("127.0.0.1", 1)) as proxy, self.assertRaises(ConnectionResetError):
            with socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE_SECONDS) as client:
                client.recv(1)

    def test_what_it_does_not_understand_is_an_error(self):
        for line in ("", "dealy 3", "delay", "delay soon", "delay 3 sideways", "cut 0", "reset now please"):
            with self.subTest(line), self.assertRaises(ValueError):
                self.proxy.tell(line)
        self.assertEqual(b"whole", self.echoed(self.connect(), b"whole"))

    def test_as_a_program_it_is_told_by_lines(self):
        host, port = self.server.server_address
        argv = [sys.executable, "-B", fault_proxy.__file__, "--to", f"{host}:{port}"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as program:
            self.addCleanup(program.kill)
            words = program.stdout.readline().split()
            self.assertEqual(["listening", "control"], words[::2])
            with socket.create_connection(("127.0.0.1", int(words[3])), timeout=PATIENCE_SECONDS) as control, control.makefile("rw") as lines:

                def tell(line):
                    lines.write(line + "\n")
                    lines.flush()
                    return lines.readline().strip()

                with socket.create_connection(("127.0.0.1", int(words[1])), timeout=PATIENCE_SECONDS) as client:
                    self.assertEqual(b"there", self.echoed(client, b"there"))
                    self.assertEqual("ok open=1 accepted=1 broken=0 up=5 down=5", tell("status"))
                    self.assertEqual("ok", tell("stall"))
                    client.sendall(b"held")
                    self.assertTrue(self.silent(client))
                    self.assertEqual("ok", tell("heal"))
                    self.assertEqual(b"held", self.read(client, 4))
                self.assertTrue(tell("nonsense").startswith("error ValueError"))
            program.kill()


if __name__ == "__main__":
    unittest.main(verbosity=2)
