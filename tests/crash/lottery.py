"""Lotteries in the load: few players that visit, open each other's links, get tickets from operators and draw; and what must be true of their
answers afterwards. The rules are pure, and checker_test.py shows that each catches its planted bug."""

import collections
import dataclasses
import json
import time

import history as seen

LOTTERY = "dice"
# Few, so that all of what each of them holds can be compared after every life; the tickets are what is many.
PLAYERS = 24
POINTS = 100
MOST_WINS = 1000
# The operator who imports codes, in the history; no player.
IMPORTER = "importer"
# Codes of one import. Few: fewer coupons are served than wait, and each of those served is read after every life.
MOST_CODES = 6
# Longer than any assignment takes on a busy machine.
SERVED_SECONDS = 60.0


def definition(start, end, name=LOTTERY, **more):
    """Half of its first two thousand draws win: every tenth of them points, which the partner books. More prizes would make the first draw
    after each start so slow that short lives see none."""
    lottery = {"grants": [{"cause": "VISIT", "tickets": 3}, {"cause": "INVITE", "firstVisitOnly": False}], "maxWinsPerUser": MOST_WINS,
               "prizes": [{"prizeId": "coffee", "name": "Coffee", "kind": "GIFTICON", "value": 4500, "count": 9000},
                          {"prizeId": "points", "name": "Points", "kind": "POINTS", "value": POINTS, "count": 900}]}
    return {"id": name, "title": name, "startDate": start, "endDate": end, "lottery": {**lottery, **more}}


def found(server, start, end, name=LOTTERY, **more):
    """Stays where it is after a kill in the middle of this."""
    answer = server.call("POST", "/v1/admin/promotions", body=definition(start, end, name, **more), admin=True)
    if answer.status != 201 and answer.code() != "ID_TAKEN":
        raise AssertionError(f"founding {name}: {answer.status} {answer.body!r}")


def player(number):
    return f"player-{number}"


async def attempt(client, history, play, method, path, **more):
    """One call, written down whatever happens."""
    try:
        status, body = await client.call(method, path, **more)
    except Exception:
        history.plays.append(play)
        raise
    answered = dataclasses.replace(play, status=status, body=body)
    history.plays.append(answered)
    return answered


async def play(client, history, dice):
    """Something that a player does, or that is done to one."""
    user = player(dice.randrange(PLAYERS))
    roll = dice.random()
    key = f"play-{dice.randrange(10**12)}" if dice.random() < 0.4 else None
    of_lottery = f"/v1/promotions/{LOTTERY}"
    if roll < 0.03:
        await import_codes(client, history, dice, key)
    elif roll < 0.1:
        await attempt(client, history, seen.Play(user, "visit", key), "POST", f"{of_lottery}/visits", user=user, key=key)
    elif roll < 0.25:
        # More than is ever drawn in one life, so that draws are accepted; and some are taken back.
        tickets = dice.choice((20, 20, 20, -3))
        await attempt(client, history, seen.Play(user, "adjust", None, tickets), "POST", f"/v1/admin/users/{user}/adjustments", admin=True,
                      body={"promotionId": LOTTERY, "tickets": tickets, "reason": "test"})
    elif roll < 0.35:
        friend = player(dice.randrange(PLAYERS))
        status, body = await client.call("POST", f"{of_lottery}/invites", user=user)
        if status == 200:
            token = json.loads(body)["token"]
            await attempt(client, history, seen.Play(friend, "open", key), "POST", f"/v1/invites/{token}/opens", user=friend, key=key)
    else:
        done = await attempt(client, history, seen.Play(user, "draw", key), "POST", f"{of_lottery}/draws", user=user, key=key)
        if key is not None and done.status == 201 and dice.random() < 0.2:
            await attempt(client, history, seen.Play(user, "draw", key), "POST", f"{of_lottery}/draws", user=user, key=key)


async def import_codes(client, history, dice, key):
    """Codes that nobody else sends; with a key sometimes once more."""
    codes = tuple(f"CODE-{dice.randrange(10**15):015}" for _ in range(dice.randint(1, MOST_CODES)))
    path = f"/v1/admin/promotions/{LOTTERY}/prizes/coffee/codes"
    sent = seen.Play(IMPORTER, "codes", key, codes=codes)
    done = await attempt(client, history, sent, "POST", path, admin=True, key=key, csv="".join(code + "\n" for code in codes))
    if key is not None and done.status == 200 and dice.random() < 0.5:
        await attempt(client, history, sent, "POST", path, admin=True, key=key, csv="".join(code + "\n" for code in codes))


@dataclasses.dataclass
class Held:
    """What one player holds."""
    tickets: dict  # the answer to GET …/tickets
    draws: list  # the items of GET /v1/me/draws
    coupons: dict = dataclasses.field(default_factory=dict)  # id -> its code, or None while it waits for one


