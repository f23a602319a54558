"""Keeps replies and returns them again, and lets identical calls in flight share one request.

Each call that may be cached looks up its key (:mod:`._cache_key`) and takes one of three roles:

- A **hit**: its reply is stored (:mod:`._cache_store`), and is returned.
- A **leader**: no reply is stored and no identical call is in flight. It registers an :class:`InFlightCall` under its key, sends the
  request, and lands the in-flight call with the outcome: the reply, an error, or ``None`` if the outcome applies only to the
  leader, because it was cancelled or reached its own limit.
- A **follower**: an identical call is in flight. It waits for the outcome, no longer than it would wait for its own request, and
  shares it. If the outcome is ``None``, it looks up its key again, and one of the followers becomes the next leader. A follower
  that has waited for two calls in vain sends its own request, so that the last of many does not wait for the limits of all.

Streams, if they are cached, neither follow nor lead: their replies are stored once they have been read to the end.

**Why no follower waits for ever.** A leader lands its in-flight call after it has read the reply, or in the ``except BaseException``
around the request. Every way out of a call passes through one of them, also when its task is cancelled or garbage-collected. If an
exception prevents that, the next identical call finds the leader gone and lands the in-flight call itself. A follower that joins
after the landing is woken at once. A leader never follows another call, so no two calls wait for each other.

**What is locked.** ``_lock`` guards the store, the table of in-flight calls and the counters during a look-up or an update; nothing
is sent, awaited or emitted under it. Landing takes no lock, because the garbage collector may run it in a thread that holds the
lock. It needs none: a call stays in the table until it lands, or until ``clear()`` makes a new table.

**Which replies are kept.** The status decides first. A caller that decodes replies, as the clients of this package do, then reports
the outcome: a reply that it could not decode, or that is incomplete, is removed, unless another caller has decoded it.
"""

from __future__ import annotations

import copy
import math
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import httpx
from attrs import field, frozen

from ollama_sdk._bodies import WatchedBody, WholeBody
from ollama_sdk._concurrency import forks
from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk._outcome import CallOutcome, on_outcome
from ollama_sdk.errors import APITimeoutError, RateLimitExceededError

from . import _checks
from ._cache_key import key_of
from ._cache_store import Store, StoredReply
from ._driver import NEW_EVENT, AsyncPolicyTransport, Flow, PolicyTransport, Send, Steps, Wait
from ._extensions import deadline_of, first_item_of, is_deterministic, is_stream, operation_of, out_of_time, ran_out
from ._failures import is_each
from .events import CacheHit, CacheMiss, Event, Observer, emit, guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from ollama_sdk._concurrency.events import WakeUp
    from ollama_sdk._httpx2 import AsyncTransportLike, TransportLike
    from ollama_sdk.errors import TimeoutPhase

__all__ = ["AsyncCacheTransport", "Cache", "CacheControl", "CacheStatistics", "CacheTransport", "Caching"]


@frozen
class Cache:
    """Keep replies for a while, and let identical calls that run at the same time share one request.

    Use it for repeated calls with the same answer: embeddings and ``show``. It does not notice changes on the server: after a pull,
    replies of the old model are returned until ``ttl``. A reply that the client cannot decode, or that is incomplete, is not
    returned again; behind a plain ``httpx`` client, which does not decode replies, only the status counts. The defaults suit one
    local Ollama and a fleet. Each process has its own cache.

    Calls are identical if method, URL, body and headers are equal, credentials included: also the key of an
    :class:`~ollama_sdk.reliability.Endpoint`, and whether ``with_options()`` or ``extra_headers`` replaced it. In a JSON body, the
    order of keys counts where it may reach the model, as in a ``format`` schema, in the parameters of tools and in the arguments of
    their calls; it does not count in the body itself, in ``options`` and in each of ``messages``. ``1`` and ``1.0`` differ, and so
    do composed and decomposed letters. A missing field differs from one with the server's default. An argument that is ``None`` is
    missing.

    The cache does not see headers, cookies and ``auth`` that a client given as ``http_client`` adds later. If those change the
    answer, give each user a client with its own cache.

    Attributes:
        ttl: Seconds that a reply is kept.
        max_entries: How many replies are kept; the least recently used is dropped first.
        max_bytes: How many bytes of replies are kept; a reply larger than that is not kept.
        operations: Names of the operations whose replies are kept.
        errors: Also keep replies with an error status.
        streams: Also keep streams of these operations, once they have been read to the end.
        any_call: Also keep replies of calls that are not deterministic, such as a chat without a seed.

    Raises:
        ConfigurationError: An argument cannot work.
    """

    ttl: float = field(default=300.0, validator=_checks.positive)
    max_entries: int = field(default=1024, validator=_checks.count)
    max_bytes: int = field(default=64 * 2**20, validator=_checks.count)
    operations: frozenset[str] = field(
        default=frozenset({"embed", "show"}), converter=_checks.to_set, validator=_checks.names
    )
    errors: bool = field(default=False, validator=_checks.boolean)
    streams: bool = field(default=False, validator=_checks.boolean)
    any_call: bool = field(default=False, validator=_checks.boolean)


