"""The stack: the policies in their order, changed at run time, observed, and all on at once."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import anyio
import anyio.lowlevel
import attrs
import httpx
import pytest

from ollama_sdk.errors import CircuitOpenError, ConfigurationError, RateLimitExceededError
from ollama_sdk.reliability import (
    AttemptFailed,
    AttemptStarted,
    Cache,
    CacheHit,
    CacheMiss,
    CallEnded,
    CallStarted,
    CircuitBreaker,
    Endpoint,
    Event,
    FailedOver,
    Failover,
    Policies,
    RateLimit,
    Retry,
    RetryBudget,
    RetryScheduled,
    StreamEnded,
    StreamFirstItem,
    StreamStarted,
    build_async_stack,
    build_stack,
    log_events,
)
from tests.support.callers import Caller, Script
from tests.support.clocks import HandClock
from tests.support.library import library
from tests.support.loopback import PATIENCE, chunks, cut, say, serving

EMBED = {"operation": "embed", "repeat": "safe", "deterministic": True, "model": "m"}
ALL_ON = {
    "retry": Retry(),
    "circuit_breaker": CircuitBreaker(),
    "rate_limit": RateLimit(per_second=1000, concurrent=8),
    "failover": Failover(),
    "cache": Cache(),
}


def build(
    caller: Caller, wire: Any, urls: tuple[str, ...] = ("http://a",), clock: HandClock | None = None, **policies: Any
) -> Any:
    builder = build_stack if caller.colour == "sync" else build_async_stack
    return builder(wire, [Endpoint(url) for url in urls], Policies(**policies), clock=clock or HandClock())


def test_without_policies_the_wire_itself_is_used() -> None:
    wire = Script(200)
    assert build(Caller("sync"), wire).transport is wire


def test_the_order_is_cache_limit_retry_failover_breaker_wire(caller: Caller) -> None:
    events: list[Event] = []
    wire = Script(httpx.ConnectError("refused"), 503, 200)
    policies = {**ALL_ON, "observer": events.append}
    stack = build(caller, wire, ("http://a", "http://b"), **policies)
    for _ in range(2):
        assert (
            caller.call(
                stack.transport, "POST", "http://a/api/embed", content=b"{}", extensions=dict(EMBED)
            ).status_code
            == 200
        )
    assert [type(event) for event in events] == [
        CallStarted,
        CacheMiss,
        AttemptStarted,
        AttemptFailed,
        FailedOver,
        AttemptStarted,
        AttemptFailed,
        RetryScheduled,
        AttemptStarted,
        CallEnded,
        CallStarted,
        CacheHit,
        CallEnded,
    ]
    first, second = events[0].call, events[-1].call
    assert [event.call for event in events] == [first] * 10 + [second] * 3
    assert first != second
    assert {event.operation for event in events} == {"embed"}
    attempts = [(event.endpoint, event.attempt) for event in events if isinstance(event, AttemptStarted)]
    assert attempts == [("http://a", 1), ("http://b", 1), ("http://a", 2)]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        events[0].call = 5  # type: ignore[misc]


def test_a_retried_call_holds_one_permit_and_a_cache_hit_none() -> None:
    caller, wire = Caller("sync"), Script(503, 503, 200)
    stack = build(
        caller, wire, retry=Retry(), rate_limit=RateLimit(per_second=0.001, burst=1, wait=False), cache=Cache()
    )
    for _ in range(3):
        caller.call(stack.transport, "POST", extensions=dict(EMBED))
    assert len(wire.requests) == 3
    with pytest.raises(RateLimitExceededError):
        caller.call(stack.transport, "POST", "http://a/other", extensions=dict(EMBED))


def test_a_failing_observer_breaks_no_call_and_is_logged_once(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    def observer(_: Event) -> None:
        raise RuntimeError("bad observer")

    stack = build(caller, Script(503, 200), **ALL_ON, observer=observer)
    assert caller.call(stack.transport).status_code == 200
    assert [record.levelno for record in caplog.records if "observer" in record.message] == [logging.WARNING]


def test_events_can_be_logged(caplog: pytest.LogCaptureFixture) -> None:
    stack = build(Caller("sync"), Script(503, 200), retry=Retry(), observer=log_events)
    with caplog.at_level(logging.DEBUG, "ollama_sdk"):
        Caller("sync").call(stack.transport)
    assert [(record.name, record.levelno) for record in caplog.records if "RetryScheduled" in record.message] == [
        ("ollama_sdk", logging.WARNING)
    ]


def outline(events: list[Event]) -> list[tuple[str, Any]]:
    return [
        (type(event).__name__, getattr(event, "complete", getattr(event, "error", None)))
        for event in events
        if "Attempt" not in type(event).__name__
    ]


def test_the_events_of_a_stream_are_reported() -> None:
    events: list[Event] = []
    with serving({"/s": [chunks(b"a", b"b"), chunks(b"a", b"b"), cut(b"a")]}) as server:
        stack = build_stack(library.HTTPTransport(), [Endpoint(server.url)], Policies(observer=events.append))
        with httpx.Client(transport=stack.transport, base_url=server.url) as client:
            for number in range(3):
                with client.stream("GET", "/s", extensions={"stream": True}) as response:
                    parts = response.iter_raw()
                    next(parts)
                    if number == 0:
                        list(parts)
                    if number == 2:
                        with pytest.raises(httpx.RemoteProtocolError):
                            next(parts)
    kinds = [StreamStarted, StreamFirstItem, StreamEnded, CallEnded]
    assert [type(event) for event in events if type(event) in kinds] == kinds * 3
    ends = [event for event in events if isinstance(event, StreamEnded)]
    assert [event.complete for event in ends] == [True, False, False]
    assert [event.error is None for event in ends] == [True, True, False]


@pytest.mark.anyio
async def test_the_events_of_an_async_stream_are_reported() -> None:
    events: list[Event] = []
    with serving({"/s": [chunks(b"a", b"b"), cut(b"a")]}) as server:
        stack = build_async_stack(
            library.AsyncHTTPTransport(), [Endpoint(server.url)], Policies(**ALL_ON, observer=events.append)
        )
        async with httpx.AsyncClient(transport=stack.transport, base_url=server.url) as client:
            async with client.stream("GET", "/s", extensions={"stream": True}) as response:
                assert b"".join([part async for part in response.aiter_raw()]) == b"ab"
            async with client.stream("GET", "/s", extensions={"stream": True}) as response:
                with pytest.raises(httpx.RemoteProtocolError):
                    assert [part async for part in response.aiter_raw()]
    assert [event.complete for event in events if isinstance(event, StreamEnded)] == [True, False]


# --- changing policies at run time


def test_reconfiguring_keeps_the_state_that_still_makes_sense(caller: Caller) -> None:
    clock, events = HandClock(), []
    wire = Script(200, 503)
    stack = build(
        caller,
        wire,
        clock=clock,
        cache=Cache(),
        circuit_breaker=CircuitBreaker(failure_rate=1.0, window=2, minimum_calls=2),
        rate_limit=RateLimit(per_second=0.001, burst=4, wait=False),
        retry=Retry(budget=RetryBudget(tokens=3)),
    )
    caller.call(stack.transport, "POST", "http://a/1", extensions=dict(EMBED))
    caller.call(stack.transport, "POST", "http://a/2")
    later = stack.reconfigured(
        cache=Cache(max_entries=10),
        circuit_breaker=CircuitBreaker(failure_rate=1.0, window=2, minimum_calls=2, open_for=7),
        rate_limit=RateLimit(per_second=0.002, burst=4, wait=False),
        retry=Retry(attempts=9, budget=RetryBudget(tokens=3)),
        observer=events.append,
    )
    assert stack.policies.retry.attempts == 4
    assert later.policies.retry.attempts == 9
    later.report_changes(stack)
    assert [event.changed for event in events] == [("retry", "circuit_breaker", "rate_limit", "cache", "observer")]
    caller.call(later.transport, "POST", "http://a/1", extensions=dict(EMBED))
    assert len(wire.requests) == 2  # the cache has kept its content
    with pytest.raises(CircuitOpenError, match=r"7\.0 s"):  # noqa: PT012
        caller.call(later.transport, "POST", "http://a/3")
        caller.call(later.transport, "POST", "http://a/4")
    with pytest.raises(RateLimitExceededError):  # four of four tokens are gone
        caller.call(later.transport, "POST", "http://a/5")


def test_reconfiguring_does_not_refill_the_retry_budget() -> None:
    caller, wire, budget = Caller("sync"), Script(503), RetryBudget(tokens=3)
    stack = build(caller, wire, retry=Retry(budget=budget))
    caller.call(stack.transport)
    assert len(wire.requests) == 2
    caller.call(stack.reconfigured(retry=Retry(attempts=9, budget=budget)).transport)
    assert len(wire.requests) == 3


def test_a_policy_can_be_turned_off_and_on(caller: Caller) -> None:
    wire = Script(503)
    stack = build(caller, wire, retry=Retry())
    off = stack.reconfigured(retry=None)
    assert off.transport is wire
    caller.call(off.reconfigured(retry=Retry(attempts=2)).transport)
    assert len(wire.requests) == 2


def test_a_bad_change_raises_and_changes_nothing() -> None:
    events: list[Event] = []
    stack = build(Caller("sync"), Script(200), ("http://a", "http://b"), **ALL_ON, observer=events.append)
    with pytest.raises(ConfigurationError, match="several endpoints"):
        stack.reconfigured(failover=None, rate_limit=RateLimit(concurrent=1))
    with pytest.raises(ConfigurationError, match="retry=3"):
        stack.reconfigured(retry=3, rate_limit=RateLimit(concurrent=1))
    with pytest.raises(TypeError):
        stack.reconfigured(retries=Retry())
    assert events == []
    assert stack.policies.rate_limit.concurrent == 8


def test_an_equal_policy_is_no_change(caller: Caller) -> None:
    events: list[Event] = []
    stack = build(caller, Script(200), **ALL_ON, observer=events.append)
    for changes in ({}, {"retry": Retry()}, {"observer": events.append}):
        stack.reconfigured(**changes).report_changes(stack)
    assert events == []
    others: list[Event] = []
    stack.reconfigured(observer=others.append).report_changes(stack)
    assert [event.changed for event in others] == [("observer",)]


@pytest.mark.parametrize(
    ("urls", "policies"),
    [
        (("http://a", "http://b"), {}),
        ((), {"failover": Failover()}),
        (("http://a", "http://a/"), {"failover": Failover()}),
    ],
)
def test_policies_that_do_not_fit_the_endpoints_are_refused(urls: tuple[str, ...], policies: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        build(Caller("sync"), Script(200), urls, **policies)


def test_a_stream_in_flight_outlives_a_change() -> None:
    gate = threading.Event()
    with serving({"/s": chunks(b"a", b"b", gate=gate)}) as server:
        stack = build_stack(
            library.HTTPTransport(), [Endpoint(server.url)], Policies(rate_limit=RateLimit(concurrent=1))
        )
        request = httpx.Request("GET", f"{server.url}/s", extensions={"stream": True})
        response = stack.transport.handle_request(request)
        later = stack.reconfigured(rate_limit=RateLimit(concurrent=2), retry=Retry())
        limiter = later._states.limiter
        assert len(limiter.queue.held) == 1
        gate.set()
        assert response.read() == b"ab"
        assert len(limiter.queue.held) == 0
        later.transport.close()


def test_calls_that_wait_start_when_the_limit_is_turned_off() -> None:
    gate = threading.Event()
    with serving({"/held": chunks(b"a", gate=gate), "/next": say(200, b"b")}) as server:
        stack = build_stack(
            library.HTTPTransport(),
            [Endpoint(server.url)],
            Policies(rate_limit=RateLimit(per_second=0.001, concurrent=1)),
        )
        held = stack.transport.handle_request(httpx.Request("GET", f"{server.url}/held", extensions={"stream": True}))
        replies: list[bytes] = []

        def ask() -> None:
            replies.append(stack.transport.handle_request(httpx.Request("GET", f"{server.url}/next")).read())

        threads = [threading.Thread(target=ask, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        while len(stack._states.limiter.queue.waiting) < 3:
            time.sleep(0.001)
        later = stack.reconfigured(rate_limit=None)
        for thread in threads:
            thread.join(PATIENCE)
        assert replies == [b"b"] * 3
        gate.set()
        assert held.read() == b"a"
        later.transport.close()


# --- everything at once


def test_fifty_threads_lose_nothing_while_policies_change() -> None:
    with serving({"/x": [*([say(503), say(200, b"ok")] * 20), say(200, b"ok")]}) as server:
        policies = {
            **ALL_ON,
            "retry": Retry(initial=0.001, maximum=0.002, attempts=40, budget=None),
            "circuit_breaker": CircuitBreaker(failure_rate=1.0),
        }
        stacks = [build_stack(library.HTTPTransport(), [Endpoint(server.url)], Policies(**policies))]
        done: list[int] = []

        def work() -> None:
            for _ in range(4):
                request = httpx.Request("GET", f"{server.url}/x", extensions={"operation": "x"})
                done.append(stacks[-1].transport.handle_request(request).status_code)

        threads = [threading.Thread(target=work) for _ in range(50)]
        for thread in threads:
            thread.start()
        for number in range(20):
            stacks.append(
                stacks[-1].reconfigured(rate_limit=RateLimit(per_second=10_000 + number, concurrent=4 + number % 5))
            )
        for thread in threads:
            thread.join(PATIENCE)
        assert done == [200] * 200
        assert (len(stacks[-1]._states.limiter.queue.held), len(stacks[-1]._states.limiter.queue.waiting)) == (0, 0)
        assert [member.busy() for member in stacks[-1]._states.endpoints.members] == [0]
        stacks[-1].transport.close()


@pytest.mark.anyio
async def test_a_thousand_tasks_through_all_policies_count_exactly() -> None:
    calls = 0

    class Wire(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal calls
            calls += 1
            number = calls
            await anyio.lowlevel.checkpoint()
            if number % 10 == 0:
                raise httpx.ReadError("gone")
            return httpx.Response(200)

    events: list[Event] = []
    policies = {
        **ALL_ON,
        "retry": Retry(initial=0.001, maximum=0.001, attempts=20, budget=None),
        "rate_limit": RateLimit(concurrent=7),
        "observer": events.append,
    }
    stack = build_async_stack(Wire(), [Endpoint("http://a")], Policies(**policies))
    scopes = [anyio.CancelScope() for _ in range(1000)]
    answered = 0

    async def call(scope: anyio.CancelScope) -> None:
        nonlocal answered
        with scope:
            request = httpx.Request("GET", "http://a/x", extensions={"operation": "x"})
            assert (await stack.transport.handle_async_request(request)).status_code == 200
            answered += 1

    async with anyio.create_task_group() as group:
        for scope in scopes:
            group.start_soon(call, scope)
        await anyio.lowlevel.checkpoint()
        for scope in scopes[::3]:
            scope.cancel()
    limiter, endpoints = stack._states.limiter, stack._states.endpoints
    assert answered >= 666
    assert (len(limiter.queue.held), len(limiter.queue.waiting)) == (0, 0)
    assert [len(member.in_flight) for member in endpoints.members] == [0]
    kinds = [type(event) for event in events]
    assert kinds.count(CallStarted) == kinds.count(CallEnded)
    assert kinds.count(AttemptStarted) == calls
