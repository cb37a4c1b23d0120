"""The result of a run as text or JSON: figures, facts, goals, and what could not be measured and why."""

import json
import os
import pathlib
import platform

COLUMNS = [
    ("requests/s", lambda f: f"{f.per_second:,.0f}"),
    ("CPU us", lambda f: f"{f.cpu_us:.2f}"),
    ("all CPU us", lambda f: f"{f.all_cpu_us:.2f}"),
    ("busy", lambda f: f"{f.busy:.2f}"),
    ("p50 ms", lambda f: f"{f.p50_ms:.2f}"),
    ("p99 ms", lambda f: f"{f.p99_ms:.2f}"),
    ("spread", lambda f: f"{f.spread:.0%}"),
    ("others", lambda f: f"{f.others:.2f}"),
    ("slowed", lambda f: f"{f.slowed:.2f}" + ("!" if f.disturbed else "")),
]
VERDICT = {True: "holds", False: "MISSED", None: "not measured"}


def machine():
    cpu = next(
        (line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")),
        platform.machine(),
    )  # fmt: skip
    return {"cpu": cpu, "cpus": len(os.sched_getaffinity(0)), "kernel": platform.release()}


def text(bench):
    lines = []
    if bench.figures:
        rows = [[name, *(show(f) for _, show in COLUMNS)] for name, f in bench.figures.items()]
        lines += _table(["median of samples", *(title for title, _ in COLUMNS)], rows)
        if any(f.disturbed for f in bench.figures.values()):
            lines.append("!: others used more than a tenth of a core, or slowed the machine by a quarter, in a sample that had to be kept")
        lines.append("")
    if bench.facts:
        lines += [f"{name}: {_short(value)}" for name, value in bench.facts.items()] + [""]
    for title, rows, note in bench.tables:
        cells = [[str(_short(value)) for value in row.values()] for row in rows]
        lines += _table([title, *list(rows[0])[1:]], cells) + [note, ""]
    if bench.goals:
        rows = [
            [str(goal.number), goal.text, "-" if goal.measured is None else _short(goal.measured),
             f"{goal.sign} {_short(goal.bound)}", VERDICT[goal.holds]]
            for goal in bench.goals
        ]  # fmt: skip
        lines += _table(["goal", "what", "measured", "asked", ""], rows) + [""]
    lines += [f"not measured: {name}: {why}" for name, why in bench.unmeasured.items()]
    return "\n".join(lines)


def as_json(bench):
    return json.dumps(
        {
            "machine": machine(),
            "options": {"seconds": bench.options.seconds, "repeat": bench.options.repeat, "pin": bench.options.pin},
            "figures": {
                name: {"samples": [vars(sample) for sample in f.samples],
                       "median": {field: getattr(f, field) for field, value in vars(f.samples[0]).items() if not isinstance(value, dict)}}
                for name, f in bench.figures.items()
            },
            "facts": bench.facts,
            "tables": [{"title": title, "rows": rows, "note": note} for title, rows, note in bench.tables],
            "goals": [{**vars(goal), "holds": goal.holds} for goal in bench.goals],
            "unmeasured": bench.unmeasured,
        },
        indent=1,
    )  # fmt: skip


def _short(value):
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _table(head, rows):
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(row):
        first, *rest = row
        numeric = len(head) > 6
        cells = [cell.rjust(width) if numeric else cell.ljust(width) for cell, width in zip(rest, widths[1:])]
        return "  ".join([first.ljust(widths[0]), *cells]).rstrip()

    return [line(head), "  ".join("-" * width for width in widths), *(line(row) for row in rows)]
