"""One Kafka broker that is its own controller (KRaft)."""

import socket
import struct
import subprocess

from local_cluster.parts import Health, Process
from local_cluster.plan import Trouble, write_whole
from local_cluster.programs import KAFKA_LIB, found

NEEDS = ()
START_SECONDS = 90  # a JVM on a machine that compiles beside it

# 320 MB hold a few topics' buffers. The serial collector and the first compiler alone start in half the time on few processors.
JVM = ("-Xms320m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")


def prepare(plan):
    node = plan.node("kafka")
    folder = plan.place("kafka")
    folder.mkdir(exist_ok=True)
    controller = plan.ports["kafka/controller"]
    write_whole(
        folder / "server.properties",
        f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{node.port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plan.reach(node.name)}
controller.listener.names=CONTROLLER
log.dirs={folder}/log
num.partitions=4
num.network.threads=1
num.io.threads=2
background.threads=2
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
# After a kill the broker may not register again before its earlier session is over: 9 s by default.
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
""",
    )
    if not (folder / "log/meta.properties").exists():
        format_log(plan, folder)


def format_log(plan, folder):
    command = [*java(), "kafka.tools.StorageTool", "format", "--cluster-id", plan.secrets["kafka_id"], "--config", str(folder / "server.properties")]
    log = plan.log("kafka")
    with open(log, "ab") as talk:
        if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=talk, stderr=talk, check=False).returncode != 0:
            raise Trouble(f"Kafka's folder could not be formatted: see {log}")


def java():
    return [found("java", "openjdk-17-jdk-headless"), *JVM, "-cp", f"{KAFKA_LIB}/*"]


def process(plan, _):
    folder = plan.place("kafka")
    return Process([*java(), "kafka.Kafka", str(folder / "server.properties")], str(folder))


def health(plan, node):
    try:
        brokers, controller = metadata(node.port)
    except (OSError, struct.error) as problem:
        return Health(False, f"no answer: {problem}")
    text = f"{brokers} broker{'s' * (brokers != 1)}, controller {controller}"
    return Health(brokers == 1 and controller >= 0, text, {"brokers": brokers, "controller": controller})


def metadata(port):
    """(brokers, id of the controller) as the broker answers a Metadata request, version 1, for no topic."""
    name = b"cluster"
    request = struct.pack(">hhih", 3, 1, 1, len(name)) + name + struct.pack(">i", 0)
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        with connection.makefile("rb") as answers:
            answer = answers.read(struct.unpack(">i", answers.read(4))[0])
    brokers = struct.unpack_from(">i", answer, 4)[0]
    place = 8
    for _ in range(brokers):
        place += 4
        place += 2 + struct.unpack_from(">h", answer, place)[0] + 4
        place += 2 + max(0, struct.unpack_from(">h", answer, place)[0])  # the rack; -1 is none
    return brokers, struct.unpack_from(">i", answer, place)[0]


def complete(plan):
    """Nothing is left to do."""


def environment(plan):
    return {"CLUSTER_KAFKA_BROKERS": f"127.0.0.1:{plan.reach('kafka')}"}
