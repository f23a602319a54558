"""Runs the benchmarks: measures each client in fresh processes, in turns, and compares the minimum with the goals.

``python -m benchmarks`` takes about ten minutes, with ``--quick`` about one, with ``--full`` twenty; ``--only TEXT`` selects the
measurements whose names contain it; ``--json FILE`` writes the figures. It exits with 1 if a goal is missed or a measurement fails.
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

COLUMNS = ("limit", "floor", "aiohttp", "ollama", "openai", "ours", "policies", "traced")
SYNC = ("limit", "floor", "ollama", "ours")
ASYNC = ("limit", "floor", "aiohttp", "ollama", "ours")
MANY = ("limit", "floor", "aiohttp", "ours")  # the published client opens at most 100 connections
WHOLE = ("floor", "ollama", "ours")
OURS = ("ours",)
GROWING = ("ours", "policies")
# The package that a column needs.
NEEDS = {"ollama": "ollama", "openai": "openai", "aiohttp": "aiohttp", "traced": "opentelemetry-sdk"}

# For each unit: the field of a measurement, and the factor to convert it.
UNITS = {
    "µs": ("seconds", 1e6),
    "ms": ("seconds", 1e3),
    "µs/kB": ("seconds_a_kb", 1e6),
    "s": ("elapsed", 1),
    "µs p50": ("p50", 1e6),
    "µs p99": ("p99", 1e6),
    "x": ("times", 1),
    "MB": ("bytes", 1e-6),
    "kB": ("bytes", 1e-3),
    "copies": ("copies", 1),
    "objects": ("objects", 1),
    "files": ("files", 1),
    "errors": ("errors", 1),
    "opened": ("connections", 1),
    "system": ("system", 1),
    "python": ("python", 1),
}
MEMORY = {"MB", "kB", "copies", "objects", "files"}  # measured on Linux only
WORST = {"errors", "connections"}  # of several processes the largest counts, of all else the smallest

# Which runs take a measurement: all of them, not those with --quick, or only those with --full.
ALWAYS, USUALLY, FULL = range(3)


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
        runs: Which runs take it: ``ALWAYS``, ``USUALLY`` or ``FULL``.
    """

    name: str
    clients: tuple[str, ...]
    kind: str
    work: tuple[object, ...]
    unit: str
    goals: tuple[Goal, ...] = ()
    effort: tuple[int, int] = (4, 3)
    runs: int = ALWAYS


class Spread(NamedTuple):
    """The ratio of the largest to the smallest of several measurements; about 1 if the cost is constant."""

    name: str
    rows: tuple[Row, ...]
    goals: tuple[Goal, ...]
    unit: str = "times"
    runs: int = ALWAYS


def _streams_of(*sizes: tuple[int, tuple[int, int], int]) -> tuple[Row, ...]:
    return tuple(
        Row(f"one of {count:,} items", OURS, "stream", ("ndjson", count), "µs", (), effort, runs)
        for count, effort, runs in sizes
    )


def _items_of(unit: str, name: str, *sizes: tuple[int, int, int]) -> tuple[Row, ...]:
    return tuple(
        Row(f"{name} {length:,} bytes", OURS, "stream", ("ndjson", count, length), unit, (), (2, 2), runs)
        for length, count, runs in sizes
    )


def _each(most: float) -> tuple[Goal, ...]:
    return tuple(Goal(who, most) for who in OURS)


def _ours(**most: float) -> tuple[Goal, ...]:
    return tuple(Goal("ours", times, whom) for whom, times in most.items())


_START = (("floor", "ollama", "openai", "ours"), "startup", ())
_POLICIES = ("floor", "ours", "policies")
_DELAY = ("delay", (1000, 1000))
_ASYNC_DELAY = ("async_delay", (1000, 1000))
_DELAYS = (1, 4)  # rounds, processes
_OPEN = (MANY, "open_streams", (1000,))
_MOST = (("aiohttp", "ours"), "open_streams", (10_000,))
_ONCE = (1, 2)  # rounds, processes

