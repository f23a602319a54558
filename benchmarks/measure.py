"""Takes one measurement in a fresh process: ``measure.py KIND CLIENT URL ROUNDS WORK…`` prints it as JSON."""

import contextlib
import itertools
import json
import os
import resource
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import clients
import counting

# Linux's records of this process; without them memory is not measured.
RECORDS = Path("/proc/self")


def startup(name, url, _rounds):
    """Elapsed seconds from the first line to the first reply, and the memory then in bytes, where it is recorded.

    httpx imports the packages of its command line, and httpcore imports trio, if they are installed. A development environment
    has them and no client needs them, so they are hidden from all clients.
    """
    sys.modules.update(dict.fromkeys(("click", "pygments", "rich", "trio")))
    began = time.perf_counter()
    client = clients.make(name, url)
    client.chat()
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "bytes": memory("VmRSS")}


def calls(name, url, rounds, method, count):
    """CPU seconds per call."""
    call = getattr(clients.make(name, url), method)
    call()
    return {"seconds": least(lambda: times(call, count), rounds) / int(count)}


def async_calls(name, url, rounds, method, count):
    """CPU seconds per call of an asynchronous client, one after the other."""
    import asyncio

    maker = clients.make(name, url)
    call = getattr(maker, method)

    async def work():
        best = float("inf")
        async with maker.async_client() as client:
            await call(client)
            for _ in range(rounds):
                began = time.process_time()
                for _ in range(int(count)):
                    await call(client)
                best = min(best, time.process_time() - began)
        return best

    return {"seconds": asyncio.run(work()) / int(count)}


def stream(name, url, rounds, method, items, length="12"):
    """CPU seconds per streamed item, and per kB of its text."""
    read = getattr(clients.make(name, url), method)
    model = f"{items}x{length}"
    read(f"10x{length}")
    seconds = least(lambda: read(model), rounds) / int(items)
    return {"seconds": seconds, "seconds_a_kb": seconds / int(length) * 1000}


def async_stream(name, url, rounds, items, streams="1"):
    """CPU seconds per streamed item, with several concurrent streams."""
    import asyncio

    maker = clients.make(name, url)
    model = f"{items}x12"

    async def work():
        best = float("inf")
        async with maker.async_client() as client:
            await maker.async_ndjson(client, "10x12")
            for _ in range(rounds):
                began = time.process_time()
                await asyncio.gather(*(maker.async_ndjson(client, model) for _ in range(int(streams))))
                best = min(best, time.process_time() - began)
        return best

    return {"seconds": asyncio.run(work()) / int(items) / int(streams)}


def adding_up(name, url, rounds, method, items):
    """How many times as much CPU a streamed item costs as one that is not added up for ``collect()``."""
    from ollama_sdk.streaming._accumulation import MergeAccumulator
    from ollama_sdk.streaming._alike import Alike

    read = getattr(clients.make(name, url), method)
    ways = [(Alike.added_up, MergeAccumulator.add), (lambda *_: None, lambda *_: None)]

    def cost(way):
        Alike.added_up, MergeAccumulator.add = way
        return least(lambda: read(f"{items}x12"), 1)

    read("10x12")
    added, dropped = (min(costs) for costs in zip(*([cost(way) for way in ways] for _ in range(rounds)), strict=True))
    return {"times": added / dropped}


# At the rate of real tokens


def paced(name, url, _rounds, rate, items):
    """CPU seconds per item of a paced stream, without opening and closing it."""
    maker = clients.make(name, url)
    maker.ndjson("10x12")
    with maker.open(f"{rate}@1") as opened:
        received = iter(opened)
        next(received)
        began = time.process_time()
        for _ in itertools.islice(received, int(items)):
            pass
        return {"seconds": (time.process_time() - began) / int(items)}


def async_paced(name, url, _rounds, rate, items, streams="1"):
    """CPU seconds per item of concurrent paced streams, without opening and closing them."""
    maker = clients.make(name, url)

    async def read(received):
        left = int(items)
        async for _ in received:
            left -= 1
            if not left:
                return

    async def measured(opened, _):
        import asyncio

        began = time.process_time()
        await asyncio.gather(*map(read, opened))
        return {"seconds": (time.process_time() - began) / int(items) / int(streams)}

    run_beside(maker, f"{rate}@{streams}", int(streams), measured)


def delay(name, url, _rounds, rate, items):
    """Elapsed seconds from the server's sending of an item to its being in the caller's hands: median and 99th percentile."""
    maker = clients.make(name, url)
    maker.ndjson("10x12")  # a first item takes milliseconds: the row of start-up shows that
    with maker.open(f"{rate}@1") as opened:
        received = iter(opened)
        next(received)
        return percentiles(
            time.monotonic_ns() - int(maker.text(item)) for item in itertools.islice(received, int(items))
        )


def async_delay(name, url, _rounds, rate, items):
    """As :func:`delay`, of an asynchronous client."""
    maker = clients.make(name, url)

    async def measured(opened, _):
        delays = []
        async for item in opened[0]:
            delays.append(time.monotonic_ns() - int(maker.text(item)))
            if len(delays) == int(items):
                break
        return percentiles(delays)

    run_beside(maker, f"{rate}@1", 1, measured)


