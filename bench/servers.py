"""How each server of a comparison is started and addressed. Every function makes its server once per run (Bench.server)."""

import concurrent.futures
import datetime
import http.client
import json
import secrets
import shutil
import subprocess
import tempfile
import time

from lib import ROOT, Neighbour, Unavailable, Void, call, free_port

VISITORS = 16  # connections that bring users in before a sample
DISTRIBUTED_STOCK = 5_000_000  # the layout in Redis is made for so many; a run does not use them up
SLOTS = 16384  # of a Redis Cluster
CLUSTER_SECONDS = 20  # most that masters may take to know each other
PEER_WARM_UP_S = 25  # the JVM has compiled most of a route by then; Bench.warm_up goes on while it gets cheaper


# ---- references -----------------------------------------------------------------------------------------------------------------------


def hand_hello(bench):
    return _reference(bench, "hand-hello", "bench/windfall_reference_hello")


def beast_hello(bench):
    return _reference(bench, "beast-hello", "bench/windfall_reference_beast_hello")


def _reference(bench, name, binary):
    def make(_):
        return bench.start(name, [bench.binary(binary, "run bench/build")]).await_listening()

    return bench.server(name, make)


# ---- Windfall -------------------------------------------------------------------------------------------------------------------------


class Windfall:
    """`windfall serve` on a data directory of its own, with the promotions that measurements need."""

    roles = "api"

    def __init__(self, bench, name="windfall", port=0):
        self.bench = bench
        self.name = name
        self.data = bench.scratch / f"{name}-data"
        self.admin_key = secrets.token_urlsafe(32)
        self.gateway_key = secrets.token_urlsafe(32)
        self.port = port
        self.made = set()
        self.start()

    def start(self):
        """Starts on what the data directory holds; also after kill()."""
        binary = self.bench.options.windfall
        if not binary.exists():
            raise Unavailable(f"{binary} is missing: build it with scripts/build, or name one with --windfall")
        self.process = self.bench.start(
            self.name,
            [binary, "serve", "--roles", self.roles, "--listen", f"127.0.0.1:{self.port}", "--data", self.data],
            {"WINDFALL_ADMIN_KEY": self.admin_key, "WINDFALL_GATEWAY_KEY": self.gateway_key, **self.settings()},
        ).await_listening(seconds=120)
        return self.process

    def settings(self):
        """Of its configuration, as variables of the environment."""
        return {}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.process.port}"

    def create(self, identifier, stock=10**12, **more):
        """A promotion that is active for a month around today."""
        body = {
            "id": identifier, "title": identifier, "rewardAmount": 500, "limitJoinCount": stock,
            **_period(),
            "joinTypes": [{"joinType": "N_DUP_LIMIT", "limitDupJoinCount": 3}], **more,
        }  # fmt: skip
        body = {name: value for name, value in body.items() if value is not None}
        status, answer = call("POST", f"{self.url}/v1/admin/promotions", body, self.as_admin())
        if status != 201:
            raise Void(f"creating promotion {identifier} was answered {status}: {answer}")

    def create_once(self, identifier, **more):
        if identifier not in self.made:
            self.create(identifier, **more)
            self.made.add(identifier)

    def visit(self, identifier, users):
        """A visit of each; Void unless every one is granted."""

        def some(mine):
            connection = http.client.HTTPConnection("127.0.0.1", self.process.port, timeout=30)
            for user in mine:
                connection.request("POST", f"/v1/promotions/{identifier}/visits", headers=self.as_user(user))
                answer = connection.getresponse()
                answer.read()
                if answer.status != 201:
                    raise Void(f"a visit was answered {answer.status}")

        with concurrent.futures.ThreadPoolExecutor(VISITORS) as visitors:
            list(visitors.map(some, [users[i::VISITORS] for i in range(VISITORS)]))

    def invites(self, identifier, users):
        """The token of each one's own link."""
        tokens = []
        for user in users:
            status, answer = call("POST", f"{self.url}/v1/promotions/{identifier}/invites", None, self.as_user(user))
            if status != 200:
                raise Void(f"an invite was answered {status}: {answer}")
            tokens.append(answer["token"])
        return tokens

    def promotion(self, identifier):
        status, answer = call("GET", f"{self.url}/v1/promotions/{identifier}")
        if status != 200:
            raise Void(f"GET of promotion {identifier} was answered {status}: {answer}")
        return answer

    def join(self, identifier, user):
        return call("POST", f"{self.url}/v1/promotions/{identifier}/participations", None, self.as_user(user))

    def joins_path(self, identifier):
        return f"/v1/promotions/{identifier}/participations"

    def as_admin(self):
        return {"Authorization": f"Bearer {self.admin_key}"}

    def as_user(self, user):
        return {"Authorization": f"Bearer {self.gateway_key}", "X-User-Id": user}

    def fill(self, identifier, users, prefix="fill-"):
        """Joins by that many new users, as fast as 128 connections go; Void unless every one is accepted."""
        report = self.drive(identifier, "--count", users, "--rate", 0, "--user-prefix", prefix, "--connections", 128)
        accepted = sum(answer["count"] for answer in report["answers"] if answer["status"] == 201)
        if accepted != users:
            raise Void(f"only {accepted} of {users} joins were accepted: {report['answers']}")
        return report

    def drive(self, identifier, *argv):
        return self.bench.drive(
            "--url", self.url, "--promotion", identifier, "--gateway-key", self.gateway_key, *argv,
        )  # fmt: skip


