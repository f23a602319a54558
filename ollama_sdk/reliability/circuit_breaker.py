"""Decides whether a request is sent to an endpoint that keeps failing.

**States.** Each endpoint has one :class:`Breaker`. *Closed*, it sends every request and counts the outcomes in a sliding window;
too many failed or slow ones *open* it. Open, it refuses every request until its time is over. The first request after that makes it
*half-open*: a few requests are sent as probes, and all others are refused. When enough probes have succeeded it closes, with an
empty window; when one fails, or takes too long, it opens again, for twice as long.

**Who moves them.** Only calls do, when they ask (:meth:`Breaker.acquire`) and when they end (:meth:`Breaker.record`); no timer
runs. While the circuit is closed, a call that asks, and one that is good, move nothing, and need neither. Each call has a permit, which is a number: all calls of one *period* of the closed circuit share a number, and each probe has
its own. An outcome counts only while its number is valid, so a call from before the opening does not count after it. A probe that
takes too long is *abandoned*, but closes the circuit if it succeeds later: otherwise an endpoint whose good answers take longer
than ``open_for`` would never be used again.

**Why nothing deadlocks or leaks.** :class:`Breakers` holds one lock for the few statements of ``acquire`` and ``record``; under it,
nothing waits, yields or calls an observer. A closed circuit gives out its number without the lock, and a good call that can change
nothing, because no call in the window failed or was slow, is counted without it, by a counter whose ``next()`` is atomic
(:attr:`Breaker.good`). A call may end without an outcome (cancelled, interrupted, garbage-collected), possibly in a thread that holds
the lock. So :meth:`Breaker.release` takes no lock: it removes one entry atomically, and decides nothing. A probe that is never released
does no harm: the first request after ``open_for`` abandons it.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from typing import TYPE_CHECKING, Literal, NamedTuple

import httpx
from attrs import field, frozen

from ollama_sdk._concurrency import forks
from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk._httpx2 import AsyncTransportLike, TransportLike
from ollama_sdk.errors import CircuitOpenError, ConfigurationError

from . import _checks
from ._driver import AsyncPolicyTransport, Flow, PolicyTransport, Send
from ._extensions import cut_short, endpoint_of
from ._failures import ENDPOINT_ERRORS
from .events import CircuitClosed, CircuitHalfOpened, CircuitOpened, Observer, Refused, emit, guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AsyncCircuitBreakerTransport", "CircuitBreaker", "CircuitBreakerTransport"]


@frozen
class CircuitBreaker:
    """Stop sending requests to an endpoint that fails, and probe it later with a few.

    Use it if a failing server costs its callers time, as a stalled or an overloaded one does. It needs traffic to judge by: below
    ``minimum_calls`` in the window it never opens. For one local Ollama take ``window=10, minimum_calls=5, open_for=5``; for a
    fleet the defaults, or a shorter ``open_for`` behind :class:`~ollama_sdk.reliability.Failover`: an outage of every host opens
    every circuit, and calls fail until the first one is probed, even if the hosts are back earlier. A stream is judged by its first
    chunk; a later failure does not count.

    Attributes:
        failure_rate: Share of failed calls in the window that opens the circuit.
        slow_rate: Share of slow calls in the window that opens it; ``None`` ignores slowness.
        slow_after: A call is slow if its whole reply, or the first chunk of its stream, takes this many seconds.
        window: Length of the sliding window, in ``window_unit``.
        window_unit: ``calls`` counts the latest calls; ``seconds`` the latest seconds, in ten steps.
        minimum_calls: With fewer calls in the window, the circuit never opens.
        open_for: Seconds until the first probe.
        open_for_maximum: Each time a probe fails the wait doubles, up to this many seconds.
        probes: How many calls may run at once while the circuit is half-open, and how many must succeed to close it. One that
            takes longer than ``open_for`` counts as failed, unless it succeeds later.
        statuses: Error statuses that count as failures. 500 is not among them by default, because Ollama sends it for some
            invalid requests.
        errors: Exceptions of ``httpx`` that count as failures. A timeout at the call's deadline does not count if the call had
            spent more than half of its time in queues or on earlier attempts.

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
    probes: int = field(default=1, validator=_checks.count)
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


# The calls in a window: how many, how many of them failed, and how many were slow; ``None`` if none of them did or was.
Counts = tuple[int, int, int] | None


