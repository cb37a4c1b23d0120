"""A checker that has never caught a planted bug proves nothing: each rule against a history that it must accept and one that it must not."""

import copy
import dataclasses
import json
import unittest

import checker
import history as seen
import lottery


def row(number, user, promotion="p", day="2026-05-01", at="2026-05-01T00:00:00.000Z"):
    return checker.Row(f"part-{number}", promotion, user, day, 500, at, "DONE", f"event-{number}")


def answer(r, key=None):
    body = json.dumps({"participationId": r.participation, "promotionId": r.promotion, "userId": r.user, "day": r.day,
                       "rewardAmount": r.amount, "participatedAt": r.at, "accrual": "PENDING", "accrualEventId": r.event})
    return seen.Join(r.user, r.promotion, key, 201, body.encode())


def refusal(user, code, **more):
    return seen.Join(user, "p", None, 409, json.dumps({"code": code, **more}).encode())


def booked(r):
    return {"eventId": r.event, "userId": r.user, "promotionId": r.promotion, "amount": r.amount, "times": 1}


class Checker(unittest.TestCase):

    def setUp(self):
        """Three joined; one of them lost the answer, one repeated herself."""
        self.rows = [row(1, "ann"), row(2, "bob"), row(3, "cho")]
        self.history = seen.History(
            joins=[answer(self.rows[0], "k"), answer(self.rows[0], "k"), answer(self.rows[1]), seen.Join("cho", "p", None, None),
                   seen.Join("dan", "p", "k2", None), refusal("bob", "ALREADY_PARTICIPATED", day="2026-05-01"),
                   refusal("eve", "SOLD_OUT")],
            changes=[seen.Change("p", 3, 1), seen.Change("q", 9, None)],
            sights=[seen.Sight("p", 2)])
        self.observed = checker.Observed({"p": checker.Held(3, 0, 1)}, {"p": self.rows}, [booked(r) for r in self.rows], [])

    def found(self):
        return checker.violations(self.history, self.observed, checker.WHEN_QUIET)

    def assert_caught(self, *words):
        found = "\n".join(self.found())
        for word in words:
            self.assertIn(word, found)

    def add_row(self, r, limit=None):
        self.observed.rows["p"] = [*self.observed.rows["p"], r]
        self.observed.book.append(booked(r))
        taken = len(self.observed.rows["p"])
        limit = limit or taken
        self.observed.promotions["p"] = checker.Held(limit, limit - taken, 1)
        self.history.changes.append(seen.Change("p", limit, 1))

    def test_a_right_history_is_accepted(self):
        self.assertEqual([], self.found())

    def test_a_lost_acknowledgement_is_caught(self):
        self.observed.rows["p"] = self.rows[1:]
        self.assert_caught("I11: ann was told 201")

    def test_an_acknowledgement_with_another_amount_is_caught(self):
        self.observed.rows["p"] = [dataclasses.replace(self.rows[0], amount=501), *self.rows[1:]]
        self.assert_caught("I11: ann was told 201")

    def test_a_join_nobody_asked_for_is_caught(self):
        self.add_row(row(4, "zed"))
        self.assert_caught("total: ('zed', 'p')")

    def test_a_refused_join_that_is_there_is_caught(self):
        self.add_row(row(4, "eve"))
        self.assert_caught("total: ('eve', 'p')")

    def test_an_unknown_outcome_that_counts_twice_is_caught(self):
        self.add_row(row(4, "cho", day="2026-05-02"))
        self.assert_caught("total: ('cho', 'p')")

    def test_a_participation_exported_twice_is_caught(self):
        self.observed.rows["p"] = [*self.rows, self.rows[0]]
        self.assert_caught("participation part-1 is there 2 times")

    def test_other_bytes_for_the_same_key_are_caught(self):
        first = self.history.joins[0]
        self.history.joins.append(dataclasses.replace(first, body=first.body.replace(b"PENDING", b"DONE")))
        self.assert_caught("I12")

    def test_an_oversold_promotion_is_caught(self):
        self.observed.promotions["p"] = checker.Held(2, -1, 1)
        self.assert_caught("I1: p has 3 participations and a limit of 2")

    def test_a_wrong_number_of_places_left_is_caught(self):
        self.observed.promotions["p"] = checker.Held(3, 1, 1)
        self.assert_caught("I1: p shows 1 left")

    def test_two_joins_on_one_day_are_caught(self):
        self.history.joins.append(answer(row(4, "bob")))
        self.add_row(row(4, "bob"))
        self.assert_caught("I2: ('p', 'bob', '2026-05-01') joined 2 times")

    def test_a_duplicate_accrual_is_caught(self):
        self.observed.book.append(booked(self.rows[0]))
        self.assert_caught("I4: the partner booked event-1 more than once")

    def test_an_accrual_booked_twice_under_one_entry_is_caught(self):
        self.observed.book[0]["times"] = 2
        self.assert_caught("I4: the partner booked event-1 more than once")

    def test_an_accrual_without_a_join_is_caught(self):
        self.observed.book.append(booked(row(9, "zed")))
        self.assert_caught("I4: the partner booked event-9, but nobody joined")

    def test_an_accrual_of_another_amount_or_user_is_caught(self):
        for member, value in (("amount", 5), ("userId", "bob")):
            with self.subTest(member=member):
                book = copy.deepcopy(self.observed.book)
                self.observed.book[0][member] = value
                self.assert_caught("I4: the partner booked {")
                self.observed.book = book

    def test_a_missing_accrual_is_caught_after_quiescence_only(self):
        self.observed.book.pop()
        self.assert_caught("was never booked")
        self.assertEqual([], checker.violations(self.history, self.observed, checker.ALWAYS))

    def test_an_accrual_that_stays_pending_is_caught(self):
        self.observed.rows["p"] = [dataclasses.replace(self.rows[0], accrual="PENDING"), *self.rows[1:]]
        self.assert_caught("part-1 stays PENDING")

    def test_a_refusal_for_a_join_that_was_lost_is_caught(self):
        self.observed.rows["p"] = [self.rows[0], self.rows[2]]
        self.assert_caught("bob was told 'already participated'")

    def test_a_sold_out_that_was_taken_back_is_caught(self):
        self.observed.rows["p"] = self.rows[:2]
        self.assert_caught("eve was told 'sold out'")

    def test_a_read_of_what_was_lost_is_caught(self):
        self.history.sights.append(seen.Sight("p", 4))
        self.assert_caught("a read of p showed 4 taken")

    def test_a_lost_promotion_is_caught(self):
        del self.observed.promotions["p"]
        self.assert_caught("promotion p was acknowledged")

    def test_a_lost_change_is_caught(self):
        self.history.changes.append(seen.Change("p", 5, 2))
        self.assert_caught("lost an acknowledged limit", "lost an acknowledged revision")

    def test_a_limit_nobody_asked_for_is_caught(self):
        self.observed.promotions["p"] = checker.Held(4, 1, 1)
        self.assert_caught("which nobody asked for")

    def test_time_that_runs_backwards_is_caught(self):
        self.observed.rows["p"] = [self.rows[0], self.rows[1], dataclasses.replace(self.rows[2], at="2026-04-30T23:59:59.999Z")]
        self.assert_caught("I15")

    def test_a_difference_of_the_reconciliation_is_passed_on(self):
        self.observed.differences.append({"promotionId": "p"})
        self.assert_caught("I13")


