"""Engines run the steps of ollama_sdk.batch: each row comes out once, with the right value, whatever is killed meanwhile.

`make test-engines` installs the engines and runs this. The programs are those of the page "Many rows on an engine".
"""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ollama_sdk.testing import Emulator, Fault, Interception
from ollama_sdk.testing._model.embeddings import embedding

from .emulated import DIMENSIONS, set_up
from .programs import ENVIRONMENT, FILES, LOOK, PATIENCE, Chaos, Crew, Gauge, Program, Served, descendants, kill

ROWS = {"embed": int(os.environ.get("ENGINE_EMBEDS", "20000")), "label": int(os.environ.get("ENGINE_CHATS", "2000"))}
PER_REQUEST = 64
TOO_LONG, NULL = 13, 14  # rows with a text beyond the context of the model, and with none
WORKERS = {"ray": 4, "dask": 4, "datasets": 4, "spark": 2, "map_rows": 1}  # processes that run a step at once
REPLACES = {"ray", "dask", "spark"}  # a worker that was killed
RESUMES = ["ray", "dask", "datasets", "spark"]

pytestmark = pytest.mark.skipif(not ENVIRONMENT.exists(), reason="make test-engines installs the engines")


def text_of(number: int) -> str | None:
    return {TOO_LONG: "word " * 5000, NULL: None}.get(number, f"text number {number}")


@pytest.fixture
def servers() -> Iterator[list[Emulator]]:
    with ExitStack() as running:
        servers = [running.enter_context(Emulator()) for _ in range(3)]
        for server in servers:
            set_up(server)
        yield servers


def program_of(*command: str, rows: int, servers: Sequence[Emulator | Served], place: Path) -> Program:
    return Program(*command, texts=[text_of(number) for number in range(rows)], servers=servers, place=place)


