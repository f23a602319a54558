"""Keeps idle connections for further requests, in one stack per server.

Theory
------
A connection has exactly one owner: the call that uses it, or the stack of its server. Taking it pops it from the stack and
returning it pushes it, each by a single operation of a :class:`collections.deque`, which threads, signal handlers and finalizers
may interrupt anywhere. So there is no lock: nothing can stay locked after an exception between two byte codes or in a forked child,
nothing can deadlock, and the cost does not depend on the number of connections.

A connection without an owner has no references, and closes itself (see :mod:`.connection`). So an interrupted call does not leak
one, without any bookkeeping.

The pool has weak references to all connections, only to end the calls of those in use when it is closed.

The stack is last in, first out, so its oldest connections are at the bottom. An idle connection is dropped after
:data:`MAX_IDLE_SECONDS`, or when more than :data:`MAX_IDLE` of its server are newer. How many are open at once is not
limited.
"""

from __future__ import annotations

import time
import weakref
from collections import deque
from typing import Generic, TypeVar

from .connection import Connection

__all__ = ["MAX_IDLE", "MAX_IDLE_SECONDS", "IdleStack", "Pool"]

# Proxies in front of a server close idle connections, usually after a minute.
MAX_IDLE = 100
MAX_IDLE_SECONDS = 30.0

ConnectionT = TypeVar("ConnectionT", bound=Connection)


class IdleStack(Generic[ConnectionT]):
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
        """Take a usable connection, or ``None``; the caller then owns it."""
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
        """Return a connection for another request; the caller no longer owns it."""
        connection.idle_since = now = time.monotonic()
        self._idle.append(connection)
        while len(self._idle) > MAX_IDLE or self._idle_since(now) < now - MAX_IDLE_SECONDS:
            try:
                # Another thread may have popped the checked one; then a younger one is closed, which does no harm.
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
        generation: The number of times it was closed.
    """

    def __init__(self) -> None:
        self.generation = 0
        self._known: set[weakref.ref[ConnectionT]] = set()
        self._forget = self._known.discard

    def register(self, connection: ConnectionT) -> None:
        """Track a new connection until it is freed."""
        self._known.add(weakref.ref(connection, self._forget))

    @property
    def open(self) -> list[ConnectionT]:
        """The open connections, idle and in use."""
        known = [connection for ref in list(self._known) if (connection := ref()) is not None]
        return [connection for connection in known if not connection.closed]

    def close(self) -> None:
        """End the calls of the connections in use."""
        self.generation += 1
        for connection in self.open:
            connection.abort()
