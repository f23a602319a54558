"""Request bodies that are not JSON: content to upload, read in pieces and never held in memory as a whole."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import AsyncIterator, Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import IO, Any, cast

import httpx

from ollama_sdk.errors import ConfigurationError

__all__ = ["Upload", "file_part"]

_PIECE = 1 << 20


_Readable = io.BufferedIOBase | io.RawIOBase


class Upload(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Content to send as it is; sync and async, and, unless it comes from a file that cannot seek, more than once.

    Args:
        content: Bytes, a path, or a binary file, which is read from where it stands.
        where: The argument's name, for errors.

    Raises:
        ConfigurationError: The file cannot be read, or it is a text file.
    """

    def __init__(self, content: Any, where: str) -> None:
        self._where = where
        self._open, self.size = self._source(content)

    def _source(self, content: Any) -> tuple[Callable[[], _Readable], int | None]:
        """How to start reading from the beginning, and how many bytes there are if that can be known."""
        if isinstance(content, (bytes, bytearray, memoryview)):
            data = bytes(cast("Any", content))
            return lambda: io.BytesIO(data), len(data)
        if isinstance(content, PathLike):
            path = Path(cast("PathLike[str]", content))
            return lambda: self._open_path(path), _size(path, self._where)
        if isinstance(content, io.TextIOBase) or not hasattr(content, "read"):
            raise ConfigurationError(
                f"{self._where} is {type(content).__name__}; give bytes, a pathlib.Path or a file opened in binary mode"
            )
        file = cast("IO[bytes]", content)
        if not file.seekable():
            return lambda: _Kept(file), None
        start = file.tell()
        size = file.seek(0, os.SEEK_END) - start
        file.seek(start)

        def rewound() -> _Readable:
            file.seek(start)
            return _Kept(file)

        return rewound, size

    def _open_path(self, path: Path) -> _Readable:
        try:
            return path.open("rb")
        except OSError as exc:
            raise _unreadable(path, exc, self._where) from exc

    def digest(self) -> str:
        """``sha256:`` and the hexadecimal digest of the content.

        Raises:
            ConfigurationError: The file can be read only once, so it cannot be both digested and sent.
        """
        if self.size is None:
            raise ConfigurationError(f"{self._where} is a file that cannot seek: give its digest, or a path")
        with self._open() as file:
            return f"sha256:{hashlib.file_digest(cast('Any', file), 'sha256').hexdigest()}"

    def __iter__(self) -> Iterator[bytes]:
        with self._open() as file:
            while piece := file.read(_PIECE):
                yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        import anyio.to_thread  # noqa: PLC0415 - only async uploads pay for it

        with self._open() as file:
            while piece := await anyio.to_thread.run_sync(file.read, _PIECE):
                yield piece


class _Kept(io.RawIOBase):
    """A caller's file: read, but not closed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._file.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


def _size(path: Path, where: str) -> int:
    try:
        with path.open("rb"):  # a directory has a size too, but cannot be opened
            return path.stat().st_size
    except OSError as exc:
        raise _unreadable(path, exc, where) from exc


def _unreadable(path: Path, exc: OSError, where: str) -> ConfigurationError:
    return ConfigurationError(f"{where}: the file {str(path)!r} cannot be read: {exc.strerror}")


def file_part(content: Any, where: str) -> tuple[str, Any]:
    """The file name and content of one file of a multipart form.

    Raises:
        ConfigurationError: As :class:`Upload` does.
    """
    upload = Upload(content, where)
    name = Path(str(cast("Any", content) if isinstance(content, PathLike) else getattr(content, "name", "file"))).name
    return name, b"".join(upload)
