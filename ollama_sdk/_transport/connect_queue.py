"""Limits how many connections to one server the tasks of an event loop open at once.

Theory
------
At most :data:`CONNECTING` attempts run at once, because more would overflow the server's queue and then time out. The other calls
wait, first in, first out, and a free place goes to the first of them.

The connect limit starts with a call's own attempt, so a waiting call has no timer for it. The wait ends in one of three ways:

- the call gets a place;
- the limit of the whole call, or of its first item, passes;
- an attempt has timed out, no attempt has succeeded since it began, and the call has waited for as long as its own connect limit:
  the server is considered unreachable. So an unreachable server costs a call at most twice its limit.

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


class _WaitingCall:
    """A waiting call.

    Attributes:
        limits: The limits of its request.
        entered: When it began to wait, by :func:`time.monotonic`.
        moved: Set when the wait has ended.
        has_place: Whether it may start its attempt.
    """

    __slots__ = ("entered", "has_place", "limits", "moved")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.entered = time.monotonic()
        self.moved = anyio.Event()
        self.has_place = False


class ConnectQueue:
    """The calls that open a connection to one server, and those that wait for a place."""

    def __init__(self) -> None:
        self._free = CONNECTING
        self._waiting: OrderedDict[_WaitingCall, None] = OrderedDict()
        self._succeeded_at = -math.inf

    async def enter(self, limits: Limits) -> None:
        """Wait for a place; :meth:`leave` must be called afterwards.

        Raises:
            UnreachableError: The time has passed.
        """
        if self._free > 0:
            self._free -= 1
            return
        waiter = _WaitingCall(limits)
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
        """Pass the place to the next call."""
        if self._waiting:
            waiter, _ = self._waiting.popitem(last=False)
            waiter.has_place = True
            waiter.moved.set()
        else:
            self._free += 1

    def succeeded(self) -> None:
        """Note that an attempt has made a connection."""
        self._succeeded_at = time.monotonic()

    def failed(self, patience: Patience) -> None:
        """Note that an attempt has failed, whose time ``patience`` counts."""
        if not patience.is_over or self._succeeded_at > patience.began:
            return
        now = time.monotonic()
        for waiter in list(self._waiting):
            if waiter.limits.connected_by(waiter.entered) > now:
                return  # as those behind it, which entered later
            del self._waiting[waiter]
            waiter.moved.set()
