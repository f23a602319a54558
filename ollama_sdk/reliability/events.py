"""The events for observers: one frozen class for each kind."""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections import deque
from collections.abc import Callable
from threading import get_ident
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, overload

from attrs import frozen

from ollama_sdk.errors import ConfigurationError

from ._extensions import about

if TYPE_CHECKING:
    import httpx

    from ollama_sdk._concurrency.clock import Clock

__all__ = [
    "AttemptFailed",
    "AttemptStarted",
    "CacheHit",
    "CacheMiss",
    "CallEnded",
    "CallStarted",
    "CircuitClosed",
    "CircuitHalfOpened",
    "CircuitOpened",
    "Detail",
    "DetailedObserver",
    "EndpointEjected",
    "EndpointRevived",
    "Event",
    "FailedOver",
    "Notify",
    "Observer",
    "Reconfigured",
    "Refused",
    "RetryScheduled",
    "StreamChunk",
    "StreamEnded",
    "StreamFirstItem",
    "StreamStarted",
    "Waited",
    "check_observer",
    "emit",
    "guarded",
    "log_events",
    "observer_of",
]

_log = logging.getLogger("ollama_sdk")

# The events have no slots, because filling the slots of a frozen class takes twice as long, and every call has three events.


@frozen(slots=False)
class Event:
    """Something happened to a call or to an endpoint.

    Attributes:
        call: The number of the call, the same in all its events; 0 without a call.
        operation: Name of the call, such as ``chat``; ``""`` without a call.
        endpoint: Base URL; ``""`` without an endpoint.
        at: Seconds on the monotonic clock.
    """

    call: int
    operation: str
    endpoint: str
    at: float


@frozen(slots=False)
class CallStarted(Event):
    """A call enters the policies.

    Attributes:
        model: The model in the request; ``None`` without one.
        stream: Whether the reply is a stream.
    """

    model: str | None
    stream: bool


@frozen(slots=False)
class CallEnded(Event):
    """A call is over: its reply is complete, its stream has ended, or it failed.

    With the clients of this package the event comes after the reply was decoded, so ``error`` also shows an invalid or incomplete
    reply. With a plain ``httpx`` client it comes with the reply; then ``error`` shows only errors of the transport, and the last
    four attributes are ``None``.

    Attributes:
        seconds: How long it took.
        status: The HTTP status; ``None`` without a response.
        error: The error, as ``Class: text``; ``None`` without one.
        model: The model in the reply.
        input_tokens: Tokens of the prompt.
        output_tokens: Tokens of the answer.
        items: Items that the stream delivered.
    """

    seconds: float
    status: int | None
    error: str | None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    items: int | None = None


@frozen(slots=False)
class AttemptStarted(Event):
    """A request is sent to an endpoint.

    Attributes:
        attempt: 1 for the first; each retry adds one. Failover does not.
    """

    attempt: int


@frozen(slots=False)
class AttemptFailed(Event):
    """A request got no response, or one with an error status.

    Attributes:
        attempt: As in :class:`AttemptStarted`.
        seconds: How long it took.
        reason: The status or the error.
    """

    attempt: int
    seconds: float
    reason: str


@frozen(slots=False)
class RetryScheduled(Event):
    """A failed attempt will be retried.

    Attributes:
        attempt: The attempt that failed, from 1.
        delay: Seconds until the next one.
        reason: The status or the error.
    """

    attempt: int
    delay: float
    reason: str


@frozen(slots=False)
class CircuitOpened(Event):
    """The circuit breaker of an endpoint opened: no request is sent for a while.

    Attributes:
        seconds: For how long.
        reason: Why it opened.
    """

    seconds: float
    reason: str


@frozen(slots=False)
class CircuitHalfOpened(Event):
    """The circuit breaker of an endpoint went half-open: it admits probes."""


@frozen(slots=False)
class CircuitClosed(Event):
    """The circuit breaker of an endpoint closed: it admits every call again."""


@frozen(slots=False)
class EndpointEjected(Event):
    """Failover ejected an endpoint: for a while it is tried last.

    Attributes:
        seconds: For how long.
        reason: The status or the error.
    """

    seconds: float
    reason: str


