#!/usr/bin/python3
"""Each rule of books.py is silent on books that are right, and speaks up for the bug that is planted for it."""

import copy
import dataclasses
import json
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import books  # noqa: E402
from crowd import Call  # noqa: E402

DAY = "2025-06-21"


def join(user, participation, at, key="k", status=201, **more):
    said = {"participationId": participation, "userId": user, "day": DAY, "rewardAmount": 500, "participatedAt": f"at {user}", **more}
    return Call("join", user, "p", key, at - 0.1, at + 0.1, 0, status, json.dumps(said).encode())


def draw(user, draw_id, at):
    return Call("draw", user, "lot", f"d-{draw_id}", at - 0.1, at + 0.1, 0, 201, json.dumps({"drawId": draw_id}).encode())


def right():
    """Two joins, one of them repeated, and a draw that won."""
    calls = [join("a", "e2", 2.0), join("b", "e3", 3.0), join("b", "e3", 9.0), draw("c", "x1", 4.0)]
    events = [books.Event(1, 1, 1, 1.0, "e1"), books.Event(1, 1, 2, 2.0, "e2"), books.Event(1, 1, 3, 3.0, "e3"), books.Event(2, 1, 1, 4.0, "x1")]
    return calls, books.Observed(
        promotions=[books.Promotion("p", 1, 10, (8, 8)), books.Promotion("lot", 2, None, ())],
        rows=[books.Row("e2", "p", "a", DAY, 500, "f2", "at a"), books.Row("e3", "p", "b", DAY, 500, "f3", "at b")],
        events=[dataclasses.replace(event, id="") for event in events],
        published=[*events, events[1]],
        dead_letters=0,
        drawn={"c": 1},
        wins=[("c", "w1")],
        book=[{"eventId": event, "userId": user, "promotionId": of, "amount": amount, "times": 1}
              for event, user, of, amount in (("f2", "a", "p", 500), ("f3", "b", "p", 500), ("w1", "c", "lot", 100))],
        differences=[],
    )  # fmt: skip


def lose(observed, event_id):
    gone = next(event for event in observed.published if event.id == event_id)
    observed.published = [event for event in observed.published if event.id != event_id]
    observed.events = [event for event in observed.events if event.place() != gone.place()]
    observed.rows = [row for row in observed.rows if row.participation != event_id]


