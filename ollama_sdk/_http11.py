"""Connection pools whose HTTP/1.1 connections hand on all that one read brought of a body in one piece.

A server sends each item of a stream in an HTTP chunk of its own, and often many chunks at once. One by one, each passes every
layer above the parser, which costs more than parsing it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import h11
import httpcore

__all__ = ["MAX_HEAD_BYTES", "AsyncPool", "Batching", "Engine", "Pool"]

Engine = Callable[[], Any]

MAX_HEAD_BYTES = 100 * 1024  # as httpcore grants h11


class Batching(h11.Connection):
    """h11's side of a client, with the parts of a body that are there already as one event."""

    def __init__(self) -> None:
        super().__init__(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._next: Any = None  # the event that came after those parts, or the exception

    @property
    def their_state(self) -> Any:
        # What nobody was told yet has not happened: a connection whose reader stops before the end is not used again.
        if self._next is not None:
            return h11.SEND_BODY
        state = super().their_state
        # Nor is one on which more came than was asked for: it would be taken for the answer to the next request.
        return h11.MUST_CLOSE if state is h11.DONE and self.trailing_data[0] else state

    def next_event(self) -> Any:
        read = super().next_event
        event: Any
        event, self._next = self._next, None
        if event is None:
            event = read()
        elif isinstance(event, Exception):
            raise event
        if event.__class__ is not h11.Data:
            return event
        parts = [event.data]
        try:
            while (after := cast("Any", read())).__class__ is h11.Data:
                parts.append(after.data)
            self._next = after
        except h11.RemoteProtocolError as exc:
            self._next = exc
        return h11.Data(data=b"".join(parts)) if len(parts) > 1 else event


class _Swapping:
    """Gives a new HTTP/1.1 connection its other engine, in the moment it is made."""

    engine: Engine

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_connection":
            vars(value)["_h11_state"] = self.engine()
        super().__setattr__(name, value)


class _Connection(_Swapping, httpcore.HTTPConnection):
    pass


class _AsyncConnection(_Swapping, httpcore.AsyncHTTPConnection):
    pass


class Pool(httpcore.ConnectionPool):
    """A pool whose connections, but for those through a proxy, have an ``engine`` that behaves as :class:`h11.Connection`.

    Attributes:
        unread: Bodies that are not closed yet. They keep the pool, which closes its connections when nobody keeps it.
        closed: Whether it was closed, under the calls that are still on their way.
    """

    def __init__(self, engine: Engine, **options: Any) -> None:
        super().__init__(**options)
        self._engine = engine
        self.unread: set[Iterator[bytes]] = set()
        self.closed = False

    def close(self) -> None:
        self.closed = True
        super().close()

    def __del__(self) -> None:
        self.close()

    def create_connection(self, origin: httpcore.Origin) -> httpcore.ConnectionInterface:
        connection = super().create_connection(origin)
        if type(connection) is httpcore.HTTPConnection:
            connection.__class__ = _Connection
            vars(connection)["engine"] = self._engine
        return connection


class AsyncPool(httpcore.AsyncConnectionPool):
    """As :class:`Pool`, on asyncio and trio, but closed only by :meth:`aclose`."""

    def __init__(self, engine: Engine, **options: Any) -> None:
        super().__init__(**options)
        self._engine = engine
        self.unread: set[AsyncIterator[bytes]] = set()
        self.closed = False

    async def aclose(self) -> None:
        self.closed = True
        await super().aclose()

    def create_connection(self, origin: httpcore.Origin) -> httpcore.AsyncConnectionInterface:
        connection = super().create_connection(origin)
        if type(connection) is httpcore.AsyncHTTPConnection:
            connection.__class__ = _AsyncConnection
            vars(connection)["engine"] = self._engine
        return connection
