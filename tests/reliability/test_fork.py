"""A forked child starts afresh: no lock, permit or call of the parent's threads is left in it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ollama_sdk import Ollama
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
from tests.support.forked import in_child
from tests.support.loopback import PATIENCE, Loopback, replies, say, serving, whole

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
            assert limiter.try_acquire(parents)
            process = context.Process(target=_ask, args=(client, results))
            process.start()
            try:
                assert results.get(timeout=PATIENCE) == "1"
            finally:
                limiter.release(parents)
                process.join(PATIENCE)
