"""What HTTP itself costs: a hand-written epoll loop, Boost.Beast, and Windfall's own GET /livez. The base of goals 1 and 3."""

from lib import ratio
from subjects import BEAST_HELLO, HAND_HELLO, OWN_HELLO, sampled


def measure(bench):
    hand, beast, own = sampled(bench, HAND_HELLO, BEAST_HELLO, OWN_HELLO)
    for name, figures in ((BEAST_HELLO, beast), (OWN_HELLO, own)):
        multiple = ratio(figures, hand, "cpu_us")
        if multiple is not None:
            bench.facts[f"{name}, CPU as a multiple of the hand loop"] = multiple
