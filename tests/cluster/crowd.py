"""A crowd over HTTP on several processes at once: joins, repeats with the same key, draws, reads. Every answer is written down, also that none came.

Users are new but for repeats. A client that gets no answer, or is told to come back, goes on to another process."""

import asyncio
import dataclasses
import json
import random
import threading
import time

ANSWER_SECONDS = 15.0  # longer than a failover and what waits for it
PAUSE_SECONDS = 0.2  # of a client that was sent away
REPEAT, DRAW, LOOK = 0.15, 0.2, 0.03
DRAWS = 3  # a visit's tickets


@dataclasses.dataclass(frozen=True)
class Call:
    """One call and its answer."""

    kind: str  # join, visit, draw, look
    user: str
    promotion: str
    key: str | None
    sent: float  # wall clock
    answered: float
    process: int
    status: int | None  # None: unknown outcome
    body: bytes

    def accepted(self):
        return self.status == 201

    def unknown(self):
        """503 is no refusal: the commit may have been made by a process that did not hear of it."""
        return self.status is None or self.status >= 500

    def json(self):
        return json.loads(self.body)


class NoAnswer(Exception):
    pass


class Connection:
    """HTTP/1.1 with keep-alive; opened when first used, and again after it was lost."""

    def __init__(self, port, gateway_key):
        self.port = port
        self.gateway_key = gateway_key
        self.reader = self.writer = None

    async def call(self, method, path, user, key=None):
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.gateway_key}\r\nX-User-Id: {user}\r\n"
        if key is not None:
            head += f"Idempotency-Key: {key}\r\n"
        if method != "GET":
            head += "Content-Length: 0\r\n"
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if self.writer is None:
                    self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
                self.writer.write(head.encode() + b"\r\n")
                return await self.answer()
        except (OSError, EOFError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.close()
            raise NoAnswer(str(error)) from error

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


class Crowd:
    """`shares`: promotion -> how many of the joins go there."""

    def __init__(self, ports, gateway_key, shares, lottery, seed, clients=16):
        self.ports = ports
        self.gateway_key = gateway_key
        self.shares = shares
        self.lottery = lottery
        self.seed = seed
        self.clients = clients
        self.calls = []
        self.stopping = False
        self.failure = None
        self.thread = threading.Thread(target=self.run)

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.stopping = True
        self.thread.join()
        if self.failure is not None:
            raise self.failure

    def run(self):
        try:
            asyncio.run(self.everybody())
        except BaseException as error:  # carried over to the test's thread
            self.failure = error

    async def everybody(self):
        await asyncio.gather(*(self.one(index) for index in range(self.clients)))

    async def one(self, index):
        dice = random.Random(f"{self.seed}/{index}")
        mine = []
        number = 0
        connections = [Connection(port, self.gateway_key) for port in self.ports]
        try:
            while not self.stopping:
                process = dice.randrange(len(connections))
                roll = dice.random()
                if roll < REPEAT and mine:
                    user, promotion, key = dice.choice(mine)
                    await self.call(connections, process, "join", user, promotion, key)
                elif roll < REPEAT + LOOK:
                    await self.call(connections, process, "look", f"looker-{index}", dice.choice(list(self.shares)), None)
                elif roll < REPEAT + LOOK + DRAW:
                    number += 1
                    await self.play(connections, process, f"p-{index}-{number}", dice)
                else:
                    number += 1
                    user, promotion = f"u-{index}-{number}", dice.choices(list(self.shares), list(self.shares.values()))[0]
                    key = f"key-{index}-{number}" if dice.random() < 0.8 else None
                    if key is not None:
                        mine.append((user, promotion, key))
                    await self.call(connections, process, "join", user, promotion, key)
        finally:
            for connection in connections:
                connection.close()

    async def play(self, connections, process, user, dice):
        visit = await self.call(connections, process, "visit", user, self.lottery, f"visit-{user}")
        for turn in range(DRAWS):
            if visit.accepted():
                await self.call(connections, dice.randrange(len(connections)), "draw", user, self.lottery, f"draw-{user}-{turn}")

    async def call(self, connections, process, kind, user, promotion, key):
        method, path = {
            "join": ("POST", f"/v1/promotions/{promotion}/participations"),
            "visit": ("POST", f"/v1/promotions/{promotion}/visits"),
            "draw": ("POST", f"/v1/promotions/{promotion}/draws"),
            "look": ("GET", f"/v1/promotions/{promotion}"),
        }[kind]
        sent = time.time()
        try:
            status, body = await connections[process].call(method, path, user, key)
        except NoAnswer:
            status, body = None, b""
        call = Call(kind, user, promotion, key, sent, time.time(), process, status, body)
        self.calls.append(call)
        if call.unknown() or status == 429:
            await asyncio.sleep(PAUSE_SECONDS)
        return call


def settle(crowd, again=2, tries=40, most=None):
    """Repeats calls with a key: those of unknown outcome until each is known, and of the accepted `most`, drawn by the seed. Returns what never
    came to an answer."""
    dice = random.Random(f"{crowd.seed}/settle")
    keyed = [call for call in crowd.calls if call.key is not None]
    known = {(c.kind, c.user, c.promotion, c.key) for c in keyed if c.status is not None and c.status < 500}
    unknown = {(c.kind, c.user, c.promotion, c.key) for c in keyed} - known
    accepted = sorted({(c.kind, c.user, c.promotion, c.key) for c in keyed if c.accepted()})
    if most is not None and len(accepted) > most:
        accepted = dice.sample(accepted, most)
    left = []

    async def some(wanted):
        connections = [Connection(port, crowd.gateway_key) for port in crowd.ports]
        for kind, user, promotion, key in wanted:
            done = 0
            for attempt in range(tries):
                answer = await crowd.call(connections, attempt % len(connections), kind, user, promotion, key)
                done += not answer.unknown() and answer.status != 429
                if done == again:
                    break
            else:
                left.append((kind, user, promotion, key, answer.status, answer.body))
        for connection in connections:
            connection.close()

    async def all_of_them():
        wanted = [*sorted(unknown), *accepted]
        await asyncio.gather(*(some(wanted[i :: crowd.clients]) for i in range(crowd.clients)))

    asyncio.run(all_of_them())
    return left, len(unknown), len(accepted)
