"""Timeouts: the limits that a user sets, and the running deadlines of one call.

Which limit runs when
---------------------
A call is a sequence of phases. Each phase has one limit, and ``total`` runs in addition during all of them::

    total          |------------------------------- the whole call ------------------------------->|
    connect            |--|                 |--|
    between_items         |-write->|           |-write->|-write->|    |-item->|-item->|-- drain -->|
    first_item         |---- attempt 1 ...  |-- restarted by writes ->|

- ``total`` starts when the call's :class:`Deadlines` are made. Nothing stops or restarts it: every attempt, every wait of a
  policy and the caller's time between two items count.
- ``first_item`` starts with each attempt (:meth:`Deadlines.attempt`) and ends with the first item of a stream or with the
  whole body of a one-piece reply. ``connect`` bounds each step of connecting within it. A server need not reply before it has
  the request, so each write restarts ``first_item`` (:meth:`Deadlines.writing`): an upload may take any time while it progresses.
- ``between_items`` bounds each write, which must send at least one byte in that time. Later it starts each time the caller asks for
  another item (:meth:`Deadlines.item`).
- After the last item, or after an error status, the rest of the body is read only so that the connection can be reused.
  :meth:`Deadlines.drain` gives that a short limit of its own.
- While the caller does not wait for an item, or has paused the stream, the limit of the phase is held: :meth:`Deadlines.hold`
  keeps its remaining seconds, :meth:`Deadlines.release` lets them run again.

How a limit reaches the socket
------------------------------
httpx gives a transport one number of seconds for each read, so a body that trickles in could take for ever. Here that number is
a :class:`Limit`, which our own transport asks for the remaining seconds before each read and write. A waiting read does not notice
that a held limit was released: while a limit is held, a read therefore waits a second at most (:meth:`Deadlines.next_check`) and
then asks again.

:class:`Deadlines` has no lock. One thread at a time reads from a connection; another thread may hold or release the limit
meanwhile, under the lock of the stream, so each method reads a shared attribute once and decides from that value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, Self

from attr import Attribute, evolve, field, frozen

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

# Seconds for the rest of a body after the last item, which a server sends at once.
_DRAIN = 0.1
# Seconds after which a read checks again whether a held limit was released.
_HELD_CHECK = 1.0


def _check_positive(_: Any, attribute: Attribute[Any], value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ConfigurationError(
            f"Timeout({attribute.name}={value!r}): give a number of seconds above 0, or None to wait for ever"
        )


# The limits that no caller has given are these objects; an equal number is another object, and counts as given.
_FIRST_ITEM, _BETWEEN_ITEMS = 600.0, 120.0


@frozen(eq=False, repr=False, kw_only=True)
class Timeout:
    """The limits of a call, each in seconds; ``None`` waits for ever.

    Attributes:
        connect: Each step of reaching the server: name resolution, TCP and TLS; and waiting for a free connection of a
            bounded pool. A sync client resolves names with the system's resolver, which has its own limits.
        first_item: From sending the request to the first item of a stream, or to the whole body of a one-piece reply. The
            server loads the model and reads the prompt in this time, so the default is long. ``pull``, ``push`` and ``create``
            have no such limit, unless the call itself sets one.
        between_items: From one item of a stream to the next; also the longest time without progress while a request or an
            upload is sent. ``pull``, ``push`` and ``create`` may send nothing for an hour while the server verifies or
            converts files, unless the call itself sets another limit.
        total: The whole call, with all attempts and waits, even while bytes arrive.

    Raises:
        ConfigurationError: A limit has no name, or is not a number above 0.
    """

    connect: float | None = field(default=5.0, validator=_check_positive)
    first_item: float | None = field(default=_FIRST_ITEM, validator=_check_positive)
    between_items: float | None = field(default=_BETWEEN_ITEMS, validator=_check_positive)
    total: float | None = field(default=None, validator=_check_positive)

    if not TYPE_CHECKING:  # for a type checker, there would be arguments without a name

        def __new__(cls, *unnamed: Any, **_: Any) -> Self:
            """Refuse limits without a name, of which the first one would be ``connect``."""
            if unnamed:
                raise ConfigurationError(
                    f"Timeout({', '.join(map(repr, unnamed))}): name each limit, such as Timeout(total={unnamed[0]!r}); there are "
                    "connect, first_item, between_items and total"
                )
            return object.__new__(cls)

    # Not generated, because compiling generated methods takes a quarter of a millisecond of each start.

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Timeout) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        connect, first_item, between_items, total = self._key()
        return f"{type(self).__name__}({connect=}, {first_item=}, {between_items=}, {total=})"

    def _key(self) -> tuple[float | None, ...]:
        return self.connect, self.first_item, self.between_items, self.total

    def __reduce__(self) -> tuple[object, ...]:
        given = {"connect": self.connect, "total": self.total}
        if self.first_item is not _FIRST_ITEM:
            given["first_item"] = self.first_item
        if self.between_items is not _BETWEEN_ITEMS:
            given["between_items"] = self.between_items
        return _unpickled, (type(self), given)


def _unpickled(kind: type[Timeout], given: dict[str, float | None]) -> Timeout:
    return kind(**given)


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

Timeout.__new__.__wrapped__ = Timeout.__init__  # type: ignore[attr-defined] # for inspect.signature()

_NO_LIMITS = Timeout(connect=None, first_item=None, between_items=None, total=None)


class OperationLimits:
    """The limits of an operation whose duration depends on the size of a model, in seconds; ``None`` waits for ever.

    They replace the limits of the client, which suit replies and would end a transfer that progresses. A limit that the call
    itself sets has precedence.

    Attributes:
        first_item: Replaces the limit of that name.
        between_items: Replaces the limit of that name, unless that is longer.
    """

    __slots__ = ("between_items", "first_item")

    def __init__(self, first_item: float | None, between_items: float | None) -> None:
        self.first_item = first_item
        self.between_items = between_items


def _has_parts(value: object) -> TypeIs[TimeoutParts]:
    return hasattr(value, "pool")


def as_timeout(value: TimeoutLike) -> Timeout:
    """Convert a ``timeout`` argument to limits.

    Args:
        value: Limits; or those of httpx or httpx2, whose ``read`` becomes ``first_item`` and ``between_items``; or a number of
            seconds, which becomes ``total``; or ``None`` for no limits.

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
        operation: The limits of the operation, which replace those that the call does not set.

    Raises:
        ConfigurationError: The call's timeout is not a number above 0.
    """
    inherited = isinstance(call, Inherit)
    limits = client if isinstance(call, Inherit) else as_timeout(call)
    if operation is None:
        return limits
    first_item, between_items = limits.first_item, limits.between_items
    if inherited or first_item is _FIRST_ITEM:
        first_item = operation.first_item
    if between_items is not None and (inherited or between_items is _BETWEEN_ITEMS):
        least = operation.between_items
        between_items = None if least is None else max(between_items, least)
    return evolve(limits, first_item=first_item, between_items=between_items)


class Deadlines:
    """The running limits of one call; the module's docstring explains which limit runs when.

    Attributes:
        limits: The limits.
        started: The start of the call, in seconds of the clock.
        total_at: The deadline of the whole call, in seconds of the clock; infinite without ``total``.
        phase: The limit that runs in addition to ``total``.
    """

    __slots__ = ("_clock", "_drain_seconds", "_held_seconds", "_phase_at", "limits", "phase", "started", "total_at")

    def __init__(self, limits: Timeout, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self.limits: Timeout = limits
        self.started: float = clock.monotonic()
        self.total_at: float = math.inf if limits.total is None else self.started + limits.total
        self.phase: Literal["first_item", "between_items"] = "first_item"
        self._phase_at = math.inf  # the deadline of the phase; infinite without a limit, and while it is held
        self._held_seconds: float | None = None  # the remaining seconds of a held phase
        self._drain_seconds = 0.0  # the limit for the rest of the body; 0 before the last item

    def attempt(self) -> None:
        """Start ``first_item`` for another attempt."""
        self._drain_seconds = 0.0
        self._start("first_item", self.limits.first_item)

    def writing(self) -> Callable[[], float]:
        """Start ``between_items`` for a write, and restart ``first_item``.

        Returns:
            A function that returns the remaining seconds of the write: 0 or less after its deadline, infinite without a limit.
        """
        self._start("first_item", self.limits.first_item)
        monotonic, seconds = self._clock.monotonic, self.limits.between_items
        ends = min(self.total_at, math.inf if seconds is None else monotonic() + seconds)
        return lambda: min(ends - monotonic(), AGES) if ends != math.inf else ends

    def item(self) -> None:
        """Start ``between_items`` because the caller waits for another item, or after the last one for the end of the body."""
        if self._drain_seconds:
            self.release()
            return
        self.phase = "between_items"  # inlined from _start(), because this runs for every token
        self._held_seconds = None
        seconds = self.limits.between_items
        self._phase_at = math.inf if seconds is None else self._clock.monotonic() + seconds

    def hold(self) -> None:
        """Suspend the limit of the phase because the caller does not wait. ``total`` keeps running."""
        phase_at = self._phase_at
        if phase_at != math.inf:
            self._held_seconds = phase_at - self._clock.monotonic()
            self._phase_at = math.inf

    def release(self) -> None:
        """Resume the limit of the phase, with the seconds that remained at :meth:`hold`."""
        held_seconds = self._held_seconds
        if held_seconds is not None:
            self._phase_at = self._clock.monotonic() + held_seconds
            self._held_seconds = None

    def drain(self, seconds: float = _DRAIN) -> None:
        """Limit the rest of the body, after its last item or after an error status. Only the first call has an effect.

        Args:
            seconds: The limit of the rest.
        """
        if not self._drain_seconds:
            self._drain_seconds = seconds
            self._start("between_items", seconds)

    def _start(self, phase: Literal["first_item", "between_items"], seconds: float | None) -> None:
        self.phase = phase
        self._held_seconds = None
        self._phase_at = math.inf if seconds is None else self._clock.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds until the nearest deadline: below 0 after it has passed, infinite without one."""
        phase_at = self._phase_at  # read once, because another thread may hold the limit meanwhile
        return (phase_at if phase_at < self.total_at else self.total_at) - self._clock.monotonic()

    def next_check(self) -> float:
        """Return the seconds that a read may wait before it asks again.

        Returns:
            As :meth:`left`; but a second at most while the limit is held, because the read does not notice its release.
        """
        phase_at, now = self._phase_at, self._clock.monotonic()
        if phase_at == math.inf:
            limit = self._drain_seconds or getattr(self.limits, self.phase)
            phase_at = math.inf if limit is None else now + min(limit, _HELD_CHECK)
        seconds = (phase_at if phase_at < self.total_at else self.total_at) - now
        return seconds if seconds < AGES or seconds == math.inf else AGES

    def left_to_connect(self) -> float:
        """Return the limit of the next step of connecting, in seconds."""
        connect = math.inf if self.limits.connect is None else self.limits.connect
        return min(connect, self.left())

    def elapsed(self) -> float:
        """Return the seconds since the call began."""
        return self._clock.monotonic() - self.started

    def expired(self, waited_for: TimeoutPhase) -> TimeoutPhase:
        """Return which limit has passed when a wait timed out.

        Args:
            waited_for: The limit of the transport's wait.
        """
        now = self._clock.monotonic()
        if now >= self.total_at:
            return "total"
        # Connecting, and waiting for a connection, are part of first_item, which may have passed before their own limit.
        return self.phase if waited_for in {"connect", "pool"} and now >= self._phase_at else waited_for

    def extension(self) -> dict[str, float | None]:
        """Return the ``timeout`` request extension of httpx: numbers for any transport, live limits for our own."""
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
        """Return the limit of ``deadlines`` for one kind of wait; its number is the remaining seconds now."""
        if purpose == "connect":
            left = deadlines.left_to_connect()
        else:
            left = deadlines.left() if purpose == "read" else deadlines.writing()()
        limit = cls(min(max(left, 0.0), AGES))
        limit.deadlines = deadlines
        return limit