CLIENTS = (
    Row("import, construct, first chat", *_START, "ms", _ours(ollama=0.40, floor=1.0), (1, 16)),
    Row("memory after that", *_START, "MB", _ours(floor=1.10), (1, 16)),
    # As fast as the client can
    Row("NDJSON item in a burst, sync", SYNC, "stream", ("ndjson", 10_000), "µs", _ours(floor=0.32)),
    Row("NDJSON item in a burst, async", ASYNC, "async_stream", (10_000,), "µs", _ours(floor=0.32)),
    Row("SSE item in a burst, sync", ("limit", "floor", "openai", "ours"), "stream", ("sse", 10_000), "µs",
        _ours(floor=0.45)),
    Row("item in 300 concurrent bursts", ASYNC, "async_stream", (100, 300), "µs", _ours(floor=0.40), (3, 4)),
    Row("NDJSON item, added up for collect(), over not", OURS, "adding_up", ("ndjson", 10_000), "x", _each(1.05), (12, 3)),
    Row("SSE item, added up for collect(), over not", OURS, "adding_up", ("sse", 10_000), "x", _each(1.05), (12, 3)),
    # At the rate of real tokens
    Row("item, one each ms, sync", SYNC, "paced", (1000, 1000), "µs", _ours(floor=0.70), (1, 8)),
    Row("item, one each ms, async", ASYNC, "async_paced", (1000, 500), "µs", _ours(floor=0.55, aiohttp=0.80), (1, 6)),
    Row("item in 100 streams, each 20 a second", MANY, "async_paced", (20, 40, 100), "µs",
        _ours(floor=0.40, aiohttp=0.85), _ONCE),
    Row("item in 1,000 streams, each 5 a second", MANY, "async_paced", (5, 20, 1000), "µs",
        _ours(floor=0.40, aiohttp=0.85), _ONCE, USUALLY),
    Row("delay of an item, sync", SYNC, *_DELAY, "µs p50", _ours(floor=0.85), _DELAYS),
    Row("delay of an item, sync, the slowest", SYNC, *_DELAY, "µs p99", _ours(floor=0.85), _DELAYS),
    Row("delay of an item, async", ASYNC, *_ASYNC_DELAY, "µs p50", _ours(floor=0.85), _DELAYS),
    Row("delay of an item, async, the slowest", ASYNC, *_ASYNC_DELAY, "µs p99", _ours(floor=0.85), _DELAYS),
    Row("time to the first item", SYNC, "first_item", (200,), "µs p50", _ours(floor=1.0)),
    # Calls
    Row("chat in one piece, sync", SYNC, "calls", ("chat", 300), "µs", _ours(floor=0.50)),
    Row("chat in one piece, async", ASYNC, "async_calls", ("async_chat", 300), "µs", _ours(floor=0.45)),
    Row("chat of 50 messages and 10 tools", WHOLE, "calls", ("agent_chat", 200), "µs", _ours(floor=0.60)),
    Row("a call beside 100 idle connections, over alone", OURS, "beside_idle", (100, 200), "x", _each(1.15), (3, 2)),
    Row("a call beside 1,000 open streams, over alone", OURS, "beside_open", (1000, 100), "x", _each(1.15), (3, 2), USUALLY),
    # Many streams
    Row("opening one of 1,000 streams", *_OPEN, "µs", _ours(floor=0.35), _ONCE, USUALLY),
    Row("memory of one of 1,000 open streams", *_OPEN, "kB", _ours(floor=0.60), _ONCE, USUALLY),
    Row("opening 10,000 streams at once", *_MOST, "s", _ours(aiohttp=1.2), _ONCE, USUALLY),
    Row("errors of that", *_MOST, "errors", _each(0), _ONCE, USUALLY),
    Row("connections of 1,000 calls beside 500 streams", ("aiohttp", "ours"), "connections", (500, 1000, 10), "opened",
        _each(10), _ONCE),
    # Large replies
    Row("embed, 256 x 1024 floats", WHOLE, "calls", ("embed", 10), "ms", _ours(floor=1.10)),
    Row("the same, into NumPy", ("floor", "ours"), "calls", ("embed_array", 10), "ms", _ours(floor=0.95)),
    Row("the same as base64 of /v1, into NumPy", ("floor", "ours"), "calls", ("v1_embed_array", 10), "ms",
        _ours(floor=0.30)),
    Row("list 100 models", WHOLE, "calls", ("list_models", 100), "ms", _ours(floor=1.60)),
    # Policies
    Row("chat with every policy on", _POLICIES, "calls", ("chat", 300), "µs",
        (Goal("policies", 1.25, "ours"), Goal("policies", 0.95, "floor")), (4, 8)),
    # The goal allows only the difference between two measurements of the same work.
    Row("NDJSON item with every policy on", GROWING, "stream", ("ndjson", 10_000), "µs",
        (Goal("policies", 1.05, "ours"),), (4, 5)),
    # Telemetry. Two thirds of what it takes is OpenTelemetry's own; no model answers a call in 100 ms.
    Row("a call of 100 items in 100 ms, traced over not", ("traced",), "traced_call", (1000, 100), "x",
        (Goal("traced", 1.05),), (10, 3)),
    Row("chat with spans and metrics", ("ours", "traced"), "calls", ("chat", 300), "µs", (Goal("traced", 3.5, "ours"),), (4, 5)),
    Row("chat with spans and metrics: Python calls", ("ours", "traced"), "call_counts", (50,), "python",
        (Goal("traced", 3.75, "ours"),), (1, 1)),
    Row("an item with spans and metrics: Python calls", ("ours", "traced"), "item_counts", (200, 60), "python",
        (Goal("traced", 1.25, "ours"),), (1, 1)),
    # Counts
    *(
        Row(f"{name}: {what}", columns, kind, work, what.partition(" ")[0].lower(), goals, (1, 1))
        for name, columns, kind, work, most_system, most_python in (
            ("an item, sync", SYNC, "item_counts", (200, 60), 1.05, 0.5),
            ("an item, async", ASYNC, "async_item_counts", (100, 100), 2.05, 0.5),
            ("a chat, sync", SYNC, "call_counts", (50,), 3, 0.5),
            ("a chat, async", ASYNC, "async_call_counts", (50,), 5, 0.5),
        )
        for what, goals in (("system calls", _each(most_system)), ("Python calls", _ours(floor=most_python)))
    ),
)  # fmt: skip

