"""What the policies tell an observer: one frozen class for each thing that can happen."""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections import deque
from collections.abc import Callable
from threading import get_ident
from typing import TYPE_CHECKING, overload

from attrs import frozen

from ollama_sdk.errors import ConfigurationError

from ._request import about

if TYPE_CHECKING:
    import httpx

    from ollama_sdk._concurrency.clock import Clock

# The events have no slots: filling those of a frozen class costs twice as much, and every call has three events.

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
    "EndpointEjected",
    "EndpointRevived",
    "Event",
    "FailedOver",
    "Observer",
    "Reconfigured",
    "Refused",
    "RetryScheduled",
    "StreamEnded",
    "StreamFirstItem",
    "StreamStarted",
    "Waited",
    "check_observer",
    "guarded",
    "log_events",
    "observer_of",
    "tell",
]

_log = logging.getLogger("ollama_sdk")


@frozen(slots=False)
class Event:
    """Something happened to a call or to an endpoint.

    Attributes:
        call: The same number in all events of one call; 0 for what belongs to no call.
        operation: Name of the call, such as ``chat``; ``""`` for what belongs to no call.
        endpoint: Base URL; ``""`` for what belongs to no endpoint.
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
        model: The model it names, if any.
        stream: Whether its reply is a stream.
    """

    model: str | None
    stream: bool


@frozen(slots=False)
class CallEnded(Event):
    """A call is over: its reply is complete, its stream has ended, or it failed.

    The clients of this package tell it once they have decoded the reply, so it knows of a bad or cut off one as well. A plain
    ``httpx`` client tells it when the reply has come: then what is in the reply is not known.

    Attributes:
        seconds: How long it took.
        status: The HTTP status, ``None`` without a response.
        error: What went wrong, as ``Class: text``; ``None`` when nothing did as far as is known.
        model: The model that answered, as the reply names it.
        input_tokens: Tokens of the prompt.
        output_tokens: Tokens of the answer.
        items: How many items a stream brought.
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
    """A request goes to an endpoint.

    Attributes:
        attempt: 1 for the first; each repetition after a wait counts one more.
    """

    attempt: int


@frozen(slots=False)
class AttemptFailed(Event):
    """A request brought no response, or one with an error status.

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
    """A failed attempt will be repeated.

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
    """The circuit breaker of an endpoint lets nothing through for a while.

    Attributes:
        seconds: For how long.
        reason: What opened it.
    """

    seconds: float
    reason: str


@frozen(slots=False)
class CircuitHalfOpened(Event):
    """The circuit breaker of an endpoint admits trial calls."""


@frozen(slots=False)
class CircuitClosed(Event):
    """The circuit breaker of an endpoint lets everything through again."""


@frozen(slots=False)
class EndpointEjected(Event):
    """Failover tries an endpoint last for a while.

    Attributes:
        seconds: For how long.
        reason: The status or the error.
    """

    seconds: float
    reason: str


@frozen(slots=False)
class EndpointRevived(Event):
    """Failover uses an ejected endpoint as before."""


@frozen(slots=False)
class FailedOver(Event):
    """A call moves on from ``endpoint``, which failed.

    Attributes:
        to: Base URL of the endpoint tried next.
        reason: The status or the error.
    """

    to: str
    reason: str


@frozen(slots=False)
class Waited(Event):
    """The rate limit let a call through after a wait.

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
        shared: The answer is that of another call which was under way, not a stored one.
    """

    shared: bool


@frozen(slots=False)
class CacheMiss(Event):
    """A call that may be cached needs a request."""


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
class StreamEnded(Event):
    """A stream was read to its end, closed, or broke.

    Attributes:
        seconds: Since the call started.
        complete: Whether the body was read to its end.
        error: What broke it, as ``Class: text``; else ``None``.
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


# The end of a reply that was forgotten is told by the garbage collector, at any point of what some thread does.
Observer = Callable[[Event], object]


@overload
def guarded(observer: None) -> None: ...
@overload
def guarded(observer: Observer) -> Callable[[Event], None]: ...
@overload
def guarded(observer: Observer | None) -> Callable[[Event], None] | None: ...
def guarded(observer: Observer | None) -> Callable[[Event], None] | None:
    """``observer``, unable to break a call: its first failure is logged as a warning, the others are silent.

    Raises:
        ConfigurationError: It is a coroutine function, which would never be run.
    """
    if observer is None or isinstance(observer, _Guarded):
        return observer
    check_observer(observer)
    return _Guarded(observer)


def check_observer(observer: object) -> None:
    """Refuse what cannot be told anything.

    Raises:
        ConfigurationError: It cannot be called, or is a coroutine function, which would never be run.
    """
    if not callable(observer):
        raise ConfigurationError(f"observer={observer!r}: give a function")
    if any(map(inspect.iscoroutinefunction, (observer, getattr(observer, "__call__", None)))):  # noqa: B004
        raise ConfigurationError("observer= is an async function: give a plain one, which nobody has to await")


class _Guarded:
    """Calls an observer, never inside itself: what happens meanwhile in its thread is told once it has returned.

    So a lock that it alone takes may be of any kind, though the garbage collector has things to tell where it is held.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._complained = False
        # The threads that are inside the observer, and what is still to be told to it.
        self._inside: set[int] = set()
        self._late: deque[Event] = deque()

    def __call__(self, event: Event) -> None:
        thread = get_ident()
        if thread in self._inside:
            self._late.append(event)
            return
        while True:
            self._inside.add(thread)
            try:
                self._tell(event)
            finally:
                self._inside.discard(thread)
            # Looked at only after leaving: from then on this thread adds nothing, so nothing is overlooked.
            if not self._late:
                return
            try:
                event = self._late.popleft()
            except IndexError:  # another thread took it
                return

    def _tell(self, event: Event) -> None:
        try:
            self._observer(event)
        except Exception:  # noqa: BLE001 - whatever it is, it must not break the call
            if not self._complained:
                self._complained = True
                self._complain()

    def _complain(self) -> None:
        # Without its repr, which may fail as well. So may whatever logging calls.
        with contextlib.suppress(Exception):
            name = getattr(self._observer, "__qualname__", type(self._observer).__qualname__)
            _log.warning("the observer %s failed; its further failures are not logged", name, exc_info=True)


def observer_of(request: httpx.Request, own: Callable[[Event], None] | None) -> Callable[[Event], None] | None:
    """Who hears of this call: the policy's ``own`` observer, else the one that the call began with."""
    return request.extensions.get("observer") if own is None else own


def tell(
    request: httpx.Request,
    clock: Clock,
    own: Callable[[Event], None] | None,
    kind: Callable[..., Event],
    *values: object,
) -> None:
    """Tell who hears of this call that something has happened to it: a ``kind`` with ``values``."""
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
    """An observer that logs on ``ollama_sdk``: trouble as WARNING, its end as INFO, everything else as DEBUG."""
    _log.log(_LEVELS.get(type(event), logging.DEBUG), "%s", event)
