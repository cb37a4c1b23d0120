"""The process that keeps a cluster's nodes alive: starts them, starts again what dies, ends them all.

usage: supervisor.py FOLDER [PID]

Started by `scripts/cluster up`, one per folder; answers on the socket FOLDER/control, one line of JSON per request and answer.
With a PID it ends everything when that process ends: a test that is killed leaves no servers behind.
If it dies itself its nodes are killed with it, so that nothing is ever left without somebody who knows of it.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import pathlib
import pwd
import signal
import subprocess
import sys
import time

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from local_cluster import plan as plans  # noqa: E402
from local_cluster.parts import process_of  # noqa: E402

RESTART_SECONDS = 1.0  # as RestartSec in deploy/systemd
# Of one that dies as soon as it has started: it is tried for ever, and still back within the 5 s that are promised.
SLOW_RESTART_SECONDS = 3.0
SHORT_LIFE_SECONDS = 2.0
END_SECONDS = 10.0  # for ending in order; then it is killed
# Who uses others ends before them.
ENDING_ORDER = ("windfall", "sandbox", "ferretdb", "kafka", "redis", "postgres")
LOOK_SECONDS = 2.0  # how often the supervisor sees whether its folder is still there
PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:
        os._exit(1)


def children(pid):
    """Of those that a process has made, the ones that are there now."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):  # it has ended meanwhile
            if int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(folder.name))
    return found


def started_at(pid):
    """When a process began, in clock ticks since boot: with the pid it names one process for good. None if there is none."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    after_name = text.rsplit(")", 1)[1].split()
    return None if after_name[0] == "Z" else int(after_name[19])


class Kept:
    """One node: wanted or not, alive or not."""

    def __init__(self, supervisor, name):
        self.supervisor = supervisor
        self.name = name
        self.wanted = asyncio.Event()
        self.unwanted = asyncio.Event()
        self.unwanted.set()
        self.ended = asyncio.Event()
        self.ended.set()
        self.process = None
        self.paused = False
        self.starts = 0
        self.pause_before_start = 0.0
        self.last_exit = None
        self.task = asyncio.create_task(self.keep())

    async def keep(self):
        while True:
            await self.wanted.wait()
            begun = time.monotonic()
            try:
                self.spawn()
            except (OSError, plans.Trouble, subprocess.SubprocessError) as problem:
                self.supervisor.note(f"{self.name} could not be started: {problem}")
                self.last_exit = str(problem)
            else:
                await self.until_end()
            if self.wanted.is_set():
                short = time.monotonic() - begun < SHORT_LIFE_SECONDS
                delay = max(SLOW_RESTART_SECONDS if short else RESTART_SECONDS, self.pause_before_start)
                self.pause_before_start = 0.0
                self.supervisor.save()
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self.unwanted.wait(), delay)
            self.supervisor.save()

    def spawn(self):
        how = self.supervisor.how(self.name)
        as_user = {"user": how.user, "group": pwd.getpwnam(how.user).pw_gid, "extra_groups": []} if how.user else {}
        env = {name: value for name, value in os.environ.items() if not name.startswith("WINDFALL_")}
        env["MONGOC_DISABLE_SHM"] = "1"  # counters of a killed process would stay in /dev/shm
        with open(self.supervisor.plan.log(self.name), "ab") as log:
            self.process = subprocess.Popen(
                how.argv, cwd=how.folder, env={**env, **how.env}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=die_with_parent, **as_user,
            )  # fmt: skip
        self.ending = how.ending
        self.starts += 1
        self.paused = False
        self.ended.clear()
        self.supervisor.note(f"{self.name} started, pid {self.process.pid}")
        self.supervisor.save()

    async def until_end(self):
        descriptor = os.pidfd_open(self.process.pid)
        gone = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(descriptor, gone.set)
        await gone.wait()
        loop.remove_reader(descriptor)
        os.close(descriptor)
        code = self.process.wait()
        self.last_exit = f"signal {-code}" if code < 0 else f"exit {code}"
        self.supervisor.note(f"{self.name} ended: {self.last_exit}{'' if self.wanted.is_set() else ', as it should'}")
        self.process = None
        self.ended.set()

    def state(self):
        if self.process is not None:
            return "paused" if self.paused else "running"
        return "restarting" if self.wanted.is_set() else "stopped"

    def want(self):
        self.unwanted.clear()
        self.wanted.set()

    def send(self, number):
        if self.process is None:
            raise plans.Trouble(f"{self.name} does not run")
        self.process.send_signal(number)
        self.paused = number == signal.SIGSTOP

    def send_all(self, number):
        """To the processes that the node has made, too: PostgreSQL's answer queries, and would go on."""
        self.send(number)
        self.send_to(children(self.process.pid), number)

    @staticmethod
    def send_to(pids, number):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self):
        made = children(self.process.pid) if self.process else []
        self.send(signal.SIGKILL)
        self.send_to(made, signal.SIGCONT)  # paused ones would not notice, and keep the next from starting

    async def stop(self):
        self.wanted.clear()
        self.unwanted.set()
        if self.process is None:
            return
        self.process.send_signal(self.ending)
        self.send_all(signal.SIGCONT)  # a paused one would not hear
        try:
            await asyncio.wait_for(self.ended.wait(), END_SECONDS)
        except asyncio.TimeoutError:
            self.supervisor.note(f"{self.name} did not end within {END_SECONDS:.0f} s and is killed")
            if self.process is not None:  # it may have ended at this very moment
                self.process.kill()
            await self.ended.wait()


