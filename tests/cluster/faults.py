"""What is done to a running cluster on purpose: each fault by name, with a duration drawn from the seed, and what it takes to heal it."""

import contextlib
import http.client
import json
import random
import shutil
import time

import cut_network
from local_cluster import plan
from local_cluster.resp import Connection, RedisError, fields

HEAL_SECONDS = 90  # until every node is well again: a JVM's start on a busy machine


NET_DELAY_MS = 200
ROLE_SECONDS = 15  # until a replica that was asked to lead leads, or another one that its master was lost
REPLACED_SECONDS = 8  # until new nodes are there for those that are lost


class NotDoneError(Exception):
    """The fault did not take place; the message says what did instead."""


class Faults:
    """`at_length`: what has a length takes as long as issues ask for, not as a short run has time for."""

    def __init__(self, cluster, seed, say, at_length=False):
        self.cluster = cluster
        self.at_length = at_length
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
        seconds = most if self.at_length else self.dice.uniform(least, most)
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
        self.emptied(time.time(), slots)
        time.sleep(seconds)
        return f"{name}, slots {slots}"

    def emptied(self, at, slots):
        self.flushes.append((at, [tuple(int(end) for end in (reach.split("-") * 2)[:2]) for reach in slots.split()]))

    def do_restarted_empty(self):
        """A master and its replica lose their disks and come back as who they were, with their slots: no key, and no function either."""
        return self.shard_restarted_empty(contextlib.nullcontext())

    def do_restarted_empty_without_kafka(self):
        return self.shard_restarted_empty(self.without_kafka())

    def shard_restarted_empty(self, meanwhile):
        master, before = self.redis("master"), self.rebuildings()
        replica, slots = self.replica_of(master), self.cluster.node(master)["details"]["slots"]
        seconds = round(self.dice.uniform(1, 6), 1)
        with meanwhile:
            self.kill_without_data([master, replica], seconds)
            self.emptied(time.time(), slots)
            time.sleep(seconds)
        return f"{master} and {replica}, slots {slots}, for {seconds} s; {self.until_noticed(master, before)}"

    def do_master_restarted_empty(self):
        """So soon that it still leads: its replica has everything, and throws it away to be like its master."""
        master, before = self.redis("master"), self.rebuildings()
        replica, slots = self.replica_of(master), self.cluster.node(master)["details"]["slots"]
        had = self.replication(replica)["master_replid"]
        self.kill_without_data([master], 0)
        killed = time.time()
        self.cluster.until(lambda: self.replication(replica)["master_replid"] != had, f"{replica} follows a master again or leads", HEAL_SECONDS)
        if self.replication(replica)["role"] == "master":
            raise NotDoneError(f"{replica} leads: {master} came back too late to be believed")
        self.emptied(killed, slots)
        return f"{master}, slots {slots}; {self.until_noticed(master, before)}"

    def do_shard_replaced(self):
        """A master and its replica are lost with all they had: two new nodes, which nobody knows, are given their slots as docs/cluster.md says."""
        master, before = self.redis("master"), self.rebuildings()
        replica, slots = self.replica_of(master), self.cluster.node(master)["details"]["slots"]
        lost = [self.id_of(master), self.id_of(replica)]
        self.kill_without_data([master, replica], REPLACED_SECONDS)
        self.emptied(time.time(), slots)
        for name in (master, replica):
            (self.cluster.data / name / "nodes.conf").unlink()
        nodes = self.cluster.status()
        others = sorted(name for name, node in nodes.items() if node["role"] in ("master", "replica") and name not in (master, replica))
        for name in others:
            for node in lost:
                self.operator(name, "CLUSTER", "FORGET", node)
        self.cluster.until(lambda: all(self.cluster.node(name)["details"] for name in (master, replica)), "new nodes answer", HEAL_SECONDS)
        known = next(line for line in self.text(self.operator(others[0], "CLUSTER", "NODES")).splitlines() if "myself" in line)
        address, _, ports = known.split()[1].partition(":")
        for name in (master, replica):
            self.operator(name, "CLUSTER", "MEET", address, *ports.split("@"))
        new = [self.id_of(master), self.id_of(replica)]
        self.cluster.until(lambda: all(self.knows(name, new) for name in (*others, master, replica)), "all know the new nodes", HEAL_SECONDS)
        self.operator(master, "CLUSTER", "ADDSLOTSRANGE", *(end for reach in slots.split() for end in (reach.split("-") * 2)[:2]))
        self.operator(replica, "CLUSTER", "REPLICATE", new[0])
        return f"new nodes for {master} and {replica}, slots {slots}; {self.until_noticed(master, before)}"

    def id_of(self, name):
        return self.text(self.operator(name, "CLUSTER", "MYID"))

    def knows(self, name, ids):
        nodes = self.text(self.operator(name, "CLUSTER", "NODES"))
        return all(node in nodes for node in ids)

    def kill_without_data(self, names, seconds):
        """They go on in files that nobody finds any more until they are killed: no start is too quick for it."""
        for name in names:
            shutil.rmtree(self.cluster.data / name / "appendonlydir")
            (self.cluster.data / name / "dump.rdb").unlink(missing_ok=True)
        self.cluster.kill(names[0], seconds, names[1:])

    def until_noticed(self, master, before):
        begun = time.monotonic()
        self.cluster.until(lambda: self.rebuildings() != before, f"somebody rebuilds what {master} had", HEAL_SECONDS)
        self.cluster.until_well(HEAL_SECONDS)
        self.cluster.until(lambda: self.operator(master, "FUNCTION", "LIST"), f"somebody loads functions into {master}", HEAL_SECONDS)
        return f"rebuilding, with functions, within {time.monotonic() - begun:.1f} s"

    def replication(self, name):
        return fields(self.operator(name, "INFO", "replication"))

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
        what = f"{replica} was silent for {seconds:.1f} s when {master} was killed"
        if not self.leads(replica):
            raise NotDoneError(f"{what}, and does not lead")
        return f"{what}, and leads now"

    def do_resharded(self):
        """The slot of a promotion goes to another master, key by key, while people join it; then it is as it was before for whoever asks."""
        tag = self.dice.choice(["{wide}", "{open}", "{dice}", "{windfall}"])
        slot = self.operator("redis-1", "CLUSTER", "KEYSLOT", tag)
        nodes = {name: node for name, node in self.cluster.status().items() if node["part"] == "redis" and node["role"] == "master"}
        ids = {name: self.id_of(name) for name in nodes}
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

    # The network between the nodes themselves, where the test has one of its own

    def do_cut_master(self):
        """Its replica leads while it may still think so itself; clients reach both."""
        name = self.redis("master")
        replica = self.replica_of(name)
        begun = time.monotonic()
        with self.cut_off(name):
            if not self.leads(replica):
                raise NotDoneError(f"{name} was cut off, and {replica} does not lead")
            took = time.monotonic() - begun
            time.sleep(self.dice.uniform(0, 4))
        return f"{name} from all others for {time.monotonic() - begun:.1f} s, {replica} leads after {took:.1f} s"

    def do_cut_replica(self):
        name = self.redis("replica")
        master = self.cluster.node(name)["details"]["of"]
        seconds = self.dice.uniform(5, 8)  # above min-replicas-max-lag
        with self.cut_off(name):
            time.sleep(seconds)
            if int(self.replication(master)["min_slaves_good_slaves"]) > 0:
                raise NotDoneError(f"{name} was cut off for {seconds:.1f} s, and {master} has not missed it")
        return f"{name} from all others for {seconds:.1f} s"

    def do_cut_shard(self):
        """A master together with its replica: too few to decide who leads, and nobody else may."""
        name = self.redis("master")
        replica = self.replica_of(name)
        begun = time.monotonic()
        with self.cut_off(name, replica):
            until = begun + ROLE_SECONDS
            while (state := self.cluster.node(name)["details"]["cluster"]) == "ok" and time.monotonic() < until:
                time.sleep(0.1)
            if state == "ok":
                raise NotDoneError(f"{name} and {replica} were cut off, and take no notice")
            took = time.monotonic() - begun
            time.sleep(self.dice.uniform(0, 4))
        return f"{name} and {replica} from all others for {time.monotonic() - begun:.1f} s, noticed after {took:.1f} s"

    def cut_off(self, *names):
        if not cut_network.inside():
            raise NotDoneError("no network of its own")
        return cut_network.cut_off(plan.load(self.cluster.data), names)

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
        with self.without_kafka():
            return self.do_flushed()

    @contextlib.contextmanager
    def without_kafka(self):
        self.cluster.stop("kafka")
        try:
            time.sleep(self.dice.uniform(1, 5))
            yield
            time.sleep(self.dice.uniform(1, 5))
        finally:
            self.cluster.cont("kafka")

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
