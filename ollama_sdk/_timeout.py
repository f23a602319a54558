"""How long a call may take: the limits that a user sets, and the running deadlines of one call.

Which limit runs when
---------------------
A call is a sequence of phases. Each phase has one limit, and ``total`` runs beside all of them::

    total          |------------------------------- the whole call ------------------------------->|
    connect            |--|                 |--|
    between_items         |-write->|           |-write->|-write->|    |-item->|-item->|-- drain -->|
    first_item         |---- attempt 1 ...  |-- restarted by writes ->|

- ``total`` starts when the call's :class:`Deadlines` are made. Nothing stops or restarts it: every attempt, every wait of a
  policy and the caller's own time between two items count.
- ``first_item`` starts with each attempt (:meth:`Deadlines.attempt`) and ends with the first item of a stream or with the
  whole body of a one-piece reply. ``connect`` bounds each step of connecting within it. A server need not reply before it has
  the request, so each write starts ``first_item`` anew (:meth:`Deadlines.writing`): an upload may last as long as it moves.
- ``between_items`` bounds each write, which must send something in that time. Later it starts each time the caller asks for
  another item (:meth:`Deadlines.item`).
- After the last item, or after an error status, only the rest of the body is due, which the connection needs to be reused.
  :meth:`Deadlines.drain` gives it a short time of its own.
- While no item is due, because the caller has not asked for one or has paused the stream, the limit of the phase is held:
  :meth:`Deadlines.hold` keeps the seconds that are left of it, :meth:`Deadlines.release` lets them run again.

How a limit reaches the socket
------------------------------
httpx gives a transport one number of seconds for each read, which would let a body that trickles in take for ever. Here
that number is a :class:`Limit`, which our own transport asks for the seconds left before each read and write. A read that
is already waiting does not notice that a held limit was released: while a limit is held, a read therefore lasts a second
at most (:meth:`Deadlines.next_check`) and then asks again.

:class:`Deadlines` has no lock. One thread at a time reads from a connection; another thread may hold or release the limit
meanwhile, under the lock of the stream, so each method reads a shared attribute once and decides from that value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from attrs import Attribute, evolve, field, frozen

from ._concurrency.clock import AGES, SYSTEM_CLOCK, Clock
from .errors import ConfigurationError

if TYPE_CHECKING:
    from typing_extensions import TypeIs

    from .errors import TimeoutPhase

__all__ = [
    "INHERIT",
    "Deadlines",
    "Inherit",
    "Limit",
    "OperationLimits",
    "Timeout",
    "TimeoutLike",
    "as_timeout",
    "limits_of_call",
]

# Seconds that the rest of a body may take after the last item: a server sends it at once.
_DRAIN = 0.1
# Seconds after which a read asks again whether a held limit runs.
_HELD_CHECK = 1.0


def _check_positive(_: Any, attribute: Attribute[Any], value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ConfigurationError(
            f"Timeout({attribute.name}={value!r}): give a number of seconds above 0, or None to wait for ever"
        )


@frozen
class Timeout:
    """The limits of a call, each in seconds; ``None`` waits for ever.

    Attributes:
        connect: Each step of reaching the server: name resolution, TCP and TLS; and waiting for a free connection of a
            bounded pool. A sync client resolves names with the system's resolver, which has limits of its own.
        first_item: From the moment the request is sent to the first item of a stream, or to the whole body of a one-piece
            reply. The server loads the model and reads the prompt in this time, so the default is long. ``pull``, ``push`` and
            ``create`` have no such limit, unless the call itself sets one.
        between_items: From one item of a stream to the next; also the longest time in which nothing of a request or an
            upload can be sent. ``pull``, ``push`` and ``create`` may be silent for an hour while the server verifies or
            converts files, unless the call itself sets another limit.
        total: The whole call, with all attempts and all waiting, however steadily bytes arrive.

    Raises:
        ConfigurationError: A limit is not a number above 0.
    """

    connect: float | None = field(default=5.0, validator=_check_positive)
    first_item: float | None = field(default=600.0, validator=_check_positive)
    between_items: float | None = field(default=120.0, validator=_check_positive)
    total: float | None = field(default=None, validator=_check_positive)


class Inherit:
    """The type of :data:`INHERIT`, the default of every ``timeout`` argument: the client's own setting."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "INHERIT"


