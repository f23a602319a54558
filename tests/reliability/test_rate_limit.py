"""Rate limit: how many calls a second, how many at once, in which order, and what is released when one gives up."""

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

from ollama_sdk._concurrency.clock import SystemClock
from ollama_sdk._concurrency.events import TaskEvent
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
from ollama_sdk.reliability._driver import NEW_EVENT, AsyncPolicyTransport, Flow, PolicyTransport, Wait
from ollama_sdk.reliability.rate_limit import Limiter, PermitQueue
from tests.reliability.hand_driven import send
from tests.support.callers import Caller, Script, in_threads
from tests.support.clocks import HandClock
from tests.support.library import library
from tests.support.loopback import PATIENCE, Loopback, Routes, chunks, say, serving

PAIR = (RateLimitTransport, AsyncRateLimitTransport)
DRIVERS = (PolicyTransport, AsyncPolicyTransport)
REQUEST = httpx.Request("GET", "http://a")


def started(limiter: Limiter) -> Flow:
    """A call in flight, which has its permit until it is closed."""
    call = limiter.flow(send, REQUEST)
    assert next(call) is REQUEST
    return call


def queued(limiter: Limiter, event: Any = None) -> Flow:
    """A call that waits until ``event`` is set."""
    call = limiter.flow(send, REQUEST)
    assert next(call) is NEW_EVENT
    assert isinstance(call.send(event or Flag()), Wait)
    return call


def counts(limiter: Limiter) -> tuple[int, int]:
    """How many permits are held, and how many calls wait."""
    return len(limiter.queue.held), len(limiter.queue.waiting)


class Flag:
    is_lost = False

    def __init__(self) -> None:
        self.is_set = False

    def set(self) -> bool:
        self.is_set = True
        return True

    def clear(self) -> None:
        self.is_set = False


class QueueMachine(RuleBasedStateMachine):
    """The queue against a plain list: first come, first served, never too many, never too fast, none forgotten."""

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
        self.queue = PermitQueue(self.config, 0.0)
        self.waiting: list[object] = []
        self.events: dict[object, Flag] = {}
        self.asleep_until: dict[object, float] = {}
        self.held: list[object] = []
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
        self.queue.reconfigure(config, self.now)

    @rule()
    def it_is_lifted(self) -> None:
        self.config = RateLimit(concurrent=1_000_000)
        self.queue.lift()

    @rule()
    def a_call_comes(self) -> None:
        permit = object()
        if self.queue.try_acquire(permit, self.now):
            assert not self.waiting
            self.start(permit)
            return
        assert self.waiting or not self.has_room or self.delay > 0
        self.events[permit] = Flag()
        self.waiting.append(permit)
        self.asleep_until[permit] = math.inf
        self.queue.enqueue(permit, self.events[permit])

    def start(self, permit: object) -> None:
        assert self.has_room
        assert self.delay == pytest.approx(0, abs=1e-6)
        self.tokens -= 1
        self.held.append(permit)

    @precondition(lambda self: self.waiting)
    @rule(pick=st.integers(0, 20))
    def a_call_asks_whether_to_start(self, pick: int) -> None:
        permit = self.waiting[pick % len(self.waiting)]
        self.events[permit].clear()
        delay = self.queue.acquire(permit, self.now)
        if permit is not self.waiting[0] or not self.has_room:
            assert delay == math.inf
        else:
            assert delay == pytest.approx(self.delay, abs=1e-6)
        if delay == 0:
            self.waiting.remove(permit)
            self.start(permit)
        self.asleep_until[permit] = self.now + delay

    @precondition(lambda self: self.waiting)
    @rule(pick=st.integers(0, 20))
    def a_call_gives_up(self, pick: int) -> None:
        self.queue.release(self.waiting.pop(pick % len(self.waiting)))

    @precondition(lambda self: self.held)
    @rule(pick=st.integers(0, 20), again=st.booleans())
    def a_call_ends(self, pick: int, again: bool) -> None:
        permit = self.held.pop(pick % len(self.held))
        self.queue.release(permit)
        if again:
            self.queue.release(permit)

    @invariant()
    def no_permit_is_lost(self) -> None:
        assert (self.queue.held, list(self.queue.waiting)) == (set(self.held), self.waiting)

    @invariant()
    def the_first_never_sleeps_longer_than_it_has_to(self) -> None:
        if self.waiting and self.has_room and not self.events[self.waiting[0]].is_set:
            assert self.asleep_until[self.waiting[0]] <= self.now + self.delay + 1e-6


