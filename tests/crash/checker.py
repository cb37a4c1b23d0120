"""Judges what a server holds against what its clients saw. Pure: data in, sentences about violations out; none means all invariants hold.
The names I1 ... I15 are those of the reliability page. checker_test.py shows that each rule catches its planted bug."""

import collections
import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    """A participation as the server exports it."""
    participation: str
    promotion: str
    user: str
    day: str
    amount: int
    at: str
    accrual: str
    event: str


@dataclasses.dataclass(frozen=True)
class Held:
    """A promotion as operators see it."""
    limit: int
    left: int
    revision: int


@dataclasses.dataclass
class Observed:
    """What one server holds at one moment."""
    promotions: dict  # id -> Held
    rows: dict  # id -> [Row] in order of decision
    book: list  # of the partner: {eventId, userId, promotionId, amount, times}
    differences: list  # of the reconciliation

    def all_rows(self):
        return [row for rows in self.rows.values() for row in rows]


def row_of_answer(join):
    said = join.json()
    return (said["participationId"], said["promotionId"], said["userId"], said["day"], said["rewardAmount"], said["participatedAt"],
            said["accrualEventId"])


def acknowledged_is_there(history, observed):
    """I11: every 201 any client saw, member by member."""
    held = {(r.participation, r.promotion, r.user, r.day, r.amount, r.at, r.event) for r in observed.all_rows()}
    for join in history.joins:
        if join.accepted() and row_of_answer(join) not in held:
            yield f"I11: {join.user} was told 201 for {join.promotion}, but it is not there: {join.body!r}"


def nothing_else_is_there(history, observed):
    """Rows = accepted answers, and at most one more for each unknown outcome. A refusal changed nothing."""
    accepted = collections.defaultdict(set)
    unknown = collections.Counter()
    for join in history.joins:
        if join.accepted():
            accepted[join.user, join.promotion].add(join.json()["participationId"])
        elif join.unknown():
            unknown[join.user, join.promotion] += 1
    for where, rows in group(observed.all_rows(), lambda r: (r.user, r.promotion)).items():
        extra = [r for r in rows if r.participation not in accepted[where]]
        if len(extra) > unknown[where]:
            yield f"total: {where} has {len(extra)} rows that no answer tells of and {unknown[where]} unknown outcomes: {extra}"
    ids = collections.Counter(r.participation for r in observed.all_rows())
    for participation, count in ids.items():
        if count > 1:
            yield f"total: participation {participation} is there {count} times"


def same_key_same_bytes(history, _observed):
    """I12, for accepted answers."""
    first = {}
    for join in history.joins:
        if join.key is None or not join.accepted():
            continue
        where = (join.user, join.promotion, join.key)
        if first.setdefault(where, join.body) != join.body:
            yield f"I12: {where} was answered {first[where]!r}, then {join.body!r}"


def never_more_than_the_limit(_history, observed):
    """I1, and the stock shown adds up."""
    for promotion, held in observed.promotions.items():
        taken = len(observed.rows.get(promotion, []))
        if taken > held.limit:
            yield f"I1: {promotion} has {taken} participations and a limit of {held.limit}"
        if held.left != held.limit - taken:
            yield f"I1: {promotion} shows {held.left} left of {held.limit}, but {taken} are taken"


def once_a_day(_history, observed):
    """I2."""
    for where, rows in group(observed.all_rows(), lambda r: (r.promotion, r.user, r.day)).items():
        if len(rows) > 1:
            yield f"I2: {where} joined {len(rows)} times"


def at_most_one_accrual(_history, observed):
    """I4, at any moment: none twice, none without an acceptance, only the amount promised."""
    rows = {r.event: r for r in observed.all_rows()}
    for event, entries in group(observed.book, lambda e: e["eventId"]).items():
        if len(entries) > 1 or entries[0]["times"] != 1:
            yield f"I4: the partner booked {event} more than once: {entries}"
        row = rows.get(event)
        if row is None:
            yield f"I4: the partner booked {event}, but nobody joined: {entries[0]}"
        elif (row.user, row.promotion, row.amount) != (entries[0]["userId"], entries[0]["promotionId"], entries[0]["amount"]):
            yield f"I4: the partner booked {entries[0]} for {row}"


def exactly_one_accrual(_history, observed):
    """I4 and I17, after quiescence."""
    booked = {e["eventId"] for e in observed.book}
    for row in observed.all_rows():
        if row.event not in booked:
            yield f"I4: {row} was never booked by the partner"
        if row.accrual != "DONE":
            yield f"I4: {row.participation} stays {row.accrual}"


def refusals_were_true(history, observed):
    """A refusal shows decided state, so what it showed is durable too."""
    days = {(r.promotion, r.user, r.day) for r in observed.all_rows()}
    limits = collections.defaultdict(list)
    for change in history.changes:
        limits[change.promotion].append(change.limit)
    for join in history.joins:
        if join.status != 409:
            continue
        said = join.json()
        if said["code"] == "ALREADY_PARTICIPATED" and (join.promotion, join.user, said["day"]) not in days:
            yield f"I11: {join.user} was told 'already participated' on {said['day']} in {join.promotion}, but that is not there"
        if said["code"] == "SOLD_OUT" and len(observed.rows.get(join.promotion, [])) < min(limits[join.promotion], default=0):
            yield f"I11: {join.user} was told 'sold out' in {join.promotion}, but it is not"


def reads_were_true(history, observed):
    """What a read counted as taken is durable."""
    for sight in history.sights:
        taken = len(observed.rows.get(sight.promotion, []))
        if taken < sight.taken:
            yield f"I11: a read of {sight.promotion} showed {sight.taken} taken, now there are {taken}"


def changes_are_there(history, observed):
    """An operator's acknowledged change is kept. Limits only rise in these tests."""
    for promotion, changes in group(history.changes, lambda c: c.promotion).items():
        acknowledged = [c for c in changes if c.revision is not None]
        held = observed.promotions.get(promotion)
        if held is None:
            if acknowledged:
                yield f"I11: promotion {promotion} was acknowledged, but it is not there"
            continue
        if held.limit not in {c.limit for c in changes}:
            yield f"I11: {promotion} has the limit {held.limit}, which nobody asked for"
        if acknowledged and held.limit < max(c.limit for c in acknowledged):
            yield f"I11: {promotion} lost an acknowledged limit: it is {held.limit}"
        if acknowledged and held.revision < max(c.revision for c in acknowledged):
            yield f"I11: {promotion} lost an acknowledged revision: it is {held.revision}"


def time_never_decreases(_history, observed):
    """I15, within a promotion."""
    for promotion, rows in observed.rows.items():
        for before, after in zip(rows, rows[1:]):
            if after.at < before.at:
                yield f"I15: in {promotion}, {after} was decided after {before}"


def books_agree(_history, observed):
    """The server's own comparison of hot state and ledger."""
    for difference in observed.differences:
        yield f"I13: the reconciliation found {difference}"


ALWAYS = (acknowledged_is_there, nothing_else_is_there, same_key_same_bytes, never_more_than_the_limit, once_a_day, at_most_one_accrual,
          refusals_were_true, reads_were_true, changes_are_there, time_never_decreases, books_agree)
WHEN_QUIET = (*ALWAYS, exactly_one_accrual)


def violations(history, observed, rules=ALWAYS):
    return [sentence for rule in rules for sentence in rule(history, observed)]


def group(items, key):
    groups = collections.defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups
