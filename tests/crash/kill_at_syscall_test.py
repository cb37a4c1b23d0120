"""kill -9 at the k-th write, sync or rename of a scripted run, by strace; after each: everything acknowledged is there, nothing else, and
the server goes on. Env: WINDFALL_CRASH_POINTS: "" = a fixed sample, a number = that many drawn from all that a run comes by, "all" = every k;
WINDFALL_CRASH_OPERATIONS (500), WINDFALL_CRASH_PARALLEL (3), WINDFALL_SEED."""

import collections
import concurrent.futures
import os
import pathlib
import random
import re
import shutil
import tempfile
import unittest

import history as seen
import observation
import windfall_server
import workload

OPERATIONS = int(os.environ.get("WINDFALL_CRASH_OPERATIONS", "500"))
POINTS = os.environ.get("WINDFALL_CRASH_POINTS", "")
SEED = int(os.environ.get("WINDFALL_SEED", "11"))
# Few clients make many small frames, so that there are many places to die at.
CONNECTIONS = 4
# Lives under strace mostly wait, so several run at a time.
PARALLEL = int(os.environ.get("WINDFALL_CRASH_PARALLEL", "3"))

# File (below the data directory; one that begins with "+" stands beside it) and system call; strace counts the calls of each thread by itself.
GROUPS = [
    ("user-hash.key", "openat"), ("user-hash.key", "write"), ("user-hash.key", "fsync"), ("user-hash.key", "link"),
    ("lock", "ftruncate"), ("lock", "pwrite64"),
    ("lineage.new", "pwrite64"), ("lineage.new", "fdatasync"), ("lineage.new", "rename"),
    (".", "fsync"), (".", "fdatasync"), ("journal", "mkdir"), ("journal", "fsync"),
    ("journal/spare.new", "fallocate"), ("journal/spare.new", "pwrite64"), ("journal/spare.new", "fdatasync"),
    ("journal/spare.new", "rename"), ("journal/spare", "rename"),
    ("journal/0000000000000001.seg", "pwrite64"), ("journal/0000000000000001.seg", "fdatasync"),
    ("ledger.db", "openat"), ("ledger.db", "pwrite64"), ("ledger.db", "fdatasync"),
    ("ledger.db-journal", "pwrite64"), ("ledger.db-journal", "fdatasync"), ("ledger.db-journal", "unlink"),
    ("ledger.db-wal", "openat"), ("ledger.db-wal", "pwrite64"), ("ledger.db-wal", "fdatasync"),
    ("ledger.db-shm", "ftruncate"), ("ledger.db-shm", "pwrite64"),
    ("sandbox-book.ndjson", "write"),
    # Between every two steps of an import and of an assignment: the vault's commits, the marks before a code is promised. The journal's own
    # frames are above.
    ("codes.db", "openat"), ("codes.db", "pwrite64"), ("codes.db", "fdatasync"),
    ("codes.db-journal", "pwrite64"), ("codes.db-journal", "fdatasync"), ("codes.db-journal", "unlink"),
    ("codes.db-wal", "openat"), ("codes.db-wal", "pwrite64"), ("codes.db-wal", "fdatasync"),
    ("codes.db-shm", "ftruncate"), ("codes.db-shm", "pwrite64"),
    ("+.keys", "link"), ("+.high-water", "write"), ("+.high-water", "fdatasync"),
    ("+.high-water.new", "openat"), ("+.high-water.new", "write"), ("+.high-water.new", "fsync"), ("+.high-water.new", "rename"),
]

# A segment is prewritten with zeros, one call like the other.
ZEROS = ("journal/spare.new", "pwrite64")
ZEROS_STEP = 32

# One of each kind of place: founding, the journal's frames, the ledger's transactions, the partner's book.
SAMPLE = [
    ("user-hash.key", "write", 1), ("lineage.new", "rename", 1), ("journal/spare.new", "pwrite64", 100), ("journal/spare", "rename", 1),
    ("journal/0000000000000001.seg", "pwrite64", 20), ("journal/0000000000000001.seg", "fdatasync", 35),
    ("ledger.db", "pwrite64", 3), ("ledger.db-wal", "pwrite64", 120), ("ledger.db-wal", "fdatasync", 9), ("sandbox-book.ndjson", "write", 40),
    ("codes.db-wal", "pwrite64", 9), ("codes.db-wal", "fdatasync", 4), ("+.high-water.new", "rename", 1),
]


