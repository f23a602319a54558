"""Decides whether and when a failed attempt is repeated.

A call is a sequence of attempts with a wait between two of them. A failed attempt is repeated if attempts are left, the request may
be sent again, the budget allows it, and the wait ends before the deadline; otherwise the caller gets its outcome. The waits grow
exponentially and are jittered (:func:`jittered_waits`). The state of one call is in the local variables of :meth:`Retrier.flow`;
all calls share the :class:`Budget`, which has its own lock. A call is in the budget's set of failing calls from its first failure
to its end, however it ends.
"""

from __future__ import annotations

import itertools
import random
import threading
from typing import TYPE_CHECKING, Literal
from weakref import WeakSet

import httpx
from attrs import field, frozen

from ollama_sdk._concurrency import forks
from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk._httpx2 import AsyncTransportLike, TransportLike
from ollama_sdk._retry_after import retry_after_in
from ollama_sdk.errors import CircuitOpenError, NoEndpointError

from . import _checks
from ._driver import AsyncPolicyTransport, Flow, PolicyTransport, Send, Sleep
from ._extensions import deadline_of, may_repeat
from ._failures import CONNECTION_ERRORS, Outcome, described, is_each
from .events import Observer, Refused, RetryScheduled, emit, guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["AsyncRetryTransport", "Retry", "RetryBudget", "RetryTransport", "retry_after"]

Jitter = Literal["full", "equal", "decorrelated", "none"]


@frozen
class RetryBudget:
    """Limit the retries of all calls of a client: a token bucket.

    A failed attempt takes one token, a successful one returns ``per_success``. While half of the tokens or fewer are left, nothing
    is repeated, so an outage causes few extra requests, no matter how long it lasts. Calls that fail together share the cost:
    while n calls are failing, an attempt takes or returns 1/n of that. So a burst on a full queue is repeated as often as a single
    call. An attempt that an open circuit refused takes no token, because nothing was sent.

    Attributes:
        tokens: Size of the bucket, which starts full; above 2, because a smaller one would never allow a retry. By default twice
            the ``attempts`` of the :class:`Retry`, so that a call that fails alone may use all of them.
        per_success: Tokens that a success returns; exact to a thousandth.

    The arithmetic is that of retry throttling in gRPC (proposal A6), except for the shares.

    Raises:
        ConfigurationError: An argument cannot work.
    """

    tokens: float | None = field(default=None, validator=_checks.optional(_checks.above(2)))
    per_success: float = field(default=0.1, validator=_checks.at_least(0.001))


@frozen
class Retry:
    """Repeat failed attempts after exponentially growing, jittered waits.

    Use it for transient failures: a restarting server, a full queue, a broken connection. It does not cure overload; the budget
    keeps it from making overload worse. A call is never repeated after the first part of its reply has reached the caller. For
    one local Ollama start with the defaults; for a fleet behind :class:`~ollama_sdk.reliability.Failover` take ``attempts=3`` or
    fewer, because each attempt may already try several endpoints.

    The waits of the defaults last 1.4 seconds at most, so they carry a call over a short break, not over a queue that is full
    for longer. ``Retry(attempts=8)`` waits 13 seconds on average: it carries a handful of calls at once over a queue that has a
    place free every second or two. ``Retry(attempts=8, initial=1)`` waits 35 seconds on average and carries dozens;
    :class:`~ollama_sdk.reliability.RateLimit` queues any number in the client.

    Attributes:
        attempts: How often a request is sent at most, the first attempt included.
        initial: Upper bound of the first wait, in seconds.
        maximum: Upper bound of any computed wait, in seconds; at least ``initial``.
        multiplier: How much the bound grows from one wait to the next.
        jitter: How a wait is drawn below its bound ``b``: ``full`` from 0 to b; ``equal`` from b/2 to b; ``decorrelated``
            from ``initial`` to three times the previous wait; ``none`` is always b. Full jitter spreads clients best
            (AWS Architecture Blog, "Exponential Backoff And Jitter").
        total: Seconds after the first attempt, after which no further attempt starts; ``None`` sets no limit but the deadline of
            the call.
        statuses: Error statuses after which a call is repeated.
        errors: Exceptions of ``httpx`` after which a call is repeated: by default failed connections, but not a read timeout,
            because retries would keep a slow server busy. After failover over several endpoints, the error of one of them is
            enough; ``NoEndpointError`` repeats after any errors. ``CircuitOpenError`` waits for open circuits; that is safe for
            every operation, because nothing was sent. ``RateLimitExceededError`` occurs here only if you put a rate limit inside
            the retries yourself: a client's rate limit is outside of them.
        retry_after_limit: The longest ``Retry-After`` in seconds; a longer one, or a circuit that stays open longer, ends the
            call. A jittered wait is added to the ``Retry-After``, so that clients with the same one do not all return at once.
        budget: Limits the retries of all calls together; ``None`` sets no such limit.
        resume: Also repeat operations that the server continues where they stopped (``pull`` and ``push``), before their
            first item has reached the caller; to continue one that breaks off later, call it again.

    Raises:
        ConfigurationError: An argument cannot work.
    """

    attempts: int = field(default=4, validator=_checks.count)
    initial: float = field(default=0.2, validator=_checks.positive)
    maximum: float = field(default=20.0, validator=_checks.positive)
    multiplier: float = field(default=2.0, validator=_checks.factor)
    jitter: Jitter = field(default="full", validator=_checks.one_of("full", "equal", "decorrelated", "none"))
    total: float | None = field(default=None, validator=_checks.optional(_checks.positive))
    statuses: frozenset[int] = field(
        default=frozenset({408, 429, 502, 503, 504}), converter=_checks.to_set, validator=_checks.statuses
    )
    errors: tuple[type[Exception], ...] = field(default=CONNECTION_ERRORS, validator=_checks.classes)
    retry_after_limit: float = field(default=60.0, validator=_checks.positive)
    budget: RetryBudget | None = field(
        factory=RetryBudget, validator=_checks.optional(_checks.instance_of(RetryBudget))
    )
    resume: bool = field(default=False, validator=_checks.boolean)

    def __attrs_post_init__(self) -> None:
        _checks.ordered(self, "initial", "maximum")


