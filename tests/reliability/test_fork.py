"""A forked child starts afresh: no lock, permit or call of the parent's threads is left in it."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import anyio
import httpx
import pytest

from ollama_sdk import AsyncOllama, Ollama
from ollama_sdk._concurrency import forks
from ollama_sdk.reliability import (
    Cache,
    CircuitBreaker,
    Endpoint,
    Failover,
    Policies,
    RateLimit,
    Retry,
    Stack,
    build_stack,
)
from ollama_sdk.reliability.health import Health
from tests.support.callers import Script
from tests.support.forked import in_child, untraced
from tests.support.loopback import PATIENCE, Connection, Loopback, replies, say, serving, whole

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning"),
]

ENDPOINTS = [Endpoint("http://a"), Endpoint("http://b")]
POLICIES = Policies(
    retry=Retry(),
    circuit_breaker=CircuitBreaker(probes=1),
    rate_limit=RateLimit(concurrent=1, wait=False),
    failover=Failover("least_busy"),
    cache=Cache(),
)
KNOWN = {"operation": "embed", "repeat": "safe", "deterministic": True, "stream": False}


@contextlib.contextmanager
def held(lock: Any) -> Iterator[None]:
    """Hold a lock in another thread."""
    holds, over = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            holds.set()
            over.wait(PATIENCE)

    thread = threading.Thread(target=hold)
    thread.start()
    assert holds.wait(PATIENCE)
    try:
        yield
    finally:
        over.set()
        thread.join(PATIENCE)


def made(wire: httpx.BaseTransport | None = None) -> Stack[httpx.BaseTransport]:
    return build_stack(wire or Script(lambda _: httpx.Response(200)), ENDPOINTS, POLICIES)


def call(stack: Stack[httpx.BaseTransport], body: bytes = b"{}", **known: Any) -> httpx.Response:
    request = httpx.Request("POST", "http://a/api/embed", content=body, extensions={**KNOWN, **known})
    return stack.transport.handle_request(request)


def _locks(stack: Stack[httpx.BaseTransport]) -> dict[str, Any]:
    states: Any = stack._states
    return {
        "rate limit": states.limiter._lock,
        "retry budget": states.retrier.budget._lock,
        "breakers": states.breakers._lock,
        "cache": states.caching._lock,
        "endpoints": states.endpoints._lock,
    }


@pytest.mark.parametrize("name", ["rate limit", "retry budget", "breakers", "cache", "endpoints"])
def test_lock_held_at_the_fork_does_not_hang_the_child(name: str) -> None:
    def wire(_: httpx.Request) -> httpx.Response:
        return httpx.Response(next(statuses))

    statuses = iter([200, 503, 503, 503, 503, 503, 503, 200, 200])
    stack = made(Script(wire))
    call(stack, b"warm")
    with held(_locks(stack)[name]):
        assert in_child(lambda: call(stack, b"in the child").status_code) == 200


def test_calls_of_the_parent_take_no_place_in_the_child() -> None:
    entered, over = threading.Event(), threading.Event()

    def wire(request: httpx.Request) -> httpx.Response:
        if b"".join(request.stream) == b"busy":  # type: ignore[arg-type]
            entered.set()
            over.wait(PATIENCE)
        return httpx.Response(200)

    stack = made(Script(wire))
    thread = threading.Thread(target=call, args=(stack, b"busy"))
    thread.start()
    assert entered.wait(PATIENCE)

    def child() -> Any:
        counts = [len(member.in_flight) for member in stack._states.endpoints.members]  # type: ignore[union-attr]
        other = call(stack, b"other").status_code
        over.set()  # the child's own event: an identical call is not one to wait for
        return [other, call(stack, b"busy").status_code, counts]

    try:
        assert in_child(child) == [200, 200, [0, 0]]
        assert in_child(child) == [200, 200, [0, 0]]
    finally:
        over.set()
        thread.join(PATIENCE)
    assert call(stack, b"other").status_code == 200  # the parent's places are free again


@untraced
def test_children_forked_amid_calls_of_threads_never_hang() -> None:
    stack, over = made(), threading.Event()

    def work(number: int) -> None:
        while not over.is_set():
            with contextlib.suppress(Exception):  # the limit refuses most
                call(stack, str(number).encode())

    former = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    threads = [threading.Thread(target=work, args=(each,)) for each in range(4)]
    for thread in threads:
        thread.start()
    try:
        outcomes = [in_child(lambda: call(stack, b"in the child").status_code) for _ in range(20)]
    finally:
        over.set()
        for thread in threads:
            thread.join(PATIENCE)
        sys.setswitchinterval(former)
    assert outcomes == [200] * 20


def _answer_slowly(connection: Connection) -> None:
    """Answer embeddings, those of the parent only after a while, so that calls are in flight at each fork."""
    while True:
        request = connection.request()
        if b"of the parent" in request.body:
            time.sleep(0.02)
        connection.send(whole(json.dumps({"model": "m", "embeddings": [[1.0]]}).encode()))


ALL_POLICIES: dict[str, Any] = {
    "retry": Retry(),
    "circuit_breaker": CircuitBreaker(),
    "rate_limit": RateLimit(concurrent=2),
    "failover": Failover("least_busy"),
    "cache": Cache(),
    "timeout": PATIENCE,
}


def _left_of(client: Any) -> list[int]:
    states = client._runtime.transports.stack._states
    return [*(member.busy() for member in states.endpoints.members), len(states.limiter.queue.held)]


@untraced
def test_children_forked_amid_calls_answer_under_all_policies() -> None:
    over = threading.Event()

    def work(client: Ollama, number: int) -> None:
        for count in itertools.count():
            if over.is_set():
                return
            client.embed("m", f"of the parent {number} {count}")

    def child(client: Ollama) -> Any:
        first = client.embed("m", "of the child").embeddings
        threads = [threading.Thread(target=client.embed, args=("m", f"of the child {each}")) for each in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        return [first, _left_of(client)]

    with (
        Loopback(_answer_slowly) as one,
        Loopback(_answer_slowly) as two,
        Ollama([one.url, two.url], **ALL_POLICIES) as client,
    ):
        client.health.start()
        threads = [threading.Thread(target=work, args=(client, each)) for each in range(5)]
        for thread in threads:
            thread.start()
        try:
            outcomes = [in_child(lambda: child(client)) for _ in range(8)]
        finally:
            over.set()
            for thread in threads:
                thread.join(PATIENCE)
        assert outcomes == [[[[1.0]], [0, 0, 0]]] * 8
        assert _left_of(client) == [0, 0, 0]  # the forks took nothing from the parent


@untraced
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_child_uses_an_async_client_that_runs_in_a_thread(backend: str) -> None:
    started, over = threading.Event(), threading.Event()

    async def work(client: AsyncOllama, number: int) -> None:
        for count in itertools.count():
            if over.is_set():
                return
            await client.embed("m", f"of the parent {number} {count}")

    async def live(client: AsyncOllama) -> None:
        started.set()
        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(work, client, number)
        await client.close()

    async def child(client: AsyncOllama) -> Any:
        return [(await client.embed("m", "of the child")).embeddings, _left_of(client)]

    with Loopback(_answer_slowly) as one, Loopback(_answer_slowly) as two:
        client = AsyncOllama([one.url, two.url], **ALL_POLICIES)
        thread = threading.Thread(target=lambda: anyio.run(live, client, backend=backend))
        thread.start()
        assert started.wait(PATIENCE)
        try:
            outcomes = [in_child(lambda: anyio.run(child, client, backend=backend)) for _ in range(5)]
        finally:
            over.set()
            thread.join(PATIENCE)
        assert outcomes == [[[[1.0]], [0, 0, 0]]] * 5
        assert _left_of(client) == [0, 0, 0]


def test_fork_waits_for_an_import_of_another_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python would keep the lock of a module that is being imported in the child, where no thread ever gives it back."""
    (tmp_path / "slow_to_import.py").write_text(
        "import gate\ngate.entered.set()\nassert gate.over.wait(60)\nvalue = 1\n"
    )
    gate: Any = ModuleType("gate")
    gate.entered, gate.over = threading.Event(), threading.Event()
    monkeypatch.setitem(sys.modules, "gate", gate)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(forks, "_PACKAGE", str(Path(__file__).parent))  # this test asks for the import
    monkeypatch.setattr(forks, "_PAUSE", 0.0)
    pauses = itertools.count()

    def sleep(_: float) -> None:
        if next(pauses) == 3:
            gate.over.set()

    monkeypatch.setattr(forks.time, "sleep", sleep)
    thread = threading.Thread(target=_import_slowly)
    thread.start()
    assert gate.entered.wait(PATIENCE)
    assert in_child(_import_slowly) == 1
    thread.join(PATIENCE)
    assert next(pauses) > 3


