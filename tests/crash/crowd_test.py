"""Crowds: one user a thousand times at once, clock jumps under load, ten thousand connections that say nothing or dribble."""

import asyncio
import collections
import datetime
import json
import resource
import socket
import time
import unittest

import lottery
import observation
import windfall_server
import workload
from crash_case import CrashCase

TAPS = 1000
# The contract's number of slow clients, less where this machine may not open as many files.
SLOW_CLIENTS = 10_000
FILES_OF_OUR_OWN = 500
HEALTH_SECONDS = 1.0
HALF_REQUEST = b"POST /v1/promotions/big/participations HTTP/1.1\r\nHost: a\r\nX-User-Id: slow\r\n"


async def tap(port, history, user, key):
    """All connections are open before the first request leaves."""
    clients = [workload.Client(port) for _ in range(TAPS)]
    for client in clients:
        client.reader, client.writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await asyncio.gather(*(workload.join(client, history, user, "big", key) for client in clients))
    finally:
        for client in clients:
            client.close()


class DoubleTap(CrashCase):

    def setUp(self):
        super().setUp()
        self.server = self.start()
        self.found(self.server)

    def test_a_thousand_requests_of_one_user_are_accepted_once(self):
        answers = asyncio.run(tap(self.server.port, self.history, "eager", None))
        self.assertEqual(1, sum(a.accepted() for a in answers))
        self.assertEqual({"ALREADY_PARTICIPATED"}, {a.json()["code"] for a in answers if not a.accepted()})
        self.assertEqual(1, len(observation.check(self, self.server, self.history, quiet=True).all_rows()))

    def test_a_thousand_requests_with_one_key_all_get_the_accepted_answer(self):
        answers = asyncio.run(tap(self.server.port, self.history, "eager", "one-key"))
        self.assertEqual({201}, {a.status for a in answers})
        self.assertEqual(1, len({a.body for a in answers}))
        self.kill(self.server)
        again = self.start()
        self.assertEqual(answers[0].body, self.join(again, "eager", key="one-key").body)
        self.assertEqual(1, len(observation.check(self, again, self.history, quiet=True).all_rows()))


async def draw_at_once(port, calls):
    """One request on each of as many open connections: (status, body) by promotion."""
    clients = [(promotion, workload.Client(port)) for promotion in calls]
    for _, client in clients:
        client.reader, client.writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        answers = await asyncio.gather(*(client.call("POST", f"/v1/promotions/{promotion}/draws", user="eager") for promotion, client in clients))
    finally:
        for _, client in clients:
            client.close()
    told = collections.defaultdict(list)
    for (promotion, _), (status, body) in zip(clients, answers):
        told[promotion].append((status, json.loads(body)))
    return told


