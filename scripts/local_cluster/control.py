"""Talks to a cluster's supervisor, starts it where there is none, and ends what a supervisor that was killed has left behind."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

from local_cluster.plan import Trouble, say
from local_cluster.supervisor import started_at

HERE = pathlib.Path(__file__).resolve().parent
ANSWER_SECONDS = 60  # stopping everything in order, each with its own time
START_SECONDS = 20
END_SECONDS = 10


class NotRunning(Exception):
    """Nobody answers for this folder."""


def ask(folder, operation, **more):
    """The supervisor's answer; Trouble says what it refused."""
    try:
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        raise NotRunning from None
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            # The path of a socket may not be longer than 107 bytes; this one is short wherever the folder is.
            connection.connect(f"/proc/self/fd/{directory}/control")
            connection.sendall(json.dumps({"do": operation, **more}).encode() + b"\n")
            with connection.makefile() as answers:
                line = answers.readline()
    except (FileNotFoundError, ConnectionError):
        raise NotRunning from None
    except TimeoutError:
        raise Trouble(f"the supervisor does not answer; see {folder}/log/supervisor.log") from None
    finally:
        os.close(directory)
    if not line:
        raise NotRunning
    answer = json.loads(line)
    if "error" in answer:
        raise Trouble(answer["error"])
    return answer


def start(folder, owner=None):
    """A supervisor answers afterwards; a new one ends with the process `owner`, if there is one."""
    with contextlib.suppress(NotRunning):
        return ask(folder, "state")
    end_leftovers(folder)
    with open(folder / "log/supervisor.log", "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-B", str(HERE / "supervisor.py"), str(folder), *([str(owner)] if owner else [])],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=folder,
        )  # fmt: skip
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(NotRunning):
            return ask(folder, "state")
        time.sleep(0.02)
    raise Trouble(f"the supervisor did not start; see {folder}/log/supervisor.log")


def end_leftovers(folder):
    """Kills what a supervisor of this folder had started and could not end: those very processes, known by pid and time of their start."""
    try:
        known = json.loads((folder / "pids.json").read_text())
    except (FileNotFoundError, ValueError):
        return
    left = [pid for pid, began in known if began is not None and started_at(pid) == began]
    for pid in left:
        say(f"ending pid {pid}, left behind by an earlier run")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + END_SECONDS
    while any(started_at(pid) == began for pid, began in known if began is not None):
        if time.monotonic() > until:
            raise Trouble(f"pids {left} do not end")
        time.sleep(0.02)
    (folder / "pids.json").unlink(missing_ok=True)


def await_end(pid):
    """The supervisor itself ends right after its answer."""
    began = started_at(pid)
    until = time.monotonic() + END_SECONDS
    while began is not None and started_at(pid) == began:
        if time.monotonic() > until:
            raise Trouble(f"the supervisor, pid {pid}, does not end")
        time.sleep(0.01)
