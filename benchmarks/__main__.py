"""``python -m benchmarks``: measures every client in turns, each time in a fresh process, and prints one table of the least.

``--quick`` takes under a minute, the whole under five; ``--only TEXT`` runs the rows that contain it; ``--json FILE`` keeps the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import server  # noqa: E402

COLUMNS = ("floor", "ollama", "openai", "ours", "fast", "policies")
NATIVE = ("floor", "ollama", "ours", "fast")


class Row(NamedTuple):
    """One measurement of several clients.

    Attributes:
        name: What the table calls it.
        clients: Who takes it.
        kind: The function of ``measure.py``.
        work: Its last arguments.
        unit: What a second is shown as, or another key of the result.
        goals: Who must cost at most what factor of whom.
        effort: Rounds in a process, and fresh processes.
    """

    name: str
    clients: tuple[str, ...]
    kind: str
    work: tuple[object, ...]
    unit: str
    goals: tuple[tuple[str, float, str], ...]
    effort: tuple[int, int] = (4, 3)


TABLE = (
    Row("import, construct, first chat", ("floor", "ollama", "openai", "ours", "fast"), "startup", (), "ms",
        (("ours", 0.50, "ollama"),), (1, 8)),
    Row("memory after that", ("floor", "ollama", "openai", "ours", "fast"), "startup", (), "megabytes",
        (("ours", 1.15, "floor"),), (1, 8)),
    Row("NDJSON item, sync", NATIVE, "stream", ("ndjson", 10_000), "µs",
        (("ours", 1.20, "floor"), ("fast", 0.45, "floor"))),
    Row("NDJSON item, async", NATIVE, "async_stream", (10_000,), "µs",
        (("ours", 1.25, "floor"), ("fast", 0.45, "floor"))),
    Row("SSE item, sync", ("floor", "openai", "ours", "fast"), "stream", ("sse", 10_000), "µs",
        (("ours", 1.30, "floor"), ("fast", 0.45, "floor"))),
    Row("item in 300 concurrent streams", NATIVE, "async_stream", (100, 300), "µs", (("ours", 1.15, "floor"),), (3, 4)),
    Row("chat in one piece", NATIVE, "calls", ("chat", 300), "µs", (("ours", 1.10, "floor"),)),
    Row("embed, 256 x 1024 floats", NATIVE, "calls", ("embed", 10), "ms", (("ours", 1.10, "floor"),)),
    Row("list 100 models", NATIVE, "calls", ("list_models", 100), "ms", (("ours", 1.60, "floor"),)),
    Row("chat with every policy on", ("ours", "policies"), "calls", ("chat", 300), "µs", (("policies", 1.15, "ours"),)),
    Row("NDJSON item with every policy on", ("ours", "policies"), "stream", ("ndjson", 10_000), "µs",
        (("policies", 1.15, "ours"),)),
)  # fmt: skip

_UNITS = {"µs": 1e6, "ms": 1e3}
_MB = 1e6


class Bench:
    """Takes measurements from the server at ``url``; the same one is not taken twice."""

    def __init__(self, url: str, compiled: str, *, quick: bool) -> None:
        self._url = url
        # Every client's modules are compiled once, wherever this runs from, as an installer would have done.
        self._environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
        self._quick = quick
        self._taken: dict[tuple[object, ...], dict[str, dict[str, float]]] = {}

    def take(self, kind: str, client: str, rounds: int, *work: object) -> dict[str, float]:
        """One measurement in a fresh process."""
        command = [sys.executable, HERE / "measure.py", kind, client, self._url, rounds, *work]
        done = subprocess.run(
            [str(part) for part in command], env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{kind} of {client} failed:\n{done.stderr}")
        return json.loads(done.stdout)

    def row(self, row: Row) -> dict[str, float]:
        """The least of every client, measured in turns so that a slow minute of the machine slows all of them."""
        key = (row.kind, *row.work, row.clients)
        if key not in self._taken:
            rounds, processes = row.effort
            if self._quick:
                rounds, processes = min(rounds, 2), -(-processes // 3)
            takes = [
                {client: self.take(row.kind, client, rounds, *row.work) for client in row.clients}
                for _ in range(processes)
            ]
            self._taken[key] = {
                client: {name: min(take[client][name] for take in takes) for name in takes[0][client]}
                for client in row.clients
            }
        field = row.unit if row.unit == "megabytes" else "seconds"
        return {client: result[field] * _UNITS.get(row.unit, 1) for client, result in self._taken[key].items()}


# The table of clients


def table(bench: Bench, rows: list[Row]) -> tuple[list[dict[str, Any]], bool]:
    """Print the table; its figures, and whether every goal was met."""
    print(f"{'':34}{'':5}" + "".join(f"{column:>10}" for column in COLUMNS) + "   goals")
    figures: list[dict[str, Any]] = []
    for row in rows:
        found = bench.row(row)
        ratios = [(who, found[who] / found[whom], most, whom) for who, most, whom in row.goals]
        unit = "MB" if row.unit == "megabytes" else row.unit
        cells = "".join(f"{found[c]:10.4g}" if c in found else f"{'':10}" for c in COLUMNS)
        verdicts = "; ".join(
            f"{who} {ratio:.2f} x {whom} {'≤' if ratio <= most else 'MISSES'} {most:.2f}"
            for who, ratio, most, whom in ratios
        )
        print(f"{row.name:34}{unit:>5}{cells}   {verdicts}", flush=True)
        figures.append(
            {
                "measurement": row.name,
                "unit": unit,
                **found,
                "goals": [{"client": a, "ratio": b, "at_most": c, "of": d} for a, b, c, d in ratios],
            }
        )
    return figures, all(goal["ratio"] <= goal["at_most"] for f in figures for goal in f["goals"])


# What must not grow


def growth(bench: Bench, *, quick: bool) -> list[dict[str, Any]]:
    """Print what stays the same however much is read or sent; the figures."""
    figures: list[dict[str, Any]] = []

    def show(name: str, value: float, unit: str, note: str = "") -> None:
        print(f"{name:58}{value:12.4g} {unit:12}{note}", flush=True)
        figures.append({"measurement": name, "value": value, "unit": unit})

    most = 10_000 if quick else 1_000_000
    for client in ("ours",) if quick else ("ours", "fast"):
        for items in (1_000, 10_000, 50_000, 1_000_000):
            if items <= most:
                rounds = max(1, min(10, 200_000 // items))
                show(f"{client}: one of {items:,} items", _item(bench, client, rounds, items) * 1e6, "µs")
        for length, items in ((100, 20_000), (10_000, 2_000), (1_000_000, 40), (10_000_000, 8))[: 3 if quick else 4]:
            microseconds = _item(bench, client, 2, items, length) * 1e6
            show(
                f"{client}: an item of {length:,} bytes",
                microseconds,
                "µs",
                f"{microseconds * 1e3 / length:.3g} µs a kB",
            )
        grown = bench.take("stream_memory", client, 1, max(most, 50_000))["bytes"]
        show(f"{client}: peak memory of {max(most, 50_000):,} items over that of 10,000", grown / _MB, "MB")
        calls = 300 if quick else 5_000
        left = bench.take("leak", client, 1, calls)
        show(
            f"{client}: left behind by {2 * calls:,} requests",
            left["bytes"] / _MB,
            "MB",
            f"{left['objects']:+.0f} objects, {left['files']:+.0f} open files",
        )
        copies = bench.take("image", client, 1, 8 << 20)["copies"]
        show(f"{client}: peak memory of sending an image of 8 MB", copies, "copies", "goal: at most 3")
        size = (1 << 27) if quick else (1 << 31)
        show(
            f"{client}: peak memory of uploading {size / 2**20:,.0f} MB",
            bench.take("blob", client, 1, size)["bytes"] / _MB,
            "MB",
        )
    return figures


def _item(bench: Bench, client: str, rounds: int, items: int, length: int = 12) -> float:
    return bench.take("stream", client, rounds, "ndjson", items, length)["seconds"]


# The whole


def machine() -> dict[str, Any]:
    """Where this runs, and with what."""
    packages = ("ollama-sdk", "httpx", "httpcore", "h11", "httptools", "orjson", "attrs", "anyio", "ollama", "openai")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cores": os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, less growth: under a minute")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the rows of the table whose name contains it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    where = machine()
    print(", ".join(f"{name} {value}" for name, value in where.items()), end="\n\n")
    with server.running() as url, tempfile.TemporaryDirectory() as compiled:
        bench = Bench(url, compiled, quick=arguments.quick)
        rows, met = table(bench, [row for row in TABLE if arguments.only in row.name])
        print("\nCPU time of the client's process, except start-up, which is by the clock; the least of several.\n")
        grown = [] if arguments.only else growth(bench, quick=arguments.quick)
    if arguments.json:
        result = {"machine": where, "table": rows, "growth": grown}
        arguments.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print("\nEvery goal is met." if met else "\nGoals are missed: see the table.")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