def wait_for(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not happened() and time.monotonic() < end:
        time.sleep(LOOK)


def run(engine: str, work: str, servers: list[Emulator], place: Path) -> list[dict]:
    program = program_of(f"with_{engine}.py", work, rows=ROWS[work], servers=servers, place=place)
    assert program.run() == 0, program.log()
    return program.written()


def check(work: str, rows: list[dict], count: int | None = None) -> None:
    """Each row once, its value right, and an error only where the row itself is at fault."""
    assert [row["id"] for row in rows] == list(range(count or ROWS[work]))
    assert {row["id"]: row["error"]["status"] for row in rows if row["error"]} == {TOO_LONG: 400}
    for number, row in enumerate(rows):
        assert row["text"] == text_of(number)
        if work == "label" and number not in {TOO_LONG, NULL}:
            assert (row["label"], row["number"]) == ("odd" if number % 2 else "even", number)
        elif work == "embed":
            vector = None if number in {TOO_LONG, NULL} else pytest.approx(embedding(row["text"], DIMENSIONS))
            assert row["embedding"] == vector


@pytest.fixture(autouse=True)
def _needs_java(request: pytest.FixtureRequest) -> None:
    if "spark" in request.node.name and shutil.which("java") is None:
        pytest.skip("java is not on the PATH: not tested: Spark")


@pytest.mark.parametrize("engine", WORKERS)
def test_processes_embed_many_rows_at_once(engine: str, servers: list[Emulator], tmp_path: Path):
    crew = Crew(WORKERS[engine], servers)
    check("embed", run(engine, "embed", servers, tmp_path))
    assert len(crew.members) >= WORKERS[engine]
    assert all(len(server.requests) > 0 for server in servers)
    if engine == "ray":  # a file is written by each task: as many as keep four workers busy
        assert len(list((tmp_path / "target").glob("*.parquet"))) >= 4


@pytest.mark.parametrize("engine", WORKERS)
def test_answers_with_a_schema(engine: str, servers: list[Emulator], tmp_path: Path):
    check("label", run(engine, "label", servers, tmp_path))


@pytest.mark.parametrize("work", ROWS)
@pytest.mark.parametrize("engine", WORKERS)
def test_no_row_is_lost_or_doubled_when_workers_and_servers_die(engine: str, work: str, tmp_path: Path):
    with Chaos(kills=engine in REPLACES) as chaos:
        program = program_of(f"with_{engine}.py", work, rows=ROWS[work], servers=chaos.servers, place=tmp_path)
        status = program.run(chaos.start)
    assert status == 0, program.log()
    check(work, program.written())
    assert (chaos.killed is not None) == (engine in REPLACES)
    assert chaos.outages == 6
    assert [len(set(server.pids)) for server in chaos.servers] == [3, 3, 3]  # started, and twice again
    assert chaos.injected == {"status 503", "cut", "reset"}


def test_a_worker_that_is_lost_fails_the_map_of_datasets(tmp_path: Path):
    with Chaos(outages=0) as chaos:
        program = program_of("with_datasets.py", "embed", rows=ROWS["embed"], servers=chaos.servers, place=tmp_path)
        status = program.run(chaos.start)
    assert status == 1
    assert "abruptly died" in program.log()


def test_ray_holds_one_limit_over_all_workers_also_when_they_die(servers: list[Emulator], tmp_path: Path):
    gauge = Gauge(6, servers)
    program = program_of("limit_ray.py", rows=ROWS["embed"], servers=servers, place=tmp_path)
    assert program.run() == 0, program.log()
    check("embed", program.written())
    assert len(gauge.killed) > 0  # with all permits, which lapsed
    assert gauge.most == 6


def test_blocks_of_ray_in_which_all_rows_fail_have_the_types_of_others(servers: list[Emulator], tmp_path: Path):
    bad = {0: TOO_LONG, 2: TOO_LONG, 4: NULL}  # files of the source, by the remainder of ids
    texts = [text_of(bad.get(number % FILES, number + 100)) for number in range(20 * FILES)]
    program = Program("types_ray.py", texts=texts, servers=servers, place=tmp_path)
    assert program.run() == 0, program.log()
    for kind in ("pandas", "pyarrow"):  # of their files any reader makes one table
        rows = pq.read_table(tmp_path / "target" / kind).sort_by("id").to_pylist()
        assert {row["id"] % FILES for row in rows if row["embedding"] is None} == set(bad)
        assert {row["id"] % FILES for row in rows if row["error"] is not None} == {0, 2}


@pytest.mark.parametrize("engine", RESUMES)
def test_a_driver_that_was_killed_goes_on_where_it_stopped(engine: str, servers: list[Emulator], tmp_path: Path):
    rows = ROWS["embed"] // 4
    for server in servers:
        server.faults.add(Fault.delay(0.3))
    program = program_of(f"resume_{engine}.py", rows=rows, servers=servers, place=tmp_path)

    stalled = threading.Event()

    async def stall(_: Interception) -> None:
        stalled.set()
        await asyncio.Event().wait()

    def kill_half_way(driver: int) -> None:
        wait_for(lambda: len(program.finished()) >= 3)
        servers[0].faults.clear()
        servers[0].faults.add(Fault("stall", stall), times=1)
        wait_for(stalled.is_set)
        # Of the two tasks of a slice of Spark one waits now, and the other leaves its rows here, not yet published.
        wait_for(lambda: engine != "spark" or any(program.target.glob("_temporary/0/task_*")))
        kill(driver, *descendants(driver))

    assert program.run(kill_half_way) == -9, program.log()
    finished = {number for file in program.finished() for number in pq.read_table(file)["id"].to_pylist()}
    assert 0 < len(finished) < rows
    for server in servers:
        server.requests.clear()
        server.faults.clear()
    assert program.run() == 0, program.log()
    check("embed", program.written(), rows)
    sent = Counter(text for server in servers for request in server.requests for text in request.json["input"])
    assert set(sent) == {text_of(number) for number in set(range(rows)) - finished} - {None}
    # Only the request with the text that is too long was split.
    assert sum(times > 1 for times in sent.values()) <= PER_REQUEST
