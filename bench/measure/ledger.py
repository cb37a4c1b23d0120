"""Goal 7, the ledger of it: events per second into SQLite and into PostgreSQL, every commit synced."""

import re
import subprocess

from lib import Void

LINE = re.compile(r"(SQLite|PostgreSQL) +(.*?) +\d+ events in batches of +\d+: +(\d+) events/s, +([\d.]+) us")
SERVER = re.compile(r"all processes of the server: ([\d.]+) us")
BATCHES = 50  # of 4096 events: more, and the sorted indexes are what is measured
GOAL = "participations"


def measure(bench):
    binary = bench.binary("bench/windfall_ledger_bench", "run bench/build")
    bench.wait_for_quiet()
    done = subprocess.run([binary, str(BATCHES)], capture_output=True, text=True, check=False)
    found = LINE.findall(done.stdout)
    if done.returncode != 0 or not found:
        raise Void(f"windfall_ledger_bench failed: {(done.stderr or done.stdout).strip()[-400:]}")
    for what, cpu in zip(dict.fromkeys(what for _, what, _, _ in found), SERVER.findall(done.stdout)):
        bench.facts[f"PostgreSQL, {what}, CPU us of its server per event"] = float(cpu)
    for ledger, what, rate, cpu in found:
        bench.facts[f"{ledger}, {what}, CPU us of the listener's process per event"] = float(cpu)
        if what == GOAL:
            bench.ask(7, f"{what} into {ledger}, events/s", float(rate), ">=", 100_000.0)
        else:
            bench.facts[f"{ledger}, {what}, events/s"] = float(rate)
