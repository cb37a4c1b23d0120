"""Orderly stops under load, and partners that are slow, down or lying for a while: every answer accounted for, exactly one accrual each."""

import json
import select
import socket
import subprocess
import unittest
import urllib.request

import observation
import windfall_server
import workload
from crash_case import CrashCase

# Well below the 25 s that a drain may take by default: a second signal must not wait for it.
AT_ONCE_SECONDS = 3.0


class Stops(CrashCase):

    def loaded(self, name="load"):
        server = self.start()
        self.found(server)
        load = workload.Load(server.port, self.history, name, 3).start()
        self.until("the load is under way", lambda: len(self.history.joins) > 200)
        return server, load

    def test_sigterm_under_load_answers_what_it_decided_and_exits_with_0(self):
        server, load = self.loaded()
        self.stop(server)
        load.finish()
        self.assertEqual([], server.error_lines())
        again = self.start()
        self.assertNotIn("journal_tail_cut", again.stderr())
        observed = observation.check(self, again, self.history, quiet=True)
        accepted = {j.json()["participationId"] for j in self.history.joins if j.accepted()}
        self.assertEqual([], [row for row in observed.all_rows() if row.participation not in accepted],
                         "decided, but the client was not told")
        self.stop(again)
        self.assertEqual("", windfall_server.fsck(self.data))

    def test_sigterm_right_after_the_ready_line_is_an_orderly_stop(self):
        for _ in range(5):
            self.stop(self.start())
        self.assertEqual("", windfall_server.fsck(self.data))

    def test_a_second_sigterm_ends_it_at_once_and_loses_nothing(self):
        server, load = self.loaded()
        held = socket.create_connection(("127.0.0.1", server.port))
        self.addCleanup(held.close)
        held.sendall(b"POST /v1/promotions/big/participations HTTP/1.1\r\nHost: a\r\nX-User-Id: slow\r\nContent-Length: 2\r\n\r\n{")
        # An answer on another connection shows that the half request has been read.
        server.call("GET", "/livez")
        server.terminate()
        self.until("it drains", lambda: '"draining"' in server.stderr())
        self.assertIsNone(server.process.poll(), "the held request should keep it draining")
        server.terminate()
        server.wait(AT_ONCE_SECONDS)
        load.finish()
        observation.check(self, self.start(), self.history, quiet=True)


class Partner:
    """`windfall sandbox` on a port of its own choice the first time and the same one ever after, with its book in a file."""

    def __init__(self, folder):
        self.book_file = folder / "partner-book.ndjson"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self, *faults):
        self.process = subprocess.Popen(
            [windfall_server.binary(), "sandbox", "--listen", f"127.0.0.1:{self.port}", "--book", str(self.book_file), "--seed", "1",
             *faults],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        ready, _, _ = select.select([self.process.stdout], [], [], windfall_server.START_SECONDS)
        if not ready or not self.process.stdout.readline().startswith(b"listening on"):
            raise AssertionError("the sandbox did not start")

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def book(self):
        with urllib.request.urlopen(self.url + "/book", timeout=20) as reply:
            return json.load(reply)["entries"]


class Partners(CrashCase):

    def setUp(self):
        super().setUp()
        self.partner = Partner(self.folder)
        self.addCleanup(self.partner.kill)

    def start_with_partner(self):
        server = self.start(args=("--partner-url", self.partner.url))
        self.found(server)
        return server

    def check_quiet(self, server):
        """Retries and an open breaker are no errors of the server, but dead letters would stay FAILED, and that is caught."""
        observation.check(self, server, self.history, quiet=True, book=self.partner.book, healthy=False)

    def test_a_partner_that_is_down_for_a_while_gets_each_accrual_once(self):
        server = self.start_with_partner()
        self.load(server, 300, "down")
        self.partner.start()
        self.load(server, 300, "up")
        self.partner.kill()
        self.load(server, 300, "down-again")
        self.partner.start()
        self.check_quiet(server)

    def test_a_partner_that_books_and_does_not_answer_is_asked_and_not_paid_twice(self):
        self.partner.start("--timeout", "0.05", "--fail", "0.2", "--duplicate", "0.2", "--latency", "5ms")
        server = self.start_with_partner()
        self.load(server, 200)
        self.partner.kill()
        self.partner.start()
        self.check_quiet(server)

    def test_server_and_partner_killed_in_turns_agree_in_the_end(self):
        self.partner.start("--latency", "20ms")
        for turn in range(4):
            server = self.start_with_partner()
            self.load(server, 200, f"turn{turn}")
            if turn % 2 == 1:
                self.partner.kill()
                self.load(server, 50, f"alone{turn}")
            self.kill(server)
            if turn % 2 == 1:
                self.partner.start()
        server = self.start_with_partner()
        self.check_quiet(server)
        self.stop(server)


if __name__ == "__main__":
    unittest.main()
