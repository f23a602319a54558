"""Writes one HTTP/1.1 request, without I/O: its head, and the framing of its body.

The head comes from httpx; only the parts for a proxy are added. A value that would break out of its line is refused before any byte
is sent (RFC 9110, section 5.5), and so is a body that is longer or shorter than its ``Content-Length``.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from functools import lru_cache

import httpx

__all__ = ["PIECE", "RequestWriter", "pieces"]

# Bytes that are passed to the system at once; after each piece, the deadline and an early response are checked.
PIECE = 65536

# Not patterns, which are compiled whenever a program starts; and this is twice as fast.
_TOKEN_CHARACTERS = f"!#$%&'*+-.^_`|~{string.digits}{string.ascii_letters}".encode("ascii")
_CONTROL_CHARACTERS = bytes({*range(0x20), 0x7F})
_NEVER_IN_HEAD = _CONTROL_CHARACTERS.translate(None, b"\t\r\n")
_NEVER_IN_TARGET = _CONTROL_CHARACTERS + b" "


class RequestWriter:
    """The bytes of one request.

    Args:
        request: The request.
        prefix: Scheme and host, which a proxy needs before the path; else empty.
        proxy_headers: Headers only for the proxy.

    Attributes:
        head: The request line and the headers.

    Raises:
        httpx.LocalProtocolError: The request is invalid.
    """

    __slots__ = ("_chunked", "_left", "head")

    def __init__(
        self, request: httpx.Request, prefix: bytes = b"", proxy_headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        method = request.method.encode("ascii", "replace")
        target = request.extensions.get("target") or request.url.raw_path
        self._left = 0
        self._chunked = False
        headers = [*proxy_headers, *request.headers.raw] if proxy_headers else request.headers.raw
        lines = [b"%b %b%b HTTP/1.1" % (method, prefix, target)]
        for name, value in headers:
            if not _is_token(name):
                raise httpx.LocalProtocolError(f"{name!r} is no name of a header")
            lines.append(b"%b: %b" % (name, value))
            size = len(name)
            if size == 14 and name.lower() == b"content-length":  # noqa: PLR2004 - the length of that name
                self._left = _length(value)
            elif size == 17 and name.lower() == b"transfer-encoding":  # noqa: PLR2004
                self._chunked = value.lower() == b"chunked"
                if not self._chunked:
                    raise httpx.LocalProtocolError("a request body is sent in chunks, or with its length")
        self.head = head = b"\r\n".join(lines) + b"\r\n\r\n"
        # The number of line breaks reveals one inside a value.
        if (
            not (head.count(b"\n") == head.count(b"\r") == len(lines) + 1)
            or head.translate(None, _NEVER_IN_HEAD) != head
        ):
            raise httpx.LocalProtocolError("a header holds a line break or another control character")
        if b" \r\n" in head or b"\t\r\n" in head:
            raise httpx.LocalProtocolError("a header ends in a blank")
        if not _is_token(method) or not target or target.translate(None, _NEVER_IN_TARGET) != target:
            raise httpx.LocalProtocolError("the method or the path holds characters that cannot be sent")

    def frame(self, data: bytes) -> bytes:
        """Frame the next piece of the body."""
        if self._chunked:
            return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        self._left -= len(data)
        if self._left < 0:
            raise httpx.LocalProtocolError("the body is longer than its content-length")
        return data

    def end(self) -> bytes:
        """Return the bytes after the body."""
        if self._chunked:
            return b"0\r\n\r\n"
        if self._left:
            raise httpx.LocalProtocolError(f"the body is {self._left} bytes shorter than its content-length")
        return b""

    def in_one_piece(self, stream: httpx.ByteStream) -> bytes:
        """Return head and body of a request whose body is in memory."""
        body = b"".join(stream)
        return self.head + self.frame(body) + self.end() if body or self._left or self._chunked else self.head


@lru_cache(512)
def _is_token(text: bytes) -> bool:
    return text != b"" and not text.translate(None, _TOKEN_CHARACTERS)


def _length(value: bytes) -> int:
    if not value.isdigit():
        raise httpx.LocalProtocolError("the content-length is no number")
    return int(value)


def pieces(data: bytes | memoryview) -> Iterator[bytes | memoryview]:
    """Split ``data`` into pieces without copying it."""
    view = memoryview(data)
    for start in range(0, len(view), PIECE):
        yield view[start : start + PIECE]
