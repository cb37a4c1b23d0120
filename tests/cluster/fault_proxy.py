#!/usr/bin/env python3
"""A TCP proxy that breaks connections on demand, between any two programs on this machine.

usage: fault_proxy.py --to HOST:PORT [--listen PORT] [--control PORT]      prints "listening PORT control PORT"

Told what to do by lines on its control port, answered with a line each, "ok ..." or "error ...":

  delay MS [DIR]        every byte arrives that much later, in order
  throttle BYTES [DIR]  so many bytes a second; 0: as fast as they come
  stall [DIR]           nothing passes, connections stay open, nothing is lost: it goes on after `heal`
  cut BYTES [DIR]       the connection that carries that byte, counted over all connections from now on, ends right behind it; once
  reset                 every connection ends at once with an RST
  half-open             the servers' ends vanish; the clients' stay open, and nobody will ever answer on them
  refuse                no new connections; those that are there go on
  heal                  none of the above from now on
  status                connections open, accepted so far and broken by cut, reset and half-open; bytes passed in each direction

DIR is up (towards the server), down, or both (default; of cut: down). TCP neither loses nor repeats bytes within a connection, and neither does this.
For tests in Python: `with FaultProxy(("127.0.0.1", port)) as proxy: proxy.tell("delay 50 up")`.
"""

import argparse
import asyncio
import contextlib
import socket
import struct
import sys
import threading
import time

PIECE_BYTES = 16 * 1024
QUEUED_PIECES = 64  # 1 MiB on its way in a direction of a connection; then the sender has to wait, as on a real line
THROTTLE_STEPS = 50  # a throttled second comes in so many pieces
LOOK_AGAIN_SECONDS = 0.05  # what is held back by a delay notices within this time that the delay is over
START_SECONDS = 20
DIRECTIONS = ("up", "down")
WORDS = ("delay", "throttle", "stall", "cut", "reset", "half-open", "refuse", "heal", "status")


class Direction:
    """What happens to bytes that go one way."""

    def __init__(self):
        self.delay = 0.0
        self.rate = 0
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.until_cut = None
        self.passed = 0

    def heal(self):
        self.delay = 0.0
        self.rate = 0
        self.until_cut = None
        self.flowing.set()


