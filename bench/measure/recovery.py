"""Goal 5: how fast a killed server is back. Participations are filled in, the server is killed -9, and the clock runs from its new start to
the first right answer about the promotion; an empty server's start is taken off for the rate."""

import time

import servers
from lib import Void


def measure(bench):
    users = bench.options.users
    empty = _empty_start(bench)
    windfall = servers.Windfall(bench, "windfall-recovery")
    windfall.create("recovery")
    report = windfall.fill("recovery", users)
    bench.facts["filling, participations/s"] = users / report["seconds"]
    windfall.process.kill()
    took = _start_until_answer(windfall, users)
    windfall.process.stop()
    bench.facts["first answer of an empty server, s"] = empty
    bench.facts[f"first answer after kill -9 with {users:,} participations, s"] = took
    bench.ask(5, "recovery, million participations/s", users / max(took - empty, 1e-3) / 1e6, ">=", 3.0)
    if users >= 10_000_000:
        bench.ask(5, "first answer after a kill, s", took, "<=", 5.0)


def _empty_start(bench):
    windfall = servers.Windfall(bench, "windfall-empty")
    windfall.create("recovery")
    windfall.process.kill()
    took = _start_until_answer(windfall, 0)
    windfall.process.stop()
    return took


def _start_until_answer(windfall, joined):
    """Seconds from exec to an answer that shows all participations."""
    start = time.monotonic()
    windfall.start()
    promotion = windfall.promotion("recovery")
    took = time.monotonic() - start
    missing = joined - (promotion["limitJoinCount"] - promotion["leftJoinCount"])
    if missing != 0:
        raise Void(f"{missing} participations are missing after recovery")
    return took
