"""An installation of several machines with a promotion of each kind, whose ledger has every kind of row: what `windfall fsck --config` is tried on."""

import contextlib
import datetime
import http.client
import json
import os
import subprocess
import threading
import time
import unittest
import urllib.parse

from running_cluster import RunningCluster, noon_zone

JOINS = 12
CODES = 9
WINS = 3
COMMAND_SECONDS = 120
LOTTERY = "gifts"
DICE = "dice"  # a lottery of which every kind of row and event is there
COINS = 100
ROLLS = 20  # enough rows that each planted mistake has its own
COFFEES = 8


class FoundedInstallation(unittest.TestCase):
    """Tests of its own are those that hold wherever the ledger is."""

    LEDGER = "postgresql"
    PARTS = ("redis", "kafka", "postgres", "sandbox", "windfall")
    CROWD = 6  # people at once
    CROWD_RESTS_S = 0  # between two calls of one of them

    @classmethod
    def setUpClass(cls):
        cls.cluster = RunningCluster(cls.PARTS, ["--windfall", os.environ["WINDFALL"], "--ledger", cls.LEDGER])
        cls.addClassCleanup(cls.cluster.__exit__)
        cls.cluster.up()
        cls.ports = [urllib.parse.urlsplit(url).port for url in cls.cluster.env["CLUSTER_API_URLS"].split(",")]
        cls.found()

    # Calls

    @classmethod
    def call(cls, method, path, body=None, user=None, key=None, content="application/json", port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or cls.ports[0], timeout=30)
        env = cls.cluster.env
        headers = {"Authorization": f"Bearer {env['CLUSTER_GATEWAY_KEY' if user else 'CLUSTER_ADMIN_KEY']}"}
        if user:
            headers["X-User-Id"] = user
        if key:
            headers["Idempotency-Key"] = key
        if body is not None:
            headers["Content-Type"] = content
            body = body if isinstance(body, str) else json.dumps(body)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None

    @classmethod
    def join(cls, promotion, user, key=None, port=None):
        return cls.call("POST", f"/v1/promotions/{promotion}/participations", user=user, key=key, port=port)

    @classmethod
    def found(cls):
        now = datetime.datetime.now(datetime.timezone.utc)
        today = now.date()  # there, too
        days = {"startDate": str(today - datetime.timedelta(5)), "endDate": str(today + datetime.timedelta(5)), "timezone": noon_zone(now)}
        for name in ("1", "blue"):
            status, said = cls.call("POST", "/v1/admin/promotions", {"id": name, "title": name, "rewardAmount": 500, "limitJoinCount": 1_000_000, **days})
            assert status == 201, said
        prizes = [{"prizeId": "a", "name": "a", "kind": "GIFTICON", "value": 1, "count": 100}]
        terms = {"grants": [{"cause": "VISIT", "tickets": 1}], "segmentMinutes": 1440, "winRatePermille": {"min": 1000, "max": 1000}, "prizes": prizes,
                 "notifications": ["WIN"]}  # fmt: skip
        status, said = cls.call("POST", "/v1/admin/promotions", {"id": LOTTERY, "title": LOTTERY, "lottery": terms, **days})
        assert status == 201, said
        codes = "".join(f"CODE-{i:04}\n" for i in range(CODES))
        status, said = cls.call("POST", f"/v1/admin/promotions/{LOTTERY}/prizes/a/codes", codes, content="text/csv")
        assert (status, said["imported"]) == (200, CODES), (status, said)
        for number in range(JOINS):
            for name in ("1", "blue"):
                status, said = cls.join(name, f"user-{number}", key=f"key-{name}-{number}")
                assert status == 201, (status, said)
        for number in range(WINS):
            cls.call("POST", f"/v1/promotions/{LOTTERY}/visits", user=f"user-{number}")
            status, said = cls.call("POST", f"/v1/promotions/{LOTTERY}/draws", user=f"user-{number}")
            assert status == 201, (status, said)
        cls.draws = [LOTTERY] * WINS
        cls.found_dice(days)
        status, said = cls.call("PUT", "/v1/admin/blocks/stranger", {"reason": "tried"})
        assert status in (200, 201, 204), (status, said)
        cls.until_quiet()

    @classmethod
    def found_dice(cls, days):
        """Tickets for every cause and taken away, wins of both kinds, coupons that are used, reissued and voided."""
        prizes = [{"prizeId": "coffee", "name": "coffee", "kind": "GIFTICON", "value": 4500, "count": 30, "validDays": 30},
                  {"prizeId": "coins", "name": "coins", "kind": "POINTS", "value": COINS, "count": 30}]  # fmt: skip
        terms = {"grants": [{"cause": "VISIT", "tickets": 1}, {"cause": "INVITE"}], "segmentMinutes": 1440, "winRatePermille": {"min": 1000, "max": 1000},
                 "prizes": prizes, "notifications": ["WIN", "TICKET_GRANTED"], "maxWinsPerUser": 1}  # fmt: skip
        cls.said("POST", "/v1/admin/promotions", 201, {"id": DICE, "title": DICE, "lottery": terms, **days})
        codes = "".join(f"COFFEE-{i:04}\n" for i in range(40))
        cls.said("POST", f"/v1/admin/promotions/{DICE}/prizes/coffee/codes", 200, codes, content="text/csv")
        cls.said("POST", f"/v1/promotions/{DICE}/visits", 201, user="host")
        token = cls.said("POST", f"/v1/promotions/{DICE}/invites", 200, user="host")["token"]
        for number in range(2):
            cls.said("POST", f"/v1/invites/{token}/opens", 201, user=f"friend-{number}")
        for tickets in (3, -2):
            cls.said("POST", "/v1/admin/users/host/adjustments", 201, {"promotionId": DICE, "tickets": tickets, "reason": "sorry"})
        won = {"coffee": [], "coins": []}
        while len(cls.draws) < WINS + ROLLS or len(won["coffee"]) < COFFEES or len(won["coins"]) < 2:
            user = f"roller-{len(cls.draws)}"
            drawn = cls.roll(user)
            won[drawn["prize"]["prizeId"]].append((user, drawn["drawId"]))
        cls.cluster.until(lambda: cls.counts()[2:4] == ["0", str(WINS + len(won["coffee"]))], "every coupon has its code")
        (used, first), (anew, second), (_, third), *_ = won["coffee"]
        cls.said("PUT", f"/v1/me/coupons/{first}/used", 200, user=used)
        cls.said("POST", f"/v1/admin/coupons/{second}/reissue", 200, {"reason": "it was refused"})
        cls.said("POST", f"/v1/admin/draws/{third}/void", 200, {"reason": "by mistake"})
        cls.cluster.until(lambda: cls.counts()[4:] == ["1", "1", "1"], "the ledger has what became of the coupons")

    @classmethod
    def said(cls, method, path, expected, body=None, **more):
        status, said = cls.call(method, path, body, **more)
        assert status == expected, (method, path, status, said)
        return said

    @classmethod
    def roll(cls, user, port=None):
        cls.said("POST", f"/v1/promotions/{DICE}/visits", 201, user=user, port=port)
        drawn = cls.said("POST", f"/v1/promotions/{DICE}/draws", 201, user=user, port=port)
        cls.draws.append(DICE)
        return drawn

    @classmethod
    def counts(cls):
        """Of the ledger: draws; accruals that are under way; coupons without a code, with one, used, reissued; voided wins."""
        coded = "ordinal is not null"
        return cls.psql("select unnest(array[(select count(*) from draw), (select count(*) from effect where state < 3), "
                        f"(select count(*) from coupon where ordinal is null and not voided), (select count(*) from coupon where {coded}), "
                        f"(select count(*) from coupon where used_at is not null), (select count(*) from coupon where issue > 0 and {coded}), "
                        "(select count(*) from draw where voided <> 0)])")  # fmt: skip

    @classmethod
    def until_quiet(cls):
        def quiet():
            status, said = cls.call("GET", "/v1/admin/reconciliation")
            known = not said["differences"] and not any(p["accruals"]["pending"] for p in said["promotions"]) if status == 200 else False
            return known and cls.counts()[:3] == [str(len(cls.draws)), "0", "0"]

        cls.cluster.until(quiet, "ledger and partner have everything", 60)

    @classmethod
    def psql(cls, script):
        argv = ["psql", cls.cluster.env["CLUSTER_POSTGRES_URL"], "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", script]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def windfall(self, *arguments, expected=0):
        done = self.cluster.windfall(*arguments)
        self.assertEqual(expected, done.returncode, f"windfall {' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def planted(self, plant, undo, *expected):
        with self.subTest(expected[-1]):
            plant()
            try:
                said = self.windfall("fsck", expected=1)
            finally:
                undo()
            for words in expected:
                self.assertIn(words, said)

    def planted_by_sql(self, change, back, *expected):
        self.planted(lambda: self.psql(change), lambda: self.psql(back), *expected)

    def test_1_a_sound_cluster_is_found_sound_by_fsck_and_by_the_partners_book(self):
        book = http.client.HTTPConnection("127.0.0.1", self.cluster.node("sandbox")["port"], timeout=30)
        with contextlib.closing(book):
            book.request("GET", "/book")
            (self.cluster.folder / "book.json").write_bytes(book.getresponse().read())
        report = json.loads(self.windfall("fsck", "--book", self.cluster.folder / "book.json", "-o", "json"))
        self.assertTrue(report["ok"], report)
        checked = {line["id"]: line["checked"] for line in report["invariants"]}
        for invariant in (f"I{number}" for number in range(1, 17)):
            self.assertGreater(checked[invariant], 0, f"{invariant}: {report}")

    def test_2_fsck_beside_a_crowd_finds_nothing(self):
        over = threading.Event()
        answers = []

        def crowd(which):
            number = 0
            while not over.is_set():
                number += 1
                user, port = f"crowd-{which}-{number}", self.ports[which % 2]
                if number % 4:
                    answers.append(self.join("blue" if number % 3 else "1", user, key=f"k{which}-{number}", port=port)[0])
                else:
                    self.roll(user, port)
                time.sleep(self.CROWD_RESTS_S)

        people = [threading.Thread(target=crowd, args=(which,)) for which in range(self.CROWD)]
        for person in people:
            person.start()
        try:
            for _ in range(3):
                report = json.loads(self.windfall("fsck", "-o", "json"))
                self.assertTrue(report["ok"], report)
        finally:
            over.set()
            for person in people:
                person.join()
        self.assertGreater(answers.count(201), 3 * self.CROWD, "there was a crowd")
        self.until_quiet()
