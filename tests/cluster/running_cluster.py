"""A cluster of real servers for a test: started by scripts/cluster in a folder of its own, looked at and broken by name, gone afterwards.

    with RunningCluster(["redis", "kafka"]) as cluster:
        cluster.kill("redis-1", seconds=4)
        cluster.until(lambda: cluster.node("redis-1")["role"] == "replica", "redis-1 comes back as a replica")

Whatever changes something goes through the script, as a person would do it: what a test finds, people would find. Only looking is done by the
script's own functions, since tests look often.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from local_cluster import plan, status  # noqa: E402

SCRIPT = ROOT / "scripts/cluster"
UP_SECONDS = 300  # a machine that compiles beside it
COMMAND_SECONDS = 90
OPERATOR_SECONDS = 300  # fsck reads everything, on a machine that compiles beside it
LOOK_AGAIN_SECONDS = 0.2


def noon_zone(now):
    """A zone where no midnight is near: the day of a join is no matter of this test."""
    ahead = 12 - now.hour
    return f"Etc/GMT{'-' if ahead >= 0 else '+'}{abs(ahead)}" if ahead else "Etc/GMT"


class Failed(AssertionError):
    """A command did not end as it should; its output is the message."""


class RunningCluster:
    def __init__(self, parts, arguments=()):
        self.parts = parts
        self.arguments = [str(argument) for argument in arguments]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="windfall-cluster-"))
        # PostgreSQL's user has to pass through, where the test runs as root.
        self.folder.chmod(0o711)
        self.data = self.folder / "data"
        self.env = {}

    def __enter__(self):
        try:
            self.up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.down()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, command, *arguments, expected=(0,), seconds=COMMAND_SECONDS):
        """Output of a command of the script; Failed if it ends otherwise than expected."""
        argv = [sys.executable, "-B", str(SCRIPT), command, "--data", str(self.data), *map(str, arguments)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=seconds)
        if done.returncode not in expected:
            raise Failed(f"scripts/cluster {command} ended with {done.returncode}:\n{done.stdout}{done.stderr}{self.ends_of_logs()}")
        return done.stdout

    def up(self):
        self.run("up", "--only", ",".join(self.parts), "--while", os.getpid(), *self.arguments, seconds=UP_SECONDS)
        self.env = json.loads(self.run("env", "-o", "json"))

    def down(self):
        self.run("down")

    def status(self):
        """Every node by name: role, pid, port, state, starts, well, health, details."""
        return {node["name"]: node for node in status.look(plan.load(self.data))}

    def node(self, name):
        return self.status()[name]

    def kill(self, name, seconds=None, beside=()):
        self.run("kill", name, *beside, *(("--for", seconds) if seconds is not None else ()))

    def stop(self, name):
        self.run("stop", name)

    def pause(self, name):
        self.run("pause", name)

    def cont(self, name):
        self.run("cont", name)

    def restart(self, name):
        self.run("restart", name)

    def net(self, name, words):
        """What the proxy of a server is told, such as "stall" or "cut 100 up"; needs the argument --proxied. Its answer."""
        return self.run("net", name, *words.split()).strip()

    def windfall(self, *arguments):
        """An operator's command about this cluster, as the finished process; WINDFALL is the binary."""
        argv = [os.environ["WINDFALL"], *map(str, arguments), "--config", self.env["CLUSTER_CONFIG"]]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=OPERATOR_SECONDS, env={**os.environ, **self.env})

    def all_well(self):
        return all(node["well"] for node in self.status().values())

    def until(self, holds, what, seconds=60):
        """Waits until something holds; how long it took."""
        begun = time.monotonic()
        while not holds():
            if time.monotonic() - begun > seconds:
                raise Failed(f"{what}: not within {seconds} s\n{self.run('status', expected=(0, 1, 3))}{self.ends_of_logs()}")
            time.sleep(LOOK_AGAIN_SECONDS)
        return time.monotonic() - begun

    def until_well(self, seconds=60):
        return self.until(self.all_well, "everything is well", seconds)

    def processes(self):
        """Every process that runs inside the cluster's folder, whoever started it: {pid: command line}."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if pathlib.Path(os.readlink(entry / "cwd")).is_relative_to(self.data):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return found

    def ends_of_logs(self):
        text = ""
        for log in sorted((self.data / "log").glob("*.log")):
            text += f"--- {log.name}\n" + "".join(f"{line}\n" for line in log.read_text(errors="replace").splitlines()[-5:])
        return text
