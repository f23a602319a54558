"""Decides whether an endpoint that keeps failing is asked at all."""

from __future__ import annotations

import threading
from collections import deque
from typing import Literal, NamedTuple

import httpx
from attrs import field, frozen

from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk.errors import CircuitOpenError, ConfigurationError

from . import _checks
from ._outcome import ENDPOINT_ERRORS, Outcome
from ._replies import asettle, settle
from ._request import cut_short, endpoint_of
from .events import CircuitClosed, CircuitHalfOpened, CircuitOpened, Observer, Refused, guarded, tell

__all__ = ["AsyncCircuitBreakerTransport", "CircuitBreaker", "CircuitBreakerTransport"]


@frozen
class CircuitBreaker:
    """Stop asking an endpoint that fails, and try it again later with a few calls.

    Use it where a failing server costs its callers time, as a stalled or an overloaded one does. It needs traffic to judge by:
    below ``minimum_calls`` in the window it never opens. For one local Ollama take ``window=10, minimum_calls=5, open_for=5``;
    for a fleet the defaults, or a shorter ``open_for`` behind :class:`~ollama_sdk.reliability.Failover`: after a trouble that met
    all hosts at once, calls fail until the first circuit is tried again, however soon the hosts are well. A stream is judged by
    its beginning; what breaks later is not seen here.

    Attributes:
        failure_rate: Share of failed calls in the window that opens the circuit.
        slow_rate: Share of slow calls in the window that opens it; ``None`` ignores slowness.
        slow_after: Seconds to the whole reply, or to a stream's first part, from which a call is slow.
        window: Length of the sliding window, in ``window_unit``.
        window_unit: ``calls`` looks at the latest calls; ``seconds`` at the latest seconds, in ten steps.
        minimum_calls: Calls in the window below which it never opens.
        open_for: Seconds until the first trial call.
        open_for_maximum: Each time the trial fails the wait doubles, up to this many seconds.
        trial_calls: How many trial calls may run at once, and how many must succeed to close the circuit. One that takes
            longer than ``open_for`` counts as failed until it succeeds after all.
        statuses: Error statuses that count as failures. 500 is not among them by default, because Ollama answers it to a
            mistake in the request.
        errors: Exceptions of ``httpx`` that count as failures. A timeout does not when it was the call's deadline that passed,
            and the call had spent more than half of its time in queues or on earlier attempts.

    Raises:
        ConfigurationError: An argument cannot work.
    """

    failure_rate: float = field(default=0.5, validator=_checks.share)
    slow_rate: float | None = field(default=None, validator=_checks.optional(_checks.share))
    slow_after: float = field(default=60.0, validator=_checks.positive)
    window: int = field(default=20, validator=_checks.count)
    window_unit: Literal["calls", "seconds"] = field(default="calls", validator=_checks.one_of("calls", "seconds"))
    minimum_calls: int = field(default=10, validator=_checks.count)
    open_for: float = field(default=30.0, validator=_checks.positive)
    open_for_maximum: float = field(default=300.0, validator=_checks.positive)
    trial_calls: int = field(default=1, validator=_checks.count)
    statuses: frozenset[int] = field(
        default=frozenset({502, 503, 504}), converter=_checks.to_set, validator=_checks.statuses
    )
    errors: tuple[type[Exception], ...] = field(default=ENDPOINT_ERRORS, validator=_checks.classes)

    def __attrs_post_init__(self) -> None:
        if self.window_unit == "calls" and self.minimum_calls > self.window:
            raise ConfigurationError(
                f"CircuitBreaker(minimum_calls={self.minimum_calls!r}): a window of {self.window} calls never holds that many"
            )
        _checks.ordered(self, "open_for", "open_for_maximum")


class Counts(NamedTuple):
    """What a window holds."""

    calls: int
    failed: int
    slow: int


