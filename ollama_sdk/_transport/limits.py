"""Says how long one step of a request may still wait: live deadlines of a call, or the plain numbers of httpx users."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ollama_sdk._timeout import Limit

if TYPE_CHECKING:
    import httpx

__all__ = ["Ask", "Limits"]

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

    def connected_by(self, since: float | None = None) -> float:
        """When a connection that is begun now, or was ``since``, must be there; as :func:`time.monotonic` counts."""
        limit = self._connect
        if limit is None:
            return math.inf
        now = time.monotonic()
        begun = now if since is None else since
        if not isinstance(limit, Limit):
            return begun + limit
        deadlines = limit.deadlines
        connect = deadlines.limits.connect
        return min(math.inf if connect is None else begun + connect, now + deadlines.left())


def _countdown(seconds: float | None) -> Ask:
    if seconds is None:
        return _forever
    ends = time.monotonic() + seconds
    return lambda: ends - time.monotonic()
