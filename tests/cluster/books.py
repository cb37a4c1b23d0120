"""What a cluster holds when it is quiet, read from each of its books by other programs than Windfall (psql, kcat, the partner), and what must be
true of it. The rules are pure: data in, sentences about violations out. books_test.py shows that each rule catches its planted bug."""

import collections
import dataclasses
import itertools


@dataclasses.dataclass(frozen=True)
class Row:
    """A participation of the ledger."""

    participation: str
    promotion: str
    user: str
    day: str
    amount: int
    accrual: str
    at: str  # as answers write it


@dataclasses.dataclass(frozen=True)
class Event:
    """Of the log; `id` only where it comes from Kafka."""

    partition: int
    epoch: int
    sequence: int
    at: float  # seconds since 1970
    id: str = ""
    type: str = ""

    def place(self):
        return self.partition, self.epoch, self.sequence


@dataclasses.dataclass(frozen=True)
class Promotion:
    id: str
    partition: int
    limit: int | None  # None: a lottery
    left: tuple  # as each process shows it


@dataclasses.dataclass(frozen=True)
class Lost:
    """What a rebuild says that no log has."""

    partition: int
    events: int
    at_least: bool


@dataclasses.dataclass
class Observed:
    promotions: list
    rows: list
    events: list  # of the ledger
    published: list  # of Kafka, in its order, with duplicates
    dead_letters: int
    drawn: dict  # user -> draws in the ledger
    wins: list  # of the ledger: (user, effect id)
    book: list  # of the partner: {eventId, userId, promotionId, amount, times}
    differences: list  # of the reconciliation
    flushed: dict = dataclasses.field(default_factory=dict)  # promotion -> when its node was emptied, wall clock
    lost: list = dataclasses.field(default_factory=list)


def id_of(call):
    said = call.json()
    return said["participationId"] if call.kind == "join" else said["drawId"]


def unlogged(calls, observed):
    """Answers whose id is in no log."""
    there = {event.id for event in observed.published}
    return [call for call in calls if call.kind in ("join", "draw") and call.accepted() and id_of(call) not in there]


def missing(calls, observed):
    """Those of them that are not there by another id either."""
    rows = {(row.promotion, row.user, row.day, row.at) for row in observed.rows}
    return [c for c in unlogged(calls, observed) if c.kind != "join" or (c.promotion, c.user, c.json()["day"], c.json()["participatedAt"]) not in rows]


def ids_are_those_of_the_log(calls, observed):
    """I12: a repeated answer names the same event as the first, in whichever epoch it was decided."""
    gone = {id_of(call) for call in missing(calls, observed)}
    for call in unlogged(calls, observed):
        if id_of(call) not in gone:
            yield f"I12: {call.user} was told {call.body!r}, which the log has by another id"


def acknowledged_is_there(calls, observed):
    """I11. Only an emptied node may have lost anything: what stood in its outbox, behind all that was kept."""
    events = {p.id: events_of(observed.events, p.partition) for p in observed.promotions}
    for call in missing(calls, observed):
        if not any(lost_with(call, at, events[call.promotion]) for at in observed.flushed.get(call.promotion, ())):
            yield f"I11: {call.user} was told {call.status} for {call.kind} in {call.promotion}, but it is not in the log: {call.body!r}"
    rows = {row.participation: row for row in observed.rows}
    gone = {id_of(call) for call in unlogged(calls, observed)}
    for call in calls:
        if call.kind == "join" and call.accepted() and id_of(call) not in gone:
            said, row = call.json(), rows.get(id_of(call))
            if row is None or (row.promotion, row.user, row.day, row.amount) != (call.promotion, call.user, said["day"], said["rewardAmount"]):
                yield f"I11: {call.user} was told {call.body!r}; the ledger has {row}"


def lost_with(call, flushed, events):
    """Behind the last event that was kept of before the flush."""
    kept = [event.at for before, event in zip([None, *events], events) if event.at <= flushed]
    return call.sent <= flushed and call.answered >= max(kept, default=0.0)


def losses_are_counted(calls, observed):
    """What was told and is gone is what the rebuilds have counted; they may count beyond it only what nobody was answered, and visits."""
    gone = missing(calls, observed)
    for promotion in observed.promotions:
        said = [lost for lost in observed.lost if lost.partition == promotion.partition]
        counted = sum(lost.events for lost in said)
        told = len({id_of(call) for call in gone if call.promotion == promotion.id})
        if counted < told and not any(lost.at_least for lost in said):
            yield f"lost: {told} answers of {promotion.id} are gone, and its rebuilds say {counted}"
        others = len({(c.user, c.key, c.sent) for c in calls if c.promotion == promotion.id and c.kind != "look" and (c.unknown() or c.kind == "visit")})
        if counted > told + others:
            yield f"lost: the rebuilds of {promotion.id} say {counted}, but only {told} answers are gone and {others} might be"


def events_of(events, partition):
    return sorted((e for e in events if e.partition == partition), key=Event.place)


def nothing_else_is_there(calls, observed):
    """Rows = accepted answers, and at most one more where there is no answer; a refusal changed nothing."""
    accepted, unknown = collections.defaultdict(set), collections.Counter()
    for call in calls:
        if call.kind == "join" and call.accepted():
            accepted[call.user, call.promotion].add(id_of(call))
        elif call.kind == "join" and call.unknown() and call.key is None:
            unknown[call.user, call.promotion] += 1
    for row in observed.rows:
        where = row.user, row.promotion
        if row.participation not in accepted[where] and not unknown[where]:
            told = [(round(c.sent, 1), c.process, c.status, c.body[:120]) for c in calls if (c.user, c.promotion, c.kind) == (*where, "join")]
            yield f"total: no answer tells of {row}; its user was told {told}"


