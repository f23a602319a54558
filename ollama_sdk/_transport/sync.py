"""Sends requests and reads responses with blocking sockets.

Theory
------
A read is one system call, whether or not it must wait for data: the socket blocks, and the system itself ends the call after at most
:data:`SLICE` seconds (``SO_RCVTIMEO``), or earlier if the deadline is nearer. Then the deadline is read again, because it may have
changed: a paused stream has none. If the system has no such option, the socket's own timeout does the same with one more call.

A signal ends the system call early, and Python then restarts it with the whole time: a timer that fires more often than every slice
would defer the deadline for ever. So if the program handles the signals of timers, a read first waits by ``poll``, for which Python
counts the time across signals.

Shutting the socket down wakes a blocked reader at once. ``cancel()`` and ``close()`` of a stream do so from other threads and signal
handlers, and so does closing the client.

Writes do not block. If the system takes no more, the thread waits until it does, or until the server sends something: a response
that comes before the whole request has been sent is read and delivered.
"""

from __future__ import annotations

import contextlib
import math
import select
import socket
import ssl
import struct
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Self, cast

import httpx

from .connection import READ, Connection, Whole, shared_headers
from .errors import closed_meanwhile, connect_error
from .limits import Ask, Limits
from .network import connect, resolve, time_left
from .pool import Pool
from .request import PIECE, RequestWriter, pieces
from .response import HEAD_TAKEN, Head
from .route import PathLike, ProxyLike, Route, Routes

__all__ = ["SLICE", "HTTPTransport"]

# A blocked read checks its deadline again after this many seconds at the latest.
SLICE = 1.0
_SHORTEST = 0.001  # of nothing at all the system makes no end
_NOW = getattr(socket, "MSG_DONTWAIT", 0)
# ``signal`` itself makes an enumeration of a result, at ten times the cost, and of all its names when it is imported.
_signal: Any = import_module("_signal")
_getsignal: Callable[[int], object] = _signal.getsignal
# Those of timers; where a system lacks one, Python itself counts the time of a read.
_ALARM, _PROF, _VTALRM = (getattr(_signal, name, 0) for name in ("SIGALRM", "SIGPROF", "SIGVTALRM"))
_HAS_RECEIVE_TIMEOUT = bool(_NOW) and sys.platform != "win32"


class SyncConnection(Connection):
    """A connection for threads."""

    __slots__ = ("_slice",)

    def __init__(self) -> None:
        super().__init__()
        self._slice = 0.0

    def ready(self) -> None:
        """Switch to blocking reads, after the connection was made."""
        self.socket.setblocking(True)
        self._set_slice(SLICE)

    def _set_slice(self, seconds: float) -> None:
        self._slice = seconds = min(max(seconds, _SHORTEST), SLICE)
        if _HAS_RECEIVE_TIMEOUT:
            whole = int(seconds)
            interval = struct.pack("@ll", whole, int((seconds - whole) * 1e6))
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, interval)
        else:
            self.socket.settimeout(seconds)

    def receive(self, ask: Ask) -> None:
        """Read the next bytes, or the end, into the response.

        Raises:
            httpx.ReadTimeout: No data came in time.
            httpx.ReadError: The connection broke.
        """
        while True:
            seconds = ask()
            if seconds < self._slice:
                if seconds <= 0:
                    raise httpx.ReadTimeout("time is up")
                self._set_slice(seconds)
            if _HAS_RECEIVE_TIMEOUT and not (  # SIG_DFL and SIG_IGN are numbers: all else handles a signal
                _getsignal(_ALARM).__class__ is _getsignal(_PROF).__class__ is _getsignal(_VTALRM).__class__ is int
                or _wait(self.socket, min(seconds, SLICE), write=False)[0]
            ):
                continue
            try:
                data = self.socket.recv(self.most)
            except (BlockingIOError, TimeoutError) as exc:
                if isinstance(exc, TimeoutError) and exc.errno is not None:  # the other side is gone for long
                    raise httpx.ReadError(str(exc)) from exc
                self._set_slice(ask())
                continue
            except OSError as exc:
                raise httpx.ReadError(str(exc)) from exc
            if data and self.tls is None:
                self.response.feed(data)  # as received(), without two calls for each item
                return
            if self.received(data):
                return

    def send(self, data: bytes | memoryview, limits: Limits) -> bool:
        """Send ``data``. Returns whether to send more: not if the response has come already, or the server has stopped reading.

        Raises:
            httpx.WriteTimeout: The server accepted no data for too long.
        """
        if self.tls is not None:
            data = self.tls.encrypt(data)
        left = memoryview(data)
        while left:
            try:
                count = self.socket.send(left, _NOW)
            except (BlockingIOError, TimeoutError):
                if not self._wait_to_send(limits):
                    return False
                continue
            except OSError:
                return False  # what the server said before it closed the connection is still to be read
            self.bytes_sent += count
            left = left[count:]
        return True

    def _wait_to_send(self, limits: Limits) -> bool:
        ask = limits.write()
        while True:
            seconds = ask()
            if seconds <= 0:
                raise httpx.WriteTimeout("time is up")
            readable, writable = _wait(self.socket, min(seconds, SLICE), write=True)
            if readable and self.early_answer():
                return False
            if writable:
                return True

    def early_answer(self) -> bool:
        """Whether the server has answered before the whole request was sent; does not wait."""
        if self._is_readable():
            try:
                self.received(self.socket.recv(READ, _NOW))
            except (BlockingIOError, TimeoutError):
                pass
            except OSError as exc:
                raise httpx.ReadError(str(exc)) from exc
        return self.answered_early()


