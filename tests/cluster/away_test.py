#!/usr/bin/python3
"""A promotion whose shard is away, or whose hot state is damaged, keeps nobody waiting who asks about another one.

environment: WINDFALL = the binary
"""

import contextlib
import datetime
import http.client
import json
import os
import pathlib
import subprocess
import sys
import time
import unittest
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "scripts")]

from local_cluster.resp import Connection  # noqa: E402
from running_cluster import RunningCluster  # noqa: E402

LOTTERY = "dice"
QUOTA = "11."  # kind of the counters that hold the items of each segment
CANDIDATES = [f"p{number}" for number in range(20)]  # enough that every shard has some
LOOKS = 10
WAIT_SECONDS = 3
HANG_SECONDS = 8  # joins arrive meanwhile at those who would write them down


class AwayTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = RunningCluster(["redis", "kafka", "postgres", "sandbox", "windfall"], ["--windfall", os.environ["WINDFALL"]])
        cls.addClassCleanup(cls.cluster.__exit__)
        cls.cluster.up()
        cls.ports = [urllib.parse.urlsplit(url).port for url in cls.cluster.env["CLUSTER_API_URLS"].split(",")]
        today = datetime.datetime.now(datetime.timezone.utc).date()
        days = {"startDate": str(today - datetime.timedelta(30)), "endDate": str(today + datetime.timedelta(30)), "timezone": "Etc/UTC"}
        for name in CANDIDATES:
            cls.created({"id": name, "title": name, "rewardAmount": 500, "limitJoinCount": 100, **days})
        prizes = [{"prizeId": "points", "name": "Points", "kind": "POINTS", "value": 100, "count": 900}]
        cls.created({"id": LOTTERY, "title": LOTTERY, "lottery": {"grants": [{"cause": "VISIT", "tickets": 3}], "expectedDrawsPerDay": 2000, "maxWinsPerUser": 9, "prizes": prizes}, **days})

    @classmethod
    def created(cls, promotion):
        status, said = cls.call("POST", "/v1/admin/promotions", promotion)
        assert status == 201, said
        for port in cls.ports:
            cls.cluster.until(lambda port=port: cls.call("GET", f"/v1/promotions/{promotion['id']}", port=port)[0] == 200, "both know")

    @classmethod
    def call(cls, method, path, body=None, user=None, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or cls.ports[0], timeout=30)
        headers = {"Authorization": f"Bearer {cls.cluster.env['CLUSTER_GATEWAY_KEY' if user else 'CLUSTER_ADMIN_KEY']}"}
        if user:
            headers["X-User-Id"] = user
        if body is not None:
            headers["Content-Type"] = "application/json"
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            said = answer.read()
            return answer.status, json.loads(said) if said else None

    def join(self, promotion, user, port=None):
        return self.call("POST", f"/v1/promotions/{promotion}/participations", user=user, port=port)[0]

    def operator(self, node, *words):
        env = self.cluster.env
        with Connection(self.cluster.node(node)["port"], env["CLUSTER_REDIS_OPERATOR"], env["CLUSTER_REDIS_OPERATOR_PASSWORD"], seconds=10) as server:
            return server.call(*words)

    def master_of(self, tag):
        slot = self.operator("redis-1", "CLUSTER", "KEYSLOT", tag)
        for name, node in self.cluster.status().items():
            if node["part"] == "redis" and node["role"] == "master":
                for reach in node["details"]["slots"].split():
                    first, last = (int(end) for end in (reach.split("-") * 2)[:2])
                    if first <= slot <= last:
                        return name
        raise AssertionError(f"nobody has the slot of {tag}")

    def test_a_shard_that_is_away_keeps_only_those_waiting_who_ask_about_it(self):
        system = self.master_of("{windfall}")
        away = next(name for name in CANDIDATES if self.master_of(f"{{{name}}}") != system)
        master = self.master_of(f"{{{away}}}")
        here = next(name for name in CANDIDATES if self.master_of(f"{{{name}}}") != master)
        for name in (here, away):
            self.assertEqual(201, self.join(name, "kim"))
        replica = next(name for name, node in self.cluster.status().items() if node["details"].get("of") == master)
        self.cluster.stop(replica)
        self.cluster.stop(master)
        try:
            for look in range(LOOKS):
                for path in (f"/v1/admin/promotions/{here}/stats", f"/v1/admin/users/kim/timeline?promotionId={here}"):
                    status, said = self.call("GET", path, port=self.ports[look % len(self.ports)])
                    self.assertEqual(200, status, said)
                time.sleep(0.2)  # also after it was noticed
            self.assertEqual(503, self.call("GET", f"/v1/admin/users/kim/timeline?promotionId={away}")[0])
            self.assertEqual(503, self.call("GET", "/v1/me/participations", user="kim")[0], "nobody can know what of it is missing")
        finally:
            self.cluster.cont(master)
            self.cluster.cont(replica)
            self.cluster.until_well()
        self.cluster.until(lambda: self.join(away, "lee") in (201, 409), "it serves again")

    def test_while_postgresql_hangs_everybody_joins_and_no_server_stands_still(self):
        self.cluster.pause("postgres")
        try:
            until = time.monotonic() + HANG_SECONDS
            number = 0
            while time.monotonic() < until:
                for port in self.ports:
                    begun = time.monotonic()
                    self.assertEqual(201, self.join(CANDIDATES[number % len(CANDIDATES)], f"hang-{number}", port))
                    self.assertLess(time.monotonic() - begun, WAIT_SECONDS)
                    number += 1
                for name, node in self.cluster.status().items():
                    if node["part"] == "windfall":
                        self.assertNotIn("no answer", str(node["health"]), name)
                time.sleep(0.2)
        finally:
            self.cluster.cont("postgres")
            self.cluster.until_well()

    def rebuilding_told(self):
        """How often leaders have said that they rebuild something."""
        return sum(log.read_text(errors="replace").count('"event":"rebuilding"') for log in (self.cluster.data / "log").glob("batch-*.log"))

    def test_a_rebuild_that_has_to_wait_for_its_shard_is_told_of_once(self):
        system = self.master_of("{windfall}")
        away = next(name for name in CANDIDATES if self.master_of(f"{{{name}}}") != system)
        master = self.master_of(f"{{{away}}}")
        replica = next(name for name, node in self.cluster.status().items() if node["details"].get("of") == master)
        before = self.rebuilding_told()
        self.cluster.stop("postgres")  # until the shard is away, nothing is rebuilt
        try:
            self.operator(master, "DEL", f"{{{away}}}:h")
            self.cluster.until(lambda: self.rebuilding_told() > before, "it is noticed")
            self.cluster.stop(replica)
            self.cluster.stop(master)
            self.cluster.cont("postgres")
            self.cluster.until(lambda: self.cluster.node("postgres")["well"], "PostgreSQL is back")
            time.sleep(WAIT_SECONDS)  # some thirty looks
            self.assertLessEqual(self.rebuilding_told() - before, 2, "once for it, and once more if another process leads meanwhile")
        finally:
            for node in ("postgres", master, replica):
                self.cluster.cont(node)
            self.cluster.until_well()
        self.cluster.until(lambda: self.join(away, "may") in (201, 409), "it is rebuilt once its shard is back")

    def test_a_damaged_lottery_is_named_and_everything_else_goes_on_also_after_a_restart(self):
        self.assertEqual(201, self.call("POST", f"/v1/promotions/{LOTTERY}/visits", user="kim")[0])
        self.assertEqual(201, self.call("POST", f"/v1/promotions/{LOTTERY}/draws", user="kim")[0])
        master = self.master_of(f"{{{LOTTERY}}}")
        epoch = str(self.operator(master, "GET", f"{{{LOTTERY}}}:h")).strip("b'\"").split(" ")[0]
        counters = f"{{{LOTTERY}}}:{epoch}:c"
        fields = [field.decode() if isinstance(field, bytes) else field for field in self.operator(master, "HKEYS", counters)]
        quota = max((field for field in fields if field.startswith(QUOTA)), key=lambda field: int(field.removeprefix(QUOTA)))
        self.operator(master, "HSET", counters, quota, "-5")
        self.assertEqual(503, self.call("POST", f"/v1/promotions/{LOTTERY}/draws", user="kim")[0])
        self.cluster.restart("api-1")
        self.cluster.until_well()
        log = self.cluster.data / "log" / "api-1.log"
        named = f"promotion {LOTTERY} is damaged: segment {quota.removeprefix(QUOTA)} has quota -5"
        self.assertIn(named, log.read_text(errors="replace"))
        self.assertEqual(201, self.join(CANDIDATES[1], "after-restart", port=self.ports[0]))
        self.assertEqual(503, self.call("POST", f"/v1/promotions/{LOTTERY}/draws", user="kim")[0])
        # What an operator can do: without its header the partition is rebuilt from the log, which nobody has damaged.
        self.operator(master, "DEL", f"{{{LOTTERY}}}:h")
        seconds = self.cluster.until(lambda: self.call("POST", f"/v1/promotions/{LOTTERY}/draws", user="kim")[0] == 201, "it is rebuilt")
        rebuilt = subprocess.run(["psql", self.cluster.env["CLUSTER_POSTGRES_URL"], "-XqAtc", "select lost from partition_epoch where in_force_at is not null"],
                                 capture_output=True, text=True, check=True, timeout=30)  # fmt: skip
        self.assertEqual(["0"], rebuilt.stdout.split(), "nothing is lost by that")
        print(f"rebuilt within {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    if not os.access(os.environ.get("WINDFALL", ""), os.X_OK):
        sys.exit("set WINDFALL to the path of the windfall binary")
    unittest.main(verbosity=1)
