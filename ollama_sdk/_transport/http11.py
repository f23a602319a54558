"""Connection pools whose HTTP/1.1 connections hand on all that one read brought of a body in one piece.

A server sends each item of a stream in an HTTP chunk of its own, and often many chunks at once. One by one, each passes every
layer above the parser, which costs more than parsing it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import h11
import httpcore

__all__ = ["MAX_HEAD_BYTES", "AsyncPool", "Batching", "Engine", "Pool"]

Engine = Callable[[], Any]

MAX_HEAD_BYTES = 100 * 1024  # as httpcore grants h11
_BODILESS = (204, 304)


class Batching:
    """h11's side of a client, with the parts of a body that are there already as one event.

    A large body of a known length does not pass h11 at all: it would be copied there three times.

    Args:
        large: From how many bytes on a body is large.
    """

    # Not a subclass: h11 asks for its own state several times an event, which would then cost a call each.

    def __init__(self, large: int = 1 << 20) -> None:
        self._from = large
        self._next: Any = None  # the event that came after those parts, or the exception
        self._large: _Large | None = None
        self._bodiless = False
        self._begin()

    def _begin(self) -> None:
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._connection = connection
        self._read: Callable[[], Any] = connection.next_event
        self.receive_data: Callable[[bytes], None] = connection.receive_data

    def send(self, event: h11.Event) -> bytes | None:
        if isinstance(event, h11.Request):
            self._bodiless = event.method == b"HEAD"
        return self._connection.send(event)

    @property
    def our_state(self) -> Any:
        return self._connection.our_state

    @property
    def their_state(self) -> Any:
        # An event that was not handed out yet does not count: a connection whose reader stops before the end is not used again.
        if self._next is not None:
            return h11.SEND_BODY
        state = self._connection.their_state if self._large is None else self._large.state
        # Nor is one on which more came than was asked for: it would be taken for the answer to the next request.
        return h11.MUST_CLOSE if state is h11.DONE and self.trailing_data[0] else state

    @property
    def trailing_data(self) -> tuple[bytes, bool]:
        return self._connection.trailing_data if self._large is None else (self._large.surplus, False)

    def start_next_cycle(self) -> None:
        if self._large is None:
            self._connection.start_next_cycle()
        else:
            self._large = None
            self._begin()

    def next_event(self) -> Any:
        event, self._next = self._next, None
        if event is None:
            event = self._read()
        elif isinstance(event, Exception):
            raise event
        kind = event.__class__
        if kind is h11.Data:
            return self._with_what_is_there(event)
        if kind is h11.Response and not self._bodiless and event.status_code not in _BODILESS:
            self._look_for_a_large_body(event)
        return event

    def _with_what_is_there(self, event: Any) -> Any:
        parts = [event.data]
        try:
            while (after := self._read()).__class__ is h11.Data:
                parts.append(after.data)
            self._next = after
        except h11.RemoteProtocolError as exc:
            self._next = exc
        return h11.Data(data=b"".join(parts)) if len(parts) > 1 else event

    def _look_for_a_large_body(self, response: h11.Response) -> None:
        headers = dict(response.headers)
        length = int(headers.get(b"content-length", 0))  # which h11 has checked
        if length >= self._from and b"transfer-encoding" not in headers:
            begun, _ = self._connection.trailing_data
            self._large = large = _Large(length, begun)
            self._read, self.receive_data = large.next_event, large.receive_data


class _Large:
    """A body of so many bytes, handed on as it is read.

    Attributes:
        state: As h11 names it.
        surplus: What came after the body.
    """

    def __init__(self, length: int, begun: bytes) -> None:
        self.state: Any = h11.SEND_BODY
        self.surplus = b""
        self._length = self._left = length
        self._there = b""
        self._is_closed = False
        if begun:
            self.receive_data(begun)

    def receive_data(self, data: bytes) -> None:
        if not data:
            self._is_closed = True
        elif len(data) > self._left:
            self.surplus += data[self._left :]
            data = data[: self._left]
        self._left -= len(data)
        self._there = self._there + data if self._there else data

    def next_event(self) -> Any:
        if self._there:
            data, self._there = self._there, b""
            return h11.Data(data=data)
        if not self._left:
            self.state = h11.DONE
            return h11.EndOfMessage()
        if self._is_closed:
            self.state = h11.ERROR
            raise h11.RemoteProtocolError(
                f"the connection was closed after {self._length - self._left} of {self._length} bytes of the body"
            )
        return h11.NEED_DATA


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
        unread: Bodies that are not closed yet. They keep the pool, which closes its connections when the last reference to it is gone.
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