def observe(server, history, name=LOTTERY):
    """Of every player that the history names."""
    held = {}
    for user in sorted({p.user for p in history.plays} - {IMPORTER}):
        draws = pages(server, f"/v1/me/draws?promotionId={name}", user)
        held[user] = Held(server.read(f"/v1/promotions/{name}/tickets", user=user).json(), draws, coupons_of(server, user))
    return held


def pages(server, path, user):
    items, cursor = [], ""
    while cursor is not None:
        page = server.read(f"{path}&limit=100" + (f"&cursor={cursor}" if cursor else ""), user=user).json()
        items += page["items"]
        cursor = page["nextCursor"]
    return items


def coupons_of(server, user):
    coupons = {}
    for item in pages(server, "/v1/me/coupons?", user):
        one = item["couponId"]
        issued = item["status"] == "ISSUED"
        coupons[one] = server.read(f"/v1/me/coupons/{one}", user=user).json()["code"] if issued else None
    return coupons


def until_served(server, history):
    """Waits until every code that was acknowledged is given, or nobody waits for one."""
    users = sorted({p.user for p in history.plays} - {IMPORTER})
    least, _ = imported(history)
    until = time.monotonic() + SERVED_SECONDS
    while time.monotonic() < until:
        statuses = [item["status"] for user in users for item in pages(server, "/v1/me/coupons?", user)]
        if statuses.count("ISSUED") >= min(least, len(statuses)):
            return
        time.sleep(0.05)


def imported(history):
    """(codes of imports that were acknowledged, codes that may have come in besides)."""
    told, unknown = {}, {}
    for p in history.plays:
        if p.kind == "codes" and p.status == 200:
            told[p.codes] = p.json()["imported"]
        elif p.kind == "codes" and p.status is None:
            unknown[p.codes] = len(p.codes)
    return sum(told.values()), sum(count for codes, count in unknown.items() if codes not in told)


def codes_have_one_owner(history, held, _book):
    """I9: and each is one that was sent, acknowledged or not."""
    owners = collections.defaultdict(list)
    for now in held.values():
        for coupon, code in now.coupons.items():
            if code is not None:
                owners[code].append(coupon)
    sent = {code for p in history.plays if p.status in (200, None) for code in p.codes}
    for code, coupons in owners.items():
        if len(coupons) > 1:
            yield f"I9: {code} belongs to {len(coupons)} coupons: {coupons}"
        if code not in sent:
            yield f"I9: {coupons[0]} has {code}, which no import brought in"


def codes_stay(history, held, _book):
    """I9 and I11: a code that its owner has read is theirs for good."""
    for now in held.values():
        for coupon, code in now.coupons.items():
            before = history.shown.get(coupon, code)
            if before != code:
                yield f"I11: coupon {coupon} showed {before}, and shows {code} now"


def remember(history, held):
    """For the next life."""
    history.shown.update({coupon: code for now in held.values() for coupon, code in now.coupons.items() if code is not None})


def wins_have_coupons(_history, held, _book):
    """One of each gifticon that was won."""
    for user, now in held.items():
        wins = sum(d["outcome"] == "WIN" and d["prize"]["kind"] == "GIFTICON" for d in now.draws)
        if wins != len(now.coupons):
            yield f"I9: {user} has won {wins} gifticons and has {len(now.coupons)} coupons"


def no_more_codes_than_came_in(history, held, _book):
    """I9."""
    least, more = imported(history)
    issued = sum(code is not None for now in held.values() for code in now.coupons.values())
    if issued > least + more:
        yield f"I9: {issued} codes were given out of {least} told and {more} possible ones"


def codes_were_given(history, held, _book):
    """After quiescence: whoever waits waits because there is no code."""
    least, _ = imported(history)
    coupons = [code for now in held.values() for code in now.coupons.values()]
    issued = sum(code is not None for code in coupons)
    if issued < min(least, len(coupons)):
        yield f"I9: {issued} codes were given to {len(coupons)} coupons, though {least} came in"


def same_key_same_import(history, _held, _book):
    """I12."""
    first = {}
    for p in history.plays:
        if p.kind == "codes" and p.key is not None and p.status == 200 and first.setdefault(p.key, p.body) != p.body:
            yield f"I12: an import was answered {first[p.key]!r}, then {p.body!r}"


def imports_brought_all(history, _held, _book):
    """Nobody else sends these codes."""
    for p in history.plays:
        if p.kind == "codes" and p.status == 200 and p.json()["imported"] != len(p.codes):
            yield f"I9: an import of {len(p.codes)} codes was answered {p.body!r}"


def acknowledged_draws_are_there(history, held, _book):
    """I11: each with its outcome and prize, as it was told."""
    for p in history.plays:
        if p.kind != "draw" or p.status != 201:
            continue
        told = p.json()
        there = [d for d in held[p.user].draws if d["drawId"] == told["drawId"]]
        if not there:
            yield f"I11: {p.user} was told of draw {told['drawId']}, but it is not there"
        elif (there[0]["outcome"], there[0].get("prize")) != (told["outcome"], told.get("prize")):
            yield f"I11: draw {told['drawId']} was {told['outcome']}, and is {there[0]} now"


