"""Runs a program on an engine, and does harm to its workers and servers meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from ollama_sdk.testing import Emulator, Fault, Interception

from .emulated import ends_of

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parents[1] / ".venv-engines"
PATIENCE = 600  # seconds; a cluster takes its time to start
FILES = 16
LOOK = 0.02  # seconds between two looks at what is waited for


class Program:
    """A program over rows with an id and a text, which may be started more than once.

    Attributes:
        target: The folder that it writes.
    """

    def __init__(
        self, *command: str, texts: Sequence[str | None], servers: Sequence[Emulator | Served], place: Path
    ) -> None:
        self.target = place / "target"
        self._log = place / "log"
        self._place = place
        source = place / "source"
        source.mkdir()
        for part in range(FILES):
            numbers = range(part, len(texts), FILES)
            table = pa.table({"id": numbers, "text": pa.array([texts[number] for number in numbers], pa.string())})
            pq.write_table(table, source / f"{part}.parquet")
        script, *arguments = command
        urls = [server.url for server in servers]
        python = str(ENVIRONMENT / "bin" / "python")
        self._command = [python, str(HERE / script), *arguments, str(source), str(self.target), *urls]

    def run(self, meanwhile: Callable[[int], object] = lambda pid: None) -> int:
        """Run it to its end, with something else beside it, and return its exit status.

        Args:
            meanwhile: Is called with the id of its process.
        """
        # Sockets in it have paths of a hundred letters at most.
        with tempfile.TemporaryDirectory(prefix="engine-", ignore_cleanup_errors=True) as scratch:
            kept = {name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ}
            environment = kept | {
                "HOME": str(self._place),
                "TMPDIR": scratch,
                "PYTHONPATH": str(HERE.parents[1]),
                "JDK_JAVA_OPTIONS": f"-Djava.io.tmpdir={scratch}",
                "PYSPARK_PYTHON": str(ENVIRONMENT / "bin" / "python"),
                "RAY_USAGE_STATS_ENABLED": "0",
                "HF_HUB_OFFLINE": "1",
            }
            with (
                self._log.open("w") as log,
                subprocess.Popen(
                    self._command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
                ) as process,
            ):
                try:
                    meanwhile(process.pid)
                    return process.wait(PATIENCE)
                finally:
                    if process.poll() is None:
                        kill(process.pid, *descendants(process.pid))

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


def kill(*processes: int) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def descendants(program: int) -> list[int]:
    """The processes under a program."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
    found = [program]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


def sender_of(client_port: int, server_port: int) -> int:
    """The process that sent a request, which is on this machine and has not closed the connection."""
    ends = [f":{port:04X}" for port in (client_port, server_port)]
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    [owned] = [f"socket:[{row[9]}]" for row in rows if [row[1][-5:], row[2][-5:]] == ends]
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if str(descriptor.readlink()) == owned:
                return int(descriptor.parts[2])
    raise LookupError(f"no process has {owned}")


async def until(happened: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    while not happened():
        await asyncio.sleep(LOOK)


class Crew:
    """Answers no request before a number of processes have sent one.

    Attributes:
        members: The processes.
    """

    def __init__(self, size: int, servers: list[Emulator]) -> None:
        self.members: set[int] = set()
        self._size = size
        for server in servers:
            server.faults.add(Fault("wait for the others", self._wait), when=lambda _: not self._complete())

    def _complete(self) -> bool:
        return len(self.members) >= self._size

    async def _wait(self, interception: Interception) -> None:
        self.members.add(sender_of(*ends_of(interception)))
        await until(self._complete)
        await interception.proceed()


class Served:
    """An emulator in a process of its own, which may be killed and started again on the same port.

    Attributes:
        url: Its address.
        pids: Its processes, one after the other.
    """

    def __init__(self, judge: int) -> None:
        self._judge = judge
        self._kept = (
            socket.socket()
        )  # does not listen; as long as it is bound the system gives the port to nothing else
        self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._kept.bind(("127.0.0.1", 0))
        self._port = self._kept.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.pids: list[int] = []
        self.start()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, "-m", "tests.engines.emulated", str(self._port), str(self._judge)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=HERE.parents[1], stdin=pipe, stdout=pipe)
        self.pids.append(self._process.pid)
        assert self._process.stdout.readline() == b"listens\n"

    def kill(self) -> None:
        """Kill its process (SIGKILL): the system resets its connections."""
        with self._process:
            self._process.kill()

    def stop(self) -> None:
        self.kill()
        self._kept.close()


class Chaos:
    """Three servers that are processes of their own: kills a worker that has sent a request, kills each server twice and starts it
    again, and injects 503s, cut replies and resets.

    The servers leave too many requests without an answer for the program to end before that.

    Attributes:
        servers: The servers.
        injected: The faults that there were.
        killed: The worker.
        outages: How often a server was killed.
    """

    def __init__(self, *, kills: bool = True, outages: int = 6) -> None:
        self.injected: set[str] = set()
        self.killed: int | None = None
        self.outages = 0
        self._kills = kills
        self._planned = outages
        self._faults = {3: "status 503", 10: "cut", 17: "reset"}
        self._numbers = itertools.count()
        self._begun = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._judge = _Judge(self._verdict)
        self.servers = [Served(self._judge.server_address[1]) for _ in range(3)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._begun.set()
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()
        for server in self.servers:
            server.stop()
        self._judge.stop()

    def start(self, _: int) -> None:
        self._thread.start()

    def _verdict(self, client_port: int, server_port: int) -> str:
        """What a server does with a request, in a thread of its own: the name of a fault, or nothing."""
        number = next(self._numbers)
        fault = self._faults.get(number % 20)
        if fault is not None:
            self.injected.add(fault)
            return fault
        if number == 20:
            self.killed = sender_of(client_port, server_port) if self._kills else None
            self._begun.set()
        if number == 20 or number > 150:
            self._over.wait()
        return ""

    def _run(self) -> None:
        self._begun.wait()
        if self.killed is not None:
            kill(self.killed)
        for server in itertools.islice(itertools.cycle(self.servers), self._planned):
            if self._over.is_set():
                return
            server.kill()
            self.outages += 1
            self._over.wait(0.5)
            server.start()
            self._over.wait(0.5)
        self._over.set()


class _Judge(socketserver.ThreadingTCPServer):
    """Answers what servers in other processes ask about their requests."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, verdict: Callable[[int, int], str]) -> None:
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):  # the server was killed
                    client_port, server_port = map(int, self.rfile.readline().split())
                    self.wfile.write(f"{verdict(client_port, server_port)}\n".encode())

        super().__init__(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class Gauge:
    """Counts the requests in flight. As soon as there are as many as expected it kills their senders.

    Attributes:
        most: How many there were at most.
        killed: The senders.
    """

    def __init__(self, expected: int, servers: list[Emulator]) -> None:
        self.most = 0
        self.killed: set[int] = set()
        self._expected = expected
        self._now = 0
        self._senders: set[int] = set()
        self._lock = threading.Lock()
        for server in servers:
            server.faults.add(Fault("count", self._count))

    async def _count(self, interception: Interception) -> None:
        if not self.killed:
            self._senders.add(sender_of(*ends_of(interception)))
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            if self._now == self._expected and not self.killed:
                self.killed = set(self._senders)
                kill(*self.killed)
        try:
            await until(lambda: bool(self.killed))
            await asyncio.sleep(0.05)
        finally:  # before the answer, after which the client may send the next, and when the client is gone
            with self._lock:
                self._now -= 1
        await interception.proceed()
