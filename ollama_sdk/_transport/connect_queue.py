"""Bounds how many connections to one server the tasks of an event loop open at once.

Theory
------
At most :data:`CONNECTING` attempts run at once, because more would overflow the server's queue and then time out. The
other calls wait, first in, first out, and a place that becomes free goes to the first of them.

The limit of connecting counts from when a call's own attempt begins, so a waiting call has no timer for it. It ends in
one of three ways:

- it gets a place;
- the limit of the whole call, or that of its first item, runs out;
- an attempt has used up its time, none has succeeded since that began, and the call has waited for as long as its own
  limit of connecting: the server is not there. So a dead server costs a call at most twice its limit.

All of this runs on one loop, between two awaits, so it needs no lock.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict

import anyio

from .limits import Limits, Patience
from .network import UnreachableError

__all__ = ["CONNECTING", "ConnectQueue"]

CONNECTING = 100


class _Waiter:
    """A call that waits.

    Attributes:
        limits: The limits of its request.
        entered: When it began to wait, as :func:`time.monotonic` counts.
        moved: Set when it has a place, or need wait no longer.
        has_place: Whether it may begin its attempt.
    """

    __slots__ = ("entered", "has_place", "limits", "moved")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.entered = time.monotonic()
        self.moved = anyio.Event()
        self.has_place = False


class ConnectQueue:
    """The calls that open a connection to one server, and those that wait to."""

    def __init__(self) -> None:
        self._free = CONNECTING
        self._waiting: OrderedDict[_Waiter, None] = OrderedDict()
        self._succeeded_at = -math.inf

    async def enter(self, limits: Limits) -> None:
        """Wait for a place, which must be left.

        Raises:
            UnreachableError: Time ran out.
        """
        if self._free > 0:
            self._free -= 1
            return
        waiter = _Waiter(limits)
        self._waiting[waiter] = None
        seconds = limits.left()
        try:
            if seconds == math.inf:
                await waiter.moved.wait()
            else:
                with anyio.move_on_after(max(seconds, 0)):
                    await waiter.moved.wait()
        except BaseException:
            if waiter.has_place:
                self.leave()
            raise
        finally:
            self._waiting.pop(waiter, None)
        if not waiter.has_place:
            raise UnreachableError("no connection to the server could be opened in time", timed_out=True)

    def leave(self) -> None:
        """Hand the place on."""
        if self._waiting:
            waiter, _ = self._waiting.popitem(last=False)
            waiter.has_place = True
            waiter.moved.set()
        else:
            self._free += 1

    def succeeded(self) -> None:
        """An attempt has made a connection."""
        self._succeeded_at = time.monotonic()

    def failed(self, patience: Patience) -> None:
        """An attempt has failed, whose time ``patience`` counts."""
        if not patience.is_over or self._succeeded_at > patience.began:
            return
        now = time.monotonic()
        for waiter in list(self._waiting):
            if waiter.limits.connected_by(waiter.entered) > now:
                return  # as those behind it, which entered later
            del self._waiting[waiter]
            waiter.moved.set()
