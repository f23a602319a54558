r"""Reads one HTTP/1.1 response, without I/O: bytes in, a head and pieces of body out.

Theory
------
A parser reads exactly one response (RFC 9112) and never raises because of received data. The owner of the connection feeds and reads
it, so it needs no lock. Its attributes only move forward::

    nothing -> head -> pieces of body ... -> complete
         \________\________________________-> problem

``head`` is set once, by the final response, and replaced once, when the owner has taken it; interim responses (1xx) are read and
dropped. ``body`` holds the pieces that the owner
has not taken. ``complete`` and ``problem`` describe the end after these pieces: the owner takes the pieces first and checks the two
afterwards, so that all received data is delivered before an error. ``reusable`` is valid once the response is complete: whether the
received bytes end exactly with it, and neither side announced the end of the connection. After a further byte, the connection must
not carry another request, because that byte would become part of its reply.

Two parsers implement this interface. llhttp (httptools) is compiled and used if it can be imported; h11 is written in Python and
always available. Both accept folded header lines, ``\n`` as the end of a line of the head, a repeated blank after a chunk size and
``Content-Length`` together with ``Transfer-Encoding: chunked`` (which then decides), and both refuse control characters in headers,
transfer codings other than ``chunked`` and heads beyond :data:`MAX_HEAD_BYTES`. They differ only in data that real servers do not
send: llhttp refuses a repeated ``Content-Length`` and versions other than 1.x, and allows blank lines before a response.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from functools import cache

__all__ = [
    "HEAD_TAKEN",
    "MAX_HEAD_BYTES",
    "NO_RESPONSE",
    "Head",
    "ResponseParser",
    "has_control_characters",
    "parser_class",
]

# The limit of a head, of the trailers and of the extensions of a chunk: 100 KiB, as in httpx.
MAX_HEAD_BYTES = 100 * 1024

NO_RESPONSE = "the server closed the connection without sending a response"

# Field values are visible characters, blanks, tabs and the bytes above ASCII (RFC 9110, section 5.5).
has_control_characters = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]").search


class Head:
    """The status line and the headers of a response.

    Attributes:
        status: The status code.
        reason: The reason phrase.
        version: ``HTTP/1.1`` or ``HTTP/1.0``.
        headers: Names, as they were sent, and values.
    """

    __slots__ = ("headers", "reason", "status", "version")

    def __init__(self, status: int, reason: bytes, version: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        self.reason = reason
        self.version = version
        self.headers = headers


# In place of a head whose headers are elsewhere, so that an open stream does not hold them twice.
HEAD_TAKEN = Head(0, b"", b"", [])


class ResponseParser(ABC):
    """Reads one response.

    Args:
        bodiless: Whether the response has no body even if its head announces one, such as the answer to ``HEAD``.

    Attributes:
        head: The head, once it has been read; :data:`HEAD_TAKEN` after the owner has taken it.
        body: The pieces of the body that have not been taken.
        complete: Whether the body is complete after these pieces.
        reusable: Whether the connection may carry another request once the response is complete.
        problem: The reason why the response cannot be read further; empty if it can.
        started: Whether any byte of a response was read.
    """

    __slots__ = ("body", "complete", "head", "problem", "reusable", "started")

    def __init__(self, bodiless: bool) -> None:  # noqa: ARG002 - the parsers need it
        self.head: Head | None = None
        self.body: list[bytes] = []
        self.complete = False
        self.reusable = False
        self.problem = ""
        self.started = False

    @abstractmethod
    def feed(self, data: bytes | memoryview) -> None:
        """Take the next bytes, at least one."""

    @abstractmethod
    def end(self) -> None:
        """Take the end of the connection."""

    @abstractmethod
    def discard(self) -> None:
        """Free the parser, because the connection is closed or returned to the pool."""


@cache
def parser_class() -> type[ResponseParser]:
    """The fastest parser that can be imported."""
    try:
        from ._llhttp import LlhttpParser
    except ImportError:
        from ._h11 import H11Parser

        return H11Parser
    return LlhttpParser
