"""Rate limit: how many a second, how many at once, in which order, and what becomes of those who give up."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import math
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ollama_sdk.errors import APITimeoutError, ConfigurationError, RateLimitExceededError
from ollama_sdk.reliability import (
    AsyncRateLimitTransport,
    RateLimit,
    RateLimitTransport,
    Refused,
    Retry,
    RetryTransport,
    Waited,
)
from ollama_sdk.reliability._waiting import AsyncSignal
from ollama_sdk.reliability.rate_limit import Limiter, Line, Place
from tests.support.callers import Caller, Script, in_threads
from tests.support.clocks import HandClock
from tests.support.loopback import PATIENCE, Loopback, Routes, chunks, say, serving

PAIR = (RateLimitTransport, AsyncRateLimitTransport)


class Flag:
    is_lost = False

    def __init__(self) -> None:
        self.is_set = False

    def set(self) -> bool:
        self.is_set = True
        return True

    def clear(self) -> None:
        self.is_set = False


class LineMachine(RuleBasedStateMachine):
    """The line against a plain list: first come, first served, never too many, never too fast, nobody lost or overslept."""

    configs = (
        RateLimit(per_second=2, burst=4, concurrent=3),
        RateLimit(per_second=0.5, burst=1, concurrent=1),
        RateLimit(per_second=20, burst=2),
        RateLimit(concurrent=2),
    )

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.config = self.configs[0]
        self.line = Line(self.config, 0.0)
        self.queue: list[Place] = []
        self.asleep_until: dict[Place, float] = {}
        self.held: list[Place] = []
        self.tokens = 4.0

    @property
    def has_room(self) -> bool:
        return self.config.concurrent is None or len(self.held) < self.config.concurrent

    @property
    def delay(self) -> float:
        return 0.0 if self.config.per_second is None else max(0.0, (1 - self.tokens) / self.config.per_second)

    @rule(seconds=st.sampled_from([0.1, 0.5, 2.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        if self.config.per_second is not None:
            self.tokens = min(self.config.burst, self.tokens + seconds * self.config.per_second)

    @rule(config=st.sampled_from(configs))
    def it_is_reconfigured(self, config: RateLimit) -> None:
        if config.per_second is not None:
            self.tokens = config.burst if self.config.per_second is None else min(self.tokens, config.burst)
        self.config = config
        self.line.reconfigure(config, self.now)

    @rule()
    def it_is_lifted(self) -> None:
        self.config = RateLimit(concurrent=1_000_000)
        self.line.lift()

    @rule()
    def somebody_comes(self) -> None:
        place = Place()
        if self.line.enter(place, self.now):
            assert not self.queue
            self.start(place)
            return
        assert self.queue or not self.has_room or self.delay > 0
        place.signal = Flag()
        self.queue.append(place)
        self.asleep_until[place] = math.inf
        self.line.queue(place)

    def start(self, place: Place) -> None:
        assert self.has_room
        assert self.delay == pytest.approx(0, abs=1e-6)
        self.tokens -= 1
        self.held.append(place)

    @precondition(lambda self: self.queue)
    @rule(pick=st.integers(0, 20))
    def somebody_asks_whether_to_start(self, pick: int) -> None:
        place = self.queue[pick % len(self.queue)]
        place.signal.clear()
        delay = self.line.start(place, self.now)
        if place is not self.queue[0] or not self.has_room:
            assert delay == math.inf
        else:
            assert delay == pytest.approx(self.delay, abs=1e-6)
        if delay == 0:
            self.queue.remove(place)
            self.start(place)
        self.asleep_until[place] = self.now + delay

    @precondition(lambda self: self.queue)
    @rule(pick=st.integers(0, 20))
    def somebody_gives_up(self, pick: int) -> None:
        self.line.leave(self.queue.pop(pick % len(self.queue)))

    @precondition(lambda self: self.held)
    @rule(pick=st.integers(0, 20), again=st.booleans())
    def somebody_ends(self, pick: int, again: bool) -> None:
        place = self.held.pop(pick % len(self.held))
        self.line.leave(place)
        if again:
            self.line.leave(place)

    @invariant()
    def nobody_is_lost(self) -> None:
        assert (self.line.held, self.line.waiting) == (len(self.held), len(self.queue))

    @invariant()
    def the_first_in_line_never_sleeps_longer_than_it_has_to(self) -> None:
        if self.queue and self.has_room and not self.queue[0].signal.is_set:
            assert self.asleep_until[self.queue[0]] <= self.now + self.delay + 1e-6


TestLine = LineMachine.TestCase


class HookedClock(HandClock):
    """Does one thing after the other, each as somebody begins to wait."""

    def __init__(self, *then: Callable[[], object]) -> None:
        super().__init__()
        self.then = list(then)
        self.begun: list[float] = []

    def _begin(self, seconds: float) -> None:
        self.begun.append(seconds)
        if self.then:
            self.then.pop(0)()

    def wait(self, signal: Any, seconds: float) -> None:
        self._begin(seconds)
        super().wait(signal, seconds)

    async def await_(self, signal: Any, seconds: float) -> None:
        self._begin(seconds)
        await super().await_(signal, seconds)


REQUEST = httpx.Request("GET", "http://a")


def test_a_raised_rate_reaches_whoever_waits_for_a_token(caller: Caller) -> None:
    clock = HookedClock(lambda: limiter.reconfigure(RateLimit(per_second=1000)))
    limiter = Limiter(RateLimit(per_second=0.2, burst=1), clock=clock)
    for _ in range(2):
        caller.call(caller.wrap(PAIR, Script(200), limiter))
    assert clock.begun[0] == pytest.approx(5)
    assert clock.slept == [pytest.approx(0.001)]


def test_a_lowered_rate_holds_for_whoever_waits_for_a_token(caller: Caller) -> None:
    clock = HookedClock(lambda: limiter.reconfigure(RateLimit(per_second=0.01, burst=1)))
    limiter = Limiter(RateLimit(per_second=10, burst=1), clock=clock)
    for _ in range(2):
        caller.call(caller.wrap(PAIR, Script(200), limiter))
    assert clock.begun[0] == pytest.approx(0.1)
    assert sum(clock.slept) == pytest.approx(100)


def test_a_lowered_bound_holds_for_whoever_waits_for_a_token(caller: Caller) -> None:
    held: list[int] = []
    clock = HookedClock(
        lambda: limiter.reconfigure(RateLimit(per_second=1, burst=1, concurrent=1)),
        lambda: held.append(limiter.held) or first.leave(),
    )
    limiter = Limiter(RateLimit(per_second=1, burst=1, concurrent=2), clock=clock)
    first = limiter.enter(REQUEST, Flag)
    caller.call(caller.wrap(PAIR, Script(lambda _: held.append(limiter.held) or httpx.Response(200)), limiter))
    assert clock.begun == [1, math.inf]
    assert held == [1, 1]


def test_threads_that_sleep_for_their_tokens_are_woken_when_the_rate_is_raised() -> None:
    limiter = Limiter(RateLimit(per_second=0.001, burst=1))
    transport = RateLimitTransport(Script(200), limiter)
    threads = [threading.Thread(target=transport.handle_request, args=(REQUEST,), daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    while (limiter.held, limiter.waiting) != (0, 3):
        time.sleep(0.001)
    limiter.reconfigure(RateLimit(per_second=1000))
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.anyio
async def test_tasks_that_sleep_for_their_tokens_are_woken_when_the_rate_is_raised() -> None:
    limiter = Limiter(RateLimit(per_second=0.001, burst=1))
    transport = AsyncRateLimitTransport(Script(200), limiter)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(transport.handle_async_request, REQUEST)
            await anyio.wait_all_tasks_blocked()
            assert limiter.waiting == 3
            limiter.reconfigure(RateLimit(per_second=1000))


def test_a_changed_bucket_keeps_the_tokens_that_it_has_earned_as_far_as_they_fit() -> None:
    def at_once(limiter: Limiter) -> int:
        calls = 0
        with contextlib.suppress(RateLimitExceededError):
            while limiter.enter(REQUEST, Flag):
                calls += 1
        return calls

    clock = HandClock()
    limiter = Limiter(RateLimit(per_second=2, burst=4, wait=False), clock=clock)
    assert at_once(limiter) == 4
    clock.now += 1.5
    limiter.reconfigure(RateLimit(per_second=0.001, burst=4, wait=False))
    assert at_once(limiter) == 3
    clock.now += 10_000
    limiter.reconfigure(RateLimit(per_second=0.001, burst=2, wait=False))
    assert at_once(limiter) == 2


def test_a_call_waits_for_its_turn_only_as_long_as_it_is_told_to(caller: Caller, clock: HandClock) -> None:
    limiter = Limiter(RateLimit(concurrent=1, wait=3), clock=clock)
    limiter.enter(REQUEST, Flag)
    transport = caller.wrap(PAIR, Script(200), limiter)
    with pytest.raises(RateLimitExceededError, match="within 3 s"):
        caller.call(transport)
    with pytest.raises(APITimeoutError):
        caller.call(transport, extensions={"deadline": clock.now + 2})
    assert clock.slept == [3, 2]
    assert (limiter.held, limiter.waiting) == (1, 0)


@pytest.mark.parametrize(
    ("policy", "deadline"),
    [
        (RateLimit(concurrent=1, wait=1e10), None),
        (RateLimit(concurrent=1, wait=1e300), None),
        (RateLimit(concurrent=1), 1e10),
        (RateLimit(per_second=1e-300, concurrent=1), None),
    ],
)
def test_a_wait_may_be_longer_than_the_system_can_count(
    caller: Caller, policy: RateLimit, deadline: float | None
) -> None:
    limiter = Limiter(policy)
    first = limiter.enter(REQUEST, Flag)

    def let_in() -> None:
        first.leave()
        limiter.reconfigure(RateLimit(concurrent=1))

    timer = threading.Timer(0.02, let_in)
    timer.start()
    extensions = {} if deadline is None else {"deadline": time.monotonic() + deadline}
    assert caller.call(caller.wrap(PAIR, Script(200), limiter), extensions=extensions).status_code == 200
    timer.join()


def waits_in_a_closed_loop(limiter: Limiter) -> None:
    """Let a call wait, and close its event loop from under it."""
    transport = AsyncRateLimitTransport(Script(200), limiter)
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # which is told that the task was destroyed while it waited
    task = loop.create_task(transport.handle_async_request(REQUEST))
    for _ in range(2):
        loop.run_until_complete(asyncio.sleep(0))
    assert limiter.waiting == 1
    assert not task.done()
    loop.close()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_call_that_ends_does_not_hear_of_a_waiter_whose_event_loop_was_closed(
    caller: Caller, elsewhere: bool
) -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    first = limiter.enter(REQUEST, Flag)
    waits_in_a_closed_loop(limiter)
    if elsewhere:
        in_threads(1, lambda _: first.leave())
    else:
        first.leave()
    assert (limiter.held, limiter.waiting) == (0, 0)
    soon = {"deadline": time.monotonic() + PATIENCE}
    assert caller.call(caller.wrap(PAIR, Script(200), limiter), extensions=soon).status_code == 200


def test_whoever_sleeps_for_its_token_in_a_closed_event_loop_is_passed_by_the_next_who_comes(caller: Caller) -> None:
    limiter = Limiter(RateLimit(per_second=50, burst=1))
    limiter.enter(REQUEST, Flag)
    waits_in_a_closed_loop(limiter)
    soon = {"deadline": time.monotonic() + PATIENCE}
    assert caller.call(caller.wrap(PAIR, Script(200), limiter), extensions=soon).status_code == 200
    assert limiter.waiting == 0


def test_a_bucket_admits_its_burst_and_then_its_rate(caller: Caller, clock: HandClock) -> None:
    transport = caller.wrap(PAIR, Script(200), RateLimit(per_second=10, burst=3), clock=clock)
    for _ in range(6):
        caller.call(transport)
    assert [round(seconds, 6) for seconds in clock.slept] == [0.1, 0.1, 0.1]
    clock.now += 100
    clock.slept.clear()
    for _ in range(3):
        caller.call(transport)
    assert clock.slept == []


def test_a_burst_is_by_default_one_seconds_worth(clock: HandClock) -> None:
    transport = RateLimitTransport(Script(200), RateLimit(per_second=2.5), clock=clock)
    for _ in range(3):
        Caller("sync").call(transport)
    assert clock.slept == []


def test_it_refuses_at_once_when_told_not_to_wait(caller: Caller, clock: HandClock) -> None:
    events: list[object] = []
    transport = caller.wrap(PAIR, Script(200), RateLimit(per_second=1, wait=False), clock=clock, observer=events.append)
    caller.call(transport)
    with pytest.raises(RateLimitExceededError, match="no place"):
        caller.call(transport)
    assert [type(event) for event in events] == [Refused]
    clock.now += 1
    caller.call(transport)


def test_a_wait_longer_than_allowed_is_refused_before_it_begins(caller: Caller, clock: HandClock) -> None:
    transport = caller.wrap(PAIR, Script(200), RateLimit(per_second=0.1, wait=3), clock=clock)
    caller.call(transport)
    with pytest.raises(RateLimitExceededError, match="within 3 s"):
        caller.call(transport)
    with pytest.raises(APITimeoutError) as raised:
        caller.call(transport, extensions={"deadline": clock.now + 2})
    assert raised.value.phase == "total"
    assert clock.slept == []
    clock.now += 10
    caller.call(transport)


def test_a_wait_is_told(clock: HandClock) -> None:
    events: list[Waited] = []
    transport = RateLimitTransport(Script(200), RateLimit(per_second=2, burst=1), clock=clock, observer=events.append)
    for _ in range(2):
        Caller("sync").call(transport)
    assert [(type(event), event.seconds) for event in events] == [(Waited, 0.5)]


@pytest.mark.parametrize("failure", [httpx.ReadError("gone"), KeyboardInterrupt()])
def test_a_failed_call_gives_its_place_back(caller: Caller, clock: HandClock, failure: BaseException) -> None:
    transport = caller.wrap(PAIR, Script(failure, 200), RateLimit(concurrent=1, wait=False), clock=clock)
    with pytest.raises(type(failure)):
        caller.call(transport)
    assert caller.call(transport).status_code == 200


def test_a_stream_holds_its_place_until_it_is_read_to_its_end_closed_or_forgotten() -> None:
    limiter = Limiter(RateLimit(concurrent=1, wait=False))
    streaming = {"extensions": {"stream": True}}
    with (
        serving({"/s": chunks(b"a", b"b")}) as server,
        httpx.Client(transport=RateLimitTransport(httpx.HTTPTransport(), limiter), base_url=server.url) as client,
    ):
        with client.stream("GET", "/s", **streaming) as response:
            assert limiter.held == 1
            with pytest.raises(RateLimitExceededError):
                client.get("/s")
            assert b"".join(response.iter_raw()) == b"ab"
            assert limiter.held == 0
        with client.stream("GET", "/s", **streaming):
            assert limiter.held == 1
        assert limiter.held == 0
        forgotten = client.send(client.build_request("GET", "/s", **streaming), stream=True)
        assert limiter.held == 1
        del forgotten
        gc.collect()
        assert limiter.held == 0
        assert client.get("/s").text == "ab"


def test_a_stream_that_was_refused_by_the_server_holds_no_place() -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    with serving({"/s": say(503, b"full")}) as server:
        stack = RateLimitTransport(RetryTransport(httpx.HTTPTransport(), Retry(attempts=1)), limiter)
        response = stack.handle_request(httpx.Request("GET", f"{server.url}/s", extensions={"stream": True}))
        assert limiter.held == 0
        assert response.read() == b"full"
        stack.close()


@pytest.mark.anyio
async def test_an_async_stream_holds_its_place_and_a_cancelled_waiter_gives_its_own_up() -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    served: list[str] = []
    with serving({"/s": chunks(b"a"), "/1": say(), "/2": say()}) as server:
        transport = AsyncRateLimitTransport(httpx.AsyncHTTPTransport(), limiter)
        async with (
            httpx.AsyncClient(transport=transport, base_url=server.url) as client,
            anyio.create_task_group() as group,
        ):

            async def get(path: str, scope: anyio.CancelScope) -> None:
                with scope:
                    await client.get(path)
                    served.append(path)

            first, second = anyio.CancelScope(), anyio.CancelScope()
            async with client.stream("GET", "/s", extensions={"stream": True}):
                group.start_soon(get, "/1", first)
                await anyio.wait_all_tasks_blocked()
                group.start_soon(get, "/2", second)
                await anyio.wait_all_tasks_blocked()
                assert (limiter.held, limiter.waiting) == (1, 2)
                first.cancel()
                await anyio.wait_all_tasks_blocked()
                assert (limiter.held, limiter.waiting) == (1, 1)
        assert served == ["/2"]
        assert (limiter.held, limiter.waiting) == (0, 0)


def test_a_place_may_be_given_back_by_the_garbage_collector_in_the_thread_that_holds_the_lock() -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    request = httpx.Request("GET", "http://a")
    entry = limiter.enter(request, threading.Event)  # type: ignore[type-var]
    with limiter._lock:
        entry.leave()
        assert limiter.held == 1
    limiter.leave(Place())
    assert limiter.held == 0


def test_a_place_may_be_given_back_by_the_garbage_collector_at_any_line_of_the_thread_that_waits_for_it() -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    transport = RateLimitTransport(Script(200), limiter)
    done: list[int] = []

    def wait_for(line: int) -> None:
        entry = limiter.enter(REQUEST, Flag)
        lines = itertools.count()

        def collect_at(frame: Any, event: str, _: Any) -> Any:
            if event == "line" and limiter.waiting and next(lines) == line:
                entry.leave()
            return collect_at

        threading.Timer(0.1, entry.leave).start()  # for a line that is never reached
        sys.settrace(collect_at)
        try:
            transport.handle_request(REQUEST)
        finally:
            sys.settrace(None)
        done.append(line)

    for line in range(40):
        thread = threading.Thread(target=wait_for, args=(line,), daemon=True)
        thread.start()
        thread.join(PATIENCE)
        assert done[-1:] == [line]


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that can be made to fail, to be stuck, and to fail again when it is closed."""

    def __init__(self, *parts: Any, on_close: Exception | None = None) -> None:
        self.parts = parts
        self.on_close = on_close
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for part in self.parts:
            if isinstance(part, BaseException):
                raise part
            yield part() if callable(part) else part

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            await anyio.lowlevel.checkpoint()
            yield part

    def close(self) -> None:
        self.closed = True
        if self.on_close is not None:
            raise self.on_close

    async def aclose(self) -> None:
        await anyio.lowlevel.checkpoint()
        self.close()


