"""Decides which replies are kept and given again instead of asking the server."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import math
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import httpx
from attrs import define, field, frozen
from cachetools import TLRUCache

from ollama_sdk._bodies import WatchedBody
from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk._outcome import Verdict, await_verdict
from ollama_sdk.errors import APITimeoutError, RateLimitExceededError

from . import _checks
from ._outcome import is_each
from ._replies import asettle, settle
from ._request import (
    deadline_of,
    first_item_of,
    is_deterministic,
    is_stream,
    operation_of,
    out_of_time,
    ran_out,
)
from ._waiting import AnySignal, AsyncSignal, Signal, SignalT
from .events import CacheHit, CacheMiss, Observer, guarded, tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from ollama_sdk.errors import TimeoutPhase

__all__ = ["AsyncCacheTransport", "Cache", "CacheControl", "CacheStatistics", "CacheTransport"]

_FIRST_ERROR = 400


@frozen
class Cache:
    """Keep replies for a while, and let identical calls that run at the same time share one request.

    Use it for what is asked again and again with the same answer: embeddings and ``show``. It knows nothing of changes on the
    server: a model pulled anew shows after ``ttl``. A reply that the client cannot decode, or that is not complete, is not
    given again; behind a plain ``httpx`` client, which does not look into replies, only the status counts. For one local
    Ollama and for a fleet alike the defaults are a fair start; each process has a cache of its own.

    Calls are the same when method, URL, body and headers are, credentials included, as far as the cache sees them: headers,
    cookies and ``auth`` that a client given as ``http_client`` adds by itself come later. Where those decide about the answer,
    give each of its users a client with a cache of its own.

    Attributes:
        ttl: Seconds that a reply is kept.
        max_entries: How many replies are kept; the least recently used goes first.
        max_bytes: How many bytes of replies are kept; a larger reply is not kept at all.
        operations: Names of the operations whose replies are kept.
        errors: Also keep replies with an error status.
        streams: Also keep streams of these operations, as they were sent, once read to their end.
        any_call: Also keep replies of calls that are not known to get the same answer again, such as a chat without a seed.

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
    """How a cache fares.

    Attributes:
        hits: Calls answered without a request, ``shared`` included.
        misses: Calls that needed one.
        shared: Calls answered with the reply to another call that was under way.
        entries: Replies kept.
        bytes: Bytes of them.
    """

    hits: int
    misses: int
    shared: int
    entries: int
    bytes: int


class CacheControl(Protocol):
    """What a client shows of its cache."""

    def statistics(self) -> CacheStatistics:
        """How the cache fares."""
        ...

    def clear(self) -> None:
        """Forget every reply, and keep none that is under way: whoever asks from now on gets an answer from after this."""
        ...


