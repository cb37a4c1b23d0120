"""Failing disks and damaged files: fail-stop on a sync error, 503 while the disk is full, cut what was never acknowledged, and refuse to
start on anything else, naming the place."""

import contextlib
import os
import pathlib
import re
import resource
import select
import shutil
import signal
import socket
import subprocess
import unittest

import journal_file
import observation
import windfall_server
from crash_case import CrashCase

SEGMENT = "journal/0000000000000001.seg"
MIGRATIONS = pathlib.Path(__file__).resolve().parents[2] / "src/adapters/sqlite/migrations"
# A segment of 64 MiB, the ledger and the book fit; a second segment (the spare) only after the ballast is gone.
SMALL_DISK_MIB = 160
BALLAST_LEAVES = 12 * 1024 * 1024
# The contract's: joins whose answer may wait for the disk.
MAY_WAIT = 4096


@unittest.skipUnless(shutil.which("strace"), "strace holds the disk")
class SlowDisk(CrashCase):

    def setUp(self):
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < MAY_WAIT + 500:
            self.skipTest("too few files may be open")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, MAY_WAIT + 500), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    @staticmethod
    def let_go(server):
        """The disk goes on. Nobody ends, either, while the tracer holds a thread."""
        status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text(encoding="utf-8")
        tracer = int(re.search(r"^TracerPid:\s+(\d+)$", status, re.MULTILINE)[1])
        if tracer != 0:
            os.kill(tracer, signal.SIGKILL)

    def send_join(self, server, user):
        """A connection that waits for its answer."""
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        self.addCleanup(connection.close)
        connection.sendall(f"POST /v1/promotions/big/participations HTTP/1.1\r\nHost: h\r\nX-User-Id: {user}\r\n"
                           "Content-Length: 0\r\n\r\n".encode())
        return connection

    def test_joins_beyond_those_that_may_wait_are_shed_and_the_others_get_their_answer(self):
        trace = windfall_server.strace(self.folder / "strace", "-e", "trace=fdatasync", "-P", str(self.data / SEGMENT), "-e",
                                       "inject=fdatasync:delay_enter=300000000:when=25+")  # longer than the test
        server = self.start(trace)
        self.addCleanup(self.let_go, server)
        self.found(server)
        held = []
        for number in range(100):  # one by one, until the disk stands still
            one = self.send_join(server, f"first-{number}")
            if not select.select([one], [], [], 3)[0]:
                held.append(one)
                break
        self.assertTrue(held, "the disk is held")
        beyond = 60
        held += [self.send_join(server, f"held-{number}") for number in range(MAY_WAIT - 1 + beyond)]
        answered = {}

        def shed():
            poll = select.poll()
            for connection in held:
                poll.register(connection, select.POLLIN)
            by_number = {connection.fileno(): connection for connection in held if connection not in answered}
            for number, _ in poll.poll(100):
                if number in by_number:
                    answered[by_number[number]] = by_number[number].recv(65536).decode()
            return len(answered) >= beyond

        self.until("the joins beyond are answered", shed, seconds=60)
        self.assertEqual(beyond, len(answered), "everybody else waits")
        for answer in answered.values():
            self.assertIn("HTTP/1.1 503 ", answer)
            self.assertRegex(answer, r"(?i)\r\nretry-after: [12]\r\n")
            self.assertIn('"code":"OVERLOADED"', answer)
        self.assertEqual(200, server.call("GET", "/readyz").status, "there is room: it is the number that sheds")
        metrics = server.call("GET", "/metrics", admin=True).body.decode()
        self.assertIn(str(MAY_WAIT), re.findall(r"^windfall_joins_deciding (\d+)$", metrics, re.MULTILINE))
        self.assertIn(str(beyond), re.findall(r"^windfall_joins_shed_total (\d+)$", metrics, re.MULTILINE))
        self.let_go(server)
        for connection in held:
            if connection not in answered:
                self.assertIn("HTTP/1.1 201 ", connection.recv(65536).decode())
        self.assertEqual(200, server.call("GET", "/v1/promotions/big").status)
        self.assertEqual(201, self.join(server, "patient").status)


