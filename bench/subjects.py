"""Everything that can be put under load, by name: which route of which server, with which wrk script."""

import servers
from lib import Subject, Void

HAND_HELLO = "hand hello"
BEAST_HELLO = "beast hello"
OWN_HELLO = "windfall hello"
JOIN = "windfall participate"
LIST = "windfall promotion list"
HELD = "windfall held count"
VISIT = "windfall visit"
OPEN = "windfall open"
DRAW = "windfall draw"
PEER_HELLO = "peer hello"
PEER_JOIN = "peer participate"
PEER_LIST = "peer promotion list"
PEER_HELD = "peer held count"
BESIDE = "windfall distributed"
BESIDE_PEER = "peer, the same Redis"
SPREAD = "windfall on a cluster"


def hand_hello(bench):
    return Subject(HAND_HELLO, servers.hand_hello(bench), "get.lua", "/")


def beast_hello(bench):
    return Subject(BEAST_HELLO, servers.beast_hello(bench), "get.lua", "/")


def own_hello(bench):
    return Subject(OWN_HELLO, servers.windfall(bench).process, "get.lua", "/livez")


def join(bench):
    windfall = servers.windfall(bench)
    path = windfall.joins_path("bench")
    return Subject(JOIN, windfall.process, "participate.lua", path, {"BENCH_KEY": windfall.gateway_key})


def promotion_list(bench):
    return Subject(LIST, servers.windfall(bench).process, "get.lua", "/v1/promotions")


def held(bench):
    windfall = servers.windfall(bench)
    lottery = {
        "grants": [{"cause": "VISIT", "tickets": 1}],
        "prizes": [{"prizeId": "coffee", "name": "coffee", "kind": "POINTS", "value": 100, "count": 1000}],
    }
    try:
        windfall.create("lottery", stock=None, rewardAmount=None, joinTypes=[], lottery=lottery)
    except Void as refused:
        raise Void(f"a held count needs a promotion that grants tickets; {refused}") from refused
    path = "/v1/promotions/lottery/tickets"
    return Subject(HELD, windfall.process, "held.lua", path, {"BENCH_KEY": windfall.gateway_key})


# Friends come by the links of many, as they do; nobody's cap is met within a run.
INVITERS = 1_000
OPENS_PER_INVITER = 10_000
# Some draws each: what a draw reads of its user's earlier ones is part of its price, and real people have few.
DRAWING_USERS = 60_000


def _dice(bench):
    """A lottery whose prizes nobody uses up within a run."""
    windfall = servers.windfall(bench)
    lottery = {
        "grants": [{"cause": "VISIT", "tickets": 1000}, {"cause": "INVITE", "inviterTickets": 1, "friendTickets": 1, "inviterLimitPerDay": OPENS_PER_INVITER}],
        "maxWinsPerUser": 1000, "expectedDrawsPerDay": 100_000_000,
        "winRatePermille": {"min": 1, "max": 2},
        "prizes": [{"prizeId": "coffee", "name": "coffee", "kind": "POINTS", "value": 100, "count": 1_000_000}],
    }  # fmt: skip
    windfall.create_once("dice", stock=None, rewardAmount=None, joinTypes=[], lottery=lottery)
    return windfall


def visit(bench):
    windfall = _dice(bench)
    return Subject(VISIT, windfall.process, "participate.lua", "/v1/promotions/dice/visits", {"BENCH_KEY": windfall.gateway_key})


def invite_open(bench):
    windfall = _dice(bench)
    tokens = bench.scratch / "tokens"
    tokens.write_text("\n".join(windfall.invites("dice", [f"inviter-{i + 1}" for i in range(INVITERS)])))
    return Subject(OPEN, windfall.process, "open.lua", "/v1/invites", {"BENCH_KEY": windfall.gateway_key, "BENCH_TOKENS": str(tokens)})


def draw(bench):
    windfall = _dice(bench)
    windfall.visit("dice", [f"draw-{i + 1}" for i in range(DRAWING_USERS)])
    env = {"BENCH_KEY": windfall.gateway_key, "BENCH_USERS": str(DRAWING_USERS)}
    return Subject(DRAW, windfall.process, "draw.lua", "/v1/promotions/dice/draws", env)


def peer_hello(bench):
    return _peer(bench, PEER_HELLO, "get.lua", "/hello")


def peer_join(bench):
    return _peer(bench, PEER_JOIN, "peer_participate.lua", "/promotions/1/participate")


def peer_list(bench):
    return _peer(bench, PEER_LIST, "get.lua", "/promotions")


def peer_held(bench):
    return _peer(bench, PEER_HELD, "peer_held.lua", "/promotions/1/users")


def _peer(bench, name, script, path):
    server = servers.peer(bench)
    behind = [servers.redis(bench), servers.kafka(bench)]
    return Subject(name, server, script, path, behind=behind, warm_up=bench.options.warm_up, compiles=True)


def beside(bench):
    windfall = servers.windfall_beside_peer(bench)
    behind = [servers.synced_redis(bench), *servers.cluster(bench).of("kafka")]
    return Subject(BESIDE, windfall.process, "participate.lua", windfall.joins_path("bench"), {"BENCH_KEY": windfall.gateway_key}, behind)


def beside_peer(bench):
    server = servers.peer_beside(bench)
    behind = [servers.synced_redis(bench), *servers.cluster(bench).of("kafka")]
    path = "/promotions/1/participate"
    return Subject(BESIDE_PEER, server, "peer_participate.lua", path, behind=behind, warm_up=bench.options.warm_up, compiles=True)


def spread(bench):
    windfall = servers.windfall_on_cluster(bench)
    of = servers.cluster(bench)
    behind = [*of.of("redis"), *of.of("kafka")]
    return Subject(SPREAD, windfall.process, "participate.lua", windfall.joins_path("bench"), {"BENCH_KEY": windfall.gateway_key}, behind)


MAKE = {
    HAND_HELLO: hand_hello,
    BEAST_HELLO: beast_hello,
    OWN_HELLO: own_hello,
    JOIN: join,
    LIST: promotion_list,
    HELD: held,
    VISIT: visit,
    OPEN: invite_open,
    DRAW: draw,
    PEER_HELLO: peer_hello,
    PEER_JOIN: peer_join,
    PEER_LIST: peer_list,
    PEER_HELD: peer_held,
    BESIDE: beside,
    BESIDE_PEER: beside_peer,
    SPREAD: spread,
}


def sampled(bench, *names):
    """Figures of the subjects, None for what could not be measured."""
    return bench.sample({name: MAKE[name] for name in names})
