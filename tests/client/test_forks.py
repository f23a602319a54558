"""After a fork parent and child never share a connection: fork, multiprocessing, gunicorn and uvicorn, sync and async."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from ollama_sdk import (
    AsyncHTTPTransport,
    AsyncOllama,
    AsyncStream,
    ConfigurationError,
    HTTPTransport,
    IncompleteReplyError,
    Ollama,
)
from ollama_sdk.reliability import Cache, CircuitBreaker, HealthCheck, RateLimit, Retry
from ollama_sdk.types import GenerateResponse
from tests.support.forked import begin_in_child, in_child
from tests.support.loopback import END, PATIENCE, Connection, Loopback, chunk, chunked, whole
from tests.support.service import echo_server

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning"),
    # Of asyncio, about connections whose loop has ended: here loops end before their clients are closed.
    pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
]

_POLICIES: dict[str, dict[str, Any]] = {
    "plain": {},
    "policies": {
        "retry": Retry(),
        "circuit_breaker": CircuitBreaker(),
        "rate_limit": RateLimit(concurrent=2),
        "cache": Cache(operations={"generate"}),
        "health": HealthCheck(),
    },
}
policies = pytest.mark.parametrize("options", _POLICIES.values(), ids=_POLICIES)


def _ask(client: Ollama, who: str, times: int = 20) -> list[str]:
    """What came back that was not asked for."""
    prompts = [f"{who} {number}" for number in range(times)]
    return [reply for prompt in prompts if (reply := client.generate("m", prompt).response) != prompt]


async def _ask_async(client: AsyncOllama, who: str, times: int = 20) -> list[str]:
    prompts = [f"{who} {number}" for number in range(times)]
    return [reply for prompt in prompts if (reply := (await client.generate("m", prompt)).response) != prompt]


def _is_unshared(server: Loopback) -> bool:
    """Whether no connection carried requests of two processes; a prompt begins with the name of its process."""
    whose = [{request.json["prompt"].split()[0] for request in each.requests} for each in server.connections]
    return all(len(names) < 2 for names in whose)


@policies
def test_parent_and_child_call_at_once_on_own_connections(options: dict[str, Any]) -> None:
    with echo_server() as server, Ollama(server.url, **options) as client:
        client.generate("m", "parent warm")
        children = [begin_in_child(partial(_ask, client, f"child{number}")) for number in range(2)]
        swapped = _ask(client, "parent")
        assert [swapped, *(result() for result in children)] == [[], [], []]
        assert _is_unshared(server)


def test_httpx_client_on_our_transport_works_in_the_child() -> None:
    with echo_server() as server, httpx.Client(transport=HTTPTransport()) as http:
        client = Ollama(server.url, http_client=http)
        client.generate("m", "parent warm")
        result = begin_in_child(partial(_ask, client, "child"))
        assert [_ask(client, "parent"), result()] == [[], []]
        assert _is_unshared(server)


def test_async_httpx_client_on_our_transport_does_so_too(anyio_backend: str) -> None:
    async def parent() -> Any:
        async with httpx.AsyncClient(transport=AsyncHTTPTransport()) as http:
            client = AsyncOllama(server.url, http_client=http)
            await client.generate("m", "parent warm")
            child = partial(anyio.run, _ask_async, client, "child", backend=anyio_backend)
            result = begin_in_child(partial(_in_thread, child))
            swapped = await _ask_async(client, "parent")
            return [swapped, await anyio.to_thread.run_sync(result)]

    with echo_server() as server:
        assert anyio.run(parent, backend=anyio_backend) == [[], []]
        assert _is_unshared(server)


@policies
def test_async_client_of_a_parent_works_in_the_child(anyio_backend: str, options: dict[str, Any]) -> None:
    def child(client: AsyncOllama) -> Any:
        return anyio.run(_ask_async, client, "child", backend=anyio_backend)

    async def parent() -> Any:
        async with AsyncOllama(server.url, **options) as client:
            await client.generate("m", "parent warm")
            # A child of a running loop starts one of its own in a thread: its first thread is inside the parent's.
            result = begin_in_child(partial(_in_thread, partial(child, client)))
            swapped = await _ask_async(client, "parent")
            return [swapped, await anyio.to_thread.run_sync(result)]

    with echo_server() as server:
        assert anyio.run(parent, backend=anyio_backend) == [[], []]
        assert _is_unshared(server)


_CALLS: dict[str, Callable[[AsyncOllama], Any]] = {
    "call": lambda client: client.generate("m", "child"),
    "stream": lambda client: client.generate("m", "child", stream=True),
    "raw": lambda client: client.with_raw_response.generate("m", "child"),
    "view": lambda client: client.with_options(timeout=PATIENCE).generate("m", "child"),
    "health check": lambda client: client.health.check(),
    "health monitor": lambda client: client.health.start(),
}


@pytest.mark.parametrize("is_warm", [True, False], ids=["warm", "cold"])
@policies
def test_child_inside_its_parents_loop_learns_what_to_do(
    anyio_backend: str, options: dict[str, Any], is_warm: bool
) -> None:
    """The loop of the child is a copy: trio's would take events from the parent, and asyncio's does not run there."""

    async def refusals(client: AsyncOllama) -> list[str]:
        return [await _refusal(call, client) for call in _CALLS.values()]

    async def parent() -> Any:
        async with AsyncOllama(server.url, **options) as client:
            if is_warm:
                await client.generate("m", "parent warm")
            # The child never awaits anything that is not there at once, so it needs no loop to go through the coroutine.
            refused = in_child(lambda: refusals(client).send(None))
            return [refused, await _ask_async(client, "parent")]

    with echo_server() as server:
        refused, swapped = anyio.run(parent, backend=anyio_backend)
    assert refused.startswith("StopIteration: ")
    assert refused.count("forked inside an event loop of its parent") == len(_CALLS)
    assert refused.count("start a loop of its own in a new thread") == len(_CALLS)
    assert swapped == []


async def _refusal(call: Callable[[AsyncOllama], Any], client: AsyncOllama) -> str:
    try:
        await call(client)
    except ConfigurationError as refusal:
        return str(refusal)
    return "not refused"


def _in_thread(work: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(PATIENCE)


@policies
def test_async_client_of_a_loop_that_ended_works_in_a_child(anyio_backend: str, options: dict[str, Any]) -> None:
    """As with ``gunicorn --preload``: one call while the application is imported, then the fork."""
    with echo_server() as server:
        client = AsyncOllama(server.url, **options)
        assert anyio.run(_ask_async, client, "parent", backend=anyio_backend) == []
        assert in_child(partial(anyio.run, _ask_async, client, "child", backend=anyio_backend)) == []
        assert _is_unshared(server)
        anyio.run(client.close, backend=anyio_backend)


def _stream_then_reply(go_on: threading.Event) -> Callable[[Connection], None]:
    """Stream "a", and when it may go on "b"; then reply "c" on the same connection."""

    def answer(connection: Connection) -> None:
        connection.answer(chunked("application/x-ndjson", _item("a", done=False)))
        connection.wait(go_on)
        connection.send(chunk(_item("b", done=True)) + END)
        connection.answer(whole(_item("c", done=True)))
        connection.watch()

    return answer


def test_child_that_closes_the_client_leaves_the_parents_calls() -> None:
    child_ended = threading.Event()
    with Loopback(_stream_then_reply(child_ended)) as server, Ollama(server.url) as client:
        stream = client.generate("m", "p", stream=True)
        assert next(stream).response == "a"

        def child() -> Any:
            client.close()
            stream.close()
            return stream.state

        assert in_child(child) == "closed"
        child_ended.set()
        assert [part.response for part in stream] == ["b"]
        assert client.generate("m", "p").response == "c"
        assert len(server.connections) == 1


async def _leave_block(stream: AsyncStream[GenerateResponse]) -> None:
    async with stream:
        pass


async def _cancel(stream: AsyncStream[GenerateResponse]) -> None:
    stream.cancel()


_ENDINGS: dict[str, Callable[[AsyncOllama, AsyncStream[GenerateResponse]], Coroutine[Any, Any, None]]] = {
    "close": lambda _, stream: stream.close(),
    "block": lambda _, stream: _leave_block(stream),
    "cancel": lambda _, stream: _cancel(stream),
    "client": lambda client, _: client.close(),
}


@pytest.mark.parametrize("end", _ENDINGS.values(), ids=_ENDINGS)
def test_child_inside_its_parents_loop_may_close_everything(
    anyio_backend: str, end: Callable[[AsyncOllama, AsyncStream[GenerateResponse]], Coroutine[Any, Any, None]]
) -> None:
    """Nothing is closed there, and nothing awaited: the loop is a copy, and goes on in the parent."""
    child_ended = threading.Event()

    async def parent(url: str) -> Any:
        async with AsyncOllama(url) as client:
            stream = await client.generate("m", "p", stream=True)
            items = [await anext(stream)]
            result = in_child(lambda: _at_once(end(client, stream)) or stream.state)
            child_ended.set()
            items += [item async for item in stream]
            return result, [item.response for item in items], (await client.generate("m", "p")).response

    with Loopback(_stream_then_reply(child_ended)) as server:
        assert anyio.run(parent, server.url, backend=anyio_backend) == ("closed", ["a", "b"], "c")
        assert len(server.connections) == 1


def _at_once(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of what awaits nothing that is not there at once, so that it needs no loop."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits for something")


def test_child_takes_what_has_arrived_and_reads_no_more() -> None:
    child_ended = threading.Event()

    def answer(connection: Connection) -> None:
        connection.answer(chunked("application/x-ndjson", _item("a", done=False) + _item("b", done=False)))
        connection.wait(child_ended)
        connection.send(chunk(_item("c", done=True)) + END)
        connection.watch()

    with Loopback(answer) as server, Ollama(server.url) as client:
        stream = client.generate("m", "p", stream=True)
        items = [next(stream)]

        def child() -> Any:
            taken = next(stream).response
            with pytest.raises(IncompleteReplyError) as caught:
                stream.collect()
            return [taken, str(caught.value), caught.value.partial.response]

        taken, error, partial = in_child(child)
        assert (taken, partial) == ("b", "ab")
        assert "left to the parent of this process before its last item" in error
        child_ended.set()
        assert [item.response for item in [*items, *stream]] == ["a", "b", "c"]


@pytest.mark.parametrize("before", ["pause", "cancel", "collect"])
def test_stream_in_a_child_is_what_its_parent_made_of_it(before: str) -> None:
    def answer(connection: Connection) -> None:
        items = [_item("a", done=False), _item("b", done=True)]
        connection.answer(chunked("application/x-ndjson", b"".join(items)) + END)
        connection.watch()

    with Loopback(answer) as server, Ollama(server.url) as client:
        stream = client.generate("m", "p", stream=True)
        taken = [] if before == "collect" else [next(stream).response]
        getattr(stream, before)()

        def child() -> Any:
            state = stream.state
            try:
                taken.extend(item.response for item in stream)
            except IncompleteReplyError as error:
                return [state, taken, str(error)]
            return [state, taken, stream.collect().response]

        cancelled = "the stream was cancelled before its last item was taken; 2 items had arrived"
        assert (
            in_child(child)
            == {
                "pause": ["closed", ["a", "b"], "ab"],
                "cancel": ["cancelled", ["a"], cancelled],
                "collect": ["finished", [], "ab"],
            }[before]
        )
        assert stream.state == {"pause": "paused", "cancel": "cancelled", "collect": "finished"}[before]


def test_child_inside_its_parents_loop_saves_no_bytes(anyio_backend: str, tmp_path: Path) -> None:
    async def parent(url: str) -> Any:
        async with AsyncOllama(url) as client:
            sound = await client.v1.audio.speech.create("m", "p")
            refused = in_child(lambda: _at_once(sound.save(tmp_path / "sound.wav")))
            return refused, await sound.read()

    with Loopback(lambda connection: connection.answer(chunked("audio/wav", b"sound") + END)) as server:
        refused, sound = anyio.run(parent, server.url, backend=anyio_backend)
    assert refused.startswith("ConfigurationError: this process was forked inside an event loop of its parent")
    assert sound == b"sound"
    assert list(tmp_path.iterdir()) == []


def _item(text: str, *, done: bool) -> bytes:
    return json.dumps({"model": "m", "response": text, "done": done}).encode() + b"\n"


# multiprocessing


_shared: Ollama | None = None


def _in_pool(number: int) -> str:
    assert _shared is not None
    return _shared.generate("m", f"{os.getpid()} {number}").response.split()[1]


def test_pool_of_forked_processes_shares_a_warm_client(monkeypatch: pytest.MonkeyPatch) -> None:
    with echo_server() as server, Ollama(server.url) as client:
        client.generate("m", "parent warm")
        monkeypatch.setattr(sys.modules[__name__], "_shared", client)
        with multiprocessing.get_context("fork").Pool(4) as pool:
            assert pool.map(_in_pool, range(60), chunksize=1) == [str(number) for number in range(60)]
        assert _is_unshared(server)


def _call(client: Ollama | AsyncOllama, backend: str, results: Any) -> None:
    """Call from another process."""
    if isinstance(client, AsyncOllama):
        results.put(anyio.run(_ask_async, client, "child", backend=backend))
    else:
        results.put(_ask(client, "child"))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("kind", ["sync", "asyncio", "trio"])
@policies
def test_process_of_any_kind_has_a_client_of_its_own(method: str, kind: str, options: dict[str, Any]) -> None:
    context: Any = multiprocessing.get_context(method)
    results = context.Queue()
    with echo_server() as server:
        client = Ollama(server.url, **options) if kind == "sync" else AsyncOllama(server.url, **options)
        backend = "asyncio" if kind == "sync" else kind
        swapped = _ask(client, "parent warm", 1) if isinstance(client, Ollama) else _run(backend, client)
        process = context.Process(target=_call, args=(client, backend, results))
        process.start()
        if isinstance(client, Ollama):
            swapped += _ask(client, "parent")
        try:
            assert [swapped, results.get(timeout=PATIENCE)] == [[], []]
        finally:
            process.join(PATIENCE)
        assert _is_unshared(server)
        client.close() if isinstance(client, Ollama) else anyio.run(client.close, backend=backend)


def _run(backend: str, client: AsyncOllama) -> list[str]:
    return anyio.run(_ask_async, client, "parent", backend=backend)


# Web servers


@contextlib.contextmanager
def _serving(command: list[str], ollama: str, *, warm: bool) -> Iterator[str]:
    """Run a web server on a socket that listens already; gives its URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        listener.set_inheritable(True)
        fd = listener.fileno()
        # Warnings of the web servers are not ours.
        environment = {**os.environ, "PYTHONWARNINGS": "", "OLLAMA_HOST": ollama, "WARM_UP": "1" if warm else ""}
        arguments = [part.format(fd=fd) for part in command]
        process = subprocess.Popen([sys.executable, "-m", *arguments], env=environment, pass_fds=[fd])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            process.terminate()
            process.wait(PATIENCE)


