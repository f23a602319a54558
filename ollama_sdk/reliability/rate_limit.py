"""Decides when a call may start: so many a second, so many at once, first come, first served."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, Generic

import httpx
from attrs import field, frozen

from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk.errors import ConfigurationError, RateLimitExceededError

from . import _checks
from ._replies import acomplete, ahold, complete, flows, hold
from ._request import deadline_of, operation_of, out_of_time
from ._waiting import AsyncSignal, Signal, SignalT
from .events import Observer, Refused, Waited, guarded, tell

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AsyncRateLimitTransport", "RateLimit", "RateLimitTransport"]


def _wait_rule(policy: object, attribute: object, value: object) -> None:
    if not isinstance(value, bool):
        _checks.positive(policy, attribute, value)  # type: ignore[arg-type]


@frozen
class RateLimit:
    """Bound the calls a second (a token bucket), the calls at once, or both.

    Use ``concurrent`` to keep calls waiting here, in order and with their deadlines, instead of in the server's queue, which
    answers 503 when it is full. For one local Ollama set it to the server's ``OLLAMA_NUM_PARALLEL``; for a fleet to that times
    the number of hosts. Use ``per_second`` for a hosted service with a quota. Each client counts for itself: it cannot see
    what other processes send.

    It counts calls, not requests: repetitions by :class:`~ollama_sdk.reliability.Retry` take no token of their own, and a call
    that waits to be repeated, for ``Retry-After`` too, keeps its place. Where a quota counts requests, leave room for them in
    ``per_second``, or let a plain ``httpx`` client repeat outside of the limit, ``RetryTransport(RateLimitTransport(...))``;
    where places are few, lower ``retry_after_limit`` and ``attempts``.

    Attributes:
        per_second: Calls a second on the long run; ``None`` does not limit them.
        burst: Calls that may start at once after a pause; by default ``per_second``, rounded up.
        concurrent: Calls under way at once; ``None`` does not limit them. A stream is under way until it ends, is closed or is
            garbage-collected. A response that a plain ``httpx`` client has opened as a stream and forgotten is in a reference
            cycle, so that its place is free only after the next garbage collection: open it in a ``with`` block.
        wait: ``True`` waits for its turn up to the deadline of the call; a number waits at most that many seconds; ``False``
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


class Bucket:
    """A token bucket. Not locked; it does no I/O and is told the time."""

    def __init__(self, rate: float, size: int, now: float) -> None:
        self._rate = rate
        self._size = size
        self._updated = now
        self.tokens = float(size)

    def resize(self, rate: float, size: int, now: float) -> None:
        """Refill at ``rate`` tokens a second up to ``size`` from now on; tokens there are stay, as far as they fit."""
        self._refill(now)
        self._rate = rate
        self._size = size
        self.tokens = min(self.tokens, size)

    # What a token that has been waited for may lack.
    _ROUNDING = 1e-9

    def delay(self, now: float) -> float:
        """Seconds until there is a whole token; 0 when there is one."""
        self._refill(now)
        missing = 1 - self.tokens
        return missing / self._rate if missing > self._ROUNDING else 0.0

    def take(self) -> None:
        """Take a token, just after :meth:`delay` has found one."""
        self.tokens = max(0.0, self.tokens - 1)

    def _refill(self, now: float) -> None:
        if now > self._updated:
            self.tokens = min(self._size, self.tokens + (now - self._updated) * self._rate)
            self._updated = now


class Place(Generic[SignalT]):
    """One call's place: in line, then its turn to wait for a token, then held while the call is under way.

    Attributes:
        signal: Set when it gets its turn, which may happen again; ``None`` when it does not wait.
    """

    __slots__ = ("signal",)

    def __init__(self) -> None:
        self.signal: SignalT | None = None


