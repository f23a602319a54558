"""Circuit breaker: when it opens, which calls it lets through, when it closes."""

from __future__ import annotations

import contextlib
import sys
import threading
from dataclasses import dataclass
from typing import Any, Literal

import anyio
import httpx
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ollama_sdk.errors import CircuitOpenError, ConfigurationError
from ollama_sdk.reliability import (
    AsyncCircuitBreakerTransport,
    CircuitBreaker,
    CircuitBreakerTransport,
    CircuitClosed,
    CircuitHalfOpened,
    CircuitOpened,
    RateLimit,
    RateLimitTransport,
    Refused,
    Retry,
    RetryTransport,
)
from ollama_sdk.reliability._driver import AsyncPolicyTransport, Flow, PolicyTransport
from ollama_sdk.reliability.circuit_breaker import Breaker, Breakers, Rejected, TimeWindow
from tests.reliability.hand_driven import send
from tests.support.callers import Caller, Script, in_threads
from tests.support.clocks import HandClock
from tests.support.interrupts import Interrupts
from tests.support.library import library
from tests.support.loopback import PATIENCE, cut, serving

PAIR = (CircuitBreakerTransport, AsyncCircuitBreakerTransport)
DRIVERS = (PolicyTransport, AsyncPolicyTransport)
REQUEST = httpx.Request("GET", "http://a")


def state_of(shared: Breakers, endpoint: str = "http://a") -> str:
    return shared.by_endpoint[endpoint].state


def started(shared: Breakers) -> Flow:
    """A call that has been sent and has no response yet."""
    call = shared.flow(send, REQUEST)
    assert next(call) is REQUEST
    return call


def end(call: Flow, status: int) -> None:
    with contextlib.suppress(StopIteration):
        call.send(httpx.Response(status))


def run(breaker: Breaker, outcomes: str, now: float = 0.0) -> list[str]:
    """Call once for each letter (``.`` good, ``x`` failed, ``s`` slow); the states after each."""
    states = []
    for outcome in outcomes:
        period = breaker.acquire(now)
        assert not isinstance(period, Rejected)
        breaker.record(period, now, failed=outcome == "x", slow=outcome == "s")
        states.append(breaker.state)
    return states


def test_it_opens_at_the_failure_rate_but_not_below_the_minimum() -> None:
    breaker = Breaker(CircuitBreaker(window=20, minimum_calls=10, failure_rate=0.5))
    assert set(run(breaker, "xxxxxxxxx")) == {"closed"}
    assert run(breaker, "x") == ["open"]
    breaker = Breaker(CircuitBreaker(window=20, minimum_calls=10, failure_rate=0.5))
    assert run(breaker, "......xxxxxx")[-2:] == ["closed", "open"]


def test_a_rate_is_met_exactly_at_its_share() -> None:
    breaker = Breaker(CircuitBreaker(window=10, minimum_calls=10, failure_rate=0.3))
    assert run(breaker, ".......xxx")[-2:] == ["closed", "open"]


def test_calls_that_left_the_window_no_longer_count() -> None:
    breaker = Breaker(CircuitBreaker(window=4, minimum_calls=4, failure_rate=0.75))
    assert set(run(breaker, "xx....xx..xx")) == {"closed"}
    assert run(breaker, "x") == ["open"]


def test_a_window_in_seconds_forgets_what_is_older() -> None:
    breaker = Breaker(CircuitBreaker(window=10, window_unit="seconds", minimum_calls=4, failure_rate=0.5))
    run(breaker, "xxx", now=0)
    assert run(breaker, "x.", now=10) == ["closed", "closed"]
    assert run(breaker, "xx", now=15) == ["closed", "open"]


def test_slow_calls_open_it_by_choice() -> None:
    assert run(Breaker(CircuitBreaker(window=4, minimum_calls=4)), "ssssssss")[-1] == "closed"
    assert run(Breaker(CircuitBreaker(window=4, minimum_calls=4, slow_rate=0.5)), "..ss")[-1] == "open"