@define(eq=False)
class Reply:
    """A reply as it was sent, good for any number of responses.

    Attributes:
        status: The HTTP status.
        headers: Names and values.
        body: The body, compressed if it came so.
        at: When it came, in seconds on the monotonic clock.
        is_proven: Whether a caller has understood it, so that whoever does not has limits of its own.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    at: float
    is_proven: bool = False

    @property
    def is_error(self) -> bool:
        """Whether the status says so."""
        return self.status >= _FIRST_ERROR

    def size(self) -> int:
        """Bytes of headers and body."""
        return len(self.body) + sum(len(name) + len(value) for name, value in self.headers)

    def response(self) -> httpx.Response:
        """A response of its own for one caller."""
        return httpx.Response(self.status, headers=self.headers, stream=httpx.ByteStream(self.body))


# What differs from call to call and changes no answer. Any other header is part of the question.
_BESIDE_THE_POINT = frozenset(
    {b"host", b"connection", b"content-length", b"date", b"traceparent", b"tracestate", b"user-agent", b"x-request-id"}
)


def key_of(request: httpx.Request, scope: str = "") -> bytes:
    """A digest of the canonical request: method, URL, headers, credentials, and the body whatever the order of its keys."""
    body = request.read()
    with contextlib.suppress(ValueError, RecursionError):  # no JSON, or nested deeper than it can be put in order
        body = json.dumps(json.loads(body), sort_keys=True).encode()
    headers = sorted(
        (name.lower(), value) for name, value in request.headers.raw if name.lower() not in _BESIDE_THE_POINT
    )
    question = (scope, request.method, str(request.url), headers, body)
    return hashlib.sha256(repr(question).encode()).digest()


class Store:
    """Replies by key, bounded in time, number and bytes. Not locked; it does no I/O."""

    def __init__(self, config: Cache, clock: Clock) -> None:
        self._clock = clock
        self.reconfigure(config)

    def reconfigure(self, config: Cache) -> None:
        """Go on under ``config`` with the replies that still fit and are not too old."""
        kept = self._drained() if hasattr(self, "_replies") else []
        self._max_entries = config.max_entries
        self._replies: TLRUCache[bytes, Reply] = TLRUCache(
            maxsize=config.max_bytes,
            ttu=lambda _key, reply, _now: reply.at + config.ttl,
            timer=self._clock.monotonic,
            getsizeof=Reply.size,
        )
        for key, reply in kept:
            self.put(key, reply)

    def _drained(self) -> list[tuple[bytes, Reply]]:
        """Everything, the least recently used first; nothing is left."""
        content: list[tuple[bytes, Reply]] = []
        with contextlib.suppress(KeyError):
            while True:
                content.append(self._replies.popitem())
        return content

    def get(self, key: bytes) -> Reply | None:
        """The reply of ``key``, if there is a fresh one."""
        return self._replies.get(key)

    def put(self, key: bytes, reply: Reply) -> None:
        """Keep ``reply``, unless it alone is larger than the cache."""
        with contextlib.suppress(ValueError):
            self._replies[key] = reply
        while len(self._replies) > self._max_entries:
            self._replies.popitem()

    def discard(self, key: bytes, reply: Reply) -> None:
        """Forget ``reply``; another one of the same key stays."""
        if self._replies.get(key) is reply:
            self._replies.pop(key, None)  # it may be too old by now

    def sizes(self) -> tuple[int, int]:
        """Replies kept, and their bytes."""
        return len(self._replies), int(self._replies.currsize)


class Flight:
    """A request under way whose reply others wait for.

    Attributes:
        outcome: What it brought for all of them; ``None`` when that concerns its own caller alone.
        landed: Whether it is over.
        followers: What wakes those who wait.
    """

    def __init__(self) -> None:
        self.outcome: Reply | Exception | None = None
        self.landed = False
        self.followers: list[AnySignal] = []

    def land(self, outcome: Reply | Exception | None) -> None:
        """It is over; may be called at any moment."""
        self.outcome = outcome
        self.landed = True
        for follower in self.followers:
            follower.set()

    def join(self, signal: AnySignal) -> None:
        """Wait for it by ``signal``, which comes at once when it is over: even if it landed a moment ago."""
        self.followers.append(signal)
        if self.landed:
            signal.set()


# What one caller's own limits cause says nothing to the others: one of them asks next.
_OWN_LIMITS = (httpx.TimeoutException, APITimeoutError, RateLimitExceededError)

# Calls that one waits for in turn, each of which ends so. Then it asks for itself: of many that wait for a server that is
# silent, the last must not wait for the limits of all the others.
_MOST_WAITS = 2


class Caching:
    """The cache behind one :class:`Cache`; shared by the calls of all threads."""

    def __init__(
        self,
        config: Cache,
        *,
        scope: str = "",
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        self.config = config
        self.clock = clock
        self.notify = guarded(observer)
        self._scope = scope
        self._lock = threading.Lock()
        self._store = Store(config, clock)
        self._flights: dict[bytes, Flight] = {}
        self._hits = self._misses = self._shared = 0

    def reconfigure(self, config: Cache) -> None:
        """Go on under ``config`` with what of the content may stay."""
        with self._lock:
            self.config = config
            self._store.reconfigure(config)

    def clear(self) -> None:
        """Forget every reply, also those to come: calls under way go on with what they began with."""
        with self._lock:
            self._store = Store(self.config, self.clock)
            self._flights = {}

    def statistics(self) -> CacheStatistics:
        """How it fares."""
        with self._lock:
            entries, size = self._store.sizes()
            return CacheStatistics(self._hits, self._misses, self._shared, entries, size)

    def ask(self, request: httpx.Request) -> Question | None:
        """A call that the cache may answer; ``None`` when it is none of its business."""
        config = self.config
        wanted = (
            operation_of(request) in config.operations
            and (config.any_call or is_deterministic(request))
            and (config.streams or not is_stream(request))
            and isinstance(request.stream, httpx.ByteStream)
        )
        return Question(self, config, request, key_of(request, self._scope)) if wanted else None

    def find(self, question: Question, make_signal: Callable[[], SignalT]) -> Reply | SignalT | None:
        """The reply; or what to wait for while another call fetches it; or ``None``: fetch it."""
        with self._lock:
            question.store = self._store
            reply = self._store.get(question.key)
            if reply is not None:
                self._hits += 1
                return reply
            flight = None if question.alone else self._flights.get(question.key)
            if flight is not None:
                signal = make_signal()
                flight.join(signal)
                question.flight = flight
                return signal
            self._misses += 1
            if not question.alone:
                self._flights[question.key] = question.leads = Flight()
            return None

    def count_shared(self) -> None:
        """A call was answered with another's reply."""
        with self._lock:
            self._hits += 1
            self._shared += 1

    def keep(self, question: Question, reply: Reply) -> None:
        """Store a reply that has come, if its like is kept."""
        with self._lock:
            if question.is_good is not False and (question.config.errors or not reply.is_error):
                question.store.put(question.key, reply)

    def take_back(self, question: Question) -> None:
        """The reply is none: do not give it again, nor keep it if the rest of it is still to come."""
        with self._lock:
            question.is_good = False
            if question.reply is not None:
                question.store.discard(question.key, question.reply)

    def land(self, question: Question, outcome: Reply | Exception | None) -> None:
        """The request that others wait for has ended; ``outcome`` is ``None`` if that concerns its own caller alone.

        Without the lock, which this thread may hold: the garbage collector ends calls that nobody waits for any more. Nobody
        puts another flight in the place of one, so that it is gone, or still the same, when it is taken away.
        """
        flight, flights = question.leads, self._flights
        if flight is None:
            return
        if flights.get(question.key) is flight:
            flights.pop(question.key, None)
        flight.land(outcome)