class Line:
    """Who holds a place and who is next. Not locked; it does no I/O and is told the time.

    One place at a time has its *turn*: it is first in line, there is room for it, and it waits for its token. Nobody can
    overtake it, and when it gives up nothing has been taken. Those who wait ask :meth:`start` again when their signal comes or
    when the time is over that it said.
    """

    def __init__(self, config: RateLimit, now: float) -> None:
        self._room = config.concurrent
        self._bucket = _bucket(config, now)
        self._waiting: OrderedDict[Place[Any], None] = OrderedDict()
        self._turn: Place[Any] | None = None
        self._held: set[Place[Any]] = set()

    def reconfigure(self, config: RateLimit, now: float) -> None:
        """Go on under ``config`` with everybody who is here."""
        self._room = config.concurrent
        if self._bucket is None or config.per_second is None:
            self._bucket = _bucket(config, now)
        else:
            self._bucket.resize(config.per_second, _burst(config), now)
        self._begin_anew()

    def lift(self) -> None:
        """Let everybody through from now on."""
        self._room = self._bucket = None
        self._begin_anew()

    def _begin_anew(self) -> None:
        if self._turn is not None:  # it is first in line as before, but may lack the room or have another time to wait
            self._waiting[self._turn] = None
            self._waiting.move_to_end(self._turn, last=False)
            self._turn = None
        self._advance()

    @property
    def held(self) -> int:
        """How many calls are under way."""
        return len(self._held)

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return len(self._waiting) + (self._turn is not None)

    def enter(self, place: Place[Any], now: float) -> bool:
        """Hold ``place`` if that needs no wait; whether it is held."""
        if self._turn is not None or self._waiting or not self._has_room() or self._delay(now) > 0:
            return False
        self._hold(place)
        return True

    def queue(self, place: Place[Any]) -> None:
        """Put ``place`` at the end of the line."""
        self._waiting[place] = None
        self._advance()

    def start(self, place: Place[Any], now: float) -> float:
        """Hold ``place`` if it can be, which 0 says; else in how many seconds to ask again, infinite until its signal comes."""
        if place is not self._turn:
            return math.inf
        delay = self._delay(now)
        if delay <= 0:
            self._turn = None
            self._hold(place)
            self._advance()
        return delay

    def leave(self, place: Place[Any]) -> None:
        """Give ``place`` up, wherever it is; doing so again changes nothing."""
        if place is self._turn:
            self._turn = None
        self._waiting.pop(place, None)
        self._held.discard(place)
        self._advance()

    def _delay(self, now: float) -> float:
        return 0.0 if self._bucket is None else self._bucket.delay(now)

    def _hold(self, place: Place[Any]) -> None:
        if self._bucket is not None:
            self._bucket.take()
        self._held.add(place)

    def _has_room(self) -> bool:
        return self._room is None or len(self._held) < self._room

    def _advance(self) -> None:
        # Whoever cannot be woken, because its event loop was closed, has given its place up.
        if self._turn is not None and self._turn.signal is not None and self._turn.signal.is_lost:
            self._turn = None
        while self._turn is None and self._waiting and self._has_room():
            place, _ = self._waiting.popitem(last=False)
            if place.signal is None or place.signal.set():
                self._turn = place


def _burst(config: RateLimit) -> int:
    return config.burst or math.ceil(config.per_second or 1)


def _bucket(config: RateLimit, now: float) -> Bucket | None:
    return None if config.per_second is None else Bucket(config.per_second, _burst(config), now)


class Limiter:
    """The line before one :class:`RateLimit`; shared by the calls of all threads."""

    def __init__(self, config: RateLimit, *, clock: Clock = SYSTEM_CLOCK, observer: Observer | None = None) -> None:
        self.config = config
        self.clock = clock
        self.notify = guarded(observer)
        self._line = Line(config, clock.monotonic())
        self._lock = threading.Lock()
        self._leaving: deque[Place[Any]] = deque()

    def reconfigure(self, config: RateLimit) -> None:
        """Go on under ``config``: who is under way or waits stays so."""
        with self._lock:
            self.config = config
            self._line.reconfigure(config, self.clock.monotonic())
        self._tidy()

    def lift(self) -> None:
        """Let everybody through from now on, those who wait first: the limit has been turned off."""
        with self._lock:
            self._line.lift()
        self._tidy()

    @property
    def held(self) -> int:
        """How many calls are under way."""
        return self._line.held

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return self._line.waiting

    def enter(self, request: httpx.Request, make_signal: Callable[[], SignalT]) -> Entry[SignalT]:
        """Let a call in, or put it at the end of the line.

        Raises:
            RateLimitExceededError: It would have to wait and was told not to.
        """
        entry: Entry[SignalT] = Entry(self, request)
        with self._lock:
            entered = self._line.enter(entry, entry.started)
            if not entered and entry.wait is not False:
                entry.signal = make_signal()
                self._line.queue(entry)
        self._tidy()
        if not entered and entry.signal is None:
            raise entry.refused()
        return entry

    def start(self, place: Place[Any]) -> float:
        """Start a call that waits, which 0 says; else in how many seconds to ask again, infinite until its signal comes."""
        with self._lock:
            delay = self._line.start(place, self.clock.monotonic())
        self._tidy()
        return delay

    def leave(self, place: Place[Any]) -> None:
        """A call has ended or given up; may be called at any moment, even by the garbage collector."""
        self._leaving.append(place)
        self._tidy()

    def _tidy(self) -> None:
        # The garbage collector may call leave() in a thread that holds the lock just now: it must not wait for it. Whoever
        # holds the lock comes here after releasing it, so nobody's leaving is overlooked.
        while self._leaving and self._lock.acquire(blocking=False):
            try:
                while self._leaving:
                    self._line.leave(self._leaving.popleft())
            finally:
                self._lock.release()