def first_item(name, url, rounds, count):
    """Elapsed seconds from the call to the first item, on a connection that is open: the median."""
    maker = clients.make(name, url)
    elapsed = []
    for _ in range(int(count) * rounds):
        began = time.monotonic_ns()
        with maker.open("2x12") as received:
            items = iter(received)
            next(items)
            elapsed.append(time.monotonic_ns() - began)
            for _ in items:
                pass
    return percentiles(elapsed)


# Many streams


def open_streams(name, url, _rounds, streams):
    """Of streams that are opened at once: CPU and elapsed seconds until each has its first item, errors, and memory of one."""
    maker = clients.make(name, url)

    async def work():
        import asyncio

        async with maker.async_client() as client, contextlib.AsyncExitStack() as stack:
            await maker.async_ndjson(client, "10x12")
            before = memory("VmRSS")
            cpu, elapsed = time.process_time(), time.perf_counter()
            opened = await asyncio.gather(
                *(first(maker, client, f"1@{int(streams) + 1}", stack) for _ in range(int(streams))),
                return_exceptions=True,
            )
            cpu, elapsed = time.process_time() - cpu, time.perf_counter() - elapsed
            after = memory("VmRSS")
            errors = [error for error in opened if isinstance(error, BaseException)]
            each = {"seconds": cpu / int(streams), "bytes": (after - before) / int(streams)}
            for error in {repr(error): error for error in errors}.values():
                print(repr(error), file=sys.stderr)
            finish({**each, "elapsed": elapsed, "errors": len(errors)})

    import asyncio

    asyncio.run(work())


def beside_idle(name, url, rounds, idle, count):
    """How many times as much CPU a call costs beside idle connections as alone."""
    maker = clients.make(name, url)
    maker.chat()
    alone = least(lambda: times(maker.chat, count), rounds)
    with contextlib.ExitStack() as stack:
        received = [iter(stack.enter_context(maker.open("2x12"))) for _ in range(int(idle))]
        for items in received:
            for _ in items:
                pass
    maker.chat()
    return {"times": least(lambda: times(maker.chat, count), rounds) / alone}


def beside_open(name, url, rounds, streams, count):
    """How many times as much CPU a call costs beside open streams as alone."""
    maker = clients.make(name, url)
    maker.chat()
    alone = least(lambda: times(maker.chat, count), rounds)
    with contextlib.ExitStack() as stack:
        opened = [iter(stack.enter_context(maker.open(f"1@{int(streams) + 1}"))) for _ in range(int(streams))]
        for items in opened:
            next(items)
        maker.chat()
        beside = least(lambda: times(maker.chat, count), rounds)
        finish({"times": beside / alone})


def connections(name, url, _rounds, streams, count, at_once):
    """Connections opened for calls beside open streams, so many calls at once."""
    import asyncio

    maker = clients.make(name, url)

    async def measured(_, client):
        left = iter(range(int(count)))

        async def caller():
            for _ in left:
                await maker.async_chat(client)

        before = accepted(url)
        await asyncio.gather(*(caller() for _ in range(int(at_once))))
        return {"connections": accepted(url) - before - 1}  # without that of the question

    run_beside(maker, f"1@{int(streams) + 1}", int(streams), measured)


def accepted(url):
    """The connections that the server has accepted."""
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port)) as connection:
        connection.sendall(b"GET /connections HTTP/1.1\r\n\r\n")
        return int(connection.recv(1024).rpartition(b"\r\n\r\n")[2])


async def first(maker, client, model, stack):
    """Open a stream, take its first item, and return the iterator of the others."""
    received = aiter(await stack.enter_async_context(maker.async_open(client, model)))
    await anext(received)
    return received


def run_beside(maker, model, streams, measured):
    """Finish with what ``measured`` returns while so many streams are open whose first item has been taken."""
    import asyncio

    async def work():
        async with maker.async_client() as client, contextlib.AsyncExitStack() as stack:
            await maker.async_ndjson(client, "10x12")
            opened = await asyncio.gather(*(first(maker, client, model, stack) for _ in range(streams)))
            finish(await measured(opened, client))

    asyncio.run(work())


# Counts


def item_counts(name, url, _rounds, rate, items):
    """System calls and Python calls per item of a paced stream."""
    with clients.make(name, url).open(f"{rate}@1") as opened:
        received = iter(opened)
        next(received)
        with counting.Calls() as calls:
            for _ in itertools.islice(received, int(items)):
                pass
    return counted(calls, items)


def async_item_counts(name, url, _rounds, rate, items):
    """As :func:`item_counts`, of an asynchronous client."""

    async def measured(opened, _):
        left = int(items)
        with counting.Calls() as calls:
            async for _ in opened[0]:
                left -= 1
                if not left:
                    break
        return counted(calls, items)

    run_beside(clients.make(name, url), f"{rate}@1", 1, measured)


def call_counts(name, url, _rounds, count):
    """System calls and Python calls per call."""
    call = clients.make(name, url).chat
    times(call, 2)
    with counting.Calls() as calls:
        times(call, count)
    return counted(calls, count)