def told(user, kind, body, key=None, tickets=0, status=201):
    return seen.Play(user, kind, key, tickets, status, json.dumps(body).encode())


class LotteryChecker(unittest.TestCase):

    def setUp(self):
        """Ann was granted seven tickets, one was taken back; she drew twice, won points once and repeated herself once."""
        prize = {"prizeId": "points", "name": "Points", "kind": "POINTS", "value": lottery.POINTS}
        win = {"drawId": "d1", "outcome": "WIN", "prize": prize, "held": 5}
        self.history = seen.History(plays=[
            told("ann", "visit", {"granted": 3, "held": 3}), told("ann", "open", {"granted": 1, "held": 4}),
            told("ann", "adjust", {"held": 7}, tickets=3), told("ann", "adjust", {"held": 6}, tickets=-1),
            told("ann", "draw", win, "k"), told("ann", "draw", win, "k"), told("ann", "draw", {"drawId": "d2", "outcome": "LOSE", "held": 4})])
        self.held = {"ann": lottery.Held(
            {"held": 4, "granted": 7, "drawn": 2, "revoked": 1, "provisional": False,
             "byCause": {"VISIT": 3, "INVITE_SENT": 0, "INVITE_OPENED": 1, "ADJUSTMENT": 3}},
            [{"drawId": "d1", "outcome": "WIN", "prize": prize}, {"drawId": "d2", "outcome": "LOSE"}])}
        self.book = [{"eventId": "e1", "userId": "ann", "promotionId": lottery.LOTTERY, "amount": lottery.POINTS, "times": 1}]

    def found(self):
        return lottery.violations(self.history, self.held, self.book, lottery.WHEN_QUIET)

    def assert_caught(self, words):
        self.assertIn(words, "\n".join(self.found()))

    def test_a_right_history_is_accepted(self):
        self.assertEqual([], self.found())

    def test_a_lost_draw_is_caught(self):
        self.held["ann"].draws.pop()
        self.assert_caught("I11: ann was told of draw d2")

    def test_another_outcome_than_was_told_is_caught(self):
        self.held["ann"].draws[0].update(outcome="LOSE", prize=None)
        self.assert_caught("I11: draw d1 was WIN")

    def test_a_draw_nobody_asked_for_is_caught(self):
        self.held["ann"].draws.append({"drawId": "d3", "outcome": "LOSE"})
        self.assert_caught("total: ann has 1 draws that no answer tells of")
        self.assert_caught("I7: ann has drawn 2 tickets, but 3 draws")

    def test_an_account_that_does_not_add_up_is_caught(self):
        self.held["ann"].tickets["held"] = 5
        self.assert_caught("I5: ann holds")

    def test_a_visit_granted_twice_is_caught(self):
        self.held["ann"].tickets["byCause"]["VISIT"] = 6
        self.assert_caught("I6: ann has 6 tickets of VISIT")

    def test_a_lost_open_is_caught(self):
        self.held["ann"].tickets["byCause"]["INVITE_OPENED"] = 0
        self.assert_caught("I6: ann has 0 tickets of INVITE_OPENED")

    def test_a_lost_adjustment_is_caught(self):
        self.held["ann"].tickets["byCause"]["ADJUSTMENT"] = 0
        self.assert_caught("I11: adjustments of ann add up to 0")

    def test_another_draw_for_the_same_key_is_caught(self):
        self.history.plays.append(told("ann", "draw", {"drawId": "d2", "outcome": "LOSE", "held": 4}, "k"))
        self.assert_caught("I12")

    def test_an_odd_refusal_is_caught(self):
        self.history.plays.append(told("ann", "draw", {"code": "ALREADY_WON"}, status=409))
        self.assert_caught("refused with ALREADY_WON")

    def test_points_paid_twice_or_never_are_caught(self):
        self.book.append({**self.book[0], "eventId": "e2"})
        self.assert_caught("I4: ann has won points 1 times and was paid 2 times")
        self.book.clear()
        self.assert_caught("was paid 0 times")

    def test_points_of_another_amount_are_caught(self):
        self.book[0]["amount"] = 99
        self.assert_caught("I4: the partner booked")


