"""Goal 4: bytes per participant beside Redis with one set per user and promotion, the cost of a decision, and the longest pause of a commit
while the table grows. The hot state is measured alone (windfall_state_bench) and as growth of the whole server's resident memory."""

import itertools
import json
import subprocess

import servers
from lib import Unavailable, Void

SETTLE_USERS = 10_000  # joined before the first look at memory, so that what is made once is not charged to participants


def measure(bench):
    users = bench.options.users
    per_key = _redis_bytes(bench, users)
    bench.facts[f"Redis, bytes per participant at {users:,}"] = per_key
    state = _state_bench(bench, users)
    for name, value in state.items():
        bench.facts[f"hot state at {users:,}, {name}"] = value
    bench.ask(4, "hot state / Redis, bytes per participant", state["slot_bytes"] / per_key, "<=", 1 / 7)
    bench.ask(4, "longest commit while growing, us", state["longest_us"], "<=", 1000.0)
    bench.ask(4, "decision, ns", state["first_day_ns"], "<=", 350.0)
    bench.ask(4, "commit with command kept, ns", state["keyed_ns"], "<=", 700.0)
    try:
        grown = _server_bytes(bench, users)
    except (Unavailable, Void) as missing:
        bench.unmeasured["resident memory of the server"] = str(missing)
    else:
        bench.facts[f"windfall, resident bytes per participant at {users:,}"] = grown
        bench.ask(4, "resident memory of the server / Redis, per participant", grown / per_key, "<=", 1 / 7)


def _redis_bytes(bench, users):
    redis = servers.redis(bench, "redis-memory", durable=False)
    cli = ["redis-cli", "-p", str(redis.port)]
    before = _used_memory(cli)
    pipe = subprocess.Popen([*cli, "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    numbers = iter(range(users))
    while batch := list(itertools.islice(numbers, 20_000)):
        pipe.stdin.write(b"".join(_sadd(number) for number in batch))
    pipe.stdin.close()
    if pipe.wait() != 0:
        raise Void("redis-cli --pipe failed")
    used = _used_memory(cli) - before
    redis.stop()
    return used / users


def _sadd(number):
    key = b"advUser:promoId:1userId%d" % number
    return b"*3\r\n$4\r\nSADD\r\n$%d\r\n%s\r\n$10\r\n2025-06-20\r\n" % (len(key), key)


def _used_memory(cli):
    info = subprocess.run([*cli, "info", "memory"], capture_output=True, text=True, check=True).stdout
    return int(next(line for line in info.splitlines() if line.startswith("used_memory:")).split(":")[1])


def _state_bench(bench, users):
    binary = bench.binary("bench/windfall_state_bench", "run bench/build")
    bench.wait_for_quiet()
    done = subprocess.run([binary, "-o", "json", str(users)], capture_output=True, text=True, check=True)
    (figures,) = json.loads(done.stdout)
    del figures["users"]
    return figures


def _server_bytes(bench, users):
    windfall = servers.Windfall(bench, "windfall-memory")
    windfall.create("memory")
    windfall.fill("memory", SETTLE_USERS, "settle-")
    before = windfall.process.resident_bytes()
    windfall.fill("memory", users)
    grown = windfall.process.resident_bytes() - before
    windfall.process.stop()
    return grown / users
