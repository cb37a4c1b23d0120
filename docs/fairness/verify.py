#!/usr/bin/env python3
"""Verifies the fairness export of a finished lottery. Standard library only; docs/fairness.md explains every step.

usage: verify.py EXPORT [COMMITMENT]    judge an export (GET /v1/promotions/{id}/fairness/export); COMMITMENT as it was
                                        published before the first draw
       verify.py --vectors FILE         compare this program with published test vectors

Prints one line per problem, "line N: what is wrong". Exit status: 0 all is right, 1 something is wrong, 2 wrong call.
Written from the page and not from Windfall's code, so that the two check each other.
"""
import bisect
import datetime
import hashlib
import hmac
import json
import re
import sys

ALGORITHM = "windfall-fairness-1"
MAX_DAYS = 366
MAX_ITEMS = 4_000_000
PLAN_MEMBERS = {
    "promotionId", "startDate", "endDate", "timezone", "segmentMinutes", "trafficCurve", "winRatePermille",
    "expectedDrawsPerDay", "maxWinsPerUser", "prizes", "days"}
# Members of each kind of line, in order. A void of a second-chance win is told by its number.
MEMBERS = {
    "header": [["type", "algorithm", "promotionId", "commitment", "plan", "seed"]],
    "segment": [["type", "segment", "quota", "length", "draws", "paused"]],
    "draw": [["type", "segment", "serial", "user", "outcome"], ["type", "segment", "serial", "user", "outcome", "prizeId"]],
    "void": [["type", "segment", "serial"], ["type", "second"]],
    "closed": [["type", "secondChance", "pool", "items"]],
    "second": [["type", "number", "user", "prizeId"]],
    "end": [["type", "draws", "wins", "secondWins", "voided", "shortfall"]],
}
TEXTS = {"type", "algorithm", "promotionId", "commitment", "plan", "seed", "user", "outcome", "prizeId"}
FLAGS = {"paused", "secondChance"}


# --- the algorithm

def hmac_sha256(key, message):
    return hmac.digest(key, message, "sha256")


class Choices:
    """Section "Choices": numbers of 32 bits from HMAC-SHA-256(key, counter)."""

    def __init__(self, key):
        self.key, self.counter, self.numbers = key, 0, []

    def below(self, bound):
        fair = 2**32 - 2**32 % bound
        while True:
            if not self.numbers:
                block = hmac_sha256(self.key, self.counter.to_bytes(8, "big"))
                self.numbers = [int.from_bytes(block[i:i + 4], "big") for i in range(28, -1, -4)]
                self.counter += 1
            number = self.numbers.pop()
            if number < fair:
                return number % bound


def shuffled(choices, size, count):
    """The first `count` places of a shuffle of 0 .. size-1."""
    moved, first = {}, []
    for i in range(count):
        j = i + choices.below(size - i)
        first.append(moved.get(j, j))
        moved[j] = moved.get(i, i)
    return first


def commitment(seed, plan_text):
    return hashlib.sha256(seed + plan_text.encode()).hexdigest()


def item_order(seed, prizes):
    """For each item the index of its prize."""
    items = [index for index, prize in enumerate(prizes) for _ in range(prize["count"])]
    choices = Choices(hmac_sha256(seed, b"prizes"))
    return [items[place] for place in shuffled(choices, len(items), len(items))]


def deck_key(seed, promotion, segment, quota, length):
    return hmac_sha256(seed, promotion.encode() + b"".join(n.to_bytes(4, "big") for n in (segment, quota, length)))


def winning_serials(seed, promotion, segment, quota, length):
    return sorted(shuffled(Choices(deck_key(seed, promotion, segment, quota, length)), length, quota))


def second_chance(seed, pool, items):
    """Places in the pool, in the order in which they win."""
    return shuffled(Choices(hmac_sha256(seed, b"second")), pool, min(pool, items))


def pseudonym(seed, reference):
    return hmac_sha256(hmac_sha256(seed, b"pseudonym"), reference)[:16].hex()


