#!/usr/bin/env python3
"""Codes across a backup: what was given out since is burned by `windfall recover` and never given again; a code stands readable
in no file, log line or figure; keys are changed; a large import is not held in memory.

Usage: codes_test.py BINARY [unittest arguments]. Every server listens on a free port of loopback, with its data in a temporary folder.
"""
import datetime
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

BINARY = sys.argv[1] if len(sys.argv) > 1 else ""
KEY = "wf-codes-test-admin-key"
# Longer than anything takes on a busy machine; a test that reaches it has failed.
DEADLINE_SECONDS = 60
CODES = 200
# Lines that hold no code keep SQLite's caches (64 MiB, filled by some 300,000 codes) out of what is measured.
WARM = 70_000
LINES = 480_000
MOST_GROWTH_KIB = 16 * 1024


class Server:
    def __init__(self, folder: Path, data: Path):
        self.log = folder / "log"
        # A sanitizer's allocator keeps what was freed for a while: it must not look like memory that is held.
        environment = dict(os.environ, WINDFALL_ADMIN_KEY=KEY, ASAN_OPTIONS="quarantine_size_mb=1")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([BINARY, "serve", "--dev", "--listen", "127.0.0.1:0", "--data", str(data)],
                                            stdout=subprocess.PIPE, stderr=log, env=environment, text=True)
        line = self.process.stdout.readline()
        self.url = line.split()[-1] if line else ""

    def call(self, method, path, body=None, user=None, content="application/json"):
        request = urllib.request.Request(self.url + path, method=method, data=None if body is None else body.encode())
        if body is not None:
            request.add_header("Content-Type", content)
        if user:
            request.add_header("X-User-Id", user)
        else:
            request.add_header("Authorization", "Bearer " + KEY)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def lottery(self, name):
        today = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=9))).date()
        body = {"id": name, "title": name, "startDate": str(today), "endDate": str(today + datetime.timedelta(days=1)),
                "lottery": {"grants": [{"cause": "VISIT", "tickets": 1}], "segmentMinutes": 1440,
                            "winRatePermille": {"min": 1000, "max": 1000},
                            "prizes": [{"prizeId": "a", "name": "a", "kind": "GIFTICON", "value": 1, "count": 100}]}}
        return self.call("POST", "/v1/admin/promotions", json.dumps(body))[0]

    def import_codes(self, name, prefix, count):
        body = "".join(f"{prefix}-{i:07}\n" for i in range(count))
        return self.call("POST", f"/v1/admin/promotions/{name}/prizes/a/codes", body, content="text/csv")

    def win(self, name, user):
        """The code of the coupon that the user wins."""
        self.call("POST", f"/v1/promotions/{name}/visits", user=user)
        self.call("POST", f"/v1/promotions/{name}/draws", user=user)
        end = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < end:
            # 503 where the disk is so busy that the ledger is a second behind.
            items = json.loads(self.call("GET", "/v1/me/coupons", user=user)[1]).get("items")
            if items and items[0]["status"] == "ISSUED":
                return json.loads(self.call("GET", "/v1/me/coupons/" + items[0]["couponId"], user=user)[1])["code"]
            time.sleep(0.02)
        return None

    def peak_kib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE_SECONDS)
        self.process.stdout.close()
        return code


def windfall(*arguments):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=DEADLINE_SECONDS)