def path_of(data, file):
    if file == ".":
        return str(data)
    return str(data) + file[1:] if file.startswith("+") else str(data / file)


def kill_at(data, file, call, k):
    return windfall_server.strace(data.parent / (data.name + ".strace"), "-e", f"trace={call}", "-P", path_of(data, file), "-e",
                                  f"inject={call}:signal=KILL:when={k}")


def points_of_a_clean_run(folder):
    """Every (file, call, k) that a run comes by, read from a trace of it."""
    data = folder / "clean"
    log = folder / "clean.strace"
    calls = ",".join(sorted({call for _, call in GROUPS}))
    history = seen.History()
    with windfall_server.start(data, windfall_server.strace(log, "-y", "-e", f"trace={calls}")) as server:
        run_script(server, history)
        observation.until_quiet(server)
        server.terminate()
        server.wait()
    counts = collections.Counter()
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"(\d+) +(\w+)\((.*)", line)
        if not match:
            continue
        thread, call, arguments = match.groups()
        for file, wanted in GROUPS:
            path = path_of(data, file)
            if call == wanted and (f"<{path}>" in arguments or f'"{path}"' in arguments):
                counts[file, call, thread] += 1
    most = collections.Counter()
    for (file, call, _), count in counts.items():
        most[file, call] = max(most[file, call], count)
    return [(file, call, k) for (file, call), count in most.items() for k in range(1, count + 1, ZEROS_STEP if (file, call) == ZEROS else 1)]


def chosen_points(folder):
    if not POINTS:
        return SAMPLE
    points = points_of_a_clean_run(folder)
    print(f"seed {SEED}: {len(points)} places to die at", flush=True)
    return points if POINTS == "all" else random.Random(SEED).sample(points, min(int(POINTS), len(points)))


def run_script(server, history):
    workload.found_promotions(server, history)
    workload.found_lottery(server)
    workload.Load(server.port, history, "script", SEED, connections=CONNECTIONS, operations=OPERATIONS, plays=True).start().finish()


class KillAtSyscall(unittest.TestCase):

    def test_every_place_to_die_at_is_survived(self):
        with tempfile.TemporaryDirectory(prefix="windfall-crash-") as name:
            folder = pathlib.Path(name)
            points = chosen_points(folder)
            deaths = collections.Counter()
            with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
                runs = {pool.submit(self.one_point, folder, i, point): point for i, point in enumerate(points)}
                for run in concurrent.futures.as_completed(runs):
                    file, call, k = runs[run]
                    with self.subTest(file=file, call=call, k=k):
                        try:
                            deaths[file, call] += run.result()
                        except BaseException as error:
                            print(f"{file} {call} {k}: {error}", flush=True)
                            raise
            for (file, call), count in sorted(deaths.items()):
                print(f"{file} {call}: died {count} times", flush=True)
            # A sample that never dies would show nothing.
            self.assertGreaterEqual(sum(deaths.values()), len(points) * 0.8)

    def one_point(self, folder, index, point):
        """1 if the process died at the point."""
        place = folder / f"point{index}"
        place.mkdir()
        data = place / "data"
        history = seen.History()
        died = self.life_with_injection(data, point, history)
        with windfall_server.start(data) as server:
            if any(c.promotion == "growing" for c in history.changes):
                observation.check(self, server, history)
            workload.found_promotions(server, history)
            workload.found_lottery(server)
            workload.repeat_keyed(server.port, history, at_most=10)
            workload.Load(server.port, history, "after", SEED, connections=CONNECTIONS, operations=50, plays=True).start().finish()
            observation.check(self, server, history, quiet=True)
            server.terminate()
            self.assertEqual(0, server.wait(), server.stderr())
        self.assertEqual("", windfall_server.fsck(data))
        shutil.rmtree(place)  # 128 MiB each
        return died

    def life_with_injection(self, data, point, history):
        server = windfall_server.Server(data, kill_at(data, *point))
        try:
            server.until_ready()
            run_script(server, history)
            # What follows from the last answers still has places to die at.
            observation.until_quiet(server, seconds=10)
            server.terminate()
            server.wait()
        except (windfall_server.DidNotStart, *workload.http_errors):
            server.wait()
        finally:
            server.end()
        return int(server.process.returncode != 0)


if __name__ == "__main__":
    unittest.main()
