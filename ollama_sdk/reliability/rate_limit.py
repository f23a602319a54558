"""Decides when a call may start: so many a second, so many at once, first come, first served.

**States.** Each call has one permit, an object that stands for it. It is *held* at once if there are room and a token, and no call waits. Otherwise it
is *queued*. The first in the queue is *woken* as soon as there is room, and then waits for its token alone; with the token it is
held, and the next is woken. It is *released* from any state when its call ends or gives up. Only the first in the queue takes a
token, and only when it starts: it cannot be overtaken, and a call that gives up has taken nothing.

**Who moves them.** :class:`PermitQueue` holds the states; it does no I/O and has no lock. :class:`Limiter` calls it under one
lock, for a few statements at a time. It does not wait or yield there, and calls nothing else but its clock and ``Event.set``, which
do not block. A queued call waits for its event without the lock. It asks again when the event is set, or after the seconds that its
token takes.

**Why nothing deadlocks or leaks.** The garbage collector or a signal handler may release a permit in any thread, also in one that
holds the lock. So :meth:`Limiter.release` only notes the permit in a deque, which is atomic. If its thread holds the lock, that is
all: each thread looks at the deque after letting go. Otherwise it waits for the lock. All limiters share one, and under it no other
lock is taken, so no two threads wait for each other. A task whose event loop was closed never asks again: its permit is dropped
when its turn comes, because its event reports the loss.

**Exceptions at any moment.** Ctrl-C may be raised between any two byte codes, so a permit may be neither released nor noted. A permit
is therefore a weak reference to an object that the call owns, with the deque's ``append`` as its callback: when the call's frame or
its response is gone, the permit is in the deque, and the next call of any kind releases it. The lock is taken by ``with`` only,
which no exception can come in between, and every change under it may be repeated or broken off.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, deque
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
from attrs import field, frozen

from ollama_sdk._bodies import hold, is_whole
from ollama_sdk._concurrency import forks
from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk._concurrency.events import Event
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
    """Bound the calls a second (a token bucket), the calls at once, or both.

    Use ``concurrent`` to keep calls waiting here, in order and with their deadlines, instead of in the server's queue, which
    answers 503 when it is full. For one local Ollama set it to the server's ``OLLAMA_NUM_PARALLEL``; for a fleet to that times
    the number of hosts. Use ``per_second`` for a hosted service with a quota. Each client counts for itself: it cannot see
    what other processes send.

    It counts calls, not requests: repetitions by :class:`~ollama_sdk.reliability.Retry` take no token of their own, and a call
    that waits to be repeated, for ``Retry-After`` too, keeps its permit. Where a quota counts requests, leave room for them in
    ``per_second``, or let a plain ``httpx`` client repeat outside of the limit, ``RetryTransport(RateLimitTransport(...))``;
    where permits are few, lower ``retry_after_limit`` and ``attempts``.

    Attributes:
        per_second: Calls a second on the long run; ``None`` does not limit them.
        burst: Calls that may start at once after a pause; by default ``per_second``, rounded up.
        concurrent: Calls in flight at once; ``None`` does not limit them. A stream is in flight until it ends, is closed or is
            garbage-collected. A response that a plain ``httpx`` client has opened as a stream and forgotten is in a reference
            cycle, so its permit is released only by the next garbage collection: open it in a ``with`` block.
        wait: ``True`` waits for a permit up to the deadline of the call; a number waits at most that many seconds; ``False``
            refuses at once.

    Raises:
        ConfigurationError: An argument cannot work.
    """

    per_second: float | None = field(default=None, validator=_checks.optional(_checks.positive))
    burst: int | None = field(default=None, validator=_checks.optional(_checks.count))
    concurrent: int | None = field(default=None, validator=_checks.optional(_checks.count))
    wait: bool | float = field(default=True, validator=_wait_rule)

    def __attrs_post_init__(self) -> None:
        if self.per_second is None and self.concurrent is None:
            raise ConfigurationError("RateLimit(): give per_second, concurrent, or both")
        if self.per_second is None and self.burst is not None:
            raise ConfigurationError(f"RateLimit(burst={self.burst!r}): a burst needs per_second")


class TokenBucket:
    """A token bucket. Not locked; it does no I/O and is given the time."""

    def __init__(self, rate: float, size: int, now: float) -> None:
        self._rate = rate
        self._size = size
        self._updated = now
        self._tokens = float(size)

    def resize(self, rate: float, size: int, now: float) -> None:
        """Refill at ``rate`` tokens a second up to ``size`` from now on; tokens there are stay, as far as they fit."""
        self._refill(now)
        self._rate = rate
        self._size = size
        self._tokens = min(self._tokens, size)

    # What a token that has been waited for may lack.
    _ROUNDING = 1e-9

    def delay(self, now: float) -> float:
        """Seconds until there is a whole token; 0 when there is one."""
        self._refill(now)
        missing = 1 - self._tokens
        return missing / self._rate if missing > self._ROUNDING else 0.0

    def try_take(self, now: float) -> bool:
        """Take a token if there is a whole one. Returns whether there was."""
        self._refill(now)
        if 1 - self._tokens > self._ROUNDING:
            return False
        self._tokens = max(0.0, self._tokens - 1)
        return True

    def _refill(self, now: float) -> None:
        if now > self._updated:
            self._tokens = min(self._size, self._tokens + (now - self._updated) * self._rate)
            self._updated = now


class PermitQueue:
    """The permits that are held, and those that wait for it. Not locked; it does no I/O and is given the time.

    Attributes:
        held: Permits of calls in flight.
        waiting: Permits of calls that wait and their events, in their order, the woken one first.
    """

    def __init__(self, config: RateLimit, now: float) -> None:
        self._concurrent = config.concurrent
        self._bucket = _bucket(config, now)
        self._woken: object = None
        self.held: set[object] = set()
        self.waiting: OrderedDict[object, Event] = OrderedDict()  # a dict is slow at finding its first of many

    def reconfigure(self, config: RateLimit, now: float) -> None:
        """Go on under ``config`` with the same permits."""
        self._concurrent = config.concurrent
        if self._bucket is None or config.per_second is None:
            self._bucket = _bucket(config, now)
        else:
            self._bucket.resize(config.per_second, _burst(config), now)
        self._woken = None  # its token takes another time now, or it lacks the room
        self._wake()

    def lift(self) -> None:
        """Limit nothing from now on."""
        self._concurrent = self._bucket = None
        self._woken = None
        self._wake()

    def try_acquire(self, permit: object, now: float) -> bool:
        """Hold ``permit`` if that needs no wait. Returns whether it is held."""
        if self.waiting or (self._concurrent is not None and len(self.held) >= self._concurrent):
            return False
        if self._bucket is not None and not self._bucket.try_take(now):
            return False
        self.held.add(permit)
        return True

    def enqueue(self, permit: object, event: Event) -> None:
        """Put ``permit`` at the end of the queue; ``event`` is set when it is woken, which may happen again."""
        self.waiting[permit] = event
        self._wake()

    def acquire(self, permit: object, now: float) -> float:
        """Hold a queued permit if its time has come.

        Returns:
            0 if it is held; else in how many seconds to ask again, infinite until its event is set.
        """
        if permit is not self._woken:
            return math.inf
        if self._bucket is not None and not self._bucket.try_take(now):
            return self._bucket.delay(now)
        del self.waiting[permit]
        self._woken = None
        self.held.add(permit)
        self._wake()
        return 0.0

    def release(self, permit: object) -> None:
        """Give ``permit`` up in any state; doing so again changes nothing."""
        if permit is self._woken:
            self._woken = None
        self.waiting.pop(permit, None)
        self.held.discard(permit)
        if self.waiting:
            self._wake()

    def _wake(self) -> None:
        """Wake the first in the queue if there is room; drop those whose event loop has ended."""
        while self.waiting and (self._concurrent is None or len(self.held) < self._concurrent):
            first, event = next(iter(self.waiting.items()))
            if event.is_lost if first is self._woken else not event.set():
                del self.waiting[first]
            else:
                self._woken = first
                return


def _burst(config: RateLimit) -> int:
    return config.burst or math.ceil(config.per_second or 1)


def _bucket(config: RateLimit, now: float) -> TokenBucket | None:
    return None if config.per_second is None else TokenBucket(config.per_second, _burst(config), now)


class Limiter:
    """What all calls under one :class:`RateLimit` share.

    Attributes:
        queue: The permits.
    """

    judges_attempts = False
    _lock = threading.RLock()  # one for all, which the module explains

    def __init__(self, config: RateLimit, *, clock: Clock = SYSTEM_CLOCK, observer: Observer | None = None) -> None:
        self.clock = clock
        self.queue: PermitQueue = PermitQueue(config, clock.monotonic())
        self._config = config
        self._notify = guarded(observer)
        self._released: deque[object] = deque()
        forks.register(self)

    def restart_in_child(self) -> None:
        """Forget the permits of the parent's calls, which go on there."""
        Limiter._lock = threading.RLock()
        self.queue = PermitQueue(self._config, self.clock.monotonic())
        self._released = deque()

    def reconfigure(self, config: RateLimit) -> None:
        """Go on under ``config``; calls in flight and calls that wait stay so."""
        with self._lock:
            self._config = config
            self.queue.reconfigure(config, self.clock.monotonic())
        self._process_released()

    def lift(self) -> None:
        """Let every call start from now on, those that wait first: the limit has been turned off."""
        with self._lock:
            self.queue.lift()
        self._process_released()

    def flow(self, send: Send, request: httpx.Request) -> Flow:
        """One call, which is sent with a permit."""
        owner = CallOwner()
        permit = CallRef(owner, self._released.append)
        try:
            if not self.try_acquire(permit):
                yield from self._acquire(permit, request)
            response = yield from send(request)
        except BaseException:
            self.release(permit)
            raise
        if is_whole(response.stream):
            self.release(permit)
            del permit  # before its owner, whose end would release it again
            return response
        return hold(response, partial(self._release_of, owner, permit))

    def try_acquire(self, permit: object) -> bool:
        """Hold ``permit`` if that needs no wait. Returns whether it is held."""
        with self._lock:
            acquired = self.queue.try_acquire(permit, self.clock.monotonic())
        if self._released:
            self._process_released()
        return acquired

    def _acquire(self, permit: object, request: httpx.Request) -> Steps[None]:
        """Wait until ``permit`` is held.

        Raises:
            APITimeoutError: The deadline of the call comes first.
            RateLimitExceededError: The limit allows no wait, or not that long.
        """
        clock, wait, deadline = self.clock, self._config.wait, deadline_of(request)
        if wait is False:
            raise self._refusal(request, wait, timed_out=False)
        started = clock.monotonic()
        allowed_until = math.inf if wait is True else started + wait
        ends_at = allowed_until if deadline is None else min(deadline, allowed_until)
        event: Event = yield NEW_EVENT
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
        """The error of a call that gets no permit, because of its own deadline or because of the limit's."""
        emit(request, self.clock, self._notify, Refused, "rate_limit", "no permit")
        if timed_out:
            return out_of_time(request, "a permit of the rate limit")
        return RateLimitExceededError(
            f"{operation_of(request)}: the client's own rate limit has no permit"
            + (f" within {wait:g} s" if wait else "")
            + "; call again later, or allow a longer wait in RateLimit(wait=...)"
        )

    def release(self, permit: object) -> None:
        """The call has ended or given up. The garbage collector and signal handlers may call it at any moment."""
        self._released.append(permit)
        self._process_released()

    def _release_of(self, _owner: CallOwner, permit: object) -> None:
        self.release(permit)

    def _process_released(self) -> None:
        while self._released and not self._lock._is_owned():  # type: ignore[attr-defined] # noqa: SLF001 - as threading.Condition does
            with self._lock:
                while self._released:
                    self.queue.release(self._released[0])  # may be repeated, if an exception keeps it in the deque
                    self._released.popleft()


class RateLimitTransport(PolicyTransport):
    """Lets requests through to the transport within as the limit allows; see :class:`RateLimit`."""

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