# Ten times 0.1 is exactly 1, as in gRPC, which counts in thousandths; the share of a call is smaller than those.
_DIGITS = 9


class Budget:
    """The tokens of a :class:`RetryBudget`; shared by the calls of all threads.

    Attributes:
        tokens: The remaining tokens.
        size: How many tokens there may be.
    """

    def __init__(self, policy: Retry) -> None:
        self._lock = threading.Lock()
        self.tokens: float = 0.0
        self.size: float = 0.0
        # Weak references: an interrupt may skip ``ended``, but the call is still dropped with its frame.
        self._failing: WeakSet[object] = WeakSet()
        self.reconfigure(policy)
        forks.register(self)

    def restart_in_child(self) -> None:
        """Continue with the tokens of the parent, without its calls."""
        self._lock = threading.Lock()
        self._failing = WeakSet()

    def reconfigure(self, policy: Retry) -> None:
        """Continue under ``policy``, if it has a budget; spent tokens stay spent."""
        config = policy.budget
        if config is None:
            return
        with self._lock:
            spent = self.size - self.tokens
            self.size = round(config.tokens or 2.0 * policy.attempts, _DIGITS)
            self._gain = config.per_success
            self.tokens = max(0.0, round(self.size - spent, _DIGITS))

    def succeeded(self) -> None:
        """Return tokens after a successful attempt; needless while none is missing."""
        with self._lock:
            gain = self._gain / max(1, len(self._failing))
            self.tokens = min(self.size, round(self.tokens + gain, _DIGITS))

    def failed(self, call: object) -> bool:
        """Take a token, or the call's share of one, after a failed attempt. Returns whether it may be repeated."""
        with self._lock:
            self._failing.add(call)
            self.tokens = max(0.0, round(self.tokens - 1 / len(self._failing), _DIGITS))
            return self.tokens * 2 > self.size

    def ended(self, call: object) -> None:
        """Forget a call that is over, if an attempt of it has failed.

        The garbage collector may run this while the same thread holds the lock, so the lock is not taken.
        """
        self._failing.discard(call)