class CallWindow:
    """The outcomes of the latest calls."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._outcomes: deque[tuple[bool, bool]] = deque()
        self._failed = self._slow = 0

    def record(self, now: float, *, failed: bool, slow: bool) -> Counts:  # noqa: ARG002 - as TimeWindow
        """Add a call; what the window holds then."""
        self._outcomes.append((failed, slow))
        self._failed += failed
        self._slow += slow
        self._trim()
        return Counts(len(self._outcomes), self._failed, self._slow)

    def resized(self, length: int) -> CallWindow:
        """A window that looks at the latest ``length`` calls."""
        self._length = length
        self._trim()
        return self

    def _trim(self) -> None:
        while len(self._outcomes) > self._length:
            failed, slow = self._outcomes.popleft()
            self._failed -= failed
            self._slow -= slow


class TimeWindow:
    """The outcomes of the latest seconds, summed up in ten slots of equal length."""

    _SLOTS = 10

    def __init__(self, length: int) -> None:
        self._length = length
        self._width = length / self._SLOTS
        self._slots: deque[tuple[int, list[int]]] = deque()
        self._total = [0, 0, 0]

    def record(self, now: float, *, failed: bool, slow: bool) -> Counts:
        """Add a call; what the window holds then."""
        number = int(now // self._width)
        if not self._slots or self._slots[-1][0] != number:
            self._slots.append((number, [0, 0, 0]))
            self._drop_before(number - self._SLOTS + 1)
        for sums in (self._slots[-1][1], self._total):
            sums[0] += 1
            sums[1] += failed
            sums[2] += slow
        return Counts(*self._total)

    def resized(self, length: int) -> TimeWindow:
        """A window over the latest ``length`` seconds: an empty one, since slots of another width cannot be kept."""
        return self if length == self._length else TimeWindow(length)

    def _drop_before(self, number: int) -> None:
        while self._slots[0][0] < number:
            _, sums = self._slots.popleft()
            self._total = [total - gone for total, gone in zip(self._total, sums, strict=True)]


_WINDOWS: dict[str, type[CallWindow | TimeWindow]] = {"calls": CallWindow, "seconds": TimeWindow}

State = Literal["closed", "open", "half_open"]


class Change(NamedTuple):
    """The breaker went over to ``state``."""

    state: State
    seconds: float = 0.0
    reason: str = ""


class Rejected(NamedTuple):
    """The breaker lets nothing through for ``retry_after`` seconds; ``change`` tells if that is new."""

    retry_after: float
    change: Change | None = None


class Breaker:
    """The circuit breaker of one endpoint: closed, open or half-open. Not locked; it does no I/O and is told the time.

    A call is admitted under a number: that of the *period* in which the circuit is closed, or one of its own for a trial. Its
    outcome counts only as long as that number does: what a call from before the opening says about an endpoint is no news
    after it. A trial that is given up, because it takes too long, may still succeed, and closes the circuit then: otherwise an
    endpoint whose honest answers take longer than ``open_for`` would never come back.
    """

    # Of ``open_for``: for how long a call is sent away that comes while the trials run. Most trials are over soon.
    _AGAIN_AFTER = 0.1

    def __init__(self, config: CircuitBreaker) -> None:
        self._config = config
        self.state: State = "closed"
        self._period = 0
        self._window = _WINDOWS[config.window_unit](config.window)
        self._opened_at = self._open_until = 0.0
        self._openings = 0
        self._trials: dict[int, float] = {}  # when each of those that run began, the oldest first
        self._given_up: set[int] = set()
        self._passed = 0

    def reconfigure(self, config: CircuitBreaker) -> None:
        """Go on under ``config`` in the same state, with what of the window can be kept; open for no longer than before."""
        if config.window_unit == self._config.window_unit:
            self._window = self._window.resized(config.window)
        else:
            self._window = _WINDOWS[config.window_unit](config.window)
        # Passed trials are counted anew: with fewer asked for, the circuit would wait for one that is not admitted.
        self._passed = 0
        self._config = config
        if self.state == "open":
            self._open_until = min(self._open_until, self._opened_at + self._open_for())

    def admit(self, now: float) -> int | Rejected:
        """The number to account a call under, or how long none is let through.

        ``half_open`` follows ``open`` here, with the first call after its time; ``open`` follows ``half_open`` with the first
        call after a trial should have ended.
        """
        if self.state == "closed":
            return self._period
        if self.state == "open":
            if now < self._open_until:
                return Rejected(self._open_until - now)
            self.state = "half_open"
        config = self._config
        due = min(list(self._trials.values()), default=now) + config.open_for
        if now >= due:
            self._given_up.update(self._trials)
            self._trials.clear()
            change = self._open(now, "a trial call takes too long")
            return Rejected(change.seconds, change)
        if len(self._trials) + self._passed >= config.trial_calls:
            return Rejected(min(due - now, config.open_for * self._AGAIN_AFTER))
        self._period += 1
        self._trials[self._period] = now
        return self._period

    def record(self, period: int, now: float, *, failed: bool, slow: bool) -> Change | None:
        """Account the outcome of a call; how the state changed, if it did."""
        if self.state != "closed":
            return self._record_trial(period, now, failed=failed, slow=slow)
        if period != self._period:
            return None
        counts = self._window.record(now, failed=failed, slow=slow)
        reason = self._reason_to_open(counts)
        return None if reason is None else self._trip(now, reason)

    def abandon(self, period: int) -> None:
        """A call ended without telling anything, cancelled for instance; may be called at any moment, without the lock.

        It takes one entry away and decides nothing, so that it may come before, after or in the middle of everything else.
        """
        self._trials.pop(period, None)
        self._given_up.discard(period)

    def _record_trial(self, period: int, now: float, *, failed: bool, slow: bool) -> Change | None:
        runs = period in self._trials
        if not runs and period not in self._given_up:
            return None
        self.abandon(period)
        if failed or (slow and self._config.slow_rate is not None):
            return self._trip(now, "a trial call failed" if failed else "a trial call was slow") if runs else None
        self._passed += 1
        if self._passed < self._config.trial_calls:
            return None
        self._begin_period()
        self.state = "closed"
        self._openings = 0
        self._window = _WINDOWS[self._config.window_unit](self._config.window)
        return Change("closed")

    def _reason_to_open(self, counts: Counts) -> str | None:
        config = self._config
        if counts.calls < config.minimum_calls:
            return None
        if counts.failed / counts.calls >= config.failure_rate:
            return f"{counts.failed} of {counts.calls} calls failed"
        if config.slow_rate is not None and counts.slow / counts.calls >= config.slow_rate:
            return f"{counts.slow} of {counts.calls} calls were slow"
        return None

    def _trip(self, now: float, reason: str) -> Change:
        self._begin_period()
        return self._open(now, reason)

    def _open(self, now: float, reason: str) -> Change:
        self.state = "open"
        self._passed = 0
        self._openings += 1
        seconds = self._open_for()
        self._opened_at, self._open_until = now, now + seconds
        return Change("open", seconds, reason)

    def _open_for(self) -> float:
        """Seconds that this opening lasts: twice as long as the one before."""
        doublings = min(self._openings - 1, 60)  # far past any maximum, and short of an overflow
        return min(self._config.open_for_maximum, self._config.open_for * 2.0**doublings)

    def _begin_period(self) -> None:
        self._period += 1
        self._trials.clear()
        self._given_up.clear()
        self._passed = 0


class Breakers:
    """The circuit breakers of all endpoints, made as they are first asked; shared by the calls of all threads."""

    def __init__(
        self, config: CircuitBreaker, *, clock: Clock = SYSTEM_CLOCK, observer: Observer | None = None
    ) -> None:
        self.config = config
        self.clock = clock
        self.notify = guarded(observer)
        self._lock = threading.Lock()
        self._breakers: dict[str, Breaker] = {}

    def reconfigure(self, config: CircuitBreaker) -> None:
        """Go on under ``config``; states and windows are kept."""
        with self._lock:
            self.config = config
            for breaker in self._breakers.values():
                breaker.reconfigure(config)

    def state(self, endpoint: str) -> State:
        """Where the breaker of ``endpoint`` stands."""
        with self._lock:
            breaker = self._breakers.get(endpoint)
            return "closed" if breaker is None else breaker.state

    def admit(self, request: httpx.Request) -> Admission:
        """Let a request through.

        Raises:
            CircuitOpenError: The circuit is open, or all its trial calls are under way.
        """
        endpoint = endpoint_of(request)
        now = self.clock.monotonic()
        with self._lock:
            breaker = self._breakers.get(endpoint) or self._breakers.setdefault(endpoint, Breaker(self.config))
            before = breaker.state
            answer = breaker.admit(now)
            after = breaker.state
        if before == "open" and after == "half_open":
            tell(request, self.clock, self.notify, CircuitHalfOpened)
        if isinstance(answer, Rejected):
            raise self._refusal(request, endpoint, answer, after)
        return Admission(self, request, breaker, answer, now)

    def _refusal(self, request: httpx.Request, endpoint: str, answer: Rejected, state: State) -> CircuitOpenError:
        seconds = answer.retry_after
        if answer.change is not None:
            self._tell(answer.change, request)
        tell(request, self.clock, self.notify, Refused, "circuit_breaker", "the circuit is open")
        until = (
            f"a trial call is under way, ask again in {seconds:.1f} s"
            if state == "half_open"
            else f"no request is sent for another {seconds:.1f} s"
        )
        return CircuitOpenError(
            f"{endpoint} has failed too often: {until}; see what ails it, or use another endpoint",
            endpoint=endpoint,
            retry_after=seconds,
        )

    def record(self, admission: Admission, *, failed: bool, now: float) -> None:
        """Account the outcome of an admitted call."""
        slow = now - admission.started >= admission.config.slow_after
        with self._lock:
            change = admission.breaker.record(admission.period, now, failed=failed, slow=slow)
        if change is not None:
            self._tell(change, admission.request)

    def _tell(self, change: Change, request: httpx.Request) -> None:
        if change.state == "open":
            tell(request, self.clock, self.notify, CircuitOpened, change.seconds, change.reason)
        else:
            tell(request, self.clock, self.notify, CircuitClosed)


class Admission:
    """A call that was let through; tell it how the call ended."""

    __slots__ = ("_breakers", "breaker", "config", "period", "request", "started")

    def __init__(
        self, breakers: Breakers, request: httpx.Request, breaker: Breaker, period: int, started: float
    ) -> None:
        self._breakers = breakers
        self.config = breakers.config
        self.request = request
        self.breaker = breaker
        self.period = period
        self.started = started

    def ended(self, outcome: Outcome | BaseException) -> None:
        """The call brought ``outcome``; an exception that is not the endpoint's fault tells nothing of it."""
        breakers = self._breakers
        now = breakers.clock.monotonic()
        if isinstance(outcome, httpx.Response):
            breakers.record(self, failed=outcome.status_code in self.config.statuses, now=now)
        elif isinstance(outcome, self.config.errors) and not cut_short(self.request, outcome, self.started, now):
            breakers.record(self, failed=True, now=now)
        else:
            # Without the lock, which this thread may hold: the garbage collector ends calls that nobody waits for any more.
            self.breaker.abandon(self.period)