def _wait(sock: socket.socket, seconds: float, *, write: bool) -> tuple[bool, bool]:
    """Whether the socket became readable, and writable, within ``seconds``."""
    if not hasattr(select, "poll"):
        ready = select.select([sock], [sock] if write else [], [], None if seconds == math.inf else seconds)
        return bool(ready[0]), bool(ready[1])
    poll = select.poll()
    poll.register(sock, select.POLLIN | (select.POLLOUT if write else 0))
    happened = 0
    for _, event in poll.poll(None if seconds == math.inf else math.ceil(seconds * 1000)):
        happened |= event
    broken = happened & (select.POLLERR | select.POLLHUP | select.POLLNVAL)
    return bool(happened & select.POLLIN or broken), bool(happened & select.POLLOUT or broken)


class HTTPTransport(httpx.BaseTransport):
    """HTTP/1.1 over this package's own connections, for threads.

    It replaces :class:`httpx.HTTPTransport`: ``Ollama(transport=HTTPTransport(...))``, and also ``httpx.Client(transport=...)``. A
    client makes one by default; make it yourself for the arguments below. It pickles without its connections, if its arguments
    pickle.

    Args:
        ssl_context: Certificates and versions for ``https``. For a client certificate call its ``load_cert_chain``; for your own
            certificate authority its ``load_verify_locations``.
        proxy: The URL of a proxy for all servers: ``http``, ``https`` or ``socks5``, with user name and password if it needs
            them. ``None`` reads the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY), except for this machine itself.
        trust_env: Whether to read a proxy from the environment.
        uds: The path of a Unix socket on which the server listens; the host in URLs is then ignored.

    Raises:
        ConfigurationError: An argument cannot work, or ``proxy`` and ``uds`` are both given.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxy: ProxyLike | None = None,
        trust_env: bool = True,
        uds: PathLike | None = None,
    ) -> None:
        self._arguments = {"ssl_context": ssl_context, "proxy": proxy, "trust_env": trust_env, "uds": uds}
        self._pool: Pool[SyncConnection] = Pool()
        self._routes = Routes(self._pool, ssl_context=ssl_context, proxy=proxy, trust_env=trust_env, uds=uds)

    def __reduce__(self) -> tuple[object, ...]:
        return _unpickled, (type(self), self._arguments)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` and return as soon as the head of the response has arrived."""
        try:
            return self._handle(request)
        except httpx.RequestError as exc:
            exc.request = request
            raise

    def _handle(self, request: httpx.Request) -> httpx.Response:
        route = self._routes.of(request.url)
        writer = route.writer(request)
        limits = Limits(request)
        connection = route.stack.take()
        if connection is not None:
            connection.reused = True
            response = self._send(connection, route, writer, request, limits)
            if response is not None:
                return response
            writer = route.writer(request)
        connection = self._connect(route, request, limits)
        response = self._send(connection, route, writer, request, limits)
        assert response is not None  # noqa: S101 - only what was sent on a used connection is sent again
        return response

    def _connect(self, route: Route[SyncConnection], request: httpx.Request, limits: Limits) -> SyncConnection:
        ask = limits.connecting()
        generation = self._pool.generation
        connection = SyncConnection()
        try:
            time_left(ask)
            addresses = route.addresses or resolve(route.host, route.port)
            connection.attach(connect(addresses, ask))
            self._pool.register(connection)
            if route.needs_handshake:
                _shake_hands(connection, route, ask)
            connection.ready()
            if self._pool.generation != generation:
                raise closed_meanwhile(request)
        except BaseException as exc:
            connection.close()
            if not isinstance(exc, Exception):
                raise
            error = connect_error(exc, route) if self._pool.generation == generation else closed_meanwhile(request)
            try:
                raise error from exc
            finally:
                del error  # or its traceback would keep it, and all that the callers' frames hold
        return connection

    def _send(
        self,
        connection: SyncConnection,
        route: Route[SyncConnection],
        writer: RequestWriter,
        request: httpx.Request,
        limits: Limits,
    ) -> httpx.Response | None:
        """Return the response; ``None`` if no byte of the request was sent, so that it can be sent again."""
        try:
            head = _exchange(connection, writer, request, limits)
            response = connection.response
            headers = shared_headers(tuple(head.headers))
            body: httpx.SyncByteStream
            extensions: dict[str, Any] = {"http_version": head.version, "reason_phrase": head.reason}
            # The body of a stream holds its connection also if all of it is there: streams do not differ by chance.
            if response.complete and connection.sent and not request.extensions.get("stream"):
                body = Whole(b"".join(response.body))
                _release(connection, route)
                return httpx.Response(head.status, headers=headers, stream=body, extensions=extensions)
            body = _Body(connection, route, request, limits)
            extensions["network_stream"] = body
            return httpx.Response(head.status, headers=headers, stream=body, extensions=extensions)
        except BaseException as exc:
            again = isinstance(exc, httpx.TransportError) and connection.never_left(request)
            connection.close()
            if connection.aborted and isinstance(exc, httpx.TransportError):
                raise closed_meanwhile(request) from None
            if again:
                return None
            raise

    def close(self) -> None:
        """End the calls in flight and close every connection; a later call opens new ones."""
        self._pool.close()
        self._routes.close()

    def __enter__(self) -> Self:
        return self