class Supervisor:
    def __init__(self, folder, owner=None):
        self.folder = folder
        self.owner = owner
        self.owner_began = owner and started_at(owner)
        self.plan = plans.load(folder)
        self.kept = {}
        self.over = asyncio.Event()

    def how(self, name):
        return process_of(self.plan, self.plan.node(name))

    def note(self, text):
        print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), text, flush=True)

    def states(self):
        return {
            name: {
                "state": kept.state(), "pid": kept.process.pid if kept.process else None, "starts": kept.starts, "last_exit": kept.last_exit,
            } for name, kept in self.kept.items()
        }  # fmt: skip

    def save(self):
        """For `down` after this process was killed."""
        if not self.folder.is_dir():
            return
        alive = [(kept.process.pid, started_at(kept.process.pid)) for kept in self.kept.values() if kept.process]
        plans.write_whole(self.folder / "pids.json", json.dumps([(os.getpid(), started_at(os.getpid())), *alive]))

    async def answer(self, request):
        names = request.get("names", [])
        operation = request["do"]
        if operation == "start":
            self.plan = plans.load(self.folder)
            for name in names:
                self.plan.node(name)
                if name not in self.kept:
                    self.kept[name] = Kept(self, name)
                self.kept[name].want()
        elif operation in ("stop", "restart"):
            await asyncio.gather(*(self.one(name).stop() for name in names))
            if operation == "restart":
                for name in names:
                    self.one(name).want()
        elif operation == "kill":
            for name in names:
                self.one(name).pause_before_start = request.get("seconds") or 0.0
                self.one(name).kill()
            await asyncio.gather(*(self.one(name).ended.wait() for name in names))
        elif operation == "pause":
            for name in names:
                self.one(name).send_all(signal.SIGSTOP)
        elif operation == "cont":
            for name in names:
                kept = self.one(name)
                if kept.process is not None:
                    kept.send_all(signal.SIGCONT)
                kept.want()
        elif operation == "down":
            await self.down()
        elif operation != "state":
            raise plans.Trouble(f"unknown request {operation}")
        return {"pid": os.getpid(), "nodes": self.states()}

    def one(self, name):
        if name not in self.kept:
            self.plan.node(name)
            raise plans.Trouble(f"{name} was not started; run: scripts/cluster up")
        return self.kept[name]

    async def down(self):
        for part in ENDING_ORDER:
            mine = {node.name for node in self.plan.nodes() if node.part == part}
            await asyncio.gather(*(kept.stop() for name, kept in self.kept.items() if name in mine))

    async def serve(self, reader, writer):
        with contextlib.suppress(ConnectionError):
            request = json.loads(await reader.readline())
            try:
                answer = await self.answer(request)
            except plans.Trouble as trouble:
                answer = {"error": str(trouble)}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
            if request["do"] == "down":
                self.over.set()
        writer.close()

    async def run(self):
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.over.set)
        # By its relative name: the path of a socket may not be longer than 107 bytes.
        os.chdir(self.folder)
        with contextlib.suppress(FileNotFoundError):
            os.unlink("control")
        os.umask(0o077)
        server = await asyncio.start_unix_server(self.serve, "control")
        socket = os.stat("control").st_ino
        self.save()
        self.note(f"supervisor of {self.folder}, pid {os.getpid()}")
        while not self.over.is_set() and self.is_ours(socket) and self.is_owned():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.over.wait(), LOOK_SECONDS)
        server.close()
        await self.down()
        if self.is_ours(socket):
            for name in ("control", "pids.json"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name)
        self.note("supervisor ended")

    def is_owned(self):
        return self.owner is None or (self.owner_began is not None and started_at(self.owner) == self.owner_began)

    def is_ours(self, socket):
        """False once somebody has removed the folder: nobody could end the cluster any more."""
        try:
            return (self.folder / "control").stat().st_ino == socket
        except FileNotFoundError:
            return False


if __name__ == "__main__":
    asyncio.run(Supervisor(pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None).run())
