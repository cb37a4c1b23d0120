"""What every node is doing, asked of the supervisor and of the nodes themselves."""

import concurrent.futures

from local_cluster import control
from local_cluster.parts import Health, health_of

COLUMNS = (("NAME", "name"), ("ROLE", "role"), ("PID", "pid"), ("PORT", "port"), ("STATE", "state"), ("STARTS", "starts"), ("HEALTH", "health"))


def ask_all(plan, nodes):
    """The health of each, asked at the same time: one that is silent costs its time-out only once."""
    with concurrent.futures.ThreadPoolExecutor(max(1, len(nodes))) as pool:
        return list(pool.map(lambda node: health_of(plan, node), nodes))


def look(plan):
    """A dict per node: name, part, role, port, pid, state, starts, well, health, and details of its part."""
    try:
        states = control.ask(plan.folder, "state")["nodes"]
    except control.NotRunning:
        states = {}
    nodes = plan.nodes()
    alive = [node for node in nodes if states.get(node.name, {}).get("pid")]
    healths = {node.name: health for node, health in zip(alive, ask_all(plan, alive))}
    seen = []
    for node in nodes:
        state = states.get(node.name, {"state": "down", "pid": None, "starts": 0, "last_exit": None})
        health = healths.get(node.name, Health(False, state["last_exit"] or ""))
        seen.append(
            {
                "name": node.name, "part": node.part, "role": health.details.get("role", node.role), "port": node.port, "pid": state["pid"],
                "state": state["state"], "starts": state["starts"], "well": health.well, "health": health.text, "details": health.details,
            }
        )  # fmt: skip
    return seen


def all_well(seen):
    return all(node["well"] for node in seen)


def table(seen):
    rows = [[title for title, _ in COLUMNS]]
    for node in seen:
        rows.append([("" if node["well"] or member != "health" else "NOT WELL: ") + str(node[member] if node[member] is not None else "-") for _, member in COLUMNS])
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
