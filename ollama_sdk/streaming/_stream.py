"""The streams that callers hold: thin sync and async shells that move bytes from a response into a reader."""

from __future__ import annotations

import contextlib
import math
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from types import GenericAlias, TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, Self, TypeVar

import anyio
import httpx
from attrs import define, field, frozen

from ollama_sdk.errors import APITimeoutError, DecodeError, IncompleteReplyError, OllamaError

from ._fold import MISFITS, Fold
from ._loop import Loop, current_loop
from ._reader import Reader

__all__ = ["AsyncStream", "Exchange", "Pace", "ResponseHead", "Stream", "StreamState"]

StreamState = Literal["open", "paused", "finished", "failed", "cancelled", "closed"]

ItemT = TypeVar("ItemT")
if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultTypeVar  # typing has it from Python 3.13 on

    ReplyT = DefaultTypeVar("ReplyT", default=ItemT)
else:
    ReplyT = TypeVar("ReplyT")


@frozen
class ResponseHead:
    """What came before the items.

    Attributes:
        status_code: The HTTP status.
        headers: The response headers.
    """

    status_code: int
    headers: httpx.Headers


class Pace(Protocol):
    """The deadlines of a call, as far as a stream moves them along."""

    def item(self) -> None:
        """The caller waits for another item."""
        ...

    def drain(self) -> None:
        """The last item has arrived: only the end of the body is due, and soon."""
        ...

    def hold(self) -> None:
        """The caller waits for nothing at the moment: no item is due."""
        ...

    def release(self) -> None:
        """The caller waits again, for what was due before."""
        ...

    def left(self) -> float:
        """Seconds until the nearest deadline; infinite without one."""
        ...