@unittest.skipUnless(shutil.which("strace"), "strace injects the errors")
class SyncErrors(CrashCase):

    def test_a_sync_error_of_the_journal_stops_the_process_and_loses_nothing(self):
        trace = windfall_server.strace(self.folder / "strace", "-e", "trace=fdatasync", "-P", str(self.data / SEGMENT), "-e",
                                       "inject=fdatasync:error=EIO:when=25")
        server = self.start(trace)
        self.found(server)
        self.load(server, 500)
        self.assertEqual(74, server.wait())
        self.assertIn("cannot sync", server.stderr())
        self.assertIn(SEGMENT, server.stderr())
        again = self.start()
        observation.check(self, again, self.history, quiet=True)
        self.stop(again)
        self.assertEqual("", windfall_server.fsck(self.data))

    def test_an_error_while_the_journal_is_made_or_grows_stops_the_process_with_the_file_named(self):
        for number, (file, call) in enumerate((("lineage.new", "fdatasync"), ("lineage.new", "rename"), ("journal", "fsync"),
                                               ("journal/spare.new", "fdatasync"), ("journal/spare", "rename"))):
            with self.subTest(file=file, call=call):
                self.data = self.folder / f"data{number}"
                trace = windfall_server.strace(self.folder / "strace", "-e", f"trace={call}", "-P", str(self.data / file), "-e",
                                               f"inject={call}:error=EIO:when=1")
                stderr = self.start_refused(wrapper=trace)
                self.assertIn(str(self.data), stderr)
                self.assertIn("Input/output error", stderr)
                server = self.start()
                self.found(server)
                self.assertEqual(201, self.join(server, "ann").status)
                self.stop(server)
                self.assertEqual("", windfall_server.fsck(self.data))

    def test_a_write_that_fails_for_want_of_room_is_taken_back(self):
        trace = windfall_server.strace(self.folder / "strace", "-e", "trace=pwrite64", "-P", str(self.data / SEGMENT), "-e",
                                       "inject=pwrite64:error=ENOSPC:when=20..26")
        server = self.start(trace)
        self.found(server)
        self.load(server, 600)
        self.assertTrue([j for j in self.history.joins if j.status == 503])
        # Refusals are quick and the next attempt to undo the frame may be half a second away: the load may be over before it.
        self.until("joins are accepted again", lambda: self.join(server, "patient").status in (201, 409))
        self.load(server, 200, "after")
        observation.check(self, server, self.history, healthy=False)
        self.kill(server)
        again = self.start()
        observation.check(self, again, self.history, quiet=True)

    def test_a_sync_error_of_the_ledger_costs_no_decision(self):
        first = len(list(MIGRATIONS.glob("*.sql"))) + 4  # each is a sync of a start, which must not fail
        trace = windfall_server.strace(self.folder / "strace", "-e", "trace=fdatasync", "-P", str(self.data / "ledger.db-wal"), "-e",
                                       f"inject=fdatasync:error=EIO:when={first}..{first + 3}")
        server = self.start(trace)
        self.found(server)
        self.load(server, 500)
        self.assertFalse([j for j in self.history.joins if j.status == 503 or j.unknown()])
        observation.check(self, server, self.history, quiet=True, healthy=False)
        self.kill(server)
        again = self.start()
        observation.check(self, again, self.history, quiet=True)


