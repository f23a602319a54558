"""The streams that callers hold: thin sync and async shells that move bytes from a response into an exchange."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from types import GenericAlias, TracebackType
from typing import TYPE_CHECKING, Generic, Self

import anyio
import httpx
from attrs import frozen

from ollama_sdk._concurrency.events import TaskEvent, ThreadEvent
from ollama_sdk._concurrency.loops import EventLoop, current_loop
from ollama_sdk.errors import DecodeError, IncompleteReplyError

from ._exchange import OVER, READ, Exchange, ItemT, ReplyT, StreamState

__all__ = ["AsyncStream", "Exchange", "ResponseHead", "Stream", "StreamState"]


@frozen
class ResponseHead:
    """What came before the items.

    Attributes:
        status_code: The HTTP status.
        headers: The response headers.
    """

    status_code: int
    headers: httpx.Headers


class _Streaming(Generic[ItemT, ReplyT]):
    """What the sync and the async stream have in common."""

    if not TYPE_CHECKING:  # Stream[Item] will do: the second argument has a default
        __class_getitem__ = classmethod(GenericAlias)

    def __init__(self, exchange: Exchange[ItemT, ReplyT]) -> None:
        self._exchange = exchange
        self._ready = exchange.reader.ready
        self._convert = exchange.convert

    @property
    def response(self) -> ResponseHead:
        """Status and headers."""
        return ResponseHead(self._exchange.response.status_code, self._exchange.response.headers)

    @property
    def state(self) -> StreamState:
        """``open``, ``paused``, ``finished``, ``failed``, ``cancelled`` or ``closed``.

        ``finished`` and ``failed`` are said only once every item that arrived has been taken, also of a paused stream.
        """
        return self._exchange.state

    def pause(self) -> None:
        """Take and read nothing until :meth:`resume`: whoever wants an item waits, and the server is held back through TCP.

        May be called from any thread, task or signal handler, while others read or wait. No buffer grows: a read that is
        under way may end, and what it brings is kept. ``first_item`` and ``between_items`` stand still; only
        ``Timeout(total=…)`` runs on. When that runs out the pause is over: what had arrived is handed out, and then
        :class:`APITimeoutError` is raised. A stream that has ended, or was cancelled or closed, cannot be paused.

        On a transport that is not this package's own (``transport=``, ``http_client=``) a read that is under way keeps the
        limit with which it began, so ``between_items`` may end it during the pause.
        """
        self._exchange.pause()

    def resume(self) -> None:
        """Read on: whoever waits goes on waiting, with as much time as was left of its limit when the pause began.

        May be called from any thread, task or signal handler; does nothing unless the stream is paused.
        """
        self._exchange.resume()

    def __repr__(self) -> str:
        exchange = self._exchange
        status, items = exchange.response.status_code, exchange.reader.items
        return f"<{type(self).__name__} {status} {exchange.state}, {items} items>"


class Stream(_Streaming[ItemT, ReplyT]):
    """The items of a streamed reply, as they arrive.

    Iterate over it, in a ``with`` block so that leaving the block closes the connection, which is what makes Ollama stop
    generating. It ends without an error only when the server's last item arrived; every item that arrived whole is
    delivered before an error is raised.

    Raises (while iterating):
        IncompleteReplyError: The stream ended before its last item.
        ReplyFailedError: The server reported a failure in the stream.
        APITimeoutError: The next item did not arrive in time.
        DecodeError: An item is not what the document promises.
    """

    def __init__(self, exchange: Exchange[ItemT, ReplyT]) -> None:
        super().__init__(exchange)
        exchange.new_gate = ThreadEvent
        self._chunks: Iterator[bytes] = _chunks(exchange.response)

    def __iter__(self) -> Self:
        return self

    def cancel(self) -> None:
        """Give the stream up and close the connection, so that the server stops; also while another thread reads or waits.

        May be called from any thread or signal handler. Whoever takes the next item gets an :class:`IncompleteReplyError`,
        even if items have arrived that nobody took; a stream that has ended stays as it is. A thread that reads is woken
        through its socket, and closes; one on a transport without sockets wakes, and closes, when its next bytes come.
        """
        if self._exchange.stop("cancelled", self._interrupt):
            # A signal handler may run where this very thread holds the lock of the connection pool, which closing takes.
            self._interrupt()
            _close_elsewhere(self._exchange.response)

    def __next__(self) -> ItemT:
        while True:
            if not self._ready or self._exchange.held:
                self._pull()
            try:
                item = self._ready.popleft()
            except IndexError:  # another thread was faster
                continue
            try:
                return self._convert(item)
            except DecodeError as exc:
                self._exchange.refuse(exc)
                self.close()
                raise

    def collect(self) -> ReplyT:
        """Read the rest of the stream and merge it into one complete reply.

        Raises:
            IncompleteReplyError: It ended too early; ``.partial`` holds what there is.
        """
        self._exchange.gather_from_here()
        try:
            while True:
                self._pull()
                self._exchange.gather()
        except StopIteration:
            pass
        except IncompleteReplyError:
            pass  # raised anew, with the partial reply
        return self._exchange.collected()

    def _pull(self) -> None:
        """Return when an item is ready; raise at the end of the stream."""
        exchange = self._exchange
        step = exchange.next()
        while step is not None:
            if step is READ:
                try:
                    step = exchange.received(next(self._chunks, None))
                except BaseException as exc:  # whatever broke, the exchange decides what it means
                    step = exchange.lost(exc)
                    if not isinstance(exc, Exception):
                        raise
            elif step is OVER:
                self._release()
                exchange.raise_if_failed()
                raise StopIteration
            else:
                step.gate.wait(step.seconds)
                step = exchange.next()

    def close(self) -> None:
        """Close the connection, unless the reply has been read to its end: then it is kept for the next call.

        May be called from any thread; in a signal handler :meth:`cancel` instead. A thread that reads or waits is woken as
        :meth:`cancel` does; items that have arrived can still be taken, and then an :class:`IncompleteReplyError` says that
        the stream was closed.
        """
        if self._exchange.stop("closed", self._interrupt):
            self._exchange.response.close()

    def _release(self) -> None:
        if self._exchange.release(self._interrupt):
            self._exchange.response.close()

    def _interrupt(self) -> None:
        _interrupt(self._exchange.response)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_chunks") and self._exchange.stop("closed"):
            _close_elsewhere(self._exchange.response)


class AsyncStream(_Streaming[ItemT, ReplyT]):
    """The items of a streamed reply, as they arrive. The async twin of :class:`Stream`, on asyncio and trio."""

    def __init__(self, exchange: Exchange[ItemT, ReplyT]) -> None:
        super().__init__(exchange)
        self._chunks: AsyncIterator[bytes] = _async_chunks(exchange.response)
        self._loop: EventLoop = current_loop()
        # No method: that would tie the stream into a cycle, and a forgotten one would wait for the garbage collector.
        exchange.new_gate = partial(TaskEvent, self._loop)

    def __aiter__(self) -> Self:
        return self

    def cancel(self) -> None:
        """Give the stream up and close the connection, so that the server stops; also while another task reads or waits.

        May be called from any task, thread or signal handler; the event loop closes the connection soon. Whoever takes the
        next item gets an :class:`IncompleteReplyError`, even if items have arrived that nobody took; a stream that has ended
        stays as it is. A task that reads is woken by the closing; on a transport that is not this package's own, it wakes
        when that transport lets it, at the latest when its next bytes come.
        """
        if self._exchange.stop("cancelled"):
            self._loop.spawn(self._exchange.response.aclose)

    async def __anext__(self) -> ItemT:
        while True:
            if not self._ready or self._exchange.held:
                await self._pull()
            try:
                item = self._ready.popleft()
            except IndexError:  # another thread was faster
                continue
            try:
                return self._convert(item)
            except DecodeError as exc:
                self._exchange.refuse(exc)
                await self.close()
                raise

    async def collect(self) -> ReplyT:
        """Read the rest of the stream and merge it into one complete reply.

        Raises:
            IncompleteReplyError: It ended too early; ``.partial`` holds what there is.
        """
        self._exchange.gather_from_here()
        try:
            while True:
                await self._pull()
                self._exchange.gather()
        except StopAsyncIteration:
            pass
        except IncompleteReplyError:
            pass  # raised anew, with the partial reply
        return self._exchange.collected()

    async def _pull(self) -> None:
        """Return when an item is ready; raise at the end of the stream."""
        exchange = self._exchange
        step = exchange.next()
        while step is not None:
            if step is READ:
                try:
                    step = exchange.received(await self._chunks.__anext__())  # anext() with a default costs more
                except StopAsyncIteration:
                    step = exchange.received(None)
                except BaseException as exc:  # whatever broke, the exchange decides what it means
                    step = exchange.lost(exc)
                    if not isinstance(exc, Exception):
                        raise
            elif step is OVER:
                await self._release()
                exchange.raise_if_failed()
                raise StopAsyncIteration
            else:
                await step.gate.wait(step.seconds)
                step = exchange.next()

    async def close(self) -> None:
        """Close the connection, unless the reply has been read to its end: then it is kept for the next call.

        A task that reads or waits is woken as :meth:`cancel` does; items that have arrived can still be taken, and then an
        :class:`IncompleteReplyError` says that the stream was closed.
        """
        if self._exchange.stop("closed"):
            await _aclose(self._exchange.response)

    async def _release(self) -> None:
        if self._exchange.release():
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
                await getattr(chunks, "aclose")()  # noqa: B009 - an iterator's close is not in its protocol

            self._loop.spawn(close)


def _chunks(response: httpx.Response) -> Iterator[bytes]:
    """The body as it comes; past httpx's own layers where nothing needs decoding, which halves the cost of an item."""
    if "content-encoding" in response.headers:
        return response.iter_bytes()
    return iter(response.stream)  # type: ignore[arg-type]


def _async_chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    if "content-encoding" in response.headers:
        return response.aiter_bytes()
    return aiter(response.stream)  # type: ignore[arg-type]


async def _aclose(response: httpx.Response) -> None:
    with anyio.CancelScope(shield=True):
        await response.aclose()


def _close_elsewhere(response: httpx.Response) -> None:
    """Close from a finalizer or a signal handler: this very thread may hold the lock of the connection pool."""
    if not sys.is_finalizing():  # from then on no thread starts, and the process closes everything
        threading.Thread(target=response.close, daemon=True).start()


def _interrupt(response: httpx.Response) -> None:
    """Wake whoever is blocked in reading the response; a transport without a socket is left to wake by itself."""
    stream = response.extensions.get("network_stream")
    sock = stream.get_extra_info("socket") if stream is not None else None
    if sock is not None:
        with contextlib.suppress(OSError):  # gone already
            sock.shutdown(socket.SHUT_RDWR)
