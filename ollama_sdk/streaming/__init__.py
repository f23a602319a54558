"""Streamed replies: framing, reading and accumulating items, and the stream objects that callers hold."""

from ._bytes import AsyncByteStream, ByteStream
from ._exchange import StreamState
from ._stream import AsyncStream, ResponseHead, Stream

__all__ = ["AsyncByteStream", "AsyncStream", "ByteStream", "ResponseHead", "Stream", "StreamState"]
