"""Reads the caller's files: by path or already open, and never on an event loop.

A path must lead to a regular file, whose content must match its size. A device has no end, a pipe may have none, and the size of a
file in ``/proc`` is wrong: a path to one of them is refused, but a pipe that the caller has opened is read to its end.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ._concurrency.loops import leave_loop
from .errors import ConfigurationError

if TYPE_CHECKING:
    import io
    from os import PathLike

__all__ = [
    "PIECE",
    "name_of",
    "open_regular",
    "pieces_of",
    "read_opened",
    "read_whole",
]

PIECE = 1 << 20  # bytes

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_ENDLESS = {stat.S_IFCHR, stat.S_IFBLK}


def open_regular(path: PathLike[str], where: str) -> tuple[io.BufferedReader, int]:
    """Open the file at a path. Returns it with its size in bytes.

    Args:
        path: The path.
        where: The argument's name, for errors.

    Raises:
        ConfigurationError: It is not a regular file, or cannot be opened.
    """
    leave_loop()
    try:
        _refuse_irregular(Path(path).stat(), path, where)
        # Non-blocking, because a pipe may have replaced the file meanwhile.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        file = open(os.open(path, flags), "rb")  # noqa: PTH123, SIM115 - the caller closes it
        try:
            status = os.fstat(file.fileno())
            _refuse_irregular(status, path, where)
        except BaseException:
            file.close()
            raise
    except ConfigurationError:  # a ValueError too
        raise
    except (OSError, ValueError) as exc:  # ValueError: a null character in the path
        raise _unreadable(where, str(path), exc) from exc
    return file, status.st_size


def _refuse_irregular(status: os.stat_result, path: PathLike[str], where: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "not a file")
        raise ConfigurationError(f"{where}: {str(path)!r} cannot be read: it is {kind}; give a regular file")


def _unreadable(where: str, name: str, exc: Exception) -> ConfigurationError:
    reason = getattr(exc, "strerror", None) or exc
    return ConfigurationError(f"{where}: the file {name!r} cannot be read: {reason}")


def read_whole(path: PathLike[str], where: str) -> bytes:
    """Return the content of the file at a path.

    Raises:
        ConfigurationError: It is not a regular file, cannot be read, does not match its size, or does not fit into memory.
    """
    file, size = open_regular(path, where)
    with file:
        return b"".join(pieces_of(file, size, where, str(path)))


def read_opened(file: IO[bytes], where: str, size: int = -1) -> Any:
    """Read the caller's open file from its current position.

    Raises:
        ConfigurationError: It is a device, which has no end, or cannot be read.
    """
    leave_loop()
    name = name_of(file)
    try:
        _refuse_endless(file, where, name)
        return file.read(size)
    except (OSError, MemoryError) as exc:
        raise _unreadable(where, name, exc) from exc


def _refuse_endless(file: IO[bytes], where: str, name: str) -> None:
    try:
        mode = os.fstat(file.fileno()).st_mode
    except (OSError, ValueError, AttributeError, TypeError):  # a file in memory
        return
    if stat.S_IFMT(mode) in _ENDLESS and not os.isatty(file.fileno()):
        raise ConfigurationError(f"{where}: {name!r} cannot be read: it is a device; give a regular file")


def name_of(file: Any) -> str:
    """The name of a file in messages."""
    return str(getattr(file, "name", "") or type(file).__name__)


def _read(file: Any, most: int, where: str, name: str) -> bytes:
    try:
        piece: bytes | None = file.read(most)
    except (OSError, ValueError, MemoryError) as exc:
        raise _unreadable(where, name, exc) from exc
    if piece is None:
        raise ConfigurationError(f"{where}: the file {name!r} cannot be read: it is non-blocking, and has no data")
    return piece


def pieces_of(file: Any, size: int | None, where: str, name: str) -> Iterator[bytes]:
    """Read a file to its end.

    Args:
        file: The file, at the position of the first byte to read.
        size: The required number of bytes; ``None`` if it is not known.
        where: The argument's name, for errors.
        name: The file's name, for errors.

    Raises:
        ConfigurationError: There are more or fewer bytes, or reading fails. If there are more, the last piece is not yielded.
    """
    read = partial(_read, file, where=where, name=name)
    if size is None:
        while piece := read(PIECE):
            yield piece
        return
    left = size
    piece = b""
    while left:
        piece = read(min(PIECE, left))
        if not piece:
            raise ConfigurationError(
                f"{where}: the file {name!r} became shorter while it was read: {size - left:,} of its {size:,} bytes are left"
            )
        left -= len(piece)
        if left:
            yield piece
    if read(1):
        raise ConfigurationError(f"{where}: the file {name!r} holds more than {size:,} bytes, its size")
    if piece:
        yield piece
