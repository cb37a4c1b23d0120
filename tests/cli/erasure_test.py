#!/usr/bin/env python3
"""A person joins while they are being erased: whoever is told that they are in is paid.

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


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
