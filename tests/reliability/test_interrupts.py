"""Ctrl-C at every moment of a call: nothing that calls share is lost, held or corrupted, and the next call works."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import Any

import httpx
import pytest

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
from tests.support.callers import Script
from tests.support.clocks import HandClock
from tests.support.interrupts import Interrupts
from tests.support.loopback import PATIENCE

POLICIES: dict[str, dict[str, Any]] = {
    "rate limit": {"rate_limit": RateLimit(concurrent=1, per_second=1000)},
    "cache": {"cache": Cache(max_entries=2, streams=True)},
    "retry": {"retry": Retry()},
    "failover": {"failover": Failover("least_busy")},
    "circuit breaker": {"circuit_breaker": CircuitBreaker(window=20, minimum_calls=20)},
}
POLICIES["all"] = {name: policy for policies in POLICIES.values() for name, policy in policies.items()}


class _Chunks(httpx.SyncByteStream):
    def __iter__(self) -> Any:
        yield from (b"{", b"}")


def _made(name: str) -> Stack[httpx.BaseTransport]:
    failing, whole = (lambda _: httpx.Response(503)), (lambda _: httpx.Response(200, stream=_Chunks()))
    endpoints = [Endpoint("http://a"), Endpoint("http://b")][: 2 if "failover" in POLICIES[name] else 1]
    wire = Script(failing, whole, whole, whole)
    return build_stack(wire, endpoints, Policies(**POLICIES[name]), clock=HandClock())


def _call(stack: Stack[httpx.BaseTransport], body: bytes, *, stream: bool = False) -> int:
    known = {"operation": "embed", "repeat": "safe", "deterministic": True, "stream": stream}
    request = httpx.Request("POST", "http://a/api/embed", content=body, extensions=known)
    response = stack.transport.handle_request(request)
    try:
        response.read()
    finally:
        response.close()
    return response.status_code


def _calls(stack: Stack[httpx.BaseTransport]) -> None:
    _call(stack, b"1")
    _call(stack, b"2", stream=True)


def _left_over(stack: Stack[httpx.BaseTransport]) -> dict[str, Any]:
    states, left = stack._states, {}
    if states.limiter is not None:
        left["permits"] = (len(states.limiter.queue.held), len(states.limiter.queue.waiting))
    if states.endpoints is not None:
        left["in flight"] = tuple(len(member.in_flight) for member in states.endpoints.members)
    if states.caching is not None:
        left["led"] = (len(states.caching._in_flight),)
    return {name: counts for name, counts in left.items() if any(counts)}


def _uncounted(stack: Stack[httpx.BaseTransport]) -> bool:
    """Whether the store counts other bytes than it holds."""
    caching = stack._states.caching
    if caching is None:
        return False
    entries, size = caching._store.sizes()
    replies = caching._store._replies
    return (entries, size) != (len(replies), sum(reply.size() for reply in replies.values()))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of finalizers that were interrupted
@pytest.mark.parametrize("name", POLICIES)
def test_an_interrupt_at_any_moment_loses_nothing(name: str) -> None:
    if sys.gettrace() is not None:
        pytest.skip("another tracer runs")
    with Interrupts(0) as counted:
        _calls(_made(name))
    assert counted.moments > 50
    for moment in range(1, counted.moments + 1):
        stack = _made(name)
        with contextlib.suppress(KeyboardInterrupt), Interrupts(moment):
            _calls(stack)
        # Two failures at most, and the bodies differ, so that no outcome of an interrupted call answers all.
        outcomes = [_called_elsewhere(stack, body) for body in (b"1", b"2", b"3")]
        assert outcomes[-1] == 200, f"moment {moment}: {outcomes}"
        assert _left_over(stack) == {}, f"moment {moment}"
        assert not _uncounted(stack), f"moment {moment}"


def _called_elsewhere(stack: Stack[httpx.BaseTransport], body: bytes) -> object:
    """The outcome of a call in another thread, which a lock that is still held would keep out."""
    outcome: list[object] = []

    def call() -> None:
        try:
            outcome.append(_call(stack, body))
        except Exception as error:  # noqa: BLE001 - for the test to show
            outcome.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return outcome[0] if outcome else "hangs"
