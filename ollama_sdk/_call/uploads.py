"""Request bodies that are not JSON: uploads, read in pieces and never held in memory as a whole."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import AsyncIterator, Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import httpx

from ollama_sdk._codec.check import with_article
from ollama_sdk._codec.encode import NOTHING_LEFT, read_bytes
from ollama_sdk.errors import ConfigurationError

__all__ = ["Upload", "file_part"]

_Readable: TypeAlias = "io.BytesIO | io.BufferedReader | _CallersFile"
if TYPE_CHECKING:
    _Content = bytes | bytearray | memoryview[int] | PathLike[str] | IO[bytes]


class Upload(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Content to send unchanged, sync or async, and again for another attempt if that is possible.

    Args:
        content: Bytes, a path, or a binary file, which is read from its current position.
        where: The argument's name, for errors.

    Attributes:
        size: The number of bytes; ``None`` for a file that is not seekable, which can be sent only once.

    Raises:
        ConfigurationError: The file cannot be read, or it is a text file.
    """

    def __init__(self, content: _Content, where: str) -> None:
        from ollama_sdk._files import name_of, open_regular, pieces_of  # imported only for uploads

        self._where = where
        self._name = name_of(content)
        self._pieces_of = pieces_of
        self._open: Callable[[], _Readable]  # starts reading from the beginning
        self.size: int | None
        if isinstance(content, (bytes, bytearray, memoryview)):
            data = bytes(content)
            self._open, self.size = (lambda: io.BytesIO(data)), len(data)
        elif isinstance(content, PathLike):
            path = Path(content)
            self._name = str(path)
            self._open = lambda: open_regular(path, where)[0]
            file, self.size = open_regular(path, where)
            file.close()
        elif isinstance(content, io.TextIOBase) or not hasattr(content, "read"):
            raise ConfigurationError(
                f"{where} is {with_article(content)}; give bytes, a pathlib.Path or a file opened in binary mode"
            )
        else:
            self._open, self.size = _file_source(content, where)

    def digest(self) -> str:
        """Return ``sha256:`` and the hexadecimal digest of the content.

        Raises:
            ConfigurationError: The file can be read only once, so it cannot be both digested and sent.
        """
        if self.size is None:
            raise ConfigurationError(f"{self._where} is a file that cannot seek: give its digest, or a path")
        digest = hashlib.sha256()
        for piece in self:
            digest.update(piece)
        return f"sha256:{digest.hexdigest()}"

    def __iter__(self) -> Iterator[bytes]:
        with self._open() as file:
            yield from self._pieces_of(file, self.size, self._where, self._name)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        import anyio.to_thread  # imported only for async uploads

        # The caller's pipe may never have data: after a cancellation, the thread that waits for it is abandoned.
        is_endless = self.size is None
        pieces = iter(self)
        while piece := await anyio.to_thread.run_sync(next, pieces, b"", abandon_on_cancel=is_endless):
            yield piece


def _file_source(file: IO[bytes], where: str) -> tuple[Callable[[], _Readable], int | None]:
    """Return a function that opens a caller's file at its current position, and the number of bytes if it is known.

    Raises:
        ConfigurationError: It was read to its end before, or does not give bytes.
    """
    read_bytes(file, where, 0)
    if not file.seekable():
        return lambda: _CallersFile(file), None
    start = file.tell()
    size = file.seek(0, os.SEEK_END) - start
    file.seek(start)
    if start and not size:
        raise ConfigurationError(f"{where} {NOTHING_LEFT}")

    def rewound() -> _Readable:
        file.seek(start)
        return _CallersFile(file)

    return rewound, size


class _CallersFile(io.RawIOBase):
    """The caller's open file; closing this leaves it open."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._file.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


def file_part(content: _Content, where: str) -> tuple[str, bytes]:
    """Return the file name and the content of one file of a multipart form.

    Raises:
        ConfigurationError: As :class:`Upload` does.
    """
    upload = Upload(content, where)
    name = content if isinstance(content, PathLike) else getattr(content, "name", "file")
    return Path(str(name)).name, b"".join(upload)