TestQueue = QueueMachine.TestCase


class HookedClock(HandClock):
    """Does one thing after the other, each as a call begins to wait."""

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
        await anyio.wait_all_tasks_blocked()  # the event loop sets an event that was set from outside
        await super().await_(signal, seconds)


def test_a_raised_rate_reaches_a_call_that_waits_for_a_token(caller: Caller) -> None:
    clock = HookedClock(lambda: limiter.reconfigure(RateLimit(per_second=1000)))
    limiter = Limiter(RateLimit(per_second=0.2, burst=1), clock=clock)
    for _ in range(2):
        caller.call(caller.wrap(DRIVERS, Script(200), limiter))
    assert clock.begun[0] == pytest.approx(5)
    assert clock.slept == [pytest.approx(0.001)]


def test_a_lowered_rate_holds_for_a_call_that_waits_for_a_token(caller: Caller) -> None:
    clock = HookedClock(lambda: limiter.reconfigure(RateLimit(per_second=0.01, burst=1)))
    limiter = Limiter(RateLimit(per_second=10, burst=1), clock=clock)
    for _ in range(2):
        caller.call(caller.wrap(DRIVERS, Script(200), limiter))
    assert clock.begun[0] == pytest.approx(0.1)
    assert sum(clock.slept) == pytest.approx(100)


def test_lowered_concurrency_holds_for_a_call_that_waits(caller: Caller) -> None:
    held: list[int] = []
    clock = HookedClock(
        lambda: limiter.reconfigure(RateLimit(per_second=1, burst=1, concurrent=1)),
        lambda: held.append(counts(limiter)[0]) or first.close(),
    )
    limiter = Limiter(RateLimit(per_second=1, burst=1, concurrent=2), clock=clock)
    first = started(limiter)
    caller.call(caller.wrap(DRIVERS, Script(lambda _: held.append(counts(limiter)[0]) or httpx.Response(200)), limiter))
    assert clock.begun == [1, math.inf]
    assert held == [1, 1]


