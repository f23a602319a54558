"""How long a call may take: the limits a user sets, and the running deadlines of one call."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import Attribute, field, frozen

from ._concurrency.clock import AGES, SYSTEM_CLOCK, Clock
from .errors import ConfigurationError

if TYPE_CHECKING:
    from .errors import TimeoutPhase

__all__ = ["INHERIT", "Deadlines", "Inherit", "Limit", "Timeout", "TimeoutLike", "as_timeout"]


def _positive(_: Any, attribute: Attribute[Any], value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ConfigurationError(
            f"Timeout({attribute.name}={value!r}): give a number of seconds above 0, or None to wait for ever"
        )


@frozen
class Timeout:
    """Limits of a call, each in seconds; ``None`` waits for ever.

    Attributes:
        connect: Reaching the server: name look-up, TCP and TLS; and waiting for a free connection of a bounded pool. The
            name look-up of a sync client is the system's, which has limits of its own.
        first_item: From sending the request to the first item of a stream, or to the whole body of a one-piece reply.
            Loading the model and reading the prompt happen here, so it is long by default.
        between_items: From one item of a stream to the next.
        total: The whole call, all attempts and all waiting included, however steadily bytes trickle in.
    """

    connect: float | None = field(default=5.0, validator=_positive)
    first_item: float | None = field(default=600.0, validator=_positive)
    between_items: float | None = field(default=120.0, validator=_positive)
    total: float | None = field(default=None, validator=_positive)


class Inherit:
    """The type of :data:`INHERIT`, the default of every ``timeout`` argument: what the client was made with."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "INHERIT"


INHERIT: Final = Inherit()
TimeoutLike = Timeout | float | None

_DRAIN = 1.0
_SLICE = 1.0

_FOREVER = Timeout(connect=None, first_item=None, between_items=None, total=None)


def as_timeout(value: TimeoutLike) -> Timeout:
    """The limits that ``value`` stands for: itself, a bare number as ``total``, or ``None`` for no limit at all.

    Raises:
        ConfigurationError: The number is not above 0, or it is no number.
    """
    if isinstance(value, Timeout):
        return value
    if value is None:
        return _FOREVER
    return Timeout(total=value)


class Deadlines:
    """When one call must have reached its next step; moved along as the call proceeds.

    ``total`` runs from the making of this object over every attempt. The other limits are of one attempt:
    :meth:`attempt` starts them, :meth:`item` restarts them when the caller asks for another item. Time that the caller takes for
    itself counts only towards ``total``.
    """

    __slots__ = ("_clock", "_draining", "_phase_at", "_spared", "limits", "phase", "started", "total_at")

    def __init__(self, limits: Timeout, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self.limits = limits
        self.started = clock.monotonic()
        self.total_at = math.inf if limits.total is None else self.started + limits.total
        self.phase: Literal["first_item", "between_items"] = "first_item"
        self._phase_at = math.inf
        self._draining = 0.0  # how long the rest of the body may take once what matters has arrived
        self._spared: float | None = None  # seconds that were left of the phase when it was held

    def attempt(self) -> None:
        """Start the limits of one attempt."""
        self._draining = 0.0
        self._enter("first_item", self.limits.first_item)

    def item(self) -> None:
        """The caller waits for another item; after the last one, still for the end of the body."""
        if self._draining:
            self.release()
            return
        self.phase = "between_items"  # as _enter() does, without the call: this runs for every token
        self._spared = None
        seconds = self.limits.between_items
        self._phase_at = math.inf if seconds is None else self._clock.monotonic() + seconds

    def hold(self) -> None:
        """The caller waits for nothing at the moment: only the limit of the whole call runs on."""
        if self._phase_at != math.inf:
            self._spared = self._phase_at - self._clock.monotonic()
            self._phase_at = math.inf

    def release(self) -> None:
        """The caller waits again, for what was due when :meth:`hold` was called."""
        if self._spared is not None:
            self._phase_at = self._clock.monotonic() + self._spared
            self._spared = None

    def drain(self, seconds: float | None = None) -> None:
        """What matters has arrived: the end of the body must follow soon, in ``seconds``, or the connection is given up."""
        if not self._draining:
            self._draining = _DRAIN if seconds is None else seconds
            self._enter("between_items", self._draining)

    def _enter(self, phase: Literal["first_item", "between_items"], seconds: float | None) -> None:
        self.phase = phase
        self._spared = None
        self._phase_at = math.inf if seconds is None else self._clock.monotonic() + seconds

    def left(self) -> float:
        """Seconds until the nearest deadline; below 0 when it has passed, infinite when there is none."""
        phase_at = self._phase_at  # looked at once: another thread may hold it meanwhile
        return (phase_at if phase_at < self.total_at else self.total_at) - self._clock.monotonic()

    def patience(self) -> float:
        """Seconds that a read or write may last before it asks again; 0 or less when time is up, infinite without end.

        While the limit is held nothing is due, but a read cannot be told when it is released: it has to ask now and then.
        """
        phase_at, now = self._phase_at, self._clock.monotonic()
        if phase_at == math.inf:
            limit = self._draining or getattr(self.limits, self.phase)
            phase_at = math.inf if limit is None else now + min(limit, _SLICE)
        patience = (phase_at if phase_at < self.total_at else self.total_at) - now
        return patience if patience < AGES or patience == math.inf else AGES

    def left_to_connect(self) -> float:
        """Seconds that the next step of connecting may take."""
        connect = math.inf if self.limits.connect is None else self.limits.connect
        return min(connect, self.left())

    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._clock.monotonic() - self.started

    def expired(self, otherwise: TimeoutPhase) -> TimeoutPhase:
        """Which limit ran out when a wait for ``otherwise`` did not end in time."""
        now = self._clock.monotonic()
        if now >= self.total_at:
            return "total"
        # Connecting has a limit of its own, and so has waiting for a connection; other phases end with theirs.
        return self.phase if otherwise in {"connect", "pool"} and now >= self._phase_at else otherwise

    def extension(self) -> dict[str, float | None]:
        """The ``timeout`` request extension of httpx: plain numbers to any transport, live deadlines to our own."""
        connecting = Limit.of(self, connecting=True)
        waiting = Limit.of(self)
        return {"connect": connecting, "pool": float(connecting), "read": waiting, "write": waiting}


class Limit(float):
    """A number of seconds that also knows the live deadlines it was taken from.

    httpcore hands the values of the ``timeout`` extension unchanged to the network stream. A stream that knows this class
    asks :meth:`left` before every single read and write; any other one sees an ordinary number.
    """

    __slots__ = ("_connecting", "deadlines")
    deadlines: Deadlines
    _connecting: bool

    @classmethod
    def of(cls, deadlines: Deadlines, *, connecting: bool = False) -> Limit:
        """The limit of ``deadlines`` as they stand; its number is what a transport that knows no better goes by."""
        left = deadlines.left_to_connect() if connecting else deadlines.left()
        limit = cls(min(max(left, 0.0), AGES))
        limit.deadlines = deadlines
        limit._connecting = connecting
        return limit

    def left(self) -> float | None:
        """Seconds until it is to be asked again, ``None`` without end; 0 or less when time is up."""
        left = self.deadlines.left_to_connect() if self._connecting else self.deadlines.patience()
        return None if left == math.inf else left
