"""Holds the transport of a client and the policies over it, which may change while calls run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import httpx

from ._bodies import MAX_BODY_BYTES, BoundedBody, ErrorBody, ForeignBody, WholeBody
from ._concurrency import forks
from ._transport.sync import HTTPTransport
from .errors import ConfigurationError

if TYPE_CHECKING:
    from ._concurrency.loops import EventLoop
    from ._httpx2 import AsyncHTTPClientLike, AsyncTransportLike, HTTPClientLike, TransportLike
    from ._timeout import Deadlines
    from .reliability import AsyncHealth, Endpoint, EndpointHealth, Health, Policies, Stack

__all__ = ["AsyncTransports", "Servers", "SyncTransports", "async_wire_of", "wire_of"]

_TransportT = TypeVar("_TransportT", httpx.BaseTransport, httpx.AsyncBaseTransport)

# The kernel takes this many bytes of a request without waiting for the server.
_SENT_AT_ONCE = 65536


class Servers:
    """The servers of a client, made into endpoints only when a policy or a health check needs them.

    Attributes:
        count: The number of servers.
        endpoints: Makes the endpoints; requests are addressed to the first.
        checked: Makes the endpoints for health checks, with the client's key and headers.
    """

    def __init__(
        self, count: int, endpoints: Callable[[], tuple[Endpoint, ...]], checked: Callable[[], tuple[Endpoint, ...]]
    ) -> None:
        self.count = count
        self.endpoints = endpoints
        self.checked = checked


class _Transports(Generic[_TransportT]):
    """The transport of one client and its stack of policies, shared by all views of the client.

    Without any policy, nothing of :mod:`ollama_sdk.reliability` is imported.

    Args:
        wire: Sends the requests.
        servers: The servers.
        policies: As :class:`ollama_sdk.reliability.Policies` takes them; ``None`` is off.

    Attributes:
        asked: The policies that are on, as the caller gave them.
    """

    _wire: _TransportT

    def __init__(self, wire: _TransportT, servers: Servers, policies: Mapping[str, Any]) -> None:
        self._wire = wire
        self._servers = servers
        self._changing = threading.RLock()
        forks.register(self)
        self._health: Any = None  # made at its first use
        self._closed = False
        self.asked = {name: policy for name, policy in policies.items() if policy is not None}
        self._stack: Stack[_TransportT] | None = self._build() if self.asked or servers.count > 1 else None

    def restart_in_child(self) -> None:
        """Replace the lock, which a thread of the parent may hold."""
        self._changing = threading.RLock()

    def _build(self) -> Stack[_TransportT]:
        raise NotImplementedError

    def _policies(self) -> Policies:
        from .reliability import Policies  # imported only for clients with policies

        return Policies(**self.asked)

    @property
    def current(self) -> _TransportT:
        """The transport for calls that start now."""
        return self._wire if self._stack is None else self._stack.transport

    @property
    def stack(self) -> Stack[_TransportT]:
        """The policies."""
        with self._changing:
            if self._stack is None:
                self._stack = self._build()
            return self._stack

    def _saw(self, health: EndpointHealth) -> None:
        self.stack.saw(health)  # the stack at that time

    def reconfigure(self, changes: Mapping[str, Any]) -> Policies:
        """Change policies for the calls that start later. Returns the previous ones.

        Raises:
            ConfigurationError: A change cannot work; nothing has changed.
        """
        with self._changing:
            former = self.stack
            stack = self._stack = former.reconfigured(**changes)
            self.asked = {name: policy for name, policy in {**self.asked, **changes}.items() if policy is not None}
            if self._health is not None:
                self._health.reconfigure(stack.policies.health)
        stack.report_changes(former)  # without the lock, after the change: the observer may use the client
        return former.policies

    def _the_health(self, make: Callable[..., Any]) -> Any:
        """The health checks, one object for all threads; after the client is closed, it cannot start a monitor."""
        with self._changing:
            if self._health is None:
                self._health = make(
                    self._wire,
                    self._servers.checked(),
                    self.stack.policies.health,
                    feed=self._saw,
                    closed=self._closed,
                )
            return self._health

    def _close(self) -> Any:
        """Note that the client is closed, so that no monitor starts. Returns the health checks, if they were made."""
        with self._changing:
            self._closed = True
            return self._health


class SyncTransports(_Transports[httpx.BaseTransport]):
    """The transports of a sync client."""

    def __init__(self, wire: httpx.BaseTransport, servers: Servers, policies: Mapping[str, Any]) -> None:
        super().__init__(_Attempts(wire), servers, policies)

    def _build(self) -> Stack[httpx.BaseTransport]:
        from .reliability import build_stack

        return build_stack(self._wire, self._servers.endpoints(), self._policies())

    @property
    def health(self) -> Health:
        """The health checks."""
        from .reliability import Health

        health: Health = self._the_health(Health)
        return health

    def close(self) -> None:
        """Stop the monitor and close the connections, even if stopping is interrupted."""
        health: Health | None = self._close()
        try:
            if health is not None:
                health.close()
        finally:
            self._wire.close()


class AsyncTransports(_Transports[httpx.AsyncBaseTransport]):
    """The transports of an async client."""

    def __init__(self, wire: httpx.AsyncBaseTransport, servers: Servers, policies: Mapping[str, Any]) -> None:
        super().__init__(_AsyncAttempts(wire), servers, policies)

    def _build(self) -> Stack[httpx.AsyncBaseTransport]:
        from .reliability import build_async_stack

        return build_async_stack(self._wire, self._servers.endpoints(), self._policies())

    @property
    def health(self) -> AsyncHealth:
        """The health checks."""
        from .reliability import AsyncHealth

        health: AsyncHealth = self._the_health(AsyncHealth)
        return health

    async def close(self) -> None:
        """Stop the monitor and close the connections, even if stopping is cancelled."""
        health: AsyncHealth | None = self._close()
        try:
            if health is not None:
                await health.close()
        finally:
            await self._wire.aclose()


def _begin(request: httpx.Request) -> None:
    """Start the deadlines of an attempt, and pass them to the transport."""
    request.extensions.pop("status", None)  # of an earlier attempt
    deadlines: Deadlines | None = request.extensions.get("deadlines")
    if deadlines is not None:
        deadlines.attempt()
        request.extensions["timeout"] = deadlines.extension()


def _answered(request: httpx.Request, response: httpx.Response, *, foreign: bool) -> httpx.Response:
    """Note status and request for later errors, and wrap the body as it needs it."""
    request.extensions["status"] = response.status_code
    response.extensions["request"] = request
    if "content-encoding" in response.headers:
        from ._coding import decode_body  # Ollama compresses nothing; a proxy may

        decode_body(response, request)
    if isinstance(response.stream, WholeBody):
        return response
    deadlines: Deadlines | None = request.extensions.get("deadlines")
    if foreign and deadlines is not None:
        if not isinstance(request.stream, WholeBody) or int(request.headers.get("content-length", 0)) > _SENT_AT_ONCE:
            deadlines.attempt()  # such a transport reports no progress of an upload, so the limit starts after it
        response.stream = ForeignBody(response.stream, request)
    if not response.is_success:
        response.stream = ErrorBody(
            response.stream, deadlines, request.extensions.get("max_body_bytes", MAX_BODY_BYTES)
        )
    elif not request.extensions.get("stream"):
        response.stream = BoundedBody(response.stream, request)
    return response


class _Attempts(httpx.BaseTransport):
    """Starts the deadlines of each attempt, directly above the wire."""

    def __init__(self, wire: httpx.BaseTransport) -> None:
        self._wire = wire
        self._foreign = not isinstance(wire, HTTPTransport)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        _begin(request)
        return _answered(request, self._wire.handle_request(request), foreign=self._foreign)

    def close(self) -> None:
        self._wire.close()


class _AsyncAttempts(httpx.AsyncBaseTransport):
    """Starts the deadlines of each attempt, directly above the wire, whose connections belong to one event loop."""

    def __init__(self, wire: httpx.AsyncBaseTransport) -> None:
        from ._transport.aio import AsyncHTTPTransport

        self._wire = wire
        self._foreign = not isinstance(wire, AsyncHTTPTransport)
        self._loop: EventLoop | None = None  # the loop of the first attempt, until the connections are closed
        forks.register(self)

    def restart_in_child(self) -> None:
        """Forget the event loop, which belongs to the parent."""
        self._loop = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        _begin(request)
        loop = self._loop
        if loop is None:
            from ._concurrency.loops import current_loop  # sync clients work without it

            loop = self._loop = current_loop()
        is_current = loop.is_current()
        try:
            if not is_current and not self._foreign:  # two loops that run at once would corrupt the pool
                raise _elsewhere()
            return _answered(request, await self._wire.handle_async_request(request), foreign=self._foreign)
        except RuntimeError as error:
            if is_current:
                raise
            raise _elsewhere() from error

    async def aclose(self) -> None:
        loop, self._loop = self._loop, None
        try:
            await self._wire.aclose()
        except RuntimeError:  # another loop cannot close the connections; they end with their own loop
            if loop is not None and loop.is_current():
                raise


def _elsewhere() -> ConfigurationError:
    return ConfigurationError(
        "this client belongs to another event loop, that of its first call: make a client in each, or close it before its "
        "loop ends"
    )


def wire_of(transport: TransportLike | None, http_client: HTTPClientLike | None) -> httpx.BaseTransport:
    """Return the innermost transport: the given one, the given client as a transport, or one of this package."""
    if transport is not None:
        from ._httpx2 import as_transport  # imported only for what the caller gives

        return as_transport(transport)
    if http_client is None:
        return HTTPTransport()
    from ._httpx2 import TransportOfHTTPX2, is_of_httpx2

    wire = ClientTransport(http_client)
    return TransportOfHTTPX2(wire) if is_of_httpx2(http_client, "Client") else wire


def async_wire_of(
    transport: AsyncTransportLike | None, http_client: AsyncHTTPClientLike | None
) -> httpx.AsyncBaseTransport:
    """As :func:`wire_of`, for an async client."""
    if transport is not None:
        from ._httpx2 import as_async_transport

        return as_async_transport(transport)
    if http_client is None:
        from ._transport.aio import AsyncHTTPTransport

        return AsyncHTTPTransport()
    from ._httpx2 import AsyncTransportOfHTTPX2, is_of_httpx2

    wire = AsyncClientTransport(http_client)
    return AsyncTransportOfHTTPX2(wire) if is_of_httpx2(http_client, "AsyncClient") else wire


def _lend(client: HTTPClientLike | AsyncHTTPClientLike, request: httpx.Request) -> tuple[Any, dict[str, Any]]:
    """``request`` with the headers and cookies of the caller's client, and the arguments for sending it."""
    merged = client.build_request(request.method, request.url, headers=request.headers, extensions=request.extensions)
    merged.stream = request.stream
    request.extensions["sent"] = merged  # for redaction: it may hold the client's own key
    how: dict[str, Any] = {"stream": True}
    if "authorization" in request.headers:  # an endpoint or the call has set one; otherwise the client authenticates
        how["auth"] = None
    if "endpoint" in request.extensions:  # the request holds secrets of an endpoint; otherwise the client decides
        how["follow_redirects"] = False
    return merged, how


class ClientTransport(httpx.BaseTransport):
    """A caller's whole client as a transport: its headers, cookies, authentication and redirects apply.

    It takes requests of the client's own library, httpx or httpx2.
    """

    def __init__(self, client: HTTPClientLike) -> None:
        self._client = client

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        merged, how = _lend(self._client, request)
        response: httpx.Response = self._client.send(merged, **how)
        response.request = request  # httpx names it in errors of the body; its extensions say that the head has arrived
        return response

    def close(self) -> None:
        """Leave the client open, because it belongs to the caller."""


class AsyncClientTransport(httpx.AsyncBaseTransport):
    """As :class:`ClientTransport`, on asyncio and trio."""

    def __init__(self, client: AsyncHTTPClientLike) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        merged, how = _lend(self._client, request)
        response: httpx.Response = await self._client.send(merged, **how)
        response.request = request  # httpx names it in errors of the body; its extensions say that the head has arrived
        return response

    async def aclose(self) -> None:
        """Leave the client open, because it belongs to the caller."""
