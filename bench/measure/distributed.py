"""Goal 6: a participation that Redis decides and Kafka carries, beside the same at the peer, on the same Redis and Kafka in one run. Both wait for
the same synced append-only file; Windfall's outbox is relayed by the process that answers. What only Windfall does afterwards, its ledger in PostgreSQL,
waits in Kafka meanwhile and prints its own CPU per event. A cluster of three masters with a replica each is measured as well, without a goal: the peer
knows no cluster."""

import time

import servers
from lib import Void, call, ratio
from subjects import BESIDE, BESIDE_PEER, SPREAD, sampled

LOOK_SECONDS = 0.5  # each look is work for the listener, too
LEDGER_SECONDS = 120  # most that is given to the ledger to catch up


def measure(bench):
    ours, peer, spread = sampled(bench, BESIDE, BESIDE_PEER, SPREAD)
    for figures in (ours, peer, spread):
        if figures is not None:
            for what in ("redis", "kafka"):
                bench.facts[f"{figures.name}, CPU us of {what} per participation"] = figures.behind(what)
    if peer is not None:
        _check_accruals(bench)
    bench.ask(6, "distributed: own CPU, Windfall / peer", ratio(ours, peer, "cpu_us"), "<=", 1 / 4)
    bench.ask(6, "distributed: CPU of all processes, Windfall / peer", ratio(ours, peer, "all_cpu_us"), "<=", 1 / 2.5)
    for what, field in (("requests/s", "per_second"), ("p50", "p50_ms"), ("p99", "p99_ms")):
        bench.facts[f"distributed: {what}, Windfall / peer"] = ratio(ours, peer, field)
    if ours is not None:
        _ledger(bench)


def _check_accruals(bench):
    _, stats = call("GET", f"http://127.0.0.1:{bench.servers['peer-beside'].port}/stats")
    if stats["accrualsFailed"]:
        raise Void(f"{stats['accrualsFailed']} accruals of the peer did not reach Kafka")


def _ledger(bench):
    """A listener reads everything that the samples have left in Kafka."""
    first = bench.servers["windfall-beside"]
    # The postmaster's own time holds that of the sessions which have ended.
    postmaster = servers.cluster(bench).of("postgres")[0]
    before = postmaster.cpu_seconds()
    listener = servers.Distributed(bench, "windfall-listener", first.over, roles="listener", like=first)
    events = _joins(first)
    end = time.monotonic() + LEDGER_SECONDS
    while _in_ledger(listener) < events:
        if time.monotonic() > end:
            raise Void(f"the ledger had {_in_ledger(listener)} of {events} participations after {LEDGER_SECONDS} s")
        time.sleep(LOOK_SECONDS)
    bench.facts["listener, CPU us per event"] = listener.process.cpu_seconds() * 1e6 / events
    listener.process.stop()
    bench.facts["PostgreSQL, CPU us per event of the listener"] = (postmaster.cpu_seconds() - before) * 1e6 / events


def _joins(windfall):
    promotion = windfall.promotion("bench")
    return promotion["limitJoinCount"] - promotion["leftJoinCount"]


def _in_ledger(windfall):
    """Of the reconciliation, which has no answer while the ledger is far behind."""
    status, answer = call("GET", f"{windfall.url}/v1/admin/reconciliation?promotionId=bench", None, windfall.as_admin())
    if status == 503:
        return 0
    if status != 200:
        raise Void(f"the reconciliation was answered {status}: {answer}")
    return answer["promotions"][0]["joins"]["ledger"]
