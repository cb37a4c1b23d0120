"""Clients: keep-alive connections that join, repeat themselves, look, and change promotions, and write down all they see.

One asyncio loop with a client of its own for HTTP/1.1, because the point is many requests in flight when the server dies."""

import asyncio
import datetime
import http.client
import json
import random
import threading

import history as seen
import lottery
from windfall_server import ADMIN_KEY

CONNECTIONS = 24
TODAY = datetime.datetime.now(datetime.timezone.utc).date()
START_DATE, END_DATE = (str(TODAY + datetime.timedelta(days)) for days in (-30, 300))
# Sells out under load within a few lives, never, and follows the operator.
PROMOTIONS = {"small": 300, "big": 10**9, "growing": 50}
LIMIT_STEP = 25
# Of the operations of a load that has lotteries.
PLAYS = 0.4

# What a synchronous call raises when the server dies under it.
http_errors = (http.client.HTTPException, ConnectionError)


class Lost(Exception):
    """The connection ended before the answer was whole."""


class Client:
    """One keep-alive connection; opened when first used, and again after it was lost."""

    def __init__(self, port):
        self.port = port
        self.reader = self.writer = None

    async def call(self, method, path, user=None, key=None, admin=False, body=None, more_headers="", csv=None):
        """(status, body); raises Lost. `csv` is a body of its own kind."""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more_headers}"
        if user is not None:
            head += f"X-User-Id: {user}\r\n"
        if key is not None:
            head += f"Idempotency-Key: {key}\r\n"
        if admin:
            head += f"Authorization: Bearer {ADMIN_KEY}\r\n"
        content = b"" if body is None else json.dumps(body).encode()
        if csv is not None:
            content = csv.encode()
        if content:
            head += f"Content-Type: {'text/csv' if csv is not None else 'application/json'}\r\n"
        if method != "GET":
            head += f"Content-Length: {len(content)}\r\n"
        try:
            if self.writer is None:
                self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
            self.writer.write(head.encode() + b"\r\n" + content)
            return await self.answer()
        except (OSError, EOFError, asyncio.IncompleteReadError) as error:
            self.close()
            raise Lost(str(error)) from error

    async def answer(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in head[1:]}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return int(head[0].split(" ")[1]), body

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


async def join(client, history, user, promotion, key=None):
    """One attempt, written down whatever happens. Raises Lost after writing down an unknown outcome."""
    try:
        status, body = await client.call("POST", f"/v1/promotions/{promotion}/participations", user=user, key=key)
    except Lost:
        history.joins.append(seen.Join(user, promotion, key, None))
        raise
    attempt = seen.Join(user, promotion, key, status, body)
    history.joins.append(attempt)
    return attempt


