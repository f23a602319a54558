"""Keeps the connections that may carry another request, a stack for each server.

Theory
------
A connection has exactly one owner: the call that uses it, or the stack of its server. Taking pops it off the stack and
giving back pushes it, each a single operation of a :class:`collections.deque`, which threads, signal handlers and
finalizers may interrupt anywhere. So there is no lock: nothing can be left locked by an exception between two byte
codes or in a forked child, nothing can deadlock, and both cost the same beside one connection or ten thousand.

A connection without owner has no reference left and closes itself (see :mod:`.connection`). That, not bookkeeping, is
what keeps an interrupted call from leaking one.

The pool knows the connections in use only to end their calls when it is closed. It refers to them weakly.

The stack is last in, first out, so its oldest connections are at the bottom. An idle connection is dropped after
:data:`MAX_IDLE_SECONDS`, or when more than :data:`MAX_IDLE` of its server are newer. How many are open at once is not
limited.
"""

from __future__ import annotations

import time
import weakref
from collections import deque
from typing import Any, Generic, TypeVar

from .connection import Connection

__all__ = ["MAX_IDLE", "MAX_IDLE_SECONDS", "Pool", "Stack"]

# A server behind a proxy closes idle connections from its side, mostly after a minute.
MAX_IDLE = 100
MAX_IDLE_SECONDS = 30.0

ConnectionT = TypeVar("ConnectionT", bound=Connection)


class Stack(Generic[ConnectionT]):
    """The idle connections to one server.

    Args:
        pool: The pool that it belongs to.
    """

    __slots__ = ("_idle", "_pool")

    def __init__(self, pool: Pool[ConnectionT]) -> None:
        self._pool = pool
        self._idle: deque[ConnectionT] = deque()

    def __len__(self) -> int:
        return len(self._idle)

    def take(self) -> ConnectionT | None:
        """A connection that may carry a request now, or ``None``; it is the caller's."""
        oldest = time.monotonic() - MAX_IDLE_SECONDS
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.idle_since > oldest and not connection.is_stale():
                return connection
            connection.close()

    def give(self, connection: ConnectionT) -> None:
        """Keep a connection for another request; it is the caller's no longer."""
        connection.idle_since = now = time.monotonic()
        self._idle.append(connection)
        while len(self._idle) > MAX_IDLE or self._idle_since(now) < now - MAX_IDLE_SECONDS:
            try:
                # Another thread may have popped the one looked at; then a younger one is closed, which does no harm.
                self._idle.popleft().close()
            except IndexError:
                return

    def _idle_since(self, now: float) -> float:
        try:
            return self._idle[0].idle_since
        except IndexError:
            return now

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:
                return


class Pool(Generic[ConnectionT]):
    """The connections of one transport.

    Attributes:
        generation: How often it was closed.
    """

    def __init__(self) -> None:
        self.generation = 0
        self._in_use: dict[int, weakref.ref[ConnectionT]] = {}

    def register(self, connection: ConnectionT) -> None:
        """Know of a new connection until it is closed."""
        self._in_use[id(connection)] = weakref.ref(connection)
        connection.forget = self._forget

    def _forget(self, connection: Any) -> None:
        self._in_use.pop(id(connection), None)

    @property
    def open(self) -> list[ConnectionT]:
        """The open connections, idle and in use."""
        return [connection for ref in list(self._in_use.values()) if (connection := ref()) is not None]

    def close(self) -> None:
        """End the calls of the connections in use."""
        self.generation += 1
        for connection in self.open:
            connection.abort()
