"""What using the package costs, in counts that are the same on every machine: imports, calls, objects, copies."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import subprocess
import sys
import threading
import tracemalloc
from functools import partial
from pathlib import Path

import anyio
import httpx
import httpx2
import pytest

import ollama_sdk
from benchmarks import server as bench_server
from benchmarks.counting import Calls
from ollama_sdk import AsyncOllama, Ollama
from ollama_sdk._transport.connection import READ
from ollama_sdk.reliability import Cache, CircuitBreaker, Failover, RateLimit, Retry
from tests.support.loopback import END, PATIENCE, Loopback, chunk, chunked, replies, whole

PACKAGE = str(Path(ollama_sdk.__file__).parent)
ITEM = (
    b'{"model":"llama3.2","created_at":"2026-11-21T12:00:00.123456Z","message":{"role":"assistant","content":" word"},'
    b'"done":false}\n'
)
LAST = ITEM.replace(b'"done":false', b'"done":true,"done_reason":"stop"')
EVENT = (
    b'data: {"id":"chatcmpl-298","object":"chat.completion.chunk","created":1795262400,"model":"llama3.2",'
    b'"choices":[{"index":0,"delta":{"role":"assistant","content":" word"},"finish_reason":null}]}\n\n'
)
MESSAGES = [{"role": "user", "content": "Why is the sky blue?"}]
MIB = 1 << 20


_FIRST_CHAT = """
import sys
import httpx
from ollama_sdk import Ollama
reply = {"model": "m", "created_at": "2026-11-21T12:00:00Z", "message": {"role": "assistant", "content": "x"}, "done": True}
client = Ollama(transport=httpx.MockTransport(lambda request: httpx.Response(200, json=reply)))
client.chat("m", [])
print(*sys.modules)
"""


def _modules_after(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def _stream_of(items):
    return replies(chunked("application/x-ndjson", *[ITEM] * (items - 1), LAST) + END)


# Start-up


def test_import_loads_no_dependency():
    ours = {name for name in _modules_after("import sys, ollama_sdk; print(*sys.modules)") if "ollama_sdk" in name}
    others = {"attr", "httpx", "httpcore", "orjson", "anyio", "asyncio", "dateutil"}
    assert ours == {"ollama_sdk", "ollama_sdk._version"}
    assert not others & _modules_after("import sys, ollama_sdk; print(*sys.modules)")


def test_first_chat_imports_only_the_models_it_needs():
    modules = _modules_after(_FIRST_CHAT)
    models = {name.rpartition(".")[2] for name in modules if name.startswith("ollama_sdk._generated.models.")}
    assert models == {"chat_response", "message"}
    assert not {"asyncio", "dateutil", "httptools", "pydantic", "ollama_sdk.types"} & modules
    assert not {name for name in modules if name.startswith(("ollama_sdk.reliability", "ollama_sdk.testing"))}


_COMPILES = f"""
import sys, attr, httpx, orjson
texts = []
sys.addaudithook(lambda event, given: event == "compile" and given[0] is not None and texts.append(bytes(given[0])))
{_FIRST_CHAT}
functions = [text for text in texts if text.startswith((b"def ", b"lambda "))]
print(len(functions), functions, file=sys.stderr)
"""


def test_first_chat_compiles_few_functions():
    done = subprocess.run([sys.executable, "-c", _COMPILES], capture_output=True, text=True, check=True)
    # The constructors of Timeout and of two models, two decoders, and a NamedTuple.
    assert int(done.stderr.split()[0]) <= 6, done.stderr


# Streams


def test_streamed_item_costs_few_calls_in_streams_of_any_length():
    few, many = (_calls(items) / items for items in (500, 2000))
    assert many <= few
    assert many <= 4


def _calls(items):
    """Calls of this package's functions for a whole stream."""
    with (
        Loopback(replies(whole(LAST)), _stream_of(items)) as server,
        Ollama(server.url, timeout=PATIENCE) as client,
    ):
        client.chat("m", MESSAGES)  # what is compiled at its first use is compiled now
        for connection in server.connections:
            connection.interrupt()
        with Calls(PACKAGE) as calls, client.chat("m", MESSAGES, stream=True) as stream:
            received = sum(1 for _ in stream)
    assert received == items
    return calls.python.total()


def test_an_item_that_is_kept_is_made_of_few_objects():
    with (
        Loopback(_stream_of(1000)) as server,
        Ollama(server.url, timeout=PATIENCE) as client,
        client.chat("m", MESSAGES, stream=True) as stream,
    ):
        kept = [next(stream)]
        gc.collect()
        before = sys.getallocatedblocks()
        kept += stream
        gc.collect()
        blocks = sys.getallocatedblocks() - before
    assert len(kept) == 1000
    # The reply, its message, their two dicts of other fields, the time, and the texts.
    assert blocks / 1000 < 8.5