class Entry(Place[SignalT]):
    """The place of a call that knows how long it may wait.

    Attributes:
        started: When it came.
        wait: How long it may wait, as :class:`RateLimit` said then.
    """

    __slots__ = ("_limiter", "_request", "started", "wait")

    def __init__(self, limiter: Limiter, request: httpx.Request) -> None:
        self._limiter = limiter
        self._request = request
        self.signal = None
        self.started = limiter.clock.monotonic()
        self.wait = limiter.config.wait

    def start(self) -> float:
        """Start the call, which 0 says; else how many seconds to wait for the signal before asking again.

        Raises:
            APITimeoutError, RateLimitExceededError: The call may not wait that long.
        """
        limiter = self._limiter
        if self.signal is not None:
            self.signal.clear()
        delay = limiter.start(self)
        if delay > 0:
            patience = self._patience()
            if patience <= 0 or patience < delay < math.inf:
                raise self.refused()
            return min(delay, patience)
        tell(self._request, limiter.clock, limiter.notify, Waited, limiter.clock.monotonic() - self.started)
        return 0.0

    def _patience(self) -> float:
        """Seconds that the call may still wait."""
        deadline = deadline_of(self._request)
        ends = math.inf if self.wait is True else self.started + self.wait
        return min(ends, math.inf if deadline is None else deadline) - self._limiter.clock.monotonic()

    def leave(self) -> None:
        """The call has ended or given up."""
        self._limiter.leave(self)

    def refused(self) -> Exception:
        """Why the call does not start: its deadline, or the patience of the limit."""
        limiter, deadline, wait = self._limiter, deadline_of(self._request), self.wait
        tell(self._request, limiter.clock, limiter.notify, Refused, "rate_limit", "no place")
        if wait is True or (wait is not False and deadline is not None and deadline < self.started + wait):
            return out_of_time(self._request, "a place under the rate limit")
        return RateLimitExceededError(
            f"{operation_of(self._request)}: the client's own rate limit has no place"
            + (f" within {wait:g} s" if wait else "")
            + "; call again later, or allow a longer wait in RateLimit(wait=...)"
        )


class RateLimitTransport(httpx.BaseTransport):
    """Lets requests through to the transport within as the limit allows; see :class:`RateLimit`."""

    def __init__(
        self,
        inner: httpx.BaseTransport,
        policy: RateLimit | Limiter,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        self._inner = inner
        self._policy = policy if isinstance(policy, Limiter) else Limiter(policy, clock=clock, observer=observer)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` when there is a place for it, and keep the place until the reply has ended."""
        entry = self._policy.enter(request, Signal)
        try:
            if entry.signal is not None:
                while seconds := entry.start():
                    self._policy.clock.wait(entry.signal, seconds)
            response = complete(request, self._inner.handle_request(request))
        except BaseException:
            entry.leave()
            raise
        if flows(response):
            return hold(response, entry.leave)
        entry.leave()
        return response

    def close(self) -> None:
        """Close the transport within."""
        self._inner.close()


class AsyncRateLimitTransport(httpx.AsyncBaseTransport):
    """As :class:`RateLimitTransport`, on asyncio and trio."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        policy: RateLimit | Limiter,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        self._inner = inner
        self._policy = policy if isinstance(policy, Limiter) else Limiter(policy, clock=clock, observer=observer)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` when there is a place for it, and keep the place until the reply has ended."""
        entry = self._policy.enter(request, AsyncSignal)
        try:
            if entry.signal is not None:
                while seconds := entry.start():
                    await self._policy.clock.await_(entry.signal, seconds)
            response = await acomplete(request, await self._inner.handle_async_request(request))
        except BaseException:
            entry.leave()
            raise
        if flows(response):
            return ahold(response, entry.leave)
        entry.leave()
        return response

    async def aclose(self) -> None:
        """Close the transport within."""
        await self._inner.aclose()
