"""Goal 3: the two reads of a landing page, held count and promotion list, beside the peer's and beside Windfall's own hello."""

from lib import ratio
from subjects import HELD, LIST, OWN_HELLO, PEER_HELD, PEER_LIST, sampled


def measure(bench):
    own, listed, held, peer_listed, peer_held = sampled(bench, OWN_HELLO, LIST, HELD, PEER_LIST, PEER_HELD)
    for what, mine, theirs in (("promotion list", listed, peer_listed), ("held count", held, peer_held)):
        bench.ask(3, f"{what}, CPU, Windfall / peer", ratio(mine, theirs, "cpu_us"), "<=", 1 / 6)
        bench.ask(3, f"{what}, CPU / own hello", ratio(mine, own, "cpu_us"), "<=", 1.25)