@define(eq=False, repr=False)
class Exchange(Generic[ItemT, ReplyT]):
    """One response being read as a stream: everything that sync and async streams decide alike.

    Attributes:
        response: The response whose body holds the items.
        reader: What finds them.
        pace: The deadlines to move along.
        convert: Makes an item of its decoded JSON.
        fold: Adds items up for ``collect()``.
        reply: Makes the one-piece reply of the folded JSON.
        explain: The typed error of what httpx raised.
        ended: Called once, with the number of items and the error if there was one.
    """

    response: httpx.Response
    reader: Reader
    pace: Pace
    convert: Callable[[Any], ItemT]
    fold: Fold
    reply: Callable[[dict[str, Any]], ReplyT]
    explain: Callable[[Exception], OllamaError]
    ended: Callable[[int, Exception | None], None]
    closed: bool = field(default=False, init=False)
    paused: bool = field(default=False, init=False)
    cancelled: bool = field(default=False, init=False)
    collecting: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.pace.hold()  # until the caller asks for the first item

    @property
    def state(self) -> StreamState:
        """Where the stream stands."""
        if self.cancelled:
            return "cancelled"
        if self.reader.error is not None:
            return "failed"
        if self.reader.finished:
            return "finished"
        if self.closed:
            return "closed"
        return "paused" if self.paused else "open"

    def pause(self) -> None:
        """Nothing is to be read until :meth:`resume`."""
        self.paused = True
        self.pace.hold()

    def resume(self) -> None:
        """Reading may go on, and the next item is due again."""
        if self.paused and not self.cancelled:
            self.paused = False
            self.asked()

    def asked(self) -> None:
        """The caller wants the next item, or still does: from now on the server may be late."""
        if self.paused:
            return
        if self.reader.items:
            self.pace.item()
        else:
            self.pace.release()
        if self.paused:  # by another thread meanwhile, whose hold has just been undone
            self.pace.hold()

    def cancel(self) -> bool:
        """Give the stream up, unless it has ended; whether there is something to stop."""
        if self.closed or self.cancelled or (self.reader.finished and not self.reader.ready):
            return False
        self.cancelled = True
        self.paused = True  # items that have arrived already are not handed out any more
        return True

    def wait_seconds(self) -> float | None:
        """How long a paused stream may wait, which only the limit of the whole call bounds; ``None`` without end."""
        left = self.pace.left()
        return None if left == math.inf else max(left, 0.0)

    def received(self, data: bytes) -> None:
        """The body went on."""
        self.reader.feed(data)
        if self.pace.left() < 0 and not self.reader.finished:
            # Our own wire stops at the deadline; another transport may let bytes trickle past it.
            self.lost(httpx.ReadTimeout("the deadline has passed"))
        if self.reader.finished:
            self.pace.drain()

    def lost(self, exc: Exception) -> None:
        """The body broke off. Once the last item has arrived that no longer matters."""
        if self.cancelled:
            return
        error = self.explain(exc)
        if isinstance(error, APITimeoutError) and not self.reader.finished:
            self.reader.error = error
            error.__cause__ = exc
        else:
            self.reader.end(exc)

    def raise_if_failed(self) -> None:
        """Raise what ended the stream badly; return when it ended well."""
        error = self.reader.error
        if error is None and (self.cancelled or not self.reader.finished):
            how = "cancelled" if self.cancelled else "closed"
            items = self.reader.items
            error = IncompleteReplyError(f"the stream was {how} before its last item, after {items} items", items=items)
        if error is not None:
            raise error

    def refuse(self, error: DecodeError) -> None:
        """An item is not what the document promises: the stream ends there."""
        self.reader.ready.clear()
        self.reader.error = error

    def gather_from_here(self) -> None:
        """Collecting begins. The first item says things about the whole reply, so it counts even if the caller has had it."""
        first, ready = self.reader.first, self.reader.ready
        begun, self.collecting = self.collecting, True
        if begun or first is None or (ready and ready[0] is first):
            return
        with contextlib.suppress(*MISFITS):
            self.fold.begin(first)

    def gather(self) -> None:
        """Add up the items that are ready."""
        ready = self.reader.ready
        try:
            while ready:
                self.fold.add(ready.popleft())
        except MISFITS as exc:
            self.refuse(self.reader.misfit(exc))

    def _folded(self) -> dict[str, Any]:
        try:
            return self.fold.result()
        except MISFITS as exc:
            raise self.reader.misfit(exc) from exc

    def collected(self) -> ReplyT:
        """The one reply of all folded items, or the reader's error with what there is."""
        try:
            self.raise_if_failed()
        except IncompleteReplyError as exc:
            exc.partial = self._partial()
            raise
        return self.reply(self._folded())

    def _partial(self) -> Any:
        data: dict[str, Any] | None = None
        try:
            data = self._folded()
            return self.reply(data) if data else None
        except OllamaError:  # too little arrived to make a reply of: the bare data says more than nothing
            return data

    def close(self) -> bool:
        """Mark as closed; whether this was the first time."""
        if self.closed:
            return False
        self.closed = True
        self.ended(self.reader.items, self.reader.error)
        return True


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
        """``open``, ``paused``, ``finished``, ``failed``, ``cancelled`` or ``closed``."""
        return self._exchange.state

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
        self._chunks: Iterator[bytes] = _chunks(exchange.response)
        self._flow = threading.Event()
        self._reading = threading.Lock()

    def __iter__(self) -> Self:
        return self

    def pause(self) -> None:
        """Stop reading: whoever takes the next item waits, and the server is held back through TCP; no buffer grows.

        May be called from any thread. Only ``Timeout(total=…)`` still runs.
        """
        self._flow.clear()
        self._exchange.pause()

    def resume(self) -> None:
        """Read on. May be called from any thread."""
        self._exchange.resume()
        self._flow.set()

    def cancel(self) -> None:
        """Close the connection, so that the server stops; may be called from any thread, also while another one reads.

        Whoever takes the next item gets an :class:`IncompleteReplyError`.
        """
        if not self._exchange.cancel():
            return
        self._flow.set()
        _interrupt(self._exchange.response)
        if self._reading.acquire(blocking=False):  # otherwise the reader, now awake, closes
            try:
                self.close()
            finally:
                self._reading.release()

    def __next__(self) -> ItemT:
        if not self._ready or self._exchange.paused:
            self._pull()
        try:
            return self._convert(self._ready.popleft())
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
                self._exchange.gather()
                self._pull()
        except StopIteration:
            pass
        except IncompleteReplyError:
            pass  # raised anew, with the partial reply
        return self._exchange.collected()

    def _pull(self) -> None:
        """Read until an item is ready; raise at the end of the stream."""
        exchange = self._exchange
        reader = exchange.reader
        exchange.asked()
        while not self._ready or exchange.paused:
            if reader.error is not None or exchange.closed or exchange.cancelled:
                self.close()
                exchange.raise_if_failed()
                raise StopIteration
            if exchange.paused:
                if not self._flow.wait(exchange.wait_seconds()):
                    exchange.lost(httpx.ReadTimeout("paused until the call as a whole had taken too long"))
                continue
            try:
                with self._reading:
                    data = next(self._chunks, None)
            except Exception as exc:  # noqa: BLE001 - whatever broke, the reader decides what it means
                exchange.lost(exc)
                data = None
            else:
                if data is None:
                    reader.end()
            if data is not None:
                exchange.received(data)
            elif reader.error is None and not self._ready:
                self.close()

    def close(self) -> None:
        """Close the connection, unless the reply has been read to its end: then it is kept for the next call."""
        if self._exchange.close():
            self._exchange.response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_reading") and self._exchange.close():
            _close_elsewhere(self._exchange.response)


