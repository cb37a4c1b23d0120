"""What the fault tests share: a folder of their own, servers that are ended whatever happens, a history."""

import pathlib
import tempfile
import time
import unittest

import history as seen
import windfall_server
import workload


class CrashCase(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="windfall-crash-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.data = self.folder / "data"
        self.history = seen.History()
        self.lives = 0

    def start(self, wrapper=(), args=()):
        self.lives += 1
        server = windfall_server.start(self.data, wrapper, args, self.folder / f"life{self.lives}.stderr")
        self.addCleanup(server.end)
        return server

    def start_refused(self, wrapper=()):
        """The refusal of a start that must fail."""
        with self.assertRaises(windfall_server.DidNotStart) as caught:
            self.start(wrapper)
        self.assertNotEqual(0, caught.exception.exit_code)
        return caught.exception.stderr

    def found(self, server):
        workload.found_promotions(server, self.history)

    def load(self, server, operations, name="load", connections=4):
        workload.Load(server.port, self.history, name, 5, connections=connections, operations=operations).start().finish()

    def join(self, server, user, promotion="big", key=None):
        """One attempt outside the load, written down."""
        answer = server.call("POST", f"/v1/promotions/{promotion}/participations", user=user, key=key)
        attempt = seen.Join(user, promotion, key, answer.status, answer.body)
        self.history.joins.append(attempt)
        return attempt

    def stop(self, server):
        server.terminate()
        self.assertEqual(0, server.wait(), server.stderr())

    def kill(self, server):
        server.kill()
        server.wait()

    def until(self, what, holds, seconds=15.0):
        """Waits for a condition of another process, which sends no signal when it comes true."""
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                self.fail(f"after {seconds} s still not: {what}")
            time.sleep(0.02)