class Link:
    """A client's connection and its counterpart at the server."""

    def __init__(self, proxy, client, server):
        self.proxy = proxy
        self.client = client
        self.server = server
        self.tasks = []

    async def run(self):
        pumps = [self._pump(self.client, self.server, "up"), self._pump(self.server, self.client, "down")]
        self.tasks = [asyncio.create_task(pump) for pump in pumps]
        try:
            await asyncio.gather(*self.tasks)
        except OSError:
            self.reset()
        except asyncio.CancelledError:
            pass
        finally:
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _pump(self, source, sink, name):
        pieces = asyncio.Queue(QUEUED_PIECES)
        reader = asyncio.create_task(self._read(source, pieces))
        try:
            while True:
                due, data = await pieces.get()
                while (left := due() - time.monotonic()) > 0:
                    await asyncio.sleep(min(left, LOOK_AGAIN_SECONDS))
                if isinstance(data, OSError):
                    raise data
                await self._write(sink, data, self.proxy.directions[name])
                if not data:
                    return
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _read(self, source, pieces):
        loop = asyncio.get_running_loop()
        name = "up" if source is self.client else "down"
        while True:
            try:
                data = await loop.sock_recv(source, PIECE_BYTES)
            except OSError as problem:
                data = problem
            arrived = time.monotonic()
            # The delay of now, not of then: `heal` lets go what is held back.
            await pieces.put((lambda arrived=arrived: arrived + self.proxy.directions[name].delay, data))
            if not data or isinstance(data, OSError):
                return

    async def _write(self, sink, data, direction):
        loop = asyncio.get_running_loop()
        if not data:
            await direction.flowing.wait()
            sink.shutdown(socket.SHUT_WR)
            return
        while data:
            await direction.flowing.wait()
            most = len(data) if direction.rate == 0 else max(1, direction.rate // THROTTLE_STEPS)
            if direction.until_cut is not None:
                most = min(most, direction.until_cut)
            piece, data = data[:most], data[most:]
            await loop.sock_sendall(sink, piece)
            direction.passed += len(piece)
            if direction.until_cut is not None:
                direction.until_cut -= len(piece)
                if direction.until_cut <= 0:
                    direction.until_cut = None
                    self.close()
                    self.proxy.broken += 1
                    return
            if direction.rate != 0:
                await asyncio.sleep(len(piece) / direction.rate)

    def close(self):
        """An end in order, at a place where nobody expects it."""
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._cancel()

    def reset(self):
        for end in (self.client, self.server):
            send_reset(end)
        self._cancel()

    def abandon(self):
        """The server's end is gone; the client is not told."""
        self._cancel()
        send_reset(self.server)
        self.proxy.abandoned.add(self.client)

    def _cancel(self):
        for task in self.tasks:
            task.cancel()


def send_reset(end):
    """Closing discards what was not sent and says so with an RST."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


class Proxy:
    """The proxy itself, on a running event loop."""

    def __init__(self, target):
        self.target = target
        self.directions = {name: Direction() for name in DIRECTIONS}
        self.links = set()
        self.serving = set()  # a task for each
        self.abandoned = set()  # clients' ends without a counterpart
        self.accepted = 0
        self.broken = 0
        self.port = 0
        self.listening = None

    def listen(self, port=0):
        """Accepts on loopback; on the same port as before if there was one."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port or self.port))
        listener.listen(128)
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        self.listening = asyncio.create_task(self._accept(listener))

    async def _accept(self, listener):
        loop = asyncio.get_running_loop()
        try:
            while True:
                client, _ = await loop.sock_accept(listener)
                self.accepted += 1
                task = asyncio.create_task(self._serve(client))
                self.serving.add(task)
                task.add_done_callback(self.serving.discard)
        finally:
            listener.close()

    async def _serve(self, client):
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = socket.socket()
        server.setblocking(False)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await asyncio.get_running_loop().sock_connect(server, self.target)
        except OSError:
            send_reset(client)
            server.close()
            return
        link = Link(self, client, server)
        self.links.add(link)
        try:
            await link.run()
        finally:
            self.links.discard(link)
            server.close()
            if client not in self.abandoned:
                client.close()

    async def tell(self, line):
        """Does what a line says; the answer to it."""
        what, *words = line.split() or [""]
        try:
            if what not in WORDS:
                raise ValueError(f"unknown word '{what}'")
            said = await getattr(self, f"_{what.replace('-', '_')}")(*words)
            return f"ok {said}" if said else "ok"
        except (TypeError, ValueError, KeyError) as problem:
            return f"error {type(problem).__name__}: {problem}; see fault_proxy.py --help"

    async def _delay(self, milliseconds, way="both"):
        for direction in self._directions(way):
            direction.delay = int(milliseconds) / 1000

    async def _throttle(self, rate, way="both"):
        for direction in self._directions(way):
            direction.rate = int(rate)

    async def _stall(self, way="both"):
        for direction in self._directions(way):
            direction.flowing.clear()

    async def _cut(self, count, way="down"):
        if int(count) < 1:
            raise ValueError("at least one byte passes before a cut")
        for direction in self._directions(way):
            direction.until_cut = int(count)

    async def _reset(self):
        for link in list(self.links):
            link.reset()
            self.broken += 1

    async def _half_open(self):
        for link in list(self.links):
            link.abandon()
            self.broken += 1

    async def _refuse(self):
        if self.listening is not None:
            self.listening.cancel()
            await asyncio.gather(self.listening, return_exceptions=True)
            self.listening = None

    async def _heal(self):
        for direction in self.directions.values():
            direction.heal()
        if self.listening is None:
            self.listen()

    async def _status(self):
        passed = " ".join(f"{name}={direction.passed}" for name, direction in self.directions.items())
        return f"open={len(self.links)} accepted={self.accepted} broken={self.broken} {passed}"

    def _directions(self, way):
        return list(self.directions.values()) if way == "both" else [self.directions[way]]

    async def end(self):
        await self._refuse()
        for link in list(self.links):
            link.reset()
        for client in self.abandoned:
            send_reset(client)
        await asyncio.gather(*self.serving, return_exceptions=True)


class FaultProxy:
    """The proxy in a thread of its own, for tests."""

    def __init__(self, target, port=0):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.proxy = self._run(self._make(target, port))
        self.port = self.proxy.port

    async def _make(self, target, port):
        proxy = Proxy(target)
        proxy.listen(port)
        return proxy

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(START_SECONDS)

    def tell(self, line):
        answer = self._run(self.proxy.tell(line))
        if not answer.startswith("ok"):
            raise ValueError(answer)
        return answer.removeprefix("ok").lstrip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._run(self.proxy.end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(START_SECONDS)
        self.loop.close()


async def serve(arguments):
    host, port = arguments.to.rsplit(":", 1)
    proxy = Proxy((host, int(port)))
    proxy.listen(arguments.listen)

    async def control(reader, writer):
        while line := await reader.readline():
            writer.write(((await proxy.tell(line.decode())) + "\n").encode())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(control, "127.0.0.1", arguments.control)
    print(f"listening {proxy.port} control {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", required=True, metavar="HOST:PORT")
    parser.add_argument("--listen", type=int, default=0, metavar="PORT")
    parser.add_argument("--control", type=int, default=0, metavar="PORT")
    try:
        asyncio.run(serve(parser.parse_args()))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
