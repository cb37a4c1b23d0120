"""Participations against the number of Redis masters: the same six promotions, which lie evenly on one, two, three and six masters without replicas,
joined through one API process, and through more. A cluster is started for each number; Kafka is one broker for all. No goal: all of it runs on the same
few cores, where requests a second would show the cores, not the masters. What can be shown is what each participation costs the process that there is
only one of, the busiest master. That depends on how many participations come in one call of the script, so the load is once that of a figure for
one promotion, and once six times as many connections; a promotion alone stands beside both."""

import binascii
import re
import statistics
import urllib.request

import servers
from lib import CONNECTIONS, Subject

MASTERS = (1, 2, 3, 6)
PROMOTIONS = max(MASTERS)
PROCESSES = (2, 4)  # on the most masters, beside one on each number of them
COUNTED = {"calls": "windfall_redis_decisions_total", "proposals": "windfall_redis_proposals_total", "published": "windfall_relay_published_total"}
NOTE = """\
Participations decided by the busiest master of all; in a call of the script, on average; messages to Kafka for each. Busiest process: cores it used.
Ceiling: participations a second at which the one thread of the busiest master is full, by its CPU alone; waiting for the disk comes on top.
Requests/s cannot show how it scales here: API processes, masters, Kafka and the load generator share the same cores. What carries over is CPU."""


def measure(bench):
    one = [_subject(masters=1, promotions=1)]
    one += [_subject(masters, connections=connections) for connections in (CONNECTIONS, CONNECTIONS * PROMOTIONS) for masters in MASTERS]
    more = [[_subject(PROMOTIONS, connections=CONNECTIONS * PROMOTIONS, processes=processes)] for processes in PROCESSES]
    rows = []
    # In this order: a further process is part of its installation from when it is started.
    for subjects in (one, *more):
        rows += [_row(figures) for figures in bench.sample(dict(subjects)) if figures is not None]
    if rows:
        bench.tables.append(("CPU us per participation", rows, NOTE))


def promotions_by_slot():
    """Ids of promotions, one in each of equal parts of the slots: wherever the masters' shares end, each has as many."""
    found = {}
    for i in range(1000):
        name = f"bench-{i}"
        slot = binascii.crc_hqx(name.encode(), 0) % servers.SLOTS  # an id is the hash tag of all keys of its promotion
        found.setdefault(slot * PROMOTIONS // servers.SLOTS, name)
    return [found[part] for part in range(PROMOTIONS)]


def _subject(masters, promotions=PROMOTIONS, connections=CONNECTIONS, processes=1):
    name = f"{promotions} on {masters} master{'s' * (masters != 1)}, {connections} connections" + f", {processes} API" * (processes > 1)
    return name, lambda bench: _make(bench, name, masters, promotions, connections, processes)


def _make(bench, name, masters, promotions, connections, processes):
    every = promotions_by_slot()
    first = servers.windfall_on_masters(bench, masters, every)
    every_process = [first, *(servers.another_of(bench, first, number) for number in range(2, processes + 1))]
    nodes = servers.redis_masters(bench, masters)
    env = {
        "BENCH_KEY": first.gateway_key,
        "BENCH_PORTS": ",".join(str(process.process.port) for process in every_process),
        "BENCH_PROMOTIONS": ",".join(every[:promotions]),
    }

    def counters():
        counted = {f"at {node.name}": 0 for node in nodes}
        for i, promotion in enumerate(every):
            counted[f"at {nodes[i * masters // PROMOTIONS].name}"] += servers.DISTRIBUTED_STOCK - first.promotion(promotion)["leftJoinCount"]
        counted.update(dict.fromkeys(COUNTED, 0))
        for process in every_process:
            text = _metrics(process)
            for what, metric in COUNTED.items():
                counted[what] += int(re.search(rf"^{metric} (\d+)$", text, re.MULTILINE)[1])
        return counted

    more = [process.process for process in every_process[1:]]
    behind = [*nodes, *servers.cluster(bench).of("kafka")]
    return Subject(name, first.process, "promotions.lua", "/", env, behind, more, counters, connections)


def _metrics(process):
    with urllib.request.urlopen(urllib.request.Request(f"{process.url}/metrics", headers=process.as_admin()), timeout=10) as answer:
        return answer.read().decode()


def _row(figures):
    rows = [_of_sample(sample) for sample in figures.samples]
    return {"what": figures.name, **{column: statistics.median(row[column] for row in rows) for column in rows[0]}}


def _of_sample(sample):
    decided = [count for name, count in sample.counted.items() if name.startswith("at ")]
    # More than were answered: the load generator hangs up on the last ones.
    answered = sample.requests / sum(decided)
    masters = [used for name, used in sample.behind_us.items() if name.startswith("redis")]
    return {
        "API": sample.cpu_us * answered,
        "all masters": sum(masters) * answered,
        "busiest": max(masters) * answered,
        "Kafka": sample.behind_us["kafka"] * answered,
        "all": sample.all_cpu_us * answered,
        "of it decided": max(decided) / sum(decided),
        "a call": sample.counted["proposals"] / sample.counted["calls"],
        "published": sample.counted["published"] / sum(decided),
        "ceiling/s": 1e6 / (max(masters) * answered),
        "requests/s": sample.per_second,
        "busiest process": max(sample.busy, *(used * sample.per_second / 1e6 for used in sample.behind_us.values())),
    }
