"""Circuit breaker: when it opens, whom it lets through, when it closes."""

from __future__ import annotations

from collections import deque

import httpx
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from reliability_kit import Caller, HandClock, Script

from ollama_sdk.errors import CircuitOpenError, ConfigurationError
from ollama_sdk.reliability import (
    AsyncCircuitBreakerTransport,
    CircuitBreaker,
    CircuitBreakerTransport,
    CircuitClosed,
    CircuitHalfOpened,
    CircuitOpened,
    Refused,
)
from ollama_sdk.reliability.circuit_breaker import Breaker, Breakers, Rejected

PAIR = (CircuitBreakerTransport, AsyncCircuitBreakerTransport)


def run(breaker: Breaker, outcomes: str, now: float = 0.0) -> list[str]:
    """Call once for each letter (``.`` good, ``x`` failed, ``s`` slow); the states after each."""
    states = []
    for outcome in outcomes:
        period = breaker.admit(now)
        assert not isinstance(period, Rejected)
        breaker.record(period, now, failed=outcome == "x", slow=outcome == "s")
        states.append(breaker.state)
    return states


def test_it_opens_when_half_of_the_window_failed_and_not_before_the_minimum() -> None:
    breaker = Breaker(CircuitBreaker(window=20, minimum_calls=10, failure_rate=0.5))
    assert set(run(breaker, "xxxxxxxxx")) == {"closed"}
    assert run(breaker, "x") == ["open"]
    breaker = Breaker(CircuitBreaker(window=20, minimum_calls=10, failure_rate=0.5))
    assert run(breaker, "......xxxxxx")[-2:] == ["closed", "open"]


def test_a_rate_is_met_exactly_at_its_share() -> None:
    breaker = Breaker(CircuitBreaker(window=10, minimum_calls=10, failure_rate=0.3))
    assert run(breaker, ".......xxx")[-2:] == ["closed", "open"]


def test_what_left_the_window_no_longer_counts() -> None:
    breaker = Breaker(CircuitBreaker(window=4, minimum_calls=4, failure_rate=0.75))
    assert set(run(breaker, "xx....xx..xx")) == {"closed"}
    assert run(breaker, "x") == ["open"]


def test_a_window_in_seconds_forgets_what_is_older() -> None:
    breaker = Breaker(CircuitBreaker(window=10, window_unit="seconds", minimum_calls=4, failure_rate=0.5))
    run(breaker, "xxx", now=0)
    assert run(breaker, "x.", now=10) == ["closed", "closed"]
    assert run(breaker, "xx", now=15) == ["closed", "open"]


def test_slow_calls_open_it_when_asked_for() -> None:
    assert run(Breaker(CircuitBreaker(window=4, minimum_calls=4)), "ssssssss")[-1] == "closed"
    assert run(Breaker(CircuitBreaker(window=4, minimum_calls=4, slow_rate=0.5)), "..ss")[-1] == "open"


def test_it_lets_one_trial_through_after_its_time_and_closes_when_that_succeeds() -> None:
    breaker = Breaker(CircuitBreaker(window=2, minimum_calls=2, open_for=30))
    run(breaker, "xx", now=0)
    assert breaker.admit(10) == Rejected(20)
    trial = breaker.admit(30)
    assert breaker.state == "half_open"
    assert breaker.admit(35) == Rejected(25)
    assert not isinstance(trial, Rejected)
    breaker.record(trial, 31, failed=False, slow=False)
    assert breaker.state == "closed"
    assert run(breaker, "x") == ["closed"]  # with an empty window


def test_each_failed_trial_doubles_the_wait_up_to_the_maximum_and_closing_resets_it() -> None:
    breaker = Breaker(CircuitBreaker(window=1, minimum_calls=1, open_for=30, open_for_maximum=100))
    now, waits = 0.0, []
    for _ in range(4):
        run(breaker, "x", now=now)
        rejected = breaker.admit(now)
        assert isinstance(rejected, Rejected)
        waits.append(rejected.retry_after)
        now += rejected.retry_after
    assert waits == [30, 60, 100, 100]
    run(breaker, ".", now=now)
    run(breaker, "x", now=now)
    assert breaker.admit(now) == Rejected(30)


def test_as_many_trials_as_asked_for_must_succeed() -> None:
    breaker = Breaker(CircuitBreaker(window=1, minimum_calls=1, trial_calls=3))
    run(breaker, "x")
    assert run(breaker, "...", now=30) == ["half_open", "half_open", "closed"]
    run(breaker, "x", now=30)
    assert run(breaker, "..x", now=90) == ["half_open", "half_open", "open"]


def test_a_cancelled_trial_gives_its_place_to_the_next() -> None:
    breaker = Breaker(CircuitBreaker(window=1, minimum_calls=1))
    run(breaker, "x")
    trial = breaker.admit(30)
    assert not isinstance(trial, Rejected)
    breaker.abandon(trial)
    assert run(breaker, ".", now=30) == ["closed"]


def test_a_trial_that_never_ends_does_not_keep_the_circuit_half_open_for_ever() -> None:
    breaker = Breaker(CircuitBreaker(window=1, minimum_calls=1, open_for=30))
    run(breaker, "x")
    assert not isinstance(breaker.admit(30), Rejected)
    assert breaker.admit(59) == Rejected(1)
    assert run(breaker, ".", now=60) == ["closed"]


