"""The partner of development and tests: books points in a file, fails on demand."""

import socket

from local_cluster.parts import Health, Process

NEEDS = ()
START_SECONDS = 20


def prepare(plan):
    plan.place("sandbox").mkdir(exist_ok=True)


def process(plan, node):
    folder = plan.place("sandbox")
    argv = [plan.windfall["binary"], "sandbox", "--listen", f"127.0.0.1:{node.port}", "--book", str(folder / "book.json")]
    return Process(argv, str(folder), {"WINDFALL_PARTNER_SECRET": plan.secrets["partner_secret"]})


def health(_, node):
    try:
        socket.create_connection(("127.0.0.1", node.port), timeout=2).close()
    except OSError as problem:
        return Health(False, f"no answer: {problem}")
    return Health(True, "accepts")


def complete(plan):
    """Nothing is left to do."""


def environment(plan):
    return {"CLUSTER_PARTNER_URL": f"http://127.0.0.1:{plan.node('sandbox').port}"}
