"""Rate limit: how many a second, how many at once, in which order, and what becomes of those who give up."""

from __future__ import annotations

import gc
import threading

import anyio
import anyio.lowlevel
import httpx
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from reliability_kit import Caller, HandClock, Script, chunks, say, serving

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

PAIR = (RateLimitTransport, AsyncRateLimitTransport)


class Flag:
    def __init__(self) -> None:
        self.is_set = False

    def set(self) -> None:
        self.is_set = True


class LineMachine(RuleBasedStateMachine):
    """The line against a plain list: first come, first served, never too many, never too fast, nothing lost."""

    room, rate, burst = 3, 2.0, 4

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.line = Line(RateLimit(per_second=self.rate, burst=self.burst, concurrent=self.room), 0.0)
        self.queue: list[Place] = []
        self.held: list[Place] = []
        self.starts: list[float] = []

    @rule(seconds=st.sampled_from([0.1, 0.5, 2.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def somebody_comes(self) -> None:
        place = Place()
        at_once = self.line.enter(place, self.now)
        assert at_once <= (not self.queue and len(self.held) < self.room)
        if at_once:
            self.start(place)
        else:
            place.signal = Flag()
            self.line.queue(place)
            self.queue.append(place)

    def start(self, place: Place) -> None:
        self.held.append(place)
        self.starts.append(self.now)
        for earlier in range(len(self.starts)):
            started = len(self.starts) - earlier
            assert started <= self.burst + self.rate * (self.now - self.starts[earlier]) + 1e-6

    @precondition(lambda self: self.queue)
    @rule()
    def the_first_in_line_starts_when_its_token_is_there(self) -> None:
        first = self.queue[0]
        if first.signal.is_set:
            self.now += self.line.delay(self.now)
            self.line.take(first, self.now)
            self.start(self.queue.pop(0))

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
    def nobody_is_lost_and_only_the_first_has_its_turn(self) -> None:
        assert (self.line.held, self.line.waiting) == (len(self.held), len(self.queue))
        assert len(self.held) <= self.room
        turns = [place.signal.is_set for place in self.queue]
        assert turns == [index == 0 and len(self.held) < self.room for index in range(len(turns))]


TestLine = LineMachine.TestCase


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


def test_fifty_threads_never_exceed_the_limit_and_lose_no_place() -> None:
    limiter = Limiter(RateLimit(concurrent=4))
    with (
        serving({"/x": say(200, b"ok")}) as server,
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
            thread.join(30)
    assert statuses == [200] * 300
    assert server.most_under_way <= 4
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
    limiter.reconfigure(RateLimit(concurrent=3), None)
    assert entries[1].signal.is_set
    entries[1].take()
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
    assert await second.signal.wait(10)
    thread.join()
