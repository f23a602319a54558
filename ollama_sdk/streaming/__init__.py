"""Streamed replies: framing, reading and accumulating items, and the stream objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._exchange import StreamState
from ._stream import AsyncStream, ResponseHead, Stream

if TYPE_CHECKING:
    from ._bytes import AsyncByteStream, ByteStream

__all__ = ["AsyncByteStream", "AsyncStream", "ByteStream", "ResponseHead", "Stream", "StreamState"]


def __getattr__(name: str) -> Any:
    if name not in {"AsyncByteStream", "ByteStream"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _bytes  # imported only for byte streams

    return getattr(_bytes, name)