STREAMED = {"extensions": {"stream": True}}


def test_a_reply_in_one_piece_holds_its_place_until_it_is_there_and_no_longer(caller: Caller) -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    held: list[int] = []
    body = Body(lambda: held.append(limiter.held) or b"whole")
    transport = caller.wrap(PAIR, Script(httpx.Response(200, stream=body)), limiter)
    if caller.colour == "sync":
        response = transport.handle_request(REQUEST)
    else:
        response = anyio.run(transport.handle_async_request, REQUEST, backend=caller.colour)
    assert (held, limiter.held, body.closed) == ([1], 0, True)
    assert response.stream is not None


def test_a_stream_that_cannot_be_closed_gives_its_place_back_all_the_same(caller: Caller) -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    body = Body(b"a", on_close=httpx.ReadError("gone"))
    kept = []  # or the garbage collector would give it back

    def answer(_: httpx.Request) -> httpx.Response:
        kept.append(httpx.Response(200, stream=body))
        return kept[0]

    with pytest.raises(httpx.ReadError):
        caller.call(caller.wrap(PAIR, Script(answer), limiter), **STREAMED)
    assert limiter.held == 0


@pytest.mark.anyio
async def test_an_async_stream_that_is_forgotten_gives_its_place_back() -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    transport = AsyncRateLimitTransport(Script(lambda _: httpx.Response(200, stream=Body(b"a"))), limiter)
    response = await transport.handle_async_request(httpx.Request("GET", "http://a", **STREAMED))
    assert limiter.held == 1
    del response
    gc.collect()
    assert limiter.held == 0


