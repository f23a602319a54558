"""Measures how well a step of ollama_sdk.batch keeps hosts busy, what a row costs, and whether memory stays flat.

Run ``python benchmarks/batch.py``; ``--memory`` runs a million rows through ``map_rows`` instead. Three hosts in processes of their own
answer with prepared bytes after a fixed service time, each so many requests at once and the rest in the order of their arrival. So the
hosts set the pace, and a client that leaves one idle shows. The limit is the same requests over bare sockets, in as many threads.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ollama_sdk import Failover
from ollama_sdk.batch import Embed, map_rows

HOSTS, PARALLEL, PER_REQUEST = 3, 4, 16
MODEL = "all-minilm"
TEXT = "A sentence of about the usual length, number"
Work = Callable[[list[str], list[str], int], None]


async def serve(seconds: float, dimensions: int) -> None:
    """Be a host, until the end of the input."""
    vector = [round(random.uniform(-1, 1), 8) for _ in range(dimensions)]
    body = json.dumps({"model": MODEL, "embeddings": [vector] * PER_REQUEST}, separators=(",", ":")).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    reply = head % len(body) + body
    permits = asyncio.Semaphore(PARALLEL)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with ExitStack() as open_until_here:
            open_until_here.callback(writer.close)
            while request := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(int(request.lower().partition(b"content-length:")[2].split()[0]))
                async with permits:
                    await asyncio.sleep(seconds)
                writer.write(reply)

    async def answer_until_gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    server = await asyncio.start_server(answer_until_gone, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


@contextmanager
def hosts(count: int, seconds: float, dimensions: int) -> Iterator[list[str]]:
    command = [sys.executable, str(Path(__file__)), "--serve", str(seconds), str(dimensions)]
    with ExitStack() as running:
        processes = [
            running.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(count)
        ]
        running.callback(lambda: [process.kill() for process in processes])
        yield [f"http://127.0.0.1:{process.stdout.readline().strip()}" for process in processes if process.stdout]


def ours(texts: list[str], urls: list[str], in_flight: int) -> None:
    client = {"host": urls, "failover": Failover("least_busy")}
    made = Embed(MODEL, client=client, per_request=PER_REQUEST, in_flight=in_flight)({"text": texts})
    assert not any(made["error"]), next(filter(None, made["error"]))


def our_map_rows(texts: list[str], urls: list[str], in_flight: int) -> None:
    client = {"host": urls, "failover": Failover("least_busy")}
    step = Embed(MODEL, client=client, per_request=PER_REQUEST, in_flight=in_flight)
    assert not any(row["error"] for row in map_rows(({"text": text} for text in texts), step))


def naive(texts: list[str], urls: list[str], in_flight: int) -> None:
    """The loop that people write: the published package in a pool of threads, hosts in turn."""
    import ollama

    clients = itertools.cycle([ollama.Client(url) for url in urls])
    with ThreadPoolExecutor(in_flight) as pool:
        list(pool.map(lambda part: next(clients).embed(MODEL, part), groups(texts)))


def limit(texts: list[str], urls: list[str], in_flight: int) -> None:
    """Prepared bytes over a socket for each thread; replies are read and not decoded."""
    body = json.dumps({"model": MODEL, "input": texts[:PER_REQUEST]}).encode()
    request = b"POST /api/embed HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    parts = iter(range(len(texts) // PER_REQUEST))

    def run(url: str) -> None:
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as connection:
            for _ in parts:
                connection.sendall(request)
                received = b""
                while b"\r\n\r\n" not in received:
                    received += connection.recv(1 << 18)
                head, _, start = received.partition(b"\r\n\r\n")
                left = int(head.partition(b"content-length: ")[2].split()[0]) - len(start)
                while left:
                    left -= len(connection.recv(1 << 18))

    with ThreadPoolExecutor(in_flight) as pool:
        list(pool.map(run, itertools.islice(itertools.cycle(urls), in_flight)))


def groups(texts: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), PER_REQUEST):
        yield texts[start : start + PER_REQUEST]


CONTENDERS: dict[str, Work] = {
    "limit: bare sockets": limit,
    "ours, a batch": ours,
    "ours, map_rows": our_map_rows,
    "ollama in threads": naive,
}


def compare(rows: int, seconds: float, dimensions: int, counts: list[int]) -> None:
    texts = [f"{TEXT} {number}" for number in range(rows)]
    print(
        f"{rows:,} rows, {PER_REQUEST} a request, {dimensions} dimensions, {seconds:g} s a request, {PARALLEL} at once a host"
    )
    print(f"{'':22}{'hosts':>6}{'in flight':>11}{'rows/s':>9}{'of ideal':>10}{'CPU µs/row':>12}")
    for count in counts:
        ideal = count * PARALLEL * PER_REQUEST / seconds
        for times in (1, 2):
            in_flight = times * count * PARALLEL
            for name, work in CONTENDERS.items():
                with hosts(count, seconds, dimensions) as urls:
                    work(texts[: 4 * PER_REQUEST], urls, in_flight)  # imports and connections
                    began, used = time.perf_counter(), time.process_time()
                    work(texts, urls, in_flight)
                    rate, cpu = rows / (time.perf_counter() - began), (time.process_time() - used) / rows
                print(f"{name:22}{count:6}{in_flight:11}{rate:9,.0f}{rate / ideal:10.1%}{cpu * 1e6:12.1f}", flush=True)


def memory(rows: int, dimensions: int) -> None:
    def resident() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

    with hosts(HOSTS, 0.0, dimensions) as urls:
        client = {"host": urls, "failover": Failover("least_busy")}
        step = Embed(MODEL, client=client, per_request=PER_REQUEST, in_flight=HOSTS * PARALLEL)
        began = time.perf_counter()
        for done, row in enumerate(map_rows(({"text": f"{TEXT} {number}"} for number in range(rows)), step), 1):
            assert row["error"] is None, row["error"]
            if done % (rows // 10) == 0:
                print(
                    f"{done:10,} rows {resident():8.1f} MB {done / (time.perf_counter() - began):9,.0f} rows/s",
                    flush=True,
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, help="how many (7,680; a million with --memory)")
    parser.add_argument("--seconds", type=float, default=0.1, help="service time of a request (0.1)")
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(float(given.serve[0]), int(given.serve[1])))
    elif given.memory:
        memory(given.rows or 1_000_000, given.dimensions)
    else:
        compare(given.rows or 7_680, given.seconds, given.dimensions, given.hosts)


if __name__ == "__main__":
    main()