class CircuitBreakerTransport(httpx.BaseTransport):
    """Asks the transport within only for endpoints whose circuit is not open; see :class:`CircuitBreaker`."""

    def __init__(
        self,
        inner: httpx.BaseTransport,
        policy: CircuitBreaker | Breakers,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        self._inner = inner
        self._policy = policy if isinstance(policy, Breakers) else Breakers(policy, clock=clock, observer=observer)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` unless the circuit is open."""
        admission = self._policy.admit(request)
        try:
            response = settle(request, self._inner.handle_request(request))
        except BaseException as error:
            admission.ended(error)
            raise
        admission.ended(response)
        return response

    def close(self) -> None:
        """Close the transport within."""
        self._inner.close()


class AsyncCircuitBreakerTransport(httpx.AsyncBaseTransport):
    """As :class:`CircuitBreakerTransport`, on asyncio and trio."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        policy: CircuitBreaker | Breakers,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        self._inner = inner
        self._policy = policy if isinstance(policy, Breakers) else Breakers(policy, clock=clock, observer=observer)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` unless the circuit is open."""
        admission = self._policy.admit(request)
        try:
            response = await asettle(request, await self._inner.handle_async_request(request))
        except BaseException as error:
            admission.ended(error)
            raise
        admission.ended(response)
        return response

    async def aclose(self) -> None:
        """Close the transport within."""
        await self._inner.aclose()
