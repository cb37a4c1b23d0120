"""What every measurement stands on: child processes and their CPU time, wrk, repeated samples, and the wait for a quiet machine.

The robust figure is the CPU time a server spends per request (utime + stime of the process, from /proc). Requests per second and latencies
depend on the load generator and the neighbours as well, so every sample carries what the rest of the machine did meanwhile.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
TICKS = os.sysconf("SC_CLK_TCK")

CONNECTIONS = 128  # of wrk, for every figure in docs/performance.md
DISTURBED = 0.10  # of one core used by others during a sample: above it the sample is repeated
SLOWED = 1.25  # a fixed piece of work takes that much longer than at best in this run: a neighbour we cannot see, same remedy
RETRIES = 4  # disturbed samples thrown away per subject before the least disturbed ones are taken
WARM_STEP_S = 5  # of a server with a just-in-time compiler, after its fixed warm-up: on until two steps in a row are hardly cheaper
WARM_ENOUGH = 0.04
WARM_STEPS = 12
QUIET_WAIT_S = 20  # longest wait for a quiet machine before a sample
BAD_ANSWERS = 0.001  # share of answers outside 2xx and 3xx above which a sample measures something else


class Unavailable(Exception):
    """Something to measure is not there; the message says what to do."""


class Void(Exception):
    """A measurement ran and cannot be used; the message says why."""


# ---- processes ------------------------------------------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A server under measurement: started, asked for its CPU time and memory, stopped. Its output goes to a file."""

    def __init__(self, name, argv, log, env=None, cpus=None):
        self.name = name
        self.log = log
        self.output = open(log, "wb")
        pin = (lambda: os.sched_setaffinity(0, cpus)) if cpus else None
        self.child = subprocess.Popen(
            [str(part) for part in argv],
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            preexec_fn=pin,
        )
        self.port = None

    @property
    def pid(self):
        return self.child.pid

    def await_line(self, prefix, seconds):
        """The rest of the first line that starts so."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in self.log.read_text(errors="replace").splitlines():
                if line.startswith(prefix):
                    return line[len(prefix) :].strip()
            self.fail_if_dead()
            time.sleep(0.005)
        raise Void(f"{self.name} did not print '{prefix}' within {seconds} s; see {self.log}")

    def await_listening(self, seconds=30):
        self.port = int(self.await_line("listening on http://127.0.0.1:", seconds))
        return self

    def await_port(self, port, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.fail_if_dead()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                self.port = port
                return self
            time.sleep(0.05)
        raise Void(f"{self.name} did not listen on port {port} within {seconds} s; see {self.log}")

    def fail_if_dead(self):
        if self.child.poll() is not None:
            tail = self.log.read_text(errors="replace")[-600:]
            raise Void(f"{self.name} ended with {self.child.returncode}: {tail}")

    def cpu_seconds(self):
        return cpu_seconds_of(self.pid)

    @property
    def running(self):
        return self.child.poll() is None

    def resident_bytes(self):
        return int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    def kill(self):
        """SIGKILL, as in a crash."""
        self.child.kill()
        self.child.wait()

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
        self.output.close()


class Neighbour:
    """A process that somebody else has started and will end, such as scripts/cluster."""

    def __init__(self, name, pid, port):
        self.name = name
        self.pid = pid
        self.port = port

    def cpu_seconds(self):
        return cpu_seconds_of(self.pid)

    def pin(self, cpus):
        for thread in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), cpus)

    @property
    def running(self):
        return pathlib.Path(f"/proc/{self.pid}").exists()


def cpu_seconds_of(pid):
    """User and system time of all threads, and of children already reaped."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / TICKS


def machine_busy_seconds():
    """CPU time of all processes on the machine, and what the hypervisor took. Interrupts are left out: loopback traffic is ours."""
    user, nice, system, _idle, _wait, _irq, _softirq, steal = map(
        int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + steal) / TICKS


def children_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def own_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def probe_seconds():
    """CPU time of a fixed piece of work, the best of three. Other guests of the same host slow it down and show nowhere else."""
    best = float("inf")
    for _ in range(3):
        start = time.thread_time()
        sum(range(400_000))
        best = min(best, time.thread_time() - start)
    return best


# ---- talking to servers ---------------------------------------------------------------------------------------------------------------


