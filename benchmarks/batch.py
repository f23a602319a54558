"""Measures how well a step of ollama_sdk.batch keeps hosts busy, what a row costs, and whether memory stays flat.

Run ``python benchmarks/batch.py``. ``--growth`` shows more hosts under one process, and ``--workers`` more processes with two hosts each: of
a pool, of Dask or of Ray, in an environment that has it; ``--memory`` runs a million rows through ``map_rows``; ``--ray`` compares with the
HTTP processor of ``ray.data.llm``.

Three hosts in processes of their own answer with prepared bytes after a fixed service time, each so many requests at once and the rest in
the order of their arrival. So the hosts set the pace, and a client that leaves one idle shows. The limit is the same requests over bare
sockets, in as many threads. Contenders take turns, and the best of some rounds counts, because other work of the machine only adds.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import multiprocessing
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from ollama_sdk import Failover
from ollama_sdk.batch import Embed, map_rows

HOSTS, PARALLEL, PER_REQUEST = 3, 4, 16
GOAL = 0.95  # of ideal, with as much in flight as the hosts serve
MODEL = "all-minilm"
TEXT = "A sentence of about the usual length, number"
Work = Callable[[list[str], list[str], int], None]
Run = Callable[[Callable[[Any], Any], list[Any]], Any]


_SPAN = b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n%12.4f"


async def serve(seconds: float, dimensions: int) -> None:
    """Be a host, until the end of the input; a GET returns the seconds from the first request to the last reply."""
    vector = [round(random.uniform(-1, 1), 8) for _ in range(dimensions)]
    replies = [_reply([vector] * count) for count in range(PER_REQUEST + 1)]
    permits = asyncio.Semaphore(PARALLEL)
    times: list[float] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with ExitStack() as open_until_here:
            open_until_here.callback(writer.close)
            while request := await reader.readuntil(b"\r\n\r\n"):
                if request.startswith(b"GET"):
                    writer.write(_SPAN % (times[-1] - times[0]))
                    continue
                times.append(time.monotonic())
                body = await reader.readexactly(int(request.lower().partition(b"content-length:")[2].split()[0]))
                async with permits:
                    await asyncio.sleep(seconds)
                writer.write(replies[len(json.loads(body)["input"])])
                times.append(time.monotonic())

    async def answer_until_gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    server = await asyncio.start_server(answer_until_gone, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


def _reply(vectors: list[list[float]]) -> bytes:
    body = json.dumps({"model": MODEL, "embeddings": vectors}, separators=(",", ":")).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


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


def check(errors: Iterable[Any]) -> None:
    """Take the errors of all rows, and raise if there is one: no ``assert``, which would leave the work out under ``-O``."""
    failed = [error for error in errors if error is not None]
    if failed:
        raise RuntimeError(f"{len(failed)} rows failed, the first with {failed[0]}")


def ours(texts: list[str], urls: list[str], in_flight: int) -> None:
    client = {"host": urls, "failover": Failover("least_busy")}
    made = Embed(MODEL, client=client, per_request=PER_REQUEST, in_flight=in_flight)({"text": texts})
    check(made["error"])


def our_map_rows(texts: list[str], urls: list[str], in_flight: int) -> None:
    client = {"host": urls, "failover": Failover("least_busy")}
    step = Embed(MODEL, client=client, per_request=PER_REQUEST, in_flight=in_flight)
    check(row["error"] for row in map_rows(({"text": text} for text in texts), step))


def naive(texts: list[str], urls: list[str], in_flight: int) -> None:
    """The loop that people write: the published package in a pool of threads, hosts in turn."""
    import ollama

    clients = [ollama.Client(url) for url in urls]
    turns = itertools.cycle(clients)
    with ThreadPoolExecutor(in_flight) as pool:
        list(pool.map(lambda part: next(turns).embed(MODEL, part), groups(texts)))
    for client in clients:
        client.close()


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


def timed(work: Work, texts: list[str], urls: list[str], in_flight: int) -> tuple[float, float]:
    """Rows a second, and the CPU seconds of a row."""
    began, used = time.perf_counter(), time.process_time()
    work(texts, urls, in_flight)
    return len(texts) / (time.perf_counter() - began), (time.process_time() - used) / len(texts)


def compare(rows: int, given: argparse.Namespace, contenders: dict[str, Work], counts: list[int]) -> float:
    """Print a line for each contender, number of hosts, and number of requests in flight; return the least share that a step reached."""
    least = 1.0
    texts = [f"{TEXT} {number}" for number in range(rows)]
    for count, times in itertools.product(counts, (1, 2)):
        in_flight = times * count * PARALLEL
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
        with hosts(count, given.seconds, given.dimensions) as urls:
            for work in contenders.values():
                work(texts[: 4 * PER_REQUEST], urls, in_flight)  # imports and connections
            for _, (name, work) in itertools.product(range(given.rounds), contenders.items()):
                taken[name].append(timed(work, texts, urls, in_flight))
        for name, figures in taken.items():
            rate, cpu = max(rate for rate, _ in figures), min(cpu for _, cpu in figures)
            share = rate / ideal(count, given.seconds)
            print(f"{name:22}{count:6}{in_flight:11}{rate:9,.0f}{share:10.1%}{cpu * 1e6:12.1f}", flush=True)
            if name.startswith("ours"):
                least = min(least, share)
    return least


def ideal(count: int, seconds: float) -> float:
    """Rows a second that so many hosts can do."""
    return count * PARALLEL * PER_REQUEST / seconds


def grow(given: argparse.Namespace) -> None:
    """Print the share of ideal of one process over more and more hosts, beside bare sockets."""
    for count in given.hosts:
        contenders = {name: CONTENDERS[name] for name in ("limit: bare sockets", "ours, a batch")}
        compare(given.rows or 960 * count, given, contenders, [count])


@contextmanager
def pool_of_processes(workers: int) -> Iterator[tuple[Run, list[int]]]:
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield pool.imap_unordered, [process.pid or 0 for process in multiprocessing.active_children()]


@contextmanager
def pool_of_dask(workers: int) -> Iterator[tuple[Run, list[int]]]:
    from dask.distributed import Client, LocalCluster, as_completed

    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as dask,
    ):
        yield (
            lambda work, batches: (done.result() for done in as_completed(dask.map(work, batches, pure=False))),
            list(dask.run(os.getpid).values()),
        )


@contextmanager
def pool_of_ray(workers: int) -> Iterator[tuple[Run, list[int]]]:
    import ray
    from ray.util import ActorPool

    class Worker:
        def run(self, work: Callable[[Any], Any], batch: Any) -> Any:
            return work(batch)

    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
    actors = [ray.remote(num_cpus=1)(Worker).remote() for _ in range(workers)]
    pool = ActorPool(actors)
    yield (
        lambda work, batches: pool.map_unordered(lambda actor, batch: actor.run.remote(work, batch), batches),
        ray.get([actor.run.remote(lambda _: os.getpid(), None) for actor in actors]),
    )
    ray.shutdown()


POOLS = {"processes": pool_of_processes, "dask": pool_of_dask, "ray": pool_of_ray}


def failures(step: Embed, batch: dict[str, list[str]]) -> int:
    """Run a step where the batch is, and return how many rows have an error: vectors stay there, as where a worker writes them."""
    return sum(error is not None for error in step(batch)["error"])


def show_workers(given: argparse.Namespace) -> None:
    """Print the share of ideal of 1, 2 and 4 processes."""
    for workers in (1, 2, 4):
        rate, cpu = max(grow_workers(workers, given) for _ in range(given.rounds))
        share = rate / ideal(2 * workers, given.seconds)
        in_flight = f"{workers} x {4 * PARALLEL}"
        print(
            f"{f'{given.workers}: {workers}':22}{2 * workers:6}{in_flight:>11}{rate:9,.0f}{share:10.1%}{cpu * 1e6:12.1f}",
            flush=True,
        )


def grow_workers(workers: int, given: argparse.Namespace) -> tuple[float, float]:
    """Workers take batches as they become free; rows a second, and the CPU seconds of a row."""
    in_flight = 4 * PARALLEL  # twice what the hosts of a process serve at once
    size = 4 * in_flight * PER_REQUEST
    batches = [{"text": [f"{TEXT} {number}" for number in range(size)]} for _ in range(4 * workers)]
    with hosts(2 * workers, given.seconds, given.dimensions) as urls, POOLS[given.workers](workers) as (run, pids):
        client = {"host": urls, "failover": Failover("least_busy")}
        work = partial(failures, Embed(MODEL, client=client, per_request=PER_REQUEST, in_flight=in_flight))
        list(run(work, [{"text": [TEXT] * PER_REQUEST}] * 4 * workers))  # imports and connections
        used, began = sum(map(cpu_of, pids)), time.perf_counter()
        failed = sum(run(work, batches))
        seconds = time.perf_counter() - began
        if failed:
            raise RuntimeError(f"{failed} rows failed")
        rows = size * len(batches)
        return rows / seconds, (sum(map(cpu_of, pids)) - used) / rows


def cpu_of(pid: int) -> float:
    """The CPU seconds of a process."""
    user, system = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def compare_ray(given: argparse.Namespace) -> None:
    """Print rows a second of a step and of the HTTP processor, which knows one address; one of its workers sends one request at a time."""
    import ray
    from ray.data.llm import HttpRequestProcessorConfig, build_processor

    ray.init(num_cpus=4 * PARALLEL, include_dashboard=False, log_to_driver=False)
    texts = [f"{TEXT} {number}" for number in range(given.rows or 3_840)]

    def step(url: str) -> Any:
        made: Any = {"client": {"host": url}, "per_request": PER_REQUEST, "in_flight": 2 * PARALLEL}
        return ray.data.from_items([{"text": text} for text in texts]).map_batches(
            Embed,
            fn_constructor_args=[MODEL],
            fn_constructor_kwargs=made,
            concurrency=1,
            batch_format="pyarrow",
            batch_size=len(texts) // 4,
        )

    def processor(workers: int) -> Callable[[str], Any]:
        def run(url: str) -> Any:
            processor = build_processor(
                HttpRequestProcessorConfig(url=f"{url}/api/embed", batch_size=4, concurrency=workers),
                preprocess=lambda row: {"payload": {"model": MODEL, "input": list(row["texts"])}},
                postprocess=lambda row: {"embeddings": row["http_response"]["embeddings"]},
            )
            return processor(ray.data.from_items([{"texts": part} for part in groups(texts)]))

        return run

    for name, run in {
        "a step, 1 worker": step,
        f"ray.data.llm, {PARALLEL} workers": processor(PARALLEL),
        f"ray.data.llm, {2 * PARALLEL} workers": processor(2 * PARALLEL),
    }.items():
        with hosts(1, given.seconds, given.dimensions) as urls:
            began = time.perf_counter()
            made = run(urls[0]).materialize()
            whole = time.perf_counter() - began
            if "error" in made.columns():
                check(row["error"] for row in made.iter_rows())
            with urlopen(urls[0]) as reply:
                rate = len(texts) / float(reply.read())  # without what starting takes
        share = rate / ideal(1, given.seconds)
        print(
            f"{name:24}{len(texts) / whole:9,.0f} rows/s with starting{rate:9,.0f} without, {share:.1%} of ideal",
            flush=True,
        )


def memory(rows: int, dimensions: int) -> None:
    """Print what the process holds, ten times on the way."""
    with hosts(HOSTS, 0.0, dimensions) as urls:
        client = {"host": urls, "failover": Failover("least_busy")}
        step = Embed(MODEL, client=client, per_request=PER_REQUEST, in_flight=HOSTS * PARALLEL)
        began, used = time.perf_counter(), time.process_time()
        print(f"{'rows':>10}{'MB':>8}{'rows/s':>9}{'CPU µs/row':>12}")
        for done, row in enumerate(map_rows(({"text": f"{TEXT} {number}"} for number in range(rows)), step), 1):
            if row["error"] is not None:
                raise RuntimeError(row["error"])
            if done % (rows // 10) == 0:
                resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf(
                    "SC_PAGE_SIZE"
                )
                rate, cpu = done / (time.perf_counter() - began), (time.process_time() - used) / done
                print(f"{done:10,}{resident / 1e6:8.1f}{rate:9,.0f}{cpu * 1e6:12.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, help="how many (3,840; a million with --memory)")
    parser.add_argument("--seconds", type=float, default=0.5, help="service time of a request (0.5)")
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--hosts", type=int, nargs="+", help="how many (3; with --growth 1, 2, 4 and 8)")
    parser.add_argument("--rounds", type=int, default=2, help="of which the best counts (2)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--growth", action="store_true")
    what.add_argument("--workers", choices=POOLS)
    what.add_argument("--memory", action="store_true")
    what.add_argument("--ray", action="store_true")
    what.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(float(given.serve[0]), int(given.serve[1])))
    elif given.memory:
        memory(given.rows or 1_000_000, given.dimensions)
    else:
        print(
            f"{PER_REQUEST} texts a request, {given.dimensions} dimensions, {given.seconds:g} s a request, {PARALLEL} at once a host"
        )
        if given.ray:
            compare_ray(given)
            return
        print(f"{'':22}{'hosts':>6}{'in flight':>11}{'rows/s':>9}{'of ideal':>10}{'CPU µs/row':>12}")
        if given.growth:
            given.hosts = given.hosts or [1, 2, 4, 8]
            grow(given)
        elif given.workers:
            show_workers(given)
        else:
            least = compare(given.rows or 3_840, given, CONTENDERS, given.hosts or [HOSTS])
            print(f"ours: {GOAL:.0%} of ideal at least:", "met" if least >= GOAL else "MISSED")


if __name__ == "__main__":
    main()