class AsyncStream(_Streaming[ItemT, ReplyT]):
    """The items of a streamed reply, as they arrive. The async twin of :class:`Stream`, on asyncio and trio."""

    def __init__(self, exchange: Exchange[ItemT, ReplyT]) -> None:
        super().__init__(exchange)
        self._chunks: AsyncIterator[bytes] = _async_chunks(exchange.response)
        self._loop: Loop = current_loop()
        self._flow: anyio.Event | None = None

    def __aiter__(self) -> Self:
        return self

    def pause(self) -> None:
        """Stop reading: whoever takes the next item waits, and the server is held back through TCP; no buffer grows.

        May be called from any task or thread. Only ``Timeout(total=…)`` still runs.
        """
        self._exchange.pause()

    def resume(self) -> None:
        """Read on. May be called from any task or thread."""
        self._exchange.resume()
        self._wake()

    def cancel(self) -> None:
        """Close the connection, so that the server stops; may be called from any task or thread.

        Whoever takes the next item gets an :class:`IncompleteReplyError`.
        """
        if self._exchange.cancel():
            self._wake()
            self._loop.spawn(self.close)

    def _wake(self) -> None:
        if self._flow is not None:
            self._loop.call(self._flow.set)

    async def _held(self) -> None:
        """Wait until the stream flows again, or the whole call has taken too long."""
        self._flow = anyio.Event()
        if not self._exchange.paused or self._exchange.cancelled:
            return
        with anyio.move_on_after(self._exchange.wait_seconds()):
            await self._flow.wait()
            return
        self._exchange.lost(httpx.ReadTimeout("paused until the call as a whole had taken too long"))

    async def __anext__(self) -> ItemT:
        if not self._ready or self._exchange.paused:
            await self._pull()
        try:
            return self._convert(self._ready.popleft())
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
                self._exchange.gather()
                await self._pull()
        except StopAsyncIteration:
            pass
        except IncompleteReplyError:
            pass  # raised anew, with the partial reply
        return self._exchange.collected()

    async def _pull(self) -> None:
        """Read until an item is ready; raise at the end of the stream."""
        exchange = self._exchange
        reader = exchange.reader
        exchange.asked()
        while not self._ready or exchange.paused:
            if reader.error is not None or exchange.closed or exchange.cancelled:
                await self.close()
                exchange.raise_if_failed()
                raise StopAsyncIteration
            if exchange.paused:
                await self._held()
                continue
            try:
                data = await anext(self._chunks, None)
            except Exception as exc:  # noqa: BLE001 - whatever broke, the reader decides what it means
                exchange.lost(exc)
                data = None
            else:
                if data is None:
                    reader.end()
            if data is not None:
                exchange.received(data)
            elif reader.error is None and not self._ready:
                await self.close()

    async def close(self) -> None:
        """Close the connection, unless the reply has been read to its end: then it is kept for the next call."""
        if self._exchange.close():
            with anyio.CancelScope(shield=True):
                await self._exchange.response.aclose()

    aclose = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        if hasattr(self, "_loop") and self._exchange.close():
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


def _close_elsewhere(response: httpx.Response) -> None:
    """Close from a finalizer: the collector may run where this very thread holds the lock of the connection pool."""
    if not sys.is_finalizing():  # from then on no thread starts, and the process closes everything
        threading.Thread(target=response.close, daemon=True).start()


def _interrupt(response: httpx.Response) -> None:
    """Wake whoever is blocked in reading the response; a transport without a socket is left to wake by itself."""
    stream = response.extensions.get("network_stream")
    sock = stream.get_extra_info("socket") if stream is not None else None
    if sock is not None:
        with contextlib.suppress(OSError):  # gone already
            sock.shutdown(socket.SHUT_RDWR)
