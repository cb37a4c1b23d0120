#!/usr/bin/env python3
"""A person joins while they are being erased: whoever is told that they are in is paid. And an erasure that a crash cut short is finished by the next
start, whoever came back meanwhile.

Usage: erasure_test.py BINARY [unittest arguments]. The server listens on a free port of loopback, with its data in a temporary folder.
"""
import datetime
import json
import shutil
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

from serve_test import DEADLINE_SECONDS, Server, wait_until

SEGMENT = "journal/0000000000000001.seg"
SLOW_SYNC_MICROSECONDS = 1_500_000  # an erasure lasts that long at least


@unittest.skipUnless(shutil.which("strace"), "strace slows the disk down")
class Erasure(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="windfall-erasure-"))
        self.addCleanup(shutil.rmtree, self.folder)
        slow = ("strace", "-f", "-D", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-P", str(self.folder / "data" / SEGMENT), "-e",
                f"inject=fdatasync:delay_enter={SLOW_SYNC_MICROSECONDS}")
        self.server = Server(str(self.folder), before=slow)
        self.addCleanup(self.server.close)

    def join(self, user):
        return self.server.call("POST", "/v1/promotions/p/participations", headers={"X-User-Id": user})

    def test_nothing_is_decided_about_who_is_being_erased(self):
        today = str(datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=9))).date())
        body = {"id": "p", "title": "p", "rewardAmount": 7, "limitJoinCount": 10, "startDate": today, "endDate": today}
        self.assertEqual(self.server.admin("POST", "/v1/admin/promotions", body)[0], 201)
        answers = []
        erasing = threading.Thread(
            target=lambda: answers.append(self.server.admin("DELETE", "/v1/admin/users/mina", {"reason": "asked"})[0]))
        erasing.start()
        time.sleep(SLOW_SYNC_MICROSECONDS / 3e6)
        status, _, answer = self.join("mina")
        self.assertEqual((status, json.loads(answer)["code"]), (503, "OVERLOADED"))
        self.assertEqual(self.join("jun")[0], 201, "others go on")
        erasing.join(DEADLINE_SECONDS)
        self.assertEqual(answers, [204])
        self.assertEqual(self.join("mina")[0], 201, "as somebody new")
        wait_until(lambda: {entry["userId"] for entry in self.book()} == {"mina", "jun"}, "both are paid")
        self.assertEqual(json.loads(self.server.admin("GET", "/v1/admin/dead-letters")[2])["items"], [])

    def book(self):
        return json.loads(self.server.call("GET", "/v1/dev/partner/book")[2])["entries"]


class CutShort(unittest.TestCase):
    """The crash between the record of an erasure and its zeros: the identities of before are put back where they stood."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="windfall-erasure-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.segment = self.folder / "data" / SEGMENT
        self.start()
        today = str(datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=9))).date())
        for promotion in ("p", "q", "r"):
            body = {"id": promotion, "title": "p", "rewardAmount": 7, "limitJoinCount": 10, "startDate": today, "endDate": today}
            self.assertEqual(self.server.admin("POST", "/v1/admin/promotions", body)[0], 201)

    def start(self):
        self.server = Server(str(self.folder))
        self.addCleanup(self.server.close)

    def join(self, promotion):
        self.assertEqual(self.server.call("POST", f"/v1/promotions/{promotion}/participations", headers={"X-User-Id": "mina"})[0], 201)

    def erase(self):
        """As soon as everything is paid; what stood in the journal before."""
        before = b""

        def erased():
            nonlocal before
            before = self.segment.read_bytes().rstrip(b"\0")
            return self.server.admin("DELETE", "/v1/admin/users/mina", {"reason": "asked"})[0] == 204
        wait_until(erased, "nothing is open any more")
        return before

    def crash_before(self, *zeroed):
        self.server.close()
        with open(self.segment, "r+b") as segment:
            now = segment.read()
            for before in zeroed:
                now = bytes(a or b for a, b in zip(now, before.ljust(len(now), b"\0")))
            segment.seek(0)
            segment.write(now)

    def names(self):
        return self.segment.read_bytes().count(b"mina")

    def test_a_second_one_is_finished(self):
        self.join("p")
        self.erase()
        self.join("q")
        before = self.erase()
        self.crash_before(before)
        self.assertEqual(self.names(), 1)
        self.start()
        wait_until(lambda: self.names() == 0, "the second erasure is finished")
        self.server.close()
        self.start()
        self.join("r")

    def test_a_first_one_is_finished_for_whom_came_back(self):
        self.join("p")
        before = self.erase()
        self.join("q")
        wait_until(lambda: self.names() == 1, "the new identity")
        self.crash_before(before)
        self.assertEqual(self.names(), 2)
        self.start()
        wait_until(lambda: self.names() == 1, "the old identity is gone")
        self.server.close()
        self.start()
        self.assertEqual(self.names(), 1, "the new one stays")
        csv = self.server.admin("GET", "/v1/admin/promotions/q/export/participations.csv")[2]
        self.assertIn("mina", csv)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