def _period():
    """A month around today; the days of the promotion's zone may differ from ours by one."""
    today = datetime.date.today()
    month = datetime.timedelta(days=15)
    return {"startDate": str(today - month), "endDate": str(today + month)}


def windfall(bench):
    def make(_):
        server = Windfall(bench)
        server.create("bench")
        return server

    return bench.server("windfall", make)


# ---- several processes -------------------------------------------------------------------------------------------------------------------


class Cluster:
    """Servers of scripts/cluster, in a folder of its own that goes with the run."""

    def __init__(self, bench, *parts):
        # PostgreSQL, which root lends another user, has to reach its folder inside: not in the scratch directory, which is ours alone.
        self.folder = tempfile.mkdtemp(prefix="cluster-", dir=ROOT / "build/bench")
        bench.cleanup.callback(self._script, "down", "--wipe")
        done = self._script("up", "--only", ",".join(parts), "--windfall", str(bench.options.windfall))
        if done.returncode != 0:
            raise Unavailable(f"scripts/cluster up failed: {done.stderr.strip()[-400:]}")
        self.env = json.loads(self._script("env", "-o", "json").stdout)
        nodes = json.loads(self._script("status", "-o", "json").stdout)
        self.nodes = [Neighbour(node["name"], node["pid"], node["port"]) for node in nodes if node["pid"]]
        if bench.options.pin:
            for node in self.nodes:
                node.pin(bench.cpus_of_others())
        bench.processes += self.nodes

    def of(self, prefix):
        return [node for node in self.nodes if node.name.startswith(prefix)]

    def _script(self, command, *words):
        return subprocess.run(
            [str(ROOT / "scripts/cluster"), command, "--data", self.folder, *words], capture_output=True, text=True, check=False
        )  # fmt: skip


def cluster(bench):
    return bench.server("cluster", lambda _: Cluster(bench, "redis", "kafka", "postgres"))


class Distributed(Windfall):
    """One process of a role over Redis, Kafka and PostgreSQL. `over` holds the settings that all processes of an installation share."""

    def __init__(self, bench, name, over, roles="api", like=None):
        self.roles = roles
        self.over = over
        self.like = like
        super().__init__(bench, name)

    def start(self):
        if self.like is not None and not self.data.exists():
            # Every process of an installation has the same keys, and names a user by the same hash.
            self.admin_key, self.gateway_key = self.like.admin_key, self.like.gateway_key
            self.data.mkdir(mode=0o700)
            shutil.copy(self.like.data / "user-hash.key", self.data)
        return super().start()

    def settings(self):
        return self.over