INHERIT: Final = Inherit()


class TimeoutParts(Protocol):
    """The limits of httpx or httpx2, in seconds."""

    connect: float | None
    read: float | None
    write: float | None
    pool: float | None


TimeoutLike = Timeout | TimeoutParts | float | None

_NO_LIMITS = Timeout(connect=None, first_item=None, between_items=None, total=None)
_DEFAULTS = Timeout()


@frozen
class OperationLimits:
    """The limits of an operation whose length the size of a model decides, in seconds; ``None`` waits for ever.

    The limits of a client are meant for replies, and would end a transfer that goes well. So these replace them; a limit
    that the call itself sets holds.

    Attributes:
        first_item: Replaces the limit of that name.
        between_items: Replaces the limit of that name, unless that is longer.
    """

    first_item: float | None
    between_items: float | None


def _has_parts(value: object) -> TypeIs[TimeoutParts]:
    return hasattr(value, "pool")


def as_timeout(value: TimeoutLike) -> Timeout:
    """Return the limits that ``value`` stands for.

    Args:
        value: Limits; or those of httpx or httpx2, whose ``read`` is the limit of the first item and between items; or a number of
            seconds, which is ``total``; or ``None`` for no limit at all.

    Raises:
        ConfigurationError: The value is not a number above 0.
    """
    if isinstance(value, Timeout):
        return value
    if value is None:
        return _NO_LIMITS
    if _has_parts(value):
        return Timeout(connect=value.connect, first_item=value.read, between_items=value.read)
    return Timeout(total=value)


def limits_of_call(client: Timeout, call: TimeoutLike | Inherit, operation: OperationLimits | None) -> Timeout:
    """Return the limits of one call.

    Args:
        client: The client's limits.
        call: The call's own ``timeout=``.
        operation: What the operation has instead of limits that the call does not set.

    Raises:
        ConfigurationError: The call's timeout is not a number above 0.
    """
    inherited = isinstance(call, Inherit)
    limits = client if isinstance(call, Inherit) else as_timeout(call)
    if operation is None:
        return limits
    first_item, between_items = limits.first_item, limits.between_items
    if inherited or first_item == _DEFAULTS.first_item:
        first_item = operation.first_item
    if between_items is not None and (inherited or between_items == _DEFAULTS.between_items):
        least = operation.between_items
        between_items = None if least is None else max(between_items, least)
    return evolve(limits, first_item=first_item, between_items=between_items)


