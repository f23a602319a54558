"""Turns the methods of a client into methods that return the status and the headers with the reply.

The types are computed, not generated: :func:`raw` and :func:`async_raw` take a method of a client and return its signature with
another return type, overload by overload. At run time they return the method itself. The view with such a method has another
runtime, whose ``call`` and ``invoke`` return a :class:`RawResponse` in place of the reply.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, cast

from attrs import frozen

from .operation import Operation
from .perform import AsyncRuntime, SyncRuntime
from .request import CallOptions, is_asked_for

if TYPE_CHECKING:
    import httpx

    from ollama_sdk.streaming import AsyncByteStream, AsyncStream, ByteStream, Stream

__all__ = ["AsyncRawRuntime", "RawResponse", "SyncRawRuntime", "async_raw", "raw"]

P = ParamSpec("P")
ReplyT = TypeVar("ReplyT")
ItemT = TypeVar("ItemT")

_SHOWN = 230  # characters of a reply in the repr of its response


@frozen(eq=False, repr=False)
class RawResponse(Generic[ReplyT]):
    """A reply together with the head of its response.

    Two are equal only if they are one: each response has a date, and the result may be a stream. Compare their ``parsed``.

    Attributes:
        status_code: The HTTP status.
        headers: The response headers.
        parsed: The result of the plain method.
        content: The body, decompressed; ``None`` if the result is a stream, and if no server responded.
    """

    status_code: int
    headers: httpx.Headers
    parsed: ReplyT
    content: bytes | None = None

    @property
    def text(self) -> str | None:
        """The body as text, which is UTF-8; ``None`` where ``content`` is."""
        return None if self.content is None else self.content.decode(errors="replace")

    def __repr__(self) -> str:
        parsed = repr(self.parsed)
        shown = parsed if len(parsed) <= _SHOWN else f"{parsed[: _SHOWN - 3]}..."
        return f"RawResponse(status_code={self.status_code}, headers=<{len(self.headers)} headers>, parsed={shown})"


def raw(method: Callable[Concatenate[Any, P], ReplyT]) -> Callable[Concatenate[Any, P], RawResponse[ReplyT]]:
    """The type of a sync method on a raw view; the method itself is unchanged."""
    return cast("Callable[Concatenate[Any, P], RawResponse[ReplyT]]", method)


def async_raw(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, ReplyT]],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, RawResponse[ReplyT]]]:
    """The type of an async method on a raw view; the method itself is unchanged."""
    return cast("Callable[Concatenate[Any, P], Coroutine[Any, Any, RawResponse[ReplyT]]]", method)


class SyncRawRuntime:
    """Calls operations as a client's runtime does, and returns status and headers with each reply.

    Attributes:
        runtime: The runtime of the client.
    """

    def __init__(self, runtime: SyncRuntime) -> None:
        self.runtime = runtime

    def call(
        self, operation: Operation[ReplyT, Any], values: Mapping[str, Any], options: CallOptions
    ) -> RawResponse[ReplyT]:
        """Call an operation for its one-piece reply."""
        return RawResponse(*self.runtime.raw(operation, values, options))

    def invoke(
        self, operation: Operation[ReplyT, ItemT], values: Mapping[str, Any], options: CallOptions, stream: bool
    ) -> RawResponse[ReplyT] | RawResponse[Stream[ItemT, ReplyT]]:
        """Call an operation for its one-piece reply, or for a stream of which only the head has been read."""
        if stream is False or not is_asked_for(stream):
            return RawResponse(*self.runtime.raw(operation, values, options))
        opened = self.runtime.stream(operation, values, options)
        return RawResponse(opened.head.status_code, opened.head.headers, opened)

    def download(
        self, operation: Operation[bytes, bytes], values: Mapping[str, Any], options: CallOptions
    ) -> RawResponse[ByteStream]:
        """Call an operation whose reply is bytes, of which only the head has been read."""
        opened = self.runtime.download(operation, values, options)
        return RawResponse(opened.head.status_code, opened.head.headers, opened)


class AsyncRawRuntime:
    """The async twin of :class:`SyncRawRuntime`."""

    def __init__(self, runtime: AsyncRuntime) -> None:
        self.runtime = runtime

    async def call(
        self, operation: Operation[ReplyT, Any], values: Mapping[str, Any], options: CallOptions
    ) -> RawResponse[ReplyT]:
        """Call an operation for its one-piece reply."""
        return RawResponse(*await self.runtime.raw(operation, values, options))

    async def invoke(
        self, operation: Operation[ReplyT, ItemT], values: Mapping[str, Any], options: CallOptions, stream: bool
    ) -> RawResponse[ReplyT] | RawResponse[AsyncStream[ItemT, ReplyT]]:
        """Call an operation for its one-piece reply, or for a stream, of which only the head has been read."""
        if stream is False or not is_asked_for(stream):
            return RawResponse(*await self.runtime.raw(operation, values, options))
        opened = await self.runtime.stream(operation, values, options)
        return RawResponse(opened.head.status_code, opened.head.headers, opened)

    async def download(
        self, operation: Operation[bytes, bytes], values: Mapping[str, Any], options: CallOptions
    ) -> RawResponse[AsyncByteStream]:
        """Call an operation whose reply is bytes, of which only the head has been read."""
        opened = await self.runtime.download(operation, values, options)
        return RawResponse(opened.head.status_code, opened.head.headers, opened)