@unittest.skipUnless(os.geteuid() == 0, "mounting a small disk needs root")
class FullDisk(CrashCase):

    def setUp(self):
        super().setUp()
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MIB}m", "tmpfs", str(self.disk)], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest(f"no tmpfs here: {mounted.stderr!r}")
        self.addCleanup(subprocess.run, ["umount", str(self.disk)], check=True)
        self.data = self.disk / "data"
        self.ballast = self.disk / "ballast"

    def fill(self, leave):
        """Takes all room but about `leave` bytes."""
        with open(self.ballast, "wb") as file:
            size = 0
            while True:
                status = os.statvfs(self.disk)
                room = (status.f_bavail * status.f_frsize - leave) // 2
                if room < status.f_frsize:
                    return
                size += room
                with contextlib.suppress(OSError):  # others write too; what they took is room no more
                    os.posix_fallocate(file.fileno(), 0, size)

    def start_on_full_disk(self, segment_room, wrapper=()):
        """A server that has joined people, restarted where no further segment fits."""
        server = self.start()
        self.found(server)
        self.load(server, 300, "before")
        self.stop(server)
        (self.data / "journal" / "spare").unlink()
        segment = journal_file.active_segment(self.data)
        os.truncate(segment, sum(journal_file.frames(segment)[-1]) + segment_room)
        self.fill(BALLAST_LEAVES)
        return self.start(wrapper)

    @unittest.skipUnless(shutil.which("strace"), "strace tells what was tried")
    def test_looking_for_room_takes_none_from_the_ledger(self):
        """A reservation that fails has taken all room for a moment; a ledger that grows just then would fail."""
        log = self.folder / "strace"
        trace = windfall_server.strace(log, "-e", "trace=openat,fallocate,pwrite64", "-P", str(self.data / "journal" / "spare.new"))
        server = self.start_on_full_disk(segment_room=16 * 1024, wrapper=trace)
        self.until("room is looked for again", lambda: log.read_text().count("openat(") >= 3)
        calls = log.read_text()
        self.assertNotIn("fallocate(", calls)
        self.assertNotIn("pwrite64(", calls)
        self.ballast.unlink()
        self.until("the spare segment is made", (self.data / "journal" / "spare").exists)
        self.assertIn("fallocate(", log.read_text())
        self.stop(server)

    def test_joins_are_refused_while_reads_go_on_and_come_back_by_themselves(self):
        server = self.start_on_full_disk(segment_room=16 * 1024)
        self.until("no room is noticed", lambda: server.call("GET", "/readyz").status == 503)
        self.load(server, 400, "full")
        self.assertEqual("OVERLOADED", self.refused_join(server))
        self.assertEqual(200, server.call("GET", "/v1/promotions/big").status)
        accepted = next(j for j in self.history.joins if j.accepted())
        own = server.read("/v1/me/participations", user=accepted.user)
        self.assertIn(accepted.json()["participationId"], [item["participationId"] for item in own.json()["items"]])
        self.ballast.unlink()
        self.until("joins are accepted again", lambda: self.join(server, "patient").status in (201, 409))
        self.load(server, 300, "after")
        observation.check(self, server, self.history, quiet=True, healthy=False)
        self.kill(server)
        again = self.start()
        observation.check(self, again, self.history, quiet=True)
        self.stop(again)
        self.assertEqual("", windfall_server.fsck(self.data))

    def test_a_ledger_without_room_waits_and_catches_up(self):
        server = self.start()
        self.found(server)
        self.load(server, 20, "before")  # few, so that the ledger's files are small and have to grow
        self.until("the spare segment is made", (self.data / "journal" / "spare").exists)
        self.fill(leave=0)
        self.load(server, 2500, "full")
        self.until("the ledger complains", lambda: "projection_waits" in server.stderr())
        self.ballast.unlink()
        observation.check(self, server, self.history, quiet=True, healthy=False)
        self.kill(server)
        again = self.start()
        observation.check(self, again, self.history, quiet=True)

    def refused_join(self, server):
        attempt = self.join(server, "refused")
        self.assertEqual(503, attempt.status, attempt.body)
        return attempt.json()["code"]