_COUNTS = _streams_of(
    (1_000, (20, 3), ALWAYS), (10_000, (5, 3), ALWAYS), (50_000, (2, 2), USUALLY), (1_000_000, (1, 2), FULL)
)
_LENGTHS = ((10_000, 2_000, ALWAYS), (1_000_000, 40, ALWAYS), (10_000_000, 8, USUALLY))
_A_KB = _items_of("µs/kB", "a kB of an item of", *_LENGTHS)
# About 2,000 items a second in all, so that a round of the event loop finds about as many. A stream of the most has six items: its
# task, its timer and the garbage collector's look at it come once, and would be half the cost of two items.
_STREAMS = tuple(
    Row(f"an item in {streams:,} streams", OURS, "async_paced", (rate, items, streams), "µs", (), (1, 1), runs)
    for streams, rate, items, runs in (
        (100, 20, 20, ALWAYS), (1_000, 2, 6, USUALLY), (10_000, 0.2, 6, FULL)
    )
)  # fmt: skip
_OPENING = tuple(
    Row(f"opening one of {streams:,}", OURS, "open_streams", (streams,), "µs", (), _ONCE, runs)
    for streams, runs in ((100, ALWAYS), (1_000, USUALLY), (10_000, FULL))
)
_HOSTS = tuple(
    Row(f"a chat with {count} hosts", ("policies",), "hosts", (count, 200), "µs", (), (3, 2)) for count in (1, 10, 100)
)

