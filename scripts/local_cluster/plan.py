"""What a cluster consists of: its parts, nodes, ports and secrets. Made at the first `up` of a folder, and kept there, so that the next start
finds the same cluster on the same ports."""

import base64
import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import random
import secrets
import socket

ROOT = pathlib.Path(__file__).resolve().parents[2]
FORMAT = 2

# Every program of a cluster; later ones may need earlier ones.
PARTS = ("redis", "kafka", "postgres", "ferretdb", "sandbox", "windfall")
REDIS_MASTERS = 3
REDIS_NODES = 6
# Processes of Windfall by what they do. Two of each: nothing may depend on which one is asked, and the loss of one is no loss.
WINDFALL_ROLES = (("api", 2), ("listener", 2), ("batch", 2))

# Where Windfall's ledger may be.
LEDGERS = ("postgresql", "mongodb")

# Parts whose servers may stand behind fault proxies, one each: a node of its own, NAME-net.
PROXIED = ("redis", "kafka", "postgres")

# Below this, servers of the system listen. Above the kernel's range of ephemeral ports the other end of any connection may sit on the
# port of a node that is just being restarted.
LOWEST_PORT = 15000


class Trouble(Exception):
    """Something a person has to mend; the text says what to do."""


@dataclasses.dataclass(frozen=True)
class Node:
    name: str
    part: str
    role: str
    port: int


@dataclasses.dataclass
class Plan:
    folder: pathlib.Path
    parts: list
    ports: dict  # of nodes by name, and of what they need besides: "redis-1/bus"
    secrets: dict
    windfall: dict  # "binary", and "dev": a development server
    proxied: bool = False
    ledger: str = "postgresql"

    def log(self, name):
        return self.folder / "log" / f"{name}.log"

    def place(self, name):
        return self.folder / name

    def nodes(self):
        """Every one, with the proxies."""
        return [node for part in PARTS if part in self.parts for node in [*self.nodes_of(part), *self.proxies_of(part)]]

    def nodes_of(self, part):
        return [Node(name, part, role, self.ports[name]) for name, role in names_of(part)]

    def proxies_of(self, part):
        if not self.proxied or part not in PROXIED:
            return []
        return [Node(f"{name}-net", part, "network", self.ports[f"{name}/net"]) for name, _ in names_of(part)]

    def ports_of(self, part):
        """Names of every port a part listens on."""
        names = [name for name, _ in names_of(part)]
        more = [f"{name}/{end}" for name in names for end in ("net", "control") if self.proxied and part in PROXIED]
        if part == "redis":
            more += [f"{name}/bus" for name in names]
        if part == "kafka":
            more.append("kafka/controller")
        return names + more

    def reach(self, name):
        """The port at which others reach a node: its own, or that of its proxy."""
        return self.ports.get(f"{name}/net", self.ports[name])

    def node(self, name):
        for node in self.nodes():
            if node.name == name:
                return node
        raise Trouble(f"there is no node '{name}'; there are: {', '.join(node.name for node in self.nodes())}")

    def save(self):
        kept = {"format": FORMAT, **{f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "folder"}}
        write_whole(self.folder / "cluster.json", json.dumps(kept, indent=1))


def names_of(part):
    """(name, role) of every node of a part."""
    if part == "redis":
        return [(f"redis-{i}", "store") for i in range(1, REDIS_NODES + 1)]
    if part == "kafka":
        return [("kafka", "broker")]
    if part == "postgres":
        return [("postgres", "ledger")]
    if part == "ferretdb":
        return [("ferretdb", "mongodb")]
    if part == "sandbox":
        return [("sandbox", "partner")]
    return [(f"{role}-{i}", role) for role, count in WINDFALL_ROLES for i in range(1, count + 1)]


def load(folder):
    """The plan kept in a folder, or None."""
    try:
        kept = json.loads((folder / "cluster.json").read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        raise Trouble(f"{folder}/cluster.json cannot be read; start over with: rm -rf {folder}") from None
    if kept.pop("format", None) != FORMAT:
        raise Trouble(f"{folder} was made by another version of this script; start over with: rm -rf {folder}")
    return Plan(folder=folder, **kept)


def make(folder, proxied=False, ledger="postgresql"):
    if folder.is_dir() and any(folder.iterdir()):
        raise Trouble(f"{folder} holds something else: name an empty folder or a new one with --data")
    folder.mkdir(parents=True, exist_ok=True)
    # Servers that may not run as root have to reach their folders inside; what is secret has a mode of its own.
    folder.chmod(0o711)
    (folder / "log").mkdir(exist_ok=True)
    names = ("redis_windfall", "redis_operator", "redis_replica", "postgres_operator", "postgres_windfall", "postgres_ferretdb")
    made = {name: secrets.token_urlsafe(24) for name in (*names, "admin_key", "gateway_key")}
    made["user_hash_key"] = secrets.token_hex(16)
    made["partner_secret"] = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    made["kafka_id"] = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
    made["kafka_id"] = made["kafka_id"].replace("-", "A").replace("_", "B")  # a leading '-' would be an option
    plan = Plan(folder=folder, parts=[], ports={}, secrets=made, windfall={"binary": str(ROOT / "build/release/windfall"), "dev": False}, proxied=proxied, ledger=ledger)
    plan.save()
    return plan


def is_free(port):
    with socket.socket() as probe:
        # What a server would do: connections of its earlier life that are being closed do not keep it from listening.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def choose_ports(names, taken):
    """A free port for each name, side by side where possible."""
    highest = 65535
    with contextlib.suppress(OSError):
        highest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]) - 1
    if highest < LOWEST_PORT + 1000:
        highest = 65535
    chosen = {}
    port = random.randrange(LOWEST_PORT, highest - 500)
    for name in names:
        while port in taken or not is_free(port):
            port = port + 1 if port < highest else LOWEST_PORT
        chosen[name] = port
        port += 1
    return chosen


def write_whole(path, text, mode=0o600):
    """A reader sees the old text or the new one."""
    beside = path.with_name(path.name + ".new")
    with open(beside, "w", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(text)
    os.replace(beside, path)


@contextlib.contextmanager
def only_one(path, what):
    """Holds a file lock; says so when it has to wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another {what}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def say(text):
    os.write(2, f"cluster: {text}\n".encode())