def _unpickled(kind: type[HTTPTransport], arguments: dict[str, object]) -> HTTPTransport:
    return kind(**arguments)  # type: ignore[arg-type]


def _shake_hands(connection: SyncConnection, route: Route[SyncConnection], ask: Ask) -> None:
    handshake = route.handshake(connection)
    with contextlib.suppress(StopIteration):
        send = next(handshake)
        while True:
            left = memoryview(send)
            while left:
                _wait_until(connection.socket, ask, write=True)
                left = left[connection.socket.send(left) :]
            connection.bytes_sent += len(send)
            while True:
                _wait_until(connection.socket, ask, write=False)
                with contextlib.suppress(BlockingIOError):
                    received = connection.socket.recv(READ)
                    break
            send = handshake.send(received)


def _wait_until(sock: socket.socket, ask: Ask, *, write: bool) -> None:
    while True:
        readable, writable = _wait(sock, min(time_left(ask), SLICE), write=write)
        if writable if write else readable:
            return


def _exchange(connection: SyncConnection, writer: RequestWriter, request: httpx.Request, limits: Limits) -> Head:
    """Send the request and read the head of its response."""
    response = connection.begin(request.method)
    stream = request.stream
    if type(stream) is httpx.ByteStream:
        data = writer.in_one_piece(stream)
        is_long = len(data) > PIECE
        connection.sent = _send_large(connection, data, limits) if is_long else connection.send(data, limits)
    else:
        is_long = True
        connection.sent = _send_stream(connection, writer, cast("httpx.SyncByteStream", stream), limits)
    if is_long:
        limits.write()  # the limit of the first item starts anew, however long the source and this side took
    while (head := response.head) is None:
        if response.problem:
            raise httpx.RemoteProtocolError(response.problem)
        connection.receive(limits.read())
    response.head = HEAD_TAKEN
    return head


def _send_large(connection: SyncConnection, data: bytes, limits: Limits) -> bool:
    for number, piece in enumerate(pieces(data)):
        if (number and connection.early_answer()) or not connection.send(piece, limits):
            return False
    return True


def _send_stream(
    connection: SyncConnection, writer: RequestWriter, stream: httpx.SyncByteStream, limits: Limits
) -> bool:
    unsent = writer.head
    for chunk in stream:
        if (not unsent and connection.early_answer()) or not _send_large(
            connection, unsent + writer.frame(chunk), limits
        ):
            return False
        unsent = b""
    return _send_large(connection, unsent + writer.end(), limits)


def _release(connection: SyncConnection, route: Route[SyncConnection]) -> None:
    if connection.is_reusable:
        connection.response.discard()
        route.stack.give(connection)
    else:
        connection.close()


class _Body(httpx.SyncByteStream):
    """The body of a response, which owns the connection until it is closed.

    It is also the ``network_stream``, so that the socket cannot be reached after the connection was returned to the pool.
    """

    def __init__(
        self, connection: SyncConnection, route: Route[SyncConnection], request: httpx.Request, limits: Limits
    ) -> None:
        self._connection: SyncConnection | None = connection
        self._response = connection.response
        self._route = route
        self._request = request
        self._limits = limits
        if not request.extensions.get("stream"):
            connection.read_whole()

    @property
    def watches_deadlines(self) -> bool:
        """Whether it asks for the remaining seconds of a call before each read."""
        return self._limits.live_read is not None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        response = self._response
        body = response.body
        while not body:
            if response.complete:
                raise StopIteration
            connection = self._connection
            try:
                if connection is None:
                    raise httpx.ReadError("the response was closed")
                if response.problem:
                    raise httpx.RemoteProtocolError(response.problem)
                connection.receive(self._limits.live_read or self._limits.read())
            except BaseException as exc:  # also if the wait was cancelled or interrupted: the server is to stop now
                self.close()
                if isinstance(exc, httpx.RequestError):
                    if connection is not None and connection.aborted:
                        raise closed_meanwhile(self._request) from None
                    exc.request = self._request
                raise
        if len(body) == 1:
            return body.pop()
        data = b"".join(body)
        body.clear()
        return data

    def get_extra_info(self, name: str) -> object:
        connection = self._connection
        return None if connection is None else connection.get_extra_info(name)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            _release(connection, self._route)