GROWTH = (
    *_COUNTS,
    Spread("one item, largest over smallest", _COUNTS, _each(1.5)),
    *_items_of("µs", "an item of", (100, 20_000, ALWAYS), *_LENGTHS),
    *_A_KB,
    # Blocks of 10 MB are allocated from the kernel each time, hence 3. Quadratic cost would exceed it by far.
    Spread("a kB, largest over smallest", _A_KB, _each(3)),
    *_STREAMS,
    Spread("an item in many streams, largest over smallest", _STREAMS, _each(2), runs=USUALLY),
    *_OPENING,
    Spread("opening a stream, largest over smallest", _OPENING, _each(2), runs=USUALLY),
    Row("a call beside 1,000 idle connections, over alone", OURS, "beside_idle", (1000, 200), "x", _each(1.15), (3, 1), USUALLY),
    *_HOSTS,
    Spread("a chat with many hosts, largest over smallest", _HOSTS, (Goal("policies", 2),)),
    # The text that collect() returns is 12 MB of the million items.
    *(
        Row(f"peak memory of {count:,} items over 10,000", OURS, "stream_memory", (count,), "MB", _each(most), (1, 1), runs)
        for count, most, runs in ((50_000, 1, ALWAYS), (1_000_000, 13, FULL))
    ),
    *(
        Row(f"{unit} left behind by {count:,} requests", OURS, "leak", (count,), unit, _each(most), (1, 1), runs)
        for count, runs in ((600, ALWAYS), (10_000, USUALLY))
        for unit, most in (("MB", 1), ("objects", 100), ("files", 0))
    ),
    Row("peak memory of sending an image of 8 MB", OURS, "image", (8_000_000,), "copies", _each(3), (1, 1)),
    *(
        Row(f"peak memory of uploading {size:,} MB", OURS, "blob", (size * 1_000_000,), "MB", _each(4), (1, 1), runs)
        for size, runs in ((128, ALWAYS), (2_000, USUALLY))
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
        runs: Which measurements are taken; of ``ALWAYS`` alone, in fewer rounds.
        absent: Clients that cannot be measured.
    """

    def __init__(self, url: str, compiled: str, *, runs: int = USUALLY, absent: Iterable[str] = ()) -> None:
        self._url = url
        # Ignore proxies of the environment and of the system.
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        # Modules are compiled once for all processes, as an installer does.
        compiling = {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
        self._environment = {**environment, **compiling, "NO_PROXY": "*"}
        self._compiled = Path(compiled)
        self._runs = runs
        self._absent = frozenset(absent)
        self._taken: dict[tuple[object, ...], tuple[dict[str, dict[str, float]], dict[str, str]]] = {}

    def take(self, kind: str, client: str, rounds: int, *work: object) -> dict[str, float]:
        """Take one measurement in a fresh process that found all its modules compiled.

        One that compiles modules takes longer to start. And what it frees afterwards stays with the process, so that later it
        asks the system for less memory, and less often: large reads cost half as much, and a stream less memory.

        Raises:
            MeasurementError: It failed or took too long.
        """
        while True:
            before = self._count_compiled()
            taken = self._take(kind, client, rounds, *work)
            if self._count_compiled() == before:
                return taken

    def _count_compiled(self) -> int:
        return sum(1 for _ in self._compiled.rglob("*.pyc"))

    def _take(self, kind: str, client: str, rounds: int, *work: object) -> dict[str, float]:
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
        every = [self._row(row) for row in spread.rows if row.runs <= self._runs]
        failed = {client: why for found in every for client, why in found.failed.items()}
        series = {
            client: [found.figures[client] for found in every] for client in every[0].figures if client not in failed
        }
        return Result({client: max(figures) / min(figures) for client, figures in series.items()}, failed)

    def _least(self, row: Row) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
        """Return the minimum of every client, or the maximum of what may not happen at all; the clients take turns so that a slow minute of the machine affects all."""
        key = (row.kind, *row.work, row.clients, row.effort)
        if key not in self._taken:
            rounds, processes = row.effort
            if self._runs == ALWAYS:
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
                client: {
                    name: (max if name in WORST else min)(result[name] for result in results) for name in results[0]
                }
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
    print(f"{'':52}{'':8}" + "".join(f"{column:>10}" for column in columns) + "   goals")
    shown: list[dict[str, Any]] = []
    for row in rows:
        figures, failed = bench.result(row)
        verdicts = [judge(goal, figures) for goal in row.goals]
        cells = "".join(
            f"{figures[c]:10.4g}" if c in figures else f"{'failed' if c in failed else '':>10}" for c in columns
        )
        print(f"{row.name:52}{row.unit:>8}{cells}   {'; '.join(map(_describe, verdicts))}", flush=True)
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
    packages = ("ollama-sdk", "httpx", "httpcore", "h11", "httptools", "orjson", "attrs", "anyio", "aiohttp", "numpy")
    packages += ("ollama", "openai", "opentelemetry-sdk")
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
    effort = parser.add_mutually_exclusive_group()
    for option, runs, text in (
        ("--quick", ALWAYS, "fewer rounds, less growth: about a minute"),
        ("--full", FULL, "also a million items and 10,000 streams"),
    ):
        effort.add_argument(option, dest="runs", action="store_const", const=runs, default=USUALLY, help=text)
    parser.add_argument("--only", default="", metavar="TEXT", help="only the measurements whose names contain it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    arguments = parser.parse_args()
    arguments.clients, arguments.growth = (
        [row for row in rows if arguments.only in row.name and row.runs <= arguments.runs] for rows in (CLIENTS, GROWTH)
    )
    if not arguments.clients and not arguments.growth:
        names = "\n  ".join(row.name for row in (*CLIENTS, *GROWTH) if row.runs <= arguments.runs)
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
        bench = Bench(url, compiled, runs=arguments.runs, absent=absent)
        if arguments.clients:
            rows["table"] = table(bench, arguments.clients, COLUMNS)
            print(
                "\nCPU time of the client's process, the minimum of several rounds. Elapsed time: start-up, delays, the time to the"
                " first item, and 10,000 streams.\n"
            )
        if arguments.growth:
            print("What must not grow:\n")
            rows["growth"] = table(bench, arguments.growth, GROWING)
    verdicts = [goal["met"] for row in (*rows["table"], *rows["growth"]) for goal in row["goals"]]
    failed = any(row["failed"] for row in (*rows["table"], *rows["growth"]))
    met = not failed and False not in verdicts
    if arguments.json:
        result = {"machine": versions, "quick": arguments.runs == ALWAYS, "only": arguments.only, "met": met, **rows}
        arguments.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\n{verdicts.count(True)} goals are met, {verdicts.count(False)} missed, {verdicts.count(None)} not judged.")
    if failed:
        print("Measurements failed: see above.")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
