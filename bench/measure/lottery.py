"""What a lottery costs beside a hello: a durable visit, a durable draw, and the held count of somebody who draws."""

from lib import ratio
from subjects import DRAW, OWN_HELLO, VISIT, sampled


def measure(bench):
    own, visit, draw = sampled(bench, OWN_HELLO, VISIT, DRAW)
    bench.ask("draw", "durable draw, CPU / own hello", ratio(draw, own, "cpu_us"), "<=", 1.6)
    bench.ask("visit", "durable visit, CPU / own hello", ratio(visit, own, "cpu_us"), "<=", 1.6)
