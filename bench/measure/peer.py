"""Goal 2: a durable participation beside the same at the peer (whose Redis syncs once a second, so it promises less)."""

from lib import Void, call, ratio
from subjects import JOIN, PEER_HELLO, PEER_JOIN, sampled


def measure(bench):
    join, peer, _ = sampled(bench, JOIN, PEER_JOIN, PEER_HELLO)
    if peer is not None:
        bench.facts["peer, resident MB after the load"] = bench.servers["peer"].resident_bytes() / 1e6
        _check_accruals(bench)
    bench.ask(2, "own CPU, Windfall / peer", ratio(join, peer, "cpu_us"), "<=", 1 / 6)
    bench.ask(2, "CPU of all processes, Windfall / peer", ratio(join, peer, "all_cpu_us"), "<=", 1 / 8)
    bench.ask(2, "requests/s, Windfall / peer", ratio(join, peer, "per_second"), ">=", 6)
    bench.ask(2, "p99, Windfall / peer", ratio(join, peer, "p99_ms"), "<=", 1 / 6)


def _check_accruals(bench):
    _, stats = call("GET", f"http://127.0.0.1:{bench.servers['peer'].port}/stats")
    if stats["accrualsFailed"]:
        raise Void(f"{stats['accrualsFailed']} accruals of the peer did not reach Kafka")
