"""Goal 1: what a durable participation costs beside a hello: Windfall's own and the hand loop's."""

from lib import ratio
from subjects import HAND_HELLO, JOIN, OWN_HELLO, sampled


def measure(bench):
    hand, own, join = sampled(bench, HAND_HELLO, OWN_HELLO, JOIN)
    bench.ask(1, "durable participate, CPU / own hello", ratio(join, own, "cpu_us"), "<=", 1.6)
    bench.ask(1, "durable participate, CPU / hand hello", ratio(join, hand, "cpu_us"), "<=", 2.3)
