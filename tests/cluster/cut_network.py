"""A network of the test's own, in which Redis nodes can be cut off from each other while everybody else still reaches them.

Everything listens on 127.0.0.1, so by address nobody can be told apart; but a node of scripts/cluster speaks to the others from an address of its own,
and rules of routing, in a network namespace that only the test and what it starts are in, drop what goes between two of them. Silently, as a broken
switch does: what was connected stays so, and nothing arrives. It takes the rights of root.
"""

import contextlib
import os
import subprocess
import sys

from local_cluster.parts import redis

INSIDE = "WINDFALL_TEST_NETWORK"
# Rules about local addresses come first and are final, unless they are moved behind ours.
FIRST, LOCAL = 10, 100
# A link whose other end takes nothing, and a table that sends everything there. What a route forbids ("blackhole") is refused at once instead, and
# Redis then connects from another address. The link has no address of its own: with one of IPv6 alone, getaddrinfo() takes 127.0.0.1 for a family
# that there is not.
NOWHERE = 50
SET_UP = f"""
ip link set lo up
ip link add nowhere type veth peer name nobody
ip link set nowhere arp off addrgenmode none up
ip link set nobody arp off addrgenmode none up
echo 1 > /proc/sys/net/ipv4/conf/nowhere/route_localnet
ip route add default dev nowhere table {NOWHERE}
ip rule add pref {LOCAL} lookup local
ip rule del pref 0
"""
SECONDS = 30


def inside():
    return INSIDE in os.environ


def enter():
    """Starts this program anew in such a network, if that is allowed; else it goes on as it is."""
    own = ["unshare", "--net", "sh", "-ec", f'{SET_UP}exec "$@"', "sh"]
    if inside() or subprocess.run([*own, "true"], capture_output=True, check=False, timeout=SECONDS).returncode != 0:
        return
    os.execvpe(own[0], [*own, sys.executable, *sys.orig_argv[1:]], {**os.environ, INSIDE: "1"})


def rules(plan, names):
    """What keeps each of these from each of the others: the way there and the way back, of whatever either has begun."""
    others = [node.name for node in plan.nodes_of("redis") if node.name not in names]
    for one in names:
        for other in others:
            for speaker, listener in ((one, other), (other, one)):
                for port in (plan.ports[f"{listener}/bus"], plan.reach(listener)):
                    yield f"pref {FIRST} from {redis.speaks_from(speaker)} ipproto tcp dport {port} lookup {NOWHERE}"
                    yield f"pref {FIRST} to {redis.speaks_from(speaker)} ipproto tcp sport {port} lookup {NOWHERE}"


@contextlib.contextmanager
def cut_off(plan, names):
    """These Redis nodes and all others hear nothing of each other; among themselves they do, and clients reach all."""
    chosen = list(rules(plan, names))
    try:
        change("add", chosen)
        yield
    finally:
        change("del", chosen)


def change(how, chosen):
    """Goes on after a failure, so that nothing is left behind, and then fails."""
    lines = "".join(f"rule {how} {rule}\n" for rule in chosen)
    subprocess.run(["ip", "-force", "-batch", "-"], input=lines, text=True, check=True, timeout=SECONDS, capture_output=True)
