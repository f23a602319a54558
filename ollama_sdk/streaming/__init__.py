"""Streamed replies: framing, reading and accumulating items, and the stream objects."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._bytes import AsyncByteStream, ByteStream
    from ._exchange import StreamState
    from ._stream import AsyncStream, ResponseHead, Stream

__all__ = ["AsyncByteStream", "AsyncStream", "ByteStream", "ResponseHead", "Stream", "StreamState"]

# Imported at their first use, because a call for a one-piece reply needs none of them.
_MODULES = {
    "AsyncByteStream": "_bytes",
    "AsyncStream": "_stream",
    "ByteStream": "_bytes",
    "ResponseHead": "_stream",
    "Stream": "_stream",
    "StreamState": "_exchange",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    return value
