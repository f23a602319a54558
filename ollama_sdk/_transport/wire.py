"""The innermost transport: httpx requests over httpcore connections on which every read and write obeys its deadline."""

from __future__ import annotations

import contextlib
import math
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import AsyncGenerator
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import httpcore
import httpx

from ollama_sdk._timeout import Limit
from ollama_sdk.errors import APIConnectionError

from .http11 import AsyncPool, Batching, Engine, Pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator

    SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]

__all__ = ["AsyncWireTransport", "WireTransport"]

# A service runs thousands of streams: the pool never makes a call wait. Idle connections are few and short-lived,
# because an Ollama behind a proxy closes them from the other side.
_POOL: dict[str, Any] = {"max_connections": None, "max_keepalive_connections": 100, "keepalive_expiry": 30.0}


_PoolT = TypeVar("_PoolT", Pool, AsyncPool)


class _Pools(Generic[_PoolT]):
    """One connection pool a server, made when first needed: reading the trusted certificates takes longer than a call."""

    _kind: Callable[..., _PoolT]

    def __init__(self, kind: Callable[..., _PoolT], backend: Any) -> None:
        self._kind = kind
        self._backend = backend
        self._pools: dict[tuple[str, str], _PoolT] = {}
        self._lock = threading.Lock()

    def of(self, url: httpx.URL) -> _PoolT:
        """The pool that serves ``url``."""
        key = (url.scheme, url.host)
        pool = self._pools.get(key)
        if pool is None:
            with self._lock:
                pool = self._pools.get(key) or self._pools.setdefault(key, self._make(url))
        return pool

    def _make(self, url: httpx.URL) -> _PoolT:
        # httpx's context trusts certifi, or what SSL_CERT_FILE and SSL_CERT_DIR say.
        context = httpx.create_ssl_context() if url.scheme == "https" else None
        proxy = _environment_proxy(url)
        return self._kind(ssl_context=context, proxy=proxy, network_backend=self._backend, **_POOL)

    def drain(self) -> list[_PoolT]:
        """Every pool made so far, which are now the caller's to close."""
        with self._lock:
            pools = list(self._pools.values())
            self._pools.clear()
        return pools