class Schedule:
    def __init__(self, plan):
        self.per_day = 1440 // plan["segmentMinutes"]
        curve = plan["trafficCurve"] or [1] * 24
        minutes = [curve[minute // 60] for minute in range(1440)]
        step = plan["segmentMinutes"]
        self.weight = [sum(minutes[:h * step]) for h in range(self.per_day + 1)]
        self.quotas = [day["quota"] for day in plan["days"]]
        self.before = [0]
        for quota in self.quotas:
            self.before.append(self.before[-1] + quota)
        self.expected = plan["expectedDrawsPerDay"]
        self.rate = plan["winRatePermille"]

    def part(self, amount, h):
        return amount * self.weight[h] // self.weight[-1]

    def items_until(self, segment):
        day, h = divmod(segment, self.per_day)
        if day >= len(self.quotas):
            return self.before[-1]
        return self.before[day] + self.part(self.quotas[day], h + 1)

    def length(self, segment, quota, earlier):
        day, h = divmod(segment, self.per_day)
        if earlier is not None:
            forecast = earlier * 11 // 10
        else:
            expected = self.expected
            if expected is None:
                expected = 10 * self.quotas[day] if day < len(self.quotas) else 0
            forecast = self.part(expected, h + 1) - self.part(expected, h)
        shortest = -(-1000 * quota // self.rate["max"])
        longest = -(-1000 * quota // self.rate["min"])
        return min(max(forecast, shortest), longest)


# --- reading

def unique(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def no_number(text):
    raise ValueError(f"{text} is no integer")


def parse(text):
    return json.loads(text, object_pairs_hook=unique, parse_float=no_number, parse_constant=no_number)


def fits(name, value):
    if name in FLAGS:
        return isinstance(value, bool)
    if name not in TEXTS:
        return type(value) is int and 0 <= value < 10**15
    if not isinstance(value, str):
        return False
    pattern = {"user": "[0-9a-f]{32}", "commitment": "[0-9a-f]{64}", "seed": "[0-9a-f]{64}", "outcome": "WIN|LOSE", "prizeId": "[A-Za-z0-9_-]{1,64}",
               "algorithm": re.escape(ALGORITHM)}.get(name)
    return pattern is None or re.fullmatch(pattern, value) is not None


def read_line(text):
    """The line's members; ValueError if it is not spelled as such a line is."""
    try:
        line = parse(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the line is not JSON of an export: {error}") from None
    known = MEMBERS.get(line.get("type")) if isinstance(line, dict) and isinstance(line.get("type"), str) else None
    if known is None:
        raise ValueError("the line is not of a type that exports have")
    right = list(line) in known and all(fits(name, value) for name, value in line.items())
    if right and line["type"] == "draw":
        right = ("prizeId" in line) == (line["outcome"] == "WIN")
    if not right or json.dumps(line, separators=(",", ":"), ensure_ascii=False) != text:
        raise ValueError("the line is not spelled as such a line of an export is")
    return line


def need(holds, what):
    if not holds:
        raise ValueError(what)


def whole(value, low, high):
    return type(value) is int and low <= value <= high


def read_plan(text):
    """The plan; ValueError if it is none."""
    plan = parse(text)
    need(isinstance(plan, dict) and set(plan) == PLAN_MEMBERS, "its members are not those of a plan")
    need(json.dumps(plan, separators=(",", ":"), ensure_ascii=False, sort_keys=True) == text, "it is not canonical JSON")
    need(whole(plan["segmentMinutes"], 1, 1440) and 1440 % plan["segmentMinutes"] == 0, "segmentMinutes must divide 1440")
    need(whole(plan["maxWinsPerUser"], 1, 1000), "maxWinsPerUser")
    need(plan["expectedDrawsPerDay"] is None or whole(plan["expectedDrawsPerDay"], 0, 10**9), "expectedDrawsPerDay")
    curve = plan["trafficCurve"]
    need(curve is None or (isinstance(curve, list) and len(curve) == 24 and all(whole(w, 0, 10**6) for w in curve)
                           and sum(curve) > 0), "trafficCurve")
    rate = plan["winRatePermille"]
    need(isinstance(rate, dict) and set(rate) == {"min", "max"} and whole(rate["max"], 1, 1000)
         and whole(rate["min"], 1, rate["max"]), "winRatePermille")
    prizes = plan["prizes"]
    need(isinstance(prizes, list) and prizes, "prizes")
    for prize in prizes:
        need(isinstance(prize, dict) and {"prizeId", "name", "kind", "value", "count"} <= set(prize)
             and whole(prize["count"], 1, MAX_ITEMS) and isinstance(prize["prizeId"], str), "prizes")
    items = sum(prize["count"] for prize in prizes)
    need(items <= MAX_ITEMS, "prizes are too many")
    days = plan["days"]
    need(isinstance(days, list) and 1 <= len(days) <= MAX_DAYS, "days")
    date = datetime.date.fromisoformat(plan["startDate"])
    for day in days:
        need(isinstance(day, dict) and set(day) == {"date", "quota"} and whole(day["quota"], 0, MAX_ITEMS), "days")
        need(day["date"] == date.isoformat(), f"day {day['date']} is not the next day of the period")
        date += datetime.timedelta(1)
    need(date == datetime.date.fromisoformat(plan["endDate"]) + datetime.timedelta(1), "days must be those from startDate to endDate")
    laid = sum(day["quota"] for day in days)
    need(laid == items, f"its days hold {laid} items, its prizes {items}")
    return plan


# --- judging

class Hopeless(Exception):
    """Nothing that follows can be judged."""


class Judge:
    def __init__(self, published):
        self.published = published
        self.problems = []
        self.at = 0
        self.header_seen = self.ended = False
        self.draws = self.wins = self.second_wins = self.voided = 0
        self.segment = None  # the one whose draws are being told
        self.last = -1
        self.history = {}
        self.wins_of, self.lost = {}, set()
        self.won = {}  # (segment, serial) -> [item, voided]
        self.closed = None

    def problem(self, what, at=None):
        self.problems.append((at or self.at, what))

    def same(self, name, told, counted):
        if told != counted:
            self.problem(f"{name} is {told}, but it comes to {counted}")

    def line(self, text):
        self.at += 1
        try:
            line = read_line(text)
        except ValueError as error:
            self.problem(str(error))
            if not self.header_seen:
                raise Hopeless from None
            return
        if not self.header_seen:
            if line["type"] != "header":
                self.problem("the first line is not the header")
                raise Hopeless
            self.header(line)
        elif self.ended:
            self.problem("a line after the end")
        elif line["type"] == "header":
            self.problem("a second header")
        else:
            getattr(self, f"on_{line['type']}")(line)

    def header(self, line):
        if self.published and self.published != line["commitment"]:
            self.problem(f"the commitment is {line['commitment']}, but the one published before was {self.published}")
        seed = bytes.fromhex(line["seed"])
        right = commitment(seed, line["plan"])
        if right != line["commitment"]:
            self.problem(f"the commitment is {line['commitment']}, but seed and plan give {right}: nothing else can be judged")
            raise Hopeless
        try:
            plan = read_plan(line["plan"])
        except (ValueError, TypeError) as error:
            self.problem(f"the plan cannot be used: {error}")
            raise Hopeless from None
        if plan["promotionId"] != line["promotionId"]:
            self.problem(f"promotion {line['promotionId']}, but the plan is of {plan['promotionId']}")
            raise Hopeless
        self.header_seen, self.seed, self.plan = True, seed, plan
        self.schedule = Schedule(plan)
        self.prize_of = [plan["prizes"][index]["prizeId"] for index in item_order(seed, plan["prizes"])]
        self.items = len(self.prize_of)
        base, rest = divmod(self.items, len(plan["days"]))
        for index, day in enumerate(plan["days"]):
            right = base + (index < rest)
            if day["quota"] != right:
                self.problem(f"plan, {day['date']}: its quota is {day['quota']}, but laid evenly it is {right}")

    def on_segment(self, line):
        number = line["segment"]
        if self.closed:
            return self.problem(f"segment {number}: opened after the close")
        if number <= self.last:
            return self.problem(f"segment {number}: opened when segment {self.last} had been")
        if number // self.schedule.per_day >= MAX_DAYS:
            return self.problem(f"segment {number}: no promotion lasts that long")
        self.leave_segment()
        self.last = number
        quota = self.schedule.items_until(number) - self.wins
        length = self.schedule.length(number, quota, self.history.get(number % self.schedule.per_day))
        if line["quota"] != quota:
            self.problem(f"segment {number}: quota is {line['quota']}, but plan and wins so far give {quota}")
        if line["length"] != length:
            self.problem(f"segment {number}: length is {line['length']}, but quota and earlier draws give {length}")
        serials = winning_serials(self.seed, self.plan["promotionId"], number, quota, length)
        self.segment = {"line": line, "at": self.at, "next": 0, "serials": serials,
                        "item": {serial: self.wins + k for k, serial in enumerate(serials)}}

    def leave_segment(self):
        if self.segment is None:
            return
        segment, self.segment = self.segment, None
        line, taken = segment["line"], segment["next"]
        if line["draws"] != taken:
            self.problem(f"segment {line['segment']}: {line['draws']} draws are announced, but its serials end at {taken}", segment["at"])
        self.wins += bisect.bisect_left(segment["serials"], taken)
        if taken > 0 and not line["paused"]:
            self.history[line["segment"] % self.schedule.per_day] = taken

    def on_draw(self, line):
        place = f"segment {line['segment']}, serial {line['serial']}"
        if self.segment is None or self.segment["line"]["segment"] != line["segment"]:
            return self.problem(f"{place}: a draw of a segment that is not open")
        expected, serial, user = self.segment["next"], line["serial"], line["user"]
        if serial < expected:
            return self.problem(f"{place}: the serial was drawn before")
        if serial > expected:
            self.problem(f"{place}: serials {expected} to {serial - 1} are missing")
        self.segment["next"] = serial + 1
        item = self.segment["item"].get(serial)
        told, right = line.get("prizeId"), None if item is None else self.prize_of[item]
        if told != right:
            self.problem(f"{place}: told as {'WIN of ' + told if told else 'LOSE'}, but the deck says {'WIN of ' + right if right else 'LOSE'}")
        self.draws += 1
        wins = self.wins_of.get(user, 0)
        if wins >= self.plan["maxWinsPerUser"]:
            self.problem(f"{place}: user {user} draws after {wins} wins, all that are allowed")
        if item is None:
            self.lost.add(user)
        else:
            self.wins_of[user] = wins + 1
            self.won[line["segment"], serial] = [item, False]

    def on_void(self, line):
        if "second" in line:
            place, wins = f"second chance, number {line['second']}", self.closed["told"] if self.closed else {}
            win = wins.get(line["second"])
        else:
            place, win = f"segment {line['segment']}, serial {line['serial']}", self.won.get((line["segment"], line["serial"]))
        if win is None:
            return self.problem(f"{place}: a void of no win")
        if win[1]:
            return self.problem(f"{place}: voided before")
        win[1] = True
        self.voided += 1

    def on_closed(self, line):
        if self.closed:
            return self.problem("closed a second time")
        self.leave_segment()
        allowed = self.plan["maxWinsPerUser"]
        pool = sorted(user for user in self.lost if self.wins_of.get(user, 0) < allowed)
        items = sorted(item for item, voided in self.won.values() if voided) + list(range(self.wins, self.items))
        self.same("closed: pool", line["pool"], len(pool))
        self.same("closed: items", line["items"], len(items))
        places = second_chance(self.seed, len(pool), len(items)) if line["secondChance"] else []
        self.closed = {"pool": set(pool), "told": {},
                       "expected": [(pool[place], self.prize_of[item]) for place, item in zip(places, items)]}

    def on_second(self, line):
        place = f"second chance, number {line['number']}"
        if not self.closed:
            return self.problem(f"{place}: before the close")
        told, expected = self.closed["told"], self.closed["expected"]
        if line["number"] != len(told):
            return self.problem(f"{place}: out of order, {len(told)} is next")
        told[line["number"]] = [None, False]
        self.second_wins += 1
        if line["number"] >= len(expected):
            return self.problem(f"{place}: user {line['user']} wins, but only {len(expected)} win")
        user, prize = expected[line["number"]]
        if line["user"] != user:
            stranger = "" if line["user"] in self.closed["pool"] else ", not in the pool,"
            self.problem(f"{place}: user {line['user']}{stranger} wins, but the shuffle says {user}")
        if line["prizeId"] != prize:
            self.problem(f"{place}: the prize is {line['prizeId']}, but the next item left is {prize}")

    def on_end(self, line):
        self.ended = True
        if not self.closed:
            self.problem("end: the promotion was not closed")
        self.leave_segment()
        if self.closed and len(self.closed["told"]) < len(self.closed["expected"]):
            self.problem(f"second chance, number {len(self.closed['told'])}: missing, {len(self.closed['expected'])} win")
        self.same("end: draws", line["draws"], self.draws)
        self.same("end: wins", line["wins"], self.wins)
        self.same("end: secondWins", line["secondWins"], self.second_wins)
        self.same("end: voided", line["voided"], self.voided)
        standing = self.wins + self.second_wins - self.voided
        if standing > self.items:
            self.problem(f"end: {standing} wins stand, but there are only {self.items} items")
        else:
            self.same("end: shortfall", line["shortfall"], self.items - standing)

    def finish(self):
        if not self.ended:
            self.leave_segment()
            self.problem("the end line is missing: the export was cut off", self.at + 1)


def verify_export(path, published=None):
    judge = Judge(published)
    try:
        with open(path, encoding="utf-8", newline="\n") as export:
            for text in export:
                judge.line(text.removesuffix("\n"))
        judge.finish()
    except Hopeless:
        pass
    except UnicodeDecodeError as error:
        judge.problem(f"not UTF-8: {error}")
    for at, what in sorted(judge.problems, key=lambda problem: problem[0]):
        print(f"line {at}: {what}")
    print(f"{judge.at} lines, {judge.draws} draws, {judge.wins} wins, {judge.second_wins} second-chance wins, {judge.voided} voided, "
          f"{len(judge.problems)} problems")
    return 1 if judge.problems else 0


def check_vectors(path):
    """Every value of the file that this program can compute, computed."""
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    seed = bytes.fromhex(vectors["seed"])
    plan = json.loads(vectors["plan"])
    schedule = Schedule(plan)
    choices = Choices(bytes.fromhex(vectors["choices"]["key"]))
    order = item_order(seed, plan["prizes"])
    computed = {
        "commitment": (vectors["commitment"], commitment(seed, vectors["plan"])),
        "choices": (vectors["choices"]["values"], [choices.below(bound) for bound in vectors["choices"]["bounds"]]),
        "prizes key": (vectors["prizesKey"], hmac_sha256(seed, b"prizes").hex()),
        "item order": (vectors["itemOrder"], [plan["prizes"][index]["prizeId"] for index in order]),
        "items until": (vectors["itemsUntil"], [schedule.items_until(i) for i in range(len(vectors["itemsUntil"]))]),
        "second chance": (vectors["secondChance"]["places"],
                          second_chance(seed, vectors["secondChance"]["pool"], vectors["secondChance"]["items"])),
        "pseudonym": (vectors["pseudonym"]["text"], pseudonym(seed, bytes.fromhex(vectors["pseudonym"]["reference"]))),
    }
    for deck in vectors["decks"]:
        terms = (seed, plan["promotionId"], deck["segment"], deck["quota"], deck["length"])
        name = f"deck of segment {deck['segment']}"
        computed[name + ", key"] = (deck["key"], deck_key(*terms).hex())
        computed[name + ", serials"] = (deck["winningSerials"], winning_serials(*terms))
    for case in vectors["lengths"]:
        computed[f"length {case}"] = (case["length"], schedule.length(case["segment"], case["quota"], case["earlierDraws"]))
    wrong = [name for name, (told, right) in computed.items() if told != right]
    for name in wrong:
        print(f"{name}: told {computed[name][0]}, computed {computed[name][1]}")
    print(f"{len(computed)} vectors, {len(wrong)} wrong")
    return 1 if wrong else 0


def main(arguments):
    try:
        if len(arguments) == 2 and arguments[0] == "--vectors":
            return check_vectors(arguments[1])
        if len(arguments) in (1, 2) and not arguments[0].startswith("-"):
            return verify_export(*arguments)
    except OSError as error:
        print(f"verify.py: {error}", file=sys.stderr)
        return 2
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