class CodeChecker(unittest.TestCase):

    def setUp(self):
        """Ann won two coffees and Bob one; three codes came in, one import's outcome is unknown."""
        coffee = {"prizeId": "coffee", "name": "Coffee", "kind": "GIFTICON", "value": 4500}
        self.history = seen.History(plays=[self.codes({"imported": 2}, ("A", "B"), "k"), self.codes({"imported": 2}, ("A", "B"), "k"),
                                           self.codes({"imported": 1}, ("C",)), seen.Play(lottery.IMPORTER, "codes", None, codes=("D", "E"))])
        self.held = {user: lottery.Held({"held": 0, "granted": n, "drawn": n, "revoked": 0, "provisional": False,
                                         "byCause": {"VISIT": 0, "INVITE_SENT": 0, "INVITE_OPENED": 0, "ADJUSTMENT": n}},
                                        [{"drawId": f"{user}{i}", "outcome": "WIN", "prize": coffee} for i in range(n)], coupons)
                     for user, n, coupons in (("ann", 2, {"c1": "A", "c2": "B"}), ("bob", 1, {"c3": "C"}))}
        for user, now in self.held.items():
            self.history.plays += [told(user, "draw", draw) for draw in now.draws]
            self.history.plays.append(told(user, "adjust", {}, tickets=len(now.draws)))

    @staticmethod
    def codes(body, codes, key=None, status=200):
        return seen.Play(lottery.IMPORTER, "codes", key, 0, status, json.dumps(body).encode(), codes)

    def found(self):
        return lottery.violations(self.history, self.held, [], lottery.WHEN_QUIET)

    def assert_caught(self, words):
        self.assertIn(words, "\n".join(self.found()))

    def test_a_right_history_is_accepted(self):
        self.assertEqual([], self.found())
        self.held["bob"].coupons["c3"] = "D"  # of the import that nobody knows about
        self.assertEqual([], self.found())

    def test_a_code_of_two_coupons_is_caught(self):
        self.held["bob"].coupons["c3"] = "A"
        self.assert_caught("I9: A belongs to 2 coupons")

    def test_a_code_that_nobody_sent_is_caught(self):
        self.held["bob"].coupons["c3"] = "Z"
        self.assert_caught("I9: c3 has Z, which no import brought in")

    def test_a_code_of_an_import_that_was_refused_is_caught(self):
        self.history.plays.append(self.codes({"code": "IN_PROGRESS"}, ("R",), status=409))
        self.held["bob"].coupons["c3"] = "R"
        self.assert_caught("I9: c3 has R, which no import brought in")

    def test_a_code_that_changes_is_caught(self):
        lottery.remember(self.history, self.held)
        self.assertEqual([], self.found())
        self.held["bob"].coupons["c3"] = "D"
        self.assert_caught("I11: coupon c3 showed C, and shows D now")
        self.held["bob"].coupons["c3"] = None
        self.assert_caught("I11: coupon c3 showed C, and shows None now")

    def test_a_coupon_that_is_not_there_is_caught(self):
        del self.held["ann"].coupons["c2"]
        self.assert_caught("I9: ann has won 2 gifticons and has 1 coupons")

    def test_a_coupon_that_waits_beside_a_code_is_caught(self):
        self.held["bob"].coupons["c3"] = None
        self.assert_caught("I9: 2 codes were given to 3 coupons, though 3 came in")

    def test_more_codes_than_came_in_are_caught(self):
        self.held["ann"].coupons.update({f"x{i}": code for i, code in enumerate("DEF")})
        self.assert_caught("I9: 6 codes were given out of 3 told and 2 possible ones")

    def test_an_import_that_is_answered_otherwise_again_is_caught(self):
        self.history.plays.append(self.codes({"imported": 0}, ("A", "B"), "k"))
        self.assert_caught("I12: an import was answered")
        self.assert_caught("I9: an import of 2 codes was answered")


if __name__ == "__main__":
    unittest.main()