def _import_slowly() -> int:
    value: int = importlib.import_module("slow_to_import").value
    return value


def test_thread_that_imports_for_itself_delays_no_fork() -> None:
    def frame(name: str, code: Any, caller: Any = None, module: str = "a") -> Any:
        code = SimpleNamespace(co_filename=name, co_name=code)
        return SimpleNamespace(f_code=code, f_back=caller, f_globals={"__name__": module})

    ours, imports = forks.__file__, "<frozen importlib._bootstrap>"
    application = frame(imports, "_load", frame("application.py", "<module>"))
    assert not forks._is_importing(None)
    assert not forks._is_importing(application)
    assert not forks._is_importing(frame(ours, "call", application))  # imports nothing itself
    assert forks._is_importing(frame("any.py", "<module>", frame(imports, "_load", frame(ours, "call"))))
    assert forks._is_importing(frame(ours, "<module>"))
    assert not forks._is_importing(frame(ours, "<module>", module="__main__"))  # which runs for as long as the program
    tool = frame("any.py", "<module>", frame(imports, "_load", frame("tool.py", "run", frame(ours, "call"))))
    assert not forks._is_importing(tool)


def test_monitor_of_the_parent_does_not_run_in_the_child() -> None:
    health = Health(Script(lambda _: httpx.Response(200)), ENDPOINTS)
    health.start()

    def child() -> Any:
        before = health.running
        health.start()
        after = health.running
        health.stop()
        return [before, after, health.running]

    try:
        with held(health._lock):
            assert in_child(child) == [False, True, False]
        assert health.running
    finally:
        health.stop()


