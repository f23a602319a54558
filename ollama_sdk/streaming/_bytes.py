"""Streams of bytes, such as sound: iterated, read as a whole, or saved to a file."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from ollama_sdk._concurrency.loops import current_loop
from ollama_sdk.errors import DecodeError, IncompleteReplyError, OllamaError

from ._accumulation import Accumulator
from ._reader import ReadCall, incomplete
from ._stream import AsyncStream, Stream

__all__ = ["AsyncByteStream", "ByteStream", "BytesReader", "NoAccumulator"]

PathLike = str | os.PathLike[str]


class BytesReader:
    """Reads a body without items: each read is a chunk, and a clean end is the end.

    A body with a Content-Length or in chunked coding cannot end early unnoticed, because the transport raises then.

    Args:
        call: The call.
        may_be_empty: Whether a body without a byte is complete; else it is that of a server that failed before the first one.

    Attributes:
        ready: Chunks that no caller has taken yet.
        finished: Whether the body is complete.
        error: The error to raise once ``ready`` is empty.
        items: How many chunks have arrived.
    """

    __slots__ = (
        "_bytes",
        "_call",
        "_may_be_empty",
        "error",
        "finished",
        "items",
        "ready",
        "unadded",
        "unadded_bytes",
    )

    first: dict[str, Any] | None = None
    usage_item: dict[str, Any] = {}  # noqa: RUF012 - never changed: bytes have no token counts

    def __init__(self, call: ReadCall, *, may_be_empty: bool) -> None:
        self._call = call
        self._may_be_empty = may_be_empty
        self._bytes = 0
        self.ready: deque[bytes] = deque()
        self.finished: bool = False
        self.error: OllamaError | None = None
        self.items: int = 0
        self.unadded: list[Any] = []  # stays empty: chunks that callers have taken are not kept
        self.unadded_bytes: int = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        if data:
            self._bytes += len(data)
            self.items += 1
            self.ready.append(data)

    def end(self, cause: BaseException | None = None) -> None:
        """Take the end of the body; ``cause`` is the error that broke it off, ``None`` for a clean end."""
        if self.finished or self.error is not None:
            return
        if cause is None and (self._bytes or self._may_be_empty):
            self.finished = True
        else:
            where = f"before the end, after {self._bytes} bytes" if self._bytes else "before the first byte"
            self.error = incomplete(self._call, where, self.items, cause)

    def take_unterminated(self) -> None:
        """Do nothing: chunks need no terminator."""

    def decode_error(self, cause: BaseException) -> DecodeError:
        """Return the error of a failed accumulation, as a reader must; :class:`NoAccumulator` never fails."""
        return DecodeError(f"{self._call.name}: the bytes do not add up to a reply: {cause!r}")


class NoAccumulator(Accumulator):
    """Keeps nothing, so that a long body takes no memory once its chunks have been taken."""

    def add(self, items: Sequence[dict[str, Any]]) -> None:
        """Forget some items."""

    def result(self) -> dict[str, Any]:
        """Return nothing."""
        return {}


class ByteStream(Stream[bytes, bytes]):
    """The bytes of a reply, such as sound, as they arrive: an iterator over chunks, and a context manager.

    A chunk holds the bytes of one read, of any size. Leaving the block, :meth:`close`, :meth:`cancel` and dropping the last
    reference close the connection, which makes the server stop. Chunks that were taken are not kept.

    Raises (while iterating, reading and saving):
        IncompleteReplyError: The transfer broke off or brought no byte, or the stream was cancelled or closed before its end.
        APITimeoutError: The next bytes did not arrive within ``first_item`` or ``between_items`` seconds, or the call took
            longer than ``total`` seconds.
    """

    def read(self) -> bytes:
        """Read the rest of the stream into memory.

        Returns:
            The bytes that were not taken before.

        Raises:
            IncompleteReplyError: As while iterating; ``.partial`` holds the bytes that arrived.
            APITimeoutError: As while iterating.
        """
        chunks: list[bytes] = []
        try:
            for chunk in self:
                chunks.append(chunk)  # noqa: PERF402 - extend() would lose the chunks before an error
        except IncompleteReplyError as exc:
            exc.partial = b"".join(chunks)
            raise
        return b"".join(chunks)

    def collect(self) -> bytes:
        """Read the rest of the stream into memory, as :meth:`read` does."""
        return self.read()

    def save(self, path: PathLike) -> int:
        """Save the rest of the stream as a file, which appears under its name only once it is complete.

        The bytes are first written to a temporary file in the same folder. If the transfer fails, that file is removed, and an
        existing file stays unchanged.

        Args:
            path: The file; an existing one is replaced.

        Returns:
            The size of the file, in bytes.

        Raises:
            IncompleteReplyError: As while iterating; nothing was saved.
            APITimeoutError: As while iterating; nothing was saved.
            OSError: The file cannot be written; the stream is closed then.
        """
        try:
            with _NewFile(path) as file:
                for chunk in self:
                    file.write(chunk)
                return file.tell()
        finally:
            self.close()


class AsyncByteStream(AsyncStream[bytes, bytes]):
    """The bytes of a reply, as they arrive: the async twin of :class:`ByteStream`, on asyncio and trio."""

    async def read(self) -> bytes:
        """Read the rest of the stream into memory; see :meth:`ByteStream.read`.

        Returns:
            The bytes that were not taken before.

        Raises:
            IncompleteReplyError: As while iterating; ``.partial`` holds the bytes that arrived.
            APITimeoutError: As while iterating.
        """
        chunks: list[bytes] = []
        try:
            async for chunk in self:
                chunks.append(chunk)  # noqa: PERF401 - the chunks before an error are kept
        except IncompleteReplyError as exc:
            exc.partial = b"".join(chunks)
            raise
        return b"".join(chunks)

    async def collect(self) -> bytes:
        """Read the rest of the stream into memory, as :meth:`read` does."""
        return await self.read()

    async def save(self, path: PathLike) -> int:
        """Save the rest of the stream as a file; see :meth:`ByteStream.save`. Threads write it, so it does not block the loop.

        Args:
            path: The file; an existing one is replaced.

        Returns:
            The size of the file, in bytes.

        Raises:
            IncompleteReplyError: As while iterating; nothing was saved.
            APITimeoutError: As while iterating; nothing was saved.
            OSError: The file cannot be written; the stream is closed then.
        """
        import anyio
        import anyio.to_thread  # imported only for save()

        current_loop()  # raises in a forked child, where the threads of the parent's event loop do not exist
        file = _NewFile(path)
        try:
            out = await anyio.to_thread.run_sync(file.__enter__)
            async for chunk in self:
                await anyio.to_thread.run_sync(out.write, chunk)
            size = out.tell()
            await anyio.to_thread.run_sync(partial(file.__exit__, None, None, None))
        except BaseException as exc:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(partial(file.__exit__, type(exc), exc, None))
            raise
        else:
            return size
        finally:
            await self.close()


class _NewFile:
    """A file that gets its name at the end of the block, or is removed if that raises.

    Args:
        path: Its name. A symbolic link stays, and its target is replaced.
    """

    def __init__(self, path: PathLike) -> None:
        self._target = Path(os.path.realpath(path))
        self._temporary = self._target.with_name(f".{self._target.name[:64]}.{secrets.token_hex(8)}.part")
        self._file: IO[bytes] | None = None

    def __enter__(self) -> IO[bytes]:
        if self._target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(self._target))
        try:
            self._file = self._temporary.open("xb")
        except OSError as exc:
            exc.filename = str(self._target)  # the name that the caller knows
            raise
        return self._file

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Move the file to its name, or remove it; does nothing the second time."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            with file:
                if exc_type is None:
                    file.flush()
                    os.fsync(file.fileno())  # the name must not outlive the content in a crash
            if exc_type is None:
                self._temporary.replace(self._target)
        finally:
            with contextlib.suppress(OSError):
                self._temporary.unlink(missing_ok=True)
