"""How each server of a comparison is started and addressed. Every function makes its server once per run (Bench.server)."""

import concurrent.futures
import datetime
import http.client
import secrets
import shutil

from lib import ROOT, Unavailable, Void, call, free_port

VISITORS = 16  # connections that bring users in before a sample
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
            [binary, "serve", "--roles", "api", "--listen", f"127.0.0.1:{self.port}", "--data", self.data],
            {"WINDFALL_ADMIN_KEY": self.admin_key, "WINDFALL_GATEWAY_KEY": self.gateway_key},
        ).await_listening(seconds=120)
        return self.process

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


# ---- the peer and what stands behind it -----------------------------------------------------------------------------------------------


def redis(bench, name="redis", durable=True):
    """A Redis of its own. `durable` as a team would run it: append-only file, synced once a second."""

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
            [program, "--bind", "127.0.0.1", "--port", port, "--dir", data, "--save", "", *journal],
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
    def make(_):
        jar = ROOT / "build/bench/peer/peer.jar"
        if not jar.exists():
            raise Unavailable(f"{jar} is missing: run bench/build")
        if shutil.which("java") is None:
            raise Unavailable("java is missing: apt-get install openjdk-17-jre-headless")
        env = {
            "PEER_REDIS_URL": f"redis://127.0.0.1:{redis(bench).port}",
            "PEER_KAFKA_BOOTSTRAP": f"127.0.0.1:{kafka(bench).port}",
        }
        server = bench.start("peer", ["java", "-Xmx512m", "-jar", jar], env).await_listening(seconds=90)
        register_at_peer(server)
        return server

    return bench.server("peer", make)


def register_at_peer(server):
    body = {
        "id": "1", "title": "bench", "rewardAmount": 500, "limitJoinCount": 10**12,
        "joinTypes": [{"joinType": "N_DUP_LIMIT", "value": "3"}],
    }  # fmt: skip
    status, answer = call("POST", f"http://127.0.0.1:{server.port}/promotions", body)
    if status != 200:
        raise Void(f"registering a promotion at the peer was answered {status}: {answer}")
