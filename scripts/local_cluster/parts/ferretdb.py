"""FerretDB: MongoDB's protocol over a database of its own in PostgreSQL. MongoDB itself is in no Debian archive."""

import socket
import struct

from local_cluster.parts import Health, Process
from local_cluster.parts.postgres import url
from local_cluster.programs import FERRETDB

NEEDS = ("postgres",)
START_SECONDS = 30
OP_MSG = 2013


def prepare(plan):
    plan.place("ferretdb").mkdir(exist_ok=True)


def process(plan, node):
    argv = [
        str(FERRETDB), f"--listen-addr=127.0.0.1:{node.port}", "--handler=postgresql", "--telemetry=disable", "--debug-addr=-",
        f"--state-dir={plan.place('ferretdb')}", "--log-level=warn",
    ]  # fmt: skip
    # By environment: everybody may read a command line.
    return Process(argv, str(plan.place("ferretdb")), {"FERRETDB_POSTGRESQL_URL": url(plan, "ferretdb")})


def health(_, node):
    try:
        answer = command(node.port, "listDatabases")
    except (OSError, struct.error) as problem:
        return Health(False, f"no answer: {problem}")
    well = b"\x01ok\x00" + struct.pack("<d", 1.0) in answer
    return Health(well, "lists its databases" if well else "answers with an error", {})


def command(port, name):
    """The body that answers {name: 1, "$db": "admin"}."""
    document = b"\x10" + name.encode() + b"\0" + struct.pack("<i", 1) + b"\x02$db\0" + struct.pack("<i", 6) + b"admin\0" + b"\0"
    body = struct.pack("<I", 0) + b"\0" + struct.pack("<i", len(document) + 4) + document
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(struct.pack("<iiii", 16 + len(body), 1, 0, OP_MSG) + body)
        with connection.makefile("rb") as answers:
            length = struct.unpack("<i", answers.read(4))[0]
            return answers.read(length - 4)


def complete(plan):
    """Nothing is left to do."""


def environment(plan):
    return {"CLUSTER_MONGO_URL": f"mongodb://127.0.0.1:{plan.node('ferretdb').port}/windfall"}