class Retrier:
    """The state that all calls under one :class:`Retry` share.

    Args:
        config: The policy.
        clock: The clock of the deadlines.
        observer: Called with each event; by default the observer of the call.
        draw: Draws a number of seconds between two bounds.
        budget: The budget of the previous policy; by default a new one.
    """

    judges_attempts = True

    def __init__(
        self,
        config: Retry,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
        draw: Callable[[float, float], float] = random.uniform,
        budget: Budget | None = None,
    ) -> None:
        self._config = config
        self._draw = draw
        self.clock = clock
        self._notify = guarded(observer)
        self.budget: Budget | None = None if config.budget is None else budget or Budget(config)

    def flow(self, send: Send, request: httpx.Request) -> Flow:
        """Run the attempts of one call."""
        config, budget, extensions = self._config, self.budget, request.extensions
        waits: Iterator[float] | None = None
        started = 0.0 if config.total is None else self.clock.monotonic()
        extensions["out_of_time"] = False
        attempt = 0
        try:
            while True:
                attempt += 1
                extensions["attempt"] = attempt
                try:
                    response = yield from send(request)
                except Exception as error:
                    waits = waits or jittered_waits(config, self._draw)
                    seconds = self._wait_after(error, request, attempt, waits, started)
                    if seconds is None:
                        raise
                else:
                    if response.status_code not in config.statuses:
                        if budget is not None and budget.tokens < budget.size:
                            budget.succeeded()
                        return response
                    waits = waits or jittered_waits(config, self._draw)
                    seconds = self._wait_after(response, request, attempt, waits, started)
                    if seconds is None:
                        return response
                yield Sleep(seconds)
        finally:
            if waits is not None and budget is not None:
                budget.ended(waits)

    def _wait_after(
        self, outcome: Outcome, request: httpx.Request, attempt: int, waits: Iterator[float], started: float
    ) -> float | None:
        """Seconds to wait before the next attempt; ``None`` to return ``outcome`` to the caller.

        ``waits`` belongs to this call alone, so the budget knows the call by it.
        """
        config, budget = self._config, self.budget
        if not _is_failure(outcome, config):
            return None
        affordable = budget is None or is_each(outcome, CircuitOpenError) or budget.failed(waits)
        cause = outcome if isinstance(outcome, Exception) else None
        if attempt >= config.attempts or not may_repeat(request, cause, resume=config.resume):
            return None
        if not affordable:
            emit(request, self.clock, self._notify, Refused, "retry_budget", described(outcome, request))
            return None
        asked = retry_after(outcome) or 0.0
        if asked > config.retry_after_limit:
            return None
        seconds = asked + next(waits)
        until = self.clock.monotonic() + seconds
        deadline = deadline_of(request)
        if deadline is not None and until >= deadline:
            request.extensions["out_of_time"] = True
            return None
        if config.total is not None and until >= started + config.total:
            return None
        emit(request, self.clock, self._notify, RetryScheduled, attempt, seconds, described(outcome, request))
        return seconds


def jittered_waits(config: Retry, draw: Callable[[float, float], float]) -> Iterator[float]:
    """Seconds to wait after the first attempt, after the second, and so on; ``draw`` draws a number between two bounds."""
    former = config.initial
    for attempt in itertools.count(1):
        bound = backoff_bound(config, attempt)
        if config.jitter == "none":
            yield bound
        elif config.jitter == "full":
            yield draw(0.0, bound)
        elif config.jitter == "equal":
            yield draw(bound / 2, bound)
        else:
            former = min(config.maximum, draw(config.initial, former * 3))
            yield former


def backoff_bound(config: Retry, attempt: int) -> float:
    """Upper bound in seconds of the wait after attempt number ``attempt``, which counts from 1."""
    try:
        return min(config.maximum, config.initial * config.multiplier ** (attempt - 1))
    except OverflowError:
        return config.maximum


def _is_failure(outcome: Outcome, config: Retry) -> bool:
    if isinstance(outcome, httpx.Response):
        return outcome.status_code in config.statuses
    if isinstance(outcome, httpx.HTTPStatusError):
        return outcome.response.status_code in config.statuses
    if isinstance(outcome, config.errors):
        return True
    return isinstance(outcome, NoEndpointError) and any(_is_failure(error, config) for error in outcome.exceptions)


def retry_after(outcome: Outcome) -> float | None:
    """Seconds in the server's ``Retry-After``, or until its circuit admits a probe; ``None`` without either.

    For several endpoints, the shortest wait counts.
    """
    if isinstance(outcome, CircuitOpenError):
        return outcome.retry_after
    if isinstance(outcome, NoEndpointError):
        waits = [seconds for error in outcome.exceptions if (seconds := retry_after(error)) is not None]
        return min(waits) if len(waits) == len(outcome.exceptions) else None
    if isinstance(outcome, httpx.HTTPStatusError):
        outcome = outcome.response
    if not isinstance(outcome, httpx.Response):
        return None
    return retry_after_in(outcome.headers)


class RetryTransport(PolicyTransport):
    """Repeats failed attempts; see :class:`Retry`."""

    def __init__(
        self,
        inner: TransportLike,
        policy: Retry,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(inner, Retrier(policy, clock=clock, observer=observer))


class AsyncRetryTransport(AsyncPolicyTransport):
    """As :class:`RetryTransport`, on asyncio and trio."""

    def __init__(
        self,
        inner: AsyncTransportLike,
        policy: Retry,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(inner, Retrier(policy, clock=clock, observer=observer))