def call(method, url, body=None, headers=None, timeout=10):
    """(status, parsed JSON or None); connection errors pass as OSError."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=dict(headers or {}))
    if data is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, _json(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code, _json(refused.read())


def _json(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


# ---- samples --------------------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Subject:
    """One thing to put under load: a route of a server."""

    name: str
    server: Process
    script: str  # in bench/wrk
    path: str
    env: dict = dataclasses.field(default_factory=dict)  # for the script
    behind: list = dataclasses.field(default_factory=list)  # processes that work for the server: Redis, Kafka
    more: list = dataclasses.field(default_factory=list)  # further servers of the same kind; wrk has a thread for each
    counters: Callable | None = None  # () -> numbers by name that grow, read before and after a sample
    connections: int = CONNECTIONS
    warm_up: float = 1.0  # seconds of load before the first sample
    compiles: bool = False  # runs on a just-in-time compiler: warmed up until it gets no cheaper


@dataclasses.dataclass
class Sample:
    requests: int
    per_second: float
    cpu_us: float  # of the server and others of its kind, per request
    all_cpu_us: float  # of the server and what stands behind it
    behind_us: dict  # of each process that stands behind it, by name
    busy: float  # the server's share of one core; of several, the busiest one's
    counted: dict  # what the subject's counters have grown by
    p50_ms: float
    p99_ms: float
    others: float  # share of one core that neither servers nor wrk used
    slowed: float  # time of a fixed piece of work around the sample / the best of the run

    @property
    def disturbed(self):
        return self.others > DISTURBED or self.slowed > SLOWED


@dataclasses.dataclass
class Figures:
    """Medians over the samples of one subject."""

    name: str
    samples: list

    def __getattr__(self, field):
        if field.startswith("_"):
            raise AttributeError(field)
        return statistics.median(getattr(sample, field) for sample in self.samples)

    def behind(self, prefix):
        """CPU per request of the processes behind the server whose names begin so, in microseconds."""
        return statistics.median(sum(used for name, used in sample.behind_us.items() if name.startswith(prefix)) for sample in self.samples)

    @property
    def spread(self):
        values = [sample.cpu_us for sample in self.samples]
        return (max(values) - min(values)) / statistics.median(values)

    @property
    def disturbed(self):
        return any(sample.disturbed for sample in self.samples)


@dataclasses.dataclass
class Goal:
    number: int
    text: str
    measured: float | None
    sign: str  # "<=" or ">="
    bound: float

    @property
    def holds(self):
        if self.measured is None:
            return None
        return self.measured <= self.bound if self.sign == "<=" else self.measured >= self.bound


class Bench:
    """One run: its options, its servers, its samples, its results."""

    def __init__(self, options):
        self.options = options
        self.cleanup = contextlib.ExitStack()
        parent = ROOT / "build" / "bench"
        parent.mkdir(parents=True, exist_ok=True)
        # In the build tree and not in /tmp, which may be memory: the cost of fdatasync is part of the figures.
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=parent))
        self.cleanup.callback(shutil.rmtree, self.scratch, ignore_errors=True)
        self.processes = []
        self.servers = {}
        self.figures = {}
        self.goals = []
        self.facts = {}  # what is no rate: name -> value
        self.tables = []  # (title, rows: dicts with the same members, what to know about them)
        self.unmeasured = {}
        self.runs = 0
        self.best_probe = float("inf")

    def close(self):
        self.cleanup.close()

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def binary(self, relative, how):
        path = self.options.build / relative
        if not path.exists():
            raise Unavailable(f"{path} is missing: {how}")
        return path

    def start(self, name, argv, env=None, serves=True):
        """A process that ends with the run. With --pin, a server under measurement has the last CPU to itself."""
        cpus = None
        if self.options.pin:
            cpus = {max(os.sched_getaffinity(0))} if serves else self.cpus_of_others()
        self.runs += 1
        process = Process(name, argv, self.scratch / f"{self.runs}-{name}.log", env, cpus)
        self.cleanup.callback(process.stop)
        self.processes.append(process)
        return process

    def cpus_of_others(self):
        """With --pin: of everything that is not measured itself."""
        every = sorted(os.sched_getaffinity(0))
        return set(every[:-1] or every)

    def server(self, name, make):
        """The server of that name, made once per run."""
        if name not in self.servers:
            self.servers[name] = make(self)
        return self.servers[name]

    # -- sampling

    def sample(self, subjects):
        """Samples subjects (name -> function that makes a Subject) in rounds, side by side; what has been sampled in this run is kept."""
        ready = []
        for name, make in subjects.items():
            if name in self.figures or name in self.unmeasured:
                continue
            try:
                ready.append(make(self))
            except (Unavailable, Void) as missing:
                self.unmeasured[name] = str(missing)
        for subject in ready:
            self.warm_up(subject)
        taken = {subject.name: [] for subject in ready}
        retries = {subject.name: 0 for subject in ready}
        for _ in range(self.options.repeat):
            for subject in ready:
                if subject.name not in self.unmeasured:
                    try:
                        self._one_sample(subject, taken[subject.name], retries)
                    except Void as void:
                        self.unmeasured[subject.name] = str(void)
        for subject in ready:
            if subject.name not in self.unmeasured:
                best = sorted(taken[subject.name], key=lambda sample: sample.others + sample.slowed)[: self.options.repeat]
                self.figures[subject.name] = Figures(subject.name, best)
        return [self.figures.get(name) for name in subjects]

    def warm_up(self, subject):
        self.say(f"warming up: {subject.name}")
        best = self.load(subject, subject.warm_up).cpu_us
        if not subject.compiles:
            return
        settled = 0
        for _ in range(WARM_STEPS):
            now = self.load(subject, WARM_STEP_S).cpu_us
            settled = settled + 1 if now > best * (1 - WARM_ENOUGH) else 0
            best = min(best, now)
            if settled == 2:
                return
        self.say(f"{subject.name}: still getting cheaper after {subject.warm_up + WARM_STEPS * WARM_STEP_S:.0f} s")

    def _one_sample(self, subject, taken, retries):
        while True:
            self.wait_for_quiet()
            sample = self.load(subject, self.options.seconds)
            taken.append(sample)
            self.say(
                f"{subject.name}: {sample.per_second:.0f}/s, {sample.cpu_us:.2f} us, busy {sample.busy:.2f},"
                f" others {sample.others:.2f}, slowed {sample.slowed:.2f}"
            )
            if not sample.disturbed or retries[subject.name] >= RETRIES:
                return
            retries[subject.name] += 1

    def wait_for_quiet(self):
        end = time.monotonic() + QUIET_WAIT_S
        while time.monotonic() < end:
            mark = self._mark()
            time.sleep(0.3)
            if self._others_since(mark) <= DISTURBED and self._slowed() <= SLOWED:
                return

    def _slowed(self):
        probe = probe_seconds()
        self.best_probe = min(self.best_probe, probe)
        return probe / self.best_probe

    def _mark(self):
        ours = sum(process.cpu_seconds() for process in self.processes if process.running)
        return machine_busy_seconds(), ours + children_seconds() + own_seconds(), time.monotonic()

    def _others_since(self, mark):
        machine, ours, at = self._mark()
        return max(0.0, (machine - mark[0]) - (ours - mark[1])) / (at - mark[2])

    def load(self, subject, seconds):
        """One run of wrk; the sample it gives."""
        self.runs += 1
        env = {"BENCH_RUN": f"r{self.runs}-", **subject.env}
        servers = [subject.server, *subject.more]
        behind = [*servers, *subject.behind]
        counted = subject.counters() if subject.counters else {}
        before = [process.cpu_seconds() for process in behind]
        slowed = self._slowed()
        mark = self._mark()
        answer = wrk(subject, seconds, env, self.options.pin)
        others = self._others_since(mark)
        spent = [process.cpu_seconds() - was for process, was in zip(behind, before)]
        slowed = max(slowed, self._slowed())
        counted = {name: value - counted[name] for name, value in (subject.counters() if subject.counters else {}).items()}
        requests = answer["requests"]
        if requests == 0:
            raise Void(f"{subject.name}: no answers at all")
        if answer["bad_status"] > requests * BAD_ANSWERS:
            raise Void(f"{subject.name}: {answer['bad_status']} of {requests} answers are errors")
        took = answer["duration_us"] / 1e6
        return Sample(
            requests=requests,
            per_second=requests / took,
            cpu_us=sum(spent[: len(servers)]) * 1e6 / requests,
            all_cpu_us=sum(spent) * 1e6 / requests,
            behind_us={process.name: used * 1e6 / requests for process, used in zip(subject.behind, spent[len(servers) :])},
            busy=max(spent[: len(servers)]) / took,
            counted=counted,
            p50_ms=answer["p50_us"] / 1e3,
            p99_ms=answer["p99_us"] / 1e3,
            others=others,
            slowed=slowed,
        )

    # -- results

    def ask(self, number, text, measured, sign, bound):
        """Compares a figure with a goal; a figure of None was not measured."""
        self.goals.append(Goal(number, text, measured, sign, bound))

    def drive(self, *argv):
        """One run of the open-loop generator; its report."""
        self.runs += 1
        # Without the environment's admin key: the measurements compare the books themselves.
        env = {name: value for name, value in os.environ.items() if not name.startswith("WINDFALL_")}
        done = subprocess.run(
            [str(part) for part in (self.options.windfall, "bench", "-o", "json", *argv)],
            capture_output=True, text=True, check=False, env=env,
        )  # fmt: skip
        if done.returncode != 0:
            raise Void(f"windfall bench failed: {done.stderr.strip()}")
        return json.loads(done.stdout)


def wrk(subject, seconds, env, pin):
    """Runs wrk on one thread per server; the JSON line that bench/wrk/report.lua adds."""
    program = shutil.which("wrk")
    if program is None:
        raise Unavailable("wrk is missing: apt-get install wrk")
    every = sorted(os.sched_getaffinity(0))
    cpus = set(every[:-1] or every)
    done = subprocess.run(
        [program, f"-t{1 + len(subject.more)}", f"-c{subject.connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s", "-s",
         str(BENCH / "wrk" / subject.script), f"http://127.0.0.1:{subject.server.port}{subject.path}"],
        env={**os.environ, **env, "BENCH_WRK": str(BENCH / "wrk")},
        capture_output=True, text=True, check=False,
        preexec_fn=(lambda: os.sched_setaffinity(0, cpus)) if pin else None,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        raise Void(f"wrk failed on {subject.name}: {done.stderr.strip() or done.stdout.strip()}")
    return json.loads(lines[-1])


def ratio(above, below, field):
    """above.field / below.field; None if either was not measured."""
    if above is None or below is None:
        return None
    return getattr(above, field) / getattr(below, field)
