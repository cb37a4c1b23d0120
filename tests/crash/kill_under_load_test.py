"""kill -9 at random moments under concurrent load, in chains of lives over one data directory; after each: everything a client was told is
there, and nothing else. env WINDFALL_CRASH_LIVES (12), WINDFALL_SEED."""

import os
import pathlib
import random
import shutil
import tempfile
import time
import unittest

import history as seen
import journal_file
import observation
import windfall_server
import workload
from crash_case import CrashCase

LIVES = int(os.environ.get("WINDFALL_CRASH_LIVES", "12"))
SEED = int(os.environ.get("WINDFALL_SEED", "20250620"))
# Long enough for recovery to build on recovery, short enough that the history stays quick to check.
LIVES_PER_DIRECTORY = 20 if LIVES > 20 else 6
LONGEST_LOAD_SECONDS = 0.5
# One life in six ends while it is starting.
KILL_WHILE_STARTING = 1 / 6
LONGEST_START_SECONDS = 0.12
# A segment holds more than a chain of lives writes; in one life of three it is cut short, so that the switch to the next one happens too.
SHORT_SEGMENT = 1 / 3
LONGEST_ROOM = 128 * 1024


def shorten_segment(data, room):
    segment = journal_file.active_segment(data)
    frames = journal_file.frames(segment)
    os.truncate(segment, (sum(frames[-1]) if frames else 0) + room)


class KillUnderLoad(unittest.TestCase):

    def test_what_was_acknowledged_survives_and_nothing_else_does(self):
        print(f"seed {SEED}, {LIVES} lives")
        for first in range(0, LIVES, LIVES_PER_DIRECTORY):
            with tempfile.TemporaryDirectory(prefix="windfall-crash-") as folder:
                self.chain(pathlib.Path(folder), first, min(LIVES_PER_DIRECTORY, LIVES - first))

    def chain(self, folder, first, lives):
        history = seen.History()
        for life in range(first, first + lives):
            with self.subTest(seed=SEED, life=life):
                self.life(folder, history, life)
        with windfall_server.start(folder / "data") as server:
            if not history.changes:
                workload.found_promotions(server, history)
                workload.found_lottery(server)
            observation.check(self, server, history, quiet=True)
            server.terminate()
            self.assertEqual(0, server.wait(), server.stderr())
        self.assertEqual("", windfall_server.fsck(folder / "data"))
        print(f"lives {first}..{first + lives - 1}: {history.counts()}", flush=True)

    def life(self, folder, history, life):
        dice = random.Random(f"{SEED}/{life}")
        if dice.random() < KILL_WHILE_STARTING:
            with windfall_server.Server(folder / "data") as server:
                time.sleep(dice.uniform(0, LONGEST_START_SECONDS))
                server.kill()
                server.wait()
        if history.changes and dice.random() < SHORT_SEGMENT:
            shorten_segment(folder / "data", dice.randrange(LONGEST_ROOM))
        with windfall_server.start(folder / "data") as server:
            since = len(history.joins)
            if not history.changes:
                workload.found_promotions(server, history)
                workload.found_lottery(server)
            else:
                observation.check(self, server, history)
                workload.repeat_keyed(server.port, history, since=max(0, since - 400))
            load = workload.Load(server.port, history, f"life{life}", SEED, plays=True).start()
            time.sleep(dice.uniform(0.005, LONGEST_LOAD_SECONDS))
            server.kill()
            server.wait()
            load.finish()
            self.assertEqual([], observation.errors_said(server))
        self.assertEqual("", windfall_server.fsck(folder / "data"))


class Checker(CrashCase):

    def test_a_server_that_forgot_what_it_acknowledged_is_caught(self):
        """checker_test.py plants bugs in histories; this one is in a directory: yesterday's backup put in place of today's data."""
        server = self.start()
        self.found(server)
        self.load(server, 100, "remembered")
        self.stop(server)
        backup = self.folder / "backup"
        shutil.copytree(self.data, backup, ignore=shutil.ignore_patterns("spare"))
        server = self.start()
        self.load(server, 100, "forgotten")
        observation.check(self, server, self.history)
        self.stop(server)
        shutil.rmtree(self.data)
        backup.rename(self.data)
        with self.assertRaisesRegex(AssertionError, "I11: forgotten"):
            observation.check(self, self.start(), self.history)


if __name__ == "__main__":
    unittest.main()