@pytest.mark.parametrize(("slow_rate", "state"), [(None, "closed"), (0.5, "open")])
def test_a_slow_probe_reopens_the_circuit_by_choice(slow_rate: float | None, state: str) -> None:
    breaker = Breaker(CircuitBreaker(window=1, minimum_calls=1, open_for=30, slow_rate=slow_rate))
    run(breaker, "x", now=0)
    assert run(breaker, "s", now=30) == [state]


def test_a_successful_probe_closes_the_circuit() -> None:
    breaker = Breaker(CircuitBreaker(window=2, minimum_calls=2, open_for=30))
    run(breaker, "xx", now=0)
    assert breaker.acquire(10) == Rejected(20)
    probe = breaker.acquire(30)
    assert breaker.state == "half_open"
    assert not isinstance(probe, Rejected)
    breaker.record(probe, 31, failed=False, slow=False)
    assert breaker.state == "closed"
    assert run(breaker, "x") == ["closed"]  # with an empty window


def test_each_failed_probe_doubles_the_wait_until_it_closes() -> None:
    breaker = Breaker(CircuitBreaker(window=1, minimum_calls=1, open_for=30, open_for_maximum=100))
    now, waits = 0.0, []
    for _ in range(4):
        run(breaker, "x", now=now)
        rejected = breaker.acquire(now)
        assert isinstance(rejected, Rejected)
        waits.append(rejected.retry_after)
        now += rejected.retry_after
    assert waits == [30, 60, 100, 100]
    run(breaker, ".", now=now)
    run(breaker, "x", now=now)
    assert breaker.acquire(now) == Rejected(30)


def test_the_configured_number_of_probes_must_succeed() -> None:
    breaker = Breaker(CircuitBreaker(window=1, minimum_calls=1, probes=3))
    run(breaker, "x")
    assert run(breaker, "...", now=30) == ["half_open", "half_open", "closed"]
    run(breaker, "x", now=30)
    assert run(breaker, "..x", now=90) == ["half_open", "half_open", "open"]


def test_a_released_probe_makes_room_for_the_next() -> None:
    breaker = Breaker(CircuitBreaker(window=1, minimum_calls=1))
    run(breaker, "x")
    probe = breaker.acquire(30)
    assert not isinstance(probe, Rejected)
    breaker.release(probe)
    assert run(breaker, ".", now=30) == ["closed"]


def tried(open_for: float = 30, probes: int = 1) -> tuple[Breaker, int]:
    """A breaker that has opened at 0 and tries a first call at ``open_for``."""
    breaker = Breaker(CircuitBreaker(window=1, minimum_calls=1, open_for=open_for, probes=probes))
    run(breaker, "x")
    probe = breaker.acquire(open_for)
    assert not isinstance(probe, Rejected)
    return breaker, probe


def test_a_call_during_a_probe_is_refused_for_a_short_time() -> None:
    breaker, _ = tried()
    assert breaker.acquire(35) == Rejected(3)
    assert breaker.acquire(59) == Rejected(1)


def test_a_probe_that_takes_too_long_opens_the_circuit_again() -> None:
    breaker, _ = tried()
    rejected = breaker.acquire(60)
    assert isinstance(rejected, Rejected)
    assert rejected.change is not None
    assert (breaker.state, rejected.retry_after, rejected.change.seconds) == ("open", 60, 60)
    assert breaker.acquire(61) == Rejected(59)
    assert run(breaker, ".", now=120) == ["closed"]


def test_probes_from_before_an_opening_do_not_help_to_close() -> None:
    breaker, good = tried(probes=2)
    stalled = breaker.acquire(30)
    assert not isinstance(stalled, Rejected)
    breaker.record(good, 31, failed=False, slow=False)
    assert isinstance(breaker.acquire(60), Rejected)
    assert run(breaker, "..", now=120) == ["half_open", "closed"]


def test_a_stalled_endpoint_gets_fewer_and_fewer_probes() -> None:
    breaker, _ = tried(open_for=5)
    probes = [now for now in range(6, 606) if not isinstance(breaker.acquire(now), Rejected)]
    assert probes == [20, 45, 90, 175, 340]  # 5 to wait for each, then 10, 20, 40, 80, 160 without any