class DamagedJournal(CrashCase):

    def killed_after_load(self, operations=300):
        """A data directory after kill -9, and whose ledger has seen everything."""
        server = self.start()
        self.found(server)
        self.load(server, operations)
        observation.until_quiet(server)
        observation.check(self, server, self.history)
        self.kill(server)
        segment = journal_file.active_segment(self.data)
        return segment, journal_file.frames(segment)

    def test_a_torn_frame_that_nobody_was_told_of_is_cut(self):
        segment, frames = self.killed_after_load()
        offset, length = frames[-1]
        frame = journal_file.read(segment, offset, length)
        # One checksum in 256 ends in a zero, like the room behind it: what lacks only that is whole.
        whole = len(frame.rstrip(b"\0"))
        for torn in (1, 8, 64, length // 2, whole - 1):
            with self.subTest(bytes=torn):
                last = journal_file.frames(segment)[-1]
                end = sum(last)
                journal_file.overwrite(segment, end, frame[:torn])
                server = self.start()
                self.assertIn("journal_tail_cut", server.stderr())
                self.assertIn(f"at offset {end}", server.stderr())
                observation.check(self, server, self.history)
                self.load(server, 20, f"torn{torn}")
                self.kill(server)
        server = self.start()
        observation.check(self, server, self.history, quiet=True)

    def test_a_missing_frame_that_the_ledger_has_seen_is_refused_by_name(self):
        segment, frames = self.killed_after_load()
        offset, length = frames[-1]
        kept = journal_file.read(segment, offset, length)
        zeros = length - len(kept.rstrip(b"\0"))  # of the checksum's end: to cut those alone changes nothing
        for cut in (zeros + 1, length // 2, length):
            with self.subTest(bytes=cut):
                journal_file.overwrite(segment, offset + length - cut, bytes(cut))
                stderr = self.start_refused()
                self.assertIn(f"{segment} at offset {offset}", stderr)
                journal_file.overwrite(segment, offset, kept)
        observation.check(self, self.start(), self.history)

    def test_a_flipped_bit_in_the_middle_is_refused_by_name(self):
        segment, frames = self.killed_after_load()
        for number in (0, len(frames) // 3, len(frames) - 2):
            offset, length = frames[number]
            for place in (0, 40, length - 1):  # magic, chain, checksum
                with self.subTest(frame=number, byte=place):
                    journal_file.flip(segment, offset + place)
                    stderr = self.start_refused()
                    self.assertRegex(stderr, rf"{segment} at offset \d+")
                    journal_file.flip(segment, offset + place)
        observation.check(self, self.start(), self.history, quiet=True)

    def test_a_lost_ledger_is_rebuilt_without_paying_twice(self):
        self.killed_after_load()
        for file in self.data.glob("ledger.db*"):
            file.unlink()
        observation.check(self, self.start(), self.history, quiet=True)

    @unittest.skipUnless(shutil.which("strace"), "strace ends the process at the right moment")
    def test_a_rebuild_that_was_cut_short_still_asks_before_it_pays(self):
        """What a lost ledger had sent is unknown, and stays so if the process dies just after it has made the new file."""
        server = self.start(args=("--partner-url", f"http://127.0.0.1:{closed_port()}"))
        self.found(server)
        for number in range(5):
            self.join(server, f"user{number}")
        self.kill(server)
        for file in self.data.glob("ledger.db*"):
            file.unlink()
        trace = windfall_server.strace(self.folder / "strace", "-e", "trace=fdatasync", "-P", str(self.data / "ledger.db-journal"), "-e",
                                       "inject=fdatasync:signal=KILL:when=1")
        with self.assertRaises(windfall_server.DidNotStart):
            self.start(trace)
        self.assertTrue((self.data / "ledger.db").exists())
        server = self.start()
        observation.check(self, server, self.history, quiet=True)
        metrics = server.read("/metrics").body.decode().splitlines()
        asked = next(int(line.split()[1]) for line in metrics if line.startswith("windfall_partner_asks_total "))
        self.assertGreaterEqual(asked, 5)


def closed_port():
    """Nobody listens there: the partner is down."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class WrongDirectory(CrashCase):

    def test_a_second_process_is_refused_and_told_who_holds_the_directory(self):
        server = self.start()
        self.found(server)
        self.load(server, 50)
        self.assertIn(str(server.process.pid), self.start_refused())
        observation.check(self, server, self.history, quiet=True)
        self.stop(server)

    def test_another_user_hash_key_is_refused(self):
        server = self.start()
        self.found(server)
        accepted = self.join(server, "ann")
        self.assertEqual(201, accepted.status)
        self.stop(server)
        key = self.data / "user-hash.key"
        right = key.read_text()
        key.write_text("0" * 32 + "\n")
        self.assertIn("user-hash key", self.start_refused())
        key.write_text(right)
        observation.check(self, self.start(), self.history, quiet=True)

    def test_a_key_that_others_may_read_is_refused(self):
        self.stop(self.start())
        (self.data / "user-hash.key").chmod(0o644)
        self.assertIn("others may read it", self.start_refused())


if __name__ == "__main__":
    unittest.main()