class DrawsAtOnce(CrashCase):
    TICKETS = 7

    def test_a_thousand_draws_of_one_user_in_two_lotteries_take_each_ticket_once_and_win_at_most_once(self):
        server = self.start()
        one_win = {"maxWinsPerUser": 1}
        prize = {"prizeId": "points", "name": "Points", "kind": "POINTS", "value": 100}
        # In the one nearly every draw loses, so that tickets are what ends it; in the other every draw would win.
        lottery.found(server, workload.START_DATE, workload.END_DATE, "rare", **one_win, expectedDrawsPerDay=10**6, prizes=[{**prize, "count": 1}])
        lottery.found(server, workload.START_DATE, workload.END_DATE, "sure", **one_win, winRatePermille={"min": 1000, "max": 1000},
                      prizes=[{**prize, "count": 33000}])
        for name in ("rare", "sure"):
            answer = server.call("POST", "/v1/admin/users/eager/adjustments", admin=True,
                                 body={"promotionId": name, "tickets": self.TICKETS, "reason": "test"})
            self.assertEqual(201, answer.status, answer.body)
        told = asyncio.run(draw_at_once(server.port, ["rare", "sure"] * (TAPS // 2)))
        for name, answers in told.items():
            accepted = [body for status, body in answers if status == 201]
            wins = sum(body["outcome"] == "WIN" for body in accepted)
            refusals = {body["code"] for status, body in answers if status != 201}
            self.assertLessEqual(wins, 1, name)
            self.assertEqual({"ALREADY_WON"} if wins else {"NO_TICKET"}, refusals, name)
            if not wins:
                self.assertEqual(self.TICKETS, len(accepted), name)
            if name == "sure":
                self.assertEqual([1, 1], [wins, len(accepted)])
            self.assertEqual(len(accepted), len({body["drawId"] for body in accepted}), name)
            self.assertEqual(sorted(range(self.TICKETS - len(accepted), self.TICKETS)), sorted(body["held"] for body in accepted), name)
        self.kill(server)
        again = self.start()
        for name, answers in told.items():
            drawn = sum(status == 201 for status, _ in answers)
            tickets = again.read(f"/v1/promotions/{name}/tickets", user="eager").json()
            self.assertEqual([self.TICKETS - drawn, drawn], [tickets["held"], tickets["drawn"]], name)
        self.stop(again)
        self.assertEqual("", windfall_server.fsck(self.data))


class Clock(CrashCase):

    def test_jumps_of_an_hour_under_load_never_turn_time_back_nor_admit_twice(self):
        server = self.start()
        self.found(server)
        # Midnight of Seoul is 15:00 UTC. The first jump is ahead of the promotions' founding, as time never runs back before that.
        first, second = (str(workload.TODAY + datetime.timedelta(days)) for days in (40, 41))
        for turn, time_of_day in enumerate(("14:30:00.000", "15:30:00.000", "14:30:00.000", "15:00:00.000", "14:59:59.999", "15:30:00.000")):
            self.assertEqual(200, server.call("PUT", "/v1/dev/clock", body={"now": f"{first}T{time_of_day}Z"}).status)
            self.load(server, 250, f"jump{turn}", connections=8)
            self.again_the_same_users(server)
        self.kill(server)
        again = self.start()
        observed = observation.check(self, again, self.history, quiet=True)
        self.assertEqual({first, second}, {row.day for row in observed.rows["big"]})

    def again_the_same_users(self, server):
        """Whoever joined on the first day may join on the second, whichever way the clock is turned in between."""
        for number in range(10):
            self.join(server, f"regular{number}")


class SlowClients(CrashCase):

    def test_health_is_answered_at_once_beside_ten_thousand_slow_clients(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        count = min(SLOW_CLIENTS, hard - FILES_OF_OUR_OWN)
        server = self.start()
        self.found(server)
        slow = []
        self.addCleanup(lambda: [s.close() for s in slow])
        for number in range(count):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            slow.append(connection)
            if number % 2:
                connection.sendall(HALF_REQUEST[:1 + number % len(HALF_REQUEST)])
        times = [self.seconds_of(server, "/livez") for _ in range(20)] + [self.seconds_of(server, "/readyz") for _ in range(20)]
        self.assertLess(max(times), HEALTH_SECONDS)
        self.assertGreater(self.connections(server), count * 0.9)
        self.load(server, 200, "beside")
        self.assertTrue(all(j.status in (201, 409) for j in self.history.joins))
        for connection in slow:
            connection.close()
        self.until("their connections are given back", lambda: self.connections(server) < FILES_OF_OUR_OWN)
        observation.check(self, server, self.history, quiet=True)
        self.stop(server)

    def seconds_of(self, server, path):
        start = time.monotonic()
        self.assertEqual(200, server.call("GET", path).status)
        return time.monotonic() - start

    def connections(self, server):
        metrics = server.read("/metrics").body.decode()
        return int(next(line for line in metrics.splitlines() if line.startswith("windfall_http_connections ")).split()[1])


if __name__ == "__main__":
    unittest.main()