def async_call_counts(name, url, _rounds, count):
    """As :func:`call_counts`, of an asynchronous client."""
    maker = clients.make(name, url)

    async def measured(_, client):
        await maker.async_chat(client)
        with counting.Calls() as calls:
            for _ in range(int(count)):
                await maker.async_chat(client)
        return counted(calls, count)

    run_beside(maker, "1@1", 0, measured)


def counted(calls, number):
    return {"system": calls.system.total() / int(number), "python": calls.python.total() / int(number)}


# Telemetry


def traced_call(name, url, rounds, rate, items):
    """How many times as long a call takes with spans and metrics as without: a paced stream, from the call to its end."""
    makers = [clients.make(each, url) for each in (name, "ours")]

    def elapsed(maker):
        began = time.perf_counter()
        maker.ndjson(f"{items}x{rate}/s")
        return time.perf_counter() - began

    for maker in makers:
        elapsed(maker)
    traced, plain = (
        min(each) for each in zip(*([elapsed(maker) for maker in makers] for _ in range(rounds)), strict=True)
    )
    return {"times": traced / plain}


# Growth


def hosts(name, url, rounds, number, count):
    """CPU seconds per call of a client of so many hosts."""
    from ollama_sdk import Ollama

    port = urlsplit(url).port
    client = Ollama(
        [f"http://127.0.0.{host}:{port}" for host in range(1, int(number) + 1)], **clients.CLIENTS[name].options(None)
    )

    def call():
        client.chat("llama3.2", clients.MESSAGES)

    times(call, 2 * int(number))  # a connection to each
    return {"seconds": least(lambda: times(call, count), rounds) / int(count)}


def stream_memory(name, url, _rounds, items):
    """Peak memory of reading a stream of ``items`` items, in bytes above the memory before."""
    client = clients.make(name, url)
    client.ndjson("10000x12")
    return {"bytes": growth(lambda: client.ndjson(f"{items}x12"))}


def leak(name, url, _rounds, count):
    """Bytes, objects and open files that ``count`` calls leave behind, half of them streams.

    A tenth as many calls come before, so that caches that are filled once do not count.
    """
    import gc

    client = clients.make(name, url)

    def left():
        gc.collect()
        return memory("VmRSS"), len(gc.get_objects()), len(list((RECORDS / "fd").iterdir()))

    def work(times):
        for _ in range(times):
            client.chat()
            client.ndjson("5x12")

    work(int(count) // 20)
    before = left()
    work(int(count) // 2)
    return dict(zip(("bytes", "objects", "files"), (b - a for a, b in zip(before, left(), strict=True)), strict=True))


def image(name, url, _rounds, size):
    """Peak memory of sending an image, in copies of the image."""
    client = clients.make(name, url)
    client.chat()
    data = bytes(range(256)) * (int(size) // 256)
    message = {"role": "user", "content": "What is this?", "images": [data]}
    return {"copies": growth(lambda: client.client.chat("llama3.2", [message])) / len(data)}


def blob(name, url, _rounds, size):
    """Peak memory of uploading a file, in bytes."""
    import tempfile

    client = clients.make(name, url)
    client.chat()
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(int(size))
        digest = "sha256:" + "0" * 64
        return {"bytes": growth(lambda: client.client.upload_blob(digest, Path(file.name)))}


# Measuring


def times(call, count):
    """Call so many times."""
    for _ in range(int(count)):
        call()


def percentiles(nanoseconds):
    """The median and the 99th percentile, in seconds."""
    ordered = sorted(nanoseconds)
    return {"p50": ordered[len(ordered) // 2] / 1e9, "p99": ordered[len(ordered) * 99 // 100] / 1e9}


def least(work, rounds):
    """The minimum CPU seconds of several rounds; noise only adds."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def memory(field):
    """A field of Linux's record of this process, in bytes, 0 where there is none: ``VmRSS`` is the memory now, ``VmHWM`` its peak."""
    if not RECORDS.exists():
        return 0
    lines = (RECORDS / "status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def growth(work):
    """The peak memory of some work, in bytes above the memory before."""
    (RECORDS / "clear_refs").write_text("5", encoding="ascii")  # forget the peak so far
    before = memory("VmRSS")
    work()
    return memory("VmHWM") - before


def finish(result):
    """Print the result and exit; streams that are open are not closed, which takes some clients minutes."""
    print(json.dumps(result), flush=True)
    os._exit(0)


_FUNCTIONS = (
    *(startup, calls, async_calls, stream, adding_up, async_stream),
    *(paced, async_paced, delay, async_delay, first_item),
    *(open_streams, beside_idle, beside_open, connections),
    *(item_counts, async_item_counts, call_counts, async_call_counts),
    traced_call,
    *(hosts, stream_memory, leak, image, blob),
)
KINDS = {function.__name__: function for function in _FUNCTIONS}

if __name__ == "__main__":
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    kind, client_name, server, turns, *what = sys.argv[1:]
    finish(KINDS[kind](client_name, server, int(turns), *what))
