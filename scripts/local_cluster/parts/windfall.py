"""Windfall's own processes, by role, over whatever else the cluster has."""

import http.client
import json
import subprocess

from local_cluster.parts import Health, Process
from local_cluster.plan import REDIS_MASTERS, REDIS_NODES, Trouble, write_whole

NEEDS = ("redis", "kafka", "postgres")
START_SECONDS = 60
# Of each topic: both listeners have some of them, and one broker does not keep a hundred files open.
PARTITIONS = 4
# To each Redis master: a second one carries what the first has no room for; the site's number is for sites.
REDIS_CONNECTIONS = 2
SECRETS = {
    "WINDFALL_ADMIN_KEY": "admin_key",
    "WINDFALL_GATEWAY_KEY": "gateway_key",
    "WINDFALL_PARTNER_SECRET": "partner_secret",
    "WINDFALL_REDIS_PASSWORD": "redis_windfall",
    "WINDFALL_POSTGRES_PASSWORD": "postgres_windfall",
}

# What commands about the whole installation need; keys of callers would only be taken for a server's of somebody else.
OPERATORS = ("WINDFALL_PARTNER_SECRET", "WINDFALL_REDIS_PASSWORD", "WINDFALL_POSTGRES_PASSWORD")


def prepare(plan):
    for node in plan.nodes_of("windfall"):
        data = plan.place(node.name) / "data"
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Every process names a user by the same hash; whoever has another key is refused by Redis's copy of its fingerprint.
        write_whole(data / "user-hash.key", plan.secrets["user_hash_key"] + "\n")
    write_whole(plan.folder / "windfall.toml", configuration(plan))
    # One broker has nobody to replicate to.
    command = [
        plan.windfall["binary"], "topics", "apply", "--brokers", f"127.0.0.1:{plan.reach('kafka')}",
        "--replication-factor", "1", "--min-insync-replicas", "1", "--partitions", str(PARTITIONS),
    ]  # fmt: skip
    with open(plan.log("topics"), "ab") as talk:
        if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=talk, stderr=talk, check=False).returncode != 0:
            raise Trouble(f"Kafka's topics could not be made: see {plan.log('topics')}")


def configuration(plan):
    """What every process reads; what differs between them are flags, and secrets come by environment."""
    tables = {
        # Keys are made by the first process that starts. Servers have data of their own by flag; an operator's command reads the user key there.
        "server": {"mode": "distributed", "master_keys": str(plan.folder / "windfall.keys"), "data": str(plan.place("batch-1") / "data")},
        "redis": {
            "nodes": ",".join(f"127.0.0.1:{plan.reach(node.name)}" for node in plan.nodes_of("redis")),
            "replicas": REDIS_NODES // REDIS_MASTERS - 1,
            "connections": REDIS_CONNECTIONS,
            "user": "windfall",
        },
        "kafka": {"brokers": f"127.0.0.1:{plan.reach('kafka')}", "prefix": ""},
        "postgres": {"url": f"postgresql://windfall@127.0.0.1:{plan.reach('postgres')}/windfall"},
    }
    if plan.ledger == "mongodb":
        tables["server"]["ledger"] = "mongodb"
        tables["mongodb"] = {"uri": f"mongodb://127.0.0.1:{plan.node('ferretdb').port}/windfall"}
    if "sandbox" in plan.parts:
        tables["partner"] = {"url": f"http://127.0.0.1:{plan.node('sandbox').port}"}
    # Strings and integers are written in TOML as in JSON.
    return "\n".join(f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items()) for name, table in tables.items())


def process(plan, node):
    folder = plan.place(node.name)
    argv = [
        plan.windfall["binary"], "serve", "--config", str(plan.folder / "windfall.toml"), "--roles", node.role,
        "--listen", f"127.0.0.1:{node.port}", "--data", str(folder / "data"),
    ]  # fmt: skip
    if plan.windfall["dev"]:
        argv.append("--dev")
    return Process(argv, str(folder), {variable: plan.secrets[secret] for variable, secret in SECRETS.items()})


def health(_, node):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=3)
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
        connection.close()
    except (OSError, http.client.HTTPException) as problem:
        return Health(False, f"no answer: {problem}")
    return Health(status == 200, "ready" if status == 200 else f"not ready: {status}", {"readyz": status})


def complete(plan):
    """Nothing is left to do."""


def environment(plan):
    return {
        "CLUSTER_API_URLS": ",".join(f"http://127.0.0.1:{node.port}" for node in plan.nodes_of("windfall") if node.role == "api"),
        "CLUSTER_USER_HASH_KEY": plan.secrets["user_hash_key"],
        "CLUSTER_ADMIN_KEY": plan.secrets["admin_key"],
        "CLUSTER_GATEWAY_KEY": plan.secrets["gateway_key"],
        "CLUSTER_CONFIG": str(plan.folder / "windfall.toml"),
        # Of Windfall's own: fsck, rebuild and recover read the configuration, and secrets are not in it.
        **{variable: plan.secrets[secret] for variable, secret in SECRETS.items() if variable in OPERATORS},
    }
