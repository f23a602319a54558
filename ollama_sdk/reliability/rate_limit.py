"""Decides when a call may start: limits the calls per second and the calls at once, first come, first served.

**States.** Each call has one permit. It is *held* at once if no call waits and both limits allow it. Otherwise it is *queued*. The
first in the queue is *woken* as soon as the limit of calls at once allows it, and then waits only for its token; with the token it
is held, and the next is woken. It is *released* from any state when its call ends or gives up. Only the first in the queue takes a
token, and only when it starts: it cannot be overtaken, and a call that gives up has not taken a token.

**Who moves them.** :class:`PermitQueue` holds the states; it does no I/O and has no lock. :class:`Limiter` calls it under one lock,
for a few statements at a time. Under the lock it does not wait or yield, and calls only its clock and ``WakeUp.set``, which do not
block. A queued call waits for its event without the lock. It tries again when the event is set, or when its token is due.

**Why nothing deadlocks or leaks.** The garbage collector or a signal handler may release a permit in any thread, also in one that
holds the lock. So :meth:`Limiter.release` first discards the permit from the set of those held, which is atomic. That is all unless
calls are queued; a call that is queued at the same moment looks at the set only afterwards, so it is either seen here or sees the
free permit itself. If calls are queued, the permit is appended to a deque, which is atomic as well. If the thread holds the lock,
it does nothing more: each thread processes the deque after it has released the lock. Otherwise it takes the lock and processes the
deque itself, which wakes the first in the queue. All limiters share one lock, and no other lock is taken under it, so no two
threads wait for each other. A task whose event loop was closed never tries again: its event reports that, and its permit is dropped
when it would be woken.

**Exceptions at any moment.** Ctrl-C may be raised between any two byte codes, so that a permit is not released. A permit is
therefore a weak reference to an object that the call owns, with the deque's ``append`` as its callback: once the call's frame or
its response is gone, the permit is in the deque, and the next call releases it. The lock is taken only by ``with``, which no
exception can interrupt, and every change under it may be repeated or interrupted.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, deque
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
from attrs import field, frozen

from ollama_sdk._bodies import WholeBody, hold
from ollama_sdk._concurrency import forks
from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk._concurrency.events import WakeUp
from ollama_sdk.errors import ConfigurationError, RateLimitExceededError

from . import _checks
from ._driver import NEW_EVENT, AsyncPolicyTransport, CallOwner, CallRef, Flow, PolicyTransport, Send, Steps, Wait
from ._extensions import deadline_of, operation_of, out_of_time
from .events import Observer, Refused, Waited, emit, guarded

if TYPE_CHECKING:
    from attrs import Attribute

    from ollama_sdk._httpx2 import AsyncTransportLike, TransportLike

__all__ = ["AsyncRateLimitTransport", "RateLimit", "RateLimitTransport"]


def _wait_rule(policy: Any, attribute: Attribute[Any], value: Any) -> None:
    if not isinstance(value, bool):
        _checks.positive(policy, attribute, value)


@frozen
class RateLimit:
    """Limit the calls per second (a token bucket), the calls at once, or both.

    Use ``concurrent`` to queue calls in the client, in order and with their deadlines, instead of in the server's queue, which
    answers 503 when it is full. For one local Ollama set it to the server's ``OLLAMA_NUM_PARALLEL``; for a fleet to that times
    the number of hosts. Use ``per_second`` for a hosted service with a quota. Each client counts only its own calls, not those
    of other processes.

    It counts calls, not requests: retries by :class:`~ollama_sdk.reliability.Retry` take no further token, and a call that waits
    for its next attempt, also for ``Retry-After``, keeps its permit. If a quota counts requests, lower ``per_second`` accordingly,
    or let a plain ``httpx`` client retry outside of the limit, ``RetryTransport(RateLimitTransport(...))``; if permits are few,
    lower ``retry_after_limit`` and ``attempts``.

    Attributes:
        per_second: The average calls per second, up to a million; ``None`` does not limit them.
        burst: Calls that may start at once after a pause; by default ``per_second``, rounded up.
        concurrent: Calls in flight at once; ``None`` does not limit them. A stream is in flight until it ends, is closed or is
            garbage-collected. If a plain ``httpx`` client opens a stream and drops it unclosed, a reference cycle holds its permit
            until the next garbage collection: open it in a ``with`` block.
        wait: ``True`` waits for a permit up to the deadline of the call; a number waits at most that many seconds; ``False``
            refuses at once.

    Raises:
        ConfigurationError: An argument cannot work.
    """

    per_second: float | None = field(default=None, validator=_checks.optional(_checks.rate))
    burst: int | None = field(default=None, validator=_checks.optional(_checks.count))
    concurrent: int | None = field(default=None, validator=_checks.optional(_checks.count))
    wait: bool | float = field(default=True, validator=_wait_rule)

    def __attrs_post_init__(self) -> None:
        if self.per_second is None and self.concurrent is None:
            raise ConfigurationError("RateLimit(): give per_second, concurrent, or both")
        if self.per_second is None and self.burst is not None:
            raise ConfigurationError(f"RateLimit(burst={self.burst!r}): a burst needs per_second")


# Of a token: it may be a little short, because each token that a burst takes at one moment is rounded.
_WHOLE = 1 - 1e-3
_SLOWEST = 1e-12  # calls a second, one in thirty thousand years: with less, the times would overflow


class PermitQueue:
    """The held and the queued permits. It is not thread-safe, does no I/O and gets the time as an argument.

    The token bucket is one number, the time at which it will be full. To take a token postpones that by the seconds in which one is
    refilled; there is one to take while the bucket lacks at most all but one.

    Attributes:
        held: Permits of calls in flight.
        waiting: Permits of queued calls with their events, in order; the woken one is first.
    """

    def __init__(self, config: RateLimit, now: float) -> None:
        self._size = 0
        self._refill = 0.0  # seconds a token; 0 without a limit of calls per second
        self._full_at: float = now
        self._limit(config, now)
        self._woken: object = None
        self.held: set[object] = set()
        self.waiting: OrderedDict[object, WakeUp] = OrderedDict()  # finding the first key of a large dict is slow

    def reconfigure(self, config: RateLimit, now: float) -> None:
        """Continue under ``config`` with the same permits."""
        self._limit(config, now)
        self._woken = None  # the delay of its token changes, and the limit of calls at once may be lower
        self._wake()

    def _limit(self, config: RateLimit, now: float) -> None:
        """Set the limits. A bucket keeps its tokens as far as they fit into the new one; a first one is full."""
        size = 0
        refill = missing = 0.0
        if config.per_second is not None:
            size = config.burst or math.ceil(config.per_second)
            refill = 1 / max(config.per_second, _SLOWEST)
            if self._refill:
                missing = max(0.0, size - self._size + max(0.0, self._full_at - now) / self._refill)
        self._concurrent: float = math.inf if config.concurrent is None else config.concurrent
        self._size = size
        self._refill = refill
        self._full_at = now + missing * refill
        self._most_missing: float = (size - _WHOLE) * refill if refill else math.inf  # in seconds

    def lift(self) -> None:
        """Remove all limits."""
        self._concurrent = self._most_missing = math.inf
        self._refill = 0.0
        self._woken = None
        self._wake()

    def try_acquire(self, permit: object, now: float) -> bool:
        """Hold ``permit`` if the limits allow it now. Returns whether it is held."""
        full_at = self._full_at
        if self.waiting or len(self.held) >= self._concurrent or full_at - now > self._most_missing:
            return False
        self._full_at = (full_at if full_at > now else now) + self._refill
        self.held.add(permit)
        return True

    def enqueue(self, permit: object, event: WakeUp) -> None:
        """Append ``permit`` to the queue; ``event`` is set whenever it is woken."""
        self.waiting[permit] = event
        self._wake()

    def acquire(self, permit: object, now: float) -> float:
        """Hold a queued permit if the limits allow it now.

        Returns:
            0 if it is held; else the seconds until the next try, infinite to wait for its event.
        """
        if permit is not self._woken:
            return math.inf
        missing = max(0.0, self._full_at - now)
        if missing > self._most_missing:
            return missing - (self._size - 1) * self._refill
        self._full_at = now + missing + self._refill
        del self.waiting[permit]
        self._woken = None
        self.held.add(permit)
        self._wake()
        return 0.0

    def release(self, permit: object) -> None:
        """Release ``permit`` in any state; releasing it again has no effect."""
        if permit is self._woken:
            self._woken = None
        self.waiting.pop(permit, None)
        self.held.discard(permit)
        if self.waiting:
            self._wake()

    def _wake(self) -> None:
        """Wake the first in the queue if the limit of calls at once allows it; drop permits whose event loop has ended."""
        while self.waiting and len(self.held) < self._concurrent:
            first, event = next(iter(self.waiting.items()))
            if event.is_lost if first is self._woken else not event.set():
                del self.waiting[first]
            else:
                self._woken = first
                return


class Limiter:
    """The state that all calls under one :class:`RateLimit` share.

    Attributes:
        queue: The permits.
    """

    judges_attempts = False
    _lock = threading.RLock()  # one for all limiters; see the top of the module

    def __init__(self, config: RateLimit, *, clock: Clock = SYSTEM_CLOCK, observer: Observer | None = None) -> None:
        self.clock = clock
        self.queue: PermitQueue = PermitQueue(config, clock.monotonic())
        self._config = config
        self._notify = guarded(observer)
        self._released: deque[object] = deque()
        self._release_later = self._released.append
        forks.register(self)

    def restart_in_child(self) -> None:
        """Forget the permits of the parent's calls."""
        Limiter._lock = threading.RLock()
        self.queue = PermitQueue(self._config, self.clock.monotonic())
        self._released = deque()
        self._release_later = self._released.append

    def reconfigure(self, config: RateLimit) -> None:
        """Continue under ``config``; calls in flight keep their permits, and queued calls their order."""
        with self._lock:
            self._config = config
            self.queue.reconfigure(config, self.clock.monotonic())
        self._process_released()

    def lift(self) -> None:
        """Remove the limits and start all queued calls, because the policy was turned off."""
        with self._lock:
            self.queue.lift()
        self._process_released()

    def flow(self, send: Send, request: httpx.Request) -> Flow:
        """Send one call with a permit."""
        owner = CallOwner()
        permit = CallRef(owner, self._release_later)
        try:
            with self._lock:
                is_held = self.queue.try_acquire(permit, self.clock.monotonic())
            if self._released:
                self._process_released()
            if not is_held:
                yield from self._acquire(permit, request)
            response = yield from send(request)
        except BaseException:
            self.release(permit)
            raise
        if isinstance(response.stream, WholeBody):
            self.queue.held.discard(permit)  # usually all that its release has to do
            if self.queue.waiting:
                self.release(permit)
            del permit  # before its owner is freed, which would release it again
            return response
        return hold(response, partial(self._release_of, owner, permit))

    def _acquire(self, permit: object, request: httpx.Request) -> Steps[None]:
        """Wait until ``permit`` is held.

        Raises:
            APITimeoutError: The deadline of the call would pass first.
            RateLimitExceededError: The policy allows no wait, or a shorter one.
        """
        clock, wait, deadline = self.clock, self._config.wait, deadline_of(request)
        if wait is False:
            raise self._refusal(request, wait, timed_out=False)
        started = clock.monotonic()
        allowed_until = math.inf if wait is True else started + wait
        ends_at = allowed_until if deadline is None else min(deadline, allowed_until)
        event: WakeUp = yield NEW_EVENT
        with self._lock:
            self.queue.enqueue(permit, event)
        while True:
            self._process_released()
            event.clear()
            with self._lock:
                delay = self.queue.acquire(permit, clock.monotonic())
            self._process_released()
            if delay <= 0:
                break
            left = ends_at - clock.monotonic()
            if left <= 0 or left < delay < math.inf:
                raise self._refusal(request, wait, timed_out=wait is True or ends_at < allowed_until)
            yield Wait(event, min(delay, left))
        emit(request, clock, self._notify, Waited, clock.monotonic() - started)

    def _refusal(self, request: httpx.Request, wait: bool | float, *, timed_out: bool) -> Exception:
        """The error of a call without a permit: it ran out of time, or the policy allows no longer wait."""
        emit(request, self.clock, self._notify, Refused, "rate_limit", "no permit")
        if timed_out:
            return out_of_time(request, "a permit of the rate limit")
        return RateLimitExceededError(
            f"{operation_of(request)}: the client's own rate limit has no permit"
            + (f" within {wait:.15g} s" if wait else "")
            + "; call again later, or allow a longer wait in RateLimit(wait=...)"
        )

    def release(self, permit: object) -> None:
        """Release the permit of a call that ends or gives up. The garbage collector and signal handlers may call this."""
        self.queue.held.discard(permit)
        if self.queue.waiting:
            self._released.append(permit)
            self._process_released()

    def _release_of(self, _owner: CallOwner, permit: object) -> None:
        self.release(permit)

    def _process_released(self) -> None:
        while self._released and not self._lock._is_owned():  # type: ignore[attr-defined] # noqa: SLF001 - as threading.Condition does
            with self._lock:
                while self._released:
                    self.queue.release(
                        self._released[0]
                    )  # before it is removed, so that an exception here only repeats it
                    self._released.popleft()


class RateLimitTransport(PolicyTransport):
    """Sends requests as the limit allows; see :class:`RateLimit`."""

    def __init__(
        self,
        inner: TransportLike,
        policy: RateLimit,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(inner, Limiter(policy, clock=clock, observer=observer))


class AsyncRateLimitTransport(AsyncPolicyTransport):
    """As :class:`RateLimitTransport`, on asyncio and trio."""

    def __init__(
        self,
        inner: AsyncTransportLike,
        policy: RateLimit,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(inner, Limiter(policy, clock=clock, observer=observer))
