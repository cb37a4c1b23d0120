"""The programs of a cluster, one module each: how a node is prepared, run, asked whether it is well, and completed once it runs."""

import dataclasses
import signal


@dataclasses.dataclass(frozen=True)
class Process:
    """How a node is run."""

    argv: list
    folder: str  # where it runs; always inside the cluster's folder
    env: dict = dataclasses.field(default_factory=dict)
    user: str = ""  # another user than ours, for servers that refuse to run as root
    ending: int = signal.SIGTERM  # asks it to stop in order


@dataclasses.dataclass(frozen=True)
class Health:
    well: bool
    text: str
    details: dict = dataclasses.field(default_factory=dict)


def process_of(plan, node):
    return behind(node).process(plan, node)


def health_of(plan, node):
    return behind(node).health(plan, node)


def behind(node):
    from local_cluster.parts import network

    return network if node.role == "network" else module_of(node.part)


def module_of(part):
    from local_cluster.parts import ferretdb, kafka, postgres, redis, sandbox, windfall

    return {"redis": redis, "kafka": kafka, "postgres": postgres, "ferretdb": ferretdb, "sandbox": sandbox, "windfall": windfall}[part]