@pytest.mark.parametrize("route", ["/api/chat", "/v1/chat/completions"])
def test_a_burst_of_items_leaves_the_garbage_collector_alone(route):
    item, last = (ITEM, LAST) if route == "/api/chat" else (EVENT, EVENT + b"data: [DONE]\n\n")
    burst = replies(chunked("text/event-stream", *[item] * 3000, last) + END)
    with Loopback(burst) as server, Ollama(server.url, timeout=PATIENCE) as client:
        call = client.chat if route == "/api/chat" else client.v1.chat.completions.create
        with call("m", MESSAGES, stream=True) as stream:
            next(stream)
            gc.collect()
            collections = []
            gc.callbacks.append(lambda phase, _: collections.append(phase))
            try:
                assert sum(1 for _ in stream) == 3000
            finally:
                gc.callbacks.pop()
    # Of the items of a whole read, each some objects, too few are alive at once.
    assert len(collections) <= 2


def test_reading_a_longer_stream_takes_no_more_memory():
    short, long = (_peak_of_reading(items) for items in (2_000, 20_000))
    assert long < short + MIB / 4


def _peak_of_reading(items):
    def script(connection):
        connection.answer(chunked("application/x-ndjson", ITEM))
        block = chunked("application/x-ndjson", *[ITEM] * 100).partition(b"\r\n\r\n")[2]
        for _ in range(items // 100):
            connection.send(block)
        connection.send(chunked("application/x-ndjson", LAST).partition(b"\r\n\r\n")[2] + END)

    with (
        Loopback(script) as server,
        Ollama(server.url, timeout=PATIENCE) as client,
        client.chat("m", MESSAGES, stream=True) as stream,
    ):
        next(stream)
        return _peak(lambda: sum(1 for _ in stream))


# Open streams


@pytest.mark.parametrize(
    ("kind", "most_objects", "most_bytes"), [("sync", 44, 7_600), ("asyncio", 61, 10_200), ("trio", 45, 7_400)]
)
def test_an_open_stream_holds_few_objects_and_bytes(kind, most_objects, most_bytes):
    tracemalloc.start()
    try:
        with bench_server.running() as url:  # in another process, whose connections do not count here
            if kind == "sync":
                objects, size = _held_by_a_stream(url)
            else:
                objects, size = anyio.run(_held_by_an_async_stream, url, backend=kind)
    finally:
        tracemalloc.stop()
    assert objects <= most_objects
    assert size <= most_bytes


_OPEN = 100
_NEVER_PACED = "1@10000"  # a stream that gets its first item only: further ones would come when so many were open


def _held_by_a_stream(url):
    with Ollama(url, timeout=PATIENCE) as client:

        def opened():
            stream = client.chat(_NEVER_PACED, MESSAGES, stream=True)
            next(stream)
            return stream

        kept = [opened()]  # what is made at the first use is made now
        before = _held()
        kept += [opened() for _ in range(_OPEN)]
        after = _held()
        for stream in kept:
            stream.close()
    return [(b - a) / _OPEN for a, b in zip(before, after, strict=True)]


async def _held_by_an_async_stream(url):
    async with AsyncOllama(url, timeout=PATIENCE) as client:

        async def opened():
            stream = await client.chat(_NEVER_PACED, MESSAGES, stream=True)
            await anext(stream)
            return stream

        kept = [await opened()]
        before = _held()
        kept += [await opened() for _ in range(_OPEN)]
        after = _held()
        for stream in kept:
            await stream.close()
    return [(b - a) / _OPEN for a, b in zip(before, after, strict=True)]


def _held():
    """Objects that the garbage collector knows, and bytes."""
    gc.collect()
    return len(gc.get_objects()), tracemalloc.get_traced_memory()[0]


# Calls of the system and of Python functions

COUNTED = 200  # items or calls


class _Answering:
    """The script that answers a chat in one piece, and a stream item by item: the first at once, each other when asked for."""

    def __init__(self):
        self._asked = threading.Semaphore(0)

    def ask(self):
        self._asked.release()

    def __call__(self, connection):
        while True:
            if not connection.request().json["stream"]:
                connection.send(whole(LAST))
                continue
            connection.send(chunked("application/x-ndjson", ITEM))
            for _ in range(COUNTED):
                self._asked.acquire(timeout=PATIENCE)
                connection.send(chunk(ITEM))
            connection.send(chunk(LAST) + END)


def _at_most(calls, system, python):
    """Whether each item or call cost so many calls; a tenth is for a machine that stops for seconds."""
    assert calls.system.total() <= system * COUNTED * 1.1, calls.system
    assert calls.python.total() <= python * COUNTED * 1.1, calls.python.most_common(20)


@contextlib.contextmanager
def _asked_stream():
    """A function that lets the next item come, and the stream, whose first item was taken."""
    script = _Answering()
    with (
        Loopback(script) as server,
        Ollama(server.url, timeout=PATIENCE) as client,
        client.chat("m", MESSAGES, stream=True) as stream,
    ):
        next(stream)
        yield script.ask, stream


def test_item_that_comes_alone_costs_one_system_call():
    with _asked_stream() as (ask, stream), Calls() as calls:
        for _ in range(COUNTED):
            ask()
            next(stream)
    _at_most(calls, system=1, python=30)


def test_items_that_come_alone_leave_nothing_to_the_garbage_collector():
    with _asked_stream() as (ask, stream):
        ask()
        next(stream)
        before = len(gc.get_objects())
        for _ in range(50):  # less than is added up at once
            ask()
            next(stream)
        assert len(gc.get_objects()) <= before + 25
        for _ in range(COUNTED):
            ask()
        assert list(stream)


def test_async_item_that_comes_alone_costs_two_system_calls():
    script = _Answering()

    async def read(url):
        async with (
            AsyncOllama(url, timeout=PATIENCE) as client,
            await client.chat("m", MESSAGES, stream=True) as stream,
        ):
            await anext(stream)
            with Calls() as calls:
                for _ in range(COUNTED):
                    script.ask()
                    await anext(stream)
        return calls

    with Loopback(script) as server:
        # Those that wait and read: the task goes on in the same round of the loop.
        _at_most(asyncio.run(read(server.url), debug=False), system=2, python=50)


_WIRES = {
    "ours": lambda _: None,
    "httpx": lambda kind: httpx.HTTPTransport() if kind == "sync" else httpx.AsyncHTTPTransport(),
    "httpx2": lambda kind: httpx2.HTTPTransport() if kind == "sync" else httpx2.AsyncHTTPTransport(),
}


@pytest.mark.parametrize("wire", _WIRES)
@pytest.mark.parametrize("kind", ["sync", "asyncio", "trio"])
def test_an_observer_costs_nothing_for_an_item_that_comes_alone(kind, wire):
    observers = (None, lambda _: None)
    without, with_observer = (_calls_of_items(kind, transport=_WIRES[wire](kind), observer=each) for each in observers)
    assert with_observer == without
    assert wire != "ours" or not with_observer


def _calls_of_items(kind, **options):
    """Calls of the functions between a stream and its transport, which observers may add to, for items that come alone."""
    script = _Answering()

    def counting():
        return Calls(f"{PACKAGE}/_bodies", f"{PACKAGE}/_httpx2", f"{PACKAGE}/reliability")

    async def read(url):
        async with (
            AsyncOllama(url, timeout=PATIENCE, **options) as client,
            await client.chat("m", MESSAGES, stream=True) as stream,
        ):
            await anext(stream)
            with counting() as calls:
                for _ in range(COUNTED):
                    script.ask()
                    await anext(stream)
            await stream.collect()
        return calls.python

    with Loopback(script) as server:
        if kind != "sync":
            return anyio.run(read, server.url, backend=kind)
        with (
            Ollama(server.url, timeout=PATIENCE, **options) as client,
            client.chat("m", MESSAGES, stream=True) as stream,
        ):
            next(stream)
            with counting() as calls:
                for _ in range(COUNTED):
                    script.ask()
                    next(stream)
        return calls.python


def test_call_costs_three_system_calls():
    with Loopback(_Answering()) as server, Ollama(server.url, timeout=PATIENCE) as client:
        _at_most(_calls_of_chats(client, COUNTED), system=3, python=250)


def test_a_large_body_in_one_piece_is_read_in_large_pieces():
    size = 8 * MIB
    reply = whole(b'{"embeddings":[[]],"filler":"' + b"x" * size + b'"}')
    with Loopback(replies(reply)) as server, Ollama(server.url, timeout=PATIENCE) as client, Calls() as calls:
        client.embed("m", "x")
    assert calls.system["recv"] < size / READ


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_async_large_body_in_one_piece_is_read_in_large_pieces(backend):
    size = 8 * MIB
    reply = whole(b'{"embeddings":[[]],"filler":"' + b"x" * size + b'"}')

    async def embed(url):
        async with AsyncOllama(url, timeout=PATIENCE) as client:
            with Calls() as calls:
                await client.embed("m", "x")
        return calls

    with Loopback(replies(reply)) as server:
        calls = anyio.run(embed, server.url, backend=backend)
    assert calls.system["recv"] + calls.system["recv_into"] < size / READ


def test_every_policy_together_adds_few_calls():
    policies = {
        "retry": Retry(),
        "circuit_breaker": CircuitBreaker(),
        "rate_limit": RateLimit(per_second=1e6, concurrent=1000),
        "failover": Failover(),
        "cache": Cache(),
        "observer": lambda _: None,
    }
    without, with_policies = (_calls_with(options) for options in ({}, policies))
    _at_most(with_policies, system=3, python=320)
    # 33: six generators, entered and resumed, are two calls each; three events take three each. One more is for chance.
    assert with_policies.python.total() - without.python.total() <= 34 * COUNTED


def _calls_with(options):
    with Loopback(_Answering()) as server, Ollama(server.url, timeout=PATIENCE, **options) as client:
        return _calls_of_chats(client, COUNTED)


def test_async_call_costs_five_system_calls():
    async def chats(url):
        async with AsyncOllama(url, timeout=PATIENCE) as client:
            await client.chat("m", MESSAGES)
            with Calls() as calls:
                for _ in range(COUNTED):
                    await client.chat("m", MESSAGES)
        return calls

    with Loopback(_Answering()) as server:
        _at_most(asyncio.run(chats(server.url), debug=False), system=5, python=320)


@pytest.mark.parametrize("ended", [True, False], ids=["idle", "open"])
def test_call_costs_the_same_beside_other_connections(ended):
    with (
        Loopback(partial(_answer_chats, ended=ended)) as server,
        Ollama(server.url, timeout=PATIENCE) as client,
        contextlib.ExitStack() as opened,
    ):
        alone = _calls_of_chats(client, 10)
        streams = [opened.enter_context(client.chat("m", MESSAGES, stream=True)) for _ in range(50)]
        for stream in streams:
            assert list(stream) if ended else next(stream)
        beside = _calls_of_chats(client, 10)
        opened.close()
    assert len(server.connections) == 50 + (not ended)
    assert beside.system == alone.system
    assert beside.python.total() <= alone.python.total() * 1.02


def _answer_chats(connection, ended):
    """The script that answers a chat in one piece, and a stream with its last item, or with an item and nothing more."""
    while True:
        if not connection.request().json["stream"]:
            connection.send(whole(LAST))
        elif ended:
            connection.send(chunked("application/x-ndjson", LAST) + END)
        else:
            connection.send(chunked("application/x-ndjson", ITEM))
            return connection.watch()


def _calls_of_chats(client, number):
    for _ in range(2):
        client.chat("llama3.2", MESSAGES)  # what is compiled at its first use is compiled now
    with Calls() as calls:
        for _ in range(number):
            client.chat("llama3.2", MESSAGES)
    return calls


# Uploads


# Not by tracemalloc: orjson asks for room that it never touches, and which therefore costs nothing.
_SENDS_AN_IMAGE = """
import sys
from pathlib import Path
from ollama_sdk import Ollama

def resident(field):
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))

image = bytes(range(256)) * (8 * 2**20 // 256)
with Ollama(sys.argv[1], timeout=20) as client:
    client.chat("m", [{"role": "user", "content": "?"}])
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = resident("VmRSS")
    client.chat("m", [{"role": "user", "content": "?", "images": [image]}])
    print((resident("VmHWM") - before) / len(image))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's record of peak memory")
def test_sending_an_image_takes_at_most_three_copies_of_it():
    with Loopback(replies(whole(LAST), whole(LAST))) as server:
        command = [sys.executable, "-c", _SENDS_AN_IMAGE, server.url]
        plain = {**os.environ, "PYTHONDEVMODE": ""}  # which would touch all the memory that it is given
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=plain)
    assert float(done.stdout) <= 3


@pytest.mark.parametrize("megabytes", [16, 64])
def test_upload_memory_does_not_grow_with_the_file(tmp_path, megabytes):
    file = tmp_path / "blob"
    with file.open("wb") as sparse:
        sparse.truncate(megabytes * MIB)
    with Loopback(replies(whole(LAST))) as server, Ollama(server.url, timeout=PATIENCE) as client:
        peak = _peak(lambda: client.upload_blob("sha256:" + "0" * 64, file))
    assert peak < 4 * MIB


def _peak(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# Many calls


def test_calls_leave_no_objects_and_no_open_files_behind():
    answers = [whole(LAST), chunked("application/x-ndjson", ITEM, LAST) + END] * 110
    with Loopback(replies(*answers)) as server, Ollama(server.url, timeout=PATIENCE) as client:

        def calls(times):
            for _ in range(times):
                client.chat("m", MESSAGES)
                list(client.chat("m", MESSAGES, stream=True))
            gc.collect()
            return len(gc.get_objects()), len(list(Path("/proc/self/fd").iterdir()))

        objects, files = calls(10)
        objects_after, files_after = calls(100)
    assert objects_after < objects + 300  # the server keeps its 200 requests
    assert files_after == files
