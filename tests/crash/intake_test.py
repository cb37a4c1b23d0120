"""Killed right after 202: what was accepted is judged by the next life, exactly once, and the person is told the truth all along."""

import datetime
import json
import unittest

import windfall_server
from crash_case import CrashCase

BATCH = "application/cloudevents-batch+json"
# Enough that judging is under way when the kill comes, whatever the machine.
USERS = 200
LIVES = 6


class Intake(CrashCase):

    def founded(self):
        server = self.start()
        # Around the real now: a restart gives real time back.
        today = datetime.datetime.now(datetime.timezone.utc).date()
        begin, end = (str(today + datetime.timedelta(days=days)) for days in (-5, 5))
        answer = server.call("POST", "/v1/admin/promotions", admin=True, body={
            "id": "lot", "title": "L", "startDate": begin, "endDate": end,
            "lottery": {"grants": [{"cause": "VISIT", "tickets": 1}],
                        "prizes": [{"prizeId": "a", "name": "A", "kind": "POINTS", "value": 100, "count": 10}]}})
        self.assertEqual(201, answer.status, answer.body)
        key = server.call("POST", "/v1/admin/keys", admin=True, body={"name": "collector", "role": "gateway"}).json()["key"]
        return server, key

    def send(self, server, key, events):
        return server.call("POST", "/v1/events", headers={"Authorization": "Bearer " + key, "Content-Type": BATCH}, raw=json.dumps(events))

    def visits(self, life):
        return [{"specversion": "1.0", "id": f"{life}-{n}", "source": "/page", "type": "promotion.page.visited",
                 "data": {"promotionId": "lot", "userId": f"u{life}-{n}"}} for n in range(USERS)]

    def tickets(self, server, user):
        return server.read("/v1/promotions/lot/tickets", user=user).json()

    def test_what_was_accepted_is_granted_exactly_once_by_the_next_life(self):
        server, key = self.founded()
        for life in range(LIVES):
            events = self.visits(life)
            answer = self.send(server, key, events)
            self.assertEqual((202, {"accepted": USERS}), (answer.status, answer.json()))
            self.kill(server)
            server = self.start()
            # Told the truth: one ticket, on its way or there.
            early = self.tickets(server, f"u{life}-{USERS - 1}")
            self.assertEqual(1, early["held"], early)
            self.until("the last visit is granted", lambda: not self.tickets(server, f"u{life}-{USERS - 1}")["provisional"])
            # Its sender never knew, and sends it again.
            self.assertEqual(202, self.send(server, key, events).status)
        self.until("all are granted", lambda: all(not self.tickets(server, f"u{life}-{n}")["provisional"]
                                                  for life in range(LIVES) for n in range(0, USERS, 20)))
        for life in range(LIVES):
            for n in range(0, USERS, 10):
                account = self.tickets(server, f"u{life}-{n}")
                self.assertEqual((1, 1, 1, False), (account["held"], account["granted"], account["byCause"]["VISIT"], account["provisional"]))
        self.assertEqual([], server.error_lines())
        self.stop(server)
        self.assertEqual("", windfall_server.fsck(self.data))

    def test_shares_are_counted_once_however_often_it_is_killed(self):
        server, key = self.founded()
        for life in range(LIVES):
            events = [{"specversion": "1.0", "id": f"{life}-{n}", "source": "/page", "type": "promotion.shared",
                       "data": {"promotionId": "lot", "userId": "sharer"}} for n in range(USERS)]
            self.assertEqual(202, self.send(server, key, events).status)
            self.kill(server)
            server = self.start()
        self.until("all shares are counted",
                   lambda: server.read("/v1/promotions/lot/invites", user="sharer").json()["shared"] >= LIVES * USERS)
        self.assertEqual(LIVES * USERS, server.read("/v1/promotions/lot/invites", user="sharer").json()["shared"])
        self.stop(server)


if __name__ == "__main__":
    unittest.main()
