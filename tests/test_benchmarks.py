"""The benchmarks judge every goal, and report each failed measurement without losing the others."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import subprocess
import sys
import time
from pathlib import Path

import anyio
import orjson
import pytest

from tests.support.loopback import END, Loopback, chunked, replies, whole

ROOT = Path(__file__).parents[1]
COST = {
    "limit": 0.1,
    "floor": 4.0,
    "aiohttp": 2.0,
    "ollama": 9.0,
    "openai": 9.0,
    "ours": 1.0,
    "policies": 1.0,
    "traced": 1.0,
}


def _measure_well(kind, client, rounds, *work):
    """Return a measurement that meets every goal."""
    counts = dict.fromkeys(("copies", "times", "connections", "system"), 1) | dict.fromkeys(
        ("objects", "files", "errors"), 0
    )
    costs = ("seconds", "seconds_a_kb", "bytes", "elapsed", "p50", "p99", "python")
    return dict.fromkeys(costs, COST[client]) | counts


@pytest.fixture
def bench(monkeypatch):
    """The module, without its server."""
    monkeypatch.syspath_prepend(str(ROOT))
    module = importlib.import_module("benchmarks.__main__")
    monkeypatch.setattr(module.server, "running", lambda: contextlib.nullcontext("http://127.0.0.1:1"))
    return module


@pytest.fixture
def run(bench, monkeypatch, tmp_path):
    """Runs the bench with measurements from ``take``; returns its exit code and the figures it writes."""

    def run(*arguments, take=_measure_well):
        file = tmp_path / "figures.json"
        monkeypatch.setattr(bench.Bench, "take", lambda _, *what: take(*what))
        monkeypatch.setattr(sys, "argv", ["benchmarks", "--json", str(file), *arguments])
        return bench.main(), json.loads(file.read_text(encoding="utf-8"))

    return run


def _rows(figures):
    return {row["measurement"]: row for row in (*figures["table"], *figures["growth"])}


# Goals


def test_run_that_meets_every_goal_judges_every_goal(run, capsys):
    code, figures = run("--full")
    goals = [goal for row in _rows(figures).values() for goal in row["goals"]]
    assert (code, figures["met"], figures["quick"]) == (0, True, False)
    assert f"{len(goals)} goals are met, 0 missed, 0 not judged" in capsys.readouterr().out


@pytest.mark.parametrize("effort", [[], ["--quick"]], ids=["whole", "quick"])
@pytest.mark.parametrize(
    ("measurement", "kind", "worse"),
    [
        ("one item, largest over smallest", "stream", lambda _, items, length=12: {"seconds": items}),
        ("connections of 1,000 calls beside 500 streams", "connections", lambda *_: {"connections": 11}),
        ("a call beside 100 idle connections, over alone", "beside_idle", lambda *_: {"times": 1.2}),
        ("an item, async: system calls", "async_item_counts", lambda *_: {"system": 4}),
        ("a kB, largest over smallest", "stream", lambda _, items, length=12: {"seconds_a_kb": length}),
        ("peak memory of 50,000 items over 10,000", "stream_memory", lambda items: {"bytes": items * 100}),
        ("MB left behind by 600 requests", "leak", lambda count: {"bytes": 2e6}),
        ("objects left behind by 600 requests", "leak", lambda count: {"objects": count}),
        ("files left behind by 600 requests", "leak", lambda count: {"files": 1}),
        ("peak memory of sending an image of 8 MB", "image", lambda size: {"copies": 3.1}),
        ("peak memory of uploading 128 MB", "blob", lambda size: {"bytes": size}),
    ],
)
def test_growth_misses_its_goal(run, effort, measurement, kind, worse):
    def take(what, client, rounds, *work):
        return _measure_well(what, client, rounds) | (worse(*work) if (what, client) == (kind, "ours") else {})

    code, figures = run(*effort, take=take)
    assert (code, figures["met"]) == (1, False)
    assert [goal["met"] for goal in _rows(figures)[measurement]["goals"]] == [False]


@pytest.mark.parametrize(
    ("measurement", "kind", "worse"),
    [
        ("an item in many streams, largest over smallest", "async_paced", lambda r, i, streams=1: {"seconds": streams}),
        ("opening a stream, largest over smallest", "open_streams", lambda streams: {"seconds": streams}),
        ("a call beside 1,000 open streams, over alone", "beside_open", lambda *_: {"times": 5}),
        ("errors of that", "open_streams", lambda *_: {"errors": 1}),
    ],
)
def test_growth_with_streams_misses_its_goal(run, measurement, kind, worse):
    def take(what, client, rounds, *work):
        return _measure_well(what, client, rounds) | (worse(*work) if (what, client) == (kind, "ours") else {})

    assert [goal["met"] for goal in _rows(run(take=take)[1])[measurement]["goals"]] == [False]


def test_error_in_one_process_counts_for_all(run):
    errors = iter((1, 0, 0, 0, 0, 0))

    def take(what, client, rounds, *work):
        return _measure_well(what, client, rounds) | ({"errors": next(errors)} if work == (10_000,) else {})

    row = _rows(run("--only", "errors", take=take)[1])["errors of that"]
    assert (row["aiohttp"], row["ours"]) == (1, 0)


def test_full_run_measures_growth_up_to_its_largest_size(run):
    measured = _rows(run("--full")[1])
    assert {
        "one of 1,000,000 items",
        "an item in 10,000 streams",
        "an item of 10,000,000 bytes",
        "files left behind by 10,000 requests",
        "peak memory of uploading 2,000 MB",
    } <= measured.keys()


# What cannot be measured


def test_failed_measurement_leaves_the_others_intact(bench, run, capsys):
    def take(kind, client, rounds, *work):
        if (client, *work) == ("ollama", "embed", 10):
            raise bench.MeasurementError("no such thing")
        return _measure_well(kind, client, rounds)

    code, figures = run(take=take)
    rows = _rows(figures)
    assert (code, figures["met"]) == (1, False)
    assert rows["embed, 256 x 1024 floats"]["failed"] == {"ollama": "no such thing"}
    assert rows["embed, 256 x 1024 floats"]["ours"] == 1000
    assert [name for name, row in rows.items() if row["failed"]] == ["embed, 256 x 1024 floats"]
    assert "embed, 256 x 1024 floats: ollama failed: no such thing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("script", "said"),
    [("raise ValueError('broken')", "broken"), ("raise SystemExit(3)", "exit status 3"), ("while True: pass", "0.3 s")],
)
def test_process_without_result_is_a_measurement_error(bench, monkeypatch, tmp_path, script, said):
    (tmp_path / "measure.py").write_text(script, encoding="utf-8")
    monkeypatch.setattr(bench, "HERE", tmp_path)
    monkeypatch.setattr(bench, "TIMEOUT", 0.3 if "while" in script else 20)
    with pytest.raises(bench.MeasurementError, match=said):
        bench.Bench("http://unused", str(tmp_path)).take("calls", "ours", 1)


def test_process_that_compiles_modules_is_not_counted(bench, monkeypatch, tmp_path):
    script = "import json, pathlib; runs = pathlib.Path(__file__).with_name('runs'); runs.open('a').write('x')\n"
    script += "print(json.dumps({'runs': runs.stat().st_size}))"
    (tmp_path / "measure.py").write_text(script, encoding="utf-8")
    monkeypatch.setattr(bench, "HERE", tmp_path)
    taken = bench.Bench("http://unused", str(tmp_path / "compiled"))
    assert [taken.take("calls", "ours", 1)["runs"] for _ in range(3)] == [2, 3, 4]


@pytest.mark.parametrize(
    ("client", "package"),
    [("openai", "openai"), ("ollama", "ollama"), ("aiohttp", "aiohttp"), ("traced", "opentelemetry-sdk")],
)
def test_missing_package_leaves_its_column_empty(bench, run, monkeypatch, capsys, client, package):
    def version(name):
        if name == package:
            raise bench.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(bench, "version", version)
    code, figures = run()
    assert (code, figures["machine"][package]) == (0, None)
    assert not any(client in row for row in _rows(figures).values())
    assert all({"ours", "policies", "traced"} & row.keys() or client == "traced" for row in _rows(figures).values())
    assert f"The column {client} stays empty: {package} is not installed" in capsys.readouterr().out


def test_without_linux_memory_is_not_measured(bench, run, monkeypatch, capsys):
    monkeypatch.setattr(bench.sys, "platform", "darwin")
    code, figures = run()
    assert code == 0
    assert {row["unit"] for row in _rows(figures).values()}.isdisjoint({"MB", "kB", "copies", "objects", "files"})
    assert "Memory and leaks are not measured" in capsys.readouterr().out


def test_without_linux_start_up_is_timed():
    script = "import sys, measure, pathlib; measure.RECORDS = pathlib.Path('nowhere'); print(*measure.startup('floor', sys.argv[1], 1))"
    with Loopback(replies(whole(b"{}"))) as server:
        done = subprocess.run(
            [sys.executable, "-c", script, server.url],
            env={"PYTHONPATH": str(ROOT / "benchmarks")},
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.split() == ["seconds", "bytes"]


def test_measurements_use_no_proxy(bench, monkeypatch, tmp_path):
    for name in ("http_proxy", "HTTPS_PROXY", "all_proxy", "no_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    script = "import json, urllib.request; print(json.dumps(urllib.request.getproxies_environment()))"
    (tmp_path / "measure.py").write_text(script, encoding="utf-8")
    monkeypatch.setattr(bench, "HERE", tmp_path)
    assert bench.Bench("http://unused", str(tmp_path)).take("calls", "ours", 1) == {"no": "*"}


# What is asked


def test_only_selects_measurements_by_name(run):
    assert _rows(run("--only", "300 concurrent")[1]).keys() == {"item in 300 concurrent bursts"}
    assert _rows(run("--only", "image")[1]).keys() == {"peak memory of sending an image of 8 MB"}


@pytest.mark.parametrize("arguments", [["--only", "nonsense"], ["--quick", "--only", "2,000 MB"]])
def test_only_without_a_match_is_refused(run, capsys, arguments):
    with pytest.raises(SystemExit, match="2"):
        run(*arguments, take=None)
    assert "no measurement's name contains it; there are\n  import" in capsys.readouterr().err


def test_unwritable_file_is_refused_before_measuring(run, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        run("--json", str(tmp_path / "nowhere" / "figures.json"), take=None)
    assert "No such file" in capsys.readouterr().err


# The floor

FRAMES = [b'{"n":%d,"text":"\xc3\xa9"}' % number for number in range(3)]
STREAMS = {
    "ndjson": b"".join(frame + b"\n" for frame in FRAMES),
    "sse": b"".join(b"data: " + frame + b"\n\n" for frame in [*FRAMES, b"[DONE]"]),
}
STREAMS["async_ndjson"] = STREAMS["ndjson"]


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("stream", STREAMS)
def test_floor_decodes_every_item_across_reads(bench, monkeypatch, stream, size):
    monkeypatch.syspath_prepend(str(bench.HERE))
    text = STREAMS[stream]
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    with Loopback(replies(chunked("text/plain", *pieces) + END)) as server:
        floor = importlib.import_module("clients").make("floor", server.url)
        floor._orjson = _Decoding()
        if stream == "async_ndjson":
            anyio.run(_read, floor)
        else:
            getattr(floor, stream)("3x12")
        floor._client.close()
    assert floor._orjson.decoded == [orjson.loads(frame) for frame in FRAMES]


async def _read(floor):
    async with floor.async_client() as client:
        await floor.async_ndjson(client, "3x12")


class _Decoding:
    """Stands in for orjson and keeps what it decodes."""

    dumps = staticmethod(orjson.dumps)

    def __init__(self):
        self.decoded = []

    def loads(self, data):
        self.decoded.append(orjson.loads(data))


# The server and the clients


@pytest.fixture(scope="module")
def served():
    from benchmarks import server

    with server.running() as url:
        yield url


@pytest.fixture
def make(served, bench, monkeypatch):
    """Makes the client of a column, against the server of the benchmarks."""
    monkeypatch.syspath_prepend(str(bench.HERE))
    with contextlib.ExitStack() as made:
        clients = importlib.import_module("clients")
        yield lambda name: made.enter_context(contextlib.closing(clients.make(name, served)))


@pytest.mark.parametrize("name", ["limit", "floor", "ollama", "ours", "policies", "traced"])
def test_client_reads_every_item(make, name):
    client = make(name)
    for _ in range(2):
        with client.open("40000x12") as items:
            texts = [client.text(item) for item in items]
        assert texts == ["x" * 12] * 39_999 + [""]
    client.chat()


@pytest.mark.parametrize("name", ["limit", "floor", "aiohttp", "ollama", "ours", "policies", "traced"])
def test_async_client_reads_every_item(make, name):
    maker = make(name)

    async def read():
        async with maker.async_client() as client:
            await maker.async_chat(client)
            async with maker.async_open(client, "40000x12") as items:
                return [maker.text(item) async for item in items]

    assert asyncio.run(read()) == ["x" * 12] * 39_999 + [""]


@pytest.mark.parametrize("name", ["limit", "floor", "ollama", "ours"])
def test_paced_stream_begins_when_all_are_open(make, name):
    client = make(name)
    with client.open("1000@2") as first:
        items = iter(first)
        next(items)
        opened = time.monotonic_ns()
        with client.open("1000@2") as second:
            next(iter(second))
            sent = [int(client.text(next(items))) for _ in range(3)]
    assert opened < sent[0]
    assert sent[1] - sent[0] >= 1_000_000
    assert sent[2] - sent[1] >= 1_000_000


def test_every_measurement_runs_against_the_server(bench, served, tmp_path):
    taken = bench.Bench(served, str(tmp_path))
    assert taken.take("connections", "aiohttp", 1, 20, 40, 5) == {"connections": 5}
    assert taken.take("item_counts", "limit", 1, 100, 5)["system"] <= 1
    for kind, client, *work in (
        ("async_paced", "ours", 100, 2, 5),
        ("async_delay", "ours", 100, 2),
        ("open_streams", "ours", 5),
        ("beside_idle", "ours", 2, 2),
        ("beside_open", "ours", 2, 2),
        ("hosts", "policies", 1, 2),
        ("async_call_counts", "ours", 2),
        ("first_item", "ours", 2),
        ("traced_call", "traced", 1000, 2),
    ):
        assert all(figure >= 0 for figure in taken.take(kind, client, 1, *work).values())