class Deadlines:
    """The running limits of one call; the module's docstring says which of them runs when.

    Attributes:
        limits: The limits.
        started: When the call began, in seconds of the clock.
        total_at: When the whole call must have ended, in seconds of the clock; infinite without ``total``.
        phase: Which limit runs beside ``total``.
    """

    __slots__ = ("_clock", "_drain_seconds", "_held_seconds", "_phase_at", "limits", "phase", "started", "total_at")

    def __init__(self, limits: Timeout, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self.limits: Timeout = limits
        self.started: float = clock.monotonic()
        self.total_at: float = math.inf if limits.total is None else self.started + limits.total
        self.phase: Literal["first_item", "between_items"] = "first_item"
        self._phase_at = math.inf  # when the phase must have ended; infinite without a limit, and while it is held
        self._held_seconds: float | None = None  # what was left of the phase when it was held
        self._drain_seconds = 0.0  # how long the rest of the body may take; 0 before the last item

    def attempt(self) -> None:
        """Start ``first_item`` for another attempt."""
        self._drain_seconds = 0.0
        self._start("first_item", self.limits.first_item)

    def writing(self) -> Callable[[], float]:
        """Start ``between_items`` for a write, which must send something in that time, and ``first_item`` anew.

        Returns:
            Gives the seconds that are left of the write: 0 or less when the time is up, infinite without a limit.
        """
        self._start("first_item", self.limits.first_item)
        monotonic, seconds = self._clock.monotonic, self.limits.between_items
        ends = min(self.total_at, math.inf if seconds is None else monotonic() + seconds)
        return lambda: min(ends - monotonic(), AGES) if ends != math.inf else ends

    def item(self) -> None:
        """Start ``between_items``: the caller waits for another item, or after the last one for the end of the body."""
        if self._drain_seconds:
            self.release()
            return
        self.phase = "between_items"  # as _start() does, without the call: this runs for every token
        self._held_seconds = None
        seconds = self.limits.between_items
        self._phase_at = math.inf if seconds is None else self._clock.monotonic() + seconds

    def hold(self) -> None:
        """Stop the limit of the phase: the caller waits for nothing. ``total`` runs on."""
        if self._phase_at != math.inf:
            self._held_seconds = self._phase_at - self._clock.monotonic()
            self._phase_at = math.inf

    def release(self) -> None:
        """Run the limit of the phase again, with the seconds that were left at :meth:`hold`."""
        if self._held_seconds is not None:
            self._phase_at = self._clock.monotonic() + self._held_seconds
            self._held_seconds = None

    def drain(self, seconds: float = _DRAIN) -> None:
        """Bound the rest of the body: what matters of it has arrived. Only the first call has an effect.

        Args:
            seconds: How long the rest may take.
        """
        if not self._drain_seconds:
            self._drain_seconds = seconds
            self._start("between_items", seconds)

    def _start(self, phase: Literal["first_item", "between_items"], seconds: float | None) -> None:
        self.phase = phase
        self._held_seconds = None
        self._phase_at = math.inf if seconds is None else self._clock.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds until the nearest deadline: below 0 when it has passed, infinite when there is none."""
        phase_at = self._phase_at  # read once: another thread may hold the limit meanwhile
        return (phase_at if phase_at < self.total_at else self.total_at) - self._clock.monotonic()

    def next_check(self) -> float:
        """Return the seconds that a read may last before it asks again.

        Returns:
            As :meth:`left`; and a second at most while the limit is held, because the read would not notice that it is
            released.
        """
        phase_at, now = self._phase_at, self._clock.monotonic()
        if phase_at == math.inf:
            limit = self._drain_seconds or getattr(self.limits, self.phase)
            phase_at = math.inf if limit is None else now + min(limit, _HELD_CHECK)
        seconds = (phase_at if phase_at < self.total_at else self.total_at) - now
        return seconds if seconds < AGES or seconds == math.inf else AGES

    def left_to_connect(self) -> float:
        """Return the seconds that the next step of connecting may take."""
        connect = math.inf if self.limits.connect is None else self.limits.connect
        return min(connect, self.left())

    def elapsed(self) -> float:
        """Return the seconds since the call began."""
        return self._clock.monotonic() - self.started

    def expired(self, waited_for: TimeoutPhase) -> TimeoutPhase:
        """Return which limit ran out when a wait timed out.

        Args:
            waited_for: What the transport was waiting for.
        """
        now = self._clock.monotonic()
        if now >= self.total_at:
            return "total"
        # Connecting, and waiting for a connection, are part of first_item, which may have run out before their own limit.
        return self.phase if waited_for in {"connect", "pool"} and now >= self._phase_at else waited_for

    def extension(self) -> dict[str, float | None]:
        """Return the ``timeout`` request extension of httpx: plain numbers to any transport, live limits to our own."""
        connecting = Limit.of(self, "connect")
        return {
            "connect": connecting,
            "pool": float(connecting),
            "read": Limit.of(self, "read"),
            "write": Limit.of(self, "write"),
        }


class Limit(float):
    """A number of seconds that also holds the live deadlines from which it was computed.

    httpx passes the values of the ``timeout`` extension unchanged to the transport. Our own transport asks the deadlines
    before every read and write; any other transport sees an ordinary number.
    """

    __slots__ = ("deadlines",)
    deadlines: Deadlines

    @classmethod
    def of(cls, deadlines: Deadlines, purpose: Literal["connect", "read", "write"]) -> Limit:
        """Return the limit of ``deadlines`` for one kind of wait; its number is what is left at this moment."""
        if purpose == "connect":
            left = deadlines.left_to_connect()
        else:
            left = deadlines.left() if purpose == "read" else deadlines.writing()()
        limit = cls(min(max(left, 0.0), AGES))
        limit.deadlines = deadlines
        return limit
