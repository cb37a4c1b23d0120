"""Goal 10: the books are right to the unit. An open loop with a tenth of repeats runs until the stock is gone, once undisturbed and once with
a kill -9 in the middle; then every answer is compared with what the server says was taken. Requests cut by the kill are asked about: what
was kept must show as this user's participation, what was not must not have taken stock."""

import subprocess
import threading
import time

import servers
from lib import Void, free_port

STOCK = 100_000
REPEATS = 0.1
RATE = 20_000  # per second: far below saturation, so that the kill finds requests in flight and not only in queues
KILL_AFTER = 0.4  # of the run


def measure(bench):
    for kill in (False, True):
        name = "with kill -9" if kill else "undisturbed"
        wrong = _differences(bench, kill)
        for line in wrong:
            bench.say(f"exact, {name}: {line}")
        bench.ask(10, f"differences in the books, {name}", float(len(wrong)), "<=", 0.0)


def _differences(bench, kill):
    windfall = servers.Windfall(bench, f"windfall-exact-{'kill' if kill else 'calm'}", free_port())
    windfall.create("exact", stock=STOCK)
    outcomes = _run(bench, windfall, kill)
    accepted = [user for user, status, _ in outcomes if status == 201]
    cut = {user for user, status, _ in outcomes if status == 0} - set(accepted)
    kept = {user for user in cut if _has_joined(windfall, user)}
    left = windfall.promotion("exact")["leftJoinCount"]
    bench.facts[f"exact, {'with kill -9' if kill else 'undisturbed'}"] = (
        f"{len(outcomes)} requests, {len(accepted)} accepted, {len(cut)} cut of which {len(kept)} were kept, {left} left"
    )

    wrong = []
    if kill and not cut:
        raise Void("the kill cut no request; the run proves nothing")
    if len(accepted) != len(set(accepted)):
        wrong.append(f"{len(accepted) - len(set(accepted))} users were accepted twice")
    if left != 0:
        wrong.append(f"the stock should be gone, {left} are left")
    if len(set(accepted) | kept) != STOCK - left:
        wrong.append(f"{STOCK - left} were taken, {len(set(accepted) | kept)} users hold a participation")
    odd = {(status, code) for _, status, code in outcomes} - {
        (201, "-"), (0, "-"), (409, "SOLD_OUT"), (409, "ALREADY_PARTICIPATED"), (403, "CONDITION_NOT_MET"),
    }  # fmt: skip
    if odd:
        wrong.append(f"answers nobody expects: {sorted(odd)}")
    windfall.process.stop()
    fsck = subprocess.run([bench.options.windfall, "fsck", "--data", windfall.data], capture_output=True, text=True, check=False)
    if fsck.returncode != 0:
        wrong.append(f"fsck: {(fsck.stdout + fsck.stderr).strip()[:300]}")
    return wrong


def _run(bench, windfall, kill):
    """(user, status, code) of every request; enough of them to empty the stock."""
    log = bench.scratch / "outcomes"
    count = round(STOCK / (1 - REPEATS) * 1.1)
    crash = threading.Thread(target=_kill_and_restart, args=(windfall, KILL_AFTER * count / RATE))
    if kill:
        crash.start()
    windfall.drive(
        "exact", "--count", count, "--rate", RATE, "--repeats", REPEATS, "--user-prefix", "exact-", "--log", log
    )
    if kill:
        crash.join()
    lines = (line.split() for line in log.read_text().splitlines())
    return [(int(user), int(status), code) for user, status, code, _ in lines]


def _kill_and_restart(windfall, after):
    time.sleep(after)
    windfall.process.kill()
    windfall.start()


def _has_joined(windfall, user):
    """Asks by joining again, when the stock is gone: the refusal tells whether this user has joined today."""
    status, answer = windfall.join("exact", f"exact-{user}")
    if status == 409 and answer["code"] == "SOLD_OUT":
        return answer["alreadyParticipated"]
    raise Void(f"asking about a cut request was answered {status}: {answer}")