def test_a_raised_rate_wakes_sleeping_threads() -> None:
    limiter = Limiter(RateLimit(per_second=0.001, burst=1))
    transport = PolicyTransport(Script(200), limiter)
    threads = [threading.Thread(target=transport.handle_request, args=(REQUEST,), daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    while counts(limiter) != (0, 3):
        time.sleep(0.001)
    limiter.reconfigure(RateLimit(per_second=1000))
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.anyio
async def test_a_raised_rate_wakes_sleeping_tasks() -> None:
    limiter = Limiter(RateLimit(per_second=0.001, burst=1))
    transport = AsyncPolicyTransport(Script(200), limiter)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(transport.handle_async_request, REQUEST)
            await anyio.wait_all_tasks_blocked()
            assert counts(limiter)[1] == 3
            limiter.reconfigure(RateLimit(per_second=1000))


@pytest.mark.parametrize("rate", [1e-9, 0.3, 50.0, 1e3])
@pytest.mark.parametrize("now", [0.0, 1e6 / 3, 1e8 / 7])
def test_a_burst_at_one_moment_gets_all_its_tokens(rate: float, now: float) -> None:
    queue = PermitQueue(RateLimit(per_second=rate, burst=50), now)
    assert sum(queue.try_acquire(object(), now) for _ in range(60)) == 50


def test_a_changed_bucket_keeps_the_tokens_that_fit() -> None:
    def at_once(limiter: Limiter) -> int:
        calls = 0
        with contextlib.suppress(RateLimitExceededError):
            while held.append(started(limiter)) is None:
                calls += 1
        return calls

    held: list[Flow] = []

    clock = HandClock()
    limiter = Limiter(RateLimit(per_second=2, burst=4, wait=False), clock=clock)
    assert at_once(limiter) == 4
    clock.now += 1.5
    limiter.reconfigure(RateLimit(per_second=0.001, burst=4, wait=False))
    assert at_once(limiter) == 3
    clock.now += 10_000
    limiter.reconfigure(RateLimit(per_second=0.001, burst=2, wait=False))
    assert at_once(limiter) == 2


def test_a_call_waits_no_longer_than_allowed(caller: Caller, clock: HandClock) -> None:
    limiter = Limiter(RateLimit(concurrent=1, wait=3), clock=clock)
    call = started(limiter)
    transport = caller.wrap(DRIVERS, Script(200), limiter)
    with pytest.raises(RateLimitExceededError, match="within 3 s"):
        caller.call(transport)
    with pytest.raises(APITimeoutError):
        caller.call(transport, extensions={"deadline": clock.now + 2})
    assert clock.slept == [3, 2]
    assert counts(limiter) == (1, 0)
    call.close()


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
    first = started(limiter)

    def let_in() -> None:
        first.close()
        limiter.reconfigure(RateLimit(concurrent=1))

    timer = threading.Timer(0.02, let_in)
    timer.start()
    extensions = {} if deadline is None else {"deadline": time.monotonic() + deadline}
    assert caller.call(caller.wrap(DRIVERS, Script(200), limiter), extensions=extensions).status_code == 200
    timer.join()


def waits_in_a_closed_loop(limiter: Limiter) -> None:
    """Let a call wait, and close its event loop from under it."""
    transport = AsyncPolicyTransport(Script(200), limiter)
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # called because the task was destroyed while it waited
    task = loop.create_task(transport.handle_async_request(REQUEST))
    for _ in range(2):
        loop.run_until_complete(asyncio.sleep(0))
    assert counts(limiter)[1] == 1
    assert not task.done()
    loop.close()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_waiter_of_a_closed_event_loop_is_dropped(caller: Caller, elsewhere: bool) -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    first = started(limiter)
    waits_in_a_closed_loop(limiter)
    if elsewhere:
        in_threads(1, lambda _: first.close())
    else:
        first.close()
    assert counts(limiter) == (0, 0)
    soon = {"deadline": time.monotonic() + PATIENCE}
    assert caller.call(caller.wrap(DRIVERS, Script(200), limiter), extensions=soon).status_code == 200


class Stopped(SystemClock):
    """Waits as the machine's clock does, and shows one moment until it is started."""

    def __init__(self) -> None:
        self._since: float | None = time.monotonic()

    def monotonic(self) -> float:
        return time.monotonic() if self._since is None else self._since

    def start(self) -> None:
        self._since = None


def test_a_sleeper_of_a_closed_event_loop_is_overtaken(caller: Caller) -> None:
    clock = Stopped()
    limiter = Limiter(RateLimit(per_second=50, burst=1), clock=clock)
    started(limiter).close()
    waits_in_a_closed_loop(limiter)
    clock.start()
    soon = {"deadline": time.monotonic() + PATIENCE}
    assert caller.call(caller.wrap(DRIVERS, Script(200), limiter), extensions=soon).status_code == 200
    assert counts(limiter)[1] == 0


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


def test_the_default_burst_is_the_rate_of_one_second(clock: HandClock) -> None:
    transport = RateLimitTransport(Script(200), RateLimit(per_second=2.5), clock=clock)
    for _ in range(3):
        Caller("sync").call(transport)
    assert clock.slept == []


def test_without_wait_a_call_is_refused_at_once(caller: Caller, clock: HandClock) -> None:
    events: list[object] = []
    transport = caller.wrap(PAIR, Script(200), RateLimit(per_second=1, wait=False), clock=clock, observer=events.append)
    caller.call(transport)
    with pytest.raises(RateLimitExceededError, match="no permit"):
        caller.call(transport)
    assert [type(event) for event in events] == [Refused]
    clock.now += 1
    caller.call(transport)


def test_a_long_wait_is_shown_in_plain_digits(caller: Caller, clock: HandClock) -> None:
    transport = caller.wrap(PAIR, Script(200), RateLimit(per_second=1e-9, wait=1_234_567), clock=clock)
    caller.call(transport)
    with pytest.raises(RateLimitExceededError, match="within 1234567 s;"):
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


def test_a_wait_is_reported(clock: HandClock) -> None:
    events: list[Waited] = []
    transport = RateLimitTransport(Script(200), RateLimit(per_second=2, burst=1), clock=clock, observer=events.append)
    for _ in range(2):
        Caller("sync").call(transport)
    assert [(type(event), event.seconds) for event in events] == [(Waited, 0.5)]


@pytest.mark.parametrize("failure", [httpx.ReadError("gone"), KeyboardInterrupt()])
def test_a_failed_call_releases_its_permit(caller: Caller, clock: HandClock, failure: BaseException) -> None:
    transport = caller.wrap(PAIR, Script(failure, 200), RateLimit(concurrent=1, wait=False), clock=clock)
    with pytest.raises(type(failure)):
        caller.call(transport)
    assert caller.call(transport).status_code == 200


def test_a_stream_holds_its_permit_until_it_ends() -> None:
    limiter = Limiter(RateLimit(concurrent=1, wait=False))
    streaming = {"extensions": {"stream": True}}
    with (
        serving({"/s": chunks(b"a", b"b")}) as server,
        httpx.Client(transport=PolicyTransport(httpx.HTTPTransport(), limiter), base_url=server.url) as client,
    ):
        with client.stream("GET", "/s", **streaming) as response:
            assert counts(limiter)[0] == 1
            with pytest.raises(RateLimitExceededError):
                client.get("/s")
            assert b"".join(response.iter_raw()) == b"ab"
            assert counts(limiter)[0] == 0
        with client.stream("GET", "/s", **streaming):
            assert counts(limiter)[0] == 1
        assert counts(limiter)[0] == 0
        forgotten = client.send(client.build_request("GET", "/s", **streaming), stream=True)
        assert counts(limiter)[0] == 1
        del forgotten
        gc.collect()
        assert counts(limiter)[0] == 0
        assert client.get("/s").text == "ab"


def test_a_refused_stream_holds_no_permit() -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    with serving({"/s": say(503, b"full")}) as server:
        stack = PolicyTransport(RetryTransport(library.HTTPTransport(), Retry(attempts=1)), limiter)
        response = stack.handle_request(httpx.Request("GET", f"{server.url}/s", extensions={"stream": True}))
        assert counts(limiter)[0] == 0
        assert response.read() == b"full"
        stack.close()


@pytest.mark.anyio
async def test_a_cancelled_waiter_leaves_the_queue() -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    served: list[str] = []
    with serving({"/s": chunks(b"a"), "/1": say(), "/2": say()}) as server:
        transport = AsyncPolicyTransport(library.AsyncHTTPTransport(), limiter)
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
                assert counts(limiter) == (1, 2)
                first.cancel()
                await anyio.wait_all_tasks_blocked()
                assert counts(limiter) == (1, 1)
        assert served == ["/2"]
        assert counts(limiter) == (0, 0)


def test_a_collected_permit_never_waits_for_the_lock() -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    call, event = started(limiter), Flag()
    waiting = queued(limiter, event)
    with limiter._lock:
        call.close()
        assert (counts(limiter), event.is_set) == ((0, 1), False)
    limiter.release(object())
    assert event.is_set
    waiting.close()
    call = started(limiter)
    with limiter._lock:
        call.close()
        assert counts(limiter) == (0, 0)


def test_a_permit_may_be_collected_while_a_thread_waits() -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    transport = PolicyTransport(Script(200), limiter)
    done: list[int] = []

    def wait_for(line: int) -> None:
        call = started(limiter)
        lines = itertools.count()

        def collect_at(frame: Any, event: str, _: Any) -> Any:
            if event == "line" and limiter.queue.waiting and next(lines) == line:
                call.close()
            return collect_at

        threading.Timer(0.1, call.close).start()  # for a line that is never reached
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


def test_a_one_piece_reply_holds_its_permit_until_it_is_whole(caller: Caller) -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    held: list[int] = []
    body = Body(lambda: held.append(counts(limiter)[0]) or b"whole")
    transport = caller.wrap(DRIVERS, Script(httpx.Response(200, stream=body)), limiter)
    if caller.colour == "sync":
        response = transport.handle_request(REQUEST)
    else:
        response = anyio.run(transport.handle_async_request, REQUEST, backend=caller.colour)
    assert (held, counts(limiter)[0], body.closed) == ([1], 0, True)
    assert response.stream is not None


def test_a_stream_that_fails_to_close_releases_its_permit(caller: Caller) -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    body = Body(b"a", on_close=httpx.ReadError("gone"))
    kept = []  # or the garbage collector would give it back

    def answer(_: httpx.Request) -> httpx.Response:
        kept.append(httpx.Response(200, stream=body))
        return kept[0]

    with pytest.raises(httpx.ReadError):
        caller.call(caller.wrap(DRIVERS, Script(answer), limiter), **STREAMED)
    assert counts(limiter)[0] == 0


@pytest.mark.anyio
async def test_a_collected_async_stream_releases_its_permit() -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    transport = AsyncPolicyTransport(Script(lambda _: httpx.Response(200, stream=Body(b"a"))), limiter)
    response = await transport.handle_async_request(httpx.Request("GET", "http://a", **STREAMED))
    assert counts(limiter)[0] == 1
    del response
    gc.collect()
    assert counts(limiter)[0] == 0


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


@pytest.mark.parametrize("moment", ["try_acquire", "acquire", "reconfigure"])
def test_a_permit_released_while_the_lock_is_held_is_not_lost(moment: str) -> None:
    def collect_garbage() -> None:
        for call in garbage:
            call.close()
        garbage.clear()

    class Collecting(HandClock):
        def monotonic(self) -> float:
            if garbage and limiter._lock._is_owned():
                collect_garbage()
            return self.now

    garbage: list[Flow] = []
    limiter = Limiter(RateLimit(concurrent=2), clock=Collecting())
    calls = [started(limiter) for _ in range(2)]
    event = Flag()
    waiting = None if moment == "reconfigure" else queued(limiter, event)
    garbage.append(calls.pop())
    if waiting is None:
        limiter.reconfigure(RateLimit(concurrent=3))
    elif moment == "try_acquire":
        later = limiter.flow(send, REQUEST)
        assert next(later) is NEW_EVENT
    else:
        assert isinstance(waiting.send(None), Wait)
    assert event.is_set == (moment != "reconfigure")
    assert (garbage, len(limiter.queue.held)) == ([], 1)


def test_fifty_threads_take_exactly_the_tokens_there_are(clock: HandClock) -> None:
    limiter = Limiter(RateLimit(per_second=1, burst=1000, wait=False), clock=clock)
    calls: list[Flow] = []

    def start(_: int) -> None:
        for _ in range(40):
            with contextlib.suppress(RateLimitExceededError):
                calls.append(started(limiter))

    in_threads(50, start)
    assert len(calls) == len(limiter.queue.held) == 1000


def test_fifty_threads_never_exceed_the_limit() -> None:
    limiter, routes = Limiter(RateLimit(concurrent=4)), Routes({"/x": say(200, b"ok")})
    with (
        Loopback(routes) as server,
        httpx.Client(transport=PolicyTransport(httpx.HTTPTransport(), limiter), base_url=server.url) as client,
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
    assert counts(limiter) == (0, 0)


@pytest.mark.anyio
async def test_a_thousand_tasks_are_served_in_order_within_the_limit() -> None:
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

    transport = AsyncPolicyTransport(Wire(), limiter)
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
    assert counts(limiter) == (0, 0)


def test_a_raised_limit_starts_calls_that_wait(clock: HandClock) -> None:
    limiter = Limiter(RateLimit(concurrent=1), clock=clock)
    flags = [Flag(), Flag()]
    call = started(limiter)
    waiting = [queued(limiter, flag) for flag in flags]
    limiter.reconfigure(RateLimit(concurrent=3))
    for flag, waiter in zip(flags, waiting, strict=True):
        assert flag.is_set
        assert waiter.send(None) is REQUEST
    call.close()


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"per_second": 0},
        {"per_second": "many"},
        {"per_second": 1_000_001},
        {"per_second": float("inf")},
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
async def test_a_permit_released_in_another_thread_wakes_a_task() -> None:
    limiter = Limiter(RateLimit(concurrent=1))
    call, event = started(limiter), TaskEvent()
    waiting = queued(limiter, event)
    thread = threading.Thread(target=call.close)
    thread.start()
    assert await event.wait(PATIENCE)
    thread.join()
    assert waiting.send(None) is REQUEST
