"""Streamed replies: framing, reading and accumulating items, and the stream objects that callers hold."""

from ._exchange import StreamState
from ._stream import AsyncStream, ResponseHead, Stream

__all__ = ["AsyncStream", "ResponseHead", "Stream", "StreamState"]