def distributed(bench, redis_nodes, name):
    """The settings of an installation on these Redis nodes; its schema and topics are made."""
    of = cluster(bench)
    brokers = of.env["CLUSTER_KAFKA_BROKERS"]
    topics = [bench.options.windfall, "topics", "apply", "--brokers", brokers, "--prefix", f"{name}.", "--partitions", "4",
              "--replication-factor", "1", "--min-insync-replicas", "1"]  # fmt: skip
    database = of.env["CLUSTER_POSTGRES_URL"]
    for command in (topics, ["psql", "-q", database, "-c", f"create schema {name}"]):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Unavailable(f"{command[0]} failed: {done.stderr.strip()}")
    return {
        "WINDFALL_SERVER_MODE": "distributed",
        "WINDFALL_SERVER_MASTER_KEYS": str(bench.scratch / f"{name}.keys"),
        "WINDFALL_REDIS_NODES": redis_nodes,
        "WINDFALL_KAFKA_BROKERS": brokers,
        "WINDFALL_KAFKA_PREFIX": f"{name}.",
        "WINDFALL_POSTGRES_URL": f"{database}?options=-csearch_path%3D{name}",
    }


def synced_redis(bench):
    """One Redis as Windfall asks for it, for Windfall and the peer alike; the peer's client and keys know no cluster."""

    def make(_):
        server = redis(bench, "redis-synced")
        for setting, value in (("appendfsync", "always"), ("auto-aof-rewrite-percentage", "0")):  # a rewriting child is nobody's request
            subprocess.run(["redis-cli", "-p", str(server.port), "config", "set", setting, value], capture_output=True, check=True)
        return server

    return bench.server("synced", make)


