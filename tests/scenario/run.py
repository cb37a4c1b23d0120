#!/usr/bin/python3
"""Runs HTTP stories (*.scn) against the real binary; README.md beside this file explains how they are written.

usage: run.py [FILE.scn ...]        all stories of this folder if none is named
environment: WINDFALL = the binary, by default build/release/windfall of this tree

Every story gets a development server and a data directory of its own. Exit 0 if all hold, 1 if one does not, 2 if one cannot be read.
"""
import ast
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ADMIN_KEY = "scenario-admin-key"
GATEWAY_KEY = "scenario-gateway-key"
START_SECONDS = 60       # a machine that compiles beside the tests
COMMAND_SECONDS = 300    # fsck with a sanitizer: it shuffles every deck of a lottery again
EVENTUALLY_SECONDS = 30  # retries of a development server follow real time, up to 5 s apart
REQUEST_SECONDS = 60
OVERLOADED_TRIES = 10


class Wrong(Exception):
    """What was expected did not come."""


class Unreadable(Exception):
    """The story is not written as README.md says."""


class Partner:
    """A partner that gives every accrual the same status: what `windfall sandbox` cannot be told to do."""

    def __init__(self):
        self.status = 200
        self.posts = []
        partner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                partner.posts.append(json.loads(body))
                self.answer(partner.status, b"{}")

            def do_GET(self):
                self.answer(404, b"{}")

            def answer(self, status, body):
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the server was killed meanwhile

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Server:
    """The binary under test, with the data directory that outlives its restarts."""

    def __init__(self, binary):
        self.binary = binary
        self.folder = tempfile.mkdtemp(prefix="windfall-scenario-")
        self.environment = dict(os.environ, WINDFALL_ADMIN_KEY=ADMIN_KEY, WINDFALL_GATEWAY_KEY=GATEWAY_KEY)
        self.arguments = []
        self.dev = ["--dev"]
        self.process = None
        self.port = None

    def start(self):
        command = [self.binary, "serve", *self.dev, "--listen", "127.0.0.1:0", "--data", self.folder + "/data"]
        log = open(self.folder + "/stderr", "ab")
        self.process = subprocess.Popen(command + self.arguments, stdout=subprocess.PIPE, stderr=log, env=self.environment)
        log.close()
        watchdog = threading.Timer(START_SECONDS, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline().decode()
        watchdog.cancel()
        match = re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)\n", line)
        if not match:
            self.process.kill()
            self.process.wait()
            raise Wrong("the server did not start: %r\n%s" % (line, self.stderr()))
        self.port = int(match.group(1))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(START_SECONDS)
        rest = self.process.stdout.read()
        self.process.stdout.close()
        self.process = None
        if code != 0:
            raise Wrong("SIGTERM: exit %d\n%s" % (code, self.stderr()))
        if rest:
            raise Wrong("more than one line on stdout: %r" % rest)

    def end(self):
        """An orderly end, and what is left is sound: several machines are judged beside what runs, a data directory when nothing does."""
        apart = self.environment.get("WINDFALL_SERVER_MODE") == "distributed"
        if apart:
            pathlib.Path(self.folder, "fsck.toml").write_text("")
            self.fsck("--config", self.folder + "/fsck.toml", WINDFALL_SERVER_DATA=self.folder + "/data", WINDFALL_SERVER_DEV="true")
        if self.process:
            self.stop()
        if not apart:
            self.fsck("--data", self.folder + "/data")

    def fsck(self, *of, **environment):
        argv = [self.binary, "fsck", *of]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS, env=dict(self.environment, **environment))
        if done.returncode != 0:
            raise Wrong("fsck: exit %d\n%s%s" % (done.returncode, done.stdout, done.stderr))

    def crash(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def stderr(self):
        return pathlib.Path(self.folder, "stderr").read_text(errors="replace")

    def close(self):
        if self.process:
            self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)


class Reply:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # [(name, value)]
        self.body = body

    def header(self, name):
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            raise Wrong("the body is no JSON: %r" % self.body[:300])

    def __str__(self):
        shown = self.body[:1500].decode(errors="replace")
        return "%d\n%s\n%s" % (self.status, "\n".join("%s: %s" % pair for pair in self.headers), shown)


class Request:
    def __init__(self):
        self.method = self.path = None
        self.headers = []
        self.body = None
        self.times = 1         # `race`
        self.eventually = False
        self.again = False
        self.listen = False
        self.counted = None    # `for`: (name, first, last)


ABSENT = object()


