"""Streams of items: framing, and the stream objects that callers hold."""

from ._stream import AsyncStream, ResponseHead, Stream, StreamState

__all__ = ["AsyncStream", "ResponseHead", "Stream", "StreamState"]
