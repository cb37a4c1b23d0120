"""What a lottery costs beside a hello: a durable visit, the durable open of an invite, and a durable draw."""

from lib import ratio
from subjects import DRAW, OPEN, OWN_HELLO, VISIT, sampled


def measure(bench):
    own, visit, opened, draw = sampled(bench, OWN_HELLO, VISIT, OPEN, DRAW)
    bench.ask("draw", "durable draw, CPU / own hello", ratio(draw, own, "cpu_us"), "<=", 1.6)
    bench.ask("visit", "durable visit, CPU / own hello", ratio(visit, own, "cpu_us"), "<=", 1.6)
    bench.ask("open", "durable open, CPU / own hello", ratio(opened, own, "cpu_us"), "<=", 1.6)
