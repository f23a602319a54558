"""Decides whether and when a failed attempt is repeated.

A call is a sequence of attempts with a wait before each but the first. After each attempt its outcome is a success, a failure that
is the caller's, or a failure that is repeated: if attempts are left, the request may be sent again, the budget affords it, and the
wait ends before the deadline. The waits grow exponentially and are jittered (:func:`jittered_waits`). What the attempts of one call
share are the local variables of :meth:`Retrier.flow`; what all calls share is the :class:`Budget`, under a lock of its own.
"""

from __future__ import annotations

import itertools
import random
import threading
from typing import TYPE_CHECKING, Literal

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
    """How many repetitions a client may afford: a token bucket.

    A failed attempt takes one token, a successful one gives ``per_success`` back. While half of the tokens or less are left,
    nothing is repeated, so an outage costs a client few extra requests however long it lasts. Calls that are in flight
    together fail together: to repeat n of them k times takes 2kn + 1 tokens. The default stops an outage from being multiplied,
    not a burst from failing: for n calls at once on a server with a shorter queue take ``Retry(attempts=8, initial=1)`` with
    14n + 1 tokens, or let :class:`~ollama_sdk.reliability.RateLimit` queue them. An attempt that an open circuit refused costs
    nothing, since nothing was sent.

    Attributes:
        tokens: Size of the bucket, which starts full; above 2, or nothing would ever be repeated.
        per_success: Tokens given back; exact to a thousandth.

    The arithmetic is that of retry throttling in gRPC (proposal A6).

    Raises:
        ConfigurationError: An argument cannot work.
    """

    tokens: float = field(default=10.0, validator=_checks.above(2))
    per_success: float = field(default=0.1, validator=_checks.at_least(0.001))


@frozen
class Retry:
    """Repeat failed attempts after exponentially growing, jittered waits.

    Use it for transient failures: a server that restarts, a full queue, a connection that broke. It does not cure overload; the
    budget keeps it from making that worse. A reply whose first part has reached the caller is never repeated. For one local
    Ollama start with the defaults; for a fleet behind :class:`~ollama_sdk.reliability.Failover` take ``attempts=3`` or
    fewer, since each attempt may already try several endpoints.

    Attributes:
        attempts: How often a request is sent at most, the first time included.
        initial: Upper bound of the first wait, in seconds.
        maximum: Upper bound of any computed wait, in seconds; at least ``initial``.
        multiplier: How much the bound grows from one wait to the next.
        jitter: How a wait is drawn below its bound ``b``: ``full`` from 0 to b; ``equal`` from b/2 to b; ``decorrelated``
            from ``initial`` to three times the former wait; ``none`` is b itself. Full jitter spreads clients best
            (AWS Architecture Blog, "Exponential Backoff And Jitter").
        total: Seconds after which no attempt starts any more, counted from the first; ``None`` leaves it to the deadline of
            the call.
        statuses: Error statuses that are repeated.
        errors: Exceptions of ``httpx`` that are repeated: by default failed connections, but not a server that answers too
            late, which repetitions would keep busy. Where failover has tried several endpoints, the error of one of them is
            enough; naming ``NoEndpointError`` repeats whatever their errors are. Naming ``CircuitOpenError`` waits for open
            circuits; that is safe for every operation, since nothing was sent. A client's rate limit is outside of its
            repetitions: ``RateLimitExceededError`` is raised within only by a limit that was put there by hand.
        retry_after_limit: The longest ``Retry-After`` that is waited for, in seconds; a server that asks for more gets no
            further attempt. Nor does one whose circuit stays open longer. A jittered wait is added to the ``Retry-After``, so
            that clients which were given the same one do not all return at once.
        budget: Limits the repetitions of all calls together; ``None`` does not.
        resume: Also repeat operations that the server continues where they stopped (``pull`` and ``push``), before their
            first item has reached the caller: one that breaks off later is continued by calling it again.

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


# gRPC counts in thousandths, so that ten times a tenth is one.
_DIGITS = 3


class Budget:
    """The tokens of a :class:`RetryBudget`; shared by the calls of all threads.

    Attributes:
        tokens: How many are left.
    """

    def __init__(self, config: RetryBudget) -> None:
        self._lock = threading.Lock()
        self.tokens: float = 0.0
        self._full = 0.0
        self.reconfigure(config)
        forks.register(self)

    def restart_in_child(self) -> None:
        """Go on with the tokens of the parent."""
        self._lock = threading.Lock()

    def reconfigure(self, config: RetryBudget) -> None:
        """Go on under ``config``; tokens that were spent stay spent."""
        with self._lock:
            spent = self._full - self.tokens
            self._full = round(config.tokens, _DIGITS)
            self._gain = config.per_success
            self.tokens = max(0.0, round(self._full - spent, _DIGITS))

    def succeeded(self) -> None:
        """An attempt succeeded."""
        if self.tokens < self._full:
            with self._lock:
                self.tokens = min(self._full, round(self.tokens + self._gain, _DIGITS))

    def failed(self) -> bool:
        """An attempt failed. Returns whether enough tokens are left to repeat it."""
        with self._lock:
            self.tokens = max(0.0, round(self.tokens - 1, _DIGITS))
            return self.tokens * 2 > self._full


class Retrier:
    """What all calls under one :class:`Retry` share.

    Args:
        config: The policy.
        clock: The clock that deadlines refer to.
        observer: Called with each event; by default the observer of the call.
        draw: Draws a number of seconds between two bounds.
        budget: That of a former policy; by default a new one.
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
        self.budget: Budget | None = None if config.budget is None else budget or Budget(config.budget)

    def flow(self, send: Send, request: httpx.Request) -> Flow:
        """The attempts of one call."""
        config, budget = self._config, self.budget
        waits: Iterator[float] | None = None
        started = self.clock.monotonic()
        request.extensions["out_of_time"] = False
        attempt = 0
        while True:
            attempt += 1
            request.extensions["attempt"] = attempt
            try:
                response = yield from send(request)
            except Exception as error:
                waits = waits or jittered_waits(config, self._draw)
                seconds = self._wait_after(error, request, attempt, waits, started)
                if seconds is None:
                    raise
            else:
                if response.status_code not in config.statuses:
                    if budget is not None:
                        budget.succeeded()
                    return response
                waits = waits or jittered_waits(config, self._draw)
                seconds = self._wait_after(response, request, attempt, waits, started)
                if seconds is None:
                    return response
            yield Sleep(seconds)

    def _wait_after(
        self, outcome: Outcome, request: httpx.Request, attempt: int, waits: Iterator[float], started: float
    ) -> float | None:
        """Seconds to wait before the next attempt; ``None`` when ``outcome`` is the caller's."""
        config, budget = self._config, self.budget
        if not _is_failure(outcome, config):
            return None
        affordable = budget is None or is_each(outcome, CircuitOpenError) or budget.failed()
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
    """Seconds that a server asks to wait in ``Retry-After``, or that its circuit stays open, else ``None``.

    Of several endpoints, the one that is ready first counts.
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
    """Repeats failed attempts of the transport within; see :class:`Retry`."""

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
