"""Engines run the steps of ollama_sdk.batch: each row comes out once, with the right value, whatever is killed meanwhile.

`make test-engines` installs the engines and runs this. The programs are those of the page "Embeddings at scale".
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ollama_sdk.testing import Emulator, Fault
from ollama_sdk.testing._model.embeddings import embedding

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parents[1] / ".venv-engines"
PATIENCE = 600  # seconds; a cluster takes its time to start
ROWS = {"embed": int(os.environ.get("ENGINE_EMBEDS", "20000")), "label": int(os.environ.get("ENGINE_CHATS", "2000"))}
FILES = 16
DIMENSIONS = 8
TOO_LONG, NULL = 13, 14  # rows with a text beyond the context of the model, and with none
# The command line of a process that runs a step. A worker that is lost fails the whole map of Hugging Face datasets.
WORKERS = {"ray": rb"^ray::", "dask": rb"multiprocessing\.spawn", "spark": rb"pyspark\.daemon"}

pytestmark = pytest.mark.skipif(not ENVIRONMENT.exists(), reason="make test-engines installs the engines")


def text_of(number: int) -> str | None:
    return {TOO_LONG: "word " * 5000, NULL: None}.get(number, f"text number {number}")


@pytest.fixture
def servers() -> Iterator[list[Emulator]]:
    with ExitStack() as running:
        servers = [running.enter_context(Emulator()) for _ in range(3)]
        for server in servers:
            server.models.add("all-minilm", capabilities=["embedding"], embedding_length=DIMENSIONS)
            server.models.add("llama3.2")
            server.reply(_label)
        yield servers


def _label(prompt) -> str:
    number = int(re.search(r"\d+", prompt.messages[-1]["content"] + " 0")[0])
    return json.dumps({"label": "even" if number % 2 == 0 else "odd", "number": number})


class Program:
    """A program over the rows of a kind of work, which may be started more than once."""

    def __init__(self, script: str, *arguments: str, rows: int, servers: list[Emulator], place: Path) -> None:
        self.target = place / "target"
        self._log = place / "log"
        self._place = place
        source = place / "source"
        source.mkdir()
        for part in range(FILES):
            numbers = range(part, rows, FILES)
            table = pa.table({"id": numbers, "text": pa.array(map(text_of, numbers), pa.string())})
            pq.write_table(table, source / f"{part}.parquet")
        paths = [str(source), str(self.target)]
        urls = [server.url for server in servers]
        self._command = [str(ENVIRONMENT / "bin" / "python"), str(HERE / script), *arguments, *paths, *urls]

    def run(self, meanwhile: Callable[[subprocess.Popen[bytes]], object] = lambda _: None) -> int:
        """Run it to its end, with something else beside it, and return its exit status."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._place),
            "PYTHONPATH": str(HERE.parents[1]),
            "PYSPARK_PYTHON": str(ENVIRONMENT / "bin" / "python"),
            "RAY_USAGE_STATS_ENABLED": "0",
            "HF_HUB_OFFLINE": "1",
        } | {name: os.environ[name] for name in ("JAVA_HOME", "RAY_TMPDIR") if name in os.environ}
        with (
            self._log.open("w") as log,
            subprocess.Popen(
                self._command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            ) as process,
        ):
            try:
                meanwhile(process)
                return process.wait(PATIENCE)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def finished(self) -> list[Path]:
        """The files that say which rows a restart leaves out: those of ids on Ray, else the rows themselves."""
        ids = self.target.with_name(f"{self.target.name}.ids")
        files = (ids if ids.exists() else self.target).glob("*.parquet")
        return [file for file in files if ".pending" not in file.name]

    def written(self) -> list[dict]:
        """The rows that it wrote, ordered by id."""
        return sorted(pq.read_table(self.target).to_pylist(), key=lambda row: row["id"])

    def log(self) -> str:
        """The end of what it said."""
        return self._log.read_text()[-6000:]


