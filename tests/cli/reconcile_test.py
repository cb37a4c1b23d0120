#!/usr/bin/env python3
"""The ledger is changed behind a running server's back: what the reconciliation finds, what its repair makes right, and what it
does not claim.

Usage: reconcile_test.py BINARY [unittest arguments]. Every server listens on a free port of loopback, with its data in a temporary folder.
"""
import datetime
import json
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
import unittest
from contextlib import closing
from pathlib import Path

from codes_test import DEADLINE_SECONDS, Server, windfall

USERS = 8


class Reconciliation(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="windfall-reconcile-"))
        self.data = self.folder / "data"
        self.servers = []
        self.start()
        today = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=9))).date()
        body = {"id": "daily", "title": "daily", "rewardAmount": 500, "limitJoinCount": 1000, "startDate": str(today),
                "endDate": str(today + datetime.timedelta(days=1))}
        self.assertEqual(self.server.call("POST", "/v1/admin/promotions", json.dumps(body))[0], 201)
        self.assertEqual(self.server.lottery("dice"), 201)
        for number in range(USERS):
            self.assertEqual(self.server.call("POST", "/v1/promotions/dice/visits", user=f"u{number}")[0], 201)
        for number in range(3):
            self.assertEqual(self.server.call("POST", "/v1/promotions/daily/participations", user=f"u{number}")[0], 201)
        self.assertEqual(self.server.call("POST", "/v1/promotions/dice/draws", user="u0")[0], 201)
        self.assertEqual(self.reconciled()["differences"], [])

    def tearDown(self):
        for server in self.servers:
            if server.process.poll() is None:
                server.process.kill()
                server.process.wait()
                server.process.stdout.close()
        shutil.rmtree(self.folder)

    def start(self):
        self.server = Server(self.folder, self.data)
        self.servers.append(self.server)
        self.assertTrue(self.server.url, self.server.log.read_text()[-2000:])

    def told(self, method, path, body=None):
        """503 where the disk is so busy that the ledger is a second behind."""
        end = time.monotonic() + DEADLINE_SECONDS
        while True:
            status, answer = self.server.call(method, path, *([json.dumps(body)] if body else []))
            if status != 503 or time.monotonic() > end:
                break
            time.sleep(0.1)
        self.assertEqual(status, 200, answer)
        return json.loads(answer)

    def reconciled(self, of=""):
        return self.told("GET", "/v1/admin/reconciliation" + of)

    def repaired(self, of=None):
        body = self.told("POST", "/v1/admin/reconciliation/repair", of)
        return body["repaired"], body["reconciliation"]["differences"]

    def change(self, sql):
        with closing(sqlite3.connect(self.data / "ledger.db", timeout=30)) as ledger, ledger:
            self.assertEqual(ledger.execute(sql).rowcount, 1)

    def difference(self, promotion, kind, expected, found, **more):
        return {"promotionId": promotion, "kind": kind, **more, "expected": expected, "found": found}

    def test_counts_are_made_anew_from_the_rows(self):
        of = "(select partition from promotion where id = '%s')"
        self.change("update total set participations = participations + 2, spent = spent + 7 where partition = " + of % "daily")
        self.change("update lottery_total set visit = visit - 1, drawn = 5 where partition = " + of % "dice")
        self.change("update effect_count set count = count + 1 where state = (select max(state) from effect_count) and partition = " +
                    of % "daily")
        found = self.reconciled()["differences"]
        self.assertIn(self.difference("daily", "JOINS", 3, 5), found)
        self.assertIn(self.difference("daily", "SPEND", 1500, 1507), found)
        self.assertIn(self.difference("dice", "TICKETS_GRANTED", USERS, USERS - 1), found)
        self.assertIn(self.difference("dice", "DRAWS", 1, 5), found)
        self.assertEqual(self.repaired(), (len(found), []))
        self.assertEqual(self.repaired(), (0, []), "nothing is claimed where nothing was wrong")
        self.assertEqual(self.server.stop(), 0)
        checked = windfall("fsck", "--data", self.data)
        self.assertEqual(checked.returncode, 0, checked.stdout)

    def test_rows_that_are_missing_or_wrong_are_found_with_their_people_and_made_anew_from_the_log(self):
        of_user = "(select no from user where id = '%s')"
        self.change("delete from ticket where user = " + of_user % "u5")
        found = self.reconciled()
        self.assertEqual(found["differences"], [self.difference("dice", "USER_TICKETS", 1, 0, userId="u5")])
        self.assertEqual(found["users"], {"compared": USERS, "all": True})
        self.change("delete from participation where user = " + of_user % "u1")
        self.change("delete from draw where user = " + of_user % "u0")
        rows = [self.difference("dice", "USER_TICKETS", 0, 1, userId="u0"), self.difference("dice", "USER_DRAWS", 1, 0, userId="u0"),
                self.difference("daily", "USER_JOINS", 1, 0, userId="u1"), self.difference("dice", "USER_TICKETS", 1, 0, userId="u5")]
        self.assertCountEqual(self.reconciled()["differences"], rows)
        self.assertEqual(self.reconciled("?promotionId=daily")["differences"], [rows[2]])
        self.assertEqual(self.reconciled("?userId=u5")["differences"], [rows[3]])
        self.assertEqual(self.reconciled("?userId=u5&promotionId=daily")["differences"], [])
        well = self.reconciled("?userId=u7")
        self.assertEqual((well["differences"], well["users"]), ([], {"compared": 1, "all": False}))
        self.assertEqual(self.reconciled("?userId=nobody")["users"], {"compared": 0, "all": False})

        # One person alone, then the rest.
        count, left = self.repaired({"userId": "u5"})
        self.assertEqual((count, left), (1, []))
        self.assertCountEqual(self.reconciled()["differences"], rows[:3])
        self.assertEqual(self.repaired(), (3, []))
        self.assertEqual(self.repaired(), (0, []), "nothing is claimed where nothing was wrong")

        # What no sum tells: whoever is named is made anew all the same.
        self.change(f"update participation set amount = 501 where user = {of_user % 'u2'}")
        self.assertEqual(self.reconciled()["differences"], [])
        self.assertEqual(self.repaired({"userId": "u2"}), (0, []))

        # A row that is somebody else's by mistake.
        self.change(f"update ticket set user = {of_user % 'u6'} where user = {of_user % 'u5'}")
        self.assertEqual(len(self.reconciled()["differences"]), 2)
        self.assertEqual(self.repaired(), (2, []))
        self.assertEqual(list(self.data.glob("ledger.db.again*")), [])
        status, said = self.server.call("GET", "/v1/admin/users/u5/timeline?promotionId=dice")
        self.assertEqual((status, json.loads(said)["sum"]["held"]), (200, 1))
        self.assertEqual(self.server.stop(), 0)
        checked = windfall("fsck", "--data", self.data)
        self.assertEqual(checked.returncode, 0, checked.stdout)

    def test_a_repair_asks_for_a_person_by_a_name_that_can_be_one(self):
        status, said = self.server.call("POST", "/v1/admin/reconciliation/repair", json.dumps({"userId": " "}))
        self.assertEqual((status, json.loads(said)["errors"][0]["pointer"]), (422, "/userId"))
        self.assertEqual(self.server.call("POST", "/v1/admin/reconciliation/repair", json.dumps({"user": "u1"}))[0], 422)
        self.assertEqual(self.server.call("GET", "/v1/admin/reconciliation?userId=")[0], 422)

    def test_whoever_is_just_taking_part_is_no_difference(self):
        done = threading.Event()

        def take_part(number):
            for visit in range(60):
                self.server.call("POST", "/v1/promotions/dice/visits", user=f"busy-{number}-{visit}")
                self.server.call("POST", "/v1/promotions/daily/participations", user=f"busy-{number}-{visit}")

        def crowd():
            people = [threading.Thread(target=take_part, args=(number,)) for number in range(4)]
            for one in people:
                one.start()
            for one in people:
                one.join()
            done.set()

        threading.Thread(target=crowd).start()
        looks = 0
        while not done.is_set() or looks == 0:
            status, body = self.server.call("GET", "/v1/admin/reconciliation")
            if status == 503:  # the ledger is behind for a moment
                continue
            self.assertEqual(json.loads(body)["differences"], [])
            looks += 1
        self.assertEqual(self.reconciled()["users"], {"compared": USERS + 240, "all": True})
        print(f"{looks} looks beside a crowd", file=sys.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
