"""Splits the bytes of a streamed body into the JSON text of its items, no matter in which chunks the bytes arrive."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

from ollama_sdk.errors import EXCERPT_LENGTH, DecodeError

from ._marks import MAX_ITEM_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DetectingFramer", "Framer", "NDJSONFramer", "NotAStreamError", "SSEFramer"]

_BOM = b"\xef\xbb\xbf"
_JSON_WHITESPACE = b" \t\r\n"
_CR = ord("\r")
_DATA = b"data: "
_MAX_CHARACTER_BYTES = 4
# The beginning of a body of server-sent events: a field or a comment.
_SSE_FIELD = re.compile(rb"(data|event|id|retry)?:|(data|event|id|retry)[\r\n]")
_SSE_BEGINNINGS = (b"data", b"event", b"id", b"retry", _BOM)


class NotAStreamError(DecodeError):
    """The body has none of the formats of streams."""


class Framer(Protocol):
    """Bytes in, items out.

    A payload is the JSON text of one item, without the whitespace around it; whitespace alone is not an item. Payloads are not
    parsed, and do not depend on how the body was split into chunks.

    Attributes:
        error: Set if an item is longer than the limit. The call that finds it still returns the items before it; every later
            call returns nothing.
        chosen: The framer to use after the first item: itself, or the one that it has detected.
    """

    @property
    def error(self) -> DecodeError | None:
        """The error that ended the items; ``None`` without one."""
        ...

    @property
    def chosen(self) -> Framer:
        """The framer to use after the first item."""
        ...

    def feed(self, data: bytes) -> Sequence[bytes]:
        """Take the next bytes of the body, and return the payloads that are complete now, in order."""
        ...

    def finish(self) -> Sequence[bytes]:
        """Take a clean end of the body; this never sets ``error``.

        Returns:
            The payload of an unterminated last item, if there is one. It may be incomplete, which the caller finds by parsing it.
        """
        ...


class _LineFramer(ABC):
    """The base of framers for formats made of lines.

    Subclasses cut reads that consist of whole items, as most do, at once; everything else goes line by line. Framing takes time
    linear in the bytes: only new bytes are searched, and an unfinished line grows in place.

    Args:
        max_item_bytes: The longest item accepted, in bytes.
    """

    _END: bytes  # of an item

    __slots__ = ("_at_start", "_is_idle", "_line", "_lines_bytes", "_max_item_bytes", "error")

    def __init__(self, max_item_bytes: int = MAX_ITEM_BYTES) -> None:
        self._max_item_bytes = max_item_bytes
        self._line = bytearray()  # the unfinished line
        self._lines_bytes = 0  # length of the finished lines of an unfinished item
        self._at_start = True  # whether a byte order mark may come
        self._is_idle = False  # past the start, between two items, without an error: the condition of the shortcuts
        self.error: DecodeError | None = None

    @property
    def chosen(self) -> Framer:
        return self

    def feed(self, data: bytes) -> Sequence[bytes]:
        length = len(self._END)
        end = data.rfind(self._END) + length
        if end < length:
            return self._feed_lines(data)
        start = 0 if self._is_idle else data.find(self._END) + length
        if start == 0 and end == len(data):  # whole items, but not of the usual form
            return self._feed_lines(data)
        return [*self._feed_lines(data[:start]), *self.feed(data[start:end]), *self._feed_lines(data[end:])]

    def _feed_lines(self, data: bytes) -> Sequence[bytes]:
        """As :meth:`feed`, line by line."""
        if not data or self.error is not None:
            return ()
        lines = self._split(data)
        rest = lines.pop()
        if lines and self._line:
            self._line += lines[0]
            lines[0] = bytes(self._line)
            self._line.clear()
        items: list[bytes] = []
        for received in lines:
            if self._lines_bytes + len(received) > self._max_item_bytes:
                self._refuse(received)
                return items
            line = received
            if self._at_start:
                self._at_start = False
                line = received.removeprefix(_BOM)
            if payload := self._take(line):
                items.append(payload)
        self._line += rest
        unfinished = self._lines_bytes + len(self._line)
        if unfinished > self._max_item_bytes:
            self._refuse(self._line)
        else:
            self._is_idle = not unfinished
        return items

    def finish(self) -> Sequence[bytes]:
        return self._feed_lines(b"\n\n")  # ends an unterminated line and an unterminated event

    def _refuse(self, beginning: bytes | bytearray) -> None:
        """Set the error of an item that is too long, and keep none of its bytes.

        Args:
            beginning: The beginning of the item, for the excerpt.
        """
        excerpt = bytes(beginning[: EXCERPT_LENGTH * _MAX_CHARACTER_BYTES]).decode(errors="replace")
        self.error = DecodeError(
            f"an item of the stream is longer than {self._max_item_bytes:,} bytes, the limit; the items before it were "
            "delivered; if items this long are expected, raise the limit with a larger `max_item_bytes`",
            excerpt=excerpt[:EXCERPT_LENGTH],
        )
        self._line = bytearray()
        self._is_idle = False

    @abstractmethod
    def _split(self, data: bytes) -> list[bytes]:
        """The lines of ``data`` without their ends; the last one is unfinished, and may be empty."""

    @abstractmethod
    def _take(self, line: bytes) -> bytes:
        """The payload of the item that ``line`` completes, or ``b""``."""


class NDJSONFramer(_LineFramer):
    r"""Newline-delimited JSON: one item a line.

    LF ends a line; a CR is whitespace within it, so CRLF works. A byte order mark at the very start is skipped.

    Args:
        max_item_bytes: The longest line accepted, in bytes as received, without its LF.
    """

    __slots__ = ()

    _END = b"\n"

    def feed(self, data: bytes) -> Sequence[bytes]:
        size = len(data)
        if not self._is_idle or size > self._max_item_bytes:
            return super().feed(data)
        if data.find(b"\n") == size - 1:  # one item, as most reads bring from a model
            payload = data.strip(_JSON_WHITESPACE)
            return (payload,) if payload else ()
        if not data.endswith(b"\n"):
            return super().feed(data)
        items: list[bytes] = []
        for line in data.split(b"\n"):
            if payload := line.strip(_JSON_WHITESPACE):
                items.append(payload)  # noqa: PERF401 - on Python 3.11 a comprehension is one more call
        return items

    def _split(self, data: bytes) -> list[bytes]:
        return data.split(b"\n")

    def _take(self, line: bytes) -> bytes:
        return line.strip(_JSON_WHITESPACE)


class SSEFramer(_LineFramer):
    """Server-sent events: one item an event, its payload the event's data.

    It follows the event stream interpretation of the WHATWG HTML standard (section 9.2.6), with two differences: at the end of
    the body an event counts without its closing blank line, because it may be complete; and payloads are JSON text, see
    :class:`Framer`. The fields ``event``, ``id`` and ``retry`` are ignored: Ollama repeats the name of an event as ``type`` in its
    JSON, and this client does not reconnect.

    Args:
        max_item_bytes: The longest event accepted: its ``data`` lines and any one other line, in bytes as received,
            without line ends.
    """

    __slots__ = ("_after_cr", "_data")

    _END = b"\n\n"

    def __init__(self, max_item_bytes: int = MAX_ITEM_BYTES) -> None:
        super().__init__(max_item_bytes)
        self._data: list[bytes] = []  # the values of the data lines of the unfinished event
        self._after_cr = False  # whether an LF that comes next belongs to the line end before it

    def feed(self, data: bytes) -> Sequence[bytes]:
        if (
            not (self._is_idle and data.endswith(b"\n\n") and len(data) <= self._max_item_bytes)
            or self._after_cr
            or _CR in data
        ):
            return super().feed(data)
        items: list[bytes] = []
        if data.startswith(_DATA) and b"\n" not in b"".join(texts := data[len(_DATA) : -2].split(b"\n\n" + _DATA)):
            for text in texts:  # each event is one line of data
                if payload := text.strip(_JSON_WHITESPACE):
                    items.append(payload)  # noqa: PERF401 - as for lines of JSON
            return items
        data_line = b""
        for line in data.split(b"\n"):
            if not line:
                if payload := data_line[5:].strip(_JSON_WHITESPACE):
                    items.append(payload)
                data_line = b""
            elif line.startswith(b"data:") and not data_line:
                data_line = line
            elif line.startswith(b"data"):  # several data lines, or one that lacks its colon
                return self._feed_lines(data)
        return items

    def _split(self, data: bytes) -> list[bytes]:
        if self._after_cr:
            data = data.removeprefix(b"\n")
        self._after_cr = data.endswith(b"\r")
        lines = data.splitlines()  # of bytes: at CR, LF and CRLF only
        if not data or data.endswith((b"\r", b"\n")):
            lines.append(b"")
        return lines

    def _take(self, line: bytes) -> bytes:
        if not line:  # the end of an event
            payload = b"\n".join(self._data).strip(_JSON_WHITESPACE)
            self._data.clear()
            self._lines_bytes = 0
            return payload
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._lines_bytes += len(line)
        return b""

    def _refuse(self, beginning: bytes | bytearray) -> None:
        super()._refuse(b"\n".join((*self._data, beginning)))
        self._data.clear()


class DetectingFramer:
    """Detects the format of a body by its first bytes, because Content-Type is often wrong.

    A JSON value begins newline-delimited JSON; a field or a comment begins server-sent events. Anything else is refused.

    Args:
        max_item_bytes: The longest item accepted, in bytes.
        content_type: The Content-Type of the body, for the error.
    """

    __slots__ = ("_beginning", "_content_type", "_error", "_found", "_max_item_bytes")

    def __init__(self, max_item_bytes: int = MAX_ITEM_BYTES, content_type: str = "") -> None:
        self._max_item_bytes = max_item_bytes
        self._content_type = content_type
        self._beginning = b""  # bytes that do not suffice to decide
        self._error: DecodeError | None = None
        self._found: Framer | None = None

    @property
    def chosen(self) -> Framer:
        return self._found or self

    @property
    def error(self) -> DecodeError | None:
        return self._error if self._found is None else self._found.error

    def feed(self, data: bytes) -> Sequence[bytes]:
        if self._found is None and self._error is None:
            data = self._beginning + data
            self._beginning = b""
            self._choose(data)
        return () if self._found is None else self._found.feed(data)

    def finish(self) -> Sequence[bytes]:
        return () if self._found is None else self._found.finish()

    def _choose(self, data: bytes) -> None:
        """Choose a framer or set the error; keep the bytes if they do not suffice to decide."""
        text = data.removeprefix(_BOM).lstrip(_JSON_WHITESPACE)  # both formats ignore blank lines
        if text.startswith((b"{", b"[", b'"')):
            self._found = NDJSONFramer(self._max_item_bytes)
        elif _SSE_FIELD.match(text):
            self._found = SSEFramer(self._max_item_bytes)
        elif any(beginning.startswith(text) for beginning in _SSE_BEGINNINGS):
            self._beginning = text
        else:
            self._refuse(text)

    def _refuse(self, text: bytes) -> None:
        excerpt = text[: EXCERPT_LENGTH * _MAX_CHARACTER_BYTES].decode(errors="replace")[:EXCERPT_LENGTH]
        label = self._content_type or "of no content type"
        self._error = NotAStreamError(
            f"the reply ({label}) is not a stream of JSON, it begins {excerpt!r}", excerpt=excerpt
        )