class CallWindow:
    """The outcomes of the latest calls, which are numbered. Only those that failed or were slow are kept."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._numbers = itertools.count(1)
        self._before = 0  # the latest call before the window
        self._bad: deque[tuple[int, bool, bool]] = deque()
        self._failed = self._slow = 0
        self._is_counted = True  # whether the two sums are right

    def record(self, _now: float, *, failed: bool, slow: bool) -> Counts:
        """Add a call, and count the calls in the window."""
        bad, number = self._bad, next(self._numbers)
        self._before = max(self._before, number - self._length)
        if not self._is_counted:  # an exception interrupted a change
            self._failed = sum(failed for _, failed, _ in bad)
            self._slow = sum(slow for _, _, slow in bad)
        self._is_counted = False
        if failed or slow:
            bad.append((number, failed, slow))
            self._failed += failed
            self._slow += slow
        while bad and bad[0][0] <= self._before:
            _, failed, slow = bad.popleft()
            self._failed -= failed
            self._slow -= slow
        self._is_counted = True
        return (number - self._before, self._failed, self._slow) if bad else None

    def resized(self, length: int) -> CallWindow:
        """A window over the latest ``length`` calls; the next record drops the earlier ones."""
        self._length = length
        return self

    @property
    def good(self) -> Iterator[int] | None:
        """Adds a good call by its ``next()`` while no call in the window is bad; else ``None``."""
        return None if self._bad else self._numbers


class TimeWindow:
    """The outcomes of the latest seconds, summed up in ten slots of equal length."""

    _SLOTS = 10
    good = None  # each call is summed up in its slot

    def __init__(self, length: int) -> None:
        self._width = length / self._SLOTS
        self._slots: deque[tuple[int, list[int]]] = deque()
        self._total = [0, 0, 0]
        self._is_counted = True  # whether the total is right

    def record(self, now: float, *, failed: bool, slow: bool) -> Counts:
        """Add a call, and count the calls in the window."""
        if not self._is_counted:  # an exception interrupted a change
            self._total = [sum(column) for column in zip([0, 0, 0], *(sums for _, sums in self._slots), strict=True)]
        self._is_counted = False
        number = int(now // self._width)
        if not self._slots or self._slots[-1][0] != number:
            self._slots.append((number, [0, 0, 0]))
        while self._slots[0][0] <= number - self._SLOTS:
            _, sums = self._slots.popleft()
            self._total = [total - gone for total, gone in zip(self._total, sums, strict=True)]
        for sums in (self._slots[-1][1], self._total):
            sums[0] += 1
            sums[1] += failed
            sums[2] += slow
        self._is_counted = True
        calls, failures, slow_calls = self._total
        return (calls, failures, slow_calls) if failures or slow_calls else None

    def resized(self, length: int) -> TimeWindow:
        """A window over the latest ``length`` seconds; what was summed up in one slot counts from the beginning of that slot."""
        window = TimeWindow(length)
        window._slots.extend((int(number * self._width // window._width), sums) for number, sums in self._slots)
        window._is_counted = False
        return window


def _window(config: CircuitBreaker) -> CallWindow | TimeWindow:
    return CallWindow(config.window) if config.window_unit == "calls" else TimeWindow(config.window)


State = Literal["closed", "open", "half_open"]


class Change(NamedTuple):
    """The breaker changed to ``state``."""

    state: State
    seconds: float = 0.0
    reason: str = ""


class Rejected(NamedTuple):
    """The breaker refuses requests for ``retry_after`` seconds; ``change`` is set if it has just opened."""

    retry_after: float
    change: Change | None = None


class Breaker:
    """The circuit breaker of one endpoint. It is not thread-safe, does no I/O and gets the time as an argument.

    Attributes:
        state: ``closed``, ``open`` or ``half_open``.
        period: While it is closed, the permit of every call.
        good: Its ``next()`` records a good call, without the lock, while that can change nothing; else ``None``.
    """

    # A call that is refused while probes run gets this share of ``open_for`` as ``retry_after``: most probes end soon.
    _RETRY_SHARE = 0.1

    def __init__(self, config: CircuitBreaker) -> None:
        self._config = config
        self.state: State = "closed"
        self.period: int = 0
        self._window: CallWindow | TimeWindow = _window(config)
        self.good: Iterator[int] | None = self._window.good
        self._opened_at = self._open_until = 0.0
        self._openings = 0
        self._probes: dict[int, float] = {}  # the start of each probe in flight, the oldest first
        self._abandoned: set[int] = set()
        self._passed = 0

    def reconfigure(self, config: CircuitBreaker) -> None:
        """Continue under ``config`` in the same state; an open circuit does not stay open longer than before."""
        self.good = None  # until the next record
        if config.window_unit != self._config.window_unit:
            self._window = _window(config)
        elif config.window != self._config.window:
            self._window = self._window.resized(config.window)
        # Passed probes are counted anew: if fewer are asked for now, no further probe would be admitted to close the circuit.
        self._passed = 0
        self._config = config
        if self.state == "open":
            self._open_until = min(self._open_until, self._opened_at + self._open_for())

    def acquire(self, now: float) -> int | Rejected:
        """Give a call its permit, or reject it.

        The first call after ``open_for`` makes an open circuit half-open. The first call after a probe should have ended opens it
        again.
        """
        if self.state == "closed":
            return self.period
        if self.state == "open":
            if now < self._open_until:
                return Rejected(self._open_until - now)
            self.state = "half_open"
        config = self._config
        due = min(list(self._probes.values()), default=now) + config.open_for
        if now >= due:
            self._abandoned.update(self._probes)
            self._probes.clear()
            change = self._open(now, "a probe takes too long")
            return Rejected(change.seconds, change)
        if len(self._probes) + self._passed >= config.probes:
            return Rejected(min(due - now, config.open_for * self._RETRY_SHARE))
        self.period += 1
        self._probes[self.period] = now
        return self.period

    def record(self, permit: int, now: float, *, failed: bool, slow: bool) -> Change | None:
        """Count the outcome of a call. Returns the change of state, if there is one."""
        self.good = None  # also if an exception interrupts the change
        change = self._record(permit, now, failed=failed, slow=slow)
        self.good = self._window.good if self.state == "closed" else None
        return change

    def _record(self, permit: int, now: float, *, failed: bool, slow: bool) -> Change | None:
        if self.state != "closed":
            return self._record_probe(permit, now, failed=failed, slow=slow)
        if permit != self.period:
            return None
        counts, config = self._window.record(now, failed=failed, slow=slow), self._config
        if counts is None or counts[0] < config.minimum_calls:
            return None
        calls, failures, slow_calls = counts
        if failures / calls >= config.failure_rate:
            return self._trip(now, f"{failures} of {calls} calls failed")
        if config.slow_rate is not None and slow_calls / calls >= config.slow_rate:
            return self._trip(now, f"{slow_calls} of {calls} calls were slow")
        return None

    def release(self, permit: int) -> None:
        """End a call without an outcome that counts; may be called at any time, without the lock."""
        self._probes.pop(permit, None)
        self._abandoned.discard(permit)

    def forget_probes(self) -> None:
        """Forget the probes in flight, which never end in a forked child."""
        self._probes.clear()
        self._abandoned.clear()

    def _record_probe(self, permit: int, now: float, *, failed: bool, slow: bool) -> Change | None:
        in_time = permit in self._probes
        if not in_time and permit not in self._abandoned:
            return None
        self.release(permit)
        if failed or (slow and self._config.slow_rate is not None):
            return self._trip(now, "a probe failed" if failed else "a probe was slow") if in_time else None
        passed = self._passed + 1
        if passed < self._config.probes:
            self._passed = passed
            return None
        # In this order, because Ctrl-C may come between two lines: half-open, with enough passed, no probe would ever be sent.
        self._openings = 0
        self._window = _window(self._config)
        self.state = "closed"
        self._begin_period()
        return Change("closed")

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
        doublings = min(self._openings - 1, 60)  # enough for any maximum, without an overflow
        return min(self._config.open_for_maximum, self._config.open_for * 2.0**doublings)

    def _begin_period(self) -> None:
        self.period += 1
        self._probes.clear()
        self._abandoned.clear()
        self._passed = 0


class Breakers:
    """The state that all calls under one :class:`CircuitBreaker` share.

    Attributes:
        by_endpoint: The breaker of each endpoint, by base URL; made by the first call to it.
    """

    judges_attempts = True

    def __init__(
        self, config: CircuitBreaker, *, clock: Clock = SYSTEM_CLOCK, observer: Observer | None = None
    ) -> None:
        self.clock = clock
        self.by_endpoint: dict[str, Breaker] = {}
        self._config = config
        self._notify = guarded(observer)
        self._lock = threading.Lock()
        forks.register(self)

    def restart_in_child(self) -> None:
        """Forget the probes of the parent; if one of its threads was changing a breaker, forget the breakers too."""
        was_changing, self._lock = self._lock.locked(), threading.Lock()
        if was_changing:
            self.by_endpoint = {}
        for breaker in self.by_endpoint.values():
            breaker.forget_probes()

    def reconfigure(self, config: CircuitBreaker) -> None:
        """Continue under ``config``; states and windows are kept."""
        with self._lock:
            self._config = config
            for breaker in self.by_endpoint.values():
                breaker.reconfigure(config)

    def flow(self, send: Send, request: httpx.Request) -> Flow:
        """Send one request, unless the circuit of its endpoint is open."""
        config, started = self._config, self.clock.monotonic()
        endpoint: str = request.extensions.get("endpoint") or endpoint_of(request)  # usually chosen by failover
        breaker = self.by_endpoint.get(endpoint) or self._new_breaker(endpoint)
        permit = breaker.period  # read before the state: if the circuit opens in between, the outcome does not count
        if breaker.state != "closed":
            permit = self._acquire(breaker, endpoint, request, started)
        failed: bool | None = None  # if the outcome does not count
        try:
            response = yield from send(request)
            failed = response.status_code in config.statuses
        except config.errors as error:
            failed = None if cut_short(request, error, started, self.clock.monotonic()) else True
            raise
        finally:
            if failed is None:
                breaker.release(permit)
            else:
                now, good = self.clock.monotonic(), breaker.good
                slow = now - started >= config.slow_after
                if failed or slow or good is None or permit != breaker.period:
                    self._record(breaker, permit, request, now, failed=failed, slow=slow)
                else:
                    next(good)
        return response

    def _new_breaker(self, endpoint: str) -> Breaker:
        with self._lock:
            return self.by_endpoint.setdefault(endpoint, Breaker(self._config))

    def _acquire(self, breaker: Breaker, endpoint: str, request: httpx.Request, now: float) -> int:
        """Get a permit of a breaker that is not closed.

        Raises:
            CircuitOpenError: The circuit is open, or all its probes are in flight.
        """
        with self._lock:
            before = breaker.state
            permit = breaker.acquire(now)
            after = breaker.state
        if before == "open" and after == "half_open":
            emit(request, self.clock, self._notify, CircuitHalfOpened)
        if not isinstance(permit, Rejected):
            return permit
        if permit.change is not None:
            self._report(permit.change, request)
        emit(request, self.clock, self._notify, Refused, "circuit_breaker", "the circuit is open")
        seconds = permit.retry_after
        until = (
            f"a probe is in flight, try again in {seconds:.1f} s"
            if after == "half_open"
            else f"no request is sent for another {seconds:.1f} s"
        )
        raise CircuitOpenError(
            f"{endpoint} has failed too often: {until}; check the server, or use another endpoint",
            endpoint=endpoint,
            retry_after=seconds,
        )

    def _record(
        self, breaker: Breaker, permit: int, request: httpx.Request, now: float, *, failed: bool, slow: bool
    ) -> None:
        with self._lock:
            change = breaker.record(permit, now, failed=failed, slow=slow)
        if change is not None:
            self._report(change, request)

    def _report(self, change: Change, request: httpx.Request) -> None:
        if change.state == "open":
            emit(request, self.clock, self._notify, CircuitOpened, change.seconds, change.reason)
        else:
            emit(request, self.clock, self._notify, CircuitClosed)


class CircuitBreakerTransport(PolicyTransport):
    """Sends requests only to endpoints whose circuit is not open; see :class:`CircuitBreaker`."""

    def __init__(
        self,
        inner: TransportLike,
        policy: CircuitBreaker,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(inner, Breakers(policy, clock=clock, observer=observer))


class AsyncCircuitBreakerTransport(AsyncPolicyTransport):
    """As :class:`CircuitBreakerTransport`, on asyncio and trio."""

    def __init__(
        self,
        inner: AsyncTransportLike,
        policy: CircuitBreaker,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(inner, Breakers(policy, clock=clock, observer=observer))