def test_a_call_from_before_the_opening_tells_nothing_after_it() -> None:
    breaker = Breaker(CircuitBreaker(window=1, minimum_calls=1))
    before = breaker.admit(0)
    assert not isinstance(before, Rejected)
    run(breaker, "x")
    breaker.admit(30)
    assert breaker.record(before, 30, failed=False, slow=False) is None
    assert breaker.state == "half_open"


class BreakerMachine(RuleBasedStateMachine):
    """The breaker against a naive one that keeps every call."""

    config = CircuitBreaker(
        window=6, minimum_calls=3, failure_rate=0.5, slow_rate=0.7, open_for=8, open_for_maximum=20, trial_calls=2
    )

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(self.config)
        self.now = 0.0
        self.state = "closed"
        self.calls: deque[str] = deque()
        self.open_until = 0.0
        self.openings = 0
        self.passed = 0
        self.latest_trial = 0.0
        self.running: list[tuple[int, int]] = []  # what the breaker gave, and our own count of periods
        self.period = 0

    def enter(self, state: str) -> None:
        self.state, self.period, self.passed = state, self.period + 1, 0

    def open(self) -> None:
        self.enter("open")
        self.open_until = self.now + min(20, 8 * 2**self.openings)
        self.openings += 1

    @rule(seconds=st.sampled_from([0.5, 3, 8, 20]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_call_starts(self) -> None:
        if self.state == "open" and self.now >= self.open_until:
            self.enter("half_open")
        trials = self.passed + sum(period == self.period for _, period in self.running)
        answer = self.breaker.admit(self.now)
        if self.state == "open":
            assert answer == Rejected(self.open_until - self.now)
        elif self.state == "half_open" and trials >= 2 and self.now < self.latest_trial + 8:
            assert answer == Rejected(self.latest_trial + 8 - self.now)
        else:
            self.latest_trial = self.now
            assert not isinstance(answer, Rejected)
            self.running.append((answer, self.period))

    @precondition(lambda self: self.running)
    @rule(pick=st.integers(0, 50), outcome=st.sampled_from([".", ".", "x", "s", "cancelled"]))
    def a_call_ends(self, pick: int, outcome: str) -> None:
        token, period = self.running.pop(pick % len(self.running))
        if outcome == "cancelled":
            self.breaker.abandon(token)
            return
        self.breaker.record(token, self.now, failed=outcome == "x", slow=outcome == "s")
        if period != self.period:
            return
        if self.state == "closed":
            self.calls.append(outcome)
            latest = list(self.calls)[-6:]
            if len(latest) >= 3 and (latest.count("x") >= 0.5 * len(latest) or latest.count("s") >= 0.7 * len(latest)):
                self.open()
        elif outcome != ".":
            self.open()
        else:
            self.passed += 1
            if self.passed == 2:
                self.enter("closed")
                self.openings = 0
                self.calls.clear()

    @invariant()
    def the_states_agree(self) -> None:
        assert self.breaker.state == self.state


TestBreaker = BreakerMachine.TestCase


# --- as a transport


def test_an_open_circuit_fails_at_once_and_says_until_when(caller: Caller, clock: HandClock) -> None:
    wire = Script(503)
    transport = caller.wrap(PAIR, wire, CircuitBreaker(window=2, minimum_calls=2), clock=clock)
    for _ in range(2):
        assert caller.call(transport).status_code == 503
    with pytest.raises(CircuitOpenError, match=r"http://a has failed too often.* 30.0 s") as raised:
        caller.call(transport)
    assert (raised.value.endpoint, raised.value.retry_after) == ("http://a", 30)
    assert len(wire.requests) == 2


def test_each_endpoint_has_a_breaker_of_its_own(clock: HandClock) -> None:
    wire = Script(lambda request: httpx.Response(503 if request.url.host == "bad" else 200))
    transport = CircuitBreakerTransport(wire, CircuitBreaker(window=1, minimum_calls=1), clock=clock)
    caller = Caller("sync")
    caller.call(transport, url="http://bad/x")
    with pytest.raises(CircuitOpenError):
        caller.call(transport, url="http://bad/y")
    assert caller.call(transport, url="http://good/x").status_code == 200


def test_a_mistake_in_the_request_does_not_count_against_the_server(clock: HandClock) -> None:
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


def test_its_way_from_closed_over_open_and_half_open_back_is_told(caller: Caller, clock: HandClock) -> None:
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


def test_a_reconfigured_breaker_keeps_its_state_and_its_window(clock: HandClock) -> None:
    shared = Breakers(CircuitBreaker(window=4, minimum_calls=4), clock=clock)
    transport, caller = CircuitBreakerTransport(Script(503), shared), Caller("sync")
    for _ in range(3):
        caller.call(transport)
    shared.reconfigure(CircuitBreaker(window=8, minimum_calls=4, open_for=5), None)
    caller.call(transport)
    with pytest.raises(CircuitOpenError, match=r"5\.0 s"):
        caller.call(transport)
    shared.reconfigure(CircuitBreaker(), None)
    assert shared.state("http://a") == "open"


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
        {"trial_calls": 0},
        {"statuses": {700}},
    ],
)
def test_a_bad_argument_is_refused_with_its_value(arguments: dict[str, object]) -> None:
    name, value = list(arguments.items())[-1]
    with pytest.raises(ConfigurationError) as raised:
        CircuitBreaker(**arguments)  # type: ignore[arg-type]
    assert name in str(raised.value)
    assert str(value) in str(raised.value)