def run(engine: str, work: str, servers: list[Emulator], place: Path, chaos: Chaos | None = None) -> list[dict]:
    program = Program(f"with_{engine}.py", work, rows=ROWS[work], servers=servers, place=place)
    try:
        status = program.run(lambda process: chaos and chaos.start(process.pid))
    finally:
        if chaos is not None:
            chaos.stop()
    assert status == 0, program.log()
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


class Chaos:
    """Kills a worker of the engine, takes servers down and up again, and injects 503s, resets and cut replies."""

    def __init__(self, engine: str, servers: list[Emulator]) -> None:
        self.killed: list[int] = []
        self._worker = WORKERS.get(engine)
        self._servers = servers
        self._over = threading.Event()

    def start(self, program: int) -> None:
        for server in self._servers:
            server.faults.add(Fault.status(503), share=0.05)
            server.faults.add(Fault.cut(clean=False), share=0.05)
            server.faults.add(Fault.reset(), share=0.05)
            # Slow enough for the engine to be in the middle of its work when a worker is killed.
            server.faults.add(Fault.delay(0.2), share=0.2)
        self._thread = threading.Thread(target=self._run, args=(program,))
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self, program: int) -> None:
        while sum(len(server.requests) for server in self._servers) < 20 and not self._over.wait(0.02):
            pass
        if self._worker is not None and not self._over.is_set():
            self.killed = [pid for pid in _descendants(program) if re.search(self._worker, _command(pid))][-1:]
            for pid in self.killed:
                os.kill(pid, signal.SIGKILL)
        for server in self._servers * 2:
            server.down()
            self._over.wait(0.5)
            server.up()
            self._over.wait(0.5)


def _descendants(program: int) -> list[int]:
    """The processes under a program, in the order in which they began."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
    found = [program]
    for pid in found:
        found += sorted(child for child, parent in parents.items() if parent == pid)
    return found[1:]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        return b""


ENGINES = ["ray", "dask", "datasets", "spark"]


@pytest.fixture(autouse=True)
def _needs_java(request: pytest.FixtureRequest) -> None:
    if "spark" in request.node.name and shutil.which("java") is None:
        pytest.skip("java is not on the PATH: not tested: Spark")


@pytest.mark.parametrize("engine", ENGINES)
def test_embeddings_of_many_rows(engine: str, servers: list[Emulator], tmp_path: Path):
    check("embed", run(engine, "embed", servers, tmp_path))
    assert all(len(server.requests) > 0 for server in servers)
    if engine == "ray":  # a file is written by each task: as many as keep four workers busy
        assert len(list((tmp_path / "target").glob("*.parquet"))) >= 4


@pytest.mark.parametrize("engine", ENGINES)
def test_answers_with_a_schema(engine: str, servers: list[Emulator], tmp_path: Path):
    check("label", run(engine, "label", servers, tmp_path))


@pytest.mark.parametrize("engine", ENGINES)
def test_no_row_is_lost_or_doubled_when_workers_and_servers_die(engine: str, servers: list[Emulator], tmp_path: Path):
    chaos = Chaos(engine, servers)
    check("embed", run(engine, "embed", servers, tmp_path, chaos))
    assert len(chaos.killed) == (engine in WORKERS)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_driver_that_was_killed_goes_on_where_it_stopped(engine: str, servers: list[Emulator], tmp_path: Path):
    rows = ROWS["embed"] // 4
    for server in servers:
        server.faults.add(Fault.delay(0.3))
    program = Program(f"resume_{engine}.py", rows=rows, servers=servers, place=tmp_path)

    def kill_half_way(process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + PATIENCE
        while len(program.finished()) < 3 and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        workers = _descendants(process.pid)
        for pid in [process.pid, *workers]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    assert program.run(kill_half_way) == -signal.SIGKILL, program.log()
    finished = {number for file in program.finished() for number in pq.read_table(file)["id"].to_pylist()}
    assert 0 < len(finished) < rows
    for server in servers:
        server.requests.clear()
        server.faults.clear()
    assert program.run() == 0, program.log()
    check("embed", program.written(), rows)
    sent = [text for server in servers for request in server.requests for text in request.json["input"]]
    again = {int(re.search(r"\d+", text)[0]) for text in sent if "number" in text}
    assert not again & finished