@frozen(slots=False)
class EndpointRevived(Event):
    """Failover uses an endpoint again that was ejected."""


@frozen(slots=False)
class FailedOver(Event):
    """A call moves from ``endpoint``, which failed, to another one.

    Attributes:
        to: Base URL of the endpoint tried next.
        reason: The status or the error.
    """

    to: str
    reason: str


@frozen(slots=False)
class Waited(Event):
    """The rate limit admitted a call after a wait.

    Attributes:
        seconds: How long it waited.
    """

    seconds: float


@frozen(slots=False)
class Refused(Event):
    """A policy refused to send a request.

    Attributes:
        by: The policy: ``circuit_breaker``, ``failover``, ``rate_limit`` or ``retry_budget``.
        reason: Why.
    """

    by: str
    reason: str


@frozen(slots=False)
class CacheHit(Event):
    """A call was answered without a request.

    Attributes:
        shared: Whether the reply comes from an identical call in flight, instead of the store.
    """

    shared: bool


@frozen(slots=False)
class CacheMiss(Event):
    """A call that may be cached was not found in the cache."""


@frozen(slots=False)
class StreamStarted(Event):
    """The headers of a stream have arrived.

    Attributes:
        status: The HTTP status.
        seconds: Since the call started.
    """

    status: int
    seconds: float


@frozen(slots=False)
class StreamFirstItem(Event):
    """The first bytes of a stream have been read.

    Attributes:
        seconds: Since the call started.
    """

    seconds: float


@frozen(slots=False)
class StreamChunk(Event):
    """Further bytes of a stream have been read; only for an observer that ``wants_chunks``.

    Attributes:
        seconds: Since the call started.
    """

    seconds: float


@frozen(slots=False)
class StreamEnded(Event):
    """A stream was read to its end, closed, or broke.

    Attributes:
        seconds: Since the call started.
        complete: Whether the body was read to its end.
        error: The error that broke it, as ``Class: text``; else ``None``.
    """

    seconds: float
    complete: bool
    error: str | None


@frozen(slots=False)
class Reconfigured(Event):
    """The policies were changed.

    Attributes:
        changed: Names of the policies that are different now.
    """

    changed: tuple[str, ...]


# The garbage collector emits the end of a reply that its caller dropped, at any line of any thread.
Observer = Callable[[Event], object]


class Detail(NamedTuple):
    """The request and the reply of a call. Events do not hold them, because they are content and include the API key.

    Attributes:
        request: The request as its caller made it. With :class:`CallStarted`, the observer may still add headers to it.
        parts: With :class:`CallEnded`, JSON objects of the reply: see :class:`ollama_sdk._outcome.CallOutcome`.
        whole: With :class:`CallEnded`, the JSON of the whole reply, if the observer ``wants_whole_replies``.
    """

    request: httpx.Request
    parts: tuple[dict[str, Any], ...] = ()
    whole: dict[str, Any] | None = None


class DetailedObserver:
    """Base of an observer that gets a :class:`Detail` with each :class:`CallStarted` and :class:`CallEnded`.

    Attributes:
        wants_whole_replies: Whether the details should hold whole replies.
        wants_chunks: Whether it gets a :class:`StreamChunk` for each further read of a stream.
    """

    wants_whole_replies = False
    wants_chunks = False

    def __call__(self, event: Event, detail: Detail | None = None) -> None:
        """Handle one event.

        Args:
            event: The event.
            detail: The request and the reply of its call; ``None`` if they are not known.
        """
        raise NotImplementedError


class Notify(Protocol):
    """An observer whose exceptions are caught.

    Attributes:
        wants_details: Whether the observer takes a :class:`Detail`.
        wants_whole_replies: Whether the details should hold whole replies.
        wants_chunks: Whether it takes a :class:`StreamChunk` for each further read of a stream.
    """

    wants_details: bool
    wants_whole_replies: bool
    wants_chunks: bool

    def __call__(self, event: Event, detail: Detail | None = None) -> None:
        """Call the observer with an event."""
        ...

    def pass_on(self, event: Event, detail: Detail | None = None) -> None:
        """The same by a name: Python calls a method with less effort than an object."""
        ...


