"""Takes one measurement in a fresh process: ``measure.py KIND CLIENT URL ROUNDS WORK…`` prints it as JSON."""

import json
import sys
import time
from pathlib import Path

import clients

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
    return {"seconds": seconds, "bytes": memory("VmRSS")} if RECORDS.exists() else {"seconds": seconds}


def calls(name, url, rounds, method, count):
    """CPU seconds per call."""
    call = getattr(clients.make(name, url), method)
    many = range(int(count))

    def work():
        for _ in many:
            call()

    call()
    return {"seconds": least(work, rounds) / len(many)}


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


# Growth


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


def least(work, rounds):
    """The minimum CPU seconds of several rounds; noise only adds."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def memory(field):
    """A field of Linux's record of this process, in bytes: ``VmRSS`` is the memory now, ``VmHWM`` its peak."""
    lines = (RECORDS / "status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def growth(work):
    """The peak memory of some work, in bytes above the memory before."""
    (RECORDS / "clear_refs").write_text("5", encoding="ascii")  # forget the peak so far
    before = memory("VmRSS")
    work()
    return memory("VmHWM") - before


KINDS = {f.__name__: f for f in (startup, calls, stream, async_stream, stream_memory, leak, image, blob)}

if __name__ == "__main__":
    kind, client_name, server, turns, *what = sys.argv[1:]
    print(json.dumps(KINDS[kind](client_name, server, int(turns), *what)))
