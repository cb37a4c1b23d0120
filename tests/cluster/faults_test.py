#!/usr/bin/python3
"""A crowd on two api processes while the cluster breaks: afterwards nothing that anybody was told is missing, nothing was paid twice, and every
book says the same.

environment: WINDFALL = the binary; WINDFALL_LEDGER = where the ledger is, postgresql (as if not set) or mongodb; WINDFALL_SEED = of crowd and faults; WINDFALL_FAULT_SEED = of which faults are drawn (as if not set: the same); WINDFALL_FAULTS = how many, or their names separated by commas; outages take their full time then;
WINDFALL_FAULT_ROUNDS = how many clusters, one after the other; WINDFALL_FAULT_LOGS = folder that gets the logs of a round that failed
"""

import collections
import contextlib
import datetime
import http.client
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time
import unittest
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "scripts")]

import books  # noqa: E402
import crowd as crowds  # noqa: E402
import cut_network  # noqa: E402
import mongo_books  # noqa: E402
from faults import Faults  # noqa: E402
from running_cluster import RunningCluster, noon_zone  # noqa: E402

# promotion -> (limit, share of the joins): one sells out early, some late or never; their slots lie at all three masters.
PROMOTIONS = {"small": (150, 2), "wide": (10**6, 6), "open": (10**6, 4), "late": (3000, 4)}
LOTTERY = "dice"
POINTS = 100
# Left out where faults are only counted, until what they have found is mended; by name they are done. Name -> what they have found.
OPEN = {}
NET = "net_"  # faults of the network, whose names begin so
CUT = "cut_"  # those between Redis nodes, which take a network of the test's own
SAMPLED_FAULTS = 4  # of a run that does not say how many
INSTEAD = 3  # others that are tried for one that did not take place
# A failover or a rebuild takes up to 15 s on a machine that compiles beside it, and every client may be waiting for an answer since before (crowd.py).
MOST_SILENT_SECONDS = 15 + crowds.ANSWER_SECONDS
CALM_SECONDS = (1.5, 4)  # between two faults
# Retries at the partner double up to a minute or so after it has failed for ten seconds; what nobody answered waits.
QUIET_SECONDS = 180
ASKED_AGAIN = 300
CLIENT_SECONDS = 60
MOST_SHOWN = 20
AT = """to_char(t.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
LOST = "select partition, lost, at_least from partition_epoch where in_force_at is not null"
LEDGER = os.environ.get("WINDFALL_LEDGER", "postgresql")
FIELD, HEADER = "\x1f", "ce_id="


def say(text):
    print(text, flush=True)


def seconds_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Round:
    """One cluster from its start to its judgement."""

    def __init__(self, test, cluster, seed):
        self.test = test
        self.cluster = cluster
        self.seed = seed
        self.ports = [urllib.parse.urlsplit(url).port for url in cluster.env["CLUSTER_API_URLS"].split(",")]
        self.crowd = crowds.Crowd(self.ports, cluster.env["CLUSTER_GATEWAY_KEY"], {name: share for name, (_, share) in PROMOTIONS.items()}, LOTTERY, seed)
        self.faults = Faults(cluster, seed, self.say, at_length="WINDFALL_FAULTS" in os.environ)
        self.begun = time.time()

    def say(self, text):
        say(f"  {time.time() - self.begun:6.1f} s  {text}")

    def call(self, method, path, body=None, port=None, user=None):
        """(status, value) as an operator, or as a user by the gateway."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.ports[0], timeout=30)
        env = self.cluster.env
        headers = {"Authorization": f"Bearer {env['CLUSTER_GATEWAY_KEY' if user else 'CLUSTER_ADMIN_KEY']}"}
        if user:
            headers["X-User-Id"] = user
        if body is not None:
            headers["Content-Type"] = "application/json"
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def found(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        days = {"startDate": str(now.date() - datetime.timedelta(30)), "endDate": str(now.date() + datetime.timedelta(30)), "timezone": noon_zone(now)}
        for name, (limit, _) in PROMOTIONS.items():
            status, said = self.call("POST", "/v1/admin/promotions", {"id": name, "title": name, "rewardAmount": 500, "limitJoinCount": limit, **days})
            self.test.assertEqual(201, status, said)
        prizes = [{"prizeId": "points", "name": "Points", "kind": "POINTS", "value": POINTS, "count": 900}]
        terms = {"grants": [{"cause": "VISIT", "tickets": crowds.DRAWS}], "maxWinsPerUser": crowds.DRAWS, "expectedDrawsPerDay": 2000, "prizes": prizes}
        status, said = self.call("POST", "/v1/admin/promotions", {"id": LOTTERY, "title": LOTTERY, "lottery": terms, **days})
        self.test.assertEqual(201, status, said)
        # Whoever is asked knows them.
        for port in self.ports:
            self.cluster.until(lambda port=port: all(self.call("GET", f"/v1/promotions/{p}", port=port)[0] == 200 for p in [*PROMOTIONS, LOTTERY]), "both know")

    def run(self, names, others):
        self.found()
        self.crowd.start()
        dice = random.Random(f"{self.seed}/pauses")
        try:
            for name in names:
                time.sleep(dice.uniform(*CALM_SECONDS))
                self.one_of(name, others)
            time.sleep(dice.uniform(*CALM_SECONDS))
        finally:
            self.crowd.stop()
        self.figures()
        left, unknown, accepted = crowds.settle(self.crowd, most=ASKED_AGAIN)
        self.say(f"asked again: {unknown} that had no answer, {accepted} that were accepted")
        self.test.assertEqual([], left[:5], f"{len(left)} calls never come to an answer although everything is well")
        self.until_quiet()
        observed = self.observe()
        gone = books.missing(self.crowd.calls, observed)
        events = len(observed.published)
        self.say(f"{len(observed.rows)} participations, {sum(observed.drawn.values())} draws, {len(observed.wins)} wins, {len(observed.book)} accruals; "
                 f"{len(observed.events)} events, {events} messages in Kafka")  # fmt: skip
        if self.faults.flushes:
            self.say(f"lost with emptied nodes: {len({books.id_of(call) for call in gone})} acknowledged answers; the rebuilds say: {self.rebuilds()}")
        self.say(f"faults {json.dumps(collections.Counter(name for name, _, _ in self.faults.done))}")
        found = books.violations(self.crowd.calls, observed) + self.hot_state_knows_them(observed) + self.fsck(observed)
        for sentence in found[:MOST_SHOWN]:
            self.say(sentence)
        kinds = collections.Counter(sentence.partition(":")[0] for sentence in found)
        self.test.assertEqual({}, dict(kinds), f"{len(found)} violations, seed {self.seed}")

    def one_of(self, name, others):
        """The fault, or another one if it does not take place."""
        self.test.assertTrue(any(self.faults.do(each) for each in [name, name, *others[:INSTEAD]]), f"{name} does not take place, nor anything else")

    def fsck(self, observed):
        """What Windfall's own check of all its books finds, from Redis to the partner's."""
        book = self.cluster.folder / "book.json"
        book.write_text(json.dumps({"entries": observed.book}))
        done = self.cluster.windfall("fsck", "--book", book, "-o", "json")
        if done.returncode not in (0, 1) or not done.stdout.startswith("{"):
            return [f"fsck: ended with {done.returncode}: {done.stdout}{done.stderr}"]
        report = json.loads(done.stdout)
        notes = [note for line in report["invariants"] for note in line["notes"]]
        self.say(f"fsck: {sum(line['checked'] for line in report['invariants'])} things compared; {notes}")
        return [f"fsck: {found['id']} {found['where']}: {found['what']}" for found in report["findings"]]

    def figures(self):
        calls = self.crowd.calls
        counts = {what: sum(c.status == status for c in calls) for what, status in (("201", 201), ("409", 409), ("429", 429), ("503", 503), ("none", None))}
        other = sorted({(c.status, c.body[:120]) for c in calls if c.status not in (200, 201, 409, 429, 503, None)})
        accepted = sorted(c.answered for c in calls if c.accepted())
        pause = max((after - before for before, after in zip(accepted, accepted[1:])), default=0)
        self.say(f"{len(calls)} calls: {counts}; longest time without an accepted one {pause:.1f} s; slowest answer {max(c.answered - c.sent for c in calls):.1f} s")
        self.test.assertLess(pause, MOST_SILENT_SECONDS, "nobody was served for so long")
        self.test.assertEqual([], [status for status in other if status[0] not in (404,)][:5], "answers that nobody expects")

    def rebuilds(self):
        said = []
        for log in sorted((self.cluster.data / "log").glob("batch-*.log")):
            for line in log.read_text(errors="replace").splitlines():
                if '"event":"rebuilt"' in line:
                    entry = json.loads(line)
                    said.append({name: entry[name] for name in ("partition", "epoch", "events", "lost", "at_least")})
        return said

    def until_quiet(self):
        def pending():
            status, said = self.call("GET", "/v1/admin/reconciliation")
            if status != 200:
                return f"{status} {said}"
            waiting = sum(p["accruals"]["pending"] for p in said["promotions"])
            return f"{waiting} accruals pending, {said['differences']}" if waiting or said["differences"] else ""

        until = time.monotonic() + QUIET_SECONDS
        while (why := pending()) and time.monotonic() < until:
            time.sleep(0.5)
        self.say(f"quiet {QUIET_SECONDS - (until - time.monotonic()):.1f} s later" if not why else f"NOT quiet: {why}")

    # Reading the books

    def psql(self, query):
        argv = ["psql", self.cluster.env["CLUSTER_POSTGRES_URL"], "-XqAt", "-F", FIELD, "-c", query]
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=CLIENT_SECONDS)
        return [line.split(FIELD) for line in done.stdout.splitlines()]

    def kcat(self, topic):
        argv = ["kcat", "-C", "-b", self.cluster.env["CLUSTER_KAFKA_BROKERS"], "-t", topic, "-o", "beginning", "-e", "-q", "-f", f"%h{FIELD}%s\n"]
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=CLIENT_SECONDS)
        return [line.split(FIELD) for line in done.stdout.splitlines()]

    def published(self):
        for headers, value in self.kcat("windfall.events"):
            said = json.loads(value)
            marks = [header.removeprefix(HEADER) for header in headers.split(",") if header.startswith(HEADER)]
            yield books.Event(said["partition"], said["epoch"], int(said["sequence"]), seconds_of(said["time"]), marks[0], said["type"])

    def ledger(self):
        if LEDGER == "mongodb":
            return mongo_books.read(self.cluster.env["CLUSTER_MONGO_URL"])
        numbers = dict(self.psql("select id, partition from promotion"))
        who = "join identity i on i.no = t.user_no"
        rows = self.psql(f"select t.event_id, p.id, i.id, t.day, t.amount, t.effect, {AT} from participation t join promotion p using (partition) {who}")
        events = self.psql("select partition, epoch, sequence, extract(epoch from at) from event")
        draws = self.psql(f"select i.id, coalesce(t.effect::text, '') from draw t {who}")
        return numbers, rows, events, draws

    def observe(self):
        numbers, rows, events, draws = self.ledger()
        shown = [{p["id"]: p for p in self.call("GET", "/v1/admin/promotions?limit=100", port=port)[1]["items"]} for port in self.ports]
        promotions = []
        for name in [*PROMOTIONS, LOTTERY]:
            limit = PROMOTIONS[name][0] if name in PROMOTIONS else None
            promotions.append(books.Promotion(name, int(numbers[name]), limit, tuple(of[name].get("leftJoinCount") for of in shown) if limit else ()))
        book = http.client.HTTPConnection("127.0.0.1", self.cluster.node("sandbox")["port"], timeout=CLIENT_SECONDS)
        with contextlib.closing(book):
            book.request("GET", "/book")
            entries = json.loads(book.getresponse().read())["entries"]
        drawn = {}
        for user, _ in draws:
            drawn[user] = drawn.get(user, 0) + 1
        return books.Observed(
            promotions=promotions,
            rows=[books.Row(*row[:4], int(row[4]), *row[5:]) for row in rows],
            events=[books.Event(int(p), int(e), int(s), float(at)) for p, e, s, at in events],
            published=list(self.published()),
            dead_letters=len(self.kcat("windfall.events-dlt")),
            drawn=drawn,
            wins=[(user, effect) for user, effect in draws if effect],
            book=entries,
            differences=self.call("GET", "/v1/admin/reconciliation")[1]["differences"],
            flushed={name: self.flushes_of(name) for name in [*PROMOTIONS, LOTTERY]},
            lost=[books.Lost(int(p), int(lost), at_least == "t") for p, lost, at_least in self.psql(LOST)],
        )

    def flushes_of(self, promotion):
        slot = self.faults.operator("redis-1", "CLUSTER", "KEYSLOT", f"{{{promotion}}}")
        return [at for at, reaches in self.faults.flushes if any(first <= slot <= last for first, last in reaches)]

    def hot_state_knows_them(self, observed):
        """Who is in the ledger is refused, by whichever process."""
        dice = random.Random(f"{self.seed}/again")
        for row in dice.sample(observed.rows, min(ASKED_AGAIN, len(observed.rows))):
            status, said = self.call("POST", f"/v1/promotions/{row.promotion}/participations", port=dice.choice(self.ports), user=row.user)
            if status != 409 or not (said["code"] == "ALREADY_PARTICIPATED" or said.get("alreadyParticipated")):
                return [f"I13: {row} is in the ledger, and a second join is answered {status} {said}"]
        return []


