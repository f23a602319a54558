"""The sync and async stream objects: they read the response and pass the bytes to an exchange, which decides the rest."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from types import GenericAlias, TracebackType
from typing import TYPE_CHECKING, Generic, Self

import anyio
import httpx
from attrs import field, frozen

from ollama_sdk._bodies import EndWatchedBody
from ollama_sdk._concurrency.loops import EventLoop, current_loop
from ollama_sdk.errors import DecodeError

from ._exchange import END, READ, ItemT, ReplyT, StreamExchange

if TYPE_CHECKING:
    from ._exchange import StreamState
else:
    StreamState = str  # jedi, which completes in notebooks, fails on a property that returns a Literal

__all__ = ["AsyncStream", "ResponseHead", "Stream"]


@frozen
class ResponseHead:
    """Status and headers of a streamed response, which arrive before the items.

    Attributes:
        status_code: The HTTP status.
        headers: The response headers.
    """

    status_code: int
    headers: httpx.Headers = field(repr=lambda headers: f"<{len(headers)} headers>")


class _StreamBase(Generic[ItemT, ReplyT]):
    """The base of the sync and the async stream."""

    if not TYPE_CHECKING:  # allows Stream[Item]: the second argument has a default
        __class_getitem__ = classmethod(GenericAlias)

    def __init__(self, exchange: StreamExchange[ItemT, ReplyT]) -> None:
        self._exchange = exchange
        self._ready = exchange.reader.ready
        self._decode_item = exchange.decode_item

    @property
    def head(self) -> ResponseHead:
        """Status and headers of the response."""
        return ResponseHead(self._exchange.response.status_code, self._exchange.response.headers)

    @property
    def state(self) -> StreamState:
        """The state of the stream: ``open``, ``paused``, ``finished``, ``failed``, ``cancelled`` or ``closed``.

        A stream is ``finished`` or ``failed`` only once every item that arrived has been taken, also while it is paused.
        """
        return self._exchange.state

    def pause(self) -> None:
        """Stop reading until :meth:`resume`; a caller that wants an item waits meanwhile.

        May be called from any thread, task or signal handler, while other callers read or wait. A stream that has ended, or
        was cancelled or closed, cannot be paused.

        The server is not stopped. It continues to write into the socket buffers, which take megabytes, and waits only when they
        are full; a small model may finish its reply meanwhile. :meth:`cancel` stops the server. In this process no buffer
        grows: a running read may end, and its bytes are kept.

        The limits ``first_item`` and ``between_items`` are suspended; ``Timeout(total=...)`` keeps running. When it has passed,
        the pause ends: the items that have arrived can be taken, then :class:`APITimeoutError` is raised. On a transport other
        than this package's own (``transport=``, ``http_client=``), a running read keeps its limit, so ``between_items`` may end
        it during the pause.
        """
        self._exchange.pause()

    def resume(self) -> None:
        """Continue to read; the limit of a waiting caller continues with the seconds that were left at the pause.

        May be called from any thread, task or signal handler; does nothing unless the stream is paused.
        """
        self._exchange.resume()

    def __repr__(self) -> str:
        exchange = self._exchange
        status, items = exchange.response.status_code, exchange.reader.items
        return f"<{type(self).__name__} {status} {exchange.state}, {items} items>"


class Stream(_StreamBase[ItemT, ReplyT]):
    """The items of a streamed reply, as they arrive: an iterator, and a context manager that closes the connection.

    ``Stream[Item, Reply]`` yields ``Item`` and collects into ``Reply``; ``Stream[Item]`` collects into ``Item``. Leaving the
    block, :meth:`close`, :meth:`cancel` and dropping the last reference close the connection, which makes Ollama stop generating.

    Iteration ends without an error only when the server's last item has arrived, and raises only after every complete item was
    taken. Threads may share a stream: each item goes to one of them.

    Raises (while iterating):
        IncompleteReplyError: The stream ended before its last item, or was cancelled or closed before it was taken;
            ``.partial`` holds the reply so far.
        ReplyFailedError: The server reported a failure in the stream.
        APITimeoutError: The next item did not arrive within ``first_item`` or ``between_items`` seconds, or the call took
            longer than ``total`` seconds.
        DecodeError: An item does not match the document, or is longer than ``max_item_bytes`` bytes.
    """

    def __init__(self, exchange: StreamExchange[ItemT, ReplyT]) -> None:
        super().__init__(exchange)
        self._chunks: Iterator[bytes] = _chunks(exchange.response)
        exchange.watched = getattr(self._chunks, "watches_deadlines", False)

    def __iter__(self) -> Self:
        return self

    def cancel(self) -> None:
        """Stop the stream and close the connection, so that the server stops; also while another thread reads or waits.

        May be called from any thread or signal handler. Asking for a further item raises an :class:`IncompleteReplyError`, even
        if items have arrived that were not taken; a stream that has ended does not change. A reading thread is woken through its
        socket, and closes; on a transport without sockets it wakes and closes when its next bytes arrive.
        """
        if self._exchange.stop("cancelled", self._interrupt):
            # A signal handler may run while its thread holds the lock of the connection pool, which closing takes.
            self._interrupt()
            _close_in_thread(self._exchange.response)

    def __next__(self) -> ItemT:
        while True:
            if not self._ready or self._exchange.held:
                self._pull()
            try:
                item = self._ready.popleft()
            except IndexError:  # another thread was faster
                continue
            try:
                return self._decode_item(item)
            except self._exchange.call.undecoded:
                pass
            try:
                unusual: ItemT = self._exchange.call.item_of(item)
            except DecodeError as exc:
                del item  # a traceback that shows local variables must not show data of the server
                self._exchange.refuse_item(exc)
                self.close()
                raise exc.with_traceback(None) from None
            return unusual

    def collect(self) -> ReplyT:
        """Read the rest of the stream, and merge all its items into one reply, including those that were taken before.

        Returns:
            The reply, of the type that the method returns without ``stream=True``.

        Raises:
            IncompleteReplyError: As while iterating, and so are :class:`ReplyFailedError`, :class:`APITimeoutError` and
                :class:`DecodeError`.
        """
        with contextlib.suppress(StopIteration):
            while True:
                self._pull()
                self._exchange.collect_ready()
        return self._exchange.collected_reply()

    def display(self) -> None:
        """Show the items as they arrive: in the output of a notebook's cell, else as text on standard output.

        In a notebook the growing text is rendered as Markdown, and replaced by the whole reply at the end; elsewhere thinking,
        text and tool calls are written unchanged. :meth:`collect` returns the reply afterwards. An early end, such as an
        interrupted cell, closes the connection, so that Ollama stops generating.

        Raises:
            IncompleteReplyError: As while iterating, and so are :class:`ReplyFailedError`, :class:`APITimeoutError` and
                :class:`DecodeError`; the items that arrived stay visible.
        """
        from ollama_sdk._display import Screen  # imported only for display()

        screen = Screen()
        try:
            for item in self:
                screen.show(item)
            screen.finish(self.collect())
        except BaseException:
            self.close()
            screen.abandon()
            raise

    def _pull(self) -> None:
        """Return when an item is ready; raise at the end of the stream."""
        exchange = self._exchange
        try:
            step = exchange.next_step()
            while step is not None:
                if step is READ:
                    try:
                        try:
                            step = exchange.received(self._chunks.__next__())  # next() with a default costs more
                        except StopIteration:
                            step = exchange.received(None)
                    except Exception as exc:  # noqa: BLE001 - the exchange handles every error
                        step = exchange.read_failed(exc)
                elif step is END:
                    if exchange.release(self._interrupt):
                        exchange.response.close()
                    exchange.raise_if_failed()
                    raise StopIteration
                else:
                    step.event.wait(step.seconds)
                    step = exchange.next_step()
        except BaseException as exc:  # also what a signal handler raises between two lines
            exchange.interrupted(exc)
            raise

    def close(self) -> None:
        """Close the connection; after a reply that was read to its end, the connection is kept for the next call.

        May be called from any thread; in a signal handler use :meth:`cancel`. A thread that reads or waits is woken as by
        :meth:`cancel`. Items that have arrived can still be taken; after them an :class:`IncompleteReplyError` is raised.
        """
        if self._exchange.stop("closed", self._interrupt):
            self._exchange.response.close()

    def _interrupt(self) -> None:
        """Wake the thread that is blocked in a read, if the transport has a socket."""
        network_stream = self._exchange.response.extensions.get("network_stream")
        sock = None if network_stream is None else network_stream.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):  # it is closed already
                sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_chunks") and self._exchange.stop("closed"):
            _close_in_thread(self._exchange.response)


class AsyncStream(_StreamBase[ItemT, ReplyT]):
    """The items of a streamed reply, as they arrive: the async twin of :class:`Stream`, on asyncio and trio.

    An asynchronous iterator and context manager with the same guarantees and errors. Tasks of one event loop may share a stream.
    """

    def __init__(self, exchange: StreamExchange[ItemT, ReplyT]) -> None:
        super().__init__(exchange)
        self._chunks: AsyncIterator[bytes] = _async_chunks(exchange.response)
        self._loop: EventLoop = current_loop()
        exchange.loop = self._loop

    def __aiter__(self) -> Self:
        return self

    def cancel(self) -> None:
        """Stop the stream and close the connection, so that the server stops; also while another task reads or waits.

        May be called from any task, thread or signal handler; the event loop closes the connection soon. Asking for a further
        item raises an :class:`IncompleteReplyError`, even if items have arrived that were not taken; a stream that has ended does
        not change. Closing wakes a reading task; on a transport other than this package's own it wakes when its next bytes
        arrive at the latest.
        """
        if self._exchange.stop("cancelled"):
            self._loop.spawn(self._exchange.response.aclose)

    async def __anext__(self) -> ItemT:
        while True:
            if not self._ready or self._exchange.held:
                await self._pull()
            try:
                item = self._ready.popleft()
            except IndexError:  # another task was faster
                continue
            try:
                return self._decode_item(item)
            except self._exchange.call.undecoded:
                pass
            try:
                unusual: ItemT = self._exchange.call.item_of(item)
            except DecodeError as exc:
                del item  # as in Stream.__next__
                self._exchange.refuse_item(exc)
                await self.close()
                raise exc.with_traceback(None) from None
            return unusual

    async def collect(self) -> ReplyT:
        """Read the rest of the stream and merge it into one reply; see :meth:`Stream.collect`.

        Returns:
            The reply, of the type that the method returns without ``stream=True``.

        Raises:
            IncompleteReplyError: As while iterating, and so are :class:`ReplyFailedError`, :class:`APITimeoutError` and
                :class:`DecodeError`.
        """
        with contextlib.suppress(StopAsyncIteration):
            while True:
                await self._pull()
                self._exchange.collect_ready()
        return self._exchange.collected_reply()

    async def display(self) -> None:
        """Show the items as they arrive; see :meth:`Stream.display`.

        Raises:
            IncompleteReplyError: As while iterating, and so are :class:`ReplyFailedError`, :class:`APITimeoutError` and
                :class:`DecodeError`; the items that arrived stay visible.
        """
        from ollama_sdk._display import Screen

        screen = Screen()
        try:
            async for item in self:
                screen.show(item)
            screen.finish(await self.collect())
        except BaseException:
            await self.close()
            screen.abandon()
            raise

    async def _pull(self) -> None:
        """Return when an item is ready; raise at the end of the stream."""
        exchange = self._exchange
        step = exchange.next_step()
        while step is not None:
            if step is READ:
                try:
                    try:
                        step = exchange.received(await self._chunks.__anext__())  # anext() with a default costs more
                    except StopAsyncIteration:
                        step = exchange.received(None)
                except BaseException as exc:  # the exchange handles every error
                    step = exchange.read_failed(exc)
                    if not isinstance(exc, Exception):
                        raise
            elif step is END:
                if exchange.release():
                    await _aclose(exchange.response)
                exchange.raise_if_failed()
                raise StopAsyncIteration
            else:
                await step.event.wait(step.seconds)
                step = exchange.next_step()

    async def close(self) -> None:
        """Close the connection; after a reply that was read to its end, the connection is kept for the next call.

        A task that reads or waits is woken as by :meth:`cancel`. Items that have arrived can still be taken; after them an
        :class:`IncompleteReplyError` is raised.
        """
        if self._exchange.stop("closed"):
            await _aclose(self._exchange.response)

    aclose = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        if hasattr(self, "_loop") and self._exchange.stop("closed"):
            chunks, response = self._chunks, self._exchange.response

            async def close() -> None:
                await response.aclose()
                if isinstance(chunks, AsyncGenerator):
                    await chunks.aclose()

            self._loop.spawn(close)


def _chunks(response: httpx.Response) -> Iterator[bytes]:
    """The chunks of the body; without httpx's decoding layers, which are not needed and would double the cost of an item."""
    body = response.stream
    if isinstance(body, EndWatchedBody):
        body = body.inner  # the exchange reports the end
    return iter(body) if isinstance(body, httpx.SyncByteStream) else response.iter_bytes()


def _async_chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    body = response.stream
    if isinstance(body, EndWatchedBody):
        body = body.inner  # the exchange reports the end
    return aiter(body) if isinstance(body, httpx.AsyncByteStream) else response.aiter_bytes()


async def _aclose(response: httpx.Response) -> None:
    with anyio.CancelScope(shield=True):
        await response.aclose()


def _close_in_thread(response: httpx.Response) -> None:
    """Close from a finalizer or a signal handler, whose thread may hold the lock of the connection pool."""
    if not sys.is_finalizing():  # then no thread can start, and the process closes its sockets anyway
        threading.Thread(target=response.close, daemon=True).start()
