"""What the clients saw: every attempt with its answer, or with None where the connection ended before one came."""

import dataclasses
import json


@dataclasses.dataclass(frozen=True)
class Join:
    user: str
    promotion: str
    key: str | None
    status: int | None  # None: unknown outcome
    body: bytes = b""

    def accepted(self):
        return self.status == 201

    def unknown(self):
        return self.status is None

    def json(self):
        return json.loads(self.body)


@dataclasses.dataclass(frozen=True)
class Change:
    """A promotion created or patched with this limit."""
    promotion: str
    limit: int
    revision: int | None  # of the answer; None: unknown outcome


@dataclasses.dataclass(frozen=True)
class Sight:
    """A read: this many places were taken."""
    promotion: str
    taken: int


@dataclasses.dataclass(frozen=True)
class Play:
    """A call of a lottery: visit, open, draw, or what an operator does: an adjustment, an import of codes."""
    user: str
    kind: str
    key: str | None
    tickets: int = 0  # of an adjustment, signed
    status: int | None = None  # None: unknown outcome
    body: bytes = b""
    codes: tuple = ()  # of an import

    def json(self):
        return json.loads(self.body)


@dataclasses.dataclass
class History:
    joins: list = dataclasses.field(default_factory=list)
    changes: list = dataclasses.field(default_factory=list)
    sights: list = dataclasses.field(default_factory=list)
    plays: list = dataclasses.field(default_factory=list)
    shown: dict = dataclasses.field(default_factory=dict)  # coupon -> the code that its owner read

    def counts(self):
        accepted = sum(j.accepted() for j in self.joins)
        unknown = sum(j.unknown() for j in self.joins)
        drawn = sum((p.kind, p.status) == ("draw", 201) for p in self.plays)
        plays = f"; {len(self.plays)} calls of a lottery, {drawn} draws" if self.plays else ""
        return f"{len(self.joins)} attempts, {accepted} accepted, {unknown} unknown{plays}"
