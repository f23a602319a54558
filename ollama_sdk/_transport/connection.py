r"""One HTTP/1.1 connection: who owns it, what may come next, and when it may carry another request.

Theory
------
A connection is made open and ends closed. In between it goes round::

    IDLE --begin()--> SENDING --sent--> RECEIVING --response complete--> DONE --release()--> IDLE
      \__________________\__________________\___________________________\------close()---> CLOSED

- IDLE: owned by the stack of its server, in the pool. The server has nothing to say: a byte, or the end, makes it
  stale.
- SENDING and RECEIVING: owned by one call. They overlap: a server may answer before it has the whole request. Such an
  answer is delivered, and the connection is then closed, because the rest of the request was never sent.
- DONE: the whole request was sent and the whole response read, with no byte left over. Only from here it goes back to
  IDLE; ``is_reusable`` is the one place that says so.

Ownership is a reference. The call, and after it the body of its response, hold the connection; the pool holds it while
it is idle; nothing else does. When an exception, a cancellation or a forgotten response drops the last reference,
``__del__`` closes the socket; and if that is interrupted too, the interpreter closes it. So a connection cannot leak,
at whichever line its call was left.

Closing is synchronous, takes no lock and may be repeated, so it can happen in a cancelled task, a finalizer, a signal
handler and from any thread. :meth:`Connection.abort` is for those who do not own the connection: it ends both
directions of the socket, which wakes a reader or writer, and leaves the closing of the file descriptor to the owner.
Otherwise the number of the descriptor could already belong to another file when the owner reads from it.

A forked child inherits descriptors of connections that go on in the parent. It counts forks, and so notices that the
connection was born before the last one; it then closes only its own copies and never shuts a connection down.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Self

import httpx

from .response import ResponseParser, parser_class

if TYPE_CHECKING:
    from .tls import TLS

__all__ = ["READ", "Connection", "Whole", "deliver"]

# Bytes that one read brings at most. The items of twice as many, alive at once, would be enough to set the garbage collector off.
READ = 32768


_Socket = socket.socket  # by another name where ``socket`` is an attribute


class _Forks:
    """How many forks lie between the first process and this one."""

    count = 0


def _forked() -> None:
    _Forks.count += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def deliver(response: ResponseParser, tls: TLS | None, data: bytes | memoryview) -> bool:
    """Hand ``response`` what was received, or the end of the connection; whether that brought it anything.

    Args:
        response: The response that is being read.
        tls: What decrypts it.
        data: What was received; ``b""`` is the end.
    """
    if tls is None or not data:
        if data:
            response.feed(data)
        else:
            response.end()
        return True
    plain = tls.decrypt(data)
    if plain:
        response.feed(plain)
    if tls.failure and not response.complete:
        response.problem = response.problem or tls.failure
        return True
    if tls.ended:
        response.end()
        return True
    return bool(plain)


class Connection:
    """What the connections of threads, of asyncio and of trio have in common.

    Attributes:
        socket: The connected socket.
        tls: What encrypts it, if anything does.
        response: The response that is being read.
        sent: Whether the whole request was sent.
        aborted: Whether the client was closed under the call.
        bytes_sent: How many bytes it has taken from its calls, as they go over the network.
        closed: Whether it is closed.
        idle_since: When it was given back, as :func:`time.monotonic` counts.
        reused: Whether it has carried a request before this one.
        forget: Called when it closes.
    """

    __slots__ = (
        "__weakref__",
        "_born_in",
        "_parser",
        "_poll",
        "_sent_before",
        "aborted",
        "bytes_sent",
        "closed",
        "forget",
        "idle_since",
        "response",
        "reused",
        "sent",
        "socket",
        "tls",
    )

    response: ResponseParser
    socket: _Socket

    def __init__(self) -> None:
        self.closed = True  # until there is something to close
        self.forget: Callable[[Connection], None] | None = None
        self._born_in = _Forks.count
        self.aborted = False
        self.sent = False
        self.reused = False
        self.idle_since = 0.0
        self.tls: TLS | None = None
        self._parser = parser_class()
        self.bytes_sent = self._sent_before = 0

    def attach(self, sock: _Socket) -> None:
        """Own a connected socket from now on.

        The socket is younger than the connection. Of a cycle, the garbage collector finalizes the older object first;
        the other way round the socket would warn that it was left open.
        """
        self.socket = sock
        self.closed = False
        self._poll = _Readable(sock)

    def begin(self, method: str) -> ResponseParser:
        """A request is about to be sent."""
        self.sent = False
        self._sent_before = self.bytes_sent
        self.response = response = self._parser(method == "HEAD")
        return response

    @property
    def is_reusable(self) -> bool:
        """Whether it may carry another request."""
        response = self.response
        return (
            self.sent
            and response.complete
            and response.reusable
            and not (self.closed or self.aborted)
            and (self.tls is None or not (self.tls.pending or self.tls.ended))
        )

    def is_stale(self) -> bool:
        """Whether an idle connection is of no use: the server closed it, or sent what is no answer to anything."""
        return self.closed or self.aborted or self.is_inherited or self._poll()

    @property
    def is_inherited(self) -> bool:
        """Whether this process has it from its parent, by a fork: then it goes on there."""
        return self._born_in != _Forks.count

    def received(self, data: bytes) -> bool:
        """Hand the response what was read, or the end, as ``b""``; whether that brought it anything.

        Raises:
            httpx.ReadError: The end is of this side's own making.
        """
        if not data and (self.aborted or self.closed):
            raise httpx.ReadError("the connection was closed on this side")
        return deliver(self.response, self.tls, data)

    def answered_early(self) -> bool:
        """Whether the response has come, or can no longer come, while the request is being sent."""
        return self.response.head is not None or bool(self.response.problem)

    def never_left(self, request: httpx.Request) -> bool:
        """Whether nothing of ``request`` was sent, as the connection had ended just before, and it can be sent again.

        What the system has taken may have reached the server, acknowledged or not; that is never sent again here.
        """
        return (
            self.reused
            and self.bytes_sent == self._sent_before
            and bool(request.extensions.get("rewinds", type(request.stream) is httpx.ByteStream))
        )

    def get_extra_info(self, name: str) -> Any:
        """As httpcore's network streams: ``socket``, ``ssl_object``, ``client_addr`` and ``server_addr``."""
        with contextlib.suppress(OSError):
            if name == "socket":
                return self.socket
            if name == "ssl_object":
                return None if self.tls is None else self.tls.object
            if name == "client_addr":
                return self.socket.getsockname()
            if name == "server_addr":
                return self.socket.getpeername()
        return None

    def abort(self) -> None:
        """The client is being closed: end the call that uses the connection; its owner closes it."""
        self.aborted = True
        self._shut_down()

    def close(self) -> None:
        """Close it; may be called from anywhere, and again."""
        if self.closed:
            return
        self.closed = True
        if self.forget is not None:
            self.forget(self)
        with contextlib.suppress(AttributeError):  # before its first request
            self.response.discard()
        self._shut_down()
        self._close()

    def _shut_down(self) -> None:
        if not self.is_inherited:
            with contextlib.suppress(OSError):  # gone already
                self.socket.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        self.socket.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # the interpreter may be ending, and half of it gone
            self.close()


class _Readable:
    """Asks without waiting whether a socket has something to read, be it the end."""

    __slots__ = ("_ask", "_socket")

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._ask: Any = None  # made when it is needed: a connection that carries one long stream never does

    def __call__(self) -> bool:
        if not hasattr(select, "poll"):
            return bool(select.select([self._socket], [], [], 0)[0])
        if self._ask is None:
            ask = select.poll()
            ask.register(self._socket, select.POLLIN)
            self._ask = ask
        return bool(self._ask.poll(0))


class Whole(httpx.ByteStream):
    """A body that is there. Its iterator is no generator: one that is left half-way is a warning on trio."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._data = data

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Once(self._data)


class _Once:
    def __init__(self, data: bytes) -> None:
        self._data: bytes | None = data

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        data, self._data = self._data, None
        if data is None:
            raise StopAsyncIteration
        return data