def test_an_abandoned_probe_may_still_close_the_circuit() -> None:
    breaker, honest = tried()
    breaker.acquire(60)
    assert breaker.record(honest, 70, failed=False, slow=False) == ("closed", 0, "")
    breaker, stalled = tried()
    breaker.acquire(60)
    assert breaker.record(stalled, 70, failed=True, slow=False) is None
    assert breaker.acquire(70) == Rejected(50)


def test_a_later_failed_probe_voids_an_abandoned_one() -> None:
    breaker, late = tried()
    breaker.acquire(60)
    assert run(breaker, "x", now=120) == ["open"]
    assert breaker.record(late, 121, failed=False, slow=False) is None
    assert breaker.state == "open"


@pytest.mark.parametrize("probes", [2, 1])
def test_fewer_configured_probes_let_another_one_through(probes: int) -> None:
    breaker = Breaker(CircuitBreaker(window=1, minimum_calls=1, probes=3))
    run(breaker, "x")
    run(breaker, "..", now=30)
    breaker.reconfigure(CircuitBreaker(window=1, minimum_calls=1, probes=probes))
    assert run(breaker, "." * probes, now=31)[-1] == "closed"


def test_only_a_shorter_open_for_applies_to_an_open_circuit() -> None:
    def rejected_for(first: float, then: float) -> float:
        breaker = Breaker(CircuitBreaker(window=1, minimum_calls=1, open_for=first))
        run(breaker, "x")
        breaker.reconfigure(CircuitBreaker(window=1, minimum_calls=1, open_for=then))
        answer = breaker.acquire(1)
        return answer.retry_after if isinstance(answer, Rejected) else 0

    assert (rejected_for(300, 5), rejected_for(300, 0.5), rejected_for(5, 300)) == (4, 0, 4)


def test_an_unrelated_change_keeps_the_time_of_an_open_circuit() -> None:
    breaker, _ = tried()
    breaker.acquire(60)
    breaker.reconfigure(CircuitBreaker(failure_rate=0.9))
    assert breaker.acquire(70) == Rejected(50)


def test_a_window_in_seconds_covers_ten_slots() -> None:
    window = TimeWindow(10)
    for second in range(20):
        counts = window.record(second, failed=second % 2 == 0, slow=second % 5 == 0)
        seen = range(max(0, second - 9), second + 1)
        assert counts == (len(seen), sum(s % 2 == 0 for s in seen), sum(s % 5 == 0 for s in seen))


def test_a_window_restarts_only_when_its_unit_changes() -> None:
    def after(config: CircuitBreaker) -> str:
        breaker = Breaker(CircuitBreaker(window=10, window_unit="seconds", minimum_calls=4))
        run(breaker, "xxx")
        breaker.reconfigure(config)
        return run(breaker, "x")[-1]

    assert after(CircuitBreaker(window=10, window_unit="seconds", minimum_calls=4, failure_rate=0.9)) == "open"
    assert after(CircuitBreaker(window=20, window_unit="seconds", minimum_calls=4)) == "open"
    assert after(CircuitBreaker(window=10, window_unit="calls", minimum_calls=4)) == "closed"


@pytest.mark.parametrize("unit", ["calls", "seconds"])
def test_a_window_that_was_short_for_a_moment_loses_no_call(unit: Literal["calls", "seconds"]) -> None:
    breaker = Breaker(CircuitBreaker(window=10, window_unit=unit))
    for second, outcome in enumerate("xxx.."):
        run(breaker, outcome, now=second)
    for window in (2, 8):
        breaker.reconfigure(CircuitBreaker(window=window, window_unit=unit, minimum_calls=window, failure_rate=0.5))
    assert run(breaker, "..x", now=5) == ["closed", "closed", "open"]


def test_a_closed_circuit_sends_without_waiting_for_the_lock() -> None:
    shared = Breakers(CircuitBreaker())
    end(started(shared), 200)
    with shared._lock:
        call = started(shared)
    end(call, 200)


def test_good_calls_count_without_the_lock() -> None:
    shared = Breakers(CircuitBreaker(window=6, minimum_calls=6, failure_rate=0.5))
    end(started(shared), 200)
    with shared._lock:
        for _ in range(5):
            end(started(shared), 200)
    for status, state in ((503, "closed"), (503, "closed"), (200, "closed"), (503, "open")):
        end(started(shared), status)
        assert state_of(shared) == state