def test_child_changes_the_policies_of_a_busy_client() -> None:
    with Ollama("http://127.0.0.1:1", retry=Retry()) as client, held(client._runtime.transports._changing):
        assert in_child(lambda: client.reconfigure(retry=None) is not None or True) is True


def test_child_drops_a_stream_that_a_thread_was_reading() -> None:
    body = whole(b'{"model":"m","done":true}', content_type="application/x-ndjson")

    with Loopback(replies(body)) as server, Ollama(server.url) as client:
        stream = client.chat("m", [], stream=True)
        with held(stream._exchange._lock):
            assert in_child(lambda: stream._exchange.stop("closed") in {True, False}) is True
        stream.close()


def _ask(client: Ollama, results: Any) -> None:
    results.put(client.version().version)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_process_of_any_kind_calls_on_its_own(method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    results = context.Queue()
    with serving({"/api/version": say(body={"version": "1"})}) as server:
        limit = RateLimit(concurrent=1, wait=False)
        with Ollama(server.url, rate_limit=limit, retry=Retry()) as client:
            limiter: Any = client._runtime.transports.stack._states.limiter
            parents = object()
            assert limiter.queue.try_acquire(parents, limiter.clock.monotonic())
            process = context.Process(target=_ask, args=(client, results))
            process.start()
            try:
                assert results.get(timeout=PATIENCE) == "1"
            finally:
                limiter.release(parents)
                process.join(PATIENCE)
