"""Streams of items: framing, and the stream objects that callers hold."""

from ._stream import AsyncStream, ResponseHead, Stream

__all__ = ["AsyncStream", "ResponseHead", "Stream"]
