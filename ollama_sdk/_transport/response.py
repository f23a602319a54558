r"""Reads one HTTP/1.1 response, without I/O: bytes in, a head and pieces of body out.

Theory
------
A parser reads exactly one response (RFC 9112) and never raises for what a server sends. It is fed by the owner of the
connection and looked at by the same owner, so it needs no lock. Its attributes only ever move forward::

    nothing -> head -> pieces of body ... -> complete
         \________\________________________-> problem

``head`` is set once, by the final response; interim responses (1xx) are read and dropped. ``body`` holds the pieces
that the owner has not taken. ``complete`` and ``problem`` say what is true behind these pieces: the owner takes the
pieces first and looks at the two afterwards, so that everything that arrived whole is delivered before an error is.
``reusable`` has a meaning once the response is complete: whether the bytes read so far end exactly with it, and neither
side announced the end of the connection. A byte more, and the connection must not carry another request, because that
byte would become its reply.

Two parsers stand behind this interface. llhttp (httptools) is compiled and used wherever it can be imported; h11 is
written in Python and always there. Both accept folded header lines, ``\n`` as the end of a line of the head, a repeated
blank after a chunk size and ``Content-Length`` beside ``Transfer-Encoding: chunked`` (which then decides), and both
refuse control characters in headers, transfer codings other than ``chunked`` and heads beyond :data:`MAX_HEAD_BYTES`.
They differ in what no server sends: llhttp refuses a ``Content-Length`` that is repeated and versions other than 1.x,
and allows blank lines before a response.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from functools import cache
from typing import NamedTuple

__all__ = ["MAX_HEAD_BYTES", "NO_RESPONSE", "Head", "ResponseParser", "has_control_characters", "parser_class"]

# Of a head, of the trailers or of the extensions of a chunk: 100 KiB, as httpx grants.
MAX_HEAD_BYTES = 100 * 1024

NO_RESPONSE = "the server closed the connection without sending a response"

# Field values are visible characters, blanks, tabs and the bytes above ASCII (RFC 9110, section 5.5).
has_control_characters = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]").search


class Head(NamedTuple):
    """The status line and the headers of a response.

    Attributes:
        status: The status code.
        reason: The reason phrase.
        version: ``HTTP/1.1`` or ``HTTP/1.0``.
        headers: Names, spelled as they were sent, and values.
    """

    status: int
    reason: bytes
    version: bytes
    headers: list[tuple[bytes, bytes]]


class ResponseParser(ABC):
    """Reads one response.

    Args:
        bodiless: Whether the response has no body whatever its head says, as the answer to ``HEAD``.

    Attributes:
        head: The head, once it has been read.
        body: The pieces of the body that have not been taken.
        complete: Whether the body has ended well behind these pieces.
        reusable: Whether the connection may carry another request once the response is complete.
        problem: Why the response cannot be read any further; empty as long as it can.
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
        """Take the end of the connection: the server will send nothing more."""

    @abstractmethod
    def discard(self) -> None:
        """Let go of the parser: the connection is closed or given back."""


@cache
def parser_class() -> type[ResponseParser]:
    """The fastest parser that can be imported."""
    try:
        from ._llhttp import LlhttpParser
    except ImportError:
        from ._h11 import H11Parser

        return H11Parser
    return LlhttpParser