def look_up(value, path):
    """`a.b[0].c`, `items[*].id`, `items.length`; "." is the whole."""
    if path == ".":
        return value
    for part in re.findall(r"[^.\[\]]+|\[\d+\]|\[\*\]", path):
        rest = path[path.index(part) + len(part):]
        path = rest
        if part == "[*]":
            if not isinstance(value, list):
                return ABSENT
            rest = rest.lstrip(".")
            found = [look_up(item, rest) if rest else item for item in value]
            return [None if item is ABSENT else item for item in found]
        if part.startswith("["):
            index = int(part[1:-1])
            if not isinstance(value, list) or index >= len(value):
                return ABSENT
            value = value[index]
        elif part == "length" and isinstance(value, list):
            value = len(value)
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return ABSENT
    return value


class Story:
    def __init__(self, path, server):
        self.path = path
        self.server = server
        self.partner = None
        self.variables = {}
        self.last = None       # Request
        self.reply = None
        self.lines = path.read_text(encoding="utf-8").splitlines()
        self.at = 0

    # Reading

    def run(self):
        try:
            while self.at < len(self.lines):
                line = self.lines[self.at]
                self.line_number = self.at + 1
                self.at += 1
                if line.strip() and not line.startswith("#"):
                    self.step(line)
            self.server.end()
        finally:
            if self.partner:
                self.partner.close()

    def indented(self):
        """The indented lines that follow, with their numbers."""
        block = []
        while self.at < len(self.lines) and (self.lines[self.at].startswith(" ") or not self.lines[self.at].strip()):
            if self.lines[self.at].strip():
                block.append((self.at + 1, self.lines[self.at].strip()))
            self.at += 1
        return block

    def fill(self, text):
        def value(match):
            if match.group(1) not in self.variables:
                raise Unreadable("$%s is not known" % match.group(1))
            return str(self.variables[match.group(1)])
        return re.sub(r"\$\{(\w+)\}", value, text)

    def step(self, line):
        word, _, rest = line.partition(" ")
        if word == "server":
            kind, _, value = rest.partition(" ")
            if kind == "env":
                name, _, value = value.partition("=")
                self.server.environment[name] = value
            elif kind == "arguments":
                self.server.arguments += value.split()
            elif kind == "live":
                self.server.dev = []
            else:
                raise Unreadable("server env|arguments|live")
        elif word == "partner":
            if not self.partner:
                self.partner = Partner()
                self.server.arguments += ["--partner-url", self.partner.url]
            self.partner.status = int(rest)
        elif word == "clock":
            now = "null" if rest == "real" else json.dumps(self.fill(rest))
            reply = self.call("PUT", "/v1/dev/clock", [("Content-Type", "application/json")], b'{"now":%s}' % now.encode())
            if reply.status != 200:
                raise Wrong("clock: %s" % reply)
        elif word == "restart":
            self.running()
            self.server.stop()
            self.server.start()
        elif word == "crash":
            self.running()
            self.server.crash()
            self.server.start()
        else:
            self.story_request(line)

    def running(self):
        if not self.server.process:
            self.server.start()

    def story_request(self, line):
        first = self.line_number
        request = Request()
        words = line.split()
        while words[0] in ("eventually", "race", "for", "listen", "again"):
            word = words.pop(0)
            if word == "eventually":
                request.eventually = True
            elif word == "listen":
                request.listen = True
            elif word == "again":
                request.again = True
                break
            elif word == "race":
                request.times = int(words.pop(0))
            else:  # for i in 1..5
                name, _, bounds = words[0], words[1], words[2]
                low, high = bounds.split("..")
                request.counted = (name, int(low), int(high))
                words = words[3:]
        block = self.indented()
        if self.at >= len(self.lines) or not self.lines[self.at].startswith("=>"):
            raise Unreadable("line %d: a request needs a line => STATUS" % first)
        expected = self.lines[self.at][2:].strip()
        self.at += 1
        checks = self.indented()
        counts = range(request.counted[1], request.counted[2] + 1) if request.counted else [None]
        for count in counts:
            if count is not None:
                self.variables[request.counted[0]] = count
            if request.again:
                if self.last is None:
                    raise Unreadable("line %d: nothing to do again" % first)
                before = self.last
                request.method, request.path = before.method, before.path
                request.headers, request.body = before.headers, before.body
                request.times = before.times
            else:
                self.compose(request, words, block)
            self.line_number = first
            self.perform(request, expected, checks)
            self.last = request

    def compose(self, request, words, block):
        request.method, request.path = words[0], self.fill(words[1])
        request.headers, request.body = [], None
        who = [self.fill(word) for word in words[2:]]
        if who and who[0] == "as":
            self.sign(request, who[1:])
        elif who:
            raise Unreadable("METHOD PATH [as …], not %r" % " ".join(who))
        body = []
        for number, text in block:
            header = re.fullmatch(r"([A-Za-z][A-Za-z0-9-]*):(?: (.*))?", text)
            if header and not body:
                value = self.fill(header.group(2) or "")
                if re.fullmatch(r"long \d+", value):
                    value = "x" * int(value[5:])
                request.headers.append((header.group(1), value))
            else:
                body.append(text)
        if body:
            text = "\n".join(body)
            if text.startswith("raw "):
                value = ast.literal_eval(text[4:])
                request.body = value if isinstance(value, bytes) else value.encode()
            elif text.startswith("nested "):  # nested N: an array in an array in …
                depth = int(text[7:])
                request.body = b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
            elif text.startswith("long "):  # long N: a JSON object of N bytes
                request.body = b'{"title":"' + b"x" * (int(text[5:]) - 12) + b'"}'
            else:
                request.body = self.fill(text).encode()
            names = [name.lower() for name, _ in request.headers]
            if "content-type" not in names:
                request.headers.append(("Content-Type", "application/json"))
            request.headers = [(name, value) for name, value in request.headers if (name.lower(), value) != ("content-type", "none")]

    @staticmethod
    def sign(request, who):
        if who[0] == "admin":
            request.headers.append(("Authorization", "Bearer " + ADMIN_KEY))
        elif who[0] == "key":
            request.headers.append(("Authorization", "Bearer " + who[1]))
        elif who[0] == "user":
            request.headers.append(("X-User-Id", who[1]))
            if len(who) > 2:
                request.headers.append(("X-User-Segments", " ".join(who[3:])))
        elif who[0] == "gateway":
            request.headers += [("Authorization", "Bearer " + GATEWAY_KEY), ("X-User-Id", who[2])]
        else:
            raise Unreadable("as admin | key K | user U [in a, b] | gateway user U")

    # Doing

    def call(self, method, path, headers, body, listen=False):
        self.running()
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=REQUEST_SECONDS)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value.encode())
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            elif method in ("POST", "PUT", "PATCH"):
                connection.putheader("Content-Length", "0")
            connection.endheaders()
            if body:
                try:
                    connection.send(body)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # refused before it was read: the answer is there
            response = connection.getresponse()
            if listen:
                data = b""
                while b"\n\n" not in data[len(b"retry: 2000\n\n"):]:
                    data += response.readline()
                return Reply(response.status, response.getheaders(), data)
            return Reply(response.status, response.getheaders(), response.read())
        except (OSError, http.client.HTTPException) as error:
            raise Wrong("%s %s: %r\n%s" % (method, path, error, self.server.stderr()[-2000:]))
        finally:
            connection.close()

    def patient_call(self, request, headers=None):
        """As a well-behaved client: comes back when an overloaded machine asks for that; a refused call has changed nothing."""
        for attempt in range(OVERLOADED_TRIES):
            reply = self.call(request.method, request.path, headers or request.headers, request.body, request.listen)
            if reply.status != 503 or reply.header("Retry-After") is None:
                break
            time.sleep(int(reply.header("Retry-After")))
        return reply

    def perform(self, request, expected, checks):
        deadline = time.monotonic() + EVENTUALLY_SECONDS
        while True:
            try:
                return self.perform_once(request, expected, checks)
            except Wrong:
                if not request.eventually or time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def perform_once(self, request, expected, checks):
        if request.times == 1:
            replies = [self.patient_call(request)]
        else:
            replies = self.race(request)
        statuses = sorted(reply.status for reply in replies)
        wanted = []
        for part in expected.split(","):
            status, _, times = part.strip().partition(" x ")
            wanted += [int(status)] * (int(times) if times else request.times)
        before = self.reply
        self.reply = reply = replies[-1]
        if statuses != sorted(wanted):
            raise Wrong("%s %s answered %s, not %s\n%s" % (request.method, request.path, statuses, sorted(wanted), reply))
        for number, check in checks:
            try:
                self.check(check, reply, before, replies)
            except Wrong as wrong:
                raise Wrong("line %d: %s\n%s\n%s %s -> %s" % (number, check, wrong, request.method, request.path, reply))

    def race(self, request):
        replies = [None] * request.times
        failures = []

        def one(index):
            try:
                headers = [(name, value.replace("{#}", str(index))) for name, value in request.headers]
                replies[index] = self.patient_call(request, headers)
            except Wrong as wrong:
                failures.append(wrong)

        self.running()
        threads = [threading.Thread(target=one, args=(index,)) for index in range(request.times)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return replies

    # Judging

    def verify(self, export, commitment):
        """Both verifiers accept a fairness export."""
        path = os.path.join(self.server.folder, "export.ndjson")
        pathlib.Path(path).write_bytes(export)
        for command in ([self.server.binary, "verify", path, "--commitment", commitment],
                        [sys.executable, str(HERE.parents[1] / "docs/fairness/verify.py"), path, commitment]):
            done = subprocess.run(command, capture_output=True, text=True, timeout=REQUEST_SECONDS)
            if done.returncode != 0:
                raise Wrong("%s: %s%s\n%s" % (command[:2], done.stdout, done.stderr, export.decode()))

    def check(self, text, reply, before, replies):
        if text == "body same":
            if before is None or before.body != reply.body:
                raise Wrong("before: %s" % before)
            return
        if text == "bodies same":
            if len({one.body for one in replies}) != 1:
                raise Wrong("bodies differ: %s" % {one.body for one in replies})
            return
        if text == "body empty":
            if reply.body:
                raise Wrong("a body came")
            return
        match = re.fullmatch(r"partner posts = (\d+)", text)
        if match:
            if len(self.partner.posts) != int(match.group(1)):
                raise Wrong("posts: %s" % self.partner.posts)
            return
        match = re.fullmatch(r"partner posts lacks (.+)", text)
        if match:
            wanted = self.fill(match.group(1))
            found = [post for post in list(self.partner.posts) if wanted in json.dumps(post, ensure_ascii=False)]
            if found:
                raise Wrong("posts: %s" % found)
            return
        match = re.fullmatch(r"body verifies against (\S+)", text)
        if match:
            return self.verify(reply.body, self.fill(match.group(1)))
        match = re.fullmatch(r"\$(\w+) = (body|header (\S+)|(\S+))", text)
        if match:
            if match.group(2) == "body":
                value = reply.body.decode()
            elif match.group(3):
                value = reply.header(match.group(3))
            else:
                value = look_up(reply.json(), match.group(2))
            if value is None or value is ABSENT:
                raise Wrong("nothing to keep")
            self.variables[match.group(1)] = value
            return
        match = re.fullmatch(r"(body|header \S+|\S+) (=|!=|~|contains|lacks|absent|present|<=|>=)(?: (.*))?", text)
        if not match:
            raise Unreadable("line %d: %r is no check" % (self.line_number, text))
        what, how, wanted = match.groups()
        if what == "body":
            value = reply.body.decode(errors="replace")
        elif what.startswith("header "):
            value = reply.header(what[7:])
            value = ABSENT if value is None else value
        else:
            value = look_up(reply.json(), what)
        if how in ("absent", "present"):
            if (value is ABSENT) != (how == "absent"):
                raise Wrong("it is %s" % (json.dumps(value) if value is not ABSENT else "absent"))
            return
        if value is ABSENT:
            raise Wrong("it is absent")
        wanted = self.fill(wanted)
        if how == "~":
            good = isinstance(value, str) and re.search(wanted, value) is not None
        elif how == "contains" or how == "lacks":
            good = (wanted in (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))) == (how == "contains")
        else:
            plain = what == "body" or what.startswith("header ")
            target = wanted if plain else json.loads(wanted)
            same = value == target and isinstance(value, bool) == isinstance(target, bool)
            good = {"=": lambda: same, "!=": lambda: not same, "<=": lambda: value <= target, ">=": lambda: value >= target}[how]()
        if not good:
            raise Wrong("it is %s" % json.dumps(value, ensure_ascii=False))


def run_story(path, binary):
    server = Server(binary)
    story = Story(path, server)
    started = time.monotonic()
    try:
        story.run()
    except (Wrong, Unreadable, subprocess.TimeoutExpired, ValueError) as error:
        print("%s:%d: %s" % (path, getattr(story, "line_number", 0), error), file=sys.stderr)
        return 2 if isinstance(error, (Unreadable, ValueError)) else 1
    finally:
        server.close()
    print("%s: ok in %.1f s" % (path.name, time.monotonic() - started))
    return 0


def main():
    binary = os.environ.get("WINDFALL", str(HERE.parents[1] / "build/release/windfall"))
    paths = [pathlib.Path(name) for name in sys.argv[1:]] or sorted(HERE.glob("*.scn"))
    if not paths or not os.access(binary, os.X_OK):
        print("no story, or no binary at %s" % binary, file=sys.stderr)
        return 2
    return max(run_story(path, binary) for path in paths)


if __name__ == "__main__":
    sys.exit(main())
