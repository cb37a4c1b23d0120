"""What is done to a running cluster on purpose: each fault by name, with a duration drawn from the seed, and what it takes to heal it."""

import contextlib
import http.client
import json
import random
import time

from local_cluster.resp import Connection, RedisError

HEAL_SECONDS = 90  # until every node is well again: a JVM's start on a busy machine


NET_DELAY_MS = 200
ROLE_SECONDS = 15  # until a replica that was asked to lead leads, or another one that its master was lost


class NotDoneError(Exception):
    """The fault did not take place; the message says what did instead."""


class Faults:
    def __init__(self, cluster, seed, say):
        self.cluster = cluster
        self.dice = random.Random(f"{seed}/faults")
        self.say = say
        self.done = []  # (name, begun, ended), wall clock
        self.flushes = []  # (wall clock, [first slot, last slot] ranges)

    def do(self, name):
        """False if it did not take place: it is not counted then."""
        begun = time.time()
        try:
            what = getattr(self, f"do_{name}")()
            self.done.append((name, begun, time.time()))
        except NotDoneError as problem:
            what = f"DID NOT TAKE PLACE, {problem}"
        seconds = self.cluster.until_well(HEAL_SECONDS)
        self.say(f"{name}: {what}; well {seconds:.1f} s afterwards")
        return not what.startswith("DID NOT")

    # What is there

    def redis(self, role):
        nodes = self.cluster.status()
        return self.dice.choice(sorted(name for name, node in nodes.items() if node["part"] == "redis" and node["role"] == role))

    def replica_of(self, master):
        return next(name for name, node in self.cluster.status().items() if node["details"].get("of") == master)

    def operator(self, name, *words):
        env = self.cluster.env
        with Connection(self.cluster.node(name)["port"], env["CLUSTER_REDIS_OPERATOR"], env["CLUSTER_REDIS_OPERATOR_PASSWORD"], seconds=10) as server:
            return server.call(*words)

    def windfall(self, role):
        return self.dice.choice(sorted(name for name, node in self.cluster.status().items() if node["part"] == "windfall" and node["role"] == role))

    def partner(self, **faults):
        connection = http.client.HTTPConnection("127.0.0.1", self.cluster.node("sandbox")["port"], timeout=10)
        with contextlib.closing(connection):
            connection.request("PUT", "/faults", json.dumps(faults))
            assert connection.getresponse().status in (200, 204)

    def out(self, name, least, most):
        seconds = self.dice.uniform(least, most)
        self.cluster.stop(name)
        time.sleep(seconds)
        self.cluster.cont(name)
        return f"{name} was down for {seconds:.0f} s"

    # Redis

    def do_master_killed(self):
        name, seconds = self.redis("master"), self.dice.uniform(0.2, 6)
        self.cluster.kill(name, round(seconds, 1))
        time.sleep(seconds)
        return f"{name} for {seconds:.1f} s"

    def do_flushed(self, seconds=3):
        name = self.redis("master")
        slots = self.cluster.node(name)["details"]["slots"]
        self.operator(name, "FLUSHALL")
        self.flushes.append((time.time(), [tuple(int(end) for end in (reach.split("-") * 2)[:2]) for reach in slots.split()]))
        time.sleep(seconds)
        return f"{name}, slots {slots}"

    def do_failover(self):
        name = self.redis("replica")
        begun = time.monotonic()
        try:
            self.operator(name, "CLUSTER", "FAILOVER")
        except RedisError as problem:
            raise NotDoneError(f"{name} says {problem}") from problem
        if not self.leads(name):
            raise NotDoneError(f"{name} was asked to lead and does not")
        took = time.monotonic() - begun
        time.sleep(3)
        return f"{name} was asked to lead and did within {took:.1f} s"

    def leads(self, name):
        until = time.monotonic() + ROLE_SECONDS
        while not (leads := self.cluster.node(name)["role"] == "master") and time.monotonic() < until:
            time.sleep(0.1)
        return leads

    def do_replica_paused(self):
        return self.paused(self.redis("replica"))

    def do_master_paused(self):
        return self.paused(self.redis("master"))

    def paused(self, name):
        seconds = self.dice.uniform(1, 6)
        self.cluster.pause(name)
        time.sleep(seconds)
        self.cluster.cont(name)
        return f"{name} for {seconds:.1f} s"

    def do_lagging_failover(self):
        """A replica that has been silent takes over: what its master decided meanwhile is gone, and was confirmed to nobody."""
        master = self.redis("master")
        replica = self.replica_of(master)
        seconds = self.dice.uniform(0.3, 2)
        self.cluster.pause(replica)
        time.sleep(seconds)
        self.cluster.kill(master, 6)
        self.cluster.cont(replica)
        time.sleep(6)
        leads = "leads" if self.cluster.node(replica)["role"] == "master" else "does not lead"
        return f"{replica} was silent for {seconds:.1f} s when {master} was killed, and {leads} now"

    def do_resharded(self):
        """The slot of a promotion goes to another master, key by key, while people join it; then it is as it was before for whoever asks."""
        tag = self.dice.choice(["{wide}", "{open}", "{dice}", "{windfall}"])
        slot = self.operator("redis-1", "CLUSTER", "KEYSLOT", tag)
        nodes = {name: node for name, node in self.cluster.status().items() if node["part"] == "redis" and node["role"] == "master"}
        ids = {name: self.text(self.operator(name, "CLUSTER", "MYID")) for name in nodes}
        ranges = {name: [[int(end) for end in (reach.split("-") * 2)[:2]] for reach in node["details"]["slots"].split()] for name, node in nodes.items()}
        source = next(name for name, reaches in ranges.items() if any(first <= slot <= last for first, last in reaches))
        target = self.dice.choice(sorted(name for name in nodes if name != source))
        env = self.cluster.env
        self.operator(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
        self.operator(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
        moved = 0
        while keys := self.operator(source, "CLUSTER", "GETKEYSINSLOT", slot, 20):
            port = self.cluster.node(target)["port"]
            auth = ["AUTH2", env["CLUSTER_REDIS_OPERATOR"], env["CLUSTER_REDIS_OPERATOR_PASSWORD"]]
            self.operator(source, "MIGRATE", "127.0.0.1", port, "", 0, 5000, *auth, "KEYS", *keys)
            moved += len(keys)
        for name in (target, source, *(name for name in nodes if name not in (source, target))):
            self.operator(name, "CLUSTER", "SETSLOT", slot, "NODE", ids[target])
        time.sleep(2)
        return f"slot {slot} of {tag} with {moved} keys from {source} to {target}"

    @staticmethod
    def text(said):
        return said.decode() if isinstance(said, bytes) else said

    # The others

    def do_kafka_down(self):
        return self.out("kafka", 10, 30)

    def do_postgres_down(self):
        return self.out("postgres", 10, 60)

    def do_flushed_without_kafka(self):
        """What stands in outboxes and nowhere else is lost for good: what was told and is lost has to be counted."""
        self.cluster.stop("kafka")
        time.sleep(self.dice.uniform(1, 5))
        flushed = self.do_flushed()
        time.sleep(self.dice.uniform(1, 5))
        self.cluster.cont("kafka")
        return flushed

    def do_listener_killed(self):
        return self.killed(self.windfall("listener"))

    def do_leader_killed(self):
        """The batch process that said last that it leads."""
        said = {}
        for name in ("batch-1", "batch-2"):
            for line in (self.cluster.data / "log" / f"{name}.log").read_text(errors="replace").splitlines():
                if '"event":"leads"' in line:
                    said[name] = json.loads(line)["token"]
        return self.killed(max(said, key=said.get))

    def do_leader_stands_still_in_a_rebuild(self):
        """Somewhere between two steps, for longer than its lease lasts: another one leads when it goes on."""
        before = self.rebuildings()
        flushed = self.do_flushed(0)
        until = time.monotonic() + 10
        while not (begun := {name: n for name, n in self.rebuildings().items() if n > before[name]}) and time.monotonic() < until:
            time.sleep(0.01)
        if not begun:
            raise NotDoneError(f"{flushed}; nobody rebuilt it")
        name = next(iter(begun))
        time.sleep(self.dice.uniform(0, 0.6))
        seconds = self.dice.uniform(7, 15)
        self.cluster.pause(name)
        time.sleep(seconds)
        self.cluster.cont(name)
        time.sleep(3)
        return f"{flushed}; {name} stood still for {seconds:.0f} s"

    def rebuildings(self):
        """How often each process has begun to rebuild something."""
        logs = {name: self.cluster.data / "log" / f"{name}.log" for name in ("batch-1", "batch-2")}
        return {name: log.read_text(errors="replace").count('"event":"rebuilding"') for name, log in logs.items()}

    # The network, where the cluster stands behind fault proxies

    def do_net_redis_stalls(self):
        return self.net(self.redis("master"), "stall", 2, 5)

    def do_net_redis_answers_stall(self):
        """What is asked is done, and nobody hears of it for a while."""
        return self.net(self.redis("master"), "stall down", 2, 5)

    def do_net_redis_late(self):
        return self.net(self.redis("master"), f"delay {NET_DELAY_MS} up", 3, 6)

    def do_net_redis_reset(self):
        return self.net(self.redis("master"), "reset", 1, 2)

    def do_net_redis_half_open(self):
        return self.net(self.redis("master"), "half-open", 2, 5)

    def do_net_redis_cut(self):
        return self.net(self.redis("master"), f"cut {self.dice.randint(1, 600)} down", 1, 2)

    def do_net_kafka_stalls(self):
        return self.net("kafka", "stall", 8, 15)

    def do_net_kafka_reset(self):
        return self.net("kafka", "reset", 1, 2)

    def do_net_kafka_half_open(self):
        return self.net("kafka", "half-open", 2, 5)

    def do_net_kafka_cut(self):
        return self.net("kafka", f"cut {self.dice.randint(1, 2000)} down", 1, 2)

    def do_net_postgres_stalls(self):
        return self.net("postgres", "stall", 8, 15)

    def do_net_postgres_reset(self):
        return self.net("postgres", "reset", 1, 2)

    def do_net_postgres_half_open(self):
        return self.net("postgres", "half-open", 2, 5)

    def do_net_postgres_cut(self):
        return self.net("postgres", f"cut {self.dice.randint(1, 600)} down", 1, 2)

    def net(self, server, words, least, most):
        """What the proxy counts tells whether it happened, and that whoever lost a connection has come back."""
        seconds = self.dice.uniform(least, most)
        before = self.line(server)
        if before["open"] == 0:
            raise NotDoneError(f"nobody was connected to {server}")
        self.cluster.net(server, words)
        try:
            begun = self.line(server)
            late = self.round_trip(server) if words.startswith("delay") else None
            time.sleep(seconds)
            ended = self.line(server)
        finally:
            self.cluster.net(server, "heal")
        what, *more = words.split()
        if what == "stall":
            if any(begun[way] != ended[way] for way in (more or ("up", "down"))):
                raise NotDoneError(f"{server} {words}: {begun} before, {ended} after {seconds:.1f} s")
            return f"{server} {words} for {seconds:.1f} s, {ended['open']} connections"
        if what == "delay":
            if late < NET_DELAY_MS / 1000:
                raise NotDoneError(f"{server} {words}: a round trip took {late:.3f} s")
            return f"{server} {words} for {seconds:.1f} s"
        broken = ended["broken"] - before["broken"]
        if broken == 0:
            raise NotDoneError(f"{server} {words}: no connection was broken")
        back = self.cluster.until(lambda: self.line(server)["accepted"] > before["accepted"], f"somebody comes back to {server}", HEAL_SECONDS)
        return f"{server} {words}: {broken} connections broken, the first new one not later than {seconds + back:.1f} s afterwards"

    def line(self, server):
        return {name: int(value) for name, value in (word.split("=") for word in self.cluster.net(server, "status").split())}

    def round_trip(self, server):
        env = self.cluster.env
        with Connection(self.cluster.node(f"{server}-net")["port"], env["CLUSTER_REDIS_OPERATOR"], env["CLUSTER_REDIS_OPERATOR_PASSWORD"], seconds=10) as redis:
            begun = time.monotonic()
            redis.call("PING")
            return time.monotonic() - begun

    def do_api_killed(self):
        return self.killed(self.windfall("api"))

    def killed(self, name):
        self.cluster.kill(name)
        return name

    def do_partner_fails(self):
        seconds = self.dice.uniform(3, 10)
        self.partner(fail=0.4, timeout=0.05, duplicate=0.1, latencyMs=20)
        time.sleep(seconds)
        self.partner(fail=0, timeout=0, duplicate=0, latencyMs=0)
        return f"for {seconds:.1f} s"