def _environment_proxy(url: httpx.URL) -> httpcore.Proxy | None:
    """The proxy that the environment names for ``url``; never one for this machine itself."""
    if _is_loopback(url.host) or urllib.request.proxy_bypass(url.host):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy:
        return None
    asked = httpx.Proxy(proxy if "://" in proxy else f"http://{proxy}")
    return httpcore.Proxy(str(asked.url), auth=asked.raw_auth, ssl_context=asked.ssl_context)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class WireTransport(httpx.BaseTransport):
    """Speaks HTTP/1.1 to the servers; sync.

    Unlike :class:`httpx.HTTPTransport` it needs no TLS context before the first ``https`` request, and a timeout bounds the
    phase it is meant for, not each single read of it.
    """

    def __init__(self, engine: Engine = Batching) -> None:
        self._pools = _Pools(partial(Pool, engine), _Backend(httpcore.SyncBackend()))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` and return as soon as the headers are there."""
        pool = self._pools.of(request.url)
        with _as_httpx_errors(request, pool):
            response = pool.handle_request(_as_httpcore(request, request.stream))
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(cast("Any", response.stream), request, pool),
            extensions=cast("Any", response).extensions,
        )

    def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.drain():
            pool.close()


class AsyncWireTransport(httpx.AsyncBaseTransport):
    """Speaks HTTP/1.1 to the servers; async, on asyncio and trio. See :class:`WireTransport`."""

    def __init__(self, engine: Engine = Batching) -> None:
        self._pools = _Pools(partial(AsyncPool, engine), _AsyncBackend(cast("Any", httpcore.AnyIOBackend())))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` and return as soon as the headers are there."""
        content = aiter(cast("httpx.AsyncByteStream", request.stream))
        pool = self._pools.of(request.url)
        try:
            with _as_httpx_errors(request, pool):
                response = await pool.handle_async_request(_as_httpcore(request, content))
        finally:
            if isinstance(content, AsyncGenerator):  # left suspended by a send that failed, trio would warn of it
                await cast("AsyncGenerator[bytes]", content).aclose()
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_AsyncBody(response.stream, request, pool),
            extensions=cast("Any", response).extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in self._pools.drain():
            await pool.aclose()


def _as_httpcore(request: httpx.Request, content: Any) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=content,
        extensions=request.extensions,
    )


# Most specific first: the first row whose left side matches decides.
_ERRORS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.ReadTimeout, httpx.ReadTimeout),
    (httpcore.WriteTimeout, httpx.WriteTimeout),
    (httpcore.PoolTimeout, httpx.PoolTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.ReadError, httpx.ReadError),
    (httpcore.WriteError, httpx.WriteError),
    (httpcore.NetworkError, httpx.NetworkError),
    (httpcore.ProxyError, httpx.ProxyError),
    (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
    (httpcore.RemoteProtocolError, httpx.RemoteProtocolError),
    (httpcore.LocalProtocolError, httpx.LocalProtocolError),
    (httpcore.ProtocolError, httpx.ProtocolError),
    (ssl.SSLError, httpx.ConnectError),  # of the handshake
)


def _as_httpx(exc: Exception, request: httpx.Request, pool: Pool | AsyncPool) -> Exception | None:
    if pool.closed:  # no trouble of the network, which policies would repeat, or hold against the server
        place = f"{request.method} {request.url.copy_with(userinfo=b'', query=None)}"
        return APIConnectionError(f"{place}: the client was closed before the call had ended")
    for ours, theirs in _ERRORS:
        if isinstance(exc, ours):
            return theirs(str(exc), request=request)
    return None


@contextlib.contextmanager
def _as_httpx_errors(request: httpx.Request, pool: Pool | AsyncPool) -> Generator[None]:
    try:
        yield
    except Exception as exc:
        error = _as_httpx(exc, request, pool)
        if error is None:
            raise
        try:
            raise error from exc
        finally:
            del error  # or its traceback would keep it, and through the frames below whatever the caller has, until a collection


class _Body(httpx.SyncByteStream):
    """A body, read through httpcore's nested generators.

    They are kept by the pool until they are closed: the garbage collector, which may run where this very thread holds the
    lock of the connection pool, would close them there and wait for that lock for ever.
    """

    def __init__(self, stream: Iterable[bytes], request: httpx.Request, pool: Pool) -> None:
        self._stream = stream
        self._request = request
        self._pool = pool
        self._parts = self._read()
        pool.unread.add(self._parts)

    def _read(self) -> Iterator[bytes]:
        with _as_httpx_errors(self._request, self._pool):
            yield from self._stream

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        self._stream.close()  # type: ignore[attr-defined]
        self._pool.unread.discard(self._parts)


class _AsyncBody(httpx.AsyncByteStream):
    """A body, read through httpcore's nested async generators.

    Left suspended, they would be finalized one by one later, which trio warns of. So they are brought to their end, and kept
    by the pool until then: the garbage collector may not take them before they are closed.
    """

    def __init__(self, stream: Any, request: httpx.Request, pool: AsyncPool) -> None:
        self._stream = stream
        self._parts: AsyncIterator[bytes] = aiter(stream)
        self._request = request
        self._pool = pool
        pool.unread.add(self._parts)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._parts)
        except StopAsyncIteration:
            raise
        except Exception as exc:  # not by a context manager, which would cost as much as reading the item
            error = _as_httpx(exc, self._request, self._pool)
            if error is None:
                raise
            raise error from exc

    async def aclose(self) -> None:
        await self._stream.aclose()
        with contextlib.suppress(Exception):  # reading from a closed connection fails, all the way out
            async for _ in self._parts:
                pass
        self._pool.unread.discard(self._parts)


def _now(timeout: float | None, up: type[httpcore.TimeoutException]) -> float | None:
    """The seconds that one read or write may take, from a live limit or a plain number."""
    if not isinstance(timeout, Limit):
        return timeout
    left = timeout.left()
    if left is not None and left <= 0:
        raise up("time is up")
    return left


class _Backend(httpcore.NetworkBackend):
    """Opens connections whose reads and writes ask their deadline each time."""

    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        seconds = _now(timeout, httpcore.ConnectTimeout)
        ends = math.inf if seconds is None else time.monotonic() + seconds
        addresses = _addresses(host, port)
        error: httpcore.ConnectError | httpcore.ConnectTimeout = httpcore.ConnectTimeout("time is up")
        for tried, address in enumerate(addresses):
            # A share of the time for each: the system would grant all of it to every address of a name.
            share = (ends - time.monotonic()) / (len(addresses) - tried)
            if share <= 0:
                break
            seconds = None if share == math.inf else share
            try:
                return _Stream(self._inner.connect_tcp(address, port, seconds, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                error = exc
        try:
            raise error
        finally:
            del error  # or its traceback would keep it


def _addresses(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system's resolver gives them."""
    try:
        found: list[tuple[Any, ...]] = list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as exc:
        raise httpcore.ConnectError(str(exc)) from exc
    # Of IPv6 the fourth is the scope, without which an address that is good on one link only means nothing.
    return [address[0] + (f"%{address[3]}" if any(address[3:]) else "") for *_, address in found]


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
        self.get_extra_info = inner.get_extra_info  # type: ignore[method-assign]

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            seconds = _now(timeout, httpcore.ReadTimeout)
            try:
                return self._inner.read(max_bytes, seconds)
            except httpcore.ReadTimeout:
                if not isinstance(timeout, Limit):
                    raise
                # The deadline may have moved on meanwhile, or stand still, when the stream was paused: ask it again.

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for piece in _pieces(buffer):
            self._inner.write(piece, _now(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        sock = self._inner.get_extra_info("socket")
        with contextlib.suppress(OSError):  # gone already
            sock.shutdown(socket.SHUT_RDWR)  # wakes a thread that reads, which closing alone does not
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _now(timeout, httpcore.ConnectTimeout)))