def redis_masters(bench, count):
    """A Redis Cluster of so many masters, which have an equal share of the slots each and no replicas."""

    def make(_):
        masters = []
        for i in range(count):
            settings = {"appendfsync": "always", "auto-aof-rewrite-percentage": 0, "cluster-enabled": "yes", "cluster-port": free_port()}
            more = [word for name, value in settings.items() for word in (f"--{name}", value)]
            masters.append(redis(bench, f"redis-{i + 1}-of-{count}", more=more))
            _ask_redis(masters[i], "cluster", "set-config-epoch", i + 1)
            _ask_redis(masters[i], "cluster", "addslotsrange", SLOTS * i // count, SLOTS * (i + 1) // count - 1)
            if i > 0:
                _ask_redis(masters[i], "cluster", "meet", "127.0.0.1", masters[0].port, bus)
            else:
                bus = settings["cluster-port"]
        end = time.monotonic() + CLUSTER_SECONDS
        while not all(_has_met(master, count) for master in masters):
            if time.monotonic() > end:
                raise Void(f"{count} masters did not become a cluster within {CLUSTER_SECONDS} s")
            time.sleep(0.1)
        return masters

    return bench.server(f"{count} masters", make)


def _has_met(master, count):
    said = _ask_redis(master, "cluster", "info").split()
    return "cluster_state:ok" in said and f"cluster_size:{count}" in said


def _ask_redis(server, *words):
    command = ["redis-cli", "-e", "-p", str(server.port), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def windfall_on_masters(bench, count, promotions):
    """Decides in that many masters without replicas."""

    def make(_):
        nodes = ",".join(f"127.0.0.1:{master.port}" for master in redis_masters(bench, count))
        over = distributed(bench, nodes, f"masters{count}")
        server = Distributed(bench, f"windfall-on-{count}", {**over, "WINDFALL_REDIS_REPLICAS": "0"})
        for promotion in promotions:
            server.create(promotion, DISTRIBUTED_STOCK)
        return server

    return bench.server(f"windfall-on-{count}", make)


def another_of(bench, first, number):
    """A further API process of that installation."""
    name = f"{first.name}-{number}"
    return bench.server(name, lambda _: Distributed(bench, name, first.over, like=first))


def windfall_beside_peer(bench):
    """Decides in the Redis of the peer and relays to the peer's Kafka."""

    def make(_):
        over = distributed(bench, f"127.0.0.1:{synced_redis(bench).port}", "beside")
        server = Distributed(bench, "windfall-beside", {**over, "WINDFALL_REDIS_REPLICAS": "0"})
        server.create("bench", DISTRIBUTED_STOCK)
        return server

    return bench.server("windfall-beside", make)


def windfall_on_cluster(bench):
    """Decides in three masters, each of which has a replica that every answer waits for."""

    def make(_):
        env = cluster(bench).env
        over = distributed(bench, env["CLUSTER_REDIS_NODES"], "spread")
        secret = {"WINDFALL_REDIS_USER": env["CLUSTER_REDIS_USER"], "WINDFALL_REDIS_PASSWORD": env["CLUSTER_REDIS_PASSWORD"]}
        server = Distributed(bench, "windfall-spread", {**over, **secret})
        server.create("bench", DISTRIBUTED_STOCK)
        return server

    return bench.server("windfall-spread", make)


# ---- the peer and what stands behind it -----------------------------------------------------------------------------------------------


def redis(bench, name="redis", durable=True, more=()):
    """A Redis of its own. `durable` as a team would run it: append-only file, synced once a second. `more` are further options."""

    def make(_):
        program = shutil.which("redis-server")
        if program is None:
            raise Unavailable("redis-server is missing: apt-get install redis-server")
        port = free_port()
        data = bench.scratch / f"{name}-data"
        data.mkdir()
        journal = ["--appendonly", "yes", "--appendfsync", "everysec"] if durable else ["--appendonly", "no"]
        return bench.start(
            name,
            [program, "--bind", "127.0.0.1", "--port", port, "--dir", data, "--save", "", *journal, *more],
            serves=False,
        ).await_port(port)

    return bench.server(name, make)


def kafka(bench):
    def make(_):
        if not (ROOT / "build/kafka/lib").is_dir():
            raise Unavailable("the Kafka broker is missing in build/kafka: run deploy/kafka/fetch")
        port = free_port()
        broker = ROOT / "deploy/kafka/broker"
        return bench.start(
            "kafka", [broker, bench.scratch / "kafka-data", port, free_port()], serves=False
        ).await_port(port, seconds=90)

    return bench.server("kafka", make)


def peer(bench):
    return _peer(bench, "peer", lambda: redis(bench), lambda: kafka(bench))


def peer_beside(bench):
    """The peer on the Redis and the Kafka that the distributed Windfall uses."""
    return _peer(bench, "peer-beside", lambda: synced_redis(bench), lambda: cluster(bench).of("kafka")[0])


def _peer(bench, name, its_redis, its_kafka):
    def make(_):
        jar = ROOT / "build/bench/peer/peer.jar"
        if not jar.exists():
            raise Unavailable(f"{jar} is missing: run bench/build")
        if shutil.which("java") is None:
            raise Unavailable("java is missing: apt-get install openjdk-17-jre-headless")
        env = {
            "PEER_REDIS_URL": f"redis://127.0.0.1:{its_redis().port}",
            "PEER_KAFKA_BOOTSTRAP": f"127.0.0.1:{its_kafka().port}",
        }
        server = bench.start(name, ["java", "-Xmx512m", "-jar", jar], env).await_listening(seconds=90)
        register_at_peer(server)
        return server

    return bench.server(name, make)


def register_at_peer(server):
    body = {
        "id": "1", "title": "bench", "rewardAmount": 500, "limitJoinCount": 10**12,
        "joinTypes": [{"joinType": "N_DUP_LIMIT", "value": "3"}],
    }  # fmt: skip
    status, answer = call("POST", f"http://127.0.0.1:{server.port}/promotions", body)
    if status != 200:
        raise Void(f"registering a promotion at the peer was answered {status}: {answer}")
