"""Goal 8: ten times the load. Peak is what 128 connections reach; then ten times that rate is due, on ten times the connections, and a
request that finds none free is given up. Refusals must be quick and few enough that goodput stays at its peak."""

import servers

OVERLOAD = 10


def measure(bench):
    windfall = servers.Windfall(bench, "windfall-overload")
    windfall.create("overload")
    windfall.fill("overload", 20_000, "warm-")
    bench.wait_for_quiet()
    peak = _accepted(windfall.drive("overload", "--seconds", bench.options.seconds, "--rate", 0, "--user-prefix", "peak-"))
    bench.wait_for_quiet()
    report = windfall.drive(
        "overload", "--seconds", bench.options.seconds, "--user-prefix", "over-", "--drop",
        "--connections", 128 * OVERLOAD, "--rate", OVERLOAD * peak,
    )  # fmt: skip
    windfall.process.stop()
    refused = [answer for answer in report["answers"] if answer["status"] in (429, 503)]
    admitted = [answer for answer in report["answers"] if answer["status"] == 201]
    lost = sum(answer["count"] for answer in report["answers"] if answer["status"] == 0)
    bench.facts["overload: peak, participations/s"] = peak
    bench.facts["overload: sent/s"] = report["sent"] / report["seconds"]
    bench.facts["overload: refused"] = sum(answer["count"] for answer in refused)
    bench.facts["overload: cut without an answer"] = lost
    bench.ask(8, "goodput at 10x / peak", _accepted(report) / peak, ">=", 0.9)
    bench.ask(8, "p99 of admitted at 10x, ms", _worst_p99(admitted), "<=", 100.0)
    if refused:
        bench.ask(8, "p99 of refusals at 10x, ms", _worst_p99(refused), "<=", 5.0)


def _accepted(report):
    return sum(answer["count"] for answer in report["answers"] if answer["status"] == 201) / report["seconds"]


def _worst_p99(answers):
    return max((answer["p99Us"] for answer in answers), default=0) / 1e3 if answers else None