class Load:
    """Runs until stopped or until the server is gone. Users are new except for one attempt in ten."""

    def __init__(self, port, history, name, seed, connections=CONNECTIONS, operations=None, changes=True, plays=False):
        self.port = port
        self.history = history
        self.name = name
        self.seed = seed
        self.connections = connections
        self.left = operations if operations is not None else 10**9
        self.changes = changes
        self.plays = plays
        self.stopping = False
        self.failure = None
        self.thread = threading.Thread(target=self.run)

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.stopping = True
        return self.finish()

    def finish(self):
        """Waits for the clients; raises what one of them raised."""
        self.thread.join()
        if self.failure is not None:
            raise self.failure
        return self.history

    def run(self):
        try:
            asyncio.run(self.all_clients())
        except BaseException as error:  # carried over to the test's thread
            self.failure = error

    async def all_clients(self):
        await asyncio.gather(*(self.one_client(i) for i in range(self.connections)))

    async def one_client(self, index):
        dice = random.Random(f"{self.seed}/{self.name}/{index}")
        client = Client(self.port)
        mine = []  # (user, promotion, key) of this client's attempts
        number = 0
        try:
            if index == 0 and self.changes:
                await self.change(client, dice, first=True)
            while not self.stopping and self.left > 0:
                self.left -= 1
                if self.plays and dice.random() < PLAYS:
                    await lottery.play(client, self.history, dice)
                    continue
                roll = dice.random()
                if roll < 0.1 and mine:
                    user, promotion, key = dice.choice(mine)
                    await join(client, self.history, user, promotion, key if dice.random() < 0.5 else None)
                elif roll < 0.13:
                    await self.look(client, dice)
                elif roll < 0.2 and index == 0 and self.changes:
                    await self.change(client, dice)
                else:
                    number += 1
                    user = f"{self.name}-{index}-{number}"
                    promotion = dice.choices(list(PROMOTIONS), (2, 7, 1))[0]
                    key = f"key-{number}" if dice.random() < 0.4 else None
                    mine.append((user, promotion, key))
                    await join(client, self.history, user, promotion, key)
        except Lost:
            pass
        finally:
            client.close()

    async def look(self, client, dice):
        promotion = dice.choice(list(PROMOTIONS))
        status, body = await client.call("GET", f"/v1/promotions/{promotion}")
        if status == 200:
            said = json.loads(body)
            self.history.sights.append(seen.Sight(promotion, said["limitJoinCount"] - said["leftJoinCount"]))

    async def change(self, client, dice, first=False):
        """The operator: raises a limit, pauses and resumes, or founds a promotion."""
        roll = 0.0 if first else dice.random()
        if roll < 0.6:
            limits = [c.limit for c in self.history.changes if c.promotion == "growing"]
            await self.set_limit(client, "growing", max(limits) + LIMIT_STEP)
        elif roll < 0.8:
            for status in ("PAUSED", "ACTIVE"):
                await client.call("PATCH", "/v1/admin/promotions/growing", admin=True, body={"status": status}, more_headers="If-Match: *\r\n")
        else:
            await self.found(client, f"founded-{self.name}-{dice.randrange(10**9)}", 10)
        if first:
            await client.call("PATCH", "/v1/admin/promotions/growing", admin=True, body={"status": "ACTIVE"}, more_headers="If-Match: *\r\n")

    async def set_limit(self, client, promotion, limit):
        try:
            status, body = await client.call("PATCH", f"/v1/admin/promotions/{promotion}", admin=True, body={"limitJoinCount": limit},
                                             more_headers="If-Match: *\r\n")
        except Lost:
            self.history.changes.append(seen.Change(promotion, limit, None))
            raise
        if status == 200:
            self.history.changes.append(seen.Change(promotion, limit, json.loads(body)["revision"]))

    async def found(self, client, promotion, limit):
        try:
            status, body = await client.call("POST", "/v1/admin/promotions", admin=True, body=definition(promotion, limit))
        except Lost:
            self.history.changes.append(seen.Change(promotion, limit, None))
            raise
        if status == 201:
            self.history.changes.append(seen.Change(promotion, limit, json.loads(body)["revision"]))


def definition(promotion, limit):
    return {"id": promotion, "title": promotion, "startDate": START_DATE, "endDate": END_DATE, "rewardAmount": 500, "limitJoinCount": limit}


def found_promotions(server, history, promotions=None):
    """Makes the promotions of the load; those already there (after a kill in the middle of this) stay."""
    for promotion, limit in (promotions or PROMOTIONS).items():
        answer = server.call("POST", "/v1/admin/promotions", body=definition(promotion, limit), admin=True)
        if answer.status == 409 and answer.code() == "ID_TAKEN":
            answer = server.call("GET", f"/v1/admin/promotions/{promotion}", admin=True)
        if answer.status not in (200, 201):
            raise AssertionError(f"founding {promotion}: {answer.status} {answer.body!r}")
        history.changes.append(seen.Change(promotion, answer.json()["limitJoinCount"], answer.json()["revision"]))


def found_lottery(server):
    lottery.found(server, START_DATE, END_DATE)


def repeat_keyed(port, history, since=0, at_most=40):
    """Sends what had a key and an accepted or unknown answer again, twice: same_key_same_bytes then has something to judge."""
    keyed = [j for j in history.joins[since:] if j.key is not None and (j.accepted() or j.unknown())]
    unknown = [j for j in keyed if j.unknown()]
    accepted = [j for j in keyed if j.accepted()]

    async def repeat():
        client = Client(port)
        try:
            for attempt in [*unknown, *accepted[-at_most:]]:
                again = [await join(client, history, attempt.user, attempt.promotion, attempt.key) for _ in range(2)]
                if attempt.accepted() and again[0].status != 201:
                    raise AssertionError(f"I12: {attempt} was accepted; its repeat was answered {again[0].status} {again[0].body!r}")
        finally:
            client.close()

    asyncio.run(repeat())
