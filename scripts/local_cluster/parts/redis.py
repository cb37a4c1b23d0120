"""Six Redis nodes as one cluster: three masters, a replica each. Configured by deploy/redis/, as a real site, only smaller."""

import hashlib
import secrets

from local_cluster.parts import Health, Process
from local_cluster.plan import REDIS_MASTERS, ROOT, write_whole
from local_cluster.programs import found
from local_cluster.resp import Connection, RedisError, fields

NEEDS = ()
SLOTS = 16384
START_SECONDS = 30

# Of a real site, and used as they are: what is promised there is tried here.
SITE = ROOT / "deploy/redis/redis.conf"
SITE_USERS = ROOT / "deploy/redis/users.acl"
PASSWORDS = {"OPERATORS": "redis_operator", "WINDFALLS": "redis_windfall", "REPLICAS": "redis_replica"}

# What differs on one machine: a smaller size, and a failover that tests need not wait for.
SETTINGS = """\
bind 127.0.0.1
protected-mode yes
daemonize no
cluster-node-timeout 2000
maxmemory 512mb
repl-backlog-size 16mb
shutdown-timeout 1
"""


def prepare(plan):
    nodes = plan.nodes_of("redis")
    if not plan.place("redis-1").joinpath("nodes.conf").exists():
        form(plan, nodes)
    for node in nodes:
        folder = plan.place(node.name)
        configured = f'include "{SITE}"\n{SETTINGS}' + "".join(
            f'{name} "{value}"\n'
            for name, value in {
                "port": node.port,
                "cluster-port": plan.ports[f"{node.name}/bus"],
                "cluster-announce-port": plan.reach(node.name),
                "cluster-announce-ip": "127.0.0.1",
                "bind-source-addr": speaks_from(node.name),
                "dir": folder,
                "aclfile": folder / "users.acl",
                "masteruser": "replica",
                "masterauth": plan.secrets["redis_replica"],
            }.items()
        )
        write_whole(folder / "redis.conf", configured)
        write_whole(folder / "users.acl", users(plan))


def speaks_from(name):
    """The address from which a node connects to the others: so a network can tell them apart, although all listen on one."""
    return f"127.0.1.{name.removeprefix('redis-')}"


def users(plan):
    """The site's users, with the passwords of this cluster."""
    text = SITE_USERS.read_text()
    for whose, secret in PASSWORDS.items():
        text = text.replace(f"SHA256_OF_{whose}_PASSWORD", hashlib.sha256(plan.secrets[secret].encode()).hexdigest())
    return text


def form(plan, nodes):
    """Writes what the nodes would have agreed upon: they wake up as a cluster, and nothing can be interrupted half-way."""
    ids = [secrets.token_hex(20) for _ in nodes]
    for mine, node in enumerate(nodes):
        lines = []
        for i, other in enumerate(nodes):
            master = i % REDIS_MASTERS
            flags = ("myself," if i == mine else "") + ("master" if i == master else "slave")
            lines.append(
                f"{ids[i]} 127.0.0.1:{plan.reach(other.name)}@{plan.ports[f'{other.name}/bus']} {flags} {'-' if i == master else ids[master]}"
                f" 0 0 {master + 1} connected" + (f" {SLOTS * i // REDIS_MASTERS}-{SLOTS * (i + 1) // REDIS_MASTERS - 1}" if i == master else "")
            )
        lines.append(f"vars currentEpoch {REDIS_MASTERS} lastVoteEpoch 0")
        plan.place(node.name).mkdir(exist_ok=True)
        write_whole(plan.place(node.name) / "nodes.conf", "\n".join(lines) + "\n")


def move(plan, old):
    """The nodes' ports have changed: they know each other by address."""
    for node in plan.nodes_of("redis"):
        known = plan.place(node.name) / "nodes.conf"
        if known.exists():
            text = known.read_text()
            # In two steps: a new port may be another node's old one.
            for other in plan.nodes_of("redis"):
                text = text.replace(f"127.0.0.1:{old.get(f'{other.name}/net', old[other.name])}@{old[f'{other.name}/bus']}", f"({other.name})")
            for other in plan.nodes_of("redis"):
                text = text.replace(f"({other.name})", f"127.0.0.1:{plan.reach(other.name)}@{plan.ports[f'{other.name}/bus']}")
            write_whole(known, text)


def process(plan, node):
    folder = plan.place(node.name)
    return Process([found("redis-server", "redis-server"), str(folder / "redis.conf")], str(folder))


def health(plan, node):
    try:
        with Connection(node.port, "operator", plan.secrets["redis_operator"]) as server:
            cluster = fields(server.call("CLUSTER", "INFO"))
            replication = fields(server.call("INFO", "replication"))
            me = next(line for line in server.call("CLUSTER", "NODES").splitlines() if "myself" in line).split()
    except (OSError, RedisError) as problem:
        return Health(False, f"no answer: {problem}")
    state = cluster["cluster_state"]
    if replication["role"] == "master":
        slots = " ".join(me[8:]) or "none"
        replicas = int(replication.get("min_slaves_good_slaves", 0))
        details = {"role": "master", "slots": slots, "replicas": replicas, "cluster": state}
        return Health(state == "ok" and replicas > 0 and len(me) > 8, f"slots {slots}, {replicas} live replica{'s' * (replicas != 1)}, cluster {state}", details)
    master = next((other.name for other in plan.nodes_of("redis") if str(plan.reach(other.name)) == replication["master_port"]), "?")
    link = replication["master_link_status"]
    details = {"role": "replica", "of": master, "link": link, "cluster": state}
    return Health(state == "ok" and link == "up", f"of {master}, link {link}, cluster {state}", details)


def complete(plan):
    """Nothing is left to do."""


def environment(plan):
    return {
        "CLUSTER_REDIS_NODES": ",".join(f"127.0.0.1:{plan.reach(node.name)}" for node in plan.nodes_of("redis")),
        "CLUSTER_REDIS_USER": "windfall",
        "CLUSTER_REDIS_PASSWORD": plan.secrets["redis_windfall"],
        "CLUSTER_REDIS_OPERATOR": "operator",
        "CLUSTER_REDIS_OPERATOR_PASSWORD": plan.secrets["redis_operator"],
    }