_GUNICORN = ["gunicorn", "--preload", "--workers=2", "--bind=fd://{fd}", "--log-level=critical"]
_UVICORN = ["uvicorn", "--workers=2", "--fd={fd}", "--log-level=critical", "--lifespan=off"]
_SERVERS = {
    "gunicorn sync": ([*_GUNICORN, "tests.support.service:wsgi"], True),
    "gunicorn threads": ([*_GUNICORN, "--threads=4", "tests.support.service:wsgi"], True),
    "gunicorn uvicorn": (
        [*_GUNICORN, "--worker-class=uvicorn.workers.UvicornWorker", "tests.support.service:asgi"],
        True,
    ),
    "uvicorn workers": ([*_UVICORN, "tests.support.service:asgi"], False),
}


@pytest.mark.parametrize(("command", "warm"), _SERVERS.values(), ids=_SERVERS)
def test_workers_of_a_web_server_never_get_each_others_reply(command: list[str], warm: bool) -> None:
    with echo_server() as server, _serving(command, server.url, warm=warm) as url:
        with httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False) as http, ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(http.get, [f"/{number}" for number in range(40)]))
        assert [answer.text for answer in answers] == [f"/{number}" for number in range(40)]
    warm_ups = [each for each in server.connections if each.requests and each.requests[0].json["prompt"] == "warm"]
    assert all(len(each.requests) == 1 for each in warm_ups)