def test_an_interrupted_reply_is_closed() -> None:
    body = Body(b"a", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        Caller("sync").call(RateLimitTransport(Script(httpx.Response(200, stream=body)), RateLimit(concurrent=1)))
    assert body.closed


@pytest.mark.anyio
async def test_a_reply_whose_task_is_cancelled_is_closed() -> None:
    with anyio.CancelScope() as scope:
        body = Body(lambda: scope.cancel() or b"a", b"b")
        transport = AsyncRateLimitTransport(Script(httpx.Response(200, stream=body)), RateLimit(concurrent=1))
        await transport.handle_async_request(REQUEST)
    assert scope.cancelled_caught
    assert body.closed


@pytest.mark.parametrize("moment", ["enter", "start", "reconfigure"])
def test_a_place_that_is_given_back_while_the_line_is_locked_is_not_overlooked(moment: str) -> None:
    def collect_garbage() -> None:
        for entry in garbage:
            entry.leave()
        garbage.clear()

    class Collecting(HandClock):
        def monotonic(self) -> float:
            if limiter._lock.locked():
                collect_garbage()
            return self.now

    def make_signal() -> Flag:
        collect_garbage()
        return Flag()

    garbage: list[Any] = []
    clock = HandClock()
    limiter = Limiter(RateLimit(concurrent=2), clock=clock)
    garbage.append(limiter.enter(REQUEST, Flag))
    other = limiter.enter(REQUEST, Flag)
    limiter.clock = Collecting()
    if moment == "enter":
        assert limiter.enter(REQUEST, make_signal).signal.is_set
    elif moment == "start":
        limiter.start(other)
    else:
        limiter.reconfigure(RateLimit(concurrent=3))
    assert (garbage, limiter.held) == ([], 1)


def test_fifty_threads_take_exactly_the_tokens_there_are(clock: HandClock) -> None:
    limiter = Limiter(RateLimit(per_second=1, burst=1000, wait=False), clock=clock)
    entered: list[Any] = []

    def enter(_: int) -> None:
        for _ in range(40):
            with contextlib.suppress(RateLimitExceededError):
                entered.append(limiter.enter(REQUEST, Flag))

    in_threads(50, enter)
    assert len(entered) == limiter.held == 1000


def test_fifty_threads_never_exceed_the_limit_and_lose_no_place() -> None:
    limiter, routes = Limiter(RateLimit(concurrent=4)), Routes({"/x": say(200, b"ok")})
    with (
        Loopback(routes) as server,
        httpx.Client(transport=RateLimitTransport(httpx.HTTPTransport(), limiter), base_url=server.url) as client,
    ):
        statuses: list[int] = []
        threads = [
            threading.Thread(target=lambda: statuses.extend(client.get("/x").status_code for _ in range(6)))
            for _ in range(50)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
    assert statuses == [200] * 300
    assert routes.most_under_way <= 4
    assert (limiter.held, limiter.waiting) == (0, 0)


@pytest.mark.anyio
async def test_a_thousand_tasks_never_exceed_the_limit_and_are_served_in_their_order() -> None:
    limiter = Limiter(RateLimit(concurrent=5))
    under_way = most = 0
    order: list[int] = []

    class Wire(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            order.append(int(request.url.path[1:]))
            await anyio.lowlevel.checkpoint()
            under_way -= 1
            if request.url.path.endswith("7"):
                raise httpx.ReadError("gone")
            return httpx.Response(200)

    transport = AsyncRateLimitTransport(Wire(), limiter)
    turn = iter(range(1000))

    async def call() -> None:
        number = next(turn)
        try:
            await transport.handle_async_request(httpx.Request("GET", f"http://a/{number}"))
        except httpx.ReadError:
            assert number % 10 == 7

    async with anyio.create_task_group() as group:
        for _ in range(1000):
            group.start_soon(call)
    assert most == 5
    assert order == sorted(order)
    assert len(order) == 1000
    assert (limiter.held, limiter.waiting) == (0, 0)


def test_a_raised_limit_lets_those_who_wait_in(clock: HandClock) -> None:
    limiter = Limiter(RateLimit(concurrent=1), clock=clock)
    request = httpx.Request("GET", "http://a")
    entries = [limiter.enter(request, Flag) for _ in range(3)]
    assert [entry.signal is None for entry in entries] == [True, False, False]
    limiter.reconfigure(RateLimit(concurrent=3))
    assert entries[1].signal.is_set
    assert entries[1].start() == 0
    assert entries[2].signal.is_set


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"per_second": 0},
        {"per_second": "many"},
        {"concurrent": 0},
        {"concurrent": 1.5},
        {"burst": 3},
        {"per_second": 1, "burst": 0},
        {"concurrent": 1, "wait": -1},
    ],
)
def test_a_bad_argument_is_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="RateLimit"):
        RateLimit(**arguments)  # type: ignore[arg-type]


@pytest.mark.anyio
async def test_a_place_given_back_in_another_thread_wakes_the_task_that_waits_for_it() -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    first = limiter.enter(httpx.Request("GET", "http://a"), AsyncSignal)
    second = limiter.enter(httpx.Request("GET", "http://a"), AsyncSignal)
    assert first.signal is None
    assert second.signal is not None
    thread = threading.Thread(target=first.leave)
    thread.start()
    assert await second.signal.wait(PATIENCE)
    thread.join()
