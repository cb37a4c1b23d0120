"""The process under test: starts `windfall serve` on a free loopback port, talks to it, and ends it in every way a process can end."""

import dataclasses
import http.client
import json
import os
import pathlib
import select
import signal
import subprocess
import time

ADMIN_KEY = "crash-test-admin-key"
# A start reads at most a few segments; a loaded machine under strace still gets there within this.
START_SECONDS = 60.0
STOP_SECONDS = 60.0


def binary():
    """Path of the program under test: env WINDFALL."""
    path = os.environ.get("WINDFALL", "")
    if not path:
        raise SystemExit("set WINDFALL to the path of the windfall binary")
    return path


def has_command(name):
    help_text = subprocess.run([binary(), "--help"], capture_output=True, text=True, check=True).stdout
    return any(line.split()[:1] == [name] for line in help_text.splitlines())


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)

    def code(self):
        """The refusal's code, or '' for a success."""
        return self.json().get("code", "") if self.status >= 400 else ""


class DidNotStart(Exception):
    """The process ended before it was ready; exit_code and stderr say why."""

    def __init__(self, exit_code, stderr):
        super().__init__(f"exit {exit_code}: {stderr[-2000:]}")
        self.exit_code = exit_code
        self.stderr = stderr


class Server:
    """One life of a server. `wrapper` is a command that runs the rest of its arguments, such as strace with -D. `stderr`: a file for what it
    says, by default beside the data directory."""

    def __init__(self, data, wrapper=(), args=(), stderr=None):
        self.data = pathlib.Path(data)
        self.stderr_path = stderr or self.data.parent / (self.data.name + ".stderr")
        self.port = 0
        command = [*wrapper, binary(), "serve", "--dev", "--listen", "127.0.0.1:0", "--data", str(self.data), *args]
        with open(self.stderr_path, "wb") as talk:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=talk, stdin=subprocess.DEVNULL,
                env={**os.environ, "WINDFALL_ADMIN_KEY": ADMIN_KEY})

    def until_ready(self, seconds=START_SECONDS):
        """Returns self once the server listens; raises DidNotStart."""
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        line = self.process.stdout.readline().decode() if ready else ""
        if not line.startswith("listening on http://127.0.0.1:"):
            if not ready:
                self.kill()
                self.wait()
                raise AssertionError(f"not ready within {seconds} s: {self.stderr()}")
            raise DidNotStart(self.wait(), self.stderr())
        self.port = int(line.rsplit(":", 1)[1])
        return self

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def error_lines(self):
        """What the server itself called an error; a healthy run has none."""
        return [line for line in self.stderr().splitlines() if '"level":"error"' in line]

    def kill(self):
        self.process.kill()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds=STOP_SECONDS):
        try:
            return self.process.wait(seconds)
        finally:
            if self.process.poll() is not None and self.process.stdout:
                self.process.stdout.close()

    def end(self):
        """For clean-ups: gone, whatever happened before."""
        if self.process.poll() is None:
            self.process.kill()
        self.wait()

    def call(self, method, path, body=None, user=None, key=None, admin=False, seconds=20.0, headers=None, raw=None):
        """`raw` is a body sent as it is; its Content-Type stands in `headers`."""
        sent = dict(headers or {})
        if user is not None:
            sent["X-User-Id"] = user
        if key is not None:
            sent["Idempotency-Key"] = key
        if admin:
            sent["Authorization"] = "Bearer " + ADMIN_KEY
        content = None if body is None else json.dumps(body)
        if content is not None:
            sent["Content-Type"] = "application/json"
        if raw is not None:
            content = raw
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request(method, path, body=content, headers=sent)
            reply = connection.getresponse()
            return Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def read(self, path, admin=True, user=None, seconds=30.0):
        """A GET that must succeed; 503 (the ledger is still catching up) is tried again until the time is over."""
        until = time.monotonic() + seconds
        while True:
            answer = self.call("GET", path, admin=admin and user is None, user=user)
            if answer.status == 200:
                return answer
            if answer.status != 503 or time.monotonic() > until:
                raise AssertionError(f"GET {path}: {answer.status} {answer.body[:300]!r}")
            time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def start(data, wrapper=(), args=(), stderr=None):
    server = Server(data, wrapper, args, stderr)
    try:
        return server.until_ready()
    except BaseException:
        server.end()
        raise


def strace(log, *options):
    """A wrapper for Server: -D leaves the server our own child, so that its exit code is its own. A leak checker traces, too, and only one can."""
    return ("strace", "-f", "-D", "-qq", "-E", "ASAN_OPTIONS=detect_leaks=0", "-o", str(log), *options)


def fsck(data):
    """What `windfall fsck` finds in a stopped directory: '' if nothing, or if this binary has no fsck."""
    if not has_command("fsck"):
        return ""
    run = subprocess.run([binary(), "fsck", "--data", str(data)], capture_output=True, text=True, timeout=STOP_SECONDS)
    # Its keys stand beside the directory, so whatever was drawn is judged, too.
    whole = run.returncode == 0 and "not checked" not in run.stdout
    return "" if whole else f"fsck: exit {run.returncode}: {run.stdout}{run.stderr}"
