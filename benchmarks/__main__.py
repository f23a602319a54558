"""Runs the benchmarks: measures each client in fresh processes, in turns, and compares the minimum with the goals.

``python -m benchmarks`` takes about five minutes, with ``--quick`` about one; ``--only TEXT`` selects the measurements whose
names contain it; ``--json FILE`` writes the figures. It exits with 1 if a goal is missed or a measurement fails.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import server

HERE = Path(__file__).parent
TIMEOUT = 300.0  # seconds for one process; the longest takes a tenth of it

COLUMNS = ("floor", "ollama", "openai", "ours", "policies")
NATIVE = ("floor", "ollama", "ours")
OURS = ("ours",)
NEEDS = {
    "ollama": "ollama",
    "openai": "openai",
}  # the package that a column needs

# For each unit: the field of a measurement, and the factor to convert it.
UNITS = {
    "µs": ("seconds", 1e6),
    "ms": ("seconds", 1e3),
    "µs/kB": ("seconds_a_kb", 1e6),
    "MB": ("bytes", 1e-6),
    "copies": ("copies", 1),
    "objects": ("objects", 1),
    "files": ("files", 1),
}
MEMORY = {"MB", "copies", "objects", "files"}  # measured on Linux only


class Goal(NamedTuple):
    """A limit: ``who`` may take at most ``most`` times what ``whom`` takes, or ``most`` of the unit if ``whom`` is empty."""

    who: str
    most: float
    whom: str = ""


class Row(NamedTuple):
    """One measurement of several clients.

    Attributes:
        name: Its name in the table.
        clients: The clients to measure.
        kind: The function in ``measure.py``.
        work: Its last arguments.
        unit: The unit that is shown, one of :data:`UNITS`.
        goals: The limits.
        effort: Rounds in a process, and processes.
        slow: Whether ``--quick`` skips it.
    """

    name: str
    clients: tuple[str, ...]
    kind: str
    work: tuple[object, ...]
    unit: str
    goals: tuple[Goal, ...] = ()
    effort: tuple[int, int] = (4, 3)
    slow: bool = False


class Spread(NamedTuple):
    """The ratio of the largest to the smallest of several measurements; about 1 if the cost is constant."""

    name: str
    rows: tuple[Row, ...]
    goals: tuple[Goal, ...]
    unit: str = "times"
    slow: bool = False


def _streams_of(*sizes: tuple[int, tuple[int, int], bool]) -> tuple[Row, ...]:
    return tuple(
        Row(f"one of {count:,} items", OURS, "stream", ("ndjson", count), "µs", (), effort, slow)
        for count, effort, slow in sizes
    )


def _items_of(unit: str, name: str, *sizes: tuple[int, int, bool]) -> tuple[Row, ...]:
    return tuple(
        Row(f"{name} {length:,} bytes", OURS, "stream", ("ndjson", count, length), unit, (), (2, 2), slow)
        for length, count, slow in sizes
    )


def _each(most: float) -> tuple[Goal, ...]:
    return tuple(Goal(who, most) for who in OURS)


_START = (("floor", "ollama", "openai", "ours"), "startup", ())
_POLICIES = ("ours", "policies")

CLIENTS = (
    Row("import, construct, first chat", *_START, "ms", (Goal("ours", 0.50, "ollama"),), (1, 8)),
    Row("memory after that", *_START, "MB", (Goal("ours", 1.15, "floor"),), (1, 8)),
    Row("NDJSON item, sync", NATIVE, "stream", ("ndjson", 10_000), "µs",
        (Goal("ours", 0.32, "floor"),)),
    Row("NDJSON item, async", NATIVE, "async_stream", (10_000,), "µs",
        (Goal("ours", 0.32, "floor"),)),
    Row("SSE item, sync", ("floor", "openai", "ours"), "stream", ("sse", 10_000), "µs",
        (Goal("ours", 0.45, "floor"),)),
    Row("item in 300 concurrent streams", NATIVE, "async_stream", (100, 300), "µs", (Goal("ours", 0.40, "floor"),), (3, 4)),
    Row("chat in one piece", NATIVE, "calls", ("chat", 300), "µs", (Goal("ours", 0.50, "floor"),)),
    Row("embed, 256 x 1024 floats", NATIVE, "calls", ("embed", 10), "ms", (Goal("ours", 1.10, "floor"),)),
    Row("list 100 models", NATIVE, "calls", ("list_models", 100), "ms", (Goal("ours", 1.60, "floor"),)),
    Row("chat with every policy on", _POLICIES, "calls", ("chat", 300), "µs",
        (Goal("policies", 1.25, "ours"),), (4, 5)),
    # The goal allows only the difference between two measurements of the same work.
    Row("NDJSON item with every policy on", _POLICIES, "stream", ("ndjson", 10_000), "µs",
        (Goal("policies", 1.05, "ours"),), (4, 5)),
)  # fmt: skip

_COUNTS = _streams_of(
    (1_000, (20, 3), False), (10_000, (5, 3), False), (50_000, (2, 2), True), (1_000_000, (1, 2), True)
)
_LENGTHS = ((10_000, 2_000, False), (1_000_000, 40, False), (10_000_000, 8, True))
_A_KB = _items_of("µs/kB", "a kB of an item of", *_LENGTHS)

GROWTH = (
    *_COUNTS,
    Spread("one item, largest over smallest", _COUNTS, _each(1.5)),
    *_items_of("µs", "an item of", (100, 20_000, False), *_LENGTHS),
    *_A_KB,
    # Blocks of 10 MB are allocated from the kernel each time, hence 3. Quadratic cost would exceed it by far.
    Spread("a kB, largest over smallest", _A_KB, _each(3)),
    *(
        Row(f"peak memory of {count:,} items over 10,000", OURS, "stream_memory", (count,), "MB", _each(1), (1, 1), slow)
        for count, slow in ((50_000, False), (1_000_000, True))
    ),
    *(
        Row(f"{unit} left behind by {count:,} requests", OURS, "leak", (count,), unit, _each(most), (1, 1), slow)
        for count, slow in ((600, False), (10_000, True))
        for unit, most in (("MB", 1), ("objects", 100), ("files", 0))
    ),
    Row("peak memory of sending an image of 8 MB", OURS, "image", (8_000_000,), "copies", _each(3), (1, 1)),
    *(
        Row(f"peak memory of uploading {size:,} MB", OURS, "blob", (size * 1_000_000,), "MB", _each(4), (1, 1), slow)
        for size, slow in ((128, False), (2_000, True))
    ),
)  # fmt: skip


# Measuring


class MeasurementError(Exception):
    """A process returned no result; the message says why."""


class Result(NamedTuple):
    """The figure of each client, in the unit of the row, and the error of each that failed."""

    figures: dict[str, float]
    failed: dict[str, str]


class Bench:
    """Measures clients against the server at ``url``; no measurement is taken twice.

    Args:
        url: The address of the server.
        compiled: A folder for compiled modules.
        quick: Whether to make fewer rounds and skip slow measurements.
        absent: Clients that cannot be measured.
    """

    def __init__(self, url: str, compiled: str, *, quick: bool = False, absent: Iterable[str] = ()) -> None:
        self._url = url
        # Ignore proxies of the environment and of the system.
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        # Modules are compiled once for all processes, as an installer does.
        compiling = {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
        self._environment = {**environment, **compiling, "NO_PROXY": "*"}
        self._quick = quick
        self._absent = frozenset(absent)
        self._taken: dict[tuple[object, ...], tuple[dict[str, dict[str, float]], dict[str, str]]] = {}

    def take(self, kind: str, client: str, rounds: int, *work: object) -> dict[str, float]:
        """Take one measurement in a fresh process.

        Raises:
            MeasurementError: It failed or took too long.
        """
        command = [str(part) for part in (sys.executable, HERE / "measure.py", kind, client, self._url, rounds, *work)]
        try:
            done = subprocess.run(
                command, env=self._environment, capture_output=True, text=True, check=True, timeout=TIMEOUT
            )
        except subprocess.TimeoutExpired:
            raise MeasurementError(f"took longer than {TIMEOUT:g} s") from None
        except subprocess.CalledProcessError as error:
            raise MeasurementError(error.stderr.strip() or f"exit status {error.returncode}") from None
        return json.loads(done.stdout)

    def result(self, row: Row | Spread) -> Result:
        """Return the figures of a row for every client."""
        return self._spread(row) if isinstance(row, Spread) else self._row(row)

    def _row(self, row: Row) -> Result:
        field, factor = UNITS[row.unit]
        least, failed = self._least(row)
        return Result({client: result[field] * factor for client, result in least.items()}, failed)

    def _spread(self, spread: Spread) -> Result:
        every = [self._row(row) for row in spread.rows if not (self._quick and row.slow)]
        failed = {client: why for found in every for client, why in found.failed.items()}
        series = {
            client: [found.figures[client] for found in every] for client in every[0].figures if client not in failed
        }
        return Result({client: max(figures) / min(figures) for client, figures in series.items()}, failed)

    def _least(self, row: Row) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
        """Return the minimum of every client; the clients take turns so that a slow minute of the machine affects all."""
        key = (row.kind, *row.work, row.clients, row.effort)
        if key not in self._taken:
            rounds, processes = row.effort
            if self._quick:
                rounds, processes = -(-rounds // 2), -(-processes // 3)
            takes: dict[str, list[dict[str, float]]] = {c: [] for c in row.clients if c not in self._absent}
            failed: dict[str, str] = {}
            for _ in range(processes):
                for client in [client for client in takes if client not in failed]:
                    try:
                        takes[client].append(self.take(row.kind, client, rounds, *row.work))
                    except MeasurementError as error:
                        failed[client] = str(error)
            least = {
                client: {name: min(result[name] for result in results) for name in results[0]}
                for client, results in takes.items()
                if client not in failed
            }
            self._taken[key] = least, failed
        return self._taken[key]


# Judging


class Verdict(NamedTuple):
    """The figure that a goal limits and whether it is met; ``None`` if it was not measured."""

    goal: Goal
    figure: float | None
    met: bool | None


def judge(goal: Goal, figures: dict[str, float]) -> Verdict:
    """Compare the figures with a goal."""
    if goal.who not in figures or (goal.whom and goal.whom not in figures):
        return Verdict(goal, None, None)
    figure = figures[goal.who] / (figures[goal.whom] if goal.whom else 1)
    return Verdict(goal, figure, figure <= goal.most)


def _describe(verdict: Verdict) -> str:
    (who, most, whom), figure, met = verdict
    if figure is None:
        return f"{who} not judged"
    sign = "≤" if met else "MISSES"
    return f"{who} {figure:.2f} x {whom} {sign} {most:.2f}" if whom else f"{who} {sign} {most:g}"


def table(bench: Bench, rows: Sequence[Row | Spread], columns: Sequence[str]) -> list[dict[str, Any]]:
    """Print the table and return its rows."""
    print(f"{'':52}{'':7}" + "".join(f"{column:>10}" for column in columns) + "   goals")
    shown: list[dict[str, Any]] = []
    for row in rows:
        figures, failed = bench.result(row)
        verdicts = [judge(goal, figures) for goal in row.goals]
        cells = "".join(
            f"{figures[c]:10.4g}" if c in figures else f"{'failed' if c in failed else '':>10}" for c in columns
        )
        print(f"{row.name:52}{row.unit:>7}{cells}   {'; '.join(map(_describe, verdicts))}", flush=True)
        for client, why in failed.items():
            print(f"{row.name}: {client} failed: {why}", file=sys.stderr, flush=True)
        goals = [{**v.goal._asdict(), "figure": v.figure, "met": v.met} for v in verdicts]
        shown.append({"measurement": row.name, "unit": row.unit, **figures, "failed": failed, "goals": goals})
    return shown


# The whole


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def machine() -> dict[str, Any]:
    """Describe the machine and the versions; a package that is not installed is ``None``."""
    packages = ("ollama-sdk", "httpx", "httpcore", "h11", "httptools", "orjson", "attrs", "anyio", "ollama", "openai")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cores": os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: _version(name) for name in packages},
    }


def _parse_arguments() -> argparse.Namespace:
    """Parse and check the arguments, so that no mistake shows only after minutes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, less growth: about a minute")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the measurements whose names contain it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    arguments = parser.parse_args()
    arguments.clients, arguments.growth = (
        [row for row in rows if arguments.only in row.name and not (arguments.quick and row.slow)]
        for rows in (CLIENTS, GROWTH)
    )
    if not arguments.clients and not arguments.growth:
        names = "\n  ".join(row.name for row in (*CLIENTS, *GROWTH) if not (arguments.quick and row.slow))
        parser.error(f"--only {arguments.only!r}: no measurement's name contains it; there are\n  {names}")
    if arguments.json:
        try:
            arguments.json.open("a").close()
        except OSError as error:
            parser.error(f"--json: {error}")
    return arguments


