"""What a client sends through: the wire, and over it the policies that were asked for, which may change while calls run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import httpx
from attrs import frozen

from ._bodies import Passing
from ._call.operation import OPERATIONS
from ._complaint import Complaint
from ._transport.sync import HTTPTransport
from .errors import ConfigurationError

if TYPE_CHECKING:
    from ._timeout import Deadlines
    from .reliability import AsyncHealth, Cache, Endpoint, EndpointHealth, Health, Policies, Stack

__all__ = ["AsyncClientTransport", "AsyncTransports", "ClientTransport", "Servers", "SyncTransports"]

_TransportT = TypeVar("_TransportT", httpx.BaseTransport, httpx.AsyncBaseTransport)


@frozen(eq=False, repr=False)
class Servers:
    """The servers of a client, made into endpoints only when a policy or a health check needs them.

    Attributes:
        count: How many there are.
        endpoints: Makes them; requests are addressed to the first.
        checked: Makes them for health checks, with the client's own key and headers.
    """

    count: int
    endpoints: Callable[[], tuple[Endpoint, ...]]
    checked: Callable[[], tuple[Endpoint, ...]]


class _Transports(Generic[_TransportT]):
    """The wire of one client and its stack of policies, shared by all views of the client.

    Without any policy, nothing of :mod:`ollama_sdk.reliability` is imported.

    Args:
        wire: Where requests go in the end.
        servers: The servers.
        policies: As :class:`ollama_sdk.reliability.Policies` takes them; ``None`` is off.

    Attributes:
        asked: The policies that are on, as they were given.
    """

    _wire: _TransportT

    def __init__(self, wire: _TransportT, servers: Servers, policies: Mapping[str, Any]) -> None:
        self._wire = wire
        self._servers = servers
        self._changing = threading.RLock()
        self._health: Any = None  # once it has been asked for
        self._closed = False
        _check_names(policies.get("cache"))
        self.asked = {name: policy for name, policy in policies.items() if policy is not None}
        self._stack: Stack[_TransportT] | None = self._build() if self.asked or servers.count > 1 else None

    def _build(self) -> Stack[_TransportT]:
        raise NotImplementedError

    def _policies(self) -> Policies:
        from .reliability import Policies  # noqa: PLC0415 - only clients with policies pay for it

        return Policies(**self.asked)

    @property
    def current(self) -> _TransportT:
        """What a call that begins now is sent through."""
        return self._wire if self._stack is None else self._stack.transport

    @property
    def stack(self) -> Stack[_TransportT]:
        """The policies."""
        with self._changing:
            if self._stack is None:
                self._stack = self._build()
            return self._stack

    def _saw(self, health: EndpointHealth) -> None:
        self.stack.saw(health)

    def reconfigure(self, changes: Mapping[str, Any]) -> Policies:
        """Change policies for the calls that begin from now on; returns the former ones.

        Raises:
            ConfigurationError: A change cannot work; nothing has changed.
        """
        _check_names(changes.get("cache"))
        with self._changing:
            former = self.stack
            stack = self._stack = former.reconfigured(**changes)
            self.asked = {name: policy for name, policy in {**self.asked, **changes}.items() if policy is not None}
            if self._health is not None:
                self._health.reconfigure(stack.policies.health)
        stack.tell_what_changed(former)  # the observer may do what it likes: nothing is locked, and all has changed
        return former.policies

    def _looking(self, make: Callable[..., Any]) -> Any:
        """What looks at the servers, one for all threads; after closing it looks only when asked."""
        with self._changing:
            if self._health is None:
                self._health = make(
                    self._wire, self._servers.checked(), self.stack.policies.health, feed=self._saw, closed=self._closed
                )
            return self._health

    def _close(self) -> Any:
        """No monitor starts from now on; returns what looks at the servers, if it has been asked for."""
        with self._changing:
            self._closed = True
            return self._health


def _check_names(cache: Cache | None) -> None:
    """Refuse a cache of operations that no client has: it would keep nothing, and nobody would notice."""
    for name in sorted(getattr(cache, "operations", OPERATIONS) - OPERATIONS):
        import difflib  # noqa: PLC0415 - only mistakes pay for it

        alike = difflib.get_close_matches(name, OPERATIONS) or sorted(OPERATIONS)
        raise ConfigurationError(f"Cache(operations=...): there is no operation {name!r}; give {' or '.join(alike)}")


class SyncTransports(_Transports[httpx.BaseTransport]):
    """The transports of a sync client."""

    def __init__(self, wire: httpx.BaseTransport, servers: Servers, policies: Mapping[str, Any]) -> None:
        super().__init__(_Attempts(wire), servers, policies)

    def _build(self) -> Stack[httpx.BaseTransport]:
        from .reliability import build_stack  # noqa: PLC0415

        return build_stack(self._wire, self._servers.endpoints(), self._policies())

    @property
    def health(self) -> Health:
        """Looks at the servers."""
        from .reliability import Health  # noqa: PLC0415

        health: Health = self._looking(Health)
        return health

    def close(self) -> None:
        """Stop what runs and close the connections, even if that is interrupted."""
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
        from .reliability import build_async_stack  # noqa: PLC0415

        return build_async_stack(self._wire, self._servers.endpoints(), self._policies())

    @property
    def health(self) -> AsyncHealth:
        """Looks at the servers."""
        from .reliability import AsyncHealth  # noqa: PLC0415

        health: AsyncHealth = self._looking(AsyncHealth)
        return health

    async def close(self) -> None:
        """Stop what runs and close the connections, even if that is cancelled."""
        health: AsyncHealth | None = self._close()
        try:
            if health is not None:
                await health.close()
        finally:
            await self._wire.aclose()


def _begin(request: httpx.Request) -> None:
    """Start the limits of an attempt, and say how long each of its steps may take."""
    deadlines: Deadlines | None = request.extensions.get("deadlines")
    if deadlines is not None:
        deadlines.attempt()
        request.extensions["timeout"] = deadlines.extension()


def _answered(request: httpx.Request, response: httpx.Response, *, foreign: bool) -> httpx.Response:
    """Note that the attempt has a response, whose body is still to come."""
    request.extensions["status"] = response.status_code
    response.extensions["request"] = request
    if isinstance(response.stream, httpx.ByteStream):
        return response
    deadlines: Deadlines | None = request.extensions.get("deadlines")
    if foreign and deadlines is not None:
        response.stream = _Foreign(response.stream, request)
    if response.is_error:
        response.stream = Complaint(response.stream, deadlines)
    return response


class _Foreign(Passing):
    """A body that another transport reads: its errors are told which request they are of.

    A one-piece body may not trickle past its deadline; a stream minds that itself, item by item.
    """

    def __init__(self, inner: Any, request: httpx.Request) -> None:
        super().__init__(inner)
        self._request = request
        self._deadlines: Deadlines | None = None if request.extensions["stream"] else request.extensions["deadlines"]

    def passes(self, chunk: bytes) -> None:  # noqa: ARG002 - it matters when, not what
        if self._deadlines is not None and self._deadlines.left() < 0:
            raise httpx.ReadTimeout("the deadline has passed")

    def breaks(self, error: Exception) -> None:
        if isinstance(error, httpx.RequestError):
            error.request = self._request


class _Attempts(httpx.BaseTransport):
    """Starts the limits of each attempt, right before the wire."""

    def __init__(self, wire: httpx.BaseTransport) -> None:
        self._wire = wire
        self._foreign = not isinstance(wire, HTTPTransport)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        _begin(request)
        return _answered(request, self._wire.handle_request(request), foreign=self._foreign)

    def close(self) -> None:
        self._wire.close()


class _AsyncAttempts(httpx.AsyncBaseTransport):
    """Starts the limits of each attempt, right before the wire, whose connections belong to one event loop."""

    def __init__(self, wire: httpx.AsyncBaseTransport) -> None:
        from ._transport.aio import AsyncHTTPTransport  # noqa: PLC0415 - sync clients start without it

        self._wire = wire
        self._foreign = not isinstance(wire, AsyncHTTPTransport)
        self._loop: object = None  # that of the first attempt, until the connections are closed

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        _begin(request)
        loop = _loop_token()().native_token
        if self._loop is None:
            self._loop = loop
        try:
            if self._loop is not loop and not self._foreign:  # two loops that run at once would wreck the pool
                raise _elsewhere()
            return _answered(request, await self._wire.handle_async_request(request), foreign=self._foreign)
        except RuntimeError as error:
            if self._loop is loop:
                raise
            raise _elsewhere() from error

    async def aclose(self) -> None:
        loop, self._loop = self._loop, None
        try:
            await self._wire.aclose()
        except RuntimeError:  # from another loop they cannot be closed; they end with their own
            if loop is _loop_token()().native_token:
                raise


@cache
def _loop_token() -> Callable[[], Any]:
    from anyio.lowlevel import current_token  # noqa: PLC0415 - only async calls pay for it

    return current_token


def _elsewhere() -> ConfigurationError:
    return ConfigurationError(
        "this client belongs to another event loop, that of its first call: make a client in each, or close it before its "
        "loop ends"
    )


def _lent_auth(request: httpx.Request) -> Any:
    """The authentication of the caller's client, unless the request has one: that of an endpoint, or of the call."""
    return None if "authorization" in request.headers else httpx.USE_CLIENT_DEFAULT


def _may_follow(request: httpx.Request) -> Any:
    """The caller's client decides about redirects, unless the request holds what an endpoint alone may see."""
    return False if "endpoint" in request.extensions else httpx.USE_CLIENT_DEFAULT


class ClientTransport(httpx.BaseTransport):
    """A caller's whole client as a transport: its headers, cookies, authentication and redirects apply."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        merged = self._client.build_request(
            request.method, request.url, headers=request.headers, extensions=request.extensions
        )
        merged.stream = request.stream
        auth, follow = _lent_auth(request), _may_follow(request)
        return self._client.send(merged, stream=True, auth=auth, follow_redirects=follow)

    def close(self) -> None:
        """Leave the client open: it is the caller's."""


class AsyncClientTransport(httpx.AsyncBaseTransport):
    """A caller's whole client as a transport: its headers, cookies, authentication and redirects apply."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        merged = self._client.build_request(
            request.method, request.url, headers=request.headers, extensions=request.extensions
        )
        merged.stream = request.stream
        auth, follow = _lent_auth(request), _may_follow(request)
        return await self._client.send(merged, stream=True, auth=auth, follow_redirects=follow)

    async def aclose(self) -> None:
        """Leave the client open: it is the caller's."""
