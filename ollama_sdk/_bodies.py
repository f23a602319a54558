"""Response bodies: whether one has been read, and streams that wrap another stream.

Each class serves sync and async readers, if the wrapped stream does. A class that does not look at chunks returns the iterator of
the wrapped stream, so that it adds no cost per chunk.
"""

from __future__ import annotations

from itertools import chain
from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any

import httpx

from .errors import DecodeError, describe_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from ._timeout import Deadlines

__all__ = [
    "MAX_BODY_BYTES",
    "Body",
    "BoundedBody",
    "EndWatchedBody",
    "ErrorBody",
    "ForeignBody",
    "HeldBody",
    "StartedBody",
    "WatchedBody",
    "WholeBody",
    "hold",
]

MAX_BODY_BYTES = 256 * 2**20  # of a one-piece reply, decoded


# A body in memory: such a response has been read, such a request can be sent again.
WholeBody = httpx.ByteStream


def hold(response: httpx.Response, release: Callable[[], object]) -> httpx.Response:
    """Call ``release``, at least once, when ``response`` is closed (httpx closes it at its end) or garbage-collected."""
    response.stream = HeldBody(response.stream, release)
    return response


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A stream that wraps another one.

    Args:
        inner: The wrapped stream, sync or async as its reader needs it.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def on_close(self) -> None:
        """Called after the body was closed, and after closing it failed."""

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._inner)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._inner)

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            self.on_close()

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            self.on_close()


class HeldBody(Body):
    """A body that calls ``release`` at least once: when it is closed or garbage-collected."""

    def __init__(self, inner: Any, release: Callable[[], object]) -> None:
        super().__init__(inner)
        self._release = release

    def on_close(self) -> None:
        self._release()

    def __del__(self) -> None:
        if hasattr(self, "_release"):  # missing if an exception interrupted the constructor
            self._release()


class StartedBody(Body):
    """A body whose first chunk has already been read, and is returned first.

    Args:
        inner: The wrapped stream.
        first: The chunk.
        rest: The iterator that it came from, sync or async as the reader needs it.
    """

    def __init__(self, inner: Any, first: bytes, rest: Any) -> None:
        super().__init__(inner)
        self._first = first
        self._rest = rest

    def __iter__(self) -> Iterator[bytes]:
        return chain((self._first,), self._rest) if self._first else self._rest

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self if self._first else self._rest

    def __anext__(self) -> Awaitable[bytes]:
        if not self._first:
            return anext(self._rest)
        # A stream calls ``__anext__`` by its name: from here on it gets that of the rest, without a call in between.
        vars(self)["__anext__"] = self._rest.__anext__
        return self._give_first()

    async def _give_first(self) -> bytes:
        first, self._first = self._first, b""
        return first

    async def aclose(self) -> None:
        await super().aclose()
        # trio warns about an async generator that is not closed. One that another task is reading ends by itself.
        rest: Any = self._rest
        if isinstance(rest, AsyncGeneratorType) and not rest.ag_running:
            await rest.aclose()


class WatchedBody(Body):
    """A body that calls a method of its subclass for each chunk, for an error and for its end."""

    _chunks: Any = None

    def on_chunk(self, chunk: bytes, /) -> None:
        """Called before a chunk is returned; an exception raised here ends the body."""

    def on_error(self, error: Exception) -> None:
        """Called before ``error`` is raised to the reader."""

    def on_end(self) -> None:
        """Called when the body has been read to its end."""

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._inner:
                self.on_chunk(chunk)
                yield chunk
        except Exception as error:
            self.on_error(error)
            raise
        self.on_end()

    # Not an async generator: trio warns about one that is not closed.
    def __aiter__(self) -> AsyncIterator[bytes]:
        self._chunks = aiter(self._inner)
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk: bytes = await anext(self._chunks)
            self.on_chunk(chunk)
        except StopAsyncIteration:
            self.on_end()
            raise
        except Exception as error:
            self.on_error(error)
            raise
        return chunk


class EndWatchedBody(WatchedBody):
    """A body of which only the end is watched, so that its reader can save the calls for each chunk.

    A reader may read :attr:`inner` instead. Then it calls :meth:`on_error` or :meth:`on_end` itself, as iteration would.
    """

    @property
    def inner(self) -> Any:
        """The wrapped stream."""
        return self._inner


class ForeignBody(WatchedBody):
    """A body from another library's transport: it is kept within the deadlines of its call, and its errors name the request.

    Such a transport may limit only each single read, so that a one-piece body could trickle in for ever. The stream of
    such a body checks its deadlines itself, item by item.

    Args:
        inner: The wrapped stream.
        request: The request, whose extensions hold ``deadlines`` and ``stream``.
    """

    def __init__(self, inner: Any, request: httpx.Request) -> None:
        super().__init__(inner)
        self._request = request
        self._deadlines: Deadlines | None = None if request.extensions["stream"] else request.extensions["deadlines"]

    def on_chunk(self, _: bytes, /) -> None:
        if self._deadlines is not None and self._deadlines.left() < 0:
            raise httpx.ReadTimeout("the deadline has passed")

    def on_error(self, error: Exception) -> None:
        if isinstance(error, httpx.RequestError):
            error.request = self._request


class BoundedBody(WatchedBody):
    """A one-piece reply that fails once it is longer than ``max_body_bytes``, an extension of its request."""

    def __init__(self, inner: Any, request: httpx.Request) -> None:
        super().__init__(inner)
        self._request = request
        self._limit = self._room = request.extensions.get("max_body_bytes", MAX_BODY_BYTES)

    def on_chunk(self, chunk: bytes, /) -> None:
        self._room -= len(chunk)
        if self._room < 0:
            raise DecodeError(
                f"{describe_call(self._request)}: the reply is longer than {self._limit:,} bytes, the limit; if replies this "
                "long are expected, raise the limit with a larger max_body_bytes="
            )


class ErrorBody(WatchedBody):
    """The body of an error status, truncated if it breaks off, takes too long or becomes too long.

    The status matters more than the text, so the caller gets the status even if the text cannot be read.

    Args:
        inner: The wrapped stream.
        deadlines: The deadlines of the call, if it has any.
        max_body_bytes: The limit of the client.
    """

    _MOST_SECONDS = 5.0
    _MOST_BYTES = 1 << 20

    def __init__(self, inner: Any, deadlines: Deadlines | None = None, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        super().__init__(inner)
        self._room = min(self._MOST_BYTES, max_body_bytes)
        if deadlines is not None:
            deadlines.drain(min(self._MOST_SECONDS, deadlines.left()))

    def __iter__(self) -> Iterator[bytes]:
        chunks = iter(self._inner)
        while self._room > 0:
            try:
                chunk = next(chunks)
            except Exception:  # noqa: BLE001 - any error truncates the body
                return
            self._room -= len(chunk)
            yield chunk

    async def __anext__(self) -> bytes:
        try:
            if self._room <= 0:
                raise StopAsyncIteration
            chunk: bytes = await anext(self._chunks)
        except Exception:  # noqa: BLE001 - any error truncates the body
            self._room = 0
            raise StopAsyncIteration from None
        self._room -= len(chunk)
        return chunk
