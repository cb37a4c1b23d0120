"""Reads from a running server what checker.py needs, and asserts that nothing is violated."""

import csv
import io
import time

import checker
import lottery

# An accrual whose outcome is unknown and that the partner never saw waits twice the call's time-out of 2 s; retries follow within 5 s.
QUIET_SECONDS = 60.0


def observe(server, book=None):
    """What is decided between two reads would look like a difference, so call this without load only. `book` reads the book of a partner
    outside the server."""
    promotions = {}
    cursor = ""
    while cursor is not None:
        page = server.read("/v1/admin/promotions?limit=100" + (f"&cursor={cursor}" if cursor else "")).json()
        for p in page["items"]:
            if p.get("lottery"):
                continue  # has no stock; lottery.py judges it
            promotions[p["id"]] = checker.Held(p["limitJoinCount"], p["leftJoinCount"], p["revision"])
        cursor = page["nextCursor"]
    return checker.Observed(
        promotions=promotions,
        rows={promotion: rows_of(server, promotion) for promotion in promotions},
        book=(book or built_in_book(server))(),
        differences=server.read("/v1/admin/reconciliation").json()["differences"])


def built_in_book(server):
    return lambda: server.read("/v1/dev/partner/book").json()["entries"]


def rows_of(server, promotion):
    text = server.read(f"/v1/admin/promotions/{promotion}/export/participations.csv").body.decode()
    return [
        checker.Row(r["participationId"], r["promotionId"], r["userId"], r["day"], int(r["rewardAmount"]), r["participatedAt"],
                    r["accrual"], r["accrualEventId"]) for r in csv.DictReader(io.StringIO(text))
    ]


def until_quiet(server, seconds=QUIET_SECONDS):
    """Waits until no accrual is pending."""
    until = time.monotonic() + seconds
    while True:
        promotions = server.read("/v1/admin/reconciliation").json()["promotions"]
        pending = sum(p["accruals"]["pending"] for p in promotions)
        if pending == 0:
            return
        if time.monotonic() > until:
            raise AssertionError(f"{pending} accruals are still pending after {seconds} s:\n{server.stderr()[-3000:]}")
        time.sleep(0.05)


def errors_said(server):
    """What the server's log calls an error; not the alarm that the lottery of these tests has more prizes than codes, which is right."""
    return [line for line in server.error_lines() if '"codes_low"' not in line]


def check(test, server, history, quiet=False, book=None, healthy=True):
    """Fails the test with every violation found. `healthy`: nothing was done to this life that it may call an error."""
    if quiet:
        until_quiet(server)
        if history.plays:
            lottery.until_served(server, history)
    observed = observe(server, book)
    all_booked = observed.book
    observed.book = [entry for entry in all_booked if entry["promotionId"] != lottery.LOTTERY]
    found = checker.violations(history, observed, checker.WHEN_QUIET if quiet else checker.ALWAYS)
    if history.plays:
        held = lottery.observe(server, history)
        found += lottery.violations(history, held, all_booked, lottery.WHEN_QUIET if quiet else lottery.ALWAYS)
        lottery.remember(history, held)
    if healthy:
        found += [f"log: {line}" for line in errors_said(server)]
    test.assertEqual([], found[:20], f"{len(found)} violations; {history.counts()}")
    return observed
