"""The remaining time of one step of a request: from the live deadlines of a call, or from httpx's plain numbers."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ollama_sdk._timeout import Limit

if TYPE_CHECKING:
    import httpx

__all__ = ["Ask", "Limits", "Patience"]

# Called before each wait: returns its remaining seconds; 0 or less after the deadline, infinite without one.
Ask = Callable[[], float]


def _forever() -> float:
    return math.inf


class Limits:
    """The limits of one request, from its ``timeout`` extension.

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
        """Return the limit for a read that begins now."""
        return self.live_read or _countdown(self._read)

    def write(self) -> Ask:
        """Return the limit for a write that begins now, which must make progress within it."""
        return self._write.deadlines.writing() if isinstance(self._write, Limit) else _countdown(self._write)

    def left(self) -> float:
        """The remaining seconds of the call and of its first item; infinite if only single steps are limited."""
        return self._connect.deadlines.left() if isinstance(self._connect, Limit) else math.inf

    def connected_by(self, since: float) -> float:
        """The deadline of a connection attempt that began at ``since``; both by :func:`time.monotonic`."""
        seconds = self._connect_seconds()
        return math.inf if seconds is None else since + seconds

    def connecting(self, slices: int = 1) -> Patience:
        """Return the limit for an attempt to connect that begins now; see :class:`Patience`."""
        return Patience(self._connect_seconds(), slices, self.left)

    def _connect_seconds(self) -> float | None:
        limit = self._connect
        return limit.deadlines.limits.connect if isinstance(limit, Limit) else limit


class Patience:
    """The limit of an attempt to connect, called before and during its waits; see :data:`Ask`.

    An event loop that is busy for long (thousands of starting tasks, a long callback) does not poll its sockets meanwhile, and
    afterwards its timers fire before the tasks see that their sockets are ready. So time is counted in slices: the time between
    two calls counts as one slice at most, and no returned time is longer than a slice. So an attempt that times out was checked
    at least once in each slice.

    Args:
        seconds: The limit; ``None`` without one.
        slices: The number of slices. A thread, which does not have this problem, uses one.
        left: Returns the remaining seconds of the whole call, which are counted in real time.

    Attributes:
        began: The start of the attempt, by :func:`time.monotonic`.
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
        """Whether the limit has passed."""
        return self._seconds <= 0


def _countdown(seconds: float | None) -> Ask:
    if seconds is None:
        return _forever
    ends = time.monotonic() + seconds
    return lambda: ends - time.monotonic()
