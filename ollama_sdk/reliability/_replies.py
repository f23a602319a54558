"""Replies on their way through the policies: waiting for what decides an attempt, and knowing when the caller is done."""

from __future__ import annotations

import contextlib
from itertools import chain
from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any, cast

import anyio
import httpx

from ._outcome import CONNECTION_ERRORS
from ._request import is_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

__all__ = ["acomplete", "ahold", "asettle", "complete", "flows", "hold", "settle"]

# The mark in ``response.extensions`` of a reply that has been settled.
_SETTLED = "settled"


def settle(request: httpx.Request, response: httpx.Response) -> httpx.Response:
    """Wait for what decides whether an attempt succeeded: the whole body, or the first chunk of a stream that has begun well.

    The response is handed back as if unread; one with an error status is always whole then. Settling it again costs nothing.

    Raises:
        httpx.TransportError: The connection failed while waiting; it is closed.
    """
    if isinstance(response.stream, httpx.ByteStream) or _SETTLED in response.extensions:
        return response
    stream = cast("httpx.SyncByteStream", response.stream)
    response.extensions[_SETTLED] = True
    chunks = iter(stream)
    try:
        if is_stream(request) and response.is_success:
            response.stream = _Begun(stream, next(chunks, b""), chunks)
            return response
        body = b"".join(chunks) if response.is_success else _what_comes(chunks)
    except BaseException:
        stream.close()
        raise
    stream.close()
    response.stream = httpx.ByteStream(body)
    return response


def _what_comes(chunks: Iterator[bytes]) -> bytes:
    """The text of an error status, which is told even if its text breaks off."""
    body = bytearray()
    with contextlib.suppress(*CONNECTION_ERRORS):
        for chunk in chunks:
            body += chunk
    return bytes(body)


def complete(request: httpx.Request, response: httpx.Response) -> httpx.Response:
    """As :func:`settle`, but a stream is not touched: for a layer that does not judge attempts."""
    return response if is_stream(request) else settle(request, response)


async def acomplete(request: httpx.Request, response: httpx.Response) -> httpx.Response:
    """As :func:`complete`."""
    return response if is_stream(request) else await asettle(request, response)


async def asettle(request: httpx.Request, response: httpx.Response) -> httpx.Response:
    """As :func:`settle`."""
    if isinstance(response.stream, httpx.ByteStream) or _SETTLED in response.extensions:
        return response
    stream = cast("httpx.AsyncByteStream", response.stream)
    response.extensions[_SETTLED] = True
    chunks = aiter(stream)
    try:
        if is_stream(request) and response.is_success:
            response.stream = _AsyncBegun(stream, await anext(chunks, b""), chunks)
            return response
        body = b"".join([chunk async for chunk in chunks]) if response.is_success else await _awhat_comes(chunks)
    except BaseException:
        # Also when the task is being cancelled, which makes the connection worth closing all the more.
        with anyio.CancelScope(shield=True):
            await stream.aclose()
        raise
    await stream.aclose()
    response.stream = httpx.ByteStream(body)
    return response


async def _awhat_comes(chunks: AsyncIterator[bytes]) -> bytes:
    """As :func:`_what_comes`."""
    body = bytearray()
    with contextlib.suppress(*CONNECTION_ERRORS):
        async for chunk in chunks:
            body += chunk
    return bytes(body)


def flows(response: httpx.Response) -> bool:
    """Whether some of the body is still to come."""
    return not isinstance(response.stream, httpx.ByteStream)


def hold(response: httpx.Response, release: Callable[[], None]) -> httpx.Response:
    """Call ``release``, at least once, when the response is closed (httpx does so at its end) or garbage-collected."""
    response.stream = _Held(cast("httpx.SyncByteStream", response.stream), release)
    return response


def ahold(response: httpx.Response, release: Callable[[], None]) -> httpx.Response:
    """As :func:`hold`."""
    response.stream = _AsyncHeld(cast("httpx.AsyncByteStream", response.stream), release)
    return response


# The classes below hand on the iterator of the stream within, or chain it: a chunk costs what it cost without them.


class _Begun(httpx.SyncByteStream):
    """A stream whose first chunk has been taken and is given first."""

    def __init__(self, inner: httpx.SyncByteStream, first: bytes, rest: Iterator[bytes]) -> None:
        self._inner = inner
        self._first = first
        self._rest = rest

    def __iter__(self) -> Iterator[bytes]:
        return chain((self._first,), self._rest) if self._first else self._rest

    def close(self) -> None:
        self._inner.close()


class _AsyncBegun(httpx.AsyncByteStream):
    """As :class:`_Begun`."""

    def __init__(self, inner: httpx.AsyncByteStream, first: bytes, rest: AsyncIterator[bytes]) -> None:
        self._inner = inner
        self._first = first
        self._rest = rest

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    def __anext__(self) -> Awaitable[bytes]:
        if not self._first:
            return anext(self._rest)
        return self._give_first()

    async def _give_first(self) -> bytes:
        first, self._first = self._first, b""
        return first

    async def aclose(self) -> None:
        await self._inner.aclose()
        # An async generator left half-way is a warning on trio. One that another task is reading ends by itself.
        rest: Any = self._rest
        if isinstance(rest, AsyncGeneratorType) and not rest.ag_running:
            await rest.aclose()


class _Held(httpx.SyncByteStream):
    """A stream that says when it is no longer wanted."""

    def __init__(self, inner: httpx.SyncByteStream, release: Callable[[], None]) -> None:
        self._inner = inner
        self._release = release

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._inner)

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            self._release()

    def __del__(self) -> None:
        self._release()


class _AsyncHeld(httpx.AsyncByteStream):
    """As :class:`_Held`."""

    def __init__(self, inner: httpx.AsyncByteStream, release: Callable[[], None]) -> None:
        self._inner = inner
        self._release = release

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._inner)

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            self._release()

    def __del__(self) -> None:
        self._release()