class _AsyncBackend(httpcore.AsyncNetworkBackend):
    """Opens connections whose reads and writes ask their deadline each time."""

    def __init__(self, inner: httpcore.AsyncNetworkBackend) -> None:
        self._inner = inner

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        timeout = _now(timeout, httpcore.ConnectTimeout)
        return _AsyncStream(await self._inner.connect_tcp(host, port, timeout, local_address, socket_options))


class _AsyncStream(httpcore.AsyncNetworkStream):
    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self.aclose = inner.aclose  # type: ignore[method-assign]
        self.get_extra_info = inner.get_extra_info  # type: ignore[method-assign]

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            seconds = _now(timeout, httpcore.ReadTimeout)
            try:
                return await self._inner.read(max_bytes, seconds)
            except ssl.SSLError as exc:  # which anyio lets through
                raise httpcore.ReadError(str(exc)) from exc
            except httpcore.ReadTimeout:
                if not isinstance(timeout, Limit):
                    raise
                # The deadline may have moved on meanwhile, or stand still, when the stream was paused: ask it again.

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for piece in _pieces(buffer):
            try:
                await self._inner.write(piece, _now(timeout, httpcore.WriteTimeout))
            except ssl.SSLError as exc:
                raise httpcore.WriteError(str(exc)) from exc

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        inner = await self._inner.start_tls(ssl_context, server_hostname, _now(timeout, httpcore.ConnectTimeout))
        return _AsyncStream(inner)


_PIECE = 65536


def _pieces(buffer: bytes) -> Iterable[bytes]:
    """A large buffer in slices, because the layer below grants its timeout to each send of a buffer anew."""
    if len(buffer) <= _PIECE:
        return (buffer,)
    view = cast("bytes", memoryview(buffer))  # slices of a view copy nothing, and sockets take them as bytes
    return (view[start : start + _PIECE] for start in range(0, len(view), _PIECE))