def test_each_good_call_of_many_threads_counts() -> None:
    shared = Breakers(CircuitBreaker(window=10_000, minimum_calls=4002, failure_rate=1 / 4002))
    in_threads(8, lambda _: [end(started(shared), 200) for _ in range(500)])
    end(started(shared), 503)
    assert state_of(shared) == "closed"
    end(started(shared), 200)
    assert state_of(shared) == "open"


def test_good_calls_count_in_a_window_of_another_length() -> None:
    breaker = Breaker(CircuitBreaker(window=4, minimum_calls=4, failure_rate=0.5))
    for _ in range(8):
        assert breaker.good is not None
        next(breaker.good)
    breaker.reconfigure(CircuitBreaker(window=6, minimum_calls=6, failure_rate=0.5))
    assert run(breaker, ".xxx")[-2:] == ["closed", "open"]


def test_a_call_from_before_an_opening_does_not_count_after_it() -> None:
    breaker = Breaker(CircuitBreaker(window=1, minimum_calls=1))
    before = breaker.acquire(0)
    assert not isinstance(before, Rejected)
    run(breaker, "x")
    breaker.acquire(30)
    assert breaker.record(before, 30, failed=False, slow=False) is None
    assert breaker.state == "half_open"


@dataclass
class Running:
    token: int
    period: int
    started: float
    is_probe: bool
    abandoned: bool = False


