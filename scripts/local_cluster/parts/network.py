"""A fault proxy in front of a server: what the others say to it passes here, and can be delayed, stalled and cut (`scripts/cluster net`)."""

import socket
import sys

from local_cluster.parts import Health, Process
from local_cluster.plan import ROOT, Trouble

PROXY = ROOT / "tests/cluster/fault_proxy.py"


def server_of(node):
    return node.name.removesuffix("-net")


def process(plan, node):
    server = server_of(node)
    argv = [
        sys.executable, "-B", str(PROXY), "--to", f"127.0.0.1:{plan.ports[server]}", "--listen", str(node.port),
        "--control", str(plan.ports[f"{server}/control"]),
    ]  # fmt: skip
    return Process(argv, str(plan.place(server)))


def health(plan, node):
    try:
        return Health(True, tell(plan, server_of(node), "status"))
    except (OSError, Trouble) as problem:
        return Health(False, f"no answer: {problem}")


def tell(plan, server, line):
    """What the proxy of a server answers to a line."""
    if f"{server}/control" not in plan.ports:
        raise Trouble(f"{server} has no proxy; start a cluster with: scripts/cluster up --proxied --data DIR")
    with socket.create_connection(("127.0.0.1", plan.ports[f"{server}/control"]), timeout=5) as control, control.makefile("rw") as lines:
        lines.write(line + "\n")
        lines.flush()
        answer = lines.readline().strip()
    if not answer.startswith("ok"):
        raise Trouble(f"the proxy of {server}: {answer}")
    return answer.removeprefix("ok").strip()