@overload
def guarded(observer: None) -> None: ...
@overload
def guarded(observer: Observer) -> Notify: ...
@overload
def guarded(observer: Observer | None) -> Notify | None: ...
def guarded(observer: Observer | None) -> Notify | None:
    """``observer`` with its exceptions caught: the first is logged as a warning, the others are dropped.

    Raises:
        ConfigurationError: It cannot be called, or is a coroutine function.
    """
    if observer is None or isinstance(observer, _Guarded):
        return observer
    check_observer(observer)
    return _Guarded(observer)


def check_observer(observer: object) -> None:
    """Check that an observer is a plain function: a coroutine function would never be awaited.

    Raises:
        ConfigurationError: It is not.
    """
    if not callable(observer):
        raise ConfigurationError(f"observer={observer!r}: give a function")
    if inspect.iscoroutinefunction(observer) or inspect.iscoroutinefunction(type(observer).__call__):
        raise ConfigurationError("observer= is an async function: give a plain one, which is not awaited")


class _Guarded:
    """Calls an observer without reentrance: events of the same thread are postponed until it has returned.

    So an observer may use its own lock, although the garbage collector may emit an event while it holds the lock.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer: Callable[..., object] = observer  # takes details only if it wants them
        self.wants_details = isinstance(observer, DetailedObserver)
        self.wants_whole_replies = isinstance(observer, DetailedObserver) and observer.wants_whole_replies
        self.wants_chunks = isinstance(observer, DetailedObserver) and observer.wants_chunks
        self._has_failed = False
        self._threads_inside: set[int] = set()
        self._postponed: deque[tuple[Event, Detail | None]] = deque()

    def pass_on(self, event: Event, detail: Detail | None = None) -> None:
        thread, inside, observer = get_ident(), self._threads_inside, self._observer
        if thread in inside:
            self._postponed.append((event, detail))
            return
        while True:
            try:
                inside.add(thread)
                if detail is None:
                    observer(event)
                else:
                    observer(event, detail)
            except Exception:  # noqa: BLE001 - an observer must not break the call
                self._log_first_failure()
            finally:
                inside.discard(thread)
            # Checked only after leaving: from then on this thread postpones no event, so none is missed.
            if not self._postponed:
                return
            try:
                event, detail = self._postponed.popleft()
            except IndexError:  # another thread took it
                return

    __call__ = pass_on

    def _log_first_failure(self) -> None:
        if self._has_failed:
            return
        self._has_failed = True
        # Without the observer's repr, which may fail as well; a log handler may fail, too.
        with contextlib.suppress(Exception):
            name = getattr(self._observer, "__qualname__", type(self._observer).__qualname__)
            _log.warning("the observer %s failed; its further failures are not logged", name, exc_info=True)


def observer_of(request: httpx.Request, own: Callable[[Event], None] | None) -> Callable[[Event], None] | None:
    """The observer of this call: the policy's ``own``, else the one in the request's extensions."""
    return request.extensions.get("observer") if own is None else own


def emit(
    request: httpx.Request,
    clock: Clock,
    own: Callable[[Event], None] | None,
    kind: Callable[..., Event],
    *values: object,
) -> None:
    """Notify the observer of this call of a ``kind`` of event with ``values``."""
    notify = observer_of(request, own)
    if notify is not None:
        notify(kind(*about(request, clock), *values))


_LEVELS: dict[type[Event], int] = {
    RetryScheduled: logging.WARNING,
    CircuitOpened: logging.WARNING,
    EndpointEjected: logging.WARNING,
    FailedOver: logging.WARNING,
    Refused: logging.WARNING,
    CircuitClosed: logging.INFO,
    CircuitHalfOpened: logging.INFO,
    EndpointRevived: logging.INFO,
    Reconfigured: logging.INFO,
}


def log_events(event: Event) -> None:
    """Log events to the logger ``ollama_sdk``: failures as WARNING, recoveries as INFO, all others as DEBUG."""
    _log.log(_LEVELS.get(type(event), logging.DEBUG), "%s", event)
