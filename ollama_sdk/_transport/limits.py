"""Says how long one step of a request may still wait: live deadlines of a call, or the plain numbers of httpx users."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ollama_sdk._timeout import Limit

if TYPE_CHECKING:
    import httpx

__all__ = ["Ask", "Limits", "Patience"]

# Asked before each wait: seconds that it may take; 0 or less when time is up, infinite without end.
Ask = Callable[[], float]


def _forever() -> float:
    return math.inf


class Limits:
    """The limits of one request, out of its ``timeout`` extension.

    Attributes:
        live_read: The deadlines of the call for reading, if they are live.
    """

    __slots__ = ("_connect", "_read", "_write", "live_read")

    def __init__(self, request: httpx.Request) -> None:
        timeout: dict[str, Any] = request.extensions.get("timeout") or {}
        self._connect: float | None = timeout.get("connect")
        self._read: float | None = timeout.get("read")
        self._write: float | None = timeout.get("write")
        self.live_read: Ask | None = self._read.deadlines.next_check if isinstance(self._read, Limit) else None

    def read(self) -> Ask:
        """For a read that begins now."""
        return self.live_read or _countdown(self._read)

    def write(self) -> Ask:
        """For a write that begins now, and must send something before the time is up."""
        return self._write.deadlines.writing() if isinstance(self._write, Limit) else _countdown(self._write)

    def left(self) -> float:
        """The seconds that are left of the call, of its first item and of all of it; infinite where only steps are limited."""
        return self._connect.deadlines.left() if isinstance(self._connect, Limit) else math.inf

    def connected_by(self, since: float) -> float:
        """When a connection that was begun at ``since`` must be there; both as :func:`time.monotonic` counts."""
        seconds = self._connect_seconds()
        return math.inf if seconds is None else since + seconds

    def connecting(self, slices: int = 1) -> Patience:
        """For an attempt to connect that begins now; see :class:`Patience`."""
        return Patience(self._connect_seconds(), slices, self.left)

    def _connect_seconds(self) -> float | None:
        limit = self._connect
        return limit.deadlines.limits.connect if isinstance(limit, Limit) else limit


class Patience:
    """Asked before and during the waits of an attempt to connect, as :data:`Ask` says.

    An event loop that is busy for long (thousands of tasks that start, a callback that computes) looks at no socket
    meanwhile, and afterwards its timers run out before the tasks see that their sockets were ready. So time is counted in
    slices: however long it was between two questions, it counts as one slice at most, and no answer is longer than a
    slice. An attempt that ends has been looked at once in each of them.

    Args:
        seconds: The limit; ``None`` without.
        slices: Into how many parts it is cut. A thread, which needs none of this, has one.
        left: Gives the seconds that are left of the whole call, which are counted as they pass.

    Attributes:
        began: When the attempt did, as :func:`time.monotonic` counts.
    """

    __slots__ = ("_asked", "_seconds", "_slice", "_total", "began")

    def __init__(self, seconds: float | None, slices: int, left: Ask) -> None:
        self._seconds = math.inf if seconds is None else seconds
        self._slice = self._seconds / slices
        self._total = left
        self.began = self._asked = time.monotonic()

    def __call__(self) -> float:
        now = time.monotonic()
        self._seconds -= min(now - self._asked, self._slice)
        self._asked = now
        return min(self._seconds, self._slice, self._total())

    @property
    def is_over(self) -> bool:
        """Whether all of the limit was used up."""
        return self._seconds <= 0


def _countdown(seconds: float | None) -> Ask:
    if seconds is None:
        return _forever
    ends = time.monotonic() + seconds
    return lambda: ends - time.monotonic()