def nothing_else_was_drawn(history, held, _book):
    """Draws = accepted answers, and at most one more for each unknown outcome; none is there twice, each took a ticket."""
    for user, now in held.items():
        ids = [d["drawId"] for d in now.draws]
        told = {p.json()["drawId"] for p in history.plays if (p.user, p.kind, p.status) == (user, "draw", 201)}
        unknown = sum((p.user, p.kind, p.status) == (user, "draw", None) for p in history.plays)
        if len(set(ids)) != len(ids):
            yield f"total: {user} has a draw twice: {ids}"
        if len(set(ids) - told) > unknown:
            yield f"total: {user} has {len(set(ids) - told)} draws that no answer tells of and {unknown} unknown outcomes"
        if now.tickets["drawn"] != len(ids):
            yield f"I7: {user} has drawn {now.tickets['drawn']} tickets, but {len(ids)} draws"


def accounts_add_up(_history, held, _book):
    """I5."""
    for user, now in held.items():
        t = now.tickets
        if t["provisional"]:
            continue
        if t["held"] != t["granted"] - t["drawn"] - t["revoked"] or t["held"] < 0 or t["granted"] != sum(t["byCause"].values()):
            yield f"I5: {user} holds {t}"


def grants_are_what_was_told(history, held, _book):
    """I6 and I11: adjustments to the ticket, visits and opens once."""
    for user, now in held.items():
        mine = [p for p in history.plays if p.user == user]
        by_cause = now.tickets["byCause"]
        for kind, cause in (("visit", "VISIT"), ("open", "INVITE_OPENED")):
            told = max((p.json()["granted"] for p in mine if p.kind == kind and p.status == 201), default=0)
            possible = any(p.kind == kind and p.status in (201, None) for p in mine)
            most = {"visit": 3, "open": 1}[kind] if possible else 0
            if not told <= by_cause[cause] <= most:
                yield f"I6: {user} has {by_cause[cause]} tickets of {cause}; told were {told}, at most {most} are right"
        for sign, total in ((1, by_cause["ADJUSTMENT"]), (-1, now.tickets["revoked"])):
            changes = [(abs(p.tickets), p.status) for p in mine if p.kind == "adjust" and p.tickets * sign > 0]
            least = sum(n for n, status in changes if status == 201)
            most = least + sum(n for n, status in changes if status is None)
            if not least <= total <= most:
                yield f"I11: adjustments of {user} add up to {total}; told were {least}, at most {most} are right"


def same_key_same_draw(history, _held, _book):
    """I12."""
    first = {}
    for p in history.plays:
        if p.key is not None and p.status == 201 and first.setdefault((p.user, p.kind, p.key), p.body) != p.body:
            yield f"I12: {p.user} was answered {first[p.user, p.kind, p.key]!r}, then {p.body!r}"


def refused_draws_had_no_ticket(history, _held, _book):
    """A refusal is true or says that it does not know; nobody here wins too often."""
    for p in history.plays:
        if p.kind == "draw" and p.status == 409 and p.json()["code"] != "NO_TICKET":
            yield f"total: {p.user} was refused with {p.json()['code']}"


def booked_per_user(book, name=LOTTERY):
    return collections.Counter(e["userId"] for e in book if e["promotionId"] == name)


def points_are_paid_at_most_once(_history, held, book):
    """I4, at any moment."""
    booked = booked_per_user(book)
    for entry in book:
        if entry["promotionId"] == LOTTERY and (entry["amount"], entry["times"]) != (POINTS, 1):
            yield f"I4: the partner booked {entry}"
    for user, count in booked.items():
        wins = won_points(held[user]) if user in held else 0
        if count > wins:
            yield f"I4: {user} has won points {wins} times and was paid {count} times"


def points_are_paid(_history, held, book):
    """I4 and I17, after quiescence."""
    booked = booked_per_user(book)
    for user, now in held.items():
        if won_points(now) != booked[user]:
            yield f"I4: {user} has won points {won_points(now)} times and was paid {booked[user]} times"


def won_points(held):
    return sum(d["outcome"] == "WIN" and d["prize"]["kind"] == "POINTS" for d in held.draws)


ALWAYS = (acknowledged_draws_are_there, nothing_else_was_drawn, accounts_add_up, grants_are_what_was_told, same_key_same_draw,
          refused_draws_had_no_ticket, points_are_paid_at_most_once, codes_have_one_owner, codes_stay, no_more_codes_than_came_in,
          same_key_same_import, imports_brought_all)
WHEN_QUIET = (*ALWAYS, points_are_paid, wins_have_coupons, codes_were_given)


def violations(history, held, book, rules=ALWAYS):
    return [sentence for rule in rules for sentence in rule(history, held, book)]