class BooksTest(unittest.TestCase):
    def found(self, spoil):
        calls, observed = right()
        spoil(calls, observed)
        return {rule.__name__ for rule in books.RULES if list(rule(calls, observed))}

    def test_right_books_have_no_violation(self):
        self.assertEqual([], books.violations(*right()))

    def test_an_answer_that_is_in_no_log_is_found(self):
        self.assertIn("acknowledged_is_there", self.found(lambda calls, observed: lose(observed, "e3")))

    def test_an_answer_by_another_id_than_that_of_the_log_is_found_and_is_not_lost(self):
        found = self.found(lambda calls, _: calls.append(join("b", "other", 10.0)))
        self.assertIn("ids_are_those_of_the_log", found)
        self.assertNotIn("acknowledged_is_there", found)

    def test_the_end_of_the_log_may_be_missing_after_a_flush_and_nothing_before_it(self):
        def tail(calls, observed):
            calls.pop(2)  # nobody hears of it again
            lose(observed, "e3")
            observed.flushed = {"p": [3.5]}

        def middle(_calls, observed):
            lose(observed, "e2")
            observed.flushed = {"p": [3.5]}

        self.assertNotIn("acknowledged_is_there", self.found(tail))
        self.assertIn("acknowledged_is_there", self.found(middle))

    def test_what_is_lost_has_to_be_counted_and_nothing_else(self):
        def lost(events, at_least):
            def spoil(calls, observed):
                calls.pop(2)
                lose(observed, "e3")
                observed.flushed = {"p": [3.5]}
                observed.lost = [books.Lost(1, events, at_least)]

            return self.found(spoil)

        self.assertNotIn("losses_are_counted", lost(1, False))
        self.assertIn("losses_are_counted", lost(0, False))
        self.assertNotIn("losses_are_counted", lost(0, True))
        self.assertIn("losses_are_counted", lost(2, False))
        self.assertIn("losses_are_counted", self.found(lambda _, o: o.lost.append(books.Lost(2, 1, False))))

    def test_an_answer_that_the_ledger_tells_otherwise_is_found(self):
        self.assertIn("acknowledged_is_there", self.found(lambda _, o: o.rows.__setitem__(0, dataclasses.replace(o.rows[0], amount=1))))

    def test_a_row_that_no_answer_tells_of_is_found(self):
        self.assertIn("nothing_else_is_there", self.found(lambda _, o: o.rows.append(books.Row("e9", "p", "z", DAY, 500, "f9", "at z"))))

    def test_a_refusal_that_has_left_a_row_is_found(self):
        self.assertIn("nothing_else_is_there", self.found(lambda calls, _: calls.__setitem__(0, dataclasses.replace(calls[0], status=409))))

    def test_other_bytes_for_the_same_key_are_found(self):
        self.assertIn("same_key_same_bytes", self.found(lambda calls, _: calls.append(join("b", "e3", 10.0, more=1))))

    def test_an_accepted_answer_that_is_refused_later_is_found(self):
        self.assertIn("same_key_same_bytes", self.found(lambda calls, _: calls.append(join("b", "e3", 10.0, status=404))))

    def test_overselling_and_a_wrong_stock_are_found(self):
        self.assertIn("never_more_than_the_limit", self.found(lambda _, o: o.promotions.__setitem__(0, books.Promotion("p", 1, 1, (-1, -1)))))
        self.assertIn("never_more_than_the_limit", self.found(lambda _, o: o.promotions.__setitem__(0, books.Promotion("p", 1, 10, (8, 7)))))

    def test_a_second_join_of_a_day_is_found(self):
        self.assertIn("once_a_day", self.found(lambda _, o: o.rows.append(dataclasses.replace(o.rows[0], participation="e9"))))

    def test_what_was_not_paid_or_paid_twice_or_for_nothing_is_found(self):
        for spoil in (
            lambda _, o: o.book.pop(0),
            lambda _, o: o.book.pop(2),
            lambda _, o: o.book.append(copy.copy(o.book[0])),
            lambda _, o: o.book[0].update(times=2),
            lambda _, o: o.book[0].update(amount=501),
            lambda _, o: o.book.append({**o.book[0], "eventId": "nobody's"}),
        ):
            self.assertIn("one_accrual_each", self.found(spoil))

    def test_a_gap_and_time_that_goes_back_are_found(self):
        self.assertIn("ledger_has_no_gap", self.found(lambda _, o: o.events.pop(1)))
        self.assertIn("ledger_has_no_gap", self.found(lambda _, o: o.events.__setitem__(2, dataclasses.replace(o.events[2], at=0.5))))

    def test_a_ledger_that_is_not_the_log_is_found(self):
        for spoil in (
            lambda _, o: o.events.pop(3),
            lambda _, o: o.published.pop(3),
            lambda _, o: o.published.append(dataclasses.replace(o.published[0], id="another")),
            lambda _, o: setattr(o, "dead_letters", 1),
        ):
            self.assertIn("ledger_is_the_log", self.found(spoil))

    def test_a_lost_draw_and_one_too_many_are_found(self):
        self.assertIn("draws_are_there", self.found(lambda _, o: o.drawn.clear()))
        self.assertIn("draws_are_there", self.found(lambda _, o: o.drawn.update(d=1)))

    def test_a_difference_of_the_reconciliation_is_found(self):
        self.assertIn("books_agree", self.found(lambda _, o: o.differences.append({"kind": "JOINS"})))


if __name__ == "__main__":
    unittest.main()
