#!/usr/bin/python3
"""What operators do to a running cluster by hand: `windfall fsck --config` finds every planted violation and nothing in a sound or a busy one,
`windfall rebuild` brings fenced promotions back and refuses where it must.

environment: WINDFALL = the binary
"""

import contextlib
import datetime
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import unittest
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "scripts")]

from local_cluster import plan, resp  # noqa: E402
from running_cluster import RunningCluster  # noqa: E402

JOINS = 12
CODES = 9
WINS = 3
COMMAND_SECONDS = 120
LOTTERY = "gifts"


class UpkeepTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = RunningCluster(["redis", "kafka", "postgres", "sandbox", "windfall"], ["--windfall", os.environ["WINDFALL"]])
        cls.addClassCleanup(cls.cluster.__exit__)
        cls.cluster.up()
        cls.ports = [urllib.parse.urlsplit(url).port for url in cls.cluster.env["CLUSTER_API_URLS"].split(",")]
        made = plan.load(cls.cluster.data)
        cls.environment = {
            "WINDFALL_SERVER_DATA": str(made.place("batch-1") / "data"),
            "WINDFALL_REDIS_PASSWORD": made.secrets["redis_windfall"],
            "WINDFALL_POSTGRES_PASSWORD": made.secrets["postgres_windfall"],
            "WINDFALL_PARTNER_SECRET": made.secrets["partner_secret"],
        }
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
        today = datetime.datetime.now(datetime.timezone.utc).date()
        days = {"startDate": str(today - datetime.timedelta(5)), "endDate": str(today + datetime.timedelta(5)), "timezone": "Etc/UTC"}
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
        status, said = cls.call("PUT", "/v1/admin/blocks/stranger", {"reason": "tried"})
        assert status in (200, 201, 204), (status, said)
        cls.until_quiet()

    @classmethod
    def until_quiet(cls):
        def quiet():
            status, said = cls.call("GET", "/v1/admin/reconciliation")
            coded = cls.psql("select count(*) from coupon where ordinal is not null")[0]
            return status == 200 and not said["differences"] and not any(p["accruals"]["pending"] for p in said["promotions"]) and int(coded) == WINS

        cls.cluster.until(quiet, "ledger and partner have everything", 60)

    @classmethod
    def psql(cls, script):
        argv = ["psql", cls.cluster.env["CLUSTER_POSTGRES_URL"], "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", script]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def redis(self, promotion, *words):
        """A command at the master of the promotion's keys, as an operator; or a function of a connection to it."""
        env = self.cluster.env
        for node in self.cluster.status().values():
            if node["part"] != "redis" or node["role"] != "master":
                continue
            with resp.Connection(node["port"], env["CLUSTER_REDIS_OPERATOR"], env["CLUSTER_REDIS_OPERATOR_PASSWORD"], seconds=10) as server:
                try:
                    return server.call(*words)
                except resp.RedisError as problem:
                    if not str(problem).startswith("MOVED"):
                        raise
        raise AssertionError(f"nobody has the keys of {promotion}")

    def windfall(self, *arguments, expected=0):
        argv = [os.environ["WINDFALL"], *map(str, arguments), "--config", str(self.cluster.data / "windfall.toml")]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS, env={**os.environ, **self.environment})
        self.assertEqual(expected, done.returncode, f"{' '.join(argv)}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def epoch(self, promotion):
        header = self.redis(promotion, "GET", f"{{{promotion}}}:h")
        return int(header.split()[0]) if header else None

    # fsck

    def test_1_a_sound_cluster_is_found_sound_by_fsck_and_by_the_partners_book(self):
        book = http.client.HTTPConnection("127.0.0.1", self.cluster.node("sandbox")["port"], timeout=30)
        with contextlib.closing(book):
            book.request("GET", "/book")
            (self.cluster.folder / "book.json").write_bytes(book.getresponse().read())
        report = json.loads(self.windfall("fsck", "--book", self.cluster.folder / "book.json", "-o", "json"))
        self.assertTrue(report["ok"], report)
        checked = {line["id"]: line["checked"] for line in report["invariants"]}
        for invariant in ("I1", "I2", "I3", "I4", "I9", "I11", "I12", "I13", "I14", "I15", "I16"):
            self.assertGreater(checked[invariant], 0, f"{invariant}: {report}")

    def test_2_fsck_beside_a_crowd_finds_nothing(self):
        over = threading.Event()
        answers = []

        def crowd(which):
            number = 0
            while not over.is_set():
                number += 1
                answers.append(self.join("blue" if number % 3 else "1", f"crowd-{which}-{number}", key=f"k{which}-{number}", port=self.ports[which % 2])[0])

        people = [threading.Thread(target=crowd, args=(which,)) for which in range(6)]
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
        self.assertGreater(answers.count(201), 20, "there was a crowd")
        self.until_quiet()

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

    def test_3_every_violation_that_is_planted_in_the_ledger_is_found_and_named(self):
        kept = "drop table if exists kept; create table kept as select * from"
        self.planted_by_sql(f"{kept} event where partition = 1 and sequence = 5; delete from event where partition = 1 and sequence = 5",
                            "insert into event select * from kept; drop table kept",
                            "partition 1, sequence 6", "does not follow event 4")  # fmt: skip
        self.planted_by_sql("update event set at = at + interval '1 second' where partition = 1 and sequence = 4",
                            "update event set at = at - interval '1 second' where partition = 1 and sequence = 4",
                            "partition 1, sequence 4", "the columns of its row in event are not what its bytes say")  # fmt: skip
        row = "(select ordinal from participation where partition = 1 and sequence = 3)"
        self.planted_by_sql(f"update participation set amount = 501 where ordinal = {row}", f"update participation set amount = 500 where ordinal = {row}",
                            "partition 1, sequence 3", "amount is not what the log says")  # fmt: skip
        self.planted_by_sql(f"update participation set day = day - 1 where ordinal = {row}", f"update participation set day = day + 1 where ordinal = {row}",
                            "partition 1, sequence 3", "day is not what the log says")  # fmt: skip
        effect = f"(select effect from participation where ordinal = {row})"
        self.planted_by_sql(f"update effect set amount = 5000 where id = {effect}", f"update effect set amount = 500 where id = {effect}",
                            "partition 1, sequence 3", "is of 5000 points instead of 500")  # fmt: skip
        self.planted_by_sql(f"{kept} effect where id = {effect}; delete from effect where id = {effect}", "insert into effect select * from kept; drop table kept",
                            "partition 1, sequence 3", "is not there")  # fmt: skip
        self.planted_by_sql(f"update effect set state = 4 where id = {effect}", f"update effect set state = 3 where id = {effect}",
                            "is in no state that an effect can be in", "effect_count of partition 1")  # fmt: skip
        self.planted_by_sql(f"{kept} participation where ordinal = {row}; insert into participation select (select max(ordinal) + 1 from participation), "
                            "partition, epoch, 100000, event_id, user_no, day + 1, amount, at, revision, test, null from kept",
                            "delete from participation where sequence = 100000; drop table kept",
                            "sequence 100000", "is of no event in the log", "total of partition 1")  # fmt: skip
        self.planted_by_sql("update audit set reason = 'none' where seq = 2", "update audit set reason = '' where seq = 2",
                            "audit 2", "was changed, taken out or put in")  # fmt: skip
        self.planted_by_sql("update promotion set definition = definition || ' ' where id = '1'", "update promotion set definition = rtrim(definition) where id = '1'",
                            "promotion 1", "its definition in the table promotion is not what the log says")  # fmt: skip
        self.planted_by_sql("delete from blocked", "insert into blocked select ref from identity where id = 'stranger'", "table blocked", "0 people")
        self.planted_by_sql("update draw set prize = null where seq = (select min(seq) from draw)", "update draw set prize = 0 where prize is null",
                            "has another prize than the seed gives")  # fmt: skip
        self.planted_by_sql(f"{kept} code where ordinal = {CODES - 1}; delete from code where ordinal = {CODES - 1}; update code_prize set count = count - 1",
                            "insert into code select * from kept; drop table kept; update code_prize set count = count + 1",
                            f"codes of promotion {LOTTERY}, prize a", f"code {CODES - 1} is yet to be given out")  # fmt: skip
        self.assertIn("ok", self.windfall("fsck"))

    def test_4_every_violation_that_is_planted_in_redis_is_found_and_named(self):
        header = self.redis("1", "GET", "{1}:h")
        epoch = header.split()[0]
        some = """for bucket = 0, 200 do local fields = redis.call('HKEYS', KEYS[1] .. bucket) if fields[1] then """
        self.planted(lambda: self.redis("1", "EVAL", f"{some} redis.call('HINCRBY', KEYS[1] .. bucket, fields[1], 4096) return 1 end end", "1", f"{{1}}:{epoch}:"),
                     lambda: self.redis("1", "EVAL", f"{some} redis.call('HINCRBY', KEYS[1] .. bucket, fields[1], -4096) return 1 end end", "1", f"{{1}}:{epoch}:"),
                     "promotion 1: user ", "field 00: Redis has ")  # fmt: skip
        self.planted(lambda: self.redis("1", "EVAL", f"{some} redis.call('SET', '{{1}}:kept', bucket .. ' ' .. redis.call('HGET', KEYS[1] .. bucket, fields[1]) "
                                        ".. ' ' .. fields[1]) redis.call('HDEL', KEYS[1] .. bucket, fields[1]) return 1 end end", "1", f"{{1}}:{epoch}:"),
                     lambda: self.redis("1", "EVAL", "local bucket, value, field = string.match(redis.call('GET', '{1}:kept'), '^(%d+) (%d+) (.*)$') "
                                        "redis.call('HSET', KEYS[1] .. bucket, field, value) redis.call('DEL', '{1}:kept') return 1", "1", f"{{1}}:{epoch}:"),
                     "promotion 1: user ", "Redis has 0, the log folds to ")  # fmt: skip
        words = header.split()
        taken = words.index("0.0") + 1
        wrong = " ".join([*words[:taken], str(int(words[taken]) + 1), *words[taken + 1 :]])
        self.planted(lambda: self.redis("1", "SET", "{1}:h", wrong), lambda: self.redis("1", "SET", "{1}:h", header),
                     "promotion 1", f"counter 0.0 in its header is {int(words[taken]) + 1}, the log folds to {words[taken]}")  # fmt: skip
        definition = self.redis("blue", "GET", "{blue}:1:d")
        self.planted(lambda: self.redis("blue", "APPEND", "{blue}:1:d", " "), lambda: self.redis("blue", "SET", "{blue}:1:d", definition),
                     "promotion blue", "its definition in Redis is not that of the log")  # fmt: skip
        self.planted(lambda: self.redis(LOTTERY, "HINCRBY", f"{{{LOTTERY}}}:1:c", "10.0", 1), lambda: self.redis(LOTTERY, "HINCRBY", f"{{{LOTTERY}}}:1:c", "10.0", -1),
                     f"promotion {LOTTERY}", "Redis has ")  # fmt: skip
        move = ("for odd = 0, 1 do local fields = redis.call('HKEYS', KEYS[1] .. odd) if fields[1] then redis.call('HSET', '{1}:kept', fields[1], "
                "redis.call('HGET', KEYS[1] .. odd, fields[1])) redis.call('HDEL', KEYS[1] .. odd, fields[1]) return odd end end")  # fmt: skip
        back = "local all = redis.call('HGETALL', '{1}:kept') redis.call('HSET', KEYS[1], all[1], all[2]) redis.call('DEL', '{1}:kept') return 1"
        odd = []
        self.planted(lambda: odd.append(self.redis("1", "EVAL", move, "1", f"{{1}}:{epoch}:k")),
                     lambda: self.redis("1", "EVAL", back, "1", f"{{1}}:{epoch}:k{odd[0]}"),
                     "promotion 1", "is carried by an event, and is not kept in Redis")  # fmt: skip
        self.assertIn("ok", self.windfall("fsck"))

    # rebuild

    def test_5_what_is_not_fenced_is_not_rebuilt_and_a_leader_is_left_alone(self):
        self.assertIn("nothing is fenced", self.windfall("rebuild", "--all", expected=2))
        self.assertIn("promotion 1: not fenced", self.windfall("rebuild", "--promotion", "1", expected=2))
        self.assertIn("promotion 9 is not in the ledger", self.windfall("rebuild", "--promotion", "9", expected=2))
        self.assertIn("which ones?", self.windfall("rebuild", expected=2))
        self.assertIn("another process leads", self.windfall("rebuild", "--promotion", "1", "--force", expected=1))
        self.assertEqual(201, self.join("1", "after-that")[0])

    def stop(self, *nodes):
        for node in nodes:
            self.cluster.stop(node)
            self.addCleanup(self.cluster.restart, node)

    def fence(self, *promotions):
        for promotion in promotions:
            self.redis(promotion, "DEL", f"{{{promotion}}}:h")

    def test_6_fenced_promotions_are_rebuilt_one_by_one_or_all_and_lose_nothing(self):
        self.stop("batch-1", "batch-2")
        self.fence("1", "blue", LOTTERY)
        self.cluster.until(lambda: self.join("1", "in-between")[0] == 503, "promotion 1 is fenced")
        said = self.windfall("rebuild", "--dry-run")
        self.assertIn("promotion 1 fenced: it has no header", said)
        self.assertIn("3 found; nothing was changed", said)
        said = self.windfall("rebuild", "--promotion", "1")
        self.assertRegex(said, r"promotion 1: serves again after [0-9.]+ s, epoch [23], [0-9]+ events, 0 lost")
        self.cluster.until(lambda: self.join("1", "in-between")[0] == 201, "promotion 1 serves again")
        self.assertEqual(503, self.join("blue", "in-between")[0])
        report = json.loads(self.windfall("rebuild", "--all", "-o", "json").splitlines()[0])
        self.assertEqual(2, report["rebuilt"])
        self.cluster.until(lambda: self.join("blue", "in-between")[0] == 201, "promotion blue serves again")
        self.assertEqual(409, self.join("blue", "user-1")[0], "who had joined has joined")
        self.assertEqual(201, self.join("blue", "user-2", key="key-blue-2")[0], "and gets the same answer for the same key")
        self.until_quiet()
        self.assertIn("ok", self.windfall("fsck"))

    def test_7_force_takes_a_promotion_out_of_force_first_and_the_system_partition_can_be_rebuilt(self):
        self.stop("batch-1", "batch-2")
        before = self.epoch("blue")
        self.windfall("rebuild", "--promotion", "blue", "--system", "--force")
        self.assertEqual(before + 1, self.epoch("blue"))
        self.cluster.until(lambda: self.join("blue", "forced")[0] == 201, "promotion blue serves again")
        self.assertEqual("BLOCKED", self.join("blue", "stranger")[1]["code"], "the block list is there again")
        self.until_quiet()
        self.assertIn("ok", self.windfall("fsck"))

    def test_8_without_the_ledger_nothing_is_done_and_the_message_names_the_setting(self):
        self.stop("batch-1", "batch-2")
        self.fence("1")
        self.cluster.stop("postgres")
        try:
            self.assertIn("postgres.url", self.windfall("rebuild", "--all", expected=1))
            self.assertIn("postgres.url", self.windfall("fsck", expected=1))
        finally:
            self.cluster.restart("postgres")
        self.cluster.until(lambda: self.cluster.node("postgres")["well"], "PostgreSQL is back")
        self.windfall("rebuild", "--all")
        self.cluster.until(lambda: self.join("1", "after-postgres")[0] == 201, "promotion 1 serves again")

    # Restarts and restores

    def ready(self, node):
        connection = http.client.HTTPConnection("127.0.0.1", self.cluster.node(node)["port"], timeout=5)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/readyz")
                answer = connection.getresponse()
                return answer.status, answer.read().decode()
            except OSError as problem:
                return None, str(problem)

    def metric(self, name, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {self.cluster.env['CLUSTER_ADMIN_KEY']}"})
            text = connection.getresponse().read().decode()
        return float(next(line.split()[-1] for line in text.splitlines() if line.startswith(f"{name} ")))

    def test_91_processes_start_while_kafka_and_the_ledger_are_away_and_joins_go_on(self):
        self.until_quiet()
        self.cluster.stop("kafka")
        self.cluster.stop("postgres")
        for node in ("api-1", "listener-1"):
            self.cluster.restart(node)
        for node in ("api-1", "listener-1"):
            self.cluster.until(lambda node=node: self.ready(node)[0] == 200, f"{node} is ready without Kafka and the ledger")
        self.assertIn("waiting for brokers", self.ready("api-1")[1])
        self.cluster.until(lambda: self.join("1", "in-the-dark")[0] in (201, 409), "joins go on")
        self.assertEqual("ALREADY_PARTICIPATED", self.join("1", "in-the-dark")[1]["code"])
        seen = {"specversion": "1.0", "id": "dark-1", "source": "/page", "type": "promotion.page.visited", "data": {"promotionId": LOTTERY, "userId": "in-the-dark"}}
        status, said = self.call("POST", "/v1/events", seen, user="in-the-dark", content="application/cloudevents+json")
        self.assertEqual(503, status, said)
        self.cluster.until(lambda: self.metric("windfall_outbox_entries", self.ports[0]) > 0, "the outbox is counted")
        self.assertEqual(1, self.metric("windfall_relay_waiting", self.ports[0]))
        self.assertGreater(self.metric("windfall_redis_commands_total", self.ports[0]), 0)
        for node in ("postgres", "kafka"):
            self.cluster.restart(node)
        self.cluster.until(lambda: self.metric("windfall_relay_waiting", self.ports[0]) == 0, "Kafka is noticed to be back", 180)
        self.until_quiet()
        self.assertEqual("1", self.psql("select count(*) from v_participation where user_id = 'in-the-dark'")[0])
        self.assertIn("ok", self.windfall("fsck"))

    def test_90_every_alarm_of_the_distributed_mode_is_about_something_that_is_measured(self):
        rules = (HERE.parents[1] / "deploy/prometheus/alerts-distributed.yml").read_text()
        for name in set(re.findall(r"\bwindfall_\w+", rules)):
            self.assertGreaterEqual(self.metric(name, self.ports[0]), 0, name)

    def code_of(self, user):
        """What the user wins now."""
        self.call("POST", f"/v1/promotions/{LOTTERY}/visits", user=user)
        self.assertEqual(201, self.call("POST", f"/v1/promotions/{LOTTERY}/draws", user=user)[0])

        def issued():
            items = (self.call("GET", "/v1/me/coupons", user=user)[1] or {}).get("items", [])
            return items and items[0]["status"] == "ISSUED" and items[0]["couponId"]

        self.cluster.until(issued, "the coupon has its code")
        return self.call("GET", f"/v1/me/coupons/{issued()}", user=user)[1]["code"]

    def test_92_no_code_is_given_twice_after_postgresql_was_restored_from_an_older_backup(self):
        self.until_quiet()
        carriers = ("batch-1", "batch-2", "listener-1", "listener-2")
        for node in carriers:
            self.cluster.stop(node)
        backup = self.cluster.folder / "backup.sql"
        operator = self.cluster.env["CLUSTER_POSTGRES_OPERATOR_URL"].rpartition("/")[0] + "/windfall"
        subprocess.run(["pg_dump", "--clean", "--if-exists", "-f", str(backup), operator], check=True, timeout=COMMAND_SECONDS)
        for node in carriers:
            self.cluster.restart(node)
        given = [self.code_of(f"since-{number}") for number in range(2)]
        self.assertEqual(201, self.join("blue", "since-0")[0])
        self.cluster.until(lambda: self.psql("select count(*) from v_participation where user_id = 'since-0'")[0] == "1", "the ledger has it")
        for node in carriers:
            self.cluster.stop(node)
        subprocess.run(["psql", operator, "-Xq", "-v", "ON_ERROR_STOP=1", "-f", str(backup)], check=True, timeout=COMMAND_SECONDS, stdout=subprocess.DEVNULL)

        said = json.loads(self.windfall("recover").splitlines()[0])
        self.assertEqual([{"promotionId": LOTTERY, "prizeId": "a", "count": 2, "left": CODES - WINS - 2}], said["burned"])
        self.assertEqual({"promotion blue", f"promotion {LOTTERY}"}, {one["name"] for one in said["goneBack"]})
        again = json.loads(self.windfall("recover").splitlines()[0])
        self.assertEqual({"goneBack": [], "burned": []}, again, "repeated, it burns nothing more")
        for node in carriers:
            self.cluster.restart(node)
        self.cluster.until(lambda: self.join("blue", "since-0")[0] == 201, "what the backup does not know is decided anew")
        self.assertEqual(f"CODE-{WINS + 2:04}", self.code_of("afterwards"))
        self.assertNotIn(self.code_of("and-one-more"), given)
        self.assertIn("ok", self.windfall("fsck"))


if __name__ == "__main__":
    if not os.access(os.environ.get("WINDFALL", ""), os.X_OK):
        sys.exit("set WINDFALL to the path of the windfall binary")
    unittest.main(verbosity=2)
