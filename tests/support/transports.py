"""A transport of each kind behind one blocking face, and servers that speak TLS."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

from ollama_sdk._transport.aio import AsyncHTTPTransport
from ollama_sdk._transport.sync import HTTPTransport

from .loopback import Loopback, Script
from .tls_sockets import ServerSocket

# A certificate for localhost and 127.0.0.1 that signs itself, and its key; good for a hundred years.
CERTIFICATE = Path(__file__).parents[1] / "client" / "localhost.pem"
SECONDS = {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}
_END = object()


def server_context() -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    context.sslsocket_class = ServerSocket
    return context


def tls_loopback(*scripts: Script, **options: Any) -> Loopback:
    """A scripted server behind TLS."""
    return Loopback(*scripts, tls=server_context(), **options)


def trusting() -> ssl.SSLContext:
    """Trusts the certificate of the tests."""
    return ssl.create_default_context(cafile=CERTIFICATE)


class Reply:
    """A response whose methods block."""

    def __init__(self, transport: Transport, response: httpx.Response) -> None:
        self._transport = transport
        self.response = response
        self.status = response.status_code
        self.headers = response.headers
        self._parts: Any = None

    def next(self) -> Any:
        """The next piece of the body, ``None`` at its end."""
        portal = self._transport.portal
        if portal is None:
            self._parts = self._parts or iter(self.response.stream)
            return next(self._parts, None)
        self._parts = self._parts or aiter(self.response.stream)
        return portal.call(_next, self._parts)

    def read(self) -> bytes:
        """The whole body; closes the response."""
        try:
            return b"".join(iter(self.next, None))
        finally:
            self.close()

    def close(self) -> None:
        portal = self._transport.portal
        if portal is None:
            self.response.close()
        else:
            portal.call(self.response.aclose)


async def _next(parts: Any) -> Any:
    try:
        return await anext(parts)
    except StopAsyncIteration:
        return None


class Transport:
    """A transport whose methods block."""

    def __init__(self, portal: BlockingPortal | None, inner: Any) -> None:
        self.portal = portal
        self.inner = inner

    @property
    def idle(self) -> int:
        """How many connections are idle."""
        return sum(len(route.stack) for route in self.inner._routes._routes.values())

    @property
    def open(self) -> int:
        """How many connections are open."""
        return len(self.inner._pool.open)

    def send(self, url: str, method: str = "GET", timeout: dict[str, Any] | None = None, **options: Any) -> Reply:
        """Send a request; returns with the head of its response."""
        extensions = {"timeout": timeout or SECONDS, **options.pop("extensions", {})}
        request = httpx.Request(method, url, extensions=extensions, **options)
        if self.portal is None:
            return Reply(self, self.inner.handle_request(request))
        return Reply(self, self.portal.call(self.inner.handle_async_request, request))

    def get(self, url: str, **options: Any) -> bytes:
        """The body of the response."""
        return self.send(url, **options).read()

    def close(self) -> None:
        if self.portal is None:
            self.inner.close()
        else:
            self.portal.call(self.inner.aclose)


class World:
    """Where transports live."""

    def __init__(self, kind: str, portal: BlockingPortal | None) -> None:
        self.kind = kind
        self._portal = portal

    @contextlib.contextmanager
    def transport(self, **arguments: Any) -> Iterator[Transport]:
        arguments = {"trust_env": False, **arguments}
        transport = Transport(self._portal, (AsyncHTTPTransport if self._portal else HTTPTransport)(**arguments))
        try:
            yield transport
        finally:
            transport.close()


@contextlib.contextmanager
def world_of(kind: str) -> Iterator[World]:
    """The world of threads, asyncio or trio."""
    if kind == "sync":
        yield World(kind, None)
        return
    with start_blocking_portal(kind) as portal:
        yield World(kind, portal)
