"""Performs one call over a transport, sync or async: sends the request and reads the body.

Both runtimes only do the I/O; :mod:`.response` interprets responses and exceptions. With ``__tracebackhide__``, pytest and IPython
leave a frame out of a traceback.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ollama_sdk._stack import AsyncTransports, SyncTransports
from ollama_sdk.errors import (
    OllamaError,
    shorten_traceback,
)

from .operation import Operation
from .request import Call, CallOptions, is_asked_for, prepare
from .response import (
    buffered_body,
    fail,
    outermost,
    read_head,
    read_reply,
    reply_of_unreachable,
)
from .settings import Settings

if TYPE_CHECKING:
    from ollama_sdk.streaming import AsyncByteStream, AsyncStream, ByteStream, Stream

    from .response import Received

__all__ = ["AsyncRuntime", "SyncRuntime"]

ReplyT = TypeVar("ReplyT")
ItemT = TypeVar("ItemT")


class SyncRuntime:
    """Calls operations over a transport.

    Attributes:
        settings: The settings of the client.
        transports: The transports of the client.
    """

    def __init__(self, settings: Settings, transports: SyncTransports) -> None:
        self.settings = settings
        self.transports = transports

    def with_settings(self, settings: Settings) -> Self:
        """Return a runtime with other settings over the same transports."""
        return type(self)(settings, self.transports)

    def call(self, operation: Operation[ReplyT, Any], values: Mapping[str, Any], options: CallOptions) -> ReplyT:
        """Call an operation and return its one-piece reply."""
        __tracebackhide__ = True
        return self.raw(operation, values, options)[2]

    def invoke(
        self, operation: Operation[ReplyT, ItemT], values: Mapping[str, Any], options: CallOptions, stream: bool
    ) -> ReplyT | Stream[ItemT, ReplyT]:
        """Call an operation and return its one-piece reply, or with ``stream`` a stream of its items."""
        __tracebackhide__ = True
        if stream is not False and is_asked_for(stream):
            return self.stream(operation, values, options)
        return self.call(operation, values, options)

    def raw(
        self, operation: Operation[ReplyT, Any], values: Mapping[str, Any], options: CallOptions
    ) -> Received[ReplyT]:
        """Call an operation and return its one-piece reply with status, headers and body."""
        __tracebackhide__ = True
        call = self._prepare(operation, values, options, stream=False)
        try:
            received: Received[ReplyT] = self._perform(call)
        except OllamaError as exc:
            unreachable = reply_of_unreachable(call, exc)
            if unreachable is None:
                raise outermost(exc) from exc.__cause__
            return unreachable
        return received

    def stream(
        self, operation: Operation[ReplyT, ItemT], values: Mapping[str, Any], options: CallOptions
    ) -> Stream[ItemT, ReplyT]:
        """Call an operation and return a stream of its items."""
        __tracebackhide__ = True
        from ollama_sdk.streaming._stream import Stream  # imported only for streams

        call = self._prepare(operation, values, options, stream=True)
        try:
            stream: Stream[ItemT, ReplyT] = self._perform(call, Stream)
        except OllamaError as exc:
            raise outermost(exc) from exc.__cause__
        return stream

    def download(
        self, operation: Operation[bytes, bytes], values: Mapping[str, Any], options: CallOptions
    ) -> ByteStream:
        """Call an operation whose reply is bytes, and return them as a stream."""
        __tracebackhide__ = True
        from ollama_sdk.streaming._bytes import ByteStream  # imported only for byte streams

        call = self._prepare(operation, values, options, stream=True)
        try:
            stream: ByteStream = self._perform(call, ByteStream)
        except OllamaError as exc:
            raise outermost(exc) from exc.__cause__
        return stream

    def _prepare(
        self, operation: Operation[ReplyT, ItemT], values: Mapping[str, Any], options: CallOptions, *, stream: bool
    ) -> Call[ReplyT, ItemT]:
        __tracebackhide__ = True
        try:
            return prepare(operation, values, options, self.settings, stream=stream)
        except OllamaError as exc:
            raise shorten_traceback(exc) from exc.__cause__

    def _perform(self, call: Call[Any, Any], stream_class: Any = None) -> Any:
        """Send the request, and return the reply or the requested stream."""
        __tracebackhide__ = True
        response = stream = None
        try:
            response = self.transports.current.handle_request(call.request)
            streaming = read_head(call, response)
            if streaming is not None:
                from .streamed import open_stream

                stream = stream_class(open_stream(call, response, streaming))
                return stream
            body = buffered_body(response)
            if body is None:
                body = response.read()
        except Exception as exc:  # noqa: BLE001 - transports raise what they like
            fail(call, response, exc)
        else:
            return read_reply(call, response, body)
        finally:
            if response is not None and stream is None:
                response.close()


@cache
def _loops() -> tuple[Any, type[Exception]]:
    from ollama_sdk._concurrency.loops import ON_LOOP, NotOnLoopError  # sync clients work without it

    return ON_LOOP, NotOnLoopError


class AsyncRuntime:
    """Calls operations over an async transport; the async twin of :class:`SyncRuntime`."""

    def __init__(self, settings: Settings, transports: AsyncTransports) -> None:
        self.settings = settings
        self.transports = transports

    def with_settings(self, settings: Settings) -> Self:
        """As :meth:`SyncRuntime.with_settings`."""
        return type(self)(settings, self.transports)

    async def call(self, operation: Operation[ReplyT, Any], values: Mapping[str, Any], options: CallOptions) -> ReplyT:
        """As :meth:`SyncRuntime.call`."""
        __tracebackhide__ = True
        return (await self.raw(operation, values, options))[2]

    async def invoke(
        self, operation: Operation[ReplyT, ItemT], values: Mapping[str, Any], options: CallOptions, stream: bool
    ) -> ReplyT | AsyncStream[ItemT, ReplyT]:
        """As :meth:`SyncRuntime.invoke`."""
        __tracebackhide__ = True
        if stream is not False and is_asked_for(stream):
            return await self.stream(operation, values, options)
        return await self.call(operation, values, options)

    async def raw(
        self, operation: Operation[ReplyT, Any], values: Mapping[str, Any], options: CallOptions
    ) -> Received[ReplyT]:
        """As :meth:`SyncRuntime.raw`."""
        __tracebackhide__ = True
        call = await self._prepare(operation, values, options, stream=False)
        try:
            received: Received[ReplyT] = await self._perform(call)
        except OllamaError as exc:
            unreachable = reply_of_unreachable(call, exc)
            if unreachable is None:
                raise outermost(exc) from exc.__cause__
            return unreachable
        return received

    async def stream(
        self, operation: Operation[ReplyT, ItemT], values: Mapping[str, Any], options: CallOptions
    ) -> AsyncStream[ItemT, ReplyT]:
        """As :meth:`SyncRuntime.stream`."""
        __tracebackhide__ = True
        from ollama_sdk.streaming._stream import AsyncStream

        call = await self._prepare(operation, values, options, stream=True)
        try:
            stream: AsyncStream[ItemT, ReplyT] = await self._perform(call, AsyncStream)
        except OllamaError as exc:
            raise outermost(exc) from exc.__cause__
        return stream

    async def download(
        self, operation: Operation[bytes, bytes], values: Mapping[str, Any], options: CallOptions
    ) -> AsyncByteStream:
        """As :meth:`SyncRuntime.download`."""
        __tracebackhide__ = True
        from ollama_sdk.streaming._bytes import AsyncByteStream

        call = await self._prepare(operation, values, options, stream=True)
        try:
            stream: AsyncByteStream = await self._perform(call, AsyncByteStream)
        except OllamaError as exc:
            raise outermost(exc) from exc.__cause__
        return stream

    async def _prepare(
        self, operation: Operation[ReplyT, ItemT], values: Mapping[str, Any], options: CallOptions, *, stream: bool
    ) -> Call[ReplyT, ItemT]:
        __tracebackhide__ = True
        on_loop, not_on_loop_error = _loops()
        work = partial(prepare, operation, values, options, self.settings, stream=stream)
        try:
            if operation.body not in {"binary", "multipart"}:
                on_loop.value = True
                try:
                    return work()
                except not_on_loop_error:
                    pass
                finally:
                    on_loop.value = False
            import anyio.to_thread  # imported only for uploads

            return await anyio.to_thread.run_sync(work)  # it reads files, which must not block the event loop
        except OllamaError as exc:
            raise shorten_traceback(exc) from exc.__cause__

    async def _perform(self, call: Call[Any, Any], stream_class: Any = None) -> Any:
        """As :meth:`SyncRuntime._perform`."""
        __tracebackhide__ = True
        response = stream = None
        try:
            response = await self.transports.current.handle_async_request(call.request)
            streaming = read_head(call, response)
            if streaming is not None:
                from .streamed import open_stream

                stream = stream_class(open_stream(call, response, streaming))
                return stream
            body = buffered_body(response)
            if body is None:
                body = await response.aread()
        except Exception as exc:  # noqa: BLE001 - transports raise what they like
            fail(call, response, exc)
        else:
            return read_reply(call, response, body)
        finally:
            if response is not None and stream is None and not response.is_closed:
                import anyio  # sync clients work without it

                with anyio.CancelScope(shield=True):
                    await response.aclose()
