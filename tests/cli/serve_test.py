#!/usr/bin/env python3
"""What an operator meets at the edge of the real server: starting, secrets, limits, metrics and their alarms, the end.

Usage: serve_test.py BINARY [unittest arguments]. Needs PyYAML beside the standard library; every server listens on a free
port of loopback and keeps its data in a temporary folder.
"""
import contextlib
import datetime
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
from pathlib import Path

import yaml

BINARY = sys.argv[1] if len(sys.argv) > 1 else ""
ROOT = Path(__file__).resolve().parents[2]
# Longer than anything takes on a busy machine; a test that reaches it has failed.
DEADLINE_SECONDS = 30
KEY = "wf-serve-test-admin-key"
GATEWAY_KEY = "wf-serve-test-gateway-key"
KOREAN_DAY = "2025-06-21T05:59:59.900Z"


def clean_environment(**extra):
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("WINDFALL_", "LC_", "LANG")) and name not in ("NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY")}
    return {**kept, "LC_ALL": "C.UTF-8", **extra}


class Server:
    """The binary, serving; `environment` beside the admin key, unless that is given otherwise."""

    def __init__(self, folder, *arguments, dev=True, environment=None, before=()):
        self.log_path = os.path.join(folder, f"stderr-{time.monotonic_ns()}")
        settings = {"WINDFALL_ADMIN_KEY": KEY, "WINDFALL_GATEWAY_KEY": GATEWAY_KEY} if environment is None else environment
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*before, BINARY, "serve", *(["--dev"] if dev else []), "--listen", "127.0.0.1:0", "--data",
                 os.path.join(folder, "data"), *arguments],
                stdout=subprocess.PIPE, stderr=log, text=True, env=clean_environment(**settings))
        line = self.process.stdout.readline()
        if not line.startswith("listening on http://"):
            self.process.wait(DEADLINE_SECONDS)
            self.process.stdout.close()
            raise RuntimeError(f"the server did not start ({self.process.returncode}): {self.log()}")
        self.address = urllib.parse.urlsplit(line.split()[-1])

    def log(self):
        return Path(self.log_path).read_text(encoding="utf-8")

    def connection(self):
        return http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=DEADLINE_SECONDS)

    def call(self, method, path, body=None, headers=None):
        connection = self.connection()
        try:
            sent = None if body is None else json.dumps(body)
            fields = {"Content-Type": "application/json"} if sent is not None else {}
            connection.request(method, path, sent, {**fields, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def admin(self, method, path, body=None):
        return self.call(method, path, body, {"Authorization": "Bearer " + KEY})

    def metrics(self):
        return samples_of(self.call("GET", "/metrics")[2])

    def stop(self):
        """SIGTERM; the exit status, and how long it took."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(DEADLINE_SECONDS)
        return status, time.monotonic() - begun

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def samples_of(text):
    """{"name{labels}": value} of the Prometheus text format; a line that is none fails the test."""
    samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        found = re.fullmatch(r'([a-z_]+(?:\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})?) ([0-9]+(?:\.[0-9]+)?)', line)
        if not found:
            raise AssertionError(f"not a sample: {line!r}")
        samples[found[1]] = float(found[2])
    return samples


def wait_until(condition, what):
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"never came: {what}")


class ServeTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="windfall-serve-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def serve(self, *arguments, **options):
        server = Server(self.folder, *arguments, **options)
        self.addCleanup(server.close)
        return server

    def refused(self, *arguments, environment=None, dev=False):
        """Starts what must not start; what it says."""
        done = subprocess.run(
            [BINARY, "serve", *(["--dev"] if dev else []), "--data", os.path.join(self.folder, "data"), *arguments],
            capture_output=True, text=True, timeout=DEADLINE_SECONDS, env=clean_environment(**(environment or {})))
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def file(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        Path(path).write_text(text, encoding="utf-8")
        os.chmod(path, mode)
        return path

    def promotion(self, server, **members):
        body = {"id": "p", "title": "프로모션", "rewardAmount": 500, "limitJoinCount": 1000,
                "startDate": "2025-06-20", "endDate": "2025-06-30", **members}
        status, _, text = server.admin("POST", "/v1/admin/promotions", body)
        self.assertEqual(status, 201, text)


class Starting(ServeTest):
    def test_help_names_what_every_flag_takes(self):
        text = subprocess.run([BINARY, "serve", "--help"], capture_output=True, text=True, check=True).stdout
        for flag in ("--data DIR", "--config FILE", "--listen ADDR", "--admin-listen ADDR", "--partner-url URL"):
            self.assertIn(flag, text)

    def test_development_serves_loopback_only(self):
        for arguments in (["--listen", "0.0.0.0:0"], ["--listen", "[::]:0"], ["--admin-listen", "0.0.0.0:0"]):
            self.assertIn("loopback", self.refused(*arguments, dev=True), arguments)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "data")), "nothing was touched")

    def test_default_and_short_secrets_are_refused(self):
        for key in ("changeme", "password-password", "short"):
            said = self.refused(environment={"WINDFALL_ADMIN_KEY": key})
            self.assertIn("env WINDFALL_ADMIN_KEY", said)
            self.assertNotIn(f"'{key}'", said.replace("default ('changeme')", ""))

    def test_secrets_come_from_closed_files_only(self):
        path = self.file("admin-key", KEY + "\n")
        server = self.serve(dev=False, environment={"WINDFALL_ADMIN_KEY_FILE": path})
        self.assertEqual(server.admin("GET", "/v1/admin/jobs")[0], 200)
        self.assertNotIn("admin key, shown once", server.log())
        self.assertEqual(server.stop()[0], 0)
        os.chmod(path, 0o644)
        said = self.refused(environment={"WINDFALL_ADMIN_KEY_FILE": path})
        self.assertIn(f"{path}: everybody may read it", said)

    def test_a_directory_without_its_key_is_refused_and_gets_no_other(self):
        self.assertEqual(self.serve().stop()[0], 0)
        data = os.path.join(self.folder, "data")
        key = os.path.join(data, "user-hash.key")
        os.rename(key, key + ".kept")
        done = subprocess.run([BINARY, "serve", "--dev", "--listen", "127.0.0.1:0", "--data", data], capture_output=True,
                              text=True, timeout=DEADLINE_SECONDS, env=clean_environment())
        self.assertEqual(done.returncode, 1)
        self.assertIn("user-hash.key is missing", done.stderr)
        self.assertFalse(os.path.exists(key))
        os.rename(key + ".kept", key)
        self.assertEqual(self.serve().call("GET", "/livez")[0], 200)

    def test_what_it_makes_is_readable_by_its_own_user_only(self):
        os.mkdir(os.path.join(self.folder, "data"), 0o755)
        self.serve()
        for folder, _, names in os.walk(os.path.join(self.folder, "data")):
            for name in names:
                self.assertEqual(os.stat(os.path.join(folder, name)).st_mode & 0o077, 0, name)

    def test_commands_for_operators_read_the_key_from_its_file(self):
        server = self.serve()
        url = f"http://{server.address.netloc}"
        for mode, status in ((0o600, 0), (0o644, 2)):
            done = subprocess.run(
                [BINARY, "promotion", "list", "--url", url], capture_output=True, text=True, timeout=DEADLINE_SECONDS,
                env=clean_environment(WINDFALL_ADMIN_KEY_FILE=self.file("key", KEY + "\n", mode)))
            self.assertEqual(done.returncode, status, done.stderr)

    def test_a_hangup_takes_over_keys_and_limits_and_names_what_waits(self):
        key = self.file("admin-key", KEY)
        config = self.file("windfall.toml", "[limits]\naddress_per_second = 0\n")
        server = self.serve("--config", config, environment={"WINDFALL_ADMIN_KEY_FILE": key})
        status = lambda secret: server.call("GET", "/v1/admin/promotions", headers={"Authorization": "Bearer " + secret})[0]
        self.assertEqual(status(KEY), 200)

        Path(key).write_text("wf-serve-test-another-key", encoding="utf-8")
        Path(config).write_text("[limits]\naddress_per_second = 1\naddress_burst = 3\n[server]\ndrain_seconds = 7\n", encoding="utf-8")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: '"reloaded"' in server.log(), "the configuration is read again")
        self.assertEqual((status(KEY), status("wf-serve-test-another-key")), (401, 200))
        self.assertIn(429, [server.call("GET", "/v1/promotions")[0] for _ in range(5)])
        log = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
        said = {(line["event"], line["setting"]) for line in log if "setting" in line}
        self.assertEqual(said, {("setting_changed", "limits.address_per_second"), ("setting_changed", "limits.address_burst"),
                                ("setting_changed", "WINDFALL_ADMIN_KEY"), ("setting_needs_restart", "server.drain_seconds")})

        Path(config).write_text("[limits]\naddress_per_second = none\n", encoding="utf-8")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "reload_refused" in server.log(), "a broken configuration is refused")
        self.assertIn(f"{config}:2", server.log())
        self.assertEqual(server.stop()[0], 0)

    def test_secrets_come_as_credentials_of_systemd(self):
        self.file("WINDFALL_ADMIN_KEY", KEY + "\n", 0o400)
        server = self.serve(dev=False, environment={"CREDENTIALS_DIRECTORY": self.folder})
        self.assertEqual(server.admin("GET", "/v1/admin/jobs")[0], 200)

    def test_config_check_refuses_what_the_start_refuses_and_in_its_words(self):
        secret = "whsec_bm90IGEgcHVibGlzaGVkIGV4YW1wbGUgb25l"
        missing = os.path.join(self.folder, "nowhere.json")
        data = os.path.join(self.folder, "data")
        for toml, line, why in (
                ('[partner]\nurl = "ftp://points.example.com"\n', 2, "partner.url: the scheme must be https"),
                (f'[auth.jwt]\njwks = "{missing}"\nissuer = "i"\naudience = "a"\n', 2, f"auth.jwt.jwks: {missing}: No such file"),
                (f'[server]\ndata = "{data}"\nmaster_keys = "{data}/keys"\n', 3, "server.master_keys: ")):
            config = self.file("windfall.toml", toml)
            environment = {"WINDFALL_ADMIN_KEY": KEY, "WINDFALL_PARTNER_SECRET": secret}
            checked, started = (
                subprocess.run([BINARY, *command, "--config", config, "--data", data], capture_output=True, text=True,
                               env=clean_environment(**environment), timeout=DEADLINE_SECONDS)
                for command in (["config", "check"], ["serve", "--listen", "127.0.0.1:0"]))
            self.assertEqual(checked.returncode, 2)
            self.assertNotEqual(started.returncode, 0)
            self.assertIn(f"windfall: {config}:{line}: {why}", checked.stderr)
            self.assertEqual(started.stderr, checked.stderr)

    def test_a_data_directory_without_a_name_is_refused_and_fsck_says_where_there_is_none(self):
        for command in (["serve", "--dev"], ["config", "check"]):
            done = subprocess.run([BINARY, *command, "--data", ""], cwd=self.folder, capture_output=True, text=True,
                                  timeout=DEADLINE_SECONDS, env=clean_environment())
            self.assertEqual((done.returncode, done.stderr), (2, "windfall: flag: server.data must name a folder\n"))
        self.assertEqual(os.listdir(self.folder), [])
        for command in ("fsck", "backup"):
            flags = ["--data", f"{self.folder}/none"] + (["--to", f"{self.folder}/b"] if command == "backup" else [])
            done = subprocess.run([BINARY, command, *flags], capture_output=True, text=True, timeout=DEADLINE_SECONDS,
                                  env=clean_environment())
            self.assertEqual((done.returncode, done.stderr), (2, f"windfall: {self.folder}/none: is no data directory\n"))

    def test_what_is_no_http_is_refused_in_the_language_asked_for(self):
        server = self.serve()
        length = "POST /v1/events HTTP/1.1\r\nHost: x\r\n"
        for request in ("GET /v1/promotions HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n", "G@T / HTTP/1.1\r\nHost: x\r\n",
                        "GET / HTTP/9.1\r\nHost: x\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n", "GET / HTTP/1.1\r\nHost: x\r\nA B: c\r\n",
                        "GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n", length + "Content-Length: x\r\n",
                        length + "Content-Length: 1\r\nContent-Length: 2\r\n", length + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
                        length + "Transfer-Encoding: gzip\r\n", length + "Expect: more\r\n", "GET /" + "x" * 20000 + " HTTP/1.1\r\nHost: x\r\n",
                        "GET / HTTP/1.1\r\nHost: x\r\nA: " + "x" * 20000 + "\r\n"):
            with socket.create_connection((server.address.hostname, server.address.port)) as raw:
                raw.sendall(request.encode() + b"\r\n")
                answer = b"".join(iter(lambda reading=raw: reading.recv(65536), b"")).decode()
            problem = json.loads(answer.split("\r\n\r\n", 1)[1])
            self.assertEqual(problem["code"], "INVALID_REQUEST", request)
            names = r"HTTP(/1\.[01])?|Content-Length|Transfer-Encoding|Host|Expect|chunked|100-continue"
            self.assertNotRegex(re.sub(names, "", problem["detail"]), "[A-Za-z]", request[:80])

    def test_a_secret_key_set_that_everybody_may_read_refuses_the_start(self):
        keys = self.file("jwks.json", json.dumps({"keys": [
            {"kty": "oct", "kid": "mac", "alg": "HS256", "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}), 0o644)
        config = self.file("windfall.toml", f'[auth.jwt]\njwks = "{keys}"\nissuer = "i"\naudience = "a"\n')
        said = self.refused("--config", config, "--listen", "127.0.0.1:0", environment={"WINDFALL_ADMIN_KEY": KEY})
        self.assertIn(f"{keys}: holds a secret", said)
        os.chmod(keys, 0o600)
        server = self.serve("--config", config, dev=False)
        self.assertEqual(server.call("GET", "/livez")[0], 200)

    def test_the_service_manager_is_told_when_it_is_ready_and_when_it_stops(self):
        path = os.path.join(self.folder, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(DEADLINE_SECONDS)
            server = self.serve(environment={"WINDFALL_ADMIN_KEY": KEY, "NOTIFY_SOCKET": path})
            self.assertEqual(manager.recv(100), b"READY=1")
            self.assertEqual(server.call("GET", "/readyz")[0], 200)
            self.assertEqual(server.stop()[0], 0)
            self.assertEqual(manager.recv(100), b"STOPPING=1")


class Limits(ServeTest):
    def test_one_address_is_slowed_and_those_who_watch_are_not(self):
        config = self.file("windfall.toml", "[limits]\naddress_per_second = 1\naddress_burst = 5\n")
        server = self.serve("--config", config)
        answers = [server.call("GET", "/v1/promotions") for _ in range(40)]
        refused = [(headers, json.loads(text)) for status, headers, text in answers if status == 429]
        self.assertEqual([status for status, _, _ in answers[:5]], [200] * 5)
        self.assertGreater(len(refused), 10)
        self.assertEqual(refused[0][1]["code"], "RATE_LIMITED")
        self.assertEqual({headers["Retry-After"] for headers, _ in refused}, {"1", "2"}, "jittered")
        for path in ("/livez", "/readyz", "/metrics", "/version"):
            self.assertEqual(server.call("GET", path)[0], 200, path)
        self.assertEqual(server.admin("GET", "/v1/admin/jobs")[0], 200, "an operator is known by the key")
        # Whoever has no key, no user or no route is counted with the rest.
        wrong_key = [server.call("GET", "/v1/admin/jobs", None, {"Authorization": "Bearer wrong"})[0] for _ in range(10)]
        self.assertIn(429, wrong_key)
        self.assertIn(429, [server.call("GET", "/v1/nothing")[0] for _ in range(10)])
        self.assertIn(429, [server.call("POST", "/v1/promotions/p/participations")[0] for _ in range(10)])
        self.assertGreaterEqual(server.metrics()['windfall_rate_limited_total{by="address"}'], len(refused))

    def test_one_user_is_slowed_and_others_are_not(self):
        server = self.serve(dev=False)

        def asked(user, times):
            sent = {"Authorization": "Bearer " + GATEWAY_KEY, "X-User-Id": user}
            connection = server.connection()
            try:
                for _ in range(times):
                    connection.request("GET", "/v1/me/participations", headers=sent)
                    answer = connection.getresponse()
                    yield answer.status, dict(answer.getheaders()), answer.read().decode()
            finally:
                connection.close()

        begun = time.monotonic()
        answers = list(asked("ann", 60))
        took = time.monotonic() - begun
        self.assertEqual([status for status, _, _ in answers[:40]], [200] * 40, "the burst")
        refused = [(headers, json.loads(text)) for status, headers, text in answers if status == 429]
        self.assertEqual(len(refused) + [status for status, _, _ in answers].count(200), 60)
        # 20 a second come back meanwhile: on a machine that takes a second for this there is nothing to see.
        self.assertGreaterEqual(len(refused), 20 - int(20 * took) - 1)
        if took < 0.9:
            self.assertGreater(len(refused), 0)
        for headers, problem in refused:
            self.assertEqual(problem["code"], "RATE_LIMITED")
            self.assertIn(headers["Retry-After"], ("1", "2"))
        self.assertEqual([status for status, _, _ in asked("bob", 40)], [200] * 40, "another user has a burst of their own")
        self.assertEqual(server.metrics()['windfall_rate_limited_total{by="user"}'], len(refused))

    def test_there_is_no_limit_of_addresses_unless_configured(self):
        server = self.serve(dev=False)
        connection = server.connection()
        for _ in range(1000):
            connection.request("GET", "/v1/promotions")
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, 200)
        connection.close()
        self.assertEqual(server.metrics()['windfall_rate_limited_total{by="address"}'], 0)


def unknown_metrics(rules, samples):
    """Metrics, and labels of them, that alarms name and a running server does not have."""
    unknown = []
    for rule in rules:
        for name, labels in re.findall(r"\b(windfall_\w+)(\{[^}]*\})?", rule["expr"]):
            there = [sample for sample in samples if sample == name or sample.startswith(name + "{")]
            if not there or (labels and name + labels not in there):
                unknown.append(f"{rule['alert']}: {name}{labels}")
    return unknown


def anchors_of(markdown):
    """The links that headings can be reached by."""
    titles = re.findall(r"^#+ (.+)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


class Metrics(ServeTest):
    def alarms(self):
        document = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8"))
        self.assertEqual(list(document), ["groups"])
        return [rule for group in document["groups"] for rule in group["rules"]]

    def test_every_alarm_is_about_something_that_is_measured(self):
        server = self.serve()
        today = datetime.date.today()
        prize = {"prizeId": "p", "name": "P", "kind": "GIFTICON", "value": 1000, "count": 5}
        created = server.admin("POST", "/v1/admin/promotions", {
            "id": "dice", "title": "Dice", "startDate": str(today - datetime.timedelta(2)), "endDate": str(today + datetime.timedelta(2)),
            "lottery": {"grants": [{"cause": "VISIT", "tickets": 1}], "prizes": [prize]}})
        self.assertEqual(created[0], 201, created)
        wait_until(lambda: any("codes_left" in name for name in server.metrics()), "prizes with codes are looked at")
        wait_until(lambda: server.metrics()["windfall_segment_overdue_seconds"] == 0, "the segment is open")
        samples = server.metrics()
        self.assertEqual(unknown_metrics(self.alarms(), samples), [])
        planted = [{"alert": "A", "expr": "windfall_no_such_thing > 0"},
                   {"alert": "B", "expr": 'windfall_effects{state="lost"} > 0'}]
        self.assertEqual(len(unknown_metrics(planted, samples)), 2)

    def test_every_alarm_says_what_happened_what_to_do_and_where_to_read_on(self):
        anchors = anchors_of((ROOT / "docs/operations.md").read_text(encoding="utf-8"))
        alarms = self.alarms()
        self.assertEqual(len({alarm["alert"] for alarm in alarms}), len(alarms))
        for alarm in alarms:
            with self.subTest(alarm["alert"]):
                self.assertLessEqual(set(alarm), {"alert", "expr", "for", "labels", "annotations"})
                self.assertIn(alarm["labels"]["severity"], ("page", "ticket"))
                self.assertEqual(set(alarm["annotations"]), {"summary", "action", "runbook"})
                page, anchor = alarm["annotations"]["runbook"].split("#")
                self.assertEqual(page, "docs/operations.md")
                self.assertIn(anchor, anchors)
                self.assertRegex(alarm.get("for", "1m"), r"^\d+[smh]$")
                for opening, closing in ("()", "[]", "{}"):
                    self.assertEqual(alarm["expr"].count(opening), alarm["expr"].count(closing))

    def test_every_family_is_explained_and_measured_in_base_units(self):
        text = self.serve().call("GET", "/metrics")[2]
        kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
        helps = set(re.findall(r"^# HELP (\w+) \S", text, re.MULTILINE))
        self.assertEqual(set(kinds), helps)
        for name, kind in kinds.items():
            self.assertEqual(name.endswith("_total"), kind == "counter", name)
            self.assertNotRegex(name, r"_(ms|millis|minutes|kb|mb|percent)\b", name)

    def test_a_quiet_server_is_behind_with_nothing(self):
        samples = self.serve().metrics()
        self.assertEqual(samples["windfall_journal_writable"], 1)
        self.assertEqual(samples["windfall_fenced_partitions"], 0)
        self.assertEqual(samples['windfall_outbox_oldest_seconds{stage="projection"}'], 0)
        self.assertEqual(samples['windfall_outbox_oldest_seconds{stage="fulfilment"}'], 0)
        self.assertEqual(samples["windfall_effects_oldest_unknown_seconds"], 0)
        self.assertLess(samples["windfall_ledger_sync_lag_seconds"], 30)

    def test_a_process_that_projects_nothing_has_no_ages_to_show(self):
        samples = self.serve("--roles", "api").metrics()
        self.assertEqual([name for name in samples if "_oldest_" in name or "sync_lag" in name], [])

    def test_a_promised_reward_ages_while_the_partner_is_away(self):
        with socket.socket() as nobody:  # bound, but nobody listens: refused at once
            nobody.bind(("127.0.0.1", 0))
            server = self.serve("--partner-url", f"http://127.0.0.1:{nobody.getsockname()[1]}")
            server.call("PUT", "/v1/dev/clock", {"now": KOREAN_DAY})
            self.promotion(server)
            joined = server.call("POST", "/v1/promotions/p/participations", None, {"X-User-Id": "ann"})
            self.assertEqual(joined[0], 201, joined[2])
            server.call("PUT", "/v1/dev/clock", {"now": "2025-06-21T06:29:59.900Z"})
            samples = wait_until(lambda: (lambda found: found if found['windfall_effects{state="pending"}'] else None)(
                server.metrics()), "the pending accrual")
            self.assertEqual(samples['windfall_outbox_oldest_seconds{stage="fulfilment"}'], 1800)

    def test_an_accrual_without_an_answer_is_unknown_and_ages(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never answers
            server = self.serve("--partner-url", f"http://127.0.0.1:{silent.getsockname()[1]}")
            server.call("PUT", "/v1/dev/clock", {"now": KOREAN_DAY})
            self.promotion(server)
            joined = server.call("POST", "/v1/promotions/p/participations", None, {"X-User-Id": "ann"})
            self.assertEqual(joined[0], 201, joined[2])
            age = wait_until(lambda: server.metrics()["windfall_effects_oldest_unknown_seconds"], "the unknown accrual")
            self.assertGreater(wait_until(lambda: max(0, server.metrics()["windfall_effects_oldest_unknown_seconds"] - age),
                                          "a greater age"), 0)
            server.stop()


class SettingTheClock(ServeTest):
    def test_set_back_it_takes_along_deeds_of_operators_their_keys_and_the_ends_of_accruals(self):
        server = self.serve()
        set_clock = lambda now: self.assertEqual(server.call("PUT", "/v1/dev/clock", {"now": now})[0], 200)
        key = {"Authorization": "Bearer " + KEY, "Idempotency-Key": "o"}
        pause = lambda: server.call("POST", "/v1/admin/pause-all", {"reason": "r"}, key)
        set_clock("9999-12-31T00:00:00.000Z")
        self.assertEqual(server.admin("PUT", "/v1/admin/blocks/late", {"reason": "r"})[0], 200)
        set_clock(KOREAN_DAY)
        self.promotion(server)
        self.assertEqual(server.call("POST", "/v1/promotions/p/participations", headers={"X-User-Id": "u"})[0], 201)
        timeline = lambda: json.loads(server.admin("GET", "/v1/admin/users/u/timeline")[2])["items"]
        wait_until(lambda: len(timeline()) == 2, "the accrual")
        self.assertEqual([(item["type"], item["at"]) for item in timeline()], [("JOIN", KOREAN_DAY), ("REWARD", KOREAN_DAY)])
        self.assertEqual(pause()[0], 200)
        self.assertIn("Idempotency-Replayed", pause()[1])
        self.assertEqual(server.admin("POST", "/v1/admin/resume-all")[0], 200)
        audit = json.loads(server.admin("GET", "/v1/admin/audit?limit=100")[2])["items"]
        self.assertEqual({item["at"] for item in audit if item["action"] == "pauseAll"}, {KOREAN_DAY})
        set_clock("2025-06-23T06:00:00.000Z")
        self.assertNotIn("Idempotency-Replayed", pause()[1], "48 hours later the key is free")
        self.assertEqual(server.stop()[0], 0)
        checked = subprocess.run([BINARY, "fsck", "--data", os.path.join(self.folder, "data")], capture_output=True, text=True,
                                 timeout=DEADLINE_SECONDS, env=clean_environment())
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.assertIn("a development clock was set back", checked.stdout)
        again = self.serve()
        again.call("PUT", "/v1/dev/clock", {"now": "2025-06-23T06:00:00.000Z"})
        self.assertIn("Idempotency-Replayed", again.call("POST", "/v1/admin/pause-all", {"reason": "r"}, key)[1])


class Ending(ServeTest):
    BUDGET = 5

    def draining_server(self):
        return self.serve("--config", self.file("windfall.toml", f"[server]\ndrain_seconds = {self.BUDGET}\n"))

    def stream(self, server):
        connection = server.connection()
        self.addCleanup(connection.close)
        connection.request("GET", "/v1/admin/stats/stream", headers={"Authorization": "Bearer " + KEY})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.readline(), b"retry: 2000\n")
        return answer

    def test_an_open_stream_is_ended_within_the_budget(self):
        server = self.draining_server()
        self.promotion(server)
        streams = [self.stream(server) for _ in range(3)]
        status, seconds = server.stop()
        self.assertEqual(status, 0, server.log())
        self.assertLess(seconds, self.BUDGET)
        for answer in streams:
            answer.read()  # raises IncompleteRead if the stream was cut instead of ended

    def test_the_ledger_has_what_was_decided_last(self):
        server = self.draining_server()
        server.call("PUT", "/v1/dev/clock", {"now": KOREAN_DAY})
        self.promotion(server, limitJoinCount=10, rewardAmount=500)
        for user in ("u1", "u2"):
            self.assertEqual(server.call("POST", "/v1/promotions/p/participations", headers={"X-User-Id": user})[0], 201)
        status, seconds = server.stop()
        self.assertEqual(status, 0, server.log())
        self.assertLess(seconds, self.BUDGET)
        with contextlib.closing(sqlite3.connect(os.path.join(self.folder, "data", "ledger.db"))) as ledger:
            document = ledger.execute("select left_join_count, join_count, spent, status from v_promotion").fetchall()
        self.assertEqual(document, [(8, 2, 1000, "ACTIVE")])

    def test_a_stream_that_nobody_reads_does_not_hold_up_the_end(self):
        server = self.draining_server()
        self.promotion(server)
        with socket.create_connection((server.address.hostname, server.address.port)) as silent:
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            silent.sendall(f"GET /v1/admin/stats/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode())
            wait_until(lambda: server.metrics()["windfall_http_connections"] > 1, "the stream")
            status, seconds = server.stop()
        self.assertEqual(status, 0, server.log())
        self.assertLess(seconds, self.BUDGET + 2)

    def test_a_long_download_is_cut_when_the_budget_is_spent(self):
        server = self.draining_server()
        server.call("PUT", "/v1/dev/clock", {"now": KOREAN_DAY})
        self.promotion(server, limitJoinCount=100_000)
        # More than the buffers of both sides hold: some 200 bytes a row. Many at once share a sync of the disk.
        filled = subprocess.run(
            [BINARY, "bench", "--url", f"http://{server.address.netloc}", "--promotion", "p", "--count", "20000", "--rate", "0", "--connections", "1000",
             "--user-prefix", "u" * 110],
            capture_output=True, text=True, timeout=120, env=clean_environment())
        self.assertEqual(filled.returncode, 0, filled.stderr)
        with socket.create_connection((server.address.hostname, server.address.port)) as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.sendall(f"GET /v1/admin/promotions/p/export/participations.csv HTTP/1.1\r\nHost: x\r\n"
                         f"Authorization: Bearer {KEY}\r\n\r\n".encode())
            self.assertTrue(slow.recv(1000).startswith(b"HTTP/1.1 200"))
            status, seconds = server.stop()
        self.assertEqual(status, 0, server.log())
        self.assertGreater(seconds, self.BUDGET - 1, "the download was over before the end: nothing was tested")
        self.assertLess(seconds, self.BUDGET + 10)

    def test_idle_connections_do_not_delay_the_end(self):
        server = self.draining_server()
        connections = [server.connection() for _ in range(20)]
        for connection in connections:
            connection.request("GET", "/livez")
            connection.getresponse().read()
        status, seconds = server.stop()
        self.assertEqual(status, 0, server.log())
        self.assertLess(seconds, self.BUDGET)
        for connection in connections:
            connection.close()


if __name__ == "__main__":
    if not BINARY:
        sys.exit("usage: serve_test.py BINARY")
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