def same_key_same_bytes(calls, observed):
    """I12; what was lost with an emptied node may be decided anew."""
    gone = {id_of(call) for call in missing(calls, observed)}
    first = {}
    for call in calls:
        if call.key is None or not call.accepted() or (call.kind in ("join", "draw") and id_of(call) in gone):
            continue
        if first.setdefault((call.kind, call.user, call.promotion, call.key), call.body) != call.body:
            yield f"I12: {call.user} was answered {first[call.kind, call.user, call.promotion, call.key]!r}, then {call.body!r}"
    for key, calls_of_key in group((c for c in calls if c.key and not c.unknown() and c.status != 429), lambda c: (c.kind, c.user, c.promotion, c.key)).items():
        # An accepted answer stays accepted.
        kept = [c for c in calls_of_key if c.accepted() and not (c.kind in ("join", "draw") and id_of(c) in gone)]
        later = [c for c in calls_of_key if kept and c.sent > kept[0].answered and not c.accepted()]
        if later:
            yield f"I12: {key} was accepted, and then answered {later[0].status} {later[0].body!r}"


def never_more_than_the_limit(_calls, observed):
    """I1, and every process shows the same stock as the ledger."""
    for promotion in observed.promotions:
        if promotion.limit is None:
            continue
        taken = sum(row.promotion == promotion.id for row in observed.rows)
        if taken > promotion.limit:
            yield f"I1: {promotion.id} has {taken} participations and a limit of {promotion.limit}"
        if any(left != promotion.limit - taken for left in promotion.left):
            yield f"I13: {promotion.id} shows {promotion.left} left of {promotion.limit}, but the ledger has {taken} taken"


def once_a_day(_calls, observed):
    """I2."""
    for where, rows in group(observed.rows, lambda r: (r.promotion, r.user, r.day)).items():
        if len(rows) > 1:
            yield f"I2: {where} joined {len(rows)} times"


def one_accrual_each(_calls, observed):
    """I4 and I17: exactly one, of the amount promised, and none without an acceptance."""
    owed = {row.accrual: (row.user, row.promotion, row.amount) for row in observed.rows}
    wins = {effect for _, effect in observed.wins}
    booked = group(observed.book, lambda entry: entry["eventId"])
    for event, entries in booked.items():
        if len(entries) > 1 or entries[0]["times"] != 1:
            yield f"I4: the partner booked {event} more than once: {entries}"
        entry = entries[0]
        if event not in wins and owed.get(event) != (entry["userId"], entry["promotionId"], entry["amount"]):
            yield f"I4: the partner booked {entry} for {owed.get(event)}"
    for event in [*owed, *wins]:
        if event not in booked:
            yield f"I4: {event} of {owed.get(event, 'a win')} was never booked"


def ledger_has_no_gap(_calls, observed):
    """Sequences go on over epochs, and time never decreases (I15)."""
    for partition, events in group(observed.events, lambda e: e.partition).items():
        ordered = sorted(events, key=Event.place)
        if [e.sequence for e in ordered] != list(range(1, len(ordered) + 1)):
            odd = next(i for i, e in enumerate(ordered) if e.sequence != i + 1)
            yield f"log: partition {partition} has {ordered[odd]} as its number {odd + 1}"
        for before, after in itertools.pairwise(ordered):
            if after.at < before.at:
                yield f"I15: {after} was decided after {before}"


def ledger_is_the_log(_calls, observed):
    """I13: what Kafka has acknowledged is in the ledger, and the other way round."""
    kept, published = {e.place() for e in observed.events}, {e.place() for e in observed.published}
    for place in sorted(published - kept)[:5]:
        yield f"I13: {place} is in Kafka and not in the ledger ({len(published - kept)} such)"
    for place in sorted(kept - published)[:5]:
        yield f"I13: {place} is in the ledger and not in Kafka ({len(kept - published)} such)"
    for place, events in group(observed.published, Event.place).items():
        if len({e.id for e in events}) > 1 or len({(e.type, e.at) for e in events}) > 1:
            yield f"log: two events are both {place}: {events}"
    if observed.dead_letters:
        yield f"log: {observed.dead_letters} dead letters"


def draws_are_there(calls, observed):
    """I7: a ticket each, and as many as were told."""
    told = collections.Counter()
    gone = {id_of(call) for call in missing(calls, observed)}
    for user, ids in group((c for c in calls if c.kind == "draw" and c.accepted()), lambda c: c.user).items():
        told[user] = len({id_of(c) for c in ids} - gone)
    for user in {*told, *observed.drawn}:
        if told[user] != observed.drawn.get(user, 0):
            yield f"I7: {user} was told of {told[user]} draws; the ledger has {observed.drawn.get(user, 0)}"


def books_agree(_calls, observed):
    """Windfall's own comparison of hot state and ledger."""
    for difference in observed.differences:
        yield f"I13: the reconciliation found {difference}"


RULES = (acknowledged_is_there, losses_are_counted, ids_are_those_of_the_log, nothing_else_is_there, same_key_same_bytes, never_more_than_the_limit, once_a_day, one_accrual_each,
         ledger_has_no_gap, ledger_is_the_log, draws_are_there, books_agree)  # fmt: skip


def violations(calls, observed, rules=RULES):
    return [sentence for rule in rules for sentence in rule(calls, observed)]


def group(items, key):
    groups = collections.defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups
