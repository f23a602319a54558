"""Lets clients and transports of httpx2 be used wherever those of httpx are.

httpx2 is the successor of httpx. It has the same interface, but its requests, responses and errors are classes of its own. The
package works with those of httpx. So each request is converted before a transport of httpx2 gets it, and its responses
and errors are converted back. Both requests share one ``extensions`` dict, through which the limits of the call reach the
transport.

This module does not import httpx2 until an object of httpx2 is given, and by then the program has imported it.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from ._bodies import Body, WatchedBody, WholeBody
from ._secrets import request_of

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = [
    "AsyncHTTPClientLike",
    "AsyncTransportLike",
    "AsyncTransportOfHTTPX2",
    "HTTPClientLike",
    "TransportLike",
    "TransportOfHTTPX2",
    "as_async_transport",
    "as_transport",
    "is_of_httpx2",
]


class TransportLike(Protocol):
    """A sync transport of httpx or httpx2."""

    def handle_request(self, request: Any, /) -> Any:
        """Send a request, and return the response."""

    def close(self) -> None:
        """Close the connections."""


class AsyncTransportLike(Protocol):
    """An async transport of httpx or httpx2."""

    async def handle_async_request(self, request: Any, /) -> Any:
        """Send a request, and return the response."""

    async def aclose(self) -> None:
        """Close the connections."""


class HTTPClientLike(Protocol):
    """A client of httpx or httpx2."""

    def build_request(self, method: str, url: Any, /, *, headers: Any, extensions: Any) -> Any:
        """Make a request with the client's own headers and cookies."""

    def send(self, request: Any, /, *, stream: bool) -> Any:
        """Send a request, and return the response."""

    def close(self) -> None:
        """Close the connections."""


class AsyncHTTPClientLike(Protocol):
    """An async client of httpx or httpx2."""

    def build_request(self, method: str, url: Any, /, *, headers: Any, extensions: Any) -> Any:
        """Make a request with the client's own headers and cookies."""

    async def send(self, request: Any, /, *, stream: bool) -> Any:
        """Send a request, and return the response."""

    async def aclose(self) -> None:
        """Close the connections."""


def is_of_httpx2(value: object, name: str) -> bool:
    """Whether a value is of the class with this name in httpx2, and not in httpx.

    After ``httpx2.alias_httpx()`` both names are the same class, and nothing needs converting.
    """
    module = sys.modules.get("httpx2")
    kinds: Any = getattr(module, name, ())  # absent while another thread is importing httpx2
    return isinstance(value, kinds) and not isinstance(value, getattr(httpx, name))


def as_transport(transport: TransportLike) -> httpx.BaseTransport:
    """Return the given transport; one of httpx2 is wrapped so that it takes requests of httpx."""
    if is_of_httpx2(transport, "BaseTransport"):
        return TransportOfHTTPX2(transport)
    return transport  # type: ignore[return-value] # any other object is trusted to be one of httpx


def as_async_transport(transport: AsyncTransportLike) -> httpx.AsyncBaseTransport:
    """Return the given transport; one of httpx2 is wrapped so that it takes requests of httpx."""
    if is_of_httpx2(transport, "AsyncBaseTransport"):
        return AsyncTransportOfHTTPX2(transport)
    return transport  # type: ignore[return-value] # any other object is trusted to be one of httpx


class TransportOfHTTPX2(httpx.BaseTransport):
    """Sends requests of httpx through a transport of httpx2.

    Args:
        inner: A transport; closed with this one.
    """

    def __init__(self, inner: TransportLike) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return the response or raise the error as httpx would."""
        with _errors_of_httpx(request):
            return _response_of_httpx(self._inner.handle_request(_request_of_httpx2(request)), request)

    def close(self) -> None:
        """Close the inner transport."""
        self._inner.close()


class AsyncTransportOfHTTPX2(httpx.AsyncBaseTransport):
    """As :class:`TransportOfHTTPX2`, on asyncio and trio."""

    def __init__(self, inner: AsyncTransportLike) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return the response or raise the error as httpx would."""
        with _errors_of_httpx(request):
            return _response_of_httpx(await self._inner.handle_async_request(_request_of_httpx2(request)), request)

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


def _request_of_httpx2(request: httpx.Request) -> Any:
    import httpx2

    stream = request.stream
    body = httpx2.ByteStream(b"".join(stream)) if isinstance(stream, WholeBody) else _sent_body_class()(stream)
    converted = httpx2.Request(request.method, str(request.url), headers=request.headers.raw, stream=body)
    converted.extensions = request.extensions
    return converted


@functools.cache
def _sent_body_class() -> type[Any]:
    """Return the class of bodies that are sent in pieces: httpx2 accepts only its own kinds of streams."""
    import httpx2

    return type("SentBody", (Body, httpx2.SyncByteStream, httpx2.AsyncByteStream), {})


def _response_of_httpx(response: Any, request: httpx.Request) -> httpx.Response:
    import httpx2

    stream = response.stream
    body = (
        httpx.ByteStream(b"".join(stream)) if isinstance(stream, httpx2.ByteStream) else _ReceivedBody(stream, request)
    )
    return httpx.Response(
        response.status_code, headers=response.headers.raw, stream=body, extensions=response.extensions
    )


class _ReceivedBody(WatchedBody):
    """The body of a response of httpx2; its errors are raised as those of httpx."""

    def __init__(self, inner: Any, request: httpx.Request) -> None:
        super().__init__(inner)
        self._request = request

    def on_error(self, error: Exception) -> None:
        with _errors_of_httpx(self._request):
            raise error


@contextlib.contextmanager
def _errors_of_httpx(request: httpx.Request) -> Generator[None]:
    """Raise each error of httpx2 as the error of httpx with the same name."""
    import httpx2

    try:
        yield
    except httpx2.HTTPStatusError as exc:  # a hook of the caller's client raised it
        response = _response_of_httpx(exc.response, request)
        raise httpx.HTTPStatusError(str(exc), request=request, response=response) from exc
    except (httpx2.RequestError, httpx2.InvalidURL) as exc:
        raise _error_of_httpx(exc, request) from exc


def _error_of_httpx(exc: Exception, request: httpx.Request) -> Exception:
    names = [
        kind.__name__ for kind in type(exc).__mro__ if kind.__module__ == "httpx2" and hasattr(httpx, kind.__name__)
    ]
    error: Exception = getattr(httpx, names[0])(str(exc))
    if isinstance(error, httpx.RequestError):
        sent = request_of(exc)  # after a redirect, the request that followed it
        error.request = request if sent is None else httpx.Request(sent.method, str(sent.url), headers=sent.headers.raw)
        error.request.extensions = request.extensions
    return error