class BreakerMachine(RuleBasedStateMachine):
    """The breaker against a naive one that keeps every call and every probe."""

    configs = (
        CircuitBreaker(
            window=6, minimum_calls=3, failure_rate=0.5, slow_rate=0.7, open_for=8, open_for_maximum=20, probes=2
        ),
        CircuitBreaker(window=4, minimum_calls=4, failure_rate=0.4, open_for=3),
        CircuitBreaker(
            window=10, window_unit="seconds", minimum_calls=3, slow_rate=0.5, open_for=8, open_for_maximum=20
        ),
        CircuitBreaker(window=5, window_unit="seconds", minimum_calls=2, failure_rate=0.8, open_for=3, probes=3),
    )

    def __init__(self) -> None:
        super().__init__()
        self.config = self.configs[0]
        self.breaker = Breaker(self.config)
        self.now = 0.0
        self.state = "closed"
        self.calls: list[tuple[float, str]] = []
        self.opened_at = self.open_until = 0.0
        self.openings = 0
        self.passed = 0
        self.running: list[Running] = []
        self.period = 0

    def open(self) -> None:
        self.state, self.passed = "open", 0
        self.openings += 1
        self.opened_at, self.open_until = self.now, self.now + self.open_for()

    def open_for(self) -> float:
        return min(self.config.open_for_maximum, self.config.open_for * 2 ** (self.openings - 1))

    def begin_period(self) -> None:
        self.period, self.passed = self.period + 1, 0

    def probes(self) -> list[Running]:
        return [call for call in self.running if call.is_probe and call.period == self.period and not call.abandoned]

    @rule(seconds=st.sampled_from([0.5, 3, 8, 20]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(config=st.sampled_from(configs))
    def it_is_reconfigured(self, config: CircuitBreaker) -> None:
        self.breaker.reconfigure(config)
        if config.window_unit != self.config.window_unit:
            self.calls = []
        elif config.window_unit == "seconds":
            step = self.config.window / 10
            self.calls = [(begin // step * step, outcome) for begin, outcome in self.calls]
        self.config, self.passed = config, 0
        if self.state == "open":
            self.open_until = min(self.open_until, self.opened_at + self.open_for())

    @rule()
    def a_call_starts(self) -> None:
        config, answer = self.config, self.breaker.acquire(self.now)
        if self.state == "open" and self.now >= self.open_until:
            self.state = "half_open"
        probes = self.probes()
        due = min((probe.started for probe in probes), default=self.now) + config.open_for
        if self.state == "open":
            assert isinstance(answer, Rejected)
            assert answer.retry_after == pytest.approx(self.open_until - self.now)
            assert answer.change is None
        elif self.state == "half_open" and self.now >= due:
            for probe in probes:
                probe.abandoned = True
            self.open()
            assert isinstance(answer, Rejected)
            assert answer.retry_after == pytest.approx(self.open_until - self.now)
            assert answer.change is not None
        elif self.state == "half_open" and len(probes) + self.passed >= config.probes:
            assert isinstance(answer, Rejected)
            assert answer.retry_after == pytest.approx(min(due - self.now, config.open_for / 10))
            assert answer.change is None
        else:
            assert not isinstance(answer, Rejected)
            self.running.append(Running(answer, self.period, self.now, is_probe=self.state == "half_open"))

    @precondition(lambda self: self.running)
    @rule(pick=st.integers(0, 50), outcome=st.sampled_from([".", ".", "x", "s", "cancelled"]))
    def a_call_ends(self, pick: int, outcome: str) -> None:
        call = self.running.pop(pick % len(self.running))
        if outcome == "cancelled":
            self.breaker.release(call.token)
            return
        self.breaker.record(call.token, self.now, failed=outcome == "x", slow=outcome == "s")
        if call.period != self.period:
            return
        if call.is_probe:
            self.a_probe_ended(call, outcome)
        else:
            self.calls.append((self.now, outcome))
            self.judge()

    def a_probe_ended(self, probe: Running, outcome: str) -> None:
        if outcome == "x" or (outcome == "s" and self.config.slow_rate is not None):
            if not probe.abandoned:
                self.begin_period()
                self.open()
            return
        self.passed += 1
        if self.passed == self.config.probes:
            self.begin_period()
            self.state, self.openings, self.calls = "closed", 0, []

    def judge(self) -> None:
        config = self.config
        if config.window_unit == "calls":
            self.calls = self.calls[-config.window :]
        else:
            step = config.window / 10
            self.calls = [call for call in self.calls if self.now // step - call[0] // step < 10]
        outcomes = [outcome for _, outcome in self.calls]
        failed, slow = outcomes.count("x") / len(outcomes), outcomes.count("s") / len(outcomes)
        if len(outcomes) < config.minimum_calls:
            return
        if failed >= config.failure_rate or (config.slow_rate is not None and slow >= config.slow_rate):
            self.begin_period()
            self.open()

    @invariant()
    def the_states_agree(self) -> None:
        assert self.breaker.state == self.state


TestBreaker = BreakerMachine.TestCase


# --- as a transport


def test_an_open_circuit_refuses_and_reports_until_when(caller: Caller, clock: HandClock) -> None:
    wire = Script(503)
    transport = caller.wrap(PAIR, wire, CircuitBreaker(window=2, minimum_calls=2), clock=clock)
    for _ in range(2):
        assert caller.call(transport).status_code == 503
    with pytest.raises(CircuitOpenError, match=r"http://a has failed too often.* 30.0 s") as raised:
        caller.call(transport)
    assert (raised.value.endpoint, raised.value.retry_after) == ("http://a", 30)
    assert len(wire.requests) == 2


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        (httpx.ConnectError("refused"), "open"),
        (httpx.ConnectTimeout("late"), "open"),
        (httpx.ReadError("reset"), "open"),
        (httpx.RemoteProtocolError("cut"), "open"),
        (httpx.ReadTimeout("late"), "open"),
        (httpx.WriteTimeout("late"), "open"),
        (httpx.PoolTimeout("our own pool is full"), "closed"),
        (httpx.LocalProtocolError("our own mistake"), "closed"),
        (KeyboardInterrupt(), "closed"),
    ],
    ids=repr,
)
def test_only_faults_of_the_endpoint_count_against_it(clock: HandClock, failure: BaseException, state: str) -> None:
    shared = Breakers(CircuitBreaker(window=1, minimum_calls=1), clock=clock)
    with pytest.raises(type(failure)):
        Caller("sync").call(PolicyTransport(Script(failure), shared))
    assert state_of(shared) == state


def test_a_one_piece_reply_that_breaks_off_counts_as_failed(caller: Caller) -> None:
    shared = Breakers(CircuitBreaker(window=1, minimum_calls=1))
    with serving({"/x": cut(b"half")}) as server:
        wire = library.HTTPTransport() if caller.colour == "sync" else library.AsyncHTTPTransport()
        with pytest.raises(httpx.RemoteProtocolError):
            caller.call(caller.wrap(DRIVERS, wire, shared), url=f"{server.url}/x", headers={"Connection": "close"})
        assert state_of(shared, server.url) == "open"


@pytest.mark.parametrize(
    ("waited", "took", "failure", "state"),
    [
        (0.4, 0.1, httpx.ReadTimeout("late"), "closed"),  # a queue took the call's time
        (9.0, 1.0, httpx.ConnectTimeout("late"), "closed"),
        (0.0, 0.5, httpx.ReadTimeout("late"), "open"),  # the endpoint had it all
        (0.2, 0.3, httpx.ReadTimeout("late"), "open"),  # or the larger part
        (None, 0.1, httpx.ReadTimeout("late"), "open"),
        (9.0, 1.0, httpx.ReadError("reset"), "open"),
    ],
)
def test_a_call_that_spent_its_time_elsewhere_does_not_count(
    caller: Caller, clock: HandClock, waited: float | None, took: float, failure: Exception, state: str
) -> None:
    def late(_: httpx.Request) -> httpx.Response:
        clock.now += took
        raise failure

    shared = Breakers(CircuitBreaker(window=1, minimum_calls=1), clock=clock)
    extensions = {"deadline": clock.now + took} | ({} if waited is None else {"began": clock.now - waited})
    with pytest.raises(type(failure)):
        caller.call(caller.wrap(DRIVERS, Script(late), shared), extensions=extensions)
    assert state_of(shared) == state


def test_a_stall_counts_however_long_the_call_had_waited(clock: HandClock) -> None:
    def stalled(_: httpx.Request) -> httpx.Response:
        clock.now += 1
        raise httpx.ReadTimeout("no first item")

    shared = Breakers(CircuitBreaker(window=1, minimum_calls=1), clock=clock)
    with pytest.raises(httpx.ReadTimeout):
        Caller("sync").call(
            PolicyTransport(Script(stalled), shared),
            extensions={"deadline": clock.now + 1.1, "began": clock.now - 100},
        )
    assert state_of(shared) == "open"


def test_waiting_for_a_permit_does_not_count_against_an_endpoint(clock: HandClock) -> None:
    def busy(request: httpx.Request) -> httpx.Response:
        left = request.extensions["deadline"] - clock.now
        clock.now += min(left, 0.2)
        if left < 0.2:
            raise httpx.ReadTimeout("late")
        return httpx.Response(200)

    shared = Breakers(CircuitBreaker(window=1, minimum_calls=1), clock=clock)
    wire = PolicyTransport(Script(busy), shared)
    line = RateLimitTransport(wire, RateLimit(per_second=1, burst=1), clock=clock)
    outcomes = []
    for _ in range(3):
        times = {"began": clock.now, "deadline": clock.now + 0.95}
        try:
            outcomes.append(Caller("sync").call(line, extensions=times).status_code)
        except httpx.ReadTimeout:
            outcomes.append("late")
    assert outcomes == [200, "late", "late"]
    assert state_of(shared) == "closed"


def test_an_interrupted_probe_decides_nothing(caller: Caller, clock: HandClock) -> None:
    shared = Breakers(CircuitBreaker(window=1, minimum_calls=1), clock=clock)
    transport = caller.wrap(DRIVERS, Script(503, KeyboardInterrupt(), 404), shared)
    caller.call(transport)
    clock.now += 30
    with pytest.raises(KeyboardInterrupt):
        caller.call(transport)
    assert state_of(shared) == "half_open"
    assert caller.call(transport).status_code == 404
    assert state_of(shared) == "closed"


@pytest.mark.anyio
async def test_a_cancelled_probe_decides_nothing(clock: HandClock) -> None:
    class Wire(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/stall":
                await anyio.sleep_forever()
            return httpx.Response(503 if request.url.path == "/bad" else 200)

    shared = Breakers(CircuitBreaker(window=1, minimum_calls=1), clock=clock)
    transport = AsyncPolicyTransport(Wire(), shared)
    await transport.handle_async_request(httpx.Request("GET", "http://a/bad"))
    clock.now += 30
    with anyio.CancelScope() as scope:
        scope.cancel()
        await transport.handle_async_request(httpx.Request("GET", "http://a/stall"))
    assert state_of(shared) == "half_open"
    await transport.handle_async_request(httpx.Request("GET", "http://a/good"))
    assert state_of(shared) == "closed"


def test_a_retry_goes_on_soon_after_a_successful_probe(clock: HandClock) -> None:
    shared = Breakers(CircuitBreaker(window=1, minimum_calls=1), clock=clock)
    end(started(shared), 503)
    clock.now += 30
    probe = started(shared)

    class Turning(HandClock):
        def sleep(self, seconds: float) -> None:
            clock.now += seconds
            end(probe, 200)
            super().sleep(seconds)

    waiting = Turning(clock.now)
    policy = Retry(errors=(CircuitOpenError,), jitter="none")
    transport = RetryTransport(PolicyTransport(Script(200), shared), policy, clock=waiting)
    assert Caller("sync").call(transport).status_code == 200
    assert waiting.slept == [3.2]


def test_fifty_threads_are_counted_and_probed_exactly(clock: HandClock) -> None:
    calls = CircuitBreaker(window=100_000, minimum_calls=5001)
    shared = Breakers(calls, clock=clock)

    def fail(_: int) -> None:
        for _ in range(100):
            end(started(shared), 503)

    in_threads(50, fail)
    assert state_of(shared) == "closed"  # which exactly one more changes
    end(started(shared), 503)
    assert state_of(shared) == "open"

    shared.reconfigure(CircuitBreaker(probes=3))
    clock.now += 30
    probes: list[Any] = []

    def attempt(_: int) -> None:
        with contextlib.suppress(CircuitOpenError):
            probes.append(started(shared))

    in_threads(50, attempt)
    assert len(probes) == 3


def test_a_collected_probe_never_waits_for_the_lock(
    clock: HandClock,
) -> None:
    shared = Breakers(CircuitBreaker(window=1, minimum_calls=1), clock=clock)
    end(started(shared), 503)
    clock.now += 30
    probe = started(shared)

    def collect() -> None:
        with shared._lock:
            probe.close()

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    end(started(shared), 200)
    assert state_of(shared) == "closed"


def test_a_call_is_judged_by_the_configuration_it_began_with(clock: HandClock) -> None:
    patient = CircuitBreaker(window=1, minimum_calls=1, slow_rate=1.0, slow_after=60)
    hasty = CircuitBreaker(window=1, minimum_calls=1, slow_rate=1.0, slow_after=1)
    for before, after, state in ((patient, hasty, "closed"), (hasty, patient, "open")):
        shared = Breakers(before, clock=clock)
        call = started(shared)
        shared.reconfigure(after)
        clock.now += 10
        end(call, 200)
        assert state_of(shared) == state


def test_each_endpoint_has_a_breaker_of_its_own(clock: HandClock) -> None:
    wire = Script(lambda request: httpx.Response(503 if request.url.host == "bad" else 200))
    transport = CircuitBreakerTransport(wire, CircuitBreaker(window=1, minimum_calls=1), clock=clock)
    caller = Caller("sync")
    caller.call(transport, url="http://bad/x")
    with pytest.raises(CircuitOpenError):
        caller.call(transport, url="http://bad/y")
    assert caller.call(transport, url="http://good/x").status_code == 200


def test_a_bad_request_does_not_count_against_the_server(clock: HandClock) -> None:
    transport = CircuitBreakerTransport(Script(500), CircuitBreaker(window=1, minimum_calls=1), clock=clock)
    for _ in range(5):
        assert Caller("sync").call(transport).status_code == 500


def test_slowness_is_measured_to_the_end_of_a_one_piece_reply(clock: HandClock) -> None:
    def slow(_: httpx.Request) -> httpx.Response:
        def body() -> object:
            clock.now += 90
            yield b"late"

        return httpx.Response(200, content=body())

    transport = CircuitBreakerTransport(
        Script(slow), CircuitBreaker(window=1, minimum_calls=1, slow_rate=1.0), clock=clock
    )
    Caller("sync").call(transport)
    with pytest.raises(CircuitOpenError):
        Caller("sync").call(transport)


def test_each_change_of_state_is_reported(caller: Caller, clock: HandClock) -> None:
    events: list[object] = []
    transport = caller.wrap(
        PAIR,
        Script(httpx.ReadError("gone"), 200),
        CircuitBreaker(window=1, minimum_calls=1),
        clock=clock,
        observer=events.append,
    )
    with pytest.raises(httpx.ReadError):
        caller.call(transport)
    with pytest.raises(CircuitOpenError):
        caller.call(transport)
    clock.now += 30
    assert caller.call(transport).status_code == 200
    assert [type(event) for event in events] == [CircuitOpened, Refused, CircuitHalfOpened, CircuitClosed]
    assert (events[0].seconds, events[0].reason) == (30, "1 of 1 calls failed")


def test_an_opening_by_a_slow_probe_is_reported(clock: HandClock) -> None:
    events: list[Any] = []
    shared = Breakers(CircuitBreaker(window=1, minimum_calls=1), clock=clock, observer=events.append)
    end(started(shared), 503)
    clock.now += 30
    probe = started(shared)
    with pytest.raises(CircuitOpenError, match=r"a probe is in flight, try again in 3\.0 s"):
        started(shared)
    clock.now += 30
    with pytest.raises(CircuitOpenError, match=r"no request is sent for another 60\.0 s"):
        started(shared)
    end(probe, 200)
    assert [type(event) for event in events] == [
        CircuitOpened,
        CircuitHalfOpened,
        Refused,
        CircuitOpened,
        Refused,
        CircuitClosed,
    ]
    assert (events[3].seconds, events[3].reason) == (60, "a probe takes too long")


def test_a_reconfigured_breaker_keeps_its_state_and_its_window(clock: HandClock) -> None:
    shared = Breakers(CircuitBreaker(window=4, minimum_calls=4), clock=clock)
    transport, caller = PolicyTransport(Script(503), shared), Caller("sync")
    for _ in range(3):
        caller.call(transport)
    shared.reconfigure(CircuitBreaker(window=8, minimum_calls=4, open_for=5))
    caller.call(transport)
    with pytest.raises(CircuitOpenError, match=r"5\.0 s"):
        caller.call(transport)
    shared.reconfigure(CircuitBreaker())
    assert state_of(shared) == "open"


@pytest.mark.parametrize(
    "arguments",
    [
        {"failure_rate": 0},
        {"failure_rate": 1.1},
        {"slow_rate": 2},
        {"window": 0},
        {"window": 5, "minimum_calls": 6},
        {"window_unit": "hours"},
        {"open_for": 0},
        {"open_for": 10, "open_for_maximum": 5},
        {"probes": 0},
        {"statuses": {700}},
    ],
)
def test_a_bad_argument_is_refused_with_its_value(arguments: dict[str, object]) -> None:
    name, value = list(arguments.items())[-1]
    with pytest.raises(ConfigurationError) as raised:
        CircuitBreaker(**arguments)  # type: ignore[arg-type]
    assert name in str(raised.value)
    assert str(value) in str(raised.value)


def test_ctrl_c_at_the_last_probe_leaves_a_circuit_that_is_used_again() -> None:
    if sys.gettrace() is not None:
        pytest.skip("another tracer runs")

    def half_opened() -> Breakers:
        shared = Breakers(CircuitBreaker(window=2, minimum_calls=2, open_for=30), clock=HandClock())
        for _ in range(2):
            end(started(shared), 503)
        shared.clock.now += 31
        return shared

    with Interrupts(0) as counted:
        end(started(half_opened()), 200)
    for moment in range(1, counted.moments + 1):
        shared = half_opened()
        with contextlib.suppress(KeyboardInterrupt), Interrupts(moment):
            end(started(shared), 200)
        shared.clock.now += 3600
        with contextlib.suppress(CircuitOpenError):  # a probe that was never released has taken too long
            end(started(shared), 200)
        shared.clock.now += 3600
        end(started(shared), 200)  # raises CircuitOpenError if it is refused
