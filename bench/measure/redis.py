"""Goal 6, what Redis has of it: CPU of the server per participation in calls of one to sixty-four, and memory per participant, beside the script and
the keys of a service that keeps one set of dates per user and promotion. Joins are decided by the product's script through its own codecs, with outbox,
command to repeat, header and clock; the other script comes unpipelined by EVALSHA from as many clients. Both servers sync at every turn."""

import statistics
import subprocess

import servers
from lib import CONNECTIONS, Void
from measure.memory import _redis_bytes, _used_memory

CALLS_UNDER_WAY = 16  # connections for commits to one node
BATCHES = [1, 8, 16, 64]
SAMPLE = 40_000  # participations
SETTLE = 100_000  # joined before the first sample
BATCH_OF_GOAL = 16
USERS_OF_OTHER = 1_000_000_000  # drawn at random: hardly any comes twice

# Stock, rules, today's entry; then both are written. No rule here, as in the promotion beside it.
OTHER_SCRIPT = """
local stock = tonumber(redis.call('get', KEYS[1]))
if not stock or stock == 0 then return -1 end
for _, rule in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local first = string.find(rule, ':')
  local second = string.find(rule, ':', first + 1)
  local kind, value = string.sub(rule, first + 1, second - 1), string.sub(rule, second + 1)
  if kind == 'N_DUP_LIMIT' and redis.call('SCARD', KEYS[3]) == tonumber(value) then return -2 end
end
if redis.call('SISMEMBER', KEYS[3], ARGV[1]) == 1 then return -3 end
redis.call('SADD', KEYS[3], ARGV[1])
redis.call('DECRBY', KEYS[1], 1)
return 0
"""


def measure(bench):
    binary = bench.binary("bench/windfall_redis_bench", "run bench/build")
    _cpu(bench, binary)
    users = bench.options.users
    per_key = _redis_bytes(bench, users)
    ours = _bytes(bench, binary, users)
    bench.facts[f"Redis with sets of dates, bytes per participant at {users:,}"] = per_key
    bench.facts[f"Redis with the product's layout, bytes per participant at {users:,}"] = ours
    bench.ask(6, "Redis memory, product / sets of dates, per participant", ours / per_key, "<=", 1 / 8)


def _cpu(bench, binary):
    ours = _server(bench, "redis-ours")
    other = _server(bench, "redis-other")
    _run(binary, ours, "open", SAMPLE * len(BATCHES) * (bench.options.repeat + 1) + SETTLE)
    _run(binary, ours, "join", 0, SETTLE, 64, CALLS_UNDER_WAY, "keyed")
    sha = _cli(other, "script", "load", OTHER_SCRIPT)
    _cli(other, "set", "stock", 10**12)
    _evalsha(other, sha, SETTLE)
    first = SETTLE
    taken = {name: [] for name in [*BATCHES, "other", "drain"]}
    for _ in range(bench.options.repeat):
        bench.wait_for_quiet()
        for batch in BATCHES:
            taken[batch].append(_spent(ours, lambda: _run(binary, ours, "join", first, SAMPLE, batch, CALLS_UNDER_WAY, "keyed")))
            first += SAMPLE
        taken["drain"].append(_spent(ours, lambda: _run(binary, ours, "drain")) / len(BATCHES))
        taken["other"].append(_spent(other, lambda: _evalsha(other, sha, SAMPLE)))
    figures = {name: statistics.median(values) for name, values in taken.items()}
    bench.facts["Redis CPU, script of sets of dates by EVALSHA, us per participation"] = figures["other"]
    for batch in BATCHES:
        bench.facts[f"Redis CPU, product's script, {batch} a call, us per participation"] = figures[batch]
        bench.facts[f"Redis CPU, product / sets of dates, {batch} a call"] = figures[batch] / figures["other"]
    bench.facts["Redis CPU, reading and trimming the outbox, us per event"] = figures["drain"]
    bench.ask(6, f"Redis CPU, product / sets of dates, {BATCH_OF_GOAL} a call", figures[BATCH_OF_GOAL] / figures["other"], "<=", 0.7)
    joined = int(_cli(other, "dbsize")) - 1
    if joined < 0.99 * (SETTLE + SAMPLE * bench.options.repeat):
        raise Void(f"the other script accepted {joined} only")
    for server in (ours, other):
        server.stop()


def _bytes(bench, binary, users):
    redis = servers.redis(bench, "redis-layout", durable=False)
    cli = ["redis-cli", "-p", str(redis.port)]
    _run(binary, redis, "open", users)
    before = _used_memory(cli)
    step = min(users, SETTLE)
    for first in range(0, users, step):
        _run(binary, redis, "join", first, min(step, users - first), 64, 1, "plain")
        _run(binary, redis, "drain")
    used = _used_memory(cli) - before
    redis.stop()
    return used / users


def _server(bench, name):
    redis = servers.redis(bench, name)
    _cli(redis, "config", "set", "appendfsync", "always")
    _cli(redis, "config", "set", "auto-aof-rewrite-percentage", "0")  # its child's work is not the script's
    return redis


def _run(binary, redis, *words):
    done = subprocess.run([str(binary), str(redis.port), *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Void(done.stderr.strip())
    return done.stdout


def _cli(redis, *words):
    command = ["redis-cli", "-p", str(redis.port), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _evalsha(redis, sha, count):
    keys = ["3", "stock", "rules", "advUser:promoId:1userId__rand_int__", "2025-06-20"]
    load = ["redis-benchmark", "-p", str(redis.port), "-c", str(CONNECTIONS), "-n", str(count), "-r", str(USERS_OF_OTHER), "--csv"]
    subprocess.run([*load, "evalsha", sha, *keys], capture_output=True, check=True)


def _spent(redis, work):
    """CPU time of the server per participation of a sample, in microseconds."""
    before = redis.cpu_seconds()
    work()
    return (redis.cpu_seconds() - before) / SAMPLE * 1e6
