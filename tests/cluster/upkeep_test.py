#!/usr/bin/python3
"""What operators do to a running cluster by hand: `windfall fsck --config` finds every planted violation and nothing in a sound or a busy one,
`windfall rebuild` brings fenced promotions back and refuses where it must.

environment: WINDFALL = the binary
"""

import contextlib
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "scripts")]

import founded  # noqa: E402
from founded import CODES, COINS, COMMAND_SECONDS, DICE, LOTTERY, WINS  # noqa: E402
from local_cluster import resp  # noqa: E402

FIRST_TAG = 32  # of a user's counters in Redis, src/adapters/redis/layout.cpp


class UpkeepTest(founded.FoundedInstallation):
    def redis(self, promotion, *words):
        """A command at the master of the promotion's keys, as an operator."""
        for node in self.cluster.status().values():
            if node["part"] != "redis" or node["role"] != "master":
                continue
            try:
                return self.command(node, *words)
            except resp.RedisError as problem:
                if not str(problem).startswith("MOVED"):
                    raise
        raise AssertionError(f"nobody has the keys of {promotion}")

    def command(self, node, *words):
        env = self.cluster.env
        with resp.Connection(node["port"], env["CLUSTER_REDIS_OPERATOR"], env["CLUSTER_REDIS_OPERATOR_PASSWORD"], seconds=10) as server:
            return server.call(*words)

    def epoch(self, promotion):
        header = self.redis(promotion, "GET", f"{{{promotion}}}:h")
        return int(header.split()[0]) if header else None

    # fsck

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
        self.planted_by_sql("update draw set prize = null where seq = (select min(seq) from draw)", "update draw set prize = 0 where seq = (select min(seq) from draw)",
                            "draw ", "prize is not what follows from the seed")  # fmt: skip
        self.planted_by_sql(f"{kept} code where ordinal = {CODES - 1}; delete from code where ordinal = {CODES - 1}; update code_prize set count = count - 1",
                            "insert into code select * from kept; drop table kept; update code_prize set count = count + 1",
                            f"codes of promotion {LOTTERY}, prize a", f"code {CODES - 1} is yet to be given out")  # fmt: skip
        self.assertIn("ok", self.windfall("fsck"))

    def test_31_every_row_of_a_lottery_is_compared_with_what_the_log_says(self):
        dice = self.psql(f"select partition from promotion where id = '{DICE}'")[0]

        def changed(table, *changes):
            """Of each change another row of the lottery's, still as it was, is changed or deleted; all is found at once, and put back."""
            script = f"drop table if exists kept; create table kept as select * from {table}"
            for which, sets, _ in changes:
                one = f"ctid = (select ctid from {table} t where partition = {dice} and {which} and t::text in (select k::text from kept k) limit 1)"
                script += f"; update {table} set {sets} where {one}" if sets else f"; delete from {table} where {one}"
            self.planted_by_sql(script, f"delete from {table}; insert into {table} select * from kept; drop table kept", *(words for *_, words in changes))

        changed("ticket",
                ("cause = 0", "tickets = tickets + 1", "tickets is not what the log says"),
                ("cause = 0", "cause = 3", "cause is not what the log says"),
                ("cause = 0", "user_no = user_no - 1", "user is not what the log says"),
                ("cause = 1", "other = null", "other is not what the log says"),
                ("tickets < 0", "reason = 'none'", "reason is not what the log says"),
                ("cause = 0", "at = at + interval '1 hour'", "is no grant of the log"),
                ("cause = 1", None, "the ledger has no row for these tickets"))  # fmt: skip
        changed("ticket", ("tickets < 0", "tickets = -1", "lottery_total of partition"))
        # What there are few of comes first: each change needs a row that none before has taken.
        changed("draw",
                ("voided <> 0", "voided = 0", "voided is not what follows from the seed"),
                ("prize = 1", "effect = null", "a win of points without its accrual"),
                ("prize = 0", "user_no = user_no - 1", "user is not what the log says"),
                ("prize = 0", "at = at + interval '1 second'", "at is not what the log says"),
                ("prize = 0", "serial = 100000", "segment or serial is not what the log says"),
                ("prize = 0", "epoch = 9", "sequence is not what the log says"),
                ("prize is not null", "test = true", "test is not what the log says"),
                ("prize is not null", "item = item + 1", "item is not what follows from the seed"),
                ("prize is not null", "day = day + 1", "day is not what follows from the seed"),
                ("prize is not null", "event_id = gen_random_uuid()", "event_id is not what follows from the seed"))  # fmt: skip
        changed("draw", ("prize = 1", None, "the ledger has no row for this draw"))
        changed("draw",
                ("true", "sequence = 100000", "is no draw of the log"),
                ("true", "partition = 1", "partition 1: has rows of a lottery, which it is not"))  # fmt: skip
        changed("coupon",
                ("voided", "voided = false", "the coupon is voided and its win is not, or the other way round"),
                ("issue > 0", "issue = 0", "issue is not what the log says"),
                ("used_at is not null", "used_at = null", "used_at is not what the log says"),
                ("ordinal is not null", "ordinal = ordinal + 20", "its code is not what the log says"),
                ("issued_at is not null", "issued_at = issued_at - interval '1 hour'", "issued_at is not what the log says"),
                ("true", "expires_at = expires_at + interval '1 day'", "the coupon expires at another time"),
                ("true", "prize = 1", "the coupon is of another prize"),
                ("true", "draw = 100000", "there is no such draw"),
                ("true", None, "a win of a gifticon without its coupon"))  # fmt: skip
        changed("segment", ("true", "quota = quota + 1", f"of partition {dice}: is not what the log says"))
        changed("segment", ("true", None, "segment: 0 rows; the log has 1"))
        changed("lottery_total", ("true", "visit = visit + 1", f"lottery_total of partition {dice}: is not the sum of what the log says"))
        changed("lottery_total", ("true", None, f"lottery_total of partition {dice}: is missing"))
        changed("effect",
                ("kind = 0", "amount = amount + 1", f"is of {COINS + 1} instead of {COINS}"),
                ("kind = 0", "prize = 0", "names another prize"),
                ("kind = 1", "occurred_at = occurred_at - interval '1 hour'", "has another time than its event"),
                ("kind = 2", "user_no = user_no - 1", "is for another user or promotion"),
                ("kind = 1", "kind = 2", "is of another kind"),
                ("kind = 1", None, "is missing in the ledger"),
                ("kind = 2", "id = gen_random_uuid()", "follows from no event of the log"))  # fmt: skip
        self.planted_by_sql("update progress set entry = entry + 1", "update progress set entry = entry - 1", "tickets and draws are not numbered from 1 to there")
        self.assertIn("ok", self.windfall("fsck"))

    def test_4_every_violation_that_is_planted_in_redis_is_found_and_named(self):
        header = self.redis("1", "GET", "{1}:h")
        epoch = header.split()[0]
        some = """for bucket = 0, 100000 do local fields = redis.call('HKEYS', KEYS[1] .. bucket) if fields[1] then """
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
        held = ("for bucket = 0, 100000 do for _, field in ipairs(redis.call('HKEYS', KEYS[1] .. bucket)) do if #field == 17 and string.byte(field) == TAG then "
                "redis.call('HINCRBY', KEYS[1] .. bucket, field, ARGV[1]) return 1 end end end").replace("TAG", str(FIRST_TAG + 20))  # fmt: skip
        epoch_of_dice = self.epoch(DICE)
        self.planted(lambda: self.assertEqual(1, self.redis(DICE, "EVAL", held, "1", f"{{{DICE}}}:{epoch_of_dice}:", 1)),
                     lambda: self.redis(DICE, "EVAL", held, "1", f"{{{DICE}}}:{epoch_of_dice}:", -1), f"promotion {DICE}: user ", "Redis has ")  # fmt: skip
        # Tickets granted by each cause, taken away, drawn, of the segment; codes that came in and were given; wins that were voided.
        header = self.redis(DICE, "GET", f"{{{DICE}}}:h")
        words = header.split()
        places = {counter: words.index(counter) + 1 for counter in ("5.0", "5.1", "5.2", "5.3", "6.0", "7.0", "10.5", "16.0", "17.0", "18.0")}
        wrong = [str(int(word) + 1) if at in places.values() else word for at, word in enumerate(words)]
        self.planted(lambda: self.redis(DICE, "SET", f"{{{DICE}}}:h", " ".join(wrong)), lambda: self.redis(DICE, "SET", f"{{{DICE}}}:h", header),
                     *(f"promotion {DICE}: counter {counter} in its header is {wrong[at]}, the log folds to {words[at]}" for counter, at in places.items()))  # fmt: skip
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

    def metrics(self, port):
        """Every sample by its name and labels."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {self.cluster.env['CLUSTER_ADMIN_KEY']}"})
            text = connection.getresponse().read().decode()
        samples = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}

    def metric(self, name, port):
        return self.metrics(port)[name]

    def shown(self, name):
        """What every process shows of a metric, whatever its labels."""
        ports = [node["port"] for node in self.cluster.status().values() if node["part"] == "windfall"]
        return [value for port in ports for sample, value in self.metrics(port).items() if sample.partition("{")[0] == name]

    def oldest(self, stage):
        """Which of the listeners has the event is not known."""
        return max(self.metric(f'windfall_outbox_oldest_seconds{{stage="{stage}"}}', self.cluster.node(name)["port"]) for name in ("listener-1", "listener-2"))

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
        for rules in ("alerts.yml", "alerts-distributed.yml"):
            text = (HERE.parents[1] / "deploy/prometheus" / rules).read_text()
            for name in sorted(set(re.findall(r"\bwindfall_\w+", text))):
                self.cluster.until(lambda name=name: self.shown(name), f"{name} of {rules} is shown by some process")

    def test_901_while_the_ledger_is_away_ages_grow_readiness_says_so_and_the_alarms_have_what_they_read(self):
        self.until_quiet()
        before = self.shown("windfall_ledger_sync_lag_seconds")
        self.assertEqual(1, len(before), "of the one that leads")
        self.assertLess(self.oldest("projection"), 1)
        for node in ("api-1", "batch-1"):
            self.assertIn('"detail":"answers"', self.ready(node)[1], node)
        self.cluster.until(lambda: '"detail":"answers; 0 events behind"' in self.ready("listener-1")[1], "a listener says how far it is")
        self.cluster.stop("postgres")
        try:
            self.assertEqual(201, self.join("blue", "while-away")[0])
            ages = []
            for least in (5, 10):
                self.cluster.until(lambda least=least: ages.append(self.oldest("projection")) or ages[-1] >= least, f"the event has waited for {least} s", 30)
            self.assertEqual(ages, sorted(ages), "an age only grows while nothing is done")
            # Each counts from where the ledger was when it last answered.
            self.cluster.until(lambda: len(figures := self.shown("windfall_ledger_behind_events")) == 2 and min(figures) >= 1, "both listeners count the event that is not in it")
            for node in ("api-1", "listener-1", "batch-1"):
                status, said = self.ready(node)
                self.assertEqual(200, status, "joins go on")
                self.assertIn("histories are answered 503", said, node)
            self.cluster.until(lambda: self.shown("windfall_ledger_sync_lag_seconds")[0] > 40, "no sync succeeds", 90)
        finally:
            self.cluster.restart("postgres")
        self.cluster.until(lambda: self.oldest("projection") == 0, "the ledger has it")
        self.cluster.until(lambda: set(self.shown("windfall_ledger_behind_events")) == {0}, "and both listeners say so")
        self.cluster.until(lambda: "away" not in self.ready("api-1")[1], "the ledger is back")
        self.until_quiet()

    def sent(self, number, user):
        """A front end's event, straight into the topic: a visit to what is no lottery."""
        event = {"specversion": "1.0", "id": f"rejected-{number}", "source": "/page", "type": "promotion.page.visited", "data": {"promotionId": "blue", "userId": user}}
        argv = ["kcat", "-P", "-b", self.cluster.env["CLUSTER_KAFKA_BROKERS"], "-t", "windfall.inbound", "-k", user, "-H", "content-type=application/cloudevents+json"]
        subprocess.run(argv, input=json.dumps(event), text=True, check=True, timeout=COMMAND_SECONDS)

    def test_902_a_rejection_that_the_ledger_could_not_take_is_written_when_it_is_back_even_by_another_process(self):
        self.until_quiet()
        users = ["user-3", "user-4", "user-5"]
        before = sum(self.shown("windfall_inbound_judged_total"))
        self.cluster.stop("postgres")
        try:
            for number, user in enumerate(users):
                self.sent(number, user)
            self.cluster.until(lambda: sum(self.shown("windfall_inbound_judged_total")) >= before + len(users), "they are judged")
            self.assertEqual(len(users), sum(self.shown("windfall_inbound_waiting")), "and wait for their rows")
            for node in ("listener-1", "listener-2"):
                self.cluster.kill(node)
        finally:
            self.cluster.restart("postgres")
        self.cluster.until(lambda: self.cluster.node("postgres")["well"], "PostgreSQL is back")
        said = "select distinct user_id, code from v_refusal where promotion = 'blue' and code = 'NOT_JOINABLE' order by 1"
        self.cluster.until(lambda: self.psql(said) == [f"{user}|NOT_JOINABLE" for user in users], "every rejection is in the ledger", 120)
        self.cluster.until(lambda: sum(self.shown("windfall_inbound_waiting")) == 0, "nothing waits any more")
        self.cluster.until_well()

    def code_of(self, user):
        """What the user wins now."""
        self.call("POST", f"/v1/promotions/{LOTTERY}/visits", user=user)
        self.assertEqual(201, self.call("POST", f"/v1/promotions/{LOTTERY}/draws", user=user)[0])

        def issued():
            items = (self.call("GET", "/v1/me/coupons", user=user)[1] or {}).get("items", [])
            return items and items[0]["status"] == "ISSUED" and items[0]["couponId"]

        self.cluster.until(issued, "the coupon has its code")
        return self.call("GET", f"/v1/me/coupons/{issued()}", user=user)[1]["code"]

    CARRIERS = ("batch-1", "batch-2", "listener-1", "listener-2")

    def database(self):
        return self.cluster.env["CLUSTER_POSTGRES_OPERATOR_URL"].rpartition("/")[0] + "/windfall"

    def backed_up(self):
        """A backup of PostgreSQL, made while nobody writes to it."""
        backup = self.cluster.folder / "backup.sql"
        for node in self.CARRIERS:
            self.cluster.stop(node)
        subprocess.run(["pg_dump", "--clean", "--if-exists", "-f", str(backup), self.database()], check=True, timeout=COMMAND_SECONDS)
        for node in self.CARRIERS:
            self.cluster.restart(node)
        return backup

    def restored(self, backup):
        """From now on nobody carries anything."""
        for node in self.CARRIERS:
            self.cluster.stop(node)
        subprocess.run(["psql", self.database(), "-Xq", "-v", "ON_ERROR_STOP=1", "-f", str(backup)], check=True, timeout=COMMAND_SECONDS, stdout=subprocess.DEVNULL)

    def carried_on(self, user):
        for node in self.CARRIERS:
            self.cluster.restart(node)
        self.cluster.until(lambda: self.join("blue", user)[0] == 201, "what the backup does not know is decided anew")

    def given_since(self, *users):
        """Codes that the backup knows nothing of, and a join; the ledger has them."""
        given = [self.code_of(user) for user in users]
        self.assertEqual(201, self.join("blue", users[0])[0])
        self.cluster.until(lambda: self.psql(f"select count(*) from v_participation where user_id = '{users[0]}'")[0] == "1", "the ledger has it")
        return given

    def test_92_no_code_is_given_twice_after_postgresql_was_restored_from_an_older_backup(self):
        self.until_quiet()
        backup = self.backed_up()
        given = self.given_since("since-0", "since-1")
        self.restored(backup)

        said = json.loads(self.windfall("recover").splitlines()[0])
        self.assertEqual([{"promotionId": LOTTERY, "prizeId": "a", "count": 2, "left": CODES - WINS - 2}], said["burned"])
        self.assertEqual({"promotion blue", f"promotion {LOTTERY}"}, {one["name"] for one in said["goneBack"]})
        again = json.loads(self.windfall("recover").splitlines()[0])
        self.assertEqual({"goneBack": [], "burned": []}, again, "repeated, it burns nothing more")
        self.carried_on("since-0")
        self.assertEqual(f"CODE-{WINS + 2:04}", self.code_of("afterwards"))
        self.assertNotIn(self.code_of("and-one-more"), given)
        self.assertIn("ok", self.windfall("fsck"))

    def test_93_where_redis_has_lost_its_counters_too_every_code_that_is_not_assigned_is_burned(self):
        self.cluster.until(lambda: self.counts()[1:3] == ["0", "0"], "nothing is under way")
        backup = self.backed_up()
        given = self.given_since("late-0")
        self.restored(backup)
        held = self.psql("select o.id, p.prize_id, p.written - (select coalesce(max(ordinal) + 1, 0) from coupon c where c.partition = o.partition) "
                         "from code_prize p join promotion o on o.id = p.promotion_id order by o.partition")  # fmt: skip
        expected = [{"promotionId": promotion, "prizeId": prize, "count": int(count), "left": 0} for promotion, prize, count in (line.split("|") for line in held)]
        for node in self.cluster.status().values():
            if node["part"] == "redis" and node["role"] == "master":
                self.command(node, "FLUSHALL")

        said = self.windfall("recover")
        self.assertIn(f"promotion {LOTTERY} has no header in Redis: what it had given out is not known", said)
        self.assertEqual({"goneBack": [], "burned": []}, json.loads(said.splitlines()[0]), "nothing is given up without --lost")
        self.assertEqual(503, self.join("blue", "in-between")[0])
        said = json.loads(self.windfall("recover", "--lost").splitlines()[0])
        self.assertEqual(expected, said["burned"])
        self.assertLess(1, min(one["count"] for one in expected), "there was something to burn")
        again = json.loads(self.windfall("recover", "--lost").splitlines()[0])
        self.assertEqual([], again["burned"], "repeated, it burns nothing more")
        self.carried_on("late-0")
        self.said("POST", f"/v1/admin/promotions/{LOTTERY}/prizes/a/codes", 200, "NEW-1\nNEW-2\n", content="text/csv")
        anew = self.code_of("late-1")
        self.assertIn(anew, ("NEW-1", "NEW-2"))
        self.assertNotIn(anew, given)
        self.assertIn("ok", self.windfall("fsck"))


if __name__ == "__main__":
    if not os.access(os.environ.get("WINDFALL", ""), os.X_OK):
        sys.exit("set WINDFALL to the path of the windfall binary")
    unittest.main(verbosity=2)