class Codes(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="windfall-codes-"))
        self.servers = []

    def tearDown(self):
        for server in self.servers:
            if server.process.poll() is None:
                server.process.kill()
                server.process.wait()
                server.process.stdout.close()
        shutil.rmtree(self.folder)

    def start(self, data):
        server = Server(self.folder, data)
        self.servers.append(server)
        self.assertTrue(server.url, server.log.read_text()[-2000:])
        return server

    def refused(self, data):
        """What a start says that ends in an error."""
        refused = windfall("serve", "--dev", "--listen", "127.0.0.1:0", "--data", data)
        self.assertEqual((refused.returncode, refused.stdout), (1, ""), refused.stderr)
        self.assertIn("was restored from a backup", refused.stderr)
        return refused.stderr

    def test_no_code_is_given_twice_across_a_restore(self):
        old, new = self.folder / "old", self.folder / "new"
        server = self.start(old)
        self.assertEqual(server.lottery("c"), 201)
        self.assertEqual(json.loads(server.import_codes("c", "PLANTED", CODES)[1])["imported"], CODES)
        self.assertEqual(server.win("c", "before"), "PLANTED-0000000")
        keys = ["--with-keys", self.folder / "keys", "--master-keys", f"{old}.keys"]
        self.assertEqual(windfall("backup", "--data", old, "--to", self.folder / "b.tar", *keys).returncode, 0)
        given = {server.win("c", f"since{i}") for i in range(5)}
        self.assertEqual(given, {f"PLANTED-{i:07}" for i in range(1, 6)})
        metrics = server.call("GET", "/metrics")[1]
        self.assertNotIn("PLANTED", metrics)
        self.assertEqual(server.stop(), 0)

        restored = windfall("restore", self.folder / "b.tar", "--data", new, "--keys", self.folder / "keys",
                            "--master-keys", f"{new}.keys")
        self.assertEqual(restored.returncode, 0, restored.stderr)
        self.assertTrue(json.loads(restored.stdout)["recoverFirst"])
        self.assertIn(f"1. windfall recover --data {new} --high-water FILE", restored.stderr)
        self.assertIn(f"windfall recover --data {new} --high-water FILE", self.refused(new))
        self.assertFalse(Path(f"{new}.high-water").exists(), "an empty file of marks would be taken for the old server's")
        without = windfall("recover", "--data", new)
        self.assertEqual(without.returncode, 2)
        self.assertIn("--lost", without.stderr)
        self.assertIn("recover", self.refused(new), "a recovery that failed is none")
        recovered = windfall("recover", "--data", new, "--high-water", f"{old}.high-water")
        self.assertEqual(recovered.returncode, 0, recovered.stderr)
        burned = json.loads(recovered.stdout)["burned"]
        self.assertEqual(len(burned), 1)
        self.assertGreaterEqual(burned[0]["count"], len(given))
        self.assertEqual(burned[0]["count"] + burned[0]["left"] + 1, CODES)
        again = windfall("recover", "--data", new, "--high-water", f"{old}.high-water")
        self.assertEqual(json.loads(again.stdout)["burned"], [])

        self.assertEqual(windfall("keys", "add", "--data", new).returncode, 0)
        self.assertEqual(json.loads(windfall("keys", "reseal", "--data", new).stdout), {"resealed": CODES, "seeds": 1, "key": 2})
        server = self.start(new)
        self.assertEqual(server.call("POST", "/v1/admin/resume-all", '{"reason":"checked"}')[0], 200)
        fresh = server.win("c", "after")
        self.assertIsNotNone(fresh)
        self.assertNotIn(fresh, given | {"PLANTED-0000000"})
        self.assertEqual(server.stop(), 0)
        checked = json.loads(windfall("fsck", "--data", new, "-o", "json").stdout)
        codes = next(one for one in checked["invariants"] if one["id"] == "I9")
        self.assertGreaterEqual(codes["checked"], 4)
        self.assertEqual(codes["violations"], 0)

        self.assertNotIn(b"PLANTED", server.log.read_bytes())
        files = [path for data in (old, new) for path in data.rglob("*") if path.is_file()]
        self.assertTrue(any(path.name == "codes.db" for path in files))
        self.assertEqual([path for path in files if b"PLANTED" in path.read_bytes()], [])

    def test_a_restored_server_gives_nothing_before_the_recovery(self):
        """The directory has its old name again, so the server and the recovery find the marks by themselves."""
        data, lost = self.folder / "data", self.folder / "lost"
        server = self.start(data)
        self.assertEqual(server.lottery("c"), 201)
        self.assertEqual(json.loads(server.import_codes("c", "STORY", CODES)[1])["imported"], CODES)
        given = {server.win("c", f"before{i}") for i in range(5)}
        keys = ["--with-keys", self.folder / "keys", "--master-keys", f"{data}.keys"]
        self.assertEqual(windfall("backup", "--data", data, "--to", self.folder / "b.tar", *keys).returncode, 0)
        given |= {server.win("c", f"since{i}") for i in range(20)}
        self.assertEqual(given, {f"STORY-{i:07}" for i in range(25)})
        self.assertEqual(server.stop(), 0)
        data.rename(lost)

        again = ["restore", self.folder / "b.tar", "--data", data, "--keys", self.folder / "keys", "--master-keys", f"{data}.keys"]
        self.assertEqual(windfall(*again).returncode, 0)
        said = self.refused(data)
        command = f"windfall recover --data {data} --high-water {data}.high-water"
        self.assertIn(command, said)
        self.assertIn("recover has not run yet", windfall("fsck", "--data", data).stdout)
        self.assertIn(command, self.refused(data), "neither a start that was refused nor fsck counts as a recovery")
        # A backup of a directory that nobody has recovered is no way around it.
        copy = self.folder / "copy"
        self.assertEqual(windfall("backup", "--data", data, "--to", self.folder / "c.tar", "--with-keys", self.folder / "k").returncode, 0)
        self.assertEqual(windfall("restore", self.folder / "c.tar", "--data", copy, "--keys", self.folder / "k").returncode, 0)
        shutil.copy(f"{data}.keys", f"{copy}.keys")
        self.refused(copy)

        recovered = windfall(*command.split()[1:])
        self.assertEqual(recovered.returncode, 0, recovered.stderr)
        self.assertGreaterEqual(json.loads(recovered.stdout)["burned"][0]["count"], 20)
        server = self.start(data)
        self.assertEqual(server.call("POST", "/v1/admin/resume-all", '{"reason":"checked"}')[0], 200)
        fresh = {server.win("c", f"after{i}") for i in range(20)}
        self.assertEqual(len(fresh), 20)
        self.assertNotIn(None, fresh)
        self.assertEqual(fresh & given, set())
        self.assertEqual(server.stop(), 0)
        checked = windfall("fsck", "--data", data)
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.assertNotIn("recover has not run", checked.stdout)
        self.start(data)  # and ever after

    def test_lost_master_keys_are_not_replaced_by_new_ones(self):
        data, copy = self.folder / "data", self.folder / "copy"
        server = self.start(data)
        self.assertEqual(server.lottery("c"), 201)
        self.assertEqual(server.stop(), 0)
        # A backup with keys has the master keys where a server keeps them by itself.
        made = windfall("backup", "--data", data, "--to", self.folder / "b.tar", "--with-keys", self.folder / "keys")
        self.assertEqual((made.returncode, made.stderr), (0, ""))
        self.assertIn(Path(f"{data}.keys").read_text(), (self.folder / "keys").read_text())
        restored = windfall("restore", self.folder / "b.tar", "--data", copy, "--keys", self.folder / "keys")
        self.assertEqual(restored.returncode, 0, restored.stderr)
        self.assertEqual(Path(f"{copy}.keys").read_text(), Path(f"{data}.keys").read_text())
        for lost in (copy, data):
            Path(f"{lost}.keys").unlink(missing_ok=True)
            refused = windfall("serve", "--dev", "--listen", "127.0.0.1:0", "--data", lost)
            self.assertEqual((refused.returncode, refused.stdout), (1, ""), refused.stderr)
            self.assertIn(f"server.master_keys: {lost}.keys is missing", refused.stderr)
            self.assertIn(f"restore --keys FILE --master-keys {lost}.keys", refused.stderr)
            self.assertFalse(Path(f"{lost}.keys").exists(), "it would lie where the right ones have to be put")

    def test_a_lottery_that_waits_for_codes_is_recovered_too(self):
        data = self.folder / "data"
        server = self.start(data)
        self.assertEqual(server.lottery("c"), 201)
        keys = ["--with-keys", self.folder / "keys", "--master-keys", f"{data}.keys"]
        self.assertEqual(windfall("backup", "--data", data, "--to", self.folder / "b.tar", *keys).returncode, 0)
        server.import_codes("c", "LATE", 100)
        self.assertEqual(server.win("c", "u"), "LATE-0000000")
        self.assertEqual(server.stop(), 0)
        data.rename(self.folder / "lost")
        self.assertEqual(windfall("restore", self.folder / "b.tar", "--data", data, "--keys", self.folder / "keys").returncode, 0)
        self.refused(data)
        self.assertEqual(json.loads(windfall("recover", "--data", data).stdout)["burned"][0]["count"], 65)
        server = self.start(data)
        self.assertEqual(server.call("POST", "/v1/admin/resume-all", '{"reason":"checked"}')[0], 200)
        self.assertEqual(json.loads(server.import_codes("c", "LATE", 100)[1])["imported"], 100)
        self.assertEqual(server.win("c", "v"), "LATE-0000065")

    def test_a_restore_without_codes_needs_no_recovery(self):
        data, new = self.folder / "data", self.folder / "new"
        server = self.start(data)
        keys = ["--with-keys", self.folder / "keys", "--master-keys", f"{data}.keys"]
        self.assertEqual(windfall("backup", "--data", data, "--to", self.folder / "b.tar", *keys).returncode, 0)
        restore = ["restore", self.folder / "b.tar", "--keys", self.folder / "keys"]
        restored = windfall(*restore, "--data", new)
        self.assertFalse(json.loads(restored.stdout)["recoverFirst"])
        self.assertIn("not needed", restored.stderr)
        server = self.start(new)
        self.assertEqual(server.call("POST", "/v1/admin/resume-all", '{"reason":"checked"}')[0], 200)
        self.assertEqual(server.lottery("c"), 201)
        server.import_codes("c", "NEW", 10)
        self.assertEqual(server.win("c", "u"), "NEW-0000000")
        server.process.kill()
        server.process.wait()
        server.process.stdout.close()
        server = self.start(new)  # what came after the restore asks for nothing
        self.assertEqual(server.win("c", "v"), "NEW-0000001")
        self.assertEqual(server.stop(), 0)
        # Who runs it all the same is told so, without a file of marks as well.
        other = self.folder / "other"
        self.assertEqual(windfall(*restore, "--data", other).returncode, 0)
        recovered = windfall("recover", "--data", other)
        self.assertEqual((recovered.returncode, recovered.stdout), (0, '{"burned":[]}\n'), recovered.stderr)
        self.assertIn("nothing to burn", recovered.stderr)
        # A lottery that the backup does not know, but the marks: its file is not to be imported again.
        marked = self.folder / "marked"
        self.assertEqual(windfall(*restore, "--data", marked).returncode, 0)
        shutil.copy(f"{new}.high-water", f"{marked}.high-water")
        self.refused(marked)
        recovered = windfall("recover", "--data", marked)
        self.assertEqual(recovered.returncode, 0, recovered.stderr)
        self.assertIn("do not import their file again", recovered.stderr)
        self.start(marked)

    def test_without_marks_everything_unassigned_is_burned(self):
        data = self.folder / "data"
        server = self.start(data)
        self.assertEqual(server.lottery("c"), 201)
        server.import_codes("c", "LOST", 10)
        self.assertEqual(server.win("c", "u"), "LOST-0000000")
        self.assertEqual(server.stop(), 0)
        burned = json.loads(windfall("recover", "--data", data, "--lost").stdout)["burned"]
        self.assertEqual([(one["count"], one["left"]) for one in burned], [(9, 0)])

    def test_a_file_imported_again_after_a_recovery_gives_none_of_its_burned_codes(self):
        data = self.folder / "data"
        server = self.start(data)
        self.assertEqual(server.lottery("c"), 201)
        self.assertEqual(server.stop(), 0)
        copy = self.folder / "copy"
        shutil.copytree(data, copy)
        shutil.copy(f"{data}.keys", f"{copy}.keys")
        server = self.start(data)
        server.import_codes("c", "AHEAD", 10)
        self.assertIsNotNone(server.win("c", "u"))
        self.assertEqual(server.stop(), 0)
        burned = windfall("recover", "--data", copy, "--high-water", f"{data}.high-water")
        self.assertEqual(json.loads(burned.stdout)["burned"][0]["count"], 65)
        server = self.start(copy)
        self.assertEqual(json.loads(server.import_codes("c", "AHEAD", 100)[1])["imported"], 100)
        self.assertEqual(server.win("c", "u"), "AHEAD-0000065")
        self.assertEqual(server.stop(), 0)

    def test_a_large_import_is_not_held_in_memory(self):
        server = self.start(self.folder / "data")
        self.assertEqual(server.lottery("c"), 201)
        server.import_codes("c", "W" * 50, WARM)
        before = server.peak_kib()
        body = ("x" * 99 + "\n") * LINES  # 48 MB
        status, answer = server.call("POST", "/v1/admin/promotions/c/prizes/a/codes", body, content="text/csv")
        answer = json.loads(answer)
        self.assertEqual((status, answer["imported"], answer["moreInvalid"]), (200, 0, LINES - 1000))
        grown = server.peak_kib() - before
        print(f"{len(body)} bytes: peak memory grew by {grown} KiB", file=sys.stderr)
        self.assertLess(grown, MOST_GROWTH_KIB)
        answer = json.loads(server.import_codes("c", "W" * 50, 1500)[1])
        self.assertEqual((answer["imported"], len(answer["duplicates"]), answer["moreDuplicates"]), (0, 1000, 500))
        self.assertEqual(server.stop(), 0)

    def test_an_earlier_master_key_can_be_withdrawn(self):
        data, keys = self.folder / "data", self.folder / "data.keys"
        server = self.start(data)
        self.assertEqual(server.lottery("c"), 201)
        server.import_codes("c", "TURN", 10)
        code = server.win("c", "before")
        token = json.loads(server.call("POST", "/v1/promotions/c/invites", user="before")[1])["token"]
        committed = json.loads(server.call("GET", "/v1/promotions/c/fairness", user="x")[1])["commitment"]
        self.assertEqual(server.stop(), 0)
        self.assertEqual(windfall("keys", "add", "--data", data).returncode, 0)
        self.assertIn("invite links", windfall("keys", "reseal", "--data", data).stderr)
        self.assertEqual(json.loads(windfall("keys", "reseal", "--data", data).stdout), {"resealed": 0, "seeds": 0, "key": 2})
        with_both = keys.read_text()
        keys.write_text("".join(line for line in with_both.splitlines(True) if not line.startswith("1 ")))
        self.assertNotEqual(keys.read_text(), with_both)
        checked = windfall("fsck", "--data", data)
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.assertNotIn("not checked", checked.stdout)

        # Also where the ledger has to be told again, from definitions that nobody can open any more.
        for path in data.glob("ledger.db*"):
            path.unlink()
        server = self.start(data)
        self.assertEqual(server.win("c", "before"), code)
        self.assertIsNotNone(server.win("c", "after"))
        self.assertEqual(json.loads(server.call("GET", "/v1/promotions/c/fairness", user="x")[1])["commitment"], committed)
        audit = json.loads(server.call("GET", "/v1/admin/audit")[1])["items"]
        self.assertEqual([one["actor"] for one in audit if one["action"] == "keys.reseal"], ["system"])
        self.assertEqual(server.call("POST", f"/v1/invites/{token}/opens", user="friend")[0], 404)  # what is lost with the key
        self.assertEqual(server.call("POST", "/v1/promotions/c/invites", user="before")[0], 200)
        self.assertEqual(server.stop(), 0)
        checked = windfall("fsck", "--data", data)
        self.assertEqual(checked.returncode, 0, checked.stdout)

    def test_a_seed_under_a_key_that_is_gone_is_not_sealed_anew(self):
        data, keys = self.folder / "data", self.folder / "data.keys"
        server = self.start(data)
        self.assertEqual(server.lottery("c"), 201)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(windfall("keys", "add", "--data", data).returncode, 0)
        keys.write_text("".join(line for line in keys.read_text().splitlines(True) if not line.startswith("1 ")))
        refused = windfall("keys", "reseal", "--data", data)
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn("the seed of promotion c", refused.stderr)

    def test_a_crash_in_the_middle_of_an_import_leaves_nothing_of_it(self):
        data = self.folder / "data"
        server = self.start(data)
        self.assertEqual(server.lottery("c"), 201)
        body = "".join(f"HALF-{i:07}\n" for i in range(70_000)).encode()  # one batch of the vault, and the start of another
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall((f"POST /v1/admin/promotions/c/prizes/a/codes HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {KEY}\r\n"
                            f"Content-Type: text/csv\r\nContent-Length: {len(body) + 1}\r\n\r\n").encode() + body)
            end = time.monotonic() + DEADLINE_SECONDS
            while time.monotonic() < end and (data / "codes.db-wal").stat().st_size < 1_000_000:
                time.sleep(0.02)
            self.assertEqual(server.import_codes("c", "OTHER", 1)[0], 409)
            server.process.kill()
            server.process.wait()
            server.process.stdout.close()
        server = self.start(data)
        self.assertEqual(json.loads(server.import_codes("c", "HALF", 100)[1]), {"imported": 100, "duplicates": [], "invalid": []})
        self.assertEqual(server.win("c", "u"), "HALF-0000000")
        self.assertEqual(server.stop(), 0)
        checked = windfall("fsck", "--data", data)
        self.assertEqual(checked.returncode, 0, checked.stdout)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