class Question:
    """One call that the cache may answer.

    Attributes:
        config: The rules that held when it began.
        key: What it is stored under.
        alone: It neither waits for others nor lets them wait: a stream, or one that has waited in vain.
        store: Where it has looked, and where its own reply goes.
        flight: The request of another call that it has waited for.
        leads: Its own request, which others may wait for.
        reply: What it was answered with.
        is_good: Whether its caller has understood that; ``None`` as long as it has not said.
    """

    __slots__ = (
        "_caching",
        "_phase",
        "_request",
        "_waits",
        "alone",
        "config",
        "flight",
        "is_good",
        "key",
        "leads",
        "reply",
        "store",
    )

    def __init__(self, caching: Caching, config: Cache, request: httpx.Request, key: bytes) -> None:
        self._caching = caching
        self._request = request
        self._phase: TimeoutPhase = "total"
        self._waits = 0
        self.config = config
        self.key = key
        self.alone = is_stream(request)
        self.store: Store
        self.flight: Flight | None = None
        self.leads: Flight | None = None
        self.reply: Reply | None = None
        self.is_good: bool | None = None

    def next(self, make_signal: Callable[[], SignalT]) -> httpx.Response | SignalT | None:
        """The response; or what to wait for before asking again; or ``None``: send the request, then :meth:`keep` it.

        Raises:
            Exception: The error of the call that this one has waited for.
        """
        shared = self._shared_reply()
        if shared is not None:
            self._caching.count_shared()
            return self._hit(shared, shared=True)
        step = self._caching.find(self, make_signal)
        if isinstance(step, Reply):
            return self._hit(step, shared=False)
        if step is None:
            tell(self._request, self._caching.clock, self._caching.notify, CacheMiss)
        return step

    def _shared_reply(self) -> Reply | None:
        """What the call that this one has waited for brought; ``None`` when that concerns only itself, or there was none."""
        flight, self.flight = self.flight, None
        if flight is None:
            return None
        if isinstance(flight.outcome, Exception):
            raise _another(flight.outcome)
        if flight.outcome is None:
            self._waits += 1
            self.alone = self.alone or self._waits >= _MOST_WAITS
        return flight.outcome

    def _hit(self, reply: Reply, *, shared: bool) -> httpx.Response:
        tell(self._request, self._caching.clock, self._caching.notify, CacheHit, shared)
        self.reply = reply
        return self._minded(reply.response())

    def _minded(self, response: httpx.Response) -> httpx.Response:
        """``response``, whose reply is taken back when it turns out to be none. An error status is what it says it is."""
        if response.status_code < _FIRST_ERROR:
            await_verdict(self._request, response, self._judged)
        return response

    def _judged(self, verdict: Verdict) -> None:
        if verdict.error is None:
            self.is_good = True
            if self.reply is not None:
                self.reply.is_proven = True
        elif not isinstance(verdict.error, _OWN_LIMITS) and (self.reply is None or not self.reply.is_proven):
            self._caching.take_back(self)

    def patience(self) -> float:
        """Seconds that the call may wait for another, which has as long as a request of its own would have."""
        self._phase, seconds = "total", math.inf
        deadline, first_item = deadline_of(self._request), first_item_of(self._request)
        if deadline is not None:
            seconds = max(0.0, deadline - self._caching.clock.monotonic())
        if first_item is not None and first_item < seconds:
            self._phase, seconds = "first_item", first_item
        return seconds

    def expect(self) -> None:
        """Go on if the other call is over.

        Raises:
            APITimeoutError: It is not, and there is no time to wait longer.
        """
        if self.flight is not None and not self.flight.landed:
            raise out_of_time(self._request, "the same call by another caller", self._phase)

    def keep(self, response: httpx.Response) -> httpx.Response:
        """The reply has come: keep it as the configuration says, and hand it to those who wait."""
        # Not the response itself: it holds the stream, and would be freed only by the garbage collector.
        land = partial(self._land, response.status_code, response.headers.raw)
        if isinstance(response.stream, httpx.ByteStream):
            land(b"".join(response.stream))
        else:
            response.stream = _Recorded(response.stream, self.config.max_bytes, land)
        return self._minded(response)

    def failed(self, error: BaseException) -> None:
        """The request brought no reply."""
        if not isinstance(error, Exception) or is_each(error, _OWN_LIMITS) or ran_out(self._request):
            self._caching.land(self, None)
        else:
            self._caching.land(self, error)

    def _land(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.reply = Reply(status, headers, body, self._caching.clock.monotonic(), self.is_good is True)
        self._caching.keep(self, self.reply)
        self._caching.land(self, None if ran_out(self._request) else self.reply)


def _another(error: Exception) -> Exception:
    """``error`` for one more caller: each raises a copy, because a traceback grows where its exception is raised."""
    try:
        twin = copy.copy(error)
    except Exception:  # noqa: BLE001 - its constructor, which wants something else than ``args``, may raise anything
        return error
    twin.__cause__ = error
    return twin


class _Recorded(WatchedBody):
    """A stream that tells its whole body when it has been read to the end, unless that is more than ``limit`` bytes."""

    def __init__(self, inner: Any, limit: int, done: Callable[[bytes], None]) -> None:
        super().__init__(inner)
        self._room = limit
        self._done = done
        self._read: list[bytes] = []

    def on_chunk(self, chunk: bytes) -> None:
        self._room -= len(chunk)
        if self._room >= 0:
            self._read.append(chunk)
        else:
            self._read.clear()

    def on_end(self) -> None:
        if self._room >= 0:
            self._done(b"".join(self._read))


class CacheTransport(httpx.BaseTransport):
    """Answers what it has answered before without asking the transport within; see :class:`Cache`."""

    def __init__(
        self,
        inner: httpx.BaseTransport,
        policy: Cache | Caching,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        self._inner = inner
        self._policy = policy if isinstance(policy, Caching) else Caching(policy, clock=clock, observer=observer)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer from the cache, or send ``request`` and keep the reply."""
        question = self._policy.ask(request)
        if question is None:
            return self._inner.handle_request(request)
        try:
            while (step := question.next(Signal)) is not None:
                if isinstance(step, httpx.Response):
                    return step
                self._policy.clock.wait(step, question.patience())
                question.expect()
            return question.keep(settle(request, self._inner.handle_request(request)))
        except BaseException as error:
            question.failed(error)
            raise

    def statistics(self) -> CacheStatistics:
        """How the cache fares."""
        return self._policy.statistics()

    def clear(self) -> None:
        """Forget every reply."""
        self._policy.clear()

    def close(self) -> None:
        """Close the transport within."""
        self._inner.close()


class AsyncCacheTransport(httpx.AsyncBaseTransport):
    """As :class:`CacheTransport`, on asyncio and trio."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        policy: Cache | Caching,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        self._inner = inner
        self._policy = policy if isinstance(policy, Caching) else Caching(policy, clock=clock, observer=observer)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer from the cache, or send ``request`` and keep the reply."""
        question = self._policy.ask(request)
        if question is None:
            return await self._inner.handle_async_request(request)
        try:
            while (step := question.next(AsyncSignal)) is not None:
                if isinstance(step, httpx.Response):
                    return step
                await self._policy.clock.await_(step, question.patience())
                question.expect()
            return question.keep(await asettle(request, await self._inner.handle_async_request(request)))
        except BaseException as error:
            question.failed(error)
            raise

    def statistics(self) -> CacheStatistics:
        """How the cache fares."""
        return self._policy.statistics()

    def clear(self) -> None:
        """Forget every reply."""
        self._policy.clear()

    async def aclose(self) -> None:
        """Close the transport within."""
        await self._inner.aclose()