class FaultsTest(unittest.TestCase):
    def one_round(self, seed, names):
        say(f"seed {seed}: {', '.join(names)}")
        # Without proxies where nobody needs them: they are in Python and slow.
        proxied = ["--proxied"] if any(name.startswith(NET) for name in names) else []
        others = [name for name in self.every() if not name.startswith(NET) and name not in names]
        random.Random(f"{seed}/others").shuffle(others)
        argv = ["--windfall", os.environ["WINDFALL"], "--ledger", LEDGER, *proxied]
        with RunningCluster(["redis", "kafka", "postgres", "sandbox", "windfall"], argv) as cluster:
            try:
                Round(self, cluster, seed).run(names, others)
            except BaseException:
                if "WINDFALL_FAULT_LOGS" in os.environ:
                    shutil.copytree(cluster.data / "log", pathlib.Path(os.environ["WINDFALL_FAULT_LOGS"]) / f"seed-{seed}", dirs_exist_ok=True)
                raise

    def test_no_fault_loses_or_doubles_what_anybody_was_told(self):
        first = os.environ.get("WINDFALL_SEED") or str(random.randrange(10**9))
        for number in range(int(os.environ.get("WINDFALL_FAULT_ROUNDS", "1"))):
            seed = first if number == 0 else f"{first}.{number}"
            with self.subTest(seed=seed):
                self.one_round(seed, self.kinds(first, number))

    def kinds(self, seed, number):
        seed = os.environ.get("WINDFALL_FAULT_SEED") or seed
        return self.chosen(random.Random(f"{seed if number == 0 else f'{seed}.{number}'}/chosen"))

    @staticmethod
    def every():
        names = sorted(name.removeprefix("do_") for name in dir(Faults) if name.startswith("do_"))
        return [name for name in names if name not in OPEN and (cut_network.inside() or not name.startswith(CUT))]

    def chosen(self, dice):
        wanted = os.environ.get("WINDFALL_FAULTS", str(SAMPLED_FAULTS))
        if not wanted.isdigit():
            return wanted.split(",")
        for name, why in OPEN.items():
            say(f"{name} is not among them: {why}")
        every = self.every()
        return [name for _ in range(-(-int(wanted) // len(every))) for name in dice.sample(every, len(every))][: int(wanted)]


if __name__ == "__main__":
    if not os.access(os.environ.get("WINDFALL", ""), os.X_OK):
        sys.exit("set WINDFALL to the path of the windfall binary")
    cut_network.enter()
    if not cut_network.inside():
        say(f"without {CUT}...: a network namespace cannot be made here")
    unittest.main(verbosity=1)
