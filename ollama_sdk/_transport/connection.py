r"""One HTTP/1.1 connection: its owner, its states, and when it may carry another request.

Theory
------
A connection starts open and ends closed. In between it cycles through these states::

    IDLE --begin()--> SENDING --sent--> RECEIVING --response complete--> DONE --release()--> IDLE
      \__________________\__________________\___________________________\------close()---> CLOSED

- IDLE: owned by the stack of its server, in the pool. No data is expected: a byte, or the end, makes it stale.
- SENDING and RECEIVING: owned by one call. They overlap: a server may answer before it has the whole request. Such an answer is
  delivered, and the connection is then closed, because the rest of the request was not sent.
- DONE: the whole request was sent and the whole response read, without further bytes. Only from here it returns to IDLE, if
  ``is_reusable`` allows it.

Ownership is a reference. The call, and later the body of its response, hold the connection; the pool holds it while it is idle;
nothing else does. If an exception, a cancellation or a dropped response removes the last reference, ``__del__`` closes the socket;
and if that is interrupted, the interpreter closes it. So a connection cannot leak, wherever its call ends.

Closing is synchronous, takes no lock and may be repeated, so it can happen in a cancelled task, a finalizer, a signal handler and
in any thread. :meth:`Connection.abort` is for code that does not own the connection: it shuts both directions of the socket down,
which wakes a reader or writer, and leaves closing the file descriptor to the owner. Otherwise the number of the descriptor could
belong to another file when the owner reads from it.

A forked child inherits descriptors of connections that go on in the parent. It compares the count of forks with that at the
birth of the connection; it then closes only its own copies and never shuts a connection down.
"""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import httpx

from ollama_sdk._concurrency.forks import Forks

from .response import ResponseParser, parser_class

if TYPE_CHECKING:
    from .tls import TLS

__all__ = ["READ", "READ_OF_WHOLE", "Connection", "Whole", "deliver", "shared_headers"]

# The most bytes that one read returns. The items of twice as many bytes, alive at once, would start the garbage collector.
READ = 32768
READ_OF_WHOLE = 262144  # of a body in one piece that did not come with its head


_Socket = socket.socket  # by another name where ``socket`` is an attribute


@lru_cache(maxsize=16)
def shared_headers(received: tuple[tuple[bytes, bytes], ...]) -> httpx.Headers:
    """The headers of a response. Those of many responses are equal, and open streams share them in memory.

    Args:
        received: Names and values, as they were received.
    """
    return httpx.Headers(received)


def deliver(response: ResponseParser, tls: TLS | None, data: bytes | memoryview) -> bool:
    """Feed received bytes, or the end of the connection, to ``response``. Returns whether it has new data.

    Args:
        response: The response that is being read.
        tls: Decrypts the bytes, if the connection is encrypted.
        data: The received bytes; ``b""`` is the end.
    """
    if tls is None:
        if data:
            response.feed(data)
        else:
            response.end()
        return True
    plain = tls.decrypt(data)
    if plain:
        response.feed(plain)
    if tls.failure and not (tls.ended or response.complete):
        response.problem = response.problem or tls.failure
        return True
    if tls.ended or not data:
        was_complete = response.complete
        response.end()
        if response.complete and not (was_complete or tls.ended):
            # Only TLS can say that this is the end: anyone on the way can close a connection (RFC 9112, section 9.8).
            response.complete = False
            response.problem = "the connection ended before TLS announced the end of the response"
        return True
    return bool(plain)