def main() -> int:
    arguments, versions = _parse_arguments(), machine()
    print(", ".join(f"{name} {value or 'not installed'}" for name, value in versions.items()), end="\n\n")
    absent = [client for client, package in NEEDS.items() if _version(package) is None]
    for client in absent:
        print(f"The column {client} stays empty: {NEEDS[client]} is not installed.")
    if sys.platform != "linux":
        print("Memory and leaks are not measured: that needs Linux's /proc.")
        arguments.clients, arguments.growth = (
            [row for row in rows if row.unit not in MEMORY] for rows in (arguments.clients, arguments.growth)
        )
    rows: dict[str, list[dict[str, Any]]] = {"table": [], "growth": []}
    with server.running() as url, tempfile.TemporaryDirectory() as compiled:
        bench = Bench(url, compiled, quick=arguments.quick, absent=absent)
        if arguments.clients:
            rows["table"] = table(bench, arguments.clients, COLUMNS)
            print(
                "\nCPU time of the client's process, except start-up, which is elapsed time; minimum of several rounds.\n"
            )
        if arguments.growth:
            print("What must not grow:\n")
            rows["growth"] = table(bench, arguments.growth, OURS)
    verdicts = [goal["met"] for row in (*rows["table"], *rows["growth"]) for goal in row["goals"]]
    failed = any(row["failed"] for row in (*rows["table"], *rows["growth"]))
    met = not failed and False not in verdicts
    if arguments.json:
        result = {"machine": versions, "quick": arguments.quick, "only": arguments.only, "met": met, **rows}
        arguments.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\n{verdicts.count(True)} goals are met, {verdicts.count(False)} missed, {verdicts.count(None)} not judged.")
    if failed:
        print("Measurements failed: see above.")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
