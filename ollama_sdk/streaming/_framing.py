"""Cuts the bytes of a streamed body, however they were split on the way, into the JSON text of its items."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

from ollama_sdk.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MAX_ITEM_BYTES", "Framer", "NDJSONFramer", "SSEFramer"]

MAX_ITEM_BYTES = 64 * 2**20

_BOM = b"\xef\xbb\xbf"
_JSON_WHITESPACE = b" \t\r\n"
_CR = ord("\r")
_EXCERPT_CHARACTERS = 200
_MAX_CHARACTER_BYTES = 4


class Framer(Protocol):
    """Bytes in, items out.

    A payload is one item's JSON text without the whitespace around it; text that is only whitespace is no item.
    Payloads are not parsed, and do not depend on how the body was split.
    """

    @property
    def pending(self) -> int:
        """Bytes kept of an item that is not complete yet."""
        ...

    @property
    def refused(self) -> bool:
        """Whether an item is longer than the limit, so that the next call raises, whatever it is given."""
        ...

    def feed(self, data: bytes) -> Sequence[bytes]:
        """Take the next bytes of the body.

        Returns:
            The payloads that are complete now, in order.

        Raises:
            DecodeError: An item is longer than the limit and every item before it has been returned. Where ``data``
                completes items before the oversized one, they are returned and the next call raises.
        """
        ...

    def finish(self) -> Sequence[bytes]:
        """Take a clean end of the body.

        Returns:
            The payload of a last item that nothing terminated, if there is one. It may be cut short: whether it
            is whole JSON is for the caller to find out.

        Raises:
            DecodeError: As in :meth:`feed`.
        """
        ...


class _LineFramer(ABC):
    """A framer of a format whose items are made of lines.

    Costs time linear in the bytes: only new bytes are searched, and an unfinished line grows in place.
    """

    __slots__ = ("_at_start", "_held", "_idle", "_line", "_max_item_bytes", "_oversized")

    def __init__(self, max_item_bytes: int = MAX_ITEM_BYTES) -> None:
        self._max_item_bytes = max_item_bytes
        self._line = bytearray()  # of the unfinished line
        self._held = 0  # bytes of the finished lines that an unfinished item keeps
        self._at_start = True  # where a byte order mark is no part of the first line
        self._idle = False  # nothing kept, past the start, nothing refused: what the short cuts ask for
        self._oversized: bytes | None = None  # how the refused item begins

    @property
    def pending(self) -> int:
        return self._held + len(self._line)

    @property
    def refused(self) -> bool:
        return self._oversized is not None

    def feed(self, data: bytes) -> Sequence[bytes]:
        items = self._advance(data) if data and self._oversized is None else []
        if self._oversized is not None and not items:
            raise _oversize_error(self._oversized, self._max_item_bytes)
        return items

    def finish(self) -> Sequence[bytes]:
        return self.feed(b"\n\n")  # ends an unterminated line and an unterminated event

    def _advance(self, data: bytes) -> list[bytes]:
        lines = self._split(data)
        rest = lines.pop()
        if lines and self._line:
            self._line += lines[0]
            lines[0] = bytes(self._line)
            self._line.clear()
        items: list[bytes] = []
        for line in lines:
            if self._held + len(line) > self._max_item_bytes:
                self._refuse(line)
                return items
            if payload := self._take(self._without_bom(line) if self._at_start else line):
                items.append(payload)
        self._line += rest
        if self.pending > self._max_item_bytes:
            self._refuse(self._line)
        else:
            self._idle = not self.pending
        return items

    def _without_bom(self, line: bytes) -> bytes:
        self._at_start = False
        return line.removeprefix(_BOM)

    def _refuse(self, line: bytes | bytearray) -> None:
        self._oversized = bytes(line[: _EXCERPT_CHARACTERS * _MAX_CHARACTER_BYTES])
        self._line.clear()
        self._held = 0
        self._idle = False

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

    def feed(self, data: bytes) -> Sequence[bytes]:
        # The usual read, one whole line, takes this short cut.
        if self._idle and data.find(b"\n") == len(data) - 1 and len(data) <= self._max_item_bytes:
            payload = data.strip(_JSON_WHITESPACE)
            return (payload,) if payload else ()
        return super().feed(data)

    def _split(self, data: bytes) -> list[bytes]:
        return data.split(b"\n")

    def _take(self, line: bytes) -> bytes:
        return line.strip(_JSON_WHITESPACE)


class SSEFramer(_LineFramer):
    """Server-sent events: one item an event, its payload the event's data.

    Follows the event stream interpretation of the WHATWG HTML standard (section 9.2.6), with two differences: at the
    end of the body an event counts without its closing blank line, because what arrived whole is not to be lost; and
    payloads are JSON text, as :class:`Framer` says. ``event`` is not kept, because the JSON of every event that Ollama
    names repeats the name as ``type``; ``retry`` is not kept, because nothing here reconnects.

    Args:
        max_item_bytes: The longest event accepted: its ``data`` lines and any one other line, in bytes as received,
            without line ends.

    Attributes:
        last_event_id: The ``id`` in force at the last event that ended; ``""`` when there was none.
    """

    __slots__ = ("_after_cr", "_data", "_id", "last_event_id")

    def __init__(self, max_item_bytes: int = MAX_ITEM_BYTES) -> None:
        super().__init__(max_item_bytes)
        self._data: list[bytes] = []  # of the unfinished event, a value a line
        self._id = ""
        self._after_cr = False  # so that an LF that comes next belongs to the line end before it
        self.last_event_id = ""

    def feed(self, data: bytes) -> Sequence[bytes]:
        # The usual read, one whole event of one data line, perhaps with its name before it, takes this short cut.
        begin = data.find(b"\n") + 1 if data.startswith(b"event:") else 0
        if (
            self._idle
            and data.startswith(b"data:", begin)
            and data.find(b"\n", begin) == len(data) - 2
            and data.endswith(b"\n")
            and len(data) <= self._max_item_bytes
            and _CR not in data
        ):
            self._after_cr = False
            self.last_event_id = self._id
            payload = data[begin + 5 :].strip(_JSON_WHITESPACE)
            return (payload,) if payload else ()
        return super().feed(data)

    def _split(self, data: bytes) -> list[bytes]:
        if self._after_cr:
            data = data.removeprefix(b"\n")
        self._after_cr = data.endswith(b"\r")
        lines = data.splitlines()  # of bytes: at CR, LF and CRLF only
        if not data or data.endswith((b"\r", b"\n")):
            lines.append(b"")
        return lines

    def _take(self, line: bytes) -> bytes:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._held += len(line)
        elif name == b"id" and b"\0" not in value:
            self._id = value.removeprefix(b" ").decode(errors="replace")
        return b""

    def _dispatch(self) -> bytes:
        payload = b"\n".join(self._data).strip(_JSON_WHITESPACE)
        self._data.clear()
        self._held = 0
        self.last_event_id = self._id
        return payload

    def _refuse(self, line: bytes | bytearray) -> None:
        super()._refuse(b"\n".join((*self._data, line)))
        self._data.clear()


def _oversize_error(beginning: bytes, max_item_bytes: int) -> DecodeError:
    return DecodeError(
        f"An item of the stream is longer than {max_item_bytes:,} bytes, the limit. The items before it were delivered. "
        "If items this long are expected, raise the limit with a larger `max_item_bytes`.",
        excerpt=beginning.decode(errors="replace")[:_EXCERPT_CHARACTERS],
    )