@frozen
class CacheStatistics:
    """The counters and the size of a cache.

    Attributes:
        hits: Calls answered without a request, ``shared`` included.
        misses: Calls that needed a request.
        shared: Calls answered with the reply to an identical call in flight.
        entries: The number of stored replies.
        bytes: The size of the stored replies.
    """

    hits: int
    misses: int
    shared: int
    entries: int
    bytes: int


class CacheControl(Protocol):
    """The cache of a client."""

    def statistics(self) -> CacheStatistics:
        """The counters and the size of the cache."""
        ...

    def clear(self) -> None:
        """Drop every reply, also those of calls in flight: a call that starts later does not get an earlier reply."""
        ...


class InFlightCall:
    """A request in flight, for whose outcome identical calls wait; it lands once.

    Attributes:
        leader: The call that lands it; a dead reference if an exception prevented that.
        outcome: The outcome for the followers; ``None`` before it has landed, and if the outcome applies only to the leader.
        has_landed: Whether the request has ended.
        followers: The events that wake the followers.
    """

    def __init__(self, leader: Lookup) -> None:
        self.leader: weakref.ref[Lookup] = weakref.ref(leader)
        self.outcome: StoredReply | Exception | None = None
        self.has_landed: bool = False
        self.followers: list[WakeUp] = []

    def land(self, outcome: StoredReply | Exception | None) -> None:
        """End the call, and wake its followers."""
        self.outcome = outcome
        self.has_landed = True
        for event in self.followers:
            event.set()

    def join(self, event: WakeUp) -> None:
        """Set ``event`` when the call lands; at once if it has landed already."""
        self.followers.append(event)
        if self.has_landed:
            event.set()


# These errors come from limits of one caller, and do not apply to another.
_OWN_LIMITS = (httpx.TimeoutException, APITimeoutError, RateLimitExceededError)

# After this many calls without a shared outcome, a follower sends its own request.
_MOST_WAITS = 2


class Lookup:
    """One call that may be cached.

    Attributes:
        request: The request of the call.
        config: The configuration at the start of the call, which applies until its end.
        key: The cache key.
        store: The store of the latest look-up, in which the reply is stored.
        leads: The in-flight call that this call must land.
        reply: The reply, once it is complete.
        is_decoded: Whether the caller could decode the reply; ``None`` until it reports.
    """

    __slots__ = ("__weakref__", "config", "is_decoded", "key", "leads", "reply", "request", "store")

    def __init__(self, request: httpx.Request, config: Cache, key: bytes, store: Store) -> None:
        self.request: httpx.Request = request
        self.config: Cache = config
        self.key: bytes = key
        self.store: Store = store
        self.leads: InFlightCall | None = None
        self.reply: StoredReply | None = None
        self.is_decoded: bool | None = None


