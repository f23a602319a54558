"""Sends requests and reads responses on asyncio and trio.

The differences between the two are in :mod:`._asyncio` and :mod:`._trio`, which are imported at the first call on such a loop.
Connections belong to the loop that opened them; on another loop, a transport drops the earlier connections, which closes them,
and starts with new ones.

Any await may be cancelled. Each is in a ``try`` that closes the connection without awaiting, or is at a place where the connection
has no other owner yet, so that dropping it closes it (see :mod:`.connection`).
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Any, Self, cast

import httpx

from .connection import Whole, shared_headers
from .errors import closed_meanwhile, connect_error
from .limits import Limits
from .network import TunnelError, UnreachableError
from .pool import Pool
from .request import PIECE, RequestWriter, pieces
from .response import HEAD_TAKEN, Head
from .route import PathLike, ProxyLike, Route, Routes

if TYPE_CHECKING:
    from ._asyncio import AsyncioConnection, AsyncioNetwork
    from ._trio import TrioConnection, TrioNetwork

    AsyncConnection = AsyncioConnection | TrioConnection

__all__ = ["SLICES", "AsyncHTTPTransport"]

# An attempt to connect gets at least this many iterations of its loop before it times out.
SLICES = 10


class AsyncHTTPTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 over this package's own connections, for asyncio and trio. See :class:`.sync.HTTPTransport`."""

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxy: ProxyLike | None = None,
        trust_env: bool = True,
        uds: PathLike | None = None,
    ) -> None:
        self._arguments = {"ssl_context": ssl_context, "proxy": proxy, "trust_env": trust_env, "uds": uds}
        self._pool: Pool[Any] = Pool()
        self._routes: Routes[Any] = Routes(
            self._pool, ssl_context=ssl_context, proxy=proxy, trust_env=trust_env, uds=uds
        )
        self._network: AsyncioNetwork | TrioNetwork | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return _unpickled, (type(self), self._arguments)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` and return as soon as the head of the response has arrived."""
        try:
            return await self._handle(request)
        except httpx.RequestError as exc:
            exc.request = request
            raise

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        network = self._network
        if network is None or not network.is_current:
            self._routes.close()
            network = self._network = _network()
        route = self._routes.of(request.url)
        writer = route.writer(request)
        limits = Limits(request)
        connection = route.stack.take()
        if connection is not None:
            connection.reused = True
            response = await self._send(connection, route, writer, request, limits)
            if response is not None:
                return response
            writer = route.writer(request)
        connection = await self._connect(network, route, request, limits)
        response = await self._send(connection, route, writer, request, limits)
        assert response is not None  # noqa: S101 - only what was sent on a used connection is sent again
        return response

    async def _connect(
        self, network: AsyncioNetwork | TrioNetwork, route: Route[Any], request: httpx.Request, limits: Limits
    ) -> AsyncConnection:
        generation = self._pool.generation
        try:
            return await self._attempt(network, route, limits, generation)
        except (httpx.RequestError, OSError, TunnelError, UnreachableError) as exc:
            error = connect_error(exc, route) if self._pool.generation == generation else closed_meanwhile(request)
            try:
                raise error from exc
            finally:
                del error  # or its traceback would keep it, and all that the callers' frames hold

    async def _attempt(
        self, network: AsyncioNetwork | TrioNetwork, route: Route[Any], limits: Limits, generation: int
    ) -> AsyncConnection:
        """A connection that is ready for its first request."""
        queue = network.queues[route.host, route.port]
        await queue.enter(limits)
        patience = limits.connecting(SLICES)
        connection: AsyncConnection | None = None
        try:
            self._raise_if_closed_since(generation)
            connection = await network.connect(route.host, route.port, route.addresses, patience)
            self._pool.register(connection)
            if route.needs_handshake:
                await connection.shake_hands(route.handshake(connection), patience)
            queue.succeeded()
            self._raise_if_closed_since(generation)
        except BaseException as exc:
            if connection is not None:
                connection.close()
            if isinstance(exc, UnreachableError):
                queue.failed(patience)
            raise
        else:
            return connection
        finally:
            queue.leave()

    def _raise_if_closed_since(self, generation: int) -> None:
        if self._pool.generation != generation:
            raise UnreachableError("the client was closed")

    async def _send(
        self,
        connection: AsyncConnection,
        route: Route[Any],
        writer: RequestWriter,
        request: httpx.Request,
        limits: Limits,
    ) -> httpx.Response | None:
        """Return the response; ``None`` if no byte of the request was sent, so that it can be sent again."""
        try:
            head = await _exchange(connection, writer, request, limits)
            response = connection.response
            headers = shared_headers(tuple(head.headers))
            body: httpx.AsyncByteStream
            extensions: dict[str, Any] = {"http_version": head.version, "reason_phrase": head.reason}
            if response.complete and connection.sent and not request.extensions.get("stream"):
                body = Whole(b"".join(response.body))
                _release(connection, route)
                return httpx.Response(head.status, headers=headers, stream=body, extensions=extensions)
            body = _AsyncBody(connection, route, request, limits)
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

    async def aclose(self) -> None:
        """End the calls in flight and close every connection; a later call opens new ones.

        All connections are closed before the first await.
        """
        self._pool.close()
        self._routes.close()
        network, self._network = self._network, None
        if network is not None and network.is_current:
            import anyio.lowlevel

            await anyio.lowlevel.cancel_shielded_checkpoint()  # asyncio closes the sockets in its next round

    async def __aenter__(self) -> Self:
        return self


def _unpickled(kind: type[AsyncHTTPTransport], arguments: dict[str, object]) -> AsyncHTTPTransport:
    return kind(**arguments)  # type: ignore[arg-type]


def _network() -> AsyncioNetwork | TrioNetwork:
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        from ._trio import TrioNetwork

        return TrioNetwork()
    from ._asyncio import AsyncioNetwork

    return AsyncioNetwork()


async def _exchange(connection: AsyncConnection, writer: RequestWriter, request: httpx.Request, limits: Limits) -> Head:
    """Send the request and read the head of its response."""
    response = connection.begin(request.method)
    stream = request.stream
    if type(stream) is httpx.ByteStream:
        data = writer.in_one_piece(stream)
        is_long = len(data) > PIECE
        connection.sent = await (_sender(connection) if is_long else connection.send)(data, limits)
    else:
        is_long = True
        connection.sent = await _send_stream(connection, writer, cast("httpx.AsyncByteStream", stream), limits)
    if is_long:
        limits.write()  # the limit of the first item starts anew, however long the source and this side took
    while (head := response.head) is None:
        if response.problem:
            raise httpx.RemoteProtocolError(response.problem)
        await connection.receive(limits.read())
    response.head = HEAD_TAKEN
    return head


def _sender(connection: AsyncConnection) -> Any:
    async def send_large(data: bytes, limits: Limits) -> bool:
        for number, piece in enumerate(pieces(data)):
            if (number and await connection.early_answer()) or not await connection.send(piece, limits):
                return False
        return True

    return send_large


async def _send_stream(
    connection: AsyncConnection, writer: RequestWriter, stream: httpx.AsyncByteStream, limits: Limits
) -> bool:
    send_large = _sender(connection)
    chunks = aiter(stream)
    try:
        unsent = writer.head
        async for chunk in chunks:
            if (not unsent and await connection.early_answer()) or not await send_large(
                unsent + writer.frame(chunk), limits
            ):
                return False
            unsent = b""
        return bool(await send_large(unsent + writer.end(), limits))
    finally:
        if isinstance(chunks, AsyncGenerator):  # left suspended by a send that failed, trio would warn of it
            await cast("AsyncGenerator[bytes]", chunks).aclose()


def _release(connection: AsyncConnection, route: Route[Any]) -> None:
    if connection.is_reusable:
        connection.response.discard()
        connection.rest()
        route.stack.give(connection)
    else:
        connection.close()


class _AsyncBody(httpx.AsyncByteStream):
    """The body of a response, which owns the connection until it is closed.

    It is also the ``network_stream``, so that the socket cannot be reached after the connection was returned to the pool.
    """

    def __init__(self, connection: AsyncConnection, route: Route[Any], request: httpx.Request, limits: Limits) -> None:
        self._connection: AsyncConnection | None = connection
        self._response = connection.response
        self._route = route
        self._request = request
        self._limits = limits
        if not request.extensions.get("stream"):
            connection.read_whole()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        response = self._response
        body = response.body
        while not body:
            if response.complete:
                raise StopAsyncIteration
            connection = self._connection
            try:
                if connection is None:
                    raise httpx.ReadError("the response was closed")
                if response.problem:
                    raise httpx.RemoteProtocolError(response.problem)
                await connection.receive(self._limits.live_read or self._limits.read())
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
        """Close without awaiting anything."""
        connection, self._connection = self._connection, None
        if connection is not None:
            _release(connection, self._route)

    async def aclose(self) -> None:
        self.close()