class Connection:
    """The base of connections for threads, asyncio and trio.

    Attributes:
        socket: The connected socket.
        tls: Encrypts it, if it is encrypted.
        response: The response that is being read.
        most: The most bytes that the next read returns.
        sent: Whether the whole request was sent.
        aborted: Whether the client was closed during the call.
        bytes_sent: The bytes of its calls, in the form in which the network transports them.
        closed: Whether it is closed.
        idle_since: When it was returned to the pool, by :func:`time.monotonic`.
        reused: Whether it has carried a request before this one.
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
        "idle_since",
        "most",
        "response",
        "reused",
        "sent",
        "socket",
        "tls",
    )

    response: ResponseParser
    most: int
    socket: _Socket

    def __init__(self) -> None:
        self.closed = True  # until there is something to close
        self._born_in = Forks.count
        self.aborted = False
        self.sent = False
        self.reused = False
        self.idle_since = 0.0
        self.tls: TLS | None = None
        self._parser = parser_class()
        self.bytes_sent = self._sent_before = 0

    def attach(self, sock: _Socket) -> None:
        """Take ownership of a connected socket.

        The socket must be younger than the connection: in a cycle, the garbage collector finalizes older objects first, and a
        socket that is finalized before its connection warns that it was left open.
        """
        self.socket = sock
        self.closed = False
        self._poll: Any = None  # made when it is needed: a connection that carries one long stream never does

    def begin(self, method: str) -> ResponseParser:
        """Prepare for a request."""
        self.sent = False
        self.most = READ
        self._sent_before = self.bytes_sent
        self.response = response = self._parser(method == "HEAD")
        if self.tls is not None and self.tls.pending and (early := self.tls.decrypt(b"")):
            response.feed(early)  # it came together with the end of the handshake
        return response

    def read_whole(self) -> None:
        """Read the rest of the response in larger pieces, because it is not a stream."""
        self.most = READ_OF_WHOLE

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
        """Whether an idle connection is unusable: the server has closed it, or sent unexpected bytes."""
        return self.closed or self.aborted or self.is_inherited or self._is_readable()

    @property
    def is_inherited(self) -> bool:
        """Whether this process has it from its parent, by a fork: then it goes on there."""
        return self._born_in != Forks.count

    def received(self, data: bytes) -> bool:
        """Feed received bytes, or ``b""`` for the end, to the response. Returns whether it has new data.

        Raises:
            httpx.ReadError: This side has ended the connection.
        """
        if not data and (self.aborted or self.closed):
            raise httpx.ReadError("the connection was closed on this side")
        has_new = deliver(self.response, self.tls, data)
        # While the request is being sent, its next part takes the answer along.
        if self.tls is not None and self.sent and (answer := self.tls.answer()):
            self._answer(answer)
        return has_new

    def _answer(self, data: bytes) -> None:
        try:
            count = self.socket.send(data, getattr(socket, "MSG_DONTWAIT", 0))
        except BlockingIOError:
            count = 0
        except OSError:
            return  # what the server said before it closed the connection is still to be read
        self.bytes_sent += count
        if count < len(data):
            raise httpx.ReadError("the server does not take what TLS has to answer")

    def answered_early(self) -> bool:
        """Whether the response has come while the request is being sent, or cannot come any more."""
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
        """End the call that uses the connection, because the client is being closed; the owner closes the connection."""
        self.aborted = True
        self._shut_down()

    def close(self) -> None:
        """Close it; may be called from anywhere, and again."""
        if self.closed:
            return
        self.closed = True
        with contextlib.suppress(AttributeError):  # before its first request
            self.response.discard()
        self._shut_down()
        self._close()

    def _is_readable(self) -> bool:
        """Whether the socket has data or has ended; does not wait."""
        if not hasattr(select, "poll"):
            return bool(select.select([self.socket], [], [], 0)[0])
        if self._poll is None:
            poll = select.poll()
            poll.register(self.socket, select.POLLIN)
            self._poll = poll
        return bool(self._poll.poll(0))

    def _shut_down(self) -> None:
        if not self.is_inherited:
            with contextlib.suppress(OSError):  # gone already
                self.socket.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        self.socket.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # the interpreter may be ending, and half of it gone
            self.close()


class Whole(httpx.ByteStream):
    """A body in memory. Its iterator is not a generator, because trio warns about one that is not closed."""

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