class Caching:
    """The state that all calls under one :class:`Cache` share."""

    judges_attempts = False

    def __init__(
        self,
        config: Cache,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        self.config: Cache = config
        self.clock: Clock = clock
        self.notify: Callable[[Event], None] | None = guarded(observer)
        self._lock = threading.Lock()
        self._store = Store(config, clock)
        self._in_flight: dict[bytes, InFlightCall] = {}
        self._hits = self._misses = self._shared = 0
        forks.register(self)

    def restart_in_child(self) -> None:
        """Forget the parent's calls in flight; if one of its threads was changing the store, forget that too."""
        was_changing, self._lock = self._lock.locked(), threading.Lock()
        self._in_flight = {}
        if was_changing:
            self._store = Store(self.config, self.clock)

    def reconfigure(self, config: Cache) -> None:
        """Continue under ``config`` with the replies that it admits."""
        with self._lock:
            self.config = config
            self._store.reconfigure(config)

    def clear(self) -> None:
        """Drop every reply, also those of calls in flight, which continue with the old store and the old table."""
        with self._lock:
            self._store = Store(self.config, self.clock)
            self._in_flight = {}

    def statistics(self) -> CacheStatistics:
        """The counters and the size of the cache."""
        with self._lock:
            entries, size = self._store.sizes()
            return CacheStatistics(self._hits, self._misses, self._shared, entries, size)

    def flow(self, send: Send, request: httpx.Request) -> Flow:
        """Answer one call from the cache, by an identical call in flight, or by a request.

        Raises:
            APITimeoutError: The identical call did not end in time.
            Exception: A copy of the error of the identical call.
        """
        config, operation = self.config, request.extensions.get("operation") or operation_of(request)
        if operation in config.operations and _may_be_cached(request, config):
            return self._cached(send, request, config)
        return send(request)

    def _cached(self, send: Send, request: httpx.Request, config: Cache) -> Flow:
        lookup = Lookup(request, config, key_of(request), self._store)
        alone, waits = is_stream(request), 0
        try:
            while (found := self._find(lookup, alone=alone)) is not None:
                if isinstance(found, StoredReply):
                    return self._hit(lookup, found, shared=False)
                outcome: StoredReply | None = yield from self._follow(found, request)
                if outcome is not None:
                    return self._hit(lookup, outcome, shared=True)
                waits += 1
                alone = waits >= _MOST_WAITS
            emit(request, self.clock, self.notify, CacheMiss)
            return self._record(lookup, (yield from send(request)))
        except Exception as error:
            self._land(lookup, None if is_each(error, _OWN_LIMITS) or ran_out(request) else error)
            raise
        except BaseException:
            self._land(lookup, None)
            raise

    def _find(self, lookup: Lookup, *, alone: bool) -> StoredReply | InFlightCall | None:
        """The stored reply, an in-flight call to follow, or ``None``: send a request, as a leader unless ``alone``."""
        key = lookup.key
        with self._lock:
            lookup.store = self._store
            reply = self._store.get(key)
            if reply is not None:
                self._hits += 1
                return reply
            if not alone:
                call = self._in_flight.get(key)
                if call is not None and call.leader() is not None:
                    return call
                if call is not None:
                    call.land(None)
                # One statement, left to right: an interrupt must not leave a call in the table that no leader lands.
                lookup.leads = self._in_flight[key] = InFlightCall(lookup)
            self._misses += 1
            return None

    def _follow(self, call: InFlightCall, request: httpx.Request) -> Steps[StoredReply | None]:
        """Wait for an identical call, and share its reply or its error; ``None`` if the outcome applies only to the leader."""
        event: WakeUp = yield NEW_EVENT
        call.join(event)
        # Wait no longer than for an own request.
        phase: TimeoutPhase = "total"
        deadline, seconds = deadline_of(request), first_item_of(request)
        left = math.inf if deadline is None else max(0.0, deadline - self.clock.monotonic())
        if seconds is not None and seconds < left:
            phase, left = "first_item", seconds
        yield Wait(event, left)
        if not call.has_landed:
            raise out_of_time(request, "the same call by another caller", phase)
        if isinstance(call.outcome, Exception):
            raise _copy(call.outcome)
        return call.outcome

    def _hit(self, lookup: Lookup, reply: StoredReply, *, shared: bool) -> httpx.Response:
        if shared:
            with self._lock:
                self._hits += 1
                self._shared += 1
        emit(lookup.request, self.clock, self.notify, CacheHit, shared)
        lookup.reply = reply
        return self._watch(lookup, reply.response())

    def _record(self, lookup: Lookup, response: httpx.Response) -> httpx.Response:
        """Take the reply of a request: now if it is complete, else once its stream has been read to the end."""
        # No reference to the response, because it refers to its stream: only the garbage collector would free the cycle.
        take = partial(self._take, lookup, response.status_code, response.headers.raw)
        if isinstance(response.stream, WholeBody):
            take(b"".join(response.stream))
        else:
            response.stream = _RecordedBody(response.stream, lookup.config.max_bytes, take)
        return self._watch(lookup, response)

    def _take(self, lookup: Lookup, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        lookup.reply = StoredReply(status, headers, body, self.clock.monotonic(), lookup.is_decoded is True)
        with self._lock:
            if lookup.is_decoded is not False and (lookup.config.errors or not httpx.codes.is_error(status)):
                lookup.store.put(lookup.key, lookup.reply)
        self._land(lookup, None if ran_out(lookup.request) else lookup.reply)

    def _land(self, lookup: Lookup, outcome: StoredReply | Exception | None) -> None:
        """End the in-flight call that ``lookup`` leads, if it leads one. Takes no lock, and may be repeated."""
        call, in_flight = lookup.leads, self._in_flight
        if call is None:
            return
        if in_flight.get(lookup.key) is call:
            in_flight.pop(lookup.key, None)
        call.land(outcome)
        lookup.leads = None

    def _watch(self, lookup: Lookup, response: httpx.Response) -> httpx.Response:
        """Ask the caller to report whether it can decode the reply. An error status is not decoded."""
        if not response.is_error:
            on_outcome(lookup.request, response, partial(self._judge, lookup))
        return response

    def _judge(self, lookup: Lookup, outcome: CallOutcome) -> None:
        reply = lookup.reply
        if outcome.error is None:
            lookup.is_decoded = True
            if reply is not None:
                reply.was_decoded = True
        elif not isinstance(outcome.error, _OWN_LIMITS) and (reply is None or not reply.was_decoded):
            with self._lock:
                lookup.is_decoded = False
                if reply is not None:
                    lookup.store.discard(lookup.key, reply)


def _may_be_cached(request: httpx.Request, config: Cache) -> bool:
    """Whether a call of one of the cached operations may be answered from the cache."""
    return (
        (config.any_call or is_deterministic(request))
        and (config.streams or not is_stream(request))
        and isinstance(request.stream, WholeBody)
    )


def _copy(error: Exception) -> Exception:
    """A copy of ``error`` for another caller: the traceback of an exception grows each time it is raised."""
    try:
        twin = copy.copy(error)
    except Exception:  # noqa: BLE001 - an exception class with another constructor may raise anything here
        return error
    twin.__cause__ = error
    return twin


class _RecordedBody(WatchedBody):
    """A body that calls ``take`` with its bytes once it has been read, unless it is larger than ``limit`` bytes."""

    def __init__(self, inner: Any, limit: int, take: Callable[[bytes], None]) -> None:
        super().__init__(inner)
        self._room = limit
        self._take = take
        self._read: list[bytes] = []

    def on_chunk(self, chunk: bytes, /) -> None:
        self._room -= len(chunk)
        if self._room >= 0:
            self._read.append(chunk)
        else:
            self._read.clear()

    def on_end(self) -> None:
        if self._room >= 0:
            self._take(b"".join(self._read))


def _caching(policy: Cache | Caching, clock: Clock, observer: Observer | None) -> Caching:
    return policy if isinstance(policy, Caching) else Caching(policy, clock=clock, observer=observer)


class CacheTransport(PolicyTransport):
    """Answers requests from the cache, and sends the others; see :class:`Cache`.

    Args:
        inner: Sends the requests; closed with this transport.
        policy: What to keep.
        clock: Measures the age of replies.
        observer: Called with each event.
    """

    def __init__(
        self,
        inner: TransportLike,
        policy: Cache | Caching,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        self._caching = _caching(policy, clock, observer)
        super().__init__(inner, self._caching)

    def statistics(self) -> CacheStatistics:
        """What the cache has done so far, and what it holds."""
        return self._caching.statistics()

    def clear(self) -> None:
        """Drop every reply."""
        self._caching.clear()


class AsyncCacheTransport(AsyncPolicyTransport):
    """As :class:`CacheTransport`, on asyncio and trio."""

    def __init__(
        self,
        inner: AsyncTransportLike,
        policy: Cache | Caching,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        self._caching = _caching(policy, clock, observer)
        super().__init__(inner, self._caching)

    def statistics(self) -> CacheStatistics:
        """What the cache has done so far, and what it holds."""
        return self._caching.statistics()

    def clear(self) -> None:
        """Drop every reply."""
        self._caching.clear()
